# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What the server listed, as the subjects of the audit: each with the config that counts, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator

from .._api import messages
from .._engine.values import is_true
from .gaps import GAPS, Gap, gaps_of, is_limited
from .model import Layer, Subject


@dataclass
class Listings:
    """The answers of the server.

    :ivar servers: `GET /1.0` of each member, or of the only server
    :ivar members: the names of the members of a cluster; none if there is no cluster
    :ivar projects: the projects to audit
    :ivar profiles: with those of `default`, which instances of other projects may use
    :ivar unread: what this client may not read
    """

    servers: list[dict[str, Any]]
    members: list[str]
    projects: list[dict[str, Any]] = field(default_factory=list)
    profiles: list[dict[str, Any]] = field(default_factory=list)
    instances: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    certificates: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def subjects(listings: Listings) -> list[Subject]:
    """All that is audited, in the order of reports."""
    return [
        _server(listings),
        *_members(listings),
        *(_plain("project", "", one["name"], one) for one in listings.projects),
        *(_plain("certificate", "", one.get("name") or one["fingerprint"][:12], one) for one in listings.certificates),
        *(_plain("image", one.get("project") or "default", _called(one), one) for one in listings.images),
        *_instances(listings),
    ]


def _plain(kind: str, project: str, name: str, data: dict[str, Any]) -> Subject:
    """A subject whose config is its own."""
    config = data.get("config") or {}
    return Subject(kind, project, name, data, config, {}, (Layer(kind, project, name, config, {}),))


def _name(server: dict[str, Any]) -> str:
    return (server.get("environment") or {}).get("server_name") or ""


def _server(listings: Listings) -> Subject:
    """What all members share: each of them shows it."""
    return _plain("server", "", "" if listings.members else _name(listings.servers[0]), listings.servers[0])


def _members(listings: Listings) -> Iterator[Subject]:
    """The members of a cluster, or the only server, whose own config a task writes without a target."""
    for name, server in zip(listings.members, listings.servers):
        yield _plain("member", "", name, server)
    if not listings.members:
        data = listings.servers[0]
        name, config = _name(data), data.get("config") or {}
        yield Subject("member", "", name, data, config, {}, (Layer("server", "", name, config, {}),))


def _called(image: dict[str, Any]) -> str:
    aliases = [alias["name"] for alias in image.get("aliases") or ()]
    return aliases[0] if aliases else image["fingerprint"][:12]


def _instances(listings: Listings) -> Iterator[Subject]:
    own_profiles = {
        one["name"] for one in listings.projects if is_true((one.get("config") or {}).get("features.profiles"))
    }
    profiles = {(one.get("project") or "default", one["name"]): one for one in listings.profiles}
    for one in listings.instances:
        project = one.get("project") or "default"
        home = project if project in own_profiles else "default"
        above = [_layer("profile", home, profiles.get((home, name), {"name": name})) for name in one["profiles"] or ()]
        layers = (_layer("instance", project, one), *reversed(above))
        config, devices = one.get("expanded_config") or {}, one.get("expanded_devices") or {}
        yield Subject("instance", project, one["name"], one, config, devices, layers)


def _layer(kind: str, project: str, data: dict[str, Any]) -> Layer:
    return Layer(kind, project, data["name"], data.get("config") or {}, data.get("devices") or {})


def lacks(listings: Listings) -> dict[str, frozenset[str]]:
    """By member, what its kernel does not enforce, from the warnings that have not been resolved. The only server is
    also called `none` by its instances.
    """
    found: dict[str, set[str]] = {name: set() for name in listings.members or (_name(listings.servers[0]), "none")}
    for warning in listings.warnings:
        for what, warned in messages.LACKS.items():
            if warning.get("status") != "resolved" and warned(warning.get("type")):
                at = warning.get("location")
                for name in [at] if at in listings.members else [] if listings.members else found:
                    found[name].add(what)
    return {name: frozenset(missing) for name, missing in found.items()}


def gaps(listings: Listings) -> tuple[Gap, ...]:
    """Those of any member, each once, if there is a client that is limited to projects."""
    if not any(map(is_limited, listings.certificates)):
        return ()
    there = {gap.name for one in listings.servers for gap in gaps_of(one.get("environment") or {})}
    return tuple(gap for gap in GAPS if gap.name in there)
