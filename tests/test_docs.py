"""The pages: links are valid, code runs as printed, and the site builds without warnings."""

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import types
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from skmer.cli import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BUILT = {"_build", "gallery", "generated"}
SITE = [page for page in sorted(DOCS.rglob("*.md")) if not BUILT & set(page.relative_to(DOCS).parts)]
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *SITE]
WITH_CODE = [page for page in SITE if page.parent == DOCS / "guide" or page == DOCS / "contributing.md"]
WITH_CODE.append(ROOT / "README.md")
EXTRA = ("sphinx", "pydata_sphinx_theme", "numpydoc", "sphinx_gallery", "myst_parser", "sphinx_copybutton")

FENCE = re.compile(r" *(?P<fence>`{3,}|~{3,})\s*(?P<language>[^\s`]*)[^`]*$")
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.*\w.*) -->")
RUN_IF = re.compile(r"<!-- run if (?P<package>\w+) is installed -->")
LINK = re.compile(
    r"\]\(\s*<?(?P<target>[^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s+(?P<defined>\S+)", re.MULTILINE
)
REMOTE = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*"
    r"|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^>]*|(?:@import\s|url\()\s*[\"']?(?:https?:)?//[^)]*"
)


class Block(NamedTuple):
    language: str
    line: int
    text: str
    not_run: str | None


def reason_in(line):
    """Return why the block after a line is not run: a comment states the reason, or a package that is not installed."""
    if mark := NOT_RUN.fullmatch(line):
        return mark["reason"]
    mark = RUN_IF.fullmatch(line)
    return f"needs {mark['package']}" if mark and find_spec(mark["package"]) is None else None


def read(text):
    """Return the fenced blocks of a page, and its prose with the same line numbers.

    A comment directly above a block may state why it is not run.
    """
    found, prose, fence, remark = [], [], None, None
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        kept = ""
        if fence is None and mark:
            fence, language, lines = mark["fence"], mark["language"], []
        elif fence is None:
            kept = line
            remark = reason_in(line.strip()) if line.strip() else remark
        elif mark and not mark["language"] and mark["fence"].startswith(fence):
            body = textwrap.dedent("\n".join(lines))
            found.append(Block(language, number - len(lines), body, remark))
            fence, remark = None, None
        else:
            lines.append(line)
        prose.append(kept)
    assert fence is None, "a block is not closed"
    return found, "\n".join(prose)


