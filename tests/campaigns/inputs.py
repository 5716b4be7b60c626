"""Strategies for inputs of the command: valid ones, broken ones, and garbage.

Valid inputs are drawn from what the package declares (parameters, interventions); the rules
between settings are written here a second time, from the documentation. A broken input is a row
of a table: arguments, and what the refusal has to name.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import yaml
from hypothesis import strategies as st

from marketsim.model.scenario.interventions import KINDS
from marketsim.parameters import overrides, presets, priors
from marketsim.parameters.settings import Settings, declared

FIRST, LAST = dt.date(2015, 3, 6), dt.date(2015, 7, 31)
# largest values that are tried where larger ones only cost memory and time
LARGEST = {
    "demand.max_inquiries_per_day": 40.0, "demand.visits": 50.0, "demand.friends": 1000.0,
    "demand.buyers": 500.0, "legal.customers": 5000.0, "resale.agents": 1500.0,
}  # fmt: skip
OWN = b"""\
import datetime as dt
from dataclasses import dataclass
from marketsim.model.scenario.interventions import Table, dose

@dataclass(frozen=True)
class LongHoliday:
    date: dt.date
    rest: float = dose(0.0, "share", 0.0, 1.0, "of moderators who stay at home")

    def apply(self, table: Table) -> None:
        table.capacity[table.day(self.date) :] *= 1.0 - self.rest
"""
NAMES = ("results", "with space", "结果 文件夹", "a/b/c", "out=put", "dots.and-dashes", "run:1", "12:30",
         "Dropbox (Org)/ivory", "file:x", "s3:/a", "C:\\a", "#1", "50%", "a&b", "~a", "$HOME", "[a]", "{b}",
         "a,b", "it's", "2015.10", "1e3", "true", "null", "0500")  # fmt: skip
# names that a reader of YAML or of a command line may take for numbers, dates or nothing
LIKE_NUMBERS = ("2017", "2015.10", "0500", "1e3", "1_000", "0x1f", "1.0", "2015-05-29", "nan", "inf", "true", "no",
                "null", "None", "07")  # fmt: skip
STUDIES = ("study", "s-1.b_2", "研究", "x" * 100, *LIKE_NUMBERS)
SCENARIOS = ("own", "m.1-2", "研究_1", "第二次", *LIKE_NUMBERS)
CONTROLS = (
    r"\v",
    r"\0",
    r"\e[31m",
    r"\a",
    r"\x7f",
    r"\x9b",
    r"\ufffe",
    r"\u202e",
    r"\u2028",
    r"\r\n",
    r"\t",
)
ABOUTS = (
    "plain",
    "象牙 \u2014 市场",
    "<script>alert(1)</script>",
    "=1+1",
    "a: b, [c] {d} 'e' \"f\"",
    "",
)
CHECKS = ("reused", "threads", "zero", "verified")  # further checks of some valid inputs


@dataclass(frozen=True)
class Input:
    """One input, and what is expected of it.

    `settings` are those that a result has to record; `key` is what a refusal has to name.
    """

    kind: str
    what: str
    words: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    output: str = "results"
    study: str = ""
    check: str = ""


def ranges() -> dict[str, tuple[float, float, bool]]:
    """Return low end, high end and whether it is whole of every declared parameter."""
    out = {}
    for group in fields(Settings):
        if is_dataclass(group.default_factory):
            for name, one in declared(group.default_factory).items():
                whole = isinstance(one["default"], int)
                out[f"{group.name}.{name}"] = (one["low"], one["high"], whole)
    return out


RANGES = ranges()
SMALL = ["population=survey", "population.retailers=30", "replicates=1", "posterior=none",
         "recovery=combined", "figures=false", "progress=false", "threads=1"]  # fmt: skip


def shares() -> dict[st.SearchStrategy[Input], float]:
    """Return the strategies of inputs, and the share of each in a campaign."""
    kinds = {broken(what): 0.5 / len(BROKEN) for what in BROKEN}
    return {valid(): 0.35, garbage(): 0.15} | kinds


# ---------------------------------------------------------------- valid inputs


def often(percent: int) -> st.SearchStrategy[bool]:
    """Return a strategy that is true in so many of a hundred cases."""
    return st.integers(0, 99).map(lambda drawn: drawn >= 100 - percent)


def between(low: float, high: float) -> st.SearchStrategy[float]:
    """Return values of a range, its ends among them."""
    steps = st.sampled_from([0, 1000]) | st.integers(0, 1000)
    return steps.map(lambda step: min(low + (high - low) * step / 1000, high))


def values(key: str) -> st.SearchStrategy[float]:
    """Return the values that a parameter may have."""
    low, high, whole = RANGES[key]
    high = min(high, LARGEST.get(key, high))
    return st.integers(int(low), int(high)) if whole else between(low, high)


def days(first: dt.date = FIRST, last: dt.date = LAST) -> st.SearchStrategy[str]:
    """Return days of the horizon, as text."""
    return (st.sampled_from([first, last]) | st.dates(first, last)).map(str)


@st.composite
def parameters(draw: Any) -> dict[str, Any]:
    """Draw some parameters with values that obey the rules between them."""
    names = sorted({*RANGES} - {"population.retailers", "scenario.dose_multiplier"})
    keys = draw(st.lists(st.sampled_from(names), max_size=6, unique=True))
    found: dict[str, Any] = {key: draw(values(key)) for key in keys}
    share, silent = "posting.silent_share", "posting.silent_days"
    if share in found or silent in found:
        found[share] = min(found.get(share, 0.15), 0.85)
        found[silent] = max(found.get(silent, 6.0), 6.0)
    if found.get("displacement.groups") == 0 or found.get("displacement.elsewhere") == 0:
        found["displacement.groups"] = 0.5
    for name in ("collector", "investor", "traveller"):  # shares of buyers, at most 1 together
        if f"buyers.{name}" in found:
            found[f"buyers.{name}"] = 0.2
    if "demand.taste_uncarved" in found or "demand.taste_carved" in found:
        found["demand.taste_carved"] = 0.45
    if any(f"population.type_{letter}" in found for letter in "abcd"):
        found["population.type_b"] = 24.0
    return found


@st.composite
def intervention(draw: Any, name: str) -> dict[str, Any]:
    """Draw an entry of a scenario, with doses and dates within their ranges."""
    entry: dict[str, Any] = {"kind": name}
    for item in fields(KINDS[name]):
        about = item.metadata
        if item.name in ("date", "start"):
            entry[item.name] = draw(days())
        elif item.name == "end":
            if draw(st.booleans()):
                entry["end"] = draw(days(dt.date.fromisoformat(entry["start"])))
        elif "pattern" in about:
            if item.name == "channel":
                entry[item.name] = draw(st.sampled_from(["groups", "elsewhere"]))
            elif name == "sweeps" and draw(often(30)):
                entry[item.name] = "ab/cd"
        elif draw(often(60)):
            entry[item.name] = draw(between(about["low"], about["high"]) | st.just(item.default))
    return entry


@st.composite
def interventions(draw: Any, without: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Draw entries of a scenario that agree with each other."""
    kinds = st.sampled_from(sorted({*KINDS} - {*without}))
    names = draw(st.lists(kinds, max_size=5, unique=True))
    for one, other in (("closure", "legal_supply"), ("sweep", "sweeps")):
        if {one, other} <= {*names}:
            names.remove(other)
    prefixes = st.sampled_from(["x", "long_name", "a-b"])
    return {f"{draw(prefixes)}{k}": draw(intervention(name)) for k, name in enumerate(names)}


