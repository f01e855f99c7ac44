# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands for the monitors, by librados: a process for each, as the program `ceph` is one, takes half a second."""

from __future__ import annotations

import contextlib
import errno
import json
import time
from typing import Any, Iterator

from .host import Failed, Host

#: Seconds until librados gives an attempt up. More attempts follow while the step has time.
ATTEMPT = 10
#: What passes by itself: the monitors elect a leader, or one of them is gone and the others do not know it yet.
PASSES = (errno.ETIMEDOUT, errno.EAGAIN, errno.ENOTCONN, errno.EINTR)


class Refused(Failed):
    """The monitors answer that they do not do it."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.code = code


class Monitors:
    """The monitors, as one entity sees them.

    :param addresses: of all monitors
    :param entity: whose rights the commands have, such as `mon.` or `client.bootstrap-osd`
    :param key: its key
    """

    def __init__(self, host: Host, addresses: list[str], entity: str, key: str) -> None:
        self.host, self.addresses, self.entity, self.key = host, addresses, entity, key
        self._cluster: Any = None

    def command(self, prefix: str, given: bytes = b"", manager: bool = False, **arguments: Any) -> Any:
        """The answer of a command, as `ceph` gives it with `--format json`. All commands here can be done twice.

        :param given: what `ceph` would read from a file
        :param manager: whether the active manager is asked
        :raises Refused: the monitors do not do it
        :raises Failed: they do not answer in time
        """
        text = self.raw(prefix, given, manager, format="json", **arguments).decode()
        return json.loads(text) if text.strip() else None

    def raw(self, prefix: str, given: bytes = b"", manager: bool = False, **arguments: Any) -> bytes:
        """The same, for an answer that is no JSON."""
        request = json.dumps({"prefix": prefix, **arguments})
        while True:
            code, answer, said = self._attempt(request, given, manager)
            if code == 0:
                return answer
            if abs(code) not in PASSES:
                raise Refused(
                    f"the monitors refuse '{prefix}' of {self.entity}: {said} ({errno_name(code)})", abs(code)
                )
            if time.monotonic() > self.host.deadline:
                raise Failed(f"'{prefix}' failed, because {self.silence(said)}")
            time.sleep(0.2)

    def silence(self, said: str) -> str:
        """What to say of monitors that do not answer."""
        return (
            f"the Ceph monitors at {', '.join(self.addresses)} did not answer in {self.host.timeout:.0f} s: {said}. "
            "More than half of all monitors have to run and to reach each other. Start those that do not run "
            "(systemctl start ceph-mon@NAME on their hosts, journalctl -u ceph-mon@NAME says why one ended), and "
            "run this again"
        )

    def _attempt(self, request: str, given: bytes, manager: bool) -> tuple[int, bytes, str]:
        import rados  # of the package python3-rados: it is not there before the packages are

        try:
            if self._cluster is None:
                self._cluster = self._connected(rados)
            asked = self._cluster.mgr_command if manager else self._cluster.mon_command
            code, answer, said = asked(request, given)
            return code, answer, said
        except (rados.PermissionDeniedError, rados.PermissionError) as exc:
            raise Refused(
                f"the monitors at {', '.join(self.addresses)} do not accept the key of {self.entity}", 13
            ) from exc
        except rados.Error as exc:
            return -(getattr(exc, "errno", None) or errno.ETIMEDOUT), b"", str(exc)

    def _connected(self, rados: Any) -> Any:
        options = {
            "mon_host": ",".join(bracketed(address) for address in self.addresses),
            "key": self.key,
            "keyring": "/dev/null",
            "client_mount_timeout": str(ATTEMPT),
            "rados_mon_op_timeout": str(ATTEMPT),
            "log_file": "",
            "log_to_stderr": "false",
            "err_to_stderr": "false",
            "admin_socket": "",
        }
        cluster = rados.Rados(name=self.entity, conffile=None, conf=options)
        cluster.connect(timeout=ATTEMPT)
        return cluster

    def quorum(self) -> dict[str, Any]:
        """Which monitors there are (`known`, with their addresses), and which of them agree (`quorum`)."""
        status = self.command("quorum_status")
        return {
            "fsid": status["monmap"]["fsid"],
            "known": {one["name"]: one["addr"].rpartition(":")[0].strip("[]") for one in status["monmap"]["mons"]},
            "quorum": status["quorum_names"],
        }

    def close(self) -> None:
        if self._cluster is not None:
            self._cluster.shutdown()


@contextlib.contextmanager
def monitors(host: Host, addresses: list[str], entity: str, key: str | None) -> Iterator[Monitors]:
    """The monitors, for as long as the context is open."""
    if not key:
        raise Failed(f"this host has no key of {entity}")
    found = Monitors(host, addresses, entity, key)
    try:
        yield found
    finally:
        found.close()


def bracketed(address: str) -> str:
    """An address as Ceph wants it in lists: without brackets, an IPv6 address would end at its second colon."""
    return f"[{address}]" if ":" in address else address


def errno_name(code: int) -> str:
    return errno.errorcode.get(abs(code), str(code))
