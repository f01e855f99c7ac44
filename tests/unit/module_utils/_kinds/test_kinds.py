# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is odd about single kinds, down to what is sent: the tests on real daemons see what comes of it."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.clusters.cluster_member import ClusterMember
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image import Image
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances._power import Power
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance_snapshot import InstanceSnapshot
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network import Network
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.server import Server
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

WEB = "/1.0/instances/web"


class Recording(MemoryClient):
    """`sent` has the method, path, body and query of every write; instances have power."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.sent: list[tuple] = []

    def write(self, method, path, body=None, etag=None, **query):
        self.sent.append((method, path, body, {key: value for key, value in query.items() if value is not None}))
        if path.endswith("/state"):
            self.writes.append(f"{method} {path}")
            trouble = self.trouble.pop(0) if self.trouble else None
            if trouble:
                raise trouble
            self.memory.objects[path[: -len("/state")]]["status"] = {"stop": "Stopped"}.get(body["action"], "Running")
            return None
        return super().write(method, path, body, etag, **query)

    @property
    def bodies(self):
        return [body for _method, _path, body, _query in self.sent]


@pytest.fixture
def client(clock):
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"] += [
        "clustering",
        "clustering_evacuation",
        "clustering_evacuation_mode",
        "instances_rebuild",
    ]
    memory.put("/1.0/profiles/default")
    for name in ("a", "b"):
        memory.put(f"/1.0/profiles/{name}")
    return Recording(memory)


def put(client, status="Stopped", **obj):
    client.memory.put(
        WEB, **{"expanded_devices": {}, "expanded_config": {}, "architecture": "x86_64", "status": status, **obj}
    )


def instance(client, **options):
    return Instance(client, params_of(Instance, name="web", **{"state": "present", **options}))


# -- instances --------------------------------------------------------------------------------------------------------


def test_the_order_of_profiles_is_written(client):
    put(client, profiles=["a", "b"])
    outcome = converge(instance(client, profiles=["b", "a"]))
    assert client.memory.objects[WEB]["profiles"] == ["b", "a"]
    assert (outcome.before, outcome.after) == ({"profiles": ["a", "b"]}, {"profiles": ["b", "a"]})
    assert converge(instance(client, profiles=["b", "a"])).changed is False


@pytest.mark.parametrize(
    ("implementation", "image", "server", "alias"),
    [
        ("lxd", "images:debian/12", "https://images.lxd.canonical.com", "debian/12"),
        ("incus", "images:debian/12/cloud", "https://images.linuxcontainers.org", "debian/12/cloud"),
        ("lxd", "ubuntu:24.04", "https://cloud-images.ubuntu.com/releases", "24.04"),
        ("incus", "ubuntu:24.04", "https://cloud-images.ubuntu.com/releases", "24.04"),
        ("lxd", "ubuntu-daily:noble", "https://cloud-images.ubuntu.com/daily", "noble"),
        ("lxd", "ubuntu-minimal:noble", "https://cloud-images.ubuntu.com/minimal/releases", "noble"),
        ("incus", "ubuntu-minimal-daily:noble", "https://cloud-images.ubuntu.com/minimal/daily", "noble"),
    ],
)
def test_an_image_of_a_known_remote(client, implementation, image, server, alias):
    client.implementation = implementation
    source = {"type": "image", "mode": "pull", "server": server, "protocol": "simplestreams", "alias": alias}
    outcome = converge(instance(client, image=image), check_mode=True)
    assert (outcome.result["source"], outcome.actions) == (source, [f"create instance web from image {image}"])
    machine = converge(instance(client, image=image, type="virtual-machine"), check_mode=True)
    assert machine.result["source"] == {**source, "image_type": "virtual-machine"}
    assert (
        converge(Image(client, params_of(Image, name="mine", remote=image)), check_mode=True).result["source"] == source
    )


@pytest.mark.parametrize(
    ("image", "words"), [("image:debian/12", "Did you mean 'images'"), ("images:", "names a remote and no image")]
)
def test_an_image_of_no_remote(client, image, words):
    with pytest.raises(InvalidInput, match=words):
        converge(instance(client, image=image))


@pytest.mark.parametrize("status", ["Ready", "Running", "Stopped", "Error", "Frozen"])
def test_check_mode_returns_the_status_that_will_be(client, status):
    put(client, status)
    kept = converge(instance(client, description="d"), check_mode=True)
    assert (kept.changed, kept.result["status"]) == (True, status)
    frozen = converge(instance(client, state="frozen"), check_mode=True)
    assert (frozen.changed, frozen.result["status"]) == (status != "Frozen", "Frozen")


def test_what_is_restarted_is_restarted_once(client):
    """Though its config is taken back by another writer, and planned anew."""
    put(client, "Running")
    original, stale = client.memory.handle, []

    def late(method, path, body=None, etag=None):
        answer = original(method, path, body, etag)
        if method == "PUT" and not stale:
            stale.append(1)
            client.memory.objects[WEB]["config"] = {}
        return answer

    client.memory.handle = late
    outcome = converge(instance(client, state="restarted", config={"user.a": 1}))
    assert (outcome.actions, outcome.warnings) == (["update instance web (config)", "restart instance web"], [])
    assert client.writes == [f"PUT {WEB}", f"PUT {WEB}/state", f"PUT {WEB}"]
    assert client.memory.objects[WEB]["config"] == {"user.a": "1"}


def test_what_is_rebuilt_is_rebuilt_once(client):
    put(client, config={"volatile.base_image": "a" * 64})
    client.memory.objects["/1.0/images/aliases/debian"] = {"name": "debian", "target": "b" * 64}
    original, stale = client.write, []

    def rebuilding(method, path, body=None, etag=None, **query):
        if path.endswith("/rebuild"):
            client.writes.append("rebuild")
            stale.append(body)
            return None
        answer = original(method, path, body, etag, **query)
        client.memory.objects[WEB].update({} if len(stale) else {"description": "theirs"})
        return answer

    client.write = rebuilding
    outcome = converge(instance(client, state="rebuilt", image="debian", description="mine"))
    assert outcome.actions == ["update instance web (description)", "rebuild instance web from image debian"]
    assert client.writes == [f"PUT {WEB}", "rebuild", f"PUT {WEB}"]
    assert stale == [{"source": {"type": "image", "fingerprint": "b" * 64}}]
    assert client.memory.objects[WEB]["description"] == "mine"


# -- power ------------------------------------------------------------------------------------------------------------

BUSY = ServerError("x", 400, "The instance is busy")


def power(client, force=False, grace=30):
    put(client, "Running")
    client.memory.objects[WEB + "/state"] = client.memory.objects[WEB]
    return Power(client, WEB, {}, force, grace)


@pytest.mark.parametrize("action", ["stop", "restart"])
def test_a_guest_is_given_its_grace(client, action):
    power(client, grace=7).do(action)
    assert client.bodies == [{"action": action, "timeout": 7, "force": False}]


def test_the_grace_ends_two_seconds_before_the_task(client, clock):
    client.deadline = type(client.deadline)(20)
    power(client).do("stop")
    clock.sleep(19)
    power(client).do("stop")
    assert [body["timeout"] for body in client.bodies] == [18, 1]


@pytest.mark.parametrize("action", ["start", "freeze", "unfreeze"])
def test_what_needs_no_grace(client, action):
    power(client, force=True).do(action)
    assert client.bodies == [{"action": action, "timeout": -1, "force": False}]


def test_by_force_at_once(client):
    power(client).do("stop", hard=True)
    assert client.bodies == [{"action": "stop", "timeout": -1, "force": True}]


def test_by_force_after_the_grace(client):
    client.trouble = [BUSY]
    power(client, force=True).do("stop")
    assert client.bodies == [
        {"action": "stop", "timeout": 30, "force": False},
        {"action": "stop", "timeout": -1, "force": True},
    ]


def test_without_force_a_guest_that_does_not_end_is_an_error(client):
    client.trouble = [BUSY]
    with pytest.raises(
        ServerError, match=r"The instance is busy \(it is Running after 9 s of graceful restart; force: true ends it"
    ):
        power(client, grace=9).do("restart")
    assert len(client.bodies) == 1


@pytest.mark.parametrize(("action", "forced"), [("stop", False), ("restart", True)])
def test_a_guest_that_ended_all_the_same(client, action, forced):
    doing = power(client, force=True)
    client.trouble = [BUSY]
    client.memory.objects[WEB]["status"] = "Stopped"
    doing.do(action)
    assert [body["force"] for body in client.bodies] == ([False, True] if forced else [False])


def test_somebody_who_was_faster_is_looked_at_again(client):
    client.trouble = [ServerError("x", 400, "The instance is already stopped")]
    with pytest.raises(Interrupted):
        power(client).do("start")


@pytest.mark.parametrize(("written", "grace"), [({}, 30), ({"boot.host_shutdown_timeout": "4"}, 4)])
def test_the_grace_is_that_of_the_instance(client, written, grace):
    put(client, "Running", expanded_config=written)
    converge(instance(client, state="stopped"))
    assert client.bodies == [{"action": "stop", "timeout": grace, "force": False}]


@pytest.mark.parametrize(
    ("force", "body"), [(False, {"timeout": 30, "force": False}), (True, {"timeout": -1, "force": True})]
)
def test_what_is_deleted_is_stopped_first_by_force_when_told(client, force, body):
    put(client, "Running")
    assert converge(instance(client, state="absent", force=force)).actions == [
        "stop instance web",
        "delete instance web",
    ]
    assert client.bodies[0] == {"action": "stop", **body}


# -- snapshots --------------------------------------------------------------------------------------------------------


def test_what_is_restored_is_restored_once(client):
    put(client)
    snapshot = f"{WEB}/snapshots/s0"
    client.memory.objects[snapshot] = {"name": "s0", "expires_at": "0001-01-01T00:00:00Z", "stateful": False}
    original, stale = client.write, []

    def late(method, path, body=None, etag=None, **query):
        if "restore" in body:
            client.writes.append("restore")
            return None
        answer = original(method, path, body, etag, **query)
        if not stale:
            stale.append(client.memory.objects[snapshot].update(expires_at="2040-01-01T00:00:00Z"))
        return answer

    client.write = late
    options = {"name": "s0", "instance": "web", "state": "restored", "expires_at": "2030-01-01T00:00:00Z"}
    converge(InstanceSnapshot(client, params_of(InstanceSnapshot, **options)))
    assert client.writes == [f"PUT {snapshot}", "restore", f"PUT {snapshot}"]
    assert client.memory.objects[snapshot]["expires_at"] == "2030-01-01T00:00:00Z"


# -- pools, networks, the server, members -----------------------------------------------------------------------------


def test_a_pool_is_wiped_at_its_creation_and_never_again(client):
    options = {"name": "fast", "driver": "dir", "config": {"source": "/dev/sdx", "source.wipe": True}}
    converge(StoragePool(client, params_of(StoragePool, **options)))
    assert client.bodies[-1]["config"] == {"source": "/dev/sdx", "source.wipe": "true"}
    client.memory.objects["/1.0/storage-pools/fast"]["config"] = {"source": "/dev/sdx"}  # as the daemon keeps it
    assert converge(StoragePool(client, params_of(StoragePool, **options))).changed is False


def test_purging_a_network_keeps_what_the_daemon_chose(client):
    chosen = {
        "ipv4.address": "10.0.0.1/24",
        "ipv4.nat": "true",
        "ipv6.address": "fd00::1/64",
        "ipv6.nat": "true",
        "bridge.mtu": "1500",
        "volatile.x": "1",
    }
    client.memory.put("/1.0/networks/br0", config={**chosen, "user.a": "1", "dns.domain": "x"})
    converge(Network(client, params_of(Network, name="br0", purge_config=True)))
    assert client.memory.objects["/1.0/networks/br0"]["config"] == chosen


def test_purging_a_pool_keeps_what_the_daemon_chose(client):
    chosen = {
        "source": "/x",
        "size": "5GiB",
        "zfs.pool_name": "p",
        "lvm.vg_name": "v",
        "lvm.thinpool_name": "t",
        "volatile.initial_source": "/x",
    }
    chosen.update({f"ceph.{key}": "x" for key in ("cluster_name", "user.name", "osd.pg_num", "osd.pool_name")})
    client.memory.put("/1.0/storage-pools/fast", driver="zfs", config={**chosen, "user.a": "1", "rsync.bwlimit": "1"})
    converge(StoragePool(client, params_of(StoragePool, name="fast", purge_config=True)))
    assert client.memory.objects["/1.0/storage-pools/fast"]["config"] == chosen


@pytest.mark.parametrize(("update", "changed"), [("on_create", False), ("always", True)])
@pytest.mark.parametrize("shown", [True, "********"])
def test_a_secret_that_the_server_hides(client, update, changed, shown):
    """LXD shows it as true, and newer servers as asterisks: whether it is the right one cannot be seen."""
    client.memory.objects["/1.0"]["config"] = {"core.trust_password": shown}
    outcome = converge(
        Server(client, params_of(Server, config={"core.trust_password": "hunter22"}, update_secrets=update))
    )
    assert outcome.changed is changed
    assert client.bodies[:1] == ([{"config": {"core.trust_password": "hunter22"}}] if changed else [])


def test_a_secret_that_is_not_there_is_written(client):
    converge(Server(client, params_of(Server, config={"core.trust_password": "hunter22"})))
    assert client.bodies == [{"config": {"core.trust_password": "hunter22"}}]


def test_a_secret_that_is_hidden_can_be_unset(client):
    client.memory.objects["/1.0"]["config"] = {"core.trust_password": True, "user.b": "1"}
    converge(Server(client, params_of(Server, config={"core.trust_password": None})))
    assert client.bodies == [{"config": {"core.trust_password": ""}}]


def member(client, **options):
    client.memory.objects["/1.0/cluster/members/node3"] = {
        "server_name": "node3",
        "status": "Online",
        "roles": [],
        "message": "",
    }
    client.memory.objects["/1.0/cluster/members/node3/state"] = {}
    leader = {"server_name": "node1", "status": "Online", "roles": ["database-leader"], "message": ""}
    client.memory.objects["/1.0/cluster/members"] = [leader, client.memory.objects["/1.0/cluster/members/node3"]]
    client.memory.objects.setdefault("/1.0/storage-pools", [])
    client.memory.objects.setdefault("/1.0/instances", {})
    others = [{"server_name": other, "status": "Online", "roles": ["database"]} for other in ("node1", "node2")]
    client.memory.objects["/1.0/cluster/members"] = [*others, client.memory.objects["/1.0/cluster/members/node3"]]
    return ClusterMember(client, params_of(ClusterMember, name="node3", **options))


@pytest.mark.parametrize(("force", "query"), [(True, {"force": 1}), (False, {})])
def test_a_member_is_removed_by_force_only_when_told(client, force, query):
    converge(member(client, state="absent", force=force))
    assert client.sent == [("DELETE", "/1.0/cluster/members/node3", None, query)]


@pytest.mark.parametrize(("mode", "sent"), [(None, ""), ("stop", "stop"), ("live-migrate", "live-migrate")])
def test_a_member_is_emptied_in_the_mode_that_is_written(client, mode, sent):
    doing = member(client, state="evacuated", mode=mode)

    def write(method, path, body=None, etag=None, **query):
        client.sent.append((method, path, body, query))
        client.memory.objects["/1.0/cluster/members/node3"]["status"] = "Evacuated"

    client.write = write
    assert converge(doing).actions == ["evacuate cluster_member node3"]
    assert client.bodies == [{"action": "evacuate", "mode": sent}]


def test_without_the_extension_a_member_is_not_emptied(client):
    client.memory.objects["/1.0"]["api_extensions"].remove("clustering_evacuation")
    with pytest.raises((LXDError, AssertionError), match="clustering_evacuation"):
        converge(member(client, state="evacuated"))
    assert client.sent == []
