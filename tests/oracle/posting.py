"""What a trader posts on a day, and where (docs/model.md 7.3)."""

from marketsim.numerics.distributions import choose, count
from marketsim.numerics.elementary import exp
from marketsim.numerics.rng import Purpose

from .codes import Backup, State


class Poster:
    """The posting side of a trader."""

    def clear_day(self) -> None:
        """Set the counters of the day to nothing."""
        self.intended = self.moments = self.deleted = self.removed = 0
        self.posted_backup = self.posted_groups = self.posted_elsewhere = self.withheld = 0
        self.pictures = self.videos = self.latest_pictures = self.latest_videos = 0
        self.flagged = self.mention = self.banned = 0
        self.sanction = 0.0

    def post(self) -> None:
        self.clear_day()
        if self.in_trade:
            self._change_spell()
            self.intended = self._posts_meant()
            openness, flag = self._openness(), self._chance_of_flag()
            for j in range(self.intended):
                self._make_post(j, openness, flag)
        fading = 1.0 - 1.0 / self.model.rules.moderation.memory_days
        self.recent = self.recent * fading + self.moments

    def _change_spell(self) -> None:
        posting = self.model.rules.posting
        share = posting.silent_share
        u = self.model.draw(Purpose.SPELL, self.number)
        if self.talking:
            self.talking = int(u >= (1.0 / posting.silent_days) * share / (1.0 - share))
        else:
            self.talking = int(u < 1.0 / posting.silent_days)

    def _posts_meant(self) -> int:
        if not self.talking:
            return 0
        mean = self.base_rate * self.push * self.model.levers.activity
        shape = self.model.rules.posting.daily_shape
        return count(self.model.draw(Purpose.POSTS, self.number), mean, shape)

    def _openness(self) -> float:
        """Return the chance that a post is made in Moments."""
        rules = self.model.rules
        recovery, risk = rules.recovery, self.risk
        if self.state != State.ACTIVE or self.blocked:
            return 0.0
        if self.backup == Backup.ANNOUNCED:
            risk *= 1.0 - recovery.backup_confidence * rules.accounts.confidence
        openness = 1.0 - recovery.smooth * (1.0 - exp(-self.sensitivity * risk))
        if risk > self.threshold:
            openness *= 1.0 - recovery.thresholds
        return openness

    def _chance_of_flag(self) -> float:
        moderation, levers = self.model.rules.moderation, self.model.levers
        found = min(1.0, moderation.filter_recall * levers.recall)
        missed = 1.0 - found * (1.0 - moderation.concealed)
        missed = missed * (1.0 - levers.images)
        views = moderation.report_rate * levers.reports * moderation.outsiders
        return 1.0 - missed * (1.0 - min(1.0, views * self.audience))

    def _make_post(self, j: int, openness: float, flag: float) -> None:
        posting = self.model.rules.posting
        place, look, deletion, flags = self.model.draws(Purpose.PLACE, self.number, j)
        if place >= openness:
            self._displace(j)
        elif deletion < posting.delete_always + posting.delete_risk * self.risk:
            self.deleted += 1
        else:
            self.moments += 1
            self.latest_pictures, self.latest_videos = self._picture(look)
            self.pictures += self.latest_pictures
            self.videos += self.latest_videos
            self.flagged += int(flags < flag)

    def _picture(self, u: float) -> tuple[int, int]:
        """Return pictures and videos of a post."""
        posting = self.model.rules.posting
        if u < posting.video_share:
            return 0, 1
        v = (u - posting.video_share) / (1.0 - posting.video_share)
        if v < posting.full_grid:
            return int(posting.grid), 0
        w = (v - posting.full_grid) / (1.0 - posting.full_grid)
        rest = posting.grid - 1.0
        return 1 + min(int(w * rest), int(rest) - 1), 0

    def _displace(self, j: int) -> None:
        ways, levers = self.model.rules.displacement, self.model.levers
        total = ways.backup + ways.groups + ways.elsewhere
        share = ways.moved / total if total != 0.0 else 0.0
        on_platform = self.state != State.BANNED
        to_backup = on_platform and self.backup == Backup.ANNOUNCED
        to_groups = on_platform and not (self.suspended and self.blocked)
        weights = (
            ways.backup * share if to_backup else 0.0,
            ways.groups * share * levers.groups if to_groups else 0.0,
            ways.elsewhere * share * levers.elsewhere,
            1.0 - ways.moved,
        )
        way = choose(self.model.draws(Purpose.DISPLACEMENT, self.number, j), weights)
        if way == 0:
            self.posted_backup += 1
        elif way == 1:
            self.posted_groups += 1
        elif way == 2:
            self.posted_elsewhere += 1
        else:
            self.withheld += 1
