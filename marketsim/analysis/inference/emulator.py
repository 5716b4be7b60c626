"""Neural synthetic likelihood: the likelihood of a survey, learned from simulated ones.

A network takes structure and parameters to the mean and the covariance of the summaries of a survey
in range (`summaries`), which are taken as normal, and to the probability that a survey is in range
and saw the events of the published one. So the likelihood of the published survey is the product of
that probability and a normal density (Wood 2010, doi:10.1038/nature09319; Papamakarios, Sterratt &
Murray 2019, Sequential Neural Likelihood). What the report prints vaguely is added as noise to the
simulated summaries, not to the published ones.

Surveys of the panel market are many, those of the whole market with trade few: one network learns
both, with a mark that says which it is given, and is asked for the whole market.

JAX and optax, which are imported only where they are used, train it.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from marketsim.analysis.inference import summaries
from marketsim.analysis.inference.summaries import Design
from marketsim.parameters import priors
from marketsim.simulation import files
from marketsim.simulation.progress import bar as progress_bar

WIDTH, LAYERS = 128, 3  # of the network
BATCH = 512  # surveys in a step of the training
EPOCHS = 40  # times that training sees every survey
RATE = 2e-3  # of learning at the start; it falls to 0 along a cosine
DECAY = 1e-4  # of weights
HELD_OUT = 0.05  # share of the surveys that only chooses among epochs
FARTHEST = 6.0  # standard deviations beyond which a summary is clipped in training
EDGE = 1e-4  # shares of priors are clipped to this distance inside 0 and 1
CHUNK = 50_000  # rows evaluated together


class Moments(NamedTuple):
    """What the emulator says of surveys with given parameters.

    mean : ndarray, shape (rows, summaries), of the summaries in range.
    root : ndarray, shape (rows, summaries, summaries), lower triangular: root @ root.T is the
        inverse of their covariance.
    log_chance : ndarray, shape (rows,), logarithm of the probability of range and events.
    """

    mean: np.ndarray
    root: np.ndarray
    log_chance: np.ndarray

    @property
    def precision(self) -> np.ndarray:
        """Inverses of the covariances, float64, shape (rows, summaries, summaries)."""
        root = self.root.astype(float)
        return np.asarray(root @ root.transpose(0, 2, 1))


class Emulator(NamedTuple):
    """A trained network. `center`, `scale`: of the summaries; `names`: the structures."""

    names: tuple[str, ...]
    center: np.ndarray
    scale: np.ndarray
    weights: list[Any]

    def save(self, path: Path) -> None:
        """Write the network to a file, from which `load` reads it."""
        arrays = {f"{part}{n}": one for n, pair in enumerate(self.weights)
                  for part, one in zip(("matrix", "shift"), pair, strict=True)}  # fmt: skip
        with files.atomic_path(path) as beside, beside.open("wb") as stream:
            np.savez(stream, names=self.names, center=self.center, scale=self.scale, **arrays)


def load(path: Path) -> Emulator:
    """Read a network from a file of `Emulator.save`."""
    with np.load(path, allow_pickle=False) as found:
        layers = sum(name.startswith("matrix") for name in found)
        weights = [[found[f"matrix{n}"], found[f"shift{n}"]] for n in range(layers)]
        names = tuple(str(name) for name in found["names"])
        return Emulator(names, found["center"], found["scale"], weights)


def shares_of(table: pd.DataFrame) -> np.ndarray:
    """Return the share of the prior below each uncertain parameter, shape (rows, parameters)."""
    columns = [
        priors.shares(prior, table[name].to_numpy(float))
        for name, prior in priors.uncertain().items()
    ]
    return np.column_stack(columns)


def train(
    table: pd.DataFrame,
    names: Sequence[str],
    seed: int,
    design: Design = summaries.FITTED,
    progress: bool = False,
) -> Emulator:
    """Train an emulator on simulated surveys.

    Parameters
    ----------
    table : DataFrame
        From `reference_table`: structure, parameters, statistics, and `trade`, whether the survey
        is of the whole market with trade (default: of none).
    names : sequence of str
        The structures that compete.
    seed : int
        Of the first weights and of the order of the surveys.
    design : Design
        The summaries.
    progress : bool
        Show a bar on the error stream.

    Returns
    -------
    Emulator
        Not equal to the bit on another machine: how sums are ordered there differs.
    """
    import jax
    import jax.numpy as jnp
    import optax

    random = np.random.default_rng(seed)
    seen = summaries.in_range(table) & summaries.events(table)
    x = np.where(seen[:, None], design.transform(table), 0.0)
    x += seen[:, None] * design.vagueness * random.standard_normal(x.shape)
    center, scale = x[seen].mean(axis=0), x[seen].std(axis=0)
    z = np.clip((x - center) / scale, -FARTHEST, FARTHEST).astype(np.float32)
    with_trade = table["trade"].to_numpy(float) if "trade" in table else np.zeros(len(table))
    features = _features(shares_of(table), codes(table, names), with_trade, names)
    happens = seen.astype(np.float32)
    size = x.shape[1]
    sizes = [features.shape[1], *[WIDTH] * LAYERS, size + size * (size + 1) // 2 + 1]
    weights = _first_weights(sizes, random)
    order = random.permutation(len(x))
    held, trained = order[: int(HELD_OUT * len(x))], order[int(HELD_OUT * len(x)) :]
    steps = max(len(trained) // BATCH, 1)  # all at once where they are fewer
    rule = optax.adamw(optax.cosine_decay_schedule(RATE, EPOCHS * steps), weight_decay=DECAY)

    def loss(weights: Any, inputs: Any, z: Any, happens: Any) -> Any:
        mean, root, odds = _outputs(jnp, _network(jnp, weights, inputs), size)
        off = jnp.einsum("bij,bi->bj", root, z - mean)
        density = jnp.log(jnp.diagonal(root, axis1=1, axis2=2)).sum(1) - 0.5 * (off**2).sum(1)
        return jnp.mean(jnp.logaddexp(0.0, odds) - happens * (odds + density))

    @jax.jit
    def step(weights: Any, state: Any, inputs: Any, z: Any, happens: Any) -> Any:
        slope = jax.grad(loss)(weights, inputs, z, happens)
        moves, state = rule.update(slope, state, weights)
        return optax.apply_updates(weights, moves), state

    judge = jax.jit(loss)
    state, best, kept = rule.init(weights), np.inf, weights
    with progress_bar(EPOCHS, "epoch of training", progress) as bar:
        for _ in range(EPOCHS):
            shuffled = random.permutation(trained)
            for start in range(0, steps * BATCH, BATCH):
                at = shuffled[start : start + BATCH]
                weights, state = step(weights, state, features[at], z[at], happens[at])
            found = float(judge(weights, features[held], z[held], happens[held]))
            if found < best:
                best, kept = found, weights
            bar.update(1)
    return Emulator(tuple(names), center, scale, jax.tree.map(np.asarray, kept))


def codes(table: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return the place of the structure of each row among the names."""
    place = {name: code for code, name in enumerate(names)}
    return table["structure"].map(place).to_numpy(np.int64)


