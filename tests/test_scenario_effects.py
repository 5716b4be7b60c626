"""Each scenario has an effect nobody asks for, through the mechanism that it names.

On the same luck, in the market of the survey at the calibrated point: where posts go that leave
Moments, what is dearer, what is sold in place of what is missing, where stock piles up.
"""

from dataclasses import replace

import numpy as np
import pytest

from marketsim.analysis.comparison import arms
from marketsim.model.ledger import Item
from marketsim.model.market import advance, fork, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import (
    Channel,
    Enforcement,
    Flow,
    Learned,
    MarketState,
    Stage,
    State,
    Stock,
    TradeCounter,
)
from marketsim.parameters import posterior, presets
from marketsim.parameters.settings import Comparison, Settings

FIRST = 148  # all scenarios here begin on 1 August 2015 or later
MAY = 84  # but for one, which begins on 29 May
SEEDS = 3
TRACEABLE = {
    "delivery__intercepted": 0.05,
    "delivery__traced": 0.7,
    "payment__escrow": 0.9,
    "payment__accepted": 0.9,
    "police__escrow_trace": 0.05,
    "police__capacity": 1.0,
}
STAFFED = {"moderation__capacity": 300.0, "motive__evade": 0.0}  # what is found is removed
LISTED = STAFFED | {"population__platform_traders": 10_000.0}  # a list is a larger share
SWITCHING = {"legal__switch_to_illegal": 0.5, "legal__stigma": 0.0}  # buyers go where it is sold
WATCHED = {"institutions__staff": 0.5, "motive__evade": 0.0, "moderation__capacity": 20.0}
UNDILUTED = {"institutions__noise": 0.0}  # else a drive takes more time than it brings cases
FEW_TRADERS = {"population__platform_traders": 2000.0, "institutions__reopen": 52.0}
MANY_AGENTS = {"population__platform_traders": 5000.0, "resale__agents": 500.0,
               "accounts__kept_cold": 0.1}  # fmt: skip
POLICED = {"police__capacity": 0.2, "police__inspected": 0.002, "police__arrest": 1.0}
POPULAR = {"demand__friends": 400.0}  # more than the limit


def flow(name: Flow):
    return lambda state: state.series.flows[FIRST:, name].sum()


def sold(state: MarketState) -> int:
    return state.trade.records.counts[FIRST:, TradeCounter.AGREED : TradeCounter.REVENUE].sum()


def inquiries(state: MarketState) -> int:
    return state.trade.records.counts[FIRST:, TradeCounter.INQUIRIES].sum()


def delivered_online(state: MarketState) -> int:
    first = TradeCounter.DELIVERED
    return state.trade.records.counts[FIRST:, first : first + Channel.PHYSICAL].sum()


def at_stalls(state: MarketState) -> int:
    return state.trade.records.counts[FIRST:, TradeCounter.AGREED + Channel.PHYSICAL].sum()


def stock(state: MarketState) -> float:
    return state.trade.records.counts[FIRST:, TradeCounter.STOCK].mean()


def backups(state: MarketState) -> float:
    return state.series.stocks[FIRST:, Stock.WITH_BACKUP].mean()


def left(state: MarketState) -> int:
    return state.series.stocks[-1, Stock.LEFT]


def friends(state: MarketState) -> int:
    return state.trade.friends.count.sum()


def value(state: MarketState) -> float:
    """Return what the trade is worth to a newcomer on the last day."""
    return state.motives.market[Learned.VALUE]


def label(state: MarketState) -> float:
    """Return the mean price on labels of carved pieces."""
    total, _, number = state.trade.records.prices[FIRST:, Item.CARVED, Stage.ADVERTISED].sum((0, 1))
    return total / number


def raw_level(state: MarketState) -> float:
    """Return the mean log level of the price of raw ivory."""
    return state.trade.records.outlook[FIRST:, 0].mean()


def legal_deals(state: MarketState) -> int:
    return state.trade.records.counts[FIRST:, TradeCounter.LEGAL_DEALS].sum()


def pieces(item: Item):
    return lambda state: state.trade.records.prices[FIRST:, item, Stage.SOLD, :, 2].sum()


def agreed(channel: Channel):
    return lambda state: state.trade.records.counts[FIRST:, TradeCounter.AGREED + channel].sum()


def done(action: Enforcement):
    """Return how often something was done, from the first sweep of public accounts on."""
    return lambda state: state.trade.records.enforcement[MAY:, action, :, 0].sum()


def fear(state: MarketState) -> float:
    """Return the mean perceived risk of traders."""
    return state.series.risk[FIRST:].mean()


