"""The figures of trade, and the summary that they draw."""

import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from conftest import settings
from matplotlib.container import ErrorbarContainer

from marketsim.model.ledger import PRODUCT_NAMES, Account, Item
from marketsim.parameters import evidence
from marketsim.reporting import trade_summary
from marketsim.reporting.figures import flow_chart, registry
from marketsim.reporting.figures import trade as trade_figures
from marketsim.simulation import run as simulation
from marketsim.survey import targets
from marketsim.survey.intervals import column_intervals

PNG = b"\x89PNG\r\n\x1a\n"
FILES = ["flow.png", "prices.png", "displacement.png"]
FIRST, LAST = dt.date(2015, 4, 24), dt.date(2015, 7, 31)
CHANNELS = ("moments", "groups", "public", "social", "websites", "physical")
KG = 1_000_000  # milligrams
# Everything that happens after the first evening: giver, taker, item, kilograms.
MOVES = (
    ("poached", "seized", "raw", 6),
    ("poached", "suppliers", "raw", 40),
    ("suppliers", "seized", "raw", 2),
    ("suppliers", "processors", "raw", 30),
    ("suppliers", "retailers", "raw", 5),
    ("processors", "worked", "raw", 24),
    ("worked", "wasted", "waste", 4),
    ("worked", "processors", "uncarved", 12),
    ("worked", "processors", "carved", 8),
    ("processors", "retailers", "uncarved", 9),
    ("processors", "retailers", "carved", 6),
    ("processors", "licensed", "carved", 1),
    ("legal_stock", "licensed", "carved", 3),
    ("licensed", "consumed", "carved", 4),
    ("retailers", "seized", "raw", 1),
    ("retailers", "couriers", "uncarved", 8),
    ("retailers", "consumed", "carved", 5),
    ("couriers", "seized", "uncarved", 1),
    ("couriers", "lost", "uncarved", 0.5),
    ("couriers", "consumed", "uncarved", 6),
)
# and what must be found of it, for 500 traders: twice as much per 1,000
FLOWS = {
    ("poached", "border"): 12,
    ("poached", "suppliers"): 80,
    ("suppliers", "supplier_raids"): 4,
    ("suppliers", "processors"): 60,
    ("suppliers", "retailers"): 10,
    ("suppliers", "suppliers_stock"): 6,
    ("processors", "waste"): 8,
    ("processors", "processor_raids"): 0,
    ("processors", "retailers"): 30,
    ("processors", "licensed"): 2,
    ("processors", "processors_stock"): 20,
    ("legal_stock", "licensed"): 6,
    ("retailers", "arrests"): 2,
    ("retailers", "couriers"): 16,
    ("retailers", "stalls"): 10,
    ("retailers", "retailers_stock"): 12,
    ("couriers", "parcels"): 2,
    ("couriers", "lost"): 1,
    ("couriers", "buyers"): 12,
    ("couriers", "couriers_stock"): 1,
    ("stalls", "buyers"): 10,
    ("licensed", "buyers"): 8,
}


def days():
    return [FIRST + dt.timedelta(days=day) for day in range((LAST - FIRST).days + 1)]


def ledger_rows(runs=2, moves=MOVES):
    """All that moves does so on the second day; on the first day 7 kg had been sold from stock."""
    first = {("opening", "raw"): -100 * KG, ("suppliers", "raw"): 93 * KG, ("consumed", "raw"): 7e6}
    last = dict(first)
    for giver, taker, item, kilograms in moves:
        for who, sign in ((giver, -1), (taker, 1)):
            last[who, item] = last.get((who, item), 0) + sign * kilograms * KG
    last["poached", "money"] = 400 * 1000 * 100 * 5  # 5 CNY a gram for 400 kg
    rows = [
        (run, day, item, account, (first if day == FIRST else last).get((account, item), 0))
        for run in range(runs)
        for day in days()
        for account, item in last
    ]
    return pd.DataFrame(rows, columns=["run", "day", "item", "account", "balance"])


