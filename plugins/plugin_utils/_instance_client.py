# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Reaches an instance through its server: commands, files and users.

Uses `/1.0/instances/NAME/exec` and `/1.0/instances/NAME/files` of the API (doc/rest-api.md).
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
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.websocket import WebSocket
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _exec, _login
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._command import Gate


class InstanceClient:
    """An instance and a connection to its server. `options` are the connection options of the modules.

    Raises the errors of `_api.errors`.
    """

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.name, self.options = name, options
        self.project = options["project"]
        self._client = connect(options)
        self.label, self.url = self._client.label, self._client.transport.url

    def close(self) -> None:
        self._client.transport.close()

    def _fresh(self) -> Client:
        """The client, with a new deadline for one command or file."""
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
        """Exit code, output and errors of a command in a separate exec. `request` is the body of the API request."""
        return _exec.run(self._fresh(), self.name, request, data, gate, sink, project=self.project)

    def open_session(self, path: str, login: dict[str, Any], **switches: bool) -> None:
        """Start a session keeper for a session at `path`, and return at once. `switches` are those of the agent."""
        # few commands need these, and they take time to load
        from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _session_keeper, _session_program

        request = {"command": _session_program.command(**switches), **login}

        def open_streams() -> dict[str, WebSocket]:
            client = connect(self.options)
            client.addresses = self._client.addresses  # which knows of failures
            return _exec.open_streams(client, self.name, request, project=self.project)[1]

        _session_keeper.start(path, open_streams)

    def user(self, name: str) -> dict[str, Any]:
        """The part of the body of an exec request that selects a user."""
        if name.isdigit() and not _login.is_number(name):  # getent would truncate it, for example to that of root
            raise InvalidInput(f"remote_user '{name}': the largest number of a user is {_login.LARGEST}.")
        _code, out, err = self.run({"command": ["/bin/sh", "-c", _login.LOOK_UP, "sh", name]})
        found = _login.as_user(name, out.decode(errors="surrogateescape"))
        if found is None:
            raise InvalidInput(
                f"remote_user '{name}': instance {self.name} has no such user. Create it as root first "
                f"(ansible.builtin.user). {err.decode(errors='replace')}".strip()
            )
        return found

    def nearest(self) -> str:
        """A hint for a missing instance: one with a similar name."""
        try:
            return did_you_mean(self.name, self._fresh().names("/1.0/instances", project=self.project))
        except LXDError:
            return ""

    # -- files --------------------------------------------------------------------------------------------------------

    def _files(self, path: str) -> tuple[str, dict[str, Any]]:
        query = {"path": path.encode(errors="surrogateescape"), "project": self.project}
        return f"/1.0/instances/{quote(self.name)}/files", query

    def push(self, stream: IO[bytes], path: str) -> None:
        """Write a file as root, of mode 0600."""
        about = {"uid": "0", "gid": "0", "mode": "0600", "type": "file", "write": "overwrite"}
        headers = {f"X-{product}-{key}": value for product in ("LXD", "Incus") for key, value in about.items()}
        # without a content type, the daemon parses the content as a form
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
            except Interrupted as exc:  # to write the same file again does no harm
                client.deadline.pause(attempt, f"writing {path} in instance {self.name}, which failed with: {exc}")
                attempt += 1

    def pull(self, path: str, stream: IO[bytes]) -> None:
        """Read a file as root. Follows links."""
        for _hop in range(40):  # as many links as Linux follows
            kind, contents = self._read(path, stream)
            if kind == "file":
                return
            if kind != "symlink":
                kind = kind or "file of unknown type"
                raise InvalidInput(
                    f"{path} in instance {self.name} is a {kind}, and only regular files can be fetched."
                )
            path = posixpath.join(posixpath.dirname(path), contents.decode(errors="surrogateescape"))
        raise InvalidInput(f"{path} in instance {self.name} is a symbolic link to itself.")

    def _read(self, path: str, stream: IO[bytes]) -> tuple[str, bytes]:
        """The type of a file. Writes the content of a file to the stream, and returns the target of a link."""
        kind = ""

        def sink(status: int, headers: Any) -> IO[bytes] | None:
            nonlocal kind
            kind = headers.get("X-LXD-Type") or headers.get("X-Incus-Type") or ""
            return stream if status == 200 and kind == "file" else None

        url, query = self._files(path)
        answer = self._fresh().request("GET", url, query=query, sink=sink).metadata
        return kind, answer.body if kind == "symlink" else b""
