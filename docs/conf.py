"""Configuration of Sphinx for ``make docs``. The build and its pages use no remote files."""

import inspect
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

from skmer import datasets
from skmer._version import __version__

project = "skmer"
author = "The skmer developers"
project_copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "examples", "reference/loaders.rst"]
highlight_language = "none"  # blocks state their language; the others are tables and output

# single backticks in docstrings are code, and a link if the reference has the name
default_role = "py:obj"
# unresolved references to skmer break the build; names of other packages are ignored
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!skmer\.).*")]

# -- pages in Markdown
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

# -- the API reference: a page for each name, with its methods
# (the pages of reference/ declare their modules as link targets, and reset the current module, because names are full)
REFERENCE = Path(__file__).parent / "reference"
# the loaders of published collections, which skmer.datasets finds; reference/datasets.md includes the list
LOADERS = [name for name in datasets.__all__ if name.startswith("load_") and name not in ("load_csv", "load_folder")]
LIST = [
    ".. autosummary::",
    "   :toctree: generated",
    "   :nosignatures:",
    "",
    *(f"   skmer.datasets.{n}" for n in LOADERS),
]
(REFERENCE / "loaders.rst").write_text("\n".join(LIST) + "\n", encoding="utf-8")
autosummary_generate = [f"reference/{path.name}" for path in sorted(REFERENCE.iterdir()) if path.is_file()]
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False  # they are on the page of the class already

# -- the gallery: all examples are run, and one that fails breaks the build
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "backreferences_dir": "reference/generated/examples",
    "doc_module": ("skmer",),
    "matplotlib_animations": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "capture_repr": ("_repr_html_",),  # no "<matplotlib.image.AxesImage ...>" below a plot
    "image_srcset": ["2x"],  # 100 dpi, the default of matplotlib, and 200 for high-resolution screens
    "reset_modules": ("matplotlib",),
}

# -- HTML
html_theme = "pydata_sphinx_theme"
html_title = "skmer"
html_static_path = ["_static"]
html_css_files = ["skmer.css"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": "skmer"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    # not in the gallery, where programs need the width
    "secondary_sidebar_items": {
        pattern: ["page-toc"]
        for pattern in ("index", "guide/*", "reference/**", "reports/*", "changelog", "contributing")
    },
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_sidebars = {"changelog": [], "contributing": []}  # pages without a section navigation


def write_mathml(translator, node):
    """Write a formula as MathML, which browsers render natively, unlike MathJax, which is a remote file."""
    translator.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def skip_member(app, what, name, thing, skip, options):
    """Skip members inherited from scikit-learn, skorch or torch, which document them."""
    function = getattr(thing, "fget", None) or getattr(thing, "func", None) or inspect.unwrap(thing)
    return skip or not str(getattr(function, "__module__", "")).startswith("skmer.")


def setup(app):
    """Register the functions above."""
    app.add_html_math_renderer("mathml", (write_mathml, None), (write_mathml, None))
    app.connect("autodoc-skip-member", skip_member)
