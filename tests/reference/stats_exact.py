"""Statistics and distributions at 60 digits, with mpmath. Used by stats.py."""

import math

import scipy.stats
from mpmath import mp, mpf

mp.dps = 60


def mean(x):
    return sum(x) / len(x)


def variance(x):
    centre = mean(x)
    return sum((v - centre) ** 2 for v in x) / (len(x) - 1)


def quantile(ordered, q):
    position = (len(ordered) - 1) * q
    below = int(mp.floor(position))
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def exact(x):
    return [mpf(v) for v in x]


def t_outside(t, df):
    """P(|T| >= |t|)."""
    t, df = abs(mpf(t)), mpf(df)
    if t == 0:
        return mpf(1)
    if df >= 1000 and t > 5:
        return t_outside_far(t, df)
    y = t * t / (df + t * t)
    if y < mpf("0.1"):
        return 1 - mp.betainc(mpf(1) / 2, df / 2, 0, y, regularized=True)
    return mp.betainc(df / 2, mpf(1) / 2, 0, df / (df + t * t), regularized=True)


def t_outside_far(t, df):
    """By quadrature of the density over its value at t: mpmath's incomplete beta answers 0 at df 1e6 and t 37."""
    fall = (df + t * t) / ((df + 1) * t)
    base = t_density(t, df)

    def relative_density(u):
        return mp.exp(-(df + 1) / 2 * mp.log1p((2 * t * u * fall + (u * fall) ** 2) / (df + t * t)))

    value, error = mp.quad(relative_density, [0, 1, 2, 4, 7, 12, 20, 35, 60, 120], error=True)
    assert error < mpf(10) ** -30, (t, df, error)
    return 2 * base * fall * value


def t_inside(t, df):
    t, df = abs(mpf(t)), mpf(df)
    return mp.betainc(mpf(1) / 2, df / 2, 0, t * t / (df + t * t), regularized=True)


def t_density(t, df):
    t, df = mpf(t), mpf(df)
    front = mp.exp(mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2)) / mp.sqrt(df * mp.pi)
    return front * mp.exp(-(df + 1) / 2 * mp.log1p(t * t / df))


def t_two_sided_inverse(inside, outside, df):
    """t > 0 with `inside` of the probability within +-t; Newton in ln t on the smaller of the two logarithms."""
    central = inside < outside
    start = float(scipy.stats.t.isf(float(outside) / 2, float(df)))
    t = mpf(start) if math.isfinite(start) and start > 0 else mpf(1)
    for _ in range(100):
        value = t_inside(t, df) if central else t_outside(t, df)
        slope = (1 if central else -1) * 2 * t * t_density(t, df) / value
        step = (mp.log(inside if central else outside) - mp.log(value)) / slope
        t *= mp.exp(step)
        if abs(step) < mpf(10) ** -25:
            return t
    raise ArithmeticError(f"no t quantile for {outside}, {df}")


def critical(confidence, df):
    confidence = mpf(confidence)
    return t_two_sided_inverse(confidence, 1 - confidence, df)


def noncentral_series(t, df, ncp):
    """P(T <= t), t >= 0, as the Poisson mixture of incomplete betas (Lenth, Applied Statistics 38, 1989)."""
    t, df, ncp = mpf(t), mpf(df), mpf(ncp)
    total = mp.ncdf(-ncp)
    if t == 0:
        return total
    x = t * t / (df + t * t)
    b = df / 2
    half = ncp * ncp / 2
    p = mp.exp(-half)
    q = ncp / mp.sqrt(2) * p / mp.gamma(mpf(3) / 2)
    first = mp.betainc(mpf(1) / 2, b, 0, x, regularized=True)
    second = mp.betainc(mpf(1), b, 0, x, regularized=True)
    drop_first = x ** mpf(0.5) * (1 - x) ** b / (mpf(0.5) * mp.beta(mpf(0.5), b))
    drop_second = x * (1 - x) ** b / mp.beta(mpf(1), b)
    for j in range(20_000):
        term = (p * first + q * second) / 2
        total += term
        if j > half and abs(p * first) + abs(q * second) < mpf(10) ** -50:
            return total
        first -= drop_first
        second -= drop_second
        drop_first *= x * (b + j + mpf(0.5)) / (j + mpf(1.5))
        drop_second *= x * (b + j + 1) / (j + 2)
        p *= half / (j + 1)
        q *= half / (j + mpf(1.5))
    raise ArithmeticError("noncentral t series did not end")


def noncentral_integral(t, df, ncp):
    """The same probability as the mean of the normal cdf over the chi distribution, for large ncp."""
    t, df, ncp = mpf(t), mpf(df), mpf(ncp)
    front = mp.log(2) + df / 2 * mp.log(df / 2) - mp.loggamma(df / 2)

    def f(s):
        return mp.exp(front + (df - 1) * mp.log(s) - df * s * s / 2) * mp.ncdf(t * s - ncp)

    width = 1 / mp.sqrt(2 * df)
    points = {mpf(10) ** -12} | {1 + k * width for k in range(-16, 40) if 1 + k * width > mpf(10) ** -12}
    if t != 0 and ncp / t > 0:
        points |= {s for k in range(-14, 15) if (s := (ncp + k) / t) > mpf(10) ** -12}
    points = sorted(points)
    with mp.workdps(40):
        return mp.quad(f, points)


def noncentral_cdf(t, df, ncp):
    if abs(ncp) > 60:
        return noncentral_integral(t, df, ncp)
    if t < 0:
        return 1 - noncentral_series(-t, df, -ncp)
    return noncentral_series(t, df, ncp)


def solve(f, low, high):
    """Root of a monotone f between two arguments of opposite sign."""
    with mp.workdps(40):
        return mp.findroot(f, (mpf(low), mpf(high)), solver="anderson", tol=mpf(10) ** -40, maxsteps=200, verify=False)


def bracketed(f, start, step):
    """Root of an increasing f."""
    low = high = mpf(start)
    reach = mpf(step)
    while f(low) > 0:
        low -= reach
        reach *= 2
    reach = mpf(step)
    while f(high) < 0:
        high += reach
        reach *= 2
    return solve(f, low, high)


def noncentrality_limits(t, df, confidence):
    tail = (1 - mpf(confidence)) / 2
    spread = mp.sqrt(1 + mpf(t) ** 2 / (2 * mpf(df)))
    low = bracketed(lambda d: 1 - noncentral_cdf(t, df, d) - tail, t - 2 * spread, spread / 2)
    high = bracketed(lambda d: tail - noncentral_cdf(t, df, d), t + 2 * spread, spread / 2)
    return low, high


def correction(m):
    m = mpf(m)
    return mp.exp(mp.loggamma(m / 2) - mp.loggamma((m - 1) / 2)) / mp.sqrt(m / 2)


def two_sided_power(crit, df, ncp):
    return 1 - noncentral_cdf(crit, df, ncp) + noncentral_cdf(-crit, df, ncp)
