"""Informer on a time series, from training to the compiled model:
python -m winnow.bench.forecast [--output DIR]

Makes a series of known structure (cycles of a day, a week and others that the calendar does not
tell, a trend, noise that dies away), trains an Informer with ProbSparse attention on it and its
twin with dense attention, and measures on steps that come after those of the training
(in blocks of 250 hours: every second one is for calibration)
- the forecast errors that PyTorch, ONNX Runtime and the compiled models have, and
- what `--approximate=probsparse --accuracy-budget=mse-growth=0.01` makes of the dense twin, whose
  error may grow by 1 % then: what each layer costs and saves on calibration data, which ones are
  chosen, and what becomes of the whole model. The same of other factors and budgets.
Leaves tables on the standard output and forecast.json in the folder."""

import concurrent.futures
import json
import multiprocessing
import os
import re
import time

import numpy as np

import winnow

from . import script, stats

HOURS, CHANNELS = 20000, 4
STEPS, KNOWN, AHEAD = 720, 48, 48
TRAIN = 0.7  # of the series; then calibration and test have blocks of so many hours in turns
BLOCK = 250
WIDTH, HEADS, FFN, ENCODERS = 128, 4, 256, 3
BATCH, UPDATES, RATE = 8, 700, 1e-3
CALIBRATION, TEST = 240, 120  # windows
FACTORS = (10, 5)
BUDGETS = (0.01, 0.1)


# The series


