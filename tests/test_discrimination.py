"""Structures are told apart as far as toy tables differ, and no farther."""

import numpy as np
import pandas as pd
import pytest
from test_identification import FITTED, IDLE, LEVEL, mixed, published

from marketsim.analysis.inference import identifiability
from marketsim.survey import discrepancy

# ---------------------------------------------------------------- structures


def matrix(table, column="probability", tests=60, keep=200, near=0.5) -> pd.DataFrame:
    of = identifiability.confusion(table, tests, keep, 3, near)
    return of.pivot(index="true", columns="selected", values=column)


@pytest.mark.parametrize("rows", [(2000, 2000), (3000, 500)])
@pytest.mark.parametrize("shifts", [(0.0, 0.0), (0.0, 3.0), (-2.0, 2.0)])
def test_rows_of_the_matrix_add_up_to_one(rows, shifts):
    """Whatever the structures, probabilities and choices of each true one add up to one."""
    table = mixed(dict(zip(("none", "trend"), rows, strict=True)), shifts)
    for column in ("probability", "chosen"):
        np.testing.assert_allclose(matrix(table, column).sum(axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("rows", [(3000, 3000), (4500, 500)])
def test_identical_structures_are_not_told_apart(rows):
    """Structures of one law have half each, also where one has nine times the rows."""
    of = matrix(mixed(dict(zip(("none", "trend"), rows, strict=True))), keep=500)
    np.testing.assert_allclose(of, 0.5, atol=0.04)


def apart(rows: int) -> pd.DataFrame:
    """Return two structures so different that no survey of one is like one of the other."""
    table = mixed({"none": rows, "trend": rows})
    trend = table["structure"] == "trend"
    table["heavy_posters_count"] = np.where(trend, 14.0, 8.0)
    return table.assign(videos_total=np.where(trend, 840.0, 320.0))


def test_different_structures_are_told_apart():
    """Where no survey of one is like any of the other, each is taken for itself alone."""
    of = identifiability.confusion(apart(1000), 40, 50, 3, 0.5)
    right = of["true"] == of["selected"]
    assert (of["probability"] == right).all() and (of["chosen"] == right).all()
    assert (of["standard_error"] == 0.0).all() and (of["tests"] == 20).all()


def test_a_survey_does_not_vote_for_its_own_structure():
    """With one neighbour, identical structures are taken for each other half of the time.

    Negative control: the nearest row of all is the survey's own.
    """
    table = mixed({"none": 1500, "trend": 1500})
    assert (np.abs(matrix(table, tests=400, keep=1) - 0.5) < 0.15).all(axis=None)
    off = discrepancy.deviations(table).to_numpy()
    code = np.repeat([0, 1], 1500)
    own = [
        identifiability._probabilities(np.linalg.norm(off - off[k], axis=1), code, np.ones(2), 1)[0]
        for k in (5, 2000)
    ]
    np.testing.assert_array_equal(own, np.eye(2))


def test_a_survey_does_not_count_among_its_rows():
    """Of two rows each, all alike, the one left of a survey's own structure weighs as two."""
    table = published(4).assign(number=range(4), structure=["none", "none", "trend", "trend"])
    np.testing.assert_allclose(matrix(table, tests=4, keep=3, near=1.0), 0.5, rtol=1e-12)


def test_a_structure_that_makes_no_such_survey_is_not_asked():
    """Surveys are taken near the published one; where a structure has none, it is no truth."""
    of = identifiability.confusion(mixed({"none": 500, "trend": 500}, (0.0, 50.0)), 40, 50, 3, 0.2)
    assert set(of["true"]) == {"none"} and set(of["selected"]) == {"none", "trend"}


def test_the_standard_error_is_that_of_the_mean():
    """Matrices of different surveys scatter as their standard error says."""
    table = mixed({"none": 1500, "trend": 1500}, (0.0, 1.0))
    of = [identifiability.confusion(table, 40, 200, seed, 0.6) for seed in range(30)]
    found = np.std([one["probability"][0] for one in of], ddof=1)
    said = np.mean([one["standard_error"][0] for one in of])
    assert found == pytest.approx(said, rel=0.4)


# ---------------------------------------------------------------- the published survey


def probabilities(table, keep=400, fitted=FITTED) -> pd.DataFrame:
    of = identifiability.structure_probabilities(table, fitted, keep)
    np.testing.assert_allclose(of.groupby("variant")["probability"].sum(), 1.0, rtol=1e-12)
    return of.set_index(["variant", "structure"])


HALVED = "odds halved for each further parameter"


@pytest.mark.parametrize("rows", [(3000, 3000), (8000, 1000)])
def test_identical_structures_are_as_probable(rows):
    """Structures of one law have half each, and one with a parameter more has a third."""
    of = probabilities(mixed(dict(zip(("none", "trend"), rows, strict=True))), 1000)
    for variant, share in (("equal odds", 0.5), (HALVED, 1 / 3), ("nearer", 0.5), ("farther", 0.5)):
        row = of.loc[(variant, "trend")]
        assert row["probability"] == pytest.approx(share, abs=4.0 * row["standard_error"])
        assert 0.0 < row["standard_error"] < 0.06


def test_unequal_weights_are_worth_fewer_draws():
    """Three of nine rows against one of three are even odds, worth three equal draws."""
    structure = np.repeat(["none", "trend"], [9, 3])
    near = np.isin(np.arange(12), [0, 1, 2, 9])
    table = published(12, fall_week_5=np.where(near, 0.0, 3.0)).assign(structure=structure)
    of = probabilities(table, 4).loc["equal odds"]
    np.testing.assert_allclose(of["probability"], 0.5, rtol=1e-12)
    np.testing.assert_allclose(of["standard_error"], np.sqrt(0.25 / 3.0), rtol=1e-12)


def test_odds_are_halved_exactly():
    """Two parameters more quarter the odds between two structures."""
    table = mixed({"none": 2000, "trend": 2000}, (0.0, 1.0))
    of = probabilities(table, fitted={"none": (LEVEL,), "trend": (LEVEL, IDLE, "posting.trend")})
    odds = of["probability"].unstack()
    ratio = odds["trend"] / odds["none"]
    assert ratio[HALVED] == pytest.approx(ratio["equal odds"] / 4.0)


def test_tolerance_is_halved_and_doubled():
    """Nearer and farther are the equal odds of half and twice the rows."""
    table = mixed({"none": 2000, "trend": 2000}, (0.0, 2.0))
    of = {keep: probabilities(table, keep) for keep in (200, 400, 800)}
    for variant, keep in (("nearer", 200), ("farther", 800)):
        pd.testing.assert_frame_equal(of[400].loc[variant], of[keep].loc["equal odds"])


def test_a_structure_far_from_the_survey_has_no_probability():
    """A structure none of whose surveys is like the published one has probability 0."""
    of = probabilities(mixed({"none": 3000, "trend": 3000}, (0.0, 50.0)))
    assert of.loc[("equal odds", "trend")].tolist() == [0.0, 0.0]


def test_simulation_error_is_what_tables_scatter():
    """Probabilities from many tables scatter about as the standard error says."""
    of = [
        probabilities(mixed({"none": 600, "trend": 300}, (0.0, 1.0), seed=2 * k), 100)
        for k in range(60)
    ]
    found = np.std([one.loc[("equal odds", "none"), "probability"] for one in of], ddof=1)
    said = np.mean([one.loc[("equal odds", "none"), "standard_error"] for one in of])
    assert found == pytest.approx(said, rel=0.35)
