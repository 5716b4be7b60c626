"""The posterior of posting: sequential neural likelihood over all recovery mechanisms at once.

The first round simulates surveys with parameters from the prior. Each further round trains the
emulator on all surveys so far and simulates surveys with draws of the posterior that it gives. All
these are surveys of the panel market. The last round is of the whole market with trade, and that is
what the emulator is asked for in the end. The posterior is sampled by importance from the prior.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from marketsim.analysis.inference import emulator as nets
from marketsim.analysis.inference import reference_table, summaries
from marketsim.analysis.inference.emulator import Emulator
from marketsim.numerics import rng
from marketsim.numerics.rng import Purpose
from marketsim.parameters import posterior, presets, priors
from marketsim.parameters.settings import FULL, Inference, Settings, value_of
from marketsim.simulation import files
from marketsim.simulation import run as simulation
from marketsim.survey import fit as survey_fit
from marketsim.survey import statistics

POOL = 1_000_000  # draws of the prior among which proposals are sampled
FINAL_POOL = 4_000_000  # and the posterior
SCOUTS = 250_000  # draws of the whole prior that find where its other draws are worth their time
NEGLIGIBLE = 12.0  # nats below the largest log-likelihood
MARGIN = 0.05  # of the prior, kept on either side of the draws that are not negligible
NETWORKS = 3  # final emulators, over whose likelihoods the posterior is averaged
UNTRAINED = 0.2  # share of the surveys of the prior that only test the emulator
STANDARD_ERRORS = 1.645  # on either side hold 90 %
CANDIDATES = 20  # draws near the posterior mean, of which the calibrated point is the likeliest
PREDICTED = 200  # surveys of the whole market simulated with the posterior of each mechanism
COLUMNS = {
    "structure": ("name", "recovery mechanism of the draw"),
    "weight": ("share", "weight of the draw among those of its mechanism"),
}


class Pool(NamedTuple):
    """Draws of the prior, weighted by the likelihood of the published survey.

    shares : ndarray of float32, shape (draws, parameters), of the priors.
    structures : ndarray of int64, shape (draws,), as of `emulator.codes`.
    log_weights : ndarray of float64, shape (draws,): log-likelihoods, plus the logarithm of the
        share of the prior that the draws are from.
    """

    shares: np.ndarray
    structures: np.ndarray
    log_weights: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Weights that add up to 1."""
        return np.asarray(np.exp(self.log_weights - logsumexp(self.log_weights)))

    @property
    def effective(self) -> float:
        """Effective number of draws."""
        return float(1.0 / (self.weights**2).sum())

    def pick(self, count: int, seed: int) -> np.ndarray:
        """Return indices of draws of the posterior: systematic resampling."""
        edges = np.cumsum(self.weights)
        places = (np.arange(count) + np.random.default_rng(seed).random()) / count
        return np.minimum(np.searchsorted(edges, places * edges[-1]), edges.size - 1)

    def table(self, at: np.ndarray, names: list[str]) -> pd.DataFrame:
        """Return draws as a table of structure and parameters."""
        columns = {
            key: priors.values(prior, self.shares[at, place].astype(float))
            for place, (key, prior) in enumerate(priors.uncertain().items())
        }
        return pd.DataFrame({"structure": np.array(names)[self.structures[at]], **columns})


class Search(NamedTuple):
    """What a search has simulated and learned.

    surveys : DataFrame, of the panel market: round (0 for the prior), structure, seed, parameters
        and statistics.
    whole : DataFrame, the same of the whole market with trade; the first rows are held out.
    proposing : list of Emulator, that from which each further round was drawn.
    final : list of Emulator, for the posterior.
    """

    surveys: pd.DataFrame
    whole: pd.DataFrame
    proposing: list[Emulator]
    final: list[Emulator]

    @property
    def tests(self) -> pd.DataFrame:
        """Surveys of the prior that no emulator has seen."""
        return self.surveys[self._is_test]

    @property
    def known(self) -> pd.DataFrame:
        """Surveys of the panel market that emulators are trained on."""
        return self.surveys[~self._is_test]

    @property
    def _is_test(self) -> pd.Series:
        of_prior = self.surveys["round"] == 0
        return of_prior & (of_prior.cumsum() > trained_rows(int(of_prior.sum())))


