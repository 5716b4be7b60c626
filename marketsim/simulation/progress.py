"""Progress bar of a long computation."""

import sys
from typing import Any


def bar(total: int, unit: str, wanted: bool) -> Any:
    """Return a progress bar of tqdm, drawn only where somebody can watch it: no log, no mail.

    Parameters
    ----------
    total : int
        Number of units.
    unit : str
        What is counted.
    wanted : bool
        Whether to draw it at all.
    """
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, disable=not (wanted and _is_watched(sys.stderr)))


def _is_watched(stream: Any) -> bool:
    """Return whether a stream is shown by a terminal, or by a notebook, which tqdm cannot tell."""
    if stream is None or getattr(stream, "closed", False):
        return False
    return bool(stream.isatty()) or type(stream).__module__.startswith("ipykernel")
