"""PyTorch on valid tokens alone, as someone would write it by hand: the modules
of BERT on [tokens, width], and attention for each sequence."""

from . import Loaded
from . import torch as eager

TITLE = "PyTorch, packed"
PACKAGE, IMPORT, NEEDS = "torch", "torch", ("module", "ragged")
setup = eager.setup


def load(job):
    import torch
    import transformers
    from torch.nn.functional import scaled_dot_product_attention

    made = job["made"]
    model = made.module.model
    if not isinstance(model, transformers.BertModel):
        raise ValueError(f"it has packed BERT only, not {type(model).__name__}")
    head_dim = model.config.hidden_size // model.config.num_attention_heads

    def embed(ids, types, positions):
        tables = model.embeddings
        x = tables.word_embeddings(ids) + tables.token_type_embeddings(types)
        return tables.LayerNorm(x + tables.position_embeddings(positions))

    def attend(project, x, lengths):
        def heads(linear):
            # A [1, heads, length, head_dim] for each sequence.
            parts = linear(x).unflatten(-1, (-1, head_dim)).split(lengths)
            return [part.transpose(0, 1)[None] for part in parts]

        each = zip(heads(project.query), heads(project.key), heads(project.value))
        contexts = [scaled_dot_product_attention(*parts) for parts in each]
        return torch.cat([context[0].transpose(0, 1).flatten(1) for context in contexts])

    def prepare(feeds):
        arrays = {name: torch.from_numpy(feeds[name]) for name in made.inputs}
        valid = arrays["attention_mask"] != 0
        lengths = valid.sum(1)
        return {
            "ids": arrays["input_ids"][valid],
            "types": arrays["token_type_ids"][valid],
            "positions": valid.nonzero()[:, 1],
            "lengths": lengths.tolist(),
            "firsts": lengths.cumsum(0) - lengths,
            "valid": valid,
        }

    def run(batch):
        with torch.inference_mode():
            x = embed(batch["ids"], batch["types"], batch["positions"])
            for layer in model.encoder.layer:
                context = attend(layer.attention.self, x, batch["lengths"])
                x = layer.attention.output(context, x)
                x = layer.output(layer.intermediate(x), x)
            pooler = model.pooler
            pooled = pooler.activation(pooler.dense(x[batch["firsts"]]))
        return x, pooled, batch["valid"]

    def arrays(results):
        x, pooled, valid = results
        hidden = torch.zeros(*valid.shape, x.shape[1])
        hidden[valid] = x
        return [hidden.numpy(), pooled.numpy()]

    return Loaded(list(made.outputs), run, prepare, arrays)
