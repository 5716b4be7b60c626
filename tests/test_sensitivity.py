"""Sensitivity: closed forms through the whole machinery, priors, resumption and refusals."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import settings as small
from test_cli import command

from marketsim.analysis.sensitivity import experiment, indices
from marketsim.commands import sensitivity as sensitivity_command
from marketsim.errors import InputError
from marketsim.parameters import posterior, priors
from marketsim.parameters.settings import POSTING_ONLY, Sensitivity, Settings
from marketsim.reporting.figures import registry
from marketsim.simulation import store
from marketsim.simulation import tables as run_tables_of

THREE = ("posting.base_posts", "perception.half_life", "demand.visits")  # loguniform and uniform
TABLES = ("morris", "screening", "sobol", "outcomes")
FEW = Sensitivity(trajectories=4, samples=8, kept=2, runs_each=2)


def start(*free: str, **changes: object) -> Settings:
    """Return settings of a small market in which only some parameters are uncertain, or all."""
    held = [name for name in priors.everything() if name not in free] if free else []
    changes = {"retailers": 30, "scenario": "no_crackdown", "fixed": held} | changes
    return small(**{"posterior": posterior.PRIOR} | changes)


def found(of: Settings, asked: Sensitivity = FEW, folder: str = "out", **how) -> Path:
    return sensitivity_command.analyse(of, asked, Path(folder), **how)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(folder / f"{name}.csv") for name in TABLES}


def of_outcome(folder: Path, name: str, outcome: str) -> pd.DataFrame:
    table = tables(folder)[name]
    return table[table["outcome"] == outcome].set_index("parameter")


@pytest.fixture
def undrawn(monkeypatch):
    """Draw no figure."""
    monkeypatch.setattr(registry, "save", lambda *_: [])


def replaced(monkeypatch, form) -> None:
    """Let a closed form of the shares of the priors take the place of the market."""

    def simulated(of, values, run):
        shares = [priors.share(priors.everything()[name], values[name]) for name in THREE]
        return dict.fromkeys(of.outcomes, float(form(np.array(shares), run)))

    monkeypatch.setattr(experiment, "simulate_point", simulated)


def ishigami(shares: np.ndarray, run: int) -> float:
    """Return Ishigami's function (7, 0.1), of three parameters from -pi to pi; luck adds."""
    one, two, three = np.pi * (2.0 * shares - 1.0)
    return np.sin(one) + 7.0 * np.sin(two) ** 2 + 0.1 * three**4 * np.sin(one) + 3.0 * run


# ---------------------------------------------------------------- closed forms


def test_ishigami_has_its_known_indices(monkeypatch, undrawn):
    """First and total order are within three standard errors of what the integrals give."""
    replaced(monkeypatch, ishigami)
    folder = found(start(*THREE, scenario="baseline_2015"), Sensitivity(samples=256, kept=3))
    table = of_outcome(folder, "sobol", "grams_delivered").loc[list(THREE)]
    one = 0.5 * (1.0 + 0.1 * np.pi**4 / 5.0) ** 2
    two, both = 49.0 / 8.0, 0.01 * np.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    variance = one + two + both
    first, total = np.array([one, two, 0.0]), np.array([one + both, two, both])
    off = (table["first"] - first / variance).abs()
    assert (off < 3.0 / 1.96 * table["first_conf"]).all()
    assert (table["first_conf"] < 0.2).all()
    off = (table["total"] - total / variance).abs()
    assert (off < 3.0 / 1.96 * table["total_conf"]).all()
    assert table["total"].iloc[2] > 0.15 > abs(table["first"].iloc[2])  # negative control