def jail(state: MarketState) -> float:
    """Return the mean perceived chance of arrest, 1/year."""
    return state.motives.jail.mean()


def own_value(state: MarketState) -> float:
    """Return the mean value of the trade to traders on the last day."""
    return state.motives.value[state.retailers.state == State.ACTIVE].mean()


def hours_moved(state: MarketState) -> float:
    """Return the largest change of the hours of a unit of police."""
    return abs(state.trade.units.effort - 1.0).max()


# scenario, dose multiplier: what is meant and falls or rises; what is not; settings that show it
EFFECTS = [
    ("repeated_sweeps", 1, (flow(Flow.VISIBLE), "-"), (flow(Flow.GROUPS), "+"), {}),
    ("rotating_sweeps", 1, (flow(Flow.VISIBLE), "-"), (flow(Flow.ELSEWHERE), "+"), {}),
    ("permanent_pressure", 1, (flow(Flow.VISIBLE), "-"), (backups, "+"), {}),
    ("websites_2014", 1, (done(Enforcement.ELSEWHERE_SANCTIONED), "+"), (fear, "+"), WATCHED),
    ("heaviest_posters", 1, (flow(Flow.VISIBLE), "-"), (label, "+"), {}),
    ("types_a_b", 1, (sold, "-"), (flow(Flow.BACKUP), "+"), {}),
    ("linked_backups", 1, (flow(Flow.VISIBLE), "-"), (flow(Flow.ELSEWHERE), "+"), {}),
    ("image_recognition", 1, (flow(Flow.VISIBLE), "-"), (flow(Flow.ELSEWHERE), "+"), STAFFED),
    ("reporting_drive", 1, (flow(Flow.VISIBLE), "-"), (backups, "+"), UNDILUTED),
    ("pooled_information", 2, (done(Enforcement.CASES_SHARED), "+"), (fear, "+"), WATCHED),
    ("pooled_without_portals", 2, (done(Enforcement.CASES_SHARED), "+"), (fear, "+"), WATCHED),
    ("tencent_alone", 1, (done(Enforcement.ELSEWHERE_SANCTIONED), "+"), (fear, "+"), WATCHED),
    ("portals_alone", 1, (done(Enforcement.ELSEWHERE_SANCTIONED), "+"), (fear, "+"), WATCHED),
    ("websites_alone", 1, (done(Enforcement.ELSEWHERE_SANCTIONED), "+"), (fear, "+"), WATCHED),
    ("all_operators", 1, (done(Enforcement.ELSEWHERE_SANCTIONED), "+"), (fear, "+"), WATCHED),
    (
        "public_accounts_swept",
        2,
        (done(Enforcement.ELSEWHERE_CLOSED), "+"),
        (agreed(Channel.PUBLIC), "-"),
        FEW_TRADERS,
    ),
    ("agents_swept", 2, (done(Enforcement.AGENTS_BANNED), "+"), (friends, "-"), MANY_AGENTS),
    ("more_police", 1, (done(Enforcement.ARRESTS), "+"), (jail, "+"), POLICED),
    ("more_police_hubs", 1, (done(Enforcement.ARRESTS), "+"), (jail, "+"), POLICED),
    ("undercover_purchases", 1, (done(Enforcement.STINGS), "+"), (jail, "+"), POLICED),
    (
        "effort_follows_results",
        1,
        (hours_moved, "+"),
        (done(Enforcement.INSPECTIONS), "+"),
        POLICED,
    ),
    ("courier_checks", 2, (delivered_online, "-"), (friends, "-"), TRACEABLE),
    ("police_records", 2, (done(Enforcement.ESCROW_TRACES), "+"), (jail, "+"), TRACEABLE),
    ("machine_seizures", 1, (pieces(Item.CARVED), "-"), (pieces(Item.SEMI_WORKED), "+"), {}),
    ("supplier_interdiction", 1, (sold, "-"), (label, "+"), {}),
    ("demand_reduction", 1, (sold, "-"), (left, "+"), {}),
    ("import_ban", 2, (label, "+"), (sold, "+"), SWITCHING),
    ("licences_expire", 1, (label, "+"), (at_stalls, "+"), SWITCHING),
    ("domestic_ban", 1, (value, "+"), (at_stalls, "+"), SWITCHING),
    ("domestic_ban_enforced", 2, (flow(Flow.VISIBLE), "-"), (label, "+"), {}),
    ("ban_announced_enforced", 2, (flow(Flow.VISIBLE), "-"), (raw_level, "-"), {}),
    ("ban_announced_unenforced", 1, (raw_level, "-"), (at_stalls, "+"), SWITCHING),
    ("ban_unannounced", 1, (flow(Flow.VISIBLE), "-"), (legal_deals, "-"), {}),
    ("legal_buy_out", 1, (legal_deals, "-"), (at_stalls, "+"), SWITCHING),
    ("legal_leak", 1, (legal_deals, "-"), (stock, "+"), SWITCHING),
    ("legal_sale", 1, (sold, "-"), (stock, "-"), SWITCHING),
    ("payment_freeze", 2, (sold, "-"), (flow(Flow.VISIBLE), "-"), TRACEABLE),
    ("blocking_before_posting", 1, (flow(Flow.VISIBLE), "-"), (flow(Flow.GROUPS), "+"), {}),
    ("accounts_listed", 1, (flow(Flow.VISIBLE), "-"), (flow(Flow.GROUPS), "+"), LISTED),
    ("collectables_sellers_taught", 1, (sold, "-"), (friends, "-"), {}),
    ("longer_sentences", 1, (value, "-"), (own_value, "-"), TRACEABLE),
    ("longer_sentences_publicized", 1, (left, "+"), (value, "-"), TRACEABLE),
    ("friend_limit", 1, (friends, "-"), (inquiries, "-"), POPULAR),
    ("parcels_refused", 2, (sold, "-"), (left, "+"), {}),
    ("campaign_gifts", 2, (sold, "-"), (left, "+"), {}),
    ("campaign_collectors", 2, (sold, "-"), (value, "-"), {}),
    ("campaign_investors", 2, (sold, "-"), (flow(Flow.VISIBLE), "-"), {}),
    ("campaign_travellers", 2, (sold, "-"), (value, "-"), {}),
    ("substitutes", 1, (sold, "-"), (left, "+"), {}),
    ("travellers_abroad", 2, (sold, "-"), (left, "+"), {}),
]


