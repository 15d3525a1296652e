"""Registered baselines: floors, retrieval, classifiers and the SFT captioner."""

__all__ = ["MODELS"]

MODELS = ()
