# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of the module stack: it reads the documents, with the line number of each entry.

The documents are on the controller, and may be encrypted with Ansible Vault. So the managed host needs no YAML library.
It also shows the progress of the run, which the module writes into a file.
"""

from __future__ import annotations

import os
from typing import Any, Iterator

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.template import trust_as_template
from ansible_collections.cloudhost.lxd.plugins.action.direct import Direct
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import printable
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _progress
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._cloud_config import doubts
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._vault import is_encrypted, scalars
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._written import (
    TEXT,
    Loader,
    children,
    lines_of,
    not_yaml,
    written_twice,
)

_progress.show_at_once()


class ActionModule(Direct):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True
    _threads = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = {option: value for option, value in self._task.args.items() if not option.startswith("_")}
        errors = self._read(arguments, task_vars or {}) if arguments.get("src") else []
        try:
            if boolean(arguments.get("validate_only") or False):
                return {**result, **self._validated(arguments, errors)}
            if errors:
                raise InvalidInput(*errors)
        except InvalidInput as exc:
            each = [printable(words) for words in exc.each]
            return {**result, "failed": True, "changed": False, "msg": printable(str(exc), keep="\n"), "errors": each}
        if not _progress.is_wanted(self, arguments.get("progress")):
            return {**result, **self._module(arguments, task_vars)}
        title = f"stack {arguments.get('name') or ''}".strip()
        arguments["_progress"], watch = _progress.watch(self, task_vars or {}, title)
        with watch:
            result.update(self._module(arguments, task_vars))
        watch.finish(result.pop("_progress", None))
        return result

    def _module(self, arguments: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        return self._execute_module(module_name="cloudhost.lxd.stack", module_args=arguments, task_vars=task_vars)

    @staticmethod
    def _validated(arguments: dict[str, Any], errors: list[str]) -> dict[str, Any]:
        """Check the documents without a server, and without anything on the host. `errors` are known already."""
        # Few tasks need these.
        from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.apply_stack import documents_of
        from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
        from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.run import validate

        documents = documents_of(arguments.get("_documents") or (), arguments.get("definition"))
        count = validate(KINDS, documents, errors)
        warnings = [document.place(path, words) for document in documents for path, words in document.doubts.items()]
        msg = f"{count} resources, and no error that shows without a server."
        return {"changed": False, "msg": msg, "warnings": [printable(words, keep="\n") for words in warnings]}

    # -- documents ----------------------------------------------------------------------------------------------------

    def _read(self, arguments: dict[str, Any], variables: dict[str, Any]) -> list[str]:
        """Add the documents that can be read to the arguments. Returns what is wrong with the others."""
        self._secrets: list[str] = []
        documents, errors = self._documents(arguments["src"])
        if boolean(arguments.get("template") or False):
            known = len(errors)
            documents = self._templated(documents, variables, errors)
            documents = documents if len(errors) == known else []  # the values of failed templates are missing
        for document in documents:
            document["doubts"] = doubts(document["content"])
        arguments["_documents"] = documents
        arguments["_secrets"] = self._secrets
        return errors

    def _documents(self, src: Any) -> tuple[list[dict[str, Any]], list[str]]:
        written = src if isinstance(src, list) else [part.strip() for part in str(src).split(",")]
        found: list[dict[str, Any]] = []
        errors: list[str] = []
        for shown, path in (pair for name in written for pair in self._files(str(name))):
            text = self._loader.get_text_file_contents(path)
            try:
                found.append(self._document(shown, text, is_encrypted(path), errors))
            except yaml.YAMLError as exc:
                errors.append(not_yaml(shown, exc, text))
        return found, errors

    def _templated(
        self, documents: list[dict[str, Any]], variables: dict[str, Any], errors: list[str]
    ) -> list[dict[str, Any]]:
        """The documents with their templates evaluated, as the values of a playbook are."""

        # Few tasks need it, and it takes time to load.
        from ansible_collections.cloudhost.lxd.plugins.plugin_utils._templates import templated

        def render(value: str, more: dict[str, Any]) -> Any:
            with self._templar.set_temporary_context(available_variables={**variables, **more}):
                return self._templar.template(trust_as_template(value))

        return [templated(document, render, errors) for document in documents]

    def _files(self, name: str) -> Iterator[tuple[str, str]]:
        """The files that a path stands for, each as it is to be shown and as it is to be opened."""
        path = self._find_needle("files", os.path.expanduser(name))
        if not os.path.isdir(path):
            yield name, path
            return
        names = sorted(
            entry for entry in os.listdir(path) if entry.endswith((".yml", ".yaml")) and not entry.startswith(".")
        )
        if not names:
            raise AnsibleError(f"src: the directory '{name}' has no *.yml and no *.yaml in it.")
        for entry in names:
            yield os.path.join(name, entry), os.path.join(path, entry)

    def _document(self, shown: str, text: str, encrypted: bool, errors: list[str]) -> dict[str, Any]:
        loader = Loader(text.encode("utf-8"))  # Ansible marks its strings, which the C library does not take
        try:
            root = loader.get_single_node()
            if root is None:
                return {"source": shown, "content": None, "lines": {}}
            errors += written_twice(shown, root)
            content = loader.construct_document(self._decrypted(root, set()))
            self._secrets += scalars(content) if encrypted else []
            return {"source": shown, "content": content, "lines": dict(lines_of(root))}
        finally:
            loader.dispose()

    def _decrypted(self, node: Any, seen: set[int]) -> Any:
        """The same tree, with what is encrypted inside it (`!vault`) as plain text."""
        if id(node) not in seen:
            seen.add(id(node))
            if node.tag == "!vault":
                block = "".join(f"\n  {line}" for line in node.value.split("\n"))
                node.value, node.tag = str(self._loader.load(f"!vault |{block}\n")), TEXT
                self._secrets.append(node.value)
            for child in children(node):
                self._decrypted(child, seen)
        return node
