"""Agents of a market: read-only views on its arrays, made when asked for."""

import copy
import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from weakref import WeakValueDictionary

import mesa
import numpy as np
from mesa.agent import AgentSet

from marketsim.model.buyers import (
    buyer_traits,
    half_life,
    satiety,
    segment_of,
    willingness_to_pay,
)
from marketsim.model.ledger import FEN, MILLIGRAMS, PRODUCT_NAMES, PRODUCTS, Account, Item
from marketsim.model.state import (
    Backup,
    Channel,
    Desk,
    MarketState,
    Operator,
    Place,
    Segment,
    State,
    Unit,
    operator_of,
)
from marketsim.parameters.traders import TRADER_TYPES

if TYPE_CHECKING:
    from marketsim.mesa_model.market import Market

UNIQUE_IDS = 1_000_000_000  # of each kind
PRESENT = (State.ACTIVE, State.LYING_LOW, State.BANNED)


class AgentView(mesa.Agent):
    """An agent of a market, read-only.

    A view has no state of its own: a property reads the arrays of the market, as they are at the
    end of the last simulated day. Only Mesa's `pos` can be set.

    Attributes
    ----------
    model : Market
        The market.
    number : int
        Number of the agent within its kind, from 0.
    unique_id : int
        The number, after a digit for the kind: 3,000,000,012 is retailer 12. An agent has the same
        one in every run of a seed.
    """

    digit: ClassVar[int]

    def __init__(self, model: "Market", number: int) -> None:
        # Mesa's own __init__ counts ids in the order of creation, and in 3.3 keeps the model alive
        unique_id = self.digit * UNIQUE_IDS + number
        self.__dict__.update(model=model, number=number, unique_id=unique_id, pos=None)

    @classmethod
    def count(cls, state: MarketState) -> int:
        """Return the number of agents of the kind, those included who are not in the market."""
        raise NotImplementedError

    @classmethod
    def present(cls, state: MarketState) -> np.ndarray:
        """Return whether each agent of the kind is in the market, shape (count,)."""
        return np.ones(cls.count(state), bool)

    def remove(self) -> NoReturn:
        """Refuse to remove an agent: the model alone decides who leaves."""
        raise TypeError(f"{self} cannot be removed: agents are views of the arrays of a market")

    @property
    def _state(self) -> MarketState:
        return self.model.state

    @property
    def _row(self) -> int:
        """Return the row of the last simulated day; the first row before that."""
        return max(self.model.days_simulated - 1, 0)

    def _view(self, kind: type["AgentView"], number: int) -> Any:
        """Return another agent of the market; None for nobody."""
        return None if number < 0 else self.model._registry.view(kind, int(number))

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "pos":
            message = "cannot be set: agents are views of the arrays of a market"
            raise AttributeError(f"{name} of {self} {message}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name} of {self} cannot be deleted")

    def __deepcopy__(self, memo: dict[int, Any]) -> "AgentView":
        if id(self.model) not in memo:  # Mesa's data collector copies what reporters return
            return self
        return type(self)(copy.deepcopy(self.model, memo), self.number)

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.number}"


class Holder(AgentView):
    """An agent who holds ivory and money in the ledger."""

    holders: ClassVar[Account]

    @classmethod
    def count(cls, state: MarketState) -> int:
        """Return the number of holders of the kind in the ledger."""
        start = state.trade.books.start
        return int(start[cls.holders + 1] - start[cls.holders])

    @property
    def _balance(self) -> np.ndarray:
        books = self._state.trade.books
        balance: np.ndarray = books.balance[books.start[self.holders] + self.number]
        return balance

    @property
    def grams(self) -> tuple[float, ...]:
        """Ivory in stock, g: raw, semi-worked, uncarved, carved."""
        return tuple(float(mass) / MILLIGRAMS for mass in self._balance[:PRODUCTS])

    @property
    def stock(self) -> float:
        """Ivory in stock, g, all products."""
        return float(self._balance[:PRODUCTS].sum()) / MILLIGRAMS

    @property
    def money(self) -> float:
        """Money, CNY."""
        return float(self._balance[Item.MONEY]) / FEN


