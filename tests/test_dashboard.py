"""The dashboard without its page: controls as settings, and results equal to the commands'."""

import contextlib
import datetime as dt
import importlib.machinery
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from copy import deepcopy
from dataclasses import asdict, fields, replace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest

from marketsim import errors
from marketsim.analysis.comparison import arms
from marketsim.commands import cli, compose, options
from marketsim.commands import compare as compare_command
from marketsim.commands import run as run_command
from marketsim.dashboard import choices, figures, reproduce, runs, server, traders, views
from marketsim.dashboard import text as dashboard_text
from marketsim.dashboard.choices import ADDED, BASELINE, CALM, Choice
from marketsim.errors import InputError
from marketsim.mesa_model.market import Market
from marketsim.model.scenario import timeline
from marketsim.model.scenario.interventions import LEVERS
from marketsim.parameters import presets
from marketsim.parameters.settings import AGAIN, NEW, Comparison, Settings
from marketsim.reporting import text as report_text
from marketsim.reporting import trade_summary
from marketsim.reporting.figures import trade as trade_figures
from marketsim.simulation import store

AUGUST, SEPTEMBER = dt.date(2015, 8, 1), dt.date(2015, 9, 1)
MOVED = {
    "as it is": Choice(),
    "another reference": Choice("domestic_ban", "demand_reduction"),
    "a reference that needs longer": Choice(BASELINE, "repeated_sweeps", panel=NEW, seed=7),
    "a scenario with itself": Choice(CALM, CALM),
    "dose_multiplier": Choice("repeated_sweeps", BASELINE, dose_multiplier=0.5),
    "first day": Choice("repeated_sweeps", BASELINE, first_day=SEPTEMBER),
    "the sweep of May": Choice(first_day=dt.date(2015, 7, 1), doses={"sweep_may.posts": 5000.0}),
    "doses": Choice("linked_backups", BASELINE, doses={"again.every": 14.0, "again.lean": 1.0}),
    "beside": Choice(CALM, CALM, added={"demand": 0.8, "police": 5.0}, added_from=AUGUST,
                     until=dt.date(2015, 12, 31)),
    "fixed": Choice(fixed={"perception.half_life": 28.0, "population.platform_traders": 60_000}),
    "structure": Choice(recovery="forgetting", posterior="prior", replicates=30),
    "point": Choice("domestic_ban", BASELINE, posterior="point", population="wechat"),
}  # fmt: skip


def small(choice: Choice, retailers: int = 60) -> choices.Pair:
    """Return what levers stand for, in a small market."""
    pair = deepcopy(choices.pair(choice))
    for one in (pair.settings, *(arm.settings for arm in pair.arms)):
        one.population.retailers, one.panel = retailers, NEW
    return pair


def taken(words: list[str]) -> Any:
    """Return what the command line makes of a subcommand and its words, without running it."""
    schema = {"run": options.RunCommand, "compare": options.CompareCommand}[words[0]]
    given = compose.flags(words[1:], schema)
    return compose.composed(given.overrides, words[0], schema, given.config_dir)


def settings_of(command) -> Settings:
    return command.settings()


# ---------------------------------------------------------------- levers


def test_levers_at_rest_are_the_command_without_words():
    of = presets.named(population="survey", scenario=BASELINE)
    of.replicates, of.panel = 20, AGAIN
    assert choices.pair(Choice()).settings == of


@pytest.mark.parametrize("name", MOVED)
def test_command_on_the_page_gives_its_settings(name):
    """What is shown is pasted: the key of the result is that of the settings on the page."""
    pair = choices.pair(MOVED[name])
    command = taken(shlex.split(reproduce.run(pair))[1:])
    assert store.key(settings_of(command)) == store.key(pair.settings)
    assert command.replicates == MOVED[name].replicates


@pytest.mark.parametrize("name", MOVED)
def test_yaml_on_the_page_gives_its_settings(tmp_path, name):
    pair = choices.pair(MOVED[name])
    text = reproduce.as_yaml(pair.settings, "mine")
    (tmp_path / "scenario").mkdir()
    (tmp_path / "scenario" / "mine.yaml").write_text(text, encoding="utf-8")
    program, *words = shlex.split(text.splitlines()[1].lstrip("# "))
    assert program == "marketsim"
    command = taken([str(tmp_path) if word == "DIR" else word for word in words])
    pair.settings.scenario.name = "mine"  # that of the file
    assert store.key(settings_of(command)) == store.key(pair.settings)


