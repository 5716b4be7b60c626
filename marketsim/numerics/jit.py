"""How kernels are compiled: one decorator, one cache.

Numba's cache notices a change in the file of a kernel, but not in the files of the kernels it
calls, so a caller could go on running an old callee. The cache folder therefore carries a
fingerprint of every file that holds kernels: any change there compiles everything anew.
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
njit: Any = numba.njit  # its annotations leave out what is not for everyday use


@cache
def source_fingerprint(patterns: tuple[str, ...] = ("**/*.py", "**/*.j2")) -> str:
    """Return a short hash over source files of the package.

    Parameters
    ----------
    patterns : tuple of str
        Which files; all of them if not given.

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
    """Return the first folder that can be written to: as told, beside the package, of the user."""
    name = f"kernels-{source_fingerprint(KERNEL_SOURCES)}"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    of_user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    for folder in (chosen, PACKAGE / "__pycache__", f"{of_user}/marketsim"):
        try:
            place = Path(folder or PACKAGE / "__pycache__").expanduser() / name
            place.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=place).close()
        except (OSError, RuntimeError):  # the latter where a user has no home
            continue
        return str(place)
    return ""


CACHE_FOLDER = _cache_folder()  # empty where there is none: then every process compiles anew


def is_cold() -> bool:
    """Return whether kernels are compiled, and none has been yet for this version here."""
    if numba_config.DISABLE_JIT:
        return False
    return not CACHE_FOLDER or not any(Path(CACHE_FOLDER).glob("**/*.nbc"))


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function without the global interpreter lock and cache the machine code.

    It makes no arrays, so that it counts no references to those it is handed: a call that hands
    on named tuples of arrays would count up and down for every one of them.

    Parameters
    ----------
    function : callable
        Serial code over numbers, arrays and named tuples of them.

    Returns
    -------
    callable
        The compiled function, or `function` itself where ``NUMBA_DISABLE_JIT`` is set.
    """
    return _compiled(function, _nrt=False)


def array_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that makes arrays, otherwise like `kernel`."""
    return _compiled(function)


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Write a part of a kernel into its callers before these are compiled; it makes no arrays.

    Compiled on its own first, with all the arrays of the chain to hand on, each part would cost
    more than it is worth: a cold start takes 52 s of one core so, and 68 s otherwise.
    """
    return _compiled(function, inline="always", _nrt=False)


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    before, numba_config.CACHE_DIR = numba_config.CACHE_DIR, CACHE_FOLDER
    try:
        return njit(cache=bool(CACHE_FOLDER), nogil=True, **options)(function)
    finally:
        numba_config.CACHE_DIR = before
