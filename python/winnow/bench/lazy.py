"""The Lazy Neuron Phenomenon (arXiv 2210.06313), from training to the compiled model:
python -m winnow.bench.lazy [--output DIR]

Trains a small vision transformer with ReLU on scikit-learn's handwritten digits, and
measures on images that it has not seen (a small penalty on hidden units stands for the
long training in which large models become sparse by themselves)
- which share of the hidden units fires in each layer, as the compiled model counts it,
- what the compiled model gains by leaving the others out, which changes nothing, and
- how accurate the model is when it keeps only k units of each token (the Top-k
  Transformer), by --approximate=topk-activation and by its threshold, statistical-topk, and
- how many of the units that fire --approximate=predict-activation finds.
Leaves a table on the standard output, lazy.json and lazy.svg in the folder."""

import json
import os
import re
import subprocess
import time

import numpy as np

import winnow

from . import machine, plot, script, stats

WIDTH, HIDDEN, LAYERS, HEADS, SIDE, PATCH = 64, 512, 3, 4, 8, 2
TOKENS = (SIDE // PATCH) ** 2
SHARES = (0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005)
EPOCHS = 30
PENALTY = 1.0  # of the mean of the hidden units


def load_digits():
    """-> images [n, 16, 4] as patches, labels [n]; the last 500 are for the test"""
    from sklearn.datasets import load_digits as load

    data = load()
    images = (data.images.astype(np.float32) / 8 - 1).reshape(-1, 4, PATCH, 4, PATCH)
    order = np.random.default_rng(0).permutation(len(images))
    return images.transpose(0, 1, 3, 2, 4).reshape(-1, TOKENS, PATCH * PATCH)[order], data.target[order]


def make_model():
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.first, self.second = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

        def forward(self, x):
            batch = x.shape[0]
            q, k, v = self.qkv(self.norm1(x)).reshape(batch, TOKENS, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
            mixed = nn.functional.scaled_dot_product_attention(q, k, v)
            x = x + self.out(mixed.transpose(1, 2).reshape(batch, TOKENS, WIDTH))
            self.hidden = torch.relu(self.first(self.norm2(x)))
            return x + self.second(self.hidden)

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(PATCH * PATCH, WIDTH)
            self.places = nn.Parameter(torch.randn(1, TOKENS, WIDTH) / 50)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10)

        def forward(self, x):
            x = self.embed(x) + self.places
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x).mean(1))

    return Classifier()


