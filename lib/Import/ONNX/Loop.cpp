#include "LoopImporter.h"

#include "Numbers.h"

using namespace mlir;

namespace winnow::import {

/// Stacks have room for all iterations of a loop that has at most so many.
static constexpr int64_t kMaxRows = 1 << 16;

/// The outputs of a loop that runs while its condition is true. What it stacks
/// has as many rows as iterations there were.
static SmallVector<Value> runConditional(GraphImporter::LoopImporter &loop,
                                         GraphImporter::LoopImporter::Draft &draft,
                                         AffineExpr limit) {
  OpImporter &op = loop.op;
  OpBuilder &b = loop.b;
  size_t numStacks = draft.slices.size();
  std::optional<int64_t> number = limit ? getConstantDim(limit) : std::nullopt;
  bool isBounded = limit && number.value_or(0) <= kMaxRows;
  AffineExpr rows = limit, iterations;
  if (numStacks) {
    iterations = op.declareSize("iterations", isBounded ? limit : AffineExpr());
    if (!isBounded)
      rows = op.bindSize(op.makeCapacity(iterations), "rows", nullptr);
  }
  Operation *result =
      op.failed() ? nullptr : loop.makeWhile(draft, limit, numStacks ? rows : AffineExpr());
  if (!result)
    return {};
  SmallVector<Value> results(result->getResults());
  if (numStacks) {
    Value count = results[0];
    if (!isBounded) {
      // One that would have gone on needs more rows.
      Value goesOn = results[1];
      if (limit)
        goesOn = arith::AndIOp::create(b, loop.loc, goesOn,
                                       arith::CmpIOp::create(b, loop.loc, arith::CmpIPredicate::slt,
                                                             count, op.makeIndex(limit)));
      Value one = arith::ConstantIndexOp::create(b, loop.loc, 1);
      Value more = arith::AddIOp::create(b, loop.loc, count, one);
      count = arith::SelectOp::create(b, loop.loc, goesOn, more, count);
    }
    op.bindSize(op.makeNumber(count), iterations);
    for (Value &stack : MutableArrayRef(results).take_back(numStacks))
      stack = op.sliceDim(stack, 0, op.constant(0), iterations);
  }
  if (op.failed())
    return {};
  // Without the number of iterations and the condition.
  SmallVector<Value> outputs =
      loop.unpackResults(draft, ArrayRef(results).drop_front(), iterations);
  outputs.erase(outputs.begin());
  return outputs;
}

bool GraphImporter::importLoop(const onnx::NodeProto &node, StringRef name, Location loc,
                               const Inputs &inputs, Scope &scope) {
  const onnx::GraphProto *body = getSubgraph(node, "body", scope, loc);
  if (!body)
    return false;
  if (const ImportedValue *other = findNonTensor(inputs))
    return refuse(node, name, "a loop starts with " + other->describeKind(), "", scope, loc);
  size_t numCarried = inputs.size() > 2 ? inputs.size() - 2 : 0;
  if (inputs.size() < 2 || body->output_size() < static_cast<int>(1 + numCarried) ||
      node.output_size() > body->output_size() - 1)
    return error(loc, describe(node, scope) + ": expected a body of " + Twine(1 + numCarried) +
                          " outputs or more for " + Twine(inputs.size()) + " inputs and " +
                          Twine(node.output_size()) + " outputs, got " +
                          Twine(body->output_size()));
  LoopImporter loop(*this, node, name, loc, inputs, scope, *body);
  OpImporter &op = loop.op;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (i < 2 ? op.has(i) && !isScalar(op.type(i)) : !op.has(i))
      return error(loc, describe(node, scope) + ": expected " +
                            (i < 2 ? "one element" : "a value") + " as input " + Twine(i));

  // Null: no limit.
  AffineExpr limit;
  if (op.has(0))
    limit = op.count(0, "trip_count");
  SmallVector<Value> inits;
  for (size_t i = 0; i < numCarried; ++i)
    inits.push_back(op.in(2 + i));
  if (op.failed())
    return loop.fail();

  std::optional<SmallVector<int64_t>> condition;
  if (op.known(1))
    condition = op.known(1)->getConstants();
  auto makeTrue = [&] {
    ImportedValue value;
    value.type = RankedTensorType::get({}, builder.getI1Type());
    value.known = KnownTensor{value.type.getElementType(), {}, {builder.getAffineConstantExpr(1)}};
    return value;
  };
  LoopImporter::Draft draft;
  bool isCounted = limit && (!op.has(1) || (condition && (*condition)[0]));
  if (isCounted) {
    // A condition that is true if it was true before is true for ever.
    auto found = std::make_tuple(numNodes, numUnchecked, streams, unsupported.size());
    Symbols::DataNames dataNames = symbols.getDataNames();
    Block *block = builder.getInsertionBlock();
    Operation *last = block->empty() ? nullptr : &block->back();
    if (!loop.importBody(
            inits, 0,
            [&](Value index, ArrayRef<Value> carried) {
              SmallVector<ImportedValue> arguments = {makeValue(op.makeNumber(index)), makeTrue()};
              for (Value value : carried)
                arguments.push_back(makeValue(value));
              return arguments;
            },
            draft))
      return false;
    const ImportedValue &next = *draft.results.front();
    std::optional<SmallVector<int64_t>> constant;
    if (next.known)
      constant = next.known->getConstants();
    isCounted = next.isPoisoned || (constant && constant->size() == 1 && (*constant)[0]);
    if (!isCounted) {
      // The body is imported again, and so are its faults.
      size_t numUnsupported;
      std::tie(numNodes, numUnchecked, streams, numUnsupported) = found;
      unsupported.resize(numUnsupported);
      symbols.setDataNames(std::move(dataNames));
      while (!block->empty() && &block->back() != last)
        block->back().erase();
    }
  }
  if (!isCounted) {
    ImportedValue always = makeTrue();
    Value first = op.reshape(op.has(1) ? op.in(1) : materialize(always, loc), {});
    if (op.failed())
      return loop.fail();
    inits.insert(inits.begin(), first);
    if (!loop.importBody(
            inits, 1,
            [&](Value index, ArrayRef<Value> carried) {
              SmallVector<ImportedValue> arguments = {makeValue(op.makeNumber(index))};
              for (Value value : carried)
                arguments.push_back(makeValue(value));
              return arguments;
            },
            draft))
      return false;
  }
  if (isAnyPoisoned(draft.results))
    return passPoison(node, scope, loc);
  if (const ImportedValue *other = findNonTensor(draft.results))
    return refuse(node, name, "a loop hands on " + other->describeKind(), "", scope, loc);
  if (!loop.materialize(draft, isCounted ? 1 : 0) || !loop.packState(draft) ||
      !loop.packSlices(draft))
    return false;
  if (isCounted) {
    Operation *result = loop.makeFor(draft, limit);
    if (!result)
      return loop.fail();
    SmallVector<Value> results(result->getResults());
    SmallVector<Value> outputs = loop.unpackResults(draft, results, limit);
    return op.failed() ? loop.fail() : defineAll(node, outputs, scope, loc);
  }
  SmallVector<Value> outputs = runConditional(loop, draft, limit);
  return op.failed() ? loop.fail() : defineAll(node, outputs, scope, loc);
}

} // namespace winnow::import
