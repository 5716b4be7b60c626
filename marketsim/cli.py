"""The `marketsim` command: Hydra's grammar, one line for bad input, exit code 2.

Heavy modules are imported where they are used, so that ``--help`` stays quick.
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn

from marketsim import presets
from marketsim.errors import InputError, span
from marketsim.evidence import EvidenceError
from marketsim.parameters import parameter
from marketsim.settings import Settings, check

HELP = """\
marketsim simulates the online ivory market of 2015 and the survey of 58 traders on it.

usage: marketsim [run] [KEY=VALUE ...] [-m] [--cfg job]
       marketsim verify FOLDER [threads=N]    run a published study again and compare

Groups (choose with GROUP=NAME, change one value with GROUP.KEY=VALUE):

  population  how many retailers: a quick survey-size market, WeChat, the nation
              {population}
  scenario    what enforcement does, and when
              {scenario}
  recovery    what brings posts back after a shock: the competing structures
              {recovery}

Of a study:
  seed=2015       every draw is a function of it
  replicates=200  populations and panels, each with luck of its own
  threads=2       runs lived at the same time (all cores if not given); changes no bit
  output=results  results go to OUTPUT/STUDY/KEY/
  study=NAME      the scenario's name if not given
  fresh=true      run again although the result is there
  progress=false  no bar

Every parameter with unit, range and source: docs/parameters.md; as composed: --cfg job
Sweeps:         marketsim -m scenario=baseline_2015,no_crackdown 'recovery=glob(*)'
Tab completion: eval "$(marketsim -sc install=bash)"
Hydra's flags:  marketsim --hydra-help"""

STUDY_NAME = re.compile(r"[\w.-]{1,100}")
INTERVENTIONS = "scenario.interventions"


@dataclass
class Command(Settings):
    """The settings of a study, and how to run it; the latter changes no table."""

    output: str = "results"
    study: str | None = None
    threads: int | None = parameter(
        None, "threads", 1, 1024, "runs lived at the same time; all cores if not given", "machine"
    )
    fresh: bool = False
    progress: bool = True


def main() -> None:
    """Run the command line; the first word names a subcommand, or else `run` is meant."""
    arguments = sys.argv[1:]
    name = arguments.pop(0) if arguments and arguments[0] in SUBCOMMANDS else "run"
    with _one_line():
        SUBCOMMANDS[name](arguments)


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
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


def run(arguments: list[str]) -> None:
    """Simulate a study and hold it against the survey.

    Parameters
    ----------
    arguments : list of str
        Overrides and flags in Hydra's grammar.

    Raises
    ------
    InputError
        For anything that is not understood, before anything is written.
    """
    if "--help" in arguments or "-h" in arguments:
        names = {group: ", ".join(presets.names(group)) for group in presets.DEFAULTS}
        print(HELP.format(**names))
        return
    _check_flags(arguments)
    _with_hydra(arguments, _run_job)


def _run_job(config: Any) -> None:
    """Run one job of the command; Hydra hands over the composed config."""
    with _one_line():  # Hydra adds a line of its own to an exception of a job, not to an exit
        command = _command(config)
        _simulate(command, _study_folder(command))


def _command(config: Any) -> Command:
    """Return the composed config as checked objects."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        _check_keys(OmegaConf.to_container(config), Command, "")
        command = OmegaConf.to_object(config)
    except OmegaConfBaseException as fault:
        raise _as_input_error(fault, sys.argv[1:]) from None
    assert isinstance(command, Command)
    check(command)
    return command


def _check_keys(tree: Any, group: Any, prefix: str) -> None:
    """Refuse keys that were appended to the schema with a plus sign."""
    known = {item.name: item for item in fields(group)}
    for name, value in tree.items():
        if name not in known:
            raise InputError(f"{prefix}{name}", value, _allowed(f"{prefix}{name}"))
        if is_dataclass(known[name].default_factory):
            _check_keys(value, known[name].default_factory, f"{prefix}{name}.")


def _simulate(command: Command, folder: Path) -> None:
    from marketsim import report, study

    threads = command.threads or _cores()
    settings = Settings(**{item.name: getattr(command, item.name) for item in fields(Settings)})
    result = study.run_study(settings, folder, threads, command.fresh, command.progress)
    print(" ".join(presets.overrides(asdict(settings))), end="\n\n")
    print("\n".join(report.fit_lines(result.fit)))
    state = "already there, taken as it is (fresh=true runs it again)" if result.reused else "done"
    print(f"\n{state}: {result.folder}")


def _cores() -> int:
    """Return the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _study_folder(command: Command) -> Path:
    name = command.study if command.study is not None else command.scenario.name
    if not STUDY_NAME.fullmatch(name) or name.startswith("."):
        raise InputError("study", name, "up to 100 letters, digits, _ - and . (not first)")
    if not command.output:
        raise InputError("output", "''", "a folder to write to")
    return Path(command.output) / name


