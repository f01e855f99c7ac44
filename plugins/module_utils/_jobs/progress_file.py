# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The file with the progress of a stack, which the controller reads during the run (`plugin_utils/_progress.py`)."""

from __future__ import annotations

from typing import Any

from .._api.client import Client
from .._engine.secrets import MASK, is_telling, secrets_in
from .._stack.document import Document
from .._stack.progress import Progress
from .lines_file import LinesFile


class ProgressFile:
    """Has a snapshot of `_stack.progress` in each line. It is there while the context is open.

    :param path: as that of `LinesFile`
    """

    def __init__(self, path: str | None, client: Client, documents: list[Document]) -> None:
        self.path = path
        self._file = LinesFile(path)
        self.progress = Progress(self._file.write, self._hide) if path else Progress()
        self._client, self._documents = client, documents
        self._secrets: list[str] | None = None

    def __enter__(self) -> ProgressFile:
        self._file.open()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def lines(self) -> dict[str, Any]:
        """What the result has for the controller: all lines, also those that nobody has read in the file."""
        return {"_progress": self.progress.lines} if self.path else {}

    def _hide(self, text: str) -> str:
        """Text without secrets: Ansible hides them in results, and not here."""
        if self._secrets is None:
            known = {text for text in (self._client.hidden.known if self._client.hidden else ()) if is_telling(text)}
            known |= secrets_in([document.content for document in self._documents])
            self._secrets = sorted(known, key=len, reverse=True)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text
