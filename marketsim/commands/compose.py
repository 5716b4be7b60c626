"""The door for input: Hydra composes it, and what is wrong with it is refused in one line."""

import contextlib
import io
import os
import re
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml
from hydra._internal.core_plugins.file_config_source import FileConfigSource

from marketsim.errors import InputError, one_of, span
from marketsim.parameters import overrides, presets
from marketsim.parameters.settings import check

GIVEN = "--config-dir"  # who gives the files of a folder on Hydra's search path
PATHS = ("output", "classes")  # may hold whatever the names of files do
INTERVENTIONS = "scenario.interventions"
# Flags of Hydra's that tell something; those that would run what a file says are refused.
TELLING = ("cfg", "hydra_help", "info", "shell_completion")
REFUSED = ("experimental_rerun", "config_path", "config_name")


def compose(arguments: list[str], name: str, schema: Any, work: Callable[[Any], None]) -> None:
    """Compose a config and hand it to the work as checked objects; a sweep does so job by job.

    Parameters
    ----------
    arguments : list of str
        Overrides and flags in Hydra's grammar.
    name : str
        The config's file, and what the schema is called in it with ``_schema`` after it.
    schema : type
        Dataclass of everything the config may hold.
    work : callable
        Called with an object of the schema.

    Raises
    ------
    InputError
        For anything that is not understood, before anything is written.
    """
    given = flags(arguments)
    if given.multirun:
        raise InputError("flag", "--multirun", "marketsim run -m; nothing else sweeps")
    asked = [flag for flag in TELLING if getattr(given, flag)]
    if len(asked) > 1 or (("cfg" not in asked) and (given.resolve or given.package)):
        allowed = "one of --cfg, --hydra-help, --info, --shell-completion; --resolve after --cfg"
        raise InputError("flag", " ".join(arguments), allowed)
    if asked:
        _told_by_hydra(given, name, schema)
    else:
        work(composed(given.overrides, name, schema, given.config_dir))


def composed(words: Sequence[str], name: str, schema: Any, folder: str | None = None) -> Any:
    """Compose a config from overrides, without running anything; see `compose`.

    Hydra only composes: nothing of its own settings, which could name what to build and run, is
    looked at. `folder` holds config files of the user's.
    """
    from hydra.types import RunMode
    from omegaconf import open_dict

    for word in words:
        if word.lstrip("+~").startswith("hydra"):
            key, _, value = word.lstrip("+~").partition("=")
            raise InputError(key, value, "nothing of Hydra's own; with -m hydra/launcher alone")
    store_schema(name, schema)
    try:
        loader = composer(folder).config_loader
        config = loader.load_configuration(name, list(words), RunMode.RUN)
        check_files(loader, name, words)
        with open_dict(config):
            del config["hydra"]
    except Exception as fault:  # whatever stops a config from being composed stands in the words
        raise as_input_error(fault, words, schema) from None
    return checked(config, schema, words)


