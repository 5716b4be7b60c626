"""Tab completion: the subcommands, and what each of them takes.

The shell's function, which Hydra installs, asks with the line in the environment variable
COMP_LINE. Hydra completes what it composes; the rest is completed here.
"""

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Sequence

from marketsim.errors import InputError
from marketsim.parameters import presets

LINE = "COMP_LINE"
FLAGS = ("--cfg", "--config-dir", "--help", "--info", "--multirun", "--package", "--resolve")
# keys of the subcommands that Hydra does not compose
KEYS = {
    "verify": ("threads=", "progress=", "classes="),
    "dashboard": ("port=", "threads=", "open="),
    "compile": ("--to",),
}
MORE_KEYS = {"results": ("csv=", "parquet=", "xlsx=")}  # beside the keys of a study
# lists, which Hydra takes for groups
LISTS = {"classes.": "classes=", "fixed.": "fixed=", "scenarios.": "scenarios="}
# keys of scenarios, one name or a list of them
SCENARIOS = {"compare": ("baseline", "scenarios"), "sensitivity": ("baseline",)}


def is_asked(arguments: Sequence[str]) -> bool:
    """Return whether a shell asks how a line could go on."""
    return LINE in os.environ and any(word.startswith("query=") for word in arguments)


def print_candidates(
    arguments: Sequence[str],
    subcommands: Iterable[str],
    run: Callable[[str, list[str]], object],
) -> None:
    """Print how the last word of the line could go on, one candidate a line.

    Parameters
    ----------
    arguments : sequence of str
        The shell's question, ``-sc query=SHELL``.
    subcommands : iterable of str
        Their names.
    run : callable
        Runs a subcommand, given its name and arguments.
    """
    line = os.environ[LINE]
    words = [*line.split()[1:], *([""] if line[-1:].isspace() else [])] or [""]
    *before, word = words
    name = before.pop(0) if before and before[0] in subcommands else "run"
    candidates = list(KEYS.get(name, MORE_KEYS.get(name, ())))
    if len(words) == 1:
        candidates += subcommands
    key, is_value, value = word.partition("=")
    if word.startswith("-"):
        candidates = [*KEYS[name], "--help"] if name in KEYS else list(FLAGS)
    elif is_value and key in SCENARIOS.get(name, ()):
        candidates = _scenarios(key, value)
    elif name not in KEYS:
        of = "run" if name in MORE_KEYS else name
        candidates += _ask_hydra(arguments, of, [*before, word], run)
    print("\n".join(one for one in candidates if one.startswith(word)))


def _scenarios(key: str, value: str) -> list[str]:
    """Return a key with the scenarios that its value, or the last name of a list, may become."""
    start = f"[{value.strip('[]').rpartition(',')[0]}," if "," in value else "["
    return [
        f"{key}={start if key != 'baseline' else ''}{name}" for name in presets.names("scenario")
    ]


def _ask_hydra(
    arguments: Sequence[str], name: str, words: list[str], run: Callable[[str, list[str]], object]
) -> list[str]:
    """Return how Hydra completes a line: not at all after words that it cannot compose."""
    *before, word = words
    flags, given = [], []
    for flag, following in zip(before, [*before[1:], ""], strict=False):
        if flag in ("--config-dir", "-cd"):
            flags = [flag, following]
        elif "=" in flag or flag in ("-m", "--multirun"):
            given.append(flag)
    os.environ[LINE] = " ".join(["marketsim", *given, word])
    printed = io.StringIO()
    with contextlib.suppress(InputError), contextlib.redirect_stdout(printed):
        run(name, [*arguments, *flags])
    found = [LISTS.get(one, one) for one in printed.getvalue().split()]
    return [one for one in found if word.startswith("h") or not one.startswith("hydra")]