def make_series(seed=0):
    """-> values [hours, channels], scaled by what training sees; features of time [hours, 4]"""
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS)
    day, weekday = hour % 24 / 24, hour // 24 % 7
    values = np.empty((HOURS, CHANNELS))
    for channel, period in zip(range(CHANNELS), (61, 89, 113, 151)):
        phase = rng.uniform(0, 2 * np.pi, 4)
        drift = lambda: 1 + 0.4 * np.sin(2 * np.pi * hour / rng.uniform(2000, 5000) + rng.uniform(0, 6))
        daily = np.sin(2 * np.pi * day + phase[0]) + 0.5 * np.sin(4 * np.pi * day + phase[1])
        daily = daily * np.where(weekday < 5, 1, 0.4) * drift()
        weekly = 0.5 * np.sin(2 * np.pi * hour / 168 + phase[2])
        hidden = 0.8 * np.sin(2 * np.pi * hour / period + phase[3]) * drift()
        noise, shock = np.zeros(HOURS), rng.normal(0, 0.25, HOURS)
        for i in range(1, HOURS):
            noise[i] = 0.8 * noise[i - 1] + shock[i]
        trend = 0.5 * np.sin(2 * np.pi * hour / rng.uniform(9000, 14000))
        values[:, channel] = daily + weekly + hidden + trend + noise
    seen = values[: int(TRAIN * HOURS)]
    values = (values - seen.mean(0)) / seen.std(0)
    marks = np.stack([day, weekday / 6, hour // 24 % 30 / 29, hour // 24 % 365 / 364], -1) - 0.5
    return values.astype(np.float32), marks.astype(np.float32)


def window(series, begin):
    """-> a run's inputs and what the forecast should be; the future is not among the inputs"""
    values, marks = series
    now, first = begin + STEPS, begin + STEPS - KNOWN
    future = values[first : now + AHEAD].copy()
    future[KNOWN:] = 0
    return {"past": values[begin:now], "past_marks": marks[begin:now],
            "future": future, "future_marks": marks[first : now + AHEAD]}, values[now : now + AHEAD]  # fmt: skip


def windows(series, begins):
    """The same of many, in batches."""
    inputs, targets = zip(*(window(series, begin) for begin in begins))
    return {name: np.stack([one[name] for one in inputs]) for name in inputs[0]}, np.stack(targets)


def held_out(count, is_test):
    """Where windows begin whose forecasts are in every second block after the training."""
    starts = range(int(TRAIN * HOURS), HOURS - BLOCK + 1, BLOCK)[is_test::2]
    each = count // len(starts)
    return np.concatenate([np.linspace(start, start + BLOCK - AHEAD, each) for start in starts]).astype(int) - STEPS


# The models


def make_model(dense):
    from . import informer

    shape = informer.Shape(STEPS, KNOWN, AHEAD, CHANNELS, 4, WIDTH, HEADS, FFN, ENCODERS)
    return informer.Informer(shape, dense)


def train(model, series, say):
    import torch

    rng = np.random.default_rng(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2 * RATE, total_steps=UPDATES)
    losses = []
    for update in range(1, UPDATES + 1):
        begins = rng.integers(0, int(TRAIN * HOURS) - STEPS - AHEAD, BATCH)
        inputs, targets = windows(series, begins)
        forecast = model(*(torch.from_numpy(array) for array in inputs.values()))
        loss = torch.nn.functional.mse_loss(forecast, torch.from_numpy(targets))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if update % 100 == 0:
            say(f"update {update}: MSE {np.mean(losses[-100:]):.4f}")


def weights_of(folder, name):
    return os.path.join(folder, f"{name}.pt")


def train_and_save(folder, name):
    import torch

    torch.manual_seed(0)
    # Each model has a process and a core of its own.
    torch.set_num_threads(1)
    model, begin = make_model(name == "dense"), time.monotonic()
    train(model, make_series(), lambda text: print(f"{name}, {text}", flush=True))
    print(f"{name}, trained in {time.monotonic() - begin:.0f} s", flush=True)
    torch.save(model.state_dict(), weights_of(folder, name))


def train_missing(folder, names, say):
    """Weights of an earlier run are taken as they are."""
    names = [name for name in names if not os.path.exists(weights_of(folder, name))]
    if not names:
        return
    say(f"trains {' and '.join(names)}")
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(len(names), context) as pool:
        list(pool.map(train_and_save, [folder] * len(names), names))


def exported(folder, name, series):
    """-> the module and its file"""
    import torch

    model, path = make_model(name == "dense"), os.path.join(folder, f"{name}.onnx")
    model.load_state_dict(torch.load(weights_of(folder, name)))
    model.eval()
    inputs, _ = windows(series, [0])
    torch.onnx.export(model, tuple(map(torch.from_numpy, inputs.values())), path, dynamo=True, opset_version=18,
                      input_names=list(inputs), output_names=["forecast"], external_data=False,
                      verbose=False)  # fmt: skip
    return model, path


# Engines, each a function of one window's inputs


def of_torch(model):
    import torch

    def run(inputs):
        with torch.no_grad():
            return model(*map(torch.from_numpy, inputs.values())).numpy()

    return run


def of_onnxruntime(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


def of_winnow(path, folder, **options):
    winnow.compile(path, folder, **options)
    session = winnow.Session(folder, threads=1)
    run = lambda inputs: session.run(None, inputs)[0]
    run.report = session.report["passes"]
    return run


def forecasts(run, inputs):
    return np.concatenate([run({name: array[i : i + 1] for name, array in inputs.items()})
                           for i in range(len(inputs["past"]))])  # fmt: skip


def errors(forecast, targets):
    difference = forecast.astype(np.float64) - targets
    return {"mse": float((difference**2).mean()), "mae": float(np.abs(difference).mean())}


def gain(fast, slow, inputs, rounds=60):
    """How many times as long `slow` takes, by the CPU time of one thread, with the interval."""
    times = []
    for i in range(rounds):
        one = {name: array[i % len(array)][None] for name, array in inputs.items()}
        row = []
        for run in (fast, slow):
            begin = time.thread_time()
            run(one)
            row.append(time.thread_time() - begin)
        times.append(row)
    times = np.array(times[5:])
    return {"ratio": stats.ratio(times[:, 0], times[:, 1]), "ms": [float(1e3 * t) for t in np.median(times, 0)]}


# What the pass chose


def read_layers(report):
    """-> by number of tokens, what the cost model says of each layer"""
    layers = {}
    for site in report:
        used = re.match(r"attends with (\d+) of (\d+) queries .*: (\d+) %", site["sentence"])
        if used and site["code"] == "use-probsparse.used":
            kept, tokens, saved = map(int, used.groups())
            layers[tokens] = {"tokens": tokens, "kept": kept, "saved": saved / 100, "location": site["location"]}
    return layers


def read_growth(sentence):
    return float(re.search(r"MSE growth (\S+?),? ", sentence)[1])


def rewrite(path, folder, factor, calibration, judge):
    """Each layer alone, and what the budgets allow; `judge(run)` is what becomes of a model."""
    compile = lambda name, **options: of_winnow(
        path, os.path.join(folder, f"{name}-{factor}"), approximate=f"probsparse={factor}", **options
    )
    layers = read_layers(compile("all").report)
    # No layer is within this budget, so that each is measured alone.
    alone = compile("alone", calibration=calibration, accuracy_budget={"max-abs": 0})
    for layer in layers.values():
        (said,) = [site["sentence"] for site in alone.report
                   if site["code"] == "accuracy.undone" and site["location"] == layer["location"]]  # fmt: skip
        layer["growth"] = read_growth(said)
    row = {"factor": factor, "layers": list(layers.values()), "budgets": []}
    row["refused"] = [site["sentence"] for site in alone.report
                      if site["code"].startswith("use-probsparse.") and not site["applied"]]  # fmt: skip
    for budget in BUDGETS:
        chosen = compile(f"budget-{budget}", calibration=calibration, accuracy_budget={"mse-growth": budget})
        measured = [site["sentence"] for site in chosen.report if site["code"] == "accuracy.measured"]
        row["budgets"].append({"budget": budget, "chosen": list(read_layers(chosen.report)),
                               "growth": read_growth(measured[0]) if measured else 0.0, **judge(chosen)})  # fmt: skip
    return row


# The tables


def error_table(results):
    yield "| model | engine | MSE | MAE | largest difference from PyTorch |"
    yield "|---|---|---|---|---|"
    for name, engines in results["errors"].items():
        for engine, row in engines.items():
            difference = f"{row['difference']:.1e}" if row.get("difference") is not None else ""
            yield f"| {name} | {engine} | {row['mse']:.6f} | {row['mae']:.6f} | {difference} |"


def layer_table(results):
    yield "| factor | layer of the encoder | queries and samples | work of attention saved | MSE growth alone |"
    yield "|---|---|---|---|---|"
    for row in results["rewritten"]:
        for layer in row["layers"]:
            yield (f"| {row['factor']} | {layer['tokens']} tokens | {layer['kept']} | {layer['saved']:.0%} | "
                   f"{layer['growth']:.2%} |")  # fmt: skip


def budget_table(results):
    yield "| factor | budget | layers chosen | MSE growth, calibration | MSE growth, test | MSE | ms | times as fast |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in results["rewritten"]:
        for found in row["budgets"]:
            middle, low, high = found["time"]["ratio"]
            chosen = ", ".join(map(str, found["chosen"])) or "none"
            yield (f"| {row['factor']} | {found['budget']:.0%} | {chosen} | {found['growth']:.2%} | "
                   f"{found['test_growth']:.2%} | {found['mse']:.6f} | {found['time']['ms'][0]:.2f} | "
                   f"{middle:.2f} [{low:.2f}, {high:.2f}] |")  # fmt: skip


def run(folder, say=print):
    script.require("torch")
    os.makedirs(folder, exist_ok=True)
    series = make_series()
    begins = held_out(TEST, is_test=True)
    inputs, targets = windows(series, begins)
    results = {"errors": {}, "rewritten": []}
    # A forecast that a model has to beat.
    week = np.stack([series[0][begin + STEPS - 168 : begin + STEPS - 168 + AHEAD] for begin in begins])
    results["errors"]["the last week again"] = {"": errors(week, targets)}
    train_missing(folder, ("informer", "dense"), say)
    for name in ("informer", "dense"):
        model, path = exported(folder, name, series)
        want = forecasts(of_torch(model), inputs)
        rows = results["errors"][name] = {"PyTorch": errors(want, targets)}
        for engine, make in (("ONNX Runtime", lambda: of_onnxruntime(path)),
                             ("Winnow", lambda: of_winnow(path, os.path.join(folder, name)))):  # fmt: skip
            got = forecasts(make(), inputs)
            rows[engine] = errors(got, targets) | {"difference": stats.largest_difference(got, want)}
    for line in error_table(results):
        say(line)
    exact = of_winnow(path, os.path.join(folder, "dense"))
    before = errors(forecasts(exact, inputs), targets)["mse"]
    data = os.path.join(folder, "calibration")
    os.makedirs(data, exist_ok=True)
    for i, begin in enumerate(held_out(CALIBRATION, is_test=False)):
        feeds, target = windows(series, [begin])
        np.savez(os.path.join(data, f"{i:02}.npz"), **feeds, forecast=target)

    def judge(run):
        found = errors(forecasts(run, inputs), targets)
        return found | {"test_growth": found["mse"] / before - 1, "time": gain(run, exact, inputs)}

    for factor in FACTORS:
        results["rewritten"].append(rewrite(path, folder, factor, data, judge))
    for table in (layer_table, budget_table):
        say("")
        for line in table(results):
            say(line)
    for sentence in results["rewritten"][-1]["refused"]:
        say(f"not rewritten: {sentence}")
    with open(os.path.join(folder, "forecast.json"), "w") as file:
        json.dump(results, file, indent=1)
    return results


def main():
    parser = script.make_parser("forecast", __doc__)
    with script.reporting():
        run(parser.parse_args().output)


if __name__ == "__main__":
    main()