class Dealer(Holder):
    """A supplier or a processor."""

    @property
    def _dealer(self) -> int:
        """Return the place in the arrays of dealers: suppliers, and after them processors."""
        return int(self._state.trade.books.start[self.holders]) + self.number

    @property
    def perceived_risk(self) -> float:
        """Perceived risk, 0 to 1."""
        return float(self._state.trade.dealers.risk[self._dealer])

    @property
    def closed_until(self) -> dt.date | None:
        """First date open after the last raid; None before any."""
        return _date_or_none(self._state.trade.dealers.closed_until[self._dealer])

    @property
    def size(self) -> float:
        """Size relative to the mean of the kind."""
        return float(self._state.trade.dealers.size[self._dealer])

    @property
    def banned_until(self) -> dt.date | None:
        """First date with an account after the last ban; None before any."""
        return _date_or_none(self._state.trade.dealers.banned_until[self._dealer])

    @property
    def working_capital(self) -> float:
        """Money that the dealer keeps in the trade, CNY."""
        return float(self._state.trade.dealers.working_capital[self._dealer]) / FEN

    @property
    def sales(self) -> tuple[float, ...]:
        """Smoothed sales by product, g a day."""
        sold = self._state.trade.dealers.sold[self._dealer]
        return tuple(float(mass) / MILLIGRAMS for mass in sold)


class Supplier(Dealer):
    """A supplier of raw ivory."""

    digit = 1
    holders = Account.SUPPLIERS


class Processor(Dealer):
    """A workshop that makes semi-worked, uncarved and carved ivory."""

    digit = 2
    holders = Account.PROCESSORS

    @property
    def has_machines(self) -> bool:
        """Whether the machines have not been seized."""
        return bool(self._state.trade.dealers.machines[self._dealer] > 0.0)


class Seller(AgentView):
    """An agent with friends who see what it posts."""

    @property
    def _seller(self) -> int:
        """Return the place in the arrays of sellers: traders, and after them resale agents."""
        raise NotImplementedError

    @property
    def friends(self) -> int:
        """Number of friends."""
        return int(self._state.trade.friends.count[self._seller])

    @property
    def customers(self) -> int:
        """Number of friends who have bought."""
        return int(self._state.trade.friends.customers[self._seller])


class Retailer(Holder, Seller):
    """A trader who posts and sells; `Market.retailers` also has those who are not in the market."""

    digit = 3
    holders = Account.RETAILERS

    @classmethod
    def present(cls, state: MarketState) -> np.ndarray:
        """Return who is active, lying low or banned: not who is absent, has left or is arrested."""
        return np.isin(state.retailers.state, PRESENT)

    @property
    def _seller(self) -> int:
        return self.number

    @property
    def type(self) -> str:
        """Type: A, B, C or D."""
        return TRADER_TYPES[self._state.retailers.kind[self.number]].upper()

    @property
    def state(self) -> str:
        """State: absent, active, lying_low, banned, left or arrested."""
        return State(self._state.retailers.state[self.number]).name.lower()

    @property
    def base_rate(self) -> float:
        """Posts a day without risk."""
        return float(self._state.retailers.base_rate[self.number])

    @property
    def sensitivity(self) -> float:
        """Factor k of exp(-k risk) on posts."""
        return float(self._state.retailers.sensitivity[self.number])

    @property
    def threshold(self) -> float:
        """Perceived risk from which the trader lies low."""
        return float(self._state.retailers.threshold[self.number])

    @property
    def is_talking(self) -> bool:
        """Whether the trader is in a spell of posting."""
        return bool(self._state.retailers.talking[self.number])

    @property
    def perceived_risk(self) -> float:
        """Perceived risk, 0 to 1."""
        return float(self._state.retailers.risk[self.number])

    @property
    def account(self) -> int:
        """Number of the account in use; 0 is the first."""
        return int(self._state.retailers.account[self.number])

    @property
    def offences(self) -> int:
        """Sanctions on the account."""
        return int(self._state.retailers.offences[self.number])

    @property
    def backup(self) -> str:
        """State of the backup account: none, prepared or announced."""
        return Backup(self._state.retailers.backup[self.number]).name.lower()

    @property
    def audience(self) -> float:
        """Share of the first audience kept."""
        return float(self._state.retailers.audience[self.number])

    @property
    def arrival(self) -> dt.date | None:
        """Date of arrival; None for a founder."""
        return _date_or_none(self._state.retailers.arrival[self.number])

    @property
    def blocked_until(self) -> dt.date | None:
        """First date free of the last block; None before any."""
        return _date_or_none(self._state.retailers.blocked_until[self.number])

    @property
    def posts_today(self) -> int:
        """Posts that the trader tried to make today."""
        counters = self._state.counters
        return int(counters.intended[self.number] - counters.withheld[self.number])

    @property
    def visible_today(self) -> int:
        """Today's posts in Moments that are visible in the evening."""
        return int(self._state.counters.moments[self.number])

    @property
    def has_stall(self) -> bool:
        """Whether the trader has a stall."""
        return bool(self._state.trade.shops.stall[self.number])

    @property
    def barred_from(self) -> tuple[str, ...]:
        """Places beside Moments from which the trader is barred on the next day."""
        until = self._state.trade.places.barred_until[:, self.number]
        tomorrow = self._state.first_day + self._row + 1
        return tuple(place.name.lower() for place in Place if until[place] > tomorrow)

    @property
    def ties(self) -> tuple["Retailer", ...]:
        """Traders to whom the trader is tied."""
        ties = self._state.ties
        others = ties.other[ties.start[self.number] : ties.start[self.number + 1]]
        return tuple(self._view(Retailer, other) for other in others)

    @property
    def supplier(self) -> Supplier | None:
        """The usual supplier."""
        found: Supplier | None = self._view(Supplier, self._state.trade.shops.supplier[self.number])
        return found

    @property
    def processor(self) -> Processor | None:
        """The usual processor."""
        dealer = self._state.trade.shops.processor[self.number]
        suppliers = self._state.trade.books.start[Account.PROCESSORS]
        found: Processor | None = self._view(Processor, dealer - suppliers if dealer >= 0 else -1)
        return found


