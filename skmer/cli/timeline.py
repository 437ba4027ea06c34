"""``skmer timeline``: how the emotion or the ratings of songs change, as plots or as numbers."""

import argparse
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path

from skmer._io import open_text
from skmer.cli._common import (
    MODEL_HELP,
    TRUST,
    WHOLE,
    CommandError,
    add_command,
    add_device,
    add_max_duration,
    atomic_output,
    check_output,
    load_model,
    positive_number,
    use_matplotlib,
)
from skmer.cli._lines import line_writer
from skmer.cli._timeline_files import on_grid, song_suffixes, song_texts
from skmer.cli.predict import (
    add_n_jobs,
    add_progress,
    log_of,
    log_others,
    open_output,
    predict_found,
    summary,
    write_lines,
)

__all__ = ["add_timeline"]

_PICTURES = (".png", ".pdf", ".svg")
_FILES = (*_PICTURES, ".jams", ".txt", ".csv")
_TABLES = ("csv", "jsonl")
_FORMATS = (*_TABLES, "jams", "audacity", "sonic-visualiser", "page")


def add_timeline(commands):
    """Add ``skmer timeline`` to the commands."""
    command = add_command(
        commands,
        "timeline",
        _timeline,
        "draw how the emotion or the ratings of songs change over their time, or write it as numbers",
        "Of one song, a summary is printed and a picture drawn; of several songs or folders, --out FOLDER gets a "
        "picture of each. Of a model of ratings, such as valence and arousal, the picture has a curve for each within "
        "the range of the ratings of its training; a dotted line is the rating of the whole song. With --format, "
        "numbers take the place of pictures. csv and jsonl are one table of all songs, with the lines of skmer predict "
        "--per-segment. The others are files for each song: jams has the namespace tag_open for classes and "
        "mood_thayer for valence and arousal; audacity is a label track of the stretches of the leading emotion; "
        "sonic-visualiser has a file with a time and a value on each line for every class or rating. page is a folder "
        "with one page, index.html, on which the songs are listened to where their curves are drawn. Files keep their "
        f"folders below --out FOLDER. Exit status: 0, or 1 if a file failed, 2 for a wrong argument or model. {TRUST}",
    )
    command.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    command.add_argument("paths", metavar="SONG-OR-FOLDER", nargs="+", help="audio files, or folders of them")
    command.add_argument("--format", choices=_FORMATS, help="write numbers, or a page, instead of pictures")
    command.add_argument(
        "--every",
        type=_step,
        metavar="S",
        help="numbers on a grid of S seconds: the mean of the segments that overlap each cell, weighted by how much of "
        "it they cover; default: numbers for each segment",
    )
    command.add_argument(
        "--out",
        metavar="PATH",
        help="of one song the picture (.png, .pdf or .svg), JAMS file or label track, by default SONG-emotion.png, "
        "SONG.jams or SONG.txt in the current folder; of several songs, and of sonic-visualiser, the folder; of csv "
        "and jsonl the table, by default standard output",
    )
    command.add_argument(
        "--csv",
        metavar="FILE",
        help="beside pictures, also write each segment's probabilities or ratings to this file; a default picture that "
        "exists already is then kept",
    )
    add_n_jobs(command)
    add_max_duration(command, "the whole song")
    add_device(command)
    command.add_argument("--force", action="store_true", help="replace existing files")
    add_progress(command)


def _step(text):
    seconds = positive_number(text)
    if seconds < 0.001:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0.001, got {text!r}")
    return seconds


def _timeline(arguments):
    if arguments.format is not None and arguments.csv is not None:
        raise CommandError("--csv is for numbers beside pictures: leave it out, or leave --format out.")
    if arguments.every is not None and (arguments.format == "page" or (arguments.format or arguments.csv) is None):
        raise CommandError("--every is for numbers: add --format, or --csv FILE, or leave it out.")
    if arguments.format == "page":
        return _write_page(arguments)
    if arguments.format in _TABLES:
        return write_lines(arguments, lambda: _load(arguments), arguments.format, True, arguments.every)
    if arguments.format is None and _is_one_song(arguments):
        return _draw_song(arguments)
    return _write_songs(arguments)


def _is_one_song(arguments):
    return len(arguments.paths) == 1 and not os.path.isdir(arguments.paths[0])


def _load(arguments):
    return load_model(
        arguments.model,
        require_segments=True,
        device=arguments.device,
        max_duration=arguments.max_duration or WHOLE,
    )


