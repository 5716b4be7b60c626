"""Laws of the exact functions: how near they are to the truth, their edges, and their bits.

The truth is computed with 200 bits by mpmath. Errors are counted in units of the last place of
the true value (exp, log) or relative to it (normal quantile). Every accuracy check is also fed
a function with one misprint or one wrong last place, which it must catch.
"""

import math
import statistics
import sys
from functools import cache
from types import FunctionType

import mpmath
import numpy as np
import pytest
from conftest import output_without_compiler

from marketsim.numerics import elementary
from marketsim.numerics.elementary import (
    EXP_OVERFLOW,
    EXP_UNDERFLOW,
    exp,
    exp_each,
    log,
    log_each,
    normal_quantile,
    normal_quantile_each,
)

# The largest errors seen over twelve other choices of these points, and over a search for bad
# arguments: 1.12 places, 1.998 places and 8.7e-16.
EXP_PLACES = 2.0
LOG_PLACES = 2.0
QUANTILE_ERROR = 1e-15

# How far a value may fall below that of the double before it, in units of the last place. The
# largest falls seen over twelve other choices of the points: 1, 0 and 4.
EXP_FALL = 1
LOG_FALL = 1
QUANTILE_FALL = 4

TRUTH_BITS = 200
SMALLEST = 5e-324
SMALLEST_NORMAL = 2.0**-1022
LARGEST = sys.float_info.max


# ---------------------------------------------------------------- points and their true values


def around(centres, reach=4):
    """Return some doubles with their neighbours on both sides."""
    points = []
    for centre in centres:
        up = down = float(centre)
        points.append(up)
        for _ in range(reach):
            up, down = math.nextafter(up, math.inf), math.nextafter(down, -math.inf)
            points += [up, down]
    return points


def both_signs(values):
    return [sign * value for value in values for sign in (-1.0, 1.0)]


@cache
def exp_points():
    """Return arguments over the whole range, small ones, and the seams of the reduction."""
    generator = np.random.default_rng(1)
    spread = generator.uniform(EXP_UNDERFLOW, EXP_OVERFLOW, 8_000)
    near_zero = generator.uniform(-1.0, 1.0, 6_000)
    tiny = both_signs(2.0 ** generator.uniform(-1074.0, 0.0, 500))
    seams = around([(k + 0.5) * math.log(2.0) for k in range(-1021, 1022, 11)])
    whole = [float(k) for k in range(-708, 710)]
    points = [*spread, *near_zero, *tiny, *seams, *whole, EXP_UNDERFLOW, EXP_OVERFLOW]
    return [float(x) for x in points if EXP_UNDERFLOW <= x <= EXP_OVERFLOW]


@cache
def log_points():
    """Return arguments of every size, near one, and where the error is largest."""
    generator = np.random.default_rng(2)
    spread = 2.0 ** generator.uniform(-1022.0, 1023.9, 6_000)
    units = generator.random(6_000)
    middle = generator.uniform(0.5, 2.0, 8_000)
    near_one = 1.0 + np.array(both_signs(2.0 ** generator.uniform(-52.0, -1.0, 2_000)))
    # Just below a power of two the units of the result are smallest beside the value.
    below_powers = np.exp(
        2.0 ** -generator.integers(2, 30, 6_000) * (1 - generator.random(6_000) / 64)
    )
    powers = [2.0**k for k in range(-1022, 1023, 11) if k]
    seams = around([*powers, *(math.sqrt(0.5) * power for power in powers)])
    ends = [SMALLEST_NORMAL, LARGEST, math.nextafter(1.0, 0.0), math.nextafter(1.0, 2.0)]
    every = [*spread, *units, *middle, *near_one, *below_powers, *seams, *ends]
    return [float(x) for x in every if x != 1.0]


@cache
def subnormals():
    generator = np.random.default_rng(3)
    return [SMALLEST * int(size) for size in 2.0 ** generator.uniform(0.0, 52.0, 1_000)]


