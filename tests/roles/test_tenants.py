# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role tenants on one server, where each tenant has a bridge. In tests/cloud they are on OVN."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any, Callable

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.gaps import NAMES, gaps_of
from integration.tls import Identity, identity
from lab import tiny
from lab.daemon import Daemon
from lab.gaps import Gaps, known
from lab.tenant import Tenant
from roles.conftest import Player, Run, ansible

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "inventories" / "tenant"
ADDRESS = "127.0.0.1:18449"
SUBNETS = {"blue": "10.60.0.0/24", "green": "10.61.0.0/24"}
#: Addresses of the host: one that the tenants may reach, and one of a private network.
OUTSIDE, INSIDE = "203.0.113.1", "10.99.0.1"


@pytest.fixture(scope="module")
def server(kept: Daemon) -> Daemon:
    kept.cli("config", "set", "core.https_address", ADDRESS)
    kept.cli("storage", "create", "default", "dir")
    kept.within("ip", "link", "add", "beyond", "type", "bridge")
    kept.within("ip", "link", "set", "beyond", "up")
    for address in (OUTSIDE, INSIDE):
        kept.within("ip", "address", "add", f"{address}/32", "dev", "beyond")
    return kept


@pytest.fixture
def have(server: Daemon, play: Player, tmp_path: pathlib.Path) -> Callable[..., Run]:
    """Run the role with these tenants."""
    tmp_path.chmod(0o755)

    def run(*tenants: dict[str, Any], check: bool = False, **variables: Any) -> Run:
        given = {
            "tenants_list": list(tenants),
            "tenants_images": [{"name": "debian/12", **tiny.files()}],
            "tenants_accepted_gaps": list(NAMES),
            **variables,
        }
        return play(
            "tenants",
            *(["--check"] if check else []),
            lxd_url=server.url,
            tenants_directory=str(tmp_path),
            tenants_urls=[f"https://{ADDRESS}"],
            **given,
        )

    return run


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    folder = tmp_path_factory.mktemp("clients")
    return {name: identity(folder, name) for name in ("blue", "green", "ci")}


@pytest.fixture
def both(clients: dict[str, Identity]) -> list[dict[str, Any]]:
    return [tenant("blue", clients["blue"], clients["ci"]), tenant("green", clients["green"], clients["ci"])]


def tenant(name: str, *clients: Identity, **more: Any) -> dict[str, Any]:
    certificates = [{"name": pathlib.Path(client.cert).stem, "certificate": client.pem} for client in clients]
    return {"name": name, "subnet": SUBNETS[name], "clients": certificates, **more}


def trusted(server: Daemon) -> dict[str, list[str]]:
    return {entry["name"]: sorted(entry["projects"]) for entry in server.query("/1.0/certificates?recursion=1")}


@pytest.mark.both
def test_made_kept_and_used_by_the_tenants(
    server: Daemon,
    have: Callable[..., Run],
    both: list[dict[str, Any]],
    clients: dict[str, Identity],
    tmp_path: pathlib.Path,
) -> None:
    told = {gap.name for gap in gaps_of(server.query("/1.0")["environment"])}
    refused = have(*both, tenants_accepted_gaps=[])
    assert refused.failed and "Nothing was changed" in refused.text and all(name in refused.text for name in told)
    assert "/1.0/projects/blue" not in server.query("/1.0/projects")
    seen = have(*both, check=True)
    made = have(*both)
    assert made.changed == 2 == seen.changed and made.plan == seen.plan, made.text
    assert trusted(server) == {"blue": ["blue"], "green": ["green"], "ci": ["blue", "green"]}
    assert have(*both).changed == 0
    for name in ("blue", "green"):
        assert own(server, name, clients[name], tmp_path).changed == 1
    assert own(server, "blue", clients["blue"], tmp_path).changed == 0
    addresses = {name: address(server, name, "web1") for name in ("blue", "green")}
    assert reaches(server, "blue", address(server, "blue", "web2")) and reaches(server, "green", OUTSIDE)
    assert not reaches(server, "blue", addresses["green"]) and not reaches(server, "green", addresses["blue"])
    assert not reaches(server, "blue", INSIDE)
    assert tried(server, clients["blue"]) == known(server), "where a gap is closed, the table has to say so"


