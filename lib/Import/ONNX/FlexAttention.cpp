//===- FlexAttention.cpp - Attention with the model's own functions -------===//

#include "DenseAttention.h"
#include "Subgraphs.h"

using namespace mlir;

namespace winnow::import {

/// The element type that scores and weights have in the model's functions.
static Type getSoftmaxType(OpImporter &n) {
  if (int64_t precision = n.intAttr("softmax_precision", 0))
    return n.getDataType(precision);
  Type own = n.elementType(0);
  return own.isF64() ? own : Type(n.b.getF32Type());
}

bool GraphImporter::importFlexAttention(const onnx::NodeProto &node, StringRef name, Location loc,
                                        const Inputs &inputs, Scope &scope) {
  if (inputs.size() != 3 || llvm::is_contained(inputs, nullptr))
    return error(loc,
                 describe(node, scope) + ": expected three inputs, got " + Twine(inputs.size()));
  if (const ImportedValue *other = findNonTensor(inputs))
    return error(loc, describe(node, scope) + ": expected tensors, got " + other->describeKind());
  OpImporter op(node, quote(name), scope.opsets->lookup(kPreviewDomain), loc, builder, symbols,
                tensors, streams, inputs);
  DenseAttention form;
  Value *operands[] = {&form.query, &form.key, &form.value};
  for (auto [i, operand] : llvm::enumerate(operands)) {
    if (op.rank(i) != 4)
      op.invalid("expected input " + Twine(i) + " of rank 4, got rank " + Twine(op.rank(i)));
    *operand = swapHeads(op, op.in(i));
  }
  if (op.hasAttr("scale"))
    form.scale = op.floatAttr("scale", 0);
  form.softmaxType = getSoftmaxType(op);
  // What a function makes of a row is the model's business.
  form.zeroHiddenRows = false;

  // What went wrong in a function, if that is no failure of the node.
  bool isPoisoned = false, isImported = true;
  auto apply = [&](StringRef attribute, Value x) -> Value {
    const onnx::GraphProto *graph = getSubgraph(node, attribute, scope, loc);
    isImported &= graph != nullptr;
    if (!graph)
      return nullptr;
    if (graph->output_size() != 1) {
      op.invalid("expected " + attribute + " to have one output, got " +
                 Twine(graph->output_size()));
      return nullptr;
    }
    Scope inner = enter(scope, (name + "/" + attribute).str());
    ImportedValue argument;
    argument.type = cast<RankedTensorType>(x.getType());
    argument.value = x;
    SmallVector<ImportedValue *> results;
    isImported &= importSubgraph(*graph, {argument}, inner, results, loc);
    if (!isImported)
      return nullptr;
    isPoisoned |= results[0]->isPoisoned;
    Value result = isPoisoned ? Value() : materialize(*results[0], loc);
    isImported &= isPoisoned || result;
    if (!result || !matchTypes(op, x, result, "the input and the output of " + attribute))
      return nullptr;
    return result;
  };
  auto modifier = [&](StringRef attribute) -> std::function<Value(Value)> {
    if (!op.hasAttr(attribute))
      return nullptr;
    return [&apply, attribute](Value x) { return apply(attribute, x); };
  };
  form.modifyScores = modifier("score_mod");
  form.modifyWeights = modifier("prob_mod");
  Value output = attend(op, form).output;
  if (!isImported)
    return false;
  if (isPoisoned)
    return passPoison(node, scope, loc);
  output = swapHeads(op, output);
  if (op.failed() || restart)
    return finishFailed(op, node, name, scope, loc);
  return defineAll(node, output, scope, loc);
}

} // namespace winnow::import
