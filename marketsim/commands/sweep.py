"""Sweeps: many studies of one command, checked before the first starts, run by Hydra's launchers.

The store of results is all that a sweep and its jobs share. A job is done once its result is
complete, and failed once a note lies beside the place of its result: whatever starts the
processes, on this machine or on a cluster, has nothing to hand back.
"""

import contextlib
import os
import pickle
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

from marketsim.commands import compose as composition
from marketsim.commands.sweep_progress import Job, Watch
from marketsim.errors import InputError
from marketsim.simulation import locks, run, store

HERE, CLUSTER = ".sweep-", ".cluster-"  # what plans are called, by who may outlive the sweep
LAUNCHER = ("hydra/launcher=", "hydra.launcher.")  # what of Hydra's own a sweep may choose


@dataclass(frozen=True)
class Kind:
    """What the jobs of a sweep are: their schema, where a result of one rests, how one is run."""

    schema: type
    place: Callable[[Any], Path]
    live: Callable[[Any], object]


def sweep_overrides(arguments: list[str]) -> tuple[list[str], str | None]:
    """Return the overrides of a sweep and the folder of ``--config-dir``.

    Another flag beside ``--multirun`` is refused.
    """
    given = vars(composition.flags(arguments))
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


def master_config(composer: Any, name: str, words: list[str], schema: type) -> Any:
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
        raise composition.as_input_error(fault, words, schema) from None


def as_given(words: Any) -> list[str]:
    """Return overrides that Hydra has kept, with references as they were written."""
    from omegaconf import OmegaConf

    given: Any = OmegaConf.to_container(words, resolve=False)
    return list(given)


def compose_jobs(loader: Any, config: Any, kind: Kind) -> list[Job]:
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
            raise composition.as_input_error(fault, words, self.schema) from None
        return composition.checked(composed, self.schema, words)

    def _chosen(self, groups: Sequence[str]) -> bytes:
        from omegaconf import open_dict

        composed = self.loader.load_sweep_config(self.config, list(groups))
        given = [*as_given(self.config.hydra.overrides.hydra), *groups]
        composition.check_files(self.loader, self.config.hydra.job.config_name, given)
        with open_dict(composed):
            del composed["hydra"]
        return pickle.dumps(composed)  # a deep copy of it takes longer than composing it


