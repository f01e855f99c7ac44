# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin cloudhost.lxd.api: its options, and what Ansible calls."""

from __future__ import annotations

DOCUMENTATION = r"""
name: api
short_description: Run tasks in instances of LXD and Incus over their REST API
version_added: 0.1.0
description:
  - Runs commands in containers and virtual machines, and copies files to and from them, over the unix socket of the
    daemon or over HTTPS. C(lxc), C(incus) and C(ssh) are not needed, neither on the controller nor anywhere else.
  - The host in the inventory is an instance. M(cloudhost.lxd.instance) creates instances, and
    P(cloudhost.lxd.instances#inventory) finds them.
author:
  - cloudhost.lxd contributors (@cloudhost)
requirements:
  - in virtual machines, the agent of LXD or Incus
notes:
  - Anyone who can use the API is root in the instances.
  - Commands run as O(remote_user). Files are read and written as this user. For C(root), the daemon copies the files,
    and follows links as root does. For any other user, a command of that user copies them. Relative paths start at the
    home directory of the user.
  - If a command runs as a separate C(exec) of the API, its arguments are visible in the operations and events of the
    daemon. This includes what C(environment) of the task sets. Everyone who can see the operations and events of the
    project can read them, even if the task sets C(no_log). Pass secrets in files or in arguments of modules, which are
    sent as input.
  - A user other than C(root) logs in without its supplementary groups, because the API accepts one user and one group.
    If you need these groups, use C(become) from C(root).
  - If a task is interrupted or exceeds its C(timeout), the command in the instance is killed.
extends_documentation_fragment:
  - cloudhost.lxd._reach.connection
options:
  remote_addr:
    description: The name of the instance. The default is the name of the host in the inventory.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_lxd_host
  remote_user:
    description:
      - The user of the instance that commands run as, by name or number. It needs no password and no key.
      - The plugin looks up the name, group and home directory in the instance, once for each run of Ansible.
    type: str
    default: root
    vars:
      - name: ansible_user
      - name: ansible_lxd_user
    env:
      - name: ANSIBLE_REMOTE_USER
    ini:
      - section: defaults
        key: remote_user
    keyword:
      - name: remote_user
  executable:
    description: The shell that runs the commands.
    type: str
    default: /bin/sh
    vars:
      - name: ansible_executable
    ini:
      - section: defaults
        key: executable
  pipelining:
    description:
      - Run modules by writing them to the interpreter in the instance, without a file. This saves four commands for
        each task.
      - It is on by default, because it has no disadvantages with this plugin.
    type: bool
    default: true
    vars:
      - name: ansible_pipelining
      - name: ansible_lxd_pipelining
    env:
      - name: ANSIBLE_PIPELINING
    ini:
      - section: defaults
        key: pipelining
      - section: connection
        key: pipelining
  keep_open:
    description:
      - Keep a session open in the instance. The session runs the commands of all tasks.
      - The second command opens the session in the background, if the instance has C(python3). The session closes when
        Ansible ends, or after 15 seconds without a command.
      - While the session is busy, further commands use separate C(exec) requests of the API. With V(false), every
        command does so.
    type: bool
    default: true
    vars:
      - name: ansible_lxd_keep_open
    env:
      - name: LXD_KEEP_OPEN
    ini:
      - section: lxd_connection
        key: keep_open
  fork_modules:
    description:
      - Run modules in processes that are forked from a Python that has the standard library loaded, instead of starting
        Python for each module.
      - This needs a session (O(keep_open)). It applies only to modules that run as O(remote_user), with the C(python3)
        of the session.
    type: bool
    default: true
    vars:
      - name: ansible_lxd_fork_modules
    env:
      - name: LXD_FORK_MODULES
    ini:
      - section: lxd_connection
        key: fork_modules
  cache_code:
    description:
      - Compile the C(module_utils) that modules bring with them only once for each session, and keep the compiled code
        in memory.
      - This needs O(fork_modules), and Python 3.8 in the instance. Sessions of different users, instances, projects and
        servers never share code.
    type: bool
    default: true
    vars:
      - name: ansible_lxd_cache_code
    env:
      - name: LXD_CACHE_CODE
    ini:
      - section: lxd_connection
        key: cache_code
"""

