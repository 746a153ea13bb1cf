"""Instances of masks: parts, necks, specks, outlines."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.core.instances import boundaries, connected_instances, drop_specks, relabel, split_instances


def discs(*centres, radius=8, size=48):
    y, x = np.mgrid[:size, :size]
    return np.any([(y - r) ** 2 + (x - c) ** 2 <= radius**2 for r, c in centres], axis=0)


def test_parts_are_numbered_in_reading_order():
    mask = np.zeros((6, 8), np.uint8)
    mask[0, 5:8] = mask[3, 0] = mask[4, 1] = 255
    labels = connected_instances(mask)
    assert labels.max() == 2 and labels[0, 6] == 1 and labels[3, 0] == labels[4, 1] == 2
    assert connected_instances(mask, min_area_px=3).max() == 1


def test_touching_discs_are_parted_at_the_neck():
    mask = discs((20, 12), (20, 26))
    assert connected_instances(mask).max() == 1
    labels = split_instances(mask)
    assert labels.max() == 2 and labels[20, 12] != labels[20, 26]
    np.testing.assert_array_equal(labels > 0, mask)
    assert split_instances(mask, neck=0).max() == 1


def test_one_nucleus_stays_whole():
    y, x = np.mgrid[:48, :64]
    ellipse = ((y - 24) / 8) ** 2 + ((x - 32) / 22) ** 2 <= 1
    assert split_instances(discs((20, 20))).max() == 1
    assert split_instances(ellipse).max() == 1


def test_probabilities_specks_and_the_border():
    probability = np.where(discs((0, 0), (30, 30)), 0.9, 0.1)
    probability[40, 5] = 0.9
    labels = split_instances(probability)
    assert labels.max() == 2 and labels[40, 5] == 0 and labels[0, 0] == 1
    assert split_instances(np.ones((20, 20))).max() == 1
    assert split_instances(np.zeros((20, 20))).max() == 0


def test_result_does_not_depend_on_orientation():
    mask = discs((20, 12), (20, 26), (32, 20))
    n = split_instances(mask).max()
    for turned in (mask.T, mask[::-1], mask[:, ::-1]):
        assert split_instances(turned).max() == n == 3


def test_relabel_closes_gaps():
    labels = np.array([[0, 9, 9], [4, 0, 70_000]])
    np.testing.assert_array_equal(relabel(labels), [[0, 2, 2], [1, 0, 3]])
    np.testing.assert_array_equal(relabel(np.full((2, 2), 5)), np.ones((2, 2)))
    np.testing.assert_array_equal(drop_specks(np.array([[0, 9, 9], [4, 0, 7]]), 2), [[0, 1, 1], [0, 0, 0]])
    assert relabel(np.zeros((0, 3), int)).shape == (0, 3)


def test_outlines_lie_inside_and_part_touching_instances():
    labels = np.zeros((6, 8), int)
    labels[1:5, 1:4], labels[1:5, 4:7] = 1, 2
    edge = boundaries(labels)
    assert edge[2, 3] and edge[2, 4] and not edge[2, 2] and not edge[0].any()
    assert not boundaries(np.ones((4, 4), int)).any()
    np.testing.assert_array_equal(boundaries(np.stack([labels, labels]))[1], edge)


def test_what_is_refused():
    with pytest.raises(UsageError):
        split_instances(np.ones((3, 3)), neck=2)
    with pytest.raises(UsageError):
        connected_instances(np.ones((3, 3, 3)))
