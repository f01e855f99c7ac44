# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of this collection in Ansible's worker, where the task runs on the controller itself.

There the module needs no archive, no temporary directory and no new Python: its `main` is called with the arguments
that Ansible would send, and what it prints is read as Ansible reads the output of a process. Both come from Ansible's
own code, of which only the process is replaced, so the result is the same. Ansible itself runs every unusual task (see
`Direct._hindrance`).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import sys
from typing import Any, Iterator

from ansible import constants as C
from ansible.module_utils import basic
from ansible.plugins.action import ActionBase
from ansible.plugins.action.normal import ActionModule as Normal
from ansible.release import __version__
from ansible.utils.display import Display
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._server_variables import with_server
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._vault import with_secrets

#: The series of ansible-core for which tests show that only the process is replaced.
KNOWN_CORES = ("2.19.", "2.20.", "2.21.")
if __version__.startswith(KNOWN_CORES):  # of others it is not even known that they have these
    from ansible.executor.module_common import _BuiltModule
    from ansible.module_utils import _internal
    from ansible.module_utils._internal._ansiballz import _loader
    from ansible.module_utils.common import warnings
    from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder

    #: Where a module that runs leaves something behind in Ansible's own modules: its arguments, what it is, and what it
    #: warns of.
    STATE = (
        (basic, "_ANSIBLE_ARGS"), (basic, "_ANSIBLE_PROFILE"), (basic, "_PARSED_MODULE_ARGS"),
        (_internal, "is_controller"), (warnings, "_global_warnings"), (warnings, "_global_deprecations"),
    )  # fmt: skip

COLLECTION = "cloudhost.lxd."
MODULES = "ansible_collections.cloudhost.lxd.plugins.modules."
#: Arguments by which Ansible tells its modules about itself, and which work without a process of their own.
KNOWN_ARGUMENTS = frozenset(
    f"_ansible_{name}"
    for name in (
        "check_mode", "debug", "diff", "ignore_unknown_opts", "inject_invocation", "keep_remote_files", "module_name",
        "no_log", "remote_tmp", "selinux_special_fs", "shell_executable", "socket", "syslog_facility",
        "target_log_info", "tmpdir", "tracebacks_for", "verbosity", "version",
    )
)  # fmt: skip
#: The variables that the engine reads. Others may be for Python, for the TLS library or for another library.
KNOWN_ENVIRONMENT = re.compile(r"(LXD|INCUS)_[A-Z0-9_]+")
PROFILE = "legacy"
OPTION = {
    "direct": {
        "type": "bool",
        "default": True,
        "vars": [{"name": "ansible_lxd_direct"}],
        "env": [{"name": "LXD_DIRECT"}],
        "ini": [{"section": "lxd_modules", "key": "direct"}],
    }
}
C.config.initialize_plugin_configuration_definitions("action", COLLECTION + "direct", OPTION)


def wanted(variables: dict[str, Any] | None = None) -> bool:
    """Whether the option is on, by variable, environment or configuration file."""
    return bool(
        C.config.get_config_value(
            "direct", plugin_type="action", plugin_name=COLLECTION + "direct", variables=variables
        )
    )


def load() -> None:
    """What most modules share, where it will be used: Ansible keeps nothing of what it compiles of a collection."""
    if not wanted() or not __version__.startswith(KNOWN_CORES):
        return
    importlib.import_module(MODULES + "instance")
    for direction in Direction:
        get_module_encoder(PROFILE, direction)
        get_module_decoder(PROFILE, direction)


