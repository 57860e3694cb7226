//===- Emitter.h - Short names for the operations kernels are made of -----===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_EMITTER_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_EMITTER_H

#include "KernelBuilder.h"

namespace winnow::gpu {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;

/// Builds the bodies of kernels: what one thread does. Integers are i32 and addresses
/// of global memory i64; helpers fold constants, so that builders may be written for the
/// general case.
class Emitter : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  //===-- Integers --------------------------------------------------------===//

  Value i32(int64_t value);
  Value i64(int64_t value);
  Value add(Value lhs, Value rhs);
  Value add(Value lhs, int64_t rhs) { return add(lhs, like(lhs, rhs)); }
  Value sub(Value lhs, Value rhs);
  Value sub(Value lhs, int64_t rhs) { return sub(lhs, like(lhs, rhs)); }
  Value mul(Value lhs, Value rhs);
  Value mul(Value lhs, int64_t rhs) { return mul(lhs, like(lhs, rhs)); }
  /// Quotients of non-negative numbers.
  Value div(Value lhs, Value rhs);
  Value div(Value lhs, int64_t rhs) { return div(lhs, like(lhs, rhs)); }
  Value rem(Value lhs, Value rhs);
  Value rem(Value lhs, int64_t rhs) { return rem(lhs, like(lhs, rhs)); }
  Value ceilDiv(Value lhs, int64_t rhs) { return div(add(lhs, rhs - 1), rhs); }
  Value bitAnd(Value lhs, int64_t rhs);
  Value bitXor(Value lhs, Value rhs);
  Value shiftRight(Value lhs, int64_t bits);
  Value shiftLeft(Value lhs, int64_t bits);
  Value min(Value lhs, Value rhs);
  Value max(Value lhs, Value rhs);
  Value less(Value lhs, Value rhs);
  Value less(Value lhs, int64_t rhs) { return less(lhs, like(lhs, rhs)); }
  Value lessEqual(Value lhs, Value rhs);
  Value equal(Value lhs, Value rhs);
  Value both(Value lhs, Value rhs);
  Value either(Value lhs, Value rhs);
  Value select(Value condition, Value yes, Value no);
  /// The product of two i32 as i64.
  Value wideMul(Value lhs, Value rhs);
  Value widen(Value value);

  //===-- Floats ----------------------------------------------------------===//

  Value f32(double value);
  Value addF(Value lhs, Value rhs);
  Value subF(Value lhs, Value rhs);
  Value mulF(Value lhs, Value rhs);
  Value divF(Value lhs, Value rhs);
  Value fma(Value a, Value b, Value c);
  /// The greater one; a NaN is left out where the other is a number.
  Value maxF(Value lhs, Value rhs);
  /// 2^x with a relative error of 2^-22; subnormal numbers are 0.
  Value exp2(Value x);
  /// f32 to the 32 bits of a factor of `mma` in tf32, to nearest.
  Value roundToTF32(Value x);
  /// Two f32 as the 32 bits of two narrow floats, `low` in the low half.
  Value packNarrow(Value low, Value high, Type narrow);
  Value toFloat(Value x);                  ///< a narrower float to f32
  Value fromFloat(Value x, Type element);  ///< f32 to a narrower float

  //===-- Control flow ----------------------------------------------------===//

  using LoopBody = llvm::function_ref<llvm::SmallVector<Value>(Value, ValueRange)>;
  llvm::SmallVector<Value> forRange(Value begin, Value end, int64_t step, ValueRange inits,
                                    LoopBody body);
  llvm::SmallVector<Value> forRange(Value begin, Value end, Value step, ValueRange inits,
                                    LoopBody body);
  void ifThen(Value condition, llvm::function_ref<void()> body);
  /// What `yes` returns under a condition, else `no`.
  llvm::SmallVector<Value> select(Value condition, ValueRange no,
                                  llvm::function_ref<llvm::SmallVector<Value>()> yes);
  void ifThenElse(Value condition, llvm::function_ref<void()> yes, llvm::function_ref<void()> no);

  //===-- Memory ----------------------------------------------------------===//

  Type global();
  Type shared();
  /// An address some bytes further on; i32 offsets of shared memory, i64 of global.
  Value at(Value pointer, Value bytes);
  Value at(Value pointer, int64_t bytes);
  Value load(Type type, Value pointer, int64_t alignment = 0);
  void store(Value value, Value pointer, int64_t alignment = 0);
  llvm::SmallVector<Value> loadVector(Type element, int64_t count, Value pointer);
  void storeVector(ValueRange values, Value pointer);
  /// Copies `bytes` (4, 8 or 16) from global to shared memory behind the thread's back;
  /// only the first `valid` are read, the others are zero.
  void copyAsync(Value sharedTo, Value globalFrom, int64_t bytes, Value valid);
  void commitCopies();
  /// Waits until at most `left` groups of the thread's copies are on their way.
  void waitForCopies(int64_t left);

  //===-- Threads ---------------------------------------------------------===//

  Value thread();
  Value block();
  Value numBlocks();
  void barrier();
  /// The value of a lane, in all of the warp.
  Value shuffleFrom(Value value, int64_t lane);
  /// The value of the lane whose number differs by the bits of `mask`.
  Value shuffleXor(Value value, int64_t mask);
  /// Combines the values of `width` neighbours, in each of them.
  Value reduceLanes(Value value, int64_t width, llvm::function_ref<Value(Value, Value)> combine);

  //===-- Barriers in shared memory ---------------------------------------===//

  /// Makes one whose phases end with so many arrivals.
  void initBarrier(Value barrier, int64_t arrivals);
  void arriveAt(Value barrier);
  /// Arrives, and lets the phase wait for so many bytes of copies of tensors.
  void arriveFor(Value barrier, int64_t bytes);
  /// Copies the box of a tensor map at the coordinates, innermost first; the barrier learns
  /// of it.
  void copyTensor(Value sharedTo, Value map, ValueRange coordinates, Value barrier);
  /// Waits until the phase of the parity, of one bit, is over.
  void waitAt(Value barrier, Value parity);
  /// What the thread wrote to shared memory is there for `wgmma`, of threads that a barrier
  /// tells of it.
  void fenceForProducts();

  //===-- Matrices --------------------------------------------------------===//

  /// Four 8x8 matrices of 16 bits, whose rows lane 8 i + r points at: element r/4, 2 (r%4)
  /// of each in a register.
  llvm::SmallVector<Value> loadMatrices(Value pointer, int64_t count, bool transposed);
  /// acc += a b, of 16 x 8 elements of f32.
  llvm::SmallVector<Value> mma(Precision precision, ValueRange a, ValueRange b, ValueRange acc);

private:
  Value like(Value value, int64_t number);
};

/// The width of an element in memory.
int64_t bytesOf(Type type);

/// The kernel's function, into whose body the emitter of `emitKernel` writes.
struct KernelFunction {
  std::string name;
  llvm::SmallVector<Type> arguments; ///< an array is passed by value: the kernel has its address
  int64_t threads;
  int64_t sharedBytes = 0;
};

/// Writes a kernel into the device's module. `body` gets its parameters and its dynamic
/// shared memory.
void emitKernel(mlir::gpu::GPUModuleOp device, mlir::Location loc, const KernelFunction &kernel,
                llvm::function_ref<void(Emitter &, ValueRange, Value)> body);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_EMITTER_H
