"""Backup accounts: prepared, advertised, used after a ban; who gives up; what a new one keeps."""

import numpy as np
import pytest
from conftest import draw_words, plain
from scipy import stats

from marketsim.model.kernels.backup_accounts import update_accounts
from marketsim.model.population import empty_counters, synthesize_traders
from marketsim.model.state import Backup, State
from marketsim.parameters.settings import kernel_params

FALSE_ALARM = 1e-6
DAY = 735_720
TRADERS = 2_000


class Owners:
    """Traders and their accounts; nothing but the accounts kernel."""

    def __init__(self, n=TRADERS, seed=3, **changes):
        of = plain(n, turnover__entry=0.0, **changes)
        self.seed, self.params = seed, kernel_params(of)
        self.retailers, _ = synthesize_traders(of, seed, DAY, 1)
        self.counters = empty_counters(n)

    def set(self, **values):
        """Give every trader these values."""
        for name, value in values.items():
            getattr(self.retailers, name)[:] = value
        return self

    def keep(self, day=DAY):
        """Live one day of accounts, of which mentions are new every day."""
        self.counters.mention[:] = 0
        draw_words(self.seed, day, self.counters)
        of = (self.params, self.retailers, self.counters)
        update_accounts(self.seed, day, *of, 0, len(self.retailers.state))
        return self

    def count(self, name, value) -> int:
        return int((getattr(self.retailers, name) == value).sum())


def share_p(part, chance, whole=TRADERS) -> float:
    return stats.binomtest(int(part), whole, chance).pvalue


# ---------------------------------------------------------------- before a ban


@pytest.mark.parametrize("risk", [0.0, 0.3, 1.0])
def test_backups_are_prepared_in_fear(risk):
    """The daily chance of preparing a backup is `prepare_always` + `prepare_risk` x risk."""
    of = {"accounts__prepare_always": 0.02, "accounts__prepare_risk": 0.4}
    owners = Owners(**of).set(risk=risk).keep()
    prepared = owners.count("backup", Backup.PREPARED)
    assert share_p(prepared, 0.02 + 0.4 * risk) > FALSE_ALARM
    assert share_p(prepared, 0.15 + 0.4 * risk) < FALSE_ALARM
    assert owners.count("backup", Backup.NONE) == TRADERS - prepared


def test_preparing_is_a_hazard():
    """Over days without enforcement those without a backup fall as a power."""
    owners = Owners(accounts__prepare_always=0.05, accounts__prepare_risk=0.0)
    for day in range(30):
        owners.keep(DAY + day)
    assert share_p(owners.count("backup", Backup.NONE), 0.95**30) > FALSE_ALARM


def test_nobody_prepares_without_a_hazard():
    """With both hazards at zero no backup is ever prepared."""
    owners = Owners(accounts__prepare_always=0.0, accounts__prepare_risk=0.0).set(risk=1.0)
    for day in range(30):
        owners.keep(DAY + day)
    assert owners.count("backup", Backup.NONE) == TRADERS


@pytest.mark.parametrize("mention", [0.0, 0.15, 1.0])
@pytest.mark.parametrize("backup", [Backup.PREPARED, Backup.ANNOUNCED])
def test_backups_are_advertised_on_their_share_of_days(mention, backup):
    """On a day with a visible post a backup is advertised with its chance, again and again."""
    owners = Owners(accounts__mention=mention).set(backup=backup)
    owners.counters.moments[:] = 1
    owners.keep()
    told = owners.counters.mention.sum()
    assert share_p(told, mention) > FALSE_ALARM
    if backup == Backup.PREPARED:
        assert owners.count("backup", Backup.ANNOUNCED) == told
    assert (owners.retailers.backup >= Backup.PREPARED).all()


