#include "KernelBuilder.h"
namespace winnow::cpu {
mlir::LogicalResult buildMatMul(Emitter &e, const KernelContext &context) {
  return context.error() << "not yet";
}
} // namespace winnow::cpu
