"""An agent-based simulation of the illegal online ivory trade in China.

It simulates effects of enforcement from published aggregates. It holds no personal data and
gives no advice on evading law.

>>> import marketsim as ms
>>> ms.run("baseline_2015", population="survey", replicates=2).plot()  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketsim.api import Comparison, Study, compare, run, scenarios, settings
    from marketsim.errors import InputError
    from marketsim.mesa_model.market import Market
    from marketsim.model.scenario import interventions

__version__ = "0.1.0"
__all__ = [
    "Comparison",
    "InputError",
    "Market",
    "Study",
    "compare",
    "interventions",
    "run",
    "scenarios",
    "settings",
]

# modules of the names that are not in marketsim.api
_MODULES = {
    "InputError": "errors",
    "Market": "mesa_model.market",
    "interventions": "model.scenario.interventions",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that the command starts quickly."""
    if name not in __all__:
        raise AttributeError(f"marketsim has no {name}")
    from importlib import import_module

    module = import_module(f"marketsim.{_MODULES.get(name, 'api')}")
    return module if name == "interventions" else getattr(module, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
