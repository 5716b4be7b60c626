"""What SECURITY.md says: nobody's file runs code, reaches the environment, or a spreadsheet."""

import ast
import json
import pickle
import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml
from campaigns.inputs import FILES, OWN
from conftest import settings
from test_cli import command, only_result

import marketsim
from marketsim.commands import results as results_command
from marketsim.commands import run as run_command
from marketsim.errors import InputError
from marketsim.mesa_model.market import Market
from marketsim.simulation import catalogue, store

QUICK = [
    *("population=survey", "population.retailers=30", "replicates=1", "posterior=none"),
    *("recovery=combined", "figures=false", "progress=false"),
]
CANARY = "PWNED"
EVIL = f"open({CANARY!r}, 'w').close()\n".encode()
OWN_FILE = ["--config-dir", "mine", "scenario=own", "study=s"]
PACKAGE = Path(marketsim.__file__).parent


def place(name: str, content: bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refusal(monkeypatch, capfd, *words: str) -> str:
    """Return the line that refuses words; nothing is written and nothing has run."""
    before = {path: path.lstat().st_mtime_ns for path in Path().rglob("*")}
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, *words)
    out, err = capfd.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (2, "", 1), err
    assert {path: path.lstat().st_mtime_ns for path in Path().rglob("*")} == before
    assert not Path(CANARY).exists()
    return err


@pytest.mark.parametrize("what", list(FILES))
def test_a_file_of_somebody_else_runs_nothing(monkeypatch, capfd, what):
    """Tags, targets, packages, callbacks, loggers, bombs, references: one line each."""
    content, key = FILES[what]
    place("mine/scenario/own.yaml", content)
    place("evil.py", EVIL)
    assert key in refusal(monkeypatch, capfd, *QUICK, *OWN_FILE)


def test_the_canary_sings():
    """Negative control: read without care, such a file does run."""
    yaml.unsafe_load(f"!!python/object/apply:os.system ['touch {CANARY}']")
    assert Path(CANARY).exists()


def test_a_plain_file_is_taken(monkeypatch):
    """Negative control: what is refused is not every file."""
    content = "name: own\nabout: '<script>'\ninterventions:\n  x: {kind: news, date: 2015-05-01}\n"
    place("mine/scenario/own.yaml", content.encode())
    command(monkeypatch, *QUICK, *OWN_FILE)
    of = json.loads((only_result("results") / "manifest.json").read_text())["settings"]
    assert of["scenario"]["interventions"] == {"x": {"kind": "news", "date": "2015-05-01"}}


@pytest.mark.parametrize(
    "words",
    [
        ["+hydra.callbacks.x={_target_:os.system,command:'touch PWNED'}"],
        ["+posting._target_=os.system"],
        ["hydra.job_logging.handlers.x={'()':os.system}"],
        ["-m", "hydra.launcher._target_=os.system", "seed=1,2"],
        ["-m", "hydra.searchpath=[pkg://antigravity]", "seed=1,2"],
        ["--config-dir", "theirs", "-m", "hydra/launcher=own", "seed=1,2"],
        ["--config-path", "theirs"],
        ["--experimental-rerun", "job.pickle"],
        ["--exp", "job.pickle"],
    ],
)
def test_words_that_would_have_hydra_build_something(monkeypatch, capfd, words):
    """Nothing that Hydra could build or unpickle is reached."""
    place("theirs/hydra/launcher/own.yaml", b"_target_: os.system\ncommand: touch PWNED\n")
    place("job.pickle", pickle.dumps(Evil()))
    refusal(monkeypatch, capfd, *QUICK, *words)


class Evil:
    """Unpickled, it sings."""

    def __reduce__(self):
        return exec, (EVIL.decode(),)


def test_the_pickle_sings():
    """Negative control: unpickled, the job does run."""
    pickle.loads(pickle.dumps(Evil()))
    assert Path(CANARY).exists()


def test_a_manifest_names_no_file_to_run(monkeypatch, capfd, tmp_path):
    """`verify` runs a file of interventions only where the command line names it."""
    file = place("mine.py", OWN)
    of = settings(30, replicates=1)
    of.classes = [str(file)]
    folder = run_command.run_study(of, tmp_path / "made", figures=False).folder
    theirs = Path(shutil.copytree(folder, tmp_path / "theirs"))
    file.write_bytes(EVIL + OWN)
    assert "classes" in refusal(monkeypatch, capfd, "verify", str(theirs))
    with pytest.raises(SystemExit):  # named, it runs: the tables are the same, the file is not
        command(monkeypatch, "verify", str(theirs), "classes=[nope.py]")
    command(monkeypatch, "verify", str(theirs), "progress=false", f"classes=[{file}]")
    assert capfd.readouterr().out == "identical\n"
    assert Path(CANARY).exists()


