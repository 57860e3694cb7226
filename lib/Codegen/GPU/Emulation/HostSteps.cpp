//===- HostSteps.cpp - What the host does around launches -----------------===//

#include "Translator.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace winnow::gpu {

FailureOr<Step> Translator::translateHost(Operation &op) {
  return TypeSwitch<Operation *, FailureOr<Step>>(&op)
      .Case([&](UnrealizedConversionCastOp o) -> FailureOr<Step> {
        Value from = o.getOperand(0), to = o.getResult(0);
        if (countWords(from.getType()) != countWords(to.getType()))
          return failure();
        return copyWords(slotOf(from), slotOf(to), countWords(from.getType()));
      })
      .Case([&](memref::DimOp o) -> FailureOr<Step> {
        unsigned from = slotOf(o.getSource()), index = slotOf(o.getIndex()), to = slotOf(o);
        return Step([=](Warp &warp) {
          warp.values[to] = warp.values[from + 3 + warp.values[index][0]];
        });
      })
      .Case([&](func::CallOp o) -> FailureOr<Step> {
        if (o.getCallee() != "winnow_rt_launch")
          return failure();
        std::vector<unsigned> operands = slotsOf(o.getOperands());
        Interpreter &target = interpreter;
        return Step([=, &target](Warp &warp) {
          SmallVector<uint64_t> values;
          for (unsigned slot : operands)
            values.push_back(warp.values[slot][0]);
          target.launch(warp, values);
        });
      })
      .Default([](Operation *) { return failure(); });
}

} // namespace winnow::gpu
