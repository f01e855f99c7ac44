# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `instance_exec`: a command in an instance, run once."""

from __future__ import annotations

import datetime
import stat
from typing import Any

from .._api import commands, first_contact, messages
from .._api.client import Client, quote
from .._api.errors import InvalidInput, LXDError, Missing, ServerError, did_you_mean
from .._api.sftp import Sftp
from .._api.upgrade import connect
from .._engine.checks import UNSEEN
from .._engine.plans import Done
from .._kinds.instances._accounts import account, identifier, is_number

#: The most bytes of output that are kept.
MOST = 32 << 20
#: The most bytes of one argument of a command on Linux, where pages have 4 KiB.
LONGEST = (128 << 10) - 1


class CommandFailed(LXDError):
    """A command that ended with another code than 0."""

    def __init__(self, result: dict[str, Any], done: Done) -> None:
        super().__init__("non-zero return code")
        self.result, self.done = result, [done]


class InstanceExec:
    """Runs a command or a script in an instance."""

    spec: dict[str, dict[str, Any]] = {
        "instance": {"type": "str", "required": True},
        "command": {"type": "list", "elements": "str"},
        "script": {"type": "str"},
        "creates": {"type": "str"},
        "removes": {"type": "str"},
        "stdin": {"type": "str"},
        "environment": {"type": "dict"},
        "cwd": {"type": "str"},
        "user": {"type": "str"},
        "group": {"type": "str"},
    }
    constraints = {"mutually_exclusive": [("command", "script")], "required_one_of": [("command", "script")]}
    unlogged = ("script", "stdin", "environment")

    @staticmethod
    def run(client: Client, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        return _Run(client, params, check_mode).result()


class _Run:
    def __init__(self, client: Client, params: dict[str, Any], check_mode: bool) -> None:
        self.client, self.params, self.check_mode = client, params, check_mode
        self.name = params["instance"]
        self.path = f"/1.0/instances/{quote(self.name)}"
        self.query = {"project": params["project"]}
        self.command = _command(params)
        for option in ("creates", "removes", "cwd"):
            if params[option] is not None and not params[option].startswith("/"):
                raise InvalidInput(f"{option}: '{params[option]}' is no path from the root of the instance.")
        self.environment = _environment(params["environment"] or {})
        self._sftp: Sftp | None = None

    def result(self) -> dict[str, Any]:
        try:
            return self._checked() if self.check_mode else self._run()
        finally:
            if self._sftp:
                self._sftp.close()

    # -- whether to run it --------------------------------------------------------------------------------------------

    def _skipped(self) -> str:
        """Why it is not run, as `creates` and `removes` say; empty if it is."""
        for option, exists in (("creates", True), ("removes", False)):
            path = self.params[option]
            if path is not None and (self.sftp().lstat(path) is not None) is exists:
                return f"{path} {'exists' if exists else 'does not exist'}"
        return ""

    def _checked(self) -> dict[str, Any]:
        """In check mode nothing is run. Only `creates` and `removes` show what would be."""
        decided = self.params["creates"] is not None or self.params["removes"] is not None
        doubt = self._doubt()
        reason = "" if doubt or not decided else self._skipped()
        if reason:
            return self._not_run(reason)
        report = self._report(0, "", "", "Command would have run if not in check mode")
        return {
            **report,
            "changed": decided,
            **({} if decided else {"skipped": True}),
            "warnings": [f"{doubt} {UNSEEN.format('changes that')}"] if doubt else [],
        }

    def _doubt(self) -> str:
        """What an earlier task has to change before the command can run."""
        found = self.client.find(self.path, **self.query)
        if not found:
            return self._missing()
        if found.metadata.get("status") != "Running":
            return (
                f"instance: {self.name} is {str(found.metadata.get('status')).lower()}, and commands need it running."
            )
        return ""

    def _missing(self) -> str:
        known = self.client.names("/1.0/instances", **self.query)
        return f"instance: there is no '{self.name}' on {self.client.label}. {did_you_mean(self.name, known)}"

    # -- running it ---------------------------------------------------------------------------------------------------

    def _run(self) -> dict[str, Any]:
        try:
            reason = self._skipped()
            if reason:
                return self._not_run(reason)
            request = self._request()
            began = datetime.datetime.now()
            data = (self.params["stdin"] or "").encode("utf-8", "surrogateescape")
            done = commands.run(self.client, self.path, request, data, MOST, **self.query)
        except ServerError as exc:
            raise self._explained(exc) from exc
        ended = datetime.datetime.now()
        stdout, stderr = (text.decode("utf-8", "replace").rstrip("\r\n") for text in (done.stdout, done.stderr))
        report = self._report(done.code, stdout, stderr or ("" if stdout else done.message), "")
        times = {"start": str(began), "end": str(ended), "delta": str(ended - began)}
        one = Done("run", "instance_exec", self.name, f"run a command in instance {self.name}")
        result = {**report, **times, "changed": True}
        if done.code:
            raise CommandFailed({key: value for key, value in result.items() if key != "msg"}, one)
        return {**result, "actions": [one.words], "steps": [one._asdict()]}

    def _request(self) -> dict[str, Any]:
        """The body of the request, without what concerns the streams."""
        params = self.params
        request: dict[str, Any] = {"command": self.command, "environment": self.environment}
        if params["user"] is not None:
            request["user"] = identifier(self.sftp, "user", params["user"])
            if not is_number(params["user"]):
                found = account(self.sftp(), "user", params["user"])
                request["group"] = int(found.fields[3]) if found.fields[3:4] and is_number(found.fields[3]) else 0
                own = {"USER": found.name, "LOGNAME": found.name, "HOME": (found.fields + [""] * 6)[5] or "/"}
                request["environment"] = {**own, **self.environment}
        if params["group"] is not None:
            request["group"] = identifier(self.sftp, "group", params["group"])
        if params["cwd"] is not None:
            # Incus runs the command in the root directory where there is no such directory
            about = self.sftp().stat(params["cwd"])
            if not about or not stat.S_ISDIR(about.mode):
                raise Missing(f"cwd: instance {self.name} has no directory {params['cwd']}. {commands.NEVER}")
            request["cwd"] = params["cwd"]
        return request

    def sftp(self) -> Sftp:
        """The files of the instance, to look at."""
        if self._sftp is None:
            connection = connect(self.client, f"{self.path}/sftp", "sftp", **self.query)
            self._sftp = Sftp(connection, self.client.label, self.client.deadline, read_only=True)
        return self._sftp

    def _explained(self, exc: ServerError) -> LXDError:
        if messages.instance_missing(exc):
            return Missing(self._missing())
        advice = ""
        if messages.instance_stopped(exc):
            advice = " Start it first, with cloudhost.lxd.instance and state: started."
        elif messages.instance_frozen(exc):
            advice = " Unfreeze it first, with cloudhost.lxd.instance and state: started."
        elif messages.is_denied(exc.text):
            advice = f" {first_contact.LIMITED}"
        words = (
            f"Failed to run a command in instance {self.name} on {self.client.label}: {exc.text.rstrip('.')}.{advice}"
        )
        return ServerError(f"{words} {commands.NEVER}", exc.code, exc.text)

    # -- what is reported of it ----------------------------------------------------------------------------------------

    def _report(self, code: int, stdout: str, stderr: str, words: str) -> dict[str, Any]:
        return {
            "cmd": self.command,
            "rc": code,
            "stdout": stdout,
            "stderr": stderr,
            "stdout_lines": stdout.splitlines(),
            "stderr_lines": stderr.splitlines(),
            "msg": words,
            "actions": [],
            "steps": [],
        }

    def _not_run(self, reason: str) -> dict[str, Any]:
        report = self._report(0, f"skipped, since {reason}", "", f"Did not run command since {reason}")
        return {**report, "changed": False}


def _command(params: dict[str, Any]) -> list[str]:
    if params["script"] is not None:
        command = ["/bin/sh", "-c", params["script"]]
    else:
        command = params["command"]
        if not command or not command[0]:
            raise InvalidInput("command: it is a list of a program and its arguments, and has none.")
        if len(command) == 1 and len(command[0].split()) > 1:
            raise InvalidInput(
                f"command: '{command[0]}' is taken for the name of a program. Write a list, as in "
                f"[{', '.join(command[0].split())}], or use script, which a shell runs."
            )
    for option in ("script", "command"):
        if params[option] is not None and any("\0" in word for word in command):
            raise InvalidInput(f"{option}: no program can be given a zero byte.")
    longest = max(len(word.encode("utf-8", "surrogateescape")) for word in command)
    if longest > LONGEST:
        raise InvalidInput(
            f"{'script' if params['script'] is not None else 'command'}: {longest} bytes are too long for one "
            f"argument; Linux takes {LONGEST}. Give it as stdin, as in command: [sh, -s]."
        )
    return list(command)


def _environment(given: dict[str, Any]) -> dict[str, str]:
    for name, value in given.items():
        if not name or "=" in name or "\0" in name:
            raise InvalidInput(f"environment: {name!r} is no name of a variable.")
        if isinstance(value, (dict, list)) or value is None:
            raise InvalidInput(f"environment.{name}: it is a text, and not {type(value).__name__}.")
    return {str(name): str(value) for name, value in given.items()}
