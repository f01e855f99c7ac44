# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a resource consists of: each field knows its option, its place in the API object, and how it is compared and
merged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Mapping

from .._api.errors import InvalidInput
from . import secrets, values

if TYPE_CHECKING:
    from .claims import Claim, Hold

#: The names that the daemons accept for devices.
_DEVICE = re.compile(r"(?!\.)[A-Za-z0-9/:_.-]{1,64}")


class Field:
    """A scalar: replaced when written and different.

    :param name: the module option, and the key of the API object unless `key` says otherwise
    :param create_only: the API cannot change it; a difference is an error unless `recreate` is set
    :param extension: the API extension that the server must have when the option is used
    :param exact: whether `exact` unsets it where no option names it. Not where its value can come from something else
        than options, such as an image, or where nothing of it is more dangerous than what is there
    :param spec: the rest of the argument spec (`choices`, `aliases`, …)
    """

    type = "str"
    #: What a request must have where an object has none: a server can take a value that is left out for another.
    blank: Any = None
    #: Kinds that its values can name.
    refers_to: tuple[str, ...] = ()
    #: The value that means none; None where there is no such value.
    empty: Any = None

    def __init__(
        self,
        name: str,
        key: str = "",
        create_only: bool = False,
        extension: str = "",
        exact: bool = True,
        **spec: Any,
    ) -> None:
        self.name = name
        self.key = key or name
        self.create_only = create_only
        self.extension = extension
        self.exact = exact and not create_only
        self.spec = spec

    def arguments(self) -> dict[str, dict[str, Any]]:
        return {self.name: {"type": self.type, **self.spec}}

    def clean(self, params: Mapping[str, Any]) -> Any:
        """The value of the option in its API representation; None if it is not set. Refuses invalid values."""
        return params[self.name]

    def merged(self, have: Any, want: Any, resource: Any) -> Any:
        """The value to have, given the one the server has."""
        return have if self.equal(have, want) else want

    def equal(self, have: Any, want: Any) -> bool:
        return have == want

    def shown(self, value: Any, resource: Any) -> Any:
        """The value in a diff: without the keys of the server, and None for empty."""
        return value or None

    def exported(self, value: Any, kind: Any) -> Any:
        """The value as a document would write it; None for the default."""
        return value

    def references(self, written: Any) -> list[tuple[str, ...]]:
        """Kinds and labels of the resources that a written value names, and their project where it is another."""
        return []

    def claims(self, obj: dict[str, Any], client: Any, query: dict[str, Any]) -> dict[Claim, Hold]:
        """What an object has by this field that only one can have at a time."""
        return {}

    def needed(self, wanted: Any) -> list[tuple[str, str]]:
        """The API extensions that a wanted value needs, each with what needs it."""
        return [(self.extension, self.name)] if self.extension else []


class Text(Field):
    """Free text; an empty string empties it."""

    empty = ""

    def exported(self, value: Any, kind: Any) -> Any:
        return None if secrets.is_secret(self.name) else value

    def equal(self, have: Any, want: Any) -> bool:
        return (have or "") == want


class Flag(Field):
    type = "bool"
    empty = False

    def shown(self, value: Any, resource: Any) -> Any:
        return value

    def exported(self, value: Any, kind: Any) -> Any:
        return value or None

    def equal(self, have: Any, want: Any) -> bool:
        return bool(have) == want


class Names(Field):
    """A list whose order means something, as profiles do: written means exactly this list."""

    type = "list"

    def arguments(self) -> dict[str, dict[str, Any]]:
        return {self.name: {"type": self.type, "elements": "str", **self.spec}}

    def equal(self, have: Any, want: Any) -> bool:
        return list(have or ()) == list(want)


