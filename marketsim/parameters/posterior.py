"""The shipped posterior: what the survey of 2015 leaves of what is uncertain.

A study draws the structure and every uncertain parameter of a run from here, so that its
intervals carry what is not known beside luck. Two runs share each draw: what differs between them
is luck alone, which tells the two apart.
"""

import csv
import hashlib
import io
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from marketsim.errors import InputError
from marketsim.numerics import rng
from marketsim.numerics.rng import Purpose
from marketsim.parameters import presets, priors
from marketsim.parameters.settings import POSTS, Settings, value_of
from marketsim.parameters.traders import Recovery

NONE, PRIOR, POINT = "none", "prior", "point"
NAMES = (NONE, PRIOR, POINT, presets.POSTERIOR)
MIXTURE = "mixture"
RUNS_PER_DRAW = 2


class Draw(NamedTuple):
    """What one draw says: its number, the structure, and the values by dotted names."""

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
    """Return what a file of a shipped calibration holds, as the manifest beside it says it does.

    Raises
    ------
    InputError
        Where it is not there or damaged.
    """
    path, manifest = folder(name) / file, folder(name) / "manifest.json"
    try:
        content = path.read_bytes()
        if manifest.exists():
            told = json.loads(manifest.read_bytes())["tables"][file]["sha256"]
            if hashlib.sha256(content).hexdigest() != told:
                raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError("posterior", path, "the file that its manifest.json names") from None
    return content


@cache
def draws() -> pd.DataFrame:
    """Return the shipped draws.

    Returns
    -------
    DataFrame
        Columns structure, weight (adds up to 1 within a structure), seed, generation, then every
        uncertain parameter by its dotted name and the statistics of a survey simulated with it.

    Raises
    ------
    InputError
        Where a weight is not a number of 0 or more, or a structure has no weight at all.
    """
    table = pd.read_parquet(io.BytesIO(_content(presets.POSTERIOR, "posterior.parquet")))
    for structure, rows in table.groupby("structure"):
        _check_weights(rows["weight"], f"weights of {structure} in posterior.parquet")
    return table


@cache
def trade_draws() -> pd.DataFrame:
    """Return the shipped draws of the chain.

    Returns
    -------
    DataFrame
        Columns weight, then every uncertain parameter of the chain by its dotted name.

    Raises
    ------
    InputError
        Where a weight is not a number of 0 or more, or there is no weight at all.
    """
    table = pd.read_parquet(io.BytesIO(_content(presets.TRADE_POSTERIOR, "posterior.parquet")))
    what = f"weights in posterior.parquet of {presets.TRADE_POSTERIOR}"
    _check_weights(table["weight"], what)
    return table


@cache
def point() -> tuple[str, dict[str, float]]:
    """Return the calibrated point: a structure and its values, for work with a single market."""
    posting, chain = (
        csv.reader(_content(name, "point.csv").decode("utf-8").splitlines())
        for name in (presets.POSTERIOR, presets.TRADE_POSTERIOR)
    )
    _, (_, structure), *rows = posting
    _, *trade = chain
    return structure, {key: float(text) for key, text in rows + trade}


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


def fingerprint(name: str, trade: bool = True) -> str:
    """Return a hash over all that a draw depends on; `trade` says whether the chain is drawn."""
    digest = hashlib.sha256()
    if name == presets.POSTERIOR or name == POINT:
        for file in ("posterior.parquet", "structures.csv", "point.csv"):
            digest.update(_content(presets.POSTERIOR, file))
        for file in ("posterior.parquet", "point.csv") if trade else ():
            digest.update(_content(presets.TRADE_POSTERIOR, file))
    if name != NONE:
        for structure in priors.STRUCTURES:
            digest.update(repr(presets.choice("recovery", structure)).encode())
        digest.update(repr(priors.everything()).encode())
    return digest.hexdigest()


def check(settings: Settings) -> None:
    """Refuse settings that a draw would silently overwrite, or that leave the structure open.

    Raises
    ------
    InputError
        For an unknown posterior, one with weights that cannot be drawn by, a structure it does not
        know, a parameter that is drawn and also set but not held, or a name among the held that is
        not drawn.
    """
    name, structure = settings.posterior, settings.recovery.name
    if name not in NAMES:
        raise InputError("posterior", name, ", ".join(NAMES))
    if name == NONE:
        if structure == MIXTURE:
            allowed = f"one of {', '.join(priors.STRUCTURES)}, where posterior=none"
            raise InputError("recovery", MIXTURE, allowed)
        return
    _check_files(name, settings.market != POSTS)
    known = (MIXTURE, point()[0]) if name == POINT else (MIXTURE, *priors.STRUCTURES)
    if structure not in known or settings.recovery != Recovery(
        **presets.choice("recovery", structure)
    ):
        allowed = f"{', '.join(known)} as they are; for one of your own posterior=none"
        raise InputError("recovery", structure, allowed)
    for key in settings.held:
        if key not in priors.everything():
            raise InputError("held", key, "names of parameters with a prior (docs/parameters.md)")
    reference = Settings()
    for key in priors.everything():
        value = value_of(settings, key)
        if value != value_of(reference, key) and key not in settings.held:
            allowed = f"held=[{key}] beside it, or posterior=none; else it is drawn"
            raise InputError(key, value, allowed)


def _check_files(name: str, trade: bool) -> None:
    """Refuse the files of a posterior where they cannot be read as one."""
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
        told = f"one whose files can be read ({type(fault).__name__}: {fault})"
        raise InputError("posterior", name, told) from None


def draw(settings: Settings, number: int) -> Draw:
    """Return a draw, a function of the seed and the number alone.

    Parameters
    ----------
    settings : Settings
        `posterior`, `recovery.name` and `seed` are read; checked by `check`.
    number : int
        Which draw.

    Returns
    -------
    Draw
        Of the structure chosen, or of any by its probability.
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
            priors.sample(priors.uncertain(), seed, number) | _trade(settings, number),
        )
    mine = draws()[draws()["structure"] == structure]
    row = pick(mine["weight"].to_numpy(), seed, Purpose.DRAW, number)
    values = {key: float(mine[key].iloc[row]) for key in priors.uncertain()}
    return Draw(number, structure, values | _trade(settings, number))


def _trade(settings: Settings, number: int) -> dict[str, float]:
    """Draw what is uncertain of the chain, beside the posting side; without trade, nothing."""
    if settings.market == POSTS:
        return {}
    if settings.posterior == PRIOR:
        return priors.sample(priors.uncertain_trade(), settings.seed, number)
    weights = trade_draws()["weight"].to_numpy()
    row = pick(weights, settings.seed, Purpose.TRADE_DRAW, number)
    return {key: float(trade_draws()[key].iloc[row]) for key in priors.uncertain_trade()}


def pick(weights: np.ndarray, seed: int, purpose: Purpose, number: int) -> int:
    """Return a place drawn by weight, a function of seed, purpose and number alone."""
    return place(weights, rng.uniform(seed, int(purpose), 0, number, 0))


def place(weights: np.ndarray, u: float) -> int:
    """Return the place at which the share `u` of all weights, shape (n,), is reached."""
    edges = np.cumsum(weights)
    return min(int(np.searchsorted(edges, u * edges[-1], side="right")), weights.size - 1)


def settings_of(settings: Settings, drawn: Draw) -> Settings:
    """Return the settings of one run: those given, with what was drawn in its place."""
    if settings.posterior == NONE:
        return settings
    return priors.put(settings, drawn.structure, drawn.values)
