"""The figures of a study and of a comparison: what they draw, for all kinds of tables and users."""

import datetime as dt
import io

import matplotlib
import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables._g_l_y_f import Glyph
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.container import ErrorbarContainer
from matplotlib.text import Text
from PIL import Image

from marketsim.reporting.figures import comparison, registry, style
from marketsim.reporting.figures import study as study_figures
from marketsim.survey import statistics, targets

PNG = b"\x89PNG\r\n\x1a\n"
FILES = ["weekly.png", "ratios.png", "concentration.png", "accounts_and_channels.png"]
FACTS = targets.targets() | targets.context()
FIRST, LAST = dt.date(2015, 5, 1), dt.date(2015, 7, 31)
STOCKS = ("active", "lying_low", "blocked", "banned", "with_backup", "with_announced_backup")
FLOWS = ("visible", "withheld", "groups", "elsewhere", "backup")


def days():
    return [FIRST + dt.timedelta(days=day) for day in range((LAST - FIRST).days + 1)]


def survey_rows(runs=6, traders=20, ads=10):
    """Trader 0 posts most, trader by trader less; run r posts r more than run 0."""
    rows = [
        (run, day, day.weekday() in (1, 3, 5), trader, max(ads + run - trader, 0) if ads else 0)
        for run in range(runs)
        for day in days()
        for trader in range(traders)
    ]
    table = pd.DataFrame(rows, columns=["run", "survey_date", "regular", "trader", "ads"])
    return table.assign(pictures=5 * table["ads"], videos=0, mention=False, blocked=False)


def daily_rows(runs=6, scale=1):
    table = pd.DataFrame([(run, day) for run in range(runs) for day in days()])
    table.columns = ["run", "day"]
    for place, name in enumerate(FLOWS):
        table[name] = scale * (100 * place + table["run"])
    for place, name in enumerate(STOCKS):
        table[f"traders_{name}"] = scale * (400 if name == "active" else 10 * place)
    return table


def made(daily, survey):
    tables = {"daily": daily, "survey": survey}
    return {spec.name: spec.make(tables) for spec in registry.STUDY}


@pytest.fixture(scope="module")
def figures():
    return made(daily_rows(), survey_rows())


def survey_points(figure):
    """Return x, y, the ends of the bars of y, and those of x, as the figure draws them."""
    axes = figure.axes[0]
    (container,) = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    x, y = container.lines[0].get_data()
    none = np.full((2, 2), np.nan)  # a point without an interval has an empty bar
    bars = [
        np.array([segment if len(segment) else none for segment in line.get_segments()])
        for line in container.lines[2]
    ]
    return np.asarray(x), np.asarray(y), bars


@pytest.mark.parametrize(
    ("daily", "survey"),
    [
        (daily_rows(), survey_rows()),
        (daily_rows(runs=1), survey_rows(runs=1)),
        (daily_rows(scale=0), survey_rows(ads=0)),
        (daily_rows(), survey_rows().iloc[:0]),
    ],
    ids=["several runs", "one run", "all zero", "panel of no traders"],
)
def test_four_pictures_are_written(tmp_path, daily, survey):
    paths = registry.save(tmp_path / "figures", "study", {"daily": daily, "survey": survey})
    assert [path.name for path in paths] == FILES
    assert all(path.read_bytes().startswith(PNG) for path in paths)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(FILES)


def test_drawing_leaves_the_callers_style_alone(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    registry.save(tmp_path, "study", {"daily": daily_rows(runs=1), "survey": survey_rows(runs=1)})
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("name", "panel", "x", "y"),
    [
        ("weekly", 0, "week", "advertisements"),
        ("ratios", 0, "week", "(ratio)"),
        ("concentration", 0, "number of traders", "(%)"),
        ("accounts_and_channels", 0, "day", "posts a day per 1,000 traders"),
        ("accounts_and_channels", 1, "day", "traders per 1,000 traders"),
    ],
)
def test_axes_say_what_they_count(figures, name, panel, x, y):
    axes = figures[name].axes[panel]
    assert x in axes.get_xlabel()
    assert y in axes.get_ylabel()
    assert len(axes.get_title(loc="left")) > 20


def test_a_file_has_the_texts_of_its_declaration(tmp_path):
    """Title and description of each PNG are those of the registry, which are all different."""
    paths = registry.save(tmp_path, "study", {"daily": daily_rows(1), "survey": survey_rows(1)})
    for path, spec in zip(paths, registry.STUDY, strict=True):
        with Image.open(path) as picture:
            assert (picture.info["Title"], picture.info["Description"]) == (spec.heading, spec.alt)
    for specs in registry.KINDS.values():
        for text in ("name", "heading", "alt", "caption"):
            assert len({getattr(spec, text) for spec in specs}) == len(specs)


