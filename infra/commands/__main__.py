"""The ``sightstream`` command. Each subcommand is a module of this package, imported only when it is used."""

import importlib
import sys

try:
    import click

    from infra.commands.edge import Command, Group
except KeyboardInterrupt:  # Ctrl-C before there is anything that could handle it
    sys.exit(130)

COMMANDS = {
    "up": "Start a whole stack on this machine: Kafka, workers, gateway.",
    "stream": "Send pictures or videos through a running stack.",
    "classify": "Label pictures without a stack.",
    "train": "Train a network on your own classes, from folders of pictures.",
    "evaluate": "Score a model on pictures whose class is known.",
    "models": "Keep trained models, and choose which are live.",
    "bench": "Compare the speed of the pipeline with that of its engine alone.",
    "load": "Measure a stack under load: overload, a flood, a thousand sockets, a long run.",
    "rehearse": "Promote a model under load on a stack of its own, and roll it back.",
    "drill": "Break a stack in every known way, and measure how it recovers.",
    "gateway": "Serve the web page and the WebSocket.",
    "settings": "Show all settings: their values, defaults and meanings.",
}


class Subcommands(Group):
    """Finds the subcommand NAME as ``infra.commands.NAME.NAME``, so that none waits for another's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: Command = getattr(importlib.import_module(f"infra.commands.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Subcommands)
@click.version_option(package_name="sightstream")
def main() -> None:
    """Real-time image classification: webcam to neural network and back, through Kafka and Faust."""


if __name__ == "__main__":
    main()
