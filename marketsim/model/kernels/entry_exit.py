"""Entry and exit of traders (docs/model.md 7.2, docs/market.md 16.4)."""

from marketsim.model.state import Learned, State
from marketsim.numerics.elementary import exp
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import (
    HAZARDS_WORD,
    LANES,
    LEAVE,
    Purpose,
    day_words,
    happens,
    short,
    uniform,
)

CANDIDATES = 2.0  # newcomers who consider entry for each who enters at rest
LOWEST_VALUE = -1.0  # all values are above: a return is above 0, and what is feared at most 1
HIGHEST_VALUE = 2.0  # above it no fewer leave


@kernel
def apply_entry_exit(seed, day, levers, params, retailers, counters, motives, trade, start, stop):
    """Apply trader entry and exit, and draw the words of the day of traders present.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    levers : Levers
        Levers of the day: `taught` and `taught_types` are read.
    params : Params
        Parameters.
    retailers : Retailers
        `state` is written.
    counters : DayCounters
        `words` is written.
    motives : Motives
        The value of the trade is read.
    trade : TradeState
        `friends.count` of those who stay away is written.
    start, stop : int
        Ids of the traders: the first, and the end (exclusive).
    """
    turnover = params.motive.turnover
    chance = _entry_chance(motives.market[Learned.VALUE], turnover)
    leave = params.turnover.leave
    highest = leave * exp(turnover * (1.0 - LOWEST_VALUE))
    last = int(min(highest, 1.0) * (1 << LEAVE.bits))  # few draws are so low
    for i in range(start, stop):
        state = retailers.state[i]
        if state < State.LEFT and (state != State.ABSENT or retailers.arrival[i] == day):
            words = day_words(seed, day, i)
            for lane in range(LANES):
                counters.words[i, lane] = words[lane]
        if state == State.ABSENT:
            # model.md 7.2: candidates enter on their day of arrival, or stay away for good
            if retailers.arrival[i] == day:
                enters = chance >= 1.0 or uniform(seed, Purpose.STAYS_AWAY, day, i, 0) < chance
                retailers.state[i] = State.ACTIVE if enters else State.LEFT
                trade.friends.count[i] *= enters
        elif state < State.LEFT:
            # model.md 7.2: exit, likelier where the trade is worth less
            word = counters.words[i, HAZARDS_WORD]
            if short(word, LEAVE) <= last:
                value = min(motives.value[i], HIGHEST_VALUE)
                chance_now = leave * exp(turnover * (1.0 - value))
                if happens(chance_now, word, LEAVE, seed, day, i):
                    retailers.state[i] = State.LEFT
            # model.md 7.2: teaching makes traders of some types drop ivory
            is_taught = levers.taught > 0.0 and (levers.taught_types >> retailers.kind[i]) & 1 == 1
            if is_taught and uniform(seed, Purpose.TAUGHT, day, i, 0) < levers.taught:
                retailers.state[i] = State.LEFT


@part
def _entry_chance(value, turnover):
    """Return the probability that a candidate enters (market.md 16.4)."""
    if turnover == 0.0:
        return 1.0
    return min(exp(turnover * (value - 1.0)), CANDIDATES) / CANDIDATES
