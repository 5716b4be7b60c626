"""Config files of the user: the folder of ``--config-dir``, checked before Hydra reads it."""

import difflib
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

from marketsim.errors import InputError, UnreadableFileError
from marketsim.parameters import presets

PROVIDER = "--config-dir"  # of the files on Hydra's search path


class UserFiles(ConfigSource):
    """A folder of config files that are checked before they are loaded."""

    @staticmethod
    def scheme() -> str:
        """Return the prefix of such folders on the search path."""
        return "user"

    def load_config(self, config_path: str) -> ConfigResult:
        """Load a file, or refuse it."""
        path = self._file(config_path)
        config = presets.read(path)
        return ConfigResult(
            config=config,
            path=self.full_path(),
            provider=self.provider,
            header=self._get_header_dict(path.read_text(encoding="utf-8")[:512]),
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
    if folder is not None:
        _check_folder(Path(folder))
    Plugins.instance().register(UserFiles)
    Plugins.instance().register(UserFolder)
    UserFolder.folder = None if folder is None else Path(folder)
    try:
        yield
    finally:
        UserFolder.folder = None


def _check_folder(folder: Path) -> None:
    """Refuse a folder with a file that would not be used as it is."""
    if not folder.is_dir() or (folder / "hydra").exists():
        raise InputError(PROVIDER, folder, "a folder of config files, without hydra/")
    for path in sorted(folder.iterdir()):
        near = difflib.get_close_matches(path.name, presets.DEFAULTS, 1)
        if path.is_dir() and near and path.name not in presets.DEFAULTS:
            raise UnreadableFileError("folder", path, f"rename it to {near[0]}")
    for place in (folder, *(folder / group for group in presets.DEFAULTS)):
        for file in sorted(place.glob("*.y*ml")):
            if file.suffix == ".yml" and place != folder:
                raise UnreadableFileError("file", file, f"rename it to {file.stem}.yaml")
            shipped = presets.folder() / file.relative_to(folder)
            if shipped.is_file() and file.read_bytes() != shipped.read_bytes():
                allowed = (
                    "it has the name of a shipped file, which would be used instead; rename it"
                )
                raise UnreadableFileError("file", file, allowed)


def _as_yaml(text: Any) -> Any:
    """Return what YAML makes of a plain text."""
    try:
        return yaml.safe_load(text) if isinstance(text, str) and text.strip() else text
    except yaml.YAMLError:
        return text


def check_choices(loader: ConfigLoader, name: str, words: Sequence[str], config: Any) -> None:
    """Refuse a config file that is not used as its reader expects.

    Parameters
    ----------
    loader : ConfigLoader
        Hydra's loader.
    name : str
        Name of the main config.
    words : sequence of str
        Overrides.
    config : DictConfig
        As composed.

    Raises
    ------
    InputError
        For a file that says `@package`, in whatever way, or that chooses for Hydra itself; for one
        that YAML reads otherwise than it looks; and for a choice under another name than its file.
    """
    is_named = {word.lstrip("+~").partition("=")[0] for word in words}
    for one in loader.compute_defaults_list(name, list(words), RunMode.RUN).defaults:
        group = one.config_path.rpartition("/")[0]
        shipped = presets.folder() / f"{one.config_path}.yaml"
        if group in presets.DEFAULTS and shipped.is_file():
            # Hydra has read it already, without the checks, and texts perhaps as numbers
            read = presets.read(shipped)
            for key in presets.TEXTS:
                said = config[group].get(key) if key in read else None
                if said is not None and said == str(_as_yaml(read[key])):
                    config[group][key] = read[key]
        if group in presets.DEFAULTS and one.parent == name and f"{group}.name" not in is_named:
            file = one.config_path.rpartition("/")[2]
            if "name" in config[group] and config[group].name != file:
                allowed = f"{file}, the name of the file"
                raise InputError(f"{group}.name", config[group].name, allowed)
        foreign = one.parent.partition("/")[0] not in (name, "hydra", "<root>")
        if group.partition("/")[0] == "hydra":
            wrong = foreign
        else:
            wrong = one.package != group.replace("/", ".")
        if wrong and one.config_path != name:
            allowed = f"a file that sets keys of {group.partition('/')[0]} only (no @package)"
            raise InputError(group or "file", one.config_path, allowed)
