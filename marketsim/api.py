"""Python interface: the studies of the command line as tables and figures.

>>> import marketsim as ms
>>> study = ms.run("no_crackdown", population="survey", replicates=2, progress=False)
>>> study.fit.loc["ads_total", "unit"]
'advertisements'
>>> study.daily.attrs["units"]["grams_delivered"]
'g'

Settings are composed and checked as on the command line, so that a study run in a shell is loaded
in Python, and vice versa.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from marketsim.commands import compare as compare_command
from marketsim.commands import compose, keywords, options
from marketsim.commands import run as run_command
from marketsim.errors import UnreadableFileError, WrongTypeError, unknown_name
from marketsim.parameters import presets
from marketsim.parameters.settings import POSTING_ONLY, Settings
from marketsim.simulation import files, store

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from marketsim.reporting.figures.registry import FigureSpec


def run(
    scenario: str = "baseline_2015", *, config_dir: str | Path | None = None, **settings: Any
) -> "Study":
    """Simulate a study and compare it with the survey, as ``marketsim run`` does.

    A finished study is loaded, not rerun. Progress is shown on the error stream.

    Parameters
    ----------
    scenario : str
        A named scenario (`marketsim.scenarios` lists them), or one of your own in `config_dir`.
    config_dir : str or Path, optional
        A folder with config files of your own, such as ``scenario/NAME.yaml``.
    **settings
        The options of ``marketsim run``. A group is a name (``population="survey"``) or a dict of
        changes (``moderation={"capacity": 3}``); a dotted key is given as
        ``**{"moderation.capacity": 3}``. Keys of the scenario need no prefix:
        ``dose_multiplier=2``, ``interventions={"sweep": {"accounts": 200}, "news": None}``, where
        None removes an intervention.

    Returns
    -------
    Study
        Its tables and figures.

    Raises
    ------
    InputError
        For invalid input, before anything is written.

    Examples
    --------
    >>> run("baseline_2015", population="survey", replicates=2, progress=False).fit.shape[0]
    41
    """
    return Study(run_command.run(keywords.run_command(scenario, config_dir, settings)).folder)


def settings(
    scenario: str = "baseline_2015", *, config_dir: str | Path | None = None, **settings: Any
) -> Settings:
    """Return the settings that `run` would simulate, for `marketsim.Market`.

    Parameters
    ----------
    scenario, config_dir, **settings
        As in `run`.

    Raises
    ------
    InputError
        For invalid input.

    Examples
    --------
    >>> settings("no_crackdown", population="survey").population.retailers
    1000
    """
    return keywords.run_command(scenario, config_dir, settings).settings()


def compare(
    scenarios: Sequence[str], *, config_dir: str | Path | None = None, **settings: Any
) -> "Comparison":
    """Compare scenarios with the baseline using common random numbers, as ``marketsim compare``.

    Parameters
    ----------
    scenarios : sequence of str
        Named scenarios, those of your own in `config_dir`, or the ``name`` of the one that the
        keywords describe.
    config_dir : str or Path, optional
        A folder with config files of your own, such as ``scenario/NAME.yaml``.
    **settings
        As in `run`, and those of a comparison: ``baseline``, ``start``, ``prior``,
        ``precision``, ``hours_a_week``.

    Returns
    -------
    Comparison
        Its tables and figures.

    Raises
    ------
    InputError
        For invalid input, before anything is written.

    Examples
    --------
    >>> found = compare(["no_crackdown"], replicates=2, prior=False, progress=False)
    >>> found.effects.loc[("no_crackdown", "visible"), "unit"]
    'posts a week per 1,000 traders'
    """
    if isinstance(scenarios, str):
        raise WrongTypeError("scenarios", scenarios, "a list of names")
    words = keywords.words_of({"scenarios": list(scenarios)} | settings)
    folder = None if config_dir is None else str(config_dir)
    command = compose.composed(words, "compare", options.CompareCommand, folder)
    return Comparison(compare_command.run(command, words, folder))


def scenarios() -> pd.DataFrame:
    """Return the named scenarios with their meaning and the source of their doses.

    Returns
    -------
    DataFrame
        Indexed by name; columns about, source, dose multipliers.
    """
    rows = {name: presets.choice("scenario", name) for name in presets.names("scenario")}
    columns = ["about", "source", "dose_multipliers"]
    return pd.DataFrame(rows).T.reindex(columns=columns).rename_axis("scenario")


class Result:
    """A complete result in its folder.

    Parameters
    ----------
    folder : str or Path
        Where it is stored.

    Attributes
    ----------
    folder : Path
        Where it is stored.
    facts : dict
        Its manifest: settings, versions, checksums.

    Raises
    ------
    InputError
        Where the folder has no complete result of this kind.
    """

    tables: tuple[str, ...]
    _mark: str  # a file that only results of this kind have

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        whole = store.is_complete(self.folder, require_all=False)
        if not whole or not (self.folder / self._mark).is_file():
            kind = type(self).__name__.lower()
            reason = f"not the folder of a finished {kind}, with {self._mark}"
            raise UnreadableFileError("folder", folder, reason)
        self.facts = store.read_manifest(self.folder)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the manifest, a tree."""
        found: dict[str, Any] = self.facts["settings"]
        return found

    @property
    def report(self) -> Path:
        """The report (missing with ``figures=False``)."""
        return self.folder / "report.html"

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.tables})

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in type(self).tables:
            raise AttributeError(f"a {type(self).__name__} has no {name}")
        return self._table(name)

    def _table(self, name: str) -> pd.DataFrame:
        raise NotImplementedError

    def _parquet(self, name: str) -> pd.DataFrame:
        path = self.folder / f"{name}.parquet"
        table = files.read_parquet(path)
        about = {item.name: item.metadata for item in files.read_schema(path)}
        for key, word in ((b"unit", "units"), (b"description", "meanings")):
            table.attrs[word] = {column: meta[key].decode() for column, meta in about.items()}
        return table

    def _read_csv(self, name: str) -> pd.DataFrame:
        return files.read_csv(self.folder / f"{name}.csv")

    def _csv(self, name: str, columns: Mapping[str, tuple[str, str]], index: Any) -> pd.DataFrame:
        table = self._read_csv(name).set_index(index)
        table.attrs["units"] = {column: columns[column][0] for column in map(str, table)}
        table.attrs["meanings"] = {column: columns[column][1] for column in map(str, table)}
        return table


