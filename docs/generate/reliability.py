"""Write docs/reliability.md from the recorded results of the campaigns."""

import csv
import datetime as dt
from collections import defaultdict
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "tests" / "campaigns" / "results"
CHECKS = ("reused", "threads", "zero", "verified")
PREFACE = """\
# Reliability

A fault has to end in one clear line or in a correct result, never in a wrong one, and finished
work has to be kept. [Security](security.md) says what files from others can and cannot do.

Two campaigns test this (`tests/campaigns/`). To run them, with as many commands at the same time
as there are cores (or `--workers`), and to generate this page:

```sh
cd tests
export PYTHONPATH=..
python -m campaigns inputs --examples 2600 --table campaigns/results/inputs.csv
python -m campaigns faults --share 0.65 --table campaigns/results/faults.csv
cd ..
python -m docs.generate.reliability > docs/reliability.md
```

`python -m pytest -m campaign` runs both; the default suite runs a sample
(`tests/test_fuzz.py`, `tests/test_faults.py`).

## What is tested

**Inputs** are drawn by Hypothesis. *Valid* ones come from what the package declares: parameters
within their ranges, often at the ends; scenarios, recovery mechanisms, posteriors, interventions
with dates and doses, scenario files, a class of the user's, sweeps; names in Chinese, with spaces
and dots, and such that could be numbers, dates or addresses. *Broken* ones are a valid command with
one mistake from a table; *garbage* is made of pieces of the grammar, bytes, control characters and
damaged files. Each is given to the real command in a folder of its own: in a fork made after the
imports, and one of 25 in a new process, as a shell starts it.

A valid input has to give exit code 0 and nothing on the error stream; the manifest records the
settings given; every table has its checksum and its rows; all runs and days exist; no count is
negative; the ledger balances on each day and no internal account is negative; nothing else is
written. Some get one further check: the same command again reuses the result (*reused*), two
*threads* give the same bytes, a *zero* dose of every intervention changes no byte, `verify` prints
identical (*verified*). Any other input has to be refused: one line on the error stream that names
the setting and what is allowed, exit code 2, nothing printed, nothing written.

**Faults** are done to small studies, comparisons and sweeps at random moments: signals, damaged
files, full and read-only disks, also of the compiled kernels, file systems without locks, two
processes on one result, linked results, closed streams, other locales, clocks, environment
variables, styles of figures, names and texts of scenarios. Interrupted work is finished afterwards,
and its tables are compared with those of undisturbed work, byte by byte.

"""


def as_markdown() -> str:
    """Return the page: what is tested, the recorded results, and the notes.

    Returns
    -------
    str
        Markdown.
    """
    parts = [PREFACE, _summary(), "\n", _inputs(), "\n", _faults(), "\n"]
    return "".join([*parts, (RESULTS / "notes.md").read_text(encoding="utf-8")])


def rows(name: str) -> list[dict[str, str]]:
    """Return a table of recorded results."""
    with (RESULTS / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _summary() -> str:
    """Return when the campaigns were run, and how large they were."""
    inputs, faults = rows("inputs.csv"), rows("faults.csv")
    tried = {kind: _sum(inputs, "tried", kind) for kind in ("valid", "broken", "garbage")}
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in tried.items())
    text = f"""\
Inputs: {_when(inputs)}. Of {_sum(inputs, "tried"):,} inputs ({kinds}), of which
{_sum(inputs, "new_process"):,} were given to a new process, none broke a law.

Faults: {_when(faults)}. Of {_sum(faults, "times"):,} trials none broke a law.
"""
    return f"## The last complete campaigns\n\n{text}"


def _when(found: list[dict[str, str]]) -> str:
    """Return the date and the commit of a campaign; a table has those of one."""
    ((date, commit),) = {(row["date"], row["commit"]) for row in found}
    day = dt.date.fromisoformat(date)
    return f"run on {day.day} {day:%B %Y}, commit {commit}"


def _sum(found: list[dict[str, str]], column: str, kind: str | None = None) -> int:
    return sum(int(row[column]) for row in found if kind in (None, row.get("kind")))


def _inputs() -> str:
    """Return a row for each kind of input."""
    columns = ("tried", "new_process", "result", "refused", *CHECKS)
    return _table(rows("inputs.csv"), ("kind",), columns)


def _faults() -> str:
    """Return a row for each fault and outcome."""
    return _table(rows("faults.csv"), ("fault", "outcome"), ("times",))


def _table(found: list[dict[str, str]], keys: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Sum columns over the rows with the same keys."""
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * len(columns))
    for row in found:
        group = sums[tuple(row[key] for key in keys)]
        group[:] = [total + int(row[name]) for total, name in zip(group, columns, strict=True)]
    lines = [[name.replace("_", " ") for name in (*keys, *columns)], ["---"] * len(keys + columns)]
    lines += [[*key, *(f"{total:,}" for total in group)] for key, group in sums.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    print(as_markdown(), end="")
