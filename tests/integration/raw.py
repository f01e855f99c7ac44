# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API as it is: neither our client nor the daemon's, which smooth over what is to be seen, and without starting a
program for each look.
"""

from __future__ import annotations

import http.client
import json
import pathlib
import socket
import time
import urllib.parse
from typing import Any, NamedTuple

#: What a test can make, in the order in which it can be deleted, and what each is called by.
MADE = {
    "instances": "name",
    "images/aliases": "name",
    "images": "fingerprint",
    "profiles": "name",
    "networks": "name",
    "network-acls": "name",
    "network-address-sets": "name",
    "network-zones": "name",
    "storage-pools": "name",
}
#: The same for what is in a storage pool, which is deleted after its users and before the pool.
IN_POOLS = {"volumes/custom": "storage.volumes", "buckets": "storage.buckets"}


def ask(place: pathlib.Path, method: str, path: str, body: object = None) -> dict[str, Any]:
    """The envelope that a daemon answers one request with, at its socket `place`."""
    connection = http.client.HTTPConnection("localhost", timeout=150)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(150)
    try:
        connection.sock.connect(str(place))
        connection.request(method, path, json.dumps(body) if body is not None else None)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def done(place: pathlib.Path, method: str, path: str, body: object = None) -> Any:
    """One request and its end; an error of the daemon is raised."""
    answer = ask(place, method, path, body)
    if answer["type"] == "async":
        operation = answer["operation"].split("?")[0]
        answer = ask(place, "GET", f"{operation}/wait?timeout=60")
        if answer["type"] != "error" and answer["metadata"]["status_code"] != 200:
            raise RuntimeError(f"{method} {path}: {answer['metadata']['err'] or answer['metadata']['status']}")
    if answer["type"] == "error":
        raise RuntimeError(f"{method} {path}: {answer['error']}")
    return answer["metadata"]


class Thing(NamedTuple):
    """Something on a server that a test can make."""

    project: str
    collection: str
    name: str


def things(place: pathlib.Path) -> set[Thing]:
    """All that is on a server, but for what each server and each project has."""
    found = set()
    for project in done(place, "GET", "/1.0/projects?recursion=1"):
        name, config = project["name"], project["config"]
        found |= {Thing("", "projects", name)} if name != "default" else set()
        for collection, key in MADE.items():
            feature = f"features.{collection.split('/')[0]}"
            shared = collection == "storage-pools" or (collection != "instances" and config.get(feature) != "true")
            if name != "default" and shared:
                continue
            found |= {
                Thing(name, collection, one[key])
                for one in _listed(place, collection, name)
                if one.get("managed", True) and not (collection == "profiles" and one[key] == "default")
            }
        for pool in _listed(place, "storage-pools", name):
            for inside, feature in IN_POOLS.items():
                collection = f"storage-pools/{urllib.parse.quote(pool['name'])}/{inside}"
                if name == "default" or config.get(f"features.{feature}") == "true":
                    found |= {
                        Thing(name, collection, one["name"])
                        for one in _listed(place, collection, name)
                        if "/" not in one["name"]  # of a snapshot, which goes with its volume
                    }
    return found


def _listed(place: pathlib.Path, collection: str, project: str) -> list[dict[str, Any]]:
    """The objects of a collection; none where the server does not know it."""
    answer = ask(place, "GET", f"/1.0/{collection}?recursion=1&project={urllib.parse.quote(project)}")
    if answer["type"] == "error" and answer["error_code"] not in (404, 501):
        raise RuntimeError(f"{collection}: {answer['error']}")
    return (answer["metadata"] if answer["type"] != "error" else None) or []


def _turn(thing: Thing) -> int:
    """When it can be deleted. A project comes last, when it is empty."""
    order = [*MADE, "projects"]
    inside = thing.collection.startswith("storage-pools/")
    return order.index("networks") * 2 - 1 if inside else order.index(thing.collection) * 2


def remove(place: pathlib.Path, what: set[Thing]) -> None:
    """Whatever a test has left behind."""
    for thing in sorted(what, key=lambda thing: (_turn(thing), thing)):
        path = f"/1.0/{thing.collection}/{urllib.parse.quote(thing.name, safe='')}"
        if thing.collection == "instances":
            try:
                done(
                    place,
                    "PUT",
                    f"{path}/state?project={urllib.parse.quote(thing.project)}",
                    {"action": "stop", "force": True, "timeout": 10},
                )
            except RuntimeError:  # it is stopped
                pass
        _delete(place, path + (f"?project={urllib.parse.quote(thing.project)}" if thing.project else ""))


def _delete(place: pathlib.Path, path: str, seconds: float = 20) -> None:
    """As soon as the daemon has ended what it does with it, such as a start that fails."""
    end = time.monotonic() + seconds
    while True:
        try:
            done(place, "DELETE", path)
            return
        except RuntimeError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
