"""Every parameter is declared in full, refused outside its range, and handed on as a float."""

import json
import math
import re
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import settings
from hypothesis import given
from hypothesis import strategies as st

from docs.generate.parameters import as_markdown
from marketsim.errors import InputError
from marketsim.parameters import evidence
from marketsim.parameters.settings import (
    Settings,
    check,
    declared,
    from_tree,
    kernel_params,
    plain,
    to_tree,
)

PAGE = Path(__file__).parents[1] / "docs" / "parameters.md"
TEXTS = {
    f"{group}.{text}"
    for group in ("recovery", "motive", "prices", "buyers", "upstream", "institutions", "scenario")
    for text in ("name", "about")
}
NOT_NUMBERS = TEXTS | {
    *(
        "horizon.start",
        "horizon.end",
        "scenario.interventions",
        "posterior",
        "panel",
        "fixed",
        "market",
    ),
    *(
        "scenario.source",
        "scenario.until",
        "scenario.dose_multipliers",
        "scenario.scaled_interventions",
        "classes",
    ),
}

# The published priors: key, low, high, in the unit of the parameter.
PRIORS = """
    perception.half_life 7 56
    perception.residual 0 0.2
    perception.own_sanction 0.1 0.5
    perception.warning 0.2 0.5
    perception.news 0 1
    perception.habituation 0.2 0.8
    accounts.return_days 0 14
    accounts.kept_cold 0.1 0.2
    accounts.kept_announced 0.5 0.9
    displacement.moved 0.3 0.8
    moderation.filter_recall 0.01 0.2
    moderation.report_rate 0.00001 0.001
    population.platform_traders 2000 100000
    supply.elasticity 0.2 0.8
    workshop.waste_hand 0.25 0.35
    workshop.waste_machine 0.25 0.5
    resale.extra 0.1 0.3
    delivery.intercepted 0.0001 0.05
    delivery.traced 0.1 0.7
"""


def parameters() -> dict[str, dict]:
    """Return every declared parameter by its key."""
    of = Settings()
    found = dict(declared(Settings))
    for item in fields(Settings):
        group = getattr(of, item.name)
        if is_dataclass(group):
            found |= {f"{item.name}.{name}": one for name, one in declared(group).items()}
    return found


PARAMETERS = parameters()


def changed(key: str, value: object) -> Settings:
    """Return settings with one value changed; long silences make room for a large share.

    So does a single segment of buyers.
    """
    of = settings(posting__silent_days=120.0, buyers__collector=0.0, buyers__investor=0.0)
    of.buyers.traveller = 0.0
    *groups, last = key.split(".")
    node = of
    for group in groups:
        node = getattr(node, group)
    setattr(node, last, value)
    return of


def just_outside(one: dict) -> list[object]:
    """Return the nearest values below and above a range."""
    if isinstance(one["default"], int):
        return [int(one["low"]) - 1, int(one["high"]) + 1]
    return [math.nextafter(one["low"], -math.inf), math.nextafter(one["high"], math.inf)]


def test_the_page_of_parameters_is_up_to_date():
    """docs/parameters.md is what the schema says, to the last character."""
    assert PAGE.read_text(encoding="utf-8") == as_markdown()


