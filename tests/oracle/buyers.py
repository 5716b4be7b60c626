"""Buyers: what they want, what they pay, what they fear (docs/market.md 2, 9)."""

import mesa
import numpy as np

from marketsim.numerics.elementary import exp, normal_quantile
from marketsim.numerics.rng import Purpose

from .codes import PRODUCTS, Item


def single(value: float) -> float:
    """Round to single precision, as risk of buyers is kept."""
    return float(np.float32(value))


class Buyer(mesa.Agent):
    """Who asks about posts and at stalls, and perhaps buys."""

    def __init__(self, model, number: int):
        super().__init__(model)
        self.number = number
        self.risk = 0.0
        self.touched = 0
        self._lasting = None

    def _character(self):
        """Standing, favourite and habit of payment: drawn once and for good."""
        if self._lasting is None:
            standing, taste, habit, _ = self.model.draws_for_good(Purpose.WILLINGNESS, self.number)
            spread = self.model.rules.demand.spread
            z = normal_quantile(standing)
            self._lasting = exp(spread * z), self._favourite(taste), habit, z
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
