//===- Probe.h - What the machine can do at this moment -------------------===//

#ifndef WINNOW_DRIVER_PROBE_H
#define WINNOW_DRIVER_PROBE_H

#include "llvm/ADT/StringRef.h"

#include <chrono>

namespace winnow {

/// Of all threads together: by the clock on the wall, and by the CPU time of the
/// threads, which other programs disturb less.
struct ProbeRate {
  double wall = 0, cpu = 0;
};

/// FLOP/s of fused multiply-adds in float32 on registers, by chains that are
/// independent and enough to hide the latency: the most that any kernel can
/// reach. They are of the instruction set that getProbeISA names.
ProbeRate probeFMA(int threads, std::chrono::milliseconds time);

/// Bytes/s of reading memory in order, each thread its own part of an array that
/// no cache holds.
ProbeRate probeBandwidth(int threads, std::chrono::milliseconds time);

/// The size of that array, of all threads together: eight times the last cache and
/// at least 256 MiB, but at most an eighth of the memory.
size_t getProbeBytes();

/// avx512, avx2 or sse: the best that the CPU has.
llvm::StringRef getProbeISA();

} // namespace winnow

#endif // WINNOW_DRIVER_PROBE_H
