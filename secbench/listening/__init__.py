"""Does it listen? A run's captions again, with the input spoilt: another utterance's audio, silence, no transcript.

A model that hears loses by another's audio; one that only repeats what captions usually say loses nothing.
"""

from secbench.listening._alter import CONTROLS, altered
from secbench.listening._check import check_listening, read_listening

__all__ = ["CONTROLS", "altered", "check_listening", "read_listening"]
