"""Compare scenarios, or load the complete comparison."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from marketsim.analysis.comparison import arms, effects
from marketsim.analysis.comparison.arms import Arm
from marketsim.analysis.comparison.paired_runs import (
    POSTERIOR,
    PRIOR,
    describe_columns,
    simulate_rounds,
    summarize,
)
from marketsim.commands import compose
from marketsim.commands.compile import ready
from marketsim.commands.options import CompareCommand
from marketsim.errors import InputError
from marketsim.parameters import overrides, panel, presets
from marketsim.parameters.settings import (
    FULL,
    POSTING_ONLY,
    Comparison,
    Scenario,
    Settings,
    is_name,
    plain,
)
from marketsim.simulation import files, store


def main(arguments: list[str]) -> None:
    """Compare scenarios and print the effects.

    Parameters
    ----------
    arguments : list of str
        Overrides and flags in Hydra's grammar.

    Raises
    ------
    InputError
        For invalid input, before anything is written.
    """
    from marketsim.reporting.pages import comparison as comparison_page

    given = compose.flags(arguments, CompareCommand)
    command = compose.command(arguments, "compare", CompareCommand)
    if command is None:
        return
    folder = run(command, given.overrides, given.config_dir)
    print(panel.sentence(command.settings()), end="\n\n")
    print("\n".join(comparison_page.lines(folder)))
    print(f"\ndone: {folder}")


def run(command: CompareCommand, words: Sequence[str], given: str | None) -> Path:
    """Compare scenarios, or load the complete comparison; return its folder.

    Parameters
    ----------
    command : CompareCommand
        As composed.
    words : sequence of str
        The overrides it was composed from.
    given : str or None
        The user's folder of config files, whose scenarios may be named.
    """
    options = command.part(Comparison)
    own = _own_scenarios((options.baseline, *options.scenarios), words, given)
    return compare(command.settings(), options, *ready(command), own)


def _own_scenarios(
    names: Sequence[str], words: Sequence[str], given: str | None
) -> dict[str, Scenario]:
    """Return those of some scenarios that are in the user's folder, each composed separately.

    Overrides of the scenario apply only to the scenario that is chosen with scenario=NAME.
    """
    of_settings = [word for word in words if not word.lstrip("+~").startswith("scenario")]
    out: dict[str, Scenario] = {}
    for name in names if given is not None else ():
        file = Path(str(given)) / "scenario" / f"{name}.yaml"
        if is_name(name) and file.is_file():
            one = [*of_settings, f"scenario={overrides.word(name)}"]
            out[name] = compose.composed(one, "compare", CompareCommand, given).scenario
    return out


def compare(
    settings: Settings,
    options: Comparison,
    folder: Path,
    threads: int = 1,
    progress: bool = False,
    own: Mapping[str, Scenario] | None = None,
) -> Path:
    """Compare scenarios, or load the complete comparison.

    Parameters
    ----------
    settings : Settings
        All but the scenario; `replicates` is the largest number of runs of an arm.
    options : Comparison
        What is compared.
    folder : Path
        The result is stored in a folder below it named by its key.
    threads : int
        Parallel runs; does not affect results.
    progress : bool
        Show a bar on the error stream.
    own : mapping of str to Scenario, optional
        Scenarios of the user by name.

    Returns
    -------
    Path
        The folder, with the tables of `effects.tables`, figures, report and manifest.json.

    Raises
    ------
    InputError
        For invalid settings, before any run.
    """
    if settings.market == POSTING_ONLY:
        raise InputError("market", POSTING_ONLY, f"{FULL}, since a comparison needs trade")
    compared = arms.make_arms(settings, options, own)
    start = arms.evaluation_start(compared, options)
    more = {"comparison": vars(options), "scenarios": [vars(arm.scenario) for arm in compared]}
    final = folder / store.key(settings, more)
    facts = {
        "comparison": vars(options) | {"start": str(start)},
        "scenarios": [plain(asdict(one)) for one in arms.scenarios(compared)],
    } | panel.facts(settings)
    with store.open_result(settings, final, threads, facts) as partial:
        if partial is None:
            return final
        sources = [PRIOR] if options.prior and settings.posterior == presets.POSTERIOR else []
        how = (partial / "batches", threads, progress, [POSTERIOR, *sources])
        tables = simulate_rounds(compared, start, settings, options, *how)
        _write(partial, compared, options, start, tables)
    return final


def _write(
    folder: Path,
    compared: Sequence[Arm],
    options: Comparison,
    start: dt.date,
    tables: dict[str, pd.DataFrame],
) -> None:
    """Write the tables, the spreadsheet, the figures and the report."""
    import shutil

    from marketsim.reporting.figures import registry
    from marketsim.reporting.pages import comparison as comparison_page

    rows, sums = summarize(compared, start, tables)
    weekly = effects.weekly(tables["weekly"])
    for name, table in {"rows": rows, "weekly": tables["weekly"]}.items():
        files.write_parquet(table, folder / f"{name}.parquet", describe_columns())
    files.write_csv(folder, sums)
    comparison_page.write_spreadsheet(folder, compared, options, sums, start)
    shown = sums | {"weeks": weekly}
    registry.save(folder / "figures", "comparison", shown, start=start)
    comparison_page.write(folder, compared, options, sums, start)
    for one in comparison_page.own_scenarios(compared):
        file = folder / "scenario" / f"{one.name}.yaml"
        file.parent.mkdir(exist_ok=True)
        text = yaml.safe_dump(plain(asdict(one)), sort_keys=False, allow_unicode=True)
        files.write_atomic(file, text)
    shutil.rmtree(folder / "batches")
