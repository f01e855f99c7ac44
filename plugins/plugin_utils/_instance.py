# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""An instance, by way of the server that has it: commands, files and users (doc/rest-api.md, /1.0/instances/NAME/exec
and /files).
"""

from __future__ import annotations

import os
import posixpath
from typing import IO, Any

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client, quote
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.connect import connect
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    Interrupted,
    InvalidInput,
    LXDError,
    did_you_mean,
)
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _exec, _login
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._command import Gate


class Instance:
    """`options` are those of a connection to a server. Errors are the engine's."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.name, self.options = name, options
        self.project = options["project"]
        self._client = connect(options)
        self.label, self.url = self._client.label, self._client.transport.url

    def close(self) -> None:
        self._client.transport.close()

    def _fresh(self) -> Client:
        """The client, with all the time that one command or file has."""
        self._client.deadline = Deadline(self.options["timeout"])
        return self._client

    # -- commands -----------------------------------------------------------------------------------------------------

    def run(
        self,
        request: dict[str, Any],
        data: bytes | IO[bytes] = b"",
        gate: Gate | None = None,
        sink: IO[bytes] | None = None,
    ) -> tuple[int, bytes, bytes]:
        """Exit code and output of a command, by a request for an exec."""
        return _exec.run(self._fresh(), self.name, request, data, gate, sink, project=self.project)

    def keep_line(self, place: str, login: dict[str, Any]) -> None:
        """Have a command that stays open kept at `place`, by a process beside this one."""
        from ansible_collections.cloudhost.lxd.plugins.plugin_utils import (
            _keeper,
        )  # what few commands need, and takes time to load

        request = {"command": _keeper.COMMAND, **login}
        _keeper.start(place, lambda: _exec.opened(connect(self.options), self.name, request, project=self.project)[1])

    def user(self, name: str) -> dict[str, Any]:
        """What a request for an exec says of a user."""
        if name.isdigit() and not _login.is_number(name):  # getent would cut it, to that of root for instance
            raise InvalidInput(f"remote_user '{name}': the number of a user is a number of at most {_login.LARGEST}.")
        _code, out, err = self.run({"command": ["/bin/sh", "-c", _login.LOOK_UP, "sh", name]})
        found = _login.as_user(name, out.decode(errors="surrogateescape"))
        if found is None:
            why = f"remote_user '{name}': instance {self.name} has no such user. Create it as root first (ansible.builtin.user)."
            raise InvalidInput(f"{why} {err.decode(errors='replace')}".strip())
        return found

    def nearest(self) -> str:
        """A hint where there is no such instance: one whose name is much like it."""
        try:
            return did_you_mean(self.name, self._fresh().names("/1.0/instances", project=self.project))
        except LXDError:
            return ""

    # -- files --------------------------------------------------------------------------------------------------------

    def _files(self, path: str) -> tuple[str, dict[str, Any]]:
        query = {"path": path.encode(errors="surrogateescape"), "project": self.project}
        return f"/1.0/instances/{quote(self.name)}/files", query

    def push(self, stream: IO[bytes], path: str) -> None:
        """Write a file as root."""
        about = {"uid": "0", "gid": "0", "mode": "0600", "type": "file", "write": "overwrite"}
        headers = {f"X-{product}-{key}": value for product in ("LXD", "Incus") for key, value in about.items()}
        # without a type of its own, the daemon takes the contents for a form
        headers.update(
            {"Content-Type": "application/octet-stream", "Content-Length": str(os.fstat(stream.fileno()).st_size)}
        )
        client = self._fresh()
        url, query = self._files(path)
        attempt = 0
        while True:
            stream.seek(0)
            try:
                client.request("POST", url, stream=stream, headers=headers, query=query)
                return
            except Interrupted as exc:  # writing the same file once more does no harm
                client.deadline.pause(attempt, f"writing {path} in instance {self.name}, which failed with: {exc}")
                attempt += 1

    def pull(self, path: str, stream: IO[bytes]) -> None:
        """Read a file as root, also by way of links."""
        for _hop in range(40):  # as many links as Linux follows
            kind, contents = self._read(path, stream)
            if kind == "file":
                return
            if kind != "symlink":
                raise InvalidInput(
                    f"{path} in instance {self.name} is a {kind or 'thing of no known type'}, and only files can be "
                    "fetched."
                )
            path = posixpath.join(posixpath.dirname(path), contents.decode(errors="surrogateescape"))
        raise InvalidInput(f"{path} in instance {self.name} is a symbolic link to itself.")

    def _read(self, path: str, stream: IO[bytes]) -> tuple[str, bytes]:
        """The type of what is there. The contents of a file are in the stream then, and those of a link are returned."""
        kind = ""

        def sink(status: int, headers: Any) -> IO[bytes] | None:
            nonlocal kind
            kind = headers.get("X-LXD-Type") or headers.get("X-Incus-Type") or ""
            return stream if status == 200 and kind == "file" else None

        url, query = self._files(path)
        answer = self._fresh().request("GET", url, query=query, sink=sink).metadata
        return kind, answer.body if kind == "symlink" else b""
