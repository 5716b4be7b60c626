"""What a scenario does to the levers of the days (docs/model.md 6).

Scenarios are taken as checked: those that the text has refused are not looked for.
"""

import datetime
from dataclasses import dataclass

from marketsim.numerics.rng import Purpose, uniform
from marketsim.parameters import evidence

ALL_TYPES = "abcd"
OPERATORS = ("tencent", "portals", "websites")
MULTIPLIED = {
    "moderation_effort": {"recall": "recall", "reports": "reports", "capacity": "capacity"},
    "police_effort": {name: name for name in ("border", "names", "police", "sharing")},
    "sentencing": {"ratio": "sentence"},
}
ADDED = {
    "moderation_effort": {key: key for key in ("images", "linking", "preblock", "auto")},
    "police_effort": {"couriers": "couriers", "traces": "traces"},
    "payment_block": {"share": "payments", "freeze": "freeze"},
    "parcel_refusal": {"share": "refused"},
    "sentencing": {"publicity": "arrest_news"},
    "announcement": {"credibility": "rush"},
    "buying_abroad": {"share": "abroad"},
    "targeting": {"hub": "hub"},
}
MOST_FRIENDS = 5000.0


def date_of(value) -> int:
    """Return the ordinal of an ISO date or of a row of the evidence with a date."""
    facts = evidence.inputs()
    if value in facts:
        return facts[value].date.toordinal()
    return datetime.date.fromisoformat(str(value)).toordinal()


def fact(name: str) -> int:
    """Return the value of a row of the evidence, a whole number."""
    return int(evidence.inputs()[name].value)


