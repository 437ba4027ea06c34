"""The page of annotations in a browser: whatever a rater does there does what it says, and other commands read it."""

import csv
import json
import re

import numpy as np
import pytest
import soundfile

from skmer.cli import main
from skmer.datasets import load_csv
from skmer.listening import write_annotation_page

SR = 8000
LABELS = ["happy", "sad", "tense, dark"]
NAMES = ["a/1.wav", "a/2.wav", "b/3.wav", "b/<b>4 & ü%.wav"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Four songs of different seconds."""
    home = tmp_path_factory.mktemp("annotating")
    for i, name in enumerate(NAMES):
        path = home / "songs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        t = np.arange(SR * (2 if i == 0 else 6)) / SR
        soundfile.write(path, 0.1 * np.sin(2 * np.pi * (220 + 60 * i) * t), SR)
    return home


@pytest.fixture(scope="module")
def labels_page(home):
    return write_annotation_page(home / "songs", home / "labels", labels=LABELS)


@pytest.fixture(scope="module")
def ratings_page(home):
    return write_annotation_page(home / "songs", home / "ratings", ratings=["valence", "arousal"])


def begin(page, rater="Ann"):
    """Type a name; songs are then in the order of the list."""
    page.get_by_label("Your name").press_sequentially(rater)
    page.keyboard.press("Enter")
    page.get_by_label("Order").select_option("")
    page.locator("#order").blur()
    page.locator("[role=option]").first.click()
    return page


def marks(page):
    return page.locator("[role=option] .mark").all_inner_texts()


def selected(page):
    return page.locator("[role=option][aria-selected=true] .name").get_attribute("title")


def until(page, condition):
    page.wait_for_function(f"(() => {{ const audio = document.getElementById('audio'); return {condition}; }})()")


def seek(page, seconds):
    page.evaluate(f"document.getElementById('audio').currentTime = {seconds}")
    until(page, f"!audio.seeking && Math.abs(audio.currentTime - {seconds}) < 0.05")


def save(page, folder=None):
    """Save the table; return its path and lines."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save table").click()
    file = download.value.path()
    if folder is not None:
        file = folder / download.value.suggested_filename
        download.value.save_as(file)
    with open(file, encoding="utf-8", newline="") as stream:
        return file, list(csv.DictReader(stream))


def curve(lines, name, target="valence"):
    """Return the ratings of a song by their times."""
    return {float(line["time"]): line[target] for line in lines if line["path"] == name}


# Labels


def test_a_rater_gives_a_name_once_and_sees_what_is_done(open_page, labels_page):
    page = open_page(labels_page)
    assert page.locator("#work").is_hidden()
    page.keyboard.press("Enter")  # not without a name
    assert page.locator("#work").is_hidden()
    begin(page, "  Ann   B. ")
    assert page.locator("#rater").inner_text() == "Ann B."
    assert page.locator("#progress").inner_text() == "0 of 4 songs done."
    assert page.locator("#list b").count() == 0
    page.reload()
    assert page.locator("#rater").inner_text() == "Ann B."
    assert page.locator("#start").is_hidden()


def test_labels_are_chosen_by_click_and_by_key_and_undone(open_page, labels_page):
    page = begin(open_page(labels_page))
    page.get_by_label("Go on to the next song").uncheck()
    page.get_by_role("button", name="sad").click()
    assert marks(page) == ["sad", "", "", ""]
    assert page.get_by_role("button", name="sad").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("status").filter(has_text="a/1.wav: sad.").is_visible()
    page.keyboard.press("3")
    assert marks(page)[0] == "tense, dark"
    assert page.get_by_role("button", name="sad").get_attribute("aria-pressed") == "false"
    page.keyboard.press("n")
    page.keyboard.press("u")
    page.keyboard.press("n")
    page.keyboard.press("x")
    assert marks(page) == ["tense, dark", "unsure", "skipped", ""]
    assert page.locator("#progress").inner_text() == "3 of 4 songs done."
    assert page.locator("#bar").get_attribute("value") == "0.75"
    for expected in (["tense, dark", "unsure", "", ""], ["tense, dark", "", "", ""], ["sad", "", "", ""], [""] * 4):
        page.get_by_role("button", name="Undo").click()
        assert marks(page) == expected
    assert selected(page) == "a/1.wav"
    page.keyboard.press("z")
    assert page.get_by_text("There is nothing to undo.").is_visible()


