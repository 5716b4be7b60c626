"""Posting and risk with numpy: one array operation after the other, one stream."""

import numpy as np

from benchmarks.posting_and_risk import Days, Task

NAME = "numpy arrays"


def prepare(task: Task, seed: int) -> Days:
    """Return a function that simulates all days."""
    draw = np.random.default_rng(seed)
    risk = np.zeros(task.rates.size)

    def simulate() -> np.ndarray:
        posts = np.zeros(task.shocks.size, np.int64)
        for day, shock in enumerate(task.shocks):
            np.multiply(risk, task.fading, out=risk)
            if shock:
                hit = draw.random(risk.size) < task.chance
                risk[hit] += task.step * (1.0 - risk[hit])
            posts[day] = draw.poisson(task.rates * np.exp(-task.sensitivities * risk)).sum()
        return posts

    return simulate
