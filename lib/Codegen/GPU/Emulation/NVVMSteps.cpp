//===- NVVMSteps.cpp - What the threads of a warp or a block do together --===//

#include "Translator.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cstring>

using namespace mlir;

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Asynchronous copies
//===----------------------------------------------------------------------===//

Step Translator::translateCopy(NVVM::CpAsyncOp op) {
  unsigned to = slotOf(op.getDst()), from = slotOf(op.getSrc());
  std::optional<unsigned> valid;
  if (op.getCpSize())
    valid = slotOf(op.getCpSize());
  size_t bytes = op.getSize();
  Fault &fault = interpreter.fault;
  GlobalMemory &memory = interpreter.memory;
  return [=, &fault, &memory](Warp &warp) {
    warp.forEach([&](int lane) {
      if (fault.any())
        return;
      Warp::Copy copy{warp.values[to][lane], lane, std::vector<uint8_t>(bytes)};
      size_t some = valid ? warp.values[*valid][lane] : bytes;
      if (some > bytes)
        return fault.report("a copy of " + Twine(some) + " of " + Twine(bytes) + " bytes");
      // The address has to be aligned, whatever is read there.
      if (uint8_t *source = memory.get(warp.values[from][lane], some, bytes))
        std::memcpy(copy.bytes.data(), source, some);
      warp.block->shared.beginCopy(copy.to, bytes, {warp.number, lane});
      warp.open.push_back(std::move(copy));
    });
  };
}

