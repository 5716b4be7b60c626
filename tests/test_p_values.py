"""Predictive p-values: by hand, by laws, and calibrated where the model is right."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from marketsim.reporting import text
from marketsim.survey import fit, targets
from marketsim.survey.fit import p_value

FACTS = targets.targets() | targets.validation()
VAGUE = replace(FACTS["ads_total"], value=0.0, low=-1.0, high=1.0)  # error of +-1 with 90 %
EXACT = replace(VAGUE, low=None, high=None)  # no error
RANGE = replace(VAGUE, value=None, low=-1.0, high=1.0)
AT_LEAST = replace(VAGUE, value=None, low=0.0, high=None, one_sided=True)
AT_MOST = replace(VAGUE, value=None, low=None, high=0.0, one_sided=True)
UNBLOCKED = FACTS["panel_unblocked"]
SHAPES = {"vague": VAGUE, "exact": EXACT, "range": RANGE, "at least": AT_LEAST, "at most": AT_MOST}
SIGMA = 1.0 / stats.norm.ppf(0.95)  # of the error of VAGUE

finite = st.floats(-1e6, 1e6)
some_runs = st.lists(finite, min_size=1, max_size=40).map(np.array)
shapes = st.sampled_from(list(SHAPES.values()))


# ---------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([1.0] * 99, 2 * 1 / 100),  # all above
        ([-1.0] * 99, 2 * 1 / 100),
        ([-1.0] * 4 + [1.0] * 95, 2 * 5 / 100),
        ([-1.0] * 30 + [1.0] * 69, 2 * 31 / 100),
        ([-1.0] * 49 + [1.0] * 50, 1.0),
        ([0.0] * 99, 1.0),  # ties count on both sides
        ([-1.0] * 4 + [0.0] * 10 + [1.0] * 85, 2 * 15 / 100),
        ([7.0], 1.0),  # one run says nothing
    ],
)
def test_an_exact_value_by_hand(runs, expected):
    """The published value is a rank among the simulated ones and itself."""
    assert p_value(EXACT, np.array(runs)) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("run", [-3.0, -1.0, -0.2, 0.2, 1.0, 3.0])
def test_one_run_of_a_vague_value(run):
    """Each side is the normal probability that the error puts the value there, plus one, by two."""
    above = stats.norm.cdf(run / SIGMA)
    expected = min(1.0, 2 * min(1 + above, 2 - above) / 2)
    assert p_value(VAGUE, np.array([run])) == pytest.approx(expected, abs=1e-14)


def test_the_error_has_nine_tenths_inside_the_interval():
    """Runs at an end are below, or above, the vague value with a probability of a twentieth."""
    lopsided = replace(VAGUE, low=-1.0, high=5.0)
    for fact, end in ((VAGUE, 1.0), (lopsided, 5.0), (lopsided, -1.0)):
        runs = np.full(999, end)
        assert p_value(fact, runs) == pytest.approx(2 * (1 + 999 * 0.05) / 1000, abs=1e-12)


def test_the_error_is_averaged_over():
    """The closed form is the mean over many quantiles of the error of an uneven interval."""
    fact, random = replace(VAGUE, low=-0.5, high=3.0), np.random.default_rng(1)
    runs = random.normal(1.5, 2.0, 60)
    score = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    error = np.where(score > 0, score * 3.0, score * 0.5) / stats.norm.ppf(0.95)
    sides = [(runs[:, None] <= error).mean(axis=1), (runs[:, None] >= error).mean(axis=1)]
    averaged = 2 * min(1 + side.sum() for side in sides) / 61
    assert p_value(fact, runs) == pytest.approx(averaged, abs=1e-4)
    assert p_value(replace(fact, high=6.0), runs) != pytest.approx(averaged, abs=1e-4)  # control


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_no_error_on_one_side(side):
    """A value at an end of its interval has no error beyond it; a run there agrees with it."""
    low, high = sorted((0.0, side))
    fact = replace(VAGUE, low=low, high=high)
    assert p_value(fact, np.zeros(99)) == 1.0
    assert p_value(fact, np.full(99, -0.01 * side)) == pytest.approx(0.02)
    assert p_value(fact, np.full(99, 0.01 * side)) > 0.9


@pytest.mark.parametrize(
    ("middle", "expected"),
    [(0.0, 1.0), (0.9, 1.0), (1.4, 2 * 31 / 100), (-1.4, 2 * 31 / 100), (3.0, 0.02)],
)
def test_an_interval_without_a_value_counts_by_its_nearest_point(middle, expected):
    """Runs whose median is inside agree; else the nearer end is held against them."""
    runs = middle + np.linspace(-1.0, 1.0, 99)
    assert p_value(RANGE, runs) == pytest.approx(expected)
    nearest = np.clip(middle, -1.0, 1.0)
    assert p_value(RANGE, runs) == pytest.approx(p_value(EXACT, runs - nearest))


@pytest.mark.parametrize(("fact", "sign"), [(AT_LEAST, 1.0), (AT_MOST, -1.0)])
def test_a_bound_is_one_sided(fact, sign):
    """The share of runs on the open side counts, the bound itself included."""
    runs = sign * np.array([-1.0] * 90 + [0.0] * 3 + [5.0] * 6)
    assert p_value(fact, runs) == pytest.approx(10 / 100)
    assert p_value(fact, sign * np.ones(99)) == 1.0
    assert p_value(fact, -sign * np.ones(99)) == pytest.approx(1 / 100)


@pytest.mark.parametrize(("hits", "size"), [(0, 20), (0, 199), (4, 99), (9, 199), (200, 200)])
def test_what_happened_has_its_probability(hits, size):
    """Nobody of the panel was blocked: p is the share of surveys of which that is true."""
    runs = np.array([1.0] * hits + [0.0] * (size - hits))
    assert p_value(UNBLOCKED, runs) == (hits + 1) / (size + 1)


def test_every_published_row_has_a_p_value():
    """Rows that the fit compares have at least one side on which they can be missed."""
    for name, fact in FACTS.items():
        if (fact.value, fact.low, fact.high) == (None, None, None):
            continue
        assert 0.0 < p_value(fact, np.linspace(0.0, 100.0, 50)) <= 1.0, name


# ---------------------------------------------------------------- laws


@given(fact=shapes, runs=some_runs, data=st.data())
def test_the_order_of_runs_does_not_matter(fact, runs, data):
    """Equal to the bit."""
    assert p_value(fact, runs) == p_value(fact, np.array(data.draw(st.permutations(runs))))


@given(fact=shapes, runs=some_runs, gaps=st.integers(0, 5), gap=st.sampled_from([np.nan, np.inf]))
def test_runs_without_a_value_do_not_count(fact, runs, gaps, gap):
    """A run that is not finite is left out."""
    assert p_value(fact, np.concatenate([[gap] * gaps, runs])) == p_value(fact, runs)


@given(runs=st.lists(st.integers(-9, 9), min_size=1, max_size=40).map(np.array), published=finite)
def test_an_exact_value_has_no_unit(runs, published):
    """A monotone transformation of runs and value changes nothing; a mirrored one neither."""
    published = float(round(published) % 10)
    first = p_value(replace(EXACT, value=published), runs)
    for change in (lambda x: x**3, lambda x: 2.0 * x - 7.0, np.exp, lambda x: -x):
        other = replace(EXACT, value=float(change(np.float64(published))))
        assert p_value(other, change(runs.astype(float))) == first


@given(fact=shapes, runs=some_runs, factor=st.floats(0.25, 4.0), shift=st.floats(-50, 50))
def test_a_change_of_unit_changes_nothing(fact, runs, factor, shift):
    """Runs and evidence in another unit give the same p-value."""
    runs = np.round(runs, 1) + 0.05  # no ties that rounding would part
    ends = {
        name: None if getattr(fact, name) is None else factor * getattr(fact, name) + shift
        for name in ("value", "low", "high")
    }
    other = p_value(replace(fact, **ends), factor * runs + shift)
    assert other == pytest.approx(p_value(fact, runs), abs=1e-9)


@given(runs=some_runs, fact=shapes)
def test_a_p_value_is_bounded_by_the_number_of_runs(runs, fact):
    """It is never 0, and a two-sided one is at least two of the runs and one more."""
    sides = 1 if fact.one_sided else 2
    assert sides / (runs.size + 1) <= p_value(fact, runs) <= 1.0


@given(runs=some_runs, wider=st.floats(1.0, 10.0))
def test_a_vaguer_interval_agrees_with_more(runs, wider):
    """A wider interval without a value never lowers the p-value, nor does a lower bound."""
    assert p_value(replace(RANGE, low=-wider, high=wider), runs) >= p_value(RANGE, runs)
    assert p_value(replace(AT_LEAST, low=-wider), runs) >= p_value(AT_LEAST, runs)


@pytest.mark.parametrize("size", [1, 19, 38, 39])
def test_few_runs_can_flag_nothing(size):
    """Of fewer than `FEWEST` runs no two-sided p-value is below the level."""
    far = np.full(size, 1e9)
    for fact in (VAGUE, EXACT, RANGE):
        assert p_value(fact, far) >= fit.UNUSUAL
    assert p_value(EXACT, np.full(fit.FEWEST, 1e9)) < fit.UNUSUAL


def test_without_a_finite_run_there_is_no_p_value():
    """Nothing simulated is no agreement, and no disagreement."""
    for fact in (*SHAPES.values(), UNBLOCKED):
        for runs in ([], [np.nan], [np.inf, np.nan]):
            assert np.isnan(p_value(fact, np.array(runs)))
    table = fit.fit(pd.DataFrame({"ads_total": [np.nan] * 3, "ads_week_4": [843.0] * 3}))
    assert table["runs"].tolist() == [0, 3]
    assert fit.is_unusual(table).tolist() == [False, False]
    assert fit.count_unusual(table).loc["target"].tolist() == [1, 0, fit.UNUSUAL]


# ---------------------------------------------------------------- calibration

SURVEYS = 3000


def levels(fact, simulate, published, runs=199, seed=3):
    """Return p-values of surveys; each is one of the model's, or what `published` makes of it."""
    random, out = np.random.default_rng(seed), []
    for _ in range(SURVEYS):
        own, *others = simulate(random, runs + 1)
        value = published(random, own)
        half = None if fact.low is None else 1.0
        ends = (None, None) if half is None else (value - half, value + half)
        out.append(p_value(replace(fact, value=value, low=ends[0], high=ends[1]), np.array(others)))
    return np.array(out)


