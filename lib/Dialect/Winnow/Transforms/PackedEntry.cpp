#include "PackedEntry.h"

#include "Packer.h"

#include "winnow/Dialect/Winnow/IR/Entries.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace winnow;

static constexpr llvm::StringLiteral kForm = "packed";
static constexpr llvm::StringLiteral kName = "winnow.name";

static std::string getInputName(func::FuncOp entry, unsigned index) {
  auto name = entry.getArgAttrOfType<StringAttr>(index, kName);
  return name ? name.getValue().str() : std::to_string(index);
}

namespace {
/// Rewrites a function to one whose arguments are packed already.
class SequencePacker : public Packer {
public:
  using Packer::Packer;

  /// Fails if something still reads an argument that is no more.
  LogicalResult run();
  /// What the report says of the inputs.
  std::string describe() const;

private:
  void addSymbols() override;
  void place(unsigned number) override;
  Value getOutput(Value value) override;

  void addLengths(unsigned number);
  void addInput(BlockArgument padded);
  void check(Value isWrong, StringRef message);
  void bindSequence(unsigned number, Value longest);
  void replaceMask(unsigned number);
  bool isLastOfItsSequence(unsigned number) const;
  bool isSequenceFree(AffineExpr sequence);

  SmallVector<BlockArgument> dropped;
  SmallVector<std::string> inputs; ///< packed ones
  SmallVector<std::string> names;  ///< of the boundaries of each space
  /// cu_seqlens of each space.
  SmallVector<Value> boundaries;
  /// The longest sequence of the spaces so far, by the symbols of their lengths.
  llvm::DenseMap<AffineExpr, Value> longest;
};
} // namespace

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Arguments give the padded length no size any more.
bool SequencePacker::isSequenceFree(AffineExpr sequence) {
  return llvm::none_of(entry.getArguments(), [&](BlockArgument argument) {
    return !analysis.getTokens(argument) && !analysis.isMask(argument) &&
           llvm::any_of(getDims(argument), [&](AffineExpr dim) { return dim == sequence; });
  });
}

void SequencePacker::addSymbols() {
  SmallVector<SymbolInfo> symbols = getSymbols(entry);
  unsigned active = llvm::count_if(analysis.spaces, [](auto &space) { return !space.obstacle; });
  for (const TokenSpace &space : analysis.spaces) {
    PackedSpace result;
    names.emplace_back();
    if (!space.obstacle) {
      std::string prefix = active == 1 ? "" : getMaskName(space.root) + ".";
      names.back() = prefix + "cu_seqlens";
      result.count = b.getAffineSymbolExpr(symbols.size());
      SymbolInfo info;
      info.name = prefix + "tokens";
      info.min = 1;
      symbols.push_back(info);
      if (auto sequence = dyn_cast<AffineSymbolExpr>(space.grid.sequence))
        symbols[sequence.getPosition()].isData |= isSequenceFree(sequence);
    }
    spaces.push_back(result);
  }
  numSymbols = symbols.size();
  setSymbols(entry, symbols);
  setNumSymbols(entry, numSymbols);
}

/// An argument for where the sequences of a space begin, at the place of the mask.
void SequencePacker::addLengths(unsigned number) {
  const TokenSpace &space = analysis.spaces[number];
  unsigned index = entry.getNumArguments();
  auto mask = dyn_cast<BlockArgument>(space.root);
  if (mask && !analysis.isTokenInput(mask)) {
    index = mask.getArgNumber();
    dropped.push_back(mask);
  }
  llvm::StringSet<> taken;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    taken.insert(getInputName(entry, i));
  while (taken.contains(names[number]))
    names[number] += "_";
  auto name = b.getStringAttr(names[number]);
  (void)entry.insertArgument(index, typeOf({normalizeDim(space.grid.batch + 1)}, b.getI32Type()),
                             b.getDictionaryAttr(b.getNamedAttr(kName, name)),
                             NameLoc::get(name));
  boundaries[number] = entry.getArgument(index);
}

/// The packed form of an argument, before it.
void SequencePacker::addInput(BlockArgument argument) {
  TokenValue tokens = *analysis.getTokens(argument);
  unsigned index = argument.getArgNumber();
  auto type = typeOf(packDims(getDims(argument), tokens), getElementTypeOrSelf(argument));
  (void)entry.insertArgument(index, type, entry.getArgAttrDict(index), argument.getLoc());
  packed[argument] = entry.getArgument(index);
  inputs.push_back("'" + getInputName(entry, index) + "'");
  dropped.push_back(argument);
}

std::string SequencePacker::describe() const {
  SmallVector<std::string> lengths;
  for (const std::string &name : names)
    if (!name.empty())
      lengths.push_back("'" + name + "'");
  return "run_packed takes " + llvm::join(inputs, ", ") + " as [tokens, ...], and by " +
         llvm::join(lengths, ", ") + " where sequences begin";
}

//===----------------------------------------------------------------------===//
// Spaces
//===----------------------------------------------------------------------===//

