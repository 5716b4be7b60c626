"""Initial state of the supply chain and trade (docs/market.md 3).

Suppliers, processors, resale agents and buyers, their relations and their holdings are functions
of the seed and the parameters.
"""

import numpy as np

from marketsim.model import ledger
from marketsim.model.buyers import buyer_traits, liking, mean_piece, median_willingness
from marketsim.model.dealers import product_costs, total_yield, yields
from marketsim.model.ledger import MILLIGRAMS, PRODUCTS, Account, Books, Item
from marketsim.model.state import (
    FIRST_AGENT_KEY,
    NOBODY,
    TRUST_STEPS,
    Agents,
    AtRest,
    Buyers,
    Cases,
    Channel,
    Dealers,
    Desk,
    Enforcement,
    Friends,
    Heard,
    ObservedPrices,
    Offers,
    Parcel,
    Parcels,
    Place,
    Places,
    PriceMemory,
    Prices,
    Retailers,
    Seekers,
    Shops,
    Stage,
    TradeCounter,
    TradeRecords,
    TradeState,
    Unit,
    Units,
)
from marketsim.numerics import rng
from marketsim.numerics.elementary import (
    LN_2,
    exp,
    exp_each,
    log,
    log_each,
    normal_quantile,
    normal_quantile_each,
)
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import LANES, Purpose, uniform, uniforms
from marketsim.parameters.settings import POSTING_ONLY, Params, Settings
from marketsim.parameters.traders import TRADER_TYPES

OLDEST = 1e4  # days that a founder has been in the trade, at most
MOST_REPEATS = 30  # further deliveries to a customer before the run begins
NODES = 32  # of the quadrature over buyers' willingness to pay
ATTEMPTS = 16  # to draw a customer
MILLIGRAMS_PER_TONNE = 1e9
LARGEST_HOLDING = 1e13  # mg or fen of one holder at the start


def build_trade(
    settings: Settings, params: Params, seed: int, retailers: Retailers, contacts: int, days: int
) -> TradeState:
    """Create the supply chain and trade of a run.

    Parameters
    ----------
    settings : Settings
        Checked settings.
    params : Params
        Parameters as read by kernels.
    seed : int
        Seed of the run.
    retailers : Retailers
        As synthesized.
    contacts : int
        Contacts of the observer.
    days : int
        Length of the run.

    Returns
    -------
    TradeState
        Without suppliers, processors, agents, buyers and stock if `market` is posting_only.
    """
    people, ids = settings.population.retailers, retailers.state.size
    thousands = 0.0 if settings.market == POSTING_ONLY else people / 1000.0
    suppliers = _dealer_number(params.supply.suppliers * thousands)
    processors = _dealer_number(params.workshop.processors * thousands)
    agents = _rounded(params.resale.agents * thousands)
    buyers = _rounded(params.demand.buyers * thousands * 1000.0)
    mix = _product_mix(params)
    size = _sizes(params, seed, suppliers, processors)
    shops = _shops(settings, params, seed, retailers, size, suppliers)
    sizes = {Account.SUPPLIERS: suppliers, Account.PROCESSORS: processors}
    books = ledger.open_books(sizes | {Account.RETAILERS: ids, Account.RESALE_AGENTS: agents})
    unit_cost = _unit_costs(params, suppliers, processors, ids)
    dealers = _dealers(params, shops.expected[:people], size, suppliers, mix)
    if thousands > 0.0:
        _enter_stocks(params, books, retailers, shops, dealers, mix)
    agents_table = _agents(params, seed, agents, people)
    who_buys = Buyers(
        risk=np.zeros(buyers, np.float32),
        touched=np.zeros(buyers, np.int16),
        sated=np.zeros(buyers, np.float32),
        bought=np.full(buyers, NOBODY, np.int16),
        regular=np.zeros(buyers, np.float32),
        by_row=np.zeros(days, np.int64),
        at_rest=np.zeros((len(AtRest), PRODUCTS)),
        heard=np.zeros(len(Heard)),
    )
    friends = _friends(
        params, seed, retailers, shops, agents_table, unit_cost, mix, people, who_buys
    )
    answers, buckets = int(params.demand.max_inquiries_per_day), int(params.delivery.days) + 1
    places = (ids + agents) * answers if buyers > 0 else 0
    return TradeState(
        books=books,
        unit_cost=unit_cost,
        dealers=dealers,
        shops=shops,
        agents=agents_table,
        friends=friends,
        seekers=Seekers(np.zeros(buyers, np.int32), np.zeros(2, np.int64)),
        buyers=who_buys,
        offers=Offers(np.zeros((3, ids), np.int32), np.zeros(3, np.int64)),
        parcels=Parcels(
            np.zeros((buckets, places, len(Parcel)), np.int64), np.zeros(buckets, np.int64)
        ),
        cases=Cases(
            np.zeros(ids, np.int64),
            np.zeros(2, np.int64),
            *(np.zeros(ids, np.int8) for _ in range(3)),
        ),
        product_mix=mix if thousands > 0.0 else np.zeros(0),
        risk_decay=_risk_decay(params, days),
        records=TradeRecords(
            counts=np.zeros((days, max(TradeCounter) + 1), np.int64),
            prices=np.zeros((days, PRODUCTS, len(Stage), len(Channel), 3), np.int64),
            enforcement=np.zeros((days, len(Enforcement), len(Channel), 2), np.int64),
            ledger=np.zeros((days, len(Account), len(Item)), np.int64),
            outlook=np.zeros((days, 2)),
        ),
        observed_prices=ObservedPrices(
            *(np.zeros((days, contacts, PRODUCTS), np.int32) for _ in range(3))
        ),
        prices=Prices(np.ones(PRODUCTS), np.ones(1), np.zeros(len(PriceMemory))),
        legal_stock=np.array([_legal_stock(settings, thousands)]),
        places=places_at_start(params, seed, ids),
        units=_units(params, suppliers + processors + ids),
    )


