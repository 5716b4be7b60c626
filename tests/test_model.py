"""The Mesa face: days and dates, single traders, checkpoints good and bad, Mesa's own runner."""

import datetime as dt
import doctest
import json
import pickle
import zipfile

import mesa
import numpy as np
import pytest
from conftest import settings

from marketsim.errors import InputError
from marketsim.mesa_model import market as mesa_market
from marketsim.mesa_model.market import Market
from marketsim.model.state import Flow, State, Stock
from marketsim.parameters import panel
from marketsim.simulation import run, tables

DAYS = 148
FIRST = dt.date(2015, 3, 6)


def state(market: Market) -> list[bytes]:
    state = market.state
    groups = (state.retailers, state.counters, state.queue, state.series)
    return [array.tobytes() for group in groups for array in group] + [state.survey_log.tobytes()]


def market(size=40, days=0, seed=9, **changes) -> Market:
    """Return a market that has simulated some days."""
    of = Market(settings(size, **changes), seed=seed)
    for _ in range(days):
        of.step()
    return of


# ---------------------------------------------------------------- days


def test_the_example_in_the_documentation_runs():
    """What the docstrings of the module show is what comes out."""
    result = doctest.testmod(mesa_market)
    assert result.attempted > 3
    assert result.failed == 0


def test_each_step_lives_one_day():
    """A step lives one day: its date is the start plus the days simulated less one."""
    of = market()
    assert (of.horizon, of.days_simulated, of.today) == (DAYS, 0, FIRST - dt.timedelta(1))
    for day in range(5):
        of.step()
        assert of.today == FIRST + dt.timedelta(day)
        assert of.days_simulated == of.steps == day + 1
    of.run()
    assert of.today == dt.date(2015, 7, 31)


def test_each_step_collects_the_row_of_its_day():
    """The data collector holds the same numbers as the daily table, day by day."""
    of = market(days=DAYS)
    collected = of.datacollector.get_model_vars_dataframe()
    daily = tables.daily_table(0, FIRST.toordinal(), of.state.series, of.state.trade.records)
    columns = list(collected.columns)
    posting = {item.name.lower() for item in Flow} | {
        f"traders_{item.name.lower()}" for item in Stock
    }
    assert set(columns) == posting | {"mean_risk", "grams_delivered"} <= set(daily)
    assert len(collected) == DAYS
    assert (collected[columns].to_numpy(float) == daily[columns].to_numpy(float)).all()
    assert daily["day"].iloc[[0, -1]].tolist() == [FIRST, dt.date(2015, 7, 31)]
    assert daily["visible"].sum() > 0


def test_each_stock_counts_the_traders_it_names():
    """The stocks of a day are the traders that the view shows in each state at its end."""
    of = market(400, days=70, moderation__concealed=0.5, moderation__capacity=500.0)
    seen = dict.fromkeys(("active", "lying_low", "banned", "left", "blocked"), 0)
    for _ in range(40):
        of.step()
        row = {name: values[-1] for name, values in of.datacollector.model_vars.items()}
        there = [one for one in of.retailers if one.state in ("active", "lying_low", "banned")]
        tomorrow = of.today + dt.timedelta(1)
        counts = {name: sum(one.state == name for one in of.retailers) for name in list(seen)[:4]}
        counts["blocked"] = sum(
            one.state != "banned" and one.blocked_until is not None and one.blocked_until > tomorrow
            for one in there
        )
        for name, count in counts.items():
            assert row[f"traders_{name}"] == count, name
            seen[name] += count
        assert row["traders_with_backup"] == sum(one.backup != "none" for one in there)
        told = sum(one.backup == "announced" for one in there)
        assert row["traders_with_announced_backup"] == told
        assert row["visible"] == sum(one.visible_today for one in of.retailers)
        assert row["offers"] == sum(one.posts_today for one in of.retailers)
        fear = np.mean([one.perceived_risk for one in there])
        assert row["mean_risk"] == pytest.approx(fear, rel=1e-12)
    assert min(seen.values()) > 0


def test_running_equals_stepping():
    """A run in one call, in steps, or mixed ends in the same state; another seed does not."""
    straight, stepped, mixed = market().run(), market(days=DAYS), market(days=30).run()
    assert state(straight) == state(stepped) == state(mixed)
    assert state(straight) != state(market(seed=10).run())


