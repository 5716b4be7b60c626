"""The `marketsim` command: help and dispatch to the subcommands."""

import importlib
import os
import sys
from pathlib import Path

from marketsim import __version__
from marketsim.commands import completion, exit_status
from marketsim.parameters import presets

# each subcommand is a function of a module beside this one; modules are imported when needed
SUBCOMMANDS = {
    "run": ("run", "main"),
    "compare": ("compare", "main"),
    "verify": ("verify", "main"),
    "validate": ("validate", "main"),
    "calibrate": ("calibrate", "main"),
    "calibrate_market": ("calibrate", "main_market"),
    "results": ("results", "main"),
    "sensitivity": ("sensitivity", "main"),
    "dashboard": ("dashboard", "main"),
    "compile": ("compile", "main"),
}

HELP = """\
marketsim simulates the online ivory market of 2015 and the survey of 58 traders in it.

usage: marketsim [run] [KEY=VALUE ...] [-m] [--cfg job]    simulate a study
       marketsim compare scenarios=[A,B] [KEY=VALUE ...]   compare scenarios using common random
                                                           numbers
       marketsim verify FOLDER [threads=N]                 rerun a published study or comparison
                                                           and compare its tables
       marketsim validate [KEY=VALUE ...]                  compare predictions with every survey
                                                           statistic
       marketsim calibrate [KEY=VALUE ...]                 calibrate posting and check it (an hour)
       marketsim calibrate_market [KEY=VALUE ...]          calibrate prices and products
       marketsim results [FOLDER] [KEY=VALUE ...] [csv=FILE] [parquet=FILE] [xlsx=FILE]
                                                           list, filter and join results
       marketsim sensitivity [scenario=NAME]               rank uncertain parameters by their
                                                           influence
       marketsim dashboard [port=8501] [threads=N] [open=false]
                                                           serve the interactive page
       marketsim compile [--to FOLDER]                     compile now: for this machine, or for
                                                           others, into a folder

Groups (GROUP=NAME chooses a file of settings, GROUP.KEY=VALUE changes one value):

  population  size of the market: the survey's, WeChat's, the nation's
              {population}
  scenario    dated interventions of enforcement and policy
              {scenario}
  recovery    mechanism by which posts return after a shock
              {recovery}

Settings of a study:
  market=full    or posts: posting alone, without trade
  panel=again     (population=survey) predict the panel that was surveyed, again: draws and seeds
                  whose simulated survey is like the published one; panel=new: a new panel
  seed=2015       seed of all random numbers; no effect with panel=again
  posterior=calibration_2015  distribution of the uncertain parameters, or prior, point (the
                  calibrated point), none (reference values); a parameter given on the command
                  line is fixed
  replicates=200  number of replicate runs (independent random seeds)
  threads=2       parallel runs, or threads of a large run where runs are fewer (default: all
                  cores); does not affect results
  output=results  results are stored in OUTPUT/STUDY/KEY/
  study=NAME      default: the name of the scenario
  progress=false  no progress bar
  fresh=true      (run only) rerun although the result exists
  figures=false   (run only) tables without figures; rerun without it to draw them

Settings of a comparison, in addition (defaults replicates=100, population=survey):
  scenarios=[A,B] scenarios to compare with the baseline, each at all its dose multipliers
  baseline=NAME   default: baseline_2015
  start=DATE      first day of the evaluation period; default: first day on which a scenario
                  differs
  prior=false     do not also run under the prior: half the time
  precision=0.02  stop when every mean effect on ivory sold is known to 2 percent of the baseline
  hours_a_week=N  scale each scenario to this many extra hours of moderators and police

All parameters with units, ranges and sources: docs/parameters.md; composed settings: --cfg job
Sweeps:         marketsim -m scenario=baseline_2015,no_crackdown 'recovery=glob(*)'
Tab completion: eval "$(marketsim -sc install=bash)"
Hydra's flags:  marketsim --hydra-help"""


def main() -> None:
    """Run the command line; without a subcommand `run` is meant."""
    _make_streams_safe()
    os.environ["MPLBACKEND"] = "agg"  # figures are written to files, never shown
    with exit_status.one_line():
        _dispatch(sys.argv[1:])


def _dispatch(arguments: list[str]) -> None:
    """Print what a flag asks for, or run the subcommand that the first word names."""
    name = arguments.pop(0) if arguments and arguments[0] in SUBCOMMANDS else "run"
    if "--help" in arguments or "-h" in arguments:
        names = {group: ", ".join(presets.names(group)) for group in presets.DEFAULTS}
        print(HELP.format(**names))
        return
    if "--version" in arguments:
        print(f"marketsim {__version__}")
        return
    if completion.is_asked(arguments):
        completion.print_candidates(arguments, SUBCOMMANDS, _run)
        return
    _run(name, arguments)


def _run(name: str, arguments: list[str]) -> None:
    """Run a subcommand, whose module is imported now."""
    module, function = SUBCOMMANDS[name]
    command = importlib.import_module(f"marketsim.commands.{module}")
    getattr(command, function)(arguments)


def _make_streams_safe() -> None:
    """Let no stream stop a run: one that is closed, or that cannot encode a name."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
