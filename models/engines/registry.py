"""The engines by name. To add one, write its module in this folder and add a line to the table below."""

from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from models.engines.cores import available_cores

if TYPE_CHECKING:  # commands read ENGINES for their --help, which should not wait for NumPy
    from models.bundle import Bundle
    from models.engines.base import Engine, EngineOptions

# Each class is called with a bundle and `EngineOptions`. It is imported late: TensorFlow alone takes seconds.
_CLASSES = {
    "openvino": "models.engines.openvino:OpenVINOEngine",
    "tensorflow": "models.engines.tensorflow:TensorFlowEngine",
}
ENGINES = tuple(_CLASSES)


class UnknownEngine(ValueError):
    """No engine has this name."""


def open_engine(bundle: "Bundle", options: "EngineOptions") -> "Engine":
    """Returns the engine that `options` names, with the network of `bundle` loaded.

    Raises UnknownEngine, and what the engine raises for a network that it cannot load.
    """
    if options.engine not in _CLASSES:
        raise UnknownEngine(f"no engine is called {options.engine!r}; choose one of {', '.join(ENGINES)}")
    engine: Engine = resolve_name(_CLASSES[options.engine])(
        bundle, replace(options, threads=options.threads or available_cores())
    )
    return engine
