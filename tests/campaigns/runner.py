"""Commands under test: in a fork of a warm process, or in a new process as a shell starts them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import warm
from tqdm import tqdm

import marketsim

PACKAGE = Path(marketsim.__file__).parent
LIMIT = 600.0  # seconds that a command may take, on a busy machine
Part, Answer = TypeVar("Part"), TypeVar("Answer")


class Outcome(NamedTuple):
    """How a command ended: exit code (negative: a signal, None: too slow), and what it wrote."""

    code: int | None
    out: str
    err: str
    seconds: float


class Command:
    """A running command.

    Parameters
    ----------
    words : list of str
        The arguments after ``marketsim``.
    folder : Path
        The working directory; the streams are kept in files beside it.
    new : bool
        Start a new process instead of a fork.
    name : str
        Suffix of the files of the streams, where several commands run in one folder.
    **environment : str or None
        Environment variables to set, or to remove where None.
    """

    def __init__(
        self,
        words: list[str],
        folder: Path,
        new: bool = False,
        name: str = "",
        **environment: str | None,
    ) -> None:
        self.began = time.monotonic()
        self.code: int | None = None
        around = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
        known = {key: value for key, value in around.items() if value is not None}
        self.streams = [folder.with_name(f"{folder.name}{name}.{kind}") for kind in ("out", "err")]
        with self.streams[0].open("wb") as out, self.streams[1].open("wb") as err:
            if new:
                line = [os.fsencode(word) for word in (sys.executable, "-m", "marketsim", *words)]
                self._process: subprocess.Popen[bytes] | warm.Fork = subprocess.Popen(
                    line, cwd=folder, env=known, stdout=out, stderr=err
                )
            else:
                entry = "campaigns.runner:interruptible"
                self._process = warm.Fork(entry, ["marketsim", *words], folder, out, err, known)

    def has_ended(self, seconds: float) -> bool:
        """Wait for the end, at most so many seconds."""
        try:
            self.code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.code = None
        return self.code is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def end(self) -> Outcome:
        """Wait for the end and return the outcome."""
        if self.code is None and not self.has_ended(LIMIT):
            self.send(signal.SIGKILL)
            self._process.wait(LIMIT)
        text = [path.read_bytes().decode("utf-8", "replace") for path in self.streams]
        for path in self.streams:
            path.unlink()
        return Outcome(self.code, *text, time.monotonic() - self.began)


def run(words: list[str], folder: Path, new: bool = False, **environment: str | None) -> Outcome:
    """Run a command to its end."""
    return Command(words, folder, new, **environment).end()


def side_by_side(do: Callable[[Part], Answer], parts: Sequence[Part], workers: int) -> list[Answer]:
    """Do all parts of a campaign on some threads; their commands are processes of their own."""
    warm.address()
    with ThreadPoolExecutor(workers) as pool:
        # in a log the bar is written once a minute
        each = 0.1 if sys.stderr.isatty() else 60.0
        return list(tqdm(pool.map(do, parts), total=len(parts), mininterval=each))


def interruptible() -> None:
    """Run the command; Ctrl-C reaches it from where it handles Ctrl-C itself."""
    from marketsim.__main__ import main
    from marketsim.commands import cli

    command = cli.main

    def unblocked() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        command()

    cli.main = unblocked
    main()