@dataclass
class Intervention:
    """One entry of a scenario; `dose_multiplier` is 1 unless the scenario names it as scaled."""

    keys: dict
    dose_multiplier: float

    @property
    def kind(self) -> str:
        return self.keys["kind"]

    def number(self, key: str, otherwise: float) -> float:
        """Return what is given as it is written, or else the default."""
        value = self.keys.get(key)
        if value is None:
            return otherwise
        return float(evidence.inputs()[value].value if isinstance(value, str) else value)

    def dose(self, key: str, otherwise: float) -> float:
        """Return a dose, moved away from its default by the dose multiplier of the scenario."""
        return otherwise + (self.number(key, otherwise) - otherwise) * self.dose_multiplier

    def apply(self, days: list) -> None:
        """Move the levers of the days that the intervention covers."""
        if self.kind == "sweeps":
            self._sweep_again_and_again(days)
        elif "date" in self.keys:
            self._strike(days[date_of(self.keys["date"]) - days[0].ordinal])
        else:
            start, end = self._span(days)
            for n, day in enumerate(days[start - days[0].ordinal : end - days[0].ordinal + 1]):
                self._last(day, min((n + 1.0) / (self.number("ramp", 0.0) + 1.0), 1.0))

    def _span(self, days: list) -> tuple[int, int]:
        end = self.keys.get("end")
        return date_of(self.keys["start"]), days[-1].ordinal if end is None else date_of(end)

    # what happens on one day

    def _strike(self, day) -> None:
        if self.kind in ("machines", "raids"):
            day.add(self.kind, self.dose("share", 0.0))
        elif self.kind == "sweep":
            self._sweep(day, 0)
        elif self.kind == "account_list":
            self._list(day)
        elif self.kind == "account_sweep":
            self._sweep_accounts(day)
        elif self.kind == "teaching":
            self._teach(day)
        elif self.kind == "legal_stock":
            day.add("bought_out", self.dose("bought", 0.0))
            day.add("leaked", self.dose("leaked", 0.0))
        else:
            day.add("news", self.dose("publicity", 0.0))

    def _sweep(self, day, number: int) -> None:
        """Add a sweep to a day: that of this number, of an intervention that may have many."""
        groups = self.keys.get("types", ALL_TYPES).split("/")
        doses = self.dose("accounts", 0.0), self.dose("posts", 0.0)
        day.add_sweep(*doses, self.number("lean", 0.5), groups[number % len(groups)])
        day.add("news", self.dose("publicity", 0.0))

    def _sweep_accounts(self, day) -> None:
        """Add to a day a sweep of accounts beside those in Moments."""
        lever = f"swept_{self.keys.get('target', 'public')}"
        setattr(day, lever, getattr(day, lever) + self.dose("accounts", 0.0))
        day.add("news", self.dose("publicity", 0.0))

    def _list(self, day) -> None:
        """Give a list of accounts, of which some sell ivory, to the platform or to police."""
        accounts, to = self.dose("accounts", 0.0), self.keys.get("to", "both")
        sellers = accounts * self.number("precision", 1.0)
        if to in ("platform", "both"):
            day.listed_platform += sellers
            day.listed_wrongly += accounts - sellers
        if to in ("police", "both"):
            day.listed_police += sellers

    def _teach(self, day) -> None:
        share = self.dose("share", 0.0)
        if share > 0.0:
            day.taught_types = self.keys.get("types", "cd")
        day.add("taught", share)

    def _sweep_again_and_again(self, days: list) -> None:
        start, end = self._span(days)
        every, irregular = self.number("every", 28.0), self.number("irregular", 0.0)
        number = 0
        while (planned := start + int(number * every)) <= end:
            late = irregular * every * uniform(0, int(Purpose.SWEEP_DAY), start, number, 0)
            if planned + int(late) <= end:
                self._sweep(days[planned + int(late) - days[0].ordinal], number)
            number += 1

    # what lasts

    def _last(self, day, force: float) -> None:
        if self.kind == "closure":
            day.multiply("legal", 1.0 - self.dose("share", 0.0), force)
        elif self.kind == "legal_supply":
            day.multiply("legal", 1.0 + self.dose("growth", 0.0), force)
        elif self.kind == "channel_closure":
            channel = self.keys.get("channel", "elsewhere")
            day.multiply(channel, 1.0 - self.dose("share", 0.0), force)
        elif self.kind == "friend_limit":
            day.friend_limit = min(day.friend_limit, self.dose("friends", MOST_FRIENDS))
        elif self.kind == "announcement":
            day.outlook += self.dose("credibility", 0.0) * self.number("outlook", -0.5)
        elif self.kind == "substitutes":
            day.substitutes += self.dose("surplus", 0.0) * force
        elif self.kind == "campaign":
            for lever in self._demands():
                day.multiply(lever, self.dose("willingness", 1.0), force)
        elif self.kind == "place_effort":
            for operator in self._operators():
                day.multiply(f"staff_{operator}", self.dose("staff", 1.0), force)
                day.multiply(f"recall_{operator}", self.dose("recall", 1.0), force)
        elif self.kind == "information_sharing":
            if self.dose("share", 0.0) * force > 0.0:
                day.pooled = self._operators()
            day.add("pooling", self.dose("share", 0.0), force)
        elif self.kind == "reallocation":
            day.shift += self.dose("shift", 0.0)
        elif self.kind == "stings":
            day.stings += self.dose("purchases", 0.0) * force
        for key, lever in MULTIPLIED.get(self.kind, {}).items():
            day.multiply(lever, self.dose(key, 1.0), force)
        for key, lever in ADDED.get(self.kind, {}).items():
            day.add(lever, self.dose(key, 0.0), force)

    def _operators(self) -> tuple[str, ...]:
        """Return the operators named, in their order."""
        names = self.keys.get("operators", "all")
        return tuple(one for one in OPERATORS if names == "all" or one in names.split("+"))

    def _demands(self) -> list[str]:
        """Return the levers that a campaign moves: that of all buyers, or of some segments."""
        segments = self.keys.get("segments", "all")
        if segments == "all":
            return ["demand"]
        return [f"demand_{segment}" for segment in sorted(set(segments.split("+")))]


def apply_scenario(scenario, days: list) -> None:
    """Apply interventions in the alphabetical order of their names."""
    for name, keys in sorted(scenario.interventions.items()):
        dose_multiplier = scenario.dose_multiplier if name in scenario.scaled_interventions else 1.0
        Intervention(keys, dose_multiplier).apply(days)
