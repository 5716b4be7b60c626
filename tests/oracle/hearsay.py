"""Word of mouth: what all buyers know of parcels that arrive (docs/market.md 18.3)."""

from marketsim.numerics.elementary import LN_2, exp

FIRST_ROWS = 56
HALF_LIFE = 28  # days


class Hearsay:
    """How many parcels have arrived, of those whose fate is known."""

    def __init__(self, model):
        self.model = model
        self.arrived = self.settled = 0.0  # fading
        self.first_arrived = self.first_settled = 0.0

    def remember(self, arrived: int, settled: int) -> None:
        """Hear of the parcels of today."""
        fading = exp(-LN_2 / HALF_LIFE)
        self.arrived = self.arrived * fading + arrived
        self.settled = self.settled * fading + settled
        if self.model.row < FIRST_ROWS:
            self.first_arrived += arrived
            self.first_settled += settled

    def reliability(self) -> float:
        """Return how reliable parcels are, compared with the first weeks, as known on the eve."""
        if self.model.row < FIRST_ROWS:
            return 1.0
        if min(self.settled, self.first_arrived, self.first_settled) <= 0.0:
            return 1.0
        now = self.arrived / self.settled
        return min(now / (self.first_arrived / self.first_settled), 1.0)
