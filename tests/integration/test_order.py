# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a stack on real daemons: what stands on what, and what only one can have and passes to another."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import threading
from typing import Any, Iterator

import pytest
from integration.test_stack import converges, rows, unchanged
from lab.forks import Task

ROOT = {"type": "disk", "path": "/", "pool": "default"}
EMPTY = {"source": {"type": "none"}, "state": "stopped", "profiles": []}


def bridge(name: str, number: int, **config: Any) -> dict[str, Any]:
    return {"name": name, "config": {"ipv4.address": f"10.158.{number}.1/24", "ipv6.address": "none", **config}}


def nic(address: int, network: str = "shopbr", **keys: Any) -> dict[str, Any]:
    return {"type": "nic", "network": network, "ipv4.address": f"10.158.40.{address}", **keys}


def empty(name: str, **devices: Any) -> dict[str, Any]:
    return {"name": name, "devices": {"root": ROOT, **devices}, "purge_devices": True, **EMPTY}


def notes(result: dict[str, Any]) -> list[str]:
    return [row["name"] for row in result["plan"] if "is unset first" in row["why"]]


# -- what stands on what ----------------------------------------------------------------------------------------------


def test_what_stands_on_a_network_waits_for_it(shop) -> None:  # type: ignore[no-untyped-def]
    """The daemons refuse a network on a bridge that is not there yet, and an address on one that they do not manage,
    and delete no bridge in use.
    """
    eth0 = {"type": "nic", "nictype": "bridged", "parent": "shopbr", "ipv4.address": "10.158.40.9"}
    definition = {
        "instances": [{"name": "shop-web", "profiles": ["shop-web"], "source": {"type": "none"}, "state": "stopped"}],
        "profiles": [{"name": "shop-web", "devices": {"root": ROOT, "eth0": eth0}}],
        "networks": [{"name": "shopmv", "type": "macvlan", "config": {"parent": "shopbr"}}, bridge("shopbr", 40)],
    }
    done = converges(shop, name="shop", definition=definition)
    assert not done.get("warnings")
    taken = converges(shop, name="shop", state="absent", definition=definition)
    assert rows(taken)[-1] == ("delete", "network", "shopbr")


def test_a_parent_that_is_not_there(api) -> None:  # type: ignore[no-untyped-def]
    """It is an error where the daemons refuse it, and a warning where it may come later. What is there on the host is
    no network of the daemon's.
    """
    eth0 = {"type": "nic", "nictype": "bridged", "parent": "lxdbr1"}
    words = "devices.eth0.parent: there is no network and no interface 'lxdbr1' on"
    for check in (True, False):
        (told,) = map(str, api.run("profile", check=check, name="shop-p", devices={"eth0": eth0})["warnings"])
        assert words in told and "Did you mean 'lxdbr0'?" in told
    assert not api.unchanged("profile", name="shop-p", devices={"eth0": eth0}).get("warnings")
    definition = {"instances": [{"name": "shop-i", "image": "busybox", "devices": {"eth0": eth0}}]}
    refused = api.fails("stack", definition=definition)
    assert words in refused and "Did you mean 'lxdbr0'?" in refused
    definition["instances"][0]["state"] = "stopped"
    assert words in str(api.run("stack", check=True, definition=definition)["warnings"])
    done = api.converges("network", name="shop9", type="macvlan", config={"parent": "lo"})
    assert not done.get("warnings")


# -- what passes from one to another ----------------------------------------------------------------------------------


