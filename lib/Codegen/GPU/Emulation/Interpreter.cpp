//===- Interpreter.cpp - Kernels on an emulated chip ----------------------===//

#include "Interpreter.h"

#include "Translator.h"
#include "winnow/Codegen/GPU/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

#include <cmath>
#include <cstring>
#include <ucontext.h>

using namespace mlir;

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

unsigned countWords(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements();
  if (auto array = dyn_cast<LLVM::LLVMArrayType>(type))
    return array.getNumElements() * countWords(array.getElementType());
  if (auto fields = dyn_cast<LLVM::LLVMStructType>(type)) {
    unsigned count = 0;
    for (Type field : fields.getBody())
      count += countWords(field);
    return count;
  }
  if (auto memref = dyn_cast<MemRefType>(type))
    return 3 + 2 * memref.getRank();
  return 1;
}

size_t sizeOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * sizeOf(vector.getElementType());
  if (auto array = dyn_cast<LLVM::LLVMArrayType>(type))
    return array.getNumElements() * sizeOf(array.getElementType());
  if (auto fields = dyn_cast<LLVM::LLVMStructType>(type)) {
    size_t size = 0;
    for (Type field : fields.getBody())
      size = llvm::alignTo(size, alignmentOf(field)) + sizeOf(field);
    return llvm::alignTo(size, alignmentOf(type));
  }
  if (type.isIntOrFloat())
    return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
  return 8;
}

size_t alignmentOf(Type type) {
  if (auto array = dyn_cast<LLVM::LLVMArrayType>(type))
    return alignmentOf(array.getElementType());
  if (auto fields = dyn_cast<LLVM::LLVMStructType>(type)) {
    size_t alignment = 1;
    for (Type field : fields.getBody())
      alignment = std::max(alignment, alignmentOf(field));
    return alignment;
  }
  return sizeOf(type);
}

double toDouble(Type type, uint64_t bits) {
  if (type.isF64())
    return llvm::bit_cast<double>(bits);
  if (type.isF32())
    return llvm::bit_cast<float>(static_cast<uint32_t>(bits));
  if (type.isBF16())
    return llvm::bit_cast<float>(static_cast<uint32_t>(bits << 16));
  return static_cast<double>(llvm::bit_cast<_Float16>(static_cast<uint16_t>(bits)));
}

uint64_t fromDouble(Type type, double value) {
  if (type.isF64())
    return llvm::bit_cast<uint64_t>(value);
  if (type.isF32())
    return llvm::bit_cast<uint32_t>(static_cast<float>(value));
  if (type.isF16())
    return llvm::bit_cast<uint16_t>(static_cast<_Float16>(static_cast<float>(value)));
  uint32_t bits = llvm::bit_cast<uint32_t>(static_cast<float>(value));
  if (std::isnan(value))
    return 0x7fff;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

float roundToTF32(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  if (!std::isfinite(value))
    return value;
  return llvm::bit_cast<float>((bits + 0x1000) & ~0x1fffu);
}

//===----------------------------------------------------------------------===//
// Calls of the host
//===----------------------------------------------------------------------===//

Program &Interpreter::getProgram(Operation *function) {
  std::unique_ptr<Program> &program = programs[function];
  if (program)
    return *program;
  program = std::make_unique<Program>();
  Translator translator(*this, *program);
  if (failed(translator.translate(function->getRegion(0))))
    fault.report("a function that cannot be emulated");
  return *program;
}

static void start(Warp &warp, const Program &program, ArrayRef<uint64_t> arguments) {
  warp.values.assign(program.slots, Lanes{});
  unsigned word = 0;
  for (auto [type, slot] : llvm::zip_equal(program.arguments, program.argumentSlots))
    for (unsigned i = 0; i < countWords(type); ++i)
      warp.values[slot + i].fill(arguments[word++]);
}

void Interpreter::call(StringRef name, ArrayRef<uint64_t> arguments) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  Program &program = getProgram(function);
  Warp host;
  start(host, program, arguments);
  for (const Step &step : program.steps)
    if (!fault.any())
      step(host);
}

void Interpreter::launch(Warp &, ArrayRef<uint64_t> operands) {
  ++launches;
  auto names = module->getAttrOfType<ArrayAttr>(kDeviceKernels);
  auto device = module.lookupSymbol<mlir::gpu::GPUModuleOp>(kDeviceModule);
  StringRef name = cast<StringAttr>(names[operands[0]]).getValue();
  Operation *kernel = device.lookupSymbol(name);
  Program &program = getProgram(kernel);
  if (fault.any())
    return;
  SmallVector<uint64_t> arguments;
  for (auto [i, type] : llvm::enumerate(program.arguments)) {
    uint64_t slot = 0, bits = 0;
    if (uint8_t *entry = memory.get(operands[8] + 8 * i, 8, 8))
      std::memcpy(&slot, entry, 8);
    // Of what is passed by value, kernels have the address.
    if (cast<LLVM::LLVMFuncOp>(kernel).getArgAttr(i, "llvm.byval"))
      bits = slot;
    else if (uint8_t *value = memory.get(slot, sizeOf(type), alignmentOf(type)))
      std::memcpy(&bits, value, sizeOf(type));
    arguments.push_back(bits);
  }
  std::array<uint32_t, 3> grid, size;
  for (int i = 0; i < 3; ++i) {
    grid[i] = operands[1 + i];
    size[i] = operands[4 + i];
  }
  for (uint32_t z = 0; z < grid[2]; ++z)
    for (uint32_t y = 0; y < grid[1]; ++y)
      for (uint32_t x = 0; x < grid[0] && !fault.any(); ++x) {
        int warps = (size[0] * size[1] * size[2] + kLanes - 1) / kLanes;
        ThreadBlock block(SharedMemory(operands[7], warps, fault), {x, y, z}, grid, size);
        runBlock(program, arguments, block);
      }
}

