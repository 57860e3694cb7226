//===- PackerSpaces.cpp - Where packed tokens are -------------------------===//

#include "Packer.h"

#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

/// What people know a mask by.
std::string winnow::getMaskName(Value root) {
  auto argument = dyn_cast<BlockArgument>(root);
  auto func =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  auto name = func ? func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "winnow.name")
                   : StringAttr();
  return name ? name.getValue().str() : getLocationText(root.getLoc());
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

void winnow::setNumSymbols(func::FuncOp func, unsigned numSymbols) {
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
  // An index of 0 that is no token is the model's error, and stays one.
  if (space.readsFirst)
    result.first = pick(result.place, integer(0), 1, /*inBounds=*/false);
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

