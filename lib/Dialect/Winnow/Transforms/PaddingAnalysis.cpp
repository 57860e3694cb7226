#include "PaddingAnalysis.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

PaddingAnalysis::PaddingAnalysis(func::FuncOp entry, bool packsInputs)
    : entry(entry), packsInputs(packsInputs) {
  findSpaces();
  while (!walk())
    ;
}

bool PaddingAnalysis::giveUp(unsigned space, Operation *op, StringRef code, const Twine &reason) {
  spaces[space].obstacle = op;
  spaces[space].code = code.str();
  spaces[space].reason = reason.str();
  return false;
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

namespace {
/// The number of which every element of a mask is a function, and the function's values at 0
/// and 1.
struct ArithmeticMask {
  Value root;
  Places places;
  double atZero, atOne;
};
} // namespace

/// The value of a tree of arithmetic where its leaf, integers or an input, is `number`; the leaf
/// and its places come back.
static std::optional<double> evaluateAt(Value value, ArrayRef<int> places, double number,
                                        Value &root, Places &rootPlaces, unsigned depth = 0) {
  // Exporters write four ops or so.
  if (depth > 10)
    return std::nullopt;
  if (std::optional<double> constant = getScalarConstant(value))
    return constant;
  Operation *op = value.getDefiningOp();
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(value));
  if (!op || !isFloat) {
    if (root && root != value)
      return std::nullopt;
    root = value;
    rootPlaces = Places(places);
    return number;
  }
  if (isa<ReshapeOp, BroadcastToOp, TransposeOp>(op)) {
    std::optional<Places> input = getInputPlaces(op, places);
    if (!input)
      return std::nullopt;
    return evaluateAt(op->getOperand(0), *input, number, root, rootPlaces, depth + 1);
  }
  if (!isa<AddOp, SubOp, MulOp, DivOp, NegOp, CastOp>(op))
    return std::nullopt;
  SmallVector<double> operands;
  for (Value operand : op->getOperands()) {
    std::optional<double> result =
        evaluateAt(operand, alignPlaces(places, operand), number, root, rootPlaces, depth + 1);
    if (!result)
      return std::nullopt;
    operands.push_back(*result);
  }
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([&](AddOp) { return operands[0] + operands[1]; })
      .Case([&](SubOp) { return operands[0] - operands[1]; })
      .Case([&](MulOp) { return operands[0] * operands[1]; })
      .Case([&](DivOp) { return operands[0] / operands[1]; })
      .Case([&](NegOp) { return -operands[0]; })
      .Default([&](Operation *) { return operands[0]; });
}

/// A mask like `(1 - m) * -10000`.
static std::optional<ArithmeticMask> readArithmetic(Value value, ArrayRef<int> places) {
  ArithmeticMask mask;
  std::optional<double> atZero = evaluateAt(value, places, 0, mask.root, mask.places);
  std::optional<double> atOne = evaluateAt(value, places, 1, mask.root, mask.places);
  if (!atZero || !atOne || !mask.root)
    return std::nullopt;
  mask.atZero = *atZero;
  mask.atOne = *atOne;
  return mask;
}

/// Batch and keys, or queries, of what varies over these and nothing else.
static std::optional<TokenLayout> getTokenLayout(ArrayRef<int> places, int ofTokens,
                                                 bool hasOneSequence) {
  TokenLayout layout;
  for (auto [dim, place] : llvm::enumerate(places)) {
    if (place == 0)
      layout.batch = dim;
    else if (place == ofTokens)
      layout.tokens.push_back(dim);
    else if (place > 0)
      return std::nullopt;
  }
  if (layout.tokens.empty() || (layout.batch < 0 && !hasOneSequence))
    return std::nullopt;
  if (layout.batch < 0 && layout.tokens[0] == 0)
    layout.batch = 0, layout.isFlat = true;
  else if (layout.batch < 0)
    layout.batch = 0;
  return layout;
}

/// Only whether it is zero matters to the result: the operand, or null.
static Value getTestedOperand(Operation *op, bool &isValidNonZero) {
  if (isa_and_nonnull<ReshapeOp, TransposeOp, BroadcastToOp>(op))
    return op->getOperand(0);
  if (auto cast = dyn_cast_or_null<CastOp>(op)) {
    // A fraction is truncated.
    bool keeps = !isa<FloatType>(getElementTypeOrSelf(cast.getInput())) ||
                 getElementTypeOrSelf(cast.getType()).isInteger(1);
    return keeps ? cast.getInput() : Value();
  }
  if (auto negation = dyn_cast_or_null<NotOp>(op)) {
    if (!getElementTypeOrSelf(negation.getType()).isInteger(1))
      return nullptr;
    isValidNonZero = !isValidNonZero;
    return negation.getInput();
  }
  if (auto compare = dyn_cast_or_null<CompareOp>(op)) {
    bool isEqual = compare.getPredicate() == ComparePredicate::EQ;
    if (!isScalarConstant(compare.getRhs(), 0) ||
        (!isEqual && compare.getPredicate() != ComparePredicate::NE))
      return nullptr;
    isValidNonZero ^= isEqual;
    return compare.getLhs();
  }
  return nullptr;
}

