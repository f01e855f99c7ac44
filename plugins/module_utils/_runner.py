# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Between AnsibleModule and the engine: argument specs, check mode, diffs, results, errors.

Nothing else in `module_utils` imports Ansible.
"""

from __future__ import annotations

from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ._api import messages
from ._api.client import Client
from ._api.connect import connect
from ._api.errors import LXDError
from ._engine import secrets, values
from ._engine.converge import converge
from ._engine.resource import Resource


def _env(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"type": kind, "fallback": (env_fallback, [name]), **spec}


CONNECTION: dict[str, dict[str, Any]] = {
    "url": _env("list", "LXD_URL", elements="str"),
    "client_cert": _env("str", "LXD_CLIENT_CERT"),
    "client_key": _env("str", "LXD_CLIENT_KEY", no_log=True),
    "server_cert": _env("str", "LXD_SERVER_CERT"),
    "server_fingerprint": _env("str", "LXD_SERVER_FINGERPRINT"),
    "trust_token": _env("str", "LXD_TRUST_TOKEN", no_log=True),
    "validate_certs": {"type": "bool", "default": True},
    "project": _env("str", "LXD_PROJECT"),
    "target": {"type": "str"},
    "remotes": {"type": "dict"},
    "timeout": {"type": "int", "default": 600},
}


#: Arguments that only the action plugins of this collection add to a task.
INTERNAL = ("_documents", "_progress", "_secrets")


class _Module(AnsibleModule):
    """An AnsibleModule for the API: secrets inside `config` are known to Ansible before anything is printed."""

    def __init__(self, spec: dict[str, dict[str, Any]], unlogged: tuple[str, ...] = (), **kwargs: Any) -> None:
        self.internal: dict[str, Any] = {}
        self.unlogged = unlogged
        super().__init__(argument_spec={**CONNECTION, **spec}, supports_check_mode=True, **kwargs)

    def _load_params(self) -> None:
        """Read the arguments, and register their secrets before Ansible validates them: its errors show arguments."""
        super()._load_params()
        self.internal = {name: self.params.pop(name) for name in INTERNAL if name in self.params}
        given = self.internal.pop("_secrets", {"anywhere": [], "alone": []})
        self.hidden = secrets.Rules(frozenset([*given["anywhere"], *given["alone"]]))
        self.no_log_values.update(text for text in given["anywhere"] if secrets.is_telling(text))
        self.no_log_values.update(secrets.secrets_in(self.params))

    def fail_json(self, msg: str, **kwargs: Any) -> Any:
        """Fail. What unknown options were meant to be stands in front of Ansible's own error, which is about the first
        error of the arguments only, and lists all options that there are.
        """
        checked = getattr(self, "validation_result", None)
        unknown = () if checked is None or self._ignore_unknown_opts else checked.unsupported_parameters
        words = " ".join([*sorted(map(self._unknown, unknown)), msg])
        super().fail_json(msg=words, **self._without_unlogged(kwargs))

    def _unknown(self, option: str | tuple[str, ...]) -> str:
        """A sentence about an unknown option, or one inside others."""
        from ._engine.unknown import meant

        path = (option,) if isinstance(option, str) else option
        spec, value = self.argument_spec, self.params.get(path[0]) if len(path) == 1 else None
        for part in path[:-1]:
            spec = spec[part]["options"]
        return f"{'.'.join(path)}: there is no such option. {meant(path[-1], value, spec)}".rstrip()

    def _log_invocation(self) -> None:
        """Log nothing to syslog: secrets in `raw.*`, `cloud-init.*` and `environment.*` look like any other text."""

    def exit_json(self, **result: Any) -> None:
        super().exit_json(**self._without_unlogged(result))

    def _without_unlogged(self, result: dict[str, Any]) -> dict[str, Any]:
        """A result whose arguments lack those that no log shows, as the module copy does it with a content."""
        given = [option for option in self.unlogged if self.params.get(option) is not None]
        shown = {**self.params, **{option: f"CENSORED: {option} is a no_log parameter" for option in given}}
        return {"invocation": {"module_args": shown}, **result} if given else result

    def guarded(self, work: Callable[[Client], dict[str, Any]], read_only: bool) -> None:
        """End the module with the result of some work on a server, or with its error."""
        client = None

        def connected() -> dict[str, Any]:
            nonlocal client
            client = connect(self.params, read_only)
            client.hidden = self.hidden
            result = work(client)
            result["warnings"] = [*result.get("warnings", ()), *client.addresses.doubts()]
            return result

        try:
            self.ended(connected)
        finally:
            if client:
                client.transport.close()

    def ended(self, work: Callable[[], dict[str, Any]]) -> None:
        """End the module with the result of some work, or with its error."""
        try:
            result = work()
        except LXDError as exc:
            told = {
                "changed": bool(exc.done),
                "actions": [one.words for one in exc.done],
                "steps": [one._asdict() for one in exc.done],
                **exc.result,
            }
            self.warn_of(told)
            failure = messages.failure(exc)
            self.fail_json(msg=values.printable(str(exc), keep="\n"), code=failure["code"], failure=failure, **told)
        self.warn_of(result)
        self.exit_json(**result)

    def warn_of(self, result: dict[str, Any]) -> None:
        for warning in result.pop("warnings", ()):
            self.warn(values.printable(warning, keep="\n"))


def run(kind: type[Resource]) -> None:
    """The `main` of a module that manages one kind."""
    module = _Module(kind.argument_spec(), kind.unlogged, **kind.constraints)

    def work(client: Client) -> dict[str, Any]:
        outcome = converge(kind(client, module.params), module.check_mode)
        before, after = secrets.mask_pair(outcome.before, outcome.after, module.hidden)
        header = f"{kind.kind} {module.params.get(kind.named_by) or ''}".strip()
        result: dict[str, Any] = {
            "changed": outcome.changed,
            "actions": outcome.actions,
            kind.kind: kind.returned(outcome.result),
        }
        result["steps"] = [one._asdict() for one in outcome.done]
        result["warnings"] = outcome.warnings
        result["diff"] = {
            "before": values.to_yaml(before) if outcome.changed else "",
            "after": values.to_yaml(after) if outcome.changed else "",
            "before_header": header,
            "after_header": header,
        }
        return result

    module.guarded(work, read_only=module.check_mode)


def run_info(info: Any) -> None:
    """The `main` of a module that only reads."""
    module = _Module(info.spec)
    module.guarded(
        lambda client: {"changed": False, **secrets.masked(info.gather(client, module.params))}, read_only=True
    )


def run_job(job: Any) -> None:
    """The `main` of a module that manages more than one resource.

    :param job: has `spec`, and `run(client, params, check_mode)`, which returns the result. It can have `constraints`
        and `unlogged` as a kind has them
    """
    module = _Module(job.spec, getattr(job, "unlogged", ()), **getattr(job, "constraints", {}))
    module.guarded(
        lambda client: job.run(client, {**module.params, **module.internal}, module.check_mode),
        read_only=module.check_mode,
    )


def run_files(job: Any) -> None:
    """The `main` of a module that manages files of the host, and asks no server.

    :param job: has `spec`, and `run(params, check_mode)`, which returns the result
    """
    module = _Module(job.spec)
    module.ended(lambda: job.run(module.params, module.check_mode))
