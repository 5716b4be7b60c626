"""What the survey could tell, and how well the model stands: studies of the calibration itself."""

from pathlib import Path

import numpy as np
import pandas as pd

from marketsim import (
    discrimination,
    identification,
    identification_plots,
    metrics,
    posterior,
    presets,
    priors,
    results,
    simulations,
    storage,
    study,
    validation,
    validation_plots,
    validation_report,
)
from marketsim.settings import POSTS, Settings

KEEP = 0.01  # share of a table's simulations kept
TESTS = 500  # synthetic surveys
NEAR = 0.05  # share of the table they are drawn from: those nearest to the published survey
SIZES = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def prior_settings() -> Settings:
    """Return the settings of the shared table: the survey's market, everything from the prior."""
    settings = presets.named(population="survey")
    settings.posterior, settings.market = posterior.PRIOR, POSTS
    return settings


def identify(
    settings: Settings, tables: Path, folder: Path, number: int, threads: int, progress: bool
) -> Path:
    """Ask what a survey like that of 2015 can tell of parameters and structures.

    Parameters
    ----------
    settings : Settings
        What is simulated; `posterior` is ``prior``.
    tables : Path
        The shared table rests in a folder below it.
    folder : Path
        The result rests in a folder below it named by its key.
    number : int
        Simulations of the table.
    threads : int
        Surveys simulated at the same time.
    progress : bool
        Show a bar on the error stream.

    Returns
    -------
    Path
        The folder with recovery.csv, coverage.csv, confusion.csv, structure_probabilities.csv,
        contraction.csv and correlations.csv (of the shipped posterior), figures and manifest.json.
    """
    simulations.check(settings)
    shipped = posterior.fingerprint(presets.POSTERIOR)
    final = folder / results.key(settings, {"simulations": number, "posterior": shipped})
    with results.fill(settings, final, threads, {"simulations": number}) as partial:
        if partial is not None:
            table = simulations.table(settings, tables, number, threads, progress)
            found = _identification(table, settings.seed)
            storage.write_csv(partial, found)
            identification_plots.draw(partial / "figures", found)
    return final


def _identification(table: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    uncertain, fitted, keep = priors.uncertain(), priors.FITTED, int(KEEP * len(table))
    recovered = identification.recovery(table, uncertain, fitted, TESTS, keep, seed, NEAR)
    return {
        "recovery": recovered,
        "coverage": identification.coverage(recovered),
        "confusion": discrimination.confusion(table, TESTS, keep, seed, NEAR),
        "structure_probabilities": discrimination.structure_probabilities(table, fitted, keep),
        "contraction": identification.contraction(posterior.draws(), uncertain),
        "correlations": identification.correlations(posterior.draws(), uncertain),
    }


def validate(
    settings: Settings, tables: Path, folder: Path, number: int, threads: int, progress: bool
) -> Path:
    """Hold every row of the evidence against its prediction, and marketsim against plain models.

    Parameters
    ----------
    settings : Settings
        What predicts: the default command's, with more replicates.
    tables : Path
        The shared table of `prior_settings` rests in a folder below it.
    folder : Path
        The result rests in a folder below it named by its key.
    number : int
        Simulations of the table.
    threads : int
        Runs lived at the same time.
    progress : bool
        Show bars on the error stream.

    Returns
    -------
    Path
        The folder with predictive.csv, replicates.csv, leave_one_out.csv, models.csv, figures,
        report.html and manifest.json.
    """
    study.place(settings, folder / "runs")
    final = folder / results.key(settings, {"simulations": number})
    with results.fill(settings, final, threads, {"simulations": number}) as partial:
        if partial is not None:
            result = study.run_study(settings, folder / "runs", threads, progress=progress)
            runs = pd.read_parquet(result.folder / "runs.parquet").set_index("run")
            needed = ("survey", "prices")
            lived = {name: pd.read_parquet(result.folder / f"{name}.parquet") for name in needed}
            seen = study.seen(settings, lived, runs)
            table = simulations.table(prior_settings(), tables, number, threads, progress)
            scores = validation.leave_one_out(table)
            found = {
                "predictive": predictive(seen, runs["draw"]),
                "replicates": variation(seen),
                "leave_one_out": scores,
                "models": validation.summary(scores).reset_index(),
            }
            storage.write_csv(partial, found)
            validation_plots.draw(partial / "figures", found)
            validation_report.write(partial, settings, number, found)
    return final


def predictive(values: pd.DataFrame, draws: pd.Series) -> pd.DataFrame:
    """Hold each row of the evidence against the predictions of many runs.

    Parameters
    ----------
    values : DataFrame
        From `metrics.statistics`.
    draws : Series
        Which runs share a draw of the parameters.

    Returns
    -------
    DataFrame
        The columns of `metrics.fit`, and width (of the predictive 90 % interval), tail (the
        two-sided predictive probability of something at least as far out as what was observed; nan
        where no run has the figure) and inside (whether it is 10 % or more, so that what was
        observed is within the central 90 % of single surveys). Where the evidence has no
        value but an interval, its nearest end to the median counts as observed.
    """
    table = metrics.fit(values, draws)
    table["width"] = table["sim_high"] - table["sim_low"]
    nearest = table["simulated"].clip(table["low"], table["high"])
    observed = table["observed"].fillna(nearest)
    tails = []
    for name, value in zip(table["id"], observed, strict=True):
        runs = values[name].to_numpy(float)
        runs = runs[np.isfinite(runs)]
        sides = [(runs <= value).mean(), (runs >= value).mean()] if runs.size > 0 else [np.nan]
        tails.append(min(2.0 * min(sides), 1.0))
    table["tail"] = tails
    table["inside"] = table["tail"] >= 2.0 * metrics.INTERVAL[0]
    return table


def variation(values: pd.DataFrame) -> pd.DataFrame:
    """Return the coefficient of variation of each statistic over the first runs, for more and more.

    How many replicates are enough is read off where it stays put (Lorscheid et al. 2012).

    Returns
    -------
    DataFrame
        Columns id, runs, variation (standard deviation over mean).
    """
    rows = [
        {
            "id": name,
            "runs": size,
            "variation": values[name][:size].std() / values[name][:size].mean(),
        }
        for name in values
        for size in sorted({*(size for size in SIZES if size < len(values)), len(values)})
    ]
    return pd.DataFrame(rows)
