"""The campaign of faults: signals at random moments, damaged files, full disks, two at a time.

    cd tests && PYTHONPATH=.. python -m campaigns.faults --table campaigns/results/faults.csv

Each fault is one clear line or a correct result, and what had been finished is there afterwards.
"""

import argparse
import contextlib
import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from campaigns import laws, runner
from campaigns.laws import BrokenError, hold

SEED = 2015
SMALL = ["population=survey", "population.retailers=30", "posterior=point", "progress=false",
         "threads=1"]  # fmt: skip
COMMANDS = {
    "run": [*SMALL, "replicates=70"],
    "compare": ["compare", *SMALL, "scenarios=[no_crackdown]", "replicates=45", "prior=false"],
    "sweep": ["-m", "hydra/launcher=basic", *SMALL, "replicates=2", "figures=false",
              "seed=range(1,7)"],
}  # fmt: skip
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
# To a shell -2 is 130: CPython ends so where Ctrl-C came within an exec of a text, however it was
# answered, and importing scipy.stats execs hundreds.
ENDS = {signal.SIGKILL: (-9,), signal.SIGINT: (130, -2), signal.SIGTERM: (-15, 130)}


class Tried(NamedTuple):
    """One fault: what was done to what, and what came of it; `finding` is empty where all held."""

    fault: str
    what: str
    came: str
    finding: str = ""


def tables(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every table of every finished result below a folder."""
    return {
        f"{place.name}/{name}": content
        for place in laws.finished(folder)
        for name, content in laws.tables_of(place).items()
    }


def tried(fault: str, what: str, do: Callable[..., str], *given: object) -> Tried:
    """Do something, and note which law it breaks."""
    try:
        return Tried(fault, what, do(*given))
    except BrokenError as law:
        return Tried(fault, what, "broken", str(law))
    except Exception as fault_of_test:
        return Tried(fault, what, "broken", f"{type(fault_of_test).__name__}: {fault_of_test}")


# ---------------------------------------------------------------- signals


def signals(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """End each command at random moments, again and again, until it is done; compare the bytes."""
    for name, words in COMMANDS.items():
        straight = base / f"straight {name}"
        straight.mkdir()
        whole = runner.forked(words, straight)
        assert whole.code == 0, whole.err
        wanted = tables(straight)
        for number in SIGNALS:
            folder, sent = base / "signalled", 0
            while sent < each:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                for _ in range(4):  # several ends of one work, then it is finished
                    new = chance.random() < 0.2
                    after = chance.random() * (whole.seconds * 0.8 + 1.5 * new)
                    came = runner.signalled(words, folder, number, after, new)
                    sent += came.code != 0
                    yield tried(
                        f"{number.name} at a random moment", name,
                        ended, came, number, folder, wanted, new,
                    )  # fmt: skip
                yield tried(f"finished after {number.name}", name,
                            goes_on, words, folder, wanted)  # fmt: skip


def ended(
    came: runner.Outcome, number: int, folder: Path, wanted: dict[str, bytes], new: bool
) -> str:
    """Hold what a signal leaves: whole results alone, and one line where there was time for it."""
    there = tables(folder)
    hold(all(wanted[name] == content for name, content in there.items()), "what is there is right")
    if new and number == signal.SIGINT and _before_the_package(came):
        return "ended while Python itself was starting"
    allowed = (0, *ENDS[signal.Signals(number)])
    hold(came.code in allowed, f"an end by the signal, not {came.code}: {came.err[-500:]}")
    if came.code == 0:
        return "ended before the signal"
    if came.code in (130, -2):
        laws.one_line(came.err)
        return "one line, exit code 130"
    hold(came.err == "", f"no word: {came.err[-500:]}")
    return "ended"


def _before_the_package(came: runner.Outcome) -> bool:
    """Return whether Ctrl-C came so early that no line of the package had been run."""
    is_pythons = came.code in (-2, 1, 130) and str(runner.PACKAGE / "__main__") not in came.err
    return is_pythons and not came.err.startswith("marketsim: ")


def goes_on(words: list[str], folder: Path, wanted: dict[str, bytes]) -> str:
    """Finish the work: the bytes of one that nothing ended, and no part left over."""
    came = runner.forked(words, folder)
    hold(came.code == 0, f"finished: {came.err[-500:]}")
    hold(tables(folder) == wanted, "the bytes of a run that nothing ended")
    left = [path.name for path in folder.rglob(".*") if not path.name.endswith(".lock")]
    hold(not left, f"nothing left over: {left}")
    return "finished, the same bytes"


# ---------------------------------------------------------------- damaged files


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file cut short, or with a bit turned, or with a piece of zeros."""
    how = chance.choice(["bit", "bit", "cut", "empty", "zeros"])
    at = chance.randrange(max(len(content), 1))
    if how == "bit" and content:
        return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]
    if how == "cut":
        return content[:at]
    return b"" if how == "empty" else content[:at] + bytes(64) + content[at + 64 :]


