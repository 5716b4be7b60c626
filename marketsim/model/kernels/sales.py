"""Inquiries and deals of the illegal market, on all channels (docs/market.md 9).

A friend or a stranger sees a post and inquires; compares the price with the own willingness to pay
(posts have labels, groups hold auctions); pays; and the goods are handed over or sent by courier.
The cost of computation grows with inquiries, since other buyers are not touched.
"""

from collections import namedtuple

import numpy as np

from marketsim.model.buyers import (
    buy,
    buyer_risk,
    buyer_traits,
    friend_at,
    half_life,
    liking,
    median_willingness,
    piece_mass,
    satiety_at_rest,
    satiety_now,
    segment_of,
    segments_mean,
    willingness_to_pay,
)
from marketsim.model.ledger import PRODUCTS, Account, Item, fen_of, move
from marketsim.model.pricing import asking_price, product_waits, record_price, shown_product
from marketsim.model.returns import OUTLETS, REFERENCE_ROWS, settle_margin
from marketsim.model.state import (
    CHANNEL_STRIDE,
    NOBODY,
    ROOM,
    TRUST_STEPS,
    Channel,
    Condition,
    Enforcement,
    Heard,
    Parcel,
    Place,
    PriceMemory,
    Segment,
    Stage,
    TradeCounter,
    Unit,
    count_enforcement,
    draw_key,
    file_case,
    is_in_trade,
)
from marketsim.numerics.distributions import choose, events
from marketsim.numerics.elementary import exp, normal_quantile
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

BIDDERS = 4  # friends who may bid against the one who inquires
MOMENTS, GROUPS, PUBLIC = int(Channel.MOMENTS), int(Channel.GROUPS), int(Channel.PUBLIC)
SOCIAL, WEBSITES = int(Channel.SOCIAL), int(Channel.WEBSITES)
PHYSICAL = int(Channel.PHYSICAL)
FRIENDS_CHANNELS = (MOMENTS, GROUPS)
YEAR = 365  # days
SLOTS = 4  # of a seller's posts: Moments, groups, elsewhere, a stall

# One inquiry. seed, day, row: of the day; retailer: whose goods; agent: NOBODY if the retailer
# posts; seller: number among sellers; seller_key and key: in draws; place: in `Inquiries`
Inquiry = namedtuple("Inquiry", "seed day row retailer agent seller seller_key channel key place")

# A deal on an inquiry. product: Item; mass: mg; price: CNY a gram; friend: row in `Friends` or
# NOBODY; escrowed: 1 if paid through escrow
Deal = namedtuple("Deal", "product mass price buyer friend escrowed")


@kernel
def open_market(row, levers, params, retailers, counters, trade, conditions):
    """Set the conditions of the market of the day, and list who offers.

    Parameters
    ----------
    row : int
        Row of the day.
    levers : Levers
        Levers of the day: `demand` and those of segments, `substitutes`, `abroad`, `legal`,
        `traces`, `payments`, `freeze` and `refused` are read.
    params : Params
        Parameters.
    retailers : Retailers
        Read.
    counters : DayCounters
        Read.
    trade : TradeState
        `offers` is written.
    conditions : ndarray of float64, shape (len(Condition),)
        Written.
    """
    _set_conditions(row, levers, params, retailers, trade, conditions)
    if params.buyers.compare > 0.0:
        _list_offers(retailers, counters, trade)


