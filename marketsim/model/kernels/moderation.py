"""Moderation by the platform: queue, penalty ladder and sweeps (docs/model.md 7.4 to 7.6)."""

import numpy as np

from marketsim.model.state import (
    BAN,
    GUARDED_DAYS,
    HEAD,
    LIMIT,
    SUSPENSION,
    WAITING,
    Backup,
    Case,
    State,
    join_queue,
    leave_queue,
)
from marketsim.numerics.distributions import first_in_race, in_turn
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import Purpose, uniform

ALL_TYPES = 15  # mask of the types of trader


@kernel
def remove_known_posts(day, params, retailers, counters):
    """Remove known posts without a moderator, and let authors feel it (model.md 7.4).

    Parameters
    ----------
    day : int
        Date (ordinal).
    params : Params
        Parameters.
    retailers : Retailers
        `guarded_until` is written.
    counters : DayCounters
        Removals and losses are written.
    """
    for i in range(retailers.state.size):
        known, blocked = counters.known[i], counters.blocked[i]
        if known + blocked == 0:
            continue
        made = counters.moments[i] + counters.deleted[i] + blocked
        counters.moments[i] -= known
        counters.removed[i] += known
        counters.pictures[i] -= counters.known_pictures[i]
        counters.videos[i] -= counters.known_videos[i]
        felt = params.perception.deletion * (known + blocked) / made
        counters.loss[i] = max(counters.loss[i], felt)
        retailers.guarded_until[i] = day + 1 + GUARDED_DAYS


@array_kernel
def open_cases(seed, day, levers, retailers, counters, queue):
    """Open a case for each account flagged today that has none, in a drawn order.

    Accounts on a list from outside go to the head of the queue.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    levers : Levers
        Levers of the day: `listed_platform` is read.
    retailers : Retailers
        `case_open` is written.
    counters : DayCounters
        `flagged` is read.
    queue : Queue
        Written; an account has at most one case.
    """
    # model.md 7.4: flagged accounts join in a drawn order, since capacity is limited
    flagged = np.flatnonzero((counters.flagged > 0) & (retailers.case_open == np.int8(Case.NONE)))
    turns = np.empty(flagged.size)
    for k in range(flagged.size):
        turns[k] = uniform(seed, Purpose.QUEUE_ORDER, day, flagged[k], 0)
    for k in in_turn(turns):
        join_queue(queue.ring, queue.ends, flagged[k])
        retailers.case_open[flagged[k]] = Case.OPEN
    # model.md 7.4: those who post most, by a keyed race, among accounts without a case
    if levers.listed_platform > 0:
        odds = np.zeros(retailers.state.size)
        for i in range(odds.size):
            if _is_in_reach(i, ALL_TYPES, retailers) and retailers.case_open[i] == Case.NONE:
                odds[i] = retailers.recent[i]
        for i in first_in_race(seed, Purpose.LISTED, day, odds, levers.listed_platform):
            queue.ends[HEAD] = (queue.ends[HEAD] + queue.ring.size - 1) % queue.ring.size
            queue.ring[queue.ends[HEAD]] = i
            queue.ends[WAITING] += 1
            retailers.case_open[i] = Case.OPEN


@kernel
def review_cases(seed, day, levers, params, retailers, counters, queue):
    """Decide cases up to the capacity of the day; each case upheld is sanctioned.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    levers : Levers
        Levers of the day: `capacity` and `linking` are read.
    params : Params
        Parameters.
    retailers : Retailers
        Offences, blocks and bans are written.
    counters : DayCounters
        Removals, bans and sanctions are written.
    queue : Queue
        Decided cases leave its head.
    """
    for _ in range(min(levers.capacity, queue.ends[WAITING])):
        # model.md 7.4: take the head of the queue
        i = leave_queue(queue.ring, queue.ends)
        is_open = retailers.case_open[i] == Case.OPEN
        retailers.case_open[i] = Case.NONE
        # model.md 7.4: void cases and traders without an account are not sanctioned
        has_account = retailers.state[i] == State.ACTIVE or retailers.state[i] == State.LYING_LOW
        if (
            is_open
            and has_account
            and uniform(seed, Purpose.REVIEW, day, i, 0) < params.moderation.upheld
        ):
            _sanction(seed, day, i, levers.linking, params, retailers, counters)


