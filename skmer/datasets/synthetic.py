"""make_songs: synthetic music with a label for each song and the true emotion of each second."""

import numbers
from copy import deepcopy
from itertools import pairwise

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skmer.datasets._composition import QUADRANTS, compose, draw_composer, draw_cues, draw_song
from skmer.datasets._synthesis import render

__all__ = ["make_songs", "segment_labels"]

_REAL = (int, float, np.integer, np.floating)
DESCR = """Synthetic songs in the four quadrants of Russell's circumplex
Q1 happy (valence +, arousal +), Q2 angry or fearful (-, +), Q3 sad (-, -), Q4 calm (+, -).
Tempo, level, articulation, register, brightness, attack, density, melodic leaps, timing, mode and
dissonance depend on the emotion as reviewed by Juslin & Laukka (2004) and Gabrielsson & Lindström
(2010), each with variation between composers and at random. `noise` is the share of every song's seconds that
expresses another quadrant than its label; `segment_target` has the quadrant of each second. This is
not real music: use it for tests and tutorials, and not to report results."""


def segment_labels(second_labels, duration, hop=1.0, label=None):
    """Compute the majority label of each segment from labels of seconds.

    Parameters
    ----------
    second_labels : array-like of shape (n_seconds,)
        Label of each second of one song.
    duration : float
        Length of a segment, in seconds.
    hop : float, default=1.0
        Time between the onsets of two segments, in seconds.
    label : object, default=None
        The label whose share is computed; ``None`` is the majority label of each segment.

    Returns
    -------
    labels : ndarray of shape (n_segments,)
        The label of most of each segment's time; in a tie, the label that comes first.
    share : ndarray of shape (n_segments,)
        Share of each segment's time with `label`.

    Raises
    ------
    ValueError
        If `duration` or `hop` is not positive, or the song is shorter than `duration`.

    See Also
    --------
    make_songs : Generate songs with a label for each second.

    Examples
    --------
    >>> from skmer.datasets import segment_labels
    >>> labels, share = segment_labels(["Q1", "Q1", "Q3", "Q3", "Q3"], duration=3, label="Q1")
    >>> labels
    array(['Q1', 'Q3', 'Q3'], dtype='<U2')
    >>> share.round(2)
    array([0.67, 0.33, 0.  ])
    """
    second_labels = np.asarray(second_labels)
    if not (duration > 0 and hop > 0):
        raise ValueError(f"duration and hop must be positive seconds, got duration={duration} and hop={hop}.")
    n_seconds = len(second_labels)
    # 1e-9, because a hop such as 0.1 must not lose a segment to rounding
    n_segments = int(np.floor((n_seconds - duration) / hop + 1e-9)) + 1
    if n_segments < 1:
        raise ValueError(f"The song has {n_seconds} s, less than one segment of duration={duration} s.")
    names, codes = np.unique(second_labels, return_inverse=True)
    onset = hop * np.arange(n_segments)[:, None]
    second = np.arange(n_seconds)
    overlap = np.clip(np.minimum(onset + duration, second + 1) - np.maximum(onset, second), 0, None)
    time = overlap @ np.eye(len(names))[codes]
    met = np.where(overlap > 1e-9, second, n_seconds)
    earliest = np.array([met[:, codes == k].min(axis=1) for k in range(len(names))]).T
    majority = np.where(time >= time.max(axis=1, keepdims=True) - 1e-9, earliest, n_seconds).argmin(axis=1)
    if label is None:
        share = time[np.arange(n_segments), majority] / duration
    else:
        share = time[:, names == label].sum(axis=1) / duration
    return names[majority], share


def make_songs(n_songs=80, *, duration=15.0, noise=0.25, n_composers=None, sr=22528, random_state=None):
    """Generate songs with one label each, some of whose seconds express another emotion.

    Each song has chords, a melody, a bass and possibly drums, with a timbre of its composer and the
    reverberation of a room. Its label is a quadrant of Russell's circumplex. A share `noise` of its
    seconds, in stretches of up to five, expresses another quadrant: a model that assigns the song's
    label to every segment learns from that much label noise, and here the true labels are known.

    Parameters
    ----------
    n_songs : int, default=80
        Number of songs, balanced over the quadrants as far as possible.
    duration : float, default=15.0
        Length of each song in seconds, a whole number.
    noise : float, default=0.25
        Share of each song's seconds that expresses another quadrant than its label, below 0.5. If this
        is not a whole number of seconds, it is rounded up or down at random, so that it holds on average.
    n_composers : int, default=None
        Number of composers, each of whom writes in all quadrants; ``None`` is one per four songs.
    sr : int, default=22528
        Sample rate in Hz.
    random_state : int, RandomState instance or None, default=None
        Seed or generator. Pass an int for the same songs in every call.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : list of ndarray of shape (duration * sr,)
            The waveforms, float32 within ±1. Their level is not normalised, as it carries arousal.
        target : ndarray of shape (n_songs,)
            The label of each song: "Q1", "Q2", "Q3" or "Q4".
        segment_target : list of ndarray of shape (duration,)
            The quadrant that each second of each song expresses.
        groups : ndarray of shape (n_songs,)
            The composer of each song.
        target_names : list of str
            The four quadrants.
        sr : int
            The sample rate.
        DESCR : str
            Description of the data.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    segment_labels : Labels of segments from the labels of seconds.
    load_emotify : Real recordings, labelled by listeners.

    Notes
    -----
    The cues of an emotion are those on which reviews of music psychology agree [1]_ [2]_: music of
    high arousal is fast, loud, bright and dense, with sharp attacks; music of positive valence tends to be in
    major, consonant, high and regular. As in Brunswik's lens model, each cue is only a probable sign of the
    emotion and varies with composer, song and section. As in real music, arousal is easier to recognise
    than valence.

    References
    ----------
    .. [1] P. N. Juslin and P. Laukka, "Expression, perception, and induction of musical emotions:
       a review and a questionnaire study of everyday listening", Journal of New Music Research
       33(3), 2004, Table 2.
    .. [2] A. Gabrielsson and E. Lindström, "The role of structure in the musical expression of
       emotions", in Handbook of Music and Emotion, Oxford University Press, 2010.

    Examples
    --------
    >>> from skmer.datasets import make_songs
    >>> songs = make_songs(4, duration=5, sr=11264, random_state=0)
    >>> sorted(songs.target.tolist())
    ['Q1', 'Q2', 'Q3', 'Q4']
    >>> songs.data[0].shape
    (56320,)
    >>> len(songs.segment_target[0])
    5
    """
    songs = plan_songs(
        n_songs, duration=duration, noise=noise, n_composers=n_composers, sr=sr, random_state=random_state
    )
    songs.data = list(songs.data)
    return songs