def daily_rows(runs=2, scale=1.0):
    """Grams a day: on the first day more is sold, which the flows must leave out."""
    rows = [(run, day) for run in range(runs) for day in days()]
    table = pd.DataFrame(rows, columns=["run", "day"])
    later, second = table["day"] > FIRST, table["day"] == days()[1]
    amounts = {"moments": 3000.0, "groups": 4000.0, "public": 1000.0, "physical": 5000.0}
    for channel in CHANNELS:
        grams = scale * (amounts.get(channel, 0.0) * second + 9000.0 * ~later)
        table[f"agreed_{channel}"] = table[f"delivered_{channel}"] = grams
    table["legal_sold"] = scale * (4000.0 * second + 900.0 * ~later)
    table["leaked"] = table["bought_out"] = 0.0
    table["laundered"] = scale * (1000.0 * second + 100.0 * ~later)
    table["raw_landed"] = scale * 400_000.0 * second
    table["offers"] = 90
    for place, name in enumerate(trade_summary.POSTS):
        table[name] = 10 * (place + 1)
    return table.assign(withheld=10)


def enforcement_rows(runs=2):
    taken = {"border_seizures": 6000.0, "suppliers_raided": 2000.0, "arrests": 1000.0}
    taken |= {"parcels_seized": 1000.0, "referrals": 0.0}
    rows = [(run, days()[1], kind, grams) for run in range(runs) for kind, grams in taken.items()]
    rows += [(run, FIRST, "arrests", 70_000.0) for run in range(runs)]
    return pd.DataFrame(rows, columns=["run", "day", "kind", "grams"])


def price_rows(runs=2):
    """Run r has prices r CNY a gram above run 0; the second row of a place counts three times."""
    rows = [
        (run, day, product, stage, channel, base + run, n)
        for run in range(runs)
        for product in PRODUCT_NAMES
        for stage, channel, base in (
            ("supplier" if product == "raw" else "processor", "physical", 5.0),
            ("advertised", "moments", 20.0),
            ("advertised", "physical", 30.0),
            ("sold", "social", 18.0),
            ("sold", "groups", 60.0),
            ("sold", "physical", 28.0),
        )
        for day, base, n in ((FIRST, base, 1), (LAST, base + 4.0, 3))
    ]
    names = ["run", "day", "product", "stage", "channel", "mean", "n"]
    return pd.DataFrame(rows, columns=names).astype({"product": "category", "stage": "category"})


def survey_rows(runs=2):
    """Trader 0 asks 10 on two days, trader 1 asks 40 on one: the mean over traders is 25."""
    rows = [(run, trader) for run in range(runs) for trader in (0, 0, 1)]
    table = pd.DataFrame(rows, columns=["run", "trader"])
    for name in PRODUCT_NAMES:
        table[f"price_{name}"] = np.where(table["trader"] == 0, 10.0, 40.0) + table["run"]
        table[f"items_{name}"] = table[f"ads_{name}"] = 1
    return table


def tables(runs=2, **changes):
    made = {
        "daily": daily_rows(runs),
        "ledger": ledger_rows(runs),
        "enforcement": enforcement_rows(runs),
        "prices": price_rows(runs),
        "survey": survey_rows(runs),
    }
    return made | changes


def nothing(runs=2):
    """Return the tables of a market in which nobody trades."""
    full = tables(runs)
    zero = daily_rows(runs, scale=0.0).assign(offers=0, **dict.fromkeys(trade_summary.POSTS, 0))
    survey = full["survey"].assign(**{f"price_{name}": np.nan for name in PRODUCT_NAMES})
    empty = {name: full[name].iloc[:0] for name in ("ledger", "enforcement", "prices")}
    return {"daily": zero, "survey": survey} | empty


@pytest.mark.parametrize(
    "found",
    [
        tables(),
        tables(runs=1),
        nothing(),
        tables(daily=daily_rows(scale=0.0)),
        tables(enforcement=enforcement_rows().iloc[:0]),
    ],
    ids=["two runs", "one run", "no trade at all", "no sales", "nothing seized"],
)
def test_three_pictures_are_written(tmp_path, found):
    paths = registry.save(tmp_path / "figures", "trade", found, retailers=500)
    assert [path.name for path in paths] == FILES
    assert all(path.read_bytes().startswith(PNG) for path in paths)


