"""Prints the licences of everything that is linked into the program: of crates as Cargo finds them, of FAISS and LAPACK.

    python3 script/notices.py [PACKAGE...] > NOTICES.txt

The packages are those of the workspace whose dependencies count; without one, the program.
"""

import json
import pathlib
import re
import subprocess
import sys

NAMES = re.compile(r"^(licen[cs]e|copying|notice|copyright|unlicense)", re.IGNORECASE)
# Where Debian keeps the licences of the libraries that are linked from its packages.
SYSTEM = {"LAPACK and BLAS": "liblapack-dev", "GCC's runtime libraries": "gcc-*-base"}


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def texts(directory, deep=False):
    found = sorted(directory.rglob("*") if deep else directory.iterdir())
    return [path.read_text(errors="replace").strip() for path in found if path.is_file() and NAMES.match(path.name)]


def linked():
    """The packages that are compiled in, by name and version."""
    host = re.search(r"host: (\S+)", run("rustc", "-vV")).group(1)
    roots = [word for package in sys.argv[1:] for word in ("-p", package)]
    tree = run("cargo", "tree", *roots, "--locked", "-e", "normal", "--prefix", "none", "--target", host, "--format", "{p}")
    wanted = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    packages = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]
    return [package for package in packages if (package["name"], "v" + package["version"]) in wanted]


def main():
    by_text = {}
    for package in sorted(linked(), key=lambda package: package["name"]):
        name = f"{package['name']} {package['version']}"
        if package["name"] == "semsearch":
            continue
        directory = pathlib.Path(package["manifest_path"]).parent
        # faiss-sys contains FAISS, whose licence is in a subdirectory.
        found = texts(directory, deep=package["name"].endswith("-sys"))
        found = found or [f"{package['license']}, by {', '.join(package['authors']) or package['repository']}"]
        for text in found:
            by_text.setdefault(text, []).append(name)
    for name, package in SYSTEM.items():
        for path in sorted(pathlib.Path("/usr/share/doc").glob(f"{package}/copyright")):
            by_text.setdefault(path.read_text(errors="replace").strip(), []).append(name)
    print("What semsearch is made of, and the licences of its parts.")
    for text, names in sorted(by_text.items(), key=lambda item: item[1]):
        print(f"\n{'=' * 100}\n{', '.join(sorted(set(names)))}\n{'-' * 100}\n{text}")


main()
