"""The shop of a trader: stock, prices, restocking (docs/market.md 3, 4, 7)."""

import math

from marketsim.numerics.distributions import choose
from marketsim.numerics.elementary import exp, normal_quantile
from marketsim.numerics.rng import Purpose

from .books import Stockist, affordable, in_fen, scarcity
from .codes import PRODUCTS, WORKED_PRODUCTS, Account, Item, State
from .dealers import Dealer, by_size, known, runners


class Shop(Stockist):
    """What a trader has and asks."""

    def __init__(self, *args):
        super().__init__(*args)
        self.processor: Dealer | None = None
        self.supplier: Dealer | None = None
        self.markup = 1.0
        self.stall = 0
        self.expected = 0.0
        self.purse = 0
        self.sold = 0.0
        self.sold_today = 0
        self.push = 1.0
        self.quality = [1.0] * len(PRODUCTS)

    def open_shop(self) -> None:
        """Draw what a shop is, for good (section 3)."""
        model, retail = self.model, self.model.rules.retail
        self.processor = self._usual(model.processors, Purpose.UPSTREAM)
        self.supplier = self._usual(model.suppliers, Purpose.UPSTREAM_RAW)
        z = normal_quantile(model.draw_once(Purpose.MARKUP, self.number))
        self.markup = exp(retail.margin_spread * z)
        self.cost = list(model.recipe.trader_costs)
        self._draw_quality()
        if model.posts_alone:
            return
        self.stall = int(model.draw_once(Purpose.STALL, self.number) < retail.stall)
        usual = self.base_rate / model.rules.posting.base_posts
        ivory = (retail.ivory_a, retail.ivory_b, retail.ivory_c, retail.ivory_d)[self.kind]
        self.expected = min(
            (retail.expected * usual + retail.expected_stall * self.stall) * 1000.0 * ivory,
            1e10,
        )
        dearest = model.recipe.dearest
        self.purse = math.floor(min(self.expected * retail.cover * dearest * 0.1, 1e13))
        self.sold = self.expected

    def _draw_quality(self) -> None:
        """Draw how good the trader's pieces of each product are."""
        retail = self.model.rules.retail
        spreads = (
            retail.quality_raw,
            retail.quality_semi,
            retail.quality_uncarved,
            retail.quality_carved,
        )
        lanes = self.model.draws_for_good(Purpose.QUALITY, self.number)
        for product in PRODUCTS:
            s = spreads[product]
            if s != 0.0:
                z = normal_quantile(lanes[product])
                self.quality[product] = exp(s * z - s * s / 2.0)

    def _usual(self, dealers: list, purpose: Purpose):
        if not dealers:
            return None
        return by_size(dealers, self.model.draw_once(purpose, self.number))

    def fill(self) -> None:
        """Stock the shop of a founder on the first day."""
        model = self.model
        full = min(self.expected * model.rules.retail.cover, 1e13)
        for product in PRODUCTS:
            amount = math.floor(full * model.recipe.mix[product])
            model.books.move(product, amount, Account.OPENING, self)
        model.books.move(Item.MONEY, self.purse, Account.OWNERS, self)

    # prices

    @property
    def pace(self) -> float:
        """Sales expected, by half habit and half experience, in mg a day."""
        return 0.5 * (self.sold + self.expected)

    @property
    def full_stock(self) -> float:
        """Stock wanted now, with what is expected of prices."""
        return (self.model.rules.retail.cover * self.model.prices.holding) * self.pace

    @property
    def usual_posts(self) -> float:
        """Posts a day in a market at rest."""
        return self.base_rate * (1.0 - self.model.rules.posting.silent_share)

    @property
    def usual_markup(self) -> float:
        """Factor on cost in a market at rest: nobody asks less."""
        return max((1.0 + self.model.rules.retail.margin) * self.markup, 1.0)

    def own_cost(self, product: Item) -> float:
        """Return the average cost of pieces as good as those of the trader, at the reference."""
        return self.cost[product] * self.quality[product]

    def replacement_cost(self, product: Item) -> float:
        """Return what it costs to replace such pieces today."""
        return self.own_cost(product) * self.model.prices.index[product]

    def asked(self, product: Item) -> float:
        retail = self.model.rules.retail
        return (
            self.own_cost(product)
            * self.usual_markup
            * (1.0 + retail.risk_premium * self.risk)
            * scarcity(self.stock, self.full_stock, retail.scarcity_pricing)
            * self.model.prices.index[product]
        )

    def product_shown(self, number: int) -> Item:
        """Return what the post of a number shows (section 4)."""
        model, pieces = self.model, self.model.pieces
        weights = tuple(self.held[product] / pieces[product] for product in PRODUCTS)
        if not any(weights):
            weights = tuple(model.recipe.mix[product] / pieces[product] for product in PRODUCTS)
        return PRODUCTS[choose(model.draws(Purpose.PRODUCT, self.number, number), weights)]

    def labels(self, ads: int, items: int):
        """Return what an observer reads in the evening: ads, items, prices by product."""
        shown, shared, prices = ([0] * len(PRODUCTS) for _ in range(3))
        for n in range(ads):
            product = self.product_shown(n)
            shown[product] += 1
            shared[product] += items // ads + (n < items % ads)
            prices[product] = in_fen(self.asked(product))
        return shown, shared, prices

    # sales, and orders

    def smooth_sales(self) -> None:
        """Take the day's sales into the smoothed ones (section 7)."""
        retail = self.model.rules.retail
        self.sold += (self.sold_today - self.sold) / retail.cover
        self.sold_today = 0
        stock, full = self.stock, retail.cover * self.pace
        self.push = 1.0
        if stock + full > 0.0:
            self.push = 1.0 + retail.stock_effect_on_posting * (stock - full) / (stock + full)

    def start_business(self) -> None:
        """Bring working capital, as a newcomer who has just come."""
        if self.arrival == self.model.today and self.state == State.ACTIVE:
            self.model.books.move(Item.MONEY, self.purse, Account.OWNERS, self)
            self.sold = self.expected

    def restock(self) -> None:
        """Order what is lacking, and take profit home (section 7)."""
        worth_it = min(max(self.value, 0.1), 1.5)
        need = int(min(self.full_stock * worth_it, 1e15)) - self.stock
        if need > 0:
            raw = int(need * self.model.rules.retail.raw_share)
            loyal = self._is_loyal()
            self._order_raw(raw, loyal[0])
            self._order_worked(need - raw, loyal[1])
        if self.money > self.purse:
            self.model.books.move(Item.MONEY, self.money - self.purse, self, Account.OWNERS)

    def _is_loyal(self) -> tuple[bool, bool]:
        """Return whether the usual supplier, and processor, is asked first (section 19.2)."""
        loyalty = self.model.rules.upstream.loyalty
        if loyalty >= 1.0:
            return True, True
        raw, worked = self.model.draws(Purpose.LOYAL, self.number)[:2]
        return raw < loyalty, worked < loyalty

    def _order_raw(self, wanted: int, loyal: bool) -> None:
        supplier, raced = self._find(self.supplier, self.model.suppliers, loyal)
        if supplier is None:
            return
        if raced and self._remembers_sources:
            self.supplier = supplier
        self._purchase(supplier, Item.RAW, wanted)

    def _order_worked(self, wanted: int, loyal: bool) -> None:
        processor, raced = self._find(self.processor, self.model.processors, loyal)
        if processor is None:
            return
        if raced and self._remembers_sources:
            self.processor = processor
        there = processor.goods
        for product in WORKED_PRODUCTS:
            self._purchase(processor, product, int(wanted * (processor.held[product] / there)))

    @property
    def _remembers_sources(self) -> bool:
        """Return whether who is found in a race becomes the usual source."""
        return self.model.rules.upstream.loyalty < 1.0

    def _find(self, usual, dealers: list, loyal: bool):
        """Return the usual dealer, or if that is of no use now, another one, or none.

        Also return whether that dealer was found in a race.
        """
        if usual is None:
            return None, False
        if loyal and not usual.closed and usual.goods > 0:
            return usual, False
        named = known(dealers, dealers.index(usual))
        seen = [one for one in named if not one.closed and one.can_be_found]
        return self.model.race(Purpose.SOURCE, self.number, runners(self.model, seen)), True

    def _purchase(self, dealer: Dealer, product: Item, wanted: int) -> None:
        price = dealer.price(product)
        mass = min(wanted, dealer.held[product], affordable(price, self.money))
        if mass > 0:
            dealer.sell(product, mass, price, self)

    def note_sale(self, mass: int) -> None:
        self.sold_today += mass
