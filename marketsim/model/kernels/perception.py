"""Perceived risk rises with enforcement and wears off; traders lie low and return."""

import numpy as np

from marketsim.model.state import State
from marketsim.numerics.elementary import LN_2, exp
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.rng import Purpose, uniform


@array_kernel
def update_perceived_risk(seed, day, news, habituation, params, retailers, counters, ties):
    """Move every trader's perceived risk by what happened today.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Ordinal of the day.
    news : float
        Share of what can be known that reaches everybody, 0 to 1.
    habituation : float
        Effect of news and of ties' sanctions against those of the first wave; one's own sanction
        keeps its full effect.
    params : Params
        Parameters.
    retailers : Retailers
        `risk` and `state` are written.
    counters : DayCounters
        `sanction` and `moments` are read.
    ties : Ties
        Who hears from whom.
    """
    perception, recovery = params.perception, params.recovery
    state, risks, residual = retailers.state, retailers.risk, perception.residual
    lesson = 1.0 - perception.learning * recovery.social_learning
    shown = _unpunished(counters)
    fading = 1.0
    if recovery.forgetting > 0.0:
        fading = exp(-LN_2 * recovery.forgetting / perception.half_life)
    struck = counters.sanction.any()
    unmoved = 1.0 - perception.news * perception.warning * news * habituation
    for i in range(state.size):
        if state[i] == State.ABSENT or state[i] >= State.LEFT:
            continue
        seen = 0
        trust = unmoved
        first, end = ties.start[i], ties.start[i + 1]
        if lesson < 1.0:
            for k in range(first, end):
                seen += shown[ties.other[k]]
        if struck:
            trust *= 1.0 - perception.own_sanction * counters.sanction[i]
            for k in range(first, end):
                weight = counters.sanction[ties.other[k]] * habituation
                trust *= 1.0 - perception.warning * weight
        fear = max(risks[i] - residual, 0.0) * fading * _power(lesson, seen)
        rise = (1.0 - residual - fear) * (1.0 - trust)
        risks[i] = residual + fear + rise
        if state[i] == State.LYING_LOW:
            if uniform(seed, Purpose.LIE_LOW, day, i, 0) < 1.0 / perception.low_days:
                state[i] = State.ACTIVE
        elif state[i] == State.ACTIVE and rise * recovery.lying_low > 0.0:
            chance = recovery.lying_low * perception.lie_low * rise
            if uniform(seed, Purpose.LIE_LOW, day, i, 0) < chance:
                state[i] = State.LYING_LOW


@array_kernel
def _unpunished(counters):
    """Return the visible posts of traders without a sanction: small, since it is read at random."""
    shown = np.zeros(counters.moments.size, np.int32)
    for i in range(shown.size):
        if counters.sanction[i] == 0.0:
            shown[i] = counters.moments[i]
    return shown


@part
def _power(base, times):
    """Return `base` to a whole power, by multiplications in one fixed order."""
    out = 1.0
    while times > 0:
        if times % 2 == 1:
            out *= base
        base *= base
        times //= 2
    return out