def checked(config: Any, schema: Any, words: Sequence[str]) -> Any:
    """Return a composed config as checked objects.

    Parameters
    ----------
    config : DictConfig
        As composed, without Hydra's own group.
    schema : type
        Dataclass of everything the config may hold.
    words : sequence of str
        The overrides it was composed with; a parameter given by one is held.

    Raises
    ------
    InputError
        For a key that does not exist, or a value of another type or outside its range.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from marketsim.parameters import posterior, priors

    named = {word.lstrip("+").partition("=")[0] for word in words}
    try:
        tree: Any = OmegaConf.to_container(config)
        _check_keys(tree, schema, schema, "")
        _check_texts(tree, named)
        out: Any = OmegaConf.to_object(config)
    except OmegaConfBaseException as fault:
        raise as_input_error(fault, words, schema) from None
    if out.classes and "classes" not in named:
        allowed = "given on the command line: a file runs only where the user names it"
        raise InputError("classes", out.classes, allowed)
    if out.posterior != posterior.NONE:
        out.held = sorted({*out.held, *(named & set(priors.everything()))})
    check(out)
    return out


def _check_keys(tree: Any, group: Any, schema: Any, prefix: str) -> None:
    """Refuse keys that were appended to the schema with a plus sign."""
    known = {item.name: item for item in fields(group)}
    for name in known.keys() - tree.keys():
        raise InputError(f"~{prefix}{name}", "left out", f"~{INTERVENTIONS}.NAME, and no other")
    for name, value in tree.items():
        if name not in known:
            raise InputError(f"{prefix}{name}", value, _allowed(f"{prefix}{name}", schema))
        if is_dataclass(known[name].default_factory):
            _check_keys(value, known[name].default_factory, schema, f"{prefix}{name}.")


def _check_texts(tree: Any, named: set[str]) -> None:
    """Refuse a text that no file can hold, and a value of a file that is to be looked up."""
    mine = {*named} - {*presets.DEFAULTS}
    for key, value in overrides.flat(tree).items():
        if key not in PATHS and any("\ud800" <= letter <= "\udfff" for letter in str(value)):
            raise InputError(key, value, "a text in UTF-8")
        if "${" in str(value) and not any(f"{key}.".startswith(f"{word}.") for word in mine):
            raise InputError(key, value, "a value as it stands; ${...} counts on the command line")


def composer(folder: str | None = None) -> Any:
    """Return Hydra with the config files of the package, and those of a folder of the user's."""
    from hydra import version
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.hydra import Hydra
    from hydra._internal.sources_registry import SourcesRegistry
    from hydra._internal.utils import create_config_search_path
    from hydra.core.config_search_path import SearchPathQuery

    pass

    version.setbase("1.3")
    places = create_config_search_path(str(presets.folder()))
    if folder is not None:
        if not Path(folder).is_dir() or (Path(folder) / "hydra").exists():
            raise InputError("--config-dir", folder, "a folder of config files, without hydra/")
        SourcesRegistry.instance().register(GivenFiles)
        path = f"{GivenFiles.scheme()}://{Path(folder).absolute()}"
        places.prepend(GIVEN, path, SearchPathQuery(provider="schema"))
    return Hydra("marketsim", ConfigLoaderImpl(places))


def check_files(loader: Any, name: str, words: Sequence[str]) -> None:
    """Refuse a config file of the user's that would set keys outside its own group.

    Raises
    ------
    InputError
        For a file that says `@package`, in whatever way, or that chooses for Hydra itself.
    """
    from hydra.types import RunMode

    if all(place.provider != GIVEN for place in loader.get_search_path().get_path()):
        return
    for one in loader.compute_defaults_list(name, list(words), RunMode.RUN).defaults:
        group = one.config_path.rpartition("/")[0]
        foreign = one.parent.partition("/")[0] not in (name, "hydra", "<root>")
        if group.partition("/")[0] == "hydra":
            wrong = foreign
        else:
            wrong = one.package != group.replace("/", ".")
        if wrong and one.config_path != name:
            allowed = f"a file that sets keys of {group.partition('/')[0]} alone (no @package)"
            raise InputError(group or "file", one.config_path, allowed)


def _told_by_hydra(given: Namespace, name: str, schema: Any) -> None:
    """Let Hydra show a config, itself, or complete a word."""
    from hydra._internal.utils import get_args_parser

    store_schema(name, schema)
    words = given.overrides
    try:
        hydra = composer(given.config_dir)
        if given.cfg:
            with contextlib.redirect_stderr(io.StringIO()):  # what it says of a package not there
                hydra.show_cfg(name, words, given.cfg, given.package, given.resolve)
        elif given.info:
            hydra.show_info(given.info, name, words)
        elif given.shell_completion:
            hydra.shell_completion(name, words)
        else:
            hydra.hydra_help(name, get_args_parser(), Namespace(overrides=[]))
    except SystemExit:
        raise InputError("--package", given.package, "a group of the config") from None
    except Exception as fault:
        raise as_input_error(fault, words, schema) from None


