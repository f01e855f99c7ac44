# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Where an instance or image comes from. The API knows no remotes: the names of the clients are resolved here."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ..._api.client import Client, quote
from ..._api.errors import InvalidInput, Missing, ServerError, did_you_mean
from ..._api.reader import Reader
from ._kept_index import forget_index
from ._remotes import REGISTRY, SIMPLESTREAMS, Remote, no_certificate, own_remote

#: Registries, whose images become application containers. The `incus` client ships with none; these are the names that
#: its documentation and its users give them.
REGISTRIES = {"docker": "https://docker.io", "ghcr": "https://ghcr.io", "quay": "https://quay.io"}
#: The remotes that `lxc` and `incus` ship with, which speak simplestreams, and registries.
_UBUNTU = {
    "ubuntu": "https://cloud-images.ubuntu.com/releases",
    "ubuntu-daily": "https://cloud-images.ubuntu.com/daily",
    "ubuntu-minimal": "https://cloud-images.ubuntu.com/minimal/releases",
    "ubuntu-minimal-daily": "https://cloud-images.ubuntu.com/minimal/daily",
}
REMOTES = {
    "lxd": {"images": "https://images.lxd.canonical.com", **_UBUNTU},
    "incus": {"images": "https://images.linuxcontainers.org", **_UBUNTU, **REGISTRIES},
}
#: The extension of servers that take images of registries: Incus 6.3 and later.
OCI = "instance_oci"
_FINGERPRINT = re.compile("[0-9a-f]{12,64}")


def remote_source(client: Reader, option: str, text: str) -> dict[str, Any]:
    """The API's source for `remote:alias`."""
    remote, _colon, alias = text.partition(":")
    found = remote_of(client, remote)
    if (found and found.protocol == REGISTRY) or (not found and remote in REGISTRIES):
        require_registries(client, f"{option}: '{text}'")
    if not found:
        known = [*client.remotes, *REMOTES[client.implementation]]
        raise InvalidInput(
            f"{option}: '{text}' names the remote '{remote}', which is none of the known ones. "
            f"{did_you_mean(remote, known)} Name an image server of your own in the variable lxd_remotes, as in "
            f"lxd_remotes: {{{remote or 'own'}: {{url: https://…, certificate: …}}}}."
        )
    if not alias:
        raise InvalidInput(f"{option}: '{text}' names a remote and no image; write it as in images:debian/12.")
    return {**found.source, "alias": alias}


def remote_of(client: Reader, name: str) -> Remote | None:
    """The image server or registry of a name: one of the user, or else one that the clients of the daemons know.

    :raises InvalidInput: if what the user wrote of it is wrong
    """
    own = own_remote(client.remotes, name)
    if own:
        return own
    url = REMOTES[client.implementation].get(name)
    return Remote(url, REGISTRY if name in REGISTRIES else SIMPLESTREAMS, None) if url else None


def require_registries(client: Reader, what: str) -> None:
    """Refuse an image of a registry on a server that takes none."""
    client.require(OCI, f"{what} is an image of a registry (OCI): Incus has these since version 6.3. It")


def check_source(client: Reader, source: Mapping[str, Any], sort: str = "container") -> None:
    """Refuse a written source that is an image of a registry, where the server, or this sort of instance, takes none.

    The server verifies a registry by the authorities that its host trusts, and passes a certificate over.
    """
    if source.get("protocol") != REGISTRY:
        return
    require_registries(client, "source.protocol: 'oci'")
    if source.get("certificate"):
        raise InvalidInput(no_certificate("source.certificate"))
    if sort == "virtual-machine":
        raise InvalidInput(
            "type: an image of a registry (OCI) becomes a container, and a virtual-machine is wanted. Choose an image "
            "of virtual machines."
        )


def find_image(client: Reader, name: str, project: str | None) -> str | None:
    """The fingerprint of a local image, by alias or by (part of its) fingerprint."""
    alias = client.find(f"/1.0/images/aliases/{quote(name)}", project=project)
    if alias:
        return alias.metadata["target"]
    if _FINGERPRINT.fullmatch(name):
        image = client.find(f"/1.0/images/{name}", project=project)
        return image.metadata["fingerprint"] if image else None
    return None


def image_source(client: Reader, option: str, text: str, project: str | None) -> dict[str, Any]:
    """The API's source for `image`: a local alias or fingerprint, or `remote:alias`.

    :raises Missing: if there is no such local image
    """
    if ":" in text:
        return remote_source(client, option, text)
    found = find_image(client, text, project)
    if not found:
        known = client.names("/1.0/images/aliases", project=project)
        raise Missing(
            f"{option}: there is no image '{text}' on {client.label}. {did_you_mean(text, known)} "
            "An image of a remote is written as in images:debian/12 or ubuntu:24.04."
        )
    return {"type": "image", "fingerprint": found}


def take(client: Client, path: str, body: dict[str, Any], query: dict[str, Any]) -> Any:
    """`POST` what has an image of a server as its source.

    The daemon may look for it in an index that it keeps, in which the image is not yet, or not any longer. An error
    names the server, which the words of the daemons, such as `unexpected EOF`, do not always do; of a public one, also
    what a host does that has no way to the internet.
    """
    source = body["source"]
    server = source.get("server") or ""
    try:
        try:
            return client.write("POST", path, body, **query)
        except ServerError:
            if source.get("protocol") != SIMPLESTREAMS or not forget_index(client.url, server):
                raise
            return client.write("POST", path, body, **query)
    except ServerError as exc:
        if not server:
            raise
        public = server in REMOTES["lxd"].values() or server in REMOTES["incus"].values()
        hint = "; for hosts without internet, name an image server of your own in lxd_remotes" if public else ""
        text = f"{exc.text} (the image is taken from {server}{hint})"
        raise ServerError(text, exc.code, text) from exc


def image_name(image: dict[str, Any]) -> str:
    """What a document calls an image: its first alias, else its fingerprint."""
    return min((alias["name"] for alias in image.get("aliases") or ()), default=image["fingerprint"])
