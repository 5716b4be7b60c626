"""What the command line and Python ask for: the schema of each command, and how one is carried out.

Heavy modules are imported where they are used.
"""

import os
import re
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketsim.errors import InputError
from marketsim.parameters.declaration import parameter
from marketsim.parameters.settings import Calibration, Comparison, Sensitivity, Settings

if TYPE_CHECKING:
    pass

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
        return part_of(self, Settings)

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
        from marketsim.numerics import jit

        if self.progress and jit.is_cold():
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


def cores() -> int:
    """Return the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def part_of(command: Command, kind: Any) -> Any:
    """Return the part of a command that is of a kind."""
    return kind(**{item.name: getattr(command, item.name) for item in fields(kind)})
