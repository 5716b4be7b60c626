"""The figures of calibration and validation, for all kinds of tables."""

import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from conftest import published_middle
from matplotlib.patches import StepPatch

from marketsim.analysis.inference import checks, forecasts
from marketsim.parameters import priors
from marketsim.reporting import text as report_text
from marketsim.reporting.figures import registry
from marketsim.reporting.figures.calibration import RATIOS
from marketsim.reporting.figures.style import BLUE, STYLE
from marketsim.reporting.figures.validation import ROLES
from marketsim.reporting.figures.validation import _half_widths as half_widths
from marketsim.survey import fit
from marketsim.survey import statistics as survey_statistics
from marketsim.survey import targets as survey_targets
from marketsim.survey.intervals import proportion_interval

PNG = b"\x89PNG\r\n\x1a\n"
FACTS = survey_targets.targets() | survey_targets.validation() | survey_targets.context()
FILES = {
    "calibration": [
        "posterior.png",
        "structures.png",
        "coverage.png",
        "confusion.png",
        "leave_one_out.png",
    ],
    "validation": ["predictive.png", "replicates.png"],
}
MAKERS = {spec.name: spec.make for kind in FILES for spec in registry.KINDS[kind]}
NAMES = list(MAKERS)


def statistics(runs, seed=0):
    rng = np.random.default_rng(seed)
    table = {}
    for name in survey_statistics.STATISTICS:
        middle = published_middle(FACTS[name])
        table[name] = middle * np.exp(rng.normal(0, 0.15, runs) + rng.normal(0, 0.1))
    return pd.DataFrame(table | {"panel_unblocked": (rng.random(runs) < 0.9).astype(float)})


def posterior_rows(names, draws=40):
    parts = []
    for seed, name in enumerate(names):
        rng = np.random.default_rng(seed)
        weight = rng.random(draws)
        table = pd.DataFrame({"structure": name, "weight": weight / weight.sum()})
        for key, prior in priors.uncertain().items():
            shares = rng.beta(4, 6, draws) if key in priors.FITTED[name] else rng.random(draws)
            table[key] = [priors.value(prior, share) for share in shares]
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def structure_rows(names, shares):
    error = np.sqrt(np.array(shares) * (1 - np.array(shares)) / 400)
    columns = {"structure": list(names), "probability": shares, "standard_error": error}
    return pd.DataFrame(columns | {"log_evidence": -3.0, "effective_draws": 400.0})


def calibration(names=priors.STRUCTURES, shares=(0.0, 0.05, 0.1, 0.05, 0.3, 0.2, 0.15, 0.1, 0.05)):
    """By default the structure "none" has a probability of 0."""
    fits = [fit.fit(statistics(20, 50 + n)).assign(structure=s) for n, s in enumerate(names)]
    fits[-1].loc[fits[-1]["id"].isin(RATIOS), "p_value"] = 0.01
    return {
        "posterior": posterior_rows(names),
        "structures": structure_rows(names, list(shares)),
        "structure_fit": pd.concat(fits, ignore_index=True),
    }


def confusion_rows(untested=("trend",)):
    names = sorted(priors.STRUCTURES)
    rows = []
    for number, true in enumerate(names):
        rng, tests = np.random.default_rng(number), 10 + 10 * number
        odds = 1.0 + 2 * number * np.eye(len(names))[number]
        chosen = rng.multinomial(tests, odds / odds.sum())
        mean = rng.dirichlet(np.ones(len(names)))
        for place, name in enumerate(names):
            rows.append((true, name, mean[place], 0.02, chosen[place] / tests, tests))
    table = pd.DataFrame(rows)
    table.columns = ["true", "selected", "probability", "standard_error", "chosen", "tests"]
    return table[~table["true"].isin(untested)].reset_index(drop=True)


def coverage_rows(tests=24):
    rng, levels, parts = np.random.default_rng(4), checks.LEVELS, []
    for name in (*priors.uncertain(), checks.POOLED):
        ranks = rng.random(tests)
        hits = (2 * np.abs(ranks[:, None] - 0.5) <= levels).sum(axis=0)
        low, high = proportion_interval(hits, tests, (0.025, 0.975))
        columns = {"level": levels, "covered": hits / tests, "ci_low": low, "ci_high": high}
        parts.append(pd.DataFrame({"parameter": name, **columns, "tests": tests}))
    return pd.concat(parts, ignore_index=True)


