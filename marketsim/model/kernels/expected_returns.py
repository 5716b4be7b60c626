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
def remember_yesterday(row, params, retailers, counters, shops, motives, reckoned, start, stop):
    """Add the posts of yesterday to what traders remember of their own, which fades.

    Parameters
    ----------
    row : int
        Row of the day.
    params : Params
        Parameters.
    retailers : Retailers
        `recruits` is written.
    counters : DayCounters
        Those of yesterday are read.
    shops : Shops
        Read.
    motives : Motives
        `gain`, `posted` and `jail` are written.
    reckoned : ndarray of float64, shape (ids, OWN_OUTLETS)
        Written: posts weighed by their relative return.
    start, stop : int
        Ids of the traders: the first, and the end (exclusive).
    """
    remaining = _remaining(params.motive)
    counts_online = row > int(params.delivery.days)  # margins of the first days are settled by now
    for i in range(start, stop):
        # market.md 16.1: posts of yesterday join the memory
        made = counters.moments[i] + counters.deleted[i] + counters.removed[i]
        made += counters.blocked[i] + counters.backup[i]
        reckoned[i, FEED] = made * shops.relative[i, 0] if counts_online else 0.0
        reckoned[i, PRIVATE] = counters.groups[i] * shops.relative[i, 0] if counts_online else 0.0
        has_stall = row > 0 and shops.stall[i] > 0 and is_in_trade(retailers.state[i])
        reckoned[i, STALL] = shops.relative[i, 1] if has_stall else 0.0
        # market.md 16.1: memory fades
        for outlet in range(OWN_OUTLETS):
            motives.gain[i, outlet] *= remaining
            posted = motives.posted[i, outlet] + reckoned[i, outlet]
            motives.posted[i, outlet] = posted * remaining
        motives.jail[i] *= remaining
        retailers.recruits[i] *= remaining


@part
def _remaining(motive):
    """Return the share of what is remembered that is left after a day (market.md 16.1)."""
    return exp(-LN_2 / (WEEK * motive.memory))


@kernel
def update_expected_returns(row, levers, params, retailers, motives, reckoned):
    """Update what all traders have learned of the market.

    Parameters
    ----------
    row : int
        Row of the day.
    levers : Levers
        Levers of the day: `sentence` is read.
    params : Params
        Parameters.
    retailers : Retailers
        Read.
    motives : Motives
        What all remember is written.
    reckoned : ndarray of float64, shape (ids, OWN_OUTLETS)
        As of `remember_yesterday`.
    """
    motive = params.motive
    remaining = _remaining(motive)
    # market.md 16.1: posts and margins of yesterday join the memory
    first = row <= REFERENCE_ROWS
    for i in range(retailers.state.size):
        for outlet in range(OWN_OUTLETS):
            motives.all_posted[outlet] += reckoned[i, outlet]
            if first:
                motives.first_posted[outlet] += reckoned[i, outlet]
    for outlet in range(OUTLETS):
        motives.all_gain[outlet] += motives.today[outlet]
        if first:
            motives.first_gain[outlet] += motives.today[outlet]
        motives.today[outlet] = 0.0
    # market.md 16.1: memory fades
    for outlet in range(OUTLETS):
        motives.all_gain[outlet] *= remaining
        motives.all_posted[outlet] *= remaining
    if row == REFERENCE_ROWS:
        _set_reference(motive, motives)
    if row >= REFERENCE_ROWS:
        _judge_market(_loss(motive, levers), motive, retailers, motives)


@kernel
def reconsider(row, levers, params, retailers, ties, motives, start, stop):
    """Let the traders whose turn it is, once a week, decide by what they expect.

    Parameters
    ----------
    row : int
        Row of the day.
    levers : Levers
        Levers of the day: `sentence` is read.
    params : Params
        Parameters.
    retailers : Retailers
        Read.
    ties : Ties
        Social network.
    motives : Motives
        `drive`, `value` and `place` are written.
    start, stop : int
        Ids of the traders: the first, and the end (exclusive).
    """
    if row < REFERENCE_ROWS:
        return
    loss = _loss(params.motive, levers)
    for i in range(start, stop):
        if (row + i) % WEEK == 0 and is_in_trade(retailers.state[i]):
            _reconsider(i, loss, params.motive, ties, motives)


@part
def _loss(motive, levers):
    """Return what an arrest is feared to cost, in years of trade (market.md 16.2)."""
    return motive.severity * levers.sentence


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
