"""How a command ends: every foreseen fault is one line and an exit code."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from marketsim import errors
from marketsim.errors import InputError
from marketsim.parameters.evidence import EvidenceError

INTERRUPTED = "interrupted; finished batches are kept, and the same command goes on from them"


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Answer every foreseen fault with one line and an exit code.

    After Ctrl-C any fault is Ctrl-C's: compiled code of libraries takes it for one of its own (of
    matplotlib's, an invalid box).
    """
    with _noting_ctrl_c() as heard:
        try:
            yield
            if sys.stdout is not None:
                sys.stdout.flush()
        except KeyboardInterrupt:
            _fail(INTERRUPTED, 130)
        except Exception as fault:
            if heard:
                _fail(INTERRUPTED, 130)
            _answer(fault)


@contextlib.contextmanager
def _noting_ctrl_c() -> Iterator[list[int]]:
    """Note that Ctrl-C was heard, where it is heard at all and by nobody else."""
    heard: list[int] = []

    def hear(number: int, _: FrameType | None) -> NoReturn:
        heard.append(number)
        raise KeyboardInterrupt

    usual = signal.default_int_handler
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not usual:
        yield heard
        return
    signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, usual)


def _answer(fault: Exception) -> NoReturn:
    """Say a foreseen fault in one line; another is nobody's fault but ours, and stays."""
    if isinstance(fault, InputError | EvidenceError):
        _fail(str(fault))
    if isinstance(fault, BrokenPipeError):  # whoever read the output has seen enough: `| head`
        sys.stdout = None
        raise SystemExit(141) from None
    if isinstance(fault, OSError):
        where = f" ({fault.filename})" if fault.filename else ""
        _fail(f"{fault.strerror or fault}{where}; finished runs are kept", 1)
    raise fault


def _fail(line: str, code: int = 2) -> NoReturn:
    with contextlib.suppress(OSError):
        print(errors.one_line(f"marketsim: {line}"), file=sys.stderr)
    try:
        print(end="", flush=True)
    except OSError:  # said above; Python would say it again as it ends
        sys.stdout = None
    raise SystemExit(code)
