"""The one door for bad input."""

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """Something the user gave cannot be used.

    Parameters
    ----------
    key : str
        What was given, by the name under which the user can change it.
    value : object
        What was given.
    allowed : str
        What would have been accepted.
    """

    def __init__(self, key: str, value: Any, allowed: str) -> None:
        self.key, self.value, self.allowed = key, value, allowed
        super().__init__(one_line(f"{key}={value}: allowed is {allowed}"))


def one_of(given: Any, names: Iterable[str]) -> str:
    """Say which names there are, with the nearest to what was given before them.

    Examples
    --------
    >>> one_of("no_crakdown", ["baseline_2015", "no_crackdown"])
    'perhaps no_crackdown; there are baseline_2015, no_crackdown'
    >>> one_of("x", ["baseline_2015", "no_crackdown"])
    'baseline_2015, no_crackdown'
    """
    known = list(names)
    near = difflib.get_close_matches(str(given), known, 1)
    listed = ", ".join(known)
    return f"perhaps {near[0]}; there are {listed}" if near else listed


def one_line(text: str) -> str:
    """Return a text as one line that changes nothing in a terminal: the rest is escaped."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class MissingExtraError(InputError):
    """A subcommand needs a package that is not installed.

    Parameters
    ----------
    what : str
        The subcommand.
    package : str
        What it needs.
    """

    def __init__(self, what: str, package: str) -> None:
        super().__init__(what, f"no {package}", f"pip install 'marketsim[{what}]'")
        self.args = (f"{what} needs {package}: {self.allowed}",)


def span(low: float, high: float, unit: str) -> str:
    """Say a range in words, with whole numbers written out."""
    ends = (f"{int(end):,}" if float(end).is_integer() else f"{end:g}" for end in (low, high))
    return f"{' to '.join(ends)} ({unit})"
