"""What the observer's contacts showed on a day, and what the whole market did."""

from marketsim.model.ledger import FEN, Account, Item, close, move
from marketsim.model.pricing import HIGHEST, asked, shown, stock_of
from marketsim.model.state import Backup, Channel, Flow, Measure, Note, State, Stock, Tally
from marketsim.numerics.jit import kernel, part


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


@kernel
def close_day(seed, day, row, contacts, rules, traders, today, notes, chain):
    """Write the labels of contacts, count the day, and close the books.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    contacts : ndarray of int64, shape (contacts,)
        Trader ids; -1 for a contact who left before the run began.
    rules : Rules
        Parameters.
    traders : Retailers
        Read.
    today : Today
        Read.
    notes : ndarray of int32, shape (days, contacts, len(Note))
        What was seen of contacts today: advertisements, pictures and videos.
    chain : Chain
        Written: labels, tallies.

    Raises
    ------
    ValueError
        Where the books do not balance.
    """
    for c in range(contacts.size):
        if contacts[c] >= 0 and notes[row, c, Note.ADS] > 0 and chain.mix.size > 0:
            _label(seed, day, row, c, contacts[c], rules, traders, notes, chain)
    tallies, books = chain.tallies, chain.books
    for i in range(traders.state.size):
        removed, banned = today.removed[i], today.banned[i]
        tallies.measures[row, Measure.POSTS_REMOVED, Channel.MOMENTS, 0] += removed
        tallies.measures[row, Measure.ACCOUNTS_BANNED, Channel.MOMENTS, 0] += banned
        if traders.state[i] < State.LEFT:
            tallies.trade[row, Tally.STOCK] += stock_of(books, books.start[Account.RETAILERS] + i)
    start = books.start[Account.RESALE_AGENTS]
    for agent in range(chain.agents.retailer.size):  # agents live off what they earn
        earned = books.balance[start + agent, Item.MONEY]
        move(books, Item.MONEY, start + agent, books.start[Account.OWNERS], earned)
    close(books, tallies.ledger[row])


@part
def _label(seed, day, row, c, i, rules, traders, notes, chain):
    """Write down which products a contact's posts show, and what is asked for them.

    The day's pictures and videos are dealt out evenly over its posts, the first ones getting one
    more where they do not divide.
    """
    labels = chain.labels
    posts = notes[row, c, Note.ADS]
    items = notes[row, c, Note.PICTURES] + notes[row, c, Note.VIDEOS]
    for post in range(posts):
        product = shown(seed, day, i, post, rules.demand, chain)
        labels.ads[row, c, product] += 1
        labels.items[row, c, product] += items // posts + (post < items % posts)
        price = min(asked(i, product, traders.risk[i], rules.retail, chain), HIGHEST)
        labels.price[row, c, product] = int(price * FEN + 0.5)
