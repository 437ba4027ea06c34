"""Pipelines from recordings to emotions, ready to fit."""

import lazy_loader

# torch takes seconds to import: each name is imported when it is first used, from the module in __init__.pyi
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
