"""The listening page in a browser: whatever a person does there does what it says."""

import csv
import io
import re

import numpy as np
import pytest
import soundfile

from skmer.datasets import load_csv
from skmer.listening.content import ListeningPage, PageSong, Stretch
from skmer.listening.folder import PAGE

SR, SECONDS = 8000, 12
NAMES = ["calm", "happy", "tense"]
SONGS = ["a/one.wav", "a/two.wav", 'b/"three", <img src=x onerror=alert(1)>.wav', "b/four.wav"]


def rows_of_probabilities(heard):
    """Return curves of 12 s: `heard` has .7 throughout."""
    rows = np.full((SECONDS, 3), 0.15)
    rows[:, heard] = 0.7
    return rows


def labelled(folder):
    """Write songs with a page: the first heard as another emotion, the second with doubtful seconds 4 to 6."""
    rng = np.random.default_rng(0)
    songs = []
    for i, name in enumerate(SONGS):
        path = folder / "songs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal(SR * SECONDS), SR)
        label, heard = (0, 2) if i == 0 else (1, 0)
        curves = rows_of_probabilities(heard if i == 0 else label)
        trust = (100 * curves[:, label]).round().astype(int).tolist()
        stretches = [Stretch(4, 6, 0, 0.5, 0.3), Stretch(9, 10, 2, 0.6, 0.2, leads=True)] if i == 1 else []
        figures = {
            "trust": trust,
            "heard": heard,
            "ofHeard": 0.7 if i == 0 else 0.15,
            "ofLabel": 0.15 if i == 0 else 0.7,
        }
        figures |= {"leads": i != 0, "seconds": SECONDS, "doubtful": 3.0 if i == 1 else 0.0}
        songs.append(PageSong(name, str(path), curves, SECONDS, label, name[0], stretches, figures=figures))
    return songs


