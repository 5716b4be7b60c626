"""The command: its grammar, what it leaves behind, and one line for bad input."""

import ast
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.machinery import ModuleSpec
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hydra.core.global_hydra import GlobalHydra

from marketsim import errors
from marketsim.commands import cli, options
from marketsim.parameters import presets
from marketsim.simulation import catalogue, files, progress
from marketsim.simulation import run as simulation

# what the package imports of its dependencies; launchers of Hydra bring joblib and psutil, pyABC
# SQLAlchemy
IMPORTED = ("filelock", "hydra", "jinja2", "llvmlite", "marketsim", "matplotlib", "mesa", "numba",
            "numpy", "omegaconf", "openpyxl", "pandas", "platformdirs", "pyarrow", "scipy", "tqdm",
            "yaml", "joblib", "psutil", "sqlalchemy")  # fmt: skip
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
        "known: accounts_listed, agents_swept",
    ),
    "unknown recovery": (
        ["recovery=ternd"],
        "recovery 'ternd'",
        "did you mean 'trend'? Known: backup",
    ),
    "unknown population": (["population=nope"], "population 'nope'", "wechat"),
    "no population": (["population=null"], "population 'null'", "known: national"),
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
    "study with a slash": (["study=a/b"], "study=a/b", "without / \\"),
    "hidden study": (["study=.hidden"], "study=.hidden", "the first a letter"),
    "empty study": (["study=''"], "study=", "1 to 100 characters"),
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
    wanted = "id role observed obs_low obs_high median q05 q95 stochastic_share unit runs p_value"
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
    shipped = presets.folder() / "scenario" / "no_crackdown.yaml"
    (mine / "no_crackdown.yaml").write_bytes(shipped.read_bytes())
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


@pytest.mark.parametrize("place", ["nowhere", "a folder"])
@pytest.mark.parametrize(
    ("words", "package"),
    [
        ("calibrate", "jax"),
        ("calibrate", "optax"),
        ("calibrate", "statsmodels"),
        ("calibrate_market", "pyabc"),
        ("calibrate_market calibration.sampler=dask calibration.address=tcp://x:1", "distributed"),
        ("sensitivity", "SALib"),
        ("dashboard", "streamlit"),
    ],
)
def test_a_missing_package_is_one_line_before_any_work(
    monkeypatch, capfd, tmp_path, words, package, place
):
    """What to install is named, with the Python that runs, and nothing is written."""
    find = errors.importlib.util.find_spec
    missing = None if place == "nowhere" else ModuleSpec(package, None, is_package=True)
    monkeypatch.setattr(
        errors.importlib.util, "find_spec", lambda name: missing if name == package else find(name)
    )
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, *words.split())
    assert stop.value.code == 2
    err = capfd.readouterr().err
    assert err.startswith(f"marketsim: marketsim {words.partition(' calibration.address')[0]}")
    hint = f"{sys.executable} -m pip install '{errors.REQUIREMENTS[package]}'"
    assert err.endswith(f" requires {package}: {hint}\n") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_to_install_is_what_the_project_declares():
    """Each optional package is a requirement of an extra, and none is a core dependency."""
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = {one for each in project["optional-dependencies"].values() for one in each}
    assert {*errors.REQUIREMENTS.values()} <= extras
    assert not {*errors.REQUIREMENTS.values()} & {*project["dependencies"]}
    for path in (Path(errors.__file__).parent).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in (name.partition(".")[0] for name in names):
                known = (*sys.stdlib_module_names, *IMPORTED, *errors.REQUIREMENTS, "dask")
                assert name in known, f"{path}: {name}"
    own = [one for one in extras if one.startswith("marketsim")]
    assert own and all(one.startswith(f"{project['name']}[") for one in own)


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
    "marketsim calibrate calibration.": ("calibration.rounds=", "calibration.particles="),
    "marketsim calibrate_market calibration.": ("calibration.particles=", "calibration.rounds="),
    "marketsim verify results/x ": ("threads= progress= classes=", "scenario="),
    "marketsim results x csv": ("csv=", "parquet="),
    "marketsim results x scen": ("scenario=", "csv="),
    "marketsim dashboard po": ("port=", "open="),
    "marketsim compile -": ("--to --help", "--cfg --multirun"),
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