@kernel
def draw_inquiries(
    seed, day, row, params, retailers, counters, trade, conditions, asked, inquiries, start, stop
):
    """Draw the inquiries of the day, and what no deal of the day changes in them.

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
    trade : TradeState
        `places.platform` is written.
    conditions : ndarray of float64, shape (len(Condition),)
        As of `open_market`.
    asked : Asked
        Written.
    inquiries : Inquiries
        Written, from place ``ROOM * start`` on.
    start, stop : int
        The first seller, and the end (exclusive).
    """
    demand, motive = params.demand, params.motive
    traders = retailers.state.size
    place = ROOM * start
    for seller in range(start, stop):
        agent = seller - traders if seller >= traders else NOBODY
        seller_key = draw_key(seller, traders)
        retailer = seller if agent < 0 else trade.agents.retailer[agent]
        # market.md 9.1 to 9.2 (posts and platform)
        posts = _count_posts(seed, day, retailer, agent, retailers, counters, params.resale, trade)
        for slot in range(SLOTS):
            asked.posts[seller, slot] = posts[slot]
        if posts[0] + posts[1] + posts[2] + posts[3] == 0:
            continue
        platform, weight = _choose_platform(
            seed, day, seller_key, retailer, posts[2], demand, trade.places
        )
        if posts[2] > 0:
            trade.places.platform[retailer] = platform
        asked.platform[seller] = platform
        asked.reckoned[seller] = trade.shops.relative[retailer, 2] * weight * posts[2]
        # market.md 9.3: inquiries of each slot; a seller answers only so many, Moments first
        reach = demand.inquiries_per_post * trade.friends.count[seller]
        feed = posts[0] * 1.0
        if agent < 0:
            feed = (
                counters.moments[retailer] + retailers.follow[retailer] * counters.backup[retailer]
            )
        attention = 1.0 / (1.0 + motive.crowding * (feed + posts[1]))
        if retailers.guarded_until[retailer] > day:
            attention *= 1.0 - motive.obscure
        reach_elsewhere = demand.inquiries_per_post * demand.friends * weight * posts[2]
        means = (
            reach * feed * attention,
            reach * demand.groups * posts[1] * attention,
            reach_elsewhere,
            conditions[Condition.VISITORS] * posts[3],
        )
        draws = uniforms(seed, Purpose.INQUIRIES, day, seller_key, 0)
        left = int(demand.max_inquiries_per_day)
        for slot in range(SLOTS):
            number = min(events(draws[slot], means[slot]), left)
            asked.inquiries[seller, slot] = number
            left -= number
        # market.md 9, "An inquiry": draws, where there is room for them
        asked.first[seller] = NOBODY
        number = int(demand.max_inquiries_per_day) - left
        if number > 0 and place + number <= ROOM * stop:
            asked.first[seller] = place
            for slot in range(SLOTS):
                channel = _channel_of(slot, platform)
                for k in range(asked.inquiries[seller, slot]):
                    key = k + channel * CHANNEL_STRIDE
                    inquiry = Inquiry(
                        seed, day, row, retailer, agent, seller, seller_key, channel, key, place
                    )
                    _draw_inquiry(inquiry, k, posts[slot], params, trade, inquiries)
                    place += 1


@part
def _channel_of(slot, platform):
    """Return the channel of a slot: Moments, groups, the platform elsewhere, and a stall."""
    return (MOMENTS, GROUPS, platform, PHYSICAL)[slot]


@kernel
def _draw_inquiry(inquiry, k, posts, params, trade, inquiries):
    """Draw what no deal of the day changes in inquiry k of a seller at a channel.

    `posts` is the number of posts there.
    """
    seed, day, place, demand = inquiry.seed, inquiry.day, inquiry.place, params.demand
    # inquiry 1: the product shown
    number = k if inquiry.channel == PHYSICAL else k % posts
    number += inquiry.channel * CHANNEL_STRIDE
    waits = product_waits(seed, day, inquiry.retailer, number)
    for product in range(PRODUCTS):
        inquiries.waits[place, product] = waits[product]
    # inquiry 2: a friend or a stranger inquires
    draws = uniforms(seed, Purpose.STRANGER, day, inquiry.seller_key, inquiry.key)
    u_stranger, u_who, u_interest, u_piece = draws
    inquiries.interest[place], inquiries.piece[place] = u_interest, u_piece
    friend = _choose_friend(inquiry, u_stranger, u_who, demand, trade.friends)
    inquiries.friend[place] = friend
    buyers = trade.buyers.risk.size
    if friend < 0 and buyers == 0:
        inquiries.buyer[place] = NOBODY
        return
    buyer = np.int64(trade.friends.buyer[friend]) if friend >= 0 else int(u_who * buyers)
    inquiries.buyer[place] = buyer
    # inquiry 5 to 6: taste, trust, and satiety of a buyer who has not bought
    u_willing, favourite, habit, u_segment = buyer_traits(seed, buyer, demand)
    segment = segment_of(u_segment, params.buyers)
    z = normal_quantile(u_willing)
    worth = exp(demand.spread * z)
    half = half_life(segment, params.buyers)
    inquiries.at_rest[place] = satiety_at_rest(
        inquiry.row, buyer, z, worth, favourite, half, params, trade.buyers
    )
    inquiries.trust[place] = _trust(inquiry.channel, friend, demand, trade.friends)
    inquiries.worth[place], inquiries.habit[place] = worth, habit
    inquiries.favourite[place], inquiries.segment[place] = favourite, segment