def test_the_page_has_one_row_a_parameter():
    """Each parameter has one row with its default, unit, range, prior, meaning and source."""
    lines = [line for line in as_markdown().splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert sorted(cells[0].strip("`") for cells in rows) == sorted(PARAMETERS)
    for cells in rows:
        one = PARAMETERS[cells[0].strip("`")]
        assert len(cells) == 7, cells
        assert float(cells[1]) == pytest.approx(one["default"], rel=1e-5)
        low, high = (float(end) for end in cells[3].split(" to "))
        assert (low, high) == pytest.approx((one["low"], one["high"]), rel=1e-5)
        assert [cells[2], *cells[5:]] == [one["unit"], one["meaning"], one["source"]]
        if one["prior"] is None:
            assert cells[4] == ""
        else:
            form, *ends = cells[4].replace(" to ", " ").split()
            assert form == one["prior"].form
            assert [float(end) for end in ends] == pytest.approx(one["prior"][1:], rel=1e-5)


def unknown_parameters(text: str) -> list[str]:
    """Return the names like `group.name` in a page whose group exists and has no such name."""
    groups = {item.name: getattr(Settings(), item.name) for item in fields(Settings)}
    named = re.findall(r"`([a-z_]+)\.([a-z_]+)`", text)
    return [
        f"{group}.{name}"
        for group, name in named
        if is_dataclass(groups.get(group)) and not hasattr(groups[group], name)
        if name not in ("csv", "parquet")  # files of a result
    ]


def test_pages_name_only_parameters_that_exist():
    """A parameter that was renamed or removed is noticed in every page that explains it."""
    root = Path(__file__).parents[1]
    pages = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("experiments/*/*.md")]
    found = {page.name: unknown_parameters(page.read_text(encoding="utf-8")) for page in pages}
    assert {name: names for name, names in found.items() if names} == {}
    assert unknown_parameters("`retail.cover`, `retail.gone`") == ["retail.gone"]  # control


def test_every_number_of_a_study_is_declared():
    """No field of any group is a number without unit, range, source and meaning."""
    of = Settings()
    names = set()
    for item in fields(Settings):
        group = getattr(of, item.name)
        if is_dataclass(group):
            names |= {f"{item.name}.{inner.name}" for inner in fields(group)}
        else:
            names.add(item.name)
    assert names - set(PARAMETERS) == NOT_NUMBERS


@pytest.mark.parametrize("key", list(PARAMETERS))
def test_every_parameter_is_declared_in_full(key):
    """A parameter has a unit, a range that holds its default, a known source and a meaning."""
    one = PARAMETERS[key]
    assert one["unit"].strip() and one["meaning"].strip()
    assert "|" not in one["unit"] + one["meaning"] + one["source"]
    assert one["low"] <= one["default"] <= one["high"]
    assert one["low"] < one["high"]
    source = re.fullmatch(
        r"assumed(; set by hand .*)?|convention|(assumed within )?evidence (?P<id>\w+)",
        one["source"],
    )
    assert source, one["source"]
    if source["id"]:
        assert source["id"] in evidence.inputs()


@pytest.mark.parametrize("line", [line.strip() for line in PRIORS.split("\n") if line.strip()])
def test_ranges_are_the_published_priors(line):
    """Where the literature gives a range, the parameter has that range and a default inside."""
    key, low, high = line.split()
    one = PARAMETERS[key]
    assert (one["low"], one["high"]) == (float(low), float(high))
    assert float(low) <= one["default"] <= float(high)
    assert one["source"].startswith("assumed within evidence prior_")


def test_every_prior_is_compared():
    """No parameter takes its range from a prior that is not in the list above."""
    within = {key for key, one in PARAMETERS.items() if one["source"].startswith("assumed within")}
    within.remove("demand.spread")  # the prior is of the elasticity that follows from it
    assert within == {line.split()[0] for line in PRIORS.split("\n") if line.strip()}


def test_the_spread_of_willingness_gives_the_published_elasticities():
    """Near the median the elasticity is -0.8 over the spread: its prior is that of the evidence."""
    row, prior = evidence.inputs()["prior_demand_elasticity"], PARAMETERS["demand.spread"]["prior"]
    assert -0.8 / prior.high == pytest.approx(row.high, abs=0.03)
    assert -0.8 / prior.low == pytest.approx(row.low, abs=0.03)


def test_defaults_from_facts_are_the_facts():
    """A parameter whose source is a row of the evidence has its value and unit."""
    told = {key: one for key, one in PARAMETERS.items() if one["source"].startswith("evidence")}
    assert len(told) == 7
    for one in told.values():
        fact = evidence.inputs()[one["source"].removeprefix("evidence ")]
        assert (one["default"], one["unit"]) == (fact.value, fact.unit)
    assert [PARAMETERS[f"population.type_{letter}"]["default"] for letter in "abcd"] == [
        8, 24, 12, 14
    ]  # fmt: skip