@part
def _sanction(seed, day, i, linking, params, retailers, counters):
    """Sanction a trader by the next rung of the ladder (model.md 7.5)."""
    moderation = params.moderation
    retailers.offences[i] += 1
    rung = retailers.offences[i]
    if rung >= BAN:
        _ban(seed, day, i, linking, retailers, counters)
        return
    _remove_latest(day, i, params.perception.deletion, retailers, counters)
    if rung == SUSPENSION:
        _block(day, i, moderation.suspend_days, 1, retailers)
    elif rung == LIMIT:
        _block(day, i, moderation.limit_days, 0, retailers)
    else:
        _block(day, i, moderation.mute_days, 0, retailers)


@part
def _block(day, i, length, suspends, retailers):
    """Block a trader from Moments, or the whole account, for whole days after today (7.5)."""
    if suspends or retailers.blocked_until[i] <= day:
        retailers.suspended[i] = suspends
    retailers.blocked_until[i] = max(retailers.blocked_until[i], day + 1 + np.int64(length))


@part
def _remove_latest(day, i, weight, retailers, counters):
    """Remove the latest visible post of today, if any; the sanction counts in any case (7.5)."""
    counters.sanction[i] = max(counters.sanction[i], weight)
    retailers.guarded_until[i] = day + 1 + GUARDED_DAYS
    if counters.moments[i] > 0 and counters.removed[i] == 0:
        counters.moments[i] -= 1
        counters.removed[i] += 1
        counters.pictures[i] -= counters.latest_pictures[i]
        counters.videos[i] -= counters.latest_videos[i]


@part
def _ban(seed, day, i, linking, retailers, counters):
    """Ban an account: remove today's posts, and a backup account linked to it (7.5)."""
    retailers.state[i] = State.BANNED
    retailers.return_day[i] = 0
    if linking > 0.0 and uniform(seed, Purpose.LINKED, day, i, 0) < linking:
        retailers.backup[i] = Backup.NONE
        retailers.follow[i] = 0.0
    if retailers.case_open[i] == Case.OPEN:
        retailers.case_open[i] = Case.VOID
    counters.banned[i] = 1
    counters.sanction[i] = 1.0
    counters.removed[i] += counters.moments[i]
    counters.moments[i] = 0
    counters.pictures[i] = 0
    counters.videos[i] = 0


@array_kernel
def run_sweep(seed, day, levers, params, retailers, counters):
    """Run the sweep of the day: ban accounts, and remove a post each of further traders.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    levers : Levers
        Levers of the day: those of sweeps and `linking` are read.
    params : Params
        Parameters.
    retailers : Retailers
        Bans and blocks are written.
    counters : DayCounters
        Removals, bans and sanctions are written.
    """
    accounts, posts = levers.sweep_accounts, levers.sweep_posts
    if accounts + posts == 0:
        return
    # model.md 7.6: a keyed race in which odds lean to traders with many recent posts
    odds = _sweep_odds(levers.sweep_lean, levers.sweep_types, retailers)
    taken = first_in_race(seed, Purpose.SWEEP, day, odds, accounts + posts)
    # model.md 7.6: the first are banned, the next lose a post and are muted, without a rung
    for place in range(taken.size):
        i = taken[place]
        if place < accounts:
            _ban(seed, day, i, levers.linking, retailers, counters)
        else:
            _remove_latest(day, i, params.perception.deletion, retailers, counters)
            _block(day, i, params.moderation.mute_days, 0, retailers)


@array_kernel
def _sweep_odds(lean, types, retailers):
    """Return the odds of each trader in a sweep, 0 for those out of reach, shape (ids,) (7.6)."""
    ids = retailers.state.size
    odds = np.zeros(ids)
    total = 0.0
    people = 0
    for i in range(ids):
        if _is_in_reach(i, types, retailers):
            total += retailers.recent[i]
            people += 1
    for i in range(ids):
        if _is_in_reach(i, types, retailers):
            odds[i] = 1.0 - lean
            if total > 0.0:
                odds[i] += lean * retailers.recent[i] * people / total
    return odds


@part
def _is_in_reach(i, types, retailers):
    """Return whether a trader has an account and is of a type that the sweep takes (7.6)."""
    has_account = retailers.state[i] == State.ACTIVE or retailers.state[i] == State.LYING_LOW
    return has_account and (types >> retailers.kind[i]) & 1 == 1
