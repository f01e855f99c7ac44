# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The variables `lxd_url`, `lxd_client_cert`, … of a host, as options of a module (docs/connecting.md).

`lxd_remotes` describes image servers, and is used wherever a task runs. The others describe one server, as the
controller reaches it. So a task that names another server takes none of them, and on another host than the controller a
module takes only what is valid there: a socket, and the project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleTemplateError, AnsibleValueOmittedError
from ansible.utils.display import Display
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.addresses import urls_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images._remotes import UNRESOLVED

PREFIX = "lxd_"
#: The options that say which server a client uses, and as whom.
OPTIONS = (
    "url", "client_cert", "client_key", "server_cert", "server_fingerprint", "trust_token", "validate_certs", "project",
)  # fmt: skip
#: The option that has image servers by their names.
REMOTES = "remotes"
#: Either of these pins the server, so a task that sets one takes neither from variables.
PINS = ("server_cert", "server_fingerprint")
SOCKET = "unix:"
#: Stands for a value that cannot be evaluated, and equals no address that a task writes.
UNKNOWN = "?"
#: What the inventory plugin sets for an instance: its other variables are about the server that it is on.
OF_INSTANCES = ("lxd_name", "lxd_server")


class Source(NamedTuple):
    """A host whose variables describe a server."""

    name: str
    variables: dict[str, Any]
    templar: Any

    def get(self, option: str) -> Any:
        """The value of a variable; None if it is unset or empty."""
        raw = self.variables.get(PREFIX + option)
        if raw is None or raw == "":
            return None
        try:
            value = self.templar.template(raw)
        except AnsibleValueOmittedError:
            return None
        except AnsibleTemplateError as exc:
            raise AnsibleActionFail(
                f"The variable {PREFIX}{option} of host {self.name} cannot be evaluated: {exc}"
            ) from exc
        if value is None or value == "":
            return None
        if option == "url" and isinstance(value, list) and all(isinstance(one, str) for one in value):
            return value or None
        if option == "validate_certs" and isinstance(value, (bool, str, int)):
            return value
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            kind = {"dict": "a dictionary", "list": "a list", "bool": "a boolean"}.get(type(value).__name__, "odd")
            right = "a string, or a list of strings" if option == "url" else "a string"
            raise AnsibleActionFail(f"The variable {PREFIX}{option} of host {self.name} is {kind}: write {right}.")
        return str(value) if isinstance(value, (int, float)) else value


def with_server(
    arguments: dict[str, Any], transport: str, delegate_to: str | None, variables: dict[str, Any], templar: Any
) -> dict[str, Any]:
    """The arguments of a module, with the options that the task does not set taken from variables.

    :param transport: of the connection that the task uses
    :param delegate_to: the host that the task is delegated to
    :param variables: of the task; those of `delegate_to` are in them
    """
    known = _sources(transport, delegate_to, variables, templar)
    arguments = _with_remotes(arguments, known or [_own(variables, templar)])
    sources = [source for source in known if any(PREFIX + option in source.variables for option in OPTIONS)]
    try:
        return _taken(arguments, transport, sources) if sources else arguments
    except InvalidInput as exc:
        raise AnsibleActionFail(str(exc)) from exc


def _taken(arguments: dict[str, Any], transport: str, sources: list[Source]) -> dict[str, Any]:
    written = arguments.get("url")
    source, url = _chosen(sources, tolerant=written is not None)
    if written is not None and url is not None and not _is_among(written, url):
        return arguments
    wanted = [option for option in OPTIONS if arguments.get(option) is None]
    if any(arguments.get(option) is not None for option in PINS):
        wanted = [option for option in wanted if option not in PINS]
    if transport != "local":
        url = _sockets(url)
        wanted = [option for option in wanted if option in ("project", "url")]
    found = {option: url if option == "url" else source.get(option) for option in wanted}
    taken = {option: value for option, value in found.items() if value is not None}
    if taken:
        Display().vvv(f"from variables of {source.name}: {', '.join(PREFIX + option for option in taken)}")
    return {**arguments, **taken}


def _with_remotes(arguments: dict[str, Any], sources: list[Source]) -> dict[str, Any]:
    """The arguments with the image servers of the first host that has some, unless the task names its own.

    One that cannot be evaluated is an error of the task that uses it, and not of every task: the role that sets it up
    may come later in the play.
    """
    source = next((source for source in sources if source.variables.get(PREFIX + REMOTES)), None)
    if source is None or arguments.get(REMOTES) is not None:
        return arguments
    raw = source.variables[PREFIX + REMOTES]
    if not isinstance(raw, dict):
        try:
            raw = source.templar.template(raw)
        except AnsibleTemplateError as exc:
            words = f"The variable {PREFIX}{REMOTES} of host {source.name} cannot be evaluated: {exc}"
            raw = {UNRESOLVED: {UNRESOLVED: words}}
    if not isinstance(raw, dict):
        raise AnsibleActionFail(
            f"The variable {PREFIX}{REMOTES} of host {source.name} is no dictionary: write image servers by their "
            "names, as in {own: {url: https://…, certificate: …}}."
        )
    return {**arguments, REMOTES: {str(name): _evaluated(source, str(name), raw[name]) for name in dict.keys(raw)}}


def _evaluated(source: Source, name: str, raw: Any) -> Any:
    try:
        return source.templar.template(raw)
    except AnsibleTemplateError as exc:
        return {UNRESOLVED: f"{PREFIX}{REMOTES}.{name} of host {source.name} cannot be evaluated: {exc}"}


def _is_among(written: Any, url: Any) -> bool:
    """Whether a task names only addresses of the server that the variable `lxd_url` describes."""
    named = urls_of(written)
    return bool(named) and set(named) <= set(urls_of(url))


def _sockets(url: Any) -> Any:
    """Those addresses that are valid on another host than the controller; None if there are none."""
    urls = urls_of(url)
    found = [one for one in urls if one.startswith(SOCKET)]
    return url if len(found) == len(urls) else found or None


def _own(variables: dict[str, Any], templar: Any) -> Source:
    """The host of the task."""
    return Source(str(variables.get("inventory_hostname")), variables, templar)


def _sources(transport: str, delegate_to: str | None, variables: dict[str, Any], templar: Any) -> list[Source]:
    """The hosts whose variables may describe the server, the first choice first."""
    own = _own(variables, templar)
    there = (variables.get("ansible_delegated_vars") or {}).get(delegate_to) if delegate_to else None
    delegated = [Source(str(delegate_to), there, templar.copy_with_new_env(available_variables=there))] if there else []
    if transport == "local":
        return [own, *delegated] if delegate_to in C.LOCALHOST else [*delegated, own]
    if transport == "cloudhost.lxd.api":
        return []
    return [
        source for source in delegated or [own] if not all(variable in source.variables for variable in OF_INSTANCES)
    ]


def _chosen(sources: list[Source], tolerant: bool) -> tuple[Source, Any]:
    """The first host that has `lxd_url`, and its value; if none has, the first host.

    :param tolerant: whether a value that cannot be evaluated is one of another server, and no error
    """
    for source in sources:
        try:
            url = source.get("url")
        except AnsibleActionFail:
            if not tolerant:
                raise
            url = UNKNOWN
        if url is not None:
            return source, url
    return sources[0], None
