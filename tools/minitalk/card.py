"""Write the card of the corpus from its manifest and the audit of its audio."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit import audit
from plan import SPLITS

HEAD = """\
# Written by tools/minitalk/build.py. The counts and the table `audit` are measured on the files beside this card.
name = "minitalk"
title = "MiniTalk"
licence = \"\"\"\\
CC0-1.0 for text, labels, captions and the rendered audio; \\
the audio was generated with Kokoro-82M, whose model and voices are Apache-2.0.\"\"\"
summary = \"\"\"\\
{total} short synthetic Mandarin clips, seven emotions, \\
captions of speaker, style and emotion and five overall captions each. \\
Five base voices in four pitch and formant variants; no base voice and no sentence occurs in two splits.\"\"\"
languages = ["zh"]
citation = "secbench contributors: MiniTalk, version 1, shipped with secbench."
warning = \"\"\"\\
The emotions are a prosody rule applied to a speech synthesiser, \\
and the captions come from a grammar that knows the rule. \\
No human felt, acted, heard or described anything here. \\
Scores on MiniTalk say nothing about EmotionTalk or about real emotional speech; \\
it is there so that everything can be run, tested and compared without a download.\"\"\"
synthetic = true
speaker_disjoint = true
publish_audio = true
publish_transcripts = true
"""


def table(name: str, values: Mapping[str, object]) -> str:
    """Write a flat table as TOML."""
    rows = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
    return f"\n[{name}]\n{rows}"


def card(folder: Path, lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the card as TOML."""
    splits = Counter(line["split"] for line in lines)
    text = HEAD.format(total=len(lines)) + table("splits", {split: splits[split] for split in SPLITS})
    for split in SPLITS:
        counts = Counter(line["labels"]["audio"] for line in lines if line["split"] == split)
        text += table(f"classes.{split}", dict(counts.most_common()))
    tasks = ["caption-overall", "caption-emotion", "caption-style", "caption-speaker", "emotion-audio"]
    facts = {"corpus_version": "1", "tasks": tasks, "sentence_disjoint": True, **audit(folder, lines)}
    return text + table("audit", facts)
