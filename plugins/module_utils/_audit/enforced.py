# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is and what is not enforced: of each member, project and instance, whether or not a rule finds something."""

from __future__ import annotations

import re
from typing import Any, Iterable

from .._engine.values import is_true
from .host_paths import path_of
from .model import Subject, Surroundings, place

#: Types of devices that bring something of the host into an instance, besides disks.
_OF_HOST = ("unix-char", "unix-block", "unix-hotplug", "gpu", "usb", "pci", "infiniband", "tpm")


#: What the server does not show to this client.
UNKNOWN = "unknown"


def enforced(subjects: Iterable[Subject], around: Surroundings) -> list[dict[str, Any]]:
    """A record for each subject of which there is something to say."""
    tell = {"member": _member, "project": _project, "instance": _instance}
    return [
        {**place(subject), "enforced": tell[subject.kind](subject, around)}
        for subject in subjects
        if subject.kind in tell
    ]


def _member(subject: Subject, around: Surroundings) -> dict[str, Any]:
    environment = subject.data.get("environment") or {}
    lacks = around.lacks.get(subject.name, frozenset())
    known = "warnings" not in around.unread
    return {
        "apparmor": "apparmor" not in lacks if known else UNKNOWN,
        "seccomp": (environment.get("lxc_features") or {}).get("seccomp_allow_deny_syntax") == "true",
        **{f"cgroup_{one}": one not in lacks if known else UNKNOWN for one in ("cpu", "memory", "pids")},
        "api_address": subject.config.get("core.https_address") or None,
        "version": f"{environment.get('server') or 'lxd'} {environment.get('server_version') or '?'}",
        "kernel": environment.get("kernel_version") or None,
        "system": f"{environment.get('os_name') or '?'} {environment.get('os_version') or ''}".strip(),
    }


def _project(subject: Subject, around: Surroundings) -> dict[str, Any]:
    config = subject.config
    return {
        "restricted": is_true(config.get("restricted")),
        "limits": {key[len("limits.") :]: config[key] for key in sorted(config) if key.startswith("limits.")},
        "allowed": sorted(key for key, value in config.items() if key.startswith("restricted.") and value == "allow"),
    }


def _instance(subject: Subject, around: Surroundings) -> dict[str, Any]:
    config, devices = subject.config, subject.devices
    common = {
        "host_paths": sorted(filter(None, map(path_of, devices.values()))),
        "host_devices": sorted(name for name, device in devices.items() if device.get("type") in _OF_HOST),
        "raw": sorted(key for key in config if key.startswith("raw.") and config[key]),
    }
    lacks = around.lacks_of(subject)
    if not subject.is_container:
        return {
            "type": "virtual-machine",
            "secureboot": config.get("security.secureboot") is None or is_true(config["security.secureboot"]),
            "apparmor": _apparmor(config, lacks, around),
            **common,
        }
    return {
        "type": "container",
        "unprivileged": not is_true(config.get("security.privileged")),
        "idmap": _idmap(config),
        "nesting": is_true(config.get("security.nesting")),
        "seccomp": "own" if config.get("raw.seccomp") or _raw_lxc(config, "lxc.seccomp.profile") else "server",
        "apparmor": _apparmor(config, lacks, around),
        "limits": {
            name: config.get(f"limits.{name}") if controller not in lacks else "not enforced"
            for name, controller in (("cpu", "cpu"), ("memory", "memory"), ("processes", "pids"))
        },
        **common,
    }


def _apparmor(config: dict[str, str], lacks: frozenset[str], around: Surroundings) -> str:
    if "warnings" in around.unread:
        return UNKNOWN
    if "apparmor" in lacks:
        return "missing"
    profile = _raw_lxc(config, "lxc.apparmor.profile")
    if profile:
        return "off" if profile[-1] == "unconfined" else "own"
    return "own" if config.get("raw.apparmor") else "server"


def _raw_lxc(config: dict[str, str], key: str) -> list[str]:
    """The values of a key of LXC in `raw.lxc`, which come after those of the server: the last one counts."""
    return re.findall(rf"^\s*{re.escape(key)}\s*=\s*(\S*)", config.get("raw.lxc") or "", re.M)


def _idmap(config: dict[str, str]) -> str:
    if is_true(config.get("security.privileged")):
        return "none"
    return "isolated" if is_true(config.get("security.idmap.isolated")) else "shared"
