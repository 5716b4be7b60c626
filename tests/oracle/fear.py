"""How a trader's perceived risk moves, and who lies low (docs/model.md 7.7)."""

from marketsim.numerics.elementary import LN_2, exp
from marketsim.numerics.rng import Purpose

from .codes import State


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
        trust = trust * (1.0 - perception.own_sanction * self.sanction)
        for tie in self.ties:
            trust = trust * (1.0 - perception.warning * (tie.sanction * levers.habituation))
        lasting = max(self.risk - perception.residual, 0.0)
        fear = lasting * fading * whole_power(lesson, seen)
        rise = (1.0 - perception.residual - fear) * (1.0 - trust)
        self.risk = perception.residual + fear + rise
        self._lie_low(rise)

    def _lie_low(self, rise: float) -> None:
        perception, recovery = self.model.rules.perception, self.model.rules.recovery
        u = self.model.draw(Purpose.LIE_LOW, self.number)
        if self.state == State.LYING_LOW:
            if u < 1.0 / perception.low_days:
                self.state = State.ACTIVE
        elif self.state == State.ACTIVE:
            rises = rise * recovery.lying_low > 0.0
            if rises and u < recovery.lying_low * perception.lie_low * rise:
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
