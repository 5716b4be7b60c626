"""Choices, orders and gamma-Poisson counts from uniform draws.

They preserve common random numbers: removing one option, or raising one mean, changes no other
agent's draw.
"""

import numpy as np

from marketsim.numerics.elementary import exp, log
from marketsim.numerics.jit import array_kernel, kernel
from marketsim.numerics.rng import LANES, uniform

ALMOST_POISSON = 1e6  # gamma shape: the variance is mean + mean**2 / 1e6
MOST_EVENTS = 600.0  # above this mean the probability of no event underflows


@array_kernel
def waiting_times(seed, purpose, day, weights):
    """Return the finishing times of a keyed race, one for each runner; the smallest wins.

    The time of runner i is exponential with rate ``weights[i]`` and depends on its own draw
    only: removing one runner changes nothing for the others, and the first k form a sample
    without replacement with probabilities proportional to the weights.

    Parameters
    ----------
    seed, purpose, day : int
        Keys.
    weights : ndarray of float64, shape (n,)
        Not negative; a runner without weight never arrives (infinity).

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    out = np.empty(weights.size)
    for i in range(weights.size):
        out[i] = np.inf
        if weights[i] > 0.0:
            out[i] = -log(uniform(seed, purpose, day, i, 0)) / weights[i]
    return out


@array_kernel
def in_turn(draws):
    """Return places in ascending order of their draws, ties by place.

    Parameters
    ----------
    draws : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    return np.argsort(draws, kind="mergesort")


@array_kernel
def first_in_race(seed, purpose, day, weights, number):
    """Return the first runners of a keyed race, in the order in which they arrive.

    Parameters
    ----------
    seed, purpose, day, weights
        As of `waiting_times`.
    number : int
        Largest number of runners returned; those without weight never arrive.

    Returns
    -------
    ndarray of int64, shape (at most number,)
    """
    times = waiting_times(seed, purpose, day, weights)
    order = in_turn(times)
    arrived = 0
    while arrived < min(number, order.size) and times[order[arrived]] < np.inf:
        arrived += 1
    return order[:arrived]


@kernel
def choose(draws, weights):
    """Return the winner of a keyed race among four options, one draw an option.

    Parameters
    ----------
    draws : tuple of four float
        Uniforms, from `uniforms`.
    weights : tuple of four float
        Not negative, at least one positive.

    Returns
    -------
    int
        0 to 3. Removing one option changes only the choices that fell on it.
    """
    return soonest(exponentials(draws), weights)


@kernel
def exponentials(draws):
    """Return waiting times with mean 1, one for each of four uniforms."""
    return -log(draws[0]), -log(draws[1]), -log(draws[2]), -log(draws[3])


@kernel
def soonest(waits, weights):
    """Return the winner of a race, as `choose`, given its `exponentials`."""
    best = -1
    shortest = np.inf
    for option in range(LANES):
        if weights[option] > 0.0:
            time = waits[option] / weights[option]
            if best < 0 or time < shortest:
                best = option
                shortest = time
    return best


@kernel
def count(u, mean, shape):
    """Return a gamma-Poisson (negative binomial) count by inversion.

    Parameters
    ----------
    u : float
        A uniform, strictly between 0 and 1.
    mean : float
        Expected count, not negative.
    shape : float
        Positive; the variance is ``mean + mean**2 / shape``. The chance of no event must not
        underflow: ``shape * log(1 + mean / shape)`` below 708, as with any shape up to 100 and
        any mean up to 1e5.

    Returns
    -------
    int
        The smallest n with P(N <= n) > u. That n never falls when `mean` rises, so a higher
        mean only adds events (but for rounding, where u is within 2e-12 of a step).
    """
    return invert(u, mean, shape, chance_of_none(mean, shape))


@kernel
def events(u, mean):
    """Return a Poisson count by inversion, as a gamma-Poisson count (`count`) of large shape.

    Parameters
    ----------
    u : float
        A uniform, strictly between 0 and 1.
    mean : float
        Expected count, not negative; capped at `MOST_EVENTS`.
    """
    if u < 1.0 - mean:  # the result of `invert`, without a logarithm
        return 0
    return count(u, min(mean, MOST_EVENTS), ALMOST_POISSON)


@kernel
def chance_of_none(mean, shape):
    """Return the probability that a gamma-Poisson count (see `count`) is zero."""
    return exp(-shape * log(1.0 + mean / shape))


@array_kernel
def chances_of_none(rates, factors, factor, shape):
    """Return `chance_of_none` for each mean ``rates[i] * factors[i] * factor``, shape (n,)."""
    out = np.empty(rates.size)
    for i in range(rates.size):
        out[i] = chance_of_none(rates[i] * factors[i] * factor, shape)
    return out


@kernel
def invert(u, mean, shape, none):
    """Return `count`, given the probability `none` of no event."""
    if u < 1.0 - mean:  # the mean bounds the probability of any event
        return 0
    odds = mean / (shape + mean)
    probability = none
    below = none
    n = 0
    # far in the tail the terms fall below the spacing of doubles and the sum stays constant
    while u >= below and probability > below * 1e-17:
        probability *= odds * (n + shape) / (n + 1.0)
        below += probability
        n += 1
    return n
