"""Runs on a Ray cluster. Ray is imported on use only: `pip install 'secbench[ray]'`."""

from secbench.cluster._driver import finish_on_ray

__all__ = ["finish_on_ray"]