def places_at_start(params: Params, seed: int, ids: int) -> Places:
    """Return the accounts of traders beside Moments, all still to be opened."""
    u = rng.uniform_array(seed, Purpose.SOCIAL_ACCOUNT, 0, np.arange(ids))
    return Places(
        barred_until=np.zeros((len(Place), ids), np.int64),
        strikes=np.zeros((len(Place), ids), np.int8),
        account=np.zeros((len(Place), ids), np.int8),
        case=np.zeros((len(Place), ids), np.int8),
        portal=(u >= params.institutions.qq).astype(np.int8),
        platform=np.zeros(ids, np.int8),
        sanctioned=np.zeros(ids, np.int8),
        ring=np.zeros((len(Desk), ids), np.int32),
        ends=np.zeros((len(Desk), 2), np.int64),
    )


def _units(params: Params, holders: int) -> Units:
    """Return the units of police, who know nothing yet."""
    units = params.institutions
    hours = np.array(
        [units.hours_online, units.hours_parcels, units.hours_markets, units.hours_border]
    )
    total = ((hours[0] + hours[1]) + hours[2]) + hours[3]
    return Units(
        share=hours / total,
        effort=np.ones(len(Unit)),
        found=np.zeros(len(Unit)),
        known=np.zeros(holders),
    )


def _sizes(params: Params, seed: int, suppliers: int, processors: int) -> np.ndarray:
    """Return the sizes of dealers relative to the mean of their kind (docs/market.md 19.1)."""
    spread, number = params.upstream.spread, suppliers + processors
    out = np.ones(number)
    if spread > 0.0:
        u = rng.uniform_array(seed, Purpose.DEALER_SIZE, 0, np.arange(number))
        out = exp_each(spread * normal_quantile_each(u) - spread * spread / 2.0)
    for kind in (out[:suppliers], out[suppliers:]):
        if kind.size > 0:
            kind /= total_of(kind) / kind.size
    return out


def _legal_stock(settings: Settings, thousands: float) -> int:
    """Return the ivory that licensed shops can sell in the part of the country simulated, mg."""
    if thousands == 0.0:
        return 0
    share = settings.population.retailers / settings.population.platform_traders
    return int(min(settings.legal.stock * MILLIGRAMS_PER_TONNE * share, 4e18))


def _rounded(mean: float) -> int:
    """Return the nearest whole number, halves rounded up."""
    return int(np.floor(mean + 0.5))


def _dealer_number(mean: float) -> int:
    """Return a number of dealers, at least one if the mean is positive."""
    return max(_rounded(mean), 1) if mean > 0.0 else 0


