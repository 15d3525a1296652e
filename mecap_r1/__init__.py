"""MECap-R1: a supervised cold start, then Emo-GRPO: reinforcement learning with an emotion-aware reward."""

from secbench.registry import Entry

__all__ = ["MODELS", "REWARDS", "VIEWS"]

MODELS = (
    Entry(
        "mecap_r1",
        "policy that listens and reads, trained by maximum likelihood and then by Emo-GRPO",
        "mecap_r1.captioner:MecapR1",
        ("mecap_r1", "trained"),
    ),
)

REWARDS = (
    Entry("emotion", "emotion coordinates along those of the references", "mecap_r1.rewards:emotion"),
    Entry("anchor", "emotion coordinates along the anchor of the gold class", "mecap_r1.rewards:anchor"),
    Entry("emotion_f1", "F1 of the emotions that the lexicon reads with the gold one", "mecap_r1.rewards:emotion_f1"),
    Entry("bleu", "smoothed BLEU-4 of the caption alone", "mecap_r1.rewards:bleu"),
    Entry("semantic", "mean cosine with the references in the sentence space", "mecap_r1.rewards:semantic"),
    Entry("consensus", "CIDEr-D with idf fixed on the training references", "mecap_r1.rewards:consensus"),
    Entry("length", "penalty on lengths away from that of the references", "mecap_r1.rewards:length"),
    Entry("repetition", "penalty on repeated pairs of characters", "mecap_r1.rewards:repetition"),
    Entry("variety", "penalty on pairs of characters that captions of other clips hold", "mecap_r1.rewards:variety"),
    Entry("degenerate", "-1 for text that is no caption at all", "mecap_r1.degenerate:degenerate"),
    Entry("copying", "penalty on words taken from the transcript", "mecap_r1.rewards:copying"),
)

VIEWS = (
    Entry(
        "emotion-space",
        "Show captions and anchors in the emotion space of a run.",
        "mecap_r1.space_command:emotion_space_command",
    ),
)
