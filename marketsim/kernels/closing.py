"""The evening: what contacts showed for sale, what trade and enforcement did, and the books."""

from marketsim.books import FEN, Account, Item, close, move
from marketsim.compiled import kernel, part
from marketsim.pricing import HIGHEST, asked, shown, stock_of
from marketsim.state import Note, State
from marketsim.trade_state import Channel, Measure, Tally


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
