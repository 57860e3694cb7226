//===- Linear.cpp - Linear layers, dense and sparse, as kernels ----------===//

#include "KernelTypes.h"

#include "winnow/Analysis/GemmSchedule.h"
#include "winnow/Dialect/Winnow/IR/Activations.h"
#include "winnow/Dialect/Winnow/IR/Rows.h"

using namespace mlir;
using namespace winnow;

/// The weight in panels of as many columns, [panels, K, width].
template <typename OpTy>
static Value readPanels(OpBuilder &b, OpTy op, ArrayRef<Attribute> parts, LoweringState &state,
                        int64_t width) {
  int64_t k = *getConstantDim(getDims(op.getInput()).back());
  int64_t n = *getConstantDim(getDims(op.getType()).back());
  auto type = RankedTensorType::get({static_cast<int64_t>(llvm::divideCeil(n, width)), k, width},
                                    b.getF32Type());
  auto layout = b.getDictionaryAttr(
      {b.getNamedAttr("kind", b.getStringAttr("panels")),
       b.getNamedAttr("k", b.getI64IntegerAttr(k)), b.getNamedAttr("n", b.getI64IntegerAttr(n)),
       b.getNamedAttr("nr", b.getI64IntegerAttr(width)),
       b.getNamedAttr("transposed", b.getBoolAttr(op.getTransposeWeight()))});
  int64_t entry = state.weights.add(parts, layout, type.getNumElements() * 4);
  return state.weights.read(b, op.getLoc(), entry, type);
}

static Value stripReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  return value;
}

/// A constant permutation of [0, n), inverted; null for other values.
static Value invert(OpBuilder &b, Value value) {
  auto constant = stripReshapes(value).getDefiningOp<ConstantOp>();
  auto numbers = constant ? dyn_cast<DenseIntElementsAttr>(constant.getElements()) : nullptr;
  if (!numbers || !numbers.getElementType().isInteger(64))
    return nullptr;
  SmallVector<int64_t> inverse(numbers.getNumElements(), -1);
  for (auto [i, number] : llvm::enumerate(numbers.getValues<int64_t>())) {
    if (number < 0 || number >= static_cast<int64_t>(inverse.size()) || inverse[number] >= 0)
      return nullptr;
    inverse[number] = i;
  }
  auto type = RankedTensorType::get({static_cast<int64_t>(inverse.size())}, b.getI64Type());
  return ConstantOp::create(b, value.getLoc(), type, DenseElementsAttr::get(type, ArrayRef(inverse)));
}

/// The inverse of numbers [n] that are a permutation: a constant, or one for each image, behind
/// that of the image before it.
static Value invertNumbers(OpBuilder &b, Value numbers) {
  if (Value inverse = invert(b, numbers))
    return inverse;
  auto sum = stripReshapes(numbers).getDefiningOp<AddOp>();
  auto first = sum ? stripReshapes(sum.getLhs()).getDefiningOp<IotaOp>() : nullptr;
  Value own = first && first.getStart() == 0 ? invert(b, sum.getRhs()) : Value();
  Dims dims = getDims(numbers);
  if (!own || getDims(own).front() != b.getAffineConstantExpr(first.getStep()) ||
      getDims(sum.getType()).size() != 2 ||
      getDims(sum.getType()) != Dims{getDims(first.getType()).front(), getDims(own).front()})
    return nullptr;
  Location loc = numbers.getLoc();
  Value inverse = AddOp::create(b, loc, sum.getType(), sum.getLhs(), own);
  return ReshapeOp::create(b, loc, numbers.getType(), inverse);
}

