# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The file with the progress of a stack, which the controller reads during the run (`plugin_utils/_progress.py`)."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from .._api.client import Client
from .._engine.secrets import MASK, is_telling, secrets_in
from .._stack.document import Document
from .._stack.progress import Progress


class ProgressFile:
    """Has a snapshot of `_stack.progress` in each line, as JSON. It is there while the context is open.

    :param path: a name that nobody can guess, because everybody can write to its directory; None for no file
    """

    def __init__(self, path: str | None, client: Client, documents: list[Document]) -> None:
        self.path = path
        self.progress = Progress(self._write, self._hide) if path else Progress()
        self._client, self._documents = client, documents
        self._secrets: list[str] | None = None
        self._file = -1

    def __enter__(self) -> ProgressFile:
        with contextlib.suppress(OSError):  # a run needs no progress
            if self.path:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                self._file = os.open(self.path, flags, 0o600)
                login = os.environ.get("SUDO_UID", "")
                if os.geteuid() == 0 and login.isdigit():  # the controller reads it without sudo
                    os.fchown(self._file, int(login), -1)
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.path and self._file >= 0:
            os.close(self._file)
            self._file = -1
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def lines(self) -> dict[str, Any]:
        """What the result has for the controller: all lines, also those that nobody has read in the file."""
        return {"_progress": self.progress.lines} if self.path else {}

    def _write(self, snapshot: dict[str, Any]) -> None:
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.write(self._file, f"{json.dumps(snapshot)}\n".encode("ascii"))

    def _hide(self, text: str) -> str:
        """Text without secrets: Ansible hides them in results, and not here."""
        if self._secrets is None:
            known = {text for text in (self._client.hidden.known if self._client.hidden else ()) if is_telling(text)}
            known |= secrets_in([document.content for document in self._documents])
            self._secrets = sorted(known, key=len, reverse=True)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text
