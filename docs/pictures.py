"""Figures of the tutorial, from its commands: ``python docs/pictures.py``."""

from pathlib import Path

import marketsim as ms

FOLDER = Path(__file__).parent / "pictures"
LARGE = {"sweep_may": {"accounts": 928, "posts": 5460}}


def main() -> None:
    """Run the commands of the tutorial and save three figures."""
    study = ms.run(population="survey", replicates=20)
    found = ms.compare(["large_sweep"], name="large_sweep", interventions=LARGE, replicates=20)
    for name, figure in {
        "baseline_weekly": study.plot("weekly"),
        "large_sweep_curves": found.plot("curves"),
        "large_sweep_displacement": found.plot("displacement"),
    }.items():
        figure.savefig(FOLDER / f"{name}.png", dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
