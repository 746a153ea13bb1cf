"""Synthetic tissue with known truth: always there, without a file or a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from anndata import AnnData
from tqdm.auto import tqdm

from genviz._errors import UsageError
from genviz._settings import settings
from genviz.core.keyed import row_generator
from genviz.datasets.synthetic.bulk import bulk_rows
from genviz.datasets.synthetic.counts import Genes, draw_genes
from genviz.datasets.synthetic.fat import pack_fat
from genviz.datasets.synthetic.image import Painter, draw_stain
from genviz.datasets.synthetic.images import phantom_nuclei
from genviz.datasets.synthetic.nuclei import seed_nuclei
from genviz.datasets.synthetic.rows import section_rows
from genviz.datasets.synthetic.slide import SlideKey, painted_slide
from genviz.datasets.synthetic.spots import PITCH_UM, place_spots
from genviz.datasets.synthetic.textures import draw_textures
from genviz.datasets.synthetic.tissue import PROGRAMMES, grow_tissue
from genviz.io.concat import concat_sections

KINDS = ("spatial", "nuclei", "bulk")
_LEAST_GRID = 4
_MPP = (0.2, 4.0)
_PAINTERS = 2  # sections painted side by side; each takes about 150 MB


def phantom(
    kind: str = "spatial",
    *,
    n_sections: int = 4,
    grid: tuple[int, int] = (14, 13),
    n_genes: int = 60,
    mpp: float = 0.7,
    seed: int = 0,
    image_folder: str | Path | None = None,
    n_images: int = 4,
    labels: Sequence[str] | None = None,
    size_px: int = 128,
    n_profiles: int = 64,
    tiles_per_profile: int = 1,
) -> AnnData:
    """Procedural tissue with the truth beside it: sections with counts, nuclei with masks, bulk profiles with tiles.

    "spatial": H&E sections with counts that follow what the eye sees. Each section is a piece of tumour: nests of
    large crowded nuclei, wavy pink stroma, patches of lymphocytes, fat. Counts follow four programmes, whose
    activity is the area of each compartment under the spot: rate = depth * (a @ L) / sum(a @ L) for areas a and
    loadings L; depth grows with the nuclei under the spot, times lognormal(0.25); counts are gamma-Poisson around
    the rate. Scores on it say nothing about real tissue.

    "nuclei": single fields of view in fluorescence, histology and brightfield cytology; nuclei are bent ellipses
    that never overlap.

    "bulk": profiles, each with tiles of its slide. The four programmes decide counts and the areas of compartments in
    its tiles, hence size and density of nuclei; colours of a slide are drawn independently of them.

    Parameters
    ----------
    kind
        ``"spatial"`` (n_sections, grid, n_genes, mpp, image_folder), ``"nuclei"`` (n_images, labels, size_px) or
        ``"bulk"`` (n_profiles, tiles_per_profile, n_genes, mpp, size_px).
    n_sections
        Sections, called ``P1``, ``P2``, ...; each is another patient with a little other stain.
    grid
        Columns and rows of the spot array, pitch 200 um.
    n_genes
        Genes, in eight modules of four programmes.
    mpp
        Micrometres per pixel. The tissue is the same at every resolution.
    seed
        The same seed gives the same phantom.
    image_folder
        Where the slides are written (tiled OME-TIFF, 4 MB each); the cache by default. They are used again.
    n_images, labels
        Images of each label; labels of ``fluorescence``, ``histology`` and ``brightfield_cytology``, or all.
    size_px
        Side of an image or tile.
    n_profiles, tiles_per_profile
        Bulk samples ``B1``, ...; tiles of each.

    Returns
    -------
    AnnData
        "bulk": see `synthetic.bulk.bulk_rows`. "nuclei": as `io.read_image_masks`, in memory, rows ``<label>-<i>``.
        "spatial": as `datasets.her2st`: raw counts in ``X`` (float32 CSR), rows ``XxY`` of one section and
        ``<section>_XxY`` of several, ``obs`` library_id, array_x, array_y, patient, label (the largest
        compartment), ``obsm["spatial"]`` in pixels, ``uns["spatial"][section]`` with slide and mpp.
        Truth: ``obsm["phantom_programmes"]`` areas (n, 4) of tumour, stroma, lymphoid and adipose,
        ``varm["phantom_loadings"]`` (genes, 4), ``layers["phantom_rate"]`` expected counts, ``obs["phantom_depth"]``
        their sum, ``obs["phantom_nuclei"]``, ``var`` phantom_module, phantom_programme and phantom_dispersion.
        ``uns["genviz"]["synthetic"]``: JSON, what made it.

    Raises
    ------
    UsageError
        For a kind that does not exist, or sizes that cannot be.
    GenvizError
        When the slides cannot be written.
    """
    _check(kind, n_sections, grid, n_genes, mpp)
    if kind == "nuclei":
        return phantom_nuclei(n_images, labels, size_px, seed)
    genes = draw_genes(seed, n_genes)
    if kind == "bulk":
        return bulk_rows(genes, n_profiles, tiles_per_profile, size_px, mpp, seed)
    folder = None if image_folder is None else Path(image_folder)
    return _sections(n_sections, lambda name: _section(kind, name, grid, genes, mpp, seed, folder))


def _sections(n_sections: int, make: Callable[[str], AnnData]) -> AnnData:
    """Sections P1, P2, ... made side by side and joined."""
    names = [f"P{i + 1}" for i in range(n_sections)]
    with ThreadPoolExecutor(min(n_sections, _PAINTERS, settings.n_workers)) as pool:
        made = list(
            tqdm(pool.map(make, names), "phantom", n_sections, unit="section", disable=not settings.progress)
        )
    return made[0] if n_sections == 1 else concat_sections(dict(zip(names, made, strict=True)))


def _check(kind: str, n_sections: int, grid: tuple[int, int], n_genes: int, mpp: float) -> None:
    if kind not in KINDS:
        raise UsageError(f"Expected a kind of phantom; got {kind!r}. There is now: {', '.join(KINDS)}.")
    if n_sections < 1:
        raise UsageError(f"Expected at least one section; got n_sections={n_sections}.")
    if len(grid) != 2 or min(grid) < _LEAST_GRID:
        raise UsageError(f"Expected grid=(columns, rows), {_LEAST_GRID} or more of each; got {grid}.")
    if n_genes < len(PROGRAMMES):
        raise UsageError(f"Expected n_genes of {len(PROGRAMMES)} or more; got {n_genes}.")
    if not _MPP[0] <= mpp <= _MPP[1]:
        raise UsageError(f"Expected mpp between {_MPP[0]} and {_MPP[1]} micrometres per pixel; got {mpp}.")


def _section(
    kind: str, section: str, grid: tuple[int, int], genes: Genes, mpp: float, seed: int, folder: Path | None
) -> AnnData:
    """One section: tissue, its slide, its spots, their counts."""
    width_um, height_um = grid[0] * PITCH_UM, grid[1] * PITCH_UM
    tissue = grow_tissue(row_generator(seed, section, "", "phantom tissue"), width_um, height_um)
    fat = pack_fat(row_generator(seed, section, "", "phantom fat"), tissue)
    nuclei = seed_nuclei(row_generator(seed, section, "", "phantom nuclei"), tissue, fat)
    width, height = round(width_um / mpp), round(height_um / mpp)

    def painter() -> Painter:
        looks = row_generator(seed, section, "", "phantom looks")
        return Painter(tissue, nuclei, draw_textures(looks, tissue), fat, draw_stain(looks), mpp, width)

    slide = painted_slide(SlideKey(kind, section, seed, mpp, width, height), painter, folder)
    spots = place_spots(row_generator(seed, section, "", "phantom spots"), tissue, nuclei, grid, mpp)
    return section_rows(section, spots, slide, genes, mpp, seed)
