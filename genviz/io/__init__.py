"""Files to AnnData and back: readers, slides, tiles, SpatialData, checkpoints, downloads."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "Finding": "genviz.io.contract",
    "Slide": "genviz.io.slides.slide",
    "concat_sections": "genviz.io.concat",
    "contract_report": "genviz.io.contract",
    "counts_of": "genviz.io.counts",
    "export_nnunet": "genviz.io.nnunet",
    "from_spatialdata": "genviz.io.sdata",
    "open_slide": "genviz.io.slides.slide",
    "read_counts": "genviz.io.spots.st",
    "read_gdc": "genviz.io.gdc.reading",
    "read_gmt": "genviz.io.gmt",
    "read_h5ad": "genviz.io.h5ad",
    "read_hest": "genviz.io.spots.hest",
    "read_image_masks": "genviz.io.image_masks.reading",
    "read_st": "genviz.io.spots.st",
    "read_visium": "genviz.io.spots.visium",
    "slide_of": "genviz.io.slides.of_section",
    "slide_pairs": "genviz.io.gdc.slides",
    "tiles": "genviz.io.tile_access",
    "to_spatialdata": "genviz.io.sdata",
    "write_h5ad": "genviz.io.h5ad",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
