"""Reference values for the tails and the comparisons of several groups of sweeper-stats: `tests/tails.rs`.

Everything is computed with mpmath (and Arb for nested integrals) from the exact binary inputs, and held against SciPy
where SciPy is accurate. Numbers are strings, as in stats.py.
"""

import argparse
import json
import math
import pathlib
import random

import numpy
import scipy.stats
from mpmath import mp, mpf

import stats_tails_exact as exact

HERE = pathlib.Path(__file__).parent
cases = []


def text(value):
    if value == math.inf:
        return "inf"
    return mp.nstr(value, 20, min_fixed=-3, max_fixed=20) if isinstance(value, mpf) else repr(value)


def add(kind, name, given, expected):
    given = {key: " ".join(map(text, v)) if isinstance(v, list) else text(v) for key, v in given.items()}
    cases.append({"kind": kind, "name": name, "input": given, "expected": {k: text(v) for k, v in expected.items()}})


def tail(prefix, p):
    return {prefix: p, f"log10_{prefix}": mp.log10(p) if p < mpf(1) / 2 else mp.log1p(-(1 - p)) / mp.log(10)}


def agree(value, scipy_value, tolerance=1e-9):
    """SciPy within `tolerance`, unless it answers nothing (0, a subnormal number, 1 or NaN)."""
    if scipy_value == 1.0 or not scipy_value > 1e-290:
        return
    assert abs(float(value) / scipy_value - 1) < tolerance, (value, scipy_value)


def f_cases(rng):
    points = [
        (1.0, 4.0, 20.0),
        (3.0, 4.0, 20.0),
        (1e-8, 3.0, 7.0),
        (250.0, 9.0, 290.0),
        (1e4, 1.0, 30.0),
        (0.02, 40.0, 5.5),
        (1.001, 1e6, 1e6),
        (0.99, 1e6, 2e4),
        (1.5, 1e5, 1e5),
        (40.0, 9.0, 1e6),
        (1e12, 2.0, 40.0),
        (700.0, 3.0, 2000.0),
        (1e60, 1.0, 1.0),
        (1e-40, 5.0, 1.0),
        (3.84, 1.0, 1e6),
    ]
    points += [
        (math.exp(rng.gauss(0, 2)), math.exp(rng.uniform(0, 8)), math.exp(rng.uniform(0, 10))) for _ in range(25)
    ]
    for i, (f, df1, df2) in enumerate(points):
        lower, upper = exact.f_tails(f, df1, df2)
        agree(upper, scipy.stats.f.sf(f, df1, df2), 1e-8)
        agree(lower, scipy.stats.f.cdf(f, df1, df2), 1e-8)
        add("f", f"f {i}", {"f": f, "df1": df1, "df2": df2}, tail("lower", lower) | tail("upper", upper))
    quantiles = [(0.05, 4.0, 20.0), (1e-12, 9.0, 290.0), (0.5, 1.0, 1e6), (0.999, 3.0, 5.0), (1e-200, 9.0, 100.0)]
    quantiles += [(rng.random(), math.exp(rng.uniform(0, 7)), math.exp(rng.uniform(0, 9))) for _ in range(8)]
    for i, (p, df1, df2) in enumerate(quantiles):
        found = {}
        for side, upper in (("lower", False), ("upper", True)):
            start = scipy.stats.f.isf(p, df1, df2) if upper else scipy.stats.f.ppf(p, df1, df2)
            start = start if start > 0 and math.isfinite(start) else 1.0
            found[side] = exact.positive_quantile(lambda x: exact.f_tails(x, df1, df2), p, upper, start)
        add("f_quantile", f"f quantile {i}", {"p": p, "df1": df1, "df2": df2}, found)


