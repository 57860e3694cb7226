//===- Rows.h - Who reads rows by their numbers ---------------------------===//
//
// A gather of rows of a matrix whose numbers are within bounds moves nothing where
// all that read it can read the matrix by these numbers. A row that is read may
// consist of several that are gathered, its pieces.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_ROWS_H
#define WINNOW_DIALECT_WINNOW_IR_ROWS_H

#include "winnow/Dialect/Winnow/IR/Winnow.h"

namespace winnow {

/// Of rows of a matrix, by numbers within bounds.
bool isOfRows(GatherOp op);

/// The gather of rows that a value shows, perhaps in another shape, or null.
GatherOp getGatherOfRows(mlir::Value value);

/// Whether vectors of a row of so many features stay within its pieces.
bool isWholePieces(int64_t features, int64_t piece);

/// Whether the kernel of an operand's owner can read the operand in pieces of so many
/// features, each by its number.
bool readsByNumber(mlir::OpOperand &operand, int64_t piece);

/// The operands that read a value, perhaps in another shape.
llvm::SmallVector<mlir::OpOperand *> getReaders(mlir::Value value);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_IR_ROWS_H
