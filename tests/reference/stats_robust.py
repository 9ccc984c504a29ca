"""Reference values for tests of terms that do not take the cells' variances for equal, a part of stats_models.py: dense
matrices, held against statsmodels where it has the same.
"""

import itertools

import numpy as np
import pandas as pd
import scipy.stats
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.stats.multivariate import test_mvmean
from statsmodels.stats.oneway import anova_oneway


def type_two(levels, weights, interactions):
    """Each term's contrasts of cell means by type II: its columns less their weighted projection on those before it."""
    names = [f"f{i}" for i in range(len(levels[0]))]
    frame = pd.DataFrame(levels, columns=names)
    pairs = list(itertools.combinations(range(len(names)), 2)) if interactions else []
    terms = [[i] for i in range(len(names))] + [list(pair) for pair in pairs]
    columns = {}
    for term in terms:
        coded = [pd.get_dummies(frame[names[i]]).to_numpy(float) for i in term]
        columns[tuple(term)] = coded[0] if len(term) == 1 else np.einsum("ia,ib->iab", *coded).reshape(len(frame), -1)
    root = np.sqrt(weights)[:, None]
    for term in terms:
        base = [np.ones((len(frame), 1))] + [columns[tuple(t)] for t in terms if t != term and not set(term) < set(t)]
        base, own = root * np.column_stack(base), root * columns[tuple(term)]
        own = own - base @ np.linalg.pinv(base) @ own
        left, size, _ = np.linalg.svd(own, full_matrices=False)
        yield term, (left[:, size > 1e-9 * size[0]] * root).T


def johansen(contrasts, means, variances, counts):
    """Welch's and James's test with dense matrices as published; its Wald statistic is statsmodels' by HC2."""
    v = np.diag(variances / counts)
    p = v @ contrasts.T @ np.linalg.inv(contrasts @ v @ contrasts.T) @ contrasts
    a = 0.0
    for j, n in enumerate(counts):
        part = np.zeros_like(p)
        part[:, j] = p[:, j]
        a += (np.trace(part @ part) + np.trace(part) ** 2) / (n - 1) / 2
    rows = len(contrasts)
    return rows + 2 * a - 6 * a / (rows + 2), rows * (rows + 2) / (3 * a)


def add_robust(cases):
    rng = cases.rng
    for i, (shape, paired) in enumerate([((2, 2), False), ((3, 2), False), ((2, 3, 2), False), ((4,), False), ((2, 2), True), ((3, 2), True), ((2, 2, 2), True)]):
        levels = list(itertools.product(*map(range, shape)))
        spread = rng.uniform(0.3, 3.0, size=len(levels))
        counts = np.full(len(levels), 9) if paired or i == 1 else rng.integers(3, 9, size=len(levels))
        shared = rng.normal(0, 2, size=9) if paired else np.zeros(9)
        cells = [70 + 0.6 * rng.normal() + sd * rng.normal(size=n) + shared[:n] for sd, n in zip(spread, counts)]
        means, variances = np.array([c.mean() for c in cells]), np.array([c.var(ddof=1) for c in cells])
        y, cell = np.concatenate(cells), np.repeat(range(len(cells)), counts)
        x = (cell[:, None] == np.arange(len(cells))).astype(float)
        expected = []
        for term, contrasts in type_two(levels, counts.astype(float), len(shape) > 1):
            if paired:
                values = np.stack(cells, axis=1) @ contrasts.T
                if len(contrasts) == 1:
                    test = scipy.stats.ttest_1samp(values[:, 0], 0)
                    expected.append([test.statistic**2, 1, test.df, test.pvalue])
                else:
                    test = test_mvmean(values)
                    expected.append([test.statistic, *test.df, test.pvalue])
                continue
            wald = float(np.squeeze(sm.OLS(y, x).fit(cov_type="HC2").wald_test(contrasts, use_f=False, scalar=True).statistic))
            divisor, df = johansen(contrasts, means, variances, counts)
            f = wald / divisor
            expected.append([f, len(contrasts), df, scipy.stats.f.sf(f, len(contrasts), df)])
            if len(set(counts)) == 1:
                check_hc3(levels, cells, term, expected[-1][0] * divisor / len(contrasts))
        if shape == (4,):
            welch = anova_oneway(cells, use_var="unequal", welch_correction=True)
            assert np.allclose(expected[0], [welch.statistic, *welch.df, welch.pvalue], rtol=1e-9)
        cases.add("robust", f"{shape} paired {paired}", {"cells": cells, "levels": levels, "paired": paired, "interactions": len(shape) > 1}, expected)


def check_hc3(levels, cells, term, per_df):
    """With n values in every cell HC3 divides by n - 1 where Welch divides by n: the same Wald test but for that."""
    names = [f"f{i}" for i in range(len(levels[0]))]
    frame = pd.DataFrame([(*level, v) for level, cell in zip(levels, cells) for v in cell], columns=[*names, "y"])
    coded = [f"C({name}, Sum)" for name in names]
    fit = smf.ols("y ~ " + " * ".join(coded), frame).fit()
    table = sm.stats.anova_lm(fit, typ=3, robust="hc3")
    n = len(cells[0])
    assert np.isclose(table.loc[":".join(coded[i] for i in term), "F"], per_df * (n - 1) / n, rtol=1e-9), table
