"""Daily schedule and initialization of the market state."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from enum import IntEnum
from functools import partial
from typing import Any

import numpy as np

from marketsim.model import observer, population, supply_chain
from marketsim.model.kernels.backup_accounts import update_accounts
from marketsim.model.kernels.delivery import deliver_parcels
from marketsim.model.kernels.entry_exit import apply_entry_exit
from marketsim.model.kernels.expected_returns import (
    reconsider,
    remember_yesterday,
    update_expected_returns,
)
from marketsim.model.kernels.friend_turnover import (
    count_changes,
    replace_friends,
    update_friend_lists,
)
from marketsim.model.kernels.legal_market import sell_legal_ivory
from marketsim.model.kernels.moderation import (
    open_cases,
    remove_known_posts,
    review_cases,
    run_sweep,
)
from marketsim.model.kernels.perception import notice_events, update_perceived_risk
from marketsim.model.kernels.places import moderate_places
from marketsim.model.kernels.policing import investigate_cases
from marketsim.model.kernels.posting import publish_posts
from marketsim.model.kernels.price_expectations import update_prices
from marketsim.model.kernels.processing import process_ivory
from marketsim.model.kernels.recording import record_day
from marketsim.model.kernels.restocking import (
    draw_turns,
    fund_newcomers,
    restock,
    smooth_retail_sales,
    update_dealers,
)
from marketsim.model.kernels.sales import draw_inquiries, open_market, sell
from marketsim.model.kernels.supply import land_shipments
from marketsim.model.kernels.upstream import update_upstream
from marketsim.model.scenario import timeline
from marketsim.model.state import (
    OWN_OUTLETS,
    PARTS,
    Flow,
    LogColumn,
    MarketState,
    Motives,
    Outlet,
    Outputs,
    Queue,
    Series,
    Stock,
    ids_of_part,
    workspace,
)
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.references import by_reference
from marketsim.parameters.settings import Settings, kernel_params


class Step(IntEnum):
    """Steps of a day, in order: what `_simulate` does without a break."""

    ENTRY = 0
    SUPPLY = 1
    TRADERS_SALES = 2
    RESTOCKING = 3
    MEMORY = 4
    EXPECTED_RETURNS = 5
    POSTING = 6
    FRIENDS = 7
    INQUIRIES = 8
    SALES = 9
    EVENING = 10
    PERCEPTION = 11
    RECORDS = 12


# Steps in which traders and sellers write their own slots only: parts of one can be simulated at
# the same time. The parts of SALES follow each other, each after the same part of INQUIRIES.
SHARED = (
    *(Step.ENTRY, Step.TRADERS_SALES, Step.MEMORY),
    *(Step.POSTING, Step.INQUIRIES, Step.PERCEPTION),
)
WORTH_SHARING = 40_000  # traders: in a smaller market a step is over before threads take it up
PARTS_A_THREAD = 4
BLOCK = 4096  # sellers: one thread draws and answers inquiries of so many while caches hold them


def advance(state: MarketState, row: int, end: int, threads: int = 1) -> None:
    """Advance the market from row `row` to `end` (exclusive).

    Parameters
    ----------
    state : MarketState
        The market; its arrays are written.
    row, end : int
        Rows of days in the run.
    threads : int
        Threads that a large market is simulated on; does not affect results.
    """
    work = workspace(state.retailers.state.size, state.trade.friends.count.size)
    if threads == 1 or state.retailers.state.size < WORTH_SHARING:
        _simulate(state, work, row, end, 0, len(Step), 0, 1)
        return
    with ThreadPoolExecutor(threads - 1) as others:
        for today in range(row, end):
            _share_day(partial(_simulate, state, work, today, today + 1), threads, others)


def _share_day(simulate: Callable[..., None], threads: int, others: Executor) -> None:
    """Simulate a day on this thread and others."""
    parts = min(PARTS_A_THREAD * threads, PARTS)
    for step in map(int, Step):
        if step in SHARED:
            for number in _finished_parts(partial(simulate, step, step + 1), parts, others):
                if step == Step.INQUIRIES:
                    simulate(step + 1, step + 2, number, parts)
        elif step != Step.SALES:
            simulate(step, step + 1, 0, 1)


def _finished_parts(
    simulate: Callable[[int, int], None], parts: int, others: Executor
) -> Iterator[int]:
    """Yield the parts of a step in order, each once it is finished; this thread helps with them."""
    pending = [others.submit(simulate, number, parts) for number in range(parts)]
    not_claimed = deque(range(parts))
    for number in range(parts):
        while not_claimed and not pending[number].done():
            mine = not_claimed.popleft()
            if pending[mine].cancel():  # no other thread has begun it
                simulate(mine, parts)
        if not pending[number].cancelled():
            pending[number].result()
        yield number


@array_kernel
def _simulate(state, work, row, end, first, last, part, parts):
    """Simulate some steps of the days from row `row` to `end` (exclusive).

    The calls are the daily schedule of docs/model.md 3, in its order.

    Parameters
    ----------
    state : MarketState
        The market; its arrays are written.
    work : Workspace
        What a step leaves for a later one.
    row, end : int
        Rows of days in the run.
    first, last : int
        The first of the steps, and the end (exclusive).
    part, parts : int
        Which of how many parts of all traders and sellers is simulated, in shared steps and SALES.
    """
    state, work = by_reference(state), by_reference(work)
    seed, params, queue = state.seed, state.params, state.queue
    retailers, counters, trade = state.retailers, state.counters, state.trade
    motives, ties = state.motives, state.ties
    books, dealers, shops = trade.books, trade.dealers, trade.shops
    turns, reckoned, conditions = work.turns, work.reckoned, work.conditions
    asked, inquiries, noticed = work.asked, work.inquiries, work.noticed
    outputs = by_reference(Outputs(state.contacts, state.survey_log, state.series))
    start, stop = ids_of_part(retailers.state.size, part, parts)
    first_seller, stop_seller = ids_of_part(trade.friends.count.size, part, parts)
    while row < end:
        day, levers = state.first_day + row, by_reference(levers_of_day(state.levers, row))
        if first <= Step.ENTRY < last:
            apply_entry_exit(
                seed, day, levers, params, retailers, counters, motives, trade, start, stop
            )
        if first <= Step.SUPPLY < last:
            update_prices(row, levers, params, trade)
            land_shipments(seed, day, row, levers, params, trade)
            process_ivory(seed, day, row, levers, params, trade)
            update_dealers(day, params, books, dealers)
        if first <= Step.TRADERS_SALES < last:
            smooth_retail_sales(params, books, shops, start, stop)
            draw_turns(seed, day, params, retailers, turns, start, stop)
        if first <= Step.RESTOCKING < last:
            fund_newcomers(day, retailers, books, shops)
            restock(seed, day, row, params, turns, motives, trade)
        if first <= Step.MEMORY < last:
            remember_yesterday(
                row, params, retailers, counters, shops, motives, reckoned, start, stop
            )
        if first <= Step.EXPECTED_RETURNS < last:
            update_expected_returns(row, levers, params, retailers, motives, reckoned)
        if first <= Step.POSTING < last:
            reconsider(row, levers, params, retailers, ties, motives, start, stop)
            publish_posts(
                seed, day, levers, params, retailers, counters, shops.stock_effect, motives,
                trade.places, start, stop,
            )  # fmt: skip
        if first <= Step.FRIENDS < last:
            update_upstream(seed, day, row, params, retailers, motives, trade)
            update_friend_lists(seed, day, row, levers, params, retailers, motives, trade)
            open_market(row, levers, params, retailers, counters, trade, conditions)
        blocks = 1
        if first <= Step.INQUIRIES and last > Step.SALES:
            blocks = 1 + (stop_seller - first_seller) // BLOCK
        for block in range(blocks):
            one, end_of_block = ids_of_part(stop_seller - first_seller, block, blocks)
            if first <= Step.INQUIRIES < last:
                replace_friends(
                    seed, day, row, params, retailers, trade, work.friends[part],
                    first_seller + one, first_seller + end_of_block,
                )  # fmt: skip
                draw_inquiries(
                    seed, day, row, params, retailers, counters, trade, conditions, asked,
                    inquiries, first_seller + one, first_seller + end_of_block,
                )  # fmt: skip
            if first <= Step.SALES < last:
                sell(
                    seed, day, row, params, retailers, motives, trade, conditions, asked,
                    inquiries, first_seller + one, first_seller + end_of_block,
                )  # fmt: skip
        if first <= Step.EVENING < last:
            count_changes(row, work.friends, trade.records.counts)
            sell_legal_ivory(seed, day, row, levers, params, state.founders, trade)
            deliver_parcels(seed, day, row, levers, params, counters, motives, trade)
            remove_known_posts(day, params, retailers, counters)
            open_cases(seed, day, levers, retailers, counters, queue)
            review_cases(seed, day, levers, params, retailers, counters, queue)
            run_sweep(seed, day, levers, params, retailers, counters)
            moderate_places(seed, day, row, levers, params, retailers, counters, queue, trade)
            investigate_cases(seed, day, row, levers, params, retailers, counters, trade)
            notice_events(counters, noticed)
        if first <= Step.PERCEPTION < last:
            update_perceived_risk(
                seed, day, levers, params, retailers, counters, ties, motives, noticed, start, stop
            )
            update_accounts(seed, day, params, retailers, counters, start, stop)
        if first <= Step.RECORDS < last:
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
