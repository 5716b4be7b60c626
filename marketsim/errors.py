"""The one door for bad input."""

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
        shown = " ".join(str(value).split())
        super().__init__(f"{key}={shown}: allowed is {allowed}")


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
