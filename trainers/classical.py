"""Classical recipe: background subtraction, local deviation, Otsu, watershed. Seconds; the floor of every data set."""

from trainers.recipe import Recipe, Row

RECIPE = Recipe(
    text="background subtraction, local deviation, Otsu, watershed; nothing to train",
    presets={"default": {"model": "classical", "network": "", "head": "", "train_steps": 1}},
    study=(Row(minimum_steps=0),),
)
