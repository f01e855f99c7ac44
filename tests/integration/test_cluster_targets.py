# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster refuses is told by the check as by the run, and a member that has just joined shows what the cluster
has. In the order of its life.
"""

from __future__ import annotations

import hashlib
import ssl
from typing import Any, Iterator

import pytest
from integration.conftest import KINDS
from integration.modules import ModuleFailed
from integration.tls import identity
from lab.cluster import Hosts, Node

#: What the cluster has before the second member joins, and what that one had for itself.
SHARED = {"cluster.offline_threshold": 31, "images.auto_update_interval": 7}
OWN = {"images.auto_update_interval": 12, "user.old": "1"}
EMPTY: dict[str, Any] = {"source": {"type": "none"}, "pool": "local", "state": "stopped"}


@pytest.fixture(scope="module", params=KINDS)
def hosts(request: pytest.FixtureRequest, lab) -> Iterator[Hosts]:  # type: ignore[no-untyped-def]
    hosts = Hosts(request.param, lab / f"targets-{request.param}", 2)
    try:
        hosts.start()
        first = hosts.nodes[0]
        first.run("cluster", server_name="node1", server_address=first.address)
        first.run("storage_pool", name="local", driver="dir")
        yield hosts
    finally:
        hosts.stop()


def refused_alone_and_in_a_stack(node: Node, words: str, **instance: Any) -> None:
    assert words in node.refuses("instance", **EMPTY, **instance)
    assert words in node.refuses("stack", definition={"instances": [{**EMPTY, **instance}]})


def test_what_a_member_shows_that_has_just_joined(hosts: Hosts) -> None:
    """LXD 5.0 goes on with the configuration that it had before, until the next write. One that had something was
    joined with `force`.
    """
    first, second = hosts.nodes
    first.run("server", config=SHARED)
    second.run("server", config=OWN)
    hosts.join(second, force=True)
    for check in (True, False):
        assert second.run("server", check=check, config=SHARED)["changed"] is False
    shown = second.query("/1.0")["config"]
    assert shown["cluster.offline_threshold"] == "31" and "user.old" not in shown
    assert first.run("server", config=SHARED)["changed"] is False


def test_the_address_of_a_member_stays(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    key = "cluster.https_address"
    for wish in ("10.0.0.1:9443", None):
        assert f"config.{key}: " in first.refuses("server", config={key: wish})
        assert f"config.{key}: " in first.refuses("stack", definition={"config": {key: wish}})
    assert f"config.{key}: " in first.refuses("server", target="node2", config={key: "10.0.0.1:8443"})
    for same in (first.address, first.ip):
        assert first.run("server", config={key: same})["changed"] is False
    # The warned ones would cut the member off.
    for wish, warned in (("10.0.0.1:9443", True), (None, True), (":8443", False), ("[::]:8443", False)):
        told = first.run("server", check=True, config={"core.https_address": wish})
        assert told["changed"] is True and ("until its daemon is restarted" in str(told.get("warnings"))) is warned, (
            wish
        )


def test_a_network_keeps_its_name(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    first.run("network", name="old0", config={"ipv4.address": "none", "ipv6.address": "none"})
    assert "new_name: " in first.refuses("network", name="old0", new_name="new0")
    first.run("network", name="old0", state="absent")


def test_groups_of_a_project(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    narrow = {"name": "narrow", "config": {"restricted": True, "restricted.cluster.groups": "near, nowhere"}}
    if first.kind == "incus":
        words = "config.restricted.cluster.groups: there is no 'near' on"
        assert words in first.refuses("project", **narrow) and words in first.refuses(
            "stack", definition={"projects": [narrow]}
        )
    groups = [{"name": "near", "members": ["node1"]}, {"name": "far", "members": ["node2"]}]
    project = {**narrow, "config": {**narrow["config"], "restricted.cluster.groups": "near"}}
    inside = {"name": "c0", "project": "narrow", "target": "@near", **EMPTY}
    made = first.run("stack", definition={"instances": [inside], "projects": [project], "cluster_groups": groups})
    assert "4 to create" in made["summary"]
    first.converges("instance", name="c0", project="narrow", state="absent")
    if first.kind == "incus":
        assert "there is no 'nowhere'" in first.refuses("project", **narrow)
    else:  # LXD takes any name
        first.converges("project", **narrow)
        first.converges("project", **project)


def test_targets_that_a_project_may_not_use(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    refused_alone_and_in_a_stack(first, "has no member 'node5'", name="c1", target="node5")
    refused_alone_and_in_a_stack(first, "has no group 'faar'", name="c1", target="@faar")
    for target in ("node2", "@far"):
        refused_alone_and_in_a_stack(first, "restricted.cluster.groups", name="c1", project="narrow", target=target)
    first.converges("instance", name="c1", project="narrow", target="@near", **EMPTY)
    for target in ("node2", "@far"):
        refused_alone_and_in_a_stack(first, "restricted.cluster.groups", name="c1", project="narrow", target=target)
    first.run("instance", name="c1", project="narrow", state="absent")
    _refused_to_those_who_are_limited(first)


def _refused_to_those_who_are_limited(first: Node) -> None:
    """`restricted.cluster.target` does not hold for the administrators of a server."""
    who = identity(first.folder.parent, "limited")
    first.run("certificate", name="limited", certificate=who.pem, restricted=True, projects=["narrow"])
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert((first.folder / "cluster.crt").read_text())).hexdigest()
    limited = {
        "url": f"https://{first.address}",
        "server_fingerprint": pin,
        "client_cert": who.cert,
        "client_key": who.key,
    }
    first.run(
        "profile", name="default", project="narrow", devices={"root": {"type": "disk", "path": "/", "pool": "local"}}
    )
    wish = {"name": "c2", "project": "narrow", "target": "node1", "source": {"type": "none"}, "state": "stopped"}
    assert "restricted.cluster.target" in first.refuses("instance", **wish, **limited)
    first.run("project", name="narrow", config={"restricted.cluster.target": "allow"})
    assert first.run("instance", **wish, **limited)["changed"] is True
    first.run("instance", name="c2", project="narrow", state="absent")


def test_what_is_not_moved(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    first.run("instance", name="here", target="node1", **EMPTY)
    assert "'narrow' on " in first.refuses("instance", name="here", new_project="narrow", target="node2", **EMPTY), (
        "the project that it goes to counts"
    )
    first.query("/1.0/instances/here/backups", method="POST", body={"name": "b1"})
    refused_alone_and_in_a_stack(first, "the instance has backups (b1)", name="here", target="node2")
    first.query("/1.0/instances/here/backups/b1", method="DELETE")


def test_a_member_that_is_evacuated(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    first.run("instance", name="stays", target="node2", config={"cluster.evacuate": "stop"}, **EMPTY)
    first.run("cluster_member", name="node2", state="evacuated")
    for target in ("node2", "@far"):
        for name in ("new", "here"):
            refused_alone_and_in_a_stack(
                first, "node2 is evacuated" if target == "@far" else "'node2' of", name=name, target=target
            )
    for state in ("started", "restarted", "frozen"):
        assert "is evacuated, and nothing is started there" in first.refuses("instance", name="stays", state=state)
    assert "is evacuated, and nothing is started there" in first.refuses(
        "stack", definition={"instances": [{"name": "stays", "state": "started"}]}
    )
    assert first.run("instance", **{**EMPTY, "name": "stays"})["changed"] is False
    first.converges("instance", name="stays", target="node1", **EMPTY)
    first.run("cluster_member", name="node2", state="restored", wait_for=["online"])


def test_a_member_that_takes_only_what_is_meant_for_it(hosts: Hosts) -> None:
    first = hosts.nodes[0]
    first.run("cluster_member", name="node2", config={"scheduler.instance": "manual"})
    refused_alone_and_in_a_stack(first, "node2 has scheduler.instance: manual", name="new", target="@far")
    first.converges("instance", name="new", target="node2", **EMPTY)
    first.converges("instance", name="new", state="absent")


def test_a_member_that_is_away(hosts: Hosts) -> None:
    first, second = hosts.nodes
    second.kill()
    sql = ("lxd", "sql") if first.kind == "lxd" else ("incus", "admin", "sql")
    done = first.inside(*sql, "global", "UPDATE nodes SET heartbeat = '2020-01-01T00:00:00Z' WHERE name = 'node2'")
    assert done.returncode == 0, done.stderr
    for target, name in (("node2", "new"), ("@far", "here")):
        with pytest.raises(ModuleFailed, match="node2.* is offline"):
            first.run("instance", check=True, timeout=8, target=target, **{**EMPTY, "name": name})
