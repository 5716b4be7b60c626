"""Posting and risk with Starsim and numpy's stream instead of its Poisson distribution.

Without its common random numbers, which take most of its time: what remains is the framework.
"""

import numpy as np
import starsim as ss

from benchmarks.posting_and_risk import Days, Task, starsim_module

NAME = "Starsim module, numpy's stream"


class Posting(starsim_module.Posting):
    """The same with numpy's draws of posts."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task)
        self.stream = np.random.default_rng(seed)

    def number_of(self, uids: ss.uids) -> np.ndarray:
        """Draw the posts of a day."""
        return self.stream.poisson(self.mean(uids))


def prepare(task: Task, seed: int) -> Days:
    """Return a function that simulates all days."""
    return starsim_module.simulation(Posting(task, seed), seed)
