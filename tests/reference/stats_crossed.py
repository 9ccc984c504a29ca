"""Reference values for seeds x examples, a part of stats_models.py: components of variance by statsmodels' analysis of
variance, and cluster-robust errors by its least squares.
"""

import math

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf


def mean_squares(x):
    """Mean squares of seeds, examples and residual by statsmodels' two-way analysis of variance."""
    n, m = x.shape
    frame = pd.DataFrame({"y": x.ravel(), "s": np.repeat(range(n), m), "e": np.tile(range(m), n)})
    table = sm.stats.anova_lm(smf.ols("y ~ C(s) + C(e)", frame).fit(), typ=1)
    return [table["sum_sq"].iloc[i] / table["df"].iloc[i] for i in range(3)]


def components(x):
    n, m = x.shape
    s, e, r = mean_squares(x)
    # Equal mean squares differ by rounding.
    above = lambda ms: max(0.0, ms - r) if abs(ms - r) > 1e-10 * r else 0.0
    vs, ve = above(s) / m, above(e) / n
    return {
        "mean": x.mean(), "ms": [s, e, r], "components": [vs, ve, r], "clamped": [s < r * (1 - 1e-10), e < r * (1 - 1e-10)],
        "same": math.sqrt(s / (n * m)), "new": math.sqrt(vs / n + ve / m + r / (n * m)),
        "one": math.sqrt(np.mean([np.var(row, ddof=1) for row in x]) / m),
        "until": (m * vs + r) / ve if ve > 0 else -1.0,
    }


def add_crossed(cases):
    rng = cases.rng
    for i, (n, m) in enumerate([(2, 9), (5, 40), (8, 71), (12, 64), (3, 17)]):
        hard, skill = rng.normal(0, 1.5, size=m), rng.normal(0, 0.5, size=n)
        a = (rng.normal(size=(n, m)) + hard + skill[:, None] > -0.5).astype(float)
        b = (rng.normal(size=(n, m)) + hard + skill[:, None] > -0.3).astype(float)
        real = hard + skill[:, None] + rng.normal(size=(n, m))
        pack = lambda x: [list(map(int, np.packbits(row.astype(np.uint8), bitorder="little"))) for row in x]
        given = {"a": pack(a), "b": pack(b), "m": m, "real": real}
        cases.add("crossed", f"{n} x {m}", given, {"a": components(a), "difference": components(a - b), "real": components(real)})


def cluster_error(y, cluster):
    """statsmodels' cluster-robust error of a mean, with its correction K / (K - 1)."""
    fit = sm.OLS(y, np.ones_like(y)).fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": True})
    return fit.bse[0]


def clustered(x, cluster):
    """Errors of the three targets from cluster-robust errors of single rows and of the mean row alone."""
    n, m = x.shape
    k = len(set(cluster))
    mean = x.mean(axis=0)
    same = np.var(x.mean(axis=1), ddof=1) / n
    examples, one = cluster_error(mean, cluster) ** 2, np.mean([cluster_error(row, cluster) ** 2 for row in x])
    rest = (one - examples) / (n - 1)
    above = lambda v: v - rest if v - rest > 1e-10 * rest else 0.0
    new = above(same) + above(examples) + rest
    used = [same if above(same) > 0 else 0.0, examples if above(examples) > 0 else 0.0]
    left = rest * (1 - sum(u > 0 for u in used))
    spread = used[0] ** 2 / (n - 1) + used[1] ** 2 / (k - 1) + left**2 / ((n - 1) * (k - 1))
    return {
        "mean": x.mean(), "same": math.sqrt(same), "examples": math.sqrt(examples), "one": math.sqrt(one),
        "new": math.sqrt(new), "df": new**2 / spread, "effect": examples / (np.var(mean, ddof=1) / m),
    }


def add_clusters(cases):
    rng = cases.rng
    for n, m, k in [(2, 9, 3), (5, 40, 11), (8, 71, 71), (12, 64, 2), (3, 130, 17), (20, 200, 40)]:
        # Every cluster has an example, and some have many.
        cluster = rng.permutation(np.concatenate([np.arange(k), (k * rng.uniform(size=m - k) ** 2).astype(int)]))
        hard = rng.normal(0, 1.2, size=k)[cluster] + rng.normal(0, 0.8, size=m)
        skill = rng.normal(0, 0.5, size=n)[:, None] + rng.normal(0, 0.5, size=(n, k))[:, cluster]
        a = (rng.normal(size=(n, m)) + hard + skill > -0.5).astype(float)
        b = (rng.normal(size=(n, m)) + hard + 0.5 * skill > -0.3).astype(float)
        real = hard + skill + rng.normal(size=(n, m))
        pack = lambda x: [list(map(int, np.packbits(row.astype(np.uint8), bitorder="little"))) for row in x]
        given = {"a": pack(a), "b": pack(b), "m": m, "real": real, "cluster": cluster}
        found = {"a": clustered(a, cluster), "difference": clustered(a - b, cluster), "real": clustered(real, cluster)}
        cases.add("clusters", f"{n} x {m} in {k}", given, found)
