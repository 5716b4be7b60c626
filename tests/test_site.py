"""The site is built of the pages without a warning, needs no network, and leaves no page out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from marketsim.model.scenario.interventions import LEVERS

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
# what a browser fetches by itself; a link is fetched by whoever follows it
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*?\ssrc=["']?(?:https?:)?//[^"'> ]*"""
    r"""|<link\b(?![^>]*rel=["']?(?:canonical|next|prev|index|search|author))[^>]*?"""
    r"""href=["']?(?:https?:)?//[^"'> ]*"""
    r"""|url\(["']?(?:https?:)?//[^)]*|@import ["'](?:https?:)?//[^"']*"""
)


def build(source: Path, to: Path) -> subprocess.CompletedProcess[str]:
    """Build a site, with warnings as errors."""
    words = ["-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(to / "kept"), str(source)]
    return subprocess.run(
        [sys.executable, *words, str(to / "site")], capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "docs", folder)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_every_page_is_in_the_site(site):
    """Also the reference of the Python functions, with what docstrings say."""
    for page in (ROOT / "docs").glob("*.md"):
        assert (site / f"{page.stem}.html").is_file(), page
    text = re.sub(r"<[^>]+>", "", (site / "api.html").read_text(encoding="utf-8"))
    said_in_docstrings = (
        *("A finished study is loaded, not rerun", "Compare scenarios with the baseline"),
        *("Mesa", "Declare a dose", "Invalid input"),
    )
    for said in said_in_docstrings:
        assert said in " ".join(text.split()), said
    assert "Parameters" in text
    assert "Raises" in text


def test_the_site_needs_no_network(site):
    """No script, font, picture or style comes from elsewhere."""
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert not FETCHED.findall(path.read_text(encoding="utf-8")), path
    for fault in ('<script defer src="https://a.b/c.js">', "<img alt='' src='//a.b/c.png'>",
                  '<link rel="stylesheet" href="https://a.b/c.css">', "url(https://a.b/c.woff)",
                  '@import "https://a.b/c.css"'):  # fmt: skip
        assert FETCHED.findall(fault), fault  # negative control
    assert not FETCHED.findall('<a href="https://hydra.cc">')


def test_links_between_files_lead_somewhere():
    """In the pages as they stand in the repository, on a code host."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("experiments/*/README.md")]
    found = 0
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), f"{page}: {target}"
                found += 1
    assert found > 30


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("# A\n\n[b](nowhere.md)\n", "nowhere"),
        ("# A\n\n![b](nowhere.png)\n", "nowhere"),
        ("# A\n\n```{toctree}\nnowhere\n```\n", "nowhere"),
        ("# A\n\n```{eval-rst}\n.. autofunction:: marketsim.api.nowhere\n```\n", "nowhere"),
    ],
)
def test_a_broken_page_stops_the_build(page, said, tmp_path):
    """Negative control: warnings are errors."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text())
    (tmp_path / "docs" / "index.md").write_text(page)
    done = build(tmp_path / "docs", tmp_path)
    assert done.returncode != 0
    assert said in done.stderr


def test_pictures_are_small_and_shown():
    """Below 150 kB each, all of them on a page."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    pictures = list(PICTURES.glob("*.png"))
    assert pictures
    for path in pictures:
        assert path.stat().st_size < 150_000, path
        assert f"pictures/{path.name}" in text, path


def test_the_levers_stand_on_the_page():
    """Every lever that an intervention may move, with its value at rest."""
    text = (ROOT / "docs" / "own-intervention.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", text, re.MULTILINE))
    assert found == {name: f"{rest:g}" for name, (rest, _, _) in LEVERS.items()}
