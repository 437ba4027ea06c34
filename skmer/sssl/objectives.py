"""The losses of semi-supervised self-learning, as functions of tensors."""

import torch
from torch.nn import functional as F

__all__ = ["cross_entropy", "mixup", "prior_penalty", "sharpen", "symmetric_kl"]


def sharpen(probabilities, temperature):
    """Make distributions more certain: p ** (1 / T), normalised.

    Parameters
    ----------
    probabilities : Tensor of shape (n, n_classes)
        Predicted distributions.
    temperature : float
        T; one leaves the distributions as they are, towards zero they become one-hot.

    Returns
    -------
    Tensor of shape (n, n_classes)
        Distributions.

    Notes
    -----
    The exponent that the paper prints, -k / T, would invert the ranking of the classes.

    References
    ----------
    Sun et al., Eq. 4, read as 1 / T and a sum over classes.

    Examples
    --------
    >>> import torch
    >>> from skmer.sssl.objectives import sharpen
    >>> sharpen(torch.tensor([[0.25, 0.75]]), 0.5)
    tensor([[0.1000, 0.9000]])
    """
    # in the log domain p ** (1 / T) does not underflow
    return torch.softmax(torch.log(probabilities.clamp_min(1e-30)) / temperature, dim=1)


def mixup(x, targets, delta, partner):
    """Mix each row with its partner: delta times the row, 1 - delta times the partner.

    Parameters
    ----------
    x : Tensor of shape (n, ...)
        Inputs.
    targets : Tensor of shape (n, n_classes)
        Distributions over the classes.
    delta : Tensor of shape (n,)
        Weight of the row itself, in [0, 1].
    partner : Tensor of shape (n,)
        Index of each row's partner.

    Returns
    -------
    x, targets : Tensor
        Mixed, of the shapes that came in.

    References
    ----------
    Sun et al., Eq. 6; Zhang et al., "mixup" (2018).

    Examples
    --------
    >>> import torch
    >>> from skmer.sssl.objectives import mixup
    >>> x, y = torch.tensor([[0.0], [4.0]]), torch.eye(2)
    >>> mixup(x, y, torch.tensor([0.75, 0.75]), torch.tensor([1, 0]))[0]
    tensor([[1.],
            [3.]])
    """
    weight = delta.to(x.dtype).view(-1, *[1] * (x.ndim - 1))
    mixed = torch.lerp(x[partner], x, weight)
    return mixed, torch.lerp(targets[partner], targets, delta.to(targets.dtype)[:, None])


def cross_entropy(logits, targets):
    """Mean cross-entropy of logits against distributions.

    Parameters
    ----------
    logits, targets : Tensor of shape (n, n_classes)
        Unnormalised log-probabilities, and distributions.

    Returns
    -------
    Tensor of shape ()
        In nats. With mixed targets, Eq. 7 with the minus that it lacks.

    References
    ----------
    Sun et al., Eq. 2 and 7.

    Examples
    --------
    >>> import torch
    >>> from skmer.sssl.objectives import cross_entropy
    >>> cross_entropy(torch.zeros(1, 4), torch.tensor([[0.5, 0.5, 0, 0]]))  # ln(4)
    tensor(1.3863)
    """
    return F.cross_entropy(logits.float(), targets)


def symmetric_kl(logits_p, logits_q, weight):
    """R-Drop: mean over chosen rows of (KL(P || Q) + KL(Q || P)) / 2, summed over classes.

    Parameters
    ----------
    logits_p, logits_q : Tensor of shape (n, n_classes)
        The same rows under two dropout masks.
    weight : Tensor of shape (n,)
        One for the rows that count, zero for the others.

    Returns
    -------
    Tensor of shape ()
        In nats; zero where no row counts. A mean, not the printed sum over U, so that
        its weight does not depend on how large U is.

    References
    ----------
    Sun et al., Eq. 8; Liang et al., "R-Drop" (2021).

    Examples
    --------
    >>> import torch
    >>> from skmer.sssl.objectives import symmetric_kl
    >>> p, q = torch.tensor([[0.25, 0.75]]).log(), torch.tensor([[0.5, 0.5]]).log()
    >>> symmetric_kl(p, q, torch.ones(1))  # ln(3) / 8
    tensor(0.1373)
    """
    log_p, log_q = torch.log_softmax(logits_p.float(), 1), torch.log_softmax(logits_q.float(), 1)
    # KL(P || Q) + KL(Q || P) = sum (p - q) (log p - log q)
    divergence = 0.5 * ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(1)
    weight = weight.to(divergence.dtype)
    return (divergence * weight).sum() / weight.sum().clamp_min(1.0)


def prior_penalty(logits, prior):
    """KL divergence of a batch's mean prediction from the class prior.

    Keeps self-training from giving every doubtful segment to the same class.

    Parameters
    ----------
    logits : Tensor of shape (n, n_classes)
        Unnormalised log-probabilities of a batch.
    prior : Tensor of shape (n_classes,)
        Expected share of each class.

    Returns
    -------
    Tensor of shape ()
        KL(prior || mean prediction), in nats.

    References
    ----------
    Tanaka et al., "Joint optimization framework for learning with noisy labels" (2018);
    Li et al., "DivideMix" (2020).

    Examples
    --------
    >>> import torch
    >>> from skmer.sssl.objectives import prior_penalty
    >>> prior_penalty(torch.tensor([[9.0, -9.0], [-9.0, 9.0]]), torch.tensor([0.5, 0.5])).abs() < 1e-6
    tensor(True)
    """
    mean = torch.softmax(logits.float(), 1).mean(0)
    return (prior * (torch.log(prior) - torch.log(mean.clamp_min(1e-12)))).sum()
