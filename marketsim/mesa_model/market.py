"""One market as a Mesa model, and its checkpoints."""

import copy
import datetime as dt
import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import mesa
import numpy as np
from mesa.agent import AgentSet

from marketsim.commands.keywords import run_command
from marketsim.errors import InputError, UnreadableFileError, WrongTypeError
from marketsim.mesa_model.agents import AgentList, AgentsByType, Buyer, Registry, Retailer
from marketsim.model import observer
from marketsim.model.ledger import MILLIGRAMS
from marketsim.model.market import advance, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import Channel, Flow, MarketState, Stock, TradeCounter
from marketsim.numerics.jit import source_fingerprint
from marketsim.parameters import panel, posterior
from marketsim.parameters.settings import AGAIN, NEW, Settings, from_tree, to_tree
from marketsim.simulation import files

# exceptions of numpy, zip and JSON for a file that is damaged or not a checkpoint
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


class Market(mesa.Model):
    """The online ivory market of one run, usable as any Mesa model.

    Parameters
    ----------
    settings : Settings, optional
        As `marketsim.settings` returns them; by default those that the keywords describe.
    rng : int, optional
        Another name of `seed`, which Mesa uses from 3.4 on.
    **kwargs
        ``seed``: seed of the run, which is of a new panel. By default it is that of the settings;
        with ``panel="again"`` the run is the first pair. Without `settings` also the keywords of
        `marketsim.settings`: ``population="survey"``, ``**{"retail.margin": 0.5}``.

    Attributes
    ----------
    datacollector : mesa.DataCollector
        Collects at the end of each `step`; as made, one row of scalars. Another can be assigned.

    Raises
    ------
    InputError
        For settings outside their ranges, or unknown keywords.

    Examples
    --------
    >>> import marketsim as ms
    >>> market = ms.Market(population="survey", seed=1)
    >>> market.step()
    >>> market.retailers[12].state
    'active'
    >>> market.agents_by_type[Retailer].agg("perceived_risk", max) < 1.0
    True
    """

    # Mesa reads the signature. Its batch_run sets an argument called `seed` to None, and its page
    # accepts keywords only if they are called `kwargs`.
    def __init__(
        self, settings: Settings | None = None, rng: int | None = None, **kwargs: Any
    ) -> None:
        seed = _seed(rng, kwargs.pop("seed", None))
        if seed is not None and kwargs.get("panel") == AGAIN:
            raise InputError("seed", seed, f"no seed with panel={AGAIN}, or panel={NEW}")
        self.settings = copy.deepcopy(_settings(settings, kwargs))
        seeded = self.settings if seed is None else replace(self.settings, seed=seed, panel=NEW)
        timeline.check_settings(seeded)
        if seeded.panel == AGAIN:
            self.run_seed, drawn = panel.seed_and_draw(seeded, 0)
        else:  # the seed is that of the run, not of a study
            self.run_seed, drawn = seeded.seed, posterior.draw(seeded, 0)
        self.settings = posterior.settings_of(replace(self.settings, panel=NEW), drawn)
        super().__init__(rng=self.run_seed % 2**32)
        self.state = initialize(self.settings, self.run_seed)
        self.days_simulated = 0
        self._registry = Registry(self)
        self.datacollector = mesa.DataCollector(model_reporters=_reporters())

    @property
    def agents(self) -> AgentSet:
        """All agents who are in the market, but buyers.

        Suppliers, processors, retailers who are active, lying low or banned, resale agents in the
        trade, moderators and police units, by `unique_id`. It follows entry and exit
        after each `step`. The set is made on first use.
        """
        return self._registry.sets()[0]

    @property
    def agents_by_type(self) -> AgentsByType:
        """The sets of agents in the market by kind, such as ``agents_by_type[Retailer]``.

        ``agents_by_type[Buyer]``, all buyers, is made when it is asked for by name, and then kept;
        it takes about 600 bytes a buyer.
        """
        return self._registry.sets()[1]

    @property
    def agent_types(self) -> list[type[mesa.Agent]]:
        """Kinds of agents."""
        return [*self.agents_by_type, Buyer]

    @property
    def retailers(self) -> AgentList:
        """All traders by number, also those who are yet to enter or have left the market."""
        return AgentList(self._registry, Retailer)

    @property
    def buyers(self) -> AgentList:
        """All buyers by number; one is made when asked for."""
        return AgentList(self._registry, Buyer)

    def register_agent(self, agent: mesa.Agent) -> None:
        """Register an agent of the user's own with the model."""
        super().register_agent(agent)
        self._registry.add(agent)

    def deregister_agent(self, agent: mesa.Agent) -> None:
        """Deregister an agent of the user's own."""
        super().deregister_agent(agent)
        self._registry.discard(agent)

    @property
    def scenario(self) -> NoReturn:
        """Not available: Mesa's page would pass its scenario in place of the name of ours."""
        raise AttributeError("the scenario of a market is in its settings: settings.scenario")

    @scenario.setter
    def scenario(self, scenario: Any) -> None:
        """Ignore the scenario that Mesa 3.5 makes for each model."""

    @property
    def horizon(self) -> int:
        """Number of days of a run."""
        return int(self.state.series.risk.size)

    @property
    def today(self) -> dt.date:
        """Date of the last simulated day; the day before the run if there is none."""
        return dt.date.fromordinal(self.state.first_day + self.days_simulated - 1)

    def step(self) -> None:
        """Simulate one day and collect its scalars."""
        self._advance(1)
        self.datacollector.collect(self)
        _align(self.datacollector, self.steps)
        self.running = self.days_simulated < self.horizon

    def run(self) -> "Market":
        """Simulate the rest of the horizon in one compiled call that releases the interpreter."""
        self._advance(self.horizon - self.days_simulated)
        self.steps = self.days_simulated
        self.running = False
        return self

    def _advance(self, days: int) -> None:
        end = self.days_simulated + days
        if end > self.horizon:
            raise InputError("days", end, f"0 to {self.horizon}, the horizon")
        advance(self.state, self.days_simulated, end)
        self.days_simulated = end
        self._registry.update()

    def survey(self) -> observer.SurveyRows:
        """Return the simulated survey; the whole horizon must have been simulated."""
        if self.days_simulated < self.horizon:
            raise InputError("days", self.days_simulated, f"{self.horizon}, the whole horizon")
        state = self.state
        return observer.observe(
            self.run_seed,
            state.first_day,
            state.contacts,
            state.retailers.kind,
            state.survey_log,
            state.trade.observed_prices,
        )

    def checkpoint(self, path: str | Path) -> None:
        """Save the market atomically; `resume` continues to identical results.

        Parameters
        ----------
        path : str or Path
            File to write.
        """
        head = {
            "settings": to_tree(self.settings),
            "seed": self.run_seed,
            "days_simulated": self.days_simulated,
            "source": source_fingerprint(),
        }
        arrays = _arrays(self.state) | {"head": np.array(json.dumps(head, default=str))}
        with files.atomic_path(Path(path)) as beside, beside.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    @classmethod
    def resume(cls, path: str | Path, classes: Sequence[str] = ()) -> "Market":
        """Return the market saved by `checkpoint`.

        Parameters
        ----------
        path : str or Path
            The file.
        classes : sequence of str
            Python files with the custom interventions of the market; only these are executed.

        Raises
        ------
        InputError
            If the file is missing, damaged, or of another version of the model, or if the files of
            custom interventions are not given.
        """
        reason = "missing, damaged, or written by another version of the model"
        refusal = UnreadableFileError("checkpoint", path, reason)
        try:
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                head = json.loads(str(stored["head"]))
                if head["source"] != source_fingerprint():
                    raise refusal
                of = from_tree(head["settings"])
                if len(of.classes) != len(classes):
                    raise InputError("classes", of.classes, "files given by name, as many as here")
                market = cls(replace(of, classes=list(classes)), head["seed"])
                for name, array in _arrays(market.state).items():
                    if (stored[name].shape, stored[name].dtype) != (array.shape, array.dtype):
                        raise refusal
                    array[...] = stored[name]
                market.days_simulated = market.steps = head["days_simulated"]
        except InputError:
            raise
        except UNREADABLE as fault:
            raise refusal from fault
        if not 0 <= market.days_simulated <= market.horizon:
            raise refusal
        return market


