"""Sets up what a build of sweeper needs, inside the checkout and without root:

  libtorch 2.11.0   from the PyTorch wheel (530 MB to download, 500 MB on disk), CPU half only
  Fashion-MNIST     from the Debian package (31 MB, unpacked, not installed) or its official address

Every download is held against a digest written in this file. A second run changes nothing and ends at once;
a run that was interrupted is continued by the same command: whatever was complete is kept.

To use a libtorch 2.11.0 that is already on this machine, set LIBTORCH to its folder (the one with include/ and lib/).

Exit status: 0 all there, 1 failed, 2 wrong option, 3 a prerequisite is missing, 130 interrupted.
"""

import argparse
import ctypes
import fcntl
import gzip
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
DOWNLOADS = DEPLOY / ".downloads"
TORCH = DEPLOY / ".torch"
VIEW = DEPLOY / ".libtorch"
DATA = DEPLOY / ".data" / "fashion-mnist"

VERSION = "2.11.0"
# (requirement, file name, SHA-256, what is taken from it)
WHEELS = [
    (
        "torch==2.11.0",
        "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
        r"torch/include/.+|torch/lib/(libtorch_cpu\.so|libc10\.so|libtorch\.so|libtorch_global_deps\.so|libgomp\.so\.1)",
    ),
    (  # libtorch_cpu.so of this build is linked against these two, on machines without a GPU too
        "nvidia-cuda-runtime==13.0.96",
        "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        r"nvidia/cu13/lib/libcudart\.so\.13",
    ),
    (
        "nvidia-cuda-cupti==13.0.85",
        "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        r"nvidia/cu13/lib/libcupti\.so\.13",
    ),
]
# What the linker sees: no CUDA library, so that one executable serves machines with and without a GPU.
VIEW_LIBS = ["libtorch_cpu.so", "libc10.so", "libtorch.so", "libgomp.so.1"]

# SHA-256 of the decompressed content: the Debian package holds the same bytes under another gzip header.
DATA_FILES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
DATA_PACKAGE = "dataset-fashion-mnist"
DATA_FOLDER_IN_PACKAGE = "usr/share/datasets/fashion-mnist"
DATA_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

FREE_BYTES_NEEDED = 1_300_000_000  # the wheels and what is unpacked from them, side by side
SERVER_SILENCE_SECONDS = 60


class Failed(Exception):
    """Ends the script with a message; `status` is its exit status."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


def say(text):
    print(f"setup: {text}", flush=True)


def megabytes(count):
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def sha256(stream):
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def sha256_of_file(path):
    with open(path, "rb") as stream:
        return sha256(stream)


def remove(path):
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def die_with_parent():
    """Runs in a child process: it ends when this script is killed, instead of downloading on."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG


def replace_folder(new, old):
    """Puts the complete folder `new` in the place of `old`; nobody ever sees half of either."""
    old.parent.mkdir(parents=True, exist_ok=True)
    if old.exists() or old.is_symlink():
        away = Path(tempfile.mkdtemp(prefix="partial-", dir=DOWNLOADS)) / "old"
        os.rename(old, away)
        os.rename(new, old)
        remove(away.parent)
    else:
        os.rename(new, old)


# --- prerequisites -----------------------------------------------------------------------------------------------


