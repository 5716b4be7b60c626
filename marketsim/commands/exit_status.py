"""Exit codes, and one line of message for every expected error."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from marketsim import errors
from marketsim.errors import InputError

INTERRUPTED = "interrupted; rerun the same command to resume"


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Turn every expected error into one line and an exit code.

    Codes: 2 invalid input, 130 Ctrl-C, 1 other. After Ctrl-C any error counts as Ctrl-C, since
    compiled code of libraries reports it as an error of its own (matplotlib: an invalid box).
    """
    with _recording_ctrl_c() as interrupts:
        try:
            yield
            if sys.stdout is not None:
                sys.stdout.flush()
        except KeyboardInterrupt:
            _fail(INTERRUPTED, 130)
        except Exception as fault:
            if interrupts:
                _fail(INTERRUPTED, 130)
            _answer(fault)


@contextlib.contextmanager
def _recording_ctrl_c() -> Iterator[list[int]]:
    """Record Ctrl-C, where this thread receives it and nobody else handles it."""
    interrupts: list[int] = []

    def record(number: int, _: FrameType | None) -> NoReturn:
        interrupts.append(number)
        raise KeyboardInterrupt

    usual = signal.default_int_handler
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not usual:
        yield interrupts
        return
    signal.signal(signal.SIGINT, record)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, usual)


def _answer(fault: Exception) -> NoReturn:
    """Print an expected error in one line; raise any other, which is a bug."""
    if isinstance(fault, InputError):
        _fail(str(fault))
    if isinstance(fault, BrokenPipeError):  # the reader of the output has ended: `| head`
        sys.stdout = None
        raise SystemExit(141) from None
    if isinstance(fault, OSError):
        where = f" ({fault.filename})" if fault.filename else ""
        _fail(f"{fault.strerror or fault}{where}; finished runs are kept, rerun to resume", 1)
    raise fault


def _fail(line: str, code: int = 2) -> NoReturn:
    # a stream that cannot be written to is dropped, since Python flushes it again as it ends and
    # would then change the exit code to 120
    try:
        print(errors.one_line(f"marketsim: {line}"), file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = None
    try:
        print(end="", flush=True)
    except OSError:
        sys.stdout = None
    raise SystemExit(code)
