//===- ScheduleKernels.cpp - Chooses the tiles of declared kernels --------===//

#include "winnow/Analysis/GemmSchedule.h"
#include "winnow/Codegen/CPU/Kernels/Passes.h"
#include "winnow/Support/CPULevel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_SCHEDULEKERNELS
#include "winnow/Codegen/CPU/Kernels/Passes.h.inc"

namespace {

/// The kernel as GenerateKernels is to see it. What is malformed is left for it
/// to report.
LogicalResult schedule(func::FuncOp kernel, const CPULevel &level) {
  auto config = kernel->getAttrOfType<DictionaryAttr>("winnow.kernel");
  ArrayRef<Type> arguments = kernel.getArgumentTypes();
  if (!config || config.contains("mr") || arguments.size() < 2)
    return success();
  auto kind = config.getAs<StringAttr>("kind");
  auto n = config.getAs<IntegerAttr>("n");
  auto x = dyn_cast<MemRefType>(arguments[0]), w = dyn_cast<MemRefType>(arguments[1]);
  bool isSparse = kind && kind.getValue() == "sparse_linear";
  bool isInteger = kind && kind.getValue() == "quantized_linear";
  bool isUnpacked = kind && (kind.getValue() == "unpacked_linear" || kind.getValue() == "rounded_linear");
  bool isBasis = kind && kind.getValue() == "basis_linear";
  if (!kind || (kind.getValue() != "linear" && !isSparse && !isInteger && !isUnpacked && !isBasis) || !n || !x || !w ||
      x.getRank() != 2 || w.getRank() != 3 || !w.hasStaticShape())
    return success();
  // Four bytes of a column lie side by side; words of fewer bits are a column each.
  int64_t panel = w.getDimSize(2) / (isInteger && w.getElementType().isInteger(8) ? 4 : 1), lanes = level.lanes(4);
  if (panel <= 0 || panel % lanes)
    return kernel.emitError() << "kernel '" << kind.getValue() << "': expected panels of a multiple of " << lanes
                              << " columns for " << level.name << ", got " << panel;
  std::optional<int64_t> rows;
  if (auto out = dyn_cast<MemRefType>(kernel.getArgumentTypes().back());
      out && out.getRank() == 2 && !out.isDynamicDim(0))
    rows = out.getDimSize(0);
  if (auto out = dyn_cast<MemRefType>(arguments.back());
      rows && config.contains("out_rows") && out.getDimSize(1) > 0)
    *rows = *rows * out.getDimSize(1) / n.getInt();
  std::optional<int64_t> piece;
  if (config.contains("rows") && !x.isDynamicDim(1))
    piece = x.getDimSize(1);
  GemmSchedule schedule =
      chooseLinearSchedule(level, n.getInt(), w.getDimSize(1), rows, panel, piece,
                           isInteger    ? Product::Integer
                           : isUnpacked ? Product::Unpacked
                                        : Product::Float);
  // What is computed of so many rows stays in the L1 cache.
  constexpr int64_t kBasisRows = 32;
  if (isBasis)
    schedule.mb = llvm::alignTo(std::min(schedule.mb, kBasisRows), schedule.mr);
  NamedAttrList entries(config);
  Builder b(kernel.getContext());
  for (auto [name, value] : {std::pair("kc", schedule.kc), std::pair("mb", schedule.mb),
                             std::pair("mr", schedule.mr), std::pair("nr", schedule.nr)})
    entries.set(name, b.getI64IntegerAttr(value));
  if (isSparse) {
    auto gate = config.getAs<BoolAttr>("gate");
    SparseLimits limits =
        chooseSparseLimits(n.getInt(), w.getDimSize(1), gate && gate.getValue());
    entries.set("limit_few", b.getI64IntegerAttr(limits.few));
    entries.set("limit_offset", b.getI64IntegerAttr(limits.offset));
    entries.set("limit_slope", b.getI64IntegerAttr(limits.slope));
  }
  kernel->setAttr("winnow.kernel", entries.getDictionary(kernel.getContext()));
  return success();
}

struct ScheduleKernels : impl::ScheduleKernelsBase<ScheduleKernels> {
  using ScheduleKernelsBase::ScheduleKernelsBase;

  void runOnOperation() override {
    std::optional<CPULevel> level = getCPULevel(cpu);
    if (!level) {
      getOperation().emitError() << "unknown CPU level '" << cpu << "'";
      return signalPassFailure();
    }
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func.isDeclaration() && failed(schedule(func, *level)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace winnow::cpu
