"""Prices that look ahead: the level, what holders expect, the stocks they want (market.md 17)."""

from marketsim.numerics.elementary import LN_2, exp, log

from .codes import PRODUCTS, Item

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
        self.away = self.weight = self.rest = self.samples = 0.0
        self.holding = 1.0
        self.index = [1.0] * len(PRODUCTS)
        self.turned_away = 0  # mg, on the eve
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
        rules = self.model.rules.prices
        return any((rules.adjust, rules.speculation, rules.extrapolate))

    def update(self) -> None:
        """Live one morning."""
        if not self.look_ahead:
            return
        self._follow_trend()
        self._expect()
        self._remember_turned_away()
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

    def _remember_turned_away(self) -> None:
        self.away = self.away + (self.turned_away - self.away) / MEMORY_DAYS
        self.weight = self.weight + (1.0 - self.weight) / MEMORY_DAYS

    def _gap(self) -> float:
        """Return what suppliers lack, of what they want and have together."""
        cover = self.model.rules.supply.cover
        want = have = 0.0
        for supplier in self.model.suppliers:
            want += (cover * self.holding) * supplier.pace(Item.RAW)
            have += supplier.held[Item.RAW]
        have += cover * (self.away / self.weight)
        return (want - have) / (want + have) if want + have > 0.0 else 0.0

    def _move(self, gap: float) -> None:
        """Let the level follow the gap, and with it what goods cost to replace."""
        more = self.model.rules.prices.adjust * (gap - self.rest / self.samples)
        self.log_level = min(max(self.log_level + more, log(0.1)), log(10.0))
        for product in PRODUCTS:
            self.index[product] = 1.0 + self.shares[product] * (exp(self.log_level) - 1.0)
