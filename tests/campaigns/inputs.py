"""Inputs drawn by number: valid ones from the declared ranges, broken ones, and garbage.

An input is a function of the seed of the campaign and its number alone, so that one that fails can
be made again. What is valid is drawn from what the package declares (parameters, interventions,
evidence); the rules between keys are written down here a second time, from the documentation.
"""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from marketsim.model.scenario.interventions import KINDS
from marketsim.parameters import overrides, presets, priors
from marketsim.parameters.settings import Settings, declared

FIRST, LAST = dt.date(2015, 3, 6), dt.date(2015, 7, 31)
LATEST, EARLIEST = dt.date(2020, 12, 31), dt.date(2010, 1, 1)
KINDS_OF_INPUT = ("valid", "broken", "garbage")
SHARES = (0.32, 0.54, 0.14)
# where the largest value would only cost memory and time: the largest that is tried
LARGEST = {
    "demand.answers": 40.0, "demand.visits": 50.0, "demand.friends": 1000.0,
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
NAMES = ("results", "with space", "结果 文件夹", "a/b/c", "out=put", "dots.and-dashes")
STUDIES = ("study", "s-1.b_2", "研究", "x" * 100)
ABOUTS = (
    "plain",
    "象牙 \u2014 市场",
    "<script>alert(1)</script>",
    "=1+1",
    "a: b, [c] {d} 'e' \"f\"",
    "",
)


@dataclass(frozen=True)
class Input:
    """One input: its words and files, and what is to come of it.

    `asked` holds what a result has to say of its settings; `key` what a refusal has to name.
    """

    number: int
    kind: str
    what: str
    words: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    output: str = "results"


def ranges() -> dict[str, tuple[float, float, bool]]:
    """Return low end, high end and whether it is whole of every declared parameter."""
    out = {}
    for group in fields(Settings):
        if is_dataclass(group.default_factory):
            for name, one in declared(group.default_factory).items():
                key = f"{group.name}.{name}"
                out[key] = (one["low"], one["high"], isinstance(one["default"], int))
    return out


RANGES = ranges()
UNSIZED = [key for key in RANGES if key not in ("population.retailers", "scenario.strength")]


def draw(seed: int, number: int) -> Input:
    """Return an input of the campaign."""
    chance = random.Random(f"{seed} {number}")
    (kind,) = chance.choices(KINDS_OF_INPUT, SHARES)
    made = {"valid": valid, "broken": broken, "garbage": garbage}[kind](chance)
    return replace(made, number=number, kind=kind)


# ---------------------------------------------------------------- valid ones


def value_of(chance: random.Random, key: str) -> float | int:
    """Return a value of a parameter within its range, often at one of its ends."""
    low, high, whole = RANGES[key]
    high = min(high, LARGEST.get(key, high))
    if whole:
        return chance.choice([int(low), int(high), chance.randint(int(low), int(high))])
    even = chance.uniform(low, high)
    return float(
        chance.choice([low, high, even, round(even, 2) if low <= round(even, 2) <= high else even])
    )


def parameters(chance: random.Random, most: int = 6) -> dict[str, Any]:
    """Return some parameters with values, held to the rules between them."""
    keys = chance.sample(UNSIZED, chance.choice([0, 0, 1, 1, 2, 3, most]))
    found: dict[str, Any] = {key: value_of(chance, key) for key in keys}
    share, days = "posting.silent_share", "posting.silent_days"
    if share in found or days in found:
        found[share] = min(found.get(share, 0.15), 0.85)
        found[days] = max(found.get(days, 6.0), 6.0)
    if found.get("displacement.groups") == 0 or found.get("displacement.elsewhere") == 0:
        found["displacement.groups"] = 0.5
    if "demand.taste_uncarved" in found or "demand.taste_carved" in found:
        found["demand.taste_carved"] = 0.45
    if any(f"population.type_{letter}" in found for letter in "abcd"):
        found["population.type_b"] = 24.0
    return found


def day(chance: random.Random, first: dt.date = FIRST, last: dt.date = LAST) -> dt.date:
    """Return a day of the horizon."""
    return chance.choice(
        [first, last, first + dt.timedelta(chance.randint(0, (last - first).days))]
    )


def intervention(chance: random.Random, name: str) -> dict[str, Any]:
    """Return an entry of a scenario, of a kind, with doses and dates within their ranges."""
    kind = KINDS[name]
    entry: dict[str, Any] = {"kind": name}
    for item in fields(kind):
        about = item.metadata
        if item.name == "date":
            entry["date"] = str(day(chance))
        elif item.name == "start":
            entry["start"] = str(day(chance, FIRST, LAST))
        elif item.name == "end":
            if chance.random() < 0.5:
                first = dt.date.fromisoformat(entry["start"])
                entry["end"] = str(day(chance, first, LAST))
        elif "pattern" in about:
            if item.name == "channel":
                entry[item.name] = chance.choice(["groups", "elsewhere"])
            elif name == "sweeps" and chance.random() < 0.3:
                entry[item.name] = "ab/cd"
        elif chance.random() < 0.6:
            low, high = about["low"], about["high"]
            entry[item.name] = chance.choice([low, high, item.default, chance.uniform(low, high)])
    return entry


def interventions(chance: random.Random, but: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Return a scenario's entries that agree with each other."""
    found = {}
    names = chance.sample(sorted({*KINDS} - {*but}), chance.choice([0, 1, 1, 2, 3, 5]))
    if {"closure", "release"} <= {*names}:
        names.remove("release")
    if {"sweep", "sweeps"} <= {*names}:
        names.remove("sweeps")
    for number, name in enumerate(names):
        found[chance.choice(["x", "long_name", "a-b"]) + str(number)] = intervention(chance, name)
    return found


def as_yaml(value: Any, chance: random.Random, indent: int = 0) -> str:
    """Write a tree as YAML, in one of the ways that people do."""
    if isinstance(value, dict) and value:
        lines = []
        for key, inner in value.items():
            told = as_yaml(inner, chance, indent + 2)
            mark = "\n" if isinstance(inner, dict) and inner else " "
            lines.append(f"{' ' * indent}{key}:{mark}{told}")
        return "\n".join(lines)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[" + ", ".join(as_yaml(inner, chance) for inner in value) + "]"
    if isinstance(value, str):
        plain = value and set(value) <= set("abcdefghijklmnopqrstuvwxyz_-0123456789")
        return value if plain and chance.random() < 0.5 else '"' + value.replace('"', '\\"') + '"'
    return repr(value)


def scenario(chance: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a scenario as a file has it, and what its settings will be."""
    tree: dict[str, Any] = {"name": chance.choice(["mine", "研究_1", "m.1-2"])}
    if chance.random() < 0.5:
        tree["about"] = chance.choice(ABOUTS)
        tree["source"] = chance.choice(ABOUTS)
    if chance.random() < 0.2:
        tree["until"] = str(LAST + dt.timedelta(chance.randint(0, 120)))
    if chance.random() < 0.3:
        tree["strengths"] = [0.5, 1]
        tree["strength"] = chance.choice([1.0, 1])
    tree["interventions"] = interventions(chance)
    if tree["interventions"] and chance.random() < 0.2:
        tree["scaled"] = chance.sample(sorted(tree["interventions"]), 1)
    if chance.random() < 0.2:
        tree.pop("interventions")
        tree.pop("scaled", None)
    asked = {f"scenario.{key}": value for key, value in overrides.flat(tree).items() if value != {}}
    return tree, asked


def plain_words(chance: random.Random) -> dict[str, Any]:
    """Return the words that keep a run small."""
    return {
        "population.retailers": chance.choice([1, 2, 30, 50, 50, 80, 150]),
        "replicates": chance.choice([1, 1, 1, 2, 3]),
        "seed": chance.choice([0, 1, 2015, 2**63 - 1, chance.randint(0, 10**9)]),
        "posterior": chance.choice(["none", "none", "prior", "point", "calibration_2015"]),
        "market": chance.choice(["whole", "whole", "whole", "posts"]),
    }


def as_words(asked: dict[str, Any]) -> list[str]:
    """Write values as words of the command."""
    return [f"{key}={overrides.word(value)}" for key, value in asked.items()]


def valid(chance: random.Random) -> Input:
    """Return an input that has to give a result."""
    asked, files, what = plain_words(chance), {}, "run"
    recoveries = [name for name in presets.names("recovery") if name != "mixture"]
    words = ["population=survey", "figures=false", "progress=false", "threads=1"]
    if asked["posterior"] == "none":
        asked["recovery"] = chance.choice(recoveries)
    elif asked["posterior"] == "point":
        asked["recovery"] = "mixture"
    else:
        asked["recovery"] = chance.choice([*priors.STRUCTURES, "mixture"])
    if chance.random() < 0.45:
        tree, more = scenario(chance)
        files["mine/scenario/own.yaml"] = as_yaml(tree, chance).encode()
        words += ["--config-dir", "mine", "scenario=own"]
        asked |= more
        what = "run of a scenario file"
    else:
        asked["scenario"] = chance.choice(presets.names("scenario"))
        if chance.random() < 0.3:
            asked["scenario"] = chance.choice(["baseline_2015", "no_crackdown"])
            for name, entry in interventions(chance, ("sweep", "sweeps")).items():
                for key, value in entry.items():
                    words.append(f"+scenario.interventions.{name}.{key}={overrides.word(value)}")
                    asked[f"scenario.interventions.{name}.{key}"] = value
            what = "run with interventions added"
    asked |= {
        key: value
        for key, value in parameters(chance).items()
        if asked["posterior"] == "none" or not key.startswith("recovery.")
    }
    if chance.random() < 0.15:
        asked["horizon.start"] = str(FIRST - dt.timedelta(chance.randint(0, 200)))
    if chance.random() < 0.1:
        asked["horizon.end"] = str(LAST + dt.timedelta(chance.randint(0, 100)))
    output, study = "results", None
    if chance.random() < 0.4:
        output = chance.choice(NAMES)
        words.append(f"output={overrides.word(output)}")
    if chance.random() < 0.3:
        study = chance.choice(STUDIES)
        words.append(f"study={overrides.word(study)}")
    if chance.random() < 0.06:
        files["my own.py"] = OWN
        words += [
            "classes=['my own.py']",
            "+scenario.interventions.rest={kind:long_holiday,date:'2015-05-01'}",
        ]
        words.append(f"+scenario.interventions.rest.rest={chance.choice([0.0, 1.0, 0.25])}")
        what = "run with a class of the user's"
    given = {key: value for key, value in asked.items() if not _in_file(key, files)}
    words += as_words(given)
    if chance.random() < 0.04:
        what, words = "sweep", ["-m", "hydra/launcher=basic", *words, "observer.lean=0.1,0.2"]
        asked.pop("observer.lean", None)
        words = [word for word in words if word.partition("=")[0] != "observer.lean"] + [
            "observer.lean=0.1,0.2"
        ]
    return Input(0, "valid", what, tuple(words), files, asked, "", output)


def _in_file(key: str, files: dict[str, bytes]) -> bool:
    """Return whether a scenario file says it, or a word that is there already."""
    if "mine/scenario/own.yaml" in files and key.startswith("scenario."):
        return True
    return key.startswith("scenario.interventions.")


# ---------------------------------------------------------------- broken ones

SMALL = ["population=survey", "population.retailers=30", "replicates=1", "posterior=none",
         "recovery=combined", "figures=false", "progress=false", "threads=1"]  # fmt: skip
Maker = Callable[[random.Random], tuple[list[str], dict[str, bytes], str]]
SWEEP = "scenario.interventions.sweep_may"


def out_of_range(chance: random.Random) -> Any:
    key = chance.choice(sorted({*RANGES} - {"population.retailers"}))
    low, high, whole = RANGES[key]
    wrong = [low - 1, high + 1, -1e18, 1e18] if not whole else [int(low) - 1, int(high) + 1]
    return [f"{key}={chance.choice(wrong)!r}"], {}, key


def not_a_number(chance: random.Random) -> Any:
    key = chance.choice(sorted({*RANGES} - {"population.retailers"}))
    return [f"{key}={chance.choice(['nan', 'inf', '-inf', '1e999', '.nan'])}"], {}, key


def wrong_type(chance: random.Random) -> Any:
    key = chance.choice([*sorted(RANGES), "seed", "replicates", "threads"])
    wrong = ["abc", "[1,2]", "{a:1}", "true", "''", "0x1g", "2015-05-29", "1;2", "象", "None"]
    if key != "threads":
        wrong.append("null")
    return [f"{key}={chance.choice(wrong)}"], {}, key


def whole_numbers(chance: random.Random) -> Any:
    key, wrong = chance.choice(
        [("replicates", ["0", "-1", "1000001", "1.5", "1e400"]), ("threads", ["0", "1025", "1.5"]),
         ("seed", ["-1", str(2**63), "1e400", "9" * 400]),
         ("population.retailers", ["0", "-5", "2000001", "1.5"])]
    )  # fmt: skip
    return [f"{key}={chance.choice(wrong)}"], {}, key


def unknown_key(chance: random.Random) -> Any:
    key = chance.choice(sorted(RANGES))
    wrong = chance.choice(
        [key + "x", key[:-1] + "_", key.upper(), key + ".more", "nope", "posting.nope"]
    )
    told = wrong if wrong.islower() else wrong.partition(".")[0]
    return [chance.choice(["", "+", "++"]) + f"{wrong}=1"], {}, told.partition(".more")[0]


def unknown_choice(chance: random.Random) -> Any:
    group = chance.choice(["population", "scenario", "recovery"])
    name = chance.choice(
        ["nope", "Baseline_2015", "../run", "baseline_2015.yaml.yaml", "象", "a b"]
    )
    return [f"{group}={overrides.word(name)}"], {}, group


def wrong_date(chance: random.Random) -> Any:
    wrong = ["2015-02-30", "2015-13-01", "15-05-01", "2015-W22-1", "20150529", "2016-05-01",
             "2014-12-31", "''", "May", "2015-05-29T00:00", "nan", "1e9", "[2015-05-29]", "true",
             "0000-00-00", "２０１５-05-29"]  # fmt: skip
    key = chance.choice([f"{SWEEP}.date", "horizon.start", "horizon.end",
                         "scenario.interventions.planet_campaign.start"])  # fmt: skip
    bad = chance.choice(wrong)
    if key == "horizon.start" and bad == "2014-12-31":
        bad = "2009-12-31"
    if key == "horizon.end" and bad in ("2016-05-01",):
        bad = "2021-01-01"
    return [f"{key}={bad}"], {}, key


def reversed_dates(chance: random.Random) -> Any:
    name, *_ = kind = chance.choice([("campaign", "willingness=0.5"), ("closure", "share=1"),
                                     ("effort", "recall=2"), ("chase", "police=2"),
                                     ("blocking", "share=1"), ("release", "growth=1"),
                                     ("sweeps", "posts=10")])  # fmt: skip
    at = "scenario.interventions.x"
    words = [
        f"+{at}.kind={name}",
        f"+{at}.start=2015-06-10",
        f"+{at}.end=2015-06-09",
        f"+{at}.{kind[1]}",
    ]
    if name == "sweeps":
        words.append(f"+{at}.every=7")
    return words, {}, f"{at}.end"


def contradiction(chance: random.Random) -> Any:
    at = "+scenario.interventions"
    if chance.random() < 0.5:
        return (
            [f"{at}.a.kind=closure", f"{at}.a.start=2015-05-01", f"{at}.a.share=0.5",
             f"{at}.b.kind=release", f"{at}.b.start=2015-06-01", f"{at}.b.growth=1"],
            {}, "scenario.interventions.a",
        )  # fmt: skip
    return (
        [f"{at}.a.kind=sweep", f"{at}.a.date=2015-05-01", f"{at}.a.posts=5", f"{at}.a.types=ab",
         f"{at}.b.kind=sweep", f"{at}.b.date=2015-05-01", f"{at}.b.posts=5", f"{at}.b.types=cd"],
        {}, "scenario.interventions.b.types",
    )  # fmt: skip


def wrong_kind(chance: random.Random) -> Any:
    at = "scenario.interventions.x"
    word = chance.choice(
        [f"+{at}.kind=raid", f"+{at}.date=2015-05-01", f"+{at}=3", f"+{at}=[1,2]", f"+{at}=null",
         f"+{at}.kind=null", f"+{at}.kind=[sweep]", f"+{at}={{}}", f"+{at}.kind={{a:1}}",
         f"+{at}.kind=os.system"]
    )  # fmt: skip
    return [word], {}, f"{at}.kind"


def wrong_dose(chance: random.Random) -> Any:
    name = chance.choice(sorted(KINDS))
    doses = [item for item in fields(KINDS[name]) if "unit" in item.metadata]
    item = chance.choice(doses)
    low, high = item.metadata["low"], item.metadata["high"]
    when = "date" if "date" in {one.name for one in fields(KINDS[name])} else "start"
    wrong = [
        repr(low - 1),
        repr(high + 1),
        "nan",
        "inf",
        "many",
        "true",
        "null",
        "[1]",
        "{a:1}",
        "ads_total",
    ]
    at = "scenario.interventions.x"
    words = [
        f"+{at}.kind={name}",
        f"+{at}.{when}=2015-05-01",
        f"+{at}.{item.name}={chance.choice(wrong)}",
    ]
    return words, {}, f"{at}.{item.name}"


def wrong_choice(chance: random.Random) -> Any:
    at = "scenario.interventions.x"
    if chance.random() < 0.5:
        wrong = chance.choice(["moments", "''", "null", "[groups]", "GROUPS"])
        words = [f"+{at}.kind=blocking", f"+{at}.start=2015-05-01", f"+{at}.channel={wrong}"]
        return words, {}, f"{at}.channel"
    wrong = chance.choice(["e", "abcde", "''", "A", "null", "[a]", "a/b"])
    return [f"{'+'}{SWEEP}.types={wrong}"], {}, f"{SWEEP}.types"


def unknown_dose(chance: random.Random) -> Any:
    wrong = chance.choice(
        ["size", "Posts", "apply", "__class__", "kinds", "post s".replace(" ", "_")]
    )
    return [f"+{SWEEP}.{wrong}=1"], {}, f"{SWEEP}.{wrong}"


def scaling(chance: random.Random) -> Any:
    if chance.random() < 0.4:
        return (
            [f"scenario.scaled=[{chance.choice(['nope', 'sweep', 'a,b'])}]"],
            {},
            "scenario.scaled",
        )
    if chance.random() < 0.5:
        words = [
            "scenario.scaled=[sweep_may]",
            f"scenario.strength={chance.choice(['999', '1000'])}",
        ]
        return words, {}, "scenario.strength"
    wrong = chance.choice(["[0]", "[-1]", "[a]", "3", "[true]", "[[1]]", "[nan]", "[inf]"])
    return [f"scenario.strengths={wrong}"], {}, "scenario.strengths"


def target(chance: random.Random) -> Any:
    build = chance.choice(
        ["os.system", "builtins.exec", "subprocess.Popen", "marketsim.commands.cli.main"]
    )
    word = chance.choice(
        [f"+scenario.interventions.x._target_={build}", f"+_target_={build}",
         f"+posting._target_={build}", f"+hydra.callbacks.x._target_={build}",
         f"+hydra.callbacks.x={{_target_:{build},command:'touch PWNED'}}",
         f"hydra.launcher._target_={build}", f"+scenario._target_={build}",
         f"+scenario.interventions.x={{_target_:{build},command:'touch PWNED'}}",
         f"+hydra.job_logging.handlers.x._target_={build}", f"hydra.sweeper._target_={build}"]
    )  # fmt: skip
    return [word], {}, "_target_"


def of_hydra(chance: random.Random) -> Any:
    word = chance.choice(
        ["hydra.run.dir=x", "hydra.job.chdir=true", "hydra.mode=MULTIRUN", "hydra.searchpath=[file:///tmp]",
         "hydra.searchpath=[pkg://antigravity]", "hydra.verbose=true", "hydra.output_subdir=x",
         "hydra/job_logging=default", "hydra/hydra_logging=default", "hydra.sweep.dir=x",
         "+hydra.callbacks.x.y=1", "hydra.job.env_copy=[NOPE]", "+hydra.job.env_set.PATH=x",
         "hydra.nope=1", "hydra/launcher=nope", "hydra/nope=nope", "hydra.job.name=x",
         "hydra.runtime.cwd=/", "~hydra.run", "hydra=null", "hydra.job_logging.version=2",
         "+hydra.job_logging.handlers.x={'()':os.system}"]
    )  # fmt: skip
    return [word], {}, word.lstrip("+~").partition("=")[0].partition(".")[0].partition("/")[0]


def reference(chance: random.Random) -> Any:
    key = chance.choice(["seed", "replicates", "posting.base_posts", "population.retailers"])
    wrong = chance.choice(["${nope}", "${" + key + "}", "${oc.env:HOME}", "${oc.env:NOPE_NOPE}", "${oc.decode:'['}",
                           "${hydra:runtime.cwd}", "${", "${}", "${a:${b}}", "${..x}", "${nope:1}"])  # fmt: skip
    return [f"{key}={wrong}"], {}, key


def grammar(chance: random.Random) -> Any:
    word = chance.choice(
        ["seed=[", "seed={", "seed='", "seed=1,2", "=1", "seed", "~nope", "+seed=1", "a.b..c=1",
         "posting..base_posts=1", ".=1", "seed=glob(*)", "seed=range(1,3)", "seed=choice(1,2)",
         "seed=int(", "seed=1 2]", "seed=a:b:[", "seed=cast(", "seed={a:1", "seed=[1,2", "1=1=1",
         "\u202eseed=1", "seed\u00a0=1", "seed=\x00"[:5] + "}", "[]", "{}", "''", "~", "+", "++", "+=", "@=1", "posting@=1",
         "scenario@_global_=baseline_2015", "scenario@=no_crackdown", "seed=" + "[" * 300, "seed=" + "(" * 50,
         "~posting", "~scenario.interventions", "~seed"]
    )  # fmt: skip
    return [word], {}, ""


def flags(chance: random.Random) -> Any:
    words = chance.choice(
        [["--nope"], ["-z"], ["--cfg"], ["--cfg=nope"], ["--info=nope"], ["--package=x"], ["--resolve"],
         ["--config-dir=nope"], ["--config-dir"], ["--config-name=x"], ["--config-path=/tmp"],
         ["--experimental-rerun=x"], ["--exp", "x"], ["--cfg", "job", "--info"], ["-cp", "x"], ["-cn", "x"],
         ["--multirun", "--cfg", "job"], ["--cfg", "job", "--package", "nope"], ["-m", "seed=1,x"],
         ["-m", "hydra.sweeper.x=1"], ["-m", "hydra.searchpath=[pkg://antigravity]"],
         ["-m", "hydra/launcher=nope"], ["-m", "hydra.launcher._target_=os.system"],
         ["-m", "hydra/sweeper=nope"], ["--shell-completion"], ["-sc", "install=nope"]]
    )  # fmt: skip
    return words, {}, ""


def places(chance: random.Random) -> Any:
    key, wrong = chance.choice(
        [("study", ["a/b", "''", ".x", "x" * 101, "..", "../x", "'a b'", "'a\tb'", "'=1'", "null/x", "a:b"]),
         ("output", ["''", "/dev/null/x", "/proc/nope", "x" * 300, "/dev/full/x", "file"])]
    )  # fmt: skip
    return [f"{key}={chance.choice(wrong)}"], {"file": b"a file"}, key


def contrary(chance: random.Random) -> Any:
    words, key = chance.choice(
        [(["posterior=nope"], "posterior"), (["recovery=mixture"], "recovery"),
         (["posterior=point", "recovery=none"], "recovery"), (["market=nope"], "market"),
         (["market=null"], "market"), (["posterior=null"], "posterior"), (["posterior=''"], "posterior"),
         (["posterior=prior", "recovery=mixture", "held=[nope.nope]"], "held"),
         (["posterior=prior", "recovery=mixture", "held=[posting.weekend]"], "held"),
         (["held=3"], "held"), (["held={a:1}"], "held"), (["classes=3"], "classes"),
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
    )  # fmt: skip
    return words, {}, key


def own_class(chance: random.Random) -> Any:
    text = chance.choice(
        [b"def (", b"raise ValueError('a\\nb')", b"", b"x = 1", b"\xff\xfe", b"\x00", b"import nope_nope",
         OWN.replace(b"1.0 - self.rest", b"0.5"), OWN.replace(b"LongHoliday", b"Sweep"),
         OWN.replace(b"dose(0.0,", b"float(0.0); dose(0.0,"), OWN.replace(b"    date: dt.date\n", b""),
         OWN.replace(b"date: dt.date", b"date: dt.date\n    more: float = 3.0")]
    )  # fmt: skip
    name = chance.choice(["mine.py", "mine.py", "我的 类.py"])
    word = chance.choice(
        [f"classes=['{name}']", "classes=[nope.py]", "classes=[folder]", "classes=['']"]
    )
    return [word], {name: text, "folder/x": b""}, name if name in word else "classes"


def of_a_command(chance: random.Random) -> Any:
    words, key = chance.choice(
        [(["compare"], "scenarios"), (["compare", "scenarios=[nope]"], "scenarios"),
         (["compare", "scenarios=[baseline_2015]"], "scenarios"),
         (["compare", "scenarios=[no_crackdown,no_crackdown]"], "scenarios"),
         (["compare", "scenarios=no_crackdown"], "scenarios"), (["compare", "scenarios=3"], "scenarios"),
         (["compare", "scenarios=[no_crackdown]", "market=posts"], "market"),
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
         (["sensitivity", "market=posts"], "market"), (["sensitivity", "runs_each=1"], "runs_each"),
         (["calibrate", "calibration.particles=1"], "calibration.particles"),
         (["calibrate", "calibration.particles=100"], "calibration.particles"),
         (["calibrate", "calibration.sampler=nope"], "calibration.sampler"),
         (["calibrate", "calibration.address=x"], "calibration.address"),
         (["calibrate", "posterior=none"], "posterior"), (["calibrate", "market=whole"], "market"),
         (["calibrate_market", "market=posts"], "market"),
         (["calibrate_market", "calibration.sampler=nope"], "calibration.sampler"),
         (["identify", "simulations=1"], "simulations"), (["identify", "posterior=none"], "posterior"),
         (["identify", "simulations=nan"], "simulations"), (["identify", "market=whole"], "market"),
         (["validate", "simulations=x"], "simulations"), (["validate", "replicates=0"], "replicates"),
         (["validate", "posterior=nope"], "posterior"), (["validate", "simulations=1"], "simulations"),
         (["verify"], "folder"), (["verify", "nope"], "folder"), (["verify", "."], "folder"),
         (["verify", "x", "threads=0"], "threads"), (["verify", "x", "nope"], "nope"),
         (["verify", "file"], "folder"), (["results", "nope"], "folder"), (["results", "."  , "nope=1"], "nope"),
         (["results", ".", "csv=x.txt"], "csv"), (["results", ".", "parquet="], "parquet"),
         (["results", ".", "csv=/dev/null/x.csv"], "csv"), (["results", "file"], "folder"),
         (["results", ".", "--csv"], "--csv")]
    )  # fmt: skip
    return words, {"file": b"x"}, key


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 107)
)
HEAD = b"name: own\n"
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
    "a text": (b"hello\n", "scenario.hello"),
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
    "defaults elsewhere": (b"defaults:\n  - /population@_global_: survey\n" + HEAD, "population"),
    "defaults of Hydra": (b"defaults:\n  - /hydra/job_logging: default\n" + HEAD, "hydra"),
    "defaults not there": (b"defaults:\n  - nope\n" + HEAD, "nope"),
    "defaults of itself": (b"defaults:\n  - own\n" + HEAD, ""),
    "defaults a number": (b"defaults: 3\n" + HEAD, ""),
    "environment": (HEAD + b"about: ${oc.env:HOME}\n", "scenario.about"),
    "environment in a list": (HEAD + b"scaled: ['${oc.env:HOME}']\n", "scenario.scaled"),
    "environment in a dose": (
        HEAD + b"interventions:\n  x: {kind: news, date: 2015-05-01, publicity: '${oc.env:X}'}\n", "x.publicity"),
    "interventions a list": (HEAD + b"interventions: [1, 2]\n", "scenario/own"),
    "interventions a text": (HEAD + b"interventions: none\n", "interventions"),
    "interventions null": (HEAD + b"interventions:\n", "interventions"),
    "strength a text": (HEAD + b"strength: much\n", "scenario.strength"),
    "strength infinite": (HEAD + b"strength: .inf\n", "scenario.strength"),
    "strengths a text": (HEAD + b"strengths: [a]\n", "strengths"),
    "scaled a number": (HEAD + b"scaled: 3\n", "scaled"),
    "until no day": (HEAD + b"until: 2015-02-30\n", "scenario.until"),
    "until a number": (HEAD + b"until: 20151231\n", "scenario.until"),
    "name a formula": (b"name: =1+1\n", "scenario.name"),
    "name a path": (b"name: ../../x\n", "scenario.name"),
    "name empty": (b"name: ''\n", "scenario.name"),
    "name null": (b"name:\n", "scenario.name"),
    "name long": (b"name: " + b"x" * 200 + b"\n", "scenario.name"),
    "name with a line": (b'name: "a\\nb"\n', "scenario.name"),
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


def scenario_file(chance: random.Random) -> Any:
    what = chance.choice(sorted(FILES))
    content, key = FILES[what]
    words = ["--config-dir", "mine", "scenario=own", "study=s"]
    return words, {"mine/scenario/own.yaml": content, "evil.py": b"open('PWNED', 'w')"}, key, what


def other_file(chance: random.Random) -> Any:
    """Return a file of another group, or of a group that there is none of."""
    words, files, key = chance.choice(
        [(["+experiment=x"], {"mine/experiment/x.yaml": b"# @package _global_\nseed: 3\n"}, "experiment"),
         (["+experiment=x"], {"mine/experiment/x.yaml": b"seed: 3\n"}, "experiment"),
         (["population=own"], {"mine/population/own.yaml": b"retailers: many\n"}, "population.retailers"),
         (["population=own"], {"mine/population/own.yaml": b"retailers: 3000000\n"}, "population.retailers"),
         (["recovery=own"], {"mine/recovery/own.yaml": b"smooth: 2\n"}, "recovery.smooth"),
         (["recovery=own"], {"mine/recovery/own.yaml": b"nope: 2\n"}, "nope"),
         (["hydra/launcher=own"], {"mine/hydra/launcher/own.yaml": b"_target_: os.system\n"}, "hydra/launcher"),
         (["-m", "hydra/launcher=own", "seed=1,2"],
          {"mine/hydra/launcher/own.yaml": b"_target_: os.system\ncommand: touch PWNED\n"}, "--config-dir"),
         (["-m", "seed=1,2", "+experiment=x"],
          {"mine/experiment/x.yaml": b"# @package hydra.launcher\nx: {_target_: os.system}\n"}, "hydra.launcher")]
    )  # fmt: skip
    if words[0] == "population=own":
        words = [*words]
    return [*words, "--config-dir", "mine"], files, key


MAKERS: tuple[tuple[Callable[[random.Random], Any], int], ...] = (
    (out_of_range, 10), (not_a_number, 5), (wrong_type, 8), (whole_numbers, 4), (unknown_key, 6),
    (unknown_choice, 3), (wrong_date, 6), (reversed_dates, 3), (contradiction, 2), (wrong_kind, 4),
    (wrong_dose, 7), (wrong_choice, 3), (unknown_dose, 2), (scaling, 3), (target, 5), (of_hydra, 6),
    (reference, 4), (grammar, 8), (flags, 5), (places, 4), (contrary, 8), (own_class, 4),
    (of_a_command, 10), (scenario_file, 25), (other_file, 4),
)  # fmt: skip


def broken(chance: random.Random) -> Input:
    """Return an input that has to be refused, beside words that are as they should be."""
    makers, weights = zip(*MAKERS, strict=True)
    (maker,) = chance.choices(makers, weights)
    words, files, key, *more = maker(chance)
    what = maker.__name__.replace("_", " ") + (f": {more[0]}" if more else "")
    commands = (
        "compare",
        "sensitivity",
        "calibrate",
        "calibrate_market",
        "identify",
        "validate",
        "verify",
        "results",
    )
    if words and words[0] in commands:
        return Input(0, "broken", what, tuple(words), files, {}, key)
    small = [
        word for word in SMALL if not (word.startswith("population=") and "population=own" in words)
    ]
    if any(word.startswith("population.retailers") for word in words) or "population=own" in words:
        small = [word for word in small if not word.startswith("population.retailers")]
    if maker is contrary and words[0] == "recovery=mixture":
        pass
    return Input(0, "broken", what, (*small, *words), files, {}, key)


# ---------------------------------------------------------------- garbage

PIECES = ("seed", "scenario", "=", "=", ".", ",", "+", "~", "[", "]", "{", "}", "'", '"', "\\", "$", "${", ":", "(",
          ")", "1", "1e9", "nan", "null", "true", "posting.", "base_posts", "interventions", "x", "kind", "sweep",
          "象", "\u202e", "é", "\x1b[31m", "\t", " ", "\n", "@", "/", "%", "#", "&", "*", "!", "|", ">", "-", "?",
          "range", "glob", "choice", "hydra", "_target_", "\udcff", "🐘", "0x", "_", "..", "2015-05-01")  # fmt: skip


def garbage(chance: random.Random) -> Input:
    """Return an input made of pieces or of bytes; it is refused, or it runs and the laws hold."""
    how = chance.choice(
        ["words", "words", "bytes", "changed file", "changed file", "changed words"]
    )
    if how == "words":
        many = chance.randint(1, 4)
        words = ["".join(chance.choices(PIECES, k=chance.randint(1, 8))) for _ in range(many)]
        words = [word for word in words if not dangerous(word)] or ["?"]
        return Input(0, "garbage", how, (*words, *SMALL))
    if how == "bytes":
        content = chance.randbytes(chance.randint(0, 300))
        return Input(0, "garbage", how, (*SMALL, "--config-dir", "mine", "scenario=own"),
                     {"mine/scenario/own.yaml": content})  # fmt: skip
    if how == "changed words":
        made = valid(chance)
        words, place = list(made.words), chance.randrange(len(made.words))
        word = words[place]
        at = chance.randrange(len(word) + 1)
        words[place] = word[:at] + chance.choice(PIECES) + word[at + chance.randint(0, 2) :]
        words = [word for word in words if not dangerous(word)]
        return Input(
            0, "garbage", how, (*words, *SMALL[:3], "figures=false", "progress=false"), made.files
        )
    tree, _ = scenario(chance)
    content = bytearray(as_yaml(tree, chance).encode())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        kind = chance.choice(["flip", "cut", "double", "insert", "truncate"])
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del content[at : at + chance.randint(1, 10)]
        elif kind == "double":
            content[at:at] = content[at : at + chance.randint(1, 40)]
        elif kind == "insert":
            content[at:at] = chance.choice(PIECES).encode("utf-8", "surrogateescape")
        else:
            del content[at:]
    words = (*SMALL, "--config-dir", "mine", "scenario=own")
    return Input(0, "garbage", how, words, {"mine/scenario/own.yaml": bytes(content)})


def dangerous(word: str) -> bool:
    """Return whether a word could make the campaign write outside its folder, or run for hours."""
    key = word.lstrip("+~").partition("=")[0]
    return key.startswith(("output", "population", "replicates", "horizon", "-")) or "\x00" in word
