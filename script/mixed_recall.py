#!/usr/bin/env python3
"""Recall over mixed sources, with and without the context of chunks: script/mixed_recall.py [PROGRAM]

README files of crates, man pages and Python modules (script/mixed_corpus.py) are indexed twice: as usual, and with
--no-title, which leaves titles and headings out of what is embedded. Two things are counted: whether one of the first documents is
the right file, and whether one of the first chunks shows a line of a judged answer (tests/data/mixed/answers.jsonl).
"""
import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests/data/mixed"
KS = (1, 3, 10)


def answers():
    places = collections.defaultdict(list)
    for line in (DATA / "answers.jsonl").read_text().splitlines():
        answer = json.loads(line)
        places[answer["_id"]].append((answer["path"], *answer["lines"]))
    return places


def shows(hit, places):
    """Whether the hit shows a line of a judged answer."""
    first = hit["source"]["line"]
    last = first + hit["text"].strip().count("\n")
    path = hit["source"]["path"]
    return any(path.endswith(file) and first <= end and start <= last for file, start, end in places)


def in_file(hit, places):
    """Whether the hit is in the file of a judged answer."""
    return any(hit["source"]["path"].endswith(file) for file, _, _ in places)


def hits(program, index, mode, directory, options):
    args = ["query", "--queries", DATA / "questions.jsonl", "-k", max(KS), "--mode", mode, "-f", "jsonl", "-i", index, *options]
    found = subprocess.run([program, *map(str, args)], check=True, capture_output=True, text=True, cwd=directory).stdout
    by_query = collections.defaultdict(list)
    for line in found.splitlines():
        hit = json.loads(line)
        by_query[hit["query_id"]].append(hit)
    return by_query


def main():
    program = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/semsearch").resolve()
    work = ROOT / "target/mixed"
    corpus = work / "corpus"
    if not corpus.exists():
        subprocess.run([sys.executable, ROOT / "script/mixed_corpus.py", corpus], check=True)
    judged = answers()
    for name, options in (("with context", []), ("without context", ["--no-title"])):
        index = work / name.replace(" ", "-")
        subprocess.run([program, "index", ".", "-i", index, "--rebuild", "-q", *options], check=True, cwd=corpus)
        for mode in ("dense", "lexical", "hybrid"):
            for what, is_right, options in (("file", in_file, []), ("answer", shows, ["--chunks"])):
                found = hits(program, index, mode, corpus, options)
                recalls = []
                for k in KS:
                    right = sum(any(is_right(hit, places) for hit in found[query][:k]) for query, places in judged.items())
                    recalls.append(f"@{k} {right / len(judged):.3f}")
                print(f"{name:16} {mode:8} {what:7} recall {'  '.join(recalls)}")


if __name__ == "__main__":
    main()
