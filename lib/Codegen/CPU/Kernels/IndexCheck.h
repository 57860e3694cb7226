//===- IndexCheck.h - Indices that come from data -------------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_INDEXCHECK_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_INDEXCHECK_H

#include "KernelBuilder.h"

namespace winnow::cpu {

/// A position in [0, extent), and whether the index meant none.
struct CheckedIndex {
  Value position, isBad;
};

/// Checks that a kernel's indices and its site have types that it can read.
mlir::LogicalResult checkIndexTypes(const KernelContext &context, Value indices,
                                    Value site);

/// Declares the runtime's error report, which only records: the kernel goes
/// on.
void declareFail(Emitter &e);

/// The position that the integer `raw` means: one below 0 counts from the end.
/// One that is outside is reported, and its position is 0, which is inside
/// unless `extent` is 0.
CheckedIndex emitCheckedIndex(Emitter &e, Value raw, Value extent, Value site);

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_INDEXCHECK_H
