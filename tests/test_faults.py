"""Faults of disks, files and surroundings: one clear line or a correct result, and nothing lost.

Here are faults at exact moments, and a sample of the table in `campaigns/faults.py`.
"""

import hashlib
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from campaigns import faults, laws
from conftest import settings
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st
from test_cli import command, only_result

from marketsim.commands import cli, compose, exit_status
from marketsim.commands import options as command_options
from marketsim.commands import run as run_command
from marketsim.errors import InputError
from marketsim.numerics import elementary, jit
from marketsim.parameters import posterior, presets
from marketsim.simulation import files, store, summary
from marketsim.simulation import run as simulation

QUICK = [
    *("population=survey", "population.retailers=30", "replicates=3", "posterior=point"),
    *("figures=false", "progress=false"),
]


def interrupt(monkeypatch, after: int) -> None:
    """Have a study end by Ctrl-C after so many runs, each of them a batch."""
    run_tables, done = simulation.run_tables, []

    def interrupted(settings, run, *threads):
        if len(done) == after:
            done.append(-1)
            raise KeyboardInterrupt
        done.append(run)
        return run_tables(settings, run, *threads)

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
    for seed in (14, 19, 23):
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
    readers += (posterior.pairs,)
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


# ---------------------------------------------------------------- the cache of compiled kernels


@pytest.fixture
def kernels(monkeypatch, tmp_path) -> Path:
    """Return an empty folder that is the only one for kernels."""
    folder = tmp_path / "kernels" / "kernels-here"
    monkeypatch.setattr(jit, "cache_folders", lambda: [folder])
    jit._warned.cache_clear()
    jit._mark_used.cache_clear()
    return folder


def loaded(kind: type = float) -> bool:
    """Call a kernel as a new process has it; return whether it was stored."""
    kernel = jit.kernel(elementary.exp.py_func)
    assert kernel(kind(0.0)) == 1.0
    return bool(sum(kernel.stats.cache_hits.values()))


@pytest.fixture(scope="module")
def stored() -> bytes:
    """Return the bytes of a stored kernel."""
    with tempfile.TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        patch.setattr(jit, "cache_folders", lambda: [Path(base) / "new"])
        assert not loaded() and loaded()
        (path,) = (Path(base) / "new").iterdir()
        return path.read_bytes()


def signed(content: bytes) -> bytes:
    """Return what the cache takes for undamaged."""
    return hashlib.sha256(content).digest() + content


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "a byte": lambda path: path.write_bytes(b"x"),
    "text": lambda path: path.write_text("象牙\n" * 50),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "another pickle": lambda path: path.write_bytes(pickle.dumps({"a": 1})),
    "a number": lambda path: path.write_bytes(signed(pickle.dumps(3))),
    "a pair": lambda path: path.write_bytes(signed(pickle.dumps((1, 2)))),
    "no pickle": lambda path: path.write_bytes(signed(b"no pickle")),
    "an unknown class": lambda path: path.write_bytes(signed(b"cnope\nNope\n.")),
    "a folder": lambda path: (path.unlink(), (path / "x").mkdir(parents=True)),
    "a named pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link to itself": lambda path: (path.unlink(), path.symlink_to(path)),
    "a link to a folder": lambda path: (path.unlink(), path.symlink_to(path.parent.parent)),
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("nope")),
    "a link to a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_kernel_is_compiled_again(kernels, stored, capfd, damage):
    """Whatever lies in the place of a stored kernel: it is compiled, and stored again."""
    assert not loaded() and loaded()
    (path,) = kernels.iterdir()
    DAMAGES[damage](path)
    assert not loaded()
    assert loaded()
    assert capfd.readouterr().err == ""
    assert [one.name for one in kernels.iterdir()] == [path.name]


