"""Result storage and provenance.

A result is complete or absent: it is written to a temporary folder that is renamed last, and it is
complete if and only if ``manifest.json`` exists. Its key is a hash over the settings, the source of
the model and the evidence, so that an outdated result is never loaded.
"""

import contextlib
import datetime as dt
import hashlib
import importlib.metadata
import json
import platform
import shutil
import subprocess
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marketsim import __version__
from marketsim.errors import DamagedResultError, UnwritableFolderError
from marketsim.model.scenario import custom
from marketsim.numerics.jit import PACKAGE, source_fingerprint
from marketsim.parameters import evidence, posterior, presets
from marketsim.parameters.settings import AGAIN, POSTING_ONLY, Settings, to_tree
from marketsim.simulation import files, locks

UNWRITTEN = "no space left on the disk, not even to write the cause"
MANIFEST = "manifest.json"
CHECKSUM = "sum"  # key of the manifest: checksum of the other entries
# Those a result may depend on: jax, optax, pyabc and statsmodels only a calibration, SALib only a
# sensitivity analysis.
LIBRARIES = (
    *("mesa", "numba", "numpy", "pandas", "pyarrow", "scipy", "hydra-core", "matplotlib"),
    *("jax", "optax", "pyabc", "statsmodels", "SALib"),
)


def key(settings: Settings, more: dict[str, Any] | None = None, source: str | None = None) -> str:
    """Return the key of a result: a hash over settings, model source, evidence and posterior.

    Parameters
    ----------
    settings : Settings
        Of the result.
    more : dict, optional
        Other input of the result.
    source : str, optional
        Fingerprint of the source files it depends on; default: the whole package.
    """
    digest = hashlib.sha256()
    tree = to_tree(settings) | {"classes": []}  # the files count by their contents alone
    digest.update(json.dumps([tree, more], sort_keys=True, default=str).encode())
    digest.update((source or source_fingerprint()).encode())
    digest.update(evidence.TABLE.read_bytes())
    of_draws = (settings.posterior, settings.market != POSTING_ONLY, settings.panel == AGAIN)
    digest.update(posterior.fingerprint(*of_draws).encode())
    digest.update(custom.fingerprint(settings.classes).encode())
    return digest.hexdigest()[:12]


def model_fingerprint() -> str:
    """Return a short hash over all that gives a result besides its settings.

    It covers the source of the package, the evidence, the shipped posterior and its pairs. Results
    with the same one are of the same version of the model, and can be compared.
    """
    digest = hashlib.sha256(source_fingerprint().encode())
    digest.update(evidence.TABLE.read_bytes())
    digest.update(posterior.fingerprint(presets.POSTERIOR, again=True).encode())
    return digest.hexdigest()[:12]


def has_manifest(folder: Path) -> bool:
    """Return whether a folder holds a result; `is_complete` also checks its files."""
    try:
        return (folder / MANIFEST).is_file()
    except OSError:  # a name that is too long for the disk
        return False


def is_complete(folder: Path, require_all: bool = True) -> bool:
    """Return whether a folder holds a complete result with correct checksums.

    Parameters
    ----------
    folder : Path
        Of the result.
    require_all : bool
        Whether every table must exist: a published result may omit some.

    Raises
    ------
    InputError
        If a table or the manifest is damaged.
    """
    if not has_manifest(folder):
        return False
    wrong = _damaged(folder, require_all)
    if wrong is not None:
        raise DamagedResultError("output", folder / wrong, "checksum mismatch")
    return True


def _damaged(folder: Path, require_all: bool) -> str | None:
    """Return the first file of a result with a wrong checksum."""
    at = MANIFEST
    try:
        for name, table in read_manifest(folder)["tables"].items():
            at = name
            if not require_all and not (folder / name).exists():
                continue
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != table["sha256"]:
                return at
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return at
    return None


def partial_folder(folder: Path) -> Path:
    """Return the temporary folder of a result that is not complete."""
    return folder.with_name(f".{folder.name}.partial")


def failure_file(folder: Path) -> Path:
    """Return the file with the reason why a result could not be computed."""
    return folder.with_name(f".{folder.name}.failed")


def write_failure(folder: Path, fault: Exception) -> None:
    """Write why a result could not be computed: one line, then the traceback."""
    reason = " ".join(f"{type(fault).__name__}: {fault}".split())
    text = "".join([reason, "\n", *traceback.format_exception(fault)])
    try:
        files.write_atomic(failure_file(folder), text)
    except OSError:  # an empty file needs no room
        with contextlib.suppress(OSError):
            failure_file(folder).touch()


