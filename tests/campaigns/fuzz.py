"""The fuzz campaign: thousands of inputs through the real command, each outcome held to the laws.

    cd tests && PYTHONPATH=.. python -m campaigns.fuzz 0 5000 --table campaigns/results/fuzz.csv

An input is a function of the seed and its number: one that breaks a law is made again by it.
"""

import argparse
import csv
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from campaigns import inputs, laws, runner
from campaigns.inputs import Input
from campaigns.laws import BrokenError, hold

SEED = 2015
NEW_PROCESS = 25  # every so many-th input is given to a process of its own
AGAIN, FRESH, ZERO, VERIFY = (
    8,
    30,
    24,
    60,
)  # how many valid inputs have one that is looked at longer


class Row(NamedTuple):
    """What came of one input; `finding` is empty where every law held."""

    number: int
    kind: str
    what: str
    process: str
    code: int | None
    seconds: float
    looked: str
    finding: str


def one(number: int, seed: int, base: Path, start=None) -> Row:
    """Give one input to the command and judge what came of it."""
    given = inputs.draw(seed, number)
    is_new = start is None and number % NEW_PROCESS == 0
    start = start or (runner.new_process if is_new else runner.forked)
    folder = base / f"{number} 象牙"
    folder.mkdir()
    for name, content in given.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    before = laws.snapshot(folder)
    came = start(list(given.words), folder)
    looked, finding = "", ""
    try:
        hold(came.code is not None, f"an end within {runner.LIMIT:.0f} s")
        looked = judge(given, came, before, folder, start)
    except BrokenError as law:
        finding = f"{law} | {came.err.strip()[-600:]}"
    except Exception as fault:
        finding = f"{type(fault).__name__}: {fault} | {came.err.strip()[-600:]}"
    shutil.rmtree(folder)
    process = "new" if is_new else "fork"
    return Row(number, given.kind, given.what, process, came.code, came.seconds, looked, finding)


def judge(given: Input, came: runner.Outcome, before: dict, folder: Path, start) -> str:
    """Hold an outcome to the laws; return what was looked at."""
    if given.kind == "broken" or (given.kind == "garbage" and came.code != 0):
        laws.refused(came.code, came.out, came.err, given.key)
        hold(laws.snapshot(folder) == before, "nothing written")
        return "refused"
    hold(came.code == 0, f"exit code 0, not {came.code}")
    hold(came.err == "", "nothing on the error stream")
    if given.kind == "garbage":
        places = laws.finished(folder)
        for place in places:
            laws.result(place)
        return "ran" if places else "told"
    return valid(given, came, before, folder, start)


def valid(given: Input, came: runner.Outcome, before: dict, folder: Path, start) -> str:
    """Hold the result of a valid input to the laws, some of them longer than others."""
    output = folder / given.output
    places = laws.finished(output)
    hold(len(places) == (2 if given.what == "sweep" else 1), "a result for each job")
    laws.whole_folder(folder, output)
    more = {name for name in laws.snapshot(folder) if name not in before}
    top = given.output.partition("/")[0]
    hold(all(name.partition("/")[0] in (top, "__pycache__") for name in more), "nothing elsewhere")
    for place in places:
        laws.as_asked(laws.result(place), given.asked)
        hold(given.what == "sweep" or place.name in came.out, "the folder is told")
    if given.what == "sweep":
        return "sweep"
    looked, (place,) = ["run"], places
    if given.number % AGAIN == 0:
        was = laws.snapshot(place)
        again = start(list(given.words), folder)
        hold(again.code == 0 and "loaded cached result" in again.out, "a result is taken as it is")
        hold(laws.snapshot(place) == was, "and not touched")
        looked.append("reused")
    if given.number % FRESH == 1:
        tables = laws.tables_of(place)
        again = start([*given.words, "fresh=true", "threads=2"], folder)
        hold(again.code == 0 and laws.tables_of(place) == tables, "two threads, the same bytes")
        looked.append("threads")
    if given.number % ZERO == 2:
        looked.append(zero_dose(given, place, folder, start))
    if given.number % VERIFY == 3 and given.what == "run":
        again = start(["verify", str(place.relative_to(folder)), "progress=false"], folder)
        hold((again.code, again.out) == (0, "identical\n"), f"verified: {again.out}{again.err}")
        looked.append("verified")
    return " ".join(looked)


def zero_dose(given: Input, place: Path, folder: Path, start) -> str:
    """Interventions of every kind without a dose, added to a run, leave every table as it was."""
    rests = [f"+scenario.interventions.zero{k}={{kind:{kind},{when}:'2015-06-0{k % 9 + 1}'}}"
             for k, (kind, when) in enumerate(_whens())]  # fmt: skip
    again = start([*given.words, *rests, "study=zero"], folder)
    hold(again.code == 0, f"zero doses run: {again.err}")
    (other,) = laws.finished(folder / given.output / "zero")
    hold(laws.tables_of(other) == laws.tables_of(place), "a zero dose is nothing")
    return "zero"


def _whens() -> Iterable[tuple[str, str]]:
    for name, kind in inputs.KINDS.items():
        if name not in ("closure", "release"):  # two of them at the same time are refused
            yield name, "date" if "date" in kind.__dataclass_fields__ else "start"


def campaign(numbers: Iterable[int], seed: int, tell=print, start=None) -> list[Row]:
    """Run inputs by their numbers; findings are told as they come."""
    runner.prepare()
    rows, began = [], time.monotonic()
    with tempfile.TemporaryDirectory() as base:
        for number in numbers:
            rows.append(one(number, seed, Path(base), start))
            if rows[-1].finding:
                tell(f"{rows[-1]}")
            if len(rows) % 100 == 0:
                found = sum(bool(row.finding) for row in rows)
                tell(f"{len(rows)} inputs, {found} findings, {time.monotonic() - began:.0f} s")
    return rows


def table(rows: list[Row]) -> list[dict[str, object]]:
    """Return a line a kind of input: how many, what happened, what was looked at."""
    groups = defaultdict(list)
    for row in rows:
        groups[row.kind, row.what].append(row)
    out = []
    for (kind, what), found in sorted(groups.items()):
        out.append(
            {
                "kind": kind,
                "what": what,
                "tried": len(found),
                "new_process": sum(row.process == "new" for row in found),
                "result": sum(row.code == 0 for row in found),
                "refused": sum(row.code == 2 for row in found),
                "other": sum(row.code not in (0, 2) for row in found),
                **{name: sum(name in row.looked.split() for row in found)
                   for name in ("reused", "threads", "zero", "verified")},
                "findings": sum(bool(row.finding) for row in found),
                "slowest_s": f"{max(row.seconds for row in found):.1f}",
            }
        )  # fmt: skip
    return out


def main() -> None:
    """Run a campaign from the command line; exit code 1 where a law is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("end", type=int)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--forks-only", action="store_true", help="no input in a new process")
    asked = parser.parse_args()
    start = runner.forked if asked.forks_only else None
    numbers = range(asked.first, asked.end)
    rows = campaign(numbers, asked.seed, lambda line: print(line, flush=True), start)
    lines = table(rows)
    if asked.table:
        asked.table.parent.mkdir(parents=True, exist_ok=True)
        with asked.table.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
    sys.exit(any(row.finding for row in rows))


if __name__ == "__main__":
    main()