@kernel
def sell(
    seed, day, row, params, retailers, motives, trade, conditions, asked, inquiries, start, stop
):
    """Simulate the inquiries and deals of the day.

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
    motives : Motives
        Margins and posts elsewhere are written.
    trade : TradeState
        Written: goods, money, buyers, parcels, cases, counts.
    conditions : ndarray of float64, shape (len(Condition),)
        As of `open_market`.
    asked, inquiries : Asked, Inquiries
        As of `draw_inquiries`; the last place is written.
    start, stop : int
        The first seller, and the end (exclusive); sellers follow each other in the order of ids.
    """
    counts_online = row >= int(params.delivery.days)  # as in the memory of traders
    traders, counts = retailers.state.size, trade.records.counts
    spare = inquiries.buyer.size - 1
    for seller in range(start, stop):
        posts = asked.posts[seller]
        if posts[0] + posts[1] + posts[2] + posts[3] == 0:
            continue
        agent = seller - traders if seller >= traders else NOBODY
        retailer = seller if agent < 0 else trade.agents.retailer[agent]
        platform = np.int64(asked.platform[seller])
        if posts[2] > 0 and counts_online:
            _count_elsewhere(row, platform, asked.reckoned[seller], motives)
        counts[row, TradeCounter.FORWARDED] += posts[0] if agent >= 0 else 0
        place = asked.first[seller]
        for slot in range(SLOTS):
            channel = _channel_of(slot, platform)
            for k in range(asked.inquiries[seller, slot]):
                inquiry = Inquiry(
                    seed,
                    day,
                    row,
                    retailer,
                    agent,
                    seller,
                    draw_key(seller, traders),
                    channel,
                    k + channel * CHANNEL_STRIDE,
                    place if place >= 0 else spare,
                )
                if place >= 0:
                    place += 1
                else:
                    _draw_inquiry(inquiry, k, posts[slot], params, trade, inquiries)
                _inquire(inquiry, conditions, params, retailers, motives, trade, inquiries)
    counts[row, TradeCounter.BUYERS_12_MONTHS] = _buyers_of_year(row, trade.buyers)


@part
def _buyers_of_year(row, buyers):
    """Return the number of people who bought in the last 365 days (market.md 18.2)."""
    number = 0
    for day in range(max(row - YEAR + 1, 0), row + 1):
        number += buyers.by_row[day]
    return number


@part
def _set_conditions(row, levers, params, retailers, trade, conditions):
    """Set the conditions of the day (market.md 9); a smaller legal market moves its customers."""
    demand, buyers, legal = params.demand, params.buyers, levers.legal
    level = levers.demand * demand.willingness
    stigmatized, visitors, abroad = level, demand.visits, 0.0
    is_open = legal if trade.legal_stock[0] > 0 else 0.0  # a market without stock sends all away
    if legal != 1.0 or is_open != 1.0:
        stigmatized *= 1.0 - params.legal.stigma * (1.0 - legal)
        away = levers.abroad if is_open < 1.0 else 0.0
        abroad = away * (1.0 - is_open)
        moved = _legal_customers(retailers, trade, params.legal.customers) * levers.demand
        travellers = buyers.traveller * levers.demand_traveller
        moved *= segments_mean(levers, buyers) - away * travellers
        visitors = max(visitors + params.legal.switch_to_illegal * (1.0 - is_open) * moved, 0.0)
    surplus = 1.0 + levers.substitutes
    speculative = exp(params.prices.speculation * trade.prices.memory[PriceMemory.EXPECTED])
    conditions[Segment.GIFT] = max(stigmatized * levers.demand_gift, 0.0) / surplus
    conditions[Segment.COLLECTOR] = max(level * levers.demand_collector, 0.0) / surplus
    conditions[Segment.INVESTOR] = max(level * levers.demand_investor * speculative, 0.0) / surplus
    conditions[Segment.TRAVELLER] = max(stigmatized * levers.demand_traveller, 0.0) / surplus
    conditions[Condition.VISITORS] = visitors
    conditions[Condition.TRACED] = 1.0 - (1.0 - params.police.escrow_trace) * (1.0 - levers.traces)
    conditions[Condition.PAYMENTS] = levers.payments
    conditions[Condition.FREEZE] = levers.freeze
    conditions[Condition.REFUSED] = levers.refused
    conditions[Condition.SUBSTITUTES] = levers.substitutes
    conditions[Condition.ABROAD] = abroad
    unreliable = 1.0 - _reliability(row, trade.buyers.heard)
    conditions[Condition.WORD_OF_MOUTH] = 1.0 - buyers.mouth * unreliable


