"""What the displays share: matplotlib on demand, and colours."""

# Okabe & Ito's palette, which colour-blind readers can tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5B5B5B", "#A6761D")
FAINT = "#BBBBBB"


def make_axes(ax, figsize, display):
    """Give `ax`, or the axes of a new figure; say what to install where matplotlib is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{display} needs matplotlib; install it with: pip install skmer[plot]") from error
    if ax is not None:
        return ax
    return plt.subplots(figsize=figsize, layout="constrained")[1]


def tidy(ax):
    """Leave out the frame's upper and right edge."""
    ax.spines[["top", "right"]].set_visible(False)


def plain_text(text):
    """Give text that a font can take: bytes of a file's name that are no text are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
