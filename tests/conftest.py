"""Settings for tests: small markets of a named scenario and recovery structure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketsim import presets
from marketsim.settings import Settings


def settings(
    retailers: int = 300,
    scenario: str = "baseline_2015",
    recovery: str = "combined",
    **changes: object,
) -> Settings:
    """Return settings at their reference values; `changes` are like posting__base_posts=2.0."""
    out = presets.named(scenario=scenario, recovery=recovery)
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


def trading(retailers: int = 60, *args: str, **changes: object) -> Settings:
    """Return settings of a small market with suppliers, processors and agents enough to trade."""
    dealers = {"supply__suppliers": 3000.0 / retailers, "workshop__processors": 6000.0 / retailers}
    dealers["resale__agents"] = 500.0
    return settings(retailers, *args, **{k: min(v, 1000.0) for k, v in dealers.items()} | changes)


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