def test_a_linear_function_has_its_slopes(monkeypatch, undrawn):
    """Changes are the slopes wherever they are taken; what has no slope has no effect at all."""
    replaced(monkeypatch, lambda shares, run: 4.0 * shares[0] - 2.0 * shares[1] + run)
    folder = found(start(*THREE, scenario="baseline_2015"), Sensitivity(samples=128, kept=3))
    morris = of_outcome(folder, "morris", "price").loc[list(THREE)]
    assert morris["mu_star"].to_numpy() == pytest.approx([4.0, 2.0, 0.0], abs=1e-9)
    assert morris["sigma"].to_numpy() == pytest.approx([0.0] * 3, abs=1e-9)
    screening = tables(folder)["screening"]
    assert screening["parameter"].tolist() == list(THREE)
    assert screening["share"].tolist() == pytest.approx([2 / 3, 1 / 3, 0.0])
    sobol = of_outcome(folder, "sobol", "price").loc[list(THREE)]
    for kind in ("first", "total"):
        assert sobol[kind].to_numpy() == pytest.approx([0.8, 0.2, 0.0], abs=0.03)
    assert abs(sobol["total"].iloc[2]) < 1e-12
    outcomes = tables(folder)["outcomes"]
    assert outcomes["stochastic_share_of_means"].to_numpy() == pytest.approx(
        [0.0] * len(outcomes), abs=1e-12
    )
    assert outcomes["stochastic_share"].between(0.1, 0.5).all()


def test_only_those_that_matter_go_on(monkeypatch, undrawn):
    """Of three the one that matters is kept; the others rest at the middle of their priors."""
    replaced(monkeypatch, lambda shares, _: shares[2])
    folder = found(start(*THREE), Sensitivity(samples=8, kept=1))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["kept"] == [THREE[2]] == tables(folder)["sobol"]["parameter"].unique().tolist()
    rows = pd.read_parquet(folder / "simulations.parquet")
    rows = rows[rows["stage"] == "sobol"]
    low, high = 0.8, 8.0
    assert rows[THREE[0]].to_numpy() == pytest.approx(np.sqrt(low * high))
    assert rows[THREE[1]].to_numpy() == pytest.approx(31.5)
    assert rows[THREE[2]].nunique() > 8


