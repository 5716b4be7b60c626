"""The observer: days, contacts, panel and window, against the evidence and closed forms."""

import datetime as dt

import numpy as np
import pytest
from conftest import settings
from scipy import stats

from marketsim.model import observer
from marketsim.model.kernels.recording import log_contacts
from marketsim.model.ledger import PRODUCTS
from marketsim.model.market import advance, initialize
from marketsim.model.population import empty_counters, synthesize_traders
from marketsim.model.state import Backup, LogColumn, ObservedPrices, State
from marketsim.numerics import distributions, elementary, rng
from marketsim.numerics.rng import Purpose

FALSE_ALARM = 1e-6
FIRST = dt.date(2015, 3, 6).toordinal()
START = dt.date(2015, 5, 1).toordinal()
END = dt.date(2015, 7, 31).toordinal()
DAYS = END - FIRST + 1


# ---------------------------------------------------------------- the survey's days


@pytest.mark.parametrize("seed", [0, 1, 2**62])
def test_the_calendar_is_the_published_one(seed):
    """There are 39 regular days, all Tuesdays, Thursdays and Saturdays, and 8 random ones."""
    day, regular = observer.survey_days(seed)
    assert (day.size, regular.sum()) == (47, 39)
    assert (np.diff(day) > 0).all() and day[0] >= START and day[-1] <= END
    names = [dt.date.fromordinal(int(one)).strftime("%a") for one in day]
    assert [name in ("Tue", "Thu", "Sat") for name in names] == regular.tolist()
    every = [d for d in range(START, END + 1)
             if dt.date.fromordinal(d).weekday() in (1, 3, 5)]  # fmt: skip
    assert day[regular].tolist() == every


def test_the_seed_draws_the_random_days():
    """One seed gives one set of random days, another another; the regular days stay."""
    one, same, other = (observer.survey_days(seed) for seed in (4, 4, 5))
    assert (one[0] == same[0]).all()
    assert set(one[0][~one[1]]) != set(other[0][~other[1]])
    assert (one[0][one[1]] == other[0][other[1]]).all()


def test_every_other_day_is_equally_often_random():
    """Over many seeds each day that is not regular comes up as often as any other."""
    counts = np.zeros(END - START + 1)
    for seed in range(600):
        day, regular = observer.survey_days(seed)
        counts[day[~regular] - START] += 1
    others = counts[counts > 0]
    assert others.size == 92 - 39
    # eight of 53 without replacement: cells vary less than independent ones
    statistic = ((others - others.mean()) ** 2).sum() / others.mean() / (1 - 8 / 53)
    assert FALSE_ALARM < stats.chi2.sf(statistic, 52) < 1 - FALSE_ALARM


# ---------------------------------------------------------------- contacts


def meet(seeds, rates, **changes) -> np.ndarray:
    """Return the contacts of markets whose traders have these base rates, one row a seed."""
    of = settings(len(rates), turnover__entry=0.0, **changes)
    retailers, _ = synthesize_traders(of, 1, FIRST, 1)
    retailers.base_rate[:] = rates
    return np.array([observer.choose_contacts(of, seed, retailers) for seed in seeds])


def race(seeds, rates, lean) -> np.ndarray:
    """Return the first 108 of an exponential race, which exhausts heavy posters."""
    times = (distributions.waiting_times(seed, Purpose.CONTACT, 0, rates**lean) for seed in seeds)
    return np.array([np.argsort(time, kind="stable")[:108] for time in times])


def stream(seeds, rates, lean) -> np.ndarray:
    """Return 108 traders drawn one by one from a stream, which all traders share."""
    share = rates**lean / (rates**lean).sum()
    chosen = (np.random.default_rng(seed).choice(rates.size, 108, False, share) for seed in seeds)
    return np.array(list(chosen))


def pareto(seeds, rates, lean) -> np.ndarray:
    """Return the contacts, with none who has left."""
    return meet(seeds, rates, observer__lean=lean, turnover__leave=0.0)


