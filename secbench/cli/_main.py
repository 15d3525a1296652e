"""The entry point: commands from the registry, and every failure as one sentence and an exit code."""

import os
import re
import sys
import traceback
from collections.abc import Sequence

import click
from typing_extensions import override

from secbench import __version__
from secbench.cli._discreet import discreet_streams
from secbench.errors import SecbenchError
from secbench.registry import registry

__all__ = ["main"]

INTERRUPTED = 130
_SYSTEM = re.compile(r"\(os error (\d+)\)")
"""How libraries in Rust, such as safetensors, tell what the system refused."""


class _Commands(click.Group):
    """A group whose commands are registered, and imported when they are called."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [entry.name for entry in registry("command")]

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        command = registry("command")[cmd_name].load()
        assert isinstance(command, click.Command)  # noqa: S101 - the registered target's type
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.summary) for entry in registry("command")])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="secbench")
def _cli() -> None:
    """secbench: the benchmark for speech emotion captioning.

    Exit codes: 0 all well, 1 it failed, 2 wrong usage, 3 bad or missing data, 4 done in part, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    with discreet_streams():
        code = _code(arguments)
    sys.exit(code)


def _code(arguments: Sequence[str] | None) -> int:
    try:
        result = _cli.main(args=arguments, prog_name="secbench", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail("Interrupted. Call the same command again to go on.", INTERRUPTED)
    except SecbenchError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        return _fail(f"{error.filename or 'The system'}: {error.strerror or error}. What was finished is kept.", 1)
    except Exception as error:  # noqa: BLE001 - a defect; printed here, where keys are hidden
        if system := _SYSTEM.search(str(error)):
            return _fail(f"The system: {os.strerror(int(system[1]))}. What was finished is kept.", 1)
        click.echo(traceback.format_exc().rstrip(), err=True)
        return _fail("This is a defect of secbench or of a plugin; the lines above say where.", 1)
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int) -> int:
    click.echo(f"Error: {message}", err=True)
    return code
