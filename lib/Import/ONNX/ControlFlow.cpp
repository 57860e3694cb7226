//===- ControlFlow.cpp - If, Loop and Scan --------------------------------===//
//
// Subgraphs become regions of upstream's scf ops on winnow tensors. A Loop whose
// condition stays true and a Scan are scf.for; any other Loop is scf.while. A
// stacked output is a tensor that the loop carries and fills slice by slice.
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace winnow::import {

//===----------------------------------------------------------------------===//
// Subgraphs
//===----------------------------------------------------------------------===//

GraphImporter::Scope GraphImporter::enter(Scope &outer, StringRef name) const {
  Scope inner;
  inner.parent = &outer;
  inner.opsets = outer.opsets;
  inner.prefix = name.str() + "/";
  inner.depth = outer.depth + 1;
  inner.call = outer.call;
  inner.function = outer.function;
  return inner;
}

const onnx::GraphProto *GraphImporter::getSubgraph(const onnx::NodeProto &node,
                                                   StringRef attribute, Scope &scope,
                                                   Location loc) {
  if (scope.depth >= kMaxNesting) {
    error(loc, "expected at most " + Twine(kMaxNesting) + " nested graphs, got more");
    return nullptr;
  }
  for (const onnx::AttributeProto &attr : node.attribute())
    if (StringRef(attr.name()) == attribute && attr.has_g())
      return &attr.g();
  error(loc, describe(node, scope) + ": expected a graph in attribute '" + attribute + "', got none");
  return nullptr;
}

bool GraphImporter::importSubgraph(const onnx::GraphProto &graph, ArrayRef<ImportedValue> arguments,
                                   Scope &inner, SmallVectorImpl<ImportedValue *> &results,
                                   Location loc) {
  if (graph.input_size() != static_cast<int>(arguments.size()))
    return error(loc, "expected a subgraph of " + Twine(arguments.size()) + " inputs, got " +
                          Twine(graph.input_size()));
  for (auto [input, argument] : llvm::zip_equal(graph.input(), arguments))
    if (!define(input.name(), argument, inner, loc))
      return false;
  if (!importInitializers(graph, inner) || !importNodes(graph.node(), inner))
    return false;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    ImportedValue *result = lookup(output.name(), inner);
    if (!result)
      return error(loc, "output " + quote(output.name()) +
                            " of its subgraph is not computed by any node");
    results.push_back(result);
  }
  return true;
}

Value GraphImporter::materialize(ImportedValue &value, Location loc) {
  onnx::NodeProto none;
  OpImporter op(none, quote(value.name), 0, loc, builder, symbols, tensors, streams, {&value});
  Value result = op.in(0);
  if (!result)
    error(loc, op.getFailure().message);
  return result;
}

static bool isAnyPoisoned(ArrayRef<ImportedValue *> values) {
  return llvm::any_of(values, [](ImportedValue *value) { return value->isPoisoned; });
}

/// The first value that is no tensor, which regions do not pass on; null without.
static const ImportedValue *findNonTensor(ArrayRef<ImportedValue *> values) {
  auto found = llvm::find_if(
      values, [](ImportedValue *value) { return value && !value->type && !value->isPoisoned; });
  return found == values.end() ? nullptr : *found;
}

static ImportedValue makeValue(Value value) {
  ImportedValue result;
  result.type = cast<RankedTensorType>(value.getType());
  result.value = value;
  return result;
}

/// The only element of a tensor of rank 0, or of rank 1 as some exporters have it.
static Value extractScalar(OpBuilder &b, Location loc, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<Value> indices;
  if (type.getRank() > 0)
    indices.assign(type.getRank(), arith::ConstantIndexOp::create(b, loc, 0));
  return tensor::ExtractOp::create(b, loc, tensor, indices);
}

