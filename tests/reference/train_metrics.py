"""Reference numbers for metrics, from scikit-learn and SciPy.

    python train_metrics.py [--seed 1] [--out fixtures/train_metrics_1.json]
"""

import argparse
import json
import pathlib

import numpy as np
import sklearn
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, log_loss, recall_score


def rounded(logits):
    """Few digits, so that there are ties; exact in float32 as a multiple of 1/8."""
    return (np.round(np.asarray(logits) * 8) / 8).astype(np.float32)


def present(values, there):
    return [float(v) if t else None for v, t in zip(values, there)]


def single(logits, labels, betas):
    z, classes = logits.astype(float), np.arange(logits.shape[1])
    predicted, rows = z.argmax(1), np.arange(len(labels))
    recalls = recall_score(labels, predicted, labels=classes, average=None, zero_division=0)
    return {
        "accuracy": 100 * accuracy_score(labels, predicted),
        "smoothed": [100 * softmax(beta * z, axis=1)[rows, labels].mean() for beta in betas],
        "macro_f1": 100 * f1_score(labels, predicted, labels=classes, average="macro", zero_division=0),
        "loss": -log_softmax(z, axis=1)[rows, labels].mean(),
        "recalls": present(100 * recalls, np.isin(classes, labels)),
        "right": np.packbits(predicted == labels, bitorder="little").tolist(),
    }


def single_case(rng, rows, classes, absent, betas):
    """Classes in `absent` occur neither as a label nor, the last of them, as a prediction."""
    there = [c for c in range(classes) if c not in absent]
    labels = rng.choice(there, rows)
    plain = rounded(rng.normal(0, 1.5, (rows, classes)) + 1.5 * np.eye(classes)[labels])
    mirrored = rounded(plain + rng.normal(0, 0.7, plain.shape))
    bias = rounded(rng.normal(0, 1, classes))
    if absent:
        plain[:, absent[-1]] = mirrored[:, absent[-1]] = -9.0
    chosen = rng.permutation(rows)[: rows // 2]
    both = np.concatenate([plain, mirrored])
    return {
        "classes": classes,
        "betas": betas,
        "labels": labels.tolist(),
        "plain": plain.reshape(-1).tolist(),
        "mirrored": mirrored.reshape(-1).tolist(),
        "bias": bias.tolist(),
        "chosen": chosen.tolist(),
        "none": single(plain, labels, betas),
        "part": single(plain[chosen] + bias, labels[chosen], betas),
        "concat": single(both, np.concatenate([labels, labels]), betas),
        "mean": single((plain + mirrored) / np.float32(2), labels, betas),
    }


def multi_case(rng, rows, labels, empty):
    """Labels in `empty` have no positive; the first of them is never predicted either."""
    targets = (rng.uniform(size=(rows, labels)) < rng.uniform(0.05, 0.6, labels)).astype(int)
    targets[:, empty] = 0
    targets[0, [k for k in range(labels) if k not in empty]] = 1
    logits = rounded(rng.normal(-0.5, 1.2, (rows, labels)) + targets)
    if empty:
        logits[:, empty[0]] = -1.0
    z, there = logits.astype(float), targets.any(0)
    # Predictions as probabilities of at least one half; precision from logits, whose order no rounding changes.
    predicted = (expit(z) >= 0.5).astype(int)
    precisions = [average_precision_score(targets[:, k], z[:, k]) for k in np.flatnonzero(there)]
    recalls = recall_score(targets, predicted, average=None, zero_division=0)
    return {
        "labels": labels,
        "targets": targets.reshape(-1).tolist(),
        "logits": logits.reshape(-1).tolist(),
        "accuracy": 100 * accuracy_score(targets.reshape(-1), predicted.reshape(-1)),
        "precisions": precisions,
        "average_precision": 100 * float(np.mean(precisions)) if precisions else None,
        "macro_f1": 100 * f1_score(targets, predicted, average="macro", zero_division=0),
        "loss": log_loss(targets.reshape(-1), expit(z).reshape(-1), labels=[0, 1]),
        "recalls": present(100 * recalls, there),
        "right": np.packbits((predicted == targets).all(1), bitorder="little").tolist(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or pathlib.Path(__file__).parent / "fixtures" / f"train_metrics_{options.seed}.json"
    rng = np.random.default_rng(options.seed)
    fixture = {
        "scikit-learn": sklearn.__version__,
        "single": [
            single_case(rng, 60, 5, [], [3.0, 1.0, 0.25]),
            single_case(rng, 37, 7, [2, 5], [3.0]),
            single_case(rng, 8, 10, [0, 9], [2.5, 1000.0]),
            single_case(rng, 2, 2, [], [1.0]),
        ],
        "multi": [
            multi_case(rng, 50, 6, []),
            multi_case(rng, 33, 9, [1, 4]),
            multi_case(rng, 3, 3, [0]),
            multi_case(rng, 1, 2, []),
        ],
    }
    out.write_text(json.dumps(fixture, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
