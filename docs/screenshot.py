"""Take a picture of a page: python docs/screenshot.py report/index.html docs/images/listening-page.png"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("page", type=Path)
parser.add_argument("picture", type=Path)
parser.add_argument("--width", type=int, default=1280)
parser.add_argument("--height", type=int, default=720)
parser.add_argument("--dark", action="store_true")
parser.add_argument("--press", nargs="*", default=[], metavar="KEY", help="keys that are pressed before")
parser.add_argument("--click", default=None, metavar="SELECTOR", help="element that is clicked before")
arguments = parser.parse_args()

with sync_playwright() as driver:
    browser = driver.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--mute-audio"]
    )
    page = browser.new_page(
        viewport={"width": arguments.width, "height": arguments.height},
        color_scheme="dark" if arguments.dark else "light",
    )
    page.goto(arguments.page.absolute().as_uri())
    page.wait_for_timeout(500)
    for key in arguments.press:
        page.keyboard.press(key)
    if arguments.click:
        page.click(arguments.click)
    page.wait_for_timeout(1500)
    page.screenshot(path=arguments.picture)
    browser.close()
