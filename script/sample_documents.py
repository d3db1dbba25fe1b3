"""Writes the sample documents of the tests, and beside each one its text as another program reads it.

    python3 -m pip install python-docx reportlab fpdf2 pypdf cryptography docutils beautifulsoup4 html5lib
    python3 script/sample_documents.py

DOCX is written and read by python-docx. PDF is written by ReportLab and by fpdf2, and read by pypdf, which also
encrypts. HTML is written by docutils and by hand, and read by Beautiful Soup.
"""

import datetime
import pathlib

import bs4
import docutils.core
import docx
import fpdf
import pypdf
from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import BaseDocTemplate, Frame, NextPageTemplate, PageBreak, PageTemplate, Paragraph, Table

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "documents"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"

DAY = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
TITLE = "The dance of the bees"
AUTHOR = "Zoë Größe"
DANCE = (
    "A forager that has found flowers dances when she comes home. The angle of her dance is the angle between the sun "
    "and the flowers – 40° to the left, say – and its length tells the distance. Karl von Frisch, born in Vienna, was "
    "awarded a prize of € 120 000 for it; a café in Graz is named “Schwänzeltanz”, and a street Straße der Bienen."
)
HIVE = (
    "In a hive live about forty thousand workers, a few hundred drones and one queen. The workers clean cells first, "
    "then they feed larvae, then they build combs, and only at the end of their lives do they fly out for nectar."
)
GREEK = "Αριστοτέλης wrote in Περὶ τὰ ζῷα about μέλισσα, the bee. Пчела and żądło are words of her neighbours."
LIGATURES = "The ﬁrst eﬀect of a diﬃcult ﬂight is that the aﬄicted oﬃce of the hive stays empty."
ROWS = [["plant", "nectar", "pollen"], ["clover", "much", "some"], ["poppy", "none", "much"]]
ROWS += [["lime tree", "much", "–"]]


def word():
    """Headings, a list, a table and characters outside ASCII."""
    file = docx.Document()
    file.core_properties.title, file.core_properties.author = TITLE, AUTHOR
    file.add_heading("Bees", 0)
    file.add_heading("Dance", 1)
    file.add_paragraph(DANCE)
    file.add_heading("In the dark", 2)
    paragraph = file.add_paragraph("They dance in the ")
    paragraph.add_run("dark").bold = True
    paragraph.add_run(", on the comb.\tThe others follow.")
    file.add_heading("Hive", 1)
    for item in ["workers", "drones", "a queen"]:
        file.add_paragraph(item, style="List Bullet")
    for item in ["clean cells", "feed larvae"]:
        file.add_paragraph(item, style="List Number")
    table = file.add_table(rows=0, cols=3)
    for row in ROWS:
        for cell, text in zip(table.add_row().cells, row):
            cell.text = text
    file.add_paragraph(GREEK)
    file.sections[0].header.paragraphs[0].text = "On every page"
    path = FOLDER / "python-docx.docx"
    file.save(path)
    found = []
    for block in docx.Document(path).iter_inner_content():
        rows = [[cell.text for cell in row.cells] for row in block.rows] if hasattr(block, "rows") else [[block.text]]
        found += [" ".join(row) for row in rows]
    path.with_suffix(".txt").write_text("\n".join(found) + "\n")


def reportlab():
    """Two columns, a table, fonts that are embedded and fonts that are not."""
    rl_config.invariant = True
    pdfmetrics.registerFont(TTFont("DejaVu", FONT))
    styles = getSampleStyleSheet()
    body = styles["BodyText"]
    greek = body.clone("Greek", fontName="DejaVu")
    path = FOLDER / "reportlab.pdf"
    file = BaseDocTemplate(str(path), pagesize=A5, title=TITLE, author=AUTHOR, pageCompression=1)
    width, height = A5[0] / 2 - 50, A5[1] - 80
    columns = [Frame(40, 40, width, height), Frame(A5[0] / 2 + 10, 40, width, height)]
    whole = [Frame(40, 40, A5[0] - 80, height)]
    file.addPageTemplates([PageTemplate("columns", columns), PageTemplate("whole", whole)])
    story = [Paragraph("Dance", styles["Heading1"])] + [Paragraph(DANCE, body), Paragraph(HIVE, body)] * 3
    story += [NextPageTemplate("whole"), PageBreak(), Paragraph("Plants", styles["Heading1"])]
    story += [Table(ROWS, style=[("GRID", (0, 0), (-1, -1), 0.5, colors.black)])]
    story += [Paragraph(GREEK, greek), Paragraph(LIGATURES, greek)]
    file.build(story)
    read(path)


