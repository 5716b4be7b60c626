"""Server of the dashboard: one process, reachable from this machine only."""

import socket
from pathlib import Path

from marketsim.errors import InputError, require_package

HOST = "localhost"
PORT = 8501
PAGE = Path(__file__).with_name("app.py")


def start(port: int = PORT, threads: int = 1, browser: bool = True) -> None:
    """Serve the dashboard until interrupted.

    Parameters
    ----------
    port : int
        Port on this machine.
    threads : int
        Parallel runs; their number does not affect results.
    browser : bool
        Open it in a browser.

    Raises
    ------
    InputError
        If Streamlit is not installed or the port is in use.
    """
    require_package("dashboard", "streamlit")
    _check_port(port)
    print(
        "loading the compiled kernels (first use: compiling takes one to two minutes)", flush=True
    )
    from marketsim.dashboard import runs

    runs.threads = threads
    runs.warm()
    print(f"serving at http://{HOST}:{port}; stop with Ctrl-C", flush=True)
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
    """Return Streamlit's options: no telemetry, no prompts, no file watching.

    Every option that moves the page is set, since a config file of the user's may set another.
    """
    chosen = {
        "server.address": HOST,
        "server.port": port,
        "server.headless": not browser,
        "server.baseUrlPath": "",
        "server.sslCertFile": "",
        "server.sslKeyFile": "",
        "browser.serverAddress": HOST,
        "browser.serverPort": port,
        "global.developmentMode": False,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "type",
    }
    return [f"--{key}={str(value).lower()}" for key, value in chosen.items()]