@st.composite
def scenario(draw: Any) -> dict[str, Any]:
    """Draw a scenario as a file has it."""
    tree: dict[str, Any] = {"name": draw(st.sampled_from(SCENARIOS))}
    if draw(st.booleans()):
        tree |= {key: draw(st.sampled_from(ABOUTS)) for key in ("about", "source")}
    if draw(often(20)):
        tree["until"] = draw(days(LAST, dt.date(2015, 11, 28)))
    if draw(often(30)):
        tree |= {"dose_multipliers": [0.5, 1], "dose_multiplier": draw(st.sampled_from([1.0, 1]))}
    if draw(often(80)):
        tree["interventions"] = draw(interventions())
        if tree["interventions"] and draw(often(20)):
            tree["scaled_interventions"] = [draw(st.sampled_from(sorted(tree["interventions"])))]
    return tree


@st.composite
def as_yaml(draw: Any, tree: dict[str, Any]) -> bytes:
    """Write a tree as YAML: in blocks or in braces, dates quoted or not."""
    style = draw(st.sampled_from([None, False, True]))
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, default_flow_style=style)
    if draw(st.booleans()):
        text = re.sub(r"'(\d{4}-\d\d-\d\d)'", r"\1", text)
    return text.encode()


@st.composite
def valid(draw: Any) -> Input:
    """Draw an input that has to give a result."""
    counts = st.sampled_from([0, 1, 2015, 2**63 - 1]) | st.integers(0, 10**9)
    settings = {
        "population.retailers": draw(st.sampled_from([30, 1, 2, 50, 80, 150])),
        "replicates": draw(st.sampled_from([1, 1, 1, 2, 3])),
        "seed": draw(counts),
        "posterior": draw(st.sampled_from(["none", "none", "prior", "point", "calibration_2015"])),
        "market": draw(st.sampled_from(["full", "full", "full", "posting_only"])),
    }
    mechanisms = {
        "none": [name for name in presets.names("recovery") if name != "mixture"],
        "point": ["mixture"],
    }.get(settings["posterior"], [*priors.STRUCTURES, "mixture"])
    settings["recovery"] = draw(st.sampled_from(mechanisms))
    words = ["population=survey", "figures=false", "progress=false", "threads=1"]
    files, what = {}, "run"
    if draw(often(45)):
        tree = draw(scenario())
        what, own = "run of a scenario file", tree["name"]
        files[f"mine/scenario/{own}.yaml"] = draw(as_yaml(tree))
        words += ["--config-dir", "mine", f"scenario={own}"]
        in_file = {f"scenario.{key}": value for key, value in overrides.flat(tree).items()}
    else:
        settings["scenario"] = draw(st.sampled_from(presets.names("scenario")))
        in_file = {}
        if draw(often(30)):
            what = "run with interventions added"
            settings["scenario"] = draw(st.sampled_from(["baseline_2015", "no_crackdown"]))
            added = draw(interventions(("sweep", "sweeps")))
            in_file = overrides.flat({"scenario": {"interventions": added}})
            words += [f"+{key}={overrides.word(value)}" for key, value in in_file.items()
                      if value != {}]  # fmt: skip
    settings |= {
        key: value
        for key, value in draw(parameters()).items()
        if settings["posterior"] == "none" or not key.startswith("recovery.")
    }
    settings = {key: value for key, value in settings.items() if key not in in_file}
    if draw(often(15)):
        settings["horizon.start"] = draw(days(dt.date(2014, 8, 18), FIRST))
    if draw(often(10)):
        settings["horizon.end"] = draw(days(LAST, dt.date(2015, 11, 8)))
    output = draw(st.sampled_from(NAMES)) if draw(often(40)) else "results"
    words.append(f"output={overrides.word(output)}")
    study = draw(st.sampled_from(STUDIES)) if draw(often(30)) else ""
    if study:
        words.append(f"study={draw(st.sampled_from([study, overrides.word(study)]))}")
    if draw(often(6)):
        what, files["my own.py"] = "run with a class of the user's", OWN
        rest = draw(st.sampled_from(["0.0", "1.0", "0.25"]))
        words += ["classes=['my own.py']", f"+scenario.interventions.rest.rest={rest}",
                  "+scenario.interventions.rest.kind=long_holiday",
                  "+scenario.interventions.rest.date=2015-05-01"]  # fmt: skip
    check = draw(st.sampled_from(CHECKS)) if draw(often(25)) else ""
    if check == "verified" and what != "run":
        check = ""
    if draw(often(4)):
        what, check = "sweep", ""
        settings.pop("observer.lean", None)
        words = ["-m", "hydra/launcher=basic", *words, "observer.lean=0.1,0.2"]
    words += [f"{key}={overrides.word(value)}" for key, value in settings.items()]
    settings |= {key: value for key, value in in_file.items() if value != {}}
    return Input(
        "valid", what, tuple(words), files, settings, output=output, study=study, check=check
    )


