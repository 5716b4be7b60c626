"""The campaigns on the command line: ``cd tests && PYTHONPATH=.. python -m campaigns inputs``."""

import argparse
import csv
import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

from campaigns import faults, fuzz, laws, runner


def main() -> None:
    """Run a campaign, and write a table of the outcomes; exit code 1 where a law is broken."""
    parser = argparse.ArgumentParser(prog="python -m campaigns", description=__doc__)
    parser.add_argument("campaign", choices=["inputs", "faults"])
    parser.add_argument("--examples", type=int, default=5000, help="inputs: how many")
    parser.add_argument("--share", type=float, default=1.0, help="faults: share of the trials")
    parser.add_argument("--only", default="", help="faults: a part of the names of the rows")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="commands at a time")
    parser.add_argument("--table", type=Path, help="file for the table of outcomes")
    options = parser.parse_args()
    try:
        if options.campaign == "inputs":
            rows = fuzz.table(fuzz.campaign(options.examples, workers=options.workers))
        else:
            rows = faults.campaign(options.share, options.workers, options.only)
    except laws.BrokenError as law:
        sys.exit(str(law))
    if options.table:
        write(options.table, rows)


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """Write a table of outcomes, with the date and the commit of the campaign."""
    about = {"date": dt.date.today().isoformat(), "commit": commit()}
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0], *about], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | about for row in rows)


def commit() -> str:
    """Return the commit of the checkout, and whether files differ from it."""
    words = ["git", "-C", str(runner.PACKAGE), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
