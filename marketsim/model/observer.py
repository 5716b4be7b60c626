"""The observer: contacts, panel, calendar and window, read off the record of a run.

The survey is simulated as it was done. Contacts lean to the visible and some had left before the
run begins. The panel is drawn from the contacts that posted within the fortnight before the
survey. A survey day sees what stands on a panel trader's first account at the end of that day:
posts deleted or removed on the day, posts on backup accounts, in groups and on other platforms
are not seen; an advertised backup account is.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from marketsim.model.state import LogColumn, ObservedPrices, Retailers
from marketsim.numerics import rng
from marketsim.numerics.elementary import exp_each, log_each
from marketsim.numerics.rng import Purpose
from marketsim.parameters import evidence
from marketsim.parameters.settings import Settings

REGULAR_WEEKDAYS = (1, 3, 5)  # Tuesday, Thursday, Saturday
NOBODY = -1
SMALLEST_RATE = 1e-140  # a rate of zero has no logarithm; to the largest lean still above zero
CERTAIN = 1.0 - 2.0**-20  # the largest chance that still leaves an order


def _number(fact: str) -> int:
    value = evidence.inputs()[fact].value
    assert value is not None
    return int(value)


def _day(fact: str) -> dt.date:
    date = evidence.inputs()[fact].date
    assert date is not None
    return date


@dataclass(frozen=True)
class SurveyRows:
    """One simulated survey.

    Attributes
    ----------
    trader : ndarray of int64, shape (panel,)
        Trader ids of the panel.
    trader_type : ndarray of int8, shape (panel,)
        0 to 3 for the types A to D.
    day : ndarray of int64, shape (surveys,)
        Ordinals of the survey days, in order.
    regular : ndarray of bool, shape (surveys,)
        Tuesday, Thursday or Saturday; the others are the random days.
    seen : ndarray of int32, shape (surveys, panel, len(Note))
        What was seen, by the columns of `LogColumn`.
    ads, items, price : ndarray of int32, shape (surveys, panel, products)
        Advertisements, pictures and videos by product, and the price on the label in fen a gram;
        all zero where nobody trades.
    active_contacts : int
        Contacts that posted within the fortnight before the survey.
    contacts : int
        Contacts in all.
    """

    trader: np.ndarray
    trader_type: np.ndarray
    day: np.ndarray
    regular: np.ndarray
    seen: np.ndarray
    ads: np.ndarray
    items: np.ndarray
    price: np.ndarray
    active_contacts: int
    contacts: int


def choose_contacts(settings: Settings, seed: int, retailers: Retailers) -> np.ndarray:
    """Choose the observer's contacts among the traders there from the start.

    Parameters
    ----------
    settings : Settings
        `observer` and `turnover.leave` are read.
    seed : int
        Seed of the run.
    retailers : Retailers
        As synthesized.

    Returns
    -------
    ndarray of int64, shape (contacts,)
        Trader ids in the order in which they were met, -1 for those who left before the run
        begins. Met first are traders with a high base rate, to the power of `observer.lean`; the
        age of a contact is exponential with mean `observer.contact_age`.
    """
    rates = retailers.base_rate[: settings.population.retailers]
    weights = exp_each(settings.observer.lean * log_each(np.maximum(rates, SMALLEST_RATE)))
    met = _met(rng.uniform_array(seed, Purpose.CONTACT, 0, np.arange(rates.size)), weights)
    ages = -settings.observer.contact_age * log_each(
        rng.uniform_array(seed, Purpose.CONTACT_AGE, 0, met)
    )
    stayed = exp_each(-settings.turnover.leave * ages)
    u_left = rng.uniform_array(seed, Purpose.CONTACT_LEFT, 0, met)
    met[u_left >= stayed] = NOBODY
    return met


def _met(draws: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return a fixed number of ids, each with a chance in proportion to its weight.

    This is Pareto sampling (Rosén 1997). A race would not do: in a small market it exhausts the
    heavy posters, so that the same survey would see fewer of them there than in a large one.
    """
    total = np.cumsum(weights)[-1]  # in the order of the ids
    number = _number("survey_panel_contacts")
    chance = np.minimum(number * weights / total, CERTAIN)
    odds = draws / (1.0 - draws) * ((1.0 - chance) / chance)
    return np.argsort(odds, kind="stable")[:number].astype(np.int64)


def survey_days(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ordinals of the survey days, in order, and which of them are regular.

    Parameters
    ----------
    seed : int
        Seed of the run: it fixes the random days.

    Returns
    -------
    day : ndarray of int64, shape (surveys,)
    regular : ndarray of bool, shape (surveys,)
    """
    days = np.arange(_day("survey_start").toordinal(), _day("survey_end").toordinal() + 1)
    regular = np.isin((days + 6) % 7, REGULAR_WEEKDAYS)
    others = days[~regular]
    order = np.argsort(rng.uniform_array(seed, Purpose.RANDOM_DAY, 0, others), kind="stable")
    chosen = others[order[: _number("survey_random_days")]]
    surveyed = np.sort(np.concatenate([days[regular], chosen]))
    return surveyed, ~np.isin(surveyed, chosen)


def observe(
    seed: int,
    first_day: int,
    met: np.ndarray,
    kind: np.ndarray,
    survey_log: np.ndarray,
    observed_prices: ObservedPrices,
) -> SurveyRows:
    """Draw the panel from the record of a run and read its survey days.

    Parameters
    ----------
    seed : int
        Seed of the run.
    first_day : int
        Ordinal of the first day of the record.
    met : ndarray of int64, shape (contacts,)
        From `contacts`.
    kind : ndarray of int8, shape (ids,)
        Types of all traders.
    notes : ndarray of int32, shape (days, contacts, len(Note))
        The record.
    observed_prices : ObservedPrices
        What the contacts' posts showed, and the prices on them.

    Returns
    -------
    SurveyRows
        The panel is smaller than that of the survey where fewer contacts were active.
    """
    start = _day("survey_start").toordinal() - first_day
    fortnight = survey_log[start - _number("survey_panel_fortnight") : start, :, LogColumn.ADS]
    active = np.flatnonzero(fortnight.sum(axis=0) > 0)
    order = np.argsort(rng.uniform_array(seed, Purpose.PANEL, 0, met[active]), kind="stable")
    panel = np.sort(active[order[: _number("survey_panel_traders")]])
    days, regular = survey_days(seed)
    return SurveyRows(
        trader=met[panel],
        trader_type=kind[met[panel]],
        day=days,
        regular=regular,
        seen=survey_log[days - first_day][:, panel],
        ads=observed_prices.ads[days - first_day][:, panel],
        items=observed_prices.items[days - first_day][:, panel],
        price=observed_prices.price[days - first_day][:, panel],
        active_contacts=int(active.size),
        contacts=int(met.size),
    )
