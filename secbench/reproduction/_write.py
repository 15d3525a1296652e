"""A sheet as Markdown, LaTeX or HTML."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from secbench.errors import UsageError
from secbench.keys import hidden
from secbench.reproduction._sheet import Block, Sheet
from secbench.runs import write_atomically

__all__ = ["as_html", "as_latex", "as_markdown", "write_sheet"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~#])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def write_sheet(sheet: Sheet, path: Path) -> None:
    """Write a sheet in the format that the ending of the file names.

    Raises:
        UsageError: for an ending other than .md, .tex and .html.
    """
    writers: dict[str, Callable[[Sheet], str]] = {".md": as_markdown, ".tex": as_latex, ".html": as_html}
    if path.suffix not in writers:
        raise UsageError(f"{path} has none of the endings {', '.join(writers)}, which name the format.")
    text = hidden(writers[path.suffix](sheet))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda temporary: temporary.write_text(text, "utf-8"))


def as_markdown(sheet: Sheet) -> str:
    """Markdown with pipe tables."""
    lines = [f"# {_plain(sheet.title)}", "", *(f"{_plain(note)}\n" for note in sheet.notes)]
    for block in sheet.blocks:
        lines += [f"## {_plain(block.title)}", "", *_markdown_rows(block), ""]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_rows(block: Block) -> Iterator[str]:
    if not block.columns:
        yield from (f"- {_plain(row[0])}" for row in block.rows)
        return
    yield "| " + " | ".join(map(_plain, block.columns)) + " |"
    yield "|" + "|".join("---" if k < block.left else "---:" for k in range(len(block.columns))) + "|"
    for row in block.rows:
        yield "| " + " | ".join(map(_plain, row)) + " |"


def _plain(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def as_latex(sheet: Sheet) -> str:
    """LaTeX to be read in by a document that uses booktabs and longtable."""
    lines = [
        r"% needs \usepackage{booktabs,longtable}",
        r"\begingroup\footnotesize",
        rf"\section*{{{_tex(sheet.title)}}}",
    ]
    lines += [f"{_tex(note)}\n" for note in sheet.notes]
    for block in sheet.blocks:
        lines += [rf"\subsection*{{{_tex(block.title)}}}", *_latex_rows(block)]
    return "\n".join([*lines, r"\endgroup"]) + "\n"


def _latex_rows(block: Block) -> Iterator[str]:
    if not block.columns:
        yield r"\begin{itemize}"
        yield from (rf"\item {_tex(row[0])}" for row in block.rows)
        yield r"\end{itemize}"
        return
    aligned = "".join("l" if k < block.left else "r" for k in range(len(block.columns)))
    yield rf"\begin{{longtable}}{{{aligned}}}"
    yield r"\toprule"
    yield " & ".join(map(_tex, block.columns)) + r" \\"
    yield r"\midrule"
    yield r"\endhead"
    yield from (" & ".join(map(_tex, row)) + r" \\" for row in block.rows)
    yield r"\bottomrule"
    yield r"\end{longtable}"


def _tex(text: str) -> str:
    found = "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))
    return f"{{}}{found}" if found.startswith(("[", "*")) else found  # else an argument of \\ or \item


def as_html(sheet: Sheet) -> str:
    """A page that needs no other file and runs no script."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("secbench.reproduction", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("sheet.html").render(sheet=sheet)
