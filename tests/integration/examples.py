# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The EXAMPLES of the modules, and where those run that need more than a single server."""

from __future__ import annotations

import importlib
import pathlib
from typing import Any

import yaml

MODULES = pathlib.Path(__file__).resolve().parents[2] / "plugins" / "modules"
PREFIX = "cloudhost.lxd."
#: By the names of the tasks: a cluster, what test_cluster_remote.py has, a second server, as in
#: test_between_servers.py and test_lxd_to_incus.py, the files of an image, as in tests/roles/test_image_server.py, or a
#: libvirt, as in test_libvirt_import.py. All tasks of the modules cluster* are in test_cluster_examples.py.
ELSEWHERE = {
    "Create a container on a member of a cluster": "cluster",
    "Have it on any member of a cluster group": "cluster",
    "Copy an instance of another server, and bring the copy up to date on every run": "between",
    "Create the directory of an image server": "images",
    "Publish an image": "images",
    "Move an instance from another server, and stop it there for that": "between",
    "Move a volume from another server": "between",
    "Copy a private image of another server": "between",
    "Create the profiles and projects of another server": "between",
    "Show what can be moved": "between",
    "Show what a domain becomes": "libvirt",
    "Import it, and start it": "libvirt",
    "Create a pool on every member of a cluster, larger on one of them": "cluster",
    "Create a pool on every member of a cluster, on the disk of each": "cluster",
    "Create a network that connects instances to the network of each member of a cluster": "cluster",
    "Create a pool of a Ceph that all members of a cluster reach": "ceph",
    "Create an OVN network over all members of a cluster, which reaches others through the network uplink": "ovn",
}
#: What no machine of the tests can do is planned there: each with the condition that its result meets in check mode.
PLANNED = {
    # no KVM
    "Create a virtual machine from an image server, and wait until cloud-init has set it up": (
        "planned is changed or 'runs no virtual machines' in planned.msg"
    ),
    # no registry, and no extension on the servers of most tests
    "Run an application of a registry, on Incus 6.3 or later": (
        "planned is changed or 'needs the extension' in planned.msg"
    ),
    # no image server
    "Copy an image from an image server, and have the daemon keep it up to date": "planned is changed",
    "Copy an image from an image server of your own, and take a newer one as soon as there is one": (
        "planned is changed"
    ),
    # no kernel module
    "Create a ZFS pool on a disk, which must be empty": (
        "planned is changed or \"'zfs' is not available\" in planned.msg"
    ),
}


def examples(module: str) -> list[dict[str, Any]]:
    """The tasks as they are written."""
    text = importlib.import_module(f"ansible_collections.cloudhost.lxd.plugins.modules.{module}").EXAMPLES
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    return tasks


def alone(module: str) -> list[dict[str, Any]]:
    """The tasks that a single server runs, or plans if the machine cannot run them."""
    return [
        {**task, "check_mode": True, "register": "planned", "failed_when": f"not ({PLANNED[task['name']]})"}
        if task["name"] in PLANNED
        else task
        for task in examples(module)
        if task["name"] not in ELSEWHERE
    ]


def arguments(module: str, begin: str) -> dict[str, Any]:
    """The arguments of the one task of a module whose name begins so."""
    (task,) = [task for task in examples(module) if task["name"].startswith(begin)]
    given: dict[str, Any] = task[PREFIX + module]
    return given
