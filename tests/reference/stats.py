"""Reference values for the crate sweeper-stats, from exact arithmetic.

Every expected value is computed with mpmath at 60 digits from the exact binary values of the inputs. Cases marked
`plain` are computed a second time with SciPy, and the script fails when the two disagree: a formula read wrongly
here would show. Offsets, huge scales and extreme tails are left to mpmath alone, because SciPy loses digits there.

    python stats.py --seed 20261122 --out fixtures/stats.json

Another seed gives other samples of the same kinds. All numbers are written as decimal strings, so that no JSON
reader rounds them on the way.
"""

import argparse
import json
import random
import warnings

import scipy.stats
from mpmath import mp, mpf

from stats_exact import (
    correction,
    critical,
    exact,
    mean,
    noncentral_cdf,
    noncentral_integral,
    noncentral_series,
    noncentrality_limits,
    quantile,
    solve,
    t_inside,
    t_outside,
    t_two_sided_inverse,
    two_sided_power,
    variance,
)

SCIPY_AGREEMENT = 1e-9


# ---------------------------------------------------------------- writing


def number(value):
    """Shortest decimal string of the nearest double."""
    return repr(float(value))


def sample(x):
    return " ".join(number(v) for v in x)


def same(name, mine, theirs, scale=0.0):
    mine, theirs = float(mine), float(theirs)
    if abs(mine - theirs) > SCIPY_AGREEMENT * max(abs(mine), float(scale)):
        raise ArithmeticError(f"{name}: mpmath says {mine!r}, SciPy {theirs!r}")


class Cases:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.cases = []

    def add(self, kind, name, inputs, expected):
        assert all(isinstance(v, str) for v in [*inputs.values(), *expected.values()])
        self.cases.append({"kind": kind, "name": name, "input": inputs, "expected": expected})

    def normal(self, n, centre=0.0, sd=1.0):
        return [self.random.gauss(centre, sd) for _ in range(n)]


# ---------------------------------------------------------------- one function per kind


