"""End-of-day records: survey log, daily series, observed prices, trade counts and ledger.

One step ends the day (docs/model.md 7.8 and 7.9, docs/market.md 13). For each contact of the
observer it logs what the first account shows, and the products and prices of its posts. For the
market it adds up posts and traders, counts posts removed and accounts banned, measures the stock
of traders, moves the earnings of agents to owners, writes the balance of each account and checks
that the books balance.
"""

from marketsim.model.buyers import mean_piece
from marketsim.model.ledger import FEN, MILLIGRAMS, PRODUCTS, Account, Item, close_books, move
from marketsim.model.pricing import HIGHEST_PRICE, asking_price, displayed_product, stock_held
from marketsim.model.state import (
    Backup,
    Channel,
    Enforcement,
    Flow,
    LogColumn,
    PriceMemory,
    State,
    Stock,
    TradeCounter,
    is_in_trade,
)
from marketsim.numerics.jit import kernel, part


@kernel
def record_day(seed, day, row, params, retailers, counters, queue, outputs, trade):
    """Record the day and close the books.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    params : Params
        Parameters.
    retailers : Retailers
        Read.
    counters : DayCounters
        Read.
    queue : Queue
        Read.
    outputs : Outputs
        Row `row` of the survey log and of the series is written.
    trade : TradeState
        Written: money of agents, records, observed prices.

    Raises
    ------
    ValueError
        If the books do not balance.
    """
    survey_log = outputs.survey_log
    # model.md 7.9: what contacts show
    log_contacts(row, outputs.contacts, retailers, counters, survey_log)
    # market.md 13.1: products and prices of contacts with advertisements
    for c in range(outputs.contacts.size):
        i = outputs.contacts[c]
        has_ads = i >= 0 and survey_log[row, c, LogColumn.ADS] > 0
        if has_ads and trade.product_mix.size > 0:
            ads = survey_log[row, c, LogColumn.ADS]
            items = survey_log[row, c, LogColumn.PICTURES] + survey_log[row, c, LogColumn.VIDEOS]
            for post in range(ads):
                product = displayed_product(seed, day, i, post, params.demand, trade)
                price = asking_price(i, product, retailers.risk[i], params.retail, trade)
                # items are divided evenly; the first posts have one more if there is a remainder
                share = items // ads + (post < items % ads)
                _observe_post(row, c, product, share, price, trade.observed_prices)
    # model.md 7.8: totals over all traders
    _add_up_traders(row, day, retailers, counters, queue, outputs.series)
    # market.md 13.2 to 13.4: counts of trade, earnings of agents, the ledger
    _count_trade(row, retailers, counters, params.demand, trade)
    trade.records.outlook[row, 0] = trade.prices.memory[PriceMemory.LOG_LEVEL]
    trade.records.outlook[row, 1] = trade.prices.memory[PriceMemory.EXPECTED]
    _pay_out_agents(trade)
    close_books(trade.books, trade.records.ledger[row])


@part
def log_contacts(row, contacts, retailers, counters, survey_log):
    """Log what the first account of each contact shows at the end of the day (model.md 7.9).

    Parameters
    ----------
    row : int
        Row of the day.
    contacts : ndarray of int64, shape (contacts,)
        Trader ids; -1 for a contact who left before the run begins.
    retailers : Retailers
        Read.
    counters : DayCounters
        Read.
    survey_log : ndarray of int32, shape (days, contacts, len(LogColumn))
        Row `row` is written.
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


@part
def _observe_post(row, c, product, items, price, observed_prices):
    """Add a post of a contact to the observed prices (market.md 13.1)."""
    observed_prices.ads[row, c, product] += 1
    observed_prices.items[row, c, product] += items
    observed_prices.price[row, c, product] = int(min(price, HIGHEST_PRICE) * FEN + 0.5)


@part
def _add_up_traders(row, day, retailers, counters, queue, series):
    """Add up posts, states and perceived risk of traders in the daily series (model.md 7.8)."""
    stocks = series.stocks[row]
    present = 0
    risk = 0.0
    for i in range(retailers.state.size):
        _add_flows(i, counters, series.flows[row])
        state = retailers.state[i]
        if state >= State.LEFT:
            stocks[Stock.LEFT] += state == State.LEFT
            stocks[Stock.ARRESTED] += state == State.ARRESTED
        elif state != State.ABSENT:
            present += 1
            risk += retailers.risk[i]
            stocks[Stock.ACTIVE] += state == State.ACTIVE
            stocks[Stock.LYING_LOW] += state == State.LYING_LOW
            banned = state == State.BANNED
            stocks[Stock.BLOCKED] += not banned and retailers.blocked_until[i] > day + 1
            stocks[Stock.BANNED] += banned
            stocks[Stock.WITH_BACKUP] += retailers.backup[i] != Backup.NONE
            stocks[Stock.WITH_ANNOUNCED_BACKUP] += retailers.backup[i] == Backup.ANNOUNCED
    stocks[Stock.CASES_WAITING] = queue.ends[1]
    series.risk[row] = risk / present if present > 0 else 0.0


@part
def _add_flows(i, counters, flows):
    """Add the counters of a trader to the totals of the day (model.md 7.8)."""
    flows[Flow.OFFERS] += counters.intended[i] - counters.withheld[i] - counters.blocked[i]
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
    flows[Flow.PREBLOCKED] += counters.blocked[i]


@part
def _count_trade(row, retailers, counters, demand, trade):
    """Count posts removed, accounts banned, and stocks of traders and shops (market.md 13.2)."""
    records, books = trade.records, trade.books
    pieces = 0.0
    for i in range(retailers.state.size):
        removed, banned = counters.removed[i], counters.banned[i]
        records.enforcement[row, Enforcement.POSTS_REMOVED, Channel.MOMENTS, 0] += removed
        records.enforcement[row, Enforcement.ACCOUNTS_BANNED, Channel.MOMENTS, 0] += banned
        if retailers.state[i] < State.LEFT:
            holder = books.start[Account.RETAILERS] + i
            stock = stock_held(books, holder)
            records.counts[row, TradeCounter.STOCK] += stock
            if stock > 0 and trade.shops.stall[i] > 0 and is_in_trade(retailers.state[i]):
                records.counts[row, TradeCounter.STALLS_STOCKED] += 1
                for product in range(PRODUCTS):
                    piece = mean_piece(product, demand) * MILLIGRAMS
                    pieces += books.balance[holder, product] / piece
    records.counts[row, TradeCounter.STALL_PIECES] += int(pieces + 0.5)
    records.counts[row, TradeCounter.LEGAL_STOCK] += trade.legal_stock[0]
    records.counts[row, TradeCounter.AGENTS_ACTIVE] += trade.agents.active.sum()


@part
def _pay_out_agents(trade):
    """Move the earnings of resale agents to owners (market.md 13.3)."""
    books = trade.books
    start = books.start[Account.RESALE_AGENTS]
    for agent in range(trade.agents.retailer.size):
        earned = books.balance[start + agent, Item.MONEY]
        move(books, Item.MONEY, start + agent, books.start[Account.OWNERS], earned)
