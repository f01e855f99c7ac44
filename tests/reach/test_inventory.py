# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin on real servers: hosts, variables, groups, addresses, caching, two servers, a cluster."""

from __future__ import annotations

import concurrent.futures
import time
from typing import Any, Iterator

import pytest
from ansible.errors import AnsibleError, AnsibleParserError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.connect import connect as engine
from lab.cluster import Hosts
from lab.daemon import Daemon

MANY = 200


@pytest.fixture(scope="module")
def many(server) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """A project with `MANY` stopped, empty instances."""
    server.run(
        "project",
        name="many",
        config={"features.images": False, "features.profiles": False, "features.storage.volumes": False},
    )

    def run(numbers: range, method: str) -> None:
        client = engine({"url": server.daemon.url, "timeout": 120, "trust_token": None})
        for number in numbers:
            body = {
                "name": f"host{number}",
                "source": {"type": "none"},
                "config": {"user.role": "web" if number % 2 else "db"},
            }
            path = "/1.0/instances" + ("" if method == "POST" else f"/host{number}")
            client.write(method, path, body if method == "POST" else None, project="many")
        client.transport.close()

    def everywhere(method: str) -> None:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(run, [range(start, MANY, 4) for start in range(4)], [method] * 4))

    everywhere("POST")
    yield "many"
    everywhere("DELETE")
    server.run("project", name="many", state="absent")


def of(listed: dict[str, Any], host: str) -> dict[str, Any]:
    return listed["_meta"]["hostvars"][host]


@pytest.mark.both
def test_many_instances_are_one_request(control, server, many, tmp_path, record_property) -> None:  # type: ignore[no-untyped-def]
    options = {
        "servers": [{"url": server.proxy.url}],
        "projects": [many],
        "compose": {"role": "lxd_config['user.role']", "label": "lxd_name ~ '@' ~ lxd_server"},
        "keyed_groups": [{"key": "lxd_config['user.role']", "prefix": "role"}],
        "groups": {"first_ten": "lxd_name | length == 5"},
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
    }
    server.proxy.forget()
    start = time.monotonic()
    first = control.listed(**options)
    record_property("seconds_of_ansible_inventory", round(time.monotonic() - start, 2))
    assert [request.split("?")[0] for request in server.proxy.requests] == ["GET /1.0/instances"]
    assert len(first["_meta"]["hostvars"]) == MANY
    assert (len(first["role_web"]["hosts"]), of(first, "host1")["role"], of(first, "host2")["label"]) == (
        MANY // 2,
        "web",
        "host2@local",
    )
    assert sorted(first["first_ten"]["hosts"]) == [f"host{number}" for number in range(10)]
    server.proxy.forget()
    assert control.listed(**options) == first
    assert server.proxy.requests == [], "the cache was not used"
    control.listed("--flush-cache", **options)
    assert len(server.proxy.requests) == 1


@pytest.mark.both
def test_filters_are_the_servers(control, server, many) -> None:  # type: ignore[no-untyped-def]
    server.proxy.forget()
    filters = ["config.user.role eq db", "name eq host4"]
    assert list(control.parsed(servers=[{"url": server.proxy.url}], projects=[many], filters=filters)) == ["host4"]
    assert "filter=config.user.role+eq+db+and+name+eq+host4" in server.proxy.requests[0]


def test_what_cannot_be_evaluated_is_left_out_or_an_error(control, server, many) -> None:  # type: ignore[no-untyped-def]
    some = {"servers": [{"url": server.daemon.url}], "projects": [many], "filters": ["name eq host4"]}
    for part in (
        {"compose": {"bad": "no_such_variable + 1"}},
        {"groups": {"bad": "no_such_variable"}},
        {"keyed_groups": [{"key": "no_such_variable"}]},
    ):
        assert "bad" not in control.parsed(**some, **part)["host4"]
        with pytest.raises(AnsibleError, match="no_such_variable"):
            control.parsed(**some, **part, strict=True)


