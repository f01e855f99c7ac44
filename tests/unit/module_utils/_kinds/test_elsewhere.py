# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies from another server: when they are refreshed, what is sent to whom, what is deleted, and what is refused."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import Interrupted, LXDError, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import COPY, MARK, MOVED
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._copied import Mark, is_elsewhere, is_part
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images.image import Image
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_volume import StorageVolume
from ansible_collections.cloudhost.lxd.tests.unit.memory import DEFAULTS, Memory, MemoryClient, params_of

INSTANCES, WEB = "/1.0/instances", "/1.0/instances/web1"
SERVER = {"url": "https://old:8443", "server_fingerprint": "a" * 64}
SECRET = "only-the-servers-know"
OPERATION = {"id": "1", "metadata": {"control": SECRET, "fs": SECRET + "2", "n": 1}}


class Two(MemoryClient):
    """One of two servers. `fails` are the words with which transfers to this one fail."""

    url = ""

    def __init__(self, memory, url, log):
        super().__init__(memory)
        self.url, self.log, self.fails, self.other = url, log, [], None
        self.credentials = {}

    def beside(self, options):
        assert options["url"] == SERVER["url"]
        return self.other

    def write(self, method, path, body=None, etag=None, wait=True, **query):
        self.log.append((self.url, method, path, body))
        if (body or {}).get("migration"):
            if "target" in body and self.fails:
                raise ServerError("refused", 400, self.fails.pop(0))
            return OPERATION
        if method == "DELETE" and "/operations/" in path:
            return None
        source = (body or {}).get("source") or {}
        if source.get("type") == "migration":
            if self.fails and source["mode"] == "pull":
                raise ServerError("failed", 400, self.fails.pop(0))
            if not source["refresh"]:
                given = {key: value for key, value in body.items() if key != "source"}
                self.memory.put(f"{path}/{body['name']}", status="Stopped", **given)
            return OPERATION
        return super().write(method, path, body, etag, **query)

    def wait(self, operation):
        self.log.append((self.url, "WAIT", operation, None))
        return {}


@pytest.fixture
def servers(monkeypatch):
    monkeypatch.setitem(DEFAULTS, f"{WEB}/snapshots", {})
    log = []
    here, there = (Two(Memory(), url, log) for url in ("https://new:8443", "https://old:8443"))
    here.other = there
    for number, one in enumerate((here, there)):
        environment = {
            **one.server["environment"],
            "certificate": f"pem {number}",
            "certificate_fingerprint": str(number),
        }
        one.memory.objects["/1.0"]["environment"] = environment
        one.memory.put("/1.0/storage-pools/default", driver="dir")
        one.memory.put("/1.0/profiles/default", devices={"root": {"type": "disk", "path": "/", "pool": "default"}})
    config = {"volatile.uuid": "u1", "volatile.eth0.hwaddr": "aa", "user.a": "b", MARK: "shop"}
    devices = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    there.memory.put(
        WEB, type="container", status="Stopped", config=config, devices={}, expanded_devices=devices,
        expanded_config={}, profiles=["default"], description="Web", architecture="x86_64", last_used_at="1",
        ephemeral=False,
    )  # fmt: skip
    return here


def web(client, state="stopped", restart="never", name="web1", **source):
    given = {"type": "copy", "server": SERVER, "source": "web1", **source}
    return Instance(client, params_of(Instance, name=name, state=state, source=given, restart=restart))


def mark(client, name="web1"):
    return Mark.read(client.memory.objects[f"{INSTANCES}/{name}"])


@pytest.mark.parametrize("mode", ["pull", "push"])
def test_what_each_server_is_sent(servers, mode):
    done = converge(web(servers, mode=mode))
    assert done.actions == ["create instance web1 as a copy of web1 of https://old:8443"]
    sent = [(url, body) for url, method, path, body in servers.log if method == "POST"]
    bodies = dict(sent)
    assert [url for url, _body in sent] == (["https://old:8443", "https://new:8443"] if mode == "pull" else
                                           ["https://new:8443", "https://old:8443"])  # fmt: skip
    taken = bodies["https://new:8443"]["source"] if mode == "pull" else bodies["https://old:8443"]["target"]
    offering, number = ("old", 1) if mode == "pull" else ("new", 0)
    assert taken["operation"] == f"https://{offering}:8443/1.0/operations/1"
    assert taken["secrets"] == {"control": SECRET, "fs": SECRET + "2"}
    assert taken["certificate"] == f"pem {number}", "the transfer is not pinned"
    made = bodies["https://new:8443"]
    assert made["config"] == {"user.a": "b", COPY: "creating u1"}, "what is not its own came with it"
    assert (made["description"], made["profiles"], made["architecture"]) == ("Web", ["default"], "x86_64")
    assert SECRET not in str(done)


