# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only one resource can have: which values these are, who goes first, and what is freed before."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.claims import (
    Claim,
    Hold,
    address,
    of_network,
    of_pool,
    of_server,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.graph import order
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.turns import Side, early, taken, unset
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, refused_after, run
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient

PLACE = ("config", "k")
MAC = "00:16:3e:00:00:0b"


def sides(**changes):
    """Each by a letter: what it has and what it will have, as in `a="12"`, of values that can be freed; in capitals of
    such that cannot.
    """

    def held(values):
        return {Claim("the value", value): Hold(place=() if value.isupper() else PLACE) for value in values}

    return {ord(name) - ord("a"): Side(held(before), held(after), name) for name, (before, after) in changes.items()}


def taken_by(needs, **changes):
    found = taken(needs, sides(**changes))
    assert found is not None
    return (
        order(found.needs)[0],
        [(number, [one.claim.value for one in these]) for number, these in found.freed],
        found.errors,
    )


def none(count):
    return [set() for _number in range(count)]


# -- who goes first ---------------------------------------------------------------------------------------------------


def test_nothing_changes_hands():
    assert taken(none(3), sides(a=("1", "1"), b=("", "2"), c=("3", ""))) is None


def test_who_gives_goes_before_who_takes():
    assert taken_by(none(3), a=("1", "2"), b=("2", "3"), c=("3", "")) == ([2, 1, 0], [], [])


def test_one_of_two_that_swap_is_freed_first():
    assert taken_by(none(2), a=("1", "2"), b=("2", "1")) == ([2, 0, 1], [(1, ["2"])], [])


def test_two_that_swap_two_values_are_freed_of_both():
    sequence, freed, errors = taken_by(none(2), a=("12", "34"), b=("34", "12"))
    assert (sequence, [(number, sorted(values)) for number, values in freed], errors) == (
        [2, 0, 1],
        [(1, ["3", "4"])],
        [],
    )


def test_the_one_that_can_be_freed_is():
    assert taken_by(none(2), a=("A", "1"), b=("1", "A")) == ([2, 0, 1], [(1, ["1"])], [])


def test_what_waits_for_who_takes_is_freed_first_too():
    """A bridge is deleted when its user has gone to another bridge, which takes its address."""
    assert taken_by([set(), {0}, {1}], a=("", "1"), b=("", ""), c=("1", "")) == ([3, 0, 1, 2], [(2, ["1"])], [])


def test_what_cannot_be_is_an_error_that_names_all_three():
    _sequence, freed, errors = taken_by([set(), {0}, {1}], a=("", "X"), b=("", ""), c=("X", ""))
    assert freed == [] and errors == [
        "a takes the value X from c, which cannot give it up first, since it waits for a, and b is in between. "
        "Do it in two runs: let the first only take it away."
    ]
    assert "since it waits for b. Do it" in taken_by(none(2), a=("X", "Y"), b=("Y", "X"))[2][0].replace(
        "for a.", "for b."
    )


def test_a_need_that_is_there_already_is_no_reason_to_free_anything():
    assert taken([set(), {0}], sides(a=("1", ""), b=("", "1"))) is None


def test_what_others_can_have_too_is_no_reason_to_free_anything():
    one, two = Claim("the volume", "1"), Claim("the volume", "2")
    weak = Hold(weak=True)
    handed = {0: Side({}, {one: weak}, "a"), 1: Side({one: weak}, {}, "b")}
    assert order(taken(none(2), handed).needs)[0] == [1, 0]
    assert taken(none(2), handed, range(1, 2)) is None  # nor to delete anything earlier
    assert order(taken(none(2), {**handed, 0: Side({}, {one: Hold()}, "a")}, range(1, 2)).needs)[0] == [1, 0]
    swapped = taken(none(2), {0: Side({two: weak}, {one: weak}, "a"), 1: Side({one: weak}, {two: weak}, "b")})
    assert (len(order(swapped.needs)[0]), swapped.freed, swapped.errors) == (2, [], [])


