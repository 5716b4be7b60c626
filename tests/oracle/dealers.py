"""Dealers: suppliers of raw ivory, and processors who work it (docs/market.md 4 to 6)."""

import mesa

from marketsim.numerics.distributions import events
from marketsim.numerics.elementary import exp, log, normal_quantile
from marketsim.numerics.rng import Purpose

from .books import Stockist, affordable, fen, scarcity
from .codes import PRODUCTS, WORKED_PRODUCTS, Account, Channel, Item, Measure, Stage, Tally, Unit

MOST_KNOWN = 64
UNKNOWN_DAYS = 28  # that an account takes to be found again


def known(dealers: list, first: int) -> list:
    """Return the dealers whom somebody knows: so many from a place on, in a circle (section 6)."""
    return (dealers[first:] + dealers[:first])[:MOST_KNOWN]


def size_up(model, dealers: list) -> None:
    """Draw how large the dealers of a kind are, relative to their mean (section 19.1)."""
    s, total = model.rules.upstream.spread, 0.0
    for dealer in dealers:
        if s != 0.0:
            z = normal_quantile(model.draw_once(Purpose.DEALER_SIZE, dealer.number))
            dealer.size = exp(s * z - s * s / 2.0)
        total += dealer.size
    for dealer in dealers:
        dealer.size /= total / float(len(dealers))


def by_size(dealers: list, u: float):
    """Return the dealer at a place among all, in proportion to size (section 19.1)."""
    total = running = 0.0
    for dealer in dealers:
        total += dealer.size
    for dealer in dealers:
        running += dealer.size
        if running > u * total:
            return dealer
    return dealers[-1]


def runners(model, dealers: list) -> list:
    """Return those of the dealers who have goods, with their weights in a race (section 19.2)."""
    stocked = [dealer for dealer in dealers if dealer.goods > 0]
    sense = model.rules.upstream.price_sense
    if sense == 0.0:
        return [(dealer, float(dealer.goods)) for dealer in stocked]
    prices = [dealer.quote() for dealer in stocked]
    lowest = min(prices, default=0.0)
    if lowest <= 0.0:
        return [(dealer, float(dealer.goods)) for dealer in stocked]
    return [
        (dealer, dealer.goods * exp(sense * log(lowest / price)))
        for dealer, price in zip(stocked, prices, strict=True)
    ]


class Dealer(Stockist, mesa.Agent):
    """A supplier or a processor; suppliers have the lower numbers."""

    stage: Stage

    def __init__(self, model, number: int):
        super().__init__(model)
        self.number = number
        self.risk = 0.0
        self.closed_until = 0
        self.machines = 1.0
        self.size = 1.0
        self.banned_until = 0
        self.moved = 0.0  # what police know of, in mg
        self.purse = 0
        self.sold = [0.0] * len(PRODUCTS)
        self.floor = [0.0] * len(PRODUCTS)

    @property
    def closed(self) -> bool:
        return self.closed_until > self.model.today

    @property
    def banned(self) -> bool:
        return self.banned_until > self.model.today

    @property
    def can_be_found(self) -> bool:
        """Return whether traders who look for a source see the account (section 19.2)."""
        return self.banned_until == 0 or self.banned_until + UNKNOWN_DAYS <= self.model.today

    def pace(self, product: Item) -> float:
        """Sales that the dealer reckons with, in mg a day."""
        return max(self.sold[product], self.floor[product])

    def price(self, product: Item) -> float:
        terms, retail = self.terms, self.model.rules.retail
        prices = self.model.prices
        full = (terms.cover * prices.holding) * self.pace(product)
        return (
            self.cost[product]
            * (1.0 + terms.margin)
            * (1.0 + retail.risk_premium * self.risk)
            * scarcity(self.held[product], full, retail.scarcity_pricing)
            * prices.index[product]
        )

    def sell(self, product: Item, mass: int, price: float, buyer: Stockist) -> None:
        """Hand goods over for money, and remember the sale (sections 6 and 7)."""
        books = self.model.books
        buyer.reckon_cost(product, mass, price / self.model.prices.index[product])
        books.move(product, mass, self, buyer)
        books.move(Item.MONEY, fen(price, mass), buyer, self)
        self.sold[product] += mass / 30.0
        self.model.counts.count_price(product, self.stage, Channel.PHYSICAL, price)

    def fade(self) -> None:
        """Let fear and sales fade; take profit home; reopen after a raid (section 7)."""
        model = self.model
        self.risk *= 1.0 - 1.0 / (model.rules.perception.half_life * 1.44269504)
        for product in PRODUCTS:
            self.sold[product] *= 1.0 - 1.0 / 30.0
        if self.money > self.purse:
            model.books.move(Item.MONEY, self.money - self.purse, self, Account.OWNERS)
        if self.closed_until == model.today and self.money < self.purse:
            model.books.move(Item.MONEY, self.purse - self.money, Account.OWNERS, self)

    def post(self) -> None:
        """Show on the dealer's account what is in stock (section 19.3)."""
        model, rules, posts = self.model, self.model.rules, 0
        if not self.closed and not self.banned and rules.upstream.posts != 0.0:
            pieces = 0.0
            for product in PRODUCTS:
                pieces += self.held[product] / (model.pieces[product] * 1000.0)
            u = model.draw(Purpose.DEALER_POSTS, self.number)
            posts = events(u, rules.upstream.posts / 30.0 * pieces)
        model.counts.count(Tally.DEALER_POSTS, posts)

    def hear_of_raid(self) -> None:
        self.risk = self.risk + self.model.rules.police.raid_risk * (1.0 - self.risk)


