#include "Packer.h"

#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Packed and padded forms
//===----------------------------------------------------------------------===//

Dims Packer::packDims(ArrayRef<AffineExpr> dims, const TokenValue &tokens) {
  Dims result(dims.drop_front(tokens.layout.numLeading()));
  result.insert(result.begin(), spaces[tokens.space].count);
  return result;
}

/// [tokens, ...] of a padded value.
Value Packer::gatherRows(Value value, const TokenValue &tokens) {
  const TokenGrid &grid = analysis.spaces[tokens.space].grid;
  Dims dims = getDims(value), flat(ArrayRef(dims).drop_front(tokens.layout.numLeading()));
  flat.insert(flat.begin(), normalizeDim(grid.batch * grid.sequence));
  Value rows = spaces[tokens.space].rows;
  if (!tokens.layout.isFlat && tokens.layout.batch == 1) {
    // [sequence, batch]
    rows = combine<AddOp>(combine<MulOp>(spaces[tokens.space].positions, size(grid.batch)),
                          spaces[tokens.space].sequences);
  }
  return pick(reshape(value, flat), rows, 0, /*inBounds=*/true);
}

Value Packer::pack(Value value, const TokenValue &tokens) {
  packSources(value);
  if (!packed.contains(value)) {
    Value form = gatherRows(value, tokens);
    packed[value] = form;
  }
  return packed[value];
}

/// What is computed before tokens are known, and packed because only packed ops read it, is
/// computed where it is first read: where valid tokens are known.
void Packer::packSources(Value value) {
  SmallVector<Operation *> sources, left = {value.getDefiningOp()};
  llvm::DenseSet<Operation *> seen;
  while (!left.empty()) {
    Operation *op = left.pop_back_val();
    if (!op || !plan.find(op) || packed.contains(op->getResult(0)) || !seen.insert(op).second)
      continue;
    sources.push_back(op);
    for (Value operand : op->getOperands())
      left.push_back(operand.getDefiningOp());
  }
  llvm::sort(sources, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : sources)
    packOp(op, *plan.find(op));
}

/// An operand that broadcasts to `rank` dimensions of which the first are a token's: its form
/// for [tokens, ...].
Value Packer::align(Value value, const TokenValue &result, unsigned rank) {
  packSources(value);
  if (packed.contains(value))
    return packed[value];
  Dims dims = getDims(value);
  unsigned lead = result.layout.numLeading(), missing = rank - dims.size();
  if (missing >= lead)
    return value;
  auto isWhole = [&](int dim) {
    return dim >= int(missing) && !isConstantDim(dims[dim - missing], 1);
  };
  Dims rest(ArrayRef(dims).drop_front(lead - missing));
  Dims single = rest;
  single.insert(single.begin(), one());
  if (result.layout.isFlat)
    return isWhole(0) ? pick(value, spaces[result.space].rows, 0, true) : value;
  const TokenGrid &grid = analysis.spaces[result.space].grid;
  int batch = result.layout.batch, token = result.layout.tokens[0];
  bool hasBatch = isWhole(batch), hasToken = isWhole(token);
  if (!hasBatch && !hasToken)
    return reshape(value, single);
  if (missing == 0 && (hasBatch || grid.hasOneSequence()) && hasToken)
    return pack(value, result);
  single[0] = hasToken ? grid.sequence : grid.batch;
  Value indices = hasToken ? spaces[result.space].positions : spaces[result.space].sequences;
  return pick(reshape(value, single), indices, 0, true);
}

/// The padded form, 0 at tokens that are not there.
Value Packer::unpack(Value form, RankedTensorType type, const TokenValue &tokens, bool withFirst) {
  const PackedSpace &space = spaces[tokens.space];
  Dims dims = getDims(type);
  unsigned lead = tokens.layout.numLeading();
  Value isThere = withFirst ? space.kept : space.valid;
  Value from = select(isThere, space.place, integer(0));
  if (tokens.layout.isFlat) {
    isThere = reshape(isThere, {dims[0]});
    from = reshape(from, {dims[0]});
  } else if (tokens.layout.batch == 1) {
    isThere = createTranspose(b, loc, isThere, {1, 0});
    from = createTranspose(b, loc, from, {1, 0});
  }
  Value rows = pick(form, from, 0, /*inBounds=*/true);
  Dims broadcast(ArrayRef(dims).take_front(lead));
  broadcast.resize(dims.size(), one());
  Value zero = number(0, type.getElementType());
  return SelectOp::create(b, loc, type, reshape(isThere, broadcast), reshapeTo(b, loc, rows, type),
                          zero);
}

