"""Find damage inside a JPEG file that decoders paint over.

libjpeg recovers from damaged data with a warning that Pillow does not pass on: it resynchronises at the
next restart marker, or fills the rest of the picture with mid-grey. Three things give it away
without decoding again: markers that cannot stand inside a scan, restart markers out of order or too few
(ITU-T T.81, B.1.1 and E.2.4), and a last block of exactly mid-grey. Damage that keeps to one restart
interval and hits no marker stays unseen; only a checksum finds that.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from genviz._errors import FileFormatError

_SOI, _EOI, _SOS, _DRI = 0xD8, 0xD9, 0xDA, 0xDD
_SOF_BASELINE = {0xC0, 0xC1}
_TABLES_AND_NOTES = {0xC4, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}
_MID_GREY = 128
_BLOCK = 8


def check_jpeg_stream(data: bytes) -> None:
    """Walk the segments and scans of a JPEG file.

    Parameters
    ----------
    data
        The whole file.

    Raises
    ------
    FileFormatError
        Saying where the stream breaks.
    """
    if data[:2] != b"\xff\xd8":
        raise FileFormatError("it does not begin like a JPEG file")
    values = np.frombuffer(data, np.uint8)
    ff = np.flatnonzero(values[:-1] == 0xFF)
    markers = ff[(values[ff + 1] != 0x00) & (values[ff + 1] != 0xFF)]
    at, interval, frame = 2, 0, b""
    while True:
        at = _skip_fill(data, at)
        code = data[at + 1]
        if code == _EOI:
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if code == _DRI:
            interval = int.from_bytes(body[:2], "big")
        elif code in _SOF_BASELINE:
            frame = body
        at += 2 + length
        if code == _SOS:
            at = _walk_scan(values, markers, at, _restarts_expected(frame, body, interval))


def _skip_fill(data: bytes, at: int) -> int:
    """Position of the next marker; runs of 0xFF may stand before it."""
    if at + 1 >= len(data):
        raise FileFormatError("it ends before its end-of-image marker")
    if data[at] != 0xFF:
        raise FileFormatError(f"expected a marker at byte {at}, found {data[at]:#04x}")
    while data[at + 1] == 0xFF:
        at += 1
        if at + 1 >= len(data):
            raise FileFormatError("it ends before its end-of-image marker")
    return at


def _restarts_expected(frame: bytes, scan: bytes, interval: int) -> int | None:
    """Restart markers of a baseline scan over all components; None where it cannot be told."""
    if not interval or len(frame) < 6 or not scan or scan[0] != frame[5] or frame[5] < 2:
        return None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    factors = [frame[7 + 3 * i] for i in range(frame[5])]
    wide, high = max(f >> 4 for f in factors), max(f & 15 for f in factors)
    if not height or not wide or not high:
        return None
    mcus = -(-width // (_BLOCK * wide)) * -(-height // (_BLOCK * high))
    return -(-mcus // interval) - 1


def _walk_scan(values: np.ndarray, markers: np.ndarray, start: int, n_expected: int | None) -> int:
    """Check the markers of one scan; position of the marker that ends it."""
    inside = markers[np.searchsorted(markers, start) :]
    codes = values[inside + 1]
    is_restart = (codes >= 0xD0) & (codes <= 0xD7)
    if is_restart.all():
        raise FileFormatError("it ends before its end-of-image marker")
    n = int(np.argmin(is_restart))
    out_of_order = codes[:n] != 0xD0 + np.arange(n) % 8
    if out_of_order.any():
        raise FileFormatError(
            f"its restart markers are out of order at byte {int(inside[np.argmax(out_of_order)])}"
        )
    code = int(codes[n])
    if code not in {_EOI, _SOS} and code not in _TABLES_AND_NOTES:
        raise FileFormatError(f"marker {code:#04x} stands inside the picture data at byte {int(inside[n])}")
    if n_expected is not None and n != n_expected:
        raise FileFormatError(f"expected {n_expected} restart markers in its scan, found {n}")
    return int(inside[n])


def check_jpeg_tail(image: Image.Image) -> None:
    """Refuse a decoded picture that ends in the mid-grey that libjpeg fills in for lost data.

    Raises
    ------
    FileFormatError
        When the last block is exactly mid-grey and the picture is not grey all over.
    """
    width, height = image.size
    corner = (max(0, width - _BLOCK), max(0, height - _BLOCK), width, height)
    if any(pair != (_MID_GREY, _MID_GREY) for pair in _extrema(image.crop(corner))):
        return
    if any(pair != (_MID_GREY, _MID_GREY) for pair in _extrema(image)):
        raise FileFormatError("its picture data end early")


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    pairs = image.getextrema()
    return [pairs] if isinstance(pairs[0], (int, float)) else list(pairs)  # type: ignore[list-item]
