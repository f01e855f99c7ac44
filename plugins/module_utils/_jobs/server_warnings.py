# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `warning`: what the server warns of, acknowledged or deleted."""

from __future__ import annotations

from typing import Any

from .._api.client import Client
from .._api.errors import Interrupted, InvalidInput
from .._engine import values
from .info import Collection, read

PATH = "/1.0/warnings"
#: What the API takes; the server itself sets `resolved`, and refuses to change a warning that is.
_STATES = ("acknowledged", "new", "absent")
_SELECT = ("uuid", "type", "entity_url", "location")


class Warnings:
    """Warnings of a server, which are found by what they are about: their UUID changes."""

    spec: dict[str, dict[str, Any]] = {
        "uuid": {"type": "str"},
        "type": {"type": "str"},
        "entity_url": {"type": "str"},
        "location": {"type": "str"},
        "state": {"type": "str", "choices": list(_STATES), "default": "acknowledged"},
    }

    @staticmethod
    def run(client: Client, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        if not any(params[option] for option in _SELECT[:3]):
            raise InvalidInput("uuid, type, entity_url: one of them is needed, to say which warnings are meant.")
        found = matching(client, params)
        wanted = [one for one in found if _differs(one, params["state"])]
        after = {one["uuid"]: _after(one, params["state"]) for one in wanted}
        if not check_mode:
            for one in wanted:
                _write(client, one["uuid"], params["state"])
        left = [{**one, **(after.get(one["uuid"], one) or {})} for one in found if after.get(one["uuid"], one)]
        if wanted and not check_mode:
            left = matching(client, params)
        return {
            "changed": bool(wanted),
            "actions": [f"{_VERBS[params['state']]} warning {_name(one)}" for one in wanted],
            "resources": left,
            "diff": {
                "before": values.to_yaml({_name(one): _shown(one) for one in wanted}) if wanted else "",
                "after": values.to_yaml({_name(one): _shown(after[one["uuid"]]) for one in wanted}) if wanted else "",
                "before_header": "warning",
                "after_header": "warning",
            },
        }


_VERBS = {"acknowledged": "acknowledge", "new": "reopen", "absent": "delete"}


def matching(client: Client, params: dict[str, Any]) -> list[dict[str, Any]]:
    """The warnings that the options select, of the project and of no project, the oldest first."""
    listed = read(client, Collection(PATH, scoped=False, key="uuid"), {})
    chosen = [one for one in listed if all(_fits(option, params[option], one) for option in _SELECT)]
    if params["project"]:
        chosen = [one for one in chosen if one.get("project") in (None, "", params["project"])]
    return sorted(chosen, key=lambda one: (one.get("first_seen_at") or "", one["uuid"]))


def _fits(option: str, want: str | None, warning: dict[str, Any]) -> bool:
    have = warning.get(option) or ""
    if option == "entity_url" and want and "?" not in want:
        have = have.partition("?")[0]  # which names the project
    return not want or want == have


def _differs(warning: dict[str, Any], state: str) -> bool:
    return state == "absent" or warning["status"] not in (state, "resolved")


def _after(warning: dict[str, Any], state: str) -> dict[str, Any] | None:
    return None if state == "absent" else {**warning, "status": state}


def _write(client: Client, uuid: str, state: str) -> None:
    """Write until the answer is seen: to do it twice is the same as once."""
    attempt = 0
    while client.find(f"{PATH}/{uuid}") if attempt else True:  # it may be resolved, or deleted, meanwhile
        try:
            if state == "absent":
                client.write("DELETE", f"{PATH}/{uuid}")
            else:
                client.write("PUT", f"{PATH}/{uuid}", {"status": state})
            return
        except Interrupted as exc:
            client.deadline.pause(attempt, f"writing a warning, which failed with: {exc}")
            attempt += 1


def _name(warning: dict[str, Any]) -> str:
    about = [warning.get("entity_url") or "", warning.get("location") or ""]
    return " ".join([warning.get("type") or warning["uuid"], *(f"({one})" for one in about if one not in ("", "none"))])


def _shown(warning: dict[str, Any] | None) -> str | None:
    return warning["status"] if warning else None
