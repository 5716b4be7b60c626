"""Buyers who look for another seller (docs/market.md 2, 9)."""

from marketsim.numerics.rng import Purpose


class Seekers:
    """A list with room for all buyers, on which one may stand more than once."""

    def __init__(self, model):
        self.model = model
        self.waiting: list = []
        self.next = 0
        self.openings = 0.0

    def see_morning(self) -> None:
        """Note how many seekers there are for each post that may be seen."""
        recent = 0.0
        for trader in self.model.traders:
            if trader.has_account:
                recent += trader.recent
        self.openings = float(len(self.waiting)) / recent if recent != 0.0 else 0.0

    def may_join(self, seller, buyer) -> None:
        """Let a buyer who has lost a seller look for another, or give it up."""
        model, seek = self.model, self.model.rules.motive.seek
        if seek <= 0.0 or model.draw(Purpose.SEEKS, seller.key, buyer.number) >= seek:
            return
        if len(self.waiting) < len(model.buyers):
            self.waiting.append(buyer)
            return
        self.waiting[self.next] = buyer
        self.next = (self.next + 1) % len(self.waiting)

    def take(self, u: float):
        """Take one off the list, whose place the last one gets."""
        place = min(int(u * len(self.waiting)), len(self.waiting) - 1)
        taken, last = self.waiting[place], self.waiting.pop()
        if place < len(self.waiting):
            self.waiting[place] = last
        return taken
