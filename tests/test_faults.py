"""Faults of disks, files and surroundings: one clear line or a correct result, and nothing lost.

Here are faults at exact moments, and a sample of the table in `campaigns/faults.py`.
"""

import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from campaigns import faults, laws
from conftest import settings
from test_cli import command, only_result

from marketsim.commands import compose, exit_status, options
from marketsim.commands import run as run_command
from marketsim.errors import InputError
from marketsim.parameters import posterior, presets
from marketsim.simulation import files, store, summary
from marketsim.simulation import run as simulation

QUICK = [
    *("population=survey", "population.retailers=30", "replicates=3", "posterior=point"),
    *("figures=false", "progress=false"),
]
ROOT = Path(__file__).parents[1]


def interrupt(monkeypatch, after: int) -> None:
    """Have a study end by Ctrl-C after so many runs, each of them a batch."""
    run_tables, done = simulation.run_tables, []

    def interrupted(settings, run):
        if len(done) == after:
            done.append(-1)
            raise KeyboardInterrupt
        done.append(run)
        return run_tables(settings, run)

    monkeypatch.setattr(simulation, "BATCH", 1)
    monkeypatch.setattr(simulation, "run_tables", interrupted)
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, *QUICK)
    assert stop.value.code == 130
    done.clear()
    done.extend([-2] * (after + 1))  # from here on it only counts
    monkeypatch.done = done


@pytest.mark.parametrize(
    ("name", "again"),
    [("nothing", 1), ("00000000-daily.parquet", 2), ("00000001-done", 2), ("00000000-done", 2)],
)
def test_a_damaged_batch_is_run_again(monkeypatch, capfd, name, again):
    """A bit turned in what a study has so far: that batch is run again, the bytes are correct."""
    interrupt(monkeypatch, 2)
    (batches,) = Path("results").rglob("batches")
    if name != "nothing":
        content = bytearray((batches / name).read_bytes())
        content[len(content) // 2] ^= 4
        (batches / name).write_bytes(content)
    command(monkeypatch, *QUICK)
    assert len(monkeypatch.done) - 3 == again
    tables = faults.tables(Path("results"))
    command(monkeypatch, *QUICK, "output=straight")
    assert tables == faults.tables(Path("straight"))


def test_a_batch_is_whole_or_none(tmp_path):
    """Cut at any byte, a batch is not read; as it was written it is."""
    import pandas as pd

    table = pd.DataFrame({"run": [1, 2], "n": [3, 4]})
    files.write_batch(tmp_path, 0, {"prices": table})
    pd.testing.assert_frame_equal(files.read_batch(tmp_path, 0)["prices"], table)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for end in range(len(whole) - 1):  # without its last newline a list of sums is the same
            path.write_bytes(whole[:end])
            assert files.read_batch(tmp_path, 0) is None, (path, end)
        path.write_bytes(whole)


def test_a_study_that_is_continued_has_the_same_last_digit(tmp_path):
    """Sums over tables that were read again are those over tables that were just written."""
    import pandas as pd

    from marketsim.survey import fit as survey_fit

    def fit(of, tables: dict) -> str:
        runs = tables["runs"].set_index("run")
        return survey_fit.fit(summary.run_statistics(of, tables, runs), runs["draw"]).to_csv()

    apart = []
    for seed in (3, 5, 6):
        of, folder = settings(30, replicates=2, seed=seed), tmp_path / str(seed)
        folder.mkdir()
        fresh = simulation.replicate(of, range(2), 1)
        written = files.write_batch(folder, 0, fresh)
        assert fit(of, written) == fit(of, files.read_batch(folder, 0)) == fit(of, fresh)
        plain = {name: pd.read_parquet(folder / f"00000000-{name}.parquet") for name in fresh}
        apart.append(fit(of, plain) != fit(of, fresh))
    assert any(apart)  # negative control: laid out in another way, sums are not the same


def test_ended_between_manifest_and_name(monkeypatch, capfd):
    """Killed after the manifest and before the rename: nothing is run again."""
    publish = store.publish

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "publish", killed)
    with pytest.raises(SystemExit):
        command(monkeypatch, *QUICK)
    monkeypatch.setattr(store, "publish", publish)
    monkeypatch.setattr(simulation, "run_tables", killed)
    command(monkeypatch, *QUICK)
    assert "loaded cached result" in capfd.readouterr().out
    place = only_result("results")
    assert sorted(path.name for path in place.parent.iterdir()) == [
        f".{place.name}.lock",
        place.name,
    ]


