# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of three with all its addresses in `url`. One member is killed between requests, and during them."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import signal
import ssl
from typing import Any, Iterator, NamedTuple

import pytest
from integration.conftest import KINDS
from integration.modules import ModuleFailed
from integration.tls import identity
from lab.cluster import Hosts
from lab.proxy import Cut, Proxy

NAMES = [f"p{number}" for number in range(12)]


@pytest.fixture(scope="module", params=KINDS)
def hosts(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Hosts]:
    hosts = Hosts(request.param, lab / f"addresses-{request.param}", 3)
    try:
        hosts.start()
        first, *others = hosts.nodes
        first.run("cluster", server_name=first.name, server_address=first.address)
        for node in others:
            hosts.join(node)
        yield hosts
    finally:
        hosts.stop()


class Ways(NamedTuple):
    """Proxies before the first two members, so that what reaches them is seen."""

    first: Proxy
    second: Proxy

    @property
    def url(self) -> list[str]:
        return [self.first.url, self.second.url]

    @property
    def writes(self) -> list[list[str]]:
        return [self.first.writes, self.second.writes]


@pytest.fixture
def ways(hosts: Hosts) -> Iterator[Ways]:
    """The first member is there again after the test."""
    with contextlib.ExitStack() as stack:
        made = []
        for node in hosts.nodes[:2]:
            proxy = Proxy(str(node.folder.parent / "way"), str(node.socket))
            made.append(proxy)
            stack.callback(pathlib.Path(proxy.path).unlink)
            stack.callback(proxy.close)
        yield Ways(*made)
        if hosts.nodes[0].killed:
            hosts.nodes[0].start()


