"""What traders mean to post, how much of it they dare, and where the rest goes."""

import itertools

import numpy as np
import pytest
from conftest import draw_words, levers, plain, settings
from scipy import stats

from marketsim.errors import InputError
from marketsim.model.kernels.posting import publish_posts
from marketsim.model.market import no_experience
from marketsim.model.population import empty_counters, synthesize_traders
from marketsim.model.state import Backup, Learned, Place, State
from marketsim.model.supply_chain import places_at_start
from marketsim.parameters.settings import check, kernel_params

FALSE_ALARM = 1e-6
DAY = 735_720
TRADERS = 2_000
ENDS = ("moments", "deleted", "backup", "groups", "elsewhere", "withheld", "blocked")
AWAY = ENDS[2:6]
PLAIN = {
    "posting__silent_share": 0.0,
    "posting__delete_always": 0.0,
    "posting__delete_risk": 0.0,
    "turnover__entry": 0.0,
}


class Posters:
    """Traders who mean to post `rate` times a day, and nothing but the posting kernel."""

    def __init__(self, n=TRADERS, rate=3.0, seed=3, recovery="none", **changes):
        of = plain(n, recovery=recovery, **PLAIN | changes)
        self.seed, self.params = seed, kernel_params(of)
        self.retailers, _ = synthesize_traders(of, seed, DAY, 1)
        self.counters = empty_counters(n)
        self.push, self.motives = np.ones(n), no_experience(n)
        self.places = places_at_start(self.params, seed, n)
        self.retailers.base_rate[:] = rate
        self.retailers.sensitivity[:] = 1.6
        self.retailers.risk[:] = 0.0

    def set(self, **values):
        """Give every trader these values."""
        for name, value in values.items():
            getattr(self.retailers, name)[:] = value
        return self

    def pays(self, feed=1.0, private=1.0, elsewhere=1.0, drive=1.0):
        """Let places pay, and traders be driven, so much."""
        self.motives.place[:] = feed, private
        self.motives.market[Learned.ELSEWHERE] = elsewhere
        self.motives.drive[:] = drive
        return self

    def post(self, day=DAY, ways=(1.0, 1.0), **of_day):
        """Live one day of posting under some levers and return copies of its counters."""
        of_day = levers(groups=ways[0], elsewhere=ways[1], **of_day)
        of = (self.params, self.retailers, self.counters, self.push, self.motives, self.places)
        draw_words(self.seed, day, self.counters)
        publish_posts(self.seed, day, of_day, *of, 0, len(self.retailers.state))
        return type(self.counters)(*(counts.copy() for counts in self.counters))

    def days(self, number=20, **values):
        """Live several days and return each counter with shape (days, traders)."""
        simulated = [self.post(DAY + k, **values) for k in range(number)]
        return type(self.counters)(*(np.array(counts) for counts in zip(*simulated, strict=True)))


def share_p(part, whole, chance) -> float:
    return stats.binomtest(int(part), int(whole), chance).pvalue


# ---------------------------------------------------------------- how much they mean to post


@pytest.mark.parametrize(
    ("rate", "activity", "shape"), [(3.0, 1.0, 2.0), (0.4, 0.5, 0.5), (10.0, 1.5, 30.0)]
)
def test_posts_are_gamma_poisson(rate, activity, shape):
    """Without fear all posts stand: mean base rate x activity, variance mean + mean^2 / shape."""
    seen = Posters(rate=rate, posting__daily_shape=shape).days(activity=activity)
    assert (seen.moments == seen.intended).all()
    mean = rate * activity
    law = stats.nbinom(shape, shape / (shape + mean))
    variance, excess = (float(x) for x in law.stats(moments="vk"))
    assert variance == pytest.approx(mean + mean**2 / shape)
    size = seen.moments.size
    assert abs(seen.moments.mean() - mean) < 4 * np.sqrt(variance / size)
    assert abs(seen.moments.var() - variance) < 4 * variance * np.sqrt((excess + 2) / size)


def test_another_activity_would_be_seen():
    """Negative control: two per cent more activity, or even days, fail the same bounds."""
    bound = 4 * np.sqrt((3.0 + 4.5) / (20 * TRADERS))
    assert abs(Posters().days(activity=1.02).moments.mean() - 3.0) > bound
    assert abs(Posters(posting__daily_shape=100.0).days().moments.var() - 7.5) > 3.0


