"""OpenVINO's CPU plugin."""

from . import Loaded

TITLE = "OpenVINO"
PACKAGE, IMPORT, NEEDS = "openvino", "openvino", ()


def load(job):
    import openvino

    core = openvino.Core()
    model = core.read_model(job["model"])
    compiled = core.compile_model(
        model,
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(job["threads"]),
            # Its default is bfloat16 where the CPU has it.
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = compiled.create_infer_request()
    outputs = compiled.outputs

    def run(feeds):
        return request.infer(feeds, share_inputs=True, share_outputs=True)

    def arrays(results):
        return [results[output] for output in outputs]

    return Loaded([output.get_any_name() for output in outputs], run, arrays=arrays)
