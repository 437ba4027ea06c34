"""Bags: the segments of a song that are in one batch, and the loss of a song's label for them."""

import numpy as np
import torch

__all__ = ["bag_cross_entropy", "draw_bags", "mixup_of_bags"]

_SIZE = 4  # most segments of a song that are drawn together


def draw_bags(songs, n_batches, rng):
    """Draw the batches of an epoch, in which up to four segments of a song stay together.

    `songs` has the song of each row, in order. Return arrays of positions, at most `n_batches`, of two rows or more.
    """
    # the rows of each song in random order, cut into bags of nearly equal size
    order = np.lexsort((rng.random(len(songs)), songs))
    _, first, n_rows = np.unique(songs, return_index=True, return_counts=True)
    within = np.arange(len(songs)) - np.repeat(first, n_rows)
    n_bags = -(-n_rows // _SIZE)
    bag = np.repeat(np.cumsum(n_bags) - n_bags, n_rows) + within * np.repeat(n_bags, n_rows) // np.repeat(
        n_rows, n_rows
    )
    sizes = np.bincount(bag)
    shuffled = rng.permutation(len(sizes))
    # the batch of a bag follows from where its middle is
    middle = np.cumsum(sizes[shuffled]) - sizes[shuffled] / 2
    batch_of_bag = np.empty_like(shuffled)
    batch_of_bag[shuffled] = middle * n_batches // len(songs)
    batch = batch_of_bag[bag]
    order = order[np.argsort(batch, kind="stable")]
    ends = np.cumsum(np.bincount(batch))
    # batch normalisation cannot be trained on a single row
    ends = ends[np.diff(ends, prepend=0) > 1]
    return np.split(order, ends[:-1])


def mixup_of_bags(bags, drawn, rng, weights=None):
    """Return for each row of a batch its weight in mixup and its partner, the same weight and partner bag in a bag.

    `bags` has the number of the bag of each row, from 0, and `drawn` a weight for each bag. The partner is a row of
    another bag; with `weights` of rows, bags are drawn in proportion to theirs.
    """
    n_bags = len(drawn)
    if weights is None:
        partners = rng.permutation(n_bags)
    else:
        p = np.bincount(bags, weights)
        partners = rng.choice(n_bags, n_bags, p=p / p.sum())
    order = np.argsort(bags, kind="stable")
    sizes = np.bincount(bags)
    first = np.cumsum(sizes) - sizes
    of_rows = partners[bags]
    return drawn[bags], order[first[of_rows] + rng.integers(sizes[of_rows])]


def bag_cross_entropy(logits, targets, bags, weights=None):
    """Compute the cross-entropy of the mean probability of each bag, averaged over bags.

    `targets`, (n, n_classes), is the same for the rows of a bag, and zero if its song has no label.
    """
    n_bags = int(bags.max()) + 1
    sizes = torch.bincount(bags, minlength=n_bags).float()

    def mean(rows):
        return rows.new_zeros(n_bags, *rows.shape[1:]).index_add(0, bags, rows) / sizes.view(-1, *[1] * (rows.ndim - 1))

    probability = mean(torch.softmax(logits.float(), 1)).clamp_min(1e-12)
    losses = -(mean(targets.float()) * torch.log(probability)).sum(1)
    return losses.mean() if weights is None else (losses * mean(weights)).mean()
