"""Regression adjustment: what draws would be, were their surveys the one asked about.

Simulations near a survey are weighted by how near they are, and moved along a weighted linear
regression on how far they are from it (Beaumont, Zhang & Balding 2002, Genetics 162, 2025-2035,
doi:10.1093/genetics/162.4.2025). The search, the studies of identification and the predictions of
rows left out all do so here.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from marketsim.parameters.declaration import Prior
from marketsim.parameters.priors import shares, values

EDGE = 1e-6  # logits are taken of shares this far inside 0 and 1


def kernel(distance: np.ndarray, farthest: float) -> np.ndarray:
    """Return the Epanechnikov kernel of distances, 1 at none and next to 0 at the farthest.

    The hair's breadth beyond it gives rows that are all equally far equal weights, also at
    distance zero.
    """
    bandwidth = farthest * (1.0 + 1e-9) + np.finfo(float).tiny
    return 1.0 - (distance / bandwidth) ** 2


def nearest(distance: np.ndarray, keep: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the nearest rows, in order, and their weights, which add up to 1.

    Parameters
    ----------
    distance : ndarray of float64, shape (rows,)
        Not negative.
    keep : int
        Fewer than there are rows. The weight falls to zero at the nearest row left out.
    """
    order = np.argpartition(distance, keep)
    near = np.sort(order[:keep])
    weight = kernel(distance[near], distance[order[keep]])
    return near, weight / weight.sum()


def moved(values: np.ndarray, apart: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return values moved along their weighted regression on `apart` to where it is zero.

    What all rows have in common moves nothing.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, columns)
        What is moved, each column for itself.
    apart : ndarray of float64, shape (rows, deviations)
        How far each row is from the survey asked about.
    weight : ndarray of float64, shape (rows,)
        Adds up to 1.

    Returns
    -------
    ndarray of float64
        Shaped like `values`.
    """
    root, differs = np.sqrt(weight)[:, None], np.ptp(apart, axis=0) > 0.0
    design = root * (apart - weight @ apart) * differs  # exactly zero, not rounding, where shared
    slope = np.linalg.lstsq(design, root * (values - weight @ values))[0]
    return values - apart @ slope


def adjust(
    kept: pd.DataFrame, apart: np.ndarray, weight: np.ndarray, priors: Mapping[str, Prior]
) -> pd.DataFrame:
    """Move draws of parameters to what they would be, were their surveys the one asked about.

    The regression is of the logit of the share of the prior below a value, so that no draw leaves
    the prior's range.

    Parameters
    ----------
    kept : DataFrame
        Draws of parameters, in natural units, one column each.
    apart, weight
        As in `moved`.
    priors : mapping of str to Prior
        Form (uniform or loguniform) and ends by parameter.

    Returns
    -------
    DataFrame
        Like `kept`.
    """
    scale = logit(np.clip(prior_shares(kept, priors).to_numpy(), EDGE, 1.0 - EDGE))
    there = expit(moved(scale, apart, weight))
    drawn = {str(name): values(priors[str(name)], there[:, k]) for k, name in enumerate(kept)}
    return pd.DataFrame(drawn, kept.index)


def prior_shares(drawn: pd.DataFrame, priors: Mapping[str, Prior]) -> pd.DataFrame:
    """Return the share of the prior below each value; one column a parameter."""
    return drawn.apply(lambda column: shares(priors[str(column.name)], column.to_numpy(float)))
