"""Draws the session at the top of README from a real run.

    python3 script/picture.py target/release/semsearch > docs/session.svg

The commands run in an empty directory that holds the samples, with colours on. tests/examples.rs runs the commands that the
picture shows and compares what they print.
"""

import html
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

COMMANDS = [
    "semsearch index examples/passages.jsonl",
    'semsearch query "famous singers help people who are starving" -k 1',
    "semsearch query \"who won\" --filter 'year >= 2010 and topic in [sport, music]' -k 2",
    'semsearch sim "I took my dog for a walk" "Today is going to rain" "I took my cat for a walk"',
]
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SIZE, COLUMN, LINE, MARGIN = 13, 7.8, 19, 18
BACKGROUND, FOREGROUND, FAINT, PROMPT = "#1b1f27", "#d7dce5", "#8a93a5", "#7fd88f"
# ANSI's colours 1 to 6, as they look on that background.
COLOURS = {31: "#ff8080", 32: "#7fd88f", 33: "#e8c46a", 34: "#7fb2ff", 35: "#d19bff", 36: "#6fd3e0"}
ESCAPE = re.compile(r"\x1b\[([\d;]*)m")


def printed(semsearch, directory):
    """What each command prints, standard error included."""
    shutil.copytree(pathlib.Path(__file__).parent.parent / "examples", directory / "examples")
    path = f"{pathlib.Path(semsearch).resolve().parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SEMSEARCH_COLOR": "always", "SEMSEARCH_HIGHLIGHT": "words"}
    for command in COMMANDS:
        run = subprocess.run(
            ["bash", "-c", command],
            check=True,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        yield command, run.stdout.splitlines()


def indexed(number):
    """A colour of the 256 that terminals know: the cube of 6 × 6 × 6."""
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#" + "".join(f"{levels[number // part % 6]:02x}" for part in (36, 6, 1))


def changed(style, codes):
    """The style after an escape sequence."""
    codes = [int(code or 0) for code in codes.split(";")]
    if codes[:2] in ([38, 5], [48, 5]):
        return {**style, "fill" if codes[0] == 38 else "behind": indexed(codes[2])}
    for code in codes:
        if code == 0:
            style = {}
        elif code == 1:
            style = {**style, "bold": True}
        elif code == 2:
            style = {**style, "fill": FAINT}
        else:
            style = {**style, "fill": COLOURS[code]}
    return style


def pieces(line):
    """Texts with their styles: what stands between escape sequences."""
    parts, style = ESCAPE.split(line), {}
    yield parts[0], style
    for codes, text in zip(parts[1::2], parts[2::2]):
        style = changed(style, codes)
        yield text, style


def shown(text):
    """The text for SVG, where ordinary spaces in a row would become one."""
    return html.escape(text, quote=False).replace(" ", "\u00a0")


def drawn(row, styled):
    """A line as SVG: rectangles behind, then one text."""
    base, column, behind, spans = MARGIN + SIZE + row * LINE, 0, "", ""
    for text, style in styled:
        if not text:
            continue
        x, width = MARGIN + column * COLUMN, len(text) * COLUMN
        if "behind" in style:
            behind += f'<rect x="{x:.1f}" y="{base - 14}" width="{width:.1f}" height="{LINE}" fill="{style["behind"]}"/>'
        weight = ' font-weight="bold"' if style.get("bold") else ""
        fill = style.get("fill", FOREGROUND)
        place = f'x="{x:.1f}" textLength="{width:.1f}"'
        spans += f'<tspan {place} fill="{fill}"{weight}>{shown(text)}</tspan>'
        column += len(text)
    return f'{behind}<text y="{base}">{spans}</text>', column


def picture(runs):
    lines, row, columns = [], 0, 0
    for command, output in runs:
        prompt = [("$ ", {"fill": PROMPT}), (command, {"bold": True})]
        for styled in [prompt, *(list(pieces(line)) for line in output)]:
            line, width = drawn(row, styled)
            lines.append(line)
            row, columns = row + 1, max(columns, width)
        row += 1
    width, height = round(2 * MARGIN + columns * COLUMN), 2 * MARGIN + (row - 1) * LINE
    body = "\n".join(lines)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>
<g font-family="{FONT}" font-size="{SIZE}">
{body}
</g>
</svg>"""


with tempfile.TemporaryDirectory() as directory:
    print(picture(printed(sys.argv[1], pathlib.Path(directory))))
