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

/// The sequence with what all iterations append: each of the stacks has one element
/// of every iteration.
static Sequence append(OpImporter &n, const Sequence &before, ArrayRef<Value> stacks) {
  if (stacks.empty())
    return before;
  Sequence result;
  result.elementType = before.elementType;
  SmallVector<Value> parts;
  for (const std::shared_ptr<ImportedValue> &element : before.elements) {
    Value value = n.materialize(*element);
    Dims dims = n.dims(value);
    dims.insert(dims.begin(), n.constant(1));
    parts.push_back(n.reshape(value, dims));
  }
  if (before.stack)
    parts.push_back(before.stack);
  // The elements of one iteration are neighbours.
  SmallVector<Value> rows;
  Dims dims = n.dims(stacks.front()), apart(dims);
  apart.insert(apart.begin() + 1, n.constant(1));
  for (Value stack : stacks) {
    if (n.dims(stack) != dims)
      n.unsupported("a loop appends tensors of several shapes to a sequence");
    rows.push_back(n.reshape(stack, apart));
  }
  dims[0] = normalizeDim(dims[0] * static_cast<int64_t>(stacks.size()));
  parts.push_back(n.failed() ? Value() : n.reshape(n.concat(rows, 1), dims));
  for (Value part : parts)
    if (!n.failed() && ArrayRef(n.dims(part)).drop_front() != ArrayRef(dims).drop_front())
      n.unsupported("a loop appends to a sequence of tensors of other shapes");
  result.stack = n.failed() ? Value() : n.concat(parts, 0);
  return result;
}

bool GraphImporter::importLoop(const onnx::NodeProto &node, StringRef name, Location loc,
                               const Inputs &inputs, Scope &scope) {
  const onnx::GraphProto *body = getSubgraph(node, "body", scope, loc);
  if (!body)
    return false;
  for (ImportedValue *input : inputs)
    if (input && !input->type && (!input->sequence || input->sequence->isOpen))
      return refuse(node, name, "a loop starts with " + input->describeKind(), "", scope, loc);
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
    if (i < 2 ? op.has(i) && (!op.type(i) || !isScalar(op.type(i))) : !op.has(i))
      return error(loc, describe(node, scope) + ": expected " +
                            (i < 2 ? "one element" : "a value") + " as input " + Twine(i));
  if (op.has(1) && !op.elementType(1).isInteger(1))
    return error(loc, describe(node, scope) + ": expected a bool as input 1, got " +
                          getDtypeName(op.elementType(1)));

  // Null: no limit.
  AffineExpr limit;
  if (op.has(0))
    limit = op.count(0, "trip_count");
  SmallVector<Value> inits;
  for (size_t i = 0; i < numCarried; ++i)
    if (!op.sequence(2 + i))
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
  // What the body sees of the values that the loop carries.
  auto addCarried = [&](ArrayRef<Value> carried, SmallVectorImpl<ImportedValue> &arguments) {
    for (size_t i = 0; i < numCarried; ++i) {
      if (const Sequence *sequence = op.sequence(2 + i)) {
        Sequence open;
        open.elementType = sequence->elementType;
        open.isOpen = true;
        arguments.push_back(makeSequence(std::move(open)));
      } else {
        arguments.push_back(makeValue(carried.front()));
        carried = carried.drop_front();
      }
    }
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
              addCarried(carried, arguments);
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
              // The condition is the first state.
              SmallVector<ImportedValue> arguments = {makeValue(op.makeNumber(index)),
                                                      makeValue(carried.front())};
              addCarried(carried.drop_front(), arguments);
              return arguments;
            },
            draft))
      return false;
  }
  if (isAnyPoisoned(draft.results))
    return passPoison(node, scope, loc);
  // What is appended to sequences is stacked, behind the node's own stacks.
  SmallVector<ImportedValue *> pieces;
  SmallVector<size_t> numPieces(numCarried, 0);
  for (size_t i = numCarried; i-- > 0;) {
    ImportedValue *result = draft.results[1 + i];
    if (!op.sequence(2 + i) || !result->sequence || !result->sequence->isOpen)
      continue;
    numPieces[i] = result->sequence->elements.size();
    for (size_t k = numPieces[i]; k-- > 0;)
      pieces.insert(pieces.begin(), result->sequence->elements[k].get());
    draft.results.erase(draft.results.begin() + 1 + i);
  }
  if (const ImportedValue *other = findNonTensor(draft.results))
    return refuse(node, name, "a loop hands on " + other->describeKind(), "", scope, loc);
  draft.results.append(pieces);
  if (draft.results.size() != 1 + inits.size() - (isCounted ? 0 : 1) +
                                  (body->output_size() - 1 - numCarried) + pieces.size())
    return refuse(node, name, "a loop hands on a tensor in the place of a sequence", "", scope,
                  loc);
  if (!loop.materialize(draft, isCounted ? 1 : 0))
    return false;
  for (Value piece : ArrayRef(draft.slices).take_back(pieces.size()))
    if (!llvm::all_of(op.dims(piece), [&](AffineExpr dim) { return symbols.isVisible(dim); }))
      return refuse(node, name, "a loop appends tensors of any size to a sequence", "", scope, loc);
  if (!loop.packState(draft) || !loop.packSlices(draft))
    return false;
  SmallVector<Value> outputs;
  if (isCounted) {
    Operation *result = loop.makeFor(draft, limit);
    if (!result)
      return loop.fail();
    SmallVector<Value> results(result->getResults());
    outputs = loop.unpackResults(draft, results, limit);
  } else {
    outputs = runConditional(loop, draft, limit);
  }
  if (op.failed())
    return loop.fail();
  ArrayRef<Value> tensors = ArrayRef(outputs).drop_back(pieces.size());
  ArrayRef<Value> stacks = ArrayRef(outputs).take_back(pieces.size());
  for (auto [i, output] : llvm::enumerate(node.output())) {
    ImportedValue result;
    if (i < numCarried && op.sequence(2 + i)) {
      result = makeSequence(append(op, *op.sequence(2 + i), stacks.take_front(numPieces[i])));
      stacks = stacks.drop_front(numPieces[i]);
    } else {
      result = makeValue(tensors.front());
      tensors = tensors.drop_front();
    }
    if (op.failed())
      return loop.fail();
    if (!output.empty() && !define(output, result, scope, loc))
      return false;
  }
  return true;
}

} // namespace winnow::import
