"""A page of one file, with its styles, scripts and content, made from the assets beside this module."""

import json
from importlib.resources import files

__all__ = ["environment", "render"]


def environment(package=None):
    """Return the jinja2 environment of the assets, and of the templates of another package."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [PackageLoader("skmer.listening", "assets")]
    if package is not None:
        loaders.insert(0, PackageLoader(package))
    return Environment(
        loader=ChoiceLoader(loaders), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )


def render(template, content, scripts, start, **values):
    """Render a template that extends ``page.html``.

    `content` is what the scripts read as JSON, `scripts` are their names in order, and `start` is the function that is
    called in the end. `values` are for the template.
    """
    from markupsafe import Markup

    assets = files("skmer.listening") / "assets"
    code = "\n".join((assets / f"{name}.js").read_text(encoding="utf-8") for name in scripts)
    # "</script>" and "<!--" in a name must not end the element
    data = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return template.render(
        style=Markup((assets / "style.css").read_text(encoding="utf-8")),
        script=Markup(code),
        start=start,
        content=Markup(data),
        **values,
    )