/// Whether something reads more of a mask than what it hides: token numbers, of which one is
/// padding.
static bool isLookedUp(Value mask) {
  return llvm::any_of(mask.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<CastOp, ReshapeOp, TransposeOp>(user))
      return isLookedUp(user->getResult(0));
    return isa<GatherOp>(user) && use.getOperandNumber() == 1;
  });
}

/// The operand of a comparison that tells 0 from 1, such as `mask == 1` and `mask > 0.5`.
static Value getComparedMask(Operation *op, bool &isValidNonZero) {
  auto compare = dyn_cast<CompareOp>(op);
  std::optional<double> number = compare ? getScalarConstant(compare.getRhs()) : std::nullopt;
  if (!number)
    return nullptr;
  auto holds = [&](double value) {
    switch (compare.getPredicate()) {
    case ComparePredicate::EQ: return value == *number;
    case ComparePredicate::NE: return value != *number;
    case ComparePredicate::LT: return value < *number;
    case ComparePredicate::LE: return value <= *number;
    case ComparePredicate::GT: return value > *number;
    case ComparePredicate::GE: return value >= *number;
    }
    llvm_unreachable("all predicates are known");
  };
  if (holds(0) == holds(1))
    return nullptr;
  isValidNonZero ^= holds(0);
  return compare.getLhs();
}

/// What a condition is made of, as far down as it says the same: masks that are made from one
/// input in several ways are one.
TokenSpace PaddingAnalysis::traceMask(AttentionOp op, Value condition, bool isHidden,
                                      const TokenLayout &layout) const {
  TokenSpace space;
  space.grid = {getDims(op.getQuery())[0], getDims(op.getKey())[1],
                unsigned(getSymbols(entry).size())};
  space.root = condition;
  space.rootLayout = layout;
  space.isValidNonZero = !isHidden;
  space.teller = op;
  bool isValidNonZero = space.isValidNonZero;
  while (Operation *definition = space.root.getDefiningOp()) {
    Value operand = getTestedOperand(definition, isValidNonZero);
    std::optional<TokenLayout> below;
    if (operand)
      below = inferOperandLayout(definition->getOpOperand(0), space.rootLayout, space.grid);
    if (!below)
      break;
    space.root = operand;
    space.rootLayout = *below;
    space.isValidNonZero = isValidNonZero;
  }
  return space;
}

static bool isSameMask(const TokenSpace &a, const TokenSpace &b) {
  return a.root == b.root && a.isValidNonZero == b.isValidNonZero && a.rootLayout == b.rootLayout;
}

std::optional<unsigned> PaddingAnalysis::addSpace(TokenSpace space) {
  Operation *definition = space.root.getDefiningOp();
  if (definition && definition->getParentOp() != entry)
    return std::nullopt;
  for (auto [number, known] : llvm::enumerate(spaces))
    if (isSameMask(known, space)) {
      known.needsZeroOrOne |= space.needsZeroOrOne;
      return number;
    }
  spaces.push_back(std::move(space));
  return spaces.size() - 1;
}

