"""Declaration of parameters: default, unit, range, meaning, source and prior."""

from dataclasses import field
from typing import Any, NamedTuple

from marketsim.parameters import evidence

TUNED = "assumed; set by hand with the survey's figures in sight"
_FACTS = evidence.inputs()


class Prior(NamedTuple):
    """Prior distribution of a parameter between two ends.

    `form` is "uniform", or "loguniform" for uniform on the scale of the logarithm.
    """

    form: str
    low: float
    high: float


def parameter(
    default: Any,
    unit: str,
    low: float,
    high: float,
    meaning: str,
    source: str = "assumed",
    prior: Prior | None = None,
) -> Any:
    """Declare a parameter with its unit, range, meaning, source and, if it is uncertain, prior."""
    metadata = {"unit": unit, "low": low, "high": high, "meaning": meaning, "source": source}
    return field(default=default, metadata=metadata | {"prior": prior})


def from_fact(fact: str, meaning: str, low: float, high: float, kind: type = float) -> Any:
    """Declare a parameter whose default is a row of the evidence."""
    row = _FACTS[fact]
    return parameter(kind(row.value), row.unit, low, high, meaning, f"evidence {fact}")


def from_prior(
    fact: str,
    default: float,
    unit: str,
    meaning: str,
    scale: float = 1.0,
    form: str = "uniform",
) -> Any:
    """Declare a parameter whose range and prior are a prior row of the evidence, times `scale`."""
    row = _FACTS[fact]
    assert row.low is not None and row.high is not None
    source = f"assumed within evidence {fact}"
    prior = Prior(form, row.low * scale, row.high * scale)
    return parameter(default, unit, prior.low, prior.high, meaning, source, prior)
