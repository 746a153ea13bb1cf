"""A view as one HTML file: its scripts, its state, and the answers to the questions that a reader may ask."""

from __future__ import annotations

import base64
import html
import json
import zlib
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genviz._errors import UsageError
from genviz.io.files.atomic import atomic_path
from genviz.widgets.messages import question_key
from genviz.widgets.scripts import source_of

if TYPE_CHECKING:
    from genviz.widgets.view import View

# A page that reaches for the network is a defect; the browser holds us to it.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="genviz">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{css}</style>
</head>
<body class="gv-page">
<h1>{title}</h1>
<main id="view"></main>
<script type="application/json" id="answers">{answers}</script>
<script type="module">
{esm}
{page}
</script>
</body>
</html>
"""


def write_page(view: View, path: str | PathLike[str], title: str) -> Path:
    """Write a view as a page.

    Parameters
    ----------
    view
        Its `page_questions` are asked, its `state` is kept.
    path
        File to write.
    title
        Of the page.

    Returns
    -------
    The file.

    Raises
    ------
    UsageError
        When the folder is not there.
    """
    target = Path(fspath(path)).expanduser()
    if not target.parent.is_dir():
        raise UsageError(f"Expected a folder at {target.parent}; there is none. Make it first.")
    content: dict[str, Any] = {"state": view.state(), "answers": {}, "buffers": []}
    known: dict[bytes, int] = {}
    for what, asked in view.page_questions():
        body, buffers = view.ask(what, asked).packed()
        places = [_place(buffer, known, content["buffers"]) for buffer in buffers]
        content["answers"][question_key(what, asked)] = {**body, "buffers": places}
    text = _PAGE.format(
        policy=_POLICY,
        title=html.escape(title),
        css=view._css,
        esm=view._esm.replace("export default", "const VIEW ="),
        page=source_of("js", "page"),
        answers=json.dumps(content, allow_nan=False).replace("<", "\\u003c"),  # no text can end the script
    )
    with atomic_path(target) as working:
        working.write_text(text, encoding="utf-8")
    return target


def _place(buffer: bytes, known: dict[bytes, int], kept: list[str]) -> int:
    """Where a buffer lies in the page; equal ones lie there once."""
    if buffer not in known:
        known[buffer] = len(kept)
        kept.append(base64.b64encode(zlib.compress(buffer, 6)).decode("ascii"))
    return known[buffer]
