"""Reference values for the models of the crate sweeper-stats: least squares, analysis of variance, design audits,
variances, seeds x examples, counts, bands, ranks, covariance.

statsmodels and SciPy give the values wherever they have the thing. Offsets of 1e9 and scales of 1e152, where both
lose digits, come from mpmath at 50 digits; the searches over grids and rates are brute force.

    python stats_models.py --seed 1 --out fixtures/stats_models_1.json

Another seed gives other data of the same kinds.
"""

import argparse
import itertools
import json
import math
import warnings

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.special
import scipy.stats
import statsmodels.api as sm
import statsmodels.formula.api as smf
from mpmath import mp, mpf
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from stats_crossed import add_clusters, add_crossed
from stats_robust import add_robust

mp.dps = 50


def plain(value):
    """Numbers that JSON can hold."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    if isinstance(value, (np.integer, int)):
        return int(value)
    if isinstance(value, (np.floating, float, mpf)):
        value = float(value)
        assert math.isfinite(value), value
        return value
    return value


class Cases:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.cases = []

    def add(self, kind, name, given, expected):
        self.cases.append({"kind": kind, "name": name, "input": plain(given), "expected": plain(expected)})


# ---------------------------------------------------------------- least squares


def exact_fit(x, y):
    """Coefficients, classical standard errors and residual sum of squares with 50 digits."""
    design = mp.matrix([[mpf(float(v)) for v in row] for row in x])
    response = mp.matrix([mpf(float(v)) for v in y])
    inverse = (design.T * design) ** -1
    beta = inverse * (design.T * response)
    residual = response - design * beta
    rss = sum(v * v for v in residual)
    variance = rss / (len(y) - len(x[0]))
    return {
        "coefficients": list(beta),
        "classical": [mp.sqrt(variance * inverse[j, j]) for j in range(len(x[0]))],
        "rss": rss,
    }


def add_linear(cases):
    rng = cases.rng
    for i in range(4):
        n, p = int(rng.integers(8, 30)), int(rng.integers(2, 5))
        x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
        y = x @ rng.normal(size=p) + rng.normal(size=n) * (0.2 + np.abs(x[:, 1]))
        weights = rng.normal(size=p)
        classical, hc3 = sm.OLS(y, x).fit(), sm.OLS(y, x).fit(cov_type="HC3", use_t=True)
        expected = {"coefficients": classical.params, "rss": classical.ssr, "leverages": classical.get_influence().hat_matrix_diag}
        for name, fit in [("classical", classical), ("hc3", hc3)]:
            test = fit.t_test(weights)
            low, high = test.conf_int()[0]
            expected[name] = [test.effect[0], test.sd[0, 0], test.tvalue[0, 0], float(test.pvalue), low, high]
        cases.add("linear", f"random {i}", {"x": x, "y": y, "weights": weights}, expected)
    for name, offset, scale in [("offset 1e9", 1e9, 0.01), ("scale 1e152", 0.0, 1e152), ("plain", 3.0, 1.0)]:
        x = np.column_stack([np.ones(12), rng.integers(0, 2, size=12), rng.normal(size=12)])
        x[:2, 1] = [0, 1]
        y = offset + scale * (x @ rng.normal(size=3) + rng.normal(size=12))
        cases.add("linear_exact", name, {"x": x, "y": y, "scale": scale}, exact_fit(x, y))


# ---------------------------------------------------------------- analysis of variance


def share_limits(f, d1, d2, n, confidence):
    tail = (1 - confidence) / 2

    def limit(p):
        if scipy.special.fdtr(d1, d2, f) <= p:
            return 0.0
        high = d1 * f + 10
        while scipy.special.ncfdtr(d1, d2, high, f) > p:
            high *= 2
        return scipy.optimize.brentq(lambda v: scipy.special.ncfdtr(d1, d2, v, f) - p, 1e-300, high, xtol=1e-13, rtol=1e-14)

    low, high = limit(1 - tail), limit(tail)
    return [low / (low + n), high / (high + n)]


def check_noncentral():
    """SciPy's noncentral F against the Poisson mixture at 50 digits."""
    for f, d1, d2, ncp in [(2.5, 3, 20, 4.0), (9.0, 1, 58, 30.0), (0.7, 5, 12, 2.0)]:
        half, x = mpf(ncp) / 2, mpf(d1) * f / (mpf(d1) * f + d2)
        exact = sum(
            mp.exp(-half + j * mp.log(half) - mp.loggamma(j + 1)) * mp.betainc(mpf(d1) / 2 + j, mpf(d2) / 2, 0, x, regularized=True)
            for j in range(200)
        )
        assert abs(scipy.special.ncfdtr(d1, d2, ncp, f) - float(exact)) < 1e-11


