# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user IDs of isolated containers: a stack that makes several gives each its own, and the audit finds and repairs
those that the server gave to two.
"""

from __future__ import annotations

import json
from typing import Any

from integration.conftest import Server

ISOLATED = {"security.idmap.isolated": True}


def ids(server: Server, name: str, project: str = "default") -> tuple[int, int]:
    """The first user ID on the host that a container gets at its next start, and the one after the last."""
    config = server.query(f"/1.0/instances/{name}?project={project}")["config"]
    (one,) = (entry for entry in json.loads(config["volatile.idmap.next"]) if entry["Isuid"])
    return one["Hostid"], one["Hostid"] + one["Maprange"]


def test_a_stack_makes_several(api: Server) -> None:
    """The servers give the same to two that are made at once. The key is in a profile, as in a project of tenants."""
    names = [f"own{number}" for number in range(6)]
    empty: dict[str, Any] = {"source": {"type": "none"}, "state": "stopped"}
    definition: dict[str, Any] = {
        "profiles": [{"name": "isolated", "config": ISOLATED}],
        "instances": [
            {"name": "plain", **empty},
            *({"name": name, **empty, "profiles": ["default", "isolated"]} for name in names),
        ],
    }
    api.run("stack", name="own", definition=definition, parallel=6)
    found = sorted(ids(api, name) for name in names)
    assert all(one[1] <= other[0] for one, other in zip(found, found[1:])), found
    of_host = ids(api, "plain")
    assert of_host[0] < found[0][0] and found[-1][1] <= of_host[1], (of_host, found)


def test_the_audit_finds_and_repairs_the_same_ids(api: Server) -> None:
    """One of them keeps its own. The other one has what is free, after the task that the audit names."""
    empty: dict[str, Any] = {"source": {"type": "none"}, "state": "stopped"}
    for name in ("same1", "same2"):
        api.run("instance", name=name, config={**ISOLATED, "security.idmap.base": 300000}, **empty)
    found = _overlaps(api)
    assert set(found) == {"same1", "same2"} and found["same1"]["remedy"] == []
    assert "from 300000, are also those of same1 of the project default" in found["same2"]["text"]
    ((module, options),) = (item for task in found["same2"]["remedy"] for item in task.items() if item[0] != "name")
    assert api.run(module.rpartition(".")[2], **options)["changed"]
    assert not _overlaps(api) and ids(api, "same1")[0] == 300000 and ids(api, "same2")[0] == 365536


def test_of_one_name_in_two_projects(api: Server) -> None:
    """LXD does not count the other one, so both have the same. Incus counts it."""
    empty: dict[str, Any] = {"source": {"type": "none"}, "state": "stopped", "config": ISOLATED}
    api.run("project", name="blue", config={"features.profiles": False, "features.images": False})
    try:
        api.run("instance", name="twin", **empty)
        api.run("instance", name="twin", project="blue", **empty)
        same = ids(api, "twin") == ids(api, "twin", "blue")
        assert same == (api.daemon.kind == "lxd") == bool(_overlaps(api))
    finally:
        api.run("instance", name="twin", project="blue", state="absent")
        api.run("project", name="blue", state="absent")


def _overlaps(api: Server) -> dict[str, Any]:
    findings = api.run("security_audit_info")["findings"]
    return {one["name"]: one for one in findings if one["rule"] == "instance-idmap-overlap"}
