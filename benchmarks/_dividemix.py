"""An epoch of DivideMix (Li, Socher and Hoi, ICLR 2020), to compare its cost with that of SSSL.

In each epoch, a mixture of two Gaussians over the losses of each of two networks splits the rows for the other network.
Targets of two augmented views of each labelled batch are refined by the network that is trained, and targets of two
views of each unlabelled batch are predicted by both; the network is trained on mixup of the four views. There is no
learning-rate schedule and no warm-up, because only the time is measured.
"""

import numpy as np
import torch
from torch import nn

from skmer.sssl import gaussian_mixture_split
from skmer.sssl.strategies import sharpen

VIEWS, TEMPERATURE, ALPHA, THRESHOLD, LAMBDA_U, LR = 2, 0.5, 4.0, 0.5, 25.0, 1e-3


class DivideMix:
    """Two networks that are trained on the same segments.

    Parameters
    ----------
    networks : pair of Module
        Networks of the same architecture.
    bank : SegmentBank
        Segments.
    labels : Tensor of shape (n_segments,)
        Class indices.
    n_classes, batch_size : int
        Number of classes, and of labelled rows a batch.
    forward : callable
        Takes a network and a batch and returns logits, with the same precision and layout as for SSSL.
    """

    def __init__(self, networks, bank, labels, n_classes, batch_size, forward):
        self.networks, self.bank, self.labels = networks, bank, labels
        self.n_classes, self.batch_size, self.forward = n_classes, batch_size, forward
        self.optimizers = [torch.optim.AdamW(network.parameters(), lr=LR) for network in networks]
        self.rng = np.random.default_rng(0)
        self.clean_share = 0.0

    def epoch(self):
        """Train both networks for an epoch."""
        splits = [self.split(network) for network in self.networks]
        self.clean_share = float(np.mean([split > THRESHOLD for split in splits]))
        for own, other in ((0, 1), (1, 0)):
            # each is trained with the split of the other
            self.train(self.networks[own], self.networks[other], self.optimizers[own], splits[other])

    @torch.no_grad()
    def split(self, network):
        """Return the posterior probability of each row for the component with small losses."""
        network.eval()
        rows = torch.arange(len(self.bank)).split(self.batch_size)
        logits = torch.cat([self.forward(network, self.bank.gather(index)).float() for index in rows])
        losses = nn.functional.cross_entropy(logits, self.labels, reduction="none")
        return gaussian_mixture_split(losses.numpy(), random_state=0).clean_probability

    def train(self, network, helper, optimizer, clean):
        network.train()
        helper.eval()
        labelled = self.rng.permutation(np.flatnonzero(clean > THRESHOLD))
        unlabelled = np.flatnonzero(clean <= THRESHOLD)
        for start in range(0, len(labelled), self.batch_size):
            x_rows = labelled[start : start + self.batch_size]
            if not len(unlabelled):
                raise ValueError("All rows are clean, so that there are no unlabelled ones: use more noise.")
            u_rows = self.rng.choice(unlabelled, len(x_rows))
            x = [self.augment(self.gather(x_rows)) for _ in range(VIEWS)]
            u = [self.augment(self.gather(u_rows)) for _ in range(VIEWS)]
            with torch.no_grad():
                one_hot = nn.functional.one_hot(self.labels[torch.from_numpy(x_rows)], self.n_classes).float()
                weight = torch.from_numpy(clean[x_rows]).float()[:, None]
                refined = sharpen(weight * one_hot + (1 - weight) * self.mean_of([network], x), TEMPERATURE)
                guessed = sharpen(self.mean_of([network, helper], u), TEMPERATURE)
            inputs = torch.cat(x + u)
            targets = torch.cat([refined] * VIEWS + [guessed] * VIEWS)
            partner = torch.from_numpy(self.rng.permutation(len(inputs)))
            share = self.rng.beta(ALPHA, ALPHA)
            share = max(share, 1 - share)
            inputs = share * inputs + (1 - share) * inputs[partner]
            targets = share * targets + (1 - share) * targets[partner]
            log_p = torch.log_softmax(self.forward(network, inputs).float(), 1)
            n = VIEWS * len(x_rows)
            supervised = -(targets[:n] * log_p[:n]).sum(1).mean()
            consistency = (log_p[n:].exp() - targets[n:]).square().mean()
            mean = log_p.exp().mean(0)
            penalty = -(torch.log(mean) / self.n_classes).sum() - np.log(self.n_classes)
            optimizer.zero_grad(set_to_none=True)
            (supervised + LAMBDA_U * consistency + penalty).backward()
            optimizer.step()

    def gather(self, rows):
        return self.bank.gather(torch.from_numpy(rows))

    def mean_of(self, networks, views):
        return torch.stack([self.forward(n, view).float().softmax(1) for n in networks for view in views]).mean(0)

    def augment(self, x):
        """Mask a random stretch of time and a random band of frequencies."""
        out = x.clone()
        for axis in (2, 3):
            width = x.shape[axis] // 8
            begin = int(self.rng.integers(x.shape[axis] - width))
            out.narrow(axis, begin, width).zero_()
        return out
