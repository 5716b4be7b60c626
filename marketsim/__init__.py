"""An agent-based simulation of the illegal online ivory trade in China.

It simulates effects of enforcement from published aggregates. It holds no personal data and
gives no advice on evading law.

>>> import marketsim as ms
>>> ms.run("baseline_2015", population="survey", replicates=2).plot()  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketsim.api import Comparison, Study, compare, run, scenarios
    from marketsim.errors import InputError
    from marketsim.simulation.mesa_model import Market

__version__ = "0.1.0"
__all__ = ["Comparison", "InputError", "Market", "Study", "compare", "run", "scenarios"]

_HOMES = {"InputError": "errors", "Market": "simulation.mesa_model"}


def __getattr__(name: str) -> Any:
    """Import what is public when it is asked for: the command has to start quickly."""
    if name not in __all__:
        raise AttributeError(f"marketsim has no {name}")
    from importlib import import_module

    return getattr(import_module(f"marketsim.{_HOMES.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
