"""Entry and exit of traders (docs/model.md 7.2, docs/market.md 8)."""

from marketsim.model.state import SalesLevel, State
from marketsim.numerics.jit import kernel
from marketsim.numerics.rng import Purpose, uniform

FIRST_KIND_TO_DROP = 2  # types C and D also sell other goods and may drop ivory


@kernel
def apply_entry_exit(seed, day, row, params, retailers, trade):
    """Apply trader entry and exit.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    params : Params
        Parameters.
    retailers : Retailers
        `state` is written.
    trade : TradeState
        `sales_level` is read, `shops.last_sale` read and written.
    """
    # market.md 8: newcomers are deterred in so far as sales are below their reference level
    retail, deterred = params.retail, 0.0
    reference = trade.sales_level[SalesLevel.REFERENCE]
    if reference > 0.0:
        decline = max(0.0, 1.0 - trade.sales_level[SalesLevel.NOW] / reference)
        deterred = retail.entry_deterred * decline
    for i in range(retailers.state.size):
        state = retailers.state[i]
        if state == State.ABSENT:
            # model.md 7.2: newcomers enter on their day of arrival, or stay away for good
            if retailers.arrival[i] == day:
                enters = uniform(seed, Purpose.STAYS_AWAY, day, i, 0) >= deterred
                retailers.state[i] = State.ACTIVE if enters else State.LEFT
                trade.shops.last_sale[i] = row
        elif state < State.LEFT:
            # model.md 7.2, market.md 8: exit, likelier after a long time without a sale
            hazard = params.turnover.leave
            if retailers.kind[i] >= FIRST_KIND_TO_DROP:
                unsold_days = row - trade.shops.last_sale[i]
                hazard += (
                    retail.exit_hazard_unsold if unsold_days > retail.unsold_after_days else 0.0
                )
            if uniform(seed, Purpose.LEAVE, day, i, 0) < hazard:
                retailers.state[i] = State.LEFT
