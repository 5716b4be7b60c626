"""Sweeps: many studies of one command, all checked before the first starts, run in parallel.

Hydra's launchers start the processes, on this machine or on a cluster. The store of results is
all that a sweep and its jobs share: a job is done once its result is complete, and failed once a
note of the error exists beside the place of its result.
"""

import contextlib
import itertools
import os
import pickle
import signal
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

from marketsim.commands import compose as composition
from marketsim.commands import options
from marketsim.commands import run as run_command
from marketsim.commands.options import RunCommand
from marketsim.commands.sweep_progress import Job, Watch
from marketsim.errors import InputError, UsageError
from marketsim.parameters import overrides
from marketsim.simulation import locks, store
from marketsim.simulation import run as simulation

HERE, CLUSTER = ".sweep-", ".cluster-"  # prefixes of plans, by who may outlive the sweep
LAUNCHER = ("hydra/launcher=", "hydra.launcher.")  # what of Hydra's own a sweep may choose


def main(given: Namespace) -> None:
    """Run every job of a sweep whose result does not exist, and print how each ended.

    Parameters
    ----------
    given : Namespace
        Flags and overrides of the command line.

    Raises
    ------
    InputError
        For the first job that is invalid, before anything is written.
    SystemExit
        With code 1 where a job has failed.
    """
    words, launcher = _split(given)
    with composition.hydra("run", RunCommand, given.config_dir) as loader:
        master = _master_config(loader, launcher)
        jobs = compose_jobs(loader, words)
        watch = Watch(jobs)
        if watch.waiting:
            _run(loader, master, watch)
    watch.close()
    if watch.failed:
        raise SystemExit(1)


def _split(given: Namespace) -> tuple[list[str], list[str]]:
    """Return the overrides of the jobs and those of the launcher."""
    others = [
        name
        for name, value in vars(given).items()
        if value and name not in ("overrides", "config_dir", "multirun")
    ]
    if others:
        allowed = "only --config-dir can be used with --multirun"
        raise UsageError("flag", f"--{others[0].replace('_', '-')}", allowed)
    launcher = [word for word in given.overrides if word.lstrip("+~").startswith("hydra")]
    for word in launcher:
        plain = word.lstrip("+~")
        if not plain.startswith(LAUNCHER):
            key, _, value = plain.partition("=")
            raise InputError(key, value, "hydra/launcher=NAME or hydra.launcher.KEY=VALUE")
    return [word for word in given.overrides if word not in launcher], launcher


def _master_config(loader: Any, launcher: list[str]) -> Any:
    """Return the config of the tasks; joblib starts them where it is installed."""
    from hydra.types import RunMode

    known = loader.get_group_options("hydra/launcher")
    chosen = any(word.startswith("hydra/launcher=") for word in launcher)
    more = [] if chosen or "joblib" not in known else ["hydra/launcher=joblib"]
    try:
        return loader.load_configuration("sweep", [*launcher, *more], RunMode.MULTIRUN)
    except Exception as fault:  # whatever stops a config from being composed is in the words
        raise composition.as_input_error(fault, launcher, RunCommand) from None


def compose_jobs(loader: Any, words: Sequence[str]) -> list[Job]:
    """Compose and check every job of the sweep, whose Hydra is initialized."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        items = OverridesParser.create(loader).parse_overrides(list(words))
    except HydraException as fault:
        raise composition.as_input_error(fault, words, RunCommand) from None
    swept = {item.get_key_element() for item in items if item.is_sweep_override()}
    choices = [list(job) for job in itertools.product(*_values(items, loader).values())]
    for job in choices:
        composition.check_words(job)
    compose = _Composer(loader, items)
    found = []
    for number, job in enumerate(choices, 1):
        label = " ".join(word for word in job if word.partition("=")[0] in swept)
        try:
            command = compose(job)
            folder = run_command.result_folder(command.settings(), command.folder())
        except InputError as fault:
            raise fault.at(f"job {number} of {len(choices)} ({label or ' '.join(job)})") from None
        found.append(Job(command, label, folder))
    return found


def _values(items: Sequence[Any], loader: Any) -> dict[str, list[str]]:
    """Return the words that each key takes in turn, as Hydra's basic sweeper does.

    Raises
    ------
    InputError
        For a key without values, or with more than can be listed.
    """
    values = {}
    for item in items:
        key, of = item.get_key_element(), str(item.input_line).partition("=")[2]
        if not item.is_sweep_override():
            values[key] = [f"{key}={item.get_value_element_as_str()}"]
        elif item.is_discrete_sweep():
            values[key] = [f"{key}={_word(value)}" for value in item.sweep_iterator()]
        else:
            allowed = "a list of values, range(START,STOP) or glob(PATTERN)"
            raise InputError(key, of, allowed)
        if not values[key]:
            known = loader.get_group_options(item.key_or_group)
            allowed = f"a pattern of {', '.join(known)}" if known else "one value or more"
            raise InputError(key, of, allowed)
    return values


def _word(value: Any) -> str:
    """Return a value of a sweep in Hydra's grammar."""
    from hydra.core.override_parser.types import Transformer

    # a text is the name of a file, or was in quotes
    return overrides.quoted(value) if isinstance(value, str) else Transformer.str(value)


