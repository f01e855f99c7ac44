# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Reads the instances of servers as hosts with variables: one request for each server, in parallel."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import re
import urllib.parse
from typing import Any, Callable, Dict

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.addresses import urls_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.connect import connect
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import secrets, values
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances._wait import own_addresses

FAMILIES = {"inet": "ipv4", "inet6": "ipv6"}
#: What an entry of `servers` may have, with its defaults.
SERVER = {
    "name": None, "url": None, "client_cert": None, "client_key": None, "server_cert": None, "server_fingerprint": None,
    "trust_token": None, "validate_certs": True, "timeout": 30,
}  # fmt: skip
#: The prefix of variables that have the same meaning.
PREFIX = "lxd_"
#: What the environment can set, as in LXD_URL.
ENVIRONMENT = ("url", "client_cert", "client_key", "server_cert", "server_fingerprint", "trust_token")
#: Either of these pins a server.
PINS = ("server_cert", "server_fingerprint")
#: Keys that are long or private: scripts that may contain passwords, the environment, and internal keys of the daemon.
LEFT_OUT = (
    "volatile.*",
    "raw.*",
    "environment.*",
    "cloud-init.*",
    "user.user-data",
    "user.vendor-data",
    "user.network-config",
    "*.scriptlet",
)
LOOKUP = re.compile(r"""(?P<name>\w+)(\[(?P<quote>['"])(?P<key>[^'"\\]+)(?P=quote)\])?""", re.ASCII)

Server = Dict[str, Any]  # an entry of `servers`, complete
Variables = Dict[str, Any]


def complete(servers: list[dict[str, Any]], variables_of: Callable[[str], Any]) -> list[Server]:
    """The servers with their defaults and a name each. Raises InvalidInput for unknown options and equal names.

    :param variables_of: reads the file of a server
    """
    found: list[Server] = []
    for entry in servers:
        path = entry.get("file")
        name = {"name": pathlib.Path(path).stem} if path else {}
        given = {**name, **(_of_file(path, variables_of) if path else {}), **_options(entry)}
        server = {**SERVER, **_of_environment(given), **given}
        first = (urls_of(server["url"]) or ("",))[0]
        server["name"] = server["name"] or urllib.parse.urlsplit(first).hostname or "local"
        if server["name"] in [other["name"] for other in found]:
            raise InvalidInput(f"servers: two servers have the name '{server['name']}'. Give each a 'name' of its own.")
        found.append(server)
    return found


def _options(entry: dict[str, Any]) -> dict[str, Any]:
    """The options of an entry, without the prefix of variables."""
    given: dict[str, Any] = {}
    for key, value in entry.items():
        option = key[len(PREFIX) :] if key.startswith(PREFIX) else key
        if option == "file":
            continue
        if option not in SERVER:
            known = ", ".join(["file", *SERVER])
            raise InvalidInput(f"servers: there is no option '{key}' for a server. Known: {known}.")
        if option in given:
            raise InvalidInput(f"servers: '{option}' and '{PREFIX}{option}' are the same option. Write one of them.")
        given[option] = value
    return given


def _of_file(path: str, variables_of: Callable[[str], Any]) -> dict[str, Any]:
    """The options in a file of variables. Other variables than those of servers do not matter."""
    content = variables_of(path)
    if not isinstance(content, dict):
        raise InvalidInput(f"servers: {path} is no dictionary of variables such as {PREFIX}url.")
    names = {f"{PREFIX}{option}": option for option in SERVER if option not in ("name", "timeout")}
    given = {names[key]: value for key, value in content.items() if key in names}
    if not given.get("url"):
        raise InvalidInput(f"servers: {path} has no {PREFIX}url. The playbook cloudhost.lxd.trust writes such a file.")
    return given


def _of_environment(given: dict[str, Any]) -> dict[str, Any]:
    """The options that the environment sets, as for the modules, but no second pin."""
    pinned = any(given.get(option) for option in PINS)
    options = [option for option in ENVIRONMENT if not given.get(option) and not (pinned and option in PINS)]
    values = {option: os.environ.get(f"LXD_{option.upper()}") for option in options}
    return {option: value for option, value in values.items() if value}


