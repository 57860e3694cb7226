"""The PyTorch modules of the workloads, from configurations, with seeded random
weights. Nothing is downloaded.

    python -m winnow.bench.torch_models NAME OUT.onnx    exports one
"""

import dataclasses
import sys

import numpy as np
import torch
import transformers
from torch import nn

from . import informer as informers
from . import kans
from . import kat as kats
from . import shuffle

OPSET = 18


@dataclasses.dataclass
class Made:
    module: nn.Module
    inputs: dict  # name -> example
    outputs: list
    open_dims: dict | None = None  # axis -> name, of all inputs


class _Call(nn.Module):
    """A module whose forward takes tensors in order and gives a tuple of them."""

    def __init__(self, model, call):
        super().__init__()
        self.model, self.call = model, call

    def forward(self, *tensors):
        return self.call(self.model, *tensors)


def _set_weights(model, seed=0):
    """Scaled so that values keep their size from layer to layer and scores have
    unit variance; no bias, scale or shift is trivial."""
    random = torch.Generator().manual_seed(seed)

    def fill(parameter, std, mean=0.0):
        if parameter is not None:
            parameter.copy_(torch.randn(parameter.shape, generator=random) * std + mean)

    with torch.no_grad():
        for module in model.modules():
            own = dict(module.named_parameters(recurse=False))
            weight, bias = own.pop("weight", None), own.pop("bias", None)
            if weight is not None and weight.dim() == 1:
                fill(weight, 0.1, 1.0)
            elif isinstance(module, nn.Embedding):
                fill(weight, 0.2)
            elif weight is not None:
                # GPT-2's Conv1D has its inputs first.
                first = type(module).__name__ == "Conv1D"
                fan_in = weight.shape[0] if first else weight[0].numel()
                fill(weight, fan_in**-0.5)
            fill(bias, 0.1)
            for parameter in own.values():
                fill(parameter, 0.2)
    return model.eval().requires_grad_(False)


def _ids(vocabulary, *shape):
    return torch.zeros(shape, dtype=torch.long) + vocabulary // 2


def bert(seq, batch=1):
    config = transformers.BertConfig(attn_implementation="sdpa")
    model = transformers.BertModel(config)

    def call(model, ids, mask, types):
        result = model(input_ids=ids, attention_mask=mask, token_type_ids=types)
        return result.last_hidden_state, result.pooler_output

    ids = _ids(config.vocab_size, batch, seq)
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "token_type_ids": torch.zeros_like(ids),
    }
    return model, call, inputs, ["last_hidden_state", "pooler_output"]


def open_bert(seq):
    """Exported for any number of sequences of any length."""
    return *bert(seq, batch=16), {0: "batch", 1: "seq"}


def _image(model):
    def call(model, pixels):
        result = model(pixel_values=pixels)
        return result.last_hidden_state, result.pooler_output

    inputs = {"pixel_values": torch.zeros(1, 3, 224, 224)}
    return model, call, inputs, ["last_hidden_state", "pooler_output"]


def vit():
    return _image(transformers.ViTModel(transformers.ViTConfig(attn_implementation="sdpa")))


def _set_density(model, layers, density, call, inputs):
    """Lets a share of the units of ReLU layers fire on the inputs, layer by layer. Random weights
    let half of them fire, trained models a few percent (arXiv 2210.06313). Where a layer has a
    bias, it moves. Where it has none, as in T5, the weight gets a part against the mean of what the
    layer reads: rows that have a component in common can be sparse without a bias."""
    seen = {}
    with torch.no_grad():
        for layer in layers:
            hook = layer.register_forward_hook(lambda _, given, sums: seen.update(x=given[0], z=sums))
            call(model, *inputs)
            hook.remove()
            x, z = seen["x"].flatten(0, -2), seen["z"].flatten(0, -2)
            if layer.bias is not None:
                layer.bias -= torch.from_numpy(np.quantile(z.numpy(), 1 - density, axis=0))
                continue
            mean = x.mean(0) / x.mean(0).norm()
            # z - c (x mean) > 0 for the share; z falls with c where rows lie along the mean.
            ratio = z / (x @ mean)[:, None]
            layer.weight -= float(np.quantile(ratio.numpy(), 1 - density)) * mean
    return model


def _sparse(model, layers, call, inputs, density=0.05):
    return _set_density(_set_weights(model), layers(model), density, call, tuple(inputs.values()))


def relu_vit():
    """ViT-B/16 with ReLU, of which 5 % of the units fire on random images."""
    config = transformers.ViTConfig(hidden_act="relu", attn_implementation="sdpa")
    model, call, inputs, outputs = _image(transformers.ViTModel(config))
    example = {"pixel_values": torch.randn(16, 3, 224, 224, generator=torch.Generator().manual_seed(1))}
    layers = lambda model: [layer.mlp.fc1 for layer in model.layers]
    return _sparse(model, layers, call, example), call, inputs, outputs


def relu_t5(seq=128):
    """T5-small: the encoder's tokens, and the first of the decoder; 5 % fire on random tokens."""
    config = transformers.T5Config(use_cache=False)
    model = transformers.T5ForConditionalGeneration(config)

    def call(model, ids, first):
        result = model(input_ids=ids, decoder_input_ids=first, use_cache=False)
        return (result.logits,)

    inputs = {"input_ids": _ids(config.vocab_size, 1, seq), "decoder_input_ids": _ids(config.vocab_size, 1, 1)}
    random = torch.Generator().manual_seed(1)
    example = {"ids": torch.randint(config.vocab_size, (1, seq), generator=random),
               "first": torch.randint(config.vocab_size, (1, 1), generator=random)}  # fmt: skip

    def layers(model):
        # Embeddings of trained models have a component in common.
        with torch.no_grad():
            model.shared.weight += 0.2 * torch.randn(config.d_model, generator=random)
        blocks = [*model.encoder.block, *model.decoder.block]
        return [block.layer[-1].DenseReluDense.wi for block in blocks]

    return _sparse(model, layers, call, example), call, inputs, ["logits"]


