"""Contact sheets: every strip in its place, captions beside it."""

from __future__ import annotations

import numpy as np

from genviz.pl.contact_sheet import contact_sheet


def test_strips_stand_under_one_another_with_captions_beside_them():
    dark, light = np.zeros((20, 50, 3), np.uint8), np.full((20, 30, 3), 200, np.uint8)
    sheet = np.asarray(contact_sheet([("real tiles", dark), ("generated", light)]))
    left = sheet.shape[1] - 50
    assert sheet.shape[0] == 2 * 26
    assert (sheet[:20, left:] == 0).all()
    assert (sheet[26:46, left : left + 30] == 200).all()
    caption, marked = sheet[:26, :left], sheet[26:, :left]
    assert caption.min() < 50
    # What was made is told in colour, in two lines.
    assert (np.ptp(marked.astype(int), axis=-1) > 60).any() and not (
        np.ptp(caption.astype(int), axis=-1) > 60
    ).any()


def test_a_long_caption_is_not_cut():
    tile = np.zeros((40, 50, 3), np.uint8)
    sheet = np.asarray(contact_sheet([("structure of one, appearance of all of the other tiles", tile)]))
    assert sheet[:, :10].min() == 255
    assert sheet[:, : sheet.shape[1] - 50].min() < 50
