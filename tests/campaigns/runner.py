"""The real command, many times over: forked after its imports, or in a new process.

A fork calls the same entry with the same arguments that the command would, in a folder of its own,
with streams of its own; what it does not do again is import the package and load the kernels
(about two seconds). `new_process` does that too.
"""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import marketsim

PACKAGE = Path(marketsim.__file__).parent
LIMIT = 600.0  # seconds a command may take, on a machine that does much else


class Outcome(NamedTuple):
    """How a command ended: exit code (negative: a signal, None: too long), and what it said."""

    code: int | None
    out: str
    err: str
    seconds: float


def prepare() -> None:
    """Import what a run needs and compile the kernels, once, before anything is forked."""
    import tempfile

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a job of the background
    from marketsim.commands import run

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
        words = ["population=survey", "population.retailers=30", "replicates=1", "progress=false"]
        run.main([*words, f"output={folder}/results"])
    gc.collect()
    gc.freeze()


def forked(words: list[str], folder: Path, **environment: str) -> Outcome:
    """Run the command in a fork of this process."""
    began = time.monotonic()
    out, err = folder.with_name(folder.name + ".out"), folder.with_name(folder.name + ".err")
    child = os.fork()
    if child == 0:
        _command(words, folder, out, err, environment)
    code = _wait(child, began)
    told = [path.read_bytes().decode("utf-8", "replace") for path in (out, err)]
    out.unlink()
    err.unlink()
    return Outcome(code, *told, time.monotonic() - began)


def _command(words: list[str], folder: Path, out: Path, err: Path, environment: Any) -> None:
    """Be the command; never return."""
    code: Any = 1
    try:
        os.chdir(folder)
        os.environ.update(environment)
        for stream, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
        sys.argv = ["marketsim", *words]
        from marketsim.__main__ import main
        from marketsim.commands import cli

        cli.main = _hearing(cli.main)
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _hearing(main: Callable[[], None]) -> Callable[[], None]:
    """Return the entry that hears Ctrl-C from where the command's own remedy begins."""

    def hears() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        main()

    return hears


def _wait(child: int, began: float) -> int | None:
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() - began > LIMIT:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.002)


def new_process(words: list[str], folder: Path, **environment: str | None) -> Outcome:
    """Run the command as a shell would; a variable that is None is taken out."""
    around = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
    began = time.monotonic()
    line = [os.fsencode(word) for word in (sys.executable, "-m", "marketsim", *words)]
    try:
        ended = subprocess.run(
            line,
            cwd=folder,
            env={name: value for name, value in around.items() if value is not None},
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(None, "", "", time.monotonic() - began)
    told = [text.decode("utf-8", "replace") for text in (ended.stdout, ended.stderr)]
    return Outcome(ended.returncode, *told, time.monotonic() - began)


def signalled(
    words: list[str], folder: Path, number: signal.Signals, after: float, new: bool = False
) -> Outcome:
    """Run the command and send it a signal after so many seconds, unless it has ended by then."""
    began = time.monotonic()
    out, err = folder.with_name(folder.name + ".out"), folder.with_name(folder.name + ".err")
    if new:
        with out.open("wb") as to, err.open("wb") as faults:
            process = subprocess.Popen(
                [sys.executable, "-m", "marketsim", *words],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
                stdout=to,
                stderr=faults,
            )
        child = process.pid
    else:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the fork is the command
        child = os.fork()
        if child == 0:
            _command(words, folder, out, err, {})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    code: int | None = None
    while code is None and time.monotonic() < began + after:
        code = _ended(child)
        time.sleep(0.002)
    if code is None:
        os.kill(child, number)
        code = _wait(child, began)
    told = []
    for path in (out, err):  # not there yet where the end came at once
        told.append(path.read_bytes().decode("utf-8", "replace") if path.exists() else "")
        path.unlink(missing_ok=True)
    return Outcome(code, *told, time.monotonic() - began)


def _ended(child: int) -> int | None:
    done, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None
