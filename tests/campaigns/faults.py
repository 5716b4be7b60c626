"""The campaign of faults: a table of signals, damaged files, full disks and other surroundings.

Every fault ends in one clear line or in a correct result, and finished work is kept. A row of the
table is one fault on one command; a trial does it once, at a random moment or place.
"""

import contextlib
import hashlib
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openpyxl

from campaigns import laws, runner
from campaigns.laws import hold
from campaigns.runner import Command, Outcome
from marketsim.errors import InputError
from marketsim.numerics import jit
from marketsim.parameters import presets

SEED = 2015
SMALL = ["population=survey", "population.retailers=30", "posterior=point", "progress=false",
         "threads=1"]  # fmt: skip
COMMANDS = {
    "run": [*SMALL, "replicates=70"],
    "compare": ["compare", *SMALL, "scenarios=[no_crackdown]", "replicates=45", "prior=false"],
    "sweep": ["-m", "hydra/launcher=basic", *SMALL, "replicates=2", "figures=false",
              "seed=range(1,7)"],
    "figures": [*SMALL, "replicates=2"],
    "short run": [*SMALL, "replicates=2", "figures=false", "scenario.about='象牙 市场'"],
}  # fmt: skip
NOT_READ_AGAIN = (".png", ".svg", ".html", ".xlsx")  # figures, pages and spreadsheets
# To a shell -2 is 130: CPython ends so where Ctrl-C came within an exec of a text, however it was
# handled, and importing scipy.stats execs hundreds.
EXIT_CODES = {signal.SIGKILL: (-9,), signal.SIGINT: (130, -2), signal.SIGTERM: (-15, 130)}