def test_flows_are_those_that_moved_after_the_first_evening():
    flows = trade_summary.flows(tables(), 500)
    assert list(flows.index) == [0, 1]
    assert set(flows.columns) == set(FLOWS)
    for key, kilograms in FLOWS.items():
        np.testing.assert_allclose(flows[key], kilograms, atol=1e-9, err_msg=str(key))


def test_what_is_seized_in_workshops_is_parted_by_what_they_hold():
    """Left with 5 kg of raw ivory and 3 kg of pieces, 5/8 of what is taken from them is raw."""
    moves = [*MOVES, ("processors", "seized", "raw", 1), ("processors", "seized", "carved", 1)]
    raid = pd.DataFrame([(0, days()[1], "processors_raided", 2000.0)])
    raid.columns = ["run", "day", "kind", "grams"]
    rows = pd.concat([enforcement_rows(1), raid])
    found = tables(1, ledger=ledger_rows(1, moves), enforcement=rows)
    flows = trade_summary.flows(found, 500).loc[0]
    assert flows["processors", "processor_raids"] == pytest.approx(4)
    assert flows["suppliers", "processors"] == pytest.approx(2 * (24 + 5 + 2 * 5 / 8))
    assert flows["suppliers", "retailers"] == pytest.approx(2 * (5 + 1 - 2 * 5 / 8))
    assert flows["processors", "retailers"] == pytest.approx(2 * (15 - 1 + 2 * 5 / 8))


def balance(flows, node):
    given = flows[[key for key in flows if key[1] == node]].sum(axis=1)
    return given - flows[[key for key in flows if key[0] == node]].sum(axis=1)


@pytest.fixture(scope="module")
def simulated():
    return simulation.replicate(settings(700), range(2), 1)


def test_in_a_simulated_market_no_holder_gains_or_loses_ivory(simulated):
    flows = trade_summary.flows(simulated, 700)
    assert (flows.max() > 0).sum() > 12
    for node in ("suppliers", "processors", "retailers", "couriers", "licensed"):
        np.testing.assert_allclose(balance(flows, node), 0.0, atol=1e-6)
    later = simulated["daily"][simulated["daily"]["day"] > simulated["daily"]["day"].min()]
    landed = later.groupby("run")["raw_landed"].sum() / 700
    np.testing.assert_allclose(flows["poached", "suppliers"], landed)
    unseen = trade_summary.flows(
        simulated | {"enforcement": simulated["enforcement"].iloc[:0]}, 700
    )
    assert not np.allclose(unseen["poached", "suppliers"], landed)


def test_a_simulated_market_is_drawn(simulated, tmp_path):
    assert len(registry.save(tmp_path, "trade", simulated, retailers=700)) == 3


def test_names_of_the_tables_are_those_of_the_books():
    accounts, items = ({one.name.lower() for one in kind} for kind in (Account, Item))
    assert {name for move in MOVES for name in move[:2]} <= accounts
    assert set(PRODUCT_NAMES) < items
    assert set(trade_summary.HOLDERS) < accounts


def test_prices_are_means_over_all_prices_of_a_run():
    prices = trade_summary.prices(tables())
    for run in (0, 1):
        assert prices.loc[run, ("raw", "import")] == pytest.approx(5.0)
        for product in PRODUCT_NAMES:
            row = prices.loc[run, product]
            # a quarter of the prices at the base, three quarters 4 CNY above
            expected = {"upstream": 8, "asked": 23, "asked_stall": 33, "paid": 21, "auction": 63}
            expected |= {"paid_stall": 31, "seen": 25}
            for place, price in expected.items():
                assert row[place] == pytest.approx(price + run), place
            assert np.isnan(row["licensed"])
    assert prices[("carved", "import")].isna().all()


def test_interval_is_over_the_means_of_runs():
    prices = column_intervals(trade_summary.prices(tables(runs=5)))
    # runs at 23, 24, 25, 26, 27
    np.testing.assert_allclose(prices["carved", "asked"], [25.0, 23.2, 26.8])


