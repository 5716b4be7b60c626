"""What a survey like TRAFFIC's could tell of parameters: how well they are recovered.

One table of simulations from the prior serves every question. Its rows have `number` (each its
own), `structure`, every uncertain parameter by its dotted name, and the statistics of the
simulated survey (`metrics.statistics`). Two surveys are as far apart as the Euclidean distance
between their deviations (`misfit.deviations`), in half-widths of the evidence intervals. Numbers
of backup accounts inside their interval are no distance apart: the report said no more.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from marketsim.analysis.inference.regression_adjustment import adjust, nearest, prior_shares
from marketsim.parameters.declaration import Prior
from marketsim.survey import discrepancy
from marketsim.survey.intervals import proportion_interval

# Claimed to be identified by the survey, declared before any recovery was run: the level and the
# spread of posting, and what posts show, all of which were counted. No other parameter is claimed.
IDENTIFIED = (
    "posting.base_posts",
    "population.gamma_shape",
    "posting.full_grid",
    "posting.video_share",
)
POOLED = "identified, pooled"  # stands in place of a parameter
LEVELS = np.arange(1, 20) / 20.0  # of central intervals


def posterior(
    off: pd.DataFrame,
    table: pd.DataFrame,
    target: np.ndarray,
    keep: int,
    names: Sequence[str],
    priors: Mapping[str, Prior],
) -> pd.DataFrame:
    """Return posterior draws: the rows nearest to a survey, adjusted to it.

    Rejection with Epanechnikov weights, then local-linear regression of the parameters on the
    deviations (see `adjustment`).

    Parameters
    ----------
    off : DataFrame
        Deviations of the rows of `table`, in half-widths, from `misfit.deviations`.
    table : DataFrame
        Drawn parameters, in natural units, among its columns.
    target : ndarray of float64, shape (deviations,)
        Deviations of the survey asked about; zeros stand for the published one.
    keep : int
        Rows to keep: fewer than there are, and many times the number of deviations.
    names : sequence of str
        The parameters wanted.
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
    """Return what the posterior says of known parameters, for simulated surveys taken as real.

    The surveys are drawn from the rows most like the published one. That choice looks at
    statistics alone, so a true posterior keeps its coverage and its even ranks (Prangle and
    others 2014, Aust. N. Z. J. Stat. 56, 309-329). The structure is taken as known: neighbours
    are the other rows of the same structure.

    Parameters
    ----------
    table : DataFrame
        Simulations from the prior.
    priors : mapping of str to Prior
        Form (uniform or loguniform) and ends by parameter.
    fitted : mapping of str to sequence of str
        Parameters that matter, by structure; only these are judged.
    tests : int
        Surveys, or all there are where `near` leaves fewer.
    keep : int
        Neighbours of each survey.
    seed : int
        Which rows are taken.
    near : float
        They are taken from this share of the rows, the nearest to the published survey.

    Returns
    -------
    DataFrame
        One row for each survey and parameter: number, structure, parameter, truth, rank (share of
        the posterior below the truth), then as in `contraction`.
    """
    off = discrepancy.deviations(table)
    chosen = some(like_published(off, near), tests, seed)
    parts = []
    for structure in table["structure"].iloc[np.sort(chosen)].unique():
        names, same = list(fitted[structure]), np.flatnonzero(table["structure"] == structure)
        own, own_off = table[["number", "structure", *names]].iloc[same], off.iloc[same]
        for place in np.flatnonzero(np.isin(same, chosen)).tolist():
            parts.append(_recovered(own, own_off, place, keep, names, priors))
    return pd.concat(parts, ignore_index=True)


def _recovered(
    own: pd.DataFrame,
    off: pd.DataFrame,
    place: int,
    keep: int,
    names: list[str],
    priors: Mapping[str, Prior],
) -> pd.DataFrame:
    """Return what the other rows of a structure say of one row's parameters."""
    others = np.delete(np.arange(len(own)), place)
    row, target = own.iloc[place], off.to_numpy()[place]
    draws = posterior(off.iloc[others], own.iloc[others], target, keep, names, priors)
    told = contraction(draws.assign(structure=row["structure"]), priors)
    truth = row[names].to_numpy(float)
    below = draws["weight"].to_numpy() @ (draws[names].to_numpy() < truth)
    told.insert(0, "number", row["number"])
    told.insert(3, "truth", truth)
    told.insert(4, "rank", np.minimum(below, 1.0))
    return told


def like_published(off: pd.DataFrame, near: float) -> np.ndarray:
    """Return the places of a share of the rows, the nearest to the published survey."""
    order = np.argsort(discrepancy.distance(off), kind="stable")
    return order[: max(1, round(near * len(off)))]


