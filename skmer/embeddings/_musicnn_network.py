"""The network of musicnn: from waveforms to its layers and tags."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from skmer.features.mel_bands import mel_bands
from skmer.training.runtime import choose_precision

__all__ = ["ARRAYS", "OUTPUTS", "MusicnnNetwork"]

OUTPUTS = ("penultimate", "mean", "max", "logits", "tags")
_SR, _N_FFT, _HOP, _N_MELS = 16000, 512, 256, 96
_LOUDEST = 6e3  # a band's power, about ten times that of a full-scale tone
_EPSILON = 1e-3  # of TensorFlow's batch normalisation
_N_FRONT, _N_MID, _N_HIDDEN, _N_TAGS = 561, 64, 200, 50
_N_AT_ONCE = 2  # windows in a product, which a CPU's cache can hold
_N_POOLED = _N_FRONT + 3 * _N_MID
_FRONT = ((7, 38, 204), (7, 67, 204), (128, 1, 51), (64, 1, 51), (32, 1, 51))  # frames, bands and number of filters


def _shapes():
    """Return the shape of each array of a checkpoint."""
    convolutions = [(frames, bands, 1, n) for frames, bands, n in _FRONT]
    convolutions += [(7, n, 1, _N_MID) for n in (_N_FRONT, _N_MID, _N_MID)]
    layers: dict[str, tuple] = {_numbered("conv2d", i): shape for i, shape in enumerate(convolutions)}
    layers |= {"dense": (2 * _N_POOLED, _N_HIDDEN), "dense_1": (_N_HIDDEN, _N_TAGS)}
    shapes = {f"{name}/kernel": shape for name, shape in layers.items()}
    shapes |= {f"{name}/bias": shape[-1:] for name, shape in layers.items()}
    sizes = [1, *(shape[-1] for shape in convolutions), 2 * _N_POOLED, _N_HIDDEN]
    for i, size in enumerate(sizes):
        name = _numbered("batch_normalization", i)
        shapes |= {f"{name}/{part}": (size,) for part in ("gamma", "beta", "moving_mean", "moving_variance")}
    return shapes


def _numbered(name, i):
    return f"{name}_{i}" if i else name


ARRAYS = _shapes()


class MusicnnNetwork(nn.Module):
    """The network of musicnn, with the weights of a checkpoint; `skmer.embeddings.musicnn` documents it.

    It differs from the published graph in three ways, none of which changes the results but for rounding: of each
    filter of the front end, the maximum over the bands is taken before the ReLU and the batch normalisation; its
    convolutions are products with banded matrices; and the batch normalisation before the dense layer is part of it.
    """

    sr = _SR
    bands: torch.Tensor
    hann: torch.Tensor

    def __init__(self, arrays, model, tags, output="penultimate", precision="auto"):
        super().__init__()
        if output not in OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(map(repr, OUTPUTS))}, got {output!r}.")
        self.model, self.tags, self.output, self.precision = model, tuple(tags), output, precision
        self.precision_on("cpu")
        bands = mel_bands(float(_SR), _N_FFT, _N_MELS, 0.0, _SR / 2).toarray()
        self.register_buffer("bands", torch.from_numpy(bands.T.copy()), persistent=False)
        self.register_buffer("hann", torch.hann_window(_N_FFT), persistent=False)
        norms = [_batch_norm(arrays, i) for i in range(11)]
        self.norm = _Affine(*norms[0])
        self.front = nn.ModuleList()
        for i in range(len(_FRONT)):
            kernel, bias = (arrays[f"{_numbered('conv2d', i)}/{part}"] for part in ("kernel", "bias"))
            self.front.append(_FilterBank(kernel[:, :, 0], bias, norms[1 + i]))
        self.mid = nn.ModuleList(_mid_layer(arrays, i, norms[1 + i]) for i in (5, 6, 7))
        self.hidden = nn.Linear(2 * _N_POOLED, _N_HIDDEN, device="meta")
        # of each feature, the maximum and the mean by turns
        kernel = arrays["dense/kernel"].T.astype(float)
        scale, shift = norms[9]
        weight, bias = kernel * scale, arrays["dense/bias"] + kernel @ shift
        _set(self.hidden, np.concatenate([weight[:, ::2], weight[:, 1::2]], axis=1), bias)
        self.hidden_norm = _Affine(*norms[10])
        self.last = nn.Linear(_N_HIDDEN, _N_TAGS, device="meta")
        _set(self.last, arrays["dense_1/kernel"].T, arrays["dense_1/bias"])
        self.requires_grad_(False)
        self.eval()

    def __repr__(self):
        return f"musicnn({self.model!r}, output={self.output!r}, precision={self.precision!r})"

    def precision_on(self, device):
        """Return "float32" or "bfloat16", in which the convolutions are computed on a device."""
        return choose_precision(self.precision, device, self)

    def forward(self, waveforms):
        """Return the output of windows of shape (n_windows, n_samples) at 16 kHz, as (n_windows, n_dims)."""
        x = self.norm(self.spectrogram(waveforms)[..., None])[..., 0]
        # the front end is nine tenths of the work, and bfloat16 costs the least accuracy there
        x = x.to(getattr(torch, self.precision_on(x.device)))
        layers = [torch.cat([filters(x) for filters in self.front], dim=2)]
        for layer in self.mid:
            made = layer(layers[-1])
            layers.append(made + layers[-1] if len(layers) > 1 else made)
        if self.output == "mean":
            return torch.cat([layer.mean(dim=1) for layer in layers], dim=1)
        largest = torch.cat([layer.amax(dim=1) for layer in layers], dim=1)
        if self.output == "max":
            return largest
        mean = torch.cat([layer.mean(dim=1) for layer in layers], dim=1)
        x = self.hidden_norm(torch.relu(self.hidden(torch.cat([largest, mean], dim=1))))
        if self.output == "penultimate":
            return x
        logits = self.last(x)
        return logits if self.output == "logits" else torch.sigmoid(logits)

    def spectrogram(self, waveforms):
        """Return the compressed mel spectrogram of windows, of shape (n_windows, n_frames, 96)."""
        if waveforms.ndim != 2 or waveforms.shape[1] < _N_FFT:
            raise ValueError(
                f"musicnn takes windows of shape (n_windows, n_samples), each of {_N_FFT} samples or more, and 3 s at "
                f"{_SR} Hz in its training, got shape {tuple(waveforms.shape)}."
            )
        padded = F.pad(waveforms.float()[:, None], (_HOP, 0), mode="reflect")[:, 0]
        frames = torch.fft.rfft(padded.unfold(1, _N_FFT, _HOP) * self.hann)
        power = (frames.real.square() + frames.imag.square()) @ self.bands
        power = _to_half(power.clamp(max=_LOUDEST), 1)
        return _to_half(torch.log10(_to_half(_to_half(10000 * power, 1024) + 1, 1024)), 1)


def _to_half(x, unit):
    """Round to the 11 bits of float16 in the units of another power of 2, in which large values do not overflow."""
    return (x / unit).half().float() * unit


class _Affine(nn.Module):
    """A factor and a summand for each channel, which is the last dimension."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, scale, shift):
        super().__init__()
        self.register_buffer("scale", _tensor(scale))
        self.register_buffer("shift", _tensor(shift))

    def forward(self, x):
        return torch.addcmul(self.shift, x, self.scale)


