# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is weak about certificates, read from those that openssl makes."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ssl
import subprocess

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit import x509
from ansible_collections.cloudhost.lxd.tests.unit.audited import TODAY, audit, listings, server, told

KEYS = {
    "rsa1024": ("rsa:1024",),
    "rsa2048": ("rsa:2048",),
    "p224": ("ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"),
    "p192": ("ec", "-pkeyopt", "ec_paramgen_curve:prime192v1"),
    "p384": ("ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"),
    "ed25519": ("ed25519",),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """PEM text of a certificate for each sort of key, and of one that is signed with SHA-1."""
    folder = tmp_path_factory.mktemp("keys")
    found = {}
    for name, key in {**KEYS, "sha1": ("rsa:2048",)}.items():
        command = ["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "30", "-subj", "/CN=x"]
        command += ["-sha1"] if name == "sha1" else []
        subprocess.run([*command, "-keyout", folder / "key", "-out", folder / name], check=True, capture_output=True)
        found[name] = (folder / name).read_text()
    return found


@pytest.mark.parametrize(
    ("name", "key", "bits", "weak"),
    [
        ("rsa1024", "RSA", 1024, True),
        ("rsa2048", "RSA", 2048, False),
        ("p192", "EC", 192, True),
        ("p224", "EC", 224, False),
        ("p384", "EC", 384, False),
        ("ed25519", "Ed25519", 256, False),
    ],
)
def test_keys(made, name, key, bits, weak):
    found = x509.from_pem(made[name])
    assert (found.key, found.bits, found.has_weak_key, found.weak_hash) == (key, bits, weak, "")
    assert (found.ends - found.begins).days == 30
    assert abs(found.begins - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=10)


def test_a_weak_signature(made):
    assert x509.from_pem(made["sha1"]).weak_hash == "SHA-1"


def test_what_is_no_certificate_is_refused_at_any_length(made):
    der = ssl.PEM_cert_to_DER_cert(made["rsa2048"])
    for length in range(0, len(der), 7):
        with pytest.raises(ValueError):
            x509.parsed(der[:length])
    for text in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"):
        with pytest.raises(ValueError):
            x509.from_pem(text)
    for value in (b"\x30\x80\x00\x00", b"\x30\x85\x01\x01\x01\x01\x01"):
        with pytest.raises(ValueError):
            x509.parsed(value)


def entry(pem, **fields):
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    return {
        "name": "ci",
        "type": "client",
        "restricted": True,
        "fingerprint": fingerprint,
        "certificate": pem,
        **fields,
    }


def test_clients(made):
    assert told(audit(listings(certificates=[entry(made["p384"])]))) == []
    assert told(audit(listings(certificates=[entry(made["rsa1024"])]))) == [("certificate-weak-key", "key")]
    assert told(audit(listings(certificates=[entry(made["sha1"])]))) == [("certificate-weak-hash", "signature")]
    broken = {**entry(made["p384"]), "certificate": "none"}
    assert told(audit(listings(certificates=[broken]))) == [("certificate-weak-key", "certificate")]
    free = entry(made["p384"], restricted=False, projects=["shop"])
    (found,) = audit(listings(certificates=[free]))
    assert found.rule.id == "certificate-unrestricted"
    assert found.hit.tasks[0]["cloudhost.lxd.certificate"] == {
        "fingerprint": free["fingerprint"],
        "restricted": True,
        "projects": ["shop"],
    }
    assert told(audit(listings(certificates=[{**free, "type": "metrics"}, {**free, "type": "server"}]))) == []


def test_age(made):
    begins = x509.from_pem(made["p384"]).begins.date()
    listed = listings(certificates=[entry(made["p384"])])
    day = datetime.timedelta(days=1)
    assert told(audit(listed, today=begins + 31 * day)) == [("certificate-expired", "ends")]
    assert told(audit(listed, today=begins + 30 * day)) == []
    assert told(audit(listed, today=begins + 21 * day, max_age=20)) == [("certificate-old", "begins")]
    assert told(audit(listed, today=begins + 20 * day, max_age=20)) == []


def test_nobody_locks_the_audit_out(made):
    own = entry(made["rsa1024"], restricted=False)
    found = audit(listings(certificates=[own]), own=own["fingerprint"])
    assert [(one.rule.id, one.hit.tasks) for one in found] == [
        ("certificate-weak-key", ()),
        ("certificate-unrestricted", ()),
    ]
    assert all("of this audit" in one.hit.text for one in found)


def test_the_certificate_of_the_server(made):
    assert told(audit(listings(servers=[server(certificate=made["p384"])]), today=TODAY)) == []
    weak = listings(servers=[server(certificate=made["rsa1024"])])
    begins = x509.from_pem(made["rsa1024"]).begins.date()
    assert [one.hit.text for one in audit(weak, today=begins + datetime.timedelta(days=40))] == [
        "The certificate of the server has a weak key (RSA, 1024 bits).",
        f"The certificate of the server has ended on {begins + datetime.timedelta(days=30)}.",
    ]


def test_times_of_both_forms():
    """RFC 5280, 4.1.2.5: two digits for the year until 2049, four afterwards."""
    moment = x509._moment
    assert moment(x509._Value(0x17, b"491231235959Z")).year == 2049
    assert moment(x509._Value(0x17, b"500101000000Z")).year == 1950
    assert moment(x509._Value(0x18, b"20500101000000Z")).year == 2050


def test_a_dsa_key_is_weak(tmp_path):
    subprocess.run(["openssl", "dsaparam", "-out", tmp_path / "p", "1024"], check=True, capture_output=True)
    command = ["openssl", "req", "-x509", "-newkey", f"dsa:{tmp_path / 'p'}", "-nodes", "-subj", "/CN=x"]
    subprocess.run([*command, "-keyout", tmp_path / "k", "-out", tmp_path / "c"], check=True, capture_output=True)
    found = x509.parsed(base64.b64decode("".join((tmp_path / "c").read_text().splitlines()[1:-1])))
    assert (found.key, found.bits, found.has_weak_key) == ("DSA", 1024, True)
