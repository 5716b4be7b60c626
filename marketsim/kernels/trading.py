"""Who sees a post may ask; who asks may buy: the five steps of a deal.

A friend, or a stranger who was sent on, sees an advertisement (1, 2), asks and compares it with
what ivory is worth to him (3: labels are fixed in Moments, groups bid), pays (4), and the goods
are handed over or go to the courier (5). Costs follow inquiries: nobody who does not ask is
looked at.
"""

import numpy as np

from marketsim.books import MILLIGRAMS, Account, Item, fen_of, move
from marketsim.compiled import kernel, part
from marketsim.exact import exp, normal_quantile
from marketsim.pricing import asked, price_noted, shown
from marketsim.rng import Purpose, choose, events, uniform, uniforms
from marketsim.state import State
from marketsim.trade_state import (
    NOBODY,
    POSTS_APART,
    SURE,
    Channel,
    Measure,
    Parcel,
    Stage,
    Tally,
    file_case,
    keyed,
    measured,
    struck_off,
)

BIDDERS = 4
FRIENDS_DAYS = 10  # on every tenth day a seller sees which friends have gone
MOMENTS, GROUPS, PUBLIC = int(Channel.MOMENTS), int(Channel.GROUPS), int(Channel.PUBLIC)
SOCIAL, WEBSITES = int(Channel.SOCIAL), int(Channel.WEBSITES)
PHYSICAL = int(Channel.PHYSICAL)
FOLLOWED = (MOMENTS, GROUPS)  # by friends


@kernel
def trade(seed, day, row, demand_level, legal, rules, traders, today, chain):
    """Let everybody who asks about the posts of the day be answered, and deals be made.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    demand_level : float
        Willingness to pay against an ordinary day.
    legal : float
        1 while the legal market is open, 0 once it is closed.
    rules : Rules
        Parameters.
    traders : Retailers
        Read.
    today : Today
        Read.
    chain : Chain
        Written: goods, money, friends, buyers, parcels, cases, tallies.
    """
    demand = rules.demand
    level = demand_level * demand.willingness
    visits = demand.visits
    if legal < 1.0:
        level *= 1.0 - rules.legal.stigma * (1.0 - legal)
        turned = _turned(traders, chain, rules.legal.customers) * demand_level
        visits += rules.legal.turn * (1.0 - legal) * turned
    retailers = traders.state.size
    for seller in range(retailers + chain.agents.retailer.size):
        agent = seller - retailers if seller >= retailers else NOBODY
        who = keyed(seller, retailers)
        i = seller if agent < 0 else chain.agents.retailer[agent]
        if agent < 0 and traders.audience[i] < chain.shops.audience[i]:
            _strike_off(seed, day, row, i, traders.audience[i], chain)
        state = traders.state[i]
        in_trade = state != State.ABSENT and state < State.LEFT
        if in_trade and (row + who) % FRIENDS_DAYS == 0:
            _change_friends(seed, day, row, seller, who, demand, chain)
        posts = _posts(seed, day, i, agent, traders, today, chain, rules.resale)
        if posts[0] + posts[1] + posts[2] + posts[3] == 0:
            continue
        channel, weight = _platform(seed, day, who, posts[2], demand)
        channels = (MOMENTS, GROUPS, channel, PHYSICAL)
        reach = demand.asked * chain.friends.count[seller]
        elsewhere = demand.asked * demand.friends * weight * posts[2]
        means = (reach * posts[0], reach * demand.groups * posts[1], elsewhere, visits * posts[3])
        draws = uniforms(seed, Purpose.INQUIRIES, day, who, 0)
        chain.tallies.trade[row, Tally.FORWARDED] += posts[0] if agent >= 0 else 0
        left = int(demand.answers)
        for slot in range(4):
            inquiries = min(events(draws[slot], means[slot]), left)
            left -= inquiries
            for k in range(inquiries):
                number = (k, posts[slot])
                _inquire(
                    seed, day, row, i, agent, channels[slot], number, level, rules, traders, chain
                )


