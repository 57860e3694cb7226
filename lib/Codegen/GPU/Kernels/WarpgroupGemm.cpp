//===- WarpgroupGemm.cpp - Products of matrices by wgmma ------------------===//
//
// 1. As many blocks as a chip has multiprocessors take tile after tile.
// 2. The last warpgroup of a block fills a ring of stages with factors; the others multiply
//    64 rows of the tile each. While they finish a tile, it fills stages for the next one.
// 3. Of each stage a barrier in shared memory says that it is full, and one that it is
//    empty. A stage is empty once the products of the one behind it were issued: two
//    batches of products are on their way, so that the multipliers never wait.
//
//===----------------------------------------------------------------------===//

#include "Gemm.h"
#include "TileConvert.h"

using namespace mlir;

namespace winnow::gpu {

namespace {

constexpr int64_t kWarpgroup = 128, kGroupRows = 64;

/// Registers of a thread, where sums of many columns need more than a third: 512 in all of
/// three warpgroups. What they have otherwise needs no change.
constexpr int64_t kProducerRegisters = 72, kConsumerRegisters = 216;

/// Where in the ring a warp is; `parity` is that of the phase that it waits for.
struct RingPlace {
  Value stage, parity;
};

class WarpgroupGemm {
public:
  WarpgroupGemm(Emitter &e, const GemmConfig &config, const GemmOperands &o, Value shared)
      : e(e), config(config), o(o), shared(shared) {}
  void emit();

private:
  struct Tile {
    Value row, column, batch;
  };
  Tile getTile(Value number);
  /// For each tile of the block; `body` returns what the next one starts with.
  void forTiles(llvm::function_ref<RingPlace(const Tile &, RingPlace)> body);
  void emitProducer();
  void emitTensorCopies();
  void emitConsumer();
  void emitEpilogue(const Tile &tile, Value sums);
  TileConvert getCopyA() const;
  TileConvert getCopyB() const;

  RingPlace after(RingPlace at);
  Value fullBarrier(Value stage) { return e.at(barriers, e.mul(stage, 8)); }
  Value emptyBarrier(Value stage) {
    return e.at(barriers, e.add(e.mul(stage, 8), 8 * config.stages));
  }
  Value tileA(Value stage) { return e.at(shared, e.mul(stage, config.stageBytesA())); }
  Value tileB(Value stage) {
    return e.at(shared, e.add(e.mul(stage, config.stageBytesB()),
                              config.stages * config.stageBytesA()));
  }
  bool hasManySums() const { return config.tileColumns > 128; }
  /// More spill.
  int64_t producerLoads() const { return hasManySums() ? 16 : 32; }
  int64_t consumers() const { return config.tileRows / kGroupRows; }
  LLVM::LLVMStructType sumsType() {
    return LLVM::LLVMStructType::getLiteral(
        e.getContext(), SmallVector<Type>(config.tileColumns / 2, e.getF32Type()));
  }
  /// sums + a b, or a b.
  Value multiply(Value a, Value b, Value sums, bool isFirst);
  Value getDescriptor(Value address);
  /// Nothing that uses sums may move before the wait for them.
  Value pin(Value sums);

