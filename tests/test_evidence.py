"""The table of evidence is complete, its arithmetic holds, and its loader refuses bad rows."""

import ast
import csv
import datetime
import io
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from docs.generate import evidence as evidence_page
from marketsim.parameters import evidence
from marketsim.parameters.evidence import COLUMNS, NUMBERS, ROLES, EvidenceError, Fact, load
from marketsim.parameters.settings import Settings, declared
from marketsim.survey import fit, statistics, targets, trade_statistics

FACTS = load()
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evidence.md"

GOOD = {
    "id": "fall_week_5",
    "value": "0.55",
    "low": "0.50",
    "high": "0.60",
    "unit": "ratio",
    "date": "2015-05-29",
    "role": "target",
    "weak": "",
    "one_sided": "",
    "source": "T15; derived",
    "fact": "Week 5 over week 4.",
    "derivation": "464 / 843",
}

POSTING_TARGETS = """
    ads_total pictures_total videos_total ads_week_1_3 ads_week_4 fall_week_5 items_per_ad_week_5
    return_week_13 videos_sd heavy_posters_count heavy_posters_share panel_unblocked
    backup_accounts price_raw_deviation price_semi_worked_deviation price_uncarved_deviation
    price_carved_deviation
"""

EVERY_FACT = """
    survey_panel contacts_active survey_accounts ads_are_not_pieces survey_calendar survey_window
    survey_weeks weekly_is_three_days ads_total pictures_total videos_total ads_week_1_3 ads_week_4
    fall_week_5 ratio_week_6_12 return_week_13 recovery_shape fit_by_ratios trader_types
    heavy_posters trader_mean product_mix price_raw price_semi_worked price_uncarved price_carved
    physical_prices escrow_premium raw_price_range supply_examples notice_march arrest_may sweep_may
    planet_campaign destruction_may panel_unblocked police_ongoing wind_is_strong backup_accounts
    courier_rule law_amendment reports_drive taobao_2008 gangs_2016 no_joint_platforms
    websites_stock websites_flow websites_life policing_that_lasted no_haggling review_outcome
    grams_per_piece pledge_2013 shift_to_social online_share slang temporary_groups weixin_users
    price_and_enforcement buyers legal_market rules_calendar other_goods legal_imports elephants
    survey_panel_contacts survey_panel_traders survey_panel_fortnight survey_start survey_end
    survey_days survey_regular_days survey_random_days survey_window_hours pictures_a_post_limit
    trader_types_a trader_types_b trader_types_c trader_types_d heavy_posters_count
    heavy_posters_share heavy_posters_cut product_mix_raw product_mix_semi_worked
    product_mix_uncarved product_mix_carved sweep_may_accounts sweep_may_public_accounts
    sweep_may_posts ads_week_5 ads_week_13 items_per_ad_week_5 videos_sd survey_cv survey_cv_ads
    survey_cv_pictures medium_posters medium_posters_count medium_posters_share medium_posters_cut
    items_week_1_4 items_week_13 price_sd spread_week_1_4 sino_us_2015 websites_monitored
    licences_2017 licences_2017_share operation_2015 public_accounts ngo_list removals_2016
"""


def value(key: str) -> float:
    """Return the value of a fact that must have one."""
    number = FACTS[key].value
    assert number is not None, key
    return number


def high(key: str) -> float:
    """Return the upper bound of a fact that must have one."""
    number = FACTS[key].high
    assert number is not None, key
    return number


