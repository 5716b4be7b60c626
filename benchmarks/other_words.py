"""A process whose kernels draw from another generator: rng.words replaced before any compiles.

The kernels look up ``words`` when they are compiled, so that this works only in a process of its
own with an empty cache folder, which `runs.in_a_process` is given.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from marketsim.numerics import rng

COUNTER = np.zeros(1, np.int64)
_ADDRESS = COUNTER.ctypes.data
_TO_64_BITS = np.uint64(11)
_philox = rng.words
_uncached: Any = numba.njit(nogil=True, _nrt=False)  # an address is good for one process only


@intrinsic
def _add_one(_context: Any, _address: Any) -> Any:
    """Add 1 to the whole number at an address, which numba has no word for."""

    def code(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        one = ir.Constant(ir.IntType(64), 1)
        builder.store(builder.add(builder.load(pointer), one), pointer)
        return context.get_dummy_value()

    return types.void(types.int64), code


@_uncached
def counted(seed, block, day, agent, item):
    """Return the block as it is, and count it in `COUNTER`."""
    _add_one(_ADDRESS)
    return _philox(seed, block, day, agent, item)


@_uncached
def in_turn(seed, block, day, agent, item):
    """Return the next four words of one stream, whoever asks and for what."""
    return _next(), _next(), _next(), _next()


@_uncached
def _next():
    return np.uint64(np.random.random() * 2.0**53) << _TO_64_BITS


@_uncached
def begin(seed):
    """Begin the stream of this thread anew."""
    np.random.seed(seed)


def replace(words: Callable[..., Any]) -> None:
    """Let all kernels that are compiled from now on draw their blocks from here."""
    rng.words = words
