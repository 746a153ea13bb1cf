"""Every AnnData and zarr key that genviz reads or writes, and nothing else.

A key string that appears in another file is a defect; `tests/house/test_keys.py` looks for them.
Classes are namespaces by AnnData slot, so a reader sees at the call site where a value lives:
``adata.obsm[Obsm.SPATIAL]``.
"""

from __future__ import annotations


class Obs:
    """Columns of ``obs``."""

    LIBRARY = "library_id"
    PATIENT = "patient"
    SPLIT = "split"
    LABEL = "label"
    ARRAY_X = "array_x"
    ARRAY_Y = "array_y"
    IN_TISSUE = "in_tissue"
    # Image sets: fields of one mosaic; finer kind; true extent of a padded image; where a crop or edit came from.
    SCENE = "scene"
    SUBTYPE = "subtype"
    ORGAN = "organ"
    HEIGHT = "height"
    WIDTH = "width"
    SOURCE = "source"
    CROP_ROW = "crop_row"
    CROP_COLUMN = "crop_column"
    DRAW = "draw"
    # Rows of a perturbation: what was edited, to what, whether training showed such values and codes.
    GENE = "gene"
    DOSE = "dose"
    DOSE_LABEL = "dose_label"
    CODE_CHANGE = "code_change"
    GENE_OUT_OF_RANGE = "gene_out_of_range"
    CODE_OUT_OF_RANGE = "code_out_of_range"
    N_NUCLEI = "n_nuclei"
    # Bulk profiles: who, which sample of theirs, of what, in which study, the file, slides of the same sample.
    CASE = "case"
    SAMPLE = "sample"
    SAMPLE_TYPE = "sample_type"
    PROJECT = "project"
    FILE_ID = "file_id"
    N_SLIDES = "n_slides"
    # Tiles of whole slides: share of the tile that is tissue. Pseudobulk: rows that were added.
    TISSUE = "tissue"
    N_ROWS = "n_rows"
    # Only inside SpatialData tables: the element and the instance that a row annotates.
    REGION = "genviz_region"
    INSTANCE = "genviz_instance"
    DRAWN = "region"  # what people drew in a view, unless they name another column
    # Truth of synthetic tissue: nuclei under the spot, expected total of counts.
    PHANTOM_NUCLEI = "phantom_nuclei"
    PHANTOM_DEPTH = "phantom_depth"

    @staticmethod
    def agreement(key: str, model: str = "") -> str:
        """Mean cosine between a row's trajectory and those that begin nearest; `model` names one compared."""
        return f"{key}_agreement" + (f"_{model}" if model else "")

    @staticmethod
    def entropy(key: str) -> str:
        """Mean entropy of the predicted gene distributions, nats."""
        return f"{key}_entropy"


class Var:
    """Columns of ``var``."""

    GENE_ORDER = "gene_order"
    PANEL = "panel"
    GENE_SYMBOL = "gene_symbol"
    GENE_TYPE = "gene_type"
    ENSEMBL_ID = "ensembl_id"
    ENSEMBL_VERSION = "ensembl_version"
    # Truth of synthetic tissue: block of genes, main programme, dispersion of the gamma-Poisson.
    PHANTOM_MODULE = "phantom_module"
    PHANTOM_PROGRAMME = "phantom_programme"
    PHANTOM_DISPERSION = "phantom_dispersion"


class Varm:
    """Arrays of ``varm``."""

    GENE_TREE = "gene_tree"
    PHANTOM_LOADINGS = "phantom_loadings"


class Layers:
    """Arrays of ``layers``; predicted ones are named by the model's result key."""

    COUNTS = "counts"
    TPM = "tpm"
    PHANTOM_RATE = "phantom_rate"

    @staticmethod
    def mean(key: str) -> str:
        """E[X], raw counts."""
        return key

    @staticmethod
    def log2(key: str) -> str:
        """E[log2(1 + X)]; every log2 score reads this layer."""
        return f"{key}_log2"

    @staticmethod
    def lower(key: str) -> str:
        """Lower bound of the credible interval, raw counts."""
        return f"{key}_lower"

    @staticmethod
    def upper(key: str) -> str:
        """Upper bound of the credible interval, raw counts."""
        return f"{key}_upper"

    @staticmethod
    def median(key: str) -> str:
        """Median, raw counts."""
        return f"{key}_median"

    @staticmethod
    def mode(key: str) -> str:
        """Most probable count (the published read-out)."""
        return f"{key}_mode"

    @staticmethod
    def normalised(key: str) -> str:
        """log2(1 + 1e4 * share of the library), of a model trained on normalised composition ("direct")."""
        return f"{key}_normalised"


