//===- Interpreter.h - Kernels on an emulated chip ------------------------===//
//
// What the builders write, operation by operation, for the 32 threads of a warp at a time.
// Warps are fibers that meet at barriers, in an order that is shuffled. Branches and loops
// go on with the lanes that take them; what a warp does together needs all of them.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_EMULATION_INTERPRETER_H
#define WINNOW_LIB_CODEGEN_GPU_EMULATION_INTERPRETER_H

#include "Memory.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"

#include <array>
#include <functional>
#include <memory>

namespace winnow::gpu {

constexpr int kLanes = 32;
/// A number, address or float of every lane, as bits.
using Lanes = std::array<uint64_t, kLanes>;

struct ThreadBlock;

/// The state of 32 threads, or of the host, which is a single one.
struct Warp {
  std::vector<Lanes> values;
  uint32_t mask = 1; ///< lanes that do what is interpreted
  uint32_t all = 1;  ///< lanes that there are
  int number = 0;
  ThreadBlock *block = nullptr;

  struct Copy {
    uint64_t to;
    int lane;
    std::vector<uint8_t> bytes;
  };
  std::vector<Copy> open;                ///< copies that are in no group yet
  std::vector<std::vector<Copy>> groups; ///< that have not been waited for
  /// Where products read from, in no group yet and in those not waited for.
  std::vector<uint64_t> openProducts;
  std::vector<std::vector<uint64_t>> productGroups;
  bool isFenced = false; ///< registers, for the products that follow

  template <typename Fn> void forEach(Fn fn) {
    for (int lane = 0; lane < kLanes; ++lane)
      if (mask >> lane & 1)
        fn(lane);
  }
  int thread(int lane) const { return number * kLanes + lane; }
};

using Step = std::function<void(Warp &)>;

/// A function, with a place for each of its values.
struct Program {
  std::vector<Step> steps;
  std::vector<mlir::Type> arguments;
  std::vector<unsigned> argumentSlots;
  unsigned slots = 0;
};

/// A block of threads that runs.
struct ThreadBlock {
  ThreadBlock(SharedMemory shared, std::array<uint32_t, 3> index, std::array<uint32_t, 3> grid,
              std::array<uint32_t, 3> size)
      : shared(std::move(shared)), index(index), grid(grid), size(size) {}
  size_t countWarps() const {
    return (size[0] * size[1] * size[2] + kLanes - 1) / kLanes;
  }

  /// A copy of a box of a tensor, of which a barrier learns when it is there.
  struct BulkCopy {
    std::vector<uint64_t> chunks; ///< of 16 bytes, in shared memory
    std::vector<uint8_t> bytes;
    uint64_t barrier;
  };
  std::vector<BulkCopy> bulkCopies; ///< that are on their way
  SharedMemory shared;
  std::array<uint32_t, 3> index{}, grid{}, size{};
  /// Waits until a condition holds; the text says what for.
  std::function<void(std::function<bool()>, std::function<std::string()>)> wait;
  /// Waits at a barrier for so many warps.
  void meet(Warp &warp, int number, size_t warps);

private:
  struct Meeting {
    std::vector<int> warps;
    uint64_t passed = 0;
  };
  std::map<int, Meeting> meetings;
};

class Interpreter {
public:
  explicit Interpreter(mlir::ModuleOp module) : module(module), memory(fault) {}

  GlobalMemory &getMemory() { return memory; }
  Fault &getFault() { return fault; }
  /// Calls a function of the host. Arguments are flat: of a memref its addresses, offset,
  /// sizes and strides.
  void call(llvm::StringRef name, llvm::ArrayRef<uint64_t> arguments);
  /// Launches so far.
  unsigned getNumLaunches() const { return launches; }

private:
  friend class Translator;
  Program &getProgram(mlir::Operation *function);
  void launch(Warp &host, llvm::ArrayRef<uint64_t> operands);
  void runBlock(Program &program, llvm::ArrayRef<uint64_t> arguments, ThreadBlock &block);

  mlir::ModuleOp module;
  Fault fault;
  GlobalMemory memory;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<Program>> programs;
  unsigned launches = 0;
  uint32_t seed = 1;
};

/// What the driver's tensor maps say, which emulated ones hold: of a tensor in global memory,
/// innermost dimension first, and of the boxes that copies take, with a swizzle of 128 bytes.
struct TensorMap {
  uint64_t address;
  uint64_t elementBytes;
  uint64_t extents[3], strides[2]; ///< strides in bytes
  uint64_t box[2];
};
static_assert(sizeof(TensorMap) <= 128);

/// How many words a value takes: one each for the scalars that it consists of.
unsigned countWords(mlir::Type type);
/// Size and alignment of a type in memory.
size_t sizeOf(mlir::Type type);
size_t alignmentOf(mlir::Type type);

/// Bits of floats and back.
double toDouble(mlir::Type type, uint64_t bits);
uint64_t fromDouble(mlir::Type type, double value);
/// To tf32, to nearest, ties away from zero.
float roundToTF32(float value);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_EMULATION_INTERPRETER_H
