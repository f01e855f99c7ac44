# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bodies of answers that no daemon gives."""

from __future__ import annotations

ODD = [
    "[" * 100_000,
    '{"a":' * 100_000,
    '{"type": "sync", "metadata": ' + "[" * 500 + "]" * 500 + "}",
    '{"type": "sync", "metadata": ' + "1" * 5000 + "e}",
    '{"type": ["sync"]}',
    '{"type": "other", "metadata": {}}',
    '{"type": "error", "error": {"a": 1}, "error_code": 404}',
    '{"type": "error", "error": "x", "error_code": "404"}',
    '{"type": "async", "operation": 7}',
    '{"type": "async", "operation": "http://elsewhere/1.0/operations/1"}',
    '{"type": "async", "operation": "/1.0/x\\r\\nHost: y"}',
    '{"type": "sync", "metadata": {"config": ["a"]}}',
    '{"type": "sync", "metadata": {"config": {"a": {"b": "c"}}}}',
    '{"type": "sync", "metadata": {"name": 7}}',
    '{"type": "sync", "metadata": [{"devices": {"root": "disk"}}]}',
    '{"type": "sync", "metadata": {"profiles": "default"}}',
]
