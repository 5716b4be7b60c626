"""The platform: the ladder step by step, the queue in order, and sweeps that take their number."""

import numpy as np
import pytest
from conftest import levers, plain
from scipy import stats

from marketsim.model.kernels.moderation import (
    open_cases,
    remove_known_posts,
    review_cases,
    run_sweep,
)
from marketsim.model.population import empty_counters, synthesize_traders
from marketsim.model.scenario.interventions import ALL_TYPES, TYPES, types_mask
from marketsim.model.state import BAN, Backup, Case, Queue, State
from marketsim.parameters.settings import kernel_params

FALSE_ALARM = 1e-6
DAY = 735_700
HEAD, WAITING = 0, 1


class Platform:
    """Some traders, each with three visible posts, and the platform above them."""

    def __init__(self, n=20, seed=5, **changes):
        certain = {"moderation__upheld": 1.0, "turnover__entry": 0.0, "perception__deletion": 0.5}
        of = plain(n, **certain | changes)
        self.seed, self.params, self.day = seed, kernel_params(of), DAY
        self.retailers, _ = synthesize_traders(of, seed, DAY, 1)
        self.queue = Queue(ring=np.zeros(n, np.int64), ends=np.zeros(2, np.int64))
        self.n = n
        self.dawn()

    def dawn(self, day=None):
        """Begin a day on which everybody has three visible posts and nobody is flagged."""
        self.day = self.day if day is None else day
        self.counters = empty_counters(self.n)
        self.counters.moments[:] = 3
        self.counters.pictures[:] = 10
        self.counters.videos[:] = 1
        self.counters.latest_pictures[:] = 4
        return self

    def flag(self, *ids, listed=0):
        """Flag posts, and give the platform a list of so many traders."""
        self.counters.flagged[list(ids)] = 1
        of_day = levers(listed_platform=listed)
        open_cases(self.seed, self.day, of_day, self.retailers, self.counters, self.queue)

    def remove(self):
        """Remove the known posts of the day."""
        remove_known_posts(self.day, self.params, self.retailers, self.counters)
        return self

    def waiting(self) -> list[int]:
        """Return the queue from its head on."""
        head, number = self.queue.ends
        return [int(self.queue.ring[(head + k) % self.n]) for k in range(number)]

    def review(self, capacity, linking=0.0):
        day = (self.seed, self.day, levers(capacity=capacity, linking=linking))
        review_cases(*day, self.params, self.retailers, self.counters, self.queue)

    def sweep(self, accounts=0, posts=0, lean=0.5, types=ALL_TYPES, linking=0.0):
        doses = {"sweep_accounts": accounts, "sweep_posts": posts, "sweep_lean": lean}
        of_day = levers(**doses, sweep_types=types, linking=linking)
        run_sweep(self.seed, self.day, of_day, self.params, self.retailers, self.counters)

    def state(self) -> list[bytes]:
        groups = (self.retailers, self.counters, self.queue)
        return [array.tobytes() for group in groups for array in group]

    def banned(self) -> set[int]:
        return set(np.flatnonzero(self.counters.banned).tolist())

    def punished(self) -> set[int]:
        """Return who lost a post but not the account."""
        return set(
            np.flatnonzero((self.counters.sanction > 0) & (self.counters.banned == 0)).tolist()
        )


# ---------------------------------------------------------------- the ladder

LADDER = [
    # rung, days out of Moments after the day of the sanction, whether groups are lost too
    (1, 2, 0),
    (2, 2, 0),
    (3, 7, 0),
    (4, 30, 1),
]


