"""Starsim with numpy's stream in place of its Poisson distribution, which costs the most there.

Its common random numbers are given up for it: what is left is the framework itself.
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
    """Return a function that lives all days."""
    return starsim_module.living(Posting(task, seed), seed)