def anchors(page):
    """Return the anchors of the headings of a page, as on GitHub and in MyST, and its explicit targets."""
    _, prose = read(page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.*\S)", prose, flags=re.MULTILINE)
    slugs = [re.sub(r"\]\([^)]*\)|[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    earlier = (slugs[:place].count(slug) for place, slug in enumerate(slugs))
    numbered = [f"{slug}-{count}" if count else slug for slug, count in zip(slugs, earlier, strict=True)]
    return numbered + re.findall(r"^\(([\w-]+)\)=$", prose, flags=re.MULTILINE)


def targets(text):
    """Yield the link targets of a page, including entries of tables of contents."""
    found, prose = read(text)
    plain = re.sub(r"^    .*|`+[^`\n]*`+", "", prose, flags=re.MULTILINE)
    yield from (link["target"] or link["defined"] for link in LINK.finditer(plain))
    for block in found:
        if block.language == "{toctree}" and ":glob:" not in block.text:
            entries = (line for line in block.text.splitlines() if line.strip() and not line.startswith(":"))
            yield from (re.sub(r".*<(.*)>", r"\1", entry.strip()) + ".md" for entry in entries)


def source_of(path):
    """Return the source file of a path on the site: the gallery is built from the examples."""
    if path.parent == DOCS / "gallery":
        return DOCS / "examples" / (f"{path.stem}.py" if path.stem != "index" else "")
    return path


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def test_the_start_page_has_code_of_the_readme_which_is_run():
    known = {(block.language, block.text) for block in read((ROOT / "README.md").read_text(encoding="utf-8"))[0]}
    blocks = read((DOCS / "index.md").read_text(encoding="utf-8"))[0]
    own = {(block.language, block.text) for block in blocks if block.language in ("shell", "python")}
    assert len(own) == 3
    assert own <= known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_are_valid(page):
    broken = []
    for target in targets(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = source_of((page.parent / path).resolve() if path else page)
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken, f"broken links: {broken}"


def test_links_and_anchors_are_found():
    text = '[a](b.md#c) `[no](x.md)`\n\n    [no](y.md)\n\n![p](q.png "t")\n\n```{toctree}\n:hidden:\n\nT <d>\ne\n```\n'
    assert list(targets(text)) == ["b.md#c", "q.png", "d.md", "e.md"]


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_blocks_state_their_language_and_why_they_are_not_run(page):
    text = page.read_text(encoding="utf-8")
    found, _ = read(text)
    assert [block.line for block in found if not block.language] == []
    # blocks with another name of the same language would not be run
    assert {b.language for b in found} & {"py", "python3", "pycon", "ipython", "bash", "sh", "console"} == set()
    assert text.count("<!-- not run") == sum(NOT_RUN.fullmatch(line.strip()) is not None for line in text.splitlines())
    reasons = [reason for line in text.splitlines() if (reason := reason_in(line.strip()))]
    assert reasons == [block.not_run for block in found if block.not_run], "a reason must be followed by a block"


def test_a_reason_applies_to_the_next_block():
    text = "<!-- not run: needs PMEmo -->\n\n```python\na\n```\n\n```shell\nskmer\n```\n"
    assert [(b.language, b.line, b.not_run) for b in read(text)[0]] == [
        ("python", 4, "needs PMEmo"),
        ("shell", 8, None),
    ]


@pytest.mark.parametrize(("package", "reason"), [("pytest", None), ("no_such_package", "needs no_such_package")])
def test_a_block_may_need_a_package(package, reason):
    text = f"<!-- run if {package} is installed -->\n```python\na\n```\n\n```python\nb\n```\n"
    assert [block.not_run for block in read(text)[0]] == [reason, None]


def run_shell(text):
    """Run the lines that begin with skmer."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["skmer"]:
            continue
        assert not {"|", "&&", ";", "<", ">>"} & set(words), f"{line}: this test supports > only"
        command, out = (words[1:-2], words[-1]) if words[-2:-1] == [">"] else (words[1:], None)
        with contextlib.ExitStack() as stack:
            if out:
                file = stack.enter_context(Path(out).open("w", encoding="utf-8"))
                stack.enter_context(contextlib.redirect_stdout(file))
            try:
                status = main(command)
            except SystemExit as end:  # argparse's, after --help too
                status = end.code
        assert not status, f"{line}: exit status {status}"


def test_a_failing_command_is_detected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_shell("make nothing  # for the reader\nskmer --version > version.txt")
    assert Path("version.txt").read_text().startswith("skmer ")
    with pytest.raises(AssertionError, match="exit status 2"):
        run_shell("skmer predict \\\n  no-model.joblib song.mp3")


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_code_runs_as_printed(page, tmp_path, monkeypatch):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKMER_DATA", raising=False)
    # as in an interactive session, so that objects defined on the page can be pickled
    session = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", session)
    try:
        for block in read(page.read_text(encoding="utf-8"))[0]:
            if block.not_run:
                continue
            if block.language == "python":
                # tracebacks with the line numbers of the page
                exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), session.__dict__)
            elif block.language == "shell":
                run_shell(block.text)
    finally:
        plt.close("all")


@pytest.mark.slow
@pytest.mark.skipif(not all(map(find_spec, EXTRA)), reason="the site needs skmer[docs]")
def test_the_site_builds_without_warnings_and_loads_no_remote_files(tmp_path):
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns(*BUILT))
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-D", "plot_gallery=0", "docs", "html"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    files = [path for path in (tmp_path / "html").rglob("*") if path.suffix in (".html", ".css")]
    assert len(files) > len(SITE)
    loads = {path.name: REMOTE.findall(path.read_text(encoding="utf-8")) for path in files}
    assert {name: found for name, found in loads.items() if found} == {}
