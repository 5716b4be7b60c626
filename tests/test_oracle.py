"""The engine against the oracle: the same market written twice is the same to the bit.

The oracle (tests/oracle) is a plain Mesa model, written from docs/model.md and docs/market.md by
people who had not seen the kernels. It shares only the draws, the exact functions, the evidence
and the parameters.
"""

import dataclasses
import functools
import json
from collections import Counter

import pytest
from oracle import cases, mutants, pictures
from oracle.codes import Channel, Measure, Site, Tally, Unit
from oracle.market import Market
from oracle.places import Moderated
from oracle.police import Police

from marketsim.model import market, observer
from marketsim.model.state import Enforcement, Flow, Learned, State, TradeCounter
from marketsim.numerics.elementary import log
from marketsim.parameters.settings import POSTING_ONLY

MANY = 5
LATER = range(30, 55)  # random markets of the campaign alone: the default suite has a time limit
FEW = 3  # misreadings in the default suite; `pytest -m campaign tests/test_oracle.py` tries all
# of docs/market.md 17: where the level of prices and the stocks wanted are held
LEVELS = log(0.1), log(10.0)
HOLDINGS = log(0.25), log(4.0)


def engine_and_oracle(number: int, change=lambda settings: None):
    """Live a random market twice, day by day; return the first difference and the engine's."""
    of = cases.settings_of(number)
    state = market.initialize(of, of.seed)
    other = dataclasses.replace(of)
    change(other)
    oracle = Market(other, of.seed)
    for row in range(state.series.risk.size):
        market.advance(state, row, row + 1)
        oracle.step()
        told = {key: pictures.plain(value) for key, value in oracle.picture().items()}
        found = pictures.difference(pictures.of_engine(state, row), told)
        if found:
            return f"row {row}: {found}", state
    seen = (state.contacts, state.retailers.kind, state.survey_log, state.trade.observed_prices)
    surveyed = pictures.of_survey(observer.observe(of.seed, state.first_day, *seen))
    told = {key: pictures.plain(value) for key, value in oracle.survey().items()}
    return pictures.difference(surveyed, told), state


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(start, marks=[pytest.mark.campaign] if start in LATER else [])
        for start in range(0, cases.MARKETS, MANY)
    ],
)
def test_every_state_and_every_entry_are_equal_on_every_day(start):
    """Traders, dealers, agents, buyers, friends, parcels, queues, books, counts and the survey."""
    for number in range(start, min(start + MANY, cases.MARKETS)):
        difference, _ = engine_and_oracle(number)
        assert not difference, (number, difference)


def test_the_random_markets_reach_every_corner():
    """All structures, both kinds of market, every measure, count and motive, arrests and bans."""
    structures, markets, done, channels, states = set(), set(), 0, 0, set()
    flows, learning, motives = 0, 0, dict.fromkeys(("drive", "place", "value", "jail"), 0)
    levels, holdings = [], []
    for number in range(cases.MARKETS):
        of = cases.settings_of(number)
        state = market.initialize(of, of.seed)
        market.advance(state, 0, state.series.risk.size)
        records = state.trade.records
        structures.add(of.recovery.name)
        markets.add(of.market)
        done = done + records.enforcement[..., 0].sum(axis=(0, 2))
        channels = channels + records.counts.sum(axis=0)
        states |= set(state.retailers.state.tolist())
        flows = flows + state.series.flows.sum(axis=0)
        levels.append(records.outlook[:, 0])
        holdings.append(of.prices.speculation * records.outlook[:, 1])
        learning += state.motives.market[Learned.PRIOR] > 0.0
        for name in motives:
            rest = 0.0 if name == "jail" else 1.0
            motives[name] += int((getattr(state.motives, name) != rest).sum())
    assert len(structures) == len(cases.STRUCTURES)
    assert POSTING_ONLY in markets and len(markets) == 2
    assert (done > 0).all(), [measure.name for measure in Enforcement if done[measure] == 0]
    assert (channels > 0).all(), [name for name, n in enumerate(channels) if n == 0]
    assert states >= set(State) - {State.ABSENT}
    assert channels[TradeCounter.DEALS] > 5000
    assert (flows > 0).all(), [flow.name for flow in Flow if flows[flow] == 0]
    assert sum(bool(level.any()) for level in levels) > 30
    for held, bounds in ((levels, LEVELS), (holdings, HOLDINGS)):
        assert min(one.min() for one in held) <= bounds[0]
        assert max(one.max() for one in held) >= bounds[1]
    assert learning > 30 and all(number > 100 for number in motives.values()), motives