def test_addresses_change_hands(shop) -> None:  # type: ignore[no-untyped-def]
    """Swapped, handed on, passed around within an instance, and taken over from what is pruned."""
    networks = [bridge("shopbr", 40), bridge("shopbr2", 40 + 1, **{"dns.mode": "none"})]

    def stack(**addresses: int) -> dict[str, Any]:
        return {
            "networks": networks,
            "instances": [empty(f"shop-{name}", eth0=nic(address)) for name, address in addresses.items()],
        }

    shop.run("stack", name="shop", definition=stack(a=11, b=12, c=13))
    swapped = converges(shop, name="shop", definition=stack(a=12, b=11, c=14))
    assert len(notes(swapped)) == 1 and "is unset first" in swapped["plan_text"]
    handed = converges(shop, name="shop", definition=stack(a=11, b=14, c=15))
    assert notes(handed) == [] and [row[2] for row in rows(handed)] == ["shop-c", "shop-b", "shop-a"]
    around = converges(shop, name="shop", definition=stack(a=14, b=15, c=11))
    assert len(notes(around)) == 1 and len(rows(around)) == 4

    pruned = converges(shop, name="shop", definition=stack(b=14, c=11), prune=True)
    assert rows(pruned) == [("delete", "instance", "shop-a"), ("update", "instance", "shop-b")]

    mac, other = "00:16:3e:15:80:01", "00:16:3e:15:80:02"
    both = stack()
    both["instances"] = [empty("shop-b", eth0=nic(14, hwaddr=mac)), empty("shop-c", eth0=nic(11, hwaddr=other))]
    shop.run("stack", name="shop", definition=both)
    both["instances"] = [empty("shop-b", eth0=nic(11, hwaddr=other)), empty("shop-c", eth0=nic(14, hwaddr=mac))]
    assert len(notes(converges(shop, name="shop", definition=both))) == 1
    both["instances"] = [empty("shop-c", eth0=nic(11, hwaddr=other))]
    pruned = converges(shop, name="shop", definition=both, prune=True)
    assert rows(pruned) == [("delete", "instance", "shop-b"), ("update", "instance", "shop-c")]

    def two(one: int, other: int) -> dict[str, Any]:
        nics = {
            f"eth{number}": nic(0, "shopbr2", **{"ipv4.address": f"10.158.41.{last}"})
            for number, last in enumerate((one, other))
        }
        return {"networks": networks, "instances": [empty("shop-c", **nics)]}

    shop.run("stack", name="shop", definition=two(11, 12))
    assert notes(converges(shop, name="shop", definition=two(12, 11))) == ["shop-c"]


def test_subnets_change_hands(shop) -> None:  # type: ignore[no-untyped-def]
    """A bridge has the address of one that is pruned, also where its last user goes over to it meanwhile; two swap
    theirs.
    """

    def stack(**numbers: int) -> dict[str, Any]:
        profile = {
            "name": "shop-p",
            "devices": {"root": ROOT, "eth0": {"type": "nic", "network": f"shop{min(numbers)}"}},
        }
        networks = [
            bridge(f"shop{name}", last, **{"ipv4.dhcp.ranges": f"10.158.{last}.50-10.158.{last}.90"})
            for name, last in numbers.items()
        ]
        return {"networks": networks, "profiles": [profile]}

    shop.run("stack", name="shop", definition=stack(a=40, b=41))
    assert len(notes(converges(shop, name="shop", definition=stack(a=41, b=40)))) == 1
    pruned = converges(shop, name="shop", definition=stack(a=40), prune=True)  # b has no user
    assert rows(pruned) == [("delete", "network", "shopb"), ("update", "network", "shopa")]
    moved = converges(shop, name="shop", definition=stack(c=40), prune=True)
    assert (notes(moved), rows(moved)[-1]) == (["shopa"], ("delete", "network", "shopa"))


def test_addresses_of_the_daemon_change_places(api) -> None:  # type: ignore[no-untyped-def]
    """It listens on one after the other, while it has the other still. The one that it is reached by is not freed."""
    keys = ("core.https_address", "core.metrics_address")
    api.run("server", config={key: f"127.0.0.1:{8451 + number}" for number, key in enumerate(keys)})
    try:
        done = converges(
            api, definition={"config": {key: f"127.0.0.1:{8452 - number}" for number, key in enumerate(keys)}}
        )
        assert [row["after"] for row in done["plan"] if "is unset first" in row["why"]] == [{}]
        assert [row["before"] for row in done["plan"]][0] == {"config": {keys[1]: "127.0.0.1:8452"}}
    finally:
        api.run("server", config=dict.fromkeys(keys))


