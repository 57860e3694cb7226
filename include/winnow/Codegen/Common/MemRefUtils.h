//===- MemRefUtils.h - Memrefs to and from plain values -------------------===//
//
// A memref that crosses a C interface (a task's context, the model's buffers)
// travels as its pointer and the numbers that its type leaves open. The casts
// between descriptor structs and memrefs fold away in the final conversion.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CODEGEN_COMMON_MEMREFUTILS_H
#define WINNOW_CODEGEN_COMMON_MEMREFUTILS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace winnow {

/// Whether `type` can be taken apart: ranked, strided, default memory space.
bool isPlainMemRef(mlir::MemRefType type);

/// The pointer of `memref` and, as i64, its offset, sizes and strides where
/// the type does not state them, in this order.
llvm::SmallVector<mlir::Value>
unpackMemRef(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value memref);

/// The inverse of `unpackMemRef`.
mlir::Value packMemRef(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::MemRefType type, mlir::ValueRange parts);

/// A dense memref at `pointer`; `dynamicSizes` are i64.
mlir::Value makeDenseMemRef(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::MemRefType type, mlir::Value pointer,
                            mlir::ValueRange dynamicSizes);

/// Bytes of one element in memory.
int64_t elementBytes(mlir::Type type);

} // namespace winnow

#endif // WINNOW_CODEGEN_COMMON_MEMREFUTILS_H