def test_the_ladder_is_walked_step_by_step():
    """Five upheld cases: deleted and muted, warned, limited, suspended, and then banned."""
    platform = Platform(n=3)
    traders = platform.retailers
    for rung, days, suspended in LADDER:
        platform.dawn(DAY + 100 * rung)
        platform.flag(1)
        platform.review(1)
        assert traders.offences.tolist() == [0, rung, 0]
        # the first free day: `days` whole days lie between it and the day of the sanction
        assert traders.blocked_until[1] == platform.day + 1 + days
        assert traders.suspended[1] == suspended
        assert traders.state[1] == State.ACTIVE
        assert platform.counters.removed.tolist() == [0, 1, 0]
        assert platform.counters.moments.tolist() == [3, 2, 3]
        assert platform.counters.pictures.tolist() == [10, 6, 10]
        assert platform.counters.videos.tolist() == [1, 1, 1]
        assert platform.counters.sanction.tolist() == [0.0, 0.5, 0.0]
        assert not platform.counters.banned.any()
    platform.dawn(DAY + 1000)
    platform.flag(1)
    platform.review(1)
    assert traders.state.tolist() == [State.ACTIVE, State.BANNED, State.ACTIVE]
    assert platform.counters.removed.tolist() == [0, 3, 0]
    assert platform.counters.moments.tolist() == [3, 0, 3]
    assert platform.counters.pictures.tolist() == [10, 0, 10]
    assert platform.counters.videos.tolist() == [1, 0, 1]
    assert platform.counters.sanction.tolist() == [0.0, 1.0, 0.0]
    assert platform.counters.banned.tolist() == [0, 1, 0]
    assert traders.return_day[1] == 0


def test_lengths_of_the_ladder_are_parameters():
    """Mute, limit and suspension last as many whole days as their parameters say."""
    lengths = {"mute": 0.0, "limit": 13.0, "suspend": 45.9}
    platform = Platform(n=1, **{f"moderation__{k}_days": v for k, v in lengths.items()})
    for days in (0, 0, 13, 45):
        platform.dawn(platform.day + 100)
        platform.flag(0)
        platform.review(1)
        assert platform.retailers.blocked_until[0] == platform.day + 1 + days


def test_the_latest_post_may_be_a_video():
    """Where the latest post is a video, a video goes and no picture."""
    platform = Platform(n=1)
    platform.counters.latest_pictures[0] = 0
    platform.counters.latest_videos[0] = 1
    platform.flag(0)
    platform.review(1)
    assert (platform.counters.pictures[0], platform.counters.videos[0]) == (10, 0)


def test_a_shorter_block_takes_nothing_from_a_longer_one():
    """Muted during a suspension, a trader stays suspended to its end."""
    platform = Platform(n=1)
    platform.retailers.blocked_until[0] = DAY + 20
    platform.retailers.suspended[0] = 1
    platform.sweep(posts=1)
    assert platform.retailers.blocked_until[0] == DAY + 20
    assert platform.retailers.suspended[0] == 1


def test_a_mute_after_a_suspension_leaves_groups_open():
    """Muted after the end of a suspension, a trader is no longer suspended."""
    platform = Platform(n=1)
    platform.retailers.blocked_until[0] = DAY
    platform.retailers.suspended[0] = 1
    platform.sweep(posts=1)
    assert platform.retailers.blocked_until[0] == DAY + 3
    assert platform.retailers.suspended[0] == 0


@pytest.mark.parametrize("upheld", [0.0, 0.35, 0.8, 1.0])
def test_cases_are_upheld_for_their_share(upheld):
    """The share of reviewed cases that end in a sanction is the parameter."""
    platform = Platform(n=2000, moderation__upheld=upheld)
    platform.flag(*range(2000))
    platform.review(2000)
    upheld_cases = int(platform.retailers.offences.sum())
    assert stats.binomtest(upheld_cases, 2000, upheld).pvalue > FALSE_ALARM
    if 0 < upheld < 1:
        assert stats.binomtest(upheld_cases, 2000, upheld + 0.1).pvalue < FALSE_ALARM
    assert platform.queue.ends[WAITING] == 0
    assert not platform.retailers.case_open.any()


def test_a_case_that_is_not_upheld_leaves_no_trace():
    """A dismissed case costs neither post, nor rung, nor calm."""
    platform, untouched = Platform(moderation__upheld=0.0), Platform(moderation__upheld=0.0)
    platform.flag(*range(20))
    platform.review(20)
    platform.counters.flagged[:] = 0
    platform.queue.ring[:] = 0
    platform.queue.ends[:] = 0
    assert platform.state() == untouched.state()


# ---------------------------------------------------------------- the queue