def chi_squared_cases(rng):
    points = [
        (3.0, 4.0),
        (1e-9, 1.0),
        (1400.0, 1.0),
        (9000.0, 7.0),
        (1e6, 1e6),
        (1.02e6, 1e6),
        (200.0, 1000.0),
        (0.5, 0.5),
    ]
    points += [(math.exp(rng.gauss(2, 2)), math.exp(rng.uniform(-1, 8))) for _ in range(20)]
    for i, (x, df) in enumerate(points):
        lower, upper = exact.chi_squared_tails(x, df)
        agree(upper, scipy.stats.chi2.sf(x, df))
        agree(lower, scipy.stats.chi2.cdf(x, df))
        add("chi_squared", f"chi-squared {i}", {"x": x, "df": df}, tail("lower", lower) | tail("upper", upper))
    for i, (p, df) in enumerate(
        [(0.05, 3.0), (1e-100, 10.0), (0.5, 1e6), (0.2, 1.0)]
        + [(rng.random(), math.exp(rng.uniform(0, 8))) for _ in range(6)]
    ):
        found = {}
        for side, upper in (("lower", False), ("upper", True)):
            start = scipy.stats.chi2.isf(p, df) if upper else scipy.stats.chi2.ppf(p, df)
            start = start if start > 0 and math.isfinite(start) else 1e-3
            found[side] = exact.positive_quantile(lambda x: exact.chi_squared_tails(x, df), p, upper, start)
        add("chi_squared_quantile", f"chi-squared quantile {i}", {"p": p, "df": df}, found)


def normal_cases(rng):
    for i, z in enumerate(
        [0.0, 1e-12, -1e-12, 0.5, 1.0, -1.0, 1.96, 9.999, 10.001, -12.0, 25.0, 37.0, 60.0, 1e3, 1e8]
        + [rng.gauss(0, 8) for _ in range(20)]
    ):
        add(
            "normal",
            f"normal {i}",
            {"z": z},
            tail("upper", exact.normal_upper(z)) | tail("two_sided", mp.erfc(abs(mpf(z)) / mp.sqrt(2))),
        )
    for i, p in enumerate(
        [0.5, 0.5 - 1e-12, 0.5 + 1e-12, 0.25, 0.75, 0.0249, 0.975, 1e-20, 1e-300, 5e-324, 1 - 2.0**-53]
        + [rng.random() for _ in range(10)]
    ):
        add("normal_quantile", f"normal quantile {i}", {"p": p}, {"upper": exact.normal_upper_quantile(p)})
    for i, (t, df) in enumerate([(3.0, 5.0), (-3.0, 5.0), (1e5, 30.0), (1e40, 9.0), (0.1, 1e6)]):
        lower, upper = exact.f_tails(t * t, 1.0, df)
        add("student", f"student {i}", {"t": t, "df": df}, tail("upper", upper / 2 if t > 0 else 1 - upper / 2))


def beta_cases(rng):
    for i, (x, a, b) in enumerate(
        [(0.5, 0.5, 0.5), (1e-10, 3.0, 9.0), (0.999, 2.0, 700.0)]
        + [(rng.random(), math.exp(rng.gauss(1, 2)), math.exp(rng.gauss(1, 2))) for _ in range(8)]
    ):
        f = mpf(x) / (1 - mpf(x)) * mpf(b) / mpf(a)
        lower, upper = exact.f_tails(f, 2 * mpf(a), 2 * mpf(b))
        agree(lower, scipy.stats.beta.cdf(x, a, b))
        add("beta", f"beta {i}", {"x": x, "a": a, "b": b}, tail("lower", lower) | tail("upper", upper))


def noncentral_f_cases(rng):
    points = [
        (3.0, 4.0, 20.0, 7.0),
        (0.01, 3.0, 10.0, 60.0),
        (60.0, 2.0, 30.0, 1.0),
        (1.0, 9.0, 290.0, 0.0),
        (12.0, 1.0, 8.0, 300.0),
        (5.0, 1.0, 1e4, 2.0),
        (30.0, 11.0, 400.0, 250.0),
    ]
    points += [
        (math.exp(rng.gauss(1, 1)), float(rng.randint(1, 15)), float(rng.randint(2, 300)), math.exp(rng.gauss(2, 1.5)))
        for _ in range(15)
    ]
    for i, (f, df1, df2, ncp) in enumerate(points):
        cdf = exact.noncentral_f_cdf(f, df1, df2, ncp)
        agree(cdf, scipy.stats.ncf.cdf(f, df1, df2, ncp) if ncp else scipy.stats.f.cdf(f, df1, df2), 1e-6)
        add(
            "noncentral_f",
            f"noncentral f {i}",
            {"f": f, "df1": df1, "df2": df2, "ncp": ncp},
            {"cdf": cdf, "sf": 1 - cdf},
        )