def _product_mix(params: Params) -> np.ndarray:
    """Return the shares of products in an order of retailers, shape (PRODUCTS,)."""
    raw = params.retail.raw_share
    worked = np.array([0.0, *yields(params.workshop)])
    worked *= (1.0 - raw) / total_yield(params.workshop)
    worked[Item.RAW] = raw
    return worked


def _unit_costs(params: Params, suppliers: int, processors: int, ids: int) -> np.ndarray:
    """Return the unit costs of each holder at reference prices, CNY a gram."""
    shop = params.workshop
    raw = params.supply.cost * (1.0 + params.supply.margin)
    out = np.zeros((suppliers + processors + ids, PRODUCTS))
    out[:suppliers, Item.RAW] = params.supply.cost
    out[suppliers:] = [raw, *product_costs(raw, shop)]
    out[suppliers + processors :, Item.SEMI_WORKED :] *= 1.0 + shop.margin
    return out


def _shops(
    settings: Settings,
    params: Params,
    seed: int,
    retailers: Retailers,
    size: np.ndarray,
    suppliers: int,
) -> Shops:
    """Return the sources, markups, stalls and expected sales of traders."""
    ids = np.arange(retailers.state.size)
    retail = params.retail

    def draws(purpose: Purpose) -> np.ndarray:
        return rng.uniform_array(seed, purpose, 0, ids)

    def one_of(sizes: np.ndarray, first: int, purpose: Purpose) -> np.ndarray:
        if sizes.size == 0:
            return np.full(ids.size, NOBODY)
        running = _running_sums(sizes)
        place = np.searchsorted(running, draws(purpose) * running[-1], side="right")
        return first + np.minimum(place, sizes.size - 1)

    by_kind = np.array([getattr(retail, f"ivory_{letter}") for letter in TRADER_TYPES])
    relative_rate = retailers.base_rate / params.posting.base_posts
    grams = 0.0 if settings.market == POSTING_ONLY else retail.expected
    stall = (draws(Purpose.STALL) < retail.stall) & (settings.market != POSTING_ONLY)
    grams = grams * relative_rate + retail.expected_stall * stall
    expected = np.minimum(grams * MILLIGRAMS * by_kind[retailers.kind], LARGEST_HOLDING / 1000.0)
    return Shops(
        processor=one_of(size[suppliers:], suppliers, Purpose.UPSTREAM),
        supplier=one_of(size[:suppliers], 0, Purpose.UPSTREAM_RAW),
        markup=exp_each(retail.margin_spread * normal_quantile_each(draws(Purpose.MARKUP))),
        stall=stall.astype(np.int8),
        expected=expected,
        working_capital=_working_capital(expected * retail.cover, _highest_price(params)),
        sold=expected.copy(),
        sold_today=np.zeros(ids.size, np.int64),
        stock_effect=np.ones(ids.size),
        audience=np.ones(ids.size),
        quality=_qualities(params, seed, ids),
        relative=np.zeros((ids.size, 3)),
    )


def _qualities(params: Params, seed: int, ids: np.ndarray) -> np.ndarray:
    """Return the quality of each trader's pieces by product, 1 on average: lognormal."""
    retail = params.retail
    out = np.ones((ids.size, PRODUCTS))
    spreads = (retail.quality_raw, retail.quality_semi, retail.quality_uncarved,
               retail.quality_carved)  # fmt: skip
    for product, spread in enumerate(spreads):
        if spread > 0.0:
            z = normal_quantile_each(rng.uniform_array(seed, Purpose.QUALITY + product, 0, ids))
            out[:, product] = exp_each(spread * z - spread * spread / 2.0)
    return out


def _highest_price(params: Params) -> float:
    """Return the highest reference price of dealers, CNY a gram."""
    shop = params.workshop
    return float(_unit_costs(params, 0, 1, 0).max() * (1.0 + shop.margin))


def _working_capital(milligrams: np.ndarray, price: float) -> np.ndarray:
    """Return working capital: the cost of a full stock of the most expensive product, fen."""
    fen = milligrams * price * ledger.FEN_PER_MILLIGRAM
    return np.floor(np.minimum(fen, LARGEST_HOLDING)).astype(np.int64)


