"""Evidence table: ``python -m docs.generate.evidence > docs/evidence.md``."""

from marketsim.parameters.evidence import COLUMNS, ROLES, Fact
from marketsim.survey.targets import _of_role

_MEANINGS = {
    "input": "Sets a parameter or a date.",
    "target": "Used for calibration.",
    "validation": "Not fitted; used for validation.",
    "context": "Used in texts and figures only.",
}

_PREFACE = """\
# Evidence

Generated from `marketsim/parameters/evidence.csv` by
`python -m docs.generate.evidence > docs/evidence.md`; edit the CSV file, not this page.

Sources:

- **T15** Guan & Xu (2015), *Deadly Messaging: Illegal ivory trade in China's social media*,
  TRAFFIC. ISBN 978-1-85850-389-9
- **N17** *Ivory Cybercrime: A Dark World*, NewsChina, March 2017 (reporting of December 2016)
- **W16** Wu (2016), *Online Illegal Wildlife Trade in East Asia*, TRAFFIC East Asia, slides of
  29 July 2016
- **X15** Xiao & Wang (2015), *Moving Targets: Tracking Online Sales of Illegal Wildlife Products
  in China*, TRAFFIC
- **derived**: computed as stated; **external**: from other sources, as stated; **assumed**: no
  source, chosen by this project

A **weak** row depends on a reading or an assumption that its interval does not cover.
A **one-sided** row gives only a lower or an upper bound; every value on the other side agrees.
"""


def as_markdown() -> str:
    """Return docs/evidence.md.

    Returns
    -------
    str
        Markdown with one table per role and one column per column of the evidence.
    """
    parts = [_PREFACE]
    for role in ROLES:
        rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_cells, _of_role(role).values())]
        table = "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
        parts.append(f"## {role.capitalize()}\n\n{_MEANINGS[role]}\n\n{table}")
    return "\n".join(parts)


def _cells(fact: Fact) -> tuple[str, ...]:
    return tuple(_cell(getattr(fact, column)) for column in COLUMNS)


def _cell(content: object) -> str:
    if content is None or content is False:
        return ""
    if content is True:
        return "yes"
    if isinstance(content, float):
        # The general format would use an exponent for 864,000,000 and 0.00001.
        return f"{content:,.6f}".rstrip("0").rstrip(".")
    return str(content).replace("*", r"\*").replace("|", r"\|")


if __name__ == "__main__":
    print(as_markdown(), end="")