def discrete_cases(rng):
    points = [
        (0, 5, 0.3),
        (5, 5, 0.3),
        (1, 1, 0.5),
        (30, 30, 1e-9),
        (3, 400, 1e-3),
        (250, 400, 0.5),
        (399, 400, 0.999),
        (2, 1000, 0.9),
    ]
    points += [(k := rng.randint(0, 60), k + rng.randint(0, 60), rng.random()) for _ in range(10)]
    for i, (k, n, p) in enumerate(points):
        pmf, most, least = exact.binomial_exact(k, n, p)
        agree(pmf, scipy.stats.binom.pmf(k, n, p))
        add(
            "binomial",
            f"binomial {i}",
            {"k": k, "n": n, "p": p},
            tail("pmf", pmf) | tail("most", most) | tail("least", least),
        )
    points = [
        (0, 10, 5, 5),
        (5, 10, 5, 5),
        (3, 3, 3, 3),
        (0, 7, 0, 4),
        (30, 2000, 60, 900),
        (60, 2000, 60, 900),
        (5, 4000, 2000, 1800),
        (900, 4000, 2000, 1800),
    ]
    for _ in range(10):
        population = rng.randint(1, 300)
        successes, draws = rng.randint(0, population), rng.randint(0, population)
        points.append(
            (rng.randint(max(0, successes + draws - population), min(successes, draws)), population, successes, draws)
        )
    for i, (k, population, successes, draws) in enumerate(points):
        if k < max(0, successes + draws - population):
            k = max(0, successes + draws - population)
        pmf, most, least = exact.hypergeometric_exact(k, population, successes, draws)
        agree(pmf, scipy.stats.hypergeom.pmf(k, population, successes, draws))
        given = {"k": k, "population": population, "successes": successes, "draws": draws}
        add(
            "hypergeometric", f"hypergeometric {i}", given, tail("pmf", pmf) | tail("most", most) | tail("least", least)
        )


def nested_cases(rng):
    with mp.workdps(25):
        points = [
            (3.5, 5, math.inf),
            (0.4, 3, math.inf),
            (40.0, 10, math.inf),
            (52.0, 3, math.inf),
            (4.0, 5, 20.0),
            (4.6, 10, 90.0),
            (2.0, 4, 1.0),
            (1e6, 4, 2.0),
            (25.0, 10, 290.0),
            (60.0, 3, 60.0),
            (6.0, 50, 500.0),
            (1.0, 3, 1e6),
            (300.0, 6, 100.0),
        ]
        points += [(rng.uniform(0.5, 9), rng.randint(3, 15), float(rng.randint(2, 200))) for _ in range(3)]
        for i, (q, groups, df) in enumerate(points):
            upper = exact.studentized_range_tail(q, groups, df)
            sp = scipy.stats.studentized_range.sf(q, groups, df)
            if sp > 1e-9:
                agree(upper, sp, 1e-7)
            add("studentized_range", f"range {i}", {"q": q, "groups": groups, "df": df}, tail("upper", upper))
        half = math.sqrt(0.5)
        points = [
            (2.5, [half] * 9, math.inf, 1),
            (2.5, [half] * 9, math.inf, 0),
            (36.0, [half] * 3, math.inf, 1),
            (36.0, [0.9, 0.3], math.inf, 1),
            (20.0, [0.99, 0.1, 0.5], math.inf, 0),
            (-1.0, [0.6, 0.7], math.inf, 0),
            (1.0, [0.0, 0.95], math.inf, 1),
            (2.7, [half] * 9, 290.0, 1),
            (2.7, [half] * 9, 20.0, 0),
            (0.3, [half] * 3, 6.0, 1),
            (60.0, [half] * 4, 40.0, 1),
            (-2.0, [half] * 2, 12.0, 0),
            (2.2, [0.5, 0.6, 0.7], 25.0, 1),
            (30.0, [0.5, 0.8], 3.0, 0),
        ]
        points += [
            (
                rng.uniform(0.5, 7),
                [round(rng.uniform(0.3, 0.9), 3) for _ in range(2)],
                float(rng.randint(2, 100)),
                rng.randint(0, 1),
            )
            for _ in range(2)
        ]
        for i, (c, lambdas, df, two_sided) in enumerate(points):
            upper = exact.dunnett_tail(mpf(c), lambdas, df, two_sided == 1)
            given = {"c": c, "lambdas": lambdas, "df": df, "two_sided": two_sided}
            add("dunnett", f"dunnett {i}", given, tail("upper", upper))


def moments(x):
    x = [mpf(v) for v in x]
    mean = mp.fsum(x) / len(x)
    return len(x), mean, mp.fsum((v - mean) ** 2 for v in x) / (len(x) - 1) if len(x) > 1 else mpf(0)


