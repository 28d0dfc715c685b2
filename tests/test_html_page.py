"""The page of a report: what is in it, and that a browser shows it and asks for nothing."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from zoo.reports import FINDINGS, NAME, REFUSAL, RIGHT, WRONG, finding, values

from scitorch.checker import Report
from scitorch.checker.page import page as whole_page
from scitorch.checker.wording import STATUSES

EMPTY_TAGS = {"meta", "link", "img", "br", "hr", "input"}
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1100,900",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # its own services, which it asks in spite of all this, aren't found
]
SCHEMES = {"light": [], "dark": ["--blink-settings=preferredColorScheme=0"]}


class Page(HTMLParser):
    """The elements of a page, in order, and the text inside of each; fails where tags don't nest."""

    def __init__(self, source):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(element)
        if tag not in EMPTY_TAGS:
            self._open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append({"tag": tag, "text": "", **dict(attributes)})

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def texts(self, tag, **attributes):
        return [e["text"] for e in self.elements if e["tag"] == tag and attributes.items() <= e.items()]


@pytest.fixture
def page(tmp_path):
    """Save a report and read it again."""

    def saved(report):
        report.save_html(tmp_path / "page.html")
        return Page((tmp_path / "page.html").read_text(encoding="utf-8"))

    return saved


def test_a_page_of_mistakes(page):
    html = page(WRONG)
    assert html.texts("title") == [f"{NAME}: 4 mistakes"]
    assert html.texts("h1") == [NAME]
    assert html.texts("p", **{"class": "verdict wrong"}) == ["✗ 4 mistakes"]
    assert html.texts("h2") == [*(f.diagnosis for f in FINDINGS), "What was tried"]
    assert [e["id"] for e in html.elements if "id" in e] == [f"mistake-{i}" for i in range(1, 5)]
    assert html.texts("figcaption") == ["expected", "got", "got − expected"] * 3
    assert html.texts("pre")[:4] == [f.reproduction for f in FINDINGS]
    assert html.texts("dd")[:4] == ["[1, 2]", "0.5", "3.5", "6.0e+00"]


def test_the_table_has_every_row(page):
    html = page(WRONG)
    assert html.texts("th", scope="row") == [row.property for row in WRONG.rows]
    statuses = [text for status in STATUSES for text in html.texts("span", **{"class": f"status {status}"})]
    assert statuses == ["✓ right", *["✗ wrong"] * 4, "! raises", "- skipped"]  # text, not colour alone
    table = html.texts("table")[0]
    assert all(row.status in table and row.argument in table and row.detail in table for row in WRONG.rows)
    assert html.texts("summary") == [REFUSAL.split("\n")[0]]


def test_a_page_without_mistakes(page):
    html = page(RIGHT)
    assert html.texts("p", **{"class": "verdict right"}) == ["✓ Right"]
    assert html.texts("h2") == ["What was tried"]
    assert html.texts("svg") == []


def test_captions_say_what_is_left_out(page):
    notes = page(WRONG).texts("p", **{"class": "note"})
    assert "The slice [2, 1, :, :] of shape (3, 2, 10, 200)" in " ".join(notes)
    assert "each cell the mean of up to 1 × 4 of the 10 × 200 elements" in " ".join(notes)
    assert "1 cell NaN; 1 cell infinite." in notes
    assert any("crossed: NaN; struck through: infinite" in note for note in notes)
    assert "The moduli of complex numbers; framed: the worst element." in notes


def test_numbers_are_written_into_small_maps(page):
    html = page(WRONG)
    assert html.texts("text")[:5] == [f"{x:.3g}".replace("-", "−") for x in FINDINGS[0].expected_values[0].tolist()]
    assert re.search(r"4 by 5 cells from −\S+ to \S+", str(html.elements))


def test_nothing_is_loaded_or_run(page):
    for element in page(WRONG).elements:
        assert element["tag"] not in {"script", "link", "img", "iframe", "object", "base", "image", "use"}
        assert not any(name in {"src", "href", "srcset", "action"} or name.startswith("on") for name in element)
    style = "".join(page(WRONG).texts("style"))
    assert "url(" not in style
    assert "@import" not in style


def test_a_notebook_gets_the_same_and_keeps_its_own_style():
    html = WRONG._repr_html_()
    assert html in whole_page(WRONG)
    (style,) = Page(html).texts("style")
    selectors = re.findall(r"([^{}]+)\{", re.sub(r"@media[^{]+\{", "", style))
    assert selectors
    for selector in selectors:
        assert all(part.strip().startswith(".scitorch-report") for part in selector.split(",")), selector


def test_a_page_of_large_arrays_stays_small(page, tmp_path):
    x = values(500, 500)
    page(Report("f", "full", 0, [], [finding(x, 2 * x)], 0.0))
    assert (tmp_path / "page.html").stat().st_size < 300_000


# In a browser


@pytest.fixture
def browser(tmp_path):
    """Open a file in Chromium; gives what it writes to stdout and stderr, and the addresses it asked for."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is installed")

    def show(path, *flags):
        log = tmp_path / "net.json"
        own = [f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}", "--enable-logging=stderr"]
        command = [chromium, *FLAGS, *own, *flags, path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603  the test's own
        return done.stdout, done.stderr, asked_for(log)

    return show


def asked_for(log):
    """What a page asked for, from a log of Chromium's network stack; not what Chromium asked for itself."""
    parameters = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    return {p["url"] for p in parameters if "url" in p and p.get("initiator", "not an origin") != "not an origin"}


def test_a_browser_shows_the_page_and_asks_for_nothing(browser, tmp_path):
    path = tmp_path / "page.html"
    WRONG.save_html(path)
    document, messages, addresses = browser(path, "--dump-dom")
    html = Page(document)
    assert html.texts("h1") == [NAME]
    assert html.texts("th", scope="row") == [row.property for row in WRONG.rows]
    assert html.texts("h2") == [*(f.diagnosis for f in FINDINGS), "What was tried"]
    assert html.texts("pre")[:4] == [f.reproduction for f in FINDINGS]
    assert html.texts("figcaption") == ["expected", "got", "got − expected"] * 3
    assert "CONSOLE" not in messages
    assert addresses == set()


def test_the_browser_would_say_if_something_were_loaded(browser, tmp_path):
    path, picture = tmp_path / "page.html", "https://example.invalid/x.png"
    source = whole_page(WRONG).replace("<header>", f'<header><img src="{picture}">')
    path.write_text(source, encoding="utf-8")
    _, messages, addresses = browser(path, "--dump-dom")
    assert "CONSOLE" in messages
    assert "Content Security Policy" in messages
    assert addresses == set()
    path.write_text(re.sub(r"<meta http-equiv.*", "", source), encoding="utf-8")
    *_, addresses = browser(path, "--dump-dom")
    assert addresses == {picture}


def test_the_page_is_light_or_dark_as_the_system_is(browser, tmp_path):
    image = pytest.importorskip("PIL.Image")
    WRONG.save_html(tmp_path / "page.html")
    grounds = {}
    for scheme, flags in SCHEMES.items():
        picture = tmp_path / f"{scheme}.png"
        browser(tmp_path / "page.html", f"--screenshot={picture}", *flags)
        with image.open(picture) as opened:
            pixels = opened.convert("RGB")
        assert len(pixels.getcolors(1 << 20)) > 50  # a heat map has been drawn
        grounds[scheme] = pixels.getpixel((2, 2))
    assert grounds == {"light": (0xFF, 0xFF, 0xFF), "dark": (0x14, 0x17, 0x1B)}
