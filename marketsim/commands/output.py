"""Printed output of subcommands."""

from pathlib import Path


def print_result(folder: Path, *tables: str) -> None:
    """Print some CSV tables of a result, and its folder."""
    from marketsim.reporting import text

    for name in tables:
        print("\n".join(text.csv_lines(folder / name)), end="\n\n")
    print(f"done: {folder}")
