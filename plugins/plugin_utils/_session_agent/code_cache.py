# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Keeps the code that forked modules compile from the sources in their archives.

Each module brings its `module_utils` in an archive, and Python stores no compiled code of archives. A child publishes
the code that it compiled, under the SHA-256 of the source, in memory that it shares with the agent only. Later children
use the code for a source with the same digest, and compile every other source.

The memory belongs to one session, and so to one user of one instance in one run. Needs Python 3.8 (`code.replace`).
"""

from __future__ import annotations

import hashlib
import marshal
import mmap
import os
import struct
import sys
import types
import zipimport
from typing import Any

SIZE = struct.Struct(">I")


class CodeCache:
    """Compiled code by the digest of its source."""

    MOST = 2000  # sources
    SPACE = 16 << 20  # bytes for what one child publishes. Only the part that is used takes memory

    def __init__(self) -> None:
        self.known: dict[bytes, types.CodeType] = {}
        self.new: dict[bytes, types.CodeType] = {}
        self._shared = mmap.mmap(-1, self.SPACE)

    def install(self) -> None:
        """In a child: import from archives with this cache."""
        cache = self

        class Importer(CachingImporter):
            codes = cache

        sys.path_hooks[:] = [Importer if hook is zipimport.zipimporter else hook for hook in sys.path_hooks]

    def publish(self) -> None:
        """In a child, at its end: hand over what it compiled."""
        content = marshal.dumps(self.new) if self.new else b""
        if len(content) <= self.SPACE - SIZE.size:
            self._shared[SIZE.size : SIZE.size + len(content)] = content
            self._shared[: SIZE.size] = SIZE.pack(len(content))  # last: a child that is killed publishes nothing

    def collect(self) -> None:
        """In the agent, when a child has ended: keep what it published."""
        (size,) = SIZE.unpack(self._shared[: SIZE.size])
        if size and len(self.known) < self.MOST:
            self.known.update(marshal.loads(self._shared[SIZE.size : SIZE.size + size]))
        self._shared[: SIZE.size] = bytes(SIZE.size)


class CachingImporter(zipimport.zipimporter):
    """Imports from an archive as Python does, but compiles a source only if the cache does not have it."""

    codes: CodeCache

    def create_module(self, spec: Any) -> None:  # before Python 3.10, zipimporter has neither this nor the next method
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def get_filename(self, fullname: str) -> str:
        return self._path(fullname) or super().get_filename(fullname)  # which compiles the source to get the name

    def get_code(self, fullname: str) -> types.CodeType:
        path = self._path(fullname)
        if path is None:
            return super().get_code(fullname)
        digest = hashlib.sha256(self.get_data(path)).digest()
        known = self.codes.known.get(digest)
        if known is not None:
            return _moved(known, path)
        code = self.codes.new[digest] = super().get_code(fullname)
        return code

    def _path(self, fullname: str) -> str | None:
        """The path of the source of a module. None if the archive has compiled code, which Python prefers."""
        stem = os.path.join(self.archive, self.prefix + fullname.rpartition(".")[2])
        if self.is_package(fullname):  # raises ImportError if there is no such module
            stem = os.path.join(stem, "__init__")
        try:
            self.get_data(f"{stem}.pyc")
        except OSError:
            return f"{stem}.py"
        return None


def _moved(code: types.CodeType, path: str) -> types.CodeType:
    """The same code, with another file name."""
    constants = tuple(_moved(value, path) if isinstance(value, types.CodeType) else value for value in code.co_consts)
    return code.replace(co_filename=path, co_consts=constants)
