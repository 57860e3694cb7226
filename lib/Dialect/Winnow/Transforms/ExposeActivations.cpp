//===- ExposeActivations.cpp - What hidden layers sum up ------------------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Predictors.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_EXPOSEACTIVATIONS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

SmallVector<LinearOp> winnow::getPredictableLayers(func::FuncOp entry) {
  SmallVector<LinearOp> layers;
  for (const PrecisionSite &site : getPrecisionSites(entry)) {
    auto linear = dyn_cast<LinearOp>(site.op);
    if (!linear || !feedsLinear(linear) || linear->hasAttr(kBits) ||
        !getElementTypeOrSelf(linear.getType()).isF32())
      continue;
    Activation activation = linear.getActivation();
    if (activation == Activation::Relu || activation == Activation::SquaredRelu)
      layers.push_back(linear);
  }
  return layers;
}

void winnow::dropPredictors(ModuleOp module) {
  module.walk([](LinearOp op) {
    op->removeAttr(kObserved);
    op->removeAttr(kPredictor);
  });
}

namespace {
struct ExposeActivations : winnow::impl::ExposeActivationsBase<ExposeActivations> {
  void runOnOperation() override {
    func::FuncOp entry = getMainEntry(getOperation());
    if (!entry) {
      getOperation().emitError("expected an entry function");
      return signalPassFailure();
    }
    Operation *end = entry.getBody().front().getTerminator();
    Builder attrs(&getContext());
    SmallVector<Value> results;
    SmallVector<Attribute> names;
    for (auto [number, layer] : llvm::enumerate(getPredictableLayers(entry))) {
      OpBuilder b(layer);
      auto sums = cast<LinearOp>(b.clone(*layer));
      sums.setActivation(Activation::None);
      results.push_back(sums.getResult());
      auto name = attrs.getStringAttr("winnow.sums." + Twine(number));
      names.push_back(attrs.getDictionaryAttr(attrs.getNamedAttr("winnow.name", name)));
    }
    end->setOperands(results);
    entry.setFunctionType(
        FunctionType::get(&getContext(), entry.getArgumentTypes(), TypeRange(ValueRange(results))));
    entry.setAllResultAttrs(names);
    eraseDeadOps(getOperation());
  }
};
} // namespace
