"""The command: its grammar, what it leaves behind, and one line for bad input."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hydra.core.global_hydra import GlobalHydra

from marketsim import errors
from marketsim.commands import cli, options
from marketsim.parameters import presets
from marketsim.simulation import files, progress
from marketsim.simulation import run as simulation

QUICK = ["population=survey", "population.retailers=150", "replicates=2", "progress=false"]


def command(monkeypatch, *words: str) -> None:
    """Run the command in this process."""
    GlobalHydra.instance().clear()
    monkeypatch.setattr(sys, "argv", ["marketsim", *words])
    cli.main()


def only_result(folder: str) -> Path:
    (found,) = Path(folder).glob("*/*/manifest.json")
    return found.parent


BAD = {
    # unknown keys
    "unknown key": (["nope=1"], "parameter 'nope'", "--cfg job"),
    "unknown group key": (
        ["posting.base_pots=1"],
        "parameter 'posting.base_pots'",
        "'posting.base_posts'?",
    ),
    "appended key": (["+nope=1"], "parameter 'nope'", "--cfg job"),
    "appended group key": (
        ["+posting.weekends=1"],
        "parameter 'posting.weekends'",
        "'posting.weekend'?",
    ),
    "unknown group": (["populaton=survey"], "parameter 'populaton'", "'population'?"),
    "unknown scenario": (
        ["scenario=nope"],
        "scenario 'nope'",
        "known: baseline_2015, calendar_2018",
    ),
    "unknown recovery": (
        ["recovery=ternd"],
        "recovery 'ternd'",
        "did you mean 'trend'? Known: backup",
    ),
    "unknown population": (["population=nope"], "population 'nope'", "wechat"),
    "no population": (["population=null"], "population=null", "string"),
    "unknown hydra key": (["hydra.nope=1"], "'hydra.nope=1'", "setting of Hydra"),
    "unknown launcher": (["hydra/launcher=nope"], "'hydra/launcher=nope'", "with -m"),
    "unknown flag": (["--nope"], "--nope", "--cfg"),
    "flag without a value": (["--cfg"], "--cfg", "--cfg"),
    "unknown main config": (["--config-name", "nope"], "--config-name", "--config-dir"),
    "not an override": (["posting"], "'posting'", "KEY=VALUE"),
    "two words": (["a", "b"], "'a b'", "KEY=VALUE"),
    "sweep without -m": (["seed=1,2"], "seed=1,2", "grammar"),
    # wrong types
    "text for a whole number": (["seed=abc"], "seed=abc", "whole number"),
    "nothing for a whole number": (["seed="], "seed=", "whole number"),
    "null for a whole number": (["seed=null"], "seed=null", "whole number"),
    "list for a whole number": (["seed=[1,2]"], "seed=[1,2]", "whole number"),
    "fraction of a retailer": (["population.retailers=1.5"], "retailers=1.5", "whole number"),
    "text for a number": (["posting.base_posts=many"], "posting.base_posts=many", "a number"),
    "text for a switch": (["fresh=maybe"], "fresh=maybe", "true or false"),
    "text for threads": (["threads=all"], "threads=all", "whole number"),
    "number for a group": (["posting=3"], "posting=3", "posting.KEY"),
    "all interventions at once": (
        ["scenario.interventions={}"],
        "interventions={}",
        "leave one out",
    ),
    "misspelt intervention": (
        ["scenario.interventions.sweep_mai.date=2015-07-01"],
        "sweep_mai.date=2015-07-01",
        "adds one",
    ),
    "number for interventions": (["scenario.interventions=3"], "interventions=3", "NAME.KEY"),
    "open reference": (["seed=${nope}"], "seed=${nope}", "whole number"),
    # out of range
    "no replicates": (["replicates=0"], "replicates=0", "1 to 1000000 runs"),
    "negative seed": (["seed=-1"], "seed=-1", "0 to"),
    "huge seed": (["seed=9223372036854775808"], "seed=9223372036854775808", "0 to"),
    "no threads": (["threads=0"], "threads=0", "1 to 1024 threads"),
    "no retailers": (["population.retailers=0"], "population.retailers=0", "1 to 2000000"),
    "too many posts": (["posting.base_posts=99"], "posting.base_posts=99", "0.01 to 20"),
    "not a number": (["posting.base_posts=nan"], "posting.base_posts=nan", "0.01 to 20"),
    "infinite": (["perception.half_life=inf"], "perception.half_life=inf", "7 to 56 days"),
    "share above one": (["moderation.upheld=1.1"], "moderation.upheld=1.1", "0 to 1"),
    "weight above one": (["recovery.smooth=2"], "recovery.smooth=2", "0 to 1 weight"),
    "nobody of any type": (
        [f"population.type_{letter}=0" for letter in "abcd"],
        "population.type_a=0",
        "above 0",
    ),
    "nowhere to go": (
        ["displacement.groups=0", "displacement.elsewhere=0"],
        "displacement.groups=0",
        "above 0",
    ),
    # dates and doses
    "no such day": (
        ["scenario.interventions.sweep_may.date=2015-02-30"],
        "sweep_may.date=2015-02-30",
        "a date like",
    ),
    "date outside the horizon": (
        ["scenario.interventions.sweep_may.date=2016-05-29"],
        "sweep_may.date=2016-05-29",
        "2015-03-06 to 2015-07-31",
    ),
    "evidence without a date": (
        ["scenario.interventions.sweep_may.date=trader_types_a"],
        "date=trader_types_a",
        "a date like",
    ),
    "target as a dose": (
        ["scenario.interventions.sweep_may.accounts=ads_total"],
        "accounts=ads_total",
        "input of the evidence",
    ),
    "text as a dose": (
        ["scenario.interventions.sweep_may.accounts=many"],
        "accounts=many",
        "a number, or an input",
    ),
    "negative dose": (["scenario.interventions.sweep_may.posts=-1"], "posts=-1", "0 to"),
    "publicity above one": (
        ["scenario.interventions.arrest_may.publicity=2"],
        "arrest_may.publicity=2",
        "0 to 1",
    ),
    "unknown kind": (["+scenario.interventions.x.kind=raid"], "x.kind 'raid'", "sweep"),
    "no kind": (["+scenario.interventions.x.date=2015-05-01"], "x.kind 'None'", "sweep"),
    "not an intervention": (["+scenario.interventions.x=3"], "x.kind '3'", "sweep"),
    "silence too long for its spells": (
        ["posting.silent_share=0.9", "posting.silent_days=2"],
        "posting.silent_days=2",
        "9 days or more",
    ),
    "removed by null": (
        ["scenario.interventions.sweep_may=null"],
        "sweep_may.kind 'None'",
        "sweep",
    ),
    "unknown dose": (
        ["+scenario.interventions.sweep_may.post=3"],
        "sweep_may.post'",
        "sweep_may.posts'?",
    ),
    "no date": (
        ["+scenario.interventions.x.kind=news"],
        "x.date",
        "Usage: scenario.interventions.x.date=YYYY-MM-DD",
    ),
    "end before start": (
        ["+scenario.interventions.planet_campaign.end=2015-05-01"],
        "planet_campaign.end=2015-05-01",
        "not before",
    ),
    "burn-in too short": (["horizon.start=2015-05-01"], "start=2015-05-01", "2015-03-06"),
    "end within the survey": (["horizon.end=2015-06-30"], "end=2015-06-30", "2015-07-31"),
    "not a date": (["horizon.start=March"], "horizon.start=March", "a date like"),
    # where it goes
    "study with a slash": (["study=a/b"], "study=a/b", "letters, digits"),
    "hidden study": (["study=.hidden"], "study=.hidden", "not first"),
    "empty study": (["study=''"], "study=", "letters, digits"),
    "empty output": (["output=''"], "output=''", "a folder"),
    "output below a file": (
        ["output=/dev/null/x"],
        "/dev/null/x",
        "another folder with output=FOLDER",
    ),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_one_line_and_nothing_is_written(monkeypatch, capfd, tmp_path, name):
    """Bad input: what is wrong and what to do in one line; exit code 2; nothing written."""
    words, shown, allowed = BAD[name]
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, *QUICK, *words)
    out, err = capfd.readouterr()
    assert stop.value.code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert shown in err
    assert allowed in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_good_input_is_not_refused(monkeypatch, capfd, tmp_path):
    """Negative control: the same words without a fault run and write."""
    command(monkeypatch, *QUICK)
    out, err = capfd.readouterr()
    assert "ads_total" in out
    assert err == ""
    assert only_result("results").parent.name == "baseline_2015"


def test_a_run_leaves_what_the_readme_says(monkeypatch, capfd):
    """Tables with units, figures, a report and a manifest with checksums of every table."""
    command(monkeypatch, "run", *QUICK, "output=there", "study=mine", "seed=5")
    folder = only_result("there")
    assert folder.parent.name == "mine"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tables = {f"{name}.parquet" for name in simulation.TABLES} | {"fit.csv", "headline.csv"}
    assert tables | {"manifest.json", "report.html"} <= names
    assert sum(name.startswith("figures/") for name in names) == 7
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["tables"]) == tables
    assert manifest["settings"]["seed"] == 5
    assert not re.search(r"/home|/root|/work|\\\\Users", (folder / "manifest.json").read_text())
    for item in pq.read_schema(folder / "survey.parquet"):
        assert item.metadata[b"unit"]
    fit = pd.read_csv(folder / "fit.csv")
    wanted = "id role observed obs_low obs_high median q05 q95 stochastic_share unit within"
    assert list(fit) == wanted.split()


def test_the_printed_table_is_the_table_written(monkeypatch, capfd):
    """Each row of the fit stands in what is printed."""
    command(monkeypatch, *QUICK)
    out = capfd.readouterr().out
    for row in pd.read_csv(only_result("results") / "fit.csv")["id"]:
        assert row in out


def test_a_complete_result_is_taken_as_it_is(monkeypatch, capfd):
    """The same command again reuses the result; fresh=true makes it again, with the same bytes."""
    command(monkeypatch, *QUICK)
    folder = only_result("results")
    first = manifest_and_sums(folder)
    command(monkeypatch, *QUICK, "threads=2")
    assert "loaded cached result" in capfd.readouterr().out
    assert manifest_and_sums(folder) == first
    command(monkeypatch, *QUICK, "fresh=true")
    assert "loaded cached result" not in capfd.readouterr().out
    again = manifest_and_sums(folder)
    assert again[1] == first[1]
    assert again[0] != first[0]


def manifest_and_sums(folder: Path) -> tuple[str, dict]:
    text = (folder / "manifest.json").read_text()
    return text, json.loads(text)["tables"]


def test_a_first_word_that_is_no_subcommand_is_an_override(monkeypatch, capfd):
    """`marketsim run X` and `marketsim X` are the same."""
    command(monkeypatch, *QUICK, "--cfg", "job")
    bare = capfd.readouterr().out
    command(monkeypatch, "run", *QUICK, "--cfg", "job")
    assert capfd.readouterr().out == bare
    assert "retailers: 150" in bare


def test_a_sweep_runs_every_job(monkeypatch, capfd):
    """-m runs the product of its choices, each in a result of its own."""
    command(monkeypatch, "-m", *QUICK, "scenario=baseline_2015,no_crackdown", "seed=1,2")
    done = sorted(path.parent.parent.name for path in Path("results").glob("*/*/manifest.json"))
    assert done == ["baseline_2015"] * 2 + ["no_crackdown"] * 2
    assert [path.name for path in Path.cwd().iterdir()] == ["results"]


@pytest.mark.parametrize("group", ["scenario", "recovery", "population"])
def test_every_choice_of_every_group_composes(monkeypatch, capfd, group):
    """Each YAML file in conf composes, passes the checks, and is named in the help."""
    names = sorted(path.stem for path in (presets.folder() / group).glob("*.yaml"))
    assert names
    command(monkeypatch, "--help")
    shown = capfd.readouterr().out
    for name in names:
        command(monkeypatch, f"{group}={name}", "--cfg", "job")
        assert "seed: 2015" in capfd.readouterr().out
        assert name in shown


def test_help_is_quick():
    """It imports nothing heavy: neither what simulates and draws, nor what composes settings."""
    heavy = {"numpy", "pandas", "numba", "hydra", "omegaconf", "matplotlib", "scipy", "mesa"}
    code = (
        "import sys; sys.argv = ['marketsim', '--help']; from marketsim.__main__ import main; "
        f"main(); print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "usage: marketsim" in done.stdout


def test_a_private_module_of_hydra_is_imported_in_one_place():
    """Hydra's public interface does the rest."""
    package = Path(cli.__file__).parents[1]
    texts = {path.name: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    found = {name: text.count("hydra._internal") for name, text in texts.items()}
    assert {name: number for name, number in found.items() if number} == {"sweep.py": 1}


def test_a_folder_of_ones_own_adds_to_what_is_shipped(monkeypatch, capfd):
    """A scenario of the user's composes by name; a shipped file is never replaced."""
    mine = Path("mine/scenario")
    mine.mkdir(parents=True)
    (mine / "own.yaml").write_text("name: own\n", encoding="utf-8")
    (mine / "no_crackdown.yaml").write_text("name: replaced\n", encoding="utf-8")
    Path("mine/run.yaml").write_text("seed: 7\n", encoding="utf-8")
    for name in ("own", "no_crackdown"):
        command(monkeypatch, f"scenario={name}", "--config-dir", "mine", "--cfg", "job")
        shown = capfd.readouterr().out
        assert f"name: {name}\n" in shown
        assert "seed: 2015" in shown
    with pytest.raises(SystemExit):
        command(monkeypatch, "scenario=own", "--cfg", "job")
    with pytest.raises(SystemExit):
        command(monkeypatch, "--config-dir", "nowhere")
    assert "--config-dir=nowhere is invalid" in capfd.readouterr().err


def test_a_hydra_application_that_calls_is_left_as_it_was():
    """Composition inside another application of Hydra's leaves that application initialized."""
    from hydra import initialize_config_dir

    from marketsim.commands import compose

    with initialize_config_dir(str(presets.folder()), version_base="1.3"):
        outer = GlobalHydra.instance().hydra
        compose.composed([], "run", options.RunCommand)
        assert GlobalHydra.instance().hydra is outer


@pytest.mark.parametrize(
    ("flag", "shown"),
    [
        ("--cfg job -p posting", "weekend: "),
        ("--info searchpath", "conf"),
        ("--hydra-help", "--config-dir"),
        ("-sc install=bash", "complete"),
    ],
)
def test_flags_of_hydra_print(tmp_path, flag, shown):
    """What Hydra can tell is printed, and nothing is written."""
    line = [sys.executable, "-m", "marketsim", *flag.split()]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert shown in done.stdout and done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["calibrate", "calibrate_market", "sensitivity"])
