"""Numbers, intervals, labels and tables as text."""

import math
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from marketsim.parameters.settings import Settings, declared
from marketsim.simulation import files
from marketsim.survey import fit

# identifier of the evidence: label
LABELS = {
    "ads_total": "Advertisements in all surveys",
    "pictures_total": "Pictures in these advertisements",
    "videos_total": "Videos in these advertisements",
    "ads_week_1_3": "Advertisements per week, mean of weeks 1 to 3",
    "ads_week_4": "Advertisements in week 4",
    "fall_week_5": "Ratio of week 5 to week 4",
    "items_per_ad_week_5": "Items per advertisement, ratio of week 5 to week 4",
    "ratio_week_6_12": "Ratio of weeks 6 to 12 to weeks 1 to 4",
    "return_week_13": "Ratio of week 13 to weeks 1 to 4",
    "videos_sd": "Variation of videos between surveys",
    "heavy_posters_count": "Heavy posters",
    "heavy_posters_share": "Heavy posters' share of advertisements",
    "heavy_posters_share_items": "Heavy posters' share of pictures and videos",
    "panel_unblocked": "Surveys without a ban of an observed account on 29 May",
    "backup_accounts": "Traders who advertise a backup account",
    "backup_accounts_early": "Share of these before week 5",
    "survey_cv_ads": "Variation of advertisements between surveys",
    "survey_cv_pictures": "Variation of pictures between surveys",
    "medium_posters_count": "Medium and heavy posters",
    "medium_posters_share": "Medium and heavy posters' share of advertisements",
    "items_week_1_4": "Pictures and videos per week, mean of weeks 1 to 4",
    "items_week_13": "Pictures and videos in week 13",
    "contacts_active": "Share of contacts active before the survey",
    "price_raw": "Advertised price of raw ivory",
    "price_semi_worked": "Advertised price of semi-worked ivory",
    "price_uncarved": "Advertised price of uncarved ivory",
    "price_carved": "Advertised price of carved ivory",
    "price_raw_deviation": "Standard deviation of prices: raw",
    "price_semi_worked_deviation": "Standard deviation of prices: semi-worked",
    "price_uncarved_deviation": "Standard deviation of prices: uncarved",
    "price_carved_deviation": "Standard deviation of prices: carved",
    "physical_prices_ratio_uncarved": "Ratio of online to physical price, uncarved",
    "physical_prices_ratio_carved": "Ratio of online to physical price, carved",
    "product_mix_raw": "Share of pictures and videos: raw",
    "product_mix_semi_worked": "Share of pictures and videos: semi-worked",
    "product_mix_uncarved": "Share of pictures and videos: uncarved",
    "product_mix_carved": "Share of pictures and videos: carved",
    "product_mix_raw_ads": "Share of advertisements: raw",
    "product_mix_semi_worked_ads": "Share of advertisements: semi-worked",
    "product_mix_uncarved_ads": "Share of advertisements: uncarved",
    "product_mix_carved_ads": "Share of advertisements: carved",
    "raw_price_range": "Black-market price of raw ivory",
}


OUTCOMES = {
    "offers": "posts made",
    "visible": "visible posts",
    "displaced": "share of posts elsewhere",
    "grams_delivered": "ivory sales",
    "revenue": "revenue",
    "price": "price of ivory sold",
    "online": "online share of sales",
    "seized": "ivory seized",
    "arrests": "arrests",
    "elephants": "elephants",
    "suppressed_weeks": "weeks of fewer posts",
}
NONE = "no value"
NOT_SEPARATED = "not separated"


class Estimate(NamedTuple):
    """A value and its interval as text, rounded together; `interval` is empty if there is none."""

    value: str
    interval: str

    def __str__(self) -> str:
        return f"{self.value} [{self.interval}]" if self.interval else self.value


