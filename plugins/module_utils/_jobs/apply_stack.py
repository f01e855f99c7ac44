# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The module `stack`: its options, and a run of the stack with every kind of the registry."""

from __future__ import annotations

from typing import Any, Iterable

from .._api.client import Client
from .._api.errors import InvalidInput, StackFailed
from .._stack.document import Document
from .._stack.planner import StackOptions
from .._stack.run import run_stack
from .progress_file import ProgressFile
from .registry import KINDS


def documents_of(given: Iterable[dict[str, Any]], definition: Any) -> list[Document]:
    """The documents that the action plugin read, and the one in the task."""
    read = [Document(one["source"], one["content"], one["lines"], one.get("doubts") or {}) for one in given]
    return [*read, Document("", definition, {})] if definition is not None else read


class Stack:
    """Many resources from documents."""

    spec: dict[str, dict[str, Any]] = {
        "name": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "definition": {"type": "dict"},
        "src": {"type": "list", "elements": "path"},
        "template": {"type": "bool", "default": False},
        "prune": {"type": "bool", "default": False},
        "adopt": {"type": "bool", "default": False},
        "exact": {"type": "bool", "default": False},
        "force": {"type": "bool", "default": False},
        "parallel": {"type": "int", "default": 8},
        "show_text": {"type": "bool", "default": False},
        "validate_only": {"type": "bool", "default": False},
        "progress": {"type": "str", "choices": ["auto", "always", "never"]},
    }

    @staticmethod
    def run(client: Client, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        if not 1 <= params["parallel"] <= 64:
            raise InvalidInput(f"parallel: {params['parallel']} is no number of workers; it is 1 to 64.")
        if params["src"] and params.get("_documents") is None:
            raise InvalidInput(
                "src is read on the controller, by the action plugin of this module: run it as a task of a playbook, "
                "or use definition."
            )
        if params["validate_only"]:
            raise InvalidInput("validate_only is done on the controller: run the module as a task of a playbook.")
        documents = documents_of(params.get("_documents") or (), params["definition"])
        absent = params["state"] == "absent"
        if not documents and not absent:
            raise InvalidInput("src, definition: one of them is needed, since a stack is what they say.")
        options = StackOptions(
            params["name"], params["prune"], params["adopt"], absent, params["force"], params["exact"]
        )
        with ProgressFile(params.get("_progress"), client, documents) as file:
            try:
                result = run_stack(
                    client,
                    KINDS,
                    options,
                    documents,
                    check_mode,
                    params["project"],
                    params["parallel"],
                    file.progress,
                    params["show_text"],
                )
            except StackFailed as exc:
                exc.result.update(file.lines())
                raise
            except InvalidInput as exc:
                exc.result = {"errors": list(exc.each)}
                raise
            return {**result, **file.lines()}