CLASSES = np.array([1.0, 1.5, 2.0, 3.0, 4.0])
RATES = np.tile(CLASSES, 80)


def chances(rates, power) -> np.ndarray:
    """Return 108 times each trader's share of all base rates to this power."""
    return 108 * rates**power / (rates**power).sum()


def p_of_power(met, power) -> float:
    """Return the p-value of contacts by class of rate, were chances as this power of the rate.

    Contacts of one survey depend on each other, so the distance is measured by the covariance of
    the counts between surveys (Hotelling's T squared); the last class is what the others leave.
    """
    counts = np.array([(RATES[met] == rate).sum(axis=1) for rate in CLASSES[:-1]]).T
    expected = [chances(RATES, power)[rate == RATES].sum() for rate in CLASSES[:-1]]
    off = counts.mean(axis=0) - expected
    statistic = len(met) * off @ np.linalg.solve(np.cov(counts.T), off)
    return float(stats.chi2.sf(statistic, off.size))


@pytest.mark.parametrize(("lean", "other"), [(0.0, 0.05), (0.25, 0.2), (1.0, 0.9), (2.0, 1.9)])
def test_the_chance_of_a_contact_is_a_power_of_the_base_rate(lean, other):
    """Each trader is among the 108 with a chance in proportion to the rate to the power `lean`."""
    met = pareto(range(4000), RATES, lean)
    chance = chances(RATES, lean)
    assert chance.max() < 1.0
    assert p_of_power(met, lean) > FALSE_ALARM
    assert p_of_power(met, other) < FALSE_ALARM
    # without a lean a race has the same chances, with one it takes too few of the heavy
    raced = p_of_power(race(range(4000), RATES, lean), lean)
    assert raced > FALSE_ALARM if lean == 0.0 else raced < FALSE_ALARM
    # trader by trader: counts with one sum, close to chi-square with one degree of freedom less
    times = np.bincount(met.ravel(), minlength=RATES.size)
    statistic = ((times - 4000 * chance) ** 2 / (4000 * chance * (1.0 - chance))).sum()
    degrees = RATES.size - 1
    statistic *= degrees / RATES.size
    assert FALSE_ALARM < stats.chi2.sf(statistic, degrees) < 1 - FALSE_ALARM


