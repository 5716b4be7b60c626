"""Observed facts that the model is fitted to or compared with.

The model may not import this module, as the import contract enforces: it uses only the inputs of
:mod:`marketsim.parameters.evidence`, so that no validation data can leak into it.
"""

from marketsim.parameters.evidence import Fact, load


def targets() -> dict[str, Fact]:
    """Return the facts that the model is calibrated to.

    Returns
    -------
    dict[str, Fact]
        The facts of role ``target`` by id. Those that state only a direction, or introduce the
        rows after them, have no numbers.
    """
    return _of_role("target")


def validation() -> dict[str, Fact]:
    """Return the facts that are compared with the model, not fitted.

    Returns
    -------
    dict[str, Fact]
        The facts of role ``validation`` by id.
    """
    return _of_role("validation")


def context() -> dict[str, Fact]:
    """Return the facts that are quoted in texts, drawn in figures and compared with nothing.

    Returns
    -------
    dict[str, Fact]
        The facts of role ``context`` by id.
    """
    return _of_role("context")


def _of_role(role: str) -> dict[str, Fact]:
    return {key: fact for key, fact in load().items() if fact.role == role}