@pytest.mark.parametrize("name", ["calibration_2015", "market_2015"])
@pytest.mark.parametrize("how", ["bit", "cut", "gone", "manifest"])
def test_a_damaged_posterior_is_one_line(monkeypatch, tmp_path, name, how):
    """A posterior that is not what its manifest says is refused; a whole copy is taken."""
    copy = Path(shutil.copytree(posterior.folder().parent, tmp_path / "published"))
    monkeypatch.setattr(posterior, "folder", lambda name=presets.POSTERIOR: copy / name)
    readers = (posterior.draws, posterior.trade_draws, posterior.point, posterior.probabilities)
    for reader in readers:
        reader.cache_clear()
    of = settings(30, recovery="mixture")
    of.posterior = presets.POSTERIOR
    before = run_command.result_folder(of, tmp_path)
    for reader in readers:
        reader.cache_clear()
    path = copy / name / ("manifest.json" if how == "manifest" else "posterior.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    {
        "bit": lambda: path.write_bytes(content),
        "cut": lambda: path.write_bytes(content[:1000]),
        "gone": path.unlink,
        "manifest": lambda: path.write_bytes(b"{"),
    }[how]()
    with pytest.raises(InputError, match=f"{name}.*manifest"):
        run_command.result_folder(of, tmp_path)
    for reader in readers:
        reader.cache_clear()
    assert before.parent == tmp_path


# quick rows of the table of faults; the campaign has all of them, many times
SAMPLE = {
    ("SIGINT at random moments", "sweep"),
    ("damaged checkpoint", "Market.resume"),
    ("full disk", "sweep"),
    ("read-only disk", "sweep"),
    ("streams and folders", "output closed"),
    ("streams and folders", "output full"),
    ("streams and folders", "errors full"),
    ("streams and folders", "a reader that leaves"),
    ("streams and folders", "the folder removed"),
    ("other surroundings", "PYTHONIOENCODING=ascii"),
}
ROWS = [row for row in faults.FAULTS if (row.name, row.what) in SAMPLE]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return faults.Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("fault", ROWS, ids=lambda row: f"{row.name}, {row.what}")
def test_a_fault_ends_in_one_line_or_a_correct_result(bench, fault):
    """One trial of each row of the sample."""
    assert len(ROWS) == len(SAMPLE)
    if faults.needs(fault):
        pytest.skip(faults.needs(fault))
    faults.once(bench, fault)


def test_a_wrong_result_is_seen(bench):
    """Negative control: other tables than those of undisturbed work break a law."""
    trial = faults.Trial(bench, "short run", random.Random(1))
    trial.finish()
    trial.expected = {name: content + b"0" for name, content in trial.expected.items()}
    with pytest.raises(laws.BrokenError, match="bytes of undisturbed work"):
        trial.finish()


def output(script: str, **environment: str | None) -> str:
    """Return what a script prints with other environment variables."""
    around = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-c", script],
        env={name: value for name, value in around.items() if value is not None},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ({"NUMBA_CACHE_DIR": "{tmp}/chosen"}, "{tmp}/chosen"),
        ({"NUMBA_CACHE_DIR": "/dev/null/x", "XDG_CACHE_HOME": "{tmp}/u"}, "{tmp}/u/marketsim"),
        (
            {"NUMBA_CACHE_DIR": None, "XDG_CACHE_HOME": "", "HOME": "{tmp}"},
            "{tmp}/.cache/marketsim",
        ),
        ({"NUMBA_CACHE_DIR": "{tmp}/chosen", "HOME": None, "XDG_CACHE_HOME": ""}, "{tmp}/chosen"),
    ],
)
def test_the_kernels_find_a_folder(tmp_path, environment, where):
    """A folder of kernels that cannot be written to is passed over for the next."""
    filled = {k: v and v.format(tmp=tmp_path) for k, v in environment.items()}
    found = output("from marketsim.numerics.jit import CACHE_FOLDER; print(CACHE_FOLDER)", **filled)
    assert where.format(tmp=tmp_path) in found


