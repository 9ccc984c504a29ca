"""The counter generator of sweeper-data a second time, on NumPy: for the other scripts, and with reference values.

    python counter.py [--seed 1] [--out fixtures/counter_1.json]
"""

import argparse
import json
import pathlib

import numpy as np

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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or pathlib.Path(__file__).parent / "fixtures" / f"counter_{options.seed}.json"
    seed = options.seed * 0x1_0000_0001  # both key words
    stream = Stream(seed, ORDER, 3)
    fixture = {
        "seed": seed,
        "bits": [str(word) for word in stream.bits(4)],
        "uniform": stream.uniform(4).tolist(),
        "normals": Stream(seed, INIT, 2).normals(9).tolist(),
        "permutation": stream.permutation(25),
    }
    out.write_text(json.dumps(fixture, indent=1) + "\n")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