@given(st.data())
@options(max_examples=200, deadline=None)
def test_no_changed_byte_of_a_kernel_is_used(stored, data):
    """Machine code with a bit turned, cut or inserted is never given to the processor."""
    at = data.draw(st.integers(0, len(stored) - 1))
    bit = bytes([stored[at] ^ (1 << data.draw(st.integers(0, 7)))])
    changed = data.draw(
        st.sampled_from([stored[:at], stored[:at] + bit + stored[at + 1 :],
                         stored[:at] + bit + stored[at:], stored[at + 1 :]])
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as base:
        path = Path(base) / "kernel"
        path.write_bytes(stored)
        signature = pickle.loads(stored[jit.CHECKSUM_BYTES :])[0]
        jit._read(path, signature)
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="kernel"):
            jit._read(path, signature)


@pytest.mark.parametrize("names", [("output", "part"), ("zz" * 90,)])
def test_other_files_beside_the_kernels_are_no_fault(kernels, names):
    """What others put into the folder stays there and is not read."""
    kernels.mkdir(parents=True)
    for name in names:
        (kernels / name).write_bytes(b"x")
    assert not loaded() and loaded()
    assert all((kernels / name).read_bytes() == b"x" for name in names)


def test_a_kernel_is_stored_for_its_types_alone(kernels):
    """The file of another signature, under this one's name, is not used."""
    assert not loaded(float) and not loaded(np.float32)
    one, other = kernels.iterdir()
    one.write_bytes(other.read_bytes())
    assert sorted([loaded(float), loaded(np.float32)]) == [False, True]
    assert loaded(float) and loaded(np.float32)


def refuse(fault: OSError):
    """Return a function that begins a file and cannot finish it."""

    def write(path: Path, _: bytes) -> None:
        with path.open("wb") as stream:
            stream.write(b"x")
        raise fault

    return write


def test_a_warm_cache_that_cannot_be_written_to_is_read(kernels, monkeypatch, capfd):
    """Kernels that are stored are read without a word; for others one warning says what is so."""
    assert not loaded()
    monkeypatch.setattr(Path, "write_bytes", refuse(OSError(30, "Read-only file system")))
    assert loaded()
    assert capfd.readouterr().err == ""
    assert not loaded(np.float32) and not loaded(np.float32)
    err = capfd.readouterr().err
    assert err.startswith("marketsim: warning: compiled kernels cannot be stored in ")
    assert f"{kernels.parent} (Read-only file system)" in err and "NUMBA_CACHE_DIR" in err
    assert err.count("\n") == 1


def test_a_full_disk_of_the_cache_is_a_warning(kernels, monkeypatch, capfd):
    """The line names the cache's folder, the kernel runs, and no part of a file is left."""
    kernels.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse(OSError(28, "No space left on device")))
        assert not loaded() and not loaded()
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and f"{kernels.parent} (No space left on device)" in err
    assert list(kernels.iterdir()) == []
    assert not loaded() and loaded()


@pytest.mark.parametrize("blocked", ["the base", "above", "the folder", "no folder"])
def test_without_a_folder_kernels_are_compiled_all_the_same(
    kernels, monkeypatch, tmp_path, capfd, blocked
):
    """Nowhere to store kernels: one warning, and no fault."""
    places = {"the base": [tmp_path / "file" / "k"], "above": [tmp_path / "file" / "a" / "k"],
              "the folder": [tmp_path / "file"], "no folder": []}  # fmt: skip
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(jit, "cache_folders", lambda: places[blocked])
    assert jit.is_cold() and jit.writable_folder() is None
    assert not loaded() and not loaded()
    assert capfd.readouterr().err.count("\n") == 1