static void waitForGroups(Warp &warp, size_t left) {
  while (warp.groups.size() > left) {
    for (const Warp::Copy &copy : warp.groups.front())
      warp.block->shared.endCopy(copy.to, copy.bytes.size(), {warp.number, copy.lane},
                                 copy.bytes.data());
    warp.groups.erase(warp.groups.begin());
  }
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

Step Translator::translateLdMatrix(NVVM::LdMatrixOp op) {
  unsigned from = slotOf(op.getPtr()), to = slotOf(op.getResult()), count = op.getNum();
  bool transposed = op.getLayout() == NVVM::MMALayout::col;
  return together([=](Warp &warp) {
    for (unsigned matrix = 0; matrix < count; ++matrix) {
      uint16_t elements[8][8] = {};
      for (int row = 0; row < 8; ++row)
        warp.block->shared.read(warp.values[from][8 * matrix + row], 16, {warp.number},
                                reinterpret_cast<uint8_t *>(elements[row]));
      for (int lane = 0; lane < kLanes; ++lane) {
        int g = lane / 4, t = 2 * (lane % 4);
        uint32_t low = transposed ? elements[t][g] : elements[g][t];
        uint32_t high = transposed ? elements[t + 1][g] : elements[g][t + 1];
        warp.values[to + matrix][lane] = low | high << 16;
      }
    }
  });
}

/// Of registers of factors of `mma`: the elements of a matrix, row by row of a, and
/// column by column of b. Words hold `perWord` neighbours of depth.
static void gather(Warp &warp, const std::vector<unsigned> &words, Type element, int64_t rows,
                   int64_t depth, bool isVector, double *to) {
  // Eight rows by 4 words a register; those of rows + 8 come before those of more depth.
  int64_t perWord = element.isF32() ? 1 : 2;
  int64_t rowBlocks = rows / 8;
  unsigned registers = isVector ? words.size() / 2 : words.size();
  for (unsigned r = 0; r < registers; ++r)
    for (int lane = 0; lane < kLanes; ++lane) {
      int64_t row = lane / 4 + 8 * (r % rowBlocks);
      int64_t column = perWord * (lane % 4) + 4 * perWord * (r / rowBlocks);
      for (int64_t i = 0; i < perWord; ++i) {
        uint64_t bits = isVector ? warp.values[words[2 * r + i]][lane]
                                 : warp.values[words[r]][lane] >> (16 * i);
        if (perWord == 2)
          bits &= 0xffff;
        to[row * depth + column + i] = toDouble(element, bits);
      }
    }
}

Step Translator::translateMma(NVVM::MmaOp op) {
  MLIRContext *context = op.getContext();
  int64_t depth = op.getShape().getK();
  Type element = Float32Type::get(context);
  NVVM::MMATypes kind = *op.getMultiplicandAPtxType();
  if (kind == NVVM::MMATypes::bf16)
    element = BFloat16Type::get(context);
  else if (kind == NVVM::MMATypes::f16)
    element = Float16Type::get(context);
  else if (kind != NVVM::MMATypes::tf32)
    return nullptr;
  bool isVector = isa<VectorType>(op.getOperandA().front().getType());
  auto a = slotsOf(op.getOperandA()), b = slotsOf(op.getOperandB()), c = slotsOf(op.getOperandC());
  unsigned to = slotOf(op.getRes());
  bool isTF32 = kind == NVVM::MMATypes::tf32;
  Fault &fault = interpreter.fault;
  return together([=, &fault](Warp &warp) {
    double left[16 * 16], right[8 * 16];
    gather(warp, a, element, 16, depth, isVector, left);
    gather(warp, b, element, 8, depth, isVector, right);
    // The hardware would cut off the lower bits of f32 in silence.
    if (isTF32)
      for (int64_t i = 0; i < 16 * depth; ++i)
        if (left[i] != roundToTF32(left[i]) && left[i] == left[i])
          return fault.report("a factor of mma is no tf32");
    for (int lane = 0; lane < kLanes; ++lane)
      for (int i = 0; i < 4; ++i) {
        int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        double sum = llvm::bit_cast<float>(static_cast<uint32_t>(warp.values[c[i]][lane]));
        for (int64_t k = 0; k < depth; ++k)
          sum += left[row * depth + k] * right[column * depth + k];
        warp.values[to + i][lane] = llvm::bit_cast<uint32_t>(static_cast<float>(sum));
      }
  });
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

FailureOr<Step> Translator::translateNVVM(Operation &op) {
  auto special = [&](auto fn) -> FailureOr<Step> {
    unsigned to = slotOf(op.getResult(0));
    return Step([=](Warp &warp) {
      warp.forEach([&](int lane) { warp.values[to][lane] = fn(warp, lane); });
    });
  };
  return TypeSwitch<Operation *, FailureOr<Step>>(&op)
      .Case([&](NVVM::ThreadIdXOp) {
        return special([](Warp &warp, int lane) { return warp.thread(lane); });
      })
      .Case([&](NVVM::BlockIdXOp) {
        return special([](Warp &warp, int) { return warp.block->index[0]; });
      })
      .Case([&](NVVM::GridDimXOp) {
        return special([](Warp &warp, int) { return warp.block->grid[0]; });
      })
      .Case([&](NVVM::Barrier0Op) -> FailureOr<Step> {
        return together([](Warp &warp) { warp.block->meet(warp, 0, warp.block->countWarps()); });
      })
      .Case([&](NVVM::CpAsyncOp o) { return translateCopy(o); })
      .Case([&](NVVM::CpAsyncCommitGroupOp) -> FailureOr<Step> {
        return together([](Warp &warp) { warp.groups.push_back(std::move(warp.open)); });
      })
      .Case([&](NVVM::CpAsyncWaitGroupOp o) -> FailureOr<Step> {
        size_t left = o.getN();
        return together([=](Warp &warp) { waitForGroups(warp, left); });
      })
      .Case([&](NVVM::LdMatrixOp o) { return translateLdMatrix(o); })
      .Case([&](NVVM::MmaOp o) -> FailureOr<Step> {
        Step step = translateMma(o);
        if (!step)
          return failure();
        return step;
      })
      .Case([&](NVVM::ConvertFloatToTF32Op) -> FailureOr<Step> {
        return unary(op, [](uint64_t bits) -> uint64_t {
          float x = llvm::bit_cast<float>(static_cast<uint32_t>(bits));
          return llvm::bit_cast<uint32_t>(roundToTF32(x));
        });
      })
      .Case([&](NVVM::ShflOp o) -> FailureOr<Step> {
        if (o.getKind() != NVVM::ShflKind::bfly && o.getKind() != NVVM::ShflKind::idx)
          return failure();
        bool isXor = o.getKind() == NVVM::ShflKind::bfly;
        unsigned from = slotOf(o.getVal()), offset = slotOf(o.getOffset()), to = slotOf(o.getRes());
        return together([=](Warp &warp) {
          Lanes before = warp.values[from];
          warp.forEach([&](int lane) {
            unsigned other = warp.values[offset][lane];
            warp.values[to][lane] = before[(isXor ? lane ^ other : other) % kLanes];
          });
        });
      })
      .Default([&](Operation *) { return translateWarpgroup(op); });
}

} // namespace winnow::gpu
