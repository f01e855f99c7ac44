# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the modules as Ansible runs them, in this process: same arguments in, same JSON out."""

from __future__ import annotations

import builtins
import contextlib
import sys
from typing import Any, Callable, Iterator

from ansible.module_utils.common import warnings
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.checks import UNSEEN
from ansible_collections.cloudhost.lxd.tests.unit.running import run_module as run_alone

UTILS = "ansible_collections.cloudhost.lxd.plugins.module_utils."


class ModuleFailed(Exception):
    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result["msg"])
        self.result = result


def run_module(module_name: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
    """The result of one module; raises ModuleFailed where it fails."""
    warnings._global_warnings.clear()  # those of the module before, which had a process of its own as Ansible runs it
    result: dict[str, Any] = run_alone(module_name, check, **arguments)
    if result.get("failed"):
        raise ModuleFailed(result)
    return result


def warnings_of(result: dict[str, Any]) -> list[str]:
    """The texts of the warnings of a result, which newer versions of Ansible return with more about each."""
    return [one if isinstance(one, str) else one["event"]["msg"] for one in result.get("warnings", [])]


def refused(run: Callable[..., dict[str, Any]], module: str, /, **arguments: Any) -> str:
    """The error of a task that must fail without having changed anything.

    Check mode must report all of it: it warns of what an earlier task could create, and fails with the rest.
    """
    errors, result = [], {}
    try:
        result = run(module, check=True, **arguments)
    except ModuleFailed as exc:
        errors, result = each_of(str(exc)), exc.result
    unseen = [words for words in warnings_of(result) if UNSEEN.partition("{}")[0] in words]
    assert errors or unseen, f"check mode has no error and no warning: {result}"
    try:
        result = run(module, **arguments)
    except ModuleFailed as exc:
        assert not exc.result.get("changed")  # Ansible's own validation of arguments does not say
        for words in each_of(str(exc)):
            assert words in errors or any(words in one for one in unseen), f"check mode does not report: {words}"
        return str(exc)
    raise AssertionError(f"the task does not fail: {result}")


@contextlib.contextmanager
def late_imports() -> Iterator[set[str]]:
    """What functions of the collection import meanwhile. A task pays for each of these again: Ansible forks before it
    runs a task, and keeps nothing of what it compiles of a collection.
    """
    found: set[str] = set()
    real = builtins.__import__

    def importing(name: str, *more: Any) -> Any:
        caller = sys._getframe(1)
        if caller.f_code.co_name != "<module>" and caller.f_globals.get("__name__", "").startswith(UTILS):
            found.add(name)
        return real(name, *more)

    builtins.__import__ = importing
    try:
        yield found
    finally:
        builtins.__import__ = real


def each_of(message: str) -> list[str]:
    """The errors that a message reports, of which there can be several."""
    head, *rest = message.splitlines()
    return [line[2:] for line in rest] if rest and head.endswith("errors, and nothing was changed:") else [message]
