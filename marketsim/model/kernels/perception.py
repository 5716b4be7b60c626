"""Perceived risk and lying low (docs/model.md 7.7)."""

from marketsim.model.state import State
from marketsim.numerics.elementary import LN_2, exp, whole_power
from marketsim.numerics.jit import kernel
from marketsim.numerics.rng import HAZARDS_WORD, LIE_LOW, happens

SHOCKS, ARRESTS = 0, 1  # of `Noticed.number`
ARRESTED, SHOCKED = 1, 2  # bits of `Noticed.marks`


@kernel
def notice_events(counters, noticed):
    """Add up what ties notice of the traders (model.md 7.7).

    Parameters
    ----------
    counters : DayCounters
        Read.
    noticed : Noticed
        Written.
    """
    shocks, arrests = 0, 0
    for i in range(noticed.shock.size):
        noticed.unpunished[i] = counters.moments[i] if counters.sanction[i] == 0.0 else 0
        noticed.shock[i] = max(counters.sanction[i], counters.loss[i])
        noticed.marks[i] = counters.arrested[i] > 0
        if noticed.shock[i] > 0.0:
            noticed.marks[i] |= SHOCKED
            shocks += 1
        arrests += counters.arrested[i]
    noticed.number[SHOCKS], noticed.number[ARRESTS] = shocks, arrests


@kernel
def update_perceived_risk(
    seed, day, levers, params, retailers, counters, ties, motives, noticed, start, stop
):
    """Update traders' perceived risk by the events of the day, and who lies low.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    levers : Levers
        Levers of the day: `news`, `habituation` and `arrest_news` are read; habituation does not
        weaken a trader's own sanction.
    params : Params
        Parameters.
    retailers : Retailers
        `risk` and `state` are written.
    counters : DayCounters
        `words` is read.
    ties : Ties
        Social network.
    motives : Motives
        `jail` is written.
    noticed : Noticed
        As of `notice_events`.
    start, stop : int
        Ids of the traders: the first, and the end (exclusive).
    """
    perception, recovery = params.perception, params.recovery
    state, risks, residual = retailers.state, retailers.risk, perception.residual
    habituation = levers.habituation
    # model.md 7.7: what is the same for all traders today
    lesson = 1.0 - perception.learning * recovery.social_learning
    fading = 1.0
    if recovery.forgetting > 0.0:
        fading = exp(-LN_2 * recovery.forgetting / perception.half_life)
    unpunished, shock, marks = noticed.unpunished, noticed.shock, noticed.marks
    any_shock, arrests = noticed.number[SHOCKS] > 0, noticed.number[ARRESTS]
    public = 1.0 - (1.0 - levers.arrest_news) * (1.0 - params.institutions.publicity)
    hope = whole_power(1.0 - params.motive.jail_step * perception.news * public, arrests)
    calm_after_news = 1.0 - perception.news * perception.warning * levers.news * habituation
    for i in range(start, stop):
        if state[i] == State.ABSENT or state[i] >= State.LEFT:
            continue
        # model.md 7.7: unpunished posts of ties, and the shock of news and sanctions
        seen = 0
        calm = calm_after_news
        first, end = ties.start[i], ties.start[i + 1]
        if lesson < 1.0:
            for k in range(first, end):
                seen += unpunished[ties.other[k]]
        if any_shock:  # otherwise every factor is 1
            calm *= 1.0 - perception.own_sanction * shock[i]
            for k in range(first, end):
                if marks[ties.other[k]] & SHOCKED:  # otherwise the factor is 1
                    weight = shock[ties.other[k]] * habituation
                    calm *= 1.0 - perception.warning * weight
        # model.md 7.7: risk above the residual fades, and rises by a share of what is left to 1
        fear = max(risks[i] - residual, 0.0) * fading * whole_power(lesson, seen)
        rise = (1.0 - residual - fear) * (1.0 - calm)
        risks[i] = residual + fear + rise
        # market.md 16.5: arrests of ties, and public ones, raise the perceived chance of arrest
        if arrests > 0:
            safe = hope
            for k in range(first, end):
                if marks[ties.other[k]] & ARRESTED:
                    safe *= 1.0 - params.motive.jail_step
            motives.jail[i] += (1.0 - motives.jail[i]) * (1.0 - safe)
        # model.md 7.7: lying low begins with a rise and ends by itself
        hazards = counters.words[i, HAZARDS_WORD]
        if state[i] == State.LYING_LOW:
            if happens(1.0 / perception.low_days, hazards, LIE_LOW, seed, day, i):
                state[i] = State.ACTIVE
        elif state[i] == State.ACTIVE and rise * recovery.lying_low > 0.0:
            chance = recovery.lying_low * perception.lie_low * rise
            if happens(chance, hazards, LIE_LOW, seed, day, i):
                state[i] = State.LYING_LOW
