"""The second search: particles are functions of their scores, and the posts are given."""

import hashlib
import json
import pickle
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyabc
import pyarrow.parquet as pq
import pytest
from conftest import settings as small
from scipy import stats
from test_cli import command
from test_posterior import FILES, forget, shelf

from marketsim.analysis.inference import abc_smc, particles, stages
from marketsim.analysis.inference.stages import trade
from marketsim.commands import calibrate as calibrate_command
from marketsim.errors import InputError
from marketsim.parameters import posterior, presets, priors
from marketsim.parameters.settings import POSTING_ONLY, Calibration, Settings, value_of
from marketsim.simulation import run, summary
from marketsim.survey import discrepancy, statistics, targets, trade_statistics
from marketsim.survey import fit as survey_fit

TINY = Calibration(particles=20, simulations=100, sampler="single")
KEYS = [key.replace(".", "__") for key in priors.FITTED_TRADE]
PRIORS = priors.uncertain_trade()
TABLES = ("posterior.parquet", "point.csv", "generations.csv", "market_fit.csv")
PREDICTED = 6


def start(retailers: int = 60, **changes: object) -> Settings:
    given = {"recovery": "mixture", "posterior": presets.POSTERIOR} | changes
    return small(retailers, **given)


@contextmanager
def shortened():
    """Shorten what follows a search, and start pyABC's own generator anew."""
    np.random.seed(7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "PREDICTED", PREDICTED)
        yield


@pytest.fixture(autouse=True)
def _brief():
    with shortened():
        yield


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Path:
    """Search once, from the prior to the result."""
    forget()
    with shortened():
        folder = tmp_path_factory.mktemp("market")
        return calibrate(start(), TINY, folder, 1, False)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """Put a copy of what is shipped in its place, that of the chain in a folder `trade` of it."""
    folder = tmp_path / "copy"
    shutil.copytree(
        posterior.folder(), folder, ignore=shutil.ignore_patterns("figures", "manifest.json")
    )
    trade = posterior.folder(presets.TRADE_POSTERIOR)
    shutil.copytree(trade, folder / "trade", ignore=shutil.ignore_patterns("manifest.json"))
    monkeypatch.setattr(posterior, "folder", shelf(folder))
    forget()
    yield folder
    forget()


def calibrate(settings: Settings, *how) -> Path:
    return calibrate_command.calibrate_trade(trade(settings), *how)


def particle(settings: Settings, scores: dict) -> tuple[Settings, int]:
    return trade(settings).particle(scores)


def model(**changes: object) -> abc_smc.Model:
    return abc_smc.Model(trade(start(**changes)))


def drawn(found: Path) -> pd.DataFrame:
    return pd.read_parquet(found / "posterior.parquet")


def population(found: Path) -> list:
    """Return the particles that pyABC remembers of the last generation."""
    return pyabc.History(f"sqlite:///{found / abc_smc.DATABASE}").get_population().particles


# ---------------------------------------------------------------- particles


def test_a_particle_is_a_function_of_seed_and_scores():
    """The same scores in any order are the same run; another seed or last bit is another."""
    scores = dict.fromkeys(KEYS, 0.3) | {KEYS[0]: -1.0}
    one = particle(start(), scores)
    again = dict(reversed(scores.items()))
    assert particle(start(), again) == one
    assert particle(start(replicates=3), scores)[1] == one[1]
    others = [
        particle(start(seed=9), scores),
        particle(start(), scores | {KEYS[1]: np.nextafter(0.3, 1.0)}),
    ]
    assert len({one[1], *(seed for _, seed in others)}) == 3
    assert all(0 <= seed < 2**63 for _, seed in (one, *others))


def test_scores_are_places_in_the_prior():
    """A score of 0 is the prior's middle, one of 1.645 its upper twentieth; the rest is drawn."""
    mine, seed = particle(start(), dict.fromkeys(KEYS, 0.0) | {KEYS[1]: 1.645})
    expected = dict.fromkeys(priors.FITTED_TRADE, 0.5) | {priors.FITTED_TRADE[1]: 0.95}
    for key, place in expected.items():
        assert priors.share(PRIORS[key], value_of(mine, key)) == pytest.approx(place, abs=1e-4)
    carried = priors.sample(priors.uncertain_trade(), seed)
    same = {key for key, value in carried.items() if value_of(mine, key) == value}
    assert same == set(carried) - set(priors.FITTED_TRADE)


