"""New dealers come, some leave."""

from marketsim.compiled import kernel
from marketsim.rng import Purpose, uniform
from marketsim.state import State


@kernel
def come_and_go(seed, day, rules, retailers):
    """Let the dealers of the day enter, and let traders leave the trade for good.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Ordinal of the day.
    rules : TurnoverValues
        `leave` is the daily hazard.
    retailers : Retailers
        `state` is written.
    """
    for i in range(retailers.state.size):
        state = retailers.state[i]
        if state == State.ABSENT:
            if retailers.arrival[i] == day:
                retailers.state[i] = State.ACTIVE
        elif state != State.LEFT and uniform(seed, Purpose.LEAVE, day, i, 0) < rules.leave:
            retailers.state[i] = State.LEFT
