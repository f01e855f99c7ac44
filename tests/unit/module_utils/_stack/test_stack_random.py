# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents, servers and deaths that hypothesis makes up: a run converges from anywhere, and nothing foreign is
touched.
"""

from __future__ import annotations

import copy

from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import MARK
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.planner import StackOptions
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import run_stack
from ansible_collections.cloudhost.lxd.tests.unit.world import Killed, World, WorldClient
from hypothesis import given, settings
from hypothesis import strategies as st

configs = st.dictionaries(
    st.sampled_from(("user.a", "user.b", "boot.autostart")), st.sampled_from(("1", "0", "true")), max_size=2
)
words = st.sampled_from("abcd")


def some(choices, most=3):
    return st.lists(st.sampled_from(choices), unique=True, max_size=most) if choices else st.just([])


def add_instances(draw, document, known, here):
    """Instances in a project with some of the known profiles, and their snapshots."""
    for name in draw(some(("i0", "i1", "i2"))):
        entry = {
            "name": name,
            "source": {"type": "none"},
            "config": draw(configs),
            "state": draw(st.sampled_from(("started", "stopped", "present"))),
        }
        # `default` is written, because profiles that no entry writes are kept, and in use
        entry["profiles"] = ["default", *draw(some(known))]
        document["instances"].append({**entry, **here})
        for snapshot in draw(some(("s0", "s1"))):
            document["instance_snapshots"].append({"instance": name, "name": snapshot, **here})


@st.composite
def documents(draw):
    """A document that is right: what it refers to is in it. The order of its entries means nothing."""
    pools, networks = draw(some(("p0", "p1"))), draw(some(("n0", "n1")))
    projects = {name: {"features.profiles": draw(st.booleans())} for name in draw(some(("x", "y")))}
    document = {
        "storage_pools": [{"name": name, "driver": "dir", "config": draw(configs)} for name in pools],
        "networks": [{"name": name, "config": draw(configs)} for name in networks],
        "projects": [{"name": name, "config": config} for name, config in projects.items()],
        "profiles": [],
        "instances": [],
        "instance_snapshots": [],
    }
    for project in (None, *projects):
        own = project is None or projects[project]["features.profiles"]
        names = draw(some(("w0", "w1", "w2"))) if own else []
        devices = {
            **{
                f"d{pool}": {"type": "disk", "path": f"/{pool}", "pool": pool, "source": "/srv"}
                for pool in draw(some(pools))
            }
        }
        devices.update({f"e{network}": {"type": "nic", "network": network} for network in draw(some(networks))})
        default = [{"name": "default", "devices": devices}] if own and devices and draw(st.booleans()) else []
        for entry in [
            *default,
            *({"name": name, "config": draw(configs), "devices": devices, "purge_devices": True} for name in names),
        ]:
            document["profiles"].append({**entry, **({"project": project} if project else {})})
        shared = [entry["name"] for entry in document["profiles"] if "project" not in entry]
        known = names if own else [name for name in shared if name != "default"]
        add_instances(draw, document, known, {"project": project} if project else {})
    return {section: draw(st.permutations(entries)) for section, entries in document.items()}


@st.composite
def worlds(draw):
    """A server on which others have things already, some of another stack."""
    world = World()
    marks = st.sampled_from(({}, {MARK: "other"}, {MARK: "shop2"}))
    world.put("/1.0/projects/f", config={"features.profiles": "true", "user.f": "1"})
    world.put("/1.0/profiles/default", "f")
    for path in draw(
        some(("storage-pools/fp", "networks/fn", "profiles/fw", "profiles/fv", "instances/fi", "instances/fj"), 6)
    ):
        project = draw(st.sampled_from((None, "f")))
        world.put(f"/1.0/{path}", project, config={**draw(configs), **draw(marks)})
        if "instances" in path:
            world.put(f"/1.0/{path}/snapshots/s0", project)
    world.find("/1.0/profiles/default")["config"] = draw(configs)
    return world


def apply(world, document, **wish):
    return run_stack(
        WorldClient(world),
        KINDS,
        StackOptions(name="shop", **wish),
        [Document("", copy.deepcopy(document), {})],
        False,
        parallel=3,
    )


def die(world, document, life, **wish):
    """The same, killed after some writes; whether it was."""
    world.life = life
    try:
        apply(world, document, **wish)
    except Killed:
        return True
    finally:
        world.life = None
    return False


def taken_back(first, second):
    """What the first document wrote into profiles that the daemon made is not the stack's: a person takes it out in the
    second.
    """
    entries = {entry.get("project"): entry["devices"] for entry in second["profiles"] if entry["name"] == "default"}
    kept = {None, *(entry["name"] for entry in second["projects"] if entry["config"]["features.profiles"])}
    old = {
        entry.get("project"): entry["devices"]
        for entry in first["profiles"]
        if entry["name"] == "default" and entry.get("project") in kept
    }
    devices = {
        project: {**dict.fromkeys(old.get(project, {})), **entries.get(project, {})} for project in {*old, *entries}
    }
    rest = [entry for entry in second["profiles"] if entry["name"] != "default"]
    return {
        **second,
        "profiles": rest
        + [
            {"name": "default", "devices": value, **({"project": project} if project else {})}
            for project, value in devices.items()
        ],
    }


def foreign(world):
    """All that is not the stack's, but for what it may write in what the daemon made itself."""
    mine = {key for key, obj in world.objects.items() if (obj.get("config") or {}).get(MARK) == "shop"}
    inner = {
        key
        for key in world.objects
        if any(key[0] == project and key[1].startswith(f"{path}/") for project, path in mine)
    }
    inner |= {key for key in world.objects if ("", f"/1.0/projects/{key[0]}") in mine}
    return {
        key: copy.deepcopy(obj)
        for key, obj in world.objects.items()
        if key not in mine | inner and not key[1].endswith("/profiles/default")
    }


