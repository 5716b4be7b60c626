"""Parameter identifiability: recovery and coverage with synthetic surveys.

All studies use one reference table (`reference_table`): number, structure, every uncertain
parameter by its dotted name, and the statistics of the simulated survey. The distance of two
surveys is the Euclidean distance of their deviations (`discrepancy.deviations`), in half-widths of
the evidence intervals. Numbers of backup accounts inside their interval have distance 0, since the
report gives no more than the interval.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from marketsim.analysis.inference.regression_adjustment import adjust, nearest, prior_shares
from marketsim.parameters.declaration import Prior
from marketsim.survey import discrepancy
from marketsim.survey.intervals import proportion_interval

# Parameters claimed to be identified, declared before any recovery study: the level and the spread
# of posting, and the content of posts, all of which the survey counted.
IDENTIFIED = (
    "posting.base_posts",
    "population.gamma_shape",
    "posting.full_grid",
    "posting.video_share",
)
POOLED = "identified, pooled"  # in the column parameter
LEVELS = np.arange(1, 20) / 20.0  # of central intervals


def posterior_draws(
    off: pd.DataFrame,
    table: pd.DataFrame,
    target: np.ndarray,
    keep: int,
    names: Sequence[str],
    priors: Mapping[str, Prior],
) -> pd.DataFrame:
    """Return posterior draws: the rows nearest to a target survey, adjusted to it.

    Rejection with Epanechnikov weights, then local-linear regression of the parameters on the
    deviations (see `regression_adjustment`).

    Parameters
    ----------
    off : DataFrame
        Deviations of the rows of `table`, in half-widths, from `discrepancy.deviations`.
    table : DataFrame
        Its columns include the parameters, in natural units.
    target : ndarray of float64, shape (deviations,)
        Deviations of the target survey; zeros for the published one.
    keep : int
        Rows to keep: less than all, and many times the number of deviations.
    names : sequence of str
        The parameters.
    priors : mapping of str to Prior
        Form (uniform or loguniform) and ends by parameter.

    Returns
    -------
    DataFrame
        Indexed like the rows kept; `weight`, which adds up to 1, then `names` in natural units.
    """
    apart = off.to_numpy() - target
    near, weight = nearest(np.linalg.norm(apart, axis=1), keep)
    drawn = adjust(table[list(names)].iloc[near], apart[near], weight, priors)
    drawn.insert(0, "weight", weight)
    return drawn


def recovery(
    table: pd.DataFrame,
    priors: Mapping[str, Prior],
    fitted: Mapping[str, Sequence[str]],
    tests: int,
    keep: int,
    seed: int,
    near: float,
) -> pd.DataFrame:
    """Recover known parameters from simulated surveys that are treated as observed.

    The surveys are sampled from the rows nearest to the published one. That choice uses only
    statistics, so an exact posterior keeps its coverage and uniform ranks (Prangle and
    others 2014, Aust. N. Z. J. Stat. 56, 309-329). The structure is known: neighbours are the
    other rows of the same structure.

    Parameters
    ----------
    table : DataFrame
        Simulations from the prior.
    priors : mapping of str to Prior
        Form (uniform or loguniform) and ends by parameter.
    fitted : mapping of str to sequence of str
        Fitted parameters by structure; only these are recovered.
    tests : int
        Number of surveys; at most all that `near` selects.
    keep : int
        Neighbours of each survey.
    seed : int
        Seed of the choice of rows.
    near : float
        Surveys are sampled from this share of the rows, the nearest to the published survey.

    Returns
    -------
    DataFrame
        One row for each survey and parameter: number, structure, parameter, truth, rank (share of
        the posterior below the truth), then as in `contraction`.
    """
    off = discrepancy.deviations(table)
    chosen = sample_rows(nearest_rows(off, near), tests, seed)
    parts = []
    for structure in table["structure"].iloc[np.sort(chosen)].unique():
        names, same = list(fitted[structure]), np.flatnonzero(table["structure"] == structure)
        own, own_off = table[["number", "structure", *names]].iloc[same], off.iloc[same]
        for row in np.flatnonzero(np.isin(same, chosen)).tolist():
            parts.append(_recover(own, own_off, row, keep, names, priors))
    return pd.concat(parts, ignore_index=True)


def _recover(
    own: pd.DataFrame,
    off: pd.DataFrame,
    row: int,
    keep: int,
    names: list[str],
    priors: Mapping[str, Prior],
) -> pd.DataFrame:
    """Recover the parameters of one row from the other rows of its structure."""
    others = np.delete(np.arange(len(own)), row)
    true, target = own.iloc[row], off.to_numpy()[row]
    draws = posterior_draws(off.iloc[others], own.iloc[others], target, keep, names, priors)
    recovered = contraction(draws.assign(structure=true["structure"]), priors)
    truth = true[names].to_numpy(float)
    below = draws["weight"].to_numpy() @ (draws[names].to_numpy() < truth)
    recovered.insert(0, "number", true["number"])
    recovered.insert(3, "truth", truth)
    recovered.insert(4, "rank", np.minimum(below, 1.0))
    return recovered


def nearest_rows(off: pd.DataFrame, near: float) -> np.ndarray:
    """Return the indices of a share of the rows: the nearest to the published survey."""
    order = np.argsort(discrepancy.distance(off), kind="stable")
    return order[: max(1, round(near * len(off)))]


def sample_rows(rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sample indices without replacement; return all if there are no more than `count`."""
    keys = np.random.default_rng(seed).random(rows.size)
    return rows[np.argsort(keys, kind="stable")[:count]]


