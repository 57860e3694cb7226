#include "LoopImporter.h"

#include "Numbers.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace winnow::import {

using LoopImporter = GraphImporter::LoopImporter;

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

bool LoopImporter::importBody(ArrayRef<Value> inits, size_t numLeading, MakeArguments makeArguments,
                              Draft &draft) {
  draft = Draft();
  for (auto [i, init] : llvm::enumerate(inits)) {
    Carried value;
    value.init = init;
    value.what = i < numLeading ? "condition" : "state" + std::to_string(i - numLeading);
    value.shape.elementType = getElementTypeOrSelf(init);
    value.shape.dims = op.dims(init);
    for (auto [d, dim] : llvm::enumerate(value.shape.dims))
      if (op.symbols.isVarying((op.name + "." + value.what + "." + Twine(d)).str()))
        dim = nullptr;
    if (value.shape.getNumVarying()) {
      value.space = op.declareSize(value.what + ".space", nullptr);
      Value count = Numbers(op).size(countElements(op, init));
      value.shape.room = op.bindSize(Numbers(op).max(op.makeCapacity(value.space), count),
                                     value.what + ".room", nullptr);
      Packed packed = pack(op, init, value.shape);
      draft.starts.append({packed.buffer, packed.sizes});
    } else {
      draft.starts.push_back(init);
    }
    draft.state.push_back(value);
  }
  if (op.failed())
    return fail();
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  draft.loop = scf::ForOp::create(b, loc, zero, one, one, draft.starts);
  // Without a state it comes with a terminator.
  draft.loop.getBody()->clear();
  draft.scope = std::make_unique<Scope>(importer.enter(scope, name));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(draft.loop.getBody());
  Symbols::Region region(op.symbols);
  ArrayRef<BlockArgument> passed = draft.loop.getRegionIterArgs();
  SmallVector<Value> values;
  for (const Carried &value : draft.state) {
    size_t count = value.space ? 2 : 1;
    values.push_back(value.space ? unpack(op, {passed[0], passed[1]}, value.shape, value.what)
                                 : Value(passed[0]));
    passed = passed.drop_front(count);
  }
  if (op.failed())
    return fail();
  SmallVector<ImportedValue> arguments = makeArguments(draft.loop.getInductionVar(), values);
  if (op.failed())
    return fail();
  return importer.importSubgraph(body, arguments, *draft.scope, draft.results, loc);
}