def group_inputs(groups):
    return {f"g{i:02}": [float(v) for v in group] for i, group in enumerate(groups)}


def family_case(name, groups):
    """Differences, errors, t and df of Tukey-Kramer and Games-Howell, their intervals by SciPy, and Welch's F."""
    found = {}
    stats = [moments(g) for g in groups]
    df = sum(n for n, _, _ in stats) - len(groups)
    variance = mp.fsum((n - 1) * v for n, _, v in stats) / df
    expected = {"df": mpf(df), "pooled_sd": mp.sqrt(variance)}
    # SciPy squares what overflows or underflows at extreme scales, and loses digits to offsets.
    ordinary = 1e-6 < max(abs(float(v)) for g in groups for v in g) < 1e6
    welch = all(n > 1 for n, _, _ in stats)
    if ordinary and welch:
        found["tukey"] = scipy.stats.tukey_hsd(*groups).confidence_interval(0.95)
        if all(v > 0 for _, _, v in stats):
            found["games"] = scipy.stats.tukey_hsd(*groups, equal_var=False).confidence_interval(0.95)
    for i, (n, mean, v) in enumerate(stats):
        for j, (m, other, w) in list(enumerate(stats))[i + 1 :]:
            se = mp.sqrt(variance * (mpf(1) / n + mpf(1) / m))
            expected |= {
                f"tukey {i} {j} difference": mean - other,
                f"tukey {i} {j} se": se,
                f"tukey {i} {j} t": (mean - other) / se,
            }
            if welch and v + w > 0:
                a, b = v / n, w / m
                se = mp.sqrt(a + b)
                expected |= {
                    f"games {i} {j} se": se,
                    f"games {i} {j} t": (mean - other) / se,
                    f"games {i} {j} df": (a + b) ** 2 / (a * a / (n - 1) + b * b / (m - 1)),
                }
            for method, interval in found.items():
                expected |= {
                    f"{method} {i} {j} low": mpf(interval.low[i, j]),
                    f"{method} {i} {j} high": mpf(interval.high[i, j]),
                }
    if welch and all(v > 0 for _, _, v in stats):
        expected |= welch_anova(stats)
        if ordinary:
            agree(expected["welch_p"], scipy.stats.f_oneway(*groups, equal_var=False).pvalue, 1e-7)
    add("family", name, group_inputs(groups), expected)


def welch_anova(stats):
    k = len(stats)
    weights = [n / v for n, _, v in stats]
    total = mp.fsum(weights)
    centre = mp.fsum(w * mean for w, (_, mean, _) in zip(weights, stats)) / total
    between = mp.fsum(w * (mean - centre) ** 2 for w, (_, mean, _) in zip(weights, stats)) / (k - 1)
    spread = mp.fsum((1 - w / total) ** 2 / (n - 1) for w, (n, _, _) in zip(weights, stats))
    f = between / (1 + mpf(2) * (k - 2) * spread / (k * k - 1))
    df_within = (mpf(k) ** 2 - 1) / (3 * spread)
    p = exact.f_tails(f, k - 1, df_within)[1]
    return {"welch_f": f, "welch_df": df_within, "welch_p": p, "welch_log10_p": mp.log10(p)}


def family_cases(rng):
    generator = numpy.random.default_rng(rng.randrange(2**32))

    def groups(sizes, spread=0.5, offset=90.0, steps=0.3, scale=1.0):
        return [
            ((offset + steps * i + spread * generator.normal(size=n)) * scale).tolist() for i, n in enumerate(sizes)
        ]

    family_case("balanced", groups([5, 5, 5, 5]))
    family_case("ten of thirty", groups([30] * 10, steps=0.05))
    family_case("unequal", groups([3, 8, 12, 5]))
    family_case("two values each", groups([2, 2, 2]))
    family_case("one group of one", groups([1, 4, 6]))
    family_case("one constant", [[1.0, 1.0, 1.0]] + groups([4, 5], offset=1.0))
    family_case("offset 1e9", groups([6, 7, 8], spread=0.01, offset=1e9, steps=0.01))
    family_case("scale 1e152", groups([6, 7, 8], scale=1e152))
    family_case("scale 1e-160", groups([6, 7, 8], scale=1e-160))
    family_case("far apart", groups([20, 20, 20], spread=1e-6, steps=1.0))
    family_case("two groups", groups([9, 4]))
    family_case("ties", [[1.0, 2.0, 2.0, 3.0], [2.0, 2.0, 2.0, 4.0], [1.0, 1.0, 2.0, 2.0]])


