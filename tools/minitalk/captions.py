"""Write the captions of a clip from a small grammar and from what was really rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SLOT = re.compile(r"\{(\w+)\}")
DIMENSIONS = ("rate", "pitch", "loud", "range")
OVERALL = 5
"""Overall references a clip."""
SHORTEST, LONGEST = 16, 38
"""Characters of an overall caption."""

Rules = dict[str, Sequence[str]]


@dataclass(frozen=True)
class Heard:
    """What a listener can know of a clip.

    Attributes:
        who: names for the speaker.
        timbre: words for the voice.
        levels: dimension -> low, mid or high.
        quirks: peculiarities that stand out: jitter, tremor, rise.
        striking: dimension -> how far it is from the ordinary.
        emotion: the label.
        second: an emotion mixed in, if any.
        intensity: weak, medium or strong.
    """

    who: Sequence[str]
    timbre: Sequence[str]
    levels: Mapping[str, str]
    quirks: Sequence[str]
    striking: Mapping[str, float]
    emotion: str
    second: str | None
    intensity: str


def level(value: float, borders: Sequence[float]) -> str:
    """Name the third in which a value lies."""
    return "low" if value < borders[0] else "high" if value > borders[1] else "mid"


def repeats(caption: str) -> bool:
    """Tell whether a pair of characters occurs twice."""
    pairs = [caption[i : i + 2] for i in range(len(caption) - 1)]
    pairs = [pair for pair in pairs if "，" not in pair and "。" not in pair]
    return len(set(pairs)) < len(pairs)


class Writer:
    """Draws captions from a grammar."""

    def __init__(self, grammar: Mapping[str, Any], settings: Mapping[str, Any], rng: np.random.Generator) -> None:
        """Keep the grammar, the chances and the source of randomness."""
        self.grammar, self.settings, self.rng = grammar, settings, rng
        self.used: set[str] = set()

    def pick(self, options: Sequence[str]) -> str:
        """Return one of the options."""
        return options[int(self.rng.integers(len(options)))]

    def expand(self, template: str, rules: Rules) -> str:
        """Replace slots until none is left."""
        while SLOT.search(template):
            template = SLOT.sub(lambda match: self.pick(rules[match[1]]), template)
        return template

    def rules(self, heard: Heard) -> Rules:
        """Return the rules that hold for a clip, but for the style clauses in order."""
        words = self.grammar["emotion"][heard.emotion]
        rules: Rules = {"who": heard.who, "timbre": heard.timbre}
        rules |= {name: words[name] for name in ("plain", "mood", "idiom", "noun", "manner")}
        rules |= {name: self.grammar["style"][name][heard.levels[name]] for name in DIMENSIONS}
        if heard.quirks:
            rules["quirk"] = [clause for quirk in heard.quirks for clause in self.grammar["quirk"][quirk]]
        if heard.second is not None:
            second = self.grammar["emotion"][heard.second]
            rules |= {"noun2": second["noun"], "plain2": second["plain"]}
        if heard.second is not None:
            rules["feel"] = self.grammar["feel"]["mixed"]
        else:
            rules["feel"] = self.grammar["feel"]["neutral" if heard.emotion == "neutral" else heard.intensity]
        return rules

    def styled(self, rules: Rules, heard: Heard) -> Rules:
        """Add three style clauses, the striking dimensions more often and earlier."""
        names = list(DIMENSIONS)
        weights = np.array([0.3 + heard.striking[name] ** 2 for name in names])
        order = [names[index] for index in self.rng.choice(len(names), 3, replace=False, p=weights / weights.sum())]
        if heard.quirks and self.rng.random() < self.settings["quirk"]:
            order[1] = "quirk"
        return rules | {f"s{number}": rules[name] for number, name in enumerate(order, start=1)}

    def sound(self, templates: Sequence[str], rules: Rules, shortest: int = 0, longest: int = 99) -> str:
        """Expand one of the templates to a caption of a fitting length that does not repeat itself."""
        for _ in range(200):
            caption = self.expand(self.pick(templates), rules)
            if shortest <= len(caption) <= longest and not repeats(caption):
                return caption
        raise ValueError(f"the grammar finds no caption for {templates}")

    def overall(self, heard: Heard, rules: Rules, negated: bool) -> list[str]:
        """Return the overall references: different frames, of different groups but for the vague ones."""
        groups = [name for name in self.grammar["overall"] if name != "vague"]
        chosen = [groups[index] for index in self.rng.permutation(len(groups))[:OVERALL]]
        chosen = ["vague" if self.rng.random() < self.settings["vague"] else name for name in chosen]
        self.used, written = set(), []
        for number, name in enumerate(chosen):
            local = rules
            templates = self.grammar["overall"][name]
            if negated and number < 2 and name != "vague":
                local = rules | {"feel": self.grammar["emotion"][heard.emotion]["against"]}
                templates = self.grammar["overall"]["voice"]
            written.append(self.sound([self.fresh(templates)], self.styled(local, heard), SHORTEST, LONGEST))
        return written

    def fresh(self, templates: Sequence[str]) -> str:
        """Return a template that this clip's captions have not used yet."""
        template = self.pick([template for template in templates if template not in self.used])
        self.used.add(template)
        return template

    def write(self, heard: Heard) -> dict[str, list[str]]:
        """Return the captions of a clip, aspect -> references."""
        rules, aspects = self.rules(heard), self.grammar["aspects"]
        negated = heard.second is None and self.rng.random() < self.settings["negated"]
        feel = rules | {"feel": self.grammar["emotion"][heard.emotion]["against"]} if negated else rules
        style = aspects["quirky"] if heard.quirks and self.rng.random() < self.settings["quirk"] else aspects["style"]
        return {
            "overall": self.overall(heard, rules, negated),
            "emotion": [self.sound(aspects["emotion"], feel)],
            "style": [self.sound(style, rules)],
            "speaker": [self.sound(aspects["speaker"], rules)],
        }