@part
def _reliability(row, heard):
    """Return the share of parcels that arrive, relative to the first weeks (market.md 18.3)."""
    settled, first = heard[Heard.SETTLED], heard[Heard.FIRST_ARRIVED]
    if row < REFERENCE_ROWS or not (settled > 0.0 and first > 0.0):
        return 1.0
    return min((heard[Heard.ARRIVED] / settled) / (first / heard[Heard.FIRST_SETTLED]), 1.0)


@part
def _list_offers(retailers, counters, trade):
    """List the traders who offer today in Moments, elsewhere and at a stall (market.md 18.5)."""
    offers = trade.offers
    for place in range(3):
        offers.count[place] = 0
    for i in range(retailers.state.size):
        posts = (
            counters.moments[i] + counters.backup[i],
            counters.elsewhere[i],
            np.int64(_has_open_stall(i, retailers.state[i], trade)),
        )
        for place in range(3):
            if posts[place] > 0:
                offers.trader[place, offers.count[place]] = i
                offers.count[place] += 1


@part
def _count_elsewhere(row, platform, reckoned, motives):
    """Count posts on another platform in what all traders remember (market.md 16.1)."""
    outlet = OUTLETS[platform]
    motives.all_posted[outlet] += reckoned
    if row < REFERENCE_ROWS:
        motives.first_posted[outlet] += reckoned


@part
def _legal_customers(retailers, trade, customers):
    """Return the customers of the full legal market for each open stall."""
    stalls, founders = 0, 0
    for i in range(retailers.state.size):
        stalls += _has_open_stall(i, retailers.state[i], trade)
        founders += retailers.arrival[i] == 0
    return customers * founders / 1000.0 / max(stalls, 1)


@part
def _has_open_stall(i, state, trade):
    """Return whether a trader sells at a stall; a ban from the platform does not close it."""
    return is_in_trade(state) and trade.shops.stall[i] > 0


@part
def _count_posts(seed, day, retailer, agent, retailers, counters, resale, trade):
    """Return a seller's posts in Moments, in groups, elsewhere, and 1 for an open stall (9.1)."""
    if agent >= 0:
        forwarded = 0
        if _is_forwarding(day, agent, trade.agents) and counters.moments[retailer] > 0:
            u = uniform(seed, Purpose.FORWARDED, day, agent, 0)
            forwarded = events(u, resale.forwarded * counters.moments[retailer])
        return forwarded, 0, 0, 0
    stall = 1 if _has_open_stall(retailer, retailers.state[retailer], trade) else 0
    moments = counters.moments[retailer] + counters.backup[retailer]
    return moments, counters.groups[retailer], counters.elsewhere[retailer], stall


@part
def _is_forwarding(day, agent, agents):
    """Return whether an agent and all agents upstream are active, with an account (9.1, 19.4)."""
    while agent >= 0:
        if agents.active[agent] == 0 or agents.banned_until[agent] > day:
            return False
        agent = agents.upstream[agent]
    return True


