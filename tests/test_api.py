"""marketsim from Python: the same results as the command's, as tables with units, and figures."""

import doctest
import html
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_cli import command, only_result

import marketsim as ms
from marketsim import api
from marketsim.commands import compare as compare_command
from marketsim.commands import compose, keywords, options
from marketsim.parameters import presets
from marketsim.simulation import store

QUICK = {"population": "survey", "replicates": 2, "progress": False, "market": "posting_only"}
MORE = {"replicates": 2, "prior": False, "progress": False}


def own_scenarios(folder: Path, **accounts: int) -> Path:
    """Write scenarios of one's own, each with another sweep in May."""
    (folder / "scenario").mkdir(parents=True)
    for name, dose in accounts.items():
        text = f"defaults: [baseline_2015, _self_]\nname: {name}\n"
        text += f"interventions:\n  sweep_may:\n    accounts: {dose}\n"
        (folder / "scenario" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_examples_run():
    """The examples of the docstrings print what they say."""
    for module, least in ((api, 8), (keywords, 2)):
        found = doctest.testmod(module)
        assert found.attempted >= least
        assert found.failed == 0


def test_a_study_of_the_command_is_that_of_python(capsys, monkeypatch):
    """Python finds the result of the command, and shows the same table."""
    words = ["population=survey", "replicates=2", "market=posting_only", "moderation.capacity=20"]
    command(monkeypatch, *words, "progress=false")
    said = capsys.readouterr().out
    study = ms.run(moderation={"capacity": 20.0}, **QUICK)
    assert [study.folder.resolve()] == [only_result(study.folder.parents[1]).resolve()]
    assert repr(study) in said
    other = ms.run(moderation={"capacity": 20.0}, seed=3, **QUICK)  # negative control
    assert other.folder != study.folder
    assert repr(other) not in said


def test_values_of_numpy_and_paths_are_those_of_python():
    """A study is the same whether its numbers are numpy's or not."""
    study = ms.run(seed=7, dose_multipliers=[0.5, 2.0], output="my (own) results", **QUICK)
    of = {key: np.asarray(value)[()] for key, value in QUICK.items()}
    of |= {"seed": pd.Series([7]).iloc[0], "output": Path("my (own) results")}
    for dose_multipliers in (np.array([0.5, 2.0]), (np.float32(0.5), np.int8(2))):
        again = ms.run(dose_multipliers=dose_multipliers, **of)
        assert again.folder == study.folder
    assert study.folder.parts[0] == "my (own) results"
    for flag in (True, np.bool_(True)):
        with pytest.raises(ms.InputError, match="wrong type"):
            ms.run(**QUICK | {"replicates": flag})


def test_every_table_says_its_units():
    """Each column of each table has a unit and a meaning in the attributes."""
    study = ms.run(population="survey", replicates=2, progress=False, figures=False)
    found = ms.compare(["repeated_sweeps"], replicates=2, prior=False, progress=False)
    for result in (study, found):
        for name in result.tables:
            table = getattr(result, name)
            assert isinstance(table, pd.DataFrame)
            assert len(table), name
            for word in ("units", "meanings"):
                assert set(table.attrs[word]) == set(table.columns), name
                assert all(table.attrs[word].values()), name
    assert study.daily.attrs["units"]["grams_delivered"] == "g"
    assert found.effects.attrs["units"]["percent"] == "percent"
    assert found.facts["comparison"]["start"] == "2015-08-01"
    assert repr(found).startswith("With repeated sweeps ")


def test_figures_can_be_shown_and_kept(tmp_path):
    """A notebook shows them, a script keeps them; a name that is not there is said."""
    study = ms.run("no_crackdown", **QUICK)
    assert study.plot()._repr_png_().startswith(b"\x89PNG")
    study.plot("ratios").savefig(tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").stat().st_size > 10_000
    with pytest.raises(ms.InputError, match="weekly, ratios, concentration"):
        study.plot("prices")  # posts alone
    with pytest.raises(AttributeError, match="no price"):
        study.price  # noqa: B018


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"population": "moon"}, "unknown population 'moon'; known: national"),
        ({"replicates": 0}, "replicates=0"),
        ({"nothing": 1}, "unknown parameter 'nothing'"),
        ({"moderation": {"capacity": -1.0}}, "moderation.capacity=-1"),
        ({"interventions": {"sweep": {"acounts": 3}}}, "scenario.interventions.sweep"),
        ({"interventions": {"nobody": None}}, "nobody"),
        ({"dose_multiplier": "much"}, "scenario.dose_multiplier=much"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(given, said, tmp_path):
    """As at the command line: key, value, what is allowed."""
    with pytest.raises(ms.InputError) as fault:
        ms.run(**(QUICK | given))
    assert said in str(fault.value)
    assert not list(tmp_path.iterdir())


def test_a_list_of_scenarios_is_a_list():
    """A name alone would be read letter by letter."""
    with pytest.raises(ms.InputError, match="a list of names"):
        ms.compare("no_crackdown")
    with pytest.raises(ms.InputError, match="unknown scenarios 'nowhere'"):
        ms.compare(["nowhere"])


def test_a_scenario_of_a_folder_of_ones_own(tmp_path):
    """It is run by name, and compared where it is chosen and named."""
    mine = own_scenarios(tmp_path / "mine", harder=500)
    study = ms.run("harder", config_dir=mine, figures=False, **QUICK)
    assert study.settings["scenario"]["interventions"]["sweep_may"]["accounts"] == 500
    found = ms.compare(["harder"], config_dir=str(mine), scenario="harder", **MORE)
    assert set(found.effects.index.get_level_values("arm")) == {"harder"}
    with pytest.raises(ms.InputError, match="unknown scenario 'harder'"):
        ms.run("harder", **QUICK)


def test_scenarios_of_a_folder_are_compared_with_each_other(tmp_path):
    """Each is what its file says, and one alone has the same effect as one among others."""
    mine = own_scenarios(tmp_path / "mine", softer=20, harder=500)
    both = ms.compare(["softer", "harder"], config_dir=mine, **MORE)
    alone = ms.compare(["harder"], config_dir=mine, **MORE)
    seen = both.effects["effect"].unstack("arm").loc["visible"]
    assert seen["harder"] < seen["softer"]
    pd.testing.assert_frame_equal(both.effects.loc[["harder"]], alone.effects)


def test_a_comparison_of_ones_own_can_be_made_again_from_its_folder(tmp_path):
    """The command of the report, with the result's folder as DIR."""
    mine = own_scenarios(tmp_path / "mine", softer=20, harder=500)
    found = ms.compare(["softer", "harder"], config_dir=mine, **MORE)
    (line,) = re.findall(r"<code>(marketsim .*?)</code>", found.report.read_text(encoding="utf-8"))
    words = shlex.split(html.unescape(line).replace("DIR", str(found.folder)))
    given = compose.flags(words[2:], options.RunCommand)
    again = compose.composed(given.overrides, "compare", options.CompareCommand, given.config_dir)
    again.output, again.progress = "again", False
    place = compare_command.run(again, given.overrides, given.config_dir)
    effects = [(folder / "effects.csv").read_bytes() for folder in (found.folder, place)]
    assert effects[0] == effects[1]


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [("a", "b", "write name: a"), ("no_crackdown", "no_crackdown", "rename")],
)
def test_a_scenario_has_one_name(file, name, said, tmp_path):
    mine = own_scenarios(tmp_path / "mine", **{name: 20})
    (mine / "scenario" / f"{name}.yaml").rename(mine / "scenario" / f"{file}.yaml")
    with pytest.raises(ms.InputError, match=said):
        ms.compare([file], config_dir=mine, **MORE)


