"""The platform: a queue of cases, the penalty ladder, and dated sweeps."""

import numpy as np

from marketsim.model.state import Backup, Case, State
from marketsim.numerics.distributions import in_turn, waiting_times
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import Purpose, uniform

HEAD, WAITING = 0, 1
# rungs of the ladder by the count of offences on an account; the first two delete and mute
LIMIT, SUSPENSION, BAN = 3, 4, 5


@array_kernel
def open_cases(seed, day, retailers, counters, queue):
    """Open a case for each account flagged today that has none, in a drawn order.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Ordinal of the day.
    retailers : Retailers
        `case_open` is written.
    counters : DayCounters
        `flagged` is read.
    queue : Queue
        Ring of trader ids, first in first out; an account has at most one case.
    """
    fresh = np.flatnonzero((counters.flagged > 0) & (retailers.case_open == np.int8(Case.NONE)))
    order = np.empty(fresh.size)
    for k in range(fresh.size):
        order[k] = uniform(seed, Purpose.QUEUE_ORDER, day, fresh[k], 0)
    for k in in_turn(order):
        place = (queue.ends[HEAD] + queue.ends[WAITING]) % queue.ring.size
        queue.ring[place] = fresh[k]
        queue.ends[WAITING] += 1
        retailers.case_open[fresh[k]] = Case.OPEN


@kernel
def review_cases(seed, day, capacity, linking, params, retailers, counters, queue):
    """Decide cases within the day's capacity; those upheld cost a post and a rung.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Ordinal of the day.
    capacity : int
        Cases that moderators can decide today.
    linking : float
        Chance that a backup account falls with the account banned.
    params : Params
        Parameters.
    retailers : Retailers
        Offences, blocks and bans are written.
    counters : DayCounters
        Removals, bans and sanctions are written.
    queue : Queue
        Cases decided are taken from its head.
    """
    for _ in range(min(capacity, queue.ends[WAITING])):
        i = queue.ring[queue.ends[HEAD]]
        queue.ends[HEAD] = (queue.ends[HEAD] + 1) % queue.ring.size
        queue.ends[WAITING] -= 1
        valid = retailers.case_open[i] == Case.OPEN
        retailers.case_open[i] = Case.NONE
        within_reach = retailers.state[i] == State.ACTIVE or retailers.state[i] == State.LYING_LOW
        if (
            valid
            and within_reach
            and uniform(seed, Purpose.REVIEW, day, i, 0) < params.moderation.upheld
        ):
            _sanction(seed, day, i, linking, params, retailers, counters)


@part
def _sanction(seed, day, i, linking, params, retailers, counters):
    """Take a trader one rung up the ladder."""
    moderation = params.moderation
    retailers.offences[i] += 1
    rung = retailers.offences[i]
    if rung >= BAN:
        _ban(seed, day, i, linking, retailers, counters)
        return
    _remove_latest(i, params.perception.deletion, counters)
    if rung == SUSPENSION:
        _block(day, i, moderation.suspend_days, 1, retailers)
    elif rung == LIMIT:
        _block(day, i, moderation.limit_days, 0, retailers)
    else:
        _block(day, i, moderation.mute_days, 0, retailers)


@part
def _block(day, i, length, suspends, retailers):
    """Keep a trader out of Moments, or off the whole account, for whole days after today."""
    if suspends or retailers.blocked_until[i] <= day:
        retailers.suspended[i] = suspends
    retailers.blocked_until[i] = max(retailers.blocked_until[i], day + 1 + np.int64(length))


@part
def _remove_latest(i, weight, counters):
    """Remove the latest of today's visible posts, if there is one; the trader feels it anyhow."""
    counters.sanction[i] = max(counters.sanction[i], weight)
    if counters.moments[i] > 0 and counters.removed[i] == 0:
        counters.moments[i] -= 1
        counters.removed[i] += 1
        counters.pictures[i] -= counters.latest_pictures[i]
        counters.videos[i] -= counters.latest_videos[i]


@part
def _ban(seed, day, i, linking, retailers, counters):
    """Take an account with all that stands on it today, and a backup that is linked to it."""
    retailers.state[i] = State.BANNED
    retailers.return_day[i] = 0
    if linking > 0.0 and uniform(seed, Purpose.LINKED, day, i, 0) < linking:
        retailers.backup[i] = Backup.NONE
    if retailers.case_open[i] == Case.OPEN:
        retailers.case_open[i] = Case.VOID
    counters.banned[i] = 1
    counters.sanction[i] = 1.0
    counters.removed[i] += counters.moments[i]
    counters.moments[i] = 0
    counters.pictures[i] = 0
    counters.videos[i] = 0


@array_kernel
def run_sweep(seed, day, accounts, posts, struck, params, retailers, counters):
    """Ban a number of accounts and remove a post each of a number of further traders.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Ordinal of the day.
    accounts, posts : int
        How many; fewer where there are fewer traders in reach.
    struck : tuple of float, int, float
        Lean: 0 takes traders evenly, 1 in proportion to their recent visible posts; the types of
        trader taken, as a sum of 1, 2, 4 and 8; chance that a backup falls with its account.
    params : Params
        Parameters.
    retailers : Retailers
        Bans and blocks are written.
    counters : DayCounters
        Removals, bans and sanctions are written.
    """
    if accounts + posts == 0:
        return
    lean, types, linking = struck
    times = waiting_times(seed, Purpose.SWEEP, day, _exposure(lean, types, retailers))
    order = in_turn(times)
    for place in range(min(accounts + posts, order.size)):
        i = order[place]
        if np.isinf(times[i]):
            return
        if place < accounts:
            _ban(seed, day, i, linking, retailers, counters)
        else:
            _remove_latest(i, params.perception.deletion, counters)
            _block(day, i, params.moderation.mute_days, 0, retailers)


@array_kernel
def _exposure(lean, types, retailers):
    """Return the odds of each trader in a sweep; those without an account, or not meant, have 0."""
    n = retailers.state.size
    out = np.zeros(n)
    total = 0.0
    people = 0
    for i in range(n):
        if _in_reach(i, types, retailers):
            total += retailers.recent[i]
            people += 1
    for i in range(n):
        if _in_reach(i, types, retailers):
            out[i] = 1.0 - lean
            if total > 0.0:
                out[i] += lean * retailers.recent[i] * people / total
    return out


@part
def _in_reach(i, types, retailers):
    """Return whether a sweep can take a trader: one with an account, of the types meant."""
    has_account = retailers.state[i] == State.ACTIVE or retailers.state[i] == State.LYING_LOW
    return has_account and (types >> retailers.kind[i]) & 1 == 1
