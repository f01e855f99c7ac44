# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incus 7 keeps tenants within their projects: what a tenant attempts is refused, and no gap is known or open.

Without a cluster, and with bridges. Other products and clusters with OVN are in test_cluster_remote.py.
"""

from __future__ import annotations

import contextlib
import pathlib
from typing import Iterator

import pytest
from integration.conftest import KINDS
from integration.tls import identity
from lab.attacks import ALL
from lab.cluster import Hosts, Node
from lab.gaps import Gaps, known
from lab.tenancy import attempts, everything, tenancy
from lab.tenant import Tenant

#: What only clusters know, and networks that only OVN has.
ELSEWHERE = ("/1.0/cluster/", "target=", "/forwards", "/load-balancers", "/peers", "network-zones")
HERE = {name: attack for name, attack in ALL.items() if not any(words in attack.path for words in ELSEWHERE)}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Node]:
    hosts = Hosts(request.param, lab / f"confined-{request.param}")
    with contextlib.ExitStack() as stack:
        stack.callback(hosts.stop)
        hosts.start()
        yield hosts.nodes[0]


@pytest.fixture(scope="module")
def blue(server: Node, lab: pathlib.Path) -> Tenant:
    """One of two tenants, with what the role `tenants` makes for them without an accepted gap."""
    clients = {name: identity(lab, f"{name}-confined") for name in ("blue", "green")}
    server.run("server", config={"core.https_address": server.address})
    server.run("storage_pool", name="local", driver="dir")
    server.run("stack", definition=tenancy(server, clients))
    for project, name in (("blue", "own"), ("green", "secret")):
        server.run("instance", name=name, project=project, source={"type": "none"}, state="stopped")
    server.run("storage_volume", pool="local", name="secret", project="green", config={"size": "16MiB"})
    return Tenant(clients["blue"], server.ip, server.keeper.pid)


def test_what_a_tenant_attempts(server: Node, blue: Tenant) -> None:
    before = everything(server)
    assert attempts(server, blue, HERE) == set()
    assert everything(server) == before
    assert not blue.send("GET", "/1.0/instances/own?project=blue").refused, "nothing is allowed at all"


def test_no_gap_is_open(server: Node, blue: Tenant) -> None:
    assert Gaps(server, blue, "local").open() == set() == known(server)
