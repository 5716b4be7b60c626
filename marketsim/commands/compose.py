"""Composition of settings from the command line, and refusal of invalid input."""

import contextlib
import io
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn

from marketsim.errors import (
    InputError,
    UnreadableFileError,
    UsageError,
    WrongTypeError,
    unknown_name,
    unknown_parameter,
)
from marketsim.parameters import overrides, presets
from marketsim.parameters.settings import AGAIN, check, dotted_keys

SWEPT = re.compile(r"(choice|glob|interval|range|shuffle|sort|tag)\((.*)\)")  # of Hydra
OF_TEXTS = ("choice", "shuffle", "sort")  # those of them that take texts
QUOTED = re.compile(r"""'(\\.|[^'\\])*'|"(\\.|[^"\\])*\"""", re.DOTALL)
LIST = re.compile(r"""\[(?:'(?:\\.|[^'])*'|"(?:\\.|[^"])*"|[^\]])*?\]""")
PART = re.compile(r"""(?:^|(?<=,))((?:'(?:\\.|[^'])*'|"(?:\\.|[^"])*"|[^,'"])*|[^,]*)(?=,|$)""")
LISTS = {  # what the entries of a list are
    "scenarios": "scenarios",
    "classes": "files",
    "fixed": "parameters",
    "scaled_interventions": "interventions",
    "dose_multipliers": "numbers",
}
PATHS = ("output", "classes")  # may hold whatever the names of files do
INTERVENTIONS = "scenario.interventions"
TELLING = ("cfg", "hydra_help", "info", "shell_completion")  # flags that print instead of running


def command(arguments: list[str], name: str, schema: Any) -> Any:
    """Return the checked options of a subcommand, or None where a flag asked to print instead.

    Parameters
    ----------
    arguments : list of str
        Overrides and flags in Hydra's grammar.
    name : str
        The main config, whose schema has the same name with ``_schema`` after it.
    schema : type
        Dataclass of the options.

    Raises
    ------
    InputError
        For invalid input, before anything is written.
    """
    given = flags(arguments, schema)
    if given.multirun:
        raise UsageError("flag", "--multirun", "sweeps are run with marketsim run -m")
    asked = [flag for flag in TELLING if getattr(given, flag)]
    if len(asked) > 1 or ("cfg" not in asked and (given.resolve or given.package)):
        allowed = "give one of --cfg, --hydra-help, --info, --shell-completion; --resolve and "
        raise UsageError("flag", " ".join(arguments), allowed + "--package only after --cfg")
    if asked:
        _print(given, name, schema)
        return None
    return composed(given.overrides, name, schema, given.config_dir)


def composed(words: Sequence[str], name: str, schema: Any, folder: str | None = None) -> Any:
    """Return the checked options that overrides give; parameters as in `command`.

    `folder` holds config files of the user's. Hydra only composes: its own settings, which could
    name what to build and run, are refused.
    """
    for word in words:
        if word.lstrip("+~").startswith("hydra"):
            allowed = "no setting of Hydra has an effect, but hydra/launcher with -m"
            raise UsageError("override", word, allowed)
    check_words(words)
    try:
        with hydra(name, schema, folder) as loader:
            config = compose(loader, name, words)
    except Exception as fault:  # whatever stops a config from being composed is in the words
        raise as_input_error(fault, words, schema) from None
    return checked(config, schema, words)


def check_words(words: Sequence[str]) -> None:
    """Refuse a choice that no file can be, and an intervention added and left out at once."""
    for word in words:
        key, _, value = word.partition("=")
        name = value.strip("'")
        if key in presets.DEFAULTS and (name in ("", "???") or "/" in name or "${" in name):
            raise unknown_name(key, name, presets.names(key))
        if key.removeprefix("~") in presets.DEFAULTS and key.startswith("~"):
            raise UsageError("override", word, f"only ~{INTERVENTIONS}.NAME can be used")
        plain = key.lstrip("+")
        is_entry = plain.rpartition(".")[0] == INTERVENTIONS
        if key != plain and is_entry and value == "null":
            allowed = f"a kind of intervention; ~{plain} leaves one out"
            raise InputError(f"{plain}.kind", value, allowed)


