//===- ExposeWeights.cpp - Weights that each run is given -----------------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_EXPOSEWEIGHTS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// `x` as whole numbers from 0 to `levels`, each row by its range, and back; `x` itself where
/// `levels`, a scalar, is 0.
static Value fakeQuantizeRows(OpBuilder &b, Location loc, Value x, Value levels) {
  Type element = getElementTypeOrSelf(x);
  SmallVector<int64_t> last = {static_cast<int64_t>(getDims(x).size()) - 1};
  Value zero = createScalar(b, loc, element, 0), one = createScalar(b, loc, element, 1);
  auto reduce = [&](ReduceKind kind) -> Value {
    return ReduceOp::create(b, loc, kind, x, last, /*keepdims=*/true);
  };
  Value low = MinimumOp::create(b, loc, reduce(ReduceKind::Min), zero);
  Value high = MaximumOp::create(b, loc, reduce(ReduceKind::Max), zero);
  Value range = SubOp::create(b, loc, high, low);
  Value isWide = CompareOp::create(b, loc, ComparePredicate::GT, range, zero);
  Value scale =
      SelectOp::create(b, loc, range.getType(), isWide, DivOp::create(b, loc, range, levels), one);
  auto round = [&](Value value) -> Value {
    return RoundOp::create(b, loc, DivOp::create(b, loc, value, scale));
  };
  Value origin = NegOp::create(b, loc, round(low));
  Value number = AddOp::create(b, loc, round(x), origin);
  number = MinimumOp::create(b, loc, MaximumOp::create(b, loc, number, zero), levels);
  Value rounded = MulOp::create(b, loc, SubOp::create(b, loc, number, origin), scale);
  Value isRounded = CompareOp::create(b, loc, ComparePredicate::GT, levels, zero);
  return SelectOp::create(b, loc, x.getType(), isRounded, rounded, x);
}

namespace {
struct ExposeWeights : winnow::impl::ExposeWeightsBase<ExposeWeights> {
  void runOnOperation() override {
    func::FuncOp entry = getMainEntry(getOperation());
    if (!entry)
      return signalPassFailure();
    SmallVector<PrecisionSite> sites = getPrecisionSites(entry);
    OpBuilder b(&getContext());
    auto addInput = [&](const Twine &name, RankedTensorType type, Location loc) -> Value {
      unsigned index = entry.getNumArguments();
      auto text = b.getStringAttr(name);
      (void)entry.insertArgument(index, type,
                                 b.getDictionaryAttr(b.getNamedAttr("winnow.name", text)), loc);
      return entry.getArgument(index);
    };
    auto type = RankedTensorType::get({static_cast<int64_t>(sites.size())}, b.getF32Type());
    Value allLevels = addInput("winnow.levels", type, entry.getLoc());
    for (auto [number, site] : llvm::enumerate(sites)) {
      if (!site.weight)
        continue;
      Location loc = site.op->getLoc();
      Value weight =
          addInput("winnow.weight." + Twine(number), getTensorType(site.weight->get()), loc);
      site.weight->set(weight);
      b.setInsertionPoint(site.op);
      Value x = site.activations.front();
      AffineExpr start = b.getAffineConstantExpr(number);
      Value levels = SliceOp::create(b, loc, RankedTensorType::get({1}, b.getF32Type()), allLevels,
                                     AffineMapAttr::get(AffineMap::get(0, 0, start)),
                                     b.getDenseI64ArrayAttr({1}));
      levels = reshapeTo(b, loc, levels, RankedTensorType::get({}, b.getF32Type()));
      if (Type element = getElementTypeOrSelf(x); !element.isF32())
        levels = CastOp::create(b, loc, RankedTensorType::get({}, element), levels);
      auto addVector = [&](StringRef name, int64_t size) -> Value {
        Value value = addInput("winnow." + name + "." + Twine(number),
                               RankedTensorType::get({size}, b.getF32Type()), loc);
        Type element = getElementTypeOrSelf(x);
        return element.isF32() ? value
                               : CastOp::create(b, loc, RankedTensorType::get({size}, element), value);
      };
      // The input is the first operand of both kinds; a residual may be the same value.
      Value factors = addVector("factors", site.inputs);
      Value rounded = fakeQuantizeRows(b, loc, DivOp::create(b, loc, x, factors), levels);
      site.op->setOperand(0, MulOp::create(b, loc, rounded, factors));
      Value shift = addVector("shift", site.outputs);
      if (auto linear = dyn_cast<LinearOp>(site.op)) {
        if (linear.getBias())
          shift = AddOp::create(b, loc, linear.getBias(), shift);
        linear.getBiasMutable().assign(shift);
        continue;
      }
      b.setInsertionPointAfter(site.op);
      auto sum = AddOp::create(b, loc, site.op->getResult(0), shift);
      site.op->getResult(0).replaceAllUsesExcept(sum, sum);
    }
    eraseDeadOps(getOperation());
  }
};
} // namespace
