"""Buyers: what they want and pay, what they fear, how they tire (docs/market.md 2, 9, 18)."""

import mesa
import numpy as np

from marketsim.numerics.elementary import LN_2, exp, normal_quantile
from marketsim.numerics.rng import Purpose

from .codes import PRODUCTS, Item, Segment


def single(value: float) -> float:
    """Round to single precision, as risk and satiety of buyers are kept."""
    return float(np.float32(value))


def mean_of_segments(model) -> float:
    """Return how many customers come, with what is done for some segments (section 18.1)."""
    shares, levers = model.rules.buyers, model.levers
    gift = 1.0 - ((shares.collector + shares.investor) + shares.traveller)
    return 1.0 + (
        (
            (gift * (levers.demand_gift - 1.0) + shares.collector * (levers.demand_collector - 1.0))
            + shares.investor * (levers.demand_investor - 1.0)
        )
        + shares.traveller * (levers.demand_traveller - 1.0)
    )


class Buyer(mesa.Agent):
    """Who asks about posts and at stalls, and perhaps buys."""

    def __init__(self, model, number: int):
        super().__init__(model)
        self.number = number
        self.risk = 0.0
        self.touched = 0
        self.sated = 0.0
        self.regular = 0.0  # purchases a day as a customer at the start
        self.bought = -1
        self._lasting = None

    def _character(self):
        """Standing, favourite, habit of payment, segment: drawn once and for good."""
        if self._lasting is None:
            lanes = self.model.draws_for_good(Purpose.WILLINGNESS, self.number)
            standing, taste, habit, segment = lanes
            z = normal_quantile(standing)
            rich = exp(self.model.rules.demand.spread * z)
            self._lasting = rich, self._favourite(taste), habit, z, self._segment(segment)
        return self._lasting

    def _favourite(self, taste: float) -> Item:
        demand = self.model.rules.demand
        tastes = demand.taste_raw, demand.taste_semi, demand.taste_uncarved, demand.taste_carved
        place = taste * (((tastes[0] + tastes[1]) + tastes[2]) + tastes[3])
        running = 0.0
        for product in PRODUCTS:
            running += tastes[product]
            if running > place:
                return product
        return Item.CARVED

    def _segment(self, u: float) -> Segment:
        shares = self.model.rules.buyers
        if u < shares.collector:
            return Segment.COLLECTOR
        if u < shares.collector + shares.investor:
            return Segment.INVESTOR
        if u < (shares.collector + shares.investor) + shares.traveller:
            return Segment.TRAVELLER
        return Segment.GIFT

    @property
    def segment(self) -> Segment:
        return self._character()[4]

    @property
    def standing(self) -> float:
        """The normal quantile of the buyer's willingness to pay."""
        return self._character()[3]

    @property
    def habit(self) -> float:
        return self._character()[2]

    def likes(self, product: Item) -> float:
        favourite = self._character()[1]
        return 1.0 if product == favourite else self.model.rules.demand.second_choice_prob

    def worth(self, product: Item, level: float) -> float:
        """Return what a gram of a product is worth to the buyer."""
        return self.model.worths[product] * level * self._character()[0]

    def risk_today(self) -> float:
        """Bring perceived risk up to date, and return it as it is before rounding."""
        if self.risk == 0.0:
            return 0.0
        risk = self.risk * self.model.fading[self.model.row - self.touched]
        self.risk = single(risk)
        self.touched = self.model.row
        return risk

    def lose_parcel_to_police(self) -> None:
        """Fear more after a parcel was seized (section 11)."""
        risk = self.risk_today()
        self.touched = self.model.row
        self.risk = single(risk + self.model.rules.demand.risk_step * (1.0 - risk))

    # satiety (section 18.2)

    @property
    def tires(self) -> bool:
        """Return whether a purchase makes the buyer want less for some time."""
        return self._half_life > 0.0 and self.segment != Segment.INVESTOR

    @property
    def _half_life(self) -> float:
        weeks = self.model.rules.buyers.tires
        return 7.0 * (weeks / 4.0) if self.segment == Segment.COLLECTOR else 7.0 * weeks

    @property
    def _budget(self) -> float:
        """What the buyer spends, in CNY, to be sated."""
        return self.model.rules.buyers.budget * self._character()[0]

    def satiety(self) -> float:
        """Return how far the buyer has enough today."""
        if not self.tires:
            return 0.0
        before, days = self._at_rest(), self.model.row
        if self.bought >= 0:
            before, days = self.sated, self.model.row - self.bought
        return before * exp(-LN_2 * days / self._half_life)

    def _at_rest(self) -> float:
        """Return the satiety at which purchases and forgetting are equal on average."""
        usual, purchases, liked, steps = self.model.purchases, 0.0, 0.0, 0.0
        for product in PRODUCTS:
            bought = usual.bought[product] * self.likes(product)
            step = bought * min(usual.spent[product] / self._budget, 1.0)
            liked += bought
            steps += step
            if self.standing >= usual.limit[product]:
                purchases += step
        if liked != 0.0:
            purchases += self.regular * (steps / liked)
        a = purchases * self._half_life / LN_2
        return a / (1.0 + a)

    def have_bought(self, paid: int) -> None:
        """Have enough for some time, the more the purchase cost."""
        if self.tires:
            more = min(paid / (100.0 * self._budget), 1.0)
            self.sated = single(min(self.satiety() + more, 1.0))
        self.bought = self.model.row