@part
def _choose_platform(seed, day, seller_key, i, posts, demand, places):
    """Return the channel of a seller's posts elsewhere, and their weight in inquiries (9.2)."""
    weights = (
        demand.to_public if places.barred_until[Place.PUBLIC, i] <= day else 0.0,
        demand.to_social if places.barred_until[Place.SOCIAL, i] <= day else 0.0,
        demand.to_websites if places.barred_until[Place.WEBSITES, i] <= day else 0.0,
        0.0,
    )
    if posts == 0 or weights[0] + weights[1] + weights[2] <= 0.0:
        return SOCIAL, demand.social
    option = choose(uniforms(seed, Purpose.PLATFORM, day, seller_key, 0), weights)
    if option == 0:
        return PUBLIC, demand.public
    if option == 1:
        return SOCIAL, demand.social
    return WEBSITES, demand.websites


@part
def _inquire(inquiry, conditions, params, retailers, motives, trade, inquiries):
    """Simulate one inquiry up to its deal (market.md 9, "An inquiry", steps 1 to 12)."""
    seed, day, row, place = inquiry.seed, inquiry.day, inquiry.row, inquiry.place
    channel, key, seller_key = inquiry.channel, inquiry.key, inquiry.seller_key
    demand, records = params.demand, trade.records
    # inquiry 1: the product shown
    product = shown_product(inquiries.waits[place], inquiry.retailer, demand, trade)
    # inquiry 2: a friend or a stranger inquires
    friend, buyer = inquiries.friend[place], inquiries.buyer[place]
    if buyer < 0:
        return
    records.counts[row, TradeCounter.INQUIRIES] += 1
    # inquiry 3: the price on the label
    label = _label_price(inquiry, product, params, retailers, trade)
    record_price(records, row, product, Stage.ADVERTISED, channel, label)
    # inquiry 4: without stock there is no sale
    holder = trade.books.start[Account.RETAILERS] + inquiry.retailer
    if trade.books.balance[holder, product] == 0:
        records.counts[row, TradeCounter.UNMET] += 1
        return
    # inquiry 4 (market.md 21.7): a frightened trader refuses strangers
    if channel != PHYSICAL and friend < 0 and _is_refused(inquiry, params, retailers):
        records.counts[row, TradeCounter.STRANGERS_REFUSED] += 1
        return
    # inquiry 5 to 6: taste, trust and perceived risk
    segment, habit = inquiries.segment[place], inquiries.habit[place]
    interest = inquiries.trust[place] * liking(product, inquiries.favourite[place], demand)
    interest *= 1.0 - demand.caution * buyer_risk(row, buyer, trade)
    half = half_life(segment, params.buyers)
    interest *= 1.0 - satiety_now(row, buyer, inquiries.at_rest[place], half, trade.buyers)
    if channel != PHYSICAL:
        interest *= conditions[Condition.WORD_OF_MOUTH]
    if inquiries.interest[place] >= interest:
        return
    # inquiry 6 (market.md 18.4 to 18.5): a traveller may buy abroad; a cheaper seller is found
    if conditions[Condition.ABROAD] > 0.0 or params.buyers.compare > 0.0:
        draws = uniforms(seed, Purpose.COMPARES, day, seller_key, key)
        if segment == Segment.TRAVELLER and draws[2] < conditions[Condition.ABROAD]:
            records.counts[row, TradeCounter.BOUGHT_ABROAD] += 1
            return
        if channel != GROUPS and draws[0] < params.buyers.compare:
            other = _other_offer(inquiry, draws[1], trade.offers)
            other_label = _label_price(other, product, params, retailers, trade)
            if _is_cheaper(inquiry, label, other, other_label, product, trade):
                records.counts[row, TradeCounter.PASSED_ON] += 1
                inquiry, label, friend = other, other_label, np.int64(NOBODY)
                holder = trade.books.start[Account.RETAILERS] + inquiry.retailer
    quality = trade.shops.quality[inquiry.retailer, product]
    level = conditions[segment] * quality
    willingness = median_willingness(product, demand) * level * inquiries.worth[place]
    price = label
    # inquiry 7: groups hold an auction, between the seller's cost and the label
    if channel == GROUPS:
        records.counts[row, TradeCounter.AUCTIONS] += 1
        bids = _hold_auction(inquiry, product, friend, willingness, conditions, params, trade)
        reserve = trade.unit_cost[holder, product] * quality * trade.prices.index[product]
        willingness, buyer, friend = bids[0], bids[2], bids[3]
        _, _, habit, _ = buyer_traits(seed, buyer, demand)
        price = min(max(reserve, bids[1]), label)
    # inquiry 8: payment through escrow, which may be traced
    escrowed = 0
    if channel != PHYSICAL and habit < params.payment.escrow:
        draws = uniforms(seed, Purpose.ESCROW, day, seller_key, key)
        escrowed = _agree_escrow(draws, inquiry.agent, params.payment)
        price *= 1.0 + params.payment.premium * (escrowed > 0)
        if escrowed > 0 and willingness >= price and draws[2] < conditions[Condition.TRACED]:
            count_enforcement(records, row, Enforcement.ESCROW_TRACES, channel, 0)
            file_case(trade.cases, inquiry.retailer, Unit.PARCELS)
    # inquiry 9 to 10: a deal, if the price is not too high and nobody stops it
    if escrowed >= 0 and willingness >= price:
        if channel != PHYSICAL and _is_stopped(inquiry, conditions, trade):
            return
        mass = min(
            piece_mass(inquiries.piece[place], product, demand),
            trade.books.balance[holder, product],
        )
        deal = Deal(product, mass, price, buyer, friend, escrowed)
        _close_deal(inquiry, deal, quality, params, motives, trade)
    elif escrowed >= 0 and willingness * (1.0 + conditions[Condition.SUBSTITUTES]) >= price:
        records.counts[row, TradeCounter.SUBSTITUTED] += 1


