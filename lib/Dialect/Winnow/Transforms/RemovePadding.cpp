//===- RemovePadding.cpp - Computes on valid tokens only ------------------===//
//
// After ByteTransformer (Zhai et al., IPDPS 2023, arXiv 2210.03052): valid tokens of all
// sequences lie one after the other, what is token-wise runs on [tokens, ...], and attention
// knows where sequences begin.
//
//===----------------------------------------------------------------------===//

#include "PackPlan.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_REMOVEPADDING
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

/// All types of the function count this many symbols.
static void setNumSymbols(func::FuncOp func, unsigned numSymbols) {
  auto retype = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (type && type.getEncoding())
      value.setType(getTensorType(getDims(type), type.getElementType(), numSymbols));
  };
  func.walk([&](Block *block) {
    for (Value argument : block->getArguments())
      retype(argument);
    for (Operation &op : *block)
      for (Value result : op.getResults())
        retype(result);
  });
  Operation *end = func.getBody().front().getTerminator();
  func.setFunctionType(FunctionType::get(func.getContext(), func.getBody().getArgumentTypes(),
                                         end->getOperandTypes()));
}

/// What people know a mask by.
static std::string getMaskName(Value root) {
  auto argument = dyn_cast<BlockArgument>(root);
  auto func =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  auto name = func ? func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "winnow.name")
                   : StringAttr();
  return name ? name.getValue().str() : getLocationText(root.getLoc());
}

static std::string countThings(unsigned count, StringRef thing) {
  return std::to_string(count) + " " + thing.str() + (count == 1 ? "" : "s");
}

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

namespace {
/// Where the tokens of a space are, as values.
struct PackedSpace {
  AffineExpr count;           ///< packed tokens
  Value valid;                ///< [batch, sequence] of i1
  Value kept;                 ///< valid, or the first token where something reads it
  Value place;                ///< [batch, sequence]: where a kept token is among packed ones
  Value rows;                 ///< [tokens]: the number of a packed token in [batch, sequence]
  Value offsets;              ///< [batch + 1]: where sequences begin
  Value lengths;              ///< [batch]: how many tokens attention sees
  Value sequences, positions; ///< [tokens]: where they are in [batch, sequence]
};

class Packer {
public:
  Packer(func::FuncOp entry, const PaddingAnalysis &analysis, const PackPlan &plan)
      : entry(entry), analysis(analysis), plan(plan), b(entry), loc(entry.getLoc()) {}

  void run();

private:
  // Values
  Value number(double value, Type type) { return createScalar(b, loc, type, value); }
  Value integer(int64_t value) { return number(value, b.getI64Type()); }
  Value reshape(Value value, ArrayRef<AffineExpr> dims) {
    return reshapeTo(b, loc, value, dims, numSymbols);
  }
  RankedTensorType typeOf(ArrayRef<AffineExpr> dims, Type element) {
    return getTensorType(dims, element, numSymbols);
  }
  template <typename OpTy> Value combine(Value x, Value y) {
    return createBroadcasting<OpTy>(b, loc, x, y, numSymbols);
  }
  Value select(Value condition, Value yes, Value no) {
    return SelectOp::create(b, loc, condition, yes, no);
  }
  Value compare(ComparePredicate predicate, Value x, Value y) {
    return CompareOp::create(b, loc, predicate, x, y);
  }
  Value convert(Value value, Type element) {
    if (getElementTypeOrSelf(value) == element)
      return value;
    return CastOp::create(b, loc, typeOf(getDims(value), element), value);
  }
  Value sum(Value value, ArrayRef<int64_t> axes) {
    return ReduceOp::create(b, loc, ReduceKind::Sum, value, axes, /*keepdims=*/false);
  }
  Value pick(Value data, Value indices, int64_t axis, bool inBounds) {
    return GatherOp::create(b, loc, data, indices, axis, inBounds);
  }
  Value size(AffineExpr dim) {
    return DimValuesOp::create(b, loc, typeOf({}, b.getI64Type()),
                               AffineMap::get(0, numSymbols, dim));
  }
  AffineExpr one() { return b.getAffineConstantExpr(1); }

  // Spaces
  void addSymbols();
  void place(unsigned number);
  Value getMask(const TokenSpace &space);
  void requireZeroOrOne(const TokenSpace &space);