@pytest.mark.parametrize("name", [name for name in MOVED if name != "a scenario with itself"])
def test_comparison_on_the_page_has_its_arms(name):
    choice = MOVED[name]
    pair = choices.pair(choice)
    command = taken(shlex.split(reproduce.compare(choice, pair))[1:])
    asked = Comparison(**{item.name: getattr(command, item.name) for item in fields(Comparison)})
    base, *others = arms.make_arms(settings_of(command), asked)
    assert not asked.prior
    mine = [
        arm
        for arm in others
        if arm.scenario.dose_multiplier == pair.arms[1].scenario.dose_multiplier
    ]
    assert [vars(one) for one in (base, *mine)] == [vars(one) for one in pair.arms]
    assert arms.evaluation_start([base, *others], asked) == pair.start


@pytest.mark.parametrize("name", presets.names("scenario"))
def test_every_scenario_can_be_shown_and_moved(name):
    """Each stands beside its usual reference; half of each dose is another scenario."""
    reference = CALM if name == BASELINE else BASELINE
    pair = choices.pair(Choice(name, reference))
    assert not pair.changed
    assert pair.arms[1].scenario == replace(pair.settings.scenario, until=str(_last(pair)))
    doses = {one.key: (one.value + one.low) / 2 for one in choices.doses(name)}
    if doses:
        assert choices.pair(Choice(name, reference, doses=doses)).changed
    assert (choices.first_day(name) is None) == (name == CALM)


def _last(pair: choices.Pair) -> dt.date:
    return timeline.horizon(pair.settings)[1]


def test_doses_are_those_written_with_their_ranges():
    found = {one.key: one for one in choices.doses(BASELINE)}
    assert set(found) == {"sweep_may.accounts", "sweep_may.posts", "sweep_may.lean",
                          "sweep_may.publicity"}  # fmt: skip
    assert found["sweep_may.publicity"].value == 0.5
    assert found["sweep_may.posts"].unit == "posts"
    assert choices.doses(CALM) == ()


def test_a_first_day_moves_all_that_is_the_scenarios_own():
    of = choices.settings(Choice("calendar_2018", first_day=dt.date(2015, 10, 2)))
    before = timeline.interventions(choices.plain("calendar_2018"))
    after = timeline.interventions(of)
    late = dt.date(2015, 10, 2) - choices.first_day("calendar_2018")
    for name, one in after.items():
        was = before[name]
        key = "date" if hasattr(one, "date") else "start"
        moved = late if name in choices.own("calendar_2018") else dt.timedelta(0)
        assert getattr(one, key) == getattr(was, key) + moved, name


@pytest.mark.parametrize("name", ADDED)
def test_levers_beside_the_scenario_at_rest_are_not_there(name):
    rest = ADDED[name].neutral
    assert choices.settings(Choice(added={name: rest})) == choices.settings(Choice())
    moved = choices.settings(Choice(added={name: ADDED[name].high}, added_from=dt.date(2015, 6, 1)))
    table, still = timeline.compile_table(moved), timeline.compile_table(choices.settings(Choice()))
    first = table.day(dt.date(2015, 6, 1))
    differs = np.zeros(table.news.size, bool)
    for lever in LEVERS:
        differs |= getattr(table, lever) != getattr(still, lever)
    assert not differs[:first].any()
    assert differs[first:].all()


