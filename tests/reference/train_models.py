"""Reference numbers for the networks of the training crate, from fastai and PyTorch.

    python train_models.py [--seed 1] [--out fixtures/train_models_1.json]

The xresnet family is fastai's own (fastai.vision.models.xresnet); the two studies' networks and the small one are built
of PyTorch's modules. Weights, power-iteration vectors and images come from the counter generator of counter.py; networks
run in float64. Everything derives from the seed; any seed must pass the test (set SWEEPER_MODELS_FIXTURE to the file
written).
"""

import argparse
import functools
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from fastai.layers import AvgPool, MaxPool, Mish, SimpleSelfAttention
from fastai.vision.models import xresnet
from torch import nn

from counter import INIT, PIXELS, Stream

POWER_ITERATION = 8
PROJECTIONS = range(20_000, 20_003)  # epoch words of the normal vectors that gradients are projected on; see PIXELS
DIGITS = 11
GAMMA = 1 / 64  # of self-attention: at its initial 0 its matrix would have no gradient
LAST_SCALE = 0.5  # of each block's last batch norm, for the same reason

FASTAI = {
    "xresnet18": xresnet.xresnet18,
    "xresnet34": xresnet.xresnet34,
    "xresnet50": xresnet.xresnet50,
    "xse-resnet18": xresnet.xse_resnet18,
    "xresnext18": xresnet.xresnext18,
    "xse-resnext18": xresnet.xse_resnext18,
    "xse-resnext50": xresnet.xse_resnext50,
}


class Symmetric(nn.Module):
    """The 1 x 1 convolution of self-attention with (W + W') / 2 of its spectrally normalized W."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def forward(self, x):
        for hook in self.conv._forward_pre_hooks.values():  # spectral_norm's own: sets conv.weight
            hook(self.conv, None)
        weight = self.conv.weight
        return F.conv1d(x, (weight + weight.transpose(0, 1)) / 2)


def max_pool(ks, ndim, ceil_mode):
    """fastai's MaxPool, but for `ceil_mode`, which that one ignores."""
    assert ndim == 2
    return nn.MaxPool2d(ks, ceil_mode=ceil_mode)


