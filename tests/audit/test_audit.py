"""An audit finds planted copies, contradictions and faults, and nothing in a collection without any."""

import csv
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.utils import Bunch

from skmer.audit import audit_songs, measure_recording, write_audit
from skmer.audit.findings import find_oddities, findings
from skmer.cli import main
from skmer.datasets import load_folder, make_songs, write_songs


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    write_songs(make_songs(16, duration=10, random_state=0), folder)
    return folder / "songs"


@pytest.fixture(scope="module")
def planted(clean, tmp_path_factory):
    """The clean songs with a copied file, a re-encoded copy under another label, and odd recordings."""
    folder = tmp_path_factory.mktemp("planted") / "songs"
    shutil.copytree(clean, folder)
    songs = load_folder(folder).data
    calm, tense = (
        next(path for path in songs if f"/{label}/" in path.replace("\\", "/")) for label in classes(folder)[:2]
    )
    shutil.copy(calm, folder / classes(folder)[0] / "again.wav")
    y, sr = soundfile.read(tense, dtype="float32")
    soundfile.write(folder / classes(folder)[0] / "other_label.ogg", 0.5 * y[sr:], sr)
    odd = folder / classes(folder)[2]
    soundfile.write(odd / "silent.flac", np.zeros(sr * 10, np.float32), sr)
    soundfile.write(odd / "mostly_silent.flac", np.concatenate([y[: sr * 4], np.zeros(sr * 6, np.float32)]), sr)
    soundfile.write(odd / "loud.flac", np.clip(60 * np.random.default_rng(0).normal(0, 1, sr * 10), -1, 1), sr)
    soundfile.write(odd / "soft.flac", 0.005 * np.random.default_rng(1).normal(0, 0.1, sr * 10), sr, subtype="PCM_24")
    soundfile.write(odd / "short.flac", np.random.default_rng(2).normal(0, 0.1, sr * 2), sr)
    (odd / "damaged.wav").write_bytes(Path(tense).read_bytes()[:3000])
    return folder


def classes(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_a_clean_collection_has_no_findings(clean):
    audit = audit_songs(load_folder(clean))
    assert findings(audit) == []
    assert audit.copies == []
    assert audit.recordings.tolist() == list(range(16))


def test_all_that_was_planted_is_found(planted):
    songs = load_folder(planted, check_audio=False)
    audit = audit_songs(songs, n_jobs=2)
    names = [Path(path).name for path in songs.data]
    found = {(names[copy.first], names[copy.second], copy.same_bytes) for copy in audit.copies}
    assert {same for *pair, same in found if "again.wav" in pair} == {True}
    assert {same for *pair, same in found if "other_label.ogg" in pair} == {False}
    [contradiction] = audit.contradictions
    assert "other_label.ogg" in {names[i] for i in contradiction}
    oddities = {phrase: {names[i] for i in own} for phrase, own in find_oddities(audit).items()}
    assert oddities == {
        "digital silence": {"silent.flac"},
        "silent for more than half of their time": {"mostly_silent.flac"},
        "at full scale in more than one of a hundred samples": {"loud.flac"},
        "20 dB or more from the median level": {"loud.flac", "soft.flac"},
        "shorter than a quarter of the median length": {"short.flac"},
    }
    assert [names[i] for i in audit.unreadable] == ["damaged.wav"]
    text = "\n".join(findings(audit))
    assert "1 recording occurs with different labels" in text
    assert "1 song cannot be read." in text


def test_facts_by_hand(tmp_path):
    y = np.zeros((44100, 2), np.float32)
    y[:22050] = 0.5
    y[:100] = 1.0
    soundfile.write(tmp_path / "song.wav", y, 44100, subtype="FLOAT")
    facts = measure_recording(tmp_path / "song.wav")
    assert (facts.duration, facts.sample_rate, facts.channels, facts.format) == (1.0, 44100, 2, "WAV FLOAT")
    assert facts.peak == 0
    assert facts.level == pytest.approx(10 * np.log10((100 + 21950 / 4) / 44100))
    assert facts.clipped == pytest.approx(100 / 44100)
    assert facts.silent == pytest.approx(0.5)
    assert "no such file" in measure_recording(tmp_path / "none.wav").error


def test_shared_recordings_and_groups_of_a_split_are_named(clean, tmp_path):
    paths = [str(path) for path in sorted(clean.rglob("*.wav"))][:4]
    copy = tmp_path / "copy.wav"
    shutil.copy(paths[0], copy)
    songs = Bunch(
        data=[*paths, str(copy)],
        target=np.array(["x", "x", "y", "y", "x"]),
        groups=np.array(["A", "B", "C", "C", "D"]),
        splits={"published": {"train": np.array([0, 1, 2]), "test": np.array([3, 4])}},
    )
    audit = audit_songs(songs)
    assert audit.shared_groups == {"published": {("train", "test"): 1, ("test", "train"): 1}}
    assert audit.shared_recordings == {"published": {("train", "test"): 1, ("test", "train"): 1}}
    assert audit.across_groups == [[0, 4]]
    text = findings(audit)
    assert "Split published: the recording of 1 of the 2 test songs is also in train." in text
    assert "Split published: the group, such as the artist, of 1 of the 2 test songs is also in train." in text


def test_the_format_of_files_that_predicts_labels_is_named(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(12):
        rate = 16000 if i % 2 else 22050
        soundfile.write(tmp_path / f"{i:02d}.wav", rng.normal(0, 0.1, rate * 6), rate)
    songs = Bunch(data=sorted(map(str, tmp_path.glob("*.wav"))), target=np.arange(12) % 2)
    audit = audit_songs(songs)
    assert audit.label_by_format[0] == 1
    assert any("The file format predicts the label" in sentence for sentence in findings(audit))


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources = []

    def handle_starttag(self, tag, attributes):
        if tag == "audio":
            self.sources.append(dict(attributes)["src"])


def test_the_page_and_the_tables(planted, tmp_path):
    audit = audit_songs(load_folder(planted, check_audio=False))
    page = write_audit(audit, tmp_path / "audit")
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    assert links.sources
    assert all((page.parent / source).resolve().is_file() for source in links.sources)
    with open(tmp_path / "audit" / "songs.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(audit.names)
    assert [row["path"] for row in rows if row["error"]] == [audit.names[i] for i in audit.unreadable]
    with open(tmp_path / "audit" / "copies.csv", newline="", encoding="utf-8") as file:
        assert {row["labels"] for row in csv.DictReader(file)} == {"same", "different"}
    with pytest.raises(FileExistsError, match="an audit exists already"):
        write_audit(audit, tmp_path / "audit")
    write_audit(audit, tmp_path / "audit", force=True)
    (tmp_path / "audit" / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match=r"files that do not belong to an audit, such as mine\.txt"):
        write_audit(audit, tmp_path / "audit", force=True)


def test_the_command(planted, tmp_path, capsys):
    assert main(["audit", str(planted), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "occurs with different labels" in printed
    assert printed.rstrip().endswith("index.html")
    assert main(["audit", str(planted), "--out", str(tmp_path / "out")]) == 2
    assert main(["audit", str(planted), "--out", str(planted / "audit")]) == 2
    assert main(["audit", str(planted), "--out", str(tmp_path / "a"), "--collection", "none"]) == 2


@pytest.mark.parametrize(("songs", "message"), [(Bunch(data=[]), "no song"), (Bunch(data=[np.zeros(9)]), "paths")])
def test_what_cannot_be_audited(songs, message):
    with pytest.raises(ValueError, match=message):
        audit_songs(songs)
