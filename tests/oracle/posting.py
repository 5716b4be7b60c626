"""What a trader posts on a day, and where (docs/model.md 7.3)."""

from marketsim.numerics.distributions import choose, count
from marketsim.numerics.elementary import exp
from marketsim.numerics.rng import Purpose

from .codes import Backup, Site, State
from .shorts import of_a_post, of_the_day


class Poster:
    """The posting side of a trader."""

    def clear_day(self) -> None:
        """Set the counters of the day to nothing."""
        self.intended = self.moments = self.deleted = self.removed = 0
        self.posted_backup = self.posted_groups = self.posted_elsewhere = self.withheld = 0
        self.preblocked = self.known = self.known_pictures = self.known_videos = 0
        self.pictures = self.videos = self.latest_pictures = self.latest_videos = 0
        self.flagged = self.mention = self.banned = self.arrested = 0
        self.sanction = self.loss = 0.0

    def post(self) -> None:
        self.clear_day()
        if self.in_trade:
            self._change_spell()
            self.intended = self._posts_meant()
            if self.intended > 0:
                ways = self._ways()
                openness = self._towards_what_pays(self._openness(), ways)
                chances, style = self._chances(), self._style()
                for j in range(self.intended):
                    self._make_post(j, openness, ways, chances, style)
        fading = 1.0 - 1.0 / self.model.rules.moderation.memory_days
        self.recent = self.recent * fading + self.moments

    def _change_spell(self) -> None:
        posting = self.model.rules.posting
        share = posting.silent_share
        day = of_the_day(self.model, self.number)
        if self.talking:
            ends = day.happens("SPELL", (1.0 / posting.silent_days) * share / (1.0 - share))
            self.talking = int(not ends)
        else:
            self.talking = int(day.happens("SPELL", 1.0 / posting.silent_days))

    def _posts_meant(self) -> int:
        if not self.talking:
            return 0
        mean = self.base_rate * (self.push * self.drive) * self.model.levers.activity
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

    def _ways(self) -> tuple[float, float, float, float]:
        """Return the weights of what may become of a post that is kept out of Moments."""
        ways, levers = self.model.rules.displacement, self.model.levers
        total = ways.backup + ways.groups + ways.elsewhere
        share = ways.moved / total if total != 0.0 else 0.0
        on_platform = self.state != State.BANNED
        to_backup = on_platform and self.backup == Backup.ANNOUNCED
        to_groups = on_platform and not (self.suspended and self.blocked)
        to_groups = to_groups and not self.is_barred(Site.GROUPS)
        return (
            ways.backup * share if to_backup else 0.0,
            ways.groups * share * levers.groups if to_groups else 0.0,
            ways.elsewhere * share * levers.elsewhere * self.open_share(),
            1.0 - ways.moved,
        )

    def _pulls(self) -> tuple[float, float, float, float]:
        """Return by what the places of posts attract more or less than at first."""
        return self.pull[0], self.pull[1], self.model.learned.elsewhere, 1.0

    def _towards_what_pays(self, openness: float, ways) -> float:
        """Return openness where Moments pay more or less than other places (step 8)."""
        pulled = tuple(way * pull for way, pull in zip(ways, self._pulls(), strict=True))
        before = ((ways[0] + ways[1]) + ways[2]) + ways[3]
        after = ((pulled[0] + pulled[1]) + pulled[2]) + pulled[3]
        if before <= 0.0 or after <= 0.0:
            return openness
        ratio = self.pull[0] / (after / before)
        if ratio < 1.0:
            return openness * ratio
        if ratio > 1.0:
            return (openness * ratio) / (openness * ratio + 1.0 - openness)
        return openness

    def _chances(self) -> tuple[float, float]:
        """Return the chances that the platform knows a post, and that it is flagged (step 4)."""
        rules, levers = self.model.rules, self.model.levers
        moderation, motive = rules.moderation, rules.motive
        shown = 1.0 - (motive.evade if self.guarded else 0.0)
        found = min(1.0, moderation.filter_recall * levers.recall)
        missed = 1.0 - found * (1.0 - moderation.concealed) * shown
        missed = missed * (1.0 - levers.images * shown)
        known = 1.0 - missed
        outsiders = moderation.outsiders + motive.exposure * self.recruits
        reported = moderation.report_rate * levers.reports * outsiders * self.audience
        return known, 1.0 - (1.0 - known) * (1.0 - min(1.0, reported))

    def _style(self) -> tuple[float, float]:
        """Return today's shares of videos, and of full grids among other posts (step 6)."""
        style, residual = self.model.rules.style, self.model.rules.perception.residual
        video = self.video_share
        if style.video_days != 1.0:
            day = of_the_day(self.model, self.number)
            burst = day.happens("VIDEO_DAY", style.video_days)
            video = min(self.video_share / style.video_days, 1.0) if burst else 0.0
        fear = max(self.risk - residual, 0.0)
        return video, self.full_grid + (1.0 - self.full_grid) * style.batch * fear

    def _make_post(self, j: int, openness: float, ways, chances, style) -> None:
        posting = self.model.rules.posting
        draws = of_a_post(self.model, self.number, j)
        known, flag = chances
        gone = posting.delete_always + posting.delete_risk * self.risk
        if not draws.happens("PLACE", openness):
            self._displace(j, ways)
        elif draws.happens("DELETION", gone):
            self.deleted += 1
        elif (fate := self._fate_at_once(j, known)) == "blocked":
            self.preblocked += 1
        else:
            self.moments += 1
            self.latest_pictures, self.latest_videos = self._picture(draws, *style)
            self.pictures += self.latest_pictures
            self.videos += self.latest_videos
            if fate == "removed":
                self.known += 1
                self.known_pictures += self.latest_pictures
                self.known_videos += self.latest_videos
            else:
                self.flagged += int(draws.happens("FLAG", flag))

    def _fate_at_once(self, j: int, known: float) -> str:
        """Return what the platform does with a post without a moderator (step 9)."""
        levers = self.model.levers
        if levers.preblock > 0.0 or levers.auto > 0.0:
            knows, blocks, removes, _ = self.model.draws(Purpose.KNOWN, self.number, j)
            if knows < known and blocks < levers.preblock:
                return "blocked"
            if knows < known and removes < levers.auto:
                return "removed"
        return ""

    def _picture(self, draws, video: float, full: float) -> tuple[int, int]:
        """Return pictures and videos of a post."""
        grid = int(self.model.rules.posting.grid)
        if draws.happens("LOOK", video):
            return 0, 1
        if draws.happens("LOOK", video + (1.0 - video) * full):
            return grid, 0
        return 1 + draws.one_of("PICTURES", grid - 1), 0

    def _displace(self, j: int, ways) -> None:
        weights = tuple(way * pull for way, pull in zip(ways, self._pulls(), strict=True))
        way = choose(self.model.draws(Purpose.DISPLACEMENT, self.number, j), weights)
        if way == 0:
            self.posted_backup += 1
        elif way == 1:
            self.posted_groups += 1
        elif way == 2:
            self.posted_elsewhere += 1
        else:
            self.withheld += 1

    def lose_known_posts(self) -> None:
        """Lose the posts that the platform knows, in the evening (section 7.4)."""
        struck = self.known + self.preblocked
        if struck == 0:
            return
        made = self.moments + self.deleted + self.preblocked
        self.moments -= self.known
        self.removed += self.known
        self.pictures -= self.known_pictures
        self.videos -= self.known_videos
        self.loss = max(self.loss, self.model.rules.perception.deletion * struck / made)
        self.be_on_guard()
