"""Parts shared by all HTML pages: templates, embedded figures."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from marketsim.reporting.text import number
from marketsim.simulation import files

PAGE = "report.html"


def put(folder: Path, page: str) -> Path:
    """Write a page into a folder, whole or not at all, and return its path."""
    files.write_atomic(folder / PAGE, page)
    return folder / PAGE


def figures(folder: Path, rows: Sequence[tuple[str, str, str, str]]) -> list[dict[str, str]]:
    """Return pictures as a page holds them.

    Parameters
    ----------
    folder : Path
        Holds them in its folder `figures`.
    rows : sequence of tuple of str
        File, heading, text in place of the picture, caption.

    Returns
    -------
    list of dict
        Keys name, heading, alt, caption and data (base64).
    """
    keys = ("name", "heading", "alt", "caption")
    made = [dict(zip(keys, row, strict=True)) for row in rows]
    for figure in made:
        picture = (folder / "figures" / figure["name"]).read_bytes()
        figure["data"] = base64.b64encode(picture).decode("ascii")
    return made


def template(name: str) -> Any:
    """Return a page to be filled in; what is missing is an error."""
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["number"] = number
    return environment.get_template(name)