def swin():
    """Swin-T: Microsoft's swin-tiny-patch4-window7-224, which the defaults are."""
    return _image(transformers.SwinModel(transformers.SwinConfig()))


def gpt2(seq, past):
    """`seq` new tokens behind a cache of `past`; logits and the longer cache."""
    config = transformers.GPT2Config(attn_implementation="sdpa")
    model = transformers.GPT2LMHeadModel(config)
    parts = [f"{i}.{part}" for i in range(config.n_layer) for part in ("key", "value")]

    def call(model, ids, *cache):
        pairs = tuple(zip(cache[::2], cache[1::2]))
        cache = transformers.DynamicCache(pairs) if past else transformers.DynamicCache()
        result = model(input_ids=ids, past_key_values=cache, use_cache=True)
        layers = result.past_key_values.layers
        return (result.logits, *(x for layer in layers for x in (layer.keys, layer.values)))

    inputs = {"input_ids": _ids(config.vocab_size, 1, seq)}
    if past:
        dims = (1, config.n_head, past, config.n_embd // config.n_head)
        inputs.update({f"past_key_values.{part}": torch.zeros(dims) for part in parts})
    return model, call, inputs, ["logits", *(f"present.{part}" for part in parts)]


def whisper():
    """The encoder of Whisper-base on 30 seconds."""
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = transformers.WhisperConfig(
        d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048,
        attn_implementation="sdpa",
    )  # fmt: skip

    def call(model, features):
        return (model(features).last_hidden_state,)

    inputs = {"input_features": torch.zeros(1, 80, 3000)}
    return WhisperEncoder(config), call, inputs, ["last_hidden_state"]


def kat(form, shape=kats.BASE):
    """An image transformer with rational functions in a form, or GELU, one image."""

    def call(model, image):
        return (model(image),)

    image = torch.zeros(1, 3, shape.image, shape.image)
    return kats.Transformer(shape, form), call, {"image": image}, ["logits"]


def kan(kind, *widths, batch=64):
    """A classic network."""

    def call(model, x):
        return (model(x),)

    return kans.Network(kind, widths), call, {"x": torch.zeros(batch, widths[0])}, ["y"]


def token_shuffle(s, side=32):
    """A decoder of an image's tokens that takes windows of s x s together."""

    def call(model, codes):
        return (model(codes),)

    codes = _ids(shuffle.VOCABULARY, 1, side * side)
    return shuffle.Decoder(side, s), call, {"codes": codes}, ["states"]


def informer(steps, channels=7, batch=1, dense=False):
    """Half of the steps are given to the decoder, as by default."""
    shape = informers.Shape(steps, steps // 2, channels=channels)

    def call(model, *inputs):
        return (model(*inputs),)

    given = shape.known + shape.ahead
    inputs = {
        "past": torch.zeros(batch, steps, channels),
        "past_marks": torch.zeros(batch, steps, shape.features),
        "future": torch.zeros(batch, given, channels),
        "future_marks": torch.zeros(batch, given, shape.features),
    }
    return informers.Informer(shape, dense), call, inputs, ["forecast"]


MODULES = {
    "bert-8": lambda: bert(8),
    "bert-32": lambda: bert(32),
    "bert-128": lambda: bert(128),
    "bert-512": lambda: bert(512),
    "bert-ragged-128": lambda: open_bert(128),
    "bert-ragged-512": lambda: open_bert(512),
    "bert-full-128": lambda: open_bert(128),
    "vit": vit,
    "gpt2-prefill": lambda: gpt2(128, 0),
    "gpt2-decode": lambda: gpt2(1, 512),
    "whisper": whisper,
    "swin": swin,
    "relu-vit": relu_vit,
    "relu-t5": relu_t5,
    "kat-t": lambda: kat("stack", kats.TINY),
    "kat-s": lambda: kat("stack", kats.SMALL),
    "kat-b": lambda: kat("stack"),
    "kat-b-horner": lambda: kat("horner"),
    "kat-b-gelu": lambda: kat("gelu"),
    "kan-splines": lambda: kan("efficient", 784, 64, 10),
    "kan-gaussians": lambda: kan("fast", 784, 64, 10),
    "informer-96": lambda: informer(96),
    "informer-336": lambda: informer(336),
    "informer-720": lambda: informer(720),
    "informer-720-wide": lambda: informer(720, 321),
    "informer-720-dense": lambda: informer(720, dense=True),
    "kan-pairs": lambda: kan("pairs", 64, 64, 10),
    "token-shuffle": lambda: token_shuffle(2),
    "token-shuffle-twin": lambda: token_shuffle(1),
}


def make(name):
    model, call, *rest = MODULES[name]()
    # Those whose density was set have their weights.
    if all(parameter.requires_grad for parameter in model.parameters()):
        model = _set_weights(model)
    return Made(_Call(model, call).eval(), *rest)


def export(name, path):
    made = make(name)
    dims = (tuple(made.open_dims for _ in made.inputs),) if made.open_dims else None
    torch.onnx.export(
        made.module,
        tuple(made.inputs.values()),
        path,
        dynamo=True,
        opset_version=OPSET,
        input_names=list(made.inputs),
        output_names=made.outputs,
        external_data=False,
        dynamic_shapes=dims,
        verbose=False,
    )


if __name__ == "__main__":
    export(*sys.argv[1:])
