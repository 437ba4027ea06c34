"""The label-noise report: a page and two tables that say which songs to listen to again."""

from skmer.label_noise_report.report import LabelNoiseReport, write_label_noise_report
from skmer.label_noise_report.summary import SongSummary

__all__ = ["LabelNoiseReport", "SongSummary", "write_label_noise_report"]
