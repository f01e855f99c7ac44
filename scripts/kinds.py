# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes docs/kinds.md: each path of the API of LXD and Incus, and what the modules do with it.

The paths are those of `tests/data/specification.txt`. A module belongs to the path of its kind, or to the paths that
the description in its documentation names as `C(/1.0/…)`. Run this after a change of a module: `python
scripts/kinds.py`. With `--check` it writes nothing, and fails if the page is not current.
"""

from __future__ import annotations

import importlib
import pathlib
import re
import sys
from typing import Any, NamedTuple

import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._movable import Movable
from ansible_collections.cloudhost.lxd.tests.integration.conformance import TABLE
from ansible_collections.cloudhost.lxd.tests.specification import Specification, all_facts, specification

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "kinds.md"
MODULES = "ansible_collections.cloudhost.lxd.plugins.modules"
NAMES = {"lxd": "LXD", "incus": "Incus"}
#: The versions of the servers of the tests.
TESTED = ("lxd-5.0.2", "incus-6.0.4", "incus-7.0.1")
#: Paths where a kind has its objects, besides its own.
ALSO = {
    "/1.0/auth/identities/bearer": "identity",
    "/1.0/auth/identities/oidc": "identity",
    "/1.0/auth/identities/tls": "identity",
}
#: Kinds that another request than a POST of their path makes.
OTHERWISE = ("cluster",)
#: Why a path has no module.
REASONS = {
    "/": "the list of API versions, of which there is one",
    "/1.0/auth/identities/bearer/{}/token": "`identity` issues tokens with it",
    "/1.0/auth/identities/current": "shows a client its own name",
    "/1.0/auth/oidc-sessions": "logins of people, which end by themselves",
    "/1.0/auth/permissions": "a list of permissions that could be given, for people",
    "/1.0/cluster/certificate": "the certificate of a whole cluster; `lxc cluster update-certificate` changes it",
    "/1.0/cluster/links/{}/state": "shows whether the members of the other cluster are reached",
    "/1.0/cluster/members/{}/state": "`cluster_member` evacuates and restores with it",
    "/1.0/events": "a stream of events, and no state",
    "/1.0/images/{}/export": "a download, where `image` uploads",
    "/1.0/images/{}/refresh": "`auto_update` of `image` has the server do it",
    "/1.0/images/{}/secret": "a secret for one download",
    "/1.0/instances/{}/access": "who may use it, which the authorization of the server decides",
    "/1.0/instances/{}/backups/{}/export": "`instance_backup` exports with it",
    "/1.0/instances/{}/bitmaps": "for programs that make backups",
    "/1.0/instances/{}/console": "a console, for people",
    "/1.0/instances/{}/debug/memory": "a dump of memory, for debugging",
    "/1.0/instances/{}/debug/repair": "a repair, for debugging",
    "/1.0/instances/{}/logs": "logs, for people",
    "/1.0/instances/{}/logs/exec-output": "outputs of commands that a server keeps; `instance_exec` has it keep none",
    "/1.0/instances/{}/metadata": "`instance_template` writes the entry of a template into it",
    "/1.0/instances/{}/nbd": "a stream of a disk, for programs that make backups",
    "/1.0/instances/{}/nvram": "variables of the firmware, which the system in it changes",
    "/1.0/instances/{}/nvram/{}": "variables of the firmware, which the system in it changes",
    "/1.0/instances/{}/port-forward": "a stream of a connection",
    "/1.0/instances/{}/rebuild": "`instance` rebuilds with it",
    "/1.0/instances/{}/sftp": "a stream for SFTP; `instance_file` and the connection plugin `api` use it",
    "/1.0/instances/{}/state": "`instance` starts, stops, freezes and waits with it",
    "/1.0/instances/{}/uefi-vars": "variables of the firmware, which the system in it changes",
    "/1.0/metadata/configuration": "the documentation of keys, as data",
    "/1.0/metrics": "for Prometheus",
    "/1.0/network-acls/{}/log": "a log, for people",
    "/1.0/network-allocations": "`network_info` reads them",
    "/1.0/networks/{}/leases": "`network_info` reads them",
    "/1.0/networks/{}/load-balancers/{}/state": "shows which backends answer",
    "/1.0/networks/{}/state": "`network_info` reads it",
    "/1.0/operations/{}/wait": "each module waits for what it began",
    "/1.0/operations/{}/websocket": "a stream of an operation",
    "/1.0/projects/{}/access": "who may use it, which the authorization of the server decides",
    "/1.0/projects/{}/state": "how much of the limits is used, and the mode of replication",
    "/1.0/replicators/{}/state": "starts a replicator; the key `schedule` has the server do it",
    "/1.0/resources": "the hardware of a host",
    "/1.0/storage-pools/{}/buckets/{}/backups": "backups of buckets, which an S3 client makes too",
    "/1.0/storage-pools/{}/buckets/{}/backups/{}/export": "backups of buckets, which an S3 client makes too",
    "/1.0/storage-pools/{}/resources": "how full a pool is",
    "/1.0/storage-pools/{}/volumes": "volumes of every type; those of the type `custom` have a module",
    "/1.0/storage-pools/{}/volumes/{}/{}/backups/{}/export": "`storage_volume_backup` exports with it",
    "/1.0/storage-pools/{}/volumes/{}/{}/bitmaps": "for programs that make backups",
    "/1.0/storage-pools/{}/volumes/{}/{}/files": "files of a volume, which an instance that has it reads",
    "/1.0/storage-pools/{}/volumes/{}/{}/nbd": "a stream of a disk, for programs that make backups",
    "/1.0/storage-pools/{}/volumes/{}/{}/rebuild": "empties a volume, which is to delete it and to create it",
    "/1.0/storage-pools/{}/volumes/{}/{}/sftp": "a stream for SFTP",
    "/1.0/storage-pools/{}/volumes/{}/{}/state": "how full a volume is",
    "/1.0/storage-volumes": "volumes of every pool, which `storage_volume` has by pool",
}
HEAD = """\
# What the modules do with the API

