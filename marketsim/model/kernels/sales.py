"""Who sees a post may ask; who asks may buy: the five steps of a deal.

A friend, or a stranger who was sent on, sees an advertisement (1, 2), asks and compares it with
what ivory is worth to him (3: labels are fixed in Moments, groups bid), pays (4), and the goods
are handed over or go to the courier (5). Costs follow inquiries: nobody who does not ask is
looked at.
"""

import numpy as np

from marketsim.model.buyers import (
    buyer_risk,
    buyer_traits,
    friend_at,
    piece_mass,
    willingness_to_pay,
)
from marketsim.model.ledger import Account, Item, fen_of, move
from marketsim.model.pricing import asking_price, displayed_product, record_price
from marketsim.model.state import (
    NOBODY,
    POSTS_APART,
    SURE,
    Channel,
    Enforcement,
    Parcel,
    Stage,
    State,
    TradeCounter,
    count_enforcement,
    draw_key,
    file_case,
)
from marketsim.numerics.distributions import choose, events
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

BIDDERS = 4
MOMENTS, GROUPS, PUBLIC = int(Channel.MOMENTS), int(Channel.GROUPS), int(Channel.PUBLIC)
SOCIAL, WEBSITES = int(Channel.SOCIAL), int(Channel.WEBSITES)
PHYSICAL = int(Channel.PHYSICAL)
FOLLOWED = (MOMENTS, GROUPS)  # by friends


@kernel
def sell(seed, day, row, levers, params, traders, counters, trade):
    """Let everybody who asks about the posts of the day be answered, and deals be made.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    levers : tuple of three float
        Willingness to pay against an ordinary day; size of the legal market against that of 2015,
        0 once it is closed; multiplier of the share of escrow payments traced.
    params : Params
        Parameters.
    traders : Retailers
        Read.
    counters : DayCounters
        Read.
    trade : TradeState
        Written: goods, money, buyers, parcels, cases, tallies.
    """
    demand_level, legal, traces = levers
    demand = params.demand
    level = demand_level * demand.willingness
    visits = demand.visits
    if legal != 1.0:
        level *= 1.0 - params.legal.stigma * (1.0 - legal)
        turned = _turned(traders, trade, params.legal.customers) * demand_level
        visits = max(visits + params.legal.turn * (1.0 - legal) * turned, 0.0)
    level = max(level, 0.0)
    traced = min(1.0, params.police.escrow_trace * traces)
    retailers = traders.state.size
    for seller in range(retailers + trade.agents.retailer.size):
        agent = seller - retailers if seller >= retailers else NOBODY
        who = draw_key(seller, retailers)
        i = seller if agent < 0 else trade.agents.retailer[agent]
        posts = _posts(seed, day, i, agent, traders, counters, trade, params.resale)
        if posts[0] + posts[1] + posts[2] + posts[3] == 0:
            continue
        channel, weight = _platform(seed, day, who, posts[2], demand)
        channels = (MOMENTS, GROUPS, channel, PHYSICAL)
        reach = demand.asked * trade.friends.count[seller]
        elsewhere = demand.asked * demand.friends * weight * posts[2]
        means = (reach * posts[0], reach * demand.groups * posts[1], elsewhere, visits * posts[3])
        draws = uniforms(seed, Purpose.INQUIRIES, day, who, 0)
        trade.records.counts[row, TradeCounter.FORWARDED] += posts[0] if agent >= 0 else 0
        left = int(demand.answers)
        for slot in range(4):
            inquiries = min(events(draws[slot], means[slot]), left)
            left -= inquiries
            for k in range(inquiries):
                number = (k, posts[slot])
                _inquire(
                    seed,
                    day,
                    row,
                    i,
                    agent,
                    channels[slot],
                    number,
                    (level, traced),
                    params,
                    traders,
                    trade,
                )


@part
def _posts(seed, day, i, agent, traders, counters, trade, resale):
    """Return what a seller shows in Moments, groups, elsewhere, and at a stall (1 or 0)."""
    if agent >= 0:
        forwarded = 0
        if _forwards(agent, trade.agents) and counters.moments[i] > 0:
            u = uniform(seed, Purpose.FORWARDED, day, agent, 0)
            forwarded = events(u, resale.forwarded * counters.moments[i])
        return forwarded, 0, 0, 0
    state = traders.state[i]
    stall = 1 if _at_stall(i, state, trade) else 0
    moments = counters.moments[i] + counters.backup[i]
    return moments, counters.groups[i], counters.elsewhere[i], stall


@part
def _forwards(agent, agents):
    """Return whether an agent and all those upstream are still in the trade."""
    while agent >= 0:
        if agents.active[agent] == 0:
            return False
        agent = agents.upstream[agent]
    return True


@part
def _at_stall(i, state, trade):
    """Return whether a trader stands at a stall; a ban online does not close it."""
    here = state == State.ACTIVE or state == State.LYING_LOW or state == State.BANNED
    return here and trade.shops.stall[i] > 0


