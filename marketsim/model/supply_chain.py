"""The chain behind the posts, as it stands on the morning of the first day.

Suppliers, processors, resale agents and buyers, who buys of whom, who is whose friend, and what
everybody holds. All of it is a function of the seed and the parameters.
"""

import numpy as np

from marketsim.model import ledger
from marketsim.model.dealers import product_costs, total_yield, yields
from marketsim.model.ledger import MILLIGRAMS, PRODUCTS, Account, Books, Item
from marketsim.model.state import (
    FIRST_AGENT,
    NOBODY,
    SURE,
    Agents,
    Buyers,
    Cases,
    Channel,
    Dealers,
    Enforcement,
    Friends,
    ObservedPrices,
    Parcel,
    Parcels,
    Retailers,
    Shops,
    Stage,
    TradeCounter,
    TradeRecords,
    TradeState,
)
from marketsim.numerics import rng
from marketsim.numerics.elementary import LN_2, exp, exp_each, normal_quantile_each
from marketsim.numerics.jit import kernel
from marketsim.numerics.rng import LANES, Purpose
from marketsim.parameters.settings import POSTS, Params, Settings
from marketsim.parameters.traders import TRADER_TYPES

MOST_DELIVERIES = 12  # that a customer has had of a seller before the run begins
MOST = 1e13  # milligrams or fen that one holder begins with


def build_trade(
    settings: Settings, params: Params, seed: int, retailers: Retailers, contacts: int, days: int
) -> TradeState:
    """Make the chain of a run.

    Parameters
    ----------
    settings : Settings
        Checked settings.
    params : Params
        The same as the kernels read them.
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
    Chain
        Without suppliers, processors, agents, buyers or stock where `settings.market` is "posts".
    """
    people, ids = settings.population.retailers, retailers.state.size
    thousands = 0.0 if settings.market == POSTS else people / 1000.0
    suppliers = _some(params.supply.suppliers * thousands)
    processors = _some(params.workshop.processors * thousands)
    agents = _number(params.resale.agents * thousands)
    buyers = _number(params.demand.buyers * thousands * 1000.0)
    made = _made(params)
    shops = _shops(settings, params, seed, retailers, suppliers, processors)
    sizes = {Account.SUPPLIERS: suppliers, Account.PROCESSORS: processors}
    opened = ledger.open_books(sizes | {Account.RETAILERS: ids, Account.RESALE_AGENTS: agents})
    cost = _costs(params, suppliers, processors, ids)
    dealers = _dealers(params, shops.expected[:people], suppliers, processors, made)
    if thousands > 0.0:
        _stock(params, opened, retailers, shops, dealers, made)
    usual = np.concatenate([retailers.base_rate / params.posting.base_posts, np.ones(agents)])
    usual[people:ids] = 0.0  # newcomers have sold to nobody
    friends = _friends(params, seed, usual, ids, buyers)
    answers, lag = int(params.demand.answers), int(params.delivery.days) + 1
    places = (ids + agents) * answers if buyers > 0 else 0
    return TradeState(
        books=opened,
        unit_cost=cost,
        dealers=dealers,
        shops=shops,
        agents=_agents(params, seed, agents, people),
        friends=friends,
        buyers=Buyers(np.zeros(buyers, np.float32), np.zeros(buyers, np.int16)),
        parcels=Parcels(np.zeros((lag, places, len(Parcel)), np.int64), np.zeros(lag, np.int64)),
        cases=Cases(np.zeros(ids, np.int64), np.zeros(2, np.int64), np.zeros(ids, np.int8)),
        product_mix=made if thousands > 0.0 else np.zeros(0),
        risk_decay=_fading(params, days),
        sales_level=np.zeros(2),
        records=TradeRecords(
            counts=np.zeros((days, TradeCounter.REVENUE + len(Channel)), np.int64),
            prices=np.zeros((days, PRODUCTS, len(Stage), len(Channel), 3), np.int64),
            enforcement=np.zeros((days, len(Enforcement), len(Channel), 2), np.int64),
            ledger=np.zeros((days, len(Account), len(Item)), np.int64),
        ),
        observed_prices=ObservedPrices(
            *(np.zeros((days, contacts, PRODUCTS), np.int32) for _ in range(3))
        ),
    )


def _number(mean: float) -> int:
    return int(np.floor(mean + 0.5))


def _some(mean: float) -> int:
    """Return a number of dealers: at least one, if there are to be any."""
    return max(_number(mean), 1) if mean > 0.0 else 0


