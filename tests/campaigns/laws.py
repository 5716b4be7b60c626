"""Laws that every outcome of the command obeys: a refusal, a result, a folder of results."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim.model.ledger import Account, Item
from marketsim.parameters.overrides import flat

TABLES = ("daily", "survey", "runs", "prices", "enforcement", "ledger")
INSIDE = [one.name.lower() for one in Account if one <= Account.ESCROW]
NEVER_NEGATIVE = ("offers", "visible", "deleted", "removed", "pictures", "videos", "inquiries",
                  "deals", "parcels", "grams_delivered", "revenue", "stock", "bans")  # fmt: skip


class BrokenError(AssertionError):
    """A law does not hold."""


# what a message says after what is wrong, by kind of error (marketsim/errors.py)
REMEDIES = (
    *("expected ", "out of range: ", "did you mean", "known: ", "lists all parameters"),
    *("cannot be used: ", "cannot read ", "cannot write to ", "Usage: ", "requires ", "rerun"),
    "allowed:",
)


def hold(true: Any, law: str) -> None:
    """Refuse what is not so."""
    if not true:
        raise BrokenError(law)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every file and folder below one, with size and time of change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        found[str(path.relative_to(folder))] = (about.st_size, about.st_mtime_ns)
    return found


def refused(code: int | None, out: str, err: str, key: str) -> None:
    """Hold that bad input is one line with its key on the error stream, exit code 2."""
    hold(code == 2, f"exit code 2, not {code}")
    hold(out == "", "nothing printed beside the line")
    one_line(err)
    hold(key in err, f"the line names {key}")
    hold(any(word in err for word in REMEDIES), "the line says what is allowed")


def one_line(err: str) -> None:
    """Hold that what went wrong is said in one line, and not as a traceback."""
    hold(err.startswith("marketsim: "), "the line is marketsim's")
    hold(err.endswith("\n") and err.count("\n") == 1, "one line on the error stream")
    hold(err.isprintable() or err[:-1].isprintable(), "a line that a terminal can show")
    hold("Traceback" not in err, "no traceback")


def finished(folder: Path) -> list[Path]:
    """Return every finished result below a folder."""
    return sorted(path.parent for path in folder.rglob("manifest.json"))


def whole_folder(folder: Path, output: Path) -> None:
    """Hold that below the folder of results there is nothing but whole results and their locks."""
    for path in output.rglob("*"):
        inside = any((parent / "manifest.json").exists() for parent in [path, *path.parents])
        is_above = path.is_dir() and any(True for _ in path.rglob("manifest.json"))
        hold(inside or is_above or path.name.endswith(".lock"), f"nothing beside results: {path}")
    hold(not list(folder.rglob("*.part")), "no part of a file is left")


def result(place: Path) -> dict[str, Any]:
    """Hold that a result is complete, as its manifest says, and possible; return the manifest."""
    facts = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    recorded = facts.pop("sum")
    text = json.dumps(facts, sort_keys=True).encode()
    hold(hashlib.sha256(text).hexdigest() == recorded, "the manifest has its own sum")
    hold(facts["key"] == place.name, "the folder has the name of the key")
    of, posts = facts["settings"], facts["settings"]["market"] == "posting_only"
    names = {f"{name}.parquet" for name in TABLES} | {"fit.csv"}
    names |= set() if posts else {"headline.csv"}
    hold(set(facts["tables"]) == names, "the manifest names every table")
    others = {path.name for path in place.iterdir()} ^ (names | {"manifest.json"})
    hold(not others, f"the folder has the tables and nothing else: {others}")
    for name, table in facts["tables"].items():
        content = (place / name).read_bytes()
        hold(hashlib.sha256(content).hexdigest() == table["sha256"], f"{name} has its checksum")
    tables = {name: pd.read_parquet(place / f"{name}.parquet") for name in TABLES}
    tables["fit"] = pd.read_csv(place / "fit.csv")
    for name, table in tables.items():
        suffix = "csv" if name == "fit" else "parquet"
        hold(len(table) == facts["tables"][f"{name}.{suffix}"]["rows"], f"rows of {name}")
    content_holds(tables, of)
    return facts


def content_holds(tables: dict[str, pd.DataFrame], of: dict[str, Any]) -> None:
    """Hold that what the tables say can be: runs, days, counts, prices and books."""
    runs = range(of["replicates"])
    daily, ledger = tables["daily"], tables["ledger"]
    hold(tables["runs"]["run"].tolist() == list(runs), "a row for each run")
    days = daily.groupby("run")["day"].agg(["nunique", "size"])
    hold(days.index.tolist() == list(runs) and (days["nunique"] == days["size"]).all(), "days")
    first = max(of["horizon"]["end"], of["scenario"]["until"] or "")
    length = pd.Timestamp(first) - pd.Timestamp(of["horizon"]["start"])
    if first[:1] == "2" and of["horizon"]["start"][:1] == "2":
        hold((days["size"] == length.days + 1).all(), "every day of the horizon")
    for name in NEVER_NEGATIVE:
        hold((daily[name] >= 0).all(), f"{name} is not negative")
    hold((daily["deals"] <= daily["inquiries"]).all(), "no deal without an inquiry")
    hold((daily["repeat_deals"] <= daily["deals"]).all(), "repeat deals are deals")
    hold(daily["mean_risk"].between(0.0, 1.0).all(), "risk is 0 to 1")
    waiting = ("traders_cases_waiting",)
    for name in (column for column in daily if column.startswith("traders_")):
        hold((daily[name] >= 0).all(), f"{name} is not negative")
        if (
            name in ("traders_active", "traders_lying_low", "traders_banned")
            and name not in waiting
        ):
            grown = of["population"]["retailers"] * (1.0 + 0.05 * length.days) + 50
            hold((daily[name] <= grown).all(), f"{name} is among the traders")
    prices = tables["prices"]
    hold((prices["n"] >= 1).all() and (prices["mean"] >= 0).all(), "prices are of something")
    hold(np.isfinite(prices["mean"]).all(), "prices are numbers")
    hold((tables["enforcement"]["grams"] >= 0).all(), "nothing is seized back")
    hold((tables["survey"][["ads", "pictures", "videos"]] >= 0).all(axis=None), "seen counts")
    books_balance(ledger)
    fit = tables["fit"]
    known = fit.dropna(subset=["median", "q05", "q95"])
    hold((known["q05"] <= known["median"] + 1e-9).all(), "a median above its low end")
    hold((known["median"] <= known["q95"] + 1e-9).all(), "a median below its high end")


def books_balance(ledger: pd.DataFrame) -> None:
    """Hold that each item adds up to nothing on every day, and nobody inside owes."""
    if ledger.empty:
        return
    sums = ledger.groupby(["run", "day", "item"], observed=True)["balance"].sum()
    hold((sums == 0).all(), "the books balance")
    inside = ledger[ledger["account"].isin(INSIDE)]
    hold((inside["balance"] >= 0).all(), "nobody inside owes")
    hold(set(ledger["item"]) <= {one.name.lower() for one in Item}, "known items")


def has_settings(facts: dict[str, Any], settings: dict[str, Any]) -> None:
    """Hold that a result records these settings, by dotted name."""
    recorded = flat(facts["settings"])
    for key, value in settings.items():
        found = recorded.get(key, recorded.get(f"{key}.name"))
        if isinstance(value, int | float) and not isinstance(value, bool):
            same = found is not None and float(found) == float(value)
        else:
            same = found == value
        hold(same, f"{key} is {value!r} as given, not {found!r}")


def tables_of(place: Path) -> dict[str, bytes]:
    """Return the bytes of the tables of a result."""
    return {
        path.name: path.read_bytes()
        for path in sorted(place.iterdir())
        if path.suffix in (".parquet", ".csv")
    }
