"""Reference numbers for optimizers, schedules, the learning-rate finder and loss records.

    python train_optim.py [--seed 1] [--out fixtures/train_optim_1.json]

Steps, schedules, finder and records are fastai's own code, Adam and AdamW also PyTorch's, and the loss scale is
PyTorch's. fastai computes schedules and smoothed losses in float32; here its code is given float64 tensors. What no
library has is written down in NumPy: the schedules that count batches, and RAdam with eps beside the raw root.
"""

import argparse
import json
import math
import pathlib
import tempfile
from functools import partial

import numpy as np
import torch
from fastai.callback import schedule as fs
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import AvgLoss, AvgSmoothLoss, Learner
from fastai import optimizer as fo

STEPS = 10


def double(values):
    return torch.tensor(list(values), dtype=torch.float64)


def reset_double(self):
    self.count, self.val = 0, torch.tensor(0.0, dtype=torch.float64)


fs.tensor = double
AvgSmoothLoss.reset = reset_double


def rates(schedule, lr, steps):
    """Learning rate and momentum (or None) of every step."""
    kind, start, positions = schedule["kind"], schedule["pct_start"], [i / steps for i in range(steps)]
    if kind == "constant":
        return [[lr, None] for _ in positions]
    if kind == "flat-cosine":
        lrs = fs.combined_cos(start, lr, lr, lr / 1e5)
        return [[lrs(p), None] for p in positions]
    if kind == "one-cycle":
        lrs = fs.combined_cos(start, lr / 25, lr, lr / 1e5)
        momenta = fs.combined_cos(start, 0.95, 0.85, 0.95)
        return [[lrs(p), momenta(p)] for p in positions]
    i = np.arange(steps)

    def cosine(a, b, s):
        return b + (a - b) * (1 + np.cos(np.pi * s)) / 2

    if kind == "flat-cosine-v1":
        a = math.ceil(start * steps)
        lrs = np.where(i <= a, lr, cosine(lr, 0.0, (i - a) / ((1 - start) * steps)))
        return [[float(x), None] for x in lrs]
    assert kind == "one-cycle-v1"
    a = math.floor(start * steps)
    up, down = i / max(a, 1), (i - a) / (steps - a)
    lrs = np.where(i < a, cosine(lr / 25, lr, up), cosine(lr, lr / 2.5e5, down))
    momenta = np.where(i < a, cosine(0.95, 0.85, up), cosine(0.85, 0.95, down))
    return [[float(x), float(y)] for x, y in zip(lrs, momenta)]


def schedules():
    cases = []
    for kind, start in [("flat-cosine", 0.75), ("flat-cosine", 0.0), ("flat-cosine-v1", 0.72), ("one-cycle", 0.25),
                        ("one-cycle-v1", 0.3), ("one-cycle-v1", 0.01), ("constant", 0.75)]:
        for steps in (37, 50):
            schedule = {"kind": kind, "pct_start": start}
            cases.append({"schedule": schedule, "lr": 0.025, "steps": steps, "rates": rates(schedule, 0.025, steps)})
    return cases


