//===- WarpgroupSteps.cpp - What chips of compute capability 9.0 have -----===//
//
// Products of warpgroups read shared memory by descriptors, which are taken apart here as
// the PTX ISA says, "Matrix Descriptor Format" and "Shared Memory Layout". They read while
// their threads go on, so that what they read must be there when they are issued, and must
// stay until they were waited for.
//
//===----------------------------------------------------------------------===//

#include "Translator.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstring>

using namespace mlir;

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

namespace {

/// A matrix in shared memory whose depth is the inner dimension: its rows are those of the
/// left factor, or columns of the right one.
struct MatrixDescriptor {
  uint64_t start, strideBytes;
  unsigned swizzleBits; ///< of chunks of 16 bytes that are xored with rows'

  /// Nothing for what is not modelled: other leading dimensions and base offsets.
  static std::optional<MatrixDescriptor> decode(uint64_t bits) {
    auto field = [&](unsigned low, unsigned count) { return bits >> low & ((1u << count) - 1); };
    unsigned mode = field(62, 2);
    if (field(49, 3) || mode == 0)
      return std::nullopt;
    // 1, 2 and 3 are swizzles of 128, 64 and 32 bytes.
    return MatrixDescriptor{field(0, 14) << 4, field(32, 14) << 4, 4 - mode};
  }
  int64_t rowBytes() const { return 16 << swizzleBits; }
  /// Where byte `byte` of a row is. Eight rows are a pattern, in which bits 7 to 9 of an
  /// address are xored onto bits 4 to 6, as many as the swizzle has.
  uint64_t place(int64_t row, int64_t byte) const {
    uint64_t address = start + row / 8 * strideBytes + row % 8 * rowBytes() + byte;
    return address ^ ((address >> 7 & ((1u << swizzleBits) - 1)) << 4);
  }
};

/// An element type of factors, and how many a product's depth has.
struct FactorType {
  Type type;
  bool isTF32;
};

} // namespace

static std::optional<FactorType> getFactorType(NVVM::WGMMATypes kind, MLIRContext *context) {
  switch (kind) {
  case NVVM::WGMMATypes::tf32:
    return FactorType{Float32Type::get(context), true};
  case NVVM::WGMMATypes::bf16:
    return FactorType{BFloat16Type::get(context), false};
  case NVVM::WGMMATypes::f16:
    return FactorType{Float16Type::get(context), false};
  default:
    return std::nullopt;
  }
}

/// Reads rows of a matrix of 32 bytes of depth, on behalf of a warp.
static std::vector<double> readMatrix(Warp &warp, uint64_t bits, int64_t firstRow, int64_t rows,
                                      FactorType factor, Fault &fault) {
  size_t size = sizeOf(factor.type), depth = 32 / size;
  std::vector<double> values(rows * depth);
  std::optional<MatrixDescriptor> matrix = MatrixDescriptor::decode(bits);
  if (!matrix) {
    fault.report("a descriptor of a matrix that is not modelled");
    return values;
  }
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t chunk = 0; chunk < 2; ++chunk) {
      uint8_t data[16] = {};
      uint64_t address = matrix->place(firstRow + row, 16 * chunk);
      warp.block->shared.beginProduct(address, 16, warp.number, data);
      warp.openProducts.push_back(address);
      for (size_t i = 0; i < 16 / size; ++i) {
        uint64_t element = 0;
        std::memcpy(&element, data + i * size, size);
        double value = toDouble(factor.type, element);
        // The hardware would cut off the lower bits of f32 in silence.
        if (factor.isTF32 && value != roundToTF32(value) && value == value)
          fault.report("a factor of wgmma is no tf32");
        values[row * depth + chunk * (16 / size) + i] = value;
      }
    }
  return values;
}