def test_the_seed_is_that_of_the_settings_unless_given():
    """Without a seed of its own a market takes the seed of its settings, zero included."""
    of = settings(40, seed=9)
    assert Market(of).run_seed == 9
    assert Market(of, seed=0).run_seed == 0
    assert state(Market(of).run()) == state(market().run())
    assert Market().settings.population.retailers == 10_000


def test_a_market_is_running_until_its_last_day():
    """Mesa's flag `running` falls with the last day, by steps or by a run."""
    of = market(days=DAYS - 1)
    assert of.running
    of.step()
    assert not of.running
    assert not market().run().running


def test_no_day_beyond_the_horizon():
    """A step past the last day is refused and leaves the market as it was."""
    of = market(days=DAYS)
    before, rows = state(of), len(of.datacollector.get_model_vars_dataframe())
    with pytest.raises(InputError) as refusal:
        of.step()
    assert refusal.value.key == "days"
    assert (state(of), of.days_simulated) == (before, DAYS)
    assert len(of.datacollector.get_model_vars_dataframe()) == rows
    assert state(of.run()) == before  # nothing is left to live


def test_a_survey_needs_the_whole_horizon():
    """The survey can be read after the last day only, and is that of a study."""
    with pytest.raises(InputError):
        market(days=DAYS - 1).survey()
    seed = panel.run_seed(2015, 3)
    of = settings(40)
    seen = tables.survey_table(3, Market(of, seed=seed).run().survey())
    assert seen.equals(run.run_tables(of, 3)["survey"])


def test_settings_are_checked():
    """A market is not built from settings outside their ranges."""
    with pytest.raises(InputError) as refusal:
        market(posting__base_posts=21.0)
    assert refusal.value.key == "posting.base_posts"
    with pytest.raises(InputError):
        market(horizon__start="2015-04-01")


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64])
def test_a_seed_outside_its_range_is_refused(seed):
    """The seed of a run has the range of `settings.seed`, however it is given."""
    with pytest.raises(InputError) as refusal:
        Market(settings(5), seed=seed)
    assert refusal.value.key == "seed"


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.uint8, np.array])
def test_a_seed_of_numpy_is_a_whole_number(kind):
    """Seeds of `np.arange` or a generator are the usual ones; the market is the same."""
    one, other = market(seed=kind(200), days=3), market(seed=200, days=3)
    assert type(one.run_seed) is int
    assert state(one) == state(other)
    of = settings(40)
    of.seed, of.population.retailers, of.posting.weekend = kind(200), kind(40), np.float32(0.5)
    of.scenario.interventions["sweep_may"]["accounts"] = np.int64(200)
    assert Market(of).run_seed == 200


@pytest.mark.parametrize("seed", [True, np.bool_(True), 3.0, np.float64(3), "3", [3]])
def test_a_seed_of_another_type_is_refused(seed):
    """Neither true nor 3.0 is a seed."""
    with pytest.raises(InputError, match="seed=.* has the wrong type"):
        Market(settings(5), seed=seed)


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_both_ends_of_the_seeds_are_taken(seed):
    """The smallest and the largest seed give markets that live."""
    assert market(seed=seed, days=2).days_simulated == 2


# ---------------------------------------------------------------- single traders


def test_traders_are_shown_by_name():
    """The view names what the arrays hold."""
    of = market(300, days=100, turnover__entry=0.01)
    ties, traders, counters = of.state.ties, of.state.retailers, of.state.counters
    assert len(of.retailers) == traders.state.size > 300
    assert {one.state for one in of.retailers} >= {"absent", "active", "lying_low", "left"}
    for i, one in enumerate(of.retailers):
        assert (one.number, one.model) == (i, of)
        assert one.type == "ABCD"[traders.kind[i]]
        assert one.state == State(traders.state[i]).name.lower()
        assert one.perceived_risk == traders.risk[i]
        assert one.backup == ("none", "prepared", "announced")[traders.backup[i]]
        assert (one.arrival is None) == (i < 300)
        assert [tie.number for tie in one.ties] == ties.other[
            ties.start[i] : ties.start[i + 1]
        ].tolist()
        assert one.posts_today == counters.intended[i] - counters.withheld[i]
        assert one.visible_today == counters.moments[i]
        if one.blocked_until is not None:
            assert one.blocked_until.toordinal() == traders.blocked_until[i]
    assert sum(one.visible_today for one in of.retailers) > 0


