"""The campaign of inputs: inputs from the strategies, each outcome checked against the laws."""

import itertools
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from campaigns import inputs, laws, runner
from campaigns.inputs import Input
from campaigns.laws import BrokenError, hold

SEED = 2015
NEW_PROCESS = 25  # one of so many inputs is given to a new process
PART = 100  # inputs that are drawn, and shrunk, together


class Row(NamedTuple):
    """The outcome of one input that broke no law."""

    kind: str
    what: str
    new: bool
    code: int | None
    checked: str


def campaign(
    examples: int, new_processes: bool = True, seeded: int = SEED, workers: int = 1
) -> list[Row]:
    """Give the command inputs of every kind; those that break a law are shrunk and raised.

    Parameters
    ----------
    examples : int
        About how many inputs; every kind of mistake is tried at least twice.
    new_processes : bool
        Whether some inputs are given to a new process instead of a fork.
    seeded : int
        The inputs are a function of it.
    workers : int
        Commands that run at the same time.

    Raises
    ------
    laws.BrokenError
        With every broken law, after all inputs.
    """
    numbers = itertools.count()
    rows: list[Row] = []

    def hold_part(part: tuple[SearchStrategy[Input], int, int]) -> str:
        strategy, number, begin = part

        @seed(begin)
        @settings(
            max_examples=number,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def holds(one: Input) -> None:
            new = new_processes and next(numbers) % NEW_PROCESS == 0
            rows.append(outcome_of(one, new))

        try:
            holds()
        except (BrokenError, BaseExceptionGroup) as fault:
            laws_broken = getattr(fault, "exceptions", [fault])
            return "\n".join(f"{law} {getattr(law, '__notes__', '')}" for law in laws_broken)
        return ""

    broken = runner.side_by_side(hold_part, list(_parts(examples, seeded)), workers)
    if any(broken):
        raise BrokenError("\n".join(filter(None, broken)))
    return rows


def _parts(examples: int, seeded: int) -> Iterator[tuple[SearchStrategy[Input], int, int]]:
    """Yield a strategy, how many inputs to draw, and a seed, the longest parts first."""
    for strategy, share in inputs.shares().items():
        left = max(round(share * examples), 2)
        for begin in itertools.count(seeded):
            yield strategy, min(left, PART), begin
            left -= PART
            if left <= 0:
                break


def outcome_of(one: Input, new: bool = False) -> Row:
    """Run the command with an input and check the outcome."""
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "a folder 象牙"
        folder.mkdir()
        for name, content in one.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        before = laws.snapshot(folder)
        ended = runner.run(list(one.words), folder, new)
        try:
            hold(ended.code is not None, f"an end within {runner.LIMIT:.0f} s")
            checked = judge(one, ended, before, folder, new)
        except BrokenError as law:
            raise BrokenError(f"{law} | {ended.err.strip()[-600:]}") from None
        return Row(one.kind, one.what, new, ended.code, checked)


def judge(one: Input, ended: runner.Outcome, before: dict, folder: Path, new: bool) -> str:
    """Check an outcome against the laws; return what was checked."""
    if one.kind == "broken" or (one.kind == "garbage" and ended.code != 0):
        laws.refused(ended.code, ended.out, ended.err, one.key)
        hold(laws.snapshot(folder) == before, "nothing written")
        return "refused"
    hold(ended.code == 0, f"exit code 0, not {ended.code}")
    hold(ended.err == "", "nothing on the error stream")
    if one.kind == "garbage":
        for place in laws.finished(folder):
            laws.result(place)
        return "result"
    return valid(one, ended, before, folder, new)


def valid(one: Input, ended: runner.Outcome, before: dict, folder: Path, new: bool) -> str:
    """Check the result of a valid input."""
    output = folder / one.output
    places = laws.finished(output)
    hold(len(places) == (2 if one.what == "sweep" else 1), "a result for each job")
    laws.whole_folder(folder, output)
    added = {name.partition("/")[0] for name in laws.snapshot(folder) if name not in before}
    hold(added <= {one.output.partition("/")[0], "__pycache__"}, "nothing elsewhere")
    for place in places:
        hold(not one.study or place.parent.name == one.study, f"a study called {one.study}")
        laws.has_settings(laws.result(place), one.settings)
        hold(one.what == "sweep" or place.name in ended.out, "the folder is printed")
    place, words = places[0], list(one.words)
    tables = laws.tables_of(place)
    if one.check == "reused":
        was = laws.snapshot(place)
        again = runner.run(words, folder, new)
        hold(again.code == 0 and "loaded cached result" in again.out, "a result is reused")
        hold(laws.snapshot(place) == was, "and unchanged")
    if one.check == "threads":
        again = runner.run([*words, "fresh=true", "threads=2"], folder, new)
        hold(again.code == 0 and laws.tables_of(place) == tables, "two threads, the same bytes")
    if one.check == "zero":
        again = runner.run([*words, *zero_doses(), "study=zero"], folder, new)
        hold(again.code == 0, f"zero doses run: {again.err}")
        (other,) = laws.finished(output / "zero")
        hold(laws.tables_of(other) == tables, "a zero dose equals the baseline")
    if one.check == "verified":
        again = runner.run(["verify", str(place.relative_to(folder))], folder, new)
        hold((again.code, again.out) == (0, "identical\n"), f"verified: {again.out}{again.err}")
    return one.check or "result"


def zero_doses() -> list[str]:
    """Return interventions of every kind without a dose, as arguments of a run."""
    out = []
    for k, (name, kind) in enumerate(inputs.KINDS.items()):
        if name not in ("closure", "legal_supply"):  # two of them at the same time are refused
            when = "date" if "date" in kind.__dataclass_fields__ else "start"
            entry = f"{{kind:{name},{when}:'2015-06-0{k % 9 + 1}'}}"
            out.append(f"+scenario.interventions.zero{k}={entry}")
    return out


def table(rows: list[Row]) -> list[dict[str, object]]:
    """Count the outcomes of each kind of input."""
    groups = defaultdict(list)
    for row in rows:
        groups[row.kind, row.what].append(row)
    return [
        {"kind": kind, "what": what, "tried": len(found)}
        | {"new_process": sum(row.new for row in found)}
        | {"result": sum(row.code == 0 for row in found)}
        | {"refused": sum(row.code == 2 for row in found)}
        | {name: sum(row.checked == name for row in found) for name in inputs.CHECKS}
        for (kind, what), found in sorted(groups.items())
    ]