def test_a_missing_package_is_one_line_before_any_work(monkeypatch, capfd, tmp_path, name):
    """The extra to install is named; nothing is written."""
    monkeypatch.setattr(errors.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, name)
    extra = name.removesuffix("_market")
    assert stop.value.code == 2
    err = capfd.readouterr().err
    assert err.startswith(f"marketsim: marketsim {extra} requires ")
    assert err.endswith(f": pip install 'marketsim[{extra}]'\n")
    assert list(tmp_path.iterdir()) == []


PRINTING = ("--help", "--version", "compare --help", "verify -h", "dashboard --help", "--cfg job",
            "compare --cfg job", "--hydra-help", "--info", "-sc install=bash")  # fmt: skip


@pytest.mark.parametrize("words", PRINTING)
def test_a_reader_that_has_ended_is_no_fault(words):
    """`marketsim ... | head -1`: exit code 141 as of other programs, and nothing on stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "marketsim", *words.split()]
    done = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


TABS = {
    "marketsim ": ("run compare verify results dashboard scenario= posting.", "hydra"),
    "marketsim com": ("compare", "run"),
    "marketsim posting.base": ("posting.base_posts=", "compare"),
    "marketsim run scenario=no": ("scenario=no_crackdown", "scenario=repeated_sweeps"),
    "marketsim compare ": (
        "scenarios= baseline= precision= classes= scenario=",
        "fresh= scenarios.",
    ),
    "marketsim compare pri": ("prior=", "precision="),
    "marketsim compare scenarios=[": ("scenarios=[no_crackdown", "scenarios=no_crackdown"),
    "marketsim compare scenarios=[legal_sale,no": ("scenarios=[legal_sale,no_crackdown", "run"),
    "marketsim compare baseline=no": ("baseline=no_crackdown", "baseline=repeated_sweeps"),
    "marketsim sensitivity traj": ("trajectories=", "run"),
    "marketsim calibrate calibration.": ("calibration.particles=", "run"),
    "marketsim identify simu": ("simulations=", "run"),
    "marketsim verify results/x ": ("threads= progress= classes=", "scenario="),
    "marketsim results x csv": ("csv=", "parquet="),
    "marketsim results x scen": ("scenario=", "csv="),
    "marketsim dashboard po": ("port=", "open="),
    "marketsim compare --conf": ("--config-dir", "--help"),
    "marketsim -m seed=1,2 repl": ("replicates=", "run"),
    "marketsim --config-dir mine scenario=ha": ("scenario=harder", "scenario=no_crackdown"),
    "marketsim scenario=nope repl": ("", "replicates="),
    "marketsim 'unclosed": ("", "run"),
    "~/a folder/marketsim com": ("", "marketsim"),
}


@pytest.mark.parametrize("line", list(TABS))
def test_tab_completes_subcommands_and_their_keys(monkeypatch, capfd, line):
    """What --help names is offered after each subcommand; a line with a fault prints nothing."""
    scenario = Path("mine/scenario/harder.yaml")
    scenario.parent.mkdir(parents=True)
    scenario.write_text("name: harder\n", encoding="utf-8")
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    command(monkeypatch, "-sc", "query=bash")
    out, err = capfd.readouterr()
    offered, others = TABS[line]
    assert err == ""
    assert set(offered.split()) <= set(out.split())
    assert not set(others.split()) & set(out.split())


def test_subcommands_that_hydra_does_not_compose_have_their_keys():
    """The keys that completion offers are those that each subcommand reads."""
    from marketsim.commands import completion, dashboard, verify

    for module, name in ((verify, "verify"), (dashboard, "dashboard")):
        text = Path(module.__file__).read_text(encoding="utf-8")
        read = re.findall(r'^        "(\w+)": options\.', text, re.MULTILINE)
        assert [f"{key}=" for key in read] == list(completion.KEYS[name])


class Stream(io.StringIO):
    """An error stream that a terminal or a notebook shows, or that is a log."""

    def __init__(self, is_terminal=False):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


class OfNotebook(Stream):
    """As ipykernel's, which is no terminal."""

    __module__ = "ipykernel.iostream"