# ---------------------------------------------------------------- broken inputs


@dataclass(frozen=True)
class Broken:
    """Arguments that are refused, files beside them, and what the message names."""

    words: list[str]
    key: str
    files: dict[str, bytes] = field(default_factory=dict)


def each(keys: Any, wrong: Callable[[str], Any]) -> list[Broken]:
    """Return a row for each key and each of its wrong values."""
    return [Broken([f"{key}={value}"], key) for key in keys for value in wrong(key)]


def beyond(low: float, high: float, whole: bool = False) -> list[Any]:
    """Return values outside a range."""
    return [int(low) - 1, int(high) + 1] if whole else [low - 1, high + 1, -1e18, 1e18]


def doses() -> list[Broken]:
    """Return doses out of range or of a wrong type, of every kind of intervention."""
    at, out = "scenario.interventions.x", []
    for name, kind in KINDS.items():
        names = {item.name for item in fields(kind)}
        begin = [f"+{at}.kind={name}", f"+{at}.{'date' if 'date' in names else 'start'}=2015-05-01"]
        for item in fields(kind):
            if "unit" in item.metadata:
                key = f"{at}.{item.name}"
                wrong = [item.metadata["low"] - 1, item.metadata["high"] + 1, "nan", "inf", "many",
                         "true", "null", "[1]", "{a:1}", "ads_total"]  # fmt: skip
                out += [Broken([*begin, f"+{key}={value}"], key) for value in wrong]
    return out


PARAMETERS = sorted({*RANGES} - {"population.retailers"})
AT, SWEEP = "scenario.interventions", "scenario.interventions.sweep_may"
COMMANDS = ("compare", "sensitivity", "calibrate", "calibrate_market", "validate",
            "verify", "results")  # fmt: skip
BUILT = ("os.system", "builtins.exec", "subprocess.Popen", "marketsim.commands.cli.main")
# fmt: off
DATES = ["2015-02-30", "2015-13-01", "15-05-01", "2015-W22-1", "20150529", "''", "May", "2015-05-29T00:00", "nan", "1e9",
         "[2015-05-29]", "true", "0000-00-00", "２０１５-05-29"]
REVERSED = {"campaign": "willingness=0.5", "closure": "share=1", "moderation_effort": "recall=2", "police_effort": "police=2",
            "channel_closure": "share=1", "legal_supply": "growth=1", "sweeps": "posts=10"}
OF_HYDRA = ["hydra.run.dir=x", "hydra.job.chdir=true", "hydra.mode=MULTIRUN", "hydra.searchpath=[file:///tmp]",
         "hydra.searchpath=[pkg://antigravity]", "hydra.verbose=true", "hydra.output_subdir=x",
         "hydra/job_logging=default", "hydra/hydra_logging=default", "hydra.sweep.dir=x",
         "+hydra.callbacks.x.y=1", "hydra.job.env_copy=[NOPE]", "+hydra.job.env_set.PATH=x",
         "hydra.nope=1", "hydra/launcher=nope", "hydra/nope=nope", "hydra.job.name=x",
         "hydra.runtime.cwd=/", "~hydra.run", "hydra=null", "hydra.job_logging.version=2",
         "+hydra.job_logging.handlers.x={'()':os.system}"]
GRAMMAR = ["seed=[", "seed={", "seed='", "seed=1,2", "=1", "seed", "~nope", "+seed=1", "a.b..c=1",
         "posting..base_posts=1", ".=1", "seed=glob(*)", "seed=range(1,3)", "seed=choice(1,2)",
         "seed=int(", "seed=1 2]", "seed=a:b:[", "seed=cast(", "seed={a:1", "seed=[1,2", "1=1=1",
         "\u202eseed=1", "seed\u00a0=1", "seed=}", "[]", "{}", "''", "~", "+", "++", "+=", "@=1", "posting@=1",
         "scenario@_global_=baseline_2015", "scenario@=no_crackdown", "seed=" + "[" * 300, "seed=" + "(" * 50,
         "~posting", "~scenario.interventions", "~seed"]
FLAGS = [["--nope"], ["-z"], ["--cfg"], ["--cfg=nope"], ["--info=nope"], ["--package=x"], ["--resolve"],
         ["--config-dir=nope"], ["--config-dir"], ["--config-name=x"], ["--config-path=/tmp"],
         ["--experimental-rerun=x"], ["--exp", "x"], ["--cfg", "job", "--info"], ["-cp", "x"], ["-cn", "x"],
         ["--multirun", "--cfg", "job"], ["--cfg", "job", "--package", "nope"], ["-m", "seed=1,x"],
         ["-m", "hydra.sweeper.x=1"], ["-m", "hydra.searchpath=[pkg://antigravity]"],
         ["-m", "hydra/launcher=nope"], ["-m", "hydra.launcher._target_=os.system"],
         ["-m", "hydra/sweeper=nope"], ["--shell-completion"], ["-sc", "install=nope"]]
