"""A trader's account: the penalty ladder, bans, backups, the return (docs/model.md 7.5, 7.7)."""

from marketsim.numerics.rng import Purpose

from .codes import Backup, Place, State
from .shorts import of_the_day

WEIGHT_OF_A_BAN = 1.0
DAYS_ON_GUARD = 28


class AccountHolder:
    """The side of a trader that moderators deal with."""

    # sanctions

    def commit_offence(self) -> None:
        """Take the next rung of the penalty ladder."""
        moderation = self.model.rules.moderation
        self.offences += 1
        if self.offences <= 2:
            self.lose_post_and_mute(int(moderation.mute_days))
        elif self.offences == 3:
            self.lose_post_and_mute(int(moderation.limit_days))
        elif self.offences == 4:
            self._lose_latest_post()
            self._block(int(moderation.suspend_days), suspends=1)
        else:
            self.be_banned()

    def lose_post_and_mute(self, length: int) -> None:
        self._lose_latest_post()
        self._block(length, suspends=0)

    def be_on_guard(self) -> None:
        """Begin a guarded style, tomorrow at the latest."""
        self.guarded_until = self.model.today + 1 + DAYS_ON_GUARD

    @property
    def guarded(self) -> bool:
        return self.guarded_until > self.model.today

    def _lose_latest_post(self) -> None:
        self.sanction = max(self.sanction, self.model.rules.perception.deletion)
        self.be_on_guard()
        if self.moments > 0 and self.removed == 0:
            self.moments -= 1
            self.removed += 1
            self.pictures -= self.latest_pictures
            self.videos -= self.latest_videos

    def _block(self, length: int, suspends: int) -> None:
        today = self.model.today
        if suspends or self.blocked_until <= today:
            self.suspended = suspends
        self.blocked_until = max(self.blocked_until, today + 1 + length)

    def be_banned(self) -> None:
        self.state = State.BANNED
        self.return_day = 0
        linking = self.model.levers.linking
        if linking > 0.0 and self.model.draw(Purpose.LINKED, self.number) < linking:
            self.backup = Backup.NONE
            self.follow = 0.0
        if self.case_open == Place.OPEN:
            self.case_open = Place.VOID
        self.banned = 1
        self.sanction = WEIGHT_OF_A_BAN
        self.removed += self.moments
        self.moments = self.pictures = self.videos = 0

    # backups, and the return after a ban

    def keep_accounts(self) -> None:
        model, accounts = self.model, self.model.rules.accounts
        _, mentions, waits, quits = model.draws(Purpose.MENTION, self.number)
        if self.state == State.BANNED:
            if self.return_day == 0:
                self._plan_return(waits, quits)
            elif self.return_day <= model.today:
                self._return()
        elif self.backup == Backup.NONE:
            chance = accounts.prepare_always + accounts.prepare_risk * self.risk
            if of_the_day(model, self.number).happens("BACKUP", chance):
                self.backup = Backup.PREPARED
        elif self.moments > 0 and mentions < accounts.mention:
            self.backup = Backup.ANNOUNCED
            self.mention = 1
            self.follow += model.rules.motive.follow * (1.0 - self.follow)

    def _plan_return(self, waits: float, quits: float) -> None:
        accounts = self.model.rules.accounts
        if self.backup == Backup.NONE and quits < accounts.quit:
            self.state = State.LEFT
            return
        longest = accounts.return_days
        if self.backup != Backup.NONE:
            longest *= accounts.backup_wait
        self.return_day = self.model.today + 1 + int(waits * longest)

    def _return(self) -> None:
        accounts = self.model.rules.accounts
        kept = accounts.kept_announced * self.follow + accounts.kept_cold * (1.0 - self.follow)
        self.audience *= kept
        self.follow = 0.0
        self.account += 1
        self.backup = Backup.NONE
        self.state = State.ACTIVE
        self.offences = self.blocked_until = self.suspended = 0