def test_parts_of_one_swap():
    one, two = Claim("the value", "1"), Claim("the value", "2")
    before = {one: Hold("eth0", ("devices", "eth0", "k")), two: Hold("eth1", ("devices", "eth1", "k"))}
    after = {two: Hold("eth0"), one: Hold("eth1")}
    found = taken(none(1), {0: Side(before, after, "a")})
    assert [number for number, _these in found.freed] == [0] and order(found.needs)[0] == [1, 0]
    assert taken(none(1), {0: Side({one: Hold("eth0")}, {one: Hold("eth1")}, "a")}) is None


def test_what_is_deleted_early_brings_what_it_waits_for():
    needs = [{3}, set(), set(), {2}, {1}]
    assert early(needs, range(2, 5)) == {2, 3}


def test_options_that_free():
    holds = [
        Hold(place=("devices", "eth0", "ipv4.address")),
        Hold(place=("config", "ipv4.address"), free="none"),
        Hold(place=("devices", "web")),
    ]
    assert unset(holds) == {
        "devices": {"eth0": {"ipv4.address": None}, "web": None},
        "config": {"ipv4.address": "none"},
    }
    assert unset([Hold(place=("devices", "eth0", "hwaddr")), Hold(place=("devices", "eth0"))]) == {
        "devices": {"eth0": None}
    }


# -- what only one can have -------------------------------------------------------------------------------------------


def claims(world, kind="instance", project="default", **obj):
    return {
        f"{claim.what} {claim.value}": hold
        for claim, hold in KINDS[kind].claims(obj, WorldClient(world), {"project": project}).items()
    }


def test_of_nics(world):
    for name, config in (("br0", {}), ("br1", {"dns.mode": "none"})):
        world.put(f"/1.0/networks/{name}", config=config)
    world.put("/1.0/networks/mv", type="macvlan")
    of_profile = {"eth1": {"type": "nic", "network": "br1", "ipv4.address": "10.1.0.9"}}
    world.put("/1.0/profiles/net", devices=of_profile)
    devices = {
        "eth0": {
            "type": "nic", "nictype": "bridged", "parent": "br0", "vlan": "5",
            "ipv4.address": "10.0.0.2", "ipv6.address": "FD00::2", "hwaddr": "00:16:3E:00:00:0A",
            "ipv4.routes": "10.9.0.0/24, 10.8.0.0/24", "host_name": "vethweb",
        },
        "eth2": {"type": "nic", "network": "br0", "ipv4.address": "none"},
        "eth3": {"type": "nic", "nictype": "physical", "parent": "enp3s0"},
        "eth4": {"type": "nic", "network": "mv", "hwaddr": "00:16:3e:00:00:0c"},  # nobody looks for others there
        "eth5": {"type": "nic", "nictype": "bridged", "parent": "foreign", "hwaddr": "00:16:3e:00:00:0d"},
        "gone": {"type": "none"},
    }  # fmt: skip
    expected = {
        "the address on br0 (VLAN 5) 10.0.0.2": ("devices", "eth0", "ipv4.address"),
        "the address on br0 (VLAN 5) fd00::2": ("devices", "eth0", "ipv6.address"),
        "the MAC address on br0 (VLAN 5) 00:16:3e:00:00:0a": ("devices", "eth0", "hwaddr"),
        "the DNS name on br0 (VLAN 5) web": (),
        "the address on br1 10.1.0.9": (),  # a profile's
        f"the MAC address on br0 {MAC}": ("config", "volatile.eth2.hwaddr"),
        "the DNS name on br0 web": (),
        "the MAC address on foreign 00:16:3e:00:00:0d": ("devices", "eth5", "hwaddr"),
    }
    on_host = {
        "the route 10.9.0.0/24": ("devices", "eth0", "ipv4.routes"),
        "the route 10.8.0.0/24": ("devices", "eth0", "ipv4.routes"),
        "the interface vethweb": ("devices", "eth0", "host_name"),
        "the interface enp3s0": ("devices", "eth3"),
    }
    web = {"name": "Web", "profiles": ["net", "none"], "devices": devices, "config": {"volatile.eth2.hwaddr": MAC}}
    assert {words: hold.place for words, hold in claims(world, **web, status="Stopped").items()} == expected
    running = {words: hold.place for words, hold in claims(world, **web, status="Running").items()}
    assert running == {**expected, **on_host}
    held = claims(world, "profile", name="net", devices=of_profile)
    assert held == {"the address on br1 10.1.0.9": Hold("eth1", ("devices", "eth1", "ipv4.address"))}


