"""A server process that forks commands, so that they start without importing the package.

A fork does what a command does in a process of its own, except for the two seconds in which that
imports the package and loads the kernels. The documents' commands (`reduced.py`) and the campaigns
(`campaigns/runner.py`) are started in this way.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import pkgutil
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import BinaryIO

# Sends a request and the standard streams; ends with the exit code of the fork.
CLIENT = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    request = [sys.argv[2], sys.argv[3:], os.getcwd(), dict(os.environ)]
    socket.send_fds(server, [b"s"], [0, 1, 2])
    with server.makefile("rwb") as lines:
        lines.write(json.dumps(request).encode() + b"\\n")
        lines.flush()
        answers = lines.readlines()
sys.exit(int(answers[1]) % 256 if len(answers) == 2 else 1)
"""
CHECKOUT = str(Path(__file__).parents[1])
TESTS = str(Path(__file__).parent)
KEPT = ("NUMBA_CACHE_DIR",)  # the model is not compiled again for a page


@functools.cache
def address() -> Path:
    """Start the server once in this process, and return the path of its socket."""
    folder = Path(tempfile.mkdtemp())
    (folder / "client.py").write_text(CLIENT)
    server = subprocess.Popen(
        [sys.executable, __file__, folder / "socket"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([CHECKOUT, TESTS])},
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    atexit.register(shutil.rmtree, folder)
    atexit.register(server.kill)
    return folder / "socket"


def script(entry: str, *first: str) -> str:
    """Return a shell script that calls ``module:function`` in a fork, with `first` as arguments."""
    path = address()
    words = " ".join(f'"{word}"' for word in (path.with_name("client.py"), path, entry, *first))
    return f'#!/bin/sh\nexec "{sys.executable}" -I -S {words} "$@"\n'


class Fork:
    """A command that runs in a fork of the server.

    Parameters
    ----------
    entry : str
        The function to call, as ``module:function``.
    arguments : list of str
        ``sys.argv`` of the command.
    folder : Path
        The working directory.
    out, err : BinaryIO
        Files for the standard output and the error stream.
    environment : dict
        All environment variables.
    """

    def __init__(
        self,
        entry: str,
        arguments: list[str],
        folder: Path,
        out: BinaryIO,
        err: BinaryIO,
        environment: dict[str, str],
    ) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(str(address()))
        with Path(os.devnull).open("rb") as nothing:
            streams = [stream.fileno() for stream in (nothing, out, err)]
            socket.send_fds(self._server, [b"s"], streams)
        self._answers = self._server.makefile("rwb")
        request = [entry, arguments, str(folder), environment]
        self._answers.write(json.dumps(request).encode() + b"\n")
        self._answers.flush()
        self.pid = int(self._answers.readline())

    def wait(self, seconds: float) -> int | None:
        """Return the exit code (negative: a signal), or None if the command has not ended."""
        self._server.settimeout(seconds)
        try:
            self._server.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return None
        self._server.settimeout(None)
        code = int(self._answers.readline())
        self._answers.close()
        self._server.close()
        return code


class Handler(socketserver.BaseRequestHandler):
    """One request: a fork that becomes the command, and its process number and exit code."""

    def handle(self) -> None:
        """Fork the command, wait for its end, and send the exit code."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _, streams, _, _ = socket.recv_fds(self.request, 1, 3)
        with self.request.makefile("rwb") as lines:
            request = json.loads(lines.readline())
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the command is ready
            child = os.fork()
            if child == 0:
                os.close(self.request.fileno())
                _become(streams, *request)
            lines.write(b"%d\n" % child)
            lines.flush()
            lines.write(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """The server; it ends with the process that started it."""

    owner = os.getppid()
    max_children = 1000

    def service_actions(self) -> None:
        """End if the owner has ended."""
        super().service_actions()
        if os.getppid() != self.owner:
            os._exit(0)


def _become(
    streams: list[int], entry: str, arguments: list[str], folder: str, environment: dict[str, str]
) -> None:
    """Call the entry with these arguments and surroundings; never return."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(environment | kept)
    path = [environment.get("PYTHONPATH", ""), CHECKOUT, TESTS]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    sys.argv = arguments
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww")
    )
    code = 1
    try:
        pkgutil.resolve_name(entry)()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                code = code or 1
    os._exit(code)


def prepare() -> None:
    """Import what a run needs and compile the kernels, before anything is forked."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a job of the background
    from marketsim.commands import run

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
        words = ["population=survey", "population.retailers=30", "replicates=1", "progress=false"]
        run.main([*words, f"output={folder}/results"])
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    prepare()
    with Server(sys.argv[1], Handler) as server:
        print("ready", flush=True)
        server.serve_forever()