def test_the_posting_side_is_a_draw_of_its_posterior():
    """Structure and values of the posts are one shipped row, another one for other scores."""
    shipped, keys = posterior.draws(), list(priors.uncertain())
    structures = set()
    for score in np.linspace(-1.0, 1.0, 9):
        mine, _ = particle(start(), {KEYS[0]: score})
        rows = shipped[shipped["structure"] == mine.recovery.name]
        values = pd.Series({key: value_of(mine, key) for key in keys})
        assert (rows[keys] == values).all(axis=1).any()
        assert (mine.posterior, mine.fixed, mine.market) == ("none", [], "full")
        structures.add(mine.recovery.name)
    assert len(structures) > 1
    prior, seed = particle(start(posterior=posterior.PRIOR), {KEYS[0]: 0.5})
    assert {key: value_of(prior, key) for key in keys} == priors.sample(priors.uncertain(), seed)


def test_what_is_held_keeps_its_value_in_a_particle():
    """Held parameters of posts and trade are as given; the others move with the scores."""
    of = start(posting__base_posts=2.0, supply__cost=6.0, fixed=["posting.base_posts"])
    of.fixed += ["supply.cost"]
    for score in (-1.0, 1.0):
        mine, _ = particle(of, {"workshop__top_grade_share": score})
        assert (mine.posting.base_posts, mine.supply.cost) == (2.0, 6.0)
        place = priors.share(PRIORS["workshop.top_grade_share"], mine.workshop.top_grade_share)
        assert place == pytest.approx(stats.norm.cdf(score))
        free, _ = particle(start(), {"workshop__top_grade_share": score})
        assert free.posting.base_posts != 2.0 and free.supply.cost != 6.0


def test_a_market_answers_for_its_particle():
    """What pyABC gets are deviations and statistics of the particle's survey, at any place."""
    market, scores = model(), dict.fromkeys(KEYS, 0.3)
    seen = market(scores)
    expected = run.statistics([particle(start(), scores)])
    counted = expected[list(trade_statistics.STATISTICS)].to_numpy()[0]
    np.testing.assert_array_equal(seen["statistics"], counted)
    off = trade_statistics.deviations(expected)
    np.testing.assert_array_equal(seen["off"], off.to_numpy()[0])
    assert abc_smc.distance(seen) == discrepancy.distance(off)[0]
    sent = pickle.loads(pickle.dumps(market))
    np.testing.assert_array_equal(sent(scores)["statistics"], seen["statistics"])
    other = market(scores | {KEYS[0]: 0.31})
    assert not np.array_equal(other["statistics"], seen["statistics"], equal_nan=True)


# ---------------------------------------------------------------- what is refused

ENOUGH = Calibration(particles=100, simulations=1000)
BAD = {
    "no trade": (ENOUGH, {"market": POSTING_ONLY}, "market", "full: prices need trade"),
    "from nothing": (ENOUGH, {"posterior": "none", "recovery": "trend"}, "posterior", "drawn"),
    "from the point": (ENOUGH, {"posterior": "point"}, "posterior", presets.POSTERIOR),
    "from nowhere": (ENOUGH, {"posterior": "nope"}, "posterior", presets.POSTERIOR),
    "unknown sampler": (Calibration(sampler="redis"), {}, "calibration.sampler", "multicore"),
    "address of nothing": (Calibration(address="tcp://a:1"), {}, "calibration.address", "dask"),
    "too few particles": (Calibration(particles=19), {}, "calibration.particles", "20 to"),
    "too short": (Calibration(simulations=99), {}, "calibration.simulations", "100 to"),
    "overwritten": (ENOUGH, {"supply__cost": 6.0}, "supply.cost", "fixed=[supply.cost]"),
    "nothing to hold": (ENOUGH, {"fixed": ["supply.nope"]}, "fixed", "have a prior"),
    "nothing to search": (ENOUGH, {"fixed": [*priors.FITTED_TRADE]}, "fixed", "not all"),
    "out of range": (ENOUGH, {"posting__weekend": 9.0}, "posting.weekend", "0.5 to 2"),
    "no such day": (ENOUGH, {"horizon__end": "2015-06-30"}, "horizon.end", "2015-07-31"),
}


