# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The rules for servers, their members, and projects. One entry is one rule: see `model.Rule`."""

from __future__ import annotations

from typing import Iterator

from .._engine.values import is_true
from . import end_of_life, x509
from .checks import Setting, is_false, is_set, is_wildcard, split_address
from .model import Hit, Rule, Subject, Surroundings
from .remedies import COLLECTION, configured

UPGRADE = {
    "name": "Upgrade the daemon",
    "ansible.builtin.include_role": {"name": COLLECTION + "install"},
    "vars": {"install_state": "latest"},
}


def narrowed(*keys: str):  # type: ignore[no-untyped-def]
    """A check: a service listens on all addresses. The remedy names one."""

    def check(subject: Subject, around: Surroundings) -> Iterator[Hit]:
        for key in keys:
            value = subject.config.get(key) or ""
            if is_wildcard(value):
                port = split_address(value)[1]
                host = f"[{around.address}]" if ":" in around.address else around.address
                one = f"{host}:{port}" if port else host
                tasks = tuple(configured(layer, {key: one}) for layer in subject.layers)
                yield Hit(key, f"{key} is {value}: all addresses of the host.", subject.layers, tasks)

    return check


def endless_tokens(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    """A token that is not used stays valid. Without an address, no token can be used."""
    key = "core.remote_token_expiry"
    listens = any(subject.config.get(f"{part}.https_address") for part in ("core", "cluster"))
    if listens and not subject.config.get(key) and "remote_token_expiry" in around.extensions:
        tasks = tuple(configured(layer, {key: "1d"}) for layer in subject.layers)
        yield Hit(key, f"{key} is not set: a token stays valid until it is used.", subject.layers, tasks)


def own_certificate(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    """The certificate that clients know the server by."""
    pem = (subject.data.get("environment") or {}).get("certificate") or ""
    if not pem:
        return
    for text in certificate_faults(pem, around):
        yield Hit("certificate", f"The certificate of the server {text}.")


def certificate_faults(pem: str, around: Surroundings) -> Iterator[str]:
    """What is weak about a certificate, whoever it is of."""
    try:
        found = x509.from_pem(pem)
    except ValueError:
        yield "cannot be read"
        return
    if found.has_weak_key:
        yield f"has a weak key ({found.key}, {found.bits} bits)"
    if found.weak_hash:
        yield f"is signed with a weak hash ({found.weak_hash})"
    if found.ends.date() < around.today:
        yield f"has ended on {found.ends.date()}"


def old_version(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    environment = subject.data.get("environment") or {}
    versions = {"server_version": environment.get("server_version")}
    found = end_of_life.ended(environment.get("server") or "lxd", versions, around.end_of_life, around.today)
    if found:
        yield Hit(found.key, f"{found.words}.", (), (UPGRADE,))


def old_system(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    environment = subject.data.get("environment") or {}
    versions = {"os_version": environment.get("os_version")}
    found = end_of_life.ended(environment.get("os_name") or "", versions, around.end_of_life, around.today)
    if found:
        yield Hit(found.key, f"{found.words}.")


def unenforced(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    for what in sorted(around.lacks.get(subject.name, frozenset()) & {"cpu", "memory", "pids"}):
        yield Hit(what, f"The control group controller of {what} is missing, so limits are accepted and not enforced.")


def without_apparmor(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    if "apparmor" in around.lacks.get(subject.name, frozenset()):
        yield Hit("apparmor", "The daemon runs instances without AppArmor profiles: the host does not have AppArmor.")


def unread(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    for what in around.unread:
        yield Hit(what, f"The server does not show {what} to this client, so that part was not audited.")


def unconfined(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    environment = subject.data.get("environment") or {}
    product, version = environment.get("server") or "lxd", environment.get("server_version") or ""
    for gap in around.gaps:
        text = f"{product} {version} lets a client that is limited to projects {gap.text}. Repaired in "
        yield Hit(gap.name, f"{text}{gap.repaired(product)}.", (), (UPGRADE,), gap.severity)


def is_tenant(subject: Subject) -> bool:
    return subject.name != "default"


def unrestricted(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    if is_tenant(subject) and not is_true(subject.config.get("restricted")):
        tasks = tuple(configured(layer, {"restricted": "true"}) for layer in subject.layers)
        yield Hit("restricted", "restricted is not true.", subject.layers, tasks)


def lifted(*keys: str):  # type: ignore[no-untyped-def]
    """A check: a restricted project allows something that is blocked by default."""

    def check(subject: Subject, around: Surroundings) -> Iterator[Hit]:
        if is_true(subject.config.get("restricted")):
            for key in keys:
                value = subject.config.get(key) or ""
                if value in ("allow", "full") and not (key in _LIMITED and subject.config.get(_LIMITED[key])):
                    yield from Setting((key,), is_set, f"is {value}")(subject, around)

    return check


#: What another key limits.
_LIMITED = {"restricted.devices.disk": "restricted.devices.disk.paths"}
_BOUND = ("limits.instances", "limits.containers", "limits.memory", "limits.disk")


def unbounded(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    if is_tenant(subject) and not any(subject.config.get(key) for key in _BOUND):
        used = [url for url in subject.data.get("used_by") or () if "/instances/" in url]
        most = str(max(len(used), int(around.limits["instances"])))
        tasks = tuple(configured(layer, {"limits.instances": most}) for layer in subject.layers)
        yield Hit("limits.instances", "The project has no limit at all.", subject.layers, tasks)


RULES = (
    Rule(
        "server-audit-incomplete",
        "server",
        "medium",
        "Part of the server not audited",
        "the answers of the server",
        "What the audit cannot read, it cannot judge.",
        "Run the audit with a certificate that is not restricted, or at the socket of the server.",
        unread,
    ),
    Rule(
        "server-clients-not-confined",
        "server",
        "critical",
        "Clients that are not kept within their projects",
        "the version of the server, and whether the trust store has clients that are limited to projects",
        "Such a client, or whoever has its key, becomes root of the host, or gets what others have.",
        "Upgrade, or limit nobody to projects who may not have the whole server. An accepted gap is an exception.",
        unconfined,
    ),
    Rule(
        "server-trust-password",
        "server",
        "high",
        "Password for trust",
        "`core.trust_password`",
        "Whoever knows or guesses the password adds a certificate, which is root on the server.",
        "Unset it, and use tokens.",
        Setting(("core.trust_password",), is_set, "is set"),
    ),
    Rule(
        "server-metrics-open",
        "server",
        "high",
        "Metrics without authentication",
        "`core.metrics_authentication`",
        "Everybody who reaches the address reads names, projects and loads of all instances.",
        "Turn authentication on, and give the collector a certificate of the type metrics.",
        Setting(("core.metrics_authentication",), is_false, "is false", "true"),
    ),
    Rule(
        "server-any-origin",
        "server",
        "high",
        "API open to scripts of any web site",
        "`core.https_allowed_origin`",
        "A web site that somebody visits can use the API in the name of that person.",
        "Name the origins.",
        Setting(("core.https_allowed_origin",), lambda value: value == "*", "is *"),
    ),
    Rule(
        "server-endless-tokens",
        "server",
        "low",
        "Tokens that never expire",
        "`core.remote_token_expiry`",
        "Whoever finds an old token adds a certificate.",
        "Set a time after which tokens are not valid any more.",
        endless_tokens,
    ),
    Rule(
        "server-weak-certificate",
        "server",
        "high",
        "Weak certificate of the server",
        "`environment.certificate`",
        "Clients pin this certificate. Whoever forges it is the server for them.",
        "Replace server.crt and server.key (in a cluster, with the command cluster update-certificate), restart the "
        "daemon, and renew the pins of the clients.",
        own_certificate,
    ),
    Rule(
        "member-api-all-addresses",
        "member",
        "medium",
        "API on all addresses",
        "`core.https_address`",
        "The API is reachable from every network of the host, also from those of instances.",
        "Name the address of the network for management.",
        narrowed("core.https_address"),
    ),
    Rule(
        "member-metrics-all-addresses",
        "member",
        "medium",
        "Metrics on all addresses",
        "`core.metrics_address`",
        "Metrics are reachable from every network of the host, also from those of instances.",
        "Name the address of the network for management.",
        narrowed("core.metrics_address"),
    ),
    Rule(
        "member-service-all-addresses",
        "member",
        "low",
        "Service on all addresses",
        "`core.bgp_address`, `core.dns_address`, `core.storage_buckets_address`",
        "The service is reachable from every network of the host, also from those of instances.",
        "Name the address.",
        narrowed("core.bgp_address", "core.dns_address", "core.storage_buckets_address"),
    ),
    Rule(
        "member-debug-address",
        "member",
        "high",
        "Debugging without authentication",
        "`core.debug_address`",
        "Everybody who reaches the address reads the memory of the daemon, without authentication.",
        "Unset it.",
        Setting(("core.debug_address",), is_set, "is set"),
    ),
    Rule(
        "member-version-eol",
        "member",
        "high",
        "Daemon without security updates",
        "`environment.server_version`",
        "Weaknesses that are found are not repaired.",
        "Upgrade. In a cluster, use the playbook cloudhost.lxd.rolling_upgrade.",
        old_version,
    ),
    Rule(
        "member-system-eol",
        "member",
        "high",
        "Host without security updates",
        "`environment.os_name`, `environment.os_version`",
        "Weaknesses of the kernel that are found are not repaired, and all containers share it.",
        "Upgrade the distribution of the host.",
        old_system,
    ),
    Rule(
        "member-limits-not-enforced",
        "member",
        "high",
        "Limits that are not enforced",
        "warnings of the server about control groups",
        "Limits of instances are shown, and nothing keeps them.",
        "Start the host with these controllers: cgroup v2, without cgroup_disable on the command line of the kernel.",
        unenforced,
    ),
    Rule(
        "member-apparmor-missing",
        "member",
        "low",
        "No AppArmor",
        "warnings of the server about AppArmor",
        "One of the layers between a container and the host is missing.",
        "Install the package apparmor, start the host with a kernel that has it, and restart the daemon.",
        without_apparmor,
    ),
    Rule(
        "project-unrestricted",
        "project",
        "medium",
        "Project without restrictions",
        "`restricted`, of all projects but `default`",
        "Whoever may use the project can create privileged containers and mount paths of the host.",
        "Restrict the project. The server refuses that while an instance or a profile has what it forbids.",
        unrestricted,
    ),
    Rule(
        "project-allows-host-access",
        "project",
        "high",
        "Restricted project that allows the host",
        "`restricted.containers.*`, `restricted.virtual-machines.lowlevel`, `restricted.devices.disk`, `…pci`, "
        "`…unix-*`",
        "Whoever may use the project can become root of the host with what is allowed.",
        "Unset the key, so that the default applies.",
        lifted(
            "restricted.containers.privilege",
            "restricted.containers.lowlevel",
            "restricted.containers.interception",
            "restricted.virtual-machines.lowlevel",
            "restricted.devices.disk",
            "restricted.devices.pci",
            "restricted.devices.unix-block",
            "restricted.devices.unix-char",
            "restricted.devices.unix-hotplug",
        ),
    ),
    Rule(
        "project-allows-devices",
        "project",
        "medium",
        "Restricted project that allows devices",
        "`restricted.containers.nesting`, `restricted.devices.*`",
        "Whoever may use the project reaches drivers of the kernel, or networks, of the host.",
        "Unset the key, so that the default applies.",
        lifted(
            "restricted.containers.nesting",
            "restricted.devices.gpu",
            "restricted.devices.infiniband",
            "restricted.devices.nic",
            "restricted.devices.proxy",
            "restricted.devices.usb",
        ),
    ),
    Rule(
        "project-unlimited",
        "project",
        "medium",
        "Project without limits",
        "`limits.*`, of all projects but `default`",
        "Whoever may use the project can fill the memory and the disks of the host.",
        "Set limits, at least limits.instances.",
        unbounded,
    ),
)
