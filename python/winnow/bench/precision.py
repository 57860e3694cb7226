"""Bits by relevance and by sensitivity beside other ways to spend as many:
python -m winnow.bench.precision [--output DIR] [--seeds N]

Models: paraphrase-MiniLM-L3-v2 and all-MiniLM-L6-v2 on sentences of the Python manual, and the small
vision transformer of winnow.bench.lazy on handwritten digits. Each is calibrated on N draws of samples;
a mix of 4, 6 and 8 bits is chosen for each draw by `winnow compile --approximate=assign-precision`, and
run on samples that no draw has seen, beside one width for all layers, random mixes and mixes that
spend the bits on the smallest layers first. Weights are rounded as quantised layers round them, and
inputs to 8 bits, by rows, with channels scaled and biases corrected by what the first draw says of them. Leaves a table on the standard output
and precision.json in the folder."""

import json
import os

import numpy as np

import winnow

from . import corpus, lazy, machine, minilm, script

WIDTHS = (4, 6, 8)
CALIBRATION, HELD_OUT, BATCH = 128, 256, 16
SCORES = ("relevance", "sensitivity", "both")


# Models


class Sentences:
    """A sentence encoder; seen and held-out texts are apart."""

    def __init__(self, path, output, dims):
        self.path, self.output, self.dims = path, output, dims
        texts = corpus.sentences()
        self.held_out = corpus.encode(texts[:HELD_OUT])
        self.texts = texts[HELD_OUT:]

    def calibration(self, seed):
        chosen = np.random.default_rng(seed).choice(len(self.texts), CALIBRATION, replace=False)
        return corpus.encode(self.texts[i] for i in chosen)

    def metrics(self, got, exact):
        got, exact = (a.reshape(-1, a.shape[-1]).astype(np.float64) for a in (got, exact))
        norms = np.linalg.norm(got, axis=1) * np.linalg.norm(exact, axis=1)
        return {"error": np.linalg.norm(got - exact) / np.linalg.norm(exact),
                "cosine": float(np.mean((got * exact).sum(1) / norms))}  # fmt: skip


class Digits:
    """The vision transformer; images of the test are held out."""

    output = "scores"

    def __init__(self, path):
        self.path, self.dims = path, lambda batch: {"batch": batch}
        images, self.labels = lazy.load_digits()
        self.images, count = images[:-500], 496  # whole batches
        self.held_out = {"patches": images[-count:]}
        self.labels = self.labels[-count:]

    def calibration(self, seed):
        chosen = np.random.default_rng(seed).choice(len(self.images), CALIBRATION, replace=False)
        return {"patches": self.images[chosen]}

    def metrics(self, got, exact):
        got, exact = (a.reshape(-1, a.shape[-1]).astype(np.float64) for a in (got, exact))
        return {"error": np.linalg.norm(got - exact) / np.linalg.norm(exact),
                "accuracy": float((got.argmax(1) == self.labels).mean())}  # fmt: skip


def export_l6(path):
    """all-MiniLM-L6-v2 from its package, with the mean of the tokens as the sentence."""
    import torch
    import transformers

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            folder = os.path.join(corpus.package_folder(), "model")
            self.model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask):
            tokens = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
            return (tokens * mask).sum(1) / mask.sum(1).clamp(min=1e-9)

    example = corpus.encode(["One sentence to export with.", "And another one."])
    batch = torch.export.Dim("batch", min=1, max=512)
    torch.onnx.export(
        Encoder(), tuple(map(torch.from_numpy, example.values())), path, dynamo=True, opset_version=18,
        input_names=list(example), output_names=["sentence"], external_data=False,
        dynamic_shapes=({0: batch}, {0: batch}), verbose=False)  # fmt: skip


def subjects(folder, names, say):
    if "l3" in names:
        yield "paraphrase-MiniLM-L3-v2", Sentences(
            minilm.model_path(), minilm.SENTENCE, lambda batch: minilm.dims(batch, corpus.LENGTH)
        )
    if "l6" in names:
        path = os.path.join(folder, "minilm-l6.onnx")
        if not os.path.exists(path):
            export_l6(path)
        yield "all-MiniLM-L6-v2", Sentences(path, "sentence", lambda batch: {"batch": batch})
    if "digits" in names:
        path = os.path.join(folder, "digits.onnx")
        if not os.path.exists(path):
            lazy.train(path, say)
        yield "vision transformer, digits", Digits(path)


# Ways to spend bits


def weights_of(sites):
    return np.array([site["inputs"] * site["outputs"] for site in sites])


