//===- Subgraphs.cpp - Graphs in attributes, and If -----------------------===//
//
// Subgraphs become regions of upstream's scf ops on winnow tensors.
//
//===----------------------------------------------------------------------===//

#include "Subgraphs.h"
#include "Numbers.h"
#include "Varying.h"

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

const onnx::GraphProto *GraphImporter::getSubgraph(const onnx::NodeProto &node, StringRef attribute,
                                                   Scope &scope, Location loc) {
  if (scope.depth >= kMaxNesting) {
    error(loc, "expected at most " + Twine(kMaxNesting) + " nested graphs, got more");
    return nullptr;
  }
  for (const onnx::AttributeProto &attr : node.attribute())
    if (StringRef(attr.name()) == attribute && attr.has_g())
      return &attr.g();
  error(loc,
        describe(node, scope) + ": expected a graph in attribute '" + attribute + "', got none");
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

bool isAnyPoisoned(ArrayRef<ImportedValue *> values) {
  return llvm::any_of(values, [](ImportedValue *value) { return value->isPoisoned; });
}

const ImportedValue *findNonTensor(ArrayRef<ImportedValue *> values) {
  auto found = llvm::find_if(
      values, [](ImportedValue *value) { return value && !value->type && !value->isPoisoned; });
  return found == values.end() ? nullptr : *found;
}

ImportedValue makeValue(Value value) {
  ImportedValue result;
  result.type = cast<RankedTensorType>(value.getType());
  result.value = value;
  return result;
}

Value extractScalar(OpBuilder &b, Location loc, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<Value> indices;
  if (type.getRank() > 0)
    indices.assign(type.getRank(), arith::ConstantIndexOp::create(b, loc, 0));
  return tensor::ExtractOp::create(b, loc, tensor, indices);
}

ImportedValue makeSequence(Sequence sequence) {
  ImportedValue result;
  result.sequence = std::make_shared<const Sequence>(std::move(sequence));
  return result;
}

static ImportedValue makeSequence(ArrayRef<Value> values) {
  Sequence sequence;
  for (Value value : values) {
    sequence.elements.push_back(std::make_shared<ImportedValue>(makeValue(value)));
    sequence.elementType = getElementTypeOrSelf(value);
  }
  return makeSequence(std::move(sequence));
}

bool isScalar(RankedTensorType type) { return type.hasStaticShape() && type.getNumElements() == 1; }

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

/// An If whose condition is data. What the branches give in other shapes is packed.
struct GraphImporter::BranchImporter {
  GraphImporter &importer;
  const onnx::NodeProto &node;
  const std::string name;
  const Location loc;
  Scope &scope;
  OpImporter op;
  OpBuilder &b;

  BranchImporter(GraphImporter &importer, const onnx::NodeProto &node, StringRef name, Location loc,
                 Scope &scope)
      : importer(importer), node(node), name(name), loc(loc), scope(scope),
        op(node, quote(name), 0, loc, importer.builder, importer.symbols, importer.tensors,
           importer.streams, {}),
        b(importer.builder) {}

  /// The types of the results are known once the branches are.
  scf::IfOp draft;
  struct Branch {
    Block *block;
    /// What the branch gives: for each output how many elements the sequence has,
    /// or none for a tensor, and all tensors in a row.
    SmallVector<std::optional<size_t>> lengths;
    SmallVector<Value> values;
    bool isPoisoned = false;
  };
  Branch branches[2];

  bool run(ArrayRef<const onnx::GraphProto *> graphs, Value predicate);
  /// False with an error, to restart, or with `isPoisoned`.
  bool importBranch(const onnx::GraphProto &graph, Branch &branch);
  void matchScalar(size_t i);
  /// How much room the larger of both values, number `i`, takes.
  AffineExpr makeRoom(size_t i);
  bool fail() { return importer.finishFailed(op, node, name, scope, loc); }
};

bool GraphImporter::BranchImporter::importBranch(const onnx::GraphProto &graph, Branch &branch) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.block);
  Symbols::Region region(importer.symbols, /*isBranch=*/true);
  Scope inner = importer.enter(scope, name);
  SmallVector<ImportedValue *> results;
  if (!importer.importSubgraph(graph, {}, inner, results, loc))
    return false;
  branch.isPoisoned = isAnyPoisoned(results);
  for (ImportedValue *result : results) {
    SmallVector<ImportedValue *> tensors = {result};
    std::optional<size_t> length;
    if (result->sequence && !result->sequence->stack && !result->sequence->isOpen) {
      tensors.clear();
      for (const std::shared_ptr<ImportedValue> &element : result->sequence->elements)
        tensors.push_back(element.get());
      length = tensors.size();
    } else if (!result->type && !branch.isPoisoned) {
      op.unsupported("data chooses between branches that give " + result->describeKind());
    }
    branch.lengths.push_back(length);
    if (branch.isPoisoned)
      continue;
    for (ImportedValue *tensor : tensors)
      branch.values.push_back(op.materialize(*tensor));
  }
  return true;
}

