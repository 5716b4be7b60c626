"""What a survey like TRAFFIC's could tell of structures: how well they are told apart.

Of the same table of simulations, and as near to each other, as in `identification`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from marketsim import misfit
from marketsim.adjustment import nearest
from marketsim.identification import like_published, some


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
    off = misfit.deviations(table)
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
    distance = misfit.distance(misfit.deviations(table))
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