class _FilterBank(nn.Module):
    """A convolution of a spectrogram, ReLU and batch normalisation, and the maximum of each filter over all bands.

    The convolution is a product: each row is a patch of the spectrogram, from which the matrix computes a block of
    neighbouring values of all filters. With one channel this takes half of the time of a convolution by torch.

    The batch normalisation multiplies some filters by a negative number, so that their maximum over the bands is
    where they are smallest: those filters are negated.
    """

    def __init__(self, kernel, bias, norm):
        super().__init__()
        sign = np.where(norm[0] < 0, -1.0, 1.0)
        # the weights of filters that learnt nothing are so small that their sums would take processors much longer
        kernel = np.where(np.abs(kernel) < 1e-20, 0, kernel)
        self.kernel = nn.Parameter(_tensor(kernel * sign))
        self.convolved = _Affine(sign, bias)
        self.norm = _Affine(*norm)

    @property
    def block(self):
        """The frames and bands of the values that one row of the product contains."""
        return (1, 6) if self.kernel.shape[1] > 1 else (16, 1)

    def forward(self, x):
        """Map (n, n_frames, n_bands) to (n, n_frames, n_filters), float32."""
        (n_frames, n_bands, n_filters), (frames, bands) = self.kernel.shape, self.block
        n_times, n_positions = x.shape[1], x.shape[2] - n_bands + 1
        # at an even length, one zero more at the end
        before, after = (n_frames - 1) // 2, n_frames // 2
        x = F.pad(x, (0, -n_positions % bands, before, after + -n_times % frames))
        patches = x.unfold(1, n_frames + frames - 1, frames).unfold(2, n_bands + bands - 1, bands)
        matrix = self._matrix().to(x.dtype)
        largest, blocks = [], None
        for part in patches.split(_N_AT_ONCE if x.device.type == "cpu" else len(x)):
            n_rows = part.shape[:3].numel()
            if blocks is None or len(blocks) != n_rows:
                # not anew for each part, because the system clears the memory of large arrays
                blocks = x.new_empty(n_rows, matrix.shape[1])
            torch.mm(part.reshape(n_rows, len(matrix)), matrix, out=blocks)
            # a block has one frame or one band, so that either of them needs no transposing
            by_band = blocks.view(-1, part.shape[2] * bands, frames * n_filters)[:, :n_positions]
            largest.append(by_band.amax(dim=1).view(len(part), -1, n_filters)[:, :n_times])
        return self.norm(torch.relu(self.convolved(torch.cat(largest))))

    def _matrix(self):
        """Return the matrix from a patch to a block."""
        (n_frames, n_bands, n_filters), (frames, bands) = self.kernel.shape, self.block
        matrix = self.kernel.new_zeros(n_frames + frames - 1, n_bands + bands - 1, frames, bands, n_filters)
        for i in range(frames):
            for j in range(bands):
                matrix[i : i + n_frames, j : j + n_bands, i, j] = self.kernel
        return matrix.reshape(-1, frames * bands * n_filters)


class _MidLayer(nn.Module):
    """A convolution over time, ReLU and batch normalisation, of features in the last dimension."""

    def __init__(self, n_in, norm):
        super().__init__()
        self.conv = nn.Conv1d(n_in, _N_MID, 7, padding=3, device="meta")
        self.norm = _Affine(*norm)

    def forward(self, x):
        return self.norm(torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))


def _mid_layer(arrays, i, norm):
    name = _numbered("conv2d", i)
    kernel = arrays[f"{name}/kernel"][:, :, 0]
    layer = _MidLayer(kernel.shape[1], norm)
    _set(layer.conv, kernel.transpose(2, 1, 0), arrays[f"{name}/bias"])
    return layer


def _batch_norm(arrays, i):
    """Return a batch normalisation as a factor and a summand."""
    name = _numbered("batch_normalization", i)
    gamma, beta, mean, variance = (
        arrays[f"{name}/{part}"].astype(float) for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + _EPSILON)
    return scale, beta - mean * scale


def _tensor(values):
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _set(layer, weight, bias):
    """Set the weights of a layer, made without memory because random weights would change torch's generators."""
    layer.weight, layer.bias = nn.Parameter(_tensor(weight)), nn.Parameter(_tensor(bias))