@pytest.mark.parametrize("key", list(PARAMETERS))
def test_values_outside_a_range_are_refused(key):
    """The nearest value beyond either end, infinity and nan are refused, by name and value."""
    for value in [*just_outside(PARAMETERS[key]), math.inf, -math.inf, math.nan]:
        with pytest.raises(InputError) as refusal:
            check(changed(key, value))
        assert refusal.value.key == key
        message = str(refusal.value)
        assert message.startswith(f"{key}={value} is out of range: ")
        low, high = message.rpartition(": ")[2].split()[0:3:2]
        ends = PARAMETERS[key]["low"], PARAMETERS[key]["high"]
        assert (float(low), float(high)) == pytest.approx(ends, rel=1e-5)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("key", list(PARAMETERS))
def test_both_ends_of_a_range_are_taken(key):
    """A range holds its ends, and the default."""
    one = PARAMETERS[key]
    for value in (one["low"], one["default"], one["high"]):
        kind = int if isinstance(one["default"], int) else float
        check(changed(key, kind(value)))


@pytest.mark.parametrize("key", list(PARAMETERS))
def test_numbers_of_numpy_are_numbers(key):
    """They are taken and become Python's own; true and false are no numbers."""
    default = PARAMETERS[key]["default"]
    whole = isinstance(default, int)
    for value in (np.uint32(default), np.array(default)) if whole else (np.float64(default),):
        of = changed(key, value)
        check(of)
        assert to_tree(of) == to_tree(changed(key, default))
        assert yaml.safe_dump(asdict(of)) == yaml.safe_dump(asdict(changed(key, default)))
    for flag in (True, np.bool_(True)):
        with pytest.raises(InputError, match="wrong type"):
            check(changed(key, flag))


