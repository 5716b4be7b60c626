"""Printed output of subcommands."""

from pathlib import Path


def print_result(folder: Path, *tables: str) -> None:
    """Print some CSV tables of a result, and its folder."""
    from marketsim.reporting import text

    for name in tables:
        print("\n".join(text.csv_lines(folder / name)), end="\n\n")
    print(f"done: {folder}")


def print_fit(folder: Path, name: str) -> None:
    """Print a table of the fit, with the number of rows that are unusual for the model."""
    from marketsim.reporting.pages import study as study_page
    from marketsim.simulation import files

    print("\n".join(study_page.fit_lines(files.read_csv(folder / name))), end="\n\n")
