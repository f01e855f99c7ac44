# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign the certificates of hosts, on the controller, which has the package cryptography: ansible-core needs it.

It reads JSON: `folder` of the authority, `days` that certificates are valid for, `authority_days` for one that is made,
`foreign` (whether hosts have certificates of an authority already), and `requests`: for each host its `request` in PEM
and its `address`. It prints JSON: `authority` in PEM, `certificates` by host, and whether the authority was `made`.

Of a request only the public key counts. What a certificate says is up to the inventory, so a host that was broken into
cannot ask for more than a certificate of its own.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import pathlib
import sys
import typing

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: Clocks of hosts differ a little.
SKEW = datetime.timedelta(hours=1)
PEM = serialization.Encoding.PEM


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def begun(subject: x509.Name, issuer: x509.Name, key: typing.Any, days: int) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now() - SKEW).not_valid_after(now() + datetime.timedelta(days=days))


def usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)


def write(path: pathlib.Path, text: bytes) -> None:
    """All of it or nothing, and for nobody else to read."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


class Authority:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.key_file, self.certificate_file = folder / "ca.key", folder / "ca.crt"

    def there(self) -> bool:
        return self.certificate_file.exists()

    def make(self, days: int) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP384R1())
        subject = name(f"OVN certificate authority {x509.random_serial_number() % 10**8:08}")
        builder = begun(subject, subject, key.public_key(), days)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(usage(signs=True), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = builder.add_extension(identifier, critical=False).sign(key, hashes.SHA384())
        private = serialization.PrivateFormat.PKCS8
        write(self.key_file, key.private_bytes(PEM, private, serialization.NoEncryption()))
        write(self.certificate_file, certificate.public_bytes(PEM))

    def load(self) -> None:
        self.certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        self.key: typing.Any = serialization.load_pem_private_key(self.key_file.read_bytes(), None)
        if self.key.public_key() != self.certificate.public_key():
            sys.exit(f"{self.key_file} is not the key of {self.certificate_file}: bring back the right one.")

    def sign(self, request: str, common: str, address: str, days: int) -> str:
        asked = x509.load_pem_x509_csr(request.encode())
        if not asked.is_signature_valid:
            sys.exit(f"the request of {common} is not signed by the key in it")
        builder = begun(name(common), self.certificate.subject, asked.public_key(), days)
        names = [x509.DNSName(common), x509.IPAddress(ipaddress.ip_address(address))]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA384()).public_bytes(PEM).decode()


def main() -> None:
    asked = json.load(sys.stdin)
    authority = Authority(pathlib.Path(asked["folder"]).expanduser())
    made = not authority.there()
    if made and asked["foreign"]:
        sys.exit(
            f"{authority.certificate_file} does not exist, and hosts have certificates of an authority: bring back the "
            "directory, or remove /etc/ovn/ovn-central.crt from all hosts to begin with a new authority."
        )
    if made:
        authority.make(asked["authority_days"])
    authority.load()
    certificates = {
        host: authority.sign(of["request"], host, of["address"], asked["days"])
        for host, of in asked["requests"].items()
    }
    text = authority.certificate.public_bytes(PEM).decode()
    json.dump({"authority": text, "certificates": certificates, "made": made}, sys.stdout)


if __name__ == "__main__":
    main()
