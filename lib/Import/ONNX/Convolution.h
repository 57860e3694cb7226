//===- Convolution.h - Convolution of floats or integers ------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_CONVOLUTION_H
#define WINNOW_LIB_IMPORT_ONNX_CONVOLUTION_H

#include "OpImporter.h"

namespace winnow::import {

/// Whether input and weights have one rank of 3 or more; an error if not.
bool checkRanks(OpImporter &n, size_t inputRank, size_t weightRank);

/// The convolution that the node's attributes describe, of `x` [N, C, spatial...] by
/// `weights` [M, C / group, kernel...], plus `bias` [M] unless that is null: [N, M,
/// output...]. Floats, or 32-bit integers, which wrap around.
mlir::Value convolve(OpImporter &n, mlir::Value x, mlir::Value weights, mlir::Value bias);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_CONVOLUTION_H