def checked():
    tables = {"confusion": confusion_rows(), "coverage": coverage_rows()}
    return tables | {"leave_one_out": left_out_rows()}


def predictive_rows():
    table = fit.fit(statistics(300, 7)).set_index("id")
    table.loc["videos_total", ["q05", "median", "q95", "p_value"]] = 900, 2000, 4e3, 0.02
    table.loc["return_week_13", ["q05", "median", "q95"]] = 0.1, 0.2, 0.3
    table.loc["backup_accounts_early", ["q05", "median", "q95"]] = np.nan
    table.loc["survey_cv_ads", "p_value"] = 0.001
    table.loc["backup_accounts_early", "p_value"] = np.nan
    return table.reset_index().assign(width=1.0)


def left_out_rows():
    rows = []
    for place, name in enumerate(forecasts.WEEKS):
        for step, model in enumerate(["constant_mean", "interrupted_time_series", "marketsim"]):
            middle = 700.0 + 20 * place - 50 * step
            high = 1e5 if (place, step) == (2, 1) else 1.5 * middle
            rows.append((name, model, 750.0, middle / 2, middle, high, 40.0 + 7 * step + place))
    table = pd.DataFrame(rows)
    table.columns = ["id", "model", "observed", "q05", "median", "q95", "crps"]
    return table.assign(width=table["q95"] - table["q05"])


def replicate_rows(runs=200):
    seen = statistics(runs, 9).assign(panel_unblocked=1.0)
    rows = [
        (name, first, seen[name][:first].std(ddof=1) / seen[name][:first].mean())
        for name in seen
        for first in (1, 2, 5, 10, 20, 50, 100, 150, 175, runs)
    ]
    return pd.DataFrame(rows, columns=["id", "runs", "variation"])


def validated():
    return {
        "predictive": predictive_rows(),
        "replicates": replicate_rows(),
    }


def figure(name, tables):
    with matplotlib.rc_context(STYLE):
        made = MAKERS[name](tables)
        made.draw_without_rendering()
    return made


TABLES = calibration() | checked() | validated()


@pytest.fixture(scope="module")
def figures():
    return {name: figure(name, TABLES) for name in NAMES}


def headline(made):
    return made.get_suptitle()


def in_text(made):
    return [float(word.replace(",", "")) for word in re.findall(r"\d[\d,.]*\b", headline(made))]


def without(tables, name, structure):
    kept = tables[name]["structure"] != structure
    return tables | {name: tables[name][kept]}


# ---------------------------------------------------------------- every figure


@pytest.mark.parametrize("kind", FILES)
def test_pictures_are_written_and_the_style_is_left_alone(tmp_path, kind):
    before = dict(matplotlib.rcParams)
    paths = registry.save(tmp_path / "some" / "figures", kind, TABLES)
    assert [path.name for path in paths] == FILES[kind]
    assert all(path.read_bytes().startswith(PNG) for path in paths)
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(FILES[kind])
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "tables",
    [
        calibration(("combined",), (1.0,)),
        without(calibration(), "posterior", "thresholds"),
        without(calibration(), "structure_fit", "trend"),
        calibration(("none", "trend"), (0.0, 1.0)),
        calibration() | {"structure_fit": calibration()["structure_fit"].assign(simulated=np.nan)},
    ],
    ids=["one structure", "no draws", "no fit", "two", "nan"],
)
def test_a_calibration_is_drawn_whatever_is_missing(tables):
    for name in ("posterior", "structures"):
        made = figure(name, tables)
        assert re.search("[0-9] %", headline(made))
        assert unreadable(made) == set()


def test_tables_read_back_give_the_same_words(tmp_path, figures):
    back = {}
    for name, table in TABLES.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        back[name] = pd.read_csv(tmp_path / f"{name}.csv")
    for name, made in figures.items():
        assert headline(figure(name, back)) == headline(made)


def words(made):
    """Return the texts of a figure, each with the box it takes up in pixels."""
    texts = [made._suptitle, *made.legends[0].get_texts()]
    for axes in made.axes:
        texts += [axes.xaxis.label, axes.yaxis.label, axes._left_title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=False)
            texts += [label for place, label in ticks if low <= place <= high]
    shown = [text for text in texts if text.get_visible() and text.get_text()]
    return [(text.get_text(), text.get_window_extent()) for text in shown]


