"""Places on this machine: files, directories and an address to listen on. Nothing is created."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from crackle_stream.app.config.status import StatusSection
from crackle_stream.stream.store import APPLICATION_ID, FILE_NAME

__all__ = ["file_problems", "listen_problems", "readable_problems", "state_problems"]

LEAST_FREE = 16 * 2**20
"""Room that a state file needs beside its spools: memory of kilns, alerts, and the journal of a transaction."""


def readable_problems(path: Path) -> Iterator[str]:
    """What keeps a file from being read."""
    if not path.exists():
        yield f"{path} is not there: check the path, which is taken from the directory the program is started in"
    elif path.is_dir():
        yield f"{path} is a directory: name one file in it"
    elif not os.access(path, os.R_OK):
        yield f"this user may not read {path}: change its permissions or run as its owner"


def file_problems(path: Path) -> Iterator[str]:
    """What keeps a file from being written to."""
    directory = path.parent
    if path.is_dir():
        yield f"{path} is a directory: name a file in it"
    elif not directory.is_dir():
        yield f"the directory {directory} is not there: create it"
    elif not os.access(directory, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        yield f"this user may not write {path}: change the permissions of it and of its directory"


def state_problems(directory: Path, spools: Iterable[int]) -> Iterator[str]:
    """What keeps a state directory from being used.

    Args:
        directory: where the file is, or will be.
        spools: bytes that each spool may take.
    """
    there = next(each for each in (directory, *directory.absolute().parents) if each.exists())
    if not there.is_dir():
        yield f"{there} is a file: name a directory"
        return
    if not os.access(there, os.W_OK | os.X_OK):
        made = "" if there == directory else f", so {directory} cannot be made"
        yield f"this user may not write in {there}{made}: change its permissions or its owner"
    needed, free = LEAST_FREE + sum(spools), shutil.disk_usage(there).free
    if free < needed:
        yield (
            f"{there} has {free / 2**20:,.0f} MiB free, and state and spools may take {needed / 2**20:,.0f} MiB: "
            "make room, or lower spool_bytes"
        )
    file = directory / FILE_NAME
    if file.exists():
        yield from _file_problems(file)


def _file_problems(file: Path) -> Iterator[str]:
    if not os.access(file, os.R_OK | os.W_OK):
        yield f"this user may not read and write {file}: change its permissions or its owner"
        return
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        yield f"{file} is no state file that can be read: {error}. Move it away, or restore it"
        return
    if owner not in (0, APPLICATION_ID):
        yield f"{file} belongs to another program: name another directory"


def listen_problems(section: StatusSection) -> Iterator[str]:
    """What keeps the status server from listening."""
    if section.port == 0:
        return
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            section.host, section.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(1)  # on Linux an address that is taken is only known by now
    except OSError as error:
        cure = "stop what listens there (a pipeline that runs already does), or take another port"
        yield f"cannot listen on {section.authority}: {error.strerror or error}: {cure}"