def store_schema(name: str, schema: Any) -> None:
    """Give Hydra the schema of a config; the config's file names it with ``_schema`` after it."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name=f"{name}_schema", node=schema)


def flags(arguments: list[str]) -> Namespace:
    """Return the flags and overrides; those Hydra does not know are refused in one line."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    actions = [action for action in parser._actions if action.dest not in REFUSED]
    known = ", ".join(sorted(word for action in actions for word in action.option_strings))

    def refuse(message: str) -> NoReturn:
        raise InputError("flag", message, known)

    parser.error = refuse  # type: ignore[method-assign]
    known_flags = parser.parse_intermixed_args(arguments)
    for name in REFUSED:
        if getattr(known_flags, name) is not None:
            refuse(f"--{name.replace('_', '-')}")
    bare = [word for word in known_flags.overrides if "=" not in word and word[:1] != "~"]
    if bare:
        allowed = "a subcommand first, then KEY=VALUE; marketsim --help lists both"
        raise InputError("word", " ".join(bare), allowed)
    for word in arguments:
        key, _, value = word.lstrip("+").partition("=")
        if "_target_" in word:  # what Hydra builds an object of
            raise InputError(key, value, "a value, and no _target_")
        if key == INTERVENTIONS and value.startswith("{"):  # Hydra would merge, not replace
            allowed = f"{INTERVENTIONS}.NAME.KEY=VALUE, or ~{INTERVENTIONS}.NAME to leave one out"
            raise InputError(key, value, allowed)
    known_flags.overrides = [_quoted(word) for word in known_flags.overrides]
    return known_flags


def _quoted(word: str) -> str:
    """Quote a plain value of other letters than English ones, which Hydra's grammar asks for."""
    key, mark, value = word.partition("=")
    is_plain = not value.isascii() and not set(value) & set("'\"\\[]{}(),$")
    return f"{key}={overrides.word(value)}" if mark and is_plain else word


def as_input_error(fault: Exception, words: Sequence[str], schema: Any) -> Exception:
    """Turn what Hydra and OmegaConf say in several lines into key, value and what is allowed.

    What is so already, and a fault of the disk, stays as it is.
    """
    from hydra.errors import HydraException

    if isinstance(fault, InputError | OSError) and not isinstance(fault, HydraException):
        return fault
    message = f"{fault}\n{fault.__cause__ or ''}"
    missing = re.search(r"Could not find '(.+)/(.+?)'", message)
    if missing:
        options = re.findall(r"^\t(\S+)$", message, re.MULTILINE)
        return InputError(missing[1], missing[2], one_of(missing[2], options))
    full_key = re.search(r"full_key: (\S+)", message)
    key = full_key[1] if full_key else ""
    given = [word for word in words if key and re.match(rf"[+~]*{re.escape(key)}[.=]", word)]
    value = re.search(r"Value '(.*?)' of type", message)
    if key.startswith("hydra."):
        return InputError("override", " ".join(given) or key, "what --hydra-help explains")
    if given:
        key, _, shown = given[-1].lstrip("+~").partition("=")
        return InputError(key, shown, _allowed(key, schema))
    if key:
        return InputError(key, value[1] if value else "as given", _allowed(key, schema))
    of_file = re.search(
        r"In '(.+?)': (?:\w+ raised while composing config:)?([^\n]*\n?[^\n]*)", message
    )
    if of_file:
        told = f"keys of its group with values of their kind ({of_file[2].strip()})"
        return InputError("file", of_file[1], told)
    return InputError("override", " ".join(words), f"Hydra's grammar ({message.strip()})")


def _allowed(key: str, schema: Any) -> str:
    """Say what a key may hold, or which keys there are beside it."""
    if key.startswith(INTERVENTIONS + "."):
        return f"a name and key of the scenario's; +{key}=VALUE adds one"
    node: Any = schema
    for name in key.split("."):
        known = {item.name: item for item in fields(node)}
        if name not in known:
            return one_of(name, known)
        item = known[name]
        node = item.default_factory
        if not is_dataclass(node):
            break
    else:
        return f"a name of the group, or {key}.KEY=VALUE"
    name = str(getattr(item.type, "__name__", item.type)).removesuffix(" | None")
    kinds = {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "str": "a text",
        "list[str]": "names of parameters, [GROUP.NAME,GROUP.NAME]",
    }
    kind = kinds.get(name, "entries NAME.KEY=VALUE")
    if "unit" not in item.metadata:
        return kind
    return f"{kind}, " + span(*(item.metadata[name] for name in ("low", "high", "unit")))


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
            check_yaml(path)
            found = super().load_config(config_path)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as fault:
            told = " ".join(str(fault).split())
            raise InputError("file", path, f"a file of YAML ({told})") from None
        if not hasattr(found.config, "items"):
            raise InputError("file", path, "a file of YAML with lines KEY: VALUE")
        return found


def check_yaml(path: str) -> None:
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
