"""Starting the page: one process, this machine alone, no other host."""

import socket
from pathlib import Path

from marketsim.errors import InputError, require_package

HOST = "localhost"
PORT = 8501
PAGE = Path(__file__).with_name("app.py")


def start(port: int = PORT, threads: int = 1, browser: bool = True) -> None:
    """Serve the page until interrupted.

    Parameters
    ----------
    port : int
        Where on this machine.
    threads : int
        Runs lived at the same time; their number changes no bit.
    browser : bool
        Open it in a browser.

    Raises
    ------
    InputError
        Where Streamlit is not installed, or the port is taken.
    """
    require_package("dashboard", "streamlit")
    _check_port(port)
    print("fetching the compiled kernels (the first time this takes minutes)", flush=True)
    from marketsim.dashboard import runs

    runs.threads = threads
    runs.warm()
    print(f"ready at http://{HOST}:{port}; Ctrl-C ends it", flush=True)
    from streamlit.web import cli

    cli.main(["run", str(PAGE), *_options(port, browser)], standalone_mode=False)


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as fault:
            allowed = f"a free port ({fault.strerror})"
            raise InputError("port", port, allowed) from None


def _options(port: int, browser: bool) -> list[str]:
    """Return Streamlit's options: nothing is sent, nobody is asked, no file is watched."""
    chosen = {
        "server.address": HOST,
        "server.port": port,
        "server.headless": not browser,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "type",
    }
    return [f"--{key}={str(value).lower()}" for key, value in chosen.items()]