def read(
    servers: list[Server], projects: list[str], filters: list[str], address: dict[str, str | None]
) -> dict[str, list[Variables] | LXDError]:
    """For each server, the variables of its instances, or the error that prevents reading it."""

    def one(server: Server) -> list[Variables] | LXDError:
        try:
            return _read_one(server, projects, filters, address)
        except LXDError as exc:
            return exc
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as exc:  # only its answer causes these
            return LXDError(
                f"{', '.join(urls_of(server['url'])) or 'the local socket'} answered with something that is no list of "
                f"instances ({type(exc).__name__}: {exc}). Is 'url' right?"
            )

    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip([server["name"] for server in servers], pool.map(one, servers)))


def _read_one(
    server: Server, projects: list[str], filters: list[str], address: dict[str, str | None]
) -> list[Variables]:
    client = connect({**server, "timeout": int(server["timeout"])})
    single = projects[0] if len(projects) == 1 and projects[0] != "all" else None
    query = {
        "recursion": 2,
        "filter": " and ".join(filters),
        "project": single,
        "all-projects": None if single else "true",
    }
    try:
        listed = client.get("/1.0/instances", **query).metadata or []
        url = client.url if len(client.urls) == 1 else list(client.urls)
    finally:
        client.transport.close()
    wanted = [instance for instance in listed if single or "all" in projects or instance["project"] in projects]
    return [{**variables(instance, address), "lxd_server": server["name"], "lxd_url": url} for instance in wanted]


def variables(instance: dict[str, Any], address: dict[str, str | None]) -> Variables:
    """The variables of a host."""
    config, devices = instance.get("expanded_config") or {}, instance.get("expanded_devices") or {}
    addresses = own_addresses(instance.get("state") or {}, devices)
    chosen = own_addresses(_only(address["nic"], instance), devices) if address["nic"] else addresses
    preferred = [found["address"] for found in chosen if address["family"] in (None, FAMILIES.get(found["family"]))]
    shown = {key: value for key, value in config.items() if not values.matches(key, LEFT_OUT)}
    return {
        "lxd_name": instance["name"],
        "lxd_project": instance.get("project") or "default",
        "lxd_type": instance["type"],
        "lxd_status": instance["status"],
        "lxd_location": instance.get("location") or "none",
        "lxd_architecture": instance.get("architecture"),
        "lxd_description": instance.get("description") or "",
        "lxd_ephemeral": bool(instance.get("ephemeral")),
        "lxd_created_at": instance.get("created_at"),
        "lxd_profiles": instance.get("profiles") or [],
        "lxd_config": secrets.masked({key: value for key, value in shown.items() if not key.startswith("image.")}),
        "lxd_image": {key[len("image.") :]: value for key, value in shown.items() if key.startswith("image.")},
        "lxd_devices": secrets.masked(devices),
        "lxd_addresses": [found["address"] for found in addresses],
        "lxd_address": preferred[0] if preferred else None,
        "lxd_snapshots": [snapshot["name"].rpartition("/")[2] for snapshot in instance.get("snapshots") or ()],
    }


def looked_up(expression: Any, variables: Variables) -> Any:
    """The value of an expression that only names a variable, or a key of one, as in `lxd_config['user.role']`.

    None for any other expression, and if there is no such value.
    """
    found = LOOKUP.fullmatch(str(expression))
    value = variables.get(found["name"]) if found else None
    if found and found["key"] is not None:
        value = value.get(found["key"]) if isinstance(value, dict) else None
    return value


def _only(nic: str, instance: dict[str, Any]) -> dict[str, Any]:
    """The state with the interface of one device only.

    In a virtual machine, the interface may have another name. It is recognized by its MAC address.
    """
    config = instance.get("expanded_config") or {}
    device = (instance.get("expanded_devices") or {}).get(nic) or {}
    hwaddr = device.get("hwaddr") or config.get(f"volatile.{nic}.hwaddr")
    names = {nic, device.get("name") or config.get(f"volatile.{nic}.name") or nic}
    network = (instance.get("state") or {}).get("network") or {}
    return {
        "network": {
            name: found
            for name, found in network.items()
            if name in names or (hwaddr and found.get("hwaddr") == hwaddr and found.get("host_name"))
        }
    }
