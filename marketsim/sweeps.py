"""Sweeps: many studies of one command, checked before the first starts, run by Hydra's launchers.

The store of results is all that a sweep and its jobs share. A job is done once its result is
complete, and failed once a note lies beside the place of its result: whatever starts the
processes, on this machine or on a cluster, has nothing to hand back.
"""

import contextlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

from marketsim import door, presets, results, warming
from marketsim.errors import InputError
from marketsim.watching import Job, Watch


@dataclass(frozen=True)
class Kind:
    """What the jobs of a sweep are: their schema, where a result of one rests, how one is run."""

    schema: type
    place: Callable[[Any], Path]
    live: Callable[[Any], object]


def sweep(arguments: list[str], kind: Kind, cores: int) -> None:
    """Run every job of a sweep whose result is not there, and say how each ended.

    Parameters
    ----------
    arguments : list of str
        Overrides in Hydra's grammar, and ``--multirun``.
    kind : Kind
        Its functions stand in a module, since other processes look them up by name.
    cores : int
        Of this machine; jobs that run beside each other share them.

    Raises
    ------
    InputError
        For the first job that is wrong, before anything is written.
    SystemExit
        With code 1 where a job has failed.
    """
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    words = _words(arguments)
    door.store_schema("run", kind.schema)
    folder = str(presets.folder())
    with hydra.initialize_config_dir(folder, job_name="marketsim", version_base="1.3"):
        composer: Any = GlobalHydra.instance().hydra
        config = _master(composer, words, kind.schema)
        jobs = _jobs(composer.config_loader, config, kind)
        watch = Watch(jobs)
        if watch.waiting:
            launch = partial(_launch, _launcher(composer, config, kind), watch=watch)
            with _leaving_no_process(config), watch:
                for batch in _batches(config, watch.waiting, cores):
                    launch(batch)
    watch.close()
    if watch.failed:
        raise SystemExit(1)


def _words(arguments: list[str]) -> list[str]:
    given = vars(door.flags(arguments))
    words: list[str] = given.pop("overrides")
    others = [name for name, value in given.items() if value and name != "multirun"]
    if others:
        raise InputError("flag", f"--{others[0]}", "--multirun alone, with KEY=VALUE,VALUE words")
    for word in words:
        if word.startswith(("hydra.sweep", "hydra/sweeper", "hydra.mode")):
            raise InputError(*word.partition("=")[::2], "hydra/launcher and hydra.launcher.KEY")
    return words


def _master(composer: Any, words: list[str], schema: type) -> Any:
    """Return the config of the sweep itself; joblib starts its jobs where it is installed."""
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    known = composer.config_loader.get_group_options("hydra/launcher")
    chosen = any(word.startswith("hydra/launcher=") for word in words)
    more = [] if chosen or "joblib" not in known else ["hydra/launcher=joblib"]
    try:
        return composer.compose_config(
            "run", [*words, *more], run_mode=RunMode.MULTIRUN, with_log_configuration=False
        )
    except (HydraException, OmegaConfBaseException, ValueError) as fault:
        raise door.as_input_error(fault, words, schema) from None