def byte_count(sites, widths):
    """With a scale of four bytes for each output, and with 4 bits half a byte for each 32 inputs."""
    blocks = [-(-site["inputs"] // 32) if bits <= 4 else 0 for site, bits in zip(sites, widths)]
    scales = sum(site["outputs"] * (4 + count / 2) for site, count in zip(sites, blocks))
    return int((weights_of(sites) * np.array(widths)).sum() / 8 + scales)


def fill(sites, size, limit, order, steps):
    """Sites in this order get as many more bits as the limit allows."""
    widths = [min(WIDTHS)] * len(sites)
    for index in order:
        for bits in steps(index):
            tried = widths[:index] + [bits] + widths[index + 1 :]
            if bits > widths[index] and size(sites, tried) <= limit:
                widths = tried
                break
    return widths


def by_size(sites, size, limit):
    order = sorted(range(len(sites)), key=lambda index: (weights_of(sites)[index], index))
    return fill(sites, size, limit, order, lambda index: (8, 6))


def at_random(sites, size, limit, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sites))
    widths = fill(sites, size, limit, order, lambda index: rng.permutation([6, 8]).tolist())
    return widths


def assigned(subject, folder, calibration, budget, by):
    """The widths that the compiler chooses, by site."""
    name = os.path.join(folder, "assigned")
    options = [f"--dim={key}={value}" for key, value in subject.dims(1).items()]
    argument = f"assign-precision={calibration},{budget},by={by}"
    machine.compile_model(subject.path, name, [*options, f"--approximate={argument}", "--emit=obj"])
    (report,) = [file for file in os.listdir(name) if file.endswith(".json")]
    with open(os.path.join(name, report)) as file:
        return {row["name"]: row["bits"] for row in json.load(file)["precision"]}


# Measuring


def measure(subject, folder, seeds, say):
    """-> {budget: {way: [metrics of each draw]}}"""
    calibrations, files = [], []
    for seed in range(seeds):
        files.append(os.path.join(folder, f"calibration-{seed}.json"))
        calibrations.append(winnow.calibrate(
            subject.path, subject.calibration(seed), output=files[-1], relevance_output=subject.output,
            dim=subject.dims(1), sensitivity_samples=8,
            moments=os.path.join(folder, f"calibration-{seed}.moments")))  # fmt: skip
        say(f"  calibrated on draw {seed}")
    every = calibrations[0]["sites"]
    sites = [site for site in every if site["kind"] == "linear"]
    count_bits = lambda sites, widths: int((weights_of(sites) * np.array(widths)).sum())
    same_bytes = byte_count(sites, [6] * len(sites))
    budgets = {
        "5 bits a weight": ("bits=5", count_bits, 5 * weights_of(sites).sum(), 5),
        "bytes of 6 bits": (f"bytes={same_bytes}", byte_count, same_bytes, 6),
    }
    plans = [("all", "8 bits", [8] * len(sites)), ("all", "4 bits", [4] * len(sites))]
    for budget, (option, size, limit, uniform) in budgets.items():
        plans.append((budget, f"{uniform} bits for all", [uniform] * len(sites)))
        plans.append((budget, "smallest layers first", by_size(sites, size, limit)))
        for seed in range(seeds):
            plans.append((budget, "at random", at_random(sites, size, limit, seed)))
            for by in SCORES:
                chosen = assigned(subject, folder, files[seed], option, by)
                plans.append((budget, f"by {by}", [chosen[site["name"]] for site in sites]))
    widths = [dict(zip((site["name"] for site in sites), plan)) for _, _, plan in plans]
    assignments = os.path.join(folder, "assignments.json")
    with open(assignments, "w") as file:
        json.dump([[plan.get(site["name"], 32) for site in every] for plan in widths], file)
    outputs = os.path.join(folder, "outputs.npz")
    say(f"  runs {len(plans)} mixes")
    # What is known of inputs comes from the first draw, and not from the samples that are held out.
    winnow.calibrate(
        subject.path, subject.held_out, relevance_output=subject.output, dim=subject.dims(BATCH),
        sensitivity_samples=0, assignments=assignments, assignment_calibration=files[0],
        assignment_outputs=outputs)  # fmt: skip
    result = {}
    with np.load(outputs) as arrays:
        exact = arrays["exact"]
        for number, (budget, way, plan) in enumerate(plans):
            found = subject.metrics(arrays[str(number)], exact)
            found["bits"] = count_bits(sites, plan) / int(weights_of(sites).sum())
            found["bytes"] = byte_count(sites, plan)
            found["widths"] = plan
            result.setdefault(budget, {}).setdefault(way, []).append(found)
        result["all"]["floats"] = [subject.metrics(exact, exact) | {"bits": 32, "bytes": 4 * int(weights_of(sites).sum())}]
    return result


def table(title, result):
    quality = "accuracy" if "accuracy" in result["all"]["floats"][0] else "cosine"
    yield f"| {title} | bits | MB | relative error | {quality} |"
    yield "|---|---|---|---|---|"
    for budget, ways in result.items():
        for way, draws in ways.items():
            values = lambda key: np.array([draw[key] for draw in draws])
            spread = f" ± {values('error').std():.4f}" if len(draws) > 1 else ""
            name = way if budget == "all" else f"{budget}: {way}"
            yield (f"| {name} | {values('bits').mean():.2f} | {values('bytes').mean() / 1e6:.2f} | "
                   f"{values('error').mean():.4f}{spread} | {values(quality).mean():.5f} |")  # fmt: skip


def run(folder, seeds, names, say=print):
    script.require("torch", "scikit-learn", "transformers", "tokenizers")
    os.makedirs(folder, exist_ok=True)
    results = {}
    for title, subject in subjects(folder, names, say):
        say(title)
        results[title] = measure(subject, folder, seeds, say)
        for line in table(title, results[title]):
            say(line)
    with open(os.path.join(folder, "precision.json"), "w") as file:
        json.dump(results, file, indent=1)
    return results


def main():
    parser = script.make_parser("precision", __doc__)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="draws of samples, default 5")
    parser.add_argument("--models", default="l3,l6,digits", metavar="LIST", help="of l3, l6, digits")
    arguments = parser.parse_args()
    with script.reporting():
        run(arguments.output, arguments.seeds, arguments.models.split(","))


if __name__ == "__main__":
    main()
