"""Priors: places and values, draws that stand on their own, and what each structure fits."""

import zlib
from copy import deepcopy
from dataclasses import asdict, fields, is_dataclass
from functools import cache

import numpy as np
import pytest
from conftest import settings as small
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from marketsim.parameters import evidence, panel, presets, priors
from marketsim.parameters.declaration import Prior
from marketsim.parameters.settings import Settings, check, declared, value_of
from marketsim.parameters.traders import Recovery
from marketsim.simulation import run

UNCERTAIN = priors.everything()
NAMES = st.sampled_from(list(UNCERTAIN))
SHARES = st.floats(0.0, 1.0)
SEEDS = st.integers(0, 2**63 - 1)
DRAWS = 2000
TOLD = [(name, key) for name, fitted in priors.FITTED.items() for key in fitted]
# what only one structure knows: in the null it is a dead letter
DEAD = [
    "perception.half_life",
    "perception.threshold",
    "perception.lie_low",
    "perception.low_days",
    "perception.learning",
    "accounts.confidence",
    "posting.trend",
]


def leaves(settings: Settings) -> dict[str, object]:
    """Return every value of settings by its dotted name."""
    out = {}
    for group, inside in asdict(settings).items():
        out |= (
            {f"{group}.{name}": value for name, value in inside.items()}
            if isinstance(inside, dict)
            else {group: inside}
        )
    return out


# ---------------------------------------------------------------- places and values


@pytest.mark.parametrize(
    ("prior", "share", "value"),
    [
        (Prior("uniform", 1.0, 3.0), 0.25, 1.5),
        (Prior("uniform", 0.0, 0.5), 0.0, 0.0),
        (Prior("uniform", -1.0, 1.0), 0.5, 0.0),
        (Prior("loguniform", 1.0, 100.0), 0.5, 10.0),
        (Prior("loguniform", 1e-4, 1e-1), 1.0 / 3.0, 1e-3),
        (Prior("loguniform", 2.0, 60.0), 1.0, 60.0),
    ],
)
def test_known_places(prior, share, value):
    """A quarter of an even prior is a quarter of the way; half a logarithmic one the root."""
    assert priors.value(prior, share) == pytest.approx(value, rel=1e-14)
    assert priors.share(prior, value) == pytest.approx(share, abs=1e-14)


@hypothesis_settings(deadline=None)
@given(name=NAMES, one=SHARES, other=SHARES)
def test_value_and_share_are_inverse_and_rise(name, one, other):
    """A share comes back from its value, the value is inside, and more share is more value."""
    prior = UNCERTAIN[name]
    low, high = (priors.value(prior, share) for share in sorted((one, other)))
    assert prior.low <= low <= high <= prior.high
    assert priors.share(prior, priors.value(prior, one)) == pytest.approx(one, abs=1e-12)
    if abs(one - other) > 1e-9:
        assert low < high


@hypothesis_settings(deadline=None)
@given(name=NAMES, many=st.lists(SHARES, min_size=1, max_size=9))
def test_one_by_one_and_all_at_once_are_the_same(name, many):
    """Values and shares of an array are, to the bit, those of its items."""
    prior = UNCERTAIN[name]
    values = priors.values(prior, np.array(many))
    assert values.tolist() == [priors.value(prior, one) for one in many]
    assert priors.shares(prior, values).tolist() == [priors.share(prior, one) for one in values]


def test_the_form_of_a_prior_matters():
    """Negative control: read as even, the middle of a logarithmic prior is not its half."""
    prior = UNCERTAIN["posting.base_posts"]
    assert prior.form == "loguniform"
    middle = priors.value(prior, 0.5)
    assert abs(priors.share(prior._replace(form="uniform"), middle) - 0.5) > 0.1


# ---------------------------------------------------------------- draws


def drawn(seed: int, number: int = 0) -> dict[str, float]:
    """Return a draw of the posting side and of the chain."""
    return priors.sample(priors.uncertain(), seed, number) | priors.sample(
        priors.uncertain_trade(), seed, number
    )


def is_trade(key: str) -> bool:
    return key in priors.uncertain_trade()


