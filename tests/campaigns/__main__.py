"""The campaigns on the command line: ``cd tests && PYTHONPATH=.. python -m campaigns inputs``."""

import argparse
import csv
import sys
from pathlib import Path

from campaigns import faults, fuzz, laws


def main() -> None:
    """Run a campaign, and write a table of the outcomes; exit code 1 where a law is broken."""
    parser = argparse.ArgumentParser(prog="python -m campaigns", description=__doc__)
    parser.add_argument("campaign", choices=["inputs", "faults"])
    parser.add_argument("--examples", type=int, default=5000, help="inputs: how many")
    parser.add_argument("--share", type=float, default=1.0, help="faults: share of the trials")
    parser.add_argument("--table", type=Path, help="file for the table of outcomes")
    options = parser.parse_args()
    try:
        if options.campaign == "inputs":
            rows = fuzz.table(fuzz.campaign(options.examples))
        else:
            rows = faults.campaign(options.share)
    except laws.BrokenError as law:
        sys.exit(str(law))
    if options.table:
        with options.table.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
