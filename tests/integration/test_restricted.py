# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client whose certificate is limited to one project neither sees nor touches another, whatever module it tries."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Callable, Iterator

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from integration.conformance import TABLE
from integration.tls import Identity, identity, listening

PORT = 18445
THEIRS = {"project": "theirs"}
EMPTY = {"source": {"type": "none"}, "state": "stopped"}
#: The LXD of Debian 13 shows the operations of all projects to a restricted client that asks for them.
LEAKED = (("resource_info", {"kind": "operation", "all_projects": True}), ("operation_info", {"all_projects": True}))
#: What such an error says.
REFUSED = ("This client is limited to some projects", "there is no 'theirs'", "is not clustered", "needs the extension")

LOOKS: list[tuple[str, dict[str, Any]]] = [
    ("server_info", {}),
    ("cluster_info", {}),
    ("instance_info", THEIRS),
    ("instance_info", {"all_projects": True}),
    *[
        ("resource_info", {"kind": kind, **THEIRS})
        for kind in ("image", "image_alias", "instance", "network", "network_acl", "network_zone", "operation")
    ],
    *[
        ("resource_info", {"kind": kind, **THEIRS})
        for kind in ("certificate", "profile", "project", "storage_pool", "warning")
    ],
    *[
        ("resource_info", {"kind": kind, "all_projects": True})
        for kind in ("image", "instance", "network", "operation", "profile")
    ],
    ("resource_info", {"kind": "storage_volume", "parent": "default", **THEIRS}),
    ("resource_info", {"kind": "storage_volume", "parent": "default", "all_projects": True}),
    ("resource_info", {"kind": "instance_snapshot", "parent": "clandestine", **THEIRS}),
    ("operation_info", {}),
    ("operation_info", {"all_projects": True}),
    ("network_info", THEIRS),
    ("network_info", {"name": "lxdbr0", **THEIRS}),
    ("api_request", {"path": "/1.0/instances", "query": {"recursion": "1", **THEIRS}}),
    ("security_audit_info", {}),
    ("security_audit_info", THEIRS),
    ("stack_export", {}),
    ("stack_export", {"projects": ["theirs"]}),
    ("server_backup", {"directory": "FOLDER", "max_age": "1h"}),
    ("server_backup", {"directory": "FOLDER", "max_age": "1h", "projects": ["theirs"]}),
]
TOUCHES: list[tuple[str, dict[str, Any]]] = [
    ("instance", {"name": "clandestine", "state": "started", **THEIRS}),
    ("instance", {"name": "clandestine", "state": "absent", **THEIRS}),
    ("instance", {"name": "new", **EMPTY, **THEIRS}),
    ("instance", {"name": "own", "project": "mine", "new_project": "theirs"}),
    (
        "instance",
        {
            "name": "copy",
            "project": "mine",
            "source": {"type": "copy", "source": "clandestine", "project": "theirs"},
            "state": "stopped",
        },
    ),
    ("instance_snapshot", {"instance": "clandestine", "name": "s1", "state": "absent", **THEIRS}),
    ("instance_snapshot", {"instance": "clandestine", "name": "s2", **THEIRS}),
    (
        "instance_backup",
        {"instance": "clandestine", "state": "exported", "file": "/var/tmp/clandestine.tar.gz", **THEIRS},
    ),
    ("instance_exec", {"instance": "clandestine", "command": ["true"], **THEIRS}),
    ("instance_file", {"instance": "clandestine", "path": "/root/x", "content": "x", **THEIRS}),
    ("instance_file", {"instance": "clandestine", "path": "/root/x", "state": "absent", **THEIRS}),
    ("instance_template", {"instance": "clandestine", "name": "x.tpl", "path": "/x", "content": "x", **THEIRS}),
    ("storage_volume_backup", {"pool": "default", "volume": "v", "state": "exported", "file": "/var/tmp/v", **THEIRS}),
    ("warning", {"type": "Networking unavailable", "state": "acknowledged", **THEIRS}),
    ("api_request", {"method": "DELETE", "path": "/1.0/instances/clandestine", "query": THEIRS}),
    ("profile", {"name": "default", "description": "x", **THEIRS}),
    ("profile", {"name": "new", **THEIRS}),
    ("profile", {"name": "default", "description": "x"}),
    ("image", {"name": "debian/12", "state": "absent", **THEIRS}),
    ("image_alias", {"name": "new", "fingerprint": "0123456789ab", **THEIRS}),
    ("network", {"name": "net9", **THEIRS}),
    ("network_acl", {"name": "new", **THEIRS}),
    ("network_address_set", {"name": "new", **THEIRS}),
    ("network_forward", {"network": "lxdbr0", "listen_address": "192.0.2.9", **THEIRS}),
    ("network_integration", {"name": "new", "state": "absent"}),
    ("network_load_balancer", {"network": "net9", "listen_address": "192.0.2.9", **THEIRS}),
    ("network_peer", {"network": "net9", "name": "new", "target_network": "net8", **THEIRS}),
    ("network_zone", {"name": "new.test", **THEIRS}),
    ("network_zone_record", {"zone": "new.test", "name": "www", **THEIRS}),
    ("storage_pool", {"name": "default", "description": "x"}),
    ("storage_pool", {"name": "other", "driver": "dir"}),
    ("project", {"name": "theirs", "description": "x"}),
    ("project", {"name": "theirs", "state": "absent"}),
    ("project", {"name": "mine", "config": {"limits.instances": 9}}),
    ("project", {"name": "new"}),
    ("server", {"config": {"user.x": "1"}}),
    ("certificate", {"fingerprint": "OWN", "restricted": False}),
    ("certificate", {"fingerprint": "OWN", "projects": ["mine", "theirs"]}),
    ("trust_token", {"name": "friend"}),
    ("cluster", {"server_name": "a", "server_address": f"127.0.0.1:{PORT + 1}"}),
    ("cluster_member", {"name": "a", "state": "absent"}),
    ("cluster_group", {"name": "a"}),
    ("cluster_token", {"name": "a"}),
    ("stack", {"definition": {"instances": [{"name": "new", **EMPTY, **THEIRS}]}}),
    ("stack", {"definition": {"profiles": [{"name": "default", "description": "x", **THEIRS}]}}),
    ("stack", {"name": "hidden", "state": "absent"}),
]
#: Kinds that are in none of these are touched as the conformance suite makes them.
TOUCHES += [
    (kind, {**entry.key, **entry.new, **(THEIRS if KINDS[kind].scoped else {})})
    for kind, entry in TABLE.items()
    if kind not in [module for module, _arguments in TOUCHES]
]
Client = Callable[..., "dict[str, Any]"]


