//===- Emitter.h - Short names for the operations kernels are made of -----===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_EMITTER_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_EMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace winnow::cpu {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;

/// Builds kernel bodies. Every helper folds constants, so that builders may
/// be written for the general case.
class Emitter : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  //===-- Indices ---------------------------------------------------------===//

  Value index(int64_t value);
  Value add(Value lhs, Value rhs);
  Value add(Value lhs, int64_t rhs) { return add(lhs, index(rhs)); }
  Value sub(Value lhs, Value rhs);
  Value mul(Value lhs, Value rhs);
  Value mul(Value lhs, int64_t rhs) { return mul(lhs, index(rhs)); }
  /// Quotients of non-negative numbers.
  Value div(Value lhs, Value rhs);
  Value rem(Value lhs, Value rhs);
  Value ceilDiv(Value lhs, Value rhs);
  Value min(Value lhs, Value rhs);
  Value max(Value lhs, Value rhs);
  Value lessThan(Value lhs, Value rhs);
  Value equal(Value lhs, Value rhs);
  Value dim(Value memref, int64_t dimension);
  /// A non-negative integer as an index, and an index as an integer.
  Value toIndex(Value integer);
  Value fromIndex(Value index, unsigned bits);

  //===-- Control flow ----------------------------------------------------===//

  using LoopBody = llvm::function_ref<void(Value)>;
  using CarriedBody =
      llvm::function_ref<llvm::SmallVector<Value>(Value, ValueRange)>;

  void forRange(Value begin, Value end, int64_t step, LoopBody body);
  llvm::SmallVector<Value> forRange(Value begin, Value end, int64_t step,
                                    ValueRange inits, CarriedBody body);
  /// A parallel loop over [0, count) whose chunks hold at least `grain`
  /// indices.
  void parallel(Value count, int64_t grain, LoopBody body);
  /// Declares a function of the runtime without results, once, in the kernel's module.
  void declareRuntime(llvm::StringRef name, mlir::TypeRange arguments);
  void callRuntime(llvm::StringRef name, ValueRange arguments);
  void ifElse(Value condition, llvm::function_ref<void()> thenBody,
              llvm::function_ref<void()> elseBody = nullptr);
  llvm::SmallVector<Value>
  select(Value condition, llvm::function_ref<llvm::SmallVector<Value>()> yes,
         llvm::function_ref<llvm::SmallVector<Value>()> no);
  /// Calls `body` with each of the tiles that [begin, end) is cut into: tiles
  /// of `size` first, then of ever smaller powers of two. `body` is emitted
  /// once for each size.
  void forEachTile(Value begin, Value end, int64_t size,
                   llvm::function_ref<void(Value, int64_t)> body);

  //===-- Memory ----------------------------------------------------------===//

  /// Per-thread scratch; call it directly inside of a parallel body.
  Value scratch(llvm::ArrayRef<int64_t> shape, Type element);
  /// A vector at `indices`; lanes that `mask` leaves out are zero and are not
  /// read.
  Value load(Value memref, ValueRange indices, int64_t lanes, Value mask = {});
  void store(Value vector, Value memref, ValueRange indices, Value mask = {});
  /// `lanes` bytes of a memref of i1 or i8, as i8. MLIR's vector.load would
  /// read i1 as packed bits, so this goes through a pointer.
  Value loadBytes(Value memref, ValueRange indices, int64_t lanes,
                  Value mask = {});
  Value loadScalar(Value memref, ValueRange indices);
  void storeScalar(Value value, Value memref, ValueRange indices);
  /// Fetches the cache line of an element that will be read, into the L1 cache (`locality` of
  /// 3) or the L2 cache (2). It may lie beyond the memref, which is no fault.
  void prefetch(Value memref, ValueRange indices, unsigned locality);
  static constexpr int64_t lineElements = 16; ///< of f32, in a cache line

  /// The view of `memref` at the given indices; dimensions whose index is null
  /// stay.
  Value slice(Value memref, llvm::ArrayRef<Value> indices);
  /// Rows `begin` to `begin + count` of a matrix.
  Value rows(Value matrix, Value begin, Value count);
  /// The memref with all extents and strides but the innermost dynamic.
  Value forgetShape(Value memref);

  //===-- Values ----------------------------------------------------------===//

  /// A floating-point constant, splat over `type` where that is a vector.
  Value real(double value, Type type);
  Value splat(Value scalar, int64_t lanes);
  /// 0, 1, 2, ... as i32 lanes.
  Value lanes(int64_t count);
  /// Lane i is set where i < count.
  Value maskBelow(Value count, int64_t lanes);
  /// `index` as an i32 splat.
  Value splatIndex(Value index, int64_t lanes);
  Value fma(Value a, Value b, Value c);
  Value addF(Value a, Value b);
  Value subF(Value a, Value b);
  Value mulF(Value a, Value b);
  Value divF(Value a, Value b);
  /// The greater one, or `b` where they do not compare: one maxps.
  Value maxF(Value a, Value b);
  /// `yes` where `mask` is set; `no` elsewhere. A null mask is all set.
  Value blend(Value mask, Value yes, Value no);
  /// Combines all lanes pairwise, in an order that is part of the result.
  Value reduce(Value vector, llvm::function_ref<Value(Value, Value)> combine);
  /// Lane i of the result combines the lanes of row i, of one row, half as many as there are
  /// lanes, or, of four lanes, as many. Rows are joined before they are combined, so that eight
  /// take nine combinations; all moves but the last ones stay within 128 bits.
  Value reduceRows(llvm::SmallVector<Value> rows, llvm::function_ref<Value(Value, Value)> combine);
  /// Transposes a square of as many vectors as they have lanes.
  llvm::SmallVector<Value> transpose(llvm::SmallVector<Value> rows);

  //===-- Rows ------------------------------------------------------------===//

  /// Calls `body(at, mask)` for each vector of [0, count); the mask is null
  /// but in the last, partial one.
  void forEachVector(Value count, int64_t lanes,
                     llvm::function_ref<void(Value, Value)> body);
  /// Folds the vectors of [0, count) into one, over several accumulators that
  /// start at `init`, the neutral element of `combine`.
  Value foldVectors(Value count, int64_t lanes, Value init,
                    llvm::function_ref<Value(Value, Value, Value)> body,
                    llvm::function_ref<Value(Value, Value)> combine);
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_EMITTER_H
