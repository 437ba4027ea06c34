"""The report: its page and tables contain the figures of the model."""

import csv
import dataclasses
import json
import os
import sys
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
import soundfile

from skmer._io import audio_link, open_text
from skmer.datasets import load_csv
from skmer.inspection import LabelTrust, label_trust, write_label_noise_report
from skmer.inspection.report.folder import segment_writer, write_relabel, write_stretches
from skmer.inspection.report.page import seconds_text, share
from skmer.inspection.report.summary import distrusted_seconds, summarise, totals
from tests.tiny_model import SR, tiny_pipeline, tiny_songs

EMOTIONS = np.array(["calm", "tense"])


VOID = ("meta", "input")


class Page(HTMLParser):
    """The links, the text and the content of a page; each tag must be closed."""

    def __init__(self, path):
        super().__init__()
        self.open, self.links, self.words, self.json = [], [], [], False
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.json = ("id", "content") in attrs
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.json = False
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.json:
            self.content = json.loads(data)
        elif self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)


def table(path):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return list(csv.DictReader(stream))


def trust_of(clean, label="calm"):
    clean = np.asarray(clean, dtype=float)
    rows = np.column_stack([clean, 1 - clean])
    starts = np.arange(len(clean)) * 1.0
    rows = rows if label == "calm" else rows[:, ::-1]
    return LabelTrust(label, EMOTIONS, starts, starts + 1, rows, -np.log(clean), clean, 0.5)


@pytest.fixture
def files(tmp_path):
    """Five songs, one of which has a name that does harm where it is not escaped."""
    (tmp_path / "songs").mkdir()
    names = ["a.wav", "<script>alert(1)&.wav", "ü #1, 100%.wav", "d.wav", "e.wav"]
    for name, y in zip(names, tiny_songs().data, strict=False):
        soundfile.write(tmp_path / "songs" / name, y, SR, subtype="FLOAT")
    return [str(tmp_path / "songs" / name) for name in names]


def labels(n=5):
    return tiny_songs().target[:n].tolist()


def test_sums_over_songs():
    songs = [
        summarise(trust_of([0.9, 0.2, 0.1, 0.8]), "a", "a"),
        summarise(trust_of([0.3, 0.95], "tense"), "b", "b"),
    ]
    assert songs[0].distrusted == 2
    assert songs[0].expected_wrong == pytest.approx(0.5)
    every, calm = totals(songs), totals(songs, "calm")
    assert (every.n_songs, every.seconds, every.n_segments, every.distrusted) == (2, 6, 6, 3)
    assert every.expected_wrong == pytest.approx((0.1 + 0.8 + 0.9 + 0.2 + 0.7 + 0.05) / 6)
    assert calm.expected_wrong == pytest.approx(0.5)
    assert distrusted_seconds(songs) == {("calm", "tense"): 2, ("tense", "calm"): 1}
    led = trust_of([0.9, 0.55])
    led = summarise(dataclasses.replace(led, threshold=0.6), "c", "c")
    assert distrusted_seconds([led]) == {("calm", "calm"): 1}  # distrusted, but the label still leads
    assert np.sum([song.bins for song in songs]) == 6
    assert songs[1].bins[19] == 1
    assert totals([]).expected_wrong == 0


