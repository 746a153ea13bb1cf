"""Every tile under every condition."""

from __future__ import annotations

import torch

from genviz.models.genevar.prior.likelihood import log_prob_matrix
from tests.models.genevar.prior.cases import batch, prior, quantiser


def test_it_is_the_likelihood_of_each_pair():
    net, made = prior(), batch(4)
    found = log_prob_matrix(net, quantiser(), made.s_BL[:2], made.z_BZ, batch_size=3)
    assert found.shape == (2, 4, 4)
    with torch.no_grad():
        for m in range(4):
            maps = [map_BEnn[:2] for map_BEnn in made.maps]
            expected = net.log_prob_scales(made.s_BL[:2], maps, made.z_BZ[m].expand(2, -1))
            assert torch.allclose(found[:, m], expected, atol=1e-4)
