"""Informer (arXiv 2012.07436) as a PyTorch module with its published defaults, and its dense
twin: encoder layers with distilling between them, a decoder that gives all steps at once, scaled
time features. The samples of ProbSparse attention are drawn once, where the published code draws
them at every run, so that outputs can be compared."""

import dataclasses
import math

import torch
from torch import nn
from torch.nn import functional


@dataclasses.dataclass(frozen=True)
class Shape:
    steps: int = 96
    known: int = 48  # steps that the decoder is given
    ahead: int = 24
    channels: int = 7
    features: int = 4  # of time, by the hour
    width: int = 512
    heads: int = 8
    ffn: int = 2048
    encoders: int = 2
    decoders: int = 1
    factor: int = 5


class ProbSparse(nn.Module):
    """Of q, k and v [batch, heads, length, size]."""

    def __init__(self, length, factor, causal, seed):
        super().__init__()
        count = min(factor * math.ceil(math.log(length)), length)
        random = torch.Generator().manual_seed(seed)
        self.register_buffer("table", torch.randint(length, (length, count), generator=random))
        self.count, self.causal = count, causal

    def forward(self, q, k, v):
        batch, heads, length, size = q.shape
        if self.training:  # the gradient of `wide` would be as large as it is
            sampled = k[:, :, self.table]
        else:
            wide = k.unsqueeze(-3).expand(batch, heads, length, length, size)
            sampled = wide[:, :, torch.arange(length).unsqueeze(1), self.table, :]
        products = torch.matmul(q.unsqueeze(-2), sampled.transpose(-2, -1)).squeeze(-2)
        measure = products.max(-1)[0] - products.sum(-1) / length
        top = measure.topk(self.count, sorted=False)[1]
        place = torch.arange(batch)[:, None, None], torch.arange(heads)[None, :, None], top
        scores = torch.matmul(q[place], k.transpose(-2, -1)) / math.sqrt(size)
        if self.causal:
            later = torch.ones(length, length, dtype=torch.bool).triu(1).expand(batch, heads, length, length)
            scores = scores.masked_fill(later[place], -math.inf)
            rest = v.cumsum(-2)
        else:
            rest = v.mean(-2).unsqueeze(-2).expand(batch, heads, length, v.shape[-1]).clone()
        rest[place] = torch.matmul(scores.softmax(-1), v)
        return rest


class Dense(nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.causal = causal

    def forward(self, q, k, v):
        return functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)


class Attention(nn.Module):
    """With `mix`, the decoder's: heads and steps change places in the result, as published."""

    def __init__(self, shape, core, mix=False):
        super().__init__()
        self.heads, self.core, self.mix = shape.heads, core, mix
        linear = lambda: nn.Linear(shape.width, shape.width)
        self.query, self.key, self.value, self.out = linear(), linear(), linear(), linear()

    def forward(self, x, memory):
        split = lambda y: y.view(y.shape[0], y.shape[1], self.heads, -1).transpose(1, 2)
        y = self.core(split(self.query(x)), split(self.key(memory)), split(self.value(memory)))
        y = y if self.mix else y.transpose(1, 2)
        return self.out(y.reshape(x.shape))


class FeedForward(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.first = nn.Conv1d(shape.width, shape.ffn, 1)
        self.second = nn.Conv1d(shape.ffn, shape.width, 1)

    def forward(self, x):
        return self.second(functional.gelu(self.first(x.transpose(1, 2)))).transpose(1, 2)


class Encoder(nn.Module):
    def __init__(self, shape, core):
        super().__init__()
        self.attention, self.ffn = Attention(shape, core), FeedForward(shape)
        self.norm1, self.norm2 = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)

    def forward(self, x):
        x = self.norm1(x + self.attention(x, x))
        return self.norm2(x + self.ffn(x))


class Decoder(nn.Module):
    def __init__(self, shape, core):
        super().__init__()
        self.own, self.cross = Attention(shape, core, mix=True), Attention(shape, Dense(False))
        self.ffn = FeedForward(shape)
        self.norms = nn.ModuleList(nn.LayerNorm(shape.width) for _ in range(3))

    def forward(self, x, memory):
        x = self.norms[0](x + self.own(x, x))
        x = self.norms[1](x + self.cross(x, memory))
        return self.norms[2](x + self.ffn(x))


class Distilling(nn.Module):
    """Half of the steps."""

    def __init__(self, shape):
        super().__init__()
        self.conv = nn.Conv1d(shape.width, shape.width, 3, padding=1, padding_mode="circular")
        self.norm = nn.BatchNorm1d(shape.width)

    def forward(self, x):
        x = functional.elu(self.norm(self.conv(x.transpose(1, 2))))
        return functional.max_pool1d(x, 3, 2, 1).transpose(1, 2)


class Embedding(nn.Module):
    def __init__(self, shape, length):
        super().__init__()
        self.value = nn.Conv1d(shape.channels, shape.width, 3, padding=1, padding_mode="circular", bias=False)
        self.time = nn.Linear(shape.features, shape.width, bias=False)
        angle = torch.arange(length)[:, None] * 10000 ** (-torch.arange(0, shape.width, 2) / shape.width)
        self.register_buffer("place", torch.stack([angle.sin(), angle.cos()], -1).flatten(1))

    def forward(self, x, marks):
        return self.value(x.transpose(1, 2)).transpose(1, 2) + self.time(marks) + self.place


class Informer(nn.Module):
    def __init__(self, shape, dense=False):
        super().__init__()
        given = shape.known + shape.ahead

        def core(length, causal, seed):
            return Dense(causal) if dense else ProbSparse(length, shape.factor, causal, seed)

        lengths = [shape.steps]
        while len(lengths) < shape.encoders:
            lengths.append((lengths[-1] - 1) // 2 + 1)
        self.ahead = shape.ahead
        self.past, self.future = Embedding(shape, shape.steps), Embedding(shape, given)
        self.encoders = nn.ModuleList(
            Encoder(shape, core(length, False, i)) for i, length in enumerate(lengths)
        )
        self.between = nn.ModuleList(Distilling(shape) for _ in lengths[1:])
        self.decoders = nn.ModuleList(
            Decoder(shape, core(given, True, 100 + i)) for i in range(shape.decoders)
        )
        self.norm1, self.norm2 = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.out = nn.Linear(shape.width, shape.channels)

    def forward(self, past, past_marks, future, future_marks):
        x = self.past(past, past_marks)
        for i, encoder in enumerate(self.encoders):
            x = self.between[i - 1](x) if i else x
            x = encoder(x)
        x, y = self.norm1(x), self.future(future, future_marks)
        for decoder in self.decoders:
            y = decoder(y, x)
        return self.out(self.norm2(y))[:, -self.ahead :]