@part
def _change_friends(seed, day, row, seller, who, demand, chain):
    """Let some friends of a seller go, and as many others come."""
    friends, buyers = chain.friends, chain.buyers.risk.size
    u = uniform(seed, Purpose.FRIENDS_GO, day, who, 0)
    for k in range(int(friends.count[seller] * demand.friends_leave * FRIENDS_DAYS + u)):
        number = friends.count[seller]
        if number == 0:
            return
        u_goes, u_comes, _, _ = uniforms(seed, Purpose.FRIEND_GOES, day, who, k)
        struck_off(friends, seller, _friend(seller, number, u_goes, friends))
        last = friends.start[seller] + friends.count[seller]
        friends.who[last] = int(u_comes * buyers)
        friends.trust[last] = int(demand.trust * SURE)
        friends.count[seller] += 1
        chain.tallies.trade[row, Tally.FRIENDS_LOST] += 1
        chain.tallies.trade[row, Tally.FRIENDS_ADDED] += 1


@part
def _posts(seed, day, i, agent, traders, today, chain, resale):
    """Return what a seller shows in Moments, groups, elsewhere, and at a stall (1 or 0)."""
    if agent >= 0:
        forwarded = 0
        if _forwards(agent, chain.agents) and today.moments[i] > 0:
            u = uniform(seed, Purpose.FORWARDED, day, agent, 0)
            forwarded = events(u, resale.forwarded * today.moments[i])
        return forwarded, 0, 0, 0
    state = traders.state[i]
    stall = 1 if _at_stall(i, state, chain) else 0
    moments = today.moments[i] + today.backup[i]
    return moments, today.groups[i], today.elsewhere[i], stall


@part
def _forwards(agent, agents):
    """Return whether an agent and all those upstream are still in the trade."""
    while agent >= 0:
        if agents.active[agent] == 0:
            return False
        agent = agents.upstream[agent]
    return True


@part
def _at_stall(i, state, chain):
    """Return whether a trader stands at a stall; a ban online does not close it."""
    here = state == State.ACTIVE or state == State.LYING_LOW or state == State.BANNED
    return here and chain.shops.stall[i] > 0


@part
def _turned(traders, chain, customers):
    """Return the customers of the closed legal market for each stall that is open."""
    stalls, founders = 0, 0
    for i in range(traders.state.size):
        stalls += _at_stall(i, traders.state[i], chain)
        founders += traders.arrival[i] == 0
    return customers * founders / 1000.0 / max(stalls, 1)