def test_the_nearest_name_is_offered():
    with pytest.raises(ms.InputError, match="'no_crakdown'; did you mean 'no_crackdown'"):
        ms.compare(["no_crakdown"])
    with pytest.raises(ms.InputError, match="'populaton'; did you mean 'population'"):
        ms.run(populaton="survey")
    with pytest.raises(ms.InputError, match=r"did you mean 'posting\.base_posts'"):
        ms.run(posting={"base_post": 1})


def test_a_folder_without_a_result_is_refused(tmp_path):
    """A study is not a comparison, and an empty folder neither."""
    study = ms.run(**QUICK, figures=False)
    assert ms.Study(study.folder).fit.equals(study.fit)
    for kind, folder in ((ms.Study, tmp_path), (ms.Comparison, study.folder)):
        with pytest.raises(ms.InputError, match="finished"):
            kind(folder)


def test_scenarios_are_listed():
    """All of them, with what they are."""
    assert list(ms.scenarios().index) == presets.names("scenario")
    assert ms.scenarios()["about"].str.len().min() > 20


def test_settings_are_those_of_a_study():
    """A market is made from the settings that `run` simulates."""
    study = ms.run(moderation={"capacity": 20.0}, figures=False, **QUICK)
    given = ms.settings(moderation={"capacity": 20.0}, population="survey", replicates=2)
    assert given.moderation.capacity == 20.0
    mine = ms.settings(moderation={"capacity": 20.0}, **QUICK)
    assert store.key(mine) == study.folder.name


def test_public_names_need_no_deep_import():
    """What own interventions and Mesa scripts need is at the top."""
    for name in ms.__all__:
        assert getattr(ms, name) is not None
    assert {"Table", "dose", "manner", "choice", "ramp"} <= set(dir(ms.interventions))
    assert ms.Market(ms.settings(population="survey", market="posting_only"), seed=1).horizon == 148


def test_importing_the_package_is_quick():
    """It imports nothing heavy until something is asked for."""
    heavy = "{'numba', 'pandas', 'matplotlib', 'mesa', 'hydra', 'scipy'}"
    code = f"import marketsim, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError, match="no such"):
        ms.such  # noqa: B018


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"scenario": 2017}, "scenario=2017 has the wrong type: expected a name"),
        ({"population": None}, "population=None has the wrong type: expected a name"),
        ({"interventions": {}}, "~scenario.interventions.NAME to leave one out"),
        ({"interventions": {"sweep_may": {}}}, "~scenario.interventions.sweep_may to leave it out"),
        ({"interventions": {"nope": None}}, "there is no scenario.interventions.nope"),
        ({"interventions": {"a b": {"kind": "news"}}}, "names of letters a to z"),
        ({"about": None}, "expected a text"),
        ({"dose_multipliers": "2"}, "expected a list of numbers"),
    ],
)
def test_what_would_change_nothing_is_refused(keywords, message):
    """A keyword that no file or intervention answers to is one line, and not ignored."""
    with pytest.raises(ms.InputError, match=re.escape(message)):
        ms.settings(**keywords)


@pytest.mark.parametrize("text", ["${seed}", "2015.10", "'quoted'", "null", "a\\", "\\${x}", " a "])
def test_a_text_of_python_is_taken_as_it_is(text):
    """Nothing in it is a number, a quote or a reference."""
    assert ms.settings(about=text).scenario.about == text
    assert ms.settings(interventions={"sweep_may": {"date": text}}).scenario.interventions[
        "sweep_may"]["date"] == text  # fmt: skip