def at_point(changes: dict[str, float]) -> Settings:
    """Return the market of the survey at the calibrated point, with some parameters changed."""
    of = presets.named(population="survey")
    of.posterior = posterior.POINT
    of = posterior.settings_of(of, posterior.draw(of, 0))
    of.posterior = "none"
    for path, value in changes.items():
        group, name = path.split("__")
        setattr(getattr(of, group), name, value)
    return of


def pairs(
    base: Settings, scenarios: list[tuple[str, float]]
) -> list[tuple[MarketState, list[MarketState]]]:
    """Return the baseline and each scenario, simulated with the same random numbers."""
    asked = Comparison([name for name, _ in scenarios])
    compared = {arm.name: arm for arm in arms.make_arms(base, asked)}
    simulated = [compared.get(f"{name}@{size:g}") or compared[name] for name, size in scenarios]
    first = compared["baseline_2015"].settings
    levers = [timeline.compile_levers(replace(first, scenario=arm.scenario)) for arm in simulated]
    out = []
    for seed in range(SEEDS):
        trunk = initialize(first, seed)
        advance(trunk, 0, MAY)
        branches = [fork(trunk, of) for of in [trunk.levers, *levers]]
        for branch in branches:
            advance(branch, MAY, branch.series.risk.size)
        out.append((branches[0], branches[1:]))
    return out


@pytest.fixture(scope="module")
def simulated() -> dict[str, list[tuple[MarketState, MarketState]]]:
    """Return, for each scenario, pairs of the baseline and the scenario."""
    out = {}
    occasions = {(str(of), presets.choice("scenario", name)["until"]): of
                 for name, *_, of in EFFECTS}  # fmt: skip
    for (key, until), changes in occasions.items():
        mine = [
            (name, size)
            for name, size, _, _, of in EFFECTS
            if (str(of), presets.choice("scenario", name)["until"]) == (key, until)
        ]
        for base, branches in pairs(at_point(changes), mine):
            for (name, _), branch in zip(mine, branches, strict=True):
                out.setdefault(name, []).append((base, branch))
    return out


@pytest.mark.parametrize("row", EFFECTS, ids=[row[0] for row in EFFECTS])
def test_each_scenario_does_what_it_says_and_something_else(simulated, row):
    """What is meant happens in every pair, and so does one thing that nobody asked for."""
    name, _, *both, _ = row
    for measure, sign in both:
        change = np.array(
            [float(measure(dosed)) - measure(base) for base, dosed in simulated[name]]
        )
        assert (change > 0).all() if sign == "+" else (change < 0).all(), (measure, change)


def test_every_scenario_is_asked_about():
    """Only the calendars themselves are not among them."""
    calendars = {"baseline_2015", "no_crackdown", "calendar_2018"}
    assert {row[0] for row in EFFECTS} == set(presets.names("scenario")) - calendars
