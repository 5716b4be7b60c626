"""The order of a day in the market, and the memory it acts on."""

from typing import Any

import numpy as np

from marketsim.model import observer, population, supply_chain
from marketsim.model.kernels.backup_accounts import update_accounts
from marketsim.model.kernels.delivery import deliver_parcels
from marketsim.model.kernels.entry_exit import apply_entry_exit
from marketsim.model.kernels.friend_turnover import update_friend_lists
from marketsim.model.kernels.legal_market import sell_legal_ivory
from marketsim.model.kernels.moderation import open_cases, review_cases, run_sweep
from marketsim.model.kernels.perception import update_perceived_risk
from marketsim.model.kernels.policing import investigate_cases
from marketsim.model.kernels.posting import publish_posts
from marketsim.model.kernels.processing import process_ivory
from marketsim.model.kernels.recording import close_day, log_contacts, record_day
from marketsim.model.kernels.restocking import restock
from marketsim.model.kernels.sales import sell
from marketsim.model.kernels.supply import land_shipments
from marketsim.model.scenario import timeline
from marketsim.model.state import Flow, LogColumn, MarketState, Queue, Series, Stock
from marketsim.numerics.jit import array_kernel
from marketsim.parameters.settings import Settings, kernel_params


@array_kernel
def advance(state, row, end):
    """Live the days from `row` up to, but not including, `end`: this is the order of a day.

    Parameters
    ----------
    state : MarketState
        The market; its arrays are written.
    row, end : int
        Numbers of days in the run.
    """
    seed, params, levers = state.seed, state.params, state.levers
    traders, counters, queue = state.retailers, state.counters, state.queue
    trade = state.trade
    while row < end:
        day = state.first_day + row
        effort = (levers.recall[row], levers.reports[row], levers.images[row])
        ways = (levers.groups[row], levers.elsewhere[row])
        accounts, posts = levers.sweep_accounts[row], levers.sweep_posts[row]
        linking = levers.linking[row]
        struck = (levers.sweep_lean[row], levers.sweep_types[row], linking)
        legal, traces = levers.legal[row], levers.traces[row]
        chased = (levers.police[row], levers.sharing[row], levers.raids[row])
        news, habituation = levers.news[row], levers.habituation[row]
        apply_entry_exit(seed, day, row, params, traders, trade)
        land_shipments(seed, day, row, levers.border[row], params, trade)
        process_ivory(seed, day, row, levers.machines[row], params, trade)
        restock(seed, day, row, params, traders, trade)
        publish_posts(
            seed,
            day,
            levers.activity[row],
            trade.shops.stock_effect,
            effort,
            ways,
            params,
            traders,
            counters,
        )
        update_friend_lists(seed, day, row, params.demand, traders, trade)
        sell(seed, day, row, (levers.demand[row], legal, traces), params, traders, counters, trade)
        sell_legal_ivory(seed, day, row, legal, levers.demand[row], state.founders, params, trade)
        deliver_parcels(
            seed, day, row, levers.couriers[row], levers.names[row], traces, params, trade
        )
        open_cases(seed, day, traders, counters, queue)
        review_cases(seed, day, levers.capacity[row], linking, params, traders, counters, queue)
        run_sweep(seed, day, accounts, posts, struck, params, traders, counters)
        investigate_cases(
            seed, day, row, chased, levers.cases[row], params, traders, counters, trade
        )
        update_perceived_risk(seed, day, news, habituation, params, traders, counters, state.ties)
        update_accounts(seed, day, params.accounts, traders, counters)
        log_contacts(row, state.contacts, traders, counters, state.survey_log)
        record_day(row, day, traders, counters, queue, state.series)
        close_day(
            seed, day, row, state.contacts, params, traders, counters, state.survey_log, trade
        )
        row += 1


def initialize(settings: Settings, seed: int) -> MarketState:
    """Make a market on the morning of its first day.

    Parameters
    ----------
    settings : Settings
        Checked settings.
    seed : int
        Seed of this run, 0 to 2**63 - 1.

    Returns
    -------
    World
        The whole memory of the market.
    """
    first, last = timeline.horizon(settings)
    days, first_day = (last - first).days + 1, first.toordinal()
    retailers, ties = population.synthesize_traders(settings, seed, first_day, days)
    met = observer.choose_contacts(settings, seed, retailers)
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
        contacts=met,
        survey_log=np.zeros((days, met.size, len(LogColumn)), np.int32),
        series=Series(
            flows=np.zeros((days, len(Flow)), np.int64),
            stocks=np.zeros((days, len(Stock)), np.int64),
            risk=np.zeros(days),
        ),
        trade=supply_chain.build_trade(settings, values, seed, retailers, met.size, days),
        founders=settings.population.retailers,
    )


def fork(state: MarketState, levers: timeline.Levers) -> MarketState:
    """Return a market with a memory of its own that goes on from the same evening.

    Parameters
    ----------
    state : MarketState
        Left as it is.
    levers : Levers
        Of the new market; they should be those of the old one on all days that it has lived.
    """
    return _copied(state)._replace(levers=levers)


def _copied(memory: Any) -> Any:
    """Return named tuples of arrays with arrays of their own."""
    if isinstance(memory, np.ndarray):
        return memory.copy()
    if isinstance(memory, tuple):
        return type(memory)(*map(_copied, memory))
    return memory
