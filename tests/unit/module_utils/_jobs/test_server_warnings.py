# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which warnings are meant, and what is written of them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.server_warnings import Warnings
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import DROP, sync

pytestmark = pytest.mark.usefixtures("clock")
GIVEN = {"uuid": None, "type": None, "entity_url": None, "location": None, "project": None, "state": "acknowledged"}
BRIDGE = "/1.0/networks/lxdbr0"


def warning(uuid, status="new", about="", location="m1", project="", sort="Unreachable"):
    return {
        "uuid": uuid,
        "status": status,
        "entity_url": about,
        "location": location,
        "project": project,
        "type": sort,
        "first_seen_at": "2026-01-01T00:00:00Z",
    }


LISTED = [
    warning("u1", about=f"{BRIDGE}?project=default", project="default"),
    warning("u2", about=f"{BRIDGE}?project=shop", project="shop", location="m2"),
    warning("u3", status="acknowledged", about=BRIDGE),
    warning("u4", status="resolved", about=BRIDGE),
    warning("u5", sort="No AppArmor"),
]


def run(client, check=False, **params):
    return Warnings.run(client, {**GIVEN, **params}, check)


@pytest.fixture
def listing(server):
    server.on("GET /1.0/warnings", sync(LISTED))
    return server


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"type": "Unreachable"}, ["u1", "u2"]),
        ({"type": "unreachable"}, []),
        ({"type": "Unreachable", "location": "m2"}, ["u2"]),
        ({"type": "Unreachable", "project": "shop"}, ["u2"]),
        ({"entity_url": BRIDGE}, ["u1", "u2"]),
        ({"entity_url": f"{BRIDGE}?project=shop"}, ["u2"]),
        ({"uuid": "u5"}, ["u5"]),
        ({"uuid": "gone"}, []),
        ({"entity_url": BRIDGE, "state": "new"}, ["u3"]),
        ({"entity_url": BRIDGE, "state": "absent"}, ["u1", "u2", "u3", "u4"]),
    ],
)
def test_which_are_meant(listing, client, given, changed):
    predicted = run(client, check=True, **given)
    assert (predicted["changed"], len(predicted["actions"])) == (bool(changed), len(changed))
    assert listing.lines == ["GET /1.0/warnings"]
    method = "DELETE" if given.get("state") == "absent" else "PUT"
    for uuid in changed:
        listing.on(f"{method} /1.0/warnings/{uuid}", sync(None))
    done = run(client, **given)
    assert {key: done[key] for key in ("changed", "actions", "diff")} == {
        key: predicted[key] for key in ("changed", "actions", "diff")
    }
    writes = [request for request in listing.requests if request.method != "GET"]
    assert [request.path.rpartition("/")[2] for request in writes] == changed
    if method == "PUT":
        assert all(request.data == {"status": given.get("state", "acknowledged")} for request in writes)


def test_what_is_shown_of_it(listing, client):
    predicted = run(client, check=True, uuid="u2")
    assert predicted["actions"] == [f"acknowledge warning Unreachable ({BRIDGE}?project=shop) (m2)"]
    assert predicted["resources"] == [{**LISTED[1], "status": "acknowledged"}]
    assert "new" in predicted["diff"]["before"] and "acknowledged" in predicted["diff"]["after"]
    assert run(client, check=True, uuid="u2", state="absent")["resources"] == []


def test_none_is_named(listing, client):
    with pytest.raises(InvalidInput, match="uuid, type, entity_url: one of them is needed"):
        run(client, location="m1")
    assert listing.requests == []


def test_a_lost_answer_is_looked_after(listing, client):
    listing.on("PUT /1.0/warnings/u5", DROP, sync(None))
    listing.on("GET /1.0/warnings/u5", sync(LISTED[4]))
    assert run(client, uuid="u5")["changed"] is True
    assert listing.lines.count("PUT /1.0/warnings/u5") == 2