@part
def _strike_off(seed, day, row, i, audience, chain):
    """Strike off the friends who do not follow to a new account."""
    friends = chain.friends
    kept_share = audience / chain.shops.audience[i]
    chain.shops.audience[i] = audience
    for place in range(friends.count[i] - 1, -1, -1):  # from behind, since places change
        who = np.int64(friends.who[friends.start[i] + place])
        if uniform(seed, Purpose.KEPT, day, i, who) >= kept_share:
            struck_off(friends, i, friends.start[i] + place)
            chain.tallies.trade[row, Tally.FRIENDS_LOST] += 1


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
def _inquire(seed, day, row, i, agent, channel, number, level, rules, traders, chain):
    """Take one inquiry from the question to the goods being on their way."""
    demand, books, tallies = rules.demand, chain.books, chain.tallies
    seller = i if agent < 0 else traders.state.size + agent
    key, who = number[0] + channel * POSTS_APART, keyed(seller, traders.state.size)
    post = number[0] if channel == PHYSICAL else number[0] % number[1]
    product = shown(seed, day, i, post + channel * POSTS_APART, demand, chain)
    u_stranger, u_who, u_interest, u_piece = uniforms(seed, Purpose.STRANGER, day, who, key)
    friend = NOBODY
    if channel in FOLLOWED and u_stranger >= demand.strangers:
        customers = chain.friends.customers[seller]
        known = u_stranger < demand.strangers + demand.regulars * (1.0 - demand.strangers)
        among = customers if known and customers > 0 else chain.friends.count[seller]
        friend = _friend(seller, among, u_who, chain.friends)
    buyers = chain.buyers.risk.size
    if friend < 0 and buyers == 0:
        return
    tallies.trade[row, Tally.INQUIRIES] += 1
    buyer = chain.friends.who[friend] if friend >= 0 else int(u_who * buyers)
    label = _label(i, agent, product, channel, rules, traders, chain)
    price_noted(tallies, row, product, Stage.ADVERTISED, channel, label)
    holder = books.start[Account.RETAILERS] + i
    if books.balance[holder, product] == 0:
        tallies.trade[row, Tally.UNMET] += 1
        return
    u_willing, likes, habit = _buyer(seed, buyer, product, demand)
    trust = demand.trust
    if channel == PHYSICAL:
        trust = 1.0
    elif friend >= 0:
        trust = chain.friends.trust[friend] / SURE
    risk = _recall(row, buyer, chain)
    if u_interest >= trust * likes * (1.0 - demand.caution * risk):
        return
    price, worth = label, _worth(product, u_willing, level, demand)
    if channel == GROUPS:
        tallies.trade[row, Tally.AUCTIONS] += 1
        bids = _bids(seed, day, seller, (who, key), product, level, friend, worth, chain, demand)
        reserve = chain.unit_cost[holder, product]
        worth, buyer, friend = bids[0], bids[2], bids[3]
        _, _, habit = _buyer(seed, buyer, product, demand)
        price = min(max(reserve, bids[1]), label)  # nobody bids more than labels ask
    escrowed = 0
    if channel != PHYSICAL and habit < rules.payment.escrow:
        u_accepted, u_insist, u_trace, _ = uniforms(seed, Purpose.ESCROW, day, who, key)
        if agent < 0 and u_accepted < rules.payment.accepted:
            escrowed = 1
            price *= 1.0 + rules.payment.premium
        elif u_insist < rules.payment.insist:
            return
        if escrowed and worth >= price and u_trace < rules.police.escrow_trace:
            measured(tallies, row, Measure.ESCROW_TRACES, channel, 0)
            file_case(chain.cases, i)
    if worth < price:
        return
    mass = min(_piece(u_piece, product, demand), books.balance[holder, product])
    _close_deal(
        row, i, agent, channel, key, product, mass, price, buyer, friend, escrowed,
        rules, traders, chain,
    )  # fmt: skip


@part
def _friend(seller, number, u, friends):
    """Return the place of one of a seller's first friends; -1 where there is none."""
    if number == 0:
        return NOBODY
    return friends.start[seller] + min(int(u * number), number - 1)


@part
def _label(i, agent, product, channel, rules, traders, chain):
    """Return the price a post shows; each tier of agents adds its extra, a stall its premium."""
    price = asked(i, product, traders.risk[i], rules.retail, chain)
    if channel == PHYSICAL:
        return price * (1.0 + rules.retail.physical_premium)
    if agent >= 0:
        for _ in range(chain.agents.tier[agent]):
            price *= 1.0 + rules.resale.extra
    return price


@part
def _buyer(seed, buyer, product, demand):
    """Return a buyer's rank in willingness, chance to like the product, and payment habit."""
    u_willing, u_taste, u_habit, _ = uniforms(seed, Purpose.WILLINGNESS, 0, buyer, 0)
    edge_raw = demand.taste_raw
    edge_semi = edge_raw + demand.taste_semi
    edge_uncarved = edge_semi + demand.taste_uncarved
    total = edge_uncarved + demand.taste_carved
    place = u_taste * total
    favourite = 3
    if place < edge_raw:
        favourite = 0
    elif place < edge_semi:
        favourite = 1
    elif place < edge_uncarved:
        favourite = 2
    likes = 1.0 if favourite == product else demand.liked
    return u_willing, likes, u_habit


@part
def _worth(product, u, level, demand):
    """Return what a buyer of rank u in willingness would pay, CNY a gram."""
    median = demand.worth_carved
    if product == Item.RAW:
        median = demand.worth_raw
    elif product == Item.SEMI_WORKED:
        median = demand.worth_semi
    elif product == Item.UNCARVED:
        median = demand.worth_uncarved
    return median * level * exp(demand.spread * normal_quantile(u))


@part
def _piece(u, product, demand):
    """Return the milligrams of a piece."""
    mean = demand.piece_carved
    if product == Item.RAW:
        mean = demand.piece_raw
    elif product == Item.SEMI_WORKED:
        mean = demand.piece_semi
    elif product == Item.UNCARVED:
        mean = demand.piece_uncarved
    spread = demand.piece_spread
    factor = exp(spread * normal_quantile(u) - spread * spread / 2.0)
    return int(mean * MILLIGRAMS * factor) + 1


