"""Reference numbers for the training crate, from PyTorch and NumPy.

    python train.py [--seed 1] [--out fixtures/train_1.json]

Everything derives from the seed; any seed must pass the tests (set SWEEPER_TRAIN_FIXTURE to the file written).
The generator, the splits and the networks are written here a second time, on other libraries; what PyTorch has
(losses, AdamW, convolutions, batch norm, gradients) is PyTorch's own, in float64 unless the step itself is float32.
"""

import argparse
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

INIT, ORDER, SPLIT = 1, 2, 4
PIXELS = 10_000  # epoch word of test images: no network has so many parameters


def philox(counter, key):
    """Philox-4x32-10 on arrays: four uint64 arrays that hold 32-bit words, and two key words."""
    mask = np.uint64(0xFFFFFFFF)
    c = [np.asarray(word, dtype=np.uint64) for word in counter]
    k = [int(word) for word in key]
    for _ in range(10):
        first = c[0] * np.uint64(0xD2511F53)
        third = c[2] * np.uint64(0xCD9E8D57)
        c = [
            (third >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]),
            third & mask,
            (first >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
            first & mask,
        ]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


class Stream:
    def __init__(self, seed, domain, epoch):
        self.key, self.domain, self.epoch = (seed % 2**32, seed >> 32), domain, epoch

    def words(self, count):
        index = np.arange(count, dtype=np.uint64)
        low, high = index & np.uint64(0xFFFFFFFF), index >> np.uint64(32)
        same = np.ones(count, dtype=np.uint64)
        return philox([low, high, same * np.uint64(self.epoch), same * np.uint64(self.domain)], self.key)

    def bits(self, count):
        w = self.words(count)
        return w[0] | w[1] << np.uint64(32)

    def uniform(self, count):
        return (self.bits(count) >> np.uint64(11)) * 2.0**-53

    def normals(self, count):
        w = self.words((count + 1) // 2)
        u = ((w[0] | w[1] << np.uint64(32)) >> np.uint64(11)) * 2.0**-53
        v = ((w[2] | w[3] << np.uint64(32)) >> np.uint64(11)) * 2.0**-53
        radius = np.sqrt(-2.0 * np.log(1.0 - u))
        pairs = np.stack([radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)], axis=1)
        return pairs.reshape(-1)[:count]

    def permutation(self, count):
        order, bits = list(range(count)), self.bits(count)
        for i in range(count - 1, 0, -1):
            j = int(bits[i]) * (i + 1) >> 64
            order[i], order[j] = order[j], order[i]
        return order


def unbalance(seed):
    """The splits of 80 training and 60 validation rows whose class is row * 7 % 10."""
    classes = 10
    share = [0.0] * classes
    for place, label in enumerate(Stream(seed, SPLIT, 0).permutation(classes)):
        share[label] = (place + 0.5) / classes

    def drawn(count, file):
        u = Stream(seed, SPLIT, file).uniform(count)
        return [row for row in range(count) if u[row] < share[row * 7 % 10]]

    train, validation = drawn(80, 1), drawn(60, 2)
    kept = [row for row in range(80) if row not in train]
    counts = np.bincount([row * 7 % 10 for row in kept], minlength=classes)
    return {
        "seed": seed,
        "train": kept,
        "unbalanced": [row for row in range(60) if row not in validation],
        "perverse": validation,
        "train_proportions": (counts / counts.sum()).tolist(),
        "log_train_proportions": np.log(np.maximum(counts / counts.sum(), 1e-8)).tolist(),
    }


def losses(rng):
    """Value and gradient; uniform smoothing is PyTorch's own, apriori smoothing is cross-entropy of soft targets."""
    cases = []
    for kind, eps, with_bias in [("uniform", 0.0, False), ("uniform", 0.1, True), ("prior", 0.1, True), ("prior", 0.3, False)]:
        n, classes = 6, 5
        logits = torch.tensor(rng.normal(0, 3, (n, classes)).astype(np.float32).astype(float), requires_grad=True)
        labels = torch.tensor(rng.integers(0, classes, n))
        prior = rng.dirichlet(np.ones(classes))
        bias = np.log(prior).astype(np.float32).astype(float) if with_bias else np.zeros(classes)
        z = logits + torch.tensor(bias)
        if kind == "uniform":
            loss = F.cross_entropy(z, labels, label_smoothing=eps)
        else:
            soft = (1 - eps) * F.one_hot(labels, classes).double() + eps * torch.tensor(prior)
            loss = F.cross_entropy(z, soft)
        loss.backward()
        distribution = [1.0] * classes if kind == "uniform" else prior.tolist()
        cases.append(
            {
                "eps": eps,
                "distribution": distribution,
                "bias": bias.tolist() if with_bias else None,
                "logits": logits.detach().reshape(-1).tolist(),
                "labels": labels.tolist(),
                "loss": loss.item(),
                "gradient": logits.grad.reshape(-1).tolist(),
            }
        )
    return cases


