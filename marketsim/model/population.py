"""Synthetic population of traders and their social network (docs/model.md 5).

Ids are positions in arrays. The first `population.retailers` ids are the founders; the ids after
them are newcomers in the order of their days of arrival, which do not depend on the market state.
"""

import numpy as np

from marketsim.model.kernels.entry_exit import CANDIDATES
from marketsim.model.state import DayCounters, Retailers, State, Ties
from marketsim.numerics import rng
from marketsim.numerics.elementary import exp_each, log, normal_quantile_each
from marketsim.numerics.rng import LANES, Purpose
from marketsim.parameters.settings import POSTING_ONLY, Settings
from marketsim.parameters.traders import TRADER_TYPES

LEAST_LIMIT = 0.001  # of perceived risk, where limits are loguniform


def arrivals(settings: Settings, seed: int, first_day: int, days: int) -> np.ndarray:
    """Draw the date of arrival of each trader, 0 for founders.

    It is a function of the seed, the dates and the parameters, not of the market state.

    Parameters
    ----------
    settings : Settings
        `population.retailers` and `turnover.entry` are read.
    seed : int
        Seed of the run.
    first_day : int
        Ordinal of the first day.
    days : int
        Length of the run.

    Returns
    -------
    ndarray of int64, shape (ids,)
        Each day has the whole part of the mean, and one more with the probability of the fraction;
        where entry depends on the value of the trade there are more candidates than entrants.
    """
    mean = settings.population.retailers * settings.turnover.entry
    if settings.motive.turnover > 0.0 and settings.market != POSTING_ONLY:
        mean *= CANDIDATES
    day_numbers = np.arange(first_day, first_day + days)
    draws = rng.uniform_array(seed, Purpose.ARRIVALS, 0, day_numbers)
    newcomers = np.repeat(day_numbers, np.floor(mean + draws).astype(np.int64))
    return np.concatenate([np.zeros(settings.population.retailers, np.int64), newcomers])


def synthesize_traders(
    settings: Settings, seed: int, first_day: int, days: int
) -> tuple[Retailers, Ties]:
    """Draw the traders of a run and the ties among them.

    Parameters
    ----------
    settings : Settings
        Checked settings.
    seed : int
        Seed of the run.
    first_day : int
        Ordinal of the first day.
    days : int
        Length of the run.

    Returns
    -------
    Retailers
        Arrays of shape (ids,).
    Ties
        Compressed rows: the ties of trader i are ``other[start[i]:start[i + 1]]``, sorted.
    """
    arrival = arrivals(settings, seed, first_day, days)
    ids = np.arange(arrival.size)
    kind = _kinds(settings, rng.uniform_array(seed, Purpose.TRADER_TYPE, 0, ids))
    talking = rng.uniform_array(seed, Purpose.FIRST_SPELL, 0, ids) >= settings.posting.silent_share
    residual = settings.perception.residual

    def zeros(dtype: type) -> np.ndarray:
        return np.zeros(ids.size, dtype)

    retailers = Retailers(
        kind=kind,
        base_rate=_base_rates(settings, seed, ids, kind),
        sensitivity=_sensitivities(settings, seed, ids, kind),
        threshold=_thresholds(settings, seed, ids),
        arrival=arrival,
        video_share=_video_shares(settings, seed, ids),
        full_grid=_full_grids(settings, seed, ids),
        state=np.where(arrival > 0, State.ABSENT, State.ACTIVE).astype(np.int8),
        talking=talking.astype(np.int8),
        risk=np.full(ids.size, residual),
        account=zeros(np.int64),
        offences=zeros(np.int64),
        blocked_until=zeros(np.int64),
        suspended=zeros(np.int8),
        return_day=zeros(np.int64),
        backup=zeros(np.int8),
        follow=zeros(np.float64),
        audience=np.ones(ids.size),
        recruits=zeros(np.float64),
        guarded_until=zeros(np.int64),
        recent=zeros(np.float64),
        case_open=zeros(np.int8),
    )
    return retailers, _ties(settings, seed, arrival.size)


def empty_counters(size: int) -> DayCounters:
    """Return the counters of one day, all zero, with the types named at `DayCounters`."""
    counts = {name: np.zeros(size, np.int64) for name in DayCounters._fields}
    others = {"sanction": np.zeros(size), "loss": np.zeros(size)}
    return DayCounters(**counts | others | {"words": np.zeros((size, LANES), np.uint64)})


