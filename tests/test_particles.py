"""Particles of the second stage are functions of their scores; its tables summarize those kept."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats
from test_market_calibration import KEYS, PRIORS, start

from marketsim.analysis.inference import particles, stages
from marketsim.analysis.inference.stages import trade
from marketsim.parameters import presets, priors
from marketsim.parameters.settings import value_of
from marketsim.simulation import run
from marketsim.survey import targets, trade_statistics

FACTS = targets.targets() | targets.validation()
PUBLISHED = {name: FACTS[name].value for name in trade_statistics.STATISTICS if name in FACTS}
FIRST = priors.FITTED_TRADE[0]
SCORES = st.fixed_dictionaries({key: st.floats(-6.0, 6.0) for key in KEYS})


# ---------------------------------------------------------------- particles


@hypothesis_settings(deadline=None, max_examples=40)
@given(scores=SCORES, key=st.sampled_from(KEYS), up=st.booleans())
def test_a_particle_is_a_function_of_its_scores(scores, key, up):
    """The same scores in any order are the same run; the last bit of any is another."""
    mine, seed = trade(start()).particle(scores)
    backwards = dict(reversed(scores.items()))
    assert trade(start()).particle(backwards) == (mine, seed)
    as_numpy = {name: np.float64(score) for name, score in scores.items()}
    assert trade(start()).particle(as_numpy) == (mine, seed)
    assert trade(start(retailers=99)).particle(scores)[1] == seed
    assert 0 <= seed < 2**63
    moved = scores | {key: np.nextafter(scores[key], np.inf if up else -np.inf)}
    assert trade(start()).particle(moved)[1] != seed
    assert trade(start(seed=1)).particle(scores)[1] != seed


@hypothesis_settings(deadline=None, max_examples=40)
@given(scores=SCORES)
def test_scores_place_what_is_fitted_and_the_seed_the_rest(scores):
    """A score is the normal score of the place in the prior; others are sampled by the seed."""
    mine, seed = trade(start()).particle(scores)
    sampled = priors.sample(PRIORS, seed)
    for name, prior in PRIORS.items():
        if name in priors.FITTED_TRADE:
            place = stats.norm.cdf(scores[name.replace(".", "__")])
            assert priors.share(prior, value_of(mine, name)) == pytest.approx(place, abs=1e-12)
        else:
            assert value_of(mine, name) == sampled[name]


def test_far_scores_stay_inside_the_prior():
    """However far out a proposal is, the value is inside its prior; a score of 0 is its middle."""
    for score, place in ((-40.0, 0.0), (0.0, 0.5), (40.0, 1.0)):
        mine, _ = trade(start()).particle({KEYS[0]: score})
        assert value_of(mine, FIRST) == priors.value(PRIORS[FIRST], place)


# ---------------------------------------------------------------- what follows a search


def rows_at(places: list[float], weights: list[float]) -> pd.DataFrame:
    """Return draws whose first fitted parameter is at these places, the others at the middle."""
    values = {name: priors.value(prior, 0.5) for name, prior in PRIORS.items()}
    first = priors.values(PRIORS[FIRST], np.array(places))
    return pd.DataFrame(values, range(len(places))).assign(**{FIRST: first, "weight": weights})


def test_predictions_are_from_draws_by_their_weight(monkeypatch):
    """Surveys are simulated from draws by weight, two to a draw, each with a seed of its own."""
    jobs = []

    def nothing(of, threads):
        jobs.extend(of)
        return pd.DataFrame([PUBLISHED] * len(of))

    monkeypatch.setattr(run, "statistics", nothing)
    table = rows_at([0.1, 0.2, 0.3], [0.25, 0.0, 0.75])
    particles.fit(trade(start()), table, 1)
    assert len({seed for _, seed in jobs}) == stages.PREDICTED == len(jobs)
    used = [value_of(mine, FIRST) for mine, _ in jobs]
    assert used[::2] == used[1::2]
    counts = [used.count(value) for value in table[FIRST]]
    assert sum(counts) == stages.PREDICTED
    assert counts[1] == 0
    assert stats.binomtest(counts[2] // 2, len(jobs) // 2, 0.75).pvalue > 1e-3
    assert {mine.market for mine, _ in jobs} == {"full"}
    assert len({mine.recovery.name for mine, _ in jobs}) > 1
    assert presets.POSTERIOR not in {mine.posterior for mine, _ in jobs}


@pytest.mark.parametrize(("noise", "stochastic_share"), [(0.0, 0.0), (0.05, 1 / 9), (5.0, 1.0)])
def test_the_stochastic_share_is_what_differs_between_surveys_of_one_draw(
    monkeypatch, noise, stochastic_share
):
    """It is 0 for a price that follows from the draw, and 1 for one that is all noise."""
    random = np.random.default_rng(3)

    def seen(jobs, threads):
        places = priors.shares(PRIORS[FIRST], np.array([value_of(one, FIRST) for one, _ in jobs]))
        price = PUBLISHED["price_raw"] + places + noise * random.random(len(jobs))
        return pd.DataFrame(PUBLISHED | {"price_raw": price})

    monkeypatch.setattr(run, "statistics", seen)
    table = rows_at([0.1, 0.15, 0.2], [1 / 3] * 3)
    fit = particles.fit(trade(start()), table, 1).set_index("id")
    assert fit["stochastic_share"]["price_raw"] == pytest.approx(stochastic_share, abs=0.03)


def history_of(kept: list[SimpleNamespace]) -> SimpleNamespace:
    """Return a history of two generations, of which the last has these particles."""
    older = SimpleNamespace(parameter={}, weight=9.0, distance=9.0, sum_stat={})
    return SimpleNamespace(
        max_t=1, get_population=lambda t: SimpleNamespace(particles=kept if t else [older])
    )


def test_particles_are_those_of_the_last_generation():
    """Each row has weight, distance and statistics of a particle, and the values of its scores."""
    scores = dict.fromkeys(KEYS, 0.3)
    seen = np.arange(float(len(trade_statistics.STATISTICS)))
    kept = [
        SimpleNamespace(
            parameter=scores | {KEYS[0]: score},
            weight=0.5 - 0.1 * score,
            distance=1.0 + score,
            sum_stat={"statistics": seen + score},
        )
        for score in (-1.0, 2.0)
    ]
    rows = particles.last_kept(trade(start()), history_of(kept))
    assert list(rows) == ["weight", "distance", *PRIORS, *trade_statistics.STATISTICS]
    assert rows["weight"].tolist() == [one.weight for one in kept]
    assert rows["distance"].tolist() == [one.distance for one in kept]
    for number, one in enumerate(kept):
        mine, _ = trade(start()).particle(one.parameter)
        assert rows.loc[number, list(PRIORS)].tolist() == [value_of(mine, key) for key in PRIORS]
        stored = rows.loc[number, list(trade_statistics.STATISTICS)].to_numpy(float)
        np.testing.assert_array_equal(stored, one.sum_stat["statistics"])


def test_a_search_without_any_particle_is_an_error():
    """Negative control: a generation that has no particle has no draws."""
    with pytest.raises(RuntimeError, match="no particle"):
        particles.last_kept(trade(start()), history_of([]))
