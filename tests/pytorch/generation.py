"""Cases of the losses of generative models, written in PyTorch from the formulas of the papers.

    python tests/pytorch/generation.py > tests/golden/generation.json
"""
import math

import torch
from torch.nn import functional as F

from golden_case import NAMES, finish, show, told

torch.manual_seed(0)
cases = []


def add(op, call, inputs, **options):
    case = {"id": f"generation.{op}.{len(cases)}", "op": op, "kind": "op", "options": options}
    case["dtype"] = NAMES[next(iter(inputs.values())).dtype]
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]
    finish(case, lambda: call(**inputs, **options), inputs)
    cases.append(case)


def drawn(*shape, dtype=torch.float64, scale=1.0):
    return torch.round(scale * torch.randn(shape, dtype=torch.float64), decimals=3).to(dtype)


def leaf(*shape, **options):
    return drawn(*shape, **options).requires_grad_()


def gan_critic(real, fake, game):
    if game == "bce":
        return -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()
    if game == "lsgan":
        return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()
    if game == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return fake.mean() - real.mean()


def gan_generator(fake, game):
    if game == "bce":
        return -torch.log(torch.sigmoid(fake)).mean()
    return 0.5 * ((fake - 1) ** 2).mean() if game == "lsgan" else -fake.mean()


for game in ("bce", "lsgan", "hinge", "wgan"):
    for dtype in (torch.float64, torch.float32):
        add("gan_critic", gan_critic, {"real": leaf(5, 1, dtype=dtype), "fake": leaf(5, 1, dtype=dtype)}, game=game)
        add("gan_generator", gan_generator, {"fake": leaf(4, dtype=dtype)}, game=game)


def critic(x, weight, out, norm):
    """A convolution, layer norm if asked for, a leaky relu and a linear map: no batch norm."""
    hidden = F.conv2d(x, weight, stride=2, padding=1)
    if norm:
        # F.layer_norm takes its mean and its deviation for constants from the third derivative on.
        mean, square = hidden.mean((1, 2, 3), keepdim=True), hidden.var((1, 2, 3), correction=0, keepdim=True)
        hidden = (hidden - mean) / torch.sqrt(square + 1e-5)
    return F.leaky_relu(hidden, 0.2).flatten(1) @ out


def gradient_penalty(real, fake, weight, out, norm, seed):
    torch.manual_seed(seed)
    epsilon = torch.rand(len(real), 1, 1, 1).to(real.dtype)
    between = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between, weight, out, norm).sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(2, 1) - 1) ** 2).mean()


def r1_penalty(real, weight, out, norm):
    real = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(real, weight, out, norm).sum(), real, create_graph=True)
    return 0.5 * (slope**2).flatten(1).sum(1).mean()


for norm in (False, True):
    for dtype in (torch.float64, torch.float32):
        weights = {"weight": leaf(3, 2, 4, 4, dtype=dtype, scale=0.3), "out": leaf(27, 1, dtype=dtype, scale=0.5)}
        real, fake = drawn(3, 2, 6, 6, dtype=dtype), drawn(3, 2, 6, 6, dtype=dtype)
        state = torch.get_rng_state()
        add("gradient_penalty", gradient_penalty, {"real": real, "fake": fake, **weights}, norm=norm, seed=7)
        torch.set_rng_state(state)
        add("r1_penalty", r1_penalty, {"real": real, **weights}, norm=norm)


def vae_loss(recovered, target, mu, log_var, reconstruction, beta, free_bits):
    if reconstruction == "bce":
        p = torch.sigmoid(recovered)
        error = -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).sum()
    else:
        error = ((recovered - target) ** 2).sum()
    normal = torch.distributions.Normal(mu, torch.exp(0.5 * log_var))
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    divergence = torch.distributions.kl_divergence(normal, prior).mean(0)
    paid = divergence.clamp(min=free_bits).sum() if free_bits > 0 else divergence.sum()
    return error / len(mu) + beta * paid, error / len(mu), divergence.sum()