def add_anova(cases):
    rng = cases.rng
    layouts = [((2, 3), True, False), ((2, 3, 2), True, False), ((3, 2), True, True), ((4,), False, False), ((2, 2, 3), False, True)]
    for index, (levels, interactions, blocked) in enumerate(layouts):
        rows = []
        for cell in itertools.product(*map(range, levels)):
            count = 5 if blocked else int(rng.integers(2, 6))
            rows += [(*cell, seed) for seed in range(count)]
        rows = [row for row in rows if not blocked or rng.random() > 0.1]
        names = [f"f{i}" for i in range(len(levels))]
        frame = pd.DataFrame(rows, columns=[*names, "block"])
        effects = rng.normal(size=(len(levels), 5))
        frame["y"] = [70 + sum(effects[i, row[i]] for i in range(len(levels))) + 0.7 * row[-1] + rng.normal() for row in rows]
        coded = [f"C({name}, Sum)" for name in names]
        terms = ([["block"]] if blocked else []) + [[i] for i in range(len(levels))]
        formula = (["C(block, Sum)"] if blocked else []) + coded
        if interactions:
            pairs = list(itertools.combinations(range(len(levels)), 2))
            terms += [list(pair) for pair in pairs]
            formula += [f"{coded[a]}:{coded[b]}" for a, b in pairs]
        fit = smf.ols("y ~ " + " + ".join(formula), frame).fit()
        expected = {"residual_ss": fit.ssr, "residual_df": fit.df_resid}
        for kind in [2, 3]:
            table = sm.stats.anova_lm(fit, typ=kind)
            table = table.loc[[name for name in formula]]
            expected[f"type{kind}"] = []
            for term, (_, row) in zip(terms, table.iterrows()):
                ss, d1, f = row["sum_sq"], row["df"], row["F"]
                expected[f"type{kind}"].append({
                    "ss": ss, "df": d1, "f": f, "p": row["PR(>F)"],
                    "eta": ss / (ss + fit.ssr),
                    "omega": d1 * (f - 1) / (d1 * (f - 1) + len(frame)),
                    "share": share_limits(f, d1, fit.df_resid, len(frame), 0.9),
                })
        given = {
            "y": frame["y"], "factors": [frame[name] for name in names], "terms": len(terms),
            "block": list(frame["block"]) if blocked else [], "interactions": interactions,
        }
        given = {k: list(v) if isinstance(v, pd.Series) else v for k, v in given.items()}
        given["factors"] = [list(f) for f in given["factors"]]
        cases.add("anova", f"layout {index}", given, expected)


def add_contrasts(cases):
    rng = cases.rng
    for i in range(4):
        cells = [rng.normal(50 + 3 * rng.normal(), 0.3 + rng.random(), size=int(rng.integers(2, 12))) for _ in range(4)]
        y, cell = np.concatenate(cells), np.repeat(range(4), [len(c) for c in cells])
        x = (cell[:, None] == np.arange(4)).astype(float)
        weights = np.array([1.0, -1.0, -1.0, 1.0])
        variances = [np.var(c, ddof=1) / len(c) for c in cells]
        df = sum(variances) ** 2 / sum(v * v / (len(c) - 1) for v, c in zip(variances, cells))
        estimate = float(weights @ [c.mean() for c in cells])
        se = math.sqrt(sum(variances))
        hc3 = sm.OLS(y, x).fit(cov_type="HC3").t_test(weights)
        expected = {"difference": estimate, "se": se, "df": df, "p": 2 * scipy.stats.t.sf(abs(estimate / se), df), "hc3_se": hc3.sd[0, 0]}
        cases.add("cells", f"random {i}", {"cells": cells}, expected)


# ---------------------------------------------------------------- designs