def _dealers(
    params: Params, expected: np.ndarray, size: np.ndarray, suppliers: int, mix: np.ndarray
) -> Dealers:
    """Return dealers whose expected sales serve those that retailers expect."""
    number = size.size
    processors = number - suppliers
    sold = np.zeros((number, PRODUCTS))
    daily = total_of(expected)
    worked = daily * (1.0 - mix[Item.RAW])
    if processors > 0:
        sold[suppliers:] = daily * mix / processors
        sold[suppliers:, Item.RAW] = 0.0
    if suppliers > 0:
        used = worked / total_yield(params.workshop) if processors > 0 else 0.0
        sold[:suppliers, Item.RAW] = (daily * mix[Item.RAW] + used) / suppliers
    sold *= size[:, None]
    total = sold[:, 0] + sold[:, 1] + sold[:, 2] + sold[:, 3]
    cover = np.where(np.arange(number) < suppliers, params.supply.cover, params.workshop.cover)
    return Dealers(
        risk=np.zeros(number),
        closed_until=np.zeros(number, np.int64),
        machines=np.ones(number),
        working_capital=_working_capital(total * cover, _highest_price(params)),
        sold=sold,
        least_sales=sold * 0.2,
        size=size,
        banned_until=np.zeros(number, np.int64),
    )


@array_kernel
def _running_sums(values):
    """Return the running sums of an array, from the first on; shape of `values`."""
    out = np.empty(values.size)
    total = 0.0
    for k in range(values.size):
        total += values[k]
        out[k] = total
    return out


@kernel
def total_of(values):
    """Return the sum of an array in ascending order of ids."""
    total = 0.0
    for value in values:
        total += value
    return total


def _enter_stocks(
    params: Params,
    books: Books,
    retailers: Retailers,
    shops: Shops,
    dealers: Dealers,
    mix: np.ndarray,
) -> None:
    """Enter full stocks and working capital into the books."""
    start, balance = books.start, books.balance
    first, end = start[Account.RETAILERS], start[Account.RETAILERS + 1]
    is_founder = retailers.arrival == 0
    full = np.minimum(shops.expected * params.retail.cover, LARGEST_HOLDING)[:, None] * mix
    balance[first:end, :PRODUCTS] = np.floor(full * is_founder[:, None]).astype(np.int64)
    balance[first:end, Item.MONEY] = shops.working_capital * is_founder
    number = dealers.risk.size
    cover = np.where(
        np.arange(number) < start[Account.SUPPLIERS + 1], params.supply.cover, params.workshop.cover
    )
    held = np.minimum(dealers.sold * cover[:, None], LARGEST_HOLDING)
    balance[:number, :PRODUCTS] = np.floor(held).astype(np.int64)
    balance[:number, Item.MONEY] = dealers.working_capital
    opening, owners = start[Account.OPENING], start[Account.OWNERS]
    inside = balance[: start[Account.ESCROW + 1]]
    balance[opening, :PRODUCTS] = -inside[:, :PRODUCTS].sum(axis=0)
    balance[owners, Item.MONEY] = -inside[:, Item.MONEY].sum()


def _agents(params: Params, seed: int, agents: int, retailers: int) -> Agents:
    """Return the resale agents; those of tiers 2 and 3 forward an agent of the tier below."""
    ids = np.arange(agents)
    second, third = params.resale.second_tier, params.resale.third_tier
    u_tier = rng.uniform_array(seed, Purpose.TIER, 0, ids)
    tier = 1 + (u_tier < second + third).astype(np.int8) + (u_tier < third).astype(np.int8)
    u_forwards = rng.uniform_array(seed, Purpose.FORWARDS, 0, ids)
    upstream = np.full(agents, NOBODY)
    retailer = np.minimum(np.floor(u_forwards * retailers), retailers - 1).astype(np.int64)
    for level in (2, 3):
        below, members = np.flatnonzero(tier == level - 1), np.flatnonzero(tier == level)
        if below.size == 0:
            tier[members] = 1
            continue
        place = np.floor(u_forwards[members] * below.size).astype(np.int64)
        upstream[members] = below[np.minimum(place, below.size - 1)]
        retailer[members] = retailer[upstream[members]]
    return Agents(
        retailer=retailer,
        upstream=upstream,
        tier=tier.astype(np.int8),
        active=np.ones(agents, np.int8),
        last_deal=np.zeros(agents, np.int64),
        banned_until=np.zeros(agents, np.int64),
    )


