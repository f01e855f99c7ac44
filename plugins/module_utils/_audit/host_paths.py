# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Devices that reach beyond the instance: paths, sockets and listeners of the host."""

from __future__ import annotations

import posixpath

from .checks import is_wildcard, split_address

#: Sockets of which a client is root on the host.
_SOCKETS = ("unix.socket", "docker.sock", "podman.sock", "containerd.sock", "crio.sock", "libvirt-sock")
#: Directories that these daemons keep such sockets and all instances in.
_DAEMONS = ("/var/lib/lxd", "/var/lib/incus", "/var/snap/lxd", "/run/incus", "/var/lib/docker", "/run/containerd")
#: Directories of the host in which whoever writes is root.
_SYSTEM = ("/", "/boot", "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/usr", "/var", "/var/lib", "/home")


def path_of(device: dict[str, str]) -> str:
    """The path of the host that a disk brings into an instance, or empty."""
    source = device.get("source") or ""
    if device.get("type") != "disk" or device.get("pool") or not source.startswith("/"):
        return ""
    return posixpath.normpath("/" + source.lstrip("/")).replace("/var/run", "/run", 1)


def socket_of(device: dict[str, str]) -> str:
    """The path of a socket of the host that a device connects the instance with, or empty."""
    connect = device.get("connect") or ""
    if device.get("type") == "proxy" and connect.startswith("unix:") and listens_inside(device):
        return posixpath.normpath(connect.partition(":")[2]).replace("/var/run", "/run", 1)
    return path_of(device)


def listens_inside(device: dict[str, str]) -> bool:
    """Whether a proxy listens in the instance, and connects on the host. By default it is the other way around."""
    return (device.get("bind") or "host") not in ("host",)


def is_daemon(device: dict[str, str]) -> str:
    """The words for a device that gives an instance the API of a daemon which is root."""
    path = socket_of(device)
    own = path and (posixpath.basename(path) in _SOCKETS or any(_within(path, place) for place in _DAEMONS))
    return f"gives the instance {path} of the host" if own else ""


def is_host_path(device: dict[str, str]) -> str:
    path = path_of(device)
    if not path or is_daemon(device):
        return ""
    return f"mounts {path} of the host{', read-only' if _is_read_only(device) else ''}"


def severity_of_path(device: dict[str, str]) -> str:
    """A directory of the system is worse than another one, and reading is less than writing."""
    is_system = path_of(device) in _SYSTEM or any(_within(path_of(device), place) for place in _SYSTEM[1:7])
    if _is_read_only(device):
        return "high" if is_system else "medium"
    return "critical" if is_system else ""


def _is_read_only(device: dict[str, str]) -> bool:
    return (device.get("readonly") or "").lower() in ("true", "1", "yes", "on")


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def reaches_host(device: dict[str, str]) -> str:
    if device.get("type") != "proxy" or not listens_inside(device) or is_daemon(device):
        return ""
    return f"connects the instance with {device.get('connect')} of the host"


def listens_everywhere(device: dict[str, str]) -> str:
    kind, _sep, address = (device.get("listen") or "").partition(":")
    if device.get("type") != "proxy" or listens_inside(device) or kind == "unix" or not is_wildcard(address):
        return ""
    return f"listens on all addresses of the host ({device['listen']})"


def on_loopback(device: dict[str, str]) -> dict[str, str] | None:
    """The change that has a proxy listen on the loopback address only."""
    kind, _sep, address = (device.get("listen") or "").partition(":")
    host = "[::1]" if address.startswith("[") else "127.0.0.1"
    return {"listen": f"{kind}:{host}:{split_address(address)[1]}"}


def is_nic_of_host(device: dict[str, str]) -> str:
    kind = device.get("nictype")
    return f"is a network card of the host ({kind})" if device.get("type") == "nic" and kind == "physical" else ""