def some(places: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return places chosen at random, or all of them where there are no more."""
    luck = np.random.default_rng(seed).random(places.size)
    return places[np.argsort(luck, kind="stable")[:count]]


def coverage(recovered: pd.DataFrame) -> pd.DataFrame:
    """Return how often central intervals of the posterior hold the truth.

    Parameters
    ----------
    recovered : DataFrame
        From `recovery`.

    Returns
    -------
    DataFrame
        For each parameter, and pooled over those of `IDENTIFIED`, one row for each level from
        0.05 to 0.95: parameter, level, covered (share), low, high (Clopper-Pearson interval of
        95 %), tests. The parameters of one survey share its luck: pooled, they count as one test,
        so the interval is never too narrow.
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
    columns = {"level": LEVELS, "covered": covered, "low": low, "high": high}
    return pd.DataFrame({"parameter": name, **columns, "tests": tests})


def contraction(draws: pd.DataFrame, priors: Mapping[str, Prior]) -> pd.DataFrame:
    """Return how far each posterior contracted from its prior.

    Parameters
    ----------
    draws : DataFrame
        Of `posterior`, with a column `structure`; of several structures one below the other,
        where a parameter that one has not is nan.
    priors : mapping of str to Prior
        Form (uniform or loguniform) and ends by parameter.

    Returns
    -------
    DataFrame
        Columns structure, parameter, low, median, high (5, 50, 95 % of the posterior), prior_sd,
        posterior_sd, all in natural units, and contraction: 1 - variance after over variance
        before, of the share of the prior below the value; 0 where nothing was learnt.
    """
    parts = []
    for structure, weight, own in _structures(draws, priors):
        low, median, high = np.array([_quantiles(own[name], weight) for name in own]).T
        columns = {
            "structure": structure,
            "parameter": own.columns,
            "low": low,
            "median": median,
            "high": high,
            "prior_sd": [_prior_sd(priors[name]) for name in own.columns],
            "posterior_sd": np.sqrt(_variances(own, weight)),
            "contraction": 1.0 - 12.0 * _variances(prior_shares(own, priors), weight),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _structures(
    draws: pd.DataFrame, priors: Mapping[str, Prior]
) -> Iterator[tuple[str, np.ndarray, pd.DataFrame]]:
    """Go through structures: the name, the weights, the parameters it has."""
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
    """Return which parameters the posterior ties to each other.

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
        tie = joint[one, other] / np.sqrt(joint[one, one] * joint[other, other])
        pairs = {"one": own.columns[one], "other": own.columns[other], "correlation": tie}
        parts.append(pd.DataFrame({"structure": structure, **pairs}))
    return pd.concat(parts, ignore_index=True)


def confusion(table: pd.DataFrame, tests: int, keep: int, seed: int, near: float) -> pd.DataFrame:
    """Return which structures are taken for which, for simulated surveys taken as real.

    The probability of a structure is its weighted share of the rows nearest to the survey, the
    survey's own excepted, at equal odds before, however many rows each structure has (Grelaud and
    others 2009, Bayesian Anal. 4, 317-336). It is a probability given these statistics, not given
    all of the survey; what it is worth, this matrix tells (Robert and others 2011, PNAS 108,
    15112-15117).

    Parameters
    ----------
    table, keep, seed, near
        As in `identification.recovery`, with neighbours of every structure.
    tests : int
        Surveys in all, equally many of each structure, or all there are where `near` leaves fewer.

    Returns
    -------
    DataFrame
        For each true structure with a survey and each one it may be taken for: true, selected,
        probability (mean over surveys), standard_error (of that mean), chosen (share of surveys
        for which it was the most probable), tests.
    """
    off = discrepancy.deviations(table)
    code, names = pd.factorize(table["structure"], sort=True)
    places = like_published(off, near)
    parts = []
    for true, name in enumerate(names):
        chosen = some(places[code[places] == true], tests // len(names), seed)
        if chosen.size:
            seen = [_taken_for(off.to_numpy(), code, place, keep) for place in chosen]
            parts.append(_told_apart(name, pd.DataFrame(seen, columns=names)))
    return pd.concat(parts, ignore_index=True)


def _taken_for(off: np.ndarray, code: np.ndarray, place: int, keep: int) -> np.ndarray:
    """Return the probabilities of structures for the survey of one row, without that row."""
    distance = np.linalg.norm(off - off[place], axis=1)
    distance[place] = np.inf
    return _probabilities(distance, code, np.ones(code.max() + 1), keep)[0]


def _probabilities(
    distance: np.ndarray, code: np.ndarray, odds: np.ndarray, keep: int
) -> tuple[np.ndarray, float]:
    """Return the probabilities of structures and how many equal draws they are worth."""
    near, weight = nearest(distance, keep)
    rows = np.bincount(code[np.isfinite(distance)], minlength=odds.size)
    weight = weight * odds[code[near]] / rows[code[near]]
    votes = np.bincount(code[near], weight, odds.size)
    return votes / votes.sum(), weight.sum() ** 2 / (weight @ weight)


def _told_apart(true: str, seen: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one true structure; `seen` has a row for each of its surveys."""
    best = np.bincount(seen.to_numpy().argmax(axis=1), minlength=seen.shape[1])
    columns = {"probability": seen.mean().to_numpy(), "standard_error": seen.sem().to_numpy()}
    named = {"true": true, "selected": seen.columns}
    return pd.DataFrame({**named, **columns, "chosen": best / len(seen), "tests": len(seen)})


def structure_probabilities(
    table: pd.DataFrame, fitted: Mapping[str, Sequence[str]], keep: int
) -> pd.DataFrame:
    """Return the probability of each structure given the published survey, as in `confusion`.

    Parameters
    ----------
    table, fitted
        As in `identification.recovery`.
    keep : int
        Rows kept, of all structures.

    Returns
    -------
    DataFrame
        Columns structure, variant, probability, standard_error: luck of simulation, as for shares
        among equal draws, as many as the weights are worth (0 where no row was kept). Variants:
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
