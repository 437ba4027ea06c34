"""``skmer synthesise``: synthetic songs with labels, and a table of the emotion of each of their seconds."""

from pathlib import Path

from skmer.cli._common import CommandError, add_command, add_former, at_least, number_from_0, shows_progress

__all__ = ["add_synthesise"]


def add_synthesise(commands):
    """Add ``skmer synthesise`` to the commands."""
    command = add_command(
        commands,
        "synthesise",
        _synthesise,
        "write synthetic songs with labels, some of whose seconds express another emotion than the label",
        "The songs are written to DIR/songs/EMOTION/COMPOSER/song-NUMBER.wav, and the emotion of each stretch of a "
        "song to DIR/planted.csv (file, start, end, emotion). The emotions are the quadrants of valence and arousal: "
        "Q1 happy, Q2 angry or fearful, Q3 sad, Q4 calm. This is not real music: use it for tests and "
        "tutorials, and not to report results.",
    )
    command.add_argument("dir", metavar="DIR", help="output folder, created if it does not exist")
    command.add_argument("--n-songs", type=at_least(4), default=40, metavar="N", help="default: %(default)s")
    command.add_argument(
        "--duration",
        type=at_least(1),
        default=12,
        metavar="S",
        help="length of a song in seconds; default: %(default)s",
    )
    command.add_argument(
        "--noise",
        type=number_from_0(0.5, includes_end=False),
        default=0.25,
        metavar="SHARE",
        help="share of a song's seconds that express another emotion than its label, below 0.5; default: %(default)s",
    )
    seed = command.add_argument(
        "--seed", type=at_least(0), default=0, metavar="I", help="seed of the songs; default: %(default)s"
    )
    add_former(command, "--random-state", seed)
    command.add_argument(
        "--force",
        action="store_true",
        help="write into a folder that is not empty, and replace synthetic songs in it",
    )
    command.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def _synthesise(arguments):
    import numpy as np

    from skmer.datasets import write_songs
    from skmer.datasets.synthetic import plan_songs

    folder = Path(arguments.dir)
    try:
        songs = plan_songs(
            arguments.n_songs,
            duration=arguments.duration,
            noise=arguments.noise,
            random_state=arguments.seed,
        )
        write_songs(songs, folder, force=arguments.force, verbose=shows_progress(arguments))
    except (OSError, ValueError) as error:
        # main formats the errors of the operating system
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise CommandError(str(error)) from error
    if not arguments.quiet:
        names, counts = np.unique(songs.target, return_counts=True)
        per_class = ", ".join(f"{name} {n}" for name, n in zip(names, counts, strict=True))
        pairs = zip(songs.segment_target, songs.target, strict=True)
        other = np.mean(np.concatenate([seconds != label for seconds, label in pairs]))
        n = len(np.unique(songs.groups))
        composers = "1 composer" if n == 1 else f"{n} composers"
        print(f"{len(songs.data)} songs of {arguments.duration} s by {composers}: {per_class}")
        print(f"{other:.0%} of their seconds express another emotion than the label")
        print(f"Songs: {folder / 'songs'}")
        print(f"Emotion of each second: {folder / 'planted.csv'}")
    return 0
