# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTPS to a real daemon: self-signed, so pinned; first contact with a token; a wrong certificate is refused (complaint
56).
"""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from integration.tls import identity, listening

PORT = 18443


@pytest.fixture(scope="module")
def https(server, tmp_path_factory) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("tls")
    client, stranger = (identity(folder, name) for name in ("client", "stranger"))
    with listening(server, PORT) as connection:
        server.fingerprint = connection.pop("server_fingerprint")
        server.tls = {**connection, "client_cert": client.cert, "client_key": client.key, "name": "default"}
        server.certificate = (server.daemon.folder / "server.crt").read_text()
        server.stranger = stranger.cert
        yield server


def _token(server) -> str:  # type: ignore[no-untyped-def]
    name = ["client-" + server.kind] if server.kind == "incus" else ["--name", "client-" + server.kind]
    return server.daemon.cli("config", "trust", "add", *name, "-q").strip().splitlines()[-1]


def test_https(https) -> None:  # type: ignore[no-untyped-def]
    """In the order of a first contact."""

    def profile(**arguments: Any) -> dict[str, Any]:
        return https.isolated("profile", {**https.tls, **arguments})

    refused = profile()
    assert "not verified" in refused["msg"]
    assert "server_fingerprint" in refused["msg"]
    wrong = profile(server_fingerprint="0" * 64)
    assert https.fingerprint in wrong["msg"]
    assert "0" * 64 in wrong["msg"]
    other = profile(server_cert=https.stranger)
    assert "not the pinned" in other["msg"]
    untrusted = profile(server_fingerprint=https.fingerprint)
    assert "does not trust this client" in untrusted["msg"]
    assert "trust_token" in untrusted["msg"]

    token = _token(https)
    predicted = profile(trust_token=token, check=True)
    assert "check mode must not" in predicted["msg"]
    assert https.query("/1.0/certificates") == []
    first = profile(trust_token=token, description="over TLS")
    assert first.get("changed") is True, first
    assert token not in str(first)
    assert len(https.query("/1.0/certificates")) == 1
    again = profile(trust_token=token, description="over TLS")
    assert again.get("changed") is False, again

    for pin in (
        {"server_cert": https.certificate},
        {"server_fingerprint": https.fingerprint.upper()},
        {"validate_certs": False},
    ):
        assert profile(**pin, description="over TLS").get("changed") is False
    assert profile(server_cert=https.certificate, description="").get("changed") is True


def test_a_server_that_is_configured_over_tls(https) -> None:  # type: ignore[no-untyped-def]
    if not https.query("/1.0/certificates"):
        https.isolated("profile", {**https.tls, "trust_token": _token(https)})
    secret = "only-the-server-knows"
    key = "core.trust_password" if https.kind == "lxd" else "loki.auth.password"
    arguments = {**https.tls, "server_fingerprint": https.fingerprint, "config": {key: secret}}
    del arguments["name"]
    first = https.isolated("server", arguments)
    assert first.get("changed") is True, first
    assert secret not in str(first), "the secret is in the result"
    assert https.isolated("server", arguments)["changed"] is False
    https.run("server", config={key: None})


def test_files_and_commands_over_tls(https, running: str) -> None:  # type: ignore[no-untyped-def]
    """What goes on with another protocol than HTTP is verified and pinned as all else, and the first contact is one."""
    for certificate in https.query("/1.0/certificates"):
        https.query(certificate, "DELETE")
    tls = {**https.tls, "server_fingerprint": https.fingerprint, "instance": running}
    del tls["name"]
    file = {**tls, "path": "/tmp/over-tls", "content": "x" * 30_000}
    wrong = https.isolated("instance_file", {**file, "server_fingerprint": "0" * 64})
    assert https.fingerprint in wrong["msg"]
    done = https.isolated("instance_file", {**file, "trust_token": _token(https)})
    assert done.get("changed") is True, done
    assert https.isolated("instance_file", file)["changed"] is False
    many = "for i in 0 1 2 3 4 5 6 7 8 9; do cat /tmp/over-tls; done"
    for task, count in (({"script": many}, 300_000), ({"command": ["cat"], "stdin": "x" * 30_000}, 30_000)):
        done = https.isolated("instance_exec", {**tls, **task})
        assert (done.get("rc"), done.get("stdout") == "x" * count) == (0, True), done.get("msg")
    https.isolated("instance_file", {**tls, "path": "/tmp/over-tls", "state": "absent"})
