//===- PropagateRelevance.cpp - The model's analysis as a model -----------===//

#include "Relevance.h"

#include "winnow/Dialect/Winnow/IR/Activations.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_PROPAGATERELEVANCE
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// Whether a value is scores of classes: [batch, classes], straight from linears, of which it may
/// be the mean.
static bool isLogits(Value value) {
  if (getDims(value).size() != 2)
    return false;
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<SoftmaxOp, ReshapeOp, SliceOp, LogOp, SigmoidOp>(op))
    return isLogits(op->getOperand(0));
  if (auto sum = dyn_cast_or_null<AddOp>(op))
    return isLogits(sum.getLhs()) && isLogits(sum.getRhs());
  if (isa_and_nonnull<MulOp, DivOp>(op))
    return getScalarConstant(op->getOperand(1)) && isLogits(op->getOperand(0));
  auto linear = dyn_cast_or_null<LinearOp>(op);
  return linear && linear.getActivation() == Activation::None &&
         (!linear.getResidual() || isLogits(linear.getResidual()));
}

namespace {
struct PropagateRelevance : winnow::impl::PropagateRelevanceBase<PropagateRelevance> {
  using PropagateRelevanceBase::PropagateRelevanceBase;

  void runOnOperation() override {
    func::FuncOp entry = getMainEntry(getOperation());
    if (!entry || failed(build(entry)))
      signalPassFailure();
  }

private:
  static StringRef getName(func::FuncOp entry, unsigned index) {
    auto name = entry.getResultAttrOfType<StringAttr>(index, "winnow.name");
    return name ? name.getValue() : StringRef();
  }

  /// The output by name, or the first one of floats.
  FailureOr<unsigned> findOutput(func::FuncOp entry) {
    std::string names;
    for (auto [index, type] : llvm::enumerate(entry.getResultTypes())) {
      StringRef name = getName(entry, index);
      if (!isa<FloatType>(getElementTypeOrSelf(type)))
        continue;
      if (output.empty() || output == name)
        return index;
      names += (names.empty() ? "'" : ", '") + name.str() + "'";
    }
    return entry.emitError("expected an output of floats")
           << (output.empty() ? "" : " with the name '" + output + "'") << ", got "
           << (names.empty() ? "none" : names);
  }

  LogicalResult build(func::FuncOp entry) {
    SmallVector<PrecisionSite> sites = getPrecisionSites(entry);
    Operation *end = entry.getBody().front().getTerminator();
    FailureOr<unsigned> index = findOutput(entry);
    if (failed(index))
      return failure();
    Value from = end->getOperand(*index);
    if (from.getDefiningOp() == nullptr)
      return entry.emitError("expected an output that is computed, got an input");
    if (start != "auto" && start != "logit" && start != "value")
      return entry.emitError("expected start to be auto, logit or value, got ") << start;
    bool isOneHot = start == "logit" || (start == "auto" && isLogits(from));
    if (isOneHot && getDims(from).empty())
      return entry.emitError("expected scores of classes, got a scalar");

    std::string outputName = getName(entry, *index).str();
    RelevanceWalk walk(entry);
    walk.start(from, isOneHot);
    if (failed(walk.run()))
      return failure();

    OpBuilder b(end);
    Builder attrs(&getContext());
    unsigned numSymbols = getSymbols(entry).size();
    SmallVector<Value> results, sums = {walk.getEntering(), walk.getLeaving()};
    SmallVector<std::string> names = {"winnow.relevance"};
    SmallVector<Attribute> descriptions;
    for (const PrecisionSite &site : sites) {
      Value in = walk.getInputSum(site.op), out = walk.getOutputSum(site.op);
      sums.push_back(in ? in : walk.createScalarF32(0));
      sums.push_back(out ? out : walk.createScalarF32(0));
      descriptions.push_back(attrs.getDictionaryAttr(
          {attrs.getNamedAttr("activations", attrs.getI64IntegerAttr(site.activations.size())),
           attrs.getNamedAttr("inputs", attrs.getI64IntegerAttr(site.inputs)),
           attrs.getNamedAttr("kind", attrs.getStringAttr(site.kind)),
           attrs.getNamedAttr("name", attrs.getStringAttr(site.name)),
           attrs.getNamedAttr("outputs", attrs.getI64IntegerAttr(site.outputs))}));
    }
    Location loc = entry.getLoc();
    AffineExpr one = attrs.getAffineConstantExpr(1);
    for (Value &sum : sums)
      sum = reshapeTo(b, loc, sum, {one}, 0);
    auto type = RankedTensorType::get({static_cast<int64_t>(sums.size())}, attrs.getF32Type());
    results.push_back(ConcatOp::create(b, loc, type, sums, 0));
    for (BlockArgument argument : entry.getArguments())
      if (Value r = walk.getRelevance(argument)) {
        auto name = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "winnow.name");
        results.push_back(r);
        names.push_back("winnow.relevance." + (name ? name.getValue().str() : ""));
      }
    if (activations)
      for (auto [number, site] : llvm::enumerate(sites))
        for (auto [part, value] : llvm::enumerate(site.activations)) {
          auto wide = getTensorType(getDims(value), attrs.getF32Type(), numSymbols);
          results.push_back(value.getType() == wide ? value : CastOp::create(b, loc, wide, value));
          names.push_back(("winnow.activation." + Twine(number) + "." + Twine(part)).str());
        }

    end->setOperands(results);
    entry.setFunctionType(
        FunctionType::get(&getContext(), entry.getArgumentTypes(), TypeRange(ValueRange(results))));
    SmallVector<Attribute> named;
    for (const std::string &name : names)
      named.push_back(
          attrs.getDictionaryAttr(attrs.getNamedAttr("winnow.name", attrs.getStringAttr(name))));
    entry.setAllResultAttrs(named);
    getOperation()->setAttr("winnow.precision_sites", attrs.getArrayAttr(descriptions));
    getOperation()->setAttr(
        "winnow.relevance_start",
        attrs.getDictionaryAttr(
            {attrs.getNamedAttr("output", attrs.getStringAttr(outputName)),
             attrs.getNamedAttr("start", attrs.getStringAttr(isOneHot ? "logit" : "value"))}));
    eraseDeadOps(getOperation());
    return success();
  }
};
} // namespace
