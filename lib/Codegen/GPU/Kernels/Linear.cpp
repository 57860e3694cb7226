//===- Linear.cpp - Linear layers and products as GEMM kernels ------------===//

#include "Builders.h"
#include "Gemm.h"
#include "Operands.h"

using namespace mlir;

namespace winnow::gpu {

namespace {

/// The kernel of a configuration, once in the module.
std::string getKernel(const KernelContext &context, const GemmConfig &config) {
  std::string name = config.describe();
  mlir::gpu::GPUModuleOp device = context.device;
  if (!device.lookupSymbol(name))
    emitGemm(device, context.loc, config, name);
  return name;
}

/// Copies through registers are whole vectors within the matrix, or single elements.
void limitCopies(Factor &factor, int64_t innerExtent) {
  int64_t size = bytesOf(factor.element);
  factor.copyBytes = std::min(factor.copyBytes, size * divisor(innerExtent, 16 / size));
  // Of neighbouring columns four are turned at a time.
  if (factor.layout != FactorLayout::DepthInner)
    factor.copyBytes = factor.copyBytes < 4 * size ? size : 4 * size;
}

SmallVector<KernelLaunch> launch(ImplicitLocOpBuilder &host, const KernelContext &context,
                                 const GemmConfig &config, GemmOperands &operands,
                                 Value rows, Value columns, Value batches) {
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(host, value);
  };
  auto tiles = [&](Value count, int64_t size) {
    return host.createOrFold<arith::CeilDivUIOp>(count, index(size));
  };
  Value count = host.createOrFold<arith::MulIOp>(tiles(rows, config.tileRows),
                                                 tiles(columns, config.tileColumns));
  if (batches)
    count = host.createOrFold<arith::MulIOp>(count, batches);
  if (config.usesWarpgroups) {
    // Blocks take tile after tile: as many as an H100 has multiprocessors.
    constexpr int64_t kMultiprocessors = 132;
    operands.tiles = toI32(host, count);
    count = host.createOrFold<arith::MinSIOp>(count, index(kMultiprocessors));
  }
  KernelLaunch result;
  result.kernel = getKernel(context, config);
  result.grid = {count, index(1), index(1)};
  result.block = {static_cast<int32_t>(config.threads()), 1, 1};
  result.sharedBytes = config.sharedBytes();
  for (auto [field, type] : operands.fields(host.getContext(), config)) {
    result.arguments.push_back(*field);
  }
  return {std::move(result)};
}

/// A map of [batches, rows, depth], of boxes of a tile's rows and depth.
TensorMapSource mapFactor(ImplicitLocOpBuilder &host, const Operand &factor, int64_t rows, int64_t depth) {
  auto toI64 = [&](Value value) -> Value {
    return value.getType().isIndex()
               ? arith::IndexCastOp::create(host, host.getI64Type(), value).getResult()
               : value;
  };
  TensorMapSource source{factor.type.getElementType(), {}, {}, {depth, rows}};
  Value bytes = arith::ConstantOp::create(
      host, host.getI64IntegerAttr(bytesOf(factor.type.getElementType())));
  for (int64_t i = 0; i < 3; ++i)
    source.extents[i] = toI64(getExtent(host, factor.memref, 2 - i));
  for (int64_t i = 0; i < 2; ++i)
    source.strides[i] = host.createOrFold<arith::MulIOp>(
        toI64(getStride(host, factor.memref, 1 - i)), bytes);
  return source;
}

} // namespace

