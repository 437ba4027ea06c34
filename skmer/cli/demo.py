"""``skmer demo``: demonstrate SSSL on synthetic songs, or on the Emotify recordings."""

from skmer.cli._common import CommandError, add_command, add_former, at_least, n_jobs

__all__ = ["add_demo"]


def add_demo(commands):
    """Add ``skmer demo`` to the commands."""
    command = add_command(
        commands,
        "demo",
        _demo,
        "run SSSL on synthetic songs, or on the Emotify recordings, and compare it with simpler systems",
        "No data are needed: without --data-home, songs are synthesised.",
    )
    data = command.add_argument("--data-home", metavar="DIR", help="folder of Emotify; default: synthetic songs")
    add_former(command, "--data", data)
    command.add_argument("--out", metavar="DIR", default="demo-output", help="folder of the pictures (%(default)s)")
    command.add_argument(
        "--seed", type=at_least(0), default=0, metavar="I", help="seed of songs, folds and training (%(default)s)"
    )
    command.add_argument("--n-jobs", type=n_jobs, default=2, metavar="N", help="workers (%(default)s)")


def _demo(arguments):
    from skmer.reproduction.demo import run_demo

    try:
        run_demo(
            data=arguments.data_home,
            out=arguments.out,
            n_jobs=arguments.n_jobs,
            verbose=1,
            random_state=arguments.seed,
        )
    except ImportError as error:
        raise CommandError(str(error)) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CommandError(f"the data cannot be read: {error}") from error
    return 0
