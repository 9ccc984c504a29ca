"""Reference values for what the training crate does to images, from Pillow, torchvision and fastai.

    python train_augment.py [--seed 1] [--out fixtures/train_augment_1.json]

Every change of an image is made here with given parameters. Where fastai draws them itself, its source of random
numbers is replaced by a list of uniform numbers, so that its own code chooses boxes. Images are not in the file: both
sides draw them from the counter generator at the fixture's seed.
"""

import argparse
import json
import pathlib
import types

import fastai.vision.augment as augment
import numpy as np
import scipy.stats
import torch
import torchvision.transforms.functional as F
from fastai.callback.mixup import MixUp
from fastai.torch_core import TensorImage
from PIL import Image
from torchvision.transforms.transforms import Resize

from counter import INIT, PIXELS, Stream

KEPT = 7  # significant digits of numbers from 0 to 255: errors below 1e-6 of full scale


class Script:
    """Stands in for the module `random`: every call takes the next uniform number."""

    def __init__(self, numbers):
        self.numbers = iter(numbers)

    def random(self):
        return next(self.numbers)

    def uniform(self, low, high):
        return low + (high - low) * next(self.numbers)

    def randint(self, low, high):
        return low + int(next(self.numbers) * (high - low + 1))


class CropScript(Script):
    """Four numbers per attempt: area and aspect, then left and top if they are asked for."""

    def __init__(self, attempts):
        self.attempts, self.attempt, self.place = attempts, -1, 0

    def uniform(self, low, high):
        if self.place != 1:
            self.attempt, self.place = self.attempt + 1, 0
        self.place += 1
        return low + (high - low) * self.attempts[self.attempt][self.place - 1]

    def randint(self, low, high):
        self.place += 1
        return low + int(self.attempts[self.attempt][self.place - 1] * (high - low + 1))


def picture(seed, number, height, width, channels):
    """Noise, uint8, height × width × channels."""
    numbers = Stream(seed, INIT, PIXELS + number).uniform(height * width * channels)
    return (numbers * 256).astype(np.uint8).reshape(height, width, channels)


def planes(image):
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def flat(tensor):
    return [float(f"{value:.{KEPT}g}") for value in tensor.permute(1, 2, 0).reshape(-1).tolist()]


def resizes(seed, rng):
    """A box of an image, resized in float64 by torchvision and in 8 bits by Pillow, and a window of that."""
    cases = []
    shapes = [
        # height, width, channels, box height, box width, to, at
        (37, 53, 3, 29, 41, (12, 12), (0, 0)),
        (48, 64, 3, 48, 48, (12, 12), (0, 0)),
        (9, 7, 3, 9, 7, (12, 12), (0, 0)),
        (56, 40, 1, 56, 40, (20, 20), (4, 4)),
        (50, 75, 3, 50, 75, (16, 24), (2, 6)),
        (31, 90, 4, 13, 77, (12, 12), (0, 0)),
        (12, 30, 3, 12, 12, (12, 12), (0, 0)),
    ]
    for number, (height, width, channels, high, wide, to, at) in enumerate(shapes):
        image = picture(seed, number, height, width, channels)
        top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
        part = F.crop(planes(image).double(), top, left, high, wide)
        whole = F.resize(part, list(to), F.InterpolationMode.BILINEAR, antialias=True)
        case = {
            "image": [number, height, width, channels],
            "area": [top, left, high, wide],
            "to": to,
            "at": at,
            "torch": flat(F.crop(whole, *at, 12, 12)),
        }
        if channels in (1, 3):
            pillow = Image.fromarray(image.squeeze()).crop((left, top, left + wide, top + high))
            pillow = pillow.resize((to[1], to[0]), Image.BILINEAR).crop((at[1], at[0], at[1] + 12, at[0] + 12))
            case["pillow"] = np.asarray(pillow).reshape(-1).tolist()
        cases.append(case)
    return cases


