# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `api_request`: one request that the user writes, and the end of its operation."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any

from .._api.answers import Reply
from .._api.client import Client
from .._api.errors import Interrupted, InvalidInput, LXDError, ServerError
from .._api.transport import Response
from .._engine import secrets

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: Operations that end only when somebody connects to them or uses their token.
_OPEN_ENDED = ("token", "websocket")
_UNSAFE = re.compile(r"[^\x21-\x7e]")


def check_path(path: str) -> None:
    """Refuse a path that is not one of the API, or that could be another one than it looks like. Sends nothing."""
    wrong = ""
    if not re.match(r"/1\.0(/|$|\?)", path):
        wrong = "is no path of the API: it begins with /1.0, and the server is set with url"
    elif "?" in path:
        wrong = "has a query: write it into the option query"
    elif "#" in path or _UNSAFE.search(path):
        wrong = "has characters that have no place in a path: quote names with the filter urlencode"
    elif any(urllib.parse.unquote(part) in (".", "..") for part in path.split("/")) or "//" in path:
        wrong = "has an empty segment or one of dots, so that it is another path than it looks like"
    if wrong:
        raise InvalidInput(f"path: '{path}' {wrong}.")


def query_of(params: dict[str, Any]) -> dict[str, str]:
    """The query: what the task writes, and the project and the target unless it writes these."""
    query: dict[str, str] = {}
    for name, value in (params["query"] or {}).items():
        if isinstance(value, (dict, list)):
            raise InvalidInput(f"query.{name}: a parameter is a text, a number or a boolean.")
        if value is not None:
            query[name] = str(value).lower() if isinstance(value, bool) else str(value)
    if "all-projects" not in query:  # with both, the servers refuse the request
        query.setdefault("project", params["project"] or "")
    query.setdefault("target", params["target"] or "")
    return {name: value for name, value in query.items() if value}


class ApiRequest:
    """Any request to the API."""

    spec: dict[str, dict[str, Any]] = {
        "method": {"type": "str", "choices": METHODS, "default": "GET"},
        "path": {"type": "str", "required": True},
        "query": {"type": "dict"},
        "body": {"type": "dict"},
        "etag": {"type": "str"},
        "wait": {"type": "bool", "default": True},
        "status": {"type": "list", "elements": "int", "default": []},
        "show_secrets": {"type": "bool", "default": False, "no_log": False},
    }

    @staticmethod
    def run(client: Client, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        method, path = params["method"], params["path"]
        check_path(path)
        if method == "GET" and params["body"] is not None:
            raise InvalidInput("body: a GET has none; what selects is written into query.")
        query = query_of(params)
        if method != "GET" and check_mode:
            return {"changed": True, **_RESULT}
        exchange = _Exchange(client, params)
        found = exchange.send(method, path, query)
        if params["status"] and found["status_code"] not in params["status"]:
            accepted = ", ".join(map(str, params["status"]))
            error = LXDError(
                f"{client.label} answered {method} {path} with {found['status_code']}, and 'status' accepts {accepted}."
                + (" What the request changed stays." if found["changed"] else "")
            )
            error.result = found
            raise error
        if found["operation"] and params["wait"]:
            found = exchange.waited(found)
        return found if params["show_secrets"] else secrets.masked(found, client.hidden or secrets.BY_NAME)


_RESULT: dict[str, Any] = {"status_code": None, "metadata": None, "content": None, "etag": None, "operation": None}


class _Exchange:
    """The request, and its answer as a result."""

    def __init__(self, client: Client, params: dict[str, Any]) -> None:
        self.client, self.params = client, params
        self._what = f"{params['method']} {params['path']}"
        self._status = 0

    def send(self, method: str, path: str, query: dict[str, str]) -> dict[str, Any]:
        try:
            reply = self.client.request(
                method, path, body=self.params["body"], etag=self.params["etag"], query=query, sink=self._note
            )
        except ServerError as exc:
            return self._refused(exc)
        except Interrupted as exc:
            if exc.refusal and exc.refusal.code == 412:
                return self._refused(exc.refusal)
            raise self._unknown(exc) from exc
        return {"changed": method != "GET", **_RESULT, "status_code": self._status, **_told(reply)}

    def _note(self, status: int, headers: Any) -> None:
        """Look at the status of an answer, which is kept in memory."""
        self._status = status

    def _refused(self, refusal: ServerError) -> dict[str, Any]:
        if refusal.code not in self.params["status"]:
            raise refusal
        return {"changed": False, **_RESULT, "status_code": refusal.code}

    def _unknown(self, exc: Interrupted) -> LXDError:
        error = LXDError(
            f"{self._what} was sent to {self.client.label}, and it is not known whether it was done: "
            f"{str(exc).rstrip('.')}. It is not repeated. Read what it should have changed before it is sent again."
        )
        error.result = {"changed": True}
        return error

    def waited(self, found: dict[str, Any]) -> dict[str, Any]:
        """The result with the operation as it has ended."""
        operation = found["operation"]
        if operation.get("class") in _OPEN_ENDED:
            return found
        try:
            ended = self.client.wait(f"/1.0/operations/{operation['id']}")
        except Interrupted as exc:
            raise self._unknown(exc) from exc
        except ServerError as exc:
            error = ServerError(f"{self._what} on {self.client.label} has failed: {exc}", exc.code, exc.text)
            error.result = {**found, "changed": True}
            raise error from exc
        return {**found, "operation": ended, "metadata": ended.get("metadata")}


def _told(reply: Reply) -> dict[str, Any]:
    """What an answer has for the result."""
    if isinstance(reply.metadata, Response):
        return {"content": reply.metadata.body.decode(errors="replace"), "etag": reply.metadata.headers.get("ETag")}
    if reply.operation:
        return {"operation": reply.metadata, "metadata": (reply.metadata or {}).get("metadata")}
    return {"metadata": reply.metadata, "etag": reply.etag}
