"""Backup accounts: prepared in fear, advertised in posts, used after a ban."""

import numpy as np

from marketsim.model.state import Backup, State
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniforms


@kernel
def update_accounts(seed, day, params, retailers, counters):
    """Prepare and advertise backups, and bring banned traders back on a new account.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Ordinal of the day.
    params : AccountsValues
        Parameters.
    retailers : Retailers
        `backup`, `account`, `audience`, `state` and `return_day` are written.
    counters : DayCounters
        `moments` is read, `mention` is written.
    """
    for i in range(retailers.state.size):
        if retailers.state[i] == State.ABSENT or retailers.state[i] >= State.LEFT:
            continue
        u_backup, u_mention, u_replacement, u_quit = uniforms(seed, Purpose.BACKUP, day, i, 0)
        if retailers.state[i] == State.BANNED:
            if retailers.return_day[i] == 0:
                _answer_ban(day, i, u_replacement, u_quit, params, retailers)
            elif retailers.return_day[i] <= day:
                _reopen(i, params, retailers)
        elif retailers.backup[i] == Backup.NONE:
            if u_backup < params.prepare_always + params.prepare_risk * retailers.risk[i]:
                retailers.backup[i] = Backup.PREPARED
        elif counters.moments[i] > 0 and u_mention < params.mention:
            retailers.backup[i] = Backup.ANNOUNCED
            counters.mention[i] = 1


@part
def _answer_ban(day, i, u_replacement, u_quit, params, retailers):
    """Give up, or fix the day of return."""
    if retailers.backup[i] == Backup.NONE and u_quit < params.quit:
        retailers.state[i] = State.LEFT
        return
    longest = params.return_days
    if retailers.backup[i] != Backup.NONE:
        longest *= params.backup_wait
    retailers.return_day[i] = day + 1 + np.int64(u_replacement * longest)


@part
def _reopen(i, params, retailers):
    """Go on under a new account with the audience that follows."""
    told = retailers.backup[i] == Backup.ANNOUNCED
    retailers.audience[i] *= params.kept_announced if told else params.kept_cold
    retailers.account[i] += 1
    retailers.backup[i] = Backup.NONE
    retailers.state[i] = State.ACTIVE
    retailers.offences[i] = 0
    retailers.blocked_until[i] = 0
    retailers.suspended[i] = 0