class Obsm:
    """Arrays of ``obsm``."""

    SPATIAL = "spatial"
    TILES = "tiles"
    MASKS = "masks"
    RNA = "X_rna"
    STRUCTURE_TOKENS = "structure_tokens"
    APPEARANCE_TOKENS = "appearance_tokens"
    PHANTOM_PROGRAMMES = "phantom_programmes"
    PHANTOM_COLOUR = "phantom_colour"

    @staticmethod
    def features(encoder: str) -> str:
        """Tile features of an encoder, float32 (n_obs, d)."""
        return f"X_{encoder}"

    @staticmethod
    def image(key: str) -> str:
        """Generated or decoded tiles, uint8 (n_obs, H, W, 3)."""
        return key

    @staticmethod
    def mask(key: str) -> str:
        """Masks beside `image`: instance labels (n_obs, H, W), 0 = background."""
        return f"{key}_mask"

    @staticmethod
    def log_prob(key: str, stream: str) -> str:
        """Log-probability of each token, nats (n_obs, N); ``stream`` is "structure" or "appearance"."""
        return f"{key}_{stream}_log_prob"

    @staticmethod
    def tokens(key: str) -> str:
        """Tokens of generated or reconstructed tiles, all scales one after the other, int32 (n_obs, L)."""
        return f"{key}_tokens"

    @staticmethod
    def partial_image(key: str, n_cells: int) -> str:
        """Tiles of the scales up to the one of `n_cells` cells a side, uint8 (n_obs, H, W, 3)."""
        return f"{key}_up_to_{n_cells}"

    @staticmethod
    def statistics(key: str) -> str:
        """Standardised tissue statistics of generated tiles, float64 (n_obs, 14); under the same name in ``uns``."""
        return f"{key}_statistics"

    @staticmethod
    def path_start(key: str) -> str:
        """Where trajectories begin in a picture of them (noise), (n_obs, 2)."""
        return f"{key}_start"

    @staticmethod
    def path_end(key: str, model: str = "") -> str:
        """Where they end, (n_obs, 2); `model` names one that was compared."""
        return f"{key}_end" + (f"_{model}" if model else "")

    @staticmethod
    def path_null(key: str, model: str = "") -> str:
        """Where they end when rows are told each other's profiles, (n_obs, 2); `model` as in `path_end`."""
        return f"{key}_null" + (f"_{model}" if model else "")

    @staticmethod
    def path_frames(key: str, model: str = "") -> str:
        """Tiles along each trajectory, uint8 (n_obs, n_frames, H, W, 3); `model` as in `path_end`."""
        return f"{key}_frames" + (f"_{model}" if model else "")

    @staticmethod
    def scale(key: str, n_groups: int, bound: str = "") -> str:
        """Predicted sums of the groups at one scale; ``bound`` is "", "lower" or "upper"."""
        return f"{key}_scale_{n_groups}" + (f"_{bound}" if bound else "")


class Uns:
    """First-level keys of ``uns`` and the keys inside them."""

    SPATIAL = "spatial"
    GENVIZ = "genviz"

    # uns["spatial"][library_id]
    IMAGES = "images"
    HIRES = "hires"
    LOWRES = "lowres"
    SCALEFACTORS = "scalefactors"
    METADATA = "metadata"
    SPOT_DIAMETER = "spot_diameter_fullres"
    HIRES_SCALE = "tissue_hires_scalef"
    LOWRES_SCALE = "tissue_lowres_scalef"
    SOURCE_IMAGE = "source_image_path"
    SOURCE_SHA256 = "source_image_sha256"
    MPP = "mpp"
    IMAGE_SHAPE = "image_shape"
    PITCH = "pitch_um"
    GRID_STEP = "grid_step_um"

    # uns["genviz"]
    TILES = "tiles"
    FEATURES = "features"
    GENE_TREE = "gene_tree"
    PANEL = "panel"  # how var["panel"] was chosen, and on which rows
    SPLIT = "split"
    SETUP = "setup"
    READER = "reader"
    SYNTHETIC = "synthetic"
    SLIDES = "slides"
    REGIONS = "regions"  # columns of obs that were drawn by hand: who, when, by what

    @staticmethod
    def colours(column: str) -> str:
        """Colours of the categories of a column of ``obs``, as scanpy and squidpy keep them."""
        return f"{column}_colors"


class Files:
    """Names inside other tools' files that genviz reads (not keys of its own)."""

    # Space Ranger
    VISIUM_FOLDER = "spatial"
    # HEST
    HEST_LIBRARY = "ST"
    HEST_METADATA = "metadata"
    HEST_IMAGE = "downscaled_fullres"
    HEST_SCALE = "tissue_downscaled_fullres_scalef"
    # SpatialData
    SPATIALDATA_TABLE = "table"
    SPATIALDATA_IMAGES = "images"
    SPATIALDATA_ATTRS = "spatialdata_attrs"