/// Tells what hides padded keys from the rest of a mask.
void PaddingAnalysis::readMask(AttentionOp op, AttentionSite &site) {
  MaskReader reader(op);
  if (!reader.read())
    return;
  bool hasOneSequence = isConstantDim(getDims(op.getQuery())[0], 1);
  auto takeKeys = [&](Value value, ArrayRef<int> places, bool isHidden, bool isArithmetic) {
    std::optional<TokenLayout> layout = getTokenLayout(places, 3, hasOneSequence);
    if (!layout)
      return false;
    TokenSpace space = traceMask(op, value, isHidden, *layout);
    space.needsZeroOrOne = isArithmetic;
    if (site.keys)
      return isSameMask(spaces[*site.keys], space);
    site.keys = addSpace(std::move(space));
    return site.keys.has_value();
  };
  for (MaskFill &fill : reader.fills)
    llvm::erase_if(fill.conditions, [&](const MaskCondition &part) {
      return takeKeys(part.value, part.places, part.isHidden, /*isArithmetic=*/false);
    });
  llvm::erase_if(reader.added, [&](const auto &term) {
    std::optional<ArithmeticMask> mask = readArithmetic(term.first, term.second);
    bool isHiddenZero = mask && mask->atZero <= kLowFill && mask->atOne == 0;
    bool isHiddenOne = mask && mask->atOne <= kLowFill && mask->atZero == 0;
    return (isHiddenZero || isHiddenOne) &&
           takeKeys(mask->root, mask->places, isHiddenOne,
                    !getElementTypeOrSelf(mask->root).isInteger(1));
  });
  // The mask of pairs that a mask makes with itself.
  if (site.keys)
    for (MaskFill &fill : reader.fills)
      llvm::erase_if(fill.conditions, [&](const MaskCondition &part) {
        std::optional<TokenLayout> layout = getTokenLayout(part.places, 2, hasOneSequence);
        bool isSame = layout && isSameMask(spaces[*site.keys],
                                           traceMask(op, part.value, part.isHidden, *layout));
        site.hidesQueries |= isSame;
        return isSame;
      });
  if (site.keys && !reader.isCausal)
    site.rest = reader;
}

void PaddingAnalysis::findSpaces() {
  for (AttentionOp op : entry.getOps<AttentionOp>()) {
    AttentionSite &site = attentions[op];
    if (op.getMask() && !op.getQueryOffsets() && !op.getKeyOffsets())
      readMask(op, site);
    if (site.keys)
      site.sharesSource = sharesSource(op, spaces[*site.keys].grid);
  }
}

//===----------------------------------------------------------------------===//
// Self-attention
//===----------------------------------------------------------------------===//

/// The values that a token's element is made from, token by token.
static llvm::DenseSet<Value> collectSources(Value value, const TokenLayout &layout,
                                            const TokenGrid &grid) {
  llvm::DenseSet<Value> sources;
  SmallVector<std::pair<Value, TokenLayout>> left = {{value, layout}};
  while (!left.empty()) {
    auto [next, at] = left.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!sources.insert(next).second || !op || !isa<WinnowDialect>(op->getDialect()) ||
        op->getNumResults() != 1)
      continue;
    for (OpOperand &operand : op->getOpOperands())
      if (std::optional<TokenLayout> below = inferOperandLayout(operand, at, grid))
        left.push_back({operand.get(), *below});
  }
  return sources;
}

bool PaddingAnalysis::sharesSource(AttentionOp op, const TokenGrid &grid) const {
  Dims query = getDims(op.getQuery());
  if (!grid.isSame(query[1], grid.sequence))
    return false;
  TokenLayout layout{0, {1}};
  llvm::DenseSet<Value> ofQuery = collectSources(op.getQuery(), layout, grid);
  llvm::DenseSet<Value> ofKey = collectSources(op.getKey(), layout, grid);
  return llvm::any_of(ofQuery, [&](Value value) { return ofKey.contains(value); });
}

//===----------------------------------------------------------------------===//
// Dataflow
//===----------------------------------------------------------------------===//

bool PaddingAnalysis::walk() {
  tokens.clear();
  masks.clear();
  firstReaders.clear();
  for (auto [number, space] : llvm::enumerate(spaces)) {
    space.readsFirst = space.hasOtherQueries = false;
    masks.try_emplace(space.root, Mask{unsigned(number), space.rootLayout, space.isValidNonZero});
  }
  if (packsInputs && !addInputs())
    return false;
  for (Operation &op : entry.getBody().front()) {
    if (!visit(&op))
      return false;
  }
  if (packsInputs) // where no first token is padding
    return true;
  for (AttentionOp op : entry.getOps<AttentionOp>()) {
    std::optional<unsigned> space = attentions[op].keys;
    if (space && op.getCausal() && spaces[*space].readsFirst && !spaces[*space].obstacle)
      return giveUp(*space, op, "remove-padding.first-token",
                    "the first token of each sequence is read, which may be padding, under causal "
                    "attention");
  }
  return true;
}

/// The layout of an input for each token: [batch, sequence, ...] or [sequence, batch, ...].
static std::optional<TokenLayout> getInputLayout(BlockArgument argument, const TokenGrid &grid) {
  Dims dims = getDims(argument);
  if (dims.size() < 2)
    return std::nullopt;
  if (grid.isSame(dims[0], grid.batch) && grid.isSame(dims[1], grid.sequence))
    return TokenLayout{0, {1}};
  if (grid.isSame(dims[1], grid.batch) && grid.isSame(dims[0], grid.sequence))
    return TokenLayout{1, {0}};
  return std::nullopt;
}

