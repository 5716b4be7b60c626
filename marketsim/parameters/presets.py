"""Named choices of a study: the YAML files of conf."""

import io
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from marketsim.errors import UnreadableFileError, unknown_name, unknown_parameter
from marketsim.parameters.settings import Settings, is_name

PACKAGE = Path(__file__).parents[1]
DEFAULTS = {
    "population": "wechat",
    "recovery": "mixture",
    "motive": "learned",
    "prices": "expectations",
    "buyers": "segmented",
    "upstream": "hubs",
    "institutions": "actors",
    "scenario": "baseline_2015",
}
TRADE_POSTERIOR = "market_2015"  # of the parameters of trade
POSTERIOR = "calibration_2015"  # of the parameters of posting
CYCLE = "the files of defaults name each other"
NULL = "tag:yaml.org,2002:null"
LARGEST = 1 << 20  # bytes of a file
DEEPEST = 50  # brackets and indents within each other
OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
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
    """Return the settings of named choices, as ``marketsim GROUP=NAME panel=new`` composes them.

    Parameters
    ----------
    **choices : str
        `population`, `recovery`, `motive`, `prices`, `buyers` and `scenario`; those not given are
        the defaults of the command.

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
    try:
        tree: Any = read(file, group)
        others = [other for other in tree.pop("defaults", []) if other != "_self_"]
        merged: Any = OmegaConf.merge(*(choice(group, other) for other in others), tree)
        for key in merged:
            if key not in schema:
                known = [f"{group}.{field}" for field in schema]
                raise unknown_parameter(f"{group}.{key}", merged[key], known)
        values: Any = OmegaConf.to_container(OmegaConf.merge(schema, merged))
    except RecursionError:
        raise UnreadableFileError(group, file, CYCLE) from None
    except (OmegaConfBaseException, TypeError, AttributeError) as fault:
        raise UnreadableFileError(group, file, str(fault).partition("\n")[0]) from None
    found = {key: values[key] for key in merged}
    if "interventions" in found:
        found["interventions"] = without_removed(found["interventions"])
    return found


def without_removed(interventions: dict[str, Any]) -> dict[str, Any]:
    """Return interventions without those that a file or an override has set to null."""
    return {name: entry for name, entry in interventions.items() if entry is not None}


def read(file: Path, group: str) -> Any:
    """Return the config of a YAML file, as every command, Python and the dashboard read it.

    A key of type text has the text as it is written: ``about: 2015.10`` is no number.

    Parameters
    ----------
    file : Path
        Of the package or of the user.
    group : str
        The group that it is a choice of; another file is no choice.

    Returns
    -------
    DictConfig

    Raises
    ------
    InputError
        For a file that cannot be read, is too large or too deep (a small one could fill all
        memory otherwise), or that two readers of YAML or of defaults could read differently.
    """
    from omegaconf import OmegaConf

    try:
        text = _text(file)
        root = yaml.compose(text)
        if not isinstance(root, yaml.MappingNode):
            raise UnreadableFileError("file", file, "YAML with lines KEY: VALUE is expected")
        config: Any = OmegaConf.load(io.StringIO(_quoted(file, text, root, group)))
    except RecursionError:  # not of brackets, whose number is limited
        raise UnreadableFileError("file", file, CYCLE) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise UnreadableFileError("file", file, " ".join(str(fault).split())) from None
    if group in DEFAULTS:
        tree: Any = OmegaConf.to_container(config)
        _check_choice(file, group, tree)
    return config


def _types(group: str) -> dict[str, Any]:
    """Return the types of the keys of a group that are no numbers."""
    known = {item.name: item for item in fields(getattr(Settings(), group))} if group else {}
    return {key: item.type for key, item in known.items() if item.type not in (int, float, bool)}


def _quoted(file: Path, text: str, root: yaml.MappingNode, group: str) -> str:
    """Return the text of a YAML file with quotes around the values of its text keys.

    Raises
    ------
    InputError
        For a value of another type, or one that is not read as it looks.
    """
    texts, types = [], _types(group)
    for key, value in root.value:
        kind = types.get(key.value) if isinstance(key, yaml.ScalarNode) else None
        is_text = isinstance(value, yaml.ScalarNode) and value.tag != NULL
        if kind is str and is_text and value.style is None:
            texts.append(value)
        expected = ""
        if kind is str and not is_text:
            expected = "a text is expected; '' is an empty one"
        elif kind in (list[str], list[float]) and not isinstance(value, yaml.SequenceNode):
            expected = f"a list is expected, such as [{getattr(value, 'value', None) or 'A, B'}]"
        elif kind == dict[str, Any] and not isinstance(value, yaml.MappingNode):
            expected = "lines NAME: {KEY: VALUE} are expected"
        if expected:
            raise _refused(file, f"{key.value}: {expected}", value)
    for node in _scalars(root):
        remedy = ""
        if node.style is None and node not in texts and MISREAD.fullmatch(node.value):
            remedy = f"{node.value} is not read as it looks; write a plain number, true, false or"
            remedy += f" '{node.value}'"
        elif file.parent != folder() and ("${" in node.value or node.value == "???"):
            remedy = f"{node.value}: a plain value is expected; "
            remedy += "${...} works on the command line only"
        if remedy:
            raise _refused(file, remedy, node)
    for node in sorted(texts, key=lambda node: node.start_mark.index, reverse=True):
        quoted = "'" + node.value.replace("'", "''") + "'"
        text = text[: node.start_mark.index] + quoted + text[node.end_mark.index :]
    return text


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield the scalars of a YAML file, keys too."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    for one in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in one if isinstance(one, tuple) else (one,):
            yield from _scalars(part)


def _check_choice(file: Path, group: str, tree: dict[str, Any]) -> None:
    """Refuse a choice under another name than its file, or one that does not add to its bases."""
    if "name" in _types(group) and tree.get("name") != file.stem:
        raise UnreadableFileError("file", file, f"write name: {file.stem}, the name of the file")
    bases = tree.get("defaults", [])
    is_plain = isinstance(bases, list) and all(isinstance(one, str) for one in bases)
    if is_plain and "_self_" in bases:
        is_plain = bases.index("_self_") == len(bases) - 1
    bases = [one for one in bases if one != "_self_"] if is_plain else []
    if not is_plain or not all(map(is_name, bases)) or file.stem in bases:
        remedy = f"defaults: names of other files of {group} are expected, then _self_"
        raise UnreadableFileError("file", file, remedy)
    entries = tree.get("interventions")
    if bases and entries == {}:
        remedy = "interventions has no keys; write NAME: null for each that is left out"
        raise UnreadableFileError("file", file, remedy)
    for name, entry in (entries or {}).items():
        if not isinstance(name, str):
            remedy = (
                f"interventions: {name} is a number; names have letters a to z, digits, _ and -"
            )
            raise UnreadableFileError("file", file, remedy)
        if entry == {}:
            remedy = f"{name} has no keys; write {name}: null to leave an inherited one out"
            raise UnreadableFileError("file", file, remedy)
    removed = {name for name, entry in (entries or {}).items() if entry is None}
    for name in removed - _inherited(file, group, bases) if removed else ():
        remedy = f"{name}: null leaves nothing out, since no file of defaults has {name}"
        raise UnreadableFileError("file", file, remedy)


def _inherited(file: Path, group: str, bases: list[str]) -> set[str]:
    """Return the names of the interventions that the files of defaults have."""
    found: set[str] = set()
    for base in bases:
        shipped = folder() / group / f"{base}.yaml"
        other = shipped if shipped.is_file() else file.with_name(f"{base}.yaml")
        tree: Any = read(other, group)
        others = [one for one in tree.get("defaults", ()) if one != "_self_"]
        found |= _inherited(other, group, others)
        entries = tree.get("interventions") or {}
        found = (found | {*entries}) - {name for name in entries if entries[name] is None}
    return found


def _text(file: Path) -> str:
    """Return the text of a YAML file without anchors, tags and too many levels."""
    size, depth = file.stat().st_size, 0
    if size > LARGEST:
        raise UnreadableFileError("file", file, f"it has {size} bytes; at most {LARGEST}")
    text = file.read_text(encoding="utf-8-sig")
    if re.search(r"^\s*#\s*@package", text, re.MULTILINE):
        raise UnreadableFileError("file", file, "a file without @package is expected")
    for token in yaml.scan(text):
        depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            raise _refused(file, "YAML without & and * is expected", token)
        if isinstance(token, yaml.TagToken):
            raise _refused(file, "YAML without tags (!) is expected", token)
        if depth > DEEPEST:
            raise _refused(file, f"at most {DEEPEST} levels are allowed", token)
    return text


def _refused(file: Path, remedy: str, at: yaml.Token | yaml.Node) -> UnreadableFileError:
    return UnreadableFileError("file", file, f"{remedy} (line {at.start_mark.line + 1})")
