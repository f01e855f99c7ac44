# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what Python compiles of Ansible and of the collection, and the archives that Ansible makes of modules, in every
process of a test session.

Ansible compiles the plugins of a collection anew in each `ansible-playbook`, and a module that is started compiles all
that it brings along in its archive. Both call `compile` themselves, so that there is no bytecode of it. Python loads
this file at its start, because its folder is on the path of the sessions (`noxfile.py`). It does nothing where Python
is not told a place for bytecode.
"""

from __future__ import annotations

import _imp
import builtins
import marshal
import os
import sys
import zipimport
from typing import Any

#: Shorter text is compiled faster than it is found.
SHORTEST = 500
#: Seconds between two looks of Ansible at a task that runs.
POLL = 0.01
#: The function that reads a module of an archive, where Python has it.
READ = "_get_module_code"
COLLECTION = os.path.join("ansible_collections", "cloudhost", "lxd")
PLACE = os.path.join(sys.pycache_prefix, "compiled", sys.implementation.cache_tag) if sys.pycache_prefix else ""
_compile, _read = builtins.compile, getattr(zipimport, READ, None)
_codes: dict[tuple[str, str], Any] = {}


def compile(source: Any, filename: Any, mode: str, *more: Any, **named: Any) -> Any:  # noqa: A001 - it takes its place
    if (
        mode != "exec"
        or not isinstance(source, (bytes, str))
        or len(source) < SHORTEST
        or "ansible" not in str(filename)
    ):
        return _compile(source, filename, mode, *more, **named)
    import hashlib

    text = source.encode("utf-8", "surrogateescape") if isinstance(source, str) else source
    options = repr((type(source), more, sorted(named.items()), sys.flags.optimize)).encode()
    path = os.path.join(PLACE, hashlib.sha1(options + text).hexdigest())
    try:
        with open(path, "rb") as file:
            code = marshal.load(file)
    except (OSError, EOFError, ValueError, TypeError):
        code = _compile(source, filename, mode, *more, **named)
        if isinstance(code, type(compile.__code__)):  # and no tree
            _keep(path, marshal.dumps(code))
        return code
    _imp._fix_co_filename(code, str(filename))
    return code


def _once(importer: Any, name: str) -> Any:
    """What an archive has under a name. It is asked for twice: by who wants to know the file of a module, and by who
    loads the module then.
    """
    found = _codes.pop((importer.archive, name), None)
    if found is None:
        found = _codes[importer.archive, name] = _read(importer, name)
    return found


def _keep(path: str, data: bytes) -> None:
    part = f"{path}.{os.getpid()}"
    try:
        with open(part, "wb") as file:
            file.write(data)
        os.replace(part, path)
    except OSError:  # of another user
        pass


class _Settings:
    """Finds `ansible.constants` as the others would, and changes two things after it was loaded."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != "ansible.constants":
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        if spec and spec.loader:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (load(module), _change(module))  # type: ignore
        return spec


def _change(constants: Any) -> None:
    """Ansible looks a hundred times a second whether a task has ended, and not a thousand times, which takes 5 % of a
    core while it waits. It makes the archive of a module once for this state of the collection, and not in every run:
    where processes that need the same archive lock a file beside it, which those of several runs do as well.
    """
    constants.DEFAULT_INTERNAL_POLL_INTERVAL = POLL
    if not os.path.exists(os.path.join(os.path.dirname(constants.__file__), "_internal", "_locking.py")):
        return
    import hashlib

    from ansible.release import __version__

    state = hashlib.sha1(f"{constants.__file__} {__version__}\n".encode())
    for place in constants.COLLECTIONS_PATHS:
        for part in ("modules", "module_utils"):
            for folder, folders, names in os.walk(os.path.join(place, COLLECTION, "plugins", part)):
                folders.sort()
                for path in [os.path.join(folder, name) for name in sorted(names)]:
                    found = os.stat(path)
                    state.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    archives = os.path.join(PLACE, "archives", state.hexdigest())
    try:
        os.makedirs(archives, exist_ok=True)
        os.symlink(archives, os.path.join(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache"))
    except OSError:  # of another user
        pass


if PLACE:
    try:
        os.makedirs(PLACE, exist_ok=True)
        builtins.compile = compile
        if _read:
            setattr(zipimport, READ, _once)
        sys.meta_path.insert(0, _Settings())  # type: ignore[arg-type]
    except OSError:
        pass