def test_the_view_is_a_sequence():
    """Negative places count from the end, slices give lists, and places beyond are refused."""
    view = market(7).retailers
    size = len(view)
    assert view[-1] == view[size - 1] and view[-size] == view[0]
    assert view[np.int64(3)] == view[3]
    assert [one.number for one in view[2:6:2]] == [2, 4]
    assert [one.number for one in view[-2:]] == [size - 2, size - 1]
    assert view[size:] == []
    assert [one.number for one in view] == list(range(size))
    for place in (size, -size - 1):
        with pytest.raises(IndexError, match=f"retailer {place} is out of range: 0 to {size - 1}"):
            view[place]


# ---------------------------------------------------------------- checkpoints


@pytest.fixture
def stored(tmp_path):
    """Return the path and the bytes of a checkpoint after ninety days."""
    path = tmp_path / "market.npz"
    market(days=90).checkpoint(path)
    return path, path.read_bytes()


def refused(path) -> InputError:
    with pytest.raises(InputError) as refusal:
        Market.resume(path)
    assert refusal.value.key == "checkpoint"
    assert "\n" not in str(refusal.value)
    return refusal.value


def test_a_checkpoint_keeps_everything(stored):
    """What is resumed has the state, the day, the seed and the settings of what was saved."""
    path, _ = stored
    of, resumed = market(days=90), Market.resume(path)
    assert state(resumed) == state(of)
    assert (resumed.days_simulated, resumed.today, resumed.run_seed) == (90, of.today, 9)
    assert resumed.settings == of.settings
    assert state(resumed.run()) == state(of.run())
    assert [file.name for file in path.parent.iterdir()] == ["market.npz"]


def test_a_checkpoint_replaces_an_older_one(stored):
    """A file that is there already is replaced as a whole."""
    path, _ = stored
    market(days=3).checkpoint(path)
    assert Market.resume(path).days_simulated == 3


