"""Faults of a collection that flatter or spoil a result: copies, contradictions, shared artists, damaged recordings."""

from skmer.audit.collection import Audit, audit_songs
from skmer.audit.fingerprints import find_same_recordings, fingerprint
from skmer.audit.labels import accuracy_by_group, shared_between_parts
from skmer.audit.recording import RecordingFacts, measure_recording
from skmer.audit.report import write_audit

__all__ = [
    "Audit",
    "RecordingFacts",
    "accuracy_by_group",
    "audit_songs",
    "find_same_recordings",
    "fingerprint",
    "measure_recording",
    "shared_between_parts",
    "write_audit",
]
