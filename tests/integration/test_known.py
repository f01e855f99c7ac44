# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan refuses, the daemons refuse too, and what it lets pass, they take: each case is put to both."""

from __future__ import annotations

import http.client
import json
import pathlib
import socket
import sys
from typing import Any

import pytest
from integration import raw
from integration.modules import ModuleFailed, warnings_of
from lab import tiny as busybox

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from unit.known_cases import (  # noqa: E402 - the tests folder is no package of the collection
    P2P,
    PROXY,
    RIGHT_VALUES,
    ROOT,
    UNKNOWN_KEYS,
    WRONG_DEVICES,
    WRONG_VALUES,
)

#: How an object of a kind is made: its collection, and what it needs besides the config.
MADE = {
    "instance": "/1.0/profiles",
    "project": "/1.0/projects",
    "network": "/1.0/networks",
    "storage_pool": "/1.0/storage-pools",
}
NAME = "known0"
#: What else a network needs.
NEEDED = {"macvlan": {"parent": "lo"}, "bridge": {"ipv4.address": "none", "ipv6.address": "none"}}


def refusal(api: Any, kind: str, sort: str, config: dict[str, str], devices: dict[str, Any] | None = None) -> str:
    """What the daemon itself says to an object with this config or these devices; empty where it takes it."""
    if kind == "server":
        answer = raw.ask(api.daemon.socket, "PATCH", "/1.0", {"config": config})
        return answer["error"] if answer["type"] == "error" else ""
    body: dict[str, Any] = {"name": NAME, "config": {**NEEDED.get(sort, {}), **config}}
    body.update({"network": {"type": sort}, "storage_pool": {"driver": sort}}.get(kind, {"devices": devices or {}}))
    if kind == "project":
        body.pop("devices")
    answer = raw.ask(api.daemon.socket, "POST", MADE[kind], body)
    if answer["type"] == "error":
        return answer["error"]
    raw.done(api.daemon.socket, "DELETE", f"{MADE[kind]}/{NAME}")
    return ""


