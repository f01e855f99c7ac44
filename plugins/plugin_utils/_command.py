# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""What every command has, in a session or as a separate exec: its arguments, its input and its output."""

from __future__ import annotations

import io
import shlex
from typing import IO, Any, Callable, Optional

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError

#: Gets output and errors so far. Returns what to write to the command before its input, or None to wait for more.
Gate = Callable[[bytes, bytes], Optional[bytes]]


class Dialogue:
    """Input and output of a command, and a gate that holds the input back until the command has written something.

    The input is bytes or a stream. The output goes to `sink` if there is one, and is kept in memory otherwise.
    """

    outputs: tuple[Any, Any]  # the names of standard output and standard error

    def __init__(self, data: bytes | IO[bytes], gate: Gate | None, sink: IO[bytes] | None = None) -> None:
        self._first = b""
        self._rest: Any = io.BytesIO(data) if isinstance(data, bytes) else data
        self.gate = gate
        self.sink = sink
        self.output: dict[Any, list[bytes]] = {name: [] for name in self.outputs}

    def next_input(self, size: int) -> bytes:
        """Some of the input, and nothing at its end."""
        block, self._first = self._first[:size], self._first[size:]
        return bytes(block or self._rest.read(size))

    def drop_input(self) -> None:
        self._first, self._rest = b"", io.BytesIO()

    def so_far(self) -> tuple[bytes, bytes]:
        """Output and errors."""
        stdout, stderr = (b"".join(self.output[name]) for name in self.outputs)
        return stdout, stderr

    def add_output(self, name: Any, data: bytes) -> None:
        """Keep output that arrived, and ask the gate."""
        if self.sink and name == self.outputs[0]:
            try:
                self.sink.write(data)
            except OSError as exc:
                raise LXDError(f"The file on the controller cannot be written: {exc.strerror or exc}.") from exc
            return
        self.output[name].append(data)
        answer = self.gate(*self.so_far()) if self.gate else None
        if answer is not None:
            self.gate = None
            self._first = answer + self._first


def in_a_shell(cmd: str, executable: str) -> list[str]:
    """The arguments that run a command line. Ansible usually wraps it in a shell, and a second shell costs time."""
    shell, _option, rest = cmd.partition(" -c ")
    if shell.startswith("/") and shlex.quote(shell) == shell:
        for inner in (rest, rest[1:-1].replace("'\"'\"'", "'")):  # as it is, and without the quotes of shlex.quote
            if shlex.quote(inner) == rest:
                return [shell, "-c", inner]
    return [executable, "-c", cmd]
