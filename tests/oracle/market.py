"""The market as a Mesa model: the order of the day (docs/model.md 3)."""

import mesa

from marketsim.numerics.elementary import LN_2, exp, log
from marketsim.numerics.rng import Purpose, uniform, uniforms, words
from marketsim.parameters.settings import kernel_params

from .books import Books, DayCounts
from .codes import PRODUCTS, Account, Channel, Item, Measure, State, Tally, Unit
from .delivery import deliver
from .hearsay import Hearsay
from .legal import LegalMarket
from .levers import calendar
from .making import make_chain, make_traders
from .moderation import Moderators
from .motives import Learned
from .observer import Observer
from .picture import day_flows, day_stocks, mean_risk, picture
from .places import Operators
from .police import Police
from .prices import Prices
from .recipe import Recipe
from .seekers import Seekers
from .start import Purchases
from .trade import Conditions, trade_with
from .traders import Trader
from .units import Units
from .upstream import sweep_agents_and_dealers, update_upstream


class Market(mesa.Model):
    """Traders, the chain behind them, and those who watch and chase them."""

    def __init__(self, settings, seed: int):
        super().__init__(seed=seed)
        self.seed = seed
        self.settings = settings
        self.posts_alone = settings.market == "posting_only"
        self.rules = kernel_params(settings)
        self.founders = settings.population.retailers
        self.calendar = calendar(settings, self.rules)
        self.row = 0
        self.recipe = Recipe(self.rules)
        self.prices = Prices(self)
        self.legal = LegalMarket(self)
        demand = self.rules.demand
        self.pieces = (
            demand.piece_raw,
            demand.piece_semi,
            demand.piece_uncarved,
            demand.piece_carved,
        )
        self.worths = (
            demand.worth_raw,
            demand.worth_semi,
            demand.worth_uncarved,
            demand.worth_carved,
        )
        self.fading = self._fading()
        self.books = Books()
        self.yesterday = self.counts = DayCounts()
        self.moderators = Moderators(self)
        self.police = Police(self)
        self.units = Units(self)
        self.operators = Operators(self)
        self.parcels: list = []
        self.learned = Learned(self)
        self.seekers = Seekers(self)
        self.hearsay = Hearsay(self)
        make_traders(self)
        self.observer = Observer(self)
        make_chain(self)
        self.purchases = Purchases(self)

    def _fading(self) -> list[float]:
        """How much is left of buyers' risk after so many days (market.md 3)."""
        factor = exp(-LN_2 / (7.0 * self.rules.demand.half_life))
        fading = [1.0]
        for _ in self.calendar:
            fading.append(fading[-1] * factor)
        return fading

    # draws (model.md 7.1)

    @property
    def levers(self):
        """The levers of today."""
        return self.calendar[self.row]

    @property
    def today(self) -> int:
        return self.levers.ordinal

    def draw(self, purpose: Purpose, who: int, whom: int = 0) -> float:
        """Return a uniform of today."""
        return uniform(self.seed, int(purpose), self.today, who, whom)

    def words(self, purpose: Purpose, who: int, whom: int = 0):
        """Return the four words of today in the block of a purpose."""
        return words(self.seed, int(purpose) // 4, self.today, who, whom)

    def draws(self, purpose: Purpose, who: int, whom: int = 0):
        """Return the four uniforms of today in the block of a purpose, from its first lane."""
        return uniforms(self.seed, int(purpose), self.today, who, whom)

    def draw_once(self, purpose: Purpose, who: int, whom: int = 0) -> float:
        """Return a uniform that holds for the whole run."""
        return uniform(self.seed, int(purpose), 0, who, whom)

    def draws_for_good(self, purpose: Purpose, who: int, whom: int = 0):
        """Return four uniforms that hold for the whole run."""
        return uniforms(self.seed, int(purpose), 0, who, whom)

    def in_turn(self, purpose: Purpose, agents: list) -> list:
        """Return agents in the order of their draws, ties by number."""
        return sorted(agents, key=lambda one: (self.draw(purpose, one.number), one.number))

    def race(self, purpose: Purpose, who: int, runners: list):
        """Return the winner among (dealer, weight), or nobody if no weight is above 0."""
        winner, shortest = None, 0.0
        for dealer, weight in runners:
            if weight > 0:
                time = -log(self.draw(purpose, who, dealer.number)) / weight
                if winner is None or time < shortest:
                    winner, shortest = dealer, time
        return winner

    # who there is

    @property
    def people(self) -> mesa.agent.AgentSet:
        """All traders, those not yet there and those gone included, by id."""
        return self.agents_by_type[Trader]

    @property
    def present(self) -> mesa.agent.AgentSet:
        """Traders who are neither absent nor gone."""
        return self.people.select(lambda trader: trader.in_trade)

    @property
    def sellers(self) -> list:
        """Traders by id, and after them the agents."""
        return self.traders + self.resale_agents

    # the day

    def step(self) -> None:
        """Live one day."""
        self.row = self.steps - 1
        self.yesterday, self.counts = self.counts, DayCounts()
        self.people.do("come_or_go")
        self.prices.update()
        self.supply()
        self.work()
        self.restock()
        self.learned.update()
        self.people.do("post")
        update_upstream(self)
        self.seekers.see_morning()
        for seller in self.sellers:
            seller.keep_friends()
        self.trade()
        self.legal.live()
        deliver(self)
        self.moderators.remove_known_posts()
        self.moderators.open_cases()
        self.moderators.review()
        self.moderators.sweep()
        self.moderate_places()
        self.police.work()
        self.present.do("perceive")
        self.present.do("keep_accounts")
        self.observer.note()
        self.record()
        self.close_day()

    def supply(self) -> None:
        """Have shipments of raw ivory sent to suppliers (market.md 5)."""
        supply = self.rules.supply
        seized = min(1.0, supply.seized * self.levers.border)
        seized = self.units.at_effort(seized, Unit.BORDER)
        extra = max(1.0 - supply.seized, 0.01) / max(1.0 - seized, 0.01)
        for supplier in self.suppliers:
            if not supplier.closed:
                supplier.ship(seized, extra)

    def work(self) -> None:
        """Let processors buy and work raw ivory, in a drawn order (market.md 6)."""
        for processor in self.in_turn(Purpose.WORK_ORDER, self.processors):
            processor.work()

    def restock(self) -> None:
        """Let dealers' fear fade, and traders order (market.md 7)."""
        for dealer in self.dealers:
            dealer.fade()
        self.people.do("smooth_sales")
        self.people.do("start_business")
        chance = 1.0 / self.rules.retail.restock_days
        ordering = [
            trader
            for trader in self.traders
            if trader.in_trade and self.draw(Purpose.RESTOCK, trader.number) < chance
        ]
        for trader in self.in_turn(Purpose.RESTOCK_TURN, ordering):
            trader.restock()

    def trade(self) -> None:
        """Go through the day's inquiries at all sellers (market.md 9)."""
        conditions = Conditions(self)
        for seller in self.sellers:
            trade_with(seller, conditions)

    def moderate_places(self) -> None:
        """Moderate what is beside Moments, and the accounts of those who do not retail (20)."""
        self.operators.moderate()
        sweep_agents_and_dealers(self)
        self.operators.pool()

    def record(self) -> None:
        """Count the day (model.md 7.8)."""
        self.flows = day_flows(self)
        self.stocks = day_stocks(self)
        self.mean_risk = mean_risk(self)

    def close_day(self) -> None:
        """Read labels, count, and close the books (market.md 13)."""
        self.observer.read_labels()
        removed = sum(trader.removed for trader in self.traders)
        banned = sum(trader.banned for trader in self.traders)
        counts, gone = self.counts, (State.LEFT, State.ARRESTED)
        counts.count_measure(Measure.POSTS_REMOVED, Channel.MOMENTS, number=removed)
        counts.count_measure(Measure.ACCOUNTS_BANNED, Channel.MOMENTS, number=banned)
        counts.count(Tally.STOCK, sum(one.stock for one in self.traders if one.state not in gone))
        self._count_legal_stock_and_stalls()
        counts.count(Tally.BUYERS_12_MONTHS, self._buyers_of_twelve_months())
        counts.count(Tally.AGENTS_ACTIVE, sum(agent.active for agent in self.resale_agents))
        for agent in self.resale_agents:
            self.books.move_all(Item.MONEY, agent, Account.OWNERS)
        self.books.check()

    def _count_legal_stock_and_stalls(self) -> None:
        """Count what could be bought legally, and what lies at stalls (market.md 13)."""
        stocked = [trader for trader in self.traders if trader.at_stall and trader.stock > 0]
        pieces = 0.0
        for trader in stocked:
            for product in PRODUCTS:
                pieces += trader.held[product] / (self.pieces[product] * 1000.0)
        self.counts.count(Tally.LEGAL_STOCK, self.legal.stock)
        self.counts.count(Tally.STALLS_STOCKED, len(stocked))
        self.counts.count(Tally.STALL_PIECES, int(pieces + 0.5))

    def _buyers_of_twelve_months(self) -> int:
        """Return how many have bought in the run, and not too long ago (market.md 18.2)."""
        return sum(one.bought >= 0 and one.bought > self.row - 365 for one in self.buyers)

    # what is compared

    def picture(self) -> dict:
        return picture(self)

    def survey(self) -> dict:
        return self.observer.survey()
