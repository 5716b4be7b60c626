"""The four units of police: what they look at, and where they find something (market.md 21)."""

from marketsim.numerics.elementary import exp, log

from .codes import Unit

MOVED_EVERY = 28  # days
LEAST_PART = 0.05


class Units:
    """Hours of the units, as shares, and what each has found since hours were last moved."""

    def __init__(self, model):
        self.model = model
        institutions = model.rules.institutions
        hours = (
            institutions.hours_online,
            institutions.hours_parcels,
            institutions.hours_markets,
            institutions.hours_border,
        )
        total = 0.0
        for one in hours:
            total += one
        self.share = [one / total for one in hours]
        self.effort = [1.0] * len(Unit)
        self.found = [0.0] * len(Unit)

    def at_effort(self, share: float, unit: Unit) -> float:
        """Return the share that a unit sees of what passes, at the effort of today (step 1)."""
        effort = self.effort[unit]
        if effort == 1.0 or share == 1.0:
            return share
        return 1.0 - exp(effort * log(1.0 - share))

    def find(self, unit: Unit, mass: int) -> None:
        """Put what was seized down to a unit (step 2)."""
        self.found[unit] += mass / 1_000_000.0

    def reallocate(self) -> None:
        """Every 28 days, move hours to the units that find more (step 3)."""
        model = self.model
        if model.row % MOVED_EVERY != MOVED_EVERY - 1:
            return
        if model.levers.shift > 0.0:
            self._move_hours(model.levers.shift)
        self.found = [0.0] * len(Unit)

    def _move_hours(self, shift: float) -> None:
        parts = [share * effort for share, effort in zip(self.share, self.effort, strict=True)]
        yields = [found / part for found, part in zip(self.found, parts, strict=True)]
        total = 0.0
        for one in yields:
            total += one
        mean = total / 4.0
        if mean <= 0.0:
            return
        parts = [
            part * exp(shift * (one / mean - 1.0)) for part, one in zip(parts, yields, strict=True)
        ]
        parts = [max(part, LEAST_PART) for part in _normal(parts)]
        parts = _normal(parts)
        self.effort = [part / share for part, share in zip(parts, self.share, strict=True)]


def _normal(parts: list[float]) -> list[float]:
    """Return parts that sum to 1."""
    total = 0.0
    for part in parts:
        total += part
    return [part / total for part in parts]