KERNELS = """
import sys
from pathlib import Path
from marketsim.numerics import jit
f = jit.kernel(lambda x: x + 1)
print(f(1), len(list(Path(jit.CACHE_FOLDER).rglob("*.nb?"))))
"""
DAMAGE = {
    "as it was": lambda file: None,
    "an empty index": lambda file: file.with_suffix("").with_suffix(".nbi").write_bytes(b""),
    "an empty file": lambda file: file.write_bytes(b""),
    "half a file": lambda file: file.write_bytes(file.read_bytes()[:100]),
    "garbage": lambda file: file.write_bytes(b"garbage"),
    "something else": lambda file: file.write_bytes(pickle.dumps([1])),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "no file": lambda file: file.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_cache_of_kernels_is_a_cache(tmp_path, damage):
    """Whatever a file of it holds, the kernel comes out; most are written again."""
    script, around = KERNELS, {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert output(script, **around).split() == ["2", "2"]
    for pattern in ("*.nbi", "*.nbc"):
        (file,) = tmp_path.rglob(pattern)
        DAMAGE[damage](file)
        assert output(script, **around).split()[0] == "2"
        if file.is_dir():
            file.rmdir()
            assert output(script, **around).split()[0] == "2"


def test_kernels_that_somebody_else_has_compiled_are_read(tmp_path):
    """Where nothing can be written warm kernels are read, and nothing is compiled."""
    around = {"NUMBA_CACHE_DIR": str(tmp_path)}
    output("\n\n\n" + KERNELS, **around)  # in the same line as below: part of its name
    nothing = (
        "import builtins, pathlib, tempfile\n"
        "def refused(*_, **__): raise OSError(30, 'Read-only file system')\n"
        "pathlib.Path.mkdir = tempfile.TemporaryFile = refused\n"
    )
    stats = "\nprint(sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))"
    assert output(nothing + KERNELS + stats, **around).split() == ["2", "2", "1", "0"]


def test_without_room_the_kernels_are_compiled_and_it_is_said(tmp_path):
    """A full disk ends nothing: one line names the folder, and what to choose."""
    full = (
        "import os\n"
        "def refused(*_, **__): raise OSError(28, 'No space left on device')\n"
        "os.replace = refused\n"
    )
    around = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", full + KERNELS], env=around, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert done.stdout.split()[0] == "2"
    assert done.stderr.count("\n") == 1
    assert str(tmp_path) in done.stderr and "NUMBA_CACHE_DIR" in done.stderr


def test_old_kernels_go(tmp_path):
    """The latest few versions keep their kernels, the others go; nothing else is touched."""
    for age in range(6):
        old = tmp_path / f"kernels-{age}"
        old.mkdir()
        os.utime(old, (10_000 - age, 10_000 - age))
    (tmp_path / "mine").mkdir()
    output(KERNELS, NUMBA_CACHE_DIR=str(tmp_path))
    left = {path.name for path in tmp_path.iterdir()}
    assert left >= {"kernels-0", "kernels-1", "kernels-2", "mine"}
    assert len(left) == 5


def test_without_a_folder_the_kernels_are_compiled_all_the_same():
    """Nowhere to keep them: no cache, and no fault."""
    script = (
        "import pathlib\n"
        "def refused(*_, **__): raise OSError(30, '')\n"
        "pathlib.Path.mkdir = refused\n"
        "pathlib.Path.glob = lambda *_: iter(())\n"
        "from marketsim.numerics import jit\n"
        "f = jit.kernel(lambda x: x + 1)\n"
        "print(repr(jit.CACHE_FOLDER), f(1))"
    )
    assert output(script) == "'' 2"


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("output=结果 here", "output='结果 here'"),
        ("study=研究", "study='研究'"),
        ("output='结果'", "output='结果'"),
        ("classes=[我.py, a b.py]", "classes=['我.py','a b.py']"),
        ("scenarios=[第二次,'x y']", "scenarios=['第二次','x y']"),
        ("study=2015.10", "study='2015.10'"),
        ("study=a, b (c)", "study='a, b (c)'"),
        ("study=null", "study=null"),
        ("scenario.about=2016", "scenario.about='2016'"),
        ("posterior=true", "posterior='true'"),
        ("posting.base_posts=2", "posting.base_posts=2"),
        ("seed=1,2", "seed=1,2"),
    ],
)
def test_other_letters_need_no_quotes(word, quoted):
    """A plain value in Chinese is taken as it is typed; what is quoted or a list stays."""
    assert compose.flags([word], options.CompareCommand).overrides == [quoted]


def test_ctrl_c_before_anything_has_begun(monkeypatch, capfd):
    """Ctrl-C while modules are still being read is one line too."""
    from marketsim import __main__
    from marketsim.commands import cli

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as stop:
        __main__.main()
    assert stop.value.code == 130
    assert capfd.readouterr().err.count("\n") == 1


def test_ctrl_c_that_a_library_takes_for_its_own_fault(monkeypatch, capfd):
    """Compiled code hides it behind an error of its own; without Ctrl-C that is no foreseen end."""
    monkeypatch.setattr(signal, "default_int_handler", signal.getsignal(signal.SIGINT))

    def hidden():
        with exit_status.one_line():
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                raise ValueError("Invalid bounding box") from None

    with pytest.raises(SystemExit) as stop:
        hidden()
    assert stop.value.code == 130
    assert capfd.readouterr().err.count("\n") == 1
    with pytest.raises(ValueError, match="box"), exit_status.one_line():  # negative control
        raise ValueError("Invalid bounding box")


@pytest.mark.campaign
def test_the_campaign_of_faults():
    """Every row of the table of faults, many times."""
    assert faults.campaign()
