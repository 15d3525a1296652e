"""`secbench doctor`."""

import click

from secbench.cli._output import json_option, print_json
from secbench.errors import SecbenchError

__all__ = ["doctor_command"]

_MARKS = {"ok": "ok  ", "missing": "--  ", "broken": "BAD "}


@click.command("doctor")
@json_option
def doctor_command(as_json: bool) -> None:
    """Check this installation: packages, plugins, audio, memory, and known broken combinations."""
    from secbench.doctor import examine

    findings = examine()
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{_MARKS[finding.state]}{finding.what}: {finding.detail}")
    broken = [finding.what for finding in findings if finding.state == "broken"]
    if broken:
        raise SecbenchError(f"Broken: {', '.join(broken)}. The lines marked BAD say what to do.")
