"""Files are complete or absent, and a lock is held by one process, which may be killed."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from conftest import settings

from marketsim.api import Study
from marketsim.commands import run as run_command
from marketsim.commands.verify import verify
from marketsim.errors import InputError
from marketsim.simulation import catalogue, files, locks, store

HOLDER = """
import sys, time
from pathlib import Path
from marketsim.simulation import store
with store.locked_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_file_takes_its_place_once_it_is_complete(tmp_path):
    """Until then the previous one is read."""
    path = tmp_path / "page.html"
    path.write_text("before")
    with files.atomic_path(path) as beside:
        beside.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_one_that_is_never_complete_leaves_nothing(fault, tmp_path):
    """Neither a full disk nor Ctrl-C leaves half a file, or changes the previous one."""
    path = tmp_path / "page.html"
    path.write_text("before")
    with pytest.raises(type(fault)), files.atomic_path(path) as beside:
        beside.write_text("half")
        raise fault
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def holder(folder: Path, seconds: float) -> subprocess.Popen:
    """Start a process that holds the lock of a folder; return once it does."""
    words = [sys.executable, "-c", HOLDER, str(folder), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


ADDRESSES = ["run:1", "s3:x", "gs:1/a%20b", "file:x", "http:x", "file:/x", "data:,", "a#b?c"]


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_path_is_no_address(name):
    """Tables are written and read in the folder of that name, relative as it is."""
    folder, table = Path(name), pd.DataFrame({"run": [1, 2], "bans": [3, 4]})
    folder.mkdir(parents=True)
    files.write_parquet(table, folder / "daily.parquet")
    files.write_csv(folder, {"fit": table})
    pd.testing.assert_frame_equal(files.read_parquet(folder / "daily.parquet"), table)
    pd.testing.assert_frame_equal(files.read_csv(folder / "fit.csv"), table)
    assert files.read_schema(folder / "daily.parquet").names == list(table)
    assert files.count_rows(folder / "daily.parquet") == 2
    files.write_batch(folder, 0, {"daily": table})
    pd.testing.assert_frame_equal(files.read_batch(folder, 0)["daily"], table)


@pytest.mark.parametrize("name", ["run:1", "file:/x"])
def test_a_study_in_such_a_folder_is_like_any_other(name):
    """It is run, read, drawn, listed and verified."""
    of = settings(30, replicates=1)
    folder = run_command.run_study(of, Path(name)).folder
    assert (folder / "report.html").exists()
    assert run_command.run_study(of, Path(name)).reused
    study = Study(folder)
    assert study.daily.attrs["units"]["bans"] == "accounts"
    assert repr(study).startswith("evidence")
    (one,), lines = catalogue.collect(Path(name))
    assert (one.folder, lines) == (folder, [])
    assert verify(folder) == []


def test_a_second_process_waits_for_the_first(tmp_path):
    """The lock is free when the first process ends, not before; its empty file stays."""
    folder = tmp_path / "key"
    with holder(folder, 0.5) as process:
        assert locks.is_locked(folder)
        with store.locked_folder(folder):
            assert process.wait(10) == 0  # it had released the lock, and was about to end
        assert not locks.is_locked(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".key.lock", "key"]
    assert (tmp_path / ".key.lock").read_bytes() == b""


def test_a_killed_process_frees_its_lock(tmp_path):
    """After SIGKILL nobody waits."""
    with holder(tmp_path / "key", 600) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    started = time.monotonic()
    with store.locked_folder(tmp_path / "key"):
        assert time.monotonic() - started < 5


def test_a_forked_process_does_not_keep_or_free_the_lock(tmp_path):
    """A worker that ends leaves the lock to its parent; one that outlives it does not hold it."""
    folder = tmp_path / "key"
    with store.locked_folder(folder):
        early = os.fork()
        if early == 0:
            os._exit(0)
        os.waitpid(early, 0)
        assert locks.is_locked(folder)
        late = os.fork()
        if late == 0:
            time.sleep(600)
    try:
        assert not locks.is_locked(folder)
    finally:
        os.kill(late, signal.SIGKILL)
        os.waitpid(late, 0)


@pytest.mark.parametrize(
    "code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL]
)
def test_without_locks_one_process_works_with_a_warning(code, tmp_path, monkeypatch, capfd):
    """A disk without locks is no obstacle; what cannot be told to be free is not removed."""

    def unsupported(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    for _ in range(2):  # the warning is given once
        with store.locked_folder(tmp_path / "key") as folder:
            (folder / "file").write_text("content")
    assert (tmp_path / "key" / "file").read_text() == "content"
    err = capfd.readouterr().err
    assert err.startswith("marketsim: warning: no file locks in ")
    assert err.count("\n") == 1
    assert locks.is_locked(tmp_path / "key")


def test_a_lock_that_cannot_be_written_is_one_line(tmp_path):
    """The output is refused where its lock file cannot be made."""
    (tmp_path / ".key.lock").mkdir()
    with (
        pytest.raises(InputError, match="cannot write to"),
        store.locked_folder(tmp_path / "key"),
    ):
        pass
