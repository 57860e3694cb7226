//===- Casting.h - ONNX Cast ----------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_CASTING_H
#define WINNOW_LIB_IMPORT_ONNX_CASTING_H

#include "OpImporter.h"

namespace winnow::import {

/// How small floats take what they do not have.
struct CastOptions {
  /// What is out of range becomes the number at its end, not infinity or NaN.
  bool saturate = true;
  /// Between two powers of two, for float8e8m0.
  enum class Round { Up, Down, Nearest } round = Round::Up;
};

/// The node's attributes `saturate` and `round_mode`.
CastOptions getCastOptions(OpImporter &n);

/// The elements as the standard casts them to a type, null on failure.
mlir::Value castElements(OpImporter &n, mlir::Value x, mlir::Type to, const CastOptions &options);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_CASTING_H