def prior_pool(
    settings: Settings, size: int, seed: int, box: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sample shares of the priors and structures; parameters that are fixed keep their values.

    Parameters
    ----------
    settings : Settings
        What is calibrated.
    size, seed : int
        Number of draws, and their seed.
    box : ndarray, shape (2, parameters), optional
        Low and high ends of the shares; default: 0 and 1.

    Returns
    -------
    shares : ndarray of float32, shape (size, parameters)
    structures : ndarray of int64, shape (size,)
    """
    random = np.random.default_rng(seed)
    shares = random.random((size, len(priors.uncertain())), dtype=np.float32)
    if box is not None:
        shares = (box[0] + shares * (box[1] - box[0])).astype(np.float32)
    for place, (key, prior) in enumerate(priors.uncertain().items()):
        if key in settings.fixed:
            shares[:, place] = priors.share(prior, value_of(settings, key))
    return shares, random.integers(0, len(reference_table.structures(settings)), size)


def weigh(
    settings: Settings, networks: Sequence[Emulator], size: int, seed: int, trade: bool
) -> Pool:
    """Return draws of the prior weighted by the likelihood of the published survey.

    Scouts of the whole prior find the box outside which the likelihood is negligible; the draws are
    from inside it.

    Parameters
    ----------
    settings : Settings
        What is calibrated.
    networks : sequence of Emulator
        Their likelihoods are averaged.
    size, seed : int
        Number of draws, and their seed.
    trade : bool
        Whether the survey is taken to be of the whole market.
    """
    scouts, structures = prior_pool(settings, SCOUTS, seed)
    found = likelihood(networks[0], scouts, structures, trade)
    worth = scouts[found > found.max() - NEGLIGIBLE]
    box = np.array([worth.min(axis=0) - MARGIN, worth.max(axis=0) + MARGIN]).clip(0.0, 1.0)
    free = [key not in settings.fixed for key in priors.uncertain()]
    volume = np.log(box[1] - box[0])[free].sum()
    shares, structures = prior_pool(settings, size, seed + SCOUTS, box)
    by_network = [likelihood(net, shares, structures, trade) for net in networks]
    log_weights = logsumexp(by_network, axis=0) - np.log(len(networks)) + volume
    return Pool(shares, structures, log_weights)


def likelihood(
    net: Emulator, shares: np.ndarray, structures: np.ndarray, trade: bool
) -> np.ndarray:
    """Return the log-likelihood of the published survey at each row, shape (rows,)."""
    survey, parts = summaries.published(), [np.empty(0)]
    for start in range(0, len(shares), nets.CHUNK):
        rows = slice(start, start + nets.CHUNK)
        of = nets.moments(net, shares[rows], structures[rows], trade)
        parts.append(nets.log_likelihood(of, survey))
    return np.concatenate(parts)


def trained_rows(surveys: int) -> int:
    """Return how many of the surveys of the prior train the emulator."""
    return surveys - int(UNTRAINED * surveys)


def search(
    settings: Settings, how: Inference, tables: Path, folder: Path, threads: int, progress: bool
) -> Search:
    """Simulate all rounds and train the emulator; what is stored is read.

    Parameters
    ----------
    settings : Settings
        What is calibrated, with `posterior` ``prior`` and `market` ``posting_only``.
    how : Inference
        How many simulations.
    tables : Path
        Folder of the table of the prior, which other calibrations share.
    folder : Path
        Of this search.
    threads : int
        Parallel surveys; does not affect results.
    progress : bool
        Show bars on the error stream.
    """
    names, seed = reference_table.structures(settings), settings.seed
    first = reference_table.table(settings, tables, how.simulations, threads, progress)
    parts, proposing = [first.iloc[: trained_rows(len(first))]], []
    for turn in range(1, how.rounds + 2):  # the last is that of the whole market
        net = _trained(folder / f"{turn}.npz", pd.concat(parts), names, seed + turn, progress)
        whole = turn > how.rounds
        count = how.market_simulations if whole else how.round_simulations
        path = folder / f"{turn}.parquet"
        if not path.exists():
            pool = weigh(settings, [net], POOL, seed + turn, trade=False)
            files.write_parquet(pool.table(pool.pick(count, seed + turn), names), path, COLUMNS)
        about = (settings, folder / f"{turn}", files.read_parquet(path), turn, threads, progress)
        if whole:
            simulated = whole_market(*about)
        else:
            proposing.append(net)
            parts.append(reference_table.proposed(*about).assign(round=turn))
    surveys = pd.concat([first.assign(round=0), *parts[1:]], ignore_index=True)
    known = pd.concat([*parts, simulated.iloc[how.held_out :].assign(trade=1.0)])
    known["trade"] = known["trade"].fillna(0.0)
    final = [
        _trained(folder / f"final_{n}.npz", known, names, seed - 1 - n, progress)
        for n in range(NETWORKS)
    ]
    return Search(surveys, simulated, proposing, final)


def _trained(
    path: Path, table: pd.DataFrame, names: list[str], seed: int, progress: bool
) -> Emulator:
    """Return the emulator of a file, or train it and write the file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        nets.train(table, names, seed, progress=progress).save(path)
    return nets.load(path)


def whole_settings(settings: Settings, row: pd.Series, trade_draw: int) -> Settings:
    """Return settings of the whole market with a draw of posting and one of trade.

    Parameters
    ----------
    settings : Settings
        What is calibrated.
    row : Series
        Structure and uncertain parameters of posting.
    trade_draw : int
        Number of the draw of trade.
    """
    of = replace(settings, market=FULL, posterior=presets.POSTERIOR)
    values = {key: float(row[key]) for key in priors.uncertain()}
    values |= posterior.trade_values(of, trade_draw)
    return priors.with_values(of, str(row["structure"]), values)


def whole_market(
    settings: Settings,
    folder: Path,
    drawn: pd.DataFrame,
    turn: int,
    threads: int,
    progress: bool,
) -> pd.DataFrame:
    """Simulate a survey of the whole market with each draw; row n has draw n of trade.

    Arguments and result are those of `reference_table.proposed`.
    """
    rows = [row for _, row in drawn.iterrows()]

    def jobs(number: int) -> tuple[Settings, int]:
        seed = rng.new_seed(settings.seed, Purpose.PARTICLE, number, turn)
        return whole_settings(settings, rows[number], number), seed

    simulate = simulation.statistics
    return reference_table.stored(folder, jobs, len(drawn), len(drawn), simulate, threads, progress)


# ---------------------------------------------------------------- the posterior


def tables(
    settings: Settings, how: Inference, found: Search, threads: int
) -> dict[str, pd.DataFrame]:
    """Sample the posterior and describe it.

    Parameters
    ----------
    settings, how, threads
        As of `search`.
    found : Search
        From `search`.

    Returns
    -------
    dict of str to DataFrame
        `posterior`, `structures`, `rounds`, `contraction`, `correlations`, `point` and
        `structure_fit`.
    """
    names = reference_table.structures(settings)
    pool = weigh(settings, found.final, FINAL_POOL, settings.seed, trade=True)
    drawn = draws(pool, names, how.draws, settings.seed)
    for key in settings.fixed:
        if key in drawn:
            drawn[key] = value_of(settings, key)  # which its share, rounded, is not to the bit
    chances = probabilities(pool, found.final, names)
    best = str(chances["structure"].iloc[int(chances["probability"].to_numpy().argmax())])
    return {
        "posterior": drawn,
        "structures": chances,
        "rounds": rounds(found),
        "contraction": contraction(settings, pool, names),
        "correlations": correlations(drawn),
        "point": point(found.final, drawn[drawn["structure"] == best], names),
        "structure_fit": structure_fit(settings, drawn, names, threads),
    }


def draws(pool: Pool, names: list[str], count: int, seed: int) -> pd.DataFrame:
    """Return equally many draws of the posterior of each structure.

    Returns
    -------
    DataFrame
        Columns structure, weight (equal, and adds up to 1 within a structure) and every uncertain
        parameter.
    """
    parts = []
    for code in range(len(names)):
        own = np.flatnonzero(pool.structures == code)
        part = Pool(pool.shares[own], pool.structures[own], pool.log_weights[own])
        parts.append(part.table(part.pick(count, seed + code), names))
    out = pd.concat(parts, ignore_index=True)
    out.insert(1, "weight", 1.0 / count)
    return out


def probabilities(pool: Pool, networks: Sequence[Emulator], names: list[str]) -> pd.DataFrame:
    """Return the probability of each structure with its Monte Carlo error.

    The error has two parts: the draws of the pool, and the training, measured by the differences
    between networks that were trained from different starts.

    Returns
    -------
    DataFrame
        Columns structure, probability, standard_error, log_evidence (of the published summaries,
        in nats), effective_draws.
    """
    weights = pool.weights
    shares, squares, logs = [], [], []
    for code in range(len(names)):
        own = pool.structures == code
        shares.append(weights[own].sum())
        squares.append((weights[own] ** 2).sum())
        logs.append(logsumexp(pool.log_weights[own]) - np.log(own.sum()))
    share, square = np.array(shares), np.array(squares)
    sampling = square * (1.0 - share) ** 2 + share**2 * (square.sum() - square)
    by_network = []
    for net in networks:
        log_weights = likelihood(net, pool.shares[:POOL], pool.structures[:POOL], trade=True)
        weight = np.exp(log_weights - logsumexp(log_weights))
        by_network.append(np.bincount(pool.structures[:POOL], weight, len(names)))
    training = np.var(by_network, axis=0, ddof=1) / len(networks)
    return pd.DataFrame(
        {
            "structure": names,
            "probability": share,
            "standard_error": np.sqrt(sampling + training),
            "log_evidence": logs,
            "effective_draws": share**2 / square,
        }
    )


def rounds(found: Search) -> pd.DataFrame:
    """Describe each round of the search.

    Returns
    -------
    DataFrame
        Columns round (0: the prior; the last: the whole market), simulations, like_published
        (share of the surveys in range with the events of the published one), unblocked (share
        in which none of the panel was blocked).
    """
    parts = [part for _, part in found.surveys.groupby("round")] + [found.whole]
    rows = []
    for number, part in enumerate(parts):
        seen = summaries.in_range(part) & summaries.events(part)
        rows.append(
            {
                "round": number,
                "simulations": len(part),
                "like_published": seen.mean(),
                "unblocked": part["panel_unblocked"].mean(),
            }
        )
    return pd.DataFrame(rows)


def contraction(settings: Settings, pool: Pool, names: list[str]) -> pd.DataFrame:
    """Compute how far the posterior of each parameter contracted from its prior.

    Returns
    -------
    DataFrame
        Columns structure, parameter, q05, median, q95 (of the posterior, in natural units),
        contraction (1 - variance after over variance before, of the share of the prior below the
        value; 0 without information), standard_error (of a variance among the effective draws),
        seen (whether the survey can inform the parameter in this structure: not if it does not act
        there, or acts on what the survey hardly sees; then the true contraction is about 0).
    """
    rows = []
    free = [key for key in priors.uncertain() if key not in settings.fixed]
    for code, name in enumerate(names):
        own = np.flatnonzero(pool.structures == code)
        part = Pool(pool.shares[own], pool.structures[own], pool.log_weights[own])
        weights, effective = part.weights, part.effective
        for place, (key, prior) in enumerate(priors.uncertain().items()):
            if key not in free:
                continue
            share = part.shares[:, place].astype(float)
            mean = weights @ share
            squares = (share - mean) ** 2
            variance = weights @ squares
            error = np.sqrt(max(weights @ squares**2 - variance**2, 0.0) / effective)
            ends = np.quantile(share, (0.05, 0.5, 0.95), weights=weights, method="inverted_cdf")
            low, median, high = priors.values(prior, ends)
            rows.append(
                {
                    "structure": name, "parameter": key, "q05": low, "median": median,
                    "q95": high, "contraction": 1.0 - 12.0 * variance,
                    "standard_error": 12.0 * error,
                    "seen": priors.acts(key, name) and key not in priors.HARDLY_SEEN,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def correlations(drawn: pd.DataFrame) -> pd.DataFrame:
    """Compute posterior correlations of the fitted parameters, of the shares of their priors.

    Returns
    -------
    DataFrame
        Columns structure, parameter_1, parameter_2, correlation; each pair once.
    """
    rows = []
    for name, own in drawn.groupby("structure", sort=False):
        keys = [key for key in priors.FITTED[str(name)] if own[key].nunique() > 1]
        shares = np.column_stack(
            [priors.shares(priors.uncertain()[key], own[key].to_numpy(float)) for key in keys]
        )
        found = np.atleast_2d(np.corrcoef(shares, rowvar=False))
        rows += [
            {"structure": name, "parameter_1": keys[i], "parameter_2": keys[j],
             "correlation": found[i, j]}
            for i in range(len(keys)) for j in range(i + 1, len(keys))
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["structure", "parameter_1", "parameter_2", "correlation"])


def point(networks: Sequence[Emulator], drawn: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the calibrated point: of the draws nearest to the mean, the likeliest.

    Nearness is in standard deviations of the fitted parameters.

    Parameters
    ----------
    networks : sequence of Emulator
        For the likelihoods.
    drawn : DataFrame
        Draws of the most probable structure.
    names : list of str
        The structures.

    Returns
    -------
    DataFrame
        Columns key (structure, then every uncertain parameter) and value, as text.
    """
    structure = str(drawn["structure"].iloc[0])
    shares = nets.shares_of(drawn)
    fitted = [place for place, key in enumerate(priors.uncertain())
              if key in priors.FITTED[structure]]  # fmt: skip
    spread = shares[:, fitted].std(axis=0)
    away = (shares[:, fitted] - shares[:, fitted].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    near = np.argsort((away**2).sum(axis=1), kind="stable")[:CANDIDATES]
    codes = nets.codes(drawn, names)[near]
    found = logsumexp([likelihood(net, shares[near], codes, True) for net in networks], axis=0)
    best = drawn.iloc[near[int(np.argmax(found))]]
    keys = ["structure", *priors.uncertain()]
    return pd.DataFrame({"key": keys, "value": [str(best[key]) for key in keys]})


def structure_fit(
    settings: Settings, drawn: pd.DataFrame, names: list[str], threads: int
) -> pd.DataFrame:
    """Compare predictions of each structure, for new panels, with the published survey.

    Returns
    -------
    DataFrame
        The columns of `survey.fit.fit`, of surveys of the whole market, and structure.
    """
    parts = []
    for code, name in enumerate(names):
        own = drawn[drawn["structure"] == name].iloc[:PREDICTED]
        jobs = [
            (
                whole_settings(settings, row, number),
                rng.new_seed(settings.seed, Purpose.PARTICLE, number, 1000 + code),
            )
            for number, (_, row) in enumerate(own.iterrows())
        ]
        values = simulation.statistics(jobs, threads)[list(statistics.STATISTICS)]
        parts.append(survey_fit.fit(values, pd.Series(range(len(own)))).assign(structure=name))
    return pd.concat(parts, ignore_index=True)


# ---------------------------------------------------------------- marginal distributions


def pooled(draws: pd.DataFrame, name: str, chance: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return values and weights of a parameter over the structures that fit it.

    Parameters
    ----------
    draws : DataFrame
        The posterior of posting.
    name : str
        The parameter.
    chance : Series
        Probability of each structure, by name.
    """
    own = chance[[name in priors.FITTED[structure] for structure in chance.index]]
    draws = draws[draws["structure"].isin(own.index)]
    odds = own if own.sum() > 0.0 else own + 1.0
    weight = (draws["weight"] * draws["structure"].map(odds)).to_numpy(float)
    return draws[name].to_numpy(float), weight


def quantiles(
    draws: pd.DataFrame, name: str, chance: pd.Series, levels: Sequence[float]
) -> list[float]:
    """Return weighted quantiles of a parameter over the structures that fit it (see `pooled`)."""
    values, weight = pooled(draws, name, chance)
    found: list[float] = np.quantile(values, levels, weights=weight, method="inverted_cdf").tolist()
    return found


def share_interval(share: float, error: float) -> np.ndarray:
    """Return the low end, the value and the high end of a share with its 90 % Monte Carlo error.

    Parameters
    ----------
    share : float
        The share.
    error : float
        Its standard error.
    """
    reach = STANDARD_ERRORS * error
    return np.clip([share - reach, share, share + reach], 0.0, 1.0)