def test_no_mention_without_a_visible_post():
    """A backup is advertised in a visible post or not at all."""
    owners = Owners(accounts__mention=1.0).set(backup=Backup.PREPARED)
    owners.counters.moments[::2] = 1
    owners.keep()
    assert (owners.counters.mention == (np.arange(TRADERS) % 2 == 0)).all()
    assert (owners.retailers.backup[1::2] == Backup.PREPARED).all()


def test_no_mention_without_a_backup():
    """Who has none advertises none, and one prepared today is not advertised before tomorrow."""
    of = {"accounts__mention": 1.0, "accounts__prepare_always": 0.05, "accounts__prepare_risk": 0.5}
    owners = Owners(**of).set(risk=1.0)
    owners.counters.moments[:] = 5
    owners.keep()
    prepared = owners.retailers.backup == Backup.PREPARED
    assert 0 < prepared.sum() < TRADERS
    assert not owners.counters.mention.any()
    owners.keep(DAY + 1)
    assert (owners.counters.mention == prepared).all()


@pytest.mark.parametrize("state", [State.ABSENT, State.LEFT])
def test_those_outside_the_trade_keep_no_accounts(state):
    """Who has not come or has left neither prepares nor advertises."""
    of = {"accounts__mention": 1.0, "accounts__prepare_always": 0.05, "accounts__prepare_risk": 0.5}
    owners = Owners(**of).set(state=state, risk=1.0)
    owners.retailers.backup[::2] = Backup.PREPARED
    owners.counters.moments[:] = 1
    before = [array.tobytes() for array in owners.retailers]
    owners.keep()
    assert [array.tobytes() for array in owners.retailers] == before
    assert not owners.counters.mention.any()


# ---------------------------------------------------------------- after a ban


def banned(backup=Backup.NONE, **changes) -> Owners:
    """Return traders banned today."""
    return Owners(**changes).set(state=State.BANNED, backup=backup)


@pytest.mark.parametrize(
    ("backup", "longest", "days"),
    [
        (Backup.NONE, 14.0, 14),
        (Backup.PREPARED, 14.0, 7),
        (Backup.ANNOUNCED, 14.0, 7),
        (Backup.NONE, 3.0, 3),
        (Backup.NONE, 0.0, 1),
    ],
)
def test_the_day_of_return_is_even_within_its_bounds(backup, longest, days):
    """The return is on one of the days after the ban, evenly; a backup waits half as long."""
    owners = banned(backup, accounts__return_days=longest, accounts__quit=0.0).keep()
    waits = owners.retailers.return_day - DAY
    assert set(waits.tolist()) == set(range(1, days + 1))
    if days > 1:
        assert stats.chisquare(np.bincount(waits)[1:]).pvalue > FALSE_ALARM
    assert owners.count("state", State.BANNED) == TRADERS


def test_the_day_of_return_is_drawn_once():
    """While a trader waits his day of return stays as it was drawn, and he stays banned."""
    owners = banned(accounts__return_days=14.0, accounts__quit=0.0).keep()
    drawn = owners.retailers.return_day.copy()
    for day in range(DAY + 1, DAY + 15):
        waiting = drawn > day
        owners.keep(day)
        assert (owners.retailers.return_day[waiting] == drawn[waiting]).all()
        assert ((owners.retailers.state == State.BANNED) == waiting).all()
        assert (owners.retailers.account == ~waiting).all()


@pytest.mark.parametrize("quit_share", [0.0, 0.2, 1.0])
def test_some_give_up(quit_share):
    """Of those banned without a backup the share `quit` leaves for good on the day."""
    owners = banned(accounts__quit=quit_share).keep()
    left = owners.count("state", State.LEFT)
    assert share_p(left, quit_share) > FALSE_ALARM
    assert owners.count("state", State.BANNED) == TRADERS - left
    for day in range(DAY + 1, DAY + 20):
        owners.keep(day)
    assert owners.count("state", State.LEFT) == left
    assert owners.count("state", State.ACTIVE) == TRADERS - left