def _settings(settings: Settings | None, keywords: dict[str, Any]) -> Settings:
    """Return the settings given, or those that keywords describe."""
    if settings is None:
        scenario = keywords.pop("scenario", "baseline_2015")
        config_dir = keywords.pop("config_dir", None)
        return run_command(scenario, config_dir, keywords).settings()
    if not isinstance(settings, Settings):
        raise WrongTypeError("settings", settings, "settings, as marketsim.settings returns them")
    for key, value in keywords.items():
        raise InputError(key, value, "settings or keywords, not both")
    return settings


def _seed(rng: Any, seed: Any) -> Any:
    """Return the seed under whichever of its names it is given."""
    if rng is not None and seed is not None:
        raise InputError("rng", rng, "one seed: rng is another name of seed")
    return rng if seed is None else seed


def _align(datacollector: mesa.DataCollector, steps: int) -> None:
    """Give the latest records of agents the number of the latest row of the model.

    Mesa 3.3 numbers the former from 1 and the latter from 0, and its batch_run would put the agents
    of one day beside the totals of the next.
    """
    if hasattr(datacollector, "_collection_steps"):  # Mesa from 3.4 on
        return
    rows = next(iter(datacollector.model_vars.values()), None)
    place = steps - 1 if rows is None else len(rows) - 1
    records = datacollector._agent_records
    if steps in records:
        records[place] = records.pop(steps)


def _reporters() -> dict[str, Callable[[Market], float]]:
    def of(table: str, column: int) -> Callable[[Market], float]:
        return lambda market: int(getattr(market.state.series, table)[_row(market), column])

    reporters: dict[str, Callable[[Market], float]] = {}
    reporters |= {item.name.lower(): of("flows", item) for item in Flow}
    reporters |= {f"traders_{item.name.lower()}": of("stocks", item) for item in Stock}
    reporters["grams_delivered"] = lambda market: float(_sold(market).sum()) / MILLIGRAMS
    reporters["mean_risk"] = lambda market: float(market.state.series.risk[_row(market)])
    return reporters


def _sold(market: Market) -> np.ndarray:
    """Return the milligrams delivered on the last simulated day, by channel."""
    counts = market.state.trade.records.counts[_row(market)]
    return counts[TradeCounter.DELIVERED : TradeCounter.DELIVERED + len(Channel)]


def _row(market: Market) -> int:
    return market.days_simulated - 1


def _arrays(state: MarketState) -> dict[str, np.ndarray]:
    """Return every array that changes during the run, by name."""
    groups = {"retailers": state.retailers, "queue": state.queue, "series": state.series}
    groups["motives"] = state.motives
    arrays = {"notes": state.survey_log}
    trade = state.trade._asdict()
    groups |= {"counters": state.counters} | {
        k: v for k, v in trade.items() if isinstance(v, tuple)
    }
    arrays |= {k: v for k, v in trade.items() if isinstance(v, np.ndarray)}
    for group, members in groups.items():
        arrays |= {f"{group}.{name}": array for name, array in members._asdict().items()}
    return arrays
