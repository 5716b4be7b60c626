"""Compilation of kernels and the cache of machine code.

The cache is a cache: whatever is wrong with it, kernels are compiled and the run continues. Each
kernel is one file, whose name is a function of all that its machine code depends on, and which
starts with its checksum; a file that is damaged is compiled again. Files are read from the first
folder that has them, also from one that cannot be written to, and written to the first that can.

Kernels are compiled for the processor at hand. `marketsim compile --to` compiles them for any
processor of the architecture instead: such portable kernels may be copied to other machines, and an
installed package may bring them along. They give the same bits, and are read where there are none
for the processor at hand.
"""

import contextlib
import hashlib
import os
import pickle
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import platformdirs
from llvmlite import binding as llvm
from numba.core import caching, compiler, serialize

from marketsim.errors import one_line

PACKAGE = Path(__file__).parents[1]
KERNEL_SOURCES = ("numerics/*.py", "model/*.py", "model/kernels/*.py")
KEPT = 8  # folders of kernels kept: of versions of the package, Python, numba and the processor
SUFFIX = ".kernel"
PORTABLE = "generic"  # LLVM's name for what all processors of an architecture can run
ONLY: list[Path] = []  # if not empty: kernels are read and written here and nowhere else
PREBUILT = PACKAGE / "compiled" / "marketsim"  # portable kernels of an installed package: read only
MAIN = "marketsim.model.market._simulate"  # calls nearly all others, and is compiled last
CHECKSUM_BYTES = hashlib.sha256().digest_size
# A division by zero gives inf or nan, as in numpy: code that raises an error instead takes an
# eighth longer to compile. Without compilation it is an error, or a warning of numpy; a test asks
# that all numbers of the state stay finite.
OPTIONS = {"nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
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


def cache_folders() -> list[Path]:
    """Return the folders of this version's kernels: in NUMBA_CACHE_DIR, and the user's.

    Their name contains a fingerprint of all files with kernels: the machine code of a kernel
    includes that of the kernels it calls.
    """
    return [base / _folder_name(_processor()) for base in _bases()]


def portable_folders() -> list[Path]:
    """Return the folders that may hold portable kernels of this version, the package's last."""
    return [base / _folder_name(PORTABLE) for base in ONLY or (*_bases(), PREBUILT)]


def _bases() -> list[Path]:
    """Return what folders of kernels lie in: below NUMBA_CACHE_DIR, and the user's caches."""
    if ONLY:
        return ONLY
    chosen = numba_config.CACHE_DIR
    bases = [Path(os.path.expanduser(chosen)) / "marketsim"] if chosen else []  # noqa: PTH111
    of_user = platformdirs.user_cache_path("marketsim", appauthor=False)
    bases += [of_user] if of_user.is_absolute() else []  # not so for a user without a home folder
    return bases


def _processor() -> str:
    """Return LLVM's name of the processor that kernels are compiled for."""
    return numba_config.CPU_NAME or llvm.get_host_cpu_name()


@cache
def _folder_name(processor: str) -> str:
    """Return the name of the folder of kernels of this version, Python, numba and a processor."""
    versions = (numba.__version__, llvmlite.__version__)
    parts = (source_fingerprint(KERNEL_SOURCES), versions, llvm.get_process_triple(), processor)
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return f"kernels-{sys.implementation.cache_tag}-{digest}"


def is_cold() -> bool:
    """Return whether the kernels must still be compiled for this version."""
    if numba_config.DISABLE_JIT:
        return False
    return not any(_has_main(folder) for folder in (*cache_folders(), *portable_folders()))


def is_prebuilt_for_others() -> bool:
    """Return whether the package brought kernels, but none that this installation can use."""
    return PREBUILT.is_dir() and not (PREBUILT / _folder_name(PORTABLE)).is_dir()


def _has_main(folder: Path) -> bool:
    try:
        return any(path.name.startswith(f"{MAIN}-") for path in folder.iterdir())
    except OSError:
        return False


def writable_folder(warns: bool = True) -> Path | None:
    """Return the first folder that kernels can be written to, created where it is missing.

    If there is none, a warning says so, once a process, unless the caller has its own words.
    """
    faults = []
    for folder in cache_folders():
        try:
            _make(folder)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as fault:
            faults.append((folder, fault))
        else:
            return folder
    if warns:
        _warn(faults)
    return None


@cache
def _warned() -> list[str]:
    """Return the warnings of this process."""
    return []


def _warn(faults: list[tuple[Path, OSError]]) -> None:
    """Warn, once a process, that compiled kernels are not stored."""
    if _warned():
        return
    folder, fault = faults[0] if faults else (None, None)
    where = f" in {folder.parent} ({getattr(fault, 'strerror', '') or fault})" if folder else ""
    _warned().append(
        f"compiled kernels cannot be stored{where}: each start compiles those that are missing, "
        "one to two minutes for all; set NUMBA_CACHE_DIR to a folder with 40 MB of room"
    )
    print(one_line(f"marketsim: warning: {_warned()[0]}"), file=sys.stderr, flush=True)


class KernelCache(caching.NullCache):
    """The stored machine code of one kernel, a file for each signature.

    Parameters
    ----------
    function : callable
        The kernel before it is compiled.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled kernel, or None if it is not stored as it was written."""
        target_context.refresh()
        triple, processor, features = target_context.codegen().magic_tuple()
        own, portable = (triple, processor, features), (triple, PORTABLE, "")
        places = [(folder, own) for folder in cache_folders()]
        places += [(folder, portable) for folder in portable_folders()]
        for folder, target in places:
            with contextlib.suppress(Exception):  # of whatever is in the place of the file
                payload = _read(folder / self._file_name(sig, target), sig)
                compiled = compiler.CompileResult._rebuild(target_context, *payload)
                if folder.parent != PREBUILT:
                    _mark_used(folder)
                return compiled
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store a compiled kernel in the first folder that it can be written to."""
        if data.library.has_dynamic_globals or data.lifted:  # code for this process alone
            return
        faults: list[tuple[Path, OSError]] = []
        name = self._file_name(sig, data.codegen.magic_tuple())
        payload = (sig, data._reduce())
        content = serialize.dumps(payload)
        for folder in cache_folders():
            try:
                _write(folder / name, hashlib.sha256(content).digest() + content)
            except OSError as fault:
                faults.append((folder, fault))
            else:
                return
        _warn(faults)

    def _file_name(self, sig: Any, target: tuple[str, str, str]) -> str:
        kind = hashlib.sha256(repr((sig, target)).encode()).hexdigest()[:16]
        return f"{self._name}-{kind}{SUFFIX}"


def _read(path: Path, sig: Any) -> Any:
    """Return what is stored for a signature.

    Raises
    ------
    Exception
        Of any kind, where the file is not as it was written.
    """
    if not path.is_file():  # reading a named pipe would wait for a writer
        raise FileNotFoundError(path)
    content = path.read_bytes()
    checksum, content = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    if hashlib.sha256(content).digest() != checksum:  # damaged machine code could do anything
        raise ValueError(path)
    stored, payload = pickle.loads(content)
    if stored != sig:
        raise ValueError(path)
    return payload


def _write(path: Path, content: bytes) -> None:
    """Write a file of the cache atomically."""
    _make(path.parent)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _make(new: Path) -> None:
    """Create a folder of kernels; those of other versions are removed, except for the last used."""
    if new.is_dir():
        return
    new.mkdir(parents=True, exist_ok=True)

    def last_used(folder: Path) -> float:
        try:
            return folder.stat().st_mtime
        except OSError:  # removed by another process
            return 0.0

    others = [
        folder for folder in new.parent.glob("kernels-*") if folder != new and folder.is_dir()
    ]
    for folder in sorted(others, key=last_used, reverse=True)[KEPT - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _mark_used(folder: Path) -> None:
    """Set the date of a folder of kernels: that of their last use."""
    with contextlib.suppress(OSError):
        os.utime(folder)


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
    """Compile a part of a kernel, which becomes part of the machine code of its callers.

    It creates no arrays. Nothing is stored for it alone: stored callers contain it.
    """
    return njit(**OPTIONS, forceinline=True, _nrt=False)(function)


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    compiled = njit(**OPTIONS, **options)(function)
    if not numba_config.DISABLE_JIT and function.__module__.startswith("marketsim."):
        compiled._cache = KernelCache(function)
    return compiled