def unreadable(made):
    """Return the texts that another one covers or that the figure cuts off."""
    found, page = words(made), made.bbox
    bad = {
        word
        for word, box in found
        if min(box.x0, box.y0) < -1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1
    }
    for place, (word, box) in enumerate(found):
        bad |= {word for other, rest in found[:place] if box.padded(-1).overlaps(rest.padded(-1))}
    return bad


@pytest.mark.parametrize("name", [name for name in NAMES if name != "confusion"])
def test_every_word_can_be_read(figures, name):
    assert unreadable(figures[name]) == set()


def test_words_that_cannot_be_read_are_found():
    made = figure("leave_one_out", TABLES)
    axes = made.axes[0]
    axes.text(1.4, 0.5, "beyond the page", transform=axes.transAxes)
    axes.text(0.0, 1.0, "on the headline", transform=made._suptitle.get_transform(), va="top")
    assert unreadable(made) == {"beyond the page", "on the headline"}


@pytest.mark.parametrize(
    ("name", "panel", "x", "y"),
    [
        ("posterior", 0, "platform traders (traders)", "density (prior: 1)"),
        ("posterior", 2, "base posts (posts a day)", ""),
        ("posterior", 7, "half life (days)", ""),
        ("structures", 0, "probability (%)", ""),
        ("structures", 1, "Ratio of week 5 to\nweek 4 (ratio)", ""),
        ("confusion", 0, "%", "number of simulated surveys"),
        ("coverage", 0, "(%)", "(%)"),
        ("predictive", 0, "(half-widths of the evidence interval)", ""),
        ("leave_one_out", 0, "advertisements per week", "weeks left out"),
        ("leave_one_out", 1, "advertisements per week", ""),
        ("replicates", 0, "number of runs", "(ratio)"),
    ],
)
def test_axes_say_what_they_count(figures, name, panel, x, y):
    axes = figures[name].axes[panel]
    assert x in axes.get_xlabel()
    assert y in axes.get_ylabel()


# ---------------------------------------------------------------- the calibration


def densities(made):
    return [
        next(patch for patch in axes.patches if isinstance(patch, StepPatch)).get_data().values
        for axes in made.axes
    ]


def even_posterior(names=("none",), draws=400):
    """Return draws at even shares of the prior: nothing was learnt."""
    shares = (np.arange(draws) + 0.5) / draws
    table = pd.DataFrame({"structure": names[0], "weight": 1 / draws}, range(draws))
    for key, prior in priors.uncertain().items():
        table[key] = [priors.value(prior, share) for share in shares]
    return {"posterior": table, "structures": structure_rows(names, [1.0])}


def test_one_panel_for_each_fitted_parameter(figures):
    union = {key for keys in priors.FITTED.values() for key in keys}
    labels = [axes.get_xlabel() for axes in figures["posterior"].axes]
    assert sorted(labels) == sorted(map(report_text.parameter_label, union))
    alone = figure("posterior", calibration(("trend",), (1.0,)))
    assert len(alone.axes) == len(priors.FITTED["trend"])


def test_a_prior_that_nothing_was_learnt_of_is_flat(figures):
    flat = figure("posterior", even_posterior())
    for density in densities(flat):
        np.testing.assert_allclose(density, 1.0)
    assert in_text(flat) == [90, 100]
    for density in densities(figures["posterior"]):
        assert density.mean() == pytest.approx(1.0)
        assert density.max() > 1.5


def test_median_and_interval_are_those_of_the_mixture(figures):
    panels = {axes.get_xlabel(): axes for axes in figures["posterior"].axes}
    odds = TABLES["structures"].set_index("structure")["probability"]
    for key in ("posting.base_posts", "perception.half_life"):
        fits = [name for name in odds.index if key in priors.FITTED[name]]
        draws = TABLES["posterior"][TABLES["posterior"]["structure"].isin(fits)].sort_values(key)
        below = (draws["weight"] * draws["structure"].map(odds)).cumsum()
        ends = [draws[key][below >= share * below.iloc[-1]].iloc[0] for share in (0.05, 0.5, 0.95)]
        low, middle, high = ends
        axes = panels[report_text.parameter_label(key)]
        line, point = axes.get_lines()
        np.testing.assert_allclose(line.get_xdata(), [low, high])
        np.testing.assert_allclose(point.get_xdata(), [middle])
        title = axes.get_title(loc="left") or axes.get_title()
        assert str(report_text.estimate(middle, low, high)) in title
        assert f"{100 * odds[fits].sum():.0f} %" in title


