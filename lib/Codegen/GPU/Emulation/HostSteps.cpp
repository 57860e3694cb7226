//===- HostSteps.cpp - What the host does around launches -----------------===//

#include "Translator.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstring>

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
        std::vector<unsigned> operands = slotsOf(o.getOperands());
        Interpreter &target = interpreter;
        if (o.getCallee() == "winnow_rt_tensor_map")
          return Step([=, &target](Warp &warp) {
            std::array<uint64_t, 10> values;
            for (auto [value, slot] : llvm::zip_equal(values, operands))
              value = warp.values[slot][0];
            if (uint8_t *room = target.getMemory().get(values[0], 128, 8)) {
                TensorMap map{values[1],
                            values[2] == 7 ? uint64_t(4) : 2, // the driver's number of f32
                            {values[3], values[4], values[5]},
                            {values[6], values[7]},
                            {values[8], values[9]}};
              std::memcpy(room, &map, sizeof map);
            }
          });
        if (o.getCallee() != "winnow_rt_launch")
          return failure();
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
