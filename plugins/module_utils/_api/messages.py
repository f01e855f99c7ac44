# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Messages of the daemons that code decides by: their error codes do not tell these cases apart.

Each message names the daemons that say it and a test that has seen it. Nothing decides by the text of an error of this
collection.
"""

from __future__ import annotations

import re
from typing import Any

from .errors import LXDError, ServerError


class Said:
    """A predicate: whether a refusal says something. `by` names the daemons that say it, `test` a test that saw it."""

    def __init__(self, pattern: str, by: str, test: str, codes: tuple[int, ...] = ()) -> None:
        self.pattern, self.by, self.test, self.codes = pattern, by, test, codes
        self._pattern = re.compile(pattern, re.I)

    def __call__(self, refusal: BaseException | str | None) -> bool:
        if isinstance(refusal, ServerError):
            return refusal.code in self.codes or bool(self._pattern.search(refusal.text))
        return isinstance(refusal, str) and bool(self._pattern.search(refusal))


BOTH = "LXD 5.0.2 and Incus 6.0.4"

#: What passes by itself: dqlite elects a leader, a daemon starts, another operation works on the object.
is_transient = Said(
    r"Failed to begin transaction|receive: header: EOF|no available dqlite leader|no known leader|database is locked"
    r"|driver: bad connection|checkpoint in progress|not leader|setup in progress|daemon is starting|is starting "
    r"up|not ready yet|isn't ready yet"
    r"|is busy running|Unable to connect to any cluster|context canceled|server is shutting down"
    r"|Invalid PID"  # the state of an instance in the moment of its start or end
    # the helper for files ends when it is idle, and a request came just then (canonical/lxd#10448)
    r"|forkfile\.sock: |^(connection lost|EOF)$"
    # Incus lists the ports of a bridge, and one of them went with its instance meanwhile
    r"|Failed to delete bridge children interfaces",
    BOTH,
    "tests/unit/module_utils/_api/test_client.py::test_words_that_pass_by_themselves",
)
#: A member could not pass a request on to another one. It closes its connection to a member whose heartbeat is late,
#: waits ten seconds, and reaches the member again after a later heartbeat. Nothing was done.
UNREACHED = "Missing event connection with target cluster member"
UNREACHED_7 = "Target cluster member is unavailable"  # of Incus 7.0.2
cannot_reach_member = Said(f"^({UNREACHED}|{UNREACHED_7})$", BOTH, "tests/hosts/test_3_faults.py")
#: An operation ended with that, so that something may have been done.
lost_a_member = Said(f"{UNREACHED}|{UNREACHED_7}", BOTH, "tests/unit/module_utils/_api/test_operations.py")
#: A request needs a member that the server takes for offline. Nothing was done.
member_offline = Said(r"(node|member) is offline", BOTH, "tests/integration/test_moves.py")
#: Incus stops the networks of a member that it evacuates. If one does not start again at once, Incus tries it once a
#: minute.
network_unavailable = Said(
    r"unavailable on this server", BOTH, "tests/unit/module_utils/_kinds/clusters/test_cluster_member.py"
)
#: The certificate of this client does not allow it; some come as error 500.
is_denied = Said(
    r"not authorized|Certificate is restricted|does not have permission|Only the certificate can be "
    r"changed|Unauthenticated image queries",
    BOTH,
    "tests/integration/test_restricted.py",
    codes=(401, 403),
)
not_clustered = Said(r"not clustered", BOTH, "tests/integration/test_cluster.py")
#: An object of this name, or its state, is there: another writer was faster.
already_there = Said(r"already", BOTH, "tests/unit/module_utils/_stack/test_applying.py")
#: The shared keys of a pool or network are stored, and the server takes them only once.
partially_created = Said(r"partially created", BOTH, "tests/integration/test_cluster.py")
already_defined = Said(r"already defined", BOTH, "tests/integration/test_cluster.py")
#: The daemons only say that LXC failed; its log says why.
start_failed = Said(r"forkstart", BOTH, "tests/integration/test_claims.py")
command_missing = Said(
    r"command not found|command.*not found|not found.*command", BOTH, "tests/integration/test_lifecycle.py"
)
instance_missing = Said(r"instance not found|failed to fetch instance", BOTH, "tests/reach/test_connection.py")
instance_stopped = Said(r"not running|is stopped", BOTH, "tests/reach/test_connection.py")
instance_frozen = Said(r"frozen", BOTH, "tests/reach/test_connection.py")
agent_silent = Said(r"agent", BOTH, "tests/reach/test_connection.py")
#: Types of warnings, which have names and no codes in the API: what the kernel of the host does not enforce.
LACKS = {
    "apparmor": Said(r"^AppArmor support has been disabled$", BOTH, "tests/roles/test_security_audit.py"),
    **{
        name: Said(rf"CGroup {controller} controller$", BOTH, "tests/integration/test_inside.py")
        for name, controller in (("cpu", "CPU"), ("memory", "memory"), ("pids", "pids"))
    },
    # these are missing on many hosts, and few instances have such limits
    **{
        name: Said(rf"CGroup {controller}$", BOTH, "tests/kernel/test_5_confinement.py")
        for name, controller in (
            ("hugepages", "hugetlb controller"),
            ("io", "blkio"),
            ("io_weight", r"blkio\.weight"),
            ("network_priority", "network priority controller"),
            ("swap", "memory swap accounting"),
        )
    },
}


def failure(error: LXDError) -> dict[str, Any]:
    """An error as data, for programs that have to decide by it."""
    refusal = error.refusal
    return {
        "code": refusal.code if refusal else 0,
        "server_message": refusal.text if refusal else None,
        "retryable": error.retryable or is_transient(refusal),
    }