/// Arguments that hold something for each token.
bool PaddingAnalysis::addInputs() {
  for (BlockArgument argument : entry.getArguments()) {
    if (isMask(argument) && !isLookedUp(argument))
      continue;
    for (auto [number, space] : llvm::enumerate(spaces)) {
      if (space.obstacle)
        continue;
      std::optional<TokenLayout> layout = getInputLayout(argument, space.grid);
      if (!layout)
        continue;
      if (!tokens.try_emplace(argument, TokenValue{unsigned(number), *layout}).second)
        return giveUp(number, space.teller, "remove-padding.packed-inputs",
                      "two masks hide tokens of one size");
    }
  }
  return true;
}

void PaddingAnalysis::visitMask(Operation *op) {
  if (op->getNumResults() != 1)
    return;
  for (OpOperand &operand : op->getOpOperands()) {
    auto found = masks.find(operand.get());
    if (found == masks.end())
      continue;
    Mask mask = found->second;
    const TokenSpace &space = spaces[mask.space];
    if (getTestedOperand(op, mask.isValidNonZero) != operand.get()) {
      // Of zeros and ones it is a mask as well.
      mask = found->second;
      if (operand.get() != space.root || isLookedUp(space.root) ||
          getComparedMask(op, mask.isValidNonZero) != operand.get())
        return;
      mask.isOfZeroOrOne = true;
    }
    std::optional<TokenLayout> layout =
        propagateLayout(operand, mask.layout, spaces[mask.space].grid);
    if (!layout)
      return;
    mask.layout = *layout;
    masks.try_emplace(op->getResult(0), mask);
  }
}

/// The op leaves nothing of what stands at padded tokens: it multiplies it by 0, or takes
/// something else.
bool PaddingAnalysis::hidesPadding(Operation *op, unsigned space) const {
  auto getMaskLayout = [&](unsigned number, bool isValidNonZero) -> std::optional<TokenLayout> {
    auto mask = masks.find(op->getOperand(number));
    if (mask == masks.end() || mask->second.space != space ||
        mask->second.isValidNonZero != isValidNonZero)
      return std::nullopt;
    return propagateLayout(op->getOpOperand(number), mask->second.layout, spaces[space].grid);
  };
  auto getTokenLayout = [&](unsigned number) -> std::optional<TokenLayout> {
    std::optional<TokenValue> value = getTokens(op->getOperand(number));
    if (!value || value->space != space)
      return std::nullopt;
    return propagateLayout(op->getOpOperand(number), value->layout, spaces[space].grid);
  };
  auto matches = [](std::optional<TokenLayout> mask, std::optional<TokenLayout> value) {
    return mask && value && *mask == *value;
  };
  if (isa<MulOp>(op))
    return matches(getMaskLayout(0, true), getTokenLayout(1)) ||
           matches(getMaskLayout(1, true), getTokenLayout(0));
  if (isa<SelectOp>(op)) {
    bool first = getTokens(op->getOperand(1)).has_value(),
         second = getTokens(op->getOperand(2)).has_value();
    if (getTokens(op->getOperand(0)) || first == second)
      return false;
    return first ? matches(getMaskLayout(0, true), getTokenLayout(1))
                 : matches(getMaskLayout(0, false), getTokenLayout(2));
  }
  return false;
}

bool PaddingAnalysis::readsFirstToken(Operation *op, const TokenValue &value) const {
  if (!value.layout.isLeading() || value.layout.isFlat)
    return false;
  int64_t dim = value.layout.tokens[0];
  if (auto gather = dyn_cast<GatherOp>(op)) {
    ElementsAttr indices = getConstantElements(gather.getIndices());
    return gather.getAxis() == dim && indices && indices.getNumElements() == 1 &&
           isScalarConstant(gather.getIndices(), 0);
  }
  auto slice = dyn_cast<SliceOp>(op);
  if (!slice)
    return false;
  Dims in = getDims(slice.getInput()), out = getDims(slice.getResult());
  for (int64_t d = 0, e = in.size(); d < e; ++d) {
    bool isWhole = spaces[value.space].grid.isSame(in[d], out[d]);
    if (!isConstantDim(slice.getStarts().getResult(d), 0) || slice.getSteps()[d] != 1 ||
        (d == dim ? !isConstantDim(out[d], 1) : !isWhole))
      return false;
  }
  return true;
}

bool PaddingAnalysis::visitReturn(Operation *op) {
  for (Value value : op->getOperands())
    if (std::optional<TokenValue> tokens = getTokens(value); tokens && !tokens->layout.isLeading())
      return giveUp(tokens->space, op, "remove-padding.output",
                    "an output of dimensions " + toString(getDims(value)) +
                        " does not begin with batch and sequence");
  return true;
}