@given(worlds(), documents(), st.integers(0, 25), configs)
def test_an_exact_run_ends_where_a_run_from_nothing_ends_and_lists_the_rest(world, document, life, by_hand):
    others = foreign(world)
    die(world, document, life, exact=True)
    apply(world, document, exact=True)
    before = world.dump()
    mine = [obj for obj in world.objects.values() if obj.get("config", {}).get(MARK) == "shop"]
    for obj in mine if by_hand else ():
        obj["config"].update({f"user.by-hand.{key}": value for key, value in by_hand.items()})
        obj["description"] = "by hand"
    done = apply(world, document, exact=True)
    assert done["changed"] == bool(by_hand and mine)
    assert world.dump() == before and foreign(world) == others
    theirs = {obj["name"] for obj in others.values() if MARK not in obj.get("config", {})}
    assert {one["name"] for one in done["unmanaged"]} <= theirs


@settings(max_examples=settings.default.max_examples * 3 // 2)
@given(worlds(), documents(), documents(), st.integers(0, 25), st.integers(0, 25), st.integers(0, 25))
def test_a_killed_run_is_finished_by_the_next_and_nothing_foreign_is_touched(world, first, second, one, two, three):
    before, others = world.dump(), foreign(world)
    die(world, first, one)
    assert foreign(world) == others
    apply(world, first)
    assert apply(world, first, prune=True)["changed"] is False, (
        "what is in the document was pruned, or did not converge"
    )
    assert foreign(world) == others

    # projects cannot change their features while something is in them, on no daemon
    features = {entry["name"]: entry["config"] for entry in first["projects"]}
    if all(features.get(entry["name"], entry["config"]) == entry["config"] for entry in second["projects"]):
        second = taken_back(first, second)
        die(world, second, two, prune=True)
        assert foreign(world) == others
        apply(world, second, prune=True)
        assert apply(world, second, prune=True)["changed"] is False
        assert foreign(world) == others
        first = second
    die(world, first, three, absent=True, force=True)
    apply(world, first, absent=True, force=True)
    assert world.dump() == before