AffineExpr GraphImporter::BranchImporter::makeRoom(size_t i) {
  std::string what = "output" + std::to_string(i);
  SmallVector<AffineExpr> counts;
  SmallVector<Value> rooms;
  for (auto [number, branch] : llvm::enumerate(branches)) {
    OpBuilder::InsertionGuard guard(b);
    AffineExpr count = countElements(op, branch.values[i]);
    if (op.failed())
      return nullptr;
    if (op.symbols.isVisible(count)) {
      counts.push_back(count);
      b.setInsertionPoint(draft);
      rooms.push_back(Numbers(op).size(count));
      continue;
    }
    AffineExpr space = op.declareSize(what + ".space" + Twine(number), nullptr);
    b.setInsertionPointToEnd(branch.block);
    claimSpace(op, branch.values[i], space);
    b.setInsertionPoint(draft);
    rooms.push_back(op.makeCapacity(space));
  }
  if (counts.size() == 2)
    for (size_t k = 0; k < 2; ++k)
      if (op.symbols.isNonNegative(counts[k] - counts[1 - k]) == true)
        return counts[k];
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(draft);
  AffineExpr bound = counts.size() == 2 ? normalizeDim(counts[0] + counts[1]) : AffineExpr();
  return op.bindSize(Numbers(op).max(rooms[0], rooms[1]), what + ".room", bound);
}

/// A scalar in one branch and a vector of one element in the other broadcast alike:
/// both become vectors.
void GraphImporter::BranchImporter::matchScalar(size_t i) {
  for (size_t k = 0; k < 2 && !op.failed(); ++k) {
    Dims dims = op.dims(branches[k].values[i]), other = op.dims(branches[1 - k].values[i]);
    if (!dims.empty() || other.size() != 1 || !isConstantDim(other[0], 1))
      continue;
    op.symbols.addRemark("output " + Twine(i) + " of node " + op.name +
                         " has one dimension whatever branch it comes from, though one branch "
                         "gives a scalar");
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(branches[k].block);
    branches[k].values[i] = op.reshape(branches[k].values[i], other);
  }
}