def _kinds(settings: Settings, draws: np.ndarray) -> np.ndarray:
    """Return the types of traders, int8, 0 to 3."""
    population = settings.population
    weights = np.array([getattr(population, f"type_{letter}") for letter in TRADER_TYPES])
    edges = np.cumsum(weights)
    kinds = np.searchsorted(edges, draws * edges[-1], side="right")
    return np.minimum(kinds, len(TRADER_TYPES) - 1).astype(np.int8)


def _base_rates(settings: Settings, seed: int, ids: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return the base rates of traders, posts a day: gamma distributed within a type."""
    from scipy.special import gammaincinv

    posting, shape = settings.posting, settings.population.gamma_shape
    draws = rng.uniform_array(seed, Purpose.BASE_RATE, 0, ids)
    by_kind = np.array([getattr(posting, f"rate_{letter}") for letter in TRADER_TYPES])
    return _round_24_bits(gammaincinv(shape, draws) / shape) * posting.base_posts * by_kind[kind]


def _round_24_bits(values: np.ndarray) -> np.ndarray:
    """Round to 24 bits: scipy differs in the last places between platforms."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 2.0**24) / 2.0**24, exponent)


def _sensitivities(settings: Settings, seed: int, ids: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return the sensitivities to risk: lognormal within a type."""
    perception, spread = settings.perception, settings.population.sensitivity_spread
    draws = rng.uniform_array(seed, Purpose.SENSITIVITY, 0, ids)
    by_kind = np.array([getattr(perception, f"sensitivity_{letter}") for letter in TRADER_TYPES])
    median = perception.sensitivity * by_kind[kind]
    return median * exp_each(spread * normal_quantile_each(draws))


def _thresholds(settings: Settings, seed: int, ids: np.ndarray) -> np.ndarray:
    """Return the personal limits of risk: uniform, loguniform or between (model.md 5)."""
    low, high = settings.perception.threshold_low, settings.perception.threshold
    share = rng.uniform_array(seed, Purpose.THRESHOLD, 0, ids)
    limits: np.ndarray = low + (high - low) * share
    weight = settings.recovery.log_thresholds
    if weight == 0.0:
        return limits
    least = max(low, LEAST_LIMIT)
    ratio = log(max(high, LEAST_LIMIT)) - log(least)
    return (1.0 - weight) * limits + weight * (least * exp_each(share * ratio))


def _video_shares(settings: Settings, seed: int, ids: np.ndarray) -> np.ndarray:
    """Return the share of posts with a video of each trader: lognormal, at most 0.9."""
    share, spread = settings.posting.video_share, settings.style.video_spread
    if spread == 0.0:
        return np.full(ids.size, share)
    z = normal_quantile_each(rng.uniform_array(seed, Purpose.VIDEO_STYLE, 0, ids))
    return np.minimum(share * exp_each(spread * z - spread * spread / 2.0), 0.9)


def _full_grids(settings: Settings, seed: int, ids: np.ndarray) -> np.ndarray:
    """Return the share of nine pictures in other posts of each trader: logit-normal."""
    share, spread = settings.posting.full_grid, settings.style.grid_spread
    if spread == 0.0 or not 0.0 < share < 1.0:
        return np.full(ids.size, share)
    z = normal_quantile_each(rng.uniform_array(seed, Purpose.GRID_STYLE, 0, ids))
    odds = share / (1.0 - share) * exp_each(spread * z)
    return odds / (1.0 + odds)


def _ties(settings: Settings, seed: int, ids: int) -> Ties:
    """Return the ties: each trader names half the mean number, among the founders."""
    founders = settings.population.retailers
    half = settings.population.ties / 2.0
    traders = np.arange(ids)
    number = np.floor(half + rng.uniform_array(seed, Purpose.TIE, 0, traders)).astype(np.int64)
    naming = np.repeat(traders, number)
    name = np.arange(naming.size) - np.repeat(np.cumsum(number) - number, number)
    draws = rng.pair_array(seed, Purpose.TIE, 0, naming, name + 1)
    named = np.floor(draws * founders).astype(np.int64)
    naming, named = naming[naming != named], named[naming != named]
    pairs = np.concatenate([naming * ids + named, named * ids + naming])
    pairs.sort()  # four times as fast as np.unique
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    start = np.searchsorted(pairs, np.arange(ids + 1) * ids)
    return Ties(start=start.astype(np.int64), other=(pairs % ids).astype(np.int32))
