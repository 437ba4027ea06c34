"""``skmer timeline``: a plot of how the emotion or the ratings of one song change, and a summary."""

import os
import sys
from pathlib import Path

from skmer._io import open_text
from skmer.cli._common import (
    MODEL_HELP,
    TRUST,
    WHOLE,
    CommandError,
    add_command,
    add_max_duration,
    atomic_output,
    check_output,
    load_model,
    use_matplotlib,
)
from skmer.cli.predict import line_writer

__all__ = ["add_timeline"]

_PICTURES = (".png", ".pdf", ".svg")


def add_timeline(commands):
    """Add ``skmer timeline`` to the commands."""
    command = add_command(
        commands,
        "timeline",
        _timeline,
        "draw how the emotion or the ratings of one song change over its time, and print a summary",
        "Of a model of ratings, such as valence and arousal, the picture has a curve for each within the range of the "
        "ratings of its training; a dotted line is the rating of the whole song. "
        f"Exit status: 0, or 1 if the song cannot be read, 2 for a wrong argument or model. {TRUST}",
    )
    command.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    command.add_argument("song", metavar="SONG", help="audio file")
    command.add_argument(
        "--out", metavar="PNG", help="picture (.png, .pdf or .svg); default: SONG-emotion.png in the current folder"
    )
    command.add_argument(
        "--csv", metavar="FILE", help="also write each segment's probabilities or ratings to this file"
    )
    add_max_duration(command, "the whole song")
    command.add_argument("--force", action="store_true", help="replace existing files")


def _timeline(arguments):
    song = arguments.song
    out = Path(arguments.out if arguments.out is not None else f"{Path(song).stem}-emotion.png")
    if out.suffix.lower() not in _PICTURES:
        raise CommandError(f"{out}: the name of a picture must end in {', '.join(_PICTURES)}.")
    for path in filter(None, (out, arguments.csv)):
        check_output(path, arguments.force, [arguments.model, song])
    if arguments.csv is not None and os.path.realpath(arguments.csv) == os.path.realpath(out):
        raise CommandError("--out and --csv name the same file. Name another one.")
    use_matplotlib()
    predictor, warnings = load_model(
        arguments.model, require_segments=True, max_duration=arguments.max_duration or WHOLE
    )
    from skmer.inspection import EmotionTimelineDisplay, RatingTimelineDisplay, predict_files

    [prediction] = predict_files(predictor, [song])
    messages = [f"{arguments.model}: warning: {warning}" for warning in warnings]
    messages += [f"{song}: warning: {warning}" for warning in prediction.warnings]
    for message in messages:
        print("skmer timeline:", message, file=sys.stderr)
    answer = prediction.answer
    if answer is None:
        raise CommandError(f"{song}: {prediction.error}", 1)
    name = Path(song).name
    if predictor.target_names is not None:
        limits = None if predictor.target_range is None else predictor.target_range.T
        display = RatingTimelineDisplay.from_song_ratings(answer, limits=limits, title=name)
        names, per, summary = answer.names, "rated segment", _describe_ratings(name, answer)
    else:
        title = name if answer.label is None else f"{name}: {answer.label}"
        display = EmotionTimelineDisplay.from_song_emotion(answer, title=title)
        names, per, summary = answer.classes, "segment", _describe(name, answer)
    with atomic_output(out, arguments.force) as path:
        display.figure_.savefig(path, format=out.suffix[1:].lower(), dpi=150)
    if arguments.csv is not None:
        with atomic_output(arguments.csv, arguments.force) as path, open_text(path) as stream:
            line_writer(stream, "csv", names, per)(prediction)
    print(summary)
    print(f"\nPicture: {out}" + (f"\nSegments: {arguments.csv}" if arguments.csv is not None else ""))
    return 0


def _describe(name, emotion):
    """Return a song's emotion as a small table."""
    label = "" if emotion.label is None else f"{emotion.label}, "
    lines = [f"{name}: {label}{_clock(emotion.ends[-1])} heard in {len(emotion.starts)} segments", ""]
    width = max(len("emotion"), *(len(str(k)) for k in emotion.classes))
    lines.append(f"{'emotion':{width}}  mean probability")
    lines += [f"{k!s:{width}}  {p:.3f}" for k, p in zip(emotion.classes, emotion.mean_probabilities, strict=True)]
    lines += ["", f"{'from':>8}  {'to':>8}  leading emotion"]
    lines += [f"{_clock(start):>8}  {_clock(end):>8}  {leading}" for start, end, leading in emotion.stretches()]
    return "\n".join(lines)


def _describe_ratings(name, song):
    """Return a song's ratings as a small table."""
    lines = [f"{name}: {_clock(song.ends[-1])} heard in {len(song.starts)} segments", ""]
    width = max(len("target"), *map(len, song.names))
    lines.append(f"{'target':{width}}  {'song':>8}  {'lowest':>8}  {'at':>8}  {'highest':>8}  {'at':>8}")
    for target, curve in zip(song.names, song.values.T, strict=True):
        of_song = "" if song.ratings is None else f"{song.ratings[target]:.3f}"
        ends = (f"{curve[i]:8.3f}  {_clock(song.times[i]):>8}" for i in (curve.argmin(), curve.argmax()))
        lines.append("  ".join([f"{target:{width}}", f"{of_song:>8}", *ends]))
    return "\n".join(lines)


def _clock(seconds):
    tenths = round(10 * float(seconds))
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"
