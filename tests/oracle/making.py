"""How the market is made on the first morning (docs/model.md 5, docs/market.md 3)."""

import math

from marketsim.numerics.rng import Purpose

from .buyers import Buyer
from .codes import PRODUCTS, Account, Item
from .dealers import Processor, Supplier, size_up
from .sellers import ResaleAgent
from .traders import Trader


def make_traders(model) -> None:
    """Make founders and newcomers, and their ties."""
    people = model.settings.population
    traders = [Trader(model, number) for number in range(model.founders)]
    rate = float(people.retailers) * model.rules.turnover.entry
    rate *= 2.0 if model.rules.motive.turnover > 0.0 and not model.posts_alone else 1.0
    for day in model.calendar:
        u = model.draw_once(Purpose.ARRIVALS, day.ordinal)
        for _ in range(math.floor(rate + u)):
            traders.append(Trader(model, len(traders), day.ordinal))
    model.traders = traders
    _tie(model)


def _tie(model) -> None:
    ties: list[set[int]] = [set() for _ in model.traders]
    mean = float(model.settings.population.ties) / 2.0
    for trader in model.traders:
        i = trader.number
        for n in range(1, math.floor(mean + model.draw_once(Purpose.TIE, i)) + 1):
            name = math.floor(float(model.founders) * model.draw_once(Purpose.TIE, i, n))
            if name != i:
                ties[i].add(name)
                ties[name].add(i)
    for trader in model.traders:
        trader.ties = [model.traders[t] for t in sorted(ties[trader.number])]


def make_chain(model) -> None:
    """Make dealers, shops, agents, buyers and friends, and fill the shelves."""
    _make_dealers(model)
    _make_agents(model)
    _open_accounts(model)
    _make_buyers(model)
    for trader in model.traders:
        trader.open_shop()
    if not model.posts_alone:
        _set_up_dealers(model)
        for trader in model.traders[: model.founders]:
            trader.fill()
    for trader in model.traders:
        trader.make_friends(begins=trader.number >= model.founders)
    for agent in model.resale_agents:
        agent.make_friends(begins=False)


def _number(model, rate: float, at_least_one: bool = False) -> int:
    if model.posts_alone:
        return 0
    x = rate * (float(model.founders) / 1000.0)
    number = math.floor(x + 0.5)
    return max(number, 1) if at_least_one and x > 0.0 else number


def _make_dealers(model) -> None:
    rules = model.rules
    suppliers = _number(model, rules.supply.suppliers, at_least_one=True)
    processors = _number(model, rules.workshop.processors, at_least_one=True)
    model.suppliers = [Supplier(model, number) for number in range(suppliers)]
    model.processors = [Processor(model, suppliers + number) for number in range(processors)]
    model.dealers = model.suppliers + model.processors
    for kind in (model.suppliers, model.processors):
        size_up(model, kind)


def _set_up_dealers(model) -> None:
    """Give dealers sales to reckon with, working capital and full stocks."""
    recipe, all_expected = model.recipe, 0.0
    for trader in model.traders[: model.founders]:
        all_expected += trader.expected
    worked = all_expected * (1.0 - recipe.mix[Item.RAW])
    for processor in model.processors:
        processor.cost = list(recipe.processor_costs)
        for product in PRODUCTS[1:]:
            mixed = all_expected * recipe.mix[product]
            processor.sold[product] = mixed / float(len(model.processors)) * processor.size
    for supplier in model.suppliers:
        supplier.cost = list(recipe.supplier_costs)
        sold = all_expected * recipe.mix[Item.RAW]
        if model.processors:
            sold += worked / recipe.total_yield
        supplier.sold[Item.RAW] = sold / float(len(model.suppliers)) * supplier.size
    for dealer in model.dealers:
        _fill(model, dealer)


def _fill(model, dealer) -> None:
    cover, total = dealer.terms.cover, 0.0
    for product in PRODUCTS:
        dealer.floor[product] = 0.2 * dealer.sold[product]
        total += dealer.sold[product]
        amount = math.floor(min(dealer.sold[product] * cover, 1e13))
        model.books.move(product, amount, Account.OPENING, dealer)
    dealer.purse = math.floor(min(total * cover * model.recipe.dearest * 0.1, 1e13))
    model.books.move(Item.MONEY, dealer.purse, Account.OWNERS, dealer)


def _make_agents(model) -> None:
    resale = model.rules.resale
    agents = [ResaleAgent(model, n) for n in range(_number(model, resale.agents))]
    model.resale_agents = agents
    places = []
    for agent in agents:
        u = model.draw_once(Purpose.TIER, agent.number)
        agent.tier += int(u < resale.second_tier + resale.third_tier)
        agent.tier += int(u < resale.third_tier)
        u = model.draw_once(Purpose.FORWARDS, agent.number)
        places.append(u)
        agent.retailer = model.traders[min(math.floor(u * model.founders), model.founders - 1)]
    for tier in (2, 3):
        before = [agent for agent in agents if agent.tier == tier - 1]
        for agent in [agent for agent in agents if agent.tier == tier]:
            if not before:
                agent.tier = 1
                continue
            place = min(math.floor(places[agent.number] * len(before)), len(before) - 1)
            agent.upstream = before[place]
            agent.retailer = agent.upstream.retailer


def _open_accounts(model) -> None:
    model.books.open(Account.SUPPLIERS, model.suppliers)
    model.books.open(Account.PROCESSORS, model.processors)
    model.books.open(Account.RETAILERS, model.traders)
    model.books.open(Account.RESALE_AGENTS, model.resale_agents)


def _make_buyers(model) -> None:
    number = 0
    if not model.posts_alone:
        buyers = model.rules.demand.buyers * (float(model.founders) / 1000.0) * 1000.0
        number = math.floor(buyers + 0.5)
    model.buyers = [Buyer(model, n) for n in range(number)]