def model_rank(cells, interactions):
    frame = pd.DataFrame(cells, columns=[f"f{i}" for i in range(len(cells[0]))])
    frame["y"] = 0.0
    terms = [f"C({name})" for name in frame.columns[:-1] if frame[name].nunique() > 1]
    products = [f"{a}:{b}" for a, b in itertools.combinations(terms, 2)] if interactions else []
    if not terms:
        return 1
    matrix = smf.ols("y ~ " + " + ".join(terms + products), frame).exog
    return int(np.linalg.matrix_rank(matrix))


def subsets(levels):
    return [s for k in range(1, len(levels) + 1) for s in itertools.combinations(levels, k)]


def largest_product(cells):
    """Cells of the largest complete product of level subsets with two varying coordinates, by brute force."""
    present = set(cells)
    best = 0
    for choice in itertools.product(*[subsets(sorted({c[f] for c in cells})) for f in range(len(cells[0]))]):
        size = math.prod(map(len, choice))
        if size > best and sum(len(s) > 1 for s in choice) >= 2 and all(c in present for c in itertools.product(*choice)):
            best = size
    return best


def set_partitions(items):
    if not items:
        yield []
        return
    for rest in set_partitions(items[1:]):
        for i in range(len(rest)):
            yield [*rest[:i], [items[0], *rest[i]], *rest[i + 1 :]]
        yield [[items[0]], *rest]


def add_designs(cases):
    rng = cases.rng
    for i in range(14):
        levels = [int(rng.integers(2, 4)) for _ in range(int(rng.integers(2, 4)))] if i % 2 else [2, 2, 2, 2]
        full = list(itertools.product(*map(range, levels)))
        keep = rng.random(len(full)) < rng.choice([0.4, 0.7, 0.95])
        keep[0] = keep[-1] = True
        cells = [cell for cell, k in zip(full, keep) if k]
        never, merged, groups = largest_product(cells), 0, 0
        for partition in set_partitions(list(range(len(levels)))):
            if len(partition) < 2:
                continue
            tuples = [tuple(tuple(cell[f] for f in group) for group in partition) for cell in cells]
            if any(len({t[g] for t in tuples}) > 9 for g in range(len(partition))):
                continue
            size = largest_product(tuples)
            if (size, len(partition)) > (merged, groups):
                merged, groups = size, len(partition)
        edges = sum(sum(x != y for x, y in zip(a, b)) == 1 for a, b in itertools.combinations(cells, 2))
        squares = 0
        for four in itertools.combinations(cells, 4):
            varying = [f for f in range(len(levels)) if len({c[f] for c in four}) > 1]
            squares += len(varying) == 2 and all(len({c[f] for c in four}) == 2 for f in varying)
        expected = {"main": model_rank(cells, False), "two_way": model_rank(cells, True), "edges": edges, "squares": squares}
        cases.add("design", f"random {i}", {"cells": cells}, expected | {"never": never, "merged": merged, "groups": groups})


def add_audits(cases):
    rng = cases.rng
    for i in range(5):
        table = rng.integers(0 if i else 5, 30, size=(int(rng.integers(2, 6)), int(rng.integers(2, 5)))) + 1
        result = scipy.stats.chi2_contingency(table, correction=False)
        n, (r, c) = table.sum(), table.shape
        phi = max(0, result.statistic / n - (r - 1) * (c - 1) / (n - 1))
        size = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
        expected = {"v": scipy.stats.contingency.association(table), "corrected": math.sqrt(phi / size), "chi": result.statistic, "p": result.pvalue}
        cases.add("cramers_v", f"random {i}", {"table": table}, expected)
    strong = np.diag([400, 300, 500]) + 3
    expected = [[mpf(int(row)) * int(column) / int(strong.sum()) for column in strong.sum(axis=0)] for row in strong.sum(axis=1)]
    chi = sum((int(strong[a, b]) - expected[a][b]) ** 2 / expected[a][b] for a in range(3) for b in range(3))
    log10_p = mp.log10(mp.gammainc(2, chi / 2, mp.inf, regularized=True))
    cases.add("cramers_v_tail", "confounded", {"table": strong}, {"chi": chi, "log10_p": log10_p})
    for i in range(4):
        n, configs, workers = 40, 4, 3
        frame = pd.DataFrame({"c": rng.integers(0, configs, n), "w": rng.integers(0, workers, n), "o": rng.permutation(n) * 1.0})
        offset = [0.0, 0.0, 1e3, 90.0][i]
        frame["y"] = offset + rng.normal(size=n) + 0.5 * frame["c"] + 0.3 * frame["w"] + 0.02 * frame["o"]
        add_worker(cases, f"random {i}", frame, "C(c)")