def write(folder, songs, kind="labels", names=NAMES, **extras):
    extras = {"threshold": 0.3, **extras}
    page = ListeningPage(kind, "Title", "Listen.", "test", names, songs, [("bad.wav", "it is damaged")], extras)
    (folder / "page").mkdir(exist_ok=True)
    path = folder / "page" / PAGE
    path.write_text(page.render(path.parent), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page_path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listening")
    return write(folder, labelled(folder), unknown=[["other.wav", "odd", "c"]])


def options(page):
    return page.locator("#list [role=option]")


def rows(page):
    return options(page).all_text_contents()


def selected(page):
    return page.locator("[role=option][aria-selected=true] .name").get_attribute("title")


def audio(page, what):
    return page.evaluate(f"document.getElementById('audio').{what}")


def saved(page):
    if not page.get_by_label("Your name").input_value():
        page.get_by_label("Your name").fill("Jo")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save labels").click()
    return download.value


def table(download):
    with open(download.path(), encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def at(page, seconds):
    """Return the place of a time on the chart."""
    box = page.locator("#chart").bounding_box()
    return box["x"] + 34 + (box["width"] - 50) * seconds / SECONDS, box["y"] + 80


def test_songs_are_listed_in_order_with_their_figures(open_page, page_path):
    page = open_page(page_path)
    # name, folder, label and the emotion that is heard
    assert [row.replace("\u00a0", " ") for row in rows(page)][:2] == [
        "one.wava/calm 15 % → tense 70 %",
        "two.wava/happy 70 % → calm 15 %",
    ]
    assert selected(page) == "a/one.wav"
    assert page.locator("#song-facts").inner_text() == (
        "a: labelled calm (15\u00a0%); heard instead tense (70\u00a0%); 0 of 12 s doubtful"
    )
    # the name of the third song is text, not an element
    assert page.locator("#list img").count() == 0
    assert page.get_by_text("1 song could not be used").is_visible()
    assert page.get_by_text("bad.wav: it is damaged").is_visible()


def test_curves_are_drawn_where_the_figures_are(open_page, page_path):
    page = open_page(page_path)
    options(page).nth(1).click()
    assert page.locator("#chart .curve").count() == len(NAMES)
    box, strip = page.locator("#chart").bounding_box(), page.locator("#chart .stretch").nth(0).bounding_box()
    width = box["width"] - 50
    assert strip["x"] - box["x"] == pytest.approx(34 + width * 4 / SECONDS, abs=1)
    assert strip["width"] == pytest.approx(width * 2 / SECONDS, abs=1)
    label = page.locator("#chart svg").get_attribute("aria-label")
    assert label == "Doubtful: 0:04 to 0:06 calm; 0:09 to 0:10 the label, unclearly"


def test_a_click_on_the_curves_plays_from_there(open_page, page_path):
    page = open_page(page_path)
    page.mouse.click(*at(page, 7))
    page.wait_for_function("!document.getElementById('audio').paused")
    page.wait_for_function("document.getElementById('audio').currentTime > 7.05")
    assert 7 <= audio(page, "currentTime") < 10
    cursor = float(page.locator("#chart .cursor").get_attribute("x1"))
    assert cursor > at(page, 6.9)[0] - page.locator("#chart").bounding_box()["x"]


def test_a_stretch_is_repeated_until_it_is_released(open_page, page_path):
    page = open_page(page_path)
    options(page).nth(1).click()
    page.evaluate(
        """() => {
          window.times = []; window.seeks = 0;
          const audio = document.getElementById('audio');
          audio.addEventListener('seeked', () => seeks += 1);
          audio.addEventListener('timeupdate', () => times.push(audio.currentTime));
        }"""
    )
    button = page.get_by_role("button", name="0:09–0:10")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("#repeating").inner_text() == "Repeats 0:09–0:10"
    page.wait_for_function("seeks >= 3")
    times = page.evaluate("times")
    assert min(times) > 8.9
    assert max(times) < 11
    page.keyboard.press("l")
    page.wait_for_function("document.getElementById('audio').currentTime > 10.3")
    assert button.get_attribute("aria-pressed") == "false"


def test_a_click_on_a_doubtful_part_and_a_drag_repeat(open_page, page_path):
    page = open_page(page_path)
    options(page).nth(1).click()
    page.mouse.click(*at(page, 5))
    assert page.locator("#repeating").inner_text() == "Repeats 0:04–0:06"
    page.mouse.move(*at(page, 2))
    page.mouse.down()
    page.mouse.move(*at(page, 2.5))
    page.mouse.move(*at(page, 3))
    page.mouse.up()
    start, end = re.findall(r"0:0([\d.]+)", page.locator("#repeating").inner_text())
    assert float(start) == pytest.approx(2, abs=0.1)
    assert float(end) == pytest.approx(3, abs=0.1)
    page.wait_for_function("!document.getElementById('audio').paused")


def test_of_a_long_stretch_the_second_that_is_clicked_is_heard_first(open_page, tmp_path):
    songs = labelled(tmp_path)[:2]
    songs[0].stretches = [Stretch(0, 12, 2, 0.7, 0.15)]
    page = open_page(write(tmp_path, songs))
    page.mouse.click(*at(page, 9))
    page.wait_for_function("document.getElementById('audio').currentTime > 9.05")
    assert page.locator("#repeating").inner_text() == "Repeats 0:00–0:12"


def test_keys_go_through_songs_stretches_and_time(open_page, page_path):
    page = open_page(page_path)
    press = page.keyboard.press
    press("n")
    assert selected(page) == "a/two.wav"
    press(".")
    assert page.locator("#repeating").inner_text() == "Repeats 0:04–0:06"
    press(".")
    assert page.locator("#repeating").inner_text() == "Repeats 0:09–0:10"
    press(",")
    assert page.locator("#repeating").inner_text() == "Repeats 0:04–0:06"
    press(" ")
    assert audio(page, "paused")
    press("p")
    assert selected(page) == "a/one.wav"
    press("p")
    assert page.get_by_text("This is the first song.").is_visible()
    page.wait_for_function("document.getElementById('audio').readyState >= 1")
    press("ArrowRight")
    assert audio(page, "currentTime") == pytest.approx(5)
    press("ArrowLeft")
    assert audio(page, "currentTime") == 0
    press(" ")
    page.wait_for_function("!document.getElementById('audio').paused")
    press("n")
    # the next song plays on
    page.wait_for_function("!document.getElementById('audio').paused")


def test_decisions_by_keys_are_shown_counted_and_undone(open_page, page_path):
    page = open_page(page_path)
    marks = page.locator("[role=option] .mark")
    page.keyboard.press("3")
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    page.keyboard.press("u")
    page.keyboard.press("n")
    page.keyboard.press("x")
    assert marks.all_inner_texts() == ["→ tense", "kept", "unsure", "left out"]
    assert page.locator("#progress").inner_text() == "4 of 4 songs decided: 1 kept, 1 changed, 1 unsure, 1 left out."
    assert page.get_by_role("button", name="Leave out").get_attribute("aria-pressed") == "true"
    page.keyboard.press("z")
    page.keyboard.press("z")
    assert marks.all_inner_texts() == ["→ tense", "kept", "", ""]
    assert selected(page) == SONGS[2]
    # the key of the label that the song has keeps it
    page.keyboard.press("2")
    assert marks.all_inner_texts()[2] == "kept"


def test_a_decision_goes_on_to_the_next_undecided_song_if_wanted(open_page, page_path):
    page = open_page(page_path)
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    assert selected(page) == SONGS[1]
    page.keyboard.press("p")
    page.get_by_label("Go on to the next undecided song").check()
    page.keyboard.press("Enter")
    # the second has a decision
    assert selected(page) == SONGS[2]
    page.wait_for_function("!document.getElementById('audio').paused")
    page.reload()
    assert page.get_by_label("Go on to the next undecided song").is_checked()
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("x")
    assert selected(page) == SONGS[3]
    page.keyboard.press("u")
    assert page.get_by_role("status").filter(has_text="All songs that are shown are decided").is_visible()


def test_buttons_decide_too_and_keys_work_after_a_click(open_page, page_path):
    page = open_page(page_path)
    page.locator("#decide").get_by_role("button", name="happy").click()
    assert page.locator("#decide").get_by_role("button", name="happy").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("status").filter(has_text="changed to happy").is_visible()
    page.keyboard.press(" ")
    page.wait_for_function("!document.getElementById('audio').paused")
    for name, mark in [("Unsure", "unsure"), ("Leave out", "left out"), ("Keep", "kept"), ("Undo", "left out")]:
        page.get_by_role("button", name=name).click()
        assert page.locator("[role=option] .mark").first.inner_text() == mark
    page.get_by_role("button", name="Next song").click()
    assert selected(page) == "a/two.wav"


def test_typing_is_not_taken_for_keys_and_keys_can_be_switched_off(open_page, page_path):
    page = open_page(page_path)
    page.get_by_label("Your name").press_sequentially("Ann 1xu")
    assert page.locator("#progress").inner_text() == "0 of 4 songs decided."
    page.locator("#keys summary").click()
    page.get_by_label("Use single keys").uncheck()
    page.locator("#use-keys").blur()
    page.keyboard.press("x")
    assert page.locator("#progress").inner_text() == "0 of 4 songs decided."
    page.get_by_label("Use single keys").check()
    page.keyboard.press("x")
    assert page.locator("#progress").inner_text().startswith("1 of 4")


def test_filters_and_orders(open_page, page_path):
    page = open_page(page_path)

    def names():
        return [
            name.removesuffix(".wav")
            for name in page.locator("[role=option] .name").evaluate_all(
                "rows => rows.map((row) => row.firstChild.textContent)"
            )
        ]

    choose = page.get_by_label
    choose("Label", exact=True).select_option("calm")
    assert names() == ["one"]
    assert page.locator("#shown").inner_text() == "1 of 4 songs"
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("document.querySelectorAll('[role=option]').length === 4")
    choose("Certainty").select_option("doubtful")
    assert names() == ["two"]
    choose("Certainty").select_option("another")
    assert names() == ["one"]
    choose("Certainty").select_option("")
    choose("Artist or group").select_option("b")
    assert len(names()) == 2
    choose("Artist or group").select_option("")
    choose("Search names").fill("FOUR")
    assert names() == ["four"]
    choose("Search names").fill("")
    choose("Order").select_option("name")
    assert names() == ["one", "two", '"three", <img src=x onerror=alert(1)>', "four"]
    options(page).nth(0).click()
    page.keyboard.press("u")
    choose("Decision").select_option("unsure")
    assert names() == ["one"]
    choose("Decision").select_option("undecided")
    assert len(names()) == 3


def test_the_saved_table_is_read_by_load_csv(open_page, page_path):
    page = open_page(page_path)
    page.get_by_label("Your name").fill("Ann B.")
    page.get_by_label("Your name").press("Enter")  # which goes on to the songs
    for key in "3", "n", "Enter", "n", "x":
        page.keyboard.press(key)
    download = saved(page)
    assert download.suggested_filename == "checked-labels-Ann-B-.csv"
    lines = table(download)
    assert list(lines[0]) == ["path", "label", "group", "old_label", "decision", "rater", "when"]
    assert [(line["path"], line["label"], line["old_label"], line["decision"]) for line in lines] == [
        ("a/one.wav", "tense", "calm", "changed"),
        ("a/two.wav", "happy", "happy", "kept"),
        (SONGS[2], "", "happy", "left out"),
        ("b/four.wav", "happy", "happy", ""),
        ("other.wav", "odd", "odd", ""),
    ]
    assert {line["rater"] for line in lines[:3]} == {"Ann B."}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[0]["when"])
    home = page_path.parents[1] / "songs"
    (home / "other.wav").write_bytes((home / "a" / "one.wav").read_bytes())
    songs = load_csv(download.path(), data_home=home)
    assert songs.target.tolist() == ["tense", "happy", "happy", "odd"]
    assert songs.groups.tolist() == ["a", "a", "b", "c"]
    assert songs.undecided == [str(home / SONGS[2])]


def test_a_table_has_a_name_also_of_the_decisions_before(open_page, page_path):
    page = open_page(page_path)
    page.keyboard.press("3")
    page.keyboard.press("s")
    assert page.get_by_text("Type your name first").is_visible()
    assert page.evaluate("document.activeElement.id") == "who"
    page.keyboard.type("Jo")
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    assert [line["rater"] for line in table(saved(page))[:2]] == ["Jo", "Jo"]


def test_decisions_survive_a_reload_and_move_to_another_browser(open_page, page_path, tmp_path):
    page = open_page(page_path)
    page.keyboard.press("3")
    assert page.get_by_text("not saved yet").is_visible()
    page.reload()
    assert page.locator("[role=option] .mark").first.inner_text() == "→ tense"
    assert page.get_by_text("not saved yet").is_visible()
    file = tmp_path / "labels.csv"
    saved(page).save_as(file)
    assert not page.get_by_text("not saved yet").is_visible()
    other = open_page(page_path)
    assert other.locator("[role=option] .mark").first.inner_text() == ""
    other.locator("#open").set_input_files(file)
    other.wait_for_function("document.querySelector('[role=option] .mark').textContent === '→ tense'")
    assert other.get_by_text("1 decision taken from labels.csv.").is_visible()
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    other.locator("#open").set_input_files(wrong)
    other.get_by_text("wrong.csv has no new decisions on these songs.").wait_for()


def test_two_tabs_of_a_page_do_not_overwrite_each_other(open_page, page_path):
    page = open_page(page_path)
    other = open_page(page_path, context=page.context)
    page.keyboard.press("3")
    other.keyboard.press("n")
    other.keyboard.press("1")
    other.get_by_label("Your name").fill("Bo")
    other.get_by_label("Your name").press("Enter")
    page.wait_for_function("document.getElementById('who').value === 'Bo'")
    for tab in page, other, open_page(page_path, context=page.context):
        assert tab.locator("[role=option] .mark").all_inner_texts() == ["→ tense", "→ calm", "", ""]
        assert tab.locator("#progress").inner_text() == "2 of 4 songs decided: 2 changed."
    other.keyboard.press("z")
    page.wait_for_function("document.querySelectorAll('[role=option] .mark')[1].textContent === ''")
    assert page.locator("[role=option] .mark").first.inner_text() == "→ tense"


def test_a_saved_table_brings_all_decisions_but_no_earlier_or_foreign_ones(open_page, page_path, tmp_path):
    page = open_page(page_path)
    for key in "x", "n", "u":
        page.keyboard.press(key)
    file = tmp_path / "labels.csv"
    saved(page).save_as(file)
    other = open_page(page_path)
    other.locator("#open").set_input_files(file)
    other.get_by_text("2 decisions taken from labels.csv.").wait_for()
    marks = other.locator("[role=option] .mark")
    assert marks.all_inner_texts() == ["left out", "unsure", "", ""]
    # the later decision counts, and what a table brought can be undone
    other.evaluate("Date.prototype.toISOString = () => '2999-01-01T00:00:00.000Z'")
    other.keyboard.press("2")
    other.locator("#open").set_input_files(file)
    other.get_by_text("1 decision taken from labels.csv.").wait_for()
    assert marks.all_inner_texts() == ["→ happy", "unsure", "", ""]
    for _ in range(3):
        other.keyboard.press("z")
    assert marks.all_inner_texts() == ["left out", "", "", ""]
    # a table of skmer annotate, and one of a page on which the label was another one
    foreign = "path,label,decision,rater,when\na/two.wav,tense,labelled,Ann,2027\nb/four.wav,tense,kept,Ann,2027\n"
    (tmp_path / "foreign.csv").write_text(foreign)
    other.locator("#open").set_input_files(tmp_path / "foreign.csv")
    other.get_by_text("1 decision taken from foreign.csv.").wait_for()
    assert marks.all_inner_texts() == ["left out", "", "", "→ tense"]


def test_a_browser_that_keeps_nothing_is_told(open_page, page_path):
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})"
    page = open_page(page_path, script=refuse)
    assert page.get_by_text("This browser keeps nothing of this page").is_visible()
    page.keyboard.press("3")
    assert page.get_by_text("The browser does not keep it").is_visible()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]


