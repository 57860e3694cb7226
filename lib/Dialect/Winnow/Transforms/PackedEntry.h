//===- PackedEntry.h - A form of the model for packed sequences -----------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_PACKEDENTRY_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_PACKEDENTRY_H

#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace winnow {

/// Adds the form "packed" of an entry from which padding can be removed: where that takes
/// [batch, sequence, ...] it takes [tokens, ...], the tokens of all sequences one after the
/// other; in place of the mask it takes `cu_seqlens`, [batch + 1] of i32: where sequences begin,
/// and the number of all tokens (the arrays of flash_attn_varlen_func in FlashAttention, Dao et
/// al., arXiv 2205.14135). Outputs are packed likewise. The form sees what the model sees of
/// sequences that are padded behind their tokens. Says in the report what it takes, or why there
/// is none.
void addPackedEntry(mlir::func::FuncOp entry, SiteReporter &reporter);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_PACKEDENTRY_H
