"""The style of the site: code is wrapped where a line is longer than its block, so that no block scrolls sideways."""

from pathlib import Path

STYLE = Path(__file__).parents[2] / "docs" / "_static" / "skmer.css"


def test_long_lines_of_code_are_wrapped(open_page, tmp_path):
    line = "x" * 90 + " = " + "y " * 200
    block = f'<div class="highlight" style="width: 30rem"><pre style="overflow: auto">{line}</pre></div>'
    path = tmp_path / "page.html"
    path.write_text(f"<!DOCTYPE html><style>{STYLE.read_text(encoding='utf-8')}</style>{block}", encoding="utf-8")
    widths = open_page(path).eval_on_selector("pre", "block => [block.scrollWidth, block.clientWidth]")
    assert widths[0] == widths[1]