def test_an_answer_goes_on_to_the_next_song_that_is_not_done_and_plays_it(open_page, labels_page):
    page = begin(open_page(labels_page))
    page.keyboard.press("n")
    page.keyboard.press("1")
    assert selected(page) == "b/3.wav"
    until(page, "!audio.paused")
    page.keyboard.press("p")
    page.keyboard.press("p")
    page.keyboard.press("u")
    # the second song is done
    assert selected(page) == "b/3.wav"
    page.keyboard.press("1")
    page.keyboard.press("1")
    assert page.get_by_text("All songs are done: save the table.").is_visible()
    page.get_by_label("Go on to the next song").uncheck()
    page.reload()
    assert not page.get_by_label("Go on to the next song").is_checked()


def test_keys_play_seek_and_are_not_taken_from_typing(open_page, labels_page):
    page = open_page(labels_page)
    begin(page, "x1u")
    assert page.locator("#progress").inner_text() == "0 of 4 songs done."
    page.get_by_label("Search names").press_sequentially("1u ")
    assert page.locator("#progress").inner_text() == "0 of 4 songs done."
    page.get_by_label("Search names").fill("")
    page.locator("#by-name").blur()
    page.keyboard.press("n")
    until(page, "audio.readyState >= 1")
    page.keyboard.press("ArrowRight")
    until(page, "Math.abs(audio.currentTime - 5) < 0.01")
    page.keyboard.press(",")
    until(page, "audio.currentTime === 0")
    page.keyboard.press(" ")
    until(page, "!audio.paused && audio.currentTime > 0")
    page.keyboard.press(" ")
    until(page, "audio.paused")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "by-name"
    page.locator("#by-name").blur()
    page.locator("#keys summary").click()
    page.get_by_label("Use single keys").uncheck()
    page.locator("#use-keys").blur()
    page.keyboard.press("1")
    assert page.locator("#progress").inner_text() == "0 of 4 songs done."


def test_the_order_is_the_raters_own_and_the_same_again(open_page, home):
    songs = home / "many"
    songs.mkdir()
    for i in range(12):
        (songs / f"{i:02d}.wav").write_bytes((home / "songs" / "a" / "1.wav").read_bytes())
    path = write_annotation_page(songs, home / "shuffled", labels=LABELS)

    def order(rater):
        page = open_page(path)
        page.get_by_label("Your name").fill(rater)
        page.keyboard.press("Enter")
        return page.locator("[role=option] .name").evaluate_all("rows => rows.map((row) => row.title)")

    ann, again, bob = order("Ann"), order("ann"), order("Bob")
    assert ann == again
    assert sorted(ann) == sorted(bob) == [f"{i:02d}.wav" for i in range(12)]
    assert len({*map(tuple, (ann, bob, sorted(ann)))}) == 3


def test_filters(open_page, labels_page):
    page = begin(open_page(labels_page))
    page.keyboard.press("1")
    page.keyboard.press("u")
    shown = page.locator("[role=option]")
    for value, n in (("undone", 2), ("labelled", 1), ("unsure", 1), ("skipped", 0), ("", 4)):
        page.get_by_label("Answer", exact=True).select_option(value)
        assert shown.count() == n
    page.get_by_label("Search names").fill("B/")
    assert page.locator("#shown").inner_text() == "2 of 4 songs"


