"""Panels that are predicted: a new one, or the panel that TRAFFIC surveyed, again.

The survey saw one panel of 58 traders. With `panel=new` the runs of a study have fresh seeds: they
predict what a survey of another panel would have recorded. With `panel=again` run r of a study is
pair r of `posterior.pairs`: a draw of the parameters and a seed, accepted since the survey that
they give is like the published one. The parameters were fitted before, without selecting surveys.
The pairs were accepted in the baseline of `population=survey`. Where the market is another one
before any intervention, they say nothing, and `panel=again` is refused.
"""

import math
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple

from marketsim.errors import InputError
from marketsim.numerics import rng
from marketsim.numerics.rng import Purpose
from marketsim.parameters import overrides, posterior, presets
from marketsim.parameters.settings import AGAIN, NEW, Settings

# What may differ from the settings of the pairs: what is done in the market, for how long, and what
# is computed from it. The first day may not.
FREE = ("scenario", "horizon", "hours", "classes", "panel", "seed", "replicates")


class Condition(NamedTuple):
    """A condition of `panel=again` that settings do not meet."""

    key: str
    needed: Any
    found: Any


@cache
def _reference() -> Settings:
    """Return the settings that the pairs were accepted with; not to be changed."""
    return presets.named(population="survey")


def unmet(settings: Settings) -> Condition | None:
    """Return the first condition of `panel=again` that settings do not meet; None if they do."""
    reference = _reference()
    names = [item.name for item in fields(Settings) if item.name not in FREE]
    for name in ("fixed", *(one for one in names if one != "fixed")):
        mine, needed = getattr(settings, name), getattr(reference, name)
        if mine == needed:
            continue
        if not is_dataclass(mine):
            return Condition(name, needed, mine)
        keys = [item.name for item in fields(mine)]
        key = next(key for key in keys if getattr(mine, key) != getattr(needed, key))
        shown = name if key == "name" else f"{name}.{key}"
        return Condition(shown, getattr(needed, key), getattr(mine, key))
    if str(settings.horizon.start) != reference.horizon.start:
        return Condition("horizon.start", reference.horizon.start, settings.horizon.start)
    return None


def check(settings: Settings) -> None:
    """Refuse `panel=again` where the pairs say nothing, have no such seed, or are too few.

    Raises
    ------
    InputError
        Naming the key that prevents it.
    """
    if settings.panel == NEW:
        return
    found = unmet(settings)
    if found is not None:
        allowed = f"{overrides.word(found.needed)} with panel={AGAIN}; panel={NEW} takes others"
        raise InputError(found.key, overrides.word(found.found), allowed)
    default, most = _reference().seed, len(posterior.pairs())
    if settings.seed != default:
        allowed = (
            f"{default}, since seed has no effect with panel={AGAIN}; panel={NEW} draws fresh seeds"
        )
        raise InputError("seed", settings.seed, allowed)
    if settings.replicates > most:
        allowed = f"at most {most}, the pairs of panel={AGAIN}; panel={NEW} draws more"
        raise InputError("replicates", settings.replicates, allowed)


def check_new(settings: Settings, why: str) -> None:
    """Refuse `panel=again` where a command has fresh seeds; `why` is why.

    Raises
    ------
    InputError
        With the panel.
    """
    if settings.panel == AGAIN:
        raise InputError("panel", AGAIN, f"{NEW}, since {why}")


def by_default(settings: Settings) -> str:
    """Return the panel of settings for which none was asked: again where the pairs apply."""
    return NEW if unmet(settings) else AGAIN


def run_seed(seed: int, run: int) -> int:
    """Return the seed of one run of a study with a new panel."""
    return rng.new_seed(seed, Purpose.REPLICATE, run)


def seed_and_draw(settings: Settings, run: int) -> tuple[int, posterior.Draw]:
    """Return the seed and the draw of the parameters of one run of a study.

    All that simulates runs asks here: studies, comparisons, sweeps, the dashboard, Mesa's market.
    With `panel=again` the run is the pair of its number. With `panel=new` its seed and its draw are
    functions of the study's seed and the number, and two runs share a draw.
    """
    if settings.panel == AGAIN:
        return posterior.pair(settings, run)
    drawn = posterior.draw(settings, run // posterior.RUNS_PER_DRAW)
    return run_seed(settings.seed, run), drawn


def acceptance() -> float:
    """Return the share of simulated surveys that were accepted; nan where it is not known."""
    tries = posterior.pairs()["tries"]
    return len(tries) / int(tries.sum()) if tries.min() > 0 else math.nan


def reason(settings: Settings) -> str:
    """Return why settings cannot have `panel=again`; empty if they can."""
    found = unmet(settings)
    if found is None:
        return ""
    needed, mine = overrides.word(found.needed), overrides.word(found.found)
    return f"panel={AGAIN} needs {found.key}={needed}; here it is {mine}"


def facts(settings: Settings) -> dict[str, Any]:
    """Return what a manifest says of the panel: which one, and why not again or how many pairs."""
    if settings.panel == NEW:
        return {"panel": NEW, "panel_reason": reason(settings)}
    return facts_of_pairs()


def facts_of_pairs() -> dict[str, Any]:
    """Return what a manifest says of the shipped pairs."""
    accepted = acceptance()
    rate = None if math.isnan(accepted) else accepted
    return {"panel": AGAIN, "pairs": len(posterior.pairs()), "pairs_acceptance": rate}


def sentence(settings: Settings) -> str:
    """Return the line of a command that says which panel is predicted."""
    if settings.panel == NEW:
        why = reason(settings)
        return f"panel={NEW}: runs with fresh seeds" + (f" ({why})" if why else "")
    return (
        f"panel={AGAIN}: runs whose simulated survey is like the published one "
        f"(panel={NEW} draws fresh seeds)"
    )