def test_a_checkpoint_names_no_file_to_run(tmp_path):
    """A market is resumed with files of interventions only where they are given."""
    file = place("mine.py", OWN)
    of = settings(30)
    of.classes = [str(file)]
    Market(of, seed=1).checkpoint(tmp_path / "theirs.npz")
    file.write_bytes(EVIL + OWN + b"# another file\n")
    with pytest.raises(InputError, match="classes"):
        Market.resume(tmp_path / "theirs.npz")
    assert not Path(CANARY).exists()
    Market.resume(tmp_path / "theirs.npz", classes=[str(file)])
    assert Path(CANARY).exists()


def test_the_environment_stays_here(monkeypatch, capfd):
    """A file cannot have a variable written into a result; a word of the user's own may."""
    monkeypatch.setenv("SECRET", "hush")
    place("mine/scenario/own.yaml", b"name: own\nabout: ${oc.env:SECRET}\n")
    assert "hush" not in refusal(monkeypatch, capfd, *QUICK, *OWN_FILE)
    command(monkeypatch, *QUICK, "scenario.about=${oc.env:SECRET}")
    assert "hush" in (only_result("results") / "manifest.json").read_text()


def test_a_page_shows_what_a_scenario_says(monkeypatch):
    """A text of a scenario's is escaped in the report of a comparison."""
    place("mine/scenario/own.yaml", b"name: own\nabout: <script>alert(1)</script>\n")
    words = ["scenarios=[no_crackdown]", "baseline=own", "replicates=2", "prior=false"]
    words += ["population.retailers=30", "posterior=none", "recovery=combined", "progress=false"]
    command(monkeypatch, "compare", "--config-dir", "mine", "scenario=own", *words)
    page = (only_result("results") / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    book = openpyxl.load_workbook(only_result("results") / "comparison.xlsx")
    assert not [cell for sheet in book for row in sheet for cell in row if cell.data_type == "f"]


@pytest.mark.parametrize("name", ["=1+1", "@x", "+x", "-x", "a\nb", "a/b", "", "x" * 101])
def test_names_are_no_formulas(name):
    """A scenario's name begins no formula and no other path."""
    of = settings(30, scenario__name=name)
    with pytest.raises(InputError, match=r"scenario\.name"):
        run_command.result_folder(of, Path("results"))


def test_a_joined_table_holds_no_formula(tmp_path):
    """A text that a spreadsheet would take for a formula has an apostrophe before it."""
    cells = ["=1+1", "+x", "-x", "@x", "\tx", "plain", -3.5]
    catalogue.write(pd.DataFrame({"=key": cells}), tmp_path / "all.csv")
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines == ["'=key", "'=1+1", "'+x", "'-x", "'@x", "'\tx", "plain", "-3.5"]


def test_a_terminal_is_told_nothing_else(monkeypatch, capfd):
    """Control characters of a word are shown, not sent."""
    line = refusal(monkeypatch, capfd, *QUICK, "study=\x1b[31m\u202ered\x07")
    assert line[:-1].isprintable()
    assert r"\x1b[31m\u202ered" in line


def unsafe(source: str) -> list[str]:
    """Return what of a source could run something that a file says."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [one.name for one in node.names] + [getattr(node, "module", None) or ""]
            found += [name for name in names if name in ("pickle", "cloudpickle", "dill", "shelve")]
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            told = {one.arg: ast.unparse(one.value) for one in node.keywords}
            if name in ("eval", "exec", "os.system", "pd.read_pickle", "yaml.unsafe_load"):
                found.append(name)
            if name == "yaml.load" and told.get("Loader") != "yaml.BaseLoader":
                found.append(name)
            if told.get("allow_pickle") == "True" or told.get("shell") == "True":
                found.append(name)
            if name == "np.load" and told.get("allow_pickle") != "False":
                found.append(name)
    return found


def test_nothing_else_is_unpickled_or_evaluated():
    """A sweep and the cache of kernels unpickle what they wrote; nothing is evaluated."""
    found = {path.name: unsafe(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
    assert {name: what for name, what in found.items() if what} == {
        "sweep.py": ["pickle"],
        "jit.py": ["pickle"],  # compiled kernels, of the user, a chosen folder or the package
    }
    text = "import pickle\nnp.load(x)\nyaml.load(x)\nexec(x)\nf(shell=True)"
    assert len(unsafe(text)) == 5  # negative control


def test_a_result_is_held_against_its_sums(tmp_path, monkeypatch, capfd):
    """A table that is not the one of the manifest is not taken, and the manifest has a sum too."""
    of = settings(30, replicates=1)
    folder = run_command.run_study(of, tmp_path / "made", figures=False).folder
    assert store.is_complete(folder)
    for name in ("fit.csv", "manifest.json"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole.replace(b"1", b"2", 1))
        with pytest.raises(InputError, match=name):
            run_command.run_study(of, tmp_path / "made", figures=False)
        (folder / name).write_bytes(whole)
    assert run_command.run_study(of, tmp_path / "made", figures=False).reused
    results_command.main([str(tmp_path / "made")])
    assert "1 results of 1" in capfd.readouterr().out