def test_kernels_are_written_to_the_first_folder_that_takes_them(kernels, monkeypatch, tmp_path):
    """A folder that cannot be written to is passed over, and read where it has the kernel."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(jit, "cache_folders", lambda: [tmp_path / "file" / "k", kernels])
    assert not loaded() and loaded() and jit.writable_folder() == kernels
    other = tmp_path / "other"
    monkeypatch.setattr(jit, "cache_folders", lambda: [other, kernels])
    assert loaded() and not other.exists()


def test_kernels_of_old_versions_are_removed(kernels, stored):
    """Of other versions those used last are kept; other folders and files are let alone."""
    for number in range(20):
        folder = kernels.with_name(f"kernels-{number}")
        folder.mkdir(parents=True)
        (folder / "x.kernel").write_bytes(stored)
        os.utime(folder, (number, number))
    (kernels.parent / "kernels-file").write_bytes(b"")
    (kernels.parent / "mine").mkdir()
    assert jit.writable_folder() == kernels
    left = {path.name for path in kernels.parent.iterdir()} - {"kernels-file", "mine"}
    newest = range(20 - jit.KEPT + 1, 20)
    assert left == {kernels.name, *(f"kernels-{number}" for number in newest)}


def test_the_date_of_a_folder_of_kernels_is_that_of_its_use(kernels):
    """A version that is used is not removed for one that was only compiled later."""
    assert not loaded()
    os.utime(kernels, (0, 0))
    jit._mark_used.cache_clear()
    assert loaded()
    assert kernels.stat().st_mtime > 0


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ({"NUMBA_CACHE_DIR": "/chosen", "XDG_CACHE_HOME": "/x"}, ["/chosen", "/x"]),
        ({"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": "/x"}, ["/x"]),
        ({"NUMBA_CACHE_DIR": "a b/象", "XDG_CACHE_HOME": "/x"}, ["a b/象", "/x"]),
        ({"NUMBA_CACHE_DIR": "~/k", "HOME": "/home/me", "XDG_CACHE_HOME": ""},
         ["/home/me/k", "/home/me/.cache"]),
        ({"HOME": "/home/me"}, ["/home/me/.cache"]),
    ],
)  # fmt: skip
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other folders")
def test_the_folders_of_kernels(monkeypatch, environment, where):
    """NUMBA_CACHE_DIR first, then the user's cache; never a folder of the package."""
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, environment.get(name, ""))
        if name not in environment:
            monkeypatch.delenv(name)
    monkeypatch.setattr(jit.numba_config, "CACHE_DIR", environment.get("NUMBA_CACHE_DIR", ""))
    folders = [folder.parent for folder in jit.cache_folders()]
    assert folders == [Path(base) / "marketsim" for base in where]
    assert jit.PACKAGE not in [parent for folder in folders for parent in folder.parents]


PORTABLE_KERNEL = """
import sys
from pathlib import Path
from marketsim.numerics import elementary, jit
jit.ONLY.append(Path(sys.argv[1]))
kernel = jit.kernel(elementary.exp.py_func)
assert kernel(1.0) > 2.7
"""


@pytest.fixture(scope="module")
def portable(tmp_path_factory) -> Path:
    """Return a folder with one portable kernel, compiled in a process of its own."""
    base = tmp_path_factory.mktemp("portable")
    target = {"NUMBA_CPU_NAME": jit.PORTABLE, "NUMBA_CPU_FEATURES": ""}
    words = [sys.executable, "-c", PORTABLE_KERNEL, str(base)]
    subprocess.run(words, check=True, env={**os.environ, **target})
    return base


@pytest.mark.parametrize("brought", [False, True], ids=["chosen folder", "with the package"])
def test_portable_kernels_are_read_and_give_the_same_bits(portable, monkeypatch, tmp_path, brought):
    """What was compiled for any processor is used where there is nothing for this one."""
    values = np.random.default_rng(1).uniform(-700.0, 700.0, 1000)
    expected = [jit.kernel(elementary.exp.py_func)(one) for one in values]
    monkeypatch.setattr(jit, "_bases", lambda: [] if brought else [tmp_path, portable])
    monkeypatch.setattr(jit, "PREBUILT", portable if brought else tmp_path / "none")
    before = sorted(path.stat().st_mtime_ns for path in portable.rglob("*.kernel"))
    (folder,) = portable.iterdir()
    os.utime(folder, (0, 0))
    jit._mark_used.cache_clear()
    kernel = jit.kernel(elementary.exp.py_func)
    assert [kernel(one) for one in values] == expected
    assert sum(kernel.stats.cache_hits.values()) == 1 and not list(tmp_path.iterdir())
    assert sorted(path.stat().st_mtime_ns for path in portable.rglob("*.kernel")) == before
    assert not jit.is_prebuilt_for_others()
    assert (folder.stat().st_mtime == 0) == brought  # nothing of the package is changed