def dunnett_case(name, control, others, digits=25):
    stats = [moments(g) for g in [control] + others]
    df = sum(n for n, _, _ in stats) - len(stats)
    sd = mp.sqrt(mp.fsum((n - 1) * v for n, _, v in stats) / df)
    n0, mean0, _ = stats[0]
    # Rounded to doubles, as the Rust code does: at 1e-16 they change p by as little.
    lambdas = [math.sqrt(n / (n + n0)) for n, _, _ in stats[1:]]
    expected = {}
    with mp.workdps(digits):
        for i, (n, mean, _) in enumerate(stats[1:]):
            t = (mean - mean0) / (sd * mp.sqrt(mpf(1) / n + mpf(1) / n0))
            p = exact.dunnett_tail(abs(t), lambdas, float(df), True)
            expected |= {f"{i} t": t, f"{i} p": p, f"{i} log10_p": mp.log10(p)}
    rough = scipy.stats.dunnett(*others, control=control, rng=numpy.random.default_rng(1))
    for i, p in enumerate(rough.pvalue):
        assert abs(float(expected[f"{i} p"]) - p) < 2e-3, (name, expected, p)
    add("dunnett_test", name, group_inputs([control] + others), expected)


def dunnett_test_cases(rng):
    generator = numpy.random.default_rng(rng.randrange(2**32))
    make = lambda n, shift: (50 + shift + generator.normal(size=n)).tolist()
    dunnett_case("three of six", make(6, 0), [make(6, 0.5), make(6, 1.5)])
    dunnett_case("unequal", make(10, 0), [make(4, 1), make(7, 6)])


def adjust(p, method):
    """Adjusted p-values in exact arithmetic, by the definition: the smallest level at which each is rejected."""
    members = sorted(v for v in p if v is not None and 0 <= v <= 1)
    m = len(members)
    if m == 0:
        return [None for _ in p]
    harmonic = mp.fsum(mpf(1) / i for i in range(1, m + 1))
    factors = {
        "bonferroni": lambda j: m,
        "hochberg": lambda j: m - j,
        "bh": lambda j: mpf(m) / (j + 1),
        "by": lambda j: harmonic * m / (j + 1),
    }
    scaled = [mpf(v) * factors[method](j) for j, v in enumerate(members)]

    def of(v):
        if v is None or not 0 <= v <= 1:
            return None
        last = max(j for j, w in enumerate(members) if w == v)
        first = members.index(v)
        return min(mpf(1), scaled[first] if method == "bonferroni" else min(scaled[first : last + 1] + scaled[last:]))

    return [of(v) for v in p]


def multiplicity_cases(rng):
    families = [
        [],
        [None],
        [0.04],
        [0.01, 0.02, 0.03, 0.04],
        [0.5, None, 0.001, float("nan"), 1.0, 0.0],
        [0.02, 0.02, 0.02],
        [1e-310, 1e-5, 0.9],
    ]
    families += [[rng.random() ** 3 for _ in range(rng.randint(2, 40))] for _ in range(6)]
    for i, p in enumerate(families):
        expected = {m: adjust(p, m) for m in ("bonferroni", "hochberg", "bh", "by")}
        if p and all(v is not None and 0 < v <= 1 for v in p):
            for method in ("bh", "by"):
                for got, want in zip(expected[method], scipy.stats.false_discovery_control(p, method=method)):
                    agree(got, want, 1e-9)
        row = lambda values: " ".join("-" if v is None else text(v) for v in values)
        cases.append(
            {
                "kind": "multiplicity",
                "name": f"multiplicity {i}",
                "input": {"p": row(p)},
                "expected": {m: row(v) for m, v in expected.items()},
            }
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    out = arguments.out or HERE / "fixtures" / f"stats_tails_{arguments.seed}.json"
    mp.dps = 40
    rng = random.Random(arguments.seed)
    for make in (
        f_cases,
        chi_squared_cases,
        normal_cases,
        beta_cases,
        noncentral_f_cases,
        discrete_cases,
        multiplicity_cases,
        family_cases,
        dunnett_test_cases,
        nested_cases,
    ):
        make(rng)
        print(make.__name__, len(cases), flush=True)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    out.write_text(f'{{"seed":{arguments.seed},"cases":[\n{lines}\n]}}\n')


main()
