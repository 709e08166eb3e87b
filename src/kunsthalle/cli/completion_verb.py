"""`kunsthalle completion`: what a shell needs to complete the verbs and their options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option(
    "--program",
    type=click.Choice(["kunsthalle", "ibmcloud"]),
    default="kunsthalle",
    show_default=True,
    help="Command whose words the shell completes",
)
@click.pass_context
def completion(context: click.Context, shell: str, program: str) -> None:
    """Print the completion script of a shell.

    \b
    eval "$(kunsthalle completion bash)"
    eval "$(kunsthalle completion zsh --program ibmcloud)"
    kunsthalle completion fish > ~/.config/fish/completions/kunsthalle.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"There is no completion for {shell}.")
    script = kind(context.find_root().command, {}, program, f"_{program.upper()}_COMPLETE")
    # click asks bash for its version before it writes the script; the words of the script are the same in all.
    click.echo(script.source_template % script.source_vars())