def test_headline_names_what_is_known_best_of_what_every_structure_has(figures):
    labels = {report_text.parameter_label(key): key for key in priors.uncertain()}
    spans = {}
    for axes in figures["posterior"].axes:
        key = labels[axes.get_xlabel()]
        ends = [priors.share(priors.uncertain()[key], x) for x in axes.get_lines()[0].get_xdata()]
        spans[key] = np.ptp(ends) / 0.9
    everywhere = [key for key in spans if all(key in keys for keys in priors.FITTED.values())]
    least = min(everywhere, key=lambda key: spans[key])
    assert f"mechanisms: {report_text.plain_name(least)}," in headline(figures["posterior"])
    assert in_text(figures["posterior"]) == [90, round(100 * spans[least])]
    assert min(spans, key=lambda key: spans[key]) not in everywhere


@pytest.mark.parametrize(("structure", "moves"), [("none", False), ("lying_low", True)])
def test_a_structure_counts_by_its_probability(figures, structure, moves):
    """The structure "none" has a probability of 0."""
    draws = TABLES["posterior"].copy()
    draws.loc[draws["structure"] == structure, "posting.base_posts"] = 7.9
    made = densities(figure("posterior", TABLES | {"posterior": draws}))
    same = [np.allclose(*pair) for pair in zip(made, densities(figures["posterior"]), strict=True)]
    assert all(same) != moves


def test_a_parameter_of_structures_without_probability_is_drawn_all_the_same():
    names = ("none", "lying_low")
    made = figure("posterior", calibration(names, (1.0, 0.0)))
    panels = {axes.get_xlabel(): place for place, axes in enumerate(made.axes)}
    place = panels[report_text.parameter_label("perception.low_days")]
    assert densities(made)[place].mean() == pytest.approx(1.0)
    assert made.axes[place].get_title(loc="left").endswith(" 0 %")


def test_probabilities_carry_their_monte_carlo_error(figures):
    axes = figures["structures"].axes[0]
    found = TABLES["structures"].sort_values("probability", ascending=False, kind="stable")
    points = [line for line in axes.get_lines() if line.get_marker() == "o"]
    np.testing.assert_allclose([p.get_xdata()[0] for p in points], 100 * found["probability"])
    best = found.iloc[0]
    lines = [line.get_xdata() for line in axes.get_lines() if line.get_color() == BLUE]
    ends = 100 * (best["probability"] + 1.645 * best["standard_error"] * np.array([-1, 1]))
    assert any(len(line) == 2 and np.allclose(line, ends) for line in lines)
    ticks = [label.get_text() for label in axes.get_yticklabels()]
    assert ticks == [name.replace("_", " ") for name in found["structure"]]
    text = f"mechanism: {ticks[0]}, {100 * best['probability']:.0f} %"
    assert text in headline(figures["structures"])
    assert in_text(figures["structures"])[2:] == [round(end) for end in ends]


def test_structures_are_held_against_the_evidence(figures):
    for axes, name in zip(figures["structures"].axes[1:], RATIOS, strict=True):
        rows = TABLES["structure_fit"][TABLES["structure_fit"]["id"] == name]
        fact = FACTS[name]
        bands = [
            patch.get_extents().transformed(axes.transData.inverted()) for patch in axes.patches
        ]
        assert [(band.x0, band.x1) for band in bands] == [pytest.approx((fact.low, fact.high))]
        dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
        np.testing.assert_allclose(sorted(d.get_xdata()[0] for d in dots), sorted(rows["median"]))
        hollow = [d for d in dots if d.get_markerfacecolor() == "white"]
        unusual = rows["p_value"] < 0.05
        assert len(hollow) == unusual.sum() > 0
        assert {d.get_xdata()[0] for d in hollow} == set(rows["median"][unusual])


# ---------------------------------------------------------------- its checks


