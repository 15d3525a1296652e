"""Breaks secbench on purpose: `python -m chaos` kills, fills, cuts and spoils, and says what was lost."""
