"""``python -m genviz``, where scripts are not on the path."""

from __future__ import annotations

from genviz.cli import main

main()