def squares(rng):
    """fastai's plain resize: where its square begins. Sizes divide by powers of two only, which fastai does exactly."""
    cases, before = [], Image.Image.crop_pad
    for width, height, size in [(500, 375, 128), (320, 461, 64), (160, 160, 128), (213, 160, 32)]:
        share, seen = float(rng.random()), {}

        def record(image, sz, tl, **_):
            seen.update(size=tuple(sz), corner=tuple(tl))
            return image

        Image.Image.crop_pad, augment.random = record, Script([share, share])
        resize = augment.Resize(size)
        image = augment.PILImage.create(np.zeros((height, width, 3), dtype=np.uint8))
        resize.before_call(image, 0)
        resize.encodes(image)
        assert seen["size"] == (min(width, height),) * 2
        left, top = seen["corner"]
        cases.append({"height": height, "width": width, "share": share, "top": top, "left": left})
    Image.Image.crop_pad = before
    return cases


def crops(rng):
    """fastai's random-resized crop: the boxes it takes, the centre for extreme aspects, and its evaluation size."""
    cases = []
    for height, width in [(375, 500), (160, 213), (213, 160), (20, 300), (300, 20), (33, 33), (7, 5), (28, 28)] * 3:
        attempts = rng.random((10, 4))
        low = float(rng.choice([0.08, 0.35, 0.9]))
        augment.random = CropScript(attempts)
        crop = augment.RandomResizedCrop(128, min_scale=low)
        crop.before_call(Image.new("RGB", (width, height)), 0)
        (left, top), (wide, high) = crop.tl, crop.cp_size
        cases.append(
            {
                "height": height,
                "width": width,
                "min_scale": low,
                "draws": attempts.tolist(),
                "area": [int(top), int(left), int(high), int(wide)],
            }
        )
    return cases


def evaluation_sizes():
    sizes = []
    for size in [4, 28, 64, 100, 128, 160, 192, 224, 256, 299, 457, 1024]:
        crop = augment.RandomResizedCrop(size)
        crop.before_call(Image.new("RGB", (500, 375)), 1)
        sizes.append([size, int(crop.final_size[0])])
    shorter = []
    for height, width, side in [(375, 500, 160), (500, 375, 160), (160, 161, 256), (333, 1000, 256), (100, 100, 160)]:
        resized = Resize(side)(Image.new("L", (width, height)))
        rows = torch.arange(resized.height).view(1, -1, 1).expand(1, -1, resized.width)
        columns = torch.arange(resized.width).view(1, 1, -1).expand(1, resized.height, -1)
        size = side - 19
        corner = [int(F.center_crop(axis.contiguous(), [size, size])[0, 0, 0]) for axis in (rows, columns)]
        shorter.append({"size": [height, width, side, size], "to": [resized.height, resized.width], "at": corner})
    return {"squash": sizes, "shorter": shorter}


def erasing(rng):
    """fastai's random erasing: its boxes from given numbers, and what noise replaces."""
    boxes = []
    real = augment.cutout_gaussian
    for size, share, most in [(128, 0.3, 3), (32, 1.0, 1), (28, 0.8, 5), (64, 0.05, 16)] * 2:
        numbers, seen = rng.random(1 + 4 * most), []
        augment.cutout_gaussian = lambda x, areas: seen.extend(areas)
        augment.random = Script(numbers)
        augment.RandomErasing(p=1.0, sl=0.0, sh=share, max_count=most).encodes(TensorImage(torch.zeros(1, 1, size, size)))
        clipped = [[r, c, min(r_end, size) - r, min(c_end, size) - c] for r, r_end, c, c_end in seen]
        boxes.append({"size": size, "share": share, "max": most, "draws": numbers.tolist(), "areas": clipped})
    augment.cutout_gaussian = real
    torch.manual_seed(int(rng.integers(2**31)))
    height, width, areas = 8, 7, [(1, 4, 2, 9), (3, 6, 0, 4), (6, 99, 5, 6)]
    images = real(torch.zeros(2, 3, height, width), areas)
    noise = {
        "size": [2, height, width, 3],
        "areas": [[r, c, min(r_end, height) - r, min(c_end, width) - c] for r, r_end, c, c_end in areas],
        "noise": [images[..., r:r_end, c:c_end].permute(0, 2, 3, 1).reshape(2, -1).tolist() for r, r_end, c, c_end in areas],
        "images": images.permute(0, 2, 3, 1).reshape(-1).tolist(),
    }
    return {"boxes": boxes, "noise": noise}