def arguments(kind: str, sort: str, config: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The module, and its options, that would make the same object."""
    if kind == "server":
        return "server", {"config": config}
    sorts = {"network": {"type": sort}, "storage_pool": {"driver": sort}}.get(kind, {})
    module = "profile" if kind == "instance" else kind
    return module, {"name": NAME, "config": {**NEEDED.get(sort, {}), **config}, **sorts}


def test_the_daemons_refuse_what_a_plan_refuses(api) -> None:
    taken = [case for case in WRONG_VALUES if not refusal(api, case[0], case[1], {case[2]: case[3]})]
    devices = [device for device, _words in WRONG_DEVICES if not refusal(api, "instance", "", {}, {"d": device})]
    assert (taken, devices) == ([], [])


def test_a_plan_refuses_it_first(api) -> None:
    for kind, sort, key, value, words in WRONG_VALUES:
        module, options = arguments(kind, sort, {key: value})
        message = api.fails(module, **options)
        assert f"config.{key}: '{value}' is not " in message
        assert words in message or "as in 10GiB" in message
    for device, words in WRONG_DEVICES:
        message = api.fails("profile", name=NAME, devices={"d": device})
        assert "devices.d." in message and words in message


def test_an_unknown_key_is_a_warning_and_the_daemons_refuse_it(api) -> None:
    for kind, sort, key, meant in UNKNOWN_KEYS:
        assert refusal(api, kind, sort, {key: "1"}), key
        module, options = arguments(kind, sort, {key: "1"})
        api.proxy.forget()
        (warning,) = map(str, api.run(module, check=True, **options)["warnings"])
        assert api.proxy.writes == []
        assert f"config.{key}: this key is not among those" in warning and f"Did you mean '{meant}'?" in warning


def test_the_daemons_take_what_a_plan_lets_pass(api) -> None:
    refused = []
    for kind, sort, key, value in RIGHT_VALUES:
        if kind == "instance" or (kind == "project" and key != "restricted.devices.disk"):
            refused += [(key, value, words) for words in [refusal(api, kind, sort, {key: value})] if words]
    assert refused == []


def test_keys_that_the_server_lists_itself_are_not_warned_of(api) -> None:
    """Incus 6.0 lists some: none of them is on no list here, so a question is not even asked."""
    api.proxy.forget()
    result = api.run("profile", check=True, name=NAME, config={"limits.cpu": 2, "user.x": 1}, devices={"e": P2P})
    assert result.get("warnings", []) == []
    assert not [request for request in api.proxy.requests if "metadata" in str(request)]
    api.run("profile", check=True, name=NAME, config={"limits.memroy": 2, "limits.cqu": 1})
    asked = [request for request in api.proxy.requests if "metadata/configuration" in str(request)]
    assert len(asked) == (1 if api.has("metadata_configuration") else 0)


def test_root_disks_are_counted_with_those_of_profiles(api) -> None:
    api.run("profile", name=NAME, devices={"system": ROOT})
    for profiles, devices, words in (
        (["default", NAME], {}, "root (profile 'default') and system (profile 'known0')"),
        (["default"], {"system": ROOT}, "root (profile 'default') and system (the instance)"),
    ):
        options = {"profiles": profiles, "devices": devices}
        message = api.fails("instance", name="known1", source={"type": "none"}, state="stopped", **options)
        assert words in message
        with pytest.raises(RuntimeError, match="[Rr]oot de"):
            raw.done(
                api.daemon.socket, "POST", "/1.0/instances", {"name": "known1", "source": {"type": "none"}, **options}
            )


def test_an_instance_without_a_root_disk(api) -> None:
    bare = {"source": {"type": "none"}, "profiles": [], "devices": {}}
    assert "there would be no root disk" in api.fails("instance", name="known1", state="stopped", **bare)
    with pytest.raises(RuntimeError, match="No root device could be found"):
        raw.done(api.daemon.socket, "POST", "/1.0/instances", {"name": "known1", **bare})


def test_what_a_change_leaves_without_a_root_disk(api) -> None:
    """LXD takes it."""
    api.run("instance", name="known1", source={"type": "none"}, state="stopped", profiles=["default"])
    if api.kind == "incus":
        assert "there would be no root disk" in api.fails("instance", name="known1", state="stopped", profiles=[])
        return
    (warning,) = warnings_of(api.run("instance", name="known1", state="stopped", profiles=[]))
    assert "there would be no root disk" in warning


def test_addresses_that_a_bridge_does_not_give(api) -> None:
    for address, words in (
        ({"ipv4.address": "10.158.2.9"}, "is not in the subnet 10.158.1.0/24"),
        ({"ipv4.address": "10.158.2.9", "security.ipv4_filtering": "true"}, "is not in the subnet 10.158.1.0/24"),
        ({"ipv4.address": "10.158.1.1"}, "is the address of the network 'lxdbr0' itself"),
        ({"ipv6.address": "fd42::9"}, "gives no such addresses"),
    ):
        for bridge in ({"network": "lxdbr0"}, {"nictype": "bridged", "parent": "lxdbr0"}):
            devices = {"d": {"type": "nic", **bridge, **address}}
            assert refusal(api, "instance", "", {}, devices)
            assert words in api.fails("profile", name=NAME, devices=devices)
    for address in ("10.158.1.0", "10.158.1.255", "10.158.1.9"):
        assert not refusal(
            api, "instance", "", {}, {"d": {"type": "nic", "network": "lxdbr0", "ipv4.address": address}}
        )


def test_an_address_twice(api) -> None:
    """The servers take it in an instance that is created, and start none of both."""
    nic = {"eth0": {"ipv4.address": "10.158.1.9"}}
    entry = {"image": "busybox", "state": "stopped", "devices": nic}
    (warning,) = warnings_of(
        api.run("stack", definition={"instances": [{"name": "known1", **entry}, {"name": "known2", **entry}]})
    )
    assert "Only one of them can start" in warning
    with pytest.raises(ModuleFailed, match="already defined on another NIC"):
        api.run("instance", name="known2", state="started")
    message = api.fails("stack", definition={"instances": [{"name": "known2", **entry, "state": "started"}]})
    assert "devices.eth0.ipv4.address: the address on lxdbr0 10.158.1.9 is that of instance 'known1' too" in message


def test_an_image_of_virtual_machines(api) -> None:
    """The servers do not look into it. They refuse a container from it only after they began."""
    fingerprint = machine_image(api)
    entry = {"name": "known1", "image": fingerprint[:12], "state": "stopped"}
    message = api.fails("stack", definition={"instances": [entry]})
    assert "type: a container is wanted, and the image" in message and "or type: virtual-machine" in message
    with pytest.raises(RuntimeError, match="doesn't match instance type"):
        source = {"type": "image", "fingerprint": fingerprint}
        raw.done(api.daemon.socket, "POST", "/1.0/instances", {"name": "known1", "source": source})


def machine_image(api: Any) -> str:
    """The fingerprint of an image with a disk in place of a root file system."""
    parts = {"metadata": pathlib.Path(busybox.files()["file"]).read_bytes(), "rootfs.img": b"QFI\xfb" + bytes(4096)}
    body = b"".join(
        f'--part\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in parts.items()
    )
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(api.daemon.socket))
    headers = {"Content-Type": "multipart/form-data; boundary=part"}
    connection.request("POST", "/1.0/images", body + b"--part--\r\n", headers)
    operation = json.loads(connection.getresponse().read())["operation"].split("?")[0]
    connection.close()
    done = api.query(f"{operation}/wait?timeout=60")
    return str(done["metadata"]["fingerprint"])


def test_what_others_have_is_looked_up(api) -> None:
    config = {"ipv4.address": "10.158.1.1/24", "ipv6.address": "none"}
    assert "which has this address" in api.fails("network", name=NAME, config=config)
    assert refusal(api, "network", "bridge", config)
    near = {**config, "ipv4.address": "10.158.1.9/24"}
    (warning,) = map(str, api.run("network", check=True, name=NAME, config=near)["warnings"])
    assert "the host cannot tell" in warning and not refusal(api, "network", "bridge", near)
    acl = {"ipv4.address": "none", "ipv6.address": "none", "security.acls": "nobody"}
    assert "config.security.acls: there is no 'nobody'" in api.fails("network", name=NAME, config=acl)
    assert "nobody" in refusal(api, "network", "bridge", acl)
    volume = {"data": {"type": "disk", "pool": "default", "source": "nothing", "path": "/data"}}
    message = api.fails("instance", name="known1", source={"type": "none"}, state="stopped", devices=volume)
    assert "there is no custom volume 'nothing' in the pool 'default'" in message


def test_two_bridges_of_one_stack(api) -> None:
    bridges = [
        {"name": f"known{number}", "config": {"ipv4.address": "10.158.7.1/24", "ipv6.address": "none"}}
        for number in (1, 2)
    ]
    message = api.fails("stack", definition={"networks": bridges})
    assert (
        "networks[1] 'known2': config.ipv4.address: 10.158.7.1/24 is in the subnet of the network 'known1'" in message
    )


def test_what_the_daemons_do_not_look_at(api) -> None:
    disk = {"type": "disk", "source": "/srv", "path": "/srv", "propagation": "odd"}
    assert not refusal(api, "instance", "", {}, {"d": disk, "g": {"type": "gpu", "gputype": "odd"}})
    result = api.run("profile", check=True, name=NAME, devices={"d": disk, "g": {"type": "gpu", "gputype": "odd"}})
    assert result.get("warnings", []) == []


def test_an_odd_value_that_is_there_is_let_be(api) -> None:
    """The daemons do not look at the values of a NIC that a profile of theirs has already."""
    api.run("profile", name=NAME, devices={"root": ROOT, "web": PROXY})
    done = api.run("profile", name=NAME, description="x")
    assert done["changed"] is True and done.get("warnings", []) == []


def test_the_error_of_a_value_is_one_of_several(api) -> None:
    with pytest.raises(ModuleFailed) as caught:
        api.run(
            "profile", name=NAME, config={"limits.cpu": "many"}, devices={"d": {"type": "nics"}, "e": {"type": "nic"}}
        )
    for words in ("config.limits.cpu", "devices.d.type", "devices.e.network"):
        assert words in str(caught.value)
