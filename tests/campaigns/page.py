"""docs/reliability.md, made from the last results: ``PYTHONPATH=.. python -m campaigns.page``."""

import csv
from collections import defaultdict
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
COUNTED = ("tried", "new_process", "result", "refused", "other", "reused", "threads", "zero",
           "verified")  # fmt: skip
HEAD = """\
# Reliability

Made from the last results of the campaigns, in `tests/campaigns/results/`; do not edit. What is
asked of every fault: one clear line or a correct result, never a wrong one, and no finished work
lost. What files of somebody else's can and cannot do stands in [SECURITY.md](../SECURITY.md).

    cd tests && PYTHONPATH=.. python -m campaigns.fuzz 0 5000 --table campaigns/results/fuzz.csv
    cd tests && PYTHONPATH=.. python -m campaigns.faults --table campaigns/results/faults.csv
    python -m pytest -m campaign tests/test_sweeps.py
    cd tests && PYTHONPATH=.. python -m campaigns.page > ../docs/reliability.md

"""
FUZZ = """\
## Inputs

An input is drawn by its number from a seed: *valid* ones from what the package declares (every
parameter within its range, often at its ends; every scenario, recovery and posterior;
interventions of every kind with dates and doses; scenario files; a class of the user's; sweeps),
*broken* ones from a valid command and one mistake, *garbage* from pieces of the grammar, bytes and
damaged files. Each is given to the real command: `marketsim.cli.main` with the words as its
arguments, in a folder of its own, in a fork made after the imports, and every {share}th in a new
process, as a shell starts it.

A result is held to the laws: exit code 0 and no word on the error stream; the settings of the
manifest are those given; every table has its checksum and rows; runs and days are all there;
counts are not negative; the books add up to nothing on each day and nobody inside owes; nothing
is left beside. Of some, the same command again takes the result as it is, two threads give the
same bytes, a zero dose of every kind changes no byte, `verify` says identical. A refusal is one
line on the error stream that names the key and what is allowed, exit code 2, nothing printed,
nothing written.

{summary}

| input | what | tried | new process | result | refused | other | reused | threads | zero | same |
|---|---|---|---|---|---|---|---|---|---|---|
"""
FAULTS = """\

## Faults

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
    by_kind: dict[str, int] = defaultdict(int)
    for row in fuzz:
        by_kind[row["kind"]] += int(row["tried"])
    total, new = sum(by_kind.values()), sum(int(row["new_process"]) for row in fuzz)
    wrong = sum(int(row["findings"]) for row in fuzz + faults)
    summary = (
        f"Of {total:,} inputs {by_kind['valid']:,} were valid ({by_kind['valid'] / total:.0%}), "
        f"{by_kind['broken']:,} broken, {by_kind['garbage']:,} garbage; {new} in a new process. "
        f"Of these, and of the {sum(int(row['times']) for row in faults):,} faults below, "
        f"{wrong} broke a law."
    )
    names = ("kind", "what", *COUNTED)
    lines = [HEAD, FUZZ.format(summary=summary, share=25)]
    lines += [f"| {' | '.join(row[name] for name in names)} |\n" for row in merged(fuzz)]
    lines.append(FAULTS)
    columns = ("fault", "what", "came", "times")
    lines += [f"| {' | '.join(row[name] for name in columns)} |\n" for row in faults]
    notes = (RESULTS / "notes.md").read_text(encoding="utf-8")
    return "".join([*lines, "\n", notes])


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