def test_cases_are_decided_first_in_first_out():
    """Within its capacity the platform decides all cases of a day before those of the next."""
    platform = Platform(n=30)
    platform.flag(*range(10, 20))
    platform.dawn(DAY + 1).flag(*range(10))
    platform.dawn(DAY + 2).flag(*range(20, 30))
    decided = []
    for k in range(3, 12):
        before = platform.retailers.offences.copy()
        platform.dawn(DAY + k).review(4)
        decided.append(np.flatnonzero(platform.retailers.offences - before).tolist())
    assert [len(ids) for ids in decided] == [4, 4, 4, 4, 4, 4, 4, 2, 0]
    order = [i for ids in decided for i in ids]
    assert set(order[:8]) <= set(range(10, 20))
    assert set(order[8:12]) <= set(range(20))
    assert set(order[12:20]) <= set(range(10))
    assert set(order[20:22]) <= set(range(30)) - set(range(10, 20))
    assert sorted(order) == list(range(30))


def test_a_day_opens_its_cases_in_a_drawn_order():
    """Each of a day's cases is first equally often, whatever its id."""
    first = np.zeros(5, int)
    platform = Platform(n=5)
    for k in range(4000):
        platform.dawn(DAY + k)
        platform.queue.ends[:] = 0
        platform.retailers.case_open[:] = Case.NONE
        platform.flag(*range(5))
        first[platform.queue.ring[0]] += 1
    assert stats.chisquare(first).pvalue > FALSE_ALARM
    assert stats.chisquare(first, 4000 * np.array([0.28, 0.18, 0.18, 0.18, 0.18])).pvalue < 1e-6


def test_an_account_has_at_most_one_case():
    """However often an account is flagged, one case waits for it, and a new one after that."""
    platform = Platform(n=4)
    for k in range(6):
        platform.dawn(DAY + k).flag(0, 2)
        assert platform.queue.ends[WAITING] == 2
    platform.dawn(DAY + 6).review(2)
    assert platform.retailers.offences.tolist() == [1, 0, 1, 0]
    platform.dawn(DAY + 7).flag(0, 2)
    assert platform.queue.ends[WAITING] == 2


def test_the_ring_goes_round():
    """Over many days of more flags than capacity each trader keeps his one place in the queue."""
    platform = Platform(n=7, moderation__upheld=0.0)
    for k in range(50):
        platform.dawn(DAY + k).flag(*range(7))
        head, waiting = platform.queue.ends
        inside = [platform.queue.ring[(head + j) % 7] for j in range(waiting)]
        assert sorted(inside) == list(range(7))
        platform.review(3)
        assert platform.queue.ends[WAITING] == 4


def test_without_capacity_no_case_is_decided():
    """A capacity of zero decides nothing, and a larger one than there are cases ends early."""
    platform = Platform(n=5)
    platform.flag(0, 1)
    platform.review(0)
    assert platform.queue.ends[WAITING] == 2 and not platform.retailers.offences.any()
    platform.review(1000)
    assert platform.queue.ends[WAITING] == 0 and platform.retailers.offences.sum() == 2


def test_a_ban_voids_a_waiting_case():
    """What was reported on a banned account is not held against the account that follows."""
    platform = Platform(n=1)
    platform.flag(0)
    platform.dawn(DAY + 1).sweep(accounts=1)
    assert platform.retailers.case_open[0] == Case.VOID
    platform.retailers.state[0] = State.ACTIVE  # the trader is back on another account
    platform.dawn(DAY + 5).review(1)
    assert platform.retailers.offences[0] == 0 and not platform.counters.sanction.any()
    assert platform.queue.ends[WAITING] == 0
    platform.dawn(DAY + 6).flag(0)
    platform.review(1)
    assert platform.retailers.offences[0] == 1


@pytest.mark.parametrize("state", [State.BANNED, State.LEFT, State.ABSENT])
def test_cases_of_the_gone_are_closed_without_effect(state):
    """A case of a trader without an account takes capacity and does nothing."""
    platform = Platform(n=2)
    platform.flag(0)
    platform.retailers.state[0] = state
    platform.dawn(DAY + 1).review(1)
    assert platform.queue.ends[WAITING] == 0
    assert platform.retailers.offences[0] == 0
    assert not platform.counters.sanction.any() and not platform.counters.removed.any()


