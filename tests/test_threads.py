"""Threads inside one market: steps that are shared among them give the same bits."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from marketsim.model import market
from marketsim.model.ledger import Account, Item
from marketsim.model.market import SHARED, Step, advance, fork, initialize
from marketsim.model.returns import REFERENCE_ROWS
from marketsim.model.state import ROOM, MarketState, TradeCounter, workspace
from marketsim.numerics.jit import numba_config
from marketsim.parameters import presets
from marketsim.simulation import run as simulation

DAYS = 2 if numba_config.DISABLE_JIT else REFERENCE_ROWS + 40
SEED = 7


def busy_market(traders: int = 30 if numba_config.DISABLE_JIT else 300) -> MarketState:
    """Return a market with every mechanism, and at times more inquiries than there is room for."""
    of = presets.named(population="survey", scenario="all_operators")
    of.posterior, of.population.retailers = "none", traders
    of.police.capacity, of.delivery.intercepted = 20.0, 0.05
    of.demand.inquiries_per_post *= 100.0
    return initialize(of, SEED)


def arrays(value, path="state"):
    """Yield the names and the bytes of all arrays of a market."""
    if isinstance(value, np.ndarray):
        yield path, value.tobytes()
    elif isinstance(value, tuple):
        for name, one in zip(getattr(value, "_fields", range(len(value))), value, strict=True):
            yield from arrays(one, f"{path}.{name}")


def differing(one: MarketState, other: MarketState) -> list[str]:
    """Return the names of arrays in which two markets differ."""
    pairs = zip(arrays(one), arrays(other), strict=True)
    return [name for (name, first), (_, second) in pairs if first != second]


def cleared(value):
    """Return named tuples of arrays with zeros in all of them, in place."""
    if isinstance(value, np.ndarray):
        value[...] = 0
    else:
        for one in value:
            cleared(one)
    return value


def step_by_step(state: MarketState, days: int, parts: dict[Step, list[int]], forget=False) -> None:
    """Simulate days step by step, some steps in parts in a given order."""
    work = cleared(workspace(state.retailers.state.size, state.trade.friends.count.size))
    for row in range(days):
        for step in Step:
            order = parts.get(step, [0])
            for part in order:
                market._simulate(state, work, row, row + 1, int(step), step + 1, part, len(order))
            if forget and step == Step.INQUIRIES:
                work.asked.first[:] = -1


@pytest.fixture(scope="module")
def alone() -> MarketState:
    """Return a market after some months on one thread."""
    state = busy_market()
    advance(state, 0, DAYS)
    return state


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_give_the_same_bits(alone, threads, monkeypatch):
    """Every number of the state is the same with any number of threads."""
    monkeypatch.setattr(market, "WORTH_SHARING", 0)
    state = busy_market()
    advance(state, 0, DAYS, threads)
    assert differing(alone, state) == []


@pytest.mark.skipif(bool(numba_config.DISABLE_JIT), reason="a short run in plain Python")
def test_the_market_that_is_shared_reaches_what_can_go_wrong(alone):
    """It has deals at other sellers, seekers, agents, and more inquiries than there is room for."""
    counts, sellers = alone.trade.records.counts[:DAYS], alone.trade.friends.count.size
    for what in ("DEALS", "PASSED_ON", "AUCTIONS", "FORWARDED", "FRIENDS_ADDED", "FRIENDS_LOST"):
        assert counts[:, TradeCounter[what]].sum() > 0, what
    assert counts[:, TradeCounter.INQUIRIES].max() > ROOM * sellers


@hypothesis_settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(orders=st.lists(st.permutations(range(7)), min_size=len(SHARED), max_size=len(SHARED)))
def test_parts_of_a_shared_step_have_no_order(alone, orders):
    """Parts of shared steps in any order, which threads only vary, give the same bits."""
    state = busy_market()
    step_by_step(state, DAYS, dict(zip(SHARED, orders, strict=True)))
    assert differing(alone, state) == []


def test_parts_of_sales_have_an_order(alone):
    """Negative control: the comparison notices sellers who are asked in another order."""
    state = busy_market()
    step_by_step(state, DAYS, {Step.SALES: [0, 1, 2, 3]})
    assert differing(alone, state) == []
    state = busy_market()
    step_by_step(state, DAYS, {Step.SALES: [3, 2, 1, 0]})
    assert "state.trade.books.balance" in differing(alone, state)


def test_a_part_that_is_left_out_is_noticed(alone):
    """Negative control: each shared step does something to every part of the traders."""
    for step in SHARED:
        state = busy_market()
        step_by_step(state, DAYS, {step: [0, 1, 2, 0]})
        assert differing(alone, state) != [], step


def test_inquiries_without_room_are_drawn_when_they_are_answered(alone):
    """Whether an inquiry is drawn in advance changes no bit."""
    state = busy_market()
    step_by_step(state, DAYS, {}, forget=True)
    assert differing(alone, state) == []


def test_a_small_market_has_one_thread(monkeypatch):
    """No threads are started where a step is over before they take it up."""

    def refused(*_):
        raise AssertionError("threads were started")

    monkeypatch.setattr(market, "ThreadPoolExecutor", refused)
    state = busy_market(50)
    advance(state, 0, 2, 8)
    monkeypatch.setattr(market, "WORTH_SHARING", 0)
    with pytest.raises(AssertionError, match="threads were started"):
        advance(state, 2, 3, 8)


def test_books_that_do_not_balance_stop_a_shared_market(monkeypatch):
    """An error in a step ends the run with threads as it does without them."""
    monkeypatch.setattr(market, "WORTH_SHARING", 0)
    state = busy_market(50)
    state.trade.books.balance[state.trade.books.start[Account.OWNERS], Item.MONEY] += 1
    for threads in (1, 2):
        with pytest.raises(ValueError, match="the ledger does not balance"):
            advance(fork(state, state.levers), 0, 1, threads)


@pytest.mark.parametrize(
    ("threads", "runs", "each"), [(1, 1, 1), (8, 1, 8), (8, 3, 2), (8, 8, 1), (2, 20, 1), (4, 0, 1)]
)
def test_threads_are_divided_among_runs(threads, runs, each):
    """Runs that are fewer than threads have several each; none has less than one."""
    assert simulation.threads_of_a_run(threads, runs) == each


def test_a_study_of_one_run_uses_its_threads(monkeypatch):
    """Tables of a run are the same, and the threads of the study reach the market."""
    of = presets.named(population="survey")
    of.population.retailers, used = 50, []
    usual = simulation.advance
    monkeypatch.setattr(market, "WORTH_SHARING", 0)

    def noted(state, row, end, threads=1):
        used.append(threads)
        usual(state, row, end, threads)

    monkeypatch.setattr(simulation, "advance", noted)
    one, two = (simulation.replicate(of, range(1), threads) for threads in (1, 2))
    assert used == [1, 2]
    assert all(one[name].equals(two[name]) for name in simulation.TABLES)