def test_answers_survive_a_reload_and_move_to_another_browser(open_page, labels_page, tmp_path):
    page = begin(open_page(labels_page))
    page.keyboard.press("3")
    page.keyboard.press("x")
    assert page.get_by_text("not saved yet").is_visible()
    page.reload()
    page.get_by_label("Order").select_option("")
    assert marks(page) == ["tense, dark", "skipped", "", ""]
    assert page.get_by_text("not saved yet").is_visible()
    file, lines = save(page, tmp_path)
    assert file.name == "labels-Ann.csv"
    assert list(lines[0]) == ["path", "label", "decision", "rater", "when"]
    assert [list(line.values())[:4] for line in lines] == [
        ["a/1.wav", "tense, dark", "labelled", "Ann"],
        ["a/2.wav", "", "skipped", "Ann"],
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["when"]) for line in lines)
    assert not page.get_by_text("not saved yet").is_visible()
    other = begin(open_page(labels_page))
    other.locator("#open").set_input_files(file)
    other.get_by_text("Answers to 2 songs taken from labels-Ann.csv.").wait_for()
    assert marks(other) == ["tense, dark", "skipped", "", ""]
    assert not other.get_by_text("not saved yet").is_visible()
    # an answer that was given later is kept
    other.locator("[role=option]").first.click()
    other.evaluate("Date.prototype.toISOString = () => '2999-01-01T00:00:00.000Z'")
    other.keyboard.press("1")
    other.locator("#open").set_input_files(file)
    other.get_by_text("Answers to 1 song taken").wait_for()
    assert marks(other)[0] == "happy"
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    other.locator("#open").set_input_files(wrong)
    other.get_by_text("wrong.csv has no new answers of Ann to these songs.").wait_for()


def test_two_tabs_of_a_rater_show_and_save_the_same(open_page, labels_page):
    page = begin(open_page(labels_page))
    other = open_page(labels_page, context=page.context)
    other.get_by_label("Order").select_option("")
    page.locator("#go-on").uncheck()
    page.keyboard.press("1")
    other.wait_for_function("document.querySelector('[role=option] .mark').textContent === 'happy'")
    other.locator("[role=option]").nth(2).click()
    other.keyboard.press("x")
    page.wait_for_function("document.querySelectorAll('[role=option] .mark')[2].textContent === 'skipped'")
    assert page.locator("#progress").inner_text() == "2 of 4 songs done."
    assert [line["decision"] for line in save(page)[1]] == ["labelled", "skipped"]
    other.wait_for_function("document.getElementById('unsaved').hidden")


def test_an_unsure_label_of_another_page_is_no_label(open_page, labels_page, tmp_path):
    page = begin(open_page(labels_page))
    file = tmp_path / "labels.csv"
    file.write_text("path,label,old_label,decision,rater,when\na/1.wav,sad,sad,unsure,Ann,2026\n")
    page.locator("#open").set_input_files(file)
    page.get_by_text("Answers to 1 song taken").wait_for()
    assert marks(page) == ["unsure", "", "", ""]


def test_two_raters_in_one_browser_are_kept_apart(open_page, labels_page, tmp_path):
    page = begin(open_page(labels_page))
    page.keyboard.press("1")
    file, _ = save(page, tmp_path)
    page.get_by_role("button", name="Change").click()
    page.locator("#start").wait_for()
    begin(page, "Bob")
    assert marks(page) == [""] * 4
    page.locator("#open").set_input_files(file)
    page.get_by_text("Answers of Ann are not yours (Bob)").wait_for()
    assert marks(page) == [""] * 4
    page.keyboard.press("2")
    page.get_by_role("button", name="Change").click()
    page.locator("#start").wait_for()
    assert marks(begin(page, "Ann")) == ["happy", "", "", ""]


@pytest.mark.parametrize(
    "script",
    [
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})",
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
    ],
    ids=["refused", "full"],
)
def test_a_browser_that_keeps_nothing_is_told_and_asks(open_page, labels_page, script):
    page = begin(open_page(labels_page, script=script))
    page.keyboard.press("1")
    assert page.get_by_role("alert").filter(has_text="This browser does not keep your answers").is_visible()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]
    save(begin(page))
    page.reload()
    assert asked == ["beforeunload"]