def read_failure(folder: Path) -> str | None:
    """Return why the last attempt at a result failed, in one line; None if it did not."""
    try:
        text = failure_file(folder).read_text(encoding="utf-8")
        return text.partition("\n")[0] or UNWRITTEN
    except OSError:
        return None


@contextlib.contextmanager
def result_writer(folder: Path) -> Iterator[Path]:
    """Lock a result for writing and yield its temporary folder; other processes wait.

    Yields
    ------
    Path
        The temporary folder.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    with locked_folder(partial_folder(folder), folder) as partial:
        failure_file(folder).unlink(missing_ok=True)
        if has_manifest(partial):  # killed between manifest and renaming
            if _damaged(partial, require_all=True) is None:
                publish(partial, folder)
            else:
                shutil.rmtree(partial)
            partial.mkdir()
        yield partial
        if has_manifest(folder):
            shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def open_result(
    settings: Settings, folder: Path, threads: int, facts: dict[str, Any]
) -> Iterator[Path | None]:
    """Lock a result for writing; when its tables are written, add the manifest and publish it.

    Parameters
    ----------
    settings : Settings
        Of the result.
    folder : Path
        Of the result.
    threads : int
        For the manifest.
    facts : dict
        Further entries of the manifest; entries may be added until the context ends.

    Yields
    ------
    Path or None
        The temporary folder; None if the result is already complete.
    """
    with result_writer(folder) as partial:
        if is_complete(folder):
            yield None
            return
        started = time.perf_counter()
        yield partial
        plain = manifest(settings, partial, threads, time.perf_counter() - started)
        write_manifest(partial, plain | facts | {"key": folder.name})
        publish(partial, folder)


@contextlib.contextmanager
def locked_folder(folder: Path, named: Path | None = None) -> Iterator[Path]:
    """Create a folder and hold its lock; a second process waits until the first has ended.

    Parameters
    ----------
    folder : Path
        The folder.
    named : Path, optional
        Lock this path instead; error messages name it.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    path = named or folder
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locks.locked(path))
        except OSError as fault:
            raise UnwritableFolderError("output", path, str(fault.strerror)) from None
        folder.mkdir(exist_ok=True)
        yield folder


def publish(partial: Path, folder: Path) -> None:
    """Rename a complete result to its final name, replacing an older one."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def manifest(settings: Settings, folder: Path, threads: int, seconds: float) -> dict[str, Any]:
    """Return what is needed to reproduce a result and to check it.

    Returns
    -------
    dict
        Settings, key, commit, versions, threads, wall time, rows and sha256 of each table. It has
        no names of users, machines or paths.
    """
    tables = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".parquet", ".csv"):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            tables[path.name] = {"sha256": digest, "rows": _rows(path)}
    return {
        "key": key(settings),
        "settings": to_tree(settings),
        "model": model_fingerprint(),
        "source": source_fingerprint(),
        "evidence": hashlib.sha256(evidence.TABLE.read_bytes()).hexdigest(),
        "commit": _git("rev-parse", "HEAD"),
        "changed_since_commit": bool(_git("status", "--porcelain")),
        "python": platform.python_version(),
        "versions": _versions(),
        "threads": threads,
        "wall_seconds": round(seconds, 2),
        "written": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "tables": tables,
    }


def _versions() -> dict[str, str]:
    """Return the version of this package and of each installed library."""
    found = {"marketsim": __version__}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _rows(path: Path) -> int:
    if path.suffix == ".parquet":
        return files.count_rows(path)
    return path.read_text(encoding="utf-8").count("\n") - 1


def _git(*words: str) -> str | None:
    """Return the output of git in the checkout of the package; None without a checkout."""
    try:
        top = ["git", "-C", str(PACKAGE)]
        inside = subprocess.run(
            [*top, "ls-files", "--error-unmatch", "errors.py"], capture_output=True, timeout=10
        )
        if inside.returncode != 0:
            return None
        done = subprocess.run([*top, *words], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a complete result.

    Raises
    ------
    OSError, ValueError, AttributeError
        If it cannot be read or is damaged.
    """
    read: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if read.pop(CHECKSUM, None) not in (None, _sum(read)):
        raise ValueError(f"{MANIFEST} is damaged")
    return read


def _sum(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Write the manifest; it must be the last file of a result."""
    plain = json.loads(json.dumps(facts, default=str))
    text = json.dumps(plain | {CHECKSUM: _sum(plain)}, indent=1) + "\n"
    files.write_atomic(folder / MANIFEST, text)
