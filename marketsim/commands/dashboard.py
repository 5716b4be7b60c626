"""Serve the dashboard until interrupted."""

from typing import Any

from marketsim.commands import options
from marketsim.dashboard import server


def main(arguments: list[str]) -> None:
    """Serve the dashboard until interrupted.

    Parameters
    ----------
    arguments : list of str
        ``port=N``, ``threads=N`` and ``open=false``.

    Raises
    ------
    InputError
        For invalid input, a port that is in use, or where Streamlit is not installed.
    """
    readers = {
        "port": options.whole_number(1024, 65535, "1"),
        "threads": options.whole_number(1, 1024, "threads"),
        "open": options.switch,
    }
    given: dict[str, Any] = {"port": server.PORT, "threads": options.cores(), "open": True}
    given |= options.parse(arguments, readers)
    server.start(given["port"], given["threads"], given["open"])