def _made(params: Params) -> np.ndarray:
    """Return the products of an order of one gram as retailers place it, in grams."""
    raw = params.retail.raw_share
    worked = np.array([0.0, *yields(params.workshop)])
    worked *= (1.0 - raw) / total_yield(params.workshop)
    worked[Item.RAW] = raw
    return worked


def _costs(params: Params, suppliers: int, processors: int, ids: int) -> np.ndarray:
    """Return what goods have cost each holder at the reference prices, CNY a gram."""
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
    suppliers: int,
    processors: int,
) -> Shops:
    ids = np.arange(retailers.state.size)
    retail = params.retail

    def draws(purpose: Purpose) -> np.ndarray:
        return rng.uniform_array(seed, purpose, 0, ids)

    def one_of(number: int, first: int, purpose: Purpose) -> np.ndarray:
        if number == 0:
            return np.full(ids.size, NOBODY)
        return first + np.minimum(np.floor(draws(purpose) * number), number - 1).astype(np.int64)

    by_kind = np.array([getattr(retail, f"ivory_{letter}") for letter in TRADER_TYPES])
    usual = retailers.base_rate / params.posting.base_posts
    grams = 0.0 if settings.market == POSTS else retail.expected
    stall = (draws(Purpose.STALL) < retail.stall) & (settings.market != POSTS)
    grams = grams * usual + retail.expected_stall * stall
    expected = np.minimum(grams * MILLIGRAMS * by_kind[retailers.kind], MOST / 1000.0)
    return Shops(
        processor=one_of(processors, suppliers, Purpose.UPSTREAM),
        supplier=one_of(suppliers, 0, Purpose.UPSTREAM_RAW),
        markup=exp_each(retail.margin_spread * normal_quantile_each(draws(Purpose.MARKUP))),
        stall=stall.astype(np.int8),
        expected=expected,
        working_capital=_purse(expected * retail.cover, _dearest(params)),
        sold=expected.copy(),
        sold_today=np.zeros(ids.size, np.int64),
        last_sale=np.zeros(ids.size, np.int64),
        stock_effect=np.ones(ids.size),
        audience=np.ones(ids.size),
    )


def _dearest(params: Params) -> float:
    """Return the highest reference price upstream, CNY a gram."""
    shop = params.workshop
    return float(_costs(params, 0, 1, 0).max() * (1.0 + shop.margin))


def _purse(milligrams: np.ndarray, price: float) -> np.ndarray:
    """Return working capital: what a full stock of the dearest product costs, in fen."""
    fen = milligrams * price * ledger.FEN_PER_MILLIGRAM
    return np.floor(np.minimum(fen, MOST)).astype(np.int64)


def _dealers(
    params: Params, expected: np.ndarray, suppliers: int, processors: int, made: np.ndarray
) -> Dealers:
    """Return dealers who reckon with the sales that retailers expect."""
    number = suppliers + processors
    sold = np.zeros((number, PRODUCTS))
    daily = total_of(expected)
    worked = daily * (1.0 - made[Item.RAW])
    if processors > 0:
        sold[suppliers:] = daily * made / processors
        sold[suppliers:, Item.RAW] = 0.0
    if suppliers > 0:
        used = worked / total_yield(params.workshop) if processors > 0 else 0.0
        sold[:suppliers, Item.RAW] = (daily * made[Item.RAW] + used) / suppliers
    total = sold[:, 0] + sold[:, 1] + sold[:, 2] + sold[:, 3]
    cover = np.where(np.arange(number) < suppliers, params.supply.cover, params.workshop.cover)
    return Dealers(
        risk=np.zeros(number),
        closed_until=np.zeros(number, np.int64),
        machines=np.ones(number),
        working_capital=_purse(total * cover, _dearest(params)),
        sold=sold,
        least_sales=sold * 0.2,
    )


@kernel
def total_of(values):
    """Return the sum of an array in the order of its ids."""
    total = 0.0
    for value in values:
        total += value
    return total