def _features(
    shares: np.ndarray, structures: np.ndarray, trade: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """Return the inputs of the network; a parameter that cannot act in a structure is none."""
    acts = np.array([[priors.acts(key, name) for key in priors.uncertain()] for name in names])
    scores = ndtri(np.clip(shares, EDGE, 1.0 - EDGE)) * acts[structures]
    inputs = [scores, np.eye(len(names))[structures], trade[:, None]]
    return np.concatenate(inputs, axis=1).astype(np.float32)


def _first_weights(sizes: Sequence[int], random: np.random.Generator) -> list[Any]:
    weights = []
    for rows, columns in itertools.pairwise(sizes):
        spread = np.sqrt(1.6 / rows) * (0.1 if columns == sizes[-1] else 1.0)
        first = spread * random.standard_normal((rows, columns))
        weights.append([first.astype(np.float32), np.zeros(columns, np.float32)])
    return weights


def _network(xp: Any, weights: Any, x: Any) -> Any:
    """Return the last layer; the others are added to what they are given, where shapes allow."""
    for matrix, shift in weights[:-1]:
        inner = x @ matrix + shift
        inner = inner / (1.0 + xp.exp(-xp.clip(inner, -60.0, 60.0)))
        x = inner if inner.shape != x.shape else x + inner
    matrix, shift = weights[-1]
    return x @ matrix + shift


def _outputs(xp: Any, last: Any, size: int) -> tuple[Any, Any, Any]:
    """Return mean, root of the precision, and the logit of the chance of range and events."""
    below = np.zeros((size, size), int)
    below[np.tril_indices(size)] = np.arange(size * (size + 1) // 2)
    root = last[:, size:-1][:, below] * np.tri(size, k=-1, dtype=np.float32)
    diagonal = xp.exp(xp.clip(last[:, size:-1][:, np.diag(below)], -5.0, 5.0))
    return last[:, :size], root + diagonal[:, :, None] * np.eye(size, dtype=np.float32), last[:, -1]


def moments(
    emulator: Emulator, shares: np.ndarray, structures: np.ndarray, trade: bool = True
) -> Moments:
    """Evaluate the emulator.

    Parameters
    ----------
    emulator : Emulator
        From `train`.
    shares : ndarray of float64, shape (rows, parameters)
        From `shares_of`.
    structures : ndarray of int64, shape (rows,)
        From `codes`.
    trade : bool
        Of surveys of the whole market with trade.

    Returns
    -------
    Moments
        On the scale of the summaries, float32.
    """
    size, found = emulator.center.size, []
    for start in range(0, len(shares), CHUNK):
        rows = slice(start, start + CHUNK)
        mark = np.full(len(shares[rows]), float(trade))
        inputs = _features(shares[rows], structures[rows], mark, emulator.names)
        found.append(_outputs(np, _network(np, emulator.weights, inputs), size))
    mean, root, odds = (np.concatenate(parts) for parts in zip(*found, strict=True))
    scale = emulator.scale.astype(np.float32)
    return Moments(
        mean * scale + emulator.center.astype(np.float32),
        root / scale[:, None],
        -np.logaddexp(0.0, -odds.astype(float)),
    )


def log_likelihood(of: Moments, survey: np.ndarray) -> np.ndarray:
    """Return the logarithm of the likelihood of a survey, shape (rows,).

    Parameters
    ----------
    of : Moments
        Of the parameters, from `moments`.
    survey : ndarray of float64, shape (summaries,)
        In range, with the events.
    """
    off = np.einsum("bij,bi->bj", of.root, survey.astype(np.float32) - of.mean)
    density = np.log(np.einsum("bii->bi", of.root)).sum(axis=1) - 0.5 * (off**2).sum(axis=1)
    return of.log_chance + density.astype(float)


def spreads(of: Moments) -> np.ndarray:
    """Return the standard deviations of the summaries, shape (rows, summaries)."""
    inverse = np.linalg.inv(of.root.astype(float))
    return np.asarray(np.sqrt((inverse**2).sum(axis=1)))
