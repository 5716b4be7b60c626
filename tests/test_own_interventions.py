"""A researcher's own intervention: known by name, checked like ours, run only if asked for."""

import json
import zipfile

import numpy as np
import pytest
from conftest import settings

from marketsim.commands import run as run_command
from marketsim.errors import InputError
from marketsim.mesa_model.market import Market
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


def test_a_result_does_not_depend_on_the_way_to_the_file(tmp_path, monkeypatch):
    """A name, a relative and a full path are one result, which has the name alone."""
    one = market(tmp_path)
    keys, trees = set(), []
    for path in (
        "mine.py",
        "./mine.py",
        str(tmp_path / "mine.py"),
        "../" + tmp_path.name + "/mine.py",
    ):
        one.classes = [path]
        keys.add(store.key(one))
        trees.append(store.manifest(one, tmp_path, 1, 0.0)["settings"]["classes"])
    assert len(keys) == 1
    assert trees == [["mine.py"]] * 4
    monkeypatch.chdir("/")
    with pytest.raises(InputError, match="cannot read"):
        store.key(one)


def test_no_file_of_a_result_has_the_path(tmp_path):
    """Manifest, report and tables are those of any user; so is a checkpoint."""
    of = market(tmp_path)
    of.population.retailers, of.replicates = 30, 1
    folder = run_command.run_study(of, tmp_path / "results").folder
    Market(of).checkpoint(folder / "market.npz")
    with zipfile.ZipFile(folder / "market.npz") as stored:
        head = stored.read("head.npy").decode("utf-32-le", "ignore")
    for path in sorted(folder.rglob("*.*")):
        assert str(tmp_path).encode() not in path.read_bytes(), path
    assert str(tmp_path) not in head and "mine.py" in head
    assert "mine.py" in (folder / "report.html").read_text()


IMPORTED = """from __future__ import annotations
import datetime as dt, pickle, sys, typing
from dataclasses import dataclass, field
from marketsim import interventions

@dataclass(frozen=True, slots=True, kw_only=True)
class LongHoliday:
    date: dt.date
    known: typing.ClassVar[int] = 3
    rest: float = interventions.dose(0.0, "share", 0.0, 1.0, "of moderators who stay at home")

    def apply(self, table: interventions.Table) -> None:
        assert typing.get_type_hints(type(self))["date"] is dt.date
        assert pickle.loads(pickle.dumps(self)) == self
        assert sys.modules[__name__].LongHoliday is type(self)
        table.capacity[table.day(self.date)] *= 1.0 - self.rest
"""


def test_a_file_runs_as_when_imported(tmp_path):
    """What looks for its module finds it: late annotations, class variables, pickle."""
    entry = {"kind": "long_holiday", "date": "2015-05-01", "rest": 1.0}
    cases = compile_levers(market(tmp_path, IMPORTED, entry)).capacity
    assert np.count_nonzero(cases == 0) == 1


@pytest.mark.parametrize("name", ["my file.py", "own.v2.py", "第二.py", "json.py", "1.py"])
def test_a_file_may_have_any_name(tmp_path, name):
    """It hides no module, and two files with one name are two modules."""
    entry = {"kind": "long_holiday", "date": "2015-05-01", "rest": 1.0}
    compile_levers(market(tmp_path, IMPORTED, entry, name))
    assert "LongHoliday" not in vars(json)
    other = tmp_path / "other"
    other.mkdir()
    of = market(other, IMPORTED.replace("LongHoliday", "Other"), entry, name)
    of.classes.append(str(tmp_path / name))
    compile_levers(of)


BROKEN = [
    ("raise RuntimeError('no')", "a file that runs"),
    ("raise SystemExit(0)", "a file that runs"),
    ("from __future__ import nothing", "a file that runs"),
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
