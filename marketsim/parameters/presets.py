"""Named choices of a study: the YAML files of conf."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from marketsim.errors import UnreadableFileError, unknown_name, unknown_parameter
from marketsim.parameters.settings import Settings

PACKAGE = Path(__file__).parents[1]
DEFAULTS = {
    "population": "wechat",
    "recovery": "mixture",
    "motive": "learned",
    "scenario": "baseline_2015",
}
TRADE_POSTERIOR = "market_2015"  # of the parameters of trade
POSTERIOR = "calibration_2015"  # of the parameters of posting


def folder() -> Path:
    """Return the folder of the YAML files: in the package, or beside it in a checkout."""
    shipped = PACKAGE / "conf"
    return shipped if shipped.is_dir() else PACKAGE.parent / "conf"


def names(group: str) -> list[str]:
    """Return the choices of a group in alphabetical order."""
    return sorted(path.stem for path in (folder() / group).glob("*.yaml"))


def named(**choices: str) -> Settings:
    """Return the settings of named choices, as ``marketsim GROUP=NAME ...`` composes them.

    Parameters
    ----------
    **choices : str
        `population`, `recovery`, `motive` and `scenario`; those not given are the defaults of
        the command.

    Raises
    ------
    InputError
        For a group or a name that does not exist.

    Examples
    --------
    >>> named(population="survey", scenario="no_crackdown").population.retailers
    1000
    """
    for group in choices:
        if group not in DEFAULTS:
            raise unknown_name("group", group, DEFAULTS)
    settings = Settings(posterior=POSTERIOR)
    for group, name in (DEFAULTS | choices).items():
        for key, value in choice(group, name).items():
            setattr(getattr(settings, group), key, deepcopy(value))
    return settings


@cache
def choice(group: str, name: str) -> dict[str, Any]:
    """Return what a named choice sets: keys of its group to values, with the types of the schema.

    Raises
    ------
    InputError
        For a name that does not exist, or a file with an unknown key or a value of the wrong type.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if name not in names(group):
        raise unknown_name(group, name, names(group))
    file, schema = (
        folder() / group / f"{name}.yaml",
        OmegaConf.structured(getattr(Settings(), group)),
    )
    try:
        tree: Any = OmegaConf.load(file)
        others = [other for other in tree.pop("defaults", []) if other != "_self_"]
        merged: Any = OmegaConf.merge(*(choice(group, other) for other in others), tree)
        for key in merged:
            if key not in schema:
                known = [f"{group}.{field}" for field in schema]
                raise unknown_parameter(f"{group}.{key}", merged[key], known)
        values: Any = OmegaConf.to_container(OmegaConf.merge(schema, merged))
    except (
        OmegaConfBaseException,
        YAMLError,
        UnicodeDecodeError,
        TypeError,
        AttributeError,
    ) as fault:
        raise UnreadableFileError(group, file, str(fault).partition("\n")[0]) from None
    return {key: values[key] for key in merged}
