# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a stack of every kind on real daemons: made, edited, pruned, killed half-way, exported, taken away
without a trace.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import itertools
import pathlib
import threading
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from integration.conformance import TABLE
from integration.modules import ModuleFailed
from integration.stacks import document, everything, foreign, resources
from lab.forks import Task

MARK = "user.cloudhost.stack"
SEEN = ("changed", "actions", "plan", "summary", "plan_text", "diff")


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
    assert (again["changed"], again["plan"], again["diff"]["before"], again["diff"]["after"]) == (False, [], "", ""), (
        again["plan_text"]
    )
    assert api.proxy.writes == []
    return list(api.proxy.requests)


def rows(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(row["action"], row["kind"], row["name"]) for row in result["plan"]]


def test_a_life_without_a_trace(shop, tiny: pathlib.Path) -> None:
    before = everything(shop)
    definition = document(tiny)
    assert resources(definition) == 64
    # test_conformance.py exports all of these, applies that, and makes them again from it
    elsewhere = {KINDS[kind].plural() for kind in TABLE}
    elsewhere |= {"network_load_balancers", "network_peers"}  # these need OVN: test_cluster_remote.py
    assert {kind.plural() for kind in KINDS.values() if kind.stackable} - set(definition) <= elsewhere, (
        "a kind is not in this test"
    )

    made = converges(shop, name="shop", definition=definition)
    assert "hunter22" not in str(made)
    assert made["summary"] == "62 to create, 2 to update, 0 to replace, 0 to delete, 0 unchanged"
    assert shop.query("/1.0/instances/shop-e3")["config"][MARK] == "shop"
    assert foreign(everything(shop)) == foreign(before)

    quiet = {
        **definition,
        "instances": [
            {key: value for key, value in entry.items() if key != "wait_for"} for entry in definition["instances"]
        ],
    }
    asked = unchanged(shop, name="shop", definition=quiet)
    parents = {f"{entry.get('project')}/{entry['instance']}" for entry in definition["instance_snapshots"]}
    # the server, projects, pools, networks, images, aliases; profiles in two projects, instances in three; ACLs, zones,
    # and what is in a network and a zone
    assert len(asked) <= 6 + 2 + 3 + 4 + len(parents), asked
    assert len([request for request in asked if "/snapshots" not in request]) <= 15

    edited = copy.deepcopy(definition)
    edited["profiles"][1]["config"] = {"limits.cpu": 2, "boot.autostart": False}
    edited["networks"][2]["config"]["ipv4.nat"] = True
    edited["instances"][4]["description"] = "edited"
    edited["instances"].append(
        {"name": "shop-new", "project": "shop-own", "source": {"type": "none"}, "state": "stopped"}
    )
    done = converges(shop, name="shop", definition=edited)
    assert sorted(rows(done)) == [
        ("create", "instance", "shop-new"),
        ("update", "instance", "shop-e1"),
        ("update", "network", "shopbr2"),
        ("update", "profile", "shop-0"),
    ]

    less = copy.deepcopy(edited)
    less["instances"] = [
        entry for entry in edited["instances"] if entry.get("project") != "shop-shared" and entry["name"] != "shop-tiny"
    ]
    less["projects"] = edited["projects"][:1]
    less["networks"] = edited["networks"][:2]
    del less["images"], less["image_aliases"]
    pruned = converges(shop, name="shop", definition=less, prune=True)
    fingerprint = hashlib.sha256(tiny.read_bytes()).hexdigest()
    gone = {("instance", f"shop-s{number}") for number in range(6)} | {
        ("instance", "shop-tiny"),
        ("project", "shop-shared"),
        ("network", "shopbr2"),
    }
    assert {row[1:] for row in rows(pruned)} == gone | {("image", fingerprint)} and {
        row[0] for row in rows(pruned)
    } == {"delete"}
    assert foreign(everything(shop)) == foreign(before)

    taken = converges(shop, name="shop", state="absent", force=True, definition=less)
    assert {row[0] for row in rows(taken)} == {"delete", "update"}
    assert everything(shop) == before