def no_search(*_) -> None:
    raise AssertionError("searched")


@pytest.mark.parametrize("name", list(BAD))
def test_what_cannot_be_searched_is_refused(monkeypatch, name):
    """Key, value and what is allowed, before anything is written or simulated."""
    monkeypatch.setattr(abc_smc, "search", no_search)
    of, changes, key, allowed = BAD[name]
    with pytest.raises(InputError) as fault:
        calibrate(start(**changes), of, Path("results"), 1, False)
    assert fault.value.key == key
    assert allowed in fault.value.allowed
    assert not Path("results").exists()


def test_what_can_be_searched_is_not_refused():
    """Negative control: each sampler, from the posterior and from the prior, with one held."""
    for name in abc_smc.SAMPLERS:
        abc_smc.check(Calibration(sampler=name))
    abc_smc.check(Calibration(sampler="dask", address="tcp://a:1"))
    trade(start(posterior=posterior.PRIOR, recovery="trend"))
    trade(start(supply__cost=6.0, fixed=["supply.cost"]))


@pytest.mark.parametrize(
    ("word", "allowed"),
    [
        ("market=posting_only", "prices need trade"),
        ("posterior=none", "from which the posting side is drawn"),
        ("calibration.sampler=redis", "multicore, single, dask"),
        ("calibration.particle=1", "did you mean 'calibration.particles'"),
    ],
)
def test_refusals_are_one_line_of_the_command(monkeypatch, capfd, tmp_path, word, allowed):
    """`marketsim calibrate_market` says what is wrong in one line, and writes nothing."""
    monkeypatch.setattr(abc_smc, "search", no_search)
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, "calibrate_market", "population.retailers=30", "progress=false", word)
    out, err = capfd.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (2, "", 1)
    assert word.partition("=")[0] in err and allowed in err
    assert list(tmp_path.iterdir()) == []


def test_the_command_composes(monkeypatch, capfd):
    """It is named in the help, and starts from the posterior of the posts with trade."""
    command(monkeypatch, "--help")
    assert "marketsim calibrate_market" in capfd.readouterr().out
    command(monkeypatch, "calibrate_market", "calibration.particles=30", "--cfg", "job")
    shown = capfd.readouterr().out
    for line in ("market: full", f"posterior: {presets.POSTERIOR}", "particles: 30"):
        assert line in shown
    assert f"study: {presets.TRADE_POSTERIOR}" in shown


# ---------------------------------------------------------------- a search from end to end


def test_a_search_leaves_what_it_promises(found):
    """The tables have their columns, plain types and units; the manifest their checksums."""
    generations = pd.read_csv(found / "generations.csv")
    assert list(generations) == ["generation", "epsilon", "simulations", "particles"]
    point = pd.read_csv(found / "point.csv")
    assert (list(point), list(point["key"])) == (["key", "value"], list(PRIORS))
    fit = pd.read_csv(found / "market_fit.csv")
    judged = [name for name in statistics.STATISTICS if name != "ratio_week_6_12"]
    assert list(fit["id"]) == [*judged, *trade_statistics.STATISTICS]
    schema = pq.read_schema(found / "posterior.parquet")
    assert schema.names == ["weight", *PRIORS]
    assert {str(item.type) for item in schema} == {"double"}
    assert not schema.metadata
    assert all(item.metadata[b"unit"] and item.metadata[b"description"] for item in schema)
    manifest = json.loads((found / "manifest.json").read_text())
    assert set(manifest["tables"]) == set(TABLES)
    for name in TABLES:
        digest = hashlib.sha256((found / name).read_bytes()).hexdigest()
        assert manifest["tables"][name]["sha256"] == digest
    assert manifest["calibration"]["particles"] == TINY.particles
    assert manifest["key"] == found.name
    done = TINY.particles + generations["simulations"].sum()  # the first tolerance costs some
    assert manifest["simulations"] == done >= TINY.simulations


