"""Regression adjustment of simulations to a target survey.

Simulations near the target are weighted by their distance, and moved along a weighted linear
regression on their deviations from it (Beaumont, Zhang & Balding 2002, Genetics 162, 2025-2035,
doi:10.1093/genetics/162.4.2025). The calibration of prices and products uses it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from marketsim.parameters.declaration import Prior
from marketsim.parameters.priors import shares, values

EDGE = 1e-6  # shares are clipped to this distance inside 0 and 1 before taking logits


def kernel(distance: np.ndarray, farthest: float) -> np.ndarray:
    """Compute the Epanechnikov kernel of distances: 1 at zero, nearly 0 at the farthest.

    The bandwidth is slightly larger than the farthest distance, so that rows at equal distances
    have equal positive weights.
    """
    bandwidth = farthest * (1.0 + 1e-9) + np.finfo(float).tiny
    return 1.0 - (distance / bandwidth) ** 2


def adjust_values(values: np.ndarray, off: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Move values along their weighted regression on deviations, to a deviation of zero.

    A deviation that is the same in all rows has no effect.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, columns)
        Values; each column is adjusted on its own.
    off : ndarray of float64, shape (rows, deviations)
        Deviations of each row from the target.
    weight : ndarray of float64, shape (rows,)
        Adds up to 1.

    Returns
    -------
    ndarray of float64
        Shaped like `values`.
    """
    root, differs = np.sqrt(weight)[:, None], np.ptp(off, axis=0) > 0.0
    design = root * (off - weight @ off) * differs  # exactly zero for a constant column
    slope = np.linalg.lstsq(design, root * (values - weight @ values))[0]
    return values - off @ slope


def adjust(
    kept: pd.DataFrame, off: np.ndarray, weight: np.ndarray, priors: Mapping[str, Prior]
) -> pd.DataFrame:
    """Adjust draws of parameters to the target survey.

    The regression is of the logit of the share of the prior below a value, so that adjusted draws
    stay inside the range of the prior.

    Parameters
    ----------
    kept : DataFrame
        Draws of parameters, in natural units, one column each.
    off, weight
        As in `adjust_values`.
    priors : mapping of str to Prior
        Form (uniform or loguniform) and ends by parameter.

    Returns
    -------
    DataFrame
        Like `kept`.
    """
    scale = logit(np.clip(prior_shares(kept, priors).to_numpy(), EDGE, 1.0 - EDGE))
    adjusted = expit(adjust_values(scale, off, weight))
    out = {str(name): values(priors[str(name)], adjusted[:, k]) for k, name in enumerate(kept)}
    return pd.DataFrame(out, kept.index)


def prior_shares(drawn: pd.DataFrame, priors: Mapping[str, Prior]) -> pd.DataFrame:
    """Compute the share of the prior below each value; one column a parameter."""
    return drawn.apply(lambda column: shares(priors[str(column.name)], column.to_numpy(float)))
