# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a server trusts: entries of the trust store, and tokens with which clients get there."""

from __future__ import annotations

import base64
import datetime
import re
import ssl
import time
from typing import Any, Iterator

import pytest
from integration.tls import Identity, identity, listening

PORT = 18444


@pytest.fixture
def laptop(tmp_path) -> Identity:  # type: ignore[no-untyped-def]
    return identity(tmp_path, "laptop")


@pytest.fixture
def store(server) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    """A server whose trust store is empty before and after, and which has a project `shop` to limit clients to."""
    _clear(server)
    server.run("project", name="shop")
    yield server
    _clear(server)
    server.run("project", name="shop", state="absent")


def _clear(server) -> None:  # type: ignore[no-untyped-def]
    for entry in server.query("/1.0/certificates?recursion=1"):
        server.run("certificate", fingerprint=entry["fingerprint"], state="absent")


@pytest.fixture
def https(store) -> Iterator[dict[str, Any]]:  # type: ignore[no-untyped-def]
    with listening(store, PORT) as connection:
        yield connection


def _entry(server, who: Identity) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    return server.daemon.query(f"/1.0/certificates/{who.fingerprint}", check=False)


def test_a_certificate_from_nothing_to_nothing(store, laptop: Identity) -> None:  # type: ignore[no-untyped-def]
    done = store.converges("certificate", name="laptop", certificate=laptop.cert)
    assert done["certificate"] == _entry(store, laptop)
    assert (done["certificate"]["type"], done["certificate"]["restricted"]) == ("client", False)
    assert done["actions"] == ["create certificate laptop"]

    store.converges("certificate", certificate=laptop.pem, restricted=True, projects=["shop"])
    store.converges("certificate", fingerprint=laptop.fingerprint[:12].upper(), projects=["shop", "default"])
    store.unchanged("certificate", fingerprint=laptop.fingerprint, projects=["default", "shop"])
    store.converges("certificate", fingerprint=laptop.fingerprint, name="workstation")
    seen = _entry(store, laptop)
    assert (seen["name"], seen["restricted"], sorted(seen["projects"])) == ("workstation", True, ["default", "shop"])
    store.converges("certificate", certificate=laptop.pem, projects=[])
    store.converges("certificate", certificate=laptop.pem, restricted=False)
    if store.has("certificate_description"):
        store.converges("certificate", certificate=laptop.pem, description="of the office")
        assert _entry(store, laptop)["description"] == "of the office"
    store.converges("certificate", certificate=laptop.pem, type="metrics", name="workstation", recreate=True)
    assert _entry(store, laptop)["type"] == "metrics"
    store.converges("certificate", fingerprint=laptop.fingerprint[:12], state="absent")
    assert _entry(store, laptop) is None


