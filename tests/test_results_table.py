"""Results listed, filtered and joined; what is unfinished or damaged is named."""

import os
import shutil
from dataclasses import asdict
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from conftest import settings
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from marketsim import __version__
from marketsim.commands import results as results_command
from marketsim.commands import run as run_command
from marketsim.errors import InputError
from marketsim.parameters import overrides
from marketsim.simulation import catalogue, files, store


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
        fit = rows[rows["table"] == "fit"]["p_value"].to_list()
        assert fit == pytest.approx(
            pd.read_csv(one.folder / "fit.csv")["p_value"].to_list(), nan_ok=True
        )
        assert rows[rows["table"] == "headline"]["p_value"].isna().all()
    assert len(table) == sum(
        one.facts["tables"][n]["rows"] for one in found for n in catalogue.JOINED
    )
    paths = [tmp_path / "deep" / "all.csv", tmp_path / "all.parquet"]
    for path in paths:
        catalogue.write(table, path)
    csv, parquet = pd.read_csv(paths[0]), pd.read_parquet(paths[1])
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


@pytest.mark.parametrize("model", ["0123456789ab", None])
def test_another_version_is_named_and_left_out(folder, capsys, model):
    """Results of two versions are not joined; one line says how to have the others."""
    place = sorted(path.parent for path in folder.glob("*/*/manifest.json"))[0]
    facts = store.read_manifest(place)
    assert facts["model"] == store.model_fingerprint()
    assert facts["versions"]["marketsim"] == __version__
    facts["model"] = model
    if model is None:
        del facts["model"]
        model = "unknown"
    store.write_manifest(place, facts)
    results_command.main([str(folder), "csv=ours.csv"])
    out, err = capsys.readouterr()
    assert out.endswith("3 results of 3 finished\n")
    assert err.count("\n") == 1
    assert err.endswith(f"another version of the model gave them: 1 with model={model}\n")
    ours = pd.read_csv("ours.csv")
    assert place.name not in set(ours["key"])
    assert set(ours["model"]) == {store.model_fingerprint()}
    results_command.main([str(folder), f"model={model}", "csv=theirs.csv"])
    assert capsys.readouterr().err == ""
    assert set(pd.read_csv("theirs.csv")["key"]) == {place.name}


def test_the_model_is_its_source_evidence_and_posterior(monkeypatch, tmp_path):
    """A change in any of them is another version."""
    found = {store.model_fingerprint()}
    with monkeypatch.context() as patch:
        patch.setattr(store, "source_fingerprint", lambda: "other")
        found.add(store.model_fingerprint())
    with monkeypatch.context() as patch:
        (tmp_path / "evidence.csv").write_text("other")
        patch.setattr(store.evidence, "TABLE", tmp_path / "evidence.csv")
        found.add(store.model_fingerprint())
    with monkeypatch.context() as patch:
        patch.setattr(store.posterior, "fingerprint", lambda *_, **__: "other")
        found.add(store.model_fingerprint())
    assert len(found) == 4


def test_linked_folders_are_seen_once(made, tmp_path, capsys):
    """Links to studies, results and the whole are followed; a loop ends."""
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "study").symlink_to(made / "no_crackdown")
    (linked / "again").symlink_to(made)
    (linked / "loop").symlink_to(linked)
    (linked / "nowhere").symlink_to(tmp_path / "nowhere")
    results_command.main([str(linked)])
    assert capsys.readouterr().out.endswith("4 results of 4 finished\n")
    (tmp_path / "link").symlink_to(made)
    results_command.main(["link"])
    assert capsys.readouterr().out.endswith("4 results of 4 finished\n")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"=\xff", "=\\udcff"),
        (b"a\n\x0bb", "a\n\\x0bb"),
        (b"=1+1", "=1+1"),
        ("第".encode(), "第"),
    ],
)
def test_a_folder_may_have_any_name(made, name, shown, capsys):
    """A study in it is listed in one line and joined, with escapes for what no table holds."""
    folder = Path(os.fsdecode(b"all/" + name))
    shutil.copytree(made / "no_crackdown", folder)
    results_command.main(["all", *(f"{kind}=all.{kind}" for kind in catalogue.WRITERS)])
    assert len(capsys.readouterr().out.splitlines()) == 4
    for kind, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        (study,) = set(read(f"all.{kind}")["study"])
        assert study == (f"'{shown}" if kind == "csv" and shown.startswith("=") else shown)


@pytest.mark.parametrize("words", [["."], ["../no_crackdown"], []])
def test_a_study_has_its_name_wherever_it_is_seen_from(made, monkeypatch, words):
    """Also from within its folder."""
    monkeypatch.chdir(made / "no_crackdown")
    found = catalogue.collect(Path(*words))[0]
    assert {one.column("study") for one in found} == {"no_crackdown"}


