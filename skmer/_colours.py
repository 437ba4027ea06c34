"""Colours of classes in plots and pages."""

__all__ = ["COLOURS"]

# Okabe and Ito's palette, which colour-blind readers can tell apart, and four of Paul Tol's "muted" colours
COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5B5B5B", "#A6761D"),
    *("#882255", "#999933", "#332288", "#117733"),
)
