# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Image servers that users name themselves: the option `remotes`, and the variable `lxd_remotes`.

The daemons take the address and the certificate of an image server with each image (`source` in doc/rest-api.yaml:
`server`, `protocol`, `certificate`). They add the certificate to the authorities that their host trusts, and compare
the name in it with the first name of that certificate, or with the address if it has none.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, Mapping, NamedTuple

from ..._api.errors import InvalidInput, Missing, did_you_mean

#: The protocols of image servers, and of registries, whose images become application containers.
SIMPLESTREAMS, REGISTRY = "simplestreams", "oci"
#: The key of a remote that the controller cannot evaluate, with the reason; and the name of such a remote where the
#: names are not known either.
UNRESOLVED = "_unresolved"
_KEYS = ("url", "certificate", "protocol")
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]*")


class Remote(NamedTuple):
    """An image server: its address, the protocol, and its certificate as PEM text, if it has one of its own."""

    url: str
    protocol: str
    certificate: str | None

    @property
    def source(self) -> dict[str, Any]:
        """The keys of the API's source that say which server it is."""
        own = {"certificate": self.certificate} if self.certificate else {}
        return {"type": "image", "mode": "pull", "server": self.url, "protocol": self.protocol, **own}


def own_remote(remotes: Mapping[str, Any], name: str) -> Remote | None:
    """The image server of a name; None if it is not among the remotes.

    :raises InvalidInput: if what is written of it is wrong
    :raises Missing: if the controller cannot evaluate it yet
    """
    option, entry = f"remotes.{name}", remotes.get(name, remotes.get(UNRESOLVED))
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise InvalidInput(f"{option}: write a dictionary, as in {name}: {{url: https://…, certificate: …}}.")
    if UNRESOLVED in entry:
        raise Missing(str(entry[UNRESOLVED]))  # the role that sets it up may come earlier in the play
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"remotes: '{name}' cannot be a name of an image server: write letters, digits, . _ and -.")
    for key in entry:
        if key not in _KEYS:
            raise InvalidInput(f"{option}.{key}: there is no such key. {did_you_mean(str(key), list(_KEYS))}")
    protocol = entry.get("protocol") or SIMPLESTREAMS
    if protocol not in (SIMPLESTREAMS, REGISTRY):
        raise InvalidInput(
            f"{option}.protocol: '{protocol}' is none. Write {SIMPLESTREAMS}, or {REGISTRY} for a registry."
        )
    written = entry.get("certificate")
    if written is not None and not isinstance(written, str):
        raise InvalidInput(f"{option}.certificate: write PEM text, or a path on the host that runs the module.")
    if written and protocol == REGISTRY:
        raise InvalidInput(no_certificate(f"{option}.certificate"))
    certificate = _certificate(f"{option}.certificate", written) if written else None
    return Remote(_url(f"{option}.url", entry.get("url")), protocol, certificate)


def _url(option: str, url: Any) -> str:
    """The address of an image server, without a slash at its end, as the daemons keep it."""
    if not isinstance(url, str) or not url:
        raise InvalidInput(f"{option}: write the address of the image server, as in https://images.example.net.")
    try:
        parts = urllib.parse.urlsplit(url)
        named = parts.hostname and (parts.port or True)
    except ValueError as exc:
        raise InvalidInput(f"{option}: '{url}' is not an address: {exc}.") from exc
    if parts.username or parts.password:
        raise InvalidInput(f"{option}: the daemons send no user and no password to image servers. Leave them out.")
    if parts.scheme == "http":
        raise InvalidInput(
            f"{option}: '{url}' is not encrypted, so anybody on the way can send other images. Write an address that "
            "begins with https://; the role cloudhost.lxd.image_server sets up such a server."
        )
    if parts.scheme != "https" or not named or parts.query or parts.fragment or re.search(r"\s", url):
        raise InvalidInput(f"{option}: '{url}' is not an address as in https://images.example.net:8444.")
    return url.rstrip("/")


def _certificate(option: str, written: str) -> str:
    """The first certificate of a PEM option, and nothing else of it: there may be a key beside it."""
    import ssl  # few tasks have a certificate, and TLS takes time to load

    from ..._api.tls import certificate_der

    pem = ssl.DER_cert_to_PEM_cert(certificate_der(option, written))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except ssl.SSLError as exc:
        raise InvalidInput(f"{option}: its BEGIN CERTIFICATE block is not a certificate: {exc.reason}.") from exc
    return pem


def no_certificate(option: str) -> str:
    """Why an image of a registry has no certificate."""
    return (
        f"{option}: the server does not look at it for an image of a registry. Have the host of the server trust the "
        "certificate, in /etc/containers/certs.d/HOST:PORT/ca.crt there."
    )