def runs(*command):
    """The command's output, or None when it cannot be run."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def install_command(debian, fedora):
    if shutil.which("dnf") and not shutil.which("apt-get"):
        return f"sudo dnf install {fedora}"
    return f"sudo apt-get install {debian}"


def missing_rust():
    wanted = re.search(r'^rust-version = "(\d+)\.(\d+)"', (DEPLOY.parent / "Cargo.toml").read_text(), re.MULTILINE)
    wanted = (int(wanted.group(1)), int(wanted.group(2))) if wanted else (0, 0)
    install = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh     (no root; then open a new shell)"
    found = re.match(r"rustc (\d+)\.(\d+)", runs("rustc", "--version") or "")
    if not found or runs("cargo", "--version") is None:
        return (f"Rust {wanted[0]}.{wanted[1]} or newer (cargo, rustc)", install)
    if (int(found.group(1)), int(found.group(2))) < wanted:
        return (f"Rust {wanted[0]}.{wanted[1]} or newer; this is {found.group(0)}", f"rustup update     or  {install}")
    return None


def check_prerequisites(toolchain, pip):
    missing = []
    if toolchain:
        missing.append(missing_rust())
        if not (os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")):
            missing.append(("a C++ compiler (c++)", install_command("g++", "gcc-c++")))
        if not shutil.which("make"):
            missing.append(("make", install_command("make", "make")))
    if pip and runs(sys.executable, "-m", "pip", "--version") is None:
        missing.append((f"pip for {sys.executable}", install_command("python3-pip", "python3-pip")))
    missing = [entry for entry in missing if entry]
    if missing:
        lines = ["missing on this machine:"]
        for what, command in missing:
            lines += [f"  {what}", f"      install it:  {command}"]
        raise Failed("\n".join(lines), 3)


# --- libtorch ----------------------------------------------------------------------------------------------------


def version_of(libtorch):
    """Version of an unpacked libtorch or an installed torch package, or None."""
    for name in ["build-version", "version.py"]:
        try:
            found = re.search(r"\d+\.\d+\.\d+[\w.+]*", (libtorch / name).read_text())
        except OSError:
            continue
        if found:
            return found.group(0)
    try:
        header = (libtorch / "include/torch/headeronly/version.h").read_text()
    except OSError:
        return None
    parts = [re.search(rf"#define TORCH_VERSION_{part} (\d+)", header) for part in ["MAJOR", "MINOR", "PATCH"]]
    return ".".join(part.group(1) for part in parts) if all(parts) else None


def own_libtorch():
    """True when LIBTORCH names a usable libtorch of the user's own; an unusable one is an error."""
    named = os.environ.get("LIBTORCH")
    if not named or Path(named).resolve() == VIEW.resolve():
        return False
    version = version_of(Path(named))
    if version is None or not (Path(named) / "lib" / "libtorch_cpu.so").exists():
        raise Failed(f"LIBTORCH is set to {named}, but there is no libtorch with include/ and lib/libtorch_cpu.so.\n"
                     "Correct it, or unset it to have libtorch downloaded.")
    if version.split("+")[0] != VERSION:
        raise Failed(f"LIBTORCH names libtorch {version}, but sweeper needs {VERSION}.\n"
                     "Name another folder, or unset LIBTORCH to have it downloaded.")
    return True


def libtorch_complete(verify):
    """Whether the unpacked libraries are those of the pinned wheels: by name and size, with `verify` by digest."""
    try:
        stamp = json.loads((TORCH / "stamp.json").read_text())
        if stamp["wheels"] != {name: digest for _, name, digest, _ in WHEELS}:
            return False
        for name, (size, digest) in stamp["files"].items():
            if (TORCH / name).stat().st_size != size:
                say(f"{name} has changed; libtorch is unpacked again")
                return False
            if verify and sha256_of_file(TORCH / name) != digest:
                say(f"{name} is damaged; libtorch is unpacked again")
                return False
    except (OSError, ValueError, KeyError):
        return False
    return True


def view_complete():
    links = {VIEW / "include": "../.torch/torch/include"}
    links.update({VIEW / "lib" / name: f"../../.torch/torch/lib/{name}" for name in VIEW_LIBS})
    return all(link.is_symlink() and os.readlink(link) == to and link.exists() for link, to in links.items())


def make_view(scratch):
    new = scratch / "view"
    (new / "lib").mkdir(parents=True)
    (new / "include").symlink_to("../.torch/torch/include")
    for name in VIEW_LIBS:
        (new / "lib" / name).symlink_to(f"../../.torch/torch/lib/{name}")
    replace_folder(new, VIEW)


def fetch_wheel(scratch, requirement, name, digest):
    """The wheel in the downloads folder, complete and of the right digest."""
    wheel = DOWNLOADS / name
    if wheel.exists():
        say(f"checking {name}")
        if sha256_of_file(wheel) == digest:
            return wheel
        say("  its digest is wrong; it is downloaded again")
        wheel.unlink()
    say(f"downloading {requirement} with pip")
    wanted = scratch / "requirement.txt"
    wanted.write_text(f"{requirement} --hash=sha256:{digest}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--only-binary=:all:"]
    command += ["--python-version", "3.11", "--implementation", "cp", "--dest", str(scratch), "--requirement", str(wanted)]
    for tag in ["manylinux_2_28", "manylinux_2_25", "manylinux_2_17", "manylinux2014"]:
        command += ["--platform", f"{tag}_x86_64"]
    # pip keeps the unfinished file in TMPDIR: here rather than in a /tmp that may be small.
    environment = dict(os.environ, TMPDIR=str(scratch), PIP_DISABLE_PIP_VERSION_CHECK="1")
    for attempt in range(1, 4):
        done = subprocess.run(command, env=environment, preexec_fn=die_with_parent, check=False)
        if done.returncode == 0 and (scratch / name).exists():
            break
        if attempt == 3:
            raise Failed(f"pip could not download {requirement}. Look at its message above, then run the same command again.\n"
                         f"A copy from elsewhere also does: put {name} into {DOWNLOADS}")
        say(f"  that failed; trying again in {5 * attempt} s")
        time.sleep(5 * attempt)
    if sha256_of_file(scratch / name) != digest:
        raise Failed(f"{name}: its SHA-256 is not {digest}")
    os.rename(scratch / name, wheel)
    return wheel