def number(value: float | None) -> str:
    """Return a number with three significant digits, or all digits of its integer part."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):.6f}".rstrip("0").rstrip(".")


def interval(low: float | None, high: float | None) -> str:
    """Return a given interval as text; either end, or both, may be missing."""
    ends = [number(end) for end in (low, high) if end is not None and math.isfinite(end)]
    if len(ends) == 2:
        return " to ".join(ends)
    if not ends:
        return ""
    return f"{'at most' if low is None or math.isnan(low) else 'at least'} {ends[0]}"


def estimate(value: float, low: float, high: float) -> Estimate:
    """Return an estimate and its interval, rounded to two digits of the interval's width.

    A number that would round to zero keeps one digit, so that its sign stays visible.

    Parameters
    ----------
    value, low, high : float
        The estimate and the ends of its interval; nan if there is none.

    Examples
    --------
    >>> str(estimate(19817.6, 7671.9, 35549.0))
    '20,000 [8,000 to 36,000]'
    >>> str(estimate(-8.23, -25.6, -0.238))
    '-8 [-26 to -0.2]'
    """
    if not all(map(math.isfinite, (value, low, high))) or math.isclose(low, high):
        return Estimate(number(value), interval(low, high))
    places = 1 - math.floor(math.log10(high - low))
    middle, first, last = (_rounded(end, places) for end in (value, low, high))
    return Estimate(middle, f"{first} to {last}")


def _rounded(value: float, places: int) -> str:
    if abs(value) >= 1e-6 and round(value, places) == 0.0:
        places = -math.floor(math.log10(abs(value)))
    return f"{round(value, places) + 0.0:,.{max(places, 0)}f}"  # adding 0.0: no negative zero


def published(row: Mapping[Any, Any]) -> str:
    """Return the published value of a row of the fit, with its interval if there is one."""
    ends = interval(row["obs_low"], row["obs_high"])
    if pd.isna(row["observed"]):
        return ends or NONE
    return str(Estimate(number(row["observed"]), ends))


def count(share: float, runs: float) -> str:
    """Return a share of runs as a count, such as ``13 of 20``; empty if there is no share."""
    return "" if math.isnan(share) else f"{share * runs:g} of {runs:g}"


def percentage(share: float) -> str:
    """Return a share in percent; empty if there is none."""
    return "" if math.isnan(share) else f"{100.0 * share:.0f} %"


def p_value(value: float) -> str:
    """Return a p-value with two decimals, or one digit if it is smaller; empty if there is none."""
    return "" if math.isnan(value) else f"{value:.2f}" if value >= 0.01 else f"{value:.1g}"


def p_value_in_words(value: float) -> str:
    """Return what a predictive p-value says of the published survey.

    Examples
    --------
    >>> p_value_in_words(0.31)
    'the survey is not unusual for the model'
    >>> p_value_in_words(0.02)
    'unusual for the model: as far out in 2 of 100 simulated surveys'
    """
    if math.isnan(value):
        return "no simulated survey has a value"
    if value >= fit.UNUSUAL:
        return "the survey is not unusual for the model"
    share = "fewer than 1" if value < 0.005 else f"{100.0 * value:.0f}"
    return f"unusual for the model: as far out in {share} of 100 simulated surveys"


def unusual_rows(table: pd.DataFrame) -> str:
    """Return how many rows of a fit are unusual for the model, and how many are expected.

    Parameters
    ----------
    table : DataFrame
        From `fit.fit`, or read from `fit.csv`.
    """
    counted = fit.count_unusual(table)
    counted = counted[counted["rows"] > 0]
    if counted.empty:
        return "No row has a predictive p-value: no simulated survey has a value."
    names = {"target": "targets", "validation": "rows reported unfitted"}
    found = [f"{row.unusual:.0f} of {row.rows:.0f} {names[str(row.Index)]}"
             for row in counted.itertuples()]  # fmt: skip
    expected = " and ".join(f"{number:.1f}" for number in counted["expected"])
    are = "has" if len(found) == 1 and counted["unusual"].iloc[0] == 1 else "have"
    out = (
        f"{' and '.join(found)} {are} a predictive p-value below {fit.UNUSUAL:g}; a correct model "
        f"has at most {expected} on average ({100.0 * fit.UNUSUAL:.0f} % of the rows, which are "
        "correlated: unusual rows come in groups)."
    )
    if table["runs"].max() < fit.FEWEST:
        out += f" Fewer than {fit.FEWEST} runs cannot give a two-sided p-value below it."
    return out


def stochastic(share: float) -> str:
    """Return a stochastic share in percent, or that it was not separated from the parameters'.

    It is not where no two runs share a draw of the parameters, or nothing varies.
    """
    return percentage(share) or NOT_SEPARATED


def sales_effect(row: Mapping[Any, Any], scenario: str, reference: str) -> str:
    """Return the effect of a scenario on ivory sales in a sentence, with its uncertainty.

    Parameters
    ----------
    row : mapping
        The row of the table `effects` on ivory sold.
    scenario, reference : str
        Names in plain words.
    """
    change = estimate(row["percent"], row["percent_q05"], row["percent_q95"])
    if math.isnan(row["percent"]):
        return f"With {scenario} the change in sales is undefined: none occur with {reference}."
    if row["percent_q05"] > 0 or row["percent_q95"] < 0:
        verb = "fall" if row["percent"] < 0 else "rise"
        size = change.value.removeprefix("-")
        return (
            f"With {scenario} ivory sales {verb} by {size} % compared with {reference} "
            f"(90 % interval of the change: {change.interval} %; {row['runs']:g} runs)."
        )
    return (
        f"With {scenario} the simulation cannot tell whether ivory sales fall compared with "
        f"{reference}: they did in {count(row['prob_better'], row['runs'])} simulated markets "
        f"(median change: {change.value} %; 90 % interval: {change.interval} %)."
    )


def plain_name(name: str, separator: str = " ") -> str:
    """Return an identifier in plain words, without its group."""
    return name.rpartition(".")[2].replace("_", separator)


def parameter_label(name: str) -> str:
    """Return a parameter's name with its unit."""
    group, key = name.split(".")
    unit = declared(getattr(Settings(), group))[key]["unit"]
    return f"{plain_name(key)} ({'no unit' if unit == '1' else unit})"


def csv_lines(path: Path) -> list[str]:
    """Return a CSV file as lines of aligned columns for a terminal, numbers rounded."""
    table = files.read_csv(path)
    rows = [
        tuple(number(cell) if isinstance(cell, float) else str(cell) for cell in row)
        for row in table.to_numpy(object)
    ]
    return aligned([tuple(map(str, table)), *rows])


def aligned(lines: list[tuple[str, ...]]) -> list[str]:
    """Return rows of cells as lines with aligned columns."""
    widths = [max(display_width(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(
            cell + " " * (width - display_width(cell))
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def display_width(text: str) -> int:
    """Return the columns that a text takes in a terminal: two for each Chinese letter."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "FW") for letter in text)
