"""The policy of MECap-R1 with maximum likelihood alone, for as many steps as MECap-R1 takes in both stages."""

from collections.abc import Sequence
from typing import ClassVar

from mecap_r1.captioner import Fitted, PolicyCaptioner, size_of
from mecap_r1.cold_start import cold_start
from mecap_r1.material import Item
from mecap_r1.tokeniser import Tokeniser
from secbench.captioner import Context

__all__ = ["Sft"]


class Sft(PolicyCaptioner):
    """Supervised fine-tuning: the step of lowest negative log-likelihood on validation, of `sft_steps + grpo_steps`."""

    version: ClassVar[str] = "1"
    kind: ClassVar[str] = "baseline"

    def _train(
        self, tokeniser: Tokeniser, train: Sequence[Item], validation: Sequence[Item], context: Context
    ) -> Fitted:
        steps = self.config.sft_steps + self.config.grpo_steps
        policy = cold_start(self._cold_start(steps), tokeniser, train, validation, context)
        return Fitted(policy, tokeniser, size_of(policy))