@pytest.mark.parametrize("other", ["numba", "triple", "python", "sources"])
def test_portable_kernels_of_another_version_are_not_read(portable, monkeypatch, tmp_path, other):
    """Negative control: another numba, architecture, Python or source is compiled for."""
    changed = {
        "numba": (jit.numba, "__version__", "0.1"),
        "triple": (jit.llvm, "get_process_triple", lambda: "riscv64-unknown-linux-gnu"),
        "python": (jit.sys, "implementation", SimpleNamespace(cache_tag="cpython-400")),
        "sources": (jit, "source_fingerprint", lambda *_: "0" * 16),
    }
    monkeypatch.setattr(*changed[other])
    monkeypatch.setattr(jit, "_bases", lambda: [tmp_path])
    monkeypatch.setattr(jit, "PREBUILT", portable)
    jit._folder_name.cache_clear()
    try:
        assert not loaded() and jit.is_prebuilt_for_others()
        assert list(tmp_path.rglob("*.kernel"))  # compiled, and stored for this version
    finally:
        monkeypatch.undo()
        jit._folder_name.cache_clear()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["FOLDER"], "expected marketsim compile [--to FOLDER]"),
        (["to=FOLDER"], "expected marketsim compile [--to FOLDER]"),
        (["--to"], "expected marketsim compile [--to FOLDER]"),
        (["--to", "/proc/nowhere"], "expected a folder to write to"),
    ],
    ids=" ".join,
)
def test_a_wrong_compile_is_one_line(monkeypatch, capfd, words, said):
    """One sentence and exit code 2; nothing is compiled."""
    monkeypatch.setattr(jit.numba_config, "CPU_NAME", jit.PORTABLE)
    monkeypatch.setattr(jit, "ONLY", [])
    monkeypatch.setattr(sys, "argv", ["marketsim", "compile", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    err = capfd.readouterr().err
    assert stop.value.code == 2 and err.count("\n") == 1 and said in err


@pytest.mark.campaign
def test_a_portable_cache_saves_the_first_run_from_compiling(tmp_path):
    """All kernels of a run are in the folder: with it, a first run writes and compiles nothing."""
    words = [sys.executable, "-m", "marketsim"]
    subprocess.run([*words, "compile", "--to", tmp_path / "built"], check=True)
    built = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.kernel")}
    new = {"NUMBA_CACHE_DIR": str(tmp_path / "built"), "XDG_CACHE_HOME": str(tmp_path / "home")}
    run = ["population=survey", "population.retailers=30", "replicates=1", "output=results"]
    done = subprocess.run(
        [*words, *run], check=True, env={**os.environ, **new}, capture_output=True, text=True,
        cwd=tmp_path,
    )  # fmt: skip
    assert "compiling" not in done.stderr
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.kernel")} == built


def test_a_user_without_a_home_has_no_folder_of_kernels(monkeypatch):
    """Nothing is written to a folder called ~ where the user has no home."""
    monkeypatch.setattr(jit.platformdirs, "user_cache_path", lambda *_, **__: Path("~/.cache/m"))
    monkeypatch.setattr(jit.numba_config, "CACHE_DIR", "")
    assert jit.cache_folders() == []


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
        ("study=null", "study='null'"),
        ("scenario.about=2016", "scenario.about='2016'"),
        ("posterior=true", "posterior='true'"),
        ("posting.base_posts=2", "posting.base_posts=2"),
        ("seed=1,2", "seed=1,2"),
    ],
)
def test_other_letters_need_no_quotes(word, quoted):
    """A plain value in Chinese is taken as it is typed; what is quoted or a list stays."""
    assert compose.flags([word], command_options.CompareCommand).overrides == [quoted]


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
    assert faults.campaign(workers=os.cpu_count() or 1)
