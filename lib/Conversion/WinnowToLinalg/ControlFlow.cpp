#include "Lowering.h"

#include "mlir/IR/Dominance.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Data symbols
//===----------------------------------------------------------------------===//

/// A kernel that takes and gives numbers: it talks to the runtime.
static func::FuncOp declareScalarKernel(OpBuilder &b, ModuleOp module, StringRef name,
                                        ArrayRef<NamedAttribute> config, FunctionType type) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(b, b.getUnknownLoc(), name, type);
  function.setPrivate();
  function->setAttr("winnow.kernel", b.getDictionaryAttr(config));
  return function;
}

namespace {
struct LowerBindSize : LoweringPattern<BindSizeOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(BindSizeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    auto entry = op->getParentOfType<func::FuncOp>();
    SmallVector<SymbolInfo> symbols = getSymbols(entry);
    Value number = tensor::ExtractOp::create(rewriter, loc, adaptor.getValue(), ValueRange());
    Value size = arith::IndexCastOp::create(rewriter, loc, rewriter.getIndexType(), number);
    AffineExpr expr = op.getSize().getResult(0);
    auto symbol = dyn_cast<AffineSymbolExpr>(expr);
    auto kind = [&](StringRef name) {
      return rewriter.getNamedAttr("kind", rewriter.getStringAttr(name));
    };
    Type index = rewriter.getIndexType(), i32 = rewriter.getI32Type();
    if (symbol && symbols[symbol.getPosition()].isData &&
        !state.dataSymbols.contains({entry, symbol.getPosition()})) {
      unsigned position = symbol.getPosition();
      const SymbolInfo &info = symbols[position];
      std::string bounds = info.max == INT64_MAX
                               ? "at least " + std::to_string(info.min)
                               : "in [" + std::to_string(info.min) + ", " + std::to_string(info.max) + "]";
      int32_t site = state.sites.add(loc, "expected the size '" + info.name + "' that the data gives to be " + bounds);
      func::FuncOp kernel = declareScalarKernel(
          rewriter, module, "define_size_" + std::to_string(position),
          {kind("define_size"), rewriter.getNamedAttr("symbol", rewriter.getI64IntegerAttr(position))},
          rewriter.getFunctionType({index, i32}, {index}));
      auto call = func::CallOp::create(rewriter, loc, kernel, ValueRange{size, createSite(rewriter, loc, site)});
      state.dataSymbols[{entry, position}] = call.getResult(0);
    } else {
      StringRef message = op.getMessage().value_or(
          "expected a size that fits the other dimensions, which the data does not give");
      int32_t site = state.sites.add(loc, message);
      func::FuncOp kernel = declareScalarKernel(rewriter, module, "check_size", {kind("check_size")},
                                                rewriter.getFunctionType({index, index, i32}, {}));
      func::CallOp::create(rewriter, loc, kernel,
                           ValueRange{size, getSize(rewriter, loc, expr), createSite(rewriter, loc, site)});
    }
    rewriter.eraseOp(op);
    return success();
  }

  static Value createSite(OpBuilder &b, Location loc, int32_t site) {
    return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(site));
  }
};

/// The argument of the symbol is its capacity.
struct LowerCapacity : LoweringPattern<CapacityOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(CapacityOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    unsigned position = cast<AffineSymbolExpr>(op.getSize().getResult(0)).getPosition();
    Value capacity = op->getParentOfType<func::FuncOp>().getArgument(1 + position);
    auto number = arith::IndexCastOp::create(rewriter, op.getLoc(), rewriter.getI64Type(), capacity);
    state.capacities.insert(number);
    rewriter.replaceOpWithNewOp<tensor::FromElementsOp>(op, op.getType(), number.getResult());
    return success();
  }
};

/// What is left of a branch that computes nothing: one of two tensors as a
/// tensor of its own, so that no op after this writes to a part of two.
struct LowerTensorSelect : LoweringPattern<arith::SelectOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(arith::SelectOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || adaptor.getCondition().getType() != rewriter.getI1Type())
      return rewriter.notifyMatchFailure(op, "chooses no tensor as a whole");
    AffineMap identity = rewriter.getMultiDimIdentityMap(type.getRank());
    Value result = createElementwise(
        rewriter, op.getLoc(), getDims(type), convertElementType(type.getElementType()),
        {adaptor.getTrueValue(), adaptor.getFalseValue()}, {identity, identity},
        [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
          return arith::SelectOp::create(b, loc, adaptor.getCondition(), x[0], x[1]);
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};
} // namespace

LogicalResult winnow::useDataSymbols(func::FuncOp entry, const LoweringState &state) {
  DominanceInfo dominance(entry);
  for (const auto &[symbol, value] : state.dataSymbols) {
    if (symbol.first != entry)
      continue;
    Operation *definition = value.getDefiningOp();
    entry.getArgument(1 + symbol.second).replaceUsesWithIf(value, [&](OpOperand &use) {
      return use.getOwner() != definition && !state.capacities.contains(use.getOwner()) &&
             dominance.properlyDominates(definition, use.getOwner());
    });
  }
  for (auto [position, info] : llvm::enumerate(getSymbols(entry))) {
    if (!info.isData)
      continue;
    // A buffer of the wrong size would be the least of it.
    for (Operation *user : entry.getArgument(1 + position).getUsers())
      if (!state.capacities.contains(user) && !isOpTriviallyDead(user))
        return user->emitError("expected the size '")
               << info.name << "', which the data gives, to be bound before it is read";
  }
  return success();
}

void winnow::populateControlFlowPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                         LoweringState &state) {
  patterns.add<LowerBindSize, LowerCapacity, LowerTensorSelect>(converter, patterns.getContext(), state);
}
