"""Reference values for the losses of the training crate: fastai, PyTorch, and loops that follow the definitions.

    python train_losses.py [--seed 1] [--out fixtures/train_losses_1.json]

Any seed must pass the tests (SWEEPER_LOSSES_FIXTURE names the file). Label smoothing, class weights and mixup are
fastai's own classes, soft targets and binary cross-entropy PyTorch's own functions. Class rectification has no
library: triplets are listed one by one in NumPy, valued there and in PyTorch, and differentiated by PyTorch; both
values must agree. Everything is float64 on inputs that float32 holds exactly.
"""

import argparse
import json
import pathlib
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from fastai.callback.mixup import MixUp
from fastai.losses import LabelSmoothingCrossEntropy
from scipy.optimize import brentq

torch.set_num_threads(1)


def short(rng, scale, shape):
    """Normal numbers of three decimals, as float32 holds them."""
    return np.round(rng.normal(0, scale, shape), 3).astype(np.float32).astype(float)


def listed(array, digits=10):
    return [float(f"{x:.{digits}g}") for x in np.asarray(array, dtype=float).reshape(-1)]


class SoftTargets:
    """Cross-entropy of soft targets by class, in the shape of fastai's losses."""

    y_int = True

    def __init__(self, table, reduction):
        self.table, self.reduction = table, reduction

    def __call__(self, z, target):
        return F.cross_entropy(z, self.table[target], reduction=self.reduction)


def matched_table(train, validation, eps):
    """Targets that are (1−ε) one-hot + ε validation once the prior is switched; each row's ε found by bisection."""
    table = []
    for t in range(len(train)):

        def target(own):
            return (1 - own) * np.eye(len(train))[t] + own * train

        def lacking(own):
            switched = target(own) * validation / train
            switched /= switched.sum()
            other = np.arange(len(train)) != t
            return switched[other].sum() - eps * validation[other].sum()

        table.append(target(brentq(lacking, 0, 1, xtol=1e-16, rtol=1e-15)))
    return torch.tensor(np.array(table))


def base_case(rng, n, classes, kind, eps, reduction, weighted, mixed):
    z = torch.tensor(short(rng, 3, (n, classes)), requires_grad=True)
    labels = torch.tensor(rng.integers(0, classes, n))
    counts = rng.integers(1, 90, classes)
    validation = rng.dirichlet(np.ones(classes))
    weights = np.round(rng.uniform(0.2, 4, classes), 2) if weighted else None
    train = counts / counts.sum()
    if kind == "uniform":
        weight = None if weights is None else torch.tensor(weights)

        def make(reduction):
            return LabelSmoothingCrossEntropy(eps=eps, weight=weight, reduction=reduction)
    else:
        soft = (1 - eps) * torch.eye(classes, dtype=torch.float64) + eps * torch.tensor(train)
        table = soft if kind == "train-prior" else matched_table(train, validation, eps)

        def make(reduction):
            return SoftTargets(table, reduction)

    partner = torch.tensor(rng.permutation(n))
    lam = torch.tensor(rng.uniform(0.5, 1, n).astype(np.float32).astype(float))

    def value(reduction):
        loss = make(reduction)
        if not mixed:
            return loss(z, labels)
        state = SimpleNamespace(training=True, old_lf=loss, yb1=(labels[partner],), lam=lam)
        return MixUp.lf(state, z, labels)

    loss = value(reduction)
    loss.backward()
    return {
        "kind": kind,
        "eps": eps,
        "reduction": reduction,
        "class_weights": [] if weights is None else weights.tolist(),
        "counts": counts.tolist(),
        "validation": validation.tolist(),
        "logits": listed(z.detach()),
        "labels": labels.tolist(),
        "lambda": lam.tolist() if mixed else None,
        "partner": partner.tolist() if mixed else None,
        "loss": loss.item(),
        "per_sample": listed(value("none").detach()),
        "unweighted": listed(per_row(z, labels, kind, eps, make), 17),
        "gradient": listed(z.grad),
    }


def per_row(z, labels, kind, eps, make):
    """What evaluation sees: the same smoothing, no weights, no mixup."""
    if kind == "uniform":
        return LabelSmoothingCrossEntropy(eps=eps, reduction="none")(z, labels).detach()
    return make("none")(z, labels).detach()


