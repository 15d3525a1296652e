"""The one dictionary in a `.npy` file with an object array of no dimension, without numpy and without running anything.

A pickle may call whatever it can name. Here it can name four things, all of them ours: they take what an array, a type
and a number of numpy are made from, and refuse the rest.
"""

import io
import pickle  # nosec B403 # only the class below unpickles, and can name four things of ours
import struct
from collections.abc import Mapping
from typing import Any

__all__ = ["object_in"]

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = b"{'descr':'|O','fortran_order':False,'shape':(),}"
_NUMBERS = {"b1": "?", "i1": "b", "u1": "B", "i2": "h", "i4": "i", "i8": "q", "f4": "f", "f8": "d"}


def object_in(data: bytes) -> dict[str, Any]:
    """The dictionary.

    Args:
        data: contents of the file.

    Raises:
        pickle.UnpicklingError: if it is anything else; the message says what.
    """
    length = int.from_bytes(data[len(_MAGIC) : len(_MAGIC) + 2], "little")
    begin = len(_MAGIC) + 2
    if not data.startswith(_MAGIC) or b"".join(data[begin : begin + length].split()) != _HEADER:
        raise pickle.UnpicklingError("it has no object array of no dimension, in NPY 1.0")
    try:
        found = _Unpickler(io.BytesIO(data[begin + length :])).load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a torn pickle raises whatever it meets
        raise pickle.UnpicklingError(f"its pickle is torn: {type(error).__name__}") from error
    value = getattr(found, "value", None)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise pickle.UnpicklingError("it has no dictionary by utterance")
    return value


class _Array:
    """Takes the state of an object array with one element."""

    value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, _, _, values = state
        if shape != () or not isinstance(values, list) or len(values) != 1:
            raise pickle.UnpicklingError("it has an array of another shape")
        self.value = values[0]


class _Type:
    """Takes the code of a type and its byte order."""

    def __init__(self, code: str, *_: object) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = "=" if state[1] == "|" else state[1]


def _reconstruct(kind: object, *_: object) -> _Array:
    if kind is not _Array:
        raise pickle.UnpicklingError("it has an array of another kind")
    return _Array()


def _scalar(kind: _Type, raw: bytes) -> Any:
    return struct.unpack(kind.order + _NUMBERS[kind.code], raw)[0]


_NAMES: Mapping[str, Any] = {
    **{f"numpy.{core}.multiarray._reconstruct": _reconstruct for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    "numpy.ndarray": _Array,
    "numpy.dtype": _Type,
}


class _Unpickler(pickle._Unpickler):
    """The one that is written in Python: the other one takes as much memory as a pickle says that it needs."""

    dispatch = {code: load for code, load in pickle._Unpickler.dispatch.items() if code != pickle.BYTEARRAY8[0]}  # noqa: RUF012

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _NAMES[f"{module}.{name}"]