def _stock(
    params: Params,
    opened: Books,
    retailers: Retailers,
    shops: Shops,
    dealers: Dealers,
    made: np.ndarray,
) -> None:
    """Enter full stocks and working capital into the books."""
    start, balance = opened.start, opened.balance
    first, end = start[Account.RETAILERS], start[Account.RETAILERS + 1]
    here = retailers.arrival == 0
    full = np.minimum(shops.expected * params.retail.cover, MOST)[:, None] * made
    balance[first:end, :PRODUCTS] = np.floor(full * here[:, None]).astype(np.int64)
    balance[first:end, Item.MONEY] = shops.working_capital * here
    number = dealers.risk.size
    cover = np.where(
        np.arange(number) < start[Account.SUPPLIERS + 1], params.supply.cover, params.workshop.cover
    )
    held = np.minimum(dealers.sold * cover[:, None], MOST)
    balance[:number, :PRODUCTS] = np.floor(held).astype(np.int64)
    balance[:number, Item.MONEY] = dealers.working_capital
    opening, owners = start[Account.OPENING], start[Account.OWNERS]
    inside = balance[: start[Account.ESCROW + 1]]
    balance[opening, :PRODUCTS] = -inside[:, :PRODUCTS].sum(axis=0)
    balance[owners, Item.MONEY] = -inside[:, Item.MONEY].sum()


def _agents(params: Params, seed: int, agents: int, retailers: int) -> Agents:
    """Return the resale agents: those of a tier forward one of the tier before."""
    ids = np.arange(agents)
    second, third = params.resale.second_tier, params.resale.third_tier
    u_tier = rng.uniform_array(seed, Purpose.TIER, 0, ids)
    tier = 1 + (u_tier < second + third).astype(np.int8) + (u_tier < third).astype(np.int8)
    u_forwards = rng.uniform_array(seed, Purpose.FORWARDS, 0, ids)
    upstream = np.full(agents, NOBODY)
    retailer = np.minimum(np.floor(u_forwards * retailers), retailers - 1).astype(np.int64)
    for level in (2, 3):
        before, mine = np.flatnonzero(tier == level - 1), np.flatnonzero(tier == level)
        if before.size == 0:
            tier[mine] = 1
            continue
        place = np.floor(u_forwards[mine] * before.size).astype(np.int64)
        upstream[mine] = before[np.minimum(place, before.size - 1)]
        retailer[mine] = retailer[upstream[mine]]
    return Agents(retailer, upstream, tier.astype(np.int8), np.ones(agents, np.int8))


def _friends(params: Params, seed: int, usual: np.ndarray, ids: int, buyers: int) -> Friends:
    """Let each seller have friends among the buyers, and room for more.

    Who posts more than the mean, by the factor `usual`, has more customers among them, and each of
    these more deliveries behind him.
    """
    sellers = np.arange(usual.size)
    sellers[ids:] += FIRST_AGENT - ids
    mean = params.demand.friends if buyers > 0 else 0.0
    u = rng.uniform_array(seed, Purpose.FRIENDS, 0, sellers)
    count = np.floor(mean * (0.5 + u)).astype(np.int64)
    room = np.ceil(count * (1.0 + params.demand.room)).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(room)]).astype(np.int64)
    who = np.zeros(int(start[-1]), np.int32)
    _fill(seed, start, count, sellers, buyers, who)
    share = np.minimum(params.demand.customers * (0.5 + 0.5 * usual) * (usual > 0.0), 0.5)
    customers = np.floor(count * share).astype(np.int64)
    deliveries = np.minimum(np.floor(1.0 + 3.0 * usual), MOST_DELIVERIES).astype(np.int64)
    trust = np.full(who.size, int(params.demand.trust * SURE), np.uint16)
    demand = params.demand
    _win(start, customers, deliveries, demand.trust, demand.trust_gain, trust)
    return Friends(start, count, customers, who, trust)


@kernel
def _win(start, customers, deliveries, first, gain, trust):
    """Give those who have bought before the trust of one, two, ... deliveries, in turn."""
    for seller in range(customers.size):
        for place in range(customers[seller]):
            missing = 1.0 - first
            for _ in range(place % deliveries[seller] + 1):
                missing *= 1.0 - gain
            trust[start[seller] + place] = int((1.0 - missing) * SURE)


@kernel
def _fill(seed, start, count, keys, buyers, who):
    """Draw the friends of each seller, four to a block."""
    for seller in range(count.size):
        for place in range(0, count[seller], LANES):
            draws = rng.uniforms(seed, Purpose.FRIEND, 0, keys[seller], place // LANES)
            for lane in range(min(LANES, count[seller] - place)):
                who[start[seller] + place + lane] = int(draws[lane] * buyers)


def _fading(params: Params, days: int) -> np.ndarray:
    """Return what is left of a perceived risk after 0, 1, ... days, by repeated multiplication."""
    daily = exp(-LN_2 / (7.0 * params.demand.half_life))
    out = np.ones(days + 1)
    for day in range(1, days + 1):
        out[day] = out[day - 1] * daily
    return out
