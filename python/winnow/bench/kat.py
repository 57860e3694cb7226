"""Kolmogorov-Arnold transformers (arXiv 2409.10594) and their ViT twin, as PyTorch
modules: the sizes of the public models, an MLP of rational functions by groups of
channels in place of one with GELU. Coefficients are the published initial ones with
seeded noise, so that nothing is the identity and no two groups share a function."""

import dataclasses

import torch
from torch import nn
from torch.nn import functional

GROUPS = 8
#: Numerator and denominator of the published initialisation.
PRESETS = {
    "identity": ((0.0, 1.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
    "swish": (
        (3.05e-7, 0.5000008, 0.2499978, 0.0532663, 0.0058030, 0.00027520),
        (-4.11e-6, 0.10652899, -1.269e-6, 0.00055022),
    ),
}


@dataclasses.dataclass(frozen=True)
class Shape:
    width: int
    layers: int
    heads: int
    patch: int = 16
    image: int = 224


TINY, SMALL, BASE = Shape(192, 12, 3), Shape(384, 12, 6), Shape(768, 12, 12)


class Rational(nn.Module):
    """P(x) / (1 + |b1| x + ... + |b4| x^4): the form of the public code that exports.
    `stack` writes it as that code does, powers in one tensor and products with it;
    `horner` as a person would."""

    def __init__(self, preset, form, seed):
        super().__init__()
        numerator, denominator = map(torch.tensor, PRESETS[preset])
        random = torch.Generator().manual_seed(seed)
        noise = lambda *shape: torch.randn(shape, generator=random) * 0.02
        powers = torch.arange(6.0)
        # Buffers, as random weights would have poles.
        self.register_buffer("a", (numerator + noise(6) / 3**powers)[None])
        self.register_buffer("b", denominator + noise(GROUPS, 4) / 4 ** powers[1:5])
        self.form = form

    def forward(self, x):
        return self.stack(x) if self.form == "stack" else self.horner(x)

    def stack(self, x):
        batch, length, width = x.shape
        x = x.view(batch, length, GROUPS, width // GROUPS).permute(2, 0, 1, 3)
        moved = x.shape
        x = x.reshape(GROUPS, -1)
        powers = [torch.ones_like(x), x]
        while len(powers) < 6:
            powers.append(powers[-1] * x)
        powers = torch.stack(powers, 1)
        ones, zeros = torch.ones(GROUPS, 1), torch.zeros(GROUPS, 1)
        below = torch.cat([ones, self.b, zeros], 1).abs()
        above = self.a.expand(GROUPS, -1)
        p = torch.bmm(above.unsqueeze(1), powers).squeeze(1)
        q = torch.bmm(below.unsqueeze(1), powers).squeeze(1)
        return (p / q).view(moved).permute(1, 2, 0, 3).reshape(batch, length, width)

    def horner(self, x):
        batch, length, width = x.shape
        x = x.view(batch, length, GROUPS, width // GROUPS)
        a, b = self.a[0], self.b.abs()
        p, q = a[5], b[:, 3, None]
        for i in (4, 3, 2, 1, 0):
            p = p * x + a[i]
        for i in (2, 1, 0):
            q = q * x + b[:, i, None]
        return (p / (q * x + 1)).view(batch, length, width)


class Mlp(nn.Module):
    def __init__(self, width, form, seed):
        super().__init__()
        self.first, self.second = nn.Identity(), nn.GELU()
        if form != "gelu":
            self.first = Rational("identity", form, seed)
            self.second = Rational("swish", form, seed + 1)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(self.second(self.fc1(self.first(x))))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        x = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, width, heads, form, seed):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.attn, self.mlp = Attention(width, heads), Mlp(width, form, seed)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """`form` is that of the rational functions, or gelu."""

    def __init__(self, shape, form, classes=1000):
        super().__init__()
        width, tokens = shape.width, (shape.image // shape.patch) ** 2 + 1
        self.embed = nn.Conv2d(3, width, shape.patch, shape.patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, tokens, width))
        self.blocks = nn.ModuleList(
            Block(width, shape.heads, form, 2 * i) for i in range(shape.layers)
        )
        self.norm, self.head = nn.LayerNorm(width, 1e-6), nn.Linear(width, classes)

    def forward(self, image):
        x = self.embed(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])
