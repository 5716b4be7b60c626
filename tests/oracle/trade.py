"""Inquiries at sellers, and what comes of them (docs/market.md 9, 18)."""

from marketsim.numerics.distributions import events
from marketsim.numerics.elementary import exp, normal_quantile
from marketsim.numerics.rng import LANES, Purpose

from .books import fen
from .buyers import mean_of_segments
from .codes import Account, Channel, Item, Measure, Segment, Site, Stage, Tally, Unit
from .delivery import Parcel


class Conditions:
    """What holds for all inquiries of a day: readiness to pay, visits to a stall, tracing."""

    def __init__(self, model):
        rules, levers = model.rules, model.levers
        demand, legal = rules.demand, rules.legal
        level = shamed = levers.demand * demand.willingness
        self.visits = demand.visits
        away = 0.0
        open_share = levers.legal if model.legal.stock > 0 else 0.0
        if levers.legal != 1.0 or open_share != 1.0:
            stalls = sum(trader.at_stall for trader in model.traders)
            shamed = level * (1.0 - legal.stigma * (1.0 - levers.legal))
            away = levers.abroad if open_share < 1.0 else 0.0
            customers = legal.customers * float(model.founders) / 1000.0 / float(max(stalls, 1))
            closed = 1.0 - open_share
            gone = away * (rules.buyers.traveller * levers.demand_traveller)
            moved = customers * levers.demand * (mean_of_segments(model) - gone)
            self.visits = max(self.visits + legal.switch_to_illegal * closed * moved, 0.0)
        hoped = exp(rules.prices.speculation * model.prices.expected)
        levels = {
            Segment.GIFT: shamed * levers.demand_gift,
            Segment.COLLECTOR: level * levers.demand_collector,
            Segment.INVESTOR: level * levers.demand_investor * hoped,
            Segment.TRAVELLER: shamed * levers.demand_traveller,
        }
        worth = 1.0 + levers.substitutes  # that ivory must be, if a substitute is worth 1
        self.levels = {segment: max(one, 0.0) / worth for segment, one in levels.items()}
        self.abroad = away * (1.0 - open_share)
        self.heard = 1.0 - rules.buyers.mouth * (1.0 - model.hearsay.reliability())
        self.traced = 1.0 - (1.0 - rules.police.escrow_trace) * (1.0 - levers.traces)