REFERENCES = ["${nope}", "${oc.env:HOME}", "${oc.env:NOPE_NOPE}", "${oc.decode:'['}",
                           "${hydra:runtime.cwd}", "${", "${}", "${a:${b}}", "${..x}", "${nope:1}"]
OWN_CLASSES = [b"def (", b"raise ValueError('a\\nb')", b"", b"x = 1", b"\xff\xfe", b"\x00", b"import nope_nope",
         OWN.replace(b"1.0 - self.rest", b"0.5"), OWN.replace(b"LongHoliday", b"Sweep"),
         OWN.replace(b"dose(0.0,", b"float(0.0); dose(0.0,"), OWN.replace(b"    date: dt.date\n", b""),
         OWN.replace(b"date: dt.date", b"date: dt.date\n    more: float = 3.0")]
CONTRARY = [(["posterior=nope"], "posterior"), (["recovery=mixture"], "recovery"),
         (["posterior=point", "recovery=none"], "recovery"), (["market=nope"], "market"),
         (["market=null"], "market"), (["posterior=null"], "posterior"), (["posterior=''"], "posterior"),
         (["posterior=prior", "recovery=mixture", "fixed=[nope.nope]"], "fixed"),
         (["posterior=prior", "recovery=mixture", "fixed=[posting.weekend]"], "fixed"),
         (["fixed=3"], "fixed"), (["fixed={a:1}"], "fixed"), (["classes=3"], "classes"),
         ([f"population.type_{letter}=0" for letter in "abcd"], "population.type_a"),
         (["displacement.groups=0", "displacement.elsewhere=0"], "displacement"),
         (["demand.taste_uncarved=0", "demand.taste_carved=0"], "demand.taste_uncarved"),
         (["posting.silent_share=0.9", "posting.silent_days=1"], "posting.silent_days"),
         (["posterior=prior", "recovery=mixture", "recovery.smooth=1"], "recovery"),
         (["scenario.name='=1+1'"], "scenario.name"), (["scenario.name=''"], "scenario.name"),
         (["scenario.name='a/b'"], "scenario.name"), (["scenario.name=../x", "study=s"], "scenario.name"),
         (["scenario.until=2021-01-01"], "scenario.until"), (["scenario.until=2015-02-30"], "scenario.until"),
         (["fresh=maybe"], "fresh"), (["figures=3.5"], "figures"), (["progress=null"], "progress"),
         (["scenario.interventions={}"], "scenario.interventions"),
         (["scenario.interventions=3"], "scenario.interventions"), (["scenario=null"], "scenario"),
         (["posting=3"], "posting"), (["posting=null"], "posting"), (["horizon=[]"], "horizon")]
OF_A_COMMAND = [(["compare"], "scenarios"), (["compare", "scenarios=[nope]"], "scenarios"),
         (["compare", "scenarios=[baseline_2015]"], "scenarios"),
         (["compare", "scenarios=[no_crackdown,no_crackdown]"], "scenarios"),
         (["compare", "scenarios=no_crackdown"], "scenarios"), (["compare", "scenarios=3"], "scenarios"),
         (["compare", "scenarios=[no_crackdown]", "market=posting_only"], "market"),
         (["compare", "scenarios=[no_crackdown]", "baseline=nope"], "scenarios"),
         (["compare", "scenarios=[no_crackdown]", "start=bad"], "start"),
         (["compare", "scenarios=[no_crackdown]", "start=2015-07-30"], "start"),
         (["compare", "scenarios=[no_crackdown]", "precision=0"], "precision"),
         (["compare", "scenarios=[no_crackdown]", "precision=nan"], "precision"),
         (["compare", "scenarios=[no_crackdown]", "hours_a_week=1"], "scenarios"),
         (["compare", "scenarios=[no_crackdown]", "hours_a_week=0"], "hours_a_week"),
         (["compare", "scenarios=[repeated_sweeps]", "hours_a_week=1e9"], "hours_a_week"),
         (["compare", "scenarios=[no_crackdown]", "replicates=0"], "replicates"),
         (["compare", "-m", "scenarios=[no_crackdown]"], "--multirun"),
         (["sensitivity", "samples=9"], "samples"), (["sensitivity", "posterior=none"], "posterior"),
         (["sensitivity", "recovery=mixture"], "recovery"), (["sensitivity", "trajectories=3"], "trajectories"),
         (["sensitivity", "baseline=nope"], "baseline"), (["sensitivity", "kept=0"], "kept"),
         (["sensitivity", "market=posting_only"], "market"), (["sensitivity", "runs_each=1"], "runs_each"),
         (["calibrate", "calibration.simulations=1"], "calibration.simulations"),
         (["calibrate", "calibration.simulations=nan"], "calibration.simulations"),
         (["calibrate", "calibration.rounds=0"], "calibration.rounds"),
         (["calibrate", "calibration.draws=x"], "calibration.draws"),
         (["calibrate", "calibration.tests=9"], "calibration.tests"),
         (["calibrate", "calibration.pairs=-1"], "calibration.pairs"),
         (["calibrate", "calibration.held_out=10000"], "calibration.held_out"),
         (["calibrate", "calibration.particles=100"], "calibration.particles"),
         (["calibrate", "posterior=none"], "posterior"), (["calibrate", "market=full"], "market"),
         (["calibrate_market", "market=posting_only"], "market"),
         (["calibrate_market", "calibration.particles=1"], "calibration.particles"),
         (["calibrate_market", "calibration.sampler=nope"], "calibration.sampler"),
         (["calibrate_market", "calibration.address=x"], "calibration.address"),
         (["calibrate_market", "calibration.rounds=1"], "calibration.rounds"),
         (["validate", "simulations=1000"], "simulations"), (["validate", "replicates=0"], "replicates"),
         (["validate", "posterior=nope"], "posterior"),
         (["verify"], "FOLDER"), (["verify", "nope"], "cannot read nope"), (["verify", "."], "cannot read ."),
         (["verify", "x", "threads=0"], "threads"), (["verify", "x", "nope"], "nope"),
         (["verify", "file"], "cannot read file"), (["results", "nope"], "folder"), (["results", "."  , "nope=1"], "nope"),
         (["results", ".", "csv=x.txt"], "csv"), (["results", ".", "parquet="], "parquet"),
         (["results", ".", "csv=/dev/null/x.csv"], "csv"), (["results", "file"], "folder"),
         (["results", ".", "--csv"], "--csv")]
