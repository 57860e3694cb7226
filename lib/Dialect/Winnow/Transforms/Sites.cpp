#include "winnow/Dialect/Winnow/Transforms/Sites.h"

#include "Evaluate.h"
#include "Utils.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Support/InputMoments.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

/// Fills in a site whose weight is a constant matrix; false for any other.
static bool setWeight(PrecisionSite &site, OpOperand &weight, bool isTransposed) {
  auto type = cast<RankedTensorType>(weight.get().getType());
  if (!isConstantExpression(weight.get()) || type.getRank() != 2 || !type.hasStaticShape() ||
      type.getNumElements() == 0)
    return false;
  site.weight = &weight;
  site.isTransposed = isTransposed;
  site.inputs = type.getShape()[isTransposed];
  site.outputs = type.getShape()[!isTransposed];
  return true;
}

SmallVector<PrecisionSite> winnow::getPrecisionSites(func::FuncOp entry) {
  SmallVector<PrecisionSite> sites;
  llvm::StringMap<unsigned> names;
  for (Operation &op : entry.getBody().front()) {
    PrecisionSite site{&op, "", "", {}};
    bool isSite =
        llvm::TypeSwitch<Operation *, bool>(&op)
            .Case([&](LinearOp linear) {
              site.kind = "linear";
              site.activations = {linear.getInput()};
              return setWeight(site, linear.getWeightMutable(), linear.getTransposeWeight());
            })
            .Case([&](MatMulOp product) {
              site.kind = "matmul";
              site.activations = {product.getLhs()};
              return isa<FloatType>(product.getType().getElementType()) &&
                     !isConstantExpression(product.getLhs()) &&
                     setWeight(site, product.getRhsMutable(), false);
            })
            .Case<AttentionOp, ProbSparseAttentionOp>([&](auto attention) {
              site.kind = "attention";
              site.activations = {attention.getQuery(), attention.getKey(), attention.getValue()};
              return true;
            })
            .Default([](Operation *) { return false; });
    if (!isSite)
      continue;
    site.name = getLocationText(op.getLoc());
    if (unsigned number = ++names[site.name]; number > 1)
      site.name += "#" + std::to_string(number);
    sites.push_back(std::move(site));
  }
  return sites;
}

bool winnow::hasMoments(const PrecisionSite &site) {
  return site.weight && isa<LinearOp>(site.op) && site.inputs <= kMostMomentInputs &&
         getElementTypeOrSelf(site.activations.front()).isF32();
}

/// The elements of a constant expression, or null.
static ElementsAttr evaluateConstant(Value value) {
  if (ElementsAttr elements = getConstantElements(value))
    return elements;
  Operation *op = value.getDefiningOp();
  SmallVector<ElementsAttr> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(evaluateConstant(operand));
    if (!operands.back())
      return nullptr;
  }
  return evaluate(op, operands);
}

FailureOr<std::vector<float>> winnow::getWeights(const PrecisionSite &site) {
  SmallVector<float> storage;
  ElementsAttr elements = evaluateConstant(site.weight->get());
  std::optional<ArrayRef<float>> floats = elements ? getFloats(elements, storage) : std::nullopt;
  if (!floats)
    return site.op->emitError("expected a weight of floats that is known");
  std::vector<float> weights(floats->begin(), floats->end());
  if (weights.size() == 1)
    weights.resize(site.getNumWeights(), weights.front());
  return weights;
}
