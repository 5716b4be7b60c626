"""The `marketsim` command and its subcommands.

Heavy modules are imported where they are used, so that ``--help`` stays quick.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from marketsim import __version__
from marketsim.commands import calibrate as calibrate_command
from marketsim.commands import compare as compare_command
from marketsim.commands import compose, exit_status, options
from marketsim.commands import run as run_command
from marketsim.commands import sensitivity as sensitivity_command
from marketsim.commands import validate as validate_command
from marketsim.commands.options import (
    CalibrateCommand,
    CompareCommand,
    RunCommand,
    SensitivityCommand,
    TableCommand,
)
from marketsim.errors import InputError, one_line
from marketsim.parameters import overrides, presets

HELP = """\
marketsim simulates the online ivory market of 2015 and the survey of 58 traders on it.

usage: marketsim [run] [KEY=VALUE ...] [-m] [--cfg job]
       marketsim compare scenarios=[A,B]      what scenarios change, on the same luck
       marketsim verify FOLDER [threads=N]    run a published study again and compare
       marketsim validate [KEY=VALUE ...]     hold every published row against its prediction
       marketsim calibrate [KEY=VALUE ...]    search for the posterior again (hours or minutes)
       marketsim calibrate_market [KEY=VALUE ...]  the same for prices and products, after it
       marketsim identify [KEY=VALUE ...]     ask what such a survey could tell at all
       marketsim results [FOLDER] [KEY=VALUE ...] [csv=FILE] [parquet=FILE]  list and join results
       marketsim sensitivity [scenario=NAME]  ask which uncertain parameters matter
       marketsim dashboard [port=8501] [threads=N] [open=false]  the market on a page with levers

Groups (choose with GROUP=NAME, change one value with GROUP.KEY=VALUE):

  population  how many retailers: a quick survey-size market, WeChat, the nation
              {population}
  scenario    what enforcement does, and when
              {scenario}
  recovery    what brings posts back after a shock: the competing structures
              {recovery}

Of a study:
  market=whole    or posts: the posting side alone, without anybody who trades
  seed=2015       every draw is a function of it
  posterior=calibration_2015  where each run draws what is uncertain from; a parameter given on
                  the command line is held. Else: prior, point, or none (the reference values)
  replicates=200  populations and panels, each with luck of its own
  threads=2       runs lived at the same time (all cores if not given); changes no bit
  output=results  results go to OUTPUT/STUDY/KEY/
  study=NAME      the scenario's name if not given
  progress=false  no bar
  fresh=true      (run alone) run again although the result is there
  figures=false   (run alone) tables alone; the same command without it draws them later

Of a comparison, beside these (replicates=100, population=survey):
  scenarios=[A,B] what is held against the baseline, each at all its strengths
  baseline=NAME   baseline_2015 if not given
  start=DATE      first day that counts; the first on which a scenario differs if not given
  prior=false     leave out what was believed before the survey: half the time
  precision=0.02  stop once every mean effect on ivory sold is known to 2 percent of the baseline
  hours_a_week=N  scenarios at the strength that takes so many hours of moderators and police

Every parameter with unit, range and source: docs/parameters.md; as composed: --cfg job
Sweeps:         marketsim -m scenario=baseline_2015,no_crackdown 'recovery=glob(*)'
Tab completion: eval "$(marketsim -sc install=bash)"
Hydra's flags:  marketsim --hydra-help"""


def main() -> None:
    """Run the command line; the first word names a subcommand, or else `run` is meant."""
    _ready_streams()
    os.environ["MPLBACKEND"] = "agg"  # no window is shown, whatever else stands there
    arguments = sys.argv[1:]
    name = arguments.pop(0) if arguments and arguments[0] in SUBCOMMANDS else "run"
    if "--help" in arguments or "-h" in arguments:
        names = {group: ", ".join(presets.names(group)) for group in presets.DEFAULTS}
        print(HELP.format(**names))
        return
    if "--version" in arguments:
        print(f"marketsim {__version__}")
        return
    with exit_status.one_line():
        SUBCOMMANDS[name](arguments)


