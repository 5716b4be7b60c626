"""A market at rest: chances of a sale, customers of founders, purchases (docs/market.md 3)."""

from marketsim.numerics.elementary import exp, log, normal_quantile
from marketsim.numerics.rng import Purpose

from .codes import PRODUCTS, Item

QUANTILES = 32
ATTEMPTS = 16
LONGEST_AGE = 10_000.0


class Chances:
    """How likely a buyer drawn evenly buys what is shown at some labels (step 1)."""

    def __init__(self, model, labels: list[float], raised: float = 0.0):
        self.model, demand = model, model.rules.demand
        self.limits = [
            log(labels[product] / (model.worths[product] * demand.willingness)) / demand.spread
            + raised
            for product in PRODUCTS
        ]
        self.shown = [model.recipe.mix[product] / model.pieces[product] for product in PRODUCTS]
        self.all_shown = 0.0
        for shown in self.shown:
            self.all_shown += shown
        self.first, self.second = self._moments()

    def _moments(self) -> tuple[float, float]:
        """Return the means of the chance and of its square over buyers."""
        demand = self.model.rules.demand
        tastes = demand.taste_raw, demand.taste_semi, demand.taste_uncarved, demand.taste_carved
        all_tastes = ((tastes[0] + tastes[1]) + tastes[2]) + tastes[3]
        first = second = 0.0
        for favourite in PRODUCTS:
            sum_of_chances = sum_of_squares = 0.0
            for k in range(QUANTILES):
                chance = self._chance(favourite, normal_quantile((k + 0.5) / QUANTILES))
                sum_of_chances += chance
                sum_of_squares += chance * chance
            share = tastes[favourite] / all_tastes
            first += sum_of_chances / QUANTILES * share
            second += sum_of_squares / QUANTILES * share
        return first, second

    def _chance(self, favourite: Item, z: float) -> float:
        chance = 0.0
        for product in PRODUCTS:
            if z >= self.limits[product]:
                likes = self.liking(product, favourite)
                chance += self.shown[product] / self.all_shown * likes
        return chance

    def liking(self, product: Item, favourite: Item) -> float:
        return 1.0 if product == favourite else self.model.rules.demand.second_choice_prob

    def product_at(self, u: float) -> Item:
        """Return the product at a place among all that are shown."""
        place = u * self.all_shown
        for product in PRODUCTS:
            if place < self.shown[product]:
                return product
            place -= self.shown[product]
        return Item.CARVED


