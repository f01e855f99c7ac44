# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Files, directories and links inside of instances, running or stopped."""

from __future__ import annotations

import posixpath
import stat
from typing import Any, Mapping

from ..._api.errors import InvalidInput, ServerError
from ..._api.sftp import Attributes, Sftp
from ..._api.upgrade import connect
from ..._engine import secrets
from ..._engine.fields import Field
from ..._engine.plans import Existing, Plan
from ..._engine.resource import Resource
from ._accounts import identifier
from ._content import Source, look

#: What there can be at a path, by the type in its mode.
TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}
#: The permissions of what is new.
NEW = {"file": 0o644, "directory": 0o755, "link": 0o777}


class Owner(Field):
    """The number of a user or group. An option can name one of the instance."""

    def shown(self, value: Any, resource: Any) -> Any:
        return value


class Mode(Field):
    """Permissions, as octal digits in a string."""

    type = "raw"

    def clean(self, params: Mapping[str, Any]) -> Any:
        written = params[self.name]
        if written is None:
            return None
        digits = written[2:] if isinstance(written, str) and written.startswith("0o") else written
        if not isinstance(digits, str) or not digits or set(digits) - set("01234567") or int(digits, 8) > 0o7777:
            raise InvalidInput(
                f"mode: {written!r} is no mode: write octal digits in quotes, as in '0644'. YAML reads digits without "
                "quotes as another number."
            )
        return f"{int(digits, 8):04o}"


class Contents(Field):
    """The content of a file: `content`, or `src`. The object has a `Content`."""

    def arguments(self) -> dict[str, dict[str, Any]]:
        return {"content": {"type": "str"}, "src": {"type": "path"}}

    def clean(self, params: Mapping[str, Any]) -> Any:
        if params["state"] != "file" or (params["content"] is None and params["src"] is None):
            return None
        return Source(params)

    def merged(self, have: Any, want: Any, resource: Any) -> Any:
        return have if have and have[:2] == want.content[:2] else want.content

    def shown(self, value: Any, resource: Any) -> Any:
        return value.words if value and self.key in resource.desired else None


