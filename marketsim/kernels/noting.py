"""What the observer's contacts showed on a day, and what the whole market did."""

from marketsim.compiled import kernel, part
from marketsim.state import Backup, Flow, Note, State, Stock


@kernel
def note(row, contacts, retailers, today, notes):
    """Write down what stands on the first account of each contact at the end of the day.

    Parameters
    ----------
    row : int
        Number of the day in the run.
    contacts : ndarray of int64, shape (contacts,)
        Trader ids; -1 for a contact who left before the run began.
    retailers : Retailers
        Read.
    today : Today
        Read.
    notes : ndarray of int32, shape (days, contacts, len(Note))
        Written: advertisements, pictures, videos, posts deleted by their author, whether a
        backup was advertised, whether the account is lost.
    """
    for c in range(contacts.size):
        i = contacts[c]
        if i < 0:
            continue
        lost = retailers.account[i] > 0 or today.banned[i] > 0
        if lost or (row > 0 and notes[row - 1, c, Note.BLOCKED]):
            notes[row, c, Note.BLOCKED] = 1
            continue
        notes[row, c, Note.ADS] = today.moments[i]
        notes[row, c, Note.PICTURES] = today.pictures[i]
        notes[row, c, Note.VIDEOS] = today.videos[i]
        notes[row, c, Note.DELETED] = today.deleted[i]
        notes[row, c, Note.MENTION] = today.mention[i]


@kernel
def record(row, day, retailers, today, queue, series):
    """Add up the day over all traders.

    Parameters
    ----------
    row : int
        Number of the day in the run.
    day : int
        Ordinal of the day.
    retailers : Retailers
        Read.
    today : Today
        Read.
    queue : Queue
        Read.
    series : Series
        Row `row` is written.
    """
    stocks = series.stocks[row]
    present = 0
    fear = 0.0
    for i in range(retailers.state.size):
        _add_flows(i, today, series.flows[row])
        state = retailers.state[i]
        if state >= State.LEFT:
            stocks[Stock.LEFT] += state == State.LEFT
            stocks[Stock.ARRESTED] += state == State.ARRESTED
        elif state != State.ABSENT:
            present += 1
            fear += retailers.risk[i]
            stocks[Stock.ACTIVE] += state == State.ACTIVE
            stocks[Stock.LYING_LOW] += state == State.LYING_LOW
            banned = state == State.BANNED
            stocks[Stock.BLOCKED] += not banned and retailers.blocked_until[i] > day + 1
            stocks[Stock.BANNED] += banned
            stocks[Stock.WITH_BACKUP] += retailers.backup[i] != Backup.NONE
            stocks[Stock.WITH_ANNOUNCED_BACKUP] += retailers.backup[i] == Backup.ANNOUNCED
    stocks[Stock.CASES_WAITING] = queue.ends[1]
    series.risk[row] = fear / present if present > 0 else 0.0


@part
def _add_flows(i, today, flows):
    flows[Flow.OFFERS] += today.intended[i] - today.withheld[i]
    flows[Flow.VISIBLE] += today.moments[i]
    flows[Flow.DELETED] += today.deleted[i]
    flows[Flow.REMOVED] += today.removed[i]
    flows[Flow.BACKUP] += today.backup[i]
    flows[Flow.GROUPS] += today.groups[i]
    flows[Flow.ELSEWHERE] += today.elsewhere[i]
    flows[Flow.WITHHELD] += today.withheld[i]
    flows[Flow.PICTURES] += today.pictures[i]
    flows[Flow.VIDEOS] += today.videos[i]
    flows[Flow.FLAGGED] += today.flagged[i]
    flows[Flow.BANS] += today.banned[i]
    flows[Flow.MENTIONS] += today.mention[i]
