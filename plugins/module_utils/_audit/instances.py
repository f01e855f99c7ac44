# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The rules for instances. One entry is one rule: see `model.Rule`."""

from __future__ import annotations

from typing import Iterator

from .._engine import values
from .._engine.values import is_true
from . import end_of_life, host_paths
from .checks import Device, Required, Setting, is_false, is_set, layers_with, of_type
from .model import Hit, Rule, Subject, Surroundings
from .remedies import configured, restarted
from .secret_text import holds_secret

_PROFILES = "the instance and its profiles"


class Secrets:
    """A key holds a secret. The value is never shown."""

    def __call__(self, subject: Subject, around: Surroundings) -> Iterator[Hit]:
        for key, value in sorted(subject.config.items()):
            if key.startswith(("environment.", "user.", "cloud-init.")) and holds_secret(key, value or ""):
                yield from Setting((key,), lambda text, key=key: holds_secret(key, text), "holds a secret")(  # type: ignore[misc]
                    subject, around
                )


def old_system(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    """The distribution that an instance was created with gets no updates any more."""
    versions = {key: subject.config.get(key) for key in ("image.version", "image.release")}
    found = end_of_life.ended(subject.config.get("image.os") or "", versions, around.end_of_life, around.today)
    if found:
        yield Hit(found.key, f"It was created from an image: {found.words}.")


def other_users(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    """The processes of a container have the user IDs with which it was started."""
    now, then = (subject.config.get(f"volatile.idmap.{when}") for when in ("current", "next"))
    if subject.is_container and subject.data.get("status") == "Running" and now and then and now != then:
        text = "The instance runs with other user IDs than its configuration says, because it was not restarted."
        yield Hit("volatile.idmap.current", text, (), (restarted(subject.layers[0]),))


def same_users(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    """An isolated container and another one have some of their user IDs in common."""
    ids = around.user_ids.get((subject.project, subject.name))
    if ids and ids.others:
        own, (project, name) = subject.layers[0], ids.others[0]
        count = f", and {len(ids.others) - 1} more" if len(ids.others) > 1 else ""
        text = f"Some of its user IDs, from {ids.first}, are also those of {name} of the project {project}{count}."
        tasks = (configured(own, {"security.idmap.base": str(ids.free)}),) if ids.free else ()
        yield Hit("volatile.idmap.base", text, (), tasks)


def idle_limits(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    """A limit that the kernel of the host does not enforce, or that the daemon cannot set."""
    lacks = around.lacks_of(subject) if subject.is_container else ()
    for what, keys in _LIMITS.items():
        set_here = [key for key, value in subject.config.items() if value and values.matches(key, keys)]
        for key in sorted(set_here) if what in lacks else ():
            yield Hit(key, f"{key} is set, and the host does not enforce it.", layers_with(subject, key, is_set))
    for name, device in sorted(subject.devices.items()) if "io" in lacks else ():
        limited = [key for key in ("limits.max", "limits.read", "limits.write") if device.get(key)]
        if device.get("type") == "disk" and limited:
            yield Hit(name, f"{', '.join(limited)} of the disk {name} are set, and the host does not enforce them.")


#: The limits of a container, by what they need of the host. Those of all instances are a rule of the host.
_LIMITS = {
    "hugepages": ("limits.hugepages.*",),
    "io_weight": ("limits.disk.priority",),
    "network_priority": ("limits.network.priority",),
    "swap": ("limits.memory.swap", "limits.memory.swap.*"),
}
RULES = (
    Rule(
        "instance-privileged",
        "instance",
        "critical",
        "Privileged container",
        "`security.privileged`",
        "Root in the container is root of the host: a way out of the container is a way into the host.",
        "Run it unprivileged. If it needs one device or one mount of the host, give it only that.",
        Setting(("security.privileged",), is_true, "is true", "false", containers=True),
    ),
    Rule(
        "instance-nesting",
        "instance",
        "medium",
        "Containers inside of the container",
        "`security.nesting`",
        "Parts of /proc and /sys are writable inside, and AppArmor lets the container mount file systems.",
        "Turn it off where no containers run inside, or use a virtual machine.",
        Setting(("security.nesting",), is_true, "is true", "false", containers=True),
    ),
    Rule(
        "instance-idmap-shared",
        "instance",
        "medium",
        "User IDs shared with other containers",
        "`security.idmap.isolated`",
        "Containers use the same user IDs of the host, so limits of users and a way out are shared between them.",
        "Give the container a range of its own. It needs a restart, and the files of its root disk are shifted.",
        Required(
            "security.idmap.isolated",
            is_true,
            "is not true: other containers have the same user IDs on the host",
            safe="true",
        ),
    ),
    Rule(
        "instance-idmap-overlap",
        "instance",
        "high",
        "Isolated user IDs that another container has",
        "`volatile.idmap.base`, `security.idmap.size`, of isolated containers",
        "Servers can give the same user IDs to containers that are created at once: then isolation does not apply.",
        "Give one of them another range with security.idmap.base. It needs a restart.",
        same_users,
    ),
    Rule(
        "instance-restart-pending",
        "instance",
        "medium",
        "User IDs from before the last change",
        "`volatile.idmap.current`, `volatile.idmap.next`, of running containers",
        "What the configuration says of privileges and user IDs does not apply yet.",
        "Restart the instance.",
        other_users,
    ),
    Rule(
        "instance-raw-idmap",
        "instance",
        "high",
        "User IDs of the host in the container",
        "`raw.idmap`",
        "A user of the container is a user of the host, and owns the files and processes of that user.",
        "Remove the mapping. Share a directory with a disk device and its option shift instead.",
        Setting(("raw.idmap",), is_set, "maps users of the host into the instance"),
    ),
    Rule(
        "instance-raw-config",
        "instance",
        "high",
        "Configuration past the checks of the server",
        "`raw.lxc`, `raw.qemu`, `raw.qemu.*`",
        "What is written there can turn off any protection, and the server does not check it.",
        "Use the keys and devices of the API instead.",
        Setting(("raw.lxc", "raw.qemu", "raw.qemu.*"), is_set, "is set"),
    ),
    Rule(
        "instance-raw-apparmor",
        "instance",
        "high",
        "Own AppArmor rules",
        "`raw.apparmor`",
        "Additional rules allow what the profile of the server denies.",
        "Remove the rules.",
        Setting(("raw.apparmor",), is_set, "adds rules to the AppArmor profile"),
    ),
    Rule(
        "instance-raw-seccomp",
        "instance",
        "high",
        "Own seccomp policy",
        "`raw.seccomp`",
        "The policy replaces that of the server, with the system calls that it denies.",
        "Remove the policy. To deny more, use security.syscalls.deny.",
        Setting(("raw.seccomp",), is_set, "replaces the seccomp policy of the server"),
    ),
    Rule(
        "instance-syscalls-allowed",
        "instance",
        "high",
        "Dangerous system calls allowed",
        "`security.syscalls.deny_default`, `security.syscalls.blacklist_default`",
        "System calls such as kexec_load and open_by_handle_at are denied by default, because they reach the kernel or "
        "files of the host.",
        "Keep the default.",
        Setting(
            ("security.syscalls.deny_default", "security.syscalls.blacklist_default"), is_false, "is false", "true"
        ),
    ),
    Rule(
        "instance-syscalls-intercepted",
        "instance",
        "medium",
        "System calls executed by the host",
        "`security.syscalls.intercept.*`",
        "The server, which is root, executes the system call of the container for it.",
        "Turn it off. For mounts, allow single file systems by FUSE.",
        Setting(("security.syscalls.intercept.*",), is_true, "is true", "false", containers=True),
    ),
    Rule(
        "instance-guest-api-images",
        "instance",
        "low",
        "Images of the host readable in the instance",
        "`security.devlxd.images`, `security.guestapi.images`",
        "Everybody in the instance can download the images of the host.",
        "Turn it off where no daemon inside uses these images.",
        Setting(("security.devlxd.images", "security.guestapi.images"), is_true, "is true", "false"),
    ),
    Rule(
        "instance-guest-management",
        "instance",
        "high",
        "Instance that manages its server",
        "`security.devlxd.management.*`",
        "Everybody in the instance can use the API of the server through its own socket.",
        "Turn it off.",
        Setting(("security.devlxd.management.*",), is_true, "is true", "false"),
    ),
    Rule(
        "instance-secureboot-off",
        "instance",
        "medium",
        "Virtual machine without secure boot",
        "`security.secureboot`",
        "Whoever is root in the machine once can stay in its boot loader or its kernel.",
        "Turn it on, if the image has a signed boot loader.",
        Setting(("security.secureboot",), is_false, "is false", "true"),
    ),
    Rule(
        "instance-limit-memory",
        "instance",
        "medium",
        "No limit of memory",
        "`limits.memory`",
        "The container can use all memory of the host, and other instances are killed.",
        "Set limits.memory.",
        Required("limits.memory", is_set, "is not set", limit="memory"),
    ),
    Rule(
        "instance-limit-processes",
        "instance",
        "medium",
        "No limit of processes",
        "`limits.processes`",
        "A fork bomb in the container uses all process IDs of the host.",
        "Set limits.processes.",
        Required("limits.processes", is_set, "is not set", limit="processes"),
    ),
    Rule(
        "instance-limit-cpu",
        "instance",
        "low",
        "No limit of processor time",
        "`limits.cpu`, `limits.cpu.allowance`",
        "The container can keep all processors of the host busy.",
        "Set limits.cpu or limits.cpu.allowance.",
        lambda subject, around: (
            ()
            if subject.config.get("limits.cpu.allowance")
            else Required("limits.cpu", is_set, "is not set", limit="cpu")(subject, around)
        ),
    ),
    Rule(
        "instance-limit-not-enforced",
        "instance",
        "medium",
        "Limit that is not enforced",
        "`limits.hugepages.*`, `limits.disk.priority`, `limits.network.priority`, `limits.memory.swap`, limits of "
        "disks, and the warnings of the server about control groups",
        "The server accepts the limit, and the instance does not have it.",
        "Unset it, or start the host and the daemon with the controller.",
        idle_limits,
    ),
    Rule(
        "instance-daemon-socket",
        "instance",
        "critical",
        "API of a daemon of the host in the instance",
        "devices `disk` and `proxy`",
        "Whoever may use the API of LXD, Incus or Docker is root on the host.",
        "Remove the device. Give programs a certificate that is restricted to a project.",
        Device(host_paths.is_daemon),
    ),
    Rule(
        "instance-host-path",
        "instance",
        "high",
        "Directory of the host in the instance",
        "devices `disk` with a path as `source`",
        "The instance reads, and often writes, files of the host. Links in them lead both sides astray.",
        "Use a storage volume of a pool.",
        Device(host_paths.is_host_path, severity=host_paths.severity_of_path),
    ),
    Rule(
        "instance-unix-device",
        "instance",
        "high",
        "Device node of the host in the instance",
        "devices `unix-char`, `unix-block`, `unix-hotplug`",
        "The instance talks to a driver of the kernel directly. A block device has all files of its file system.",
        "Remove the device, or use a storage volume of the content type block.",
        Device(of_type("unix-char", "unix-block", "unix-hotplug")),
    ),
    Rule(
        "instance-usb-device",
        "instance",
        "medium",
        "USB device of the host in the instance",
        "devices `usb`",
        "The instance can write firmware to it, and the device stays with the host afterwards.",
        "Remove the device.",
        Device(of_type("usb")),
    ),
    Rule(
        "instance-gpu-device",
        "instance",
        "medium",
        "GPU of the host in the instance",
        "devices `gpu`",
        "The driver of a GPU is a large part of the kernel that the instance can call. A GPU has memory of others.",
        "Remove the device, or give it to a virtual machine alone.",
        Device(of_type("gpu")),
    ),
    Rule(
        "instance-pci-device",
        "instance",
        "high",
        "PCI device of the host in the instance",
        "devices `pci`, `infiniband`",
        "The device can read and write memory by itself. Only an IOMMU keeps it from the memory of the host.",
        "Remove the device.",
        Device(of_type("pci", "infiniband")),
    ),
    Rule(
        "instance-host-nic",
        "instance",
        "medium",
        "Network card of the host in the instance",
        "devices `nic` with `nictype: physical`",
        "No ACL and no filter of the server applies to what the instance sends.",
        "Use a managed network.",
        Device(host_paths.is_nic_of_host),
    ),
    Rule(
        "instance-proxy-to-host",
        "instance",
        "medium",
        "Service of the host reachable from the instance",
        "devices `proxy` that listen in the instance",
        "The server connects for the instance, also with addresses that only the host itself can reach.",
        "Remove the device, and give the service an address of its own.",
        Device(host_paths.reaches_host),
    ),
    Rule(
        "instance-proxy-all-addresses",
        "instance",
        "low",
        "Service of the instance on all addresses of the host",
        "devices `proxy`, `listen`",
        "The service is reachable from every network of the host, also from those for management.",
        "Name the address, or use a network forward.",
        Device(host_paths.listens_everywhere, host_paths.on_loopback),
    ),
    Rule(
        "instance-secret",
        "instance",
        "high",
        "Secret in the configuration",
        "`environment.*`, `user.*`, `cloud-init.*`",
        "Everybody who may see the instance reads it, in backups and copies too, and in most cases everybody in it.",
        "Unset the key, replace the secret, and bring the new one into the instance as a file.",
        Secrets(),
    ),
    Rule(
        "instance-system-eol",
        "instance",
        "medium",
        "Distribution without security updates",
        "`image.os`, `image.version`, `image.release`",
        "Weaknesses that are found are not repaired. The key says what the instance was created from.",
        f"Upgrade or replace the instance. If it was upgraded inside, correct the key in the config of {_PROFILES}.",
        old_system,
    ),
)