/// What an op that is not packed reads: the value with something defined at all tokens.
Value Packer::getPadded(Value value) {
  std::optional<TokenValue> tokens = analysis.getTokens(value);
  Value form = packed.lookup(value);
  if (!tokens || !form)
    return value;
  Value &result = padded[value];
  if (!result)
    result = unpack(form, cast<RankedTensorType>(value.getType()), *tokens, /*withFirst=*/true);
  return result;
}

/// 0 at padded tokens.
Value Packer::getOutput(Value value) {
  std::optional<TokenValue> tokens = analysis.getTokens(value);
  if (!tokens)
    return value;
  return unpack(pack(value, *tokens), cast<RankedTensorType>(value.getType()), *tokens,
                /*withFirst=*/false);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void Packer::packOp(Operation *op, const TokenValue &result) {
  llvm::SaveAndRestore<Location> here(loc, op->getLoc());
  const TokenGrid &grid = analysis.spaces[result.space].grid;
  unsigned lead = result.layout.numLeading(), dropped = lead - 1;
  Value out = op->getResult(0);
  auto type = cast<RankedTensorType>(out.getType());
  auto packedType = typeOf(packDims(getDims(type), result), type.getElementType());
  SmallVector<Value> operands;
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    std::optional<TokenValue> tokens = analysis.getTokens(value);
    if (isa<ElementwiseOpInterface>(op) || (isa<RotaryOp>(op) && operand.getOperandNumber() > 0)) {
      operands.push_back(tokens ? pack(value, *tokens) : align(value, result, type.getRank()));
      continue;
    }
    if (!tokens)
      if (std::optional<TokenLayout> layout = inferOperandLayout(operand, result.layout, grid))
        tokens = TokenValue{result.space, *layout};
    operands.push_back(tokens ? pack(value, *tokens) : value);
  }
  Value form;
  if (isa<ReshapeOp>(op)) {
    form = reshapeTo(b, loc, operands[0], packedType);
  } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
    SmallVector<int64_t> order = {0};
    for (int64_t from : transpose.getPermutation().drop_front(lead))
      order.push_back(from - dropped);
    form = createTranspose(b, loc, operands[0], order);
  } else {
    OperationState state(loc, op->getName(), operands, packedType, op->getAttrs());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    Operation *copy = b.create(state);
    if (auto softmax = dyn_cast<SoftmaxOp>(copy))
      softmax.setAxis(softmax.getAxis() - dropped);
    else if (auto concat = dyn_cast<ConcatOp>(copy))
      concat.setAxis(concat.getAxis() - dropped);
    else if (auto gather = dyn_cast<GatherOp>(copy); gather && gather.getAxis() > 0)
      gather.setAxis(gather.getAxis() - dropped);
    else if (auto reduce = dyn_cast<ReduceOp>(copy)) {
      SmallVector<int64_t> axes(reduce.getAxes());
      for (int64_t &axis : axes)
        axis -= dropped;
      reduce.setAxes(axes);
    } else if (auto slice = dyn_cast<SliceOp>(copy)) {
      SmallVector<AffineExpr> starts(slice.getStarts().getResults().drop_front(dropped));
      slice.setStartsAttr(AffineMapAttr::get(
          AffineMap::get(0, slice.getStarts().getNumSymbols(), starts, b.getContext())));
      slice.setSteps(SmallVector<int64_t>(slice.getSteps().drop_front(dropped)));
    }
    form = copy->getResult(0);
  }
  packed[out] = form;
}

