"""What the observer's contacts showed on a day, and what the whole market did."""

from marketsim.model.ledger import FEN, Account, Item, close_books, move
from marketsim.model.pricing import HIGHEST_PRICE, asking_price, displayed_product, stock_held
from marketsim.model.state import (
    Backup,
    Channel,
    Enforcement,
    Flow,
    LogColumn,
    State,
    Stock,
    TradeCounter,
)
from marketsim.numerics.jit import kernel, part


@kernel
def log_contacts(row, contacts, retailers, counters, survey_log):
    """Write down what stands on the first account of each contact at the end of the day.

    Parameters
    ----------
    row : int
        Number of the day in the run.
    contacts : ndarray of int64, shape (contacts,)
        Trader ids; -1 for a contact who left before the run began.
    retailers : Retailers
        Read.
    counters : DayCounters
        Read.
    notes : ndarray of int32, shape (days, contacts, len(Note))
        Written: advertisements, pictures, videos, posts deleted by their author, whether a
        backup was advertised, whether the account is lost.
    """
    for c in range(contacts.size):
        i = contacts[c]
        if i < 0:
            continue
        lost = retailers.account[i] > 0 or counters.banned[i] > 0
        if lost or (row > 0 and survey_log[row - 1, c, LogColumn.BLOCKED]):
            survey_log[row, c, LogColumn.BLOCKED] = 1
            continue
        survey_log[row, c, LogColumn.ADS] = counters.moments[i]
        survey_log[row, c, LogColumn.PICTURES] = counters.pictures[i]
        survey_log[row, c, LogColumn.VIDEOS] = counters.videos[i]
        survey_log[row, c, LogColumn.DELETED] = counters.deleted[i]
        survey_log[row, c, LogColumn.MENTION] = counters.mention[i]


@kernel
def record_day(row, day, retailers, counters, queue, series):
    """Add up the day over all traders.

    Parameters
    ----------
    row : int
        Number of the day in the run.
    day : int
        Ordinal of the day.
    retailers : Retailers
        Read.
    counters : DayCounters
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
        _add_flows(i, counters, series.flows[row])
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
def _add_flows(i, counters, flows):
    flows[Flow.OFFERS] += counters.intended[i] - counters.withheld[i]
    flows[Flow.VISIBLE] += counters.moments[i]
    flows[Flow.DELETED] += counters.deleted[i]
    flows[Flow.REMOVED] += counters.removed[i]
    flows[Flow.BACKUP] += counters.backup[i]
    flows[Flow.GROUPS] += counters.groups[i]
    flows[Flow.ELSEWHERE] += counters.elsewhere[i]
    flows[Flow.WITHHELD] += counters.withheld[i]
    flows[Flow.PICTURES] += counters.pictures[i]
    flows[Flow.VIDEOS] += counters.videos[i]
    flows[Flow.FLAGGED] += counters.flagged[i]
    flows[Flow.BANS] += counters.banned[i]
    flows[Flow.MENTIONS] += counters.mention[i]


@kernel
def close_day(seed, day, row, contacts, params, traders, counters, survey_log, trade):
    """Write the labels of contacts, count the day, and close the books.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    contacts : ndarray of int64, shape (contacts,)
        Trader ids; -1 for a contact who left before the run began.
    params : Params
        Parameters.
    traders : Retailers
        Read.
    counters : DayCounters
        Read.
    notes : ndarray of int32, shape (days, contacts, len(Note))
        What was seen of contacts today: advertisements, pictures and videos.
    trade : TradeState
        Written: labels, tallies.

    Raises
    ------
    ValueError
        Where the books do not balance.
    """
    for c in range(contacts.size):
        if (
            contacts[c] >= 0
            and survey_log[row, c, LogColumn.ADS] > 0
            and trade.product_mix.size > 0
        ):
            _label(seed, day, row, c, contacts[c], params, traders, survey_log, trade)
    records, books = trade.records, trade.books
    for i in range(traders.state.size):
        removed, banned = counters.removed[i], counters.banned[i]
        records.enforcement[row, Enforcement.POSTS_REMOVED, Channel.MOMENTS, 0] += removed
        records.enforcement[row, Enforcement.ACCOUNTS_BANNED, Channel.MOMENTS, 0] += banned
        if traders.state[i] < State.LEFT:
            records.counts[row, TradeCounter.STOCK] += stock_held(
                books, books.start[Account.RETAILERS] + i
            )
    start = books.start[Account.RESALE_AGENTS]
    for agent in range(trade.agents.retailer.size):  # agents live off what they earn
        earned = books.balance[start + agent, Item.MONEY]
        move(books, Item.MONEY, start + agent, books.start[Account.OWNERS], earned)
    close_books(books, records.ledger[row])


@part
def _label(seed, day, row, c, i, params, traders, survey_log, trade):
    """Write down which products a contact's posts show, and what is asked for them.

    The day's pictures and videos are dealt out evenly over its posts, the first ones getting one
    more where they do not divide.
    """
    observed_prices = trade.observed_prices
    posts = survey_log[row, c, LogColumn.ADS]
    items = survey_log[row, c, LogColumn.PICTURES] + survey_log[row, c, LogColumn.VIDEOS]
    for post in range(posts):
        product = displayed_product(seed, day, i, post, params.demand, trade)
        observed_prices.ads[row, c, product] += 1
        observed_prices.items[row, c, product] += items // posts + (post < items % posts)
        price = min(asking_price(i, product, traders.risk[i], params.retail, trade), HIGHEST_PRICE)
        observed_prices.price[row, c, product] = int(price * FEN + 0.5)
