# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster is, seen from each of its hosts with the tools of that host. Each command is an Ansible of its own, so they are few."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

PRODUCT = os.environ["CLOUDHOST_PRODUCT"]
CLIENT = {"lxd": "lxc", "incus": "incus"}[PRODUCT]


@pytest.fixture
def name(host) -> str:  # type: ignore[no-untyped-def]
    return host.backend.host  # type: ignore[no-any-return]


def query(host, *paths: str) -> list[Any]:  # type: ignore[no-untyped-def]
    told = host.check_output("; echo ---; ".join(f"{CLIENT} query '{path}'" for path in paths))
    return [json.loads(answer) for answer in told.split("\n---\n")]


def test_the_daemon_runs_now_and_at_every_boot(host) -> None:  # type: ignore[no-untyped-def]
    done = host.run(f"systemctl is-active {PRODUCT} && systemctl is-enabled {PRODUCT}")
    assert done.succeeded, done


def test_the_cluster_is_whole(host, name: str) -> None:  # type: ignore[no-untyped-def]
    members, server = query(host, "/1.0/cluster/members?recursion=1", "/1.0")
    assert {member["server_name"]: member["status"] for member in members} == {"node1": "Online", "node2": "Online", "node3": "Online"}
    assert server["environment"]["server_name"] == name


def test_what_differs_by_member(host, name: str) -> None:  # type: ignore[no-untyped-def]
    local, lan, bridge, state = query(
        host,
        f"/1.0/storage-pools/local?target={name}",
        f"/1.0/networks/lan?target={name}",
        f"/1.0/networks/bridge0?target={name}",
        f"/1.0/networks/bridge0/state?target={name}",
    )
    assert local["config"]["source"] == f"/srv/pool-{name}"
    assert lan["config"]["parent"] == "eth0"
    assert bridge["config"]["bridge.external_interfaces"] == f"port-{name}"
    assert "10.158.1.1" in [address["address"] for address in state["addresses"]]


def test_its_container_answers(host, name: str) -> None:  # type: ignore[no-untyped-def]
    (instance,) = query(host, f"/1.0/instances/web-{name}?recursion=1")
    assert (instance["status"], instance["location"]) == ("Running", name)
    addresses = [address["address"] for address in instance["state"]["network"]["eth0"]["addresses"] if address["family"] == "inet"]
    assert host.run(f"ping -c1 -W2 {addresses[0]}").succeeded
