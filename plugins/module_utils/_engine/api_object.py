# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""One object of the API: where it is, how it is read, and how it is written."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping

from .._api.client import Client, quote
from .._api.errors import InvalidInput, LXDError, ServerError
from .checks import Checks
from .plans import Existing


class ApiObject(Checks):
    """The requests of a resource. A kind overrides those that its API expects in another way.

    :ivar name: its name now, and `project` the project that it is in; `Resource.adopt` and `rename` set them
    :ivar whole: what it belongs to now, by option, where that can be another than the options say
    """

    state: str
    project: str | None
    whole: Mapping[str, str] = MappingProxyType({})

    # -- where it is --------------------------------------------------------------------------------------------------

    @property
    def collection(self) -> str:
        """The path of the collection it is in."""
        if "{" not in self.path:
            return self.path
        whole = {option: self.whole.get(option, self.params[option]) for option in self.parents()}
        return self.path.format_map({option: quote(str(name)) for option, name in whole.items()})

    def url(self, name: str | None = None) -> str:
        return f"{self.collection}/{quote(name or self.name)}"

    def query(self) -> dict[str, Any]:
        """What each request says besides the path: the project, and the member if `target` says on which one it is."""
        # placeholders of stacks have only the options of the module
        target = (self.whole.get("target") or self.params.get("target")) if self.of_member or self.on_member else None
        return {**({"project": self.project} if self.scoped else {}), **({"target": target} if target else {})}

    def owner_path(self, obj: dict[str, Any]) -> str:
        """For a kind without a place for a mark: the path of what it belongs to, whose mark counts."""
        return self.parent_of(self.collection)

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self) -> Existing | None:
        """The object as it is now, under its new name if it has been renamed already.

        Only reads: the name and the project under which it is found are part of the result.
        """
        found = self.fetch(self.name)
        new = self.params.get("new_name")
        if new and new != self.name:
            other = self.fetch(new)
            if found and other:  # or the server renamed it between the two requests
                found = self.fetch(self.name)
            if found and other:
                raise InvalidInput(
                    f"{self.kind} '{self.name}' cannot be renamed: '{new}' exists too. Remove one of them, or choose "
                    "another new_name."
                )
            if other:
                return other
        if found is None:
            self.check_place()
        return found

    def check_place(self) -> None:
        """Report that the project, the member or the parent that it is to be made in does not exist."""
        if self.state != "absent":
            self.check_project(self.query().get("project"))
            self.check_member(self.query().get("target"))
            self.check_parent()

    def check_parent(self) -> None:
        """Report that what it belongs to does not exist, or can have none. Asks nothing of a kind that belongs to
        nothing.
        """
        parents = self.parents()
        if not parents:
            return
        if self.extension:  # without it there is nothing to belong to, either
            self.client.require(self.extension, self.kind)
        option = parents[-1]
        name = str(self.whole.get(option, self.params[option]))
        path = self.parent_of(self.collection)
        # what can be on each member under one name belongs to something that all members share
        query = {key: value for key, value in self.query().items() if not (self.of_member and key == "target")}
        found = self.client.find(path, **query)
        if not found:
            self.check_known(self.said_by(option, name), [name], path.rpartition("/")[0], **query)
            return
        reason = self.unfit(found.metadata)
        if reason:
            self.refuse(
                f"{self.said_by(option, name)}: '{name}' on {self.client.label} can have no {self.kind}: {reason}."
            )

    def fetch(self, name: str) -> Existing | None:
        """`GET` of the object with a name."""
        reply = self.client.find(self.url(name), **self.query())
        return Existing(reply.metadata, reply.etag, name, self.project) if reply else None

    def users(self, obj: dict[str, Any]) -> list[str]:
        """The URLs of what keeps the server from deleting or renaming it. A restricted client does not see all."""
        return list(obj.get("used_by") or ())

    def taken_over(self) -> Existing | None:
        """An object that creating this one would take over, although `read` does not find it by its name."""
        return None

    # -- writing ------------------------------------------------------------------------------------------------------

    @property
    def writer(self) -> Client:
        """The client, to write with. A resource that is planned on the view of a stack has none, and never needs it."""
        if not isinstance(self.client, Client):
            raise LXDError("Planning must not write: please report this as a bug of cloudhost.lxd.")
        return self.client

    def create(self, body: dict[str, Any]) -> None:
        self.writer.write("POST", self.collection, body, **self.query())

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        """`PUT` of the whole object. `PATCH` is not sent: for many kinds the servers empty what it leaves out."""
        lacking = [field for field in self.fields if field.blank is not None and body.get(field.key) is None]
        body = {**body, **{field.key: field.blank for field in lacking}}
        self.writer.write("PUT", self.url(), body, etag=found.etag, **self.query())

    def delete(self) -> None:
        self.writer.write("DELETE", self.url(), **self.query())

    def rename(self, new: str) -> None:
        self.writer.write("POST", self.url(), {"name": new}, **self.query())
        self.name = new

    def forgets(self, refusal: ServerError) -> bool:
        """Whether the server can drop keys that were not in a refused write, so that `restore` has to write them."""
        return False

    def restore(self, now: Existing, body: dict[str, Any]) -> None:
        """Write the object as it was before a refused write."""
        self.update(now, body)

    def awaits(self) -> bool:
        """Whether `after_apply` has something to wait for, once planned."""
        return False

    def after_apply(self, found: Existing | None) -> dict[str, Any] | None:
        """Wait until the object is ready for use, once it is in the desired state. Writes nothing of it.

        Returns the object as the module returns it; None for the object as it was read.
        """
        return None

    def foretold(self, found: Existing | None, result: dict[str, Any] | None) -> dict[str, Any] | None:
        """The object as the module returns it in check mode, given what the plan makes of it."""
        return result
