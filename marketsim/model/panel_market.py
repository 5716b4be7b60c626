"""The contacts of the observer in a market whose other traders are a mean field.

A survey sees some hundred contacts; a market of 1,000 traders is simulated for their sake. Here the
contacts alone are simulated day by day, with the kernels and the random numbers of the market, as
it is without trade (`market=posting_only`). What they do is equal to the bit to what they do in the
whole market, as long as nothing that the other traders do reaches them.

What others do reaches them by four ways, and only these are approximated (docs/panel_market.md):

1. Flags of others take capacity of moderators. Their number on a day is a Poisson number, and who
   is flagged is drawn in proportion to base rates. They wait in the real queue, and are sanctioned
   by the real ladder.
2. The odds of a sweep depend on the recent posts of all. Those of others are expected ones: base
   rate times the fading sum of what a trader with a rate of one posts on a day on average.
3. Sanctions of ties raise perceived risk: those of 1 and 2. Posts of ties, which lower it under
   social learning, are whole numbers whose running sum is that of the expected posts.
4. How far others are deterred is not simulated: they are as open, at each rate, as the contacts
   are on average, weighted by base rates.

Others leave at a time drawn at the start, and return from a ban as everybody does, but prepare no
backup accounts. Lists, lessons to traders and automatic removal act on contacts alone.
"""

from collections import namedtuple
from typing import Any

import numpy as np

from marketsim.model import observer, population
from marketsim.model.kernels.backup_accounts import update_accounts
from marketsim.model.kernels.entry_exit import apply_entry_exit
from marketsim.model.kernels.moderation import (
    open_cases,
    remove_known_posts,
    review_cases,
    run_sweep,
)
from marketsim.model.kernels.perception import notice_events, update_perceived_risk
from marketsim.model.kernels.posting import (
    PostFates,
    continue_spell,
    deletion_chance,
    known_chance,
    make_posts,
    openness_of,
    write_fates,
)
from marketsim.model.kernels.recording import log_contacts
from marketsim.model.ledger import PRODUCTS
from marketsim.model.market import levers_of_day, no_experience
from marketsim.model.scenario import timeline
from marketsim.model.state import (
    WAITING,
    LogColumn,
    ObservedPrices,
    Queue,
    State,
    notice_nothing,
)
from marketsim.numerics import rng
from marketsim.numerics.distributions import chance_of_none, events, invert
from marketsim.numerics.elementary import log, log_each
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.references import by_reference
from marketsim.numerics.rng import POSTS_WORD, Purpose, day_uniform, uniform
from marketsim.parameters.settings import POSTING_ONLY, Settings, kernel_params

# The rest of the market, arrays of shape (ids,). is_contact: bool; cumulated: running sum of the
# base rates of others, float64; arrives, leaves: first date in the trade, 0 for founders and
# contacts, and out of it, int64; phase: where the running sums of posts begin, 0 to 1, float64.
# banned: others who are banned, (ids,), int64, and banned_number: how many, (1,), int64; changed:
# whether counters of others were written yesterday, (1,), bool
Others = namedtuple(
    "Others", "is_contact cumulated arrives leaves phase banned banned_number changed"
)

# What `apply_entry_exit` reads of trade: friends of newcomers, of whom there are none
Friends = namedtuple("Friends", "count")
NoTrade = namedtuple("NoTrade", "friends")

# A market of contacts. `retailers` are all traders, `simulated` those that kernels simulate: the
# same arrays, but a `state` of its own, in which others are ABSENT unless they are banned, and an
# `arrival`, at which nobody enters
PanelState = namedtuple(
    "PanelState",
    "seed first_day params levers retailers simulated counters ties queue contacts survey_log "
    "others trade motives noticed",
)


def initialize(settings: Settings, seed: int, table: timeline.Table | None = None) -> PanelState:
    """Create the market on the morning of its first day.

    Parameters
    ----------
    settings : Settings
        Checked settings, with `market` ``posting_only``.
    seed : int
        Seed of this run, 0 to 2**63 - 1.
    table : Table, optional
        Of `timeline.compile_table`, which takes a good part of the time; runs of one scenario can
        share it.

    Returns
    -------
    PanelState
    """
    assert settings.market == POSTING_ONLY
    first, last = timeline.horizon(settings)
    days, first_day = (last - first).days + 1, first.toordinal()
    retailers, ties = population.synthesize_traders(settings, seed, first_day, days)
    contacts = observer.choose_contacts(settings, seed, retailers)
    size = retailers.state.size
    is_contact = np.zeros(size, bool)
    is_contact[contacts[contacts >= 0]] = True
    state = np.where(is_contact, retailers.state, State.ABSENT).astype(np.int8)
    table = timeline.compile_table(settings) if table is None else table
    return PanelState(
        seed=seed,
        first_day=first_day,
        params=kernel_params(settings),
        levers=timeline.scale_levers(settings, table),
        retailers=retailers,
        simulated=retailers._replace(state=state, arrival=np.zeros(size, np.int64)),
        counters=population.empty_counters(size),
        ties=ties,
        queue=Queue(ring=np.zeros(size, np.int64), ends=np.zeros(2, np.int64)),
        contacts=contacts,
        survey_log=np.zeros((days, contacts.size, len(LogColumn)), np.int32),
        others=_others(settings, seed, retailers, is_contact, first_day),
        trade=NoTrade(friends=Friends(count=np.zeros(size, np.int64))),
        motives=no_experience(size),
        noticed=notice_nothing(size),
    )


