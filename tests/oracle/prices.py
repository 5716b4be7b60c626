"""Prices that look ahead: the level, what holders expect, the stocks they want (market.md 17)."""

from marketsim.numerics.elementary import LN_2, exp, log

from .codes import PRODUCTS, Channel, Item, Tally

WEEKS = 56  # days of the shorter trend
YEAR = 364  # days of the longer one
AT_REST = range(28, 56)  # rows of which the mean gap is that of a market at rest
FIRST_ROW = 56
MEMORY_DAYS = 30.0


class Prices:
    """What the price of raw ivory has done, and what holders of ivory expect of it."""

    def __init__(self, model):
        self.model = model
        self.log_level = self.fast = self.slow = self.expected = 0.0
        self.sold = self.offered = self.offered_today = 0.0  # mg a day
        self.rest = self.samples = 0.0
        self.holding = 1.0
        self.index = [1.0] * len(PRODUCTS)
        self.shares = self._shares()

    def _shares(self) -> list[float]:
        """Return by product the part of its cost that is raw ivory."""
        workshop, costs = self.model.rules.workshop, self.model.recipe.processor_costs
        wages = {
            Item.SEMI_WORKED: workshop.wage_semi,
            Item.UNCARVED: workshop.wage_uncarved,
            Item.CARVED: workshop.wage_carved,
        }
        shares = [1.0] * len(PRODUCTS)
        for product, wage in wages.items():
            shares[product] = (costs[product] - wage) / costs[product]
        return shares

    @property
    def look_ahead(self) -> bool:
        """Whether anything of section 17 happens; nothing does where the parameters are all 0."""
        rules = self.model.rules.prices
        return any((rules.adjust, rules.speculation, rules.extrapolate))

    def update(self) -> None:
        """Live one morning."""
        if not self.look_ahead:
            return
        self._follow_trend()
        self._expect()
        self._remember_yesterday()
        gap = self._gap()
        if self.model.row in AT_REST:
            self.rest += gap
            self.samples += 1.0
        if self.model.row >= FIRST_ROW and self.model.row % 7 == 0 and self.samples > 0.0:
            self._move(gap)

    def _follow_trend(self) -> None:
        self.fast = self.fast + (self.log_level - self.fast) * (1.0 - exp(-LN_2 / WEEKS))
        self.slow = self.slow + (self.log_level - self.slow) * (1.0 - exp(-LN_2 / YEAR))

    def _expect(self) -> None:
        rules = self.model.rules.prices
        trend = self.fast - self.slow
        self.expected = rules.extrapolate * trend + self.model.levers.outlook
        self.holding = min(max(exp(rules.speculation * self.expected), 0.25), 4.0)

    def _remember_yesterday(self) -> None:
        sold = sum(self.model.yesterday.trade[Tally.AGREED + channel] for channel in Channel)
        self.sold = self.sold + (sold - self.sold) / MEMORY_DAYS
        self.offered = self.offered + (self.offered_today - self.offered) / MEMORY_DAYS
        self.offered_today = 0.0

    def hear_of_offers(self, mean: float, seized: float) -> None:
        """Note what a supplier is offered today on average, so many shipments (section 5)."""
        if self.look_ahead:
            supply = self.model.rules.supply
            grams = supply.tusks * supply.tusk_mass + (1.0 - supply.tusks) * supply.segment_mass
            self.offered_today += ((mean * grams) * 1000.0) * (1.0 - seized)

    def _gap(self) -> float:
        """Return what is wanted beyond what is offered, of both together."""
        wanted = self.holding * self.sold
        both = wanted + self.offered
        return (wanted - self.offered) / both if both > 0.0 else 0.0

    def _move(self, gap: float) -> None:
        """Let the level follow the gap, and with it what goods cost to replace."""
        more = self.model.rules.prices.adjust * (gap - self.rest / self.samples)
        self.log_level = min(max(self.log_level + more, log(0.1)), log(10.0))
        for product in PRODUCTS:
            self.index[product] = 1.0 + self.shares[product] * (exp(self.log_level) - 1.0)
