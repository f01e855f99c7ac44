# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names that this collection uses are those of the API in each version, which `tests/data/specification.txt` has.

It shows names and types, and nothing of what servers do with them.
"""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.answers import Reply
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Devices, Field, Map, Moment
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.records import Records
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.resource_info import COLLECTIONS
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._member_config import Members
from ansible_collections.cloudhost.lxd.tests.integration.conformance import TABLE
from ansible_collections.cloudhost.lxd.tests.integration.conformance.entry import Entry
from ansible_collections.cloudhost.lxd.tests.specification import (
    IGNORED,
    Specification,
    Watch,
    all_facts,
    specification,
)
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

ROOT = pathlib.Path(__file__).resolve().parents[3]
ALL = [specification(version) for version in all_facts()]
#: Kinds that are not at their path, or are made by other requests than a `POST` of their fields.
ODD = {
    *("cluster", "cluster_member", "cluster_token", "image", "instance_backup", "instance_file", "instance_template"),
    *("server", "storage_volume_backup", "trust_token"),
}
PLAIN = [kind for name, kind in KINDS.items() if name not in ODD]
#: Fields that the request of a creation has under another name, or has not.
LATER = {("identity", "certificate"), ("identity", "type")}
#: Lives of kinds that the conformance suite cannot test on a single server.
LIVES = {
    **TABLE,
    "instance": TABLE["instance"]._replace(
        changes={option: value for option, value in TABLE["instance"].changes.items() if option != "ephemeral"}
    ),
    "network_load_balancer": Entry(
        key={"network": "suite0", "listen_address": "192.0.2.45"},
        changes={
            "backends": [{"name": "a", "target_address": "10.158.45.8", "target_port": "80", "description": "a"}],
            "ports": [{"protocol": "tcp", "listen_port": "80", "description": "a"}],
            "config": {"user.a": 1},
        },
        bad={},
        needs=TABLE["network_forward"].needs,
    ),
    "network_peer": Entry(
        key={"network": "suite0", "name": "suite"},
        new={"target_network": "suite1"},
        changes={"description": "of the suite", "config": {"user.a": 1}},
        bad={},
        needs=TABLE["network_forward"].needs,
    ),
}


def known(kind: type[Resource]) -> list[Specification]:
    """The versions that have a kind."""
    return [api for api in ALL if not kind.extension or kind.extension in api.extensions]


def test_a_wrong_name_is_seen():
    """Of a path, a verb, a field, a field of a record, and a type."""
    api, rules = specification("lxd-6.9"), [{"action": "allow", "state": "enabled"}]
    assert api.wrong("PUT", "/1.0/network-acls/web?project=a", {"ingress": rules, "config": {"user.a": "b"}}) == []
    for method, path, body, words in (
        ("GET", "/1.0/network-acl", None, "has no path /1.0/network-acl"),
        ("DELETE", "/1.0/network-acls", None, "has no DELETE /1.0/network-acls"),
        ("POST", "/1.0/network-acls/web", {"nam": "web9"}, "NetworkACLPost has no field 'nam'"),
        ("PUT", "/1.0/network-acls/web", {"ingress": [{"actoin": "allow"}]}, "NetworkACLRule has no field 'actoin'"),
        ("PUT", "/1.0/network-acls/web", {"config": {"user.a": 1}}, "config is int, and has to be string"),
        ("POST", "/1.0/network-acls", {"ingress": {}}, "ingress is dict, and has to be list(NetworkACLRule)"),
    ):
        (found,) = api.wrong(method, path, body)
        assert words in found, found
    assert specification("lxd-5.0.2").wrong("GET", "/1.0/auth/groups") == ["lxd-5.0.2 has no path /1.0/auth/groups"]


def test_what_is_seen_on_a_server_is_compared_with_it_and_with_newer_ones():
    watch = Watch("lxd", "5.0.2")
    assert [api.version for api in watch.versions] == ["lxd-5.0.2", "lxd-5.21.7", "lxd-6.9"]
    assert [api.version for api in Watch("incus", "7.0.2").versions] == ["incus-7.0.1", "incus-7.3.0"]
    watch.see("POST /1.0/profiles?project=a", b'{"nam": "a"}')
    watch.see("GET /1.0/profiles", b"")
    watch.see("GET /1.0/auth/groups/a", b"")
    watch.see("POST /1.0/images", b"\x1f\x8b")
    assert watch.take() == [
        f"{version}: POST /1.0/profiles ProfilesPost has no field 'nam'"
        for version in ("lxd-5.0.2", "lxd-5.21.7", "lxd-6.9")
    ]
    assert watch.take() == []


def wrong_of(found: list[str]) -> list[str]:
    return [words for words in found if not words.endswith(IGNORED)]


# -- what kinds declare -----------------------------------------------------------------------------------------------


def sample(field: Field) -> Any:
    """A value with all that the API can be sent of a field."""
    if isinstance(field, Records):
        return [{key.name: _of_type(key.type) for key in field.keys}]
    if isinstance(field, Map):
        return {"a": {"a": "a"}} if isinstance(field, Devices) else {"a": "a"}
    return _of_type(field.type)


def _of_type(kind: str) -> Any:
    return {"str": "a", "int": 1, "bool": True, "list": ["a"]}[kind]


def unknown(field: Field, api: Specification) -> set[str]:
    """The keys of records that a version does not have, which their extension says."""
    keys = field.keys if isinstance(field, Records) else ()
    return {key.name for key in keys if key.extension and key.extension not in api.extensions}


@pytest.mark.parametrize("kind", PLAIN, ids=lambda kind: kind.kind)
def test_what_a_kind_declares(kind):
    """Its collection, its object, and the name and type of each field where they are written and read."""
    assert known(kind), f"no version has the extension '{kind.extension}'"
    for api in known(kind):
        collection = re.sub(r"{\w+}", "x", kind.path) + ("/tls" if kind.kind == "identity" else "")
        requests = [("GET", collection), ("POST", collection)]
        requests += [
            (verb, f"{collection}/x") for verb in ("GET", "PUT", "DELETE", *(["POST"] if kind.renames else []))
        ]
        assert [words for verb, path in requests for words in api.wrong(verb, path)] == []
        for field in kind.fields:
            if isinstance(field, Members) or (field.extension and field.extension not in api.extensions):
                continue
            value = sample(field)
            for key in unknown(field, api):
                del value[0][key]
            verb = "POST" if (kind.kind, field.name) not in LATER else "PUT"
            path = collection if verb == "POST" else f"{collection}/x"
            assert wrong_of(api.wrong(verb, path, {field.key: value})) == []
            assert field.key in api.shown(f"{collection}/x"), f"{api.version} does not show '{field.key}'"
            writable = field.key in api.types[api.paths[api.template(f"{collection}/x")]["PUT"]]
            assert writable or field.create_only, f"{api.version} cannot change '{field.key}'"


def test_what_can_be_read():
    for name, collection in COLLECTIONS.items():
        path = collection.path.replace("{parent}", "x")
        assert [api.version for api in ALL if not api.wrong("GET", path)], name


# -- what plans send --------------------------------------------------------------------------------------------------


class Anyone(list):  # type: ignore[type-arg]
    """Names of which none is missing."""

    def __contains__(self, name: object) -> bool:
        return True


class Wire(MemoryClient):
    """A server of a version that has all that a resource needs, and compares each request with the specification."""

    is_plan = is_rehearsal = False
    #: What is there already, whatever its name. The status is one that instances and networks have.
    THERE: dict[str, Any] = {
        "config": {"ipv4.address": "10.158.45.1/24"},
        "description": "",
        "devices": {"root": {"type": "disk", "path": "/", "pool": "default"}},
        "fingerprint": "ab" * 32,
        "managed": True,
        "status": "Created",
        "type": "ovn",
    }

    def __init__(self, api: Specification, clustered: bool) -> None:
        super().__init__(Memory())
        self.api, self.implementation, self.clustered = api, api.product, clustered
        self.server["api_extensions"] = sorted(api.extensions)
        self.server["environment"]["server"] = api.product
        self.wrong: list[str] = []
        self.made: dict[str, dict[str, Any]] = {}

    def run(self, kind: type[Resource], **options: Any) -> None:
        self.resource = kind(self, params_of(kind, **options))
        converge(self.resource)

    def names(self, path: str, **query: Any) -> list[str]:
        self.get(path, **query)
        return Anyone()

    def get(self, path: str, **query: Any) -> Reply:
        reply = self.find(path, **query)
        if reply is None:
            raise ServerError("Not Found", 404, "Not Found")
        return reply

    def find(self, path: str, **query: Any) -> Reply | None:
        self.wrong += self.api.wrong("GET", path)
        if path.rpartition("/")[0] == self.resource.collection:
            return Reply(dict(self.made[path]), "", None) if path in self.made else None
        if "recursion" in query or (self.api.template(path) or "").rpartition("/")[2] not in ("{}", "1.0"):
            return Reply([{"name": "default", "members": ["node1"]}], None, None)
        return Reply(self.made.get(path) or {"name": path.rpartition("/")[2], **self.THERE}, "", None)

    def shown(self, path: str, obj: dict[str, Any]) -> dict[str, Any]:
        """What the version shows of an object."""
        return {key: value for key, value in obj.items() if key in self.api.shown(path)}

    @staticmethod
    def query(path: str) -> dict[str, Any]:
        """What an entry asks of its server: an image of an alias."""
        return {"target": Wire.THERE["fingerprint"]}

    def write(self, method: str, path: str, body: Any = None, etag: str | None = None, **query: Any) -> Any:
        self.wrong += self.api.wrong(method, path, body)
        self.writes.append(f"{method} {path}")
        if method == "POST" and path == self.resource.collection:
            named = {self.resource.key: self.resource.name}
            named.update({"status": "Stopped"} if self.resource.kind == "instance" else {})
            self.made[self.resource.url()] = self.shown(self.resource.url(), {**self.THERE, **named, **body})
            return {"secret": ""} if body.get("token") or self.resource.kind == "cluster_link" else None
        if method == "POST" and path in self.made and "name" in body:
            self.made[self.resource.url(body["name"])] = {**self.made.pop(path), "name": body["name"]}
        elif method == "PUT" and path in self.made:
            self.made[path].update(self.shown(path, body))
        elif method == "DELETE":
            self.made.pop(path)
        return None


@pytest.mark.parametrize("name", [kind.kind for kind in PLAIN])
def test_what_plans_send(clock, monkeypatch, name):
    """Creating it with all that it can have, changing it, renaming and deleting it."""
    kind, entry = KINDS[name], LIVES[name]
    fields = {field.name: field for field in kind.fields}
    for api in known(kind):
        wire = Wire(api, entry.place == "cluster")
        given = {
            option: value(wire) if callable(value) else value
            for option, value in {**entry.changes, **entry.new}.items()
            if option not in fields or not fields[option].extension or fields[option].extension in api.extensions
        }
        wire.run(kind, **{**entry.key, **given})
        assert wire.writes[0].startswith("POST")
        option, value = next((option, value) for option, value in entry.changes.items() if option in given)
        other = {"a": "b"} if isinstance(value, dict) else [] if isinstance(value, list) else "another"
        other = "2032-01-01T00:00:00Z" if isinstance(fields[option], Moment) else other
        wire.run(kind, **{**entry.key, option: other})
        assert [request for request in wire.writes if request.startswith("PUT")]
        if entry.renamed:
            wire.run(kind, **{**entry.key, "new_name": entry.renamed})
        wire.run(kind, **{**entry.key, **({kind.named_by: entry.renamed} if entry.renamed else {}), "state": "absent"})
        assert wire.writes[-1].startswith("DELETE")
        assert wrong_of(wire.wrong) == []
