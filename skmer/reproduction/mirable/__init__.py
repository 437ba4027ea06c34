"""Tables 1 and 2 of the second paper, Mirable at MediaEval 2021 (Tan 2021)."""
