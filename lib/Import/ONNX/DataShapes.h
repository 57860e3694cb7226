//===- DataShapes.h - Operators whose shape operands are data -------------===//
//
// The forms of shape operators for operands that are known at run time only:
// sizes become data symbols, and positions are computed.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_DATASHAPES_H
#define WINNOW_LIB_IMPORT_ONNX_DATASHAPES_H

#include "Numbers.h"

namespace winnow::import {

/// Reshape to input 1.
void importDataReshape(OpImporter &n, bool allowZero);
/// Expand to input 1.
void importDataExpand(OpImporter &n);
/// Squeeze and Unsqueeze by the axes in input 1.
void importDataSqueeze(OpImporter &n);
void importDataUnsqueeze(OpImporter &n);
/// Slice by the starts, ends, axes and steps in inputs 1 to 4.
void importDataSlice(OpImporter &n);
/// One dimension's slice, with numbers of rank 0 that wrap and are clamped as Slice
/// says. If the graph says that as many as `expected` are taken, they lie from
/// `start` on.
mlir::Value sliceByNumbers(OpImporter &n, mlir::Value input, int64_t axis, mlir::Value from,
                           mlir::Value to, mlir::Value step, mlir::AffineExpr start = nullptr,
                           mlir::AffineExpr expected = nullptr);
/// Pad by input 1 on the axes of input 3.
void importDataPad(OpImporter &n, llvm::StringRef mode, mlir::Value fill);
/// Range from input 0 to input 1 by input 2.
void importDataRange(OpImporter &n);
/// NonZero of any data.
void importDataNonZero(OpImporter &n);

/// The positions of elements other than 0 in row-major order, as a vector.
mlir::Value findNonZero(OpImporter &n, mlir::Value input);

/// The reduction of the input over run-time axes, each kept with size 1.
mlir::Value reduceByAxes(OpImporter &n, ReduceKind kind, mlir::Value input,
                         mlir::ArrayRef<mlir::Value> isReduced);
/// The tensor without the dimensions that the conditions name; their size is 1,
/// and there are `count` of them.
mlir::Value dropAxes(OpImporter &n, mlir::Value input, mlir::ArrayRef<mlir::Value> isDropped,
                     int64_t count);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_DATASHAPES_H