USABLE = {"mine/scenario/own.yaml": b"name: own\n"}  # without it the whole folder is refused
OTHER_FILES = [(["+experiment=x"], {"mine/experiment/x.yaml": b"seed: 3\n"}, "--config-dir"),
         (["+experiment=x"], USABLE | {"mine/experiment/x.yaml": b"# @package _global_\nseed: 3\n"}, "experiment"),
         (["+experiment=x"], USABLE | {"mine/experiment/x.yaml": b"seed: 3\n"}, "experiment"),
         (["population=own"], {"mine/population/own.yaml": b"retailers: many\n"}, "population.retailers"),
         (["population=own"], {"mine/population/own.yaml": b"retailers: 3000000\n"}, "population.retailers"),
         (["recovery=own"], {"mine/recovery/own.yaml": b"name: own\nsmooth: 2\n"}, "recovery.smooth"),
         (["recovery=own"], {"mine/recovery/own.yaml": b"name: own\nnope: 2\n"}, "nope"),
         (["hydra/launcher=own"], {"mine/hydra/launcher/own.yaml": b"_target_: os.system\n"}, "hydra/launcher"),
         (["-m", "hydra/launcher=own", "seed=1,2"],
          {"mine/hydra/launcher/own.yaml": b"_target_: os.system\ncommand: touch PWNED\n"}, "--config-dir"),
         (["-m", "seed=1,2", "+experiment=x"],
          USABLE | {"mine/experiment/x.yaml": b"# @package hydra.launcher\nx: {_target_: os.system}\n"}, "experiment")]