def _friends(
    params: Params,
    seed: int,
    retailers: Retailers,
    shops: Shops,
    agents: Agents,
    unit_cost: np.ndarray,
    mix: np.ndarray,
    people: int,
    who_buys: Buyers,
) -> Friends:
    """Return the friends of each seller, with room for more; write the returns of traders.

    Purchases in a market at rest are written to `who_buys`.

    A founder has been in the trade for some time and has the customers of that time, with the
    deliveries that each has had: a market without interventions stays as it is.
    """
    ids, demand, buyers = retailers.state.size, params.demand, who_buys.risk.size
    at_rest = who_buys.at_rest
    seller_keys = np.arange(ids + agents.retailer.size)
    seller_keys[ids:] += FIRST_AGENT_KEY - ids
    mean = demand.friends if buyers > 0 else 0.0
    count = np.floor(mean * (0.5 + rng.uniform_array(seed, Purpose.FRIENDS, 0, seller_keys)))
    room = np.ceil(count * (1.0 + demand.room)).astype(np.int64)
    count = count.astype(np.int64)
    wanted = count.copy()
    start = np.concatenate([[0], np.cumsum(room)]).astype(np.int64)
    buyer = np.zeros(int(start[-1]), np.int32)
    trust = np.full(buyer.size, int(demand.trust * TRUST_STEPS), np.uint16)
    customers = np.zeros(count.size, np.int64)
    if buyers > 0:
        posts = retailers.base_rate * (1.0 - params.posting.silent_share)
        posts = np.concatenate([posts, params.resale.forwarded * posts[agents.retailer]])
        is_founder = np.concatenate([retailers.arrival == 0, np.ones(agents.retailer.size, bool)])
        seller = np.concatenate([np.arange(ids), agents.retailer])
        labels = unit_cost[unit_cost.shape[0] - ids :][seller]
        markup = np.maximum((1.0 + params.retail.margin) * shops.markup[seller], 1.0)
        labels *= markup[:, None]
        for tier in (1, 2, 3):
            labels[ids:][agents.tier >= tier] *= 1.0 + params.resale.extra
        worth = np.array([median_willingness(product, demand) for product in range(PRODUCTS)])
        limits = log_each((labels / (worth * demand.willingness)).ravel()) / demand.spread
        limits = limits.reshape(labels.shape)
        label = unit_cost[unit_cost.shape[0] - 1] * max(1.0 + params.retail.margin, 1.0)
        at_rest[AtRest.LIMIT] = log_each(label / (worth * demand.willingness)) / demand.spread
        pieces = np.array([mean_piece(product, demand) for product in range(PRODUCTS)])
        at_rest[AtRest.SPENT] = label * pieces
        shown = mix / [demand.piece_raw, demand.piece_semi, demand.piece_uncarved,
                       demand.piece_carved]  # fmt: skip
        ages = rng.uniform_array(seed, Purpose.AGE, 0, seller_keys)
        nodes = normal_quantile_each((np.arange(NODES) + 0.5) / NODES)
        _draw_friends(seed, start, room, seller_keys, buyers, buyer)
        _draw_customers(
            seed, params, seller_keys, posts, is_founder, limits, markup, shown, ages, nodes,
            buyers, start, count, customers, buyer, trust, shops.relative, shops.stall, at_rest,
            who_buys.regular,
        )  # fmt: skip
    is_newcomer = retailers.arrival > 0
    count[:ids][is_newcomer] = np.floor(wanted[:ids][is_newcomer] * params.motive.start)
    return Friends(start, count, customers, wanted, buyer, trust)


