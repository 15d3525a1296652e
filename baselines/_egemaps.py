"""The extended Geneva minimalistic acoustic parameters (eGeMAPS, Eyben et al. 2016) by openSMILE, in an extra.

openSMILE is licensed by audEERING for research and private use only, which is why no other feature depends on it.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._acoustics import lengthened
from mecap_r1.acoustics import RATE
from mecap_r1.front_ends import FrontEnd
from secbench.errors import SecbenchError

__all__ = ["EGEMAPS", "egemaps"]

EGEMAPS = 88
"""Functionals of the set eGeMAPSv02."""


def egemaps() -> FrontEnd:
    """The 88 functionals of a clip, as one frame (1, 88).

    Raises:
        SecbenchError: if openSMILE is not installed.
    """
    try:
        import opensmile
    except ImportError as error:
        raise SecbenchError(
            "features=egemaps needs openSMILE: pip install 'secbench[opensmile]' (its licence is for research only), "
            "or set features=statistics."
        ) from error
    return FrontEnd(f"egemaps-v02-opensmile-{opensmile.__version__}", RATE, EGEMAPS, _functionals)


@cache
def _smile() -> Any:
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)


def _functionals(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(_smile().process_signal(lengthened(wave), RATE).to_numpy(), dtype=np.float32)