def unpack_wheels(scratch, wheels):
    new = scratch / "torch"
    files = {}
    for wheel, (_, _, _, members) in zip(wheels, WHEELS):
        say(f"unpacking {wheel.name}")
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                if re.fullmatch(members, member.filename) and not member.is_dir():
                    path = Path(archive.extract(member, new))  # checks the archive's own CRC
                    files[member.filename] = path
    # Headers are thousands of small files: their sizes are enough, digests are kept for the libraries.
    stamp = {
        "wheels": {name: digest for _, name, digest, _ in WHEELS},
        "files": {name: [path.stat().st_size, sha256_of_file(path)] for name, path in sorted(files.items())},
    }
    (new / "stamp.json").write_text(json.dumps(stamp))
    replace_folder(new, TORCH)


def set_up_libtorch(scratch, verify):
    if own_libtorch():
        say(f"libtorch {VERSION}: yours at {os.environ['LIBTORCH']} (LIBTORCH), nothing to download")
        return
    if libtorch_complete(verify):
        if not view_complete():
            make_view(scratch)
        say(f"libtorch {VERSION}: there")
        return
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Failed(f"libtorch is downloaded for 64-bit x86 Linux only; this is {platform.machine()} {sys.platform}.\n"
                     f"Set LIBTORCH to the folder of a libtorch {VERSION} for this machine.", 3)
    free = shutil.disk_usage(DEPLOY).free
    if free < FREE_BYTES_NEEDED:
        raise Failed(f"libtorch needs {megabytes(FREE_BYTES_NEEDED)} free while it is unpacked; {DEPLOY} has {megabytes(free)}")
    say(f"libtorch {VERSION} into {TORCH}: 500 MB on disk, about 545 MB to download (less what {DOWNLOADS} already holds)")
    wheels = [fetch_wheel(scratch, requirement, name, digest) for requirement, name, digest, _ in WHEELS]
    unpack_wheels(scratch, wheels)
    make_view(scratch)
    for wheel in wheels:
        wheel.unlink()
    say(f"libtorch {VERSION}: ready (the downloaded wheels are deleted)")


# --- Fashion-MNIST -----------------------------------------------------------------------------------------------


def data_problem(folder, name):
    """What is wrong with one data file, or None."""
    try:
        with gzip.open(folder / name, "rb") as stream:
            if sha256(stream) == DATA_FILES[name]:
                return None
        return "its content is not Fashion-MNIST's (SHA-256 differs)"
    except FileNotFoundError:
        return "missing"
    except (OSError, EOFError, ValueError) as error:
        return f"damaged ({error})"