static bool isScalar(RankedTensorType type) {
  return type.hasStaticShape() && type.getNumElements() == 1;
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

bool GraphImporter::importIf(const onnx::NodeProto &node, StringRef name, Location loc,
                             const Inputs &inputs, Scope &scope) {
  if (inputs.size() != 1 || !inputs[0])
    return error(loc, describe(node, scope) + ": expected one input, the condition, got " +
                          Twine(inputs.size()));
  ImportedValue &condition = *inputs[0];
  if (!condition.type || !condition.type.getElementType().isInteger(1) || !isScalar(condition.type))
    return error(loc, describe(node, scope) + ": expected a condition of one bool");
  SmallVector<const onnx::GraphProto *, 2> graphs;
  for (StringRef branch : {"then_branch", "else_branch"}) {
    const onnx::GraphProto *graph = getSubgraph(node, branch, scope, loc);
    if (!graph)
      return false;
    graphs.push_back(graph);
    if (graph->output_size() != node.output_size())
      return error(loc, describe(node, scope) + ": expected a branch of " +
                            Twine(node.output_size()) + " outputs, got " +
                            Twine(graph->output_size()));
  }

  std::optional<SmallVector<int64_t>> known;
  if (condition.known)
    known = condition.known->getConstants();
  if (known) {
    Scope inner = enter(scope, name);
    SmallVector<ImportedValue *> results;
    if (!importSubgraph(*graphs[(*known)[0] ? 0 : 1], {}, inner, results, loc))
      return false;
    for (auto [output, result] : llvm::zip_equal(node.output(), results))
      if (!output.empty() && !define(output, *result, scope, loc))
        return false;
    return true;
  }

  Value predicate = materialize(condition, loc);
  if (!predicate)
    return false;
  predicate = extractScalar(builder, loc, predicate);
  // The types of the results are known once the branches are.
  auto draft = scf::IfOp::create(builder, loc, TypeRange(), predicate, /*addThenBlock=*/true,
                                 /*addElseBlock=*/true);
  SmallVector<Value> values[2];
  bool isPoisoned = false;
  for (size_t i = 0; i < 2; ++i) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(i == 0 ? draft.thenBlock() : draft.elseBlock());
    Scope inner = enter(scope, name);
    SmallVector<ImportedValue *> results;
    if (!importSubgraph(*graphs[i], {}, inner, results, loc))
      return false;
    isPoisoned |= isAnyPoisoned(results);
    if (const ImportedValue *other = findNonTensor(results))
      return refuse(node, name, "data chooses between branches that give " + other->describeKind(),
                    "", scope, loc);
    for (ImportedValue *result : results) {
      if (isPoisoned)
        break;
      values[i].push_back(materialize(*result, loc));
      if (!values[i].back())
        return false;
    }
  }
  if (isPoisoned)
    return passPoison(node, scope, loc);

  OpImporter op(node, quote(name), 0, loc, builder, symbols, tensors, streams, {});
  for (auto [i, pair] : llvm::enumerate(llvm::zip_equal(values[0], values[1]))) {
    auto [yes, no] = pair;
    if (!matchTypes(op, yes, no, "output " + Twine(i) + " of both branches"))
      return finishFailed(op, node, name, scope, loc);
  }
  for (size_t i = 0; i < 2; ++i) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(i == 0 ? draft.thenBlock() : draft.elseBlock());
    scf::YieldOp::create(builder, loc, values[i]);
  }
  auto branch = scf::IfOp::create(builder, loc, TypeRange(ValueRange(values[0])), predicate,
                                  /*addThenBlock=*/false, /*addElseBlock=*/false);
  branch.getThenRegion().takeBody(draft.getThenRegion());
  branch.getElseRegion().takeBody(draft.getElseRegion());
  draft.erase();
  return defineAll(node, branch.getResults(), scope, loc);
}

bool GraphImporter::defineAll(const onnx::NodeProto &node, ValueRange results, Scope &scope,
                              Location loc) {
  for (auto [output, result] : llvm::zip(node.output(), results))
    if (!output.empty() && !define(output, makeValue(result), scope, loc))
      return false;
  return true;
}

bool GraphImporter::matchTypes(OpImporter &op, Value a, Value b, const Twine &what) {
  auto x = cast<RankedTensorType>(a.getType()), y = cast<RankedTensorType>(b.getType());
  if (x.getElementType() != y.getElementType()) {
    op.invalid("expected " + what + " to have one element type, got " +
               getDtypeName(x.getElementType()) + " and " + getDtypeName(y.getElementType()));
    return false;
  }
  Dims from = getDims(x), to = getDims(y);
  if (from.size() != to.size()) {
    op.unsupported("expected " + what + " to have one rank, got " + Twine(from.size()) + " and " +
                   Twine(to.size()));
    return false;
  }
  for (auto [i, dims] : llvm::enumerate(llvm::zip_equal(from, to))) {
    auto [p, q] = dims;
    switch (symbols.unify(p, q, "node " + op.name + " needs dimension " + Twine(i) + " of " + what + " to match")) {
    case Symbols::Unification::Equal:
      continue;
    case Symbols::Unification::Restart:
      restart = true;
      return false;
    case Symbols::Unification::Impossible:
      op.unsupported("expected " + what + " to have one shape, got " + symbols.print(from) +
                     " and " + symbols.print(to));
      return false;
    }
  }
  return true;
}

