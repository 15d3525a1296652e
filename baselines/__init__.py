"""Registered baselines: floors, retrieval, classifiers and the SFT captioner."""

from secbench.registry import Entry

__all__ = ["MODELS"]

MODELS = (
    Entry(
        "constant",
        "One training caption for all: the one closest to the others",
        "baselines.floors:Constant",
        ("floor",),
    ),
    Entry("modal", "The most frequent training caption for all", "baselines.floors:Modal", ("floor",)),
    Entry("shuffled", "A random training caption for each utterance", "baselines.floors:Shuffled", ("floor",)),
    Entry("majority", "The most frequent class, with its typical caption", "baselines.floors:Majority", ("floor",)),
    Entry("retrieval", "The caption of the nearest training utterance", "baselines.retrieval:Retrieval", ("baseline",)),
    Entry(
        "text_classifier",
        "Emotion from the words, and a caption typical of it",
        "baselines.text_classifier:TextClassifier",
        ("baseline",),
    ),
    Entry(
        "text_encoder",
        "Emotion from the words by a fine-tuned text encoder, and a caption typical of it",
        "baselines.text_encoder:TextEncoder",
        ("baseline",),
    ),
    Entry(
        "text_ensemble",
        "Emotion from the words by n-grams and a fine-tuned encoder, and a caption typical of it",
        "baselines.text_ensemble:TextEnsemble",
        ("baseline",),
    ),
    Entry(
        "dialogue_network",
        "Emotion from the words of a dialogue by recurrent networks, and a caption typical of it",
        "baselines.dialogue_network:DialogueNetwork",
        ("baseline",),
    ),
    Entry(
        "dialogue_ensemble",
        "Emotion from the words of a dialogue by n-grams and recurrent networks, and a caption typical of it",
        "baselines.dialogue_ensemble:DialogueEnsemble",
        ("baseline",),
    ),
    Entry(
        "audio_classifier",
        "Emotion from acoustics, and a caption typical of it",
        "baselines.audio_classifier:AudioClassifier",
        ("baseline",),
    ),
    Entry(
        "fusion_classifier",
        "Emotion from the words and acoustics, and a caption typical of it",
        "baselines.fusion_classifier:FusionClassifier",
        ("baseline",),
    ),
    Entry("sft", "The MECap-R1 policy with supervised training only", "baselines.sft:Sft", ("baseline",)),
)
