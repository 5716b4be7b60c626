"""Response time of the dashboard: from a click to the figures, in headless Chromium.

    cd tests && PYTHONPATH=.. python -m campaigns.latency

A busy machine is slower: the load is printed beside the seconds.
"""

import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import test_dashboard_browser as browser
from playwright import sync_api

RUNS = 20
MOVES = 8  # of each lever
CUT = 60.0  # seconds after which no answer is an answer


def answered(page, before: dict[str, str], click: Callable[[], None]) -> tuple[float, ...]:
    """Move a lever; return the seconds to the first new figures, to all of them, and to rest."""
    caption = page.get_by_test_id("stCaptionContainer").filter(has_text=f"{RUNS} of {RUNS} runs")
    at_rest = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    began = time.perf_counter()
    click()
    first = figures = 0.0
    seen = before
    while (now := time.perf_counter() - began) < CUT:
        if (found := browser.tiles(page)) != seen:
            seen, figures = found, now
            first = first or now
        if first and caption.count() and at_rest.count():
            return first, figures, now
        page.wait_for_timeout(20)
    raise AssertionError(f"no answer: {browser.tiles(page)}")


def cpu(server: psutil.Process) -> float:
    """Return the CPU seconds that a server has used."""
    used = server.cpu_times()
    return used.user + used.system


def measure(page, server: psutil.Process, what: str, click: Callable[[], None]) -> None:
    """Move a lever several times, and print a line of a table."""
    rows = []
    for _ in range(MOVES):
        used = cpu(server)
        rows.append((*answered(page, browser.tiles(page), click), cpu(server) - used))
    spans = [f"{statistics.median(of):.1f} ({min(of):.1f} to {max(of):.1f})"
             for of in zip(*rows, strict=True)]  # fmt: skip
    print(f"| {what} | {' | '.join(spans)} |", flush=True)


def main() -> None:
    """Start the dashboard, move its levers, and print the table."""
    with tempfile.TemporaryDirectory() as home, sync_api.sync_playwright() as driver:
        server, url = browser.start(Path(home))
        try:
            page = driver.chromium.launch(
                executable_path=browser.CHROMIUM, args=["--no-sandbox"]
            ).new_page(viewport={"width": 1280, "height": 900})
            page.goto(url)
            opened = browser.settled(page, RUNS)
            process = psutil.Process(server.pid)
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {MOVES} moves each")
            print("| lever moved | first figures, s | all figures, s | picture too, s | CPU, s |")
            print("|---|---|---|---|---|")
            sidebar = page.get_by_test_id("stSidebar")
            more = sidebar.get_by_role("button", name="Increment").nth(1)
            measure(page, process, "posts removed by the sweep of May (148 days)", more.click)
            page.get_by_role("combobox", name="Scenario").click()
            page.get_by_role("option", name="repeated sweeps").click()
            browser.settled(page, RUNS, opened)
            slider = page.get_by_role("slider", name="Dose multiplier")
            measure(page, process, "dose multiplier of repeated sweeps (332 days)",
                    lambda: slider.press("ArrowRight"))  # fmt: skip
            print(f"load at the end {os.getloadavg()[0]:.1f}")
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(30)


if __name__ == "__main__":
    main()