class InstanceFile(Resource):
    """What is at a path of an instance, over SFTP (`/1.0/instances/NAME/sftp`)."""

    kind = "instance_file"
    path = "/1.0/instances/{instance}/files"
    key = "path"
    named_by = "path"
    name_rule = (r"[\s\S]+", "not empty")
    slashes = True
    listed = False
    stackable = False
    states = ("file", "directory", "link", "absent")
    fields = (Owner("owner", key="uid"), Owner("group", key="gid"), Mode("mode"), Contents("content"))
    options = {"instance": {"type": "str", "required": True}}
    constraints = {"mutually_exclusive": [("content", "src")]}
    refers = {"instance": "instance"}
    unlogged = ("content",)

    _sftp: Sftp | None = None
    _spare = ""
    #: Whether there is no instance, which `check_parent` reports.
    lost = False

    def validate(self) -> None:
        path, given = self.name, self.params
        if not path.startswith("/") or "\0" in path or posixpath.normpath(path) != path or path.startswith("//"):
            raise InvalidInput(f"path: '{path}' is no path from the root of the instance, without . and .. in it.")
        if self.state == "link" and not given["src"]:
            raise InvalidInput("src: state: link needs it; it is what the link leads to.")
        if self.state != "file" and given["content"] is not None:
            raise InvalidInput(f"content: state: {self.state} has none.")
        if self.state in ("directory", "absent") and given["src"] is not None:
            raise InvalidInput(f"src: state: {self.state} has none.")
        unfit = [option for option in ("owner", "group", "mode") if given[option] is not None]
        if self.state == "link" and unfit:
            raise InvalidInput(f"{unfit[0]}: a link has none of its own: set it of what the link leads to.")

    # -- reading ------------------------------------------------------------------------------------------------------

    def sftp(self) -> Sftp:
        """The conversation about the files, which lasts as long as its connection."""
        if self._sftp is None or self._sftp.broken:
            connection = connect(self.writer, self.parent_of(self.collection) + "/sftp", "sftp", **self.query())
            self._sftp = Sftp(connection, self.client.label, self.client.deadline, self.writer.read_only)
        return self._sftp

    def fetch(self, name: str) -> Existing | None:
        try:
            sftp = self.sftp()
        except ServerError as exc:
            self.lost = exc.code == 404
            if self.lost:
                return None
            raise
        about = None if self._plain_parent(sftp, name) else sftp.lstat(name)
        return Existing(self._object(name, about), None, name, self.project) if about else None

    @staticmethod
    def _plain_parent(sftp: Sftp, name: str) -> str:
        """The part of a path that is no directory although more follows; empty if there is none."""
        parent = posixpath.dirname(name)
        while parent != "/":
            try:
                about = sftp.stat(parent)
            except ServerError as exc:
                if exc.code != 500:
                    raise
            else:
                return parent if about and not stat.S_ISDIR(about.mode) else ""
            parent = posixpath.dirname(parent)
        return ""

    def _object(self, name: str, about: Attributes) -> dict[str, Any]:
        sort = TYPES.get(stat.S_IFMT(about.mode), "device")
        found = {"path": name, "state": sort, "uid": about.uid, "gid": about.gid, "mode": f"{about.permissions:04o}"}
        if sort == "link":
            return {**found, "src": self.sftp().readlink(name)}
        if sort == "file":
            source = self.wanted.get("content")
            return {**found, "content": look(self.sftp(), name, about, source.content if source else None)}
        return found

    @classmethod
    def returned(cls, obj: dict[str, Any] | None) -> Any:
        content = (obj or {}).get("content")
        more = {"size": content.size, **({"checksum": content.checksum} if content.checksum else {})} if content else {}
        return secrets.masked(
            {**{key: value for key, value in obj.items() if key != "content"}, **more} if obj else obj
        )

    # -- what is wanted -----------------------------------------------------------------------------------------------

    def resolve(self, found: Existing | None) -> Mapping[str, Any]:
        numbers = {
            key: self.attempt(identifier, self.sftp, option, str(self.wanted[key]), instead=self.wanted[key])
            for option, key in (("owner", "uid"), ("group", "gid"))
            if key in self.wanted and not self.lost
        }
        return {**self.wanted, **numbers}

    def create_body(self) -> dict[str, Any]:
        own = {"path": self.name, "state": self.state, "uid": 0, "gid": 0, "mode": f"{NEW[self.state]:04o}"}
        return self.merged(own)

    def merged(self, current: dict[str, Any]) -> dict[str, Any]:
        new = {**super().merged(current), "state": self.state}
        if self.state == "link":
            new["src"] = self.params["src"]
        elif current.get("state") == "link":  # whoever made the link does not own the file
            new.pop("src")
            own = {"uid": 0, "gid": 0, "mode": f"{NEW[self.state]:04o}"}
            new.update({key: self.desired.get(key, value) for key, value in own.items()})
        return new

    def comparable(self, obj: dict[str, Any]) -> dict[str, Any]:
        own: dict[str, Any] = {key: obj[key] for key in ("state", "src") if key in obj}
        fields = super().comparable(obj)
        if self.state == "link" or obj["state"] == "link":
            fields = {key: value for key, value in fields.items() if key == "content"}
        return {**own, **fields}

    # -- the plan -----------------------------------------------------------------------------------------------------

    def plan_absent(self, found: Existing | None) -> Plan:
        if found and found.object["state"] == "directory" and not self.sftp().is_empty(self.name):
            self.refuse(
                f"path: the directory {self.name} of instance {self.params['instance']} is not empty, and this module "
                "removes no trees. Remove what is in it first, for example with cloudhost.lxd.instance_exec."
            )
        return super().plan_absent(found)

    def plan_create(self) -> Plan:
        if self.state == "file" and "content" not in self.wanted:
            self.miss(
                f"path: instance {self.params['instance']} has no file {self.name}, and neither content nor src says "
                "what to write."
            )
        return super().plan_create()

    def plan_update(self, found: Existing) -> Plan:
        have = found.object["state"]
        if have != self.state and (have, self.state) != ("link", "file"):
            self.refuse(
                f"path: {self.name} of instance {self.params['instance']} is a {have} and no {self.state}. Remove it "
                "first, with state: absent."
            )
        elif have == "link" and self.state == "file" and "content" not in self.wanted:
            self.refuse(f"path: {self.name} is a link to {found.object['src']}: name that, or write content or src.")
        return super().plan_update(found)

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Report that there is no directory to put it into."""
        if old or self.lost:
            return
        parent = posixpath.dirname(self.name)
        plain = self._plain_parent(self.sftp(), self.name)
        if plain:
            self.refuse(f"path: {plain} of instance {self.params['instance']} is no directory.")
        elif not self.sftp().stat(parent):
            self.miss(
                f"path: instance {self.params['instance']} has no directory {parent}. Create it first, with state: "
                "directory."
            )

    # -- writing ------------------------------------------------------------------------------------------------------

    def create(self, body: dict[str, Any]) -> None:
        self._put(body, None)

    def update(self, found: Existing, body: dict[str, Any]) -> None:
        self._put(body, found.object)

    def _put(self, body: dict[str, Any], old: dict[str, Any] | None) -> None:
        from ._writing import beside, put  # what only a change needs

        self._spare = self._spare or beside(self.name)
        put(self.sftp(), body, old, self.wanted.get("content"), self._spare)

    def delete(self) -> None:
        self.sftp().remove(self.name)
