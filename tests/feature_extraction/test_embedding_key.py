"""The key of an embedding follows all of its class, and a file wherever it lies."""

import subprocess
import sys

import pytest
import torch

from skmer.feature_extraction import _embedding_key
from skmer.feature_extraction._embedding_key import embedding_key


class Embedding:
    SCALE = 1.0

    @staticmethod
    def halved(windows):
        return windows[:, :2] / 2

    @classmethod
    def first(cls, windows):
        return windows[:, :2] * cls.SCALE

    @property
    def scale(self):
        return 2 * self.SCALE

    def __call__(self, windows):
        return self.halved(windows) * self.scale + self.first(windows)


CHANGES = {
    "SCALE": 2.0,
    "halved": staticmethod(lambda windows: windows),
    "first": classmethod(lambda cls, windows: windows),
    "scale": property(lambda self: 3.0),
    "__call__": lambda self, windows: windows,
}


@pytest.mark.parametrize("name", CHANGES)
def test_all_that_stands_in_a_class_counts(name, monkeypatch):
    before = embedding_key(Embedding())
    assert embedding_key(Embedding()) == before
    with monkeypatch.context() as patch:
        patch.setattr(Embedding, name, CHANGES[name])
        assert embedding_key(Embedding()) != before
        assert embedding_key(lambda windows: Embedding()(windows)) != before
    assert embedding_key(Embedding()) == before


def test_a_class_that_a_function_names_counts(monkeypatch):
    def embed(windows):
        return Embedding()(windows)

    before = embedding_key(embed)
    monkeypatch.setattr(Embedding, "SCALE", 3.0)
    assert embedding_key(embed) != before


def test_a_file_counts_by_its_bytes(tmp_path):
    paths = [tmp_path / "a.pt", tmp_path / "b.pt", tmp_path / "c.pt"]
    for path, contents in zip(paths, (b"one", b"one", b"two"), strict=True):
        path.write_bytes(contents)
    one, same, other = map(embedding_key, paths)
    assert one == same == embedding_key(str(paths[0])) != other


def test_a_word_of_its_author_is_taken_for_all(monkeypatch):
    embedding = Embedding()
    embedding.cache_key = "weights of May"
    assert embedding_key(embedding) == "own weights of May"


def test_versions_of_known_packages_count(monkeypatch):
    before = embedding_key(Embedding())
    assert f"torch {torch.__version__.partition('+')[0]}" in before
    for package in ("torch", "numpy", "scipy", "librosa", "scikit-learn"):
        _embedding_key._versions.cache_clear()
        with monkeypatch.context() as patch:
            known = _embedding_key.version
            patch.setattr(_embedding_key, "version", lambda name, p=package, v=known: "0" if name == p else v(name))
            assert embedding_key(Embedding()) != before
    _embedding_key._versions.cache_clear()
    assert embedding_key(Embedding()) == before


def test_versions_are_read_without_an_import():
    code = (
        "import sys; from skmer.feature_extraction._embedding_key import embedding_key\n"
        "assert 'librosa 0' in embedding_key(len); sys.exit('librosa' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_global_generator_is_refused_by_its_name(monkeypatch):
    monkeypatch.setitem(globals(), "NOISE", torch.Generator())
    with pytest.raises(ValueError, match=r"NOISE is a random generator.*; give it.* a text attribute cache_key"):
        embedding_key(lambda windows: windows + torch.rand(1, generator=NOISE))  # noqa: F821