def _with_hydra(arguments: list[str], job: Callable[[Any], None]) -> None:
    import hydra
    from hydra.core.config_store import ConfigStore
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    ConfigStore.instance().store(name="schema", node=Command)
    # Hydra then hands errors on instead of printing several lines about them
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["marketsim", *arguments]
    decorate = hydra.main(
        version_base="1.3", config_path=str(presets.folder()), config_name="config"
    )
    started = []

    def start(config: Any) -> None:
        started.append(config)
        job(config)

    try:
        decorate(start)()
    except (HydraException, OmegaConfBaseException, ValueError) as fault:
        if started or isinstance(fault, InputError):
            raise
        raise _as_input_error(fault, arguments) from None


def _check_flags(arguments: list[str]) -> None:
    """Refuse flags Hydra does not know, in one line instead of its usage text."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    known = [option for action in parser._actions for option in action.option_strings]

    def refuse(message: str) -> NoReturn:
        raise InputError("flag", message, ", ".join(sorted(known)))

    parser.error = refuse  # type: ignore[method-assign]
    parser.parse_args(arguments)
    for word in arguments:
        key, _, value = word.lstrip("+").partition("=")
        if key == INTERVENTIONS and value.startswith("{"):  # Hydra would merge, not replace
            allowed = f"{INTERVENTIONS}.NAME.KEY=VALUE, or ~{INTERVENTIONS}.NAME to leave one out"
            raise InputError(key, value, allowed)


def _as_input_error(fault: Exception, arguments: list[str]) -> InputError:
    """Turn what Hydra and OmegaConf say in several lines into key, value and what is allowed."""
    message = f"{fault}\n{fault.__cause__ or ''}"
    missing = re.search(r"Could not find '(.+)/(.+?)'", message)
    if missing:
        options = re.findall(r"^\t(\S+)$", message, re.MULTILINE)
        return InputError(missing[1], missing[2], ", ".join(options))
    full_key = re.search(r"full_key: (\S+)", message)
    key = full_key[1] if full_key else ""
    given = [word for word in arguments if key and re.match(rf"[+~]*{re.escape(key)}[.=]", word)]
    value = re.search(r"Value '(.*?)' of type", message)
    if key.startswith("hydra."):
        return InputError("override", " ".join(given) or key, "what --hydra-help explains")
    if given:
        key, _, shown = given[-1].lstrip("+~").partition("=")
        return InputError(key, shown, _allowed(key))
    if key and value:
        return InputError(key, value[1], _allowed(key))
    return InputError("override", " ".join(arguments), f"Hydra's grammar ({message.strip()})")


def _allowed(key: str) -> str:
    """Say what a key may hold, or which keys there are beside it."""
    if key.startswith(INTERVENTIONS + "."):
        return f"a name and key of the scenario's; +{key}=VALUE adds one"
    node: Any = Command
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
    name = getattr(item.type, "__name__", str(item.type)).removesuffix(" | None")
    kinds = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
    kind = kinds.get(name, "entries NAME.KEY=VALUE")
    if "unit" not in item.metadata:
        return kind
    return f"{kind}, " + span(*(item.metadata[name] for name in ("low", "high", "unit")))


def verify(arguments: list[str]) -> None:
    """Run a published study again and say "identical", or where it differs (exit code 1).

    Parameters
    ----------
    arguments : list of str
        The folder, then ``threads=N`` or ``progress=false`` if wanted.

    Raises
    ------
    InputError
        For anything else, or a folder without a study.
    """
    from marketsim.verify import verify as differences

    if not arguments:
        raise InputError(
            "folder", "nothing", "marketsim verify FOLDER [threads=N] [progress=false]"
        )
    threads, progress = _cores(), True
    for word in arguments[1:]:
        key, _, value = word.partition("=")
        if key == "threads" and value.isdecimal() and 1 <= int(value) <= 1024:
            threads = int(value)
        elif key == "progress" and value in ("true", "false"):
            progress = value == "true"
        else:
            raise InputError(key, value, "threads=1 to 1,024, progress=true or false")
    found = differences(Path(arguments[0]), threads, progress)
    print("\n".join(found) or "identical")
    if found:
        raise SystemExit(1)


SUBCOMMANDS: dict[str, Callable[[list[str]], None]] = {"run": run, "verify": verify}