def test_two_entries_of_one_name(store, laptop: Identity, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The daemons allow it, so a name is no way to find an entry."""
    other = identity(tmp_path, "other")
    bare = base64.b64encode(ssl.PEM_cert_to_DER_cert(other.pem)).decode()
    store.converges("certificate", name="ci", certificate=laptop.pem)
    store.converges("certificate", name="ci", certificate=bare)
    store.converges("certificate", certificate=bare, state="absent")
    assert [entry["fingerprint"] for entry in store.query("/1.0/certificates?recursion=1")] == [laptop.fingerprint]


def test_refused_certificates(store, laptop: Identity, tmp_path) -> None:  # type: ignore[no-untyped-def]
    other = identity(tmp_path, "other")
    assert "does not trust the certificate" in store.fails("certificate", certificate=laptop.pem)
    assert "so 'name' is needed to add it" in store.fails("certificate", certificate=laptop.pem)
    assert "'certificate' is needed to add it" in store.fails("certificate", fingerprint=laptop.fingerprint)
    assert "one of the following is required: certificate, fingerprint" in store.fails("certificate", name="x")
    assert "/no/such.crt" in store.fails("certificate", name="x", certificate="/no/such.crt")
    broken = laptop.pem.replace("MII", "MAA")
    assert "certificate: it is no X.509 certificate" in store.fails("certificate", name="x", certificate=broken)
    assert "'12ab'" in store.fails("certificate", name="x", fingerprint="12ab")
    assert "give one of them" in store.fails(
        "certificate", name="x", certificate=laptop.pem, fingerprint=other.fingerprint
    )
    words = store.fails("certificate", name="x", certificate=laptop.pem, projects=["shop"])
    assert "shop would limit nothing" in words and "restricted: true" in words
    assert "Did you mean 'shop'?" in store.fails(
        "certificate", name="x", certificate=laptop.pem, restricted=True, projects=["shp"]
    )
    if not store.has("certificate_description"):
        assert "certificate_description" in store.fails(
            "certificate", name="x", certificate=laptop.pem, description="d"
        )
    store.run("certificate", name="x", certificate=laptop.pem)
    assert "type is 'client' and 'metrics' is wanted" in store.fails(
        "certificate", certificate=laptop.pem, type="metrics"
    )
    assert "would limit nothing" in store.fails("certificate", certificate=laptop.pem, projects=["shop"])


def test_certificates_in_a_stack(store, laptop: Identity) -> None:  # type: ignore[no-untyped-def]
    """With a project that the same document makes; written down again, nothing changes."""
    wanted = {"name": "ci", "certificate": laptop.pem, "restricted": True, "projects": ["lab"]}
    stack = {"name": "trust", "definition": {"certificates": [wanted], "projects": [{"name": "lab"}]}}
    done = store.run("stack", **stack)
    assert [row["kind"] for row in done["plan"]] == ["project", "certificate"]
    assert store.run("stack", **stack)["changed"] is False
    assert _entry(store, laptop)["projects"] == ["lab"]

    written = store.run("stack_export", kinds=["certificate", "project"])["definition"]
    assert [(entry["name"], entry["projects"]) for entry in written["certificates"]] == [("ci", ["lab"])]
    assert store.run("stack", definition=written)["changed"] is False
    wanted["projects"] = ["lab", "shop"]
    assert "adopt: true" in store.fails("stack", **stack)
    assert store.run("stack", adopt=True, **stack)["changed"] is True
    assert sorted(_entry(store, laptop)["projects"]) == ["lab", "shop"]
    store.run("stack", name="trust", state="absent")
    assert _entry(store, laptop)["projects"] == ["shop"], (
        "the entry is nobody's, and the daemon takes the project out of it"
    )


def test_errors_in_a_stack_have_their_place(store, laptop: Identity) -> None:  # type: ignore[no-untyped-def]
    entries = [
        {"name": "a", "certificate": "/no/such.crt"},
        {"name": "b", "certificate": laptop.pem},
        {"name": "c", "certificate": laptop.pem},
        {"name": "d"},
    ]
    words = store.fails("stack", definition={"certificates": entries})
    assert "certificates[0] 'a': certificate '/no/such.crt' cannot be read" in words
    assert "claimed twice" in words
    assert "certificates[3]: certificate, fingerprint: one of them is needed." in words


def _tokens(server) -> list[dict[str, Any]]:  # type: ignore[no-untyped-def]
    running = (server.query("/1.0/operations?recursion=1") or {}).get("running") or []
    return [operation["metadata"]["request"] for operation in running if operation["class"] == "token"]


def test_a_token_is_made_once_and_revoked(store, https: dict[str, Any]) -> None:  # type: ignore[no-untyped-def]
    assert store.run("trust_token", check=True, name="laptop")["changed"] is True
    assert _tokens(store) == []
    first = store.run("trust_token", name="laptop", restricted=True, projects=["shop"])
    assert first["changed"] is True
    assert first["trust_token"]["addresses"] == [f"127.0.0.1:{PORT}"]
    for same in ({}, {"restricted": True}, {"projects": ["shop"]}):
        assert (
            store.unchanged("trust_token", name="laptop", **same)["trust_token"]["token"]
            == first["trust_token"]["token"]
        )
    assert [(one["name"], one["restricted"], one["projects"]) for one in _tokens(store)] == [("laptop", True, ["shop"])]

    wider = store.run("trust_token", name="laptop", projects=["shop", "default"])
    assert wider["actions"] == ["update trust_token laptop (projects)"]
    assert wider["trust_token"]["token"] != first["trust_token"]["token"]
    assert [sorted(one["projects"]) for one in _tokens(store)] == [["default", "shop"]], (
        "the narrower token is still pending"
    )
    store.daemon.cli("config", "trust", "add", *(["laptop"] if store.kind == "incus" else ["--name", "laptop"]), "-q")
    assert store.run("trust_token", check=True, name="laptop", restricted=True)["changed"] is True, (
        "a token that gives more is pending too"
    )
    assert store.run("trust_token", name="laptop", state="absent")["changed"] is True
    assert _tokens(store) == []
    assert store.unchanged("trust_token", name="laptop", state="absent")["trust_token"] is None


def test_refused_tokens(store) -> None:  # type: ignore[no-untyped-def]
    assert "core.https_address" in store.fails("trust_token", name="laptop")
    with listening(store, PORT):
        assert "would limit nothing" in store.fails("trust_token", name="laptop", projects=["shop"])
        assert "Did you mean 'shop'?" in store.fails("trust_token", name="laptop", restricted=True, projects=["shp"])


def test_a_token_is_good_for_one_client(store, https: dict[str, Any], laptop: Identity, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Used, revoked and expired tokens are refused with words that tell what to do."""
    thief = identity(tmp_path, "thief")

    def as_client(who: Identity, token: str) -> dict[str, Any]:
        return store.isolated(
            "profile",
            {
                **https,
                "client_cert": who.cert,
                "client_key": who.key,
                "trust_token": token,
                "name": "default",
                "project": "shop",
            },
        )

    used = store.run("trust_token", name="laptop", restricted=True, projects=["shop"])["trust_token"]["token"]
    for _again in range(2):
        done = as_client(laptop, used)
        assert done.get("profile"), done
    entry = _entry(store, laptop)
    assert (entry["restricted"], entry["projects"]) == (True, ["shop"])

    revoked = store.run("trust_token", name="thief")["trust_token"]["token"]
    store.run("trust_token", name="thief", state="absent")
    for token in (used, revoked, _expired(store)):
        refused = as_client(thief, token)
        assert refused["failed"] is True
        for words in ("trust_token", "used, revoked or expired", "cloudhost.lxd.trust_token"):
            assert words in refused["msg"]
        assert token not in str(refused)
    assert _entry(store, thief) is None


def _expired(server) -> str:  # type: ignore[no-untyped-def]
    server.run("server", config={"core.remote_token_expiry": "1S"})
    token = server.run("trust_token", name="late")["trust_token"]
    server.run("server", config={"core.remote_token_expiry": None})
    end = datetime.datetime.fromisoformat(re.sub(r"\.\d+Z$", "+00:00", token["expires_at"])) + datetime.timedelta(
        seconds=1
    )
    while datetime.datetime.now(datetime.timezone.utc) < end:
        time.sleep(0.05)
    assert server.run("trust_token", name="late", check=True)["changed"] is True, "it is taken for one that can be used"
    return str(token["token"])
