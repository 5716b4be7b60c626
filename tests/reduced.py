"""Reductions: the commands of the documentation that are run in a smaller form, and how.

The blocks of a page are run by `documents.py` in a copy of the checkout, in which the commands
below are found before any other. A block whose output is shown is run unchanged. Every other block
is run too, with these reductions only:

no output shown
    replicates=2; population=survey unless given, with panel=new if a seed is; no figures of a
    study unless given; no prior in a comparison; two values of a range: the same work on a small
    market.
several alike
    Of a list of scenarios the first two are compared, the others must exist; of a page's
    comparisons in a shell the first is run, the others are composed and checked.
calibrate, calibrate_market, validate
    Half an hour or more each: composed and checked; the tests of the same names run them on small
    markets.
sensitivity
    Thousands of markets: composed and checked; tests/test_sensitivity.py runs it.
dashboard
    It serves until it is stopped: arguments must be KEY=VALUE; tests/test_dashboard.py has the
    page.
mesa.visualization
    Without the packages of Mesa's page a block is compiled; tests/test_mesa_agents.py has the page.
verify
    200 runs of 10,000 traders: the folder must be a published study, and a study of two runs is
    verified instead; tests/test_verify.py has the whole.
hydra.launcher
    There is no cluster: the settings of the launcher are left out, the jobs run one after the
    other; tests/test_sweeps.py has the launchers.
sbatch, squeue, scancel, tmux; bash
    Not available, or the checks themselves: a script is parsed (bash -n), not run.
pip, venv
    Nothing is installed: files and extras must exist. A venv is a folder with the commands below.
NUMBA_CACHE_DIR
    Unchanged: the model is not compiled again for a page.
pytest
    The tests of one file are collected; the suite does not run itself.
benchmarks, campaigns, mutants, sphinx
    Minutes, or a test of its own (tests/test_site.py): options are parsed, the help is printed.
scripts of experiments, docs/pictures.py
    Two runs, instead of a hundred and of 20; of ban_horizons.py one scenario,
    which is not taken apart.
tests/documents.py
    It runs whole pages, as the tests do: the pages must exist.
a command within a sentence
    Checked against the existing subcommands, settings, modules and extras, not run.
"""

import contextlib
import importlib.util
import itertools
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import warm

COMPOSED = ("calibrate", "calibrate_market", "validate", "sensitivity")
SCHEMAS = {
    "run": "RunCommand",
    "compare": "CompareCommand",
    "calibrate": "CalibrateCommand",
    "calibrate_market": "CalibrateMarketCommand",
    "validate": "Command",
    "sensitivity": "SensitivityCommand",
}
HELP_ONLY = ("benchmarks", "campaigns", "oracle.mutants", "sphinx")
EXACT, FOLDER = "DOCUMENT_EXACT", "DOCUMENT_FOLDER"  # output is shown; where the page is run


@contextlib.contextmanager
def in_place(folder: Path) -> Iterator[None]:
    """Put the commands below before all others, and reduce studies started from Python too."""
    from marketsim.commands import keywords
    from marketsim.parameters import presets

    commands = folder / "bin"
    commands.mkdir(parents=True)
    for name in COMMANDS:
        (commands / name).write_text(warm.script("reduced:main", name))
        (commands / name).chmod(0o755)
    _write_activate(commands)
    environment, conf, words_of = dict(os.environ), presets.folder, keywords.words_of
    os.environ |= {
        "PATH": f"{commands}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": warm.CHECKOUT,
        FOLDER: str(folder),
    }
    _use_conf_of_checkout()
    keywords.words_of = lambda settings: reduce(words_of(settings))  # type: ignore[assignment]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        presets.folder, keywords.words_of = conf, words_of  # type: ignore[assignment]
        presets.choice.cache_clear()


def is_runnable(source: str) -> bool:
    """Return whether the packages are installed that a block of Python needs."""
    return "mesa.visualization" not in source or importlib.util.find_spec("solara") is not None


def main() -> None:
    """Run the command that the first argument names."""
    name, *arguments = sys.argv
    COMMANDS[name](arguments)


def reduce(overrides: list[str]) -> list[str]:
    """Return the arguments with which ``marketsim run`` or ``compare`` is run."""
    if os.environ.get(EXACT):
        return overrides
    kept = [word for word in overrides if not re.match(r"(hydra[./]launcher|replicates=)", word)]
    kept = [
        re.sub(r"range\((\d+),\s*\d+\)", lambda m: f"range({m[1]},{int(m[1]) + 2})", word)
        for word in kept
    ]
    _check_scenarios(kept)
    kept = [re.sub(r"^(scenarios=\[[^,\]]*,[^,\]]*),.*\]$", r"\1]", word) for word in kept]
    keys = {word.partition("=")[0] for word in kept}
    added = {"population": "survey"}
    if "population" not in keys and "seed" in keys:  # of the market as written any seed is taken
        added["panel"] = "new"
    added |= {"prior": "false"} if "scenarios" in keys else {"figures": "false"}
    return [*kept, "replicates=2", *(f"{key}={added[key]}" for key in added if key not in keys)]