class Supplier(Dealer):
    """Who lands shipments of raw ivory and sells it raw."""

    stage = Stage.SUPPLIER

    @property
    def terms(self):
        return self.model.rules.supply

    @property
    def goods(self) -> int:
        """What the dealer has of what is sold here, in mg."""
        return self.held[Item.RAW]

    def quote(self) -> float:
        return self.price(Item.RAW)

    def ship(self, seized: float, extra: float) -> None:
        """Have shipments sent at the day's price of raw ivory (section 5)."""
        model, supply = self.model, self.model.rules.supply
        reference = supply.cost * (1.0 + supply.margin)
        ratio = self.price(Item.RAW) / (reference * extra)
        mean = 0.0
        if ratio > 0.0:
            mean = supply.shipments * exp(supply.elasticity * supply.pass_through * log(ratio))
            mean *= self.size
        model.prices.hear_of_offers(mean, seized)
        offered = events(model.draw(Purpose.SHIPMENTS, self.number), mean)
        for n in range(offered):
            kind, size, luck = model.draws(Purpose.SHIPMENT_KIND, self.number, n)[:3]
            grams = supply.tusk_mass if kind < supply.tusks else supply.segment_mass
            mass = int(min(-log(size) * grams * 1000.0, 1e12)) + 1
            room = (supply.cover * model.prices.holding) * self.pace(Item.RAW)
            if self.held[Item.RAW] < room:
                self._receive(mass, supply.cost * extra, luck < seized)
            else:
                model.counts.count(Tally.TURNED_AWAY, mass)

    def _receive(self, mass: int, reference: float, is_seized: bool) -> None:
        """Take in a shipment, paid for at today's price; or lose it at the border."""
        books, counts = self.model.books, self.model.counts
        if is_seized:
            books.move(Item.RAW, mass, Account.POACHED, Account.SEIZED)
            counts.count_measure(Measure.BORDER_SEIZURES, Channel.PHYSICAL, mass)
            self.model.units.find(Unit.BORDER, mass)
            counts.count(Tally.RAW_SHIPPED, mass)
            return
        paid = reference * self.model.prices.index[Item.RAW]
        mass = min(mass, affordable(paid, self.money))
        if mass > 0:
            self.reckon_cost(Item.RAW, mass, reference)
            books.move(Item.RAW, mass, Account.POACHED, self)
            books.move(Item.MONEY, fen(paid, mass), self, Account.POACHED)
            counts.count(Tally.RAW_SHIPPED, mass)
            counts.count(Tally.RAW_LANDED, mass)