bool LoopImporter::materialize(Draft &draft, size_t numIgnored) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(draft.loop.getBody());
  for (auto [i, result] : llvm::enumerate(ArrayRef(draft.results).drop_front(numIgnored))) {
    Value value = importer.materialize(*result, loc);
    if (!value)
      return false;
    (i < draft.state.size() ? draft.carried : draft.slices).push_back(value);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// What changes its shape
//===----------------------------------------------------------------------===//

bool LoopImporter::keepShapes(Draft &draft) {
  for (auto [i, pair] : llvm::enumerate(llvm::zip_equal(draft.state, draft.carried))) {
    auto [before, after] = pair;
    if (!importer.matchTypes(op, before.init, after,
                             "value " + Twine(i) + " that one iteration hands to the next"))
      return fail();
  }
  return true;
}

/// The body's argument for carried value `number`, of one that is not packed.
static BlockArgument getArgument(LoopImporter::Draft &draft, size_t number) {
  unsigned position = 1;
  for (const LoopImporter::Carried &value : ArrayRef(draft.state).take_front(number))
    position += value.appendAxis ? 0 : value.space ? 2 : 1;
  return draft.loop.getBody()->getArgument(position);
}

bool LoopImporter::findAppended(Draft &draft, size_t number) {
  Value after = draft.carried[number];
  BlockArgument before = getArgument(draft, number);
  auto concat = after.getDefiningOp<ConcatOp>();
  if (!concat || concat.getInputs().size() != 2 || !concat->use_empty() || !before.hasOneUse() ||
      llvm::count(draft.carried, after) != 1 || llvm::is_contained(draft.slices, after) ||
      llvm::is_contained(draft.carried, before) || llvm::is_contained(draft.slices, before))
    return false;
  bool isInFront = concat.getInputs()[1] == before;
  Value piece = concat.getInputs()[isInFront ? 0 : 1];
  if ((!isInFront && concat.getInputs()[0] != before) ||
      !llvm::all_of(op.dims(piece), [&](AffineExpr dim) { return op.symbols.isVisible(dim); }))
    return false;
  Carried &value = draft.state[number];
  value.appendAxis = concat.getAxis();
  value.isInFront = isInFront;
  draft.slices.push_back(piece);
  concat.erase();
  draft.starts.erase(draft.starts.begin() + (before.getArgNumber() - 1));
  draft.loop.getBody()->eraseArgument(before.getArgNumber());
  return true;
}

bool LoopImporter::packState(Draft &draft) {
  bool isFound = false;
  for (auto [i, value] : llvm::enumerate(draft.state)) {
    Value after = draft.carried[i];
    Varying common = findVarying(op, {value.init, after},
                                 "value " + Twine(i) + " that one iteration hands to the next");
    if (op.failed())
      return fail();
    if (!value.space && common.getNumVarying() && findAppended(draft, i))
      continue;
    for (auto [d, dims] : llvm::enumerate(llvm::zip_equal(value.shape.dims, common.dims))) {
      auto [dim, known] = dims;
      if (!dim || known)
        continue;
      op.symbols.addVarying((op.name + "." + value.what + "." + Twine(d)).str());
      isFound = true;
    }
  }
  if (isFound) {
    importer.restart = true;
    return false;
  }
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(draft.loop.getBody());
  SmallVector<Value> packedState;
  for (auto [value, after] : llvm::zip_equal(draft.state, draft.carried)) {
    if (value.appendAxis)
      continue;
    if (!value.space) {
      packedState.push_back(after);
      continue;
    }
    claimSpace(op, after, value.space);
    Packed packed = pack(op, after, value.shape);
    packedState.append({packed.buffer, packed.sizes});
  }
  draft.carried = packedState;
  return !op.failed() || fail();
}

bool LoopImporter::packSlices(Draft &draft) {
  SmallVector<Value> slices;
  for (auto [i, value] : llvm::enumerate(draft.slices)) {
    Slice slice;
    slice.shape = findVarying(op, value, "a slice");
    slice.isPacked = slice.shape.getNumVarying() != 0;
    if (slice.isPacked) {
      std::string what = "stack" + std::to_string(i);
      AffineExpr space = op.declareSize(what + ".space", nullptr);
      slice.shape.room = op.bindSize(op.makeCapacity(space), what + ".room", nullptr);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(draft.loop.getBody());
      claimSpace(op, value, space);
      Packed packed = pack(op, value, slice.shape);
      slices.append({packed.buffer, packed.sizes});
    } else {
      slices.push_back(value);
    }
    draft.stacks.push_back(slice);
  }
  draft.slices = slices;
  return !op.failed() || fail();
}

/// `stack` has what was appended along dimension `axis` of the value: dimension 0
/// goes there.
static Value joinAppended(OpImporter &n, const LoopImporter::Carried &value, Value stack) {
  if (value.isInFront)
    stack = n.reverse(stack, 0);
  Dims dims = n.dims(stack);
  if (n.failed())
    return nullptr;
  int64_t axis = *value.appendAxis;
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
  std::rotate(permutation.begin(), permutation.begin() + 1, permutation.begin() + axis + 1);
  Dims joined(llvm::drop_begin(dims));
  joined[axis] = normalizeDim(joined[axis] * dims[0]);
  Value appended = n.reshape(n.transpose(stack, permutation), joined);
  return n.concat(value.isInFront ? ArrayRef<Value>{appended, value.init}
                                  : ArrayRef<Value>{value.init, appended},
                  axis);
}

SmallVector<Value> LoopImporter::unpackResults(const Draft &draft, ArrayRef<Value> results,
                                               AffineExpr count) {
  SmallVector<Value> values, stacks;
  auto take = [&](bool isPacked, const Varying &shape, const Twine &what, AffineExpr rows) {
    Value value = isPacked ? unpack(op, {results[0], results[1]}, shape, what, rows) : results[0];
    results = results.drop_front(isPacked ? 2 : 1);
    return value;
  };
  for (const Carried &value : draft.state)
    values.push_back(value.appendAxis
                         ? Value()
                         : take(value.space != nullptr, value.shape, value.what + ".last", {}));
  for (auto [i, slice] : llvm::enumerate(draft.stacks))
    stacks.push_back(take(slice.isPacked, slice.shape, "stack" + Twine(i), count));
  // Behind the stacks of the node itself.
  size_t numAppended = llvm::count_if(
      draft.state, [](const Carried &value) { return value.appendAxis.has_value(); });
  ArrayRef<Value> appended = ArrayRef(stacks).take_back(numAppended);
  for (auto [value, result] : llvm::zip_equal(draft.state, values)) {
    if (!value.appendAxis)
      continue;
    result = joinAppended(op, value, appended.front());
    appended = appended.drop_front();
  }
  values.append(stacks.begin(), stacks.end() - numAppended);
  return values;
}

//===----------------------------------------------------------------------===//
// The loop
//===----------------------------------------------------------------------===//

bool LoopImporter::makeStacks(AffineExpr count, ArrayRef<Value> slices,
                              SmallVectorImpl<Value> &stacks) {
  for (Value slice : slices) {
    Dims dims = {count};
    llvm::append_range(dims, getDims(slice));
    stacks.push_back(op.broadcastTo(op.scalar(getElementTypeOrSelf(slice), 0), dims));
  }
  return !op.failed();
}

SmallVector<Value> LoopImporter::takeBody(Draft &draft, Block *block, Value index,
                                          ValueRange arguments) {
  Block *source = draft.loop.getBody();
  SmallVector<Value> replacements = {index};
  llvm::append_range(replacements, arguments.take_front(draft.carried.size()));
  auto replaced = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == source ? replacements[argument.getArgNumber()]
                                                     : value;
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

Operation *LoopImporter::makeFor(Draft &draft, AffineExpr count, Value end) {
  SmallVector<Value> starts(draft.starts);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  if (!end)
    end = op.makeIndex(count);
  if (!makeStacks(count, draft.slices, starts))
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

Operation *LoopImporter::makeWhile(Draft &draft, AffineExpr limit, AffineExpr rows) {
  // The number of the iteration and the condition are scalars.
  SmallVector<Value> starts = {arith::ConstantIndexOp::create(b, loc, 0),
                               extractScalar(b, loc, draft.starts.front())};
  llvm::append_range(starts, llvm::drop_begin(draft.starts));
  SmallVector<Value> ends;
  if (limit)
    ends.push_back(op.makeIndex(limit));
  if (rows && rows != limit)
    ends.push_back(op.makeIndex(rows));
  if (!makeStacks(rows, draft.slices, starts))
    return nullptr;
  SmallVector<Type> types(ValueRange(starts).getTypes());
  SmallVector<Location> locs(types.size(), loc);
  auto loop = scf::WhileOp::create(b, loc, types, starts);
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, types, locs);
  Value goesOn = before->getArgument(1);
  for (Value end : ends) {
    Value isBelow =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, before->getArgument(0), end);
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

} // namespace winnow::import
