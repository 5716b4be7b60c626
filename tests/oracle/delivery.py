"""Parcels on their way, and what becomes of them (docs/market.md 11)."""

from marketsim.numerics.rng import Purpose

from .codes import Account, Channel, Item, Measure, Tally, Unit
from .sellers import steps


class Parcel:
    """Goods sent to a buyer, what they cost, and the sum for them, in escrow or paid."""

    def __init__(self, deal, mass: int, escrowed: int, paid: int, cost: int):
        self.model = deal.model
        self.due = self.model.row + int(self.model.rules.delivery.days)
        self.trader, self.seller = deal.trader, deal.seller
        self.key: int = deal.key
        self.asked = deal.asked  # by the buyer; draws know the parcel by this seller
        self.channel: Channel = deal.channel
        self.buyer = deal.buyer
        self.place: int | None = deal.place
        self.product: Item = deal.product
        self.mass = mass
        self.escrowed = escrowed
        self.paid = paid
        self.cost = cost

    def place_of_friend(self) -> int | None:
        """Return where the buyer stands on the seller's list today, if as a friend."""
        friends = self.seller.friends
        if self.place is None:
            return None
        if self.place < len(friends) and friends[self.place].buyer is self.buyer:
            return self.place
        for place, friend in enumerate(friends):
            if friend.buyer is self.buyer:
                return place
        return None

    def hand_over(self, intercepted: float, traceable: float) -> bool:
        """Deliver the parcel, or lose it to the police or on the way; return if it arrived."""
        model, delivery = self.model, self.model.rules.delivery
        courier, traced, lost, complaint = model.draws(Purpose.COURIER, self.asked.key, self.key)
        place = self.place_of_friend()
        if courier < intercepted:
            self._be_seized(traced < traceable)
        elif lost < delivery.lost:
            model.books.move(self.product, self.mass, Account.COURIERS, Account.LOST)
        else:
            self._arrive(place)
            self._settle(arrived=True)
            return True
        self._disappoint(place)
        if complaint < delivery.complaint:
            model.counts.count_measure(Measure.COMPLAINTS, self.channel)
            model.police.file_case(self.trader, Unit.PARCELS)
        self._settle(arrived=False)
        return False

    def _be_seized(self, traced: bool) -> None:
        model = self.model
        model.books.move(self.product, self.mass, Account.COURIERS, Account.SEIZED)
        model.counts.count_measure(Measure.PARCELS_SEIZED, self.channel, self.mass)
        model.units.find(Unit.PARCELS, self.mass)
        if traced:
            model.counts.count_measure(Measure.PARCELS_TRACED, self.channel)
            self.trader.moved += self.mass
            model.police.file_case(self.trader, Unit.PARCELS)
        self.buyer.lose_parcel_to_police()
        self.trader.loss = max(self.trader.loss, model.rules.motive.seizure)

    def _arrive(self, place: int | None) -> None:
        seller, demand = self.seller, self.model.rules.demand
        self.model.books.move(self.product, self.mass, Account.COURIERS, Account.CONSUMED)
        if place is None:
            if len(seller.friends) >= seller.room:
                return
            seller.befriend(self.buyer)
            place = len(seller.friends) - 1
        friend = seller.friends[place]
        friend.steps = steps(friend.trust + demand.trust_gain * (1.0 - friend.trust))
        seller.become_customer(place)

    def _disappoint(self, place: int | None) -> None:
        if place is None:
            return
        demand, friend = self.model.rules.demand, self.seller.friends[place]
        trust = friend.trust * (1.0 - demand.trust_loss)
        friend.steps = steps(trust)
        if trust < demand.trust / 2.0:
            self.seller.strike_off(place)

    def _settle(self, arrived: bool) -> None:
        """Pay out what waits in escrow, or pay back; count what is delivered and earned."""
        model, counts = self.model, self.model.counts
        earned = self.paid - self._refund(arrived) + self._from_escrow(arrived)
        if arrived:
            counts.count(Tally.DELIVERED + self.channel, self.mass)
        counts.count(Tally.EARNED + self.channel, earned)
        model.learned.settle(self.trader, self.channel, earned - self.cost)

    def _from_escrow(self, arrived: bool) -> int:
        """Return what the trader gets of an escrowed sum."""
        books = self.model.books
        if not arrived:
            books.move(Item.MONEY, self.escrowed, Account.ESCROW, Account.INCOME)
            return 0
        fee = int(self.escrowed * self.model.rules.payment.fee)
        books.move(Item.MONEY, fee, Account.ESCROW, Account.COSTS)
        books.move(Item.MONEY, self.escrowed - fee, Account.ESCROW, self.trader)
        return self.escrowed - fee

    def _refund(self, arrived: bool) -> int:
        """Return what the trader pays back of a payment."""
        model, refund = self.model, self.model.rules.motive.refund
        if arrived or self.paid == 0 or refund == 0.0:
            return 0
        if model.draw(Purpose.REFUNDED, self.asked.key, self.key) >= refund:
            return 0
        amount = min(self.paid, self.trader.money)
        model.books.move(Item.MONEY, amount, self.trader, Account.INCOME)
        return amount


def deliver(model) -> None:
    """Go through the parcels that are due today, in the order sent."""
    delivery, levers = model.rules.delivery, model.levers
    usually = model.units.at_effort(delivery.intercepted, Unit.PARCELS)
    intercepted = 1.0 - (1.0 - usually) * (1.0 - levers.couriers)
    hidden = min(1.0, delivery.false_names * levers.names)
    due = [parcel for parcel in model.parcels if parcel.due == model.row]
    model.parcels = [parcel for parcel in model.parcels if parcel.due != model.row]
    traced = 1.0 - (1.0 - delivery.traced) * (1.0 - levers.traces)
    fates = [parcel.hand_over(intercepted, traced * (1.0 - hidden)) for parcel in due]
    model.hearsay.remember(sum(fates), len(fates))