def _others(
    settings: Settings, seed: int, retailers: Any, is_contact: np.ndarray, first_day: int
) -> Others:
    """Return the rest of the market on the first day."""
    ids = np.arange(is_contact.size)
    leaves = np.full(ids.size, np.iinfo(np.int64).max)
    if settings.turnover.leave > 0.0:
        stay = log_each(rng.uniform_array(seed, Purpose.OTHER_LEAVES, 0, ids))
        stay = stay / log(1.0 - settings.turnover.leave)
        leaves = np.maximum(retailers.arrival, first_day - 1) + 1 + stay.astype(np.int64)
    leaves[is_contact] = np.iinfo(np.int64).max  # they leave as simulated
    return Others(
        is_contact=is_contact,
        cumulated=np.cumsum(np.where(is_contact, 0.0, retailers.base_rate)),
        arrives=retailers.arrival,
        leaves=leaves,
        phase=ids * 0.6180339887498949 % 1.0,  # evenly spread
        banned=np.zeros(ids.size, np.int64),
        banned_number=np.zeros(1, np.int64),
        changed=np.zeros(1, bool),
    )


def simulate(
    settings: Settings, seed: int, table: timeline.Table | None = None
) -> observer.SurveyRows:
    """Simulate the contacts of a run and its survey.

    Parameters
    ----------
    settings, seed, table
        As of `initialize`.

    Returns
    -------
    SurveyRows
        Rows of the simulated survey, as of the whole market without trade.
    """
    state = initialize(settings, seed, table)
    advance(state, 0, state.survey_log.shape[0])
    return survey(state)


def survey(state: PanelState) -> observer.SurveyRows:
    """Return the survey of a market at the end of its horizon."""
    shape = (*state.survey_log.shape[:2], PRODUCTS)
    none = np.broadcast_to(np.zeros(1, np.int32), shape)  # nobody notes a price
    return observer.observe(
        state.seed,
        state.first_day,
        state.contacts,
        state.retailers.kind,
        state.survey_log,
        ObservedPrices(ads=none, items=none, price=none),
    )


@array_kernel
def advance(state, row, end):
    """Advance the contacts from row `row`, the first, to `end` (exclusive).

    The processes and their order are those of docs/model.md 3 that move posts without trade.

    Parameters
    ----------
    state : PanelState
        Its arrays are written.
    row, end : int
        Rows of days in the run.
    """
    state = by_reference(state)
    seed, params, queue, counters = state.seed, state.params, state.queue, state.counters
    retailers, simulated, others = state.retailers, state.simulated, state.others
    contacts, posting = state.contacts, params.posting
    ids = simulated.state.size
    learns = params.perception.learning * params.recovery.social_learning > 0.0
    remembered = 1.0 - 1.0 / params.moderation.memory_days
    recent, posted = 0.0, 0.0  # of another with a base rate of one: fading sum, and sum
    while row < end:
        day, levers = state.first_day + row, by_reference(levers_of_day(state.levers, row))
        apply_entry_exit(
            seed, day, levers, params, simulated, counters, state.motives, state.trade, 0, ids
        )
        _renew_others(day, retailers, simulated, counters, others)
        rates, open_rates = 0.0, 0.0
        for c in range(contacts.size):
            i = contacts[c]
            if i >= 0:
                rate, share = _publish(seed, day, i, levers, params, simulated, counters)
                retailers.state[i] = simulated.state[i]
                rates += rate
                open_rates += rate * share
        # visible posts today of another with a base rate of one, who is as open as the contacts
        each = levers.activity * (1.0 - posting.silent_share)
        if rates > 0.0:
            each *= open_rates / rates
        recent = recent * remembered + each
        flags = _flag_others(seed, day, each, levers, params, retailers, counters, others)
        if learns:
            _count_posts(posted, posted + each, day, retailers, counters, others)
        posted += each
        sweeps = levers.sweep_accounts + levers.sweep_posts > 0
        if sweeps:
            for i in range(others.phase.size):
                if not others.is_contact[i]:
                    retailers.recent[i] = retailers.base_rate[i] * recent
        # model.md 7.4 to 7.6, with all traders
        waiting = queue.ends[WAITING]
        remove_known_posts(day, params, retailers, counters)
        open_cases(seed, day, levers, retailers, counters, queue)
        review_cases(seed, day, levers, params, retailers, counters, queue)
        run_sweep(seed, day, levers, params, retailers, counters)
        acts = sweeps or flags > 0 or waiting > 0
        _return_to_simulated(acts, contacts, retailers, simulated, others)
        others.changed[0] = acts or learns
        notice_events(counters, state.noticed)
        update_perceived_risk(
            seed, day, levers, params, simulated, counters, state.ties, state.motives,
            state.noticed, 0, ids,
        )  # fmt: skip
        update_accounts(seed, day, params, simulated, counters, 0, ids)
        log_contacts(row, contacts, retailers, counters, state.survey_log)
        row += 1


