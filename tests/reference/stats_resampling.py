"""Reference values for rank tests, permutation tests, max-T, robust statistics, bootstrap and aggregates of sweeper-stats.

SciPy where it has the thing: exact Mann-Whitney and Wilcoxon without ties, both normal approximations, exact permutation
tests, Yuen's t, Brunner-Munzel, trimmed means, and its percentile and BCa intervals, to which the resamples of the Rust
code are handed (drawn a second time here, from counter.py). What SciPy lacks or gets wrong with ties is counted one
arrangement after another, or with whole numbers; Yuen's t at an offset of 1e9 or a scale of 1e152 comes from mpmath.

    python stats_resampling.py [--seed 1] [--out fixtures/stats_resampling_1.json]
"""

import argparse
import itertools
import json
import math
import pathlib
import random
import warnings

import numpy as np
import scipy.stats
from mpmath import mp, mpf

import counter
import stats_exact
from stats_arrangements import SIDES, agree, share, subset_sums, sign_sums, mann_whitney, mann_whitney_normal, wilcoxon, wilcoxon_normal
from stats_superiority import dominance_cases, superiority_cases

BOOTSTRAP, STRATA = 1014, 1015


def rank_cases(rng, cases):
    for na, nb, levels in [(2, 2, 99), (3, 5, 999), (7, 4, 999), (5, 5, 4), (6, 9, 3), (8, 8, 6), (30, 30, 9999), (30, 30, 12),
                           (12, 40, 8), (4, 80, 50), (50, 50, 30), (62, 62, 400)]:
        a = [rng.randint(0, levels) / 100 for _ in range(na)]
        b = [rng.randint(0, levels) / 100 + rng.choice([0, 0, 0.01, 0.3]) for _ in range(nb)]
        b = [round(v, 2) for v in b]
        if len(set(a + b)) == 1:
            b[0] += 1
        untied = len(set(a + b)) == na + nb
        cases.append({"kind": "mann-whitney", "a": a, "b": b, "exact": True, **mann_whitney(a, b, untied)})
    a = [round(rng.gauss(0, 1), 9) for _ in range(30)]
    b = [round(rng.gauss(0.8, 1), 9) for _ in range(30)]
    cases.append({"kind": "mann-whitney", "a": a, "b": b, "exact": True, **mann_whitney(a, b, True)})
    for scale, offset in [(1e152, 0.0), (1.0, 1e9)]:
        moved = [v * scale + offset for v in a], [v * scale + offset for v in b]
        if len(set(moved[0] + moved[1])) == 60:
            cases.append({"kind": "mann-whitney", "a": moved[0], "b": moved[1], "exact": True, **mann_whitney(a, b, False)})
    a = [rng.randint(0, 60) / 10 for _ in range(150)]
    b = [rng.randint(5, 70) / 10 for _ in range(90)]
    cases.append({"kind": "mann-whitney", "a": a, "b": b, "exact": False, **mann_whitney_normal(a, b)})
    for n, levels in [(2, 50), (5, 3), (8, 2), (12, 4), (19, 30), (30, 12), (30, 400), (100, 20)]:
        differences = [rng.randint(-levels // 2, levels) for _ in range(n)]
        differences[0] = differences[0] or 1
        b = [rng.randint(5_000, 9_000) for _ in range(n)]
        a = [(x + d) / 1000 for x, d in zip(b, differences)]
        b = [x / 1000 for x in b]
        untied = len({abs(d) for d in differences}) == n and 0 not in differences
        cases.append({"kind": "wilcoxon", "a": a, "b": b, "exact": True, **wilcoxon(differences, untied)})
    differences = [rng.randint(-20, 26) for _ in range(180)]
    zero = [0] * 180
    cases.append({"kind": "wilcoxon", "a": differences, "b": zero, "exact": False, **wilcoxon_normal(differences)})


# ---------------------------------------------------------------- permutation tests


def label_permutation(a, b):
    """Whole numbers, so that equal differences are equal: sums of a, times n, less n_a times the total."""
    n, total = len(a) + len(b), sum(a) + sum(b)
    sums = subset_sums([n * v for v in a + b], len(a))
    return share(sums, n * sum(a), len(a) * total)


def sign_flip(differences):
    return share(sign_sums(differences), sum(differences), 0)


def mean_difference(x, y, axis):
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


def permutation_cases(rng, cases):
    for na, nb, levels in [(2, 2, 30), (3, 4, 5), (5, 5, 200), (7, 3, 12), (6, 6, 4), (15, 15, 60), (18, 18, 900), (3, 60, 40)]:
        a = [rng.randint(0, levels) for _ in range(na)]
        b = [rng.randint(0, levels) + levels // 4 for _ in range(nb)]
        if len(set(a + b)) == 1:
            b[0] += 1
        p = label_permutation(a, b)
        if math.comb(na + nb, na) < 5_000:
            data = ([float(v) for v in a], [float(v) for v in b])
            for side in ("greater", "less") + (("two-sided",) if na == nb else ()):
                theirs = scipy.stats.permutation_test(
                    data, mean_difference, vectorized=True, n_resamples=np.inf, alternative=side
                )
                agree("permutation", p[side], theirs.pvalue)
        for offset, scale in [(0, 100.0), (10**9, 8.0), (0, 1e-152), (0, 7.0)]:
            x = [v / scale + offset for v in a]
            y = [v / scale + offset for v in b]
            cases.append({"kind": "label-permutation", "a": x, "b": y, "p": p, "arrangements": str(math.comb(na + nb, na))})
    for n, levels in [(2, 9), (5, 3), (9, 20), (16, 6), (30, 25), (36, 200)]:
        differences = [rng.randint(-levels // 2, levels) for _ in range(n)]
        differences[0] = differences[0] or 1
        b = [rng.randint(5_000, 9_000) for _ in range(n)]
        a = [x + d for x, d in zip(b, differences)]
        p = sign_flip(differences)
        if n <= 9:
            for side in SIDES:
                theirs = scipy.stats.permutation_test(
                    ([float(v) for v in differences],), np.mean, permutation_type="samples", n_resamples=np.inf, alternative=side
                )
                agree("sign flip", p[side], theirs.pvalue)
        for scale in [1000.0, 1e-152, 7.0]:
            pair = [v / scale for v in a], [v / scale for v in b]
            cases.append({"kind": "sign-flip", "a": pair[0], "b": pair[1], "p": p, "arrangements": str(2**n)})


# ---------------------------------------------------------------- max-T


def step_down(observed, arrangements):
    """p raw, single step and step-down of |t| (members) and |t*| (arrangements x members)."""
    near = observed - 1e-9 * np.maximum(observed, 1)
    order = np.argsort(-observed, kind="stable")
    down, running = np.zeros(len(observed)), 0.0
    for rank, member in enumerate(order):
        largest = arrangements[:, order[rank:]].max(axis=1)
        running = max(running, float(np.mean(largest >= near[member])))
        down[member] = running
    single = [float(np.mean(arrangements.max(axis=1) >= near[m])) for m in range(len(observed))]
    raw = [float(np.mean(arrangements[:, m] >= near[m])) for m in range(len(observed))]
    return {"raw": raw, "single": single, "down": down.tolist()}


def t_of(d):
    """|t| of the columns; infinite where a column has no spread."""
    error = d.std(axis=0, ddof=1) / math.sqrt(len(d))
    with np.errstate(divide="ignore"):
        return np.abs(d.mean(axis=0)) / np.where(error < 1e-12, 0, error)


def max_t_cases(rng, cases):
    for n, k in [(5, 2), (8, 3), (10, 6), (12, 4)]:
        control = np.array([rng.gauss(0, 1) for _ in range(n)])
        configs = np.array([[c * 0.7 + rng.gauss(0.4 * j, 1) for c in control] for j in range(k)])
        d = (configs - control).T
        signs = np.array(list(itertools.product([1, -1], repeat=n)))
        flipped = np.array([t_of(s[:, None] * d) for s in signs])
        centred = np.array([t_of(s[:, None] * (d - d.mean(axis=0))) for s in signs]).max(axis=1)
        critical = np.sort(centred)[math.ceil(0.9 * len(signs)) - 1]
        expected = step_down(t_of(d), flipped)
        t = d.mean(axis=0) / (d.std(axis=0, ddof=1) / math.sqrt(n))
        critical = max(critical, scipy.stats.t.ppf(0.95, n - 1)) if n >= 8 else None
        cases.append({
            "kind": "max-t-paired", "configs": configs.tolist(), "control": control.tolist(), "statistic": t.tolist(),
            "critical": critical, **expected,
        })
    for sizes in [(3, 3), (3, 3, 4), (2, 2, 2, 3), (5, 6)]:
        groups = [[round(rng.gauss(0.9 * i, 1), 3) for _ in range(n)] for i, n in enumerate(sizes)]
        pooled = [v for g in groups for v in g]

        def welch(assigned):
            control = np.array(assigned[0])
            out = []
            for g in map(np.array, assigned[1:]):
                error = math.sqrt(g.var(ddof=1) / len(g) + control.var(ddof=1) / len(control))
                out.append(abs(g.mean() - control.mean()) / error if error > 1e-12 else math.inf)
            return out

        def assignments(indices, sizes):
            if not sizes:
                yield []
                return
            for chosen in itertools.combinations(indices, sizes[0]):
                rest = [i for i in indices if i not in chosen]
                for others in assignments(rest, sizes[1:]):
                    yield [[pooled[i] for i in chosen], *others]

        arrangements = np.array([welch(a) for a in assignments(list(range(len(pooled))), sizes)])
        expected = step_down(np.array(welch(groups)), arrangements)
        cases.append({"kind": "max-t-unpaired", "configs": groups[1:], "control": groups[0], **expected})


# ---------------------------------------------------------------- robust statistics


def trimmed(x, trim):
    x = sorted(x)
    cut = math.floor(trim * len(x) + 1e-9)
    kept = x[cut : len(x) - cut]
    return stats_exact.mean(kept), len(kept), (kept[0], kept[-1])


def t_result(difference, error, df, confidence):
    half = stats_exact.critical(confidence, df) * error
    t = difference / error
    return {
        "difference": float(difference), "standard_error": float(error), "statistic": float(t), "df": float(df),
        "log10_p": float(mp.log10(stats_exact.t_outside(t, df))), "low": float(difference - half), "high": float(difference + half),
    }


def yuen(a, b, trim, confidence):
    parts = []
    for x in (stats_exact.exact(a), stats_exact.exact(b)):
        mean, h, (low, high) = trimmed(x, trim)
        winsorized = [min(max(v, low), high) for v in x]
        parts.append((mean, (len(x) - 1) * stats_exact.variance(winsorized) / (h * (h - 1)), h))
    (mean_a, u, ha), (mean_b, v, hb) = parts
    df = (u + v) ** 2 / (u**2 / (ha - 1) + v**2 / (hb - 1))
    return t_result(mean_a - mean_b, mp.sqrt(u + v), df, confidence)


def yuen_paired(a, b, trim, confidence):
    a, b = stats_exact.exact(a), stats_exact.exact(b)
    (mean_a, h, ends_a), (mean_b, _, ends_b) = trimmed(a, trim), trimmed(b, trim)
    clip = lambda x, ends: [min(max(v, ends[0]), ends[1]) for v in x]
    wa, wb = clip(a, ends_a), clip(b, ends_b)
    ma, mb = stats_exact.mean(wa), stats_exact.mean(wb)
    covariance = sum((x - ma) * (y - mb) for x, y in zip(wa, wb)) / (len(a) - 1)
    spread = stats_exact.variance(wa) + stats_exact.variance(wb) - 2 * covariance
    error = mp.sqrt((len(a) - 1) * spread / (h * (h - 1)))
    return t_result(mean_a - mean_b, error, mpf(h - 1), confidence)


def yuen_cases(rng, cases):
    for na, nb, trim, offset, scale in [
        (2, 2, 0.2, 0, 1), (5, 5, 0.2, 0, 1), (9, 14, 0.2, 0, 1), (30, 30, 0.2, 0, 1), (20, 11, 0.1, 0, 1), (8, 8, 0.0, 0, 1),
        (12, 12, 0.2, 1e9, 1e-2), (10, 15, 0.2, 0, 1e152),
    ]:
        a = [(rng.gauss(0.5, 1)) * scale + offset for _ in range(na)]
        b = [(rng.gauss(0, 2)) * scale + offset for _ in range(nb)]
        a[0] += 25 * scale
        expected = yuen(a, b, trim, 0.9)
        if not offset and scale == 1:
            theirs = scipy.stats.ttest_ind(a, b, equal_var=False, trim=trim)
            agree("yuen", expected["statistic"], theirs.statistic)
            agree("yuen p", 10 ** expected["log10_p"], theirs.pvalue)
            agree("yuen df", expected["df"], theirs.df)
        cases.append({"kind": "yuen", "a": a, "b": b, "trim": trim, **expected})
        b = [v + rng.gauss(0, 0.4) * scale for v in a]
        expected = yuen_paired(a, b, trim, 0.9)
        if trim == 0:
            theirs = scipy.stats.ttest_rel(a, b)
            agree("paired yuen without trimming", expected["statistic"], theirs.statistic)
        cases.append({"kind": "yuen-paired", "a": a, "b": b, "trim": trim, **expected})
    for n in (1, 3, 4, 7, 10, 30, 101):
        x = [rng.gauss(3, 1) for _ in range(n)]
        cases.append({"kind": "iqm", "a": x, "iqm": float(scipy.stats.trim_mean(x, 0.25))})


# ---------------------------------------------------------------- resamples, drawn a second time


class Draw:
    """The numbers of one draw: 64-bit words of the blocks from draw * 2^24 on."""

    def __init__(self, seed, domain, part, draw):
        self.position, self.domain, self.part = draw << 24, domain, part
        self.key = (seed % 2**32, seed >> 32)

    def words(self):
        index = [np.uint64(self.position % 2**32), np.uint64(self.position >> 32)]
        self.position += 1
        block = counter.philox([*index, np.uint64(self.part), np.uint64(self.domain)], self.key)
        a, b, c, d = (int(w) for w in block)
        return b << 32 | a, d << 32 | c

    def indices(self, n, count):
        """Several of each word: whole part of word * n / 2^64, then the same with what remains."""
        per_word = max(1, 32 // max(1, (n - 1).bit_length()))
        out = []
        while len(out) < count:
            for word in self.words():
                for _ in range(min(per_word, count - len(out))):
                    out.append(word * n >> 64)
                    word = word * n % 2**64
        return out


class Replayed(np.random.Generator):
    """A generator whose random integers are given: scipy.stats.bootstrap asks for all resamples of one sample at a time."""

    def __init__(self, indices):
        super().__init__(np.random.PCG64(0))
        self.queue = list(indices)

    def integers(self, low, high=None, size=None, **_):
        given = self.queue.pop(0)
        assert given.shape == tuple(size) and given.max() < (low if high is None else high)
        return given


def bootstrap_cases(rng, cases):
    seed, resamples = rng.getrandbits(40), 300
    samples = {
        "mean": [[rng.expovariate(1) for _ in range(17)]],
        "difference": [[rng.gauss(1, 1) for _ in range(15)], [rng.expovariate(0.5) for _ in range(20)]],
        "deviation": [[rng.gauss(5, 2) for _ in range(30)]],
        "ratio": [[rng.gauss(9, 1) for _ in range(16)], [rng.gauss(5, 1) for _ in range(21)]],
    }
    functions = {
        "mean": lambda x, axis=-1: np.mean(x, axis=axis),
        "difference": lambda x, y, axis=-1: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        "deviation": lambda x, axis=-1: np.std(x, axis=axis, ddof=1),
        "ratio": lambda x, y, axis=-1: np.mean(x, axis=axis) / np.mean(y, axis=axis),
    }
    for part, (name, data) in enumerate(samples.items()):
        draws = [[], []]
        for draw in range(resamples):
            cursor = Draw(seed, BOOTSTRAP, part, draw)
            for i, x in enumerate(data):
                draws[i].append(cursor.indices(len(x), len(x)))
        indices = [np.array(d) for d in draws[: len(data)]]
        case = {"kind": "bootstrap", "statistic": name, "samples": data, "seed": seed, "part": part, "resamples": resamples}
        for method in ("percentile", "BCa"):
            result = scipy.stats.bootstrap(
                tuple(np.array(x) for x in data), functions[name], n_resamples=resamples, method=method, confidence_level=0.9,
                rng=Replayed(indices), vectorized=True,
            )
            interval = result.confidence_interval
            case[method.lower()] = {"low": float(interval.low), "high": float(interval.high)}
            case["standard_error"] = float(result.standard_error)
        if name in ("mean", "difference"):
            case["studentized"] = studentized(data, indices)
        cases.append(case)


def studentized(data, indices):
    signs = [1, -1]
    value = lambda xs: sum(s * np.mean(x, axis=-1) for s, x in zip(signs, xs))
    error = lambda xs: np.sqrt(sum(np.var(x, axis=-1, ddof=1) / np.shape(x)[-1] for x in xs))
    drawn = [np.array(x)[i] for x, i in zip(data, indices)]
    t = (value(drawn) - value(data)) / error(drawn)
    low, high = value(data) - np.quantile(t, [0.95, 0.05]) * error(data)
    return {"low": float(low), "high": float(high)}


# ---------------------------------------------------------------- aggregates


def resample_tasks(tasks, paired, levels, cursor):
    """tasks[task][config] is an array of runs."""
    number = len(tasks)
    chosen = cursor.indices(number, number) if levels == "runs-then-tasks" else range(number)
    out = []
    for t in chosen:
        if paired:
            drawn = cursor.indices(len(tasks[t][0]), len(tasks[t][0]))
            out.append([runs[drawn] for runs in tasks[t]])
        else:
            out.append([runs[cursor.indices(len(runs), len(runs))] for runs in tasks[t]])
    return out


def pooled_iqm(tasks, config):
    return float(scipy.stats.trim_mean(np.concatenate([task[config] for task in tasks]), 0.25))


def improvement(tasks):
    shares = []
    for a, b in tasks:
        shares.append(np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b)))
    return float(np.mean(shares))


def left_out(tasks, paired, levels, statistic):
    """Jackknife values, one list per stratum."""
    if levels == "runs-then-tasks":
        return [[statistic([t for j, t in enumerate(tasks) if j != i]) for i in range(len(tasks))]]
    strata = []
    for t, task in enumerate(tasks):
        groups = [list(range(len(task)))] if paired else [[c] for c in range(len(task))]
        for group in groups:
            values = []
            for i in range(len(task[group[0]])):
                changed = [np.delete(runs, i) if c in group else runs for c, runs in enumerate(task)]
                values.append(statistic([changed if j == t else other for j, other in enumerate(tasks)]))
            strata.append(values)
    return strata


def bca(replicates, estimate, strata, confidence):
    cubes = squares = 0.0
    for values in strata:
        n = len(values)
        u = (n - 1) * (np.mean(values) - np.array(values))
        cubes, squares = cubes + np.sum(u**3) / n**3, squares + np.sum(u**2) / n**2
    a = cubes / (6 * squares**1.5)
    near = 1e-12 * np.max(np.abs(replicates - estimate))
    z0 = scipy.stats.norm.ppf((np.mean(replicates < estimate - near) + np.mean(replicates <= estimate + near)) / 2)
    ends = scipy.stats.norm.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    return np.quantile(replicates, scipy.stats.norm.cdf(z0 + (z0 + ends) / (1 - a * (z0 + ends))))


def aggregate_cases(rng, cases):
    seed, resamples = rng.getrandbits(40), 200
    part = 100
    for paired in (False, True):
        for levels in ("runs", "runs-then-tasks"):
            part += 1
            sizes = [9, 9, 7, 12] if paired else [(9, 8), (6, 9), (10, 10), (7, 5)]
            tasks = []
            for t, size in enumerate(sizes):
                na, nb = (size, size) if paired else size
                a = np.array([round(rng.gauss(0.5 + t / 9, 0.3), 1) for _ in range(na)])
                b = np.array([round(rng.gauss(0.3 + t / 7, 0.3), 1) for _ in range(nb)])
                tasks.append([a, b])
            draws = [resample_tasks(tasks, paired, levels, Draw(seed, STRATA, part, d)) for d in range(resamples)]
            case = {
                "kind": "aggregate", "paired": paired, "levels": levels, "seed": seed, "part": part, "resamples": resamples,
                "a": [t[0].tolist() for t in tasks], "b": [t[1].tolist() for t in tasks],
            }
            statistics = {"difference": lambda ts: pooled_iqm(ts, 0) - pooled_iqm(ts, 1), "improvement": improvement}
            for name, statistic in statistics.items():
                values = np.array([statistic(d) for d in draws])
                estimate = statistic(tasks)
                strata = left_out(tasks, paired, levels, statistic)
                case[name] = {
                    "estimate": estimate,
                    "percentile": np.quantile(values, [0.05, 0.95]).tolist(),
                    "bca": bca(values, estimate, strata, 0.9).tolist(),
                }
            single = [[t[0]] for t in tasks]
            draws = [resample_tasks(single, False, levels, Draw(seed, STRATA, part, d)) for d in range(resamples)]
            iqms = [pooled_iqm(d, 0) for d in draws]
            case["iqm"] = {"estimate": pooled_iqm(single, 0), "percentile": np.quantile(iqms, [0.05, 0.95]).tolist()}
            case["profile"] = profile(single, draws, [0.2, 0.45, 0.7, 0.9])
            cases.append(case)


def profile(tasks, draws, thresholds):
    shares = lambda ts: np.mean([[np.mean(t[0] > threshold) for threshold in thresholds] for t in ts], axis=0)
    values, estimate = np.array([shares(d) for d in draws]), shares(tasks)
    sd = np.sqrt(np.sum((values - estimate) ** 2, axis=0) / (len(values) - 1))
    critical = np.quantile(np.max(np.abs(values - estimate) / sd, axis=1), 0.9)
    return {
        "thresholds": thresholds, "share": estimate.tolist(), "low": np.quantile(values, 0.05, axis=0).tolist(),
        "high": np.quantile(values, 0.95, axis=0).tolist(),
        "wide_low": np.maximum(estimate - critical * sd, 0).tolist(),
        "wide_high": np.minimum(estimate + critical * sd, 1).tolist(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or pathlib.Path(__file__).parent / "fixtures" / f"stats_resampling_{options.seed}.json"
    warnings.simplefilter("ignore", RuntimeWarning)
    rng, cases = random.Random(options.seed), []
    for add in (rank_cases, permutation_cases, max_t_cases, yuen_cases, superiority_cases, bootstrap_cases, aggregate_cases,
                dominance_cases):
        add(rng, cases)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    out.write_text(f'{{"seed":{options.seed},"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