FailureOr<Step> Translator::translateWgmma(NVVM::WgmmaMmaAsyncOp op) {
  auto a = getFactorType(op.getTypeA(), op.getContext()),
       b = getFactorType(op.getTypeB(), op.getContext());
  int64_t columns = op.getShape().getN(), depth = op.getShape().getK();
  if (!a || !b || a->type != b->type || op.getTypeD() != NVVM::WGMMATypes::f32 ||
      op.getScaleA() != NVVM::WGMMAScaleIn::one || op.getScaleB() != NVVM::WGMMAScaleIn::one ||
      op.getLayoutA() != NVVM::MMALayout::row || op.getLayoutB() != NVVM::MMALayout::col ||
      depth * static_cast<int64_t>(sizeOf(a->type)) != 32)
    return failure();
  unsigned from = slotOf(op.getInouts()), to = slotOf(op.getResults()),
           descriptorA = slotOf(op.getDescriptorA()), descriptorB = slotOf(op.getDescriptorB());
  bool adds = op.getScaleD() == NVVM::WGMMAScaleOut::one;
  Fault &fault = interpreter.fault;
  return together([=, a = *a, b = *b, &fault](Warp &warp) {
    if (!warp.isFenced)
      return fault.report("a product of warps with no wgmma.fence before it");
    for (int lane = 1; lane < kLanes; ++lane)
      if (warp.values[descriptorA][lane] != warp.values[descriptorA][0] ||
          warp.values[descriptorB][lane] != warp.values[descriptorB][0])
        return fault.report("lanes that name different matrices");
    // Sixteen rows are those of a warp of the four.
    std::vector<double> left = readMatrix(warp, warp.values[descriptorA][0],
                                          16 * (warp.number % 4), 16, a, fault),
                        right = readMatrix(warp, warp.values[descriptorB][0], 0, columns, b, fault);
    for (int lane = 0; lane < kLanes; ++lane)
      for (int64_t i = 0; i < columns / 2; ++i) {
        int64_t row = lane / 4 + 8 * (i / 2 % 2), column = 8 * (i / 4) + 2 * (lane % 4) + i % 2;
        double sum =
            adds ? llvm::bit_cast<float>(static_cast<uint32_t>(warp.values[from + i][lane])) : 0.0f;
        for (int64_t k = 0; k < depth; ++k)
          sum += left[row * depth + k] * right[column * depth + k];
        warp.values[to + i][lane] = llvm::bit_cast<uint32_t>(static_cast<float>(sum));
      }
  });
}

static void waitForProducts(Warp &warp, size_t left) {
  while (warp.productGroups.size() > left) {
    for (uint64_t address : warp.productGroups.front())
      warp.block->shared.endProduct(address, 16, warp.number);
    warp.productGroups.erase(warp.productGroups.begin());
  }
  warp.block->shared.syncWarp(warp.number);
}

//===----------------------------------------------------------------------===//
// Copies of tensors
//===----------------------------------------------------------------------===//

/// A box with the swizzle of 128 bytes: its rows lie one after the other, and bits 7 to 9 of
/// an address are xored onto bits 4 to 6. What is beyond the tensor is zero.
static void copyBox(Warp &warp, const TensorMap &map, uint64_t to, std::array<int64_t, 3> at,
                    uint64_t barrier, Accessor by, GlobalMemory &memory, Fault &fault) {
  int64_t size = map.elementBytes, rowBytes = map.box[0] * size;
  if (map.address % 16 || map.strides[0] % 16 || map.strides[1] % 16 || rowBytes > 128 ||
      rowBytes % 16 || map.box[1] > 256 || to % 128)
    return fault.report("a copy of a tensor that the hardware does not take");
  ThreadBlock::BulkCopy copy{{}, {}, barrier};
  for (int64_t row = 0; row < static_cast<int64_t>(map.box[1]); ++row)
    for (int64_t byte = 0; byte < rowBytes; byte += 16) {
      uint64_t address = to + row * rowBytes + byte;
      address ^= (address >> 7 & 7) << 4;
      uint8_t data[16] = {};
      for (int64_t i = 0; i < 16; i += size) {
        int64_t place[3] = {at[0] + (byte + i) / size, at[1] + row, at[2]};
        bool isInside = true;
        for (int dim = 0; dim < 3; ++dim)
          isInside &= place[dim] >= 0 && place[dim] < static_cast<int64_t>(map.extents[dim]);
        if (!isInside)
          continue;
        uint64_t from = map.address + place[0] * size + place[1] * map.strides[0] +
                        place[2] * map.strides[1];
        if (uint8_t *source = memory.get(from, size, size))
          std::memcpy(data + i, source, size);
      }
      warp.block->shared.beginCopy(address, 16, by);
      copy.chunks.push_back(address);
      copy.bytes.insert(copy.bytes.end(), data, data + 16);
    }
  warp.block->bulkCopies.push_back(std::move(copy));
}

