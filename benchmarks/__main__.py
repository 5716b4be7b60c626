"""``python -m benchmarks``: one thread unless a part says otherwise, compilation apart.

Prints Markdown tables of medians over repetitions and, with ``--json FILE``, writes the same
figures. docs/benchmarks.md says what each part measures.
"""

import argparse
from pathlib import Path

from benchmarks import (
    by_process,
    cold_start,
    common_draws,
    default_run,
    machine,
    memory,
    replicates,
    scaling,
    whole_model,
)
from benchmarks.posting_and_risk import compare
from benchmarks.tables import as_json, as_markdown, write
from marketsim.parameters import presets

PARTS = {
    "default": default_run,
    "process": by_process,
    "whole": whole_model,
    "sub-model": compare,
    "scaling": scaling,
    "replicates": replicates,
    "cold": cold_start,
    "memory": memory,
    "draws": common_draws,
}


def main() -> None:
    """Run the benchmarks asked for."""
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    words.add_argument("--population", default="wechat", choices=presets.names("population"))
    words.add_argument("--repetitions", type=int, default=5)
    words.add_argument("--json", type=Path)
    words.add_argument("--markdown", type=Path, help="in place of the standard output")
    for part in PARTS.values():
        if hasattr(part, "options"):
            part.options(words)
    asked = words.parse_args()
    tables = machine.measure(asked)
    for name in asked.only:
        tables += PARTS[name].measure(asked)
    text = "\n".join(map(as_markdown, tables))
    if asked.markdown:
        write(asked.markdown, text)
    else:
        print(text)
    write(asked.json, as_json(tables))


if __name__ == "__main__":
    main()
