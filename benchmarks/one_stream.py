"""Kernels that draw from one stream, as most models do: `rng.words` replaced before compilation.

Kernels look up ``words`` when they are compiled. So this works only in a process of its own with
an empty cache folder, as `runs.in_a_process` provides.
"""

from typing import Any

import numba
import numpy as np

from marketsim.numerics import rng

_TO_64_BITS = np.uint64(11)
_uncached: Any = numba.njit(nogil=True, _nrt=False)


@_uncached
def next_block(seed, block, day, agent, item):
    """Return the next four words of the stream, whatever they are for."""
    return _next(), _next(), _next(), _next()


@_uncached
def _next():
    return np.uint64(np.random.random() * 2.0**53) << _TO_64_BITS


@_uncached
def begin(seed):
    """Seed the stream of this thread."""
    np.random.seed(seed)


def replace() -> None:
    """Let all kernels that are compiled from now on draw from the stream."""
    rng.words = next_block