def test_tables_and_page_contain_the_figures_of_the_model(files, tmp_path):
    out = tmp_path / "report"
    names = [os.path.basename(file) for file in files]
    report = write_label_noise_report(tiny_pipeline(), files, labels(), out, names=names, threshold=0.8)
    assert report.page == out / "index.html"
    trusts = list(label_trust(tiny_pipeline(), files, labels(), threshold=0.8))
    wrong = [trust.expected_wrong for trust in trusts]
    order = sorted(range(5), key=lambda i: -wrong[i])
    assert [song.name for song in report.songs] == [names[i] for i in order]
    assert [song.expected_wrong for song in report.songs] == pytest.approx([wrong[i] for i in order], abs=1e-5)

    segments = table(out / "segments.csv")
    assert list(segments[0]) == [
        "file",
        "label",
        "start",
        "end",
        "clean_probability",
        "label_probability",
        "loss",
        "p_Q1",
        "p_Q2",
        "p_Q3",
        "p_Q4",
    ]
    assert [row["file"] for row in segments] == [name for name in names for _ in range(5)]
    clean = np.concatenate([trust.clean_probability for trust in trusts])
    np.testing.assert_allclose([float(row["clean_probability"]) for row in segments], clean, atol=1e-5)
    losses = np.concatenate([trust.losses for trust in trusts])
    np.testing.assert_allclose([float(row["loss"]) for row in segments], losses, atol=1e-5)
    np.testing.assert_allclose([float(row["label_probability"]) for row in segments], np.exp(-losses), atol=1e-5)

    lines = table(out / "stretches.csv")
    columns = "file label start end clean_probability heard heard_probability label_probability label_leads"
    assert list(lines[0]) == columns.split()
    expected = [(names[i], trusts[i].label, stretch) for i in order for stretch in trusts[i].stretches()]
    assert expected
    for row, (name, label, stretch) in zip(lines, expected, strict=True):
        assert (row["file"], row["label"], row["heard"]) == (name, label, stretch.heard)
        assert row["label_leads"] == ("yes" if stretch.label_leads else "no")
        keys = ("start", "end", "clean_probability", "heard_probability", "label_probability")
        numbers = [getattr(stretch, key) for key in keys]
        assert [float(row[key]) for key in keys] == pytest.approx(numbers, abs=1e-5)

    lines = table(out / "relabel.csv")
    columns = "path label old_label expected_wrong heard heard_probability label_probability"
    assert list(lines[0]) == columns.split()
    for row, i in zip(lines, order, strict=True):
        whole = trusts[i].whole()
        assert (row["path"], row["label"], row["old_label"]) == (names[i], trusts[i].label, trusts[i].label)
        assert row["heard"] == whole.heard != row["label"]
        numbers = [wrong[i], whole.heard_probability, whole.label_probability]
        keys = ("expected_wrong", "heard_probability", "label_probability")
        assert [float(row[key]) for key in keys] == pytest.approx(numbers, abs=1e-5)
    content = Page(out / "index.html").content
    assert content["names"] == ["Q1", "Q2", "Q3", "Q4"]
    assert content["threshold"] == 0.8
    for song, i in zip(content["songs"], order, strict=True):
        trust, whole = trusts[i], trusts[i].whole()
        assert (song["name"], content["names"][song["label"]], song["end"]) == (names[i], trust.label, trust.ends[-1])
        assert content["names"][song["heard"]] == whole.heard
        assert (song["ofHeard"], song["ofLabel"]) == pytest.approx(
            (whole.heard_probability, whole.label_probability), abs=1e-3
        )
        assert song["leads"] == whole.label_leads
        np.testing.assert_allclose(np.transpose(song["curves"]) / 100, trust.second_probabilities, atol=0.006)
        np.testing.assert_allclose(np.array(song["trust"]) / 100, trust.second_clean_probability, atol=0.006)
        shown = [(start, end, content["names"][heard]) for start, end, heard, *_ in song["stretches"]]
        assert shown == [(stretch.start, stretch.end, stretch.heard) for stretch in trust.stretches()]


