"""Token-Shuffle (arXiv 2504.17789) as a PyTorch module: a causal decoder of the tokens of an
image, row by row, that takes the tokens of a window of the image together for all of its
blocks, and its twin that takes each on its own."""

import torch
import transformers
from torch import nn
from torch.nn import functional

WIDTH, LAYERS, HEADS, VOCABULARY = 768, 20, 12, 16384


class Residual(nn.Module):
    """x + MLP(x)"""

    def __init__(self, width):
        super().__init__()
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.down(functional.gelu(self.up(x)))


def move(x, side, s, is_back=False):
    """Tokens [batch, h s w s, features] as [batch, h w, s s features], or back."""
    batch, count, width = x.shape
    dims = (side // s, side // s, s, s) if is_back else (side // s, s, side // s, s)
    x = x.reshape(batch, *dims, -1 if is_back else width).transpose(2, 3)
    return x.reshape(batch, -1, width // (s * s)) if is_back else x.reshape(batch, -1, s * s * width)


class Decoder(nn.Module):
    """From codes [batch, side * side] of an image's tokens to their states. Of windows of s x s,
    each token is compressed to its share of the width and expanded from it."""

    def __init__(self, side, s, width=WIDTH, layers=LAYERS, heads=HEADS):
        super().__init__()
        self.side, self.s = side, s
        self.embed = nn.Embedding(VOCABULARY, width)
        config = transformers.LlamaConfig(
            vocab_size=1, hidden_size=width, intermediate_size=width * 8 // 3,
            num_hidden_layers=layers, num_attention_heads=heads, use_cache=False,
            attn_implementation="sdpa",
        )  # fmt: skip
        self.blocks = transformers.LlamaModel(config)
        if s > 1:
            share = width // (s * s)
            self.compress, self.expand = nn.Linear(width, share), nn.Linear(share, width)
            self.fuse = nn.Sequential(Residual(width), Residual(width))
            self.split = nn.Sequential(Residual(width), Residual(width))

    def forward(self, codes):
        x = self.embed(codes)
        if self.s == 1:
            return self.blocks(inputs_embeds=x).last_hidden_state
        x = self.fuse(move(self.compress(x), self.side, self.s))
        x = self.split(self.blocks(inputs_embeds=x).last_hidden_state)
        return self.expand(move(x, self.side, self.s, is_back=True))
