"""The list of recipes: each can be loaded, and reading the list loads no heavy library."""

import subprocess
import sys

import pytest

from tests import ROOT
from training.recipes import RECIPES, Recipe, UnknownRecipe, load_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_in_the_list_can_be_loaded(name: str) -> None:
    recipe = load_recipe(name)
    assert isinstance(recipe, Recipe)
    assert recipe.input_size(224) >= 224


def test_an_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownRecipe, match=r"'better'; choose one of best, classic"):
        load_recipe("better")


def test_the_train_command_lists_the_recipes_without_heavy_libraries() -> None:
    code = (
        "import sys, infra.commands.train; "
        "print([m for m in ('keras', 'tensorflow', 'openvino', 'scipy', 'PIL', 'jinja2') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "[]"