class RawRanger:
    """RAdam with eps beside the raw root (study E), decoupled decay first, inside lookahead; float64."""

    def __init__(self, parameters, decays, s):
        self.parameters, self.s = [p.detach().numpy().astype(float) for p in parameters], s
        self.originals, self.decays, self.t = parameters, decays, 0
        self.m = [np.zeros_like(p) for p in self.parameters]
        self.v = [np.zeros_like(p) for p in self.parameters]
        self.slow = [p.copy() for p in self.parameters]

    def step(self, lr, momentum):
        s, b1, b2 = self.s, self.s["beta1"] if momentum is None else momentum, self.s["beta2"]
        self.t += 1
        limit = 2 / (1 - b2) - 1
        r = limit - 2 * self.t * b2**self.t / (1 - b2**self.t)
        for at, (p, original) in enumerate(zip(self.parameters, self.originals)):
            g = original.grad.numpy().astype(float)
            p *= 1 - lr * (s["weight_decay"] if self.decays[at] else 0.0)
            self.m[at] = b1 * self.m[at] + (1 - b1) * g
            self.v[at] = b2 * self.v[at] + (1 - b2) * g * g
            if r > 5:
                size = math.sqrt((1 - b2**self.t) * (r - 4) / (limit - 4) * (r - 2) / r * limit / (limit - 2))
                below = np.sqrt(self.v[at]) + s["eps"]
                if s.get("softplus", 0) > 0:
                    below = np.logaddexp(0, s["softplus"] * below) / s["softplus"]
                p -= lr * size / (1 - b1**self.t) * self.m[at] / below
            else:
                p -= lr / (1 - b1**self.t) * self.m[at]
            every = s["lookahead"]["every"]
            if every and self.t % every == 0:
                self.slow[at] += s["lookahead"]["alpha"] * (p - self.slow[at])
                p[:] = self.slow[at]
            original.data.copy_(torch.tensor(p))


class Fastai:
    def __init__(self, make, parameters, decays, s):
        self.inner = make([[p] for p in parameters])
        self.base = getattr(self.inner, "opt", self.inner)
        self.base.set_hyper("wd", [s["weight_decay"] if d else 0.0 for d in decays])
        if s["kind"] == "rmsprop":
            self.base.set_hyper("eps", s["eps"])

    def step(self, lr, momentum):
        self.base.set_hyper("lr", lr)
        if momentum is not None:
            self.base.set_hyper("mom", momentum)
        self.inner.step()


class Torch:
    def __init__(self, kind, parameters, decays, s):
        groups = [{"params": [p], "weight_decay": s["weight_decay"] if d else 0.0} for p, d in zip(parameters, decays)]
        self.inner = kind(groups, betas=(s["beta1"], s["beta2"]), eps=s["eps"], lr=s["lr"], foreach=False, fused=False)

    def step(self, lr, momentum):
        for group in self.inner.param_groups:
            group["lr"] = lr
            if momentum is not None:
                group["betas"] = (momentum, group["betas"][1])
        self.inner.step()


def maker(s):
    """What of fastai makes an optimizer with the settings `s`."""
    common = {"lr": s["lr"], "decouple_wd": s.get("decay", "decoupled") == "decoupled"}
    adam = {**common, "mom": s.get("beta1", 0.9), "sqr_mom": s.get("beta2", 0.99), "eps": s.get("eps", 1e-6)}
    lookahead = s.get("lookahead", {"every": 0, "alpha": 0.5})
    make = {
        "sgd": partial(fo.SGD, **common, mom=s.get("momentum", 0.0)),
        "rmsprop": partial(fo.RMSProp, **common, mom=s.get("momentum", 0.0), sqr_mom=s.get("beta2", 0.99)),
        "adamw": partial(fo.Adam, **adam),
        "radam": partial(fo.RAdam, **adam, beta=s.get("softplus", 0.0)),
        "ranger": partial(fo.ranger, **adam, k=lookahead["every"] or 6, alpha=lookahead["alpha"]),
    }[s["kind"]]
    if lookahead["every"] and s["kind"] != "ranger":
        return lambda parameters: fo.Lookahead(make(parameters), k=lookahead["every"], alpha=lookahead["alpha"])
    return make