@part
def _publish(seed, day, i, levers, params, retailers, counters):
    """Let a contact post for one day, as `publish_posts` does without trade (model.md 7.3).

    Where the posts go that are kept out of Moments is not told: no survey sees it. Returns the
    weight of the contact among those to whom others are likened, and the share of its intended
    posts that are visible.
    """
    posting, state = params.posting, retailers.state[i]
    _clear_contact(i, counters)
    retailers.recent[i] *= 1.0 - 1.0 / params.moderation.memory_days
    if state == State.ABSENT or state >= State.LEFT:
        return 0.0, 0.0
    talking = continue_spell(seed, day, i, retailers, counters, posting)
    retailers.talking[i] = talking
    if state == State.BANNED or retailers.blocked_until[i] > day:
        return 0.0, 0.0
    rate = retailers.base_rate[i]
    if state == State.LYING_LOW:
        return rate, 0.0
    openness = openness_of(i, params, retailers)
    share = openness * (1.0 - min(deletion_chance(retailers.risk[i], posting), 1.0))
    if not talking:
        return rate, share
    mean = rate * levers.activity
    none = chance_of_none(mean, posting.daily_shape)
    intended = invert(day_uniform(counters.words[i, POSTS_WORD]), mean, posting.daily_shape, none)
    if intended == 0:
        return rate, share
    elsewhere = (0.0, 0.0, 0.0, 1.0)  # where posts go that are kept out of Moments is not told
    make_posts(seed, day, i, intended, openness, elsewhere, levers, params, retailers, counters)
    return rate, share


@part
def _clear_contact(i, counters):
    """Clear the counters of a contact (model.md 2)."""
    nothing = PostFates(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    write_fates(i, nothing, counters)
    counters.intended[i], counters.removed[i], counters.mention[i] = 0, 0, 0
    counters.banned[i], counters.arrested[i] = 0, 0
    counters.sanction[i], counters.loss[i] = 0.0, 0.0


@part
def _renew_others(day, retailers, simulated, counters, others):
    """Let others enter, leave, and come back from a ban, and clear their counters."""
    ids, changed = others.phase.size, others.changed[0]
    for i in range(ids):
        if others.arrives[i] == day:
            retailers.state[i] = State.ACTIVE
        if others.leaves[i] == day and retailers.state[i] < State.LEFT:
            retailers.state[i] = State.LEFT
            simulated.state[i] = State.ABSENT
    if changed:
        for i in range(ids):
            counters.moments[i], counters.removed[i], counters.flagged[i] = 0, 0, 0
            counters.banned[i], counters.sanction[i], counters.loss[i] = 0, 0.0, 0.0
    for k in range(others.banned_number[0]):
        i = others.banned[k]
        if simulated.state[i] != State.ABSENT:
            retailers.state[i] = simulated.state[i]
            if retailers.state[i] != State.BANNED:
                simulated.state[i] = State.ABSENT


@part
def _return_to_simulated(acts, contacts, retailers, simulated, others):
    """Move states after moderation from all traders to those simulated."""
    for c in range(contacts.size):
        if contacts[c] >= 0:
            simulated.state[contacts[c]] = retailers.state[contacts[c]]
    if acts:
        number = 0
        for i in range(others.phase.size):
            if not others.is_contact[i] and retailers.state[i] == State.BANNED:
                simulated.state[i] = State.BANNED
                others.banned[number] = i
                number += 1
        others.banned_number[0] = number


@part
def _flag_others(seed, day, each, levers, params, retailers, counters, others):
    """Flag some of the others, a Poisson number by base rates; return that number."""
    moderation, cumulated = params.moderation, others.cumulated
    known = known_chance(0.0, levers, moderation)
    reported = moderation.report_rate * levers.reports * moderation.outsiders
    chance = 1.0 - (1.0 - known) * (1.0 - min(1.0, reported))
    total = cumulated[cumulated.size - 1]
    u = uniform(seed, Purpose.OTHERS_FLAGGED, day, 0, 0)
    number = events(u, total * each * chance)
    for k in range(number):
        share = uniform(seed, Purpose.OTHER_FLAGGED, day, 0, k) * total
        i = min(np.searchsorted(cumulated, share, side="right"), cumulated.size - 1)
        if retailers.state[i] == State.ACTIVE and retailers.blocked_until[i] <= day:
            counters.flagged[i] += 1
    return number


@part
def _count_posts(before, after, day, retailers, counters, others):
    """Give others as many posts as keep their running sums at those expected."""
    for i in range(others.phase.size):
        can_post = retailers.state[i] == State.ACTIVE and retailers.blocked_until[i] <= day
        if can_post and not others.is_contact[i]:
            rate, phase = retailers.base_rate[i], others.phase[i]
            counters.moments[i] = int(rate * after + phase) - int(rate * before + phase)