def check(line: str) -> None:
    """Check a command within a sentence, without running it."""
    from marketsim.commands import cli

    name, *arguments = shlex.split(line)
    if name == "marketsim":
        flags = [word for word in arguments if word.startswith("-")]
        assert set(flags) <= {"-m", "--help", "--to"}, f"{line}: unknown flag"
        command = arguments[0] if arguments[0] in cli.SUBCOMMANDS else "run"
        if command in SCHEMAS:
            _compose(command, [word for word in arguments if word not in (command, *flags)])
    elif name == "python":
        assert arguments[0] == "-m" and importlib.util.find_spec(arguments[1]), f"{line}: no module"
    else:
        _pip(arguments)


def _check_scenarios(overrides: list[str]) -> None:
    from marketsim.parameters import presets

    for word in overrides:
        names = re.match(r"scenarios=\[(.*)\]$", word)
        for name in names[1].split(",") if names else []:
            if "--config-dir" not in overrides and f"scenario.name={name}" not in overrides:
                presets.choice("scenario", name)


def _compose(name: str, overrides: list[str]) -> None:
    """Compose and check the settings of a command, without running it."""
    from marketsim.commands import compose, options

    _check_scenarios(overrides)
    flags = compose.flags(overrides, options.RunCommand)
    compose.composed(flags.overrides, name, getattr(options, SCHEMAS[name]), flags.config_dir)


# ---------------------------------------------------------------- commands


def _marketsim(arguments: list[str]) -> None:
    from marketsim.commands import cli

    _use_conf_of_checkout()
    name = arguments[0] if arguments and arguments[0] in cli.SUBCOMMANDS else "run"
    rest = arguments[1:] if arguments[:1] == [name] else arguments
    if {"--help", "-h", "--cfg", "-sc"} & set(rest):
        pass
    elif name in COMPOSED or (name == "compare" and not os.environ.get(EXACT) and _is_second()):
        return _compose(name, rest)
    elif name == "dashboard":
        assert all("=" in word for word in rest), rest
        return None
    elif name == "compile":
        assert not rest or (rest[0] == "--to" and len(rest) == 2), rest
        arguments = [name]  # what is compiled already, and for this processor
    elif name == "verify":
        arguments = ["verify", str(_small_study(Path(rest[0]))), *rest[1:]]
    elif name in ("run", "compare"):
        arguments = [name, *reduce(rest)]
    sys.argv = ["marketsim", *arguments]
    return cli.main()


def _use_conf_of_checkout() -> None:
    """Let `conf` of the working directory be that of the checkout."""
    from marketsim.parameters import presets

    if Path("conf").is_dir():
        folder = Path("conf").resolve()
        presets.folder = lambda: folder
        presets.choice.cache_clear()


def _is_second() -> bool:
    """Return whether the page has run a comparison before."""
    note = Path(os.environ[FOLDER]) / "compared"
    before = note.is_file()
    note.touch()
    return before


def _small_study(folder: Path) -> Path:
    from marketsim import api

    assert (folder / "manifest.json").is_file(), f"{folder} is no published study"
    small = {"population": "survey", "replicates": 2, "market": "posting_only", "figures": False}
    return api.run("baseline_2015", output="verified", progress=False, **small).folder


def _python(arguments: list[str]) -> None:
    match arguments:
        case ["-m", "venv", folder]:
            commands = Path(folder) / "bin"
            shutil.copytree(Path(os.environ[FOLDER]) / "bin", commands, dirs_exist_ok=True)
            _write_activate(commands)
        case ["-m", "pip", *rest]:
            _pip(rest)
        case ["-m", "pytest", *rest]:
            few = ["--collect-only", "-n", "0", "-p", "no:cacheprovider", "tests/test_rng.py"]
            _execute("-m", "pytest", *rest, *few)
        case ["-m", module, *rest] if module in HELP_ONLY:
            _execute("-m", module, *rest, "--help")
        case ["experiments/ban_horizons/ban_horizons.py" as script]:
            _execute(script, "2", "parcels_refused")
        case [script] if script.startswith("experiments/") or script == "docs/pictures.py":
            _execute(script, "2")
        case ["tests/documents.py", *rest]:
            assert all(Path(page).is_file() for page in rest), rest
        case ["-m", "marketsim", *rest]:
            _marketsim(rest)
        case _:
            _execute(*arguments)


def _execute(*arguments: str) -> None:
    os.execv(sys.executable, [sys.executable, *arguments])


def _pip(arguments: list[str]) -> None:
    """Check the files and extras of an installation."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert arguments[0] == "install", arguments
    for flag, word in itertools.pairwise(arguments):
        assert flag != "-r" or Path(word).is_file(), f"no file {word}"
    for word in arguments[1:]:
        extras = re.fullmatch(r"(?:marketsim-ivory|\.)\[([\w,]+)\]", word)
        for extra in extras[1].split(",") if extras else []:
            assert extra in project["optional-dependencies"], f"no extra {extra}"


def _parse_scripts(arguments: list[str]) -> None:
    """Let bash parse a script without running it."""
    for word in arguments:
        if Path(word).is_file():
            os.execv("/bin/bash", ["bash", "-n", word])


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "marketsim": _marketsim,
    "python": _python,
    "python3": _python,
    "pip": _pip,
} | dict.fromkeys(("bash", "sbatch", "squeue", "scancel", "tmux"), _parse_scripts)


def _write_activate(commands: Path) -> None:
    """Write the script that puts a folder of commands before all others."""
    (commands / "activate").write_text(f'PATH="{commands.resolve()}:$PATH"\n')
