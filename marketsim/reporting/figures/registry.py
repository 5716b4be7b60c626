"""Registry of all figures: name, heading, alternative text, caption and function of each."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from marketsim.reporting.figures import (
    calibration,
    calibration_checks,
    comparison,
    sensitivity,
    study,
    trade,
    validation,
)
from marketsim.reporting.figures.style import Tables, project_style


class FigureSpec(NamedTuple):
    """Declaration of a figure.

    `draw` takes the tables, and as keywords the `facts` that are not in the tables.
    """

    name: str
    heading: str
    alt: str
    caption: str
    draw: Callable[..., Figure]
    facts: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of the figure's file."""
        return f"{self.name}.png"

    def make(self, tables: Tables, **facts: Any) -> Figure:
        """Draw the figure in the project style."""
        with project_style():
            return self.draw(tables, **{name: facts[name] for name in self.facts})


STUDY = (
    FigureSpec(
        "weekly",
        "Weekly advertisements",
        "Line chart of the advertisements counted in each week of the survey: simulated median "
        "with bands for the middle half and for 90 % of the runs, and published counts as "
        "diamonds. The values for weeks 1 to 5 and 13 are in the table.",
        "Line: simulated median. Dark band: middle half of the runs; light band: 90 % interval. "
        "Diamonds: counts published by TRAFFIC, with the interval of the evidence where there is "
        "one. Weeks 6 to 12 were not published separately.",
        study.weekly,
    ),
    FigureSpec(
        "ratios",
        "Advertisements relative to weeks 1 to 4",
        "Line chart of the ratio of each week's advertisements to the mean of weeks 1 to 4: "
        "simulated median with bands, published weeks 5 and 13 as diamonds with bars, and the "
        "published mean of weeks 6 to 12 as a box. The values are in the table.",
        "The number of advertisements depends on which traders are in the panel. Each run is "
        "therefore compared with its own weeks 1 to 4. The published fall, week 5 over week 4, is "
        "converted to the same base. Box: published mean of weeks 6 to 12 with its interval, to be "
        "compared with the mean of the line over these weeks.",
        study.ratios,
    ),
    FigureSpec(
        "concentration",
        "Concentration of posting",
        "Curve of the cumulated share of the advertisements, from the heaviest poster down: "
        "simulated median with bands, the straight line of equal posting, and the published heavy "
        "posters as a diamond with bars in both directions.",
        "Traders are ordered from the heaviest poster down. The curve shows the share of the "
        "advertisements made by the first traders. The published heavy posters exceed a daily "
        "number of pictures and videos; they need not be the first of this order.",
        study.concentration,
    ),
    FigureSpec(
        "accounts_and_channels",
        "Posts and accounts that the survey could not observe",
        "Two line charts by day, per 1,000 traders. Above: posts visible in Moments, withheld, in "
        "groups and private messages, on other platforms, on backup accounts. Below: traders with "
        "a backup account, with an advertised one, inactive, muted or suspended, banned.",
        "A survey observes posts in Moments only. The upper axis is logarithmic; a mean over seven "
        "days smooths the days of events. Nothing in this figure was observed in 2015: these are "
        "results of the model under its assumptions.",
        study.accounts_and_channels,
    ),
)
TRADE = (
    FigureSpec(
        "flow",
        "Flow of ivory",
        "Flow chart in kilograms per 1,000 traders: from poachers to suppliers, workshops, traders "
        "and buyers, with seizures, waste, losses and stocks, and the legal market with the "
        "illegal ivory sold through it. Totals are in the table.",
        "Each band is as wide as its flow in kilograms, from the evening of the first day to that "
        "of the last. Small changes of stock are not shown.",
        trade.flow,
        ("retailers",),
    ),
    FigureSpec(
        "prices",
        "Prices along the supply chain",
        "Four panels of prices in CNY per gram, one per product: paid to importers, suppliers and "
        "workshops, asked and paid online, at physical markets and in licensed shops. Diamonds: "
        "published prices, advertised online and in physical markets.",
        "Points: simulated median of the mean price per run; bars: 90 % interval. Published "
        "advertised prices are comparable with the surveyed advertisements, which are means over "
        "traders. Published prices in physical markets are from earlier years.",
        trade.prices,
    ),
    FigureSpec(
        "displacement",
        "Displacement of posts and sales",
        "Ten line charts by week of the survey. Left: share of intended posts that were visible in "
        "Moments, in groups, on other platforms, on backup accounts, or withheld. Right: grams "
        "sold at each place relative to the mean of weeks 1 to 4.",
        "Posts deleted or removed on the same day are in none of the shares. The survey did not "
        "observe sales. Runs without sales at a place in weeks 1 to 4 have no ratio there; where "
        "few runs remain, a single sale changes it strongly.",
        trade.displacement,
    ),
)
COMPARISON = (
    FigureSpec(
        "effects",
        "Effect on ivory sales",
        "Effects on ivory sales with intervals, one row per scenario. The values are in the table.",
        "Change in ivory sales relative to the baseline: median and 90 % interval over paired "
        "runs.",
        comparison.effects,
    ),
    FigureSpec(
        "curves",
        "Visible posts by week",
        "Visible posts by week, one panel per scenario, with the baseline.",
        "Visible posts in Moments by week: each scenario and the baseline.",
        comparison.curves,
        ("start",),
    ),
    FigureSpec(
        "displacement",
        "Displacement",
        "Change of visible posts in Moments beside the change of the share of posts made "
        "elsewhere, one row per scenario.",
        "Not all posts that disappear from Moments leave the market: some move to backup accounts, "
        "groups and other platforms.",
        comparison.displacement,
    ),
    FigureSpec(
        "effort",
        "Enforcement effort",
        "Reduction in ivory sales against extra hours of work, one point per scenario.",
        "Reduction in ivory sales against extra hours of moderators and police. The hours are "
        "assumed.",
        comparison.effort,
    ),
    FigureSpec(
        "dose_response",
        "Dose-response",
        "Effect on ivory sales by dose multiplier, one panel per scenario.",
        "Doses without a source are multiplied: effect on ivory sales by dose multiplier.",
        comparison.dose_response,
    ),
)
CALIBRATION = (
    FigureSpec(
        "posterior",
        "Posterior distributions",
        "Histograms of fitted parameters over their priors. The intervals are in the table.",
        "Blue: posterior. Grey: prior. Points and bars above: posterior median and 90 % interval.",
        calibration.posterior,
    ),
    FigureSpec(
        "structures",
        "Recovery mechanisms",
        "Probabilities of the recovery mechanisms with error bars, and their predictions of the "
        "fall and the return of advertisements. The probabilities are in the table.",
        "Left: probability of each recovery mechanism. Right: its predictions beside the published "
        "values; hollow where the published survey is unusual for the mechanism (p-value below "
        "0.05).",
        calibration.structures,
    ),
    FigureSpec(
        "coverage",
        "Coverage of credible intervals",
        "Lines of the share of intervals that contain the true value, by nominal level.",
        "Simulated surveys treated as observed: intervals of a correct recipe lie on the diagonal.",
        calibration_checks.coverage,
    ),
    FigureSpec(
        "confusion",
        "Confusion of recovery mechanisms",
        "Matrix of true mechanisms against the most probable ones, in percent of surveys.",
        "Simulated surveys of each true mechanism (rows) by their most probable mechanism "
        "(columns).",
        calibration_checks.confusion,
    ),
    FigureSpec(
        "leave_one_out",
        "Prediction of weeks left out",
        "Predictions of each published weekly volume by three models, and their mean errors, which "
        "are in the table.",
        "Each weekly volume is predicted from the other four. Smaller errors and narrower "
        "intervals are better.",
        calibration_checks.leave_one_out,
    ),
)
VALIDATION = (
    FigureSpec(
        "predictive",
        "Predictive check",
        "Each published value with its interval beside the prediction for a single survey. The "
        "values are in the table.",
        "Differences from the published values, in half-widths of the evidence intervals. Hollow: "
        "the published survey is unusual for the model (p-value below 0.05). Of a row with one "
        "bound: differences from it, in half-widths of the simulated interval.",
        validation.predictive,
    ),
    FigureSpec(
        "replicates",
        "Number of runs",
        "Lines of the coefficient of variation of each statistic over an increasing number of "
        "runs, relative to that of all runs.",
        "Coefficient of variation over the first runs, relative to that of all runs.",
        validation.replicates,
    ),
)


