# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collections as a client reads them: whole objects, names, and none."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError, ServerError
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import error, sync

ODD = "answered GET {} with something that is not the LXD API"


def test_objects_of_a_collection(server, client):
    server.on("GET /1.0/profiles", sync([{"name": "a"}]), sync(None), sync({"running": []}))
    assert client.find("/1.0/profiles", recursion=1).metadata == [{"name": "a"}]
    assert client.find("/1.0/profiles", recursion=1).metadata is None, "some servers say this of nothing"
    assert client.find("/1.0/profiles", recursion=1).metadata == {"running": []}, "operations are by their status"


def test_a_listing_of_anything_else_is_not_the_api(server, client):
    server.on("GET /1.0/profiles", sync(["/1.0/profiles/a"]), sync([{"name": "a"}]))
    with pytest.raises(LXDError, match=ODD.format("/1.0/profiles")):
        client.find("/1.0/profiles", recursion=1)
    with pytest.raises(LXDError, match=ODD.format("/1.0/profiles")):
        client.find("/1.0/profiles")


def test_names_in_a_collection_that_is_not_there_are_none(server, client):
    server.on("GET /1.0/profiles", sync(["/1.0/profiles/a%20b"]), error(404, "Not Found"), error(403, "no"))
    assert client.names("/1.0/profiles") == ["a b"]
    assert client.names("/1.0/profiles") == []
    with pytest.raises(ServerError) as caught:
        client.names("/1.0/profiles")
    assert caught.value.code == 403


def test_a_server_that_is_none_is_told_with_the_path(server, client):
    server.on("GET /1.0", sync([]))
    with pytest.raises(LXDError, match=ODD.format("/1.0")):
        _ = client.server
