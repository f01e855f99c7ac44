# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether an image server has a newer image than the daemon, and how the daemon takes it (`refresh: true`).

The module reads the index of the image server itself: the daemon asks for it at most once an hour, keeps what it has
read as a cache, and does not report why a refresh changed nothing. The image is then copied by the daemon, so it knows
where the image comes from.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import re
import ssl
import time
import urllib.parse
from typing import Any, Callable, Iterator

from ..._api.errors import InvalidInput, LXDError, Missing, did_you_mean
from ..._api.http_answer import Answer, Clock
from ..._api.tls import certificate_der
from ..._engine.plans import Existing, Plan
from ._architectures import of_image_servers
from ._kept_index import forget_index
from ._remotes import SIMPLESTREAMS
from ._source import take
from ._upload import point_alias

#: Seconds for all of an index.
_PATIENCE = 60
_INDEX = "streams/v1/index.json"
#: The most bytes of an index. Those of public image servers have some 10 MiB.
_LARGEST = 1 << 26
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
#: X509_V_FLAG_PARTIAL_CHAIN of OpenSSL: the certificate of a server is enough, without the authority that signed it.
_PARTIAL_CHAIN = 0x80000
#: What each product calls the metadata of split images, and unified images.
_METADATA = {"lxd": ("lxd.tar.xz", "lxd_combined.tar.gz"), "incus": ("incus.tar.xz", "incus_combined.tar.gz")}
#: The root file systems and disks of each type in the order of the daemons, with the hash that is the fingerprint.
_ROOTS = {
    "container": (("squashfs", "combined_squashfs_sha256"), ("root.tar.xz", "combined_rootxz_sha256")),
    "virtual-machine": (
        ("disk-kvm.img", "combined_disk-kvm-img_sha256"),
        ("uefi1.img", "combined_uefi1-img_sha256"),
        ("disk1.img", "combined_disk1-img_sha256"),
    ),
}


class Newer:
    """The image that an alias names on an image server, for an image that exists on the daemon.

    :param resource: the image
    :param source: where it comes from, as the API has it
    """

    def __init__(self, resource: Any, source: dict[str, Any]) -> None:
        self.resource, self.client, self.source = resource, resource.client, source
        if source.get("protocol") != SIMPLESTREAMS or not source.get("alias"):
            raise InvalidInput(
                "refresh: the image is not one of an image server: write remote, as in own:debian/12, or a source with "
                "protocol: simplestreams and an alias."
            )
        self.server = str(source["server"]).rstrip("/")

    def fingerprint(self, sort: str) -> str:
        """The fingerprint of the image that the alias names now.

        :param sort: the type of the image
        :raises Missing: if the image server has no such image
        """
        known = _METADATA[self.client.implementation]
        names: list[str] = []
        with self._reading() as read:
            products = _products(read)
        for architecture in self.client.server["environment"]["architectures"]:
            for product in products:
                if of_image_servers(product["arch"]) == of_image_servers(architecture):
                    names += _aliases(product)
                    found = self.source["alias"] in _aliases(product) and _newest(product, sort, known)
                    if found:
                        return str(found)
        raise Missing(
            f"refresh: the image server {self.server} has no image '{self.source['alias']}' of the type {sort} for "
            f"{self.client.label}. {did_you_mean(self.source['alias'], names)}"
        )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Callable[[str], Any]]:
        """A function that reads a part of the index by its path."""
        connection = None
        try:
            connection = self._connection()
            yield functools.partial(_part, connection, urllib.parse.urlsplit(self.server).path)
        except ssl.SSLCertVerificationError as exc:
            raise LXDError(
                f"refresh: the certificate of the image server {self.server} is not the one that 'remotes' or 'source' "
                f"names, or is not valid: {exc.verify_message.rstrip('.')}. The image stays as it is."
            ) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise LXDError(
                f"refresh: the image server {self.server} cannot be read ({str(exc) or type(exc).__name__}). The host "
                "that runs the module reads its index. The image stays as it is."
            ) from exc
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise LXDError(
                f"refresh: the index of the image server {self.server} is broken ({type(exc).__name__}: {exc}). The "
                "image stays as it is."
            ) from exc
        finally:
            if connection:
                connection.close()

    def _connection(self) -> http.client.HTTPSConnection:
        parts = urllib.parse.urlsplit(self.server)
        if parts.scheme != "https" or not parts.hostname:
            raise InvalidInput(f"refresh: '{self.server}' is not an address that begins with https://.")
        left = min(self.client.deadline.check(f"asking the image server {self.server}"), _PATIENCE)
        clock = Clock()
        clock.end = time.monotonic() + left
        pinned = self.source.get("certificate")
        context = _context(pinned)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=left, context=context)
        connection.response_class = functools.partial(Answer, clock)  # type: ignore[assignment]
        if pinned:
            # the daemons look for a name of this certificate, and not for that of the address
            context.check_hostname = False
            connection.connect()
            if connection.sock.getpeercert(binary_form=True) != certificate_der("source.certificate", pinned):
                connection.close()
                context.check_hostname = True  # it is that of an authority; the connection is made again
        return connection

    # -- taking it ----------------------------------------------------------------------------------------------------

    def take(self, fingerprint: str, old: dict[str, Any], body: dict[str, Any]) -> None:
        """Have the daemon copy the image, and then replace the old one by it (`POST /1.0/images/FINGERPRINT/refresh`).

        An old image from elsewhere stays, and only loses its alias.

        :param old: the image that the alias names now
        :param body: the request that creates the image, with the options of the task
        """
        client, resource = self.resource.writer, self.resource
        forget_index(client.url, str(self.source["server"]))
        request = {key: value for key, value in body.items() if key not in ("aliases", "name", "fingerprint")}
        take(client, resource.path, {**request, "source": self.source}, resource.query())
        if not client.find(resource.url(fingerprint), **resource.query()):
            raise LXDError(
                f"refresh: {client.label} has not taken {fingerprint[:12]} from {self.server}, because it still uses "
                "an index that it has read less than an hour ago. Run the task as root on the host of the server, or "
                "later."
            )
        origin = old.get("update_source") or {}
        if all(origin.get(key) == self.source[key] for key in ("server", "protocol", "alias")):
            client.write("POST", f"{resource.url(old['fingerprint'])}/refresh", **resource.query())
        resource.fingerprint = fingerprint
        point_alias(resource)


