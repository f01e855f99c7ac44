# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the daemons behave where we rely on it. When a test here fails on a new version, docs/daemons.md and the engine
are to be revisited.
"""

from __future__ import annotations

import time
from typing import Iterator

import pytest
from integration.conftest import KINDS
from integration.modules import ModuleFailed
from integration.raw import ask
from lab.daemon import Daemon


def test_sending_auto_again_renumbers_the_bridge(api) -> None:
    api.run("network", name="claim0", config={"ipv4.address": "auto", "ipv6.address": "none"})
    network = api.query("/1.0/networks/claim0")
    api.query(
        "/1.0/networks/claim0",
        method="PUT",
        body={"config": {**network["config"], "ipv4.address": "auto"}, "description": ""},
    )
    assert api.query("/1.0/networks/claim0")["config"]["ipv4.address"] != network["config"]["ipv4.address"]
    before = api.query("/1.0/networks/claim0")["config"]["ipv4.address"]
    api.run("network", name="claim0", config={"ipv4.address": "auto", "user.x": 1})
    assert api.query("/1.0/networks/claim0")["config"]["ipv4.address"] == before
    api.run("network", name="claim0", state="absent")


def test_a_patch_without_description_empties_it(api) -> None:
    api.run("instance", name="claim", source={"type": "none"}, state="present", description="kept?")
    api.query("/1.0/instances/claim", method="PATCH", body={"config": {"user.x": "1"}})
    assert api.query("/1.0/instances/claim")["description"] == ""
    api.run("instance", name="claim", state="present", description="kept")
    api.run("instance", name="claim", state="present", config={"user.x": 2})
    assert api.query("/1.0/instances/claim")["description"] == "kept"


def test_the_answer_of_a_wait_differs(api, running: str) -> None:
    """On a wait that ran out and on a failed operation LXD 5.0.2 shows the operation. Servers with `operation_wait`,
    which are Incus and the LXD of Debian 13, answer with an error.
    """
    body = {"command": ["sleep", "3"], "wait-for-websocket": False, "interactive": False}
    late = ask(
        api.daemon.socket,
        "GET",
        ask(api.daemon.socket, "POST", f"/1.0/instances/{running}/exec", body)["operation"] + "/wait?timeout=1",
    )
    config = {"raw.lxc": "lxc.mount.entry = /no/such/folder mnt none bind 0 0"}
    api.run("instance", name="broken", image="busybox", state="present", config=config)
    failed = ask(
        api.daemon.socket,
        "GET",
        ask(api.daemon.socket, "PUT", "/1.0/instances/broken/state", {"action": "start"})["operation"]
        + "/wait?timeout=120",
    )
    if "operation_wait" in api.query("/1.0")["api_extensions"]:
        assert (late["type"], late["error"]) == ("error", "context deadline exceeded")
        assert failed["type"] == "error"
    else:
        assert (late["type"], late["metadata"]["status_code"]) == ("sync", 103)
        assert (failed["type"], failed["metadata"]["status_code"]) == ("sync", 400)
    api.run("instance", name="broken2", image="busybox", state="present", config=config)
    with pytest.raises(ModuleFailed, match="Failed to start instance broken2 .*forkstart.*Its log: .*no/such/folder"):
        api.run("instance", name="broken2", state="started")


@pytest.fixture(params=KINDS)
def cluster(request: pytest.FixtureRequest, lab) -> Iterator[tuple[Daemon, Daemon]]:  # type: ignore[no-untyped-def]
    """A cluster of one and a server that may join it, side by side in one network namespace."""
    first = Daemon(request.param, lab / "claims-one")
    second = Daemon(request.param, lab / "claims-two", beside=first)
    try:
        first.start()
        first.inside("ip", "link", "add", "wire", "type", "bridge")
        for address in ("10.158.200.1/24", "10.158.200.2/24"):
            first.inside("ip", "address", "add", address, "dev", "wire")
        first.inside("ip", "link", "set", "wire", "up")
        second.start()
        first.query("/1.0", method="PATCH", body={"config": {"core.https_address": "10.158.200.1:8443"}})
        first.query("/1.0/cluster", method="PUT", body={"server_name": "one", "enabled": True})
        yield first, second
    finally:
        second.stop()
        first.stop()


def test_clusters(cluster: tuple[Daemon, Daemon]) -> None:
    """PUT ?target with member keys only drops the global ones; LXD 5.0 takes a join token as cluster_password."""
    first, second = cluster
    source = first.folder.parent / f"pool-{first.kind}"
    source.mkdir()
    first.query(
        "/1.0/storage-pools?target=one",
        method="POST",
        body={"name": "cpool", "driver": "dir", "config": {"source": str(source)}},
    )
    first.query("/1.0/storage-pools", method="POST", body={"name": "cpool", "driver": "dir", "config": {"user.g": "1"}})
    member = first.query("/1.0/storage-pools/cpool?target=one")["config"]
    local = {key: value for key, value in member.items() if key != "user.g"}
    first.query("/1.0/storage-pools/cpool?target=one", method="PATCH", body={"config": local})
    assert first.query("/1.0/storage-pools/cpool")["config"].get("user.g") == "1", "PATCH keeps them"
    first.query("/1.0/storage-pools/cpool?target=one", method="PUT", body={"config": local})
    assert "user.g" not in first.query("/1.0/storage-pools/cpool")["config"], "PUT drops them"
    first.query("/1.0/storage-pools/cpool", method="DELETE")

    token = first.cli("cluster", "add", "two", "-q").strip().splitlines()[-1]
    certificate = (first.folder / "cluster.crt").read_text()
    body = {
        "server_name": "two",
        "enabled": True,
        "server_address": "10.158.200.2:8443",
        "cluster_address": "10.158.200.1:8443",
        "cluster_certificate": certificate,
        "cluster_password" if first.kind == "lxd" else "cluster_token": token,
    }
    second.query("/1.0/cluster", method="PUT", body=body)
    end = time.monotonic() + 30
    while len(first.query("/1.0/cluster/members")) < 2:
        assert time.monotonic() < end, "it did not join"
        time.sleep(0.2)
