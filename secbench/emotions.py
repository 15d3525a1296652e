"""The seven emotion classes, in EmotionTalk's spelling and index order, and their four-class subset."""

__all__ = ["EMOTIONS", "FOUR_EMOTIONS"]

EMOTIONS = ("neutral", "happy", "sad", "angry", "surprised", "disgusted", "fearful")
FOUR_EMOTIONS = ("neutral", "happy", "sad", "angry")