def test_markets_of_institutions_reach_the_rules_made_for_them(monkeypatch):
    """Of the oracle: strikes, bars, desks, sharing, cases chosen, sources raided, hours moved."""
    seen: Counter = Counter()

    def watch(kind, name, note):
        usual = getattr(kind, name)

        def noted(self, *args):
            before = list(self.cases) if kind is Police else None
            result = usual(self, *args)
            note(self, args, result, before)
            return result

        monkeypatch.setattr(kind, name, noted)

    def note_case(police, args, result, before):
        seen["case that was not the head"] += result is not before[0]

    def note_source(police, args, result, before):
        seen[f"another source, lane {args[3]}"] += result is not args[1]

    def note_strike(trader, args, result, before):
        seen[f"strikes {trader.strikes[args[0]]} at {args[0].name}"] += 1

    def note_share(trader, args, result, before):
        seen["some platforms barred"] += 0.0 < result < 1.0
        seen["all platforms barred"] += result == 0.0

    watch(Police, "_next_case", note_case)
    watch(Police, "_source", note_source)
    watch(Moderated, "be_sanctioned", note_strike)
    watch(Moderated, "open_share", note_share)
    first, last = cases.INSTITUTIONS, cases.INSTITUTIONS + len(cases.OF_INSTITUTIONS) - 1
    for number in (first, first + 1, first + 2, last):
        of = cases.settings_of(number)
        model = Market(of, of.seed)
        for _ in model.calendar:
            model.step()
            for measure in (Measure.ELSEWHERE_SANCTIONED, Measure.ELSEWHERE_CLOSED,
                            Measure.CASES_SHARED, Measure.STINGS):  # fmt: skip
                for channel in Channel:
                    done = model.counts.measures[measure][channel][0]
                    seen[f"{measure.name} {channel.name}"] += done
            seen["strangers refused"] += model.counts.trade[Tally.STRANGERS_REFUSED]
            seen["evidence that waits"] += bool(model.police.evidence)
            for unit in Unit:
                seen[f"effort of {unit.name}"] += model.units.effort[unit] != 1.0
                seen[f"finds of {unit.name}"] += model.units.found[unit] > 0.0
            for number_of_desk, desk in enumerate(model.operators.desks):
                seen[f"desk {number_of_desk}"] += len(desk)
    expected = [f"strikes {n} at {site.name}" for n in (1, 2, 3, 4) for site in Site]
    expected += [f"strikes 0 at {site.name}" for site in Site]  # an account closed at the fifth
    expected += [f"ELSEWHERE_SANCTIONED {Channel(n).name}" for n in (1, 2, 3, 4)]
    expected += [f"ELSEWHERE_CLOSED {Channel(n).name}" for n in (1, 2, 3, 4)]
    expected += [f"CASES_SHARED {name}" for name in ("MOMENTS", "SOCIAL", "WEBSITES")]
    expected += [f"{what} of {unit.name}" for what in ("effort", "finds") for unit in Unit]
    expected += [f"desk {n}" for n in range(5)]
    expected += ["another source, lane 2", "another source, lane 3", "case that was not the head"]
    expected += ["some platforms barred", "all platforms barred", "strangers refused"]
    expected += ["evidence that waits", "STINGS MOMENTS"]
    assert all(seen[name] > 0 for name in expected), [one for one in expected if not seen[one]]


@pytest.mark.parametrize(
    ("number", "group", "key", "value"),
    [(10, "perception", "half_life", 20.0), (9, "demand", "second_choice_prob", 0.123),
     (cases.RANDOM + 3, "police", "upstream", 0.9), (16, "delivery", "lost", 0.3),
     (cases.LOOKING_AHEAD, "prices", "adjust", 0.61),
     (cases.LOOKING_AHEAD, "prices", "extrapolate", 1.1),
     (cases.LOOKING_AHEAD, "prices", "speculation", 1.4),
     (cases.LOOKING_AHEAD, "legal", "reuse", 0.8),
     (cases.LOOKING_AHEAD, "legal", "rush", 1.5)],
)  # fmt: skip
def test_a_parameter_that_is_another_is_noticed(number, group, key, value):
    """Negative control: were one parameter of the oracle another, the two would part."""

    def change(of):
        setattr(of, group, dataclasses.replace(getattr(of, group), **{key: value}))

    difference, _ = engine_and_oracle(number, change)
    assert difference.startswith("row ")


@pytest.mark.parametrize("error", mutants.NAMED)
def test_an_error_in_what_traders_learn_is_noticed(error):
    """Errors in memory, ties, blocked posts and refunds change a market to which both are equal."""
    number = cases.LEARNING
    known = json.dumps({number: list(mutants.fingerprints(number))})
    assert mutants.run(cases.MARKETS, error, 0, known).startswith(f"market {number}, row ")


@functools.cache
def evenings_of_the_engine(number: int) -> list[pictures.Picture]:
    """Return what a market is in the evening of each day."""
    of = cases.settings_of(number)
    state = market.initialize(of, of.seed)
    out = []
    for row in range(state.series.risk.size):
        market.advance(state, row, row + 1)
        out.append(pictures.of_engine(state, row))
    return out