for reconstruction in ("bce", "mse"):
    for beta, free_bits in ((1.0, 0.0), (4.0, 0.25)):
        for dtype in (torch.float64, torch.float32):
            target = torch.rand(3, 2, 4, dtype=torch.float64).round(decimals=2).to(dtype)
            given = {"recovered": leaf(3, 2, 4, dtype=dtype), "target": target}
            given |= {"mu": leaf(3, 2, dtype=dtype, scale=0.7), "log_var": leaf(3, 2, dtype=dtype)}
            add("vae_loss", vae_loss, given, reconstruction=reconstruction, beta=beta, free_bits=free_bits)


def left(schedule, steps):
    """The cumulated products of 1 − β."""
    if schedule == "linear":
        betas = torch.linspace(1e-4 * 1000 / steps, 0.02 * 1000 / steps, steps, dtype=torch.float64)
    else:
        bar = lambda t: math.cos((t / steps + 0.008) / 1.008 * math.pi / 2) ** 2
        betas = torch.tensor([min(1 - bar(t + 1) / bar(t), 0.999) for t in range(steps)], dtype=torch.float64)
    return torch.cumprod(1 - betas, 0)


def shares(schedule, steps, t, like):
    alpha = left(schedule, steps)[t].reshape(-1, *[1] * (like.dim() - 1))
    return alpha.sqrt().to(like.dtype), (1 - alpha).sqrt().to(like.dtype)


def add_noise(sample, noise, t, schedule, steps):
    signal, rest = shares(schedule, steps, t, sample)
    return signal * sample + rest * noise


def diffusion_loss(said, sample, noise, t, schedule, steps, predict, min_snr=None):
    signal, rest = shares(schedule, steps, t, sample)
    target = {"noise": noise, "sample": sample, "v": signal * noise - rest * sample}[predict]
    each = ((said - target) ** 2).flatten(1).mean(1)
    if min_snr is not None:
        alpha = left(schedule, steps)[t]
        snr = alpha / (1 - alpha)
        divided = {"noise": snr, "sample": torch.ones_like(snr), "v": snr + 1}[predict]
        each = each * (snr.clamp(max=min_snr) / divided).to(each.dtype)
    return each.mean()


def step_back(noisy, said, noise, schedule, steps, predict, now, then, eta, clip=None):
    """Song et al. 2021, (12) and (16)."""
    bar = left(schedule, steps)
    a, b = bar[now].item(), bar[then].item() if then is not None else 1.0
    if predict == "noise":
        sample = (noisy - math.sqrt(1 - a) * said) / math.sqrt(a)
    else:
        sample = said if predict == "sample" else math.sqrt(a) * noisy - math.sqrt(1 - a) * said
    if clip is not None:
        sample = sample.clamp(-clip, clip)
    direction = (noisy - math.sqrt(a) * sample) / math.sqrt(1 - a)
    sigma = eta * math.sqrt((1 - b) / (1 - a)) * math.sqrt(1 - a / b)
    return math.sqrt(b) * sample + math.sqrt(1 - b - sigma**2) * direction + sigma * noise


for schedule in ("linear", "cosine"):
    where = {"schedule": schedule, "steps": 50}
    pair = lambda dtype: {"sample": leaf(3, 1, 2, dtype=dtype), "noise": drawn(3, 1, 2, dtype=dtype)}
    for dtype in (torch.float64, torch.float32):
        t = torch.randint(0, 50, (3,))
        add("add_noise", add_noise, {**pair(dtype), "t": t}, **where)
        for predict in ("noise", "v", "sample"):
            for more in ({}, {"min_snr": 5.0}):
                given = {"said": leaf(3, 1, 2, dtype=dtype), **pair(dtype), "t": t}
                add("diffusion_loss", diffusion_loss, given, predict=predict, **where, **more)
    for predict in ("noise", "v", "sample"):
        for now, then, eta, more in ((49, 20, 0.0, {}), (30, 29, 1.0, {"clip": 1.0}), (12, 5, 0.5, {}), (0, None, 1.0, {})):
            given = {"noisy": leaf(2, 3), "said": leaf(2, 3), "noise": drawn(2, 3)}
            add("step_back", step_back, given, predict=predict, now=now, then=then, eta=eta, **where, **more)

show(cases)
