"""Runs the examples in Python on the page about the server, against a server on another port."""

import pathlib
import re

from server import URL

page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "server.md"
blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
assert len(blocks) >= 4, len(blocks)
for block in blocks:
    exec(compile(block.replace("http://127.0.0.1:8765", URL), str(page), "exec"), {})
print(f"{len(blocks)} examples of docs/server.md: ok")