class NameSet(Names):
    """A list whose order means nothing, as the members of a group do. `kept` are names that the server adds itself."""

    empty = ()

    def __init__(self, name: str, kept: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.kept = kept

    def equal(self, have: Any, want: Any) -> bool:
        return set(have or ()) - set(self.kept) == set(want) - set(self.kept)

    def merged(self, have: Any, want: Any, resource: Any) -> Any:
        if self.equal(have, want):
            return have
        return [name for name in have or () if name in self.kept] + [name for name in want if name not in self.kept]

    def exported(self, value: Any, kind: Any) -> Any:
        return self.shown(value, kind)

    def shown(self, value: Any, resource: Any) -> Any:
        return sorted(name for name in value or () if name not in self.kept) or None


class Moment(Field):
    """A point in time, RFC 3339. An empty string or `never` is the zero time of the API, which depends on the kind."""

    def __init__(self, name: str, zero: str = "0001-01-01T00:00:00Z", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.zero = zero

    def clean(self, params: Mapping[str, Any]) -> Any:
        written = params[self.name]
        if written is None:
            return None
        moment = values.instant(self.name, "" if written == "never" else written)
        return moment.isoformat().replace("+00:00", "Z") if moment else self.zero

    def equal(self, have: Any, want: Any) -> bool:
        return values.same_instant(self.name, want, have)

    def shown(self, value: Any, resource: Any) -> Any:
        return value if values.instant(self.name, value) else None

    def exported(self, value: Any, kind: Any) -> Any:
        return self.shown(value, kind)


class Map(Field):
    """A free dictionary of the daemon's own keys (`config`, `properties`), with its `purge_*` option."""

    type = "dict"
    blank: Any = {}
    #: Whether it takes keys that the daemon does not know, `user.*`.
    free = True

    def __init__(self, name: str, purgeable: bool = True, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.purge = f"purge_{name}" if purgeable else ""

    def arguments(self) -> dict[str, dict[str, Any]]:
        spec = super().arguments()
        if self.purge:
            spec[self.purge] = {"type": "bool", "default": False}
        return spec

    def purges(self, params: Mapping[str, Any]) -> bool:
        """Whether keys that are not written are unset."""
        return bool(self.purge and (params[self.purge] or (self.exact and params.get("exact"))))

    def clean(self, params: Mapping[str, Any]) -> Any:
        written = params[self.name]
        if written is None:
            return {} if self.purges(params) else None
        return values.wire_map(self.name, written)

    def merged(self, have: Any, want: Any, resource: Any) -> Any:
        purge = self.purges(resource.params)
        if purge and not resource.params[self.purge]:
            want = {**self._secrets_kept(have or {}, want, resource), **want}
        kept = (*resource.kept_keys(have or {}), *values.MARKS) if purge else ()
        result = values.merge(have or {}, want, purge, kept, resource.same_config)
        return have if have is None and not result else result

    def _secrets_kept(self, have: dict[str, str], want: dict[str, Any], resource: Any) -> dict[str, str]:
        """The secrets that no option names. `exact` keeps them: no plan shows them, so nobody can write them again."""
        kept = {key: value for key, value in have.items() if key not in want and secrets.holds_secret(key, value)}
        if kept:
            resource.warn(
                f"{resource.kind} '{resource.name}': {', '.join(f'{self.name}.{key}' for key in sorted(kept))}: exact "
                "keeps secrets that no document has, because what is unset is lost. Write them, or null to unset them."
            )
        return kept

    def shown(self, value: Any, resource: Any) -> Any:
        written = resource.desired.get(self.key) or {}
        shown = {
            key: inner
            for key, inner in (value or {}).items()
            if key in written or not values.matches(key, resource.hidden_keys)
        }
        return {key: inner for key, inner in shown.items() if inner != ""} or None

    def exported(self, value: Any, kind: Any) -> Any:
        """Without the keys of the server, the mark of a stack, and secrets: those are not shown anywhere."""
        left_out = (*kind.hidden_keys, *values.MARKS)
        return {
            key: inner
            for key, inner in (value or {}).items()
            if inner != "" and not values.matches(key, left_out) and not secrets.holds_secret(key, inner)
        }


class Devices(Map):
    """Devices by name; one that is null is removed, a property that is null is unset."""

    free = False
    refers_to = ("storage_pool", "storage_volume", "network", "network_acl")

    def clean(self, params: Mapping[str, Any]) -> Any:
        written = params[self.name]
        if written is None:
            return {} if self.purges(params) else None
        for name in written:
            if not isinstance(name, str) or not _DEVICE.fullmatch(name):
                raise InvalidInput(
                    f"devices: {name!r} is not a device name; it has 1 to 64 letters, digits, dashes, slashes, "
                    "colons, underscores and full stops, "
                    "and does not begin with a full stop."
                )
        return values.wire_devices(written)

    def merged(self, have: Any, want: Any, resource: Any) -> Any:
        result = values.merge_devices(have or {}, want, self.purges(resource.params))
        return have if have is None and not result else result

    def shown(self, value: Any, resource: Any) -> Any:
        return value or None

    def exported(self, value: Any, kind: Any) -> Any:
        return value

    def claims(self, obj: dict[str, Any], client: Any, query: dict[str, Any]) -> dict[Claim, Hold]:
        from .claims import of_devices  # only stacks need it

        return of_devices(obj, client, query)

    def references(self, written: Any) -> list[tuple[str, ...]]:
        from .interfaces import references  # only stacks need it

        found: list[tuple[str, ...]] = []
        for device in (written or {}).values():
            if not isinstance(device, dict):
                continue
            pool, source = device.get("pool"), device.get("source")
            if pool:
                found.append(("storage_pool", str(pool)))
            if pool and source and not str(source).startswith("/"):
                found.append(("storage_volume", f"{pool}/{source}"))
            if device.get("network"):
                found.append(("network", str(device["network"])))
            found += references(device)
            found += [("network_acl", acl) for acl in values.listed(device.get("security.acls"))]
        return found


def taken_back(
    fields: tuple[Field, ...], before: dict[str, Any], new: dict[str, Any], now: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """What the fields were of which an object has by now what it was to have, and the names of what that concerns.

    Of a dictionary only the keys count that were to change: what else is in it by now stays.
    """
    undone: dict[str, Any] = {}
    stored: list[str] = []
    for field in fields:
        was, want, have = (obj.get(field.key) for obj in (before, new, now))
        if isinstance(field, Map):
            was, want, have = was or {}, want or {}, dict(have or {})
            keys = [key for key in sorted({*was, *want}) if was.get(key) != want.get(key) == have.get(key)]
            have = {key: value for key, value in have.items() if key not in keys}
            undone.update({field.key: {**have, **{key: was[key] for key in keys if key in was}}} if keys else {})
            stored += [f"{field.name}.{key}" for key in keys]
        elif field.key in now and was != want == have:
            undone[field.key] = was
            stored.append(field.name)
    return undone, stored
