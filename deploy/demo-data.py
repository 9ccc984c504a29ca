#!/usr/bin/env python3
"""Makes the images of deploy/sweeps/rectification-multilabel-demo.toml, from a seed and nothing else:

  multi-label       small pictures of four channels with up to eight labels each, from common to rare

They look like fluorescence microscopy seen from afar: a cell body in red, its nucleus in blue, a mesh in yellow, and in
green what the labels say: a rim, dots, a bar and the like, above noise. Equal options give equal images. A folder that
is complete is left as it is; one that holds something else is never touched.

Exit status: 0 all there, 1 failed, 2 wrong option.
"""

import argparse
import hashlib
import json
import math
import random
import shutil
import struct
import sys
import tempfile
import zlib
from pathlib import Path

DATA = Path(__file__).resolve().parent / ".data"
FORM = 1  # raised whenever equal options would give other images

# What a label looks like in the green channel: brightness from 0 to 1 at (x, y), each from -1 to 1, for a cell that is
# turned by `turn`. In the order of their numbers, and the share of samples that have each.
LABELS = [
    ("nucleus", 0.40, lambda x, y, turn: math.hypot(x, y) < 0.35),
    ("rim", 0.25, lambda x, y, turn: 0.72 < math.hypot(x, y) < 0.88),
    ("cytosol", 0.16, lambda x, y, turn: 0.6 * (0.4 < math.hypot(x, y) < 0.7)),
    ("bar", 0.10, lambda x, y, turn: abs(x * math.cos(turn) + y * math.sin(turn)) < 0.1),
    ("dots", 0.07, lambda x, y, turn: math.sin(9 * x + turn) * math.sin(9 * y + turn) > 0.7),
    ("poles", 0.05, lambda x, y, turn: abs(math.hypot(x, y) - 0.55) < 0.16 and abs(math.sin(math.atan2(y, x) - turn)) < 0.3),
    ("mesh", 0.035, lambda x, y, turn: 0.7 * (math.sin(14 * x + turn) > 0.8 or math.sin(14 * y + turn) > 0.8)),
    ("centre", 0.02, lambda x, y, turn: math.hypot(x - 0.3 * math.cos(turn), y - 0.3 * math.sin(turn)) < 0.14),
]
CHANNELS = ["red", "green", "blue", "yellow"]


class Failed(Exception):
    """Ends the script with a message."""


def png(pixels, size):
    """An 8-bit grey PNG. Stored, not compressed: compressors differ between versions, these bytes never do."""
    rows = b"".join(b"\0" + pixels[at : at + size] for at in range(0, size * size, size))
    stored = b"".join(
        struct.pack("<BHH", at + 0xFFFF >= len(rows), len(part), len(part) ^ 0xFFFF) + part
        for at in range(0, len(rows), 0xFFFF)
        for part in [rows[at : at + 0xFFFF]]
    )
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(rows))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content)) for name, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def draw_labels(chance):
    """Each label with its own probability; never none, and the commonest stands in."""
    drawn = [label for label, (_, share, _) in enumerate(LABELS) if chance.random() < share]
    return drawn or [0]


def draw_channels(chance, labels, size):
    """Four images of size x size pixels, as bytes."""
    turn = chance.random() * 2 * math.pi
    shift_x, shift_y, scale = (chance.random() - 0.5) * 0.3, (chance.random() - 0.5) * 0.3, 0.9 + 0.2 * chance.random()
    strength = [0.55 + 0.35 * chance.random() for _ in labels]
    noise = chance.getrandbits(8 * 4 * size * size).to_bytes(4 * size * size, "little")
    images = [bytearray(size * size) for _ in CHANNELS]
    for at in range(size * size):
        x = (2 * (at % size + 0.5) / size - 1 - shift_x) / scale
        y = (2 * (at // size + 0.5) / size - 1 - shift_y) / scale
        radius = math.hypot(x, y)
        light = [
            0.45 * (radius < 0.9),
            max((power * LABELS[label][2](x, y, turn) for label, power in zip(labels, strength)), default=0.0),
            0.6 * (radius < 0.35),
            0.4 * (radius < 0.9 and math.sin(11 * x + 2 * y + turn) > 0.5),
        ]
        for channel, value in enumerate(light):
            grain = noise[4 * at + channel] / 255
            images[channel][at] = int(255 * min(1.0, 0.25 * grain + 0.75 * value))
    return [bytes(image) for image in images]


def draw_multi_label(folder, samples, size, seed):
    """Writes the samples and their CSV into an empty folder."""
    rows = ["Id,Target"]
    images = folder / "train"
    images.mkdir()
    for sample in range(samples):
        # Text seeds are hashed by the library; each sample has its own, so that fewer samples are a part of more.
        chance = random.Random(f"sweeper multi-label {seed} {sample}")
        labels = draw_labels(chance)
        name = f"{chance.getrandbits(64):016x}"
        rows.append(f"{name},{' '.join(map(str, labels))}")
        for channel, pixels in zip(CHANNELS, draw_channels(chance, labels, size)):
            (images / f"{name}_{channel}.png").write_bytes(png(pixels, size))
    (folder / "train.csv").write_text("\n".join(rows) + "\n", encoding="ascii")


def digest(folder):
    """SHA-256 over names and contents of all files but the stamp."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "stamp.json"):
        total.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def make(folder, options):
    """Makes the folder, or finds it complete. Whoever looks sees all of it or nothing."""
    stamp = dict(options, form=FORM)
    if folder.exists() and any(folder.iterdir()):
        try:
            found = json.loads((folder / "stamp.json").read_text(encoding="ascii"))
        except (OSError, ValueError):
            raise Failed(f"{folder} holds something else; name another folder with --out, or move that one away") from None
        if found == dict(stamp, digest=digest(folder)):
            return False
        raise Failed(f"{folder} was made with other options, or has changed; name another folder with --out, or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".demo-data-", dir=folder.parent))
    try:
        draw_multi_label(new, **options)
        (new / "stamp.json").write_text(json.dumps(dict(stamp, digest=digest(new))), encoding="ascii")
        new.chmod(0o755)
        new.rename(folder)  # also onto an empty folder
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return True


def number(lowest, highest):
    def read(text):
        value = int(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{value} is not from {lowest} to {highest}")
        return value

    return read


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["multi-label"], help="what to make")
    parser.add_argument("--out", type=Path, metavar="DIR", default=DATA / "multi-label-demo", help="where to [%(default)s]")
    parser.add_argument("--samples", type=number(10, 100_000), default=1200, help="how many, four files each [%(default)s]")
    parser.add_argument("--size", type=number(8, 512), default=32, help="side in pixels [%(default)s]")
    parser.add_argument("--seed", type=number(0, 2**63), default=1, help="another one gives other images [%(default)s]")
    arguments = parser.parse_args()
    try:
        new = make(arguments.out, {"samples": arguments.samples, "size": arguments.size, "seed": arguments.seed})
    except (Failed, OSError) as error:
        print(f"demo-data: {error}", file=sys.stderr)
        return 1
    print(f"demo-data: {arguments.samples} samples {'made' if new else 'are there already'} in {arguments.out}")
    return 0


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.exit("demo-data: Python 3.8 or newer is needed")
    sys.exit(main())