@part
def _turned(traders, trade, customers):
    """Return the customers of the closed legal market for each stall that is open."""
    stalls, founders = 0, 0
    for i in range(traders.state.size):
        stalls += _at_stall(i, traders.state[i], trade)
        founders += traders.arrival[i] == 0
    return customers * founders / 1000.0 / max(stalls, 1)


@part
def _platform(seed, day, who, posts, demand):
    """Return the channel of the day's posts elsewhere, and what a post there brings."""
    weights = (demand.to_public, demand.to_social, demand.to_websites, 0.0)
    if posts == 0 or weights[0] + weights[1] + weights[2] <= 0.0:
        return SOCIAL, demand.social
    option = choose(uniforms(seed, Purpose.PLATFORM, day, who, 0), weights)
    if option == 0:
        return PUBLIC, demand.public
    if option == 1:
        return SOCIAL, demand.social
    return WEBSITES, demand.websites


@part
def _inquire(seed, day, row, i, agent, channel, number, levels, params, traders, trade):
    """Take one inquiry from the question to the goods being on their way."""
    demand, records, level, traced = params.demand, trade.records, levels[0], levels[1]
    seller = i if agent < 0 else traders.state.size + agent
    key, who = number[0] + channel * POSTS_APART, draw_key(seller, traders.state.size)
    post = number[0] if channel == PHYSICAL else number[0] % number[1]
    product = displayed_product(seed, day, i, post + channel * POSTS_APART, demand, trade)
    u_stranger, u_who, u_interest, u_piece = uniforms(seed, Purpose.STRANGER, day, who, key)
    friend = _asker(seller, channel, u_stranger, u_who, demand, trade.friends)
    buyers = trade.buyers.risk.size
    if friend < 0 and buyers == 0:
        return
    records.counts[row, TradeCounter.INQUIRIES] += 1
    buyer = trade.friends.buyer[friend] if friend >= 0 else int(u_who * buyers)
    label = _label(i, agent, product, channel, params, traders, trade)
    record_price(records, row, product, Stage.ADVERTISED, channel, label)
    holder = trade.books.start[Account.RETAILERS] + i
    if trade.books.balance[holder, product] == 0:
        records.counts[row, TradeCounter.UNMET] += 1
        return
    u_willing, likes, habit = buyer_traits(seed, buyer, product, demand)
    trust = _trust(channel, friend, demand, trade.friends)
    if u_interest >= trust * likes * (1.0 - demand.caution * buyer_risk(row, buyer, trade)):
        return
    price, worth = label, willingness_to_pay(u_willing, product, level, demand)
    if channel == GROUPS:
        records.counts[row, TradeCounter.AUCTIONS] += 1
        bids = _bids(seed, day, seller, (who, key), product, level, friend, worth, trade, demand)
        reserve = trade.unit_cost[holder, product]
        worth, buyer, friend = bids[0], bids[2], bids[3]
        _, _, habit = buyer_traits(seed, buyer, product, demand)
        price = min(max(reserve, bids[1]), label)  # nobody bids more than labels ask
    escrowed = 0
    if channel != PHYSICAL and habit < params.payment.escrow:
        draws = uniforms(seed, Purpose.ESCROW, day, who, key)
        escrowed = _escrow(draws, agent, params.payment)
        price *= 1.0 + params.payment.premium * (escrowed > 0)
        if escrowed > 0 and worth >= price and draws[2] < traced:
            count_enforcement(records, row, Enforcement.ESCROW_TRACES, channel, 0)
            file_case(trade.cases, i)
    if escrowed >= 0 and worth >= price:
        mass = min(piece_mass(u_piece, product, demand), trade.books.balance[holder, product])
        _close_deal(
            row, i, agent, channel, key, product, mass, price, buyer, friend, escrowed,
            params, traders, trade,
        )  # fmt: skip


@part
def _asker(seller, channel, u_stranger, u_who, demand, friends):
    """Return the place of the friend who asks, often one who has bought; -1 for a stranger."""
    if channel not in FOLLOWED or u_stranger < demand.strangers:
        return NOBODY
    customers = friends.customers[seller]
    known = u_stranger < demand.strangers + demand.regulars * (1.0 - demand.strangers)
    among = customers if known and customers > 0 else friends.count[seller]
    return friend_at(friends, seller, among, u_who)


@part
def _trust(channel, friend, demand, friends):
    """Return the trust of who asks: whole at a stall, where goods are handed over."""
    if channel == PHYSICAL:
        return 1.0
    return friends.trust[friend] / SURE if friend >= 0 else demand.trust


@part
def _escrow(draws, agent, payment):
    """Return 1 where escrow is agreed on, 0 where another way is, -1 where the deal is off."""
    if agent < 0 and draws[0] < payment.accepted:
        return 1
    return -1 if draws[1] < payment.insist else 0