def test_contacts_are_as_busy_in_a_small_market_as_in_a_large_one():
    """The mean base rate of contacts is that of the chances, whatever the size of the market."""
    shape, lean, seeds = 0.35, 0.5, {1000: range(1000), 10000: range(400)}
    rates = stats.gamma(shape, scale=1 / shape).ppf((np.arange(1000) + 0.5) / 1000)
    assert chances(rates, lean).max() < 1.0

    def means(choose):
        markets = {size: np.tile(rates, size // 1000) for size in seeds}
        return [market[choose(seeds[size], market, lean)].mean(axis=1)
                for size, market in markets.items()]  # fmt: skip

    small, large = means(pareto)
    assert stats.ttest_ind(small, large, equal_var=False).pvalue > FALSE_ALARM
    expected = chances(rates, lean) @ rates / 108
    for mean in (small, large):
        assert stats.ttest_1samp(mean, expected).pvalue > FALSE_ALARM
    small, large = means(race)
    assert stats.ttest_ind(small, large, equal_var=False).pvalue < FALSE_ALARM


def others(choose, seeds, factor) -> list[tuple[bool, bool, bool, int]]:
    """Multiply the rate of one trader a seed and return what became of the contacts.

    Whether the trader lost the place, whether the others are met in the same order, whether those
    of equal rate are, as far as both lists go, and how many others came or went.
    """
    out = []
    for seed in seeds:
        one = seed % RATES.size
        raised = RATES.copy()
        raised[one] *= factor
        pair = [choose([seed], rates, 1.0)[0] for rates in (RATES, raised)]
        rest = [met[met != one] for met in pair]
        equals = [[met[RATES[met] == rate] for met in rest] for rate in CLASSES]
        same = [all(a == b for a, b in zip(*two, strict=False)) for two in (rest, *equals)]
        lost = one in pair[0] and one not in pair[1]
        out.append((lost, same[0], all(same[1:]), np.setxor1d(*rest).size))
    return out


def test_a_small_change_of_a_rate_leaves_the_others_as_they_are():
    """Each trader has a draw of his own: the others keep their order, one at most gets a place."""
    _, same, _, moved = zip(*others(pareto, range(300), 1.001), strict=True)
    assert all(same) and max(moved) <= 1
    _, same, _, moved = zip(*others(stream, range(300), 1.001), strict=True)
    assert not all(same) and max(moved) > 1


def test_a_large_change_of_a_rate_moves_others_through_the_total_alone():
    """A higher rate costs nobody his own place, and others of equal rate keep their order."""
    lost, _, same, moved = zip(*others(pareto, range(300), 4.0), strict=True)
    assert not any(lost) and all(same)
    assert max(moved) <= 3 and np.mean(moved) < 1.0
    _, _, same, moved = zip(*others(stream, range(300), 4.0), strict=True)
    assert not all(same) and np.mean(moved) > 2.0


@pytest.mark.parametrize("lean", [0.25, 2.0])
def test_whoever_would_have_a_chance_above_one_is_a_contact(lean):
    """The very heavy are always met; without a lean they are sometimes left out."""
    rates = np.ones(200)
    rates[[0, 50, 199]] = 1000.0 ** (1.0 / lean)
    assert (chances(rates, lean) > 1.0).sum() == 3
    for power, always in ((lean, True), (0.0, False)):
        met = pareto(range(500), rates, power)
        assert met.shape == (500, 108)
        assert all({0, 50, 199} <= set(row.tolist()) for row in met) == always


@pytest.mark.parametrize(("size", "lean"), [(5, 1.0), (300, 0.25), (300, 1.7), (1000, 1.0)])
def test_contacts_are_those_of_the_written_rule(size, lean):
    """The rule of docs/model.md, in plain numbers, gives the same traders in the same order."""
    rates = np.random.default_rng(size).gamma(0.35, size=size)
    weights = [elementary.exp(lean * elementary.log(max(rate, 1e-140))) for rate in rates.tolist()]
    total = 0.0
    for weight in weights:
        total += weight
    for seed, met in enumerate(pareto(range(5), rates, lean)):
        odds = []
        for i, weight in enumerate(weights):
            chance = min(108 * weight / total, 1.0 - 2.0**-20)
            u = rng.uniform(seed, Purpose.CONTACT, 0, i, 0)
            odds.append((u / (1.0 - u) * ((1.0 - chance) / chance), i))
        assert met.tolist() == [i for _, i in sorted(odds)[:108]]


@pytest.mark.parametrize("size", [2, 30, 107, 108])
def test_everybody_in_a_tiny_market_is_a_contact(size):
    """Where there are no more traders than contacts all are in, however unlike their rates."""
    for met in pareto(range(20), 1.3 ** np.arange(size), 1.0):
        assert sorted(met) == list(range(size))


def test_a_lean_makes_contacts_busier_than_traders():
    """Leaning contacts post more than the market, contacts without a lean post like it."""
    means = {}
    for lean in (0.0, 1.0):
        of = settings(2000, observer__lean=lean, turnover__leave=0.0, turnover__entry=0.0)
        retailers, _ = synthesize_traders(of, 7, FIRST, 1)
        met = observer.choose_contacts(of, 7, retailers)
        assert met.size == np.unique(met).size == 108
        means[lean] = retailers.base_rate[met].mean() / retailers.base_rate.mean()
    assert means[0.0] == pytest.approx(1.0, abs=4 * (1 / 0.35 / 108) ** 0.5)
    assert means[1.0] > 2.0


def test_a_lean_towards_a_rate_of_zero_is_no_trouble():
    """Traders who never post are met last, and without a lean like anybody else."""
    rates = np.array([0.0] * 60 + [1.0] * 60)
    leaning = meet([1], rates, observer__lean=1.0, turnover__leave=0.0)[0]
    assert set(leaning[:60].tolist()) == set(range(60, 120))
    even = meet([1], rates, observer__lean=0.0, turnover__leave=0.0)[0]
    assert 20 < (even[:60] < 60).sum() < 40


@pytest.mark.parametrize(("leave", "age"), [(0.0005, 365.0), (0.002, 365.0), (0.02, 1500.0)])
def test_stale_contacts_have_a_closed_form(leave, age):
    """Of contacts of exponential age the share leave x age / (1 + leave x age) has left."""
    of = {"turnover__leave": leave, "observer__contact_age": age}
    met = meet(range(600), np.ones(108), **of)
    share = leave * age / (1.0 + leave * age)
    gone = int((met < 0).sum())
    assert stats.binomtest(gone, met.size, share).pvalue > FALSE_ALARM
    fixed = 1.0 - np.exp(-leave * age)  # were all contacts of one age
    assert stats.binomtest(gone, met.size, fixed).pvalue < FALSE_ALARM
    assert (met[met < 0] == -1).all()


@pytest.mark.parametrize("of", [{"turnover__leave": 0.0}, {"observer__contact_age": 0.0}])
def test_without_age_or_exit_every_contact_is_there(of):
    """Where nobody leaves, or contacts are new, none is stale."""
    assert (meet(range(20), np.ones(108), **of) >= 0).all()


@pytest.mark.parametrize("size", [1, 5, 107, 108, 109])
def test_a_small_market_has_fewer_contacts(size):
    """There are 108 contacts or, in a smaller market, everybody, each once."""
    met = meet([3], np.ones(size), turnover__leave=0.0)[0]
    assert met.size == np.unique(met).size == min(size, 108)
    assert met.min() >= 0 and met.max() < size


def test_entrants_are_no_contacts():
    """Contacts are made before the run: dealers who enter later are none."""
    of = settings(50, turnover__entry=0.02, turnover__leave=0.0)
    retailers, _ = synthesize_traders(of, 3, FIRST, DAYS)
    assert retailers.state.size > 100
    assert sorted(observer.choose_contacts(of, 3, retailers)) == list(range(50))


# ---------------------------------------------------------------- what is written down


def written(before=0, banned=0, **values):
    """Return the notes on a contact with these values, lost or not the day before."""
    of = settings(3, turnover__entry=0.0)
    retailers, _ = synthesize_traders(of, 1, FIRST, 1)
    counters = empty_counters(3)
    posts = {"moments": 4, "pictures": 20, "videos": 1, "deleted": 2, "mention": 1}
    noise = {"removed": 3, "backup": 5, "groups": 6, "elsewhere": 7, "withheld": 8}
    for name, value in (posts | noise).items():
        getattr(counters, name)[1] = value
    counters.banned[1] = banned
    for name, value in values.items():
        getattr(retailers, name)[1] = value
    survey_log = np.zeros((2, 2, len(LogColumn)), np.int32)
    survey_log[0, 0, LogColumn.BLOCKED] = before
    log_contacts(1, np.array([1, -1], np.int64), retailers, counters, survey_log)
    assert not survey_log[1, 1].any()  # one who had left before the run
    return dict(
        zip((item.name.lower() for item in LogColumn), survey_log[1, 0].tolist(), strict=True)
    )


STANDS = {"ads": 4, "pictures": 20, "videos": 1, "deleted": 2, "mention": 1, "blocked": 0}
LOST = dict.fromkeys(STANDS, 0) | {"blocked": 1}


def test_only_what_stands_on_the_first_account_is_read():
    """Posts in Moments are seen; those removed, on backups, in groups or elsewhere are not."""
    assert written() == STANDS
    assert written(backup=Backup.ANNOUNCED) == STANDS
    assert written(state=State.LYING_LOW, blocked_until=FIRST + 99) == STANDS


@pytest.mark.parametrize("account", [1, 2])
def test_posts_on_a_later_account_are_not_read(account):
    """The observer watches the first account: once it is lost nothing more is seen."""
    assert written(account=account) == LOST


def test_a_ban_is_read_on_its_day():
    """On the day of a ban nothing stands on the account, and it counts as lost."""
    assert written(state=State.BANNED, banned=1) == LOST


def test_a_lost_account_stays_lost():
    """Whoever gave up after a ban has left the trade, and his account is still lost."""
    assert written(state=State.LEFT) == STANDS
    assert written(state=State.LEFT, banned=1) == LOST
    assert written(state=State.LEFT, before=1) == LOST


def test_a_trader_who_left_is_silent_but_not_lost():
    """Whoever leaves the trade of his own will keeps an account that shows nothing."""
    of = settings(300, "no_crackdown", turnover__leave=0.02, observer__contact_age=0.0)
    state = initialize(of, 3)
    advance(state, 0, DAYS)
    met = state.contacts[state.contacts >= 0]
    left = (state.retailers.state[met] == State.LEFT) & (state.retailers.account[met] == 0)
    unpunished = left & (state.retailers.offences[met] == 0)
    seen = state.survey_log[:, state.contacts >= 0][:, unpunished]
    assert unpunished.sum() > 20
    assert not seen[-1].any() and not seen[:, :, LogColumn.BLOCKED].any()


@pytest.mark.parametrize("quit_share", [0.0, 1.0])
def test_every_banned_contact_is_noted_as_lost(quit_share):
    """A banned account is lost to the observer, whether its owner comes back or gives up."""
    of = settings(150, accounts__quit=quit_share, turnover__leave=0.0)
    of.scenario.interventions = {
        "all": {"kind": "sweep", "date": "2015-06-01", "accounts": 1e6, "lean": 0.0}
    }
    state = initialize(of, 3)
    advance(state, 0, DAYS)
    swept = dt.date(2015, 6, 1).toordinal() - FIRST
    blocked = state.survey_log[:, state.contacts >= 0, LogColumn.BLOCKED]
    assert blocked[swept - 1].mean() < 0.1
    assert blocked[swept:].all()
    assert not state.survey_log[swept:, :, LogColumn.ADS].any()


def test_posts_deleted_on_the_day_are_not_read():
    """Deleted posts are no advertisements: more of them leave fewer to be seen."""
    records = []
    for share in (0.0, 0.5):
        of = settings(150, "no_crackdown", recovery="none", posting__delete_always=share)
        state = initialize(of, 3)
        advance(state, 0, 30)
        records.append(state.survey_log[:30].sum(axis=(0, 1)))
    none, half = records
    made = half[LogColumn.ADS] + half[LogColumn.DELETED]
    assert none[LogColumn.DELETED] < 0.01 * none[LogColumn.ADS]
    assert stats.binomtest(int(half[LogColumn.ADS]), int(made), 0.5).pvalue > FALSE_ALARM
    assert half[LogColumn.PICTURES] < 0.6 * none[LogColumn.PICTURES]


# ---------------------------------------------------------------- the panel


def blank(contacts=108) -> np.ndarray:
    return np.zeros((DAYS, contacts, len(LogColumn)), np.int32)


def blank_labels(contacts=108) -> ObservedPrices:
    return ObservedPrices(*(np.zeros((DAYS, contacts, PRODUCTS), np.int32) for _ in range(3)))


def observe(survey_log, seed=3, met=None, observed_prices=None):
    met = np.arange(survey_log.shape[1]) + 1000 if met is None else met
    kind = (np.arange(5000) % 4).astype(np.int8)
    return observer.observe(
        seed, FIRST, met, kind, survey_log, observed_prices or blank_labels(survey_log.shape[1])
    )


def surveyed(state, seed=3):
    kind, observed_prices = state.retailers.kind, state.trade.observed_prices
    return observer.observe(seed, FIRST, state.contacts, kind, state.survey_log, observed_prices)


def test_the_panel_posted_within_the_fortnight():
    """In are contacts with an advertisement from 17 to 30 April 2015, and no others."""
    active = {"2015-04-16": False, "2015-04-17": True, "2015-04-30": True, "2015-05-01": False}
    survey_log = blank()
    for place, date in enumerate(active):
        survey_log[dt.date.fromisoformat(date).toordinal() - FIRST, 10 * place, LogColumn.ADS] = 1
    survey_log[START - 5 - FIRST, 50:60, LogColumn.DELETED] = 9  # nothing stood
    seen = observe(survey_log)
    assert seen.trader.tolist() == [1010, 1020]
    assert (seen.active_contacts, seen.contacts) == (2, 108)


@pytest.mark.parametrize(("active", "panel"), [(0, 0), (1, 1), (57, 57), (58, 58), (108, 58)])
def test_a_panel_has_at_most_58(active, panel):
    """The panel takes 58 of the active contacts, or all where there are fewer."""
    survey_log = blank()
    survey_log[START - 1 - FIRST, :active, LogColumn.ADS] = 2
    seen = observe(survey_log)
    assert seen.trader.size == panel
    assert seen.active_contacts == active
    assert set(seen.trader.tolist()) <= set(range(1000, 1000 + active))
    assert seen.seen.shape == (47, panel, len(LogColumn))
    assert (seen.trader_type == seen.trader % 4).all()


def test_every_active_contact_has_the_same_chance():
    """Which 58 of the active are taken is drawn evenly, and by the seed alone."""
    survey_log = blank()
    survey_log[START - 1 - FIRST, :, LogColumn.ADS] = 1
    counts = np.zeros(108)
    for seed in range(500):
        counts[observe(survey_log, seed).trader - 1000] += 1
    share = 58 / 108
    statistic = ((counts - 500 * share) ** 2).sum() / (500 * share * (1 - share))
    # 108 counts with one sum: close to chi-square with 107 degrees of freedom
    assert FALSE_ALARM < stats.chi2.sf(statistic * 107 / 108, 107) < 1 - FALSE_ALARM
    assert (observe(survey_log, 7).trader == observe(survey_log, 7).trader).all()
    assert observe(survey_log, 7).trader.tolist() != observe(survey_log, 8).trader.tolist()


def test_a_survey_day_reads_its_own_notes():
    """Each survey reads notes and labels of its own day and of its own panel, in every column."""
    survey_log, observed_prices = blank(), blank_labels()
    survey_log[:] = np.arange(survey_log.size).reshape(survey_log.shape) % 9973
    for k, array in enumerate(observed_prices):
        array[:] = (np.arange(array.size) + k).reshape(array.shape) % 9949
    seen = observe(survey_log, observed_prices=observed_prices)
    place = seen.trader - 1000
    for k, day in enumerate(seen.day):
        assert (seen.seen[k] == survey_log[day - FIRST, place]).all()
        for name, array in observed_prices._asdict().items():
            assert (getattr(seen, name)[k] == array[day - FIRST, place]).all()
    day, regular = observer.survey_days(3)
    assert (seen.day == day).all() and (seen.regular == regular).all()


def test_a_contact_that_had_left_is_never_in_the_panel():
    """Whoever left before the run posts nothing and is not drawn."""
    of = settings(400, turnover__leave=0.005, observer__contact_age=1500.0)
    state = initialize(of, 3)
    advance(state, 0, DAYS)
    seen = surveyed(state)
    assert (state.contacts < 0).sum() > 50
    assert 0 < seen.trader.size <= seen.active_contacts <= (state.contacts >= 0).sum()
    assert set(seen.trader.tolist()) <= set(state.contacts[state.contacts >= 0].tolist())


@pytest.mark.parametrize("size", [1, 2, 30])
def test_a_small_market_can_be_surveyed(size):
    """A market of a few traders has a panel of at most so many."""
    state = initialize(settings(size), 3)
    advance(state, 0, DAYS)
    seen = surveyed(state)
    assert seen.trader.size <= size and seen.contacts == size
    assert seen.seen.shape == (47, seen.trader.size, len(LogColumn))