class Processor(Dealer):
    """Who buys raw ivory, and cuts and works it."""

    stage = Stage.PROCESSOR

    @property
    def terms(self):
        return self.model.rules.workshop

    @property
    def goods(self) -> int:
        """What the dealer has of what is sold here, in mg."""
        return sum(self.held[product] for product in WORKED_PRODUCTS)

    def quote(self) -> float:
        total = 0.0
        for product in WORKED_PRODUCTS:
            total += self.price(product)
        return total

    def work(self) -> None:
        """Live one day in the workshop (section 6)."""
        model = self.model
        if (
            self.machines > 0.0
            and model.draw(Purpose.MACHINES, self.number) < model.levers.machines
        ):
            self.machines = 0.0
            model.counts.count_measure(Measure.MACHINES_SEIZED, Channel.PHYSICAL)
        if not self.closed:
            self.buy_raw()
            self.cut()

    def buy_raw(self) -> None:
        model, workshop = self.model, self.model.rules.workshop
        total = 0.0
        for product in WORKED_PRODUCTS:
            total += self.pace(product)
        cover = workshop.cover * model.prices.holding
        wanted = cover * total / 3.0 / model.recipe.total_yield
        need = int(min(wanted, 1e15)) - self.held[Item.RAW]
        if need <= 0:
            return
        supplier = model.race(
            Purpose.SUPPLIER_RACE,
            self.number,
            runners(model, [one for one in self._known() if not one.closed]),
        )
        if supplier is None:
            return
        price = supplier.price(Item.RAW)
        mass = min(need, supplier.held[Item.RAW], affordable(price, self.money))
        if mass > 0:
            supplier.sell(Item.RAW, mass, price, self)

    def _known(self) -> list:
        """Return the suppliers whom the processor knows, in the order named."""
        suppliers, processors = self.model.suppliers, self.model.processors
        place = self.number - len(suppliers)
        return known(suppliers, place * len(suppliers) // len(processors))

    def cut(self) -> None:
        """Cut and work what is lacking of the three products."""
        model, workshop = self.model, self.model.rules.workshop
        cover, lacking = workshop.cover * model.prices.holding, 0.0
        for product in WORKED_PRODUCTS:
            lacking += cover * self.pace(product)
            lacking -= self.held[product]
        mass = min(
            lacking / model.recipe.total_yield,
            workshop.hand * 1000.0 / workshop.top_grade_share * self.size,
            float(self.held[Item.RAW]),
        )
        if mass < 1.0:
            return
        made, bill = self._cuts(int(mass))
        if bill > self.money:
            made, bill = self._cuts(int(mass * (self.money / bill)))
            bill = min(bill, self.money)
        self._enter(*made, bill)

    def _cuts(self, mass: int):
        workshop = self.model.rules.workshop
        best = int(mass * workshop.top_grade_share)
        rest = mass - best
        engraved = min(
            rest - int(rest * workshop.semi_share),
            int(workshop.machine * 1000.0 * self.machines * self.size),
        )
        semi = int((rest - engraved) * (1.0 - workshop.waste_cutting))
        carved = int(engraved * (1.0 - workshop.waste_machine))
        uncarved = int(best * (1.0 - workshop.waste_hand))
        bill = (
            fen(workshop.wage_semi, semi)
            + fen(workshop.wage_uncarved, uncarved)
            + fen(workshop.wage_carved, carved)
        )
        return (mass, semi, uncarved, carved), bill

    def _enter(self, mass: int, semi: int, uncarved: int, carved: int, bill: int) -> None:
        books = self.model.books
        costs = self.model.recipe.costs(self.cost[Item.RAW])
        amounts = {Item.SEMI_WORKED: semi, Item.UNCARVED: uncarved, Item.CARVED: carved}
        for product, amount in amounts.items():
            self.reckon_cost(product, amount, costs[product])
        books.move(Item.RAW, mass, self, Account.WORKED)
        for product, amount in amounts.items():
            books.move(product, amount, Account.WORKED, self)
        waste = mass - semi - uncarved - carved
        books.move(Item.WASTE, waste, Account.WORKED, Account.WASTED)
        books.move(Item.MONEY, bill, self, Account.COSTS)
