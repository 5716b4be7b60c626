"""Perceived risk rises with enforcement and wears off; traders lie low and return."""

from marketsim.compiled import kernel
from marketsim.exact import exp
from marketsim.rng import Purpose, uniform
from marketsim.state import State

LN_2 = 0.6931471805599453


@kernel
def perceive(seed, day, news, habituation, rules, retailers, today, ties):
    """Move every trader's perceived risk by what happened today.

    Parameters
    ----------
    seed : uint64
        Seed of the run.
    day : int
        Ordinal of the day.
    news : float
        Share of what can be known that reaches everybody, 0 to 1.
    habituation : float
        Effect of shocks against those of the first wave.
    rules : Rules
        Parameters.
    retailers : Retailers
        `risk` and `state` are written.
    today : Today
        `sanction` and `moments` are read.
    ties : Ties
        Who hears from whom.
    """
    perception, recovery = rules.perception, rules.recovery
    fades = 1.0
    if recovery.forgetting > 0.0:
        fades = exp(-LN_2 * recovery.forgetting / perception.half_life)
    lesson = 1.0 - perception.learning * recovery.social_learning
    calm = news == 0.0 and not today.sanction.any()
    calm_news = 1.0 - perception.news * perception.warning * news * habituation
    for i in range(retailers.state.size):
        if retailers.state[i] == State.ABSENT or retailers.state[i] == State.LEFT:
            continue
        fear = (retailers.risk[i] - perception.residual) * fades
        if lesson < 1.0 and fear > 0.0:
            fear *= _lessons(i, lesson, today, ties)
        faded = perception.residual + max(fear, 0.0)
        rise = 0.0
        if not calm:
            trust = calm_news * _unshaken(i, habituation, perception, today, ties)
            rise = (1.0 - faded) * (1.0 - trust)
        retailers.risk[i] = faded + rise
        _lie_low(seed, day, i, rise, rules, retailers)


@kernel
def _lessons(i, lesson, today, ties):
    """Return the share of fear left after seeing the unpunished posts of one's ties."""
    seen = 0
    for k in range(ties.start[i], ties.start[i + 1]):
        j = ties.other[k]
        if today.sanction[j] == 0.0:
            seen += today.moments[j]
    left = 1.0
    base = lesson
    while seen > 0:
        if seen % 2 == 1:
            left *= base
        base *= base
        seen //= 2
    return left


@kernel
def _unshaken(i, habituation, perception, today, ties):
    """Return the share of trust left after one's own sanction and those of one's ties."""
    trust = 1.0 - perception.own_sanction * today.sanction[i]
    for k in range(ties.start[i], ties.start[i + 1]):
        sanction = today.sanction[ties.other[k]]
        if sanction > 0.0:
            trust *= 1.0 - perception.warning * sanction * habituation
    return trust


@kernel
def _lie_low(seed, day, i, rise, rules, retailers):
    """Start lying low at a rise of fear, or come back from it."""
    if retailers.state[i] == State.ACTIVE and rise > 0.0:
        chance = rules.recovery.lying_low * rules.perception.lie_low * rise
        if chance > 0.0 and uniform(seed, Purpose.LIE_LOW, day, i, 0) < chance:
            retailers.state[i] = State.LYING_LOW
    elif retailers.state[i] == State.LYING_LOW:
        if uniform(seed, Purpose.LIE_LOW, day, i, 0) < 1.0 / rules.perception.low_days:
            retailers.state[i] = State.ACTIVE
