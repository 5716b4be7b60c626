"""The posterior: a draw is a function of seed and number, and what is given is never overwritten.

What is shipped is held against its own seeds; the laws are asked of a small posterior made here.
"""

import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import settings as small
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from test_cli import command, only_result

from marketsim.commands import run as run_command
from marketsim.errors import InputError
from marketsim.model.state import Flow
from marketsim.parameters import posterior, presets, priors
from marketsim.parameters.settings import POSTING_ONLY, Settings, value_of
from marketsim.parameters.traders import Recovery
from marketsim.simulation import files, run, store, summary
from marketsim.survey import fit as survey_fit
from marketsim.survey import statistics

CHANCES = {
    "none": 0.05,
    "forgetting": 0.3,
    "thresholds": 0.1,
    "log_thresholds": 0.0,
    "lying_low": 0.0,
    "social_learning": 0.15,
    "backup_confidence": 0.1,
    "trend": 0.05,
    "combined": 0.25,
}
# parameters declared since the shipped calibration, which are sampled from their priors
SINCE = (
    "legal.reuse",
    "legal.rush",
    "prices.adjust",
    "prices.speculation",
    "buyers.compare",
    "buyers.mouth",
    "upstream.loyalty",
    "institutions.noise",
    "institutions.vetting",
)
# of the columns that are not parameters: unit and meaning
COLUMNS = {
    "structure": ("name", "recovery mechanism of the draw"),
    "weight": ("share", "weight of the draw among those of its mechanism"),
}
WEIGHTS = [0.1, 0.0, 0.5, 0.15, 0.25]  # of the five draws of each structure
NUMBERS = range(500)
FILES = ("posterior.parquet", "structures.csv", "point.csv")
TRADE_FILES = ("trade/posterior.parquet", "trade/point.csv")
SHIPPED = presets.POSTERIOR


def forget() -> None:
    """Forget what was read of a posterior."""
    shipped = (posterior.draws, posterior.trade_draws, posterior.pairs)
    for reader in (*shipped, posterior.point, posterior.probabilities):
        reader.cache_clear()


def made(folder: Path) -> pd.DataFrame:
    """Write a small posterior: five draws of each structure, the third of forgetting the point."""
    folder.mkdir()
    rows = []
    for i, structure in enumerate(priors.STRUCTURES):
        for j, weight in enumerate(WEIGHTS):
            seed = 100 * i + j
            row = {"structure": structure, "weight": weight}
            rows.append(row | priors.sample(priors.uncertain(), seed))
    table = pd.DataFrame(rows)
    files.write_parquet(table, folder / "posterior.parquet", COLUMNS)
    chances = pd.DataFrame({"structure": list(CHANCES), "probability": list(CHANCES.values())})
    chances.to_csv(folder / "structures.csv", index=False)
    point = table[table["structure"] == "forgetting"].iloc[2]
    names = ["structure", *priors.uncertain()]
    values = [str(point[name]) for name in names]
    pd.DataFrame({"key": names, "value": values}).to_csv(folder / "point.csv", index=False)
    made_trade(folder / "trade")
    made_pairs(folder)
    return table


def made_pairs(folder: Path) -> None:
    """Write pairs of which the first two have the same draws."""
    drawn = pd.read_parquet(folder / "posterior.parquet").iloc[[3, 3, 7, 12, 12]]
    pairs = drawn[["structure", *priors.uncertain()]].reset_index(drop=True)
    pairs = pairs.assign(seed=[11, 12, 13, 14, 15], trade=[0, 0, 1, 2, 3], distance=0.5, tries=4)
    pairs.to_parquet(folder / posterior.PAIRS)


def made_trade(folder: Path) -> None:
    """Write a small posterior of the chain: five draws, the third the point."""
    folder.mkdir()
    rows = [
        {"weight": w} | priors.sample(priors.uncertain_trade(), 900 + j)
        for j, w in enumerate(WEIGHTS)
    ]
    table = pd.DataFrame(rows)
    files.write_parquet(table, folder / "posterior.parquet", COLUMNS)
    point = table.drop(columns="weight").iloc[2]
    names, values = list(point.index), [str(value) for value in point]
    pd.DataFrame({"key": names, "value": values}).to_csv(folder / "point.csv", index=False)