def add_worker(cases, name, frame, beside):
    small, full = smf.ols(f"y ~ {beside}", frame).fit(), smf.ols(f"y ~ {beside} + C(w)", frame).fit()
    f, p, d1 = full.compare_f_test(small)
    drift = smf.ols(f"y ~ {beside} + o", frame).fit()
    estimate = [drift.params["o"], drift.bse["o"], drift.tvalues["o"], drift.pvalues["o"], *drift.conf_int().loc["o"], drift.df_resid]
    cases.add("worker", name, {k: list(frame[k]) for k in frame.columns}, {"f": f, "p": p, "d1": d1, "d2": full.df_resid, "drift": estimate})


def add_blocked_audits(cases):
    rng = cases.rng
    for i in range(4):
        # Half of the trials of a grid of 8 blocks and 10 configurations.
        grid = [(s, c) for s in range(8) for c in range(10)]
        chosen = sorted(rng.choice(len(grid), size=40, replace=False))
        frame = pd.DataFrame([grid[k] for k in chosen], columns=["s", "c"])
        n = len(frame)
        frame["w"], frame["o"] = rng.integers(0, 3, n), np.arange(n) + rng.integers(0, 5, n) * 1.0
        frame["y"] = rng.normal(size=n) + rng.normal(size=8)[frame["s"]] * 3 + 0.5 * frame["c"] + 0.3 * frame["w"]
        add_worker(cases, f"blocked {i}", frame, "C(c) + C(s)")


def add_variances(cases):
    rng = cases.rng
    for i in range(5):
        n = int(rng.integers(3, 25))
        a = rng.normal(80, 1, size=n)
        b = 0.7 * a + rng.normal(0, rng.choice([0.3, 1.0]), size=n)
        pitman = scipy.stats.pearsonr(a + b, a - b)
        r, w = np.corrcoef(a, b)[0, 1], np.var(a) / np.var(b)
        k = 1 + 2 * (1 - r * r) * scipy.stats.t.ppf(0.975, n - 2) ** 2 / (n - 2)
        limits = [math.sqrt(w * (k - math.sqrt(k * k - 1))), math.sqrt(w * (k + math.sqrt(k * k - 1)))]
        t = pitman.statistic * math.sqrt((n - 2) / (1 - pitman.statistic**2))
        c = rng.normal(0, 2, size=int(rng.integers(2, 20)))
        f, d1, d2 = np.var(a, ddof=1) / np.var(c, ddof=1), n - 1, len(c) - 1
        expected = {
            "t": t, "p": pitman.pvalue, "ratio": math.sqrt(w), "limits": limits,
            "f": f, "f_p": 2 * min(scipy.stats.f.sf(f, d1, d2), scipy.stats.f.cdf(f, d1, d2)),
            "f_limits": [math.sqrt(f / scipy.stats.f.ppf(0.975, d1, d2)), math.sqrt(f / scipy.stats.f.ppf(0.025, d1, d2))],
        }
        groups = [a, b, c] if len(c) > 2 else [a, b]
        levene = scipy.stats.levene(*groups, center="median")
        expected |= {"bf": levene.statistic, "bf_p": levene.pvalue}
        cases.add("variances", f"random {i}", {"a": a, "b": b, "c": c, "groups": groups}, expected)
    for ratio, n, m in [(30.0, 20, 30), (0.02, 12, 40), (1e4, 6, 200)]:
        f, d1, d2 = mpf(ratio) ** 2, n - 1, m - 1
        x = d1 * f / (d1 * f + d2)
        # The smaller tail by quadrature-free series: mpmath's incomplete beta of the small argument.
        tail = mp.betainc(mpf(d2) / 2, mpf(d1) / 2, 0, 1 - x, regularized=True) if ratio > 1 else mp.betainc(mpf(d1) / 2, mpf(d2) / 2, 0, x, regularized=True)
        cases.add("variance_tail", f"ratio {ratio}", {"ratio": ratio, "n": n, "m": m}, {"log10_p": mp.log10(2 * tail)})


# ---------------------------------------------------------------- counts