@kernel
def _draw_customers(
    seed, params, seller_keys, posts, is_founder, limits, markup, shown, ages, nodes,
    buyers, start, count, customers, buyer, trust, relative, stall, at_rest,
    customer_rate,
):  # fmt: skip
    """Draw the customers among the friends of each seller, and their trust (market.md 3).

    Also reckon the returns of posts and of a day at a stall, relative to those of other traders,
    and the purchases of a buyer.
    """
    demand, deals = params.demand, 0.0
    visits = min(demand.visits, demand.max_inquiries_per_day)
    premium = log(1.0 + params.retail.physical_premium) / demand.spread
    for seller in range(count.size):
        # market.md 3 (friends 2): friends whom a trader has recruited since entry
        age, wanted = OLDEST, count[seller]
        if params.turnover.leave > 0.0:
            age = min(-log(ages[seller]) / params.turnover.leave, OLDEST)
        number, motive = wanted, params.motive
        if seller < relative.shape[0]:
            missing = (1.0 - motive.start) * exp(-motive.recruiting * age / 7.0)
            number = int(wanted * (1.0 - missing))
        count[seller] = number
        if posts[seller] == 0.0 or number == 0:
            continue
        # market.md 3 (friends 1): how likely a buyer drawn evenly buys what is shown
        first, second = _purchase_chances(limits[seller], 0.0, shown, nodes, demand)
        # market.md 3 (friends 2): strangers and friends who have become customers until today
        active = posts[seller] / (1.0 - params.posting.silent_share)
        attention = 1.0 / (1.0 + params.motive.crowding * active)
        inquiries = min(
            demand.inquiries_per_post * posts[seller] * attention,
            demand.max_inquiries_per_day / number,
        )
        buys = inquiries * demand.trust * first
        strangers = demand.strangers * buys * number
        friends = (1.0 - demand.strangers) * (1.0 - demand.regulars) * buys
        free = motive.seek  # seekers whom nobody recruits
        if motive.recruiting > 0.0:
            free = max(motive.seek - 0.5 * (1.0 - motive.start), 0.0)
        seekers = params.turnover.leave * free * wanted
        seekers *= active / params.posting.base_posts
        room = start[seller + 1] - start[seller] - number
        time = age  # that friends beyond those wanted have stayed: they are not replaced
        if demand.friends_leave > 0.0:
            time = (1.0 - exp(-demand.friends_leave * age)) / demand.friends_leave
        added = min(int((strangers + seekers) * time), room)
        lost = demand.friends_leave + friends
        mean = 0.0
        if lost > 0.0 and first > 0.0:
            mean = (friends * number + strangers) / lost * (1.0 - exp(-lost * age))
        known = min(mean, number + added * 1.0)
        # market.md 3 (friends 3): what customers buy, and the trust that they have
        repeats, trusted = 0.0, demand.trust
        if known > 0.0:
            regular = demand.regulars * (number + added) / max(known, 1.0) + 1.0 - demand.regulars
            rate = (1.0 - demand.strangers) * regular * inquiries * (second / first)
            repeats = rate * age / (1.0 + demand.friends_leave * age)
            trusted = 1.0 - (1.0 - demand.trust) * (1.0 - demand.trust_gain) / (
                1.0 + repeats * demand.trust_gain
            )
        other = demand.trust * first
        customer = trusted * second / first if first > 0.0 else 0.0
        some = 1.0 - exp(-known)
        share = known / (number + added)
        even = share * customer + (1.0 - share) * other
        chosen = some * customer + (1.0 - some) * other
        buys = demand.regulars * chosen + (1.0 - demand.regulars) * even
        buys = demand.strangers * other + (1.0 - demand.strangers) * buys
        by_one = 0.0  # purchases a day of a customer
        if is_founder[seller]:  # market.md 3 (purchases at rest)
            of_customers = demand.regulars * some + (1.0 - demand.regulars) * share
            of_customers *= (1.0 - demand.strangers) * customer
            deals += (number + added) * (buys - of_customers) * inquiries
            if known > 0.0:
                by_one = (number + added) * of_customers * inquiries / known
        # market.md 16.1: the returns of posts, and of a day at a stall, relative to others
        if seller < relative.shape[0]:
            relative[seller, 0] = (number + added) * buys * attention * (markup[seller] - 1.0)
            relative[seller, 2] = demand.friends * other * (markup[seller] - 1.0)
            at_stall, _ = _purchase_chances(limits[seller], premium, shown, nodes, demand)
            stall_markup = markup[seller] * (1.0 + params.retail.physical_premium)
            relative[seller, 1] = at_stall * max(stall_markup - 1.0, 0.0)
            deals += stall[seller] * visits * at_stall * is_founder[seller]
        if not is_founder[seller]:
            continue
        # market.md 3 (friends 4): who the customers are, and the deliveries that each has had
        count[seller] += added
        u = uniform(seed, Purpose.CUSTOMERS_AT_START, 0, seller_keys[seller], 0)
        customers[seller] = min(int(mean + u), count[seller])
        odds = log(repeats / (1.0 + repeats)) if repeats > 0.0 else -1.0
        for place in range(customers[seller]):
            row = start[seller] + place
            u_deliveries = _draw_customer(
                seed, seller_keys[seller], place, limits[seller], shown, demand, buyers, row, buyer
            )
            missing = 1.0 - demand.trust
            further = min(int(log(u_deliveries) / odds), MOST_REPEATS) if repeats > 0.0 else 0
            for _ in range(1 + further):
                missing *= 1.0 - demand.trust_gain
            trust[row] = int((1.0 - missing) * TRUST_STEPS)
            customer_rate[buyer[row]] = np.float64(customer_rate[buyer[row]]) + by_one
    # market.md 3: purchases of a buyer at rest
    typical, _ = _purchase_chances(at_rest[AtRest.LIMIT], 0.0, shown, nodes, demand)
    all_shown = shown[0] + shown[1] + shown[2] + shown[3]
    for product in range(PRODUCTS):
        if typical > 0.0:
            bought = deals / buyers / typical * (shown[product] / all_shown)
            at_rest[AtRest.BOUGHT, product] = bought


