"""How a trader's perceived risk moves, and who lies low (docs/model.md 7.7)."""

from marketsim.numerics.elementary import LN_2, exp

from .codes import State
from .shorts import of_the_day


class Fearful:
    """The side of a trader that is deterred."""

    def perceive(self) -> None:
        rules, levers = self.model.rules, self.model.levers
        perception, recovery = rules.perception, rules.recovery
        lesson = 1.0 - perception.learning * recovery.social_learning
        fading = exp(-LN_2 * recovery.forgetting / perception.half_life)
        seen = 0
        if lesson != 1.0:
            seen = sum(tie.moments for tie in self.ties if tie.sanction == 0.0)
        trust = 1.0 - perception.news * perception.warning * levers.news * levers.habituation
        trust = trust * (1.0 - perception.own_sanction * self.shock)
        for tie in self.ties:
            trust = trust * (1.0 - perception.warning * (tie.shock * levers.habituation))
        lasting = max(self.risk - perception.residual, 0.0)
        fear = lasting * fading * whole_power(lesson, seen)
        rise = (1.0 - perception.residual - fear) * (1.0 - trust)
        self.risk = perception.residual + fear + rise
        self._lie_low(rise)
        self._hear_of_arrests()

    @property
    def shock(self) -> float:
        """Weight, against a ban, of what happened to the trader today."""
        return max(self.sanction, self.loss)

    def _hear_of_arrests(self) -> None:
        """Fear an arrest more after arrests of ties, and of others (market.md 16)."""
        model, motive = self.model, self.model.rules.motive
        number = sum(trader.arrested for trader in model.traders)
        if number == 0:
            return
        heard = 1.0 - (1.0 - model.levers.arrest_news) * (1.0 - model.rules.institutions.publicity)
        public = motive.jail_step * model.rules.perception.news * heard
        safe = whole_power(1.0 - public, number)
        for tie in self.ties:
            if tie.arrested:
                safe *= 1.0 - motive.jail_step
        self.jail = self.jail + (1.0 - self.jail) * (1.0 - safe)

    def _lie_low(self, rise: float) -> None:
        perception, recovery = self.model.rules.perception, self.model.rules.recovery
        day = of_the_day(self.model, self.number)
        if self.state == State.LYING_LOW:
            if day.happens("LIE_LOW", 1.0 / perception.low_days):
                self.state = State.ACTIVE
        elif self.state == State.ACTIVE:
            rises = rise * recovery.lying_low > 0.0
            chance = recovery.lying_low * perception.lie_low * rise
            if rises and day.happens("LIE_LOW", chance):
                self.state = State.LYING_LOW


def whole_power(base: float, exponent: int) -> float:
    """Return a power, made by squaring."""
    out = 1.0
    while exponent > 0:
        if exponent % 2 == 1:
            out *= base
        base *= base
        exponent //= 2
    return out