def test_what_did_not_fit_is_kept_when_there_is_room(open_page, labels_page):
    page = begin(open_page(labels_page))
    page.evaluate("window.real = Storage.prototype.setItem; 0")
    page.evaluate("Storage.prototype.setItem = () => { throw new Error('full'); }; 0")
    page.keyboard.press("1")
    assert page.get_by_text("This browser does not keep your answers").is_visible()
    page.evaluate("Storage.prototype.setItem = window.real; 0")
    page.keyboard.press("2")
    assert not page.get_by_text("This browser does not keep your answers").is_visible()
    page.reload()
    page.get_by_label("Order").select_option("")
    assert marks(page) == ["happy", "sad", "", ""]


@pytest.mark.parametrize("kept", ["null", "5", '"text"', "[]", "{bad"])
def test_what_others_kept_under_a_key_does_no_harm(open_page, labels_page, kept):
    page = open_page(labels_page, script=f"Storage.prototype.getItem = () => {json.dumps(kept)}")
    begin(page).keyboard.press("1")
    assert marks(page) == ["happy", "", "", ""]


def test_a_missing_recording_is_named(open_page, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(SR), SR)
    path = write_annotation_page(tmp_path / "a.wav", tmp_path / "page", labels=LABELS)
    rate = write_annotation_page(tmp_path / "a.wav", tmp_path / "rate", ratings=["joy"])
    (tmp_path / "a.wav").unlink()
    for page in begin(open_page(path)), begin(open_page(rate)):
        assert page.get_by_text("This browser cannot play a.wav").is_visible()
    page.keyboard.press("g")
    assert page.get_by_text("The length of this song is not known yet.").is_visible()


def test_seconds_limit_what_is_played(open_page, home):
    path = write_annotation_page(home / "songs" / "a", home / "short", labels=LABELS, seconds=1)
    page = begin(open_page(path))
    page.keyboard.press(" ")
    until(page, "audio.currentTime > 0.5")
    until(page, "audio.paused && audio.currentTime === 0")
    page.keyboard.press(" ")
    until(page, "!audio.paused && audio.currentTime < 1")


# Ratings


def move_point(page, valence, arousal):
    box = page.locator("#field").bounding_box()
    x, y = box["x"] + box["width"] * (valence + 1) / 2, box["y"] + box["height"] * (1 - arousal) / 2
    page.mouse.move(x, y)


def test_ratings_are_taken_twice_a_second_while_the_song_plays(open_page, ratings_page, tmp_path):
    page = begin(open_page(ratings_page))
    assert page.locator("#state").inner_text() == "Not rating: move a slider or press Rate, then play."
    move_point(page, 0.5, -0.5)
    page.mouse.down()
    assert page.locator("#state").inner_text() == "Play the song to rate"
    page.keyboard.press(" ")
    until(page, "audio.currentTime > 0.7")
    assert page.locator("#state").inner_text() == "Rating"
    move_point(page, -0.8, 0.2)
    changed = page.evaluate("document.getElementById('audio').currentTime")
    page.mouse.up()
    until(page, "audio.ended")
    page.get_by_text("a/1.wav is rated to its end.").wait_for()
    assert marks(page)[0] == "✓ done"
    assert page.locator("#rated").inner_text() == "0:02 of 0:02 rated"
    assert page.locator("#progress").inner_text() == "1 of 4 songs done."
    file, lines = save(page, tmp_path)
    assert file.name == "ratings-Ann.csv"
    assert list(lines[0]) == ["path", "time", "valence", "arousal", "rater"]
    assert [line["time"] for line in lines] == ["0.5", "1.0", "1.5", "2.0"]
    for line in lines:
        if float(line["time"]) != next(t for t in np.arange(1, 9) / 2 if t > changed - 0.1):
            first = float(line["time"]) < changed
            found = float(line["valence"]), float(line["arousal"])
            assert found == pytest.approx((0.5, -0.5) if first else (-0.8, 0.2), abs=0.02)
    assert {line["rater"] for line in lines} == {"Ann"}
    # as collections over time
    songs = load_csv(file, home_of(ratings_page), targets=["valence", "arousal"], dynamic=True)
    assert songs.dynamic[0].ends.tolist() == [0.5, 1, 1.5, 2]


