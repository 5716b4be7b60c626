"""Numbers, labels and tables as text."""

import math
from pathlib import Path

import pandas as pd

from marketsim.parameters.settings import Settings, declared

# evidence id: words of the table
LABELS = {
    "ads_total": "Advertisements in all surveys",
    "pictures_total": "Pictures in these advertisements",
    "videos_total": "Videos in these advertisements",
    "ads_week_1_3": "Advertisements a week, mean of weeks 1 to 3",
    "ads_week_4": "Advertisements in week 4",
    "spread_week_1_4": "Largest less smallest of weeks 1 to 4, over their mean",
    "fall_week_5": "Week 5 over week 4",
    "ratio_week_6_12": "Mean of weeks 6 to 12 over mean of weeks 1 to 4",
    "return_week_13": "Week 13 over mean of weeks 1 to 4",
    "heavy_posters_count": "Traders who post heavily",
    "heavy_posters_share": "Share of the advertisements made by them",
    "heavy_posters_share_items": "Share of pictures and videos shown by them",
    "panel_unblocked": "No trader of the panel loses the watched account",
    "backup_accounts": "Traders who advertise a backup account",
    "backup_accounts_early": "Share of these who did so before week 5",
    "contacts_active": "Share of the contacts that were active before the survey",
    "price_raw": "Advertised price of raw ivory",
    "price_semi_worked": "Advertised price of semi-worked ivory",
    "price_uncarved": "Advertised price of ivory worked without carving",
    "price_carved": "Advertised price of carved ivory",
    "physical_prices_ratio_uncarved": "Online price over physical markets', without carving",
    "physical_prices_ratio_carved": "Online price over physical markets', carved",
    "product_mix_raw": "Share of the pictures and videos: raw",
    "product_mix_semi_worked": "Share of the pictures and videos: semi-worked",
    "product_mix_uncarved": "Share of the pictures and videos: worked without carving",
    "product_mix_carved": "Share of the pictures and videos: carved",
    "product_mix_raw_ads": "Share of the advertisements: raw",
    "product_mix_semi_worked_ads": "Share of the advertisements: semi-worked",
    "product_mix_uncarved_ads": "Share of the advertisements: worked without carving",
    "product_mix_carved_ads": "Share of the advertisements: carved",
    "raw_price_range": "Price of raw ivory on the black market",
}


def words(name: str, between: str = " ") -> str:
    """Return a name in plain words, without its group."""
    return name.rpartition(".")[2].replace("_", between)


def label(name: str) -> str:
    """Return a parameter's name with its unit."""
    group, key = name.split(".")
    unit = declared(getattr(Settings(), group))[key]["unit"]
    return f"{words(key)} ({'no unit' if unit == '1' else unit})"


NONE = "no figure"


def csv_lines(path: Path) -> list[str]:
    """Return a table of a result as lines of aligned columns for a terminal, figures rounded."""
    found = pd.read_csv(path)
    rows = found.to_numpy(object)
    body = [
        [number(cell) if isinstance(cell, float) else str(cell) for cell in row] for row in rows
    ]
    return aligned([tuple(map(str, found)), *map(tuple, body)])


def aligned(lines: list[tuple[str, ...]]) -> list[str]:
    """Return rows of cells as lines with columns."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def number(value: float | None) -> str:
    """Return a figure with three digits, or with all before the point where there are more."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):.6f}".rstrip("0").rstrip(".")


def span(low: float | None, high: float | None) -> str:
    """Return an interval in words; either end, or both, may be missing."""
    ends = [end for end in (low, high) if end is not None and math.isfinite(end)]
    if len(ends) == 2:
        return f"{number(low)} to {number(high)}"
    if not ends:
        return ""
    return f"{'at most' if low is None or math.isnan(low) else 'at least'} {number(ends[0])}"