class ResaleAgent(Seller):
    """An agent who forwards the posts of a retailer; one taken by police, or gone, is not there."""

    digit = 4

    @classmethod
    def count(cls, state: MarketState) -> int:
        """Return the number of resale agents, those taken by police and gone included."""
        return int(state.trade.agents.retailer.size)

    @classmethod
    def present(cls, state: MarketState) -> np.ndarray:
        """Return who is in the trade."""
        active: np.ndarray = state.trade.agents.active > 0
        return active

    @property
    def _seller(self) -> int:
        return int(self._state.retailers.state.size) + self.number

    @property
    def retailer(self) -> Retailer:
        """The trader whose goods the agent sells."""
        found: Retailer = self._view(Retailer, self._state.trade.agents.retailer[self.number])
        return found

    @property
    def upstream(self) -> "ResaleAgent | None":
        """The agent whose posts the agent forwards; None if they are the trader's own."""
        upstream = self._state.trade.agents.upstream[self.number]
        found: ResaleAgent | None = self._view(ResaleAgent, upstream)
        return found

    @property
    def banned_until(self) -> dt.date | None:
        """First date with an account after the last ban; None before any."""
        return _date_or_none(self._state.trade.agents.banned_until[self.number])

    @property
    def tier(self) -> int:
        """Tier, from 1."""
        return int(self._state.trade.agents.tier[self.number])


class Buyer(AgentView):
    """A buyer; `Market.agents` has none, since there are fifty to a trader."""

    digit = 5

    @classmethod
    def count(cls, state: MarketState) -> int:
        """Return the number of buyers."""
        return int(state.trade.buyers.risk.size)

    @property
    def _traits(self) -> tuple[float, int, float, float]:
        state = self._state
        traits: tuple[float, int, float, float] = buyer_traits(
            state.seed, self.number, state.params.demand
        )
        return traits

    @property
    def segment(self) -> str:
        """Segment: gift, collector, investor or traveller."""
        return Segment(segment_of(self._traits[3], self._state.params.buyers)).name.lower()

    @property
    def favourite(self) -> str:
        """The product that the buyer likes best."""
        return PRODUCT_NAMES[self._traits[1]]

    @property
    def willingness(self) -> tuple[float, ...]:
        """Willingness to pay by product at the first day's level of prices, CNY/g."""
        u_willing, demand = self._traits[0], self._state.params.demand
        return tuple(
            float(willingness_to_pay(u_willing, product, demand.willingness, demand))
            for product in range(PRODUCTS)
        )

    @property
    def perceived_risk(self) -> float:
        """Perceived risk, 0 to 1."""
        buyers, decay = self._state.trade.buyers, self._state.trade.risk_decay
        risk = float(buyers.risk[self.number])
        return risk * float(decay[self._row - buyers.touched[self.number]]) if risk > 0.0 else 0.0

    @property
    def satiety(self) -> float:
        """How far the buyer is sated, 0 to 1."""
        state, (u_willing, favourite, _, u_segment) = self._state, self._traits
        half = float(half_life(segment_of(u_segment, state.params.buyers), state.params.buyers))
        found = satiety(
            self._row, self.number, u_willing, favourite, half, state.params, state.trade
        )
        return float(found)

    @property
    def last_purchase(self) -> dt.date | None:
        """Date of the last purchase in the run; None before any."""
        row = int(self._state.trade.buyers.bought[self.number])
        return _date_or_none(self._state.first_day + row if row >= 0 else 0)


