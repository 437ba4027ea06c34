"""Training of networks on segments (internal): data, the skorch net, its callbacks, device and random numbers."""