@pytest.mark.parametrize(
    ("stream", "wanted", "is_drawn"),
    [
        (Stream(is_terminal=True), True, True),
        (OfNotebook(), True, True),
        (Stream(), True, False),
        (Stream(is_terminal=True), False, False),
        (None, True, False),
    ],
    ids=["terminal", "notebook", "log", "not wanted", "closed"],
)
def test_a_bar_is_drawn_where_somebody_watches(monkeypatch, stream, wanted, is_drawn):
    """A log or a mail has no carriage returns."""
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.bar(3, "run", wanted) as bar:
        bar.update()
    assert bool(stream and stream.getvalue()) == is_drawn


def test_a_log_of_a_study_has_no_bar(monkeypatch, capfd):
    """With progress=true, the default, and an error stream that is a file."""
    command(monkeypatch, *QUICK[:-1], "market=posting_only", "figures=false")
    err = capfd.readouterr().err
    assert "\r" not in err and "run/s" not in err


def test_an_interrupted_study_goes_on_from_its_batches(monkeypatch, capfd):
    """Ctrl-C: exit 130, one line, no result; finished batches are not run again."""
    monkeypatch.setattr(simulation, "BATCH", 1)
    run_tables, lived = simulation.run_tables, []

    def interrupted(settings, run):
        if run == 1 and len(lived) < 2:
            raise KeyboardInterrupt
        lived.append(run)
        return run_tables(settings, run)

    monkeypatch.setattr(simulation, "run_tables", interrupted)
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, *QUICK)
    assert stop.value.code == 130
    assert capfd.readouterr().err.count("\n") == 1
    assert not list(Path("results").glob("*/*/manifest.json"))
    lived.append(-1)
    command(monkeypatch, *QUICK)
    assert lived == [0, -1, 1]
    interrupted_sums = manifest_and_sums(only_result("results"))[1]
    monkeypatch.setattr(simulation, "run_tables", run_tables)
    command(monkeypatch, *QUICK, "output=straight")
    assert manifest_and_sums(only_result("straight"))[1] == interrupted_sums


def test_a_full_disk_is_one_line(monkeypatch, capfd):
    """A fault of the disk is one line and exit code 1, and no result."""

    def full(table, path, more=None):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "write_parquet", full)
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, *QUICK)
    err = capfd.readouterr().err
    assert stop.value.code == 1
    assert err.count("\n") == 1
    assert "No space left" in err
    assert not list(Path("results").glob("*/*/manifest.json"))


def test_a_file_of_interventions_is_named_by_the_user_alone(tmp_path):
    """A config of somebody else cannot run code: `classes` counts only as a word of the command."""
    from omegaconf import OmegaConf

    from marketsim.commands import compose
    from marketsim.errors import InputError

    (tmp_path / "mine.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    command = options.RunCommand(posterior="none", classes=[str(tmp_path / "mine.py")])
    config = OmegaConf.structured(command)
    with pytest.raises(InputError, match="command line"):
        compose.checked(config, options.RunCommand, ["seed=3"])
    taken = compose.checked(config, options.RunCommand, [f"classes=[{tmp_path / 'mine.py'}]"])
    assert taken.classes == command.classes
