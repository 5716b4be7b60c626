"""Write docs/reliability.md from the recorded results of the campaigns."""

import csv
from collections import defaultdict
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "tests" / "campaigns" / "results"
CHECKS = ("reused", "threads", "zero", "verified")
PREFACE = """\
# Reliability

A fault has to end in one clear line or in a correct result, never in a wrong one, and finished
work has to be kept. [Security](security.md) says what files from others can and cannot do.

Two campaigns test this (`tests/campaigns/`). Generate this page with
`python -m docs.generate.reliability > docs/reliability.md`; run the campaigns with

```sh
cd tests
export PYTHONPATH=..
python -m campaigns inputs --examples 5000 --table inputs.csv
python -m campaigns faults --table faults.csv
```

`python -m pytest -m campaign` runs both; the default suite runs a sample
(`tests/test_fuzz.py`, `tests/test_faults.py`).

## What is tested

**Inputs** are drawn by Hypothesis. *Valid* ones come from what the package declares: parameters
within their ranges, often at the ends; scenarios, recovery mechanisms, posteriors, interventions
with dates and doses, scenario files, a class of the user's, sweeps. *Broken* ones are a valid
command with one mistake from a table; *garbage* is made of pieces of the grammar, bytes and
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
files, full and read-only disks, two processes on one result, closed streams, other locales, clocks
and environment variables. Interrupted work is finished afterwards, and its tables are compared
with those of undisturbed work, byte by byte.

"""


def as_markdown() -> str:
    """Return the page: what is tested, the recorded results, and the notes.

    Returns
    -------
    str
        Markdown.
    """
    parts = [PREFACE, _read("complete.md"), "\n", _inputs("fuzz.csv"), "\n", _faults("faults.csv")]
    return "".join([*parts, "\n", _read("notes.md")])


def rows(name: str) -> list[dict[str, str]]:
    """Return a table of recorded results."""
    with (RESULTS / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _read(name: str) -> str:
    return (RESULTS / name).read_text(encoding="utf-8")


def _inputs(name: str) -> str:
    """Return a row for each kind of input."""
    columns = ("tried", "new_process", "result", "refused", *CHECKS)
    return _table(rows(name), ("kind",), columns)


def _faults(name: str) -> str:
    """Return a row for each fault and outcome."""
    renamed = [row | {"outcome": row.get("came", row.get("outcome", ""))} for row in rows(name)]
    return _table(renamed, ("fault", "outcome"), ("times",))


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
