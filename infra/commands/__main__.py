"""The ``sightstream`` command. Each subcommand is a module of this package, imported only when it is used."""

import importlib
import sys

try:
    import click

    from infra.commands.edge import Command, Group
except KeyboardInterrupt:  # Ctrl-C before there is anything that could handle it
    sys.exit(130)

COMMANDS = {
    "up": "Start a whole stack on this machine: Kafka, workers and gateways with the web page.",
    "stream": "Send pictures or videos through a running stack, and show the labels that come back.",
    "classify": "Label pictures without a stack.",
    "train": "Train a model on your own classes, from folders of pictures.",
    "evaluate": "Measure how good a model is, on pictures whose class is known.",
    "models": "Keep trained models, and choose which version of each is live: the one that answers.",
    "bench": "Compare the speed of the pipeline (browser, Kafka, worker) with that of its engine, the network alone.",
    "load": "Measure a stack under load: an overload, a flood, a thousand sockets, a long run.",
    "rehearse": "Promote a model under load on a stack of its own, and roll it back.",
    "drill": "Break a stack in every known way while browsers send frames, and measure how it recovers.",
    "topics": "Show, check or create the topics of Kafka, and say what is not as it should be.",
    "gateway": "Serve the web page and the WebSocket alone, beside a Kafka and workers that run elsewhere.",
    "settings": "Show all settings: variable, value, default and meaning.",
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


@click.command(cls=Subcommands, example="sightstream up")
@click.version_option(package_name="sightstream")
def main() -> None:
    """Real-time image classification: webcam to neural network and back, through Kafka and Faust."""


if __name__ == "__main__":
    main()
