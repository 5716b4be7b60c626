"""Expected returns of traders, and what they decide by them (docs/market.md 16)."""

from marketsim.model.returns import REFERENCE_ROWS
from marketsim.model.state import OWN_OUTLETS, Learned, Outlet, is_in_trade
from marketsim.numerics.elementary import LN_2, exp, log
from marketsim.numerics.jit import kernel, part

WEEK = 7
LEAST_RETURN, MOST_RETURN = 0.02, 3.0
MOST_DRIVE = 2.0
OUTLETS = len(Outlet)
FEED, PRIVATE, STALL = int(Outlet.FEED), int(Outlet.PRIVATE), int(Outlet.STALL)


@kernel
def update_expected_returns(row, levers, params, retailers, counters, ties, motives, trade):
    """Update what traders have learned, and once a week what they decide by it.

    Parameters
    ----------
    row : int
        Row of the day.
    levers : Levers
        Levers of the day: `sentence` is read.
    params : Params
        Parameters.
    retailers : Retailers
        `recruits` is written.
    counters : DayCounters
        Those of yesterday are read.
    ties : Ties
        Social network.
    motives : Motives
        Written.
    trade : TradeState
        `shops` is read.
    """
    motive = params.motive
    remaining = exp(-LN_2 / (WEEK * motive.memory))
    # market.md 16.1: posts and margins of yesterday join the memory
    first = row <= REFERENCE_ROWS
    counts_online = row > int(params.delivery.days)  # margins of the first days are settled by now
    for i in range(retailers.state.size):
        made = counters.moments[i] + counters.deleted[i] + counters.removed[i]
        made += counters.blocked[i] + counters.backup[i]
        groups = counters.groups[i]
        if counts_online and made + groups > 0:
            _add_posts(motives, i, FEED, made * trade.shops.relative[i, 0], first)
            _add_posts(motives, i, PRIVATE, groups * trade.shops.relative[i, 0], first)
        if row > 0 and trade.shops.stall[i] > 0 and is_in_trade(retailers.state[i]):
            _add_posts(motives, i, STALL, trade.shops.relative[i, 1], first)
    for outlet in range(OUTLETS):
        motives.all_gain[outlet] += motives.today[outlet]
        if first:
            motives.first_gain[outlet] += motives.today[outlet]
        motives.today[outlet] = 0.0
    # market.md 16.1: memory fades
    for i in range(retailers.state.size):
        for outlet in range(OWN_OUTLETS):
            motives.gain[i, outlet] *= remaining
            motives.posted[i, outlet] *= remaining
        motives.jail[i] *= remaining
        retailers.recruits[i] *= remaining
    for outlet in range(OUTLETS):
        motives.all_gain[outlet] *= remaining
        motives.all_posted[outlet] *= remaining
    if row == REFERENCE_ROWS:
        _set_reference(motive, motives)
    if row < REFERENCE_ROWS:
        return
    # market.md 16.2 to 16.4: the market as a whole, and the traders whose turn it is
    loss = motive.severity * levers.sentence
    _judge_market(loss, motive, retailers, motives)
    for i in range(retailers.state.size):
        if (row + i) % WEEK == 0 and is_in_trade(retailers.state[i]):
            _reconsider(i, loss, motive, ties, motives)


@part
def _add_posts(motives, i, outlet, posts, first):
    """Add posts of a trader, weighed by their relative return (market.md 16.1)."""
    motives.posted[i, outlet] += posts
    motives.all_posted[outlet] += posts
    if first:
        motives.first_posted[outlet] += posts


@part
def _set_reference(motive, motives):
    """Set what the trade paid in the first rows: the reference of all later returns (16.1)."""
    total = 0.0
    for outlet in range(OUTLETS):
        gain, posted = motives.first_gain[outlet], motives.first_posted[outlet]
        motives.norm[outlet] = gain / posted if gain > 0.0 and posted > 0.0 else 0.0
        if outlet >= OWN_OUTLETS:  # too few deals: reckoned from those in Moments
            motives.norm[outlet] = motives.norm[FEED]
        total += gain
    deals = motives.market[Learned.DEALS]
    if deals > 0.0 and total > 0.0:
        motives.market[Learned.PRIOR] = motive.prior * (total / deals)


@part
def _judge_market(loss, motive, retailers, motives):
    """Judge places elsewhere, and the value of the trade to a newcomer (market.md 16.4)."""
    prior = motives.market[Learned.PRIOR]
    if prior == 0.0:
        return
    gain, expected = prior, prior
    for outlet in range(OWN_OUTLETS, OUTLETS):
        gain += motives.all_gain[outlet]
        expected += motives.norm[outlet] * motives.all_posted[outlet]
    motives.market[Learned.ELSEWHERE] = exp(motive.place * log(_bounded(gain, expected)))
    all_gain, all_expected, jail, present = prior, prior, 0.0, 0
    for outlet in range(OUTLETS):
        all_gain += motives.all_gain[outlet]
        all_expected += motives.norm[outlet] * motives.all_posted[outlet]
    for i in range(retailers.state.size):
        if is_in_trade(retailers.state[i]):
            jail += motives.jail[i]
            present += 1
    fear = min(loss * jail / present, 1.0) if present > 0 else 0.0
    motives.market[Learned.VALUE] = _bounded(all_gain, all_expected) - fear


@part
def _bounded(gain, expected):
    """Return a return relative to what was expected, within its bounds (market.md 16.2)."""
    return min(max(gain / expected, LEAST_RETURN), MOST_RETURN)


@part
def _reconsider(i, loss, motive, ties, motives):
    """Set the drive, the value and the places of a trader (market.md 16.2 to 16.3)."""
    prior = motives.market[Learned.PRIOR]
    value, weight = 1.0, 0.0
    online, online_weight = 1.0, 0.0
    if prior > 0.0:
        value, online = 0.0, 0.0
        for outlet in range(OWN_OUTLETS):
            norm = motives.norm[outlet]
            gain, expected = motives.gain[i, outlet], norm * motives.posted[i, outlet]
            share = expected
            if motive.heed > 0.0 and norm > 0.0:
                for k in range(ties.start[i], ties.start[i + 1]):
                    tie = ties.other[k]
                    gain += motive.heed * motives.gain[tie, outlet]
                    expected += motive.heed * (norm * motives.posted[tie, outlet])
            result = _bounded(prior + gain, prior + expected) if norm > 0.0 else 1.0
            value += share * result
            weight += share
            if outlet != STALL:
                online += share * result
                online_weight += share
                motives.place[i, outlet] = exp(motive.place * log(result))
        value = value / weight if weight > 0.0 else 1.0
        online = online / online_weight if online_weight > 0.0 else 1.0
    motives.drive[i] = min(exp(motive.effort * log(online)), MOST_DRIVE)
    motives.value[i] = value - min(loss * motives.jail[i], 1.0)
