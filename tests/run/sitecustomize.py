# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what Python compiles of Ansible and of the collection, in every process of a test session.

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
from typing import Any

#: Shorter text is compiled faster than it is found.
SHORTEST = 500
PLACE = os.path.join(sys.pycache_prefix, "compiled", sys.implementation.cache_tag) if sys.pycache_prefix else ""
_compile = builtins.compile


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


def _keep(path: str, data: bytes) -> None:
    part = f"{path}.{os.getpid()}"
    try:
        with open(part, "wb") as file:
            file.write(data)
        os.replace(part, path)
    except OSError:  # of another user
        pass


if PLACE:
    try:
        os.makedirs(PLACE, exist_ok=True)
        builtins.compile = compile
    except OSError:
        pass