  // Packed forms
  Dims packDims(ArrayRef<AffineExpr> dims, const TokenValue &tokens);
  Value gatherRows(Value value, const TokenValue &tokens);
  Value pack(Value value, const TokenValue &tokens);
  void packSources(Value value);
  Value align(Value value, const TokenValue &result, unsigned rank);
  Value unpack(Value packed, RankedTensorType type, const TokenValue &tokens, bool withFirst);
  Value getPadded(Value value, bool isOutput);
  void packOp(Operation *op, const TokenValue &result);
  void packAttention(AttentionOp op);
  void readFirst(Operation *op);
  void useTokens(Operation *op);

  func::FuncOp entry;
  const PaddingAnalysis &analysis;
  const PackPlan &plan;
  OpBuilder b;
  Location loc;
  unsigned numSymbols = 0;
  SmallVector<PackedSpace> spaces;
  /// Packed forms of values, and padded forms of packed ones.
  llvm::DenseMap<Value, Value> packed, padded;
};
} // namespace

void Packer::addSymbols() {
  SmallVector<SymbolInfo> symbols = getSymbols(entry);
  for (const TokenSpace &space : analysis.spaces) {
    PackedSpace result;
    if (!space.obstacle) {
      result.count = b.getAffineSymbolExpr(symbols.size());
      SymbolInfo info;
      info.name = getMaskName(space.root) + ".tokens";
      info.isData = true;
      info.bound = normalizeDim(space.grid.batch * space.grid.sequence);
      symbols.push_back(info);
    }
    spaces.push_back(result);
  }
  numSymbols = symbols.size();
  setSymbols(entry, symbols);
  setNumSymbols(entry, numSymbols);
}

/// [batch, sequence] of what is nonzero at valid tokens or at the others.
Value Packer::getMask(const TokenSpace &space) {
  const TokenLayout &layout = space.rootLayout;
  Value mask = space.root;
  if (layout.batch >= 0 && layout.tokens[0] < layout.batch) {
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, getDims(mask).size()));
    std::swap(order[layout.batch], order[layout.tokens[0]]);
    mask = createTranspose(b, loc, mask, order);
  }
  mask = reshape(mask, {space.grid.batch, space.grid.sequence});
  Type element = getElementTypeOrSelf(mask);
  if (!element.isInteger(1))
    return compare(space.isValidNonZero ? ComparePredicate::NE : ComparePredicate::EQ, mask,
                   number(0, element));
  if (space.isValidNonZero)
    return mask;
  return NotOp::create(b, loc, mask);
}

void Packer::requireZeroOrOne(const TokenSpace &space) {
  Value root = space.root;
  Type element = getElementTypeOrSelf(root);
  Value isNot0 = compare(ComparePredicate::NE, root, number(0, element));
  Value isNot1 = compare(ComparePredicate::NE, root, number(1, element));
  Value isNeither = convert(combine<AndOp>(isNot0, isNot1), b.getI64Type());
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, getDims(root).size()));
  BindSizeOp::create(
      b, loc, sum(isNeither, axes), AffineMap::get(0, numSymbols, b.getAffineConstantExpr(0)),
      b.getStringAttr("expected a mask of zeros and ones, which removing padding relies on, got "
                      "other numbers; compile with --remove-padding=off for masks of these"));
}

