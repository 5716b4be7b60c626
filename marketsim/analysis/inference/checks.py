"""Checks published with every posterior: coverage, contraction, structures, misses, the emulator.

Simulated surveys that no emulator has seen are treated as observed: of those with parameters from
the prior, the nearest ones to the published survey. A choice by statistics alone keeps the coverage
of an exact posterior (Prangle et al. 2014, doi:10.1111/anzs.12087). All share one pool of draws
from the prior.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logsumexp, ndtr
from scipy.stats import kstest

from marketsim.analysis.inference import emulator as nets
from marketsim.analysis.inference import posting, reference_table, summaries
from marketsim.analysis.inference.emulator import Emulator, Moments
from marketsim.analysis.inference.summaries import FITTED, Design
from marketsim.parameters import priors
from marketsim.parameters.settings import Inference, Settings
from marketsim.survey.intervals import proportion_interval

POOL = 200_000  # draws of the prior that all tests share
BLOCK = 50  # tests weighed together
LEVELS = np.arange(1, 20) / 20.0  # of central intervals
POOLED = "fitted, pooled"  # in the column parameter
MISSES = 400  # surveys of which each row is predicted from the others
UNUSUAL = 0.05  # a predictive p-value below it


class Tests(NamedTuple):
    """Simulated surveys treated as observed, and the weights of the pool given each.

    truth : DataFrame, structure and parameters of the surveys.
    observed : ndarray, shape (tests, summaries), with the vagueness of the report.
    shares, structures : of the pool.
    weights : ndarray of float32, shape (draws, tests), adding up to 1 in each test.
    """

    truth: pd.DataFrame
    observed: np.ndarray
    shares: np.ndarray
    structures: np.ndarray
    weights: np.ndarray

    @property
    def effective(self) -> np.ndarray:
        """Effective number of draws of each test."""
        return np.asarray(1.0 / (self.weights.astype(float) ** 2).sum(axis=0))


def log_likelihoods(of: Moments, surveys: np.ndarray) -> np.ndarray:
    """Return log-likelihoods of many surveys, shape (rows, surveys).

    The quadratic form is a product of two matrices: of what depends on the parameters alone, and
    of what depends on the survey alone.

    Parameters
    ----------
    of : Moments
        Of the parameters.
    surveys : ndarray of float64, shape (surveys, summaries)
    """
    center = surveys.mean(axis=0)
    precision, mean = of.precision, of.mean.astype(float) - center
    linear = np.einsum("bij,bj->bi", precision, mean)
    constant = np.einsum("bi,bi->b", linear, mean)
    logs = np.log(np.einsum("bii->bi", of.root)).sum(axis=1).astype(float)
    away = surveys - center
    squares = np.einsum("ni,nj->nij", away, away).reshape(len(away), -1)
    form = precision.reshape(len(mean), -1) @ squares.T - 2.0 * linear @ away.T
    found: np.ndarray = (of.log_chance + logs - 0.5 * constant)[:, None] - 0.5 * form
    return found


def make_tests(
    settings: Settings,
    networks: list[Emulator],
    unseen: pd.DataFrame,
    count: int,
    design: Design = FITTED,
) -> Tests:
    """Choose the tests and weigh the pool by their likelihoods.

    Parameters
    ----------
    settings : Settings
        What is calibrated; its seed is that of the pool and of the vagueness.
    networks : list of Emulator
        For the likelihoods, of surveys of the panel market.
    unseen : DataFrame
        Surveys with parameters from the prior.
    count : int
        Number of tests; at most all that are in range.
    design : Design
        The summaries.
    """
    chosen = nearest(unseen, count)
    observed = _observed(chosen, design, settings.seed)
    shares, structures = posting.prior_pool(settings, POOL, settings.seed + 7)
    moments = [nets.moments(net, shares, structures, trade=False) for net in networks]
    weights = np.empty((POOL, len(chosen)), np.float32)
    for start in range(0, len(chosen), BLOCK):
        block = observed[start : start + BLOCK]
        logs = logsumexp([log_likelihoods(of, block) for of in moments], axis=0)
        weights[:, start : start + BLOCK] = np.exp(logs - logsumexp(logs, axis=0))
    return Tests(chosen, observed, shares, structures, weights)


def _observed(surveys: pd.DataFrame, design: Design, seed: int) -> np.ndarray:
    """Return the summaries of surveys, printed as vaguely as those of the report."""
    found = design.transform(surveys)
    return found + design.vagueness * np.random.default_rng(seed).standard_normal(found.shape)


def nearest(unseen: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the surveys in range that are the nearest to the published one (Mahalanobis)."""
    seen = unseen[summaries.in_range(unseen) & summaries.events(unseen)]
    found = FITTED.transform(seen)
    away = found - summaries.published()
    distance = np.einsum("ni,ij,nj->n", away, np.linalg.inv(np.cov(found, rowvar=False)), away)
    near = np.argsort(distance, kind="stable")[:count]
    return seen.iloc[near].reset_index(drop=True)


