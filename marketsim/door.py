"""The door for input: Hydra composes it, and what is wrong with it is said in one line."""

import contextlib
import os
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn

from marketsim import presets
from marketsim.errors import InputError, span
from marketsim.evidence import EvidenceError
from marketsim.settings import check

INTERVENTIONS = "scenario.interventions"


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Answer every foreseen fault with one line and an exit code."""
    try:
        yield
    except (InputError, EvidenceError) as fault:
        _fail(str(fault))
    except KeyboardInterrupt:
        _fail("interrupted; finished runs are kept, and the same command goes on from them", 130)
    except OSError as fault:
        _fail(f"{fault.strerror or fault} ({fault.filename}); finished runs are kept", 1)


def _fail(line: str, code: int = 2) -> NoReturn:
    print(f"marketsim: {' '.join(line.split())}", file=sys.stderr)
    raise SystemExit(code)


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
    if flags(arguments).multirun:
        raise InputError("flag", "--multirun", "marketsim run -m; nothing else sweeps")

    def job(config: Any) -> None:
        from hydra.core.hydra_config import HydraConfig
        from omegaconf import OmegaConf

        words: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
        with one_line():  # Hydra adds a line of its own to an exception of a job, not to an exit
            work(checked(config, schema, words))

    _with_hydra(arguments, name, schema, job)


def composed(words: Sequence[str], name: str, schema: Any) -> Any:
    """Compose a config from overrides, without running anything; see `compose`."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    store_schema(name, schema)
    try:
        with hydra.initialize_config_dir(str(presets.folder()), version_base="1.3"):
            config = hydra.compose(name, list(words))
    except (HydraException, OmegaConfBaseException, ValueError) as fault:
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

    from marketsim import posterior, priors

    try:
        _check_keys(OmegaConf.to_container(config), schema, schema, "")
        out: Any = OmegaConf.to_object(config)
    except OmegaConfBaseException as fault:
        raise as_input_error(fault, words, schema) from None
    named = {word.lstrip("+").partition("=")[0] for word in words}
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
    for name, value in tree.items():
        if name not in known:
            raise InputError(f"{prefix}{name}", value, _allowed(f"{prefix}{name}", schema))
        if is_dataclass(known[name].default_factory):
            _check_keys(value, known[name].default_factory, schema, f"{prefix}{name}.")


def _with_hydra(arguments: list[str], name: str, schema: Any, job: Callable[[Any], None]) -> None:
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    store_schema(name, schema)
    # Hydra then hands errors on instead of printing several lines about them
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["marketsim", *arguments]
    decorate = hydra.main(version_base="1.3", config_path=str(presets.folder()), config_name=name)
    started = []

    def start(config: Any) -> None:
        started.append(config)
        job(config)

    try:
        decorate(start)()
    except (HydraException, OmegaConfBaseException, ValueError) as fault:
        if started or isinstance(fault, InputError):
            raise
        raise as_input_error(fault, arguments, schema) from None


def store_schema(name: str, schema: Any) -> None:
    """Give Hydra the schema of a config; the config's file names it with ``_schema`` after it."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name=f"{name}_schema", node=schema)


def flags(arguments: list[str]) -> Namespace:
    """Return the flags and overrides; those Hydra does not know are refused in one line."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    known = [option for action in parser._actions for option in action.option_strings]

    def refuse(message: str) -> NoReturn:
        raise InputError("flag", message, ", ".join(sorted(known)))

    parser.error = refuse  # type: ignore[method-assign]
    known_flags = parser.parse_args(arguments)
    for word in arguments:
        key, _, value = word.lstrip("+").partition("=")
        if key == INTERVENTIONS and value.startswith("{"):  # Hydra would merge, not replace
            allowed = f"{INTERVENTIONS}.NAME.KEY=VALUE, or ~{INTERVENTIONS}.NAME to leave one out"
            raise InputError(key, value, allowed)
    return known_flags


def as_input_error(fault: Exception, words: Sequence[str], schema: Any) -> InputError:
    """Turn what Hydra and OmegaConf say in several lines into key, value and what is allowed."""
    message = f"{fault}\n{fault.__cause__ or ''}"
    missing = re.search(r"Could not find '(.+)/(.+?)'", message)
    if missing:
        options = re.findall(r"^\t(\S+)$", message, re.MULTILINE)
        return InputError(missing[1], missing[2], ", ".join(options))
    full_key = re.search(r"full_key: (\S+)", message)
    key = full_key[1] if full_key else ""
    given = [word for word in words if key and re.match(rf"[+~]*{re.escape(key)}[.=]", word)]
    value = re.search(r"Value '(.*?)' of type", message)
    if key.startswith("hydra."):
        return InputError("override", " ".join(given) or key, "what --hydra-help explains")
    if given:
        key, _, shown = given[-1].lstrip("+~").partition("=")
        return InputError(key, shown, _allowed(key, schema))
    if key and value:
        return InputError(key, value[1], _allowed(key, schema))
    return InputError("override", " ".join(words), f"Hydra's grammar ({message.strip()})")


def _allowed(key: str, schema: Any) -> str:
    """Say what a key may hold, or which keys there are beside it."""
    if key.startswith(INTERVENTIONS + "."):
        return f"a name and key of the scenario's; +{key}=VALUE adds one"
    node: Any = schema
    *groups, last = key.split(".")
    for name in groups:
        found = {item.name: item for item in fields(node)}.get(name)
        if found is None or not is_dataclass(found.default_factory):
            break
        node = found.default_factory
    known = {item.name: item for item in fields(node)}
    if last not in known:
        return "one of " + ", ".join(known)
    item = known[last]
    if is_dataclass(item.default_factory):
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