# fmt: on

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 107)
)
HEAD = b"name: own\n"
# Scenario files that are refused, and what the message names.
FILES: dict[str, tuple[bytes, str]] = {
    "key twice": (HEAD + b"about: a\nabout: b\n", "own.yaml"),
    "entry twice": (HEAD + b"interventions:\n  x: {kind: news, date: 2015-05-01}\n  x: {kind: news}\n", "own.yaml"),
    "an alias": (HEAD + b"about: &a b\nsource: *a\n", "own.yaml"),
    "a bomb of aliases": (BOMB, "own.yaml"),
    "python object": (b"name: !!python/object/apply:os.system ['touch PWNED']\n", "own.yaml"),
    "python name": (HEAD + b"about: !!python/name:os.system\n", "own.yaml"),
    "a tag": (HEAD + b"about: !foo bar\n", "own.yaml"),
    "binary": (HEAD + b"about: !!binary aGVsbG8=\n", "own.yaml"),
    "deep": (HEAD + b"interventions: " + b"[" * 5000 + b"]" * 5000, "own.yaml"),
    "deep in blocks": (HEAD + b"interventions:\n" + b"".join(b" " * k + b"a:\n" for k in range(1, 400)), "own.yaml"),
    "deep and open": (b"{" * 20000, "own.yaml"),
    "not UTF-8": (HEAD + b"about: \xff\xfe\xfa\n", "own.yaml"),
    "zeros": (b"\x00" * 100, "own.yaml"),
    "a list": (b"- a\n- b\n", "own.yaml"),
    "a number": (b"3\n", "own.yaml"),
    "a text": (b"hello\n", "own.yaml"),
    "unknown key": (HEAD + b"nope: 1\n", "nope"),
    "nested unknown key": (HEAD + b"scenario:\n  name: x\n", "scenario"),
    "target": (HEAD + b"_target_: os.system\ncommand: touch PWNED\n", "_target_"),
    "target in an intervention": (
        HEAD + b"interventions:\n  x: {kind: news, date: 2015-05-01, _target_: os.system}\n", "_target_"),
    "global package": (b"# @package _global_\noutput: elsewhere\n", "scenario"),
    "global classes": (b"# @package _global_\nclasses: [evil.py]\n", "scenario"),
    "global callback": (
        b"# @package _global_\nhydra:\n  callbacks:\n    x: {_target_: os.system, command: touch PWNED}\n", "scenario"),
    "global logging": (
        b"# @package _global_\nhydra:\n  job_logging:\n    version: 1\n    handlers:\n      x: {'()': os.system}\n",
        "scenario"),
    "another package": (b"# @package posting\nbase_posts: 2\n", "scenario"),
    "defaults elsewhere": (b"defaults:\n  - /population@_global_: survey\n" + HEAD, "own.yaml: defaults"),
    "defaults of Hydra": (b"defaults:\n  - /hydra/job_logging: default\n" + HEAD, "own.yaml: defaults"),
    "defaults not there": (b"defaults:\n  - nope\n" + HEAD, "nope"),
    "defaults of itself": (b"defaults:\n  - own\n" + HEAD, ""),
    "defaults after itself": (b"defaults: [_self_, baseline_2015]\n" + HEAD, "own.yaml: defaults"),
    "defaults null": (b"defaults:\n" + HEAD, "own.yaml: defaults"),
    "defaults with an option": (b"defaults: [{optional scenario: baseline_2015}]\n" + HEAD, "own.yaml: defaults"),
    "defaults a number": (b"defaults: 3\n" + HEAD, ""),
    "environment": (HEAD + b"about: ${oc.env:HOME}\n", "oc.env:HOME}: a plain value"),
    "environment in a list": (HEAD + b"scaled_interventions: ['${oc.env:HOME}']\n", "oc.env:HOME}: a plain value"),
    "environment in a dose": (
        HEAD + b"interventions:\n  x: {kind: news, date: 2015-05-01, publicity: '${oc.env:X}'}\n", "oc.env:X}: a plain value"),
    "about null": (HEAD + b"about: null\n", "about: a text"),
    "about a list": (HEAD + b"about: [a]\n", "about: a text"),
    "a missing value": (HEAD + b"about: ???\n", "a plain value"),
    "no interventions but those of defaults": (
        b"defaults: [baseline_2015]\n" + HEAD + b"interventions: {}\n", "NAME: null"),
    "nothing left out": (
        b"defaults: [baseline_2015]\n" + HEAD + b"interventions: {arest_may: null}\n", "leaves nothing out"),
    "nothing to leave out": (HEAD + b"interventions: {arrest_may: null}\n", "leaves nothing out"),
    "empty": (b"# nothing\n", "own.yaml"),
    "interventions a list": (HEAD + b"interventions: [1, 2]\n", "scenario/own"),
    "interventions a text": (HEAD + b"interventions: none\n", "interventions"),
    "interventions null": (HEAD + b"interventions:\n", "interventions"),
    "dose multiplier a text": (HEAD + b"dose_multiplier: much\n", "scenario.dose_multiplier"),
    "dose multiplier infinite": (HEAD + b"dose_multiplier: .inf\n", "scenario.dose_multiplier"),
    "dose multipliers a text": (HEAD + b"dose_multipliers: [a]\n", "dose_multipliers"),
    "scaled a number": (HEAD + b"scaled_interventions: 3\n", "scaled_interventions"),
    "until no day": (HEAD + b"until: 2015-02-30\n", "scenario.until"),
    "until a number": (HEAD + b"until: 20151231\n", "scenario.until"),
    "name a formula": (b"name: =1+1\n", "own.yaml"),
    "name a path": (b"name: ../../x\n", "own.yaml"),
    "name empty": (b"name: ''\n", "own.yaml"),
    "name null": (b"name:\n", "own.yaml"),
    "name long": (b"name: " + b"x" * 200 + b"\n", "own.yaml"),
    "name with a line": (b'name: "a\\nb"\n', "own.yaml"),
    "intervention with a dot": (HEAD + b"interventions:\n  a.b: {kind: news, date: 2015-05-01}\n", "a.b"),
    "intervention a formula": (HEAD + b"interventions:\n  =a: {kind: news, date: 2015-05-01}\n", "=a"),
    "large": (HEAD + b"about: " + b"x" * (1 << 20) + b"\n", "own.yaml"),
    "huge dose": (
        HEAD + b"interventions:\n  x: {kind: sweep, date: 2015-05-01, posts: 1" + b"0" * 400 + b"}\n", "x.posts"),
    "infinite dose": (HEAD + b"interventions:\n  x: {kind: sweep, date: 2015-05-01, posts: 1e999}\n", "x.posts"),
    "dose not a number": (HEAD + b"interventions:\n  x: {kind: sweep, date: 2015-05-01, posts: .nan}\n", "x.posts"),
    "key a number": (HEAD + b"interventions:\n  1: {kind: news, date: 2015-05-01}\n", "interventions"),
    "key null": (HEAD + b"interventions:\n  ~: {kind: news, date: 2015-05-01}\n", "interventions"),
    "key a list": (HEAD + b"? [a, b]\n: c\n", "own.yaml"),
    "value a tree": (
        HEAD + b"interventions:\n  x: {kind: news, date: 2015-05-01, publicity: {a: {b: 1}}}\n", "x.publicity"),
    "half a pair": (HEAD + b'about: "\\ud800"\n', "scenario.about"),
    "tabs": (HEAD + b"interventions:\n\tx: 1\n", "own.yaml"),
    "two documents": (HEAD + b"---\nname: other\n", "own.yaml"),
    "open bracket": (HEAD + b"interventions: {x: {kind: news\n", "own.yaml"),
    "open quote": (HEAD + b"about: 'a\n", "own.yaml"),
}  # fmt: skip

# files of the user's with the name of one that is shipped: they would not be used
SHIPPED = [("scenario", "repeated_sweeps", b"name: repeated_sweeps\n"),
           ("scenario", "baseline_2015", b"name: baseline_2015\nabout: mine\n"),
           ("scenario", "no_crackdown", b""), ("population", "survey", b"retailers: 50\n"),
           ("population", "national", b"retailers: 50\n"), ("recovery", "combined", b"smooth: 0.5\n")]  # fmt: skip
