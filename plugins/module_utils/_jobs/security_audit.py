# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `security_audit_info`: what is and is not enforced on a server, by the rules of `_audit/`."""

from __future__ import annotations

import datetime
from typing import Any, Iterator

from .._api.client import Client
from .._api.errors import InvalidInput, ServerError
from .._audit import end_of_life, exceptions
from .._audit.enforced import enforced
from .._audit.model import SEVERITIES, Surroundings, findings
from .._audit.remedies import merged
from .._audit.rules import RULES
from .._audit.subjects import Listings, gaps, lacks, subjects
from .._audit.user_ids import own_ids
from .._engine import secrets
from .._engine.values import is_true
from .info import Info

#: What remedies write where a limit is missing.
LIMITS = {"cpu": "2", "instances": "50", "memory": "2GiB", "processes": "2000"}


class SecurityAuditInfo(Info):
    """The server, its members, projects, instances, images and trust store."""

    spec: dict[str, dict[str, Any]] = {
        "api_address": {"type": "str"},
        "certificate_max_age": {"type": "int", "default": 730},
        "end_of_life": {"type": "dict", "default": {}},
        "exceptions": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "rule": {"type": "str", "required": True},
                "project": {"type": "str"},
                "name": {"type": "str"},
                "item": {"type": "str"},
                "reason": {"type": "str", "required": True},
                "until": {"type": "str", "required": True},
            },
        },
        "limits": {
            "type": "dict",
            "default": {},
            "options": {name: {"type": "str", "default": value} for name, value in LIMITS.items()},
        },
    }

    @staticmethod
    def gather(client: Client, params: dict[str, Any]) -> dict[str, Any]:
        accepted = exceptions.declared(params["exceptions"])
        dates = _dates(params["end_of_life"])
        listings = read(client, params["project"])
        around = _around(client, params, listings, dates)
        audited = subjects(listings)
        outcome = exceptions.applied(accepted, findings(RULES, audited, around), around.today)
        counting = [finding for finding, exception in outcome.findings if not exception]
        return {
            "findings": [
                {
                    **finding.shown(),
                    "exception": {"reason": found.reason, "until": found.until.isoformat()} if found else None,
                }
                for finding, found in outcome.findings
            ],
            "counts": {severity: sum(finding.severity == severity for finding in counting) for severity in SEVERITIES},
            "exceptions": outcome.exceptions,
            "enforced": enforced(audited, around),
            "remedies": merged(task for finding in counting for task in finding.hit.tasks),
            "server": {"implementation": client.implementation, "url": secrets.without_logins(client.url)},
            "date": around.today.isoformat(),
        }


def _dates(given: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The end of versions, with the corrections of the user; InvalidInput if one of these is no date."""
    wrong = []
    for product, versions in given.items():
        for version, date in versions.items() if isinstance(versions, dict) else [("", versions)]:
            try:
                datetime.date.fromisoformat(str(date if date is not None else end_of_life.AS_OF))
            except ValueError:
                wrong.append(f"end_of_life: {product}: {version}: '{date}' is no date. Write it as in 2027-01-31.")
    if wrong:
        raise InvalidInput("\n".join(wrong))
    return end_of_life.with_corrections(
        {product: {str(version): date for version, date in dates.items()} for product, dates in given.items()}
    )


def _around(
    client: Client, params: dict[str, Any], listings: Listings, dates: dict[str, dict[str, str]]
) -> Surroundings:
    trust = client.transport.tls if client.transport.scheme == "https" else None
    return Surroundings(
        today=datetime.datetime.now(datetime.timezone.utc).date(),
        end_of_life=dates,
        limits={**LIMITS, **{name: value for name, value in params["limits"].items() if value}},
        max_age=params["certificate_max_age"],
        address=params["api_address"] or _address(client),
        own=_fingerprint(trust.client_pem) if trust and trust.client_pem else "",
        extensions=frozenset(client.server["api_extensions"]),
        lacks=lacks(listings),
        unread=tuple(listings.unread),
        user_ids=own_ids(listings.instances),
        gaps=gaps(listings),
    )


def read(client: Client, project: str | None) -> Listings:
    """Everything that the audit looks at: one request a collection, and one for each member of a cluster."""
    members = [one["server_name"] for one in _all(client, "/1.0/cluster/members")] if client.clustered else []
    servers = [client.get("/1.0", target=member).metadata for member in members] or [client.server]
    listings = Listings(servers=servers, members=members)
    listings.projects = _all(client, "/1.0/projects")
    if project:
        listings.projects = [one for one in listings.projects if one["name"] == project]
        if not listings.projects:
            raise InvalidInput(f"project: there is no '{project}' on {client.label}.")
    listings.instances = list(_everywhere(client, "instances", listings.projects))
    for what, reading in (
        ("profiles", _in_projects(client, "profiles", listings.projects)),
        ("images", _in_projects(client, "images", listings.projects)),
        ("certificates", _listed(client, "certificates")),
        ("warnings", _listed(client, "warnings")),
    ):
        try:
            setattr(listings, what, list(reading))
        except ServerError as exc:
            if exc.code != 403:  # what a client may not see depends on its certificate
                raise
            listings.unread.append(what)
    return listings


def _listed(client: Client, what: str) -> Iterator[dict[str, Any]]:
    """A collection, read once it is iterated."""
    yield from _all(client, f"/1.0/{what}")


def _all(client: Client, path: str, **query: Any) -> list[dict[str, Any]]:
    return list(client.get(path, recursion=1, **query).metadata or [])


def _everywhere(client: Client, what: str, projects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The objects of these projects. The server lists those of all, also of some that a client may not see."""
    names = {one["name"] for one in projects}
    for one in _all(client, f"/1.0/{what}", **{"all-projects": "true"}):
        if (one.get("project") or "default") in names:
            yield one


def _in_projects(client: Client, what: str, projects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The objects that these projects have, or use of `default`. Servers without the extension are asked for each."""
    own = [one for one in projects if one["name"] != "default" and _has_own(one, what)]
    shared = [{"name": "default"}] if len(own) < len(projects) else []
    if client.has(f"{what}_all_projects"):
        yield from _everywhere(client, what, [*shared, *own])
        return
    for project in [*shared, *own]:
        for one in _all(client, f"/1.0/{what}", project=project["name"]):
            yield {**one, "project": project["name"]}


def _has_own(project: dict[str, Any], what: str) -> bool:
    return is_true((project.get("config") or {}).get(f"features.{what}"))


def _address(client: Client) -> str:
    """The address that remedies have the API listen on: the one that the audit uses, or one that the server has."""
    import urllib.parse  # noqa: PLC0415 - only an audit needs it

    if client.transport.scheme == "https":
        return urllib.parse.urlsplit(client.url).hostname or ""
    known = (client.server.get("environment") or {}).get("addresses") or []
    hosts = [urllib.parse.urlsplit(f"//{address}").hostname or "" for address in known]
    return next((host for host in hosts if host not in ("127.0.0.1", "::1", "")), "127.0.0.1")


def _fingerprint(pem: str) -> str:
    from .._api.tls import certificate_der, fingerprint  # noqa: PLC0415 - only connections over TLS need it

    return fingerprint(certificate_der("client_cert", pem))