@pytest.mark.both
def test_the_default_is_the_local_socket(control, server, guest, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    for name in ("LXD_SOCKET", "LXD_DIR", "INCUS_SOCKET", "INCUS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(server.daemon.variable, str(server.daemon.folder))
    host = control.parsed()[guest]
    assert (host["ansible_lxd_url"], host["lxd_server"]) == (server.daemon.url, "local")


#: Variables of an instance with nothing special.
PLAIN = {
    "lxd_name": "plain",
    "lxd_project": "default",
    "lxd_type": "container",
    "lxd_status": "Stopped",
    "lxd_location": "none",
    "lxd_description": "nothing in it",
    "lxd_profiles": ["default"],
    "lxd_addresses": [],
    "lxd_server": "here",
}


@pytest.mark.both
def test_variables_and_secrets(control, server, guest) -> None:  # type: ignore[no-untyped-def]
    config = {
        "user.role": "web",
        "user.api_key": "hidden-1",
        "environment.PASSWORD": "hidden-2",
        "cloud-init.user-data": "#cloud-config\n# hidden-3",
    }
    server.run(
        "instance", name="plain", source={"type": "none"}, state="stopped", config=config, description="nothing in it"
    )
    server.run("project", name="other", config={"features.images": False, "features.profiles": False})
    server.run("instance", name="apart", source={"type": "none"}, state="stopped", project="other")
    try:
        listed = control.parsed(servers=[{"name": "here", "url": server.daemon.url}], projects=["all"])
        plain = listed["plain"]
        assert "hidden" not in str(plain)
        assert plain["lxd_config"] == {"user.api_key": "********", "user.role": "web"}
        assert {name: plain[name] for name in PLAIN} == PLAIN
        assert (listed["apart"]["lxd_project"], listed[guest]["lxd_image"]["os"]) == ("other", "Debian")
        reach = {name: value for name, value in plain.items() if name.startswith("ansible_")}
        assert reach == {
            "ansible_connection": "cloudhost.lxd.api",
            "ansible_host": "plain",
            "ansible_lxd_project": "default",
            "ansible_lxd_url": server.daemon.url,
        }
        assert list(control.parsed(servers=[{"url": server.daemon.url}], projects=["other", "nothing"])) == ["apart"]
    finally:
        server.run("instance", name="apart", project="other", state="absent")
        server.run("instance", name="plain", state="absent")
        server.run("project", name="other", state="absent")


@pytest.mark.both
def test_hosts_are_reached_by_what_it_says(control, server, guest) -> None:  # type: ignore[no-untyped-def]
    control.instances(servers=[{"url": server.daemon.url}])
    done = control("ansible", guest, "-m", "ansible.builtin.raw", "-a", "hostname", inventory="instances.yml")
    assert done.stdout.strip().endswith(guest), done.stdout


@pytest.mark.both
def test_complaint_52_an_inner_bridge_is_no_address(control, server, guest, connect) -> None:  # type: ignore[no-untyped-def]
    """A bridge inside the guest comes first by name and by family, and is ignored."""
    connect().exec_command("ip link add a0 type bridge; ip address add 172.31.0.1/24 dev a0; ip link set a0 up")
    (own,) = [
        address["address"]
        for address in server.query(f"/1.0/instances/{guest}/state")["network"]["eth0"]["addresses"]
        if (address["family"], address["scope"]) == ("inet", "global")
    ]
    try:
        assert "a0" in server.query(f"/1.0/instances/{guest}/state")["network"]
        host = control.parsed(servers=[{"url": server.daemon.url}], connection="ssh")[guest]
        assert (host["lxd_addresses"], host["ansible_host"], "ansible_connection" in host) == ([own], own, False)
    finally:
        connect().exec_command("ip link delete a0")


@pytest.mark.both
def test_addresses_by_nic_and_family(control, server, guest, connect) -> None:  # type: ignore[no-untyped-def]
    server.daemon.inside("ip", "link", "add", "lan0", "type", "bridge")
    server.run(
        "instance",
        name=guest,
        devices={"second": {"type": "nic", "nictype": "bridged", "parent": "lan0", "name": "lan1"}},
    )
    try:
        connect().exec_command(
            "ip address add 192.0.2.7/24 dev lan1; ip -6 address add 2001:db8::7/64 dev lan1 nodad; ip link set lan1 up"
        )
        servers = [{"url": server.daemon.url}]
        for options, address in (
            ({"address_nic": "second"}, "192.0.2.7"),
            ({"address_nic": "second", "address_family": "ipv6"}, "2001:db8::7"),
            ({"address_family": "ipv6"}, "2001:db8::7"),
        ):
            assert control.parsed(servers=servers, connection="ssh", **options)[guest]["ansible_host"] == address
        none = control.parsed(servers=servers, connection="none", address_nic="eth0", address_family="ipv6")[guest]
        assert (none["lxd_address"], "ansible_host" in none) == (None, False)
    finally:
        server.run("instance", name=guest, devices={"second": None})


def test_two_servers(control, server, guest, lab) -> None:  # type: ignore[no-untyped-def]
    """Instances of one name on both servers have different host names. One server is unreachable."""
    second = Daemon(server.kind, lab / f"second-{server.kind}")
    try:
        (lab / f"second-{server.kind}").mkdir()
        (lab / f"second-{server.kind}").chmod(0o711)
        second.start()
        second.query("/1.0/storage-pools", "POST", {"name": "default", "driver": "dir"})
        second.query(
            "/1.0/profiles/default", "PUT", {"devices": {"root": {"type": "disk", "path": "/", "pool": "default"}}}
        )
        second.query("/1.0/instances", "POST", {"name": guest, "source": {"type": "none"}})
        servers = [{"name": "one", "url": server.daemon.url}, {"name": "two", "url": second.url}]
        options = {"servers": servers, "keyed_groups": [{"key": "lxd_server", "prefix": "on"}]}

        with pytest.raises(AnsibleParserError, match="Two instances would be the host 'guest'.*server one.*server two"):
            control.parsed(**options)
        options["hostname"] = "lxd_name ~ '.' ~ lxd_server"
        graph = control("ansible-inventory", "--graph", inventory=control.instances(**options).name).stdout
        assert f"|--@on_one:\n  |  |--{guest}.one\n" in graph, graph
        assert f"|--@on_two:\n  |  |--{guest}.two\n" in graph, graph
        listed = control.listed(**options)
        assert [of(listed, f"{guest}.{name}")["lxd_status"] for name in ("one", "two")] == ["Running", "Stopped"]
    finally:
        second.stop()
    with pytest.raises(AnsibleParserError, match="server 'two' cannot be read"):
        control.parsed(**options)
    warned = control(
        "ansible-inventory", "--graph", inventory=control.instances(on_unreachable="warning", **options).name
    )
    assert warned.returncode == 0, warned.stdout
    assert f"{guest}.one" in warned.stdout
    assert f"{guest}.two" not in warned.stdout
    assert "server 'two' cannot be read" in warned.stdout


def test_mistakes(control, server, guest) -> None:  # type: ignore[no-untyped-def]
    for options, words in (
        ({"servers": [{"adress": "x"}]}, "no option 'adress'"),
        ({"servers": [{"url": "ftp://x"}]}, "is not understood"),
        ({"servers": [{"url": server.daemon.url}] * 2}, "two servers have the name 'local'"),
        ({"servers": [{"url": server.daemon.url}], "projects": ["all"], "hostname": "lxd_nmae"}, "cannot be evaluated"),
    ):
        with pytest.raises(AnsibleParserError, match=words):
            control.parsed(**options)


# -- a cluster --------------------------------------------------------------------------------------------------------


@pytest.mark.both
def test_a_cluster_is_asked_once(control, server, lab) -> None:  # type: ignore[no-untyped-def]
    hosts = Hosts(server.kind, lab / f"reach-{server.kind}", 2)
    try:
        hosts.start()
        first, second = hosts.nodes
        first.run("cluster", server_name="node1", server_address=first.address)
        hosts.join(second)
        for node in hosts.nodes:
            first.query(f"/1.0/storage-pools?target={node.name}", "POST", {"name": "default", "driver": "dir"})
        first.query("/1.0/storage-pools", "POST", {"name": "default", "driver": "dir"})
        for node in hosts.nodes:
            body = {
                "name": f"on-{node.name}",
                "source": {"type": "none"},
                "devices": {"root": {"type": "disk", "path": "/", "pool": "default"}},
            }
            first.query(f"/1.0/instances?target={node.name}", "POST", body)
        urls = [f"{first.url}.gone", first.url, second.url]
        listed = control.listed(
            servers=[{"name": "cluster", "url": urls}], keyed_groups=[{"key": "lxd_location", "prefix": "at"}]
        )
        assert of(listed, "on-node2")["lxd_url"] == of(listed, "on-node2")["ansible_lxd_url"] == urls
        assert {group: listed[group]["hosts"] for group in ("at_node1", "at_node2")} == {
            "at_node1": ["on-node1"],
            "at_node2": ["on-node2"],
        }
    finally:
        hosts.stop()
