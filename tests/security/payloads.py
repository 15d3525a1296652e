"""Files that would run code if anything loaded them as what they are, and a way to see whether it ran."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import torch

__all__ = ["Payload"]


class _Touch:
    """Unpickled, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


class Payload:
    """Code in every costume; `ran` says whether any of it was executed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    @property
    def ran(self) -> bool:
        """Whether the code was executed."""
        return self.mark.exists()

    def pickled(self, protocol: int = 4) -> bytes:
        """A plain pickle."""
        return pickle.dumps(_Touch(self.mark), protocol)

    def saved(self) -> bytes:
        """As torch.save writes it."""
        file = io.BytesIO()
        torch.save(_Touch(self.mark), file)
        return file.getvalue()

    def zipped(self) -> bytes:
        """As numpy writes an object array."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("arr_0.npy", self.pickled())
        return file.getvalue()

    def python(self) -> str:
        """A module."""
        return f"import os\nos.makedirs({str(self.mark)!r}, exist_ok=True)\n"