class Rest:
    """What a seller has in a market at rest (steps 2 and 3); nothing without posts or friends."""

    def __init__(self, seller):
        self.seller, self.model = seller, seller.model
        demand = self.model.rules.demand
        self.added, self.mean, self.known, self.repeats = 0, 0.0, 0.0, 0.0
        self.trusted = demand.trust
        self.posts = seller.usual_posts
        self.age = self._time_in_trade()
        self.held = seller.wanted
        if seller is seller.trader:
            motive = self.model.rules.motive
            missing = (1.0 - motive.start) * exp(-motive.recruiting * self.age / 7.0)
            self.held = int(seller.wanted * (1.0 - missing))
        self.nothing = self.posts <= 0.0 or self.held <= 0
        if self.nothing:
            return
        self.active = self.posts / (1.0 - self.model.rules.posting.silent_share)
        self.markup = seller.trader.usual_markup
        self.labels = [seller.label(cost * self.markup) for cost in seller.trader.cost]
        self.chances = Chances(self.model, self.labels)
        self._grow()
        if self.known > 0.0:
            self._repeat()

    def _time_in_trade(self) -> float:
        leave = self.model.rules.turnover.leave
        if leave == 0.0:
            return LONGEST_AGE
        u = self.model.draw_once(Purpose.AGE, self.seller.key)
        return min(-log(u) / leave, LONGEST_AGE)

    def _grow(self) -> None:
        """Reckon friends and customers of the seller's time in the trade."""
        rules, held, age = self.model.rules, self.held, self.age
        demand, motive, leave = rules.demand, rules.motive, rules.turnover.leave
        free = motive.seek
        if motive.recruiting != 0.0:
            free = max(motive.seek - 0.5 * (1.0 - motive.start), 0.0)
        self.attention = 1.0 / (1.0 + motive.crowding * self.active)
        self.inquiries = min(
            demand.inquiries_per_post * self.posts * self.attention,
            demand.max_inquiries_per_day / held,
        )
        buys = self.inquiries * demand.trust * self.chances.first
        strangers = demand.strangers * buys * held
        friends = (1.0 - demand.strangers) * (1.0 - demand.regulars) * buys
        seekers = leave * free * self.seller.wanted * (self.active / rules.posting.base_posts)
        time = age
        if demand.friends_leave != 0.0:
            time = (1.0 - exp(-demand.friends_leave * age)) / demand.friends_leave
        self.added = min(int((strangers + seekers) * time), self.seller.room - held)
        lost = demand.friends_leave + friends
        if lost != 0.0 and self.chances.first != 0.0:
            self.mean = (friends * held + strangers) / lost * (1.0 - exp(-lost * age))
        self.known = min(self.mean, float(held + self.added))

    def _repeat(self) -> None:
        """Reckon how often a customer has bought again, and is trusted."""
        demand, everybody = self.model.rules.demand, self.held + self.added
        regular = demand.regulars * everybody / max(self.known, 1.0) + 1.0 - demand.regulars
        again = self.chances.second / self.chances.first
        rate = (1.0 - demand.strangers) * regular * self.inquiries * again
        self.repeats = rate * self.age / (1.0 + demand.friends_leave * self.age)
        missing = (1.0 - demand.trust) * (1.0 - demand.trust_gain)
        self.trusted = 1.0 - missing / (1.0 + self.repeats * demand.trust_gain)

    def customer(self, place: int):
        """Return the buyer who is a customer at a place, and the distance of trust to 1."""
        model, demand = self.model, self.model.rules.demand
        for a in range(ATTEMPTS):
            item = ATTEMPTS * place + a
            whom, what, likes, lasting = model.draws_for_good(
                Purpose.CUSTOMER, self.seller.key, item
            )
            buyer = model.buyers[int(whom * len(model.buyers))]
            product = self.chances.product_at(what)
            if likes < buyer.likes(product) and buyer.standing >= self.chances.limits[product]:
                break
        further = 0
        if self.repeats != 0.0:
            stays = log(self.repeats / (1.0 + self.repeats))
            further = min(int(log(lasting) / stays), 30)
        missing = 1.0 - demand.trust
        for _ in range(1 + further):
            missing *= 1.0 - demand.trust_gain
        return buyer, missing

    def relative(self) -> list[float]:
        """Return the relative returns of a post in Moments, a day at a stall, a post elsewhere."""
        if self.nothing:
            return [0.0, 0.0, 0.0]
        demand = self.model.rules.demand
        premium = self.model.rules.retail.physical_premium
        return [
            self.everybody * self.buys() * self.attention * (self.markup - 1.0),
            self.at_stall() * max(self.markup * (1.0 + premium) - 1.0, 0.0),
            demand.friends * (demand.trust * self.chances.first) * (self.markup - 1.0),
        ]

    @property
    def everybody(self) -> int:
        return self.held + self.added

    def at_stall(self) -> float:
        """Return how likely a buyer drawn evenly buys what is shown at a stall."""
        demand, premium = self.model.rules.demand, self.model.rules.retail.physical_premium
        return Chances(self.model, self.labels, log(1.0 + premium) / demand.spread).first

    def _customer_buys(self) -> float:
        """Return how likely a customer who asks buys."""
        chances = self.chances
        return self.trusted * chances.second / chances.first if chances.first != 0.0 else 0.0

    def of_customers(self) -> float:
        """Return how likely who asks about a post is a customer and buys."""
        demand, share = self.model.rules.demand, self.known / self.everybody
        some = 1.0 - exp(-self.known)
        asks = demand.regulars * some + (1.0 - demand.regulars) * share
        return asks * ((1.0 - demand.strangers) * self._customer_buys())

    def by_one(self) -> float:
        """Return what each customer buys a day."""
        if self.known == 0.0:
            return 0.0
        return self.everybody * self.of_customers() * self.inquiries / self.known

    def buys(self) -> float:
        """Return how likely who asks about a post in Moments buys."""
        demand, chances = self.model.rules.demand, self.chances
        share = self.known / self.everybody
        other = demand.trust * chances.first
        customer = self._customer_buys()
        some = 1.0 - exp(-self.known)
        even = share * customer + (1.0 - share) * other
        chosen = some * customer + (1.0 - some) * other
        buys = demand.regulars * chosen + (1.0 - demand.regulars) * even
        return demand.strangers * other + (1.0 - demand.strangers) * buys


class Purchases:
    """What is bought a day in a market at rest, product by product."""

    def __init__(self, model):
        self.model = model
        self.limit, self.bought, self.spent = ([0.0] * len(PRODUCTS) for _ in range(3))
        if model.posts_alone or not model.buyers:
            return
        markup = max(1.0 + model.rules.retail.margin, 1.0)
        labels = [cost * markup for cost in model.recipe.trader_costs]
        typical = Chances(model, labels)
        self.limit = typical.limits
        deals = self._deals()
        for product in PRODUCTS:
            if typical.first != 0.0:
                share = typical.shown[product] / typical.all_shown
                self.bought[product] = (deals / len(model.buyers) / typical.first) * share
            self.spent[product] = labels[product] * model.pieces[product]

    def _deals(self) -> float:
        """Return the deals of founders and agents a day, but for those with customers."""
        demand, deals = self.model.rules.demand, 0.0
        founders = self.model.traders[: self.model.founders]
        for seller in founders + self.model.resale_agents:
            rest = seller.rest
            if rest.nothing:
                continue
            deals += rest.everybody * (rest.buys() - rest.of_customers()) * rest.inquiries
            if seller is seller.trader:
                visits = min(demand.visits, demand.max_inquiries_per_day)
                deals += seller.stall * visits * rest.at_stall()
        return deals
