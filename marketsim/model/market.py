"""Daily schedule and initialization of the market state."""

from typing import Any

import numpy as np

from marketsim.model import observer, population, supply_chain
from marketsim.model.kernels.backup_accounts import update_accounts
from marketsim.model.kernels.delivery import deliver_parcels
from marketsim.model.kernels.entry_exit import apply_entry_exit
from marketsim.model.kernels.expected_returns import update_expected_returns
from marketsim.model.kernels.friend_turnover import update_friend_lists
from marketsim.model.kernels.legal_market import sell_legal_ivory
from marketsim.model.kernels.moderation import (
    open_cases,
    remove_known_posts,
    review_cases,
    run_sweep,
)
from marketsim.model.kernels.perception import update_perceived_risk
from marketsim.model.kernels.places import moderate_places
from marketsim.model.kernels.policing import investigate_cases
from marketsim.model.kernels.posting import publish_posts
from marketsim.model.kernels.price_expectations import update_prices
from marketsim.model.kernels.processing import process_ivory
from marketsim.model.kernels.recording import record_day
from marketsim.model.kernels.restocking import (
    fund_newcomers,
    restock,
    smooth_retail_sales,
    update_dealers,
)
from marketsim.model.kernels.sales import sell
from marketsim.model.kernels.supply import land_shipments
from marketsim.model.kernels.upstream import update_upstream
from marketsim.model.scenario import timeline
from marketsim.model.state import (
    OWN_OUTLETS,
    Flow,
    LogColumn,
    MarketState,
    Motives,
    Outlet,
    Outputs,
    Queue,
    Series,
    Stock,
)
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.references import by_reference
from marketsim.parameters.settings import Settings, kernel_params


@array_kernel
def advance(state, row, end):
    """Advance the market from row `row` to `end` (exclusive).

    The calls are the daily schedule of docs/model.md 3, in its order.

    Parameters
    ----------
    state : MarketState
        The market; its arrays are written.
    row, end : int
        Rows of days in the run.
    """
    state = by_reference(state)
    seed, params, queue = state.seed, state.params, state.queue
    retailers, counters, trade = state.retailers, state.counters, state.trade
    motives, ties = state.motives, state.ties
    books, dealers, shops = trade.books, trade.dealers, trade.shops
    outputs = by_reference(Outputs(state.contacts, state.survey_log, state.series))
    while row < end:
        day, levers = state.first_day + row, by_reference(levers_of_day(state.levers, row))
        apply_entry_exit(seed, day, levers, params, retailers, counters, motives, trade)
        update_prices(row, levers, params, trade)
        land_shipments(seed, day, row, levers, params, trade)
        process_ivory(seed, day, row, levers, params, trade)
        update_dealers(day, params, books, dealers)
        smooth_retail_sales(params, books, shops)
        fund_newcomers(day, retailers, books, shops)
        restock(seed, day, row, params, retailers, motives, trade)
        update_expected_returns(row, levers, params, retailers, counters, ties, motives, trade)
        publish_posts(
            seed, day, levers, params, retailers, counters, shops.stock_effect, motives,
            trade.places,
        )  # fmt: skip
        update_upstream(seed, day, row, params, retailers, motives, trade)
        update_friend_lists(seed, day, row, levers, params, retailers, motives, trade)
        sell(seed, day, row, levers, params, retailers, counters, motives, trade)
        sell_legal_ivory(seed, day, row, levers, params, state.founders, trade)
        deliver_parcels(seed, day, row, levers, params, counters, motives, trade)
        remove_known_posts(day, params, retailers, counters)
        open_cases(seed, day, levers, retailers, counters, queue)
        review_cases(seed, day, levers, params, retailers, counters, queue)
        run_sweep(seed, day, levers, params, retailers, counters)
        moderate_places(seed, day, row, levers, params, retailers, counters, queue, trade)
        investigate_cases(seed, day, row, levers, params, retailers, counters, trade)
        update_perceived_risk(seed, day, levers, params, retailers, counters, ties, motives)
        update_accounts(seed, day, params, retailers, counters)
        record_day(seed, day, row, params, retailers, counters, queue, outputs, trade)
        row += 1