@pytest.fixture(scope="module")
def https(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The options of a client that is not a member. All members show the certificate of the cluster."""
    first = hosts.nodes[0]
    client = identity(tmp_path_factory.mktemp("https"), "client")
    first.run("certificate", name="client", certificate=client.cert)
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert((first.folder / "cluster.crt").read_text())).hexdigest()
    urls = [f"https://{node.address}" for node in hosts.nodes]
    return {"url": urls, "server_fingerprint": pin, "client_cert": client.cert, "client_key": client.key}


def test_the_first_address_serves_and_the_others_are_there(hosts: Hosts, ways: Ways, https: dict[str, Any]) -> None:
    third = hosts.nodes[2]
    profile = {"name": "way", "config": {"user.a": 1}}
    assert third.run("profile", **profile, url=ways.url)["changed"] is True
    assert ways.second.requests == []
    assert third.run("profile", **profile, **https)["changed"] is False
    text = {**https, "url": ", ".join(https["url"])}
    assert third.run("profile", name="way", state="absent", **text)["changed"] is True


def test_what_an_error_tells_of_each_address(hosts: Hosts, https: dict[str, Any]) -> None:
    third = hosts.nodes[2]
    nowhere = [f"https://{node.ip}:1" for node in hosts.nodes]
    with pytest.raises(ModuleFailed) as caught:
        third.run("profile", name="way", **{**https, "url": nowhere, "timeout": 3})
    assert all(f"{url}: connection refused" in str(caught.value) for url in nowhere)
    other = {**https, "server_fingerprint": "0" * 64}
    with pytest.raises(ModuleFailed, match="No address in url answers") as caught:
        third.run("profile", name="way", **other)
    assert str(caught.value).count("not the pinned 0000") == 3


def test_a_name_that_is_none_is_told_of_and_left_out(hosts: Hosts, https: dict[str, Any]) -> None:
    third = hosts.nodes[2]
    urls = ["https://nowhere.invalid:8443", *https["url"]]
    done = third.run("profile", name="default", **{**https, "url": urls})
    assert done["changed"] is False
    assert "One of the addresses in url is not used: https://nowhere.invalid:8443: " in str(done["warnings"])


def test_what_is_about_one_member_wants_one_address(hosts: Hosts, https: dict[str, Any]) -> None:
    third = hosts.nodes[2]
    assert "url has 3 addresses" in third.refuses("cluster", server_name="node3", **https)
    wish = {"config": {"core.https_address": ":8443"}}
    assert "name the member with target" in third.refuses("server", **wish, **https)
    for address in (":8443", third.address):
        done = third.run("server", config={"core.https_address": address}, target="node3", **https)
        assert done["changed"] is True


def test_a_member_that_dies_before_a_read(hosts: Hosts, ways: Ways) -> None:
    first, second, third = hosts.nodes
    ways.first.cut = Cut("GET /1.0/profiles/read", first.kill, "came")
    assert third.run("profile", name="read", url=ways.url)["changed"] is True
    assert ways.writes == [[], ["POST /1.0/profiles"]]
    assert second.query("/1.0/profiles/read")["name"] == "read"


def test_a_member_that_dies_between_a_read_and_a_write(hosts: Hosts, ways: Ways) -> None:
    """The client has seen the object, and then the connection breaks: the write reaches one member only."""
    first, second, third = hosts.nodes
    ways.first.cut = Cut("PUT /1.0/profiles/read", first.kill, "came")
    assert third.run("profile", name="read", description="Seen", url=ways.url)["changed"] is True
    assert ways.writes == [["PUT /1.0/profiles/read"]] * 2, "the first one never reached the daemon"
    assert second.query("/1.0/profiles/read")["description"] == "Seen"


def test_a_member_that_dies_after_a_write(hosts: Hosts, ways: Ways) -> None:
    """Its answer is lost. What it did is seen at another member, and not done again."""
    first, second, third = hosts.nodes

    @contextlib.contextmanager
    def around(request: str) -> Iterator[None]:
        yield
        if request.startswith("POST"):
            first.kill()

    ways.first.around, ways.first.cut = around, Cut("POST /1.0/profiles", "after")
    done = third.run("profile", name="written", url=ways.url)
    assert (done["changed"], done["actions"]) == (True, ["create profile written"])
    assert ways.writes == [["POST /1.0/profiles"], []]
    assert second.query("/1.0/profiles/written")["name"] == "written"
    assert third.run("profile", name="written", url=ways.url)["changed"] is False


def test_a_member_that_dies_while_an_operation_of_another_is_waited_for(hosts: Hosts, ways: Ways) -> None:
    first, _second, third = hosts.nodes
    third.run("storage_pool", name="local", driver="dir")
    ways.first.cut = Cut("GET /1.0/operations/[^/]*/wait", first.kill, "came")
    wish = {"name": "far", "source": {"type": "none"}, "pool": "local", "state": "stopped", "target": "node3"}
    assert third.run("instance", **wish, url=ways.url)["changed"] is True
    assert ways.first.cut is None, "the operation was not waited for, so this proves nothing"
    assert [request for request in sum(ways.writes, []) if request.startswith("POST")] == [
        "POST /1.0/instances?target=node3"
    ]
    assert third.query("/1.0/instances/far")["location"] == "node3"


def test_a_stack_one_way_of_which_breaks(hosts: Hosts, ways: Ways) -> None:
    first, second, third = hosts.nodes
    stack = {"name": "ways", "definition": {"profiles": [{"name": name} for name in NAMES]}, "parallel": 4}
    ways.first.cut = Cut("POST /1.0/profiles", first.kill, "came")
    done = third.run("stack", **stack, url=ways.url)
    assert (done["counts"]["create"], done["failed_resources"]) == (12, [])
    assert set(NAMES) <= {profile["name"] for profile in second.query("/1.0/profiles?recursion=1")}
    assert third.run("stack", **stack, url=ways.url)["changed"] is False


def test_a_member_that_takes_connections_and_says_nothing(hosts: Hosts, https: dict[str, Any]) -> None:
    first, _second, third = hosts.nodes
    assert first.process is not None
    first.process.send_signal(signal.SIGSTOP)
    try:
        assert third.run("profile", name="written", state="absent", **https)["changed"] is True
    finally:
        first.process.send_signal(signal.SIGCONT)
