# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups, identities and cluster links of LXD: permissions in any spelling, and tokens that are shown once."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import Interrupted, InvalidInput, LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.tests.integration.conformance.access import CERTIFICATE
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of

TOKEN = {"client_name": "laptop", "fingerprint": "ab", "addresses": ["192.0.2.1:8443"], "secret": "hunter22"}
GROUPS = "/1.0/auth/groups"
TLS = "/1.0/auth/identities/tls"


class Offering(MemoryClient):
    """A server whose answers have tokens."""

    def write(self, method: str, path: str, body: Any = None, etag: str | None = None, **query: Any) -> Any:
        if path.endswith("/token"):
            self.writes.append(f"{method} {path} {json.dumps(body)}")
            return {"token": "t0"}
        shown = {key: value for key, value in (body or {}).items() if key != "token"}
        made = super().write(method, path, shown, etag)
        return dict(TOKEN) if method == "POST" else made


@pytest.fixture
def client(clock) -> Offering:  # type: ignore[no-untyped-def]
    memory = Memory()
    memory.objects["/1.0"]["api_extensions"] += [
        "access_management",
        "access_management_tls",
        "auth_bearer",
        "cluster_links",
    ]
    memory.put(f"{GROUPS}/shop", permissions=[], description="")
    return Offering(memory)


def run(client: MemoryClient, kind: str, **options: Any) -> Any:
    return converge(KINDS[kind](client, params_of(KINDS[kind], **options)))


def token_of(outcome: Any, kind: str) -> Any:
    return KINDS[kind].returned(outcome.result).get("token")


def test_permissions_are_the_same_in_any_order_and_spelling(client):
    permissions = [
        {"entity_type": "instance", "url": "/1.0/instances/web1", "entitlement": "can_exec"},
        {"entity_type": "instance", "url": "/1.0/instances/db?project=my+shop", "entitlement": "can_view"},
    ]
    assert run(client, "auth_group", name="shop", permissions=permissions).changed
    there = client.memory.objects[f"{GROUPS}/shop"]
    there["permissions"] = [
        {**permissions[1], "url": "/1.0/instances/db?project=my%20shop"},
        {**permissions[0], "url": "/1.0/instances/web1?project=default"},
    ]
    assert not run(client, "auth_group", name="shop", permissions=permissions).changed
    assert run(client, "auth_group", name="shop", permissions=permissions[:1]).changed
    assert there["permissions"] == [{**permissions[0], "url": "/1.0/instances/web1?project=default"}]


def test_what_permissions_name_comes_first():
    urls = {
        "server": "/1.0",
        "instance": "/1.0/instances/web%2F1?project=shop",
        "storage_volume": "/1.0/storage-pools/fast/volumes/custom/data",
        "instance_snapshot": "/1.0/instances/a/snapshots/b",
    }
    given = [{"entity_type": kind, "url": url, "entitlement": "can_view"} for kind, url in urls.items()]
    assert KINDS["auth_group"].references({"permissions": given}) == [
        ("server", "", "default"),
        ("instance", "web/1", "shop"),
        ("storage_volume", "fast/data", "default"),
        ("instance_snapshot", "a/b", "default"),
    ]


@pytest.mark.parametrize(
    ("kind", "options"),
    [("identity", {"token": True, "groups": ["shop"]}), ("cluster_link", {"auth_groups": ["shop"]})],
)
def test_a_token_is_returned_once(client, kind, options):
    made = run(client, kind, name="laptop", **options)
    assert json.loads(base64.b64decode(token_of(made, kind))) == TOKEN
    assert "hunter22" not in "".join(made.actions) + json.dumps(made.after)
    again = run(client, kind, name="laptop", **options)
    assert not again.changed and "token" not in again.result


def test_a_token_that_was_lost_is_an_error(client):
    client.trouble, client.after_trouble = [Interrupted("the connection broke")], True
    with pytest.raises(LXDError, match="identity 'laptop' .* was lost.* state: absent"):
        run(client, "identity", name="laptop", token=True)
    assert client.writes == [f"POST {TLS}"]


def test_a_certificate_is_compared_as_what_it_is(client):
    run(client, "identity", name="laptop", certificate=CERTIFICATE)
    there = client.memory.objects[f"{TLS}/laptop"]
    there["tls_certificate"] = there.pop("certificate")
    assert there["tls_certificate"].startswith("-----BEGIN CERTIFICATE-----")
    bare = "".join(CERTIFICATE.splitlines()[1:-1])
    assert not run(client, "identity", name="laptop", certificate=bare).changed


def test_a_bearer_gets_a_token_only_when_it_is_asked_for(client):
    bearer = {"name": "reports", "authentication_method": "bearer"}
    made = run(client, "identity", **bearer)
    assert made.actions == ["create identity reports"] and "token" not in made.result
    issued = run(client, "identity", **bearer, state="token_issued", expiry="30d")
    assert issued.actions == ["issue a token for identity reports"] and token_of(issued, "identity") == "t0"
    assert client.writes[1:] == ['POST /1.0/auth/identities/bearer/reports/token {"expiry": "30d"}']
    assert not run(client, "identity", **bearer).changed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"authentication_method": "oidc"}, "name: there is no identity 'a' of OIDC"),
        ({}, "certificate: identity 'a' does not exist yet"),
        ({"token": True, "certificate": CERTIFICATE}, "certificate: identity 'a' does not exist yet"),
        ({"authentication_method": "oidc", "certificate": CERTIFICATE}, "certificate: it is for .*: tls, .* oidc"),
        ({"expiry": "1d", "token": True}, "expiry: it is for authentication_method: bearer"),
        ({"state": "token_issued"}, "state: token_issued is for authentication_method: bearer"),
        ({"token": True, "groups": ["shap"]}, "groups: there is no 'shap' .* Did you mean 'shop'?"),
    ],
)
def test_what_identities_refuse(client, options, words):
    with pytest.raises(InvalidInput, match=words):
        run(client, "identity", name="a", **options)
    assert client.writes == []