@pytest.fixture(scope="module")
def client(server, tmp_path_factory) -> Iterator[Client]:  # type: ignore[no-untyped-def]
    """Runs modules as a client that may use the project `mine`; what is in `theirs` is called clandestine.

    LXD 5.0 shows operations of the project default to anybody for five seconds, so no other test may use that word.
    """
    who: Identity = identity(tmp_path_factory.mktemp("tls"), "limited")
    root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    for project, instance in (("mine", "own"), ("theirs", "clandestine")):
        server.run("project", name=project)
        server.run("profile", name="default", project=project, devices=root)
        server.run("instance", name=instance, project=project, **EMPTY)
    server.run("profile", name="clandestine", project="theirs")
    server.run("instance_snapshot", instance="clandestine", name="s1", project="theirs")
    server.run("stack", name="hidden", definition={"profiles": [{"name": "clandestine-too", "project": "theirs"}]})
    server.run("certificate", name="limited", certificate=who.pem, restricted=True, projects=["mine"])

    backups = tmp_path_factory.mktemp("backups")
    own = {"OWN": who.fingerprint, "FOLDER": str(backups)}

    def run(module: str, **arguments: Any) -> dict[str, Any]:
        given = {key: own.get(str(value), value) for key, value in arguments.items()}
        result: dict[str, Any] = server.isolated(
            module, {**connection, "client_cert": who.cert, "client_key": who.key, **given}
        )
        result.pop("invocation", None)
        return {**result, "written": [path.read_text() for path in sorted(backups.rglob("*.json"))]}

    with listening(server, PORT) as connection:
        yield run
    server.run("certificate", certificate=who.pem, state="absent")
    server.run("stack", name="hidden", state="absent")
    for project, instance in (("mine", "own"), ("theirs", "clandestine")):
        server.run("instance", name=instance, project=project, state="absent")
        for profile in server.query(f"/1.0/profiles?recursion=1&project={project}"):
            if profile["name"] != "default":
                server.run("profile", name=profile["name"], project=project, state="absent")
        server.run("project", name=project, state="absent")


