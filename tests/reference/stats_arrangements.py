"""Exact distributions of rank and permutation statistics, counted one arrangement after another, and their normal forms."""

from collections import Counter
from fractions import Fraction

import scipy.stats


SIDES = {"two-sided": "two-sided", "greater": "greater", "less": "less"}


def agree(name, mine, theirs, tolerance=1e-9):
    if abs(float(mine) - float(theirs)) > tolerance * max(abs(float(mine)), 1e-300):
        raise ArithmeticError(f"{name}: {mine!r} here, {theirs!r} by the library")


# ---------------------------------------------------------------- counting arrangements


def share(counts, observed, expected):
    """p-values of a distribution {statistic: arrangements}."""
    total = sum(counts.values())

    def p(holds):
        return float(Fraction(sum(n for s, n in counts.items() if holds(s)), total))

    distance = abs(observed - expected)
    return {
        "two-sided": p(lambda s: abs(s - expected) >= distance),
        "greater": p(lambda s: s >= observed),
        "less": p(lambda s: s <= observed),
    }


def subset_sums(items, k):
    """{sum: number of subsets of size k}, with whole numbers of any size."""
    rows = [Counter() for _ in range(k + 1)]
    rows[0][0] = 1
    for item in items:
        for size in range(k, 0, -1):
            for total, n in list(rows[size - 1].items()):
                rows[size][total + item] += n
    return rows[k]


def sign_sums(items):
    """{sum of signed items: number of choices of signs}."""
    sums = Counter({0: 1})
    for item in items:
        after = Counter()
        for total, n in sums.items():
            after[total + item] += n
            after[total - item] += n
        sums = after
    return sums


def doubled_ranks(values):
    return [int(2 * r) for r in scipy.stats.rankdata(values)]


# ---------------------------------------------------------------- ranks


def mann_whitney(a, b, check_scipy):
    ranks = doubled_ranks(a + b)
    n = len(ranks)
    statistic = Fraction(sum(ranks[: len(a)]), 2) - Fraction(len(a) * (len(a) + 1), 2)
    p = share(subset_sums(ranks, len(a)), sum(ranks[: len(a)]), len(a) * (n + 1))
    if check_scipy:
        for side in SIDES:
            theirs = scipy.stats.mannwhitneyu(a, b, alternative=side, method="exact")
            agree("mann-whitney", p[side], theirs.pvalue)
            agree("U", statistic, theirs.statistic)
    return {"statistic": float(statistic), "p": p}


def mann_whitney_normal(a, b):
    tests = {side: scipy.stats.mannwhitneyu(a, b, alternative=side, method="asymptotic") for side in SIDES}
    return {"statistic": tests["greater"].statistic, "p": {side: t.pvalue for side, t in tests.items()}}


def wilcoxon(differences, check_scipy):
    """Differences are whole numbers here, so that ties are ties."""
    magnitudes = [abs(d) for d in differences]
    ranks = [r for r, d in zip(doubled_ranks(magnitudes), differences) if d != 0]
    kept = [d for d in differences if d != 0]
    plus = sum(r for r, d in zip(ranks, kept) if d > 0)
    p = share(sign_sums(ranks), 2 * plus - sum(ranks), 0)
    if check_scipy:
        for side in SIDES:
            theirs = scipy.stats.wilcoxon(differences, alternative=side, method="exact", zero_method="pratt")
            agree("wilcoxon", p[side], theirs.pvalue)
    return {"statistic": plus / 2, "p": p}


def wilcoxon_normal(differences):
    p, statistic = {}, None
    for side in SIDES:
        test = scipy.stats.wilcoxon(
            differences, alternative=side, method="asymptotic", zero_method="pratt", correction=True
        )
        p[side] = test.pvalue
        statistic = test.statistic if side == "greater" else statistic
    return {"statistic": statistic, "p": p}
