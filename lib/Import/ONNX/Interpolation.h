//===- Interpolation.h - Images between their pixels ----------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_INTERPOLATION_H
#define WINNOW_LIB_IMPORT_ONNX_INTERPOLATION_H

#include "OpImporter.h"

namespace winnow::import {

/// An image's pixels as rows: one for each batch, part of the channels, and
/// position, in that order.
struct PixelRows {
  /// [batch * parts * pixels, channels / parts], in f32 or wider.
  mlir::Value rows;
  /// Height and width, or whatever dimensions the image has.
  llvm::SmallVector<mlir::AffineExpr> sizes;
};

/// `x` [batch, channels, sizes...] with its channels in `parts` equal parts.
PixelRows getPixelRows(OpImporter &n, mlir::Value x, mlir::AffineExpr parts);

/// A pixel along one dimension that an interpolation reads: its position, an integer
/// as a float, of which what lies outside the image is brought to its edge, and the
/// factor that it gets.
struct Tap {
  mlir::Value position, weight;
};

/// The two pixels around a position, with a weight of 0 for one outside [0, size).
llvm::SmallVector<Tap> getLinearTaps(OpImporter &n, mlir::Value position, mlir::AffineExpr size);

/// 1 where the position is in [0, size), else 0.
mlir::Value isWithin(OpImporter &n, mlir::Value position, mlir::AffineExpr size);

/// All combinations of the taps of each dimension, the last one fastest: pixels times
/// the product of the weights, [points..., channels / parts]. `image` is the number
/// `batch * parts + part` as int64; it and the taps broadcast to the points' shape.
llvm::SmallVector<mlir::Value> gatherTaps(OpImporter &n, const PixelRows &pixels, mlir::Value image,
                                          llvm::ArrayRef<llvm::SmallVector<Tap>> taps);

/// 0, 1, ... along dimension `axis` of `rank`, as `type`.
mlir::Value countAlong(OpImporter &n, mlir::AffineExpr size, int64_t axis, int64_t rank,
                       mlir::Type type);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_INTERPOLATION_H