@pytest.mark.parametrize("writes", [1, 7, 18, 33, 52])
def test_a_killed_run_is_finished_by_the_next(shop, tiny: pathlib.Path, writes: int) -> None:
    before = everything(shop)
    definition = document(tiny)
    arguments = {"name": "shop", "definition": definition, "url": shop.proxy.url, "timeout": 120}
    begun = threading.Event()

    @contextlib.contextmanager
    def around(request: str) -> Iterator[None]:
        """The daemon gets the last write of a process that is no more."""
        if not request.startswith("GET ") and next(number) == writes:
            begun.wait()
            task.kill()
        yield

    number = itertools.count(1)
    shop.proxy.around = around
    task = Task("stack", arguments)
    begun.set()
    assert task.communicate(60)[0] == "", "it ended by itself, so this proves nothing"
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
    daemon.cli(
        "profile", "device", "add", "default", "root", "disk", "path=/", "pool=default", "--project", "shop-hand"
    )
    daemon.cli("profile", "create", "shop-hand")
    daemon.cli("profile", "set", "shop-hand", "user.text=line one\nline two")
    daemon.cli("storage", "create", "shop-hand", "dir")
    daemon.cli("network", "create", "shophand", "ipv6.address=none")
    daemon.cli(
        "init",
        "shop-hand",
        "--empty",
        "--project",
        "shop-hand",
        "-c",
        "limits.memory=1073741824",
        "-c",
        "user.token=s3cr3t-t0ken",
    )
    daemon.cli(
        "init", "debian/12", "shop-hand2", "-p", "default", "-p", "shop-hand", "-d", "root,size=3GiB", "-s", "shop-hand"
    )
    daemon.cli("snapshot", *(["create"] if shop.kind == "incus" else []), "shop-hand", "one", "--project", "shop-hand")
    exported = shop.run("stack_export")
    definition = exported["definition"]
    assert exported["left_out"] == [
        "instance shop-hand (project shop-hand): config.user.token"
    ] and "s3cr3t" not in str(exported)
    assert {entry["name"] for entry in definition["networks"]} == {"lxdbr0", "shophand"}
    hand2 = next(entry for entry in definition["instances"] if entry["name"] == "shop-hand2")
    assert (hand2["image"], hand2["profiles"], hand2["state"]) == ("debian/12", ["default", "shop-hand"], "stopped")
    assert "instance_snapshots" not in definition and MARK not in str(definition)
    plan = shop.run("stack", check=True, definition=definition)
    assert (plan["changed"], plan["plan_text"].splitlines()[-1]) == (False, plan["summary"]), plan["plan_text"]
    unchanged(shop, definition=yaml.safe_load(yaml.safe_dump(definition)))
    exact = shop.run("stack", check=True, definition=definition, exact=True)
    assert (exact["changed"], exact["unmanaged"]) == (False, []), exact["plan_text"]
    snapshots = shop.run("stack_export", kinds=["instance_snapshot"], projects=["shop-hand"])["definition"]
    assert snapshots == {"instance_snapshots": [{"instance": "shop-hand", "name": "one", "project": "shop-hand"}]}
    unchanged(shop, definition=snapshots)
    # and from nothing: what was exported makes what was there
    made = {
        **definition,
        "instances": [entry for entry in definition["instances"] if entry["name"].startswith("shop-hand")],
    }
    for name, *project in (("shop-hand2",), ("shop-hand", "--project", "shop-hand")):
        daemon.cli("delete", name, *project)
    daemon.cli("profile", "delete", "shop-hand")
    daemon.cli("network", "delete", "shophand")
    assert "4 to create" in shop.run("stack", definition=made)["summary"]
    again = shop.run("stack_export")["definition"]
    assert again == definition
    for command in (
        ("delete", "shop-hand2"),
        ("delete", "shop-hand", "--project", "shop-hand"),
        ("project", "delete", "shop-hand"),
        ("profile", "delete", "shop-hand"),
        ("storage", "delete", "shop-hand"),
        ("network", "delete", "shophand"),
    ):
        daemon.cli(*command)
    assert everything(shop) == before


def refused(shop, **arguments: Any) -> str:  # type: ignore[no-untyped-def]
    """The error of a stack, alike in check mode and for real, with nothing written."""
    return shop.fails("stack", **arguments)