def train(path, say):
    """Writes the trained model."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(machine.cpus())
    images, labels = (torch.from_numpy(array) for array in load_digits())
    images, labels = images[:-500], labels[:-500]
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2e-3, epochs=EPOCHS, steps_per_epoch=-(-len(images) // 64))  # fmt: skip
    for epoch in range(1, EPOCHS + 1):
        fired = []
        for chosen in torch.randperm(len(images)).split(64):
            loss = torch.nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
            penalty = PENALTY * sum(block.hidden.mean() for block in model.blocks)
            optimizer.zero_grad()
            (loss + penalty).backward()
            optimizer.step()
            schedule.step()
            fired.append(np.mean([float((block.hidden > 0).float().mean()) for block in model.blocks]))
        if epoch % 10 == 0:
            say(f"epoch {epoch}: loss {float(loss.detach()):.3f}, {np.mean(fired):.3f} of the hidden units fire")
    model.eval()
    torch.onnx.export(model, (images[:2],), path, input_names=["patches"], output_names=["scores"],
                      dynamic_axes={"patches": {0: "batch"}}, opset_version=17, dynamo=False)  # fmt: skip


class Compiled:
    def __init__(self, model, folder, *options):
        self.said = machine.compile_model(model, folder, options).get("approximations", [])
        self.folder, self.session = folder, winnow.Session(folder, threads=1)

    def scores(self, images):
        return self.session.run(None, {"patches": images})[0]

    def accuracy(self, images, labels):
        return float((self.scores(images).argmax(-1) == labels).mean())

    def densities(self, images):
        """The share of units that are not zero in each sparse layer, in their order."""
        inputs = os.path.join(self.folder, "inputs.npz")
        np.savez(inputs, patches=images)
        command = [machine.winnow_tool(), "run", self.folder, "--inputs", inputs, "--outputs",
                   os.path.join(self.folder, "outputs.npz"), "--stats", "--threads", "1"]  # fmt: skip
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [float(share) for share in re.findall(r"^ +([\d.]+) .*sparse_linear", said, re.M)]


def time_of(run):
    begin = time.thread_time()
    run()
    return time.thread_time() - begin


def gain(sparse, dense, images, rounds=200):
    """How many times as long the dense model takes, with the interval."""
    times = np.array([[time_of(lambda m=m: m.scores(images[i % len(images)][None])) for m in (sparse, dense)]
                      for i in range(rounds)])  # fmt: skip
    return stats.ratio(times[:, 0], times[:, 1])


def predicted(model, folder, runs=600):
    """The model with predictors that are fitted to images of the training, one a run."""
    data = os.path.join(folder, "calibration")
    os.makedirs(data, exist_ok=True)
    for number, image in enumerate(load_digits()[0][:runs]):
        np.savez(os.path.join(data, f"{number:04}.npz"), patches=image[None])
    return Compiled(model, os.path.join(folder, "predicted"), "--approximate=predict-activation",
                    f"--calibration={data}")  # fmt: skip


def draw(path, result):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "winnow", "font.size": 8})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 3))
    for name, label in (("topk-activation", "the k greatest"), ("statistical-topk", "above a threshold")):
        points = result["curve"][name]
        axes.plot([p["share"] for p in points], [p["accuracy"] for p in points], marker="o", markersize=3, label=label)
    axes.axhline(result["accuracy"], color="black", linewidth=0.8, label="all that fire")
    axes.set_xscale("log")
    axes.set_xlabel(f"share of {HIDDEN} hidden units that a token keeps")
    axes.set_ylabel("accuracy")
    axes.grid(linewidth=0.3)
    axes.legend()
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def run(folder, say=print):
    script.require("torch", "scikit-learn")
    plot.require()
    os.makedirs(folder, exist_ok=True)
    model = os.path.join(folder, "digits.onnx")
    train(model, say)
    images, labels = (array[-500:] for array in load_digits())
    sparse = Compiled(model, os.path.join(folder, "sparse"))
    dense = Compiled(model, os.path.join(folder, "dense"), "--exploit-sparsity=off")
    want = dense.scores(images)
    result = {
        "accuracy": dense.accuracy(images, labels),
        "densities": sparse.densities(images[:64]),
        "difference": float(np.abs(sparse.scores(images) - want).max() / np.abs(want).max()),
        "gain": gain(sparse, dense, images),
        "curve": {},
    }
    for technique in ("topk-activation", "statistical-topk"):
        points = result["curve"][technique] = []
        for share in SHARES:
            kept = Compiled(model, os.path.join(folder, f"{technique}-{share}"), f"--approximate={technique}={share}")
            points.append({"share": share, "accuracy": kept.accuracy(images, labels),
                           "densities": kept.densities(images[:64])})  # fmt: skip
    predictors = predicted(model, folder)
    result["predicted"] = {"accuracy": predictors.accuracy(images, labels), "said": predictors.said,
                           "gain": gain(predictors, dense, images)}  # fmt: skip
    densities = ", ".join(f"{share:.3f}" for share in result["densities"])
    middle, low, high = result["gain"]
    say(f"{densities} of the units fire in the layers; accuracy {result['accuracy']:.3f}")
    say(f"left out: {middle:.2f} [{low:.2f}, {high:.2f}] times as fast, one image on one thread; "
        f"largest difference {result['difference']:.0e} of the scores")  # fmt: skip
    say("share kept   the greatest   above a threshold (densities)")
    for exact, rough in zip(*result["curve"].values()):
        shares = ", ".join(f"{share:.3f}" for share in rough["densities"])
        say(f"{exact['share']:10.3f}   {exact['accuracy']:12.3f}   {rough['accuracy']:17.3f} ({shares})")
    middle, low, high = result["predicted"]["gain"]
    say(f"predicted: accuracy {result['predicted']['accuracy']:.3f}, {middle:.2f} [{low:.2f}, {high:.2f}] times "
        f"as fast; {'; '.join(predictors.said)}")  # fmt: skip
    with open(os.path.join(folder, "lazy.json"), "w") as file:
        json.dump(result, file, indent=2)
    draw(os.path.join(folder, "lazy.svg"), result)
    return result


def main():
    parser = script.make_parser("lazy", __doc__)
    with script.reporting():
        run(parser.parse_args().output)


if __name__ == "__main__":
    main()
