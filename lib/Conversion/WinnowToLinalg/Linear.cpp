//===- Linear.cpp - Linear layers, dense and sparse, as kernels ----------===//

#include "KernelTypes.h"

#include "winnow/Analysis/GemmSchedule.h"
#include "winnow/Dialect/Winnow/IR/Activations.h"
#include "winnow/Dialect/Winnow/IR/Rows.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

/// The weight in panels of as many columns, [panels, K, width]. With `order`, its rows are in
/// another one.
template <typename OpTy>
static Value readPanels(OpBuilder &b, OpTy op, ArrayRef<Attribute> parts, LoweringState &state,
                        int64_t width, ArrayRef<NamedAttribute> order = {}) {
  int64_t k = *getConstantDim(getDims(op.getInput()).back());
  int64_t n = *getConstantDim(getDims(op.getType()).back());
  auto type = RankedTensorType::get({static_cast<int64_t>(llvm::divideCeil(n, width)), k, width},
                                    b.getF32Type());
  SmallVector<NamedAttribute> layout = {
      b.getNamedAttr("kind", b.getStringAttr("panels")),
      b.getNamedAttr("k", b.getI64IntegerAttr(k)), b.getNamedAttr("n", b.getI64IntegerAttr(n)),
      b.getNamedAttr("nr", b.getI64IntegerAttr(width)),
      b.getNamedAttr("transposed", b.getBoolAttr(op.getTransposeWeight()))};
  layout.append(order.begin(), order.end());
  int64_t entry = state.weights.add(parts, b.getDictionaryAttr(layout), type.getNumElements() * 4);
  return state.weights.read(b, op.getLoc(), entry, type);
}

static Value stripReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  return value;
}

/// Channels whose bases a thread computes at once: whole vectors of every level, and about as deep
/// a pass as other linears have.
static int64_t countBasisChannels(int64_t bases) {
  constexpr int64_t kDepth = 256, kStep = 16;
  return std::max<int64_t>(kDepth / bases / kStep * kStep, kStep);
}

/// Each block of rows computes the bases once for so many columns; with more, that they are
/// computed several times costs more than that they pass through memory.
constexpr int64_t kMostBasisColumns = 256;
constexpr int64_t kMostBases = 64;

/// The op that gives a linear bases as its input, [.., basis, channel] as [.., basis * channel].
static Operation *getBasis(LinearOp op) {
  auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
  Operation *basis = reshape ? reshape.getInput().getDefiningOp() : nullptr;
  if (!isa_and_nonnull<BSplineOp, GaussianBasisOp>(basis))
    return nullptr;
  Dims flat = getDims(op.getInput()), dims = getDims(basis->getResult(0));
  return flat.size() + 1 == dims.size() && ArrayRef(flat).drop_back() == ArrayRef(dims).drop_back(2)
             ? basis
             : nullptr;
}

void winnow::findBasesInLinears(ModuleOp module, LoweringState &state) {
  if (state.level.lanes(4) == 1)
    return; // a thread for each element would compute the bases once for each column
  module.walk([&](LinearOp op) {
    Operation *basis = getBasis(op);
    if (!basis || !op.getInput().hasOneUse() || !basis->hasOneUse() || !isF32(op.getInput()) ||
        !getConstantParts(op) || getGatherOfRows(op.getInput()) || state.placesOfRows.contains(op))
      return;
    std::optional<int64_t> n = getConstantDim(getDims(op.getType()).back());
    bool isSum = llvm::TypeSwitch<Operation *, bool>(basis).Case<BSplineOp, GaussianBasisOp>(
        [](auto basis) { return bool(basis.getCoefficients()); });
    Dims dims = getDims(basis->getResult(0));
    std::optional<int64_t> bases = getConstantDim(dims[dims.size() - 2]);
    if (n && *n <= kMostBasisColumns && !isSum && bases && *bases <= kMostBases &&
        getConstantDim(dims.back()))
      state.basesInLinears.insert(basis);
  });
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
    int64_t panel = chooseLinearPanel(state.level, n);
    RowsOperand x, residual;
    SmallVector<Value> inputs;
    SmallVector<NamedAttribute> config;
    Operation *basis = getBasis(op);
    if (!state.basesInLinears.contains(basis))
      basis = nullptr;
    if (basis) {
      BasisParts made = createBasisParts(rewriter, basis);
      Dims in = getDims(basis->getOperand(0));
      Value channels = rewriter.getRemappedValue(basis->getOperand(0));
      int64_t bases = *getConstantDim(getDims(op.getInput()).back()) / *getConstantDim(in.back());
      NamedAttribute order[] = {
          rewriter.getNamedAttr("bases", rewriter.getI64IntegerAttr(bases)),
          rewriter.getNamedAttr("channels", rewriter.getI64IntegerAttr(countBasisChannels(bases)))};
      inputs = {createReshape(rewriter, loc, channels, in, getRowDims(in, context)),
                readPanels(rewriter, op, *parts, state, panel, order), made.table};
      config = made.config;
      config.push_back(order[1]);
      config.push_back(rewriter.getNamedAttr("basis", rewriter.getStringAttr(made.kind)));
    } else {
      x = getRows(rewriter, loc, op.getInput(), adaptor.getInput(), state);
      inputs = {x.matrix, readPanels(rewriter, op, *parts, state, panel)};
    }
    if (op.getBias())
      inputs.push_back(adaptor.getBias());
    config.append({
        rewriter.getNamedAttr("activation", rewriter.getStringAttr(stringifyActivation(op.getActivation()))),
        rewriter.getNamedAttr("bias", rewriter.getBoolAttr(bool(op.getBias()))),
        rewriter.getNamedAttr("n", rewriter.getI64IntegerAttr(n)),
        rewriter.getNamedAttr("residual", rewriter.getBoolAttr(bool(op.getResidual())))});
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
    Value result = createKernel(rewriter, loc, basis ? "basis_linear" : "linear", config, inputs, outRows, rewriter.getF32Type());
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