def cases():
    """Name, settings, schedule, steps, and whose steps they are."""
    flat, cycle = {"kind": "flat-cosine", "pct_start": 0.5}, {"kind": "one-cycle", "pct_start": 0.25}
    flat_v1, cycle_v1 = {"kind": "flat-cosine-v1", "pct_start": 0.72}, {"kind": "one-cycle-v1", "pct_start": 0.3}
    constant, decay = {"kind": "constant", "pct_start": 0.75}, {"weight_decay": 0.1}
    l2 = {**decay, "decay": "l2"}
    adam = {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6}
    every_three = {"lookahead": {"every": 3, "alpha": 0.8}}
    study_e = {"beta1": 0.95, "eps": 1e-3, "eps_mode": "raw", "lookahead": {"every": 6, "alpha": 0.5}}
    return [
        ("sgd", {"kind": "sgd", "lr": 0.1, **decay}, flat, STEPS, None),
        ("sgd, momentum", {"kind": "sgd", "lr": 0.05, "momentum": 0.9, **decay}, cycle, STEPS, None),
        ("sgd, l2", {"kind": "sgd", "lr": 0.05, "momentum": 0.9, **l2}, constant, STEPS, None),
        ("sgd, lookahead", {"kind": "sgd", "lr": 0.05, "momentum": 0.8, **decay, **every_three}, cycle_v1, STEPS, None),
        ("rmsprop", {"kind": "rmsprop", "lr": 0.02, "eps": 1e-8, **decay}, flat, STEPS, None),
        ("rmsprop, momentum", {"kind": "rmsprop", "lr": 0.01, "momentum": 0.9, "eps": 1e-3, **l2}, cycle, STEPS, None),
        ("adamw", {"kind": "adamw", **adam, **decay}, flat, STEPS, torch.optim.AdamW),
        ("adamw, fastai", {"kind": "adamw", **adam, **decay}, cycle, STEPS, None),
        ("adamw, v1", {"kind": "adamw", **adam, **decay}, cycle_v1, STEPS, torch.optim.AdamW),
        ("adamw, all", {"kind": "adamw", **adam, **decay, "decay_on": "all"}, flat_v1, STEPS, torch.optim.AdamW),
        ("adam", {"kind": "adamw", **adam, **l2}, constant, STEPS, torch.optim.Adam),
        ("adam, l2 on all", {"kind": "adamw", **adam, **l2, "decay_on": "all"}, flat, STEPS, None),
        ("radam", {"kind": "radam", **adam, **decay}, flat, STEPS, None),
        ("radam, softplus", {"kind": "radam", **adam, **decay, "softplus": 5.0}, cycle, STEPS, None),
        ("radam, l2", {"kind": "radam", **adam, **l2}, flat_v1, STEPS, None),
        ("ranger", {"kind": "ranger", **adam, **decay, "beta1": 0.95}, flat, 14, None),
        ("ranger, cycle", {"kind": "ranger", **adam, **decay, **every_three}, cycle, STEPS, None),
        ("raw", {"kind": "ranger", **adam, **decay, **study_e}, flat_v1, 14, RawRanger),
        ("raw, softplus", {"kind": "radam", **adam, **decay, **study_e, "softplus": 5.0}, cycle, 14, RawRanger),
    ]


def trajectory(rng, name, s, schedule, steps, whose):
    """Steps on loss = Σ a (p − b)² over a parameter that decays and one that does not."""
    shapes, decays = [(3, 4), (5,)], [True, s.get("decay_on") == "all"]
    parameters = [torch.tensor(rng.normal(0, 1, n), dtype=torch.float32, requires_grad=True) for n in shapes]
    scales = [torch.tensor(np.exp(rng.uniform(-5, 0.5, n)), dtype=torch.float32) for n in shapes]
    targets = [torch.tensor(rng.normal(0, 1, n), dtype=torch.float32) for n in shapes]

    def flat(tensors):
        # Nine digits are every float32.
        return [float(f"{x:.9g}") for x in torch.cat([t.detach().reshape(-1) for t in tensors]).tolist()]

    if whose is None:
        optimizer = Fastai(maker(s), parameters, decays, s)
    elif whose is RawRanger:
        optimizer = RawRanger(parameters, decays, s)
    else:
        optimizer = Torch(whose, parameters, decays, s)
    case = {"name": name, "settings": s, "schedule": schedule, "decayed": 12, "start": flat(parameters)}
    case |= {"scales": flat(scales), "targets": flat(targets), "rates": rates(schedule, s["lr"], steps), "path": []}
    for lr, momentum in case["rates"]:
        for p in parameters:
            p.grad = None
        sum((a * (p - b) ** 2).sum() for p, a, b in zip(parameters, scales, targets)).backward()
        optimizer.step(lr, momentum)
        case["path"].append(flat(parameters))
    return case


