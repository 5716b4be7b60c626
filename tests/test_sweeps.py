"""Sweeps: checked before they start, told as they go, never repeated, safe to kill."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import pytest
from hydra.core.global_hydra import GlobalHydra

from marketsim.commands import cli, options
from marketsim.commands import compose as composition
from marketsim.commands import run as run_command
from marketsim.commands import sweep as sweep_command
from marketsim.simulation import files, locks, run, store

QUICK = [
    *("population=survey", "population.retailers=50", "replicates=2"),
    *("posterior=point", "figures=false"),
]
BASIC = "hydra/launcher=basic"


def command(monkeypatch, *words: str) -> None:
    """Run the command in this process."""
    GlobalHydra.instance().clear()
    monkeypatch.setattr(sys, "argv", ["marketsim", *words])
    cli.main()


def sweep(monkeypatch, *words: str) -> None:
    command(monkeypatch, "run", "-m", BASIC, *QUICK, *words)


@pytest.fixture(autouse=True)
def _no_process_left():
    """End what a failed test has left running."""
    yield
    for process in psutil.Process().children(recursive=True):
        process.kill()


def start(mark: str, *words: str) -> subprocess.Popen:
    """Start a sweep in a process of its own; its processes have the mark in their environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "marketsim", "-m", *QUICK, *words],
        env={**os.environ, "MARKETSIM_TEST": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alive(mark: str) -> list[list[str]]:
    """Return the command lines of the processes that have the mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MARKETSIM_TEST") == mark:
                found.append(process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def manifests(folder: str = "results") -> dict[str, tuple[int, int]]:
    """Return inode and time of each manifest."""
    paths = Path(folder).glob("*/*/manifest.json")
    return {
        path.parent.name: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in paths
        if not path.parent.name.startswith(".")
    }


def tables(folder: str) -> dict[str, bytes]:
    paths = [path for path in Path(folder).glob("*/*/*") if path.suffix in (".parquet", ".csv")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def needs(plugin: str) -> None:
    try:
        version(plugin)
    except PackageNotFoundError:
        pytest.skip(f"{plugin} is not installed")


def test_every_job_is_told_and_nothing_is_done_twice(monkeypatch, capfd):
    """A line a job and one at the end; the next sweep does only what is not there."""
    sweep(monkeypatch, "scenario=baseline_2015,no_crackdown", "posting.weekend=0.8,0.9")
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("[1/4] scenario=baseline_2015 posting.weekend=0.8: done: results/")
    assert lines[4] == "4 jobs: 4 done, 0 reused, 0 failed"
    before = manifests()
    assert len(before) == 4
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["results"]
    words = ["scenario=no_crackdown", "posting.weekend=0.8,0.9,1.1", "progress=false"]
    sweep(monkeypatch, *words)
    assert capfd.readouterr().out == "3 jobs: 1 done, 2 reused, 0 failed\n"
    after = manifests()
    assert len(after) == 5
    assert {key: after[key] for key in before} == before
    sweep(monkeypatch, *words, "fresh=true")
    assert capfd.readouterr().out == "3 jobs: 3 done, 0 reused, 0 failed\n"
    assert sum(manifests()[key] == stamp for key, stamp in after.items()) == 2


def test_a_sweep_gives_what_single_runs_give(monkeypatch, capfd):
    """Sweeping over words and giving them one by one lead to the same results."""
    swept = ["posting.weekend=0.8,0.9", "~scenario.interventions.arrest_may"]
    swept += ["+scenario.interventions.mine={kind:news,date:2015-06-01,publicity:0.1}"]
    swept += ["recovery=trend", "scenario.about='a, b'", "study=s${seed}"]
    sweep(monkeypatch, *swept)
    from_sweep = manifests()
    for value in ("0.8", "0.9"):
        command(monkeypatch, *QUICK, f"posting.weekend={value}", *swept[1:], "progress=false")
    assert len(from_sweep) == 2
    assert manifests() == from_sweep


def test_two_jobs_of_one_result_are_one(monkeypatch, capfd):
    """A value that changes nothing is not run again."""
    sweep(monkeypatch, "threads=1,2", "progress=false")
    assert capfd.readouterr().out == "2 jobs: 1 done, 1 reused, 0 failed\n"


BAD = {
    "out of range": (["posting.weekend=0.8,99"], "job 2 of 2 (posting.weekend=99)", "0.5 to 2"),
    "wrong type": (["seed=1,2,x"], "job 3 of 3 (seed=x): seed=x", "whole number"),
    "unknown choice": (["scenario=baseline_2015,nope"], "scenario 'nope'", "no_crackdown"),
    "unknown key": (["nope=1,2"], "job 1 of 2 (nope=1): unknown parameter 'nope'", "--cfg job"),
    "no such day": (
        ["scenario.interventions.sweep_may.date=2015-05-30,2016-01-01"],
        "job 2 of 2 (scenario.interventions.sweep_may.date=2016-01-01)",
        "2015-03-06 to 2015-07-31",
    ),
    "of every job": (["seed=1,2", "study=a/b"], "job 1 of 2 (seed=1): study=a/b", "a letter"),
    "nothing swept": (["seed=x"], "seed=x", "whole number"),
    "not the grammar": (["seed=1,2", "nope"], "'nope'", "KEY=VALUE"),
    "below a file": (["seed=1,2", "output=/dev/null/x"], "/dev/null/x", "output=FOLDER"),
    "another sweeper": (["seed=1,2", "hydra/sweeper=basic"], "hydra/sweeper=basic", "launcher"),
    "unknown launcher": (["hydra/launcher=nope"], "hydra/launcher 'nope'", "basic"),
    "unknown key of the launcher": (
        ["hydra.launcher.nope=3"],
        "hydra.launcher.nope=3",
        "--hydra-help",
    ),
    "another flag": (["--cfg", "job"], "--cfg", "--multirun"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_wrong_job_stops_all_before_the_first(monkeypatch, capfd, tmp_path, name):
    """One line with the job, key, value and what is allowed; exit code 2; nothing written."""
    words, shown, allowed = BAD[name]
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, "-m", *QUICK, *words)
    out, err = capfd.readouterr()
    assert stop.value.code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert shown in err
    assert allowed in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["calibrate", "validate", "calibrate_market"])
def test_nothing_but_studies_is_swept(monkeypatch, capfd, name):
    """Only `run` takes -m."""
    with pytest.raises(SystemExit):
        command(monkeypatch, name, "-m", "seed=1,2")
    assert "marketsim run -m" in capfd.readouterr().err


@pytest.mark.parametrize(
    "fault", [OSError(28, "No space left"), MemoryError(), ZeroDivisionError()]
)
def test_a_failing_job_is_named_and_the_others_go_on(monkeypatch, capfd, fault):
    """One line with the overrides and where the story lies; exit code 1; a second try clears it."""
    run_study, broken = run_command.run_study, [True]

    def failing(settings, *how):
        if settings.seed == 2 and broken:
            raise fault
        return run_study(settings, *how)

    monkeypatch.setattr(run_command, "run_study", failing)
    with pytest.raises(SystemExit) as stop:
        sweep(monkeypatch, "seed=1,2,3", "progress=false")
    out, err = capfd.readouterr()
    assert stop.value.code == 1
    assert out == "3 jobs: 2 done, 0 reused, 1 failed\n"
    assert err.count("\n") == 1
    assert err.startswith(f"marketsim: failed: seed=2: {type(fault).__name__}")
    (note,) = Path("results").glob("*/.*.failed")
    assert str(note) in err
    assert "Traceback" in note.read_text()
    broken.clear()
    sweep(monkeypatch, "seed=1,2,3", "progress=false")
    assert capfd.readouterr().out == "3 jobs: 1 done, 2 reused, 0 failed\n"
    assert not list(Path("results").glob("*/.*.failed"))


def test_a_job_that_ends_without_a_word_has_failed(monkeypatch, capfd):
    """Neither a result nor a note: the sweep does not take that for done."""
    monkeypatch.setattr(sweep_command, "_task", lambda *_: None)
    with pytest.raises(SystemExit) as stop:
        sweep(monkeypatch, "seed=1,2", "progress=false")
    assert stop.value.code == 1
    out, err = capfd.readouterr()
    assert out == "2 jobs: 0 done, 0 reused, 2 failed\n"
    assert err.count("worker process died") == 2


def test_a_failure_without_room_for_its_note_is_no_dead_process(monkeypatch, capfd):
    """The disk is full: the line says so, where the note of the cause could not be written."""
    full = OSError(errno.ENOSPC, "No space left on device")

    def write_nothing(*_: object) -> None:
        raise full

    monkeypatch.setattr(run_command, "run_study", write_nothing)
    monkeypatch.setattr(files, "write_atomic", write_nothing)
    with pytest.raises(SystemExit):
        sweep(monkeypatch, "seed=1,2", "progress=false")
    _, err = capfd.readouterr()
    assert err.count("no space left on the disk") == 2


def test_an_interrupted_sweep_goes_on(monkeypatch, capfd):
    """Ctrl-C between two jobs: exit 130, one line; what is done is not done again."""
    run_study, simulated = run_command.run_study, []

    def interrupted(settings, *how):
        if settings.seed == 2 and not simulated.count(2):
            simulated.append(2)
            raise KeyboardInterrupt
        simulated.append(settings.seed)
        return run_study(settings, *how)

    monkeypatch.setattr(run_command, "run_study", interrupted)
    with pytest.raises(SystemExit) as stop:
        sweep(monkeypatch, "seed=1,2,3", "progress=false")
    assert stop.value.code == 130
    assert capfd.readouterr().err.count("\n") == 1
    sweep(monkeypatch, "seed=1,2,3", "progress=false")
    assert simulated == [1, 2, 2, 3]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_figures_are_drawn_later_from_the_tables(monkeypatch, capfd):
    """figures=false leaves them out; the same study without it draws them and rewrites nothing."""
    words = [*QUICK[:-1], "progress=false"]
    command(monkeypatch, *words, "figures=false")
    before = manifests(), tables("results")
    assert not list(Path("results").rglob("report.html"))
    command(monkeypatch, *words)
    assert "loaded cached result" in capfd.readouterr().out
    assert (manifests(), tables("results")) == before
    (page,) = Path("results").rglob("report.html")
    assert len(list((page.parent / "figures").iterdir())) == 7
    assert page.read_text().count("<img") == 7


def test_kernels_are_compiled_once(monkeypatch, tmp_path):
    """The first process of a kind compiles, the next finds them compiled."""
    monkeypatch.setattr(run.jit, "cache_folders", lambda: [tmp_path / "kernels"])
    simulated = []
    monkeypatch.setattr(run, "run_tables", lambda *_: simulated.append(1))
    for _ in range(2):
        run.compile_kernels.cache_clear()
        run.compile_kernels()
    assert simulated == [1]


def test_kernels_that_cannot_be_stored_are_compiled_all_the_same(monkeypatch, tmp_path, capfd):
    """The folder of the cache is not the results': no refusal, but a warning."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(run.jit, "cache_folders", lambda: [tmp_path / "file" / "kernels"])
    run.jit._warned.cache_clear()
    simulated = []
    monkeypatch.setattr(run, "run_tables", lambda *_: simulated.append(1))
    run.compile_kernels.cache_clear()
    run.compile_kernels()
    assert simulated == [1]
    assert capfd.readouterr().err.count("marketsim: warning: ") == 1


def test_a_launcher_that_cannot_start_is_one_line(monkeypatch, capfd):
    """Slurm's launcher on a machine without Slurm: one line, exit code 2, no result."""
    needs("hydra-submitit-launcher")
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, "-m", *QUICK, "hydra/launcher=submitit_slurm", "seed=1,2")
    assert stop.value.code == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert "srun" in err
    assert not manifests()


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("launcher", "plugin"),
    [
        ("joblib", "hydra-joblib-launcher"),
        ("submitit_local", "hydra-submitit-launcher"),
        ("ray", "hydra-ray-launcher"),
    ],
)
def test_each_launcher_gives_the_same_tables(monkeypatch, launcher, plugin):
    """Three jobs on each launcher, in its local form, and no process after."""
    needs(plugin)
    mark = uuid.uuid4().hex
    process = start(mark, f"hydra/launcher={launcher}", "seed=1,2,3", "output=launched")
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert out.endswith("3 jobs: 3 done, 0 reused, 0 failed\n")
    sweep(monkeypatch, "seed=1,2,3")
    assert tables("launched") == tables("results")
    assert wait_for(lambda: not alive(mark)), alive(mark)


