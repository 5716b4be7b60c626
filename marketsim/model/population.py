"""Who there is: traders and their ties, as named tuples of arrays, made from a seed.

Ids are positions. The first `retailers` ids are there from the first day; the ids after them are
dealers who may enter, numbered by the day of their arrival, which never depends on what happens
in the market.
"""

import numpy as np

from marketsim.model.state import DayCounters, Retailers, State, Ties
from marketsim.numerics import rng
from marketsim.numerics.elementary import exp_each, normal_quantile_each
from marketsim.numerics.rng import Purpose
from marketsim.parameters.settings import Settings
from marketsim.parameters.traders import TRADER_TYPES


def arrivals(settings: Settings, seed: int, first_day: int, days: int) -> np.ndarray:
    """Return the day on which each dealer comes: 0 for those there from the start.

    It is a function of the seed, the dates and the parameters, never of the state of the market.

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
        A day brings the whole part of its mean, and one more with the chance of the rest.
    """
    mean = settings.population.retailers * settings.turnover.entry
    day_numbers = np.arange(first_day, first_day + days)
    draws = rng.uniform_array(seed, Purpose.ARRIVALS, 0, day_numbers)
    newcomers = np.repeat(day_numbers, np.floor(mean + draws).astype(np.int64))
    return np.concatenate([np.zeros(settings.population.retailers, np.int64), newcomers])


def synthesize_traders(
    settings: Settings, seed: int, first_day: int, days: int
) -> tuple[Retailers, Ties]:
    """Make the traders of a run and the ties among them.

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

    def empty(kind_of_number: type) -> np.ndarray:
        return np.zeros(ids.size, kind_of_number)

    retailers = Retailers(
        kind=kind,
        base_rate=_base_rates(settings, seed, ids, kind),
        sensitivity=_sensitivities(settings, seed, ids, kind),
        threshold=_thresholds(settings, seed, ids),
        arrival=arrival,
        state=np.where(arrival > 0, State.ABSENT, State.ACTIVE).astype(np.int8),
        talking=talking.astype(np.int8),
        risk=np.full(ids.size, residual),
        account=empty(np.int64),
        offences=empty(np.int64),
        blocked_until=empty(np.int64),
        suspended=empty(np.int8),
        return_day=empty(np.int64),
        backup=empty(np.int8),
        audience=np.ones(ids.size),
        recent=empty(np.float64),
        case_open=empty(np.int8),
    )
    return retailers, _ties(settings, seed, arrival.size)


def empty_counters(size: int) -> DayCounters:
    """Return the counters of one day, all zero: int64, and float64 for `sanction`."""
    counts = {name: np.zeros(size, np.int64) for name in DayCounters._fields}
    return DayCounters(**counts | {"sanction": np.zeros(size)})


def _kinds(settings: Settings, draws: np.ndarray) -> np.ndarray:
    people = settings.population
    weights = np.array([getattr(people, f"type_{letter}") for letter in TRADER_TYPES])
    edges = np.cumsum(weights)
    kinds = np.searchsorted(edges, draws * edges[-1], side="right")
    return np.minimum(kinds, len(TRADER_TYPES) - 1).astype(np.int8)


def _base_rates(settings: Settings, seed: int, ids: np.ndarray, kind: np.ndarray) -> np.ndarray:
    from scipy.special import gammaincinv

    posting, shape = settings.posting, settings.population.gamma_shape
    draws = rng.uniform_array(seed, Purpose.BASE_RATE, 0, ids)
    by_kind = np.array([getattr(posting, f"rate_{letter}") for letter in TRADER_TYPES])
    return _round_24_bits(gammaincinv(shape, draws) / shape) * posting.base_posts * by_kind[kind]


def _round_24_bits(values: np.ndarray) -> np.ndarray:
    """Drop last places, in which scipy differs between platforms."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 2.0**24) / 2.0**24, exponent)


def _sensitivities(settings: Settings, seed: int, ids: np.ndarray, kind: np.ndarray) -> np.ndarray:
    perception, spread = settings.perception, settings.population.sensitivity_spread
    draws = rng.uniform_array(seed, Purpose.SENSITIVITY, 0, ids)
    by_kind = np.array([getattr(perception, f"sensitivity_{letter}") for letter in TRADER_TYPES])
    middle = perception.sensitivity * by_kind[kind]
    return middle * exp_each(spread * normal_quantile_each(draws))


def _thresholds(settings: Settings, seed: int, ids: np.ndarray) -> np.ndarray:
    low, high = settings.perception.threshold_low, settings.perception.threshold
    return low + (high - low) * rng.uniform_array(seed, Purpose.THRESHOLD, 0, ids)


def _ties(settings: Settings, seed: int, ids: int) -> Ties:
    """Let each trader name half the mean number of ties among those there from the start."""
    founders = settings.population.retailers
    half = settings.population.ties / 2.0
    who = np.arange(ids)
    named = np.floor(half + rng.uniform_array(seed, Purpose.TIE, 0, who)).astype(np.int64)
    one = np.repeat(who, named)
    turn = np.arange(one.size) - np.repeat(np.cumsum(named) - named, named)
    draws = rng.pair_array(seed, Purpose.TIE, 0, one, turn + 1)
    two = np.floor(draws * founders).astype(np.int64)
    apart = one != two
    pairs = np.concatenate([one[apart] * ids + two[apart], two[apart] * ids + one[apart]])
    pairs.sort()  # four times as fast as np.unique
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    start = np.searchsorted(pairs, np.arange(ids + 1) * ids)
    return Ties(start=start.astype(np.int64), other=(pairs % ids).astype(np.int32))
