"""Config files of the user: the folder of ``--config-dir``, checked before Hydra reads it."""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import OmegaConf

from marketsim.errors import InputError, UnreadableFileError

PROVIDER = "--config-dir"  # of the files on Hydra's search path
LARGEST = 1 << 20  # bytes
DEEPEST = 50  # brackets and indents within each other
OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


class UserFiles(ConfigSource):
    """A folder of config files that are checked before they are loaded."""

    @staticmethod
    def scheme() -> str:
        """Return the prefix of such folders on the search path."""
        return "user"

    def load_config(self, config_path: str) -> ConfigResult:
        """Load a file, or refuse it."""
        path = self._file(config_path)
        try:
            text = read_yaml(path)
            config: Any = OmegaConf.load(io.StringIO(text))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as fault:
            raise UnreadableFileError("file", path, " ".join(str(fault).split())) from None
        if not hasattr(config, "items"):
            raise UnreadableFileError("file", path, "YAML with lines KEY: VALUE is expected")
        return ConfigResult(
            config=config,
            path=self.full_path(),
            provider=self.provider,
            header=self._get_header_dict(text[:512]),
        )

    def available(self) -> bool:
        """Return whether the folder exists."""
        return self.is_group("")

    def is_group(self, config_path: str) -> bool:
        """Return whether there is a folder of choices by that name."""
        return (Path(self.path) / config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Return whether there is a file by that name."""
        return self._file(config_path).is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the names of files and folders in a folder."""
        found: list[str] = []
        for name in os.listdir(Path(self.path) / config_path):  # noqa: PTH208
            self._list_add_result(found, str(Path(config_path) / name), name, results_filter)
        return sorted(set(found))

    def _file(self, config_path: str) -> Path:
        return Path(self.path) / self._normalize_file_name(config_path)


class UserFolder(SearchPathPlugin):
    """The user's folder on Hydra's search path, after the files of the package."""

    folder: Path | None = None

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folder."""
        if self.folder is not None:
            search_path.append(PROVIDER, f"{UserFiles.scheme()}://{self.folder.absolute()}")


@contextmanager
def on_search_path(folder: str | None) -> Iterator[None]:
    """Let Hydra find the config files of a folder, if any.

    Raises
    ------
    InputError
        For a folder that does not exist or holds settings of Hydra itself.
    """
    if folder is not None and (not Path(folder).is_dir() or (Path(folder) / "hydra").exists()):
        raise InputError("--config-dir", folder, "a folder of config files, without hydra/")
    Plugins.instance().register(UserFiles)
    Plugins.instance().register(UserFolder)
    UserFolder.folder = None if folder is None else Path(folder)
    try:
        yield
    finally:
        UserFolder.folder = None


def check_packages(loader: ConfigLoader, name: str, words: Sequence[str]) -> None:
    """Refuse a config file of the user's that would set keys outside its own group.

    Parameters
    ----------
    loader : ConfigLoader
        Hydra's loader.
    name : str
        Name of the main config.
    words : sequence of str
        Overrides.

    Raises
    ------
    InputError
        For a file that says `@package`, in whatever way, or that chooses for Hydra itself.
    """
    if all(place.provider != PROVIDER for place in loader.get_search_path().get_path()):
        return
    for one in loader.compute_defaults_list(name, list(words), RunMode.RUN).defaults:
        group = one.config_path.rpartition("/")[0]
        foreign = one.parent.partition("/")[0] not in (name, "hydra", "<root>")
        if group.partition("/")[0] == "hydra":
            wrong = foreign
        else:
            wrong = one.package != group.replace("/", ".")
        if wrong and one.config_path != name:
            allowed = f"a file that sets keys of {group.partition('/')[0]} only (no @package)"
            raise InputError(group or "file", one.config_path, allowed)


def read_yaml(path: Path) -> str:
    """Return the text of a file, unless it is too large, too deep, or has anchors or tags.

    Raises
    ------
    InputError
        For such a file: a small one could fill all memory otherwise.
    """
    size, depth = path.stat().st_size, 0
    if size > LARGEST:
        allowed = f"it has {size} bytes; at most {LARGEST} are allowed"
        raise UnreadableFileError("file", path, allowed)
    text = path.read_text(encoding="utf-8")
    for token in yaml.scan(text):
        depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
        wrong = ""
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            wrong = "YAML without & and * is expected"
        elif isinstance(token, yaml.TagToken):
            wrong = "YAML without tags (!) is expected"
        elif depth > DEEPEST:
            wrong = f"at most {DEEPEST} levels are allowed"
        if wrong:
            line = int(token.start_mark.line) + 1
            raise UnreadableFileError("file", path, f"{wrong} (line {line})")
    return text