def normal(sd):
    return lambda random, size: random.normal(5.0, sd, size)


def counts(mean):
    return lambda random, size: random.poisson(mean, size).astype(float)


def with_error(random, own):
    return own + random.normal(0.0, SIGMA)


def as_it_is(_, own):
    return own


@pytest.mark.parametrize("level", [0.05, 0.2, 0.5])
@pytest.mark.parametrize(
    ("fact", "simulate", "published"),
    [
        (EXACT, normal(2.0), as_it_is),
        (VAGUE, normal(2.0), with_error),
        (VAGUE, normal(0.3), with_error),  # most of the spread is error
        (VAGUE, counts(3.0), with_error),
    ],
    ids=["exact", "vague", "very vague", "counts"],
)
def test_p_values_of_a_correct_model_are_uniform(fact, simulate, published, level):
    """Below each level lie as many as the level says, but for the one that is added."""
    found = (levels(fact, simulate, published) < level).mean()
    error = 4.0 * np.sqrt(level * (1.0 - level) / SURVEYS)
    assert level - 0.015 - error < found < level + error


@pytest.mark.parametrize(
    ("fact", "simulate", "runs"),
    [(EXACT, counts(3.0), 199), (VAGUE, counts(3.0), 199), (VAGUE, normal(0.3), 199),
     (EXACT, normal(1.0), 40), (VAGUE, normal(1.0), 40)],
    ids=["ties", "vague counts", "error not made", "few runs", "few runs, vague"],
)  # fmt: skip
def test_p_values_of_a_correct_model_are_at_least_uniform(fact, simulate, runs):
    """With ties, few runs, or a value that is nearer than its interval says, fewer are flagged."""
    found = (levels(fact, simulate, as_it_is, runs) < fit.UNUSUAL).mean()
    assert found < fit.UNUSUAL + 4.0 * np.sqrt(0.05 * 0.95 / SURVEYS)


