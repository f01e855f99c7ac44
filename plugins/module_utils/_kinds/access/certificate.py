# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Certificates of clients that the server trusts."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from typing import Any, Mapping

from ..._api.errors import InvalidInput
from ..._api.reader import Reader
from ..._api.tls import certificate_der, fingerprint
from ..._engine.fields import Text
from ..._engine.plans import Existing
from ._limited import LIMITS, Limited, refuse_unlimited

#: DER in base64, as the API and preseed files have it.
_BARE = re.compile(r"MI[A-Za-z0-9+/=\s]{100,}")


class Certificate(Limited):
    """`/1.0/certificates`: what the server trusts. The fingerprint identifies one, since two can have the same name."""

    kind = "certificate"
    path = "/1.0/certificates"
    key = "fingerprint"
    scoped = False
    fields = (
        Text("name", exact=False),
        Text("type", create_only=True, choices=["client", "metrics"]),
        *LIMITS,
        Text("description", extension="certificate_description"),
    )
    options = {"certificate": {"type": "str"}, "fingerprint": {"type": "str"}}
    constraints = {"required_one_of": [("certificate", "fingerprint")]}
    refers = {"projects": "project"}

    @classmethod
    def identity(cls, params: Mapping[str, Any]) -> str | None:
        written = params.get("certificate")
        if written:
            try:
                return fingerprint(der_of(written))
            except InvalidInput:
                return params.get("name") or written[:40]  # a name for the error that `validate` raises
        return (params.get("fingerprint") or "").replace(":", "").lower() or None

    @classmethod
    def label(cls, params: Mapping[str, Any]) -> str:
        return (cls.identity(params) or "")[:12]  # as `lxc config trust list` shows it

    def validate(self) -> None:
        given = (self.params["fingerprint"] or "").replace(":", "").lower()
        if given and not re.fullmatch("[0-9a-f]{12,64}", given):
            raise InvalidInput(
                f"fingerprint: '{self.params['fingerprint']}' is not one: it has 64 hexadecimal digits, of which the "
                "first 12 are enough."
            )
        if self.params["certificate"] is not None:
            self.der = der_of(self.params["certificate"])
            if given and not self.name.startswith(given):
                raise InvalidInput(
                    f"fingerprint: '{self.params['fingerprint']}' is not that of 'certificate' ({self.name}): give "
                    "one of them."
                )
        if self.params["name"] == "":
            raise InvalidInput("name: it cannot be empty.")

    def fetch(self, name: str) -> Existing | None:
        found = super().fetch(name)
        return found._replace(name=found.object["fingerprint"]) if found else None  # the API takes the first digits too

    def create_body(self) -> dict[str, Any]:
        for option in ("certificate", "name"):
            if self.params[option] is None:
                raise InvalidInput(
                    f"{option}: {self.client.label} does not trust the certificate {self.name} yet, so '{option}' is "
                    "needed to add it."
                )
        body = {
            "type": "client",
            **super().create_body(),
            "certificate": ssl.DER_cert_to_PEM_cert(self.der),
            "fingerprint": self.name,
        }
        refuse_unlimited(body, self.wanted)
        return body

    def create(self, body: dict[str, Any]) -> None:
        sent = {key: value for key, value in body.items() if key != "fingerprint"}
        self.writer.write("POST", self.path, {**sent, "certificate": base64.b64encode(self.der).decode()})

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        self.check_known(
            "projects",
            [name for name in new.get("projects") or () if name not in (old.get("projects") or ())],
            "/1.0/projects",
        )

    @classmethod
    def internal(cls, obj: dict[str, Any]) -> bool:
        """The certificate of a cluster member."""
        return obj.get("type") not in ("client", "metrics")

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        if cls.internal(obj):
            return None
        limited = obj if obj.get("restricted") else {**obj, "projects": []}
        entry = super().export(limited, client, query) or {}
        return {**entry, "name": obj.get("name") or obj["fingerprint"][:12], "certificate": obj["certificate"]}


def der_of(written: str) -> bytes:
    """The DER of a certificate that is given as PEM text, as the path of a file with that, or as DER in base64."""
    try:
        der = base64.b64decode(written) if _BARE.fullmatch(written) else certificate_der("certificate", written)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except (ssl.SSLError, binascii.Error) as exc:
        raise InvalidInput(f"certificate: it is no X.509 certificate ({exc}).") from exc
    return der