@part
def _is_refused(inquiry, params, retailers):
    """Return whether a trader does not sell to a stranger (market.md 21.7)."""
    fear = retailers.risk[inquiry.retailer] - params.perception.residual
    vetting = params.institutions.vetting
    if vetting == 0.0 or fear <= 0.0:
        return False
    u = uniform(inquiry.seed, Purpose.SERVED, inquiry.day, inquiry.seller_key, inquiry.key)
    return u < vetting * fear


@part
def _other_offer(inquiry, u, offers):
    """Return the inquiry at a seller drawn among those of the channel (market.md 18.5).

    It is the one at hand if nobody offers there. Draws keep the keys of the seller who was asked.
    """
    place = 1
    if inquiry.channel == MOMENTS:
        place = 0
    elif inquiry.channel == PHYSICAL:
        place = 2
    number = offers.count[place]
    seller, agent, retailer = inquiry.seller, inquiry.agent, inquiry.retailer
    if number > 0:
        retailer = np.int64(offers.trader[place, min(int(u * number), number - 1)])
        seller, agent = retailer, np.int64(NOBODY)
    return Inquiry(
        inquiry.seed,
        inquiry.day,
        inquiry.row,
        retailer,
        agent,
        seller,
        inquiry.seller_key,
        inquiry.channel,
        inquiry.key,
        inquiry.place,
    )


@part
def _is_cheaper(inquiry, label, other, other_label, product, trade):
    """Return whether another seller has the product, and asks less for its quality (18.5)."""
    holder = trade.books.start[Account.RETAILERS] + other.retailer
    if other.retailer == inquiry.retailer or trade.books.balance[holder, product] == 0:
        return False
    quality = trade.shops.quality
    own = label * quality[other.retailer, product]
    return other_label * quality[inquiry.retailer, product] < own


@part
def _choose_friend(inquiry, u_stranger, u_who, demand, friends):
    """Return the row of the friend who inquires, -1 for a stranger (inquiry 2)."""
    if inquiry.channel not in FRIENDS_CHANNELS or u_stranger < demand.strangers:
        return NOBODY
    customers = friends.customers[inquiry.seller]
    is_regular = u_stranger < demand.strangers + demand.regulars * (1.0 - demand.strangers)
    among = customers if is_regular and customers > 0 else friends.count[inquiry.seller]
    return friend_at(friends, inquiry.seller, among, u_who)


