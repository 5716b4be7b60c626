"""Posting and risk with Mesa 3: an agent is an object with a step."""

import math
from functools import partial

import mesa
import numpy as np

from benchmarks.posting_and_risk import Days, Task

NAME = "Mesa objects"


class Trader(mesa.Agent):
    """A trader."""

    def __init__(self, model: "Traders", rate: float, sensitivity: float) -> None:
        super().__init__(model)
        self.rate, self.sensitivity, self.risk = rate, sensitivity, 0.0

    def step(self) -> None:
        """Simulate one day."""
        model = self.model
        risk = self.risk * model.task.fading
        if model.shock and model.random.random() < model.task.chance:
            risk += model.task.step * (1.0 - risk)
        self.risk = risk
        model.posts += self.posts(self.rate * math.exp(-self.sensitivity * risk))

    def posts(self, mean: float) -> int:
        """Return a Poisson number by products of uniforms (Knuth)."""
        limit, product, number = math.exp(-mean), self.model.random.random(), 0
        while product > limit:
            product *= self.model.random.random()
            number += 1
        return number


class Traders(mesa.Model):
    """All traders."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(rng=seed)
        self.task, self.shock, self.posts = task, False, 0
        Trader.create_agents(
            self, task.rates.size, task.rates.tolist(), task.sensitivities.tolist()
        )

    def step(self) -> None:
        """Simulate one day; agents do not interact, so that their order needs no draw."""
        self.shock, self.posts = bool(self.task.shocks[self.steps - 1]), 0
        self.agents.do("step")


def prepare(task: Task, seed: int) -> Days:
    """Return a function that simulates all days."""
    return partial(_simulate, Traders(task, seed))


def _simulate(model: Traders) -> np.ndarray:
    posts = np.zeros(model.task.shocks.size, np.int64)
    for day in range(posts.size):
        model.step()
        posts[day] = model.posts
    return posts
