"""Parameter tables: ``python -m docs.generate.parameters > docs/parameters.md``."""

import inspect
from dataclasses import fields, is_dataclass
from typing import Any

from marketsim.parameters.settings import Settings, declared


def as_markdown() -> str:
    """Return docs/parameters.md, with one table per group."""
    lines = [
        "# Parameters",
        "",
        "Generated from the declarations in `marketsim/parameters/`; do not edit. Defaults can be",
        "changed within their range in a config file or on the command line. *Assumed*: no value",
        "is published. A parameter with a prior is uncertain: each run samples it from the",
        "posterior of the 2015 survey ([calibration.md](calibration.md)), and its default is a",
        "reference value only.",
        "",
    ]
    for item in fields(Settings):
        group = item.default_factory
        if is_dataclass(group) and declared(group):
            lines += _table(item.name, group)
    lines += ["## Study", "", *_rows("", Settings), ""]
    return "\n".join(lines)


def _table(name: str, group: Any) -> list[str]:
    return [
        f"## {name}",
        "",
        inspect.cleandoc(group.__doc__ or ""),
        "",
        *_rows(name + ".", group),
        "",
    ]


def _rows(prefix: str, group: Any) -> list[str]:
    head = [
        "| parameter | default | unit | range | prior | meaning | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in declared(group).items():
        limits = f"{one['low']:g} to {one['high']:g}"
        prior = one["prior"]
        prior_range = f"{prior.form} {prior.low:g} to {prior.high:g}" if prior else ""
        cells = [f"`{prefix}{name}`", f"{one['default']:g}", one["unit"], limits, prior_range]
        head.append(f"| {' | '.join([*cells, one['meaning'], one['source']])} |")
    return head


if __name__ == "__main__":
    print(as_markdown(), end="")
