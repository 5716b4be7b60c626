"""docs/reliability.md, made from the last results: ``PYTHONPATH=.. python -m campaigns.page``."""

import csv
from collections import defaultdict
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
COUNTED = ("tried", "new_process", "result", "refused", "other", "reused", "threads", "zero",
           "verified")  # fmt: skip
HEAD = """\
# Reliability

What is asked of every fault: one clear line or a correct result, never a wrong one, and no
finished work lost. What files of somebody else's can and cannot do stands in
[security](security.md). This page is made from the last results of the campaigns, in
`tests/campaigns/results/`:

```sh
cd tests
export PYTHONPATH=..
python -m campaigns.fuzz 0 5000 --table campaigns/results/fuzz.csv
python -m campaigns.faults --table campaigns/results/faults.csv
python -m campaigns.page > ../docs/reliability.md
```

A sample of both runs in the default suite, with tests of the faults one by one
(`tests/test_fuzz.py`, `tests/test_faults.py`).

"""
FUZZ = """\
## Inputs

An input is drawn by its number from a seed (2015): *valid* ones from what the package declares
(parameters within their ranges, often at the ends; scenarios, recoveries, posteriors,
interventions of every kind with dates and doses, scenario files, a class of the user's, sweeps),
*broken* ones from a valid command and one mistake, *garbage* from pieces of the grammar, bytes
and damaged files. Each is given to the real command,
`marketsim.commands.cli.main` with the words as its arguments, in a folder of its own: in a fork
made after the imports, and every 25th in a new process, as a shell starts it.

A result is held to the laws: exit code 0 and no word on the error stream; the settings of the
manifest are those given; every table has its checksum and its rows; all runs and days are there;
no count is negative; the books add up to nothing on each day and nobody inside owes; nothing is
left beside. Of some (*reused*) the same command again takes the result as it is, two *threads*
give the same bytes, a *zero* dose of every kind changes no byte, and `verify` says identical
(*same*). A refusal is one line on the error stream that names the key and what is allowed, exit
code 2, nothing printed, nothing written.

{summary}

| input | what | tried | new process | result | refused | other | reused | threads | zero | same |
|---|---|---|---|---|---|---|---|---|---|---|
"""
FAULTS = """\

## Faults

Small studies, comparisons and sweeps, ended, damaged and deprived at random. What was ended is
finished afterwards, and its tables are held against those of work that nothing ended, byte by
byte. {summary}

| fault | of what | what came of it | times |
|---|---|---|---|
"""


def rows(name: str) -> list[dict[str, str]]:
    """Return a table of the last results."""
    with (RESULTS / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def page() -> str:
    """Return the page."""
    fuzz, faults = rows("fuzz.csv"), rows("faults.csv")
    names, columns = ("kind", "what", *COUNTED), ("fault", "what", "came", "times")
    lines = [HEAD, FUZZ.format(summary=_inputs(fuzz))]
    lines += [f"| {' | '.join(row[name] for name in names)} |\n" for row in merged(fuzz)]
    times = sum(int(row["times"]) for row in faults)
    summary = f"Of {times:,} trials {_findings(faults)} broke this."
    lines.append(FAULTS.format(summary=summary))
    lines += [f"| {' | '.join(row[name] for name in columns)} |\n" for row in faults]
    return "".join([*lines, "\n", (RESULTS / "notes.md").read_text(encoding="utf-8")])


def _inputs(fuzz: list[dict[str, str]]) -> str:
    by_kind: dict[str, int] = defaultdict(int)
    for row in fuzz:
        by_kind[row["kind"]] += int(row["tried"])
    total, new = sum(by_kind.values()), sum(int(row["new_process"]) for row in fuzz)
    return (
        f"Of {total:,} inputs {by_kind['valid']:,} were valid ({by_kind['valid'] / total:.0%}), "
        f"{by_kind['broken']:,} broken and {by_kind['garbage']:,} garbage; {new} were given to a "
        f"new process. {_findings(fuzz)} broke a law."
    )


def _findings(table: list[dict[str, str]]) -> str:
    return str(sum(int(row["findings"]) for row in table) or "None")


def merged(fuzz: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return a row a maker of inputs: the kinds of broken scenario files are one."""
    out: dict[tuple[str, str], dict[str, str]] = {}
    for row in fuzz:
        mine = row | {"what": row["what"].partition(":")[0]}
        one = out.setdefault((mine["kind"], mine["what"]), mine)
        if one is not mine:
            for name in COUNTED:
                one[name] = str(int(one[name]) + int(mine[name]))
    return list(out.values())


if __name__ == "__main__":
    print(page(), end="")