class Inquiry:
    """Somebody asks a seller about one post, or at a stall."""

    def __init__(self, conditions: Conditions, seller, channel: Channel, k: int, shown: int):
        self.model = seller.model
        self.conditions = conditions
        self.asked = seller  # by whom draws know the inquiry
        self.seller, self.trader = seller, seller.trader
        self.channel = channel
        self.key = k + channel * 2**20
        self.product: Item = self.trader.product_shown(shown + channel * 2**20)
        self.stranger, self.who, self.interest, self.piece = self.draws(Purpose.STRANGER)
        self.buyer = None
        self.place = None  # of the friend on the list; None for a stranger
        self.escrowed = False

    def draws(self, purpose: Purpose):
        return self.model.draws(purpose, self.asked.key, self.key)

    @property
    def at_stall(self) -> bool:
        return self.channel == Channel.PHYSICAL

    def go_through(self) -> None:
        """Follow the inquiry to its end."""
        if not self.model.buyers:
            return
        counts = self.model.counts
        counts.count(Tally.INQUIRIES)
        self._find_buyer()
        self.price = self._label()
        counts.count_price(self.product, Stage.ADVERTISED, self.channel, self.price)
        if self.trader.held[self.product] == 0:
            counts.count(Tally.UNMET)
            return
        if self._is_turned_away():
            counts.count(Tally.STRANGERS_REFUSED)
            return
        if not self._interested() or self._goes_elsewhere():
            return
        self.worth = self._worth_to(self.buyer)
        if self.channel == Channel.GROUPS:
            self._auction()
        if not self._agree_on_payment():
            return
        if self.worth < self.price:
            if self.worth * (1.0 + self.model.levers.substitutes) >= self.price:
                counts.count(Tally.SUBSTITUTED)
        elif not self._stopped():
            self._deal()

    def _worth_to(self, buyer) -> float:
        """Return what a gram of the trader's product is worth to a buyer."""
        level = self.conditions.levels[buyer.segment] * self.trader.quality[self.product]
        return buyer.worth(self.product, level)

    def _find_buyer(self) -> None:
        demand, seller = self.model.rules.demand, self.seller
        among_friends = self.channel in (Channel.MOMENTS, Channel.GROUPS)
        if among_friends and self.stranger >= demand.strangers and seller.friends:
            number = len(seller.friends)
            regular = demand.strangers + demand.regulars * (1.0 - demand.strangers)
            if self.stranger < regular and seller.customers > 0:
                number = seller.customers
            self.place = seller.place_of(self.who, number)
            self.buyer = seller.friends[self.place].buyer
        else:
            self.buyer = self.model.buyers[int(self.who * len(self.model.buyers))]

    def _is_turned_away(self) -> bool:
        """Return whether a trader who is afraid does not serve a stranger (section 21.7)."""
        rules = self.model.rules
        fear = self.trader.risk - rules.perception.residual
        if self.place is not None or self.at_stall:
            return False
        if rules.institutions.vetting <= 0.0 or fear <= 0.0:
            return False
        u = self.model.draw(Purpose.SERVED, self.asked.key, self.key)
        return u < rules.institutions.vetting * fear

    def _label(self) -> float:
        return self.seller.label(self._asked_by(self.trader))

    def _asked_by(self, trader) -> float:
        """Return what a trader asks for the product on this channel, without agents."""
        asked = trader.asked(self.product)
        if self.at_stall:
            asked *= 1.0 + self.model.rules.retail.physical_premium
        return asked

    def _interested(self) -> bool:
        demand = self.model.rules.demand
        trust = demand.trust
        if self.at_stall:
            trust = 1.0
        elif self.place is not None:
            trust = self.seller.friends[self.place].trust
        buyer = self.buyer
        chance = trust * buyer.likes(self.product) * (1.0 - demand.caution * buyer.risk_today())
        chance *= 1.0 - buyer.satiety()
        if not self.at_stall:
            chance *= self.conditions.heard
        return self.interest < chance

    def _goes_elsewhere(self) -> bool:
        """Return whether the buyer buys abroad; or let a cheaper seller have the inquiry."""
        compares, which, abroad, _ = self.draws(Purpose.COMPARES)
        if self.buyer.segment == Segment.TRAVELLER and abroad < self.conditions.abroad:
            self.model.counts.count(Tally.BOUGHT_ABROAD)
            return True
        if self.channel != Channel.GROUPS and compares < self.model.rules.buyers.compare:
            self._compare(which)
        return False

    def _compare(self, which: float) -> None:
        """Look at the offer of another trader, and go there if it is better (section 18.5)."""
        offers = [trader for trader in self.model.traders if self._offered_by(trader)]
        if not offers:
            return
        other = offers[min(int(which * len(offers)), len(offers) - 1)]
        if other is self.trader or other.held[self.product] == 0:
            return
        label, mine, its = self._asked_by(other), self.trader.quality, other.quality
        if label * mine[self.product] < self.price * its[self.product]:
            self.seller = self.trader = other
            self.price, self.place = label, None
            self.model.counts.count(Tally.PASSED_ON)

    def _offered_by(self, trader) -> bool:
        """Return whether a trader offers anything today where the buyer has asked."""
        moments, _, elsewhere, stall = trader.posts_by_slot()
        if self.channel == Channel.MOMENTS:
            return moments > 0
        return stall > 0 if self.at_stall else elsewhere > 0

    def _auction(self) -> None:
        """Let up to four friends bid against who asked; the price is the second bid."""
        seller, label = self.seller, self.price
        self.model.counts.count(Tally.AUCTIONS)
        asker = self.place
        leader = asker
        best = self.worth if asker is not None else 0.0
        second = 0.0
        lanes = self.draws(Purpose.BIDDER) if seller.friends else ()
        for u in lanes:
            place = seller.place_of(u, len(seller.friends))
            buyer = seller.friends[place].buyer
            if place == asker:
                continue
            if leader is not None and buyer is seller.friends[leader].buyer:
                continue
            bid = self._worth_to(buyer)
            if bid > best:
                best, second, leader = bid, best, place
            elif bid > second:
                second = bid
        self.place, self.worth = leader, best
        self.buyer = self.model.buyers[0] if leader is None else seller.friends[leader].buyer
        self.price = min(max(self.trader.replacement_cost(self.product), second), label)

    def _agree_on_payment(self) -> bool:
        """Settle escrow, which may raise the price; return whether the deal is still on."""
        payment = self.model.rules.payment
        if self.at_stall or self.buyer.habit >= payment.escrow:
            return True
        consents, refused, traced, _ = self.draws(Purpose.ESCROW)
        if self.seller is not self.trader or consents >= payment.accepted:
            return refused >= payment.insist
        self.escrowed = True
        self.price *= 1.0 + payment.premium
        if self.worth >= self.price and traced < self.conditions.traced:
            self.model.counts.count_measure(Measure.ESCROW_TRACES, self.channel)
            self.model.police.file_case(self.trader, Unit.PARCELS)
        return True

    def _stopped(self) -> bool:
        """Return whether the payment is stopped, or the parcel is refused at pick-up (step 9)."""
        model, levers = self.model, self.model.levers
        if self.at_stall or (levers.payments <= 0.0 and levers.refused <= 0.0):
            return False
        stopped, frozen, refused, _ = self.draws(Purpose.PAYMENT_STOPPED)
        if stopped < levers.payments:
            model.counts.count_measure(Measure.PAYMENTS_STOPPED, self.channel)
            if frozen < levers.freeze:
                model.counts.count_measure(Measure.PAYMENTS_FROZEN, self.channel)
                model.books.move_all(Item.MONEY, self.trader, Account.SEIZED)
            return True
        if refused < levers.refused:
            model.counts.count_measure(Measure.PARCELS_REFUSED, self.channel)
            return True
        return False

    def _deal(self) -> None:
        model, demand, trader = self.model, self.model.rules.demand, self.trader
        spread, z = demand.piece_spread, normal_quantile(self.piece)
        grams = model.pieces[self.product]
        mass = int(grams * 1000.0 * exp(spread * z - spread * spread / 2.0)) + 1
        mass = min(mass, trader.held[self.product])
        paid = fen(self.price, mass)
        if paid == 0:
            return
        received = self._pay(paid)
        trader.note_sale(mass)
        cost = fen(trader.replacement_cost(self.product), mass)
        if self.at_stall:
            model.books.move(self.product, mass, trader, Account.CONSUMED)
            model.counts.count(Tally.DELIVERED + self.channel, mass)
            model.counts.count(Tally.EARNED + self.channel, paid)
            model.learned.settle(trader, self.channel, paid - cost)
        else:
            model.books.move(self.product, mass, trader, Account.COURIERS)
            escrowed = paid if self.escrowed else 0
            model.parcels.append(Parcel(self, mass, escrowed, received, cost))
            model.counts.count(Tally.PARCELS)
        self.buyer.have_bought(paid)
        self._count_deal(mass, paid)

    def _pay(self, paid: int) -> int:
        """Pay for a deal; return what reaches the trader now."""
        books = self.model.books
        if self.escrowed:
            books.move(Item.MONEY, paid, Account.INCOME, Account.ESCROW)
            return 0
        books.move(Item.MONEY, paid, Account.INCOME, self.seller)
        agent = self.seller
        while agent is not self.trader:
            above = agent.upstream or self.trader
            paid = int(paid / (1.0 + self.model.rules.resale.extra))
            books.move(Item.MONEY, paid, agent, above)
            agent = above
        return paid

    def _count_deal(self, mass: int, paid: int) -> None:
        counts = self.model.counts
        counts.count(Tally.DEALS)
        if self.place is not None and self.place < self.seller.customers:
            counts.count(Tally.REPEAT_DEALS)
        if self.seller is not self.trader:
            counts.count(Tally.RESALE_DEALS)
            self.seller.last_deal = self.model.row
        if self.escrowed:
            counts.count(Tally.ESCROW_DEALS)
        counts.count(Tally.AGREED + self.channel, mass)
        counts.count(Tally.REVENUE + self.channel, paid)
        counts.count_price(self.product, Stage.SOLD, self.channel, self.price)


