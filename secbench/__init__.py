"""secbench: one benchmark for speech emotion captioning, with scores one can trust."""

__all__ = ["__version__"]

__version__ = "0.1.0"