def binary_case(rng, n, labels, reduction):
    z = torch.tensor(short(rng, 3, (n, labels)), requires_grad=True)
    y = torch.tensor(rng.integers(0, 2, (n, labels)).astype(float))
    loss = F.binary_cross_entropy_with_logits(z, y, reduction=reduction)
    loss.backward()
    return {
        "reduction": reduction,
        "classes": labels,
        "logits": listed(z.detach()),
        "labels": y.reshape(-1).tolist(),
        "loss": loss.item(),
        "per_sample": listed(F.binary_cross_entropy_with_logits(z, y, reduction="none").mean(1).detach(), 17),
        "gradient": listed(z.grad),
    }


def rarest(counts, limit):
    chosen, total = set(), 0
    for c in sorted(range(len(counts)), key=lambda c: (counts[c], c)):
        total += counts[c]
        if total > limit + 1e-9:
            break
        if counts[c] >= 2:
            chosen.add(c)
    return sorted(chosen)


def first(items, key, k, gaps):
    """The k smallest by key, ties by position; remembers how near the keys are to changing order."""
    ordered = sorted(items, key=lambda i: (key(i), i))
    gaps += [b - a for a, b in zip(map(key, ordered), map(key, ordered[1:])) if b > a]
    return ordered[:k]


def class_triplets(p, member, minority, kappa, gaps):
    """(class, anchor, positive, negative) by probability p[class, sample]."""
    for c in minority:
        own = [i for i in range(p.shape[1]) if member[c, i]]
        rest = [i for i in range(p.shape[1]) if not member[c, i]]
        negatives = first(rest, lambda i: -p[c, i], kappa, gaps)
        for a in own:
            for b in first([i for i in own if i != a], lambda i: p[c, i], kappa, gaps):
                for j in negatives:
                    yield c, a, b, j


def instance_triplets(distance, labels, minority, kappa, gaps):
    n = len(labels)
    for a in range(n):
        if labels[a] not in minority:
            continue
        mates = [i for i in range(n) if labels[i] == labels[a] and i != a]
        rest = [i for i in range(n) if labels[i] != labels[a]]
        for b in first(mates, lambda i: -distance[a, i], kappa, gaps):
            for j in first(rest, lambda i: distance[a, i], kappa, gaps):
                yield labels[a], a, b, j


def mean_hinge(hinges, active_only, zero):
    active = [h for h in hinges if h > 0]
    return sum(active, zero) / max(1, len(active) if active_only else len(hinges))


def rectify(z, features, labels, settings, several):
    """Base loss, rectification, number of anchors and triplets, and how far the input is from a kink."""
    n, classes = z.shape
    limit, margin, kappa = settings["rho"] * n, settings["margin"], settings["kappa"]
    if several:
        y = torch.tensor(labels)
        base = F.binary_cross_entropy_with_logits(z, y.double())
        p, member = torch.sigmoid(z).T, labels.T.astype(bool)
        if settings["minority"] == "per-label":
            sides = [(p[c], member[c]) if 2 * member[c].sum() <= n else (1 - p[c], ~member[c]) for c in range(classes)]
            p, member = torch.stack([s[0] for s in sides]), np.array([s[1] for s in sides])
            minority = [c for c in range(classes) if 2 <= member[c].sum() <= limit + 1e-9]
        else:
            minority = rarest(member.sum(1).tolist(), limit)
    else:
        base = F.cross_entropy(z, torch.tensor(labels))
        p, member = torch.softmax(z, 1).T, np.arange(classes)[:, None] == labels[None, :]
        minority = rarest(member.sum(1).tolist(), limit)
    gaps, host = [], p.detach().numpy()
    if settings["mining"] == "instance":
        f = features.detach().numpy()
        distance = np.array([[np.linalg.norm(a - b) for b in f] for a in f])
        found = list(instance_triplets(distance, labels, minority, kappa, gaps))
        values = [margin + distance[a, b] - distance[a, j] for _, a, b, j in found]
        length = lambda a, b: torch.linalg.vector_norm(features[a] - features[b])
        hinges = [F.relu(margin + length(a, b) - length(a, j)) for _, a, b, j in found]
    else:
        found = list(class_triplets(host, member, minority, kappa, gaps))
        values = [margin + abs(host[c, a] - host[c, b]) - (host[c, a] - host[c, j]) for c, a, b, j in found]
        hinges = [F.relu(margin + (p[c, a] - p[c, b]).abs() - (p[c, a] - p[c, j])) for c, a, b, j in found]
    value = mean_hinge(hinges, settings["active_only"], torch.zeros((), dtype=torch.float64))
    again = mean_hinge([max(0.0, v) for v in values], settings["active_only"], 0.0)
    assert abs(value.item() - again) <= 1e-12 * max(1.0, again)
    kinks = min([abs(v) for v in values] + [g for g in gaps if g > 0] + [1.0])
    anchors = len({(c, a) for c, a, _, _ in found})
    return base, value, {"minority": minority, "anchors": anchors, "triplets": len(found)}, kinks