def files(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """Damage each file of a result, of a comparison, and of the batches of one that was ended."""
    for name in ("run", "compare"):
        words, folder = COMMANDS[name], base / f"whole {name}"
        folder.mkdir()
        assert runner.forked(words, folder).code == 0
        wanted, (place,) = tables(folder), laws.finished(folder)
        for path in sorted(place.rglob("*")):
            if path.is_file():
                kind = (
                    f"{path.name} of a {name}" if path.parent == place else f"a figure of a {name}"
                )
                whole = path.read_bytes()
                for _ in range(each):
                    path.write_bytes(damaged(whole, chance))
                    yield tried(
                        "damaged file",
                        kind,
                        taken,
                        words,
                        folder,
                        place,
                        path,
                        whole,
                        wanted,
                    )
                    path.write_bytes(whole)
    yield from batches(base, chance, each)


def taken(
    words: list[str], folder: Path, place: Path, path: Path, whole: bytes, wanted: dict
) -> str:
    """Hold what the same command says of a damaged result."""
    if path.read_bytes() == whole:
        return "the same bytes by chance"
    came = runner.forked(words, folder)
    is_table = path.name == "manifest.json" or path.suffix in (".parquet", ".csv")
    if not is_table:  # figures, page and spreadsheet are not read again
        hold(came.code == 0 and tables(folder) == wanted, f"tables as they were: {came.err[-300:]}")
        return "tables untouched; figures and pages are not checked"
    if came.code == 0:  # a name in the manifest that nothing reads
        hold(
            path.name == "manifest.json" and tables(folder) == wanted,
            "a damaged table is not taken",
        )
        return "the same result"
    laws.refused(came.code, came.out, came.err, path.name)
    listed = runner.forked(["results", "results"], folder)
    hold(listed.code == 0, f"listed: {listed.err[-300:]}")
    return "one line, exit code 2"


def batches(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """Damage what a study that was ended has of its batches; it makes them again."""
    words = COMMANDS["run"]
    straight, folder = base / "whole run", base / "begun"
    wanted = tables(straight)
    for _ in range(3 * each):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        after = 0.2
        while not list(folder.rglob("*-done")) and after < 5.0:
            runner.signalled([*words, "figures=false"], folder, signal.SIGKILL, after)
            after += 0.2
        there = sorted(folder.rglob("batches/*"))
        if not there:
            continue
        for path in chance.sample(there, min(2, len(there))):
            path.write_bytes(damaged(path.read_bytes(), chance))
        yield tried("damaged batch", "run", goes_on, [*words, "figures=false"], folder, wanted)


def posteriors(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """Damage a copy of the shipped posterior, beside a copy of the package."""
    home = base / "checkout"
    home.mkdir()
    shutil.copytree(
        runner.PACKAGE, home / "marketsim", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("conf", "results/published"):
        shutil.copytree(runner.PACKAGE.parent / name, home / name)
    words = ["population=survey", "population.retailers=30", "replicates=2", "figures=false",
             "progress=false", "threads=1"]  # fmt: skip
    folder = base / "with posterior"
    folder.mkdir()
    shipped = home / "results" / "published"
    where = [
        shipped / "calibration_2015" / name
        for name in ("posterior.parquet", "structures.csv", "point.csv")
    ]
    where += [shipped / "market_2015" / name for name in ("posterior.parquet", "point.csv")]
    before = runner.new_process(words, folder, PYTHONPATH=str(home))
    assert before.code == 0, before.err
    for path in where:
        whole = path.read_bytes()
        for _ in range(each):
            path.write_bytes(damaged(whole, chance))

            def does(path: Path = path, whole: bytes = whole) -> str:
                if path.read_bytes() == whole:
                    return "the same bytes by chance"
                came = runner.new_process(words, folder, PYTHONPATH=str(home))
                laws.refused(came.code, came.out, came.err, path.name)
                return "one line, exit code 2"

            yield tried("damaged posterior", path.name, does)
            path.write_bytes(whole)


def step(market, days: int) -> None:
    """Live some days."""
    for _ in range(days):
        market.step()


def checkpoints(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """Damage a checkpoint: it is refused, or goes on to the same bits."""
    import numpy as np

    from marketsim.errors import InputError
    from marketsim.parameters import presets
    from marketsim.simulation.mesa_model import Market

    of = presets.named(population="survey")
    of.posterior, of.recovery.name, of.population.retailers = "none", "combined", 30
    market, path = Market(of, seed=1), base / "checkpoint.npz"
    step(market, 40)
    market.checkpoint(path)
    step(market, 20)
    wanted, whole = market.state.series.flows.copy(), path.read_bytes()

    def does() -> str:
        try:
            again = Market.resume(path)
        except InputError as refusal:
            hold("\n" not in str(refusal), "one line")
            return "refused in one line"
        step(again, 20)
        hold(np.array_equal(again.state.series.flows, wanted), "the same bits")
        return "the same market"

    for _ in range(6 * each):
        path.write_bytes(damaged(whole, chance))
        yield tried("damaged checkpoint", "Market.resume", does)


# ---------------------------------------------------------------- disks


@contextlib.contextmanager
def disk(place: Path, size: int) -> Iterator[Path]:
    """Hold a disk in memory of so many KiB."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def disks(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """Fill a disk at every size up to one that is enough; then make room and go on."""
    for name, words in COMMANDS.items():
        straight = base / f"straight {name}"
        if not straight.exists():
            straight.mkdir()
            assert runner.forked(words, straight).code == 0
        wanted = tables(straight)
        need = sum(path.stat().st_size for path in straight.rglob("*") if path.is_file()) // 1024
        for k in range(each):
            size = 4 + int(need * 1.2 * (k + chance.random()) / each)
            with disk(base / "disk", size) as place:
                yield tried("full disk", name, filled, words, place, wanted)
                subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
                yield tried("room made after a full disk", name, goes_on, words, place, wanted)


def filled(words: list[str], place: Path, wanted: dict[str, bytes]) -> str:
    """Hold what a command says on a disk that fills up."""
    out = place.parent / "out of disk"
    out.mkdir(exist_ok=True)
    came = runner.forked([*words, f"output='{place}/results'"], out)
    if came.code == 0:
        hold(tables(place) == wanted, "a result that is right")
        return "enough room"
    hold(came.code in (1, 2), f"exit code 1 or 2, not {came.code}: {came.err[-500:]}")
    lines = came.err.splitlines()
    hold(
        all(line.startswith("marketsim: ") for line in lines),
        f"lines of marketsim's: {came.err[-500:]}",
    )
    hold(len(lines) == 1 or "-m" in words, f"one line: {came.err[-500:]}")
    hold("no space left" in came.err.lower(), f"it says why: {came.err[-500:]}")
    hold(
        all(wanted[name] == content for name, content in tables(place).items()),
        "nothing wrong is there",
    )
    return "one line, exit code 1 or 2"


def two_at_a_time(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """Start two processes on one result, a moment apart; sometimes one of them is killed."""
    words = COMMANDS["run"]
    straight = base / "straight run"
    if not straight.exists():
        straight.mkdir()
        assert runner.forked(words, straight).code == 0
    wanted = tables(straight)
    for k in range(each):
        folder = base / "two"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        kill = k % 3 == 2
        yield tried("two processes, one result" + (", one killed" if kill else ""), "run",
                    together, words, folder, wanted, chance.random(), kill)  # fmt: skip


def together(words: list[str], folder: Path, wanted: dict, apart: float, kill: bool) -> str:
    """Hold that two commands at a time leave one result, and both tell of it."""
    more = ["fresh=true"] if apart < 0.3 else []
    children = []
    for k in range(2):
        out, err = folder.parent / f"two{k}.out", folder.parent / f"two{k}.err"
        child = os.fork()
        if child == 0:
            runner._command([*words, *more], folder, out, err, {})
        children.append((child, out, err))
        time.sleep(apart * 0.3)
    if kill:
        time.sleep(apart)
        os.kill(children[0][0], signal.SIGKILL)
    codes = [runner._wait(child, time.monotonic()) for child, _, _ in children]
    hold(
        codes[1] == 0 and codes[0] in ((0, -9) if kill else (0,)),
        f"both end well: {codes} {children[1][2].read_text()[-400:]}",
    )
    hold(tables(folder) == wanted, "one right result")
    hold(not [p for p in folder.rglob(".*") if not p.name.endswith(".lock")], "nothing left over")
    return "one result, right"


# ---------------------------------------------------------------- surroundings

CLOCK = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static const long moved = MOVED;
int clock_gettime(clockid_t id, struct timespec *to) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int said = real(id, to);
    if (id == CLOCK_REALTIME) to->tv_sec += moved;
    return said;
}
time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
"""
CLOCKS = {"1980": -1_470_000_000, "2037": 340_000_000, "2099": 2_300_000_000}
LOCALES = ("zh_CN", "tr_TR", "de_DE", "ar_SA")


def surroundings(base: Path) -> dict[str, dict[str, str | None]]:
    """Return what may differ around a command: clocks, locales, encodings, homes, caches."""
    found: dict[str, dict[str, str | None]] = {
        "TZ=Asia/Shanghai": {"TZ": "Asia/Shanghai"},
        "TZ=Pacific/Chatham": {"TZ": "Pacific/Chatham"},
        "LC_ALL=C": {"LC_ALL": "C"},
        "LC_ALL=C, no UTF-8 of Python's": {
            "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        "PYTHONIOENCODING=ascii": {"PYTHONIOENCODING": "ascii"},
        "PYTHONIOENCODING=gbk": {"PYTHONIOENCODING": "gbk"},
        "no HOME": {"HOME": None},
        "HOME that is not there": {"HOME": "/nonexistent"},
        "a hundred threads of OpenMP": {"OMP_NUM_THREADS": "100"},
        "warnings as errors": {"PYTHONWARNINGS": "error::RuntimeWarning"},
        "PYTHONHASHSEED=7": {"PYTHONHASHSEED": "7"},
        "MPLBACKEND=nope": {"MPLBACKEND": "nope"},
        "COLUMNS=20": {"COLUMNS": "20"},
    }  # fmt: skip
    if shutil.which("localedef"):
        for name in LOCALES:
            place = base / "locales" / f"{name}.UTF-8"
            place.parent.mkdir(exist_ok=True)
            done = subprocess.run(["localedef", "-i", name, "-f", "UTF-8", place], check=False,
                                  capture_output=True)  # fmt: skip
            if done.returncode == 0:
                found[f"LC_ALL={name}.UTF-8"] = {
                    "LC_ALL": f"{name}.UTF-8",
                    "LOCPATH": str(place.parent),
                }
    if shutil.which("cc"):
        for year, moved in CLOCKS.items():
            source, library = base / f"clock{year}.c", base / f"clock{year}.so"
            source.write_text(CLOCK.replace("MOVED", f"{moved}L"))
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
            found[f"a clock of {year}"] = {"LD_PRELOAD": str(library)}
    return found


def environments(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """Run the command in other surroundings: the bytes are the same, and no line is added."""
    words, straight = [*SMALL, "replicates=2", "scenario.about='象牙 市场'"], base / "straight"
    straight.mkdir()
    assert runner.forked(words, straight).code == 0
    wanted = tables(straight)
    for what, environment in surroundings(base).items():
        folder = base / "a folder 象牙 of ours"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

        def does(environment: dict = environment, folder: Path = folder) -> str:
            came = runner.new_process([*words, "output=结果 here"], folder, **environment)
            if environment.get("PYTHONUTF8") == "0":  # Python then cannot name such a file
                laws.refused(came.code, came.out, came.err, "scenario.about")
                return "one line, exit code 2"
            hold(came.code == 0, f"a result: {came.err[-500:]}")
            hold(came.err == "", f"no line beside: {came.err[-500:]}")
            hold(tables(folder) == wanted, "the same bytes")
            again = runner.new_process([*words, "output=结果 here"], folder, **environment)
            hold("loaded cached result" in again.out, "found again")
            return "the same bytes"

        yield tried("other surroundings", what, does)


def outputs(base: Path, chance: random.Random, each: int) -> Iterator[Tried]:
    """Take away where the command writes: its streams, its folder, the right to write."""
    words, straight = [*SMALL, "replicates=2", "figures=false"], base / "straight"
    straight.mkdir()
    assert runner.forked(words, straight).code == 0
    wanted, command = tables(straight), f"{sys.executable} -m marketsim " + " ".join(words)
    around = {**os.environ, "PYTHONPATH": str(runner.PACKAGE.parent)}
    lines = {
        "output closed": (f"{command} >&-", 0, True),
        "errors closed": (f"{command} 2>&-", 0, True),
        "both closed": (f"{command} >&- 2>&-", 0, True),
        "input closed": (f"{command} <&- >/dev/null", 0, True),
        "output full": (f"{command} > /dev/full", 1, True),
        "errors full": (f"{command} nope=1 2> /dev/full", 2, False),
        "a reader that leaves": (
            f"bash -c 'set -o pipefail; {command} | head -c 1 >/dev/null'",
            None,
            True,
        ),
        "the folder removed": (f"mkdir gone; cd gone; rmdir ../gone; {command}", None, False),
    }
    for what, (line, code, is_there) in lines.items():
        folder = base / "outputs"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

        def does(line=line, code=code, is_there=is_there, folder=folder) -> str:
            ended = subprocess.run(line, shell=True, cwd=folder, env=around, text=True,
                                   capture_output=True,
                                   check=False)  # fmt: skip
            hold(
                code is None or ended.returncode == code,
                f"exit code {code}, not {ended.returncode}: {ended.stderr[-500:]}",
            )
            hold(
                ended.stderr.count("\n") <= 1 and "Traceback" not in ended.stderr,
                f"one line at most: {ended.stderr[-500:]}",
            )
            hold((tables(folder) == wanted) == is_there, "a result, or none")
            return f"exit code {ended.returncode}, {ended.stderr.count(chr(10))} lines"

        yield tried("nowhere to write", what, does)
    with disk(base / "disk", 4000) as place:
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        for name, asked in COMMANDS.items():

            def refused(asked: list[str] = asked) -> str:
                came = runner.forked([*asked, f"output='{place}/results'"], straight)
                laws.refused(came.code, came.out, came.err, "output")
                return "one line, exit code 2"

            yield tried("read-only folder", name, refused)
    for shift in (-40 * 365 * 86400, 10 * 365 * 86400):
        for path in straight.rglob("*"):
            os.utime(path, (time.time() + shift,) * 2)

        def same() -> str:
            came = runner.forked(words, straight)
            hold(
                "loaded cached result" in came.out and tables(straight) == wanted, "taken as it is"
            )
            return "taken as it is"

        yield tried("files dated otherwise", f"{shift // (365 * 86400)} years", same)


# ---------------------------------------------------------------- the campaign

PARTS: dict[str, tuple[Callable[[Path, random.Random, int], Iterator[Tried]], int]] = {
    "signals": (signals, 22),
    "files": (files, 4),
    "posteriors": (posteriors, 3),
    "checkpoints": (checkpoints, 20),
    "disks": (disks, 8),
    "two": (two_at_a_time, 12),
    "environments": (environments, 1),
    "outputs": (outputs, 1),
}


def main() -> None:
    """Run the campaign, or parts of it; exit code 1 where a law is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args()
    runner.prepare()
    found: list[Tried] = []
    for part in asked.parts:
        make, each = PARTS[part]
        with tempfile.TemporaryDirectory() as base:
            began = time.monotonic()
            for one in make(Path(base), random.Random(f"{SEED} {part}"), each):
                found.append(one)
                if one.finding:
                    print(one, flush=True)
            print(f"{part}: {len(found)} so far, {time.monotonic() - began:.0f} s", flush=True)
    if asked.table:
        write(found, asked.table)
    sys.exit(any(one.finding for one in found))


def write(found: list[Tried], path: Path) -> None:
    """Add a line for each fault, what it was done to and what came of it, with how often."""
    counts: dict[tuple[str, str, str], list[int]] = {}
    for one in found:
        line = counts.setdefault((one.fault, one.what, one.came), [0, 0])
        line[0] += 1
        line[1] += bool(one.finding)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["fault", "what", "came", "times", "findings"])
        writer.writerows([*key, *line] for key, line in sorted(counts.items()))


if __name__ == "__main__":
    main()
