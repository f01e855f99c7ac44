# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""All rules of the audit, in the order of reports."""

from __future__ import annotations

from . import instances, servers, trust
from .model import Rule

RULES: tuple[Rule, ...] = (*servers.RULES, *trust.RULES, *instances.RULES)
BY_ID = {rule.id: rule for rule in RULES}
