"""Audio beside the pages: each clip under a plain name of its own, whatever its id and its file are called."""

from collections.abc import Mapping
from pathlib import Path

from secbench.corpora import AudioClip

__all__ = ["clip_files"]


def clip_files(folder: str, clips: Mapping[str, AudioClip]) -> dict[str, tuple[str, Path]]:
    """Utterance id -> (address below the site, the file that lies there).

    Clips that are stretches of one file share it; the stretch is the fragment of the address, in seconds (W3C Media
    Fragments URI 1.0).

    Args:
        folder: below `audio/`.
        clips: utterance id -> its audio.
    """
    places = {path: k for k, path in enumerate(dict.fromkeys(clip.path for clip in clips.values()))}
    return {
        name: (f"audio/{folder}/{places[clip.path]:05d}{_suffix(clip.path)}{_stretch(clip)}", clip.path)
        for name, clip in clips.items()
    }


def _suffix(path: Path) -> str:
    return path.suffix.lower() if path.suffix[1:].isalnum() and path.suffix.isascii() else ""


def _stretch(clip: AudioClip) -> str:
    if clip.start is None and clip.end is None:
        return ""
    return f"#t={clip.start or 0:g}{'' if clip.end is None else f',{clip.end:g}'}"
