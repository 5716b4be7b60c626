"""Sellers and their friends: traders have them, and resale agents (docs/market.md 2, 3, 9)."""

import math
from dataclasses import dataclass

import mesa

from marketsim.numerics.distributions import events
from marketsim.numerics.rng import LANES, Purpose

from .books import Holder
from .buyers import Buyer, single
from .codes import Tally
from .start import Rest

STEPS = 65535
FIRST_AGENT = 2**40


def steps(trust: float) -> int:
    """Return trust in whole steps."""
    return int(trust * STEPS)


@dataclass(slots=True, eq=False)
class Friend:
    """A buyer on the list of a seller."""

    buyer: Buyer
    steps: int

    @property
    def trust(self) -> float:
        return self.steps / STEPS


class Seller(Holder):
    """Who has friends, and posts that they may ask about.

    `key` is the number by which draws know the seller.
    """

    key: int

    def __init__(self, *args):
        super().__init__(*args)
        self.friends: list[Friend] = []
        self.customers = 0
        self.wanted = 0
        self.room = 0

    def make_friends(self, begins: bool) -> None:
        """Draw the friends of the first day, or of the day of entry (section 3)."""
        self.relative = [0.0, 0.0, 0.0]
        model, demand = self.model, self.model.rules.demand
        if not model.buyers:
            return
        u = model.draw_once(Purpose.FRIENDS, self.key)
        self.wanted = math.floor(demand.friends * (0.5 + u))
        self.room = math.ceil(self.wanted * (1.0 + demand.room))
        self.rest = rest = Rest(self)
        self.relative = rest.relative()
        if begins:
            self._draw_friends(math.floor(self.wanted * model.rules.motive.start))
            return
        number = rest.held + rest.added
        self._draw_friends(number)
        u = model.draw_once(Purpose.CUSTOMERS_AT_START, self.key)
        self.customers = min(int(rest.mean + u), number)
        for place in range(self.customers):
            buyer, missing = rest.customer(place)
            self.friends[place] = Friend(buyer, steps(1.0 - missing))
            buyer.regular = single(buyer.regular + rest.by_one())

    def _draw_friends(self, number: int) -> None:
        model = self.model
        for n in range(number):
            u = model.draws_for_good(Purpose.FRIEND, self.key, n // LANES)[n % LANES]
            buyer = model.buyers[int(u * len(model.buyers))]
            self.friends.append(Friend(buyer, steps(model.rules.demand.trust)))

    def place_of(self, u: float, number: int) -> int:
        """Return a place among the first so many friends."""
        return min(int(u * number), number - 1)

    def strike_off(self, place: int) -> None:
        """Take a friend off the list (section 2)."""
        friends = self.friends
        if place < self.customers:
            self.customers -= 1
            friends[place], friends[self.customers] = friends[self.customers], friends[place]
            place = self.customers
        friends[place], friends[-1] = friends[-1], friends[place]
        friends.pop()
        self.model.counts.count(Tally.FRIENDS_LOST)

    def lose_friends(self, share: float) -> None:
        """Lose the friends who do not follow to a new account; a share of them does (section 9)."""
        for place in range(len(self.friends) - 1, -1, -1):
            buyer = self.friends[place].buyer
            if self.model.draw(Purpose.KEPT, self.key, buyer.number) >= share:
                self.strike_off(place)
                self.model.seekers.may_join(self, buyer)

    def lose_all_friends(self) -> None:
        """Be gone, for friends, some of whom look for another seller."""
        for friend in self.friends:
            self.model.seekers.may_join(self, friend.buyer)
        while self.friends:
            self.strike_off(len(self.friends) - 1)

    def befriend(self, buyer: Buyer) -> None:
        """Put a buyer at the end of the list."""
        self.friends.append(Friend(buyer, steps(self.model.rules.demand.trust)))
        self.model.counts.count(Tally.FRIENDS_ADDED)

    def become_customer(self, place: int) -> None:
        """Let a friend who has now bought stand among the customers."""
        if place >= self.customers:
            friends, first = self.friends, self.customers
            friends[place], friends[first] = friends[first], friends[place]
            self.customers += 1

    def exchange_friends(self) -> None:
        """Every tenth day, lose some friends and get others (section 9)."""
        model = self.model
        if (model.row + self.key) % 10 != 0:
            return
        leaving = len(self.friends) * model.rules.demand.friends_leave * 10.0
        for k in range(int(leaving + model.draw(Purpose.FRIENDS_GO, self.key))):
            number = len(self.friends)
            goes, comes, replaced, _ = model.draws(Purpose.FRIEND_GOES, self.key, k)
            self.strike_off(self.place_of(goes, number))
            if replaced * number < self.wanted:
                self.befriend(model.buyers[int(comes * len(model.buyers))])


class ResaleAgent(Seller, mesa.Agent):
    """Who forwards the posts of a trader, or of another agent, and holds no goods."""

    def __init__(self, model, number: int):
        super().__init__(model)
        self.number = number
        self.key = FIRST_AGENT + number
        self.tier = 1
        self.retailer = None
        self.upstream: ResaleAgent | None = None
        self.active = True
        self.last_deal = 0  # row
        self.banned_until = 0
        self.forwarded = 0

    @property
    def trader(self):
        """Whose goods are sold."""
        return self.retailer

    @property
    def banned(self) -> bool:
        return self.banned_until > self.model.today

    @property
    def usual_posts(self) -> float:
        """Posts a day in a market at rest."""
        return self.model.rules.resale.forwarded * self.retailer.usual_posts

    def posts_read(self) -> float:
        """Return the posts of the day that friends find in their feed."""
        return self.forwarded

    def chain(self):
        """Yield the agent and all those upstream of it."""
        agent = self
        while agent is not None:
            yield agent
            agent = agent.upstream

    def keep_friends(self) -> None:
        if not self.active and self.model.rules.upstream.recruit > 0.0:
            self.lose_all_friends()
        if self.retailer.in_trade:
            self.exchange_friends()

    def posts_by_slot(self) -> tuple[int, int, int, int]:
        """Return posts forwarded today; agents forward to Moments alone."""
        model, posted = self.model, self.retailer.moments
        self.forwarded = 0
        if posted > 0 and all(one.active and not one.banned for one in self.chain()):
            mean = model.rules.resale.forwarded * posted
            self.forwarded = events(model.draw(Purpose.FORWARDED, self.number), mean)
            model.counts.count(Tally.FORWARDED, self.forwarded)
        return self.forwarded, 0, 0, 0

    def label(self, asked: float) -> float:
        for _ in range(self.tier):
            asked *= 1.0 + self.model.rules.resale.extra
        return asked
