# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task costs, as docs/architecture.md has it: requests over a real connection, each by its line."""

from __future__ import annotations

import os

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.access.certificate import Certificate
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_group import ClusterGroup
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_member import ClusterMember
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image import Image
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image_alias import ImageAlias
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance_snapshot import InstanceSnapshot
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network import Network
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.project import Project
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.server import Server
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import FakeServer, error, sync, task
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, params_of

pytestmark = pytest.mark.usefixtures("clock")

FINGERPRINT = "a" * 64
WEB, IMAGE = "/1.0/instances/web", f"/1.0/images/{FINGERPRINT}"
LOCAL = {"locations": ["none"], "config": {"user.a": "1"}}
RUNNING = {
    "name": "web", "status": "Running", "type": "container", "config": {}, "devices": {}, "profiles": ["default"],
    "description": "d", "ephemeral": False, "location": "none", "expanded_config": {},
    "expanded_devices": {"eth0": {"type": "nic"}, "root": {"type": "disk", "path": "/", "pool": "fast"}},
}  # fmt: skip


@pytest.fixture
def daemon(folder):
    server = FakeServer(os.path.join(folder, "unix.socket"), Memory())
    yield server
    server.close()
    assert server.complaints == []


@pytest.fixture
def ask(daemon):
    """Converge, and say what that asked of the server, over one connection."""
    client = Client(Transport(daemon.url), timeout=60)

    def ask(kind, check_mode=False, **options):
        outcome = converge(kind(client, params_of(kind, **options)), check_mode)
        assert client.requests == len(daemon.requests) and daemon.connections == 1
        return outcome, daemon.lines

    yield ask
    client.transport.close()


@pytest.mark.parametrize(
    ("kind", "options", "path", "there"),
    [
        (Profile, {"name": "web", "config": {"a": 1}}, "/1.0/profiles/web", {"config": {"a": "1"}}),
        (Project, {"name": "web", "description": "d"}, "/1.0/projects/web", {"description": "d"}),
        (Network, {"name": "web", "config": {"user.a": 1}}, "/1.0/networks/web",
         {"managed": True, "type": "bridge", **LOCAL}),
        (StoragePool, {"name": "web", "driver": "dir", "config": {"user.a": 1}}, "/1.0/storage-pools/web",
         {"driver": "dir", **LOCAL}),
        (Instance, {"name": "web", "state": "started", "description": "d"}, WEB, RUNNING),
        (InstanceSnapshot, {"name": "s0", "instance": "web"}, f"{WEB}/snapshots/s0", {"name": "s0", "stateful": False}),
        (ImageAlias, {"name": "debian", "fingerprint": FINGERPRINT}, "/1.0/images/aliases/debian",
         {"name": "debian", "target": FINGERPRINT}),
        (Certificate, {"fingerprint": FINGERPRINT, "restricted": False}, f"/1.0/certificates/{FINGERPRINT}",
         {"fingerprint": FINGERPRINT, "restricted": False}),
        (ClusterMember, {"name": "node1", "roles": []}, "/1.0/cluster/members/node1",
         {"server_name": "node1", "status": "Online", "roles": []}),
        (ClusterGroup, {"name": "gpu", "description": "d"}, "/1.0/cluster/groups/gpu",
         {"name": "gpu", "description": "d"}),
        (Server, {"config": {"core.https_address": ":8443"}}, "/1.0",
         {"auth": "trusted", "config": {"core.https_address": ":8443"}}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)  # fmt: skip
def test_what_is_unchanged_is_one_request(daemon, ask, kind, options, path, there):
    daemon.memory.objects[path] = there
    outcome, lines = ask(kind, **options)
    assert (outcome.changed, lines) == (False, [f"GET {path}"])


def test_an_unchanged_image_is_two(daemon, ask):
    daemon.memory.objects["/1.0/images/aliases/debian/12"] = {"target": FINGERPRINT}
    daemon.memory.objects[IMAGE] = {"fingerprint": FINGERPRINT, "public": False}
    outcome, lines = ask(Image, name="debian/12", public=False)
    assert (outcome.changed, lines) == (False, ["GET /1.0/images/aliases/debian/12", f"GET {IMAGE}"])


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({"new_name": "db"}, 1),
        ({"new_project": "lab"}, 1),
        ({"new_name": "db", "new_project": "lab"}, 3),
        ({"wait_for": ["ipv4"]}, 1),
    ],
)
def test_another_place_to_look_and_a_state_cost_more(daemon, ask, options, more):
    name = options.get("new_name", "web")
    url = f"/1.0/instances/{name}"
    found = sync({**RUNNING, "name": name})
    daemon.on("GET /1.0/instances/web", *([found] if name == "web" else [error(404, "not found")]))
    if "new_project" in options:  # it is where it was moved to, which is asked last
        daemon.on(f"GET {url}", *[error(404, "not found")] * (more if name == "web" else 1), found)
    else:
        daemon.on(f"GET {url}", found)
    daemon.on(
        f"GET {WEB}/state",
        sync(
            {
                "status": "Running",
                "network": {"eth0": {"addresses": [{"family": "inet", "scope": "global", "address": "10.0.0.2"}]}},
            }
        ),
    )
    outcome, lines = ask(Instance, **{"name": "web", "state": "started", "description": "d", **options})
    assert (outcome.changed, len(lines)) == (False, 1 + more)


