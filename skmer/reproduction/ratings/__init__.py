"""The table of systems that predict ratings of valence and arousal."""