def test_a_missing_recording_is_named(open_page, tmp_path):
    songs = labelled(tmp_path)
    songs[0].file = str(tmp_path / "gone.wav")
    page = open_page(write(tmp_path, songs))
    page.get_by_role("button", name="Next song").wait_for()
    assert page.get_by_text("This browser cannot play a/one.wav").first.is_visible()


def test_the_keyboard_alone_reaches_everything(open_page, page_path):
    page = open_page(page_path)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert {"previous", "audio", "next", "who", "save", "open", "by-name", "by-label", "order", "list"} <= reached
    page.locator("#list").focus()
    page.keyboard.press("ArrowDown")
    assert selected(page) == "a/two.wav"
    assert page.locator("#list").get_attribute("aria-activedescendant") == "song-1"
    page.keyboard.press("End")
    assert selected(page) == "b/four.wav"
    page.keyboard.press("Home")
    assert selected(page) == "a/one.wav"


def test_every_control_has_a_name(open_page, page_path):
    page = open_page(page_path)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, [role=listbox]')].filter((element) =>
          !(element.getAttribute('aria-label') || element.textContent.trim() || element.labels?.length))
          .map((element) => element.outerHTML)"""
    )
    assert unnamed == []
    assert page.locator("html").get_attribute("lang") == "en"


def test_phone_and_dark(open_page, page_path):
    page = open_page(page_path, viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    options(page).nth(3).tap()
    assert selected(page) == "b/four.wav"
    box = page.locator("#song-name").bounding_box()
    assert 0 <= box["y"] < 667
    page.get_by_role("button", name="Keep").tap()
    assert page.locator("[role=option] .mark").nth(3).inner_text() == "kept"
    dark = open_page(page_path, color_scheme="dark")
    assert dark.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 24, 26)"


def test_predicted_emotions_are_saved_only_where_somebody_decided(open_page, tmp_path):
    songs = labelled(tmp_path)
    for song, certainty in zip(songs, (0.4, 0.6, 0.7, 0.9), strict=True):
        song.stretches, song.figures = [Stretch(0, SECONDS, song.label)], {"certainty": certainty}
    page = open_page(write(tmp_path, songs, "emotions"))
    page.get_by_label("Certainty").select_option("below80")
    assert options(page).count() == 2
    page.get_by_label("Certainty").select_option("")
    for key in "Enter", "n", "3", "n", "u":
        page.keyboard.press(key)
    lines = table(saved(page))
    assert [(line["path"], line["label"], line["decision"]) for line in lines] == [
        ("a/one.wav", "calm", "kept"),
        ("a/two.wav", "tense", "changed"),
        (SONGS[2], "", "unsure"),
    ]


def test_ratings_have_curves_and_a_path_in_their_plane(open_page, tmp_path):
    songs = labelled(tmp_path)[:2]
    for k, song in enumerate(songs):
        song.label, song.stretches = None, []
        song.curves = np.column_stack([np.linspace(-1, 1, SECONDS), np.full(SECONDS, 0.5 * k)])
        song.figures = {"means": [0.0, 0.5 * k]}
    page = open_page(
        write(tmp_path, songs, "ratings", ["valence", "arousal"], limits=[-1, 1], ranges=[[-1, 1], [-1, 1]])
    )
    assert page.get_by_role("button", name="Save labels").count() == 0
    assert page.locator("#chart .curve").count() == 2
    assert "valence from -1.00 to 1.00" in page.locator("#chart svg").get_attribute("aria-label")
    left = float(page.locator("#plane .dot").get_attribute("cx"))
    page.mouse.click(*at(page, 11))
    page.wait_for_function(f"document.querySelector('#plane .dot').getAttribute('cx') > {left + 50}")
    page.get_by_label("Order").select_option("highest arousal first")
    assert rows(page)[0].startswith("two.wav")
    page.keyboard.press("u")  # no decisions on ratings
    assert page.locator("#message").inner_text() == ""


def test_tables_are_written_and_read_as_they_are(open_page, page_path):
    page = open_page(page_path)
    cells = [["path", "label"], ['a, "b"\nc', "ü"], ["", "=1"], ["x", ""]]
    text = page.evaluate("(cells) => writeCsv(cells)", cells)
    assert list(csv.reader(io.StringIO(text, newline=""))) == cells
    read = page.evaluate("(text) => readCsv(text)", "\ufeff" + text.replace("\nx", "\r\nx"))
    assert read == [{"path": 'a, "b"\nc', "label": "ü"}, {"path": "", "label": "=1"}, {"path": "x", "label": ""}]


def test_names_cannot_end_the_script(tmp_path, open_page):
    songs = labelled(tmp_path)[:1]
    songs[0].name = "</script><script>alert(1)</script>\u2028.wav"
    page = open_page(write(tmp_path, songs))
    assert selected(page) == songs[0].name
