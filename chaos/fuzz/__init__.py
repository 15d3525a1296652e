"""Feeds the readers with damaged files, guided by coverage: `python -m chaos.fuzz`.

Nothing is imported here, since the readers must be imported by the worker, which instruments them.
"""
