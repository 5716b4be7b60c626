"""Posting and risk with mesa-frames: agents are rows of a Polars frame."""

from functools import partial

import numpy as np
import polars as pl
from mesa_frames import AgentSetPolars, ModelDF

from benchmarks.posting_and_risk import Days, Task

NAME = "mesa-frames columns"


class Traders(AgentSetPolars):
    """All traders."""

    def __init__(self, model: "Market") -> None:
        super().__init__(model)
        size = model.task.rates.size
        columns = {"unique_id": np.arange(size), "rate": model.task.rates}
        columns |= {"sensitivity": model.task.sensitivities, "risk": np.zeros(size)}
        self += pl.DataFrame(columns)

    def step(self) -> None:
        """Simulate one day, in the shortest way that the package's guide shows."""
        task, draw = self.model.task, self.model.random
        risk = pl.col("risk") * task.fading
        if self.model.shock:
            hit = pl.Series(draw.random(len(self.agents)) < task.chance)
            risk = pl.when(hit).then(risk + task.step * (1.0 - risk)).otherwise(risk)
        self.agents = self.agents.with_columns(risk=risk)
        mean = pl.col("rate") * (-pl.col("sensitivity") * pl.col("risk")).exp()
        self.model.posts = int(draw.poisson(self.agents.select(mean).to_series().to_numpy()).sum())


class Market(ModelDF):
    """The model around them."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(seed)
        self.task, self.shock, self.posts = task, False, 0
        self.agents += Traders(self)


def prepare(task: Task, seed: int) -> Days:
    """Return a function that simulates all days."""
    return partial(_simulate, Market(task, seed))


def _simulate(model: Market) -> np.ndarray:
    posts = np.zeros(model.task.shocks.size, np.int64)
    for day, shock in enumerate(model.task.shocks):
        model.shock = bool(shock)
        model.step()
        posts[day] = model.posts
    return posts
