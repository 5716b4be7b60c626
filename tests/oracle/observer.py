"""The survey's observer: contacts, notes, labels, panel and days (docs/model.md 7.9)."""

import datetime

from marketsim.numerics.elementary import exp, log
from marketsim.numerics.rng import Purpose

from .codes import PRODUCTS, Note
from .scenario import date_of, fact

REGULAR_WEEKDAYS = (1, 3, 5)  # Tuesday, Thursday, Saturday


class Observer:
    """Who watches the first accounts of some traders, without influence on anybody."""

    def __init__(self, model):
        self.model = model
        self.met: list = self._meet()
        self.contacts = [None if self._stale(one) else one for one in self.met]
        self.notes: list[list[int]] = [[0] * len(Note) for _ in self.contacts]
        self.labels = self._no_labels()
        self.record: dict[int, tuple] = {}  # day to notes and labels

    def _meet(self) -> list:
        """Draw contacts from the founders, leaning to those who post much."""
        model, number = self.model, float(fact("survey_panel_contacts"))
        lean = float(model.settings.observer.lean)
        founders = model.traders[: model.founders]
        weights = [exp(lean * log(max(one.base_rate, 1e-140))) for one in founders]
        total = 0.0
        for weight in weights:
            total += weight
        odds = []
        for founder, weight in zip(founders, weights, strict=True):
            chance = min(number * weight / total, 1.0 - 1.0 / 1048576.0)
            u = model.draw_once(Purpose.CONTACT, founder.number)
            odds.append(u / (1.0 - u) * ((1.0 - chance) / chance))
        order = sorted(founders, key=lambda one: odds[one.number])
        return order[: int(number)]

    def _stale(self, trader) -> bool:
        model = self.model
        u = model.draw_once(Purpose.CONTACT_AGE, trader.number)
        age = -float(model.settings.observer.contact_age) * log(u)
        stays = exp(-model.rules.turnover.leave * age)
        return model.draw_once(Purpose.CONTACT_LEFT, trader.number) >= stays

    def _no_labels(self) -> list[list[list[int]]]:
        """Return advertisements, items and prices by contact and product."""
        return [[[0] * len(PRODUCTS) for _ in self.contacts] for _ in range(3)]

    def note(self) -> None:
        """Write down what is seen of each contact today."""
        for place, trader in enumerate(self.contacts):
            if trader is not None:
                self.notes[place] = self._seen(trader, self.notes[place][Note.BLOCKED])

    def _seen(self, trader, blocked_before: int) -> list[int]:
        if trader.account > 0 or trader.banned or blocked_before:
            return [0, 0, 0, 0, 0, 1]
        return [
            trader.moments,
            trader.pictures,
            trader.videos,
            trader.deleted,
            trader.mention,
            0,
        ]

    def read_labels(self) -> None:
        """Read the labels of the advertisements noted today (market.md 13)."""
        self.labels = self._no_labels()
        if not self.model.posts_alone:
            for place, trader in enumerate(self.contacts):
                ads = self.notes[place][Note.ADS]
                if ads > 0:
                    items = self.notes[place][Note.PICTURES] + self.notes[place][Note.VIDEOS]
                    for table, row in zip(self.labels, trader.labels(ads, items), strict=True):
                        table[place] = row
        self.record[self.model.today] = (self.notes.copy(), self.labels)

    # afterwards

    def active_contacts(self) -> list[int]:
        """Return places of contacts who advertised in the fortnight before the survey."""
        start = date_of("survey_start")
        before = range(start - fact("survey_panel_fortnight"), start)
        return [
            place
            for place in range(len(self.contacts))
            if any(self.record[day][0][place][Note.ADS] > 0 for day in before)
        ]

    def panel(self) -> list[int]:
        """Return places of the traders whom the survey watches, as met."""
        drawn = sorted(
            self.active_contacts(),
            key=lambda place: self.model.draw_once(Purpose.PANEL, self.met[place].number),
        )
        return sorted(drawn[: fact("survey_panel_traders")])

    def survey_days(self) -> list[tuple[int, bool]]:
        """Return the days of the survey, and whether they are regular ones."""
        regular, others = [], []
        for day in range(date_of("survey_start"), date_of("survey_end") + 1):
            weekday = datetime.date.fromordinal(day).weekday()
            (regular if weekday in REGULAR_WEEKDAYS else others).append(day)
        others.sort(key=lambda day: self.model.draw_once(Purpose.RANDOM_DAY, day))
        random = others[: fact("survey_random_days")]
        return sorted([(day, True) for day in regular] + [(day, False) for day in random])

    def survey(self) -> dict:
        panel, days = self.panel(), self.survey_days()
        out = {
            "trader": [self.met[place].number for place in panel],
            "trader_type": [self.met[place].kind for place in panel],
            "day": [day for day, _ in days],
            "regular": [regular for _, regular in days],
            "seen": [[self.record[day][0][place] for place in panel] for day, _ in days],
        }
        for number, name in enumerate(("ads", "items", "price")):
            out[name] = [[self.record[day][1][number][place] for place in panel] for day, _ in days]
        out["active_contacts"] = len(self.active_contacts())
        out["contacts"] = len(self.contacts)
        return out