def test_who_lies_low_is_still_within_reach():
    """Lying low saves nobody from a case that waits, though no post of the day is there to go."""
    platform = Platform(n=1)
    platform.flag(0)
    platform.retailers.state[0] = State.LYING_LOW
    platform.dawn(DAY + 1)
    platform.counters.moments[0] = platform.counters.pictures[0] = 0
    platform.review(1)
    assert platform.retailers.offences[0] == 1
    assert platform.counters.sanction[0] == 0.5
    assert platform.counters.removed[0] == 0 and platform.counters.moments[0] == 0


# ---------------------------------------------------------------- lists from outside


def test_a_list_goes_to_the_head_of_the_queue():
    """So many traders in reach who post are decided before all who wait, flagged ones of today."""
    platform = Platform(n=30)
    platform.retailers.recent[:25] = 1.0
    platform.retailers.state[20:23] = State.BANNED, State.LEFT, State.ABSENT
    platform.flag(*range(5))
    platform.dawn(DAY + 1).flag(5, 6, listed=4)
    queue = platform.waiting()
    assert set(queue[4:9]) == set(range(5)) and set(queue[9:]) == {5, 6}
    listed = set(queue[:4])
    assert len(listed) == 4 and listed <= {*range(7, 20), 23, 24}
    platform.dawn(DAY + 2).review(4)
    assert set(np.flatnonzero(platform.retailers.offences).tolist()) == listed


def test_a_list_names_everybody_at_most_once():
    """A list longer than there are traders in reach ends with them; nobody gets two cases."""
    platform = Platform(n=9)
    platform.retailers.recent[:] = [1, 1, 1, 1, 0, 0, 0, 0, 0]
    platform.flag(0, listed=100)
    assert sorted(platform.waiting()) == [0, 1, 2, 3]
    platform.dawn(DAY + 1).flag(listed=100)
    assert sorted(platform.waiting()) == [0, 1, 2, 3]


def test_a_list_is_weighed_by_posts():
    """The first of a list is a trader with the odds of recent posts."""
    counts, platform = np.zeros(5, int), Platform(n=5)
    for k in range(4000):
        platform.dawn(DAY + k)
        platform.queue.ends[:] = 0
        platform.retailers.case_open[:] = Case.NONE
        platform.retailers.recent[:] = RECENT
        platform.flag(listed=1)
        counts[platform.waiting()[0]] += 1
    assert counts[0] == 0
    assert stats.chisquare(counts[1:], 4000 * RECENT[1:] / RECENT.sum()).pvalue > FALSE_ALARM
    assert stats.chisquare(counts[1:], np.full(4, 1000.0)).pvalue < FALSE_ALARM


def test_an_empty_list_changes_nothing():
    """Without a list the queue is that of flags, to the last bit."""
    listed, flagged = Platform(n=9), Platform(n=9)
    for platform in (listed, flagged):
        platform.retailers.recent[:] = 1.0
    listed.flag(3, 5, listed=0)
    flagged.flag(3, 5)
    assert listed.state() == flagged.state()


# ---------------------------------------------------------------- automatic removal


def test_known_posts_go_in_the_evening():
    """They are counted as removed with what they show, felt by their share, and make guarded."""
    platform = Platform(n=4)
    counters = platform.counters
    counters.known[:] = [0, 1, 3, 0]
    counters.known_pictures[:] = [0, 4, 10, 0]
    counters.known_videos[:] = [0, 0, 1, 0]
    counters.blocked[:] = [0, 0, 1, 2]
    counters.deleted[:] = [1, 1, 0, 0]
    counters.loss[1] = 0.01
    platform.remove()
    assert counters.moments.tolist() == [3, 2, 0, 3]
    assert counters.removed.tolist() == [0, 1, 3, 0]
    assert counters.pictures.tolist() == [10, 6, 0, 10]
    assert counters.videos.tolist() == [1, 1, 0, 1]
    felt = 0.5 * np.array([0.0, 1 / 4, 4 / 4, 2 / 5])
    assert counters.loss.tolist() == pytest.approx(felt.tolist())
    assert not counters.sanction.any() and not platform.retailers.offences.any()
    assert platform.retailers.guarded_until.tolist() == [0, DAY + 29, DAY + 29, DAY + 29]