def test_cells_hold_the_shares_of_true_rows_and_selected_columns(figures):
    table = TABLES["confusion"].set_index(["true", "selected"])
    names = list(TABLES["confusion"]["selected"].unique())
    cells = {text.get_position(): text.get_text() for text in figures["confusion"].axes[0].texts}
    assert len(cells) == len(names) ** 2
    transposed = 0
    for (column, row), text in cells.items():
        pair = (names[row], names[column])
        if pair[0] == "trend":
            assert text == "no\nsurvey"
            continue
        share, mean = 100 * table.loc[pair, ["chosen", "probability"]]
        assert text == f"{share:.0f}\n({mean:.0f})"
        transposed += text == cells[row, column]
    assert transposed < len(names) ** 2 / 2


def test_headline_counts_the_structures_found_again(figures):
    table = TABLES["confusion"]
    right = table[table["true"] == table["selected"]]
    tests = right["tests"].sum()
    hits = (right["chosen"] * right["tests"]).sum()
    assert in_text(figures["confusion"]) == [round(100 * hits / tests), tests, 1, 9]
    assert round(100 * hits / tests) != round(100 * right["chosen"].mean())


def test_pooled_coverage_is_the_thick_line_and_the_others_are_thin(figures):
    axes, table = figures["coverage"].axes[0], TABLES["coverage"]
    pooled = table[table["parameter"] == checks.POOLED]
    (thick,) = [line for line in axes.get_lines() if line.get_linewidth() > 2]
    np.testing.assert_allclose(thick.get_xdata(), 100 * pooled["level"])
    np.testing.assert_allclose(thick.get_ydata(), 100 * pooled["covered"])
    assert len(axes.get_lines()) == table["parameter"].nunique() + 1  # and the diagonal
    box = axes.collections[0].get_paths()[0].get_extents()
    assert (box.y0, box.y1) == pytest.approx(
        (100 * pooled["ci_low"].min(), 100 * pooled["ci_high"].max())
    )
    at = pooled[np.isclose(pooled["level"], 0.9)]["covered"].item()
    assert in_text(figures["coverage"]) == [90, round(100 * at), 24]


def test_scores_and_intervals_of_the_rows_left_out(figures):
    axes, lower = figures["leave_one_out"].axes
    table = TABLES["leave_one_out"]
    means = table.groupby("model")["crps"].mean()
    models = ["marketsim", "interrupted_time_series", "constant_mean"]
    np.testing.assert_allclose([bar.get_width() for bar in lower.patches], means[models])
    assert in_text(figures["leave_one_out"]) == [round(means[model]) for model in models]
    assert [text.get_text() for text in axes.texts][-1] == "CRPS"
    scores = sorted(text.get_text() for text in axes.texts[:-1])
    assert scores == sorted(f"{score:.0f}" for score in table["crps"])
    assert [line.get_marker() for line in axes.get_lines()].count(">") == 1
    assert axes.get_xlim()[1] == 1500.0
    weeks = [label.get_text() for label in axes.get_yticklabels()]
    assert weeks == ["weeks 1 to 3", "week 4", "week 5", "weeks 6 to 12", "week 13"]


def test_a_model_that_is_not_there_is_left_out():
    table = TABLES["leave_one_out"]
    some = table[table["model"] != "constant_mean"]
    assert "constant" not in headline(figure("leave_one_out", {"leave_one_out": some}))


# ---------------------------------------------------------------- validation


def test_half_widths_are_those_of_the_side():
    table = pd.DataFrame(
        [
            (10.0, 8.0, 14.0, 12.0),
            (10.0, 8.0, 14.0, 9.0),
            (1.0, 0.5, 1.0, 0.75),
            (np.nan, 0, 8, 6.0),
        ],
        columns=["observed", "obs_low", "obs_high", "median"],
    ).assign(q05=0.0, q95=1.0)
    np.testing.assert_allclose(half_widths(table, "median"), [0.5, -0.5, -0.5, 0.5])
    np.testing.assert_allclose(half_widths(table, "obs_low"), [-1, -1, -1, -1])
    np.testing.assert_allclose(half_widths(table, "obs_high"), [1, 1, 0, 1])
    np.testing.assert_allclose(half_widths(table, "observed"), [0, 0, 0, np.nan])