def home_of(path):
    return path.parents[1] / "songs"


def test_nothing_is_rated_before_a_touch_while_paused_or_over_a_jump(open_page, ratings_page):
    page = begin(open_page(ratings_page))
    page.keyboard.press("n")
    page.keyboard.press(" ")
    until(page, "audio.currentTime > 0.6")
    assert marks(page)[1] == ""
    page.keyboard.press("ArrowUp")
    touched = page.evaluate("document.getElementById('audio').currentTime")
    until(page, f"audio.currentTime > {touched} + 0.6")
    page.keyboard.press(" ")
    until(page, "audio.paused")
    paused = page.evaluate("document.getElementById('audio').currentTime")
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    seek(page, 5)
    page.keyboard.press(" ")
    until(page, "audio.ended")
    _, lines = save(page)
    arousal = curve(lines, "a/2.wav", "arousal")
    assert arousal
    assert all(touched - 0.1 <= time <= paused + 0.1 for time in arousal)
    assert {*arousal.values()} == {"0.04"}
    # valence was not moved, and stays empty
    assert {*curve(lines, "a/2.wav").values()} == {""}
    assert "✓" not in marks(page)[1]
    page.keyboard.press("g")
    until(page, "audio.currentTime === 0")


def test_a_part_is_rated_again_and_the_rest_is_kept(open_page, ratings_page):
    page = begin(open_page(ratings_page))
    page.get_by_label("valence", exact=True).fill("0.5")
    page.get_by_label("arousal", exact=True).fill("-0.3")
    page.keyboard.press(" ")  # a slider does not take the space bar
    until(page, "audio.ended")
    seek(page, 1)
    # what was rated is shown, and not rated again by playing it
    assert page.get_by_label("valence", exact=True).input_value() == "0.5"
    page.keyboard.press(" ")
    until(page, "audio.currentTime > 1.55")
    page.keyboard.press(" ")
    until(page, "audio.paused")
    _, lines = save(page)
    assert list(curve(lines, "a/1.wav").values()) == ["0.5"] * 4
    seek(page, 0.6)
    page.get_by_label("valence", exact=True).fill("-1")
    page.keyboard.press(" ")
    until(page, "audio.currentTime > 1.05")
    page.keyboard.press(" ")
    until(page, "audio.paused")
    stopped = page.evaluate("document.getElementById('audio').currentTime")
    _, lines = save(page)
    expected = {time: "-1" if 0.6 < time <= stopped else "0.5" for time in np.arange(1, 5) / 2}
    assert curve(lines, "a/1.wav") == expected
    assert {*curve(lines, "a/1.wav", "arousal").values()} == {"-0.3"}
    page.keyboard.press("z")
    _, lines = save(page)
    assert list(curve(lines, "a/1.wav").values()) == ["0.5"] * 4


def test_the_curve_follows_and_the_sliders_follow_the_curve(open_page, ratings_page, tmp_path):
    page = begin(open_page(ratings_page))
    file = tmp_path / "old.csv"
    rows = [f"b/3.wav,{time},{time / 10 - 0.3:.2f},0.1,Ann" for time in np.arange(1, 11) / 2]
    file.write_text("\n".join(["path,time,valence,arousal,rater", *rows, "b/3.wav,0.7,0,0,Ann", "b/3.wav,6,9,0,Ann"]))
    page.locator("#open").set_input_files(file)
    page.get_by_text("Answers to 1 song taken").wait_for()
    assert marks(page)[2] == "0:05 of 0:06"
    page.locator("[role=option]").nth(2).click()
    assert "valence from -0.25 to 0.20" in page.locator("#chart svg").get_attribute("aria-label")
    until(page, "audio.readyState >= 1")
    seek(page, 2.2)
    # the nearest place of the slider
    page.wait_for_function("Math.abs(Number(document.getElementById('rating-0').value) + 0.05) < 0.011")
    # the value that is out of the range stays empty
    _, lines = save(page)
    assert curve(lines, "b/3.wav")[6] == ""
    page.keyboard.press("g")
    until(page, "Math.abs(audio.currentTime - 5) < 0.01")


