//===- PredictActivation.cpp - Hidden units that a predictor finds --------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Predictors.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Dialect/Winnow/Transforms/Work.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_PREDICTACTIVATION
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
struct PredictActivation : winnow::impl::PredictActivationBase<PredictActivation> {
  using PredictActivationBase::PredictActivationBase;

  void runOnOperation() override {
    func::FuncOp entry = getMainEntry(getOperation());
    if (!entry) {
      getOperation().emitError("expected an entry function");
      return signalPassFailure();
    }
    SiteReporter reporter(getOperation(), "predict-activation");
    unsigned number = 0;
    for (LinearOp layer : getPredictableLayers(entry)) {
      auto predictor = layer->getAttrOfType<DictionaryAttr>(kPredictor);
      if (!predictor || llvm::is_contained(skip, number++))
        continue;
      if (failed(gate(layer, predictor)))
        return signalPassFailure();
      auto sentence = predictor.getAs<StringAttr>("sentence");
      reporter.applied(layer.getLoc(), "predict-activation.predicted",
                       sentence ? sentence.getValue()
                                : "computes the units that a predictor finds");
    }
  }

private:
  static LogicalResult gate(LinearOp layer, DictionaryAttr predictor) {
    Location loc = layer.getLoc();
    auto down = predictor.getAs<ElementsAttr>("down"), up = predictor.getAs<ElementsAttr>("up");
    auto bias = predictor.getAs<ElementsAttr>("bias");
    Dims inputs = getDims(layer.getInput()), units = getDims(layer.getResult());
    auto isMatrix = [](ElementsAttr matrix, AffineExpr rows, AffineExpr columns) {
      ArrayRef<int64_t> shape = matrix.getShapedType().getShape();
      return matrix.getElementType().isF32() && shape.size() == 2 &&
             isConstantDim(rows, shape[0]) && isConstantDim(columns, shape[1]);
    };
    if (!down || !up || !bias || down.getShapedType().getRank() != 2)
      return layer.emitError("expected ") << kPredictor << " to have down, up and bias";
    AffineExpr rank = getAffineConstantExpr(down.getShapedType().getDimSize(1), loc.getContext());
    if (!isMatrix(down, inputs.back(), rank) || !isMatrix(up, rank, units.back()) ||
        bias.getShapedType().getRank() != 1 || !bias.getElementType().isF32() ||
        !isConstantDim(units.back(), bias.getShapedType().getDimSize(0)))
      return layer.emitError("expected ")
             << kPredictor << " to fit a layer of " << toString(inputs.back()) << " inputs and "
             << toString(units.back()) << " units";
    OpBuilder b(layer);
    auto constant = [&](ElementsAttr elements) -> Value {
      return ConstantOp::create(b, loc, elements.getType(), cast<TypedAttr>(Attribute(elements)));
    };
    auto linear = [&](Value x, ElementsAttr weight, Value bias) -> Value {
      Dims dims = getDims(x);
      dims.back() = getAffineConstantExpr(weight.getShapedType().getDimSize(1), loc.getContext());
      auto type = getTensorType(dims, b.getF32Type(), getNumSymbols(layer.getType()));
      return LinearOp::create(b, loc, type, x, constant(weight), bias, /*residual=*/Value(),
                              ActivationAttr::get(b.getContext(), Activation::None),
                              /*transpose_weight=*/UnitAttr(), RationalAttr());
    };
    Value score = linear(linear(layer.getInput(), down, Value()), up, constant(bias));
    Value zero = createScalar(b, loc, b.getF32Type(), 0),
          one = createScalar(b, loc, b.getF32Type(), 1);
    Value fires = CompareOp::create(b, loc, ComparePredicate::GT, score, zero);
    auto gate = SelectOp::create(b, loc, layer.getType(), fires, one, zero);
    if (auto density = predictor.getAs<FloatAttr>("density"))
      gate->setAttr(kDensity, density);
    b.setInsertionPointAfter(layer);
    auto kept = MulOp::create(b, loc, layer.getType(), gate, layer.getResult());
    layer.getResult().replaceAllUsesExcept(kept, kept);
    layer->removeAttr(kPredictor);
    return success();
  }
};
} // namespace
