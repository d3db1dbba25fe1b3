"""The records that are indexed, with vectors that are given, so that nothing has to be embedded."""

import array
import json
import random
import struct

PARTS = ["part1.jsonl", "part2.jsonl"]
RECORDS, DIM = 2000, 384


def records(letter):
    """The records A or B, with their vectors. Every fifth document differs: in what it says, or also in its id."""
    for number in range(RECORDS):
        differs = number % 5 == 0
        random_ = random.Random(f"{number} {letter if differs else ''}")
        vector = [random_.gauss(0, 1) for _ in range(DIM)]
        length = sum(value * value for value in vector) ** 0.5
        text = " ".join(f"w{int(200 * random_.random() ** 2)}" for _ in range(random_.randrange(5, 40)))
        record = {"id": f"{letter}{number}" if number % 15 == 0 else f"d{number}", "title": f"title {number}",
                  "text": text, "year": 1900 + number % 100, "gone": number % 25 == 0}
        yield json.dumps(record) + "\n", array.array("f", (value / length for value in vector)).tobytes()


def write(letter, folder):
    """Writes the records A or B into a folder: in two files, with the vectors of each and of all."""
    made, half = list(records(letter)), RECORDS // 2
    folder.mkdir()
    for number, part in enumerate((made[:half], made[half:])):
        (folder / PARTS[number]).write_text("".join(record for record, _ in part))
        write_vectors(folder / f"part{number + 1}.npy", [vector for _, vector in part])
    write_vectors(folder / "all.npy", [vector for _, vector in made])


def write_vectors(path, rows):
    """Writes an array of f4 as NumPy does."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(rows)}, {DIM}), }}".ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + b"".join(rows))


def read_vectors(path):
    """The rows of such a file."""
    whole = path.read_bytes()
    start = 10 + struct.unpack_from("<H", whole, 8)[0]
    return [whole[at : at + 4 * DIM] for at in range(start, len(whole), 4 * DIM)]


def questions():
    """What readers ask: by words, with a filter, by likeness, and what there is. Only words for `semsearch serve`."""
    random_ = random.Random(1)
    texts = [" ".join(f"w{random_.randrange(60)}" for _ in range(3)) for _ in range(4)]
    by_words = ["query", "-k", "50", "--mode", "lexical"]
    asked = [["ls"], ["ls", "--filter", "year >= 1945 and year < 1955"]]
    asked += [[*by_words, text] for text in texts[:2]]
    asked += [[*by_words, "--filter", "year >= 1930", text] for text in texts[2:]]
    asked += [["query", "-k", "300", "--like", name] for name in ("d3", "d1501")]
    served = [{"query": text, "mode": "lexical", "k": 50, "filter": "year >= 1930"} for text in texts]
    return [(*words, "-f", "jsonl") for words in asked], [tuple(question.items()) for question in served]


def normal(question, output):
    """An answer in a form that can be compared. The order of a list depends on which of two writers was first."""
    return "".join(sorted(output.splitlines(True))) if question[0] == "ls" else output
