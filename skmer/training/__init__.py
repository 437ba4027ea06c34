"""Training of networks on segments: data, the skorch net, its callbacks, device and random numbers. Internal."""
