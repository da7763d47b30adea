"""Normalisations, losses, layers and boxes of ONNX."""
import math
import numpy as np
from onnx_rules.node import Out, rule


@rule("BatchNormalization")
def batch_norm(n):
    args = {"input": n.x(0), "weight": n.x(1), "bias": n.x(2), "running_mean": n.x(3), "running_var": n.x(4)}
    eps = n.attr("epsilon", 1e-5)
    if n.attr("training_mode", 0):
        # PyTorch's running variance is the unbiased one: only the output is the same.
        return [n.do("batch_norm", args, training=True, eps=eps), None, None]
    return [n.do("batch_norm", args, training=False, eps=eps)]


@rule("InstanceNormalization")
def instance_norm(n):
    return [n.do("instance_norm", {"input": n.x(0), "weight": n.x(1), "bias": n.x(2)}, eps=n.attr("epsilon", 1e-5))]


@rule("GroupNormalization")
def group_norm(n):
    return [n.do("group_norm", {"input": n.x(0), "weight": n.x(1), "bias": n.x(2)}, num_groups=n.attr("num_groups"),
                 eps=n.attr("epsilon", 1e-5))]


@rule("LayerNormalization")
def layer_norm(n):
    axis, eps = n.attr("axis", -1) % n.rank(), n.attr("epsilon", 1e-5)
    args = {"input": n.x(0), "weight": n.x(1)} | ({"bias": n.x(2)} if n.has(2) else {})
    found = [n.do("layer_norm", args, normalized_shape=list(n.array(0).shape[axis:]), eps=eps)]
    dims = list(range(axis, n.rank()))
    if len(n.wanted) > 1:
        found.append(n.do("mean", n.x(0), dim=dims, keepdim=True))
        spread = n.do("var", n.x(0), dim=dims, correction=0, keepdim=True)
        found.append(n.do("rsqrt", n.do("add", {"input": spread}, other=eps)))
    return found


@rule("RMSNormalization")
def rms_norm(n):
    axis = n.attr("axis", -1) % n.rank()
    return [n.do("rms_norm", {"input": n.x(0), "weight": n.x(1)}, normalized_shape=list(n.array(0).shape[axis:]),
                 eps=n.attr("epsilon", 1e-5))]


@rule("LRN")
def lrn(n):
    return [n.do("local_response_norm", n.x(0), size=n.attr("size"), alpha=n.attr("alpha", 1e-4),
                 beta=n.attr("beta", 0.75), k=n.attr("bias", 1.0))]