@hypothesis_settings(deadline=None)
@given(seed=SEEDS, number=st.integers(0, 10**9), name=NAMES)
def test_a_draw_depends_on_seed_number_and_its_own_name(seed, number, name):
    """Dropping a parameter moves no other; another seed or number moves this one."""
    whole, side = drawn(seed, number), "uncertain_trade" if is_trade(name) else "uncertain"
    mine = getattr(priors, side)()
    others = {key: value for key, value in whole.items() if is_trade(key) != is_trade(name)}
    with pytest.MonkeyPatch.context() as patch:
        without = {key: prior for key, prior in mine.items() if key != name}
        patch.setattr(priors, side, lambda: without)
        assert drawn(seed, number) == {key: whole[key] for key in without} | others
        patch.setattr(priors, side, lambda: {name: mine[name]})
        assert drawn(seed, number) == {name: whole[name]} | others
    assert drawn((seed + 1) % 2**63, number)[name] != whole[name]
    assert drawn(seed, number + 1)[name] != whole[name]


def test_another_name_is_another_draw(monkeypatch):
    """Negative control: under a new name the same prior gives another value."""
    key, *_ = UNCERTAIN
    before = priors.sample(priors.uncertain(), 1)[key]
    monkeypatch.setattr(priors, "uncertain", lambda: {key + "_": UNCERTAIN[key]})
    assert priors.sample(priors.uncertain(), 1)[key + "_"] != before


def test_everything_is_of_the_posts_or_of_the_chain():
    """Each parameter with a prior is drawn on one of the two sides, and on one only."""
    posts, trade = set(priors.uncertain()), set(priors.uncertain_trade())
    assert posts | trade == set(UNCERTAIN) and not posts & trade
    assert posts and trade


def test_no_two_names_share_a_draw():
    """Names are told apart by a checksum: it must differ for all of them."""
    assert len({zlib.crc32(name.encode()) for name in UNCERTAIN}) == len(UNCERTAIN)


@cache
def many(over: str) -> list[dict[str, float]]:
    """Return draws of one seed over many numbers, or of one number over many seeds."""
    which = [(2015, i) if over == "numbers" else (panel.run_seed(3, i), 0) for i in range(DRAWS)]
    return [drawn(*one) for one in which]


@pytest.mark.parametrize("over", ["numbers", "seeds"])
def test_draws_are_even_over_the_prior(over):
    """Over numbers and over seeds each parameter is even on its scale, and none follows another."""
    places = np.column_stack(
        [
            priors.shares(prior, np.array([one[name] for one in many(over)]))
            for name, prior in UNCERTAIN.items()
        ]
    )
    assert all(stats.kstest(column, "uniform").pvalue > 1e-4 for column in places.T)
    apart = np.corrcoef(places.T)[~np.eye(len(UNCERTAIN), dtype=bool)]
    assert np.abs(apart).max() < 5.0 / np.sqrt(DRAWS)


def test_draws_on_the_wrong_scale_are_noticed():
    """Negative control: the values of a logarithmic prior are not even between its ends."""
    prior = UNCERTAIN["posting.base_posts"]
    values = np.array([one["posting.base_posts"] for one in many("numbers")])
    places = (values - prior.low) / (prior.high - prior.low)
    assert stats.kstest(places, "uniform").pvalue < 1e-6


# ---------------------------------------------------------------- what is declared


def test_a_prior_lies_inside_the_allowed_range():
    """Prior and reference value are inside the range; a logarithmic prior starts above 0."""
    for item in fields(Settings):
        if is_dataclass(item.default_factory):
            for name, one in declared(item.default_factory).items():
                key, prior = f"{item.name}.{name}", one["prior"]
                assert (prior is not None) == (key in UNCERTAIN), key
                if prior is not None:
                    assert one["low"] <= prior.low < prior.high <= one["high"], key
                    assert prior.low <= one["default"] <= prior.high, key
                    assert prior.form in ("uniform", "loguniform"), key
                    assert prior.form == "uniform" or prior.low > 0, key


def test_whatever_is_taken_from_a_prior_of_the_evidence_is_uncertain():
    """A parameter that names a prior row of the evidence has that row's prior, scaled at most."""
    found = []
    for item in fields(Settings):
        if is_dataclass(item.default_factory):
            for name, one in declared(item.default_factory).items():
                row = evidence.inputs().get(one["source"].removeprefix("assumed within evidence "))
                if row is not None and name != "spread":  # a prior of the elasticity
                    prior = UNCERTAIN[f"{item.name}.{name}"]
                    assert prior.low * row.high == pytest.approx(prior.high * row.low, rel=1e-12)
                    found.append(row.id)
    assert {"prior_half_life", "prior_number_of_traders", "prior_report_rate"} <= set(found)
    assert all(name.startswith("prior_") for name in found)


