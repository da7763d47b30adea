"""Cases of boxes, regions and the losses of Faster R-CNN that the other files lack, computed by torchvision.

    python tests/pytorch/vision_options.py > tests/golden/vision_options.json
"""
import torch
from torchvision import ops
from torchvision.models.detection import _utils, anchor_utils, roi_heads, rpn
from golden_case import NAMES, finish, show, told

torch.manual_seed(0)
cases = []


def add(op, call, inputs, **options):
    case = {"id": f"vision_options.{op}.{len(cases)}", "op": op, "kind": "op", "options": options}
    case["dtype"] = NAMES[next(iter(inputs.values())).dtype]
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]
    finish(case, lambda: call(**inputs, **options), inputs)
    cases.append(case)


def boxes(n, size=20.0, dtype=torch.float64):
    corner = torch.rand(n, 2, dtype=torch.float64) * size
    sides = torch.rand(n, 2, dtype=torch.float64) * size / 2 + 0.5
    return torch.round(torch.cat([corner, corner + sides], 1), decimals=2).to(dtype)


def drawn(*shape, dtype=torch.float64):
    return torch.round(torch.randn(shape, dtype=torch.float64), decimals=3).to(dtype)


for dtype in (torch.float64, torch.float32):
    for threshold in (0.2, 0.5):
        scores = torch.rand(20, dtype=torch.float64).round(decimals=1).to(dtype)  # with ties
        add("nms", ops.nms, {"boxes": boxes(20, dtype=dtype), "scores": scores}, iou_threshold=threshold)
        idxs = torch.randint(0, 3, (20,))
        given = {"boxes": boxes(20, dtype=dtype), "scores": scores, "idxs": idxs}
        add("batched_nms", ops.batched_nms, given, iou_threshold=threshold)

for options in (
    {"output_size": [3, 2]},
    {"output_size": [2, 3], "spatial_scale": 0.25, "aligned": True},
    {"output_size": [7, 7], "sampling_ratio": 2, "spatial_scale": 0.5},
    {"output_size": [1, 1], "sampling_ratio": 3, "aligned": True},
):
    rois = torch.cat([torch.tensor([[0.0], [1.0], [1.0], [0.0]], dtype=torch.float64), boxes(4, 9.0) - 1.5], 1)
    maps = drawn(2, 2, 5, 6).requires_grad_()
    add("roi_align", ops.roi_align, {"input": maps, "boxes": rois}, **options)
    options = {n: v for n, v in options.items() if n in ("output_size", "spatial_scale")}
    add("roi_pool", ops.roi_pool, {"input": maps, "boxes": rois}, **options)

for weights in ([1.0, 1.0, 1.0, 1.0], [10.0, 10.0, 5.0, 5.0]):
    coder = lambda weights: _utils.BoxCoder(weights)
    given = {"boxes": boxes(4).requires_grad_(), "references": boxes(4)}
    add("box_coder_encode", lambda boxes, references, weights: coder(weights).encode_single(boxes, references), given, weights=weights)
    given = {"codes": drawn(4, 12).requires_grad_(), "references": boxes(4)}
    decode = lambda codes, references, weights: coder(weights).decode_single(codes, references).reshape(4, 3, 4)
    add("box_coder_decode", decode, given, weights=weights)

for low_quality in (False, True):
    matcher = lambda quality, high, low, allow: _utils.Matcher(high, low, allow)(quality)
    quality = torch.rand(3, 9, dtype=torch.float64).round(decimals=1)
    add("matcher", matcher, {"quality": quality}, high=0.7, low=0.3, allow=low_quality)
add("matcher", matcher, {"quality": torch.zeros(0, 4, dtype=torch.float64)}, high=0.7, low=0.3, allow=True)


def anchors(image, maps, sizes, aspect_ratios):
    generator = anchor_utils.AnchorGenerator(tuple(map(tuple, sizes)), tuple(map(tuple, aspect_ratios)))
    from torchvision.models.detection.image_list import ImageList

    features = [torch.zeros(1, 1, *m) for m in maps]
    return generator(ImageList(image, [tuple(image.shape[-2:])]), features)[0]


image = torch.zeros(1, 1, 30, 45)
add("anchors", anchors, {"image": image}, maps=[[3, 4], [2, 2]], sizes=[[8, 12], [25]], aspect_ratios=[[0.5, 1.0, 2.0], [1.0]])


def rpn_loss(objectness, codes, labels, targets, positive, negative):
    sampled = torch.cat([positive, negative])
    rpn_box = torch.nn.functional.smooth_l1_loss(codes[positive], targets[positive], beta=1 / 9, reduction="sum")
    network = rpn.RegionProposalNetwork.__new__(rpn.RegionProposalNetwork)
    torch.nn.Module.__init__(network)
    mask = lambda at: torch.zeros(len(labels)).index_fill(0, at, 1)
    network.fg_bg_sampler = lambda labels: ([mask(positive)], [mask(negative)])
    objects, of_boxes = network.compute_loss(objectness, codes, [labels], [targets])
    assert torch.allclose(of_boxes, rpn_box / len(sampled))
    return objects, of_boxes


given = {
    "objectness": drawn(6, 1).requires_grad_(), "codes": drawn(6, 4).requires_grad_(),
    "labels": torch.tensor([1.0, 0, 0, 1, -1, 0], dtype=torch.float64), "targets": drawn(6, 4),
    "positive": torch.tensor([0, 3]), "negative": torch.tensor([1, 2, 5]),
}
add("rpn_loss", rpn_loss, given)
fast = lambda logits, codes, labels, targets: roi_heads.fastrcnn_loss(logits, codes, [labels], [targets])
given = {"logits": drawn(5, 3).requires_grad_(), "codes": drawn(5, 12).requires_grad_(), "labels": torch.tensor([0, 2, 1, 0, 2]), "targets": drawn(5, 4)}
add("fastrcnn_loss", fast, given)
show(cases)