@cache
def quantile_points():
    """Return probabilities of every size, both tails, the middle, and the seams of the pieces."""
    generator = np.random.default_rng(4)
    whole = generator.random(5_000)
    lower = 10.0 ** generator.uniform(-320.0, -1.0, 3_000)
    upper = 1.0 - 10.0 ** generator.uniform(-15.9, -1.0, 3_000)
    near_half = 0.5 + np.array(both_signs(2.0 ** generator.uniform(-53.0, -2.0, 1_000)))
    tail = math.exp(-25.0)
    seams = around([0.075, 0.925, tail, 1.0 - tail, 0.25, 0.75], reach=60)
    ends = [SMALLEST, SMALLEST_NORMAL, 2.0**-53, 1.0 - 2.0**-53]
    return [float(u) for u in [*whole, *lower, *upper, *near_half, *seams, *ends] if u != 0.5]


def true_quantile(u):
    """Return the normal quantile to 30 digits: two Newton steps from a good first guess."""
    x = mpmath.mpf(statistics.NormalDist().inv_cdf(u))
    for _ in range(2):
        x -= (mpmath.ncdf(x) - mpmath.mpf(u)) / mpmath.npdf(x)
    return x


@cache
def truth(name):
    """Return points and true values of one of the functions."""
    function, points = {
        "exp": (mpmath.exp, exp_points),
        "log": (mpmath.log, log_points),
        "log of subnormals": (mpmath.log, subnormals),
        "quantile": (true_quantile, quantile_points),
    }[name]
    with mpmath.workprec(TRUTH_BITS):
        return [(x, function(mpmath.mpf(x) if name != "quantile" else x)) for x in points()]


def worst(function, name, error, every=1):
    """Return the largest error of a function over the points of a name, or some of them."""
    with mpmath.workprec(TRUTH_BITS):
        return max(error(function(x), true) for x, true in truth(name)[::every])


def places(found, true):
    """Return an error in units of the last place of the true value."""
    return float(abs(mpmath.mpf(found) - true) / math.ulp(float(true)))


def relative(found, true):
    return float(abs(mpmath.mpf(found) / true - 1))


# ---------------------------------------------------------------- accuracy


def test_exp_is_within_two_places():
    """The exponential is within two units in the last place of the truth."""
    assert worst(exp, "exp", places) <= EXP_PLACES


def test_log_is_within_two_places():
    """The logarithm is within two units in the last place of the truth, subnormals included."""
    assert worst(log, "log", places) <= LOG_PLACES
    assert worst(log, "log of subnormals", places) <= LOG_PLACES


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, -SMALLEST])
def test_what_has_no_logarithm_is_not_a_number(x):
    """A value that went wrong before stays recognizable: it does not become a usual number."""
    assert math.isnan(log(x)) and np.isnan(log_each(np.array([x]))).all()
    assert not math.isnan(log(SMALLEST)) and not math.isnan(log(sys.float_info.max))


def test_normal_quantile_is_within_its_relative_error():
    """The normal quantile is within 1e-15 of the truth, relative to it, tails included."""
    assert worst(normal_quantile, "quantile", relative) <= QUANTILE_ERROR


def test_the_truth_is_the_quantile():
    """The true quantiles are those of mpmath's inverse error function, another road."""
    with mpmath.workprec(TRUTH_BITS):
        for u, true in truth("quantile")[:40]:
            other = mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(u) - 1)
            assert relative(true, other) < 1e-28


def moved(function, steps):
    """Return a function whose values lie some doubles too high."""

    def wrong(x):
        value = function(x)
        for _ in range(steps):
            value = math.nextafter(value, math.inf)
        return value

    return wrong


def test_a_wrong_last_place_is_caught():
    """Negative control: the library passes the checks, three places off it fails them."""
    for library, name, bound in ((math.exp, "exp", EXP_PLACES), (math.log, "log", LOG_PLACES)):
        assert worst(library, name, places) <= bound
        assert worst(moved(library, 3), name, places) > bound


def test_a_slightly_wrong_argument_is_caught():
    """Negative control: numpy's functions of an argument 1e-15 off fail the checks."""
    assert worst(lambda x: float(np.exp(x * (1.0 + 1e-15))), "exp", places) > EXP_PLACES
    assert worst(lambda x: float(np.log(x * (1.0 + 1e-15))), "log", places) > LOG_PLACES