@part
def _trust(channel, friend, demand, friends):
    """Return the buyer's trust: full at a stall, where goods are handed over (inquiry 6)."""
    if channel == PHYSICAL:
        return 1.0
    return friends.trust[friend] / TRUST_STEPS if friend >= 0 else demand.trust


@part
def _agree_escrow(draws, agent, payment):
    """Return 1 for escrow, 0 for another way of payment, -1 for no deal (inquiry 8)."""
    if agent < 0 and draws[0] < payment.accepted:
        return 1
    return -1 if draws[1] < payment.insist else 0


@part
def _label_price(inquiry, product, params, retailers, trade):
    """Return the price on a label: a stall has a premium, each tier of agents an extra (3)."""
    risk = retailers.risk[inquiry.retailer]
    price = asking_price(inquiry.retailer, product, risk, params.retail, trade)
    if inquiry.channel == PHYSICAL:
        return price * (1.0 + params.retail.physical_premium)
    if inquiry.agent >= 0:
        for _ in range(trade.agents.tier[inquiry.agent]):
            price *= 1.0 + params.resale.extra
    return price


@part
def _hold_auction(inquiry, product, friend, willingness, conditions, params, trade):
    """Return the two highest bids, the highest bidder and its row in `Friends` (inquiry 7).

    The friend who inquires bids `willingness`, a stranger nothing.
    """
    friends, seed, demand = trade.friends, inquiry.seed, params.demand
    quality = trade.shops.quality[inquiry.retailer, product]
    draws = uniforms(seed, Purpose.BIDDER, inquiry.day, inquiry.seller_key, inquiry.key)
    best, second, buyer, place = willingness, 0.0, np.int64(0), friend
    if friend >= 0:
        buyer = np.int64(friends.buyer[friend])
    else:
        best = 0.0
    for k in range(BIDDERS):
        rival = friend_at(friends, inquiry.seller, friends.count[inquiry.seller], draws[k])
        if rival < 0 or rival == friend:
            continue
        if place >= 0 and friends.buyer[rival] == buyer:  # a second bid by the same buyer
            continue
        u_willing, _, _, u_segment = buyer_traits(seed, friends.buyer[rival], demand)
        level = conditions[segment_of(u_segment, params.buyers)] * quality
        bid = willingness_to_pay(u_willing, product, level, demand)
        if bid > best:
            best, second, buyer, place = bid, best, np.int64(friends.buyer[rival]), rival
        elif bid > second:
            second = bid
    return best, second, buyer, place


@part
def _is_stopped(inquiry, conditions, trade):
    """Return whether a payment is stopped, or a parcel refused at pick-up (inquiry 9)."""
    if conditions[Condition.PAYMENTS] == 0.0 and conditions[Condition.REFUSED] == 0.0:
        return False
    u_stopped, u_frozen, u_refused, _ = uniforms(
        inquiry.seed, Purpose.PAYMENT_STOPPED, inquiry.day, inquiry.seller_key, inquiry.key
    )
    row, channel, books = inquiry.row, inquiry.channel, trade.books
    if u_stopped < conditions[Condition.PAYMENTS]:
        count_enforcement(trade.records, row, Enforcement.PAYMENTS_STOPPED, channel, 0)
        if u_frozen < conditions[Condition.FREEZE]:
            count_enforcement(trade.records, row, Enforcement.PAYMENTS_FROZEN, channel, 0)
            holder = books.start[Account.RETAILERS] + inquiry.retailer
            money = books.balance[holder, Item.MONEY]
            move(books, Item.MONEY, holder, books.start[Account.SEIZED], money)
        return True
    if u_refused < conditions[Condition.REFUSED]:
        count_enforcement(trade.records, row, Enforcement.PARCELS_REFUSED, channel, 0)
        return True
    return False