def test_a_larger_loss_of_the_day_stays():
    """Of a seized parcel and a removed post the larger is felt."""
    platform = Platform(n=1)
    platform.counters.known[0], platform.counters.loss[0] = 1, 0.9
    platform.remove()
    assert platform.counters.loss[0] == 0.9


def test_a_moderators_removal_makes_guarded_too():
    """A rung or a sweep guards for 28 days after the day; a trader left alone is not guarded."""
    platform = Platform(n=3)
    platform.flag(1)
    platform.review(1)
    assert platform.retailers.guarded_until.tolist() == [0, DAY + 29, 0]
    platform.sweep(posts=3)
    assert platform.retailers.guarded_until.tolist() == [DAY + 29] * 3


def test_what_was_removed_at_once_is_not_removed_again():
    """After automatic removal a case of the day takes no second post."""
    platform = Platform(n=1)
    platform.counters.known[0] = 1
    platform.remove().flag(0)
    platform.review(1)
    assert (platform.counters.moments[0], platform.counters.removed[0]) == (2, 1)


# ---------------------------------------------------------------- sweeps


@pytest.mark.parametrize(("accounts", "posts"), [(0, 0), (7, 0), (0, 9), (7, 9), (100, 100)])
@pytest.mark.parametrize("lean", [0.0, 0.5, 1.0])
def test_a_sweep_takes_exactly_its_number(accounts, posts, lean):
    """So many accounts are banned, and so many other traders lose a post each."""
    platform = Platform(n=200)
    platform.retailers.recent[:] = np.arange(1, 201)
    platform.sweep(accounts, posts, lean)
    assert len(platform.banned()) == accounts
    assert len(platform.punished()) == posts
    assert (platform.retailers.state == State.BANNED).sum() == accounts
    assert platform.counters.removed.sum() == 3 * accounts + posts
    assert platform.counters.moments.sum() + platform.counters.removed.sum() == 600
    muted = platform.retailers.blocked_until > 0
    assert set(np.flatnonzero(muted).tolist()) == platform.punished()
    assert set(platform.retailers.blocked_until[muted].tolist()) <= {DAY + 3}
    assert not platform.retailers.offences.any()


def test_a_larger_sweep_takes_all_that_a_smaller_one_takes():
    """More accounts only add to those banned: common luck, and posts give way to bans."""
    small, large = Platform(n=200), Platform(n=200)
    small.sweep(10, 20)
    large.sweep(25, 20)
    assert small.banned() < large.banned()
    assert large.banned() <= small.banned() | small.punished()


def test_a_sweep_never_takes_those_without_an_account():
    """The absent, the left and the banned are out of reach; there, fewer are taken."""
    platform = Platform(n=50)
    states = platform.retailers.state
    states[:10], states[10:20], states[20:30] = State.ABSENT, State.LEFT, State.BANNED
    states[30:35] = State.LYING_LOW
    platform.retailers.recent[:] = 5.0
    before = states.copy()
    platform.sweep(15, 1000, 0.5)
    assert len(platform.banned()) == 15 and len(platform.punished()) == 5
    assert platform.banned() | platform.punished() == set(range(30, 50))
    assert (states[:30] == before[:30]).all()


@pytest.mark.parametrize("lean", [0.0, 0.5, 1.0])
def test_nobody_in_reach_is_no_trouble(lean):
    """A sweep of an empty market changes nothing."""
    platform = Platform(n=9)
    platform.retailers.state[:] = State.LEFT
    before = platform.state()
    platform.sweep(100, 100, lean)
    assert platform.state() == before


def test_a_full_lean_needs_posts():
    """Leaning to visible posts in full, a sweep spares those without any, or finds nobody."""
    platform = Platform(n=10)
    before = platform.state()
    platform.sweep(5, 5, 1.0)
    assert platform.state() == before
    platform.retailers.recent[:3] = 0.1
    platform.sweep(5, 5, 1.0)
    assert platform.banned() == {0, 1, 2} and not platform.punished()


