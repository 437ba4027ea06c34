"""musicnn: the published networks for music tagging, with weights from the package that the user has installed."""

import os
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path

from skmer.embeddings._musicnn_network import ARRAYS, MusicnnNetwork
from skmer.embeddings._tensorflow_checkpoint import read_checkpoint

__all__ = ["musicnn"]

_TAGS = {
    "MTT": (
        "guitar, classical, slow, techno, strings, drums, electronic, rock, fast, piano, ambient, beat, violin, vocal, "
        "synth, female, indian, opera, male, singing, vocals, no vocals, harpsichord, loud, quiet, flute, woman, "
        "male vocal, no vocal, pop, soft, sitar, solo, man, classic, choir, voice, new age, dance, male voice, "
        "female vocal, beats, harp, cello, no voice, weird, country, metal, female voice, choral"
    ),
    "MSD": (
        "rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock, jazz, beautiful, "
        "metal, chillout, male vocalists, classic rock, soul, indie rock, Mellow, electronica, 80s, folk, 90s, chill, "
        "instrumental, punk, oldies, blues, hard rock, ambient, acoustic, experimental, female vocalist, guitar, "
        "Hip-Hop, 70s, party, country, easy listening, sexy, catchy, funk, electro, heavy metal, Progressive rock, "
        "60s, rnb, indie pop, sad, House, happy"
    ),
}
_DATA = ".data-00000-of-00001"


def musicnn(model="MSD", output="penultimate", precision="auto", path=None):
    """Load a network of musicnn, as published by its authors, for `EmbeddingTransformer`.

    musicnn is a convolutional network that predicts 50 tags, such as genres, instruments and voices, from three seconds
    of music. Its layers before the tags are features for other tasks, such as emotion.

    The weights are read from the authors' package, which you install by ``pip install --no-deps musicnn``. It needs
    neither TensorFlow nor an old NumPy for this, because it is never imported. Nothing is downloaded.

    Parameters
    ----------
    model : {"MSD", "MTT"}, default="MSD"
        The songs that the network was trained on, and thus its tags: "MSD" is the Million Song Dataset with tags from
        last.fm, and "MTT" is MagnaTagATune.
    output : {"penultimate", "mean", "max", "logits", "tags"}, default="penultimate"
        What is returned for a window: the last layer before the tags (200 values); the mean or the maximum over time of
        all convolutional layers (753 values each); or the logits or the probabilities of the 50 tags.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the convolutions of the spectrogram, which are nine tenths of the arithmetic. "auto" is bfloat16
        where the processor or GPU has instructions for it.
    path : str or Path, default=None
        The wheel of musicnn (a file ``.whl``), or the folder of its contents. None is the installed package.

    Returns
    -------
    Module
        A torch module in eval mode that maps waveforms of shape (n_windows, n_samples) at 16 kHz, with a full scale of
        1, to (n_windows, n_dims). ``tags`` is a tuple of the names of the tags, in the order of the logits.

    Raises
    ------
    ImportError
        If the package musicnn is not installed, and no `path` is given.
    ValueError
        If a file is missing, damaged or not that of musicnn, or a parameter is unknown.

    See Also
    --------
    skmer.EmbeddingTransformer : Applies the network to songs.

    Notes
    -----
    The networks were trained on windows of 3 s. Windows of other lengths, from 0.032 s on, are possible, because all
    layers are pooled over time.

    In float32, the outputs are those of the published TensorFlow graph but for rounding: logits differ by less than
    0.0001. In bfloat16, outputs differ by about a hundredth of their standard deviation between windows of music.

    The input is a mel spectrogram of 96 bands (frames of 512 samples, every 256), as ``log10(10000 * x + 1)``. musicnn
    computes this in float16, which overflows in loud music, so that all outputs are NaN. Here values are rounded as by
    float16 in the same places, but in a wider range. A window begins with a frame that is centred at its first sample;
    the 256 samples before it are a reflection, as in librosa before version 0.10. As many frames are used as in musicnn
    (187 in 3 s). musicnn cuts the spectrogram of the whole recording, so that only the first window has such a frame.

    musicnn and its weights are under the ISC licence. The recordings of MagnaTagATune are from Magnatune, as are those
    of Emotify: "MTT" may have been trained on recordings of Emotify, although not on emotions. "MSD" was not.

    References
    ----------
    Pons & Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", late-breaking demo,
    ISMIR 2019.

    Examples
    --------
    >>> from skmer import EmbeddingTransformer
    >>> from skmer.embeddings import musicnn
    >>> network = musicnn("MSD")  # doctest: +SKIP
    >>> network.tags[:4]  # doctest: +SKIP
    ('rock', 'pop', 'alternative', 'indie')
    >>> EmbeddingTransformer(network, sr=16000, window=3.0, statistics=["mean", "std"])  # doctest: +SKIP
    """
    if model not in _TAGS:
        raise ValueError(f"model must be one of {', '.join(map(repr, _TAGS))}, got {model!r}.")
    if path is None:
        arrays = _from_folder(_installed(), model)
    elif os.path.isdir(path):
        arrays = _from_folder(Path(path), model)
    elif os.path.isfile(path):
        arrays = _from_wheel(path, model)
    else:
        raise ValueError(
            f"path={os.fspath(path)!r}: no such file or folder. Pass the wheel of musicnn, or install it by "
            "pip install --no-deps musicnn and leave out the path."
        )
    return MusicnnNetwork(arrays, model, _TAGS[model].split(", "), output, precision)


def _installed():
    """Return the folder of the installed package, which is not imported because it would import TensorFlow."""
    spec = find_spec("musicnn")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "The weights are in the package musicnn; install it with: pip install --no-deps musicnn (without its "
            "dependencies, which need an old NumPy), or pass the path of its wheel."
        )
    return Path(spec.submodule_search_locations[0])


def _from_wheel(path, model):
    try:
        with zipfile.ZipFile(path) as archive:
            return _from_folder(zipfile.Path(archive), model)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"{os.fspath(path)}: this is not a wheel, or it is damaged ({error}). Get the wheel of musicnn by "
            "pip download --no-deps musicnn."
        ) from error


def _from_folder(root, model):
    """Return the arrays of a model below a folder on disk or in a wheel, which is the package's or contains it."""
    advice = "Get musicnn 0.1.0 by pip install --no-deps --force-reinstall musicnn."
    folders = [parent / f"{model}_musicnn" for parent in (root / "musicnn", root)]
    for folder in folders:
        index, data = folder / ".index", folder / _DATA
        if index.is_file() and data.is_file():
            break
    else:
        raise ValueError(
            f"{str(root).rstrip('/')}: this is not the package musicnn, or it is incomplete: the hidden files "
            f"{model}_musicnn/.index and {_DATA} beside it are not there. {advice}"
        )
    name = f"{str(folder).rstrip('/')}/"
    arrays = read_checkpoint(index.read_bytes(), data.read_bytes(), name, wanted=ARRAYS, advice=advice)
    for key, shape in ARRAYS.items():
        if arrays[key].shape != shape or arrays[key].dtype != "float32":
            raise ValueError(
                f"{name}.index: this is a checkpoint of another network, in which {key!r} has the shape "
                f"{arrays[key].shape}, not {shape}. {advice}"
            )
    return arrays
