# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tenants as a document: what each has, who loses trust, what is removed, and what is refused."""

from __future__ import annotations

import copy
import hashlib
import pathlib
import re
import ssl
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudhost.lxd.plugins.filter.tenants_plan import tenants_plan
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.gaps import NAMES
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._tenants import MARK

ROOT = pathlib.Path(__file__).resolve().parents[4]

SETTINGS = {
    "pool": "local",
    "uplink": "",
    "isolated": True,
    "unreachable": ["10.0.0.0/8"],
    "images": [{"name": "debian/12", "remote": "own:debian/12"}],
    "quota": {"instances": 10, "networks": 1},
    "defaults": {"cpu": 1, "memory": "1GiB", "disk": "10GiB", "processes": None},
    "accepted_gaps": [],
}
EMPTY: dict[str, Any] = {
    "certificate": [],
    "project": [],
    "network": [],
    "network_acl": [],
    "extensions": [],
    "environment": {"server": "lxd", "server_version": "6.10"},
}
BLUE = {"name": "blue", "subnet": "10.60.0.0/24"}
GREEN = {"name": "green", "subnet": "172.20.0.0/24", "subnet6": "fd42:61::/64", "uplink": "out"}
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBcDCCARegAwIBAgIUfLyfG+0tJH4R/N8aTDGRkUXESn0wCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2kwIBcNMjYxMTI0MjIxNjQ1WhgPMjEyNjEwMzEyMjE2NDVa
MA0xCzAJBgNVBAMMAmNpMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESTy7Ctap
EEQdZYK6IDT4M+cQ+uyZPCdGK/7Dj0ODPA04zgZXMEkynMs+Vr+t3VWv5m5A1fIu
rwS50RvwBog+vaNTMFEwHQYDVR0OBBYEFG8EjrmLKV8ZpWY2LbRFl40g3SmJMB8G
A1UdIwQYMBaAFG8EjrmLKV8ZpWY2LbRFl40g3SmJMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgVN+rDsazPDaUwJ9Jtx+ThAVdSH0Sdkq32Lw34Z1K
YdACIDLTFLI8Qq6Fb40DKUtYKK4VqXa/zOszXVqQHI3V5Mpl
-----END CERTIFICATE-----
"""
FINGERPRINT = hashlib.sha256(ssl.PEM_cert_to_DER_cert(CERTIFICATE)).hexdigest()
CI = {"name": "ci", "certificate": CERTIFICATE}


def plan(*tenants: dict[str, Any], settings: dict[str, Any] | None = None, **found: Any) -> dict[str, Any]:
    return tenants_plan(list(tenants), {**SETTINGS, **(settings or {})}, {**EMPTY, **found})


def made(kind: str, name: str, tenant: str, **more: Any) -> dict[str, list[dict[str, Any]]]:
    """What the server has of a tenant."""
    return {kind: [{"name": name, "config": {MARK: tenant}, **more}]}


def test_a_bridge_with_an_acl_before_it() -> None:
    definition = plan(BLUE)["definition"]
    (project,), (network,), (acl,) = definition["projects"], definition["networks"], definition["network_acls"]
    assert project["config"]["features.networks"] is False and project["exact"] is True
    assert project["config"]["restricted.networks.access"] == "blue"
    assert (network["type"], network.get("project")) == ("bridge", None)
    assert network["config"] == {
        MARK: "blue",
        "ipv4.address": "10.60.0.1/24",
        "ipv4.nat": True,
        "ipv6.address": "none",
        "security.acls": "tenant-blue",
        "security.acls.default.egress.action": "allow",
    }
    (rule,) = acl["egress"]
    assert rule["action"] == "reject" and "10.0.0.0/11,10.32.0.0/12" in rule["destination"]
    assert "10.60.0.0/24" not in rule["destination"] and "10.60.1.0/24" in rule["destination"]
    assert acl["ingress"] == [{"action": "allow", "state": "enabled", "source": "10.60.0.0/24"}]


def test_an_ovn_network_in_the_project_of_the_tenant() -> None:
    definition = plan(GREEN)["definition"]
    (project,), (network,) = definition["projects"], definition["networks"]
    assert project["config"]["features.networks"] is True
    assert project["config"]["restricted.networks.uplinks"] == "out"
    assert (network["type"], network["project"]) == ("ovn", "green")
    assert network["config"] == {
        MARK: "green",
        "network": "out",
        "ipv4.address": "172.20.0.1/24",
        "ipv4.nat": True,
        "ipv6.address": "fd42:61::1/64",
        "ipv6.nat": True,
    }
    assert definition["network_acls"] == []


def test_a_bridge_does_not_reach_the_subnets_of_others() -> None:
    acls = plan({**BLUE, "subnet": "192.0.2.0/24"}, GREEN)["definition"]["network_acls"]
    assert [rule["destination"] for acl in acls for rule in acl["egress"]] == ["10.0.0.0/8,172.20.0.0/24,fd42:61::/64"]


def test_nor_those_of_tenants_that_are_no_longer_in_the_list() -> None:
    config = {MARK: "red", "ipv4.address": "192.0.2.1/24", "ipv6.address": "none"}
    blue = {**BLUE, "subnet": "172.20.0.0/24"}
    acls = plan(blue, network=[{"name": "red", "config": config}, {"name": "lo"}])["definition"]["network_acls"]
    assert acls[0]["egress"][0]["destination"] == "10.0.0.0/8,192.0.2.0/24"


def test_containers_share_their_uids_where_that_is_chosen() -> None:
    definition = plan(BLUE, settings={"isolated": False})["definition"]
    assert definition["projects"][0]["config"]["restricted.containers.privilege"] == "unprivileged"
    assert "security.idmap.isolated" not in definition["profiles"][0]["config"]


def test_everything_of_a_project_is_its_own_and_restricted() -> None:
    extensions = ["storage_buckets", "projects_networks_zones"]
    config = plan(BLUE, extensions=extensions)["definition"]["projects"][0]["config"]
    features = {key: value for key, value in config.items() if key.startswith("features.")}
    assert features.pop("features.networks") is False and set(features.values()) == {True} and len(features) == 5
    assert config["restricted"] is True and config["restricted.containers.privilege"] == "isolated"
    assert len([key for key in plan(BLUE)["definition"]["projects"][0]["config"] if key.startswith("features.")]) == 4


def test_quotas_and_defaults_are_added_to_those_of_all() -> None:
    definition = plan({**BLUE, "quota": {"virtual_machines": 0, "networks": None}, "defaults": {"cpu": 2}})[
        "definition"
    ]
    limits = {key: value for key, value in definition["projects"][0]["config"].items() if key.startswith("limits.")}
    assert limits == {"limits.instances": 10, "limits.virtual-machines": 0}
    profile = definition["profiles"][0]
    assert profile["config"] == {"limits.cpu": 2, "limits.memory": "1GiB", "security.idmap.isolated": True}
    assert profile["devices"]["root"] == {"type": "disk", "path": "/", "pool": "local", "size": "10GiB"}


def test_images_and_config_of_a_tenant() -> None:
    more = {"config": {"restricted.cluster.target": "allow"}, "network_config": {"ipv4.nat": False}}
    definition = plan({**BLUE, **more, "images": []}, GREEN)["definition"]
    assert definition["images"] == [{"name": "debian/12", "remote": "own:debian/12", "project": "green"}]
    assert definition["projects"][0]["config"]["restricted.cluster.target"] == "allow"
    assert definition["networks"][0]["config"]["ipv4.nat"] is False


def test_a_certificate_of_several_tenants_is_one_entry() -> None:
    known = {"name": "ci", "fingerprint": FINGERPRINT, "restricted": True, "projects": ["shop", "red"]}
    tenants = [{**BLUE, "clients": [CI]}, {**GREEN, "clients": [{"certificate": CERTIFICATE}]}]
    absent = {"name": "red", "state": "absent"}
    entry = {"name": "ci", "certificate": CERTIFICATE, "restricted": True}
    assert plan(*tenants)["definition"]["certificates"] == [{**entry, "projects": ["blue", "green"]}]
    assert plan(*tenants, absent, certificate=[known])["definition"]["certificates"] == [
        {**entry, "projects": ["blue", "green", "shop"]}
    ]


def test_trust_that_no_tenant_names_is_withdrawn() -> None:
    def trusted(fingerprint: str, *projects: str, restricted: bool = True) -> dict[str, Any]:
        return {"name": "old", "fingerprint": fingerprint, "restricted": restricted, "projects": list(projects)}

    there = [trusted("a", "blue"), trusted("b", "blue", "shop"), trusted("c", "shop"), trusted("d", restricted=False)]
    found = plan({**BLUE, "clients": [CI]}, certificate=there)
    assert found["revoked"] == [{"name": "old", "fingerprint": "a"}]
    assert [entry for entry in found["definition"]["certificates"] if "fingerprint" in entry] == [
        {"name": "old", "fingerprint": "b", "restricted": True, "projects": ["shop"]}
    ]
    absent = plan({"name": "blue", "state": "absent", "clients": [CI]}, certificate=there)
    assert absent["revoked"] == [{"name": "old", "fingerprint": "a"}]


def test_what_an_absent_tenant_has_in_an_order_in_which_it_goes() -> None:
    used = [
        "/1.0/profiles/default?project=red",
        "/1.0/networks/red?project=red",
        "/1.0/images/abc?project=red",
        "/1.0/instances/web?project=red",
        "/1.0/storage-pools/local/volumes/custom/data?project=red&target=node1",
        "/1.0/profiles/own?project=red",
    ]
    there = {**made("project", "red", "red", used_by=used), **made("network", "red", "red")}
    (removed,) = plan({"name": "red", "state": "absent"}, **there)["removed"]
    assert removed["instances"] == ["web"] and removed["networks"] == ["red"] and removed["acls"] == []
    assert [place["path"].split("/")[2] for place in removed["rest"]] == [
        "images",
        "storage-pools",
        "networks",
        "profiles",
    ]
    assert removed["rest"][1]["query"] == {"project": "red", "target": "node1"}
    assert removed["lost"] == ["instances/web", "profiles/own", "storage-pools/local/volumes/custom/data"]
    assert plan({"name": "red", "state": "absent"})["removed"] == []


def test_a_tenant_that_is_only_left_out_is_named() -> None:
    assert plan(BLUE, **made("project", "red", "red"))["forgotten"] == ["red"]
    assert plan(BLUE, project=[{"name": "red", "config": {MARK: "other"}}, {"name": "x"}])["forgotten"] == []


KEY = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a name with a slash": ({"name": "a/b"}, "name: 'a/b' is none for a tenant"),
    "the name default": ({"name": "default"}, "name: 'default' is none for a tenant"),
    "a long name of a bridge": ({"name": "a" * 16}, "longer than the 15 characters"),
    "an address for a subnet": ({"subnet": "10.60.0.1/24"}, "subnet: 10.60.0.1/24 has host bits set"),
    "no subnet": ({"subnet": ""}, "subnet: write that of the tenant's network"),
    "a tiny subnet": ({"subnet": "10.60.0.0/30"}, "no IPv4 network of at least 8 addresses"),
    "a subnet of the other version": ({"subnet6": "10.62.0.0/24"}, "subnet6: '10.62.0.0/24' is no IPv6 network"),
    "a quota without a default": ({"quota": {"processes": 10}}, "quota.processes: every instance then needs a limit"),
    "a private key": ({"clients": [{"certificate": CERTIFICATE + KEY}]}, "it has a private key, which only the tenant"),
    "a path": ({"clients": [{"certificate": "/etc/blue.crt"}]}, "clients[0].certificate: write the text"),
    "no certificate in it": (
        {"clients": [{"certificate": CERTIFICATE.replace("MIIB", "MIIC")}]},
        "clients[0].certificate: it is no X.509 certificate",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_refused(wrong: str) -> None:
    more, words = WRONG[wrong]
    with pytest.raises(AnsibleFilterError, match=re.escape(words)) as caught:
        plan({**BLUE, **more})
    assert "tenants_list[0]" in str(caught.value) and "secret" not in str(caught.value)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        plan(BLUE, BLUE, {"name": "green", "subnet": "10.60.0.128/25"}, {"name": "x", "subnet": "y"})
    assert "there is another tenant of this name" in str(caught.value)
    assert "10.60.0.0/24 of blue and 10.60.0.128/25 of green overlap" in str(caught.value)
    assert "tenants_list[3] 'x': subnet:" in str(caught.value)


def test_subnets_of_ovn_networks_may_be_the_same() -> None:
    plan({**BLUE, "uplink": "out"}, {**BLUE, "name": "red", "uplink": "out"})


@pytest.mark.parametrize("kind, name", [("project", "blue"), ("network", "blue"), ("network_acl", "tenant-blue")])
def test_what_the_role_has_not_made_is_left_alone(kind: str, name: str) -> None:
    theirs = {kind: [{"name": name, "config": {MARK: "another"}}]}
    with pytest.raises(AnsibleFilterError, match=f"the {kind} '{name}' exists, and no tenant of this role has it"):
        plan(BLUE, **theirs)
    with pytest.raises(AnsibleFilterError, match="so it must not be removed"):
        plan({"name": "blue", "state": "absent"}, **theirs)
    plan({**BLUE, "adopt": True}, **theirs)
    plan(BLUE, **made(kind, name, "blue"))


def test_the_variables_stay_as_they_are() -> None:
    tenants = [{**BLUE, "clients": [CI]}]
    before = copy.deepcopy(tenants)
    plan(*tenants)
    assert tenants == before


OLD = {"server": "lxd", "server_version": "5.0.2", "server_clustered": True}


def test_a_server_that_does_not_confine_clients_is_refused() -> None:
    """Before anything is changed, with the names that accept it. Who has no certificate gets out of nothing."""
    blue = {**BLUE, "clients": [CI]}
    with pytest.raises(
        AnsibleFilterError, match=r"^Nothing was changed\. tenants_accepted_gaps: lxd 5\.0\.2 in a "
    ) as told:
        plan(blue, environment=OLD)
    wanted = re.search(r"write tenants_accepted_gaps: \[(.*?)\]", str(told.value))
    assert wanted
    names = wanted[1].split(", ")
    assert plan(blue, settings={"accepted_gaps": names}, environment=OLD)["definition"]["projects"]
    with pytest.raises(AnsibleFilterError, match=r"write tenants_accepted_gaps: \[events\]"):
        plan(blue, settings={"accepted_gaps": [name for name in names if name != "events"]}, environment=OLD)
    assert plan(BLUE, environment=OLD)["definition"]["projects"]
    assert plan({"name": "blue", "state": "absent"}, environment=OLD)["definition"]["projects"] == []


def test_the_role_knows_the_gaps() -> None:
    specs = yaml.safe_load((ROOT / "roles" / "tenants" / "meta" / "argument_specs.yml").read_text())
    assert specs["argument_specs"]["main"]["options"]["tenants_accepted_gaps"]["choices"] == list(NAMES)
