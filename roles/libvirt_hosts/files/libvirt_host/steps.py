# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role starts on a host: each step takes the variables of the role and returns a result as modules have it."""

from __future__ import annotations

import json
from typing import Any

from .wanted import Refused, check


def perform(given: dict[str, Any]) -> dict[str, Any]:
    try:
        check(given)
        return _perform(given)
    except Refused as error:
        return {"failed": True, "msg": str(error)}


def _perform(given: dict[str, Any]) -> dict[str, Any]:
    try:
        import libvirt  # noqa: PLC0415 - what is wrong is said before it is asked for
    except ImportError:
        raise Refused(
            "this Python has no libvirt: install python3-libvirt (libvirt_hosts_install: true), or set "
            "libvirt_hosts_python to one that has libvirt-python"
        ) from None
    from .host import Host  # noqa: PLC0415 - it needs libvirt

    try:
        host = Host(given)
        getattr(host, given["step"])()
    except libvirt.libvirtError as error:
        raise Refused(f"libvirt says: {error}") from None
    machines = {machine.name: machine.report() for machine in host.machines}
    result = {
        "changed": bool(host.server.actions),
        "actions": host.server.actions,
        "machines": machines,
        "warnings": host.server.warnings + _pending(machines),
    }
    before = {machine.name: machine.before for machine in host.machines if machine.before != machine.after}
    after = {machine.name: machine.after for machine in host.machines if machine.name in before}
    return {**result, "diff": {"before": _text(before), "after": _text(after)}}


def _pending(machines: dict[str, dict[str, Any]]) -> list[str]:
    waiting = sorted(name for name, found in machines.items() if found["restart_needed"])
    return [f"{', '.join(waiting)}: changes take effect after a stop and a start"] if waiting else []


def _text(found: dict[str, dict[str, Any]]) -> str:
    return "".join(f"{name}.{key}: {json.dumps(value)}\n" for name in found for key, value in found[name].items())
