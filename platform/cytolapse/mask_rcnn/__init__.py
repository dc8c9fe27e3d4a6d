"""Mask R-CNN: boxes first, then a soft mask in each. Imported where it is asked for: torchvision takes seconds."""