def write(path: Path, *rows: dict[str, str], header: tuple[str, ...] = COLUMNS) -> Path:
    """Write a table of evidence to be read back."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(header)
        table.writerows(list(row.values()) for row in rows)
    return path


def test_good_row_is_read(tmp_path: Path) -> None:
    fact = load(write(tmp_path / "good.csv", GOOD))["fall_week_5"]
    assert fact == Fact(
        "fall_week_5",
        0.55,
        0.5,
        0.6,
        "ratio",
        datetime.date(2015, 5, 29),
        "target",
        False,
        False,
        "T15; derived",
        "Week 5 over week 4.",
        "464 / 843",
    )
    with pytest.raises(FrozenInstanceError):
        fact.value = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"value": ""},
        {"low": "", "high": ""},
        {"value": "", "low": "", "one_sided": "yes"},
        {"value": "", "high": "", "one_sided": "yes", "weak": "yes"},
        {"weak": "yes"},
        {"value": "0.5"},
        {"value": "0.6"},
        {"value": "-3", "low": "-4", "high": "-2"},
        {"date": ""},
        {"unit": "", "value": "", "low": "", "high": ""},
        {"unit": "", "role": "input"},
        {"source": "T15", "derivation": ""},
        {"fact": 'A text, with commas and "quotes".'},
    ],
)
def test_rows_within_the_rules_are_read(tmp_path: Path, change: dict[str, str]) -> None:
    assert len(load(write(tmp_path / "good.csv", GOOD | change))) == 1


@pytest.mark.parametrize(
    ("change", "column", "allowed"),
    [
        ({"id": ""}, "id", "lower snake case"),
        ({"id": "Fall"}, "id", "lower snake case"),
        ({"id": "fall-week"}, "id", "lower snake case"),
        ({"id": "fall__week"}, "id", "lower snake case"),
        ({"id": "5_fall"}, "id", "lower snake case"),
        ({"role": "goal"}, "role", "input, target, validation, context"),
        ({"role": ""}, "role", "input, target, validation, context"),
        ({"value": "about 5"}, "value", "plain decimal number"),
        ({"value": "nan"}, "value", "plain decimal number"),
        ({"low": "-inf"}, "low", "plain decimal number"),
        ({"high": "60%"}, "high", "plain decimal number"),
        ({"high": "1_000"}, "high", "plain decimal number"),
        ({"value": "10,650"}, "value", "plain decimal number"),
        ({"value": "0.49"}, "value", "0.5 to 0.6"),
        ({"value": "0.61"}, "value", "0.5 to 0.6"),
        ({"value": "0.61", "low": ""}, "value", "-inf to 0.6"),
        ({"value": "0.49", "high": ""}, "value", "0.5 to inf"),
        ({"low": "0.7", "value": ""}, "low", "at most the high end, 0.60"),
        ({"date": "29 May 2015"}, "date", "YYYY-MM-DD"),
        ({"date": "2015-02-30"}, "date", "YYYY-MM-DD"),
        ({"date": "2015-05"}, "date", "YYYY-MM-DD"),
        ({"date": "20150529"}, "date", "YYYY-MM-DD"),
        ({"weak": "no"}, "weak", "yes or nothing"),
        ({"one_sided": "True"}, "one_sided", "yes or nothing"),
        ({"one_sided": "yes"}, "one_sided", "nothing where both"),
        ({"one_sided": "yes", "low": "", "high": ""}, "one_sided", "nothing where both or none"),
        ({"low": "", "value": ""}, "one_sided", "yes where one of low and high is given"),
        ({"high": "", "value": "", "role": "input"}, "one_sided", "yes where one of"),
        ({"one_sided": "yes", "high": ""}, "value", "nothing beside a bound"),
        ({"source": " "}, "source", "not empty"),
        ({"fact": ""}, "fact", "not empty"),
        ({"unit": ""}, "unit", "carries numbers"),
        ({"unit": "", "role": "validation", "value": ""}, "unit", "carries numbers"),
        (
            {"unit": "", "value": "", "low": "", "one_sided": "yes"},
            "unit",
            "carries numbers",
        ),
        ({"derivation": ""}, "derivation", "arithmetic"),
    ],
)
def test_bad_cell_is_refused(
    tmp_path: Path, change: dict[str, str], column: str, allowed: str
) -> None:
    row = GOOD | change
    with pytest.raises(EvidenceError) as refusal:
        load(write(tmp_path / "bad.csv", row))
    message = str(refusal.value)
    assert "\n" not in message
    assert f"row {row['id']!r}, column {column}: {row[column]!r} is invalid: expected " in message
    assert allowed in message.split(" is invalid: expected ")[1]


def test_repeated_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="row 'fall_week_5', column id.*no other row"):
        load(write(tmp_path / "bad.csv", GOOD, GOOD))


@pytest.mark.parametrize(
    "header",
    [COLUMNS[:-1], (*COLUMNS, "note"), (COLUMNS[1], COLUMNS[0], *COLUMNS[2:]), ()],
    ids=["missing", "extra", "order", "empty"],
)
def test_other_columns_are_refused(tmp_path: Path, header: tuple[str, ...]) -> None:
    with pytest.raises(EvidenceError, match="row 'header', column columns"):
        load(write(tmp_path / "bad.csv", GOOD, header=header))


@pytest.mark.parametrize(
    "line",
    ["fall_week_5,0.55\n", ",".join(GOOD.values()) + ",more\n", "\n"],
    ids=["short", "long", "blank"],
)
def test_row_of_another_length_is_refused(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "bad.csv")
    path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")
    with pytest.raises(EvidenceError, match="column columns: .* expected 12 cells"):
        load(path)


@pytest.mark.parametrize(
    "content", [b"", b'id,"value', b"\xff\xfe"], ids=["empty", "quote", "code"]
)
def test_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match="row 'header'.*expected UTF-8 text"):
        load(path)


def as_excel(delimiter: str = ",", end: str = "\r\n") -> str:
    """Return the shipped table as a spreadsheet program writes it."""
    with evidence.TABLE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_mark_and_other_line_ends_change_nothing(tmp_path: Path, code: str, end: str) -> None:
    path = tmp_path / "saved.csv"
    path.write_bytes(as_excel(end=end).encode(code))
    assert load(path) == FACTS


DAMAGED = {
    "semicolons": (as_excel(";").encode("utf-8-sig"), "separated by commas"),
    "tabs in UTF-16": (as_excel("\t").encode("utf-16"), "expected UTF-8 text"),
    "another code": (as_excel().encode() + b"caf\xe9\r\n", "expected UTF-8 text"),
    "other dates": (
        re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3/\2/\1", as_excel()).encode(),
        "YYYY-MM-DD",
    ),
    "decimal commas": (as_excel().replace(",0.537,", ',"0,537",').encode(), "plain decimal number"),
    "thousands": (as_excel().replace(",10650,", ',"10,650",').encode(), "plain decimal number"),
    "a row of nothing": (as_excel().encode() + b",,,,,,,,,\r\n", "row ''"),
    "another column": (as_excel().replace("\r\n", ",\r\n").encode(), "column columns"),
    "nothing": (b"", "header"),
    "zeros": (b"\0" * 1000, "header"),
    "a row lost": (
        re.sub("survey_weeks_count,.*\r\n", "", as_excel()).encode(),
        "which the model uses",
    ),
    "a value lost": (
        re.sub("survey_weeks_count,[0-9]+,", "survey_weeks_count,,", as_excel()).encode(),
        "a number, which the model uses",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DAMAGED))
def test_a_damaged_table_is_one_line_also_where_an_import_reads_it(
    tmp_path: Path, name: str
) -> None:
    """The command says file, row and remedy; there is no traceback, and the exit code is 2."""
    content, told = DAMAGED[name]
    (tmp_path / "bad.csv").write_bytes(content)
    code = (
        "import pathlib, sys, marketsim.parameters.evidence as evidence; "
        "evidence.TABLE = pathlib.Path('bad.csv'); "
        "evidence.load.__defaults__ = (evidence.TABLE,); sys.argv = ['marketsim', '--cfg', 'job']; "
        "from marketsim.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("marketsim: bad.csv: evidence row ")
    assert done.stderr.count("\n") == 1 and len(done.stderr) < 500
    assert told in done.stderr


def test_every_fact_is_there() -> None:
    assert [key for key in EVERY_FACT.split() if key not in FACTS] == []


@pytest.mark.parametrize("key", POSTING_TARGETS.split())
def test_posting_targets_can_be_scored(key: str) -> None:
    fact = targets.targets()[key]
    assert fact.low is not None
    assert fact.high is not None


def test_roles_are_handed_out_apart() -> None:
    parts = {
        "input": evidence.inputs(),
        "target": targets.targets(),
        "validation": targets.validation(),
        "context": targets.context(),
    }
    assert tuple(parts) == ROLES
    for role, facts in parts.items():
        assert facts
        assert {fact.role for fact in facts.values()} == {role}
    assert sum(map(len, parts.values())) == len(FACTS)


def test_a_changed_answer_does_not_change_the_next() -> None:
    evidence.inputs().clear()
    load().clear()
    assert load() == FACTS
    assert evidence.inputs()


def test_shares_are_fractions() -> None:
    shares = [fact for fact in FACTS.values() if fact.unit == "share"]
    for fact in shares:
        numbers = [x for x in (fact.value, fact.low, fact.high) if x is not None]
        assert numbers, fact.id
        assert all(0 <= x <= 1 for x in numbers), fact.id


def test_dates_are_the_published_ones() -> None:
    published = {
        "notice_march": "2015-03-23",
        "arrest_may": "2015-05-21",
        "planet_campaign": "2015-05-22",
        "sweep_may": "2015-05-29",
        "sweep_may_accounts": "2015-05-29",
        "sweep_may_public_accounts": "2015-05-29",
        "sweep_may_posts": "2015-05-29",
        "destruction_may": "2015-05-29",
        "courier_rule": "2015-11-01",
        "law_amendment": "2015-11-01",
        "survey_start": "2015-05-01",
        "survey_end": "2015-07-31",
        "panel_unblocked": "2015-05-29",
        "sino_us_2015": "2015-09-25",
        "licences_2017": "2017-03-31",
        "rules_calendar_domestic_ban": "2017-12-31",
    }
    assert {key: str(FACTS[key].date) for key in published} == published


def test_calendar_has_the_published_survey_days() -> None:
    start, end = FACTS["survey_week_1_start"].date, FACTS["survey_week_13_end"].date
    week_5 = FACTS["survey_week_5_start"].date
    assert start is not None and end is not None and week_5 is not None
    days = [start + datetime.timedelta(n) for n in range((end - start).days + 1)]
    regular = [day for day in days if day.strftime("%A") in ("Tuesday", "Thursday", "Saturday")]
    assert start == FACTS["survey_start"].date
    assert len(days) == 7 * value("survey_weeks_count")
    assert len(regular) == value("survey_regular_days")
    assert [str(day)[5:] for day in regular[:3]] == ["05-02", "05-05", "05-07"]
    assert week_5 == start + datetime.timedelta(28)
    surveys_of_week_5 = [day for day in regular if 0 <= (day - week_5).days < 7]
    assert [str(day)[5:] for day in surveys_of_week_5] == ["05-30", "06-02", "06-04"]
    assert value("survey_days") == value("survey_regular_days") + value("survey_random_days")


# What follows from other rows, recomputed. Each key is a derived number of the table.
LEVEL = (3 * value("ads_week_1_3") + value("ads_week_4")) / 4
MIDDLE = (value("regular_ads_total") - 4 * LEVEL - value("ads_week_5") - value("ads_week_13")) / 7


def returning(shape: float) -> float:
    """Sum 13 weeks that return from week 5 to week 13 along a power of the time."""
    first, last = value("ads_week_5"), value("ads_week_13")
    return 4 * LEVEL + sum(first + (last - first) * math.pow(k / 8, shape) for k in range(9))


def approaching(asymptote: float) -> float:
    """Sum 13 weeks that return from week 5 to week 13 exponentially towards an asymptote."""
    first, last = asymptote - value("ads_week_5"), asymptote - value("ads_week_13")
    return 4 * LEVEL + sum(asymptote - first * math.pow(last / first, k / 8) for k in range(9))


RECOMPUTED = {
    "survey_weeks_count": value("survey_regular_days") / 3,
    "weekly_is_three_days_surveys": value("survey_regular_days") / 13,
    "regular_ads_total": value("survey_regular_days") * value("ads_mean_per_survey"),
    "ads_mean_weeks_1_4": LEVEL,
    "pictures_an_advertisement": value("pictures_total") / value("ads_total"),
    "items_per_ad_week_5": (value("items_week_5") / value("ads_week_5"))
    / (value("items_week_4") / value("ads_week_4")),
    "videos_sd": value("videos_deviation_per_survey") / value("videos_mean_per_survey"),
    "survey_cv_ads": value("ads_deviation_per_survey") / value("ads_mean_per_survey"),
    "survey_cv_pictures": value("pictures_deviation_per_survey")
    / value("pictures_mean_per_survey"),
    "licences_2017_share": value("licences_2017_closed") / value("licences_2017_licensed"),
    "spread_week_1_4": (value("ads_week_4") - value("ads_week_1_3")) / LEVEL,
    "fall_week_5": value("ads_week_5") / value("ads_week_4"),
    "ratio_week_6_12": MIDDLE / LEVEL,
    "return_week_13": value("ads_week_13") / LEVEL,
    "recovery_shape_exponential": approaching(value("ads_week_4")),
    "recovery_shape_linear": returning(1.0),
    "recovery_shape_convex": returning(1.3),
    "recovery_shape_asymptote": approaching(1000.0),
    "trader_mean": (value("pictures_total") + value("videos_total"))
    / value("survey_days")
    / value("survey_panel_traders"),
    "physical_prices_ratio_uncarved": value("price_uncarved") / value("physical_prices_uncarved"),
    "physical_prices_ratio_carved": value("price_carved") / value("physical_prices_carved"),
    "escrow_premium": value("escrow_premium_escrow_price") / value("escrow_premium_direct_price")
    - 1,
    "websites_life_before": value("websites_stock_before") / value("websites_flow_before"),
}


@pytest.mark.parametrize("key", RECOMPUTED)
def test_derived_value_follows_from_the_others(key: str) -> None:
    # Published and derived figures are rounded to three digits, hence half a percent.
    assert value(key) == pytest.approx(RECOMPUTED[key], rel=0.005)


def test_every_derived_value_is_recomputed() -> None:
    derived = {
        key for key, fact in FACTS.items() if "derived" in fact.source and fact.value is not None
    }
    assert derived == set(RECOMPUTED)


def test_derived_bounds_follow_from_the_others() -> None:
    active = value("survey_panel_traders") / value("survey_panel_contacts")
    assert FACTS["contacts_active"].low == pytest.approx(active, rel=0.005)
    assert FACTS["items_week_1_4"].high == value("items_week_4")
    least = FACTS["panel_unblocked_traders_least"].low
    panel, blocked = value("survey_panel_traders"), value("sweep_may_accounts")
    assert least is not None
    assert (1 - blocked / least) ** panel >= 0.05 > (1 - blocked / (least - 1)) ** panel
    stock, flow = high("websites_stock_after"), high("websites_flow_after")
    assert high("websites_stock_ratio") == pytest.approx(stock / value("websites_stock_before"))
    assert stock / flow <= high("websites_life_after")
    ceiling, killed = FACTS["elephants"], FACTS["elephants_killed"]
    for mass, heads in ((ceiling.low, killed.low), (ceiling.high, killed.high)):
        assert mass is not None and heads is not None
        assert mass == pytest.approx(heads * value("elephants_ivory") / 1000)


@pytest.mark.parametrize("item", ["ads", "pictures", "videos"])
def test_means_follow_from_totals(item: str) -> None:
    mean = value(f"{item}_total") / value("survey_days")
    assert value(f"{item}_mean_per_survey") == pytest.approx(mean, rel=0.005)


@pytest.mark.parametrize(
    ("key", "distance"), [("ads_total", 0.03), ("pictures_total", 0.05), ("videos_total", 0.15)]
)
def test_relative_intervals_are_absolute_here(key: str, distance: float) -> None:
    assert FACTS[key].low == pytest.approx(value(key) * (1 - distance))
    assert FACTS[key].high == pytest.approx(value(key) * (1 + distance))


@pytest.mark.parametrize("product", ["raw", "semi_worked", "uncarved", "carved"])
def test_prices_span_two_standard_errors(product: str) -> None:
    key = f"price_{product}"
    error = value(f"{key}_deviation") / value(f"{key}_traders") ** 0.5
    assert high(key) - value(key) == pytest.approx(2 * error, rel=0.07)
    assert FACTS[key].low == pytest.approx(2 * value(key) - high(key))


NINETY = 1.645  # standard errors either side of a 90 % interval


@pytest.mark.parametrize("product", ["raw", "semi_worked", "uncarved", "carved"])
def test_deviations_of_prices_span_their_sampling_error(product: str) -> None:
    """Samples of 7 to 29 tell a standard deviation to 13 to 29 %; published to one digit."""
    key = f"price_{product}"
    error = NINETY / math.sqrt(2 * (value(f"{key}_traders") - 1)) * value(f"{key}_deviation")
    assert FACTS[f"{key}_deviation"].low == pytest.approx(
        value(f"{key}_deviation") - error, abs=0.051
    )
    assert high(f"{key}_deviation") == pytest.approx(value(f"{key}_deviation") + error, abs=0.051)
    assert FACTS[f"{key}_deviation"].weak


@pytest.mark.parametrize("key", ["videos_sd", "survey_cv_ads", "survey_cv_pictures"])
def test_variation_between_surveys_spans_its_sampling_error(key: str) -> None:
    cv = value(key)
    error = NINETY * cv * math.sqrt((0.5 + cv**2) / value("survey_days"))
    assert FACTS[key].low == pytest.approx(cv - error, abs=0.005)
    assert high(key) == pytest.approx(cv + error, abs=0.005)


def test_types_and_products_are_whole() -> None:
    counts = {kind: value(f"trader_types_{kind}") for kind in "abcd"}
    panel = value("survey_panel_traders")
    assert sum(counts.values()) == panel
    shares = {kind: round(100 * count / panel, 1) for kind, count in counts.items()}
    assert shares == {"a": 13.8, "b": 41.4, "c": 20.7, "d": 24.1}
    products = ("raw", "semi_worked", "uncarved", "carved")
    assert sum(value(f"product_mix_{kind}") for kind in products) == pytest.approx(1)


def test_priors_are_inputs_marked_as_assumed() -> None:
    priors = [fact for key, fact in FACTS.items() if key.startswith("prior_")]
    assert sum(fact.role == "input" for fact in priors) >= 20
    for fact in priors:
        assert fact.role in ("input", "context"), fact.id
        assert "assumed" in fact.derivation, fact.id


# ---------------------------------------------------------------- what reads the rows

CALLS = {"number", "_number", "from_fact", "from_prior"}
ROLE_CALLS = {"inputs", "targets", "validation"}


def read_by_code(source: str) -> Iterator[str]:
    """Yield the ids that a module names: number("id"), from_fact("id"), inputs()["id"]."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name, of = getattr(node.func, "attr", getattr(node.func, "id", "")), node.args[:1]
            if name not in CALLS:
                continue
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
            called, of = node.value.func, [node.slice]
            if getattr(called, "attr", getattr(called, "id", "")) not in ROLE_CALLS:
                continue
        else:
            continue
        yield from (one.value for one in of if isinstance(one, ast.Constant))


