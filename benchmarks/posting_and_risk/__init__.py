"""Posting and risk alone: the same small model written for several frameworks.

Every agent has a rate of posting and a sensitivity. Each day perceived risk fades by a fixed
factor; on days of a shock each agent is hit at random, and risk rises by a step of what is left to
1; then the agent posts a Poisson number with mean rate * exp(-sensitivity * risk). What comes out
is the posts of each day. Risk is 0 at first.

A version is a module with a NAME and a function ``prepare(task, seed)``, which makes its agents
and returns a function that simulates all days and returns the posts of each. Only that function is
timed.
"""

import importlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

DAYS = 148
SHOCKS = (84, 91, 112)
OURS = "counters"
VERSIONS = (
    *(OURS, "arrays", "mesa_objects", "mesa_frames_columns", "starsim_module", "starsim_streams"),
)
FRAMEWORKS = ("mesa_frames", "polars", "starsim")  # optional


class Task(NamedTuple):
    """Input of all versions."""

    rates: np.ndarray
    sensitivities: np.ndarray
    fading: float
    chance: float
    step: float
    shocks: np.ndarray


Days = Callable[[], np.ndarray]


def task_of(agents: int, half_life: float = 16.0) -> Task:
    """Return the task for so many agents, who are the same for every version.

    Parameters
    ----------
    agents : int
        How many.
    half_life : float
        Days in which risk halves.
    """
    draw = np.random.default_rng(2015)
    shocks = np.zeros(DAYS, np.bool_)
    shocks[list(SHOCKS)] = True
    return Task(
        rates=draw.gamma(1.0, 1.0, agents),
        sensitivities=2.0 * np.exp(0.5 * draw.standard_normal(agents)),
        fading=float(np.exp(-np.log(2.0) / half_life)),
        chance=0.5,
        step=0.6,
        shocks=shocks,
    )


def present() -> dict[str, ModuleType]:
    """Return the versions whose framework is installed, by name of the module."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when it is imported
    os.environ.setdefault("STARSIM_INSTALL_FONTS", "0")
    out = {}
    for name in VERSIONS:
        try:
            out[name] = importlib.import_module(f"benchmarks.posting_and_risk.{name}")
        except ModuleNotFoundError as fault:
            if fault.name not in FRAMEWORKS:
                raise
    return out