@pytest.mark.parametrize("key", [key for key in PARAMETERS if key != "population.type_a"])
def test_a_whole_number_has_no_fraction(key):
    """A parameter that counts takes no 3.0; another takes a whole number."""
    value = PARAMETERS[key]["high"]
    if isinstance(PARAMETERS[key]["default"], int):
        with pytest.raises(InputError, match="expected a whole number"):
            check(changed(key, float(int(value) // 2)))
    elif float(value).is_integer():
        check(changed(key, int(value)))


SCALARS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.integers(0, 255).map(np.uint8),
    st.floats(allow_nan=False).map(np.float64),
    st.floats(width=32, allow_nan=False).map(np.float32),
    st.booleans().map(np.bool_),
    st.text().map(np.str_),
    st.lists(st.integers(0, 9)).map(np.array),
    st.lists(st.integers(0, 9)).map(tuple),
    st.dates().map(str).map(Path),
    st.none(),
)


@given(st.recursive(SCALARS, lambda of: st.lists(of) | st.dictionaries(st.text(), of)))
def test_plain_values_are_those_of_python(value):
    """The value of anything that numpy holds is kept, in types that JSON and YAML know."""
    found = plain(value)
    assert yaml.safe_load(yaml.safe_dump(found)) == json.loads(json.dumps(found)) == found
    assert plain(found) == found
    if isinstance(value, np.generic):
        assert found == value


UNWRITABLE = ["\x00", "a\x0bb", "\x1b[31m", "\ufffe", "\uffff", "\ud800", "\x08", "\r\n"]


@pytest.mark.parametrize("text", UNWRITABLE)
@pytest.mark.parametrize("key", ["scenario.about", "scenario.source", "recovery.about"])
def test_texts_that_a_writer_cannot_hold_are_refused(key, text):
    """A control character is named with its key and its place, before anything is run."""
    with pytest.raises(InputError, match="control characters") as refusal:
        check(changed(key, text))
    assert refusal.value.key == key
    assert "\n" not in str(refusal.value)


def test_texts_of_interventions_are_checked_too():
    """Names and values of entries are texts; a name of a file is not asked."""
    of = settings()
    of.classes = ["a\x01.py"]
    check(of)
    for entry in ({"kind": "a\x01"}, {"a\x01": 1}, {"kind": ["a\x01"]}):
        of.scenario.interventions = {"mine": entry}
        with pytest.raises(InputError, match="control characters") as refusal:
            check(of)
        assert refusal.value.key.startswith("scenario.interventions.mine")


@pytest.mark.parametrize("text", ["", "a\nb\tc", "第二次 \U0001f600", "\x85\u2028", "=1+1"])
def test_other_texts_are_taken(text):
    """Lines, tabs and the letters of any language are no control characters."""
    check(changed("scenario.about", text))


def test_a_tree_is_that_of_a_manifest():
    """It gives the settings again, but no folder of the user's."""
    of = settings(30)
    assert from_tree(to_tree(of)) == of
    of.classes = ["/home/somebody/own.py", "./more.py"]
    assert to_tree(of)["classes"] == ["own.py", "more.py"]


def test_a_market_without_any_type_is_refused():
    """At least one type of trader has a weight."""
    none = {f"population__type_{letter}": 0.0 for letter in "abcd"}
    with pytest.raises(InputError) as refusal:
        check(settings(**none))
    assert refusal.value.key == "population.type_a"
    check(settings(**none | {"population__type_c": 0.1}))


def test_displacement_to_nowhere_is_refused():
    """Where posts move, groups or other platforms must be there to take them."""
    with pytest.raises(InputError) as refusal:
        check(settings(displacement__groups=0.0, displacement__elsewhere=0.0))
    assert refusal.value.key == "displacement.groups"
    check(settings(displacement__groups=0.0, displacement__elsewhere=0.1))


@pytest.mark.parametrize("name", ["full", "posting_only"])
def test_a_market_is_whole_or_of_posts(name):
    """There are two markets, and no third."""
    check(settings(market=name))
    with pytest.raises(InputError) as refusal:
        check(settings(market=name + "s"))
    assert refusal.value.key == "market"


def test_a_favourite_product_that_can_be_sold_legally_is_needed():
    """Uncarved or carved pieces, which the legal market sells, are somebody's favourite."""
    with pytest.raises(InputError) as refusal:
        check(settings(demand__taste_uncarved=0.0, demand__taste_carved=0.0))
    assert refusal.value.key == "demand.taste_uncarved"
    check(settings(demand__taste_uncarved=0.0, demand__taste_carved=0.1))


def test_segments_are_shares_of_one_whole():
    """Shares of segments that add up to more than 1 are refused; exactly 1 is not."""
    check(settings(buyers__collector=0.7, buyers__investor=0.2, buyers__traveller=0.1))
    with pytest.raises(InputError, match=r"buyers\.collector=0\.9 is invalid: expected at most 1"):
        check(settings(buyers__collector=0.9))


def test_kernels_read_floats_alone():
    """Every value of every kernel tuple is a float, whole numbers included, by its own name."""
    of = settings(posting__base_posts=3, moderation__mute_days=2, recovery__smooth=1)
    seen = 0
    for group, values in kernel_params(of)._asdict().items():
        for name, value in values._asdict().items():
            assert type(value) is float, (group, name)
            assert value == getattr(getattr(of, group), name)
            seen += 1
    kernels = {"posting", "style", "perception", "recovery", "accounts", "motive"}
    kernels |= {"displacement", "moderation", "turnover", "supply", "workshop", "retail"}
    kernels |= {"resale", "demand", "buyers", "payment", "delivery", "police", "legal", "prices"}
    kernels |= {"upstream", "institutions"}
    assert seen == sum(key.split(".")[0] in kernels for key in PARAMETERS)


def test_a_changed_value_reaches_the_kernels():
    """Negative control: what is changed in the settings is changed in the tuples, and alone."""
    before, after = kernel_params(settings()), kernel_params(settings(perception__half_life=21.0))
    assert after.perception.half_life == 21.0 != before.perception.half_life
    assert after._replace(perception=before.perception) == before
