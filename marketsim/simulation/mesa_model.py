"""The market as a Mesa model, with single traders and checkpoints."""

import copy
import datetime as dt
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mesa
import numpy as np

from marketsim.errors import InputError, UnreadableFileError
from marketsim.model import observer
from marketsim.model.ledger import FEN, MILLIGRAMS, PRODUCTS, Account, Item
from marketsim.model.market import advance, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import Backup, Channel, Flow, MarketState, State, Stock, TradeCounter
from marketsim.numerics.jit import source_fingerprint
from marketsim.parameters import posterior
from marketsim.parameters.settings import Settings, from_tree, to_tree
from marketsim.parameters.traders import TRADER_TYPES
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


@dataclass(frozen=True)
class Retailer:
    """The state of a trader at the end of a day, read-only."""

    id: int
    type: str
    state: str
    base_rate: float
    sensitivity: float
    threshold: float
    talking: bool
    perceived_risk: float
    account: int
    offences: int
    backup: str
    audience: float
    arrival: dt.date | None
    blocked_until: dt.date | None
    ties: tuple[int, ...]
    posts_today: int
    visible_today: int
    grams: tuple[float, ...]  # in stock: raw, semi-worked, uncarved, carved
    money: float  # CNY
    friends: int
    stall: bool


class RetailersView(Sequence[Retailer]):
    """Read-only view of the traders of a market."""

    def __init__(self, state: MarketState) -> None:
        self._state = state

    def __len__(self) -> int:
        return int(self._state.retailers.state.size)

    def __iter__(self) -> Iterator[Retailer]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        if not -len(self) <= i < len(self):
            raise IndexError(f"retailer {i} is out of range: 0 to {len(self) - 1}")
        i = int(i) % len(self)
        traders, counters, ties = self._state.retailers, self._state.counters, self._state.ties
        trade = self._state.trade
        held = trade.books.balance[trade.books.start[Account.RETAILERS] + i]
        return Retailer(
            id=i,
            type=TRADER_TYPES[traders.kind[i]].upper(),
            state=State(traders.state[i]).name.lower(),
            base_rate=float(traders.base_rate[i]),
            sensitivity=float(traders.sensitivity[i]),
            threshold=float(traders.threshold[i]),
            talking=bool(traders.talking[i]),
            perceived_risk=float(traders.risk[i]),
            account=int(traders.account[i]),
            offences=int(traders.offences[i]),
            backup=Backup(traders.backup[i]).name.lower(),
            audience=float(traders.audience[i]),
            arrival=_date_or_none(traders.arrival[i]),
            blocked_until=_date_or_none(traders.blocked_until[i]),
            ties=tuple(int(j) for j in ties.other[ties.start[i] : ties.start[i + 1]]),
            posts_today=int(counters.intended[i] - counters.withheld[i]),
            visible_today=int(counters.moments[i]),
            grams=tuple(float(mass) / MILLIGRAMS for mass in held[:PRODUCTS]),
            money=float(held[Item.MONEY]) / FEN,
            friends=int(trade.friends.count[i]),
            stall=bool(trade.shops.stall[i]),
        )


class Market(mesa.Model):
    """The online ivory market of one run, usable as any Mesa model.

    Parameters
    ----------
    settings : Settings, optional
        Default: parameter defaults without interventions and recovery mechanism;
        `marketsim.settings` returns the settings of the command.
    seed : int, optional
        Seed of the run; `settings.seed` if not given.

    Attributes
    ----------
    retailers : RetailersView
        ``market.retailers[12]`` shows the state of trader 12 by name.
    datacollector : mesa.DataCollector
        One row of scalars a `step`.

    Raises
    ------
    InputError
        For settings outside their ranges.

    Examples
    --------
    >>> import marketsim as ms
    >>> market = ms.Market(ms.settings(population="survey"), seed=1)
    >>> market.step()
    >>> market.retailers[12].state
    'active'
    """

    def __init__(self, settings: Settings | None = None, seed: int | None = None) -> None:
        self.settings = copy.deepcopy(settings or Settings())
        seeded = self.settings if seed is None else replace(self.settings, seed=seed)
        timeline.check_settings(seeded)
        self.run_seed = seeded.seed
        drawn = posterior.draw(replace(self.settings, seed=self.run_seed), 0)
        self.settings = posterior.settings_of(self.settings, drawn)
        super().__init__(rng=self.run_seed % 2**32)
        self.state = initialize(self.settings, self.run_seed)
        self.days_simulated = 0
        self.retailers = RetailersView(self.state)
        self.datacollector = mesa.DataCollector(model_reporters=_reporters())

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
                market.days_simulated = head["days_simulated"]
        except InputError:
            raise
        except UNREADABLE as fault:
            raise refusal from fault
        if not 0 <= market.days_simulated <= market.horizon:
            raise refusal
        return market


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


def _date_or_none(ordinal: int) -> dt.date | None:
    return dt.date.fromordinal(int(ordinal)) if ordinal > 0 else None
