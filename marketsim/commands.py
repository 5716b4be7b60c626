"""What the command line and Python ask for: the schema of each command, and how one is carried out.

Heavy modules are imported where they are used.
"""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketsim import door, presets
from marketsim.declaring import parameter
from marketsim.errors import InputError
from marketsim.settings import NAME, Calibration, Comparison, Scenario, Sensitivity, Settings

if TYPE_CHECKING:
    from marketsim.study import Result

STUDY_NAME = re.compile(r"[\w.-]{1,100}")


@dataclass
class Command(Settings):
    """Settings, and how and where to work on them; the latter changes no table."""

    output: str = "results"
    study: str | None = None
    threads: int | None = parameter(
        None, "threads", 1, 1024, "runs lived at the same time; all cores if not given", "machine"
    )
    progress: bool = True

    def settings(self) -> Settings:
        """Return what is to be run, without how."""
        return _part(self, Settings)

    def folder(self) -> Path:
        """Return the study's folder.

        Raises
        ------
        InputError
            For a name or an output that cannot be a folder.
        """
        name = self.study if self.study is not None else self.scenario.name
        if not STUDY_NAME.fullmatch(name) or name.startswith("."):
            raise InputError("study", name, "up to 100 letters, digits, _ - and . (not first)")
        if not self.output:
            raise InputError("output", "''", "a folder to write to")
        return Path(self.output) / name

    def cores(self) -> int:
        """Return how many runs are lived at the same time."""
        return self.threads or cores()

    def how(self) -> tuple[Path, int, bool]:
        """Return where the result goes, the cores, and whether progress is shown.

        Where the model is to be compiled first, the error stream says why nothing moves yet.
        """
        from marketsim import compiled

        if self.progress and compiled.is_cold():
            told = "once for this version: a minute or two; Ctrl-C is heard afterwards"
            print(f"marketsim: compiling the model, {told}", file=sys.stderr, flush=True)
        return self.folder(), self.cores(), self.progress


@dataclass
class RunCommand(Command):
    """The settings of a study."""

    fresh: bool = False
    figures: bool = True


@dataclass
class CalibrateCommand(Command):
    """The settings of a calibration."""

    calibration: Calibration = field(default_factory=Calibration)


@dataclass
class TableCommand(Command):
    """The settings of a study that reads the shared table of simulations from the prior."""

    simulations: int = parameter(
        100_000, "simulations", 10_000, 10_000_000, "rows of the shared table", "convention"
    )


@dataclass
class CompareCommand(Command, Comparison):
    """The settings of a comparison of scenarios."""


@dataclass
class SensitivityCommand(Command, Sensitivity):
    """The settings of a study of sensitivity."""


def place(command: RunCommand) -> Path:
    """Check a study, and return where its result rests."""
    from marketsim import study

    return study.place(command.settings(), command.folder())


def simulate(command: RunCommand) -> "Result":
    """Run a study, or take its complete result where it is there."""
    from marketsim import study

    folder, threads, progress = command.how()
    how = (threads, command.fresh, progress, command.figures)
    return study.run_study(command.settings(), folder, *how)


def compare(command: CompareCommand, words: Sequence[str], given: str | None) -> Path:
    """Compare scenarios, or take the complete comparison; return its folder.

    Parameters
    ----------
    command : CompareCommand
        As composed.
    words : sequence of str
        What it was composed from.
    given : str or None
        The user's folder of config files; scenarios may be named that are in it.
    """
    from marketsim import comparison

    asked = _part(command, Comparison)
    own = _own_scenarios((asked.baseline, *asked.scenarios), words, given)
    return comparison.compare(command.settings(), asked, *command.how(), own)


def _own_scenarios(
    names: Sequence[str], words: Sequence[str], given: str | None
) -> dict[str, Scenario]:
    """Return those of some scenarios that the user's folder holds, each composed by itself.

    What the words say of the scenario is about the one they choose, and about no other.
    """
    of_settings = [word for word in words if not word.lstrip("+~").startswith("scenario")]
    out: dict[str, Scenario] = {}
    for name in names if given is not None else ():
        file = Path(str(given)) / "scenario" / f"{name}.yaml"
        if not NAME.fullmatch(name) or not file.is_file():
            continue
        if name in presets.names("scenario"):
            raise InputError("scenarios", name, f"one meaning of it: rename {file}")
        one = [*of_settings, f"scenario={name}"]
        out[name] = door.composed(one, "compare", CompareCommand, given).scenario
        if out[name].name != name:
            raise InputError("scenario.name", out[name].name, f"{name}, as {file} is called")
    return out


def study_sensitivity(command: SensitivityCommand) -> Path:
    """Study which uncertain parameters matter; return the folder."""
    from marketsim import sensitivity

    asked = _part(command, Sensitivity)
    return sensitivity.study_parameters(command.settings(), asked, *command.how())


def calibrate(command: CalibrateCommand) -> Path:
    """Search for the posterior of the posts; return the folder."""
    from marketsim import calibration

    return calibration.calibrate(*_searched(command))


def calibrate_market(command: CalibrateCommand) -> Path:
    """Search for the posterior of the chain; return the folder."""
    from marketsim import market_calibration

    return market_calibration.calibrate(*_searched(command))


def identify(command: TableCommand) -> Path:
    """Ask what the survey can tell; return the folder."""
    from marketsim import appraisal

    return appraisal.identify(*_appraised(command))


def validate(command: TableCommand) -> Path:
    """Hold every row of the evidence against its prediction; return the folder."""
    from marketsim import appraisal

    return appraisal.validate(*_appraised(command))


def cores() -> int:
    """Return the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _part(command: Command, kind: Any) -> Any:
    """Return the part of a command that is of a kind."""
    return kind(**{item.name: getattr(command, item.name) for item in fields(kind)})


def _searched(command: CalibrateCommand) -> tuple[Settings, Calibration, Path, int, bool]:
    return command.settings(), command.calibration, *command.how()


def _appraised(command: TableCommand) -> tuple[Settings, Path, Path, int, int, bool]:
    folder, threads, progress = command.how()
    tables = Path(command.output) / "prior"
    return command.settings(), tables, folder, command.simulations, threads, progress
