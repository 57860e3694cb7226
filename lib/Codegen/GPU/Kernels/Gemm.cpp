//===- Gemm.cpp - Products of matrices ------------------------------------===//
//
// 1. A block of threads computes a tile of the result; neighbours share their rows of the
//    left factor in the L2 cache.
// 2. Tiles of both factors come to a ring of stages in shared memory, by copies that run
//    while others are multiplied. Beyond the matrices they are zero, so that any size will
//    do, and so that the copies behind the last tile need no branch.
// 3. One barrier a stage: it says both that the stage that is multiplied next is there,
//    and that all have left the one that is filled next.
//
//===----------------------------------------------------------------------===//

#include "Gemm.h"
#include "TileConvert.h"
#include "TileCopy.h"

using namespace mlir;

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Configurations
//===----------------------------------------------------------------------===//

int64_t GemmConfig::tileDepth() const {
  if (usesWarpgroups)
    return TileConvert::depthOf(precision);
  return depth ? depth : a.element.isF32() || b.element.isF32() ? 32 : 64;
}
int64_t GemmConfig::rowBytesB() const {
  int64_t elements = b.layout == FactorLayout::DepthInner ? tileDepth() : tileColumns;
  return elements * bytesOf(b.element);
}
int64_t GemmConfig::stageBytesB() const {
  if (usesWarpgroups)
    return tileColumns * TileConvert::kRowBytes;
  return tileColumns * tileDepth() * bytesOf(b.element);
}

static std::string describe(const Factor &factor) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "_" << factor.element;
  if (factor.layout == FactorLayout::ColumnsInner)
    stream << "t";
  if (factor.layout == FactorLayout::Panels)
    stream << "p" << factor.panelWidth;
  stream << "c" << factor.copyBytes;
  return text;
}

std::string GemmConfig::describe() const {
  StringRef prefix = copiesTensors ? "tma_wgmma_gemm_" : usesWarpgroups ? "wgmma_gemm_" : "gemm_";
  return prefix.str() + stringifyPrecision(precision).str() + gpu::describe(a) + piecesA.describe() + gpu::describe(b) +
         "_" + std::to_string(tileRows) + "x" + std::to_string(tileColumns) +
         epilogue.describe();
}

namespace {
struct TileShape {
  int64_t rows, columns, warpRows, warpColumns; ///< warps are 0 where warpgroups are used
};
} // namespace

/// Tiles from those that reuse most to those that fill the chip.
static ArrayRef<TileShape> getTileShapes(const Chip &chip, Precision precision, int64_t rows) {
  static constexpr TileShape kWarps[] = {
      {128, 128, 2, 4}, {64, 128, 2, 2}, {64, 64, 2, 2}, {32, 64, 2, 2}, {16, 64, 1, 4}};
  static constexpr TileShape kScalar[] = {
      {128, 128, 4, 2}, {64, 128, 4, 2}, {64, 64, 4, 2}, {32, 64, 4, 2}, {16, 64, 4, 2}};
  static constexpr TileShape kWarpgroups[] = {
      {128, 256, 0, 0}, {128, 128, 0, 0}, {64, 128, 0, 0}, {64, 64, 0, 0}};
  if (precision == Precision::FP32)
    return kScalar;
  return chip.hasWarpgroups() && rows > 32 ? ArrayRef(kWarpgroups) : ArrayRef(kWarps);
}

GemmConfig chooseGemmTile(const Chip &chip, Precision precision, int64_t rows, int64_t columns,
                          int64_t batches) {
  // Two thirds of the multiprocessors of an A100.
  constexpr int64_t kEnoughTiles = 72;
  auto known = [](int64_t extent, int64_t otherwise) {
    return ShapedType::isDynamic(extent) ? otherwise : extent;
  };
  // Unknown rows and columns are taken for some hundreds, as of an encoder.
  rows = known(rows, 512);
  columns = known(columns, 512);
  batches = known(batches, 8);
  ArrayRef<TileShape> shapes = getTileShapes(chip, precision, rows);
  const TileShape *best = llvm::find_if(shapes.drop_back(), [&](const TileShape &shape) {
    int64_t tiles = llvm::divideCeil(rows, shape.rows) * llvm::divideCeil(columns, shape.columns);
    return rows > shape.rows / 2 && columns > shape.columns / 2 &&
           tiles * batches >= kEnoughTiles;
  });
  GemmConfig config;
  config.precision = precision;
  config.tileRows = best->rows;
  config.tileColumns = best->columns;
  config.warpRows = best->warpRows;
  config.warpColumns = best->warpColumns;
  config.usesWarpgroups = best->warpRows == 0;
  if (config.usesWarpgroups) {
    config.stages = 4;
    return config;
  }
  // As much on its way as 80 KiB hold, which few blocks need to keep memory busy: chips of
  // compute capability 8.6 have 99 KiB a block, and 128 x 128 needs three stages.
  int64_t stage = (best->rows + best->columns) * 128;
  config.stages = std::max<int64_t>(3, 80 * 1024 / stage);
  return config;
}

