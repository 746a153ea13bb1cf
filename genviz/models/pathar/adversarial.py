"""Sharpen the image decoder against a PatchGAN, its tokens left as they are.

A plain loop: two optimisers that take turns on frozen tokens need nothing a trainer offers. Its state is written after
each epoch, and an interrupted run goes on from it.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from genviz._errors import CheckpointError
from genviz._settings import settings
from genviz.core.keyed import row_key
from genviz.io.atomic import atomic_path
from genviz.models.pathar.run_options import PairRunOptions
from genviz.models.pathar.tile_batches import TileBatches, TileDraws
from genviz.models.pathar.tokenizer import DualTokenizer, pixel_loss
from genviz.nn.patch_gan import PatchDiscriminator, discriminator_loss, generator_loss

log = logging.getLogger("genviz")

LAST = "last.ckpt"
_BETAS = (0.5, 0.9)


def sharpen(network: DualTokenizer, draws: TileDraws, options: PairRunOptions) -> bool:
    """Fine-tune fusion and image decoder for ``config.gan_epochs`` epochs; False when interrupted.

    Loss of the decoder: L1 and L2 of pixels plus ``gan_weight`` times the hinge loss of the tiles whose appearance was
    not permuted; the others have a target that no decoder can reach, so the discriminator never sees them.

    Parameters
    ----------
    network
        A trained tokenizer, changed in place.
    draws
        Training tiles; their options must permute as the main training did at its end.
    options
        Seed, device, precision; the part "sharpen" of its folder receives ``last.ckpt``, and an unfinished one there
        is gone on from.

    Raises
    ------
    CheckpointError
        When that file is damaged.
    """
    config, seed, device, folder = network.config, options.seed, options.device, options.part("sharpen")
    network.to(device).requires_grad_(False).eval()
    # Gradients left over from the main training would count in the clipping, and a resumed run has none.
    network.zero_grad(set_to_none=True)
    learned = network.painting_parameters()
    for parameter in learned:
        parameter.requires_grad_(True)
    with torch.random.fork_rng():
        torch.manual_seed(row_key(seed, "", "discriminator", "start") % 2**63)
        judge = PatchDiscriminator().to(device)
        state = _State(
            network,
            judge,
            torch.optim.AdamW(learned, betas=_BETAS, weight_decay=0.0),
            torch.optim.AdamW(judge.parameters(), betas=_BETAS, weight_decay=0.0),
            mixed="bf16" in options.precision,
        )
        batches = TileBatches(draws)
        first = state.load(folder)
        try:
            for epoch in tqdm(range(first, config.gan_epochs), desc="sharpen", disable=not settings.progress):
                torch.manual_seed(row_key(seed, "", str(epoch), "sharpen") % 2**63)
                # Epochs of the main training are not repeated: these come after them.
                batches.set_epoch(config.max_epochs + epoch)
                state.slow_down(epoch / config.gan_epochs)
                for batch in batches:
                    state.step(*(tensor.to(device) for tensor in batch))
                state.save(folder, epoch + 1)
        except KeyboardInterrupt:
            return False
    network.to("cpu")
    return True


class _State:
    """Both networks and both optimisers."""

    def __init__(
        self,
        network: DualTokenizer,
        judge: PatchDiscriminator,
        optimiser: torch.optim.Optimizer,
        judge_optimiser: torch.optim.Optimizer,
        *,
        mixed: bool,
    ) -> None:
        self.network, self.judge, self.mixed = network, judge, mixed
        self.optimiser, self.judge_optimiser = optimiser, judge_optimiser

    def slow_down(self, along: float) -> None:
        """Set both learning rates on their cosine: at a constant rate the balance of the two swings by a decibel."""
        share = 0.5 * (1 + math.cos(math.pi * along))
        for optimiser, times in ((self.optimiser, 1), (self.judge_optimiser, 2)):
            for group in optimiser.param_groups:
                group["lr"] = times * self.network.config.gan_lr * share

    def step(self, x_B3HW: Tensor, m_B1HW: Tensor, permute_B: Tensor, drop_B: Tensor) -> None:
        """One step of the discriminator, one of the decoder."""
        network = self.network
        grid = (
            x_B3HW.shape[2] // network.config.downsampling,
            x_B3HW.shape[3] // network.config.downsampling,
        )
        with torch.autocast(x_B3HW.device.type, dtype=torch.bfloat16, enabled=self.mixed):
            qa_BDHW = network.appearance.lookup(network.encode_appearance(x_B3HW), grid)
            codes: tuple[Tensor | None, Tensor] = (None, qa_BDHW)
            if network.dual:
                qs_BDHW = network.structure.lookup(network.encode_structure(m_B1HW), grid)
                codes = network.mixed(qs_BDHW, qa_BDHW, permute_B, drop_B)
            y_B3HW = network.paint(*codes).float()
            honest = ~(permute_B | drop_B)
            real, fake, mask = x_B3HW[honest], y_B3HW[honest], m_B1HW[honest]
            if len(real):
                judged = discriminator_loss(self.judge(real, mask), self.judge(fake.detach(), mask))
                self.judge_optimiser.zero_grad()
                judged.backward()  # type: ignore[no-untyped-call]
                self.judge_optimiser.step()
            # Pixels only: a loss on fine bands asks for their mean, which is what made the decoder smooth.
            loss = pixel_loss(network.forgiven(y_B3HW, x_B3HW, permute_B), x_B3HW)
            if len(real):
                loss = loss + network.config.gan_weight * generator_loss(self.judge(fake, mask))
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), network.config.grad_clip)
        self.optimiser.step()

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "judge": self.judge,
            "optimiser": self.optimiser,
            "judge_optimiser": self.judge_optimiser,
        }

    def save(self, folder: Path | None, epoch: int) -> None:
        """Write everything, at once or not at all."""
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder / LAST) as working:
            torch.save(
                {name: part.state_dict() for name, part in self._parts().items()} | {"epoch": epoch}, working
            )

    def load(self, folder: Path | None) -> int:
        """Read what is there; gives the epoch to go on with."""
        if folder is None or not (folder / LAST).exists():
            return 0
        try:
            stored = torch.load(folder / LAST, map_location="cpu", weights_only=True)
            for name, part in self._parts().items():
                part.load_state_dict(stored[name])
            return int(stored["epoch"])
        except Exception as err:  # a damaged zip raises whatever it met first
            raise CheckpointError(
                f"Expected the state of an unfinished training in {folder / LAST}; it is damaged or of another kind. "
                "Train without resume into a new folder."
            ) from err
