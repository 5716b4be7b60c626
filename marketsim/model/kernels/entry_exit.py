"""New dealers come, some leave, some drop ivory that they cannot sell."""

from marketsim.model.state import SalesLevel, State
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform

FIRST_THAT_DROPS = 2  # types C and D live on other goods as well


@kernel
def apply_entry_exit(seed, day, row, params, retailers, trade):
    """Let the dealers of the day enter, and let traders leave the trade for good.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    params : Params
        Parameters.
    retailers : Retailers
        `state` is written.
    trade : TradeState
        `shops.last_sale` and `sales_level` are read.
    """
    retail, stays_away = params.retail, 0.0
    at_first = trade.sales_level[SalesLevel.AT_FIRST]
    if at_first > 0.0:
        stays_away = retail.deterred * max(0.0, 1.0 - trade.sales_level[SalesLevel.SOLD] / at_first)
    for i in range(retailers.state.size):
        state = retailers.state[i]
        if state == State.ABSENT:
            if retailers.arrival[i] == day:
                here = uniform(seed, Purpose.STAYS_AWAY, day, i, 0) >= stays_away
                retailers.state[i] = State.ACTIVE if here else State.LEFT
                trade.shops.last_sale[i] = row
        elif state < State.LEFT:
            hazard = params.turnover.leave
            if retailers.kind[i] >= FIRST_THAT_DROPS:
                hazard += _drops(row - trade.shops.last_sale[i], retail)
            if uniform(seed, Purpose.LEAVE, day, i, 0) < hazard:
                retailers.state[i] = State.LEFT


@part
def _drops(unsold_days, retail):
    """Return the further hazard of a trader who has sold nothing for so long."""
    return retail.drop if unsold_days > retail.patience else 0.0
