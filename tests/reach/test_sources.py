# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin with other inventory sources, and with fake servers that answer in unexpected ways."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Callable, Iterator

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import Answer, FakeServer, page, sync
from ansible_collections.cloudhost.lxd.tests.unit.odd import ODD

Written = Callable[..., "list[str]"]


def instance(name: str, **config: str) -> dict[str, Any]:
    return {
        "name": name,
        "project": "default",
        "type": "container",
        "status": "Running",
        "config": {},
        "devices": {},
        "expanded_config": config,
        "state": None,
    }


@pytest.fixture
def fake(tmp_path: pathlib.Path) -> Iterator[FakeServer]:
    server = FakeServer(str(tmp_path / "s"))
    yield server
    server.close()
    assert server.complaints == []


@pytest.fixture
def written(fake: FakeServer, tmp_path: pathlib.Path) -> Written:
    """Inventory sources by name: a dictionary for the plugin, or a text for another one."""

    def written(*listed: str, **sources: Any) -> list[str]:
        fake.on("GET /1.0/instances", sync([instance(name) for name in listed]))
        paths = []
        for name, content in sources.items():
            if isinstance(content, dict):
                path = tmp_path / f"{name}.instances.yml"
                content = yaml.safe_dump(
                    {"plugin": "cloudhost.lxd.instances", "servers": [{"name": "s", "url": fake.url}], **content}
                )
            else:
                path = tmp_path / f"{name}.ini"
            path.write_text(content)
            paths.append(str(path))
        return paths

    return written


def parsed(path: str, data: InventoryData | None = None) -> InventoryData:
    data = data or InventoryData()
    inventory_loader.get("cloudhost.lxd.instances").parse(data, DataLoader(), path, cache=False)
    return data


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "Localhost", "", " ", "a\nb", "web1 "])
def test_names_that_are_not_an_instances(written: Written, name: str) -> None:
    (path,) = written("web0", "web1", ours={"hostname": f"{json.dumps(name)} if lxd_name == 'web1' else lxd_name"})
    data = InventoryData()
    with pytest.raises(
        AnsibleParserError, match=r"would be web1 in project default of server s.*\n?.*hostname: lxd_name ~"
    ):
        parsed(path, data)
    assert data.hosts == {} and data.localhost is None, "an error leaves nothing behind"


def test_an_instance_called_localhost(written: Written) -> None:
    (path,) = written("localhost", ours={})
    with pytest.raises(
        AnsibleParserError,
        match="'localhost' would be localhost in project default of server s, and means the controller. Use 'hostname'",
    ):
        parsed(path)
    (path,) = written("localhost", ours={"hostname": "lxd_name ~ '.' ~ lxd_server"})
    assert list(parsed(path).hosts) == ["localhost.s"]


def listed(paths: list[str]) -> tuple[dict[str, Any], InventoryManager]:
    manager = InventoryManager(loader=DataLoader(), sources=paths)
    return {host.name: host.vars.get("ansible_connection") for host in manager.get_hosts()}, manager


OTHERS = "[servers]\ndb1 ansible_host=192.0.2.1\nmail\n"


def test_a_host_of_a_source_that_was_read_before(written: Written) -> None:
    others, ours = written("db1", "web1", others=OTHERS, ours={})
    hosts, _manager = listed([others, ours])
    assert hosts == {"db1": None, "mail": None}, "the source of the instances is refused, and its error is told"
    data = InventoryData()
    data.current_source = others
    data.add_host("db1")
    with pytest.raises(
        AnsibleParserError,
        match=f"the host 'db1' of {others} would become db1 in project default of server s. Use 'hostname'",
    ):
        parsed(ours, data)


def test_a_host_of_a_source_that_is_read_later(written: Written) -> None:
    others, ours = written("db1", "web1", others=OTHERS, ours={})
    hosts, manager = listed([ours, others])
    assert hosts == {"db1": None, "mail": None, "web1": "cloudhost.lxd.api"}
    assert (
        manager.get_host("db1").vars["ansible_host"] == "192.0.2.1" and "lxd_name" not in manager.get_host("db1").vars
    )
    assert [host.name for host in manager.get_hosts("servers")] == ["db1", "mail"]


def test_groups_of_other_sources_may_have_our_hosts_by_their_children(written: Written) -> None:
    ours, groups = written(
        "web1", ours={"keyed_groups": [{"key": "lxd_server", "prefix": "on"}]}, groups="[web:children]\non_s\n[on_s]\n"
    )
    _hosts, manager = listed([ours, groups])
    assert [host.name for host in manager.get_hosts("web")] == ["web1"]


@pytest.mark.parametrize(
    "answer",
    [
        *[page(200)._replace(body=body.encode()) for body in ODD],
        *[sync(found) for found in ({"a": 1}, "x", 7, ["x"], [{}], [None], [{"name": "x", "type": "container"}])],
        sync([{**instance("x"), "state": {"network": ["eth0"]}}]),
        sync([{**instance("x"), "snapshots": [{"name": 1}]}]),
        sync([{**instance("x"), "snapshots": ["a"]}]),
    ],
)
def test_a_server_that_answers_oddly_is_left_out(
    written: Written, fake: FakeServer, tmp_path: pathlib.Path, answer: Answer
) -> None:
    """`on_unreachable: warning` applies to it, and the others are listed."""
    other = FakeServer(str(tmp_path / "o"))
    other.on("GET /1.0/instances", answer)
    servers = [{"name": "odd", "url": other.url, "timeout": 2}, {"name": "good", "url": fake.url}]
    (path,) = written("web1", ours={"servers": servers, "on_unreachable": "warning"})
    assert list(parsed(path).hosts) == ["web1"]
    (path,) = written("web1", ours={"servers": servers})
    with pytest.raises(AnsibleParserError, match="server 'odd' cannot be read"):
        parsed(path)
    other.close()
