"""Designs and sensitivity indices after Morris and Sobol, by SALib.

Points are shares of priors: 0 is the low end, 1 the high end, and each parameter is uniform between
them, on the scale of its prior. Rows of a design come in groups: the trajectories of Morris, the
base samples of Sobol with their crossings.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

LEVELS = 4  # of a parameter in Morris walks
CONFIDENCE = 0.95
RESAMPLES = 300  # of the groups, for the intervals
MIN_GROUPS = 4  # complete groups that indices need

Table = pd.DataFrame


def _problem(names: Sequence[str]) -> dict[str, Any]:
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}


def _salib_seed(seed: int) -> int:
    """Return a seed in the range that SALib accepts; 0 would mean no seed."""
    return 1 + seed % (2**32 - 1)


def morris_shares(names: Sequence[str], trajectories: int, seed: int) -> np.ndarray:
    """Return the points of a Morris screening: trajectories that change one parameter at a time.

    Returns
    -------
    ndarray of float64, shape (trajectories * (names + 1), names)
    """
    from SALib.sample import morris

    return morris.sample(_problem(names), trajectories, num_levels=LEVELS, seed=_salib_seed(seed))


def sobol_shares(names: Sequence[str], samples: int, seed: int) -> np.ndarray:
    """Return the points of Sobol indices of first and total order (Saltelli's design).

    Returns
    -------
    ndarray of float64, shape (samples * (names + 2), names)
    """
    from SALib.sample import sobol

    return sobol.sample(_problem(names), samples, calc_second_order=False, seed=_salib_seed(seed))


def morris(names: Sequence[str], shares: np.ndarray, means: Table, seed: int) -> Table:
    """Compute the elementary effects of every parameter on every outcome.

    Parameters
    ----------
    names : sequence of str
        The parameters.
    shares : ndarray of float64, shape (points, names)
        From `morris_shares`.
    means : DataFrame
        One row a point, one column an outcome; a trajectory with a missing value is left out.
    seed : int
        Seed of the resampling for the intervals.

    Returns
    -------
    DataFrame
        Columns parameter, outcome, mu_star (mean size of the change in the outcome, scaled to a
        whole prior), mu_star_conf (half its 95 % interval) and sigma (standard deviation of the
        changes); nan if too few trajectories are complete.
    """
    from SALib.analyze import morris as analysis

    size, out = len(names) + 1, []
    for outcome in means:
        complete = complete_groups(means[outcome].to_numpy(float), size)
        columns: dict[str, Any] = dict.fromkeys(("mu_star", "mu_star_conf", "sigma"), np.nan)
        if complete.sum() >= MIN_GROUPS:
            rows = np.repeat(complete, size)
            found = analysis.analyze(
                _problem(names), shares[rows], means[outcome].to_numpy(float)[rows],
                num_levels=LEVELS, num_resamples=RESAMPLES, conf_level=CONFIDENCE,
                seed=_salib_seed(seed),
            )  # fmt: skip
            columns = {name: np.asarray(found[name], float) for name in columns}
        out.append(Table({"parameter": list(names), "outcome": outcome, **columns}))
    return pd.concat(out, ignore_index=True)


def sobol(names: Sequence[str], means: Table, seed: int) -> Table:
    """Compute the shares of the variance of every outcome that parameters account for.

    Parameters
    ----------
    names, seed
        As in `morris`.
    means : DataFrame
        One row a point of `sobol_shares`, one column an outcome; a base sample with a missing
        value is left out.

    Returns
    -------
    DataFrame
        Columns parameter, outcome, first (share of the variance by the parameter alone),
        first_conf, total (with its interactions) and total_conf; those with _conf are half the
        width of a 95 % interval. nan if too few samples are complete, nothing varies, or the
        samples do not determine the index (see `is_determined`).
    """
    from SALib.analyze import sobol as analysis

    size, out = len(names) + 2, []
    kinds = {"first": "S1", "first_conf": "S1_conf", "total": "ST", "total_conf": "ST_conf"}
    for outcome in means:
        values = means[outcome].to_numpy(float)
        complete = complete_groups(values, size)
        values = values[np.repeat(complete, size)]
        columns: dict[str, Any] = dict.fromkeys(kinds, np.nan)
        base = values.reshape(-1, size)[:, [0, -1]]  # the variance that is shared out is theirs
        if complete.sum() >= MIN_GROUPS and np.ptp(base) > 0.0:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Constant values")  # in a resample
                found = analysis.analyze(
                    _problem(names), values, calc_second_order=False, num_resamples=RESAMPLES,
                    conf_level=CONFIDENCE, seed=_salib_seed(seed),
                )  # fmt: skip
            columns = {name: np.asarray(found[theirs], float) for name, theirs in kinds.items()}
            for name in ("first", "total"):
                half = columns[f"{name}_conf"]
                known = is_determined(columns[name], half)
                columns[name] = np.where(known, columns[name], np.nan)
                columns[f"{name}_conf"] = np.where(known, half, np.nan)
        out.append(Table({"parameter": list(names), "outcome": outcome, **columns}))
    return pd.concat(out, ignore_index=True)


def is_determined(share: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Return which shares of a variance the samples determine at all.

    Where an outcome is the same at nearly all points, a resample without the others has hardly any
    variance to divide by. An interval that is wider than 2, or that contains all shares from 0 to
    1, says nothing of a share.

    Parameters
    ----------
    share, half : ndarray of float64
        Estimates, and half the widths of their intervals.
    """
    contains_all = (share - half <= 0.0) & (share + half >= 1.0)
    return np.isfinite(share) & (half <= 1.0) & ~contains_all


def complete_groups(values: np.ndarray, size: int) -> np.ndarray:
    """Return which groups of `size` rows have every value, shape (groups,)."""
    return np.isfinite(values).reshape(-1, size).all(axis=1)


def screening(morris_table: Table, spread: Table, kept: int) -> Table:
    """Rank parameters by their influence over all outcomes, and select the most influential.

    Parameters
    ----------
    morris_table : DataFrame
        From `morris`.
    spread : DataFrame
        Columns outcome and stochastic_share_of_means (see `stochastic_shares`), which reduces the
        weight of an outcome.
    kept : int
        Parameters to select.

    Returns
    -------
    DataFrame
        Columns parameter, share (its mu_star over the sum of all parameters', the weighted mean
        over outcomes) and kept, the largest share first.
    """
    wide = morris_table.pivot(index="parameter", columns="outcome", values="mu_star")
    wide = wide.loc[morris_table["parameter"].unique()]
    shares = (wide / wide.sum().where(lambda sums: sums > 0.0)).fillna(0.0)
    weight = (
        1.0 - spread.set_index("outcome")["stochastic_share_of_means"].fillna(1.0)[shares.columns]
    )
    share = (shares * weight).sum(axis=1) / max(float(weight.sum()), 1e-9)
    out = Table({"parameter": share.index, "share": share.to_numpy()})
    out = out.sort_values("share", ascending=False, kind="stable", ignore_index=True)
    return out.assign(kept=out.index < kept)


def stochastic_shares(values: np.ndarray) -> tuple[float, float]:
    """Compute the stochastic share of the variance: of single runs, and of means over runs.

    Parameters
    ----------
    values : ndarray of float64, shape (points, runs)
        Each column has the same random numbers at all points.

    Returns
    -------
    tuple of float
        Share of the variance of single runs that is within points; stochastic share of the variance
        of points' means, although random numbers are the same at all points (their effect
        depends on the parameters). An index below the latter cannot be distinguished from zero.
        Both are nan where nothing varies.
    """
    points, runs = values.shape
    if points < 2 or np.ptp(values) == 0.0:
        return np.nan, np.nan
    means = values.mean(axis=1)
    within = float(values.var(axis=1, ddof=1).mean())
    residual = values - means[:, None] - values.mean(axis=0) + values.mean()
    uneven = float((residual**2).sum()) / ((points - 1) * (runs - 1))
    between = float(means.var(ddof=1))
    total = float(values.var(ddof=1))
    share = min(1.0, uneven / runs / between) if between > 0.0 else np.nan
    return min(1.0, within / total), share