def tried(server: Daemon, client: Identity) -> set[str]:
    """The gaps that this server has."""
    for project, name in (("blue", "own"), ("green", "secret")):
        server.query(f"/1.0/instances?project={project}", "POST", {"name": name, "source": {"type": "none"}})
    volumes = "/1.0/storage-pools/default/volumes/custom"
    server.query(f"{volumes}?project=green", "POST", {"name": "secret", "config": {"size": "16MiB"}})
    host, port = ADDRESS.split(":")
    found = Gaps(server, Tenant(client, host, server.keeper.pid, int(port)), "default").open()
    server.query(f"{volumes}/secret?project=green", "DELETE")
    for project, name in (("blue", "own"), ("green", "secret")):
        server.query(f"/1.0/instances/{name}?project={project}", "DELETE")
    return found


def own(server: Daemon, name: str, client: Identity, folder: pathlib.Path) -> Run:
    """What a tenant does: the example inventory, with the file of the operator, and its own certificate and key."""
    place = folder / name
    shutil.copytree(EXAMPLE, place, dirs_exist_ok=True)
    shutil.copy(folder / f"{name}.yml", place / "host_vars" / "cloud.yml")
    shutil.copy(client.cert, place / "client.crt")
    shutil.copy(client.key, place / "client.key")
    inside = ("nsenter", "--net", f"--target={server.keeper.pid}")
    no_socket = {"LXD_SOCKET": "/not/there", "INCUS_SOCKET": "/not/there"}
    return ansible("-i", str(place / "hosts.yml"), "cloudhost.lxd.apply", within=inside, folder=place, **no_socket)


def address(server: Daemon, project: str, name: str) -> str:
    network = server.query(f"/1.0/instances/{name}/state?project={project}")["network"]["eth0"]
    return next(found["address"] for found in network["addresses"] if found["family"] == "inet")


def reaches(server: Daemon, project: str, address: str) -> bool:
    """Whether the first instance of a tenant gets an answer."""
    said = server.cli("exec", "--project", project, "web1", "--", "sh", "-c", f"ping -c 1 -W 1 {address} || echo none")
    return "none" not in said


def test_what_others_changed_is_taken_back(
    server: Daemon, have: Callable[..., Run], both: list[dict[str, Any]]
) -> None:
    have(*both)
    server.cli("project", "set", "blue", "restricted.containers.lowlevel", "allow")
    server.cli("project", "set", "blue", "limits.instances", "1000")
    server.cli("profile", "set", "default", "limits.processes", "5", "--project", "blue")
    server.cli("profile", "set", "default", "user.of", "blue", "--project", "blue")
    blue, green = both
    done = have(blue, {**green, "clients": green["clients"][:1]})
    assert done.changed >= 1
    config = server.query("/1.0/projects/blue")["config"]
    assert "restricted.containers.lowlevel" not in config and config["limits.instances"] == "10"
    profile = server.query("/1.0/profiles/default?project=blue")["config"]
    assert profile["limits.processes"] == "1000" and profile["user.of"] == "blue"
    assert trusted(server)["ci"] == ["blue"]
    assert have({**blue, "clients": blue["clients"][:1]}, green).changed >= 1
    assert trusted(server)["ci"] == ["green"]


def test_a_tenant_is_removed(server: Daemon, have: Callable[..., Run], both: list[dict[str, Any]]) -> None:
    have(*both)
    blue, green = both
    server.cli("init", "debian/12", "kept", "--project", "green")
    server.cli("profile", "create", "own", "--project", "green")
    left_out = have(blue)
    assert left_out.changed == 0 and "tenants_list does not have green" in left_out.text
    absent = {"name": "green", "state": "absent"}
    refused = have(blue, absent)
    assert refused.failed and "green has instances/kept" in refused.text and "profiles/own" in refused.text
    assert server.query("/1.0/instances/kept?project=green")["name"] == "kept"
    assert trusted(server) == {"blue": ["blue"], "ci": ["blue"]}
    seen = have(blue, {**absent, "force": True}, check=True)
    assert seen.changed > 0 and server.query("/1.0/projects/green")
    assert have(blue, {**absent, "force": True}).changed > 0
    assert [project["name"] for project in server.query("/1.0/projects?recursion=1")] == ["blue", "default"]
    assert "green" not in server.cli("network", "list") and "green" not in server.cli("network", "acl", "list")
    again = have(blue, {**absent, "force": True})
    assert again.changed == 0, again.text


def test_a_project_of_somebody_else(server: Daemon, have: Callable[..., Run], both: list[dict[str, Any]]) -> None:
    server.cli("project", "create", "theirs")
    try:
        for entry in ({"name": "theirs", "subnet": "10.62.0.0/24"}, {"name": "theirs", "state": "absent"}):
            refused = have(*both, entry)
            assert refused.failed and "the project 'theirs' exists" in refused.text
        assert server.query("/1.0/projects/theirs")["config"].get("restricted") is None
    finally:
        server.cli("project", "delete", "theirs")
