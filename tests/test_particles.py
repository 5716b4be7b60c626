"""Particles are functions of their scores, and draws are made of those kept as they ought to be."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import published_middle
from conftest import settings as small
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from marketsim.analysis.inference import particles, stages
from marketsim.analysis.inference.stages import Stage, posting
from marketsim.parameters import posterior, priors
from marketsim.parameters.settings import POSTING_ONLY, Settings, value_of
from marketsim.simulation import run
from marketsim.survey import statistics, targets

PRIORS = priors.uncertain()
PUBLISHED = {
    name: published_middle(fact)
    for name, fact in (targets.targets() | targets.validation() | targets.context()).items()
    if name in statistics.STATISTICS
}
KEYS = [key.replace(".", "__") for key in priors.FITTED["forgetting"]]
SCORES = st.fixed_dictionaries({key: st.floats(-6.0, 6.0) for key in KEYS})


def start(recovery: str = "mixture", retailers: int = 20, **changes: object) -> Settings:
    changes = {"market": POSTING_ONLY, "posterior": posterior.PRIOR} | changes
    return small(retailers, recovery=recovery, **changes)


# ---------------------------------------------------------------- particles


@hypothesis_settings(deadline=None)
@given(scores=SCORES, key=st.sampled_from(KEYS), up=st.booleans())
def test_a_particle_is_a_function_of_its_scores(scores, key, up):
    """The same scores in any order are the same run; the last bit of any is another."""
    mine, seed = posting(start()).particle("forgetting", scores)
    backwards = dict(reversed(scores.items()))
    assert posting(start()).particle("forgetting", backwards) == (mine, seed)
    as_numpy = {name: np.float64(score) for name, score in scores.items()}
    assert posting(start()).particle("forgetting", as_numpy) == (mine, seed)
    assert posting(start(retailers=99)).particle("forgetting", scores)[1] == seed
    assert 0 <= seed < 2**63
    moved = scores | {key: np.nextafter(scores[key], np.inf if up else -np.inf)}
    assert posting(start()).particle("forgetting", moved)[1] != seed
    assert posting(start(seed=1)).particle("forgetting", scores)[1] != seed
    assert posting(start()).particle("combined", scores)[1] != seed


@hypothesis_settings(deadline=None)
@given(scores=SCORES)
def test_scores_place_what_is_fitted_and_the_seed_the_rest(scores):
    """A score is the normal score of the place in the prior; others are drawn by the seed."""
    mine, seed = posting(start()).particle("forgetting", scores)
    carried = priors.sample(priors.uncertain(), seed)
    for name, prior in priors.uncertain().items():
        if name in priors.FITTED["forgetting"]:
            place = stats.norm.cdf(scores[name.replace(".", "__")])
            assert priors.share(prior, value_of(mine, name)) == pytest.approx(place, abs=1e-12)
        else:
            assert value_of(mine, name) == carried[name]


def test_far_scores_stay_inside_the_prior():
    """However far out a proposal is, the value is inside its prior; a score of 0 is its middle."""
    for score, place in ((-40.0, 0.0), (0.0, 0.5), (40.0, 1.0)):
        mine, _ = posting(start()).particle("trend", {"posting__trend": score})
        prior = priors.uncertain()["posting.trend"]
        assert value_of(mine, "posting.trend") == priors.value(prior, place)


# ---------------------------------------------------------------- what follows a search


def rows_at(places: list[float], weights: list[float] | None = None) -> pd.DataFrame:
    """Return draws whose first fitted parameter is at these places, the others nearly alike."""
    rows = []
    for i, place in enumerate(places):
        values = {
            name: priors.value(prior, 0.5 + 1e-9 * (-1) ** i)
            for name, prior in priors.uncertain().items()
        }
        first = priors.FITTED["trend"][0]
        values[first] = priors.value(priors.uncertain()[first], place)
        rows.append({"structure": "trend", "seed": i, **values})
    return pd.DataFrame(rows).assign(weight=weights or [1.0 / len(places)] * len(places))


def test_predictions_are_from_draws_by_their_weight(monkeypatch):
    """Surveys are simulated from draws by weight, each with a seed of its own."""
    jobs = []

    def nothing(of, threads):
        jobs.extend(of)
        return pd.DataFrame([PUBLISHED] * len(of))

    monkeypatch.setattr(run, "statistics", nothing)
    table = rows_at([0.1, 0.2, 0.3], [0.25, 0.0, 0.75])
    particles.fit(posting(start()), "trend", table, 1)
    assert len({seed for _, seed in jobs}) == stages.PREDICTED == len(jobs)
    first = priors.FITTED["trend"][0]
    used = [value_of(mine, first) for mine, _ in jobs]
    counts = [used.count(value) for value in table[first]]
    assert sum(counts) == stages.PREDICTED
    assert counts[1] == 0
    assert stats.binomtest(counts[2], len(jobs), 0.75).pvalue > 1e-3
    assert {mine.recovery.name for mine, _ in jobs} == {"trend"}


@pytest.mark.parametrize(("noise", "stochastic_share"), [(0.0, 0.0), (0.05, 1 / 9), (5.0, 1.0)])
def test_the_stochastic_share_is_what_differs_between_surveys_of_one_draw(
    monkeypatch, noise, stochastic_share
):
    """It is 0 for a fall that follows from the draw, and 1 for one that is all noise."""
    sure = seen_with(0.0)
    random = np.random.default_rng(3)

    def seen(jobs, threads):
        table = sure(jobs, threads)
        return table.assign(fall_week_5=table["fall_week_5"] + noise * random.random(len(jobs)))

    monkeypatch.setattr(run, "statistics", seen)
    fit = particles.fit(posting(start()), "trend", rows_at([0.1, 0.15, 0.2]), 1).set_index("id")
    assert fit["stochastic_share"]["fall_week_5"] == pytest.approx(stochastic_share, abs=0.03)
    assert set(fit["structure"]) == {"trend"}


def seen_with(best: float):
    """Return a simulator whose fall in week 5 is off by how far the first fitted is from `best`."""
    first = priors.FITTED["trend"][0]

    def seen(jobs, threads):
        values = np.array([value_of(mine, first) for mine, _ in jobs])
        fall = PUBLISHED["fall_week_5"] + np.abs(priors.shares(PRIORS[first], values) - best)
        return pd.DataFrame(PUBLISHED | {"fall_week_5": fall})

    return seen


@pytest.mark.parametrize(("best", "chosen"), [(0.47, 0.47), (0.6, 0.58), (0.9, 0.58), (0.0, 0.42)])
@pytest.mark.parametrize("fixed", [[], ["posting.full_grid"]])
def test_the_point_is_the_best_of_those_near_the_middle(monkeypatch, fixed, best, chosen):
    """Of the draws nearest to the mean the one whose surveys fit best; a far one may not win.

    What is fixed is the same in all draws and does not count.
    """
    monkeypatch.setattr(stages, "CANDIDATES", 4)
    monkeypatch.setattr(run, "statistics", seen_with(best))
    table = rows_at([0.1, 0.05, 0.42, 0.47, 0.53, 0.58, 0.9, 0.95])
    table[fixed] = 0.35
    point = particles.point(posting(start("trend", fixed=fixed)), "trend", table, 1).set_index(
        "key"
    )["value"]
    assert point["structure"] == "trend"
    first = priors.FITTED["trend"][0]
    assert priors.share(PRIORS[first], float(point[first])) == pytest.approx(chosen, abs=1e-9)


def test_near_the_middle_is_in_units_of_each_spread(monkeypatch):
    """A step that is small among the draws of one parameter is far among those of another."""
    monkeypatch.setattr(stages, "CANDIDATES", 1)
    monkeypatch.setattr(run, "statistics", seen_with(0.5))
    wide, narrow = priors.FITTED["trend"][:2]
    table = rows_at([0.1, 0.9, 0.1, 0.9, 0.55, 0.65])
    places = np.array([0.49, 0.51, 0.51, 0.49, 0.53, 0.5])
    table[narrow] = priors.values(PRIORS[narrow], places)
    point = particles.point(posting(start("trend")), "trend", table, 1).set_index("key")["value"]
    assert priors.share(PRIORS[wide], float(point[wide])) == pytest.approx(0.65)


def test_the_point_is_judged_by_the_median_of_its_surveys(monkeypatch):
    """A draw that is right but for rare surveys far off beats one that is always a little off."""
    first = priors.FITTED["trend"][0]
    little = seen_with(0.47)

    def seen(jobs, threads):
        table = little(jobs, threads)
        if priors.share(PRIORS[first], value_of(jobs[0][0], first)) < 0.5:
            table.loc[::10, "fall_week_5"] = 9.0
        return table

    monkeypatch.setattr(run, "statistics", seen)
    table = rows_at([0.47, 0.53])
    point = particles.point(posting(start("trend")), "trend", table, 1).set_index("key")["value"]
    assert priors.share(PRIORS[first], float(point[first])) == pytest.approx(0.47)


def two() -> Stage:
    """Return the stage with two structures only."""
    names = ("none", "forgetting")
    return replace(posting(start()), fitted={name: priors.FITTED[name] for name in names})


def history_of(sizes: list[int]) -> SimpleNamespace:
    """Return a history with so many particles of structure 1 in each generation."""

    def population(t: int) -> SimpleNamespace:
        parameter = dict.fromkeys(KEYS, 0.1 * t)
        sums = {"statistics": np.zeros(len(statistics.STATISTICS))}

        def of(m: int) -> SimpleNamespace:
            return SimpleNamespace(
                m=m, weight=0.1, distance=1.0, parameter=parameter, sum_stat=sums
            )

        return SimpleNamespace(particles=[of(1)] * sizes[t] + [of(0)] * 3)

    return SimpleNamespace(max_t=len(sizes) - 1, get_population=population)


@pytest.mark.parametrize(
    ("sizes", "generation"),
    [([90, 60, 40], 2), ([90, 60, 39], 1), ([90, 40, 0], 1), ([70, 3, 0], 0), ([7, 3, 0], 0)],
)
def test_a_structure_that_dies_out_keeps_its_last_good_generation(monkeypatch, sizes, generation):
    """Its particles are of the last generation with enough of them."""
    monkeypatch.setattr(stages, "FEWEST", 40)
    rows = particles.last_kept(two(), history_of(sizes))["forgetting"]
    assert (rows["generation"] == generation).all()
    assert len(rows) == sizes[generation]


def test_a_structure_without_any_particle_is_an_error():
    """Negative control: a structure that never had one has no draws."""
    with pytest.raises(RuntimeError, match="forgetting"):
        particles.last_kept(two(), history_of([0, 0]))


def accepted(places: np.ndarray, distance: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    """Return particles whose fall in week 5 follows from the place of the first fitted alone.

    At a place of 0.7 the fall is the published one; all else is as published.
    """
    first = priors.FITTED["trend"][0]
    prior = priors.uncertain()[first]
    scale = np.log(places / (1.0 - places)) - np.log(0.7 / 0.3)
    columns = {key: np.full(places.size, (of.low + of.high) / 2.0) for key, of in PRIORS.items()}
    columns |= {first: priors.values(prior, places), "weight": weight, "distance": distance}
    columns |= {name: np.full(places.size, value) for name, value in PUBLISHED.items()}
    columns["fall_week_5"] = PUBLISHED["fall_week_5"] + 0.05 * scale
    return pd.DataFrame(columns).assign(generation=4)


def test_draws_are_moved_to_the_published_survey(monkeypatch):
    """Where a figure follows from a parameter all draws are put where it is the published one."""
    jobs = []

    def nothing(of, threads):
        jobs.extend(of)
        return pd.DataFrame({name: np.zeros(len(of)) for name in statistics.STATISTICS})

    monkeypatch.setattr(run, "statistics", nothing)
    places = np.linspace(0.3, 0.8, 60)
    distance, weight = 1.0 + places, np.linspace(1.0, 2.0, 60)
    key, *others = priors.FITTED["trend"]
    found = accepted(places, distance, weight)
    rows = particles.draws(posting(start("trend")), "trend", found, 1)
    assert priors.shares(PRIORS[key], rows[key].to_numpy()) == pytest.approx(0.7, abs=1e-6)
    for other in others:
        assert rows[other].to_numpy() == pytest.approx(found[other].to_numpy(), rel=1e-9)
    expected = weight * (1.0 - (distance / distance.max()) ** 2)
    assert rows["weight"].to_numpy() == pytest.approx(expected / expected.sum(), abs=1e-8)
    assert (rows["generation"] == 4).all()
    assert [seed for _, seed in jobs] == rows["seed"].tolist()
    assert rows["seed"].nunique() == 60
    fixed = particles.draws(posting(start("trend", fixed=[key])), "trend", found, 1)
    assert (fixed[key] == value_of(start(), key)).all()
    elsewhere = particles.draws(posting(start("trend")), "combined", found, 1)
    assert not set(elsewhere["seed"]) & set(rows["seed"])
    first = particles.draws(posting(start("trend")), priors.STRUCTURES[0], found, 1)
    runs = {run.run_seed(start().seed, number) for number in range(60)}
    assert not set(first["seed"]) & runs  # no run of a study has the luck of a draw
    assert (
        particles.draws(posting(start("trend", seed=1)), "trend", found, 1)["seed"].nunique() == 60
    )
