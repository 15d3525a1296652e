"""Published tables as data, each with where it comes from and how far it can be trusted."""

from secbench.registry import Entry
from secbench.tables._published import PublishedRow, PublishedTable, load_table

__all__ = ["TABLES", "PublishedRow", "PublishedTable", "load_table"]

TABLES = (
    Entry("emotiontalk-captioning", "EmotionTalk, Table 5: captions of four aspects", "secbench.tables:load_table"),
    Entry("emotiontalk-text", "EmotionTalk: emotion from text, weighted F1", "secbench.tables:load_table"),
    Entry("emotiontalk-speech", "EmotionTalk: emotion from speech, weighted F1", "secbench.tables:load_table"),
    Entry("mecap-r1", "MECap-R1: numbers found in digests of the paper", "secbench.tables:load_table"),
)
