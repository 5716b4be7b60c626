"""Posterior sample calibrated to the 2015 survey.

Each run of a study samples the structure and every uncertain parameter from it, so that intervals
include parameter uncertainty. Two runs share each draw: the difference between them is stochastic
variability alone. The runs of `panel=again` have the draws and the seeds of accepted pairs instead
(see panel.py).
"""

import csv
import hashlib
import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from marketsim.errors import InputError, UnreadableFileError, unknown_name
from marketsim.numerics import rng
from marketsim.numerics.rng import Purpose
from marketsim.parameters import presets, priors
from marketsim.parameters.settings import POSTING_ONLY, Settings, value_of
from marketsim.parameters.traders import Recovery

NONE, PRIOR, POINT = "none", "prior", "point"
NAMES = (NONE, PRIOR, POINT, presets.POSTERIOR)
MIXTURE = "mixture"
RUNS_PER_DRAW = 2
PAIRS = "pairs.parquet"
PAIRS_SEED = 2015  # of the draws of trade in the pairs


class Draw(NamedTuple):
    """A draw: its number, the structure, and the values by dotted names."""

    number: int
    structure: str
    values: dict[str, float]


def folder(name: str = presets.POSTERIOR) -> Path:
    """Return the folder of a shipped calibration: in the package, or in its checkout."""
    shipped = presets.PACKAGE / "published" / name
    if shipped.is_dir():
        return shipped
    return presets.PACKAGE.parent / "results" / "published" / name


