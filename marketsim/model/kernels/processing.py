"""Processing of raw ivory into semi-worked, uncarved and carved pieces (docs/market.md 6)."""

from collections import namedtuple

import numpy as np

from marketsim.model.dealers import buy_from_dealer, choose_dealer, product_costs, total_yield
from marketsim.model.ledger import MILLIGRAMS, PRODUCTS, Account, Item, fen_of, move
from marketsim.model.pricing import expected_sales, update_average_cost
from marketsim.model.state import Channel, Enforcement, count_enforcement
from marketsim.numerics.distributions import in_turn
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import Purpose, uniform

RAW = int(Item.RAW)

# A day's work of a processor, mg: raw ivory used and the products made from it.
Output = namedtuple("Output", "raw semi_worked uncarved carved")


@array_kernel
def process_ivory(seed, day, row, levers, params, trade):
    """Let every processor buy raw ivory and work it for one day, in a drawn order.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    levers : Levers
        Levers of the day: `machines` is read.
    params : Params
        Parameters.
    trade : TradeState
        Written: goods, money, costs, counts.
    """
    books, dealers = trade.books, trade.dealers
    first, end = books.start[Account.PROCESSORS], books.start[Account.PROCESSORS + 1]
    # market.md 6: processors take turns, since they compete for raw ivory
    turns = np.empty(end - first)
    for k in range(turns.size):
        turns[k] = uniform(seed, Purpose.WORK_ORDER, day, first + k, 0)
    for k in in_turn(turns):
        processor = first + k
        # market.md 6.1: seizure of machines
        has_machines = dealers.machines[processor] > 0.0
        share = levers.machines
        if has_machines and uniform(seed, Purpose.MACHINES, day, processor, 0) < share:
            dealers.machines[processor] = 0.0
            count_enforcement(trade.records, row, Enforcement.MACHINES_SEIZED, Channel.PHYSICAL, 0)
        if dealers.closed_until[processor] <= day:
            _buy_raw(seed, day, row, processor, params, trade)
            _work(processor, params.workshop, trade)


@kernel
def _buy_raw(seed, day, row, processor, params, trade):
    """Fill up the stock of raw ivory from one supplier (market.md 6.2)."""
    need = _raw_target(processor, params.workshop, trade) - trade.books.balance[processor, Item.RAW]
    if need <= 0:
        return
    race, suppliers = Purpose.SUPPLIER_RACE, trade.books.start[Account.SUPPLIERS + 1]
    processors = trade.books.start[Account.PROCESSORS + 1] - suppliers
    # suppliers come first in the books, so that number p - S of the processors is dealer p
    first_known = (processor - suppliers) * suppliers // processors
    supplier = choose_dealer(
        seed, race, day, processor, Account.SUPPLIERS, first_known, False, params, trade
    )
    if supplier >= 0:
        buy_from_dealer(row, processor, supplier, RAW, need, params, trade)


@part
def _raw_target(processor, workshop, trade):
    """Return the raw ivory for a third of full stocks, mg (market.md 6.2)."""
    sold = 0.0
    for product in range(1, PRODUCTS):
        sold += expected_sales(trade.dealers, processor, product)
    cover = workshop.cover * trade.prices.holding[0]
    return int(min(cover * sold / 3.0 / total_yield(workshop), 1e15))


@kernel
def _work(processor, workshop, trade):
    """Make the products missing from full stocks, as raw ivory, labour and money allow."""
    books, dealers = trade.books, trade.dealers
    # market.md 6.3: what full stocks lack
    lacking, cover = 0.0, workshop.cover * trade.prices.holding[0]
    for product in range(1, PRODUCTS):
        lacking += cover * expected_sales(dealers, processor, product)
        lacking -= books.balance[processor, product]
    size = dealers.size[processor]
    by_hand = workshop.hand * MILLIGRAMS / workshop.top_grade_share * size
    mass = min(lacking / total_yield(workshop), by_hand)
    mass = min(mass, books.balance[processor, Item.RAW])
    if mass < 1.0:
        return
    # market.md 6.3: without money for all wages less is made
    money = books.balance[processor, Item.MONEY]
    machine_capacity = workshop.machine * MILLIGRAMS * dealers.machines[processor] * size
    output = _cut(int(mass), machine_capacity, workshop)
    wages = _wages(output, workshop)
    if wages > money:
        output = _cut(int(mass * (money / wages)), machine_capacity, workshop)
        wages = min(_wages(output, workshop), money)
    _enter_output(processor, output, wages, workshop, trade)


@part
def _cut(mass, machine_capacity, workshop):
    """Return the products cut from a mass of raw ivory (market.md 6.3)."""
    best = int(mass * workshop.top_grade_share)
    rest = mass - best
    engraved = min(rest - int(rest * workshop.semi_share), int(machine_capacity))
    semi_worked = int((rest - engraved) * (1.0 - workshop.waste_cutting))
    carved = int(engraved * (1.0 - workshop.waste_machine))
    return Output(mass, semi_worked, int(best * (1.0 - workshop.waste_hand)), carved)


@part
def _wages(output, workshop):
    """Return the wages of a day's work, fen (market.md 6.3)."""
    semi_worked = fen_of(workshop.wage_semi, output.semi_worked)
    uncarved = fen_of(workshop.wage_uncarved, output.uncarved)
    return semi_worked + uncarved + fen_of(workshop.wage_carved, output.carved)


@part
def _enter_output(processor, output, wages, workshop, trade):
    """Enter a day's work into the books; waste is the mass missing (market.md 6.4)."""
    books = trade.books
    worked = books.start[Account.WORKED]
    semi_cost, uncarved_cost, carved_cost = product_costs(
        trade.unit_cost[processor, Item.RAW], workshop
    )
    update_average_cost(trade, processor, Item.SEMI_WORKED, output.semi_worked, semi_cost)
    update_average_cost(trade, processor, Item.UNCARVED, output.uncarved, uncarved_cost)
    update_average_cost(trade, processor, Item.CARVED, output.carved, carved_cost)
    move(books, Item.RAW, processor, worked, output.raw)
    move(books, Item.SEMI_WORKED, worked, processor, output.semi_worked)
    move(books, Item.UNCARVED, worked, processor, output.uncarved)
    move(books, Item.CARVED, worked, processor, output.carved)
    waste = output.raw - output.semi_worked - output.uncarved - output.carved
    move(books, Item.WASTE, worked, books.start[Account.WASTED], waste)
    move(books, Item.MONEY, processor, books.start[Account.COSTS], wages)