def boschloo_dense(a, b, c, d):
    """Two-sided p by a dense grid of the common rate, tables enumerated one by one."""
    n1, n2 = a + b, c + d
    x1, x2 = np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij")
    rates = 1 / (1 + np.exp(-np.linspace(-9, 9, 20001)))
    p1 = scipy.stats.binom.pmf(np.arange(n1 + 1)[:, None], n1, rates)
    p2 = scipy.stats.binom.pmf(np.arange(n2 + 1)[:, None], n2, rates)
    best = []
    for statistic in [scipy.stats.hypergeom.cdf(x1, n1 + n2, x1 + x2, n1), scipy.stats.hypergeom.sf(x1 - 1, n1 + n2, x1 + x2, n1)]:
        region = (statistic <= statistic[a, c] * (1 + 1e-11)).astype(float)
        best.append(float(np.max(np.sum(p1 * (region @ p2), axis=0))))
    return min(1.0, 2 * min(best))


def add_counts(cases):
    rng = cases.rng
    for b, c in [(0, 1), (0, 7), (3, 3), (12, 30), (400, 310), *rng.integers(0, 40, size=(6, 2)) + [[1, 0]]]:
        b, c = int(b), int(c)
        exact = mcnemar([[9, b], [c, 9]], exact=True)
        k, n = min(b, c), b + c
        mid = min(1.0, exact.pvalue - scipy.stats.binom.pmf(k, n, 0.5)) if b != c else 1.0
        cases.add("mcnemar", f"{b} {c}", {"b": b, "c": c}, {"p": min(1.0, exact.pvalue), "mid": mid})
    point = [mp.binomial(1500, j) * mpf(2) ** -1500 for j in range(31)]
    cases.add("mcnemar_tail", "30 1470", {"b": 30, "c": 1470}, {"log10_p": mp.log10(2 * sum(point)), "log10_mid": mp.log10(2 * sum(point) - point[30])})
    for k, n in [(0, 5), (5, 5), (1, 30), (0, 1), *[(int(rng.integers(0, n + 1)), n) for n in (7, 30, 1000)]]:
        low, high = proportion_confint(k, n, alpha=0.05, method="wilson")
        cases.add("wilson", f"{k} of {n}", {"k": k, "n": n}, {"low": max(0.0, low), "high": min(1.0, high)})
    tables = [(0, 30, 5, 25), (3, 0, 0, 3), (1, 14, 6, 9), (10, 10, 10, 10), (0, 4, 1, 30), (7, 5, 2, 12)]
    tables += [tuple(map(int, rng.integers(0, 15, size=4) + [1, 0, 0, 1])) for _ in range(6)]
    for a, b, c, d in tables:
        fisher = scipy.stats.fisher_exact([[a, b], [c, d]]).pvalue
        # SciPy's samples are columns.
        unconditional = scipy.stats.boschloo_exact([[a, c], [b, d]], n=128).pvalue
        expected = {"fisher": fisher, "boschloo_scipy": unconditional, "boschloo": boschloo_dense(a, b, c, d)}
        cases.add("table", f"{a} {b} {c} {d}", {"table": [[a, b], [c, d]]}, expected)
    total, top = mp.binomial(300, 150), mpf(2)
    cases.add("fisher_tail", "150 v 150", {"table": [[150, 0], [0, 150]]}, {"log10_p": mp.log10(top / total)})


# ---------------------------------------------------------------- bands, ranks, shrinkage, covariance


def add_curves(cases):
    rng = cases.rng
    for n, other, epochs in [(8, 0, 6), (20, 0, 12), (6, 10, 5)]:
        walk = lambda count: np.cumsum(rng.normal(size=(count, epochs)), axis=1) + rng.normal(size=(count, epochs))
        a = 50 + walk(n)
        samples = [a] if other == 0 else [a, 48 + 2 * walk(other)]
        variances = [np.var(s, axis=0, ddof=1) / len(s) for s in samples]
        # New samples of normal curves with the estimated covariances; the largest |t| of each.
        maxima = []
        for _ in range(40):
            top = np.zeros((5000, epochs))
            bottom = np.zeros((5000, epochs))
            for sample in samples:
                draws = rng.multivariate_normal(np.zeros(epochs), np.cov(sample.T), size=(5000, len(sample)), method="svd")
                top += draws.mean(axis=1)
                bottom += draws.var(axis=1, ddof=1) / len(sample)
            maxima.append(np.max(np.abs(top) / np.sqrt(bottom), axis=1))
        expected = {"critical": np.quantile(np.concatenate(maxima), 0.95), "se": np.sqrt(sum(variances))}
        cases.add("curves", f"{n} {other}", {"a": a, "b": samples[1] if other else []}, expected)


