"""Police: cases, arrests, raids (docs/market.md 12)."""

from collections import deque

from marketsim.numerics.rng import Purpose

from .codes import PRODUCTS, Account, Channel, Item, Measure
from .moderation import listed


class Police:
    """A first-in-first-out list of cases, and what comes of them."""

    def __init__(self, model):
        self.model = model
        self.cases: deque = deque()
        self.filed: list = []

    def file_case(self, trader) -> None:
        """Mark a trader, who joins the list in the evening."""
        if not self.knows(trader):
            self.filed.append(trader)

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
        self._open_cases()
        for _ in range(min(self.model.levers.investigations, len(self.cases))):
            self._decide(self.cases.popleft())
        for supplier in self.model.suppliers:
            if self.model.draw(Purpose.RAIDED, supplier.number) < self.model.levers.raids:
                self._raid(supplier, Measure.SUPPLIERS_RAIDED)

    def _open_cases(self) -> None:
        model, police, levers = self.model, self.model.rules.police, self.model.levers
        unknown = [one for one in model.traders if one.in_trade and not self.knows(one)]
        for trader in listed(model, unknown, 0 if model.posts_alone else levers.listed_suspects):
            self.file_case(trader)
        referred = min(1.0, police.referred * levers.sharing)
        inspected = min(1.0, police.inspected * levers.police)
        for trader in model.traders:
            if not trader.in_trade:
                continue
            referral, inspection = model.draws(Purpose.REFERRAL, trader.number)[:2]
            if trader.sanction > 0.0 and referral < referred:
                model.counts.count_measure(Measure.REFERRALS, Channel.MOMENTS)
                self.file_case(trader)
            if trader.stall and inspection < inspected:
                model.counts.count_measure(Measure.INSPECTIONS, Channel.PHYSICAL)
                self.file_case(trader)
        self.cases.extend(model.in_turn(Purpose.CASE_TURN, self.filed))
        self.filed = []

    def _decide(self, trader) -> None:
        model, police = self.model, self.model.rules.police
        arrest, up, down, further = model.draws(Purpose.ARREST, trader.number)
        if not trader.in_trade or arrest >= police.arrest:
            return
        mass = trader.be_arrested()
        model.counts.count_measure(Measure.ARRESTS, Channel.MOMENTS, mass)
        if up < police.upstream:
            self._raid(trader.processor, Measure.PROCESSORS_RAIDED)
            if further < police.supplier:
                self._raid(trader.supplier, Measure.SUPPLIERS_RAIDED)
        if down < police.downstream:
            self._take_agent(trader)

    def _raid(self, dealer, measure: Measure) -> None:
        if dealer is None or dealer.closed:
            return
        mass = self.seize(dealer)
        dealer.closed_until = self.model.today + 1 + int(self.model.rules.police.closed_days)
        self.model.counts.count_measure(measure, Channel.PHYSICAL, mass)
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
