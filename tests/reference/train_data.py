"""Reference values for the crate sweeper-data, from Pillow and NumPy.

    python train_data.py [--seed 1] [--out fixtures/train_data_1.json]

Everything derives from the seed; any seed must pass the tests (set SWEEPER_DATA_FIXTURE to the file written). Decoding
and resizing are Pillow's, the permutations are NumPy's legacy generator's; draws from the counter generator are
written here a second time.
"""

import argparse
import io
import json
import pathlib

import numpy as np
from PIL import Image

import counter

SAMPLE, DIVIDE = 6, 7
SIZE = 12  # data.size of the recipes that the test uses


def scene(rng, height, width):
    """Waves, a few boxes with sharp edges, and a little noise: something between a photograph and a drawing."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.zeros((height, width, 3))
    for channel in range(3):
        for _ in range(4):
            angle, length, phase = rng.uniform(0, 6.3), rng.uniform(6, 60), rng.uniform(0, 6.3)
            wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 6.3 / length + phase)
            picture[..., channel] += 25 * wave
    for _ in range(3):
        top, left = rng.integers(0, height), rng.integers(0, width)
        picture[top : top + height // 3, left : left + width // 3] += rng.uniform(-60, 60, 3)
    picture += 128 + rng.normal(0, 4, picture.shape)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8), "RGB")


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def files(rng):
    """Name, content, and which sizes are compared."""

    def new(height=19, width=26):
        return scene(rng, height, width)

    def jpeg(image, **options):
        return encoded(image, format="JPEG", **options)

    def png(image, **options):
        return encoded(image, format="PNG", **options)

    alpha = Image.fromarray(rng.integers(0, 256, (19, 26)).astype(np.uint8), "L")
    with_alpha, grey_alpha = new(), Image.merge("LA", (new().convert("L"), alpha))
    with_alpha.putalpha(alpha)
    turned = Image.Exif()
    turned[0x0112] = 6
    every, some = ["full", "crop", "squish", "random-crop"], ["full", "crop"]
    return [
        ("444.jpg", jpeg(new(), quality=92, subsampling=0), every),
        ("422.jpg", jpeg(new(), quality=85, subsampling=1), some),
        ("420.JPEG", jpeg(new(), quality=75, subsampling=2), every),
        ("progressive.jpeg", jpeg(new(), quality=80, progressive=True), some),
        ("grey.jpg", jpeg(new().convert("L"), quality=85), some),
        ("cmyk.jpg", jpeg(new().convert("CMYK"), quality=90), some),
        ("turned.jpg", jpeg(new(26, 19), quality=85, exif=turned), some),
        ("large.jpg", jpeg(new(120, 163), quality=80), ["crop", "squish"]),
        ("content_is_png.jpg", png(new()), some),
        ("rgb.png", png(new()), every),
        ("high.png", png(new(41, 13)), every),
        ("small.png", png(new(7, 9)), every),
        ("one.png", png(new(1, 1)), every),
        ("large.png", png(new(60, 90)), ["crop"]),
        ("grey.png", png(new().convert("L")), some),
        ("grey_alpha.png", png(grey_alpha), some),
        ("alpha.png", png(with_alpha), some),
        ("palette.png", png(new().quantize(32)), some),
        ("transparent_palette.png", png(new().quantize(16), transparency=3), some),
        ("bits.png", png(new().convert("1")), some),
    ]


def kept(image, policy):
    """The size in which the cache keeps an image."""
    width, height = image.size
    short = min(image.size)
    if policy == "full":
        return image
    if policy == "squish":
        return image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    if policy == "crop":
        wanted = SIZE
    else:
        wanted = min(short, -(-SIZE * 5 // 4))
    size = tuple(int(side * wanted / short + 0.5) for side in (width, height))
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def pictures(rng):
    result = []
    for name, content, policies in files(rng):
        image = Image.open(io.BytesIO(content)).convert("RGB")
        sizes = {}
        for policy in policies:
            made = kept(image, policy)
            sizes[policy] = {"height": made.height, "width": made.width, "pixels": made.tobytes().hex()}
        result.append({"name": name, "jpeg": content[:2] == b"\xff\xd8", "file": content.hex(), "kept": sizes})
    return result


def resplit(seed, rng):
    """Study E: one generator for all classes; each class's files by name; the first of a permutation move."""
    generator = np.random.RandomState(seed)
    counts = [int(count) for count in rng.integers(5, 60, 4)]
    # Validation has 0, 1, 2 and 3 images of the classes; it shall have 4 of each.
    moved = [sorted(map(int, generator.choice(count, 4 - c, replace=False))) for c, count in enumerate(counts)]
    return {"seed": seed, "train": counts, "moved": moved}


def splits(seed, rng):
    labels = [int(label) for label in rng.integers(0, 10, 140)]
    share = [0.0] * 10
    for place, label in enumerate(counter.Stream(seed, counter.SPLIT, 0).permutation(10)):
        share[label] = (place + 0.5) / 10
    u = counter.Stream(seed, counter.SPLIT, 1).uniform(140)
    order = counter.Stream(seed, DIVIDE, 0).permutation(140)
    return {
        "labels": labels,
        "drawn": [row for row in range(140) if u[row] < share[labels[row]]],
        "validation_share": sorted(order[: int(0.3 * 140 + 0.5)]),
    }


def sampler(seed, rng):
    """Draws by weight 1 / count of the rarest label; NumPy looks each one up in the running sums."""
    targets = (rng.uniform(size=(60, 5)) < [0.6, 0.3, 0.2, 0.1, 0.05]).astype(int)
    counts = targets.sum(axis=0)
    unlabelled = int((targets.sum(axis=1) == 0).sum())
    weights = [1.0 / min([counts[c] for c in np.flatnonzero(row)] or [unlabelled]) for row in targets]
    sums = np.cumsum(weights)
    u = counter.Stream(seed, SAMPLE, 3).uniform(60)
    return {
        "targets": targets.tolist(),
        "counts": counts.tolist(),
        "rows": [int(row) for row in np.searchsorted(sums, u * sums[-1], side="right")],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    here = pathlib.Path(__file__).parent
    out = options.out or here / "fixtures" / f"train_data_{options.seed}.json"
    rng = np.random.default_rng(options.seed)
    generator = np.random.RandomState(options.seed)
    fixture = {
        "seed": options.seed,
        "size": SIZE,
        "permutations": [list(map(int, generator.permutation(count))) for count in (0, 1, 2, 16, 17, 100)],
        "resplit": resplit(options.seed, rng),
        "splits": splits(options.seed, rng),
        "sampler": sampler(options.seed, rng),
        "pictures": pictures(rng),
    }
    out.write_text(json.dumps(fixture, indent=None, separators=(",", ":")).replace('},{"name', '},\n{"name') + "\n")


if __name__ == "__main__":
    main()