@pytest.mark.parametrize(
    ("value", "text", "is_same"),
    [
        (2**53 + 1, str(2**53 + 1), True),
        (2**53 + 1, str(2**53), False),
        (2**63 - 1, str(2**63 - 1), True),
        (2**63 - 1, str(2**63), False),
        (2000, "2e3", True),
        (2000, "2000.0", True),
        (2000, "2000.5", False),
        (2000, "nan", False),
        (2000, "sNaN", False),
        (2000, "inf", False),
        (2000, "1e999999999", False),
        (2000, "", False),
        (0.8, "0.80", True),
        (0.1, "0.1000000000000000055", True),
        (True, "true", True),
        (True, "1", False),
        ("2000", "2000.0", False),
    ],
)
def test_numbers_are_compared_exactly(value, text, is_same):
    """Whole numbers digit by digit, others as the nearest doubles, texts as texts."""
    tree = asdict(settings(30))
    one = catalogue.Found(Path("s/k"), {}, overrides.flat(tree) | {"seed": value})
    assert bool(catalogue.choose([one], [f"seed={text}"])) == is_same


VALUES = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text(),
    st.sampled_from(["sweep_may_accounts", "=1+1", "-5", "\x0b", "\udcff", "x" * 40_000, "第"]),
    st.lists(st.floats(allow_nan=False, allow_infinity=False)),
    st.none(),
)


@given(st.lists(VALUES, min_size=2, max_size=4))
@hypothesis_settings(max_examples=60, deadline=None)
@example([200, "sweep_may_accounts"])
@example([2**53 + 1, 0.5])
@example([2**63, 1])
@example([0, 1.7976931348623155e308])
@example([[1.0, 2.0], []])
def test_a_swept_key_may_have_values_of_any_kind(made, values):
    """Each writer holds them, as numbers where all are numbers and otherwise as texts."""
    path = next(made.glob("*/*/fit.csv"))
    found = []
    for number, value in enumerate(values):
        of = settings(30, seed=number)
        of.scenario.interventions["sweep_may"]["accounts"] = value
        facts = {"settings": asdict(of), "key": str(number), "model": "m", "tables": {"fit.csv": 1}}
        found.append(catalogue.Found(path.parent, facts, overrides.flat(asdict(of))))
    key = "scenario.interventions.sweep_may.accounts"
    table = catalogue.join(found)
    for kind, read in (
        ("parquet", pd.read_parquet), ("csv", pd.read_csv), ("xlsx", pd.read_excel),
    ):  # fmt: skip
        catalogue.write(table, Path(f"all.{kind}"))
        again = read(f"all.{kind}")
        assert len(again) == len(table)
    if key not in table:
        return
    again = pd.read_parquet("all.parquet").drop_duplicates("key")[key].tolist()
    given = [value for value in values if value is not None]
    if all(type(value) in (int, float) for value in given):
        expected = [float(value) for value in given]
        assert [float(one) for one in again if not pd.isna(one)] == pytest.approx(expected)
    elif not all(isinstance(value, bool) for value in given):
        kept = [one for one in again if not pd.isna(one)]
        assert all(isinstance(one, str) for one in kept) and len(kept) == len(given)


def test_a_spreadsheet_keeps_letters_and_digits(made):
    """Excel reads Chinese names, and changes no digit of a long whole number."""
    seed = 2**53 + 1
    table = pd.DataFrame({"study": ["第二次", "=x"], "seed": [seed, seed], "n": [1, 2]})
    catalogue.write(table, Path("all.xlsx"))
    sheet = openpyxl.load_workbook("all.xlsx")["results"]
    rows = [[cell.value for cell in row] for row in sheet]
    assert rows == [["study", "seed", "n"], ["第二次", str(seed), 1], ["'=x", str(seed), 2]]
    catalogue.write(catalogue.join(catalogue.collect(made)[0]), Path("made.xlsx"))
    assert set(pd.read_excel("made.xlsx")["scenario"]) == {"baseline_2015", "no_crackdown"}


def test_more_rows_than_a_sheet_has_are_refused(monkeypatch):
    """The line names the other formats; nothing is written."""
    monkeypatch.setattr(files, "MOST_ROWS", 1)
    with pytest.raises(InputError, match="csv=FILE or parquet=FILE"):
        catalogue.write(pd.DataFrame({"n": [1, 2]}), Path("deep/all.xlsx"))
    assert not Path("deep").exists()


@pytest.mark.parametrize(
    "name", ["a:b", "file:x", "http:x", "s3:x", "http://x/y", "a%20b", "data:,"]
)
def test_a_path_of_a_table_is_no_address(made, name):
    """A folder or file is what its name says, whatever a library would read into it."""
    words = [f"{kind}={name}/all.{kind}" for kind in catalogue.WRITERS]
    results_command.main([str(made), *words])
    assert len(list(Path(name).iterdir())) == 3
    words = [f"{kind}={name.replace('/', '')}.{kind}" for kind in catalogue.WRITERS]
    results_command.main([str(made), *words])


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
