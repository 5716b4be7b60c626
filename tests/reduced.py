"""What stands in for the commands of the documents, and the one place that says what is reduced.

The blocks of a page are run by `documents.py` in a copy of the checkout, with the commands below
found before any other. A block whose output is shown is run as it stands. Of any other, nothing is
left out but by these rules:

no output shown
    replicates=2; population=survey unless given; no figures of a study unless asked for; no prior
    in a comparison; two values of a range: the same work on a small market.
many alike
    Of a list of scenarios the first two are compared, the others must be there; of a page's
    comparisons in a shell the first is run, the others composed and checked.
calibrate, calibrate_market, identify, validate
    Half an hour each: composed and checked; the tests of the same names carry them out on small
    markets.
sensitivity
    Thousands of markets: composed and checked; tests/test_sensitivity.py runs it.
dashboard
    It serves until it is ended: it must be there, its words KEY=VALUE; tests/test_dashboard.py has
    the page.
verify
    200 runs of 10,000 traders: the folder must be a published study, and a study of two runs is
    verified in its place; tests/test_verify.py has the whole.
hydra.launcher
    Clusters are not here: the words about the launcher are left out, the jobs run one after the
    other; tests/test_sweeps.py has the launchers.
sbatch, squeue, scancel, tmux; bash
    Not here, or the checks themselves: a script is read (bash -n), not run.
pip, venv
    Nothing is installed: files and extras named must exist. A venv is a folder with the commands
    below in it.
NUMBA_CACHE_DIR
    Stays as it is: the model is not compiled anew for a page.
pytest
    The tests of one file are collected; the suite does not run itself.
benchmarks, campaigns, mutants, sphinx
    Minutes, or a test of its own (tests/test_site.py): options are read, then the help is printed.
scripts of experiments
    Two runs, of a hundred by default.
tests/documents.py
    It runs whole pages, as the tests do: the pages must be there.
a command within a sentence
    Held to the subcommands, settings, modules and extras that there are, not run.
"""

import importlib.util
import itertools
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import warm

COMPOSED = ("calibrate", "calibrate_market", "identify", "validate", "sensitivity")
SCHEMAS = {
    "run": "RunCommand",
    "compare": "CompareCommand",
    "calibrate": "CalibrateCommand",
    "calibrate_market": "CalibrateCommand",
    "identify": "TableCommand",
    "validate": "TableCommand",
    "sensitivity": "SensitivityCommand",
}
HELPED = ("benchmarks", "campaigns.faults", "campaigns.fuzz", "oracle.mutants", "sphinx")
NAMES = ("marketsim", "python", "python3", "pip", "bash", "sbatch", "squeue", "scancel", "tmux")
EXACT, PLACE = "DOCUMENT_EXACT", "DOCUMENT_PLACE"  # run as it stands; where the page is run


def words(given: list[str]) -> list[str]:
    """Return the words of ``marketsim run`` or ``compare`` as they are run."""
    if os.environ.get(EXACT):
        return given
    kept = [word for word in given if not re.match(r"(hydra[./]launcher|replicates=)", word)]
    kept = [re.sub(r"range\((\d+),\s*\d+\)", _two, word) for word in kept]
    listed(kept)
    kept = [re.sub(r"^(scenarios=\[[^,\]]*,[^,\]]*),.*\]$", r"\1]", word) for word in kept]
    keys = {word.partition("=")[0] for word in kept}
    compares = "scenarios" in keys
    more = {"population": "survey"} | ({"prior": "false"} if compares else {"figures": "false"})
    return [*kept, "replicates=2", *(f"{key}={more[key]}" for key in more if key not in keys)]


def _two(found: re.Match[str]) -> str:
    return f"range({found[1]},{int(found[1]) + 2})"


def listed(given: list[str]) -> None:
    """Hold the scenarios of a comparison to those that there are."""
    from marketsim.parameters import presets

    for word in given:
        names = re.match(r"scenarios=\[(.*)\]$", word)
        for name in names[1].split(",") if names else []:
            own = "--config-dir" in given or f"scenario.name={name}" in given
            if not own:  # those the command itself looks for
                presets.choice("scenario", name)


def composed(name: str, given: list[str]) -> None:
    """Compose and check the settings of a command, and do no more."""
    from marketsim.commands import compose, options

    listed(given)
    asked = compose.flags(given)
    compose.composed(asked.overrides, name, getattr(options, SCHEMAS[name]), asked.config_dir)