def replacement(image: Any, found: Existing, source: dict[str, Any]) -> Plan | None:
    """The plan that replaces an image by the one that its alias names on an image server now; None if it is that one.

    :param source: where the image comes from, as the API has it
    """
    newer, old = Newer(image, source), found.object
    other = image.attempt(newer.fingerprint, old["type"], instead=old["fingerprint"])
    if other == old["fingerprint"]:
        return None
    words = f"take the newer image {other[:12]} for alias {image.name}"
    plan: Plan = image.replaced(found, other, words, lambda body: newer.take(other, old, body))
    return plan


def _part(connection: http.client.HTTPSConnection, root: str, path: str) -> Any:
    connection.request("GET", f"{root}/{path}", headers={"Accept-Encoding": "identity"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise ValueError(f"/{path}: it answers with status {answer.status}")
    text = answer.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError(f"/{path} is larger than {_LARGEST >> 20} MiB")
    return json.loads(text)


def _context(certificate: str | None) -> ssl.SSLContext:
    """TLS that is verified by this certificate alone, or by the authorities of the host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        context.verify_flags |= _PARTIAL_CHAIN
        context.load_verify_locations(cadata=certificate)
    else:
        context.load_default_certs()
    return context


def _products(read: Any) -> list[dict[str, Any]]:
    """All products of images, in the order of their names."""
    found: dict[str, dict[str, Any]] = {}
    for entry in read(_INDEX)["index"].values():
        if entry["datatype"] == "image-downloads" and entry["products"]:
            if not _PATH.fullmatch(entry["path"]):
                raise ValueError("a path in it leads elsewhere")
            found.update(read(entry["path"])["products"])
    return [found[key] for key in sorted(found)]


def _aliases(product: dict[str, Any]) -> list[str]:
    names = product["aliases"].split(",")
    return [*names, *(f"{name}/{product['arch']}" for name in names)]


def _newest(product: dict[str, Any], sort: str, known: tuple[str, str]) -> str:
    """The fingerprint of the newest version of a product that has an image of this type; empty if none has."""
    for name in sorted(product["versions"], reverse=True):
        items = {item["ftype"]: item for item in product["versions"][name]["items"].values()}
        split, unified = (items.get(one, {}) for one in known)
        for root, key in _ROOTS[sort]:
            found = split.get(key) or (split.get("combined_sha256") if root == "root.tar.xz" else "")
            if root in items and found:
                return _checked(found)
        if unified.get("sha256") and unified.get("combined_type", "container") == sort:
            return _checked(unified["sha256"])
    return ""


def _checked(fingerprint: str) -> str:
    """It becomes a part of paths, and an image server is not trusted with these."""
    if not re.fullmatch("[0-9a-f]{64}", fingerprint):
        raise ValueError("a fingerprint in it is none")
    return fingerprint
