//===- RowCopy.h - Copies of the rows of heads ----------------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_ROWCOPY_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_ROWCOPY_H

#include "Operands.h"

namespace winnow::gpu {

/// Copies f32 of four dimensions to the beginning of each of the dimensions of others, which
/// may be longer.
KernelLaunch launchRowCopy(mlir::ImplicitLocOpBuilder &host, const KernelContext &context,
                           const Operand &from, const Operand &to);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_ROWCOPY_H
