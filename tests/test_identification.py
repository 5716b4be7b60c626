"""What a survey can tell, asked of toy tables whose true posterior is known."""

import numpy as np
import pandas as pd
import pytest
from conftest import published_middle
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from marketsim.analysis.inference.identifiability import IDENTIFIED, LEVELS, POOLED
from scipy import stats

from marketsim.analysis.inference import identifiability
from marketsim.parameters.declaration import Prior
from marketsim.parameters.priors import values
from marketsim.parameters.settings import Settings
from marketsim.survey import discrepancy, statistics, targets

LEVEL, IDLE = IDENTIFIED[0], "perception.half_life"
WIDE = Prior("uniform", -9.0, 9.0)  # half-widths: an error of one leaves a normal posterior
PRIORS = {LEVEL: WIDE, IDLE: Prior("loguniform", 2.0, 50.0)}
SEEN = ["fall_week_5", "return_week_13", "heavy_posters_share"]  # intervals even on both sides
FACTS = targets.targets() | targets.validation() | targets.context()


def published(rows: int, **off) -> pd.DataFrame:
    """Return published statistics, some of them off by so many half-widths."""
    columns = {}
    for name in statistics.STATISTICS:
        fact = FACTS[name]
        middle = published_middle(fact)
        columns[name] = np.full(rows, middle)
        if name in off:
            columns[name] = middle + off[name] * (fact.high - middle)
    return pd.DataFrame(columns)


def simulated(rows, seed=1, structure="none", seen=1, shift=0.0, first=0) -> pd.DataFrame:
    """Return rows in which `seen` statistics each are the level and an error of one half-width."""
    random = np.random.default_rng(seed)
    shares = random.random((2, rows))
    level = WIDE.low + shares[0] * (WIDE.high - WIDE.low)
    idle = 2.0 * 25.0 ** shares[1]
    off = {name: level + shift + random.standard_normal(rows) for name in SEEN[:seen]}
    table = published(rows, **off)
    table.insert(0, "number", np.arange(first, first + rows))
    table.insert(1, "structure", structure)
    return table.assign(**{LEVEL: level, IDLE: idle})


def mixed(rows: dict[str, int], shifts=(0.0, 0.0), seed=1) -> pd.DataFrame:
    """Return rows of two structures, which differ by a shift of what is seen."""
    parts = [
        simulated(count, seed + k, structure, shift=shifts[k], first=k * 1_000_000)
        for k, (structure, count) in enumerate(rows.items())
    ]
    return pd.concat(parts, ignore_index=True)


def asked(table, target=0.0, seen=1, keep=3000, names=(LEVEL,), priors=PRIORS) -> pd.DataFrame:
    """Return the posterior for a survey that is off by `target` in each statistic seen."""
    off = discrepancy.deviations(table)
    survey = np.where(off.columns.isin(SEEN[:seen]), target, 0.0)
    return identifiability.posterior_draws(off, table, survey, keep, names, priors)


def mean_and_sd(values, weight) -> tuple[float, float]:
    mean = np.average(values, weights=weight)
    return mean, np.sqrt(np.average((values - mean) ** 2, weights=weight))


# ---------------------------------------------------------------- the posterior


def test_toy_tables_have_the_statistics_of_a_survey():
    """Published statistics deviate nowhere, and one moved by two half-widths deviates by two."""
    assert not discrepancy.deviations(published(3)).any(axis=None)
    moved = discrepancy.deviations(published(1, fall_week_5=np.array([-2.0])))
    assert moved.loc[0, "fall_week_5"] == pytest.approx(-2.0)
    assert discrepancy.distance(moved)[0] == pytest.approx(
        2.0 / np.sqrt(len(discrepancy.SUMMARIES))
    )


