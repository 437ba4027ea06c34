"""Inspection of fitted models: predictions over time and for many files, doubtful labels, and plots."""

import lazy_loader

# functions with the name of their module, which would take their place once it is imported
from skmer.inspection.label_trust import label_trust as label_trust
from skmer.inspection.timeline_table import timeline_table as timeline_table

# torch takes seconds to import: each name is imported when it is first used, from the module in __init__.pyi
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