bool GraphImporter::finishFailed(OpImporter &op, const onnx::NodeProto &node, StringRef name,
                                 Scope &scope, Location loc) {
  const Failure &failure = op.getFailure();
  if (restart || failure.kind == Failure::Kind::Restart) {
    restart = true;
    return false;
  }
  if (failure.kind == Failure::Kind::Invalid)
    return error(loc, describe(node, scope) + ": " + failure.message);
  return refuse(node, name, failure.message, failure.hint, scope, loc);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// One Loop or Scan. The body is imported into a draft, a counted loop that
/// carries what both kinds of loop carry; the real loop, which has the stacked
/// outputs too, takes its operations.
struct GraphImporter::LoopImporter {
  GraphImporter &importer;
  const onnx::NodeProto &node;
  const std::string name;
  const Location loc;
  Scope &scope;
  const onnx::GraphProto &body;
  OpImporter op;
  OpBuilder &b;

  LoopImporter(GraphImporter &importer, const onnx::NodeProto &node, StringRef name, Location loc,
               const Inputs &inputs, Scope &scope, const onnx::GraphProto &body)
      : importer(importer), node(node), name(name), loc(loc), scope(scope), body(body),
        op(node, quote(name), 0, loc, importer.builder, importer.symbols, importer.tensors,
           importer.streams, inputs),
        b(importer.builder) {}

  /// The body's inputs, given the iteration's number and the carried values.
  using MakeArguments =
      llvm::function_ref<SmallVector<ImportedValue>(Value index, ValueRange carried)>;

  struct Draft {
    scf::ForOp loop;
    std::unique_ptr<Scope> scope;
    /// The body's outputs.
    SmallVector<ImportedValue *> results;
    /// The same as data: the carried values, then the slices of stacks.
    SmallVector<Value> carried, slices;
  };
  /// Imports the body at its place in a draft; false with an error or to restart.
  bool importBody(ValueRange inits, MakeArguments makeArguments, Draft &draft);
  /// Makes data of the outputs after the first `numIgnored`.
  bool materialize(Draft &draft, size_t numIgnored);
  /// Runs the body `count` times, or only `end` times where that is given and
  /// stacks keep zeros, or fewer than that while the first carried
  /// value, a condition, is true. Null with a failure. Results: the carried
  /// values and the stacks; for the second form the number of iterations first.
  Operation *makeFor(Draft &draft, AffineExpr count, ValueRange inits, Value end = Value());
  Operation *makeWhile(Draft &draft, AffineExpr limit, ValueRange inits);

  bool makeStacks(AffineExpr count, ArrayRef<Value> slices, SmallVectorImpl<Value> &stacks);
  bool checkCarried(ValueRange before, ValueRange after);
  /// Moves the draft's operations to the end of `block` and returns what the
  /// next iteration starts with.
  SmallVector<Value> takeBody(Draft &draft, Block *block, Value index, ValueRange arguments);
  bool fail() { return importer.finishFailed(op, node, name, scope, loc); }
};

bool GraphImporter::LoopImporter::makeStacks(AffineExpr count, ArrayRef<Value> slices,
                                             SmallVectorImpl<Value> &stacks) {
  for (Value slice : slices) {
    Dims dims = {count};
    llvm::append_range(dims, getDims(slice));
    stacks.push_back(op.broadcastTo(op.scalar(getElementTypeOrSelf(slice), 0), dims));
  }
  return !op.failed();
}

bool GraphImporter::LoopImporter::checkCarried(ValueRange before, ValueRange after) {
  for (auto [i, pair] : llvm::enumerate(llvm::zip_equal(before, after))) {
    auto [x, y] = pair;
    if (!importer.matchTypes(op, x, y, "value " + Twine(i) + " that one iteration hands to the next"))
      return false;
  }
  return true;
}

bool GraphImporter::LoopImporter::importBody(ValueRange inits, MakeArguments makeArguments,
                                             Draft &draft) {
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  draft.loop = scf::ForOp::create(b, loc, zero, one, one, inits);
  // Without a state it comes with a terminator.
  draft.loop.getBody()->clear();
  draft.scope = std::make_unique<Scope>(importer.enter(scope, name));
  draft.results.clear();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(draft.loop.getBody());
  SmallVector<ImportedValue> arguments =
      makeArguments(draft.loop.getInductionVar(), draft.loop.getRegionIterArgs());
  return importer.importSubgraph(body, arguments, *draft.scope, draft.results, loc);
}

bool GraphImporter::LoopImporter::materialize(Draft &draft, size_t numIgnored) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(draft.loop.getBody());
  size_t numCarried = draft.loop.getNumRegionIterArgs();
  for (auto [i, result] : llvm::enumerate(ArrayRef(draft.results).drop_front(numIgnored))) {
    Value value = importer.materialize(*result, loc);
    if (!value)
      return false;
    (i < numCarried ? draft.carried : draft.slices).push_back(value);
  }
  return true;
}