def test_draws_have_weights_and_lie_inside_their_priors(found):
    """Weights add up to 1, no draw left its prior, and no two are the same."""
    rows = drawn(found)
    assert len(rows) == TINY.particles
    assert rows["weight"].sum() == pytest.approx(1.0)
    assert (rows["weight"] >= 0.0).all()
    for key, prior in PRIORS.items():
        assert rows[key].between(prior.low, prior.high).all(), key
    assert not rows.duplicated(list(PRIORS)).any()


def test_every_particle_can_be_run_again(found):
    """A particle's scores give, to the bit, its statistics and its distance again."""
    kept = population(found)
    assert len(kept) == TINY.particles
    for one in kept:
        assert set(one.parameter) == set(KEYS)
        again = model()(dict(one.parameter))
        np.testing.assert_array_equal(again["statistics"], one.sum_stat["statistics"])
        assert abc_smc.distance(again) == one.distance
    other = model(seed=1)(dict(one.parameter))  # negative control
    assert not np.array_equal(other["statistics"], one.sum_stat["statistics"], equal_nan=True)


def test_the_point_is_a_draw(found):
    """The point is, value by value, one of the draws."""
    point = pd.read_csv(found / "point.csv").set_index("key")["value"]
    assert (drawn(found)[point.index] == point).all(axis=1).sum() == 1


def test_the_fit_is_that_of_a_study_with_these_draws(found, elsewhere):
    """Once shipped, a study has the surveys the fit is of: run by run, two to a draw."""
    for file in ("posterior.parquet", "point.csv"):
        shutil.copy(found / file, elsewhere / "trade" / file)
    forget()
    tables = run.replicate(start(), range(PREDICTED), 1)
    runs = tables["runs"].set_index("run")
    expected = survey_fit.fit(summary.run_statistics(start(), tables, runs), runs["draw"])
    fit = particles.fit(trade(start()), drawn(found), 1)
    pd.testing.assert_frame_equal(fit, expected)
    shown = pd.read_csv(found / "market_fit.csv")
    np.testing.assert_array_equal(shown["median"], expected["median"])
    assert (fit["stochastic_share"].dropna() < 0.9).any()
    tables = run.replicate(start(seed=1), range(PREDICTED), 1)  # negative control
    other = summary.run_statistics(start(), tables, tables["runs"].set_index("run"))
    assert survey_fit.fit(other)["median"][0] != fit["median"][0]


def test_a_complete_search_is_taken_as_it_is(found, monkeypatch):
    """The same search again is read, byte for byte; another is not."""
    before = {path: path.read_bytes() for path in found.rglob("*") if path.is_file()}
    monkeypatch.setattr(abc_smc, "search", no_search)
    assert calibrate(start(), TINY, found.parent, 3, False) == found
    assert {path: path.read_bytes() for path in before} == before
    for settings, of in ((start(seed=1), TINY), (start(), replace(TINY, particles=21))):
        with pytest.raises(AssertionError, match="searched"):
            calibrate(settings, of, found.parent, 1, False)


def test_what_is_searched_for_is_not_in_its_name(found, elsewhere, monkeypatch):
    """The draws shipped before do not matter, even spoilt or gone; those of the posts do."""
    monkeypatch.setattr(abc_smc, "search", no_search)
    file = elsewhere / "trade" / "posterior.parquet"
    table = pd.read_parquet(file)
    table.assign(weight=np.nan).to_parquet(file)
    forget()
    assert calibrate(start(), TINY, found.parent, 1, False) == found
    shutil.rmtree(elsewhere / "trade")
    forget()
    assert calibrate(start(), TINY, found.parent, 1, False) == found
    with (elsewhere / FILES[1]).open("ab") as to:  # negative control
        to.write(b"\n")
    with pytest.raises(AssertionError, match="searched"):
        calibrate(start(), TINY, found.parent, 1, False)


