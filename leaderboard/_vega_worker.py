"""Draws one chart after another: a line of JSON with a specification in, a line with its SVG out.

A line without a specification asks for the script that draws charts in browsers.
"""

import json
import sys

from vl_convert import javascript_bundle, vegalite_to_svg

__all__ = ["answer"]


def answer(line: bytes) -> dict[str, str]:
    """What a line asks for as ``text``, or an ``error``."""
    request = json.loads(line)
    try:
        if "spec" in request:
            return {"text": vegalite_to_svg(request["spec"], allowed_base_urls=[])}
        return {"text": javascript_bundle("window.vegaEmbed = vegaEmbed;")}
    except ValueError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    for one in sys.stdin.buffer:
        sys.stdout.buffer.write(json.dumps(answer(one)).encode() + b"\n")
        sys.stdout.buffer.flush()
