//===- Varying.h - Tensors whose sizes differ by branch or iteration ------===//
//
// A region hands on values of one type. What has other sizes in each branch, or
// in each iteration, leaves it as its elements at the front of a flat buffer and
// its sizes as numbers, and is unpacked with sizes of its own where it is read.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_VARYING_H
#define WINNOW_LIB_IMPORT_ONNX_VARYING_H

#include "OpImporter.h"

namespace winnow::import {

struct Varying {
  mlir::Type elementType;
  /// Null for sizes that vary.
  Dims dims;
  /// How many elements the buffer has.
  mlir::AffineExpr room;

  int64_t getNumVarying() const { return llvm::count(dims, mlir::AffineExpr()); }
};

/// A buffer of `room` elements, and the sizes as a vector.
struct Packed {
  mlir::Value buffer, sizes;
};

/// The shape that all of some values have: what differs between them, or is not
/// visible where the import is now, varies. Element types and ranks must match;
/// `what` names the values for the error.
Varying findVarying(OpImporter &n, llvm::ArrayRef<mlir::Value> values, const llvm::Twine &what);

/// The value's number of elements.
mlir::AffineExpr countElements(OpImporter &n, mlir::Value value);

/// A run-time number of elements that must fit into `space`, a declared size whose
/// capacity says how much room there is: otherwise the run begins anew with more.
void claimSpace(OpImporter &n, mlir::Value value, mlir::AffineExpr space);

/// There is room for the value.
Packed pack(OpImporter &n, mlir::Value value, const Varying &varying);

/// The value with data symbols `what.D` for each dimension D that varies.
/// `stack`, if it is not null, is the first dimension of the result and of both
/// parts: a buffer and sizes for each iteration, and all sizes must be equal.
mlir::Value unpack(OpImporter &n, const Packed &packed, const Varying &varying,
                   const llvm::Twine &what, mlir::AffineExpr stack = {});

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_VARYING_H
