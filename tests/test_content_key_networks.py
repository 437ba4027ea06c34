"""Keys of networks that torch traced or exported, and of weights that no fit changes."""

import copy
import pickle

import torch

from skmer.content_key import content_key


def traced(*layers):
    return torch.fx.symbolic_trace(torch.nn.Sequential(*layers))


def test_traced_networks_count_by_the_modules_and_functions_that_they_call():
    networks = [
        traced(torch.nn.ReLU()), traced(torch.nn.Tanh()), traced(torch.nn.LeakyReLU(0.1)),
        traced(torch.nn.LeakyReLU(0.9)), traced(torch.nn.MaxPool1d(2)), traced(torch.nn.AvgPool1d(2)),
    ]  # fmt: skip
    keys = [content_key(network) for network in networks]
    assert len(set(keys)) == len(networks)
    assert [content_key(copy.deepcopy(network)) for network in networks] == keys
    assert [content_key(pickle.loads(pickle.dumps(network))) for network in networks] == keys
    assert content_key(networks[0].train(False)) == keys[0]


def test_exported_networks_count_by_their_weights():
    def exported(value):
        layer = torch.nn.Linear(1, 1)
        torch.nn.init.constant_(layer.weight, value)
        torch.nn.init.constant_(layer.bias, value)
        return torch.export.export(torch.nn.Sequential(layer, torch.nn.ReLU()), (torch.zeros(2, 1),)).module()

    assert content_key(exported(1.0)) == content_key(exported(1.0)) != content_key(exported(2.0))


def test_frozen_weights_count():
    free, frozen = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    frozen.load_state_dict(free.state_dict())
    assert content_key(free) == content_key(frozen)
    frozen.weight.requires_grad_(False)
    assert content_key(free) != content_key(frozen) == content_key(copy.deepcopy(frozen))
    assert content_key(torch.ones(1)) != content_key(torch.ones(1, requires_grad=True))