def labels_of(rng, n, classes, several, counts):
    if counts is not None:
        y = np.zeros((n, classes), dtype=int)
        for c, count in enumerate(counts):
            y[rng.permutation(n)[:count], c] = 1
        return y
    if several:
        return (rng.uniform(size=(n, classes)) < rng.uniform(0.05, 0.95, classes)).astype(int)
    return rng.choice(classes, n, p=rng.dirichlet(np.ones(classes) * 2))


def rectified_case(rng, n, classes, several=False, counts=None, **changed):
    settings = {"kappa": 3, "rho": 0.5, "margin": 0.5, "mining": "class", "minority": "batch", "active_only": False}
    settings.update(changed)
    alpha, width = 0.35, 3
    while True:  # float32 must see the same order and the same active triplets
        labels = labels_of(rng, n, classes, several, counts)
        z = torch.tensor(short(rng, 2, (n, classes)), requires_grad=True)
        f = short(rng, 1, (n, width))
        f[1] = f[0]  # distance 0, which counts at the latest when all pairs do
        if settings["mining"] == "instance" and settings["kappa"] > n:
            labels[1] = labels[0]
        f = torch.tensor(f, requires_grad=True)
        base, value, found, kinks = rectify(z, f, labels, settings, several)
        if kinks > 1e-6 and (found["triplets"] > 0) == (settings["rho"] > 0):
            break
    ((1 - alpha) * base + alpha * value).backward()
    by_instance = settings["mining"] == "instance"
    return {
        "settings": settings,
        "several": several,
        "alpha": alpha,
        "classes": classes,
        "logits": listed(z.detach()),
        "features": listed(f.detach()) if by_instance else None,
        "labels": labels.reshape(-1).tolist(),
        "base": base.item(),
        "rectification": value.item(),
        "loss": ((1 - alpha) * base + alpha * value).item(),
        "gradient": listed(z.grad),
        "feature_gradient": listed(f.grad if f.grad is not None else f.detach() * 0) if by_instance else None,
        **found,
    }


# Label counts of the one batch that study D prints, n = 32.
STUDY_D = [16, 1, 2, 2, 2, 0, 1, 6, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 2, 0, 6, 0, 3, 0, 7, 0, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or pathlib.Path(__file__).parent / "fixtures" / f"train_losses_{options.seed}.json"
    rng = np.random.default_rng([options.seed, 15])
    plain = [
        base_case(rng, 7, 5, "uniform", eps, reduction, weighted, mixed)
        for eps in (0.0, 0.1)
        for reduction in ("mean", "sum")
        for weighted in (False, True)
        for mixed in (False, True)
    ]
    smoothed = [
        base_case(rng, 7, 5, kind, 0.1, reduction, False, mixed)
        for kind, reduction, mixed in [
            ("train-prior", "mean", False),
            ("train-prior", "sum", True),
            ("val-matched", "mean", True),
            ("val-matched", "sum", False),
        ]
    ]
    mixed = [base_case(rng, n, 3, "uniform", 0.1, "mean", weighted, True) for n in (1, 2) for weighted in (False, True)]
    fixture = {
        "torch": torch.__version__,
        "base": plain + smoothed + mixed,
        "binary": [binary_case(rng, 6, 4, reduction) for reduction in ("mean", "sum")],
        "rectified": [
            rectified_case(rng, 24, 4),
            rectified_case(rng, 24, 4, active_only=True, margin=0.1),
            rectified_case(rng, 30, 5, kappa=25, rho=0.8),
            rectified_case(rng, 9, 6, kappa=2, rho=1.0),
            rectified_case(rng, 16, 3, rho=0.0),
            rectified_case(rng, 24, 4, mining="instance"),
            rectified_case(rng, 20, 3, mining="instance", kappa=25, active_only=True, rho=1.0),
            rectified_case(rng, 24, 6, several=True, kappa=4),
            rectified_case(rng, 20, 5, several=True, kappa=25, rho=1.0, active_only=True),
            rectified_case(rng, 20, 6, several=True, minority="per-label", rho=0.4),
            rectified_case(rng, 20, 6, several=True, minority="per-label", active_only=True, margin=0.1),
            rectified_case(rng, 32, 28, several=True, counts=STUDY_D),
        ],
    }
    out.write_text(json.dumps(fixture, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")
    print(f"wrote {out}, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