def _ids(cases: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [f"{module} {json.dumps(arguments)}" for module, arguments in cases]


def test_no_module_is_left_out() -> None:
    runtime = yaml.safe_load((pathlib.Path(__file__).parents[2] / "meta" / "runtime.yml").read_text())
    # The first asks the daemon for no more than whether it answers, the second for nothing. The third is for the whole
    # of a server, and was not tried with such a client. The last one writes by the classes of the others.
    of_hosts = {"host_info", "simplestreams", "server_copy", "libvirt_import"}
    assert {module for module, _arguments in LOOKS + TOUCHES} == set(runtime["action_groups"]["lxd"]) - of_hosts


def test_its_own_project_is_its_own(client: Client) -> None:
    assert client("instance", name="own", project="mine", config={"user.a": "1"}, state="stopped")["changed"] is True
    assert [instance["name"] for instance in client("instance_info", project="mine")["instances"]] == ["own"]
    assert client("stack", definition={"profiles": [{"name": "web", "project": "mine"}]})["changed"] is True
    eth0 = {"type": "nic", "nictype": "bridged", "parent": "lxdbr0"}  # of a network that it must not look at
    done = client(
        "stack", definition={"instances": [{"name": "own", "project": "mine", **EMPTY, "devices": {"eth0": eth0}}]}
    )
    assert done.get("changed") is True, done.get("msg")
    assert [project["name"] for project in client("resource_info", kind="project")["resources"]] == ["mine"]


@pytest.mark.parametrize(("module", "arguments"), LOOKS, ids=_ids(LOOKS))
def test_it_sees_nothing_of_another(server, client: Client, module: str, arguments: dict[str, Any]) -> None:  # type: ignore[no-untyped-def]
    if arguments.get("kind") == "operation":  # the daemons show one for five seconds after it ended
        for snapshot in ({}, {"state": "absent"}):
            server.run("instance_snapshot", instance="clandestine", name="s3", project="theirs", **snapshot)
        assert "clandestine" in json.dumps(server.query("/1.0/operations?recursion=1&project=theirs"))
    seen = client(module, **arguments)
    if (module, arguments) in LEAKED and "operations_get_query_all_projects" in server.query("/1.0")["api_extensions"]:
        assert server.kind == "lxd" or "clandestine" not in json.dumps(seen)
    elif seen.get("failed"):
        assert any(words in seen["msg"] for words in REFUSED), seen["msg"]
    else:
        assert "clandestine" not in json.dumps(seen)
        assert "theirs" not in json.dumps(seen)


@pytest.mark.parametrize(("module", "arguments"), TOUCHES, ids=_ids(TOUCHES))
def test_it_touches_nothing_of_another(server, client: Client, module: str, arguments: dict[str, Any]) -> None:  # type: ignore[no-untyped-def]
    before = _all(server)
    done = client(module, **arguments)
    assert _all(server) == before
    if arguments.get("state") == "absent" and not done.get("failed"):
        assert done["changed"] is False, "what it cannot see is absent for it"
    else:
        assert done.get("failed") is True
        assert any(words in done["msg"] for words in REFUSED), done["msg"]


def _all(server) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    paths = [
        "/1.0/projects",
        "/1.0/storage-pools",
        "/1.0/certificates",
        "/1.0/networks",
        "/1.0/network-acls",
        "/1.0/network-zones",
        "/1.0/networks/lxdbr0/forwards",
        "/1.0/profiles",
        "/1.0/profiles?project=theirs",
        "/1.0/images",
    ]
    paths += [
        "/1.0/instances?project=theirs",
        "/1.0/instances?project=mine",
        "/1.0/instances/clandestine/snapshots?project=theirs",
        "/1.0/operations",
    ]
    shown = {path: server.query(path + ("&" if "?" in path else "?") + "recursion=1") for path in paths}
    for listed in shown.values():  # the daemons list things, and who uses them, in any order
        if isinstance(listed, list):
            for one in listed:
                (one.get("used_by") or []).sort()
            listed.sort(key=lambda one: json.dumps(one, sort_keys=True))
    shown["/1.0/operations"] = [
        one["class"] for group in (shown["/1.0/operations"] or {}).values() for one in group if one["class"] == "token"
    ]
    return {**shown, "config": server.query("/1.0")["config"]}
