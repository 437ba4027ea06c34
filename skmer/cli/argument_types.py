"""Types of command-line arguments: each reads a text, or says what it must be."""

import argparse

__all__ = ["at_least", "folds_or_none", "numbers", "seconds_argument", "threshold_argument", "whole_numbers", "words"]


def words(text):
    """Read words with commas between."""
    return [word.strip() for word in text.split(",") if word.strip()]


def at_least(least):
    """Give the type of a whole number that is not below `least`."""

    def whole_number(text):
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"it must be a whole number, at least {least}, not {text!r}")
        return number

    return whole_number


def folds_or_none(text):
    """Read a number of folds, 0 for none."""
    return 0 if text.strip() == "0" else at_least(2)(text)


def whole_numbers(text):
    """Read whole numbers from 0 with commas between, each once."""
    try:
        found = [int(word) for word in words(text)]
    except ValueError:
        found = []
    if not found or min(found) < 0:
        raise argparse.ArgumentTypeError(f"it must be whole numbers from 0 with commas between, not {text!r}")
    return list(dict.fromkeys(found))


def seconds_argument(text):
    """Read a positive number."""
    try:
        [seconds] = numbers(text)
    except (ValueError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(f"it must be a positive number, not {text!r}") from None
    return seconds


def numbers(text):
    """Read positive numbers with commas between."""
    try:
        found = [float(word) for word in words(text)]
    except ValueError:
        found = []
    if not found or not all(0 < number < float("inf") for number in found):
        raise argparse.ArgumentTypeError(f"it must be positive numbers with commas between, not {text!r}")
    return found


def threshold_argument(text):
    """Read "median", "midpoint" or a number."""
    try:
        return text if text in ("median", "midpoint") else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"it must be median, midpoint or a number, not {text!r}") from None