def test_what_is_held_is_not_searched_for(monkeypatch):
    """A held parameter has its value in every draw and at the point; the others are searched."""
    luck = np.random.default_rng(1)

    def toy(self, scores):
        off = luck.random(len(trade_statistics.SUMMARIES))
        return {"off": off, "statistics": luck.random(len(trade_statistics.STATISTICS))}

    monkeypatch.setattr(abc_smc.Model, "__call__", toy)
    of = start(supply__cost=6.0, fixed=["supply.cost", "supply.margin"])
    folder = calibrate(of, TINY, Path("results"), 1, False)
    rows = drawn(folder)
    point = pd.read_csv(folder / "point.csv").set_index("key")["value"]
    for key in of.fixed:
        assert (rows[key] == value_of(of, key)).all()
        assert point[key] == value_of(of, key)
    assert list(rows) == ["weight", *PRIORS]
    assert set(population(folder)[0].parameter) == {*KEYS} - {"supply__cost"}
    assert len({one.parameter["workshop__top_grade_share"] for one in population(folder)}) > 1


# ---------------------------------------------------------------- what becomes of the particles


def accepted(places: np.ndarray, distance: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    """Return particles whose raw price follows from the place of the first fitted alone.

    At a place of 0.7 the price is the published one; all else is as published.
    """
    facts, first = targets.targets(), priors.FITTED_TRADE[0]
    scale = np.log(places / (1.0 - places)) - np.log(0.7 / 0.3)
    columns = {key: np.full(places.size, (of.low + of.high) / 2.0) for key, of in PRIORS.items()}
    columns |= {first: priors.values(PRIORS[first], places), "weight": weight}
    columns |= {
        name: np.full(places.size, facts[name].value) for name in trade_statistics.SUMMARIES
    }
    columns["price_raw"] = facts["price_raw"].value + 0.5 * scale
    return pd.DataFrame(columns | {"distance": distance})


def test_draws_are_moved_to_the_published_survey():
    """Where a price follows from a parameter all draws are put where it is the published one."""
    places = np.linspace(0.3, 0.8, 40)
    distance, weight = 1.0 + places, np.linspace(1.0, 2.0, 40)
    kept = accepted(places, distance, weight)
    rows = particles.draws(trade(start()), kept)
    first, *others = priors.FITTED_TRADE
    assert priors.shares(PRIORS[first], rows[first].to_numpy()) == pytest.approx(0.7, abs=1e-6)
    for key in others:
        assert rows[key].to_numpy() == pytest.approx(kept[key].to_numpy(), rel=1e-9)
    expected = weight * (1.0 - (distance / distance.max()) ** 2)
    assert rows["weight"].to_numpy() == pytest.approx(expected / expected.sum(), abs=1e-8)
    held = particles.draws(trade(start(fixed=[first])), kept)
    assert (held[first] == value_of(start(), first)).all()
    alike = particles.draws(trade(start()), kept.assign(distance=0.0))
    assert alike["weight"].to_numpy() == pytest.approx(weight / weight.sum())


def test_the_point_is_the_draw_nearest_to_the_mean():
    """In units of each parameter's spread; by the weights; what is the same in all is no matter."""
    rows = accepted(np.array([0.1, 0.45, 0.55]), np.ones(3), np.ones(3))
    first, second = priors.FITTED_TRADE[:2]

    def nearest(weight: list[float], **changes: object) -> float:
        table = rows.assign(weight=weight, **changes)
        values = particles.point(trade(start()), table).set_index("key")["value"]
        assert list(values.index) == list(PRIORS)
        return priors.share(PRIORS[first], float(values[first]))

    assert nearest([1 / 3] * 3) == pytest.approx(0.45)
    assert nearest([0.0, 0.1, 0.9]) == pytest.approx(0.55)
    assert nearest([0.4, 0.4, 0.2]) == pytest.approx(0.45)
    narrow = priors.values(PRIORS[second], np.array([0.499, 0.501, 0.5]))
    assert nearest([0.4, 0.4, 0.2], **{second: narrow}) == pytest.approx(0.55)