def plan_songs(n_songs=80, *, duration=15.0, noise=0.25, n_composers=None, sr=22528, random_state=None):
    """Return the songs of `make_songs` with `data` as an iterable that renders one waveform at a time."""
    n_seconds = _check(n_songs, duration, noise, n_composers, sr)
    random = check_random_state(random_state)
    rng = np.random.default_rng(random.randint(2**31 - 1, size=4))
    names = list(QUADRANTS)
    target = rng.permutation(np.array(names)[np.arange(n_songs) % 4])
    n_composers = max(1, n_songs // 4) if n_composers is None else n_composers
    composers = [draw_composer(rng) for _ in range(n_composers)]
    groups = rng.permutation(np.arange(n_songs) % n_composers)
    own = rng.spawn(n_songs)
    seconds = [_plan(song, label, n_seconds, noise) for song, label in zip(own, target, strict=True)]
    width = len(str(n_composers - 1))
    return Bunch(
        data=_Waveforms(own, [composers[group] for group in groups], seconds, int(sr)),
        target=target,
        segment_target=seconds,
        groups=np.array([f"composer {group:0{width}}" for group in groups]),
        target_names=names,
        sr=int(sr),
        DESCR=DESCR,
    )


class _Waveforms:
    """Iterable of waveforms that are rendered one by one, each with a generator of its own, the same every time."""

    def __init__(self, generators, composers, seconds, sr):
        self._songs = list(zip(generators, composers, seconds, strict=True))
        self._sr = sr

    def __len__(self):
        return len(self._songs)

    def __iter__(self):
        for generator, composer, seconds in self._songs:
            # a copy, so that the song is the same in the next iteration
            rng = deepcopy(generator)
            yield _perform(rng, draw_song(rng, composer), seconds, self._sr)


def _check(n_songs, duration, noise, n_composers, sr):
    counts = {"n_songs": (n_songs, 1), "n_composers": (1 if n_composers is None else n_composers, 1), "sr": (sr, 4000)}
    for name, (value, least) in counts.items():
        if not isinstance(value, numbers.Integral) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")
    if not isinstance(duration, _REAL) or duration < 1 or not float(duration).is_integer():
        raise ValueError(f"duration must be a whole number of seconds, at least 1, got {duration!r}.")
    if not isinstance(noise, _REAL) or not 0 <= noise < 0.5:
        raise ValueError(
            f"noise must be a share in [0, 0.5), got {noise!r}: from 0.5 on, most seconds would express another "
            "quadrant than the label."
        )
    return int(duration)


def _plan(rng, label, n_seconds, noise):
    """Draw the quadrant of each second: stretches of other quadrants in a song of `label`."""
    exact = noise * n_seconds
    # most seconds keep the song's label
    planted = min(int(exact) + int(rng.random() < exact % 1), (n_seconds - 1) // 2)
    lengths = []
    while planted > 0:
        length = planted if planted <= 3 else int(rng.integers(2, min(5, planted - 2) + 1))
        lengths.append(length)
        planted -= length
    own = n_seconds - sum(lengths)
    # stretches are inserted at distinct places between the other seconds, so that they never touch
    places = np.sort(rng.choice(own + 1, size=len(lengths), replace=False))
    seconds = np.full(own, label)
    for place, length in zip(places[::-1], rng.permutation(lengths)[::-1], strict=True):
        other = rng.choice([name for name in QUADRANTS if name != label])
        seconds = np.insert(seconds, place, np.full(int(length), other))
    return seconds


def _perform(rng, song, seconds, sr):
    """Compose each stretch of equal seconds with the cues of its quadrant, and render the song."""
    cues = {name: draw_cues(rng, song, name) for name in QUADRANTS}
    edges = [0, *(np.flatnonzero(seconds[1:] != seconds[:-1]) + 1), len(seconds)]
    sections = [compose(rng, song, cues[str(seconds[start])], start, stop) for start, stop in pairwise(edges)]
    notes, hits = (np.concatenate(part) for part in zip(*sections, strict=True))
    return render(rng, song, notes, hits, len(seconds) * sr, sr)