def test_ratings_survive_a_reload(open_page, ratings_page):
    page = begin(open_page(ratings_page))
    page.keyboard.press("Enter")
    page.keyboard.press(" ")
    until(page, "audio.ended")
    page.reload()
    page.get_by_label("Order").select_option("")
    # known before any recording is opened
    assert marks(page)[0] == "✓ done"
    assert page.locator("#progress").inner_text() == "1 of 4 songs done."
    # neither moved nor unsure: the middle was confirmed by Enter
    _, lines = save(page)
    assert list(curve(lines, "a/1.wav").values()) == ["0"] * 4


def test_songs_without_anything_to_rate_do_not_keep_a_rater_from_the_end(open_page, tmp_path):
    (tmp_path / "songs").mkdir()
    for name, seconds in (("long", 2), ("short", 0.3), ("gone", 2)):
        soundfile.write(tmp_path / "songs" / f"{name}.wav", np.zeros(int(SR * seconds)), SR)
    path = write_annotation_page(tmp_path / "songs", tmp_path / "page", ratings=["valence"])
    (tmp_path / "songs" / "gone.wav").unlink()
    page = begin(open_page(path))
    page.get_by_text("2 of 3 songs done.").wait_for()
    found = page.locator("[role=option]").all_text_contents()
    assert [text for text in found if text.endswith("nothing to rate")] == [
        "gone.wavnothing to rate",
        "short.wavnothing to rate",
    ]


def test_one_and_three_ratings_with_a_range_and_a_limit(open_page, home):
    ratings = ["tension", "joy", "awe"]
    path = write_annotation_page(home / "songs", home / "three", ratings=ratings, limits=(1, 9), seconds=1.5)
    page = begin(open_page(path))
    assert page.locator("#field").count() == 0
    for name, value in zip(ratings, ("9", "1", "4.5"), strict=True):
        page.get_by_label(name, exact=True).fill(value)
    page.get_by_label("awe", exact=True).press("ArrowRight")
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelector('[role=option] .mark').textContent === '✓ done'")
    _, lines = save(page)
    assert [tuple(line[name] for name in ratings) for line in lines] == [("9", "1", "4.6")] * 3
    one = begin(open_page(write_annotation_page(home / "songs", home / "one", ratings="arousal", limits=(0, 1))))
    one.keyboard.press("ArrowUp")
    one.keyboard.press("ArrowRight")
    assert one.get_by_label("arousal", exact=True).input_value() == "0.54"


# Both