@pytest.mark.parametrize("is_cold", [True, False])
def test_a_first_run_waits_for_the_process_that_compiles(monkeypatch, tmp_path, is_cold):
    """A command compiles before it starts, behind a lock; where all is compiled it does not."""
    from marketsim.commands import compile
    from marketsim.numerics import jit

    compiled = []
    monkeypatch.setattr(jit, "is_cold", lambda: is_cold)
    monkeypatch.setattr(jit, "cache_folders", lambda: [tmp_path / "kernels"])
    monkeypatch.setattr(simulation, "compile_kernels", lambda: compiled.append(1))
    compile.ready(options.RunCommand(progress=False))
    assert compiled == [1] * is_cold


def test_subcommands_that_hydra_does_not_compose_have_their_keys():
    """The keys that completion offers are those that each subcommand reads."""
    from marketsim.commands import completion, dashboard, verify

    for module, name in ((verify, "verify"), (dashboard, "dashboard")):
        text = Path(module.__file__).read_text(encoding="utf-8")
        read = re.findall(r'^        "(\w+)": options\.', text, re.MULTILINE)
        assert [f"{key}=" for key in read] == list(completion.KEYS[name])
    assert completion.MORE_KEYS["results"] == tuple(f"{kind}=" for kind in catalogue.WRITERS)


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
    run_tables, simulated = simulation.run_tables, []

    def interrupted(settings, run, *threads):
        if run == 1 and len(simulated) < 2:
            raise KeyboardInterrupt
        simulated.append(run)
        return run_tables(settings, run, *threads)

    monkeypatch.setattr(simulation, "run_tables", interrupted)
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, *QUICK)
    assert stop.value.code == 130
    assert capfd.readouterr().err.count("\n") == 1
    assert not list(Path("results").glob("*/*/manifest.json"))
    simulated.append(-1)
    command(monkeypatch, *QUICK)
    assert simulated == [0, -1, 1]
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


# ---------------------------------------------------------------- files and names of the user

TINY = ["population=survey", "population.retailers=30", "replicates=1", "figures=false",
        "market=posting_only", "progress=false"]  # fmt: skip


def own_file(name: str, content: str, group: str = "scenario") -> None:
    """Write a config file of the user's."""
    folder = Path("mine") / group
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")


def harder(name: str, **more: str) -> str:
    """Return a scenario file with a larger sweep."""
    plain = name if re.fullmatch(r"[\w.]+", name) and name != "null" else f'"{name}"'
    lines = ["defaults: [baseline_2015, _self_]", f"name: {plain}"]
    lines += [f"{key}: {value}" for key, value in more.items()]
    return "\n".join([*lines, "interventions: {sweep_may: {accounts: 3000}}", ""])


REFUSED = {
    # file of the user's: its name, its content, and what the line names
    "a shipped scenario, changed": ("scenario/baseline_2015.yaml", harder("baseline_2015"),
                                    "name of a shipped file"),
    "a shipped population, changed": ("population/survey.yaml", "retailers: 31\n",
                                      "name of a shipped file"),
    "a shipped mechanism, changed": ("recovery/none.yaml", "name: none\n",
                                     "name of a shipped file"),
    "a shipped command, changed": ("run.yaml", "seed: 3\n", "name of a shipped file"),
    "another ending": ("scenario/own.yml", harder("own"), "rename it to own.yaml"),
    "another folder": ("scenarios/own.yaml", harder("own"), "rename it to scenario"),
    "another name": ("scenario/own.yaml", harder("other"), "own, the name of the file"),
    "no name": ("scenario/own.yaml", "defaults: [baseline_2015]\n", "own, the name of the file"),
    "an octal number": ("scenario/own.yaml", harder("own").replace("3000", "0500"), "0500"),
    "base sixty": ("scenario/own.yaml", harder("own").replace("3000", "1:30"), "1:30"),
    "an underscore": ("scenario/own.yaml", harder("own").replace("3000", "3_000"), "3_000"),
    "yes": ("scenario/own.yaml", harder("own").replace("3000", "yes"), "'yes'"),
    "an ending of an editor": ("scenario/own.yaml.txt", harder("own"), "rename it to own.yaml"),
    "another case": ("scenario/own.YAML", harder("own"), "rename it to own.yaml"),
    "the folder of a group": ("own.yaml", harder("own"), "the folder that has population/"),
    "a folder too high": ("conf/scenario/own.yaml", harder("own"), "folder that has population/"),
    "a base after itself": ("scenario/own.yaml", harder("own").replace(
                            "baseline_2015, _self_", "_self_, baseline_2015"), "then _self_"),
    "a typing error in what is left out": ("scenario/own.yaml", harder("own").replace(
                                           "{accounts: 3000}", "null, arest_may: null"),
                                           "leaves nothing out"),
    "nothing of what is inherited": ("scenario/own.yaml", harder("own").replace(
                                     "{sweep_may: {accounts: 3000}}", "{}"), "NAME: null"),
    "one value for a list": ("scenario/own.yaml", harder("own", dose_multipliers="2"), "[2]"),
    "no text": ("scenario/own.yaml", harder("own", about="null"), "a text is expected"),
    "a reference": ("scenario/own.yaml", harder("own", about="${seed}"), "a plain value"),
    "an empty entry": ("scenario/own.yaml", harder("own").replace("accounts: 3000", ""),
                       "sweep_may: null"),
}  # fmt: skip


