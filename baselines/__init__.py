"""Registered baselines: floors, retrieval, classifiers, the SFT captioner and zero-shot audio language models."""

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
    Entry("qwen2_audio", "Qwen2-Audio, zero shot", "baselines.audio_llm:Qwen2Audio", ("baseline",)),
    Entry("qwen2_5_omni", "Qwen2.5-Omni, zero shot", "baselines.audio_llm:Qwen25Omni", ("baseline",)),
    Entry(
        "qwen3_omni",
        "Qwen3-Omni or its Captioner, zero shot",
        "baselines.audio_llm:Qwen3Omni",
        ("baseline",),
    ),
    Entry(
        "openai_server",
        "An audio language model behind an OpenAI-compatible server, zero shot",
        "baselines.openai_server:OpenaiServer",
        ("baseline",),
    ),
)