OWN_FILE = ["--config-dir", "mine", "scenario=own", "study=s"]
# fmt: off
BROKEN: dict[str, list[Broken]] = {
    "out of range": each(PARAMETERS, lambda key: beyond(*RANGES[key])),
    "not a number": each(PARAMETERS, lambda _: ["nan", "inf", "-inf", "1e999", ".nan"]),
    "wrong type": each([*RANGES, "seed", "replicates", "threads"], lambda key: [
        "abc", "[1,2]", "{a:1}", "true", "''", "0x1g", "2015-05-29", "1;2", "象", "None", *["null"] * (key != "threads")]),
    "whole numbers": [
        *each(["replicates"], lambda _: ["0", "-1", "1000001", "1.5", "1e400"]),
        *each(["threads"], lambda _: ["0", "1025", "1.5"]),
        *each(["seed"], lambda _: ["-1", str(2**63), "1e400", "9" * 400]),
        *each(["population.retailers"], lambda _: ["0", "-5", "2000001", "1.5"])],
    "unknown key": [
        *(Broken([f"{mark}{wrong}=1"], wrong if wrong.islower() else wrong.partition(".")[0])
          for key in RANGES for mark in ("", "+", "++") for wrong in (key + "x", key[:-1] + "_", key.upper())),
        *(Broken([f"{mark}{key}.more=1"], key) for key in RANGES for mark in ("", "+", "++")),
        *(Broken([f"{mark}{key}=1"], key) for key in ("nope", "posting.nope") for mark in ("", "+", "++"))],
    "unknown choice": each(["population", "scenario", "recovery"], lambda _: map(overrides.word, [
        "nope", "Baseline_2015", "../run", "baseline_2015.yaml.yaml", "象", "a b"])),
    "wrong date": [
        *each([f"{SWEEP}.date", "horizon.start", "horizon.end", f"{AT}.planet_campaign.start"], lambda _: DATES),
        *each([f"{SWEEP}.date"], lambda _: ["2016-05-01", "2014-12-31"]),
        *each(["horizon.start"], lambda _: ["2016-05-01", "2009-12-31"]),
        *each(["horizon.end"], lambda _: ["2021-01-01", "2014-12-31"])],
    "reversed dates": [
        Broken([f"+{AT}.x.kind={kind}", f"+{AT}.x.start=2015-06-10", f"+{AT}.x.end=2015-06-09", f"+{AT}.x.{dose}",
                *[f"+{AT}.x.every=7"] * (kind == "sweeps")], f"{AT}.x.end") for kind, dose in REVERSED.items()],
    "contradiction": [
        Broken([f"+{AT}.a.kind=closure", f"+{AT}.a.start=2015-05-01", f"+{AT}.a.share=0.5",
                f"+{AT}.b.kind=legal_supply", f"+{AT}.b.start=2015-06-01", f"+{AT}.b.growth=1"], f"{AT}.a"),
        Broken([f"+{AT}.a.kind=sweep", f"+{AT}.a.date=2015-05-01", f"+{AT}.a.posts=5", f"+{AT}.a.types=ab",
                f"+{AT}.b.kind=sweep", f"+{AT}.b.date=2015-05-01", f"+{AT}.b.posts=5", f"+{AT}.b.types=cd"],
               f"{AT}.b.types")],
    "wrong kind": [Broken([f"+{AT}.x{rest}"], f"{AT}.x.kind") for rest in (
        ".kind=raid", ".date=2015-05-01", "=3", "=[1,2]", ".kind=null", ".kind=[sweep]", ".kind={a:1}",
        ".kind=os.system")] + [Broken([f"+{AT}.x={nothing}"], f"{AT}.x") for nothing in ("null", "{}")],
    "wrong dose": doses(),
    "wrong choice": [
        *(Broken([f"+{AT}.x.kind=channel_closure", f"+{AT}.x.start=2015-05-01", f"+{AT}.x.channel={wrong}"], f"{AT}.x.channel")
          for wrong in ("moments", "''", "null", "[groups]", "GROUPS")),
        *(Broken([f"+{SWEEP}.types={wrong}"], f"{SWEEP}.types")
          for wrong in ("e", "abcde", "''", "A", "null", "[a]", "a/b"))],
    "unknown dose": [Broken([f"+{SWEEP}.{wrong}=1"], f"{SWEEP}.{wrong}")
                     for wrong in ("size", "Posts", "apply", "__class__", "kinds", "post_s")],
    "scaling": [
        *each(["scenario.scaled_interventions"], lambda _: ["[nope]", "[sweep]", "[a,b]"]),
        *(Broken(["scenario.scaled_interventions=[sweep_may]", f"scenario.dose_multiplier={wrong}"], "scenario.dose_multiplier")
          for wrong in (999, 1000)),
        *each(["scenario.dose_multipliers"], lambda _: ["[0]", "[-1]", "[a]", "3", "[true]", "[[1]]", "[nan]", "[inf]"])],
    "target": [Broken([word], "_target_") for build in BUILT for word in (
        f"+scenario.interventions.x._target_={build}", f"+_target_={build}",
         f"+posting._target_={build}", f"+hydra.callbacks.x._target_={build}",
         f"+hydra.callbacks.x={{_target_:{build},command:'touch PWNED'}}",
         f"hydra.launcher._target_={build}", f"+scenario._target_={build}",
         f"+scenario.interventions.x={{_target_:{build},command:'touch PWNED'}}",
         f"+hydra.job_logging.handlers.x._target_={build}", f"hydra.sweeper._target_={build}")],
    "of hydra": [Broken([word], re.split("[=./]", word.lstrip("+~"))[0]) for word in OF_HYDRA],
    "reference": each(["seed", "replicates", "posting.base_posts", "population.retailers"],
                      lambda key: [*REFERENCES, "${" + key + "}"]),
    "grammar": [Broken([word], "") for word in GRAMMAR],
    "flags": [Broken(words, "") for words in FLAGS],
    "places": [Broken(row.words, row.key, {"file": b"a file"}) for row in [
        *each(["study"], lambda _: ["a/b", "''", ".x", "x" * 101, "..", "../x", "'a\tb'", "null/x", "a:b"]),
        *each(["output"], lambda _: ["''", "/dev/null/x", "/proc/nope", "x" * 300, "/dev/full/x", "file"])]],
    "contrary": [Broken(words, key) for words, key in CONTRARY],
    "own class": [
        *(Broken([f"classes=['{name}']"], name, {name: text}) for text in OWN_CLASSES for name in ("mine.py", "我的 类.py")),
        *(Broken([f"classes={wrong}"], "", {"folder/x": b""}) for wrong in ("[nope.py]", "[folder]", "['']"))],
    "of a command": [Broken(words, key, {"file": b"x"}) for words, key in OF_A_COMMAND],
    "shipped name": [
        Broken([*words, "--config-dir", "mine", f"{group}={name}"], name, {f"mine/{group}/{name}.yaml": content})
        for group, name, content in SHIPPED for words in ([], ["-m", "seed=1,2"])],
    "shipped name compared": [
        Broken(["compare", "--config-dir", "mine", "scenarios=[repeated_sweeps]"], "repeated_sweeps",
               {"mine/scenario/repeated_sweeps.yaml": b"name: repeated_sweeps\n"})],
    "name of a file": [
        Broken(["--config-dir", "mine", "scenario=harder", *words], "harder", {"mine/scenario/harder.yaml": content})
        for content in (b"about: a\n", b"name: other\n", b"name: Harder\n", b"name: baseline_2015\n",
                        b"defaults: [baseline_2015, _self_]\nabout: a\n")
        for words in ([], ["-m", "seed=1,2"])],
    "scenario file": [Broken(OWN_FILE, key, {"mine/scenario/own.yaml": content, "evil.py": b"open('PWNED', 'w')"})
                      for content, key in FILES.values()],
    "other file": [Broken([*words, "--config-dir", "mine"], key, found) for words, found, key in OTHER_FILES],
}
# fmt: on


