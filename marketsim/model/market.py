"""The order of a day in the market, and the memory it acts on."""

from typing import Any

import numpy as np

from marketsim.model import observer, population, supply_chain
from marketsim.model.kernels.backup_accounts import keep_accounts
from marketsim.model.kernels.delivery import deliver
from marketsim.model.kernels.entry_exit import come_and_go
from marketsim.model.kernels.friend_turnover import keep_friends
from marketsim.model.kernels.legal_market import sell_legally
from marketsim.model.kernels.moderation import open_cases, review, sweep
from marketsim.model.kernels.perception import perceive
from marketsim.model.kernels.policing import police
from marketsim.model.kernels.posting import post
from marketsim.model.kernels.processing import work
from marketsim.model.kernels.recording import close_day, note, record
from marketsim.model.kernels.restocking import restock
from marketsim.model.kernels.sales import trade
from marketsim.model.kernels.supply import supply
from marketsim.model.scenario import timeline
from marketsim.model.state import Flow, Note, Queue, Series, Stock, World
from marketsim.numerics.jit import array_kernel
from marketsim.parameters.settings import Settings, rules


@array_kernel
def live(world, row, end):
    """Live the days from `row` up to, but not including, `end`: this is the order of a day.

    Parameters
    ----------
    world : World
        The market; its arrays are written.
    row, end : int
        Numbers of days in the run.
    """
    seed, rules, levers = world.seed, world.rules, world.levers
    traders, today, queue = world.retailers, world.today, world.queue
    chain = world.chain
    while row < end:
        day = world.first_day + row
        effort = (levers.recall[row], levers.reports[row], levers.images[row])
        ways = (levers.groups[row], levers.elsewhere[row])
        accounts, posts = levers.sweep_accounts[row], levers.sweep_posts[row]
        linking = levers.linking[row]
        struck = (levers.sweep_lean[row], levers.sweep_types[row], linking)
        legal, traces = levers.legal[row], levers.traces[row]
        chased = (levers.police[row], levers.sharing[row], levers.raids[row])
        news, habituation = levers.news[row], levers.habituation[row]
        come_and_go(seed, day, row, rules, traders, chain)
        supply(seed, day, row, levers.border[row], rules, chain)
        work(seed, day, row, levers.machines[row], rules, chain)
        restock(seed, day, row, rules, traders, chain)
        post(seed, day, levers.activity[row], chain.shops.push, effort, ways, rules, traders, today)
        keep_friends(seed, day, row, rules.demand, traders, chain)
        trade(seed, day, row, (levers.demand[row], legal, traces), rules, traders, today, chain)
        sell_legally(seed, day, row, legal, levers.demand[row], world.founders, rules, chain)
        deliver(seed, day, row, levers.couriers[row], levers.names[row], traces, rules, chain)
        open_cases(seed, day, traders, today, queue)
        review(seed, day, levers.capacity[row], linking, rules, traders, today, queue)
        sweep(seed, day, accounts, posts, struck, rules, traders, today)
        police(seed, day, row, chased, levers.cases[row], rules, traders, today, chain)
        perceive(seed, day, news, habituation, rules, traders, today, world.ties)
        keep_accounts(seed, day, rules.accounts, traders, today)
        note(row, world.contacts, traders, today, world.notes)
        record(row, day, traders, today, queue, world.series)
        close_day(seed, day, row, world.contacts, rules, traders, today, world.notes, chain)
        row += 1


def build(settings: Settings, seed: int) -> World:
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
    retailers, ties = population.synthesize(settings, seed, first_day, days)
    met = observer.contacts(settings, seed, retailers)
    values = rules(settings)
    size = retailers.state.size
    return World(
        seed=seed,
        first_day=first_day,
        rules=values,
        levers=timeline.compile_levers(settings),
        retailers=retailers,
        today=population.quiet_day(size),
        ties=ties,
        queue=Queue(ring=np.zeros(size, np.int64), ends=np.zeros(2, np.int64)),
        contacts=met,
        notes=np.zeros((days, met.size, len(Note)), np.int32),
        series=Series(
            flows=np.zeros((days, len(Flow)), np.int64),
            stocks=np.zeros((days, len(Stock)), np.int64),
            risk=np.zeros(days),
        ),
        chain=supply_chain.build(settings, values, seed, retailers, met.size, days),
        founders=settings.population.retailers,
    )


def fork(world: World, levers: timeline.Levers) -> World:
    """Return a market with a memory of its own that goes on from the same evening.

    Parameters
    ----------
    world : World
        Left as it is.
    levers : Levers
        Of the new market; they should be those of the old one on all days that it has lived.
    """
    return _copied(world)._replace(levers=levers)


def _copied(memory: Any) -> Any:
    """Return named tuples of arrays with arrays of their own."""
    if isinstance(memory, np.ndarray):
        return memory.copy()
    if isinstance(memory, tuple):
        return type(memory)(*map(_copied, memory))
    return memory