def test_points_are_the_published_prices():
    figure = trade_figures.prices(tables())
    for axes, product in zip(figure.axes, PRODUCT_NAMES, strict=True):
        points = {}
        for one in axes.containers:
            if isinstance(one, ErrorbarContainer):
                (x,), (y,) = one.lines[0].get_data()
                ends = one.lines[2][0].get_segments()[0]
                points[round(y)] = (x, *(ends[:, 0] if len(ends) else (np.nan, np.nan)))
        rows = list(trade_figures.PLACES)
        fact = targets.targets()[f"price_{product}"]
        assert points[rows.index("seen")] == pytest.approx((fact.value, fact.low, fact.high))
        stall = targets.context().get(f"physical_prices_{product}")
        assert (rows.index("asked_stall") in points) == (stall is not None)
        if stall is not None:
            assert points[rows.index("asked_stall")][0] == stall.value


def test_shares_are_of_the_posts_meant():
    posts = trade_summary.posts(daily_rows())
    # 90 made and 10 withheld
    np.testing.assert_allclose(posts["withheld"], 0.1)
    np.testing.assert_allclose(posts["visible"], 0.1)
    np.testing.assert_allclose(posts["backup"], 0.5)
    assert list(posts["groups"].columns) == list(range(1, 14))


def test_week_1_begins_with_the_survey_and_days_before_it_count_nowhere():
    daily = daily_rows(runs=1)
    start = evidence.inputs()["survey_start"].date
    week_2 = daily["day"].map(lambda day: 7 <= (day - start).days < 14)
    posts = trade_summary.posts(daily.assign(groups=np.where(week_2, 100, 0)))["groups"].loc[0]
    assert posts[2] == pytest.approx(1.0)
    assert posts.drop(2).abs().max() == 0.0


