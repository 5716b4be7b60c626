"""Processors buy raw ivory, grade it, cut it, and work it by hand or by machine."""

import numpy as np

from marketsim.model.dealers import buy_from_dealer, choose_dealer, product_costs, total_yield
from marketsim.model.ledger import MILLIGRAMS, PRODUCTS, Account, Item, fen_of, move
from marketsim.model.pricing import expected_sales, update_average_cost
from marketsim.model.state import Channel, Enforcement, Stage, count_enforcement
from marketsim.numerics.distributions import in_turn
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import Purpose, uniform


@array_kernel
def process_ivory(seed, day, row, seized, params, trade):
    """Let every processor buy and work for one day, in a drawn order.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    seized : float
        Share of processors whose machines are seized today.
    params : Params
        Parameters.
    trade : TradeState
        Written: goods, money, costs, tallies.
    """
    books, dealers = trade.books, trade.dealers
    first, end = books.start[Account.PROCESSORS], books.start[Account.PROCESSORS + 1]
    turns = np.empty(end - first)
    for k in range(turns.size):
        turns[k] = uniform(seed, Purpose.WORK_ORDER, day, first + k, 0)
    for k in in_turn(turns):
        processor = first + k
        has_machines = dealers.machines[processor] > 0.0
        if has_machines and uniform(seed, Purpose.MACHINES, day, processor, 0) < seized:
            dealers.machines[processor] = 0.0
            count_enforcement(trade.records, row, Enforcement.MACHINES_SEIZED, Channel.PHYSICAL, 0)
        if dealers.closed_until[processor] <= day:
            _buy_raw(seed, day, row, processor, params, trade)
            _cut(processor, params.workshop, trade)


@kernel
def _buy_raw(seed, day, row, processor, params, trade):
    """Fill up raw ivory from one supplier known, the likelier the more that one has."""
    need = _raw_target(processor, params.workshop, trade) - trade.books.balance[processor, Item.RAW]
    if need <= 0:
        return
    race, suppliers = Purpose.SUPPLIER_RACE, trade.books.start[Account.SUPPLIERS + 1]
    workshops = trade.books.start[Account.PROCESSORS + 1] - suppliers
    near = (processor - suppliers) * suppliers // workshops  # suppliers come first in the books
    supplier = choose_dealer(seed, race, day, processor, Account.SUPPLIERS, near, trade)
    if supplier >= 0:
        stage = Stage.SUPPLIER
        buy_from_dealer(
            row, processor, supplier, Item.RAW, need, stage, params.supply, params.retail, trade
        )


@part
def _raw_target(processor, workshop, trade):
    """Return the raw ivory that a third of full stocks is made from."""
    sold = 0.0
    for product in range(1, PRODUCTS):
        sold += expected_sales(trade.dealers, processor, product)
    return int(min(workshop.cover * sold / 3.0 / total_yield(workshop), 1e15))


@kernel
def _cut(processor, workshop, trade):
    """Cut what full stocks lack, as far as raw ivory, hands and money go."""
    books, dealers = trade.books, trade.dealers
    lacking = 0.0
    for product in range(1, PRODUCTS):
        lacking += workshop.cover * expected_sales(dealers, processor, product)
        lacking -= books.balance[processor, product]
    mass = min(lacking / total_yield(workshop), workshop.hand * MILLIGRAMS / workshop.best)
    mass = min(mass, books.balance[processor, Item.RAW])
    if mass < 1.0:
        return
    money = books.balance[processor, Item.MONEY]
    machine = workshop.machine * MILLIGRAMS * dealers.machines[processor]
    made = _made(int(mass), machine, workshop)
    bill = _bill(made, workshop)
    if bill > money:
        made = _made(int(mass * (money / bill)), machine, workshop)
        bill = min(_bill(made, workshop), money)
    _enter(processor, made, bill, workshop, trade)


@part
def _made(mass, machine, workshop):
    """Return raw ivory used, semi-worked, uncarved and carved pieces out of it, milligrams."""
    best = int(mass * workshop.best)
    rest = mass - best
    engraved = min(rest - int(rest * workshop.semi_share), int(machine))
    semi = int((rest - engraved) * (1.0 - workshop.waste_cutting))
    carved = int(engraved * (1.0 - workshop.waste_machine))
    return mass, semi, int(best * (1.0 - workshop.waste_hand)), carved


@part
def _bill(made, workshop):
    """Return the wages for what is made, in fen."""
    semi, uncarved = fen_of(workshop.wage_semi, made[1]), fen_of(workshop.wage_uncarved, made[2])
    return semi + uncarved + fen_of(workshop.wage_carved, made[3])


@part
def _enter(processor, made, bill, workshop, trade):
    """Enter a day's work into the books: waste takes what the products leave."""
    books = trade.books
    worked = books.start[Account.WORKED]
    semi, uncarved, carved = product_costs(trade.unit_cost[processor, Item.RAW], workshop)
    update_average_cost(trade, processor, Item.SEMI_WORKED, made[1], semi)
    update_average_cost(trade, processor, Item.UNCARVED, made[2], uncarved)
    update_average_cost(trade, processor, Item.CARVED, made[3], carved)
    move(books, Item.RAW, processor, worked, made[0])
    move(books, Item.SEMI_WORKED, worked, processor, made[1])
    move(books, Item.UNCARVED, worked, processor, made[2])
    move(books, Item.CARVED, worked, processor, made[3])
    waste = made[0] - made[1] - made[2] - made[3]
    move(books, Item.WASTE, worked, books.start[Account.WASTED], waste)
    move(books, Item.MONEY, processor, books.start[Account.COSTS], bill)
