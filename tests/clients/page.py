"""The search page in a real browser: typing, keys, filters, addresses, without JavaScript, and for readers of screens."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright
from server import INDEX, PROGRAM, URL

BROWSER = os.environ["SEMSEARCH_BROWSER"]
AXE = pathlib.Path(os.environ["SEMSEARCH_AXE"]).read_text()
PICTURES = os.environ.get("SEMSEARCH_PICTURES")


def picture(page, name):
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")


def until(page, expression):
    """Waits until an expression is true. (Playwright's own way evaluates a string, which the page's policy forbids.)"""
    for _ in range(300):
        if page.evaluate(f"Boolean({expression})"):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"{expression} does not become true")


def titles(page):
    return page.locator(".hits a.open").all_inner_texts()


def typing(page):
    page.goto(URL + "/")
    picture(page, "start")
    page.keyboard.type("Who headlined the halftime show", delay=15)
    until(page, "document.querySelector('.hits a.open')?.textContent.includes('halftime')")
    until(page, "location.search.includes('halftime+show')")
    assert page.title().startswith("Who headlined"), page.title()
    assert page.locator(".hits mark").count() > 0
    picture(page, "results")
    # A late answer to an earlier text must not replace that to a later one.
    page.locator("input[name=q]").fill("volcano")
    page.locator("input[name=q]").fill("symphony written in New York")
    until(page, "document.querySelector('.hits a.open')?.textContent.includes('Symphony')")


def keys(page):
    page.goto(URL + "/?q=halftime+show")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.evaluate("document.activeElement.textContent")
    assert chosen == titles(page)[1], chosen
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector(".document")
    assert page.locator("h1").inner_text() == "Super Bowl 50 halftime", page.locator("h1").inner_text()
    picture(page, "document")
    page.keyboard.press("Escape")
    page.wait_for_selector(".hits")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('.hits')")


def filters(page):
    page.goto(URL + "/?q=a+great+discovery")
    link = page.locator(".facets a", has_text="astronomy")
    count = int(link.locator("xpath=../span").inner_text())
    link.click()
    page.wait_for_selector(f"text=among {count} documents")
    assert page.locator("input[name=filter]").input_value() == 'topic = "astronomy"'
    picture(page, "filtered")
    page.locator("input[name=filter]").fill("topic = ")
    page.wait_for_selector(".error")
    assert "filter" in page.locator(".error").inner_text()
    page.locator("input[name=filter]").fill("year > 1900 and topic = music")
    page.wait_for_selector(".hits")
    page.locator("label", has_text="Words").click()
    until(page, "location.search.includes('mode=lexical')")


def without_script(browser):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(URL + "/")
    page.locator("input[name=q]").fill("halftime show")
    page.locator("button").click()
    assert "halftime" in titles(page)[0], titles(page)
    page.locator(".hits a.open").first.click()
    assert page.locator("#hit").count() == 1
    page.go_back()
    page.locator("a[rel=next]").click()
    assert len(titles(page)) == 10 and "Results 11 to 20" in page.locator("[role=status]").inner_text()


def hostile(page):
    """Documents that would be obeyed by a page that trusts them, put into the index while it is served."""
    alerts = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    text = "<script>alert(1)</script><img src=x onerror=alert(2)> \u001b[31mred\u001b[0m kingfisher"
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "evil.jsonl"
        path.write_text(json.dumps({"_id": "evil", "title": "<b onclick=alert(3)>title", "text": text}) + "\n")
        subprocess.run([PROGRAM, "index", str(path), "-i", INDEX, "-q"], check=True)
    page.goto(URL + "/")
    for _ in range(40):
        page.locator("input[name=q]").fill("kingfisher")
        page.keyboard.press("Enter")
        page.wait_for_timeout(100)
        if titles(page) and "onclick" in titles(page)[0]:
            break
    assert titles(page)[0] == "<b onclick=alert(3)>title", titles(page)[:2]
    assert "<script>alert(1)</script>" in page.locator(".hits .text").first.inner_text()
    page.locator(".hits a.open").first.click()
    page.wait_for_selector(".document")
    assert "␛[31mred" in page.locator(".document").inner_text()
    page.wait_for_timeout(200)
    assert not alerts, alerts
    subprocess.run([PROGRAM, "remove", "evil", "-i", INDEX, "-q"], check=True)


def readable(page, scheme):
    for address in ["/", "/?q=halftime+show", "/?q=x&filter=year", "/?id=super-bowl-50-halftime&q=halftime"]:
        page.goto(URL + address)
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")["violations"]
        assert not found, [(scheme, address, one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
    errors = []
    for scheme in ["light", "dark"]:
        # axe's code is put into the page, which the page's policy would not allow.
        context = browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 850}, bypass_csp=True)
        readable(context.new_page(), scheme)
        if PICTURES:
            page = context.new_page()
            for name, address in [("start", "/"), ("results", "/?q=Who+headlined+the+halftime+show%3F"), ("document", "/?id=super-bowl-50-halftime&q=halftime")]:
                page.goto(URL + address)
                picture(page, f"{name}-{scheme}")
            page.set_viewport_size({"width": 400, "height": 800})
            page.goto(URL + "/?q=Who+headlined+the+halftime+show%3F")
            picture(page, f"narrow-{scheme}")
    print("axe, light and dark: ok")
    for check in [typing, keys, filters, hostile]:
        page = browser.new_context(viewport={"width": 1200, "height": 850}).new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        check(page)
        print(f"page, {check.__name__}: ok")
    without_script(browser)
    print("page, without script: ok")
    # A search that is refused has its status, which the browser notes.
    errors = [error for error in errors if "status of 400" not in error]
    assert not errors, errors
    browser.close()
