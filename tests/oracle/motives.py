"""What traders learn of what the trade pays, and how they respond to it (docs/market.md 16)."""

from marketsim.numerics.elementary import LN_2, exp, log

from .codes import OWN_OUTLETS, Channel, Outlet

REFERENCE_ROW = 56
OUTLET_OF = {
    Channel.MOMENTS: Outlet.FEED,
    Channel.GROUPS: Outlet.PRIVATE,
    Channel.PHYSICAL: Outlet.STALL,
    Channel.PUBLIC: Outlet.PUBLIC,
    Channel.SOCIAL: Outlet.SOCIAL,
    Channel.WEBSITES: Outlet.WEBSITES,
}


def bounded(gain: float, expected: float) -> float:
    """Return a return between its bounds."""
    return min(max(gain / expected, 0.02), 3.0)


class Learner:
    """The side of a trader that compares what the trade pays with what it paid."""

    def __init__(self, *args):
        self.gain = [0.0] * len(OWN_OUTLETS)
        self.posted = [0.0] * len(OWN_OUTLETS)
        self.jail = 0.0
        self.drive = self.value = 1.0
        self.pull = [1.0, 1.0]
        super().__init__(*args)

    def yesterdays_posts(self) -> list[float]:
        """Return what was to be expected of yesterday, by own outlet (step 1)."""
        model, (post, day, _) = self.model, self.relative
        reckoned = [0.0] * len(OWN_OUTLETS)
        if model.row > int(model.rules.delivery.days):
            made = self.moments + self.deleted + self.removed + self.preblocked
            reckoned[Outlet.FEED] = (made + self.posted_backup) * post
            reckoned[Outlet.PRIVATE] = self.posted_groups * post
        if model.row > 0 and self.at_stall:
            reckoned[Outlet.STALL] = day
        return reckoned

    def reconsider(self) -> None:
        """Compare, and decide (steps 2 and 3)."""
        learned, motive = self.model.learned, self.model.rules.motive
        shares, returns = [0.0] * len(OWN_OUTLETS), [1.0] * len(OWN_OUTLETS)
        online = whole = 1.0
        if learned.prior > 0.0:
            returns = [self._pays(outlet) for outlet in OWN_OUTLETS]
            shares = [learned.norm[outlet] * self.posted[outlet] for outlet in OWN_OUTLETS]
            online = weighted(shares[:2], returns[:2])
            whole = weighted(shares, returns)
            self.pull = [exp(motive.place * log(returns[outlet])) for outlet in OWN_OUTLETS[:2]]
        self.drive = min(exp(motive.effort * log(online)), 2.0)
        self.value = whole - min(learned.loss * self.jail, 1.0)

    def _pays(self, outlet: Outlet) -> float:
        learned, heed = self.model.learned, self.model.rules.motive.heed
        norm = learned.norm[outlet]
        if norm == 0.0:
            return 1.0
        gain, expected = self.gain[outlet], norm * self.posted[outlet]
        for tie in self.ties if heed != 0.0 else ():
            gain += heed * tie.gain[outlet]
            expected += heed * (norm * tie.posted[outlet])
        return bounded(learned.prior + gain, learned.prior + expected)


def weighted(shares: list[float], returns: list[float]) -> float:
    """Return the mean of returns weighted by shares, 1 without any."""
    above = below = 0.0
    for share, one in zip(shares, returns, strict=True):
        above += share * one
        below += share
    return above / below if below != 0.0 else 1.0


class Learned:
    """What all traders together earn and expect, by outlet."""

    def __init__(self, model):
        self.model = model
        self.gain, self.posted, self.first_gain, self.first_posted, self.today, self.norm = (
            [0.0] * len(Outlet) for _ in range(6)
        )
        self.deals = 0
        self.prior = 0.0
        self.elsewhere = self.value = 1.0

    @property
    def loss(self) -> float:
        """Loss expected from an arrest."""
        return self.model.rules.motive.severity * self.model.levers.sentence

    def settle(self, trader, channel: Channel, margin: int) -> None:
        """Note what a deal brought, once that is known."""
        outlet = OUTLET_OF[channel]
        if outlet in OWN_OUTLETS:
            trader.gain[outlet] += margin
        self.today[outlet] += margin
        if self.model.row < REFERENCE_ROW:
            self.deals += 1

    def reckon(self, channel: Channel, amount: float) -> None:
        """Note what is to be expected of posts elsewhere."""
        outlet = OUTLET_OF[channel]
        self.posted[outlet] += amount
        if self.model.row < REFERENCE_ROW:
            self.first_posted[outlet] += amount

    def update(self) -> None:
        """Remember yesterday; from the day of the reference on, judge and reconsider."""
        model = self.model
        self._remember()
        if model.row == REFERENCE_ROW:
            self._set_reference()
        if model.row < REFERENCE_ROW:
            return
        if self.prior > 0.0:
            self._judge()
        for trader in model.traders:
            if (model.row + trader.number) % 7 == 0 and trader.in_trade:
                trader.reconsider()

    def _remember(self) -> None:
        model = self.model
        first = model.row <= REFERENCE_ROW
        for trader in model.traders:
            for outlet, amount in enumerate(trader.yesterdays_posts()):
                trader.posted[outlet] += amount
                self.posted[outlet] += amount
                if first:
                    self.first_posted[outlet] += amount
        for outlet in Outlet:
            self.gain[outlet] += self.today[outlet]
            if first:
                self.first_gain[outlet] += self.today[outlet]
            self.today[outlet] = 0.0
        fading = exp(-LN_2 / (7.0 * model.rules.motive.memory))
        for trader in model.traders:
            trader.gain = [one * fading for one in trader.gain]
            trader.posted = [one * fading for one in trader.posted]
            trader.jail *= fading
            trader.recruits *= fading
        self.gain = [one * fading for one in self.gain]
        self.posted = [one * fading for one in self.posted]

    def _set_reference(self) -> None:
        for outlet in Outlet:
            gain, posted = self.first_gain[outlet], self.first_posted[outlet]
            self.norm[outlet] = gain / posted if gain > 0.0 and posted > 0.0 else 0.0
            if outlet not in OWN_OUTLETS:
                self.norm[outlet] = self.norm[Outlet.FEED]
        total = 0.0
        for gain in self.first_gain:
            total += gain
        if total > 0.0 and self.deals > 0:
            self.prior = self.model.rules.motive.prior * (total / self.deals)

    def _judge(self) -> None:
        """Judge the market as a newcomer would, and places elsewhere (step 4)."""
        motive = self.model.rules.motive
        elsewhere = self._ratio([Outlet.PUBLIC, Outlet.SOCIAL, Outlet.WEBSITES])
        self.elsewhere = exp(motive.place * log(elsewhere))
        jail, number = 0.0, 0
        for trader in self.model.traders:
            if trader.in_trade:
                jail += trader.jail
                number += 1
        feared = self.loss * jail / float(number) if number > 0 else 0.0
        self.value = self._ratio(list(Outlet)) - min(feared, 1.0)

    def _ratio(self, outlets: list[Outlet]) -> float:
        gain = expected = self.prior
        for outlet in outlets:
            gain += self.gain[outlet]
            expected += self.norm[outlet] * self.posted[outlet]
        return bounded(gain, expected)
