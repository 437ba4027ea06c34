"""Paths: conversion of parameters, kinds of files, and reading and listing."""

import errno
import os
import stat
from pathlib import Path

import numpy as np

_KINDS = (
    (stat.S_ISREG, "a file"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)


def to_path(value, name):
    """Return the value of the parameter `name` as an absolute path."""
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a path, a str or a pathlib.Path, got {value!r}.")
    if not text.strip():
        raise ValueError(f"{name} is empty: pass a path, such as '.' for the current folder; got {text!r}.")
    if "\0" in text:
        raise ValueError(f"{name} contains a NUL character: pass a path without it; got {text!r}.")
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(
            f"{name} starts with the home folder of an unknown user: pass the full path, got {text!r}."
        ) from error
    try:
        path_kind(path)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return path


def check_flag(value, name):
    """Raise TypeError if a parameter is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}.")


def path_kind(path):
    """Return the kind of a path, following links: "a file", "a folder", "nothing", "a broken link", ..."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            text = os.fspath(path)
            raise ValueError(
                f"the path {text[:60]}... of {len(text):,} characters, or a name in it, is too long for this system."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _permission_error(path, error) from error
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return "a broken link" if os.path.islink(path) else "nothing"
        raise
    return next((kind for matches, kind in _KINDS if matches(mode)), "of an unknown kind")


def is_file(path):
    """Return whether a path is a file."""
    return path_kind(path) == "a file"


def check_folder(folder, name, source):
    """Raise an error if a path is not a folder; `name` describes the path in the message."""
    kind = path_kind(folder)
    if kind in ("nothing", "a broken link"):
        raise FileNotFoundError(f"No such folder: {name}. {source}")
    if kind != "a folder":
        raise ValueError(f"{name} is {kind}, but must be a folder. {source}")


def list_folder(folder):
    """Return the paths in a folder, sorted."""
    try:
        return sorted(Path(folder).iterdir())
    except PermissionError as error:
        raise _permission_error(folder, error) from error
    except OSError as error:
        raise ValueError(f"{folder}: the folder cannot be opened ({error.strerror}).") from error


def read_file(path, source):
    """Read the bytes of a file of annotations."""
    kind = path_kind(path)
    if kind == "nothing":
        raise FileNotFoundError(f"No such file: {path}. {source}")
    if kind == "a broken link":
        raise FileNotFoundError(f"{path} is a broken link, but must be a file of annotations. {source}")
    if kind != "a file":
        raise ValueError(f"{path} is {kind}, but must be a file of annotations. {source}")
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise _permission_error(path, error) from error


def _permission_error(path, error):
    return PermissionError(f"{path} cannot be read ({error.strerror}): check its permissions and those of its folder.")