@rule("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def likelihood(n):
    name = "nll_loss" if n.kind.startswith("Neg") else "cross_entropy"
    args = {"input": n.x(0), "target": n.x(1)} | ({"weight": n.x(2)} if n.has(2) else {})
    loss = n.do(name, args, reduction=n.attr("reduction", "mean"), ignore_index=n.attr("ignore_index"))
    return [loss] if len(n.wanted) == 1 else [loss, n.do("log_softmax", n.x(0), dim=1)]


@rule("Dropout")
def dropout(n):
    training = n.has(2) and bool(n.array(2))
    ratio = float(n.array(1)) if n.has(1) else n.attr("ratio", 0.5)
    if training and ratio:
        raise Out("random numbers")
    more = {"training": training, "outputs": lambda found: found[:1]}
    n.layer = ("Dropout", {"p": ratio}, {}, {"input": n.array(0)}, more)
    return None


@rule("LSTM", "GRU", "RNN")
def recurrent(n):
    kind, hidden = n.kind, n.attr("hidden_size")
    if n.has(7):
        raise Out("peepholes")
    if n.attr("activations") or n.attr("clip") or n.attr("input_forget", 0):
        raise Out("other activations than PyTorch's")
    x, direction, batch_first = n.array(0), n.attr("direction", "forward"), bool(n.attr("layout", 0))
    time = 1 if batch_first else 0
    lengths = n.array(4)
    if lengths is not None and (lengths != x.shape[time]).any():
        raise Out("sequences of several lengths")
    if kind == "GRU" and not n.attr("linear_before_reset", 0):
        b = n.array(3)
        rest = x.shape[time] > 1 or n.has(5) or b is not None and np.any(b[:, 5 * hidden:])
        if rest:
            raise Out("a reset before the product (linear_before_reset=0): PyTorch's GRU resets behind it")
    gates = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}[kind]  # from i,o,f,c and z,r,h
    order = lambda w: np.concatenate([w.reshape(len(gates), hidden, *w.shape[1:])[g] for g in gates])
    params = {}
    for d in range(n.array(1).shape[0]):
        end = "_l0" + ("_reverse" if d else "")
        bias = n.array(3)[d] if n.has(3) else np.zeros(2 * len(gates) * hidden, x.dtype)
        params |= {"weight_ih" + end: order(n.array(1)[d]), "weight_hh" + end: order(n.array(2)[d]),
                   "bias_ih" + end: order(bias[: len(bias) // 2]), "bias_hh" + end: order(bias[len(bias) // 2:])}
    both = direction == "bidirectional"
    options = dict(input_size=int(x.shape[2]), hidden_size=hidden, bidirectional=both, batch_first=batch_first)
    if direction == "reverse":
        # The sequence from its end; the outputs turn with it.
        x = np.ascontiguousarray(np.flip(x, time))
    inputs = {"input": x}
    state = lambda a: np.swapaxes(a, 0, 1) if batch_first else a
    if n.has(5) and n.array(5).any():
        inputs["hx.0" if kind == "LSTM" else "hx"] = state(n.array(5))
        if kind == "LSTM":
            inputs["hx.1"] = state(n.array(6))

    def outputs(found):
        y, *states = found
        if y is not None:
            # (T, D, N, H), or (N, T, D, H) if the batch comes first
            y = y if batch_first else y.transpose(0, 2, 1, 3)
            y = y.reshape(*y.shape[:2], -1)
            y = np.flip(y, time) if direction == "reverse" else y
        states = [None if s is None else state(s) for s in states]
        return [y, *states, *[None] * ((3 if kind == "LSTM" else 2) - 1 - len(states))]
    n.layer = (kind, options, params, inputs, {"outputs": outputs})
    return None


@rule("Attention")
def attention(n):
    q, k, v = n.x(0), n.x(1), n.x(2)
    rank3 = n.rank() == 3
    heads, kv_heads = n.attr("q_num_heads"), n.attr("kv_num_heads")
    if n.attr("left_window_size") is not None or n.attr("right_window_size") is not None or n.has(6):
        raise Out("windows and padded caches, which PyTorch writes as masks")
    if n.attr("softmax_precision") is not None:
        raise Out("a softmax in another precision")
    if rank3:
        def apart(x, i, h):
            return n.do("transpose", n.do("reshape", x, shape=[*n.array(i).shape[:2], h, -1]), dim0=1, dim1=2)
        q, k, v = apart(q, 0, heads), apart(k, 1, kv_heads), apart(v, 2, kv_heads)
    else:
        heads, kv_heads = n.array(0).shape[1], n.array(1).shape[1]
    past = 0
    if n.has(4):
        k, v = n.do("cat", {"tensors": [n.x(4), k]}, dim=2), n.do("cat", {"tensors": [n.x(5), v]}, dim=2)
        past = n.array(4).shape[2]
    present = [k, v]
    if heads != kv_heads:
        k, v = (n.do("repeat_interleave", x, repeats=heads // kv_heads, dim=1) for x in (k, v))
    rows = n.array(0).shape[1 if rank3 else 2]
    columns = n.array(1).shape[1 if rank3 else 2] + past
    mask, causal = n.array(3), bool(n.attr("is_causal", 0))
    if mask is not None and mask.shape[-1] < columns:
        mask = np.concatenate([mask, np.full((*mask.shape[:-1], columns - mask.shape[-1]),
                                             False if mask.dtype == bool else -np.inf, mask.dtype)], -1)
    scale, cap = n.attr("scale"), n.attr("softcap", 0.0)
    wants_scores = len(n.wanted) > 3 and n.wanted[3]
    if causal and (mask is not None or past or cap or wants_scores):
        seen = np.tril(np.ones((rows, columns), bool), past)
        if mask is None or mask.dtype == bool:
            mask = seen if mask is None else mask & seen
        else:
            mask = np.where(seen, mask, -np.inf).astype(mask.dtype)
        causal = False
    if mask is not None and mask.dtype.kind not in "fb":
        raise Out(f"elements of type {mask.dtype}")
    scores = None
    if cap or wants_scores:
        width = n.array(0).shape[-1] // (heads if rank3 else 1)
        factor = 1 / math.sqrt(width) if scale is None else scale
        steps = [n.do("matmul", n.do("mul", {"input": q}, other=factor), n.do("transpose", k, dim0=-2, dim1=-1))]
        x = steps[0]
        if cap:
            x = n.do("mul", {"input": n.do("tanh", n.do("div", {"input": x}, other=cap))}, other=cap)
        steps.append(x)
        if mask is not None:
            given = mask if mask.dtype != bool else np.where(mask, 0, -np.inf).astype(n.array(0).dtype)
            x = n.do("add", x, n.given("mask", given))
        steps.append(x)
        weights = n.do("softmax", x, dim=-1)
        y = n.do("matmul", weights, v)
        # 0: the raw product; 1: with the cap or the mask, by the version; 2: both; 3: behind the softmax
        mode = n.attr("qk_matmul_output_mode", 0)
        scores = [steps[0], steps[1] if cap else steps[2], steps[2], weights][mode]
        if mode == 1 and cap and mask is not None:
            scores = steps[1]
    else:
        args = {"query": q, "key": k, "value": v} | ({} if mask is None else {"attn_mask": n.given("attn_mask", mask)})
        y = n.do("scaled_dot_product_attention", args, scale=scale, is_causal=causal or None)
    if rank3:
        y = n.do("reshape", n.do("transpose", y, dim0=1, dim1=2), shape=[*n.array(0).shape[:2], -1])
    return [y, *present, scores][: max(1, len(n.wanted))]


@rule("NonMaxSuppression")
def nms(n):
    boxes, scores = n.array(0), n.array(1)
    if boxes.shape[0] != 1 or scores.shape[1] != 1 or not n.has(2):
        raise Out("several images or classes in one call")
    if n.has(4) and (scores <= n.array(4)).any():
        raise Out("a threshold of the scores")
    boxes = boxes[0]
    if not n.attr("center_point_box", 0):
        boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], 1)
        corners = n.given("boxes", boxes)
    else:
        corners = n.do("box_convert", {"boxes": n.given("boxes", boxes)}, in_fmt="cxcywh", out_fmt="xyxy")
    threshold = float(n.array(3).reshape(-1)[0]) if n.has(3) else 0.0
    kept = n.do("nms", {"boxes": corners, "scores": n.given("scores", scores[0, 0])}, iou_threshold=threshold)
    kept = n.do("getitem", kept, index=[{"slice": [None, n.ints(2)[0], None]}])
    # (image, class, box): both are 0.
    return [n.do("pad", n.do("unsqueeze", kept, dim=1), pad=[2, 0])]


@rule("RoiAlign")
def roi_align(n):
    if n.attr("mode", "avg") != "avg":
        raise Out("the largest value of a region")
    boxes = np.concatenate([n.array(2)[:, None].astype(n.array(1).dtype), n.array(1)], 1)
    return [n.do("roi_align", {"input": n.x(0), "boxes": n.given("boxes", boxes)},
                 output_size=[n.attr("output_height", 1), n.attr("output_width", 1)],
                 spatial_scale=n.attr("spatial_scale", 1.0), sampling_ratio=n.attr("sampling_ratio", 0),
                 aligned=n.attr("coordinate_transformation_mode", "half_pixel") == "half_pixel")]


@rule("CausalConvWithState")
def causal_conv(n):
    weight = n.array(1)
    past = n.array(3) if n.has(3) else np.zeros((*n.array(0).shape[:2], weight.shape[-1] - 1), n.array(0).dtype)
    x = n.do("cat", {"tensors": [n.given("past", past), n.x(0)]}, dim=2)
    args = {"input": x, "weight": n.x(1)} | ({"bias": n.x(2)} if n.has(2) else {})
    y = n.do("conv1d", args, groups=n.array(0).shape[1])
    if n.attr("activation", "none") in ("silu", "swish"):
        y = n.do("silu", y)
    length = n.array(0).shape[2] + past.shape[2]
    return [y, n.do("narrow", x, dim=2, start=length - past.shape[2], length=past.shape[2])]


@rule("ReverseSequence")
def reverse_sequence(n):
    time, batch = n.attr("time_axis", 0), n.attr("batch_axis", 1)
    shape, lengths = n.array(0).shape, n.ints(1)
    place = np.arange(shape[time])
    index = np.stack([np.where(place < l, l - 1 - place, place) for l in lengths], 1)
    index = index if time < batch else index.T
    index = np.broadcast_to(index.reshape(*index.shape, *[1] * (len(shape) - 2)), shape)
    return [n.do("gather", {"input": n.x(0), "index": n.given("index", np.ascontiguousarray(index))}, dim=time)]
