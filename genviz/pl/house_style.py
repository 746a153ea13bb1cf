"""What all still figures look like: font, ground, and the colour of words that a reader must not miss."""

from __future__ import annotations

from typing import Any

INK, WARN = "#222", "#a15c00"
LAYOUT: dict[str, Any] = {
    "template": "plotly_white",
    "font": {"family": "Inter, Helvetica, Arial, sans-serif", "size": 13, "color": INK},
    "title_font_size": 16,
}


def short(name: str, most: int = 24) -> str:
    """A name that fits beside a tile: its two ends where it is longer.

    Parameters
    ----------
    name
        Name of a row.
    most
        Characters, at most.
    """
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


def warning(text: str) -> str:
    """Small words in the colour of warnings, such as "synthetic", in plotly's HTML.

    Parameters
    ----------
    text
        What to say.
    """
    return f"<span style='font-size:11px;color:{WARN}'>{text}</span>"
