"""Composing the jobs of a sweep, and checking every one before the first starts."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from marketsim import door
from marketsim.errors import InputError
from marketsim.watching import Job

LAUNCHER = ("hydra/launcher=", "hydra.launcher.")  # what of Hydra's own a sweep may choose


@dataclass(frozen=True)
class Kind:
    """What the jobs of a sweep are: their schema, where a result of one rests, how one is run."""

    schema: type
    place: Callable[[Any], Path]
    live: Callable[[Any], object]


def words(arguments: list[str]) -> tuple[list[str], str | None]:
    """Return the overrides of a sweep and the folder of ``--config-dir``.

    Another flag beside ``--multirun`` is refused.
    """
    given = vars(door.flags(arguments))
    found: list[str] = given.pop("overrides")
    folder: str | None = given.pop("config_dir")
    others = [name for name, value in given.items() if value and name != "multirun"]
    if others:
        allowed = "--multirun and --config-dir alone, with KEY=VALUE,VALUE words"
        raise InputError("flag", f"--{others[0]}", allowed)
    for word in found:
        plain = word.lstrip("+~")
        if plain.startswith("hydra") and not plain.startswith(LAUNCHER):
            raise InputError(*plain.partition("=")[::2], "hydra/launcher and hydra.launcher.KEY")
    return found, folder


def master(composer: Any, name: str, words: list[str], schema: type) -> Any:
    """Return a config of the sweep itself; joblib starts its tasks where it is installed."""
    from hydra.types import RunMode

    known = composer.config_loader.get_group_options("hydra/launcher")
    chosen = any(word.startswith("hydra/launcher=") for word in words)
    more = [] if chosen or "joblib" not in known else ["hydra/launcher=joblib"]
    try:
        return composer.compose_config(
            name, [*words, *more], run_mode=RunMode.MULTIRUN, with_log_configuration=False
        )
    except Exception as fault:  # whatever stops a config from being composed stands in the words
        raise door.as_input_error(fault, words, schema) from None


def as_given(words: Any) -> list[str]:
    """Return overrides that Hydra has kept, with references as they were written."""
    from omegaconf import OmegaConf

    given: Any = OmegaConf.to_container(words, resolve=False)
    return list(given)


def jobs(loader: Any, config: Any, kind: Kind) -> list[Job]:
    """Compose and check every job of the sweep."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create(loader)
    overrides = parser.parse_overrides(as_given(config.hydra.overrides.task))
    swept = {item.get_key_element() for item in overrides if item.is_sweep_override()}
    (choices,) = BasicSweeper.split_arguments(overrides, None)
    compose = _Composer(loader, config, kind.schema)
    found = []
    for number, words in enumerate(choices, 1):
        label = " ".join(word for word in words if word.partition("=")[0] in swept)
        try:
            command = compose(words)
            folder = kind.place(command)
        except InputError as fault:
            where = f"job {number} of {len(choices)} ({label or ' '.join(words)}): {fault.key}"
            raise InputError(where, fault.value, fault.allowed) from None
        found.append(Job(command, label, folder))
    return found


class _Composer:
    """Compose jobs as Hydra does, but jobs that choose the same of each group only once.

    The rest of a job's overrides go into a copy; composing each job anew took ten times as long.
    """

    def __init__(self, loader: Any, config: Any, schema: type) -> None:
        from hydra.core.override_parser.overrides_parser import OverridesParser

        self.loader, self.config, self.schema = loader, config, schema
        self.parse = cache(OverridesParser.create(loader).parse_override)
        self.options = cache(loader.get_group_options)
        self.chosen = cache(self._chosen)

    def __call__(self, words: Sequence[str]) -> Any:
        """Return the checked command of one job."""
        groups = [word for word in words if self.options(self.parse(word).key_or_group)]
        rest = [self.parse(word) for word in words if word not in groups]
        try:
            composed = pickle.loads(self.chosen(tuple(groups)))
            self.loader._apply_overrides_to_config(rest, composed)
        except Exception as fault:  # whatever stops a job from being composed stands in its words
            raise door.as_input_error(fault, words, self.schema) from None
        return door.checked(composed, self.schema, words)

    def _chosen(self, groups: Sequence[str]) -> bytes:
        from omegaconf import open_dict

        composed = self.loader.load_sweep_config(self.config, list(groups))
        given = [*as_given(self.config.hydra.overrides.hydra), *groups]
        door.check_files(self.loader, self.config.hydra.job.config_name, given)
        with open_dict(composed):
            del composed["hydra"]
        return pickle.dumps(composed)  # a deep copy of it takes longer than composing it