@part
def _purchase_chances(limits, premium, shown, nodes, demand):
    """Return mean and mean square, over buyers, of the chance to buy a product shown (3).

    `premium` raises all `limits`: standard deviations of log willingness to pay.
    """
    tastes = (demand.taste_raw, demand.taste_semi, demand.taste_uncarved, demand.taste_carved)
    all_shown = shown[0] + shown[1] + shown[2] + shown[3]
    all_tastes = tastes[0] + tastes[1] + tastes[2] + tastes[3]
    first, second = 0.0, 0.0
    for favourite in range(PRODUCTS):
        sums, squares = 0.0, 0.0
        for k in range(nodes.size):
            chance = 0.0
            for product in range(PRODUCTS):
                if nodes[k] >= limits[product] + premium:
                    liking = 1.0 if product == favourite else demand.second_choice_prob
                    chance += shown[product] / all_shown * liking
            sums += chance
            squares += chance * chance
        first += tastes[favourite] / all_tastes * (sums / nodes.size)
        second += tastes[favourite] / all_tastes * (squares / nodes.size)
    return first, second


@part
def _draw_customer(seed, seller_key, place, limits, shown, demand, buyers, row, buyer):
    """Draw a buyer who would buy what the seller shows; return a uniform left over (3)."""
    for attempt in range(ATTEMPTS):
        item = place * ATTEMPTS + attempt
        u_buyer, u_product, u_likes, u_left = uniforms(seed, Purpose.CUSTOMER, 0, seller_key, item)
        candidate = int(u_buyer * buyers)
        position = u_product * (shown[0] + shown[1] + shown[2] + shown[3])
        product = 0
        while product < PRODUCTS - 1 and position >= shown[product]:
            position -= shown[product]
            product += 1
        u_willing, favourite, _, _ = buyer_traits(seed, candidate, demand)
        buyer[row] = candidate
        if (
            u_likes < liking(product, favourite, demand)
            and normal_quantile(u_willing) >= limits[product]
        ):
            break
    return u_left


@kernel
def _draw_friends(seed, start, count, seller_keys, buyers, buyer):
    """Draw the friends of each seller, four to a block."""
    for seller in range(count.size):
        for place in range(0, count[seller], LANES):
            draws = rng.uniforms(seed, Purpose.FRIEND, 0, seller_keys[seller], place // LANES)
            for lane in range(min(LANES, count[seller] - place)):
                buyer[start[seller] + place + lane] = int(draws[lane] * buyers)


def _risk_decay(params: Params, days: int) -> np.ndarray:
    """Return the share of a perceived risk left after 0, 1, ... days, by repeated products."""
    daily = exp(-LN_2 / (7.0 * params.demand.half_life))
    out = np.ones(days + 1)
    for day in range(1, days + 1):
        out[day] = out[day - 1] * daily
    return out