/// Fails where any of the booleans is true.
void SequencePacker::check(Value isWrong, StringRef message) {
  Value count = convert(isWrong, b.getI64Type());
  if (!getDims(count).empty())
    count = sum(count, llvm::to_vector(llvm::seq<int64_t>(0, getDims(count).size())));
  BindSizeOp::create(b, loc, count, AffineMap::get(0, numSymbols, b.getAffineConstantExpr(0)),
                     b.getStringAttr(message));
}

/// No other space that comes later has sequences of that size.
bool SequencePacker::isLastOfItsSequence(unsigned number) const {
  return llvm::none_of(ArrayRef(analysis.spaces).drop_front(number + 1), [&](auto &space) {
    return !space.obstacle && space.grid.sequence == analysis.spaces[number].grid.sequence;
  });
}

/// The padded length is that of the longest sequence, unless something else says it.
void SequencePacker::bindSequence(unsigned number, Value lengths) {
  AffineExpr sequence = analysis.spaces[number].grid.sequence;
  SmallVector<SymbolInfo> symbols = getSymbols(entry);
  auto symbol = dyn_cast<AffineSymbolExpr>(sequence);
  if (!symbol || !symbols[symbol.getPosition()].isData) {
    check(compare(ComparePredicate::GT, lengths, size(sequence)),
          "expected sequences that are not longer than the model's");
    return;
  }
  Value most = ReduceOp::create(b, loc, ReduceKind::Max, lengths, ArrayRef<int64_t>{0}, false);
  Value &known = longest[sequence];
  most = combine<MaximumOp>(most, known ? known : integer(symbols[symbol.getPosition()].min));
  known = most;
  if (isLastOfItsSequence(number))
    BindSizeOp::create(b, loc, most, AffineMap::get(0, numSymbols, sequence), StringAttr());
}

void SequencePacker::place(unsigned number) {
  const TokenSpace &space = analysis.spaces[number];
  PackedSpace &result = spaces[number];
  Value starts = boundaries[number];
  AffineExpr batch = space.grid.batch, sequence = space.grid.sequence, count = result.count;
  Type i64 = b.getI64Type();
  auto slice = [&](Value value, int64_t start, AffineExpr length) -> Value {
    return SliceOp::create(b, loc, typeOf({length}, i64), value,
                           AffineMap::get(0, numSymbols, b.getAffineConstantExpr(start)),
                           ArrayRef<int64_t>{1});
  };
  result.offsets = convert(starts, i64);
  Value begins = slice(result.offsets, 0, batch), ends = slice(result.offsets, 1, batch);
  Value zero = reshape(integer(0), {one()}), all = reshape(size(count), {one()});
  Value from = ConcatOp::create(b, loc, ValueRange{zero, result.offsets}, 0);
  Value to = ConcatOp::create(b, loc, ValueRange{result.offsets, all}, 0);
  check(compare(ComparePredicate::GT, from, to),
        "expected where sequences begin: numbers from 0 to the number of tokens that do not fall");
  Value first = slice(result.offsets, 0, one());
  Value last = SliceOp::create(b, loc, typeOf({one()}, i64), result.offsets,
                               AffineMap::get(0, numSymbols, batch), ArrayRef<int64_t>{1});
  check(combine<OrOp>(compare(ComparePredicate::NE, first, zero),
                      compare(ComparePredicate::NE, last, all)),
        "expected the first sequence to begin with token 0 and the last one to end with the last "
        "token");
  result.lengths = SubOp::create(b, loc, ends, begins);
  bindSequence(number, result.lengths);

  // As many sequences are before a token as end there or before.
  Value room = BroadcastToOp::create(b, loc, typeOf({count + 1}, i64), integer(0));
  Value ones = BroadcastToOp::create(b, loc, typeOf({batch}, i64), integer(1));
  Value found =
      ScatterElementsOp::create(b, loc, room, ends, ones, /*axis=*/0, ScatterReduction::Add);
  Value before = CumSumOp::create(b, loc, found, 0, /*exclusive=*/false, /*reverse=*/false);
  result.sequences = slice(before, 0, count);
  Value tokens = IotaOp::create(b, loc, typeOf({count}, i64), 0, 1);
  result.positions =
      SubOp::create(b, loc, tokens, pick(begins, result.sequences, 0, /*inBounds=*/true));
  result.rows = combine<AddOp>(combine<MulOp>(result.sequences, size(sequence)), result.positions);

  Value column = reshape(IotaOp::create(b, loc, typeOf({sequence}, i64), 0, 1), {one(), sequence});
  result.valid = result.kept =
      compare(ComparePredicate::LT, column, reshape(result.lengths, {batch, one()}));
  result.place = combine<AddOp>(reshape(begins, {batch, one()}), column);
  result.hasFirst = compare(ComparePredicate::GT, result.lengths, integer(0));
  result.first = select(result.hasFirst, begins, integer(0));
}

