"""Watching a sweep: a line for each job as it ends, read from the store of results alone."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from marketsim.errors import InputError, one_line
from marketsim.simulation import store

SECONDS = 0.2  # between two looks at the store
WORDLESS = "killed, out of memory, or no space left to say why?"


@dataclass(frozen=True)
class Job:
    """One job of a sweep: what to run, the words that tell it apart, where its result rests."""

    command: Any
    label: str
    folder: Path


class Watch:
    """How far a sweep is: which jobs wait, and how many were there, are done, have failed.

    Parameters
    ----------
    jobs : sequence of Job
        All jobs of the sweep. Two jobs with one result are one job and one taken as it is.

    Attributes
    ----------
    waiting : list of Job
        Those whose result has to be made.
    done, reused, failed : int
        Numbers of jobs.

    Raises
    ------
    InputError
        Where a place of a result cannot be written to.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.number, self.done, self.reused, self.failed = len(jobs), 0, 0, 0
        self._open: dict[Path, tuple[Job, tuple[int, int] | None]] = {}
        self._lock, self._ended = threading.Lock(), threading.Event()
        for job in jobs:
            if job.folder in self._open or (
                not job.command.fresh and store.is_complete(job.folder)
            ):
                self.reused += 1
                self._say(job, "already there")
            else:
                self._open[job.folder] = (job, _stamp(job.folder))
        self.waiting = [job for job, _ in self._open.values()]
        for job in self.waiting:
            _make_room(job.folder)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._keep_looking, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: object, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.look()

    def is_over(self) -> bool:
        """Return whether every job has been done or has failed."""
        return not self._open

    def is_open(self, number: int) -> bool:
        """Return whether one of those that waited has neither been done nor failed."""
        return self.waiting[number].folder in self._open

    def is_begun(self, number: int) -> bool:
        """Return whether there is a part of the result of one of those that waited."""
        return store.partial_folder(self.waiting[number].folder).exists()

    def look(self) -> None:
        """Look at the store once, and say what has ended since the last look."""
        with self._lock:
            for folder, (job, before) in list(self._open.items()):
                fault = store.read_failure(folder)
                if _stamp(folder) not in (None, before):
                    del self._open[folder]
                    self.done += 1
                    self._say(job, "done")
                elif fault is not None:
                    del self._open[folder]
                    self._fail(job, fault)

    def close(self) -> None:
        """Count what has ended without a word as failed, and say how the sweep ended."""
        for job, _ in self._open.values():
            self._fail(job, f"its process ended without a word ({WORDLESS})")
        self._open.clear()
        counts = f"{self.done} done, {self.reused} reused, {self.failed} failed"
        print(f"{self.number} jobs: {counts}", flush=True)

    def _keep_looking(self) -> None:
        while not self._ended.wait(SECONDS):
            self.look()

    def _say(self, job: Job, what: str) -> None:
        if job.command.progress:
            ended = self.done + self.reused + self.failed
            print(f"[{ended}/{self.number}] {job.label}: {what}: {job.folder}", flush=True)

    def _fail(self, job: Job, fault: str) -> None:
        self.failed += 1
        line = f"marketsim: failed: {job.label}: {fault} ({store.failure_file(job.folder)})"
        print(one_line(line), file=sys.stderr, flush=True)


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Return what tells one manifest from a later one at the same place."""
    try:
        facts = (folder / store.MANIFEST).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _make_room(folder: Path) -> None:
    """Make the study's folder, and forget how the last attempt at a result failed."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        store.failure_file(folder).unlink(missing_ok=True)
    except OSError as fault:
        raise InputError(
            "output", folder.parent, f"a folder to write to ({fault.strerror})"
        ) from None
