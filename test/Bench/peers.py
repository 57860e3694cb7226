# RUN: %python %s
"""A peer that does not answer in time is given up, with the reason."""

import os
import signal

from winnow.bench import peers
from winnow.bench.errors import BenchError

with peers.Peer("onnxruntime") as peer:
    os.kill(peer.process.pid, signal.SIGSTOP)
    try:
        peer.ask("peak", 1)
        assert False
    except BenchError as error:
        assert str(error) == "peak: no answer in 1 s", error
