"""Traders: what they are, and how they come and go (docs/model.md 2, 5, 7.2)."""

import math

import mesa
from scipy.special import gammaincinv

from marketsim.numerics.distributions import events
from marketsim.numerics.elementary import exp, log, normal_quantile
from marketsim.numerics.rng import Purpose

from .accounts import WEIGHT_OF_A_BAN, AccountHolder
from .codes import Backup, Place, State
from .fear import Fearful
from .motives import Learner
from .places import Moderated
from .posting import Poster
from .scenario import ALL_TYPES
from .sellers import Seller
from .shops import Shop
from .shorts import of_the_day


class Trader(Poster, AccountHolder, Moderated, Fearful, Learner, Shop, Seller, mesa.Agent):
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
        self.follow = 0.0
        self.audience = 1.0
        self.kept = 1.0
        self.recruits = 0.0
        self.guarded_until = 0
        self.recent = 0.0
        self.case_open = Place.NONE
        self.moved = 0.0  # what police know of, in mg
        self.ties: list[Trader] = []
        self.clear_day()
        self._draw_character()
        self.open_accounts()

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

        low, high = perception.threshold_low, perception.threshold
        u, w = model.draw_once(Purpose.THRESHOLD, who), model.rules.recovery.log_thresholds
        self.threshold = low + (high - low) * u
        if w != 0.0:
            low, high = max(low, 0.001), max(high, 0.001)
            skewed = low * exp(u * (log(high) - log(low)))
            self.threshold = (1.0 - w) * self.threshold + w * skewed
        self.talking = int(model.draw_once(Purpose.FIRST_SPELL, who) >= posting.silent_share)
        self._draw_style()

    def _draw_style(self) -> None:
        """Draw how much of what the trader shows are videos and full grids (model.md 5)."""
        posting, style = self.model.rules.posting, self.model.rules.style
        self.video_share, spread = posting.video_share, style.video_spread
        if spread != 0.0:
            z = normal_quantile(self.model.draw_once(Purpose.VIDEO_STYLE, self.number))
            self.video_share = min(
                self.video_share * exp(spread * z - spread * spread / 2.0),
                0.9,
            )
        self.full_grid, spread = posting.full_grid, style.grid_spread
        if spread != 0.0 and 0.0 < self.full_grid < 1.0:
            z = normal_quantile(self.model.draw_once(Purpose.GRID_STYLE, self.number))
            odds = self.full_grid / (1.0 - self.full_grid) * exp(spread * z)
            self.full_grid = odds / (1.0 + odds)

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

    def come_or_go(self) -> None:
        """Enter on the day of arrival, or perhaps leave (model.md 7.2)."""
        if self.state == State.ABSENT:
            if self.arrival == self.model.today:
                self._come_or_stay_away()
        elif self.in_trade:
            turnover = self.model.rules.motive.turnover
            hazard = self.model.rules.turnover.leave
            hazard = hazard * exp(turnover * (1.0 - min(self.value, 2.0)))
            leaves = of_the_day(self.model, self.number).happens("LEAVE", hazard)
            if leaves or self._drops_ivory():
                self.state = State.LEFT

    def _come_or_stay_away(self) -> None:
        model, turnover = self.model, self.model.rules.motive.turnover
        chance = min(exp(turnover * (model.learned.value - 1.0)), 2.0) / 2.0
        sure = turnover == 0.0 or chance >= 1.0
        if sure or model.draw(Purpose.STAYS_AWAY, self.number) < chance:
            self.state = State.ACTIVE
        else:
            self.state = State.LEFT
            self.friends.clear()

    def _drops_ivory(self) -> bool:
        """Return whether the trader was taught today, and listens."""
        model, levers = self.model, self.model.levers
        if levers.taught == 0.0 or self.type_letter not in levers.taught_types:
            return False
        return model.draw(Purpose.TAUGHT, self.number) < levers.taught

    # selling (market.md 9)

    def posts_by_slot(self) -> tuple[int, int, int, int]:
        """Return the day's offers in Moments, in groups, elsewhere and at a stall."""
        moments = self.moments + self.posted_backup
        return moments, self.posted_groups, self.posted_elsewhere, int(self.at_stall)

    @property
    def posts_anywhere(self) -> int:
        """Return the posts of the day that are still to be seen somewhere."""
        beside = self.posted_backup + self.posted_groups + self.posted_elsewhere
        return self.moments + beside

    def posts_read(self) -> float:
        """Return the posts of the day that friends find in their feed."""
        return self.moments + self.follow * self.posted_backup

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
            self.lose_friends(share)
        if self.state in (State.LEFT, State.ARRESTED) and model.rules.motive.seek > 0.0:
            self.lose_all_friends()
        if self.has_account and (model.row + self.number) % 7 == 0:
            self._recruit()
        if self.in_trade:
            self.exchange_friends()

    def _recruit(self) -> None:
        """Find friends again, and be found by those who seek a seller (market.md 9)."""
        model, levers = self.model, self.model.levers
        rate = model.rules.motive.recruiting * (1.0 + levers.groups + levers.elsewhere) / 3.0
        if rate <= 0.0:
            return
        share = rate * min(self.drive, 1.0)
        self.audience = self.audience + share * (1.0 - self.audience)
        self.kept = self.audience
        limit = min(self.room, int(levers.friend_limit))
        before = len(self.friends)
        missing = max(min(self.wanted, limit) - before, 0)
        some, more = model.draws(Purpose.RECRUITS, self.number)[:2]
        recruits = min(events(some, share * missing), missing)
        finders = events(more, rate * model.seekers.openings * self.recent)
        for k in range(min(recruits + finders, limit - before)):
            buyer = self._recruit_one(k, recruits)
            if buyer is None:
                break
            self.befriend(buyer)
            self.recruits += 1.0

    def _recruit_one(self, k: int, recruits: int):
        """Return a buyer who becomes a friend, or nobody where no other will come."""
        model, seekers = self.model, self.model.seekers
        whom, from_seekers, which, _ = model.draws(Purpose.RECRUITED, self.number, k)
        if seekers.waiting and (k >= recruits or from_seekers < 0.5):
            return seekers.take(which)
        if k < recruits:
            return model.buyers[int(whom * len(model.buyers))]
        return None

    def be_arrested(self) -> int:
        """Leave the market for good, and all one has; return the mass of it (market.md 12)."""
        self.state = State.ARRESTED
        self.sanction = WEIGHT_OF_A_BAN
        self.arrested = 1
        return self.model.police.seize(self)