def texts(node: object) -> Iterator[str]:
    """Yield every text of a config file, without what only describes."""
    if isinstance(node, dict):
        for key, inside in node.items():
            if key not in ("name", "about", "source"):
                yield from texts(inside)
    elif isinstance(node, list):
        for inside in node:
            yield from texts(inside)
    elif isinstance(node, str):
        yield node


def readers() -> set[str]:
    """Return the ids that a parameter, scenario, statistic, module, page or experiment reads."""
    package = ROOT / "marketsim"
    found = {*statistics.STATISTICS, *trade_statistics.STATISTICS}
    for item in fields(Settings):
        if is_dataclass(item.default_factory):
            for one in declared(item.default_factory).values():
                found.add(one["source"].rpartition("evidence ")[2])
    for path in (ROOT / "conf").glob("**/*.yaml"):
        found |= set(texts(yaml.safe_load(path.read_text(encoding="utf-8"))))
    for path in (*package.glob("**/*.py"), *(ROOT / "experiments").glob("*/*.py")):
        found |= set(read_by_code(path.read_text(encoding="utf-8")))
    for path in package.glob("**/*.j2"):
        found |= set(re.findall(r"inputs\.([a-z0-9_]+)", path.read_text(encoding="utf-8")))
    return found


def unread(facts: dict[str, Fact], found: set[str]) -> list[str]:
    """Return the facts with numbers that nothing reads, though they are not context."""
    return [
        key
        for key, fact in facts.items()
        if fact.role != "context"
        and any(getattr(fact, column) is not None for column in NUMBERS)
        and key not in found
    ]