def test_p_values_of_a_wrong_model_are_small():
    """Negative control: a model that is off, or too sure, is flagged more often."""
    off = levels(VAGUE, normal(2.0), lambda random, own: with_error(random, own) + 5.0)
    assert (off < fit.UNUSUAL).mean() > 0.4
    sure = levels(VAGUE, normal(2.0), lambda random, own: 5.0 + 3.0 * (own - 5.0))
    assert (sure < fit.UNUSUAL).mean() > 0.3


@pytest.mark.parametrize("share", [0.01, 0.04, 0.3, 0.9])
def test_events_of_a_correct_model_are_rarely_unusual(share):
    """A bound, and something that happened, are flagged in at most one survey of twenty."""
    random = np.random.default_rng(4)
    hits = random.binomial(199, share, SURVEYS)
    happened = random.random(SURVEYS) < share
    flagged = sum(
        p_value(UNBLOCKED, np.arange(199.0) < count) < fit.UNUSUAL
        for count in hits[happened].tolist()
    )
    assert flagged / SURVEYS <= min(share, 0.05) + 4.0 * np.sqrt(0.05 / SURVEYS)


# ---------------------------------------------------------------- tables and words


def table(**p_values) -> pd.DataFrame:
    """Return the columns of a fit that are counted; names that begin with v are validation rows."""
    roles = ["validation" if name.startswith("v") else "target" for name in p_values]
    columns = {"id": list(p_values), "role": roles, "p_value": list(p_values.values())}
    return pd.DataFrame(columns).assign(runs=200)


