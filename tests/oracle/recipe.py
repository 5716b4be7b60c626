"""What an order is made of and what its parts cost at first (docs/market.md 3)."""

from .codes import PRODUCTS, WORKED_PRODUCTS, Item


class Recipe:
    """The mix of an order, the yield of raw ivory, and costs of worked products."""

    def __init__(self, rules):
        self.workshop, retail = rules.workshop, rules.retail
        shop = self.workshop
        rest = 1.0 - shop.top_grade_share
        semi = rest * shop.semi_share * (1.0 - shop.waste_cutting)
        carved = rest * (1.0 - shop.semi_share) * (1.0 - shop.waste_machine)
        uncarved = shop.top_grade_share * (1.0 - shop.waste_hand)
        self.total_yield = uncarved + semi + carved
        share = (1.0 - retail.raw_share) / (semi + uncarved + carved)
        self.mix = [retail.raw_share, semi * share, uncarved * share, carved * share]

        raw = rules.supply.cost * (1.0 + rules.supply.margin)
        self.processor_costs = self.costs(raw)
        self.trader_costs = [raw] + [
            self.processor_costs[product] * (1.0 + shop.margin) for product in WORKED_PRODUCTS
        ]
        self.supplier_costs = [rules.supply.cost, 0.0, 0.0, 0.0]
        self.dearest = max(self.processor_costs) * (1.0 + shop.margin)

    def costs(self, raw: float) -> list[float]:
        """Return the cost of each product of a processor for whom raw ivory costs this."""
        shop = self.workshop
        low = raw / (shop.grade_value * shop.top_grade_share + 1.0 - shop.top_grade_share)
        costs = [raw] * len(PRODUCTS)
        costs[Item.SEMI_WORKED] = low / (1.0 - shop.waste_cutting) + shop.wage_semi
        costs[Item.UNCARVED] = low * shop.grade_value / (1.0 - shop.waste_hand) + shop.wage_uncarved
        costs[Item.CARVED] = low / (1.0 - shop.waste_machine) + shop.wage_carved
        return costs
