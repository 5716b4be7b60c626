"""The benchmarks run and have the figures they name; how large these are is not asked here."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from marketsim import day, posterior, presets

FIGURES = {
    "default run": ["population", "make_seconds", "live_seconds", "slowest_seconds"],
    "by process": ["process", "milliseconds", "share"],
    "over buyers": [
        *("buyers", "inquiries", "live_seconds", "bytes_a_buyer", "bytes_a_friend"),
    ],
}


@pytest.fixture
def small(monkeypatch):
    """Benchmark a market of a hundred traders, so that the test stays cheap."""
    named = presets.named

    def fewer(**choices: str):
        of = named(**choices)
        return replace(of, population=replace(of.population, retailers=100))

    monkeypatch.setattr(presets, "named", fewer)


def test_the_benchmarks_have_the_figures_they_name(small, monkeypatch, capsys, tmp_path):
    """Every figure is printed and written; shares add up to 1, and every process is timed."""
    file = tmp_path / "figures.json"
    words = ["--population", "survey", "--repetitions", "1", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    benchmarks.main()
    found, out = json.loads(file.read_text()), capsys.readouterr().out
    assert {title: list(rows[0]) for title, rows in found.items()} == FIGURES
    for title, rows in found.items():
        assert f"## {title}\n" in out
        for row in rows:
            assert f"| {' | '.join(str(value) for value in row.values())} |" in out
    (run,) = found["default run"]
    assert run["population"] == "survey"
    assert run["slowest_seconds"] >= run["live_seconds"] > 0.0
    shares = [row["share"] for row in found["by process"]]
    assert sum(shares) == pytest.approx(1.0, abs=0.01)
    kernels = {"post", "trade", "perceive", "police", "deliver", "close_day"}
    assert kernels <= {row["process"] for row in found["by process"]} <= set(vars(day))
    buyers = found["over buyers"]
    assert [row["buyers"] for row in buyers] == [int(100 * n) for n in benchmarks.BUYERS]
    assert all(row["bytes_a_buyer"] < 16 and row["inquiries"] > 0 for row in buyers)


def test_what_is_timed_is_the_calibrated_point(small):
    """One set of parameters, the point's, with what is asked about changed and nothing else."""
    of = benchmarks.settings("survey")
    structure, values = posterior.point()
    assert of.recovery.name == structure
    assert {key: getattr(getattr(of, key.split(".")[0]), key.split(".")[1]) for key in values} == (
        values
    )
    other = benchmarks.settings("survey", buyers=5.0)
    assert other.demand.buyers == 5.0 != of.demand.buyers
    assert replace(other, demand=of.demand) == of


@pytest.mark.campaign
def test_the_command_runs(tmp_path):
    """`python -m benchmarks` in a process of its own, on the market of the survey."""
    import subprocess

    root, file = Path(__file__).parents[1], tmp_path / "figures.json"
    words = ["--population", "survey", "--repetitions", "1", "--json", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=root, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(json.loads(file.read_text())) == list(FIGURES)
