"""The recipe `classic`: the head of the original demo, to the letter.

Dense 512 and Dense 256, each without bias, batch-normalised, ReLU, half dropped out, then softmax; weights from a
uniform distribution, Adam at 1e-4, batches of 4, 50 epochs, the weights of the best validation loss kept.
"""

from typing import Any

import numpy as np

from models import networks, runtime
from training.linear import Features
from training.recipes import Progress, TrainedHead, TrainingData

HIDDEN = (512, 256)
DROPOUT = 0.5
LEARNING_RATE = 1e-4
BATCH = 4
EPOCHS = 50
UNIFORM = 0.05  # what Keras 1 and 2 called `uniform`: from -0.05 to 0.05


def classic(lesson: TrainingData, seed: int, progress: Progress, *, epochs: int = EPOCHS) -> TrainedHead:
    """The head after the epoch that was best on validation; the same for the same seed on the same machine."""
    keras = runtime.keras()
    runtime.tensorflow().config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    head = networks.Head(lesson.classes, HIDDEN, DROPOUT)
    pooled = keras.Input((lesson.train.shape[1],))
    model = networks.with_head(keras.Model(pooled, keras.layers.Identity()(pooled)), head)
    compile_classic(model, seed)
    watch = _best_epoch(progress, epochs)
    model.fit(
        lesson.train,
        lesson.train_labels,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(lesson.valid, lesson.valid_labels),
        callbacks=[watch],
        verbose=0,
    )
    model.set_weights(watch.best)

    def logits(features: Features) -> Features:
        answers: Features = model.predict(features, batch_size=256, verbose=0)
        return answers

    return TrainedHead(
        head,
        {layer.name: layer.get_weights() for layer in model.layers if layer.weights},
        logits,
        watch.curves,
        {"best epoch": watch.epoch, "epochs": epochs, "batch": BATCH, "learning rate": LEARNING_RATE},
    )


def compile_classic(model: Any, seed: int) -> None:
    """The original's initialisation, loss and optimiser for a model that ends in logits."""
    keras = runtime.keras()
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for place, layer in enumerate(dense):
        uniform = keras.initializers.RandomUniform(-UNIFORM, UNIFORM, seed=seed + place)
        layer.kernel.assign(uniform(layer.kernel.shape))
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=25,  # which changes no figure, only how often Python is asked
    )


def _best_epoch(progress: Progress, epochs: int) -> Any:
    """A Keras callback that keeps the weights of the epoch whose validation loss was least, and the curves."""
    spoken = {
        "loss": "loss on train",
        "val_loss": "loss on valid",
        "accuracy": "accuracy on train",
        "val_accuracy": "accuracy on valid",
    }

    class BestEpoch(runtime.keras().callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
        def __init__(self) -> None:
            super().__init__()
            self.best: list[np.ndarray] = []
            self.epoch = 0
            self.least = np.inf
            self.curves: dict[str, list[float]] = {words: [] for words in spoken.values()}

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            for name, words in spoken.items():
                self.curves[words].append(round(float(logs[name]), 5))
            if logs["val_loss"] < self.least:
                self.least, self.epoch, self.best = logs["val_loss"], epoch + 1, self.model.get_weights()
            progress(f"epoch {epoch + 1} of {epochs}", (epoch + 1) / epochs)

    return BestEpoch()
