"""The page in a real browser: clicks, figures read off it, and the commands it shows, run."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest

from marketsim.reporting.text import LABELS, estimate

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (extra `test`)")
pytest.importorskip("streamlit", reason="the page needs the extra `dashboard`")

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian's package `chromium`)"),
]
ROOT = Path(__file__).parents[1]
STARTED = 400  # seconds for the server, which compiles the kernels where nobody has
ANSWERED = 60_000  # milliseconds for the page on a busy machine
RUNS = 10


def environment(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has never started Streamlit."""
    return {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)}


def shown(row: pd.Series, *columns: str, unit: str = "", signed: bool = True) -> str:
    """Return an estimate as the page shows it."""
    sign = "+" if signed and row[columns[0]] > 0 else ""
    return sign + estimate(*row[list(columns)]).value + unit


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        port: int = one.getsockname()[1]
        return port


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def start(home: Path) -> tuple[subprocess.Popen, str]:
    """Start the dashboard as a user does, and wait until it answers."""
    port = free_port()
    words = [sys.executable, "-m", "marketsim", "dashboard", f"port={port}", "open=false"]
    with (home / "said").open("w") as said:
        server = subprocess.Popen(words, cwd=home, env=environment(home), stdin=subprocess.DEVNULL,
                                  stdout=said, stderr=said, start_new_session=True)  # fmt: skip
    url, until = f"http://localhost:{port}", time.monotonic() + STARTED
    while not is_up(url + "/_stcore/health"):
        assert server.poll() is None, (home / "said").read_text()
        assert time.monotonic() < until, (home / "said").read_text()
        time.sleep(0.2)
    return server, url


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Serve the page, and end it as Ctrl-C does."""
    home = tmp_path_factory.mktemp("home")
    server, url = start(home)
    yield url, home
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(30)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def settled(
    page, runs: int, word: str = "", before: dict[str, str] | None = None
) -> dict[str, str]:
    """Wait until all is there and the figures are other ones, and return the tiles.

    The commands stand at the end of the page, and the browser draws them last: once they have
    the `word` that the change adds, the tiles above are those of the change too.
    """
    at_rest = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    told = page.get_by_test_id("stCaptionContainer").filter(has_text=f"{runs} of {runs} runs")
    commands = page.get_by_test_id("stCode").filter(has_text=word or "marketsim")
    until = time.monotonic() + ANSWERED / 1000
    while time.monotonic() < until:
        if at_rest.count() and told.count() and commands.count():
            found = tiles(page)
            if found and found != before:
                return found
        page.wait_for_timeout(50)
    raise AssertionError(f"no answer of the page: {tiles(page)}")


def tiles(page) -> dict[str, str]:
    """Return label and value of each tile, read at one moment."""
    script = """tiles => tiles.map(tile => ["Label", "Value"].map(
        part => tile.querySelector(`[data-testid=stMetric${part}]`).innerText.trim()))"""
    return dict(page.get_by_test_id("stMetric").evaluate_all(script))


def run(command: str, home: Path) -> Path:
    """Run a command that was read off the page, and return the folder of its result."""
    program, *words = shlex.split(command)
    assert program == "marketsim"
    more = [f"output={home / 'results'}", "progress=false"]
    done = subprocess.run([sys.executable, "-m", "marketsim", *words, *more], cwd=home, check=True,
                          env=environment(home), capture_output=True, text=True)  # fmt: skip
    return Path(done.stdout.rstrip().rpartition("done: ")[2])


def test_figures_on_the_page_are_those_of_the_commands_it_shows(browser, served):
    """Levers are clicked; what is then read off the page is what its commands compute."""
    url, home = served
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked, faults = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(url)
    opened = settled(page, 20)

    page.get_by_role("slider", name="Runs of each scenario").press("Home")
    before = settled(page, RUNS, f"replicates={RUNS}", opened)
    sidebar = page.get_by_test_id("stSidebar")
    removed = sidebar.get_by_role("spinbutton", name="Posts removed")
    removed.fill("6000")  # many: a small change is lost in the digits shown
    removed.press("Enter")
    found = settled(page, RUNS, "sweep_may.posts=", before)
    assert found["Visible posts"] != before["Visible posts"]

    codes = page.get_by_test_id("stCode").all_inner_texts()
    simulate, compare = (text.strip() for text in codes if text.strip().startswith("marketsim"))
    assert "sweep_may.posts=" in simulate and "sweep_may.posts=" in compare
    written, compared = run(simulate, home), run(compare, home)
    fit = pd.read_csv(written / "fit.csv").set_index("id")
    headline = pd.read_csv(written / "headline.csv").set_index("id")
    effects = pd.read_csv(compared / "effects.csv").set_index("outcome")
    percent = ("percent", "percent_q05", "percent_q95")
    points = ("effect", "effect_q05", "effect_q95")
    ratio, level = ("median", "q05", "q95"), ("median", "q05", "q95")
    per_week = "g per week and 1,000 traders"
    assert found == {
        "Ivory sales": shown(effects.loc["grams_delivered"], *percent, unit=" %"),
        "Visible posts": shown(effects.loc["visible"], *percent, unit=" %"),
        "Share of posts elsewhere": shown(effects.loc["displaced"], *points, unit=" points"),
        "Price of ivory sold": shown(effects.loc["price"], *percent, unit=" %"),
        LABELS["fall_week_5"]: shown(fit.loc["fall_week_5"], *ratio, signed=False),
        LABELS["return_week_13"]: shown(fit.loc["return_week_13"], *ratio, signed=False),
        f"Ivory sales, {per_week}": shown(headline.loc["grams_delivered"], *level, signed=False),
        f"Ivory seized, {per_week}": shown(headline.loc["seized"], *level, signed=False),
    }
    for file, folder in (
        ("fit.csv", written),
        ("headline.csv", written),
        ("effects.csv", compared),
    ):
        with page.expect_download(timeout=ANSWERED) as download:
            page.get_by_role("button", name=f"Download {file}").click()
        assert download.value.path().read_bytes() == (folder / file).read_bytes()

    page.get_by_role("radiogroup", name="Show").get_by_text("Supply chain").click()
    page.get_by_alt_text("Each band is as wide as its flow in kilograms").wait_for(timeout=ANSWERED)
    width = page.locator(".picture img").evaluate("image => image.naturalWidth")
    assert width > 500
    assert not page.get_by_test_id("stException").count()
    assert not faults
    hosts = {urlsplit(one).hostname for one in asked} - {None}
    assert hosts == {"localhost"}
    page.close()


def test_ctrl_c_ends_it_and_nothing_is_left(tmp_path):
    """The terminal's interrupt ends the process and all that it started, without a trace."""
    server, url = start(tmp_path)
    os.killpg(server.pid, signal.SIGINT)
    assert server.wait(30) == 0
    assert not is_up(url)
    with pytest.raises(ProcessLookupError):
        os.killpg(server.pid, 0)
    said = (tmp_path / "said").read_text()
    assert "Traceback" not in said
    assert "mail" not in said