@pytest.mark.parametrize("seen", [1, 3])
@pytest.mark.parametrize("target", [0.0, 2.0])
def test_draws_have_the_known_normal_posterior(seen, target):
    """Of an even level seen k times with an error of one, the posterior is normal, sd 1 / sqrt(k).

    Negative control: without the adjustment the same draws are much too wide.
    """
    table = simulated(12_000, seen=seen)
    draws = asked(table, target, seen, 2000)
    mean, sd = mean_and_sd(draws[LEVEL], draws["weight"])
    worth = 1.0 / (draws["weight"] ** 2).sum()
    assert mean == pytest.approx(target, abs=4.0 * seen**-0.5 / np.sqrt(worth))
    assert sd * np.sqrt(seen) == pytest.approx(1.0, abs=4.0 / np.sqrt(2.0 * worth))
    _, wide = mean_and_sd(table[LEVEL][draws.index], draws["weight"])
    assert wide * np.sqrt(seen) > 1.12


def test_what_is_not_seen_keeps_its_prior():
    """A parameter that moves no statistic is left even over its prior, the seen one is not."""
    draws = asked(simulated(12_000), names=(LEVEL, IDLE))
    told = identifiability.contraction(draws.assign(structure="none"), PRIORS)
    assert told["contraction"].tolist() == pytest.approx([1.0 - 12.0 / 18.0**2, 0.0], abs=0.03)
    assert told["median"][1] == pytest.approx(10.0, rel=0.1)


def test_the_form_of_the_prior_is_only_a_scale():
    """The same shares of another prior give the same shares of the posterior."""
    table = simulated(2000)
    other = Prior("loguniform", 0.5, 8.0)
    again = table.assign(**{LEVEL: 0.5 * 16.0 ** ((table[LEVEL] + 9.0) / 18.0)})
    one, two = asked(table, keep=500), asked(again, keep=500, priors={LEVEL: other})
    shares = np.log(two[LEVEL] / 0.5) / np.log(16.0)
    np.testing.assert_allclose(shares, (one[LEVEL] + 9.0) / 18.0, rtol=1e-9)


def test_weights_fall_with_the_distance():
    """Weights are Epanechnikov's, with the first row left out at the edge, and add up to one."""
    table = published(5, fall_week_5=np.array([0.0, 1.0, -2.0, 4.0, 5.0])).assign(**{LEVEL: 1.0})
    weight = asked(table, keep=3)["weight"]
    assert weight.index.tolist() == [0, 1, 2]
    np.testing.assert_allclose(weight, np.array([16, 15, 12]) / 43.0, rtol=1e-6)


def test_what_all_rows_have_in_common_adjusts_nothing():
    """A deviation shared by all rows leaves them as they are, however far the survey is off."""
    table = simulated(500)
    one, two = asked(table, keep=100), asked(table.assign(heavy_posters_count=14.0), keep=100)
    np.testing.assert_allclose(one[LEVEL].mean(), two[LEVEL].mean(), atol=0.2)
    same = published(50).assign(**{LEVEL: np.linspace(-8.0, 8.0, 50)})
    draws = asked(same, target=3.0, keep=20)
    np.testing.assert_allclose(draws[LEVEL], same[LEVEL][draws.index], rtol=1e-12)
    np.testing.assert_allclose(draws["weight"], 1.0 / 20.0, rtol=1e-6)


def test_there_must_be_more_rows_than_are_kept():
    """A table no larger than what is kept has no nearest rows."""
    with pytest.raises(ValueError, match="out of bounds"):
        asked(simulated(100), keep=100)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    keep=st.integers(1, 59),
    target=st.floats(-20.0, 20.0),
    form=st.sampled_from(["uniform", "loguniform"]),
    low=st.floats(1e-6, 10.0),
    width=st.floats(1e-3, 1e6),
    at_the_end=st.booleans(),
)
def test_no_draw_leaves_the_range_of_its_prior(seed, keep, target, form, low, width, at_the_end):
    """However far the regression reaches, draws stay between the ends and weights add up to one."""
    table = simulated(60, seed, seen=3)
    prior = Prior(form, low, low + width)
    shares = np.random.default_rng(seed).random(60)
    shares = np.round(shares) if at_the_end else shares
    table[LEVEL] = np.clip(low + shares * width, prior.low, prior.high)
    draws = asked(table, target, 3, keep, priors={LEVEL: prior})
    assert draws[LEVEL].between(prior.low, prior.high).all()
    assert (draws["weight"] > 0.0).all()
    assert draws["weight"].sum() == pytest.approx(1.0)