def test_a_plan_that_nobody_holds_is_removed(monkeypatch, tmp_path):
    """A killed sweep leaves its plan; the next one removes it, but not one of a sweep at work."""
    output = Path("results")
    output.mkdir()
    left, held, later = (output / name for name in (".sweep-left", ".sweep-held", ".cluster-later"))
    for path in (left, held, later):
        path.write_bytes(b"a plan")
    with locks.locked(held):
        sweep(monkeypatch, "seed=1,2")
    kept = sorted(path.name for path in output.glob(".*"))
    assert kept == ["..sweep-held.lock", ".cluster-later", ".sweep-held"]


@pytest.mark.campaign
def test_a_worker_that_is_killed_takes_no_other_job_with_it(capfd):
    """A worker ended from outside: its job runs again by itself, the others are all done."""
    needs("hydra-joblib-launcher")
    mark = uuid.uuid4().hex
    process = start(mark, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=range(1,9)")
    assert wait_for(lambda: manifests() or process.poll() is not None)
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if any("popen_loky" in word for word in child.cmdline())
    ]
    workers[0].kill()
    out, err = process.communicate(timeout=600)
    assert out.endswith("8 jobs: 8 done, 0 reused, 0 failed\n"), err
    assert process.returncode == 0


def wait_for(true, seconds: float = 900.0):
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.1)
    return found


