# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seconds against N as an SVG: one panel for each sort of work, both axes logarithmic."""

from __future__ import annotations

import math
from html import escape

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 300, 260, 50, 40, 110, 70

Points = "list[tuple[int, float]]"


def svg(title: str, panels: dict[str, dict[str, list[tuple[int, float]]]], colors: dict[str, str]) -> str:
    """`panels` has for each panel the points of each line; `colors` the lines in the order of the legend."""
    points = [point for lines in panels.values() for line in lines.values() for point in line]
    low, high = (_decade(pick(value for _n, value in points), up) for pick, up in ((min, False), (max, True)))
    total = len(panels) * (WIDTH + GAP) + LEFT
    height = TOP + HEIGHT + BOTTOM
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{total}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="16" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for position, (name, lines) in enumerate(panels.items()):
        out += _panel(LEFT + position * (WIDTH + GAP), name, lines, colors, low, high)
    for position, (name, color) in enumerate(colors.items()):
        x, y = LEFT + (position % 2) * 400, TOP + HEIGHT + 60 + (position // 2) * 20
        out += [
            f'<rect x="{x}" y="{y - 9}" width="18" height="4" fill="{color}"/>',
            f'<text x="{x + 26}" y="{y - 3}">{escape(name)}</text>',
        ]
    return "\n".join([*out, "</svg>", ""])


def _decade(value: float, up: bool) -> int:
    return math.ceil(math.log10(value)) if up else math.floor(math.log10(value))


def _panel(
    left: int, name: str, lines: dict[str, list[tuple[int, float]]], colors: dict[str, str], low: int, high: int
) -> list[str]:
    sizes = sorted({n for line in lines.values() for n, _value in line})
    first, span = math.log10(sizes[0]), max(math.log10(sizes[-1]) - math.log10(sizes[0]), 0.1)

    def across(n: int) -> float:
        return left + (math.log10(n) - first) / span * WIDTH

    def down(value: float) -> float:
        return TOP + HEIGHT - (math.log10(value) - low) / (high - low) * HEIGHT

    out = [f'<text x="{left}" y="{TOP - 8}">{escape(name)}</text>']
    for decade in range(low, high + 1):
        y = down(10**decade)
        out.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + WIDTH}" y2="{y:.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10**decade:g} s</text>')
    out += [f'<text x="{across(n):.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{n}</text>' for n in sizes]
    out.append(f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 36}" text-anchor="middle">N</text>')
    for line, points in lines.items():
        places = [(across(n), down(value)) for n, value in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colors[line]}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colors[line]}"/>' for x, y in places]
    return out
