# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""A command as Ansible asks for it, whichever way it goes to the instance: its words, its input, and what it says."""

from __future__ import annotations

import io
import shlex
from typing import IO, Any, Callable, Optional

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError

#: Sees what the command has said so far; what it returns is written to the command before its input. None: not yet.
Gate = Callable[[bytes, bytes], Optional[bytes]]


class Dialogue:
    """Input and output of a command: what it has said so far, and a gate that holds the input back until it has said
    something.

    Input is bytes, or something to read. What the command prints goes to `sink` where there is one, and is kept
    otherwise.
    """

    outputs: tuple[Any, Any]  # what standard output and errors are called

    def __init__(self, data: bytes | IO[bytes], gate: Gate | None, sink: IO[bytes] | None = None) -> None:
        self._first = b""
        self._rest: Any = io.BytesIO(data) if isinstance(data, bytes) else data
        self.gate = gate
        self.sink = sink
        self.said: dict[Any, list[bytes]] = {name: [] for name in self.outputs}

    def next_input(self, size: int) -> bytes:
        """Some of the input, and nothing at its end."""
        block, self._first = self._first[:size], self._first[size:]
        return bytes(block or self._rest.read(size))

    def drop_input(self) -> None:
        self._first, self._rest = b"", io.BytesIO()

    def so_far(self) -> tuple[bytes, bytes]:
        stdout, stderr = (b"".join(self.said[name]) for name in self.outputs)
        return stdout, stderr

    def hear(self, name: Any, data: bytes) -> None:
        if self.sink and name == self.outputs[0]:
            try:
                self.sink.write(data)
            except OSError as exc:
                raise LXDError(f"What was read cannot be written on this side: {exc.strerror or exc}.") from exc
            return
        self.said[name].append(data)
        answer = self.gate(*self.so_far()) if self.gate else None
        if answer is not None:
            self.gate = None
            self._first = answer + self._first


def in_a_shell(cmd: str, executable: str) -> list[str]:
    """The words of a command line. Ansible has mostly put it into a shell already, and a second would only cost time."""
    shell, _option, rest = cmd.partition(" -c ")
    if shell.startswith("/") and shlex.quote(shell) == shell:
        for inner in (
            rest,
            rest[1:-1].replace("'\"'\"'", "'"),
        ):  # as it is, and without the quotes that shlex.quote gave it
            if shlex.quote(inner) == rest:
                return [shell, "-c", inner]
    return [executable, "-c", cmd]