SmallVector<Value> GraphImporter::LoopImporter::takeBody(Draft &draft, Block *block, Value index,
                                                         ValueRange arguments) {
  Block *source = draft.loop.getBody();
  SmallVector<Value> replacements = {index};
  llvm::append_range(replacements, arguments.take_front(draft.carried.size()));
  auto replaced = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == source ? replacements[argument.getArgNumber()] : value;
  };
  SmallVector<Value> next, slices;
  for (Value value : draft.carried)
    next.push_back(replaced(value));
  for (Value value : draft.slices)
    slices.push_back(replaced(value));
  for (auto [from, to] : llvm::zip_equal(source->getArguments(), replacements))
    from.replaceAllUsesWith(to);
  block->getOperations().splice(block->end(), source->getOperations());
  draft.loop.erase();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(block);
  for (auto [slice, stack] : llvm::zip_equal(slices, arguments.drop_front(next.size())))
    next.push_back(op.make<InsertAtOp>(slice, stack, index));
  return next;
}

Operation *GraphImporter::LoopImporter::makeFor(Draft &draft, AffineExpr count, ValueRange inits,
                                                Value end) {
  SmallVector<Value> starts(inits);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  if (!end)
    end = op.makeIndex(count);
  if (!checkCarried(inits, draft.carried) || !makeStacks(count, draft.slices, starts))
    return nullptr;
  auto loop = scf::ForOp::create(b, loc, zero, end, one, starts);
  loop.getBody()->clear();
  SmallVector<Value> next =
      takeBody(draft, loop.getBody(), loop.getInductionVar(), loop.getRegionIterArgs());
  if (op.failed())
    return nullptr;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(b, loc, next);
  return loop;
}