def marketsim(given: list[str]) -> None:
    """Run the command, in the checkout that the page stands in."""
    from marketsim.commands import cli

    here()
    name = given[0] if given and given[0] in cli.SUBCOMMANDS else "run"
    rest = given[1:] if given[:1] == [name] else given
    if {"--help", "-h", "--cfg", "-sc"} & set(rest):
        done = given
    elif name in COMPOSED or (name == "compare" and not os.environ.get(EXACT) and _many()):
        composed(name, rest)
        return
    elif name == "dashboard":
        assert all("=" in word for word in rest), rest
        return
    elif name == "verify":
        done = ["verify", str(_small_study(Path(rest[0]))), *rest[1:]]
    elif name in ("run", "compare"):
        done = [name, *words(rest)]
    else:
        done = given
    sys.argv = ["marketsim", *done]
    cli.main()


def check(line: str) -> None:
    """Hold a command within a sentence to what there is, without running it."""
    from marketsim.commands import cli

    name, *given = shlex.split(line)
    if name == "marketsim":
        flags = [word for word in given if word.startswith("-")]
        assert set(flags) <= {"-m", "--help"}, f"{line}: unknown flag"
        sub = given[0] if given[0] in cli.SUBCOMMANDS else "run"
        if sub in SCHEMAS:
            composed(sub, [word for word in given if word not in (sub, *flags)])
    elif name == "python":
        assert given[0] == "-m" and importlib.util.find_spec(given[1]), f"{line}: no such module"
    else:
        pip(given)


def here() -> None:
    """Let `conf` of the folder one is in be that of the checkout."""
    from marketsim.parameters import presets

    if Path("conf").is_dir():
        place = Path("conf").resolve()
        presets.folder = lambda: place
        presets.choice.cache_clear()


def _many() -> bool:
    """Note a comparison of the page, and say whether there was one before."""
    note = Path(os.environ[PLACE]) / "compared"
    before = note.is_file()
    note.touch()
    return before


def _small_study(folder: Path) -> Path:
    from marketsim import api

    assert (folder / "manifest.json").is_file(), f"{folder} is no published study"
    small = {"population": "survey", "replicates": 2, "market": "posts", "figures": False}
    return api.run("baseline_2015", output="verified", progress=False, **small).folder


def python(given: list[str]) -> None:
    """Run Python: a module or a script, some of them reduced."""
    match given:
        case ["-m", "venv", folder]:
            commands = Path(os.environ[PLACE]) / "bin"
            shutil.copytree(commands, Path(folder) / "bin", dirs_exist_ok=True)
            activate(Path(folder) / "bin")
        case ["-m", "pip", *rest]:
            pip(rest)
        case ["-m", "pytest", *rest]:
            few = ["--collect-only", "-n", "0", "-p", "no:cacheprovider", "tests/test_rng.py"]
            _module("pytest", [*rest, *few])
        case ["-m", module, *rest] if module in HELPED:
            _module(module, [*rest, "--help"])
        case [script] if script.startswith("experiments/"):
            os.execv(sys.executable, [sys.executable, script, "2"])
        case ["tests/documents.py", *rest]:
            assert all(Path(page).is_file() for page in rest), rest
        case ["-m", "marketsim", *rest]:
            marketsim(rest)
        case ["-m", module, *rest]:
            _module(module, rest)
        case _:
            os.execv(sys.executable, [sys.executable, *given])


def _module(name: str, given: list[str]) -> None:
    os.execv(sys.executable, [sys.executable, "-m", name, *given])


def pip(given: list[str]) -> None:
    """Hold an installation to the files and extras that there are."""
    extras = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    known = extras["project"]["optional-dependencies"]
    assert given[0] == "install", given
    for flag, word in itertools.pairwise(given):
        if flag == "-r":
            assert Path(word).is_file(), f"no file {word}"
    for word in given[1:]:
        asked = re.fullmatch(r"(?:marketsim|\.)\[([\w,]+)\]", word)
        for extra in asked[1].split(",") if asked else []:
            assert extra in known, f"no extra {extra}"


def read(given: list[str]) -> None:
    """Let bash read a script without running it."""
    for word in given:
        if Path(word).is_file():
            os.execv("/bin/bash", ["bash", "-n", word])


STAND_INS: dict[str, Callable[[list[str]], None]] = {
    "marketsim": marketsim,
    "python": python,
    "python3": python,
    "pip": pip,
} | dict.fromkeys(("bash", "sbatch", "squeue", "scancel", "tmux"), read)


def commands_in(folder: Path) -> None:
    """Put the stand-ins into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder / name).write_text(warm.script(name))
        (folder / name).chmod(0o755)
    activate(folder)


def activate(folder: Path) -> None:
    """Write the script that puts a folder of commands before all others."""
    (folder / "activate").write_text(f'PATH="{folder.resolve()}:$PATH"\n')