def add_ranks(cases):
    rng = cases.rng
    for i in range(4):
        k, n = int(rng.integers(3, 8)), int(rng.integers(3, 12))
        common = rng.normal(size=n)
        samples = [80 + 2 * rng.normal() + common + 0.5 * rng.normal(size=n) for _ in range(k)]
        paired = bool(i % 2)
        tests = []
        for a, b in itertools.permutations(range(k), 2):
            test = scipy.stats.ttest_rel if paired else lambda x, y, **kw: scipy.stats.ttest_ind(x, y, equal_var=False, **kw)
            tests.append((test(samples[a], samples[b], alternative="greater").pvalue, a, b))
        tests.sort()
        low, high = [1] * k, [k] * k
        for index, (p, a, b) in enumerate(tests):
            if p * (len(tests) - index) > 0.05:
                break
            low[b] += 1
            high[a] -= 1
        cases.add("ranks", f"random {i}", {"samples": samples, "paired": paired}, {"low": low, "high": high})
        means, se = np.array([np.mean(s) for s in samples] + [79.0, 81.0]), rng.uniform(0.05, 1.5, size=k + 2)
        q = lambda t2: (lambda w: float(w @ (means - w @ means / w.sum()) ** 2))(1 / (se**2 + t2))
        t2 = 0.0 if q(0) <= k + 1 else scipy.optimize.brentq(lambda t: q(t) - (k + 1), 0, 1e4, xtol=1e-14, rtol=1e-14)
        w = 1 / (se**2 + t2)
        centre = w @ means / w.sum()
        b = (k - 1) / (k + 1) * se**2 / (se**2 + t2)
        cases.add("shrink", f"random {i}", {"means": means, "se": se}, {"means": means - b * (means - centre), "shrinkage": b, "centre": centre, "tau": math.sqrt(t2)})


def add_ancova(cases):
    rng = cases.rng
    for i in range(4):
        na, nb = int(rng.integers(3, 15)), int(rng.integers(3, 15))
        xa, xb = rng.normal(70, 2, size=na), rng.normal(71, 2, size=nb)
        a, b = 5 + 0.8 * xa + rng.normal(size=na), 4 + 0.8 * xb + rng.normal(size=nb)
        x, y, g = np.concatenate([xa, xb]), np.concatenate([a, b]), np.repeat([1.0, 0.0], [na, nb])
        fit = sm.OLS(y, np.column_stack([np.ones_like(g), g, x])).fit()
        low, high = fit.conf_int()[1]
        expected = {"test": [fit.params[1], fit.bse[1], fit.tvalues[1], fit.pvalues[1], low, high], "slope": fit.params[2]}
        # Control with further runs: b's covariates are those.
        line = sm.OLS(a, sm.add_constant(xa)).fit()
        every = np.concatenate([xa, xb])
        at = line.get_prediction(np.array([[1.0, every.mean()]]))
        level = (1 - line.params[1]) ** 2 * np.var(every, ddof=1) / len(every)
        variance = at.se_mean[0] ** 2 + level
        df = variance**2 / (at.se_mean[0] ** 4 / (na - 2) + level**2 / (len(every) - 1))
        plain_variance = np.var(a, ddof=1) / na + np.var(every, ddof=1) / len(every)
        expected["control"] = [at.predicted_mean[0] - every.mean(), math.sqrt(variance), df, plain_variance / variance]
        cases.add("ancova", f"random {i}", {"a": a, "xa": xa, "b": b, "xb": xb}, expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    check_noncentral()
    cases = Cases(arguments.seed)
    for fill in [
        add_linear, add_anova, add_contrasts, add_designs, add_audits, add_variances,
        add_crossed, add_counts, add_curves, add_ranks, add_ancova, add_blocked_audits, add_clusters, add_robust,
    ]:
        fill(cases)
    out = arguments.out or f"fixtures/stats_models_{arguments.seed}.json"
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases.cases)
    with open(out, "w", encoding="utf-8") as file:
        file.write(f'{{"seed": {arguments.seed}, "cases": [\n{lines}\n]}}\n')
    print(f"{len(cases.cases)} cases in {out}")


if __name__ == "__main__":
    main()