def sweep(arguments: list[str], kind: Kind, cores: int) -> None:
    """Run every job of a sweep whose result is not there, and say how each ended.

    Parameters
    ----------
    arguments : list of str
        Overrides in Hydra's grammar, and ``--multirun``.
    kind : composing.Kind
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
    words, folder = sweep_overrides(arguments)
    composition.store_schema("run", kind.schema)
    composer = composition.composer(folder)
    config = master_config(composer, "run", words, kind.schema)
    jobs = compose_jobs(composer.config_loader, config, kind)
    watch = Watch(jobs)
    if watch.waiting:
        _run(composer, config, kind, watch, cores)
    watch.close()
    if watch.failed:
        raise SystemExit(1)


def _run(composer: Any, config: Any, kind: Kind, watch: Watch, cores: int) -> None:
    """Have a launcher run what waits: a few jobs a task, since each task costs a composition."""
    jobs, name = watch.waiting, config.hydra.runtime.choices["hydra/launcher"]
    tasks, threads = _shares(name, config.hydra.launcher, len(jobs), cores)
    outlived = name == "submitit_slurm"  # by its tasks, maybe
    commands = [_with_threads(job.command, threads) for job in jobs]
    words = as_given(config.hydra.overrides.hydra)
    master = master_config(composer, "sweep", words, kind.schema)
    master.hydra.sweep.dir = config.output
    numbers = range(len(jobs))
    with _written_plan(Path(config.output), commands, CLUSTER if outlived else HERE) as plan:
        launcher = _launcher(composer, master, partial(_task, kind, plan, os.getpid()))
        try:
            with _leaving_no_process(name), watch:
                _launch(launcher, [numbers[start::tasks] for start in range(tasks)], watch)
        finally:
            if not outlived or watch.is_over():
                plan.unlink(missing_ok=True)


def _shares(name: str, launcher: Any, jobs: int, cores: int) -> tuple[int, int]:
    """Return into how many tasks to deal the jobs, and how many threads a job has.

    Jobs beside each other share the cores of the machine. A worker of joblib gets several tasks,
    so that none is left with a long one at the end.
    """
    if name == "joblib":
        from joblib import effective_n_jobs

        workers = min(effective_n_jobs(launcher.n_jobs), jobs)
        return min(jobs, 4 * workers), max(1, cores // workers)
    if name == "submitit_local":  # it starts all of its tasks at the same time
        threads = launcher.cpus_per_task or 1
        return min(jobs, max(1, cores // threads)), threads
    if name == "submitit_slurm":
        return jobs, launcher.cpus_per_task or 1
    if name == "ray":
        return jobs, int(launcher.ray.remote.get("num_cpus") or 1)
    return 1, cores


def _with_threads(command: Any, threads: int) -> Any:
    """Return a job as its task runs it: with its share of the threads, and without a bar."""
    return replace(command, threads=command.threads or threads, progress=False)


@contextlib.contextmanager
def _written_plan(output: Path, commands: list[Any], prefix: str) -> Iterator[Path]:
    """Write the checked jobs where every task can read them, and hold the lock of that file.

    Plans that killed sweeps have left are removed: nobody holds their locks.
    """
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob(f"{HERE}*"):
        if not locks.is_locked(old):
            old.unlink(missing_ok=True)
            _remove_lock_file(old)
    number, name = tempfile.mkstemp(prefix=".plan-", dir=output.absolute())
    plan = Path(name.replace(".plan-", prefix))
    try:
        with locks.locked(plan):  # before the plan has its name
            with os.fdopen(number, "wb") as file:
                file.write(pickle.dumps(commands))
            yield Path(name).rename(plan)
    finally:
        _remove_lock_file(plan)


def _remove_lock_file(plan: Path) -> None:
    """Remove the lock file of a plan: no other plan will have that name."""
    with contextlib.suppress(OSError):
        locks.lock_file(plan).unlink()


@cache
def _read_plan(plan: Path) -> Any:
    return pickle.loads(plan.read_bytes())


def _launcher(composer: Any, master: Any, task: Callable[[Any], None]) -> Any:
    from hydra._internal.callbacks import Callbacks
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext

    context = HydraContext(config_loader=composer.config_loader, callbacks=Callbacks())
    return Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=task, config=master
    )


def _task(kind: Kind, plan: Path, sweep: int, config: Any) -> None:
    """Run the jobs of one task, in whatever process."""
    if os.getppid() == sweep:
        _end_with(sweep)
    for number in config.jobs:
        _job(kind, _read_plan(plan)[number])


def _job(kind: Kind, command: Any) -> None:
    """Run one job; a fault of any kind is noted beside its place."""
    try:
        run.compile_kernels()
        kind.live(command)
    except Exception as fault:
        store.write_failure(kind.place(command), fault)


@cache
def _end_with(sweep: int) -> None:
    """End this worker once the sweep that started it is gone, even if that was killed."""

    def watch() -> None:
        while os.getppid() == sweep:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _launch(launcher: Any, tasks: Sequence[Sequence[int]], watch: Watch) -> None:
    """Run tasks; where a process dies and takes all with it, jobs it had begun run one by one."""
    numbers = sorted(number for task in tasks for number in task)
    try:
        words = [[f"jobs=[{','.join(map(str, task))}]"] for task in tasks]
        launcher.launch(words, initial_job_idx=0)
    except Exception as fault:
        if len(numbers) == 1:
            store.write_failure(watch.waiting[numbers[0]].folder, fault)
            return
        watch.look()
        left = [number for number in numbers if watch.is_open(number)]
        begun = [number for number in left if watch.is_begun(number)]
        if len(left) == len(numbers) and not begun:
            allowed = f"one that can start a job here ({type(fault).__name__}: {fault})"
            raise InputError("hydra/launcher", type(launcher).__name__, allowed) from None
        for number in begun:
            _launch(launcher, [[number]], watch)
        rest = [
            [number for number in task if number in left and number not in begun] for task in tasks
        ]
        if any(rest):
            _launch(launcher, [task for task in rest if task], watch)


@contextlib.contextmanager
def _leaving_no_process(launcher: str) -> Iterator[None]:
    """Take SIGTERM like Ctrl-C; whatever ends the sweep ends the processes it has started."""

    def stop(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except BaseException:
        if launcher == "submitit_local":
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
