# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: api
short_description: Run tasks in instances of LXD and Incus over their REST API
version_added: 0.1.0
description:
  - Runs commands in containers and virtual machines, and copies files to and from them, over the unix socket of the
    daemon or over HTTPS.
    C(lxc), C(incus) and C(ssh) are not needed, neither on the controller nor anywhere else.
  - The host in the inventory is an instance. M(cloudhost.lxd.instance) creates instances, and
    P(cloudhost.lxd.instances#inventory) finds them.
author:
  - cloudhost.lxd contributors (@cloudhost)
requirements:
  - websockets 11 or later on the controller (C(pip install websockets))
  - in virtual machines, the agent of LXD or Incus
notes:
  - Anyone who can use the API is root in the instances.
  - Commands run as O(remote_user). Files are read and written as this user. For C(root), the daemon copies the files,
    and follows links as root does. For
    any other user, a command of that user copies them. Relative paths start at the home directory of the user.
  - If a command runs as a separate C(exec) of the API, its arguments are visible in the operations and events of the
    daemon. This includes what
    C(environment) of the task sets. Everyone who can see the operations and events of the project can read them, even
    if the task sets C(no_log).
    Pass secrets in files or in arguments of modules, which are sent as input.
  - A user other than C(root) logs in without its supplementary groups, because the API accepts one user and one group.
    If you need these groups, use
    C(become) from C(root).
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
      - Keep a session open in the instance. The session runs the commands of all tasks, and runs modules with the
        standard library already loaded.
      - The second command opens the session in the background, if the instance has C(python3). The session closes when
        Ansible ends, or after 15 seconds
        without a command.
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
"""

EXAMPLES = r"""
- name: Configure web servers in containers, over HTTPS
  hosts: web
  vars:
    ansible_connection: cloudhost.lxd.api
    ansible_lxd_url: https://lxd1.example.net:8443
    ansible_lxd_server_fingerprint: "{{ lxd1_fingerprint }}"
    ansible_lxd_client_cert: ~/.config/lxc/client.crt
    ansible_lxd_client_key: ~/.config/lxc/client.key
    ansible_lxd_project: shop
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

import contextlib
import hashlib
import json
import os
import socket
import threading
from typing import IO, TYPE_CHECKING, Any, Callable

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _line
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._command import Gate, in_a_shell

if TYPE_CHECKING:
    from ansible_collections.cloudhost.lxd.plugins.plugin_utils._instance import Instance

ENGINE_OPTIONS = (
    "url",
    "client_cert",
    "client_key",
    "server_cert",
    "server_fingerprint",
    "trust_token",
    "validate_certs",
    "project",
    "timeout",
)


#: Those of them that may name a file. It may be another one by now.
FILE_OPTIONS = ("client_cert", "client_key", "server_cert")


def _content(path: str | None) -> str:
    try:
        with open(os.path.expanduser(path or ""), "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except (OSError, ValueError):  # nothing, PEM text, or what the server's client will complain of
        return ""


class Connection(ConnectionBase):
    """An instance, by way of the daemon that runs it."""

    transport = "cloudhost.lxd.api"
    has_pipelining = True
    default_user = "root"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reached: Instance | None = None
        self._reached_by = ""

    def __copy__(self) -> Connection:
        """Another conversation with the same instance, for another thread: a client speaks with one at a time."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__, _reached=None)
        return other

    # -- what Ansible calls -------------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        self._connected = True  # what is there to connect to shows when a command or a file needs it
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._display.vvv(f"EXEC {to_text(cmd)}", host=self._name)
        gate = self._become_gate() if sudoable and self.become and self.become.expect_prompt() else None
        words = in_a_shell(to_text(cmd, errors="surrogateescape"), self.get_option("executable"))
        code, out, err = self._engine(lambda: self._command(words, to_bytes(in_data or b""), gate))
        if code and sudoable and self.become:
            self._check_become(out + err)
        return code, out, err

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        self._display.vvv(f"PUT {to_text(in_path)} TO {to_text(out_path)}", host=self._name)
        if not os.path.isfile(to_bytes(in_path)):
            raise AnsibleFileNotFound(
                f"{to_text(in_path)}: there is no such file on the controller to put into instance {self._name}."
            )
        with open(to_bytes(in_path), "rb") as stream:
            self._engine(
                lambda: self._put(stream, to_text(out_path)),
                f"{to_text(out_path)} cannot be written. Does its folder exist?",
            )

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        self._display.vvv(f"FETCH {to_text(in_path)} TO {to_text(out_path)}", host=self._name)
        self._engine(
            lambda: self._get(to_text(in_path), to_bytes(out_path)),
            f"{to_text(in_path)} cannot be read. Does it exist?",
        )

    def close(self) -> None:
        if self._reached is not None:
            self._reached.close()
        self._reached = None
        self._connected = False

    def reset(self) -> None:
        """Forget what is known of the instance too: it may be another one by now."""
        for what in ("user", "line"):
            _line.forget(self._memory(what))
        self.close()

    # -- commands -----------------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return str(self.get_option("remote_addr"))

    @property
    def _instance(self) -> Instance:
        """The instance by its server. Loaded when it is needed: each task is a worker of its own, and with a line most
        have no use for it.

        Ansible gives the same connection other options for another item of a loop, so what was reached is good for the
        same options only.
        """
        options = {name: self.get_option(name) for name in ENGINE_OPTIONS}
        reached_by = json.dumps([self._name, options], default=str)
        if self._reached is not None and self._reached_by != reached_by:
            self._reached.close()
            self._reached = None
        if self._reached is None:
            from ansible_collections.cloudhost.lxd.plugins.plugin_utils._exec import MISSING

            if MISSING:
                raise AnsibleError(
                    "The connection plugin cloudhost.lxd.api needs the Python library websockets, 11 or later, on "
                    "the controller: "
                    f"pip install websockets ({MISSING})."
                )
            from ansible_collections.cloudhost.lxd.plugins.plugin_utils._instance import Instance

            self._reached, self._reached_by = Instance(self._name, options), reached_by
            self._display.vvv(
                f"ESTABLISH API CONNECTION FOR USER: {self.get_option('remote_user')} TO {self._reached.url}",
                host=self._name,
            )
        return self._reached

    def _command(
        self, words: list[str], data: bytes | IO[bytes], gate: Gate | None, sink: IO[bytes] | None = None
    ) -> tuple[int, bytes, bytes]:
        login = self._login()
        line = self._free_line(login) if self.get_option("keep_open") else None
        if line is None:
            return self._instance.run({"command": words, **login}, data, gate, sink)
        with line:
            talk = _line.Talk(line, words, data, gate, sink)
            try:
                return talk.run(self.get_option("timeout"))
            except TimeoutError:
                if not talk.begun:  # the daemon can say why, if the instance is frozen for instance
                    self._instance.run({"command": ["/bin/true"]})
                raise
            except Interrupted as exc:
                raise Interrupted(
                    f"A command in instance {self._name} of {self._instance.label} broke off. Whether it came to its "
                    "end is not known."
                ) from exc

    def _put(self, stream: IO[bytes], path: str) -> None:
        from ansible_collections.cloudhost.lxd.plugins.plugin_utils import (
            _files,
        )  # what few commands need, and takes time to load

        _files.put(self._instance, self._as_user, stream, path, self._login())

    def _get(self, path: str, place: bytes) -> None:
        from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _files

        with _files.replaced(place) as stream:
            _files.get(self._instance, self._as_user, path, stream, self._login())

    def _as_user(self, words: list[str], data: bytes | IO[bytes], sink: IO[bytes] | None) -> tuple[int, bytes, bytes]:
        return self._command(words, data, None, sink)

    def _free_line(self, login: dict[str, Any]) -> socket.socket | None:
        place = self._memory("line")
        line = _line.found(place)
        if line is None and _line.awaited(place):
            self._instance.keep_line(place, login)
        return line

    def _become_gate(self) -> Gate:
        """Hold the input back until become asks for its password or needs none."""
        become = self.become

        def gate(stdout: bytes, stderr: bytes) -> bytes | None:
            said = stdout + stderr
            if become.check_success(said):
                return b""
            if become.check_password_prompt(said):
                password = become.get_option("become_pass", playcontext=self._play_context)
                return to_bytes(password or "") + b"\n"
            return None

        return gate

    def _check_become(self, said: bytes) -> None:
        """Say what became of a password, which the words of the task alone do not tell."""
        if self.become.check_success(said):
            return
        if self.become.check_incorrect_password(said):
            raise AnsibleError(f"Incorrect {self.become.name} password for instance {self._name}.")
        if self.become.check_missing_password(said):
            raise AnsibleError(
                f"Missing {self.become.name} password for instance {self._name}: set ansible_become_password."
            )

    # -- the login user -----------------------------------------------------------------------------------------------

    def _login(self) -> dict[str, Any]:
        """What the exec API needs to know of the user; nothing for root, which is the daemon's own default."""
        user = str(self.get_option("remote_user"))
        if user in ("root", "0"):
            return {}
        return self._remembered() or self._looked_up(user)

    def _looked_up(self, user: str) -> dict[str, Any]:
        found = self._instance.user(user)
        place = f"{self._memory('user')}.{os.getpid()}.{threading.get_ident()}"
        with contextlib.suppress(OSError):  # a full disk: the next task looks it up again
            with open(place, "w", encoding="utf-8") as stream:
                json.dump(found, stream)
            os.replace(place, self._memory("user"))
        return found

    def _remembered(self) -> dict[str, Any] | None:
        try:
            with open(self._memory("user"), encoding="utf-8") as stream:
                return dict(json.load(stream))
        except FileNotFoundError:
            return None

    def _memory(self, what: str) -> str:
        """A path that the workers of this run have in common for this host: Ansible removes the folder at its end.

        Who would not be let in by options of their own shall find nothing that others have opened: the path is that of
        all of them.
        """
        key = [
            self._name,
            self.get_option("remote_user"),
            *(self.get_option(name) for name in ENGINE_OPTIONS if name != "timeout"),
        ]
        key += [_content(self.get_option(name)) for name in FILE_OPTIONS]
        digest = hashlib.sha256(json.dumps(key, default=str).encode()).hexdigest()
        return os.path.join(C.DEFAULT_LOCAL_TMP, f"lxd-{what}-{digest[:24]}")

    # -- errors -------------------------------------------------------------------------------------------------------

    def _engine(self, work: Callable[[], Any], file: str = "") -> Any:
        """The engine's errors in Ansible's words: a host that cannot be reached, or a task, with a `file`, that cannot
        be done.
        """
        try:
            return work()
        except TimeoutError as exc:
            raise AnsibleConnectionFailure(
                f"Instance {self._name} did not start a command, or become did not ask for its password, within the "
                "timeout of "
                f"{self.get_option('timeout')} s. Is become_password set, and does become_user exist?"
            ) from exc
        except ServerError as exc:
            raise self._explained(exc, file) from exc
        except (ConnectionFailed, DeadlineExceeded, Interrupted) as exc:
            raise AnsibleConnectionFailure(str(exc)) from exc
        except InvalidInput as exc:
            raise AnsibleError(f"Instance {self._name}: {file} {exc}" if file else str(exc)) from exc
        except LXDError as exc:
            raise AnsibleError(str(exc)) from exc

    def _explained(self, exc: ServerError, file: str) -> AnsibleError:
        from ansible_collections.cloudhost.lxd.plugins.module_utils._api import (
            messages,
        )  # each task loads the plugin, and few need these

        text, instance, label = exc.text, self._name, self._instance.label
        project = self.get_option("project") or "default"
        if messages.instance_missing(exc):
            return AnsibleConnectionFailure(
                f"There is no instance {instance} in project {project} of {label}. {self._instance.nearest()}"
            )
        if messages.instance_stopped(exc) and not messages.agent_silent(exc):
            return AnsibleConnectionFailure(
                f"Instance {instance} of {label} is not running: {text}. Start it (cloudhost.lxd.instance, state: "
                "started)."
            )
        if messages.instance_frozen(exc):
            return AnsibleConnectionFailure(
                f"Instance {instance} of {label} is frozen. Start it (cloudhost.lxd.instance, state: started)."
            )
        if messages.agent_silent(exc):
            return AnsibleConnectionFailure(
                f"The agent of virtual machine {instance} does not answer: {text}. Wait for it "
                "(cloudhost.lxd.instance, wait_for: [agent])."
            )
        if file:
            return AnsibleError(f"Instance {instance}: {file} {exc}")
        return AnsibleConnectionFailure(f"Instance {instance}: {exc}")
