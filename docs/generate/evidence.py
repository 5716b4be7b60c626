"""Write docs/evidence.md from the evidence table."""

from marketsim.parameters.evidence import COLUMNS, ROLES, Fact
from marketsim.survey.targets import _of_role

_MEANINGS = {
    "input": "Sets a parameter or a calendar entry.",
    "target": "The model is to be calibrated to it.",
    "validation": "Never fitted, only compared.",
    "context": "Quoted in texts and drawn in figures only.",
}

_PREFACE = """\
# The evidence

Generated from `marketsim/parameters/evidence.csv` by
`python -m docs.generate.evidence > docs/evidence.md`; edit the table, not this page.

Sources:

- **T15** Guan & Xu (2015), *Deadly Messaging: Illegal ivory trade in China's social media*,
  TRAFFIC. ISBN 978-1-85850-389-9
- **N17** *Ivory Cybercrime: A Dark World*, NewsChina, March 2017 (reporting of December 2016)
- **W16** Wu (2016), *Online Illegal Wildlife Trade in East Asia*, TRAFFIC East Asia, slides of
  29 July 2016
- **X15** Xiao & Wang (2015), *Moving Targets: Tracking Online Sales of Illegal Wildlife Products
  in China*, TRAFFIC
- **derived**: follows by the arithmetic given; **external**: known from outside these sources;
  **assumed**: no source, a choice of this project
"""


def as_markdown() -> str:
    """Write out every fact as a page of documentation.

    Returns
    -------
    str
        Markdown with one table a role and one column for each column of the evidence.
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
    if content is None:
        return ""
    if isinstance(content, float):
        # General formats would print 864,000,000 and 0.00001 with an exponent.
        return f"{content:,.6f}".rstrip("0").rstrip(".")
    return str(content).replace("*", r"\*").replace("|", r"\|")


if __name__ == "__main__":
    print(as_markdown(), end="")
