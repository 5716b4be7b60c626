"""Compilation ahead of the first run: for this machine, or portable, for a cluster or a wheel."""

import os
import subprocess
import sys
from pathlib import Path

from marketsim.commands.options import Command
from marketsim.errors import InputError
from marketsim.numerics import jit
from marketsim.simulation import run as simulation

USAGE = "marketsim compile [--to FOLDER]"
TO = "--to"


def main(arguments: list[str]) -> None:
    """Compile all kernels that are not compiled yet, and print where they are.

    Parameters
    ----------
    arguments : list of str
        Nothing: kernels for this processor, in the first folder that runs read and that can be
        written to. ``--to FOLDER``: portable kernels, read where NUMBA_CACHE_DIR is that folder.

    Raises
    ------
    InputError
        For other arguments, a folder that cannot be written to, or where compilation is disabled.
    """
    if arguments and (arguments[0] != TO or len(arguments) != 2 or not arguments[1]):
        raise InputError("compile", " ".join(arguments), USAGE)
    if jit.numba_config.DISABLE_JIT:
        raise InputError("NUMBA_DISABLE_JIT", 1, "no value: with it nothing is compiled")
    if arguments and jit.numba_config.CPU_NAME != jit.PORTABLE:
        _start_again(arguments)
        return
    if arguments:
        jit.ONLY.append(Path(arguments[1]).absolute() / "marketsim")
    folder = jit.writable_folder(warns=False)
    if folder is None:
        key, value = arguments or ("NUMBA_CACHE_DIR", jit.numba_config.CACHE_DIR)
        raise InputError(key, value, "a folder to write to")
    _compile(folder)


def _start_again(arguments: list[str]) -> None:
    """Repeat the command where numba compiles for any processor: it is told so at its import."""
    target = {"NUMBA_CPU_NAME": jit.PORTABLE, "NUMBA_CPU_FEATURES": ""}
    words = [sys.executable, "-m", "marketsim", "compile", *arguments]
    done = subprocess.run(words, check=False, env={**os.environ, **target})
    if done.returncode:
        raise SystemExit(done.returncode)


def _compile(folder: Path) -> None:
    """Compile what is missing in a folder, and say what it holds."""
    simulation.compile_kernels()
    kernels = list(folder.glob(f"*{jit.SUFFIX}"))
    size = sum(path.stat().st_size for path in kernels) / 1e6
    print(f"{len(kernels)} compiled kernels ({size:.0f} MB) in {folder}")


def ready(command: Command) -> tuple[Path, int, bool]:
    """Compile before a command runs; return its folder, its threads, and whether progress is shown.

    Where the model has to be compiled first, the error stream says so, and of several processes
    that start together one compiles; where it is compiled at each start, a warning says that.
    """
    is_cold = jit.is_cold() and jit.writable_folder()
    if command.progress and is_cold:
        message = "compiling (first use only, one to two minutes)"
        if jit.is_prebuilt_for_others():
            message += "; the compiled kernels of this package are for another Python or numba"
        print(f"marketsim: {message}", file=sys.stderr, flush=True)
    if is_cold:
        simulation.compile_kernels()
    return command.folder(), command.cores(), command.progress
