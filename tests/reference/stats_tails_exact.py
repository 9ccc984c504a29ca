"""Tails and quantiles at 30 and more digits, with mpmath. Used by stats_tails.py."""

import functools
import math
from fractions import Fraction

from flint import arb, ctx
from mpmath import mp, mpf

STEPS = [0, 1, 2, 4, 7, 12, 20, 35, 60, 120]


def hill_tail(ln_density, y, sign):
    """Integral of exp(ln_density) from y on in the direction `sign`, where the (log-concave) density falls."""
    slope = -sign * mp.diff(ln_density, y)
    bend = -mp.diff(ln_density, y, 2)
    width = 1 / max(slope, mp.sqrt(abs(bend)) / 2)
    base = ln_density(y)
    value, error = mp.quad(lambda u: mp.exp(ln_density(y + sign * u * width) - base), STEPS, error=True)
    assert error < value * mpf(10) ** -25, (y, error)
    return mp.exp(base) * width * value


def tails(ln_density, y, mode):
    """(lower, upper) of a density with a single hill around `mode`."""
    if y >= mode:
        upper = hill_tail(ln_density, y, 1)
        return 1 - upper, upper
    lower = hill_tail(ln_density, y, -1)
    return lower, 1 - lower


def f_tails(f, df1, df2):
    """(lower, upper) by quadrature of the density of ln F."""
    a, b = mpf(df1) / 2, mpf(df2) / 2
    front = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)

    def ln_density(y):
        odds = a / b * mp.exp(y)
        return front + a * mp.log(odds) - (a + b) * mp.log1p(odds)

    return tails(ln_density, mp.log(mpf(f)), mpf(0))


def chi_squared_tails(x, df):
    a = mpf(df) / 2
    front = -mp.loggamma(a)

    def ln_density(y):
        return front + a * (y - mp.log(2)) - mp.exp(y) / 2

    return tails(ln_density, mp.log(mpf(x)), mp.log(mpf(df)))


def positive_quantile(tails_at, p, upper, start):
    """The x whose tail is p: Newton in ln x on the logarithm of the tail, with a numerical slope."""
    y = mp.log(mpf(start))
    index = 1 if upper else 0
    target = mp.log(mpf(p))

    def value(y):
        return mp.log(tails_at(mp.exp(y))[index]) - target

    for _ in range(100):
        step = mpf(10) ** -12
        here = value(y)
        slope = (value(y + step) - here) / step
        change = -here / slope
        y += max(min(change, mpf(3)), mpf(-3))
        if abs(change) < mpf(10) ** -20:
            return mp.exp(y)
    raise ArithmeticError("no quantile")


def normal_upper(z):
    return mp.erfc(mpf(z) / mp.sqrt(2)) / 2


def normal_upper_quantile(p):
    p = mpf(p)
    if p > mpf(1) / 2:
        return -normal_upper_quantile(1 - p)
    z = mp.sqrt(-2 * mp.log(p)) * (1 - 2 * p)
    for _ in range(200):
        value = normal_upper(z)
        step = (mp.log(value) - mp.log(p)) * value / mp.npdf(z)
        z += step
        if abs(step) < mpf(10) ** -35:
            return z
    raise ArithmeticError("no normal quantile")


def noncentral_f_cdf(f, df1, df2, ncp):
    """The Poisson mixture of incomplete betas by the forward recurrence, at so many digits that it may cancel."""
    with mp.workdps(120):
        f, df1, df2, m = mpf(f), mpf(df1), mpf(df2), mpf(ncp) / 2
        x = df1 * f / (df2 + df1 * f)
        a, b = df1 / 2, df2 / 2
        beta = mp.betainc(a, b, 0, x, regularized=True)
        drop = mp.exp(a * mp.log(x) + b * mp.log1p(-x) - mp.log(a) - mp.log(mp.beta(a, b)))
        weight = mp.exp(-m)
        total = mpf(0)
        for j in range(100_000):
            total += weight * beta
            if j > m and weight < mpf(10) ** -110:
                return total
            beta -= drop
            drop *= x * (a + b + j) / (a + j + 1)
            weight *= m / (j + 1)
    raise ArithmeticError("noncentral F series did not end")


def binomial_exact(k, n, p):
    """(pmf, at most, at least) as exact fractions of the binary p, rounded once."""
    p = Fraction(p)
    one = p.denominator
    hit, miss = p.numerator, one - p.numerator
    terms = [math.comb(n, i) * hit**i * miss ** (n - i) for i in range(n + 1)]
    whole = one**n
    assert sum(terms) == whole
    return [mpf(t) / mpf(whole) for t in (terms[k], sum(terms[: k + 1]), sum(terms[k:]))]


def hypergeometric_exact(k, population, successes, draws):
    low, high = max(0, successes + draws - population), min(successes, draws)
    terms = {i: math.comb(successes, i) * math.comb(population - successes, draws - i) for i in range(low, high + 1)}
    whole = math.comb(population, draws)
    assert sum(terms.values()) == whole
    most = sum(t for i, t in terms.items() if i <= k)
    least = sum(t for i, t in terms.items() if i >= k)
    return [mpf(t) / mpf(whole) for t in (terms[k], most, least)]