def _jobs(loader: Any, config: Any, kind: Kind) -> list[Job]:
    """Compose and check every job of the sweep."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create(loader)
    overrides = parser.parse_overrides(list(config.hydra.overrides.task))
    swept = {item.get_key_element() for item in overrides if item.is_sweep_override()}
    (choices,) = BasicSweeper.split_arguments(overrides, None)
    compose = _Composer(loader, config, kind.schema)
    jobs = []
    for number, words in enumerate(choices, 1):
        label = " ".join(word for word in words if word.partition("=")[0] in swept)
        try:
            command = compose(words)
            folder = kind.place(command)
        except InputError as fault:
            where = f"job {number} of {len(choices)} ({label or ' '.join(words)}): {fault.key}"
            raise InputError(where, fault.value, fault.allowed) from None
        jobs.append(Job(tuple(words), label, folder, command.fresh, command.progress))
    return jobs


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
        from hydra.errors import HydraException
        from omegaconf.errors import OmegaConfBaseException

        groups = [word for word in words if self.options(self.parse(word).key_or_group)]
        rest = [self.parse(word) for word in words if word not in groups]
        try:
            composed = pickle.loads(self.chosen(tuple(groups)))
            self.loader._apply_overrides_to_config(rest, composed)
        except (HydraException, OmegaConfBaseException, ValueError) as fault:
            raise door.as_input_error(fault, words, self.schema) from None
        return door.checked(composed, self.schema, words)

    def _chosen(self, groups: Sequence[str]) -> bytes:
        from omegaconf import open_dict

        composed = self.loader.load_sweep_config(self.config, list(groups))
        with open_dict(composed):
            del composed["hydra"]
        return pickle.dumps(composed)  # a deep copy of it takes longer than composing it


def _launcher(composer: Any, config: Any, kind: Kind) -> Any:
    from hydra._internal.callbacks import Callbacks
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext

    context = HydraContext(config_loader=composer.config_loader, callbacks=Callbacks())
    return Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=partial(_job, kind, os.getpid()), config=config
    )


def _job(kind: Kind, sweep: int, config: Any) -> None:
    """Run one job, in whatever process; a fault of any kind is noted beside its place."""
    from hydra.core.hydra_config import HydraConfig

    if os.getppid() == sweep:
        _end_with(sweep)
    command = door.checked(config, kind.schema, HydraConfig.get().overrides.task)
    try:
        warming.compile_kernels()
        kind.live(replace(command, progress=False))
    except Exception as fault:
        results.note_fault(kind.place(command), fault)


@cache
def _end_with(sweep: int) -> None:
    """End this worker once the sweep that started it is gone, even if that was killed."""

    def watch() -> None:
        while os.getppid() == sweep:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _batches(config: Any, jobs: Sequence[Job], cores: int) -> Iterator[list[Job]]:
    """Give each job its threads, so that jobs beside each other share the cores of the machine."""
    launcher, name = config.hydra.launcher, config.hydra.runtime.choices["hydra/launcher"]
    threads, size = cores, len(jobs)
    if name == "joblib":
        from joblib import effective_n_jobs

        threads = max(1, cores // min(effective_n_jobs(launcher.n_jobs), size))
    elif name in ("submitit_local", "submitit_slurm"):
        threads = launcher.cpus_per_task or 1
    elif name == "ray":
        threads = int(launcher.ray.remote.get("num_cpus") or 1)
    if name == "submitit_local":  # it would start all of them at the same time
        size = max(1, cores // threads)
    given = [
        job
        if any(word.startswith("threads=") for word in job.words)
        else replace(job, words=(*job.words, f"threads={threads}"))
        for job in jobs
    ]
    for start in range(0, len(given), size):
        yield given[start : start + size]


def _launch(launcher: Any, jobs: Sequence[Job], watch: Watch) -> None:
    """Run jobs; where a process dies and takes the launch with it, those begun run one by one."""
    try:
        launcher.launch([list(job.words) for job in jobs], initial_job_idx=0)
    except Exception as fault:
        if len(jobs) == 1:
            results.note_fault(jobs[0].folder, fault)
            return
        watch.look()
        left = [job for job in jobs if watch.is_open(job)]
        begun = [job for job in left if results.partial_folder(job.folder).exists()]
        if left and not begun:
            allowed = f"one that can start a job here ({type(fault).__name__}: {fault})"
            raise InputError("hydra/launcher", type(launcher).__name__, allowed) from None
        for job in begun:
            _launch(launcher, [job], watch)
        rest = [job for job in left if job not in begun]
        if rest:
            _launch(launcher, rest, watch)


@contextlib.contextmanager
def _leaving_no_process(config: Any) -> Iterator[None]:
    """Take SIGTERM like Ctrl-C; whatever ends the sweep ends the processes it has started."""

    def stop(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except BaseException:
        if config.hydra.runtime.choices["hydra/launcher"] == "submitit_local":
            _end_processes()  # its jobs would outlive the sweep; those of the others do not
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _end_processes() -> None:
    import psutil

    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children)
