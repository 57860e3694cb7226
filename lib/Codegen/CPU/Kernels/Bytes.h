//===- Bytes.h - Arithmetic on vectors of bytes ---------------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_BYTES_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_BYTES_H

#include "Emitter.h"
#include "winnow/Support/CPULevel.h"

namespace winnow::cpu {

/// Bytes in a lane of 32 bits.
constexpr int64_t kBytes = 4;

mlir::VectorType bytesOf(Emitter &e, int64_t lanes);
mlir::VectorType wordsOf(Emitter &e, int64_t lanes);

/// The four bytes of a memref of i8 from `indices` on, in each lane; those that `mask` leaves out are 0.
/// With `flip` their top bits are turned: what was signed is unsigned then, and greater by 128.
Value spreadBytes(Emitter &e, Value memref, ValueRange indices, int64_t lanes, Value mask, bool flip);

/// sum + x w, four products a lane, exactly, of unsigned x and signed w:
///
/// - with VNNI in one instruction (vpdpbusd);
/// - otherwise of even and odd bytes apart, each widened to 16 bits (pmaddwd), or one by one
///   where a lane is all there is.
///
/// Of x up to `most`, which is 128 or less, two products fit 16 bits (pmaddubsw).
Value dotBytes(Emitter &e, const CPULevel &level, Value sum, Value x, Value w, int64_t most = 255);

/// Clamps a float, or a vector of them, to [0, 255] and converts; NaN is 0.
Value toByte(Emitter &e, Value number);

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_BYTES_H
