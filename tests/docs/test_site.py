"""The site is built without a warning, is complete, and no page is wider than its window."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest

import lst_overlay
from lst_overlay import LST1Overlay, ResMLPOverlay, network
from pages.site import write_tree
from tests.docs.pages import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (1366, 390)  # a small laptop, a phone
TIME_LIMIT_S = 600
# Opens each page and tells what is wider than its place, at each width and in both colour schemes.
MEASURE = """<!doctype html><meta charset="utf-8"><body><script>
async function measure(pages, widths) {
  const found = [], frame = document.body.appendChild(document.createElement("iframe"));
  for (const page of pages) {
    await new Promise(done => { frame.onload = done; frame.src = page; });
    const {documentElement: root, head, body, images} = frame.contentDocument;
    const still = frame.contentDocument.createElement("style");
    still.textContent = "* { transition: none !important }";
    head.append(still);
    const boxes = [...body.querySelectorAll("article table, article pre > code")];
    for (const width of widths) {
      frame.style = `width: ${width}px; height: 900px; border: 0`;
      for (const scheme of ["default", "slate"]) {
        body.dataset.mdColorScheme = scheme;
        found.push({
          page, width, scheme,
          too_wide: root.scrollWidth - width,
          scrolling: boxes.map(box => box.closest(".md-typeset__scrollwrap") || box)
            .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.innerText.slice(0, 60)),
          broken: [...images].filter(image => !image.naturalWidth).map(image => image.src),
        });
      }
    }
  }
  await fetch("/found", {method: "POST", body: JSON.stringify(found)});
}
measure(PAGES, WIDTHS);
</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built as `make docs` does, from a tree of its own; (what was built, the directory)."""
    directory, tree = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("tree")
    write_tree(tree)
    config = tmp_path_factory.mktemp("config") / "mkdocs.yml"
    text = (ROOT / "mkdocs.yml").read_text()
    for ours, own in (
        ("build/pages", tree),
        ("[driver, .]", f"[{ROOT / 'driver'}, {ROOT}]"),
        ("[pages/docstrings.py]", f"[{ROOT / 'pages' / 'docstrings.py'}]"),
    ):
        assert ours in text
        text = text.replace(ours, str(own))
    config.write_text(text)
    command = ["mkdocs", "build", "--strict", "--quiet", "--config-file", str(config)]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--site-dir", str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"},
    )
    return done, directory


def test_the_site_is_built_without_a_warning(site):
    done, _ = site
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_page_links_to_outside_docs_is_part_of_the_site(site):
    home = (site[1] / "index.html").read_text()
    assert 'href="source/CONTRIBUTING.html"' in home and 'href="source/CITATION.cff"' in home
    assert (site[1] / "source" / "CITATION.cff").read_bytes() == (ROOT / "CITATION.cff").read_bytes()
    assert 'href="../testing.html"' in (site[1] / "source" / "CONTRIBUTING.html").read_text()


def test_every_public_name_of_the_package_is_in_the_api_reference(site):
    shown = set(re.findall(r'id="([\w.]+)"', (site[1] / "api.html").read_text()))
    names = {f"lst_overlay.network.{name}" for name in network.__all__ if callable(getattr(network, name))}
    board = set(lst_overlay.__all__) - {"LST1Overlay", "ResMLPOverlay", "open_overlay"}
    assert names | {f"lst_overlay.errors.{name}" for name in board} <= shown
    kinds = [*LST1Overlay.__mro__, ResMLPOverlay]
    methods = {
        f"{kind.__module__}.{kind.__name__}.{name}"
        for kind in kinds
        for name, member in vars(kind).items()
        if not name.startswith("_") and (callable(member) or isinstance(member, property))
        if kind.__module__.startswith("lst_overlay.")
    }
    assert len(methods) >= 15 and methods <= shown
    functions = {"LST1Overlay", "ResMLPOverlay", "open_overlay"}
    assert {f"lst_overlay.overlay.{name}" for name in functions} <= shown


def test_the_site_loads_nothing_from_another_host(site):
    pages = list(site[1].rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert re.findall(r"<(?:script|img|iframe)[^>]+src=\"?(?:https?:|//)[^>]+", page.read_text()) == [], (
            page
        )
        assert (
            re.findall(
                r"<link[^>]+rel=\"?(?:stylesheet|preconnect)[^>]+href=\"?(?:https?:|//)[^>]+",
                page.read_text(),
            )
            == []
        ), page


@pytest.fixture(scope="module")
def found(site, tmp_path_factory):
    """What Chromium tells of every page, in one run."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt install chromium")
    directory = site[1]
    pages = [path.relative_to(directory).as_posix() for path in sorted(directory.rglob("*.html"))]
    script = MEASURE.replace("PAGES", json.dumps(pages)).replace("WIDTHS", json.dumps(WIDTHS))
    (directory / "measure.html").write_text(script)
    told, arrived = [], threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_POST(self):  # noqa: N802, the name is the library's
            told.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
                f"http://127.0.0.1:{server.server_port}/measure.html",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            assert arrived.wait(TIME_LIMIT_S), f"Chromium tells nothing in {TIME_LIMIT_S} s"
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()
    assert len(told) == len(pages) * len(WIDTHS) * 2
    return told


def test_no_page_is_wider_than_its_window(found):
    assert [(one["page"], one["width"], one["too_wide"]) for one in found if one["too_wide"] > 0] == []


def test_on_a_laptop_tables_and_code_are_seen_whole(found):
    """On a phone they may scroll, each in its own box."""
    cut = {(one["page"], text) for one in found if one["width"] == max(WIDTHS) for text in one["scrolling"]}
    assert sorted(cut) == []


def test_every_picture_is_there(found):
    assert [one["broken"] for one in found if one["broken"]] == []
