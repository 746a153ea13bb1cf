"""Pictures of a training for who watches it: reconstructions, and pairs drawn for each label."""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genviz.core.keyed import row_key
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.prior.rule import sample_rule
from genviz.models.pathar.prior.sampler import sample
from genviz.models.pathar.tokenizer.network import DualTokenizer
from genviz.models.pathar.training.image_set import ImageSet
from genviz.models.pathar.training.tile_batches import TileDraws, TileOptions
from genviz.models.pixels import mask_tensor, to_images, to_tensor
from genviz.train.observing import Pictures, Shows

N_SHOWN = 6
_RULE = "mini"


def reconstructions(images: ImageSet, size_px: int) -> Shows:
    """Tiles and their masks beside what the tokenizer makes of them.

    Parameters
    ----------
    images
        Where tiles come from, always the same ones.
    size_px
        Side of a tile.
    """

    @cache
    def tiles() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        draws = TileDraws(images, TileOptions(size_px, 1, 1, 0))
        return draws.batch(np.random.default_rng(0), N_SHOWN)[:2]

    def show(network: nn.Module) -> Pictures:
        tokenizer = cast("DualTokenizer", network)
        device = next(tokenizer.parameters()).device
        pixels, masks = tiles()
        x_B3HW, m_B1HW = to_tensor(pixels).to(device), mask_tensor(masks).to(device)
        grid = (size_px // tokenizer.config.downsampling,) * 2
        a_BN = tokenizer.encode_appearance(x_B3HW)
        s_BN = tokenizer.encode_structure(m_B1HW) if tokenizer.dual else None
        found = {"tile": pixels, "reconstruction": to_images(tokenizer.decode_image(s_BN, a_BN, grid))}
        if s_BN is not None:
            found |= {
                "nuclei": _drawn(masks),
                "nuclei, reconstructed": _mask(tokenizer, s_BN, grid),
            }
        return found

    return show


def generated(tokenizer: DualTokenizer, images: ImageSet, seed: int) -> Shows:
    """Pairs drawn for the labels in turn, with the same noise each time.

    Parameters
    ----------
    tokenizer
        Of the stage before.
    images
        Whose labels.
    seed
        Of the run, as in `PathAR.generate`.
    """
    n_labels = len(images.label_names)
    label_B = torch.arange(max(N_SHOWN, n_labels)) % n_labels
    names = [f"{images.label_names[int(k)]}-{i // n_labels}" for i, k in enumerate(label_B)]

    def show(network: nn.Module) -> Pictures:
        prior = cast("Prior", network)
        # Elsewhere the fast sampler keeps graphs of the weights as they are now.
        sampler = "paired" if prior.visible_LL.device.type == "cpu" else "naive"
        keys = [row_key(seed, "", name, "pathar") for name in names]
        drawn = sample(prior, label_B, sample_rule(_RULE), keys, sampler=sampler, batch_size=len(names))
        device = next(tokenizer.parameters()).device
        a_BN, s_BN = drawn.a_BN.to(device), drawn.s_BN.to(device)
        dual = tokenizer.dual and s_BN.shape[1] > 0
        found = {"drawn image": to_images(tokenizer.decode_image(s_BN if dual else None, a_BN, prior.grid))}
        if dual:
            found["its nuclei"] = _mask(tokenizer, s_BN, prior.grid)
        return found

    return show


def _mask(tokenizer: DualTokenizer, s_BN: Tensor, grid: tuple[int, int]) -> NDArray[np.uint8]:
    return _drawn((tokenizer.decode_mask(s_BN, grid)[:, 0] > 0).cpu().numpy())


def _drawn(mask_BHW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """White nuclei on black."""
    return np.repeat(mask_BHW[..., None].astype(np.uint8) * 255, 3, axis=-1)
