# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files have changed since a session passed in this clone. Only the fast tier asks: a whole run runs everything.

The contents that a session passed with are kept in `.cache/passed`.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import pathlib
import subprocess
from typing import Sequence


class Tree:
    """The files that git knows and those that it does not ignore, as they are now."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root, self.passed = root, root / ".cache" / "passed"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.split("\0")
        self.hashes = {
            name: hashlib.sha256((root / name).read_bytes()).hexdigest()
            for name in sorted(set(listed))
            if name and (root / name).is_file()
        }

    def read_by(self, patterns: Sequence[str]) -> dict[str, str]:
        """The files that the patterns choose, each with the hash of its content: the last that matches counts, and one
        with `!` leaves it out.

        `*` matches slashes too.
        """
        return {name: content for name, content in self.hashes.items() if _chosen(name, patterns)}

    def changed(self, session: str, patterns: Sequence[str]) -> set[str] | None:
        """The names of the files that are new, other or gone since the session passed; None where it has not passed
        yet.
        """
        try:
            before: dict[str, str] = json.loads((self.passed / f"{session}.json").read_text())
        except (OSError, ValueError):
            return None
        now = self.read_by(patterns)
        return {name for name in {*before, *now} if before.get(name) != now.get(name)}

    def keep(self, session: str, patterns: Sequence[str]) -> None:
        """Write down that the session passed with the files as they were when this was made."""
        self.passed.mkdir(parents=True, exist_ok=True)
        (self.passed / f"{session}.json").write_text(json.dumps(self.read_by(patterns), indent=0))


def _chosen(name: str, patterns: Sequence[str]) -> bool:
    last = [pattern for pattern in patterns if fnmatch.fnmatchcase(name, pattern.lstrip("!"))][-1:]
    return bool(last) and not last[0].startswith("!")