def flat_cosine(lr, pct_start, step, steps):
    s = step / steps
    if s < pct_start:
        return lr
    return lr / 1e5 + (lr - lr / 1e5) * 0.5 * (1 + math.cos(math.pi * (s - pct_start) / (1 - pct_start)))


def adamw(rng):
    """Ten steps on loss = mean a (p − b)², under flat-cosine; the second parameter has no decay."""
    lr, pct_start, steps, eps, decay, betas = 0.02, 0.5, 10, 1e-6, 0.1, (0.9, 0.99)
    shapes, parameters, scales, targets = [(4, 3, 3, 3), (5,)], [], [], []
    for shape in shapes:
        parameters.append(torch.tensor(rng.normal(0, 1, shape), dtype=torch.float32, requires_grad=True))
        scales.append(torch.tensor(rng.uniform(0.1, 3, shape), dtype=torch.float32))
        targets.append(torch.tensor(rng.normal(0, 1, shape), dtype=torch.float32))
    start = [p.detach().reshape(-1).tolist() for p in parameters]
    groups = [
        {"params": [parameters[0]], "weight_decay": decay},
        {"params": [parameters[1]], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, foreach=False, fused=False)
    rates, path = [], []
    for step in range(steps):
        rates.append(flat_cosine(lr, pct_start, step, steps))
        for group in optimizer.param_groups:
            group["lr"] = rates[-1]
        optimizer.zero_grad()
        loss = sum((a * (p - b) ** 2).mean() for p, a, b in zip(parameters, scales, targets))
        loss.backward()
        optimizer.step()
        path.append([p.detach().reshape(-1).tolist() for p in parameters])
    return {
        "lr": lr,
        "pct_start": pct_start,
        "eps": eps,
        "weight_decay": decay,
        "beta1": betas[0],
        "beta2": betas[1],
        "shapes": [list(shape) for shape in shapes],
        "scales": [a.reshape(-1).tolist() for a in scales],
        "targets": [b.reshape(-1).tolist() for b in targets],
        "start": start,
        "rates": rates,
        "path": path,
    }


class Net:
    """Parameters in creation order, drawn like the crate's; plain functions on top."""

    def __init__(self, seed, second_scale):
        self.seed, self.second_scale = seed, second_scale
        self.parameters, self.moments = {}, {}

    def weight(self, name, shape):
        if name not in self.parameters:
            count, position = math.prod(shape), len(self.parameters)
            values = Stream(self.seed, INIT, position).normals(count) * math.sqrt(2 / (count // shape[0]))
            values = torch.tensor(values.astype(np.float32).astype(float).reshape(shape), requires_grad=True)
            self.parameters[name] = values
        return self.parameters[name]

    def constant(self, name, count, value):
        if name not in self.parameters:
            self.parameters[name] = torch.full((count,), value, dtype=torch.float64, requires_grad=True)
        return self.parameters[name]

    def conv_norm(self, x, name, to, kernel, stride=1, groups=1, scale=1.0):
        weight = self.weight(f"{name}.weight", (to, x.shape[1] // groups, kernel, kernel))
        gamma = self.constant(f"{name}.norm.weight", to, scale)
        beta = self.constant(f"{name}.norm.bias", to, 0.0)
        mean, variance = self.moments.setdefault(
            name, (torch.zeros(to, dtype=torch.float64), torch.ones(to, dtype=torch.float64))
        )
        x = F.conv2d(x, weight, None, stride, kernel // 2, 1, groups)
        return F.batch_norm(x, mean, variance, gamma, beta, self.training, 0.1, 1e-5)

    def affine(self, name, shape):
        return self.weight(f"{name}.weight", shape), self.constant(f"{name}.bias", shape[0], 0.0)


def small_cnn(net, x):
    for position, (to, kernel, stride) in enumerate([(16, 5, 2), (32, 3, 2), (64, 3, 1)]):
        x = F.relu(net.conv_norm(x, f"conv{position}", to, kernel, stride))
    x = F.avg_pool2d(x, 3, 2).flatten(1)
    return F.linear(x, *net.affine("head", (10, x.shape[1])))


def xresnet(net, x, act, groups, squeeze, pool):
    for position, (to, stride) in enumerate([(32, 2), (32, 1), (64, 1)]):
        x = act(net.conv_norm(x, f"stem{position}", to, 3, stride))
    x = F.max_pool2d(x, 3, 2, 1)
    for stage in range(4):
        to = 64 * 2**stage
        inner = to if groups == 1 else to * 4 // 64 * groups
        for block in range(2):
            name, stride = f"stage{stage}.block{block}", 2 if stage > 0 and block == 0 else 1
            y = act(net.conv_norm(x, f"{name}.conv0", inner, 3, stride, groups))
            y = net.conv_norm(y, f"{name}.conv1", to, 3, scale=net.second_scale)
            if squeeze:
                narrow = 8 * math.ceil(to // 16 / 8)
                s = y.mean((2, 3), keepdim=True)
                s = act(F.conv2d(s, *net.affine(f"{name}.squeeze", (narrow, to, 1, 1))))
                y = y * torch.sigmoid(F.conv2d(s, *net.affine(f"{name}.excite", (to, narrow, 1, 1))))
            if stride > 1:
                x = pool(x)
            if x.shape[1] != to:
                x = net.conv_norm(x, f"{name}.projection", to, 1)
            x = act(y + x)
    x = x.mean((2, 3))
    return F.linear(x, *net.affine("head", (10, 512)))


def model(seed, arch, activation, pool, channels, batch, side):
    """Logits of a training pass, gradients of its cross-entropy, then logits of an evaluation pass."""
    act = {"relu": F.relu, "mish": F.mish}[activation]
    down = {
        "average": lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True),
        "max": lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True),
    }[pool]
    # A fresh block's last scale is 0, which would hide its inner gradients: the test sets it to 1/2 on both sides.
    net = Net(seed, 0.5)
    forward = {
        "small-cnn": small_cnn,
        "xresnet18": lambda net, x: xresnet(net, x, act, 1, False, down),
        "xse-resnext18": lambda net, x: xresnet(net, x, act, 32, True, down),
    }[arch]
    pixels = Stream(seed, INIT, PIXELS).normals(batch * channels * side * side).astype(np.float32).astype(float)
    images = torch.tensor(pixels.reshape(batch, channels, side, side))
    net.training = True
    logits = forward(net, images)
    F.cross_entropy(logits, torch.arange(batch) % 10).backward()
    net.training = False
    with torch.no_grad():
        evaluated = forward(net, images)
    return {
        "seed": seed,
        "model": {"arch": arch, "activation": activation, "pool": pool},
        "shape": [batch, channels, side, side],
        "logits": logits.detach().reshape(-1).tolist(),
        "evaluated": evaluated.reshape(-1).tolist(),
        "gradients": [
            {
                "name": name,
                "norm": p.grad.norm().item(),
                "largest": p.grad.abs().max().item(),
                "first": p.grad.reshape(-1)[:3].tolist(),
            }
            for name, p in net.parameters.items()
        ],
    }


def scores(rng):
    n, classes, beta, eps = 12, 4, 3.0, 0.1
    logits = rng.normal(0, 1.5, (n, classes)).astype(np.float32)
    labels = rng.integers(0, classes, n)
    prior = rng.dirichlet(np.ones(classes))
    bias = np.log(prior).astype(np.float32)
    z = torch.tensor((logits + bias).astype(float))
    target = torch.tensor(labels)
    soft = (1 - eps) * F.one_hot(target, classes).double() + eps * torch.tensor(prior)
    return {
        "beta": beta,
        "eps": eps,
        "distribution": prior.tolist(),
        "bias": bias.astype(float).tolist(),
        "logits": logits.astype(float).reshape(-1).tolist(),
        "labels": labels.tolist(),
        "accuracy": 100.0 * (z.argmax(1) == target).double().mean().item(),
        "smoothed_accuracy": 100.0 * torch.softmax(beta * z, 1)[torch.arange(n), target].mean().item(),
        "loss": F.cross_entropy(z, soft).item(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or pathlib.Path(__file__).parent / "fixtures" / f"train_{options.seed}.json"
    seed = options.seed * 0x1_0000_0001  # both key words
    rng = np.random.default_rng(options.seed)
    stream = Stream(seed, ORDER, 3)
    fixture = {
        "torch": torch.__version__,
        "seed": seed,
        "stream": {
            "bits": [str(word) for word in stream.bits(4)],
            "uniform": stream.uniform(4).tolist(),
            "normals": Stream(seed, INIT, 2).normals(9).tolist(),
            "permutation": stream.permutation(25),
        },
        "unbalance": unbalance(seed),
        "losses": losses(rng),
        "adamw": adamw(rng),
        "scores": scores(rng),
        "models": [
            model(seed, "small-cnn", "relu", "average", 1, 8, 28),
            model(seed, "xresnet18", "mish", "max", 1, 4, 64),
            model(seed, "xse-resnext18", "mish", "average", 3, 4, 64),
        ],
    }
    out.write_text(json.dumps(fixture, indent=None, separators=(",", ":")).replace('},{"name"', '},\n{"name"') + "\n")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