@part
def levers_of_day(levers, row):
    """Return the levers of one day as numbers, not as arrays of days."""
    return timeline.Levers(
        activity=levers.activity[row],
        news=levers.news[row],
        habituation=levers.habituation[row],
        recall=levers.recall[row],
        images=levers.images[row],
        reports=levers.reports[row],
        capacity=levers.capacity[row],
        linking=levers.linking[row],
        groups=levers.groups[row],
        elsewhere=levers.elsewhere[row],
        sweep_accounts=levers.sweep_accounts[row],
        sweep_posts=levers.sweep_posts[row],
        sweep_lean=levers.sweep_lean[row],
        sweep_types=levers.sweep_types[row],
        border=levers.border[row],
        couriers=levers.couriers[row],
        names=levers.names[row],
        police=levers.police[row],
        sharing=levers.sharing[row],
        traces=levers.traces[row],
        raids=levers.raids[row],
        cases=levers.cases[row],
        demand=levers.demand[row],
        legal=levers.legal[row],
        machines=levers.machines[row],
        preblock=levers.preblock[row],
        auto=levers.auto[row],
        payments=levers.payments[row],
        freeze=levers.freeze[row],
        refused=levers.refused[row],
        listed_platform=levers.listed_platform[row],
        listed_police=levers.listed_police[row],
        listed_wrongly=levers.listed_wrongly[row],
        taught=levers.taught[row],
        taught_types=levers.taught_types[row],
        sentence=levers.sentence[row],
        arrest_news=levers.arrest_news[row],
        friend_limit=levers.friend_limit[row],
        outlook=levers.outlook[row],
        rush=levers.rush[row],
        bought_out=levers.bought_out[row],
        leaked=levers.leaked[row],
        demand_gift=levers.demand_gift[row],
        demand_collector=levers.demand_collector[row],
        demand_investor=levers.demand_investor[row],
        demand_traveller=levers.demand_traveller[row],
        substitutes=levers.substitutes[row],
        abroad=levers.abroad[row],
        staff_tencent=levers.staff_tencent[row],
        staff_portals=levers.staff_portals[row],
        staff_websites=levers.staff_websites[row],
        recall_tencent=levers.recall_tencent[row],
        recall_portals=levers.recall_portals[row],
        recall_websites=levers.recall_websites[row],
        swept_public=levers.swept_public[row],
        swept_social=levers.swept_social[row],
        swept_websites=levers.swept_websites[row],
        swept_agents=levers.swept_agents[row],
        swept_dealers=levers.swept_dealers[row],
        pooling=levers.pooling[row],
        pooled_operators=levers.pooled_operators[row],
        shift=levers.shift[row],
        hub=levers.hub[row],
        stings=levers.stings[row],
    )


def initialize(settings: Settings, seed: int) -> MarketState:
    """Create the market on the morning of its first day (docs/model.md 5).

    Parameters
    ----------
    settings : Settings
        Checked settings.
    seed : int
        Seed of this run, 0 to 2**63 - 1.

    Returns
    -------
    MarketState
    """
    first, last = timeline.horizon(settings)
    days, first_day = (last - first).days + 1, first.toordinal()
    retailers, ties = population.synthesize_traders(settings, seed, first_day, days)
    contacts = observer.choose_contacts(settings, seed, retailers)
    values = kernel_params(settings)
    size = retailers.state.size
    return MarketState(
        seed=seed,
        first_day=first_day,
        params=values,
        levers=timeline.compile_levers(settings),
        retailers=retailers,
        counters=population.empty_counters(size),
        ties=ties,
        queue=Queue(ring=np.zeros(size, np.int64), ends=np.zeros(2, np.int64)),
        contacts=contacts,
        survey_log=np.zeros((days, contacts.size, len(LogColumn)), np.int32),
        series=Series(
            flows=np.zeros((days, len(Flow)), np.int64),
            stocks=np.zeros((days, len(Stock)), np.int64),
            risk=np.zeros(days),
        ),
        trade=supply_chain.build_trade(settings, values, seed, retailers, contacts.size, days),
        founders=settings.population.retailers,
        motives=no_experience(size),
    )


def no_experience(ids: int) -> Motives:
    """Return what traders know before the first day: nothing."""
    return Motives(
        gain=np.zeros((ids, OWN_OUTLETS)),
        posted=np.zeros((ids, OWN_OUTLETS)),
        drive=np.ones(ids),
        value=np.ones(ids),
        jail=np.zeros(ids),
        place=np.ones((ids, 2)),
        all_gain=np.zeros(len(Outlet)),
        all_posted=np.zeros(len(Outlet)),
        first_gain=np.zeros(len(Outlet)),
        first_posted=np.zeros(len(Outlet)),
        today=np.zeros(len(Outlet)),
        norm=np.zeros(len(Outlet)),
        market=np.array([0.0, 0.0, 1.0, 1.0]),
    )


def fork(state: MarketState, levers: timeline.Levers) -> MarketState:
    """Return a copy of a market that continues under other levers.

    Parameters
    ----------
    state : MarketState
        Not changed.
    levers : Levers
        Of the copy; equal to those of the original on all days simulated so far.
    """
    return _copy_arrays(state)._replace(levers=levers)


def _copy_arrays(value: Any) -> Any:
    """Return nested named tuples with copies of their arrays."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tuple):
        return type(value)(*map(_copy_arrays, value))
    return value
