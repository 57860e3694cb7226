//===- Interpolation.h - Images between their pixels ----------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_INTERPOLATION_H
#define WINNOW_LIB_IMPORT_ONNX_INTERPOLATION_H

#include "OpImporter.h"

namespace winnow::import {

/// An image's pixels as rows: one for each batch, part of the channels, and
/// position, in that order.
struct PixelRows {
  /// [batch * parts * pixels, channels / parts]
  mlir::Value rows;
  /// Height and width, or whatever dimensions the image has.
  llvm::SmallVector<mlir::AffineExpr> sizes;
};

/// `x` [batch, channels, sizes...] with its channels in `parts` equal parts.
PixelRows getPixelRows(OpImporter &n, mlir::Value x, mlir::AffineExpr parts);

/// A pixel along one dimension that an interpolation reads.
struct Tap {
  /// An integer as a float; what lies outside the image is brought to its edge.
  mlir::Value position;
  /// The factor that it gets; null for 1.
  mlir::Value weight;
  /// Whether it is a pixel at all, else it is 0; null where all are.
  mlir::Value isInside = nullptr;
};

/// What coordinates and weights of an image are computed in: f64 with f64 pixels or
/// positions.
mlir::Type getRealType(OpImporter &n, mlir::Type pixels, mlir::Type positions);

/// The two pixels around a position.
llvm::SmallVector<Tap> getLinearTaps(OpImporter &n, mlir::Value position);
/// The four pixels around a position, with Keys' weights.
llvm::SmallVector<Tap> getCubicTaps(OpImporter &n, mlir::Value position, double coefficient);
/// The tap, of which a pixel outside [0, size) is 0.
Tap zeroOutside(OpImporter &n, Tap tap, mlir::AffineExpr size);

/// Keys' interpolation kernel at distances of 0 or more from its middle.
mlir::Value cubicKernel(OpImporter &n, mlir::Value distance, double coefficient);

/// All combinations of the taps of each dimension, the last one fastest: pixels times
/// the product of the weights, [points..., channels / parts]. `image` is the number
/// `batch * parts + part` as int64, which there must be; it and the taps broadcast to
/// the points' shape.
llvm::SmallVector<mlir::Value> gatherTaps(OpImporter &n, const PixelRows &pixels, mlir::Value image,
                                          llvm::ArrayRef<llvm::SmallVector<Tap>> taps);

/// Fails, or makes the run fail, where a dimension has no elements.
void requireElements(OpImporter &n, mlir::AffineExpr size, const llvm::Twine &what);

/// 0, 1, ... along dimension `axis` of `rank`, as `type`.
mlir::Value countAlong(OpImporter &n, mlir::AffineExpr size, int64_t axis, int64_t rank,
                       mlir::Type type);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_INTERPOLATION_H
