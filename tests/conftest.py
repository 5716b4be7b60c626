"""Settings for tests: small markets of a named scenario and recovery structure."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from marketsim.model import supply_chain
from marketsim.model.kernels.restocking import draw_turns, restock
from marketsim.model.ledger import Account, move
from marketsim.model.market import no_experience
from marketsim.model.population import empty_counters, synthesize_traders
from marketsim.model.scenario.interventions import LEVERS, OPERATORS
from marketsim.model.scenario.timeline import Levers
from marketsim.model.state import TRUST_STEPS, DayCounters, Friends
from marketsim.numerics import rng
from marketsim.parameters import presets
from marketsim.parameters.evidence import Fact
from marketsim.parameters.settings import Settings, kernel_params

with contextlib.suppress(ImportError):
    # JAX and optax log through absl, whose handler would close the stream of a test when Hydra sets
    # up its own logging
    from absl import logging as absl_logging

    absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell's job in the background ignores Ctrl-C, and what a test starts would do so too
    signal.signal(signal.SIGINT, signal.default_int_handler)


def settings(
    retailers: int = 300,
    scenario: str = "baseline_2015",
    recovery: str = "combined",
    motive: str = "learned",
    prices: str = "expectations",
    buyers: str = "segmented",
    upstream: str = "hubs",
    institutions: str = "actors",
    **changes: object,
) -> Settings:
    """Return settings at their reference values; `changes` are like posting__base_posts=2.0."""
    choices = {"motive": motive, "prices": prices, "buyers": buyers}
    choices |= {"upstream": upstream, "institutions": institutions}
    out = presets.named(scenario=scenario, recovery=recovery, **choices)
    out.posterior = "none"
    out.population.retailers = retailers
    for path, value in changes.items():
        *groups, last = path.split("__")
        node = out
        for group in groups:
            node = getattr(node, group)
        assert hasattr(node, last), path
        setattr(node, last, value)
    return out


# traders have no motive, buyers no choice, dealers are alike, and only Moments are moderated
NEUTRAL = {"motive": "none", "buyers": "none", "upstream": "none", "institutions": "none"}
# traders all present ivory alike, and all pieces are of one quality
ALIKE = {
    "style__video_spread": 0.0,
    "style__video_days": 1.0,
    "style__grid_spread": 0.0,
    "style__batch": 0.0,
    "retail__quality_raw": 0.0,
    "retail__quality_semi": 0.0,
    "retail__quality_uncarved": 0.0,
    "retail__quality_carved": 0.0,
}


def plain(retailers: int = 300, *args: str, **changes: object) -> Settings:
    """Return settings in which traders and buyers are alike and have no motive, or one given."""
    return settings(retailers, *args, **NEUTRAL | ALIKE | changes)


def trading(retailers: int = 60, *args: str, **changes: object) -> Settings:
    """Return settings of a small market with suppliers, processors and agents enough to trade."""
    dealers = {"supply__suppliers": 3000.0 / retailers, "workshop__processors": 6000.0 / retailers}
    dealers["resale__agents"] = 500.0
    return settings(retailers, *args, **{k: min(v, 1000.0) for k, v in dealers.items()} | changes)


COUNTED_LEVERS = ("capacity", "cases", "sweep_accounts", "sweep_posts", "sweep_types",
                  "listed_platform", "listed_police", "taught_types", "staff_tencent",
                  "staff_portals", "staff_websites", "swept_public", "swept_social",
                  "swept_websites", "swept_agents", "swept_dealers", "pooled_operators",
                  "stings")  # fmt: skip


def levers(**values: float) -> Levers:
    """Return the levers of a day, neutral where no value is given."""
    neutral = {name: value for name, (value, _, _) in LEVERS.items()}
    neutral |= {"activity": 1.0, "habituation": 1.0, "cases": 0.0}
    neutral |= {f"staff_{name}": 0.0 for name in OPERATORS}
    assert values.keys() <= neutral.keys(), values
    kinds = {name: int if name in COUNTED_LEVERS else float for name in neutral}
    return Levers(**{name: kinds[name](value) for name, value in (neutral | values).items()})


def draw_words(seed: int, day: int, counters: DayCounters) -> None:
    """Draw the random words of a day, as entry and exit do, for a kernel that is tested alone."""
    for trader in range(len(counters.words)):
        counters.words[trader] = rng.day_words(seed, day, trader)


def for_all(friends: Friends, trust: float) -> None:
    """Let nobody have bought of anybody: each seller has the friends wanted, as strangers."""
    friends.count[:] = friends.wanted
    friends.customers[:] = 0
    friends.trust[:] = int(trust * TRUST_STEPS)


class Standstill:
    """A market in which nothing happens but what a test lets happen.

    There are no newcomers and no new friends; a retailer asks what his goods cost and his margin.
    Traders have no motive and buyers no choice, but those that a test gives, and nobody has bought
    before.
    """

    day = 735_720

    def __init__(self, retailers: int = 1, seed: int = 3, days: int = 400, **changes: object):
        fixed = {"turnover__entry": 0.0, "retail__scarcity_pricing": 0.0, "retail__stall": 0.0}
        fixed["demand__friends_leave"] = 0.0
        of = trading(retailers, **NEUTRAL | ALIKE | fixed | changes)
        self.seed, self.params = seed, kernel_params(of)
        self.retailers, _ = synthesize_traders(of, seed, self.day, 1)
        self.retailers.risk[:] = 0.0
        self.counters = empty_counters(retailers)
        self.trade = supply_chain.build_trade(of, self.params, seed, self.retailers, 1, days)
        self.trade.shops.markup[:] = 1.0
        self.motives = no_experience(self.retailers.state.size)
        for_all(self.trade.friends, self.params.demand.trust)
        self.books, self.counts = self.trade.books, self.trade.records.counts

    def holder(self, account: Account, number: int = 0) -> int:
        """Return the row of a holder in the books."""
        return int(self.books.start[account]) + number

    def held(self, account: Account, item: int, number: int = 0) -> int:
        """Return what a holder has of an item."""
        return int(self.books.balance[self.holder(account, number), item])

    def total(self, account: Account, item: int) -> int:
        """Return what all holders of a kind have of an item."""
        first, end = self.books.start[account], self.books.start[account + 1]
        return int(self.books.balance[first:end, item].sum())

    def order_once(self, row: int) -> None:
        """Let retailers order from dealers."""
        day, turns = self.day + row, np.empty(len(self.retailers.state))
        draw_turns(self.seed, day, self.params, self.retailers, turns, 0, turns.size)
        restock(self.seed, day, row, self.params, turns, self.motives, self.trade)

    def set(self, account: Account, item: int, amount: int, number: int = 0) -> None:
        """Let a holder have so much of an item, from or to the opening account."""
        missing = amount - self.held(account, item, number)
        taker = self.holder(account, number)
        move(self.books, item, self.holder(Account.OPENING), taker, missing)


def published_middle(fact: Fact) -> float:
    """Return the published value, or the middle of an interval, or the bound of a one-sided row."""
    ends = [end for end in (fact.low, fact.high) if end is not None]
    return sum(ends) / len(ends) if fact.value is None else fact.value


def output_without_compiler(script: str, *flags: str) -> str:
    """Return what a script prints as plain Python; it must end well and without a warning."""
    root = Path(__file__).parents[1]
    finished = subprocess.run(
        [sys.executable, *flags, script],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return finished.stdout.rstrip("\n")


@pytest.fixture(autouse=True)
def _nothing_beside_the_test(tmp_path, monkeypatch):
    """Run each test in a folder of its own, so that nothing is written into the checkout."""
    monkeypatch.chdir(tmp_path)