def test_page_escapes_names_links_to_the_songs_and_needs_no_network(files, tmp_path):
    out = tmp_path / "report"
    write_label_noise_report(tiny_pipeline(), files, labels(), out, threshold=1.0)
    source = (out / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in source
    assert "http" not in source.replace("http://www.w3.org/2000/svg", "")  # the name of a namespace
    page = Page(out / "index.html")
    assert not [link for link in page.links if "//" in link]
    heard = [song["url"] for song in page.content["songs"]]
    assert sorted(os.path.normpath(out / os.fsdecode(unquote_to_bytes(link))) for link in heard) == sorted(files)
    # at a threshold of 1 all bars of the histogram are doubtful
    assert source.count('fill="currentColor"') == 20


def test_songs_that_fail_are_named_and_the_others_go_on(files, tmp_path):
    with open(files[1], "w") as file:
        file.write("no music")
    messages = []
    given = [*labels(4), "<Q9>"]
    names = ["a", "<b>", "c", "d", "e"]
    out = tmp_path / "report"
    report = write_label_noise_report(tiny_pipeline(), files, given, out, names=names, n_jobs=2, log=messages.append)
    assert [name for name, _ in report.failed] == ["<b>", "e"]
    assert "not audio" in report.failed[0][1]
    assert "was not trained on the label '<Q9>'" in report.failed[1][1]
    assert messages == [f"{name}: {reason}" for name, reason in report.failed]
    assert sorted(song.name for song in report.songs) == ["a", "c", "d"]
    assert "2 songs could not be used" in Page(out / "index.html").words
    source = (out / "index.html").read_text(encoding="utf-8")
    assert "&lt;Q9&gt;" in source
    assert "<Q9>" not in source


def test_all_songs_may_fail(tmp_path):
    report = write_label_noise_report(tiny_pipeline(), ["none.wav"], ["Q1"], tmp_path / "report")
    assert report.songs == ()
    words = Page(report.page).words
    assert "No song could be judged; the reasons are below." in words
    assert not [word for word in words if "0\N{NO-BREAK SPACE}%" in word or "0 s" in word]  # nothing was judged
    assert table(tmp_path / "report" / "segments.csv") == []
    assert table(tmp_path / "report" / "relabel.csv") == []


def test_load_csv_reads_the_table_of_songs_with_groups_and_unknown_labels(files, tmp_path):
    out = tmp_path / "report"
    names = [os.path.basename(file) for file in files]
    with open(files[1], "w") as file:
        file.write("no music")
    given = [*labels(3), "odd", labels(4)[3]]
    write_label_noise_report(tiny_pipeline(), files, given, out, names=names, groups=["Ana", "Bo", "Ana", "Cy", "Bo"])
    lines = table(out / "relabel.csv")
    assert list(lines[0])[:4] == ["path", "label", "group", "old_label"]
    assert (lines[-1]["path"], lines[-1]["old_label"], lines[-1]["expected_wrong"]) == ("d.wav", "odd", "")
    songs = load_csv(out / "relabel.csv", data_home=tmp_path / "songs")
    truth = dict(zip(names, zip(given, ["Ana", "Bo", "Ana", "Cy", "Bo"], strict=True), strict=True))
    del truth[names[1]]  # which cannot be read
    read = zip(songs.target.tolist(), songs.groups.tolist(), strict=True)
    assert dict(zip(map(os.path.basename, songs.data), read, strict=True)) == truth


def test_page_without_a_mixture_and_with_a_maximum_duration(files, tmp_path, monkeypatch):
    network = tiny_pipeline()[1]
    monkeypatch.delattr(network, "split_")
    monkeypatch.setattr(tiny_pipeline()[0], "max_duration", 3)
    report = write_label_noise_report(tiny_pipeline(), files[:2], labels(2), tmp_path / "report", verbose=0)
    source = report.page.read_text(encoding="utf-8")
    assert not report.from_mixture
    assert "has no loss mixture" in source
    assert "uses the first 3 s" in source
    assert report.totals.seconds == 6


def test_line_breaks_in_names_break_no_table(tmp_path):
    names = ["a\rb.wav", "c\nd.wav", 'e,"f"\r\n.wav', "g.wav"]
    songs = [summarise(trust_of([0.1]), name, name) for name in names]
    write_relabel(tmp_path / "relabel.csv", songs)
    write_stretches(tmp_path / "stretches.csv", songs)
    with open_text(tmp_path / "segments.csv") as stream:
        write = segment_writer(stream, EMOTIONS)
        for name in names:
            write(name, trust_of([0.1]))
    for file, column in (("relabel.csv", "path"), ("stretches.csv", "file"), ("segments.csv", "file")):
        assert [row[column] for row in table(tmp_path / file)] == names
        assert (tmp_path / file).read_bytes().count(b"\r\n") == 1  # of the name
        assert b'"a\rb.wav"' in (tmp_path / file).read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
def test_bytes_in_a_name_that_are_no_text_go_through(files, tmp_path):
    odd = os.fsdecode(os.fsencode(str(tmp_path)) + b"/songs/\xff.wav")
    os.rename(files[0], odd)
    out = tmp_path / "report"
    write_label_noise_report(tiny_pipeline(), [odd], labels(1), out, threshold=1.0)
    assert table(out / "relabel.csv")[0]["path"] == odd
    assert table(out / "stretches.csv")[0]["file"] == odd
    [song] = Page(out / "index.html").content["songs"]
    assert song["name"] == odd
    assert song["url"].endswith("songs/%FF.wav")


def test_wrong_input_is_an_error(tmp_path):
    for songs, given, word in [
        ([tiny_songs().data[0]], ["Q1"], "must be paths"),
        (["a.wav"], ["Q1", "Q2"], "1 songs but 2 labels"),
        ([], [], "no song"),
    ]:
        with pytest.raises(ValueError, match=word):
            write_label_noise_report(tiny_pipeline(), songs, given, tmp_path / "report")
    with pytest.raises(ValueError, match="1 songs but 0 names"):
        write_label_noise_report(tiny_pipeline(), ["a.wav"], ["Q1"], tmp_path / "report", names=[])
    with pytest.raises(ValueError, match="1 songs but 2 groups"):
        write_label_noise_report(tiny_pipeline(), ["a.wav"], ["Q1"], tmp_path / "report", groups=["a", "b"])
    assert list(tmp_path.iterdir()) == []


def test_figures_are_written_for_people(tmp_path):
    assert [seconds_text(t) for t in (3, 3.25, 1234)] == ["3 s", "3.2 s", "1,234 s"]
    assert audio_link(tmp_path / "a:b #1.mp3", tmp_path / "report") == "../a%3Ab%20%231.mp3"
    assert share(0.574) == "57\N{NO-BREAK SPACE}%"


def test_report_of_cross_fitted_songs(files, tmp_path):
    broken = tmp_path / "songs" / "broken.wav"
    broken.write_bytes(b"RIFF")
    songs = [*files, str(broken), files[0]]
    labels = ["Q1", "Q2", "Q1", "Q2", "Q1", "Q1", "Q9"]
    options = {"cv": 2, "smoothing": 0, "groups": list("aabbccd")}
    report = write_label_noise_report(tiny_pipeline(), songs, labels, tmp_path / "report", **options)
    assert report.cross_fitted
    assert not report.from_mixture
    assert [name for name, _ in report.failed] == [str(broken), files[0]]
    expected = list(
        label_trust(tiny_pipeline(), songs[:5], labels[:5], cv=2, smoothing=0, groups=options["groups"][:5])
    )
    found = {song.file: song for song in report.songs}
    for file, trust in zip(files, expected, strict=True):
        assert found[file].expected_wrong == pytest.approx(trust.expected_wrong)
        assert found[file].whole == trust.whole()
    assert report.threshold == expected[0].threshold
    assert {song.file for song in report.unsure} == {
        file for file, trust in zip(files, expected, strict=True) if not trust.whole().label_leads
    }
    words = " ".join(" ".join(Page(report.page).words).split())
    assert "judged by a network that was trained on other songs" in words
    assert f"In {len(report.unsure)} of 5 songs the model prefers another emotion to the label" in words


def test_a_folder_is_kept_where_songs_cannot_be_cross_fitted(files, tmp_path):
    with pytest.raises(ValueError, match="9 folds need 9 songs of a label"):
        write_label_noise_report(tiny_pipeline(), files, tiny_songs().target[:5], tmp_path / "report", cv=9)
    assert not (tmp_path / "report").exists()
