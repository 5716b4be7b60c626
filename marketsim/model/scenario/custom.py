"""Custom interventions: frozen dataclasses defined in a researcher's own file.

A file runs only if it is named in `classes`, which must be given on the command line or in Python:
no scenario and no result can name one by itself.
"""

import dataclasses
import datetime as dt
import hashlib
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from marketsim.errors import InputError, UnreadableFileError
from marketsim.model.scenario.interventions import KINDS, LEVERS, Table

NAMES = re.compile(r"[a-z][a-z0-9_]{0,50}")


def load(files: list[str]) -> dict[str, type]:
    """Load the interventions defined in files, by their names in small letters.

    Parameters
    ----------
    files : list of str
        Paths of files of Python; class `BorderWeek` is kind `border_week`.

    Raises
    ------
    InputError
        For a file that is missing or does not run, one without an intervention, a name that is
        taken, a field that is neither a date nor declared by `dose`, `manner` or `choice`, or a
        class that moves a lever at its default doses.
    """
    out: dict[str, type] = {}
    for file in files:
        for name, kind in _classes(file, fingerprint([file])).items():
            if name in KINDS or name in out:
                raise InputError("classes", file, f"a class with another name than {kind.__name__}")
            out[name] = kind
    return out


def fingerprint(files: list[str]) -> str:
    """Return a hash over the contents of files, whatever their names; empty if there are none."""
    digest = hashlib.sha256()
    for content in sorted(hashlib.sha256(_content(file)).digest() for file in files):
        digest.update(content)
    return digest.hexdigest() if files else ""


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as fault:  # ValueError: a name that no file can have
        raise UnreadableFileError("classes", file, getattr(fault, "strerror", str(fault))) from None


@cache
def _classes(file: str, content: str) -> dict[str, type]:
    """Run a file as if it was imported, once for each content, and return its interventions."""
    unique = re.sub(r"\W", "_", f"own_{Path(file).stem}_{content[:12]}")
    spec = importlib.util.spec_from_file_location(unique, file)
    if spec is None or spec.loader is None:
        raise InputError("classes", file, "a Python file, ending in .py")
    module = importlib.util.module_from_spec(spec)
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # nothing is left beside the user's file
    sys.modules[spec.name] = module  # where dataclasses and pickle look for it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as fault:
        del sys.modules[spec.name]
        expected = f"a file that runs without an error ({type(fault).__name__}: {fault})"
        raise InputError("classes", file, expected) from fault
    finally:
        sys.dont_write_bytecode = before
    kinds = {}
    for kind in vars(module).values():
        if isinstance(kind, type) and kind.__module__ == module.__name__ and _is_intervention(kind):
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
            _check(f"{file}:{kind.__name__}", name, kind)
            kinds[name] = kind
    if not kinds:
        raise InputError("classes", file, "a file with a dataclass that has an `apply`")
    return kinds


def _is_intervention(kind: type) -> bool:
    """Return whether a class is a dataclass with an `apply` method."""
    return dataclasses.is_dataclass(kind) and callable(getattr(kind, "apply", None))


def _check(place: str, name: str, kind: Any) -> None:
    """Refuse a class of the user's that breaks a rule of the package's own interventions."""

    def refuse(what: str, allowed: str) -> InputError:
        return InputError("classes", place + what, allowed)

    if not NAMES.fullmatch(name):
        raise refuse("", "a class name of letters, digits and _")
    dates = {}
    for item in dataclasses.fields(kind):
        if item.name in ("date", "start", "end"):
            if item.default is dataclasses.MISSING:
                dates[item.name] = dt.date(2015, 5, 1)
        elif "unit" not in item.metadata and "pattern" not in item.metadata:
            raise refuse(f".{item.name}", "a field declared by dose, manner or choice")
        elif item.default is dataclasses.MISSING:
            raise refuse(f".{item.name}", "a default at which the field does nothing")
    if not dates:
        raise refuse("", "a field date, or start and end, without a default")
    changed, neutral = (Table(dt.date(2015, 4, 1), dt.date(2015, 7, 31)) for _ in range(2))
    try:
        kind(**dates).apply(changed)
    except Exception as fault:
        error = f"{type(fault).__name__}: {fault}"
        raise refuse("", f"an `apply` that runs without an error ({error})") from fault
    for lever in LEVERS:
        if getattr(changed, lever).tobytes() != getattr(neutral, lever).tobytes():
            raise refuse("", f"no lever moved at the default doses ({lever} was)")