def coverage(recovered: pd.DataFrame) -> pd.DataFrame:
    """Compute how often central intervals of the posterior contain the true value.

    Parameters
    ----------
    recovered : DataFrame
        From `recovery`.

    Returns
    -------
    DataFrame
        For each parameter, and pooled over those of `IDENTIFIED`, one row for each level from
        0.05 to 0.95: parameter, level, covered (share), low, high (Clopper-Pearson interval of
        95 %), tests. The parameters of one survey are not independent: pooled, they count as one
        test, so that the interval is never too narrow.
    """
    claimed = recovered[recovered["parameter"].isin(IDENTIFIED)]
    groups = [*recovered.groupby("parameter"), (POOLED, claimed)]
    parts = [_covered(str(name), rows) for name, rows in groups if len(rows)]
    return pd.concat(parts, ignore_index=True)


def _covered(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    inside = 2.0 * np.abs(rows["rank"].to_numpy() - 0.5)[:, None] <= LEVELS
    by_survey = pd.DataFrame(inside.astype(float)).groupby(rows["number"].to_numpy()).mean()
    covered, tests = by_survey.mean().to_numpy(), len(by_survey)
    low, high = proportion_interval(covered * tests, tests, (0.025, 0.975))
    columns = {"level": LEVELS, "covered": covered, "ci_low": low, "ci_high": high}
    return pd.DataFrame({"parameter": name, **columns, "tests": tests})


def contraction(draws: pd.DataFrame, priors: Mapping[str, Prior]) -> pd.DataFrame:
    """Compute how far each posterior contracted from its prior.

    Parameters
    ----------
    draws : DataFrame
        From `posterior_draws`, with a column `structure`; a parameter that a structure does not
        have is nan.
    priors : mapping of str to Prior
        Form (uniform or loguniform) and ends by parameter.

    Returns
    -------
    DataFrame
        Columns structure, parameter, low, median, high (5, 50, 95 % of the posterior), prior_sd,
        posterior_sd, all in natural units, and contraction: 1 - variance after over variance
        before, of the share of the prior below the value; 0 without information.
    """
    parts = []
    for structure, weight, own in _structures(draws, priors):
        low, median, high = np.array([_quantiles(own[name], weight) for name in own]).T
        columns = {
            "structure": structure,
            "parameter": own.columns,
            "q05": low,
            "median": median,
            "q95": high,
            "prior_sd": [_prior_sd(priors[name]) for name in own.columns],
            "posterior_sd": np.sqrt(_variances(own, weight)),
            "contraction": 1.0 - 12.0 * _variances(prior_shares(own, priors), weight),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _structures(
    draws: pd.DataFrame, priors: Mapping[str, Prior]
) -> Iterator[tuple[str, np.ndarray, pd.DataFrame]]:
    """Yield name, weights and parameters of each structure."""
    names = [name for name in draws if name in priors]
    for structure, own in draws.groupby("structure", sort=False):
        weight = own["weight"].to_numpy()
        yield str(structure), weight / weight.sum(), own[names].dropna(axis=1, how="all")


def _quantiles(values: pd.Series, weight: np.ndarray) -> np.ndarray:
    order = np.argsort(values.to_numpy())
    below = np.cumsum(weight[order]) - weight[order] / 2.0
    return np.interp((0.05, 0.5, 0.95), below, values.to_numpy()[order])


def _variances(values: pd.DataFrame, weight: np.ndarray) -> np.ndarray:
    return weight @ (values.to_numpy() - weight @ values.to_numpy()) ** 2


def _prior_sd(prior: Prior) -> float:
    form, low, high = prior
    if form == "loguniform":
        width = np.log(high / low)
        return float(np.sqrt((high**2 - low**2) / (2 * width) - ((high - low) / width) ** 2))
    return float((high - low) / np.sqrt(12.0))


def correlations(draws: pd.DataFrame, priors: Mapping[str, Prior]) -> pd.DataFrame:
    """Compute posterior correlations of parameters.

    Parameters
    ----------
    draws, priors
        As in `contraction`.

    Returns
    -------
    DataFrame
        Each pair once, in the order of columns: structure, one, other, correlation (weighted, of
        the shares of the priors below the values).
    """
    parts = []
    for structure, weight, own in _structures(draws, priors):
        one, other = np.triu_indices(own.shape[1], 1)
        shares = prior_shares(own, priors).to_numpy()
        away = shares - weight @ shares
        joint = (weight * away.T) @ away
        correlation = joint[one, other] / np.sqrt(joint[one, one] * joint[other, other])
        pairs = {
            "parameter_1": own.columns[one],
            "parameter_2": own.columns[other],
            "correlation": correlation,
        }
        parts.append(pd.DataFrame({"structure": structure, **pairs}))
    return pd.concat(parts, ignore_index=True)


def confusion(table: pd.DataFrame, tests: int, keep: int, seed: int, near: float) -> pd.DataFrame:
    """Compute the confusion matrix of structures, for simulated surveys treated as observed.

    The probability of a structure is its weighted share of the rows nearest to the survey, without
    the row of the survey, at equal prior odds, however many rows each structure has (Grelaud and
    others 2009, Bayesian Anal. 4, 317-336). It is a probability given these statistics, not given
    the whole survey; this matrix shows how reliable it is (Robert and others 2011, PNAS 108,
    15112-15117).

    Parameters
    ----------
    table, keep, seed, near
        As in `recovery`, with neighbours of every structure.
    tests : int
        Number of surveys, equally many of each structure; at most all that `near` selects.

    Returns
    -------
    DataFrame
        For each true structure with a survey and each candidate: true, selected, probability (mean
        over surveys), standard_error (of that mean), chosen (share of surveys for which it was the
        most probable), tests.
    """
    off = discrepancy.deviations(table)
    code, names = pd.factorize(table["structure"], sort=True)
    rows = nearest_rows(off, near)
    parts = []
    for true, name in enumerate(names):
        chosen = sample_rows(rows[code[rows] == true], tests // len(names), seed)
        if chosen.size:
            shares = [_probabilities_of_row(off.to_numpy(), code, row, keep) for row in chosen]
            parts.append(_confusion_rows(name, pd.DataFrame(shares, columns=names)))
    return pd.concat(parts, ignore_index=True)


def _probabilities_of_row(off: np.ndarray, code: np.ndarray, row: int, keep: int) -> np.ndarray:
    """Return the probabilities of structures for the survey of one row, without that row."""
    distance = np.linalg.norm(off - off[row], axis=1)
    distance[row] = np.inf
    return _probabilities(distance, code, np.ones(code.max() + 1), keep)[0]


def _probabilities(
    distance: np.ndarray, code: np.ndarray, odds: np.ndarray, keep: int
) -> tuple[np.ndarray, float]:
    """Return the probabilities of structures and the effective sample size."""
    near, weight = nearest(distance, keep)
    rows = np.bincount(code[np.isfinite(distance)], minlength=odds.size)
    weight = weight * odds[code[near]] / rows[code[near]]
    votes = np.bincount(code[near], weight, odds.size)
    return votes / votes.sum(), weight.sum() ** 2 / (weight @ weight)


def _confusion_rows(true: str, shares: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one true structure; `shares` has a row for each of its surveys."""
    best = np.bincount(shares.to_numpy().argmax(axis=1), minlength=shares.shape[1])
    columns = {"probability": shares.mean().to_numpy(), "standard_error": shares.sem().to_numpy()}
    named = {"true": true, "selected": shares.columns}
    return pd.DataFrame({**named, **columns, "chosen": best / len(shares), "tests": len(shares)})


def structure_probabilities(
    table: pd.DataFrame, fitted: Mapping[str, Sequence[str]], keep: int
) -> pd.DataFrame:
    """Compute the probability of each structure given the published survey, as in `confusion`.

    Parameters
    ----------
    table, fitted
        As in `recovery`.
    keep : int
        Rows kept, of all structures.

    Returns
    -------
    DataFrame
        Columns structure, variant, probability, standard_error (Monte Carlo error of a share in a
        sample of the effective size; 0 if no row was kept). Variants:
        "equal odds"; "odds halved for each further parameter" than the simplest structure has; at
        equal odds "nearer", with half the rows, and "farther", with twice as many.
    """
    distance = discrepancy.distance(discrepancy.deviations(table))
    code, names = pd.factorize(table["structure"], sort=True)
    sizes = np.array([len(fitted[name]) for name in names])
    equal, fewer = np.ones(sizes.size), 0.5 ** (sizes - sizes.min())
    variants = {
        "equal odds": (equal, keep),
        "odds halved for each further parameter": (fewer, keep),
        "nearer": (equal, keep // 2),
        "farther": (equal, 2 * keep),
    }
    parts = []
    for variant, (odds, kept) in variants.items():
        share, worth = _probabilities(distance, code, odds, kept)
        columns = {"probability": share, "standard_error": np.sqrt(share * (1.0 - share) / worth)}
        parts.append(pd.DataFrame({"structure": names, "variant": variant, **columns}))
    return pd.concat(parts, ignore_index=True)