def shelf(folder: Path):
    """Return what finds the posteriors of a folder: that of the posts, and in it of the chain."""
    return lambda name=SHIPPED: folder if name == SHIPPED else folder / "trade"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Put a small posterior in the place of the shipped one."""
    folder = tmp_path / "toy"
    table = made(folder)
    monkeypatch.setattr(posterior, "folder", shelf(folder))
    forget()
    yield SimpleNamespace(folder=folder, table=table)
    forget()


def mixture(retailers=60, name=SHIPPED, **changes) -> Settings:
    return small(retailers, recovery=changes.pop("recovery", "mixture"), posterior=name, **changes)


def row_of(table: pd.DataFrame, drawn: posterior.Draw) -> int:
    """Return which of the five draws of its structure a draw is."""
    mine = table["structure"].to_numpy() == drawn.structure
    of = (table[name].to_numpy()[mine] == drawn.values[name] for name in priors.uncertain())
    same = np.logical_and.reduce(list(of))
    assert same.sum() == 1
    return int(same.argmax())


def trade_row(folder: Path, drawn: posterior.Draw) -> int:
    """Return which of the five draws of the chain a draw is."""
    table = pd.read_parquet(folder / "trade" / "posterior.parquet")
    of = (table[name].to_numpy() == drawn.values[name] for name in priors.uncertain_trade())
    same = np.logical_and.reduce(list(of))
    assert same.sum() == 1
    return int(same.argmax())


# ---------------------------------------------------------------- draws


@pytest.mark.parametrize("name", [SHIPPED, posterior.PRIOR])
def test_a_draw_is_a_function_of_seed_and_number(toy, name):
    """Neither scenario, market, luck, what is held nor the order of asking moves a draw."""
    plain = [posterior.draw(mixture(name=name, seed=9), number) for number in range(30)]
    other = mixture(200, name=name, seed=9, scenario="no_crackdown", replicates=3)
    other.fixed = ["posting.base_posts"]
    assert [posterior.draw(other, number) for number in reversed(range(30))] == plain[::-1]
    assert [one.number for one in plain] == list(range(30))
    moved = [posterior.draw(mixture(name=name, seed=10), number) for number in range(30)]
    assert [one.values for one in moved] != [one.values for one in plain]
    assert len({one.structure for one in plain}) > 2


def test_the_mixture_has_the_probabilities_of_the_structures(toy):
    """Over many numbers structures come up by their probability, and draws by their weight."""
    drawn = [posterior.draw(mixture(), number) for number in NUMBERS]
    seen = Counter(one.structure for one in drawn)
    likely = {name: p for name, p in CHANCES.items() if p > 0}
    assert set(seen) == set(likely)
    counts = [seen[name] for name in likely]
    expected = [p * len(NUMBERS) for p in likely.values()]
    assert stats.chisquare(counts, expected).pvalue > 1e-3
    even = [len(NUMBERS) / len(likely)] * len(likely)  # negative control
    assert stats.chisquare(counts, even).pvalue < 1e-9
    assert_by_weight(row_of(toy.table, one) for one in drawn)


def test_a_structure_that_is_chosen_has_only_its_own_draws(toy):
    """With one structure only its rows are drawn, by weight, those without weight never."""
    drawn = [posterior.draw(mixture(recovery="trend"), number) for number in NUMBERS]
    assert {one.structure for one in drawn} == {"trend"}
    assert_by_weight(row_of(toy.table, one) for one in drawn)


def assert_by_weight(rows) -> None:
    seen = Counter(rows)
    assert seen[1] == 0
    counts = [seen[row] for row in (0, 2, 3, 4)]
    expected = [WEIGHTS[row] * sum(counts) for row in (0, 2, 3, 4)]
    assert stats.chisquare(counts, expected).pvalue > 1e-3
    assert stats.chisquare(counts).pvalue < 1e-9  # negative control: not all alike


def test_structure_and_row_are_drawn_apart(toy):
    """Which of its draws a structure gets does not follow from which structure it is."""
    drawn = [posterior.draw(mixture(), number) for number in NUMBERS]
    pairs = [(one.structure, row_of(toy.table, one)) for one in drawn]
    frequent = ["forgetting", "combined", "social_learning"]
    table = [[pairs.count((name, row)) for row in (0, 2, 3, 4)] for name in frequent]
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_the_chain_is_drawn_by_weight_and_apart(toy):
    """Draws of the chain come up by weight; which one does not follow from that of the posts."""
    drawn = [posterior.draw(mixture(), number) for number in NUMBERS]
    rows = [trade_row(toy.folder, one) for one in drawn]
    assert_by_weight(rows)
    pairs = list(zip(rows, (row_of(toy.table, one) for one in drawn), strict=True))
    table = [[pairs.count((row, other)) for row in (0, 2, 3, 4)] for other in (0, 2, 3, 4)]
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_a_draw_of_the_chain_is_a_function_of_seed_and_number(toy):
    """Neither structure, scenario, size, what is held nor the posts move it; another seed does."""
    keys = list(priors.uncertain_trade())

    def chains(**changes) -> list[list[float]]:
        drawn = (posterior.draw(mixture(**{"seed": 9} | changes), number) for number in range(20))
        return [[one.values[key] for key in keys] for one in drawn]

    plain = chains()
    for changes in (
        {"recovery": "trend"},
        {"scenario": "no_crackdown", "retailers": 200, "replicates": 3},
        {"supply__cost": 6.0, "fixed": ["supply.cost"]},
    ):
        assert chains(**changes) == plain
    assert chains(seed=10) != plain
    assert len({tuple(one) for one in plain}) > 1
    path = toy.folder / "posterior.parquet"  # other draws of the posts
    files.write_parquet(toy.table.iloc[::-1], path, COLUMNS)
    forget()
    assert chains() == plain


@pytest.mark.parametrize("name", [SHIPPED, posterior.PRIOR])
def test_without_trade_nothing_of_the_chain_is_drawn(toy, name):
    """In a market of posts only its own parameters are drawn, and as in the whole market."""
    for number in range(20):
        posts = posterior.draw(mixture(name=name, market=POSTING_ONLY), number)
        whole = posterior.draw(mixture(name=name), number)
        assert set(posts.values) == set(priors.uncertain())
        assert (posts.number, posts.structure) == (whole.number, whole.structure)
        assert posts.values.items() < whole.values.items()


def test_the_prior_is_an_even_mixture(toy):
    """From the prior every structure has the same chance, and parameters are drawn as there."""
    of = mixture(name=posterior.PRIOR, seed=4)
    drawn = [posterior.draw(of, number) for number in NUMBERS]
    for one in drawn[:50]:
        assert one.values == priors.sample(priors.uncertain(), 4, one.number) | priors.sample(
            priors.uncertain_trade(), 4, one.number
        )
    counts = Counter(one.structure for one in drawn)
    assert set(counts) == set(priors.STRUCTURES)
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3
    assert posterior.draw(mixture(name=posterior.PRIOR, recovery="trend"), 7).structure == "trend"


def test_the_point_is_one_draw_for_all(toy):
    """At the calibrated point every number gives the same structure and values."""
    drawn = [posterior.draw(mixture(name=posterior.POINT), number) for number in range(5)]
    assert all(one == drawn[0] for one in drawn)
    assert drawn[0].structure == "forgetting"
    assert row_of(toy.table, drawn[0]) == 2
    assert trade_row(toy.folder, drawn[0]) == 2
    assert set(drawn[0].values) == set(priors.everything())


def test_without_a_posterior_settings_stay_as_they_are():
    """With posterior=none nothing is drawn, whatever is there to be drawn from."""
    of = small(posting__base_posts=2.0)
    drawn = posterior.draw(of, 3)
    assert drawn == posterior.Draw(0, "combined", {})
    assert posterior.settings_of(of, drawn) is of
    posterior.check(of)


def test_settings_of_a_run_have_the_draw_in_its_place(toy):
    """The run has the structure and values drawn, but for what is held."""
    of = mixture(posting__base_posts=2.0, fixed=["posting.base_posts"])
    drawn = posterior.draw(of, 0)
    mine = posterior.settings_of(of, drawn)
    assert mine.recovery == Recovery(**presets.choice("recovery", drawn.structure))
    expected = drawn.values | {"posting.base_posts": 2.0}
    assert {name: value_of(mine, name) for name in expected} == expected
    assert drawn.values["posting.base_posts"] != 2.0  # negative control


@given(
    weights=st.lists(st.floats(0.0, 1e6), min_size=1, max_size=20).filter(any),
    u=st.floats(0.0, 1.0, exclude_min=True, exclude_max=True),
)
def test_a_place_is_where_the_share_is_reached(weights, u):
    """What lies before the place is no more than the share, with it more; never one without."""
    of = np.array(weights) + 0.0
    place = posterior.weighted_index(of, u)
    edges = np.cumsum(of)
    total = edges[-1]
    assert (edges[place - 1] if place else 0.0) <= u * total
    if u * total < total:
        assert edges[place] > u * total
        assert of[place] > 0.0


@pytest.mark.parametrize(
    ("u", "place"), [(0.1, 0), (0.2499, 0), (0.25, 2), (0.49, 2), (0.51, 3), (0.999, 3)]
)
def test_known_places(u, place):
    """Of the weights 1, 0, 1, 2 the second is never reached and the last has half."""
    assert posterior.weighted_index(np.array([1.0, 0.0, 1.0, 2.0]), u) == place


# ---------------------------------------------------------------- what is refused

BAD = {
    "unknown posterior": ({"name": "nope"}, "posterior", "none, prior, point, calibration_2015"),
    "mixture of nothing": ({"name": posterior.NONE}, "recovery", "one of none, forgetting"),
    "unknown structure": ({"recovery__name": "nope"}, "recovery", "mixture, none, forgetting"),
    "weights by hand": (
        {"recovery": "trend", "recovery__smooth": 0.5},
        "recovery",
        "unchanged; or posterior=none for one of your own",
    ),
    "weights in the mixture": ({"recovery__smooth": 0.5}, "recovery", "mixture, none"),
    "another structure than the point": (
        {"name": posterior.POINT, "recovery": "trend"},
        "recovery",
        "mixture, forgetting, unchanged",
    ),
    "unknown name held": ({"fixed": ["nope"]}, "fixed", "docs/parameters.md"),
    "held without a prior": ({"fixed": ["population.ties"]}, "fixed", "that have a prior"),
    "overwritten by the draw": (
        {"posting__base_posts": 2.0},
        "posting.base_posts",
        "fixed=[posting.base_posts]",
    ),
    "overwritten, another held": (
        {"posting__base_posts": 2.0, "fixed": ["posting.trend"]},
        "posting.base_posts",
        "posterior=none",
    ),
    "overwritten by the prior": (
        {"name": posterior.PRIOR, "perception__half_life": 30.0},
        "perception.half_life",
        "otherwise it is sampled",
    ),
    "overwritten by the point": (
        {"name": posterior.POINT, "accounts__confidence": 0.1},
        "accounts.confidence",
        "otherwise it is sampled",
    ),
}


@pytest.mark.parametrize("name", list(BAD))
def test_what_would_be_overwritten_is_refused(toy, name):
    """What a draw does not know or would silently replace is refused by key and what is allowed."""
    changes, key, allowed = BAD[name]
    with pytest.raises(InputError) as fault:
        posterior.check(mixture(**changes))
    assert fault.value.key == key
    assert allowed in fault.value.allowed
    with pytest.raises(InputError):
        run_command.run_study(mixture(**changes), Path("results"))
    assert not Path("results").exists()


SPOILT = {
    "not a number": [0.1, 0.0, np.nan, 0.15, 0.25],
    "infinite": [0.1, 0.0, np.inf, 0.15, 0.25],
    "negative": [0.1, -1e-9, 0.5, 0.15, 0.25],
    "none at all": [0.0] * 5,
}


def spoil(folder: Path, file: str, weights: list[float]) -> None:
    """Give the draws of one structure, or the first structures, other weights."""
    path = folder / file
    if path.suffix == ".csv":
        table = pd.read_csv(path)
        table["probability"] = [*weights, *[0.0] * (len(table) - len(weights))]
        table.to_csv(path, index=False)
    else:
        table = pd.read_parquet(path)
        table.loc[table["structure"] == "trend", "weight"] = weights
        files.write_parquet(table, path, COLUMNS)
    forget()


@pytest.mark.parametrize("file", FILES[:2])
@pytest.mark.parametrize("weights", list(SPOILT))
def test_weights_that_cannot_be_drawn_by_are_refused(toy, file, weights):
    """One clear refusal that names the file, before anything is written."""
    spoil(toy.folder, file, SPOILT[weights])
    for ask in (posterior.check, lambda of: run_command.run_study(of, Path("results"))):
        with pytest.raises(InputError, match=file) as fault:
            ask(mixture(recovery="forgetting"))
        assert (fault.value.key, fault.value.value) == ("posterior", SHIPPED)
        assert "finite, not negative and not all 0" in fault.value.allowed
    assert not Path("results").exists()
    posterior.check(mixture(name=posterior.PRIOR))  # negative control: does not draw by them


@pytest.mark.parametrize("file", FILES[:2])
def test_a_weight_of_zero_is_not_refused(toy, file):
    """Negative control: as long as there is another."""
    spoil(toy.folder, file, [0.0, 0.0, 0.0, 0.0, 1.0])
    posterior.check(mixture())


def spoil_trade(folder: Path, weights: list[float]) -> None:
    """Give the draws of the chain other weights."""
    path = folder / "trade" / "posterior.parquet"
    table = pd.read_parquet(path).assign(weight=weights)
    files.write_parquet(table, path, COLUMNS)
    forget()


@pytest.mark.parametrize("weights", list(SPOILT))
def test_weights_of_the_chain_that_cannot_be_drawn_by_are_refused(toy, weights):
    """As those of the posts, where they are drawn by: not without trade, from prior or point."""
    spoil_trade(toy.folder, SPOILT[weights])
    for ask in (posterior.check, lambda of: run_command.run_study(of, Path("results"))):
        with pytest.raises(InputError, match="posterior.parquet of market_2015") as fault:
            ask(mixture())
        assert (fault.value.key, fault.value.value) == ("posterior", SHIPPED)
        assert "finite, not negative and not all 0" in fault.value.allowed
    assert not Path("results").exists()
    posterior.check(mixture(market=POSTING_ONLY))
    posterior.check(mixture(name=posterior.PRIOR))
    posterior.check(mixture(name=posterior.POINT))
    spoil_trade(toy.folder, [0.0, 0.0, 0.0, 0.0, 1.0])  # negative control
    posterior.check(mixture())


def test_without_trade_the_draws_of_the_chain_are_not_read(toy):
    """A market of posts is drawn although there is nothing for the chain; a whole one is not."""
    (toy.folder / "trade" / "posterior.parquet").unlink()
    forget()
    of = mixture(market=POSTING_ONLY)
    posterior.check(of)
    assert set(posterior.draw(of, 3).values) == set(priors.uncertain())
    with pytest.raises(InputError, match=r"posterior\.parquet"):
        posterior.draw(mixture(), 3)


GOOD = {
    "mixture": {},
    "one structure": {"recovery": "trend"},
    "prior": {"name": posterior.PRIOR},
    "point": {"name": posterior.POINT},
    "the point's structure": {"name": posterior.POINT, "recovery": "forgetting"},
    "fixed": {"posting__base_posts": 2.0, "fixed": ["posting.base_posts"]},
    "held as it is": {"fixed": ["posting.base_posts"]},
    "no prior on it": {"population__ties": 2.0},
    "none": {"name": posterior.NONE, "recovery": "trend", "posting__base_posts": 2.0},
    "none by hand": {"name": posterior.NONE, "recovery": "trend", "recovery__smooth": 0.5},
}


@pytest.mark.parametrize("name", list(GOOD))
def test_what_a_draw_leaves_alone_is_not_refused(toy, name):
    """Negative control: held values, and those without a prior, are allowed."""
    posterior.check(mixture(**GOOD[name]))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["posterior=nope"], "posterior 'nope'"),
        (["posterior=none"], "recovery=mixture"),
        (["recovery.smooth=0.3"], "recovery=mixture"),
        (["fixed=[nope]"], "fixed=nope"),
    ],
)
def test_refusals_are_one_line_of_the_command(toy, monkeypatch, capfd, words, shown):
    """The command says key, value and what is allowed in one line, and writes nothing."""
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, "population.retailers=60", "progress=false", *words)
    out, err = capfd.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (2, "", 1)
    assert shown in err
    assert not Path("results").exists()


@pytest.mark.parametrize("value", ["2.0", "3.24"])
def test_what_the_command_line_gives_is_held(toy, monkeypatch, capfd, value):
    """A parameter given by name keeps its value, even its reference value; others are drawn."""
    words = ["population.retailers=60", "replicates=6", "progress=false", "threads=1"]
    command(monkeypatch, *words, f"posting.base_posts={value}")
    runs = pd.read_parquet(only_result("results") / "runs.parquet")
    assert runs["posting.base_posts"].tolist() == [float(value)] * 6
    assert runs["posting.full_grid"].nunique() > 1


# ---------------------------------------------------------------- studies


def equal(one: run.Tables, other: run.Tables) -> bool:
    return all(one[name].equals(other[name]) for name in run.TABLES)


def test_runs_of_one_draw_differ_by_luck_alone(toy):
    """Runs share a draw two by two; their seeds and what happens in them differ."""
    tables = run.replicate(mixture(seed=5), range(8), 1)
    runs = tables["runs"]
    assert posterior.RUNS_PER_DRAW == 2
    assert runs["draw"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert runs["seed"].nunique() == 8
    keys = list(priors.everything())
    for number, mine in runs.groupby("draw"):
        drawn = posterior.draw(mixture(seed=5), number)
        assert mine["structure"].tolist() == [drawn.structure] * 2
        assert (mine[keys] == pd.Series(drawn.values)[keys]).all(axis=None)
    assert runs[keys].drop_duplicates().shape[0] > 1
    offers = tables["daily"].pivot(index="day", columns="run", values="offers")
    assert not offers.T.duplicated().any()


def test_a_run_is_that_of_its_draw_put_by_hand(toy):
    """A run from the posterior is bit by bit the market with the values drawn; no other is."""
    of = mixture(seed=5)
    tables = run.run_tables(of, 3)
    seed = int(tables["runs"]["seed"][0])
    by_hand = [priors.with_values(of, *posterior.draw(of, number)[1:]) for number in (1, 2)]
    offers, other = (run.simulate(one, seed)[0].flows[:, Flow.OFFERS] for one in by_hand)
    assert tables["daily"]["offers"].tolist() == offers.tolist()
    assert offers.tolist() != other.tolist()


def test_two_scenarios_with_one_seed_share_their_draws(toy):
    """Run by run the parameters are common; with another seed they are not."""
    keys = ["run", "seed", "draw", "structure", *priors.everything()]
    shared, other, reseeded = (
        run.replicate(mixture(scenario=scenario, seed=seed), range(6), 1)["runs"][keys]
        for scenario, seed in (("baseline_2015", 5), ("no_crackdown", 5), ("baseline_2015", 6))
    )
    pd.testing.assert_frame_equal(shared, other)
    assert not shared["posting.base_posts"].isin(reseeded["posting.base_posts"]).all()


def test_threads_change_no_bit_of_a_study_from_the_posterior(toy):
    """One thread and three write the same tables; another seed is noticed."""
    one = run.replicate(mixture(), range(6), 1)
    assert equal(one, run.replicate(mixture(), range(6), 3))
    assert not equal(one, run.replicate(mixture(seed=1), range(6), 1))


def test_the_fit_of_a_study_knows_which_runs_share_a_draw(toy):
    """The luck of each figure is that of its runs grouped by draw, not of all runs in one."""
    result = run_command.run_study(mixture(replicates=12), Path("results"))
    runs = pd.read_parquet(result.folder / "runs.parquet").set_index("run")
    tables = {name: pd.read_parquet(result.folder / f"{name}.parquet") for name in run.TABLES}
    seen = summary.run_statistics(mixture(), tables, runs)
    fit = pd.read_csv(result.folder / "fit.csv")
    np.testing.assert_array_equal(
        fit["stochastic_share"], survey_fit.fit(seen, runs["draw"])["stochastic_share"]
    )
    known = fit["stochastic_share"].dropna()
    assert ((known >= 0) & (known <= 1)).all()
    assert (known < 0.9).any()  # negative control: grouped in one, luck is all
    assert survey_fit.fit(seen)["stochastic_share"].dropna().to_numpy() == pytest.approx(1.0)


def test_a_posterior_of_one_draw_leaves_luck_alone(toy):
    """At the point runs differ by their seeds only."""
    tables = run.replicate(mixture(name=posterior.POINT), range(4), 1)
    runs = tables["runs"].set_index("run")
    assert runs["draw"].tolist() == [0] * 4
    assert runs["seed"].nunique() == 4
    fit = survey_fit.fit(statistics.statistics(tables["survey"], runs), runs["draw"])
    assert fit["stochastic_share"].dropna().to_numpy() == pytest.approx(1.0)


@pytest.mark.parametrize("file", [*FILES, *TRADE_FILES])
def test_a_result_of_an_older_posterior_is_never_taken(toy, file):
    """The key has every byte of the posterior in it, where it is drawn from and nowhere else."""
    names = (SHIPPED, posterior.POINT, posterior.PRIOR, posterior.NONE)

    def keys() -> dict[str, str]:
        return {
            name: store.key(mixture(name=name, recovery="forgetting", seed=1)) for name in names
        }

    before = keys()
    assert keys() == before
    assert len(set(before.values())) == 4
    with (toy.folder / file).open("ab") as to:
        to.write(b"\n")
    after = keys()
    assert {name for name in names if after[name] != before[name]} == {SHIPPED, posterior.POINT}


def test_a_prior_is_part_of_the_key_where_it_is_drawn_from(toy, monkeypatch):
    """A prior made wider makes new results, but not where nothing is drawn."""
    names = (SHIPPED, posterior.POINT, posterior.PRIOR, posterior.NONE)
    of = [mixture(name=name, recovery="forgetting") for name in names]
    before = [store.key(one) for one in of]
    wider = priors.everything() | {
        "posting.full_grid": priors.everything()["posting.full_grid"]._replace(high=0.71)
    }
    monkeypatch.setattr(priors, "everything", lambda: wider)
    assert [store.key(one) != key for one, key in zip(of, before, strict=True)] == [
        *[True] * 3,
        False,
    ]


# ---------------------------------------------------------------- what is shipped


@pytest.fixture
def shipped() -> pd.DataFrame:
    forget()
    return posterior.draws()


def test_the_shipped_posterior_has_every_structure(shipped):
    """Each structure has draws whose weights add up to 1, and its probability."""
    weights = shipped.groupby("structure")["weight"].sum()
    assert set(weights.index) == set(priors.STRUCTURES)
    assert weights.to_numpy() == pytest.approx(1.0, abs=1e-9)
    assert (shipped["weight"] >= 0).all()
    assert list(posterior.probabilities()) == list(priors.STRUCTURES)
    chances = list(posterior.probabilities().values())
    assert sum(chances) == pytest.approx(1.0, abs=1e-9)
    assert min(chances) >= 0


def test_the_shipped_draws_are_inside_their_priors(shipped):
    """No draw left its prior, and none is the same as another."""
    for name, prior in priors.uncertain().items():
        assert shipped[name].between(prior.low, prior.high).all(), name
    for _, own in shipped.groupby("structure"):
        assert len(own.drop_duplicates([*priors.uncertain()])) > 0.8 * len(own)


def test_the_shipped_point_is_one_of_the_draws(shipped):
    """The calibrated point is a draw of the likeliest structure."""
    structure, values = posterior.point()
    chances = posterior.probabilities()
    assert chances[structure] == max(chances.values())
    mine = shipped[shipped["structure"] == structure]
    assert set(values) == set(priors.everything()) - set(SINCE)
    keys = list(priors.uncertain())
    assert (mine[keys] == pd.Series(values)[keys]).all(axis=1).any()


def test_the_shipped_draws_of_the_chain_are_inside_their_priors(shipped):
    """Every draw of the chain is a weight and values inside their priors; the point is too."""
    table, point = posterior.trade_draws(), posterior.point()[1]
    known = [key for key in priors.uncertain_trade() if key not in SINCE]
    assert list(table) == ["weight", *known]
    weights = table["weight"].to_numpy()
    assert np.isfinite(weights).all() and weights.min() >= 0.0 and weights.sum() > 0.0
    for name in known:
        prior = priors.uncertain_trade()[name]
        assert table[name].between(prior.low, prior.high).all(), name
        assert prior.low <= point[name] <= prior.high, name
    assert list(point) == [*priors.uncertain(), *known]


def test_the_shipped_file_is_small_and_plain():
    """Numbers and texts with a unit each, nothing that would run code when read, below 2 MB."""
    path = posterior.folder() / "posterior.parquet"
    schema = pq.read_schema(path)
    assert {str(item.type) for item in schema} <= {"double", "int64", "string", "large_string"}
    assert not schema.metadata
    for item in schema:
        assert set(item.metadata) >= {b"unit", b"description"}
    assert path.stat().st_size < 2_000_000
    assert schema.names == ["structure", "weight", *priors.uncertain()]


def test_a_study_draws_from_what_is_shipped(shipped):
    """The default settings are not refused, and each of their draws is a shipped row."""
    of = presets.named(population="survey")
    posterior.check(of)
    for number in range(10):
        drawn = posterior.draw(of, number)
        mine = shipped[shipped["structure"] == drawn.structure]
        keys = list(priors.uncertain())
        trade = [key for key in priors.uncertain_trade() if key not in SINCE]
        values = pd.Series(drawn.values)
        assert (mine[keys] == values[keys]).all(axis=1).any()
        assert (posterior.trade_draws()[trade] == values[trade]).all(axis=1).any()
        later = {key: priors.uncertain_trade()[key] for key in SINCE}
        assert {key: drawn.values[key] for key in SINCE} == priors.sample(later, of.seed, number)


def test_neutral_motives_are_a_choice_and_not_drawn(shipped):
    """With motive=none a run from the posterior keeps all neutral values."""
    neutral, learned = (presets.named(population="survey", motive=name) for name in
                        ("none", "learned"))  # fmt: skip
    posterior.check(neutral)
    drawn = run.sample_run(neutral, 0)[2]
    assert drawn.motive == neutral.motive
    assert run.sample_run(learned, 0)[2].motive != learned.motive  # negative control
    assert drawn.demand == run.sample_run(learned, 0)[2].demand


def test_another_folder_is_another_posterior(toy, tmp_path, monkeypatch):
    """Negative control of the tests above: a copy with one value changed is told apart."""
    copy = tmp_path / "copy"
    shutil.copytree(toy.folder, copy)
    table = toy.table.assign(**{"posting.full_grid": 0.123})
    files.write_parquet(table, copy / "posterior.parquet", COLUMNS)
    before = posterior.draw(mixture(), 0), store.key(mixture())
    monkeypatch.setattr(posterior, "folder", shelf(copy))
    forget()
    after = posterior.draw(mixture(), 0), store.key(mixture())
    assert after[1] != before[1]
    assert after[0].values["posting.full_grid"] == 0.123 != before[0].values["posting.full_grid"]
