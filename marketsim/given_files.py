"""Config files of the user's, or of somebody else's: plain YAML of a modest size, and no more.

They are read from the folder that ``--config-dir`` names. Such a file sets keys of its own group.
It names no class and no function, it cannot reach Hydra's own settings, and nothing in it is
looked up in the environment: `door.py` holds every composed config to that.
"""

import os
from typing import Any

import yaml
from hydra._internal.core_plugins.file_config_source import FileConfigSource

from marketsim.errors import InputError

LARGEST = 1 << 20  # bytes
DEEPEST = 50  # brackets and indents within each other
OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


class GivenFiles(FileConfigSource):
    """A folder of files that are looked at before Hydra loads them."""

    @staticmethod
    def scheme() -> str:
        """Return how the search path says that a folder is of this kind."""
        return "given"

    def load_config(self, config_path: str) -> Any:
        """Load a file, or refuse it in one line."""
        path = os.path.join(self.path, self._normalize_file_name(config_path))  # noqa: PTH118
        try:
            check(path)
            found = super().load_config(config_path)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as fault:
            told = " ".join(str(fault).split())
            raise InputError("file", path, f"a file of YAML ({told})") from None
        if not hasattr(found.config, "items"):
            raise InputError("file", path, "a file of YAML with lines KEY: VALUE")
        return found


def check(path: str) -> None:
    """Refuse a file that is too large, too deep, or that says one thing by another's name.

    Raises
    ------
    InputError
        For such a file: what is small on disk could fill all memory otherwise.
    """
    size, depth = os.stat(path).st_size, 0  # noqa: PTH116
    if size > LARGEST:
        raise InputError("file", path, f"a file of at most {LARGEST:,} bytes (it has {size:,})")
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        for token in yaml.scan(stream):
            depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
                raise InputError("file", path, f"YAML without & and * (line {_line(token)})")
            if isinstance(token, yaml.TagToken):
                raise InputError("file", path, f"YAML without tags, ! (line {_line(token)})")
            if depth > DEEPEST:
                raise InputError("file", path, f"at most {DEEPEST} levels (line {_line(token)})")


def _line(token: Any) -> int:
    return int(token.start_mark.line) + 1