def is_noticed(error: str, number: int) -> bool:
    """Return whether an oracle that misreads a passage parts from the engine in a market."""
    of = cases.settings_of(number)
    oracle = mutants.misread_market(error)(of, of.seed)
    for evening in evenings_of_the_engine(number):
        try:
            oracle.step()
        except AssertionError:  # its books do not balance
            return True
        told = {key: pictures.plain(value) for key, value in oracle.picture().items()}
        if pictures.difference(evening, told):
            return True
    return False


def first_few(errors):
    """Return errors as parameters: a few by default, all of them in the campaign."""
    return [
        pytest.param(error, marks=[pytest.mark.campaign] if place >= FEW else [])
        for place, error in enumerate(errors)
    ]


@pytest.mark.parametrize("error", first_few(mutants.MISREAD))
def test_a_passage_on_prices_or_the_legal_market_that_is_misread_is_noticed(error):
    """An oracle that misreads the text on prices, announcements or the legal stock is another."""
    assert is_noticed(error, cases.LOOKING_AHEAD), "the two are the same on all days"


@pytest.mark.parametrize("error", first_few(mutants.MISREAD_OF_BUYERS))
def test_a_passage_on_buyers_that_is_misread_is_noticed(error):
    """An oracle that misreads the text on segments, satiety, hearsay or comparing is another."""
    markets = cases.WANTING, cases.LONG
    assert any(is_noticed(error, number) for number in markets), "the two are the same on all days"


@pytest.mark.parametrize("error", first_few(mutants.MISREAD_OF_INSTITUTIONS))
def test_a_passage_on_operators_or_police_units_that_is_misread_is_noticed(error):
    """An oracle that misreads the text on places, operators or police units is another."""
    markets = cases.INSTITUTIONS, cases.INSTITUTIONS + 1
    assert any(is_noticed(error, number) for number in markets), "the two are the same on all days"


@pytest.mark.parametrize("error", first_few(mutants.MISREAD_OF_DEALERS))
def test_a_passage_on_dealers_or_agents_that_is_misread_is_noticed(error):
    """An oracle that misreads the text on sources, agents or sweeps of them is another."""
    markets = range(cases.UPSTREAM, cases.UPSTREAM + len(cases.OF_DEALERS))
    assert any(is_noticed(error, number) for number in markets), "the two are the same on all days"


@pytest.mark.parametrize("error", mutants.MISREAD_OF_SHORT_DRAWS)
def test_a_passage_on_short_draws_that_is_misread_is_noticed(error):
    """An oracle that reads the bits of a word in another way is another."""
    assert is_noticed(error, cases.LEARNING), "the two are the same on all days"


def test_dealers_and_agents_do_all_that_they_can():
    """Sources change; agents leave, choose, move with those below, are recruited and banned."""
    happened = Counter()
    for number in range(cases.UPSTREAM, cases.UPSTREAM + len(cases.OF_DEALERS)):
        of = cases.settings_of(number)
        oracle = Market(of, of.seed)
        before = watched(oracle)
        for _ in oracle.calendar:
            oracle.step()
            after = watched(oracle)
            happened += what_happened(oracle, before, after)
            before = after
    expected = {"supplier changed", "processor changed", "agent left for want of deals",
                "agent left for want of a trader", "agent left by an agent", "agent moved",
                "agent moved with another", "agent recruited", "friends of agents released",
                "agent banned", "dealer banned", "dealer posted"}  # fmt: skip
    assert min(happened[name] for name in expected) > 0, happened


def watched(oracle):
    """Return sources of traders, and agents, as they are now."""
    sources = [(one.supplier, one.processor) for one in oracle.traders]
    agents = [
        (one.active, one.retailer, one.upstream, one.last_deal, len(one.friends))
        for one in oracle.resale_agents
    ]
    return sources, agents


def what_happened(oracle, before, after) -> Counter:
    """Count what became of dealers and agents on one day."""
    out: Counter = Counter()
    for one, other in zip(before[0], after[0], strict=True):
        out["supplier changed"] += one[0] is not other[0]
        out["processor changed"] += one[1] is not other[1]
    recruits = oracle.rules.upstream.recruit > 0.0
    for number, (one, other) in enumerate(zip(before[1], after[1], strict=True)):
        active, retailer, upstream, last_deal, friends = one
        turn = (oracle.row + number) % 28 == 0
        if recruits and turn and active and not other[0]:
            idle = oracle.row - last_deal > 91
            out[f"agent left for want of {'deals' if idle else 'a trader'}"] += 1
        out["agent left by an agent"] += active and upstream is not None and other[2] is None
        moved = active and other[0] and retailer is not other[1]
        out["agent moved with another" if other[2] else "agent moved"] += moved
        out["agent recruited"] += not active and other[0]
        out["friends of agents released"] += not active and friends > 0 and other[4] == 0
    measures = oracle.counts.measures
    out["agent banned"] += measures[Enforcement.AGENTS_BANNED][0][0]
    out["dealer banned"] += measures[Enforcement.DEALERS_BANNED][0][0]
    out["dealer posted"] += oracle.counts.trade[TradeCounter.DEALER_POSTS]
    return +out
