import torch

from skmer.backbones import MLP
from skmer.training.callbacks import AverageWeights
from tests.sssl.test_net import make_net


def first_layer(network):
    return network.trunk[1].weight.detach().clone()


def test_the_average_is_exponential_and_becomes_the_network():
    average = AverageWeights(epochs=2.0)
    net = make_net(MLP((16,), 3), lr=0.1)
    average.on_train_begin(net)
    expected = None
    for step in range(5):
        average.on_batch_begin(net)
        with torch.no_grad():
            net.module_.trunk[1].weight.fill_(float(step))
        average.on_batch_end(net)
        # 4 batches an epoch, a horizon of 2 epochs: decay 1 - 1/8; the first step sets it
        expected = float(step) if expected is None else expected * 7 / 8 + step / 8
        if step == 2:  # between two epochs, and for validation, the module has the average
            average.on_epoch_end(net)
            average.on_batch_begin(net, training=False)
            torch.testing.assert_close(first_layer(net.module_)[0, 0], torch.tensor(expected))
            average.on_batch_begin(net, training=True)
            torch.testing.assert_close(first_layer(net.module_)[0, 0], torch.tensor(2.0))
    torch.testing.assert_close(first_layer(average.average_.module)[0, 0], torch.tensor(expected))
    average.on_train_end(net)
    torch.testing.assert_close(first_layer(net.module_)[0, 0], torch.tensor(expected))
