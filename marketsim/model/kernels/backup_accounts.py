"""Backup accounts, and the return of banned traders (docs/model.md 7.7, "Accounts")."""

import numpy as np

from marketsim.model.state import Backup, State
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import BACKUP, HAZARDS_WORD, Purpose, happens, uniform, uniforms


@kernel
def update_accounts(seed, day, params, retailers, counters, start, stop):
    """Prepare and advertise backup accounts, and return banned traders on a new account.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    params : Params
        Parameters.
    retailers : Retailers
        `backup`, `follow`, `account`, `audience`, `state` and `return_day` are written.
    counters : DayCounters
        `moments` and `words` are read, `mention` is written.
    start, stop : int
        Ids of the traders: the first, and the end (exclusive).
    """
    accounts = params.accounts
    for i in range(start, stop):
        if retailers.state[i] == State.ABSENT or retailers.state[i] >= State.LEFT:
            continue
        if retailers.state[i] == State.BANNED:
            # model.md 7.7, accounts 1 to 3
            if retailers.return_day[i] == 0:
                _answer_ban(seed, day, i, accounts, retailers)
            elif retailers.return_day[i] <= day:
                _return(i, accounts, retailers)
        elif retailers.backup[i] == Backup.NONE:
            # model.md 7.7, accounts 4: fear makes traders prepare a backup
            chance = accounts.prepare_always + accounts.prepare_risk * retailers.risk[i]
            if happens(chance, counters.words[i, HAZARDS_WORD], BACKUP, seed, day, i):
                retailers.backup[i] = Backup.PREPARED
        elif counters.moments[i] > 0 and _mentions(seed, day, i, accounts):
            # model.md 7.7, accounts 5: a visible post advertises it, and some friends follow
            retailers.backup[i] = Backup.ANNOUNCED
            counters.mention[i] = 1
            retailers.follow[i] += params.motive.follow * (1.0 - retailers.follow[i])


@part
def _mentions(seed, day, i, accounts):
    """Return whether a trader advertises a backup (accounts 5)."""
    return uniform(seed, Purpose.MENTION, day, i, 0) < accounts.mention


@part
def _answer_ban(seed, day, i, accounts, retailers):
    """Let a banned trader leave, or draw the day of return (accounts 1)."""
    _, _, u_replacement, u_quit = uniforms(seed, Purpose.REPLACEMENT, day, i, 0)
    if retailers.backup[i] == Backup.NONE and u_quit < accounts.quit:
        retailers.state[i] = State.LEFT
        return
    longest = accounts.return_days
    if retailers.backup[i] != Backup.NONE:
        longest *= accounts.backup_wait
    retailers.return_day[i] = day + 1 + np.int64(u_replacement * longest)


@part
def _return(i, accounts, retailers):
    """Return a trader on a new account with the audience that follows (accounts 2)."""
    follow = retailers.follow[i]
    retailers.audience[i] *= accounts.kept_announced * follow + accounts.kept_cold * (1.0 - follow)
    retailers.follow[i] = 0.0
    retailers.account[i] += 1
    retailers.backup[i] = Backup.NONE
    retailers.state[i] = State.ACTIVE
    retailers.offences[i] = 0
    retailers.blocked_until[i] = 0
    retailers.suspended[i] = 0