void Packer::place(unsigned index) {
  const TokenSpace &space = analysis.spaces[index];
  PackedSpace &result = spaces[index];
  loc = space.root.getLoc();
  b.setInsertionPointAfterValue(space.root);
  AffineExpr batch = space.grid.batch, sequence = space.grid.sequence, count = result.count;
  AffineExpr all = normalizeDim(batch * sequence);
  Type i64 = b.getI64Type();
  if (space.needsZeroOrOne)
    requireZeroOrOne(space);
  result.valid = result.kept = getMask(space);
  Value isValid = convert(result.valid, i64);
  result.lengths = sum(isValid, 1);
  Value slots = result.lengths;
  if (space.readsFirst) {
    // A padded first token goes behind the valid ones: it sees them, and no one sees it.
    Value column = IotaOp::create(b, loc, typeOf({sequence}, i64), 0, 1);
    Value isFirst = compare(ComparePredicate::EQ, reshape(column, {one(), sequence}), integer(0));
    result.kept = combine<OrOp>(result.valid, isFirst);
    slots = sum(convert(result.kept, i64), 1);
  }
  Value total = sum(slots, 0);
  BindSizeOp::create(b, loc, total, AffineMap::get(0, numSymbols, count), StringAttr());
  Value begins = CumSumOp::create(b, loc, slots, 0, /*exclusive=*/true, /*reverse=*/false);
  result.offsets = ConcatOp::create(b, loc, ValueRange{begins, reshape(total, {one()})}, 0);

  Value before = CumSumOp::create(b, loc, isValid, 1, /*exclusive=*/true, /*reverse=*/false);
  Value within = before;
  if (space.readsFirst)
    within = select(result.valid, before, reshape(result.lengths, {batch, one()}));
  result.place = combine<AddOp>(reshape(begins, {batch, one()}), within);
  // What is dropped goes to one place behind all.
  Value target = reshape(select(result.kept, result.place, size(count)), {all});
  Value room = BroadcastToOp::create(b, loc, typeOf({count + 1}, i64), integer(0));
  Value numbers = IotaOp::create(b, loc, typeOf({all}, i64), 0, 1);
  Value found =
      ScatterElementsOp::create(b, loc, room, target, numbers, /*axis=*/0, ScatterReduction::None);
  result.rows = SliceOp::create(b, loc, typeOf({count}, i64), found,
                                AffineMap::get(0, numSymbols, b.getAffineConstantExpr(0)),
                                ArrayRef<int64_t>{1});
  Value columns = size(sequence);
  result.sequences = combine<DivOp>(result.rows, columns);
  result.positions = combine<ModOp>(result.rows, columns);
}

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

/// What an op that is not packed reads: the value with something defined at all tokens. Of
/// outputs it is 0 at padded ones.
Value Packer::getPadded(Value value, bool isOutput) {
  std::optional<TokenValue> tokens = analysis.getTokens(value);
  if (!tokens)
    return value;
  Value form = packed.lookup(value);
  auto type = cast<RankedTensorType>(value.getType());
  if (isOutput)
    return unpack(form ? form : pack(value, *tokens), type, *tokens, /*withFirst=*/false);
  if (!form)
    return value;
  Value &result = padded[value];
  if (!result)
    result = unpack(form, type, *tokens, /*withFirst=*/true);
  return result;
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
  // An index of 0 that is no token is the model's error, and stays one.
  Value at = pick(spaces[tokens.space].place, integer(0), 1, /*inBounds=*/false);
  Value rows = pick(form, at, 0, /*inBounds=*/true);
  op->getResult(0).replaceAllUsesWith(
      reshapeTo(b, loc, rows, cast<RankedTensorType>(op->getResult(0).getType())));
}

void Packer::useTokens(Operation *op) {
  bool isEnd = op->hasTrait<OpTrait::IsTerminator>();
  for (OpOperand &operand : op->getOpOperands())
    if (analysis.getTokens(operand.get()))
      operand.set(getPadded(operand.get(), isEnd));
}