def test_a_row_with_one_bound_is_drawn_from_its_bound():
    """Half-widths are then those of the simulated interval, and the other side is open."""
    table = pd.DataFrame(
        [
            (np.nan, 50.0, np.nan, 40.0, 58.0, 80.0),
            (np.nan, np.nan, 50.0, 40.0, 45.0, 60.0),
            (np.nan, 50.0, np.nan, 50.0, 50.0, 50.0),
        ],
        columns=["observed", "obs_low", "obs_high", "q05", "median", "q95"],
    )
    np.testing.assert_allclose(half_widths(table, "median"), [0.4, -0.5, 0.0])
    np.testing.assert_allclose(half_widths(table, "q05"), [-0.5, -1.0, 0.0])
    np.testing.assert_allclose(half_widths(table, "obs_low"), [0.0, -np.inf, 0.0])
    np.testing.assert_allclose(half_widths(table, "obs_high"), [np.inf, 0.0, np.inf])


def test_predictions_leave_by_arrows_and_stand_in_the_margin(figures):
    axes, table = figures["predictive"].axes[0], TABLES["predictive"]
    off = {name: half_widths(table, name) for name in ("q05", "median", "q95")}
    marks = [line.get_marker() for line in axes.get_lines()]
    assert marks.count("<") == (off["q05"] < -4).sum() > 0
    assert marks.count(">") == (off["q95"] > 4).sum() > 0
    assert marks.count("o") + marks.count("s") == (np.abs(off["median"]) <= 4).sum()
    assert marks.count("D") == len(table)
    margin = [text.get_text() for text in axes.texts]
    for row in table.to_dict("records"):
        ends = report_text.interval(row["obs_low"], row["obs_high"])
        valued = not np.isnan(row["observed"])
        assert (f"{report_text.number(row['observed'])} [{ends}]" if valued else ends) in margin
    assert "2,000 [900 to 4,000]; p 0.02" in margin
    assert "no value" in margin
    counts = [n for role in ROLES for n in roles(table, role)]
    expected = [round(0.05 * n, 1) for n in counts[1::2]]
    assert in_text(figures["predictive"]) == [*counts, *expected]
    hollow = [line for line in axes.get_lines() if line.get_marker() in "os"]
    hollow = [line for line in hollow if line.get_markerfacecolor() == "white"]
    assert len(hollow) == ((table["p_value"] < 0.05) & (np.abs(off["median"]) <= 4)).sum() > 0


def roles(table, role):
    own = table["p_value"][table["role"] == role].dropna()
    return (own < 0.05).sum(), len(own)


def test_validation_rows_look_different_and_come_last(figures):
    axes, table = figures["predictive"].axes[0], TABLES["predictive"]
    squares = [line.get_ydata()[0] for line in axes.get_lines() if line.get_marker() == "s"]
    targets = (table["role"] == "target").sum()
    assert len(squares) == (table["role"] == "validation").sum()
    assert min(squares) > targets - 0.5


def test_variations_are_over_their_final_values(figures):
    axes, table = figures["replicates"].axes[0], TABLES["replicates"]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
    varying = [name for name in table["id"].unique() if name != "panel_unblocked"]
    assert len(lines) == len(varying)
    for line, name in zip(lines, varying, strict=True):
        own = table[table["id"] == name]["variation"].to_numpy()
        np.testing.assert_allclose(line.get_ydata(), own / own[-1])
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(lines)


@pytest.mark.parametrize(
    ("variations", "sentence"),
    [
        ([0.5, 0.9, 1.04, 0.96, 1.0], "From 50 runs"),
        ([0.5, 0.9, 1.04, 1.06, 1.0], "Not every coefficient"),
        ([np.nan, 1.0, 1.0, 1.0, 1.0], "From 20 runs"),
        ([1.0, 1.0, 1.0, 1.0, 1.0], "From 10 runs"),
        ([0.0, 0.0, 0.0, 0.0, 0.0], "No statistic varies"),
    ],
)
def test_headline_says_when_variations_have_settled(variations, sentence):
    runs = [10, 20, 50, 100, 200]
    table = pd.DataFrame({"id": "ads_total", "runs": runs, "variation": variations})
    assert headline(figure("replicates", {"replicates": table})).startswith(sentence)