def _draw_song(arguments):
    """Draw one song and print its summary."""
    [song] = arguments.paths
    out = Path(arguments.out if arguments.out is not None else f"{Path(song).stem}-emotion.png")
    if out.suffix.lower() not in _PICTURES:
        raise CommandError(f"{out}: the name of a picture must end in {', '.join(_PICTURES)}.")
    if arguments.csv is not None and os.path.realpath(arguments.csv) == os.path.realpath(out):
        raise CommandError("--out and --csv name the same file. Name another one.")
    # the picture of an earlier run is no reason to refuse the numbers
    keep = arguments.out is None and arguments.csv is not None and out.is_file() and not arguments.force
    for path in filter(None, (None if keep else out, arguments.csv)):
        check_output(path, arguments.force, [arguments.model, song])
    if not keep:
        use_matplotlib()
    predictor, warnings = _load(arguments)
    from skmer.inspection import predict_files

    [prediction] = predict_files(predictor, [song])
    messages = [f"{arguments.model}: warning: {warning}" for warning in warnings]
    messages += [f"{song}: warning: {warning}" for warning in prediction.warnings]
    for message in messages if not arguments.quiet else ():
        print("skmer timeline:", message, file=sys.stderr)
    answer = prediction.answer
    if answer is None:
        raise CommandError(f"{song}: {prediction.error}", 1)
    if not keep:
        _draw(predictor, prediction, out, arguments.force)
    if arguments.csv is not None:
        with atomic_output(arguments.csv, arguments.force) as path, open_text(path) as stream:
            line_writer(stream, "csv", *_columns(predictor))(on_grid(prediction, arguments.every))
    describe = _describe if predictor.target_names is None else _describe_ratings
    print(describe(Path(song).name, answer))
    kept = " (it exists already and is kept; --force draws it anew)" if keep else ""
    print(f"\nPicture: {out}{kept}" + (f"\nSegments: {arguments.csv}" if arguments.csv is not None else ""))
    return 0


def _columns(predictor):
    """Return the names of the columns of a model, and the kind of its lines."""
    if predictor.target_names is not None:
        return predictor.target_names, "rated segment"
    return predictor.classes, "segment"


def _draw(predictor, prediction, out, force):
    from matplotlib import pyplot as plt

    from skmer.inspection import EmotionTimelineDisplay, RatingTimelineDisplay

    answer, name = prediction.answer, Path(prediction.file).name
    if predictor.target_names is not None:
        limits = None if predictor.target_range is None else predictor.target_range.T
        display = RatingTimelineDisplay.from_song_ratings(answer, limits=limits, title=name)
    else:
        title = name if answer.label is None else f"{name}: {answer.label}"
        display = EmotionTimelineDisplay.from_song_emotion(answer, title=title)
    try:
        with atomic_output(out, force) as path:
            display.figure_.savefig(path, format=out.suffix[1:].lower(), dpi=150)
    finally:
        plt.close(display.figure_)


# Files for each song


def _write_songs(arguments):
    """Write the files of each song, and the table beside pictures."""
    log = log_of(arguments)
    one = _is_one_song(arguments) and arguments.format != "sonic-visualiser"
    if not one and arguments.out is None:
        raise CommandError("Files are written for each song: name their folder with --out FOLDER.")
    out = Path(arguments.out or "")
    if not one and not out.is_dir() and (out.exists() or out.suffix.lower() in _FILES):
        raise CommandError(f"{out}: this is the name of a file. Name a folder for the files of the songs.")
    if arguments.format is None:
        use_matplotlib()
    found, names = _find_songs(arguments.paths)
    predictor, warnings = _load(arguments)
    for warning in warnings:
        log(f"{arguments.model}: warning: {warning}")
    columns, kind = _columns(predictor)
    if arguments.format == "audacity" and predictor.target_names is not None:
        raise CommandError(
            f"{arguments.model}: this model predicts ratings ({', '.join(columns)}), of which none leads: choose "
            "another --format than audacity."
        )
    suffixes = song_suffixes(arguments.format, columns)
    outputs = _outputs(arguments, names, suffixes, one)
    _check_outputs(outputs, [arguments.model, *names], arguments.force, one)
    n_failed = 0
    done: list = []
    with ExitStack() as stack:
        write = None
        if arguments.csv is not None:
            table = stack.enter_context(open_output(arguments.csv, arguments, found, done))
            write = line_writer(table, "csv", columns, kind)
        for prediction in stack.enter_context(closing(predict_found(predictor, found, arguments, log))):
            gridded = on_grid(prediction, arguments.every)
            if write is not None:
                write(gridded)
            done.append(prediction.file)
            if prediction.answer is None:
                n_failed += 1
                continue
            paths = outputs[prediction.file]
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
            if arguments.format is None:
                _draw(predictor, prediction, paths[0], arguments.force)
            else:
                texts = song_texts(arguments.format, gridded, arguments.model, predictor.target_range)
                for path, text in zip(paths, texts, strict=True):
                    with atomic_output(path, arguments.force) as part, open_text(part) as stream:
                        stream.write(text)
    log_others(arguments, log)
    log(summary(len(found), n_failed, predictor.max_duration, "above"))
    if n_failed < len(found):
        print(f"Written: {next(iter(outputs.values()))[0] if one else arguments.out}")
    return 1 if n_failed else 0