def test_smoothing_is_said(figures):
    assert "7-day centred mean" in figures["accounts_and_channels"].axes[0].get_ylabel()


def test_weekly_points_are_the_published_counts(figures):
    x, y, (bars,) = survey_points(figures["weekly"])
    names = ["ads_week_1_3"] * 3 + ["ads_week_4", "ads_week_5", "ads_week_13"]
    assert list(x) == [1, 2, 3, 4, 5, 13]
    assert list(y) == [FACTS[name].value for name in names]
    ends = [[FACTS[name].low, FACTS[name].high] for name in names]
    np.testing.assert_allclose(bars[:, :, 1], np.array(ends, dtype=float))


def test_ratio_points_are_over_the_mean_of_weeks_1_to_4(figures):
    x, y, (bars,) = survey_points(figures["ratios"])
    mean = FACTS["ads_mean_weeks_1_4"].value
    fall, end = FACTS["fall_week_5"], FACTS["return_week_13"]
    before = FACTS["ads_week_4"].value / mean
    assert list(x) == [5, 13]
    np.testing.assert_allclose(y, [fall.value * before, end.value])
    # the converted fall is also the published count over the mean, up to the rounding of the fall
    assert y[0] == pytest.approx(FACTS["ads_week_5"].value / mean, abs=0.005)
    expected = [[fall.low * before, fall.high * before], [end.low, end.high]]
    np.testing.assert_allclose(bars[:, :, 1], expected)


def test_mean_of_later_weeks_is_a_box_over_those_weeks(figures):
    axes = figures["ratios"].axes[0]
    fact = FACTS["ratio_week_6_12"]
    lines = [np.array(line.get_xydata(), dtype=float) for line in axes.get_lines()]
    assert any(np.array_equal(line, [[6, fact.value], [12, fact.value]]) for line in lines)
    boxes = [one.get_paths()[0].get_extents() for one in axes.collections if one.get_paths()]
    wanted = (6, fact.low, 12, fact.high)
    assert any(np.allclose(box.extents, wanted) for box in boxes)


def test_heavy_posters_carry_both_intervals(figures):
    x, y, bars = survey_points(figures["concentration"])
    count, share = FACTS["heavy_posters_count"], FACTS["heavy_posters_share"]
    assert list(x) == [count.value]
    np.testing.assert_allclose(y, [100 * share.value])
    across, along = bars
    np.testing.assert_allclose(across[0, :, 0], [count.low, count.high])
    np.testing.assert_allclose(along[0, :, 1], [100 * share.low, 100 * share.high])


def test_line_is_the_median_of_the_runs_and_bands_their_intervals(figures):
    axes = figures["weekly"].axes[0]
    weeks = statistics.weekly(survey_rows())
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), weeks.median())
    for band, ends in zip(axes.collections, ([0.05, 0.95], [0.25, 0.75]), strict=False):
        low, high = weeks.quantile(ends).to_numpy()
        extents = band.get_paths()[0].get_extents()
        assert (extents.y0, extents.y1) == pytest.approx((low.min(), high.max()))


def test_concentration_counts_from_the_heaviest():
    shares = study_figures._cumulated(survey_rows(runs=1, traders=4, ads=4))
    # 4, 3, 2 and 1 advertisements a day
    np.testing.assert_allclose(shares.loc[0], [0, 0.4, 0.7, 0.9, 1.0])
    shuffled = survey_rows(runs=1, traders=4, ads=4).sample(frac=1, random_state=1)
    np.testing.assert_allclose(study_figures._cumulated(shuffled).loc[0], shares.loc[0])


def test_series_are_per_thousand_present_traders():
    daily = daily_rows(runs=2)
    table = study_figures._per_thousand(daily, "groups")
    # 400 active, 10 lying low, 30 banned; the 20 blocked are among the active already
    np.testing.assert_allclose(table.loc[0], 1000 * 200 / 440)
    np.testing.assert_allclose(table.loc[1], 1000 * 201 / 440)


def test_smoothing_is_centred():
    daily = daily_rows(runs=1, scale=1)
    daily["groups"] = 0
    daily.loc[10, "groups"] = 440
    smooth = study_figures._per_thousand(daily, "groups", smooth=7).loc[0].to_numpy()
    np.testing.assert_allclose(smooth[7:14], 1000 / 7)
    assert smooth[6] == smooth[14] == pytest.approx(0, abs=1e-9)


def test_legends_lie_below_the_data(tmp_path):
    for figure in made(daily_rows(runs=2), survey_rows(runs=2)).values():
        figure.savefig(tmp_path / "one.png")
        for axes in figure.axes:
            assert axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0


