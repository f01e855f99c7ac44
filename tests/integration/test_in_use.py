# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in use is not deleted, renamed or made anew where the daemon would refuse it: the plan says so, and names the
users.
"""

from __future__ import annotations

import pathlib
from typing import Any, Iterator

import pytest
from integration.modules import ModuleFailed
from lab.simplestreams import ALIAS, ImageServer

EMPTY = {"source": {"type": "none"}, "state": "stopped"}
ROOT = {"root": {"type": "disk", "path": "/", "pool": "default"}}


@pytest.fixture(scope="module")
def remote(server, tiny: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageServer]:
    images = ImageServer(server.daemon, tmp_path_factory.mktemp("remote"), tiny, port=18447)
    yield images
    images.stop()


def test_c4_a_document_with_the_project_default_is_taken_away(api) -> None:
    definition: dict[str, Any] = {
        "projects": [
            {
                "name": "default",
                "description": "of everybody",
                "config": {"features.images": True, "features.profiles": True, "user.k": "v"},
            }
        ],
        "profiles": [{"name": "gone", "config": {"user.k": "v"}}],
    }
    before = api.query("/1.0/projects/default")["config"]
    api.run("stack", name="c4", definition=definition)
    predicted = api.run("stack", check=True, name="c4", state="absent", definition=definition)
    done = api.run("stack", name="c4", state="absent", definition=definition)
    assert predicted["actions"] == done["actions"] == [
        "delete profile gone",
        "update project default (config)",
    ] or sorted(done["actions"]) == sorted(predicted["actions"])
    assert api.query("/1.0/projects/default")["config"] == before
    assert api.run("stack", name="c4", state="absent", definition=definition)["changed"] is False
    api.run(
        "project", name="default", description="Default LXD project" if api.kind == "lxd" else "Default Incus project"
    )
    for feature in ("features.images", "features.networks"):
        message = api.fails("project", name="default", config={feature: False})
        assert feature in message and "default" in message


def test_c4_a_project_goes_with_its_cached_images(api, remote: ImageServer) -> None:
    source = {"type": "image", "mode": "pull", "server": remote.url, "protocol": "simplestreams", "alias": ALIAS}
    for name in ("by-module", "by-stack"):
        definition = {
            "projects": [{"name": name}],
            "profiles": [{"name": "default", "project": name, "devices": ROOT}],
            "instances": [{"name": "c1", "project": name, "source": source, "state": "present"}],
        }
        api.run("stack", name=name, definition=definition)
        [cached] = api.query(f"/1.0/images?recursion=1&project={name}")
        assert cached["cached"] is True
        words = f"delete cached image {remote.fingerprint[:12]} of project {name}"
        if name == "by-module":
            message = api.fails("project", name=name, state="absent")
            assert "instance c1" in message and "image" not in message
            api.run("instance", name="c1", project=name, state="absent")
            done = api.converges("project", name=name, state="absent")
            assert (
                done["actions"] == [words, f"delete project {name}"]
                and remote.fingerprint[:12] in done["diff"]["before"]
            )
        else:
            predicted = api.run("stack", check=True, name=name, state="absent", definition=definition)
            done = api.run("stack", name=name, state="absent", definition=definition)
            assert predicted["actions"] == done["actions"] and words in done["actions"]
            assert predicted["plan_text"] == done["plan_text"] and words in done["plan_text"]
        assert name not in [project["name"] for project in api.query("/1.0/projects?recursion=1")]


def _refused(api, module: str, words: list[str], **arguments: Any) -> None:  # type: ignore[no-untyped-def]
    message = api.fails(module, **arguments)
    assert [word for word in words if word not in message] == [], message


def test_c4_what_is_in_use_is_refused_by_the_plan(api) -> None:
    """Each kind as its daemon refuses it: of all that has users the rename of a profile alone is let through."""
    api.run("project", name="lab", config={"features.images": False})
    api.run("storage_pool", name="used", driver="dir")
    api.run("network", name="usedbr0", config={"ipv4.address": "none", "ipv6.address": "none"})
    root = {"root": {"type": "disk", "path": "/", "pool": "used"}}
    api.run("profile", name="used", devices={**root, "eth0": {"type": "nic", "network": "usedbr0"}})
    api.run("profile", name="default", project="lab", devices=root)
    api.run("instance", name="c1", profiles=["used"], **EMPTY)
    api.run("instance", name="c2", project="lab", **EMPTY)
    everything = ["instances c1, c2 (project lab)", "profiles default (project lab), used"]
    _refused(
        api,
        "storage_pool",
        ["name: storage_pool 'used'", "cannot be deleted", *everything],
        name="used",
        state="absent",
    )
    _refused(api, "storage_pool", ["cannot be deleted", *everything], name="used", driver="btrfs", recreate=True)
    network = ["network 'usedbr0'", "instance c1", "profile used", "usedbr0"]
    _refused(api, "network", ["cannot be deleted", *network], name="usedbr0", state="absent")
    _refused(api, "network", ["cannot be renamed", *network], name="usedbr0", new_name="otherbr0")
    _refused(
        api,
        "network",
        ["cannot be deleted", *network],
        name="usedbr0",
        type="macvlan",
        config={"parent": "lo"},
        recreate=True,
    )
    _refused(api, "profile", ["profile 'used'", "cannot be deleted", "instance c1"], name="used", state="absent")
    _refused(api, "project", ["project 'lab'", "cannot be deleted", "instance c2"], name="lab", state="absent")
    _refused(api, "project", ["project 'lab'", "cannot be renamed", "instance c2"], name="lab", new_name="labs")
    _refused(api, "project", ["features.profiles", "instance c2"], name="lab", config={"features.profiles": False})
    for module, name in (("project", "default"), ("profile", "default")):
        _refused(api, module, [f"name: the {module} 'default'", "cannot be deleted"], name=name, state="absent")
        _refused(api, module, [f"name: the {module} 'default'", "cannot be renamed"], name=name, new_name="other")
    api.converges("profile", name="used", new_name="renamed")

    # what the daemons let through
    api.run("instance_snapshot", instance="c1", name="s1")
    api.converges("instance", name="c1", new_name="c3", state="stopped")
    api.converges("instance", name="c3", state="absent")
    api.converges("profile", name="renamed", state="absent")
    api.converges("network", name="usedbr0", new_name="otherbr0")
    api.converges("network", name="otherbr0", state="absent")
    api.converges("instance", name="c2", project="lab", state="absent")
    api.converges("project", name="lab", new_name="labs")
    api.converges("project", name="labs", state="absent")
    api.converges("storage_pool", name="used", state="absent")


def test_c4_volumes_keep_their_project(api) -> None:
    """LXD 5.0 looks no further than at the profiles of a project, deletes it, and forgets its volumes."""
    api.run("project", name="vols")
    volume = "/1.0/storage-pools/default/volumes/custom"
    api.query(f"{volume}?project=vols", "POST", {"name": "v1"})
    _refused(
        api, "project", ["volume default/custom/v1 (project vols)", "cannot be deleted"], name="vols", state="absent"
    )
    _refused(
        api, "project", ["volume default/custom/v1 (project vols)", "cannot be renamed"], name="vols", new_name="other"
    )
    api.query(f"{volume}/v1?project=vols", "DELETE")
    api.converges("project", name="vols", state="absent")


def test_c4_images_are_in_nobodys_way(api, tiny: pathlib.Path) -> None:
    """Those in a pool go with it, and one that an instance was made from goes alone."""
    api.run("image", name="gone", file=str(tiny))
    api.run("instance", name="c2", image="gone", state="present")
    api.converges("image", name="gone", state="absent")
    api.run("storage_pool", name="imaged", driver="btrfs", config={"size": "1GiB"})
    api.run("instance", name="c1", image="busybox", pool="imaged", state="present")
    api.run("instance", name="c1", state="absent")
    assert "/images/" in str(api.query("/1.0/storage-pools/imaged")["used_by"])
    api.converges("storage_pool", name="imaged", state="absent")


def _document() -> dict[str, Any]:
    return {
        "networks": [{"name": "c4br0", "config": {"ipv4.address": "none", "ipv6.address": "none"}}],
        "storage_pools": [{"name": "c4pool", "driver": "dir"}],
        "profiles": [
            {
                "name": "c4",
                "devices": {
                    "root": {"type": "disk", "path": "/", "pool": "c4pool"},
                    "eth0": {"type": "nic", "network": "c4br0"},
                },
            }
        ],
        "instances": [{"name": "c4i", "profiles": ["c4"], **EMPTY}],
    }


def test_c4_a_stack_tells_who_uses_what_it_would_delete(api) -> None:
    """Foreign users are named by the plan; users that the same plan deletes or changes are none."""
    api.run("stack", name="c4", definition=_document())
    api.run(
        "instance", name="foreign", profiles=["default"], devices={"eth0": {"type": "nic", "network": "c4br0"}}, **EMPTY
    )
    for arguments in ({"state": "absent", "definition": _document()}, {"prune": True, "definition": {}}):
        message = api.fails("stack", name="c4", **arguments)
        assert message.startswith("network c4br0") and "instance foreign" in message and "c4i" not in message, message
    # one that is to be used by what the document has
    pruned = {key: value for key, value in _document().items() if key != "networks"}
    message = api.fails("stack", name="c4", prune=True, definition=pruned)
    assert "network c4br0" in message and "profile c4" in message and "foreign" in message, message
    api.run("instance", name="foreign", state="absent")

    # the profile lets go of the network, and so the instance does too, which nothing else happens to
    pruned["profiles"] = [
        {"name": "c4", "devices": {"root": {"type": "disk", "path": "/", "pool": "c4pool"}, "eth0": None}}
    ]
    predicted = api.run("stack", check=True, name="c4", prune=True, definition=pruned)
    done = api.run("stack", name="c4", prune=True, definition=pruned)
    assert (
        [row["action"] for row in predicted["plan"]] == [row["action"] for row in done["plan"]] == ["update", "delete"]
    )
    done = api.run("stack", name="c4", state="absent", definition=pruned)
    assert done["summary"].startswith("0 to create, 0 to update, 0 to replace, 3 to delete")


def test_c4_making_anew_comes_after_those_who_let_go(api) -> None:
    definition = _document()
    api.run("stack", name="c4", definition=definition)
    anew = _document()
    anew["networks"][0].update(
        type="macvlan", config={"parent": "lo", "ipv4.address": None, "ipv6.address": None}, recreate=True
    )
    message = api.fails("stack", name="c4", definition=anew)
    assert message.startswith("networks[0] 'c4br0': ") and "instance c4i" in message and "profile c4" in message, (
        message
    )
    anew["profiles"][0]["devices"]["eth0"] = None
    done = api.run("stack", name="c4", definition=anew)
    assert sorted(row["action"] for row in done["plan"]) == ["replace", "update"]
    assert api.query("/1.0/networks/c4br0")["type"] == "macvlan"


def test_c4_the_daemons_refusal_counts_where_users_are_hidden(api) -> None:
    """A stale view: who begins to use it after it was read is told by the daemon, and the hint says what to do."""
    api.run("network", name="racebr0", config={"ipv4.address": "none", "ipv6.address": "none"})

    def use() -> None:
        api.query("/1.0/profiles", "POST", {"name": "late", "devices": {"eth0": {"type": "nic", "network": "racebr0"}}})

    from lab.proxy import Cut  # noqa: PLC0415

    api.proxy.cut = Cut("DELETE /1.0/networks/racebr0", use, "came")
    with pytest.raises(ModuleFailed, match="currently in use.*Remove what uses it first"):
        api.run("network", name="racebr0", state="absent")
