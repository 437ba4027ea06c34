"""Tensors as arrays, and back."""

import numpy as np

__all__ = ["as_array", "as_tensor"]


def as_array(tensor):
    """Return a dense tensor as an array, bfloat16 as uint16, and the name of its torch type."""
    import torch

    tensor = tensor.detach().cpu().contiguous()
    values = tensor.view(torch.uint16) if tensor.dtype is torch.bfloat16 else tensor
    return values.numpy(), str(tensor.dtype).removeprefix("torch.")


def as_tensor(array, kind):
    """Return the tensor of `as_array`; it shares the memory of the array."""
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    if kind == "bfloat16" and tensor.dtype is torch.uint16:
        tensor = tensor.view(torch.bfloat16)
    if str(tensor.dtype) != f"torch.{kind}":
        raise ValueError(f"a tensor is {tensor.dtype} instead of {kind}")
    return tensor
