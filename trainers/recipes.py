"""RECIPES: what can be trained."""

from cytolapse.registry import Registry
from trainers import classical, unet
from trainers.recipe import Recipe

RECIPES: Registry[Recipe] = Registry("recipe", {"unet": unet.RECIPE, "classical": classical.RECIPE})
