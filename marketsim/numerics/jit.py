"""Compilation of kernels and the cache of machine code.

Numba's cache notices a change in the file of a kernel, but not in the files of the kernels that it
calls, so a caller could keep an outdated callee. The name of the cache folder therefore contains a
fingerprint of all files with kernels: after a change in any of them all kernels are recompiled.
"""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache

PACKAGE = Path(__file__).parents[1]
KEPT = 3  # older versions whose kernels stay
KERNEL_SOURCES = ("numerics/*.py", "model/*.py", "model/kernels/*.py")
numba_config: Any = numba.config
njit: Any = numba.njit  # its annotations omit private options


@cache
def source_fingerprint(patterns: tuple[str, ...] = ("**/*.py", "**/*.j2")) -> str:
    """Return a short hash over source files of the package.

    Parameters
    ----------
    patterns : tuple of str
        Which files; by default all Python files and templates.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in PACKAGE.glob(pattern)):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> str:
    """Return the folder of the compiled kernels: one that holds them, else one to write to.

    It is below NUMBA_CACHE_DIR, or below the user's folder for caches.
    """
    name = f"kernels-{source_fingerprint(KERNEL_SOURCES)}"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    of_user = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.cache"
    folders = []
    for parent in (chosen, f"{of_user}/marketsim"):
        with contextlib.suppress(RuntimeError):  # the user has no home folder
            folders += [Path(parent).expanduser() / name] if parent else []
    for folder in folders:
        if _holds_kernels(folder):
            return str(folder)
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        _remove_old(folder)
        return str(folder)
    return ""


def _holds_kernels(folder: Path) -> bool:
    try:
        return any(folder.glob("**/*.nbc"))
    except OSError:
        return False


def _remove_old(folder: Path) -> None:
    """Remove the kernels of older versions, but the latest few, which may be in use."""
    with contextlib.suppress(OSError):
        others = [path for path in folder.parent.glob("kernels-*") if path != folder]
        others.sort(key=lambda path: path.stat().st_mtime)
        for path in others[: -KEPT or None]:
            shutil.rmtree(path, ignore_errors=True)


CACHE_FOLDER = _cache_folder()  # empty if there is none: then every process compiles


def is_cold() -> bool:
    """Return whether kernels must still be compiled for this version."""
    if numba_config.DISABLE_JIT:
        return False
    return not CACHE_FOLDER or not _holds_kernels(Path(CACHE_FOLDER))


class _Place:
    """Place of the kernels of a function, which may be read where nothing can be written."""

    def __init__(self, function: Any, file: str) -> None:
        self._py_file, self._line = file, function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Any, file: str) -> "_Place":
        """Return the place of a function's kernels."""
        return cls(function, file)

    def ensure_cache_path(self) -> None:
        """Create the folder."""
        Path(self.get_cache_path()).mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        """Return the folder: one for each source file."""
        return str(Path(CACHE_FOLDER) / Path(self._py_file).stem)

    def get_source_stamp(self) -> str:
        """Return the same for all: the name of the folder changes with every source file."""
        return ""

    def get_disambiguator(self) -> str:
        """Return the line, which tells functions of one name apart."""
        return str(self._line)


class _Code(CompileResultCacheImpl):
    _locator_classes = [_Place]  # noqa: RUF012


class KernelCache(FunctionCache):
    """Numba's cache of a function, in which no fault is fatal: a kernel is then compiled anew."""

    _impl_class = _Code

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kernel for a signature; None, and the entry is dropped, if it is damaged."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged file does
            with contextlib.suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel, or say once that there is no room."""
        try:
            super().save_overload(sig, data)
        except Exception as fault:
            _warn_once(getattr(fault, "strerror", None) or type(fault).__name__)


@cache
def _warn_once(reason: str) -> None:
    message = f"the compiled kernels cannot be kept in {CACHE_FOLDER} ({reason})"
    remedy = "every start compiles; choose another folder with NUMBA_CACHE_DIR"
    print(f"marketsim: {message}; {remedy}", file=sys.stderr, flush=True)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function without the global interpreter lock and cache the machine code.

    The function must not create arrays. It then counts no references: a call that passes named
    tuples of arrays would otherwise count references up and down for each array.

    Parameters
    ----------
    function : callable
        Serial code over numbers, arrays and named tuples of them.

    Returns
    -------
    callable
        The compiled function, or `function` itself if ``NUMBA_DISABLE_JIT`` is set.
    """
    return _compiled(function, _nrt=False)


def array_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that creates arrays, otherwise like `kernel`."""
    return _compiled(function)


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Inline a part of a kernel into its callers before these are compiled; it creates no arrays.

    Compiling each part by itself, with all arrays of the trade state as arguments, would cost more:
    a cold start takes 52 s of one core with inlining and 68 s without.
    """
    return _compiled(function, inline="always", _nrt=False)


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    compiled: Any = njit(nogil=True, **options)(function)
    if CACHE_FOLDER and not numba_config.DISABLE_JIT:
        compiled._cache = KernelCache(function)  # as enable_caching does, with its own class
    out: Callable[..., Any] = compiled
    return out
