"""The corpora secbench brings along; a plugin adds its own table under the entry point ``secbench.corpora``."""

from secbench.registry import Entry

__all__ = ["CORPORA"]

CORPORA = (
    Entry(
        "emotiontalk",
        "EmotionTalk: Mandarin dialogues, 19,250 utterances, captions of four aspects (needs --root)",
        "secbench.corpora._emotiontalk:load",
        ("mandarin", "dialogue"),
    ),
    Entry(
        "secap",
        "SECap's public test set: 600 Mandarin clips with an emotion caption each (needs --root)",
        "secbench.corpora._secap:load",
        ("mandarin",),
    ),
    Entry(
        "jsonl",
        "your own folder of audio with a manifest.jsonl (needs --root)",
        "secbench.corpora._jsonl:load",
        ("own",),
    ),
    Entry(
        "minitalk",
        "small synthetic Mandarin corpus inside the package, to try everything without a download",
        "secbench.corpora._minitalk:load",
        ("mandarin", "synthetic", "shipped"),
    ),
)
