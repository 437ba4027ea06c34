"""make_songs: synthetic music with an emotion a song and a known one for every second."""

import numbers
from copy import deepcopy
from itertools import pairwise

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skmer.datasets._composition import QUADRANTS, compose, draw_composer, draw_cues, draw_song
from skmer.datasets._synthesis import render

__all__ = ["make_songs", "plan_songs", "segment_labels"]

_REAL = (int, float, np.integer, np.floating)
DESCR = """Synthetic songs in the four quadrants of Russell's circumplex
Q1 happy (valence +, arousal +), Q2 angry or fearful (-, +), Q3 sad (-, -), Q4 calm (+, -).
Tempo, level, articulation, register, brightness, attack, density, melodic leaps, timing, mode and
dissonance follow the emotion as Juslin & Laukka (2004) and Gabrielsson & Lindström (2010) review,
each blurred by habits of the composer and by chance. `noise` is the share of every song's seconds that
expresses another quadrant than its label; `segment_target` tells which. Not real music: use it
to test and to teach, not to claim results."""


def segment_labels(second_labels, duration, hop=1.0, label=None):
    """Give the majority label of every segment, from labels of whole seconds.

    Parameters
    ----------
    second_labels : array-like of shape (n_seconds,)
        Label of each second of one song.
    duration : float
        Length of a segment, in seconds.
    hop : float, default=1.0
        Time between the onsets of two segments, in seconds.
    label : object, default=None
        The label whose share is wanted; ``None`` takes each segment's own majority label.

    Returns
    -------
    labels : ndarray of shape (n_segments,)
        The label that holds most of each segment. Of labels that hold equally much,
        the one that comes first in the segment.
    share : ndarray of shape (n_segments,)
        Share of each segment's time that carries `label`.

    Raises
    ------
    ValueError
        If `duration` or `hop` is not positive, or the song is shorter than `duration`.

    See Also
    --------
    make_songs : Makes songs whose label is known for every second.

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
    # the tiny addend keeps 0.1-like hops from losing a segment to rounding
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
    """Compose and play songs with an emotion each, some of whose seconds express another one.

    Each song has chords, a melody, a bass and perhaps drums, played by a timbre of its composer
    in a room. Its label is a quadrant of Russell's circumplex. A share `noise` of
    its seconds, in stretches of up to five, expresses another quadrant: a model that gives
    the song's label to every segment learns from that much label noise, and here the
    truth is known.

    Parameters
    ----------
    n_songs : int, default=80
        Number of songs; the quadrants are as equally frequent as possible.
    duration : float, default=15.0
        Length of each song in seconds, a whole number.
    noise : float, default=0.25
        Share of every song's seconds that expresses another quadrant than its label,
        below 0.5. Where the share is no whole number of seconds, songs have one second more
        or less, so that it is right on average.
    n_composers : int, default=None
        Number of composers, who write in every quadrant; ``None`` is one for every four songs.
    sr : int, default=22528
        Sample rate in Hz.
    random_state : int, RandomState instance or None, default=None
        Determines the songs. Pass an int for the same songs at every call.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : list of ndarray of shape (duration * sr,)
            The waveforms, float32 within ±1. Their level is not normalised, for it carries arousal.
        target : ndarray of shape (n_songs,)
            The label of each song: "Q1", "Q2", "Q3" or "Q4".
        segment_target : list of ndarray of shape (duration,)
            The quadrant that each second of each song expresses.
        groups : ndarray of shape (n_songs,)
            The composer of each song.
        target_names : list of str
            The four quadrants.
        sr : int
            As given.
        DESCR : str
            Description of the data.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    segment_labels : Labels of segments from the labels of seconds.
    load_emotify : Real recordings with real listeners' labels.

    Notes
    -----
    The cues of an emotion are those that reviews of music psychology agree on [1]_ [2]_: high
    arousal is fast, loud, bright, dense and sharply attacked; positive valence is rather major,
    consonant, high and regular. As in Brunswik's lens model each cue is only
    a probable sign of the emotion: it varies with composer, song and section. Arousal is therefore
    easier to recognise than valence, as it is in real music.

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
    """Give the songs of `make_songs` before they are played: `data` plays one after the other when it is gone through.

    It can be gone through again, and then plays the same waveforms. None of them is kept.

    Examples
    --------
    >>> from skmer.datasets.synthetic import plan_songs
    >>> songs = plan_songs(4, duration=5, sr=11264, random_state=0)
    >>> len(songs.data), [len(y) for y in songs.data]
    (4, [56320, 56320, 56320, 56320])
    """
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
        data=_Unplayed(own, [composers[group] for group in groups], seconds, int(sr)),
        target=target,
        segment_target=seconds,
        groups=np.array([f"composer {group:0{width}}" for group in groups]),
        target_names=names,
        sr=int(sr),
        DESCR=DESCR,
    )


class _Unplayed:
    """Waveforms that are played when one goes through them; each song draws from a generator of its own."""

    def __init__(self, generators, composers, seconds, sr):
        self._songs = list(zip(generators, composers, seconds, strict=True))
        self._sr = sr

    def __len__(self):
        return len(self._songs)

    def __iter__(self):
        for generator, composer, seconds in self._songs:
            # a copy, so that the song sounds the same the next time
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
            f"noise must be a share in [0, 0.5), got {noise!r}: from one half on, the label would not be a song's own."
        )
    return int(duration)


def _plan(rng, label, n_seconds, noise):
    """Draw the quadrant of every second: stretches of other quadrants in a song of `label`."""
    exact = noise * n_seconds
    # most seconds stay the song's own, or its label would be another
    planted = min(int(exact) + int(rng.random() < exact % 1), (n_seconds - 1) // 2)
    lengths = []
    while planted > 0:
        length = planted if planted <= 3 else int(rng.integers(2, min(5, planted - 2) + 1))
        lengths.append(length)
        planted -= length
    own = n_seconds - sum(lengths)
    # stretches fall between own seconds, at distinct places, so that they never touch
    places = np.sort(rng.choice(own + 1, size=len(lengths), replace=False))
    seconds = np.full(own, label)
    for place, length in zip(places[::-1], rng.permutation(lengths)[::-1], strict=True):
        other = rng.choice([name for name in QUADRANTS if name != label])
        seconds = np.insert(seconds, place, np.full(int(length), other))
    return seconds


def _perform(rng, song, seconds, sr):
    """Compose each stretch of equal seconds with the cues of its quadrant, and play them all."""
    cues = {name: draw_cues(rng, song, name) for name in QUADRANTS}
    edges = [0, *(np.flatnonzero(seconds[1:] != seconds[:-1]) + 1), len(seconds)]
    sections = [compose(rng, song, cues[str(seconds[start])], start, stop) for start, stop in pairwise(edges)]
    notes, hits = (np.concatenate(part) for part in zip(*sections, strict=True))
    return render(rng, song, notes, hits, len(seconds) * sr, sr)
