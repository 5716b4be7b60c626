"""Exponential, logarithm and normal quantile, bitwise reproducible on every platform.

The library functions differ in their last place between compiled code, Python and platforms.
These use only additions, multiplications, divisions, square roots and exact scaling by powers
of two, in one written order, so that every machine returns the same double. Their error is at
most two units in the last place (exp, log) and 1e-15 relative (normal quantile).
"""

import math

import numpy as np

from marketsim.numerics.jit import array_kernel, kernel, part

# ln 2 in two parts: the first has trailing zero bits, so that k * LN2_HIGH is exact.
LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")
EXP_UNDERFLOW = -708.0
EXP_OVERFLOW = 709.0
# A double is 1 bit of sign, 11 of its exponent plus 1023, and 52 of its fraction.
FRACTION_BITS, EXPONENT_BIAS = 52, 1023
FRACTION, HALF = (1 << 52) - 1, 1022 << 52  # all bits of a fraction; the bits of 0.5
SMALLEST_NORMAL, TWO_TO_54 = 2.0**-1022, 2.0**54
INVERSE_FACTORIALS = np.array([1.0 / math.factorial(n) for n in range(14)])
TWICE_INVERSE_ODD = np.array([2.0 / n for n in range(1, 25, 2)])
LN_2 = 0.6931471805599453  # for half-lives


@kernel
def exp(x):
    """Return e to the power of x.

    Parameters
    ----------
    x : float
        Any number; below -708 the result is 0, above 709 it is infinite.

    Returns
    -------
    float
        Within two units in the last place of the true value.
    """
    within = min(max(x, EXP_UNDERFLOW), EXP_OVERFLOW)  # no branch: loops over arrays vectorise
    k = math.floor(within / (LN2_HIGH + LN2_LOW) + 0.5)
    r = (within - k * LN2_HIGH) - k * LN2_LOW
    total = INVERSE_FACTORIALS[13]
    for n in range(12, -1, -1):
        total = total * r + INVERSE_FACTORIALS[n]
    out = total * np.int64((np.int64(k) + EXPONENT_BIAS) << FRACTION_BITS).view(np.float64)
    out = 0.0 if x < EXP_UNDERFLOW else out
    return math.inf if x > EXP_OVERFLOW else out


@array_kernel
def exp_each(values):
    """Return `exp` of each number of a float64 array."""
    out = np.empty(values.size)
    for i in range(values.size):
        out[i] = exp(values[i])
    return out


@kernel
def log(x):
    """Return the natural logarithm of a positive number.

    Parameters
    ----------
    x : float
        Greater than zero and finite.

    Returns
    -------
    float
        Within two units in the last place of the true value; nan for any other `x`.
    """
    # x = m * 2**k with m in [sqrt(1/2), sqrt(2)), from the bits of x; no branch, as in `exp`
    is_small = x < SMALLEST_NORMAL
    bits = np.float64(x * TWO_TO_54 if is_small else x).view(np.int64)
    k = (bits >> FRACTION_BITS) - (EXPONENT_BIAS - 1) - (54 if is_small else 0)
    m = np.int64((bits & FRACTION) | HALF).view(np.float64)
    is_low = m < SQRT_HALF
    m = m * 2.0 if is_low else m
    k = k - 1 if is_low else k
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    tail = TWICE_INVERSE_ODD[11]
    for n in range(10, 0, -1):
        tail = tail * z + TWICE_INVERSE_ODD[n]
    out = k * LN2_HIGH + (2.0 * s + (s * z * tail + k * LN2_LOW))
    return out if 0.0 < x < math.inf else math.nan


@array_kernel
def log_each(values):
    """Return `log` of each number of a float64 array."""
    out = np.empty(values.size)
    for i in range(values.size):
        out[i] = log(values[i])
    return out


# Wichura (1988), algorithm AS 241, PPND16: numerators and denominators, highest power first.
CENTRE_TOP = np.array(
    [2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
     4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
     1.3314166789178437745e2, 3.3871328727963666080e0]
)  # fmt: skip
CENTRE_BOTTOM = np.array(
    [5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
     2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
     4.2313330701600911252e1, 1.0]
)  # fmt: skip
MIDDLE_TOP = np.array(
    [7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
     4.63033784615654529590e0, 1.42343711074968357734e0]
)  # fmt: skip
MIDDLE_BOTTOM = np.array(
    [1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
     2.05319162663775882187e0, 1.0]
)  # fmt: skip
TAIL_TOP = np.array(
    [2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
     5.46378491116411436990e0, 6.65790464350110377720e0]
)  # fmt: skip
TAIL_BOTTOM = np.array(
    [2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0]
)  # fmt: skip


@part
def whole_power(base, exponent):
    """Return a number to a whole power, by squaring in one fixed order (docs/model.md 7.7)."""
    out = 1.0
    while exponent > 0:
        if exponent % 2 == 1:
            out *= base
        base *= base
        exponent //= 2
    return out


@kernel
def _ratio(top, bottom, x):
    numerator = top[0]
    denominator = bottom[0]
    for n in range(1, 8):
        numerator = numerator * x + top[n]
        denominator = denominator * x + bottom[n]
    return numerator / denominator


@kernel
def normal_quantile(u):
    """Return the standard normal quantile (Wichura 1988, algorithm AS 241).

    Parameters
    ----------
    u : float
        Probability, greater than 0 and less than 1.

    Returns
    -------
    float
        The value below which a standard normal variable is with probability `u`.
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(CENTRE_TOP, CENTRE_BOTTOM, 0.180625 - q * q)
    r = math.sqrt(-log(u if q < 0.0 else 1.0 - u))
    if r <= 5.0:
        size = _ratio(MIDDLE_TOP, MIDDLE_BOTTOM, r - 1.6)
    else:
        size = _ratio(TAIL_TOP, TAIL_BOTTOM, r - 5.0)
    return -size if q < 0.0 else size


@array_kernel
def normal_quantile_each(probabilities):
    """Return `normal_quantile` of each number of a float64 array."""
    out = np.empty(probabilities.size)
    for i in range(probabilities.size):
        out[i] = normal_quantile(probabilities[i])
    return out
