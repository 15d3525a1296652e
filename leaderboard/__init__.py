"""Run folders to one static site."""

from secbench.registry import Entry

__all__ = ["COMMANDS"]

COMMANDS = (
    Entry("leaderboard", "Write a static site that ranks runs", "leaderboard._command:leaderboard", ("results",)),
)