@pytest.mark.parametrize("backup", [Backup.PREPARED, Backup.ANNOUNCED])
def test_nobody_with_a_backup_gives_up(backup):
    """Whoever has a backup, known or not, comes back on it."""
    owners = banned(backup, accounts__quit=1.0).keep()
    assert owners.count("state", State.BANNED) == TRADERS


@pytest.mark.parametrize("mentions", [0, 1, 2, 5, 40])
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_each_mention_wins_its_share_of_those_who_do_not_follow(share, mentions):
    """After n mentions 1 - (1 - follow)^n of the friends follow; on other days nobody joins."""
    owners = Owners(accounts__mention=1.0, motive__follow=share).set(backup=Backup.PREPARED)
    for day in range(mentions):
        owners.counters.moments[::2] = 1
        owners.keep(DAY + day)
    np.testing.assert_allclose(
        owners.retailers.follow[::2], 1.0 - (1.0 - share) ** mentions, atol=1e-15
    )
    assert not owners.retailers.follow[1::2].any()


@pytest.mark.parametrize(
    ("follow", "kept"), [(0.0, 0.15), (0.25, 0.2875), (0.5, 0.425), (1.0, 0.7)]
)
def test_the_audience_kept_is_that_of_those_who_follow(follow, kept):
    """Those who follow stay as of an advertised account, the others as of an unknown one."""
    of = {"accounts__kept_cold": 0.15, "accounts__kept_announced": 0.7, "accounts__quit": 0.0}
    owners = banned(Backup.ANNOUNCED, **of).set(audience=0.8, follow=follow, return_day=DAY).keep()
    np.testing.assert_allclose(owners.retailers.audience, 0.8 * kept, rtol=1e-15)
    assert not owners.retailers.follow.any()  # nobody follows a backup that is not there yet


def test_whether_a_backup_is_known_matters_by_its_followers_only():
    """Prepared or announced, the same share of followers keeps the same audience."""
    of = {"accounts__kept_cold": 0.15, "accounts__kept_announced": 0.7, "accounts__quit": 0.0}
    kept = [banned(backup, **of).set(follow=0.5, return_day=DAY).keep().retailers.audience
            for backup in (Backup.PREPARED, Backup.ANNOUNCED)]  # fmt: skip
    assert (kept[0] == kept[1]).all()


def test_a_new_account_begins_unmarked():
    """Back on a new account, a trader is active, unpunished, unblocked and without a backup."""
    owners = banned(Backup.ANNOUNCED).set(
        account=2, offences=5, blocked_until=DAY + 9, suspended=1, return_day=DAY, risk=0.9
    )
    owners.keep()
    assert owners.count("state", State.ACTIVE) == TRADERS
    assert owners.count("account", 3) == TRADERS
    for name in ("offences", "blocked_until", "suspended", "backup"):
        assert not getattr(owners.retailers, name).any(), name
    assert (owners.retailers.risk == 0.9).all()


def test_nobody_comes_back_before_his_day():
    """A trader whose day of return lies ahead keeps all marks of the ban."""
    owners = banned(Backup.ANNOUNCED).set(offences=5, return_day=DAY + 1).keep()
    assert owners.count("state", State.BANNED) == TRADERS
    assert not owners.retailers.account.any() and (owners.retailers.offences == 5).all()


def test_a_second_ban_is_answered_like_the_first():
    """After a return a new ban draws a new day, and the audience shrinks once more."""
    of = {"accounts__kept_cold": 0.1, "accounts__quit": 0.0, "accounts__return_days": 14.0}
    owners = banned(**of)
    for number in (1, 2):
        first = DAY + 100 * number
        owners.set(state=State.BANNED, return_day=0, backup=Backup.NONE)
        for day in range(first, first + 15):
            owners.keep(day)
        assert owners.count("account", number) == TRADERS
        assert (owners.retailers.return_day > first).all()
        np.testing.assert_allclose(owners.retailers.audience, 0.1**number, rtol=1e-14)
