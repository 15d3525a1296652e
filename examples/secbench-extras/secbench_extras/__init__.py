"""What this package adds to secbench. `secbench list` reads this file, so that it imports nothing heavy."""

from secbench.registry import Entry

__all__ = ["CORPORA", "METRICS", "MODELS", "TABLES"]

MODELS = (Entry("nearest_length", "The caption of the training clip of like length", "secbench_extras.model:Nearest"),)
CORPORA = (Entry("clips", "A folder with clips.csv and audio files (needs --root)", "secbench_extras.corpus:load"),)
METRICS = (
    Entry("length_ratio", "Tokens of captions over those of references", "secbench_extras.metric:ratio", ("caption",)),
)
TABLES = (Entry("invented", "A system that does not exist, on clips", "secbench_extras.table:load"),)
