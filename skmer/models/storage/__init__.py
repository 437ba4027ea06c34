"""Model files that cannot run code: a tree of plain values in JSON, and arrays in safetensors, in one zip file."""

import lazy_loader

# torch takes seconds to import: each name is imported when it is first used, from the module in __init__.pyi
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
