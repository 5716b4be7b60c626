"""A researcher's own intervention: known by name, checked like ours, run only if asked for."""

import numpy as np
import pytest
from conftest import settings

from marketsim.errors import InputError
from marketsim.model.scenario.timeline import compile_levers
from marketsim.simulation import store

HEAD = """
import datetime as dt
from dataclasses import dataclass
from marketsim import interventions

@dataclass(frozen=True)
"""
HOLIDAY = (
    HEAD
    + """
class LongHoliday:
    date: dt.date
    days: float = interventions.manner(7.0, "days", 1.0, 30.0, "length")
    rest: float = interventions.dose(0.0, "share", 0.0, 1.0, "of moderators who stay at home")

    def apply(self, table: interventions.Table) -> None:
        day = table.day(self.date)
        table.capacity[day : day + int(self.days)] *= 1.0 - self.rest
"""
)
ENTRY = {"kind": "long_holiday", "date": "2015-05-01", "rest": 1.0, "days": 10}


def market(tmp_path, text=HOLIDAY, entry=ENTRY, name="mine.py"):
    """Return settings with an intervention of a file of the user's."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    of = settings(2000)
    of.classes, of.scenario.interventions = [str(file)], {"mine": entry}
    return of


def test_it_works_by_name_without_touching_the_package(tmp_path):
    """A dataclass with `apply` moves levers, needs no numba, and its doses are checked."""
    of = market(tmp_path)
    cases = compile_levers(of).capacity
    assert np.count_nonzero(cases == 0) == 10 and cases.sum() == 2 * (cases.size - 10)
    with pytest.raises(InputError) as refusal:
        compile_levers(market(tmp_path, entry=ENTRY | {"rest": 1.5}))
    assert refusal.value.key == "scenario.interventions.mine.rest"
    of.classes = []
    with pytest.raises(InputError) as refusal:
        compile_levers(of)
    assert refusal.value.key == "scenario.interventions.mine.kind"


def test_its_dose_has_a_strength(tmp_path):
    """The dose multiplier of a scenario scales a dose of the user's, but not how it works."""
    of = market(tmp_path)
    of.scenario.scaled_interventions, of.scenario.dose_multiplier = ["mine"], 0.5
    cases = compile_levers(of).capacity
    assert cases.sum() == 2 * cases.size - 10


def test_a_result_depends_on_the_text_of_the_file(tmp_path):
    """Another text is another result, whatever the name of the file."""
    one = market(tmp_path)
    before = store.key(one)
    other = market(tmp_path, HOLIDAY + "# changed\n")
    assert store.key(other) != before


BROKEN = [
    ("raise RuntimeError('no')", "a file that runs"),
    ("x = 1", "a file with a dataclass"),
    (HEAD + "class News:\n    date: dt.date\n    def apply(self, table): pass", "another name"),
    (HEAD + "class Mine:\n    days: float = interventions.dose(0.0, 'd', 0.0, 1.0, 'x')\n"
     "    def apply(self, table): pass", "a field date"),
    (HEAD + "class Mine:\n    date: dt.date\n    days: float = 1.0\n"
     "    def apply(self, table): pass", "declared by dose"),
    (HEAD + "class Mine:\n    date: dt.date\n    def apply(self, table): table.recall[:] = 2.0",
     "no lever moved"),
    (HEAD + "class Mine:\n    date: dt.date\n    def apply(self, table): table.recal[:] = 2.0",
     "no lever recal"),
    (HEAD + "class Mine:\n    date: dt.date\n    def apply(self, table): 1 / 0",
     "runs without an error"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_class_is_one_line(tmp_path, text, told):
    """A file or class that cannot be used is refused before any run, in one line."""
    with pytest.raises(InputError, match=told) as refusal:
        compile_levers(market(tmp_path, text))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "line",
    ["table.news[:] = 2.0 * self.rest", "table.recall[:] -= 2.0 * self.rest", "table.border = None",
     "table.legal[:] = float('nan') if self.rest else 1.0", "1 / (1.0 - self.rest)"],
)  # fmt: skip
def test_a_class_that_leaves_a_lever_out_of_range_is_one_line(tmp_path, line):
    """What an intervention leaves behind is checked, whatever it does on the way."""
    guarded = line if "self.rest" in line else f"if self.rest: {line}"
    text = HOLIDAY[: HOLIDAY.index("        day =")] + f"        {guarded}\n"
    with pytest.raises(InputError) as refusal:
        compile_levers(market(tmp_path, text))
    assert refusal.value.key.startswith("scenario.interventions.mine")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_one_line():
    """The path is named."""
    of = settings(100)
    of.classes = ["nowhere.py"]
    with pytest.raises(InputError, match=r"nowhere\.py"):
        compile_levers(of)
