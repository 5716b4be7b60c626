"""Progress of a sweep: a line for each job as it ends, read from the store of results."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from marketsim.errors import UnwritableFolderError, one_line
from marketsim.simulation import store

SECONDS = 0.2  # between two readings of the store
DIED = "worker process died (killed or out of memory)"


@dataclass(frozen=True)
class Job:
    """One job of a sweep: what to run, the overrides that identify it, the folder of its result."""

    command: Any
    label: str
    folder: Path


class Watch:
    """State of a sweep: which jobs wait, and how many were reused, are done, have failed.

    Parameters
    ----------
    jobs : sequence of Job
        All jobs of the sweep. Of two jobs with the same result one is reused.

    Attributes
    ----------
    waiting : list of Job
        Those without a result.
    done, reused, failed : int
        Numbers of jobs.

    Raises
    ------
    InputError
        Where a folder of a result cannot be written to.
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
                self._print(job, "reused")
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
        """Return whether one of those that waited is neither done nor failed."""
        return self.waiting[number].folder in self._open

    def is_begun(self, number: int) -> bool:
        """Return whether a partial result of one of those that waited exists."""
        return store.partial_folder(self.waiting[number].folder).exists()

    def look(self) -> None:
        """Read the store once, and print what has ended since the last reading."""
        with self._lock:
            for folder, (job, before) in list(self._open.items()):
                fault = store.read_failure(folder)
                if _stamp(folder) not in (None, before):
                    del self._open[folder]
                    self.done += 1
                    self._print(job, "done")
                elif fault is not None:
                    del self._open[folder]
                    self._fail(job, fault)

    def close(self) -> None:
        """Count jobs without a result or a note as failed, and print how the sweep ended."""
        for job, _ in self._open.values():
            self._fail(job, DIED)
        self._open.clear()
        counts = f"{self.done} done, {self.reused} reused, {self.failed} failed"
        print(f"{self.number} jobs: {counts}", flush=True)

    def _keep_looking(self) -> None:
        while not self._ended.wait(SECONDS):
            self.look()

    def _print(self, job: Job, what: str) -> None:
        if job.command.progress:
            ended = self.done + self.reused + self.failed
            print(f"[{ended}/{self.number}] {job.label}: {what}: {job.folder}", flush=True)

    def _fail(self, job: Job, fault: str) -> None:
        self.failed += 1
        note = store.failure_file(job.folder)
        place = note if note.exists() else job.folder
        line = f"marketsim: failed: {job.label}: {fault} ({place})"
        print(one_line(line), file=sys.stderr, flush=True)


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Return what distinguishes a manifest from a later one in the same folder."""
    try:
        facts = (folder / store.MANIFEST).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _make_room(folder: Path) -> None:
    """Make the study's folder, and remove the note of an earlier failure."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        store.failure_file(folder).unlink(missing_ok=True)
    except OSError as fault:
        raise UnwritableFolderError("output", folder.parent, str(fault.strerror)) from None