`python scripts/kinds.py` makes this page from the modules, and from the specifications of the API of LXD 5.0, 5.21 and
6.9 and of Incus 6.0, 7.0 and 7.3. `{}` stands for a name. The last column has the servers on which the tests run the
module. Where it says none, [no server of the tests has the API](daemons.md#what-no-server-of-the-tests-has).

"""
FIRST = """\
| path | servers | module | create | read | update | delete | rename | move | stack | export | tested on |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
SECOND = """
## Paths without a module of their own

| path | servers | why |
| --- | --- | --- |
"""
Verbs = dict[str, list[Specification]]


class Module(NamedTuple):
    """What a module is, and what it does with its path."""

    name: str
    create: bool
    update: bool
    delete: bool
    rename: bool = False
    move: bool = False
    stack: bool = False


def collections() -> dict[str, Verbs]:
    """The versions that have each path and verb; `VERB {}` is a verb of one object of a collection."""
    found: dict[str, Verbs] = {}
    for version in all_facts():
        api = specification(version)
        for path, verbs in api.paths.items():
            one = path.endswith("/{}") and path[:-3] in api.paths and f"{path}/{{}}" not in api.paths
            for verb in verbs:
                found.setdefault(path[:-3] if one else path, {}).setdefault(f"{verb} {{}}" if one else verb, []).append(
                    api
                )
    return dict(sorted(found.items()))


def place(path: str, paths: dict[str, Verbs]) -> str | None:
    """The path of the table that a path is, of a kind or of documentation."""
    plain = re.sub(r"{\w+}|(?<=/)[A-Z_]+(?=/|$)", "x", path)
    for candidate in (plain, plain.rpartition("/")[0]):  # the path of one object is in the row of its collection
        found = {api.template(candidate) for api in map(specification, all_facts())} - {None}
        known = [template for template in found if template in paths]
        if known:
            return known[0]
    return None


def modules(paths: dict[str, Verbs]) -> dict[str, list[Module]]:
    """The modules of each path."""
    found: dict[str, list[Module]] = {}
    for file in sorted((ROOT / "plugins" / "modules").glob("[!_]*.py")):
        name = file.stem
        documentation = yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").DOCUMENTATION)
        kind = KINDS.get(name)
        written = {kind.path} if kind else set(re.findall(r"C\((/1\.0[^)?]*)", " ".join(documentation["description"])))
        places = {place(path, paths) for path in written} | {path for path, owner in ALSO.items() if owner == name}
        for path in places - {None}:
            verbs = paths[str(path)]
            module = _of_kind(name, verbs) if kind else _of_documentation(name, documentation, verbs)
            found.setdefault(str(path), []).append(module)
    return found


def _of_kind(name: str, verbs: Verbs) -> Module:
    kind = KINDS[name]
    return Module(
        name,
        create="absent" in kind.states and ("POST" in verbs or name in OTHERWISE),
        update=any(not field.create_only for field in kind.fields) and bool({"PUT", "PUT {}"} & set(verbs)),
        delete="absent" in kind.states and "DELETE {}" in verbs,
        rename=kind.renames,
        move=issubclass(kind, Movable),
        stack=kind.stackable,
    )


def _of_documentation(name: str, documentation: dict[str, Any], verbs: Verbs) -> Module:
    """By the choices of its state, and by what the path can."""
    states = (documentation.get("options") or {}).get("state", {}).get("choices") or []
    reads = name.endswith("_info")
    return Module(
        name,
        create=not reads and "POST" in verbs,
        update=not reads and bool({"PUT", "PUT {}"} & set(verbs)),
        delete="absent" in states,
    )


def servers(apis: list[Specification]) -> str:
    """The versions in words."""
    words = []
    for product, label in NAMES.items():
        every = [version for version in all_facts() if version.startswith(product)]
        have = [version for version in every if version in {api.version for api in apis}]
        numbers = ", ".join(re.sub(r"^\w+-(\d+\.\d+).*", r"\1", version) for version in have)
        words += [label if have == every else f"{label} {numbers}"] if have else []
    return "; ".join(words)


def tested(module: Module, apis: list[Specification]) -> str:
    kind, entry = KINDS.get(module.name), TABLE.get(module.name)
    needed = {kind.extension if kind else "", entry.served if entry else ""} - {""}
    have = [api for api in set(apis) if api.version in TESTED and needed <= api.extensions]
    return servers(have) or "none"


def page() -> str:
    paths = collections()
    owners = modules(paths)
    rows, rest = [], []
    for path, verbs in paths.items():
        apis = [api for have in verbs.values() for api in have]
        for module in owners.get(path, ()):
            marks = (module.create, "GET" in verbs or "GET {}" in verbs, *module[2:])
            cells = ["yes" if mark else "" for mark in (*marks, module.stack)]
            rows.append([f"`{path}`", servers(apis), f"`{module.name}`", *cells, tested(module, apis)])
        if path not in owners:
            rest.append([f"`{path}`", servers(apis), REASONS.get(path, "")])
    tables = ["".join(f"| {' | '.join(row)} |\n" for row in table) for table in (rows, rest)]
    return HEAD + FIRST + tables[0] + SECOND + tables[1]


def main(arguments: list[str]) -> int:
    text = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        print("docs/kinds.md: not current. Run `python scripts/kinds.py`.", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
