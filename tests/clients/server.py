"""What the tests of clients share: the server's address, texts, and their vectors by the command line."""

import functools
import json
import os
import subprocess

URL = os.environ["SEMSEARCH_URL"].rstrip("/")
PROGRAM = os.environ["SEMSEARCH_PROGRAM"]
INDEX = os.environ["SEMSEARCH_SERVED_INDEX"]
MODEL = "mini"


def texts(count):
    """Texts of many lengths."""
    return [f"text number {number} " + "some more words " * (number % 17) for number in range(count)]


def reference(words):
    """The vectors that `semsearch embed` makes of these texts."""
    return [list(row) for row in embedded(tuple(words))]


@functools.lru_cache
def embedded(words):
    lines = "\n".join(words) + "\n"
    made = subprocess.run([PROGRAM, "embed", "--lines", "-q"], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line)["embedding"] for line in made.stdout.splitlines()]