@given(low=st.floats(1e-6, 1.0), high=st.floats(1.001, 1e6))
@example(low=0.03, high=0.29)
def test_the_ends_of_a_prior_are_its_outermost_values(low, high):
    """Shares of 0 and 1 are the ends, not beyond them by a rounding."""
    for form in ("uniform", "loguniform"):
        ends = values(Prior(form, low, high), np.array([0.0, 1.0]))
        assert ends[0] >= low and ends[1] <= high
        assert ends.tolist() == pytest.approx([low, high])


# ---------------------------------------------------------------- recovery and coverage

FITTED = {"none": (LEVEL,), "trend": (LEVEL, IDLE)}


def recovered(table, tests=100, keep=400, seed=5, near=0.3) -> pd.DataFrame:
    return identifiability.recovery(table, PRIORS, FITTED, tests, keep, seed, near)


@pytest.fixture(scope="module")
def both() -> pd.DataFrame:
    return mixed({"none": 3000, "trend": 3000})


@pytest.fixture(scope="module")
def told(both) -> pd.DataFrame:
    return recovered(both, tests=300)


def test_only_what_matters_for_the_structure_is_judged(both, told):
    """Each survey has one row for each parameter fitted in its structure, with its truth."""
    rows = both.set_index("number")
    assert told["number"].nunique() == 300
    for (number, structure), of in told.groupby(["number", "structure"]):
        assert rows["structure"][number] == structure
        assert tuple(of["parameter"]) == FITTED[structure]
        assert of["truth"].tolist() == rows.loc[number, of["parameter"].tolist()].tolist()
    assert (told["q05"] < told["median"]).all() and (told["median"] < told["q95"]).all()
    assert told["rank"].between(0.0, 1.0).all()


def test_surveys_are_taken_near_the_published_one(both, told):
    """Every survey is among the nearest share, and another seed takes others."""
    far = pd.Series(discrepancy.distance(discrepancy.deviations(both)), both["number"])
    assert far[told["number"]].max() <= far.quantile(0.3)
    assert far.max() > 2.0 * far.quantile(0.3)
    assert set(recovered(both, 20, seed=5)["number"]) < set(told["number"])
    assert set(recovered(both, 20, seed=6)["number"]) != set(recovered(both, 20)["number"])
    pd.testing.assert_frame_equal(recovered(both, 20), recovered(both, 20))


def test_no_survey_is_its_own_neighbour(both, monkeypatch):
    """Among the rows asked none is the survey itself, and all are of its structure.

    Negative control: with the survey's own row among them the nearest is at distance zero.
    """
    nearest, posterior = [], identifiability.posterior_draws

    def watched(off, table, target, *others):
        nearest.append(np.linalg.norm(off.to_numpy() - target, axis=1).min())
        assert table["structure"].nunique() == 1
        draws = posterior(off, table, target, *others)
        assert set(draws.index) <= set(table.index)
        return draws

    monkeypatch.setattr(identifiability, "posterior_draws", watched)
    recovered(both, 50)
    assert len(nearest) == 50 and min(nearest) > 0.0
    off = discrepancy.deviations(both)
    watched(off[:3000], both[:3000], off.to_numpy()[7], 400, (LEVEL,), PRIORS)
    assert nearest[-1] == 0.0


def test_the_truth_is_as_often_at_any_rank(told):
    """Ranks of the truth are even, and nine of ten intervals hold it.

    Negative control: intervals of one survey miss the truth of another far more often.
    """
    for _, rows in told.groupby("parameter"):
        assert stats.kstest(rows["rank"], "uniform").pvalue > 0.01
    level = told[told["parameter"] == LEVEL]
    assert level["truth"].between(level["q05"], level["q95"]).mean() > 0.85
    assert level["truth"].shift(1, fill_value=0.0).between(level["q05"], level["q95"]).mean() < 0.7


def test_the_rank_is_the_share_of_the_posterior_below_the_truth(told):
    """A truth under the interval has a low rank and one over it a high one."""
    for outside, rank in (
        (told["truth"] < told["q05"], told["rank"]),
        (told["truth"] > told["q95"], 1.0 - told["rank"]),
    ):
        assert outside.sum() > 3
        assert rank[outside].max() < 0.06


