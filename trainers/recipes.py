"""RECIPES: what can be trained."""

from cytolapse.registry import Registry
from trainers import classical, convlstm_unet, distance_unet, flow_unet, mask_rcnn, unet
from trainers.recipe import Recipe

RECIPES: Registry[Recipe] = Registry(
    "recipe",
    {
        "unet": unet.RECIPE,
        "distance_unet": distance_unet.RECIPE,
        "flow_unet": flow_unet.RECIPE,
        "convlstm_unet": convlstm_unet.RECIPE,
        "mask_rcnn": mask_rcnn.RECIPE,
        "classical": classical.RECIPE,
    },
)
