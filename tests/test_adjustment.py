"""Draws are moved along the known regression, by weights that can be done in the head."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from statsmodels.api import WLS, add_constant

from marketsim.analysis.inference import regression_adjustment
from marketsim.parameters.declaration import Prior

PRIORS = {"even": Prior("uniform", -2.0, 6.0), "wide": Prior("loguniform", 0.01, 100.0)}


def made(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values that follow from what is apart but for an error, and weights."""
    random = np.random.default_rng(seed)
    apart = random.normal([0.0, 1.0, -2.0], 1.0, (rows, 3))
    values = apart @ random.standard_normal((3, 2)) + 5.0 + random.standard_normal((rows, 2))
    weight = random.random(rows)
    return values, apart, weight / weight.sum()


# ---------------------------------------------------------------- weights


def test_the_kernel_is_that_of_epanechnikov():
    """At none 1, half way 3/4, next to nothing at the farthest, and never below."""
    known = regression_adjustment.kernel(np.array([0.0, 1.0, 2.0]), 2.0)
    np.testing.assert_allclose(known, [1.0, 0.75, 0.0], atol=1e-8)
    assert known[-1] > 0.0


@pytest.mark.parametrize("distance", [0.0, 3.0])
def test_rows_equally_far_have_equal_weights(distance):
    """Also where all are met exactly; none has a weight of zero."""
    weight = regression_adjustment.kernel(np.full(9, distance), distance)
    assert weight[0] > 0.0
    np.testing.assert_array_equal(weight, weight[0])


# ---------------------------------------------------------------- the regression


@hypothesis_settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_values_move_along_weighted_least_squares(seed):
    """The slopes are those of another library; equal weights are ordinary least squares."""
    values, apart, weight = made(40, seed)
    for weights in (weight, np.full(40, 1.0 / 40.0)):
        there = regression_adjustment.adjust_values(values, apart, weights)
        for k in range(2):
            slopes = WLS(values[:, k], add_constant(apart), weights=weights).fit().params[1:]
            np.testing.assert_allclose(there[:, k], values[:, k] - apart @ slopes, atol=1e-9)


def test_what_follows_exactly_ends_in_one_point():
    """Values that follow from what is apart all come to where it is zero; others stay apart."""
    _, apart, weight = made(30, 1)
    values = (2.0 + apart @ [1.0, -0.5, 3.0])[:, None]
    np.testing.assert_allclose(
        regression_adjustment.adjust_values(values, apart, weight), 2.0, atol=1e-12
    )
    noise = values + np.random.default_rng(2).standard_normal((30, 1))  # negative control
    assert np.ptp(regression_adjustment.adjust_values(noise, apart, weight)) > 1.0


def test_what_all_rows_share_moves_nothing():
    """A deviation that is the same in all rows has no slope, not one of rounding."""
    values, apart, weight = made(30, 3)
    shared = np.column_stack([apart, np.full(30, 1.0 / 3.0)])
    there = regression_adjustment.adjust_values(values, shared, weight)
    np.testing.assert_allclose(
        there, regression_adjustment.adjust_values(values, apart, weight), rtol=1e-12
    )
    only = regression_adjustment.adjust_values(values, shared[:, 3:], weight)
    np.testing.assert_array_equal(only, values)


# ---------------------------------------------------------------- draws


def test_the_shares_of_priors_are_known():
    """Even on its own scale: the middle of a wide one is that of the logarithm."""
    drawn = pd.DataFrame({"wide": [0.01, 1.0, 100.0], "even": [-2.0, 2.0, 0.0]}, [5, 7, 9])
    shares = regression_adjustment.prior_shares(drawn, PRIORS)
    assert shares.index.tolist() == [5, 7, 9]
    np.testing.assert_allclose(shares["wide"], [0.0, 0.5, 1.0], atol=1e-12)
    np.testing.assert_allclose(shares["even"], [0.0, 0.5, 0.25], atol=1e-12)


def test_draws_are_moved_on_the_logit_of_their_share():
    """Where the logit follows from what is apart, every draw comes to the same value."""
    _, apart, weight = made(30, 4)
    scale = 0.7 + apart @ [0.3, -0.2, 0.1]
    share = 1.0 / (1.0 + np.exp(-scale))
    kept = pd.DataFrame({"wide": 0.01 * 10_000.0**share, "even": 8.0 * share - 2.0})
    there = 1.0 / (1.0 + np.exp(-0.7))
    moved = regression_adjustment.adjust(kept, apart, weight, PRIORS)
    np.testing.assert_allclose(moved["wide"], 0.01 * 10_000.0**there, rtol=1e-9)
    np.testing.assert_allclose(moved["even"], 8.0 * there - 2.0, rtol=1e-9)