def platform_of(trader) -> tuple[Channel, float]:
    """Return where a trader's posts elsewhere stand today, and what they draw there."""
    demand, site = trader.model.rules.demand, trader.platform_today()
    weights = {
        Site.PUBLIC: demand.public,
        Site.SOCIAL: demand.social,
        Site.WEBSITES: demand.websites,
    }
    return site.channel, weights[site]


def attention_to(seller, posts: float) -> float:
    """Return how much of a post friends read, if there are so many."""
    motive = seller.model.rules.motive
    attention = 1.0 / (1.0 + motive.crowding * posts)
    if seller.trader.guarded:
        attention *= 1.0 - motive.obscure
    return attention


def trade_with(seller, conditions: Conditions) -> None:
    """Go through the day's inquiries at a seller, slot by slot."""
    model, demand = seller.model, seller.model.rules.demand
    posts = seller.posts_by_slot()
    if not any(posts):
        return
    platform, weight = Channel.SOCIAL, demand.social
    if posts[2] > 0:
        platform, weight = platform_of(seller.trader)
        if model.row >= int(model.rules.delivery.days):
            model.learned.reckon(platform, seller.relative[2] * weight * posts[2])
    channels = (Channel.MOMENTS, Channel.GROUPS, platform, Channel.PHYSICAL)
    friends = float(len(seller.friends))
    feed = seller.posts_read()
    attention = attention_to(seller, feed + posts[1])
    means = (
        (demand.inquiries_per_post * friends) * feed * attention,
        (demand.inquiries_per_post * friends) * demand.groups * posts[1] * attention,
        (demand.inquiries_per_post * demand.friends * weight) * posts[2],
        conditions.visits * posts[3],
    )
    left = int(demand.max_inquiries_per_day)
    lanes = model.draws(Purpose.INQUIRIES, seller.key)
    for slot in range(LANES):
        number = min(events(lanes[slot], means[slot]), left)
        left -= number
        for k in range(number):
            shown = k if channels[slot] == Channel.PHYSICAL else k % posts[slot]
            Inquiry(conditions, seller, channels[slot], k, shown).go_through()
