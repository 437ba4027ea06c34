"""Training a network on segments: rows, objectives, the skorch net and its callbacks."""