void winnow::findPlacesOfRows(ModuleOp module, LoweringState &state) {
  SmallVector<GatherOp> gathers;
  module.walk([&](GatherOp op) {
    if (isOfRows(op) && !state.gathersOfRows.contains(op) && getDims(op.getIndices()).size() == 1)
      gathers.push_back(op);
  });
  for (GatherOp gather : gathers) {
    auto linear = stripReshapes(gather.getData()).getDefiningOp<LinearOp>();
    if (!linear || getReaders(linear.getResult()).size() != 1 || !isF32(linear.getInput()) ||
        linear.getRational() || !getConstantParts(linear) ||
        getDims(gather.getIndices()).front() != getDims(gather.getData()).front())
      continue;
    std::optional<int64_t> columns = getConstantDim(getDims(linear.getResult()).back());
    std::optional<int64_t> piece = getConstantDim(getDims(gather.getData()).back());
    if (!columns || !piece || !isWholePieces(*columns, *piece))
      continue;
    OpBuilder b(linear);
    // Numbers are made before the gather, and may be made behind the linear.
    if (Operation *op = gather.getIndices().getDefiningOp();
        op && op->getBlock() == linear->getBlock() && !op->isBeforeInBlock(linear))
      continue;
    if (Value places = invertNumbers(b, gather.getIndices())) {
      state.placesOfRows[linear] = places;
      state.ordersOfRows.insert(gather);
    }
  }
}