# ---------------------------------------------------------------- settings of the user's


def other_settings():
    """Return a setting of matplotlib unlike its default for every switch and every number."""
    others = {"font.family": ["serif"], "timezone": "Asia/Shanghai", "savefig.bbox": "tight",
              "axes.prop_cycle": matplotlib.cycler(color="rg"), "lines.linestyle": ":",
              "axes.facecolor": "yellow", "savefig.facecolor": "red", "hatch.color": "red",
              "axes.spines.top": True, "image.cmap": "gray", "legend.loc": "best"}  # fmt: skip
    # the backend, what opens windows, and the origin of dates, which no figure shows
    kept = ("backend", "webagg", "interactive", "figure.max_open", "docstring", "date.epoch")
    for key, value in dict(matplotlib.rcParamsDefault.items()).items():
        if key.startswith(kept) or key in others:
            continue
        other = not value if isinstance(value, bool) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            other = 0.5 * value + 0.2
        try:
            with matplotlib.rc_context({} if other is None else {key: other}):
                others |= {} if other is None else {key: other}
        except (RuntimeError, ValueError):  # a number of its own kind
            continue
    return others


OTHERS = other_settings()
ARMS = ("no_crackdown", "repeated_sweeps", "demand_reduction")


def compared(names=ARMS, points=None, prior=True):
    """Return the tables of a comparison of some scenarios, made up.

    `points` are their extra hours and the grams not sold.
    """
    effects, effort, weeks = [], [], [("baseline_2015", week, 50, 40, 60) for week in range(8)]
    hours = points or [(float(k), 10.0 * k) for k in range(len(names))]
    for k, (name, (hour, grams)) in enumerate(zip(names, hours, strict=True)):
        for outcome in ("grams_delivered", "visible", "displaced"):
            row = {"arm": name, "scenario": name, "dose_multiplier": 1.0, "outcome": outcome}
            row |= {"baseline": 100.0, "runs": 8, "informed_by": "prior" if prior else ""}
            for column in ("effect", "percent"):
                row |= {column: -k, f"{column}_q05": -k - 2.0, f"{column}_q95": 1.0 - k}
            row |= {f"prior_{end}": 3.0 if prior else np.nan for end in ("q05", "q95")}
            effects += [row, row | {"arm": f"{name}@2", "dose_multiplier": 2.0}]
        ends = {"grams_avoided_q05": grams - 5.0, "grams_avoided_q95": grams + 5.0}
        row = {"arm": name, "total_hours": hour, "grams_avoided": grams}
        effort.append(row | ends | {"grams_avoided_per_hour": grams / hour if hour else np.nan})
        weeks += [(name, week, 45, 35, 55) for week in range(8)]
    columns = ["arm", "week", "visible", "visible_q05", "visible_q95"]
    return {"effects": pd.DataFrame(effects), "effort": pd.DataFrame(effort),
            "weeks": pd.DataFrame(weeks, columns=columns)}  # fmt: skip


def drawn(spec, tables):
    """Return a figure as PNG."""
    out = io.BytesIO()
    spec.make(tables, start=FIRST).savefig(out, format="png", dpi=40)
    return out.getvalue()


SPECS = {
    **{f"study: {spec.name}": (spec, {"daily": daily_rows(2), "survey": survey_rows(2)})
       for spec in registry.STUDY},
    **{f"comparison: {spec.name}": (spec, compared()) for spec in registry.COMPARISON},
}  # fmt: skip


@pytest.mark.parametrize("name", list(SPECS))
def test_figures_are_the_same_whatever_a_user_has_set(name):
    """Equal to the byte under every other setting of matplotlib at the same time."""
    usual = drawn(*SPECS[name])
    with matplotlib.rc_context(OTHERS):
        assert drawn(*SPECS[name]) == usual
        assert matplotlib.rcParams["text.usetex"]  # the user's are left as they were
    assert len(OTHERS) > 150


@given(st.sets(st.sampled_from(sorted(OTHERS)), min_size=1, max_size=12))
@hypothesis_settings(max_examples=12, deadline=None)
def test_figures_are_the_same_under_any_settings(keys):
    """The law for some settings: no two of them make up for each other."""
    name = "comparison: effort"
    usual = drawn(*SPECS[name])
    with matplotlib.rc_context({key: OTHERS[key] for key in keys}):
        assert drawn(*SPECS[name]) == usual