void Packer::packAttention(AttentionOp op) {
  const AttentionSite &site = analysis.getSite(op);
  const TokenLayout rows{0, {1}};
  auto getRows = [&](Value value, unsigned space) {
    Value form = pack(value, {space, rows});
    Dims dims = getDims(form);
    dims.insert(dims.begin(), one());
    return reshape(form, dims);
  };
  OpBuilder::InsertionGuard guard(b);
  Value mask;
  if (op.getMask()) {
    MaskReader rest = *site.rest;
    rest.numSymbols = numSymbols;
    mask = rest.join(b, /*isExact=*/true);
  }
  if (mask) {
    Dims dims = getDims(mask);
    dims[3] = getDims(op.getKey())[1];
    auto type = typeOf(dims, getElementTypeOrSelf(mask));
    if (type != mask.getType())
      mask = BroadcastToOp::create(b, loc, type, mask);
  }
  auto copy = cast<AttentionOp>(b.clone(*op));
  copy.getMaskMutable().clear();
  if (mask)
    copy.getMaskMutable().assign(mask);
  if (analysis.isActive(site.keys)) {
    const PackedSpace &space = spaces[*site.keys];
    if (mask)
      copy.getKeyPositionsMutable().assign(space.positions);
    b.setInsertionPoint(copy);
    copy.getKeyMutable().assign(getRows(op.getKey(), *site.keys));
    copy.getValueMutable().assign(getRows(op.getValue(), *site.keys));
    copy.getKeyOffsetsMutable().assign(space.offsets);
    copy.getKeyLengthsMutable().assign(space.lengths);
    // A sequence without tokens has no query, but for a first token that is read.
    copy.setNanToZero(true);
  }
  Dims dims = getDims(op.getResult());
  if (!site.queries) {
    copy.getResult().setType(op.getType());
    op.getResult().replaceAllUsesWith(copy.getResult());
    return;
  }
  b.setInsertionPoint(copy);
  TokenValue tokens{*site.queries, rows};
  copy.getQueryMutable().assign(getRows(op.getQuery(), *site.queries));
  copy.getQueryOffsetsMutable().assign(spaces[*site.queries].offsets);
  if (mask)
    copy.getQueryPositionsMutable().assign(spaces[*site.queries].positions);
  copy.setCausalAtEnd(false);
  copy.setCausalLowest(false);
  copy.setCausalAddsLowest(false);
  Dims form = packDims(dims, tokens), joined = form;
  joined.insert(joined.begin(), one());
  copy.getResult().setType(typeOf(joined, op.getType().getElementType()));
  b.setInsertionPointAfter(copy);
  packed[op.getResult()] = reshape(copy.getResult(), form);
}

/// [batch, 1, ...] or [batch, ...] of the first tokens.
void Packer::readFirst(Operation *op) {
  Value value = op->getOperand(0);
  TokenValue tokens = *analysis.getTokens(value);
  Value form = packed.lookup(value);
  if (!form)
    return;
  const PackedSpace &space = spaces[tokens.space];
  Value rows = pick(form, space.first, 0, /*inBounds=*/true);
  if (space.hasFirst) {
    Dims dims(getDims(rows).size(), one());
    dims[0] = getDims(space.hasFirst)[0];
    rows = select(reshape(space.hasFirst, dims), rows, number(0, getElementTypeOrSelf(rows)));
  }
  op->getResult(0).replaceAllUsesWith(
      reshapeTo(b, loc, rows, cast<RankedTensorType>(op->getResult(0).getType())));
}

void Packer::useTokens(Operation *op) {
  bool isEnd = op->hasTrait<OpTrait::IsTerminator>();
  for (OpOperand &operand : op->getOpOperands())
    operand.set(isEnd ? getOutput(operand.get()) : getPadded(operand.get()));
}

void Packer::run() {
  addSymbols();
  SmallVector<Operation *> ops;
  for (Operation &op : entry.getBody().front())
    ops.push_back(&op);
  for (auto [number, space] : llvm::enumerate(analysis.spaces))
    if (!space.obstacle)
      place(number);
  rewrite(ops);
}

void Packer::rewrite(ArrayRef<Operation *> ops) {
  for (Operation *op : ops) {
    loc = op->getLoc();
    b.setInsertionPoint(op);
    auto attention = dyn_cast<AttentionOp>(op);
    if (attention && plan.isPacked(attention)) {
      packAttention(attention);
    } else if (const TokenValue *result = plan.find(op)) {
      // What is no token value yet waits for its readers.
      if (analysis.getTokens(op->getResult(0)))
        packOp(op, *result);
    } else if (analysis.firstReaders.contains(op)) {
      readFirst(op);
    } else {
      useTokens(op);
    }
  }
}