EXAMPLES = r"""
- name: Configure web servers in containers, over HTTPS
  hosts: web
  vars:
    ansible_connection: cloudhost.lxd.api
    lxd_url: https://lxd1.example.net:8443
    lxd_server_fingerprint: "{{ lxd1_fingerprint }}"
    lxd_client_cert: ~/.config/lxc/client.crt
    lxd_client_key: ~/.config/lxc/client.key
    lxd_project: shop
  tasks:
    - name: Install a web server
      ansible.builtin.package:
        name: nginx

- name: Run a command in a container of this host, over its socket, as another user
  hosts: web1
  connection: cloudhost.lxd.api
  remote_user: www-data
  tasks:
    - name: Show the user
      ansible.builtin.command: id
      changed_when: false
"""

import json
import os
import socket
from typing import IO, TYPE_CHECKING, Any, Callable

from ansible.errors import AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import Interrupted, LXDError
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _become, _connection_errors, _run_files, _session
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._command import Gate, in_a_shell

if TYPE_CHECKING:
    from ansible_collections.cloudhost.lxd.plugins.plugin_utils._instance_client import InstanceClient

#: The options of the modules that select a server and a project.
ENGINE_OPTIONS = (
    "url", "client_cert", "client_key", "server_cert", "server_fingerprint", "trust_token", "validate_certs", "project",
    "timeout",
)  # fmt: skip
#: Those of them that may name a file.
FILE_OPTIONS = ("client_cert", "client_key", "server_cert")
#: What the session agent does besides running commands.
SWITCHES = ("fork_modules", "cache_code")