def broken(what: str) -> st.SearchStrategy[Input]:
    """Return inputs with a mistake of one kind, beside correct settings."""
    return st.sampled_from(BROKEN[what]).map(lambda row: beside(what, row))


def beside(what: str, row: Broken) -> Input:
    """Put a row beside the settings of a small run, except for the population that it sets."""
    if row.words and row.words[0] in COMMANDS:
        return Input("broken", what, tuple(row.words), row.files, key=row.key)
    without = ["population=", "population.retailers"] if "population=own" in row.words else []
    if any(word.startswith("population.retailers") for word in row.words):
        without.append("population.retailers")
    small = [word for word in SMALL if not word.startswith(tuple(without))]
    return Input("broken", what, (*small, *row.words), row.files, key=row.key)


# ---------------------------------------------------------------- garbage

PIECES = ("seed", "scenario", "=", "=", ".", ",", "+", "~", "[", "]", "{", "}", "'", '"', "\\", "$", "${", ":", "(",
          ")", "1", "1e9", "nan", "null", "true", "posting.", "base_posts", "interventions", "x", "kind", "sweep",
          "象", "\u202e", "é", "\x1b[31m", "\t", " ", "\n", "@", "/", "%", "#", "&", "*", "!", "|", ">", "-", "?",
          "range", "glob", "choice", "hydra", "_target_", "\udcff", "🐘", "0x", "_", "..", "2015-05-01")  # fmt: skip
NO_OUTPUT = ("figures=false", "progress=false")


@st.composite
def garbage(draw: Any) -> Input:
    """Draw an input that is refused, or that runs and obeys the laws."""
    piece = st.sampled_from(PIECES)
    how = draw(
        st.sampled_from(["words", "bytes", "changed file", "changed words", "control characters"])
    )
    if how == "words":
        word = st.lists(piece, min_size=1, max_size=8).map("".join)
        words = draw(st.lists(word.filter(is_safe), min_size=1, max_size=4))
        return Input("garbage", how, (*words, *SMALL))
    if how == "changed words":
        made = draw(valid())
        words = list(made.words)
        place = draw(st.integers(0, len(words) - 1))
        at, cut = draw(st.integers(0, len(words[place]))), draw(st.integers(0, 2))
        words[place] = words[place][:at] + draw(piece) + words[place][at + cut :]
        words = [word for word in words if is_safe(word)]
        return Input("garbage", how, (*words, *SMALL[:3], *NO_OUTPUT), made.files)
    if how == "control characters":
        key, text = draw(st.sampled_from(["about", "source"])), draw(st.sampled_from(CONTROLS))
        content = f'name: own\n{key}: "a {text} b"\n'.encode()
    else:
        content = draw(st.binary(max_size=300) if how == "bytes" else changed_file())
    words = (*SMALL, "--config-dir", "mine", "scenario=own")
    return Input("garbage", how, words, {"mine/scenario/own.yaml": content})


@st.composite
def changed_file(draw: Any) -> bytes:
    """Draw a scenario file with some bytes changed, cut, doubled or inserted."""
    content = bytearray(draw(as_yaml(draw(scenario()) | {"name": "own"})))
    for _ in range(draw(st.integers(1, 4))):
        at, many = draw(st.integers(0, len(content))), draw(st.integers(1, 40))
        change = draw(st.sampled_from(["bit", "cut", "double", "insert", "truncate"]))
        if change == "bit" and at < len(content):
            content[at] ^= 1 << many % 8
        elif change == "cut":
            del content[at : at + many // 4]
        elif change == "double":
            content[at:at] = content[at : at + many]
        elif change == "insert":
            inserted = draw(st.sampled_from(PIECES))
            content[at:at] = inserted.encode("utf-8", "surrogateescape")
        elif change == "truncate":
            del content[at:]
    return bytes(content)


def is_safe(word: str) -> bool:
    """Return whether a word can neither make a run write outside its folder nor last for hours."""
    key = word.lstrip("+~").partition("=")[0]
    no = ("output", "population", "replicates", "horizon", "-")
    return not key.startswith(no) and "\x00" not in word