namespace {
struct LowerLinear : LoweringPattern<LinearOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(LinearOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput()) && succeeded(widen(op, rewriter)))
      return success();
    std::optional<SmallVector<Attribute>> parts = getConstantParts(op);
    if (!parts || !isF32(op.getInput()))
      return lowerGeneral(op, adaptor, rewriter);
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims out = getDims(op.getType());
    int64_t n = *getConstantDim(out.back());
    Dims outRows = getRowDims(out, context);
    RowsOperand x = getRows(rewriter, loc, op.getInput(), adaptor.getInput(), state), residual;
    SmallVector<Value> inputs = {
        x.matrix, readPanels(rewriter, op, *parts, state, chooseLinearPanel(state.level, n))};
    if (op.getBias())
      inputs.push_back(adaptor.getBias());
    SmallVector<NamedAttribute> config = {
        rewriter.getNamedAttr("activation", rewriter.getStringAttr(stringifyActivation(op.getActivation()))),
        rewriter.getNamedAttr("bias", rewriter.getBoolAttr(bool(op.getBias()))),
        rewriter.getNamedAttr("n", rewriter.getI64IntegerAttr(n)),
        rewriter.getNamedAttr("residual", rewriter.getBoolAttr(bool(op.getResidual())))};
    addRational(rewriter, loc, op.getRationalAttr(), out.back(), inputs, config);
    if (op.getResidual()) {
      residual = getRows(rewriter, loc, op.getResidual(), adaptor.getResidual(), state);
      inputs.push_back(residual.matrix);
    }
    addNumbers(rewriter, "rows", x, inputs, config);
    addNumbers(rewriter, "residual_rows", residual, inputs, config);
    if (Value places = state.placesOfRows.lookup(op)) {
      Dims count = getDims(places);
      addNumbers(rewriter, "out_rows", {{}, rewriter.getRemappedValue(places)}, inputs, config);
      outRows.back() = divideDim(productDim(out, context), count.front());
      outRows.front() = count.front();
    }
    Value result = createKernel(rewriter, loc, "linear", config, inputs, outRows, rewriter.getF32Type());
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, outRows, out));
    return success();
  }

  /// A weight that is computed, or another element type: the same maths as
  /// separate winnow ops, which are lowered in turn.
  LogicalResult lowerGeneral(LinearOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    Value weight = op.getWeight();
    if (op.getTransposeWeight())
      weight = TransposeOp::create(rewriter, loc, weight, ArrayRef<int64_t>{1, 0});
    Value result = MatMulOp::create(rewriter, loc, op.getInput(), weight);
    if (op.getBias())
      result = AddOp::create(rewriter, loc, result, op.getBias());
    result = createActivation(rewriter, loc, result, op.getActivation(), op.getRationalAttr());
    if (op.getResidual())
      result = AddOp::create(rewriter, loc, result, op.getResidual());
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// With a gate, columns of the weight are read one by one as well, from a second
/// copy that holds each in one piece.
struct LowerSparseLinear : LoweringPattern<SparseLinearOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(SparseLinearOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput()) && succeeded(widen(op, rewriter)))
      return success();
    std::optional<SmallVector<Attribute>> parts = getConstantParts(op);
    if (!parts || !isF32(op.getInput()))
      return lowerDense(op, rewriter);
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims in = getDims(op.getInput()), out = getDims(op.getType());
    int64_t k = *getConstantDim(in.back()), n = *getConstantDim(out.back());
    Dims rows = getRowDims(in, context), outRows = getRowDims(out, context);
    SmallVector<Value> inputs = {
        createReshape(rewriter, loc, adaptor.getInput(), in, rows),
        readPanels(rewriter, op, *parts, state, chooseLinearPanel(state.level, n))};
    if (op.getBias())
      inputs.push_back(adaptor.getBias());
    Type f32 = rewriter.getF32Type();
    if (op.getGate()) {
      inputs.push_back(createReshape(rewriter, loc, adaptor.getGate(), out, outRows));
      Value columns = readPanels(rewriter, op, *parts, state, 1);
      inputs.push_back(tensor::CollapseShapeOp::create(
          rewriter, loc, RankedTensorType::get({n, k}, f32), columns,
          ArrayRef<ReassociationIndices>{{0}, {1, 2}}));
    }
    if (op.getResidual())
      inputs.push_back(createReshape(rewriter, loc, adaptor.getResidual(), out, outRows));
    NamedAttribute config[] = {
        rewriter.getNamedAttr("activation", rewriter.getStringAttr(stringifyActivation(op.getActivation()))),
        rewriter.getNamedAttr("bias", rewriter.getBoolAttr(bool(op.getBias()))),
        rewriter.getNamedAttr("gate", rewriter.getBoolAttr(bool(op.getGate()))),
        rewriter.getNamedAttr("n", rewriter.getI64IntegerAttr(n)),
        rewriter.getNamedAttr("residual", rewriter.getBoolAttr(bool(op.getResidual())))};
    // What the kernel finds out about each row lives in the workspace.
    AffineExpr active = constantDim(
        op.getGate() ? llvm::divideCeil(n, kWordBits) : k + kListSlack, context);
    SmallVector<Value> inits = {
        createEmpty(rewriter, loc, {rows.front()}, rewriter.getI32Type()),
        createEmpty(rewriter, loc, {rows.front(), active},
                    rewriter.getIntegerType(op.getGate() ? kWordBits : 32))};
    if (!op.getGate()) {
      AffineExpr starts = constantDim(llvm::divideCeil(k, kWordBits) + 1, context);
      inits.push_back(createEmpty(rewriter, loc, {rows.front(), active}, f32));
      inits.push_back(createEmpty(rewriter, loc, {rows.front(), starts}, rewriter.getI32Type()));
    }
    inits.push_back(createEmpty(rewriter, loc, outRows, f32));
    auto kernel = KernelOp::create(rewriter, loc, ValueRange(inits).getTypes(),
                                   rewriter.getStringAttr("sparse_linear"),
                                   rewriter.getDictionaryAttr(config), inputs, inits, IntegerAttr());
    rewriter.replaceOp(op, createReshape(rewriter, loc, kernel.getResults().back(), outRows, out));
    return success();
  }

private:
  static constexpr int64_t kWordBits = 64;
  /// A vector of positions is written as a whole.
  static constexpr int64_t kListSlack = 16;

  static LogicalResult lowerDense(SparseLinearOp op, ConversionPatternRewriter &rewriter) {
    Value result = LinearOp::create(rewriter, op.getLoc(), op.getType(), op.getInput(), op.getWeight(),
                                    op.getBias(), op.getResidual(), op.getActivation(),
                                    op.getTransposeWeight());
    if (op.getGate())
      result = MulOp::create(rewriter, op.getLoc(), result, op.getGate());
    rewriter.replaceOp(op, result);
    return success();
  }
};
} // namespace

void winnow::populateLinearPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                    LoweringState &state) {
  patterns.add<LowerLinear, LowerSparseLinear>(converter, patterns.getContext(), state);
}
