"""Tables of trade: what is counted stands in them in natural units, and comes back from a file."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import trading

from marketsim.model import ledger
from marketsim.model.ledger import PRODUCTS, Account, Item
from marketsim.model.scenario.timeline import horizon
from marketsim.model.state import (
    Channel,
    Enforcement,
    Flow,
    Series,
    Stage,
    Stock,
    TradeCounter,
    TradeRecords,
)
from marketsim.parameters import panel
from marketsim.simulation import files
from marketsim.simulation import run as simulation
from marketsim.simulation import tables as run_tables_of

FIRST = dt.date(2015, 3, 6)
DAYS = 4
TRADE = ("prices", "enforcement", "ledger")


def counted() -> TradeRecords:
    """Return tallies of four days in which nothing was counted."""
    return TradeRecords(
        np.zeros((DAYS, max(TradeCounter) + 1), np.int64),
        np.zeros((DAYS, PRODUCTS, len(Stage), len(Channel), 3), np.int64),
        np.zeros((DAYS, len(Enforcement), len(Channel), 2), np.int64),
        np.zeros((DAYS, len(Account), len(Item)), np.int64),
        np.zeros((DAYS, 2)),
    )


def tables(of: TradeRecords, run: int = 7) -> dict[str, pd.DataFrame]:
    at = (run, FIRST.toordinal(), of)
    return {
        "prices": run_tables_of.price_table(*at),
        "enforcement": run_tables_of.enforcement_table(*at),
        "ledger": run_tables_of.ledger_table(*at),
    }


def noted(of: TradeRecords, day: int, where: tuple[int, int, int], *fen: int) -> None:
    """Count prices in fen a gram, as the kernels do."""
    for price in fen:
        of.prices[(day, *where)] += (price, price * price, 1)


@pytest.fixture(scope="module")
def simulated() -> SimpleNamespace:
    """Live one market whole; return its tallies and tables."""
    of = trading(60)
    _, records, _ = simulation.simulate(of, panel.run_seed(of.seed, 0))
    return SimpleNamespace(
        records=records, tables=simulation.run_tables(of, 0), first=horizon(of)[0]
    )


# ---------------------------------------------------------------- prices


def test_a_price_is_the_mean_with_its_deviation():
    """Prices of 10, 20 and 30 CNY a gram have mean 20, standard deviation 10 and number 3."""
    of = counted()
    where = (Item.CARVED, Stage.SOLD, Channel.GROUPS)
    noted(of, 2, where, 1000, 2000, 3000)
    (row,) = tables(of)["prices"].to_dict("records")
    place = {"run": 7, "day": FIRST + dt.timedelta(days=2)}
    place |= {"product": "carved", "stage": "sold", "channel": "groups"}
    assert row == place | {"mean": 20.0, "sd": pytest.approx(10.0), "n": 3}


def test_a_single_price_has_no_deviation():
    """Of one price the deviation is not there; of two equal ones it is 0."""
    of = counted()
    noted(of, 0, (Item.RAW, Stage.SUPPLIER, Channel.PHYSICAL), 12345)
    noted(of, 1, (Item.RAW, Stage.SUPPLIER, Channel.PHYSICAL), 333, 333)
    table = tables(of)["prices"]
    assert np.isnan(table["sd"][0]) and table["sd"][1] == 0.0
    assert table["mean"].tolist() == [123.45, 3.33]


def test_every_place_of_the_chain_has_its_name():
    """A price at each day, product, stage and channel is a row of that day and these names."""
    of = counted()
    fen = iter(range(100, 10**9, 100))
    places = list(np.ndindex(of.prices.shape[:-1]))
    for day, *where in places:
        noted(of, day, tuple(where), next(fen))
    table = tables(of)["prices"]
    assert len(table) == len(places)
    names = [
        (FIRST + dt.timedelta(days=day), Item(p).name, Stage(s).name, Channel(c).name)
        for day, p, s, c in places
    ]
    told = table[["day", "product", "stage", "channel"]].astype({"day": object})
    assert [(day, *(name.upper() for name in rest)) for day, *rest in told.to_numpy()] == names
    assert table["mean"].tolist() == list(np.arange(1.0, len(places) + 1))


# ---------------------------------------------------------------- enforcement


def test_enforcement_is_counted_with_what_it_took():
    """Two arrests that took 1.5 g, and a case that took nothing; what did not happen has no row."""
    of = counted()
    of.enforcement[1, Enforcement.ARRESTS, Channel.PHYSICAL] = (2, 1500)
    of.enforcement[3, Enforcement.REFERRALS, Channel.MOMENTS] = (1, 0)
    told = tables(of)["enforcement"].astype({"day": object}).to_numpy().tolist()
    days = [FIRST + dt.timedelta(days=day) for day in range(DAYS)]
    assert told == [
        [7, days[1], "arrests", "physical", 2, 1.5],
        [7, days[3], "referrals", "moments", 1, 0.0],
    ]


# ---------------------------------------------------------------- the ledger


def test_the_ledger_has_every_evening_of_what_was_ever_held():
    """A pair of account and item has a row on each day if it has a balance on any; else none."""
    of = counted()
    of.ledger[2, Account.RETAILERS, Item.CARVED] = 5000
    of.ledger[2, Account.OPENING, Item.CARVED] = -5000
    table = tables(of)["ledger"]
    assert len(table) == 2 * DAYS
    of_retailers = table[table["account"] == "retailers"]
    assert of_retailers["balance"].tolist() == [0, 0, 5000, 0]
    assert (of_retailers["item"] == "carved").all()
    days = [FIRST + dt.timedelta(days=day) for day in range(DAYS)]
    assert of_retailers["day"].tolist() == days


def test_each_item_adds_up_to_zero_over_accounts(simulated):
    """On every evening of a market that trades; with one account left out it does not."""
    table = simulated.tables["ledger"]
    assert table["balance"].dtype == np.int64
    by_item = table.groupby(["day", "item"], observed=True)["balance"].sum()
    assert by_item.index.get_level_values("item").nunique() == len(Item)
    assert (by_item == 0).all()
    rest = table[table["account"] != "retailers"]  # negative control
    assert (rest.groupby(["day", "item"], observed=True)["balance"].sum() != 0).any()


# ---------------------------------------------------------------- tables of a market


def test_tables_hold_all_that_was_counted(simulated):
    """Sums over rows of each table are the sums of what the kernels counted."""
    of, found = simulated.records, simulated.tables
    prices = found["prices"]
    assert prices["n"].sum() == of.prices[..., 2].sum() > 0
    fen = (prices["mean"] * prices["n"]).sum() * ledger.FEN
    assert fen == pytest.approx(of.prices[..., 0].sum())
    squares = prices["sd"].fillna(0.0) ** 2 * (prices["n"] - 1) + prices["mean"] ** 2 * prices["n"]
    assert squares.sum() * ledger.FEN**2 == pytest.approx(of.prices[..., 1].sum())
    assert found["enforcement"]["count"].sum() == of.enforcement[..., 0].sum() > 0
    milligrams = found["enforcement"]["grams"].sum() * ledger.MILLIGRAMS
    assert milligrams == pytest.approx(of.enforcement[..., 1].sum())
    assert found["ledger"]["balance"].abs().sum() == np.abs(of.ledger).sum() > 0
    for name in TRADE:
        days = found[name]["day"]
        assert simulated.first <= days.min() <= days.max() <= dt.date(2015, 7, 31)
        assert not found[name].duplicated(["run", *keys_of(name)]).any()


def keys_of(name: str) -> list[str]:
    """Return the columns that tell the rows of a table apart."""
    last = {"prices": ["product", "stage", "channel"], "enforcement": ["kind", "channel"]}
    return ["day", *last.get(name, ["item", "account"])]


def test_channels_of_a_day_add_up():
    """What is agreed, paid, delivered and earned is that of the channels, in grams and CNY."""
    of = counted()
    first = [TradeCounter[name] for name in ("AGREED", "REVENUE", "DELIVERED", "EARNED")]
    grams, sums = 1000 * np.arange(1, 7), 100 * np.arange(6)
    for at, values in zip(first, (grams, sums + 1000, grams + 1000, sums), strict=True):
        of.counts[:, at : at + len(Channel)] = values
    of.counts[:, TradeCounter.RAW_SHIPPED] = 20_000_000
    of.counts[:, TradeCounter.DEALS] = 9
    series = Series(
        **dict.fromkeys(Series._fields)
        | {
            "flows": np.zeros((DAYS, len(Flow)), np.int64),
            "stocks": np.zeros((DAYS, len(Stock)), np.int64),
            "risk": np.zeros(DAYS),
        }
    )
    table = run_tables_of.daily_table(0, FIRST.toordinal(), series, of)
    names = [channel.name.lower() for channel in Channel]
    by_channel = {"agreed": [1, 2, 3, 4, 5, 6], "revenue": [10, 11, 12, 13, 14, 15],
                  "delivered": [2, 3, 4, 5, 6, 7], "earned": [0, 1, 2, 3, 4, 5]}  # fmt: skip
    for what, values in by_channel.items():
        assert table[[f"{what}_{name}" for name in names]].to_numpy()[0].tolist() == values
    for sums, total in (("grams_agreed", 21.0), ("revenue", 75.0), ("grams_delivered", 27.0),
                        ("earned", 15.0)):  # fmt: skip
        assert (table[sums] == total).all()
    assert (table["raw_shipped"] == 20_000.0).all() and (table["elephants"] == 2.0).all()
    assert (table["deals"] == 9).all()


def test_tables_come_back_as_they_were_written(simulated, tmp_path):
    """Values, names and dates of a file are those in memory, and it is written whole or not."""
    for name, table in simulated.tables.items():
        path = tmp_path / f"{name}.parquet"
        files.write_parquet(table, path)
        read = pd.read_parquet(path)
        assert list(read) == list(table) and len(read) == len(table) > 0
        for column in table:
            written, found = (of[column].astype(object).to_list() for of in (table, read))
            both_nan = pd.isna(pd.Series(written)) & pd.isna(pd.Series(found))
            assert (both_nan | (pd.Series(written) == pd.Series(found))).all(), (name, column)
        files.write_parquet(read, tmp_path / "again.parquet")
        again = pq.read_table(tmp_path / "again.parquet")
        assert again.schema.names == pq.read_schema(path).names
    assert not list(tmp_path.glob("*.part"))


def test_every_field_has_its_unit(simulated, tmp_path):
    """Unit and description of each column stand in the file as they do here; grams are grams."""
    for name in TRADE:
        path = tmp_path / f"{name}.parquet"
        files.write_parquet(simulated.tables[name], path)
        for item in pq.read_schema(path):
            told = tuple(item.metadata[key].decode() for key in (b"unit", b"description"))
            assert told == run_tables_of.COLUMNS[item.name]
            assert all(told)
    units = {
        item: run_tables_of.COLUMNS[item][0] for item in ("mean", "sd", "grams", "balance", "day")
    }
    expected = ["CNY/g", "CNY/g", "g", "mg or fen", "date"]
    assert list(units.values()) == expected


def test_a_column_without_a_unit_is_not_written(simulated, tmp_path):
    """Negative control: a column that nobody described is refused, and leaves no file."""
    table = simulated.tables["prices"].assign(**{"nobody.knows": 1.0})
    with pytest.raises(AttributeError):
        files.write_parquet(table, tmp_path / "prices.parquet")
    assert not list(tmp_path.iterdir())
    more = {"nobody.knows": ("1", "now it is known")}
    files.write_parquet(table, tmp_path / "prices.parquet", more)
    assert (tmp_path / "prices.parquet").exists()


@pytest.mark.parametrize("name", TRADE)
def test_a_table_without_rows_keeps_its_columns(name, tmp_path):
    """Where nothing was counted the table is empty, and can be written, read and joined."""
    nothing, full = tables(counted())[name], counted()
    noted(full, 0, (0, 0, 0), 5)
    full.enforcement[0, 0, 0] = (1, 1)
    full.ledger[0, 0, 0] = 1
    some = tables(full)[name]
    assert len(nothing) == 0 < len(some)
    assert list(nothing) == list(some)
    files.write_parquet(nothing, tmp_path / "table.parquet")
    files.write_parquet(some, tmp_path / "other.parquet")
    schemas = [pq.read_schema(tmp_path / f"{of}.parquet") for of in ("table", "other")]
    assert schemas[0].equals(schemas[1], check_metadata=True)
    assert len(pd.concat([nothing, some], ignore_index=True)) == len(some)