def test_unusual_rows_are_counted_by_role():
    """The level itself is not unusual, and a missing p-value does not count."""
    found = fit.count_unusual(table(a=0.049, b=0.05, c=np.nan, d=1.0, v=0.01))
    assert found.loc["target"].tolist() == pytest.approx([3, 1, 0.15])
    assert found.loc["validation"].tolist() == pytest.approx([1, 1, 0.05])


@hypothesis_settings(deadline=None)
@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=9))
def test_the_sentence_has_the_counts(values):
    """Observed beside expected; too few runs are said."""
    rows = table(**{f"t{place}": value for place, value in enumerate(values)})
    unusual = sum(value < 0.05 for value in values)
    words = text.unusual_rows(rows)
    assert words.startswith(f"{unusual} of {len(values)} targets ha")
    assert f"at most {0.05 * len(values):.1f} on average" in words
    assert "inside" not in words and "runs" not in words
    assert "Fewer than 40 runs" in text.unusual_rows(rows.assign(runs=39))


def test_both_roles_are_in_the_sentence():
    words = text.unusual_rows(table(a=0.01, b=0.5, v=0.3))
    assert words.startswith("1 of 2 targets and 0 of 1 rows reported unfitted have a predictive")
    assert "at most 0.1 and 0.1 on average" in words
    assert "no simulated survey has a value" in text.unusual_rows(table(a=np.nan))


@pytest.mark.parametrize(
    ("value", "shown", "words"),
    [
        (1.0, "1.00", "not unusual"),
        (0.31, "0.31", "not unusual"),
        (0.05, "0.05", "not unusual"),
        (0.0201, "0.02", "in 2 of 100 simulated surveys"),
        (0.0049, "0.005", "in fewer than 1 of 100 simulated surveys"),
        (np.nan, "", "no simulated survey has a value"),
    ],
)
def test_a_p_value_in_words(value, shown, words):
    assert text.p_value(value) == shown
    assert words in text.p_value_in_words(value)
