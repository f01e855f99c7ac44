# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module security_audit_info reads, and that it reads no more."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, ServerError
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.security_audit import LIMITS, SecurityAuditInfo, read
from ansible_collections.cloudhost.lxd.tests.unit.audited import instance
from ansible_collections.cloudhost.lxd.tests.unit.audited import server as shown
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import error, sync

pytestmark = pytest.mark.usefixtures("clock")
GIVEN = {
    "project": None,
    "exceptions": [],
    "limits": LIMITS,
    "certificate_max_age": 730,
    "api_address": None,
    "end_of_life": {},
}
BOUND = {"restricted": "true", "limits.instances": "5"}
PROJECTS = [
    {"name": "default", "config": {"features.profiles": "true", "features.images": "true"}, "used_by": []},
    {"name": "own", "config": {**BOUND, "features.profiles": "true", "features.images": "true"}},
    {"name": "shared", "config": {**BOUND, "features.profiles": "false", "features.images": "false"}},
]


@pytest.fixture
def server_of(server):
    def of(extensions=(), members=()):
        facts = {**shown(server_clustered=bool(members)), "api_extensions": list(extensions)}
        server.on("GET /1.0", sync(facts))
        server.on("GET /1.0/projects", sync(PROJECTS))
        listed = [instance(), instance(name="hidden", project="secret")]
        server.on("GET /1.0/instances", sync(listed))
        server.on("GET /1.0/profiles", sync([{"name": "default", "config": {}, "devices": {}}]))
        server.on("GET /1.0/images", sync([]))
        server.on("GET /1.0/certificates", sync([]))
        server.on("GET /1.0/warnings", sync([]))
        server.on("GET /1.0/cluster/members", sync([{"server_name": name} for name in members]))
        return server

    return of


def test_one_request_a_collection(server_of, client):
    served = server_of(["profiles_all_projects", "images_all_projects"])
    found = SecurityAuditInfo.gather(client, GIVEN)
    assert len(served.lines) == 7 and len(set(served.lines)) == 7, served.lines
    assert [one["name"] for one in found["enforced"] if one["kind"] == "instance"] == ["web"], "of another project"


def test_a_server_without_the_extensions_is_asked_for_each_project_with_its_own(server_of, client):
    served = server_of()
    SecurityAuditInfo.gather(client, GIVEN)
    assert served.lines.count("GET /1.0/profiles") == served.lines.count("GET /1.0/images") == 2


def test_each_member_of_a_cluster_is_asked(server_of, client):
    served = server_of(["profiles_all_projects", "images_all_projects"], members=["a", "b"])
    assert read(client, None).members == ["a", "b"]
    assert served.lines.count("GET /1.0") == 3


def test_one_project(server_of, client):
    server_of()
    assert [one["name"] for one in read(client, "shared").projects] == ["shared"]
    with pytest.raises(InvalidInput, match="project: there is no 'none' on lxd"):
        read(client, "none")


def test_what_a_restricted_client_may_not_read(server_of, client):
    served = server_of()
    served.on("GET /1.0/certificates", error(403, "not authorized"))
    found = SecurityAuditInfo.gather(client, GIVEN)
    assert [(one["rule"], one["item"]) for one in found["findings"]] == [("server-audit-incomplete", "certificates")]
    served.on("GET /1.0/warnings", error(500, "broken"))
    with pytest.raises(ServerError):
        SecurityAuditInfo.gather(client, GIVEN)


@pytest.mark.parametrize("given", [{"lxd": {"5.0": "soon"}}, {"lxd": "soon"}])
def test_a_date_that_is_none(client, given):
    with pytest.raises(InvalidInput, match=r"end_of_life: lxd: .*'soon' is no date"):
        SecurityAuditInfo.gather(client, {**GIVEN, "end_of_life": given})
