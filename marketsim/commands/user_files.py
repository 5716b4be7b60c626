"""Config files of the package and of the user (``--config-dir``), as Hydra reads them."""

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
YAML = re.compile(r"([^.].*?)\.ya?ml(\.txt)?", re.IGNORECASE)  # of editors that add an ending, too


class CheckedFiles(ConfigSource):
    """A folder of config files that `presets.read` reads, as it does outside Hydra."""

    @staticmethod
    def scheme() -> str:
        """Return the prefix of such folders on the search path."""
        return "marketsim"

    def load_config(self, config_path: str) -> ConfigResult:
        """Load a file, or refuse it."""
        path, group = self._file(config_path), config_path.rpartition("/")[0]
        config = presets.read(path, group if group in presets.DEFAULTS else "")
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


class CheckedFolders(SearchPathPlugin):
    """The folders of the package and of the user on Hydra's search path, in this order."""

    folders: tuple[Path, ...] = ()

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Put the folders before any other place."""
        for folder in reversed(self.folders):
            search_path.prepend(PROVIDER, f"{CheckedFiles.scheme()}://{folder.absolute()}")


@contextmanager
def on_search_path(folder: str | None) -> Iterator[None]:
    """Let Hydra find the config files of the package, and those of a folder, if any.

    Raises
    ------
    InputError
        For a folder that does not exist, has no choices or settings of Hydra itself, or a file that
        would not be used as it is.
    """
    if folder is not None:
        _check_folder(Path(folder))
    Plugins.instance().register(CheckedFiles)
    Plugins.instance().register(CheckedFolders)
    mine = [] if folder is None else [Path(folder)]
    CheckedFolders.folders = (presets.folder(), *mine)
    try:
        yield
    finally:
        CheckedFolders.folders = ()


def _check_folder(folder: Path) -> None:
    """Refuse a folder with a file that would not be used as it is."""
    if not folder.is_dir() or (folder / "hydra").exists():
        raise InputError(PROVIDER, folder, "a folder of config files, without hydra/")
    for path in sorted(folder.iterdir()):
        near = difflib.get_close_matches(path.name, presets.DEFAULTS, 1)
        if path.is_dir() and near and path.name not in presets.DEFAULTS:
            raise UnreadableFileError("folder", path, f"rename it to {near[0]}")
    for place in (folder, *(folder / group for group in presets.DEFAULTS)):
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            named = YAML.fullmatch(file.name) if file.is_file() else None
            if named and file.suffix != ".yaml" and place != folder:
                raise UnreadableFileError("file", file, f"rename it to {named[1]}.yaml")
            shipped = presets.folder() / file.relative_to(folder)
            if named and shipped.is_file() and _content(file) != _content(shipped):
                allowed = (
                    "it has the name of a shipped file, which would be used instead; rename it"
                )
                raise UnreadableFileError("file", file, allowed)
    if not any((folder / group).is_dir() for group in presets.DEFAULTS):
        groups = " or ".join(f"{group}/" for group in presets.DEFAULTS)
        raise InputError(PROVIDER, folder, f"the folder that has {groups}, with files in it")


def _content(file: Path) -> bytes:
    """Return the bytes of a text file, whatever ends its lines."""
    return file.read_bytes().replace(b"\r\n", b"\n")


def check_packages(loader: ConfigLoader, name: str, words: Sequence[str]) -> None:
    """Refuse a config file that sets keys of another group than its own.

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
