# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PATCH is sent to the server itself, and for the keys of members, and to nothing else.

For ACLs, zones, forwards and address sets the servers empty what a PATCH leaves out, and one without `config` makes
some of them close the connection.
"""

from __future__ import annotations

import ast
import pathlib

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

ROOT = pathlib.Path(__file__).resolve().parents[3]


def patches(source):
    """The calls that send PATCH: what they send it to, and whether they name a member."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == "PATCH":
            call = next(
                found for found in ast.walk(tree) if isinstance(found, ast.Call) and node in found.args
            )  # a method that is no literal argument cannot be judged: StopIteration
            yield ast.get_source_segment(source, call.args[1]), "target" in [keyword.arg for keyword in call.keywords]


def test_where_patch_is_sent():
    found = {
        (path.name, *patch)
        for path in (ROOT / "plugins").rglob("*.py")
        if path.name != "api_request.py"  # whoever writes the task chooses its method
        for patch in patches(path.read_text(encoding="utf-8"))
    }
    assert KINDS["server"].path == "/1.0"
    assert {place for place in found if place[1:] != ('"/1.0"', False)} == {
        ("_members.py", "self.url()", True),
        ("server.py", "self.path", False),
    }


def test_a_patch_is_found():
    source = 'client.write("PATCH", f"{path}/x", {}, **query)\nclient.write("PUT", path, {})'
    assert list(patches(source)) == [('f"{path}/x"', False)]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("auth_group", {"permissions": []}),
        ("cluster_link", {"config": {}}),
        ("network_acl", {"ingress": [], "egress": [], "config": {}}),
        ("network_address_set", {"addresses": [], "config": {}}),
        ("network_forward", {"ports": [], "config": {}}),
        ("network_integration", {"config": {}}),
        ("network_load_balancer", {"backends": [], "ports": [], "config": {}}),
        ("network_peer", {"config": {}}),
        ("network_zone", {"config": {}}),
        ("network_zone_record", {"entries": [], "config": {}}),
    ],
)
def test_an_update_has_every_field(clock, kind, written):
    """What a PUT leaves out is emptied, or closes the connection; null may be read as such."""
    kind, memory, sent = KINDS[kind], Memory(), []
    memory.objects["/1.0"]["api_extensions"] += [kind.extension]
    given = {kind.named_by: "192.0.2.1", **dict.fromkeys(kind.parents(), "n1")}
    collection = kind.path.format_map(given)
    memory.objects[f"{collection}/192.0.2.1"] = {kind.key: "192.0.2.1", "description": "", **dict.fromkeys(written)}
    handle = memory.handle

    def handled(method, path, body=None, etag=None):
        sent.append((method, body)) if method != "GET" else None
        return handle(method, path, body, etag)

    memory.handle = handled
    converge(kind(MemoryClient(memory), params_of(kind, **given, description="x")))
    assert sent == [("PUT", {kind.key: "192.0.2.1", "description": "x", **written})]
