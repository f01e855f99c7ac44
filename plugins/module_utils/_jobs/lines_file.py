# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A file that one task writes and its controller reads meanwhile (`plugin_utils/_progress.py`).

It imports nothing of the collection: the action `build_image` sends it along with the script of the role image_build.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any


class LinesFile:
    """Has a snapshot in each line, as JSON. A task goes on without it, so no error of it counts.

    :param path: a name that nobody can guess, because everybody can write to its directory; None for no file
    """

    def __init__(self, path: str | None) -> None:
        self.path = path
        self._file = -1

    def open(self) -> None:
        with contextlib.suppress(OSError):
            if self.path:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                self._file = os.open(self.path, flags, 0o600)
                login = os.environ.get("SUDO_UID", "")
                if os.geteuid() == 0 and login.isdigit():  # the controller reads it without sudo
                    os.fchown(self._file, int(login), -1)

    def write(self, snapshot: dict[str, Any]) -> None:
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.write(self._file, f"{json.dumps(snapshot)}\n".encode("ascii"))

    def close(self) -> None:
        """Remove it, unless it is not the file of this task."""
        if self.path and self._file >= 0:
            os.close(self._file)
            self._file = -1
            with contextlib.suppress(OSError):
                os.unlink(self.path)
