# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two tenants of the private cloud: each works with nothing but its certificate, and reads nothing of the other by the
API.
"""

from __future__ import annotations

import json
import shutil
from typing import Iterator

import pytest
from lab.cloud import ROOT, Cloud
from lab.scenario import changed
from lab.tenant import Tenant

EXAMPLE = ROOT / "inventories" / "tenant"
#: What nobody but green may read, wherever green can write it.
SECRET = "treasure-of-green"
EMPTY = {"source": {"type": "none"}}

#: What blue asks for. In no answer is anything of green.
READS = (
    "/1.0/projects?recursion=1",
    "/1.0/projects/green",
    "/1.0/projects/green/state",
    "/1.0/certificates?recursion=1",
    "/1.0/instances?recursion=2&project=green",
    "/1.0/instances?recursion=2&all-projects=true",
    "/1.0/instances/secret?project=green",
    "/1.0/instances/secret/state?project=green",
    "/1.0/instances/secret/logs?project=green",
    "/1.0/instances/secret/files?path=/etc/passwd&project=green",
    "/1.0/images?recursion=1&project=green",
    "/1.0/images?recursion=1&all-projects=true",
    "/1.0/images/aliases?recursion=1&project=green",
    "/1.0/profiles?recursion=1&project=green",
    "/1.0/networks?recursion=1&project=green",
    "/1.0/networks/green?project=green",
    "/1.0/networks/green/leases?project=green",
    "/1.0/networks/green/state?project=green",
    "/1.0/network-acls?recursion=1&project=green",
    "/1.0/operations?recursion=1&project=green",
    "/1.0/storage-pools/local/volumes?recursion=1&project=green",
    "/1.0/storage-pools/local/volumes?recursion=1&all-projects=true",
    "/1.0/storage-pools/local/volumes/custom/secret?project=green",
    "/1.0/warnings?recursion=1&project=green",
    "/1.0/metrics?project=green",
    "/1.0/metrics",
    "/internal/containers",
    "/internal/sql?database=global",
)

#: What daemons show of others nevertheless (docs/daemons.md). An operation is shown for five seconds after its end.
LEAKS = {
    "lxd": ("/1.0/certificates?recursion=1", "events", "/1.0/operations?recursion=1&project=green"),
    "incus": ("/1.0/certificates?recursion=1",),
}


@pytest.fixture(scope="module")
def blue(cloud: Cloud) -> Iterator[Tenant]:
    """With an instance of its own, beside what green has."""
    for project, name in (("blue", "own"), ("green", "secret")):
        cloud.run(
            "node1",
            "instance",
            name=name,
            project=project,
            **EMPTY,
            state="stopped",
            description=SECRET if project == "green" else "",
        )
    volume = {"pool": "local", "name": "secret", "project": "green"}
    cloud.run("node1", "storage_volume", **volume, description=SECRET, config={"size": "16MiB"})
    cloud.run("node1", "profile", name="secret", project="green", description=SECRET)
    yield Tenant(cloud.clients["blue"], "10.0.0.1", cloud.outer.keeper.pid)
    cloud.run("node1", "profile", name="secret", project="green", state="absent")
    cloud.run("node1", "storage_volume", **volume, state="absent")
    for project, name in (("blue", "own"), ("green", "secret")):
        cloud.run("node1", "instance", name=name, project=project, state="absent")


@pytest.mark.both
def test_a_tenant_reads_nothing_of_another(cloud: Cloud, blue: Tenant) -> None:
    shown = {path: blue.send("GET", path).text for path in READS}
    shown["events"] = ""
    for query in ("project=green", "all-projects=true"):
        heard = blue.heard(f"/1.0/events?{query}", lambda: rename(cloud, "green", "secret"))
        shown["events"] += heard.decode(errors="replace")
    leaks = [path for path, text in shown.items() if SECRET in text or '"green"' in text or "=green" in text]
    assert [path for path in leaks if path not in LEAKS[cloud.kind]] == []
    assert b"own" in blue.heard("/1.0/events?project=blue", lambda: rename(cloud, "blue", "own"))
    own = blue.send("GET", "/1.0/instances/own?project=blue")
    assert not own.refused and json.loads(own.text)["metadata"]["name"] == "own"


def rename(cloud: Cloud, project: str, name: str) -> None:
    """There and back, which clients hear of."""
    for one, other in ((name, f"{name}-2"), (f"{name}-2", name)):
        cloud.run("node1", "instance", name=one, new_name=other, project=project, state="stopped")


@pytest.mark.both
def test_a_tenants_own_ansible(cloud: Cloud) -> None:
    """With the example inventory of a tenant, the file of the operator, and a certificate and its key."""
    place = cloud.lab / "tenant"
    shutil.copytree(EXAMPLE, place, dirs_exist_ok=True)
    shutil.copy(cloud.lab / "tenants" / "blue.yml", place / "host_vars" / "cloud.yml")
    shutil.copy(cloud.clients["blue"].cert, place / "client.crt")
    shutil.copy(cloud.clients["blue"].key, place / "client.key")
    assert changed(cloud.as_tenant(place / "hosts.yml", "cloudhost.lxd.apply")) == 1
    assert changed(cloud.as_tenant(place / "hosts.yml", "cloudhost.lxd.apply")) == 0
