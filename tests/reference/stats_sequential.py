"""Reference values for summaries, equivalence, power, sequential boundaries and e-values of the crate sweeper-stats.

Libraries where they have the figure (SciPy, statsmodels), else numerical integration of the definition: power as the mean
over the estimated error, checked against the libraries, which answer NaN at some large noncentralities; boundaries by
Gauss-Legendre quadrature over whole continuation regions with 400 nodes and a bisection per look, e-values from sums
of 50 digits.

    python stats_sequential.py --seed 1

Another seed gives other designs and samples of the same kinds.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import scipy.integrate
import scipy.optimize
import scipy.stats as st
from mpmath import mp, mpf
from statsmodels.stats.power import TTestIndPower, TTestPower
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

mp.dps = 50
NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)


def sample(rng, n, mean=0.0, sd=1.0):
    return [float(v) for v in rng.normal(mean, sd, n)]


# ---------------------------------------------------------------- summaries and equivalence


def summaries(rng):
    cases = []
    for name, na, nb, sd_b in [("two", 2, 2, 1.0), ("unequal", 5, 12, 2.5), ("thirty", 30, 30, 1.0), ("constant", 4, 6, 0.0)]:
        a, b = sample(rng, na, 1.0), sample(rng, nb, 0.5, sd_b) if sd_b else [0.25] * nb
        margin = float(rng.uniform(0.5, 3.0))
        test = st.ttest_ind(a, b, equal_var=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            p, (t_low, p_low, df), (t_high, p_high, _) = ttost_ind(a, b, -margin, margin, usevar="unequal")
        low, high = test.confidence_interval(0.9)
        cases.append(
            dict(kind="welch", name=name, a=a, b=b, margin=margin, df=float(df), t=float(test.statistic), p=float(test.pvalue),
                 low90=float(low), high90=float(high), tost_p=float(p), t_lower=float(t_low), p_lower=float(p_low),
                 t_upper=float(-t_high), p_upper=float(p_high))
        )
    for name, n in [("two", 2), ("eight", 8), ("thirty", 30)]:
        a = sample(rng, n, 1.0)
        b = [v + w for v, w in zip(a, sample(rng, n, -0.2, 0.7))]
        margin = float(rng.uniform(0.3, 2.0))
        test = st.ttest_rel(a, b)
        p, (t_low, p_low, df), (t_high, p_high, _) = ttost_paired(np.array(a), np.array(b), -margin, margin)
        low, high = test.confidence_interval(0.9)
        cases.append(
            dict(kind="paired", name=name, a=a, b=b, margin=margin, df=float(df), t=float(test.statistic), p=float(test.pvalue),
                 low90=float(low), high90=float(high), tost_p=float(p), t_lower=float(t_low), p_lower=float(p_low),
                 t_upper=float(-t_high), p_upper=float(p_high))
        )
    return cases


# ---------------------------------------------------------------- power


def t_power(df, noncentrality, alpha, library):
    """The mean over the estimated error of the normal power; checked against a library unless that says NaN."""
    critical = st.t.isf(alpha / 2, df)

    def f(s):
        rejected = st.norm.sf(critical * s - noncentrality) + st.norm.cdf(-critical * s - noncentrality)
        return st.chi2.pdf(df * s * s, df) * 2 * df * s * rejected

    edges = np.linspace(max(0.0, 1 - 9 / np.sqrt(df)), 1 + 11 / np.sqrt(df), 40)
    edges[0] = 0.0
    value = sum(scipy.integrate.quad(f, a, b, epsabs=1e-14, epsrel=1e-12)[0] for a, b in zip(edges, edges[1:]))
    assert np.isnan(library) or abs(value - library) < 1e-8, (df, noncentrality, value, library)
    return float(value)


def tost_power(df, se, difference, margin, alpha):
    critical = st.t.isf(alpha, df)

    def f(s):
        reach = (margin - critical * s * se) / se
        inside = st.norm.cdf(reach - difference / se) - st.norm.cdf(-reach - difference / se)
        return st.chi2.pdf(df * s * s, df) * 2 * df * s * inside

    end = margin / (critical * se)
    points = [x for x in np.linspace(max(0.0, 1 - 8 / np.sqrt(df)), 1 + 10 / np.sqrt(df), 30) if 0 < x < end]
    edges = [0.0, *points, end]
    return sum(scipy.integrate.quad(f, a, b, epsabs=1e-14, epsrel=1e-12)[0] for a, b in zip(edges, edges[1:]))


def powers(rng):
    cases = []
    for n in [2, 3, 8, 30, 200]:
        d, alpha = float(rng.uniform(0.2, 2.0)), float(rng.choice([0.01, 0.05, 0.1]))
        library = TTestIndPower().power(d, n, alpha, ratio=1.0, df=2 * n - 2)
        cases.append(dict(kind="equal", n=n, difference=d, alpha=alpha, power=t_power(2 * n - 2, d * (n / 2) ** 0.5, alpha, library)))
    for _ in range(8):
        na, nb = int(rng.integers(2, 40)), int(rng.integers(2, 40))
        sa, sb = float(rng.uniform(0.3, 3.0)), float(rng.uniform(0.3, 3.0))
        d, alpha = float(rng.uniform(0.2, 2.5)), 0.05
        u, v = sa * sa / na, sb * sb / nb
        df, se = (u + v) ** 2 / (u * u / (na - 1) + v * v / (nb - 1)), (u + v) ** 0.5
        critical = st.t.isf(alpha / 2, df)
        power = t_power(df, d / se, alpha, st.nct.sf(critical, df, d / se) + st.nct.cdf(-critical, df, d / se))
        margin = float(rng.uniform(1.5, 6.0)) * se
        cases.append(dict(kind="welch", na=na, nb=nb, sa=sa, sb=sb, difference=d, alpha=alpha, power=power, margin=margin,
                          tost=float(tost_power(df, se, 0.3 * d, margin, alpha))))
    for _ in range(6):
        d, sd, power = float(rng.uniform(0.3, 1.5)), float(rng.uniform(0.5, 2.0)), float(rng.choice([0.8, 0.9]))
        n = 2
        while TTestPower().power(d / sd, n, 0.05) < power:
            n += 1
        margin = float(rng.uniform(0.8, 2.0)) * sd
        n_equivalence = 2
        while tost_power(n_equivalence - 1, sd / n_equivalence**0.5, 0.0, margin, 0.05) < power:
            n_equivalence += 1
        cases.append(dict(kind="size", difference=d, sd=sd, power=power, n=n, margin=margin, n_equivalence=n_equivalence))
    for df in [1, 4, 29, 500]:
        confidence = float(rng.choice([0.5, 0.8, 0.95]))
        factor = (df / st.chi2.ppf(1 - confidence, df)) ** 0.5
        cases.append(dict(kind="upper-sd", df=df, confidence=confidence, factor=float(factor)))
    return cases


# ---------------------------------------------------------------- boundaries


def spent(kind, rho, t, alpha):
    if kind == "o-brien-fleming":
        return 4 * st.norm.sf(st.norm.isf(alpha / 4) / np.sqrt(t))
    if kind == "pocock":
        return alpha * np.log1p((np.e - 1) * t)
    return alpha * t**rho


class Walk:
    """Density of the score on the paths that continue, at whole continuation regions."""

    def __init__(self, drift=0.0):
        self.t, self.s, self.mass, self.drift = 0.0, np.array([0.0]), np.array([1.0]), drift

    def tails(self, t, z):
        dt = t - self.t
        bound, mean = z * np.sqrt(t), self.s + self.drift * dt
        up = np.sum(self.mass * st.norm.sf((bound - mean) / np.sqrt(dt)))
        down = np.sum(self.mass * st.norm.cdf((-bound - mean) / np.sqrt(dt)))
        return float(down), float(up)

    def step(self, t, z):
        dt = t - self.t
        centre, half = self.drift * t, 9.5 * np.sqrt(t)
        low, high = max(-z * np.sqrt(t), centre - half), min(z * np.sqrt(t), centre + half)
        s = (low + high) / 2 + (high - low) / 2 * NODES
        kernel = st.norm.pdf(s[:, None], self.s[None, :] + self.drift * dt, np.sqrt(dt))
        self.mass = (high - low) / 2 * WEIGHTS * (kernel @ self.mass)
        self.t, self.s = t, s


def boundary(fractions, alpha, kind, rho):
    cumulative = [spent(kind, rho, t, alpha) for t in fractions]
    walk, bounds = Walk(), []
    for k, t in enumerate(fractions):
        increment = cumulative[k] - (cumulative[k - 1] if k else 0.0)
        bounds.append(scipy.optimize.brentq(lambda z: np.log(max(sum(walk.tails(t, z)), 1e-320) / increment), 0.0, 38.0, xtol=1e-14, rtol=1e-14))
        walk.step(t, bounds[-1])
    return bounds, cumulative


def boundaries(rng):
    designs = [([0.2, 0.4, 0.6, 0.8, 1.0], 0.05, kind, 2.0) for kind in ("o-brien-fleming", "pocock", "power")]
    designs.append(([1.0], 0.05, "pocock", 1.0))
    for kind in ("o-brien-fleming", "pocock", "power"):
        for _ in range(3):
            count = int(rng.integers(2, 9))
            cuts = np.sort(rng.choice(np.arange(3, 30), count - 1, replace=False)) / 30
            designs.append(([float(t) for t in cuts] + [1.0], float(rng.choice([0.05, 0.01, 0.05 / 9, 1e-4, 0.2])), kind, float(rng.uniform(0.5, 4))))
    cases = []
    for fractions, alpha, kind, rho in designs:
        bounds, cumulative = boundary(fractions, alpha, kind, rho)
        drift, walk, crossing = float(rng.uniform(0.5, 5.0)), None, []
        walk = Walk(drift)
        for t, z in zip(fractions, bounds):
            crossing.append(walk.tails(t, z))
            walk.step(t, z)
        look = int(rng.integers(0, len(fractions)))
        z_end = float(bounds[look] + rng.uniform(-0.3, 0.8))
        walk = Walk()
        for t, z in list(zip(fractions, bounds))[:look]:
            walk.step(t, z)
        stagewise = (cumulative[look - 1] if look else 0.0) + sum(walk.tails(fractions[look], z_end))
        z_seen = [float(v) for v in rng.uniform(0.3, 3.5, look + 1)]

        def smallest(j):
            def gap(ln_alpha):
                return boundary(fractions[: j + 1], np.exp(ln_alpha), kind, rho)[0][j] - z_seen[j]

            return 1.0 if gap(np.log(0.6)) > 0 else np.exp(scipy.optimize.brentq(gap, np.log(1e-5), np.log(0.6), xtol=1e-12))

        cases.append(
            dict(fractions=fractions, alpha=alpha, kind=kind, rho=rho, z=bounds, spent=[float(v) for v in cumulative], drift=drift,
                 crossing=crossing, look=look, z_end=z_end, stagewise=float(stagewise), z_seen=z_seen,
                 sequential=float(min(smallest(j) for j in range(look + 1))))
        )
    return cases


# ---------------------------------------------------------------- e-values


def e_values(rng):
    cases = []
    for n, centre, c in [(2, 0.0, 1.0), (5, 2.0, 1.0), (12, 0.5, 0.25), (30, 1.0, 4.0), (30, 0.0, 1.0), (12, 1e9, 1.0)]:
        b = sample(rng, n, 3.0)
        a = [v + w for v, w in zip(b, sample(rng, n, centre, 1.0 if centre < 1e6 else 1e8))]
        # The values as they are stored, so that rounding of the sums is the crate's and not the fixture's.
        x = [mpf(v) - mpf(w) for v, w in zip(a, b)]
        logs = []
        for k in range(2, n + 1):
            s, v = sum(x[:k]), sum(d * d for d in x[:k])
            logs.append(float(mp.log10(mp.sqrt(mpf(c) / (k + mpf(c))) * (v / (v - s * s / (k + mpf(c)))) ** (mpf(k) / 2))))
        mean = sum(x) / n
        se = mp.sqrt(sum((d - mean) ** 2 for d in x) / (n - 1) / n)

        def log_e(shift):
            y = [d - shift for d in x]
            s, v = sum(y), sum(d * d for d in y)
            return mp.log(mp.sqrt(mpf(c) / (n + mpf(c))) * (v / (v - s * s / (n + mpf(c)))) ** (mpf(n) / 2))

        limit = mp.sqrt(mpf(c) / (n + mpf(c))) * ((n + mpf(c)) / mpf(c)) ** (mpf(n) / 2)
        interval = None
        if limit > 1.001 * 20:
            half = scipy.optimize.brentq(lambda h: float(log_e(mean + h * se) - mp.log(20)), 0.0, 1e6, xtol=1e-13, rtol=1e-14)
            interval = [float(mean - half * se), float(mean + half * se)]
        cases.append(dict(a=a, b=b, c=c, log10_e=logs, interval95=interval, se=float(se)))
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    out = arguments.out or Path(__file__).parent / "fixtures" / f"stats_sequential_{arguments.seed}.json"
    content = dict(summaries=summaries(rng), powers=powers(rng), boundaries=boundaries(rng), e_values=e_values(rng))
    out.write_text(json.dumps(content, allow_nan=False, separators=(",", ":")).replace('},{', '},\n{') + "\n")


if __name__ == "__main__":
    main()