def test_contraction_is_told_for_each_survey(told):
    """The level, seen with an error of one, contracts to a 27th of its variance, the idle not."""
    gained = told.groupby("parameter")["contraction"].mean()
    assert gained[LEVEL] == pytest.approx(1.0 - 12.0 / 18.0**2, abs=0.01)
    assert gained[IDLE] == pytest.approx(0.0, abs=0.05)


def test_a_structure_without_fitted_parameters_is_refused(both):
    """A structure in the table that nobody said how to judge is an error."""
    with pytest.raises(KeyError, match="trend"):
        identifiability.recovery(both, PRIORS, {"none": (LEVEL,)}, 20, 100, 1, 0.3)


def ranked(ranks, parameter=LEVEL) -> pd.DataFrame:
    return pd.DataFrame({"number": range(len(ranks)), "parameter": parameter, "rank": ranks})


def test_even_ranks_cover_as_they_say():
    """Of even ranks a central interval of any level holds just that share; pooled ones too."""
    even = (np.arange(400) + 0.5) / 400.0
    of = identifiability.coverage(pd.concat([ranked(even), ranked(even, IDLE)]))
    assert of["parameter"].unique().tolist() == [IDLE, LEVEL, POOLED]
    for _, rows in of.groupby("parameter"):
        np.testing.assert_allclose(rows["level"], LEVELS)
        np.testing.assert_allclose(rows["covered"], LEVELS, atol=1e-12)
        assert (rows["ci_low"] < LEVELS).all() and (rows["ci_high"] > LEVELS).all()
    assert POOLED not in set(identifiability.coverage(ranked(even, IDLE))["parameter"])


@pytest.mark.parametrize(("factor", "below"), [(0.5, True), (2.0, False)])
def test_wrong_widths_are_caught(factor, below):
    """A normal posterior half as wide as it should be covers too little, a double one too much."""
    truth = stats.norm.ppf((np.arange(300) + 0.5) / 300.0)
    of = identifiability.coverage(ranked(stats.norm.cdf(truth / factor)))
    of = of[(of["parameter"] == LEVEL) & of["level"].between(0.2, 0.8)]
    assert (of["ci_high"] < of["level"]).all() if below else (of["ci_low"] > of["level"]).all()


def test_recovered_parameters_are_covered(both, told, monkeypatch):
    """The toy's posterior covers at its levels; draws shrunk to their middle do not."""
    posterior = identifiability.posterior_draws

    def shrunk(*given):
        draws = posterior(*given)
        return draws.assign(**{LEVEL: (draws[LEVEL] + draws[LEVEL].median()) / 2.0})

    honest = identifiability.coverage(told).set_index(["parameter", "level"])
    monkeypatch.setattr(identifiability, "posterior_draws", shrunk)
    vain = identifiability.coverage(recovered(both, 150)).set_index(["parameter", "level"])
    for level in (0.5, 0.9):
        row = honest.loc[(LEVEL, level)]
        assert row["ci_low"] < level < row["ci_high"]
        assert vain.loc[(LEVEL, level), "ci_high"] < level


@pytest.mark.parametrize("hits", [0, 1, 7, 20])
def test_the_interval_is_exact(hits):
    """The interval of a share is Clopper and Pearson's at 95 %."""
    of = identifiability.coverage(ranked([0.5] * hits + [0.0] * (20 - hits), IDLE))
    interval = stats.binomtest(hits, 20).proportion_ci(0.95, "exact")
    assert (of["covered"] == hits / 20).all() and (of["tests"] == 20).all()
    assert (of["ci_low"][0], of["ci_high"][0]) == pytest.approx(tuple(interval), abs=1e-12)


def test_pooled_parameters_of_one_survey_are_one_test():
    """Two parameters of one survey share its luck: pooled they make the interval no narrower."""
    ranks = np.tile([0.5, 0.0], 10)
    of = identifiability.coverage(pd.concat([ranked(ranks), ranked(ranks, IDENTIFIED[1])]))
    one, pooled = (
        of[of["parameter"] == name].drop(columns="parameter") for name in (LEVEL, POOLED)
    )
    pd.testing.assert_frame_equal(one.reset_index(drop=True), pooled.reset_index(drop=True))


