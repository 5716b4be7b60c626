"""References to named tuples: fields are read and written as those of the tuple itself."""

from collections import namedtuple

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from marketsim.numerics.jit import array_kernel, kernel
from marketsim.numerics.references import by_reference

Inner = namedtuple("Inner", "share counts")
Outer = namedtuple("Outer", "number inner weights grid flag")
SHARE, NUMBER = 0.25, 7


def outer():
    """Return a tuple with every kind of field that the state of the market has."""
    grid = np.arange(12.0).reshape(3, 4)
    return Outer(NUMBER, Inner(SHARE, np.arange(5)), (1.0, 2.0, 3.0), grid, True)


@kernel
def _add(held, i):
    """Write through a reference and read what was written."""
    held.inner.counts[i] += 10
    held.grid[i, 1] = held.inner.share * held.number
    held.grid[i, 2] = held.weights[2] + held.flag
    return held.inner.counts[i] + held.grid.shape[1]


@array_kernel
def _by_value(held):
    return _add(held, 2)


@array_kernel
def _by_reference(held):
    return _add(by_reference(held), 2)


@array_kernel
def _tuple_of_references(held):
    """Pass a tuple of references and a number, another one each time."""
    whole = by_reference(held)
    total = 0.0
    for k in range(3):
        made = by_reference(Outer(k, whole.inner, whole.weights, whole.grid, False))
        _add(made, k)
        total += made.number
    return total


@array_kernel
def _misspelt(held):
    return by_reference(held).inner.shares


def test_a_reference_holds_what_the_tuple_holds():
    """Numbers, arrays, tuples and nested tuples are read and written as by value."""
    plain, behind = outer(), outer()
    assert _by_value(plain) == _by_reference(behind) == 12 + 4
    np.testing.assert_array_equal(plain.inner.counts, behind.inner.counts)
    np.testing.assert_array_equal(plain.grid, behind.grid)
    assert plain.grid[2, 1] == SHARE * NUMBER
    assert plain.grid[2, 2] == 4.0


def test_a_tuple_that_is_made_again_is_stored_again():
    """In a loop, each new tuple behind a reference has its own numbers, not those before."""
    held = outer()
    assert _tuple_of_references(held) == 0 + 1 + 2
    np.testing.assert_array_equal(held.grid[:, 1], [0.0, SHARE, 2 * SHARE])


def test_a_field_that_is_missing_is_refused():
    """Negative control: a misspelt field is an error, not whatever is at that place in memory."""
    expected = AttributeError if numba.config.DISABLE_JIT else TypingError
    with pytest.raises(expected, match="shares"):
        _misspelt(outer())