  Emitter &e;
  const GemmConfig &config;
  const GemmOperands &o;
  Value shared, barriers, thread, warp, group;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

WarpgroupGemm::Tile WarpgroupGemm::getTile(Value number) {
  Value across = e.ceilDiv(o.columns, config.tileColumns);
  Value down = e.ceilDiv(o.rows, config.tileRows);
  Value above = e.div(number, across);
  return {e.mul(e.rem(above, down), config.tileRows),
          e.mul(e.rem(number, across), config.tileColumns), e.widen(e.div(above, down))};
}

void WarpgroupGemm::forTiles(llvm::function_ref<RingPlace(const Tile &, RingPlace)> body) {
  e.forRange(e.block(), o.tiles, e.numBlocks(), {e.i32(0), e.i32(0)},
             [&](Value number, ValueRange carried) -> SmallVector<Value> {
               RingPlace next = body(getTile(number), {carried[0], carried[1]});
               return {next.stage, next.parity};
             });
}

RingPlace WarpgroupGemm::after(RingPlace at) {
  Value next = e.add(at.stage, 1);
  Value isLast = e.equal(next, e.i32(config.stages));
  return {e.select(isLast, e.i32(0), next),
          e.select(isLast, e.bitXor(at.parity, e.i32(1)), at.parity)};
}

//===----------------------------------------------------------------------===//
// The producer
//===----------------------------------------------------------------------===//

TileConvert WarpgroupGemm::getCopyA() const {
  Value stride = o.strideA, numbers = o.rowsA;
  Pieces pieces = config.piecesA;
  return {config.a.element,
          config.precision,
          /*isDepthInner=*/true,
          config.tileRows,
          config.a.copyBytes / bytesOf(config.a.element),
          kWarpgroup,
          producerLoads(),
          o.rows,
          o.depth,
          [=](Emitter &e, Value row, Value depth) {
            return pieces.offset(e, numbers, stride, row, depth);
          }};
}

TileConvert WarpgroupGemm::getCopyB() const {
  int64_t vector = config.b.copyBytes / bytesOf(config.b.element);
  TileConvert copy{config.b.element, config.precision, config.b.layout == FactorLayout::DepthInner,
                   config.tileColumns, vector, kWarpgroup, producerLoads(), o.columns, o.depth, {}};
  Value stride = o.strideB, depthLimit = o.depth;
  int64_t width = config.b.panelWidth;
  switch (config.b.layout) {
  case FactorLayout::DepthInner:
    copy.offset = [=](Emitter &e, Value column, Value depth) {
      return e.add(e.wideMul(column, stride), e.widen(depth));
    };
    break;
  case FactorLayout::ColumnsInner:
    copy.offset = [=](Emitter &e, Value column, Value depth) {
      return e.add(e.wideMul(depth, stride), e.widen(column));
    };
    break;
  case FactorLayout::Panels:
    copy.offset = [=](Emitter &e, Value column, Value depth) {
      Value panel = e.wideMul(e.div(column, width), e.mul(depthLimit, width));
      return e.add(panel, e.widen(e.add(e.mul(depth, width), e.rem(column, width))));
    };
    break;
  }
  return copy;
}

/// A thread that starts copies of tensors, which arrive by themselves.
void WarpgroupGemm::emitTensorCopies() {
  Value depths = e.ceilDiv(o.depth, config.tileDepth());
  auto batchOf = [&](const Tile &tile, Value stride) -> Value {
    Value batch = arith::TruncIOp::create(e, e.getI32Type(), tile.batch);
    return e.select(e.equal(stride, e.i64(0)), e.i32(0), batch);
  };
  forTiles([&](const Tile &tile, RingPlace begin) -> RingPlace {
    Value batchA = batchOf(tile, o.batchStrideA), batchB = batchOf(tile, o.batchStrideB);
    SmallVector<Value> end = e.forRange(
        e.i32(0), depths, 1, {begin.stage, begin.parity},
        [&](Value number, ValueRange carried) -> SmallVector<Value> {
          RingPlace at{carried[0], carried[1]};
          Value full = fullBarrier(at.stage);
          e.waitAt(emptyBarrier(at.stage), e.bitXor(at.parity, e.i32(1)));
          e.arriveFor(full, config.stageBytesA() + config.stageBytesB());
          Value depth = e.mul(number, config.tileDepth());
          e.copyTensor(tileA(at.stage), o.a, {depth, tile.row, batchA}, full);
          e.copyTensor(tileB(at.stage), o.b, {depth, tile.column, batchB}, full);
          RingPlace next = after(at);
          return {next.stage, next.parity};
        });
    return {end[0], end[1]};
  });
}

void WarpgroupGemm::emitProducer() {
  if (config.copiesTensors)
    return e.ifThen(e.equal(e.rem(thread, kWarpgroup), e.i32(0)), [&] { emitTensorCopies(); });
  TileConvert copyA = getCopyA(), copyB = getCopyB();
  Value own = e.sub(thread, consumers() * kWarpgroup);
  Value depths = e.ceilDiv(o.depth, config.tileDepth());
  forTiles([&](const Tile &tile, RingPlace begin) -> RingPlace {
    Value a = e.at(o.a, e.mul(e.mul(tile.batch, o.batchStrideA), bytesOf(config.a.element)));
    Value b = e.at(o.b, e.mul(e.mul(tile.batch, o.batchStrideB), bytesOf(config.b.element)));
    SmallVector<Value> end = e.forRange(
        e.i32(0), depths, 1, {begin.stage, begin.parity},
        [&](Value number, ValueRange carried) -> SmallVector<Value> {
          RingPlace at{carried[0], carried[1]};
          // The phase before the first one is over: all stages are empty.
          e.waitAt(emptyBarrier(at.stage), e.bitXor(at.parity, e.i32(1)));
          Value depth = e.mul(number, config.tileDepth());
          copyA.run(e, own, a, tile.row, depth, tileA(at.stage));
          copyB.run(e, own, b, tile.column, depth, tileB(at.stage));
          e.fenceForProducts();
          e.arriveAt(fullBarrier(at.stage));
          RingPlace next = after(at);
          return {next.stage, next.parity};
        });
    return {end[0], end[1]};
  });
}

//===----------------------------------------------------------------------===//
// The consumers
//===----------------------------------------------------------------------===//

/// PTX ISA, "Matrix Descriptor Format": rows of 128 bytes with the swizzle of 128 bytes,
/// whose patterns of eight rows lie 1024 bytes apart.
Value WarpgroupGemm::getDescriptor(Value address) {
  constexpr int64_t kStride = 8 * TileConvert::kRowBytes;
  constexpr int64_t kRest = int64_t(1) << 62 | (kStride >> 4) << 32 | int64_t(1) << 16;
  Value number = LLVM::PtrToIntOp::create(e, e.getI32Type(), address);
  Value wide = arith::ExtUIOp::create(e, e.getI64Type(), e.shiftRight(number, 4));
  return arith::OrIOp::create(e, wide, e.i64(kRest));
}

Value WarpgroupGemm::multiply(Value a, Value b, Value sums, bool isFirst) {
  bool isTF32 = config.precision == Precision::TF32;
  auto type = isTF32                                  ? NVVM::WGMMATypes::tf32
              : config.precision == Precision::BF16 ? NVVM::WGMMATypes::bf16
                                                      : NVVM::WGMMATypes::f16;
  // 32 bytes of depth at a time, of rows of 128.
  for (int64_t step = 0; step < 4; ++step)
    sums = NVVM::WgmmaMmaAsyncOp::create(
        e, sums.getType(), sums, e.add(a, 2 * step), e.add(b, 2 * step),
        NVVM::MMAShapeAttr::get(e.getContext(), kGroupRows, config.tileColumns, isTF32 ? 8 : 16),
        type, type, NVVM::WGMMATypes::f32,
        isFirst && step == 0 ? NVVM::WGMMAScaleOut::zero : NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one,
        NVVM::WGMMAScaleIn::one, NVVM::MMALayout::row, NVVM::MMALayout::col, nullptr);
  return sums;
}

Value WarpgroupGemm::pin(Value sums) {
  std::string constraints;
  SmallVector<Value> parts;
  int64_t count = config.tileColumns / 2;
  for (int64_t i = 0; i < count; ++i) {
    parts.push_back(LLVM::ExtractValueOp::create(e, sums, i));
    constraints += i ? ",=f" : "=f";
  }
  for (int64_t i = 0; i < count; ++i)
    constraints += "," + std::to_string(i);
  return LLVM::InlineAsmOp::create(
             e, TypeRange(sums.getType()), parts, "", constraints, /*has_side_effects=*/true,
             /*is_align_stack=*/false, LLVM::TailCallKind::None,
             LLVM::AsmDialectAttr::get(e.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr())
      .getResult(0);
}

void WarpgroupGemm::emitConsumer() {
  Value isFirstLane = e.equal(e.rem(thread, 32), e.i32(0));
  Value depths = e.ceilDiv(o.depth, config.tileDepth());
  auto release = [&](Value stage) {
    e.ifThen(isFirstLane, [&] { e.arriveAt(emptyBarrier(stage)); });
  };
  Value groupBytes = e.mul(group, kGroupRows * TileConvert::kRowBytes);
  // A batch of products on a stage; the first one of a tile has no sums to add to.
  auto issue = [&](RingPlace at, Value sums, bool isFirst) {
    e.waitAt(fullBarrier(at.stage), at.parity);
    Value a = getDescriptor(e.at(tileA(at.stage), groupBytes));
    Value b = getDescriptor(tileB(at.stage));
    NVVM::WgmmaFenceAlignedOp::create(e);
    sums = multiply(a, b, sums, isFirst);
    NVVM::WgmmaGroupSyncAlignedOp::create(e);
    return sums;
  };
  forTiles([&](const Tile &tile, RingPlace begin) -> RingPlace {
    Value zero = LLVM::ZeroOp::create(e, sumsType());
    SmallVector<Value> end = e.select(
        e.less(e.i32(0), depths), {zero, begin.stage, begin.parity},
        [&]() -> SmallVector<Value> {
          Value none = LLVM::UndefOp::create(e, sumsType());
          Value first = issue(begin, none, /*isFirst=*/true);
          RingPlace second = after(begin);
          SmallVector<Value> end = e.forRange(
              e.i32(1), depths, 1, {first, second.stage, second.parity, begin.stage},
              [&](Value, ValueRange carried) -> SmallVector<Value> {
                RingPlace at{carried[1], carried[2]};
                Value sums = issue(at, carried[0], /*isFirst=*/false);
                NVVM::WgmmaWaitGroupSyncOp::create(e, uint64_t(1));
                release(carried[3]);
                RingPlace next = after(at);
                return {sums, next.stage, next.parity, at.stage};
              });
          NVVM::WgmmaWaitGroupSyncOp::create(e, uint64_t(0));
          Value sums = pin(end[0]);
          release(end[3]);
          return {sums, end[1], end[2]};
        });
    emitEpilogue(tile, end[0]);
    return {end[1], end[2]};
  });
}

void WarpgroupGemm::emitEpilogue(const Tile &tile, Value sums) {
  Epilogue epilogue{config.epilogue, o.bias,    o.table,          o.residual,  o.out,  o.residualRows,
                    o.outRows,       o.residualStride, o.outStride, o.rows, o.columns};
  epilogue.out =
      e.at(o.out, e.mul(e.mul(tile.batch, o.batchStrideOut), bytesOf(config.epilogue.out)));
  // A warp has 16 rows, a lane two neighbours of eight columns in each of two rows.
  Value lane = e.rem(thread, 32);
  Value row = e.add(e.mul(group, kGroupRows), e.add(e.mul(e.rem(warp, 4), 16), e.div(lane, 4)));
  Value column = e.mul(e.rem(lane, 4), 2);
  for (int64_t i = 0; i < config.tileColumns / 8; ++i)
    for (int64_t half = 0; half < 2; ++half) {
      SmallVector<Value> some;
      for (int64_t j = 0; j < 2; ++j)
        some.push_back(LLVM::ExtractValueOp::create(e, sums, 4 * i + 2 * half + j));
      epilogue.apply(e, e.add(tile.row, e.add(row, 8 * half)),
                     e.add(tile.column, e.add(column, 8 * i)), some);
    }
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void WarpgroupGemm::emit() {
  thread = e.thread();
  // Of lane 0, so that the assembler knows it for that of the whole warp.
  warp = e.shuffleFrom(e.div(thread, 32), 0);
  group = e.div(warp, 4);
  barriers = e.at(shared, config.stages * (config.stageBytesA() + config.stageBytesB()));
  e.ifThen(e.equal(thread, e.i32(0)), [&] {
    for (int64_t stage = 0; stage < config.stages; ++stage) {
      e.initBarrier(fullBarrier(e.i32(stage)), config.copiesTensors ? 1 : kWarpgroup);
      e.initBarrier(emptyBarrier(e.i32(stage)), 4 * consumers());
    }
    NVVM::FenceMbarrierInitOp::create(e);
  });
  e.barrier();
  auto setRegisters = [&](int64_t count, NVVM::SetMaxRegisterAction action) {
    if (hasManySums())
      NVVM::SetMaxRegisterOp::create(e, static_cast<uint32_t>(count), action);
  };
  e.ifThenElse(
      e.equal(group, e.i32(consumers())),
      [&] {
        setRegisters(kProducerRegisters, NVVM::SetMaxRegisterAction::decrease);
        emitProducer();
      },
      [&] {
        setRegisters(kConsumerRegisters, NVVM::SetMaxRegisterAction::increase);
        emitConsumer();
      });
}

void emitWarpgroupGemm(Emitter &e, const GemmConfig &config, const GemmOperands &operands,
                       Value shared) {
  WarpgroupGemm(e, config, operands, shared).emit();
}

} // namespace winnow::gpu