def moves(seed, rng):
    """Mirrored, then reflected at the border and cropped, as integers; then torchvision's normalization and erasing."""
    height, width, channels, most = 9, 8, 3, 4
    images = [planes(picture(seed, 100 + i, height, width, channels)) for i in range(4)]
    mirrored = [True, False, True, False]
    by = [[0, 0], [-most, most]] + rng.integers(-most, most + 1, (2, 2)).tolist()
    side, corners = 5, [[-2, -2], [6, 5]] + rng.integers(-2, 6, (2, 2)).tolist()
    mean, deviation = rng.uniform(0.2, 0.6, channels), rng.uniform(0.1, 0.4, channels)
    moved, scaled, cut = [], [], []
    for image, mirror, (down, right), (top, left) in zip(images, mirrored, by, corners):
        image = F.hflip(image) if mirror else image
        image = F.pad(image.double(), [most] * 4, padding_mode="reflect")
        image = F.crop(image, most - down, most - right, height, width)
        moved += [int(value) for value in image.permute(1, 2, 0).reshape(-1)]
        image = F.normalize(image / 255, mean, deviation)
        scaled += flat(image)
        rows, columns = (max(top, 0), min(top + side, height)), (max(left, 0), min(left + side, width))
        image = F.erase(image, rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0], torch.tensor(0.0))
        cut.append([at for at, value in enumerate(image.permute(1, 2, 0).reshape(-1).tolist()) if value == 0])
    return {
        "size": [height, width, channels],
        "first_image": 100,
        "mirrored": mirrored,
        "most": most,
        "by": by,
        "moved": moved,
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
        "scaled": scaled,
        "side": side,
        "corners": corners,
        "zeros": cut,
    }


def mixups(rng):
    """fastai's mixup of a batch with given lambdas and partners."""
    count = 6
    images = torch.from_numpy(rng.normal(size=(count, 3, 4, 5)).astype(np.float32))
    raw = torch.from_numpy(rng.uniform(0.5, 1, count).astype(np.float32))
    partners = torch.from_numpy(rng.permutation(count))
    mixer, real = MixUp(0.4), torch.randperm
    mixer.distrib = types.SimpleNamespace(sample=lambda size: raw)
    labels = torch.zeros(count, dtype=torch.long)
    mixer.learn = types.SimpleNamespace(x=images, y=labels, xb=(images,), yb=(labels,))
    mixer.stack_y, torch.randperm = True, lambda n: partners
    mixer.before_batch()
    torch.randperm = real
    return {
        "shape": list(images.shape),
        "images": images.reshape(-1).tolist(),
        "lambda": raw.tolist(),
        "partners": partners.tolist(),
        "mixed": mixer.learn.xb[0].reshape(-1).tolist(),
    }


def betas():
    """SciPy's distribution function of Beta(alpha, alpha)."""
    points = [1e-6, 1e-3, 0.02, 0.1, 0.25, 0.4, 0.5, 0.55, 0.7, 0.9, 0.99, 1 - 1e-5]
    return [{"alpha": a, "at": points, "below": scipy.stats.beta.cdf(points, a, a).tolist()} for a in (0.05, 0.4, 1.0, 3.0, 100.0)]


def main():
    folder = pathlib.Path(__file__).parent / "fixtures"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or folder / f"train_augment_{options.seed}.json"
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    fixture = {
        "seed": options.seed,
        "first_epoch_word": PIXELS,
        "resizes": resizes(options.seed, rng),
        "squares": squares(rng),
        "crops": crops(rng),
        "evaluation": evaluation_sizes(),
        "erasing": erasing(rng),
        "moves": moves(options.seed, rng),
        "mixup": mixups(rng),
        "betas": betas(),
    }
    out.write_text(json.dumps(fixture, indent=None, separators=(",", ":")) + "\n")
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