@part
def _label(i, agent, product, channel, params, traders, trade):
    """Return the price a post shows; each tier of agents adds its extra, a stall its premium."""
    price = asking_price(i, product, traders.risk[i], params.retail, trade)
    if channel == PHYSICAL:
        return price * (1.0 + params.retail.physical_premium)
    if agent >= 0:
        for _ in range(trade.agents.tier[agent]):
            price *= 1.0 + params.resale.extra
    return price


@part
def _bids(seed, day, seller, keys, product, level, friend, worth, trade, demand):
    """Return the two highest bids, the buyer of the highest and his place among the friends."""
    friends = trade.friends
    draws = uniforms(seed, Purpose.BIDDER, day, keys[0], keys[1])
    best, second, buyer, place = worth, 0.0, np.int64(0), friend
    if friend >= 0:
        buyer = np.int64(friends.buyer[friend])
    else:
        best = 0.0
    for k in range(BIDDERS):
        other = friend_at(friends, seller, friends.count[seller], draws[k])
        if other < 0 or other == friend:
            continue
        if place >= 0 and friends.buyer[other] == buyer:  # nobody bids against himself
            continue
        u_willing, _, _ = buyer_traits(seed, friends.buyer[other], product, demand)
        bid = willingness_to_pay(u_willing, product, level, demand)
        if bid > best:
            best, second, buyer, place = bid, best, np.int64(friends.buyer[other]), other
        elif bid > second:
            second = bid
    return best, second, buyer, place


@part
def _close_deal(
    row, i, agent, channel, key, product, mass, price, buyer, friend, escrowed,
    params, traders, trade,
):  # fmt: skip
    """Enter payment and goods into the books, and send the parcel."""
    books, records = trade.books, trade.records
    fen = fen_of(price, mass)
    if fen == 0:
        return
    holder, payer = books.start[Account.RETAILERS] + i, books.start[Account.INCOME]
    if escrowed:
        move(books, Item.MONEY, payer, books.start[Account.ESCROW], fen)
    elif agent >= 0:
        _pay_up(agent, payer, holder, fen, params.resale.extra, trade)
    else:
        move(books, Item.MONEY, payer, holder, fen)
    trade.shops.sold_today[i] += mass
    trade.shops.last_sale[i] = row
    if channel == PHYSICAL:
        move(books, product, holder, books.start[Account.CONSUMED], mass)
    else:
        seller = i if agent < 0 else traders.state.size + agent
        days = int(params.delivery.days)
        _send(row, (i, seller, key, buyer, friend), product, mass, fen * escrowed, days, trade)
    records.counts[row, TradeCounter.DEALS] += 1
    if friend >= 0:
        seller = i if agent < 0 else traders.state.size + agent
        bought = friend < trade.friends.start[seller] + trade.friends.customers[seller]
        records.counts[row, TradeCounter.REPEAT_DEALS] += bought
    records.counts[row, TradeCounter.RESALE_DEALS] += agent >= 0
    records.counts[row, TradeCounter.ESCROW_DEALS] += escrowed
    records.counts[row, TradeCounter.SOLD + channel] += mass
    records.counts[row, TradeCounter.REVENUE + channel] += fen
    record_price(records, row, product, Stage.SOLD, channel, price)


@part
def _pay_up(agent, payer, holder, fen, extra, trade):
    """Hand a payment up the tiers: each agent keeps the extra and pays the one upstream first."""
    books, agents = trade.books, trade.agents
    start = books.start[Account.RESALE_AGENTS]
    move(books, Item.MONEY, payer, start + agent, fen)
    while agent >= 0:
        fen = int(fen / (1.0 + extra))
        upstream = agents.upstream[agent]
        taker = holder if upstream < 0 else start + upstream
        move(books, Item.MONEY, start + agent, taker, fen)
        agent = upstream


@part
def _send(row, who, product, mass, escrowed, days, trade):
    """Hand a parcel to the courier; `who` is retailer, seller, inquiry, buyer and friend."""
    books, parcels = trade.books, trade.parcels
    holder = books.start[Account.RETAILERS] + who[0]
    move(books, product, holder, books.start[Account.COURIERS], mass)
    bucket = (row + days) % parcels.count.size
    place = parcels.count[bucket]
    parcels.count[bucket] = place + 1
    parcels.rows[bucket, place, Parcel.RETAILER] = who[0]
    parcels.rows[bucket, place, Parcel.SELLER] = who[1]
    parcels.rows[bucket, place, Parcel.KEY] = who[2]
    parcels.rows[bucket, place, Parcel.BUYER] = who[3]
    parcels.rows[bucket, place, Parcel.FRIEND] = who[4]
    parcels.rows[bucket, place, Parcel.PRODUCT] = product
    parcels.rows[bucket, place, Parcel.MASS] = mass
    parcels.rows[bucket, place, Parcel.ESCROWED] = escrowed
    trade.records.counts[row, TradeCounter.PARCELS] += 1
