"""The figures of a study: what they draw, for all kinds of tables."""

import datetime as dt

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.text import Text
from PIL import Image

from marketsim.reporting.figures import comparison as comparison_figures
from marketsim.reporting.figures import registry, style
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


def test_the_settings_of_the_user_change_no_picture(tmp_path):
    """Drawn from matplotlib's defaults: equal to the byte under any rc."""
    tables = {"daily": daily_rows(), "survey": survey_rows()}
    plain = registry.save(tmp_path / "plain", "study", tables)
    mine = {"font.size": 30, "text.usetex": True, "savefig.facecolor": "red", "axes.grid": False,
            "lines.linewidth": 9, "font.family": "monospace", "savefig.bbox": "tight",
            "figure.dpi": 33, "axes.unicode_minus": False}  # fmt: skip
    with matplotlib.rc_context(mine):
        other = registry.save(tmp_path / "other", "study", tables)
        assert matplotlib.rcParams["font.size"] == 30
    assert [one.read_bytes() for one in plain] == [one.read_bytes() for one in other]


def test_letters_that_no_font_has_are_replaced_by_a_key(monkeypatch):
    """Names remain apart, and what the fonts can show stays."""
    monkeypatch.setattr(style, "_families", lambda: ("DejaVu Sans",))
    style.letters.cache_clear()
    shown = [style.letters(name) for name in ("第二次", "第三次", "plan B", "été", "план")]
    style.letters.cache_clear()
    assert shown[2:] == ["plan B", "été", "план"]
    assert shown[0] != shown[1] and all(name.isascii() for name in shown[:2])


def test_numbers_of_points_do_not_cover_each_other():
    """Twenty scenarios, some at the same hours and with the same effect."""
    made, axes = style.figure(5.6)
    points = np.array([(15.0 * (k % 3), 100.0 * (k % 5)) for k in range(20)])
    axes.plot(*points.T, "o")
    comparison_figures._number_points(made, axes, points)
    made.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without their lines
    assert len(boxes) == 20
    assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])
