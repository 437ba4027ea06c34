"""Music emotion recognition for scikit-learn.

The steps of a prediction, which is also the order of the modules::

    songs → segments → spectrograms → segment probabilities → song statistics → emotion
"""

import lazy_loader

from skmer import _renamed
from skmer._version import __version__ as __version__

# torch takes seconds to import: each name is imported when it is first used, from the module in __init__.pyi
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_renamed.install()