def data_from_debian(scratch):
    """Downloads and unpacks the Debian package with lists and caches of our own; needs no root and installs nothing."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return "this is not a Debian machine (no apt-get)"
    apt = scratch / "apt"
    for folder in ["lists/partial", "cache/archives/partial"]:
        (apt / folder).mkdir(parents=True)
    options = [f"Dir::State::Lists={apt}/lists", f"Dir::Cache={apt}/cache", "Acquire::Languages=none", "APT::Sandbox::User="]
    command = ["apt-get", "-q", "-y"] + [part for option in options for part in ("-o", option)]
    say("reading the package lists into a private folder (apt-get update)")
    for arguments, what in [(["update"], "the package lists"), (["download", DATA_PACKAGE], f"the package {DATA_PACKAGE}")]:
        if arguments[0] == "download":
            say(f"downloading the Debian package {DATA_PACKAGE} (31 MB)")
        done = subprocess.run(command + arguments, cwd=apt, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              preexec_fn=die_with_parent, check=False)
        if done.returncode != 0:
            print("  " + "\n  ".join(done.stdout.strip().splitlines()[-5:]))
            return f"apt-get could not fetch {what}"
    packages = list(apt.glob("*.deb"))
    if len(packages) != 1 or runs("dpkg-deb", "-x", str(packages[0]), str(apt / "unpacked")) is None:
        return "dpkg-deb could not unpack the package"
    (scratch / "data").mkdir()
    for name in DATA_FILES:
        os.rename(apt / "unpacked" / DATA_FOLDER_IN_PACKAGE / name, scratch / "data" / name)
    return None


def download(url, path):
    with urllib.request.urlopen(url, timeout=SERVER_SILENCE_SECONDS) as answer, open(path, "wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        done = 0
        while chunk := answer.read(1 << 18):
            file.write(chunk)
            done += len(chunk)
            if sys.stdout.isatty():
                print(f"\r  {megabytes(done)} of {megabytes(total)} ", end="", flush=True)
    if sys.stdout.isatty():
        print("\r" + " " * 40 + "\r", end="")
    if total and done != total:
        raise OSError(f"the connection ended after {done} of {total} bytes")


def data_from_web(base):
    """Downloads the files one by one; a complete one is kept for the next run when a later one fails."""
    kept = DOWNLOADS / "fashion-mnist"
    kept.mkdir(parents=True, exist_ok=True)
    for name in DATA_FILES:
        if data_problem(kept, name) is None:
            continue
        url = f"{base.rstrip('/')}/{name}"
        say(f"downloading {url}")
        try:
            download(url, kept / name)
        except (OSError, ValueError, urllib.error.URLError) as error:
            return f"{url}: {error}"
        problem = data_problem(kept, name)
        if problem:
            remove(kept / name)
            return f"{url}: {problem}"
    return None


def set_up_data(scratch, url):
    problems = {name: data_problem(DATA, name) for name in DATA_FILES}
    if not any(problems.values()):
        say("Fashion-MNIST: there, digests verified")
        return
    for name, problem in problems.items():
        if problem and problem != "missing":
            say(f"{DATA / name} is {problem}; the data set is fetched again")
    failure = None
    new = scratch / "data"
    if url is None:
        failure = data_from_debian(scratch)
        if failure:
            say(f"{failure}; trying the data set's official address")
    if url or failure:
        failure = data_from_web(url or DATA_URL)
        new = DOWNLOADS / "fashion-mnist"
    if not failure:
        failure = next((f"{name}: {data_problem(new, name)}" for name in DATA_FILES if data_problem(new, name)), None)
    if failure:
        raise Failed(f"Fashion-MNIST could not be fetched: {failure}\nRun the same command again when the network is back; "
                     f"or put the four .gz files into {DATA} yourself and run it again to have them checked.")
    replace_folder(new, DATA)
    say(f"Fashion-MNIST: ready in {DATA}, digests verified")


# --- the whole ---------------------------------------------------------------------------------------------------


def only_one_at_a_time():
    """A lock that lasts as long as this process."""
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    lock = open(DOWNLOADS / "lock", "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up is at work in this checkout; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def parse_arguments():
    parser = argparse.ArgumentParser(prog="deploy/setup.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--libtorch-only", action="store_true", help="set up libtorch, not the data set")
    part.add_argument("--data-only", action="store_true", help="set up the data set, not libtorch")
    parser.add_argument("--verify", action="store_true", help="hold what was unpacked earlier against its digests too, not only its sizes")
    parser.add_argument("--data-url", metavar="URL", help="take Fashion-MNIST from this address (four .gz files) instead of the Debian package")
    return parser.parse_args()


def stop(_signal, _frame):
    raise KeyboardInterrupt


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, stop)
    scratch = None
    try:
        downloads_torch = not arguments.data_only and not libtorch_complete(False) and not own_libtorch()
        check_prerequisites(toolchain=not (arguments.libtorch_only or arguments.data_only), pip=downloads_torch)
        lock = only_one_at_a_time()
        for left in DOWNLOADS.glob("partial-*"):  # of a run that was killed
            remove(left)
        scratch = Path(tempfile.mkdtemp(prefix="partial-", dir=DOWNLOADS))
        if not arguments.data_only:
            set_up_libtorch(scratch, arguments.verify)
        if not arguments.libtorch_only:
            set_up_data(scratch, arguments.data_url)
        del lock
    except Failed as failed:
        print(f"setup: {failed}", file=sys.stderr)
        return failed.status
    except KeyboardInterrupt:
        print("\nsetup: interrupted; run the same command again to continue", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.exit("setup: Python 3.8 or newer is needed")
    sys.exit(main())