@part
def _recall(row, buyer, chain):
    """Bring a buyer's perceived risk up to date and return it."""
    buyers = chain.buyers
    if buyers.risk[buyer] == 0.0:
        return 0.0
    risk = buyers.risk[buyer] * chain.fading[row - buyers.touched[buyer]]
    buyers.risk[buyer] = risk
    buyers.touched[buyer] = row
    return risk


@part
def _bids(seed, day, seller, keys, product, level, friend, worth, chain, demand):
    """Return the two highest bids, the buyer of the highest and his place among the friends."""
    friends = chain.friends
    draws = uniforms(seed, Purpose.BIDDER, day, keys[0], keys[1])
    best, second, buyer, place = worth, 0.0, np.int64(0), friend
    if friend >= 0:
        buyer = np.int64(friends.who[friend])
    else:
        best = 0.0
    for k in range(BIDDERS):
        other = _friend(seller, friends.count[seller], draws[k], friends)
        if other < 0 or other == friend:
            continue
        if place >= 0 and friends.who[other] == buyer:  # nobody bids against himself
            continue
        u_willing, _, _ = _buyer(seed, friends.who[other], product, demand)
        bid = _worth(product, u_willing, level, demand)
        if bid > best:
            best, second, buyer, place = bid, best, np.int64(friends.who[other]), other
        elif bid > second:
            second = bid
    return best, second, buyer, place


@part
def _close_deal(
    row, i, agent, channel, key, product, mass, price, buyer, friend, escrowed,
    rules, traders, chain,
):  # fmt: skip
    """Enter payment and goods into the books, and send the parcel."""
    books, tallies = chain.books, chain.tallies
    fen = fen_of(price, mass)
    if fen == 0:
        return
    holder, payer = books.start[Account.RETAILERS] + i, books.start[Account.INCOME]
    if escrowed:
        move(books, Item.MONEY, payer, books.start[Account.ESCROW], fen)
    elif agent >= 0:
        _pay_up(agent, payer, holder, fen, rules.resale.extra, chain)
    else:
        move(books, Item.MONEY, payer, holder, fen)
    chain.shops.today[i] += mass
    chain.shops.last_sale[i] = row
    if channel == PHYSICAL:
        move(books, product, holder, books.start[Account.CONSUMED], mass)
    else:
        seller = i if agent < 0 else traders.state.size + agent
        days = int(rules.delivery.days)
        _send(row, (i, seller, key, buyer, friend), product, mass, fen * escrowed, days, chain)
    tallies.trade[row, Tally.DEALS] += 1
    if friend >= 0:
        seller = i if agent < 0 else traders.state.size + agent
        bought = friend < chain.friends.start[seller] + chain.friends.customers[seller]
        tallies.trade[row, Tally.REPEAT_DEALS] += bought
    tallies.trade[row, Tally.RESALE_DEALS] += agent >= 0
    tallies.trade[row, Tally.ESCROW_DEALS] += escrowed
    tallies.trade[row, Tally.SOLD + channel] += mass
    tallies.trade[row, Tally.REVENUE + channel] += fen
    price_noted(tallies, row, product, Stage.SOLD, channel, price)


@part
def _pay_up(agent, payer, holder, fen, extra, chain):
    """Hand a payment up the tiers: each agent keeps the extra and pays the one upstream first."""
    books, agents = chain.books, chain.agents
    start = books.start[Account.RESALE_AGENTS]
    move(books, Item.MONEY, payer, start + agent, fen)
    while agent >= 0:
        fen = int(fen / (1.0 + extra))
        upstream = agents.upstream[agent]
        taker = holder if upstream < 0 else start + upstream
        move(books, Item.MONEY, start + agent, taker, fen)
        agent = upstream


@part
def _send(row, who, product, mass, escrowed, days, chain):
    """Hand a parcel to the courier; `who` is retailer, seller, inquiry, buyer and friend."""
    books, parcels = chain.books, chain.parcels
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
    chain.tallies.trade[row, Tally.PARCELS] += 1