def _content(name: str, file: str) -> bytes:
    """Return the content of a file of a shipped calibration, checked against its manifest.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    path, manifest = folder(name) / file, folder(name) / "manifest.json"
    try:
        content = path.read_bytes()
        if manifest.exists():
            checksum = json.loads(manifest.read_bytes())["tables"][file]["sha256"]
            if hashlib.sha256(content).hexdigest() != checksum:
                raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        allowed = "missing, or its checksum is not that of manifest.json; reinstall marketsim"
        raise UnreadableFileError("posterior", path, allowed) from None
    return content


@cache
def draws() -> pd.DataFrame:
    """Return the shipped draws of posting.

    Returns
    -------
    DataFrame
        Columns structure, weight (adds up to 1 within a structure) and every uncertain parameter of
        posting by its dotted name.

    Raises
    ------
    InputError
        If a weight is not finite or negative, or all weights of a structure are 0.
    """
    table = pd.read_parquet(io.BytesIO(_content(presets.POSTERIOR, "posterior.parquet")))
    for structure, rows in table.groupby("structure"):
        _check_weights(rows["weight"], f"weights of {structure} in posterior.parquet")
    return table


@cache
def trade_draws() -> pd.DataFrame:
    """Return the shipped draws of trade.

    Returns
    -------
    DataFrame
        Columns weight, then the uncertain parameters of trade, at the time of the calibration,
        by their dotted names.

    Raises
    ------
    InputError
        If a weight is not finite or negative, or all are 0.
    """
    table = pd.read_parquet(io.BytesIO(_content(presets.TRADE_POSTERIOR, "posterior.parquet")))
    what = f"weights in posterior.parquet of {presets.TRADE_POSTERIOR}"
    _check_weights(table["weight"], what)
    known = priors.uncertain_trade()
    return table[[name for name in table if name == "weight" or name in known]]


def since() -> list[str]:
    """Return the uncertain parameters of trade that were declared after the calibration.

    The posterior predates this version of the model as far as they matter: it says nothing of
    them, and they are sampled from their priors.
    """
    return [key for key in priors.uncertain_trade() if key not in trade_draws()]


@cache
def pairs() -> pd.DataFrame:
    """Return the shipped pairs of a draw and a seed whose survey is like the published one.

    Returns
    -------
    DataFrame
        Columns structure, seed (of the run), trade (number of the draw of trade), distance (in
        half-widths), tries (surveys simulated for each that was accepted), and every uncertain
        parameter of posting by its dotted name.

    Raises
    ------
    InputError
        If the file is missing or damaged, or a pair has no such structure, parameter or seed.
    """
    content = _content(presets.POSTERIOR, PAIRS)
    try:
        table = pd.read_parquet(io.BytesIO(content))
        columns = [table[name] for name in ("seed", "trade", "tries")]
        is_sound = len(table) > 0 and all(
            column.dtype == np.int64 and column.min() >= 0 for column in columns
        )
        values = table[list(priors.uncertain())].to_numpy(float)
        known = table["structure"].isin(priors.STRUCTURES).all()
        if not is_sound or not known or not np.isfinite(values).all():
            raise ValueError(
                "not every pair has a structure, parameters, a seed and a draw of trade"
            )
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as fault:
        reason = f"{type(fault).__name__}: {fault}"
        raise UnreadableFileError("panel", folder() / PAIRS, reason) from None
    return table


@cache
def point() -> tuple[str, dict[str, float]]:
    """Return the calibrated point: a structure and its values."""
    posting, trade = (
        csv.reader(_content(name, "point.csv").decode("utf-8").splitlines())
        for name in (presets.POSTERIOR, presets.TRADE_POSTERIOR)
    )
    _, (_, structure), *rows = posting
    _, *trade_rows = trade
    known = priors.everything()
    return structure, {key: float(text) for key, text in rows + trade_rows if key in known}


@cache
def probabilities() -> dict[str, float]:
    """Return the posterior probability of each structure."""
    table = pd.read_csv(io.BytesIO(_content(presets.POSTERIOR, "structures.csv")))
    _check_weights(table["probability"], "probabilities in structures.csv")
    return {str(name): float(p) for name, p in table[["structure", "probability"]].to_numpy()}


def _check_weights(weights: pd.Series, what: str) -> None:
    of = weights.to_numpy(float)
    if not np.isfinite(of).all() or of.min() < 0.0 or of.sum() == 0.0:
        allowed = f"one whose {what} are finite, not negative and not all 0"
        raise InputError("posterior", presets.POSTERIOR, allowed)


def fingerprint(name: str, trade: bool = True, again: bool = False) -> str:
    """Return a hash over all that a draw depends on.

    Parameters
    ----------
    name : str
        The posterior.
    trade : bool
        Whether trade is sampled.
    again : bool
        Whether runs are pairs of a draw and a seed.
    """
    digest = hashlib.sha256()
    if name == presets.POSTERIOR or name == POINT:
        for file in ("posterior.parquet", "structures.csv", "point.csv"):
            digest.update(_content(presets.POSTERIOR, file))
        for file in ("posterior.parquet", "point.csv") if trade else ():
            digest.update(_content(presets.TRADE_POSTERIOR, file))
        if again:
            digest.update(_content(presets.POSTERIOR, PAIRS))
    if name != NONE:
        for structure in priors.STRUCTURES:
            digest.update(repr(presets.choice("recovery", structure)).encode())
        digest.update(repr(priors.everything()).encode())
    return digest.hexdigest()


def check(settings: Settings) -> None:
    """Check that a posterior can be sampled with these settings.

    Raises
    ------
    InputError
        For an unknown posterior or structure, invalid weights, a parameter that is sampled and also
        set but not fixed, or a fixed parameter that is not sampled.
    """
    name, structure = settings.posterior, settings.recovery.name
    if name not in NAMES:
        raise unknown_name("posterior", name, NAMES)
    if name == NONE:
        if structure == MIXTURE:
            allowed = f"one of {', '.join(priors.STRUCTURES)} with posterior=none"
            raise InputError("recovery", MIXTURE, allowed)
        return
    _check_files(name, settings.market != POSTING_ONLY)
    known = (MIXTURE, point()[0]) if name == POINT else (MIXTURE, *priors.STRUCTURES)
    if structure not in known or settings.recovery != Recovery(
        **presets.choice("recovery", structure)
    ):
        allowed = f"{', '.join(known)}, unchanged; or posterior=none for one of your own"
        raise InputError("recovery", structure, allowed)
    for key in settings.fixed:
        if key not in priors.everything():
            raise InputError(
                "fixed", key, "names of parameters that have a prior (docs/parameters.md)"
            )
    reference, kept = Settings(), priors.kept_parameters(settings)
    for key in priors.everything():
        value = value_of(settings, key)
        if value != value_of(reference, key) and key not in kept:
            allowed = f"fixed=[{key}] as well, or posterior=none; otherwise it is sampled"
            raise InputError(key, value, allowed)


def _check_files(name: str, trade: bool) -> None:
    """Check that the files of a posterior can be read."""
    try:
        if name == presets.POSTERIOR:
            draws()
            probabilities()
            if trade:
                trade_draws()
        elif name == POINT:
            point()
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as fault:
        reason = f"{type(fault).__name__}: {fault}"
        raise UnreadableFileError("posterior", f"posterior {name}", reason) from None


def draw(settings: Settings, number: int) -> Draw:
    """Sample a draw, a function of the seed and the number alone.

    Parameters
    ----------
    settings : Settings
        `posterior`, `recovery.name` and `seed` are read; checked by `check`.
    number : int
        Number of the draw.

    Returns
    -------
    Draw
        Of the chosen structure, or of one sampled by its probability.
    """
    structure, seed = settings.recovery.name, settings.seed
    if settings.posterior == NONE:
        return Draw(0, structure, {})
    if settings.posterior == POINT:
        return Draw(0, *point())
    if structure == MIXTURE:
        odds = probabilities() if settings.posterior != PRIOR else dict.fromkeys(priors.FITTED, 1.0)
        structure = list(odds)[pick(np.array(list(odds.values())), seed, Purpose.STRUCTURE, number)]
    if settings.posterior == PRIOR:
        return Draw(
            number,
            structure,
            priors.sample(priors.uncertain(), seed, number) | trade_values(settings, number),
        )
    mine = draws()[draws()["structure"] == structure]
    row = pick(mine["weight"].to_numpy(), seed, Purpose.DRAW, number)
    values = {key: float(mine[key].iloc[row]) for key in priors.uncertain()}
    return Draw(number, structure, values | trade_values(settings, number))


def pair(settings: Settings, number: int) -> tuple[int, Draw]:
    """Return the seed and the draw of a shipped pair.

    Parameters
    ----------
    settings : Settings
        `posterior` and `market` are read; checked by `panel.check`.
    number : int
        Number of the pair.
    """
    row = pairs().iloc[number]
    values = {key: float(row[key]) for key in priors.uncertain()}
    of_trade = trade_values(replace(settings, seed=PAIRS_SEED), int(row["trade"]))
    return int(row["seed"]), Draw(number, str(row["structure"]), values | of_trade)


def trade_values(settings: Settings, number: int) -> dict[str, float]:
    """Sample the uncertain parameters of trade; none in a market without trade."""
    if settings.market == POSTING_ONLY:
        return {}
    if settings.posterior == PRIOR:
        return priors.sample(priors.uncertain_trade(), settings.seed, number)
    weights = trade_draws()["weight"].to_numpy()
    row = trade_draws().iloc[pick(weights, settings.seed, Purpose.TRADE_DRAW, number)]
    known = {key: float(row[key]) for key in priors.uncertain_trade() if key in row}
    later = {key: priors.uncertain_trade()[key] for key in since()}
    return known | priors.sample(later, settings.seed, number)


def pick(weights: np.ndarray, seed: int, purpose: Purpose, number: int) -> int:
    """Sample an index by weight, a function of seed, purpose and number alone."""
    return weighted_index(weights, rng.uniform(seed, int(purpose), 0, number, 0))


def weighted_index(weights: np.ndarray, u: float) -> int:
    """Return the index at which the share `u` of all weights, shape (n,), is reached."""
    edges = np.cumsum(weights)
    return min(int(np.searchsorted(edges, u * edges[-1], side="right")), weights.size - 1)


def settings_of(settings: Settings, drawn: Draw) -> Settings:
    """Return the settings of a run with its sampled parameters."""
    if settings.posterior == NONE:
        return settings
    return priors.with_values(settings, drawn.structure, drawn.values)