def test_luck_by_hand():
    """Luck that adds the same everywhere is no disturbance; luck of its own at each point is."""
    points = np.array([[0.0], [1.0], [2.0], [5.0]])
    share, uneven = indices.stochastic_shares(points + np.array([0.0, 2.0]))
    values = (points + np.array([0.0, 2.0])).ravel()
    assert share == pytest.approx(2.0 / values.var(ddof=1))
    assert uneven == pytest.approx(0.0, abs=1e-12)
    swapped = np.array([[0.0, 2.0], [2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    assert indices.stochastic_shares(swapped + points)[1] > 0.1
    assert np.isnan(indices.stochastic_shares(np.ones((4, 2)))).all()


def test_luck_does_not_choose():
    """An outcome that is luck alone has no say in what is kept."""
    table = pd.DataFrame(
        {
            "parameter": ["a", "b"] * 2,
            "outcome": ["plain", "plain", "stochastic_share", "stochastic_share"],
            "mu_star": [2.0, 1.0, 0.0, 9.0],
        }
    )
    for of_luck, first in ((1.0, "a"), (np.nan, "a"), (0.0, "b")):
        spread = pd.DataFrame(
            {"outcome": ["plain", "stochastic_share"], "stochastic_share_of_means": [0.0, of_luck]}
        )
        found = indices.screening(table, spread, 1)
        assert found["parameter"][0] == first
        assert found["kept"].tolist() == [True, False]


def test_a_missing_figure_costs_its_group_alone():
    """Indices are those of the groups that are whole; with too few of them there are none."""
    names = ["a", "b"]
    shares = indices.sobol_shares(names, 64, 1)
    means = pd.DataFrame({"whole": shares[:, 0], "gap": shares[:, 0], "none": shares[:, 0]})
    means.loc[9, "gap"] = np.nan
    means.loc[8:, "none"] = np.nan
    table = indices.sobol(names, means, 1).set_index(["outcome", "parameter"])
    alone = indices.sobol(names, means[["whole"]].drop(index=range(8, 12)), 1)
    assert table.loc["gap", "total"].tolist() == alone["total"].tolist()
    assert table.loc["gap", "total"].tolist() != table.loc["whole", "total"].tolist()
    assert table.loc["none"].isna().all(axis=None)
    walks = indices.morris_shares(names, 6, 1)
    means = pd.DataFrame({"gap": 3.0 * walks[:, 1]})
    means.loc[4, "gap"] = np.nan
    assert indices.morris(names, walks, means, 1)["mu_star"].tolist() == pytest.approx([0.0, 3.0])
    means.loc[4:, "gap"] = np.nan
    assert indices.morris(names, walks, means, 1)["mu_star"].isna().all()


def test_nothing_varies():
    """An outcome that is the same everywhere has no shares, and no warning is heard of it."""
    names = ["a", "b"]
    table = indices.sobol(names, pd.DataFrame({"still": np.ones(8 * 4)}), 1)
    assert table[["first", "total"]].isna().all(axis=None)


# ---------------------------------------------------------------- priors


def test_points_are_shares_of_priors():
    """Ends and middle of a share are ends and middle of a prior, on the prior's own scale."""
    points = experiment.values(THREE, THREE[:2], np.array([[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]))
    assert list(points) == list(THREE)
    assert points[THREE[0]].tolist() == pytest.approx([0.8, np.sqrt(6.4), 8.0])
    assert points[THREE[1]].tolist() == pytest.approx([7.0, 31.5, 56.0])
    assert points[THREE[2]].tolist() == pytest.approx([0.5] * 3)


def test_every_uncertain_parameter_is_screened_but_those_held():
    """Posting and trade together, without what the user gave."""
    names = experiment.parameters(start())
    assert names == list(priors.everything())
    assert set(names) == {*priors.uncertain(), *priors.uncertain_trade()}
    assert experiment.parameters(start(fixed=[names[3]])) == names[:3] + names[4:]


# ---------------------------------------------------------------- the market itself


def test_a_small_study_leaves_what_it_promises():
    """Tables, figures and manifest are there; what the structure has no use for has no effect."""
    free = ("demand.visits", "perception.threshold")  # of thresholds only, and combined has none
    folder = found(start(*free))
    assert {path.name for path in folder.glob("*.csv")} == {f"{name}.csv" for name in TABLES}
    morris = tables(folder)["morris"]
    assert list(morris) == ["parameter", "outcome", "mu_star", "mu_star_conf", "sigma"]
    assert len(morris) == 2 * 14
    idle = morris[morris["parameter"] == free[1]]
    assert (idle["mu_star"].fillna(0.0) == 0.0).all()
    sold = of_outcome(folder, "morris", "grams_delivered")
    assert sold.loc["demand.visits", "mu_star"] > 0.0
    sobol = tables(folder)["sobol"]
    assert list(sobol) == ["parameter", "outcome", "first", "first_conf", "total", "total_conf"]
    assert (sobol["total"][sobol["parameter"] == free[1]].fillna(0.0) == 0.0).all()
    figures = {
        f"{kind}_{what}.png" for kind in ("morris", "sobol") for what in ("levels", "effects")
    }
    assert {path.name for path in (folder / "figures").iterdir()} == figures
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["structure_held"] == "combined"
    assert manifest["simulated_runs"] == (4 * 3 + 8 * 4) * 2 * 2
    assert set(manifest["tables"]) == {f"{name}.csv" for name in TABLES} | {"simulations.parquet"}
    assert not store.partial_folder(folder).exists()


def test_luck_is_the_same_at_every_point():
    """Where a parameter is without use two points are one; another run is another."""
    of = experiment.arms(start("perception.threshold"), FEW)
    one, two = ({"perception.threshold": value} for value in (0.1, 1.9))
    assert experiment.simulate_point(of, one, 0) == experiment.simulate_point(of, two, 0)
    assert experiment.simulate_point(of, one, 0) != experiment.simulate_point(of, one, 1)


def test_the_baseline_alone_has_no_effects(undrawn):
    """A scenario that is the baseline is simulated once, and nothing is said of effects."""
    of = experiment.arms(start(scenario="baseline_2015"), FEW)
    assert of.outcomes == list(experiment.OUTCOMES)
    assert of.scenario is None
    assert of.first == 0
    other = experiment.arms(start(), FEW)
    assert len(other.outcomes) == 2 * len(experiment.OUTCOMES)
    assert other.first > 0


@pytest.mark.parametrize(
    ("name", "base", "other", "expected"),
    [
        ("grams_delivered", 200.0, 150.0, -25.0),
        ("grams_delivered", 0.0, 5.0, np.nan),
        ("seized", 0.0, 5.0, 5.0),
        ("displaced", 20.0, 50.0, 30.0),
    ],
)
def test_effects_by_hand(name, base, other, expected):
    """Effects are in percent, and plain differences where the baseline may have nothing."""
    assert experiment.effect(name, base, other) == pytest.approx(expected, nan_ok=True)


# ---------------------------------------------------------------- resumption


def test_a_killed_study_goes_on_to_the_same_tables(monkeypatch, undrawn):
    """What was simulated is not simulated again; threads and kills change no bit."""
    replaced(monkeypatch, ishigami)
    plain, done = experiment.simulate_point, []
    straight = found(start(*THREE), folder="straight", threads=3)

    def cut_off(*job):
        done.append(job)
        if len(done) == 70:
            raise KeyboardInterrupt
        return plain(*job)

    monkeypatch.setattr(experiment, "simulate_point", cut_off)
    with pytest.raises(KeyboardInterrupt):
        found(start(*THREE))
    assert not list(Path("out").glob("*/manifest.json"))
    again = found(start(*THREE))
    total = (4 * 4 + 8 * 4) * 2
    lost = 70 % (experiment.BATCH * 2)
    assert total <= len(done) <= total + 2 * experiment.BATCH + lost
    for name in (*(f"{name}.csv" for name in TABLES), "simulations.parquet"):
        assert (again / name).read_bytes() == (straight / name).read_bytes()
    monkeypatch.setattr(experiment, "simulate_point", lambda *_: pytest.fail("simulated"))
    assert found(start(*THREE)) == again


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["samples=48"], "samples=48 is invalid: expected a power of two"),
        (["samples=4"], "samples=4 is out of range: 8 to 65536 samples"),
        (["trajectories=1"], "trajectories=1 is out of range: 4 to 10000"),
        (["kept=0"], "kept=0 is out of range: 1 to 100"),
        (["runs_each=1"], "runs_each=1 is out of range: 2 to 1000"),
        (["runs_each=many"], "runs_each=many has the wrong type: expected a whole number"),
        (["baseline=nope"], "unknown baseline 'nope'; known: accounts_listed"),
        (["scenario=nope"], "unknown scenario 'nope'"),
        (["recovery=mixture"], "recovery=mixture is invalid: expected one structure"),
        (["posterior=none"], "posterior=none is invalid: expected prior"),
        (["market=posting_only"], "market=posting_only is invalid: expected full"),
        (["posting.base_posts=99"], "posting.base_posts=99"),
    ],
)
def test_bad_input_is_one_line(words, shown, monkeypatch, capfd):
    """A fault is said in one line with exit code 2, and nothing is written."""
    with pytest.raises(SystemExit) as left:
        command(monkeypatch, "sensitivity", "progress=false", *words)
    out, err = capfd.readouterr()
    assert left.value.code == 2
    assert err.startswith(f"marketsim: {shown}")
    assert err.count("\n") == 1
    assert out == ""
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("place", range(3), ids=["base", "one", "other"])
def test_an_index_that_is_not_determined_is_missing(place):
    """Where all points but one are the same, no half-width of thousands is written, and no zero."""
    names, group = ["one", "other"], 4
    rare = np.zeros(8 * group)
    rare[group + place] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SALib divides by the variance of resamples
        table = indices.sobol(names, pd.DataFrame({"rare": rare}), 1)
    for kind in ("first", "total"):
        assert (table[kind].isna() == table[f"{kind}_conf"].isna()).all()
        known = table.dropna(subset=kind)
        assert (known[f"{kind}_conf"] <= 1.0).all()
    assert table["first"].isna().any() or table["total"].isna().any()


@pytest.mark.parametrize(
    ("share", "half", "known"),
    [
        (0.5, 0.2, True), (-0.02, 0.01, True), (1.09, 0.68, True), (0.9, 0.6, True),
        (0.5, 76_337.0, False), (0.5, 0.5, False), (1.11, 2.25, False), (5.0, 3.0, False),
        (np.nan, 0.1, False), (0.3, np.nan, False),
    ],
)  # fmt: skip
def test_an_interval_that_holds_every_share_determines_none(share, half, known):
    """The published kinds of index, and those that say nothing."""
    assert bool(indices.is_determined(np.array([share]), np.array([half]))[0]) == known


def test_the_figure_marks_what_is_not_determined():
    """A cross, an entry of the legend, and a headline that does not say that nothing varies."""
    rows = [
        ("posting.base_posts", name, np.nan, np.nan, np.nan, np.nan) for name in experiment.OUTCOMES
    ]
    columns = ["parameter", "outcome", "first", "first_conf", "total", "total_conf"]
    facts = {"stage": "sobol", "unit": "1", "stochastic_share": 0.5}
    shares = [
        facts | {"outcome": name, "stochastic_share_of_means": 0.1} for name in experiment.OUTCOMES
    ]
    tables = {"sobol": pd.DataFrame(rows, columns=columns), "outcomes": pd.DataFrame(shares)}
    (spec,) = [one for one in registry.KINDS["sensitivity"] if one.name == "sobol_levels"]
    figure = spec.make(tables)
    (legend,) = figure.legends
    assert "not determined by the samples" in [one.get_text() for one in legend.get_texts()]
    assert figure.get_suptitle() == "Ivory sales: the samples determine no total index"
    still = tables | {"outcomes": pd.DataFrame(shares).assign(stochastic_share=np.nan)}
    assert spec.make(still).get_suptitle() == "Ivory sales does not vary"


def test_nothing_uncertain_is_refused():
    """Where everything is held there is nothing to ask about."""
    with pytest.raises(InputError) as fault:
        found(start(fixed=list(priors.everything())))
    assert fault.value.key == "fixed"
    assert list(Path().iterdir()) == []


def test_the_command_hands_on_what_is_asked(monkeypatch, capfd):
    """Options of the command line arrive; a parameter given on it is held."""
    taken = []

    def take(*args):
        taken.append(args)
        raise InputError("taken", "", "")

    monkeypatch.setattr(sensitivity_command, "analyse", take)
    with pytest.raises(SystemExit):
        command(monkeypatch, "sensitivity", "samples=16", "kept=3", "demand.visits=0.4")
    settings, asked = taken[0][:2]
    assert asked == Sensitivity(samples=16, kept=3)
    assert settings.fixed == ["demand.visits"]
    assert settings.scenario.name == "repeated_sweeps"
    assert (settings.population.retailers, settings.posterior) == (1000, posterior.PRIOR)
    assert settings.market != POSTING_ONLY
    experiment.arms(settings, asked)


def test_columns_are_described():
    """Each column of the simulations has a unit and a meaning."""
    of = experiment.arms(start(), FEW)
    about = experiment.describe_columns(of.outcomes)
    assert set(of.outcomes) | {"stage", "point"} <= set(about)
    assert all(unit and meaning for unit, meaning in (about | run_tables_of.COLUMNS).values())