# ---------------------------------------------------------------- contraction and correlations


def drawn(structure="none", **shares) -> pd.DataFrame:
    """Return equally weighted draws at these shares of the priors."""
    rows = len(next(iter(shares.values())))
    columns = {"structure": structure, "weight": np.full(rows, 1.0 / rows)}
    if "level" in shares:
        columns[LEVEL] = WIDE.low + np.array(shares["level"]) * 18.0
    if "idle" in shares:
        columns[IDLE] = 2.0 * 25.0 ** np.array(shares["idle"])
    return pd.DataFrame(columns)


EVEN = (np.arange(10_000) + 0.5) / 10_000


def test_contraction_has_its_closed_form():
    """Draws like the prior gained nothing; over a quarter of its range, fifteen sixteenths."""
    table = pd.concat([drawn(level=EVEN, idle=EVEN), drawn("trend", level=0.5 + EVEN / 4.0)])
    of = identifiability.contraction(table, PRIORS).set_index(["structure", "parameter"])
    assert of.index.tolist() == [("none", LEVEL), ("none", IDLE), ("trend", LEVEL)]
    assert of["contraction"].tolist() == pytest.approx([0.0, 0.0, 15.0 / 16.0], abs=1e-6)
    assert of["median"].tolist() == pytest.approx([0.0, 10.0, 2.25])
    ends = of.loc[("none", LEVEL), ["q05", "q95"]].tolist()
    assert ends == pytest.approx([-8.1, 8.1], abs=1e-3)
    np.testing.assert_allclose(of["prior_sd"][:2], of["posterior_sd"][:2], rtol=1e-6)
    exact = [stats.uniform(-9, 18).std(), stats.loguniform(2, 50).std()]
    assert of["prior_sd"].tolist() == pytest.approx([*exact, exact[0]])


def test_weights_count():
    """Draws of weight nothing are as if not there, and weights need not add up to one."""
    ghosts = drawn(level=np.zeros(500)).assign(weight=0.0)
    table = pd.concat([drawn(level=EVEN), ghosts])
    table["weight"] *= 3.0
    of, plain = (identifiability.contraction(one, PRIORS) for one in (table, drawn(level=EVEN)))
    np.testing.assert_allclose(
        of.drop(columns=["structure", "parameter"]).to_numpy(float),
        plain.drop(columns=["structure", "parameter"]).to_numpy(float),
        atol=1e-6,
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_parameters_that_move_together_are_tied(sign):
    """Shares that run together correlate fully on any scale of the prior; independent ones not."""
    tied = drawn(level=EVEN, idle=EVEN[::sign])
    loose = drawn("trend", level=np.repeat(EVEN[::100], 100), idle=np.tile(EVEN[::100], 100))
    of = identifiability.correlations(pd.concat([tied, loose]), PRIORS)
    assert of[["structure", "parameter_1", "parameter_2"]].values.tolist() == [
        ["none", LEVEL, IDLE],
        ["trend", LEVEL, IDLE],
    ]
    assert of["correlation"].tolist() == pytest.approx([sign, 0.0], abs=1e-9)


def test_correlations_are_weighted():
    """With weights the correlation is that of numpy's weighted covariance."""
    random = np.random.default_rng(3)
    table = drawn(level=random.random(300), idle=random.random(300) ** 2)
    table["weight"] = random.random(300)
    shares = [(table[LEVEL] + 9.0) / 18.0, np.log(table[IDLE] / 2.0)]
    joint = np.cov(shares, aweights=table["weight"])
    of = identifiability.correlations(table, PRIORS)["correlation"][0]
    assert of == pytest.approx(joint[0, 1] / np.sqrt(joint[0, 0] * joint[1, 1]))
    assert identifiability.correlations(table[["structure", "weight", LEVEL]], PRIORS).empty


def test_what_is_claimed_exists():
    """Each parameter claimed as identified is one of the model's."""
    for key in IDENTIFIED:
        group, name = key.split(".")
        assert hasattr(getattr(Settings(), group), name), key