bool PaddingAnalysis::visitAttention(AttentionOp op, AttentionSite &site) {
  const TokenLayout rows{0, {1}};
  std::optional<unsigned> space;
  for (Value operand : {op.getKey(), op.getValue()}) {
    std::optional<TokenValue> keys = getTokens(operand);
    if (!keys)
      continue;
    if (keys->layout != rows || site.keys != keys->space)
      return giveUp(keys->space, op, "remove-padding.attention-mask",
                    "the mask of an attention does not hide the padded keys");
  }
  site.queries.reset();
  site.isSelf = false;
  bool isKeyed = site.keys && !spaces[*site.keys].obstacle;
  std::optional<TokenValue> queries = getTokens(op.getQuery());
  if (queries) {
    if (queries->layout != rows)
      return giveUp(queries->space, op, "remove-padding.queries",
                    "the queries of an attention are not [batch, sequence]");
    space = queries->space;
  }
  if (isKeyed && (!queries || queries->space == *site.keys))
    site.isSelf = site.sharesSource;
  if (isKeyed && site.isSelf)
    space = *site.keys;
  if (op.getMask())
    if (std::optional<TokenValue> mask = getTokens(op.getMask())) {
      bool isOfPairs = mask->layout.batch == 0 && !mask->layout.isShared &&
                       llvm::all_of(mask->layout.tokens, [](int dim) { return dim >= 2; });
      if (!isOfPairs || space != mask->space || (isKeyed && *site.keys != mask->space) || !isKeyed)
        return giveUp(mask->space, op, "remove-padding.attention-mask",
                      "a mask is computed from tokens that it does not hide");
    }
  site.queries = space;
  if (isKeyed && space != site.keys)
    spaces[*site.keys].hasOtherQueries = true;
  if (space)
    tokens[op.getResult()] = {*space, rows};
  return true;
}

bool PaddingAnalysis::visit(Operation *op) {
  visitMask(op);
  // Masks are made from the lengths there, and known for padding as well.
  if (packsInputs && op->getNumResults() == 1 && isMask(op->getResult(0)))
    return true;
  // What a region reads of tokens is more than is followed here.
  bool reads = false;
  if (op->getNumRegions())
    for (unsigned space = 0; space < spaces.size(); ++space) {
      op->walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (std::optional<TokenValue> value = getTokens(operand))
            reads |= value->space == space;
      });
      if (reads)
        return giveUp(space, op, "remove-padding.control-flow", "a loop or a branch reads tokens");
    }
  if (auto attention = dyn_cast<AttentionOp>(op))
    return visitAttention(attention, attentions[op]);
  std::optional<unsigned> space;
  SmallVector<std::optional<TokenLayout>> layouts;
  for (Value operand : op->getOperands()) {
    std::optional<TokenValue> value = getTokens(operand);
    layouts.push_back(value ? std::optional(value->layout) : std::nullopt);
    if (!value)
      continue;
    if (space && *space != value->space)
      return giveUp(value->space, op, "remove-padding.mixed",
                    "'" + op->getName().stripDialect() + "' combines tokens of two masks");
    space = value->space;
  }
  if (!space)
    return true;
  if (isa<func::ReturnOp>(op))
    return visitReturn(op);
  if (hidesPadding(op, *space)) {
    for (Value operand : op->getOperands())
      if (auto mask = masks.find(operand); mask != masks.end() && mask->second.isOfZeroOrOne)
        spaces[*space].needsZeroOrOne = true;
    return true;
  }
  if (std::optional<TokenValue> value = getTokens(op->getOperand(0));
      value && readsFirstToken(op, *value)) {
    spaces[*space].readsFirst = true;
    firstReaders.insert(op);
    return true;
  }
  std::optional<TokenLayout> layout = propagateLayout(op, layouts, spaces[*space].grid);
  // Padding is behind all that such a sum takes.
  if (auto sum = dyn_cast<CumSumOp>(op); sum && packsInputs && !sum.getReverse() && !layout &&
                                         !layouts[0]->isFlat && !layouts[0]->isShared &&
                                         llvm::is_contained(layouts[0]->tokens, sum.getAxis()))
    layout = layouts[0];
  if (!layout)
    return giveUp(*space, op, "remove-padding.mixes-tokens",
                  "'" + op->getName().stripDialect() +
                      "' combines tokens, and would see what stands at padded ones");
  for (Value result : op->getResults())
    tokens[result] = {*space, *layout};
  return true;
}
