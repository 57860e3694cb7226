#include "LoopImporter.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace winnow::import {

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
  if (op.failed())
    return batch.fail();
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
      op.invalid("expected a batch dimension in input " + Twine(i) + ", got shape " +
                 op.text(dims));
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
    Symbols::Region region(symbols);
    outer.loop.getBody()->clear();
    builder.setInsertionPointToStart(outer.loop.getBody());
    SmallVector<Value> elements;
    for (Value value : values)
      elements.push_back(op.make<ExtractAtOp>(value, outer.loop.getInductionVar()));
    if (op.failed())
      return batch.fail();
    Value end = getEnd(op, lengths, outer.loop.getInductionVar(), count);
    LoopImporter::Draft draft;
    if (!batch.importBody(
            ArrayRef(elements).take_front(numCarried), 0,
            [&](Value index, ArrayRef<Value> carried) {
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
            },
            draft))
      return false;
    if (isAnyPoisoned(draft.results))
      return passPoison(node, scope, loc);
    if (const ImportedValue *other = findNonTensor(draft.results))
      return refuse(node, name, "a loop hands on " + other->describeKind(), "", scope, loc);
    if (!batch.materialize(draft, 0) || !batch.keepShapes(draft) || !batch.packSlices(draft))
      return false;
    Operation *scan = batch.makeFor(draft, count, end);
    if (!scan)
      return batch.fail();
    SmallVector<Value> results(scan->getResults());
    outer.slices = batch.unpackResults(draft, results, count);
  }
  if (!batch.packSlices(outer))
    return false;
  Operation *result = batch.makeFor(outer, size);
  if (!result)
    return batch.fail();
  SmallVector<Value> results(result->getResults());
  SmallVector<Value> outputs = batch.unpackResults(outer, results, size);
  return op.failed() ? batch.fail() : defineAll(node, outputs, scope, loc);
}

bool GraphImporter::importScan(const onnx::NodeProto &node, StringRef name, Location loc,
                               const Inputs &inputs, Scope &scope) {
  const onnx::GraphProto *body = getSubgraph(node, "body", scope, loc);
  if (!body)
    return false;
  if (const ImportedValue *other = findNonTensor(inputs))
    return refuse(node, name, "a loop starts with " + other->describeKind(), "", scope, loc);
  bool isBatched = scope.opsets->lookup("") < 9;
  for (size_t i = isBatched; i < inputs.size(); ++i)
    if (!inputs[i])
      return error(loc, describe(node, scope) + ": expected input " + Twine(i) + ", got none");
  if (isBatched)
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
  if (!loop.importBody(
          inits, 0,
          [&](Value index, ArrayRef<Value> carried) {
            SmallVector<ImportedValue> arguments;
            for (Value value : carried)
              arguments.push_back(makeValue(value));
            for (Value value : scanned)
              arguments.push_back(makeValue(op.make<ExtractAtOp>(value, index)));
            return arguments;
          },
          draft))
    return false;
  if (isAnyPoisoned(draft.results))
    return passPoison(node, scope, loc);
  if (const ImportedValue *other = findNonTensor(draft.results))
    return refuse(node, name, "a loop hands on " + other->describeKind(), "", scope, loc);
  if (!loop.materialize(draft, 0) || !loop.keepShapes(draft) || !loop.packSlices(draft))
    return false;
  Operation *result = loop.makeFor(draft, count);
  if (!result)
    return loop.fail();
  SmallVector<Value> results(result->getResults());
  SmallVector<Value> outputs = loop.unpackResults(draft, results, count);
  if (op.failed())
    return loop.fail();
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
