"""Named choices of a study: the YAML files of conf."""

import io
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from marketsim.errors import UnreadableFileError, unknown_name, unknown_parameter
from marketsim.parameters.settings import Settings

PACKAGE = Path(__file__).parents[1]
DEFAULTS = {"population": "wechat", "recovery": "mixture", "scenario": "baseline_2015"}
TRADE_POSTERIOR = "market_2015"  # of the parameters of trade
POSTERIOR = "calibration_2015"  # of the parameters of posting
LARGEST = 1 << 20  # bytes of a file
DEEPEST = 50  # brackets and indents within each other
OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
TEXTS = ("name", "about", "source", "until")  # keys of a choice whose values are texts
EMPTY = ("", "~", "null", "Null", "NULL")  # what YAML reads as nothing
# octal and hexadecimal numbers, underscores in numbers, base 60, and the booleans of YAML 1.1
MISREAD = re.compile(
    r"[+-]?(0[0-9_]+|0[box][0-9a-f_]+|[0-9]+_[0-9_.]*|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)"
    r"|y|yes|n|no|on|off",
    re.IGNORECASE,
)


def folder() -> Path:
    """Return the folder of the YAML files: in the package, or beside it in a checkout."""
    shipped = PACKAGE / "conf"
    return shipped if shipped.is_dir() else PACKAGE.parent / "conf"


def names(group: str) -> list[str]:
    """Return the choices of a group in alphabetical order."""
    return sorted(path.stem for path in (folder() / group).glob("*.yaml"))


def named(**choices: str) -> Settings:
    """Return the settings of named choices, as ``marketsim GROUP=NAME ...`` composes them.

    Parameters
    ----------
    **choices : str
        `population`, `recovery` and `scenario`; those not given are the defaults of the command.

    Raises
    ------
    InputError
        For a group or a name that does not exist.

    Examples
    --------
    >>> named(population="survey", scenario="no_crackdown").population.retailers
    1000
    """
    for group in choices:
        if group not in DEFAULTS:
            raise unknown_name("group", group, DEFAULTS)
    settings = Settings(posterior=POSTERIOR)
    for group, name in (DEFAULTS | choices).items():
        for key, value in choice(group, name).items():
            setattr(getattr(settings, group), key, deepcopy(value))
    return settings


@cache
def choice(group: str, name: str) -> dict[str, Any]:
    """Return what a named choice sets: keys of its group to values, with the types of the schema.

    Raises
    ------
    InputError
        For a name that does not exist, or a file with an unknown key or a value of the wrong type.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    if name not in names(group):
        raise unknown_name(group, name, names(group))
    file, schema = (
        folder() / group / f"{name}.yaml",
        OmegaConf.structured(getattr(Settings(), group)),
    )
    tree: Any = read(file)
    try:
        others = [other for other in tree.pop("defaults", []) if other != "_self_"]
        merged: Any = OmegaConf.merge(*(choice(group, other) for other in others), tree)
        for key in merged:
            if key not in schema:
                known = [f"{group}.{field}" for field in schema]
                raise unknown_parameter(f"{group}.{key}", merged[key], known)
        values: Any = OmegaConf.to_container(OmegaConf.merge(schema, merged))
    except (OmegaConfBaseException, TypeError, AttributeError) as fault:
        raise UnreadableFileError(group, file, str(fault).partition("\n")[0]) from None
    found = {key: values[key] for key in merged}
    if "interventions" in found:
        found["interventions"] = without_removed(found["interventions"])
    return found


def without_removed(interventions: dict[str, Any]) -> dict[str, Any]:
    """Return interventions without those that a file or an override has set to null."""
    return {name: entry for name, entry in interventions.items() if entry is not None}


def read(file: Path) -> Any:
    """Return the config of a YAML file, as every command, Python and the dashboard read it.

    Parameters
    ----------
    file : Path
        Of the package or of the user.

    Returns
    -------
    DictConfig

    Raises
    ------
    InputError
        For a file that cannot be read, is too large or too deep (a small one could fill all
        memory otherwise), has anchors or tags, a value that YAML reads otherwise than it looks,
        or an intervention without keys.
    """
    from omegaconf import OmegaConf

    try:
        text = _text(file)
        config: Any = OmegaConf.load(io.StringIO(text))
        node = yaml.compose(text, yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as fault:
        raise UnreadableFileError("file", file, " ".join(str(fault).split())) from None
    if not hasattr(config, "items"):
        raise UnreadableFileError("file", file, "YAML with lines KEY: VALUE is expected")
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value in TEXTS and isinstance(value, yaml.ScalarNode) and value.value not in EMPTY:
            config[key.value] = value.value  # as it is written: 1e3 and 2015.10 are texts there
    tree: Any = OmegaConf.to_container(config)
    entries = tree.get("interventions")
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        if entry == {}:
            remedy = f"{name} has no keys; write {name}: null to leave an inherited one out"
            raise UnreadableFileError("file", file, remedy)
    return config


def _text(file: Path) -> str:
    """Return the text of a YAML file that reads as it looks."""
    size, depth = file.stat().st_size, 0
    if size > LARGEST:
        raise UnreadableFileError("file", file, f"it has {size} bytes; at most {LARGEST}")
    text = file.read_text(encoding="utf-8")
    for token in yaml.scan(text):
        depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
        wrong = ""
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            wrong = "YAML without & and * is expected"
        elif isinstance(token, yaml.TagToken):
            wrong = "YAML without tags (!) is expected"
        elif isinstance(token, yaml.ScalarToken) and token.plain and MISREAD.fullmatch(token.value):
            wrong = f"{token.value} is not read as it looks; write a plain number, true, false or"
            wrong += f" '{token.value}'"
        elif depth > DEEPEST:
            wrong = f"at most {DEEPEST} levels are allowed"
        if wrong:
            line = int(token.start_mark.line) + 1
            raise UnreadableFileError("file", file, f"{wrong} (line {line})")
    return text
