"""``skmer tag``: write the predicted moods into the tags of audio files, and undo it."""

import shlex
import sys
import time
from contextlib import ExitStack, closing
from itertools import chain, count
from pathlib import Path

from skmer._errors import format_error
from skmer._io import csv_writer, format_names
from skmer.cli._common import (
    MODEL_HELP,
    TRUST,
    CommandError,
    add_command,
    add_device,
    add_max_duration,
    check_output,
    load_model,
    number_from_0,
)
from skmer.cli.predict import add_n_jobs, add_progress

__all__ = ["add_tag"]

_COLUMNS = ("file", "field", "old", "new", "action", "error")


def add_tag(commands):
    """Add ``skmer tag`` to the commands."""
    command = add_command(
        commands,
        "tag",
        _tag,
        "write the predicted emotion, tags or ratings of songs into their files, or only show what would be written",
        "The emotion becomes the field MOOD: TMOO of ID3, MOOD of Vorbis comments (FLAC, Ogg, Opus) and the freeform "
        "field MOOD of M4A; a tagger writes several values. A model of ratings writes no MOOD, but a field for each "
        "rating. Without --write no file is changed. The lines on standard output are the same with and without it: "
        "file, field, the old and the new values, separated by ;, and the action: write, keep (another value is there "
        "already), same, abstain or error. The audio is not changed: each file is copied, and the tagged copy replaces "
        "it. The old values are recorded first, and skmer tag --undo FILE restores them. Folders are searched as by "
        "skmer predict. "
        f"Exit status: 0, or 1 if a file failed, 2 for a wrong argument or model, 130 after Ctrl-C. {TRUST}",
    )
    command.add_argument("model", metavar="MODEL", nargs="?", help=MODEL_HELP)
    command.add_argument("paths", metavar="FILE-OR-FOLDER", nargs="*", help="audio files, or folders of them")
    command.add_argument("--write", action="store_true", help="change the files; by default nothing is changed")
    command.add_argument(
        "--replace", action="store_true", help="replace other values that are there; by default they are kept"
    )
    command.add_argument(
        "--field",
        metavar="NAME[=FIELD]",
        action="append",
        default=[],
        help="also write the probability of an emotion or tag, or a rating, such as valence, to a custom field; "
        "default: MOOD_ and its name in capitals; may be repeated; a model of ratings writes all without it",
    )
    command.add_argument(
        "--at-least",
        type=number_from_0(1),
        metavar="P",
        help="write no MOOD whose probability is below P",
    )
    command.add_argument(
        "--playlists", metavar="DIR", help="with --write, also write a playlist (m3u8) of each predicted mood"
    )
    command.add_argument("--force", action="store_true", help="let --playlists replace existing playlists")
    command.add_argument(
        "--undo-file",
        metavar="FILE",
        help="where --write records the old values; default: skmer-tag-DATE-TIME.jsonl in the current folder",
    )
    command.add_argument("--undo", metavar="FILE", help="restore the old values in this file; no MODEL is given")
    add_n_jobs(command)
    add_max_duration(command, "as in the training")
    add_device(command)
    add_progress(command)


def _tag(arguments):
    try:
        import mutagen  # noqa: F401
    except ImportError as error:
        raise CommandError("tags need mutagen; install it with: pip install skmer[tag]") from error
    lines = _Lines(arguments)
    if arguments.undo is not None:
        if arguments.model is not None:
            raise CommandError("--undo takes no MODEL and no songs: the undo file names them.")
        return _undo(arguments, lines)
    if not arguments.paths:
        raise CommandError("name a MODEL and audio files or folders, or an undo file with --undo FILE.")
    from skmer.library.changes import UndoFile

    undo = UndoFile(arguments.undo_file or _unused_name())
    try:
        return _tag_songs(arguments, undo, lines)
    except BaseException as error:
        if undo.started:
            error.add_note(_describe_undo(undo))
        raise


def _unused_name():
    """Return the name of an undo file by the time; a command may be repeated within a second."""
    name = time.strftime("skmer-tag-%Y%m%d-%H%M%S")
    names = chain([f"{name}.jsonl"], (f"{name}-{number}.jsonl" for number in count(2)))
    return next(name for name in names if not Path(name).exists())


