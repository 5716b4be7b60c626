"""Compiling the kernels before many processes need them."""

import sys
from pathlib import Path

import numba
from llvmlite import binding as llvm

from marketsim import results, study
from marketsim.compiled import CACHE_FOLDER
from marketsim.parameters import Population
from marketsim.settings import Settings


def compile_kernels() -> None:
    """Compile the kernels in one process, while others that start beside it wait for them.

    Numba's cache numbers its files as it finds them: two processes that fill it with kernels for
    two kinds of processors, on one disk, could take each other's. A second process of the same
    kind only reads.
    """
    folder = Path(CACHE_FOLDER)
    kind = f"{numba.__version__}-{sys.implementation.cache_tag}-{llvm.get_host_cpu_name()}"
    filled = folder / f"filled-{kind}"
    if filled.exists():
        return
    with results.growing(folder):
        if not filled.exists():
            study.simulate(Settings(population=Population(retailers=10)), 0)
            filled.touch()