def _find_songs(paths):
    """Return what is found, and by its path the name of each song's files, without what they end in.

    Names are paths relative to the folder that was given. Songs that differ only in their extensions keep these.
    """
    from skmer.audio.finding import find_audio_files

    found, relative = [], {}
    for path in paths:
        root = path if os.path.isdir(path) else os.path.dirname(path)
        for file, error in find_audio_files([path]):
            if error is None and file in relative:
                raise CommandError(f"{file}: this song is given twice. Give it once.")
            found.append((file, error))
            if error is None:
                relative[file] = os.path.relpath(file, root or ".")
    stems = {file: os.path.splitext(name)[0] for file, name in relative.items()}
    # file systems may ignore case
    counts: dict = {}
    for stem in stems.values():
        counts[stem.casefold()] = counts.get(stem.casefold(), 0) + 1
    names = {file: stem if counts[stem.casefold()] == 1 else relative[file] for file, stem in stems.items()}
    return found, names


def _outputs(arguments, names, suffixes, one):
    """Return the paths of the files of each song; raise if two would be one."""
    if one:
        [(file, name)] = names.items()
        return {file: [Path(arguments.out if arguments.out is not None else name + suffixes[0])]}
    outputs = {file: [Path(arguments.out, name + suffix) for suffix in suffixes] for file, name in names.items()}
    owners: dict = {}
    for file, paths in outputs.items():
        for path in paths:
            other = owners.setdefault(str(path).casefold(), file)
            if other != file:
                raise CommandError(
                    f"{path}: the files of {other} and {file} would have this name. Give a folder that contains both."
                )
        if len({str(path).casefold() for path in paths}) < len(paths):
            raise CommandError(f"{paths[0]}: two classes or ratings of the model would have files of one name.")
    return outputs


def _check_outputs(outputs, inputs, force, one):
    """Check, before any work is done, that the files of songs are no inputs and do not exist."""
    paths = [path for of_song in outputs.values() for path in of_song]
    if one:
        check_output(paths[0], force, inputs)
    read = {os.path.realpath(path) for path in inputs}
    existing = [path for path in paths if path.exists()]
    for path in existing:
        if os.path.realpath(path) in read:
            raise CommandError(f"{path}: this file is read by the same command. Name another folder.")
    if existing and not force:
        which = "this file exists" if len(existing) == 1 else f"this file and {len(existing) - 1:,} more exist"
        raise CommandError(f"{existing[0]}: {which} already. Name another folder, or pass --force to replace them.")


def _write_page(arguments):
    """Write a page of all songs."""
    from skmer.listening.folder import check_page_folder

    if arguments.out is None:
        raise CommandError("A page is written into a folder: name it with --out FOLDER.")
    try:
        check_page_folder(arguments.out, arguments.force)
        found, names = _find_songs(arguments.paths)
        predictor, warnings = _load(arguments)
        log = log_of(arguments)
        for warning in warnings:
            log(f"{arguments.model}: warning: {warning}")
        from skmer.inspection import write_timeline_page

        with closing(predict_found(predictor, found, arguments, log)) as songs:
            predictions = list(songs)
        limits = None if predictor.target_range is None else predictor.target_range.T
        shown = [_name(file, names) for file, _ in found]
        if len(set(shown)) < len(shown):
            # songs of several folders: decisions are kept and saved by name
            shown = [file for file, _ in found]
        page = write_timeline_page(predictions, arguments.out, names=shown, limits=limits, force=arguments.force)
    except FileExistsError as error:
        raise CommandError(str(error)) from error
    n_failed = sum(prediction.answer is None for prediction in predictions)
    log_others(arguments, log)
    log(summary(len(found), n_failed, predictor.max_duration, "on the page"))
    print(f"Page: {page}")
    return 1 if n_failed else 0


def _name(file, names):
    """Return the path of a song relative to the folder that was given, with its extension."""
    name, extension = names.get(file, file), os.path.splitext(file)[1]
    # of songs that differ in their extensions only, the names have these
    return name if name.endswith(extension) else name + extension


# Summaries


def _describe(name, emotion):
    """Return a song's emotion as a small table."""
    label = "" if emotion.label is None else f"{emotion.label}, "
    lines = [f"{name}: {label}{_clock(emotion.ends[-1])} heard in {len(emotion.starts)} segments", ""]
    width = max(len("emotion"), *(len(str(k)) for k in emotion.classes))
    own, means = emotion.song_probabilities, emotion.mean_probabilities
    lines.append(f"{'emotion':{width}}  {'' if own is None else 'probability  '}mean of segments")
    for k, (name, mean) in enumerate(zip(emotion.classes, means, strict=True)):
        lines.append(f"{name!s:{width}}  {'' if own is None else f'{own[k]:<13.3f}'}{mean:.3f}")
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