//===----------------------------------------------------------------------===//
// Warps as fibers
//===----------------------------------------------------------------------===//

namespace {

/// A warp that runs until it waits.
struct Fiber {
  ucontext_t context;
  std::vector<char> stack = std::vector<char>(1 << 18);
  Warp warp;
  bool isDone = false;
  std::function<bool()> isReady; ///< what it waits for; null where it does not wait
  std::function<std::string()> waitsFor;
};

struct Schedule {
  ucontext_t main;
  std::vector<std::unique_ptr<Fiber>> fibers;
  Fiber *current = nullptr;
  const Program *program = nullptr;
  Fault *fault = nullptr;
};

/// One block runs at a time; a context's entry takes no pointer.
Schedule *running = nullptr;

void runFiber() {
  Fiber *fiber = running->current;
  for (const Step &step : running->program->steps)
    if (!running->fault->any())
      step(fiber->warp);
  fiber->isDone = true;
  swapcontext(&fiber->context, &running->main);
}

void reportDeadlock(const Schedule &schedule) {
  bool anyDone = false;
  std::string waitsFor;
  for (auto &fiber : schedule.fibers) {
    anyDone |= fiber->isDone;
    if (!fiber->isDone)
      waitsFor = "warp " + std::to_string(fiber->warp.number) + " waits for " + fiber->waitsFor();
  }
  schedule.fault->report(anyDone ? "some warps have ended while others wait at a barrier: " + waitsFor
                                 : "all warps wait: " + waitsFor);
}

} // namespace

void ThreadBlock::meet(Warp &warp, int number, size_t warps) {
  Meeting &meeting = meetings[number];
  if (llvm::is_contained(meeting.warps, warp.number))
    return;
  meeting.warps.push_back(warp.number);
  uint64_t before = meeting.passed;
  if (meeting.warps.size() == warps) {
    shared.passBarrier(meeting.warps);
    meeting.warps.clear();
    ++meeting.passed;
    return;
  }
  wait([&meeting, before] { return meeting.passed != before; },
       [number] { return "other warps at barrier " + std::to_string(number); });
}

void Interpreter::runBlock(Program &program, ArrayRef<uint64_t> arguments, ThreadBlock &block) {
  Schedule schedule;
  schedule.program = &program;
  schedule.fault = &fault;
  running = &schedule;
  uint32_t threads = block.size[0] * block.size[1] * block.size[2];
  for (uint32_t first = 0; first < threads; first += kLanes) {
    auto fiber = std::make_unique<Fiber>();
    fiber->warp.number = first / kLanes;
    fiber->warp.block = &block;
    uint32_t lanes = std::min<uint32_t>(kLanes, threads - first);
    fiber->warp.mask = fiber->warp.all = lanes == kLanes ? ~0u : (1u << lanes) - 1;
    start(fiber->warp, program, arguments);
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack.data();
    fiber->context.uc_stack.ss_size = fiber->stack.size();
    fiber->context.uc_link = nullptr;
    makecontext(&fiber->context, runFiber, 0);
    schedule.fibers.push_back(std::move(fiber));
  }
  block.wait = [&](std::function<bool()> isReady, std::function<std::string()> waitsFor) {
    Fiber *fiber = schedule.current;
    while (!fault.any() && !isReady()) {
      fiber->isReady = isReady;
      fiber->waitsFor = waitsFor;
      swapcontext(&fiber->context, &schedule.main);
    }
    fiber->isReady = nullptr;
  };
  SmallVector<Fiber *> order;
  for (auto &fiber : schedule.fibers)
    order.push_back(fiber.get());
  while (llvm::any_of(order, [](Fiber *fiber) { return !fiber->isDone; })) {
    // Any order between barriers must do.
    for (size_t i = order.size(); i > 1; --i) {
      seed = seed * 1664525 + 1013904223;
      std::swap(order[i - 1], order[(seed >> 8) % i]);
    }
    bool anyRuns = false;
    for (Fiber *fiber : order) {
      if (fiber->isDone || (!fault.any() && fiber->isReady && !fiber->isReady()))
        continue;
      anyRuns = true;
      schedule.current = fiber;
      swapcontext(&schedule.main, &fiber->context);
    }
    // Copies come at any time, the latest when nothing else goes on.
    seed = seed * 1664525 + 1013904223;
    if (!block.bulkCopies.empty() && (!anyRuns || (seed >> 8) % 2)) {
      auto at = block.bulkCopies.begin() + (seed >> 9) % block.bulkCopies.size();
      block.shared.endBulkCopy(at->chunks, at->bytes.data(), at->barrier);
      block.bulkCopies.erase(at);
    } else if (!anyRuns) {
      reportDeadlock(schedule);
    }
  }
  for (Fiber *fiber : order)
    for (auto &group : fiber->warp.groups)
      if (!group.empty())
        fault.report("the kernel ends while copies are on their way");
  if (!block.bulkCopies.empty())
    fault.report("the kernel ends while copies of tensors are on their way");
  for (Fiber *fiber : order)
    if (!fiber->warp.openProducts.empty() || !fiber->warp.productGroups.empty())
      fault.report("the kernel ends while products of warps are on their way");
  running = nullptr;
}

} // namespace winnow::gpu