bool GraphImporter::BranchImporter::run(ArrayRef<const onnx::GraphProto *> graphs,
                                        Value predicate) {
  draft = scf::IfOp::create(b, loc, TypeRange(), predicate, /*addThenBlock=*/true,
                            /*addElseBlock=*/true);
  branches[0].block = draft.thenBlock();
  branches[1].block = draft.elseBlock();
  for (size_t k = 0; k < 2; ++k)
    if (!importBranch(*graphs[k], branches[k]))
      return false;
  if (branches[0].isPoisoned || branches[1].isPoisoned)
    return importer.passPoison(node, scope, loc);
  if (branches[0].lengths != branches[1].lengths)
    op.unsupported("data chooses between branches that give sequences of other lengths");
  SmallVector<Varying> shapes;
  SmallVector<Value> yielded[2];
  for (size_t i = 0; i < branches[0].values.size() && !op.failed(); ++i) {
    matchScalar(i);
    shapes.push_back(findVarying(op, {branches[0].values[i], branches[1].values[i]},
                                 "output " + Twine(i) + " of both branches"));
    Varying &shape = shapes.back();
    bool isPacked = !op.failed() && shape.getNumVarying() != 0;
    if (isPacked)
      shape.room = makeRoom(i);
    for (size_t k = 0; k < 2 && !op.failed(); ++k) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(branches[k].block);
      Value value = branches[k].values[i];
      Packed packed = isPacked ? pack(op, value, shape) : Packed();
      if (isPacked)
        yielded[k].append({packed.buffer, packed.sizes});
      else
        yielded[k].push_back(value);
    }
  }
  if (op.failed())
    return fail();

  for (size_t k = 0; k < 2; ++k) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(branches[k].block);
    scf::YieldOp::create(b, loc, yielded[k]);
  }
  auto branch = scf::IfOp::create(b, loc, TypeRange(ValueRange(yielded[0])), draft.getCondition(),
                                  /*addThenBlock=*/false, /*addElseBlock=*/false);
  branch.getThenRegion().takeBody(draft.getThenRegion());
  branch.getElseRegion().takeBody(draft.getElseRegion());
  draft.erase();
  SmallVector<Value> values;
  size_t position = 0;
  for (auto [i, shape] : llvm::enumerate(shapes)) {
    Value result = branch.getResult(position++);
    if (shape.getNumVarying()) {
      Packed packed = {result, branch.getResult(position++)};
      result = unpack(op, packed, shape, "output" + Twine(i));
    }
    values.push_back(result);
  }
  if (op.failed())
    return fail();
  ArrayRef<Value> rest = values;
  for (auto [output, length] : llvm::zip(node.output(), branches[0].lengths)) {
    ImportedValue result =
        length ? makeSequence(rest.take_front(*length)) : makeValue(rest.front());
    rest = rest.drop_front(length.value_or(1));
    if (!output.empty() && !importer.define(output, result, scope, loc))
      return false;
  }
  return true;
}

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
  BranchImporter branches(*this, node, name, loc, scope);
  return branches.run(graphs, extractScalar(builder, loc, predicate));
}

//===----------------------------------------------------------------------===//
// SequenceMap
//===----------------------------------------------------------------------===//

/// The body is there once for each element. Further inputs are sequences of the
/// same length, or tensors that all elements see.
bool GraphImporter::importSequenceMap(const onnx::NodeProto &node, StringRef name, Location loc,
                                      const Inputs &inputs, Scope &scope) {
  const onnx::GraphProto *body = getSubgraph(node, "body", scope, loc);
  if (!body)
    return false;
  if (inputs.empty() || llvm::is_contained(inputs, nullptr) || !inputs[0]->sequence ||
      body->output_size() != node.output_size())
    return error(loc, describe(node, scope) + ": expected a sequence and a body of " +
                          Twine(node.output_size()) + " outputs");
  for (ImportedValue *input : inputs) {
    if (!input->sequence)
      continue;
    if (input->sequence->stack || input->sequence->isOpen)
      return refuse(node, name, "the length of a sequence is not known",
                    "fix its dimension with --dim NAME=SIZE", scope, loc);
    if (input->sequence->elements.size() != inputs[0]->sequence->elements.size())
      return error(loc, describe(node, scope) + ": expected sequences of one length, got " +
                            Twine(inputs[0]->sequence->elements.size()) + " and " +
                            Twine(input->sequence->elements.size()));
  }
  SmallVector<Sequence> outputs(node.output_size());
  for (size_t k = 0; k < inputs[0]->sequence->elements.size(); ++k) {
    SmallVector<ImportedValue> arguments;
    for (ImportedValue *input : inputs)
      arguments.push_back(input->sequence ? *input->sequence->elements[k] : *input);
    Scope inner = enter(scope, (name + "/" + Twine(k)).str());
    SmallVector<ImportedValue *> results;
    if (!importSubgraph(*body, arguments, inner, results, loc))
      return false;
    if (isAnyPoisoned(results))
      return passPoison(node, scope, loc);
    for (auto [output, result] : llvm::zip_equal(outputs, results)) {
      if (!result->type)
        return error(loc, describe(node, scope) + ": expected tensors from its body, got " +
                              result->describeKind());
      output.elementType = result->type.getElementType();
      output.elements.push_back(std::make_shared<ImportedValue>(*result));
    }
  }
  for (auto [output, sequence] : llvm::zip_equal(node.output(), outputs))
    if (!output.empty() && !define(output, makeSequence(std::move(sequence)), scope, loc))
      return false;
  return true;
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
    switch (symbols.unify(
        p, q, "node " + op.name + " needs dimension " + Twine(i) + " of " + what + " to match")) {
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

} // namespace winnow::import
