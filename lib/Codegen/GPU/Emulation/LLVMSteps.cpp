//===- LLVMSteps.cpp - The LLVM dialect: addresses, memory, vectors -------===//

#include "Translator.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <cstring>

using namespace mlir;

namespace winnow::gpu {

Step Translator::constant(Value result, Attribute value) {
  unsigned to = slotOf(result), count = countWords(result.getType());
  std::vector<uint64_t> words(count, 0);
  auto bitsOf = [](Attribute element) -> uint64_t {
    if (auto number = dyn_cast<IntegerAttr>(element))
      return number.getValue().getZExtValue();
    return cast<FloatAttr>(element).getValue().bitcastToAPInt().getZExtValue();
  };
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(value)) {
    for (auto [word, element] : llvm::zip(words, elements.getValues<Attribute>()))
      word = bitsOf(element);
  } else if (value) {
    std::fill(words.begin(), words.end(), bitsOf(value));
  }
  return [=](Warp &warp) {
    for (unsigned i = 0; i < count; ++i)
      warp.values[to + i].fill(words[i]);
  };
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static bool isShared(Value pointer) {
  return cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace() == 3;
}

/// Words of a value, from its bytes: vectors and scalars.
static Type elementOf(Type type) { return getElementTypeOrSelf(type); }

Step Translator::translateLoad(LLVM::LoadOp op) {
  unsigned from = slotOf(op.getAddr()), to = slotOf(op.getRes());
  size_t bytes = sizeOf(op.getType()), size = sizeOf(elementOf(op.getType()));
  size_t alignment = op.getAlignment().value_or(alignmentOf(op.getType()));
  bool shared = isShared(op.getAddr());
  Fault &fault = interpreter.fault;
  GlobalMemory &memory = interpreter.memory;
  return [=, &fault, &memory](Warp &warp) {
    warp.forEach([&](int lane) {
      uint8_t data[16] = {};
      if (fault.any())
        return;
      uint64_t address = warp.values[from][lane];
      if (shared)
        warp.block->shared.read(address, bytes, {warp.number, lane}, data);
      else if (uint8_t *source = memory.get(address, bytes, alignment))
        std::memcpy(data, source, bytes);
      for (size_t i = 0; i * size < bytes; ++i) {
        uint64_t bits = 0;
        std::memcpy(&bits, data + i * size, size);
        warp.values[to + i][lane] = bits;
      }
    });
  };
}

Step Translator::translateStore(LLVM::StoreOp op) {
  unsigned from = slotOf(op.getValue()), to = slotOf(op.getAddr());
  Type type = op.getValue().getType();
  size_t bytes = sizeOf(type), size = sizeOf(elementOf(type));
  size_t alignment = op.getAlignment().value_or(alignmentOf(type));
  bool shared = isShared(op.getAddr());
  Fault &fault = interpreter.fault;
  GlobalMemory &memory = interpreter.memory;
  return [=, &fault, &memory](Warp &warp) {
    warp.forEach([&](int lane) {
      uint8_t data[16] = {};
      if (fault.any())
        return;
      for (size_t i = 0; i * size < bytes; ++i)
        std::memcpy(data + i * size, &warp.values[from + i][lane], size);
      uint64_t address = warp.values[to][lane];
      if (shared)
        warp.block->shared.write(address, bytes, {warp.number, lane}, data);
      else if (uint8_t *target = memory.get(address, bytes, alignment))
        std::memcpy(target, data, bytes);
    });
  };
}

FailureOr<Step> Translator::translateMemory(Operation &op) {
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    return sizeOf(load.getType()) > 16 ? FailureOr<Step>(failure()) : translateLoad(load);
  if (auto store = dyn_cast<LLVM::StoreOp>(op))
    return translateStore(store);
  if (auto room = dyn_cast<LLVM::AllocaOp>(op)) {
    unsigned to = slotOf(room);
    size_t bytes = sizeOf(room.getElemType());
    GlobalMemory &memory = interpreter.memory;
    return Step([=, &memory](Warp &warp) {
      warp.values[to].fill(reinterpret_cast<uint64_t>(memory.allocate(bytes)));
    });
  }
  auto gep = dyn_cast<LLVM::GEPOp>(op);
  if (!gep)
    return failure();
  // A constant part, and numbers times sizes.
  int64_t fixed = 0;
  std::vector<std::pair<unsigned, int64_t>> scaled;
  std::vector<unsigned> widths;
  Type type = gep.getElemType();
  for (auto [i, index] : llvm::enumerate(gep.getIndices())) {
    if (i > 0) {
      auto fields = dyn_cast<LLVM::LLVMStructType>(type);
      if (fields) {
        int64_t number = cast<IntegerAttr>(index).getInt(), offset = 0;
        for (Type field : fields.getBody().take_front(number))
          offset = llvm::alignTo(offset, alignmentOf(field)) + sizeOf(field);
        type = fields.getBody()[number];
        fixed += llvm::alignTo(offset, alignmentOf(type));
        continue;
      }
      type = cast<LLVM::LLVMArrayType>(type).getElementType();
    }
    if (auto number = dyn_cast<IntegerAttr>(index)) {
      fixed += number.getInt() * static_cast<int64_t>(sizeOf(type));
    } else {
      scaled.emplace_back(slotOf(cast<Value>(index)), sizeOf(type));
      widths.push_back(cast<Value>(index).getType().getIntOrFloatBitWidth());
    }
  }
  unsigned from = slotOf(gep.getBase()), to = slotOf(gep);
  return Step([=](Warp &warp) {
    warp.forEach([&](int lane) {
      uint64_t address = warp.values[from][lane] + fixed;
      for (auto [part, width] : llvm::zip(scaled, widths)) {
        uint64_t bits = warp.values[part.first][lane];
        address += (width < 64 ? llvm::SignExtend64(bits, width) : bits) * part.second;
      }
      warp.values[to][lane] = address;
    });
  });
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The first word of what `position` names in a value of the type.
static unsigned wordOf(Type type, ArrayRef<int64_t> position) {
  unsigned word = 0;
  for (int64_t number : position) {
    if (auto fields = dyn_cast<LLVM::LLVMStructType>(type)) {
      for (Type field : fields.getBody().take_front(number))
        word += countWords(field);
      type = fields.getBody()[number];
    } else {
      type = cast<LLVM::LLVMArrayType>(type).getElementType();
      word += number * countWords(type);
    }
  }
  return word;
}

FailureOr<Step> Translator::translateLLVM(Operation &op) {
  FailureOr<Step> memory = translateMemory(op);
  if (succeeded(memory))
    return memory;
  return TypeSwitch<Operation *, FailureOr<Step>>(&op)
      .Case([&](LLVM::ConstantOp o) { return constant(o, o.getValue()); })
      .Case<LLVM::UndefOp, LLVM::PoisonOp, LLVM::ZeroOp>(
          [&](auto o) { return constant(o.getResult(), Attribute()); })
      // Dynamic shared memory begins at its byte 0.
      .Case([&](LLVM::AddressOfOp o) { return constant(o, Attribute()); })
      .Case<LLVM::AddrSpaceCastOp>([&](auto o) {
        return copyWords(slotOf(o.getArg()), slotOf(o.getResult()), 1);
      })
      .Case([&](LLVM::ExtractValueOp o) {
        return copyWords(slotOf(o.getContainer()) +
                             wordOf(o.getContainer().getType(), o.getPosition()),
                         slotOf(o), countWords(o.getType()));
      })
      .Case([&](LLVM::InsertValueOp o) -> Step {
        unsigned from = slotOf(o.getContainer()), value = slotOf(o.getValue()), to = slotOf(o);
        unsigned at = to + wordOf(o.getContainer().getType(), o.getPosition());
        Step whole = copyWords(from, to, countWords(o.getType())),
             part = copyWords(value, at, countWords(o.getValue().getType()));
        return [=](Warp &warp) {
          whole(warp);
          part(warp);
        };
      })
      .Case([&](LLVM::PtrToIntOp o) { return copyWords(slotOf(o.getArg()), slotOf(o), 1); })
      .Case([&](LLVM::MulOp) {
        return binary(op, [](uint64_t a, uint64_t b) { return a * b; });
      })
      .Case([&](LLVM::ExtractElementOp o) -> Step {
        unsigned from = slotOf(o.getVector()), at = slotOf(o.getPosition()), to = slotOf(o);
        return [=](Warp &warp) {
          warp.forEach([&](int lane) {
            warp.values[to][lane] = warp.values[from + warp.values[at][lane]][lane];
          });
        };
      })
      .Case([&](LLVM::InsertElementOp o) -> Step {
        unsigned from = slotOf(o.getVector()), at = slotOf(o.getPosition()), to = slotOf(o),
                 value = slotOf(o.getValue()), count = countWords(o.getType());
        return [=](Warp &warp) {
          warp.forEach([&](int lane) {
            for (unsigned i = 0; i < count; ++i)
              warp.values[to + i][lane] = warp.values[from + i][lane];
            warp.values[to + warp.values[at][lane]][lane] = warp.values[value][lane];
          });
        };
      })
      .Case<LLVM::FPTruncOp, LLVM::FPExtOp>([&](auto o) {
        Type from = elementOf(o.getArg().getType()), to = elementOf(o.getType());
        return unary(op, [=](uint64_t a) { return fromDouble(to, toDouble(from, a)); });
      })
      .Case([&](LLVM::BitcastOp o) -> FailureOr<Step> {
        Type from = o.getArg().getType(), to = o.getType();
        unsigned in = slotOf(o.getArg()), out = slotOf(o);
        size_t inSize = sizeOf(elementOf(from)), outSize = sizeOf(elementOf(to)),
               bytes = sizeOf(from);
        if (bytes > 16)
          return failure();
        return Step([=](Warp &warp) {
          warp.forEach([&](int lane) {
            uint8_t data[16];
            for (size_t i = 0; i * inSize < bytes; ++i)
              std::memcpy(data + i * inSize, &warp.values[in + i][lane], inSize);
            for (size_t i = 0; i * outSize < bytes; ++i) {
              uint64_t bits = 0;
              std::memcpy(&bits, data + i * outSize, outSize);
              warp.values[out + i][lane] = bits;
            }
          });
        });
      })
      .Case([&](LLVM::InlineAsmOp o) -> FailureOr<Step> {
        // An empty one pins its operands: they are its results.
        if (o.getAsmString().empty() && o.getNumResults() == 1) {
          std::vector<unsigned> from = slotsOf(o.getOperands());
          unsigned to = slotOf(o.getRes());
          if (from.size() != countWords(o.getRes().getType()))
            return failure();
          return Step([=](Warp &warp) {
            for (auto [i, slot] : llvm::enumerate(from))
              warp.forEach([&, slot = slot, at = to + i](int lane) {
                warp.values[at][lane] = warp.values[slot][lane];
              });
          });
        }
        if (!o.getAsmString().starts_with("ex2.approx.ftz.f32"))
          return failure();
        return unary(op, [](uint64_t bits) -> uint64_t {
          float x = llvm::bit_cast<float>(static_cast<uint32_t>(bits));
          float y = static_cast<float>(std::exp2(static_cast<double>(x)));
          return llvm::bit_cast<uint32_t>(y < 0x1p-126f ? 0.0f : y);
        });
      })
      .Default([](Operation *) { return failure(); });
}

} // namespace winnow::gpu
