#!/usr/bin/env python3
"""Times this project's statistics and reports against other packages, job by job in one run on one machine.

    python3 tests/reference/speed.py [--out FILE] [--no-build]

Builds and runs `speed` of sweeper-stats, `speed_files` of sweeper-coordinator and `sweeper report`. Other packages are asked when
this Python has them, else named as missing: rliable, deepsig, scipy, pingouin, autorank, pandas. Every figure is
the median of its repetitions with the least and the most, in milliseconds; processor time is that of all threads.
"""

import argparse
import contextlib
import csv
import datetime
import importlib
import importlib.metadata
import io
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def processor():
    """The processor's name, where the system tells it."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def three(values):
    return [statistics.median(values), min(values), max(values)]


def timed(work, repetitions):
    """Wall and processor milliseconds of `work`, after one run to warm up."""
    wall, cpu = [], []
    for _ in range(repetitions + 1):
        start, before = time.perf_counter(), time.process_time()
        work()
        wall.append((time.perf_counter() - start) * 1e3)
        cpu.append((time.process_time() - before) * 1e3)
    return {"n": repetitions, "wall_ms": three(wall[1:]), "cpu_ms": three(cpu[1:])}


def scaled(found, factor):
    return {"n": found["n"], **{key: [v * factor for v in found[key]] for key in ("wall_ms", "cpu_ms")}}


# ---- Data ------------------------------------------------------------------------------------------------------------


def write_rows(path, configs, runs, metrics, digits):
    """One row per value, as `sweeper report --from` reads them."""
    draw = random.Random(1)
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["config", "replicate", "metric", "epoch", "value"])
        for config in range(configs):
            for run in range(runs):
                for metric in range(metrics):
                    value = draw.gauss(0.7 + 0.001 * (config % 7), 0.01)
                    rows.writerow([f"c{config:03}", run, f"accuracy/{metric}", 5, f"{value:.{digits}f}"])


def samples(count, runs):
    draw = random.Random(1)
    return [[draw.gauss(0.7 + 0.001 * c, 0.01) for _ in range(runs)] for c in range(count)]


# ---- This project ----------------------------------------------------------------------------------------------------


def build():
    for arguments in (
        ["build", "-p", "sweeper-stats", "--example", "speed"],
        ["build", "-p", "sweeper-coordinator", "--example", "speed_files"],
        ["build", "--bin", "sweeper"],
    ):
        subprocess.run(["cargo", *arguments, "--release", "--locked"], cwd=ROOT, check=True)


def lines_of(example, *arguments):
    done = subprocess.run(
        [TARGET / "examples" / example, *arguments, "--json"], check=True, capture_output=True, text=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def child(command):
    """Wall and processor seconds of a command, and its largest memory in MB."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            out.seek(0)
            raise SystemExit(f"{command} failed:\n{out.read().decode(errors='replace')}")
    # The kernel of Linux counts in KiB, that of macOS in bytes.
    memory = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, memory


def whole_report(file, folder, repetitions):
    wall, cpu, memory = [], [], []
    for _ in range(repetitions):
        found = child([TARGET / "sweeper", "report", "--from", file, "--baseline", "c000", "--out", folder])
        for values, value in zip((wall, cpu, memory), found):
            values.append(value)
    sizes = {p.name: p.stat().st_size / 1e6 for p in pathlib.Path(folder).iterdir() if p.is_file()}
    milliseconds = [[v * 1e3 for v in three(values)] for values in (wall, cpu)]
    return {"n": repetitions, "wall_ms": milliseconds[0], "cpu_ms": milliseconds[1], "mb": max(memory), "files_mb": sizes}


