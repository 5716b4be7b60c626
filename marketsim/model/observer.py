"""Virtual survey: contacts, panel and survey days, read from the survey log (docs/model.md 7.9).

The survey is simulated as it was carried out. Traders who post much are likelier to be contacts,
and some contacts left before the run begins. The panel is drawn from the contacts that posted
within the fortnight before the survey. A survey day observes the first account of each panel trader
at the end of that day: posts deleted or removed on the day, on backup accounts, in groups and on
other platforms are not observed; an advertised backup account is.
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
SMALLEST_RATE = 1e-140  # a rate of zero has no logarithm
LARGEST_CHANCE = 1.0 - 2.0**-20  # a chance of 1 would leave no order


def _number(fact: str) -> int:
    """Return the value of an input of the evidence as a whole number."""
    value = evidence.inputs()[fact].value
    assert value is not None
    return int(value)


def _day(fact: str) -> dt.date:
    """Return the date of an input of the evidence."""
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
    seen : ndarray of int32, shape (surveys, panel, len(LogColumn))
        Observations, by the columns of `LogColumn`.
    ads, items, price : ndarray of int32, shape (surveys, panel, products)
        Advertisements, pictures and videos by product, and the price on the label in fen a gram;
        all zero without trade.
    active_contacts : int
        Contacts that posted within the fortnight before the survey.
    contacts : int
        All contacts.
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
    """Draw the observer's contacts among the founders.

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
        Trader ids in the order of their draws, -1 for those who left before the run begins.
        Chances are proportional to the base rate to the power of `observer.lean`; the age of a
        contact is exponential with mean `observer.contact_age`.
    """
    rates = retailers.base_rate[: settings.population.retailers]
    weights = exp_each(settings.observer.lean * log_each(np.maximum(rates, SMALLEST_RATE)))
    contacts = _draw_contacts(
        rng.uniform_array(seed, Purpose.CONTACT, 0, np.arange(rates.size)), weights
    )
    ages = -settings.observer.contact_age * log_each(
        rng.uniform_array(seed, Purpose.CONTACT_AGE, 0, contacts)
    )
    stayed = exp_each(-settings.turnover.leave * ages)
    u_left = rng.uniform_array(seed, Purpose.CONTACT_LEFT, 0, contacts)
    contacts[u_left >= stayed] = NOBODY
    return contacts


def _draw_contacts(draws: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return a fixed number of ids, with chances proportional to weights (Pareto sampling).

    See Rosén (1997). A race would exhaust the heavy posters of a small market, so that the same
    survey would observe fewer of them than in a large one.
    """
    total = np.cumsum(weights)[-1]  # in the order of the ids
    number = _number("survey_panel_contacts")
    chance = np.minimum(number * weights / total, LARGEST_CHANCE)
    odds = draws / (1.0 - draws) * ((1.0 - chance) / chance)
    return np.argsort(odds, kind="stable")[:number].astype(np.int64)


def survey_days(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ordinals of the survey days, in order, and which are regular.

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
    contacts: np.ndarray,
    kind: np.ndarray,
    survey_log: np.ndarray,
    observed_prices: ObservedPrices,
) -> SurveyRows:
    """Draw the panel of a run and read its survey days from the survey log.

    Parameters
    ----------
    seed : int
        Seed of the run.
    first_day : int
        Ordinal of the first day of the record.
    contacts : ndarray of int64, shape (contacts,)
        From `choose_contacts`.
    kind : ndarray of int8, shape (ids,)
        Types of all traders.
    survey_log : ndarray of int32, shape (days, contacts, len(LogColumn))
        What contacts showed on each day.
    observed_prices : ObservedPrices
        Products and prices of contacts' posts.

    Returns
    -------
    SurveyRows
        The panel is smaller than that of the survey if fewer contacts were active.
    """
    start = _day("survey_start").toordinal() - first_day
    fortnight = survey_log[start - _number("survey_panel_fortnight") : start, :, LogColumn.ADS]
    active = np.flatnonzero(fortnight.sum(axis=0) > 0)
    order = np.argsort(rng.uniform_array(seed, Purpose.PANEL, 0, contacts[active]), kind="stable")
    panel = np.sort(active[order[: _number("survey_panel_traders")]])
    days, regular = survey_days(seed)
    return SurveyRows(
        trader=contacts[panel],
        trader_type=kind[contacts[panel]],
        day=days,
        regular=regular,
        seen=survey_log[days - first_day][:, panel],
        ads=observed_prices.ads[days - first_day][:, panel],
        items=observed_prices.items[days - first_day][:, panel],
        price=observed_prices.price[days - first_day][:, panel],
        active_contacts=int(active.size),
        contacts=int(contacts.size),
    )