def test_what_others_own_is_left_alone(shop, image_files: dict[str, str]) -> None:
    theirs = {
        "instances": [
            {"name": "next-door", "source": {"type": "none"}, "config": {"limits.cpu": 1}, "state": "stopped"}
        ]
    }
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
    assert shop.query("/1.0/profiles/foreign")["config"] == {
        "limits.cpu": "4",
        MARK: "shop",
        "user.cloudhost.bearer": "profile/default/foreign",
    }
    assert rows(converges(shop, name="shop", definition={}, prune=True)) == [("delete", "profile", "foreign")]


def test_an_error_stops_only_what_depends_on_it(shop) -> None:
    root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    definition = {
        "profiles": [
            {"name": "shop-bad", "config": {"no.such.key": 1}, "devices": root},
            {"name": "shop-good", "devices": root},
        ],
        "instances": [
            {"name": f"shop-{name}", "source": {"type": "none"}, "profiles": [f"shop-{name}"], "state": "stopped"}
            for name in ("bad", "good")
        ],
        "instance_snapshots": [{"instance": f"shop-{name}", "name": "s"} for name in ("bad", "good")],
    }
    with pytest.raises(ModuleFailed) as caught:
        shop.run("stack", name="shop", definition=definition)
    result = caught.value.result
    assert [row["name"] for row in result["failed_resources"]] == ["shop-bad"] and "no.such.key" in result[
        "failed_resources"
    ][0]["msg"]
    assert {(row["name"], row["because"]) for row in result["skipped_resources"]} == {
        (name, "profile shop-bad failed") for name in ("shop-bad", "shop-bad/s")
    }
    assert {row["name"] for row in result["done"]} == {"shop-good", "shop-good/s"}
    definition["profiles"][0]["config"] = {}
    assert len(rows(converges(shop, name="shop", definition=definition))) == 3


def test_what_is_pruned_comes_last_and_not_where_its_user_failed(shop) -> None:
    root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    user = {"name": "shop-user", "source": {"type": "none"}, "state": "stopped"}
    before = {
        "profiles": [{"name": f"shop-{name}", "devices": root} for name in ("old", "gone")],
        "instances": [{**user, "profiles": ["shop-old"]}],
    }
    shop.run("stack", name="shop", definition=before)
    after = {
        "profiles": [{"name": "shop-new"}],
        "instances": [{**user, "profiles": ["default"], "config": {"no.such.key": 1}}],
    }
    deleting, early = threading.Event(), []

    @contextlib.contextmanager
    def around(request: str) -> Iterator[None]:
        """A creation that takes long, so that a deletion which does not wait for it comes before its end."""
        if request.startswith("DELETE "):
            deleting.set()
        elif request.startswith("POST "):
            early.append(deleting.wait(0.5))
        yield

    shop.proxy.around = around
    shop.proxy.forget()
    with pytest.raises(ModuleFailed) as caught:
        shop.run("stack", name="shop", definition=after, prune=True)
    result = caught.value.result
    assert [row["name"] for row in result["failed_resources"]] == ["shop-user"]
    assert [(row["name"], row["because"]) for row in result["skipped_resources"]] == [
        ("shop-old", "instance shop-user failed")
    ]
    assert {row["name"] for row in result["done"]} == {"shop-new", "shop-gone"}
    assert early == [False], "a deletion did not wait for the rest"
    assert _deletions(shop.proxy.writes) == ["DELETE /1.0/profiles/shop-gone"]
    after["instances"][0]["config"] = {}
    shop.proxy.forget()
    assert rows(shop.run("stack", name="shop", definition=after, prune=True)) == [
        ("update", "instance", "shop-user"),
        ("delete", "profile", "shop-old"),
    ]
    assert _deletions(shop.proxy.writes) == ["DELETE /1.0/profiles/shop-old"]
    unchanged(shop, name="shop", definition=after, prune=True)


def _deletions(writes: list[str]) -> list[str]:
    """From the first deletion on."""
    first = next(number for number, request in enumerate(writes) if request.startswith("DELETE "))
    assert first > 0
    return [request.split("?")[0] for request in writes[first:]]