@pytest.mark.parametrize("name", presets.names("scenario"))
def test_a_lever_beside_a_scenario_takes_nothing_from_it(name):
    """Whatever the scenario calls its interventions, all of them stay as they were."""
    added = {key: one.high for key, one in ADDED.items()}
    entries = choices.settings(Choice(name, added=added)).scenario.interventions
    written = choices.plain(name).scenario.interventions
    assert {key: entries[key] for key in written} == written
    assert len(entries) == len(written) + len(added)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice("nope"), "unknown scenario 'nope'"),
        (Choice(reference="nope"), "unknown scenarios 'nope'"),
        (Choice(seed=-1), "seed=-1"),
        (Choice(replicates=0), "replicates=0"),
        (Choice("demand_reduction", BASELINE, dose_multiplier=8.0), "scenario.dose_multiplier=8"),
        (Choice(first_day=dt.date(2019, 1, 1)), "sweep_may.date=2019-01-01"),
        (Choice(doses={"sweep_may.publicity": 2.0}), "sweep_may.publicity=2"),
        (Choice(fixed={"perception.half_life": 1.0}), "perception.half_life=1"),
        (Choice(recovery="none", posterior="point"), "recovery=none"),
        (Choice("legal_sale", BASELINE, added={"legal": 0.5}, added_from=AUGUST), "legal"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(choice, words):
    with pytest.raises(InputError) as fault:
        choices.pair(choice)
    assert words in str(fault.value)
    assert "\n" not in str(fault.value)


# ---------------------------------------------------------------- figures


@pytest.fixture(scope="module")
def shown():
    """Return a small market on the page: a changed scenario beside its reference."""
    choice = Choice("repeated_sweeps", BASELINE, dose_multiplier=0.5, replicates=4, prior=True,
                    until=dt.date(2015, 9, 30))  # fmt: skip
    pair = small(choice)
    simulated = {}
    for belief in ("posterior", "prior"):
        of = [arm.settings for arm in pair.arms]
        if belief == "prior":
            of = [runs.under_prior(arm) for arm in pair.arms]
        simulated[belief] = [runs.simulate(one, 0, 2) + runs.simulate(one, 2, 4) for one in of]
    return views.Shown(choice, pair, simulated)


def test_tables_are_those_that_run_writes(shown, tmp_path):
    """Byte by byte, fit and headline; another seed gives others."""
    folder = run_command.run_study(shown.pair.settings, tmp_path, figures=False).folder
    for name in ("fit", "headline"):
        text = shown.sums[name].to_csv(index=False, lineterminator="\n")
        assert text == (folder / f"{name}.csv").read_text(encoding="utf-8")
    other = replace(shown.pair.settings, seed=1)
    folder = run_command.run_study(other, tmp_path, figures=False).folder
    assert text != (folder / "headline.csv").read_text(encoding="utf-8")


def test_effects_are_those_that_compare_writes(shown, tmp_path):
    """Byte by byte, under posterior and prior, although no arm is forked here."""
    own = replace(shown.pair.settings, scenario=shown.pair.arms[1].scenario)
    folder = compare_command.compare(own, Comparison(["own"], BASELINE), tmp_path)
    text = shown.effects.to_csv(index=False, lineterminator="\n")
    assert text == (folder / "effects.csv").read_text(encoding="utf-8")
    assert set(shown.effects["informed_by"]) & {"data", "prior"}
    weeks = pd.read_parquet(folder / "weekly.parquet")
    weeks = weeks[(weeks["arm"] == "own") & (weeks["parameter_source"] == "posterior")]
    for mine, theirs in (("visible", "visible"), ("grams_delivered", "grams")):
        of = weeks.pivot(index="run", columns="week", values=theirs).to_numpy()
        assert shown.weekly[mine].to_numpy() == pytest.approx(of)


def test_a_branch_is_the_run_simulated_alone(shown):
    """Parting from the reference later than the first dose would be another run."""
    base, arm = (one.settings for one in shown.pair.arms)
    row = shown.pair.row
    assert row == (AUGUST - dt.date(2015, 3, 6)).days
    trunk = runs.trunks(base, row, 0, 4)
    for _ in range(2):  # a trunk serves more than once
        found = runs.tables(runs.branches(trunk, arm, row))
        for name, table in found.items():
            pd.testing.assert_frame_equal(table, shown.tables[name], check_exact=True)
    late = runs.tables(runs.branches(runs.trunks(base, row + 30, 0, 4), arm, row + 30))
    assert not late["daily"].equals(shown.tables["daily"])
    assert runs.is_cached(arm, 20) and not runs.is_cached(arm, 40)


def test_batches_are_every_run_once():
    for count in (1, 6, 7, 20, 21, 55, 200):
        found = runs.batches(count)
        assert [run for batch in found for run in range(*batch)] == list(range(count))
    assert runs.batches(200)[0][1] <= 10  # the first come soon


def test_runs_are_kept_by_all_that_they_depend_on():
    """Names and the number of runs are not in the key; whatever else changes is."""
    of = choices.settings(Choice())
    named = deepcopy(of)
    named.scenario.name, named.scenario.about, named.replicates = "own", "", 50
    assert runs.key(named) == runs.key(of)
    others = [Choice(seed=1), Choice(CALM), Choice(recovery="none"), Choice(posterior="prior")]
    others += [Choice(doses={"sweep_may.posts": 1.0}), Choice(population="wechat")]
    for choice in (*others, Choice(fixed={"perception.half_life": 30.0})):
        assert runs.key(choices.settings(choice)) != runs.key(of)


@pytest.mark.parametrize("name", views.VIEWS)
def test_every_view_has_a_table_and_what_it_shows(shown, name):
    view = views.VIEWS[name](shown)
    assert view.picture is None or view.picture.startswith(b"\x89PNG")
    assert len(view.shown) > 3
    assert len(view.table) >= len(view.shown)
    assert len(view.caption) > 40
    assert (
        not view.shown.astype(str).apply(lambda column: column.str.contains("nan")).any(axis=None)
    )


def test_survey_statistics_have_p_values_and_unfitted_rows_last(shown):
    """As in the report of a study: the same p-values, the same count of unusual rows."""
    view, fit = views.survey(shown), shown.sums["fit"]
    roles = view.shown["role"].to_list()
    targets = int((fit["role"] == "target").sum())
    assert roles == ["target"] * targets + ["reported unfitted"] * (len(fit) - targets)
    ordered = fit.sort_values("role", kind="stable")
    assert view.shown["p-value"].to_list() == [
        report_text.p_value(value) for value in ordered["p_value"]
    ]
    assert view.caption.endswith(report_text.unusual_rows(fit))
    assert "not unusual" in view.shown["in words"].iloc[0]


def test_a_scenario_alone_has_no_effects_and_all_other_views():
    choice = Choice(CALM, CALM, replicates=2)
    pair = small(choice)
    alone = views.Shown(choice, pair, {"posterior": [runs.simulate(pair.settings, 0, 2)]})
    assert alone.effects is None
    for name, view in views.VIEWS.items():
        found = view(alone)
        assert (found.shown is None) == (name == "Effects")
    days = traders.follow(alone.runs[0].settings, alone.runs[0].seed)
    assert views.trader(alone, days, None, 3).picture.startswith(b"\x89PNG")


def test_seizures_are_all_that_enforcement_took(shown):
    rows = trade_summary.seizure_rows(shown.tables, shown.retailers).set_index("id")
    taken = shown.tables["enforcement"].groupby(["run", "kind"], observed=True)["grams"].sum()
    kinds = set(taken[taken > 0].index.get_level_values("kind"))
    assert kinds <= set(trade_summary.SEIZURES)
    grams = taken.groupby("run").sum().reindex(range(4), fill_value=0)
    weeks = shown.tables["daily"]["day"].nunique() / 7.0
    most = grams.max() * 1000.0 / shown.retailers / weeks
    found = rows.loc[list(trade_summary.SEIZURES), "median"]
    assert 0 < found.sum() <= most * len(found)


def test_two_who_draw_at_once_leave_the_style_alone(shown):
    before = dict(matplotlib.rcParams)
    found: list[bytes] = []

    def draw():
        found.append(figures.png(trade_figures.flow, shown.tables, retailers=shown.retailers))

    both = [threading.Thread(target=draw) for _ in range(3)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(set(found)) == 1 and len(found) == 3
    assert dict(matplotlib.rcParams) == before


# ---------------------------------------------------------------- single traders


def test_traders_days_are_those_of_the_run(shown):
    """Day by day they add up to the run's own counts, and end as the view of Mesa sees them."""
    one = shown.runs[1]
    days = traders.follow(one.settings, one.seed)
    assert (days.visible.sum(axis=1) == shown.tables["daily"].query("run == 1")["visible"]).all()
    assert (days.made.sum(axis=1) == shown.tables["daily"].query("run == 1")["offers"]).all()
    assert not (days.made.sum(axis=1) == shown.tables["daily"].query("run == 0")["offers"]).all()
    for number, seen in enumerate(Market(one.settings, one.seed).run().retailers):
        last = traders.table(days, number).iloc[-1]
        assert (last["state"], last["account"], last["backup"]) == (
            seen.state, seen.account, seen.backup,
        )  # fmt: skip
        assert last["perceived_risk"] == pytest.approx(seen.perceived_risk, rel=1e-6)
        assert last["posts_made"] == seen.posts_today
        assert last["stock_g"] == pytest.approx(seen.stock, rel=1e-6)
        assert last["money_cny"] == pytest.approx(seen.money, rel=1e-6)


def test_suggested_traders_are_what_they_are_said_to_be(shown):
    one = shown.runs[0]
    days = traders.follow(one.settings, one.seed)
    found = traders.suggested(days)
    made = days.made.sum(axis=0)
    assert made[found["the heaviest poster"]] == made.max()
    assert np.isin(days.state[:, found["the median poster"]], traders.PRESENT).all()
    assert f"{made.max():,} posts" in traders.describe(days, found["the heaviest poster"])
    assert list(traders.table(days, 0)) == list(traders.COLUMNS)


# ---------------------------------------------------------------- words


def test_tiles_are_the_tables_rounded(shown):
    effects = shown.effects.set_index("outcome")
    first, *_ = dashboard_text.effect_tiles(shown.effects, "b")
    ends = (effects.loc["grams_delivered", f"percent{end}"] for end in ("", "_q05", "_q95"))
    change = report_text.estimate(*ends)
    assert first.label == "Ivory sales"
    assert (first.value.lstrip("+"), first.interval) == (
        f"{change.value} %",
        f"90 %: {change.interval}",
    )
    for percent, value in ((4.2, "+4.2 %"), (-4.2, "-4.2 %"), (0.0, "0.0 %")):
        ends = {"percent": percent, "percent_q05": -5.0, "percent_q95": 4.5}
        assert dashboard_text.effect_tiles(shown.effects.assign(**ends), "b")[0].value == value
    fit = shown.sums["fit"].set_index("id").loc["fall_week_5"]
    ratio = report_text.estimate(fit["median"], fit["q05"], fit["q95"])
    tile = dashboard_text.level_tiles(shown.sums)[0]
    assert (tile.label, tile.value) == (report_text.LABELS["fall_week_5"], ratio.value)
    assert tile.interval == f"90 %: {ratio.interval}; published: 0.55"


# ---------------------------------------------------------------- the server


@pytest.mark.parametrize("word", ["port=80", "port=x", "threads=0", "open=maybe", "nope=1", "x"])
def test_bad_words_are_one_line(monkeypatch, capsys, word):
    monkeypatch.setattr("sys.argv", ["marketsim", "dashboard", word])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert word.split("=")[0] in said and said.count("\n") == 1
    assert said.startswith("marketsim: ")


def test_without_streamlit_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(errors.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["marketsim", "dashboard"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr().err
    assert end.value.code == 2
    hint = f"{sys.executable} -m pip install 'streamlit>=1.60'"
    assert said == f"marketsim: marketsim dashboard requires streamlit: {hint}\n"


def test_a_port_that_is_taken_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(
        errors.importlib.util,
        "find_spec",
        lambda name: importlib.machinery.ModuleSpec(name, None, origin="here"),
    )
    with socket.socket() as other:
        other.bind((server.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr("sys.argv", ["marketsim", "dashboard", f"port={port}"])
        with pytest.raises(SystemExit) as end:
            cli.main()
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert said.startswith(f"marketsim: port={port}") and said.count("\n") == 1


def streamlit_options():
    """Return the options of the Streamlit that is installed."""
    from streamlit.web import cli as streamlit_cli

    return {name for one in streamlit_cli.main.commands["run"].params for name in one.opts}


# options that move the page, or hide it or parts of it
MOVES = ("server.address", "server.port", "server.baseUrlPath", "server.sslCertFile",
         "server.sslKeyFile", "server.headless", "server.allowedHosts", "server.enableCORS",
         "server.enableXsrfProtection", "server.maxMessageSize", "browser.serverAddress",
         "browser.serverPort", "global.developmentMode", "client.toolbarMode", "ui.hideTopBar",
         "runner.enforceSerializableSessionState", "runner.magicEnabled")  # fmt: skip


def test_every_option_that_moves_the_page_is_set():
    """A file config.toml of the user's for other pages has no say; an unknown option is left."""
    known = streamlit_options()
    options = server._options(8501, browser=False, known=known)
    names = {option.partition("=")[0] for option in options}
    assert names == {option for option in names if option in known}
    assert {f"--{name}" for name in MOVES} & known <= names
    assert "--server.baseUrlPath=" in options
    assert server._options(8501, browser=False, known={"--server.port"}) == ["--server.port=8501"]


CONFIG = """[server]
baseUrlPath = "market"
sslCertFile = "/no/such.pem"
sslKeyFile = "/no/such.key"
address = "192.0.2.1"
port = 80
allowedHosts = ["app.example.com"]
[browser]
serverAddress = "example.com"
serverPort = 443
[global]
developmentMode = true
"""


@pytest.mark.parametrize("place", ["home", "folder", "environment"])
def test_the_printed_address_is_that_of_the_page(tmp_path, place):
    """The page answers where the line says, over HTTP and its socket, whatever a config says."""
    pytest.importorskip("streamlit")
    folder = tmp_path / ("home" if place == "home" else ".") / ".streamlit"
    folder.mkdir(parents=True)
    (tmp_path / "home").mkdir(exist_ok=True)
    if place != "environment":
        (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    environment = os.environ | {"HOME": str(tmp_path / "home")}
    if place == "environment":
        environment |= {"STREAMLIT_SERVER_BASE_URL_PATH": "market", "STREAMLIT_SERVER_PORT": "80"}
    with socket.socket() as one:
        one.bind((server.HOST, 0))
        port = one.getsockname()[1]
    code = (
        "from marketsim.dashboard import runs, server; runs.warm = lambda: None; "
        f"server.start({port}, browser=False)"
    )
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=said, stderr=said
        )
    try:
        until, answered = time.monotonic() + 60, False
        while not answered and process.poll() is None and time.monotonic() < until:
            time.sleep(0.2)
            with contextlib.suppress(OSError):
                url = f"http://{server.HOST}:{port}/"
                answered = urllib.request.urlopen(url, timeout=5).status == 200
        said = (tmp_path / "said").read_text()
        assert answered, said
        assert f"serving at {url.rstrip('/')};" in said
        with socket.create_connection((server.HOST, port), 5) as line:
            head = ("GET /_stcore/stream HTTP/1.1", f"Host: {server.HOST}:{port}",
                    "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                    f"Origin: {url.rstrip('/')}", "", "")  # fmt: skip
            line.sendall("\r\n".join(head).encode())
            assert b" 101 " in line.recv(100)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("content", ["[server]\ntrustedUserHeaders = '{'\n", ""])
def test_a_config_that_streamlit_cannot_read_is_one_line(tmp_path, content):
    """With a sound one, what goes wrong later is not put down to it."""
    folder = tmp_path / ".streamlit"
    folder.mkdir()
    (folder / "config.toml").write_text(content, encoding="utf-8")
    code = (
        "from marketsim.commands.exit_status import one_line\n"
        "from marketsim.dashboard import runs, server\n"
        "from streamlit.web import bootstrap\n"
        "def fail(*_, **__): raise OSError(28, 'No space left on device')\n"
        "runs.warm, server._check_port, bootstrap.run = (lambda: None), (lambda _: None), fail\n"
        "with one_line(): server.start(8501, browser=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr.count("\n") == 1, done.stderr
    told = "config.toml: bad JSON" if content else "No space left on device"
    assert told in done.stderr and ("config.toml" in done.stderr) == bool(content)
    assert done.returncode == (2 if content else 1)


def test_a_reference_without_a_font_has_a_plain_name_in_figures():
    one = views.Shown(Choice(reference="第二次"), None, {})
    assert (one.reference, one.reference_label) == ("第二次", "reference")
    other = views.Shown(Choice(reference="plan.2017"), None, {})
    assert (other.reference, other.reference_label) == ("plan.2017", "plan.2017")


def test_figures_of_the_page_are_the_same_whatever_a_user_has_set():
    table = pd.DataFrame({"day": pd.date_range("2015-05-01", periods=4), "state": "active",
                          "posts_visible": 1, "perceived_risk": 0.1, "stock_g": 5.0,
                          "money_cny": 7.0})  # fmt: skip
    usual = figures.png(figures.trader, table, None, "")
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "savefig.bbox": "tight",
                                "timezone": "Asia/Shanghai"}):  # fmt: skip
        assert figures.png(figures.trader, table, None, "") == usual


def test_nothing_is_sent_and_nobody_is_asked():
    options = server._options(8501, browser=False, known=streamlit_options())
    for option in ("browser.gatherUsageStats=false", "server.showEmailPrompt=false",
                   "server.headless=true", "server.address=localhost"):  # fmt: skip
        assert f"--{option}" in options
    assert server.PAGE.is_file()
    assert asdict(Choice())["replicates"] == 20
