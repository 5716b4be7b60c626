"""Exceptions for invalid input."""

import difflib
import importlib.metadata
import importlib.util
import shlex
import sys
from collections.abc import Iterable
from typing import Any, Self

NEAR = 0.7  # likeness from which a name is offered, 0 to 1
# What to install for a package that only some commands import: as in pyproject.toml. The hint does
# not name marketsim: on PyPI that is another project, and this one has to be installed nowhere.
REQUIREMENTS = {
    "SALib": "SALib>=1.5",
    "distributed": "dask[distributed]>=2024.8",
    "jax": "jax>=0.5",
    "optax": "optax>=0.2.4",
    "pyabc": "pyabc>=0.13",
    "statsmodels": "statsmodels>=0.14",
    "streamlit": "streamlit>=1.60",
}


class InputError(ValueError):
    """Invalid input: a value that cannot be used, or not beside the others.

    Each kind of fault has a class below this one and a message of its own shape.

    Parameters
    ----------
    key : str
        The name under which the user can change the value.
    value : object
        The value as given.
    allowed : str
        What is accepted instead, or what to do.
    """

    shape = "{key}={value} is invalid: expected {allowed}"

    def __init__(self, key: str, value: Any, allowed: str) -> None:
        super().__init__(key, value, allowed)
        self.key, self.value, self.allowed = key, value, allowed
        self.place = ""

    def __str__(self) -> str:
        message = self.shape.format(key=self.key, value=self.value, allowed=self.allowed)
        return one_line(self.place + message)

    def at(self, place: str) -> Self:
        """Return the error with words before its message that say where it occurred."""
        self.place = f"{place}: {self.place}"
        return self

    def below(self, key: str) -> Self:
        """Return the error with its key below another."""
        self.key = f"{key}.{self.key}"
        return self


class UnknownParameterError(InputError):
    """A dotted key that no parameter has."""

    shape = "unknown parameter '{key}'; {allowed}"


class UnknownNameError(InputError):
    """A name that is not among the choices of a key."""

    shape = "unknown {key} '{value}'; {allowed}"


class OutOfRangeError(InputError):
    """A number outside its range."""

    shape = "{key}={value} is out of range: {allowed}"


class WrongTypeError(InputError):
    """A value of another type than the key has."""

    shape = "{key}={value} has the wrong type: expected {allowed}"


class UsageError(InputError):
    """Words of the command line that do not form a command."""

    shape = "'{value}' cannot be used: {allowed}"


class MissingArgumentError(InputError):
    """A subcommand without an argument that it needs."""

    shape = "missing argument {key}. Usage: {allowed}"


class MissingPackageError(InputError):
    """A subcommand without a package that it needs."""

    shape = "marketsim {key} requires {value}: {allowed}"


class UnreadableFileError(InputError):
    """A file that cannot be read."""

    shape = "cannot read {value}: {allowed}"


class UnwritableFolderError(InputError):
    """A folder that cannot be written to."""

    shape = "cannot write to {value}: {allowed}; choose another folder with {key}=FOLDER"


class DamagedResultError(InputError):
    """A result whose files are not those that were written."""

    shape = "{allowed} in {value}; delete the folder and rerun"


def unknown_parameter(key: str, value: Any, known: Iterable[str]) -> InputError:
    """Return the error for a key that does not exist, with the nearest of those that do.

    Parameters
    ----------
    key : str
        As given.
    value : object
        As given.
    known : iterable of str
        All dotted keys. A key is also compared with their last parts.

    Examples
    --------
    >>> str(unknown_parameter("supply.csot", 3, ["supply.cost", "seed"]))
    "unknown parameter 'supply.csot'; did you mean 'supply.cost'?"
    >>> str(unknown_parameter("retailers", 500, ["population.retailers", "seed"]))
    "unknown parameter 'retailers'; did you mean 'population.retailers'?"
    """

    def likeness(name: str) -> float:
        last, other = key.rpartition(".")[2], name.rpartition(".")[2]
        return max(_likeness(key, name), _likeness(last, other))

    best = max(known, key=likeness, default="")
    near = best if likeness(best) >= NEAR else ""
    remedy = f"did you mean '{near}'?" if near else "marketsim --cfg job lists all parameters"
    return UnknownParameterError(key, value, remedy)


def unknown_name(key: str, value: Any, known: Iterable[str]) -> InputError:
    """Return the error for a name that does not exist, with the nearest and the list of names.

    Examples
    --------
    >>> str(unknown_name("recovery", "ternd", ["none", "trend"]))
    "unknown recovery 'ternd'; did you mean 'trend'? Known: none, trend"
    """
    names = list(known)
    near = difflib.get_close_matches(str(value), names, 1, NEAR)
    listed = ", ".join(names)
    remedy = f"did you mean '{near[0]}'? Known: {listed}" if near else f"known: {listed}"
    return UnknownNameError(key, value, remedy)


def out_of_range(key: str, value: Any, low: float, high: float, unit: str) -> InputError:
    """Return the error for a number outside its range.

    Examples
    --------
    >>> str(out_of_range("supply.cost", -1, 0, 100000, "CNY/g"))
    'supply.cost=-1 is out of range: 0 to 100000 CNY/g'
    """
    return OutOfRangeError(key, value, span(low, high, unit))


def require_package(command: str, package: str) -> None:
    """Refuse a command whose package is not installed, without importing it.

    Parameters
    ----------
    command : str
        The words after `marketsim` that need the package.
    package : str
        One of `REQUIREMENTS`.

    Raises
    ------
    MissingPackageError
        Where it is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:  # without an origin: a folder of that name
        words = [sys.executable, "-m", "pip", "install", REQUIREMENTS[package]]
        raise MissingPackageError(command, package, shlex.join(words))


def span(low: float, high: float, unit: str) -> str:
    """Return a range and its unit as text.

    Examples
    --------
    >>> span(0.5, 2000000, "posts")
    '0.5 to 2000000 posts'
    >>> span(0, 1, "1")
    '0 to 1'
    """
    ends = (str(int(end)) if float(end).is_integer() else f"{end:g}" for end in (low, high))
    return " to ".join(ends) + ("" if unit == "1" else f" {unit}")


def one_line(text: str) -> str:
    """Return a text as one line; control characters are escaped."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _likeness(one: str, other: str) -> float:
    """Return how alike two names are, 0 to 1."""
    return difflib.SequenceMatcher(None, one, other).ratio()
