# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of a cluster that count as offline although they live, by triggers in the cluster's own database.

A trigger does it in the transaction that it waits for, and no heartbeat comes in between, which no polling can promise.
The daemons' `sql` takes statements apart at each semicolon, and a trigger has some inside. So they come in the file
that daemons read at their start, documented for repairs.
"""

from __future__ import annotations

import contextlib
import pathlib
import re
from typing import Iterator

from .scenario import Scenario

LATE, ALIVE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
_TRIGGERS = """
CREATE TABLE IF NOT EXISTS lab_heartbeats (member TEXT PRIMARY KEY, heartbeat TEXT NOT NULL, begun INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS lab_begin AFTER UPDATE OF begun ON lab_heartbeats WHEN NEW.begun BEGIN
  UPDATE nodes SET heartbeat = NEW.heartbeat WHERE name = NEW.member;
END;
CREATE TRIGGER IF NOT EXISTS lab_hold AFTER UPDATE OF heartbeat ON nodes
WHEN EXISTS (SELECT 1 FROM lab_heartbeats WHERE member = NEW.name AND begun AND heartbeat <> NEW.heartbeat) BEGIN
  UPDATE nodes SET heartbeat = (SELECT heartbeat FROM lab_heartbeats WHERE member = NEW.name) WHERE id = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS lab_copied AFTER INSERT ON instances WHEN NEW.name LIKE 'lxd-move-of-%' BEGIN
  UPDATE lab_heartbeats SET begun = 1 WHERE NOT begun;
END;
CREATE TRIGGER IF NOT EXISTS lab_end AFTER DELETE ON lab_heartbeats WHEN OLD.begun BEGIN
  UPDATE nodes SET heartbeat = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE name = OLD.member;
END;
"""


class Heartbeats:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def install(self) -> None:
        patch = pathlib.Path(self.scenario.root("node1"), "var/lib", self.scenario.kind, "database/patch.global.sql")
        patch.write_text(_TRIGGERS)
        self.scenario.inside("node1", "systemctl", "restart", self.scenario.kind)
        self.scenario.online("node1", "node1", "node2", "node3")
        assert not patch.exists(), "the daemon has not read it"

    @contextlib.contextmanager
    def held(self, host: str, heartbeats: dict[str, str]) -> Iterator[None]:
        """From now on the members were heard of at those times, whatever they send. `host` is a member to ask that
        lives.
        """
        values = ", ".join(f"('{member}', '{heartbeat}', 0)" for member, heartbeat in heartbeats.items())
        self.scenario.sql(
            host, f"INSERT OR REPLACE INTO lab_heartbeats VALUES {values}", "UPDATE lab_heartbeats SET begun = 1"
        )
        try:
            yield
        finally:
            self.release(host)

    @contextlib.contextmanager
    def late_when_copied(self, *members: str) -> Iterator[None]:
        """They count as offline from the moment on in which LXD has the copy of an instance at the member that it moves
        to, and has not named it yet.
        """
        self.scenario.sql(
            "node1",
            "INSERT OR REPLACE INTO lab_heartbeats VALUES "
            + ", ".join(f"('{member}', '{LATE}', 0)" for member in members),
        )
        try:
            yield
        finally:
            self.release()

    def begun(self) -> bool:
        """Whether that moment came. To be asked before the end."""
        return bool(
            re.search(
                r"\|\s*[1-9]\d*\s*\|", self.scenario.sql("node1", "SELECT count(*) FROM lab_heartbeats WHERE begun")
            )
        )

    def release(self, host: str = "node1") -> None:
        """They are heard of from now on."""
        self.scenario.sql(host, "DELETE FROM lab_heartbeats")
