"""A listening page of 2,000 songs in a headless Chromium: its size, the time until it can be used, and scrolling."""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from _performance import run
from _ratios import row

from skmer.listening.content import ListeningPage, PageSong, Stretch
from skmer.listening.folder import PAGE

NAMES = ["Q1", "Q2", "Q3", "Q4"]
SECONDS = 180  # a whole song
FRAMES = 120
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# after the scripts of the page have run: the next frame, in ms since the page was asked for
SHOWN = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
SCROLL = """(frames) => new Promise((done) => {
  const list = document.getElementById('list');
  const times = [];
  const step = (now) => {
    times.push(now);
    list.scrollTop += list.scrollHeight / frames;
    if (times.length <= frames) requestAnimationFrame(step);
    else done(times.slice(1).map((time, i) => time - times[i]));
  };
  requestAnimationFrame(step);
})"""


def write_page(folder, n_songs):
    """Write a page of songs with random curves, of which none exists."""
    rng = np.random.default_rng(0)
    songs = []
    for i in range(n_songs):
        curves = rng.dirichlet(np.ones(len(NAMES)), size=SECONDS)
        label, heard = rng.choice(len(NAMES), 2, replace=False).tolist()
        stretches = [Stretch(start, start + 4, heard, 0.6, 0.2) for start in range(10, SECONDS, 30)]
        trust = (100 * curves[:, label]).round().astype(int).tolist()
        figures = {"trust": trust, "heard": heard, "ofHeard": 0.6, "ofLabel": 0.3, "leads": i % 3 > 0}
        figures |= {"seconds": SECONDS, "doubtful": 24}
        name = f"artist-{i % 200:03d}/song-{i:04d}.mp3"
        songs.append(PageSong(name, str(folder / name), curves, SECONDS, label, name[:10], stretches, figures=figures))
    page = ListeningPage("labels", "Songs", "Listen.", "benchmark", NAMES, songs, extras={"threshold": 0.3})
    path = folder / PAGE
    path.write_text(page.render(folder), encoding="utf-8")
    return path


def measure(arguments):
    """Measure the figures."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SystemExit("playwright is not installed: pip install -e '.[test]'") from None
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("There is no Chromium on the PATH.")
    n_songs, rounds = (50, 1) if arguments.quick else (2000, arguments.rounds)
    opened, filtered, frames, slow = [], [], [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = write_page(Path(folder), n_songs)
        size = path.stat().st_size
        browser = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        version = browser.version
        for _ in range(rounds):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(path.as_uri())
            opened.append(page.evaluate(SHOWN) / 1000)
            took = np.array(page.evaluate(SCROLL, FRAMES))
            frames.append(np.median(took))
            slow.append(100 * np.mean(took > 50))
            began = time.perf_counter()
            page.get_by_label("Search names").fill("song-1")
            page.evaluate(SHOWN)
            filtered.append(time.perf_counter() - began)
            page.close()
        browser.close()
    setting = (
        f"{n_songs:,} songs of {SECONDS} s with four emotions, in a headless Chromium {version} without a GPU, from "
        "disk. Seconds until the first frame with all rows, the first song and its curves; frames while the whole list "
        f"is scrolled past in {FRAMES} steps."
    )
    rows = [
        row("opening", opened, 2, unit="s"),
        row("a frame while scrolling", frames, 50, unit="ms"),
        row("frames above 50 ms", slow, unit="%"),
        row("filtering by name", filtered, unit="s"),
        row("size of the page", size / 1e6, unit="MB"),
    ]
    return {"setting": setting, "rows": rows}


if __name__ == "__main__":
    run("listening_page", measure, __doc__, rounds=5)
