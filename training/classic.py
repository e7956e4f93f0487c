"""The recipe `classic`: exactly the head of the original demo.

Dense 512 and dense 256, each without bias, then batch normalisation, ReLU and dropout of one half; then softmax.
Weights start from a uniform distribution. Adam at 1e-4, batches of 4, 50 epochs; the weights of the epoch with the
lowest validation loss are kept.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import networks, runtime
from training.recipes import Features, Progress, Recipe, TrainedHead, TrainingData

HIDDEN = (512, 256)
DROPOUT = 0.5
LEARNING_RATE = 1e-4
BATCH = 4
EPOCHS = 50
UNIFORM = 0.05  # the initialiser `uniform` of Keras 1 and 2: from -0.05 to 0.05


def fit(data: TrainingData, seed: int, progress: Progress, *, epochs: int = EPOCHS) -> TrainedHead:
    """The head of the epoch with the lowest validation loss. On one machine a seed always gives the same head."""
    keras = runtime.keras()
    runtime.tensorflow().config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    head = networks.Head(data.classes, HIDDEN, DROPOUT)
    pooled = keras.Input((data.train.shape[1],))
    model = networks.with_head(keras.Model(pooled, keras.layers.Identity()(pooled)), head)
    compile_model(model, seed)
    best_epoch = _best_epoch(progress, epochs)
    model.fit(
        data.train,
        data.train_labels,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(data.valid, data.valid_labels),
        callbacks=[best_epoch],
        verbose=0,
    )
    model.set_weights(best_epoch.weights)

    def logits(features: Features) -> NDArray[np.float32]:
        if not len(features):  # Keras predicts nothing for nothing
            return np.empty((0, data.classes), np.float32)
        predicted: NDArray[np.float32] = model.predict(features, batch_size=256, verbose=0)
        return predicted

    return TrainedHead(
        head,
        {layer.name: layer.get_weights() for layer in model.layers if layer.weights},
        logits,
        best_epoch.curves,
        {"best epoch": best_epoch.epoch, "epochs": epochs, "batch": BATCH, "learning rate": LEARNING_RATE},
    )


def compile_model(model: Any, seed: int) -> None:
    """Gives a Keras model that ends in logits the original's initial weights, loss and optimiser."""
    keras = runtime.keras()
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for place, layer in enumerate(dense):
        uniform = keras.initializers.RandomUniform(-UNIFORM, UNIFORM, seed=seed + place)
        layer.kernel.assign(uniform(layer.kernel.shape))
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=25,  # faster, with the same results: fewer returns to Python
    )


def _best_epoch(progress: Progress, epochs: int) -> Any:
    """A Keras callback that keeps the curves, and the weights of the epoch with the lowest validation loss."""
    curve_names = {
        "loss": "loss on train",
        "val_loss": "loss on valid",
        "accuracy": "accuracy on train",
        "val_accuracy": "accuracy on valid",
    }

    class BestEpoch(runtime.keras().callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
        def __init__(self) -> None:
            super().__init__()
            self.weights: list[np.ndarray] = []
            self.epoch = 0
            self.lowest_loss = np.inf
            self.curves: dict[str, list[float]] = {name: [] for name in curve_names.values()}

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            for metric, name in curve_names.items():
                self.curves[name].append(round(float(logs[metric]), 5))
            if logs["val_loss"] < self.lowest_loss:
                self.lowest_loss, self.epoch, self.weights = logs["val_loss"], epoch + 1, self.model.get_weights()
            progress(f"epoch {epoch + 1} of {epochs}", (epoch + 1) / epochs)

    return BestEpoch()


RECIPE = Recipe(fit)