@contextlib.contextmanager
def hydra(name: str, schema: Any, folder: str | None) -> Iterator[Any]:
    """Initialize Hydra with the config files of the package and the user; yield its loader.

    A Hydra application that calls this package is left as it was.
    """
    from hydra import initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra

    from marketsim.commands import user_files

    ConfigStore.instance().store(name=f"{name}_schema", node=schema)
    here, outer = str(presets.folder().absolute()), GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with (
            user_files.on_search_path(folder),
            initialize_config_dir(here, job_name="marketsim", version_base="1.3"),
        ):
            yield GlobalHydra.instance().config_loader()
    finally:
        GlobalHydra.instance().clear()
        if outer is not None:
            GlobalHydra.instance().initialize(outer)


def compose(loader: Any, name: str, words: Sequence[str]) -> Any:
    """Return the config that Hydra, which is initialized, composes of overrides."""
    from hydra import compose as hydra_compose

    from marketsim.commands import user_files

    config = hydra_compose(name, list(words))
    user_files.check_packages(loader, name, words)
    return config


def checked(config: Any, schema: Any, words: Sequence[str]) -> Any:
    """Return a composed config as checked objects.

    Parameters
    ----------
    config : DictConfig
        As composed.
    schema : type
        Dataclass of the options.
    words : sequence of str
        The overrides it was composed with; a parameter given by one is fixed, and a panel given by
        one is not replaced.

    Raises
    ------
    InputError
        For a key that does not exist, or a value of another type or outside its range.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from marketsim.parameters import panel, posterior, priors

    named = {word.lstrip("+").partition("=")[0] for word in words}
    try:
        tree: Any = OmegaConf.to_container(config)
        _check_keys(tree, schema, schema, "")
        _check_texts(tree)
        out: Any = OmegaConf.to_object(config)
    except OmegaConfBaseException as fault:
        raise as_input_error(fault, words, schema) from None
    out.scenario.interventions = presets.without_removed(out.scenario.interventions)
    if out.classes and "classes" not in named:
        allowed = "to be given on the command line, since the files are run"
        raise InputError("classes", out.classes, allowed)
    if out.posterior != posterior.NONE:
        out.fixed = sorted({*out.fixed, *(named & set(priors.everything()))})
    check(out)
    if out.panel == AGAIN and "panel" not in named:
        out.panel = panel.by_default(out)
    panel.check(out)
    return out


def _check_keys(tree: Any, group: Any, schema: Any, prefix: str) -> None:
    """Refuse keys that were appended to the schema with a plus sign, or removed from it."""
    known = {item.name: item for item in fields(group)}
    for name in known.keys() - tree.keys():
        raise UsageError("override", f"~{prefix}{name}", f"only ~{INTERVENTIONS}.NAME can be used")
    for name, value in tree.items():
        if name not in known:
            raise unknown_parameter(f"{prefix}{name}", value, dotted_keys(schema))
        if is_dataclass(known[name].default_factory):
            _check_keys(value, known[name].default_factory, schema, f"{prefix}{name}.")


def _check_texts(tree: Any) -> None:
    """Refuse a text that no file can hold."""
    for key, value in overrides.flat(tree).items():
        if key not in PATHS and any("\ud800" <= letter <= "\udfff" for letter in str(value)):
            raise InputError(key, value, "a text in UTF-8")


def _print(given: Namespace, name: str, schema: Any) -> None:
    """Let Hydra print a config or its help, or complete a word."""
    from hydra.core.global_hydra import GlobalHydra

    words = given.overrides
    try:
        with hydra(name, schema, given.config_dir):
            app: Any = GlobalHydra.instance().hydra
            if given.cfg:
                with contextlib.redirect_stderr(io.StringIO()):  # what it says of a wrong package
                    app.show_cfg(name, words, given.cfg, given.package, given.resolve)
            elif given.info:
                printed = io.StringIO()  # Hydra logs it, and a log reports a closed pipe itself
                with contextlib.redirect_stdout(printed):
                    app.show_info(given.info, name, words)
                print(printed.getvalue(), end="")
            elif given.shell_completion:
                app.shell_completion(name, words)
            else:
                app.hydra_help(name, _parser(), Namespace(overrides=[]))
    except SystemExit:
        raise unknown_name("--package", given.package, dotted_keys(schema)) from None
    except Exception as fault:
        raise as_input_error(fault, words, schema) from None


def _parser() -> ArgumentParser:
    """Return the parser of those flags of Hydra that run nothing a file says."""
    parser = ArgumentParser(add_help=False)
    parser.add_argument("overrides", nargs="*", help="KEY=VALUE")
    parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"], help="Print the settings")
    parser.add_argument("--resolve", action="store_true", help="With --cfg: resolve ${...}")
    parser.add_argument("--package", "-p", help="With --cfg: the group to print")
    parser.add_argument("--multirun", "-m", action="store_true", help="Run a sweep")
    parser.add_argument("--config-dir", "-cd", help="A folder with config files of your own")
    parser.add_argument(
        "--shell-completion", "-sc", action="store_true", help="install=bash, zsh or fish"
    )
    parser.add_argument("--hydra-help", action="store_true", help="Print this help")
    kinds = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]
    parser.add_argument("--info", "-i", const="all", nargs="?", choices=kinds, help="Inspect Hydra")
    return parser


def flags(arguments: list[str], schema: Any) -> Namespace:
    """Return the flags and overrides of a command line.

    Parameters
    ----------
    arguments : list of str
        The words of the command line.
    schema : type
        Dataclass of the options: a key of type text takes the word as it is written.

    Raises
    ------
    InputError
        For an unknown flag, or a word that is not KEY=VALUE.
    """
    parser = _parser()
    known = ", ".join(re.findall(r"--[a-z-]+", parser.format_usage()))

    def refuse(message: str) -> NoReturn:
        about = re.sub(r"^(unrecognized arguments:|argument)\s*", "", message)
        flag, _, reason = about.partition(": ")
        raise UsageError("flag", flag, f"{reason or 'unknown flag'}; flags are {known}")

    parser.error = refuse  # type: ignore[method-assign]
    given = parser.parse_intermixed_args(arguments)
    bare = [word for word in given.overrides if "=" not in word and word[:1] != "~"]
    if bare:
        allowed = "a subcommand comes first, then KEY=VALUE; marketsim --help lists both"
        raise UsageError("word", " ".join(bare), allowed)
    for word in arguments:
        key, _, value = word.lstrip("+").partition("=")
        if "_target_" in word:  # Hydra could build an object of it
            raise InputError(key, value, "a value without _target_")
        if value.startswith("{"):
            check_entry(key, value)
    given.overrides = [_quoted(word, schema, given.multirun) for word in given.overrides]
    return given


def check_entry(key: str, value: Any) -> None:
    """Refuse an override of the interventions that would not change them.

    Parameters
    ----------
    key : str
        Dotted key.
    value : object
        Of several keys at once, or of none.

    Raises
    ------
    InputError
        For all interventions at once, which Hydra would merge and not replace, and for one without
        keys.
    """
    if key == INTERVENTIONS:
        allowed = f"{INTERVENTIONS}.NAME.KEY=VALUE, or ~{INTERVENTIONS}.NAME to leave one out"
        raise InputError(key, value, allowed)
    is_entry = (
        key.startswith(f"{INTERVENTIONS}.") and key.count(".") == INTERVENTIONS.count(".") + 1
    )
    if is_entry and str(value).replace(" ", "") == "{}":
        allowed = f"its keys, {key}.KEY=VALUE, or ~{key} to leave it out"
        raise InputError(key, value, allowed)


def _quoted(word: str, schema: Any, is_sweep: bool) -> str:
    """Quote a value where it is a text, so that it is taken as it is written.

    Hydra reads 2015.10 as a number, and its grammar has no place for brackets, commas and other
    letters than English ones.
    """
    key, mark, value = word.partition("=")
    if not mark or word.startswith("~"):
        return word
    kind = _type_of(key.lstrip("+"), schema)
    function = SWEPT.fullmatch(value) if is_sweep else None
    if function and (kind not in (str, str | None) or function[1] not in OF_TEXTS):
        return word
    if kind in (list[str], list[float]):
        if value[:1] not in ("[", "$") or (value[0] == "[" and value[-1] != "]"):
            raise _wrong_value(key.lstrip("+"), value, schema)
        lists = re.findall(LIST, value) if is_sweep else [value]
        is_texts = kind == list[str] and value.startswith("[")
        return f"{key}={','.join(map(_quoted_list, lists))}" if is_texts else word
    if kind in (str, str | None):
        parts = _split(function[2]) if function else _split(value) if is_sweep else [value]
        texts = ",".join(map(_quoted_text, parts))
        return f"{key}={function[1]}({texts})" if function else f"{key}={texts}"
    is_plain = not value.isascii() and not set(value) & set("'\"\\[]{}(),$")
    return f"{key}={overrides.quoted(value)}" if is_plain else word


def _quoted_list(text: str) -> str:
    return f"[{','.join(map(_quoted_text, _split(text[1:-1].strip())))}]"


def _quoted_text(text: str) -> str:
    is_flag = re.fullmatch(r"(reverse|shuffle)=(true|false)", text)  # of Hydra's functions
    return text if is_flag or QUOTED.fullmatch(text) else overrides.quoted(text)


def _split(text: str) -> list[str]:
    """Return the parts between commas outside quotes."""
    return [part.strip() for part in re.findall(PART, text)] if text else []


def _type_of(key: str, schema: Any) -> Any:
    """Return the declared type of a dotted key; that of a group is the name of a choice."""
    if key in presets.DEFAULTS:
        return str
    node = schema
    for name in key.split("."):
        known = {item.name: item for item in fields(node)} if is_dataclass(node) else {}
        if name not in known:
            return None
        node = known[name].default_factory
        kind = known[name].type
    return kind


def as_input_error(fault: Exception, words: Sequence[str], schema: Any) -> Exception:
    """Return what Hydra and OmegaConf say in several lines as an error of one line.

    An InputError and a fault of the disk are returned as they are.
    """
    from hydra.errors import HydraException

    if isinstance(fault, InputError | OSError) and not isinstance(fault, HydraException):
        return fault
    message = f"{fault}\n{fault.__cause__ or ''}"
    missing = re.search(r"Could not find '(.+)/(.+?)'", message)
    if missing:
        options = re.findall(r"^\t(\S+)$", message, re.MULTILINE)
        return unknown_name(missing[1], missing[2], options)
    if isinstance(fault, RecursionError):
        return UsageError("override", " ".join(words), presets.CYCLE)
    absent = re.search(r"Could not delete from config. '(\S+)' does not exist", message)
    if absent:
        return UsageError("override", f"~{absent[1]}", f"there is no {absent[1]}")
    full_key = re.search(r"full_key: ([^\s\[]+)", message)  # of a list, without the number
    key = full_key[1] if full_key else ""
    given = [word for word in words if key and re.match(rf"[+~]*{re.escape(key)}[.=]", word)]
    value = re.search(r"Value '(.*?)' of type", message)
    if key.startswith("hydra."):
        return UsageError("override", " ".join(given) or key, "marketsim --hydra-help lists keys")
    if given:
        key, _, shown = given[-1].lstrip("+~").partition("=")
        return _wrong_value(key, shown, schema)
    if key:
        return _wrong_value(key, value[1] if value else "as given", schema)
    for word in words:
        key, _, shown = word.lstrip("+~").partition("=")
        if re.fullmatch(r"[\w./@:$-]+", key, re.ASCII):
            continue
        if key.startswith(f"{INTERVENTIONS}."):
            name = key.removeprefix(f"{INTERVENTIONS}.").partition(".")[0]
            return InputError(INTERVENTIONS, name, "names of letters a to z, digits, _ and -")
        return unknown_parameter(key, shown, dotted_keys(schema))
    of_file = re.search(
        r"In '(.+?)': (?:\w+ raised while composing config:)?([^\n]*\n?[^\n]*)", message
    )
    if of_file:
        reason = f"keys of its group with values of their type are expected ({of_file[2].strip()})"
        return UnreadableFileError("file", of_file[1], reason)
    return UsageError("override", " ".join(words), f"not in Hydra's grammar ({message.strip()})")


def _wrong_value(key: str, value: str, schema: Any) -> InputError:
    """Return the error for a value that a key cannot have, or a key that does not exist."""
    if key.startswith(INTERVENTIONS + "."):
        allowed = f"a name and key of the scenario; +{key}=VALUE adds one"
        return InputError(key, value, allowed)
    node: Any = schema
    for name in key.split("."):
        known = {item.name: item for item in fields(node)}
        if name not in known:
            return unknown_parameter(key, value, dotted_keys(schema))
        item = known[name]
        node = item.default_factory
        if not is_dataclass(node):
            break
    else:
        return WrongTypeError(key, value, f"the name of a choice, or {key}.KEY=VALUE")
    if item.type in (list[str], list[float]):
        example = "" if value.startswith("[") else f", '{key}=[{value}]' for one"
        return WrongTypeError(key, value, f"a list of {LISTS[item.name]}{example}")
    if item.type in (str, str | None) and ("${" in value or "???" in value):
        return WrongTypeError(key, value, "a text; in Hydra ??? and ${ have a meaning of their own")
    name = str(getattr(item.type, "__name__", item.type)).removesuffix(" | None")
    kinds = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
    return WrongTypeError(key, value, kinds.get(name, "entries NAME.KEY=VALUE"))