def add_summary(cases, name, x, confidence=0.95):
    e = exact(x)
    ordered = sorted(e)
    n = len(e)
    expected = {
        "mean": number(mean(e)),
        "min": number(ordered[0]),
        "max": number(ordered[-1]),
        "median": number((ordered[(n - 1) // 2] + ordered[n // 2]) / 2),
    }
    for label, q in [("q25", mpf("0.25")), ("q75", mpf("0.75"))]:
        expected[label] = number(quantile(ordered, q))
    expected["iqr"] = number(quantile(ordered, mpf("0.75")) - quantile(ordered, mpf("0.25")))
    if n > 1:
        sd = mp.sqrt(variance(e))
        se = sd / mp.sqrt(n)
        expected |= {"sd": number(sd), "se": number(se)}
        if sd > 0:
            half = critical(confidence, n - 1) * se
            expected |= {"low": number(mean(e) - half), "high": number(mean(e) + half)}
    cases.add("summary", name, {"x": sample(x), "confidence": number(confidence)}, expected)


def t_test(difference, se, df, confidence):
    t = difference / se
    p = t_outside(t, df)
    half = critical(confidence, df) * se
    return {
        "difference": number(difference),
        "standard_error": number(se),
        "statistic": number(t),
        "df": number(df),
        "p_value": number(p),
        "log10_p": number(mp.log10(p)),
        "low": number(difference - half),
        "high": number(difference + half),
    }


def check_t_test(name, expected, result, confidence):
    interval = result.confidence_interval(confidence)
    se = expected["standard_error"]
    same(name, expected["statistic"], result.statistic, 1e-3)
    same(name, expected["p_value"], result.pvalue)
    same(name, expected["df"], result.df)
    same(name, expected["low"], interval.low, se)
    same(name, expected["high"], interval.high, se)


def add_paired(cases, name, a, b, confidence=0.95, plain=False):
    d = [x - y for x, y in zip(exact(a), exact(b))]
    expected = t_test(mean(d), mp.sqrt(variance(d) / len(d)), mpf(len(d) - 1), confidence)
    if plain:
        check_t_test(name, expected, scipy.stats.ttest_rel(a, b), confidence)
    cases.add("paired_t", name, {"a": sample(a), "b": sample(b), "confidence": number(confidence)}, expected)


def add_welch(cases, name, a, b, confidence=0.95, plain=False):
    x, y = exact(a), exact(b)
    u, v = variance(x) / len(x), variance(y) / len(y)
    df = (u + v) ** 2 / (u**2 / (len(x) - 1) + v**2 / (len(y) - 1))
    expected = t_test(mean(x) - mean(y), mp.sqrt(u + v), df, confidence)
    if plain:
        check_t_test(name, expected, scipy.stats.ttest_ind(a, b, equal_var=False), confidence)
    cases.add("welch_t", name, {"a": sample(a), "b": sample(b), "confidence": number(confidence)}, expected)


def add_effect(cases, kind, name, a, b, confidence=0.95):
    x, y = exact(a), exact(b)
    d = [p - q for p, q in zip(x, y)]
    if kind == "hedges_g":
        df = len(x) + len(y) - 2
        pooled = mp.sqrt(((len(x) - 1) * variance(x) + (len(y) - 1) * variance(y)) / df)
        unit = mp.sqrt(mpf(1) / len(x) + mpf(1) / len(y))
        t = (mean(x) - mean(y)) / pooled / unit
    else:
        df = len(d) - 1
        se = mp.sqrt(variance(d) / len(d))
        t = mean(d) / se
        unit = 1 / mp.sqrt(len(d))
        if kind == "hedges_g_av":
            unit = se / mp.sqrt((variance(x) + variance(y)) / 2)
    low, high = noncentrality_limits(t, df, confidence)
    expected = {
        "g": number(correction(df) * t * unit),
        "low": number(low * unit),
        "high": number(high * unit),
        "unit": number(unit),
    }
    cases.add(kind, name, {"a": sample(a), "b": sample(b), "confidence": number(confidence)}, expected)


def add_correlation(cases, name, a, b, plain=False):
    x, y = exact(a), exact(b)
    mx, my = mean(x), mean(y)
    products = sum((p - mx) * (q - my) for p, q in zip(x, y))
    r = products / mp.sqrt(sum((p - mx) ** 2 for p in x) * sum((q - my) ** 2 for q in y))
    if plain:
        same(name, r, scipy.stats.pearsonr(a, b).statistic, 1e-3)
    cases.add("correlation", name, {"a": sample(a), "b": sample(b)}, {"r": number(r)})


def add_holm(cases, name, p):
    """By the closed form of the definition: for each p the largest (number of p's not below q) * q over q <= p."""
    family = [v for v in p if v is not None]

    def adjusted(own):
        return min(mpf(1), max(sum(1 for v in family if v >= q) * mpf(q) for q in family if q <= own))

    def text(values, f):
        return " ".join("-" if v is None else f(v) for v in values)

    cases.add("holm", name, {"p": text(p, number)}, {"adjusted": text(p, lambda v: number(adjusted(v)))})


def add_t_tail(cases, t, df, plain=False):
    outside = t_outside(t, df)
    inside = t_inside(t, df)
    upper = outside / 2 if t >= 0 else (1 + inside) / 2
    if plain:
        same("t sf", upper, scipy.stats.t.sf(t, df))
    expected = {"sf": number(upper), "two_sided": number(outside), "log10_two_sided": number(mp.log10(outside))}
    cases.add("t_tail", f"t {t!r} df {df!r}", {"t": number(t), "df": number(df)}, expected)


def add_t_quantile(cases, p, df, plain=False):
    tail = min(mpf(p), 1 - mpf(p))
    size = mpf(0) if 2 * tail == 1 else t_two_sided_inverse(1 - 2 * tail, 2 * tail, mpf(df))
    t = -size if p < 0.5 else size
    if plain:
        same("t ppf", t, scipy.stats.t.ppf(p, df))
    cases.add("t_quantile", f"p {p!r} df {df!r}", {"p": number(p), "df": number(df)}, {"t": number(t)})


def add_noncentral(cases, t, df, ncp, plain=False):
    cdf = noncentral_cdf(mpf(t), mpf(df), mpf(ncp))
    if plain:
        same("nct cdf", cdf, scipy.stats.nct.cdf(t, df, ncp))
    inputs = {"t": number(t), "df": number(df), "ncp": number(ncp)}
    cases.add("noncentral_t", f"t {t!r} df {df!r} ncp {ncp!r}", inputs, {"cdf": number(cdf), "sf": number(1 - cdf)})


def add_power(cases, n, paired, alpha, power):
    df = n - 1 if paired else 2 * n - 2
    unit = mp.sqrt(n) if paired else mp.sqrt(mpf(n) / 2)
    alpha_exact = mpf(alpha)
    crit = t_two_sided_inverse(1 - alpha_exact, alpha_exact, mpf(df))
    ncp = solve(lambda d: two_sided_power(crit, df, d) - mpf(power), mpf(0), bracket_power(crit, df, power))
    expected = {"effect": number(ncp / unit)}
    reached = two_sided_power(crit, df, ncp)
    assert abs(reached - mpf(power)) < mpf(10) ** -25, (n, paired, alpha, power)
    inputs = {"n": str(n), "paired": str(int(paired)), "alpha": number(alpha), "power": number(power)}
    cases.add("power", f"n {n} paired {paired} alpha {alpha} power {power}", inputs, expected)


def bracket_power(crit, df, power):
    high = mpf(1)
    while two_sided_power(crit, df, high) < power:
        high *= 2
    return high


def add_degenerate(cases, function, name, a, b, reason):
    cases.add("degenerate", f"{function} {name}", {"function": function, "a": a, "b": b}, {"reason": reason})


# ---------------------------------------------------------------- the cases


def two_samples(cases, scale=1.0, offset=0.0, n=(2, 30)):
    r = cases.random
    na, nb = r.randint(*n), r.randint(*n)
    shift = r.choice([0.0, 0.3, 1.0, 5.0]) * scale
    a = [offset + shift + v for v in cases.normal(na, 0.0, scale)]
    return a, [offset + v for v in cases.normal(nb, 0.0, scale * r.choice([0.3, 1.0, 3.0]))]


def pair_samples(cases, n, scale=1.0, offset=0.0):
    r = cases.random
    common = cases.normal(n, 0.0, scale)
    shift = r.choice([0.0, 0.3, 1.0, 5.0]) * scale
    a = [offset + c + shift + v for c, v in zip(common, cases.normal(n, 0.0, 0.5 * scale))]
    return a, [offset + c + v for c, v in zip(common, cases.normal(n, 0.0, 0.5 * scale))]


def percent(x, decimals=2):
    return [round(70.0 + 2.0 * v, decimals) for v in x]


def fill_summary(cases):
    r = cases.random
    add_summary(cases, "one value", [r.uniform(-9, 9)])
    add_summary(cases, "two values", cases.normal(2), 0.99)
    add_summary(cases, "constant", [0.1] * 7)
    add_summary(cases, "ties", [91.2, 91.2, 90.7, 91.2, 90.7])
    add_summary(cases, "cancelling", [1e9, -1e9, 3e-5, 2e-5])
    add_summary(cases, "offset 1e9", [1e9 + 0.01 * v for v in cases.normal(12)])
    add_summary(cases, "offset 1e14", [1e14 + round(8 * v) / 8 for v in cases.normal(9, 0.0, 3.0)])
    add_summary(cases, "scale 1e152", cases.normal(8, 1e152, 3e151))
    add_summary(cases, "scale 1e300", cases.normal(8, 1e300, 3e299))
    add_summary(cases, "scale 1e-160", cases.normal(8, 1e-160, 3e-161))
    for i in range(12):
        n = r.choice([2, 3, 5, 10, 15, 30, 100])
        x = percent(cases.normal(n), r.choice([1, 2, 12]))
        add_summary(cases, f"random {i}", x, r.choice([0.5, 0.9, 0.95, 0.999]))


def fill_tests(cases):
    r = cases.random
    for add, label in [(add_paired, "paired"), (add_welch, "welch")]:
        pair = label == "paired"

        def draw(n, scale=1.0, offset=0.0, pair=pair):
            if pair:
                return pair_samples(cases, n, scale, offset)
            return two_samples(cases, scale, offset, (max(2, n - 3), n))

        add(cases, "two each", *draw(2), plain=True)
        add(cases, "ties", [91.2, 91.2, 90.7, 91.3], [90.1, 90.1, 90.7, 90.0], plain=True)
        add(cases, "equal means", [1.0, 2.0, 3.0], [2.0, 3.0, 1.0], plain=True)
        add(cases, "one sample constant", [5.0, 5.0, 5.0, 5.0], cases.normal(4, 4.0, 0.5), plain=True)
        add(cases, "offset 1e9", *draw(10, 0.01, 1e9))
        add(cases, "offset 1e9, small samples", *draw(3, 0.01, 1e9), confidence=0.99)
        add(cases, "offset -1e9", *draw(25, 0.01, -1e9))
        add(cases, "scale 1e152", *draw(8, 1e152))
        add(cases, "scale 1e200", *draw(8, 1e200))
        add(cases, "scale 1e-170", *draw(8, 1e-170))
        for exponent in [2, 5, 9]:
            n = 12
            base = cases.normal(n)
            jitter = cases.normal(n, 0.0, 10.0**-exponent)
            if not pair:
                base = [0.0] * n
            other = base if pair else cases.normal(n, 0.0, 10.0**-exponent)
            add(cases, f"tiny p {exponent}", [v + 1.0 + e for v, e in zip(base, jitter)], other)
        big = cases.normal(100, 1000.0, 1e-3)
        add(cases, "p beyond a double", big, cases.normal(100, 0.0, 1e-3))
        add(cases, "p about 1", [*cases.normal(6), 1.0], [*cases.normal(6, 0.02), 0.9], plain=True)
        for i in range(18):
            a, b = draw(r.choice([3, 5, 10, 30]))
            add(cases, f"random {i}", percent(a), percent(b), r.choice([0.5, 0.9, 0.95, 0.999]), plain=True)
    add_welch(cases, "very unequal n", cases.normal(3), cases.normal(300, 0.4, 5.0), plain=True)
    add_welch(cases, "very unequal scale", cases.normal(5, 0.0, 1e100), cases.normal(5, 0.0, 1e-100))


def fill_effects(cases):
    r = cases.random
    add_effect(cases, "hedges_g", "two each", *two_samples(cases, n=(2, 2)))
    add_effect(cases, "hedges_g", "equal means", [1.0, 2.0, 3.0], [2.0, 3.0, 1.0])
    add_effect(cases, "hedges_g", "one sample constant", [5.0, 5.0, 5.0], cases.normal(4, 4.0, 0.5))
    add_effect(cases, "hedges_g", "offset 1e9", *two_samples(cases, 0.01, 1e9, (5, 9)))
    add_effect(cases, "hedges_g", "scale 1e152", *two_samples(cases, 1e152, 0.0, (5, 9)))
    add_effect(cases, "hedges_g", "large effect", cases.normal(6, 40.0), cases.normal(6))
    add_effect(cases, "hedges_g", "large effect, down", cases.normal(4), cases.normal(5, 300.0))
    add_effect(cases, "hedges_g", "huge effect", cases.normal(4, 1e6), cases.normal(4))
    for i in range(10):
        add_effect(cases, "hedges_g", f"random {i}", *two_samples(cases, n=(3, 30)), r.choice([0.8, 0.9, 0.95, 0.99]))
    for kind in ["hedges_g_paired", "hedges_g_av"]:
        add_effect(cases, kind, "three pairs", *pair_samples(cases, 3))
        add_effect(cases, kind, "offset 1e9", *pair_samples(cases, 7, 0.01, 1e9))
        add_effect(cases, kind, "scale 1e152", *pair_samples(cases, 7, 1e152))
        for i in range(6):
            a, b = pair_samples(cases, r.choice([5, 10, 15, 30]))
            add_effect(cases, kind, f"random {i}", a, b, r.choice([0.9, 0.95]))


def fill_others(cases):
    r = cases.random
    add_correlation(cases, "two pairs", [1.0, 2.0], [5.0, -3.0])
    add_correlation(cases, "ties", [1.0, 1.0, 2.0, 2.0], [3.0, 4.0, 3.0, 4.5], plain=True)
    add_correlation(cases, "offset 1e9", *pair_samples(cases, 9, 0.01, 1e9))
    add_correlation(cases, "scale 1e152", *pair_samples(cases, 9, 1e152))
    add_correlation(cases, "two scales", cases.normal(9, 0.0, 1e200), cases.normal(9, 0.0, 1e-200))
    for i in range(7):
        add_correlation(cases, f"random {i}", *pair_samples(cases, r.choice([3, 10, 30])), plain=True)
    add_holm(cases, "textbook", [0.01, 0.04, 0.03, 0.005])
    add_holm(cases, "ties and one", [0.02, 0.02, 1.0, 0.02])
    add_holm(cases, "left out", [None, 0.2, None, 0.001])
    add_holm(cases, "single", [0.3])
    add_holm(cases, "tiny", [1e-300, 2e-300, 1e-12, 0.5])
    for i in range(5):
        p = [None if r.random() < 0.1 else r.random() ** r.choice([1, 4, 20]) for _ in range(r.randint(5, 45))]
        add_holm(cases, f"random {i}", p)


def fill_distributions(cases):
    r = cases.random
    for df in [1.0, 2.0, 4.5, 29.0, 1e3, 1e5, 1e6]:
        for t in [1e-9, 1e-3, 0.7, 1.7, 1.74, 4.0]:
            add_t_tail(cases, t, df, plain=t > 1e-6)
    far = [(37.0, 1e6), (36.0, 1e5), (1e8, 30.0), (1e6, 99.0), (1e20, 1.0), (1e160, 1.0), (1e160, 2.5), (60.0, 1e6)]
    for t, df in [(0.0, 3.0), (-1e-9, 7.0), (-3.0, 9.0), (0.3, 0.2), *far]:
        add_t_tail(cases, t, df)
    for _ in range(15):
        add_t_tail(cases, 10 ** r.uniform(-3, 1.3), round(10 ** r.uniform(0, 5), 3))
    for df in [1.0, 2.0, 3.7, 30.0, 1e4, 1e6]:
        for p in [1e-300, 1e-12, 0.025, 0.4999, 0.5, 0.75, 0.975]:
            if not (p == 1e-300 and df == 1.0):
                add_t_quantile(cases, p, df, plain=1e-6 < p != 0.5)
    add_t_quantile(cases, 1e-300, 1.0)
    for _ in range(10):
        add_t_quantile(cases, r.random(), round(10 ** r.uniform(0, 6), 3), plain=True)
    ordinary = [(2.0, 4.0, 0.0), (-2.0, 4.0, 1.0), (0.0, 9.0, 1.5), (2.1, 58.0, 3.0), (-1.0, 1.0, -2.5)]
    for t, df, ncp in [*ordinary, (3.0, 1.0, 8.0), (1.5, 1e5, 1.0), (40.0, 5.0, 38.0), (50.0, 12.0, 45.0)]:
        add_noncentral(cases, t, df, ncp, plain=abs(ncp) < 10)
    add_noncentral(cases, 1000.0, 6.0, 900.0)
    add_noncentral(cases, 12.0, 1e6, 10.0)
    for _ in range(10):
        add_noncentral(cases, r.uniform(-3, 8), r.choice([2.0, 5.0, 18.0, 58.0]), r.uniform(-2, 6))
    for n in [2, 3, 5, 10, 30]:
        for paired in [False, True]:
            add_power(cases, n, paired, 0.05, 0.8)
    add_power(cases, 5, True, 0.05 / 9, 0.9)
    add_power(cases, 10, False, 0.05 / 45, 0.999)
    add_power(cases, 8, False, 0.05, 0.2)


def fill_degenerate(cases):
    for function in ["summary", "mean_interval"]:
        add_degenerate(cases, function, "empty", "", "", "too-few")
        add_degenerate(cases, function, "infinite", "1.0 inf", "", "not-finite")
    add_degenerate(cases, "mean_interval", "one value", "1.0", "", "too-few")
    add_degenerate(cases, "mean_interval", "constant", "1.5 1.5 1.5", "", "zero-variance")
    for function in ["paired_t", "welch_t", "hedges_g", "hedges_g_paired", "hedges_g_av", "correlation"]:
        add_degenerate(cases, function, "one value", "1.0", "2.0", "too-few")
        add_degenerate(cases, function, "not a number", "1.0 nan 3.0", "1.0 2.0 4.0", "not-finite")
        add_degenerate(cases, function, "all equal", "2.0 2.0 2.0", "3.0 3.0 3.0", "zero-variance")
        if function in ["paired_t", "hedges_g_paired", "hedges_g_av", "correlation"]:
            add_degenerate(cases, function, "lengths", "1.0 2.0 3.0", "1.0 2.0", "length-mismatch")
    for function in ["paired_t", "hedges_g_paired"]:
        add_degenerate(cases, function, "equal decimal differences", "0.3 0.4 91.23", "0.1 0.2 91.03", "zero-variance")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--out", default="fixtures/stats.json")
    arguments = parser.parse_args()
    # SciPy's warning about the constant sample of one case.
    warnings.filterwarnings("ignore", message="Precision loss")
    cases = Cases(arguments.seed)
    # The two forms of the noncentral t must agree before either is used.
    for t, df, ncp in [(2.5, 5, 1.5), (9.0, 3, 12.0)]:
        same("noncentral t", noncentral_series(t, df, ncp), noncentral_integral(t, df, ncp))
    for fill in [fill_summary, fill_tests, fill_effects, fill_others, fill_distributions, fill_degenerate]:
        fill(cases)
    lines = ",\n".join(json.dumps(case) for case in cases.cases)
    with open(arguments.out, "w", encoding="utf-8") as file:
        file.write(f'{{"seed": {arguments.seed}, "cases": [\n{lines}\n]}}\n')
    print(f"{len(cases.cases)} cases in {arguments.out}")


if __name__ == "__main__":
    main()