def test_an_instance_from_nothing_to_its_address_is_ten(daemon, ask):
    address = {"family": "inet", "scope": "global", "address": "10.0.0.2"}
    looks = [
        sync({"status": "Running", "network": {"eth0": {"addresses": addresses}}}) for addresses in ([], [], [address])
    ]
    ended = {"status": "Success", "status_code": 200}
    daemon.on(f"GET {WEB}", error(404, "Instance not found"), sync(RUNNING))
    daemon.on("GET /1.0/images/aliases/debian/12", sync({"target": FINGERPRINT}))
    daemon.on("POST /1.0/instances", task("1"))
    daemon.on("GET /1.0/operations/1/wait", sync(ended))
    daemon.on(f"PUT {WEB}/state", task("2"))
    daemon.on("GET /1.0/operations/2/wait", sync(ended))
    daemon.on(f"GET {WEB}/state", *looks)
    outcome, lines = ask(Instance, name="web", image="debian/12", wait_for=["ipv4"])
    assert outcome.actions == ["create instance web from image debian/12", "start instance web"]
    assert outcome.result["addresses"] == ["10.0.0.2"]
    assert lines == [
        f"GET {WEB}", "GET /1.0/images/aliases/debian/12", "POST /1.0/instances", "GET /1.0/operations/1/wait",
        f"PUT {WEB}/state",
        "GET /1.0/operations/2/wait", f"GET {WEB}", *[f"GET {WEB}/state"] * 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "state", "addresses"),
    [(sync(RUNNING), [f"GET {WEB}/state"], ["10.0.0.2"]), (error(404, "not found"), [], [])],
    ids=["running", "new"],
)
def test_check_mode_waits_for_no_address(daemon, ask, answer, state, addresses):
    """It returns those that there are, so that a play can use them."""
    address = {"family": "inet", "scope": "global", "address": "10.0.0.2"}
    daemon.on(f"GET {WEB}", answer)
    daemon.on("GET /1.0/images/aliases/debian/12", sync({"target": FINGERPRINT}))
    daemon.on(f"GET {WEB}/state", sync({"status": "Running", "network": {"eth0": {"addresses": [address]}}}))
    outcome, lines = ask(Instance, True, name="web", image="debian/12", wait_for=["ipv4"])
    assert outcome.result["addresses"] == addresses
    assert [line for line in lines if line.endswith("/state")] == state


def test_the_server_is_asked_once_what_it_is(daemon, ask):
    """And only where something depends on it."""
    daemon.memory.objects[IMAGE] = {"fingerprint": FINGERPRINT}
    daemon.on("GET /1.0/instances/one", error(404, "Instance not found"))
    _outcome, lines = ask(Instance, name="one", source={"type": "none"}, state="absent")
    assert lines == ["GET /1.0/instances/one"]
    _outcome, lines = ask(StoragePool, name="fast", driver="dir")
    _outcome, lines = ask(StoragePool, name="slow", driver="btrfs")
    assert lines.count("GET /1.0") == 1
