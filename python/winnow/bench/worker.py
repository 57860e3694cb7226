"""One peer of a benchmark in a process of its own: reads one JSON request a
line, writes one JSON answer a line. See peers.py."""

import json
import os
import sys
import time


def make_run(engine, model, threads):
    """-> (run(feeds) -> list of arrays, output names)"""
    if engine == "winnow":
        import winnow

        session = winnow.Session(model, threads=threads)
        names = [output.name for output in session.get_outputs()]
    else:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
    return (lambda feeds: session.run(None, feeds)), names


def peak_bytes():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def main():
    # Answers keep the real stdout to themselves, whatever a library prints.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import numpy as np

    run = names = feeds = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        if request["do"] == "load":
            begin = time.monotonic()
            run, names = make_run(request["engine"], request["model"], request["threads"])
            answer = {"seconds": time.monotonic() - begin, "outputs": names}
        elif request["do"] == "feeds":
            with np.load(request["path"]) as file:
                feeds = {name: file[name] for name in file.files}
        elif request["do"] == "outputs":
            # Numbered: an ONNX name such as onnx::Shape_422 may hold a slash.
            results = run(feeds)
            np.savez(request["path"], *results)
        elif request["do"] == "time":
            for _ in range(request["warm_up"]):
                run(feeds)
            wall, cpu = [], []
            for _ in range(request["runs"]):
                wall_begin, cpu_begin = time.perf_counter(), time.process_time()
                run(feeds)
                cpu.append(time.process_time() - cpu_begin)
                wall.append(time.perf_counter() - wall_begin)
            answer = {"wall": wall, "cpu": cpu}
        elif request["do"] == "peak":
            answer = {"bytes": peak_bytes()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
