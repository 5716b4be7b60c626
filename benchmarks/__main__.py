"""``python -m benchmarks``: in one thread, and without compilation unless a part says otherwise.

Prints Markdown tables of medians over repetitions and, with ``--json FILE``, writes the same
figures. docs/benchmarks.md says what each part measures.
"""

import argparse
from pathlib import Path

from benchmarks import (
    cold_start,
    common_random_numbers,
    machine,
    memory,
    scaling,
    threads,
    versions,
    whole_model,
)
from benchmarks.posting_and_risk import compare
from benchmarks.tables import as_json, as_markdown, write
from marketsim.parameters import presets

PARTS = {
    "whole": whole_model,
    "sub-model": compare,
    "scaling": scaling,
    "threads": threads,
    "cold": cold_start,
    "memory": memory,
    "crn": common_random_numbers,
    "versions": versions,
}


def main() -> None:
    """Run the selected parts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--population", default="wechat", choices=presets.names("population"))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path, help="instead of the standard output")
    for part in PARTS.values():
        if hasattr(part, "options"):
            part.options(parser)
    options = parser.parse_args()
    tables = machine.measure(options)
    for name in options.only:
        tables += PARTS[name].measure(options)
    text = "\n".join(map(as_markdown, tables))
    if options.markdown:
        write(options.markdown, text)
    else:
        print(text)
    write(options.json, as_json(tables))


if __name__ == "__main__":
    main()
