"""Results listed, filtered and joined; what is unfinished or damaged is named."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from conftest import settings

from marketsim.commands import results as results_command
from marketsim.commands import run as run_command
from marketsim.errors import InputError
from marketsim.parameters import overrides
from marketsim.simulation import catalogue, store


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Return a folder of four small studies: two scenarios by two weights of a weekend."""
    folder = tmp_path_factory.mktemp("made")
    for scenario in ("baseline_2015", "no_crackdown"):
        for weekend in (0.8, 0.9):
            of = settings(30, scenario, replicates=2, posting__weekend=weekend)
            run_command.run_study(of, folder / scenario, figures=False)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    """Return a copy that a test may damage."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def test_every_result_is_listed(made, capsys):
    """One line a result, with what was changed in it."""
    results_command.main([str(made)])
    out, err = capsys.readouterr()
    assert err == ""
    head = "study key scenario recovery retailers replicates seed written changed"
    assert out.splitlines()[0].split() == head.split()
    assert out.count("posting.weekend=0.8") == out.count("posting.weekend=0.9") == 2
    assert out.endswith("4 results of 4 finished\n")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["scenario=no_crackdown"], 2),
        (["posting.weekend=0.8"], 2),
        (["posting.weekend=0.80", "study=baseline_2015"], 1),
        (["posting.weekend=0.8,0.9"], 4),
        (["population.retailers=30", "seed=2015", "posterior=none"], 4),
        (["population.retailers=31"], 0),
        (["market=full", "recovery=combined"], 4),
        (["posting.weekend=much"], 0),
    ],
)
def test_filters_choose_by_name_and_value(made, words, number):
    """Numbers are compared as numbers; commas mean any of them; words together mean all."""
    found, lines = catalogue.collect(made)
    assert lines == []
    assert len(catalogue.choose(found, words)) == number


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["nope=1"], "lists all parameters"),
        (["posting.weekends=1"], "did you mean 'posting.weekend'"),
        (["scenario"], "population.retailers"),
        (["--csv"], "population.retailers"),
    ],
)
def test_a_wrong_filter_is_refused(made, words, remedy):
    """A key that no setting has is bad input, and no empty answer."""
    with pytest.raises(InputError, match=remedy):
        catalogue.choose(catalogue.collect(made)[0], words)


def test_the_joined_table_is_long_and_complete(made, tmp_path):
    """A row for each result and row of fit and headline; what was swept has a column."""
    found, _ = catalogue.collect(made)
    assert "posting.weekend" in catalogue.swept(found)
    assert "scenario.interventions.sweep_may.kind" not in catalogue.swept(found)
    table = catalogue.join(found)
    for one in found:
        rows = table[table["key"] == one.facts["key"]]
        assert set(rows["posting.weekend"]) == {one.settings["posting.weekend"]}
        assert set(rows["scenario"]) == {one.folder.parent.name}
        for name, column in (("fit", "median"), ("headline", "median")):
            origin = pd.read_csv(one.folder / f"{name}.csv").set_index("id")[column]
            mine = rows[rows["table"] == name].set_index("quantity")["value"]
            pd.testing.assert_series_equal(mine, origin, check_names=False)
    assert len(table) == sum(
        one.facts["tables"][n]["rows"] for one in found for n in catalogue.JOINED
    )
    files = [tmp_path / "deep" / "all.csv", tmp_path / "all.parquet"]
    for path in files:
        catalogue.write(table, path)
    csv, parquet = pd.read_csv(files[0]), pd.read_parquet(files[1])
    assert list(csv) == list(parquet) == list(table)
    assert csv["value"].to_list() == pytest.approx(parquet["value"].to_list(), nan_ok=True)


def test_an_intervention_left_out_has_its_columns(made):
    """What was left out of a scenario by hand is seen in columns; its own choices are not."""
    of = settings(30, replicates=2)
    del of.scenario.interventions["arrest_may"]
    one = catalogue.collect(made)[0]
    extra = catalogue.Found(made / "x", {"settings": asdict(of)}, overrides.flat(asdict(of)))
    assert "scenario.interventions.arrest_may.date" in catalogue.swept([*one, extra])


def test_the_command_writes_what_it_lists(made, tmp_path, capsys):
    """csv= and parquet= hold the chosen results alone."""
    results_command.main(
        [str(made), "scenario=no_crackdown", "csv=some.csv", "parquet=some.parquet"]
    )
    assert set(pd.read_csv("some.csv")["scenario"]) == {"no_crackdown"}
    assert set(pd.read_parquet("some.parquet")["study"]) == {"no_crackdown"}
    for words in (
        [str(made), "csv=some.txt"],
        [str(tmp_path / "nope")],
        [str(made), "csv=/dev/null/x.csv"],
    ):
        with pytest.raises(InputError):
            results_command.main(words)


def damage(place: Path, how: str) -> None:
    manifest = place / store.MANIFEST
    if how == "no manifest":
        manifest.unlink()
    elif how == "foreign manifest":
        manifest.write_text("{}")
    elif how == "cut manifest":
        manifest.write_text(manifest.read_text()[:100])
    elif how == "no table":
        (place / "daily.parquet").unlink()
    elif how == "cut table":
        (place / "daily.parquet").write_bytes((place / "daily.parquet").read_bytes()[:1000])
    elif how == "changed fit":
        (place / "fit.csv").write_text((place / "fit.csv").read_text().replace("ads", "add"))
    elif how == "partial":
        place.rename(store.partial_folder(place))
    elif how == "failed":
        store.write_failure(place, MemoryError("too many\nmarkets"))
        shutil.rmtree(place)


DAMAGE = {
    "no manifest": "damaged: no manifest.json",
    "foreign manifest": "damaged: manifest.json",
    "cut manifest": "damaged: manifest.json",
    "no table": "damaged: no daily.parquet",
    "cut table": "damaged: daily.parquet",
    "changed fit": "damaged: fit.csv",
    "partial": "incomplete; rerun",
    "failed": "failed: MemoryError: too many markets",
}


@pytest.mark.parametrize("how", list(DAMAGE))
def test_what_is_not_whole_is_named_and_not_taken(folder, capsys, how):
    """One line on the error stream, with the folder and what is wrong; the others are listed."""
    place = sorted(path.parent for path in folder.glob("*/*/manifest.json"))[0]
    damage(place, how)
    results_command.main([str(folder), "csv=left.csv"])
    out, err = capsys.readouterr()
    assert out.endswith("3 results of 3 finished\n")
    assert err.count("\n") == 1
    assert f"{place}: {DAMAGE[how]}" in err
    assert place.name not in set(pd.read_csv("left.csv")["key"])


def test_what_is_no_study_is_said(folder, capsys):
    """A calibration has a manifest too: it is named, and left out."""
    place = sorted(path.parent for path in folder.glob("*/*/manifest.json"))[0]
    facts = store.read_manifest(place)
    facts["tables"] = {"point.csv": facts["tables"]["fit.csv"]}
    store.write_manifest(place, facts)
    results_command.main([str(folder)])
    assert "no studies but comparisons or calibrations: 1\n" in capsys.readouterr().err


def test_a_folder_without_results_is_an_empty_answer(tmp_path, capsys):
    """Nothing found is no fault; a table of nothing has its columns."""
    results_command.main([str(tmp_path), "csv=empty.csv"])
    assert capsys.readouterr().out == "0 results of 0 finished\n"
    assert "quantity" in list(pd.read_csv("empty.csv"))