def ours(folder):
    """Results of every job of this project by id."""
    small, large, page = (os.path.join(folder, name) for name in ("small.csv", "large.csv", "page.csv"))
    write_rows(small, 10, 30, 1, 6)
    write_rows(large, 1000, 250, 4, 5)
    write_rows(page, 1000, 5, 1, 6)
    found = {line["id"]: line for line in lines_of("speed")}
    found.update({line["id"]: line for line in lines_of("speed_files", large)})
    for name, file, goal, repetitions in (
        ("report", small, 500, 9),
        ("report-configs", page, 3000, 5),
        ("report-million", large, 3000, 5),
    ):
        title = {
            "report": "whole report, 10 x 30 runs, five formats",
            "report-configs": "whole report, 1,000 configs x 5 runs",
            "report-million": "whole report, 1e6 rows, 1,000 configs x 250 x 4",
        }[name]
        found[name] = {
            "id": name,
            "name": title,
            "goal_ms": goal,
            **whole_report(file, os.path.join(folder, name), repetitions),
        }
    return found, small, large


# ---- Others ----------------------------------------------------------------------------------------------------------


def with_rliable(rliable, _files):
    import numpy as np
    from rliable import library, metrics

    assert rliable
    scores = {f"c{i}": np.array(s)[:, None] for i, s in enumerate(samples(10, 30))}
    aggregate = lambda x: np.array([metrics.aggregate_iqm(x)])
    yield "iqm", "", timed(lambda: library.get_interval_estimates(scores, aggregate, reps=10_000), 1)
    names = list(scores)[:3]
    pairs = {f"{a},{b}": (scores[a], scores[b]) for a in names for b in names if a < b}
    improvement = lambda x, y: np.array([metrics.probability_of_improvement(x, y)])
    three_pairs = timed(lambda: library.get_interval_estimates(pairs, improvement, reps=2_000), 1)
    yield "improvement", "3 of 45 pairs, times 15", scaled(three_pairs, 15)


def with_deepsig(deepsig, _files):
    ten = samples(10, 30)

    def orders():
        for other in (0, 1, 2):
            deepsig.aso(ten[9], ten[other], num_bootstrap_iterations=1000, show_progress=False, seed=1)

    yield "dominance", "3 of 45 pairs, times 15", scaled(timed(orders, 1), 15)


def with_scipy(scipy, _files):
    from scipy import stats

    assert scipy
    ten = samples(10, 30)
    pairs = [(ten[i], ten[j]) for i in range(10) for j in range(i)]

    def welch():
        for a, b in pairs:
            stats.ttest_ind(a, b, equal_var=False).confidence_interval()

    yield "welch", "", timed(welch, 15)
    difference = lambda a, b, axis=-1: a.mean(axis=axis) - b.mean(axis=axis)
    options = {"vectorized": True, "n_resamples": 10_000}

    def bootstraps(method):
        for a, b in pairs[:18]:
            stats.bootstrap((a, b), difference, method=method, **options)

    yield "bootstrap", "18 of 180, times 10", scaled(timed(lambda: bootstraps("percentile"), 5), 10)
    yield "bca", "18 of 180, times 10", scaled(timed(lambda: bootstraps("BCa"), 5), 10)
    yield "tukey", "", timed(lambda: stats.tukey_hsd(*ten).confidence_interval(), 5)
    yield "dunnett", "", timed(lambda: stats.dunnett(*ten[1:], control=ten[0]).confidence_interval(), 5)
    yield "mann-whitney", "exact", timed(lambda: stats.mannwhitneyu(ten[3], ten[0], method="exact"), 15)


def with_pingouin(pingouin, _files):
    import pandas

    ten = samples(10, 30)
    table = pandas.DataFrame({"group": [i for i, s in enumerate(ten) for _ in s], "value": sum(ten, [])})
    yield "games-howell", "", timed(lambda: pingouin.pairwise_gameshowell(data=table, dv="value", between="group"), 5)


def with_autorank(autorank, _files):
    import pandas

    table = pandas.DataFrame({f"c{i}": s for i, s in enumerate(samples(10, 30))})
    yield "report", "tests and text, without files", timed(lambda: autorank.autorank(table, alpha=0.05, verbose=False), 3)