RECENT = np.array([0.0, 1.0, 2.0, 4.0, 13.0])


def taken(lean: float, size=6000) -> np.ndarray:
    """Return how often each of five traders is the one account of a sweep."""
    platform = Platform(n=5)
    counts = np.zeros(5, int)
    for k in range(size):
        platform.dawn(DAY + k)
        platform.retailers.state[:] = State.ACTIVE
        platform.retailers.recent[:] = RECENT
        platform.sweep(1, 0, lean)
        counts[platform.counters.banned > 0] += 1
    assert counts.sum() == size
    return counts


def lean_p(counts, lean) -> float:
    chance = (1.0 - lean) / 5.0 + lean * RECENT / RECENT.sum()
    able = chance > 0
    assert counts[~able].sum() == 0
    return stats.chisquare(counts[able], counts.sum() * chance[able]).pvalue


@pytest.mark.parametrize(("lean", "not_lean"), [(0.0, 0.1), (0.5, 0.4), (1.0, 0.9)])
def test_a_sweep_leans_to_visible_posts(lean, not_lean):
    """Lean 0 takes evenly, 1 in proportion to recent posts, between them the mixture."""
    counts = taken(lean)
    assert lean_p(counts, lean) > FALSE_ALARM
    assert lean_p(counts, not_lean) < FALSE_ALARM


def test_a_sweep_after_a_review_takes_no_second_post():
    """Only the latest of a day's posts is known, so that a trader loses one post a day at most."""
    platform = Platform(n=1)
    platform.flag(0)
    platform.review(1)
    platform.sweep(posts=1)
    assert platform.counters.removed[0] == 1 and platform.counters.moments[0] == 2
    platform.sweep(accounts=1)
    assert platform.counters.removed[0] == 3 and platform.counters.sanction[0] == 1.0


def test_a_ban_leaves_the_backup_alone():
    """A sweep takes the account, not the backup prepared beside it."""
    platform = Platform(n=1)
    platform.retailers.backup[0] = Backup.ANNOUNCED
    platform.sweep(accounts=1)
    assert platform.retailers.backup[0] == Backup.ANNOUNCED


# ---------------------------------------------------------------- whom a sweep takes


@pytest.mark.parametrize("types", ["a", "ab", "cd", "abcd"])
def test_a_sweep_takes_the_types_it_is_aimed_at(types):
    """Only traders of the types meant are taken, and all of them where the dose is large."""
    platform = Platform(n=200)
    mine = np.isin(platform.retailers.kind, [TYPES.index(letter) for letter in types])
    platform.sweep(accounts=20, posts=1000, types=types_mask(types))
    assert (mine == (platform.counters.sanction > 0)).all()
    assert len(platform.banned()) == 20


@pytest.mark.parametrize("linking", [0.0, 0.3, 1.0])
def test_a_linked_backup_falls_with_its_account(linking):
    """Of those banned who have a backup, the share that is linked loses it; nobody else does."""
    platform = Platform(n=3000)
    platform.retailers.backup[:] = Backup.PREPARED
    platform.retailers.follow[:] = 0.5
    platform.sweep(accounts=2000, posts=500, linking=linking)
    lost = np.flatnonzero(platform.retailers.backup == Backup.NONE)
    assert set(lost.tolist()) <= platform.banned()
    assert (np.flatnonzero(platform.retailers.follow == 0.0) == lost).all()
    assert stats.binomtest(lost.size, 2000, linking).pvalue > 1e-6


def test_a_backup_falls_with_an_account_at_the_end_of_the_ladder():
    """The fifth rung takes the linked backup as well; one rung before it does not."""
    for offences, backup in ((BAN - 1, Backup.NONE), (BAN - 2, Backup.ANNOUNCED)):
        platform = Platform(n=1, moderation__upheld=1.0)
        platform.retailers.backup[:] = Backup.ANNOUNCED
        platform.retailers.offences[:] = offences
        platform.flag(0)
        platform.review(1, linking=1.0)
        assert platform.retailers.backup[0] == backup
