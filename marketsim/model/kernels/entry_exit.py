"""Entry and exit of traders (docs/model.md 7.2)."""

from marketsim.model.state import State
from marketsim.numerics.jit import kernel
from marketsim.numerics.rng import Purpose, uniform


@kernel
def apply_entry_exit(seed, day, params, retailers):
    """Apply trader entry and exit.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    params : Params
        Parameters.
    retailers : Retailers
        `state` is written.
    """
    for i in range(retailers.state.size):
        state = retailers.state[i]
        if state == State.ABSENT:
            if retailers.arrival[i] == day:
                retailers.state[i] = State.ACTIVE
        elif state < State.LEFT and uniform(seed, Purpose.LEAVE, day, i, 0) < params.turnover.leave:
            retailers.state[i] = State.LEFT