class _Composer:
    """Compose the jobs as Hydra does, but what they have in common only once.

    Swept plain values are written into a copy of the common part; composing each job anew took
    ten times as long.
    """

    def __init__(self, loader: Any, items: Sequence[Any]) -> None:
        from hydra.core.override_parser.overrides_parser import OverridesParser

        self.loader = loader
        self.parse = cache(OverridesParser.create(loader).parse_override)
        self.common = cache(self._common)
        paths = [f"{item.key_or_group}." for item in items]
        self.late = {
            item.get_key_element()
            for item in items
            if item.is_sweep_override()
            and item.get_key_element() == item.key_or_group  # neither added nor deleted
            and not loader.get_group_options(item.key_or_group)
            and sum(_overlap(f"{item.key_or_group}.", path) for path in paths) == 1
        }

    def __call__(self, words: Sequence[str]) -> Any:
        """Return the checked command of one job."""
        from omegaconf import OmegaConf

        late = [word for word in words if word.partition("=")[0] in self.late]
        try:
            config = pickle.loads(self.common(tuple(word for word in words if word not in late)))
            for word in late:
                item = self.parse(word)
                OmegaConf.update(config, item.key_or_group, item.value(), merge=True)
        except Exception as fault:  # whatever stops a job from being composed is in its words
            raise composition.as_input_error(fault, words, RunCommand) from None
        return composition.checked(config, RunCommand, words)

    def _common(self, words: Sequence[str]) -> bytes:
        # pickled, since a deep copy takes longer than composing anew
        return pickle.dumps(composition.compose(self.loader, "run", words))


def _overlap(path: str, other: str) -> bool:
    """Return whether one dotted key is the other, or lies below it."""
    return path.startswith(other) or other.startswith(path)


def _run(loader: Any, master: Any, watch: Watch) -> None:
    """Have a launcher run what waits: a few jobs a task, since each task costs a composition."""
    jobs, name = watch.waiting, master.hydra.runtime.choices["hydra/launcher"]
    tasks, threads = _shares(name, master.hydra.launcher, len(jobs), options.cores())
    outlived = name == "submitit_slurm"  # by its tasks, maybe
    commands = [_with_threads(job.command, threads) for job in jobs]
    output = Path(jobs[0].command.output)
    master.hydra.sweep.dir = str(output)
    numbers = range(len(jobs))
    with _written_plan(output, commands, CLUSTER if outlived else HERE) as plan:
        launcher = _launcher(loader, master, partial(_task, plan, os.getpid()))
        try:
            with _leaving_no_process(name), watch:
                _launch(launcher, [numbers[start::tasks] for start in range(tasks)], watch)
        finally:
            if not outlived or watch.is_over():
                plan.unlink(missing_ok=True)


def _shares(name: str, launcher: Any, jobs: int, cores: int) -> tuple[int, int]:
    """Return the number of tasks to divide the jobs among, and the threads of a job.

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


def _launcher(loader: Any, master: Any, task: Callable[[Any], None]) -> Any:
    # HydraContext, which is public, asks for these callbacks, and Hydra has no public name for them
    from hydra._internal.callbacks import Callbacks
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext

    context = HydraContext(config_loader=loader, callbacks=Callbacks())
    return Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=task, config=master
    )


def _task(plan: Path, sweep: int, config: Any) -> None:
    """Run the jobs of one task, in whatever process."""
    if os.getppid() == sweep:
        _end_with(sweep)
    for number in config.jobs:
        _job(_read_plan(plan)[number])


def _job(command: RunCommand) -> None:
    """Run one job; an error of any kind is noted beside the place of its result."""
    try:
        simulation.compile_kernels()
        run_command.run(command)
    except Exception as fault:
        folder = run_command.result_folder(command.settings(), command.folder())
        store.write_failure(folder, fault)


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
            allowed = f"a launcher that can start jobs here ({type(fault).__name__}: {fault})"
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