class Connection(ConnectionBase):
    """An instance, reached through the API of its server."""

    transport = "cloudhost.lxd.api"
    has_pipelining = True
    default_user = "root"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client: InstanceClient | None = None
        self._client_key = ""

    def __copy__(self) -> Connection:
        """The same connection for another thread. Threads cannot share a client."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__, _client=None)
        return other

    # -- the interface of Ansible --------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        self._connected = True  # the first command or file connects
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._display.vvv(f"EXEC {to_text(cmd)}", host=self._name)
        become = self.become if sudoable else None
        gate = _become.gate(become, self._play_context) if become and become.expect_prompt() else None
        argv = in_a_shell(to_text(cmd, errors="surrogateescape"), self.get_option("executable"))
        code, out, err = self._engine(lambda: self._command(argv, to_bytes(in_data or b""), gate))
        if code and become:
            _become.check(become, self._name, out + err)
        return code, out, err

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        self._display.vvv(f"PUT {to_text(in_path)} TO {to_text(out_path)}", host=self._name)
        if not os.path.isfile(to_bytes(in_path)):
            raise AnsibleFileNotFound(
                f"{to_text(in_path)} is not a file on the controller, and cannot be copied to instance {self._name}."
            )
        with open(to_bytes(in_path), "rb") as stream:
            self._engine(
                lambda: self._put(stream, to_text(out_path)),
                f"{to_text(out_path)} cannot be written. Does its directory exist?",
            )

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        self._display.vvv(f"FETCH {to_text(in_path)} TO {to_text(out_path)}", host=self._name)
        self._engine(
            lambda: self._get(to_text(in_path), to_bytes(out_path)),
            f"{to_text(in_path)} cannot be read. Does it exist?",
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None
        self._connected = False

    def reset(self) -> None:
        """Forget what is known about the instance too, because it may be another one now."""
        for what in ("user", "session"):
            _session.forget(self._shared_path(what))
        self.close()

    # -- commands and files --------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return str(self.get_option("remote_addr"))

    @property
    def _instance(self) -> InstanceClient:
        """The client for the instance. Loaded on first use: with a session, most workers do not need it.

        In a loop, Ansible gives one connection object the options of one item after the other. A client is used only
        with the options that it was made for.
        """
        options = {name: self.get_option(name) for name in ENGINE_OPTIONS}
        key = json.dumps([self._name, options], default=str)
        if self._client is not None and self._client_key != key:
            self._client.close()
            self._client = None
        if self._client is None:
            from ansible_collections.cloudhost.lxd.plugins.plugin_utils._instance_client import InstanceClient

            self._client, self._client_key = InstanceClient(self._name, options), key
            self._display.vvv(
                f"ESTABLISH API CONNECTION FOR USER: {self.get_option('remote_user')} TO {self._client.url}",
                host=self._name,
            )
        return self._client

    def _command(
        self, argv: list[str], data: bytes | IO[bytes], gate: Gate | None = None, sink: IO[bytes] | None = None
    ) -> tuple[int, bytes, bytes]:
        """Exit code, output and errors of a command, in the session if it is free."""
        login = self._login()
        session = self._free_session(login) if self.get_option("keep_open") else None
        if session is None:
            return self._instance.run({"command": argv, **login}, data, gate, sink)
        with session:
            command = _session.SessionCommand(session, argv, data, gate, sink)
            try:
                return command.run(self.get_option("timeout"))
            except TimeoutError:
                if not command.begun:  # the daemon may know why, for example that the instance is frozen
                    self._instance.run({"command": ["/bin/true"]})
                raise
            except Interrupted as exc:
                raise Interrupted(
                    f"The session with instance {self._name} of {self._instance.label} broke during a command. It is "
                    "not known whether the command has ended."
                ) from exc

    def _put(self, stream: IO[bytes], path: str) -> None:
        # few workers need it, and it takes time to load
        from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _files

        _files.put(self._instance, self._as_user, stream, path, self._login())

    def _get(self, path: str, place: bytes) -> None:
        from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _files

        with _files.replaced(place) as stream:
            _files.get(self._instance, self._as_user, path, stream, self._login())

    def _as_user(self, argv: list[str], data: bytes | IO[bytes], sink: IO[bytes] | None) -> tuple[int, bytes, bytes]:
        return self._command(argv, data, sink=sink)

    def _free_session(self, login: dict[str, Any]) -> socket.socket | None:
        """The session if it is open and free. The second call has it opened."""
        path = self._shared_path("session")
        session = _session.join(path)
        if session is None and _session.claim_opening(path):
            self._instance.open_session(path, login, **{name: self.get_option(name) for name in SWITCHES})
        return session

    # -- the login user ------------------------------------------------------------------------------------------------

    def _login(self) -> dict[str, Any]:
        """The part of an exec request that selects the user. Empty for root, the default of the daemon."""
        user = str(self.get_option("remote_user"))
        if user in ("root", "0"):
            return {}
        return self._remembered() or self._looked_up(user)

    def _looked_up(self, user: str) -> dict[str, Any]:
        found = self._instance.user(user)
        _run_files.write(self._shared_path("user"), found)
        return found

    def _remembered(self) -> dict[str, Any] | None:
        return _run_files.read(self._shared_path("user"))

    def _shared_path(self, what: str) -> str:
        """The path of the user or the session of this host, for all workers of this run.

        It depends on every option that decides who may connect, and to what. So a host with a wrong certificate never
        finds the session of a host with the right one.
        """
        options = [name for name in ENGINE_OPTIONS if name != "timeout"] + list(SWITCHES)
        key = [self._name, self.get_option("remote_user"), *map(self.get_option, options)]
        return _run_files.path(what, key, map(self.get_option, FILE_OPTIONS))

    # -- errors --------------------------------------------------------------------------------------------------------

    def _engine(self, work: Callable[[], Any], file: str = "") -> Any:
        """Do some work, with its errors as those of Ansible. `file` describes the file of the task."""
        try:
            return work()
        except (TimeoutError, LXDError) as exc:
            raise _connection_errors.explained(exc, self, lambda: self._instance, file) from exc
