"""Commands that start at once: forked from a process that has imported the package already.

A stand-in of `reduced.py` is a script that hands its words, folder, variables and streams to
`serve`, waits, and ends with the exit code of its fork. What a fork does is what the command does
in a process of its own, but for the two seconds in which that imports and loads the kernels.
"""

import atexit
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ASK = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as to:
    to.connect(sys.argv[1])
    asked = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(to, [b"%020d" % len(asked)], [0, 1, 2])
    to.sendall(asked)
    told = to.recv(4)
sys.exit(int(told) if told else 1)
"""
CHECKOUT = str(Path(__file__).parents[1])
KEPT = ("NUMBA_CACHE_DIR",)  # whatever a page says: the model is not compiled anew for it
LENGTH = 20  # bytes that say how many follow


@functools.cache
def place() -> Path:
    """Start the process that serves, once in this one, and return where it listens."""
    folder = Path(tempfile.mkdtemp())
    (folder / "ask.py").write_text(ASK)
    line = [sys.executable, __file__, folder / "socket"]
    around = {**os.environ, "PYTHONPATH": CHECKOUT}
    server = subprocess.Popen(line, env=around, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    atexit.register(shutil.rmtree, folder)
    atexit.register(server.kill)
    return folder


def script(*first: str) -> str:
    """Return a shell script that has a fork do what `first` and the script's words say."""
    words = " ".join(f'"{word}"' for word in (place() / "ask.py", place() / "socket", *first))
    return f'#!/bin/sh\nexec "{sys.executable}" -I -S {words} "$@"\n'


def serve(path: str) -> None:
    """Answer until whoever started it has ended; each that asks is answered by a fork."""
    from campaigns import runner

    runner.prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(path)
        here.listen()
        print("ready", flush=True)
        owner = os.getppid()
        here.settimeout(1.0)
        while os.getppid() == owner:
            try:
                asker, _ = here.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                _answer(asker)
            asker.close()


def _answer(asker: socket.socket) -> None:
    """Fork what is asked for, wait for its end, and tell the exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asker.setblocking(True)
    head, streams, _, _ = socket.recv_fds(asker, LENGTH, 3)
    left, parts = int(head), []
    while left:
        parts.append(asker.recv(left))
        left -= len(parts[-1])
    child = os.fork()
    if child == 0:
        _be(streams, *json.loads(b"".join(parts)))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    asker.sendall(b"%d" % (code % 256))
    os._exit(0)


def _be(streams: list[int], words: list[str], folder: str, variables: dict[str, str]) -> None:
    """Be the command; never return."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    kept = {name: os.environ.get(name, "") for name in KEPT}
    os.environ.clear()
    os.environ.update(variables | kept)
    os.environ["PYTHONPATH"] = os.pathsep.join([variables.get("PYTHONPATH", ""), CHECKOUT])
    code = 1
    try:
        import reduced

        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww")
        )
        reduced.STAND_INS[words[0]](words[1:])
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


if __name__ == "__main__":
    serve(sys.argv[1])
