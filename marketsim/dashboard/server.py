"""Server of the dashboard: one process, reachable from this machine only."""

import socket
from collections.abc import Container
from pathlib import Path

from marketsim.errors import InputError, UnreadableFileError, require_package

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
        If Streamlit is not installed, the port is in use, or Streamlit cannot read its settings.
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
    from streamlit import config
    from streamlit.web import cli

    known = {name for option in cli.main.commands["run"].params for name in option.opts}
    words = ["run", str(PAGE), *_options(port, browser, known)]
    is_read: list[bool] = []
    config.on_config_parsed(lambda: is_read.append(True), force_connect=True)
    try:
        cli.main(words, standalone_mode=False)
    except (RuntimeError, OSError) as fault:  # an option of the user's that it cannot read
        if is_read:  # no: the page itself has failed
            raise
        reason = f"{fault}; mend it, or move it away"
        raise UnreadableFileError("config", "Streamlit's config.toml", reason) from None


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as fault:
            allowed = f"a free port ({fault.strerror})"
            raise InputError("port", port, allowed) from None


def _options(port: int, browser: bool, known: Container[str]) -> list[str]:
    """Return Streamlit's options: no telemetry, no prompts, no file watching.

    A config file of the user for other pages may move the page, or hide it or parts of it: all
    options that do so are set.

    Parameters
    ----------
    port, browser
        As in `start`.
    known : container of str
        Options that this release of Streamlit has.
    """
    chosen = {
        # where the page is
        "server.address": HOST,
        "server.port": port,
        "server.baseUrlPath": "",
        "server.sslCertFile": "",
        "server.sslKeyFile": "",
        "browser.serverAddress": HOST,
        "browser.serverPort": port,
        "global.developmentMode": False,
        # who may see it, and how much of it
        "server.headless": not browser,
        "server.allowedHosts": [HOST, "127.0.0.1"],
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.maxMessageSize": 200,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "type",
        "ui.hideTopBar": False,
        "runner.enforceSerializableSessionState": False,
        "runner.magicEnabled": False,
        # what it does besides
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
    }
    listed = {
        key: value if isinstance(value, list) else [str(value).lower()]
        for key, value in chosen.items()
        if f"--{key}" in known
    }
    return [f"--{key}={one}" for key, values in listed.items() for one in values]