def test_sales_are_against_the_runs_own_first_weeks():
    daily = daily_rows(runs=2, scale=0.0)
    start = evidence.inputs()["survey_start"].date
    week = daily["day"].map(lambda day: (day - start).days // 7 + 1)
    daily["delivered_public"] = np.where((week >= 1) & (daily["run"] == 0), 2.0, 0.0)
    daily["delivered_websites"] = np.where((week == 5) & (daily["run"] == 0), 4.0, 0.0)
    sold = trade_summary.sold(daily)
    expected = np.where(np.arange(1, 14) == 5, 3.0, 1.0)
    # week 13 of the survey ends with the run
    np.testing.assert_allclose(sold["other"].loc[0, :12], expected[:12])
    np.testing.assert_allclose(sold["all"].loc[0, :12], expected[:12])
    assert sold["other"].loc[1].isna().all()
    assert sold["moments"].isna().all(axis=None)


def test_the_sweep_is_marked_where_its_day_lies():
    figure = trade_figures.displacement(tables())
    place, day = trade_figures._sweep()
    facts = evidence.inputs()
    assert place == 0.5 + (facts["sweep_may"].date - facts["survey_start"].date).days / 7
    assert day == "29 May 2015"
    for axes in figure.axes:
        assert any(np.array_equal(line.get_xdata(), [place, place]) for line in axes.get_lines())


def test_every_series_has_a_panel():
    left, right = zip(*trade_figures.WHERE, strict=True)
    assert {row[0] for row in left} == set(trade_summary.POSTS)
    assert {row[0] for row in right} == set(trade_summary.SOLD_IN)


def test_seizures_are_grams_a_week_per_thousand():
    headline = pd.DataFrame([("grams_delivered", "sold", "g", 1.0, 0.5, 2.0)])
    headline.columns = ["id", "meaning", "unit", "median", "q05", "q95"]
    rows = trade_summary.report_rows(tables(), headline, 500).set_index("id")
    weeks = len(days()) / 7
    assert rows.loc["grams_delivered", "median"] == 1.0
    assert rows.loc["border_seizures", "median"] == pytest.approx(2 * 6000 / weeks)
    assert rows.loc["arrests", "q05"] == pytest.approx(2 * 71_000 / weeks)
    assert rows.loc["processors_raided", "q95"] == 0.0
    assert rows.loc["legal_sold", "median"] == pytest.approx(2 * 4900 / weeks)
    assert list(rows.index) == ["grams_delivered", *trade_summary.MEANINGS]


def labels(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_chart_says_its_sums():
    flows = trade_summary.flows(tables(), 500)
    ends = flow_chart.ends(flows).loc[0]
    assert ends.to_dict() == pytest.approx({"sold": 22, "seized": 20, "wasted": 8})
    figure = flow_chart.flow_chart(flows, 98)
    assert "22 kg of illegal ivory reached buyers, 20 kg were seized" in figure.get_suptitle()
    assert "suppliers\n80 kg\n(80 to 80)" in labels(figure)
    assert "dust and waste\n8 kg\n(8 to 8)" in labels(figure)
    assert any("98 days" in text.get_text() for text in figure.texts)


def test_one_run_has_no_interval():
    figure = flow_chart.flow_chart(trade_summary.flows(tables(1), 500), 98)
    assert "suppliers\n80 kg" in labels(figure)
    assert not any("interval" in text.get_text() for text in figure.texts)


def test_bands_of_a_node_lie_side_by_side_within_it():
    """What leaves a node of the example does so from its top to its bottom, and nothing twice."""
    flows = flow_chart.directed(trade_summary.flows(tables(), 500))
    shown = flow_chart._significant(flows, 80.0)
    through = flow_chart.passing(flows)
    nodes = flow_chart._nodes(shown, through, 0.01)
    flow_chart._place(nodes)
    for side in (0, 1):
        tops = flow_chart._tops(nodes, shown, 0.01, side)
        for name, node in nodes.items():
            mine = sorted((tops[key], 0.01 * shown[key]) for key in shown if key[side] == name)
            for (low, _), (high, width) in pairwise(mine):
                assert high - width == pytest.approx(low)
            assert all(node.top - node.height - 1e-9 <= top - width for top, width in mine)


def test_nodes_of_a_column_do_not_overlap():
    flows = flow_chart.directed(trade_summary.flows(tables(), 500))
    nodes = flow_chart._nodes(flow_chart._significant(flows, 80.0), flow_chart.passing(flows), 0.03)
    flow_chart._place(nodes)
    for column in range(6):
        mine = [node for node in nodes.values() if node.column == column]
        spans = []
        for node in mine:
            middle, half = node.top - node.height / 2, flow_chart._slot(node) / 2
            spans.append((middle - half, middle + half))
        spans.sort()
        assert all(one[1] < two[0] for one, two in pairwise(spans))


def test_stock_that_shrinks_gives():
    flows = trade_summary.flows(tables(), 500)
    flows["suppliers", "suppliers_stock"] = [-4.0, -2.0]
    given = flow_chart.directed(flows)
    assert ("suppliers", "suppliers_stock") not in given
    assert list(given["suppliers_stock", "suppliers"]) == [4.0, 2.0]
    assert "out of\nsuppliers' stock\n3.0 kg\n(2.1 to 3.9)" in labels(
        flow_chart.flow_chart(flows, 9)
    )


def test_small_changes_of_stock_are_left_out():
    flows = trade_summary.flows(tables(), 500)
    flows["suppliers", "suppliers_stock"] = flow_chart.LEAST * 92 / 2
    assert not any("suppliers' stock" in text for text in labels(flow_chart.flow_chart(flows, 9)))


def made(tables, retailers):
    return {spec.name: spec.make(tables, retailers=retailers) for spec in registry.TRADE}


def test_no_trade_is_said():
    figures = made(nothing(), 500)
    assert "No trade" in figures["flow"].get_suptitle()
    assert "No data" in figures["prices"].get_suptitle()
    assert "No data" in figures["displacement"].get_suptitle()


def test_axes_say_what_they_count():
    figures = made(tables(), 500)
    assert all("CNY per gram" in axes.get_xlabel() for axes in figures["prices"].axes[2:])
    moved = figures["displacement"].axes
    assert all("% of intended posts" in axes.get_ylabel() for axes in moved[::2])
    assert all("(ratio)" in axes.get_ylabel() for axes in moved[1::2])
    assert all("week" in axes.get_xlabel() for axes in moved[-2:])