def loss_scale(rng):
    """PyTorch's scale over steps, some of which overflow."""
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=4)
    p = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=1.0)
    overflows = (rng.uniform(size=60) < 0.15).tolist()
    scales = []
    for step, overflow in enumerate(overflows):
        scales.append(scaler.get_scale())
        p.grad = None
        scaler.scale(p.sum()).backward()
        if overflow:
            p.grad[step % 3] = [math.inf, -math.inf, math.nan][step // 3 % 3]
        scaler.step(optimizer)
        scaler.update()
    return {"initial": 1024.0, "interval": 4, "overflows": overflows, "scales": scales, "last": scaler.get_scale()}


class Zero(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.p = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x):
        return self.p * 0


def finder(losses):
    """fastai's own search, over a model whose batch losses are `losses`."""
    rest = iter(losses)
    batches = DataLoader([(0.0, 0.0)] * 40, bs=1, num_workers=0)
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(
            DataLoaders(batches, batches),
            Zero(),
            loss_func=lambda prediction, _: prediction.sum() + torch.tensor(next(rest), dtype=torch.float64),
            opt_func=fo.SGD,
            path=pathlib.Path(folder),
        )
        with learner.no_bar():
            suggested = learner.lr_find(show_plot=False)
    exact = [None if not math.isfinite(x) else x for x in losses]
    return {"losses": exact, "rates": learner.recorder.lrs, "suggestion": suggested.valley}


def searches(rng):
    """Loss curves: each falls somewhere, then explodes, goes on, or ends in no number (null)."""
    i = np.arange(100)

    def curve(start, steep, explode, noise):
        fall = 2.3 - 1.8 / (1 + np.exp(-(i - start) / steep))
        losses = fall + np.exp((i - explode) / 3.0) + rng.normal(0, noise, 100)
        return [float(f"{x:.6g}") for x in losses]

    curves = [
        curve(60, 6, 88, 0.0),
        curve(60, 6, 88, 0.05),
        curve(45, 9, 70, 0.3),
        curve(30, 4, 200, 0.1),
        curve(70, 5, 200, 0.5),
        curve(20, 4, 30, 0.02),
    ]
    for at in (72, 24, 97):
        broken = curve(50, 8, 200, 0.1)
        broken[at] = math.nan
        curves.append(broken)
    return [finder(c) for c in curves]


def records(rng):
    """fastai's smoothed and mean training loss of three epochs, the last batch smaller."""

    class State:
        to_detach = staticmethod(lambda x: x)

    smooth, mean, state, epochs = AvgSmoothLoss(beta=0.98), AvgLoss(), State(), []
    smooth.reset()
    for epoch in range(3):
        mean.reset()
        batches = [[float(rng.gamma(2.0) / (epoch + 1)), 64] for _ in range(7)]
        batches[-1][1] = 10
        for loss, size in batches:
            state.loss, state.yb = torch.tensor(loss, dtype=torch.float64), (torch.zeros(size),)
            smooth.accumulate(state)
            mean.accumulate(state)
        epochs.append({"batches": batches, "running": float(smooth.value), "mean": float(mean.value)})
    return epochs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or pathlib.Path(__file__).parent / "fixtures" / f"train_optim_{options.seed}.json"
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    fixture = {
        "torch": torch.__version__,
        "schedules": schedules(),
        "trajectories": [trajectory(rng, *case) for case in cases()],
        "loss_scale": loss_scale(rng),
        "searches": searches(rng),
        "records": records(rng),
    }
    out.write_text(json.dumps(fixture, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