Operation *GraphImporter::LoopImporter::makeWhile(Draft &draft, AffineExpr limit,
                                                  ValueRange inits) {
  // The number of the iteration and the condition are scalars.
  SmallVector<Value> starts = {arith::ConstantIndexOp::create(b, loc, 0),
                               extractScalar(b, loc, inits.front())};
  llvm::append_range(starts, inits.drop_front());
  Value end = limit ? op.makeIndex(limit) : Value();
  if (!checkCarried(inits, draft.carried) || !makeStacks(limit, draft.slices, starts))
    return nullptr;
  SmallVector<Type> types(ValueRange(starts).getTypes());
  SmallVector<Location> locs(types.size(), loc);
  auto loop = scf::WhileOp::create(b, loc, types, starts);
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, types, locs);
  Value goesOn = before->getArgument(1);
  if (end) {
    Value isBelow = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                          before->getArgument(0), end);
    goesOn = arith::AndIOp::create(b, loc, goesOn, isBelow);
  }
  scf::ConditionOp::create(b, loc, goesOn, before->getArguments());
  Block *after = b.createBlock(&loop.getAfter(), {}, types, locs);
  b.setInsertionPointToStart(after);
  Value index = after->getArgument(0);
  SmallVector<Value> arguments(after->getArguments().drop_front());
  auto bool0D = RankedTensorType::get({}, b.getI1Type());
  arguments.front() = tensor::FromElementsOp::create(b, loc, bool0D, arguments.front());
  SmallVector<Value> next = takeBody(draft, after, index, arguments);
  if (op.failed())
    return nullptr;
  b.setInsertionPointToEnd(after);
  next.front() = extractScalar(b, loc, next.front());
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  next.insert(next.begin(), arith::AddIOp::create(b, loc, index, one));
  scf::YieldOp::create(b, loc, next);
  return loop;
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

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
  Operation *result = nullptr;
  bool isCounted = limit && (!op.has(1) || (condition && (*condition)[0]));
  if (isCounted) {
    // A condition that is true if it was true before is true for ever.
    auto found = std::make_tuple(numNodes, numUnchecked, streams, unsupported.size());
    if (!loop.importBody(inits, [&](Value index, ValueRange carried) {
          SmallVector<ImportedValue> arguments = {makeValue(op.makeNumber(index)),
                                                  makeTrue()};
          for (Value value : carried)
            arguments.push_back(makeValue(value));
          return arguments;
        }, draft))
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
      draft.loop.erase();
    }
  }
  if (!isCounted) {
    ImportedValue always = makeTrue();
    Value first = op.reshape(op.has(1) ? op.in(1) : materialize(always, loc), {});
    if (op.failed())
      return loop.fail();
    inits.insert(inits.begin(), first);
    if (!loop.importBody(inits, [&](Value index, ValueRange carried) {
          SmallVector<ImportedValue> arguments = {makeValue(op.makeNumber(index))};
          for (Value value : carried)
            arguments.push_back(makeValue(value));
          return arguments;
        }, draft))
      return false;
  }
  if (isAnyPoisoned(draft.results))
    return passPoison(node, scope, loc);
  if (const ImportedValue *other = findNonTensor(draft.results))
    return refuse(node, name, "a loop hands on " + other->describeKind(), "", scope, loc);
  if (!loop.materialize(draft, isCounted ? 1 : 0))
    return false;
  if (!isCounted && !draft.slices.empty() && !limit) {
    op.unsupported("a loop without a trip count has stacked outputs of any length",
                   "give the Loop a trip count M that bounds it");
    return loop.fail();
  }
  result = isCounted ? loop.makeFor(draft, limit, inits) : loop.makeWhile(draft, limit, inits);
  if (!result)
    return loop.fail();
  SmallVector<Value> outputs(result->getResults());
  if (!isCounted) {
    // Without the number of iterations and the condition.
    size_t numStacks = outputs.size() - 2 - numCarried;
    Value count = numStacks ? op.makeNumber(outputs[0]) : Value();
    outputs.erase(outputs.begin(), outputs.begin() + 2);
    AffineExpr size = numStacks ? op.bindSize(count, "iterations", limit) : AffineExpr();
    for (Value &stack : MutableArrayRef(outputs).take_back(numStacks))
      stack = op.sliceDim(stack, 0, op.constant(0), size);
    if (op.failed())
      return loop.fail();
  }
  return defineAll(node, outputs, scope, loc);
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

/// One number for each of `count` scanned values, 0 where the attribute is left out.
static SmallVector<int64_t> getScanNumbers(OpImporter &op, StringRef attribute, size_t count) {
  SmallVector<int64_t> numbers = op.intsAttr(attribute).value_or(SmallVector<int64_t>());
  if (!numbers.empty() && numbers.size() != count)
    op.invalid("expected attribute '" + attribute + "' of " + Twine(count) + " numbers, got " +
               Twine(numbers.size()));
  numbers.resize(count, 0);
  return numbers;
}

/// The permutation that brings `axis` to the front, or back from there.
static SmallVector<int64_t> moveAxis(int64_t rank, int64_t axis, bool toFront) {
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (toFront)
    std::rotate(permutation.begin(), permutation.begin() + axis, permutation.begin() + axis + 1);
  else
    std::rotate(permutation.begin(), permutation.begin() + 1, permutation.begin() + axis + 1);
  return permutation;
}

/// How many elements of a sequence count: its length, as far as it goes.
static Value getEnd(OpImporter &op, Value lengths, Value index, AffineExpr count) {
  Value end = op.makeIndex(count);
  Value length = lengths ? op.make<ExtractAtOp>(lengths, index) : Value();
  if (op.failed() || !lengths)
    return end;
  length = tensor::ExtractOp::create(op.b, op.loc, length, ValueRange());
  length = arith::IndexCastOp::create(op.b, op.loc, op.b.getIndexType(), length);
  Value zero = arith::ConstantIndexOp::create(op.b, op.loc, 0);
  length = arith::MaxSIOp::create(op.b, op.loc, length, zero);
  return arith::MinSIOp::create(op.b, op.loc, length, end);
}