def test_a_copy_is_refreshed_when_its_original_can_have_changed(servers):
    there = servers.other
    converge(web(servers, refresh=True))
    assert converge(web(servers, refresh=True)).changed is False
    for change in (
        lambda: there.memory.objects[WEB].update(last_used_at="2"),
        lambda: there.memory.put(f"{WEB}/snapshots/s1", created_at="1"),
        lambda: there.memory.put(f"{WEB}/snapshots/s1", created_at="2"),
        lambda: there.memory.objects[WEB]["config"].update({"volatile.uuid.generation": "u2"}),
        lambda: there.memory.objects[WEB]["config"].update({"volatile.base_image": "f"}),
    ):
        change()
        assert converge(web(servers)).changed is False, "without refresh, it is where it starts from"
        done = converge(web(servers, refresh=True))
        assert done.actions == ["refresh instance web1 from web1 of https://old:8443"]
        assert converge(web(servers, refresh=True)).changed is False
    there.memory.objects[WEB]["status"] = "Running"
    for _run in range(2):
        assert converge(web(servers, refresh=True)).actions == ["refresh instance web1 from web1 of https://old:8443"]


def test_a_move_deletes_what_has_been_copied_and_nothing_else(servers):
    there = servers.other
    there.memory.put(f"{WEB}/snapshots/s1", created_at="1")
    with pytest.raises(LXDError, match="is not ended, because it has changed"):  # the copy has no snapshot
        converge(web(servers, move=True))
    assert WEB in there.memory.objects
    servers.memory.put(f"{WEB}/snapshots/s1", created_at="1")
    done = converge(web(servers, move=True))
    assert done.actions == ["delete instance web1 of https://old:8443"]
    assert WEB not in there.memory.objects and mark(servers) == ("moved", "u1")
    servers.other = None  # the server is gone
    assert converge(web(servers, move=True)).changed is False


def test_a_move_keeps_what_identifies_it(servers):
    converge(web(servers, move=True))
    config = servers.memory.objects[WEB]["config"]
    assert (config["volatile.uuid"], config["volatile.eth0.hwaddr"]) == ("u1", "aa")
    assert MARK not in config


def test_a_running_original_is_stopped_only_with_leave(servers):
    original = servers.other.memory.objects[WEB]
    original["status"] = "Running"
    with pytest.raises(LXDError, match=r"is Running and must be stopped to be moved: set restart: if_required"):
        converge(web(servers, move=True), check_mode=True)
    planned = converge(web(servers, move=True, restart="if_required"), check_mode=True)
    assert planned.actions[0] == "stop instance web1 of https://old:8443"


@pytest.mark.parametrize("state", ["creating", "refreshing"])
def test_what_is_not_whole_is_made_whole(servers, state):
    converge(web(servers))
    servers.memory.objects[WEB]["config"][COPY] = f"{state} u1"
    assert is_part(servers.memory.objects[WEB])
    with pytest.raises(LXDError, match="not all of its data is there"):
        converge(Instance(servers, params_of(Instance, name="web1", state="started")))
    done = converge(web(servers))
    assert done.actions[0].startswith("delete" if state == "creating" else "refresh")
    assert not is_part(servers.memory.objects[WEB])


def test_what_is_no_copy_is_not_refreshed(servers):
    servers.memory.put(WEB, status="Stopped", type="container", config={}, devices={}, profiles=[])
    for option in ("refresh", "move"):
        with pytest.raises(LXDError, match="is no copy of web1"):
            converge(web(servers, **{option: True}))
    assert WEB in servers.other.memory.objects


def test_errors_have_no_secret_and_leave_no_operation(servers):
    servers.fails = [f"Failed to dial https://old/websocket?secret={SECRET}"]
    with pytest.raises(LXDError) as failed:
        converge(web(servers))
    assert SECRET not in str(failed.value) and "********" in str(failed.value)
    assert ("https://old:8443", "DELETE", "/1.0/operations/1", None) in servers.log
    servers.other.fails = [f"no {SECRET}"]
    with pytest.raises(LXDError) as failed:
        converge(web(servers, mode="push", name="web3"))
    assert SECRET not in str(failed.value) and "which was to connect to https://new:8443" in str(failed.value)