class _Lines:
    """Lines on standard output, and messages on standard error."""

    def __init__(self, arguments):
        self._quiet = arguments.quiet
        self._writer = csv_writer(sys.stdout)
        self.changed: set = set()
        self.failed: set = set()

    def start(self):
        self._writer.writerow(_COLUMNS)

    def add(self, changes):
        for change in changes:
            values = ("" if texts is None else ";".join(texts) for texts in (change.old, change.new))
            self._writer.writerow([change.file, change.field, *values, change.action, ""])
            if change.action in ("write", "restore"):
                self.changed.add(change.file)
        sys.stdout.flush()

    def fail(self, file, reason):
        self.failed.add(file)
        self._writer.writerow([file, "", "", "", "error", reason])
        sys.stdout.flush()
        self.log(f"{file}: {reason}")

    def log(self, *sentences):
        from tqdm import tqdm

        if not self._quiet:
            tqdm.write(" ".join(["skmer tag:", *sentences]), file=sys.stderr)

    def failures(self):
        return [f"{len(self.failed):,} failed; see the error on their lines."] if self.failed else []


# Writing


def _tag_songs(arguments, undo, lines):
    from tqdm import tqdm

    from skmer.audio.finding import describe_other_files, find_audio_files
    from skmer.inspection import predict_files

    if arguments.write:
        if Path(undo.path).is_file():
            raise CommandError(f"{undo.path}: this file exists already, and old values are kept. Name another file.")
        check_output(undo.path, force=False)
    predictor, warnings = load_model(arguments.model, device=arguments.device, max_duration=arguments.max_duration)
    for warning in warnings:
        lines.log(f"{arguments.model}: warning: {warning}")
    wishes = _Wishes(predictor, arguments)
    playlists = _Playlists(predictor, arguments)
    found = find_audio_files(arguments.paths)
    lines.start()
    plans = {file: _look(file, wishes, arguments) for file, error in found if error is None}
    files = [file for file, error in found if error is None and plans[file] is None]
    watched = sys.stderr.isatty() and not sys.stdout.isatty()
    shows_bar = not arguments.quiet and (watched or arguments.verbose)
    with ExitStack() as stack:
        predictions = stack.enter_context(closing(predict_files(predictor, files, arguments.n_jobs)))
        bar = stack.enter_context(tqdm(total=len(found), desc="Songs", unit="song", disable=not shows_bar))
        for file, error in found:
            known = plans.get(file)
            if error is not None:
                lines.fail(file, format_error(error, file))
            elif isinstance(known, Exception):
                lines.fail(file, format_error(known, file))
            elif known is not None:
                lines.add(known)
            else:
                _tag_song(next(predictions), wishes, playlists, undo, arguments, lines)
            bar.update()
    playlists.write(lines)
    if others := describe_other_files(arguments.paths):
        lines.log(f"Files that are not audio by extension were passed over: {format_names(others)}.")
    lines.log(*_summary(len(found), undo, arguments, lines))
    return 1 if lines.failed else 0


def _look(file, wishes, arguments):
    """Return the error of a file, or its changes if they are known without a prediction, and None otherwise."""
    from skmer.library.changes import Change
    from skmer.library.tags import open_tags

    # a song whose tags cannot be written is in the playlists
    if arguments.playlists is not None:
        return None
    try:
        tags = open_tags(file)
        there = {field: tags.get(field) for field in wishes.fields}
    # a damaged file can raise anything
    except Exception as error:
        return error
    if arguments.replace or None in there.values():
        return None
    return [Change(file, field, old, None, "keep") for field, old in there.items()]


def _tag_song(prediction, wishes, playlists, undo, arguments, lines):
    from skmer.library.changes import plan_changes
    from skmer.library.tags import open_tags

    file = prediction.file
    for warning in prediction.warnings:
        lines.log(f"{file}: warning: {warning}")
    if prediction.error is not None:
        lines.fail(file, prediction.error)
        return
    moods = wishes.moods(prediction.answer)
    values = wishes.values(prediction.answer, moods)
    playlists.add(file, moods)
    try:
        tags = open_tags(file)
        changes = plan_changes(file, tags, values, arguments.replace)
    except Exception as error:
        lines.fail(file, format_error(error, file))
        return
    if arguments.write:
        try:
            undo.apply(changes, tags)
        except Exception as error:
            if not undo.started:
                raise
            lines.fail(file, format_error(error, file))
            return
    lines.add(changes)


def _summary(n, undo, arguments, lines):
    verb = "tagged" if arguments.write else "would be tagged"
    yield f"{len(lines.changed):,} of {n:,} files {verb}."
    yield from lines.failures()
    if not arguments.write:
        yield "Nothing was changed: pass --write to change the files."
    elif undo.started:
        yield _describe_undo(undo)


def _describe_undo(undo):
    return f"To undo it: skmer tag --undo {shlex.quote(str(undo.path))}"


