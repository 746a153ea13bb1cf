"""JPEG and PNG decoding that refuses cut or broken data, whatever the rest of the process has set.

Pillow paints over such damage when any library has set its process-wide ``LOAD_TRUNCATED_IMAGES``. Changing
that switch here, even for a moment, would change it under other threads. Instead the image classes below end
in an error by themselves: when data run out, and when the decoder reports a failure.
"""

from __future__ import annotations

from typing import Any

from PIL import Image, JpegImagePlugin, PngImagePlugin, _imaging

_JPEG, _ZIP = "genviz_jpeg", "genviz_zip"


class _StrictDecoder:
    """Pillow's own decoder; its failure is raised here, where Pillow may choose to overlook it."""

    pulls_fd = False
    make: Any

    def __init__(self, mode: str, *args: Any) -> None:
        self._decoder = self.make(mode, *args)

    def setimage(self, image: Any, extents: Any = None) -> None:
        """Where the pixels go."""
        self._decoder.setimage(image, extents)

    def decode(self, data: bytes) -> tuple[int, int]:
        """Bytes used (negative at the end) and the state; a failure raises OSError."""
        used, state = self._decoder.decode(data)
        if state < 0:
            raise OSError("its picture data cannot be decoded")
        return used, state

    def cleanup(self) -> None:
        """Release the decoder."""
        self._decoder.cleanup()


class _StrictJpegDecoder(_StrictDecoder):
    make = staticmethod(_imaging.jpeg_decoder)


class _StrictZipDecoder(_StrictDecoder):
    make = staticmethod(_imaging.zip_decoder)


Image.register_decoder(_JPEG, _StrictJpegDecoder)  # type: ignore[arg-type]
Image.register_decoder(_ZIP, _StrictZipDecoder)  # type: ignore[arg-type]


def _renamed(image: Any, name: str) -> None:
    image.tile = [tile._replace(codec_name=name) for tile in image.tile]


class StrictJpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG image that decodes as a whole or not at all."""

    def load_prepare(self) -> None:
        """Take the strict decoder; after any `draft` has set up the tiles."""
        _renamed(self, _JPEG)
        super().load_prepare()

    def load_read(self, read_bytes: int) -> bytes:
        """More data; their end before the picture's is an error."""
        assert self.fp is not None
        return _some(self.fp.read(read_bytes))


class StrictPng(PngImagePlugin.PngImageFile):
    """A PNG image that decodes as a whole or not at all."""

    def load_prepare(self) -> None:
        """Take the strict decoder."""
        super().load_prepare()
        _renamed(self, _ZIP)

    def load_read(self, read_bytes: int) -> bytes:
        """More data; their end before the picture's is an error."""
        return _some(super().load_read(read_bytes))


def _some(data: bytes) -> bytes:
    if not data:
        raise OSError("its picture data end early")
    return data
