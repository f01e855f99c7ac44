# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Remedies: tasks of this collection, as data. Each changes only what its finding is about."""

from __future__ import annotations

import copy
import re
from typing import Any, Iterable

from .model import Layer

COLLECTION = "cloudhost.lxd."
#: Options that say which object a task is about.
_IDENTITY = ("project", "name", "fingerprint", "target")
#: The order in which remedies can be carried out: a project is restricted once its instances comply.
_ORDER = ("profile", "instance", "image", "certificate", "project", "server")
#: Which state a task has if several are wanted.
_STATES = ("absent", "restarted", "present")
_PLAIN = re.compile(r"[\w./-]+")


def task(module: str, **options: Any) -> dict[str, Any]:
    """A task of this collection. Only names that nothing could take for a template are in its own name.

    :param options: without those that are None
    """
    given = {option: value for option, value in options.items() if value is not None}
    who = given.get("name") or str(given.get("fingerprint") or "")[:12] or given.get("target") or ""
    where = given.get("project")
    words = [f"Harden {module.replace('_', ' ')}", who if _PLAIN.fullmatch(who) else ""]
    words += [f"in project {where}" if where and _PLAIN.fullmatch(where) else ""]
    return {"name": " ".join(filter(None, words)), COLLECTION + module: given}


def configured(layer: Layer, config: dict[str, str | None]) -> dict[str, Any]:
    """Set (or with None unset) keys of the config of a layer."""
    return _of(layer, config=config)


def with_device(layer: Layer, name: str, properties: dict[str, str] | None) -> dict[str, Any]:
    """Change a device of a layer; None removes it."""
    return _of(layer, devices={name: properties})


def restarted(layer: Layer) -> dict[str, Any]:
    """Restart the instance of a layer."""
    return task(layer.kind, name=layer.name, project=layer.project, state="restarted")


def _of(layer: Layer, **options: Any) -> dict[str, Any]:
    if layer.kind == "instance":
        options = {"state": "present", "restart": "if_required", **options}
    if layer.kind in ("server", "member"):
        return task("server", target=layer.name if layer.kind == "member" else None, **options)
    return task(layer.kind, name=layer.name, project=layer.project or None, **options)


def module_of(one: dict[str, Any]) -> str:
    return next(key for key in one if key != "name")


def merged(tasks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One task for each object, in an order that servers accept. What is removed is not changed before."""
    found: dict[Any, dict[str, Any]] = {}
    for one in tasks:
        module = module_of(one)
        options = one[module]
        key = (module, *(options.get(option) for option in _IDENTITY))
        if key not in found:
            found[key] = copy.deepcopy(one)
        else:
            _merge(found[key][module], options)
    for (module, *_identity), one in found.items():
        if one[module].get("state") == "absent":
            one[module] = {name: value for name, value in one[module].items() if name in (*_IDENTITY, "state")}
    return sorted(found.values(), key=_turn)


def _turn(one: dict[str, Any]) -> int:
    module = module_of(one)[len(COLLECTION) :]
    return _ORDER.index(module) if module in _ORDER else len(_ORDER)


def _merge(into: dict[str, Any], options: dict[str, Any]) -> None:
    for name, value in options.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        elif name == "state":
            into[name] = min(into.get(name, value), value, key=_STATES.index)
        elif not (name in into and into[name] is None):  # what one of them unsets stays unset
            into[name] = copy.deepcopy(value)