SmallVector<std::pair<Value *, Type>> GemmOperands::fields(MLIRContext *context,
                                                           const GemmConfig &config) {
  Type pointer = LLVM::LLVMPointerType::get(context);
  Type i32 = IntegerType::get(context, 32), i64 = IntegerType::get(context, 64);
  const EpilogueConfig &epilogue = config.epilogue;
  SmallVector<std::pair<Value *, Type>> list;
  Type map = LLVM::LLVMArrayType::get(IntegerType::get(context, 8), 128);
  for (Value *factor : {&a, &b})
    list.emplace_back(factor, config.copiesTensors ? map : pointer);
  for (auto [isThere, field] :
       {std::pair(bool(epilogue.bias), &bias),
        {bool(epilogue.rational), &table}, {bool(epilogue.residual), &residual},
        {config.piecesA.areNumbered, &rowsA}, {epilogue.residualPieces.areNumbered, &residualRows},
        {epilogue.outPieces.areNumbered, &outRows}, {true, &out}})
    if (isThere)
      list.emplace_back(field, pointer);
  for (Value *number : {&rows, &columns, &depth, &strideA, &strideB})
    list.emplace_back(number, i32);
  if (epilogue.residual)
    list.emplace_back(&residualStride, i32);
  list.emplace_back(&outStride, i32);
  if (config.usesWarpgroups)
    list.emplace_back(&tiles, i32);
  for (Value *stride : {&batchStrideA, &batchStrideB, &batchStrideOut})
    list.emplace_back(stride, i64);
  return list;
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

namespace {

struct GemmKernel {
  Emitter &e;
  const GemmConfig &config;
  GemmOperands o;
  Value shared;

  void emit();

private:
  TileCopy getCopyA() const;
  TileCopy getCopyB() const;
};

} // namespace

TileCopy GemmKernel::getCopyA() const {
  TileCopy copy{config.a.element, config.tileRows, config.tileDepth(), config.a.copyBytes,
                config.threads(), o.rows, o.depth, {}, {}};
  Value stride = o.strideA, numbers = o.rowsA;
  Pieces pieces = config.piecesA;
  copy.offset = [=](Emitter &e, Value row, Value column) {
    return pieces.offset(e, numbers, stride, row, column);
  };
  Type element = config.a.element;
  int64_t rowBytes = config.rowBytesA();
  copy.swizzle = [element, rowBytes](Emitter &e, Value row) {
    return getSwizzle(e, FactorLayout::DepthInner, element, rowBytes, row);
  };
  return copy;
}

TileCopy GemmKernel::getCopyB() const {
  bool depthInner = config.b.layout == FactorLayout::DepthInner;
  TileCopy copy{config.b.element,
                depthInner ? config.tileColumns : config.tileDepth(),
                depthInner ? config.tileDepth() : config.tileColumns,
                config.b.copyBytes,
                config.threads(),
                depthInner ? o.columns : o.depth,
                depthInner ? o.depth : o.columns,
                {},
                {}};
  Value stride = o.strideB, depth = o.depth;
  int64_t width = config.b.panelWidth;
  if (config.b.layout == FactorLayout::Panels)
    copy.offset = [=](Emitter &e, Value row, Value column) {
      Value panel = e.wideMul(e.div(column, width), e.mul(depth, width));
      return e.add(panel, e.widen(e.add(e.mul(row, width), e.rem(column, width))));
    };
  else
    copy.offset = [stride](Emitter &e, Value row, Value column) {
      return e.add(e.wideMul(row, stride), e.widen(column));
    };
  FactorLayout layout = config.b.layout;
  Type element = config.b.element;
  int64_t rowBytes = config.rowBytesB();
  copy.swizzle = [=](Emitter &e, Value row) {
    return getSwizzle(e, layout, element, rowBytes, row);
  };
  return copy;
}

void GemmKernel::emit() {
  // Which tile of which batch this is.
  Value across = e.ceilDiv(o.columns, config.tileColumns);
  Value down = e.ceilDiv(o.rows, config.tileRows);
  Value tile = e.block();
  Value column = e.mul(e.rem(tile, across), config.tileColumns);
  Value above = e.div(tile, across);
  Value row = e.mul(e.rem(above, down), config.tileRows);
  Value batch = e.widen(e.div(above, down));
  Value a = e.at(o.a, e.mul(e.mul(batch, o.batchStrideA), bytesOf(config.a.element)));
  Value b = e.at(o.b, e.mul(e.mul(batch, o.batchStrideB), bytesOf(config.b.element)));

  TileCopy copyA = getCopyA(), copyB = getCopyB();
  bool depthInner = config.b.layout == FactorLayout::DepthInner;
  int64_t beginB = config.stages * config.stageBytesA();
  auto tileA = [&](Value stage) { return e.at(shared, e.mul(stage, config.stageBytesA())); };
  auto tileB = [&](Value stage) {
    return e.at(shared, e.add(e.mul(stage, config.stageBytesB()), beginB));
  };
  auto fill = [&](Value number, Value stage) {
    Value depth = e.mul(number, config.tileDepth());
    copyA.start(e, a, row, depth, tileA(stage));
    copyB.start(e, b, depthInner ? column : depth, depthInner ? depth : column, tileB(stage));
    e.commitCopies();
  };
  for (int64_t stage = 0; stage + 1 < config.stages; ++stage)
    fill(e.i32(stage), e.i32(stage));

  GemmTile products(e, config);
  SmallVector<Value> inits(products.numSums(), e.f32(0));
  inits.append({e.i32(0), e.i32(config.stages - 1)});
  auto after = [&](Value stage) {
    Value next = e.add(stage, 1);
    return e.select(e.equal(next, e.i32(config.stages)), e.i32(0), next);
  };
  SmallVector<Value> sums = e.forRange(
      e.i32(0), e.ceilDiv(o.depth, config.tileDepth()), 1, inits,
      [&](Value number, ValueRange carried) {
        Value used = carried[carried.size() - 2], filled = carried.back();
        e.waitForCopies(config.stages - 2);
        e.barrier();
        fill(e.add(number, config.stages - 1), filled);
        SmallVector<Value> next = products.multiply(tileA(used), tileB(used), carried.drop_back(2));
        next.append({after(used), after(filled)});
        return next;
      });
  e.waitForCopies(0);

  Epilogue epilogue{config.epilogue, o.bias,           o.table,     o.residual, o.out,
                    o.residualRows,  o.outRows, o.residualStride, o.outStride, o.rows, o.columns};
  epilogue.out = e.at(o.out, e.mul(e.mul(batch, o.batchStrideOut), bytesOf(config.epilogue.out)));
  products.forEach(ValueRange(sums).drop_back(2), [&](Value atRow, Value atColumn, ValueRange some) {
    epilogue.apply(e, e.add(row, atRow), e.add(column, atColumn), some);
  });
}

void emitGemm(mlir::gpu::GPUModuleOp device, Location loc, const GemmConfig &config,
              StringRef name) {
  GemmOperands operands;
  KernelFunction function{name.str(), {}, config.threads(), config.sharedBytes()};
  auto fields = operands.fields(device.getContext(), config);
  for (auto [field, type] : fields)
    function.arguments.push_back(type);
  emitKernel(device, loc, function, [&](Emitter &e, ValueRange arguments, Value shared) {
    for (auto [field, argument] : llvm::zip_equal(fields, arguments))
      *field.first = argument;
    if (config.usesWarpgroups)
      emitWarpgroupGemm(e, config, operands, shared);
    else
      GemmKernel{e, config, operands, shared}.emit();
  });
}

} // namespace winnow::gpu
