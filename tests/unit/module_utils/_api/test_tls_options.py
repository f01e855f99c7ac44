# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of TLS connections that are refused, and tokens."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    InvalidInput,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.tls import Trust, decode_token, trust_from

# -- options that cannot be -------------------------------------------------------------------------------------------
from ansible_collections.cloudhost.lxd.tests.unit.certificates import encoded, token_of


@pytest.mark.parametrize("pin", ["abc", "g" * 64, "0" * 63, "0" * 65, "SHA256:" + "0" * 64])
def test_what_is_no_fingerprint(pin):
    with pytest.raises(InvalidInput, match=f"server_fingerprint '{pin}' is not a SHA-256 fingerprint"):
        Trust(pin=pin)


def test_a_fingerprint_that_is_not_the_certificates(pairs):
    with pytest.raises(InvalidInput, match="give one of them"):
        trust_from({"server_cert": pairs["server"].pem, "server_fingerprint": pairs["other"].fingerprint})


@pytest.mark.parametrize("one", ["client_cert", "client_key"])
def test_one_half_of_a_pair(pairs, one):
    with pytest.raises(InvalidInput, match="client_cert and client_key belong together"):
        trust_from({one: pairs["client"].cert})


def test_the_key_of_another_certificate(pairs):
    with pytest.raises(
        InvalidInput, match="client_cert and client_key cannot be used: .*Is it the key of this certificate"
    ):
        Trust(pairs["client"].cert, pairs["other"].key)


def test_a_key_leaves_no_file_open(pairs):
    """It goes through a pipe, which has room for any key."""
    before = os.listdir("/proc/self/fd")
    Trust(pairs["client"].cert, pairs["client"].key)
    key = "-----BEGIN PRIVATE KEY-----\n" + "a" * 20000
    with pytest.raises(InvalidInput, match=f"^client_key: {len(key)} bytes are no private key"):
        Trust(pairs["client"].cert, key)
    assert os.listdir("/proc/self/fd") == before


def test_a_key_with_a_passphrase_is_refused_and_never_asked_for(pairs, tmp_path):
    """OpenSSL would ask on the terminal or wait for its standard input, which Ansible keeps open."""
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", pairs["client"].key, "-aes128", "-passout", "pass:hunter22", "-out", str(locked)],
        check=True,
        capture_output=True,
    )
    code = f"from {Trust.__module__} import Trust; Trust({pairs['client'].cert!r}, {str(locked)!r})"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as child:
        try:
            child.wait(60)  # a busy machine needs a while to start Python
        finally:
            child.kill()
        assert b"without a passphrase" in child.stderr.read()


@pytest.mark.parametrize("option", ["server_cert", "client_cert", "client_key"])
@pytest.mark.parametrize(
    ("content", "words"), [(None, "cannot be read"), (b"text", "is not a PEM file"), (b"\xff\xfe", "cannot be read")]
)
def test_files_that_are_no_pem(pairs, tmp_path, option, content, words):
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    others = {} if option == "server_cert" else {"client_cert": pairs["client"].cert, "client_key": pairs["client"].key}
    with pytest.raises(InvalidInput, match=f"{option} '{path}' {words}"):
        trust_from({**others, option: str(path)})


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ],
)
def test_pem_text_that_holds_no_certificate(text):
    with pytest.raises(InvalidInput, match="server_cert"):
        trust_from({"server_cert": text})


# -- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [({}, "me"), ({"client_name": "", "server_name": "node2"}, "node2"), ({"client_name": ""}, "")],
)
def test_a_token(name, expected):
    raw = token_of(**name)
    assert decode_token("trust_token", f" {raw}\n") == (raw, "f" * 64, ("192.0.2.1:8443",), expected)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "s3cret-token",
        "s3cret!",
        "ünicode-s3cret",
        encoded(b"s3cret"),
        encoded(b"\xff\xfe"),
        encoded([1]),
        encoded("s3cret"),
        encoded(None),
        encoded({}),
        encoded({"fingerprint": "f" * 64, "secret": "s3cret"}),
        token_of(addresses=None),
        token_of(fingerprint=None),
        token_of(fingerprint=7),
        f"{token_of()[:8]}!{token_of()[8:]}",
    ],
)
def test_what_is_no_token(raw):
    with pytest.raises(InvalidInput, match="^trust_token is not a token of LXD or Incus") as caught:
        trust_from({"trust_token": raw or " "})
    assert "s3cret" not in str(caught.value)
    assert not raw or raw not in str(caught.value)
