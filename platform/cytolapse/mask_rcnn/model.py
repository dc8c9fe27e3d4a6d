"""Mask R-CNN: cells as scored boxes with soft masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import pad
from torchvision.models.detection import MaskRCNN as Detector
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead

from cytolapse.errors import CytolapseError
from cytolapse.heads import default_point
from cytolapse.learner import Learner, normalise
from cytolapse.mask_rcnn.anchors import parse_anchors
from cytolapse.mask_rcnn.backbones import load_published, pyramid
from cytolapse.mask_rcnn.instances import Instances, outlined, paste, perfect
from cytolapse.networks.blocks import NORMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.config import Config
    from cytolapse.heads import Point, Space
    from cytolapse.learner import Clip
    from cytolapse.networks import State

STRIDE = 32
LEVELS = 5
LEAST = 64
"""The smallest crop in px: below it the coarsest level is a single value, which can't be normalised."""
LIMITS: dict[str, Any] = {
    "rpn_pre_nms_top_n_train": 500,
    "rpn_pre_nms_top_n_test": 1000,
    "rpn_post_nms_top_n_train": 250,
    "rpn_post_nms_top_n_test": 500,
    "box_batch_size_per_image": 64,
    "box_positive_fraction": 0.5,
    "box_score_thresh": 0.2,
    "box_nms_thresh": 0.7,
    "box_detections_per_img": 300,
}
"""A crop holds few cells, and all of one kind: far fewer candidates than in photographs. Boxes of elongated cells that
lie side by side overlap by more than half, so duplicates are told by their masks, in `paste`."""

SPACE: Space = {"score": (0.5, 0.3, 0.7, 0.9), "mask": (0.5, 0.4), "overlap": (0.5, 0.3)}


class MaskRCNN(Learner):
    """torchvision's Mask R-CNN with the heads of its second version, for one class; raw = Instances, one a frame.

    Source: He et al. 2017 (arXiv 1703.06870); the heads, Li et al. 2021 (arXiv 2111.11429).

    Args:
        config: network (the backbone), norm, anchors, pretrained.

    Raises:
        CytolapseError: no such backbone, or a setting that it can't take.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.space = SPACE
        self.detector = _detector(config).to(memory_format=torch.channels_last)

    def encode(self, labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """The labels (T, Y, X) themselves."""
        return labels.astype(np.int64)

    def forward(self, clip: Clip, state: State = None) -> tuple[Tensor, State]:
        """The sum of the five losses of the frames with truth; there is no state."""
        frames, labels = clip.frames[clip.known], clip.targets[clip.known]
        if len(frames) == 0:
            return torch.stack([each.sum() for each in self.parameters()]).sum() * 0, None
        targets = [_target(each) for each in labels]
        _, losses = self._parts(frames, targets)
        return torch.stack(list(losses.values())).sum(), None

    def _parts(
        self, frames: Tensor, targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Detections and losses of normalised frames (N, 1, Y, X), which torchvision's own start would resize."""
        count, (height, width) = len(frames), frames.shape[2:]
        x = pad(frames, (0, -width % STRIDE, 0, -height % STRIDE)).contiguous(memory_format=torch.channels_last)
        images, net = ImageList(x, [(height, width)] * count), self.detector
        features = net.backbone(x)
        proposals, losses = net.rpn(images, features, targets)
        found, more = net.roi_heads(features, proposals, images.image_sizes, targets)
        return found, {**losses, **more}

    @torch.inference_mode()
    def predict(self, frames: NDArray[Any], state: State = None) -> tuple[list[Instances], State]:
        """The instances in frames (T, Y, X), one item a frame."""
        x = torch.from_numpy(normalise(frames)).to(self.device)[:, None]
        y_size, x_size = frames.shape[1:]
        found, _ = self._parts(x)
        parts = [[each[name].cpu().numpy() for name in ("scores", "boxes", "masks")] for each in found]
        return [
            Instances(scores, boxes, masks[:, 0].astype(np.float16), (y_size, x_size)) for scores, boxes, masks in parts
        ], None

    def warm_up(self, frames: NDArray[Any]) -> None:
        """Nothing: there is no state."""

    def raw_loss(self, raw: Instances, labels: NDArray[np.integer]) -> None:
        """None: the losses are of candidates, which the instances no longer tell."""

    def decode(self, raw: Instances, point: Point) -> NDArray[np.int32]:
        """Labels (Y, X) of one frame's instances, pasted at full resolution."""
        return paste(raw, point)

    def redraw(self, labels: NDArray[np.integer]) -> NDArray[np.int32]:
        """Labels (Y, X) from their own boxes and 28x28 masks: what that resolution takes away from long, thin cells."""
        return self.decode(perfect(labels), default_point(self.space))

    def published(self) -> Mapping[str, str]:
        """Start from the backbone's published weights where `--pretrained yes`; what came of it, as a tag."""
        if self.config.pretrained == "no":
            return {}
        return {"cytolapse.pretrained": load_published(self.detector.backbone.body, self.config.network)}


def _check(config: Config) -> None:
    if config.frame_size:
        raise CytolapseError(
            f"--frame-size is {config.frame_size}: Mask R-CNN sees frames at full resolution; leave it out"
        )
    if config.crop < LEAST:
        raise CytolapseError(f"--crop is {config.crop}: Mask R-CNN needs at least {LEAST}")
    if config.pretrained == "yes" and config.norm != "batch":
        raise CytolapseError(f"--norm is {config.norm}: the weights of --pretrained yes are for --norm batch")


def _detector(config: Config) -> Detector:
    sizes, ratios = parse_anchors(config.anchors)
    backbone, norm = pyramid(config), NORMS[config.norm]
    c = backbone.out_channels
    detector = Detector(
        backbone,
        rpn_anchor_generator=AnchorGenerator((sizes,) * LEVELS, (ratios,) * LEVELS),
        rpn_head=RPNHead(c, len(sizes) * len(ratios), conv_depth=2),
        box_head=FastRCNNConvFCHead((c, 7, 7), [c] * 4, [4 * c], norm_layer=norm),
        box_predictor=FastRCNNPredictor(4 * c, 2),
        mask_head=MaskRCNNHeads(c, [c] * 4, 1, norm_layer=norm),
        mask_predictor=MaskRCNNPredictor(c, c, 2),
        **LIMITS,
    )
    heads = detector.roi_heads
    for part in (backbone, detector.rpn.head, heads.box_predictor, heads.mask_predictor):
        part.register_forward_hook(_in_float32)
    return detector


def _in_float32(module: nn.Module, inputs: Any, outputs: Any) -> Any:
    """What a part returns, in float32: bf16 holds 8 bits, so a box 300 px from the corner would move by 2 px."""
    if isinstance(outputs, torch.Tensor):
        return outputs.float()
    if isinstance(outputs, dict):
        return {name: tensor.float() for name, tensor in outputs.items()}
    return type(outputs)(_in_float32(module, inputs, each) for each in outputs)


def _target(labels: Tensor) -> dict[str, Tensor]:
    boxes, masks = outlined(labels)
    return {"boxes": boxes, "masks": masks, "labels": torch.ones(len(boxes), dtype=torch.int64, device=labels.device)}
