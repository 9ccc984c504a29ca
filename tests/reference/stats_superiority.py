"""Reference values for how often or how surely one sample gives the larger value, a part of stats_resampling.py: the
probability of superiority beside SciPy's Brunner-Munzel, and the stochastic order in fractions.
"""

import math
from fractions import Fraction

import numpy as np
import scipy.stats

from stats_arrangements import agree


def superiority_cases(rng, cases):
    for na, nb, levels in [(2, 3, 3), (5, 5, 9), (9, 14, 4), (30, 30, 500), (12, 12, 6)]:
        a = [rng.randint(0, levels) for _ in range(na)]
        b = [rng.randint(0, levels) for _ in range(nb)]
        a[0], b[0], b[1] = levels, levels // 2, levels + 1  # neither separated nor constant
        a[1] = 0
        wins = sum((x > y) + (x == y) / 2 for x in a for y in b)
        a12 = wins / (na * nb)
        theirs = scipy.stats.brunnermunzel(a, b)
        above = [sum((x > y) + (x == y) / 2 for y in b) / nb for x in a]
        below = [sum((x > y) + (x == y) / 2 for x in a) / na for y in b]
        error = math.sqrt(np.var(above, ddof=1) / na + np.var(below, ddof=1) / nb)
        u, v = np.var(above, ddof=1) / na, np.var(below, ddof=1) / nb
        df = (u + v) ** 2 / (u**2 / (na - 1) + v**2 / (nb - 1))
        t = (a12 - 0.5) / error
        if t:
            agree("brunner-munzel", -t, theirs.statistic)  # SciPy's sign is that of P(A < B)
            agree("brunner-munzel p", 2 * scipy.stats.t.sf(abs(t), df), theirs.pvalue)
        cases.append({"kind": "superiority", "a": a, "b": b, **logit_interval(a12, error, df, 0.95)})
        if na == nb:
            # The score of pair i: how a_i stands among b, and b_i among a.
            scores = [x + y for x, y in zip(above, below)]
            error = float(np.std(scores, ddof=1)) / math.sqrt(na)
            cases.append({"kind": "superiority-paired", "a": a, "b": b, **logit_interval(a12, error, na - 1, 0.95)})


def logit_interval(a12, error, df, confidence):
    t = (a12 - 0.5) / error
    half = scipy.stats.t.ppf(0.5 + confidence / 2, df) * error / (a12 * (1 - a12))
    logit = math.log(a12 / (1 - a12))
    return {
        "a12": a12, "standard_error": error, "statistic": t, "df": float(df), "p": float(2 * scipy.stats.t.sf(abs(t), df)),
        "low": float(scipy.special.expit(logit - half)), "high": float(scipy.special.expit(logit + half)),
    }


def violation(a, b):
    """Every value of each sample as often as the other has values: then the quantiles meet one by one."""
    a, b = (sorted(Fraction(v) for v in x) for x in (a, b))
    both = list(zip([v for v in a for _ in b], [v for v in b for _ in a]))
    behind = sum((y - x) ** 2 for x, y in both if x < y)
    return float(behind / sum((y - x) ** 2 for x, y in both))


def dominance_cases(rng, cases):
    for na, nb, shift in [(1, 1, 1), (2, 3, 0), (5, 5, 0.5), (7, 4, 0.2), (30, 30, 0.1), (30, 30, 3), (12, 35, 0.3)]:
        a = [round(rng.gauss(shift, 1), 4) for _ in range(na)]
        b = [round(rng.gauss(0, 1.5), 4) for _ in range(nb)]
        for scale, offset in [(1, 0), (1e152, 0), (1, 1e9)]:
            moved = [[v * scale + offset for v in x] for x in (a, b)]
            cases.append({"kind": "dominance", "a": moved[0], "b": moved[1], "violation": violation(*moved)})
    ties = [rng.randint(0, 4) for _ in range(20)], [rng.randint(0, 4) for _ in range(15)]
    cases.append({"kind": "dominance", "a": ties[0], "b": ties[1], "violation": violation(*ties)})
