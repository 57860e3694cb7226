"""Classic Kolmogorov-Arnold networks as PyTorch modules: a univariate function for each
pair of an input and an output, in the three ways that are in use. Splines by the recursion
of Cox and de Boor with one base function (efficient), Gaussian bases after a layer norm
(fast), and a function, a scale and a base of its own for each pair (pairs). Weights are zeros, for the
caller to fill."""

import torch
from torch import nn
from torch.nn import functional


def spline_basis(x, grid, degree):
    """The bases of x [.., inputs] on knots [inputs, knots], as [.., inputs, bases]."""
    x = x.unsqueeze(-1)
    bases = ((x >= grid[:, :-1]) & (x < grid[:, 1:])).to(x.dtype)
    for k in range(1, degree + 1):
        left = (x - grid[:, : -(k + 1)]) / (grid[:, k:-1] - grid[:, : -(k + 1)])
        right = (grid[:, k + 1 :] - x) / (grid[:, k + 1 :] - grid[:, 1:-k])
        bases = left * bases[..., :-1] + right * bases[..., 1:]
    return bases


def make_grid(inputs, intervals, degree, bound):
    step = 2 * bound / intervals
    knots = torch.arange(-degree, intervals + degree + 1) * step - bound
    return knots.expand(inputs, -1).contiguous()


class EfficientLayer(nn.Module):
    def __init__(self, inputs, outputs, intervals=5, degree=3, bound=1.0):
        super().__init__()
        self.degree = degree
        self.register_buffer("grid", make_grid(inputs, intervals, degree, bound))
        self.base_weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.spline_weight = nn.Parameter(torch.zeros(outputs, inputs, intervals + degree))
        self.spline_scaler = nn.Parameter(torch.zeros(outputs, inputs))

    def forward(self, x):
        base = functional.linear(functional.silu(x), self.base_weight)
        bases = spline_basis(x, self.grid, self.degree)
        weight = self.spline_weight * self.spline_scaler.unsqueeze(-1)
        return base + functional.linear(bases.flatten(-2), weight.flatten(1))


class FastLayer(nn.Module):
    def __init__(self, inputs, outputs, centers=8, bound=2.0):
        super().__init__()
        self.norm = nn.LayerNorm(inputs)
        self.register_buffer("centers", torch.linspace(-bound, bound, centers))
        self.width = 2 * bound / (centers - 1)
        self.spline_linear = nn.Linear(inputs * centers, outputs, bias=False)
        self.base_linear = nn.Linear(inputs, outputs)

    def forward(self, x):
        bases = torch.exp(-(((self.norm(x)[..., None] - self.centers) / self.width) ** 2))
        return self.spline_linear(bases.flatten(-2)) + self.base_linear(functional.silu(x))


class PairsLayer(nn.Module):
    """After pykan: [batch, inputs, outputs] of functions, scaled, masked and summed."""

    def __init__(self, inputs, outputs, intervals=5, degree=3, bound=1.0):
        super().__init__()
        self.degree = degree
        self.register_buffer("grid", make_grid(inputs, intervals, degree, bound))
        self.register_buffer("mask", torch.ones(inputs, outputs))
        self.coef = nn.Parameter(torch.zeros(inputs, outputs, intervals + degree))
        self.scale_base = nn.Parameter(torch.zeros(inputs, outputs))
        self.scale_sp = nn.Parameter(torch.zeros(inputs, outputs))

    def forward(self, x):
        bases = torch.nan_to_num(spline_basis(x, self.grid, self.degree))
        y = torch.einsum("ijk,jlk->ijl", bases, self.coef)
        y = self.scale_base * functional.silu(x)[:, :, None] + self.scale_sp * y
        return (self.mask * y).sum(1)


LAYERS = {"efficient": EfficientLayer, "fast": FastLayer, "pairs": PairsLayer}


class Network(nn.Module):
    def __init__(self, kind, widths):
        super().__init__()
        self.layers = nn.ModuleList(LAYERS[kind](a, b) for a, b in zip(widths, widths[1:]))
    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