def test_ports_change_hands(shop) -> None:  # type: ignore[no-untyped-def]
    """Of instances that run: the daemons listen as soon as they have a proxy."""

    def stack(**ports: int) -> dict[str, Any]:
        def proxy(port: int) -> dict[str, Any]:
            return {"type": "proxy", "listen": f"tcp:127.0.0.1:{port}", "connect": "tcp:127.0.0.1:80"}

        return {
            "instances": [
                {"name": f"shop-{name}", "image": "busybox", "devices": {"web": proxy(port)}}
                for name, port in ports.items()
            ]
        }

    shop.run("stack", name="shop", definition=stack(a=8081, b=8082))
    swapped = converges(shop, name="shop", definition=stack(a=8082, b=8081))
    assert len(notes(swapped)) == 1
    pruned = converges(shop, name="shop", definition=stack(b=8082), prune=True, force=True)
    assert rows(pruned) == [("delete", "instance", "shop-a"), ("update", "instance", "shop-b")]


def test_a_swap_that_was_killed_half_way_is_finished(shop) -> None:  # type: ignore[no-untyped-def]
    networks = [bridge("shopbr", 40)]
    before = {"networks": networks, "instances": [empty("shop-a", eth0=nic(11)), empty("shop-b", eth0=nic(12))]}
    after = {"networks": networks, "instances": [empty("shop-a", eth0=nic(12)), empty("shop-b", eth0=nic(11))]}
    shop.run("stack", name="shop", definition=before)
    begun, number = threading.Event(), itertools.count(1)

    @contextlib.contextmanager
    def around(request: str) -> Iterator[None]:
        """The first write is done, and nobody is there to hear of the second."""
        if not request.startswith("GET ") and next(number) == 2:
            begun.wait()
            task.kill()
        yield

    shop.proxy.around = around
    task = Task("stack", {"name": "shop", "definition": after, "url": shop.proxy.url, "timeout": 120})
    begun.set()
    assert task.communicate(60)[0] == "", "it ended by itself, so this proves nothing"
    shop.proxy.around = lambda request: contextlib.nullcontext()
    left = [shop.query(f"/1.0/instances/shop-{name}")["devices"]["eth0"].get("ipv4.address") for name in ("a", "b")]
    assert left.count(None) == 1, left
    # The server may still work on the second, so what is left differs.
    finished = shop.run("stack", name="shop", definition=after)
    assert (finished["changed"], notes(finished)) == (True, [])
    unchanged(shop, name="shop", definition=after)


def test_what_cannot_change_hands_is_told_before_anything_is_changed(shop, tmp_path: pathlib.Path) -> None:  # type: ignore[no-untyped-def]
    """The pool that has the place is in use until the instance is in the other one, which cannot be made before."""

    def stack(pool: str) -> dict[str, Any]:
        instance = {"name": "shop-i", "source": {"type": "none"}, "pool": pool, "state": "stopped", "profiles": []}
        return {
            "storage_pools": [{"name": pool, "driver": "dir", "config": {"source": str(tmp_path)}}],
            "instances": [instance],
        }

    shop.run("stack", name="shop", definition=stack("shop-old"))
    words = shop.fails("stack", name="shop", definition=stack("shop-new"), prune=True)
    assert (
        f"storage_pool shop-new takes the source {tmp_path} from storage_pool shop-old" in words
        and "in two runs" in words
    )
    unchanged(shop, name="shop", definition=stack("shop-old"), prune=True)


def test_an_address_that_another_has_is_told_with_what_to_do(shop) -> None:  # type: ignore[no-untyped-def]
    definition = {
        "networks": [bridge("shopbr", 40)],
        "instances": [empty("shop-a", eth0=nic(11)), empty("shop-b", eth0=nic(12))],
    }
    shop.run("stack", name="shop", definition=definition)
    with pytest.raises(Exception, match="already defined on another NIC.* Another instance has it on this network"):
        shop.run("instance", name="shop-b", state="stopped", devices={"eth0": nic(11)})
    with pytest.raises(
        Exception, match="in the subnet of the network 'shopbr'.*which has this address. Choose another subnet"
    ):
        shop.run("network", name="shop9", config={"ipv4.address": "10.158.40.1/24", "ipv6.address": "none"})