void Packer::run() {
  addSymbols();
  SmallVector<Operation *> ops;
  for (Operation &op : entry.getBody().front())
    ops.push_back(&op);
  for (auto [number, space] : llvm::enumerate(analysis.spaces))
    if (!space.obstacle)
      place(number);
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

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct RemovePadding : winnow::impl::RemovePaddingBase<RemovePadding> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "remove-padding");
    for (func::FuncOp func : getOperation().getOps<func::FuncOp>())
      if (func->hasAttr("winnow.entry"))
        remove(func, reporter);
    eraseDeadOps(getOperation());
  }

  static void remove(func::FuncOp entry, SiteReporter &reporter) {
    PaddingAnalysis analysis(entry);
    PackPlan plan(entry, analysis);
    // Where all that could be packed is not worth it, padding stays.
    for (bool isStable = false; !isStable;) {
      isStable = true;
      for (auto [number, space] : llvm::enumerate(analysis.spaces))
        if (!space.obstacle && !plan.count(number)) {
          auto attention = cast<AttentionOp>(space.teller);
          analysis.discard(number, space.teller, "remove-padding.nothing",
                           "no op can run on valid tokens only; of this attention, " +
                               (plan.isPacked(attention) ? "nothing is computed here"
                                                         : plan.getReason(attention)));
          isStable = false;
        }
      if (!isStable)
        plan = PackPlan(entry, analysis);
    }
    bool isUseful = false;
    for (const TokenSpace &space : analysis.spaces) {
      isUseful |= !space.obstacle;
      if (space.obstacle)
        reporter.refused(space.obstacle->getLoc(), space.code,
                         "padding of '" + getMaskName(space.root) + "' stays: " + space.reason);
    }
    for (AttentionOp op : entry.getOps<AttentionOp>())
      if (op.getMask() && !analysis.getSite(op).keys)
        reporter.refused(op.getLoc(), "remove-padding.mask",
                         "the mask of this attention is not made of a value for each key that "
                         "hides it or does not");
    if (!isUseful)
      return;
    describe(entry, analysis, plan, reporter);
    mark(entry, analysis);
    Packer packer(entry, analysis, plan);
    packer.run();
  }

  /// Says of outputs where they are no longer what they were: `winnow.padding` with the
  /// input that tells valid tokens, if one does. An output of `tokens` is 0 at the others;
  /// another one may differ where a sequence has none.
  static void mark(func::FuncOp entry, const PaddingAnalysis &analysis) {
    Operation *end = entry.getBody().front().getTerminator();
    Builder b(entry.getContext());
    for (auto [index, value] : llvm::enumerate(end->getOperands())) {
      std::optional<TokenValue> tokens = analysis.getTokens(value);
      const TokenSpace *space = tokens ? &analysis.spaces[tokens->space] : nullptr;
      for (const TokenSpace &other : analysis.spaces)
        if (!space && !other.obstacle && (other.readsFirst || other.hasOtherQueries))
          space = &other;
      if (!space)
        continue;
      bool isInput = isa<BlockArgument>(space->root) && space->rootLayout == TokenLayout{0, {1}};
      entry.setResultAttr(
          index, "winnow.padding",
          b.getDictionaryAttr(
              {b.getNamedAttr("mask", b.getStringAttr(isInput ? getMaskName(space->root) : "")),
               b.getNamedAttr("tokens", b.getBoolAttr(tokens.has_value())),
               b.getNamedAttr("valid_nonzero", b.getBoolAttr(space->isValidNonZero))}));
    }
  }

  /// One entry for each space, and one for each attention that stays padded.
  static void describe(func::FuncOp entry, const PaddingAnalysis &analysis, const PackPlan &plan,
                       SiteReporter &reporter) {
    Operation *end = entry.getBody().front().getTerminator();
    for (auto [number, space] : llvm::enumerate(analysis.spaces)) {
      if (space.obstacle)
        continue;
      unsigned ops = plan.count(number), packedAttentions = 0;
      for (AttentionOp op : entry.getOps<AttentionOp>()) {
        const AttentionSite &site = analysis.getSite(op);
        if (site.queries != number && site.keys != number)
          continue;
        if (plan.isPacked(op))
          ++packedAttentions;
        else
          reporter.refused(op.getLoc(), "remove-padding.attention-stays",
                           "this attention runs padded: " + plan.getReason(op));
      }
      SmallVector<std::string> outputs;
      for (auto [index, value] : llvm::enumerate(end->getOperands()))
        if (std::optional<TokenValue> tokens = analysis.getTokens(value);
            tokens && tokens->space == number) {
          auto name = entry.getResultAttrOfType<StringAttr>(index, "winnow.name");
          outputs.push_back("'" + (name ? name.getValue().str() : std::to_string(index)) + "'");
        }
      std::string sentence = "runs " + countThings(packedAttentions, "attention") + " and " +
                             countThings(ops, "other op") + " on the valid tokens of '" +
                             getMaskName(space.root) + "'";
      if (!outputs.empty())
        sentence += "; " + llvm::join(outputs, ", ") + (outputs.size() == 1 ? " is" : " are") +
                    " 0 at padded positions";
      if (space.readsFirst || space.hasOtherQueries)
        sentence += "; what attends to a sequence without valid tokens gets 0";
      reporter.applied(space.teller->getLoc(), "remove-padding.packed", sentence);
    }
  }
};
} // namespace
