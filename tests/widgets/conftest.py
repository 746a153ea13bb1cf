"""Fixtures of the browser tests: one JupyterLab and one Chromium a session, a fresh kernel a test."""

from __future__ import annotations

import os

import pytest

from tests.widgets.lab import QUIET, Lab, Notebook, chromium


@pytest.fixture(scope="session")
def browser():
    """Chromium; without it the tests are skipped, unless GENVIZ_REQUIRE_BROWSER says that it must be there."""
    path = chromium()
    if path is None:
        if os.environ.get("GENVIZ_REQUIRE_BROWSER"):
            pytest.fail("Chromium is required and not installed: apt-get install chromium")
        pytest.skip("needs Chromium: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab server."""
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture
def notebook(lab, browser, request):
    """Write, open and run a notebook: ``notebook("code of cell 1", "code of cell 2", dark=False)``.

    ``script`` runs in the page before all else.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 1100})

    def start(*cells, dark=False, run=True, script=""):
        name = f"{request.node.name[:60].replace('[', '-').replace(']', '')}.ipynb"
        lab.write(name, list(cells))
        page = context.new_page()
        page.add_init_script(script)
        opened = Notebook(page)
        page.goto(f"{lab.url}/lab/tree/{name}?reset")
        page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)
        if dark:
            opened.theme("Dark")
        if run:
            opened.run_all()
        return opened

    yield start
    context.close()


@pytest.fixture
def page_of(browser, tmp_path):
    """Open a file from disk, offline: ``page_of(path, dark=False)`` → page with `.notebook` checks."""
    contexts = []

    def start(path, *, dark=False):
        context = browser.new_context(
            viewport={"width": 1280, "height": 1000}, offline=True, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        opened = Notebook(context.new_page())
        opened.page.goto(path.resolve().as_uri())
        return opened

    yield start
    for context in contexts:
        context.close()
