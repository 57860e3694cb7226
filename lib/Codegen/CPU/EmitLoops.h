//===- EmitLoops.h - Writes the loops of a structured op ------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_EMITLOOPS_H
#define WINNOW_LIB_CODEGEN_CPU_EMITLOOPS_H

#include "LoopPlan.h"

namespace winnow::cpu {

/// Writes `op`, which works on buffers, as loops before it. The caller erases
/// the op.
void emitLoops(mlir::OpBuilder &builder, mlir::linalg::LinalgOp op,
               const LoopPlan &plan);

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_EMITLOOPS_H