def test_every_number_is_read_or_context() -> None:
    """A number that sets, fits or checks nothing is context; the others have a reader each."""
    assert unread(FACTS, readers()) == []


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("slang", {"role": "input"}),
        ("online_share", {"role": "input"}),  # a figure of the same name is no reader
        ("legal_imports", {"role": "input"}),  # named in the description of a scenario only
        ("survey_regular_days", {"role": "input"}),
        ("ads_week_5", {"role": "target"}),
    ],
)
def test_a_number_that_nothing_reads_is_noticed(key: str, change: dict[str, str]) -> None:
    """Negative control: a context row that claims a role is found."""
    facts = FACTS | {key: Fact(**(vars(FACTS[key]) | change))}
    assert unread(facts, readers()) == [key]


@pytest.mark.parametrize(
    "reader",
    [
        "heavy_posters_cut",
        "elephants",
        "elephants_ivory",
        "prior_news",
        "sweep_may_accounts",
        "licences_2017_share",
        "survey_days",
        "price_raw_deviation",
        "pictures_a_post_limit",
        "websites_flow_after",
    ],
)
def test_a_reader_taken_away_is_noticed(reader: str) -> None:
    """Negative control: each kind of reader is needed by some row."""
    assert unread(FACTS, readers() - {reader}) == [reader]


def test_no_statistic_of_context_is_compared() -> None:
    """A statistic is a target or validation row, or context, which the fit leaves out."""
    context = {key for key in readers() if key in targets.context()}
    assert context == {"ratio_week_6_12"}
    judged = {*targets.targets(), *targets.validation()}
    assert {*statistics.STATISTICS, *trade_statistics.STATISTICS} <= judged | context


@pytest.mark.parametrize("key", ["contacts_active", "items_week_13"])
@pytest.mark.parametrize(("factor", "expected"), [(0.99, 0.01), (1.0, 1.0), (1.01, 1.0), (9, 1.0)])
def test_a_one_sided_row_is_met_on_its_open_side(key: str, factor: float, expected: float) -> None:
    least = FACTS[key].low
    assert least is not None and FACTS[key].one_sided
    assert fit.p_value(FACTS[key], np.full(99, factor * least)) == expected


def test_page_of_documentation_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == evidence_page.as_markdown()
    for key in FACTS:
        assert f"| {key} |" in evidence_page.as_markdown()
