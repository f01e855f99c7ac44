# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a new instance is made of besides the options of the task: the original of a copy, the profiles of an image, the
devices of profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

from ..._api.client import Client, quote
from ..._api.errors import InvalidInput, Missing, did_you_mean
from ..._api.reader import Reader
from ..._engine import values
from .. import _files as files
from .._copied import is_elsewhere
from ..images._source import check_source, image_source

if TYPE_CHECKING:
    from ..._engine.claims import Claim

#: What the API wants as a boolean in a source, and documents and templates may bring as text.
_FLAGS = ("allow_inconsistent", "container_only", "instance_only", "live", "refresh", "refresh_exclude_older")
ROOT = {"type": "disk", "path": "/"}
#: What a PUT of an instance takes; the rest of the object is the daemon's.
WRITABLE = ("architecture", "config", "description", "devices", "ephemeral", "profiles", "stateful")


def references(source: Any) -> list[tuple[str, ...]]:
    """What a source names, in the project of the source or of the instance."""
    if not isinstance(source, dict) or is_elsewhere(source):
        return []
    place = (str(source["project"]),) if source.get("project") else ()
    named = {"alias": ("image", "image_alias"), "source": ("instance", "instance_snapshot")}
    found: list[tuple[str, ...]] = [
        (kind, str(source[key]), *place) for key, kinds in named.items() if source.get(key) for kind in kinds
    ]
    return found + [("project", name, "") for name in place]


