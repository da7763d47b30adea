"""Cases of the anchor-free YOLO: assignment, loss with its gradients, detections. PyTorch has none of its own; this is the
definition written once more, from the papers (TOOD, GFL, CIoU), with torchvision's boxes.

    python tests/pytorch/yolo.py > tests/golden/yolo.json
"""
import torch
import torch.nn.functional as F
from torchvision import ops
from golden_case import NAMES, finish, show, told

torch.manual_seed(0)
cases = []


def decode(maps, strides, bins):
    """Boxes, sides, logits, points and strides of all points."""
    sides, logits, points, steps = [], [], [], []
    for m, s in zip(maps, strides):
        n, _, h, w = m.shape
        rows = m.permute(0, 2, 3, 1).reshape(n, h * w, -1)
        sides.append(rows[..., : 4 * bins].reshape(n, h * w, 4, bins))
        logits.append(rows[..., 4 * bins :])
        y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        points.append((torch.stack([x, y], -1).reshape(-1, 2).to(m.dtype) + 0.5) * s)
        steps.append(torch.full((h * w, 1), float(s), dtype=m.dtype))
    sides, logits, points, steps = torch.cat(sides, 1), torch.cat(logits, 1), torch.cat(points), torch.cat(steps)
    if bins == 1:
        distance = F.softplus(sides[..., 0])
    else:
        distance = F.softmax(sides, -1) @ torch.arange(bins, dtype=sides.dtype)
    distance = distance * steps
    boxes = torch.cat([points - distance[..., :2], points + distance[..., 2:]], -1)
    return boxes, sides, logits, points, steps


@torch.no_grad()
def assign(boxes, logits, points, truth_boxes, truth_labels, topk, alpha, beta):
    """Mask algebra, image by image: which truth each point has (-1 none), and its score."""
    owner = torch.full((len(points),), -1)
    score = torch.zeros(len(points), dtype=torch.float64)
    g = len(truth_labels)
    if g == 0:
        return owner, score
    truth_boxes, boxes = truth_boxes.double(), boxes.double()
    x, y = points.double().T
    x1, y1, x2, y2 = (c[:, None] for c in truth_boxes.T)
    inside = (x > x1) & (x < x2) & (y > y1) & (y < y2)
    centre = (truth_boxes[:, :2] + truth_boxes[:, 2:]) / 2
    nearest = torch.cdist(centre, points.double()).argmin(1)
    for i in range(g):
        if not inside[i].any():
            inside[i, nearest[i]] = True
    overlap = ops.box_iou(truth_boxes, boxes)
    align = logits.double().sigmoid()[:, truth_labels].T ** alpha * overlap**beta * inside
    chosen = torch.zeros_like(inside)
    for i in range(g):
        best = torch.argsort(-align[i], stable=True)[:topk]
        chosen[i, best] = True
    chosen &= align > 0
    # A point belongs to the one that it overlaps most.
    claimed = torch.where(chosen, overlap, torch.full_like(overlap, -1.0))
    has = chosen.any(0)
    owner[has] = claimed.argmax(0)[has]
    for i in range(g):
        mine = owner == i
        if mine.any():
            score[mine] = align[i, mine] / align[i, mine].max() * overlap[i, mine].max()
    return owner, score


def assignment(maps, truths, strides, bins, topk, alpha, beta):
    boxes, _, logits, points, _ = decode(maps, strides, bins)
    a = len(points)
    at, theirs, kinds, scores = [], [], [], []
    for i, (b, l) in enumerate(truths):
        owner, score = assign(boxes[i], logits[i], points, b, l, topk, alpha, beta)
        mine = (owner >= 0).nonzero()[:, 0]
        at.append(mine + i * a)
        theirs.append(b[owner[mine]])
        kinds.append(l[owner[mine]])
        scores.append(score[mine].to(logits.dtype))
    return torch.cat(at), torch.cat(theirs), torch.cat(kinds), torch.cat(scores)


