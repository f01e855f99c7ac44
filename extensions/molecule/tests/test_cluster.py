# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster is, seen from each of its hosts with the tools of that host. Each command is an Ansible of its own, so
it is one for all tests.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

PRODUCT = os.environ["CLOUDHOST_PRODUCT"]
CLIENT = {"lxd": "lxc", "incus": "incus"}[PRODUCT]
SEE = """
systemctl is-active {product} && systemctl is-enabled {product} && echo now and at every boot; echo ---
for path in '/1.0/cluster/members?recursion=1' /1.0 '/1.0/storage-pools/local?target={name}' \
  '/1.0/networks/lan?target={name}' '/1.0/networks/bridge0?target={name}' \
  '/1.0/networks/bridge0/state?target={name}' '/1.0/instances/web-{name}?recursion=1'
do {client} query "$path"; echo ---; done
address=$({client} list web-{name} --columns=4 --format=csv | cut -d' ' -f1)
ping -c1 -W2 "$address" >/dev/null && echo "$address answers"; echo ---
dpkg-query --show lab-tool
"""


@pytest.fixture(scope="module")
def name(host) -> str:  # type: ignore[no-untyped-def]
    return host.backend.host  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def seen(host, name: str) -> list[str]:  # type: ignore[no-untyped-def]
    told: str = host.check_output(SEE.format(product=PRODUCT, client=CLIENT, name=name))
    return [part.strip() for part in told.split("---\n")]


@pytest.fixture(scope="module")
def answers(seen: list[str]) -> list[Any]:
    return [json.loads(answer) for answer in seen[1:8]]


def test_the_daemon_runs_now_and_at_every_boot(seen: list[str]) -> None:
    assert seen[0].endswith("now and at every boot"), seen[0]  # enabled, or by its socket


def test_the_cluster_is_whole(answers: list[Any], name: str) -> None:
    members, server = answers[:2]
    assert {member["server_name"]: member["status"] for member in members} == {
        "node1": "Online",
        "node2": "Online",
        "node3": "Online",
    }
    assert server["environment"]["server_name"] == name


def test_what_differs_by_member(answers: list[Any], name: str) -> None:
    local, lan, bridge, state = answers[2:6]
    assert local["config"]["source"] == f"/srv/pool-{name}"
    assert lan["config"]["parent"] == "eth0"
    assert bridge["config"]["bridge.external_interfaces"] == f"port-{name}"
    assert "10.158.1.1" in [address["address"] for address in state["addresses"]]


def test_its_container_answers(seen: list[str], answers: list[Any], name: str) -> None:
    instance = answers[6]
    assert (instance["status"], instance["location"]) == ("Running", name)
    addresses = [
        address["address"]
        for address in instance["state"]["network"]["eth0"]["addresses"]
        if address["family"] == "inet"
    ]
    assert seen[8] == f"{addresses[0]} answers"


def test_what_the_inventory_wants_besides(seen: list[str]) -> None:
    """The option install_extra_packages."""
    assert seen[9].split() == ["lab-tool", "1"]
