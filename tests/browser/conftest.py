"""Pages in a headless Chromium; tests are skipped where there is none."""

import shutil

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
]


@pytest.fixture(scope="module")
def browser():
    # not of the session: playwright keeps an event loop running, which other modules' tests must not meet
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("there is no Chromium on the PATH")
    with api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Open a file in a context of its own, or in that of a page that is given; errors on the page are failures."""
    errors, contexts = [], []

    def open_file(path, script=None, context=None, **options):
        if context is None:
            options = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options}
            context = browser.new_context(**options)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        if script is not None:
            page.add_init_script(script)
        page.goto(path.absolute().as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    # a file that is missing is told on the page, too
    assert [error for error in errors if "ERR_FILE_NOT_FOUND" not in error] == []