/// The mask of sequences that are padded behind their tokens.
void SequencePacker::replaceMask(unsigned number) {
  const TokenSpace &space = analysis.spaces[number];
  Value root = space.root, mask = spaces[number].valid;
  if (!space.isValidNonZero)
    mask = NotOp::create(b, loc, mask);
  mask = convert(mask, getElementTypeOrSelf(root));
  const TokenLayout &layout = space.rootLayout;
  Dims dims = getDims(root);
  if (layout.batch >= 0 && layout.tokens[0] < layout.batch) {
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
    std::swap(order[layout.batch], order[layout.tokens[0]]);
    std::swap(dims[layout.batch], dims[layout.tokens[0]]);
    mask = createTranspose(b, loc, reshape(mask, dims), order);
  } else {
    mask = reshape(mask, dims);
  }
  bool isTokens = analysis.getTokens(root).has_value();
  root.replaceUsesWithIf(mask, [&](OpOperand &use) {
    return !isTokens || (use.getOwner()->getNumResults() == 1 &&
                         analysis.isMask(use.getOwner()->getResult(0)));
  });
}

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

/// Packed as well where it begins with batch and sequence.
Value SequencePacker::getOutput(Value value) {
  std::optional<TokenValue> tokens = analysis.getTokens(value);
  Dims dims = getDims(value);
  for (unsigned number = 0; number < spaces.size() && !tokens; ++number) {
    const TokenGrid &grid = analysis.spaces[number].grid;
    if (!analysis.spaces[number].obstacle && dims.size() >= 2 && grid.isSame(dims[0], grid.batch) &&
        grid.isSame(dims[1], grid.sequence))
      tokens = TokenValue{number, {0, {1}}};
  }
  return tokens ? pack(value, *tokens) : value;
}

LogicalResult SequencePacker::run() {
  addSymbols();
  boundaries.resize(spaces.size());
  SmallVector<Operation *> ops;
  for (Operation &op : entry.getBody().front())
    ops.push_back(&op);
  SmallVector<BlockArgument> arguments(entry.getArguments());
  for (BlockArgument argument : arguments)
    if (analysis.getTokens(argument))
      addInput(argument);
  b.setInsertionPointToStart(&entry.getBody().front());
  for (auto [number, space] : llvm::enumerate(analysis.spaces))
    if (!space.obstacle)
      addLengths(number);
  for (auto [number, space] : llvm::enumerate(analysis.spaces))
    if (!space.obstacle) {
      loc = boundaries[number].getLoc();
      place(number);
      replaceMask(number);
    }
  rewrite(ops);
  eraseDeadOps(entry);
  llvm::BitVector unused(entry.getNumArguments());
  for (BlockArgument argument : dropped) {
    if (!argument.use_empty())
      return failure();
    unused.set(argument.getArgNumber());
  }
  (void)entry.eraseArguments(unused);
  Operation *end = entry.getBody().front().getTerminator();
  entry.setFunctionType(FunctionType::get(entry.getContext(), entry.getBody().getArgumentTypes(),
                                          end->getOperandTypes()));
  return success();
}

/// A size that no argument gives.
static std::optional<std::string> findUnknownSize(func::FuncOp entry) {
  SmallVector<SymbolInfo> symbols = getSymbols(entry);
  for (auto [number, symbol] : llvm::enumerate(symbols)) {
    bool isKnown = symbol.isData;
    for (Type type : entry.getArgumentTypes())
      for (AffineExpr dim : getDims(type))
        if (std::optional<LinearDim> linear = getLinearDim(normalizeDim(dim)))
          isKnown |= linear->symbol == number;
    if (!isKnown)
      return symbol.name;
  }
  return std::nullopt;
}

void winnow::addPackedEntry(func::FuncOp entry, SiteReporter &reporter) {
  OpBuilder b(entry);
  b.setInsertionPointAfter(entry);
  auto form = cast<func::FuncOp>(b.clone(*entry));
  auto refuse = [&](Location loc, const Twine &reason) {
    reporter.refused(loc, "remove-padding.no-packed-entry", "there is no run_packed: " + reason);
    form.erase();
  };
  PaddingAnalysis analysis(form, /*packsInputs=*/true);
  for (const TokenSpace &space : analysis.spaces)
    if (space.obstacle)
      return refuse(space.obstacle->getLoc(), space.reason);
  if (llvm::none_of(form.getArguments(),
                    [&](BlockArgument argument) { return analysis.getTokens(argument); }))
    return refuse(entry.getLoc(), "no input is [batch, sequence, ...]");
  Location loc = analysis.spaces.front().teller->getLoc();
  PackPlan plan(form, analysis);
  SequencePacker packer(form, analysis, plan);
  if (failed(packer.run()))
    return refuse(loc, "an input is read where padded positions may be seen");
  if (std::optional<std::string> size = findUnknownSize(form))
    return refuse(entry.getLoc(), "no input would give the size '" + *size + "'");
  form->setAttr(kEntry, b.getStringAttr(kForm));
  form.setSymName((entry.getSymName() + "_" + kForm).str());
  reporter.applied(loc, "remove-padding.packed-entry", packer.describe());
}