def _sensitivity(suffix: str, of: str, effects: bool) -> tuple[FigureSpec, ...]:
    return (
        FigureSpec(
            f"morris_{suffix}",
            f"Morris screening of {of}",
            f"Elementary effects of parameters on {of}, one panel per outcome.",
            "Mean and standard deviation of elementary effects as a parameter crosses its prior.",
            partial(sensitivity.morris, effects=effects),
        ),
        FigureSpec(
            f"sobol_{suffix}",
            f"Sobol indices of {of}",
            f"First-order and total indices of parameters for {of}, one panel per outcome.",
            "Shares of the variance due to each parameter, alone and with its interactions.",
            partial(sensitivity.sobol, effects=effects),
        ),
    )


KINDS: dict[str, tuple[FigureSpec, ...]] = {
    "study": STUDY,
    "trade": TRADE,
    "comparison": COMPARISON,
    "calibration": CALIBRATION,
    "validation": VALIDATION,
    "sensitivity": _sensitivity("levels", "the outcomes", effects=False),
    "sensitivity_effects": _sensitivity("effects", "the scenario's effects", effects=True),
}


def save(folder: Path, kind: str, tables: Tables, **facts: Any) -> list[Path]:
    """Draw all figures of a kind and write them as PNG files.

    Parameters
    ----------
    folder : Path
        Created if it does not exist.
    kind : str
        A key of `KINDS`.
    tables : mapping of str to DataFrame
        The tables of the result.
    **facts
        What the figures need beside the tables: `retailers` (initial number of traders) for
        trade, `start` (first day of the evaluation period) for a comparison.

    Returns
    -------
    list of Path
        The files, in the order of the declarations.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for spec in KINDS[kind]:
        about = {"Title": spec.heading, "Description": spec.alt}
        files.append(folder / spec.file)
        spec.make(tables, **facts).savefig(files[-1], dpi=150, metadata=about)
    return files