Step Translator::translateTensorCopy(NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op) {
  if (op.getCoordinates().size() != 3 || !op.getIm2colOffsets().empty() || op.getMulticastMask() ||
      op.getPredicate() || op.getMode() != NVVM::TMALoadMode::TILE)
    return nullptr;
  unsigned to = slotOf(op.getDstMem()), map = slotOf(op.getTmaDescriptor()),
           barrier = slotOf(op.getMbar());
  std::vector<unsigned> coordinates = slotsOf(op.getCoordinates());
  Fault &fault = interpreter.fault;
  GlobalMemory &memory = interpreter.memory;
  return [=, &fault, &memory](Warp &warp) {
    warp.forEach([&](int lane) {
      TensorMap own;
      uint8_t *room = memory.get(warp.values[map][lane], sizeof own, 8);
      if (fault.any() || !room)
        return;
      std::memcpy(&own, room, sizeof own);
      std::array<int64_t, 3> at;
      for (int i = 0; i < 3; ++i)
        at[i] = static_cast<int32_t>(warp.values[coordinates[i]][lane]);
      copyBox(warp, own, warp.values[to][lane], at, warp.values[barrier][lane], {warp.number, lane},
              memory, fault);
    });
  };
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

FailureOr<Step> Translator::translateWarpgroup(Operation &op) {
  Fault &fault = interpreter.fault;
  // What a lane does with a barrier in shared memory; all of a warp speak as one.
  auto atBarrier = [&](Value address, auto fn) -> FailureOr<Step> {
    unsigned at = slotOf(address);
    return Step([=, &fault](Warp &warp) {
      std::map<uint64_t, uint32_t> lanes;
      warp.forEach([&](int lane) { lanes[warp.values[at][lane]] |= 1u << lane; });
      for (auto [barrier, mask] : lanes)
        if (!fault.any())
          fn(warp, barrier, mask,
             Accessor{warp.number, mask == warp.all ? Accessor::kAllLanes : llvm::countr_zero(mask)});
    });
  };
  return TypeSwitch<Operation *, FailureOr<Step>>(&op)
      .Case([&](NVVM::WgmmaMmaAsyncOp o) { return translateWgmma(o); })
      .Case([&](NVVM::WgmmaFenceAlignedOp) -> FailureOr<Step> {
        return together([](Warp &warp) { warp.isFenced = true; });
      })
      .Case([&](NVVM::WgmmaGroupSyncAlignedOp) -> FailureOr<Step> {
        return together([](Warp &warp) {
          warp.productGroups.push_back(std::move(warp.openProducts));
          warp.openProducts.clear();
          warp.isFenced = false;
        });
      })
      .Case([&](NVVM::WgmmaWaitGroupSyncOp o) -> FailureOr<Step> {
        size_t left = o.getGroup();
        return together([=](Warp &warp) { waitForProducts(warp, left); });
      })
      .Case([&](NVVM::FenceProxyOp o) -> FailureOr<Step> {
        if (o.getKind() != NVVM::ProxyKind::async_shared)
          return failure();
        return together([](Warp &warp) { warp.block->shared.passProxyFence(warp.number); });
      })
      .Case<NVVM::FenceMbarrierInitOp, NVVM::SetMaxRegisterOp>(
          [](auto) -> FailureOr<Step> { return Step(); })
      .Case([&](NVVM::MBarrierInitOp o) {
        unsigned count = slotOf(o.getCount());
        return atBarrier(o.getAddr(), [=](Warp &warp, uint64_t address, uint32_t mask, Accessor) {
          int lane = llvm::countr_zero(mask);
          warp.block->shared.initBarrier(address, warp.values[count][lane], {warp.number, lane});
        });
      })
      .Case([&](NVVM::MBarrierArriveOp o) -> FailureOr<Step> {
        if (o.getCount() || o.getNumResults())
          return failure();
        return atBarrier(o.getAddr(), [](Warp &warp, uint64_t address, uint32_t mask, Accessor by) {
          warp.block->shared.arrive(address, llvm::popcount(mask), by);
        });
      })
      .Case([&](NVVM::MBarrierArriveExpectTxOp o) -> FailureOr<Step> {
        if (o.getNumResults() || o.getPredicate())
          return failure();
        unsigned bytes = slotOf(o.getTxcount());
        return atBarrier(o.getAddr(), [=](Warp &warp, uint64_t address, uint32_t mask, Accessor by) {
          for (int lane = 0; lane < kLanes; ++lane)
            if (mask >> lane & 1)
              warp.block->shared.expectBytes(address, warp.values[bytes][lane], by);
          warp.block->shared.arrive(address, llvm::popcount(mask), by);
        });
      })
      .Case([&](NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp o) -> FailureOr<Step> {
        Step step = translateTensorCopy(o);
        if (!step)
          return failure();
        return step;
      })
      .Case([&](NVVM::MBarrierTryWaitParityOp o) {
        unsigned phase = slotOf(o.getPhase());
        return atBarrier(o.getAddr(), [=](Warp &warp, uint64_t address, uint32_t mask, Accessor by) {
          SharedMemory &shared = warp.block->shared;
          int parity = warp.values[phase][llvm::countr_zero(mask)];
          warp.block->wait([=, &shared] { return shared.isOver(address, parity, by); },
                           [=, &shared] { return shared.describeBarrier(address); });
          shared.acquire(address, warp.number);
        });
      })
      .Case([&](NVVM::BarrierOp o) -> FailureOr<Step> {
        if (!o.getBarrierId() || !o.getNumberOfThreads() || o.getNumResults())
          return failure();
        unsigned number = slotOf(o.getBarrierId()), threads = slotOf(o.getNumberOfThreads());
        return together([=](Warp &warp) {
          warp.block->meet(warp, warp.values[number][0], warp.values[threads][0] / kLanes);
        });
      })
      .Default([](Operation *) { return failure(); });
}

} // namespace winnow::gpu