FailureOr<std::optional<SmallVector<KernelLaunch>>> buildLinear(ImplicitLocOpBuilder &host,
                                                                const KernelContext &context) {
  auto decline = std::optional<SmallVector<KernelLaunch>>();
  std::optional<Activation> activation = lookupActivation(context.string("activation", "none"));
  std::optional<int64_t> n = context.integer("n");
  bool hasTable = bool(context.config.get("denominator_kind"));
  // In the declaration's order, between the weights and the result.
  Value biasValue, table, residualValue, rowsX, residualRows, outRows;
  unsigned next = 2;
  for (auto [isThere, into] : {std::pair(context.flag("bias"), &biasValue), {hasTable, &table},
                               {context.flag("residual"), &residualValue},
                               {context.flag("rows"), &rowsX},
                               {context.flag("residual_rows"), &residualRows},
                               {context.flag("out_rows"), &outRows}})
    if (isThere && next + 1 < context.arguments.size())
      *into = context.arguments[next++];
  if (!activation || !n || context.arguments.size() != next + 1)
    return decline;
  auto x = Operand::get(context.arguments[0], 2), w = Operand::get(context.arguments[1], 3),
       out = Operand::get(context.arguments.back(), 2);
  auto bias = biasValue ? Operand::get(biasValue, 1) : x;
  auto residual = residualValue ? Operand::get(residualValue, 2) : x;
  if (!x || !w || !out || !bias || !residual || !w->type.getLayout().isIdentity() ||
      !w->type.hasStaticShape() || (!rowsX && x->extent(1) != w->extent(1)))
    return decline;
  auto getPieces = [](const Operand &buffer, Value numbers, int64_t columns) {
    return numbers ? Pieces::get(buffer, numbers, columns) : Pieces();
  };
  auto piecesX = getPieces(*x, rowsX, w->extent(1)),
       residualPieces = getPieces(*residual, residualRows, *n),
       outPieces = getPieces(*out, outRows, *n);
  if (!piecesX || !residualPieces || !outPieces)
    return decline;

  int64_t knownRows = out->extent(0);
  if (!ShapedType::isDynamic(knownRows))
    knownRows /= outPieces->count;
  GemmConfig config = chooseGemmTile(context.chip, context.precision, knownRows, *n, 1);
  config.piecesA = *piecesX;
  config.epilogue.residualPieces = *residualPieces;
  config.epilogue.outPieces = *outPieces;
  if (table && !(config.epilogue.rational = RationalFunctions::get(context, table)))
    return decline;
  config.a = {x->type.getElementType(), FactorLayout::DepthInner, 0, 4 * x->multiple()};
  config.b = {w->type.getElementType(), FactorLayout::Panels, w->extent(2),
              w->extent(2) % 4 ? 4 : 16};
  if (config.usesWarpgroups) {
    limitCopies(config.a, w->extent(1));
    if (piecesX->areNumbered)
      limitCopies(config.a, piecesX->width);
  }
  config.epilogue.activation = context.string("activation", "none").str();
  config.epilogue.out = out->type.getElementType();
  int64_t multiple = divisor(*n, out->multiple());
  if (biasValue) {
    config.epilogue.bias = bias->type.getElementType();
    multiple = std::min(multiple, bias->multiple());
  }
  if (residualValue) {
    config.epilogue.residual = residual->type.getElementType();
    multiple = std::min(multiple, residual->multiple());
  }
  config.epilogue.columnMultiple = multiple;

  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(host, host.getI32IntegerAttr(value));
  };
  Value rows = getExtent(host, out->memref, 0);
  if (outPieces->count > 1)
    rows = host.createOrFold<arith::DivUIOp>(
        rows, arith::ConstantIndexOp::create(host, outPieces->count).getResult());
  Value zero = arith::ConstantOp::create(host, host.getI64IntegerAttr(0));
  GemmOperands operands;
  for (auto [from, into] : {std::pair(table, &operands.table), {rowsX, &operands.rowsA},
                            {residualRows, &operands.residualRows}, {outRows, &operands.outRows}})
    if (from)
      *into = getAddress(host, from);
  operands.a = getAddress(host, x->memref);
  operands.b = getAddress(host, w->memref);
  operands.out = getAddress(host, out->memref);
  operands.rows = toI32(host, rows);
  operands.columns = number(*n);
  operands.depth = number(w->extent(1));
  operands.strideA = toI32(host, getStride(host, x->memref, 0));
  operands.strideB = number(w->extent(2));
  operands.outStride = toI32(host, getStride(host, out->memref, 0));
  operands.batchStrideA = operands.batchStrideB = operands.batchStrideOut = zero;
  if (biasValue)
    operands.bias = getAddress(host, bias->memref);
  if (residualValue) {
    operands.residual = getAddress(host, residual->memref);
    operands.residualStride = toI32(host, getStride(host, residual->memref, 0));
  }
  Value columns = arith::ConstantIndexOp::create(host, *n);
  return std::optional(launch(host, context, config, operands, rows, columns, {}));
}

FailureOr<std::optional<SmallVector<KernelLaunch>>> buildMatMul(ImplicitLocOpBuilder &host,
                                                                const KernelContext &context) {
  auto decline = std::optional<SmallVector<KernelLaunch>>();
  if (context.arguments.size() != 3)
    return decline;
  Type element = getElementTypeOrSelf(context.arguments[0].getType());
  auto a = Operand::get(context.arguments[0], 3, element),
       b = Operand::get(context.arguments[1], 3, element), out = Operand::get(context.arguments[2], 3);
  bool isNarrow = (context.precision == Precision::BF16 && element.isBF16()) ||
                  (context.precision == Precision::FP16 && element.isF16());
  if (!a || !b || !out || !(isNarrow || element.isF32()))
    return decline;
  bool transposed = context.flag("transpose_b");
  GemmConfig config =
      chooseGemmTile(context.chip, context.precision, out->extent(1), out->extent(2), out->extent(0));
  int64_t size = bytesOf(element);
  config.a = {element, FactorLayout::DepthInner, 0, size * a->multiple()};
  config.b = {element, transposed ? FactorLayout::DepthInner : FactorLayout::ColumnsInner, 0,
              size * b->multiple()};
  config.copiesTensors = config.usesWarpgroups && isNarrow && transposed &&
                         config.a.copyBytes == 16 && config.b.copyBytes == 16;
  if (config.usesWarpgroups) {
    limitCopies(config.a, a->extent(2));
    limitCopies(config.b, transposed ? a->extent(2) : out->extent(2));
  }
  config.epilogue.out = out->type.getElementType();
  config.epilogue.columnMultiple = divisor(out->extent(2), out->multiple());

  Value rows = getExtent(host, out->memref, 1), columns = getExtent(host, out->memref, 2);
  GemmOperands operands;
  operands.a = getAddress(host, a->memref);
  operands.b = getAddress(host, b->memref);
  operands.out = getAddress(host, out->memref);
  operands.rows = toI32(host, rows);
  operands.columns = toI32(host, columns);
  operands.depth = toI32(host, getExtent(host, a->memref, 2));
  operands.strideA = toI32(host, getStride(host, a->memref, 1));
  operands.strideB = toI32(host, getStride(host, b->memref, 1));
  operands.outStride = toI32(host, getStride(host, out->memref, 1));
  operands.batchStrideA = getStride(host, a->memref, 0);
  Value zero = arith::ConstantOp::create(host, host.getI64IntegerAttr(0));
  operands.batchStrideB = b->extent(0) == 1 ? zero : getStride(host, b->memref, 0);
  operands.batchStrideOut = getStride(host, out->memref, 0);
  SmallVector<KernelLaunch> launches =
      launch(host, context, config, operands, rows, columns, getExtent(host, out->memref, 0));
  if (config.copiesTensors)
    launches[0].tensorMaps = {{0, mapFactor(host, *a, config.tileRows, config.tileDepth())},
                              {1, mapFactor(host, *b, config.tileColumns, config.tileDepth())}};
  return std::optional(std::move(launches));
}

} // namespace winnow::gpu
