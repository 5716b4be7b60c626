"""Laws of the keyed draws: the generator, its statistics, and what is made of its uniforms.

Every statistical check returns a p-value. A perfect generator would fail any one of them with a
chance below `FALSE_ALARM` over the whole file (Bonferroni: fewer than `CHECKS` p-values are
looked at). The draws are keyed, so the outcome is the same on every run. Each check is also fed
a generator that is poor on purpose, which it must catch.
"""

import math
from enum import unique
from fractions import Fraction

import numba
import numpy as np
import pytest
from conftest import output_without_compiler
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from marketsim.numerics.distributions import choose, count, first_in_race, waiting_times
from marketsim.numerics.rng import (
    LANES,
    Purpose,
    _unit,
    new_seed,
    pair_array,
    uniform,
    uniform_array,
    uniforms,
    words,
)

FALSE_ALARM = 1e-6
CHECKS = 100
THRESHOLD = FALSE_ALARM / CHECKS

SIZE = 2**16
TOP = 2**64 - 1
KEYS = ("seed", "purpose", "day", "agent", "item")
HOME = (20_240_501, int(Purpose.DISPLACEMENT), 60, 1_000, 7)
LANE_PAIRS = [(a, b) for a in range(LANES) for b in range(a + 1, LANES)]

# A count adds up to thousands of rounded terms: its steps are known to this much.
STEP_ROUNDING = 2e-12

exact_law = settings(max_examples=400, deadline=None, derandomize=True)


# ---------------------------------------------------------------- the generator and its oracles


def words_of_numpy(seed, block, day, agent, item):
    """Return numpy's block; numpy counts up before its first block, so we start one below."""
    below = (agent + (item << 64) + (day << 128) - 1) % 2**256
    counter = np.array([(below >> (64 * i)) & TOP for i in range(4)], dtype=np.uint64)
    key = np.array([seed, block], dtype=np.uint64)
    return [int(word) for word in np.random.Philox(counter=counter, key=key).random_raw(4)]


def words_from_scratch(seed, block, day, agent, item):
    """Return a Philox4x64-10 block written from the paper in Python's unbounded integers."""
    counter, key = [agent, item, day, 0], [seed, block]
    for _ in range(10):
        first = 0xD2E7470EE14C6C93 * counter[0]
        second = 0xCA5A826395121157 * counter[2]
        counter = [
            (second >> 64) ^ counter[1] ^ key[0],
            second & TOP,
            (first >> 64) ^ counter[3] ^ key[1],
            first & TOP,
        ]
        key = [(key[0] + 0x9E3779B97F4A7C15) & TOP, (key[1] + 0xBB67AE8584CAA73B) & TOP]
    return counter


def our_words(*keys):
    return [int(word) for word in words(*(np.uint64(key) for key in keys))]


def random_keys(size, bits):
    generator = np.random.default_rng(bits)
    drawn = generator.integers(0, 2**bits, size=(size, 5), dtype=np.uint64, endpoint=False)
    return [tuple(int(key) for key in row) for row in drawn]


def extreme_keys():
    return [tuple(TOP * (i >> bit & 1) for bit in range(5)) for i in range(32)]


def test_words_equal_numpy_and_a_philox_from_scratch():
    """Our words are numpy's words, and both are what the paper's recipe gives."""
    for keys in extreme_keys() + random_keys(1_500, 63) + random_keys(1_500, 12):
        expected = words_of_numpy(*keys)
        assert our_words(*keys) == expected
        assert words_from_scratch(*keys) == expected


@exact_law
@given(st.tuples(*[st.integers(0, TOP)] * 5))
def test_words_equal_numpy_for_any_keys(keys):
    """No key, however large or odd, makes our words differ from numpy's."""
    assert our_words(*keys) == words_of_numpy(*keys)