def loss(maps, truths, strides, bins, topk, alpha, beta):
    boxes, sides, logits, points, steps = decode(maps, strides, bins)
    at, theirs, kinds, scores = assignment(maps, truths, strides, bins, topk, alpha, beta)
    whole = scores.sum().clamp(min=1)
    mine = boxes.flatten(0, 1)[at]
    of_box = (ops.complete_box_iou_loss(mine, theirs, reduction="none") * scores).sum() / whole
    meant = torch.zeros_like(logits).flatten(0, 1)
    meant[at, kinds] = scores
    of_class = F.binary_cross_entropy_with_logits(logits.flatten(0, 1), meant, reduction="sum") / whole
    parts = [of_box, of_class]
    total = 7.5 * of_box + 0.5 * of_class
    if bins > 1:
        point = at % len(points)
        p, s = points[point], steps[point]
        target = torch.cat([p - theirs[:, :2], theirs[:, 2:] - p], 1) / s
        target = target.clamp(0, bins - 1 - 0.01)
        low = target.long()
        flat = sides.flatten(0, 1)[at].reshape(-1, bins)
        cross = lambda label: F.cross_entropy(flat, label.reshape(-1), reduction="none").reshape(-1, 4)
        dfl = cross(low) * (low + 1 - target) + cross(low + 1) * (target - low)
        parts.append((dfl.mean(1) * scores).sum() / whole)
        total = total + 1.5 * parts[-1]
    return total, *parts


@torch.no_grad()
def detections(maps, strides, bins, score_threshold, iou_threshold):
    boxes, _, logits, _, _ = decode(maps, strides, bins)
    found = []
    for b, l in zip(ops.clip_boxes_to_image(boxes, (maps[0].shape[2] * strides[0], maps[0].shape[3] * strides[0])), logits):
        scores, labels = l.sigmoid().max(1)
        sure = scores > score_threshold
        b, scores, labels = b[sure], scores[sure], labels[sure]
        # The trick of shifted boxes rounds; class by class does not.
        kept = ops.boxes._batched_nms_vanilla(b, scores, labels, iou_threshold)[:100]
        found += [b[kept], scores[kept], labels[kept]]
    return found


def drawn(*shape, dtype=torch.float64):
    return torch.round(torch.randn(shape, dtype=torch.float64), decimals=3).to(dtype)


def add(op, call, maps, truths, **options):
    case = {"id": f"yolo.{op}.{len(cases)}", "op": op, "kind": "op", "options": options}
    case["dtype"] = NAMES[maps[0].dtype]
    inputs = {f"maps.{i}": m for i, m in enumerate(maps)}
    for i, (b, l) in enumerate(truths):
        inputs |= {f"boxes.{i}": b, f"labels.{i}": l}
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]
    given = (maps, truths) if truths else (maps,)
    finish(case, lambda: call(*given, **options), inputs)
    cases.append(case)


def truth(n, size, classes, dtype):
    corner = torch.rand(n, 2, dtype=torch.float64) * size * 0.7
    sides = torch.rand(n, 2, dtype=torch.float64) * size * 0.5 + 1.0
    boxes = torch.round(torch.cat([corner, corner + sides], 1), decimals=2).to(dtype)
    return boxes, torch.randint(0, classes, (n,))


for dtype in (torch.float64, torch.float32):
    for bins, counts, more in (
        (4, (3, 0, 1), {}),
        (1, (2, 4), {}),
        (6, (5,), {"topk": 3, "alpha": 1.0, "beta": 2.0}),
        (3, (0, 0), {}),
    ):
        classes, strides, size = 3, [4, 8], 16
        maps = [drawn(len(counts), 4 * bins + classes, size // s, size // s, dtype=dtype) for s in strides]
        truths = [truth(n, size, classes, dtype) for n in counts]
        options = {"strides": strides, "bins": bins, "topk": 10, "alpha": 0.5, "beta": 6.0} | more
        add("yolo_assign", assignment, maps, truths, **options)
        if dtype == torch.float64:
            add("yolo_loss", loss, [m.requires_grad_() for m in maps], truths, **options)
            maps = [m.detach() for m in maps]
        add("yolo_detections", detections, maps, [], strides=strides, bins=bins, score_threshold=0.6, iou_threshold=0.4)
show(cases)
