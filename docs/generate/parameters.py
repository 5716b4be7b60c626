"""Write docs/parameters.md from the parameter declarations."""

import inspect
from dataclasses import fields, is_dataclass
from typing import Any

from marketsim.parameters.settings import Settings, declared


def as_markdown() -> str:
    """Return docs/parameters.md: one table a group."""
    lines = [
        "# Parameters",
        "",
        "Made from the declarations in `marketsim/parameters/`; do not edit. Every value",
        "is a default that a config or the command line may change within its range. *Assumed*",
        "means that no figure is known.",
        "A parameter with a prior is uncertain: a study draws it from the posterior of the 2015",
        "survey ([calibration.md](calibration.md)); its default here is a reference value only.",
        "",
    ]
    for item in fields(Settings):
        group = item.default_factory
        if is_dataclass(group) and declared(group):
            lines += _table(item.name, group)
    lines += ["## Of a study", "", *_rows("", Settings), ""]
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
        span_of = f"{one['low']:g} to {one['high']:g}"
        prior = one["prior"]
        believed = f"{prior.form} {prior.low:g} to {prior.high:g}" if prior else ""
        cells = [f"`{prefix}{name}`", f"{one['default']:g}", one["unit"], span_of, believed]
        head.append(f"| {' | '.join([*cells, one['meaning'], one['source']])} |")
    return head


if __name__ == "__main__":
    print(as_markdown(), end="")
