"""Options of the subcommands: schemas, and how their values are read from the command line."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from marketsim.errors import (
    InputError,
    UsageError,
    WrongTypeError,
    out_of_range,
    unknown_parameter,
)
from marketsim.parameters.declaration import parameter
from marketsim.parameters.settings import (
    NAMED,
    Calibration,
    Comparison,
    Inference,
    Sensitivity,
    Settings,
    is_name,
)

Part = TypeVar("Part")


@dataclass
class Command(Settings):
    """Settings, and where and how to run them; the latter does not affect any table."""

    output: str = "results"
    study: str | None = None
    threads: int | None = parameter(
        None,
        "threads",
        1,
        1024,
        "parallel runs, or threads of a large run (default: all cores)",
        "machine",
    )
    progress: bool = True

    def settings(self) -> Settings:
        """Return the settings alone."""
        return self.part(Settings)

    def part(self, kind: type[Part]) -> Part:
        """Return the values of the command that belong to a dataclass it inherits from."""
        names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
        return kind(**{name: getattr(self, name) for name in names})

    def folder(self) -> Path:
        """Return the study's folder.

        Raises
        ------
        InputError
            For a name or an output that cannot be a folder.
        """
        name = self.study if self.study is not None else self.scenario.name
        if not is_name(name):
            raise InputError("study", name or "''", NAMED)
        if not self.output:
            raise InputError("output", "''", "a folder to write to")
        return Path(self.output) / name

    def cores(self) -> int:
        """Return the number of threads."""
        return self.threads or cores()


@dataclass
class RunCommand(Command):
    """Options of `run`."""

    fresh: bool = False
    figures: bool = True


@dataclass
class CalibrateCommand(Command):
    """Options of `calibrate`."""

    calibration: Inference = field(default_factory=Inference)


@dataclass
class CalibrateMarketCommand(Command):
    """Options of `calibrate_market`."""

    calibration: Calibration = field(default_factory=Calibration)


@dataclass
class CompareCommand(Command, Comparison):
    """Options of `compare`."""


@dataclass
class SensitivityCommand(Command, Sensitivity):
    """Options of `sensitivity`."""


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse(
    arguments: Sequence[str], readers: Mapping[str, Callable[[str, str], Any]]
) -> dict[str, Any]:
    """Return the values of KEY=VALUE arguments of a subcommand that Hydra does not compose.

    Parameters
    ----------
    arguments : sequence of str
        KEY=VALUE words.
    readers : mapping of str to callable
        For each known key, what turns key and text into a value.

    Raises
    ------
    InputError
        For a word that is not KEY=VALUE, an unknown key, or a value its reader refuses.
    """
    values = {}
    for word in arguments:
        key, is_option, text = word.partition("=")
        if not is_option:
            raise UsageError("argument", word, f"options are {', '.join(readers)}, as KEY=VALUE")
        if key not in readers:
            raise unknown_parameter(key, text, readers)
        values[key] = readers[key](key, text)
    return values


def whole_number(low: int, high: int, unit: str) -> Callable[[str, str], int]:
    """Return a reader of whole numbers in a range."""

    def read(key: str, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise WrongTypeError(key, text, "a whole number")
        if not low <= int(text) <= high:
            raise out_of_range(key, text, low, high, unit)
        return int(text)

    return read


def switch(key: str, text: str) -> bool:
    """Read true or false."""
    if text not in ("true", "false"):
        raise WrongTypeError(key, text, "true or false")
    return text == "true"


def file_list(key: str, text: str) -> list[str]:
    """Read names of files, [FILE,FILE]."""
    if not text:
        raise InputError(key, "''", "names of files, [FILE,FILE]")
    return text.removeprefix("[").removesuffix("]").split(",")
