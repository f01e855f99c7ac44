# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Who may use the API: clients with a certificate, clients of an identity provider, and bearers of tokens. LXD only."""

from __future__ import annotations

import ssl
from typing import Any, Mapping

from ..._api.errors import InvalidInput
from ..._api.reader import Reader
from ..._engine.fields import NameSet, Text
from ..._engine.plans import Action, Existing, Step
from .._tokens import ShownOnce
from .certificate import der_of

#: The types of identities that groups give their rights. The others are certificates of the kind `certificate`, of
#: cluster members and of cluster links.
BEARERS = ["Client token bearer", "DevLXD token bearer"]
PENDING = "Client certificate (pending)"
TYPES = ("Client certificate", PENDING, "OIDC client", *BEARERS)


class Pem(Text):
    """A certificate, in any form that `certificate` takes."""

    def clean(self, params: Mapping[str, Any]) -> Any:
        written = params[self.name]
        return None if written is None else ssl.DER_cert_to_PEM_cert(der_of(written))

    def equal(self, have: Any, want: Any) -> bool:
        return bool(have) and der_of(have) == der_of(want)


class Identity(ShownOnce):
    """`/1.0/auth/identities/METHOD`. One of OIDC appears when its client logs in for the first time."""

    kind = "identity"
    path = "/1.0/auth/identities"
    section = "identities"
    extension = "access_management_tls"
    scoped = False
    states = ("present", "absent", "token_issued")
    events = ("token_issued",)
    fields = (
        Pem("certificate", key="tls_certificate", exact=False),
        Text("type", create_only=True, choices=BEARERS),
        NameSet("groups"),
    )
    options = {
        "authentication_method": {"type": "str", "choices": ["tls", "oidc", "bearer"], "default": "tls"},
        "token": {"type": "bool", "default": False, "no_log": False},
        "expiry": {"type": "str"},
    }
    instant_options = ("new_name", "token", "expiry")
    refers = {"groups": "auth_group"}

    @classmethod
    def label(cls, params: Mapping[str, Any]) -> str:
        return f"{params['authentication_method']}/{params['name']}"

    @property
    def collection(self) -> str:
        return f"{self.path}/{self.params['authentication_method']}"

    def validate(self) -> None:
        super().validate()
        method = self.params["authentication_method"]
        for option, only in (("certificate", "tls"), ("token", "tls"), ("type", "bearer"), ("expiry", "bearer")):
            if self.params[option] and method != only:
                raise InvalidInput(f"{option}: it is for authentication_method: {only}, and here it is {method}.")
        if self.state == "token_issued" and method != "bearer":
            raise InvalidInput(f"state: token_issued is for authentication_method: bearer, and here it is {method}.")

    def check_extensions(self) -> None:
        super().check_extensions()
        if self.params["authentication_method"] == "bearer":
            self.client.require("auth_bearer", "identity option 'authentication_method: bearer'")

    def create_body(self) -> dict[str, Any]:
        body, method = super().create_body(), self.params["authentication_method"]
        if method == "oidc":
            self.refuse(f"name: there is no identity '{self.name}' of OIDC: it appears at its first login.")
        elif method == "bearer":
            body.setdefault("type", BEARERS[0])
        elif bool(body.get("tls_certificate")) == self.params["token"]:
            self.refuse(
                f"certificate: identity '{self.name}' does not exist yet: give its certificate, or token: true for a "
                "token with which its client sends one."
            )
        return body

    def create(self, body: dict[str, Any]) -> None:
        sent = {("certificate" if key == "tls_certificate" else key): value for key, value in body.items()}
        if self.params["token"]:
            self.offered(self.collection, {**sent, "token": True})
        else:
            self.writer.write("POST", self.collection, sent)

    def extra_steps(self, found: Existing | None, after: dict[str, Any]) -> list[Step]:
        def issue() -> None:
            expiry = {"expiry": self.params["expiry"]} if self.params["expiry"] else {}
            self.offered(f"{self.url()}/token", expiry)

        words = f"issue a token for identity {self.name}"
        return [Step(Action.ISSUE, words, issue)] if self.state == "token_issued" else []

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        self.check_known("groups", new.get("groups") or [], "/1.0/auth/groups")

    @classmethod
    def of_listing(cls, obj: dict[str, Any]) -> dict[str, Any] | None:
        return obj if obj.get("type") in TYPES else None

    @classmethod
    def internal(cls, obj: dict[str, Any]) -> bool:
        """What waits for its client has no certificate yet."""
        return obj.get("type") == PENDING

    @classmethod
    def export(cls, obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, Any] | None:
        method = obj["authentication_method"]
        shown = obj if method == "bearer" else {**obj, "type": ""}
        entry = super().export(shown, client, query)
        return {**entry, "authentication_method": method} if entry else None
