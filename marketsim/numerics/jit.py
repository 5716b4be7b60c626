"""Compilation of kernels and the cache of machine code.

Numba's cache notices a change in the file of a kernel, but not in the files of the kernels that it
calls, so a caller could keep an outdated callee. The name of the cache folder therefore contains a
fingerprint of all files with kernels: after a change in any of them all kernels are recompiled.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

PACKAGE = Path(__file__).parents[1]
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
    """Return the first writable folder: NUMBA_CACHE_DIR, beside the package, or of the user."""
    name = f"kernels-{source_fingerprint(KERNEL_SOURCES)}"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    of_user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    for folder in (chosen, PACKAGE / "__pycache__", f"{of_user}/marketsim"):
        try:
            path = Path(folder or PACKAGE / "__pycache__").expanduser() / name
            path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path).close()
        except (OSError, RuntimeError):  # RuntimeError: the user has no home folder
            continue
        return str(path)
    return ""


CACHE_FOLDER = _cache_folder()  # empty if there is none: then every process compiles


def is_cold() -> bool:
    """Return whether kernels must still be compiled for this version."""
    if numba_config.DISABLE_JIT:
        return False
    return not CACHE_FOLDER or not any(Path(CACHE_FOLDER).glob("**/*.nbc"))


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
    before, numba_config.CACHE_DIR = numba_config.CACHE_DIR, CACHE_FOLDER
    try:
        return njit(cache=bool(CACHE_FOLDER), nogil=True, **options)(function)
    finally:
        numba_config.CACHE_DIR = before