def with_pandas(pandas, files):
    large = files[1]
    by = ["config", "metric"]
    yield "read", "read_csv and groupby", timed(lambda: pandas.read_csv(large).groupby(by)["value"].mean(), 5)
    from scipy import stats

    table = pandas.read_csv(large)

    def tests():
        groups = {key: group.to_numpy() for key, group in table.groupby(by)["value"]}
        for config, metric in groups:
            if config != "c000":
                stats.ttest_ind(groups[config, metric], groups["c000", metric], equal_var=False)

    yield "many", "with scipy, without intervals", timed(tests, 2)


PEERS = {
    "rliable": with_rliable,
    "deepsig": with_deepsig,
    "scipy": with_scipy,
    "pingouin": with_pingouin,
    "autorank": with_autorank,
    "pandas": with_pandas,
}


def peers(files):
    """By job: package, version, remark and times."""
    found, versions = {}, []
    for name, jobs in PEERS.items():
        try:
            package = importlib.import_module(name)
        except ImportError as error:
            print(f"{name} is not here and is left out ({error})", file=sys.stderr)
            continue
        version = importlib.metadata.version(name)
        versions.append(f"{name} {version}")
        print(f"{name} {version} ...", file=sys.stderr)
        try:
            # Some print what they think while they work.
            with contextlib.redirect_stdout(io.StringIO()):
                for job, remark, times in jobs(package, files):
                    found.setdefault(job, []).append({"package": name, "remark": remark, **times})
        except Exception as error:  # What breaks in other packages is theirs, and no reason to lose the other figures.
            print(f"{name} does not work here, what is left of it is left out ({error!r})", file=sys.stderr)
    return found, versions


# ---- Output ----------------------------------------------------------------------------------------------------------


def shown(times):
    if not times:
        return "-"
    digits = lambda v: f"{v:.3g}" if v < 100 else f"{v:,.0f}"
    median, low, high = map(digits, times)
    return f"{median} ({low} to {high})"


def table(found, others):
    yield "| Job | n | Wall ms | CPU ms | Goal ms | Other package | Its CPU ms | Ratio of CPU |"
    yield "|---|---|---|---|---|---|---|---|"
    for job, own in found.items():
        goal = "" if own.get("goal_ms") is None else f"{own['goal_ms']:g}"
        start = f"| {own['name']} | {own['n']} | {shown(own['wall_ms'])} | {shown(own['cpu_ms'])} | {goal} |"
        for other in others.get(job, [None]):
            if other is None:
                yield f"{start} | | |"
                continue
            remark = f" ({other['remark']})" if other["remark"] else ""
            ratio = other["cpu_ms"][0] / (own["cpu_ms"] or own["wall_ms"])[0]
            times = f"{shown(other['cpu_ms'])}, n = {other['n']}"
            yield f"{start} {other['package']}{remark} | {times} | {ratio:,.1f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="write the figures as JSON")
    parser.add_argument("--no-build", action="store_true", help="what is to be timed is built already")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if not options.no_build:
        build()
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = f"{processor()}, {threads} threads, {platform.system()}, Python {platform.python_version()}"
    with tempfile.TemporaryDirectory() as folder:
        load = os.getloadavg()[0]
        found, small, large = ours(folder)
        others, versions = peers((small, large))
    print(f"{machine}; {datetime.date.today()}; load before: {load:.2f}; {', '.join(versions)}\n")
    print("\n".join(table(found, others)))
    for name in ("report", "report-configs", "report-million"):
        sizes = ", ".join(f"{file} {size:.2f}" for file, size in sorted(found[name]["files_mb"].items()))
        print(f"\n{name}: {found[name]['mb']:.0f} MB of memory; files in MB: {sizes}")
    if options.out:
        text = json.dumps({"machine": machine, "ours": found, "others": others, "versions": versions}, indent=1)
        pathlib.Path(options.out).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
