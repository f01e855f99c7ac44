# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What an audit needs of a certificate (RFC 5280), read from its DER form with the standard library."""

from __future__ import annotations

import base64
import datetime
from typing import Iterator, NamedTuple

from .._api.tls import PEM

_RSA = "1.2.840.113549.1.1.1"
_EC = "1.2.840.10045.2.1"
_KEYS = {
    _RSA: "RSA",
    _EC: "EC",
    "1.2.840.10040.4.1": "DSA",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
}
#: Elliptic curves, with the bits of their order.
_CURVES = {
    "1.2.840.10045.3.1.1": 192,
    "1.3.132.0.33": 224,
    "1.2.840.10045.3.1.7": 256,
    "1.3.132.0.10": 256,
    "1.3.132.0.34": 384,
    "1.3.132.0.35": 521,
}
_BITS = {"Ed25519": 256, "Ed448": 456}
#: Signatures with a hash for which collisions are known.
_WEAK = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.1.1.5": "SHA-1",
    "1.2.840.10040.4.3": "SHA-1",
    "1.2.840.10045.4.1": "SHA-1",
}
#: The fewest bits that are enough (NIST SP 800-57, 112 bits of security).
LEAST = {"RSA": 2048, "EC": 224, "DSA": 2048}


class Certificate(NamedTuple):
    """A certificate.

    :ivar key: the sort of its key, such as `RSA`, or the object identifier of an unknown one
    :ivar bits: the size of its key; 0 if it is not known
    :ivar weak_hash: the hash of its signature if that is weak, or empty
    """

    key: str
    bits: int
    weak_hash: str
    begins: datetime.datetime
    ends: datetime.datetime

    @property
    def has_weak_key(self) -> bool:
        return self.key == "DSA" or 0 < self.bits < LEAST.get(self.key, 0)


class _Value(NamedTuple):
    tag: int
    body: bytes

    def inside(self) -> Iterator[_Value]:
        rest = self.body
        while rest:
            value, rest = _read(rest)
            yield value


def _read(data: bytes) -> tuple[_Value, bytes]:
    """The first value of DER data, and what comes after it."""
    if len(data) < 2:
        raise ValueError("the certificate is cut off")
    length, start = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
        if not 0 < count <= 4:
            raise ValueError("the certificate has a length that no certificate has")
    if start + length > len(data):
        raise ValueError("the certificate is cut off")
    return _Value(data[0], data[start : start + length]), data[start + length :]


def _identifier(value: _Value) -> str:
    """An object identifier in dotted form."""
    numbers, number = [], 0
    for byte in value.body:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2) if numbers else 0
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]])) if numbers else ""


def _moment(value: _Value) -> datetime.datetime:
    """A point in time: UTCTime has two digits for the year, of which 50 and later are of the last century."""
    text = value.body.decode("ascii")
    if value.tag == 0x17:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)


def parsed(der: bytes) -> Certificate:
    """A certificate; ValueError if it is none."""
    try:
        signed, algorithm, _signature = _read(der)[0].inside()
        fields = list(signed.inside())
        fields = fields[1:] if fields[0].tag == 0xA0 else fields  # the version
        begins, ends = map(_moment, fields[3].inside())
        key, bits = _key(fields[5])
        hashed = _identifier(next(algorithm.inside()))
    except (IndexError, StopIteration, TypeError) as exc:
        raise ValueError(f"it is no certificate: {exc}") from exc
    return Certificate(key, bits, _WEAK.get(hashed, ""), begins, ends)


def _key(info: _Value) -> tuple[str, int]:
    """The sort of a public key, and its size in bits."""
    algorithm, public = info.inside()
    identifier, *parameters = algorithm.inside()
    kind = _KEYS.get(_identifier(identifier), _identifier(identifier))
    if kind == "RSA":
        modulus = next(_read(public.body[1:])[0].inside())
        return kind, int.from_bytes(modulus.body, "big").bit_length()
    if kind == "EC":
        return kind, _CURVES.get(_identifier(parameters[0]), 0)
    if kind == "DSA" and parameters:
        return kind, int.from_bytes(next(parameters[0].inside()).body, "big").bit_length()
    return kind, _BITS.get(kind, 0)


def from_pem(text: str) -> Certificate:
    """The first certificate of PEM text; ValueError if it has none."""
    block = PEM.search(text)
    if not block:
        raise ValueError("no BEGIN CERTIFICATE block")
    return parsed(base64.b64decode(block[1]))
