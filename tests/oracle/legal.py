"""The legal market: a finite stock, its certificates, and what is laundered (market.md 10)."""

from marketsim.numerics.rng import Purpose

from .books import fen
from .buyers import mean_of_segments
from .codes import Account, Channel, Item, Stage, Tally

MG_IN_A_TONNE = 1e9


class LegalMarket:
    """Licensed shops, and the ivory that they can still sell."""

    def __init__(self, model):
        self.model = model
        self.stock = 0
        if not model.posts_alone:
            share = model.founders / model.settings.population.platform_traders
            self.stock = int(min(model.rules.legal.stock * MG_IN_A_TONNE * share, 4e18))

    @property
    def share_uncarved(self) -> float:
        """Share of goods, and of customers, that is uncarved rather than carved."""
        demand = self.model.rules.demand
        return demand.taste_uncarved / (demand.taste_uncarved + demand.taste_carved)

    def live(self) -> None:
        """Lose stock to those who buy it up and to workshops; then serve those who come."""
        model = self.model
        legal, levers = model.rules.legal, model.levers
        self._be_bought_out()
        self._leak()
        mean = legal.customers * levers.legal * levers.demand * mean_of_segments(model)
        mean = mean * (1.0 + legal.rush * levers.rush) * float(model.founders) / 1000.0
        for n in range(int(mean + model.draw(Purpose.CUSTOMERS, 0))):
            self._serve(n)

    # stock that leaves

    def _products(self, mass: int) -> dict[Item, int]:
        """Return what is uncarved and what is carved of a mass."""
        uncarved = int(mass * self.share_uncarved)
        return {Item.UNCARVED: uncarved, Item.CARVED: mass - uncarved}

    def _leave(self, product: Item, mass: int, taker, what: Tally) -> None:
        self.model.books.move(product, mass, Account.LEGAL_STOCK, taker)
        self.stock -= mass
        self.model.counts.count(what, mass)

    def _be_bought_out(self) -> None:
        bought = int(self.stock * self.model.levers.bought_out)
        for product, mass in self._products(bought).items():
            self._leave(product, mass, Account.WASTED, Tally.BOUGHT_OUT)

    def _leak(self) -> None:
        processors = self.model.processors
        if not processors:
            return
        leaked = self._products(int(self.stock * self.model.levers.leaked))
        for processor in processors:
            for product, mass in leaked.items():
                self._leave(product, int(mass / len(processors)), processor, Tally.LEAKED)

    # customers

    @property
    def has_spare_card(self) -> bool:
        (licensed,) = self.model.books.holders[Account.LICENSED]
        return licensed.held[Item.CARD] > 0

    def _serve(self, n: int) -> None:
        """Sell a piece with its card to a customer, if there is one."""
        model, legal = self.model, self.model.rules.legal
        which, leaves, whose, _ = model.draws(Purpose.LEGAL_SALE, n)
        product = Item.UNCARVED if which < self.share_uncarved else Item.CARVED
        price = model.worths[product] * (1.0 + legal.premium)
        mass = int(model.pieces[product] * 1000.0)
        books, counts = model.books, model.counts
        processor = self._launderer(whose, product, mass)
        if processor is not None:
            self._launder(processor, product, mass)
        else:
            mass = min(mass, self.stock)
            if mass == 0:
                counts.count(Tally.LEGAL_UNMET)
                return
            books.move(product, mass, Account.LEGAL_STOCK, Account.LICENSED)
            books.move(Item.CARD, 1, Account.LEGAL_STOCK, Account.LICENSED)
            self.stock -= mass
        if leaves >= legal.reuse:
            books.move(Item.CARD, 1, Account.LICENSED, Account.CONSUMED)
        books.move(product, mass, Account.LICENSED, Account.CONSUMED)
        books.move(Item.MONEY, fen(price, mass), Account.INCOME, Account.LICENSED)
        books.move_all(Item.MONEY, Account.LICENSED, Account.OWNERS)
        counts.count(Tally.LEGAL_DEALS)
        counts.count(Tally.LEGAL_SOLD, mass)
        counts.count_price(product, Stage.LICENSED, Channel.PHYSICAL, price)

    def _launderer(self, u: float, product: Item, mass: int):
        """Return the processor whose piece is sold under a spare card, or nobody."""
        processors = self.model.processors
        if not processors or not self.has_spare_card:
            return None
        one = processors[min(int(u * len(processors)), len(processors) - 1)]
        return None if one.closed or one.held[product] < mass else one

    def _launder(self, processor, product: Item, mass: int) -> None:
        books = self.model.books
        bought = fen(processor.price(product), mass)
        processor.sold[product] += mass / 30.0
        books.move(Item.MONEY, bought, Account.OWNERS, Account.LICENSED)
        books.move(Item.MONEY, bought, Account.LICENSED, processor)
        books.move(product, mass, processor, Account.LICENSED)
        self.model.counts.count(Tally.LAUNDERED, mass)