class _Wishes:
    """What is to be written for a prediction: the moods and the custom fields."""

    def __init__(self, predictor, arguments):
        from skmer.library.tags import MOOD

        self._mood = MOOD
        self._least = arguments.at_least
        self._model = arguments.model
        self._is_rated = predictor.target_names is not None
        if not predictor.predicts:
            raise CommandError(
                f"{self._model}: the last step of this pipeline does not predict. It must be a classifier or a "
                "regressor."
            )
        if self._is_rated and self._least is not None:
            raise CommandError(f"{self._model}: ratings have no probability: leave --at-least out.")
        names = predictor.target_names if self._is_rated else predictor.classes
        self._names = [str(name) for name in names]
        wanted = arguments.field or (self._names if self._is_rated else [])
        if not self._is_rated and not predictor.has_probabilities and (wanted or self._least is not None):
            raise CommandError(f"{self._model}: this model gives no probabilities: leave --field and --at-least out.")
        self._custom = dict(self._read(text) for text in wanted)
        self.fields = [*([] if self._is_rated else [MOOD]), *self._custom]

    def _read(self, text):
        """Return the field and the name of the value in it."""
        name, separator, field = text.rpartition("=")
        if text in self._names or not separator:
            name, field = text, f"{self._mood}_{text}".upper()
        if name not in self._names:
            known = format_names(self._names)
            raise CommandError(f"--field {text}: the model has no {name}. It has {known}.")
        if not field or not all(" " <= character <= "}" and character != "=" for character in field):
            raise CommandError(f"--field {text}: {field!r} cannot be a field. Pass --field NAME=FIELD, in ASCII.")
        if field.upper() == self._mood:
            raise CommandError(f"--field {text}: {self._mood} is the field of the emotion. Name another one.")
        return field, name

    def moods(self, song):
        """Return the names of the emotions that are probable enough."""
        if self._is_rated:
            return []
        moods = [str(tag) for tag in song.tags] if hasattr(song, "tags") else [str(song.label)]
        if self._least is None:
            return moods
        probabilities = self._probabilities(song)
        return [mood for mood in moods if probabilities[mood] >= self._least]

    def values(self, song, moods):
        """Return the values of each field."""
        values = {} if self._is_rated else {self._mood: moods or None}
        if self._custom:
            numbers = song.ratings if self._is_rated else self._probabilities(song)
            # no negative zero
            values |= {field: [f"{round(float(numbers[name]), 3) + 0.0:.3f}"] for field, name in self._custom.items()}
        return values

    def _probabilities(self, song):
        if hasattr(song, "tags"):
            return dict(zip(self._names, song.probabilities, strict=True))
        # a model of a former version has those of the segments only
        values = song.mean_probabilities if song.song_probabilities is None else song.song_probabilities
        return dict(zip(self._names, values, strict=True))


class _Playlists:
    """A playlist of each mood that is predicted, whatever the tags of the file are."""

    def __init__(self, predictor, arguments):
        self._files: dict = {}
        self._writes = arguments.write
        if arguments.playlists is None:
            return
        from skmer.library.playlists import playlist_names

        if predictor.classes is None:
            raise CommandError(f"{arguments.model}: a model of ratings names no moods: leave --playlists out.")
        folder = Path(arguments.playlists)
        if folder.exists() and not folder.is_dir():
            raise CommandError(f"{folder}: this is not a folder. Name a folder for the playlists.")
        self._paths = {mood: folder / name for mood, name in playlist_names(map(str, predictor.classes)).items()}
        self._files = {mood: [] for mood in self._paths}
        if not self._writes:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for path in self._paths.values():
            check_output(path, arguments.force)

    def add(self, file, moods):
        """Add a file to the playlists of its moods."""
        for mood in moods if self._files else ():
            self._files[mood].append(file)

    def write(self, lines):
        """Write the playlists, or say how long they would be."""
        from skmer.library.playlists import write_playlist

        for mood, files in self._files.items():
            path = self._paths[mood]
            # an earlier playlist is replaced even if no song is left
            if not files and not path.exists():
                continue
            if self._writes:
                write_playlist(path, files)
            n_songs = len(set(files))
            songs = f"{n_songs:,} song{'' if n_songs == 1 else 's'}"
            lines.log(f"{path}: {songs}{'' if self._writes else ' would be listed'}.")


# Undoing


def _undo(arguments, lines):
    from skmer.library.changes import read_undo, restore
    from skmer.library.tags import open_tags

    if not Path(arguments.undo).is_file():
        raise CommandError(f"{arguments.undo}: there is no such undo file. skmer tag --write prints its name.")
    try:
        found = read_undo(arguments.undo)
    except ValueError as error:
        raise CommandError(str(error)) from error
    lines.start()
    for file, old in found.items():
        try:
            lines.add(restore(file, open_tags(file), old))
        except Exception as error:
            lines.fail(file, format_error(error, file))
    lines.log(f"{len(lines.changed):,} of {len(found):,} files restored.", *lines.failures())
    return 1 if lines.failed else 0