def test_each_structure_fits_at_most_eight_uncertain_parameters():
    """What is fitted is uncertain and named once; each structure is a choice of the command."""
    for name, fitted in priors.FITTED.items():
        assert 1 <= len(fitted) <= 8
        assert len(set(fitted)) == len(fitted)
        assert set(fitted) <= set(UNCERTAIN), name
    assert {*priors.STRUCTURES, "mixture"} == set(presets.names("recovery"))


def same_at_both_ends(structure: str, key: str) -> bool:
    """Return whether a survey is the same with a parameter at either end of its prior."""
    ends = (UNCERTAIN[key].low, UNCERTAIN[key].high)
    jobs = [(priors.with_values(small(150), structure, {key: value}), 5) for value in ends]
    low, high = run.statistics(jobs).to_numpy()
    return bool(np.array_equal(low, high, equal_nan=True))


@pytest.mark.parametrize(("structure", "key"), TOLD)
def test_what_is_fitted_has_an_effect_in_its_structure(structure, key):
    """From one end of its prior to the other each fitted parameter changes the survey."""
    assert not same_at_both_ends(structure, key)


@pytest.mark.parametrize("key", DEAD)
def test_what_another_structure_is_about_has_none_in_the_null(key):
    """Negative control: in the null the parameters of the other structures change no bit."""
    assert same_at_both_ends("none", key)


# ---------------------------------------------------------------- putting


@hypothesis_settings(deadline=None)
@given(
    structure=st.sampled_from(priors.STRUCTURES),
    before=st.sampled_from(priors.STRUCTURES),
    names=st.sets(NAMES),
    fixed=st.sets(NAMES),
    seed=SEEDS,
)
def test_putting_sets_what_is_named_and_nothing_else(structure, before, names, fixed, seed):
    """Named values are set, fixed ones and all others stay; the settings given stay whole."""
    given_settings = small(recovery=before, posterior="prior", fixed=sorted(fixed))
    whole = deepcopy(given_settings)
    drawn = {
        name: value
        for name, value in priors.sample(priors.uncertain(), seed).items()
        if name in names
    }
    put = priors.with_values(given_settings, structure, drawn)
    assert given_settings == whole
    expected = leaves(whole) | {"posterior": "none", "fixed": []}
    expected |= {name: value for name, value in drawn.items() if name not in fixed}
    for name, weight in asdict(Recovery(**presets.choice("recovery", structure))).items():
        expected[f"recovery.{name}"] = weight
    assert leaves(put) == expected


def test_putting_takes_the_other_structure_out():
    """No weight of the structure before is left; those of the new one are there."""
    put = priors.with_values(small(recovery="combined"), "lying_low", {})
    assert put.recovery.lying_low == 1.0
    assert {put.recovery.smooth, put.recovery.forgetting, put.recovery.social_learning} == {0.0}


@hypothesis_settings(deadline=None)
@given(structure=st.sampled_from(priors.STRUCTURES), seed=SEEDS)
def test_whatever_is_drawn_is_allowed(structure, seed):
    """Settings with any draw pass the checks of settings given by hand, and hold the draw."""
    drawn = priors.sample(priors.uncertain(), seed)
    put = priors.with_values(small(), structure, drawn)
    check(put)
    assert {name: value_of(put, name) for name in drawn} == drawn


def test_a_renamed_parameter_keeps_its_samples(monkeypatch):
    """Samples are keyed by the first name; without it they would change (negative control)."""
    renamed = {key: priors.everything()[key] for key in priors.FIRST_NAMES}
    kept = priors.sample(renamed, 7)
    assert kept == {
        "workshop.top_grade_share": pytest.approx(0.47070365609580117, rel=1e-12),
        "legal.switch_to_illegal": pytest.approx(0.2962882628162746, rel=1e-12),
    }
    monkeypatch.setattr(priors, "FIRST_NAMES", {})
    assert all(priors.sample(renamed, 7)[key] != kept[key] for key in renamed)
