# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a stack of every kind on real daemons: made, edited, pruned, killed half-way, exported, taken away without a trace."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import time
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._all import KINDS
from integration.modules import ModuleFailed

MARK = "user.cloudhost.stack"
SEEN = ("changed", "actions", "plan", "summary", "plan_text", "diff")
#: What the daemons note down by themselves.
NOISE = ("last_used_at", "used_by", "usage", "disk")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An image of a few bytes that nobody else has."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.tar.gz"
    metadata = b"architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: tiny}\n"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("metadata.yaml")
        entry.size = len(metadata)
        tar.addfile(entry, io.BytesIO(metadata))
        for name in ("rootfs", "rootfs/etc"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
    return path


@pytest.fixture
def shop(api, tiny: pathlib.Path) -> Iterator[Any]:
    """A server on which others have something, and which is as it was when the test is over."""
    api.run("profile", name="foreign", config={"limits.cpu": 3}, devices={"root": {"type": "disk", "path": "/", "pool": "default"}})
    api.run("stack", name="neighbour", definition={"instances": [{"name": "next-door", "source": {"type": "none"}, "state": "stopped"}]})
    api.proxy.forget()
    yield api
    api.run("stack", name="shop", state="absent", force=True, definition=document(tiny))
    api.run("stack", name="neighbour", state="absent")
    api.run("profile", name="foreign", state="absent")


def document(tiny: pathlib.Path) -> dict[str, Any]:
    """Sixty resources of every kind that a server without a cluster can have."""
    fingerprint = hashlib.sha256(tiny.read_bytes()).hexdigest()
    root = {"type": "disk", "path": "/", "pool": "shop-dir"}
    empty = {"source": {"type": "none"}, "state": "stopped"}
    return {
        "config": {"core.shutdown_timeout": 7, "images.remote_cache_expiry": 5},
        "storage_pools": [
            {"name": "shop-dir", "driver": "dir", "description": "of the shop"},
            {"name": "shop-btrfs", "driver": "btrfs", "config": {"size": "1GiB"}},
        ],
        "networks": [{"name": f"shopbr{number}", "config": {"ipv4.address": f"10.158.{20 + number}.1/24", "ipv6.address": "none"}} for number in range(3)],
        "projects": [
            {"name": "shop-own", "description": "its own profiles", "config": {"features.images": False}},
            {"name": "shop-shared", "config": {"features.images": False, "features.profiles": False}},
        ],
        "profiles": [
            {"name": "default", "project": "shop-own", "devices": {"root": root}},
            *({"name": f"shop-{number}", "config": {"limits.cpu": number + 1}, "devices": {"root": root}} for number in range(4)),
            {"name": "shop-net", "devices": {"eth0": {"type": "nic", "network": "shopbr0"}}},
            {"name": "shop-own", "project": "shop-own", "config": {"limits.memory": "64MiB", "user.password": "hunter22"}},
        ],
        "images": [{"name": "shop/tiny", "file": str(tiny), "properties": {"shop": "yes"}}],
        "image_aliases": [{"name": f"shop/tiny/{number}", "fingerprint": fingerprint, "description": "another name"} for number in range(2)],
        "instances": [
            {"name": "shop-web", "image": "debian/12", "profiles": ["shop-0", "shop-net"], "wait_for": ["ipv4"]},
            {"name": "shop-copy", "source": {"type": "copy", "source": "shop-e0"}, "profiles": ["shop-1"], "state": "stopped"},
            {"name": "shop-tiny", "image": "shop/tiny", "profiles": ["shop-2"], "state": "stopped"},
            *({"name": f"shop-e{number}", "profiles": ["shop-3"], "config": {"limits.memory": "64MiB"}, **empty} for number in range(16)),
            *({"name": f"shop-o{number}", "project": "shop-own", **empty} for number in range(6)),
            *({"name": f"shop-s{number}", "project": "shop-shared", "profiles": ["shop-3"], **empty} for number in range(6)),
        ],
        "instance_snapshots": [
            *({"instance": f"shop-e{number}", "name": "first"} for number in range(6)),
            *({"instance": "shop-o0", "project": "shop-own", "name": f"s{number}", "expires_at": "2039-12-31T00:00:00Z"} for number in range(4)),
            {"instance": "shop-web", "name": "fresh", "depends_on": ["instance/shop-copy"]},
        ],
    }


def resources(definition: dict[str, Any]) -> int:
    return sum(len(entries) if isinstance(entries, list) else 1 for entries in definition.values())


def everything(api) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    """A dump of all collections of all projects, in the words of the daemon's own client."""
    found: dict[str, Any] = {"/1.0": api.query("/1.0")["config"]}
    projects = [project["name"] for project in api.query("/1.0/projects?recursion=1")]
    for path in ("projects", "storage-pools", "networks", "certificates"):
        found[path] = api.query(f"/1.0/{path}?recursion=1")
    for project in projects:
        for path in ("profiles", "images", "images/aliases", "instances", "network-acls", "network-zones", "storage-pools/default/volumes"):
            found[f"{path}?{project}"] = api.query(f"/1.0/{path}?recursion=1&project={project}")
        for instance in found[f"instances?{project}"]:
            place = f"instances/{instance['name']}/snapshots"
            found[f"{place}?{project}"] = api.query(f"/1.0/{place}?recursion=1&project={project}")
    return {place: _quiet(value) for place, value in found.items()}


def _quiet(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _quiet(inner) for key, inner in value.items() if key not in NOISE}
    if isinstance(value, list):
        return sorted((_quiet(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    return value


def foreign(dump: dict[str, Any]) -> dict[str, Any]:
    """What of a dump is not the stack's."""
    return {
        place: [obj for obj in listed if not (isinstance(obj, dict) and "shop" in str(obj.get("name")) + str(obj.get("properties")) + str(obj.get("target")))]
        for place, listed in dump.items()
        if "shop" not in place and isinstance(listed, list)
    }


def converges(api, **arguments: Any) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    """Predicted exactly, nothing written meanwhile, done, and done once."""
    api.proxy.forget()
    predicted = api.run("stack", check=True, **arguments)
    assert api.proxy.writes == [], "check mode wrote"
    done = api.run("stack", **arguments)
    assert done["changed"] is True
    for key in SEEN:
        assert predicted[key] == done[key], key
    unchanged(api, **arguments)
    return done


def unchanged(api, **arguments: Any) -> list[str]:  # type: ignore[no-untyped-def]
    """The requests of a run that changes nothing."""
    api.proxy.forget()
    again = api.run("stack", **arguments)
    assert (again["changed"], again["plan"], again["diff"]["before"], again["diff"]["after"]) == (False, [], "", ""), again["plan_text"]
    assert api.proxy.writes == []
    return list(api.proxy.requests)


def rows(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(row["action"], row["kind"], row["name"]) for row in result["plan"]]


def test_a_life_without_a_trace(shop, tiny: pathlib.Path) -> None:
    before = everything(shop)
    definition = document(tiny)
    assert resources(definition) == 60
    assert {kind.plural() for kind in KINDS.values() if kind.stackable} - set(definition) == {"cluster_groups"}, "a kind is not in this test"

    made = converges(shop, name="shop", definition=definition)
    assert "hunter22" not in str(made)
    assert made["summary"] == "58 to create, 2 to update, 0 to replace, 0 to delete, 0 unchanged"
    assert shop.query("/1.0/instances/shop-e3")["config"][MARK] == "shop"
    assert foreign(everything(shop)) == foreign(before)

    quiet = {**definition, "instances": [{key: value for key, value in entry.items() if key != "wait_for"} for entry in definition["instances"]]}
    asked = unchanged(shop, name="shop", definition=quiet)
    parents = {f"{entry.get('project')}/{entry['instance']}" for entry in definition["instance_snapshots"]}
    # the server, projects, pools, networks, images, aliases; profiles in two projects, instances in three
    assert len(asked) <= 6 + 2 + 3 + len(parents), asked
    assert len([request for request in asked if "/snapshots" not in request]) <= 11

    edited = copy.deepcopy(definition)
    edited["profiles"][1]["config"] = {"limits.cpu": 2, "boot.autostart": False}
    edited["networks"][2]["config"]["ipv4.nat"] = True
    edited["instances"][4]["description"] = "edited"
    edited["instances"].append({"name": "shop-new", "project": "shop-own", "source": {"type": "none"}, "state": "stopped"})
    done = converges(shop, name="shop", definition=edited)
    assert sorted(rows(done)) == [
        ("create", "instance", "shop-new"),
        ("update", "instance", "shop-e1"),
        ("update", "network", "shopbr2"),
        ("update", "profile", "shop-0"),
    ]

    less = copy.deepcopy(edited)
    less["instances"] = [entry for entry in edited["instances"] if entry.get("project") != "shop-shared" and entry["name"] != "shop-tiny"]
    less["projects"] = edited["projects"][:1]
    less["networks"] = edited["networks"][:2]
    del less["images"], less["image_aliases"]
    pruned = converges(shop, name="shop", definition=less, prune=True)
    fingerprint = hashlib.sha256(tiny.read_bytes()).hexdigest()
    gone = {("instance", f"shop-s{number}") for number in range(6)} | {("instance", "shop-tiny"), ("project", "shop-shared"), ("network", "shopbr2")}
    assert {row[1:] for row in rows(pruned)} == gone | {("image", fingerprint)} and {row[0] for row in rows(pruned)} == {"delete"}
    assert foreign(everything(shop)) == foreign(before)

    taken = converges(shop, name="shop", state="absent", force=True, definition=less)
    assert {row[0] for row in rows(taken)} == {"delete", "update"}
    assert everything(shop) == before


@pytest.mark.parametrize("writes", [1, 7, 18, 33, 52])
def test_a_killed_run_is_finished_by_the_next(shop, tiny: pathlib.Path, writes: int) -> None:
    before = everything(shop)
    definition = document(tiny)
    arguments = {"name": "shop", "definition": definition, "url": shop.proxy.url, "timeout": 120}
    command = [sys.executable, str(pathlib.Path(__file__).with_name("modules.py")), json.dumps(["stack", arguments])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while len(shop.proxy.writes) < writes:
        assert process.poll() is None and time.monotonic() < end, "it ended by itself, so this proves nothing"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert shop.run("stack", name="shop", definition=definition)["changed"] is True
    unchanged(shop, name="shop", definition=definition, prune=True)
    assert foreign(everything(shop)) == foreign(before)
    shop.run("stack", name="shop", state="absent", force=True, definition=definition)
    assert everything(shop) == before


def test_an_export_plans_to_no_change(shop, tiny: pathlib.Path) -> None:
    """Made by hand, with the daemon's own client."""
    daemon = shop.daemon
    before = everything(shop)
    daemon.cli("project", "create", "shop-hand", "-c", "features.images=false", "-c", "user.note=a: b")
    daemon.cli("profile", "set", "default", "limits.cpu=1", "--project", "shop-hand")
    daemon.cli("profile", "device", "add", "default", "root", "disk", "path=/", "pool=default", "--project", "shop-hand")
    daemon.cli("profile", "create", "shop-hand")
    daemon.cli("profile", "set", "shop-hand", "user.text=line one\nline two")
    daemon.cli("storage", "create", "shop-hand", "dir")
    daemon.cli("network", "create", "shophand", "ipv6.address=none")
    daemon.cli("init", "shop-hand", "--empty", "--project", "shop-hand", "-c", "limits.memory=1073741824", "-c", "user.token=s3cr3t-t0ken")
    daemon.cli("init", "debian/12", "shop-hand2", "-p", "default", "-p", "shop-hand", "-d", "root,size=3GiB", "-s", "shop-hand")
    daemon.cli("snapshot", *(["create"] if shop.kind == "incus" else []), "shop-hand", "one", "--project", "shop-hand")
    exported = shop.run("stack_export")
    definition = exported["definition"]
    assert exported["left_out"] == ["instance shop-hand (project shop-hand): config.user.token"] and "s3cr3t" not in str(exported)
    assert {entry["name"] for entry in definition["networks"]} == {"lxdbr0", "shophand"}
    hand2 = next(entry for entry in definition["instances"] if entry["name"] == "shop-hand2")
    assert (hand2["image"], hand2["profiles"], hand2["state"]) == ("debian/12", ["default", "shop-hand"], "stopped")
    assert "instance_snapshots" not in definition and MARK not in str(definition)
    plan = shop.run("stack", check=True, definition=definition)
    assert (plan["changed"], plan["plan_text"].splitlines()[-1]) == (False, plan["summary"]), plan["plan_text"]
    unchanged(shop, definition=yaml.safe_load(yaml.safe_dump(definition)))
    snapshots = shop.run("stack_export", kinds=["instance_snapshot"], projects=["shop-hand"])["definition"]
    assert snapshots == {"instance_snapshots": [{"instance": "shop-hand", "name": "one", "project": "shop-hand"}]}
    unchanged(shop, definition=snapshots)
    # and from nothing: what was exported makes what was there
    made = {**definition, "instances": [entry for entry in definition["instances"] if entry["name"].startswith("shop-hand")]}
    for name, *project in (("shop-hand2",), ("shop-hand", "--project", "shop-hand")):
        daemon.cli("delete", name, *project)
    daemon.cli("profile", "delete", "shop-hand")
    daemon.cli("network", "delete", "shophand")
    assert "4 to create" in shop.run("stack", definition=made)["summary"]
    again = shop.run("stack_export")["definition"]
    assert again == definition
    for command in (
        ("delete", "shop-hand2"), ("delete", "shop-hand", "--project", "shop-hand"), ("project", "delete", "shop-hand"), ("profile", "delete", "shop-hand"),
        ("storage", "delete", "shop-hand"), ("network", "delete", "shophand"),
    ):  # fmt: skip
        daemon.cli(*command)
    assert everything(shop) == before


def refused(shop, **arguments: Any) -> str:  # type: ignore[no-untyped-def]
    """The error of a stack, alike in check mode and for real, with nothing written."""
    return shop.fails("stack", **arguments)


def test_what_others_own_is_left_alone(shop, image_files: dict[str, str]) -> None:
    theirs = {"instances": [{"name": "next-door", "source": {"type": "none"}, "config": {"limits.cpu": 1}, "state": "stopped"}]}
    assert "belongs to the stack 'neighbour'" in refused(shop, name="shop", definition=theirs, adopt=True)
    nobodys = {"profiles": [{"name": "foreign", "config": {"limits.cpu": 4}}]}
    assert "belongs to no stack, and differs in config" in refused(shop, name="shop", definition=nobodys)
    image = {"images": [{"name": "shop/mine", **image_files}]}  # it is there under another alias
    assert "image shop/mine on" in refused(shop, name="shop", definition=image)
    same = {"profiles": [{"name": "foreign", "config": {"limits.cpu": 3}}]}
    unchanged(shop, name="shop", definition=same, prune=True)
    assert MARK not in shop.query("/1.0/profiles/foreign")["config"]
    done = converges(shop, name="shop", definition=nobodys, adopt=True)
    assert rows(done) == [("update", "profile", "foreign")]
    assert shop.query("/1.0/profiles/foreign")["config"] == {"limits.cpu": "4", MARK: "shop"}
    assert rows(converges(shop, name="shop", definition={}, prune=True)) == [("delete", "profile", "foreign")]


def test_an_error_stops_only_what_depends_on_it(shop) -> None:
    root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    definition = {
        "profiles": [{"name": "shop-bad", "config": {"no.such.key": 1}, "devices": root}, {"name": "shop-good", "devices": root}],
        "instances": [{"name": f"shop-{name}", "source": {"type": "none"}, "profiles": [f"shop-{name}"], "state": "stopped"} for name in ("bad", "good")],
        "instance_snapshots": [{"instance": f"shop-{name}", "name": "s"} for name in ("bad", "good")],
    }
    with pytest.raises(ModuleFailed) as caught:
        shop.run("stack", name="shop", definition=definition)
    result = caught.value.result
    assert [row["name"] for row in result["failed_resources"]] == ["shop-bad"] and "no.such.key" in result["failed_resources"][0]["msg"]
    assert {(row["name"], row["because"]) for row in result["skipped_resources"]} == {(name, "profile shop-bad failed") for name in ("shop-bad", "shop-bad/s")}
    assert {row["name"] for row in result["done"]} == {"shop-good", "shop-good/s"}
    definition["profiles"][0]["config"] = {}
    assert len(rows(converges(shop, name="shop", definition=definition))) == 3


# -- documents in files, through ansible-playbook ---------------------------------------------------------------------------


def play(shop, folder: pathlib.Path, *extra: str, **arguments: Any) -> subprocess.CompletedProcess[str]:  # type: ignore[no-untyped-def]
    tasks = [{"name": "The stack", "cloudhost.lxd.stack": {"url": shop.daemon.url, **arguments}, "register": "shop"}]
    (folder / "play.yml").write_text(yaml.safe_dump([{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = [str(pathlib.Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", str(folder / "play.yml"), *extra]
    return subprocess.run(
        [*command, "-e", f"ansible_python_interpreter={sys.executable}"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"], "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


BASE = """# of the shop
profiles:
  - name: shop-web
    config:
      limits.cpu: 1
instances:
  - name: shop-1
    source: {type: none}
    state: stopped
    profiles: [default, shop-web]
"""


def test_documents_in_files(shop, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "10-base.yml").write_text(BASE)
    (folder / "20-more.yaml").write_text("instance_snapshots:\n  - {instance: shop-1, name: s, expires_at: 2039-01-01T00:00:00Z}\n")
    (folder / "ignored.txt").write_text("{")
    planned = play(shop, tmp_path, "--check", "--diff", name="shop", src="shop")
    assert planned.returncode == 0 and "changed=1" in planned.stdout and '+"profile shop-web":' in planned.stdout, planned.stdout
    assert shop.daemon.query("/1.0/profiles/shop-web", check=False) is None
    assert "changed=1" in play(shop, tmp_path, name="shop", src=["shop"]).stdout
    assert "changed=0" in play(shop, tmp_path, name="shop", src=["shop/10-base.yml", "shop/20-more.yaml"], prune=True).stdout


def test_progress_is_told_to_who_wants_it(shop, tmp_path: pathlib.Path) -> None:
    slow = {"instances": [{"name": "shop-slow", "image": "debian/12", "wait_for": ["ipv4"]}]}
    told = play(shop, tmp_path, name="shop", definition=slow, progress="always").stdout
    assert "stack shop: 0 of 1 done, now instance shop-slow, " in told, told
    assert "of 1 done" not in play(shop, tmp_path, name="shop", state="absent").stdout, "it is no terminal"


def test_a_document_that_is_encrypted(shop, tmp_path: pathlib.Path) -> None:
    (tmp_path / "password").write_text("open sesame")
    (tmp_path / "secret.yml").write_text("profiles:\n  - name: shop-secret\n    config: {user.password: hunter22}\n")
    vault = str(pathlib.Path(sys.executable).with_name("ansible-vault"))
    options = ["--vault-password-file", str(tmp_path / "password")]
    inner = subprocess.run([vault, "encrypt_string", *options, "s3cr3t-value"], stdout=subprocess.PIPE, text=True, check=True).stdout
    block = "".join(f"        {line}\n" for line in inner.splitlines()[1:])
    (tmp_path / "inner.yml").write_text(f"profiles:\n  - name: shop-inner\n    config:\n      user.password: !vault |\n{block}")
    subprocess.run([vault, "encrypt", *options, str(tmp_path / "secret.yml")], check=True, capture_output=True)
    done = play(shop, tmp_path, *options, "-vvv", "--diff", name="shop", src=["secret.yml", "inner.yml"])
    assert "changed=1" in done.stdout, done.stdout
    assert "hunter22" not in done.stdout + done.stderr and "s3cr3t-value" not in done.stdout + done.stderr
    assert shop.query("/1.0/profiles/shop-secret")["config"]["user.password"] == "hunter22"
    assert shop.query("/1.0/profiles/shop-inner")["config"]["user.password"] == "s3cr3t-value"


WRONG = """profiles:
  - name: shop-web
    confg: {}
instances:
  - name: shop-1
    image: debian/21
  - name: shop-2
    source: {type: none}
    depends_on: [instance/shop-3]
  - name: shop-3
    source: {type: none}
    depends_on: [instance/shop-2]
instnaces: []
"""


def test_all_errors_with_file_and_line(shop, tmp_path: pathlib.Path) -> None:
    (tmp_path / "base.yml").write_text(BASE)
    (tmp_path / "wrong.yml").write_text(WRONG)
    (tmp_path / "twice.yml").write_text("profiles: []\nprofiles: []\n")
    (tmp_path / "broken.yml").write_text("profiles:\n  - [\n")
    before = everything(shop)
    told = play(shop, tmp_path, name="shop", src=["base.yml", "wrong.yml"]).stdout
    for words in (
        "wrong.yml:2: profiles[0] 'shop-web': profile shop-web is claimed twice, here and by base.yml:3",
        "wrong.yml:3: profiles[0] 'shop-web': confg: there is no such key. Did you mean 'config'?",
        "wrong.yml:5: instances[0] 'shop-1': instance shop-1 is claimed twice",
        "wrong.yml:7: instances[1] 'shop-2': what depends on each other cannot be ordered: instance shop-2 -> instance shop-3 -> instance shop-2",
        "wrong.yml:13: instnaces: there is no such section. Did you mean 'instances'?",
    ):
        assert words in told, told
    assert "twice.yml:2: the key 'profiles' is written twice" in play(shop, tmp_path, name="shop", src="twice.yml").stdout
    assert "broken.yml:3: this is not YAML" in play(shop, tmp_path, name="shop", src="broken.yml").stdout
    assert everything(shop) == before