def test_what_may_not_be_looked_at_is_taken_for_a_bridge(world):
    """Clients that are limited to a project do not see the networks of the host."""
    web = {
        "name": "web",
        "profiles": [],
        "devices": {"eth0": {"type": "nic", "nictype": "bridged", "parent": "br0", "ipv4.address": "10.0.0.2"}},
    }
    world.put("/1.0/networks/br0")
    assert set(claims(world, **web)) == {"the address on br0 10.0.0.2", "the DNS name on br0 web"}
    world.faults["GET /1.0/networks/br0"] = "Certificate is restricted"
    assert set(claims(world, **web)) == {"the address on br0 10.0.0.2"}
    world.faults["GET /1.0/networks/br0"] = "database is gone"
    with pytest.raises(ServerError, match="database is gone"):
        claims(world, **web)


def test_of_proxies_and_volumes(world):
    devices = {
        "web": {"type": "proxy", "listen": "tcp:0.0.0.0:80,8000-8010", "connect": "tcp:127.0.0.1:80"},
        "sock": {"type": "proxy", "listen": "unix:/run/x.sock", "connect": "tcp:127.0.0.1:80"},
        "inner": {"type": "proxy", "bind": "instance", "listen": "tcp:0.0.0.0:81", "connect": "tcp:127.0.0.1:80"},
        "data": {"type": "disk", "pool": "fast", "source": "data", "path": "/srv"},
        "home": {"type": "disk", "source": "/home", "path": "/home"},
    }
    volume = {"the volume fast/data": Hold("data", weak=True)}
    assert claims(world, name="w", profiles=[], devices=devices, status="Stopped") == volume
    ports = {f"the port tcp:0.0.0.0:{port}": Hold("web", ("devices", "web")) for port in ("80", "8000-8010")}
    assert claims(world, name="w", profiles=[], devices=devices, status="Frozen") == {
        **volume,
        **ports,
        "the port unix:/run/x.sock": Hold("sock", ("devices", "sock")),
    }


def test_of_networks_and_pools():
    def words(found):
        return {f"{claim.what} {claim.value}": hold for claim, hold in found.items()}

    bridge = {
        "type": "bridge",
        "config": {
            "ipv4.address": "10.0.0.1/24",
            "ipv6.address": "auto",
            "bridge.external_interfaces": "eth1, eth2.5/eth2/5",
        },
    }
    external = Hold(place=("config", "bridge.external_interfaces"))
    assert words(of_network(bridge)) == {
        "the address of the host 10.0.0.1": Hold(place=("config", "ipv4.address"), free="none"),
        "the interface eth1": external, "the interface eth2.5": external,
    }  # fmt: skip
    assert words(of_network({"type": "physical", "config": {"parent": "eth1", "vlan": "7"}})) == {
        "the parent eth1 (VLAN 7)": Hold()
    }
    assert words(of_network({"type": "macvlan", "config": {"parent": "eth1"}})) == {"the parent eth1": Hold(weak=True)}
    assert of_network({"type": "ovn", "config": {"parent": "eth1", "ipv4.address": "10.0.0.1/24"}}) == {}
    pool = {"driver": "zfs", "config": {"source": "tank", "volatile.initial_source": "/dev/sdb"}}
    assert words(of_pool(pool)) == {"the source tank": Hold(), "the source /dev/sdb": Hold()}
    assert words(of_pool({"driver": "ceph", "config": {"source": "rbd"}})) == {"the source rbd": Hold(weak=True)}
    assert words(of_pool({"driver": "lvm", "config": {"source": "vg", "lvm.vg.force_reuse": "true"}})) == {
        "the source vg": Hold(weak=True)
    }
    assert of_pool({"driver": "dir", "config": None}) == {}
    server = {
        "config": {
            "core.https_address": ":8443",
            "core.metrics_address": ":8444",
            "core.dns_address": "",
            "core.shutdown_timeout": "5",
        }
    }
    metrics = Hold("core.metrics_address", ("config", "core.metrics_address"))
    assert words(of_server(server)) == {"the port tcp::8443": Hold("core.https_address"), "the port tcp::8444": metrics}