def coverage(tests: Tests, fixed: list[str]) -> pd.DataFrame:
    """Compute how often central intervals of the posterior contain the true value.

    Parameters
    ----------
    tests : Tests
        From `make_tests`.
    fixed : list of str
        Parameters that are not uncertain here.

    Returns
    -------
    DataFrame
        For each parameter, and pooled over those that are fitted in the true structure, one row
        for each level from 0.05 to 0.95: parameter, level, covered (share), ci_low, ci_high
        (Clopper-Pearson interval of 95 %; pooled, the parameters of a survey count as one test),
        tests.
    """
    truth = nets.shares_of(tests.truth)
    keys = list(priors.uncertain())
    ranks = np.column_stack([_below(tests, place, truth[:, place]) for place in range(len(keys))])
    fits = np.array([[key in priors.FITTED[str(name)] for key in keys]
                     for name in tests.truth["structure"]])  # fmt: skip
    fits &= ~np.isin(keys, fixed)
    parts = [
        _covered(key, ranks[:, [place]], np.ones((len(ranks), 1), bool))
        for place, key in enumerate(keys)
        if key not in fixed
    ]
    return pd.concat([*parts, _covered(POOLED, ranks, fits)], ignore_index=True)


def _below(tests: Tests, place: int, truth: np.ndarray) -> np.ndarray:
    """Return the share of the posterior of a parameter below its true value, for each test."""
    order = np.argsort(tests.shares[:, place], kind="stable")
    cumulated = np.cumsum(tests.weights[order], axis=0, dtype=np.float64)
    at = np.searchsorted(tests.shares[order, place], truth)
    cumulated = np.vstack([np.zeros(len(truth)), cumulated])
    return np.clip(cumulated[at, np.arange(len(truth))], 0.0, 1.0)


def _covered(name: str, ranks: np.ndarray, fits: np.ndarray) -> pd.DataFrame:
    inside = 2.0 * np.abs(ranks - 0.5)[:, :, None] <= LEVELS
    by_survey = (inside * fits[:, :, None]).sum(axis=1) / fits.sum(axis=1)[:, None]
    covered, tests = by_survey.mean(axis=0), len(ranks)
    low, high = proportion_interval(covered * tests, tests, (0.025, 0.975))
    columns = {"level": LEVELS, "covered": covered, "ci_low": low, "ci_high": high}
    return pd.DataFrame({"parameter": name, **columns, "tests": tests})


def chances(tests: Tests, names: list[str]) -> np.ndarray:
    """Return the probability of each structure given each test, shape (tests, structures)."""
    one = np.eye(len(names), dtype=np.float32)[tests.structures]
    return np.asarray(tests.weights.T @ one, float)


