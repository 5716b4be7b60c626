"""Settings as overrides of the command line."""

import re
from dataclasses import asdict
from typing import Any

from marketsim.parameters.presets import DEFAULTS, named, names

# what Hydra reads as a number, true or false, or nothing, and not as a text
NOT_TEXT = re.compile(
    r"[+-]?[0-9_]*\.?[0-9_]*(e[+-]?[0-9_]+)?|[+-]?(inf|nan)|true|false|null", re.I
)
ALWAYS = ("population.retailers", "panel", "replicates", "seed")  # also where they are the default
PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+/")


def overrides(tree: dict[str, Any]) -> list[str]:
    """Return the overrides of ``marketsim run`` that reproduce settings.

    Parameters
    ----------
    tree : dict
        Settings as in a manifest.

    Returns
    -------
    list of str
        The named choices, then every value that differs from them, in Hydra's grammar.
    """
    groups = ("scenario", *(one for one in DEFAULTS if one not in ("scenario", "population")))
    choices = {
        group: tree[group]["name"] if tree[group]["name"] in names(group) else DEFAULTS[group]
        for group in groups
    }
    base = asdict(named(**choices))
    words = [f"{group}={name}" for group, name in choices.items()]
    entries, others = tree["scenario"]["interventions"], base["scenario"]["interventions"]
    words += [f"~scenario.interventions.{name}" for name in others if name not in entries]
    kept = {name: entry for name, entry in others.items() if name in entries}
    base["scenario"]["interventions"] = kept
    before = flat(base)
    for key, value in flat(tree).items():
        if key not in before:
            words.append(f"+{key}={word(value)}")
        elif before[key] != value or key in ALWAYS:
            words.append(f"{key}={word(value)}")
    return words


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a tree of settings by their dotted names."""
    out: dict[str, Any] = {}
    for key, value in tree.items():
        out |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return out


def word(value: Any) -> str:
    """Return a value in Hydra's grammar: any text composes to itself."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{','.join(map(word, value))}]"
    if not isinstance(value, str):
        return str(value)
    return quoted(re.sub(r"(\\*)\$\{", r"\1\1\\${", value))  # ${KEY} would be a reference


def quoted(text: str) -> str:
    """Return a text with Hydra's quotes where they are needed; ${KEY} in it is a reference."""
    if set(text) <= PLAIN and not NOT_TEXT.fullmatch(text):
        return text
    # a backslash counts for itself in Hydra's quotes, but before a quote or the end
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + m[2].replace("'", r"\'"), text) + "'"
