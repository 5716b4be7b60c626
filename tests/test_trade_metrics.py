"""Prices, products and headline figures of tables made by hand, with sums done in the head."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from conftest import trading

from marketsim.model.ledger import PRODUCT_NAMES
from marketsim.parameters import evidence
from marketsim.simulation import files, summary
from marketsim.simulation import run as simulation
from marketsim.survey import targets, trade_statistics
from marketsim.survey.trade_statistics import AT_MARKETS, MIX, STATISTICS, SUMMARIES

RUNS = pd.RangeIndex(1)
START, END = (evidence.inputs()[name].date for name in ("survey_start", "survey_end"))
DAYS = (END - START).days + 1
FACTS = targets.targets()


def surveyed(*rows: dict) -> pd.DataFrame:
    """Return rows of a survey: of run 0 and trader 0, without labels and items, but as given."""
    empty = {f"price_{name}": np.nan for name in PRODUCT_NAMES}
    empty |= {f"{what}_{name}": 0 for what in ("items", "ads") for name in PRODUCT_NAMES}
    table = pd.DataFrame(rows, columns=["run", "trader", *empty])
    return table.fillna({"run": 0, "trader": 0} | empty)


def priced(*rows: dict) -> pd.DataFrame:
    """Return rows of prices: of run 0, labels at stalls for uncarved ivory, but as given."""
    stall = {"run": 0, "product": "uncarved", "stage": "advertised", "channel": "physical"}
    return pd.DataFrame(
        [stall | {"n": 1} | row for row in rows], columns=[*stall, "mean", "n"]
    ).astype({"mean": float})


def statistics(survey: pd.DataFrame, prices: pd.DataFrame | None = None, runs=RUNS) -> pd.DataFrame:
    return trade_statistics.statistics(survey, priced() if prices is None else prices, runs)


def random_tables(seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame, pd.Index]:
    """Return tables of three runs in which everything is luck."""
    luck = np.random.default_rng(seed)
    size = 60
    survey = pd.DataFrame({"run": luck.integers(0, 3, size), "trader": luck.integers(0, 5, size)})
    for name in PRODUCT_NAMES:
        prices = luck.uniform(5.0, 50.0, size)
        survey[f"price_{name}"] = np.where(luck.random(size) < 0.5, prices, np.nan)
        for what in ("items", "ads"):
            survey[f"{what}_{name}"] = luck.integers(0, 9, size)
    rows = [
        {"run": run, "product": name, "mean": luck.uniform(20, 60), "n": luck.integers(1, 9)}
        for run in range(3)
        for name in AT_MARKETS
        for _ in range(4)
    ]
    return survey, priced(*rows), pd.RangeIndex(3)


# ---------------------------------------------------------------- laws


def test_the_order_of_rows_says_nothing():
    """Rows in another order give the same statistics; rows of another survey do not."""
    survey, prices, runs = random_tables()
    of = statistics(survey, prices, runs)
    assert of.notna().all(axis=None)
    mixed = statistics(survey.sample(frac=1, random_state=1), prices.iloc[::-1], runs)
    pd.testing.assert_frame_equal(mixed, of, rtol=1e-12)
    assert not np.allclose(statistics(*random_tables(4)), of)


def test_deviations_are_over_traders():
    """Traders with means of 8, 10 and 12 deviate by 2, whatever their numbers of labels."""
    labels = {0: [7.0, 9.0], 1: [10.0], 2: [12.0, 12.0, 12.0], 3: [np.nan]}
    rows = [{"trader": who, "price_raw": price} for who, own in labels.items() for price in own]
    alone = [{"run": 1, "trader": 4, "price_raw": price} for price in (5.0, 9.0)]
    of = statistics(surveyed(*rows, *alone), runs=pd.RangeIndex(2))
    assert of["price_raw_deviation"][0] == pytest.approx(2.0)
    assert np.isnan(of["price_raw_deviation"][1]) and of["price_raw"][1] == 7.0
    assert of["price_carved_deviation"].isna().all()


def test_another_unit_of_money_moves_prices_alone():
    """With all prices doubled prices are doubled; ratios and the mix are what they were."""
    survey, prices, runs = random_tables()
    labels = [f"price_{name}" for name in PRODUCT_NAMES]
    of = statistics(survey, prices, runs)
    dear = survey.assign(**{name: 2.0 * survey[name] for name in labels})
    stalls = prices.assign(mean=2.0 * prices["mean"])
    twice = statistics(dear, stalls, runs)
    moved = [*labels, *(f"{name}_deviation" for name in labels), "raw_price_range"]
    np.testing.assert_allclose(twice[moved], 2.0 * of[moved], rtol=1e-12)
    np.testing.assert_allclose(twice.drop(columns=moved), of.drop(columns=moved), rtol=1e-12)
    ratios = [f"physical_prices_ratio_{name}" for name in AT_MARKETS]  # negative control
    np.testing.assert_allclose(statistics(dear, prices, runs)[ratios], 2.0 * of[ratios])


def test_a_run_is_read_for_itself():
    """A run among others has the statistics it has alone."""
    survey, prices, runs = random_tables()
    of = statistics(survey, prices, runs)
    for run in runs:
        mine = survey[survey["run"] == run], prices[prices["run"] == run]
        pd.testing.assert_frame_equal(statistics(*mine, pd.Index([run])), of.loc[[run]])
    assert of["price_raw"].nunique() == 3


def test_shares_of_products_add_up_to_one():
    """Of items and of advertisements."""
    of = statistics(*random_tables())
    for suffix in ("", "_ads"):
        shares = of[[name + suffix for name in MIX]]
        assert shares.sum(axis=1).to_numpy() == pytest.approx(1.0)
        assert (shares > 0.0).all(axis=None)


# ---------------------------------------------------------------- statistics


def test_a_price_is_a_mean_over_traders_of_each_ones_mean():
    """Means of 15, 30 and 60 of three traders: 35, neither the 30 of all labels nor the median."""
    survey = surveyed(
        {"trader": 1, "price_carved": 10.0},
        {"trader": 1, "price_carved": 20.0},
        {"trader": 1},
        {"trader": 2, "price_carved": 30.0},
        {"trader": 3, "price_carved": 60.0},
        {"trader": 4, "price_raw": 9.0},
        {"run": 1, "trader": 1, "price_carved": 7.0},
    )
    of = statistics(survey, runs=pd.RangeIndex(2))
    assert of["price_carved"].tolist() == [35.0, 7.0]
    assert of["price_raw"][0] == of["raw_price_range"][0] == 9.0
    assert survey["price_carved"][:5].mean() == 30.0  # negative control


def test_the_ratio_is_to_all_labels_at_stalls():
    """One label of 40 and three of 60 are 55 on average; 44 online is 0.8 of it."""
    survey = surveyed({"price_uncarved": 44.0, "price_carved": 33.0})
    prices = priced({"mean": 40.0}, {"mean": 60.0, "n": 3}, {"product": "carved", "mean": 44.0})
    of = statistics(survey, prices).loc[0]
    assert of["physical_prices_ratio_uncarved"] == pytest.approx(0.8)
    assert of["physical_prices_ratio_carved"] == pytest.approx(0.75)


@pytest.mark.parametrize(
    "other", [{"stage": "sold"}, {"channel": "moments"}, {"product": "raw"}, {"run": 5}]
)
def test_only_labels_at_stalls_are_compared(other):
    """Deals, labels online, other products and other runs do not count; labels at stalls do."""
    survey = surveyed({"price_uncarved": 44.0})
    alone = statistics(survey, priced({"mean": 55.0}))
    beside = statistics(survey, priced({"mean": 55.0}, {"mean": 99.0, "n": 7} | other))
    pd.testing.assert_frame_equal(beside, alone)
    counted = statistics(survey, priced({"mean": 55.0}, {"mean": 99.0, "n": 7}))
    assert counted["physical_prices_ratio_uncarved"][0] < 0.5


def test_the_mix_is_of_items_and_of_advertisements():
    """Shares of what all traders showed on all days, pictures and videos apart from ads."""
    survey = surveyed(
        {"trader": 1, "items_raw": 1, "items_carved": 2, "ads_raw": 1, "ads_carved": 1},
        {"trader": 2, "items_carved": 3, "items_uncarved": 4, "ads_uncarved": 2},
    )
    of = statistics(survey).loc[0]
    assert of[list(MIX)].tolist() == pytest.approx([0.1, 0.0, 0.4, 0.5])
    assert of[[f"{name}_ads" for name in MIX]].tolist() == pytest.approx([0.25, 0.0, 0.5, 0.25])


def test_what_was_not_seen_is_not_there():
    """A run without labels, stalls or items has nan, and keeps its row in its place."""
    survey = surveyed(
        {"run": 2, "price_uncarved": 44.0, "items_raw": 1},
        {"run": 7},
    )
    prices = priced({"run": 7, "mean": 55.0})
    of = statistics(survey, prices, pd.Index([9, 7, 2]))
    assert of.index.tolist() == [9, 7, 2]
    assert list(of) == list(STATISTICS)
    assert of.loc[[9, 7]].isna().all(axis=None)  # nobody, and a panel that showed nothing
    seen = of.loc[2].dropna()
    expected = {"price_uncarved": 44.0} | dict.fromkeys(MIX, 0.0) | {"product_mix_raw": 1.0}
    assert seen.to_dict() == expected


def test_without_any_rows_nothing_is_there():
    """A study in which nobody was surveyed and nothing was sold has rows of nan."""
    of = statistics(surveyed(), priced(), pd.RangeIndex(2))
    assert of.shape == (2, len(STATISTICS))
    assert of.isna().all(axis=None)


# ---------------------------------------------------------------- deviations


def published() -> pd.DataFrame:
    """Return one run that has every statistic as it was published."""
    return pd.DataFrame({name: [FACTS[name].value] for name in SUMMARIES}, dtype=float)


def test_what_was_published_is_off_by_nothing():
    """At the published values every deviation is 0; the order is that of the summaries."""
    off = trade_statistics.deviations(published())
    assert list(off) == list(SUMMARIES)
    assert off.to_numpy().tolist() == [[0.0] * len(SUMMARIES)]


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_ends_of_an_interval_are_one_off(name):
    """-1 and 1 at the ends, half of it half way, whatever lies on the other side."""
    fact = FACTS[name]
    places = [fact.low, (fact.low + fact.value) / 2, (fact.high + fact.value) / 2, fact.high]
    values = pd.concat([published()] * 4, ignore_index=True).assign(**{name: places})
    off = trade_statistics.deviations(values)
    assert off[name].tolist() == pytest.approx([-1.0, -0.5, 0.5, 1.0])
    assert (off.drop(columns=name) == 0.0).all(axis=None)


def test_nothing_is_farther_off_than_ten():
    """What is not there counts as 10, and so does what is a hundred intervals too high."""
    values = pd.concat([published()] * 3, ignore_index=True).assign(price_raw=[np.nan, 1e3, -1e3])
    off = trade_statistics.deviations(values)
    assert off["price_raw"].tolist() == [10.0, 10.0, -10.0]
    assert (off.drop(columns="price_raw") == 0.0).all(axis=None)


def test_the_index_of_runs_is_kept():
    """Deviations stand in the rows of their runs."""
    values = published().set_axis([17])
    assert trade_statistics.deviations(values).index.tolist() == [17]


def test_what_is_fitted_is_a_target_and_the_rest_is_only_compared():
    """Summaries are targets; the other statistics are not, and each has an interval and a unit."""
    rest = targets.validation()
    told = trade_statistics.describe_columns()
    assert list(told) == list(STATISTICS)
    for name in STATISTICS:
        fact = FACTS[name] if name in SUMMARIES else rest[name]
        assert fact.weak == name.endswith("_deviation")
        assert fact.low is not None and fact.high is not None, name
        assert told[name] == (fact.unit, fact.fact)
        assert all(told[name])
    assert told["price_raw"][0] == "CNY/g"
    assert told["product_mix_raw"][0] == "share"


# ---------------------------------------------------------------- headline figures

ZERO = (
    "offers",
    "visible",
    "grams_delivered",
    "grams_agreed",
    "revenue",
    "delivered_physical",
    "repeat_deals",
    "parcels",
)
DAILY = {
    **{
        "offers": 10.0,
        "visible": 5.0,
        "grams_delivered": 8.0,
        "grams_agreed": 9.0,
        "revenue": 300.0,
        "delivered_physical": 2.0,
    },
    **{"repeat_deals": 3.0, "parcels": 4.0, "elephants": 0.5, "raw_shipped": 1000.0},
}


def dailies(runs=(0,), **changes: float) -> pd.DataFrame:
    """Return the same figures on each day of the survey, and a thousand times more around it."""
    rows = []
    for run in runs:
        for day in range(-1, DAYS + 1):
            much = 1.0 if 0 <= day < DAYS else 1000.0
            one = {key: much * value for key, value in (DAILY | changes).items()}
            rows.append({"run": run, "day": START + dt.timedelta(days=day)} | one)
    return pd.DataFrame(rows)


def chased(*rows: tuple[int, int, float]) -> pd.DataFrame:
    """Return rows of enforcement: run, day of the survey from 0 on, grams."""
    days = [START + dt.timedelta(days=day) for _, day, _ in rows]
    grams = [row[2] for row in rows]
    return pd.DataFrame({"run": [row[0] for row in rows], "day": days, "grams": grams})


def platform(*runs: int, traders: float = 10_000.0) -> pd.DataFrame:
    return pd.DataFrame({"run": runs, "population.platform_traders": traders})


def headline(daily, enforcement, runs, retailers: int = 500) -> pd.DataFrame:
    return summary.headline(daily, enforcement, runs, retailers).set_index("id")


def test_headline_figures_are_by_the_week_and_thousand_traders():
    """Of 500 traders who do the same each day a week has 7 and a thousand 14 times as much."""
    enforcement = chased((0, -1, 1e9), (0, 0, 1.0), (0, DAYS - 1, DAYS - 1.0), (0, DAYS, 1e9))
    table = headline(dailies(), enforcement, platform(0))
    expected = {
        "offers": 140.0,
        "visible": 70.0,
        "grams_delivered": 112.0,
        "grams_agreed": 126.0,
        "revenue": 4200.0,
        "online_share": 0.75,
        "repeat_share": 0.75,
        "seized": 14.0,
        "elephants": 7.0,
        "shipped_tonnes": 7.3,  # 1 kg a day of 500 traders is 20 kg of 10,000; times 365
    }
    for end in ("median", "q05", "q95"):
        assert table[end].drop("ceiling_tonnes").to_dict() == pytest.approx(expected)
    assert list(table) == ["meaning", "unit", "median", "q05", "q95"]
    assert table["meaning"].is_unique and (table["unit"] != "").all()


def test_the_ceiling_is_the_published_one():
    """The last row has the tonnes that elephants killed in a year can give, and no median."""
    row = headline(dailies(), chased(), platform(0)).iloc[-1]
    fact = evidence.inputs()["elephants"]
    assert row.name == "ceiling_tonnes"
    assert np.isnan(row["median"])
    assert (row["q05"], row["q95"], row["unit"]) == (fact.low, fact.high, "t")


def test_the_middle_is_the_median_with_nine_tenths_of_runs_about_it():
    """Of 21 runs from 0 to 20 the median is 10, and a twentieth lies below 1 and above 19."""
    daily = pd.concat([dailies((run,), offers=run) for run in range(21)])
    row = headline(daily, chased(), platform(*range(21)), 7000).loc["offers"]
    assert row[["median", "q05", "q95"]].tolist() == pytest.approx([10.0, 1.0, 19.0])


def test_traders_of_the_platform_are_those_of_the_run():
    """Runs are scaled up by what each of them assumes, in whatever order its row stands."""
    daily = pd.concat([dailies((4,)), dailies((9,), raw_shipped=0.0)])
    runs = pd.concat([platform(9, traders=1e12), platform(4)], ignore_index=True)
    row = headline(daily, chased(), runs).loc["shipped_tonnes"]
    assert row["q95"] == pytest.approx(7.3 * 0.95)  # of 0 and 7.3
    swapped = runs.assign(run=runs["run"].to_numpy()[::-1])  # negative control
    assert headline(daily, chased(), swapped).loc["shipped_tonnes", "q95"] > 1e6


def test_a_run_in_which_nothing_was_seized_counts():
    """Of two runs one has no row of enforcement: it seized 0, and half way is the median."""
    table = headline(dailies((0, 1)), chased((1, 3, DAYS * 1.0)), platform(0, 1))
    assert table.loc["seized", "median"] == pytest.approx(7.0)
    assert headline(dailies(), chased(), platform(0)).loc["seized", "median"] == 0.0


def test_where_nothing_is_sold_shares_are_not_there():
    """Zero sales: sums are 0 and shares nan; beside a run that sold they are left out."""
    nothing = dailies(**dict.fromkeys(ZERO, 0.0))
    table = headline(nothing, chased(), platform(0))
    assert table.loc[["grams_delivered", "revenue", "offers"], "median"].tolist() == [0.0] * 3
    assert table.loc[["online_share", "repeat_share"], ["median", "q05"]].isna().all(axis=None)
    both = pd.concat([nothing, dailies((1,))])
    row = headline(both, chased(), platform(0, 1)).loc["online_share"]
    assert row[["median", "q05", "q95"]].tolist() == [0.75] * 3


def test_tables_in_memory_and_read_back_say_the_same(tmp_path):
    """Dates and names are of other types in memory than in a file; the figures are the same."""
    of = trading(60, delivery__intercepted=0.1)  # so that something is seized in each run
    tables = simulation.replicate(of, range(2), 1)
    read = {}
    for name, table in tables.items():
        files.write_parquet(table, tmp_path / f"{name}.parquet")
        read[name] = pd.read_parquet(tmp_path / f"{name}.parquet")
    for name in ("prices", "enforcement"):
        assert tables[name]["day"].dtype != read[name]["day"].dtype
    figures = [
        summary.headline(of["daily"], of["enforcement"], of["runs"], 60) for of in (tables, read)
    ]
    pd.testing.assert_frame_equal(*figures)
    assert (figures[0]["median"].drop(len(figures[0]) - 1) > 0.0).all()
    seen = [
        trade_statistics.statistics(of["survey"], of["prices"], pd.RangeIndex(2))
        for of in (tables, read)
    ]
    pd.testing.assert_frame_equal(*seen)
    assert seen[0].notna().all(axis=None)
    before = tables["enforcement"].assign(day=START - dt.timedelta(days=1))  # negative control
    none = summary.headline(read["daily"], before, read["runs"], 60).set_index("id")
    assert none.loc["seized", "q95"] == 0.0
