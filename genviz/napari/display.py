"""Whether a window can be opened. Qt ends the whole process where it cannot, so it is looked at before."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

from genviz._errors import UsageError

_INVISIBLE = ("offscreen", "minimal", "minimalegl", "vnc", "linuxfb")
_WAY_OUT = (
    "Run Python where there is a screen, or under a virtual one (xvfb-run -a -s '-screen 0 1600x1200x24' python ...); "
    "in a notebook on a remote machine take gv.widgets.SlideView(adata), which needs none."
)


def require_display() -> None:
    """Refuse where no window can be shown.

    Raises
    ------
    UsageError
        On Linux without a display that answers, or with a Qt platform that draws nothing.
    """
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if platform in _INVISIBLE:
        raise UsageError(
            f"Expected a Qt platform with a window for napari; QT_QPA_PLATFORM is {platform!r}, which draws nothing. "
            f"Unset it. {_WAY_OUT}"
        )
    if not sys.platform.startswith("linux"):
        return
    display = os.environ.get("DISPLAY", "")
    if os.environ.get("WAYLAND_DISPLAY") or (display and _answers(display)):
        return
    what = (
        f"DISPLAY is {display!r} and nobody answers there"
        if display
        else "neither DISPLAY nor WAYLAND_DISPLAY is set"
    )
    raise UsageError(f"Expected a display for napari's window; {what}. {_WAY_OUT}")


def _answers(display: str) -> bool:
    """Whether an X server listens; a display that cannot be understood is left to Qt."""
    match = re.fullmatch(r"(.*):(\d+)(\.\d+)?", display)
    if match is None:
        return True
    host, number = match[1], int(match[2])
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        return any(
            _connects(socket.AF_UNIX, place)
            for place in (path, f"\0{path}")
            if place[0] == "\0" or Path(path).exists()
        )
    if "/" in host:
        return True
    return _connects(socket.AF_INET, (host, 6000 + number))


def _connects(family: int, place: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as end:
        end.settimeout(3.0)
        try:
            end.connect(place)
        except OSError:
            return False
    return True
