"""Traders: what they are, and how they come and go (docs/model.md 2, 5, 7.2)."""

import math

import mesa
from scipy.special import gammaincinv

from marketsim.numerics.elementary import exp, normal_quantile
from marketsim.numerics.rng import Purpose

from .accounts import WEIGHT_OF_A_BAN, AccountHolder
from .codes import Backup, Place, State
from .fear import Fearful
from .posting import Poster
from .scenario import ALL_TYPES
from .sellers import Seller
from .shops import Shop


class Trader(Poster, AccountHolder, Fearful, Shop, Seller, mesa.Agent):
    """A retailer with one account at a time, a shop, and perhaps a stall."""

    def __init__(self, model, number: int, arrival: int = 0):
        super().__init__(model)
        self.number = self.key = number
        self.arrival = arrival
        self.state = State.ABSENT if arrival else State.ACTIVE
        self.risk = model.rules.perception.residual
        self.account = 0
        self.offences = 0
        self.blocked_until = 0
        self.suspended = 0
        self.return_day = 0
        self.backup = Backup.NONE
        self.audience = 1.0
        self.kept = 1.0
        self.recent = 0.0
        self.case_open = Place.NONE
        self.ties: list[Trader] = []
        self.clear_day()
        self._draw_character()

    def _draw_character(self) -> None:
        """Draw what the trader is for good (model.md 5)."""
        model, who = self.model, self.number
        people, rules = model.settings.population, model.rules
        perception, posting = rules.perception, rules.posting

        sums, total = [], 0.0
        for weight in (people.type_a, people.type_b, people.type_c, people.type_d):
            total += weight
            sums.append(total)
        place = model.draw_once(Purpose.TRADER_TYPE, who) * total
        self.kind = min(sum(1 for one in sums if one <= place), 3)

        shape = float(people.gamma_shape)
        g = float(gammaincinv(shape, model.draw_once(Purpose.BASE_RATE, who))) / shape
        mantissa, power = math.frexp(g)
        g = math.ldexp(round(mantissa * 2**24), power - 24)
        rate = (posting.rate_a, posting.rate_b, posting.rate_c, posting.rate_d)[self.kind]
        self.base_rate = (g * posting.base_posts) * rate

        of_kind = (
            perception.sensitivity_a,
            perception.sensitivity_b,
            perception.sensitivity_c,
            perception.sensitivity_d,
        )[self.kind]
        z = normal_quantile(model.draw_once(Purpose.SENSITIVITY, who))
        spread = exp(float(people.sensitivity_spread) * z)
        self.sensitivity = (perception.sensitivity * of_kind) * spread

        span = perception.threshold - perception.threshold_low
        u = model.draw_once(Purpose.THRESHOLD, who)
        self.threshold = perception.threshold_low + span * u
        self.talking = int(model.draw_once(Purpose.FIRST_SPELL, who) >= posting.silent_share)

    @property
    def type_letter(self) -> str:
        return ALL_TYPES[self.kind]

    # who is there

    @property
    def in_trade(self) -> bool:
        """Neither still absent, nor gone for good."""
        return self.state in (State.ACTIVE, State.LYING_LOW, State.BANNED)

    @property
    def has_account(self) -> bool:
        return self.state in (State.ACTIVE, State.LYING_LOW)

    @property
    def blocked(self) -> bool:
        return self.blocked_until > self.model.today

    @property
    def trader(self):
        """Whose goods are sold: one's own."""
        return self

    def come_or_go(self, away: float) -> None:
        """Enter on the day of arrival, or perhaps leave (model.md 7.2, market.md 8)."""
        model, retail = self.model, self.model.rules.retail
        if self.state == State.ABSENT:
            if self.arrival == model.today:
                comes = model.draw(Purpose.STAYS_AWAY, self.number) >= away
                self.state = State.ACTIVE if comes else State.LEFT
                self.last_sale = model.row
        elif self.in_trade:
            hazard = model.rules.turnover.leave
            if self.kind >= 2 and model.row - self.last_sale > retail.unsold_after_days:
                hazard += retail.exit_hazard_unsold
            if model.draw(Purpose.LEAVE, self.number) < hazard:
                self.state = State.LEFT

    # selling (market.md 9)

    def posts_by_slot(self) -> tuple[int, int, int, int]:
        """Return the day's offers in Moments, in groups, elsewhere and at a stall."""
        moments = self.moments + self.posted_backup
        return moments, self.posted_groups, self.posted_elsewhere, int(self.at_stall)

    @property
    def at_stall(self) -> bool:
        return bool(self.stall) and self.in_trade

    def label(self, asked: float) -> float:
        return asked

    def keep_friends(self) -> None:
        """Lose those who do not follow to a new account; let others go and come."""
        model = self.model
        if self.audience < self.kept:
            share, self.kept = self.audience / self.kept, self.audience
            for place in range(len(self.friends) - 1, -1, -1):
                buyer = self.friends[place].buyer
                if model.draw(Purpose.KEPT, self.number, buyer.number) >= share:
                    self.strike_off(place)
        if self.in_trade:
            self.exchange_friends()

    def be_arrested(self) -> int:
        """Leave the market for good, and all one has; return the mass of it (market.md 12)."""
        self.state = State.ARRESTED
        self.sanction = WEIGHT_OF_A_BAN
        return self.model.police.seize(self)
