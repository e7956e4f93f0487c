"""The tables and pictures of ``infra/scaling.md``, which ``python -m infra.scaling.report`` makes of the costs."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from infra.commands import edge
from infra.scaling.capacity import BATCH, FPS, SESSIONS, message_bytes, needs, sessions_per_core
from infra.scaling.costs import Costs, Measured
from infra.scaling.simulation import Deployment, Result, simulate
from streams.contract.outcomes import Outcome

PAGE = Path(__file__).parent.parent / "scaling.md"
BEGIN, END = "<!-- made by python -m infra.scaling.report: {} -->", "<!-- end -->"
LOADS = (0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)  # of the engine's capacity
WORDS = {"worker": "worker without it"}
LOADED_FPS = 1.0  # of each session: many slow sessions are the hardest, a frame of each waits


def main() -> None:
    """Write tables and pictures."""
    measured = Measured.read()
    loaded = under_load(measured.costs)
    text = PAGE.read_text(encoding="utf-8")
    for name, table in {**tables(measured), "load": load_table(loaded)}.items():
        text = with_table(text, name, table)
    PAGE.write_text(text, encoding="utf-8")
    pictures(measured, loaded, PAGE.parent / "scaling")


def tables(measured: Measured) -> dict[str, str]:
    """The tables that need no simulation, by name."""
    costs, sizes = measured.costs, message_bytes(measured.model)
    per_core = sessions_per_core(costs)
    return {
        "runs": markdown(
            ("workers", "measured, frames/s", "simulated", "off by"),
            (
                (
                    str(run.workers),
                    f"{run.measured:.0f}",
                    f"{run.simulated:.0f}",
                    f"{run.simulated / run.measured - 1:+.0%}",
                )
                for run in measured.runs
            ),
        ),
        "costs": markdown(
            ("part", "CPU ms a frame"),
            ((WORDS.get(name, name), f"{ms:.2f}") for name, ms in costs.frame_ms(BATCH).items()),
        ),
        "cores": markdown(
            ("part", f"sessions a core, {FPS:.0f} frames/s each"),
            ((name, f"{count:.0f}") for name, count in per_core.items()),
        ),
        "bytes": markdown(
            ("message", "bytes"),
            (
                ("frame", f"{sizes.frame:,}"),
                ("prediction", f"{sizes.prediction:,}"),
                ("statistics", f"{sizes.statistics:,}"),
            ),
        ),
        "needs": needs_table(costs, measured.model),
    }


def needs_table(costs: Costs, model: str) -> str:
    """What each number of sessions needs."""
    sizes = message_bytes(model)
    rows = []
    for sessions in SESSIONS:
        each = needs(sessions, costs, sizes)
        rows.append(
            (
                f"{sessions:,}",
                f"{each.frames_s:,.0f}",
                f"{each.worker_cores:,} in {each.workers:,}",
                f"{each.gateways:,}",
                f"{each.brokers:,}",
                f"{each.taken_bytes_s / 1e6:,.0f} / {each.given_bytes_s / 1e6:,.0f}",
                f"{each.partitions:,}",
                f"{each.statistics_bytes / 1e6:,.0f}",
            )
        )
    names = (
        "sessions",
        "frames/s",
        "cores in workers",
        "gateways",
        "brokers",
        "MB/s in / out",
        "partitions",
        "statistics, MB",
    )
    return markdown(names, rows)


def under_load(costs: Costs) -> list[tuple[float, Result]]:
    """One worker whose cores are its own, under each of ``LOADS``."""
    capacity = 1000 * BATCH / costs.engine(BATCH)
    found = []
    for load in LOADS:
        sessions = max(1, round(load * capacity / LOADED_FPS))
        deployment = Deployment(sessions=sessions, fps=LOADED_FPS, cores_each=4)
        found.append((load, simulate(costs, deployment, 10)))
    return found


def load_table(loaded: Iterable[tuple[float, Result]]) -> str:
    """What is answered under each load, and how late."""
    return markdown(
        (
            "load",
            "answered/s",
            "dropped",
            "p50 ms",
            "p99 ms",
            "frames in a batch",
            "engine busy",
            "worker's loop busy",
        ),
        (
            (
                f"{load:.0%}",
                f"{each.answered_per_s:.0f}",
                f"{1 - each.share(Outcome.ANSWERED):.0%}",
                f"{each.p50_ms:.0f}",
                f"{each.p99_ms:.0f}",
                f"{each.mean_batch:.1f}",
                f"{each.busy['engine-1']:.0%}",
                f"{each.busy['worker-1']:.0%}",
            )
            for load, each in loaded
        ),
    )


def pictures(measured: Measured, loaded: Sequence[tuple[float, Result]], folder: Path) -> None:
    """Draw the runs, the load and the needs as SVG files."""
    pyplot.rcParams.update(
        {"svg.hashsalt": "sightstream", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
    )
    with picture(folder / "runs.svg", "workers, one thread each, all on the same cores", "answers a second") as axes:
        places = [run.workers for run in measured.runs]
        axes.bar([each - 0.2 for each in places], [run.measured for run in measured.runs], 0.38, label="measured")
        axes.bar([each + 0.2 for each in places], [run.simulated for run in measured.runs], 0.38, label="simulated")
        axes.set_xticks(places)
        axes.legend(frameon=False)
    with picture(folder / "load.svg", "frames sent, as a part of the engine's capacity", "milliseconds") as axes:
        loads = [load for load, _ in loaded]
        axes.plot(loads, [each.p99_ms for _, each in loaded], marker="o", label="p99 of what is answered")
        axes.plot(loads, [each.p50_ms for _, each in loaded], marker="o", label="p50")
        shares = axes.twinx()
        shares.fill_between(loads, [1 - each.share(Outcome.ANSWERED) for _, each in loaded], alpha=0.2, color="grey")
        shares.set_ylim(0, 1)
        shares.set_ylabel("dropped, as a part (grey)")
        axes.legend(frameon=False, loc="upper left")
    with picture(folder / "needs.svg", "sessions", "cores") as axes:
        sizes = message_bytes(measured.model)
        found = [needs(each, measured.costs, sizes) for each in SESSIONS]
        axes.loglog(SESSIONS, [each.worker_cores for each in found], marker="o", label="in workers")
        axes.loglog(SESSIONS, [each.gateways for each in found], marker="o", label="gateways")
        axes.loglog(SESSIONS, [each.brokers for each in found], marker="o", label="brokers, of 1 Gbit/s")
        axes.legend(frameon=False)


@contextmanager
def picture(path: Path, x: str, y: str) -> Iterator[Axes]:
    """Axes with these names; at the end of the context they are a file."""
    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    yield axes
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def markdown(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose numbers are right-aligned."""
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines)


def with_table(text: str, name: str, table: str) -> str:
    """A page with the table in its place. Raises ValueError if it has no such place."""
    begin = BEGIN.format(name)
    before, found, rest = text.partition(begin)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise ValueError(f"the page has no place for the table {name}: {begin}")
    return f"{before}{begin}\n{table}\n{end}{after}"


if __name__ == "__main__":
    edge.run(main)