@part
def _close_deal(inquiry, deal, quality, params, motives, trade):
    """Enter payment and goods into the books, and send the parcel (inquiry 10 to 12)."""
    books, records, row = trade.books, trade.records, inquiry.row
    retailer, channel = inquiry.retailer, inquiry.channel
    fen = fen_of(deal.price, deal.mass)
    if fen == 0:
        return
    # inquiry 11: payment
    holder, income = books.start[Account.RETAILERS] + retailer, books.start[Account.INCOME]
    paid = fen
    replacement = trade.unit_cost[holder, deal.product] * quality * trade.prices.index[deal.product]
    cost = fen_of(replacement, deal.mass)
    if deal.escrowed:
        move(books, Item.MONEY, income, books.start[Account.ESCROW], fen)
        paid = 0
    elif inquiry.agent >= 0:
        paid = _pay_through_agents(inquiry.agent, income, holder, fen, params.resale.extra, trade)
    else:
        move(books, Item.MONEY, income, holder, fen)
    # inquiry 11: goods are handed over at a stall, else sent
    trade.shops.sold_today[retailer] += deal.mass
    if channel == PHYSICAL:
        move(books, deal.product, holder, books.start[Account.CONSUMED], deal.mass)
        records.counts[row, TradeCounter.DELIVERED + channel] += deal.mass
        records.counts[row, TradeCounter.EARNED + channel] += fen
        settle_margin(row, retailer, channel, fen - cost, motives)
    else:
        days = int(params.delivery.days)
        _send_parcel(inquiry, deal, fen * deal.escrowed, paid, cost, days, trade)
    buy(inquiry.seed, row, deal.buyer, fen, params, trade)
    # inquiry 12: counts
    records.counts[row, TradeCounter.DEALS] += 1
    if deal.friend >= 0:
        seller = inquiry.seller
        customers_end = trade.friends.start[seller] + trade.friends.customers[seller]
        records.counts[row, TradeCounter.REPEAT_DEALS] += deal.friend < customers_end
    records.counts[row, TradeCounter.RESALE_DEALS] += inquiry.agent >= 0
    if inquiry.agent >= 0:
        trade.agents.last_deal[inquiry.agent] = row
    records.counts[row, TradeCounter.ESCROW_DEALS] += deal.escrowed
    records.counts[row, TradeCounter.AGREED + channel] += deal.mass
    records.counts[row, TradeCounter.REVENUE + channel] += fen
    record_price(records, row, deal.product, Stage.SOLD, channel, deal.price)


@part
def _pay_through_agents(agent, payer, holder, fen, extra, trade):
    """Pass a payment up the tiers; each agent keeps the extra; return what is left (11)."""
    books, agents = trade.books, trade.agents
    start = books.start[Account.RESALE_AGENTS]
    move(books, Item.MONEY, payer, start + agent, fen)
    while agent >= 0:
        fen = int(fen / (1.0 + extra))
        upstream = agents.upstream[agent]
        taker = holder if upstream < 0 else start + upstream
        move(books, Item.MONEY, start + agent, taker, fen)
        agent = upstream
    return fen


@part
def _send_parcel(inquiry, deal, escrowed_fen, paid, cost, days, trade):
    """Hand a parcel to the courier, due after whole days (inquiry 11)."""
    books, parcels, row = trade.books, trade.parcels, inquiry.row
    holder = books.start[Account.RETAILERS] + inquiry.retailer
    move(books, deal.product, holder, books.start[Account.COURIERS], deal.mass)
    bucket = (row + days) % parcels.count.size
    place = parcels.count[bucket]
    parcels.count[bucket] = place + 1
    parcels.rows[bucket, place, Parcel.RETAILER] = inquiry.retailer
    parcels.rows[bucket, place, Parcel.SELLER] = inquiry.seller
    parcels.rows[bucket, place, Parcel.KEY] = inquiry.key
    parcels.rows[bucket, place, Parcel.BUYER] = deal.buyer
    parcels.rows[bucket, place, Parcel.FRIEND] = deal.friend
    parcels.rows[bucket, place, Parcel.PRODUCT] = deal.product
    parcels.rows[bucket, place, Parcel.MASS] = deal.mass
    parcels.rows[bucket, place, Parcel.ESCROWED] = escrowed_fen
    parcels.rows[bucket, place, Parcel.PAID] = paid
    parcels.rows[bucket, place, Parcel.COST] = cost
    parcels.rows[bucket, place, Parcel.ASKED] = inquiry.seller_key
    trade.records.counts[row, TradeCounter.PARCELS] += 1