/// Scan of opset 8: a first input of sequence lengths, which may be left out, and
/// a batch dimension before everything. Each batch element is scanned on its own.
bool GraphImporter::importBatchedScan(const onnx::NodeProto &node, StringRef name, Location loc,
                                      const Inputs &inputs, Scope &scope,
                                      const onnx::GraphProto &body) {
  LoopImporter batch(*this, node, name, loc, inputs, scope, body);
  OpImporter &op = batch.op;
  int64_t numScanned = op.requiredIntAttr("num_scan_inputs");
  int64_t numCarried = static_cast<int64_t>(inputs.size()) - 1 - numScanned;
  int64_t numStacks = body.output_size() - numCarried;
  if (!op.failed() && (numScanned < 1 || numCarried < 0 || numStacks < 0 ||
                       node.output_size() > body.output_size()))
    op.invalid("expected num_scan_inputs in [1, " + Twine(inputs.size()) +
               ") and a body of as many outputs as the node, got " + Twine(numScanned) + " and " +
               Twine(body.output_size()));
  SmallVector<int64_t> directions = getScanNumbers(op, "directions", numScanned);
  Value lengths = op.has(0) ? op.convert(op.in(0), builder.getI64Type()) : Value();
  if (lengths && op.rank(0) != 1)
    op.invalid("expected sequence lengths of rank 1, got rank " + Twine(op.rank(0)));
  SmallVector<Value> values;
  AffineExpr size, count;
  for (size_t i = 1; i < inputs.size() && !op.failed(); ++i) {
    Value value = op.in(i);
    Dims dims = op.dims(value);
    bool isScanned = static_cast<int64_t>(i) > numCarried;
    if (dims.size() < (isScanned ? 2u : 1u)) {
      op.invalid("expected a batch dimension in input " + Twine(i) + ", got shape " + op.text(dims));
      break;
    }
    if (size)
      op.unify(size, dims[0], "the batch dimensions");
    if (isScanned && count)
      op.unify(count, dims[1], "the scanned dimensions");
    size = size ? size : dims[0];
    if (isScanned)
      count = count ? count : dims[1];
    values.push_back(value);
  }
  if (lengths && !op.failed())
    op.unify(size, op.dims(0)[0], "the batch dimensions");
  if (op.failed())
    return batch.fail();

  // The outer loop carries nothing; its body is the scan of one element.
  LoopImporter::Draft outer;
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  outer.loop = scf::ForOp::create(builder, loc, zero, one, one);
  {
    OpBuilder::InsertionGuard guard(builder);
    outer.loop.getBody()->clear();
    builder.setInsertionPointToStart(outer.loop.getBody());
    SmallVector<Value> elements;
    for (Value value : values)
      elements.push_back(op.make<ExtractAtOp>(value, outer.loop.getInductionVar()));
    if (op.failed())
      return batch.fail();
    ValueRange inits = ValueRange(elements).take_front(numCarried);
    Value end = getEnd(op, lengths, outer.loop.getInductionVar(), count);
    LoopImporter::Draft draft;
    if (!batch.importBody(inits, [&](Value index, ValueRange carried) {
          SmallVector<ImportedValue> arguments;
          for (Value value : carried)
            arguments.push_back(makeValue(value));
          for (auto [value, isReverse] :
               llvm::zip_equal(ArrayRef(elements).drop_front(numCarried), directions)) {
            Value at = index;
            if (isReverse)
              at = arith::SubIOp::create(builder, loc,
                                         arith::SubIOp::create(builder, loc, end, one), index);
            arguments.push_back(makeValue(op.make<ExtractAtOp>(value, at)));
          }
          return arguments;
        }, draft))
      return false;
    if (isAnyPoisoned(draft.results))
      return passPoison(node, scope, loc);
    if (const ImportedValue *other = findNonTensor(draft.results))
      return refuse(node, name, "a loop hands on " + other->describeKind(), "", scope, loc);
    if (!batch.materialize(draft, 0))
      return false;
    Operation *scan = batch.makeFor(draft, count, inits, end);
    if (!scan)
      return batch.fail();
    llvm::append_range(outer.slices, scan->getResults());
  }
  Operation *result = batch.makeFor(outer, size, {});
  return result ? defineAll(node, result->getResults(), scope, loc) : batch.fail();
}