def test_a_figure_that_was_handed_out_keeps_the_style():
    """Saved under a user's settings it is the same as saved without them."""
    spec, tables = SPECS["study: weekly"]
    usual, figure, out = drawn(spec, tables), spec.make(tables), io.BytesIO()
    with matplotlib.rc_context(OTHERS):
        figure.savefig(out, format="png", dpi=40)
    assert out.getvalue() == usual


# ---------------------------------------------------------------- names of the user's

LETTERS = st.characters(categories=["L", "N"], include_characters="_-.")
NAMES = st.text(LETTERS, min_size=1, max_size=60)
HARD = ("第二次", "第三次", "العربية", "x" * 60, "x" * 59 + "y", "plan.2017", "2017", "한국어",
        "日本語", "Ωμέγα", "scenario_#2", "ไทย", "\U0001d49c", "a$b$", "é", "nan",
        "🐘🐘")  # fmt: skip


@given(st.lists(NAMES, min_size=2, max_size=8, unique=True))
@hypothesis_settings(max_examples=60, deadline=None)
def test_scenarios_can_be_told_apart(names):
    """Each has a label of its own; all of its letters are in the fonts."""
    found = comparison.labels(pd.DataFrame({"scenario": names}))
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    assert all(style.is_drawable(label) for label in found.values())


@pytest.mark.parametrize("spec", registry.COMPARISON, ids=lambda spec: spec.name)
def test_letters_without_a_font_are_drawn_as_a_number(spec):
    """No box stands for a letter: matplotlib would warn, and a warning is an error here."""
    tables = compared(HARD)
    figure = spec.make(tables, start=FIRST)
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    texts = [one.get_text() for one in figure.findobj(lambda one: hasattr(one, "get_text"))]
    shown = " ".join(texts)
    for label in comparison.labels(tables["effects"]).values():
        assert label in shown
    assert "scenario #1" in shown and "plan.2017" in shown and "第" not in shown


def test_letters_of_an_installed_font_are_drawn(tmp_path, monkeypatch):
    """Where a font of the list is installed the name itself is shown, without a warning."""
    made = FontBuilder(1000)
    made.setupGlyphOrder([".notdef", "di", "er", "ci"])
    made.setupCharacterMap(
        {ord(letter): name for letter, name in zip("第二次", ("di", "er", "ci"), strict=True)}
    )
    made.setupGlyf({name: Glyph() for name in made.font.getGlyphOrder()})
    made.setupHorizontalMetrics(dict.fromkeys(made.font.getGlyphOrder(), (1000, 0)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "SimHei", "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    made.save(tmp_path / "one.ttf")
    names = ("第二次", "第三次")
    before = comparison.labels(compared(names)["effects"])
    fonts = list(font_manager.fontManager.ttflist)
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)
    font_manager.fontManager.addfont(tmp_path / "one.ttf")
    tables = compared(names)
    assert before["第二次"] == "scenario #1"
    assert comparison.labels(tables["effects"]) == {"第二次": "第二次", "第三次": "scenario #2"}
    assert drawn(registry.COMPARISON[0], tables)


# ---------------------------------------------------------------- many scenarios


def numbers(figure):
    """Return the boxes of the numbers at the points, and the points, in dots."""
    figure.savefig(io.BytesIO(), format="png", dpi=figure.dpi)
    axes = figure.axes[0]
    found = [one for one in axes.texts if one.get_text().isdigit()]
    boxes = [Text.get_window_extent(one) for one in found]  # without the line to the point
    return boxes, axes.transData.transform([one.xy for one in found]), axes.get_window_extent()


PLACES = st.tuples(st.sampled_from([0.0, 0.0, 3.5, 15.0, 15.2, 80.0]),
                   st.sampled_from([-90.0, -20.0, 0.0, 0.0, 1.0, 60.0, 900.0, 1800.0]))  # fmt: skip


@given(st.lists(PLACES, min_size=21, max_size=21))
@hypothesis_settings(max_examples=8, deadline=None)
def test_numbers_of_points_do_not_cover_each_other(points):
    """21 scenarios, some with the same hours and the same effect: each number can be read."""
    (spec,) = [one for one in registry.COMPARISON if one.name == "effort"]
    names = [f"scenario_{k}" for k in range(len(points))]
    boxes, dots, frame = numbers(spec.make(compared(names, points)))
    assert len(boxes) == 21
    for k, box in enumerate(boxes):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])
        assert not any(box.contains(*dot) for dot in dots)


@pytest.mark.parametrize("prior", [True, False])
def test_a_legend_speaks_of_the_prior_only_where_it_was_run(prior):
    figure = registry.COMPARISON[0].make(compared(prior=prior))
    (legend,) = figure.legends
    told = " ".join(text.get_text() for text in legend.get_texts())
    assert ("prior" in told) == ("not constrained" in told) == prior
