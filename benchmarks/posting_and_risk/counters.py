"""Posting and risk as marketsim does it: compiled loops and counter-based random numbers.

A block of the generator holds four draws: those of one agent for four days. What has no branch is
done for all agents at once, so that it runs as vector code and nobody waits for the branches of
the agent before; the engine's own posting does the same.
"""

import numpy as np

from benchmarks.posting_and_risk import Days, Task
from marketsim.numerics.distributions import ALMOST_POISSON, invert
from marketsim.numerics.elementary import exp
from marketsim.numerics.jit import array_kernel, kernel
from marketsim.numerics.rng import LANES, Purpose, uniform, uniforms

NAME = "marketsim kernel"


def prepare(task: Task, seed: int) -> Days:
    """Return a function that simulates all days."""
    risk = np.zeros(task.rates.size)
    return lambda: simulate(seed, *task, risk)


@array_kernel
def simulate(seed, rates, sensitivities, fading, chance, step, shocks, risk):
    """Simulate all days and return the posts of each."""
    posts = np.zeros(shocks.size, np.int64)
    draws = np.empty((LANES, risk.size))
    mean, none = np.empty(risk.size), np.empty(risk.size)
    for day in range(shocks.size):
        lane = day % LANES
        if lane == 0:
            _draw(seed, day, draws)
        for i in range(risk.size):
            risk[i] *= fading
        if shocks[day]:
            _shock(seed, day, chance, step, risk)
        for i in range(risk.size):
            mean[i] = rates[i] * exp(-sensitivities[i] * risk[i])
            none[i] = exp(-mean[i])
        for i in range(risk.size):
            posts[day] += invert(draws[lane, i], mean[i], ALMOST_POISSON, none[i])
    return posts


@kernel
def _draw(seed, day, draws):
    """Draw for four days, this one the first."""
    for i in range(draws.shape[1]):
        u = uniforms(seed, Purpose.POSTS, day, i, 0)
        draws[0, i], draws[1, i], draws[2, i], draws[3, i] = u[0], u[1], u[2], u[3]


@kernel
def _shock(seed, day, chance, step, risk):
    """Raise the risk of those who are hit."""
    for i in range(risk.size):
        if uniform(seed, Purpose.SWEEP, day, i, 0) < chance:
            risk[i] += step * (1.0 - risk[i])