@exact_law
@given(seed=st.integers(0, 2**63 - 1), agent=st.integers(0, 2**31), item=st.integers(0, 2**31))
def test_a_new_seed_is_the_first_word_of_its_block(seed, agent, item):
    """A seed is 63 bits of numpy's block of its purpose, and no other purpose draws from there."""
    for purpose in (Purpose.REPLICATE, Purpose.PARTICLE):
        block = int(purpose) // LANES
        expected = words_of_numpy(seed, block, 0, agent, item)[0] >> 1
        assert new_seed(seed, purpose, agent, item) == expected
        assert [one for one in Purpose if one // LANES == block] == [purpose]


def test_words_equal_the_published_known_answers():
    """The reference answers of the Random123 library for a zero counter and key come out."""
    expected = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    assert our_words(0, 0, 0, 0, 0) == expected


def test_a_changed_key_would_be_seen():
    """Negative control: one changed bit in any key changes all that the oracle says."""
    for keys in random_keys(50, 63):
        for place in range(5):
            changed = [key ^ 1 if i == place else key for i, key in enumerate(keys)]
            both = zip(our_words(*keys), words_of_numpy(*changed), strict=True)
            assert all(ours != theirs for ours, theirs in both)


# ---------------------------------------------------------------- purposes, lanes and the unit


def test_purposes_are_unique():
    """No two purposes share a value, so that no draw is used for two things."""
    values = [purpose.value for purpose in Purpose.__members__.values()]
    assert len(set(values)) == len(values)
    assert min(values) >= 0
    unique(Purpose)


@pytest.mark.parametrize("purpose", list(Purpose), ids=lambda purpose: purpose.name)
def test_a_purpose_is_one_lane_of_one_block(purpose):
    """Purpose p is lane p % 4 of block p // 4, whoever asks for it and however."""
    block, lane = divmod(int(purpose), LANES)
    for seed, _, day, agent, item in random_keys(20, 40):
        word = words_of_numpy(seed, block, day, agent, item)[lane]
        expected = ((word >> 12) + 0.5) * 2.0**-52
        assert uniform(seed, purpose, day, agent, item) == expected
        assert uniform(seed, int(purpose), day, agent, item) == expected
        assert uniforms(seed, purpose, day, agent, item)[lane] == expected


def test_the_unit_is_inside_for_the_extreme_words():
    """The smallest and the largest word give the ends of the open interval, never 0 or 1."""
    assert _unit(np.uint64(0)) == 2.0**-53
    assert _unit(np.uint64(TOP)) == 1.0 - 2.0**-53
    assert 0.0 < _unit(np.uint64(0)) < _unit(np.uint64(TOP)) < 1.0


@exact_law
@given(st.integers(0, TOP))
def test_the_unit_is_the_middle_of_its_step(word):
    """Any word maps exactly to the middle of its step of 2^-52, without rounding."""
    assert Fraction(_unit(np.uint64(word))) == Fraction(2 * (word >> 12) + 1, 2**53)


def test_draws_are_pure_functions():
    """The same keys give the same draw, whatever was drawn before and in whatever order."""
    keys = random_keys(300, 30)
    forward = [uniform(*key) for key in keys]
    backward = [uniform(*key) for key in reversed(keys)]
    assert backward[::-1] == forward
    assert all(0.0 < draw < 1.0 for draw in forward)
    again = []
    for key in keys:
        uniforms(*key[::-1])
        again.append(uniform(*key))
    assert again == forward


def test_arrays_equal_the_scalar_draws():
    """An array of draws holds exactly the scalar draws of its ids."""
    generator = np.random.default_rng(5)
    for purpose in (Purpose.POSTS, Purpose.CONTACT_AGE, Purpose.PANEL):
        agent, item = generator.integers(0, 2**40, size=(2, 200))
        alone = [uniform(3, purpose, 9, int(i), 0) for i in agent]
        paired = [uniform(3, purpose, 9, int(i), int(j)) for i, j in zip(agent, item, strict=True)]
        assert uniform_array(3, purpose, 9, agent).tolist() == alone
        assert pair_array(3, purpose, 9, agent, item).tolist() == paired
    nobody = np.empty(0, dtype=np.int64)
    assert uniform_array(3, Purpose.POSTS, 9, nobody).size == 0
    assert pair_array(3, Purpose.POSTS, 9, nobody, nobody).size == 0


# ---------------------------------------------------------------- statistics of the uniforms


@numba.njit
def keyed(seed, purpose, day, agent, item):
    """Draw one uniform for each row of keys: the generator under test."""
    out = np.empty(agent.size)
    for i in range(agent.size):
        out[i] = uniform(seed[i], purpose[i], day[i], agent[i], item[i])
    return out


def along(key, size=SIZE):
    """Return keys that stay at home but for one, which counts up from zero."""
    columns = [np.full(size, home) for home in HOME]
    columns[KEYS.index(key)] = np.arange(size)
    return columns


def square():
    """Return the keys of 256 agents on 256 days."""
    columns = [np.full(SIZE, home) for home in HOME]
    columns[KEYS.index("day")], columns[KEYS.index("agent")] = np.divmod(np.arange(SIZE), 256)
    return columns


def stepped(columns, key):
    """Return the same keys with one of them raised by one."""
    columns = list(columns)
    columns[KEYS.index(key)] = columns[KEYS.index(key)] + 1
    return columns


def agents():
    """Return the four lanes of one block for many agents, shape (4, SIZE)."""
    seed, _, day, _, _ = HOME
    block = int(Purpose.DISPLACEMENT) // LANES * LANES
    return np.array(
        [uniform_array(seed, block + lane, day, np.arange(SIZE)) for lane in range(LANES)]
    )


def linear_hash(*columns):
    """Poor on purpose: multiples of irrational numbers, perfectly even and wholly regular."""
    turns = np.sqrt([2.0, 3.0, 5.0, 7.0, 11.0])
    return sum(column * turn for column, turn in zip(columns, turns, strict=True)) % 1.0


def skewed(*columns):
    """Poor on purpose: a little more mass at one than at zero."""
    return keyed(*columns) ** 0.95


def ignoring(key):
    """Poor on purpose: return a generator that does not look at one of its keys."""

    def blind(*columns):
        columns = list(columns)
        columns[KEYS.index(key)] = np.zeros(columns[0].size, dtype=np.int64)
        return keyed(*columns)

    return blind


def adding_ids(seed, purpose, day, agent, item):
    """Poor on purpose: mixes two keys into their sum, so that pairs of ids meet again."""
    return keyed(seed, purpose, day, agent + item, np.zeros_like(item))


def chi2_p(observed, expected):
    """Return the p-value of Pearson's test with every category expected often enough."""
    assert np.min(expected) >= 5.0
    return float(stats.chisquare(observed, expected).pvalue)


def uniformity_p(values):
    """Return the p-value of values being uniform, by Kolmogorov and by 64 equal cells."""
    cells = np.bincount((values * 64).astype(int), minlength=64)
    kolmogorov = stats.kstest(values, "uniform", method="asymp").pvalue
    return min(1.0, 2.0 * min(kolmogorov, chi2_p(cells, np.full(64, values.size / 64))))


def correlation_p(first, second):
    """Return the p-value of two columns of uniforms being uncorrelated."""
    size = 12.0 * np.mean((first - 0.5) * (second - 0.5)) * np.sqrt(first.size)
    return float(2.0 * stats.norm.sf(abs(size)))


def serial_p(values):
    """Return the p-value of no correlation between values 1, 2, 3 or 4 places apart."""
    return min(1.0, 4.0 * min(correlation_p(values[:-lag], values[lag:]) for lag in range(1, 5)))


def independence_p(first, second):
    """Return the p-value of two columns of uniforms filling 16 by 16 cells evenly."""
    cells = np.bincount((first * 16).astype(int) * 16 + (second * 16).astype(int), minlength=256)
    return chi2_p(cells, np.full(256, first.size / 256))


def birthday_p(values):
    """Return the p-value of the number of values that repeat in their leading 26 bits."""
    days = 2.0**26
    repeats = values.size - np.unique(np.floor(values * days)).size
    expected = values.size - days * -np.expm1(values.size * np.log1p(-1.0 / days))
    low, high = stats.poisson.cdf(repeats, expected), stats.poisson.sf(repeats - 1, expected)
    return float(min(1.0, 2.0 * min(low, high)))


def neighbour_p(generator, columns, key):
    """Return the p-value of the draws of keys and of keys one higher being independent."""
    here, there = generator(*columns), generator(*stepped(columns, key))
    return min(1.0, 2.0 * min(correlation_p(here, there), independence_p(here, there)))


@pytest.mark.parametrize("key", KEYS)
def test_draws_are_uniform_along_every_key(key):
    """Over seeds, purposes, days, agents and counterparts alike the draws are uniform."""
    assert uniformity_p(keyed(*along(key))) > THRESHOLD


@pytest.mark.parametrize("key", KEYS)
def test_draws_are_serially_independent_along_every_key(key):
    """Along every key a draw tells nothing about the next ones."""
    values = keyed(*along(key))
    assert serial_p(values) > THRESHOLD
    assert independence_p(values[0::2], values[1::2]) > THRESHOLD


@pytest.mark.parametrize("key", KEYS)
def test_draws_of_neighbouring_keys_are_independent(key):
    """Raising any key by one gives a fresh draw to everybody."""
    assert neighbour_p(keyed, square(), key) > THRESHOLD


def test_draws_of_a_mirrored_pair_are_independent():
    """What a draws for b tells nothing about what b draws for a."""
    seed, purpose, day, _, _ = along("agent")
    agent, item = np.divmod(np.arange(SIZE), 256)
    item = item + 256
    first, second = keyed(seed, purpose, day, agent, item), keyed(seed, purpose, day, item, agent)
    assert correlation_p(first, second) > THRESHOLD
    assert independence_p(first, second) > THRESHOLD


@pytest.mark.parametrize("lanes", LANE_PAIRS)
def test_lanes_of_a_block_are_independent(lanes):
    """Purposes that share a block share no luck."""
    first, second = agents()[list(lanes)]
    assert correlation_p(first, second) > THRESHOLD
    assert independence_p(first, second) > THRESHOLD


@pytest.mark.parametrize("key", KEYS)
def test_leading_bits_repeat_as_often_as_birthdays(key):
    """The leading bits repeat as often as those of independent draws: not more, not less."""
    assert birthday_p(keyed(*along(key))) > THRESHOLD


def small_box():
    """Return every combination of five keys below eight."""
    return [column.ravel() for column in np.meshgrid(*[np.arange(8)] * 5, indexing="ij")]


def repeats(values):
    return values.size - np.unique(values).size


def test_no_two_keys_share_a_draw():
    """Every combination of small keys has its own draw (chance of a false alarm 1.2e-7)."""
    assert repeats(keyed(*small_box())) == 0


def test_poor_uniformity_is_caught():
    """Negative control: a skewed generator and one that ignores a key are not uniform."""
    assert uniformity_p(skewed(*along("agent"))) < THRESHOLD
    for key in KEYS:
        assert uniformity_p(ignoring(key)(*along(key))) < THRESHOLD


def test_poor_serial_behaviour_is_caught():
    """Negative control: a linear hash is even along every key but not independent."""
    for key in KEYS:
        values = linear_hash(*along(key))
        assert uniformity_p(values) > THRESHOLD
        assert serial_p(values) < THRESHOLD
        assert independence_p(values[0::2], values[1::2]) < THRESHOLD


def test_poor_neighbours_are_caught():
    """Negative control: a linear hash and a generator that ignores a key repeat themselves."""
    for key in KEYS:
        assert neighbour_p(ignoring(key), square(), key) < THRESHOLD
        assert neighbour_p(linear_hash, square(), key) < THRESHOLD


def test_poor_mirrored_pairs_are_caught():
    """Negative control: a generator that adds its ids gives both of a pair the same draw."""
    seed, purpose, day, agent, item = square()
    first = adding_ids(seed, purpose, day, agent, item)
    assert correlation_p(first, adding_ids(seed, purpose, day, item, agent)) < THRESHOLD


def test_poor_lanes_are_caught():
    """Negative control: a lane that is another lane turned round is no lane of its own."""
    first = agents()[0]
    turned = (first + 0.5 - np.sqrt(1.0 / 12.0)) % 1.0
    assert correlation_p(first, 1.0 - first) < THRESHOLD
    assert independence_p(first, turned) < THRESHOLD


def test_poor_birthdays_are_caught():
    """Negative control: coarse draws repeat too often, a mere shuffle of steps never does."""
    coarse = np.floor(agents()[0] * 2.0**22) / 2.0**22
    shuffled = (np.arange(SIZE) * 0x2545F491 % 2**26 + 0.5) / 2.0**26
    assert birthday_p(coarse) < THRESHOLD
    assert birthday_p(shuffled) < THRESHOLD
    assert repeats(adding_ids(*small_box())) > 0
    assert repeats(ignoring("day")(*small_box())) > 0


# ---------------------------------------------------------------- races

RUNNERS = np.array([5.0, 3.0, 0.0, 1.5, 0.5])
WINDOWS = 30_000


def first_two(race):
    """Return how often each ordered pair of runners comes in first and second."""
    seen = np.zeros((RUNNERS.size, RUNNERS.size))
    for day in range(WINDOWS):
        first, second = np.argsort(race(day))[:2]
        seen[first, second] += 1
    return seen


def expected_first_two():
    """Return the chance of each ordered pair when drawn without replacement by weight."""
    share = RUNNERS / RUNNERS.sum()
    chance = share[:, None] * share[None, :] / (1.0 - share[:, None])
    np.fill_diagonal(chance, 0.0)
    return chance


def race_p(race):
    """Return the p-value of winners, and of first two, in proportion to the weights."""
    seen, chance = first_two(race), expected_first_two()
    able = RUNNERS > 0.0
    assert seen[~able].sum() == seen[:, ~able].sum() == 0.0
    pairs = chance > 0.0
    winners = chi2_p(seen.sum(axis=1)[able], WINDOWS * chance.sum(axis=1)[able])
    return min(1.0, 2.0 * min(winners, chi2_p(seen[pairs], WINDOWS * chance[pairs])))


def true_race(day):
    return waiting_times(11, Purpose.QUEUE_ORDER, day, RUNNERS)


def uniform_race(day):
    """Poor on purpose: times in proportion to a uniform instead of an exponential."""
    draws = uniform_array(11, Purpose.QUEUE_ORDER, day, np.arange(RUNNERS.size))
    return np.divide(draws, RUNNERS, out=np.full(RUNNERS.size, np.inf), where=RUNNERS > 0.0)


def test_a_race_samples_in_proportion_to_the_weights():
    """First and second are drawn without replacement in proportion to the weights."""
    assert race_p(true_race) > THRESHOLD


def test_a_wrong_race_is_caught():
    """Negative control: a race with times that are not exponential has the wrong winners."""
    assert race_p(uniform_race) < THRESHOLD


def test_waiting_times_are_exponential():
    """Each time, multiplied by its weight, is a standard exponential of its own draw."""
    weights = np.linspace(0.1, 9.0, SIZE)
    times = waiting_times(11, Purpose.SWEEP, 4, weights)
    draws = uniform_array(11, Purpose.SWEEP, 4, np.arange(SIZE))
    np.testing.assert_allclose(times, -np.log(draws) / weights, rtol=1e-15)
    assert uniformity_p(np.exp(-times * weights)) > THRESHOLD


def test_taking_a_runner_out_leaves_the_others_alone():
    """A runner without weight never arrives, and every other time keeps its bits."""
    weights = np.random.default_rng(8).gamma(0.5, size=40) + 1e-9
    times = waiting_times(2, Purpose.REVIEW, 30, weights)
    assert np.isfinite(times).all() and (times > 0.0).all()
    for out in range(weights.size):
        without = weights.copy()
        without[out] = 0.0
        again = waiting_times(2, Purpose.REVIEW, 30, without)
        assert again[out] == np.inf
        others = np.arange(weights.size) != out
        assert again[others].tobytes() == times[others].tobytes()


@pytest.mark.parametrize("number", [0, 1, 3, 40, 100])
def test_the_first_of_a_race_are_those_who_arrive_first(number):
    """In the order of arrival, as many as asked for, and never one without weight."""
    weights = np.random.default_rng(8).gamma(0.5, size=40) * (np.arange(40) % 4 > 0)
    times = waiting_times(2, Purpose.REVIEW, 30, weights)
    taken = first_in_race(2, Purpose.REVIEW, 30, weights, number)
    assert taken.tolist() == np.argsort(times)[: min(number, 30)].tolist()


# ---------------------------------------------------------------- a choice among four

OPTIONS = (0.4, 0.0, 0.35, 0.25)

unit_draws = st.integers(0, TOP).map(lambda word: float(_unit(np.uint64(word))))
some_weight = st.one_of(st.just(0.0), st.floats(0.0, 1e300))


def four_draws(agent):
    return uniforms(5, Purpose.DISPLACEMENT, 77, agent, 0)


def by_inversion(draws, weights):
    """Poor on purpose: one draw on the line of all weights, right on average only."""
    return int(np.searchsorted(np.cumsum(weights) / np.sum(weights), draws[0], side="right"))


def taken_out(weights, option):
    return tuple(0.0 if i == option else weight for i, weight in enumerate(weights))


def moved_without_cause(chooser):
    """Count those who choose anew although the option taken out was not theirs."""
    moved = 0
    for agent in range(2_000):
        draws = four_draws(agent)
        before = chooser(draws, OPTIONS)
        for option in (0, 2, 3):
            after = chooser(draws, taken_out(OPTIONS, option))
            moved += option != before and after != before
    return moved


def choice_p(weights):
    """Return the p-value of choices made in proportion to some weights."""
    seen = np.bincount([choose(four_draws(agent), OPTIONS) for agent in range(40_000)], minlength=4)
    assert seen[1] == 0
    able = np.array(weights) > 0.0
    return chi2_p(seen[able], 40_000 * np.array(weights)[able] / np.sum(weights))


def test_choices_are_in_proportion_to_the_weights():
    """Each option is chosen in proportion to its weight; other proportions would be seen."""
    assert choice_p(OPTIONS) > THRESHOLD
    assert choice_p((0.37, 0.0, 0.37, 0.26)) < THRESHOLD


def test_only_those_move_whose_option_is_taken_out():
    """Nobody moves without cause; a choice by inversion, as negative control, moves many."""
    assert moved_without_cause(choose) == 0
    assert moved_without_cause(by_inversion) > 100


@exact_law
@given(st.tuples(*[unit_draws] * 4), st.tuples(*[some_weight] * 4))
def test_taking_an_option_out_moves_only_its_own(draws, weights):
    """For any draws and weights, taking out an option not chosen changes nothing."""
    chosen = choose(draws, weights)
    if not any(weight > 0.0 for weight in weights):
        assert chosen == -1
        return
    assert weights[chosen] > 0.0
    for option in range(LANES):
        after = choose(draws, taken_out(weights, option))
        assert (after == chosen) == (option != chosen)


def test_no_weight_means_no_choice():
    """Without any weight there is no choice, and a single option with weight is always it."""
    assert choose(four_draws(0), (0.0, 0.0, 0.0, 0.0)) == -1
    for option in range(LANES):
        alone = tuple(float(i == option) for i in range(LANES))
        assert choose(four_draws(option), alone) == option


# ---------------------------------------------------------------- counts

COUNTS = [(0.05, 0.5), (1.0, 0.2), (3.0, 2.0), (20.0, 100.0), (500.0, 0.2), (500.0, 100.0)]
MEANS = [1e-6, 1e-4, 0.01, 0.1, 0.5, 1.0, 3.0, 10.0, 40.0, 150.0, 500.0]
SHAPES = [0.2, 0.5, 1.0, 2.5, 10.0, 30.0, 100.0]
some_mean = st.floats(1e-6, 500.0)
some_shape = st.floats(0.2, 100.0)


def oracle(mean, shape):
    return stats.nbinom(shape, shape / (shape + mean))


def keyed_counts(mean, shape, size=SIZE):
    draws = uniform_array(31, Purpose.POSTS, 12, np.arange(size))
    return np.array([count(draw, mean, shape) for draw in draws])


def poisson_counts(mean, size=SIZE):
    """Poor on purpose: the right mean, but nobody is busier than anybody else."""
    draws = uniform_array(31, Purpose.POSTS, 12, np.arange(size))
    return stats.poisson.ppf(draws, mean).astype(int)


def counts_p(counts, mean, shape):
    """Return the p-value of counts being gamma-Poisson, over cells of about equal chance."""
    law = oracle(mean, shape)
    edges = np.unique(law.ppf(np.linspace(0.02, 0.98, 49)).astype(int))
    chance = np.diff(np.concatenate(([0.0], law.cdf(edges), [1.0])))
    seen = np.bincount(np.searchsorted(edges, counts), minlength=edges.size + 1)
    return chi2_p(seen, counts.size * chance)


def variance_p(counts, mean, shape):
    """Return the p-value of the variance being mean + mean^2 / shape."""
    variance = mean + mean**2 / shape
    excess = float(oracle(mean, shape).stats(moments="k"))
    spread = variance * np.sqrt((excess + 2.0) / counts.size)
    return float(2.0 * stats.norm.sf(abs(np.mean((counts - mean) ** 2) - variance) / spread))


@pytest.mark.parametrize(("mean", "shape"), COUNTS)
def test_counts_follow_the_negative_binomial(mean, shape):
    """Keyed counts fall into the cells of the negative binomial as often as they should."""
    assert counts_p(keyed_counts(mean, shape), mean, shape) > THRESHOLD


@pytest.mark.parametrize(("mean", "shape"), [(1.0, 1.0), (3.0, 2.0), (20.0, 100.0), (60.0, 5.0)])
def test_counts_have_the_stated_variance(mean, shape):
    """The variance of the counts is mean + mean^2 / shape."""
    assert variance_p(keyed_counts(mean, shape), mean, shape) > THRESHOLD


def test_poor_counts_are_caught():
    """Negative control: Poisson counts of the same mean fail the cells and the variance."""
    assert counts_p(poisson_counts(3.0), 3.0, 2.0) < THRESHOLD
    assert variance_p(poisson_counts(3.0), 3.0, 2.0) < THRESHOLD


def grid_of_draws():
    """Return draws over the whole unit interval, both ends closely."""
    tails = 10.0 ** -np.linspace(1.0, 9.0, 17)
    return np.concatenate([tails, np.linspace(0.013, 0.987, 31), 1.0 - tails])


def test_counts_equal_the_exact_quantile():
    """Away from the steps of the distribution a count is its exact quantile."""
    draws = grid_of_draws()
    compared = 0
    for mean in MEANS:
        for shape in SHAPES:
            law = oracle(mean, shape)
            counts = np.array([count(draw, mean, shape) for draw in draws])
            exact = law.ppf(draws)
            below, above = law.cdf(exact - 1), law.cdf(exact)
            clear = (draws - below > STEP_ROUNDING) & (above - draws > STEP_ROUNDING)
            assert (counts[clear] == exact[clear]).all()
            assert (law.cdf(counts) > draws - STEP_ROUNDING).all()
            assert (law.cdf(counts - 1) < draws + STEP_ROUNDING).all()
            compared += clear.sum()
    assert compared > 0.99 * draws.size * len(MEANS) * len(SHAPES)


def test_the_first_step_is_where_it_should_be():
    """A draw just below the chance of no event gives none, one just above gives one."""
    for mean in MEANS[:5]:
        for shape in SHAPES:
            none = float(np.exp(-shape * np.log1p(mean / shape)))
            aside = (1.0 - none) * 1e-6
            assert count(none - aside, mean, shape) == 0
            assert count(none + aside, mean, shape) == 1


def test_a_draw_on_a_step_belongs_above_it():
    """With an even chance of no event, the draw of one half itself gives an event."""
    assert count(math.nextafter(0.5, 0.0), 1.0, 1.0) == 0
    assert count(0.5, 1.0, 1.0) == 1


def test_a_draw_next_to_one_ends():
    """The largest draw of all gives a finite count far in the tail."""
    largest = float(_unit(np.uint64(TOP)))
    for mean in MEANS:
        for shape in SHAPES:
            law = oracle(mean, shape)
            assert law.isf(1e-10) <= count(largest, mean, shape) <= law.isf(1e-25)


def test_no_mean_gives_no_count():
    """A mean of zero gives nothing for any draw, and a certain draw of zero nothing as well."""
    for draw in (2.0**-53, 0.5, 1.0 - 2.0**-53):
        assert count(draw, 0.0, 1.0) == 0
    assert count(2.0**-53, 20.0, 100.0) == 0


@exact_law
@given(unit_draws, some_mean, some_mean, some_shape)
def test_a_higher_mean_never_takes_a_count_away(draw, first, second, shape):
    """A count never falls when the mean rises, but for the rounding of the steps themselves."""
    low, high = sorted((first, second))
    least = count(max(draw - STEP_ROUNDING, 2.0**-53), low, shape)
    assert count(draw, high, shape) >= least


@exact_law
@given(unit_draws, some_mean, st.floats(1e-15, 1e-3), some_shape)
def test_a_slightly_higher_mean_never_takes_a_count_away(draw, mean, rise, shape):
    """The same law where the two means nearly touch."""
    least = count(max(draw - STEP_ROUNDING, 2.0**-53), mean, shape)
    assert count(draw, mean * (1.0 + rise), shape) >= least


def falls(counter):
    """Count the keyed draws whose count falls somewhere when the mean rises."""
    draws = uniform_array(6, Purpose.POSTS, 3, np.arange(1_000))
    means = np.geomspace(1e-3, 500.0, 60)
    fallen = 0
    for shape in (0.2, 2.0, 100.0):
        counts = [[counter(draw, mean, shape) for mean in means] for draw in draws]
        fallen += int((np.diff(counts, axis=1) < 0).any(axis=1).sum())
    return fallen


def rescaled(draw, mean, shape):
    """Poor on purpose: the draw depends on the mean, as a stream's would."""
    return count((draw + mean) % 1.0, mean, shape)


def test_keyed_counts_never_fall():
    """Over keyed draws and rising means no count falls; a reshuffled draw would make it fall."""
    assert falls(count) == 0
    assert falls(rescaled) > 100


# ---------------------------------------------------------------- the same bits without compiler


def sample_of_bits():
    """Return a text that shows every bit of many draws, races, choices and counts."""
    lines = [our_words(*keys) for keys in extreme_keys() + random_keys(60, 63)]
    for purpose in Purpose:
        for seed, _, day, agent, item in random_keys(8, 30):
            lines.append(float(uniform(seed, purpose, day, agent, item)).hex())
            lines.append([float(u).hex() for u in uniforms(seed, purpose, day, agent, item)])
    ids = np.arange(50)
    lines.append([u.hex() for u in uniform_array(1, Purpose.DISPLACEMENT, 2, ids).tolist()])
    lines.append([u.hex() for u in pair_array(1, Purpose.DISPLACEMENT, 2, ids, ids[::-1]).tolist()])
    lines.append([t.hex() for t in waiting_times(1, Purpose.SWEEP, 2, ids / 7.0).tolist()])
    for agent in range(60):
        lines.append(int(choose(four_draws(agent), OPTIONS)))
        draw = float(uniform(1, Purpose.POSTS, 2, agent, 0))
        lines.append([int(count(draw, mean, shape)) for mean, shape in COUNTS])
    return "\n".join(str(line) for line in lines)


def test_draws_have_the_same_bits_without_the_compiler():
    """Plain Python gives the draws of the compiled code bit by bit (wrap-around is meant)."""
    quiet = ("-W", "ignore:overflow encountered:RuntimeWarning")
    assert output_without_compiler(__file__, *quiet) == sample_of_bits()


if __name__ == "__main__":
    print(sample_of_bits())