@functools.cache
def legendre(count):
    """Nodes and weights of the Gauss-Legendre rule with `count` points on [-1, 1]."""
    with mp.workdps(40):
        rule = []
        for i in range(count):
            x = mp.cos(mp.pi * (i + mpf(3) / 4) / (count + mpf(1) / 2))
            for _ in range(60):
                value, slope = legendre_value(count, x)
                x -= value / slope
            rule.append((x, 2 / ((1 - x * x) * legendre_value(count, x)[1] ** 2)))
    return rule


def legendre_value(count, x):
    before, value = mpf(1), x
    for n in range(2, count + 1):
        before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
    return value, count * (x * value - before) / (x * x - 1)


def panels(f, points, count=16):
    """Composite Gauss-Legendre integral: a nested adaptive one would take hours."""
    total = mpf(0)
    for low, high in zip(points, points[1:]):
        half = (high - low) / 2
        total += half * mp.fsum(weight * f(low + half * (1 + x)) for x, weight in legendre(count))
    return total


@functools.cache
def ball_rule(count):
    with ctx.workprec(140):
        return [(to_ball(x), to_ball(weight)) for x, weight in legendre(count)]


def to_ball(x):
    return arb(mp.nstr(mpf(x), 40)).mid()


def ball_panels(f, points, count=20):
    """The same in ball arithmetic (Arb), whose complementary error function is ten times as fast; gives a number of
    mpmath and checks that rounding cost no digit that matters."""
    total = arb(0)
    for low, high in zip(points, points[1:]):
        middle, half = arb(low + high) / 2, arb(high - low) / 2
        for x, weight in ball_rule(count):
            total += half * weight * f(middle + half * x)
    assert total.rel_accuracy_bits() > 70, total
    return mpf(total.str(40, radius=False))


def ball_normal_upper(z):
    return (z / arb(2).sqrt()).erfc() / 2


def ball_power(x, n):
    """x^n by squaring: the library's own gives NaN for some balls around 0."""
    result = arb(1)
    while n:
        if n % 2:
            result *= x
        x, n = x * x, n // 2
    return result


def ball_density(z):
    return (-z * z / 2).exp() / (2 * arb.pi()).sqrt()


def spread_points(centres, reach, step):
    """Multiples of `step`, as doubles with few digits, from `reach` below each centre to `reach` above."""
    step = 2.0 ** math.floor(math.log2(step))
    marks = set()
    for centre in centres:
        first, last = math.floor((float(centre) - reach) / step), math.ceil((float(centre) + reach) / step)
        marks |= {i * step for i in range(first, last + 1)}
    return sorted(marks)


def range_tail(w, groups):
    """P(range of `groups` normals >= w). The difference of powers is taken with as many digits as it loses."""
    usual = -math.sqrt(2 * math.log(groups)) / 2
    with ctx.workprec(110 + int(0.4 * float(w) ** 2)):
        ball = to_ball(w)

        def f(z):
            q, far = ball_normal_upper(z), ball_normal_upper(z + ball)
            return ball_density(z) * (ball_power(q, groups - 1) - ball_power(q - far, groups - 1))

        points = spread_points([-w / 2, usual], 9.5, 2.0 if groups < 20 else 1.0)
        return groups * ball_panels(f, points)


def studentized(q, df, tail, bend):
    """Mean of tail(q S) over S = sqrt(chi2_df / df), in the variable S; `bend`: tail falls like exp(-bend w^2)."""
    q = mpf(q)
    if df == math.inf:
        return tail(q)
    df = mpf(df)
    front = mp.log(2) + df / 2 * mp.log(df / 2) - mp.loggamma(df / 2)
    rate = df / 2 + bend * q * q
    # With exp(-bend q^2 s^2) the integrand is a chi density with this mode and width; the tail is less steep.
    centre = mp.sqrt(df / 2 / rate)
    width = 1 / (2 * mp.sqrt(rate))

    def f(s):
        return mp.exp(front + (df - 1) * mp.log(s) - df * s * s / 2) * tail(q * s)

    points = sorted(
        {max(mpf(0), centre + width * k) for k in (-16, -12, -9, -7, -5, -3.5, -2, -1, 0)}
        | {centre + width * k for k in (1, 2, 3.5, 5, 7, 9, 12, 16, 22)}
    )
    return panels(f, points)


def studentized_range_tail(q, groups, df):
    return studentized(q, df, lambda w: range_tail(w, groups), mpf(1) / 4)


def largest_tail(w, lambdas, two_sided):
    """P(max T_i >= w) with infinite degrees of freedom: one minus a product, with as many digits as that loses."""
    reach = max(float(w), 0.0)
    distinct = sorted(set(lambdas))
    with ctx.workprec(110 + int(0.8 * reach**2)):
        ball = to_ball(w)
        lams = {v: arb(v) for v in distinct}
        taus = {v: (1 - arb(v) ** 2).sqrt() for v in distinct}

        def f(z):
            product = arb(1)
            for v in distinct:
                out = ball_normal_upper((ball - lams[v] * z) / taus[v])
                if two_sided:
                    out += ball_normal_upper((ball + lams[v] * z) / taus[v])
                product *= ball_power(1 - out, lambdas.count(v))
            return ball_density(z) * (1 - product)

        centres = [v * reach for v in distinct] + ([-v * reach for v in distinct] if two_sided else [])
        step = min([2.0] + [4 * math.sqrt(1 - v * v) for v in distinct])
        return ball_panels(f, spread_points(centres, 10.5, step))


def dunnett_tail(c, lambdas, df, two_sided):
    return studentized(c, df, lambda w: largest_tail(w, lambdas, two_sided), mpf(1) / 2)