@pytest.mark.parametrize("how", ["run", "sweep", "compare", "python"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_the_user_is_used_or_refused(monkeypatch, capfd, name, how):
    """No command runs with another file, or another meaning of it, than the user gave."""
    import marketsim as ms

    file, content, named = REFUSED[name]
    own_file(file.rpartition("/")[2], content, file.rpartition("/")[0])
    if how == "python":
        with pytest.raises(errors.InputError, match=re.escape(named)):
            ms.run("own", config_dir="mine", population="survey", progress=False)
    else:
        words = {"run": ["scenario=own", *TINY], "sweep": ["-m", "scenario=own", "seed=1,2", *TINY],
                 "compare": ["compare", "scenarios=[own]", *TINY[:3]]}[how]  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            command(monkeypatch, *words, "--config-dir", "mine")
        assert stop.value.code == 2
        err = capfd.readouterr().err
        assert named in err and err.count("\n") == 1
    assert {path.name for path in Path().iterdir()} == {"mine"}


NAMES = [
    "第二次",
    "2017",
    "1e3",
    "2015.10",
    "true",
    "plan B (new)",
    "it's, 50%",
    "a.b-c",
    "x=y",
    "été",
    "null",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_may_have_any_name(monkeypatch, capfd, name):
    """It is run, swept and composed for a comparison, from the shell and from Python."""
    import marketsim as ms
    from marketsim.commands import compare, compose

    own_file(f"{name}.yaml", harder(name))
    command(monkeypatch, f"scenario={name}", "--config-dir", "mine", *TINY)
    (made,) = Path("results").glob("*/*/manifest.json")
    assert made.parents[1].name == name
    if "," not in name:  # which divides the values of a sweep, unless quoted
        command(monkeypatch, "-m", f"scenario={name}", "seed=2015", "--config-dir", "mine", *TINY)
        assert "1 reused" in capfd.readouterr().out
    study = ms.run(name, config_dir="mine", population={"retailers": 30}, replicates=1,
                   figures=False, market="posting_only", progress=False)  # fmt: skip
    assert study.folder.resolve() == made.parent.resolve()
    quoted = name.replace("'", "\\'")
    forms = [f"scenarios=['{quoted}']"] + ([f"scenarios=[{name}]"] if "," not in name else [])
    for word in forms:
        flags = compose.flags(["--config-dir", "mine", word], options.CompareCommand)
        found = compose.composed(flags.overrides, "compare", options.CompareCommand, "mine")
        assert found.scenarios == [name]
        own = compare._own_scenarios(found.scenarios, flags.overrides, "mine")
        assert own[name].interventions["sweep_may"]["accounts"] == 3000


def test_files_of_defaults_that_name_each_other_are_one_line(monkeypatch, capfd):
    """With interventions left out or without."""
    for entries in ("", "interventions: {x: null}\n"):
        own_file("own.yaml", f"defaults: [other]\nname: own\n{entries}")
        own_file("other.yaml", "defaults: [own]\nname: other\n")
        with pytest.raises(SystemExit) as stop:
            command(monkeypatch, "scenario=own", "--config-dir", "mine", *TINY)
        assert stop.value.code == 2
        err = capfd.readouterr().err
        assert "the files of defaults name each other" in err and err.count("\n") == 1


def test_a_copy_of_a_shipped_file_is_taken_whatever_ends_its_lines(monkeypatch):
    """A copy made on another system has the same content."""
    shipped = (presets.folder() / "scenario" / "no_crackdown.yaml").read_bytes()
    Path("mine/scenario/folder.yaml").mkdir(parents=True)
    Path("mine/scenario/no_crackdown.yaml").write_bytes(shipped.replace(b"\n", b"\r\n"))
    command(monkeypatch, "scenario=no_crackdown", "--config-dir", "mine", *TINY)
    assert len(list(Path("results/no_crackdown").glob("*/manifest.json"))) == 1


def test_null_takes_an_inherited_intervention_out(monkeypatch):
    """In a file and on the command line, as None does in Python."""
    own_file(
        "own.yaml", harder("own").replace("{sweep_may: {accounts: 3000}}", "{arrest_may: null}")
    )
    command(monkeypatch, "scenario=own", "--config-dir", "mine", *TINY)
    command(monkeypatch, "scenario.interventions.arrest_may=null", *TINY)
    made = [json.loads(path.read_text()) for path in Path("results").glob("*/*/manifest.json")]
    assert len(made) == 2
    for manifest in made:
        entries = manifest["settings"]["scenario"]["interventions"]
        assert "sweep_may" in entries and "arrest_may" not in entries


FOLDERS = ["Dropbox (Org)/ivory", "a, b", "2015.10", "100%", "x=y", "it's", "结果", "null"]


@pytest.mark.parametrize("name", FOLDERS)
def test_results_go_to_any_folder(monkeypatch, name):
    """A path is taken as it is typed."""
    command(monkeypatch, f"output={name}", "study=2015.10", *TINY)
    assert len(list(Path(name, "2015.10").glob("*/manifest.json"))) == 1


ADVICE = {
    "one scenario": (["compare", "scenarios=no_crackdown"], "'scenarios=[no_crackdown]' for one"),
    "one file": (["classes=own.py"], "a list of files, 'classes=[own.py]' for one"),
    "a distribution": (["-m", "posting.weekend=interval(0.8,1.0)"], "range(START,STOP)"),
    "a choice that is a path": (["population=../run"], "known: national"),
    "added and left out": (["+scenario.interventions.x=null"], "~scenario.interventions.x"),
    "a name with a slash": (["study=a/b"], "without / \\"),
    "several scenarios": (["compare", "scenarios=a,b"], "'scenarios=[a,b]' for one"),
    "one number": (["scenario.dose_multipliers=2"], "a list of numbers, 'scenario.dose_mult"),
    "words for numbers": (
        ["scenario.dose_multipliers=[a]"],
        "[a] has the wrong type: expected a list",
    ),
    "brackets": (["classes=(a.py)"], "a list of files"),
    "a missing text": (["study=???"], "in Hydra ??? and ${"),
    "an open reference": (["output=x${"], "in Hydra ??? and ${"),
    "an unknown intervention": (["~scenario.interventions.nope"], "no scenario.interventions.nope"),
    "an entry without keys": (
        ["scenario.interventions.sweep_may={}"],
        "~scenario.interventions.sweep_may",
    ),
    "nothing added": (["+scenario.interventions.nope=null"], "a kind of intervention"),
    "other letters in a key": (["+scenario.interventions.第.kind=news"], "letters a to z"),
    "no choice": (["scenario="], "unknown scenario ''; known: accounts_listed"),
    "a missing choice": (["scenario=???"], "unknown scenario '???'"),
    "a choice left out": (["~scenario"], "only ~scenario.interventions.NAME"),
    "a space in a key": (["a b=1"], "unknown parameter 'a b'"),
    "no file of that pattern": (["-m", "scenario=glob(nope*)"], "a pattern of accounts_listed"),
    "a pattern of numbers": (["-m", "seed=glob(*)"], "one value or more"),
    "an empty range": (["-m", "seed=range(2,1)"], "one value or more"),
}


@pytest.mark.parametrize("name", ADVICE)
def test_a_refusal_says_what_to_write(monkeypatch, capfd, name):
    """The line has the way out."""
    words, advice = ADVICE[name]
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, *words)
    assert stop.value.code == 2
    assert advice in capfd.readouterr().err


def test_a_sweep_leaves_no_other_folder(monkeypatch):
    """Each job's folder, and no other, exists afterwards."""
    command(monkeypatch, "-m", "output=out${seed}", "seed=1,2", *TINY)
    command(monkeypatch, "-m", "output=a,b", *TINY)
    assert {path.name for path in Path().iterdir()} == {"out1", "out2", "a", "b"}
