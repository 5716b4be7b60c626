"""Level of the raw price, expectations, and the stocks wanted (docs/market.md 17)."""

from marketsim.model.dealers import product_costs
from marketsim.model.ledger import Item
from marketsim.model.pricing import SMOOTHING_DAYS, looks_ahead
from marketsim.model.returns import REFERENCE_ROWS
from marketsim.model.state import Channel, PriceMemory, TradeCounter
from marketsim.numerics.elementary import LN_2, exp, log
from marketsim.numerics.jit import kernel, part

FAST_DAYS, SLOW_DAYS = 56.0, 364.0  # half-lives of what is remembered of the level
LEAST_HOLDING, MOST_HOLDING = 0.25, 4.0
LOWEST_LEVEL, HIGHEST_LEVEL = 0.1, 10.0
FIRST_SAMPLE = 28  # row from which the gap of a market at rest is sampled
RAW, CHANNELS = int(Item.RAW), len(Channel)


@kernel
def update_prices(row, levers, params, trade):
    """Update the level of prices, what holders expect of it, and the stocks they want.

    Parameters
    ----------
    row : int
        Row of the day.
    levers : Levers
        Levers of the day: `outlook` is read.
    params : Params
        Parameters.
    trade : TradeState
        `prices` is written.
    """
    prices, memory = params.prices, trade.prices.memory
    if trade.product_mix.size == 0 or not looks_ahead(prices):
        return
    # market.md 17.1: the level of about the last eight weeks, and of the last year
    level = memory[PriceMemory.LOG_LEVEL]
    memory[PriceMemory.FAST] += (level - memory[PriceMemory.FAST]) * (1.0 - exp(-LN_2 / FAST_DAYS))
    memory[PriceMemory.SLOW] += (level - memory[PriceMemory.SLOW]) * (1.0 - exp(-LN_2 / SLOW_DAYS))
    # market.md 17.2: holders extrapolate, and believe what is announced
    trend = memory[PriceMemory.FAST] - memory[PriceMemory.SLOW]
    expected = prices.extrapolate * trend + levers.outlook
    memory[PriceMemory.EXPECTED] = expected
    holding = min(max(exp(prices.speculation * expected), LEAST_HOLDING), MOST_HOLDING)
    trade.prices.holding[0] = holding
    # market.md 17.3: what buyers took, and what shippers offered on average
    sold = 0
    if row > 0:
        for channel in range(CHANNELS):
            sold += trade.records.counts[row - 1, TradeCounter.AGREED + channel]
    memory[PriceMemory.SOLD] += (sold - memory[PriceMemory.SOLD]) / SMOOTHING_DAYS
    offered = memory[PriceMemory.OFFERED_TODAY]
    memory[PriceMemory.OFFERED] += (offered - memory[PriceMemory.OFFERED]) / SMOOTHING_DAYS
    memory[PriceMemory.OFFERED_TODAY] = 0.0
    # market.md 17.4: excess demand, and that of a market at rest
    want, have = holding * memory[PriceMemory.SOLD], memory[PriceMemory.OFFERED]
    gap = (want - have) / (want + have) if want + have > 0.0 else 0.0
    if row < REFERENCE_ROWS:
        if row >= FIRST_SAMPLE:
            memory[PriceMemory.REST] += gap
            memory[PriceMemory.SAMPLES] += 1.0
    elif row % 7 == 0 and memory[PriceMemory.SAMPLES] > 0.0:
        # market.md 17.5: the level integrates excess demand
        rest = memory[PriceMemory.REST] / memory[PriceMemory.SAMPLES]
        level = min(
            max(level + prices.adjust * (gap - rest), log(LOWEST_LEVEL)), log(HIGHEST_LEVEL)
        )
        memory[PriceMemory.LOG_LEVEL] = level
        _set_index(exp(level), params, trade.prices.index)


@part
def _set_index(level, params, index):
    """Set the price level of each product: raw ivory is a part of its cost (market.md 17.5)."""
    shop = params.workshop
    costs = product_costs(params.supply.cost * (1.0 + params.supply.margin), shop)
    wages = (shop.wage_semi, shop.wage_uncarved, shop.wage_carved)
    index[RAW] = 1.0 + (level - 1.0)
    for product in range(3):
        share = (costs[product] - wages[product]) / costs[product]
        index[product + 1] = 1.0 + share * (level - 1.0)