class Direct(ActionBase):
    """For action plugins: their modules run in the worker where they can."""

    #: Whether the module works in threads: the alarm of `timeout` ends the thread that it is in, and no other.
    _threads = False

    def _execute_module(
        self,
        module_name: str | None = None,
        module_args: dict[str, Any] | None = None,
        tmp: str | None = None,
        task_vars: dict[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        name, variables = module_name or self._task.action, task_vars or {}
        arguments = dict(self._task.args if module_args is None else module_args)
        if not name.startswith("ansible."):
            delegate_to, transport = self._task.delegate_to, self._connection.transport
            arguments = with_server(arguments, transport, delegate_to, variables, self._templar)
        module_args = arguments = with_secrets(arguments, variables)
        try:
            hindrance = self._hindrance(name, arguments, variables, more)
        except Exception as exc:  # noqa: BLE001 - the ordinary way comes by it too, and says what is wrong
            hindrance = f"of an error ({type(exc).__name__})"
        if hindrance:
            Display().vvv(f"{name} runs in a process of its own because {hindrance}")
            return dict(
                super()._execute_module(
                    module_name=module_name, module_args=module_args, tmp=tmp, task_vars=task_vars, **more
                )
            )
        here = _Here(self._task, self._connection, self._play_context, self._loader, self._templar)
        return dict(here._execute_module(module_name=name, module_args=arguments, task_vars=task_vars))

    def _hindrance(self, name: str, arguments: dict[str, Any], task_vars: dict[str, Any], more: dict[str, Any]) -> str:
        """Why the module cannot run in the worker; empty if it can."""
        task, connection = self._task, self._connection
        variables = task_vars["ansible_delegated_vars"][task.delegate_to] if task.delegate_to else task_vars
        checks = (
            (
                not wanted(
                    {
                        key: self._templar.template(value)
                        for key, value in variables.items()
                        if key == "ansible_lxd_direct"
                    }
                ),
                "'direct' is off",
            ),
            (not __version__.startswith(KNOWN_CORES), f"ansible-core {__version__} is not known"),
            (type(connection).__module__ != "ansible.plugins.connection.local", "the connection is not local"),
            (task.async_val or any(more.values()), "it is asynchronous, or more is wanted of it"),
            (task.timeout and self._threads, "it works in threads, which 'timeout' does not end"),
            (self._play_context.executable not in ("/bin/sh", "/usr/bin/sh"), "a shell of its own is wanted"),
            (C.DEFAULT_KEEP_REMOTE_FILES, "its files are to be kept"),
        )
        simple = next((words for hindered, words in checks if hindered), "")
        return (
            simple
            or self._other_user()
            or self._other_python(variables)
            or self._other_surroundings(name, arguments, task_vars)
        )

    def _other_user(self) -> str:
        self._connection._connect()  # says whose processes it starts
        user = self.get_become_option("become_user")
        same = user and user == self._get_remote_user() and not C.BECOME_ALLOW_SAME_USER
        return "it becomes another user" if self._connection.become and not same else ""

    def _other_python(self, variables: dict[str, Any]) -> str:
        python = self._templar.template(C.config.get_config_value("INTERPRETER_PYTHON", variables=variables))
        if not python or python in ("auto", "auto_silent", "auto_legacy", "auto_legacy_silent"):
            return ""  # any will do
        # in a virtual environment or not: it is for the standard library, which is that of the program
        same = os.path.realpath(python) == os.path.realpath(sys.executable)
        return "" if same else f"{python} is wanted"

    def _other_surroundings(self, name: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> str:
        odd = sorted(variable for variable in self._environment() if not KNOWN_ENVIRONMENT.fullmatch(variable))
        if odd:
            return f"its environment has {', '.join(odd)}"
        self._update_module_args(name, sent := dict(arguments), task_vars)
        odd = sorted(key for key in sent if key.startswith("_ansible_") and key not in KNOWN_ARGUMENTS)
        if odd:
            return f"nothing is known of {', '.join(odd)}"
        return "" if self._found(name).startswith(COLLECTION) else "it is not of this collection"

    def _environment(self) -> dict[str, str]:
        """What `environment` adds, as strings."""
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        return {str(name): str(value) for name, value in environment.items()}

    def _found(self, name: str) -> str:
        """The full name of a module."""
        found = self._shared_loader_obj.module_loader.find_plugin_with_context(
            name, collection_list=self._task.collections
        )
        return str(found.resolved_fqcn or "")


class _Here(Direct):
    """Ansible's own way of running a module, but for the process."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        raise AssertionError("it only stands in for an action while that runs a module")

    def _execute_module(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return dict(ActionBase._execute_module(self, *args, **kwargs))

    def _is_pipelining_enabled(self, *_args: Any, **_kwargs: Any) -> bool:
        return True  # so Ansible makes no temporary directory

    def _configure_module(
        self, module_name: str, module_args: dict[str, Any], task_vars: Any
    ) -> tuple[_BuiltModule, str]:
        self._module = importlib.import_module(MODULES + self._found(module_name).rpartition(".")[2])
        encoder = get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)
        self._sent = json.dumps({"ANSIBLE_MODULE_ARGS": module_args}, cls=encoder).encode()
        built = _BuiltModule(
            b_module_data=b"", module_style="new", shebang=f"#!{sys.executable}", serialization_profile=PROFILE
        )
        return built, str(self._module.__file__)

    def _low_level_execute_command(self, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        """What the module prints, and how it ends."""
        with _surroundings(self._environment(), self._loader.get_basedir(), self._sent) as (stdout, stderr):
            code = _ended(self._module.main)
        told = {"stdout": stdout.getvalue(), "stderr": stderr.getvalue()}
        return {"rc": code, **told, **{f"{name}_lines": text.splitlines() for name, text in told.items()}}


def _ended(main: Any) -> int:
    """Run it to its exit, or to its error as Ansible tells those of its modules."""
    try:
        try:
            main()
        except Exception as exc:  # noqa: BLE001 - a module that fails is a task that fails
            _loader._handle_exception(exc, PROFILE)
    except SystemExit as exc:
        return int(exc.code or 0)
    return 0


@contextlib.contextmanager
def _surroundings(environment: dict[str, str], folder: str, sent: bytes) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """What a process would have for itself: variables, a current directory, an output, its arguments.

    Afterwards all is as it was: the next item of a loop, which runs in the same worker, finds nothing of this one.
    """
    variables, current = dict(os.environ), os.getcwd()
    kept = [(place, name, getattr(place, name)) for place, name in STATE]
    stdout, stderr = io.StringIO(), io.StringIO()
    try:
        os.environ.update(environment)
        os.chdir(folder)
        basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sent, PROFILE
        _internal.is_controller = False  # or warnings are shown at once, and are not in the result
        warnings._global_warnings, warnings._global_deprecations = {}, {}
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            yield stdout, stderr
    finally:
        os.chdir(current)
        for place, name, value in kept:
            setattr(place, name, value)
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)


class ActionModule(Direct, Normal):
    """The action of every module that has none of its own: Ansible's, but for the process."""
