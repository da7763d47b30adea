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


def members(given, name):
    return [t for n, t in given.items() if n.startswith(name + ".")]


def network(pre=2000, post=2000, nms=0.7, score=0.0, fg=0.7, bg=0.3, batch=256, fraction=0.5):
    both = lambda n: {"training": n, "testing": n}
    return rpn.RegionProposalNetwork(None, None, fg, bg, batch, fraction, both(pre), both(post), nms, score)


def filter_proposals(proposals, objectness, image_shapes, levels, **options):
    found = network(**options).filter_proposals(proposals, objectness, image_shapes, levels)
    return [*found[0], *found[1]]


def proposals(image_shapes, **given):
    options = {n: v for n, v in given.items() if not isinstance(v, torch.Tensor)}
    objectness, codes, anchors = given["objectness"], given["codes"], members(given, "anchors")
    decoded = _utils.BoxCoder((1.0, 1.0, 1.0, 1.0)).decode(codes.reshape(-1, 4), [torch.cat(anchors)] * len(codes))
    decoded = decoded.view(*codes.shape)
    return filter_proposals(decoded, objectness, image_shapes, [len(a) for a in anchors], **options)


def assign(anchors, boxes, fg, bg):
    labels, matched = network(fg=fg, bg=bg).assign_targets_to_anchors([anchors], [{"boxes": boxes}])
    return labels[0].to(anchors.dtype), matched[0].to(anchors.dtype)


def sampled_rpn_loss(seed, batch, fraction, **given):
    stage, anchors, truths = network(batch=batch, fraction=fraction), given["anchors.0"], members(given, "boxes")
    anchors = [anchors] * len(truths)
    labels, matched = stage.assign_targets_to_anchors(anchors, [{"boxes": b} for b in truths])
    targets = stage.box_coder.encode(matched, anchors)
    labels = [of_image.to(given["objectness"].dtype) for of_image in labels]  # else the loss would be float32
    torch.manual_seed(seed)
    return stage.compute_loss(given["objectness"], given["codes"].reshape(-1, 4), labels, targets)


def second_stage(fg=0.5, bg=0.5, batch=512, fraction=0.25, weights=None, score=0.05, nms=0.5, most=100):
    return roi_heads.RoIHeads(None, None, None, fg, bg, batch, fraction, weights, score, nms, most)


def training_samples(seed, batch, fraction, bg=0.5, **given):
    truths = [{"boxes": b, "labels": l} for b, l in zip(members(given, "boxes"), members(given, "labels"))]
    torch.manual_seed(seed)
    stage = second_stage(batch=batch, fraction=fraction, bg=bg)
    chosen, _, labels, targets = stage.select_training_samples(members(given, "proposals"), truths)
    return [*chosen, torch.cat(labels), torch.cat(targets)]


def detections(image_shapes, logits, codes, score=0.05, nms=0.5, most=100, weights=None, **given):
    stage = second_stage(score=score, nms=nms, most=most, weights=weights)
    found = stage.postprocess_detections(logits, codes, members(given, "proposals"), image_shapes)
    return [t for of_image in zip(*found) for t in of_image]


def apart(*shape, dtype=torch.float64):
    """Numbers without ties, whose order would be PyTorch's own affair."""
    n = torch.Size(shape).numel()
    return ((torch.randperm(n).to(torch.float64) - n / 2) / n * 7).round(decimals=3).reshape(shape).to(dtype)


shapes = [[20, 18], [15, 22]]
for dtype in (torch.float64, torch.float32):
    given = {"proposals": torch.stack([boxes(17, dtype=dtype) - 2, boxes(17, dtype=dtype)]), "objectness": apart(34, 1, dtype=dtype)}
    for options in ({}, {"pre": 6, "post": 7, "nms": 0.4, "score": 0.3}, {"post": 3}):
        add("rpn_filter_proposals", filter_proposals, given, image_shapes=shapes, levels=[12, 5], **options)
    given = {"objectness": apart(2, 10, 1, dtype=dtype), "codes": drawn(2, 10, 4, dtype=dtype) / 3, "anchors.0": boxes(6, dtype=dtype), "anchors.1": boxes(4, dtype=dtype)}
    add("rpn_proposals", proposals, given, image_shapes=shapes, post=5)
    add("rpn_proposals", proposals, given, image_shapes=shapes, nms=0.2, score=0.5)
for fg, bg in ((0.7, 0.3), (0.4, 0.1), (0.3, 0.3)):
    add("rpn_assign_targets", assign, {"anchors": boxes(20), "boxes": boxes(3)}, fg=fg, bg=bg)
add("rpn_assign_targets", assign, {"anchors": boxes(5), "boxes": torch.zeros(0, 4, dtype=torch.float64)}, fg=0.7, bg=0.3)
for batch, fraction in ((256, 0.5), (8, 0.25)):
    given = {"objectness": drawn(3, 20, 1).requires_grad_(), "codes": drawn(3, 20, 4).requires_grad_(), "anchors.0": boxes(20)}
    given |= {"boxes.0": boxes(4), "boxes.1": torch.zeros(0, 4, dtype=torch.float64), "boxes.2": boxes(2)}
    add("rpn_sampled_loss", sampled_rpn_loss, given, seed=batch, batch=batch, fraction=fraction)
for options in ({"batch": 512, "fraction": 0.25}, {"batch": 8, "fraction": 0.5}, {"batch": 6, "fraction": 0.25, "bg": 0.1}):
    truth = boxes(3)
    given = {"proposals.0": torch.cat([boxes(9), truth + 0.5]), "proposals.1": boxes(8), "boxes.0": truth}
    given |= {"boxes.1": torch.zeros(0, 4, dtype=torch.float64), "labels.0": torch.tensor([2, 1, 5])}
    given |= {"labels.1": torch.zeros(0, dtype=torch.int64)}
    add("roi_training_samples", training_samples, given, seed=3, **options)
for options in ({}, {"score": 0.3}, {"most": 4, "nms": 0.3}, {"weights": [1.0, 1.0, 2.0, 2.0]}):
    given = {"logits": apart(11, 4), "codes": drawn(11, 16), "proposals.0": boxes(6), "proposals.1": boxes(5)}
    add("roi_postprocess_detections", detections, given, image_shapes=shapes, **options)
show(cases)