class Study(Result):
    """A finished study: its tables as DataFrames, units and meanings in their ``attrs``.

    `fit` (survey statistics, published and simulated) and `headline` (trade; not with
    ``market="posting_only"``) have one row per statistic. `daily`, `survey`, `runs`, `prices`,
    `enforcement` and `ledger` have every run. Each is read on first use.
    """

    tables = ("fit", "headline", "daily", "survey", "runs", "prices", "enforcement", "ledger")
    _mark = "fit.csv"

    @property
    def command(self) -> str:
        """The command line that reproduces the study."""
        from marketsim.reporting.pages import study as study_page

        return study_page.command(self.settings)

    def plot(self, name: str = "weekly") -> "Figure":
        """Draw a figure of the study.

        Parameters
        ----------
        name : str
            weekly, ratios, concentration or accounts_and_channels; with trade also prices, flow or
            displacement.

        Returns
        -------
        Figure
            Of matplotlib: shown by a notebook, saved by ``.savefig("weekly.png")``.

        Raises
        ------
        InputError
            For another name.
        """
        from marketsim.reporting.figures.registry import STUDY, TRADE
        from marketsim.simulation import run as simulation

        trades = self.settings["market"] != POSTING_ONLY
        spec = _spec(name, (*STUDY, *TRADE) if trades else STUDY)
        needed = ("daily", "survey") if spec in STUDY else simulation.TABLES
        tables = {table: self._table(table) for table in needed}
        retailers = self.settings["population"]["retailers"]
        return shown(spec.make(tables, retailers=retailers))

    def _table(self, name: str) -> pd.DataFrame:
        from marketsim.simulation import summary
        from marketsim.survey import fit

        if name == "fit":
            return self._csv(name, fit.COLUMNS, "id")
        if name == "headline":
            return self._csv(name, summary.COLUMNS, "id")
        return self._parquet(name)

    def __repr__(self) -> str:
        from marketsim.reporting.pages import study as study_page

        return "\n".join(study_page.fit_lines(self.fit.reset_index()))


class Comparison(Result):
    """A finished comparison: its tables as DataFrames, units and meanings in their ``attrs``.

    `effects` has one row per arm and outcome; `ranking`, `better`, `break_even` and `costs`
    summarize them; `rows` has every run and `weekly` its weeks. Each is read on first use.
    """

    tables = ("effects", "ranking", "prob_better", "break_even", "effort", "rows", "weekly")
    _mark = "effects.csv"

    def plot(self, name: str = "effects") -> "Figure":
        """Draw a figure of the comparison.

        Parameters
        ----------
        name : str
            effects, curves, displacement, effort or dose_response.

        Returns
        -------
        Figure
            Of matplotlib: shown by a notebook, saved by ``.savefig("effects.png")``.

        Raises
        ------
        InputError
            For another name.
        """
        import datetime as dt

        from marketsim.analysis.comparison import effects
        from marketsim.reporting.figures.registry import COMPARISON

        spec = _spec(name, COMPARISON)
        sums = {
            table: self._read_csv(table)
            for table in ("effects", "prob_better", "ranking", "break_even", "effort")
        }
        sums["weeks"] = effects.weekly(self.weekly)
        start = dt.date.fromisoformat(self.facts["comparison"]["start"])
        return shown(spec.make(sums, start=start))

    def _read_csv(self, name: str) -> pd.DataFrame:
        from marketsim.analysis.comparison import effects

        return effects.read_table(self.folder / f"{name}.csv")

    def _table(self, name: str) -> pd.DataFrame:
        from marketsim.analysis.comparison import effects

        if name in ("rows", "weekly"):
            return self._parquet(name)
        index = {"effects": ["arm", "outcome"], "break_even": ["scenario", "outcome"]}
        columns = effects.COLUMNS
        if name == "prob_better":  # a column an arm
            arms = self._read_csv(name).columns[1:]
            words = "share of the runs in which the arm of the row sells less than this one"
            columns = {"arm": effects.ARM} | dict.fromkeys(arms, ("share", words))
        return self._csv(name, columns, index.get(name, "arm"))

    def __repr__(self) -> str:
        from marketsim.reporting.pages import comparison as comparison_page

        return "\n".join(comparison_page.lines(self.folder))


def _spec(name: str, specs: Sequence["FigureSpec"]) -> "FigureSpec":
    """Return the declaration of a figure by its name."""
    found = {spec.name: spec for spec in specs}
    if name not in found:
        raise unknown_name("plot", name, found)
    return found[name]


def shown(figure: "Figure") -> "Figure":
    """Return a figure that a notebook shows, without pyplot's shared state."""
    import io

    def png() -> bytes:
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=110)
        return out.getvalue()

    figure._repr_png_ = png  # type: ignore[attr-defined]
    return figure