def in_plain_python(function, **changed):
    """Return a function of the module as plain Python, with some of its constants changed."""
    kernels = ("_ratio", "exp", "log", "normal_quantile")
    space = {**vars(elementary), **changed}
    for name in kernels:
        written = getattr(elementary, name)
        space[name] = FunctionType(getattr(written, "py_func", written).__code__, space)
    return space[function.__name__]


def misprinted(table, place, factor):
    """Return a changed constant: one entry of a table multiplied by a factor."""
    entries = np.array(getattr(elementary, table), dtype=float)
    entries[place] *= factor
    return {table: entries if entries.ndim else float(entries)}


@pytest.mark.parametrize(
    ("function", "name", "error", "bound"),
    [
        (exp, "exp", places, EXP_PLACES),
        (log, "log", places, LOG_PLACES),
        (normal_quantile, "quantile", relative, QUANTILE_ERROR),
    ],
    ids=["exp", "log", "normal_quantile"],
)
def test_the_control_without_misprint_passes(function, name, error, bound):
    """The rebuilt functions, on which the misprints are tried, pass when nothing is changed."""
    assert worst(in_plain_python(function), name, error) <= bound


@pytest.mark.parametrize("place", range(10))
def test_a_misprint_in_the_series_of_exp_is_caught(place):
    """Negative control: a coefficient off by a thousandth shows in the exponential."""
    wrong = in_plain_python(exp, **misprinted("INVERSE_FACTORIALS", place, 1.001))
    assert worst(wrong, "exp", places, every=3) > EXP_PLACES


@pytest.mark.parametrize("place", range(1, 8))
def test_a_misprint_in_the_series_of_log_is_caught(place):
    """Negative control: a coefficient off by a thousandth shows in the logarithm."""
    wrong = in_plain_python(log, **misprinted("TWICE_INVERSE_ODD", place, 1.001))
    assert worst(wrong, "log", places, every=3) > LOG_PLACES


@pytest.mark.parametrize("function", [exp, log], ids=["exp", "log"])
@pytest.mark.parametrize(("part", "factor"), [("LN2_HIGH", 1.0 + 1e-14), ("LN2_LOW", 1.00001)])
def test_a_misprint_in_the_logarithm_of_two_is_caught(function, part, factor):
    """Negative control: either part of ln 2 off by so little that ln 2 moves by 1e-14 shows."""
    wrong = in_plain_python(function, **misprinted(part, ..., factor))
    assert worst(wrong, function.__name__, places, every=3) > max(EXP_PLACES, LOG_PLACES)


TABLES = [f"{part}_{side}" for part in ("CENTRE", "MIDDLE", "TAIL") for side in ("TOP", "BOTTOM")]


@pytest.mark.parametrize("table", TABLES)
def test_any_misprint_in_the_normal_quantile_is_caught(table):
    """Negative control: any of the 48 coefficients off in its fifth digit shows."""
    for place in range(8):
        wrong = in_plain_python(normal_quantile, **misprinted(table, place, 1.0 + 1e-5))
        assert worst(wrong, "quantile", relative, every=9) > QUANTILE_ERROR


# ---------------------------------------------------------------- edges


def test_exp_at_its_edges():
    """The exponential is 1 at 0, 0 below its range and infinite above it."""
    assert exp(0.0) == exp(-0.0) == exp(SMALLEST) == exp(-SMALLEST) == 1.0
    assert exp(EXP_UNDERFLOW) > SMALLEST_NORMAL
    assert exp(math.nextafter(EXP_UNDERFLOW, -math.inf)) == 0.0
    assert exp(-math.inf) == exp(-LARGEST) == 0.0
    assert exp(EXP_OVERFLOW) < math.inf
    assert exp(math.nextafter(EXP_OVERFLOW, math.inf)) == math.inf
    assert exp(math.inf) == exp(LARGEST) == math.inf


def test_log_at_its_edges():
    """The logarithm is 0 at 1 only, and is finite from the smallest to the largest double."""
    assert log(1.0) == 0.0
    assert log(math.nextafter(1.0, 2.0)) == 2.0**-52
    assert log(math.nextafter(1.0, 0.0)) == -(2.0**-53)
    assert log(SMALLEST) == math.log(SMALLEST)
    assert log(LARGEST) == math.log(LARGEST)
    for k in range(-1074, 1024):
        assert abs(log(2.0**k) - k * math.log(2.0)) <= math.ulp(k * math.log(2.0))