def _ready_streams() -> None:
    """Let no stream stop a run: one that is closed, or that cannot show the letters of a name."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


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
    if compose.flags(arguments).multirun:
        from marketsim.commands import sweep

        kind = sweep.Kind(RunCommand, run_command.result_folder_of, run_command.run)
        sweep.sweep(arguments, kind, options.cores())
    else:
        compose.compose(arguments, "run", RunCommand, _simulate)


def compare(arguments: list[str]) -> None:
    """Compare scenarios on the same luck; parameters and errors as in `run`."""
    given = compose.flags(arguments)
    work = partial(_compare, words=given.overrides, folder=given.config_dir)
    compose.compose(arguments, "compare", CompareCommand, work)


def calibrate(arguments: list[str]) -> None:
    """Search for the posterior; parameters and errors as in `run`."""
    work = _showing(calibrate_command.run, "structures.csv")
    compose.compose(arguments, "calibrate", CalibrateCommand, work)


def calibrate_market(arguments: list[str]) -> None:
    """Search for the posterior of the chain; parameters and errors as in `run`."""
    work = _showing(calibrate_command.run_trade, "market_fit.csv")
    compose.compose(arguments, "calibrate_market", CalibrateCommand, work)


def identify(arguments: list[str]) -> None:
    """Ask what the survey can tell; parameters and errors as in `run`."""
    work = _showing(validate_command.run_identify, "confusion.csv")
    compose.compose(arguments, "identify", TableCommand, work)


def validate(arguments: list[str]) -> None:
    """Hold every row of the evidence against its prediction; parameters and errors as in `run`."""
    work = _showing(validate_command.run, "predictive.csv", "models.csv")
    compose.compose(arguments, "validate", TableCommand, work)


def sensitivity(arguments: list[str]) -> None:
    """Ask which uncertain parameters matter; parameters and errors as in `run`."""
    work = _showing(sensitivity_command.run, "sobol.csv")
    compose.compose(arguments, "sensitivity", SensitivityCommand, work)


def _simulate(command: RunCommand) -> None:
    from marketsim.reporting.pages import study as study_page

    result = run_command.run(command)
    print(" ".join(overrides.overrides(asdict(command.settings()))), end="\n\n")
    print("\n".join(study_page.fit_lines(result.fit)))
    state = "already there, taken as it is (fresh=true runs it again)" if result.reused else "done"
    print(f"\n{state}: {result.folder}")


def _compare(command: CompareCommand, words: list[str], folder: str | None) -> None:
    from marketsim.reporting.pages import comparison as comparison_page

    found = compare_command.run(command, words, folder)
    print("\n".join(comparison_page.lines(found)))
    print(f"\ndone: {found}")


def _showing(work: Callable[[Any], Path], *tables: str) -> Callable[[Any], None]:
    """Return work that prints some tables of its result when it is done."""

    def job(command: Any) -> None:
        from marketsim.reporting import text

        found = work(command)
        for name in tables:
            print("\n".join(text.csv_lines(found / name)), end="\n\n")
        print(f"done: {found}")

    return job


def verify(arguments: list[str]) -> None:
    """Run a published study again and say "identical", or where it differs (exit code 1).

    Parameters
    ----------
    arguments : list of str
        The folder, then ``threads=N``, ``progress=false`` or ``classes=[FILE]`` if wanted.

    Raises
    ------
    InputError
        For anything else, or a folder without a study.
    """
    from marketsim.commands.verify import verify as differences

    if not arguments:
        raise InputError(
            "folder", "nothing", "marketsim verify FOLDER [threads=N] [progress=false] [classes=..]"
        )
    threads, progress, classes = options.cores(), True, list[str]()
    for word in arguments[1:]:
        key, _, value = word.partition("=")
        if key == "threads" and value.isdecimal() and 1 <= int(value) <= 1024:
            threads = int(value)
        elif key == "progress" and value in ("true", "false"):
            progress = value == "true"
        elif key == "classes" and value:
            classes = value.removeprefix("[").removesuffix("]").split(",")
        else:
            allowed = "threads=1 to 1,024, progress=true or false, classes=[FILE,...]"
            raise InputError(key, value, allowed)
    found = differences(Path(arguments[0]), threads, progress, classes)
    print("\n".join(found) or "identical")
    if found:
        raise SystemExit(1)


def dashboard(arguments: list[str]) -> None:
    """Serve the page with levers until interrupted.

    Parameters
    ----------
    arguments : list of str
        ``port=N``, ``threads=N`` and ``open=false`` if wanted.

    Raises
    ------
    InputError
        For anything else, a port that is taken, or where Streamlit is not installed.
    """
    from marketsim.dashboard import server

    port, threads, browser = server.PORT, options.cores(), True
    for word in arguments:
        key, _, value = word.partition("=")
        if key == "port" and value.isdecimal() and 1024 <= int(value) <= 65535:
            port = int(value)
        elif key == "threads" and value.isdecimal() and 1 <= int(value) <= 1024:
            threads = int(value)
        elif key == "open" and value in ("true", "false"):
            browser = value == "true"
        else:
            allowed = "port=1024 to 65535, threads=1 to 1,024, open=true or false"
            raise InputError(key, value, allowed)
    server.start(port, threads, browser)


def list_results(arguments: list[str]) -> None:
    """List finished results, and join them into one table where a file is given.

    Parameters
    ----------
    arguments : list of str
        A folder (``results`` if not given), then KEY=VALUE filters, ``csv=FILE``, ``parquet=FILE``.

    Raises
    ------
    InputError
        For a folder that is not there, or a key that no setting has.
    """
    from marketsim.simulation import catalogue

    folder = Path("results" if not arguments or "=" in arguments[0] else arguments.pop(0))
    kinds = ("csv=", "parquet=")
    files = [word for word in arguments if word.startswith(kinds)]
    found, lines = catalogue.collect(folder)
    filters = [word for word in arguments if word not in files]
    chosen = catalogue.choose(found, filters)
    for word in files:
        kind, _, name = word.partition("=")
        if Path(name).suffix != f".{kind}":
            raise InputError(kind, name, f"the name of a file that ends in .{kind}")
    for word in files:
        catalogue.write(catalogue.join(chosen), Path(word.partition("=")[2]))
    if chosen:
        print(catalogue.listing(chosen).to_string(index=False))
    print(f"{len(chosen)} results of {len(found)} finished")
    for line in lines:
        print(one_line(f"marketsim: {line}"), file=sys.stderr)


SUBCOMMANDS: dict[str, Callable[[list[str]], None]] = {
    "run": run,
    "compare": compare,
    "verify": verify,
    "validate": validate,
    "calibrate": calibrate,
    "calibrate_market": calibrate_market,
    "identify": identify,
    "results": list_results,
    "sensitivity": sensitivity,
    "dashboard": dashboard,
}