class Copier:
    """Gives the parameters of a network their values, in the crate's creation order and under its names."""

    def __init__(self, seed):
        self.seed, self.named = seed, []

    def kaiming(self, name, parameter, gain_squared=2.0):
        count = parameter.numel()
        values = Stream(self.seed, INIT, len(self.named)).normals(count)
        self.put(name, parameter, values * math.sqrt(gain_squared / (count // parameter.shape[0])))

    def uniform(self, name, parameter, bound):
        values = (2 * Stream(self.seed, INIT, len(self.named)).uniform(parameter.numel()) - 1) * bound
        self.put(name, parameter, values)

    def constant(self, name, parameter, value):
        self.put(name, parameter, np.full(parameter.numel(), value))

    def put(self, name, parameter, values):
        values = torch.tensor(values.astype(np.float32).astype(float)).reshape(parameter.shape)
        parameter.data.copy_(values)
        self.named.append((name, parameter))

    def conv_norm(self, name, conv, norm, scale=1.0, gain_squared=2.0):
        self.kaiming(f"{name}.weight", conv.weight, gain_squared)
        self.constant(f"{name}.norm.weight", norm.weight, scale)
        self.constant(f"{name}.norm.bias", norm.bias, 0.0)

    def affine(self, name, layer):
        self.kaiming(f"{name}.weight", layer.weight)
        self.constant(f"{name}.bias", layer.bias, 0.0)

    def attention(self, name, attention):
        conv = attention.conv.conv if isinstance(attention.conv, Symmetric) else attention.conv
        u = Stream(self.seed, POWER_ITERATION, len(self.named)).normals(conv.weight_u.numel())
        conv.weight_u.copy_(torch.tensor((u / np.linalg.norm(u)).astype(np.float32)))
        self.kaiming(f"{name}.weight", conv.weight_orig)
        self.constant(f"{name}.gamma", attention.gamma, GAMMA)

    def xresnet(self, net):
        for at in range(3):
            self.conv_norm(f"stem{at}", net[at][0], net[at][1])
        for stage in range(4):
            for position, block in enumerate(net[4 + stage]):
                name, path = f"stage{stage}.block{position}", list(block.convpath)
                attention = path.pop() if isinstance(path[-1], SimpleSelfAttention) else None
                squeeze = path.pop() if not isinstance(path[-1][0], nn.Conv2d) else None
                for at, layer in enumerate(path):
                    scale = LAST_SCALE if at + 1 == len(path) else 1.0
                    self.conv_norm(f"{name}.conv{at}", layer[0], layer[1], scale)
                if squeeze is not None:
                    self.affine(f"{name}.squeeze", squeeze.layers[1][0])
                    self.affine(f"{name}.excite", squeeze.layers[2][0])
                if attention is not None:
                    self.attention(f"{name}.attention", attention)
                for layer in block.idpath:
                    if isinstance(layer, nn.Sequential):
                        self.conv_norm(f"{name}.projection", layer[0], layer[1])
        self.affine("head", net[-1])


def make_xresnet(copier, case):
    settings = dict(
        n_out=case["classes"],
        c_in=case["shape"][1],
        act_cls={"relu": nn.ReLU, "mish": Mish}[case["model"]["activation"]],
        pool={"average": AvgPool, "max": max_pool}[case["model"]["pool"]],
        stem_szs={"32-32-64": (32, 32, 64), "32-64-64": (32, 64, 64)}[case["model"]["stem"]],
        sa=case["model"]["self_attention"],
    )
    net = FASTAI[case["model"]["arch"]](**settings).double()
    if case["model"]["symmetric"]:
        for module in list(net.modules()):
            if isinstance(module, SimpleSelfAttention):
                module.conv = Symmetric(module.conv)
    copier.xresnet(net)
    return net


def make_small(copier, case):
    layers, width = [], case["shape"][1]
    for at, (to, kernel, stride) in enumerate([(16, 5, 2), (32, 3, 2), (64, 3, 1)]):
        conv, norm = nn.Conv2d(width, to, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(to)
        layers, width = layers + [conv, norm, nn.ReLU()], to
        copier.conv_norm(f"conv{at}", conv.double(), norm.double())
    head = nn.Linear(width * 9, case["classes"]).double()
    copier.affine("head", head)
    return nn.Sequential(*layers, nn.AvgPool2d(3, 2), nn.Flatten(), head)


def make_plain(copier, case):
    channels = case["shape"][1]
    first = 2 ** int(math.log2(9 * channels))
    layers, width = [], channels
    for at, to in enumerate([first, first * 2, first * 4, 32, 64, 128, 256, 512]):
        conv, norm = nn.Conv2d(width, to, 3, 2 if at else 1, 1, bias=False).double(), nn.BatchNorm2d(to).double()
        layers, width = layers + [conv, nn.ReLU(), norm], to
        copier.conv_norm(f"conv{at}", conv, norm, gain_squared=2 / 1.01)
    head = nn.Linear(width, case["classes"]).double()
    copier.uniform("head.weight", head.weight, 1 / math.sqrt(width))
    copier.uniform("head.bias", head.bias, 1 / math.sqrt(width))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def make_simple(copier, case):
    layers, width = [], case["shape"][1]
    for at, to in enumerate([16, 16, case["classes"]]):
        conv = nn.Conv2d(width, to, 3, 2, 1).double()
        layers, width = layers + [conv, nn.ReLU()], to
        copier.affine(f"conv{at}", conv)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


MAKERS = {"small-cnn": make_small, "plain-cnn": make_plain, "simple-cnn": make_simple}


@functools.cache
def projections(seed):
    longest = 1024 * 512 * 9  # of an xresnext: a convolution of the last stage
    return torch.tensor(np.stack([Stream(seed, INIT, word).normals(longest) for word in PROJECTIONS]))


def described(seed, gradient):
    """Norm and projections, which every number of a gradient moves; its largest magnitude and first numbers."""
    projected = projections(seed)[:, : len(gradient)] @ gradient
    return [gradient.norm().item(), *projected.tolist(), gradient.abs().max().item(), *gradient[:2].tolist()]


def short(values):
    return [float(f"{value:.{DIGITS}g}") for value in values]


def model(seed, arch, shape, classes=10, **options):
    """Logits of a training pass, gradients of its cross-entropy, then logits of an evaluation pass."""
    defaults = {"activation": "relu", "pool": "average", "stem": "32-32-64", "self_attention": False, "symmetric": False}
    case = {"model": {"arch": arch} | defaults | options, "shape": shape, "classes": classes}
    copier = Copier(seed)
    net = MAKERS.get(arch, make_xresnet)(copier, case)
    # No parameter was overlooked.
    assert sum(p.numel() for p in net.parameters()) == sum(p.numel() for _, p in copier.named)
    pixels = Stream(seed, INIT, PIXELS).normals(math.prod(shape)).astype(np.float32).astype(float)
    images = torch.tensor(pixels.reshape(shape))
    net.train()
    logits = net(images)
    F.cross_entropy(logits, torch.arange(shape[0]) % classes).backward()
    net.eval()
    with torch.no_grad():
        evaluated = net(images)
    case["logits"] = short(logits.detach().reshape(-1).tolist())
    case["evaluated"] = short(evaluated.reshape(-1).tolist())
    case["gradients"] = [[name, *short(described(seed, p.grad.reshape(-1)))] for name, p in copier.named]
    return case


def fastai_ignores_symmetric():
    """fastai assigns the symmetric matrix to an attribute that the spectral norm then overwrites: it has no effect."""
    outputs = []
    for symmetric in [False, True]:
        torch.manual_seed(1)
        attention = SimpleSelfAttention(4, sym=symmetric)
        attention.gamma.data.fill_(1.0)
        outputs.append(attention(torch.ones(1, 4, 2, 2) + torch.arange(4.0).reshape(1, 1, 2, 2)))
    return torch.equal(*outputs)


def fastai_ignores_ceil_mode():
    """Of its max pool: 3 x 3 pixels become 1 x 1, while the convolutions make them 2 x 2 and the sum is broadcast."""
    return MaxPool(2, ceil_mode=True)(torch.ones(1, 1, 3, 3)).shape == (1, 1, 1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or pathlib.Path(__file__).parent / "fixtures" / f"train_models_{options.seed}.json"
    torch.set_num_threads(1)
    assert fastai_ignores_symmetric(), "then fastai can be the reference of `symmetric`"
    assert fastai_ignores_ceil_mode(), "then fastai can be the reference of max pools at odd sides"
    seed = options.seed * 0x1_0000_0001  # both key words
    case = functools.partial(model, seed)
    even, odd = [4, 1, 64, 64], [4, 3, 48, 48]  # the last pool sees 4 and 3 pixels a side
    models = [
        case("small-cnn", [8, 1, 28, 28]),
        # For the float32 logits: few images would let its last batch norms, over one pixel each, magnify rounding; and
        # on a CPU libtorch's batch norm of channels-last images sums in plain float32, which is off by 1e-4 at 65,536
        # pixels.
        case("plain-cnn", [16, 3, 12, 12]),
        case("plain-cnn", [16, 1, 9, 9]),
        case("simple-cnn", [4, 3, 28, 28], classes=2),
        case("xresnet18", [4, 3, 28, 28]),
        case("xresnet18", even, activation="mish", pool="max"),
        case("xresnet18", odd, activation="mish", stem="32-64-64", self_attention=True),
        case("xresnet34", odd, activation="mish"),
        case("xresnet50", odd, activation="mish", pool="max"),
        case("xse-resnet18", odd, activation="mish", self_attention=True, symmetric=True),
        case("xresnext18", odd, activation="mish"),
        case("xse-resnext18", odd, activation="mish"),
        case("xse-resnext50", odd, activation="mish", pool="max", self_attention=True),
    ]
    fixture = {"torch": torch.__version__, "seed": seed, "gamma": GAMMA, "last_scale": LAST_SCALE, "models": models}
    text = json.dumps(fixture, separators=(",", ":"))
    out.write_text(text.replace('},{"model"', '},\n{"model"').replace('],["', '],\n["') + "\n")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