@pytest.mark.parametrize(
    ("text", "ip"), [("10.0.0.1/24", "10.0.0.1"), ("FD00:0::1/64", "fd00::1"), ("none", ""), ("auto", ""), ("", "")]
)
def test_addresses(text, ip):
    assert address(text) == ip


# -- whole stacks -----------------------------------------------------------------------------------------------------


def stack(**addresses):
    nics = {
        name: {"type": "nic", "network": "br0", "ipv4.address": f"10.0.0.{last}"} for name, last in addresses.items()
    }
    instances = [
        {"name": name, "source": EMPTY, "state": "stopped", "devices": {"eth0": nic}} for name, nic in nics.items()
    ]
    return {"networks": [{"name": "br0"}], "instances": instances}


def test_the_plan_shows_what_is_freed(world):
    run(world, stack(a=1, b=2))
    world.writes.clear()
    done = run(world, stack(a=2, b=1))
    assert world.writes == ["PUT /1.0/instances/b", "PUT /1.0/instances/a", "PUT /1.0/instances/b"]
    assert [row["why"] for row in done["plan"]][
        0
    ] == "the address on br0 10.0.0.2 is unset first, for instance a to have it"
    assert done["plan_lines"][1:4] == [
        "  ~ instance b",
        '      devices.eth0.ipv4.address: "10.0.0.2" -> (none)',
        "      the address on br0 10.0.0.2 is unset first, for instance a to have it",
    ]
    assert run(world, stack(a=2, b=1))["changed"] is False


def test_networks_that_swap_addresses_are_freed_too(world):
    """The step that frees one is planned on what was read for its other plan."""

    def bridges(*numbers):
        addresses = zip(("br0", "br1"), numbers)
        return {"networks": [{"name": name, "config": {"ipv4.address": f"10.0.{n}.1/24"}} for name, n in addresses]}

    run(world, bridges(1, 2))
    world.writes.clear()
    run(world, bridges(2, 1))
    assert world.writes == ["PUT /1.0/networks/br1", "PUT /1.0/networks/br0", "PUT /1.0/networks/br1"]


def test_what_is_pruned_and_has_what_another_takes_goes_first_and_all_else_last(world):
    run(world, stack(a=1, b=2, c=3))
    world.writes.clear()
    after = stack(b=1)
    after["profiles"] = [{"name": "new"}]
    run(world, after, prune=True, parallel=1)
    assert world.writes[-1] == "DELETE /1.0/instances/c"
    assert world.writes.index("DELETE /1.0/instances/a") < world.writes.index("PUT /1.0/instances/b")


def test_where_the_giver_fails_the_taker_is_left_alone(world):
    run(world, stack(a=1, b=2))
    world.faults["/1.0/instances/a"] = "no"
    world.writes.clear()
    with pytest.raises(Exception, match="skipped, because instance a failed: instance b"):
        run(world, stack(b=1), prune=True)
    assert "PUT /1.0/instances/b" not in world.writes


def test_what_cannot_be_is_refused_before_anything_is_changed(world):
    def pools(name):
        disk = {"root": {"type": "disk", "path": "/", "pool": name}}
        return {
            "storage_pools": [{"name": name, "driver": "dir", "config": {"source": "/srv/pool"}}],
            "profiles": [{"name": "web", "devices": disk}],
        }

    run(world, pools("old"))
    words = refused_after(world, pools("new"), prune=True)
    assert words.startswith(
        "storage_pool new takes the source /srv/pool from storage_pool old, which cannot give it up first, since it "
        "waits for"
    )
    assert "profile web is in between" in words


def test_an_instance_of_this_name_in_another_project_is_another(world):
    """A snapshot of the one is not in the way of the other, which goes first because it has the name on the bridge."""
    nic = {"en0": {"type": "nic", "network": "n0"}}
    first = {"networks": [{"name": "n0"}], "profiles": [{"name": "default", "devices": nic}]}
    first["instances"] = [{"name": "i0", "source": EMPTY, "profiles": ["default"]}]
    second = {**first, "projects": [{"name": "x", "config": {"features.profiles": False}}]}
    second["instances"] = [{**first["instances"][0], "project": "x"}]
    second["instance_snapshots"] = [{"instance": "i0", "name": "s0", "project": "x"}]
    run(world, first)
    run(world, second, prune=True)
    assert run(world, second, prune=True)["changed"] is False