class Authority(AgentView):
    """An authority that decides cases in the order of a queue."""

    @property
    def _queue(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ring of traders, and the place of its head and the number waiting."""
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        """Cases that wait in the queue."""
        return int(self._queue[1][1])

    @property
    def queue(self) -> tuple[Retailer, ...]:
        """Traders whose cases wait; the first is decided next."""
        ring, (head, waiting) = self._queue
        return tuple(
            self._view(Retailer, ring[(head + place) % ring.size]) for place in range(waiting)
        )


class Moderators(Authority):
    """A desk of moderators: that of Moments, and, where there is trade, five of other places."""

    digit = 6

    @classmethod
    def count(cls, state: MarketState) -> int:
        """Return the number of desks."""
        return 1 + len(Desk) * _has_trade(state)

    @property
    def _desk(self) -> int:
        """Return the number of the desk beside that of Moments; -1 for that of Moments."""
        return self.number - 1

    @property
    def _queue(self) -> tuple[np.ndarray, np.ndarray]:
        places, queue = self._state.trade.places, self._state.queue
        if self._desk < 0:
            return queue.ring, queue.ends
        return places.ring[self._desk], places.ends[self._desk]

    @property
    def operator(self) -> str:
        """Operator of the platform: tencent, portals or websites."""
        return Operator(max(operator_of(self._desk), 0)).name.lower()

    @property
    def channel(self) -> str:
        """The channel that the moderators watch."""
        if self._desk < 0:
            return Channel.MOMENTS.name.lower()
        place = self._desk - (self._desk >= Desk.PORTALS)
        return Channel(place + 1).name.lower()

    @property
    def capacity(self) -> int:
        """Cases that can be decided today."""
        levers = self._state.levers
        cases = levers.capacity if self._desk < 0 else getattr(levers, f"staff_{self.operator}")
        return int(cases[self._row])


class PoliceUnit(Authority):
    """A police unit; none with ``market="posting_only"``. The units decide cases together."""

    digit = 7

    @classmethod
    def count(cls, state: MarketState) -> int:
        """Return the number of units."""
        return len(Unit) * _has_trade(state)

    @property
    def _queue(self) -> tuple[np.ndarray, np.ndarray]:
        cases = self._state.trade.cases
        places = (cases.ends[0] + np.arange(cases.ends[1])) % cases.ring.size
        own = cases.ring[places][cases.unit[cases.ring[places]] == self.number]
        return own, np.array([0, own.size])

    @property
    def name(self) -> str:
        """What the unit looks at: online, parcels, markets or border."""
        return Unit(self.number).name.lower()

    @property
    def effort(self) -> float:
        """Hours relative to those at the start."""
        return float(self._state.trade.units.effort[self.number])

    @property
    def share(self) -> float:
        """Share of the hours of all units."""
        return float(self._state.trade.units.share[self.number]) * self.effort

    @property
    def found(self) -> float:
        """Arrests, and kg seized, since hours were last moved."""
        return float(self._state.trade.units.found[self.number])


def _has_trade(state: MarketState) -> bool:
    return bool(state.trade.product_mix.size > 0)


IN_SET: tuple[type[AgentView], ...] = (
    *(Supplier, Processor, Retailer, ResaleAgent),
    *(Moderators, PoliceUnit),
)  # kinds that `Market.agents` has


class AgentList(Sequence[AgentView]):
    """All agents of a kind by number; one is made when asked for.

    Parameters
    ----------
    registry : Registry
        The agents of the market.
    kind : type
        Kind of the agents.
    """

    def __init__(self, registry: "Registry", kind: type[AgentView]) -> None:
        self._registry, self._kind = registry, kind

    def __len__(self) -> int:
        return self._kind.count(self._registry.market.state)

    def __iter__(self) -> Iterator[AgentView]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        if not -len(self) <= i < len(self):
            numbers = f"0 to {len(self) - 1}" if len(self) else "there are none"
            raise IndexError(f"{self._kind.__name__.lower()} {i} is out of range: {numbers}")
        return self._registry.view(self._kind, int(i) % len(self))


class AgentsByType(dict[type[mesa.Agent], AgentSet]):
    """Sets of agents by kind; that of `Buyer` is made when asked for, and no key before or after.

    Parameters
    ----------
    registry : Registry
        The agents of the market.
    """

    def __init__(self, registry: "Registry") -> None:
        super().__init__()
        self._registry = registry

    def __missing__(self, kind: type[mesa.Agent]) -> AgentSet:
        if kind is not Buyer:
            raise KeyError(kind)
        return self._registry.buyers()


class Registry:
    """The agents of a market that have been made.

    The sets are made on first use. From then on they have the agents who are in the market: after
    each day those who enter are added and those who leave are removed.

    Parameters
    ----------
    market : Market
        The market.
    """

    def __init__(self, market: "Market") -> None:
        self.market = market
        self._made: dict[type[AgentView], WeakValueDictionary[int, AgentView]] = {}
        self._present: dict[type[AgentView], np.ndarray] = {}
        self._kept: set[AgentView] = set()  # an AgentSet does not keep its agents alive
        self._buyers: tuple[list[AgentView], AgentSet] | None = None
        self._sets: tuple[AgentSet, AgentsByType] | None = None

    def view(self, kind: type[AgentView], number: int) -> AgentView:
        """Return an agent; the same object while somebody holds it."""
        made = self._made.setdefault(kind, WeakValueDictionary())
        found = made.get(number)
        if found is None:
            found = made[number] = kind(self.market, number)
        return found

    def sets(self) -> tuple[AgentSet, AgentsByType]:
        """Return the set of all agents, and the sets by kind."""
        if self._sets is None:
            random = self.market.random
            by_type = AgentsByType(self)
            by_type |= {kind: AgentSet([], random=random) for kind in IN_SET}
            self._sets = AgentSet([], random=random), by_type
            state = self.market.state
            self._present = {kind: np.zeros(kind.count(state), bool) for kind in IN_SET}
            for own in mesa.Model.agents.fget(self.market):  # those that a user has added
                self.add(own)
            self.update()
        return self._sets

    def buyers(self) -> AgentSet:
        """Return the set of all buyers."""
        if self._buyers is None:
            kept = list(AgentList(self, Buyer))
            self._buyers = kept, AgentSet(kept, random=self.market.random)
        return self._buyers[1]

    def update(self) -> None:
        """Add the agents who have entered and remove those who have left, if there are sets."""
        if self._sets is None:
            return
        everyone, by_type = self._sets
        has_entered = False
        for kind, before in self._present.items():
            after = kind.present(self.market.state)
            for number in np.flatnonzero(before & ~after):
                gone = self.view(kind, int(number))
                self._kept.discard(gone)
                self.discard(gone)
            for number in np.flatnonzero(after & ~before):
                new, has_entered = self.view(kind, int(number)), True
                self._kept.add(new)
                self.add(new)
            self._present[kind] = after
        if has_entered:  # the order does not depend on the day of first use
            for found in (everyone, *by_type.values()):
                found.sort("unique_id", ascending=True, inplace=True)

    def add(self, agent: mesa.Agent) -> None:
        """Add an agent to the sets, if there are sets."""
        if self._sets is not None:
            everyone, by_type = self._sets
            if type(agent) not in by_type:
                by_type[type(agent)] = AgentSet([], random=self.market.random)
            by_type[type(agent)].add(agent)
            everyone.add(agent)

    def discard(self, agent: mesa.Agent) -> None:
        """Remove an agent from the sets, if there are sets."""
        if self._sets is not None:
            everyone, by_type = self._sets
            by_type[type(agent)].discard(agent)
            everyone.discard(agent)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Registry":
        return Registry(copy.deepcopy(self.market, memo))  # views have no state to copy


def _date_or_none(ordinal: int) -> dt.date | None:
    return dt.date.fromordinal(int(ordinal)) if ordinal > 0 else None