def article():
    """Three pages, the second of which is on its side."""
    file = fpdf.FPDF(format="A5")
    file.set_title(TITLE)
    file.set_author(AUTHOR)
    file.set_creation_date(DAY)
    file.add_font("DejaVu", "", FONT)
    for number, (text, shape) in enumerate([(DANCE, "portrait"), (HIVE, "landscape"), (GREEK, "portrait")]):
        file.add_page(orientation=shape)
        file.set_font("Helvetica", "B", 18)
        file.cell(text=f"Part {number + 1}", new_x="LMARGIN", new_y="NEXT")
        file.set_font("DejaVu", "", 11)
        file.multi_cell(0, 6, text, align="J")
        file.ln(6)
        file.multi_cell(0, 6, LIGATURES)
    path = FOLDER / "fpdf2.pdf"
    file.output(path)
    read(path)


def copies():
    """A small file; its page on its side; with a password for changes only; with a password for all."""
    small = fpdf.FPDF(format="A5")
    small.set_creation_date(DAY)
    small.add_page()
    small.set_font("Times", "", 12)
    small.multi_cell(0, 6, HIVE)
    small.output(FOLDER / "small.pdf")
    for name, change in {
        "small": lambda writer: None,
        "rotated": lambda writer: [page.rotate(90) for page in writer.pages],
        "owner-password": lambda writer: writer.encrypt("", "secret", algorithm="AES-256"),
        "user-password": lambda writer: writer.encrypt("secret", "secret", algorithm="RC4-128"),
    }.items():
        writer = pypdf.PdfWriter(clone_from=FOLDER / "small.pdf")
        change(writer)
        writer.write(FOLDER / f"{name}.pdf")


PAGE = f"""<!DOCTYPE html>
<html lang=en><head><meta charset=utf-8><title>{TITLE}</title><style>p {{ color: red }}</style>
<script>var words = "never shown";</script></head>
<body><header><a href=/>Home</a> <b>The bee site</b></header>
<nav><ul><li><a href=a>Plants</a><li><a href=b>Insects</a></ul></nav>
<main><h1>Bees &amp; their dance</h1>
<p>{DANCE.replace("€", "&euro;").replace("–", "&ndash;")}
<p>{GREEK}<br>{LIGATURES}
<h2>Who lives <em>there</em></h2>
<ul><li>workers<li>drones<ul><li>few<li>idle</ul><li>a queen</ul>
<table><tr>{"".join(f"<th>{cell}" for cell in ROWS[0])}{"".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in ROWS[1:])}</table>
<pre>for bee in hive:
    bee.dance()
</pre>
<p hidden>Not shown.</p><form><button>Send</button></form>
<p>A word<b>b</b>roken by <i>mark</i>-up &#x2014; and an <a href=x>unclosed <b>bold link</a> at the end.
</main><aside>Advertisement</aside><footer>Imprint</footer></body></html>
"""

RST = f"""{TITLE}
=====================

{DANCE}

Hive
----

- workers
- a queen

{HIVE}

::

    def dance():
        return "left"

Term
    {LIGATURES}
"""


PLAIN = {"embed_stylesheet": False, "stylesheet_path": ""}
BLOCKS = "address br dd div dl dt h1 h2 h3 li main p pre section table td th tr ul".split()


def pages():
    """HTML by hand, with unclosed tags and what is no part of the text, and HTML by docutils."""
    (FOLDER / "page.html").write_text(PAGE, encoding="utf-8")
    (FOLDER / "docutils.html").write_bytes(docutils.core.publish_string(RST, writer_name="html5", settings_overrides=PLAIN))
    for name in ["page", "docutils"]:
        soup = bs4.BeautifulSoup((FOLDER / f"{name}.html").read_bytes(), "html5lib")
        for other in soup.select("script, style, nav, header, footer, aside, form, [hidden]"):
            other.decompose()
        for block in soup.find_all(BLOCKS):
            block.insert_before("\n")
            block.append("\n")
        text = (soup.find("main") or soup.body).get_text()
        (FOLDER / f"{name}.txt").write_text(text.strip() + "\n", encoding="utf-8")


def read(path):
    """Writes the text of each page of a PDF file; a form feed ends a page."""
    pages = [page.extract_text() for page in pypdf.PdfReader(path).pages]
    path.with_suffix(".txt").write_text("".join(page + "\n\f" for page in pages))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in [word, reportlab, article, copies, pages]:
        make()