def test_two_raters_agree_and_a_model_learns_from_their_labels(open_page, labels_page, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = []
    for rater, keys in (("Ann", "1122"), ("Bob", "112u"), ("Cleo", "12x2")):
        page = begin(open_page(labels_page), rater)
        for key in keys:
            page.keyboard.press(key)
        files.append(str(save(page, tmp_path)[0]))
        page.close()
    assert main(["agreement", *files, "--out", "agreement.json"]) == 0
    found = json.loads((tmp_path / "agreement.json").read_text())
    [label] = found["targets"]
    assert (label["target"], label["songs"], label["fewest_raters"], label["most_raters"]) == ("label", 4, 2, 3)
    assert "Ignored: 1 unsure, 1 skipped." in capsys.readouterr().err
    options = [option for file in files for option in ("--labels", file)]
    options += ["--system", "log-mel", "--config", '{"segments": {"duration": 1}}', "--n-splits", "0"]
    command = ["train", str(home_of(labels_page)), *options, "--out", "m.skmer"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "happy 2, sad 2" in out
    assert "the one that most of 3 people (Ann, Bob, Cleo) chose" in err
    assert "1 unsure and 1 skipped are not taken as an answer." in err


def test_two_raters_agree_on_ratings_over_time(open_page, ratings_page, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = []
    for rater, shift in (("Ann", 0), ("Bob", 0.2)):
        page = begin(open_page(ratings_page), rater)
        old = tmp_path / "old.csv"
        rows = [f"{name},{t},{i / 4 + shift},{t / 10},{rater}" for i, name in enumerate(NAMES) for t in (0.5, 1, 1.5)]
        old.write_text("\n".join(["path,time,valence,arousal,rater", *rows]), encoding="utf-8")
        page.locator("#open").set_input_files(old)
        page.get_by_text("Answers to 4 songs taken").wait_for()
        files.append(str(save(page, tmp_path)[0]))
        page.close()
    assert main(["agreement", *files]) == 0
    out, err = capsys.readouterr()
    assert "read as ratings of valence, arousal; the song is in path and time, the rater in rater." in err
    assert out.splitlines()[2].split("|")[2].strip() == "12"
    songs = load_csv(files, home_of(ratings_page), targets=["valence", "arousal"], dynamic=True)
    # means of 0, .25, ... and these + .2; of .05, .1, .15
    assert songs.target[:, 0] == pytest.approx([0.1, 0.35, 0.6, 0.85])
    assert songs.target[:, 1] == pytest.approx(0.1)
    assert songs.dynamic[1].listeners[:, 0, 0].tolist() == [0.25, 0.45]


@pytest.mark.parametrize("kind", ["labels", "ratings"])
def test_the_keyboard_alone_reaches_everything_and_it_has_a_name(open_page, request, kind):
    page = begin(open_page(request.getfixturevalue(f"{kind}_page")))
    own = {"go-on"} if kind == "labels" else {"field", "rating-0", "rating-1", "rate", "gap"}
    reached = set()
    for _ in range(50):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {
        "audio",
        "previous",
        "next",
        "leave",
        "save",
        "open",
        "by-name",
        "by-answer",
        "order",
        "list",
    } | own <= reached
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, progress, [role=listbox], [role=application]')]
          .filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length))
          .map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    if kind == "ratings":
        page.locator("#field").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        assert page.locator("#field").get_attribute("aria-label") == "valence 0.04, arousal -0.04"
        page.get_by_label("valence", exact=True).focus()
        page.keyboard.press("ArrowLeft")
        assert page.locator("#field").get_attribute("aria-label") == "valence 0.02, arousal -0.04"
        # in the list, arrows go through the songs and move nothing
        page.locator("#list").focus()
        page.keyboard.press("ArrowDown")
        assert selected(page) == "a/2.wav"
        assert page.locator("#field").get_attribute("aria-label") == "valence 0.00, arousal 0.00"


@pytest.mark.parametrize("kind", ["labels", "ratings"])
def test_phone_and_dark(open_page, request, kind):
    path = request.getfixturevalue(f"{kind}_page")
    page = begin(open_page(path, viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True))
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    if kind == "labels":
        page.get_by_role("button", name="happy").tap()
        assert marks(page)[0] == "happy"
    else:
        box = page.locator("#field").bounding_box()
        assert box["y"] + box["height"] < 667  # beside the player, on one screen
        page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
        assert page.locator("#field").get_attribute("aria-label") == "valence 0.50, arousal 0.50"
    dark = open_page(path, color_scheme="dark")
    assert dark.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 24, 26)"


def test_copied_songs_are_played_from_the_folder(open_page, home, tmp_path):
    path = write_annotation_page(home / "songs", tmp_path / "sent", labels=LABELS, copy_songs=True)
    moved = (tmp_path / "sent").rename(tmp_path / "moved")
    page = begin(open_page(moved / path.name))
    page.locator("[role=option]").nth(3).click()
    until(page, "audio.duration === 6")
    assert "/moved/songs/b/" in page.evaluate("document.getElementById('audio').currentSrc")
    page.keyboard.press("1")
    _, lines = save(page)
    assert lines[0]["path"] == NAMES[3]