def confusion(tests: Tests, names: list[str]) -> pd.DataFrame:
    """Compute the confusion matrix of structures.

    Returns
    -------
    DataFrame
        For each true structure with a test and each candidate: true, selected, probability (mean
        over surveys), standard_error (of that mean), chosen (share of surveys for which it was
        the most probable), tests.
    """
    found, true = chances(tests, names), nets.codes(tests.truth, names)
    parts = []
    for code, name in enumerate(names):
        own = found[true == code]
        if len(own):
            best = np.bincount(own.argmax(axis=1), minlength=len(names)) / len(own)
            error = own.std(axis=0, ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.nan
            columns = {"probability": own.mean(axis=0), "standard_error": error, "chosen": best}
            named = {"true": name, "selected": names}
            parts.append(pd.DataFrame({**named, **columns, "tests": len(own)}))
    return pd.concat(parts, ignore_index=True)


def further_data(
    settings: Settings, how: Inference, found: posting.Search, tests: Tests
) -> pd.DataFrame:
    """Compare how well structures would be told apart with further series.

    Returns
    -------
    DataFrame
        Columns data, log_score (mean over the tests of the logarithm of the probability of the
        true structure; of guessing -log(structures)), standard_error, chosen (share of the tests
        in which the true structure was the most probable), gain (log score above that of the
        published data), gain_error.
    """
    names = reference_table.structures(settings)
    scores = {"what was published": _log_scores(tests, names)}
    for data, design in summaries.FURTHER.items():
        net = nets.train(found.known, names, settings.seed, design)
        more = make_tests(settings, [net], found.tests, how.tests, design)
        scores[data] = _log_scores(more, names)
    base, rows = scores["what was published"][0], []
    for data, (score, right) in scores.items():
        count = np.sqrt(len(score))
        rows.append(
            {
                "data": data,
                "log_score": score.mean(),
                "standard_error": score.std() / count,
                "chosen": right.mean(),
                "gain": (score - base).mean(),
                "gain_error": (score - base).std() / count,
            }
        )
    return pd.DataFrame(rows)


def _log_scores(tests: Tests, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    found, true = chances(tests, names), nets.codes(tests.truth, names)
    of_truth = found[np.arange(len(true)), true]
    return np.log(np.maximum(of_truth, 1e-12)), found.argmax(axis=1) == true


def misses(tests: Tests, net: Emulator, whole: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Compare unusual rows of the published survey with those of a correct model.

    Each fitted row is predicted from the others, for the published survey and for surveys of the
    whole market with draws of the posterior, and has a two-sided predictive p-value.

    Parameters
    ----------
    tests : Tests
        From `make_tests`: its draws of the prior are used.
    net : Emulator
        That of the published survey.
    whole : DataFrame
        Surveys of the whole market that the emulator has not seen; the first `MISSES` in range,
        with the events, are used.
    seed : int
        Of the vagueness of the report.

    Returns
    -------
    DataFrame
        One row for each summary: id, p_value (of the published survey), unusual (share of the
        simulated surveys with a p-value below 0.05); then one with the id ``all``: p_value, the
        share of them with at least as many unusual rows as the published survey; unusual, their
        mean number in them; observed, that of the published survey.
    """
    like = whole[summaries.in_range(whole) & summaries.events(whole)].iloc[:MISSES]
    of = nets.moments(net, tests.shares, tests.structures, trade=True)
    found = np.array([_p_values(of, survey) for survey in _observed(like, FITTED, seed)])
    published = _p_values(of, summaries.published())
    many, mine = (found < UNUSUAL).sum(axis=1), int((published < UNUSUAL).sum())
    rows = pd.DataFrame(
        {
            "id": FITTED.names,
            "p_value": published,
            "unusual": (found < UNUSUAL).mean(axis=0),
            "observed": (published < UNUSUAL).astype(float),
        }
    )
    total = {"id": "all", "p_value": (many >= mine).mean(), "unusual": many.mean()}
    return pd.concat([rows, pd.DataFrame([total | {"observed": float(mine)}])], ignore_index=True)


def _part(of: Moments, rows: np.ndarray) -> Moments:
    return Moments(of.mean[rows], of.root[rows], of.log_chance[rows])


def _p_values(of: Moments, survey: np.ndarray) -> np.ndarray:
    """Return two-sided predictive p-values of each summary of a survey, given the others.

    Given the others, a summary is normal: the inverse of its variance is its element of the
    precision. A draw's weight given the others is its likelihood over the density of the summary.
    """
    precision = of.precision
    pull = np.einsum("bij,bj->bi", precision, survey - of.mean)
    own = np.einsum("bii->bi", precision)
    scores = pull / np.sqrt(own)  # of the survey, in standard deviations from what is expected
    log_weights = log_likelihoods(of, survey[None]) + 0.5 * scores**2 - 0.5 * np.log(own)
    without = np.exp(log_weights - logsumexp(log_weights, axis=0))
    below = np.clip((without * ndtr(scores)).sum(axis=0), 0.0, 1.0)
    return np.asarray(2.0 * np.minimum(below, 1.0 - below))


def gates(
    coverages: pd.DataFrame,
    contractions: pd.DataFrame,
    structures: pd.DataFrame,
    fitted: pd.DataFrame,
    missed: pd.DataFrame,
) -> pd.DataFrame:
    """Collect the checks that a posterior must pass.

    Parameters
    ----------
    coverages, missed, fitted : DataFrame
        From `coverage`, `misses` and `emulator_fit`.
    contractions, structures : DataFrame
        From `posting.tables`.

    Returns
    -------
    DataFrame
        Columns gate, measured, low, high, passed.
    """
    at = coverages[np.isclose(coverages["level"], 0.9)].set_index("parameter")
    idle = contractions[~contractions["seen"]]
    worth = 1.0 / idle["standard_error"] ** 2
    by_parameter = (idle["contraction"] * worth).groupby(idle["parameter"]).sum() / worth.groupby(
        idle["parameter"]
    ).sum()
    summed = fitted[fitted["id"] != "events"]
    effective = 1.0 / (structures["probability"] ** 2 / structures["effective_draws"]).sum()
    rows = [
        ("coverage of 90 % intervals, fitted parameters", at["covered"][POOLED], 0.87, 0.93),
        (
            "largest contraction of a parameter that no survey can inform",
            by_parameter.abs().max() if len(idle) else 0.0,
            0.0,
            0.05,
        ),
        ("effective draws", effective, 1000.0, np.inf),
        ("share of surveys with as many unusual rows", missed["p_value"].iloc[-1], 0.05, 1.0),
        ("largest bias of the emulator, standard deviations", summed["bias"].abs().max(), 0.0, 0.2),
        ("coverage of the emulator's 90 % intervals", summed["covered"].mean(), 0.87, 0.93),
    ]
    out = pd.DataFrame(rows, columns=["gate", "measured", "low", "high"])
    out["passed"] = out["measured"].between(out["low"], out["high"])
    return out


def emulator_fit(networks: list[Emulator], whole: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Compare the emulator with surveys of the whole market that it has not seen.

    Parameters
    ----------
    networks : list of Emulator
        The final ones.
    whole : DataFrame
        Surveys of the whole market, with structure and parameters.
    names : list of str
        The structures.

    Returns
    -------
    DataFrame
        One row for each summary: id, surveys (in range, with the events), bias (mean difference
        between survey and emulator, in standard deviations of the emulator), bias_error, spread
        (standard deviation of these differences: 1 if correct), covered (by its central 90 %),
        ks (Kolmogorov-Smirnov distance of the probability integral transform from uniform),
        p_value (of that). Then one row ``events``: surveys (all), bias (observed share of range and
        events less the predicted one), bias_error.
    """
    shares, codes = nets.shares_of(whole), nets.codes(whole, names)
    seen = summaries.in_range(whole) & summaries.events(whole)
    x = _observed(whole[seen], FITTED, 0)
    of = [nets.moments(net, shares, codes, trade=True) for net in networks]
    levels = []
    for one in of:
        part = _part(one, np.flatnonzero(seen))
        spread = nets.spreads(part)
        levels.append((x - part.mean) / spread)
    below = np.mean([ndtr(z) for z in levels], axis=0)
    off = np.mean(levels, axis=0)
    rows = []
    for place, name in enumerate(FITTED.names):
        tested = kstest(below[:, place], "uniform")
        rows.append(
            {
                "id": name,
                "surveys": int(seen.sum()),
                "bias": off[:, place].mean(),
                "bias_error": off[:, place].std() / np.sqrt(len(off)),
                "spread": off[:, place].std(),
                "covered": (np.abs(below[:, place] - 0.5) <= 0.45).mean(),
                "ks": tested.statistic,
                "p_value": tested.pvalue,
            }
        )
    chance = np.mean([np.exp(one.log_chance) for one in of], axis=0)
    apart = seen - chance
    rows.append(
        {
            "id": "events",
            "surveys": len(whole),
            "bias": apart.mean(),
            "bias_error": apart.std() / np.sqrt(len(apart)),
        }
    )
    return pd.DataFrame(rows)
