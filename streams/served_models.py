"""The models that a worker answers with, and how one replaces another between two batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from models.classifier import ClassifierProtocol


class ServedModels(Mapping[str, ClassifierProtocol]):
    """Classifiers by model name. The first model answers frames that name none.

    A classifier that was replaced or withdrawn is retired. It is closed once no batch needs it any more.
    """

    def __init__(self, classifiers: Mapping[str, ClassifierProtocol]) -> None:
        self._classifiers = dict(classifiers)
        self._retired: list[ClassifierProtocol] = []

    def __getitem__(self, name: str) -> ClassifierProtocol:
        return self._classifiers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classifiers)

    def __len__(self) -> int:
        return len(self._classifiers)

    def __contains__(self, name: object) -> bool:
        return name in self._classifiers

    @property
    def default(self) -> str:
        """The name of the first model; empty where none is served."""
        return next(iter(self._classifiers), "")

    def serve(self, name: str, classifier: ClassifierProtocol) -> None:
        """Let a classifier, warm already, answer for the model ``name`` from now on."""
        if name in self._classifiers:
            self._retired.append(self._classifiers[name])
        self._classifiers[name] = classifier

    def withdraw(self, name: str) -> None:
        """Serve a model no longer. Raises KeyError."""
        self._retired.append(self._classifiers.pop(name))

    def prefer(self, names: Iterable[str]) -> None:
        """Let the models be in the order of ``names``; others come last."""
        order = {name: None for name in names if name in self._classifiers} | dict.fromkeys(self._classifiers)
        self._classifiers = {name: self._classifiers[name] for name in order}

    def take_unused(self, is_used: Callable[[ClassifierProtocol], bool]) -> list[ClassifierProtocol]:
        """The retired classifiers that no batch needs any more; the caller closes them."""
        if not self._retired:
            return []
        unused = [each for each in self._retired if not is_used(each)]
        self._retired = [each for each in self._retired if is_used(each)]
        return unused
