"""The reason why a number does not exist."""

__all__ = ["UnavailableError"]


class UnavailableError(Exception):
    """Why a metric has no value here; it is reported as ``unavailable``, never as 0."""
