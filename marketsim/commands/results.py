"""List finished results, and join them into one table."""

import sys
from pathlib import Path

from marketsim.errors import InputError, one_line
from marketsim.simulation import catalogue


def main(arguments: list[str]) -> None:
    """List finished results, and write them as one table where a file is given.

    Results of another version of the model are left out, and a line says so; ``model=FINGERPRINT``
    chooses them.

    Parameters
    ----------
    arguments : list of str
        A folder (default: results), then KEY=VALUE filters, ``csv=FILE``, ``parquet=FILE``,
        ``xlsx=FILE``.

    Raises
    ------
    InputError
        For a folder that does not exist, or a key that no setting has.
    """
    folder = Path("results" if not arguments or "=" in arguments[0] else arguments[0])
    words = arguments if not arguments or "=" in arguments[0] else arguments[1:]
    kinds = tuple(f"{kind}=" for kind in catalogue.WRITERS)
    filters = [word for word in words if not word.startswith(kinds)]
    files = [_table_file(word) for word in words if word not in filters]
    found, problems = catalogue.collect(folder)
    if not any(word.startswith("model=") for word in filters):
        found, others = catalogue.of_this_version(found)
        problems += others
    chosen = catalogue.choose(found, filters)
    for file in files:
        catalogue.write(catalogue.join(chosen), file)
    if chosen:
        print(catalogue.listing(chosen).to_string(index=False))
    print(f"{len(chosen)} results of {len(found)} finished")
    for problem in problems:
        print(one_line(f"marketsim: {problem}"), file=sys.stderr)


def _table_file(word: str) -> Path:
    """Return the file of a word such as csv=FILE."""
    kind, _, name = word.partition("=")
    if Path(name).suffix != f".{kind}":
        raise InputError(kind, name, f"the name of a file that ends in .{kind}")
    return Path(name)
