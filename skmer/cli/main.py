"""The ``skmer`` command: its parser, and the exit status after errors and signals.

Each command has a module, which imports slow modules only when the command runs.
"""

import argparse
import os
import sys
from contextlib import nullcontext, suppress

from skmer._interrupts import interrupts_raised
from skmer._version import __version__
from skmer.cli._common import CommandError
from skmer.cli._signals import Terminated, ending, listen
from skmer.cli.agreement import add_agreement
from skmer.cli.annotate import add_annotate
from skmer.cli.audit import add_audit
from skmer.cli.demo import add_demo
from skmer.cli.export import add_export
from skmer.cli.label_noise import add_label_noise
from skmer.cli.predict import add_predict
from skmer.cli.ready import add_ready_model
from skmer.cli.reproduce import add_reproduce
from skmer.cli.synthesise import add_synthesise
from skmer.cli.tag import add_tag
from skmer.cli.timeline import add_timeline
from skmer.cli.train import add_train

__all__ = ["main"]

_COMMANDS = {
    "synthesise": add_synthesise,
    "audit": add_audit,
    "annotate": add_annotate,
    "agreement": add_agreement,
    "train": add_train,
    "ready": add_ready_model,
    "predict": add_predict,
    "tag": add_tag,
    "timeline": add_timeline,
    "label-noise": add_label_noise,
    "export": add_export,
    "reproduce": add_reproduce,
    "demo": add_demo,
}
_INTERRUPTED, _BROKEN_PIPE, _TERMINATED = 130, 141, 143  # as of a program ended by the signal


def main(argv=None):
    """Run the ``skmer`` command.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; by default those of the process, and the command then handles its SIGINT and SIGTERM.

    Returns
    -------
    int
        Exit status: 0, or 1 if a file failed, 2 for a wrong argument or model, 130
        after Ctrl-C, 143 after SIGTERM.

    Raises
    ------
    SystemExit
        From argparse: after ``--help`` and ``--version``, and for wrong arguments.

    Examples
    --------
    >>> from skmer.cli import main
    >>> main(["predict", "no-model.skmer", "song.mp3"])
    2
    """
    arguments = _parser(sys.argv[1:] if argv is None else argv).parse_args(argv)
    if hasattr(sys.stdout, "reconfigure"):
        # file names that are not valid text are written as their bytes
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    name = f"skmer {arguments.command}"
    own_process = argv is None
    if own_process:
        listen()
    try:
        # a model that was not trained to the end is not saved
        with interrupts_raised():
            status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except CommandError as error:
        return _end(name, error, error.status)
    except KeyboardInterrupt as error:
        terminated = isinstance(error, Terminated)
        status, text = (_TERMINATED, "terminated.") if terminated else (_INTERRUPTED, "interrupted.")
        with ending() if own_process else nullcontext():
            return _end(name, error, status, text)
    except BrokenPipeError:
        _silence_stdout()
        return _BROKEN_PIPE
    except OSError as error:
        # songs that cannot be read have other messages: this is most likely an output file
        own_sentence = error.errno is None
        return _end(name, error, 2, None if own_sentence else f"a file cannot be read or written ({error}).")


def _end(name, error, status, text=None):
    sentences = [str(error) if text is None else text, *getattr(error, "__notes__", ())]
    print(f"{name}:", *sentences, file=sys.stderr)
    return status


def _silence_stdout():
    """Prevent an error message at exit about a pipe whose reader has ended."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(argv):
    parser = argparse.ArgumentParser(
        prog="skmer", description="Music emotion recognition: predict the emotions of songs.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"skmer {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    named = next((argument for argument in argv if not argument.startswith("-")), None)
    # build the parsers of the other commands only if none is named
    for name in [named] if named in _COMMANDS else _COMMANDS:
        _COMMANDS[name](commands)
    return parser
