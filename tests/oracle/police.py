"""Police: cases, arrests, raids, undercover purchases (docs/market.md 12, 21)."""

from collections import deque

from marketsim.numerics.elementary import log
from marketsim.numerics.rng import Purpose

from .books import fen
from .codes import PRODUCTS, WORKED_PRODUCTS, Account, Channel, Item, Measure, Unit
from .moderation import listed

FIRST_STING = 2**30  # the piece that is bought at the first of a day
DAYS_OF_SALES = 28  # that police hear of at a referral


class Police:
    """A first-in-first-out list of cases, and what comes of them."""

    def __init__(self, model):
        self.model = model
        self.cases: deque = deque()
        self.filed: list = []
        self.unit_of: dict = {}  # of those filed or waiting: who filed first
        self.evidence: set = set()

    def file_case(self, trader, unit: Unit) -> None:
        """Mark a trader, who joins the list in the evening."""
        if not self.knows(trader):
            self.filed.append(trader)
            self.unit_of[trader] = unit

    def knows(self, trader) -> bool:
        """Return whether a trader has a case, or will have one in the evening."""
        return trader in self.filed or trader in self.cases

    def seize(self, holder) -> int:
        """Take all goods and money of somebody; return the mass."""
        books = self.model.books
        mass = sum(books.move_all(product, holder, Account.SEIZED) for product in PRODUCTS)
        books.move_all(Item.MONEY, holder, Account.SEIZED)
        return mass

    def work(self) -> None:
        """Live one day."""
        for n in range(self.model.levers.purchases):
            self._sting(n)
        self._follow_list()
        self._open_cases()
        for _ in range(min(self.model.levers.investigations, len(self.cases))):
            self._decide(self._next_case())
        for supplier in self.model.suppliers:
            if self.model.draw(Purpose.RAIDED, supplier.number) < self.model.levers.raids:
                self._raid(supplier, Measure.SUPPLIERS_RAIDED)
        self.model.units.reallocate()

    # new cases

    def _follow_list(self) -> None:
        model, levers = self.model, self.model.levers
        unknown = [one for one in model.traders if one.in_trade and not self.knows(one)]
        for trader in listed(model, unknown, 0 if model.posts_alone else levers.listed_suspects):
            self.file_case(trader, Unit.ONLINE)

    def _sting(self, n: int) -> None:
        """Try to buy a piece undercover (section 21.6)."""
        model, rules = self.model, self.model.rules
        whom, served = model.draws(Purpose.STING, n)[:2]
        offering = [one for one in model.traders if one.in_trade and one.posts_anywhere > 0]
        if not offering:
            return
        trader = offering[int(whom * len(offering))]
        product = trader.product_shown(FIRST_STING + n)
        fear = max(trader.risk - rules.perception.residual, 0.0)
        if trader.held[product] == 0 or served < rules.institutions.vetting * fear:
            return
        mass = min(int(model.pieces[product] * 1000.0), trader.held[product])
        paid = fen(trader.asked(product), mass)
        model.books.move(product, mass, trader, Account.SEIZED)
        model.books.move(Item.MONEY, paid, Account.INCOME, trader)
        model.counts.count_measure(Measure.STINGS, Channel.MOMENTS, mass)
        self.file_case(trader, Unit.ONLINE)
        self.evidence.add(trader)

    def _open_cases(self) -> None:
        model, police, levers = self.model, self.model.rules.police, self.model.levers
        effort = model.units.effort
        referred = min(1.0, police.referred * levers.sharing * effort[Unit.ONLINE])
        inspected = min(1.0, police.inspected * levers.police * effort[Unit.MARKETS])
        for trader in model.traders:
            if not trader.in_trade:
                continue
            referral, inspection = model.draws(Purpose.REFERRAL, trader.number)[:2]
            if trader.sanction > 0.0 and referral < referred:
                model.counts.count_measure(Measure.REFERRALS, Channel.MOMENTS)
                trader.moved += int(DAYS_OF_SALES * trader.sold)
                self.file_case(trader, Unit.ONLINE)
            if trader.stall and inspection < inspected:
                model.counts.count_measure(Measure.INSPECTIONS, Channel.PHYSICAL)
                trader.moved += trader.stock
                self.file_case(trader, Unit.MARKETS)
        self.cases.extend(model.in_turn(Purpose.CASE_TURN, self.filed))
        self.filed = []

    # decisions

    def _next_case(self):
        """Return whose case is next: the head, or who seems to move much (section 21.5)."""
        hub = self.model.levers.hub
        if hub <= 0.0:
            return self.cases.popleft()
        number, total = float(len(self.cases)), 0.0
        for trader in self.cases:
            total += trader.moved
        first, shortest = None, float("inf")
        for trader in self.cases:
            weight = 1.0 - hub
            if total != 0.0:
                weight += hub * trader.moved * number / total
            time = float("inf")
            if weight > 0.0:
                time = -log(self.model.draw(Purpose.TARGET, trader.number)) / weight
            if first is None or time < shortest:
                first, shortest = trader, time
        self.cases.remove(first)
        return first

    def _decide(self, trader) -> None:
        model, police = self.model, self.model.rules.police
        unit, chance = self.unit_of.pop(trader), police.arrest
        if trader in self.evidence:
            self.evidence.remove(trader)
            chance = model.rules.institutions.evidence
        arrest, up, down, further = model.draws(Purpose.ARREST, trader.number)
        if not trader.in_trade or arrest >= chance:
            return
        self._arrest(trader, unit)
        if up < police.upstream:
            processor = self._source(trader, trader.processor, model.processors, 2)
            self._raid(processor, Measure.PROCESSORS_RAIDED, unit)
            if further < police.supplier:
                supplier = self._source(trader, trader.supplier, model.suppliers, 3)
                self._raid(supplier, Measure.SUPPLIERS_RAIDED, unit)
        if down < police.downstream:
            self._take_agent(trader)

    def _arrest(self, trader, unit: Unit) -> None:
        model = self.model
        raw, worked = trader.held[Item.RAW], sum(trader.held[one] for one in WORKED_PRODUCTS)
        mass = trader.be_arrested()
        model.counts.count_measure(Measure.ARRESTS, Channel.MOMENTS, mass)
        model.units.found[unit] += 1.0
        model.units.find(unit, mass)
        if trader.supplier is not None:
            trader.supplier.moved += raw
        if trader.processor is not None:
            trader.processor.moved += worked

    def _source(self, trader, usual, dealers: list, lane: int):
        """Return who is raided: the usual source, or one that seems to move much (21.5)."""
        model = self.model
        lanes = model.draws(Purpose.TARGET, trader.number)
        if lanes[1] >= model.levers.hub:
            return usual
        total = running = 0.0
        for dealer in dealers:
            total += 0.0 if dealer.closed else dealer.moved
        for dealer in dealers:
            running += 0.0 if dealer.closed else dealer.moved
            if not dealer.closed and running > lanes[lane] * total:
                return dealer
        return usual

    def _raid(self, dealer, measure: Measure, unit: Unit | None = None) -> None:
        if dealer is None or dealer.closed:
            return
        mass = self.seize(dealer)
        dealer.moved = 0.0
        dealer.closed_until = self.model.today + 1 + int(self.model.rules.police.closed_days)
        self.model.counts.count_measure(measure, Channel.PHYSICAL, mass)
        if unit is not None:
            self.model.units.find(unit, mass)
        for one in self.model.dealers:
            one.hear_of_raid()

    def _take_agent(self, trader) -> None:
        model = self.model
        agents = [one for one in model.resale_agents if one.active and one.retailer is trader]
        if agents:
            taken = model.in_turn(Purpose.AGENT_TAKEN, agents)[0]
            taken.active = False
            model.books.move_all(Item.MONEY, taken, Account.SEIZED)
            model.counts.count_measure(Measure.AGENTS_TAKEN, Channel.MOMENTS)
