"""Posting and risk with Starsim: a module with states and distributions."""

import numpy as np
import starsim as ss

from benchmarks.posting_and_risk import Days, Task

NAME = "Starsim module"


class Posting(ss.Module):
    """Daily posting of a person."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self.define_states(
            ss.FloatArr("rate", default=0.0),
            ss.FloatArr("sensitivity", default=0.0),
            ss.FloatArr("risk", default=0.0),
        )
        self.hit = ss.bernoulli(p=task.chance)
        self.number = ss.poisson(lam=lambda self, sim, uids: self.mean(uids))

    def init_results(self) -> None:
        """Announce the posts of a day."""
        super().init_results()
        self.define_results(ss.Result("posts", dtype=int))

    def init_post(self) -> None:
        """Set the rate and sensitivity of each person."""
        super().init_post()
        self.rate[:], self.sensitivity[:] = self.task.rates, self.task.sensitivities

    def mean(self, uids: ss.uids) -> np.ndarray:
        """Return the posts to be expected."""
        return np.asarray(self.rate[uids] * np.exp(-self.sensitivity[uids] * self.risk[uids]))

    def number_of(self, uids: ss.uids) -> np.ndarray:
        """Draw the posts of a day."""
        return self.number.rvs(uids)

    def step(self) -> None:
        """Simulate one day."""
        self.risk[:] = self.risk * self.task.fading
        if self.task.shocks[self.ti]:
            hit = self.hit.filter()
            self.risk[hit] = self.risk[hit] + self.task.step * (1.0 - self.risk[hit])
        self.results.posts[self.ti] = self.number_of(self.sim.people.auids).sum()


def prepare(task: Task, seed: int) -> Days:
    """Return a function that simulates all days."""
    return simulation(Posting(task), seed)


def simulation(posting: Posting, seed: int) -> Days:
    """Return a function that simulates all days of a module."""
    days = posting.task.shocks.size
    sim = ss.Sim(
        n_agents=posting.task.rates.size,
        modules=posting,
        start=ss.days(0),
        dur=ss.days(days - 1),
        dt=ss.days(1),
        rand_seed=seed,
        verbose=0,
    )
    sim.init()

    def simulate() -> np.ndarray:
        sim.run()
        return np.asarray(sim.results.posting.posts, np.int64)

    return simulate
