# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Checks before anything is changed. They only read, and report all that is wrong with a plan at once."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, TypeVar

from .._api.errors import InvalidInput, Missing, ServerError, did_you_mean
from .._api.messages import is_denied
from .._api.reader import Reader
from .declaration import Declaration
from .users import used_words

T = TypeVar("T")

#: What a missing thing means in check mode.
UNSEEN = "In check mode this is a warning: the real run fails here unless an earlier task {}."


def no_cluster(client: Reader, member: str) -> str:
    """Why a member cannot be chosen on a server that is not clustered."""
    return f"{client.label} is not clustered, so there is no '{member}' to be on."


class Doubt(str):
    """A warning of an option. The text names the resource, and `words` are those without it, for a place instead."""

    words: str

    def __new__(cls, resource: str, words: str) -> Doubt:
        made = super().__new__(cls, f"{resource}: {words}")
        made.words = words
        return made


class Checks(Declaration):
    """What a resource can refuse, and warn of.

    :ivar wrong: while a plan is made, all that is wrong with it
    :ivar told_by: the option that names it in the errors, if the task is one of another kind
    """

    client: Reader
    params: Mapping[str, Any]
    wanted: Mapping[str, Any]
    name: str
    warnings: list[str]

    wrong: list[str] | None = None
    told_by = ""

    def query(self) -> dict[str, Any]:
        raise NotImplementedError

    @property
    def option_of_name(self) -> str:
        """The option that names it, as errors begin with it."""
        return self.told_by or self.named_by

    def warn(self, *warnings: str) -> None:
        """Add warnings, each once: a plan can be made more than once."""
        self.warnings += [words for words in warnings if words not in self.warnings]

    def doubt(self, *each: str) -> None:
        """Warn of options: each sentence begins with one."""
        self.warn(*(Doubt(f"{self.kind} '{self.name}'", words) for words in each))

    def refuse(self, words: str) -> None:
        """Report what is wrong. While a plan is made, the rest is checked too, so that all of it is reported at once.

        :raises InvalidInput: if no plan is being made
        """
        if self.wrong is None:
            raise InvalidInput(words)
        self.wrong.append(words)

    def miss(self, words: str, until: str = "creates it") -> None:
        """Report what does not exist. In check mode of a single module it is a warning: what earlier tasks of the play
        would create does not exist there.

        :param until: what an earlier task has to do, for the warning
        """
        if self.client.is_rehearsal:
            self.warn(f"{self.kind} '{self.name}': {words} {UNSEEN.format(until)}")
        else:
            self.refuse(words)

    def attempt(self, work: Callable[..., T], *arguments: Any, instead: T) -> T:
        """The result of a part of a plan; `instead` if it is refused, so that the rest is still checked."""
        try:
            return work(*arguments)
        except InvalidInput as exc:
            for words in exc.each:
                (self.miss if isinstance(exc, Missing) else self.refuse)(words)
            return instead

    def check_change(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Refuse what the server would refuse of an object that is written. `old` is empty for a new one."""
        from .known.inspection import inspect  # its tables take time to load, and only what changes needs them

        inspect(self, new, old)
        self.check_references(new, old)

    def check_references(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Refuse names of other resources that do not exist. Called only if there is something to write."""

    def check_extensions(self) -> None:
        if self.extension:
            self.client.require(self.extension, self.kind)
        for field in self.fields:
            for extension, option in field.needed(self.wanted[field.key]) if field.key in self.wanted else ():
                self.client.require(extension, f"{self.kind} option '{option}'")

    def check_name(self, option: str, name: str) -> None:
        """Refuse a name that the server would not accept for a new one.

        The extensions are read from the server only if they decide.
        """
        if name not in (".", "..") and all(
            re.fullmatch(rule, name) for rule, _words in (self.name_rule, *self.name_rules.values())
        ):
            return
        rule, words = next(
            (rule for extension, rule in self.name_rules.items() if self.client.has(extension)), self.name_rule
        )
        if name in (".", "..") or not re.fullmatch(rule, name):
            raise self.unnamable(option, name, words)

    def unnamable(self, option: str, name: str, words: str) -> InvalidInput:
        return InvalidInput(f"{option}: '{name}' is not a valid name for a {self.kind}: {words}.")

    def check_project(self, project: str | None) -> None:
        """Refuse a project that does not exist."""
        if self.scoped and project and project != "default":
            self.check_known(self.said_by("project", project), [project], "/1.0/projects")

    def check_member(self, member: str | None) -> None:
        """Refuse a member that the server's cluster does not have."""
        if member and not self.client.clustered:
            self.miss(f"{self.said_by('target', member)}: {no_cluster(self.client, member)}", "enables clustering")
        elif member:
            try:
                self.check_known(self.said_by("target", member), [member], "/1.0/cluster/members")
            except ServerError as exc:
                if not is_denied(exc):  # a client that cannot list the members gets the error of the server
                    raise

    def said_by(self, option: str, value: str) -> str:
        """The option that says a value: that for what it is to become, if the one for what it is says another."""
        new = f"new_{option}"
        return new if value != self.params.get(option) and value == self.params.get(new) else option

    def refuse_own(self, verb: str) -> None:
        """Refuse to delete or rename what the daemon made itself and needs."""
        if self.name in self.singletons:
            self.refuse(
                f"{self.option_of_name}: the {self.kind} '{self.name}' is the server's own and cannot be {verb}."
            )

    def check_known(self, option: str, names: list[str], path: str, where: str = "", **query: Any) -> bool:
        """Report names that a collection of the server does not have; False if there are any.

        :param where: the part of the server, for the message, as in `in project 'lab' `
        """
        return self.check_all([(option, name) for name in names], path, where, **query)

    def check_all(self, named: list[tuple[str, str]], path: str, where: str = "", **query: Any) -> bool:
        """The same for names of several options, each with its own."""
        known = self.client.names(path, **query) if named else []
        unknown = [(option, name) for option, name in named if name not in known]
        for option, name in unknown:
            self.miss(f"{option}: there is no '{name}' {where}on {self.client.label}. {did_you_mean(name, known)}")
        return not unknown

    def check_device_references(self, new: dict[str, Any], old: dict[str, Any], where: str = "", **query: Any) -> None:
        """Refuse unknown pools and networks in devices that are new or changed. `query` selects another project."""
        changed = {
            name: device
            for name, device in (new.get("devices") or {}).items()
            if device != (old.get("devices") or {}).get(name)
        }
        for sort, key, path in (("disk", "pool", "/1.0/storage-pools"), ("nic", "network", "/1.0/networks")):
            named = [
                (f"devices.{name}.{key}", device[key])
                for name, device in changed.items()
                if device.get("type") == sort and device.get(key)
            ]
            self.check_all(named, path, where, **(query or self.query()))

    def check_unused(self, verb: str, users: list[str]) -> None:
        """Refuse what the server would refuse because something uses the resource."""
        if users:
            words = used_words(self.client.label, verb, users)
            self.miss(f"{self.option_of_name}: {self.kind} '{self.name}' {words}", "removes them")
