"""`rightkey completion` and `rightkey help`: what a shell and a person ask of the command line itself."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from rightkey.cli import output
from rightkey.cli.errors import BadUse

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def completion(context: click.Context, shell: str, as_json: bool) -> int:
    """Print the script that makes SHELL complete commands, options and their values.

    \b
    eval "$(rightkey completion bash)"                       in ~/.bashrc
    eval "$(rightkey completion zsh)"                        in ~/.zshrc
    rightkey completion fish > ~/.config/fish/completions/rightkey.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has all of SHELLS
    complete = kind(context.find_root().command, {}, "rightkey", "_RIGHTKEY_COMPLETE")
    script = ShellComplete.source(complete)  # not bash's own: that starts bash to ask for its version
    if as_json:
        output.data({"shell": shell, "script": script})
    else:
        click.echo(script)
    return 0


@click.command("help")
@click.argument("command", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def help_(context: click.Context, command: tuple[str, ...], as_json: bool) -> int:
    """Show the help of COMMAND, such as `rightkey help issuer rotate`."""
    found = context.find_root()
    for name in command:
        if not isinstance(found.command, click.Group):
            raise BadUse(f"{found.command_path} has no commands", f"{found.command_path} --help")
        _, below, _ = found.command.resolve_command(found, [name])
        assert below is not None  # noqa: S101 - an unknown name raises
        found = below.context_class(below, info_name=name, parent=found)
    if as_json:
        output.data({"command": found.command_path, "help": found.get_help()})
    else:
        click.echo(found.get_help())
    return 0
