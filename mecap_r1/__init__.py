"""MECap-R1: supervised cold start, then Emo-GRPO."""

__all__ = ["MODELS", "REWARDS"]

MODELS = ()
REWARDS = ()