bool GraphImporter::importScan(const onnx::NodeProto &node, StringRef name, Location loc,
                               const Inputs &inputs, Scope &scope) {
  const onnx::GraphProto *body = getSubgraph(node, "body", scope, loc);
  if (!body)
    return false;
  if (const ImportedValue *other = findNonTensor(inputs))
    return refuse(node, name, "a loop starts with " + other->describeKind(), "", scope, loc);
  if (scope.opsets->lookup("") < 9)
    return importBatchedScan(node, name, loc, inputs, scope, *body);
  LoopImporter loop(*this, node, name, loc, inputs, scope, *body);
  OpImporter &op = loop.op;
  int64_t numScanned = op.requiredIntAttr("num_scan_inputs");
  int64_t numCarried = static_cast<int64_t>(inputs.size()) - numScanned;
  int64_t numStacks = body->output_size() - numCarried;
  if (!op.failed() && (numScanned < 1 || numCarried < 0 || numStacks < 0 ||
                       node.output_size() > body->output_size()))
    op.invalid("expected num_scan_inputs in [1, " + Twine(inputs.size()) +
               "] and a body of as many outputs as the node, got " + Twine(numScanned) + " and " +
               Twine(body->output_size()));
  if (op.failed())
    return loop.fail();
  SmallVector<int64_t> axes = getScanNumbers(op, "scan_input_axes", numScanned);
  SmallVector<int64_t> directions = getScanNumbers(op, "scan_input_directions", numScanned);
  SmallVector<int64_t> outAxes = getScanNumbers(op, "scan_output_axes", numStacks);
  SmallVector<int64_t> outDirections = getScanNumbers(op, "scan_output_directions", numStacks);

  SmallVector<Value> inits, scanned;
  for (int64_t i = 0; i < numCarried && !op.failed(); ++i)
    inits.push_back(op.in(i));
  AffineExpr count;
  for (int64_t i = 0; i < numScanned && !op.failed(); ++i) {
    int64_t rank = op.rank(numCarried + i);
    int64_t axis = op.normalizeAxis(axes[i], rank);
    if (op.failed())
      break;
    Value value = op.transpose(op.in(numCarried + i), moveAxis(rank, axis, /*toFront=*/true));
    if (!value)
      break;
    AffineExpr size = getDims(value)[0];
    if (count)
      op.unify(count, size, "the scanned dimensions");
    count = count ? count : size;
    if (directions[i])
      value = op.reverse(value, 0);
    scanned.push_back(value);
  }
  if (op.failed())
    return loop.fail();

  LoopImporter::Draft draft;
  if (!loop.importBody(inits, [&](Value index, ValueRange carried) {
        SmallVector<ImportedValue> arguments;
        for (Value value : carried)
          arguments.push_back(makeValue(value));
        for (Value value : scanned)
          arguments.push_back(makeValue(op.make<ExtractAtOp>(value, index)));
        return arguments;
      }, draft))
    return false;
  if (isAnyPoisoned(draft.results))
    return passPoison(node, scope, loc);
  if (const ImportedValue *other = findNonTensor(draft.results))
    return refuse(node, name, "a loop hands on " + other->describeKind(), "", scope, loc);
  if (!loop.materialize(draft, 0))
    return false;
  Operation *result = loop.makeFor(draft, count, inits);
  if (!result)
    return loop.fail();
  SmallVector<Value> outputs(result->getResults());
  for (auto [i, stack] : llvm::enumerate(MutableArrayRef(outputs).drop_front(numCarried))) {
    int64_t rank = cast<RankedTensorType>(stack.getType()).getRank();
    int64_t axis = op.normalizeAxis(outAxes[i], rank);
    if (op.failed())
      break;
    if (outDirections[i])
      stack = op.reverse(stack, 0);
    stack = op.transpose(stack, moveAxis(rank, axis, /*toFront=*/false));
  }
  return op.failed() ? loop.fail() : defineAll(node, outputs, scope, loc);
}

} // namespace winnow::import
