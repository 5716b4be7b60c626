"""Templates and embedded figures of the HTML reports."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from marketsim.reporting.figures import registry
from marketsim.reporting.text import number
from marketsim.simulation import files

PAGE = "report.html"


def write_page(folder: Path, page: str) -> Path:
    """Write a page into a folder, completely or not at all, and return its path."""
    files.write_atomic(folder / PAGE, page)
    return folder / PAGE


def figures(folder: Path, kind: str) -> list[dict[str, str]]:
    """Return the figures of a kind as a page embeds them.

    Parameters
    ----------
    folder : Path
        Holds them in its folder `figures`.
    kind : str
        A key of `registry.KINDS`.

    Returns
    -------
    list of dict
        Keys heading, alt, caption and data (base64).
    """
    return [
        {
            "heading": spec.heading,
            "alt": spec.alt,
            "caption": spec.caption,
            "data": base64.b64encode((folder / "figures" / spec.file).read_bytes()).decode("ascii"),
        }
        for spec in registry.KINDS[kind]
    ]


def template(name: str) -> Any:
    """Return a template; a missing variable is an error."""
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["number"] = number
    return environment.get_template(name)