def test_a_truncated_checkpoint_is_refused(stored):
    """A checkpoint cut off anywhere is refused, and the whole one is taken."""
    path, whole = stored
    for size in [*range(0, len(whole), len(whole) // 40), len(whole) - 1]:
        path.write_bytes(whole[:size])
        refused(path)
    path.write_bytes(whole)
    Market.resume(path)


def test_a_damaged_checkpoint_is_refused_or_harmless(stored):
    """After one flipped bit a checkpoint is refused, or gives the same market all the same."""
    path, whole = stored
    expected = state(market(days=90))
    generator = np.random.default_rng(1)
    everywhere = generator.integers(len(whole), size=150)
    near_the_end = len(whole) - 1 - generator.integers(4000, size=150)  # the list of contents
    outcomes = []
    for place in (*everywhere.tolist(), *near_the_end.tolist()):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        try:
            resumed = Market.resume(path)
        except InputError as refusal:
            assert refusal.key == "checkpoint"
            outcomes.append(False)
        else:
            assert state(resumed) == expected
            outcomes.append(True)
    assert outcomes.count(False) > 150


def test_a_checkpoint_marked_as_encrypted_is_refused(stored):
    """One bit says in a list of contents that a part is encrypted: such a file is refused."""
    path, whole = stored
    damaged = bytearray(whole)
    damaged[whole.index(b"PK\x01\x02") + 8] ^= 1
    path.write_bytes(damaged)
    refused(path)


FOREIGN = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("run,day\n0,1\n"),
    "pickle": lambda path: path.write_bytes(pickle.dumps({"head": 1})),
    "array": lambda path: save(path, np.arange(3)),
    "zip": lambda path: zipped(path),
    "arrays": lambda path: save_all(path, {"a": np.arange(3)}),
    "number": lambda path: save_all(path, {"head": np.array("3")}),
    "list": lambda path: save_all(path, {"head": np.array("[]")}),
    "not json": lambda path: save_all(path, {"head": np.array("{")}),
    "nothing in it": lambda path: save_all(path, {"head": np.array("{}")}),
}


def save(path, array):
    with path.open("wb") as stream:
        np.save(stream, array)


def save_all(path, arrays):
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("head.txt", "{}")


@pytest.mark.parametrize("kind", list(FOREIGN))
def test_a_foreign_file_is_refused(tmp_path, kind):
    """A file that is no checkpoint is refused in one line."""
    path = tmp_path / "foreign.npz"
    FOREIGN[kind](path)
    assert str(path) in str(refused(path))


def test_a_missing_checkpoint_is_refused(tmp_path):
    """A path where nothing is, or a folder, is refused."""
    refused(tmp_path / "nowhere.npz")
    refused(tmp_path)


def without(name):
    return lambda arrays: arrays.pop(name)


def shaped(name, shape):
    return lambda arrays: arrays.update({name: np.zeros(shape, arrays[name].dtype)})


def headed(**changes):
    def change(arrays):
        head = json.loads(str(arrays["head"])) | changes
        head = {key: value for key, value in head.items() if value is not None}
        arrays["head"] = np.array(json.dumps(head))

    return change


INCOMPLETE = {
    "no notes": without("notes"),
    "no risk": without("retailers.risk"),
    "short notes": shaped("notes", (5, 40, 6)),
    "one note": shaped("notes", (1, 1, 1)),
    "another market": shaped("retailers.risk", (7,)),
    "no seed": headed(seed=None),
    "no day": headed(days_simulated=None),
    "no settings": headed(settings=None),
    "another version": headed(source="0123456789abcdef"),
}


@pytest.mark.parametrize("kind", list(INCOMPLETE))
def test_an_incomplete_checkpoint_is_refused(stored, kind):
    """A checkpoint of another version, or with a part missing or misshapen, is refused."""
    path, _ = stored
    with np.load(path) as archive:
        arrays = dict(archive)
    save_all(path, arrays)
    assert Market.resume(path).days_simulated == 90
    INCOMPLETE[kind](arrays)
    save_all(path, arrays)
    refused(path)


def test_a_scenario_with_dates_can_be_saved(tmp_path):
    """A date given as an object, which the calendar takes, does not stand in a checkpoint's way."""
    of = settings(20)
    event = {"kind": "news", "date": dt.date(2015, 5, 29), "publicity": 1.0}
    of.scenario.interventions = {"event": event}
    one = Market(of, seed=2)
    one.step()
    one.checkpoint(tmp_path / "market.npz")
    assert state(Market.resume(tmp_path / "market.npz").run()) == state(one.run())


def test_settings_changed_afterwards_do_not_reach_a_market(tmp_path):
    """A market keeps the settings it was built from, though their owner goes on to change them."""
    of = settings(20)
    one = Market(of, seed=2)
    one.step()
    of.population.retailers = 30
    of.perception.half_life = 50.0
    one.checkpoint(tmp_path / "market.npz")
    assert state(Market.resume(tmp_path / "market.npz").run()) == state(one.run())


# ---------------------------------------------------------------- as any Mesa model


def test_mesa_can_run_a_batch():
    """Mesa's batch runner steps each market to its end and returns the rows of its days."""
    rows = mesa.batch_run(
        Market,
        parameters={"settings": [settings(20)], "seed": [1, 2]},
        number_processes=1,
        data_collection_period=1,
        display_progress=False,
    )
    assert len(rows) == 2 * DAYS
    for seed in (1, 2):
        visible = [row["visible"] for row in rows if row["seed"] == seed]
        alone = Market(settings(20), seed=seed).run().state.series.flows[:, 1]
        assert visible == alone.tolist()


def test_markets_do_not_disturb_each_other():
    """Two markets stepped in turn live as each does alone."""
    one, two = market(seed=1), market(seed=2)
    for _ in range(40):
        one.step()
        two.step()
    assert state(one) == state(market(seed=1, days=40))
    assert state(two) == state(market(seed=2, days=40))


def test_a_market_is_a_mesa_model():
    """A loop that knows only Mesa's attributes can run a market to its end."""
    of = market(20)
    assert isinstance(of, mesa.Model)
    while of.running:
        of.step()
    assert of.steps == DAYS
    assert len(of.datacollector.model_vars["visible"]) == DAYS