def tables(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every table of every finished result below a folder."""
    return {
        f"{place.name}/{name}": content
        for place in laws.finished(folder)
        for name, content in laws.tables_of(place).items()
    }


class Bench:
    """A folder for trials, with the results of commands that nothing interrupted."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.known: dict[str, tuple[Path, Outcome]] = {}

    def undisturbed(self, name: str) -> tuple[Path, Outcome]:
        """Return the folder and the outcome of a command that ran to its end."""
        if name not in self.known:
            folder = self.base / f"undisturbed {name}"
            folder.mkdir()
            self.known[name] = folder, runner.run(COMMANDS[name], folder)
            assert self.known[name][1].code == 0, self.known[name][1].err
        return self.known[name]


class Trial:
    """One trial: a command, an empty folder for it, and the tables that it has to give."""

    def __init__(self, bench: Bench, name: str, chance: random.Random) -> None:
        self.bench, self.name, self.chance = bench, name, chance
        self.words = COMMANDS[name]
        self.whole, outcome = bench.undisturbed(name)
        self.seconds, self.expected = outcome.seconds, tables(self.whole)
        self.folder = bench.base / "a folder 象牙"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def run(self, *added: str, new: bool = False, **environment: str | None) -> Outcome:
        """Run the command in the folder of the trial."""
        return runner.run([*self.words, *added], self.folder, new, **environment)

    def finish(self, *added: str, folder: Path | None = None) -> None:
        """Finish interrupted work: the bytes of undisturbed work, and no part left over."""
        ended, folder = self.run(*added), folder or self.folder
        hold(ended.code == 0, f"finished: {ended.err[-500:]}")
        hold(tables(folder) == self.expected, "the bytes of undisturbed work")
        self.hold_nothing_left_over(folder)

    def hold_nothing_left_over(self, folder: Path) -> None:
        """Hold that no part of a file is left."""
        left = [path.name for path in folder.rglob(".*") if not path.name.endswith(".lock")]
        hold(not left, f"nothing left over: {left}")

    def hold_correct_so_far(self, folder: Path) -> None:
        """Hold that the finished results are those of undisturbed work."""
        found = tables(folder)
        hold(all(self.expected[name] == found[name] for name in found), "a correct result")


# ---------------------------------------------------------------- signals


def interrupt(trial: Trial, number: signal.Signals) -> str:
    """End the command several times at random moments, then finish it."""
    outcomes = set()
    for _ in range(4):
        new = trial.chance.random() < 0.2
        command = Command(trial.words, trial.folder, new)
        after = trial.chance.random() * (trial.seconds * 0.8 + 1.5 * new)
        if not command.has_ended(after):
            command.send(number)
        outcomes.add(_interrupted(trial, command.end(), number, new))
    trial.finish()
    return f"finished, the same bytes, after: {', '.join(sorted(outcomes))}"


def _interrupted(trial: Trial, ended: Outcome, number: signal.Signals, new: bool) -> str:
    """Check what a signal leaves: whole results only, and one line where there was time for it."""
    trial.hold_correct_so_far(trial.folder)
    is_pythons = ended.code in (-2, 1, 130) and not ended.err.startswith("marketsim: ")
    if new and is_pythons and str(runner.PACKAGE / "__main__") not in ended.err:
        return "end before the package was imported"
    allowed = (0, *EXIT_CODES[number])
    hold(ended.code in allowed, f"an end by the signal, not {ended.code}: {ended.err[-500:]}")
    if ended.code == 0:
        return "end before the signal"
    if ended.code in (130, -2):
        laws.one_line(ended.err)
        return "one line, exit code 130"
    hold(ended.err == "", f"no message: {ended.err[-500:]}")
    return "end without a message"


def start_twice(trial: Trial, kill: bool) -> str:
    """Start two processes on one result, a moment apart; kill the first of them or not."""
    apart = trial.chance.random()
    words = [*trial.words, *["fresh=true"] * (apart < 0.3)]
    first = Command(words, trial.folder, name="1")
    first.has_ended(apart * 0.3)
    second = Command(words, trial.folder, name="2")
    if kill and not first.has_ended(apart):
        first.send(signal.SIGKILL)
    codes, err = (first.end().code, (last := second.end()).code), last.err
    hold(codes[1] == 0 and codes[0] in ((0, -9) if kill else (0,)), f"both end well: {codes} {err}")
    hold(tables(trial.folder) == trial.expected, "one correct result")
    trial.hold_nothing_left_over(trial.folder)
    return "one result, correct"


# ---------------------------------------------------------------- damaged files


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file with a bit changed, cut short, emptied, or with a piece of zeros."""
    how = chance.choice(["bit", "bit", "cut", "empty", "zeros"])
    at = chance.randrange(max(len(content), 1))
    if how == "bit" and content:
        return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]
    if how == "cut":
        return content[:at]
    return b"" if how == "empty" else content[:at] + bytes(64) + content[at + 64 :]


def damage_result(trial: Trial) -> str:
    """Damage a file of a finished result, and run the same command again."""
    shutil.copytree(trial.whole, trial.folder, dirs_exist_ok=True)
    (place,) = laws.finished(trial.folder)
    path = trial.chance.choice(sorted(path for path in place.rglob("*") if path.is_file()))
    content = path.read_bytes()
    path.write_bytes(damaged(content, trial.chance))
    if path.read_bytes() == content:
        return "the same bytes by chance"
    ended = trial.run()
    if path.suffix in NOT_READ_AGAIN:
        hold(ended.code == 0 and tables(trial.folder) == trial.expected, f"tables: {ended.err}")
        return "tables unchanged; figures and pages are not checked"
    if ended.code == 0:  # a name in the manifest that nothing reads
        hold(path.name == "manifest.json", f"a damaged {path.name} is not used")
        hold(tables(trial.folder) == trial.expected, "the same tables")
        return "the same result"
    laws.refused(ended.code, ended.out, ended.err, path.name)
    listed = runner.run(["results", "results"], trial.folder)
    hold(listed.code == 0, f"listed: {listed.err[-300:]}")
    return "one line, exit code 2"


def damage_batch(trial: Trial) -> str:
    """Damage the batches of an interrupted study; they are run again."""
    after = 0.2
    while not list(trial.folder.rglob("*-done")) and after < 5.0:
        command = Command([*trial.words, "figures=false"], trial.folder)
        command.has_ended(after)
        command.send(signal.SIGKILL)
        command.end()
        after += 0.2
    batches = sorted(trial.folder.rglob("batches/*"))
    for path in trial.chance.sample(batches, min(2, len(batches))):
        path.write_bytes(damaged(path.read_bytes(), trial.chance))
    trial.finish("figures=false")
    return f"finished, the same bytes{'' if batches else '; no batch was written yet'}"


def damage_posterior(trial: Trial) -> str:
    """Damage a copy of the shipped posterior, beside a copy of the package."""
    home = trial.bench.base / "checkout"
    if not home.exists():
        unused = shutil.ignore_patterns("__pycache__")
        shutil.copytree(runner.PACKAGE, home / "marketsim", ignore=unused)
        for name in ("conf", "results/published"):
            shutil.copytree(runner.PACKAGE.parent / name, home / name)
    shipped = home / "results" / "published"
    path = trial.chance.choice(
        [shipped / "calibration_2015" / name
         for name in ("posterior.parquet", "structures.csv", "point.csv")]
        + [shipped / "market_2015" / name for name in ("posterior.parquet", "point.csv")]
    )  # fmt: skip
    content = path.read_bytes()
    path.write_bytes(damaged(content, trial.chance))
    is_same = path.read_bytes() == content
    ended = trial.run("posterior=calibration_2015", new=True, PYTHONPATH=str(home))
    path.write_bytes(content)
    if is_same:
        return "the same bytes by chance"
    laws.refused(ended.code, ended.out, ended.err, path.name)
    return "one line, exit code 2"


def damage_checkpoint(trial: Trial) -> str:
    """Damage a checkpoint; it is refused, or continues to the same bits."""
    from marketsim.mesa_model.market import Market

    settings = presets.named(population="survey")
    settings.posterior, settings.recovery.name = "none", "combined"
    settings.population.retailers = 30
    market, path = Market(settings, seed=1), trial.folder / "checkpoint.npz"
    for day in range(60):
        if day == 40:
            market.checkpoint(path)
        market.step()
    path.write_bytes(damaged(path.read_bytes(), trial.chance))
    try:
        again = Market.resume(path)
    except InputError as refusal:
        hold("\n" not in str(refusal), "one line")
        return "refused in one line"
    for _ in range(20):
        again.step()
    hold(np.array_equal(again.state.series.flows, market.state.series.flows), "the same bits")
    return "the same market"


# ---------------------------------------------------------------- disks and streams


@contextlib.contextmanager
def disk(trial: Trial, kib: int, read_only: bool = False) -> Iterator[Path]:
    """Mount a disk in memory."""
    place = trial.bench.base / "disk"
    place.mkdir(exist_ok=True)
    options = f"size={kib}k{',ro' if read_only else ''}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill_disk(trial: Trial) -> str:
    """Run the command on a disk of a random size; then make room and finish."""
    files = [path for path in trial.whole.rglob("*") if path.is_file()]
    need = sum(path.stat().st_size for path in files) // 1024
    with disk(trial, 4 + int(need * trial.chance.random())) as place:
        output = f"output='{place}/results'"
        ended = trial.run(output)
        came = "enough room"
        if ended.code != 0:
            came = "one line, exit code 1 or 2"
            hold(ended.code in (1, 2), f"exit code 1 or 2, not {ended.code}: {ended.err[-500:]}")
            lines = ended.err.splitlines()
            hold(all(line.startswith("marketsim: ") for line in lines), f"lines: {ended.err}")
            hold(len(lines) == 1 or "-m" in trial.words, f"one line: {ended.err[-500:]}")
            hold("no space left" in ended.err.lower(), f"the reason: {ended.err[-500:]}")
        trial.hold_correct_so_far(place)
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        trial.finish(output, folder=place)
    return f"{came}; with room made finished, the same bytes"


def forbid_writing(trial: Trial) -> str:
    """Run the command with its output on a read-only disk."""
    with disk(trial, 4000, read_only=True) as place:
        ended = trial.run(f"output='{place}/results'")
        laws.refused(ended.code, ended.out, ended.err, "output")
    return "one line, exit code 2"


def change_dates(trial: Trial, years: int) -> str:
    """Date the files of a result otherwise; the result is reused."""
    shutil.copytree(trial.whole, trial.folder, dirs_exist_ok=True)
    for path in trial.folder.rglob("*"):
        os.utime(path, (time.time() + years * 365 * 86400,) * 2)
    hold("loaded cached result" in trial.run().out, "reused")
    hold(tables(trial.folder) == trial.expected, "the same bytes")
    return "reused"


def break_streams(trial: Trial, line: str, codes: tuple[int, ...], has_result: bool) -> str:
    """Run the command in a shell that takes its streams or its folder away."""
    words = " ".join(f'"{word}"' for word in trial.words)
    around = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ended = subprocess.run(
        ["bash", "-c", line.replace("COMMAND", f"{sys.executable} -m marketsim {words}")],
        cwd=trial.folder, env={**around, "PYTHONPATH": str(runner.PACKAGE.parent)},
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    hold(ended.returncode in codes, f"exit code {codes}: {ended.returncode} {ended.stderr[-500:]}")
    hold(ended.stderr.count("\n") <= 1, f"one line at most: {ended.stderr[-500:]}")
    hold("Traceback" not in ended.stderr, "no traceback")
    hold((tables(trial.folder) == trial.expected) == has_result, "a result, or none")
    return f"exit code {ended.returncode}, {ended.stderr.count(chr(10))} lines"


# ---------------------------------------------------------------- surroundings

CLOCK = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *to) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(id, to);
    if (id == CLOCK_REALTIME) to->tv_sec += SHIFTL;
    return code;
}
time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
"""


def surround(trial: Trial, **environment: str | None) -> str:
    """Run the command with other environment variables: the same bytes, and no line more."""
    ended = trial.run("output=结果 here", new=True, **environment)
    if environment.get("PYTHONUTF8") == "0":  # Python cannot name such a file then
        laws.refused(ended.code, ended.out, ended.err, "scenario.about")
        return "one line, exit code 2"
    hold(ended.code == 0, f"a result: {ended.err[-500:]}")
    hold(ended.err == "", f"no message: {ended.err[-500:]}")
    hold(tables(trial.folder) == trial.expected, "the same bytes")
    if environment.get("PYTHONIOENCODING") == "ascii":
        hold(r"\u7ed3\u679c" in ended.out, "names escaped where the terminal cannot show them")
    again = trial.run("output=结果 here", new=True, **environment)
    hold("loaded cached result" in again.out, "found again")
    return "the same bytes"


def set_clock(trial: Trial, seconds: int) -> str:
    """Run the command with a shifted clock."""
    source = trial.bench.base / "clock.c"
    source.write_text(CLOCK.replace("SHIFT", str(seconds)))
    library = source.with_name(f"clock{seconds}.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return surround(trial, LD_PRELOAD=str(library))


def set_locale(trial: Trial, name: str) -> str:
    """Run the command in a locale that is made for it."""
    place = trial.bench.base / f"{name}.UTF-8"
    made = subprocess.run(["localedef", "-i", name, "-f", "UTF-8", place], capture_output=True)
    if made.returncode:
        return "no such locale here"
    return surround(trial, LC_ALL=place.name, LOCPATH=str(place.parent))


def set_style(trial: Trial, content: str, where: str) -> str:
    """Draw figures with a style of the user's: the same bytes as with matplotlib's own."""
    folder = {"working folder": trial.folder}.get(where, trial.bench.base / "style")
    folder.mkdir(exist_ok=True)
    (folder / "matplotlibrc").write_text(content, encoding="utf-8")
    environment = {} if where == "working folder" else {where: str(folder)}
    ended = trial.run(new=True, **environment)
    hold((ended.code, ended.err) == (0, ""), f"a result and no message: {ended.err[-500:]}")
    (drawn,), (expected,) = laws.finished(trial.folder), laws.finished(trial.whole)
    names = sorted(path.name for path in (expected / "figures").glob("*.png"))
    for name in names:
        same = (drawn / "figures" / name).read_bytes() == (expected / "figures" / name).read_bytes()
        hold(same, f"{name}: the same bytes")
    hold(names, "figures are drawn")
    return "the same figures"


WITHOUT_LOCKS = """\
import errno
import fcntl

def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")

fcntl.flock = fcntl.lockf = refuse
"""


def take_locks_away(trial: Trial) -> str:
    """Run the command where the file system has no locks: a warning, and the same bytes."""
    place = trial.bench.base / "without locks"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(WITHOUT_LOCKS)
    path = os.pathsep.join([str(place), str(runner.PACKAGE.parent)])
    ended = trial.run(new=True, PYTHONPATH=path)
    hold(ended.code == 0, f"a result: {ended.err[-500:]}")
    lines = ended.err.splitlines()
    hold(lines and all("warning: " in line and "lock" in line for line in lines), ended.err)
    hold(tables(trial.folder) == trial.expected, "the same bytes")
    return "a warning, the same bytes"


def link_results(trial: Trial, what: str) -> str:
    """Put a link in the place of a folder of results; every command sees the result, once."""
    away, results = trial.bench.base / "away", trial.folder / "results"
    shutil.rmtree(away, ignore_errors=True)
    shutil.copytree(trial.whole / "results", away)
    (place,) = laws.finished(away)
    if what == "output":
        results.symlink_to(away)
    elif what == "study":
        results.mkdir()
        (results / place.parent.name).symlink_to(place.parent)
    elif what == "result":
        (results / place.parent.name).mkdir(parents=True)
        (results / place.parent.name / place.name).symlink_to(place)
    else:
        shutil.copytree(away, results)
        link = {"another": results / "again", "loop": results / place.parent.name / "loop"}[what]
        link.symlink_to(results / place.parent.name if what == "another" else results)
    listed = runner.run(["results", "results"], trial.folder)
    hold((listed.code, listed.err) == (0, ""), f"listed: {listed.err[-300:]}")
    hold("1 results of 1 finished" in listed.out, f"one result: {listed.out[-300:]}")
    hold("loaded cached result" in trial.run().out, "reused")
    return "one result, listed and reused"


# ---------------------------------------------------------------- the cache of compiled kernels

UNSTORED = "marketsim: warning: compiled kernels cannot be stored in "
SMALL_KERNEL = 200_000  # bytes; larger ones take long to compile


def kernels(base: Path) -> list[Path]:
    """Copy the stored kernels below a folder for NUMBA_CACHE_DIR; return the small ones."""
    (warm, *_) = (folder for folder in jit.cache_folders() if any(folder.glob(f"{jit.MAIN}-*")))
    folder = base / "marketsim" / warm.name
    shutil.copytree(warm, folder)
    found = sorted(folder.glob("*.kernel"))
    return [path for path in found if path.stat().st_size < SMALL_KERNEL]


def around(place: Path | str, trial: Trial) -> dict[str, str]:
    """Return environment variables that leave no other folder for kernels than this one."""
    style = trial.bench.base / "matplotlib"  # which would warn of the missing folder
    return {
        "NUMBA_CACHE_DIR": str(place),
        "XDG_CACHE_HOME": "/dev/null/x",
        "MPLCONFIGDIR": str(style),
    }


def hold_same(trial: Trial, ended: Outcome) -> str:
    """Hold that the cache changed nothing, beside one true warning; return what came."""
    hold(ended.code == 0, f"a result: {ended.err[-500:]}")
    hold(tables(trial.folder) == trial.expected, "the same bytes")
    if not ended.err:
        return "the same bytes"
    hold(ended.err.startswith(UNSTORED), f"what is not stored: {ended.err[-500:]}")
    laws.one_line(ended.err)
    return "the same bytes, one warning"


def is_sound(path: Path) -> bool:
    """Return whether a stored kernel has its checksum."""
    content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    return hashlib.sha256(content[32:]).digest() == content[:32]


def damage_kernels(trial: Trial) -> str:
    """Damage stored kernels; they are compiled again, and stored."""
    base, chance = trial.folder.with_name("kernels"), trial.chance
    shutil.rmtree(base, ignore_errors=True)
    small = kernels(base)
    for path in (chosen := chance.sample(small, len(small) // 2)):
        content = path.read_bytes()
        path.unlink()
        how = chance.choice(["damaged", "damaged", "folder", "pipe", "link", "another", "nothing"])
        if how == "damaged":
            path.write_bytes(damaged(content, chance))
        elif how == "folder":
            (path / "x").mkdir(parents=True)
        elif how == "pipe":
            os.mkfifo(path)
        elif how == "link":
            path.symlink_to(chance.choice([path, base, Path("/dev/zero")]))
        elif how == "another":
            others = [one for one in small if one not in chosen]
            shutil.copyfile(chance.choice(others), path)
    came = hold_same(trial, trial.run(new=True, **around(base, trial)))
    hold(came == "the same bytes", "no warning")
    hold(any(map(is_sound, chosen)), "what is read is stored again; a run reads some of them")
    return "compiled again, the same bytes"


def fill_kernels(trial: Trial, read_only: bool, missing: bool) -> str:
    """Have the cache on a disk without room, or one that cannot be written to."""
    with disk(trial, 64_000) as place:
        small = kernels(place)
        gone = trial.chance.sample(small, len(small) // 2) if missing else []
        room = sum(path.stat().st_size for path in gone) * trial.chance.random()
        for path in gone:
            path.unlink()
        used = shutil.disk_usage(place).used
        size = "ro" if read_only else f"size={(used + int(room)) // 1024 + 4}k"
        subprocess.run(["mount", "-o", f"remount,{size}", place], check=True)
        came = hold_same(trial, trial.run(new=True, **around(place, trial)))
        hold(missing or came == "the same bytes", "nothing to say of a cache that has all")
        hold(not (missing and read_only) or "warning" in came, "what is missing is not stored")
        hold(not list(place.rglob("*.part")), "no part of a file is left")
    return came


def start_cold(trial: Trial, where: str) -> str:
    """Start two processes at once without a stored kernel, in a folder or with none to write to."""
    base = trial.folder.with_name("kernels")
    shutil.rmtree(base, ignore_errors=True)
    place = {"an empty folder": base, "nowhere": "/dev/null/x"}[where]
    environment = around(place, trial)
    both = [Command(trial.words, trial.folder, True, name, **environment) for name in ("1", "2")]
    came = {hold_same(trial, command.end()) for command in both}
    expected = "the same bytes" if where == "an empty folder" else "the same bytes, one warning"
    hold(came == {expected}, f"what is said: {came}")
    return expected


# ---------------------------------------------------------------- names and texts of scenarios

SCENARIO = """\
defaults: [baseline_2015, _self_]
name: '{name}'
about: "{about}"
interventions: {{sweep_may: {{accounts: 3000}}}}
"""


def compare_own(trial: Trial, name: str, about: str = "", quoted: bool = False) -> str:
    """Compare a scenario of the user's: a result with its name, or one line and nothing written."""
    path = trial.folder / "mine" / "scenario" / f"{name}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SCENARIO.format(name=name, about=about), encoding="utf-8")
    listed = f"scenarios=['{name}']" if quoted else f"scenarios=[{name}]"
    words = ["compare", *SMALL, listed, "--config-dir", "mine", "replicates=2", "prior=false"]
    before = laws.snapshot(trial.folder)
    ended = runner.run(words, trial.folder)
    if about and ended.code == 2:
        laws.refused(ended.code, ended.out, ended.err, "about")
        hold(laws.snapshot(trial.folder) == before, "nothing written")
        return "one line, exit code 2"
    hold((ended.code, ended.err) == (0, ""), f"a comparison and no message: {ended.err[-500:]}")
    (place,) = laws.finished(trial.folder)
    texts = [path.read_text(encoding="utf-8") for path in sorted(place.glob("*.csv"))]
    hold(any(name in text for text in texts), "tables with the scenario's name")
    openpyxl.load_workbook(place / "comparison.xlsx")
    return "a comparison"


# ---------------------------------------------------------------- the table


class Fault(NamedTuple):
    """A row of the table: a fault, the command it is done to, and the trials in a campaign."""

    name: str
    what: str
    do: Callable[[Trial], str]
    times: int = 1
    command: str = "short run"


def _each(name: str, do: Callable[..., str], times: int, *args: Any) -> list[Fault]:
    """Return a row for each long command."""
    return [
        Fault(name, what, partial(_call, do, args), times, what)
        for what in ("run", "compare", "sweep")
    ]


def _call(do: Callable[..., str], args: tuple[Any, ...], trial: Trial) -> str:
    return do(trial, *args)


STREAMS = {
    "output closed": ("COMMAND >&-", (0,), True),
    "errors closed": ("COMMAND 2>&-", (0,), True),
    "both closed": ("COMMAND >&- 2>&-", (0,), True),
    "input closed": ("COMMAND <&- >/dev/null", (0,), True),
    "output full": ("COMMAND > /dev/full", (1,), True),
    "errors full": ("COMMAND nope=1 2> /dev/full", (2,), False),
    "a reader that leaves": ("set -o pipefail; COMMAND | head -c 1 >/dev/null", (0, 141), True),
    "the folder removed": ("mkdir gone; cd gone; rmdir ../gone; COMMAND", (1, 2), False),
}
SURROUNDINGS: dict[str, dict[str, str | None]] = {
    "TZ=Asia/Shanghai": {"TZ": "Asia/Shanghai"},
    "TZ=Pacific/Chatham": {"TZ": "Pacific/Chatham"},
    "LC_ALL=C": {"LC_ALL": "C"},
    "LC_ALL=C without UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "PYTHONIOENCODING=ascii": {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    "PYTHONIOENCODING=gbk": {"PYTHONIOENCODING": "gbk"},
    "no HOME": {"HOME": None},
    "HOME that does not exist": {"HOME": "/nonexistent"},
    "a hundred threads of OpenMP": {"OMP_NUM_THREADS": "100"},
    "warnings as errors": {"PYTHONWARNINGS": "error::RuntimeWarning"},
    "PYTHONHASHSEED=7": {"PYTHONHASHSEED": "7"},
    "MPLBACKEND=nope": {"MPLBACKEND": "nope"},
    "COLUMNS=20": {"COLUMNS": "20"},
}
STYLES = {
    "LaTeX": "text.usetex: True\n",
    "large": "font.size: 40\nsavefig.dpi: 33\nsavefig.bbox: tight\n",
    "dark": "axes.facecolor: black\nlines.linewidth: 9\naxes.grid: True\npath.sketch: 1, 100, 2\n",
}
NAMES = ("第二次", "2017", "0500", "2015.10", "1e3", "0x1f", "true", "null", "a.b-c", "_x")
ABOUTS = {
    "vertical tab": r"pasted \v from a document",
    "null": r"\0",
    "colours of a terminal": r"\e[31m",
    "other direction": r"\u202e",
    "no character": r"\ufffe",
    "lines": r"a\nb\r\nc\u2028d",
    "formula": "=1+1",
    "page": "<script>alert(1)</script>",
    "template": "{{ 1 }} $x$ % & _",
}
CLOCKS = {1980: -1_470_000_000, 2037: 340_000_000, 2099: 2_300_000_000}
FAULTS = [
    *(row for number in EXIT_CODES
      for row in _each(f"{number.name} at random moments", interrupt, 6, number)),
    Fault("two processes, one result", "run", partial(start_twice, kill=False), 8, "run"),
    Fault("two processes, one killed", "run", partial(start_twice, kill=True), 4, "run"),
    Fault("damaged file", "run", damage_result, 60, "run"),
    Fault("damaged file", "compare", damage_result, 60, "compare"),
    Fault("damaged batch", "run", damage_batch, 12, "run"),
    Fault("damaged posterior", "run", damage_posterior, 15),
    Fault("damaged checkpoint", "Market.resume", damage_checkpoint, 120),
    *_each("full disk", fill_disk, 8),
    *_each("read-only disk", forbid_writing, 1),
    *(Fault("files dated otherwise", f"{years} years", partial(change_dates, years=years))
      for years in (-40, 10)),
    *(Fault("streams and folders", what, partial(break_streams, line=line, codes=codes,
                                                 has_result=has_result))
      for what, (line, codes, has_result) in STREAMS.items()),
    *(Fault("other surroundings", what, partial(surround, **environment))
      for what, environment in SURROUNDINGS.items()),
    *(Fault("other surroundings", f"LC_ALL={name}.UTF-8", partial(set_locale, name=name))
      for name in ("zh_CN", "tr_TR", "de_DE", "ar_SA")),
    *(Fault("style of the user's", f"{what}, {where}",
            partial(set_style, content=content, where=where), command="figures")
      for what, content in STYLES.items()
      for where in ("working folder", "MATPLOTLIBRC", "MPLCONFIGDIR")),
    *_each("no locks", take_locks_away, 1),
    *(Fault("linked results", what, partial(link_results, what=what))
      for what in ("output", "study", "result", "another", "loop")),
    Fault("damaged kernels", "new process", damage_kernels, 12),
    Fault("read-only disk of kernels", "all", partial(fill_kernels, read_only=True, missing=False)),
    Fault("read-only disk of kernels", "some", partial(fill_kernels, read_only=True, missing=True),
          2),
    Fault("full disk of kernels", "some", partial(fill_kernels, read_only=False, missing=True), 6),
    *(Fault("no kernels", where, partial(start_cold, where=where))
      for where in ("an empty folder", "nowhere")),
    *(Fault("scenario of the user's", f"named {name}", partial(compare_own, name=name))
      for name in NAMES),
    Fault("scenario of the user's", "named in quotes",
          partial(compare_own, name="第二次", quoted=True)),
    *(Fault("scenario of the user's", f"about with {what}",
            partial(compare_own, name="mine", about=about))
      for what, about in ABOUTS.items()),
    *(Fault("other surroundings", f"a clock of {year}", partial(set_clock, seconds=seconds))
      for year, seconds in CLOCKS.items()),
]  # fmt: skip


def needs(fault: Fault) -> str:
    """Return why a fault cannot be tried here, if so."""
    if "disk" in fault.name and os.geteuid() != 0:
        return "only root may mount a disk"
    program = {"a clock": "cc", "LC_ALL=": "localedef"}.get(fault.what[:7], "")
    return f"no {program} here" if program and not shutil.which(program) else ""


def once(bench: Bench, fault: Fault, number: int = 0) -> str:
    """Do one trial of a fault, and return the outcome; a broken law is raised."""
    chance = random.Random(f"{SEED} {fault.name} {fault.what} {number}")
    return fault.do(Trial(bench, fault.command, chance))


def campaign(share: float = 1.0, workers: int = 1, only: str = "") -> list[dict[str, object]]:
    """Try every fault, with so large a share of its trials, and count the outcomes.

    Parameters
    ----------
    share : float
        Of the trials of each row; at least one is done.
    workers : int
        Trials that are done at the same time.
    only : str
        A part of the names of the rows that are tried.

    Raises
    ------
    laws.BrokenError
        With every broken law, after all trials.
    """
    trials = [
        (fault, number)
        for fault in FAULTS
        if only in f"{fault.name}, {fault.what}"
        for number in range(max(round(share * fault.times), 1))
    ]
    with tempfile.TemporaryDirectory() as base:
        folders = [Path(base) / str(number) for number in range(workers)]
        for folder in folders:
            folder.mkdir()
        free: queue.SimpleQueue[Bench] = queue.SimpleQueue()
        for folder in folders:
            free.put(Bench(folder))

        def outcome(trial: tuple[Fault, int]) -> tuple[tuple[str, str, str], str]:
            fault, number = trial
            key = fault.name, fault.what
            bench = free.get()
            try:
                return (*key, needs(fault) or once(bench, fault, number)), ""
            except laws.BrokenError as law:
                line = f"{fault.name}, {fault.what}, trial {number}: {law}"
                print(line, file=sys.stderr, flush=True)
                return (*key, ""), line
            finally:
                free.put(bench)

        found = runner.side_by_side(outcome, trials, workers)
    if any(law for _, law in found):
        raise laws.BrokenError("\n".join(law for _, law in found if law))
    counts = Counter(key for key, _ in found)
    return [
        {"fault": name, "what": what, "outcome": came, "times": times}
        for (name, what, came), times in sorted(counts.items())
    ]
