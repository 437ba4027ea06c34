"""Train a model on labelled songs, estimate its accuracy, and save it with a model card."""

import lazy_loader

# torch takes seconds to import: each name is imported when it is first used, from the module in __init__.pyi
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
