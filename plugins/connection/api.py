# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: api
short_description: Run tasks in instances of LXD and Incus over their REST API
version_added: 0.1.0
description:
  - Runs commands in containers and virtual machines and copies files both ways, over the unix socket of the daemon or over HTTPS.
    Neither C(lxc) nor C(incus) nor C(ssh) is needed, on the controller or anywhere.
  - The host in the inventory is an instance; M(cloudhost.lxd.instance) makes them, and P(cloudhost.lxd.instances#inventory) finds them.
author:
  - cloudhost.lxd contributors (@cloudhost)
requirements:
  - websockets 11 or later on the controller (C(pip install websockets))
  - in virtual machines, the agent of LXD or Incus
notes:
  - Whoever may use the API is root in the instances. O(remote_user) is who commands run as; files are copied by the daemon, which may read
    and write all of them, and new ones belong to O(remote_user).
  - A user other than C(root) logs in without its supplementary groups, because the API takes one user and one group. Use C(become) from
    C(root) where those matter.
  - When a task is interrupted or its C(timeout) is over, the command in the instance is killed.
extends_documentation_fragment:
  - cloudhost.lxd._reach.connection
options:
  remote_addr:
    description: The instance. The default is the name of the host in the inventory.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_lxd_host
  remote_user:
    description:
      - The user of the instance that commands run as, by name or number. It needs no password and no key.
      - Name, group and home directory are looked up in the instance, once for each run of Ansible.
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
      - Run modules by writing them to the interpreter in the instance, without a file. It saves four commands a task.
      - It is on where nothing else is said, because nothing speaks against it here.
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
      - Keep one command open in the instance to run those of all tasks, and modules with the standard library loaded. The second one opens
        it in the background, where there is C(python3); it is closed when Ansible ends, or has nothing for it to do for 15 seconds.
      - With V(false), each command is an C(exec) of the API of its own, as are those that come while another one runs.
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
- name: Web servers in containers, over HTTPS
  hosts: web
  vars:
    ansible_connection: cloudhost.lxd.api
    ansible_lxd_url: https://lxd1.example.net:8443
    ansible_lxd_server_fingerprint: "{{ lxd1_fingerprint }}"
    ansible_lxd_client_cert: ~/.config/lxc/client.crt
    ansible_lxd_client_key: ~/.config/lxc/client.key
    ansible_lxd_project: shop
  tasks:
    - name: A web server
      ansible.builtin.package:
        name: nginx

- name: A container of this host, by its socket, as another user
  hosts: web1
  connection: cloudhost.lxd.api
  remote_user: www-data
  tasks:
    - name: Who is it
      ansible.builtin.command: id
      changed_when: false
"""

import hashlib
import json
import os
import posixpath
import re
from typing import IO, Any, Callable, cast

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase
from ansible_collections.cloudhost.lxd.plugins.module_utils._client import Client, Deadline, quote
from ansible_collections.cloudhost.lxd.plugins.module_utils._connect import connect
from ansible_collections.cloudhost.lxd.plugins.module_utils._errors import (
    ConnectionFailed,
    DeadlineExceeded,
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
    did_you_mean,
)
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _exec, _line, _login

ENGINE_OPTIONS = ("url", "client_cert", "client_key", "server_cert", "server_fingerprint", "trust_token", "validate_certs", "project", "timeout")


class Connection(ConnectionBase):
    """An instance, by way of the daemon that runs it."""

    transport = "cloudhost.lxd.api"
    has_pipelining = True
    default_user = "root"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client: Client | None = None
        self._user: dict[str, Any] | None = None

    # -- what Ansible calls -----------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        if _exec.MISSING:
            raise AnsibleError(
                "The connection plugin cloudhost.lxd.api needs the Python library websockets, 11 or later, on the controller: "
                f"pip install websockets ({_exec.MISSING})."
            )
        if self._client is None:
            options = {name: self.get_option(name) for name in ENGINE_OPTIONS}
            self._client = self._engine(lambda: connect(options))
            self._display.vvv(f"ESTABLISH API CONNECTION FOR USER: {self.get_option('remote_user')} TO {self._client.transport.url}", host=self._instance)
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._display.vvv(f"EXEC {to_text(cmd)}", host=self._instance)
        gate = self._become_gate() if sudoable and self.become and self.become.expect_prompt() else None
        words = _exec.in_a_shell(to_text(cmd, errors="surrogateescape"), self.get_option("executable"))
        code, out, err = self._engine(lambda: self._command(words, to_bytes(in_data or b""), gate))
        if code and sudoable and self.become:
            self._check_become(out + err)
        return code, out, err

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        self._display.vvv(f"PUT {to_text(in_path)} TO {to_text(out_path)}", host=self._instance)
        if not os.path.isfile(to_bytes(in_path)):
            raise AnsibleFileNotFound(f"{to_text(in_path)}: there is no such file on the controller to put into instance {self._instance}.")
        with open(to_bytes(in_path), "rb") as stream:
            self._engine(lambda: self._push(stream, out_path), f"{to_text(out_path)} cannot be written. Does its folder exist?")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        self._display.vvv(f"FETCH {to_text(in_path)} TO {to_text(out_path)}", host=self._instance)
        place = to_bytes(out_path)
        try:
            with open(place, "wb") as stream:
                self._engine(lambda: self._pull(in_path, stream), f"{to_text(in_path)} cannot be read. Does it exist?")
        except AnsibleError:
            os.unlink(place)  # half a file, or none
            raise

    def close(self) -> None:
        if self._client is not None:
            self._client.transport.close()
        self._client = None
        self._connected = False

    def reset(self) -> None:
        """Forget what is known of the instance too: it may be another one by now."""
        self._user = None
        for what in ("user", "line"):
            _line.forget(self._memory(what))
        self.close()

    # -- commands ---------------------------------------------------------------------------------------------------

    @property
    def _instance(self) -> str:
        return str(self.get_option("remote_addr"))

    def _fresh(self) -> Client:
        """The client, with all the time that one command or file has."""
        client = cast(Client, self._client)  # Ansible connects before anything else
        client.deadline = Deadline(self.get_option("timeout"))
        return client

    def _command(self, words: list[str], data: bytes, gate: _exec.Gate | None) -> tuple[int, bytes, bytes]:
        login = self._login()
        line = _line.found(self._memory("line"), lambda: self._opened(login)) if self.get_option("keep_open") else None
        if line is None:
            return self._run({"command": words, **login}, data, gate)
        with line:
            talk = _line.Talk(line, words, data, gate)
            try:
                return talk.run(self.get_option("timeout"))
            except TimeoutError:
                if not talk.begun:  # the daemon can say why, if the instance is frozen for instance
                    self._run({"command": ["/bin/true"]})
                raise
            except Interrupted as exc:
                raise Interrupted(f"A command in instance {self._instance} of {self._label} broke off. Whether it came to its end is not known.") from exc

    def _opened(self, login: dict[str, Any]) -> dict[str, _exec.Stream]:
        """A line, for the process that keeps it: with a client of its own."""
        client = connect({name: self.get_option(name) for name in ENGINE_OPTIONS})
        return _exec.opened(client, self._instance, {"command": _line.COMMAND, **login}, project=self.get_option("project"))[1]

    def _run(self, request: dict[str, Any], data: bytes = b"", gate: _exec.Gate | None = None) -> tuple[int, bytes, bytes]:
        return _exec.run(self._fresh(), self._instance, request, data, gate, project=self.get_option("project"))

    def _become_gate(self) -> _exec.Gate:
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
            raise AnsibleError(f"Incorrect {self.become.name} password for instance {self._instance}.")
        if self.become.check_missing_password(said):
            raise AnsibleError(f"Missing {self.become.name} password for instance {self._instance}: set ansible_become_password.")

    # -- the login user ---------------------------------------------------------------------------------------------

    def _login(self) -> dict[str, Any]:
        """What the exec API needs to know of the user; nothing for root, which is the daemon's own default."""
        user = str(self.get_option("remote_user"))
        if user in ("root", "0"):
            return {}
        if self._user is None:
            self._user = self._remembered() or self._looked_up(user)
        return self._user

    def _looked_up(self, user: str) -> dict[str, Any]:
        _code, out, err = self._run({"command": ["/bin/sh", "-c", _login.LOOK_UP, "sh", user]})
        found = _login.as_user(user, to_text(out))
        if found is None:
            raise InvalidInput(
                f"remote_user '{user}': instance {self._instance} has no such user. Create it as root first (ansible.builtin.user). {to_text(err)}".strip()
            )
        with open(f"{self._memory('user')}.{os.getpid()}", "w", encoding="utf-8") as stream:
            json.dump(found, stream)
        os.replace(stream.name, self._memory("user"))
        return found

    def _remembered(self) -> dict[str, Any] | None:
        try:
            with open(self._memory("user"), encoding="utf-8") as stream:
                return dict(json.load(stream))
        except FileNotFoundError:
            return None

    def _memory(self, what: str) -> str:
        """A path that the workers of this run have in common for this host: Ansible removes the folder at its end."""
        key = "\0".join(str(self.get_option(name)) for name in ("url", "project", "remote_addr", "remote_user"))
        return os.path.join(C.DEFAULT_LOCAL_TMP, f"lxd-{what}-{hashlib.sha256(key.encode()).hexdigest()[:16]}")

    # -- files ------------------------------------------------------------------------------------------------------

    def _files(self, path: str) -> tuple[str, dict[str, Any]]:
        query = {"path": to_bytes(posixpath.join("/", path)), "project": self.get_option("project")}
        return f"/1.0/instances/{quote(self._instance)}/files", query

    def _push(self, stream: IO[bytes], path: str) -> None:
        login = self._login()
        about = {"uid": str(login.get("user", 0)), "gid": str(login.get("group", 0)), "mode": "0600", "type": "file", "write": "overwrite"}
        headers = {f"X-{product}-{key}": value for product in ("LXD", "Incus") for key, value in about.items()}
        # without a type of its own, the daemon takes the contents for a form
        headers.update({"Content-Type": "application/octet-stream", "Content-Length": str(os.fstat(stream.fileno()).st_size)})
        client = self._fresh()
        url, query = self._files(path)
        attempt = 0
        while True:
            stream.seek(0)
            try:
                client.request("POST", url, stream=stream, headers=headers, query=query)
                return
            except Interrupted as exc:  # writing the same file once more does no harm
                client.deadline.pause(attempt, f"writing {path} in instance {self._instance}, which failed with: {exc}")
                attempt += 1

    def _pull(self, path: str, stream: IO[bytes]) -> None:
        for _hop in range(40):  # as many links as Linux follows
            kind, contents = self._read(path, stream)
            if kind == "file":
                return
            if kind != "symlink":
                raise InvalidInput(f"{path} in instance {self._instance} is a {kind or 'thing of no known type'}, and only files can be fetched.")
            path = posixpath.join(posixpath.dirname(path), to_text(contents, errors="surrogateescape"))
        raise InvalidInput(f"{path} in instance {self._instance} is a symbolic link to itself.")

    def _read(self, path: str, stream: IO[bytes]) -> tuple[str, bytes]:
        """The type of what is there. The contents of a file are in the stream then, and those of a link are returned."""
        kind = ""

        def sink(status: int, headers: Any) -> IO[bytes] | None:
            nonlocal kind
            kind = headers.get("X-LXD-Type") or headers.get("X-Incus-Type") or ""
            return stream if status == 200 and kind == "file" else None

        url, query = self._files(path)
        answer = self._fresh().request("GET", url, query=query, sink=sink).metadata
        return kind, answer.body if kind == "symlink" else b""

    # -- errors -----------------------------------------------------------------------------------------------------

    def _engine(self, work: Callable[[], Any], file: str = "") -> Any:
        """The engine's errors in Ansible's words: a host that cannot be reached, or a task, with a C(file), that cannot be done."""
        try:
            return work()
        except TimeoutError as exc:
            raise AnsibleConnectionFailure(
                f"Instance {self._instance} did not start a command, or become did not ask for its password, within the timeout of "
                f"{self.get_option('timeout')} s. Is become_password set, and does become_user exist?"
            ) from exc
        except ServerError as exc:
            raise self._explained(exc, file) from exc
        except (ConnectionFailed, DeadlineExceeded, Interrupted) as exc:
            raise AnsibleConnectionFailure(str(exc)) from exc
        except LXDError as exc:
            raise AnsibleError(str(exc)) from exc

    def _explained(self, exc: ServerError, file: str) -> AnsibleError:
        text, instance = exc.text, self._instance
        project = self.get_option("project") or "default"
        if re.search(r"instance not found|failed to fetch instance", text, re.I):
            return AnsibleConnectionFailure(f"There is no instance {instance} in project {project} of {self._label}. {self._nearest()}")
        if re.search(r"not running|is stopped", text, re.I) and "agent" not in text.lower():
            return AnsibleConnectionFailure(f"Instance {instance} of {self._label} is not running: {text}. Start it (cloudhost.lxd.instance, state: started).")
        if re.search(r"frozen", text, re.I):
            return AnsibleConnectionFailure(f"Instance {instance} of {self._label} is frozen. Start it (cloudhost.lxd.instance, state: started).")
        if re.search(r"agent", text, re.I):
            return AnsibleConnectionFailure(
                f"The agent of virtual machine {instance} does not answer: {text}. Wait for it (cloudhost.lxd.instance, wait_for: [agent])."
            )
        if file:
            return AnsibleError(f"Instance {instance}: {file} {exc}")
        return AnsibleConnectionFailure(f"Instance {instance}: {exc}")

    @property
    def _label(self) -> str:
        return self._client.label if self._client else "the server"

    def _nearest(self) -> str:
        try:
            return did_you_mean(self._instance, self._fresh().names("/1.0/instances", project=self.get_option("project")))
        except LXDError:
            return ""
