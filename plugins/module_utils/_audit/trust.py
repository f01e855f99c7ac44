# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The rules for the trust store and for images. One entry is one rule: see `model.Rule`."""

from __future__ import annotations

import datetime
from typing import Any, Iterator

from . import end_of_life, x509
from .model import Hit, Rule, Subject, Surroundings
from .remedies import task


def _certificate(subject: Subject, around: Surroundings, **options: Any) -> tuple[dict[str, Any], ...]:
    """The task for an entry of the trust store. There is none for the certificate that the audit itself uses."""
    fingerprint = subject.data["fingerprint"]
    return () if fingerprint == around.own else (task("certificate", fingerprint=fingerprint, **options),)


def _parsed(subject: Subject) -> x509.Certificate | None:
    try:
        return x509.from_pem(subject.data.get("certificate") or "")
    except ValueError:
        return None


def _own(subject: Subject, around: Surroundings) -> str:
    return " It is the certificate of this audit." if subject.data["fingerprint"] == around.own else ""


def unrestricted(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    if subject.data.get("type") == "client" and not subject.data.get("restricted"):
        tasks = _certificate(subject, around, restricted=True, projects=list(subject.data.get("projects") or ()))
        yield Hit("restricted", f"The client may do everything.{_own(subject, around)}", (), tasks)


def weak(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    found = _parsed(subject)
    tasks = _certificate(subject, around, state="absent")
    if found is None:
        yield Hit("certificate", "The certificate cannot be read.", (), tasks)
    elif found.has_weak_key:
        yield Hit("key", f"Its key is weak ({found.key}, {found.bits} bits).{_own(subject, around)}", (), tasks)


def weak_hash(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    found = _parsed(subject)
    if found and found.weak_hash:
        tasks = _certificate(subject, around, state="absent")
        yield Hit("signature", f"It is signed with {found.weak_hash}.{_own(subject, around)}", (), tasks)


def expired(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    found = _parsed(subject)
    if found and found.ends.date() < around.today:
        tasks = _certificate(subject, around, state="absent")
        yield Hit("ends", f"It has ended on {found.ends.date()}.{_own(subject, around)}", (), tasks)


def old(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    found = _parsed(subject)
    if found and found.begins.date() + datetime.timedelta(days=around.max_age) < around.today <= found.ends.date():
        tasks = _certificate(subject, around, state="absent")
        yield Hit("begins", f"It is in use since {found.begins.date()}.{_own(subject, around)}", (), tasks)


def _image(subject: Subject, **options: Any) -> tuple[dict[str, Any], ...]:
    name, project = subject.data["fingerprint"], subject.project or None
    return (task("image", name=name, project=project, **options),)


def updating(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    if subject.data.get("auto_update"):
        source = subject.data.get("update_source") or {}
        origin = f"{source.get('server')} as {source.get('alias')}" if source.get("server") else "its source"
        text = f"The server replaces the image with what {origin} is then."
        yield Hit("auto_update", text, (), _image(subject, auto_update=False))


def unverified(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    server = (subject.data.get("update_source") or {}).get("server") or ""
    if server.startswith("http:"):
        yield Hit("update_source", f"It comes from {server}, without TLS.", (), _image(subject, state="absent"))


def public(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    if subject.data.get("public"):
        text = "Clients without a certificate can download it."
        yield Hit("public", text, (), _image(subject, public=False))


def old_system(subject: Subject, around: Surroundings) -> Iterator[Hit]:
    properties = subject.data.get("properties") or {}
    versions = {key: properties.get(key) for key in ("version", "release")}
    found = end_of_life.ended(properties.get("os") or "", versions, around.end_of_life, around.today)
    if found:
        yield Hit(found.key, f"{found.words}.", (), _image(subject, state="absent"))


RULES = (
    Rule(
        "certificate-unrestricted",
        "certificate",
        "medium",
        "Client without restriction",
        "`restricted` of the entries of the type `client`",
        "Whoever has its key is root on the server, and in all instances.",
        "Restrict it to the projects that it is for. Give the remaining ones an exception with a reason.",
        unrestricted,
    ),
    Rule(
        "certificate-weak-key",
        "certificate",
        "high",
        "Weak key of a client",
        "the key: RSA and DSA below 2048 bits, EC below 224 bits, every DSA key",
        "Whoever computes the key from the certificate is that client.",
        "Remove the entry, and trust a new certificate of the client.",
        weak,
    ),
    Rule(
        "certificate-weak-hash",
        "certificate",
        "medium",
        "Weak signature of a client",
        "the signature: MD2, MD5, SHA-1",
        "Others can have a certificate with the same signature.",
        "Remove the entry, and trust a new certificate of the client.",
        weak_hash,
    ),
    Rule(
        "certificate-expired",
        "certificate",
        "medium",
        "Expired certificate",
        "the end of validity",
        "Nobody looks after the client, and its key may be anywhere.",
        "Remove the entry.",
        expired,
    ),
    Rule(
        "certificate-old",
        "certificate",
        "low",
        "Old certificate",
        "the beginning of validity (option `certificate_max_age`)",
        "The longer a key is in use, the more copies of it there are.",
        "Remove the entry, and trust a new certificate of the client.",
        old,
    ),
    Rule(
        "image-unverified-source",
        "image",
        "high",
        "Image from a server without TLS",
        "`update_source.server`",
        "Everybody between the servers can replace the image.",
        "Delete the image, and copy it from a server that is verified.",
        unverified,
    ),
    Rule(
        "image-not-pinned",
        "image",
        "low",
        "Image that changes by itself",
        "`auto_update`",
        "New instances get what the other server has at that time, and nobody has tested it.",
        "Turn automatic updates off, and replace the image by a task. Where you want them, write an exception.",
        updating,
    ),
    Rule(
        "image-public",
        "image",
        "medium",
        "Public image",
        "`public`",
        "Everybody who reaches the API can download it, with what is in it.",
        "Make it private.",
        public,
    ),
    Rule(
        "image-system-eol",
        "image",
        "medium",
        "Image of a distribution without security updates",
        "`properties.os`, `properties.version`, `properties.release`",
        "New instances have weaknesses that are not repaired.",
        "Delete the image, and use that of a newer release.",
        old_system,
    ),
)