def test_a_lost_race_of_the_mark_is_no_other_transfer(servers):
    converge(web(servers))
    servers.other.memory.objects[WEB]["last_used_at"] = "3"
    servers.trouble = [None, Interrupted("ETag")]
    servers.log.clear()
    converge(web(servers, refresh=True))
    assert len([one for one in servers.log if (one[3] or {}).get("migration")]) == 1
    assert not is_part(servers.memory.objects[WEB])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"mode": "relay"}, "none of pull"),
        ({"sever": 1}, "source.sever is not known. Did you mean 'server'"),
        ({"server": {"url": "https://old:8443", "fingerprint": "a"}}, "source.server.fingerprint is not known"),
        ({"server": {}}, "source.server.url"),
        ({"source": None}, "source.source: the name of the instance"),
        ({"source": "web9"}, "no instance 'web9' to copy on"),
        ({"move": True, "instance_only": True}, "lose the snapshots"),
        ({"keep": True}, "source.keep: it is for a move"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_changed(servers, source, words):
    with pytest.raises(LXDError, match=words):
        converge(web(servers, **source))
    assert servers.log == []


def test_the_server_itself_and_another_product_are_refused(servers):
    environment = servers.other.memory.objects["/1.0"]["environment"]
    environment["certificate_fingerprint"] = "0"
    with pytest.raises(LXDError, match="is the server of the task itself"):
        converge(web(servers))
    environment["certificate_fingerprint"] = "1"
    servers.other.implementation = "incus"
    with pytest.raises(LXDError, match="of different products, which send each other nothing"):
        converge(web(servers))


def from_lxd(servers, **config):
    """The servers as Incus, which receives, and LXD; and the config of what LXD has."""
    servers.implementation = "incus"
    servers.other.memory.objects[WEB]["config"].update(config)
    return servers.other.memory


def test_incus_takes_what_lxd_has_in_its_own_keys(servers):
    from_lxd(servers, **{"security.devlxd": "false", "limits.network.priority": "5", "boot.mode": "bios"})
    converge(web(servers))
    config = servers.memory.objects[WEB]["config"]
    assert config["security.guestapi"] == "false" and config["security.csm"] == "true"
    assert not {"security.devlxd", "limits.network.priority", "boot.mode"} & set(config)


def test_a_snapshot_with_keys_of_lxd_is_refused_and_can_be_left_out(servers):
    memory = from_lxd(servers)
    memory.put(f"{WEB}/snapshots/s1", name="web1/s1", created_at="1", config={"security.devlxd": "true"})
    memory.put(f"{WEB}/snapshots/s2", name="web1/s2", created_at="1", config={"user.a": "b"})
    with pytest.raises(LXDError, match="keys that only lxd knows, and no server changes those of a snapshot: s1"):
        converge(web(servers))
    assert servers.log == []
    converge(web(servers, instance_only=True))
    assert servers.memory.objects[WEB]


def test_a_move_that_keeps_the_original_keeps_it_from_starting(servers):
    there = servers.other.memory
    there.objects[WEB]["expanded_config"] = {"security.protection.delete": "true"}
    servers.memory.objects["/1.0"]["environment"]["server_name"] = "incus1"
    done = converge(web(servers, move=True, keep=True))
    assert done.actions[-1] == "keep instance web1 of https://old:8443 as it is"
    kept = there.objects[WEB]["config"]
    assert (kept["boot.autostart"], kept[MOVED]) == ("false", "incus1")
    assert mark(servers).state == "moved"
    there.objects[WEB].update(status="Running", last_used_at="9")
    assert converge(web(servers, move=True, keep=True)).changed is False


def test_a_copy_gets_the_identity_of_its_original_when_that_moves(servers):
    there = servers.other.memory
    there.objects[WEB]["config"]["volatile.last_state.idmap"] = "of the other host"
    converge(web(servers, refresh=True))
    assert "volatile.uuid" not in servers.memory.objects[WEB]["config"]
    servers.memory.objects[WEB]["config"]["volatile.last_state.idmap"] = "[]"
    done = converge(web(servers, move=True))
    assert done.actions[0] == "give instance web1 the identity of web1 of https://old:8443"
    config = servers.memory.objects[WEB]["config"]
    assert (config["volatile.uuid"], config["volatile.eth0.hwaddr"]) == ("u1", "aa")
    assert config["volatile.last_state.idmap"] == "[]"


def test_a_copy_that_runs_keeps_its_own_identity(servers):
    converge(web(servers, refresh=True))
    servers.memory.objects[WEB]["status"] = "Running"
    converge(web(servers, state="started", move=True))
    assert "volatile.uuid" not in servers.memory.objects[WEB]["config"]


VOLUME = "/1.0/storage-pools/default/volumes/custom/data"


@pytest.mark.parametrize(
    ("receives", "sends", "refused"),
    [("6.0.4", "6.0.3", True), ("6.12", "6.10.1", True), ("6.12", "6.11", False), ("6.0.4", "6.0.4", False),
     ("6.0.5", "6.0.3", False), ("6.13", "6.10.1", False)],
)  # fmt: skip
def test_no_volume_makes_a_server_crash(servers, monkeypatch, receives, sends, refused):
    """Some versions of Incus do not get over a volume without its size, which older ones do not send."""
    monkeypatch.setitem(DEFAULTS, f"{VOLUME}/snapshots", {})
    for server, version in ((servers, receives), (servers.other, sends)):
        server.implementation = "incus"
        server.memory.objects["/1.0"]["environment"]["server_version"] = version
    servers.other.memory.put(VOLUME, type="custom", content_type="filesystem", config={}, used_by=[])
    source = {"type": "copy", "server": SERVER, "name": "data"}
    volume = StorageVolume(servers, params_of(StorageVolume, pool="default", name="data", source=source))
    if refused:
        with pytest.raises(LXDError, match="crashes when it receives a volume of .*: set it to relay"):
            converge(volume)
        assert servers.log == []
    else:
        assert converge(volume).changed


def test_a_text_is_the_address_of_an_image_server():
    assert not is_elsewhere({"type": "image", "server": "https://images"})
    assert not is_elsewhere(None)


class Images(Two):
    """The same with images, which have no name of their own."""

    def write(self, method, path, body=None, etag=None, wait=True, **query):
        self.log.append((self.url, method, path, body))
        if path.endswith(("/secret", "/export")):
            return {"id": "1", "metadata": {"secret": SECRET}}
        if (body or {}).get("source"):
            fingerprint = body["source"]["fingerprint"]
            self.memory.put(f"/1.0/images/{fingerprint}", fingerprint=fingerprint, properties={}, aliases=[])
            return {"id": "1", "metadata": {"secret": SECRET}}
        if path == "/1.0/images/aliases":
            self.memory.put(f"{path}/{body['name']}", description="", **body)
            return None
        return None if "/operations/" in path else MemoryClient.write(self, method, path, body, etag)


def image(client, **source):
    given = {"server": SERVER, "alias": "site", **source}
    return Image(client, params_of(Image, name="site", source=given))


@pytest.fixture
def images():
    log = []
    here, there = (Images(Memory(), url, log) for url in ("https://new:8443", "https://old:8443"))
    here.other = there
    for number, one in enumerate((here, there)):
        environment = {
            **one.server["environment"],
            "certificate": f"pem {number}",
            "certificate_fingerprint": str(number),
        }
        one.memory.objects["/1.0"]["environment"] = environment
    for fingerprint in ("a" * 64, "b" * 64):
        there.memory.put(f"/1.0/images/{fingerprint}", fingerprint=fingerprint, properties={}, aliases=[])
    there.memory.put("/1.0/images/aliases/site", target="a" * 64, description="")
    there.memory.objects["/1.0/projects"] = {}
    return here


@pytest.mark.parametrize("mode", ["pull", "push"])
def test_an_image_is_copied_and_follows_the_alias(images, mode):
    done = converge(image(images, mode=mode, refresh=True))
    assert done.actions == ["create image site as a copy of site of https://old:8443"]
    sent = {path: body for _url, method, path, body in images.log if method == "POST"}
    if mode == "pull":
        taken = sent["/1.0/images"]["source"]
        assert (taken["server"], taken["secret"], taken["certificate"]) == ("https://old:8443", SECRET, "pem 1")
    else:
        taken = sent[f"/1.0/images/{'a' * 64}/export"]
        assert (taken["target"], taken["secret"], taken["certificate"]) == ("https://new:8443", SECRET, "pem 0")
    assert SECRET not in str(done)
    assert converge(image(images, refresh=True)).changed is False
    images.other.memory.objects["/1.0/images/aliases/site"]["target"] = "b" * 64
    assert converge(image(images)).changed is False
    with pytest.raises(LXDError, match="is another one than site"):
        converge(image(images, move=True))
    assert converge(image(images, refresh=True)).changed is True
    assert images.memory.objects["/1.0/images/aliases/site"]["target"] == "b" * 64
    assert converge(image(images, move=True)).actions == ["delete image site of https://old:8443"]
    assert f"/1.0/images/{'b' * 64}" not in images.other.memory.objects
    assert f"/1.0/images/{'a' * 64}" in images.other.memory.objects


def test_an_image_that_is_not_there(images):
    with pytest.raises(LXDError, match=r"source.alias: there is no image 'sight' on "):
        converge(image(images, alias="sight"))
    with pytest.raises(LXDError, match="either alias or fingerprint"):
        converge(image(images, fingerprint="a" * 64))
