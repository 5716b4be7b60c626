"""Pairs of a draw and a seed whose survey is like the published one: the same panel again.

The posterior says which parameters are plausible; a new panel under them has a level of its own.
For predictions of the panel that was seen, random numbers are conditioned on as well: kept are the
simulated surveys, among all those of the search, that come near the published one. Each is weighted
by prior over proposal, so that what is kept has the distribution given the prior and the survey:
the data count once. The largest weights are cut off (Ionides 2008, doi:10.1198/106186008X320456),
or few pairs would remain. A survey of the panel market only screens; the pair must be like the
published one in the whole market with trade.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from marketsim.analysis.inference import emulator as nets
from marketsim.analysis.inference import posting, reference_table, summaries
from marketsim.parameters import posterior, priors
from marketsim.parameters.settings import Settings
from marketsim.simulation import run as simulation
from marketsim.survey import discrepancy

NEAREST = 1.0  # distance of a pair from the published survey, in half-widths: the largest
SCREEN = 1.3  # distance in the panel market up to which the whole market is tried
CAP = 0.95  # quantile of the weights at which they are cut off
PASSES = 6  # draws of trade that a candidate is tried with, at most
TOGETHER = 200  # candidates simulated together
COLUMNS = {
    "structure": ("name", "recovery mechanism"),
    "seed": ("1", "seed of the run"),
    "trade": ("1", "number of the draw of trade, with the seed of the calibration"),
    "distance": ("half-widths", "distance of the survey from the published one"),
    "tries": ("surveys", "surveys simulated for each that was accepted"),
}


class Found(NamedTuple):
    """Pairs, and how they were found: one row a step, with what was tried and kept."""

    pairs: pd.DataFrame
    acceptance: pd.DataFrame


def find(settings: Settings, found: posting.Search, how_many: int, threads: int) -> Found:
    """Find pairs among the surveys of a search.

    Parameters
    ----------
    settings : Settings
        What is calibrated.
    found : posting.Search
        Its surveys.
    how_many : int
        Pairs asked for; fewer are returned if the search holds no more.
    threads : int
        Parallel runs.

    Returns
    -------
    Found
        Pairs have the columns of `COLUMNS` and every uncertain parameter of posting.
    """
    surveys, of = found.surveys, replace(settings, seed=posterior.PAIRS_SEED)
    distance = discrepancy.distance(discrepancy.deviations(surveys))
    near = np.flatnonzero((distance <= SCREEN) & summaries.events(surveys))
    weights = prior_over_proposal(settings, found, surveys.iloc[near])
    random = np.random.default_rng(settings.seed)
    chance = np.minimum(weights / np.quantile(weights, CAP), 1.0) if near.size else weights
    order = random.permutation(near[random.random(near.size) < chance])
    names = ["structure", "seed", "trade", "distance", *priors.uncertain()]
    rows = [pd.DataFrame(columns=names)]
    tried = accepted = 0
    for start in range(0, PASSES * len(order), TOGETHER):
        if accepted >= how_many:
            break
        trade = np.arange(start, min(start + TOGETHER, PASSES * len(order)))
        batch = surveys.iloc[order[trade % len(order)]]
        jobs = [
            (posting.whole_settings(of, row, int(number)), int(row["seed"]))
            for number, (_, row) in zip(trade, batch.iterrows(), strict=True)
        ]
        whole = simulation.statistics(jobs, threads)
        apart = discrepancy.distance(discrepancy.deviations(whole))
        like = (apart <= NEAREST) & summaries.events(whole)
        rows.append(batch.assign(trade=trade, distance=apart)[names][like])
        tried, accepted = tried + len(batch), accepted + int(like.sum())
    pairs = pd.concat([part for part in rows if len(part)] or rows, ignore_index=True)
    steps = [
        ("surveys of the panel market", len(surveys), len(near)),
        ("weighted by prior over proposal", len(near), len(order)),
        ("whole market", tried, accepted),
    ]
    pairs.insert(4, "tries", np.int64(round((len(surveys) + tried) / max(accepted, 1))))
    acceptance = pd.DataFrame(steps, columns=["step", "tried", "kept"])
    return Found(pairs.iloc[:how_many].reset_index(drop=True), acceptance)


def prior_over_proposal(
    settings: Settings, found: posting.Search, rows: pd.DataFrame
) -> np.ndarray:
    """Return the ratio of the prior to the mixture from which the surveys were drawn, at rows.

    Parameters
    ----------
    settings, found
        As of `find`.
    rows : DataFrame
        Structure and parameters.

    Returns
    -------
    ndarray of float64, shape (rows,)
    """
    names = reference_table.structures(settings)
    shares, codes = nets.shares_of(rows), nets.codes(rows, names)
    counts = found.surveys["round"].value_counts().sort_index().to_numpy(float)
    densities = [np.full(len(rows), np.log(counts[0]))]
    for turn, net in enumerate(found.proposing, 1):
        pool = posting.weigh(settings, [net], posting.POOL, settings.seed + turn, trade=False)
        evidence = logsumexp(pool.log_weights) - np.log(len(pool.log_weights))
        own = posting.likelihood(net, shares, codes, trade=False)
        densities.append(np.log(counts[turn]) + own - evidence)
    return np.asarray(np.exp(np.log(counts.sum()) - logsumexp(densities, axis=0)))