@pytest.mark.campaign
@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_no_process_outlives_a_sweep(launcher, with_signal):
    """Whatever ends the sweep ends its workers; submitit's go on after SIGKILL, as it means to."""
    outlive = (launcher, with_signal) == ("submitit_local", signal.SIGKILL)
    if launcher != "basic":
        needs(f"hydra-{launcher.removesuffix('_local')}-launcher")
    mark = uuid.uuid4().hex
    process = start(mark, f"hydra/launcher={launcher}", "seed=range(1,41)")
    assert wait_for(lambda: manifests() or process.poll() is not None)
    process.send_signal(with_signal)
    assert process.wait(60) == (-9 if with_signal == signal.SIGKILL else 130)
    assert wait_for(lambda: not alive(mark), 300.0 if outlive else 20.0), alive(mark)
    assert "Traceback" not in process.communicate()[1]
    for path in Path("results").glob("*/*/manifest.json"):
        assert store.read_manifest(path.parent)["tables"]


@pytest.mark.campaign
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_sixty_jobs_survive_five_kills(launcher, capfd):
    """Killed five times at random and finished: the bytes of a whole sweep, each result once."""
    if launcher == "joblib":
        needs("hydra-joblib-launcher")
    words = [f"hydra/launcher={launcher}", "scenario=baseline_2015,no_crackdown"]
    words += ["posting.weekend=0.8,0.9,1.0", "seed=range(1,11)"]
    mark, began = uuid.uuid4().hex, time.monotonic()
    straight = start(mark, *words, "output=straight")
    assert wait_for(lambda: manifests("straight") or straight.poll() is not None)
    first = time.monotonic() - began
    out, err = straight.communicate(timeout=1800)
    assert out.endswith("60 jobs: 60 done, 0 reused, 0 failed\n"), err
    work = time.monotonic() - began - first
    chance, seen, told = random.Random(2015), {}, [f"first {first:.1f} s, rest {work:.1f} s"]
    for _ in range(5):
        process = start(mark, *words, "output=killed")
        enough = len(seen) + chance.randint(1, 9)
        assert wait_for(lambda enough=enough: len(manifests("killed")) >= enough)
        time.sleep(chance.random())  # somewhere in the next jobs
        process.kill()
        process.communicate()
        now = manifests("killed")
        assert {key: now[key] for key in seen} == seen
        seen = now
        assert enough <= len(seen) < 60
        told.append(f"{len(now)} after a kill")
    last = start(mark, *words, "output=killed")
    out, err = last.communicate(timeout=1800)
    counts = out.splitlines()[-1]
    assert last.returncode == 0, err
    now = manifests("killed")
    assert {key: now[key] for key in seen} == seen
    assert len(now) == 60
    assert tables("killed") == tables("straight")
    assert not list(Path("killed").glob("*/.*.partial"))
    assert wait_for(lambda: not alive(mark), 30.0), alive(mark)
    with capfd.disabled():
        print(f"\n{launcher}: {'; '.join(told)}; {counts}")