def source_of(client: Reader, params: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The API's source for the options `image` and `source`.

    :raises Missing: if it does not exist
    """
    written, project = params["source"], params["project"]
    if written:
        source = {key: _flag(key, value) for key, value in written.items() if value is not None}
        check_source(client, source, kind)
        if source.get("project") and not source.get("server"):
            known = client.names("/1.0/projects")
            if source["project"] not in known:
                raise Missing(
                    f"source.project: there is no '{source['project']}' on {client.label}. "
                    f"{did_you_mean(source['project'], known)}"
                )
        if source["type"] == "image" and source.get("alias") and not source.get("server"):
            return image_source(client, "source.alias", source["alias"], source.get("project") or project)
        if source["type"] == "copy":
            known = client.names("/1.0/instances", project=source.get("project") or project)
            name = str(source.get("source", "")).split("/", 1)[0]
            if name not in known:
                raise Missing(
                    f"source.source: there is no instance '{name}' to copy on {client.label}. "
                    f"{did_you_mean(name, known)}"
                )
        return source
    if not params["image"]:
        raise Missing(
            f"image: instance '{params['new_name'] or params['name']}' does not exist yet on {client.label}; say "
            "what to make it from with "
            "'image', or with source: {type: none} for an empty one, source: {type: copy, source: …} for a copy."
        )
    source = image_source(client, "image", params["image"], project)
    check_source(client, source, kind)
    return {**source, "image_type": kind} if kind == "virtual-machine" and "server" in source else source


def _flag(key: str, value: Any) -> Any:
    return values.is_true(value) if key in _FLAGS and isinstance(value, str) else value


def brings_more(source: dict[str, Any]) -> bool:
    """Whether a source has config and devices of its own, so that the rest is planned once the instance exists."""
    return source["type"] in ("backup", "copy")


def described(source: dict[str, Any], image: str | None) -> str:
    """What a new instance is made from, for the words of a step."""
    place = f" of {source['server']}" if source.get("server") else ""
    words = {
        "copy": f"as a copy of {source.get('source')}{place}",
        "none": "empty",
        "backup": f"from {source.get('file')}",
    }
    named = image or source.get("alias") or source.get("fingerprint")
    return words.get(source["type"], f"from image {named}" if named else "")


def send_backup(client: Client, path: str, body: dict[str, Any], pool: str | None, query: dict[str, Any]) -> None:
    """Make an instance of the file of an export: `POST /1.0/instances` with the file as the body."""
    about = {"name": body["name"], **({"pool": pool} if pool else {})}
    files.send(client, path, body["source"]["file"], about, query)


def original_of(client: Reader, source: dict[str, Any], project: str | None) -> dict[str, Any]:
    """The instance or snapshot that is copied; empty for other sources."""
    if source["type"] != "copy":
        return {}
    name, _slash, snapshot = str(source.get("source", "")).partition("/")
    path = f"/1.0/instances/{quote(name)}" + (f"/snapshots/{quote(snapshot)}" if snapshot else "")
    found = client.find(path, project=source.get("project") or project)
    return dict(found.metadata) if found else {}


def take_over(body: dict[str, Any], original: dict[str, Any]) -> None:
    """Send what the servers' own clients send of the original of a copy: the servers themselves copy its config, and
    not all of the rest.

    Marks of a stack are emptied unless the copy has its own: a copy is unmanaged.
    """
    for key in ("profiles", "description"):
        if key not in body and original.get(key):
            body[key] = original[key]
    config = original.get("config") or {}
    unmarked = {mark: "" for mark in values.MARKS if mark in config}
    if unmarked:
        body["config"] = {**unmarked, **(body.get("config") or {})}


#: The keys that decide the user IDs of a container.
_IDMAP = ("security.idmap.*", "security.privileged", "raw.idmap")


def alone(obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[Claim, str]:
    """What no other instance can have, of its own devices and those of its profiles."""
    from ..._engine.claims import alone_of_devices  # only stacks need it

    return alone_of_devices(obj, client, query)


def turn(new: dict[str, Any], old: dict[str, Any], client: Reader, query: dict[str, Any]) -> str:
    """Isolated containers get their user IDs one at a time. LXD 5.0.2 and Incus 6.0.4 look for IDs that no other one
    has, and store them later, so that two of them can have the same.
    """
    told = [_of_idmap(obj, client, query) if obj.get("type") != "virtual-machine" else {} for obj in (new, old)]
    isolated = values.is_true(told[0].get("security.idmap.isolated"))
    return "idmap" if isolated and told[0] != told[1] else ""


def _of_idmap(obj: dict[str, Any], client: Reader, query: dict[str, Any]) -> dict[str, str]:
    """What decides the user IDs of an instance, with its profiles; nothing if there is no instance."""
    if not obj:
        return {}
    names = own_profiles(client, {"source": {}, **obj}, query.get("project"))
    layers = [layer.get("config") or {} for layer in (*profiles_of(client, names, query.get("project")), obj)]
    return {key: value for layer in layers for key, value in layer.items() if values.matches(key, _IDMAP) and value}


def own_profiles(client: Reader, body: dict[str, Any], project: str | None) -> list[str]:
    """The profiles that a new instance will have: those of the task, else those of its image, else `default`."""
    if body.get("profiles") is not None:
        return list(body["profiles"])
    fingerprint = body["source"].get("fingerprint")
    image = (
        client.find(f"/1.0/images/{fingerprint}", project=project)
        if fingerprint and not body["source"].get("server")
        else None
    )
    return list((image.metadata.get("profiles") if image else None) or ["default"])


def profiles_of_image(client: Reader, instance: dict[str, Any], project: str | None) -> list[str]:
    """The profiles that a new instance of the same image would have, if nothing else is said."""
    # users who may change the instance can write anything there, so it is quoted
    base = quote(str((instance.get("config") or {}).get("volatile.base_image") or ""))
    return own_profiles(client, {"source": {"fingerprint": base}}, project)


def profiles_of(client: Reader, names: list[str], project: str | None) -> list[dict[str, Any]]:
    """Those of the profiles that exist, in their order: the last one has precedence."""
    found = [client.find(f"/1.0/profiles/{quote(name)}", project=project) for name in names]
    return [dict(reply.metadata) for reply in found if reply]


def nulls(wanted: Mapping[str, Any], current: dict[str, Any]) -> list[tuple[str, str]]:
    """The devices and config keys to unset that the instance itself does not have. If it shows what they expand to,
    only those that remain.
    """
    found = []
    for option in ("devices", "config"):
        own, expanded = current.get(option) or {}, current.get(f"expanded_{option}")
        unset = [name for name, value in (wanted.get(option) or {}).items() if value is None and name not in own]
        found += [(option, name) for name in unset if expanded is None or name in expanded]
    return found


def idle_nulls(unset: list[tuple[str, str]], profiles: list[dict[str, Any]]) -> list[str]:
    """Warnings about what is to be unset and stays, because a profile has it."""
    ways = {"devices": "write {type: none} for it to be without it", "config": "write the value to have instead"}
    warnings = []
    for option, key in unset:
        giver = next((profile["name"] for profile in reversed(profiles) if key in (profile.get(option) or {})), None)
        if giver:
            warnings.append(
                f"{option}.{key}: null changes nothing, because the profile '{giver}' gives it: "
                f"{ways[option]}, or take it out there."
            )
    return warnings


def equip(
    client: Reader, body: dict[str, Any], wanted: Mapping[str, Any], original: dict[str, Any], params: Mapping[str, Any]
) -> list[str]:
    """Set the devices of the body: those of the original of a copy, merged with the written ones, completed, and with
    the root disk in the pool. Returns warnings.
    """
    written, pool, local = wanted.get("devices") or {}, params["pool"], original.get("devices") or {}
    inherited: dict[str, Any] = {}
    warnings: list[str] = []
    wrong: list[str] = []
    guess = False
    unset = nulls(wanted, original)
    if pool or unset or any(device and not device.get("type") for device in written.values()):
        names = own_profiles(client, body, params["project"])
        profiles = profiles_of(client, names, params["project"])
        guess = len(profiles) < len(set(names))
        inherited = {
            **{name: device for profile in profiles for name, device in (profile.get("devices") or {}).items()},
            **local,
        }
        warnings = idle_nulls(unset, profiles)
    if pool:
        written, inherited = in_pool(written, inherited, pool)
    devices = values.merge_devices(local, completed(written, inherited, wrong.append))
    if devices or "devices" in body:
        body["devices"] = devices
    if wrong and not guess:  # where a profile is not there either, that is what is wrong
        raise InvalidInput(*wrong)
    return warnings


def completed(
    wanted: dict[str, Any], inherited: dict[str, dict[str, Any]], refuse: Callable[[str], None]
) -> dict[str, Any]:
    """Complete devices, as the API requires: one without a type is the inherited one of its name with the written keys
    in it.

    `refuse` gets a sentence about each that cannot be completed.
    """
    result: dict[str, Any] = {}
    for name, device in wanted.items():
        if not device or device.get("type"):
            result[name] = device
        elif name in inherited:
            result[name] = values.overriding(inherited[name], device)
        else:
            refuse(
                f"devices.{name}: no 'type', and no profile has a device of this name to override. "
                f"{did_you_mean(name, list(inherited))} Give its type, such as disk or nic."
            )
    return result


def inherited(
    client: Reader, instance: dict[str, Any], profiles: list[str] | None, project: str | None, goes: bool
) -> dict[str, dict[str, Any]]:
    """The devices of an instance, including those of its profiles, or of those that it will have, perhaps in another
    project.
    """
    there = instance.get("expanded_devices") or {}
    if profiles is not None and (goes or profiles != instance.get("profiles")):
        there = {
            name: device
            for profile in profiles_of(client, profiles, project)
            for name, device in (profile.get("devices") or {}).items()
        }
    return {**there, **(instance.get("devices") or {})}


def root_of(*devices: dict[str, Any]) -> str:
    """The name of the root disk in the first of the maps that has one. Its `path` identifies it."""
    return next(
        (name for some in devices for name, device in some.items() if device and device.get("path") == "/"), "root"
    )


def pool_of(instance: dict[str, Any]) -> str | None:
    """The pool of the root disk of an instance."""
    devices = instance.get("expanded_devices") or {}
    pool: str | None = devices.get(root_of(devices), {}).get("pool")
    return pool


def in_pool(
    wanted: dict[str, Any], inherited: dict[str, dict[str, Any]], pool: str
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The same devices with a root disk in a pool: the written one, else the inherited one, else a new one."""
    name = root_of(wanted, inherited)
    return {**wanted, name: {**(wanted.get(name) or {}), "pool": pool}}, {
        **inherited,
        name: {**ROOT, **inherited.get(name, {})},
    }