def test_normal_quantile_at_its_edges():
    """The quantile of a half is 0, and it is finite from the smallest draw to the largest."""
    assert normal_quantile(0.5) == 0.0
    assert -38.5 < normal_quantile(SMALLEST) < -38.4
    assert normal_quantile(2.0**-53) == -normal_quantile(1.0 - 2.0**-53)
    assert -8.3 < normal_quantile(2.0**-53) < -8.2


def test_normal_quantile_is_symmetric():
    """On the steps of the draws the quantiles of u and of 1 - u differ in sign only."""
    generator = np.random.default_rng(6)
    steps = generator.integers(1, 2**52, 20_000) * 2.0**-53
    fine = np.floor(2.0 ** generator.uniform(0.0, 52.0, 5_000)) * 2.0**-53
    for u in np.concatenate([steps, fine]).tolist():
        assert normal_quantile(1.0 - u) == -normal_quantile(u)


# ---------------------------------------------------------------- order


def falls(function, points):
    """Return the largest fall from a double to the next, in units of the last place."""
    largest = 0.0
    for x in points:
        here, there = function(x), function(math.nextafter(x, math.inf))
        largest = max(largest, (here - there) / math.ulp(here))
    return largest


def inside(points, low, high):
    return [x for x in points if low <= x and math.nextafter(x, math.inf) <= high]


@pytest.mark.parametrize(
    ("function", "points", "low", "high", "bound"),
    [
        (exp, exp_points, EXP_UNDERFLOW, EXP_OVERFLOW, EXP_FALL),
        (log, log_points, SMALLEST, LARGEST, LOG_FALL),
        (normal_quantile, quantile_points, SMALLEST, 1.0 - 2.0**-53, QUANTILE_FALL),
    ],
    ids=["exp", "log", "normal_quantile"],
)
def test_neighbouring_doubles_keep_their_order(function, points, low, high, bound):
    """From a double to the next no value falls by more than its rounding."""
    assert falls(function, inside(points(), low, high)) <= bound


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [(exp, -700.0, 700.0), (log, 1e-3, 1e3), (normal_quantile, 1e-6, 1.0 - 1e-6)],
    ids=["exp", "log", "normal_quantile"],
)
def test_values_rise_over_any_visible_step(function, low, high):
    """Over steps that are wide beside the rounding every value is above the one before."""
    values = [function(x) for x in np.linspace(low, high, 20_000).tolist()]
    assert all(np.diff(values) > 0.0)


def test_a_fall_is_caught():
    """Negative control: a step down in an otherwise rising function is seen."""
    assert falls(lambda x: math.exp(x) * (1.0 - 1e-14 * (x > 0.25)), [0.25]) > QUANTILE_FALL


# ---------------------------------------------------------------- arrays and bits


@pytest.mark.parametrize(
    ("each", "function", "points"),
    [
        (exp_each, exp, exp_points),
        (log_each, log, log_points),
        (normal_quantile_each, normal_quantile, quantile_points),
    ],
    ids=["exp", "log", "normal_quantile"],
)
def test_arrays_equal_the_scalars(each, function, points):
    """An array function gives the bits of the scalar function, and of nothing gives nothing."""
    alone = np.array([function(x) for x in points()])
    assert each(np.array(points())).tobytes() == alone.tobytes()
    assert each(np.empty(0)).size == 0


def sample_of_bits():
    """Return a text that shows every bit of many values of the three functions."""
    lines = [float(exp(x)).hex() for x in exp_points()[::9]]
    lines += [float(log(x)).hex() for x in [*log_points()[::9], *subnormals()[::9]]]
    lines += [float(normal_quantile(u)).hex() for u in quantile_points()[::9]]
    lines += [x.hex() for x in exp_each(np.linspace(-9.0, 9.0, 99)).tolist()]
    return "\n".join(lines)


def test_values_have_the_same_bits_without_the_compiler():
    """Plain Python gives the values of the compiled code bit by bit, and without a warning."""
    assert output_without_compiler(__file__) == sample_of_bits()


if __name__ == "__main__":
    print(sample_of_bits())