def test_days_and_traders_have_luck_of_their_own():
    """Posts of one trader on two days, and of two traders on one day, are uncorrelated."""
    posts = Posters().days(40).moments.astype(float)
    for one, two in ((posts[1:], posts[:-1]), (posts[:, 1:], posts[:, :-1])):
        correlation = np.corrcoef(one.ravel(), two.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(one.size)


def test_a_higher_rate_only_appends_posts():
    """Doubled activity takes no post away: it adds posts with luck of their own."""
    calm, busy = (Posters().days(activity=activity) for activity in (1.0, 2.0))
    for name in ("intended", "moments", "pictures", "videos"):
        assert (getattr(busy, name) >= getattr(calm, name)).all()
    assert busy.intended.sum() > 1.9 * calm.intended.sum()


def test_yesterday_is_cleared():
    """Every counter of the day before is overwritten, also where nobody posts."""
    fresh, used = Posters(rate=0.5), Posters(rate=0.5)
    for counts in used.counters:
        counts[:] = 9
    for one, two in zip(fresh.post(), used.post(), strict=True):
        assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize(
    ("barred", "share"),
    [((), 1.0), ((Place.PUBLIC,), 0.7), ((Place.PUBLIC, Place.SOCIAL), 0.2),
     ((Place.PUBLIC, Place.SOCIAL, Place.WEBSITES), 0.0)],
    ids=str,
)  # fmt: skip
def test_who_is_barred_elsewhere_posts_less_there(barred, share):
    """Elsewhere keeps the weight of the places that are open, by `demand.to_*`; none: no post."""
    weights = {"demand__to_public": 0.3, "demand__to_social": 0.5, "demand__to_websites": 0.2}
    posters = Posters(displacement__moved=0.6, **weights).set(state=State.LYING_LOW)
    for place in barred:
        posters.places.barred_until[place] = DAY + 1000
    seen = posters.days()
    away = posters.params.displacement
    one = away.moved / (away.backup + away.groups + away.elsewhere)
    elsewhere = away.elsewhere * one * share
    chance = elsewhere / (elsewhere + away.groups * one + 1.0 - away.moved)
    made = seen.groups.sum() + seen.elsewhere.sum() + seen.withheld.sum()
    if share == 0.0:
        assert seen.elsewhere.sum() == 0 < seen.groups.sum()
    else:
        assert share_p(seen.elsewhere.sum(), made, chance) > FALSE_ALARM


def test_who_is_barred_from_groups_posts_none_there():
    """The bar ends by itself; other places are used more."""
    posters = Posters(displacement__moved=0.6).set(state=State.LYING_LOW)
    posters.places.barred_until[Place.GROUPS] = DAY + 10
    seen = posters.days(20)
    assert seen.groups[:10].sum() == 0 < seen.groups[10:].sum()
    assert seen.elsewhere[:10].sum() > seen.elsewhere[10:].sum()


@pytest.mark.parametrize("memory", [1.0, 7.0, 90.0])
def test_recent_posts_fade_with_the_memory(memory):
    """`recent` is the sum of visible posts, each worth 1 - 1 / `memory_days` of the day before."""
    posters = Posters(n=50, moderation__memory_days=memory)
    seen = posters.days(30).moments
    fading = (1.0 - 1.0 / memory) ** np.arange(29, -1, -1)
    np.testing.assert_allclose(posters.retailers.recent, fading @ seen, rtol=1e-12)


# ---------------------------------------------------------------- silence


def spells(talking: np.ndarray) -> list[int]:
    """Return the lengths of the silences that began and ended within the record."""
    lengths = []
    for one in talking.T:
        turns = np.flatnonzero(np.diff(one)) + 1
        pieces = np.diff(turns)
        lengths += [int(n) for n, at in zip(pieces, turns[:-1], strict=True) if one[at] == 0]
    return lengths


def talk(days=300, **changes) -> np.ndarray:
    posters = Posters(rate=50.0, posting__daily_shape=100.0, **changes)
    record = []
    for k in range(days):
        seen = posters.post(DAY + k)
        assert not seen.intended[posters.retailers.talking == 0].any()
        record.append(posters.retailers.talking.copy())
    return np.array(record, int)


def test_silence_has_its_share_and_length():
    """Traders are silent for the share of time, in spells of geometric length."""
    talking = talk(posting__silent_share=0.3, posting__silent_days=8.0)
    assert 1.0 - talking.mean() == pytest.approx(0.3, abs=0.01)
    lengths = np.array(spells(talking[:, :1000]))
    assert lengths.size > 5_000
    # spells that reach over the end are not counted, so the longest are a little too few
    assert lengths.mean() == pytest.approx(8.0, rel=0.05)
    cells = [np.mean(lengths == k) for k in (1, 2, 3)]
    expected = [7.0 ** (k - 1) / 8.0**k for k in (1, 2, 3)]
    np.testing.assert_allclose(cells, expected, rtol=0.07)


def test_the_share_of_silence_is_steady():
    """The share is the same in the first days as after a year: no burn-in is needed."""
    talking = talk(days=200, posting__silent_share=0.4, posting__silent_days=20.0)
    for days in (slice(0, 1), slice(30, 31), slice(199, 200)):
        assert share_p(talking[days].sum(), talking[days].size, 0.6) > FALSE_ALARM


def test_nobody_is_silent_without_a_share():
    """With no silent share everybody talks on every day."""
    assert talk(days=50, posting__silent_share=0.0).all()


@pytest.mark.parametrize(("share", "days"), [(0.9, 1.0), (0.9, 6.0), (0.6, 1.0), (0.9, 9.0)])
def test_every_share_of_silence_that_is_taken_is_reached(share, days):
    """A silent share is either refused with its length of spells or reached by the market."""
    changes = {"posting__silent_share": share, "posting__silent_days": days}
    try:
        check(settings(**changes))
    except InputError as refusal:
        assert refusal.key in ("posting.silent_share", "posting.silent_days")
    else:
        assert 1.0 - talk(**changes).mean() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(("share", "least"), [(0.5, 1.0), (0.6, 1.5), (0.8, 4.0), (0.9, 9.0)])
def test_the_least_length_of_spells_is_taken(share, least):
    """A share s needs spells of s / (1 - s) days; just that length is taken, less is not."""
    check(settings(posting__silent_share=share, posting__silent_days=least))
    with pytest.raises(InputError):
        check(settings(posting__silent_share=share, posting__silent_days=0.99 * least))


# ---------------------------------------------------------------- pictures and videos


def latest(days=20, **changes) -> np.ndarray:
    """Return how often the latest visible post of a day showed 0 to 9 pictures."""
    seen = Posters(**changes).days(days)
    some = seen.moments > 0
    assert (seen.latest_videos[some] == (seen.latest_pictures[some] == 0)).all()
    assert not seen.latest_pictures[~some].any() and not seen.latest_videos[~some].any()
    return np.bincount(seen.latest_pictures[some], minlength=10)


def grid_chances(video: float, full: float, grid: int) -> np.ndarray:
    chances = np.zeros(10)
    chances[0] = video
    chances[1:grid] = (1.0 - video) * (1.0 - full) / (grid - 1)
    chances[grid] = (1.0 - video) * full
    return chances


@pytest.mark.parametrize(
    ("video", "full", "grid"),
    [(0.054, 0.27, 9), (0.3, 0.0, 9), (0.0, 0.5, 4), (0.2, 0.8, 2), (0.0, 1.0, 9), (1.0, 0.5, 9)],
)
def test_pictures_have_their_distribution(video, full, grid):
    """A post is a video, or has a full grid of pictures, or evenly one to the rest."""
    shown = {"posting__video_share": video, "posting__full_grid": full, "posting__grid": grid}
    counts = latest(**shown)
    chances = grid_chances(video, full, grid)
    able = chances > 0
    assert counts[~able].sum() == 0
    if able.sum() > 1:
        assert stats.chisquare(counts[able], counts.sum() * chances[able]).pvalue > FALSE_ALARM


def test_another_distribution_would_be_seen():
    """Negative control: a slightly larger share of full grids fails the test of pictures."""
    counts = latest(posting__full_grid=0.30)
    expected = counts.sum() * grid_chances(0.054, 0.27, 9)
    assert stats.chisquare(counts, expected).pvalue < FALSE_ALARM


def test_the_totals_of_pictures_follow():
    """Pictures a post average their closed form, and videos are their share of posts."""
    seen = Posters().days()
    chances = grid_chances(0.054, 0.27, 9)
    mean = chances @ np.arange(10)
    deviation = np.sqrt(chances @ np.arange(10) ** 2 - mean**2)
    posts = seen.moments.sum()
    assert abs(seen.pictures.sum() / posts - mean) < 4 * deviation / np.sqrt(posts)
    assert share_p(seen.videos.sum(), posts, 0.054) > FALSE_ALARM
    assert (seen.pictures <= 9 * (seen.moments - seen.videos)).all()
    assert (seen.pictures >= seen.moments - seen.videos).all()


# ---------------------------------------------------------------- daring


def dared(posters: Posters) -> tuple[int, int]:
    seen = posters.days()
    return int((seen.moments + seen.deleted).sum()), int(seen.intended.sum())


@pytest.mark.parametrize(
    ("risk", "k", "smooth"), [(0.0, 1.6, 1.0), (0.4, 1.6, 1.0), (1.0, 6.0, 1.0), (0.7, 2.0, 0.5)]
)
def test_daring_falls_exponentially_with_risk(risk, k, smooth):
    """The share of posts made in Moments is 1 - smooth x (1 - exp(-k risk))."""
    posters = Posters(recovery__smooth=smooth).set(risk=risk, sensitivity=k)
    expected = 1.0 - smooth * (1.0 - np.exp(-k * risk))
    assert share_p(*dared(posters), expected) > FALSE_ALARM
    if risk > 0:
        milder = 1.0 - smooth * (1.0 - np.exp(-0.9 * k * risk))
        assert share_p(*dared(posters), milder) < FALSE_ALARM


def test_fear_only_takes_posts_away():
    """With rising risk each trader's visible posts fall, and what is meant stays the same."""
    levels = [Posters().set(risk=risk).days() for risk in (0.0, 0.2, 0.5, 1.0)]
    for calm, afraid in itertools.pairwise(levels):
        assert (calm.intended == afraid.intended).all()
        assert (calm.moments >= afraid.moments).all()
        assert calm.moments.sum() > afraid.moments.sum()


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_above_a_threshold_posts_stop(weight):
    """A trader whose risk is above his threshold keeps 1 - weight of his posts; below, all."""
    posters = Posters(recovery__smooth=0.0, recovery__thresholds=weight)
    posters.set(risk=0.5, threshold=0.6)
    above, at = np.arange(TRADERS) % 3 == 0, np.arange(TRADERS) % 3 == 1
    posters.retailers.threshold[above] = 0.4
    posters.retailers.threshold[at] = 0.5
    seen = posters.days()
    assert (seen.moments[:, ~above] == seen.intended[:, ~above]).all()
    kept, meant = seen.moments[:, above].sum(), seen.intended[:, above].sum()
    assert kept == 0 if weight == 1.0 else share_p(kept, meant, 1.0 - weight) > FALSE_ALARM


def test_an_advertised_backup_lowers_the_stake():
    """With an advertised backup the risk counts 1 - weight x confidence; a hidden one is none."""
    changes = {"recovery__backup_confidence": 0.5, "accounts__confidence": 0.6}
    for backup, factor in ((Backup.ANNOUNCED, 0.7), (Backup.PREPARED, 1.0), (Backup.NONE, 1.0)):
        posters = Posters(**changes).set(risk=0.5, backup=backup)
        assert share_p(*dared(posters), np.exp(-1.6 * 0.5 * factor)) > FALSE_ALARM
    assert share_p(*dared(posters), np.exp(-1.6 * 0.5 * 0.7)) < FALSE_ALARM


@pytest.mark.parametrize("risk", [0.0, 0.3, 1.0])
def test_authors_delete_their_share(risk):
    """Of the posts made in Moments `delete_always` + `delete_risk` x risk are deleted."""
    of = {"posting__delete_always": 0.05, "posting__delete_risk": 0.2, "recovery__smooth": 0.0}
    seen = Posters(**of).set(risk=risk).days()
    assert (seen.moments + seen.deleted == seen.intended).all()
    assert share_p(seen.deleted.sum(), seen.intended.sum(), 0.05 + 0.2 * risk) > FALSE_ALARM
    assert share_p(seen.deleted.sum(), seen.intended.sum(), 0.06 + 0.2 * risk) < FALSE_ALARM


# ---------------------------------------------------------------- where the rest goes


def displaced(**values) -> tuple:
    """Return the day's counters where every post is kept out of Moments."""
    posters = Posters(displacement__moved=0.6, displacement__backup=1.0)
    return posters.set(state=State.LYING_LOW, backup=Backup.ANNOUNCED, **values).days()


def split(seen) -> np.ndarray:
    return np.array([getattr(seen, name).sum() for name in AWAY])


def test_displaced_posts_have_their_shares():
    """Of posts kept out of Moments the share moved goes by weight, the rest is not made."""
    seen = displaced()
    assert not seen.moments.any() and not seen.deleted.any()
    weights = np.array([1.0, 0.5, 0.2])
    expected = np.append(0.6 * weights / weights.sum(), 0.4) * seen.intended.sum()
    assert stats.chisquare(split(seen), expected).pvalue > FALSE_ALARM
    other = np.append(0.62 * weights / weights.sum(), 0.38) * seen.intended.sum()
    assert stats.chisquare(split(seen), other).pvalue < FALSE_ALARM


def moved_without_cause(before, after, closed: str) -> int:
    """Count the posts that left an option other than the closed one."""
    assert (before.intended == after.intended).all()
    assert not getattr(after, closed).any() and getattr(before, closed).any()
    rest = [name for name in AWAY if name != closed]
    return int(sum(np.maximum(getattr(before, n) - getattr(after, n), 0).sum() for n in rest))


def test_a_closed_way_moves_only_those_who_would_have_taken_it():
    """Without groups, or without a backup, no post leaves any other place."""
    everywhere = displaced()
    no_groups = displaced(suspended=1, blocked_until=DAY + 1000)
    assert moved_without_cause(everywhere, no_groups, "groups") == 0
    posters = Posters(displacement__moved=0.6, displacement__backup=1.0)
    no_backup = posters.set(state=State.LYING_LOW, backup=Backup.PREPARED).days()
    assert moved_without_cause(everywhere, no_backup, "backup") == 0
    banned = Posters(displacement__moved=0.6, displacement__backup=1.0)
    banned = banned.set(state=State.BANNED, backup=Backup.ANNOUNCED).days()
    assert moved_without_cause(no_groups, banned, "backup") == 0


def test_posts_moved_without_cause_would_be_seen():
    """Negative control: with luck of another seed thousands of posts seem to move."""
    other = Posters(seed=4, displacement__moved=0.6, displacement__backup=1.0)
    other.set(state=State.LYING_LOW, backup=Backup.PREPARED)
    before, after = displaced(), other.days()
    rest = ("groups", "elsewhere", "withheld")
    lost = sum(np.maximum(getattr(before, n) - getattr(after, n), 0).sum() for n in rest)
    assert lost > 1000


FUTURE = DAY + 1
WAYS = [
    ("free", {}, {"moments"}),
    ("lying low", {"state": State.LYING_LOW}, {"backup", "groups", "elsewhere", "withheld"}),
    ("muted", {"blocked_until": FUTURE}, {"backup", "groups", "elsewhere", "withheld"}),
    ("mute over", {"blocked_until": DAY}, {"moments"}),
    (
        "suspended",
        {"blocked_until": FUTURE, "suspended": 1},
        {"backup", "elsewhere", "withheld"},
    ),
    ("suspension over", {"blocked_until": DAY, "suspended": 1}, {"moments"}),
    ("banned", {"state": State.BANNED}, {"elsewhere", "withheld"}),
    (
        "low, suspension over",
        {"state": State.LYING_LOW, "blocked_until": DAY, "suspended": 1},
        {"backup", "groups", "elsewhere", "withheld"},
    ),
    ("absent", {"state": State.ABSENT}, set()),
    ("left", {"state": State.LEFT}, set()),
]


@pytest.mark.parametrize(("values", "ways"), [way[1:] for way in WAYS], ids=[w[0] for w in WAYS])
def test_each_state_has_its_ways(values, ways):
    """Who is kept out of Moments posts nothing there, and only where he still has an account."""
    posters = Posters().set(backup=Backup.ANNOUNCED, **values)
    seen = posters.post()
    assert {name for name in ENDS if getattr(seen, name).any()} == ways
    assert seen.intended.any() == bool(ways)
    total = sum(getattr(seen, name) for name in ENDS)
    assert (total == seen.intended).all()
    if "moments" not in ways:
        assert not (seen.pictures.any() or seen.videos.any() or seen.flagged.any())


def test_a_backup_that_nobody_knows_takes_no_posts():
    """Only an advertised backup is a way out of Moments."""
    for backup in (Backup.NONE, Backup.PREPARED):
        seen = Posters().set(state=State.LYING_LOW, backup=backup).post()
        assert not seen.backup.any() and seen.groups.any()


@pytest.mark.parametrize(("name", "place"), [("groups", 0), ("elsewhere", 1)])
def test_a_place_that_is_closed_moves_only_its_own_posts(name, place):
    """What finds a place closed goes to the others or nowhere; who went elsewhere goes on there."""
    ways = tuple(0.0 if k == place else 1.0 for k in range(2))
    hidden = {"state": State.LYING_LOW, "backup": Backup.ANNOUNCED}
    open_, closed = (Posters().set(**hidden).days(ways=of) for of in ((1.0, 1.0), ways))
    assert getattr(open_, name).any() and not getattr(closed, name).any()
    assert (closed.intended == open_.intended).all()
    for other in {"backup", "groups", "elsewhere", "withheld"} - {name}:
        assert (getattr(closed, other) >= getattr(open_, other)).all()
        assert getattr(closed, other).sum() > getattr(open_, other).sum()


# ---------------------------------------------------------------- flags

FLAGS = {
    "moderation__filter_recall": 0.2,
    "moderation__concealed": 0.6,
    "moderation__outsiders": 40.0,
    "moderation__report_rate": 0.001,
}


@pytest.mark.parametrize(
    ("recall", "reports", "audience", "chance"),
    [
        (1.0, 0.0, 1.0, 0.08),
        (0.0, 1.0, 1.0, 0.04),
        (1.0, 1.0, 1.0, 1.0 - 0.92 * 0.96),
        (2.0, 5.0, 0.5, 1.0 - 0.84 * 0.90),
        (100.0, 0.0, 1.0, 0.4),
        (0.0, 100.0, 1.0, 1.0),
        (0.0, 0.0, 1.0, 0.0),
    ],
)
def test_flags_have_a_closed_form(recall, reports, audience, chance):
    """A post stays unflagged if filters miss it and nobody who sees it reports it."""
    posters = Posters(**FLAGS).set(audience=audience)
    seen = posters.days(recall=recall, reports=reports)
    flagged, posts = seen.flagged.sum(), seen.moments.sum()
    assert share_p(flagged, posts, chance) > FALSE_ALARM
    if 0 < chance < 1:
        assert share_p(flagged, posts, 1.1 * chance) < FALSE_ALARM


@pytest.mark.parametrize("images", [0.0, 0.25, 1.0])
def test_pictures_are_known_however_well_they_are_concealed(images):
    """Recognition of pictures finds its share of all posts, concealed ones too."""
    hidden = FLAGS | {"moderation__concealed": 1.0}
    seen = Posters(**hidden).days(recall=100.0, reports=0.0, images=images)
    assert share_p(seen.flagged.sum(), seen.moments.sum(), images) > FALSE_ALARM
    assert seen.flagged.any() == (images > 0.0)


def test_more_reports_only_add_flags():
    """A post flagged at few reports is flagged at many."""
    few, many = (Posters(**FLAGS).days(reports=reports) for reports in (1.0, 3.0))
    assert (many.flagged >= few.flagged).all()
    assert many.flagged.sum() > few.flagged.sum()


# ---------------------------------------------------------------- what posts have brought


@pytest.mark.parametrize("drive", [0.0, 0.3, 1.0, 2.0])
def test_drive_is_a_factor_on_intended_posts(drive):
    """Intended posts have the mean base rate x drive, as with another activity."""
    driven, busy = Posters().pays(drive=drive), Posters()
    seen, other = driven.days(), busy.days(activity=drive)
    assert (seen.intended == other.intended).all()
    assert seen.intended.mean() == pytest.approx(3.0 * drive, rel=0.03)


def openness(feed, private, elsewhere, dared_before, backup=Backup.ANNOUNCED) -> tuple[float, bool]:
    """Return the p-value of the share of posts in Moments, and that of the share before."""
    changes = {"displacement__moved": 0.6, "displacement__backup": 1.0}
    posters = Posters(recovery__smooth=1.0, **changes)
    posters.set(risk=-np.log(dared_before) / 1.6, backup=backup).pays(feed, private, elsewhere)
    weights = np.array([1.0, 0.5, 0.2]) * (backup == Backup.ANNOUNCED, 1, 1)
    weights = np.append(0.6 * weights / 1.7, 0.4)
    paying = weights * [feed, private, elsewhere, 1.0]
    ratio = feed / (paying.sum() / weights.sum())
    odds = ratio * dared_before
    shifted = odds if ratio < 1 else odds / (odds + 1.0 - dared_before)
    kept, meant = dared(posters)
    return share_p(kept, meant, shifted), share_p(kept, meant, dared_before) > FALSE_ALARM


PLACES = [
    # pay of Moments, groups and elsewhere, relative to the first weeks; share in Moments before
    (0.3, 1.0, 1.0, 0.6),
    (1.0, 3.0, 2.0, 0.6),
    (0.5, 3.0, 3.0, 1.0),
    (2.0, 1.0, 1.0, 0.6),
    (1.0, 0.2, 0.2, 0.6),
    (3.0, 0.1, 0.1, 0.05),
]


@pytest.mark.parametrize("backup", [Backup.ANNOUNCED, Backup.NONE])
@pytest.mark.parametrize(("feed", "private", "elsewhere", "before"), PLACES)
def test_posts_go_where_they_pay(feed, private, elsewhere, before, backup):
    """Openness is multiplied by the ratio of pay below 1, its odds above it."""
    expected, unmoved = openness(feed, private, elsewhere, before, backup)
    assert expected > FALSE_ALARM and not unmoved


@pytest.mark.parametrize("backup", [Backup.ANNOUNCED, Backup.NONE])
def test_where_no_place_pays_more_nothing_moves(backup):
    """At a ratio of 1 the posts of each place are the same to the last one."""
    still = Posters(recovery__smooth=1.0).set(risk=0.3, backup=backup)
    paid = Posters(recovery__smooth=1.0).set(risk=0.3, backup=backup).pays(1.0, 1.0, 1.0)
    assert all((a == b).all() for a, b in zip(still.days(), paid.days(), strict=True))
    certain = Posters().pays(3.0, 0.5, 0.5).days()  # what is sure is not made surer
    assert (certain.moments == certain.intended).all()


def test_displaced_posts_go_where_they_pay():
    """The weights of backup and groups, of elsewhere and of none are multiplied by their pay."""
    posters = Posters(displacement__moved=0.6, displacement__backup=1.0).pays(0.5, 3.0, 2.0)
    seen = posters.set(state=State.LYING_LOW, backup=Backup.ANNOUNCED).days()
    weights = np.array([0.6 / 1.7 * 0.5, 0.3 / 1.7 * 3.0, 0.12 / 1.7 * 2.0, 0.4])
    expected = weights / weights.sum() * seen.intended.sum()
    assert stats.chisquare(split(seen), expected).pvalue > FALSE_ALARM
    assert stats.chisquare(split(seen), np.roll(expected, 1)).pvalue < FALSE_ALARM


# ---------------------------------------------------------------- known posts

KNOWN = FLAGS | {"moderation__report_rate": 0.00001, "moderation__outsiders": 0.0}


@pytest.mark.parametrize("images", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("preblock", "auto"), [(0.0, 0.5), (0.5, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_known_posts_are_blocked_or_marked(preblock, auto, images):
    """Of known posts `preblock` never appear, and of the others `auto` are marked for removal."""
    seen = Posters(**KNOWN).days(preblock=preblock, auto=auto, images=images)
    known = 1.0 - 0.92 * (1.0 - images)
    assert (seen.moments + seen.blocked == seen.intended).all()
    assert share_p(seen.blocked.sum(), seen.intended.sum(), known * preblock) > FALSE_ALARM
    assert share_p(seen.known.sum(), seen.intended.sum(), known * (1 - preblock) * auto) > 1e-6
    assert (seen.known <= seen.moments).all() and (seen.flagged <= seen.moments - seen.known).all()
    assert (seen.known_pictures <= seen.pictures).all()
    assert (seen.known_videos <= seen.videos).all()
    if images == preblock == 1.0:
        assert not seen.moments.any() and not seen.flagged.any()


def test_automatic_removal_at_certain_recognition_takes_all():
    """With images and auto at 1 all visible posts are known, with all they show."""
    seen = Posters(**KNOWN).days(images=1.0, auto=1.0)
    assert (seen.known == seen.moments).all() and (seen.known == seen.intended).all()
    assert (seen.known_pictures == seen.pictures).all()
    assert (seen.known_videos == seen.videos).all() and not seen.flagged.any()


def test_without_the_levers_no_post_is_blocked():
    """At 0 nothing is known in advance, and all that is visible is as it was."""
    plain_, levered = Posters(**KNOWN).days(images=0.4), Posters(**KNOWN).days(images=0.4, auto=0.3)
    assert not plain_.blocked.any() and not plain_.known.any() and levered.known.any()
    for name in ("intended", "moments", "pictures", "videos", "latest_pictures"):
        assert (getattr(plain_, name) == getattr(levered, name)).all()


@pytest.mark.parametrize("evade", [0.0, 0.5, 1.0])
def test_a_guarded_style_hides_posts(evade):
    """Until the day `guarded_until` filters and images miss the share hidden; then no more."""
    posters = Posters(motive__evade=evade, **KNOWN).set(guarded_until=DAY + 10)
    seen = posters.days(20, images=0.4)
    guarded, after = seen.flagged[:10].sum(), seen.flagged[10:].sum()
    found = 1.0 - (1.0 - 0.08 * (1.0 - evade)) * (1.0 - 0.4 * (1.0 - evade))
    assert share_p(guarded, seen.moments[:10].sum(), found) > FALSE_ALARM
    assert share_p(after, seen.moments[10:].sum(), 1.0 - 0.92 * 0.6) > FALSE_ALARM


@pytest.mark.parametrize("recruits", [0.0, 5.0, 60.0])
def test_recruits_may_report(recruits):
    """Each recent recruit adds `exposure` people who are not complicit."""
    of = FLAGS | {"moderation__filter_recall": 0.01, "moderation__concealed": 1.0}
    posters = Posters(motive__exposure=0.5, **of).set(recruits=recruits, audience=0.5)
    seen = posters.days()
    chance = 0.001 * (40.0 + 0.5 * recruits) * 0.5
    assert share_p(seen.flagged.sum(), seen.moments.sum(), chance) > FALSE_ALARM
    alone = Posters(**of).set(recruits=recruits, audience=0.5).days()
    assert share_p(alone.flagged.sum(), alone.moments.sum(), 0.02) > FALSE_ALARM


# ---------------------------------------------------------------- style


@pytest.mark.parametrize("days", [0.1, 0.5, 1.0])
def test_videos_come_in_bursts(days):
    """On the share of days a trader makes videos, and in all days the share of posts is kept."""
    posters = Posters(rate=8.0, style__video_days=days)
    posters.set(video_share=0.05)
    seen = posters.days(40)
    share = min(0.05 / days, 1.0)
    assert seen.videos.sum() / seen.moments.sum() == pytest.approx(0.05, rel=0.06)
    many = seen.moments >= 8
    none = (seen.videos[many] == 0).mean()
    expected = ((1.0 - share) ** seen.moments[many]).mean()
    assert none == pytest.approx(days * expected + 1.0 - days, abs=0.01)


def test_a_large_share_of_videos_is_bounded_by_the_days():
    """On days with videos all posts are videos at most: then the share is that of the days."""
    posters = Posters(style__video_days=0.25).set(video_share=0.9)
    seen = posters.days(40)
    assert seen.videos.sum() / seen.moments.sum() == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize("batch", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("fear", [0.0, 0.5])
def test_the_frightened_show_more_in_a_post(batch, fear):
    """Nine pictures are likelier by batch x fear above the floor, of what is missing to 1."""
    posters = Posters(style__batch=batch, posting__video_share=0.0, recovery__smooth=0.0,
                      perception__residual=0.1).set(risk=0.1 + fear)  # fmt: skip
    seen = posters.days()
    some = seen.moments > 0
    full = 0.27 + 0.73 * batch * fear
    counts = np.bincount(seen.latest_pictures[some], minlength=10)
    assert stats.chisquare(counts[1:], counts.sum() * grid_chances(0, full, 9)[1:]).pvalue > 1e-6