SWEPT = {
    # words, the key, and what it takes in turn
    "lists of texts": (["scenario.scaled_interventions=[sweep_may],[]"],
                       "scenario.scaled_interventions", [["sweep_may"], []]),
    "lists of several": (["scenario.scaled_interventions=[sweep_may, 'arrest_may'],[arrest_may]"],
                         "scenario.scaled_interventions",
                         [["sweep_may", "arrest_may"], ["arrest_may"]]),
    "lists of numbers": (["scenario.dose_multipliers=[1,2],[3]"], "scenario.dose_multipliers",
                         [[1.0, 2.0], [3.0]]),
    "texts": (["study=2015.10,1e3,null,true"], "study", ["2015.10", "1e3", "null", "true"]),
    "a choice of texts": (["study=choice(2015.10,'1e3',a b)"], "study", ["2015.10", "1e3", "a b"]),
    "sorted texts": (["study=sort(b,2015.10,reverse=true)"], "study", ["b", "2015.10"]),
    "numbers": (["study=range(1,3)"], "study", ["1", "2"]),
    "folders": (["output=a (b), Dropbox (Org)/x"], "output", ["a (b)", "Dropbox (Org)/x"]),
    "a reference": (["output=out${seed}", "seed=1,2", "panel=new"], "output", ["out1", "out2"]),
    "a pattern": (["scenario=glob(*new*)"], "scenario.name", ["plan B (new)", "第二次 new"]),
    "names": (["scenario=plan B (new),第二次 new"], "scenario.name",
              ["plan B (new)", "第二次 new"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SWEPT)
def test_what_a_sweep_takes_in_turn(name):
    """Each job has the value that was written, as a single run would have it."""
    words, key, expected = SWEPT[name]
    for own in ("plan B (new)", "第二次 new"):
        file = Path("mine/scenario") / f"{own}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"defaults: [baseline_2015]\nname: {own}\n", encoding="utf-8")
    line = ["-m", "population=survey", "--config-dir", "mine", *words]
    given = composition.flags(line, options.RunCommand)
    with composition.hydra("run", options.RunCommand, given.config_dir) as loader:
        jobs = sweep_command.compose_jobs(loader, given.overrides)
    found = []
    for job in jobs:
        value = job.command
        for part in key.split("."):
            value = getattr(value, part)
        found.append(value)
    assert found == expected
